"""Flowers102 and folders of one's own: what is fitted, what is held out, and where a run finds them again."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.config import READING, DataConfig, RunConfig, resolve
from explorer.data import load_dataset, located, split
from explorer.data.names import folder_name
from explorer.data.pictures import Preparation, prepared
from explorer.data.sets import ImageSet
from explorer.errors import ConfigError, DataError, MissingDataError
from tests.pictures import saved, scene, write_flowers, write_scenes


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


def test_flowers_are_found_where_their_own_folder_is_named(tmp_path: Path):
    write_flowers(tmp_path)
    assert flowers(tmp_path / "flowers-102").fingerprint == flowers(tmp_path).fingerprint


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
    config = DataConfig(**{"dataset": "folder", "image_size": 8, "reading": READING, **settings})  # pyright: ignore[reportArgumentType]
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


def said(images: ImageSet) -> str:
    return "\n".join(images.notes)


@pytest.mark.parametrize("prefixes", [("",), ("all/",), ("all/of/it/",), ("cat/", "dog/", "")])
def test_one_sub_folder_or_many_loose_pictures_are_no_classes(prefixes: tuple[str, ...], tmp_path: Path):
    write_scenes(tmp_path / "pets", [f"{prefix}{n}.png" for prefix in prefixes for n in range(40)])
    images = folder_set(tmp_path / "pets")
    assert images.labels is None and images.class_names is None
    assert ("not taken for classes" in said(images)) == (len(prefixes) > 1)


def test_a_stray_picture_beside_the_classes_is_left_out_and_named(tmp_path: Path):
    write_scenes(tmp_path / "pets", [*(f"{kind}/{n}.png" for kind in "ab" for n in range(25)), "cover.png"])
    images = folder_set(tmp_path / "pets")
    assert images.class_names == ("a", "b") and len(images) == 50
    assert "1 picture beside the folders of the classes was left out: cover.png" in said(images)


def test_classes_stand_in_the_order_in_which_people_count(tmp_path: Path):
    names = ["0", "1", "2", "10", "11", "v2.10", "v2.9", "été", "b01", "b1"]
    write_scenes(tmp_path / "numbers", [f"{name}/{n}.png" for name in names for n in range(6)])
    images = folder_set(tmp_path / "numbers")
    assert images.class_names == ("0", "1", "2", "10", "11", "b01", "b1", "v2.9", "v2.10", "été")
    assert images.labels is not None and np.bincount(images.labels).tolist() == [6] * 10


def test_folders_around_everything_are_looked_through(tmp_path: Path):
    write_scenes(tmp_path / "unzipped", [f"pets/all/{kind}/{n}.png" for kind in ("cat", "dog") for n in range(20)])
    assert folder_set(tmp_path / "unzipped").class_names == ("cat", "dog")


# --- folders that are parts of a split --------------------------------------------------------------------------------


def write_parts(folder: Path, parts: dict[str, int], kinds: tuple[str, ...] = ("cat", "dog"), deep: str = "") -> None:
    """Pictures in the parts of a split, so many of each kind, none twice."""
    names = [f"{part}/{kind}{deep}/{n}.png" for part, count in parts.items() for kind in kinds for n in range(count)]
    write_scenes(folder, names)


def rows_of(images: ImageSet, folder: Path, pattern: str) -> list[int]:
    """Rows at which the pictures stand that lie below a folder."""
    known = {images.pixels[row].tobytes(): row for row in range(len(images))}
    return sorted(known[prepared(path, Preparation(size=8)).tobytes()] for path in folder.glob(pattern))


@pytest.mark.parametrize(
    ("train", "valid", "test"),
    [("train", None, "test"), ("TRAIN", "Valid", "Test"), ("training", "dev", "testing"), ("trn", "validation", "tst")],
)
def test_the_parts_of_a_given_split_are_kept_and_classes_lie_below_them(
    train: str, valid: str | None, test: str, tmp_path: Path
):
    sizes = {train: 30, test: 10} | ({valid: 8} if valid else {})
    write_parts(tmp_path / "pets", sizes)
    images = folder_set(tmp_path / "pets")
    assert images.class_names == ("cat", "dog") and images.labels is not None
    assert (images.validation_count, images.test_count) == (16 if valid else 0, 20)
    first = 60 + images.validation_count
    assert rows_of(images, tmp_path / "pets", f"{train}/*/*.png") == list(range(60))
    assert rows_of(images, tmp_path / "pets", f"{test}/*/*.png") == list(range(first, first + 20))
    dogs = np.flatnonzero(images.labels == 1).tolist()
    assert rows_of(images, tmp_path / "pets", "*/dog/*.png") == dogs
    assert f"the 60 pictures of {train}/ are for fitting" in images.notes[0]
    assert f"the 20 of {test}/ are kept for testing" in images.notes[0] and "--one-split" in images.notes[0]
    assert (f"the 16 of {valid}/ are for validation" in images.notes[0]) == (valid is not None)
    parts = split(images, DataConfig())
    assert parts.train.max() < 60 <= parts.test.min() and len(parts.test) == 20


@pytest.mark.parametrize("layout", ["{part}/{kind}", "{kind}/{part}", "pets/{part}/{kind}", "{part}"])
def test_a_split_is_found_above_below_and_without_classes(layout: str, tmp_path: Path):
    counts = (("train", 25), ("test", 12))
    names = {
        f"{layout.format(part=part, kind=kind)}/{kind}{n}.png"
        for part, count in counts
        for kind in ("cat", "dog")
        for n in range(count)
    }
    write_scenes(tmp_path / "set", sorted(names))
    images = folder_set(tmp_path / "set")
    assert (len(images), images.test_count) == (74, 24)
    assert images.class_names == (None if layout == "{part}" else ("cat", "dog"))
    assert rows_of(images, tmp_path / "set", "**/test/**/*.png") == list(range(50, 74))


@pytest.mark.parametrize("parts", [{"train": 30}, {"train": 30, "val": 10}])
def test_where_no_test_split_is_given_a_tenth_of_the_training_pictures_is_drawn(parts: dict[str, int], tmp_path: Path):
    write_parts(tmp_path / "pets", parts)
    images = folder_set(tmp_path / "pets")
    assert images.class_names == ("cat", "dog") and images.test_count == 10
    assert images.validation_count == (20 if "val" in parts else 0)
    assert "10 of them, drawn once for all, that are kept for testing" in images.notes[0]
    tested = set(range(len(images) - 10, len(images)))
    assert tested <= set(rows_of(images, tmp_path / "pets", "train/*/*.png"))


def test_one_split_takes_the_words_for_classes_after_all(tmp_path: Path):
    write_parts(tmp_path / "traffic", {"train": 20, "bus": 20, "test": 20}, kinds=("x",))
    with pytest.raises(DataError, match=r"test/ and train/ beside bus/.*--no-one-split.*--one-split") as caught:
        folder_set(tmp_path / "traffic")
    assert "\n" not in str(caught.value)
    classes = folder_set(tmp_path / "traffic", one_split=True)
    assert classes.class_names == ("bus", "test", "train") and (len(classes), classes.test_count) == (60, 10)
    parts = folder_set(tmp_path / "traffic", one_split=False)
    assert parts.class_names is None and (len(parts), parts.test_count) == (40, 20)
    assert "20 pictures outside test/ and train/ were left out" in said(parts)


@pytest.mark.parametrize(
    ("parts", "settings", "words"),
    [
        ({"test": 30}, {}, "no train/.*--one-split"),
        ({"val": 30, "test": 30}, {}, "no train/.*--one-split"),
        ({"train": 30, "test": 4}, {}, "8 pictures in test/, but at least 10"),
        ({"cat": 30, "dog": 30}, {"one_split": False}, "no folder called train"),
    ],
)
def test_a_split_that_cannot_be_fitted_is_refused(parts: dict[str, int], settings: dict, words: str, tmp_path: Path):
    write_parts(tmp_path / "pets", parts)
    with pytest.raises(DataError, match=words) as caught:
        folder_set(tmp_path / "pets", **settings)
    assert "\n" not in str(caught.value)


def test_a_class_that_only_the_test_pictures_have_is_named(tmp_path: Path):
    write_parts(tmp_path / "pets", {"train": 25, "test": 10})
    write_scenes(tmp_path / "pets", [f"test/newt/{n}.png" for n in range(5)])
    images = folder_set(tmp_path / "pets")
    assert images.class_names == ("cat", "dog", "newt") and "no picture for training is of newt" in said(images)


def test_test_pictures_that_are_training_pictures_are_counted(tmp_path: Path):
    write_parts(tmp_path / "pets", {"train": 25, "test": 10})
    for n in range(3):
        (tmp_path / f"pets/train/cat/{n}.png").write_bytes((tmp_path / f"pets/test/dog/{n}.png").read_bytes())
    assert "3 of 20 test images also among the others, pixel for pixel" in said(folder_set(tmp_path / "pets"))


def test_runs_of_the_first_edition_read_a_folder_as_it_did(tmp_path: Path):
    """Every rule that changed: words of a split, counting, stray pictures, links, endings, brightness."""
    place = tmp_path / "old"
    write_scenes(place, [f"{kind}/{n}.png" for kind in ("train", "test", "2", "10") for n in range(12)])
    (place / "2" / "more.gif").write_bytes(saved(scene(900), "GIF"))
    (place / "link").symlink_to("2")
    for n, value in enumerate((255, 256)):
        Image.fromarray(np.full((9, 9), value, np.int32)).save(place / "2" / f"z{n}.tif")
    images = folder_set(place, reading=None)
    assert images.class_names == ("10", "2", "test", "train"), "sorted as texts"
    assert images.labels is not None and np.bincount(images.labels).tolist() == [12, 14, 12, 12]
    assert images.brightness is None
    for name, value in (("z0", 255), ("z1", 1)):
        assert (prepared(place / "2" / f"{name}.tif", Preparation(size=8)) == value).all()
        assert rows_of(images, place, f"2/{name}.tif"), "each picture has a brightness of its own"
    write_scenes(place, ["loose.png"])
    assert folder_set(place, reading=None).labels is None, "a loose picture switches all classes off"


@pytest.mark.parametrize("names", [["{n}.png"], ["cat/{n}.png", "Dog/{n}.jpg"], ["all/{n}.png"]])
def test_a_set_that_both_editions_read_alike_has_one_fingerprint(names: list[str], tmp_path: Path):
    write_scenes(tmp_path / "set", [name.format(n=n) for name in names for n in range(40)])
    first, now = (folder_set(tmp_path / "set", reading=reading) for reading in (None, READING))
    assert first.fingerprint == now.fingerprint and first.class_names == now.class_names


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
        ("celeba-32", "folder-celeba-32"),
        ("flowers102-grey", "folder-flowers102-grey"),
        ("celeba-faces", "celeba-faces"),
        ("aa/images", "aa-images"),
        ("bb/images", "bb-images"),
        ("pets/data/Train", "pets-data-Train"),
        ("cats/kittens", "kittens"),
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
    generic = located(DataConfig(dataset="folder"), data_dir, tmp_path / "elsewhere" / "faces" / "images")
    assert (inside.name, inside.folder) == ("faces-train", "faces/train")
    assert (outside.name, outside.folder) == ("faces", "faces")
    assert (generic.name, generic.folder) == ("faces-images", "faces/images")
    assert (more.name, more.extra_train) == (None, "faces")
    assert str(tmp_path) not in json.dumps([vars(config) for config in (inside, outside, generic, more)])


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


@pytest.mark.parametrize(
    ("dataset", "settings", "name"),
    [
        ("folder", {}, "pets"),
        ("folder", {"image_size": 64}, "pets"),
        ("folder", {"image_size": 32}, "pets-32"),
        ("folder", {"grey": True}, "pets-grey"),
        ("celeba", {}, "celeba"),
        ("celeba", {"image_size": 32, "grey": True}, "celeba-32-grey"),
        ("flowers102", {"image_size": 32}, "flowers102"),
        ("flowers102", {"image_size": 64}, "flowers102-64"),
        ("mnist", {}, "mnist"),
    ],
)
def test_a_size_that_is_not_the_sets_own_is_part_of_the_name(dataset: str, settings: dict, name: str, tmp_path: Path):
    data = DataConfig(dataset=dataset, **settings)  # pyright: ignore[reportArgumentType]
    data = located(data, tmp_path, tmp_path / "pets" if dataset == "folder" else None)
    settled = resolve(RunConfig(data=data))
    assert settled.data.name == name and settled.name.startswith(f"{name}-vae-")
    assert resolve(settled).data.name == name


def test_the_home_of_a_user_names_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "ada")
    assert folder_name(tmp_path / "ada" / "Pictures") == "Pictures"


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
    own = int((parts.validation < count).sum())
    assert (own, len(parts.validation) - own, len(parts.calibration)) == expected
    rows = [set(part) for part in (parts.train, parts.validation, parts.calibration, parts.test)]
    assert sum(map(len, rows)) == len(set.union(*rows)), "no image is in two parts"
    validation = set(range(count, count + official))
    assert max(rows[0]) < count, "official validation images are never fitted"
    assert not rows[2] & validation, "nor do they calibrate"
    assert len(rows[3]) == 10 and set(range(count + official, count + official + 10)) <= rows[2] | rows[3]
