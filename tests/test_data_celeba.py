"""CelebA in every layout that people have, whole or in part, and never a held-out face in training."""

import shutil
import socket
from pathlib import Path

import numpy as np
import pytest

from explorer.arrays import UNKNOWN
from explorer.config import FEWEST_CALIBRATION, DataConfig
from explorer.data import celeba, dataset_files, load_dataset, split
from explorer.data.pictures import Preparation, prepared
from explorer.data.sets import ImageSet
from explorer.errors import DataError, MissingDataError
from tests.pictures import ATTRIBUTES, NUMBERS, part_of, traits_of, write_faces, write_lists

HOW = Preparation(size=16, crop=148 / 178)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own."""
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def load(data_dir: Path, extra: Path | None = None) -> ImageSet:
    return load_dataset(DataConfig(dataset="celeba", image_size=16), data_dir, extra_train=extra, quiet=True)


def lay_out(data_dir: Path, layout: str) -> None:
    """The made-up subset as it comes from somewhere."""
    if layout == "torchvision":
        write_faces(data_dir / "celeba" / "img_align_celeba")
        write_lists(data_dir / "celeba", "txt")
    elif layout == "kaggle":
        write_faces(data_dir / "celeba" / "img_align_celeba" / "img_align_celeba")
        write_lists(data_dir / "celeba", "csv")
    elif layout == "kaggle, unpacked into the data folder":
        write_faces(data_dir / "img_align_celeba" / "img_align_celeba")
        write_lists(data_dir, "csv")
    elif layout == "the authors'":
        write_faces(data_dir / "CelebA" / "img_align_celeba")
        write_lists(data_dir / "CelebA" / "Anno", "txt")
        (data_dir / "CelebA" / "Eval").mkdir()
        shutil.move(data_dir / "CelebA/Anno/list_eval_partition.txt", data_dir / "CelebA/Eval")
    elif layout == "loose":
        write_faces(data_dir / "celeba")
        write_lists(data_dir / "celeba", "txt")


LAYOUTS = ["torchvision", "kaggle", "kaggle, unpacked into the data folder", "the authors'", "loose"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_with_lists_is_the_same_set(layout: str, data_dir: Path, tmp_path: Path):
    lay_out(tmp_path / "known", "torchvision")
    lay_out(data_dir, layout)
    (data_dir / "flowers-102").mkdir(exist_ok=True)  # other data sets may lie beside it
    images = load(data_dir)
    assert images.fingerprint == load(tmp_path / "known").fingerprint
    assert (len(images), images.validation_count, images.test_count) == (60, 8, 12)
    assert images.attribute_names == ATTRIBUTES and images.attributes is not None
    np.testing.assert_array_equal(images.attributes, [traits_of(number) for number in NUMBERS])
    assert images.labels is None and images.class_names is None
    assert "60 of 202,599" in images.notes[0] and "40 for training, 8 for validation, 12 for testing" in images.notes[0]


@pytest.mark.parametrize("inside", ["celeba", "celeba/img_align_celeba", "celeba/img_align_celeba/img_align_celeba"])
def test_the_set_is_found_where_one_of_its_own_folders_is_named(inside: str, data_dir: Path):
    lay_out(data_dir, "kaggle")
    named = load(data_dir / inside)
    assert named.fingerprint == load(data_dir).fingerprint
    assert named.attribute_names == ATTRIBUTES and (named.validation_count, named.test_count) == (8, 12)
    assert data_dir / "celeba/list_attr_celeba.csv" in dataset_files(DataConfig(dataset="celeba"), data_dir / inside)


def test_what_lies_among_the_faces_and_is_none_is_counted(data_dir: Path, tmp_path: Path):
    lay_out(data_dir, "torchvision")
    (data_dir / "celeba/img_align_celeba/note.txt").write_text("x")
    write_faces(tmp_path / "more", range(100, 110), size=(16, 16))
    (tmp_path / "more" / "1.gif").write_bytes(b"GIF89a")
    notes = "\n".join(load(data_dir, tmp_path / "more").notes)
    assert "img_align_celeba: 1 .txt file was left out" in notes and "more: 1 .gif file was left out" in notes


def test_faces_are_cropped_to_their_middle(data_dir: Path):
    lay_out(data_dir, "torchvision")
    faces = data_dir / "celeba" / "img_align_celeba"
    expected = [prepared(faces / f"{number:06d}.jpg", HOW) for number in NUMBERS]
    np.testing.assert_array_equal(load(data_dir).pixels, expected)


@pytest.mark.parametrize("with_lists", [True, False])
def test_faces_numbered_from_zero_are_never_joined_to_the_official_lists(with_lists: bool, data_dir: Path):
    write_faces(data_dir / "celeba", range(60))
    if with_lists:
        write_lists(data_dir / "celeba", "txt", range(1, 60))
    images = load(data_dir)
    assert images.attributes is None and images.attribute_names is None
    assert (len(images), images.validation_count, images.test_count) == (60, 0, 10)
    assert any("numbered from 0" in note for note in images.notes)


def test_bare_faces_are_a_set_without_attributes(data_dir: Path):
    write_faces(data_dir / "celeba" / "faces")
    images = load(data_dir)
    assert images.attributes is None and images.test_count == 10
    assert any("no attributes" in note for note in images.notes)
    parts = split(images, DataConfig(dataset="celeba"))
    assert (len(parts.validation), len(parts.calibration)) == (5, FEWEST_CALIBRATION)


def test_bare_faces_may_lie_in_the_data_folder_itself(data_dir: Path):
    write_faces(data_dir, [1, *range(3, 42)])
    assert len(load(data_dir)) == 40


def test_an_incomplete_copy_says_how_many_there_are(data_dir: Path):
    lay_out(data_dir, "torchvision")
    for number in NUMBERS[:40:2]:
        (data_dir / f"celeba/img_align_celeba/{number:06d}.jpg").unlink()
    images = load(data_dir)
    assert (len(images), images.validation_count, images.test_count) == (40, 8, 12)
    assert "40 of 202,599" in images.notes[0] and "20 for training" in images.notes[0]
    assert images.attributes is not None
    np.testing.assert_array_equal(images.attributes[:20], [traits_of(number) for number in NUMBERS[1:40:2]])


def test_faces_that_the_lists_do_not_know_are_left_out_and_counted(data_dir: Path):
    lay_out(data_dir, "torchvision")
    write_lists(data_dir / "celeba", "txt", NUMBERS[4:])
    images = load(data_dir)
    assert len(images) == 56 and any(note.startswith("4 of them are not in list_eval") for note in images.notes)


def test_attributes_of_some_faces_are_known_of_those_only(data_dir: Path):
    lay_out(data_dir, "torchvision")
    partition = (data_dir / "celeba/list_eval_partition.txt").read_bytes()
    write_lists(data_dir / "celeba", "txt", NUMBERS[4:])
    (data_dir / "celeba/list_eval_partition.txt").write_bytes(partition)
    images = load(data_dir)
    assert images.attributes is not None and len(images) == 60
    assert (images.attributes[:4] == UNKNOWN).all() and images.attributes[4:].max() == 1


def test_a_list_of_attributes_without_a_partition_still_gives_attributes(data_dir: Path):
    lay_out(data_dir, "torchvision")
    (data_dir / "celeba/list_eval_partition.txt").unlink()
    images = load(data_dir)
    assert images.attributes is not None and images.test_count == 10
    assert sorted(map(tuple, images.attributes.tolist())) == sorted(tuple(map(int, traits_of(n))) for n in NUMBERS)


@pytest.mark.parametrize("ending", ["txt", "csv"])
@pytest.mark.parametrize("damage", ["empty", "short row", "foreign value", "no names", "no text"])
def test_a_damaged_list_of_attributes_is_named(ending: str, damage: str, data_dir: Path):
    lay_out(data_dir, "torchvision" if ending == "txt" else "kaggle")
    path = data_dir / f"celeba/list_attr_celeba.{ending}"
    content = path.read_bytes()
    lines = content.split(b"\r\n")
    bad = {
        "empty": b"",
        "short row": b"\r\n".join([*lines[:4], lines[4].rsplit(b"," if ending == "csv" else None, 1)[0], *lines[5:]]),
        "foreign value": content.replace(b"-1\r", b"x\r", 1),
        "no names": b"60\r\n" if ending == "txt" else b"image_id\r\n",
        "no text": b"\xff\xfe\x00\x81" * 9,
    }
    path.write_bytes(bad[damage])
    with pytest.raises(DataError, match=rf"list_attr_celeba\.{ending}.*get (it|the file) again") as caught:
        load(data_dir)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", [b"000001.jpg 3\r\n", b"000001.jpg\r\n", b"<html>\r\n"])
def test_a_damaged_partition_is_named(damage: bytes, data_dir: Path):
    lay_out(data_dir, "torchvision")
    (data_dir / "celeba/list_eval_partition.txt").write_bytes(damage)
    with pytest.raises(DataError, match=r"list_eval_partition\.txt, line 1: a name and 0, 1 or 2"):
        load(data_dir)


def test_a_broken_face_takes_its_attributes_with_it(data_dir: Path):
    lay_out(data_dir, "torchvision")
    (data_dir / "celeba/img_align_celeba/000002.jpg").write_bytes(b"<html>")
    (data_dir / f"celeba/img_align_celeba/{NUMBERS[-1]:06d}.jpg").write_bytes(b"")
    images = load(data_dir)
    assert (len(images), images.validation_count, images.test_count) == (58, 8, 11)
    left = [number for number in NUMBERS[:-1] if number != 2]
    np.testing.assert_array_equal(images.attributes, [traits_of(number) for number in left])  # pyright: ignore[reportArgumentType]


# --- further training faces -------------------------------------------------------------------------------------------


def rows_of(images: ImageSet, folder: Path, numbers: list[int], shift: int = 0) -> list[int]:
    """In which row each picture of a folder stands, -1 where in none."""
    known = {row.tobytes(): number for number, row in enumerate(images.pixels)}
    return [known.get(prepared(folder / f"{n + shift:06d}.jpg", HOW).tobytes(), -1) for n in numbers]


@pytest.mark.parametrize("shift", [0, -1], ids=["official numbers", "numbered from zero"])
def test_no_held_out_face_enters_training_through_a_further_folder(shift: int, data_dir: Path, tmp_path: Path):
    lay_out(data_dir, "torchvision")
    new, held = [100, 200, 300], [162_771, 170_000, 182_638, 190_000, 202_599]
    numbers = [*range(1, 41), *new, *held]
    write_faces(tmp_path / "more" / "train", numbers, size=(16, 16), shift=shift)
    images = load(data_dir, tmp_path / "more")
    assert (len(images), images.validation_count, images.test_count) == (63, 8, 12)
    rows = rows_of(images, tmp_path / "more" / "train", numbers, shift)
    assert rows[40:43] == [40, 41, 42], "what is new follows the training faces of the set"
    assert set(rows[:40]) == {-1} and set(rows[43:]) == {-1}, "what is there is taken once, what is held out never"
    assert images.attributes is not None and (images.attributes[40:43] == UNKNOWN).all()
    assert any("3 further training faces" in note and "40 that are in both" in note for note in images.notes)
    assert any("5 official validation or test images among them are left out" in note for note in images.notes)
    parts = split(images, DataConfig(dataset="celeba"))
    assert set(parts.train) <= set(range(43)), "no official validation or test face is fitted"
    assert not set(parts.train) & {*parts.test, *parts.calibration, *parts.validation}
    assert set(range(51, 63)) <= {*parts.test, *parts.calibration}, "official test faces calibrate or test"


def test_the_work_grows_with_the_number_of_faces_only(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lay_out(data_dir, "torchvision")
    write_faces(tmp_path / "more", range(1, 300), size=(16, 16))
    asked, number = [], celeba._number
    monkeypatch.setattr(celeba, "_number", lambda face: asked.append(face) or number(face))
    load(data_dir, tmp_path / "more")
    assert len(asked) < 6 * (60 + 299), "there are 200,000 faces in all"


def test_a_face_that_the_partition_holds_out_is_left_out_whatever_its_number(data_dir: Path, tmp_path: Path):
    lay_out(data_dir, "torchvision")
    path = data_dir / "celeba/list_eval_partition.txt"
    path.write_text(path.read_text() + "000777.jpg 2\n")
    write_faces(tmp_path / "more", [777, 778], size=(16, 16))
    assert len(load(data_dir, tmp_path / "more")) == 61


def test_one_s_own_photographs_may_be_further_faces(data_dir: Path, tmp_path: Path):
    lay_out(data_dir, "torchvision")
    write_faces(tmp_path / "made", [1, 2], size=(16, 16))
    (tmp_path / "more").mkdir()
    for number, path in enumerate(sorted((tmp_path / "made").iterdir())):
        path.rename(tmp_path / "more" / f"IMG_19000{number}.jpg")
    assert len(load(data_dir, tmp_path / "more")) == 62


def test_a_further_folder_that_is_missing_or_empty_is_named(data_dir: Path, tmp_path: Path):
    lay_out(data_dir, "torchvision")
    with pytest.raises(MissingDataError, match="--extra-train"):
        load(data_dir, tmp_path / "more")
    (tmp_path / "more").mkdir()
    with pytest.raises(DataError, match="holds no pictures .*--extra-train"):
        load(data_dir, tmp_path / "more")


# --- missing ----------------------------------------------------------------------------------------------------------


def test_missing_faces_are_one_sentence_that_says_where_to_get_them(data_dir: Path):
    with pytest.raises(MissingDataError, match="Kaggle.*unpack") as caught:
        load(data_dir)
    assert "\n" not in str(caught.value)


def test_a_refused_download_says_where_else_to_get_it(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    class QuotaError(Exception):
        """As gdown's, which is no kin of the usual ones."""

    def refused(*args: object, **options: object) -> None:
        raise QuotaError("Too many users have viewed or downloaded this file recently")

    monkeypatch.setattr("torchvision.datasets.CelebA", refused)
    with pytest.raises(DataError, match="cannot be downloaded.*Kaggle.*celeba") as caught:
        load_dataset(DataConfig(dataset="celeba"), data_dir, download=True)
    assert "\n" not in str(caught.value) and not data_dir.exists()


def test_a_copy_that_is_there_is_never_downloaded_again(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    lay_out(data_dir, "torchvision")

    def unreachable(*args: object) -> None:
        raise AssertionError("a download began")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setattr("explorer.data.celeba.fetched", unreachable)
    config = DataConfig(dataset="celeba", image_size=16)
    assert len(load_dataset(config, data_dir, download=True, quiet=True)) == 60


def test_too_few_faces_are_refused(data_dir: Path):
    write_faces(data_dir / "celeba", range(1, 6))
    with pytest.raises(DataError, match="holds 5 faces"):
        load(data_dir)


def test_a_copy_that_arrives_changes_what_is_watched(data_dir: Path):
    config = DataConfig(dataset="celeba")
    before = [path.exists() for path in dataset_files(config, data_dir)]
    lay_out(data_dir, "kaggle")
    assert before != [path.exists() for path in dataset_files(config, data_dir)]


def test_the_real_subset_is_read_as_its_readme_says(real_set, tmp_path: Path):
    source = real_set("celeba") / "celeba"
    kept = [*range(1, 120), *range(162_771, 162_840), *range(182_638, 182_700)]
    target = tmp_path / "real" / "celeba" / "img_align_celeba"
    target.mkdir(parents=True)
    names = [name for n in kept if (source / "img_align_celeba" / (name := f"{n:06d}.jpg")).exists()]
    for name in names:
        (target / name).symlink_to(source / "img_align_celeba" / name)
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt"):
        (target.parent / name).symlink_to(source / name)
    images = load(tmp_path / "real")
    parts = [part_of(int(name[:6])) for name in names]
    assert (len(images), images.test_count, images.validation_count) == (len(names), parts.count(2), parts.count(1))
    assert images.attribute_names is not None and len(images.attribute_names) == 40
    assert "Eyeglasses" in images.attribute_names and images.attributes is not None
    assert set(np.unique(images.attributes)) == {0, 1}
