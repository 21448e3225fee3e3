"""Files of images as people have them: arrays, tables and archives, read in place, never unpickled."""

import dataclasses
import gzip
import io
import json
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import save_file

from explorer.arrays import UNKNOWN
from explorer.config import READING, DataConfig
from explorer.data import ImageSet, load_dataset, located
from explorer.data.stack import Stack
from explorer.data.values import Levels, Reach, axes_of, levels_of, reach_of
from explorer.errors import ConfigError, DataError, MissingDataError

COUNT = 60
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (COUNT, 12, 10)).astype(np.uint8)
GREY[0, 0, :2] = 0, 255
COLOUR = RNG.integers(0, 256, (COUNT, 12, 10, 3)).astype(np.uint8)
SQUARE = RNG.integers(0, 256, (COUNT, 8, 8)).astype(np.uint8)
LABELS = np.arange(COUNT) % 3


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def load(file: Path, labels: Path | None = None, **settings: Any) -> ImageSet:
    return load_dataset(DataConfig(dataset="array", **settings), folder=file, labels=labels, quiet=True)


def refused(file: Path, words: str, labels: Path | None = None, **settings: Any) -> str:
    """The one sentence with which a file is refused."""
    with pytest.raises(DataError, match=words) as caught:
        load(file, labels, **settings)
    said = str(caught.value)
    assert "\n" not in said and said.endswith(".")
    return said


def said_of(images: ImageSet) -> str:
    return " | ".join(images.notes)


def in_order(images: ImageSet) -> np.ndarray:
    """Which image of the file each row is, where the first pixels of all differ: the tests' own are random."""
    return images.pixels.reshape(len(images), -1)


def same_images(images: ImageSet, expected: np.ndarray) -> None:
    """The images are those expected (N, C, H, W), training rows first, each part in the order of the file."""
    keys = {row.tobytes(): number for number, row in enumerate(expected)}
    order = [keys[row.tobytes()] for row in np.ascontiguousarray(images.pixels)]
    assert sorted(order) == list(range(len(expected)))
    first = len(order) - images.test_count - images.validation_count
    assert order[:first] == sorted(order[:first]) and order[-images.test_count :] == sorted(order[-images.test_count :])
    if images.labels is not None and images.class_names is not None:
        assert [int(images.class_names[label]) for label in images.labels] == [LABELS[row] for row in order]


# --- arrays: one row of the table each --------------------------------------------------------------------------------


def kaggle(file: Path, pixels: np.ndarray, labels: np.ndarray | None, opened: Callable[..., Any] = open) -> None:
    flat = pixels.reshape(len(pixels), -1)
    names = [f"pixel{number}" for number in range(flat.shape[1])]
    head = names if labels is None else ["label", *names]
    rows = flat if labels is None else np.column_stack([labels, flat])
    with opened(file, "wt") as stream:
        stream.write(",".join(head) + "\n")
        stream.writelines(",".join(map(str, row)) + "\n" for row in rows.tolist())


def write_keras(file: Path) -> None:
    np.savez(file, x_train=GREY[:40], y_train=LABELS[:40], x_test=GREY[40:], y_test=LABELS[40:])


def write_medmnist(file: Path) -> None:
    parts = {"train": slice(0, 36), "val": slice(36, 45), "test": slice(45, COUNT)}
    arrays = {f"{part}_images": GREY[rows] for part, rows in parts.items()}
    arrays |= {f"{part}_labels": LABELS[rows, None] for part, rows in parts.items()}
    np.savez_compressed(file, **cast("dict[str, Any]", arrays))


FILES: dict[str, tuple[Callable[[Path], object], np.ndarray, bool]] = {
    "keras.npz": (write_keras, GREY[:, None], True),
    "medmnist.npz": (write_medmnist, GREY[:, None], True),
    "plain.npy": (lambda file: np.save(file, COLOUR), COLOUR.transpose(0, 3, 1, 2), False),
    "columns.npy": (lambda file: np.save(file, np.asfortranarray(GREY)), GREY[:, None], False),
    "columns.npz": (lambda file: np.savez(file, images=np.asfortranarray(GREY), y=LABELS), GREY[:, None], True),
    "dictionary.pt": (
        lambda file: torch.save({"images": torch.tensor(GREY)[:, None], "labels": torch.tensor(LABELS)}, file),
        GREY[:, None],
        True,
    ),
    "pair.pt": (lambda file: torch.save((torch.tensor(GREY), torch.tensor(LABELS)), file), GREY[:, None], True),
    "legacy.pth": (
        lambda file: torch.save(torch.tensor(GREY), file, _use_new_zipfile_serialization=False),
        GREY[:, None],
        False,
    ),
    "half.pt": (lambda file: torch.save((torch.tensor(GREY) / 255).half(), file), GREY[:, None], False),
    "tensors.safetensors": (
        lambda file: save_file({"images": np.ascontiguousarray(COLOUR), "labels": LABELS}, file),
        COLOUR.transpose(0, 3, 1, 2),
        True,
    ),
    "kaggle.csv": (lambda file: kaggle(file, SQUARE, LABELS), SQUARE[:, None], True),
    "kaggle-test.csv": (lambda file: kaggle(file, SQUARE, None), SQUARE[:, None], False),
    "kaggle.csv.gz": (lambda file: kaggle(file, SQUARE, LABELS, gzip.open), SQUARE[:, None], True),
}
"""Given file: how to write it, the images that are expected, whether it has labels."""


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_arrays_is_read_as_it_is(name: str, tmp_path: Path):
    write, expected, labelled = FILES[name]
    write(tmp_path / name)
    images = load(tmp_path / name)
    same_images(images, expected)
    assert (images.labels is not None) == labelled
    assert images.test_count and isinstance(images.pixels, np.memmap), "it lies in the cache, not in memory"
    assert "white" in said_of(images) and "(N, " in said_of(images)
    again = load_dataset(DataConfig(dataset="array"), folder=tmp_path / name, convert=False)
    assert again.fingerprint == images.fingerprint


def test_given_parts_of_a_split_are_kept(tmp_path: Path):
    write_medmnist(tmp_path / "m.npz")
    images = load(tmp_path / "m.npz")
    assert (images.validation_count, images.test_count, images.shares_test) == (9, 15, False)
    np.testing.assert_array_equal(images.pixels[-15:, 0], GREY[45:])
    assert "36 images are for fitting, 9 for validation, 15 for testing, by the file" in said_of(images)


def test_larger_than_memory_is_streamed_block_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for room in ("stack", "stacks", "pixel_tables"):
        monkeypatch.setattr(f"explorer.data.{room}.BLOCK", 700)  # five images at a time
    largest = []
    whole = Levels.bytes_of

    def watched(self: Levels, values: np.ndarray) -> np.ndarray:
        largest.append(len(values))
        return whole(self, values)

    monkeypatch.setattr(Levels, "bytes_of", watched)
    for name in ("keras.npz", "medmnist.npz", "plain.npy", "dictionary.pt", "tensors.safetensors", "kaggle.csv"):
        write, expected, _ = FILES[name]
        write(tmp_path / name)
        largest.clear()
        same_images(load(tmp_path / name), expected)
        assert len(largest) > 9 and max(largest) <= 5, name


def test_images_take_another_size_and_grey_where_asked(tmp_path: Path):
    np.save(tmp_path / "a.npy", COLOUR)
    images = load(tmp_path / "a.npy", image_size=8, grey=True)
    assert images.image_shape == (1, 8, 8) and "10x12 pixels, of which the middle is kept, scaled to 8x8" in said_of(
        images
    )
    opaque = np.concatenate([COLOUR, np.zeros((COUNT, 12, 10, 1), np.uint8)], axis=3)
    np.save(tmp_path / "rgba.npy", opaque)
    images = load(tmp_path / "rgba.npy")
    assert images.image_shape == (3, 12, 10) and (images.pixels == 255).all(), "all is transparent: white"


def test_dsprites_is_read_with_its_factors_and_without_its_pickled_words(tmp_path: Path):
    grid = np.stack(np.meshgrid([0], range(3), range(6), range(4), [0, 1], [0], indexing="ij"), -1).reshape(-1, 6)
    sprites = (np.random.default_rng(1).random((len(grid), 64, 64)) < 0.2).astype(np.uint8)
    words = np.array({"title": "dSprites"}, dtype=object)
    np.savez(tmp_path / "dsprites.npz", imgs=sprites, latents_classes=grid, latents_values=grid / 7, metadata=words)
    images = load(tmp_path / "dsprites.npz")
    assert set(np.unique(images.pixels)) == {0, 255} and "1 is white" in said_of(images)
    assert images.class_names == ("square", "ellipse", "heart")
    assert images.factor_names == ("scale", "orientation", "position x"), "the shape is a class"
    assert "color, position y left out: the same for all images" in said_of(images)
    assert images.factors is not None and set(images.factors[:, 0].tolist()) == set(range(6))
    assert images.attribute_names is not None and "high scale" in images.attribute_names
    assert "metadata was left out: objects, which only unpickling could read" in said_of(images)


def test_pixels_in_one_column_with_a_usage_are_read_with_their_split(tmp_path: Path):
    usage = ["Training"] * 40 + ["PublicTest"] * 8 + ["PrivateTest"] * 12
    with (tmp_path / "fer.csv").open("w") as stream:
        stream.write("emotion,pixels,Usage\n")
        for label, pixels, part in zip(LABELS, SQUARE, usage, strict=True):
            stream.write(f"{label},{' '.join(map(str, pixels.ravel().tolist()))},{part}\n")
    images = load(tmp_path / "fer.csv")
    same_images(images, SQUARE[:, None])
    assert (images.validation_count, images.test_count) == (8, 12)


@pytest.mark.parametrize("head", [True, False])
def test_a_table_without_names_has_its_label_first(head: bool, tmp_path: Path):
    rows = np.column_stack([LABELS, SQUARE.reshape(COUNT, -1)])
    lines = [",".join(map(str, range(65)))] * head + [",".join(map(str, row)) for row in rows.tolist()]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    same_images(load(tmp_path / "a.csv"), SQUARE[:, None])


def test_flags_become_attributes_and_one_hot_rows_become_classes(tmp_path: Path):
    flags = np.random.default_rng(2).integers(0, 2, (COUNT, 4))
    flags[0] = 1
    np.savez(tmp_path / "chest.npz", images=GREY, labels=flags)
    images = load(tmp_path / "chest.npz")
    assert images.labels is None and images.attribute_names == tuple(f"label {number}" for number in range(4))
    np.savez(tmp_path / "hot.npz", images=GREY, labels=np.eye(3)[LABELS])
    same_images(load(tmp_path / "hot.npz"), GREY[:, None])


def test_a_table_of_labels_has_a_line_for_each_image(tmp_path: Path):
    np.save(tmp_path / "a.npy", GREY)
    table = tmp_path / "l.csv"
    table.write_text("kind,age\n" + "".join(f"{'ab'[n % 2]},{n}\n" for n in range(COUNT)))
    images = load(tmp_path / "a.npy", table)
    assert (images.class_names, images.factor_names, images.attribute_names) == (("a", "b"), ("age",), ("high age",))
    table.write_text("kind\na\nb\n")
    refused(tmp_path / "a.npy", "2 lines under its head, but .* 60 images", table)


# --- axes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "channels", "expected"),
    [
        ((9, 28, 30), None, (1, 28, 30, False)),
        ((9, 28, 30, 3), None, (3, 28, 30, True)),
        ((9, 3, 28, 30), None, (3, 28, 30, False)),
        ((9, 1, 28, 28), None, (1, 28, 28, False)),
        ((9, 28, 28, 1), None, (1, 28, 28, True)),
        ((9, 64, 64, 4), None, (4, 64, 64, True)),
        ((9, 784), None, (1, 28, 28, False)),
        ((9, 3072), "first", (3, 32, 32, False)),
        ((9, 3072), "last", (3, 32, 32, True)),
        ((9, 4, 64, 4), "first", (4, 64, 4, False)),
        ((9, 4, 64, 4), "last", (4, 4, 64, True)),
    ],
)
def test_axes_are_found_by_the_shape(shape: Any, channels: Any, expected: tuple[int, int, int, bool]):
    axes = axes_of(shape, channels, "x")
    assert (axes.channels, axes.height, axes.width, axes.last) == expected
    assert axes.images(np.zeros(shape)).shape == (9, *expected[:3])


@pytest.mark.parametrize("shape", [(9, 3072), (9, 4, 64, 4)])
def test_channels_that_may_stand_first_or_last_are_asked_for(shape: Any):
    with pytest.raises(DataError, match="--channels first or --channels last"):
        axes_of(shape, None, "x")


@pytest.mark.parametrize(
    "shape", [(9,), (9, 100_000), (9, 2, 28, 28), (9, 3, 3), (28, 28, 3, 9), (9, 5, 28, 28, 1), (9, 17)]
)
def test_what_is_no_shape_of_images_is_refused(shape: Any):
    with pytest.raises(DataError, match="images are"):
        axes_of(shape, None, "x")


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reach", "asked", "ends"),
    [
        ((0, 1, True), None, (0, 1)),
        ((0, 255, True), None, (0, 255)),
        ((3, 130, True), None, (0, 255)),
        ((0, 4095, True), None, (0, 4095)),
        ((0, 3000, True), None, (0, 4095)),
        ((0, 1, False), None, (0, 1)),
        ((0.1, 0.9, False), None, (0, 1)),
        ((0, 254.7, False), None, (0, 255)),
        ((-1, 1, False), None, (-1, 1)),
        ((-0.9, 0.99, False), None, (-1, 1)),
        ((0, 16, True), "stretched", (0, 16)),
        ((0, 16, True), "bytes", (0, 255)),
        ((-0.42, 2.8, False), "stretched", (-0.42, 2.8)),
        ((0, 0.1, False), "unit", (0, 1)),
    ],
)
def test_black_and_white_are_found_by_the_values(
    reach: tuple[float, float, bool], asked: Any, ends: tuple[float, float]
):
    found = levels_of(Reach(least=reach[0], most=reach[1], whole=reach[2]), asked, "x")
    assert (found.black, found.white) == ends
    assert f"{ends[1]:g} " in found.words or f"{ends[1]:,g}" in found.words or "largest white" in found.words


@pytest.mark.parametrize(
    ("reach", "flag"),
    [
        ((0, 16, True), "--pixel-range bytes or --pixel-range stretched"),  # scikit-learn's digits
        ((-0.42, 2.8, False), "--pixel-range stretched"),  # MNIST, standardised
        ((-0.3, 1, False), "--pixel-range signed or"),
        ((0, 0.2, False), "--pixel-range unit or"),
        ((-1, 0, True), "--pixel-range signed or"),
        ((0, 0, True), "--pixel-range"),
        ((0, 70_000, True), "--pixel-range stretched"),
    ],
)
def test_values_that_could_mean_two_things_are_refused_with_the_flag(reach: tuple[float, float, bool], flag: str):
    with pytest.raises(DataError, match=flag):
        levels_of(Reach(least=reach[0], most=reach[1], whole=reach[2]), None, "x")


@pytest.mark.parametrize("asked", ["unit", "signed", "bytes"])
def test_values_outside_of_what_somebody_says_are_refused(asked: Any):
    with pytest.raises(DataError, match="leave the flag out"):
        levels_of(Reach(least=-3, most=300, whole=False), asked, "x")


@given(values=st.lists(st.integers(0, 255), min_size=2, max_size=20), kind=st.sampled_from(["unit", "signed", "bytes"]))
def test_every_range_gives_the_same_bytes(values: list[int], kind: Any):
    grey = np.array([0, 255, *values], np.uint8)
    stored = {"unit": grey / 255, "signed": grey / 127.5 - 1, "bytes": grey.astype(np.float64)}[kind].astype(np.float32)
    array = Stack(name="x", shape=stored.shape, dtype=stored.dtype, blocks=lambda: iter([stored]))
    for asked in (None, kind):
        np.testing.assert_array_equal(levels_of(reach_of([array]), asked, "x").bytes_of(stored), grey)


def test_a_value_that_is_not_finite_is_named_by_its_row(tmp_path: Path):
    values = GREY / 255
    values[7, 3, 3] = np.nan
    np.save(tmp_path / "a.npy", values)
    refused(tmp_path / "a.npy", "not finite, the first in row 7")


# --- never pickle, and other bad files --------------------------------------------------------------------------------


def test_objects_are_refused_with_a_sentence(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.array([{"x": 1}] * 50, dtype=object))
    np.savez(tmp_path / "a.npz", images=np.array([{"x": 1}] * 50, dtype=object))
    torch.save({"images": Path("x")}, tmp_path / "a.pt")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")
    for name in ("a.npy", "a.npz", "a.pt", "model.pt"):
        refused(tmp_path / name, "holds objects, which only unpickling could read")


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("damage", ["cut", "empty", "foreign"])
def test_a_damaged_file_is_one_sentence(name: str, damage: str, tmp_path: Path):
    file = tmp_path / name
    FILES[name][0](file)
    content = file.read_bytes()
    if damage == "cut" and name.endswith(".csv"):
        content = content[: len(content) // 2].rsplit(b",", 3)[0] + b"\n"
    file.write_bytes(
        {"cut": content[: len(content) // 2], "empty": b"", "foreign": b"<html>\nnot found</html>"}[damage]
    )
    assert name in refused(file, ".")


def test_a_file_that_lies_about_its_size_is_refused(tmp_path: Path):
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 999, 999)})
    (tmp_path / "a.npy").write_bytes(head.getvalue() + bytes(100))
    refused(tmp_path / "a.npy", "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("images.npy", head.getvalue() + bytes(100))
    refused(tmp_path / "a.npz", "images should have")
    lies = {"images": {"dtype": "U8", "shape": [10**9, 999, 999], "data_offsets": [0, 100]}}
    body = json.dumps(lies).encode()
    (tmp_path / "a.safetensors").write_bytes(len(body).to_bytes(8, "little") + body + bytes(100))
    refused(tmp_path / "a.safetensors", "a.safetensors is damaged")


def test_what_must_be_read_as_a_whole_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    np.savez_compressed(tmp_path / "labels.npz", images=GREY, labels=np.zeros((COUNT, 5000)))
    np.savez_compressed(tmp_path / "columns.npz", images=np.asfortranarray(GREY))
    for room in ("stack", "stacks"):
        monkeypatch.setattr(f"explorer.data.{room}.MOST_WHOLE", 5000)
    refused(tmp_path / "labels.npz", r"labels \(60, 5000\) is larger than the 5,000 bytes of labels")
    refused(tmp_path / "columns.npz", "stored by columns and has more than 5,000 bytes; save it by rows")


def test_more_than_the_disk_holds_is_refused_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
):
    np.save(tmp_path / "a.npy", GREY)
    monkeypatch.setattr("explorer.data.array.shutil.disk_usage", lambda _: type("Disk", (), {"free": 1000})())
    refused(tmp_path / "a.npy", "take 7,200 bytes, but 1,000 are free")
    assert not list(cache.rglob("*.npy"))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"a": GREY, "b": GREY}, r"holds a \(60, 12, 10\), b \(60, 12, 10\); say which are the images with --array"),
        ({"labels": LABELS}, "holds no array of images, only labels"),
        ({"x_train": GREY, "x_test": SQUARE}, "several shapes"),
        ({"images": GREY[:20]}, "at least 40"),
        ({"images": np.zeros((50, 300, 300), np.uint8) + 200}, "--image-size 64"),
        ({"images": GREY.astype("U3")}, "no array of images"),
    ],
)
def test_what_is_no_data_set_is_refused(arrays: dict[str, np.ndarray], words: str, tmp_path: Path):
    np.savez(tmp_path / "a.npz", **cast("dict[str, Any]", arrays))
    refused(tmp_path / "a.npz", words)


def test_the_array_that_somebody_names_is_taken(tmp_path: Path):
    np.savez(tmp_path / "a.npz", clean=GREY, noisy=COLOUR)
    assert load(tmp_path / "a.npz", array="noisy").image_shape == (3, 12, 10)
    refused(tmp_path / "a.npz", "no array 'dirty'; it holds clean", array="dirty")


def test_files_that_are_missing_or_of_no_kind_are_named(tmp_path: Path):
    with pytest.raises(MissingDataError, match="--file"):
        load(tmp_path / "a.npz")
    (tmp_path / "a.txt").write_text("x")
    refused(tmp_path / "a.txt", "must be .npz, .npy")
    np.save(tmp_path / "a.npy", GREY)
    with pytest.raises(MissingDataError, match="--labels"):
        load(tmp_path / "a.npy", tmp_path / "none.csv")
    (tmp_path / "a.h5").write_bytes(b"x")
    refused(tmp_path / "a.h5", "h5py|no .h5 file")


def test_flags_of_arrays_go_with_arrays_alone(tmp_path: Path):
    for settings, places, words in (
        ({"dataset": "array"}, {}, "--file FILE need each other"),
        ({"dataset": "mnist"}, {"file": tmp_path / "a.npy"}, "--dataset array and --file"),
        ({"dataset": "mnist"}, {"labels": tmp_path / "a.csv"}, "--labels must go with"),
        ({"dataset": "mnist", "pixel_range": "unit"}, {}, "--pixel-range must go with --dataset array"),
        ({"dataset": "folder", "channels": "last"}, {"folder": tmp_path}, "--channels must go with"),
    ):
        with pytest.raises(ConfigError, match=words):
            located(DataConfig(**cast("dict[str, Any]", settings)), tmp_path, **places)
    config = located(DataConfig(dataset="array"), tmp_path, file=tmp_path / "sets" / "train.csv.gz")
    assert (config.name, config.folder) == ("sets-train", "sets/train.csv.gz")


# --- archives ---------------------------------------------------------------------------------------------------------


def picture(seed: int, kind: str = "png") -> bytes:
    body = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (9, 12, 3)).astype(np.uint8)).save(body, kind)
    return body.getvalue()


def write_archive(file: Path, members: dict[str, bytes]) -> None:
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return
    with tarfile.open(file, "w:gz" if file.suffix in (".gz", ".tgz") else "w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz", ".tgz"])
def test_an_archive_is_the_same_data_set_as_its_folder(ending: str, tmp_path: Path):
    names = {f"pets/{kind}/{number}.png": picture(number) for number in range(24) for kind in ("cat", "dog")}
    write_archive(
        tmp_path / f"pets{ending}", {"__MACOSX/._x": b"", ".hidden/a.png": b"", "pets/read.me": b"hi", **names}
    )
    for name, content in names.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(content)
    packed = load(tmp_path / f"pets{ending}", image_size=16)
    loose = load_dataset(
        DataConfig(dataset="folder", image_size=16, reading=READING), folder=tmp_path / "folder", quiet=True
    )
    assert packed.fingerprint == loose.fingerprint and packed.class_names == ("cat", "dog")
    assert "1 .me file was left out" in said_of(packed)
    assert {path.suffix for path in (tmp_path / "cache").rglob("*") if path.is_file()} <= {".npy", ".json", ""}


def test_a_compressed_archive_is_not_unpacked_onto_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_archive(tmp_path / "a.tgz", {f"{number}.png": picture(number) for number in range(COUNT)})
    usage = shutil.disk_usage(tmp_path)._replace(free=1 << 20)
    monkeypatch.setattr("explorer.data.archives.shutil.disk_usage", lambda _: usage)
    refused(tmp_path / "a.tgz", "unpacks to more than the disk .* holds")


def shard(numbers: Iterable[int], classes: bool = True, more: bool = False) -> dict[str, bytes]:
    """Members of a WebDataset."""
    members = {}
    for number in numbers:
        members[f"{number:06d}.jpg"] = picture(number, "jpeg")
        if classes:
            members[f"{number:06d}.cls"] = str(number % 3).encode()
        if more:
            told = {
                "species": ["wren", "lark"][number % 2],
                "weight": number / 7,
                "box": [1, 2],
                "caption": f"n {number}",
            }
            members[f"{number:06d}.json"] = json.dumps(told).encode()
    return members


def test_shards_are_one_data_set_by_their_range_or_their_folder(tmp_path: Path):
    place = tmp_path / "birds"
    place.mkdir()
    for number in range(3):
        write_archive(place / f"bird-{number:03d}.tar", shard(range(20 * number, 20 * number + 20)))
    (place / "index.json").write_text("{}")
    by_range, by_folder = load(place / "bird-{000..002}.tar"), load(place)
    assert (by_range.name, by_folder.name) == ("bird", "birds")
    write_archive(tmp_path / "one.tar", shard(range(60)))
    one = load(tmp_path / "one.tar")
    for images in (by_range, by_folder):
        assert images.fingerprint == one.fingerprint and images.labels is not None and one.labels is not None
        np.testing.assert_array_equal(images.labels, one.labels)
    assert one.class_names == by_range.class_names == ("0", "1", "2")
    refused(place / "bird-{000..007}.tar", "no file .*bird-003.tar; 3 of the 8 that")


def test_shards_of_parts_keep_their_split_and_equal_names_stay_apart(tmp_path: Path):
    for part, count in (("train", 45), ("test", 15)):
        (tmp_path / "set" / part).mkdir(parents=True)
        write_archive(tmp_path / "set" / part / "000.tar", shard(range(count)))
    images = load(tmp_path / "set")
    assert len(images) == 60 and images.test_count == 15 and images.labels is not None
    assert np.bincount(images.labels[:45]).tolist() == [15, 15, 15]


def test_what_json_says_of_pictures_is_known(tmp_path: Path):
    write_archive(tmp_path / "a.tar", shard(range(COUNT), classes=False, more=True))
    images = load(tmp_path / "a.tar")
    assert images.class_names == ("lark", "wren") and images.factor_names == ("weight",)
    assert images.factors is not None and images.labels is not None
    whole = np.round(7 * images.factors[:, 0]).astype(int)
    assert sorted(whole) == list(range(COUNT)) and np.array_equal(images.labels, 1 - whole % 2)
    assert "the .json files: 2 classes by species" in said_of(images) and "caption" in said_of(images)


def test_a_webdataset_has_its_classes_beside_the_pictures(tmp_path: Path):
    members = {}
    for number in range(COUNT):
        members[f"{number:06d}.jpg"] = picture(number, "jpeg")
        members[f"{number:06d}.cls"] = str(number % 3).encode()
        members[f"{number:06d}.json"] = b"{}"
    write_archive(tmp_path / "shard.tar", members)
    images = load(tmp_path / "shard.tar")
    assert images.class_names == ("0", "1", "2") and images.labels is not None
    assert np.bincount(images.labels).tolist() == [20, 20, 20] and images.image_shape == (3, 64, 64)
    assert "--image-size N takes another side" in said_of(images) and "60 .json files were left out" in said_of(images)


def test_links_and_names_that_lead_out_are_left_out_and_named(tmp_path: Path):
    members = {f"{number}.png": picture(number) for number in range(COUNT)}
    bad = {"../out.png": picture(90), "/etc/in.png": picture(91), "a/../../b.png": picture(92)}
    write_archive(tmp_path / "a.zip", members | bad)
    images = load(tmp_path / "a.zip")
    assert len(images) == COUNT and "3 names were left out: ../out.png (its name leads out of the archive)" in said_of(
        images
    )
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for kind, name in (
            (tarfile.SYMTYPE, "soft.png"),
            (tarfile.LNKTYPE, "hard.png"),
            (tarfile.CHRTYPE, "device.png"),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
    said = said_of(load(tmp_path / "a.tar"))
    assert "hard.png (a link)" in said and "soft.png (a link)" in said and "device.png (no file)" in said


def test_a_bomb_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    members = {f"{number}.png": picture(number) for number in range(COUNT)}
    monkeypatch.setattr("explorer.data.archives.MOST_MEMBER", 5000)
    write_archive(tmp_path / "a.zip", members | {"bomb.png": bytes(10_000)})
    assert "bomb.png (more than 5,000 bytes)" in said_of(load(tmp_path / "a.zip"))
    monkeypatch.setattr("explorer.data.archives.MOST_ROWS", 20)
    write_archive(tmp_path / "b.zip", members)
    refused(tmp_path / "b.zip", "more than 20 files")


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tgz"])
@pytest.mark.parametrize("content", [b"", b"x" * 2000, gzip.compress(b"x" * 2000)], ids=["empty", "text", "packed"])
def test_a_damaged_archive_is_one_sentence(name: str, content: bytes, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, "damaged|no pictures|holds 0")


def test_a_broken_picture_in_an_archive_is_named(tmp_path: Path):
    members = {f"{number}.png": picture(number) for number in range(COUNT)}
    write_archive(tmp_path / "a.zip", members | {"bad.png": picture(99)[:60]})
    assert "1 of 61 files are broken and left out: bad.png" in said_of(load(tmp_path / "a.zip"))


# --- optional packages ------------------------------------------------------------------------------------------------


def test_without_the_package_a_file_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for name, package in (("a.h5", "h5py"), ("a.parquet", "pyarrow"), ("a.arrow", "pyarrow")):
        (tmp_path / name).write_bytes(b"x")
        refused(tmp_path / name, f"needs the package {package}, which is not installed; pip install {package}")


def test_3d_shapes_is_read_with_its_factors(tmp_path: Path):
    h5py = pytest.importorskip("h5py")
    factors = np.random.default_rng(0).integers(0, [10, 10, 10, 8, 4, 15], (80, 6))
    factors[:4, 4] = range(4)
    with h5py.File(tmp_path / "3dshapes.h5", "w") as file:
        file["images"] = np.random.default_rng(0).integers(0, 256, (80, 64, 64, 3)).astype(np.uint8)
        file["labels"] = factors / 15
        file["elsewhere"] = h5py.ExternalLink("other.h5", "/images")
    images = load(tmp_path / "3dshapes.h5")
    assert images.image_shape == (3, 64, 64) and images.class_names == ("cube", "cylinder", "sphere", "capsule")
    assert images.factor_names == ("floor hue", "wall hue", "object hue", "scale", "orientation")


@pytest.mark.parametrize("form", ["file", "folder", "saved"])
def test_pictures_in_columns_are_read_with_their_classes_and_split(form: str, tmp_path: Path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    schema = pyarrow.schema(
        [
            ("image", pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])),
            ("label", pyarrow.int64()),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )

    def rows(numbers: range) -> Any:
        pictures = [{"bytes": picture(number), "path": None} for number in numbers]
        return pyarrow.table({"image": pictures, "label": [number % 2 for number in numbers]}, schema=schema)

    place = tmp_path / "pets.parquet"
    if form == "file":
        parquet.write_table(rows(range(COUNT)), place, row_group_size=7)
    else:
        place = tmp_path / "pets"
        for part, numbers in (("train", range(45)), ("test", range(45, COUNT))):
            target = place / "data" / f"{part}-00000-of-00001.parquet"
            target = target if form == "folder" else place / part / "data-00000-of-00001.arrow"
            target.parent.mkdir(parents=True, exist_ok=True)
            if form == "folder":
                parquet.write_table(rows(numbers), target)
            else:
                with pyarrow.ipc.new_stream(str(target), schema) as stream:
                    stream.write_table(rows(numbers))
    images = load(place, image_size=16)
    assert len(images) == COUNT and images.class_names == ("cat", "dog") and images.labels is not None
    assert np.bincount(images.labels).tolist() == [30, 30]
    assert images.test_count == (10 if form == "file" else 15)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nonsense PAR1")
    refused(tmp_path / "bad.parquet", "damaged")


# --- tables beside pictures -------------------------------------------------------------------------------------------


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "images").mkdir(parents=True)
    for number in range(COUNT):
        (folder / "images" / f"p{number:02d}.png").write_bytes(picture(number))
    return folder


def load_folder(folder: Path, labels: Path | None = None, **settings: Any) -> ImageSet:
    config = DataConfig(**({"dataset": "folder", "image_size": 16, "reading": READING} | settings))
    return load_dataset(config, folder=folder, labels=labels, quiet=True)


def table(rows: Callable[[int], str], head: str) -> str:
    return head + "\n" + "".join(rows(number) + "\n" for number in range(COUNT))


@pytest.mark.parametrize("form", ["images/p{:02d}.png", "p{:02d}.png", "p{:02d}", "./images/p{:02d}.png"])
def test_a_table_beside_the_pictures_names_their_classes(form: str, photos: Path):
    (photos / "train.csv").write_text(table(lambda n: f"{form.format(n)},{'cat' if n % 2 else 'dog'}", "id,breed"))
    images = load_folder(photos)
    assert images.class_names == ("cat", "dog") and images.labels is not None
    assert np.bincount(images.labels).tolist() == [30, 30]
    assert "train.csv: 2 classes by breed: cat, dog" in said_of(images) and "left out" not in said_of(images)
    assert load_folder(photos, reading=2).class_names is None, "a run of the second reading finds its images again"


def test_a_table_of_celebas_form_gives_attributes(photos: Path):
    lines = [f"p{n:02d}.png {1 if n % 2 else -1:2d} {1 if n % 3 else -1:2d}" for n in range(COUNT)]
    (photos / "attr.txt").write_text("60\nSmiling Male\n" + "\n".join(lines) + "\n")
    images = load_folder(photos, photos / "attr.txt")
    assert images.attribute_names == ("Smiling", "Male") and images.attributes is not None
    assert images.attributes.sum(0).tolist() == [30, 40]


def test_minus_one_is_no_and_zero_is_then_unknown(photos: Path):
    values = {0: "-1", 1: "0", 2: "1", 3: ""}
    (photos / "a.csv").write_text(table(lambda n: f"p{n:02d}.png,{values[n % 4]},{n % 2}", "file,hat,tie"))
    images = load_folder(photos)
    assert images.attribute_names == ("hat", "tie") and images.attributes is not None
    assert [int((images.attributes[:, 0] == value).sum()) for value in (0, 1, UNKNOWN)] == [15, 15, 30]
    assert set(images.attributes[:, 1].tolist()) == {0, 1}


def test_numbers_are_factors_with_a_direction_each_and_a_split_column_is_kept(photos: Path):
    parts = ["train"] * 40 + ["val"] * 8 + ["test"] * 12
    (photos / "a.csv").write_text(
        table(lambda n: f"p{n:02d}.png,{n / 4},{'xyz'[n % 3]},{parts[n]}", "file,age,kind,split")
    )
    images = load_folder(photos)
    assert (images.validation_count, images.test_count) == (8, 12)
    assert images.factor_names == ("age",) and images.factors is not None
    assert images.factors[-12:, 0].tolist() == [n / 4 for n in range(48, 60)], "rows go with their pictures"
    assert images.attribute_names == ("high age",) and images.class_names == ("x", "y", "z")
    assert "the split of column split is kept" in said_of(images)


def test_a_table_that_somebody_names_must_be_theirs(photos: Path, tmp_path: Path):
    (tmp_path / "other.csv").write_text(table(lambda n: f"q{n}.png,{n % 2}", "file,label"))
    with pytest.raises(DataError, match="names less than 90%"):
        load_folder(photos, tmp_path / "other.csv")
    (photos / "other.csv").write_text((tmp_path / "other.csv").read_text())
    assert load_folder(photos).labels is None, "beside the pictures it is passed over"
    for name in ("a.csv", "b.csv"):
        (photos / name).write_text(table(lambda n: f"p{n:02d},{n % 2}", "file,label"))
    with pytest.raises(DataError, match="a.csv, b.csv all name the pictures; say which table is meant with --labels"):
        load_folder(photos)


def test_pictures_without_a_row_are_a_class_of_their_own_and_counted(photos: Path):
    lines = table(lambda n: f"p{n:02d},{'ab'[n % 2]}", "file,label").splitlines()
    (photos / "a.csv").write_text("\n".join(lines[:-3]))
    images = load_folder(photos)
    assert images.class_names == ("a", "b", "none") and "no row for 3 of 60 pictures" in said_of(images)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"file,label\na,b,c\n" * 3, b"file\n"])
def test_a_table_that_is_none_is_one_sentence(content: bytes, photos: Path, tmp_path: Path):
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(DataError, match="bad.csv") as caught:
        load_folder(photos, tmp_path / "bad.csv")
    assert "\n" not in str(caught.value)


def test_settings_of_a_reading_change_the_conversion(tmp_path: Path):
    np.save(tmp_path / "a.npy", GREY // 16)
    refused(tmp_path / "a.npy", "--pixel-range")
    dark, bright = load(tmp_path / "a.npy", pixel_range="bytes"), load(tmp_path / "a.npy", pixel_range="stretched")
    assert (dark.pixels.max(), bright.pixels.max()) == (15, 255) and dataclasses.asdict(dark)["levels"] == 256
