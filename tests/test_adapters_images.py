"""Images, labels and attributes in the forms in which people have them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, TensorDataset

from explorer.adapters import images as forms
from explorer.adapters import read_images
from explorer.arrays import UNKNOWN
from explorer.errors import ExplorerError, ShapeError
from tests.test_data_array import write_archive

N = 12
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (N, 3, 6, 5), dtype=np.uint8)
"""Images (N, C, H, W) that are taller than wide, so that no two sides are taken for one another."""
UNITS = PIXELS / np.float32(255)
LABELS = np.arange(N) % 3


class Rows(Dataset):
    """A data set of torchvision's kind: pictures with numbers, and names for these."""

    classes = ("ant", "bee", "cat")

    def __len__(self):
        return N

    def __getitem__(self, row):
        return Image.fromarray(PIXELS[row].transpose(1, 2, 0)), int(LABELS[row])


class Named(Dataset):
    """Rows by name."""

    def __len__(self):
        return N

    def __getitem__(self, row):
        return {"pixel_values": UNITS[row], "labels": 1}


FORMS = {
    "NCHW": lambda: PIXELS,
    "NHWC": lambda: PIXELS.transpose(0, 2, 3, 1),
    "floats": lambda: UNITS,
    "doubles": lambda: UNITS.astype(np.float64),
    "tensor": lambda: torch.from_numpy(UNITS),
    "wide numbers": lambda: PIXELS.astype(np.int64),
    "floats of bytes": lambda: PIXELS.astype(np.float32),
    "from -1": lambda: UNITS * 2 - 1,
    "list of pictures": lambda: [Image.fromarray(each.transpose(1, 2, 0)) for each in PIXELS],
    "list of tensors": lambda: list(torch.from_numpy(UNITS)),
    "data set": Rows,
    "loader": lambda: DataLoader(TensorDataset(torch.from_numpy(UNITS), torch.from_numpy(LABELS)), batch_size=5),
    "rows of Hugging Face": lambda: [{"image": each, "label": 0} for each in PIXELS],
    "batches of names": lambda: DataLoader(Named(), batch_size=4),
}


@pytest.mark.parametrize("name", FORMS)
def test_images_come_as_people_have_them(name):
    given = read_images(FORMS[name]())
    np.testing.assert_allclose(given.some(N), UNITS, atol=1e-6)


def test_grey_images_need_no_axis_for_their_channel():
    assert read_images(PIXELS[:, 0]).pixels.shape == (N, 1, 6, 5)


def test_labels_come_with_a_data_set_and_its_names():
    given = read_images(Rows())
    np.testing.assert_array_equal(given.labels, LABELS)
    assert given.class_names == ("ant", "bee", "cat")
    loaded = read_images(FORMS["loader"]())
    np.testing.assert_array_equal(loaded.labels, LABELS)


@pytest.mark.parametrize("make", [list, np.array, lambda texts: np.array(texts, dtype=object)])
def test_labels_may_be_texts(make):
    given = read_images(PIXELS, make([f"kind {k}" for k in LABELS]))
    np.testing.assert_array_equal(given.labels, LABELS)
    assert given.class_names == ("kind 0", "kind 1", "kind 2")


@pytest.mark.parametrize("make", [list, torch.tensor, lambda k: np.array(k, dtype=np.float64), lambda k: k[:, None]])
def test_labels_may_be_numbers_of_any_kind(make):
    np.testing.assert_array_equal(read_images(PIXELS, make(LABELS)).labels, LABELS)


@pytest.mark.parametrize("low", [0, -1])
def test_attributes_are_rows_or_columns_by_name(low):
    marks = np.where(RNG.random((N, 2)) < 0.5, low, 1)
    marks[0] = low  # both values are there
    given = read_images(PIXELS, attributes={"round": marks[:, 0], "red": marks[:, 1]})
    assert given.attribute_names == ("round", "red")
    np.testing.assert_array_equal(given.attributes, marks > 0)
    rows = read_images(PIXELS, attributes=torch.from_numpy(marks))
    np.testing.assert_array_equal(rows.attributes, marks > 0)
    assert rows.attribute_names == ("attribute 0", "attribute 1")


def test_rows_of_attributes_in_the_place_of_labels_are_attributes():
    marks = (RNG.random((N, 3)) < 0.5).astype(int)
    source = SimpleNamespace(
        attr_names=["a", "b", "c", ""], __len__=None, rows=[(PIXELS[k], marks[k]) for k in range(N)]
    )

    class Faces(Dataset):
        attr_names = source.attr_names

        def __len__(self):
            return N

        def __getitem__(self, row):
            return source.rows[row]

    given = read_images(Faces())
    assert given.labels is None and given.attribute_names == ("a", "b", "c")
    np.testing.assert_array_equal(given.attributes, marks)


def test_what_nobody_knows_of_an_image_is_kept_apart():
    given = read_images(PIXELS, attributes=np.array([[0], [1], [UNKNOWN]] * 4))
    assert given.attributes is not None and set(given.attributes[:, 0]) == {0, 1, UNKNOWN}


def test_more_images_than_a_page_shows_are_drawn_and_said(monkeypatch):
    monkeypatch.setattr(forms, "MOST_TAKEN", 5)
    for source in (Rows(), FORMS["loader"]()):
        given = read_images(source)
        assert len(given.pixels) == 5 == len(given.labels if given.labels is not None else ())
        assert any("5" in sentence and "taken" in sentence for sentence in given.said)


def test_a_folder_of_pictures_keeps_its_proportions_and_classes(tmp_path):
    for row in range(48):
        folder = tmp_path / "zoo" / ["ant", "bee"][row % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((12, 20, 3), row, dtype=np.uint8)).save(folder / f"{row}.png")
    given = read_images(tmp_path / "zoo")
    assert given.pixels.shape == (48, 3, 12, 20) and given.class_names == ("ant", "bee")
    assert given.labels is not None and sorted(np.bincount(given.labels)) == [24, 24]
    assert read_images(str(tmp_path / "zoo"), side=(6, 6)).pixels.shape == (48, 3, 6, 6)
    Image.new("RGB", (9, 9)).save(tmp_path / "zoo" / "ant" / "small.png")
    with pytest.raises(ShapeError, match="2 sizes .*image-size"):
        read_images(tmp_path / "zoo")


@pytest.mark.parametrize("name", ["zoo.zip", "zoo.tgz", "zoo-{0..1}.tar"])
def test_an_archive_of_pictures_is_read_as_its_folder_is(name, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    for row in range(48):
        place = tmp_path / "zoo" / ["ant", "bee"][row % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((12, 20, 3), row, dtype=np.uint8)).save(place / f"{row}.png")
    rows = [f"{row}.png,{row % 3 == 0:d},{row % 5 == 0:d}" for row in range(48)]
    (tmp_path / "zoo" / "traits.csv").write_text("\n".join(["file,winged,small", *rows]))
    files = [path for path in sorted((tmp_path / "zoo").rglob("*")) if path.is_file()]
    members = {path.relative_to(tmp_path / "zoo").as_posix(): path.read_bytes() for path in files}
    count = 2 if "{" in name else 1
    for number in range(count):
        part = dict(list(members.items())[number::count])
        write_archive(tmp_path / name.replace("{0..1}", str(number)), part)
    loose, packed = read_images(tmp_path / "zoo"), read_images(tmp_path / name)
    np.testing.assert_array_equal(packed.pixels, loose.pixels)
    np.testing.assert_array_equal(packed.labels, loose.labels)
    np.testing.assert_array_equal(packed.attributes, loose.attributes)
    assert packed.class_names == ("ant", "bee") and packed.attribute_names == ("winged", "small")


def test_an_array_file_is_read_with_its_labels(tmp_path):
    np.savez(tmp_path / "set.npz", x_test=PIXELS, y_test=LABELS, x_train=PIXELS[:3], y_train=LABELS[:3])
    given = read_images(tmp_path / "set.npz")
    np.testing.assert_array_equal(given.pixels, PIXELS)
    np.testing.assert_array_equal(given.labels, LABELS)
    np.save(tmp_path / "set.npy", UNITS)
    np.testing.assert_allclose(read_images(tmp_path / "set.npy").pixels, UNITS)


WRONG = {
    "a number": (3, "must be an array, a list, a Dataset"),
    "normalised": (UNITS * 6 - 3, "undo the normalisation"),
    "not finite": (UNITS * np.nan, "must be finite"),
    "two sizes": ([PIXELS[0], PIXELS[0, :, :5]], "must have one size"),
    "two channels": (PIXELS[:, :2], "one channel or three"),
    "either order": (np.zeros((4, 3, 6, 3)), "channels first or last"),
    "vectors": (np.zeros((4, 108)), "reshape them"),
    "nothing": ([], "must have one size"),
    "texts": (np.array([["a"]] * 4), "reshape them"),
    "no image in a row": ([{"text": "a"}], "none is its image"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_images_are_one_sentence(name):
    images, words = WRONG[name]
    with pytest.raises(ShapeError, match=words) as caught:
        read_images(images)
    assert "\n" not in str(caught.value)


WRONG_LABELS = {
    "too few": ({"labels": [1, 2]}, "one for each image"),
    "fractions": ({"labels": np.linspace(0, 1, N)}, "fractions"),
    "a stranger": ({"labels": ["x"] * N, "class_names": ["y"]}, "none of the class names"),
    "counts": ({"attributes": np.arange(N)[:, None]}, "0 and 1"),
    "names": ({"attributes": np.zeros((N, 2)), "attribute_names": ["one"]}, "1 names of them"),
    "a column": ({"attributes": np.zeros(N)}, "a row for each image"),
}


@pytest.mark.parametrize("name", WRONG_LABELS)
def test_wrong_labels_and_attributes_are_one_sentence(name):
    settings, words = WRONG_LABELS[name]
    with pytest.raises(ShapeError, match=words):
        read_images(PIXELS, **settings)


def test_a_file_of_objects_is_never_unpickled(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    for place in (tmp_path / "objects.npy", tmp_path / "nowhere", tmp_path / "notes.txt"):
        with pytest.raises(ExplorerError) as caught:
            read_images(place)
        assert "\n" not in str(caught.value)
