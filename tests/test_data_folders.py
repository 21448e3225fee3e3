"""Flowers102 and folders of one's own: what is fitted, what is held out, and where a run finds them again."""

import json
from pathlib import Path

import numpy as np
import pytest

from explorer.config import DataConfig
from explorer.data import load_dataset, located, split
from explorer.data.folder import folder_name
from explorer.data.pictures import Preparation, prepared
from explorer.data.sets import ImageSet
from explorer.errors import ConfigError, DataError, MissingDataError
from tests.pictures import write_flowers, write_scenes


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own."""
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))


# --- Flowers102 -------------------------------------------------------------------------------------------------------


def flowers(data_dir: Path, **settings: object) -> ImageSet:
    return load_dataset(DataConfig(dataset="flowers102", **settings), data_dir, quiet=True)  # pyright: ignore[reportArgumentType]


def test_flowers_are_fitted_on_train_and_test_and_measured_on_validation(tmp_path: Path):
    lists = write_flowers(tmp_path)
    images = flowers(tmp_path)
    assert images.image_shape == (3, 32, 32) and (len(images), images.test_count) == (60, 10)
    order = [*sorted([*lists["trnid"], *lists["tstid"]]), *sorted(lists["valid"])]
    np.testing.assert_array_equal(images.labels, lists["labels"][np.array(order) - 1] - 1)  # pyright: ignore[reportArgumentType]
    file = tmp_path / f"flowers-102/jpg/image_{order[-1]:05d}.jpg"
    np.testing.assert_array_equal(images.pixels[-1], prepared(file, Preparation(size=32)))
    assert "training and test splits together (50" in images.notes[0] and "validation split (10)" in images.notes[0]
    assert images.class_names is not None and len(set(images.class_names)) == 102


def test_flowers_come_in_other_sizes_too(tmp_path: Path):
    write_flowers(tmp_path)
    assert flowers(tmp_path, image_size=64).image_shape == (3, 64, 64)
    assert flowers(tmp_path, grey=True).image_shape == (1, 32, 32)


def test_an_incomplete_copy_of_the_flowers_says_so(tmp_path: Path):
    write_flowers(tmp_path)
    (tmp_path / "flowers-102/jpg/image_00002.jpg").unlink()
    images = flowers(tmp_path)
    assert len(images) == 59 and any("59 of the set's 8,189" in note for note in images.notes)


@pytest.mark.parametrize("name", ["imagelabels.mat", "setid.mat"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "foreign"])
def test_a_bad_list_of_flowers_is_named(name: str, damage: str, tmp_path: Path):
    write_flowers(tmp_path)
    path = tmp_path / "flowers-102" / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "cut": content[:160], "foreign": b"<html>not found</html>" * 20}[damage])
    with pytest.raises(DataError, match=name) as caught:
        flowers(tmp_path)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, MissingDataError) == (damage == "missing")


def test_lists_of_flowers_that_contradict_each_other_are_refused(tmp_path: Path):
    from scipy.io import savemat

    write_flowers(tmp_path)
    savemat(tmp_path / "flowers-102/imagelabels.mat", {"labels": np.arange(1, 30)})
    with pytest.raises(DataError, match="do not go together"):
        flowers(tmp_path)


def test_a_folder_without_flowers_is_refused(tmp_path: Path):
    write_flowers(tmp_path)
    for path in (tmp_path / "flowers-102/jpg").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="0 training and 0 validation"):
        flowers(tmp_path)


def test_the_real_flowers_are_complete(real_set):
    images = flowers(real_set("flowers-102"), image_size=8)
    assert (len(images), images.test_count) == (8189, 1020)
    assert images.labels is not None and set(np.bincount(images.labels[-1020:])) == {10}
    parts = split(images, DataConfig(dataset="flowers102", held_out=500, calibration=1000))
    assert [len(rows) for rows in (parts.train, parts.validation, parts.calibration)] == [5669, 500, 1000]


# --- folders ----------------------------------------------------------------------------------------------------------


def folder_set(folder: Path, **settings: object) -> ImageSet:
    config = DataConfig(dataset="folder", image_size=8, **settings)  # pyright: ignore[reportArgumentType]
    return load_dataset(config, folder=folder, quiet=True)


def test_sub_folders_are_classes_at_any_depth(tmp_path: Path):
    write_scenes(tmp_path / "pets", [*(f"cat/{n}.png" for n in range(30)), *(f"dog/old/{n}.png" for n in range(30))])
    images = folder_set(tmp_path / "pets")
    assert images.class_names == ("cat", "dog") and images.labels is not None
    assert np.bincount(images.labels).tolist() == [30, 30]
    for seed in (0, 29, 30, 59):
        path = next((tmp_path / "pets").rglob(f"{'cat' if seed < 30 else 'dog'}/**/{seed % 30}.png"))
        (row,) = np.flatnonzero((images.pixels == prepared(path, Preparation(size=8))).all(axis=(1, 2, 3)))
        assert images.labels[row] == (seed >= 30)


@pytest.mark.parametrize("prefixes", [("",), ("all/",), ("cat/", "dog/", "")])
def test_one_sub_folder_or_loose_pictures_are_no_classes(prefixes: tuple[str, ...], tmp_path: Path):
    write_scenes(tmp_path / "pets", [f"{prefix}{n}.png" for prefix in prefixes for n in range(40)])
    images = folder_set(tmp_path / "pets")
    assert images.labels is None and images.class_names is None
    assert any("not taken for classes" in note for note in images.notes) == (len(prefixes) > 1)


def test_a_tenth_is_kept_for_testing_and_always_the_same(tmp_path: Path):
    write_scenes(tmp_path / "a", [f"{n:03d}.png" for n in range(200)])
    first = folder_set(tmp_path / "a")
    assert first.test_count == 20
    (tmp_path / "cache").rename(tmp_path / "old")
    assert folder_set(tmp_path / "a").fingerprint == first.fingerprint
    files = sorted((tmp_path / "a").iterdir())
    same = (first.pixels[:180] == np.stack([prepared(path, Preparation(size=8)) for path in files[:180]])).all()
    assert not same, "they are drawn at random: names often go by kind or by time"


@pytest.mark.parametrize("count", [0, 5])
def test_a_folder_with_too_few_pictures_is_refused(count: int, tmp_path: Path):
    (tmp_path / "few").mkdir()
    write_scenes(tmp_path / "few", [f"{n}.png" for n in range(count)])
    with pytest.raises(DataError, match=r"holds no pictures|holds 5 pictures, but at least"):
        folder_set(tmp_path / "few")


def test_a_folder_that_is_not_there_is_missing(tmp_path: Path):
    with pytest.raises(MissingDataError, match="--folder"):
        folder_set(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("holiday", "holiday"),
        ("My Photos (2024)", "My-Photos-2024"),
        ("été", "t"),
        ("照片", "pictures"),
        ("celeba", "folder-celeba"),
        ("MNIST", "folder-MNIST"),
        ("features-x", "folder-features-x"),
    ],
)
def test_a_set_is_named_after_its_folder_as_a_run_may_be(folder: str, name: str, tmp_path: Path):
    assert folder_name(tmp_path / folder) == name


# --- where a run finds them again -------------------------------------------------------------------------------------


def test_no_place_of_this_machine_is_stored(tmp_path: Path):
    data_dir = tmp_path / "data"
    (data_dir / "faces" / "train").mkdir(parents=True)
    inside = located(DataConfig(dataset="folder"), data_dir, data_dir / "faces" / "train")
    outside = located(DataConfig(dataset="folder"), data_dir, tmp_path / "elsewhere" / "faces")
    more = located(DataConfig(dataset="celeba"), data_dir, None, data_dir / "faces")
    assert (inside.name, inside.folder) == ("train", "faces/train")
    assert (outside.name, outside.folder) == ("faces", "faces")
    assert (more.name, more.extra_train) == (None, "faces")
    assert str(tmp_path) not in json.dumps([vars(config) for config in (inside, outside, more)])


def test_a_folder_inside_the_data_folder_is_found_again_wherever_that_is(tmp_path: Path):
    write_scenes(tmp_path / "data" / "pets", [f"{n}.png" for n in range(40)])
    config = located(DataConfig(dataset="folder", image_size=8), tmp_path / "data", tmp_path / "data" / "pets")
    first = load_dataset(config, tmp_path / "data", folder=tmp_path / "data" / "pets", quiet=True)
    (tmp_path / "data").rename(tmp_path / "moved")
    assert load_dataset(config, tmp_path / "moved", quiet=True).fingerprint == first.fingerprint
    with pytest.raises(MissingDataError, match="--folder"):
        load_dataset(config, tmp_path / "nowhere", quiet=True)


@pytest.mark.parametrize("stored", ["/etc", "../secrets", "a/../../b", "", "C:\\Users", "\\\\host\\share"])
@pytest.mark.parametrize("field", ["folder", "extra_train"])
def test_a_run_cannot_make_the_program_read_elsewhere(field: str, stored: str, tmp_path: Path):
    write_scenes(tmp_path / "secrets", [f"{n}.png" for n in range(40)])
    dataset = "folder" if field == "folder" else "celeba"
    config = DataConfig(dataset=dataset, name="x", **{field: stored})  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError, match="not below the data folder"):
        load_dataset(config, tmp_path / "data", quiet=True)


@pytest.mark.parametrize(
    ("dataset", "folder", "extra"),
    [("folder", None, None), ("celeba", "a", None), ("mnist", None, "b"), ("folder", "a", "b")],
)
def test_flags_that_do_not_go_together_are_refused(dataset: str, folder: str | None, extra: str | None):
    paths = [None if name is None else Path(name) for name in (folder, extra)]
    with pytest.raises(ConfigError, match="--folder|--extra-train"):
        located(DataConfig(dataset=dataset), Path("data"), *paths)  # pyright: ignore[reportArgumentType]


# --- splits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "official", "held_out", "expected"),
    [
        (4000, 400, None, (200, 200, 400)),
        (40_000, 400, None, (600, 400, 2500)),
        (160_000, 20_000, None, (500, 500, 2500)),
        (40_000, 0, 700, (700, 0, 2500)),
        (30, 0, None, (3, 0, 19)),
    ],
)
def test_what_is_left_open_is_held_out_as_the_set_allows(count: int, official: int, held_out: int | None, expected):
    pixels = np.zeros((count + official + 10, 1, 1, 1), np.uint8)
    images = ImageSet(name="x", pixels=pixels, levels=256, validation_count=official, test_count=10)
    parts = split(images, DataConfig(held_out=held_out))
    assert (len(parts.check), len(parts.validation) - len(parts.check), len(parts.calibration)) == expected
    rows = [set(part) for part in (parts.train, parts.validation, parts.calibration, parts.test)]
    assert sum(map(len, rows)) == len(set.union(*rows)), "no image is in two parts"
    assert max(rows[0]) < count and max(rows[2]) < count, "official validation images are never fitted nor calibrate"
    assert set(parts.check) <= rows[1] and max(parts.check, default=0) < count
    assert rows[3] == set(range(count + official, count + official + 10))
