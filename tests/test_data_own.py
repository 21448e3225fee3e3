"""A picture that somebody shows becomes an image like those of the data set, however it was taken."""

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from explorer.config import DataConfig
from explorer.data import load_dataset, source_of
from explorer.data.own import Place, Scene, character_image, form_of, ink_of, own_image
from explorer.errors import PictureError
from tests.pictures import ramp, scene

MNIST: Any = source_of("mnist").character
DIGITS: Any = source_of("digits").character
CROP = source_of("celeba").crop

strokes = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=3, max_size=6).filter(
    lambda points: np.ptp(points, axis=0).max() >= 40
)
"""Corners of a line that is more than a dot."""


def drawing(points: list[tuple[int, int]], scale: float = 1.0, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
    """A line through points of a square of 100, light on dark, at a scale and a place of a page, (H, W) bytes."""
    large = Image.new("L", (600, 600), 0)
    at = [(2 * (scale * x + 30 + shift[0]), 2 * (scale * y + 30 + shift[1])) for x, y in points]
    pen = ImageDraw.Draw(large)
    pen.line(at, fill=255, width=round(24 * scale), joint="curve")
    for x, y in at:
        reach = 12 * scale
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)
    return np.asarray(large.resize((300, 300), Image.Resampling.BOX))


def prepared(grey: np.ndarray, form: Any = MNIST) -> np.ndarray:
    return character_image(grey, form)[0]


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Root of the mean squared difference, in units of the full grey scale."""
    return float(np.sqrt(np.square(one - other).mean()))


@given(points=strokes, shift=st.tuples(st.integers(0, 60), st.integers(0, 60)))
def test_where_on_the_page_a_character_stands_does_not_matter(points, shift):
    assert apart(prepared(drawing(points)), prepared(drawing(points, shift=shift))) < 0.01


@given(points=strokes, scale=st.floats(0.6, 1.9))
def test_how_large_a_character_is_hardly_matters(points, scale):
    assert apart(prepared(drawing(points)), prepared(drawing(points, scale=scale))) < 0.06


@given(points=strokes)
def test_dark_on_light_is_the_same_as_light_on_dark(points):
    grey = drawing(points)
    assert ink_of(255 - grey)[1] and not ink_of(grey)[1]
    np.testing.assert_allclose(prepared(255 - grey), prepared(grey), atol=1e-6)


@given(points=strokes, ink=st.integers(40, 255), paper=st.integers(0, 255))
def test_pencil_on_grey_paper_is_ink_on_white(points, ink, paper):
    assume(abs(ink - paper) >= 60)
    part = drawing(points) / 255
    grey = np.rint(paper + part * (ink - float(paper))).astype(np.uint8)
    assert apart(prepared(grey), prepared(drawing(points))) < 0.03


@given(points=strokes, seed=st.integers(0, 100), slope=st.floats(-40, 40))
def test_a_lamp_at_one_side_and_a_noisy_camera_hardly_matter(points, seed, slope):
    part = drawing(points) / 255
    light = 190 + slope * np.linspace(-1, 1, 300)[None, :]
    noise = np.random.default_rng(seed).normal(0, 2, part.shape)
    photo = np.clip(np.rint(light * (1 - 0.8 * part) + noise), 0, 255).astype(np.uint8)
    assert apart(prepared(photo), prepared(drawing(points))) < 0.08


@given(points=strokes)
def test_the_ink_fills_its_box_and_lies_around_the_middle(points):
    image = prepared(drawing(points))
    assert image.shape == (28, 28) and image.dtype == np.float32
    assert image.min() >= 0 and image.max() == pytest.approx(1)
    bright = image > 0.3
    rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
    assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21
    total = image.sum()
    assert (image.sum(1) @ np.arange(28)) / total == pytest.approx(14, abs=0.2)
    assert (image.sum(0) @ np.arange(28)) / total == pytest.approx(14, abs=0.2)


def test_every_step_is_shown_in_the_order_it_was_taken():
    _, steps = character_image(255 - drawing([(0, 0), (100, 0), (20, 100)]), MNIST)
    assert [step.name for step in steps] == ["Grey", "Inverted", "Cropped", "Scaled", "Centred"]
    assert all(step.picture.dtype == np.uint8 and step.picture.ndim == 3 for step in steps)
    assert steps[3].picture.shape == (1, 20, 20)
    assert steps[4].picture.shape == (1, 28, 28)


def test_an_image_of_mnist_comes_back_as_it_was(data_dir):
    images = load_dataset(DataConfig(dataset="mnist"), data_dir).pixels[60_000:60_100, 0]
    moved = [apart(prepared(image), image / 255) for image in images]
    assert np.median(moved) < 0.005, "cut, scaled and centred it is already"


def test_a_large_copy_of_a_digit_of_eight_by_eight_is_that_digit():
    digits = load_dataset(DataConfig(dataset="digits"))
    labels = digits.labels
    assert labels is not None
    chosen = [np.flatnonzero(labels == label)[-1] for label in (0, 2, 3, 5, 8)]
    for number in chosen:
        pixels = digits.pixels[number, 0] / 16
        page = Image.fromarray((255 * pixels).astype(np.uint8)).resize((160, 160), Image.Resampling.BICUBIC)
        around = np.pad(np.asarray(page), 40)
        assert apart(prepared(around, DIGITS), pixels) < 0.2


@pytest.mark.parametrize(
    "page", [np.full((40, 30), 7, np.uint8), np.zeros((1, 1), np.uint8), np.eye(9, dtype=np.uint8)]
)
def test_a_page_with_nothing_on_it_is_said_to_be_so(page):
    with pytest.raises(PictureError, match="nothing on this picture stands out"):
        character_image(page, MNIST)


@given(values=st.integers(1, 12).flatmap(lambda n: st.lists(st.integers(0, 255), min_size=n * 3, max_size=n * 3)))
def test_any_page_becomes_an_image_or_one_sentence(values):
    page = np.array(values, dtype=np.uint8).reshape(-1, 3)
    with contextlib.suppress(PictureError):
        image = prepared(page)
        assert image.shape == (28, 28) and np.isfinite(image).all()


# --- scenes ---------------------------------------------------------------------------------------------------------


def file_of(picture: Image.Image, kind: str = "PNG") -> io.BytesIO:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind)
    buffer.seek(0)
    return buffer


def test_a_scene_is_prepared_as_the_pictures_of_its_set_are(tmp_path):
    from explorer.data.pictures import Preparation
    from explorer.data.pictures import prepared as of_the_set

    scene(4, (178, 218)).save(tmp_path / "face.png")
    expected = of_the_set(tmp_path / "face.png", Preparation(size=64, crop=CROP))
    found = own_image(file_of(scene(4, (178, 218))), form_of(DataConfig(dataset="celeba"), "celeba", (3, 64, 64)), 256)
    np.testing.assert_array_equal(found.pixels, expected)
    assert found.place is not None
    assert found.place.side == pytest.approx(CROP, abs=0.01)
    assert [step.name for step in found.steps] == ["Your picture", "Cropped", "Scaled"]


@pytest.mark.parametrize(("kind", "number"), [("PNG", np.uint16), ("TIFF", np.float32)])
def test_a_picture_of_more_than_8_bits_is_as_bright_as_the_set_makes_it(kind: str, number: type):
    data = DataConfig(dataset="folder", brightness=(0, 4095))
    form = form_of(data, "x", (1, 8, 8))
    found = own_image(file_of(Image.fromarray(ramp(2000, number)), kind), form, 256)
    np.testing.assert_allclose(found.pixels[0], ramp(2000, np.float64) / 4095 * 255, atol=1.01)
    assert "0 is black and 4,095 white, as in the data set" in found.steps[0].note
    alone = own_image(file_of(Image.fromarray(ramp(65535, np.uint16))), form_of(None, "x", (1, 8, 8)), 256)
    assert alone.pixels.max() == 255 and "black" not in alone.steps[0].note
    plain = own_image(file_of(scene(1, (8, 8))), form, 256)
    assert "black" not in plain.steps[0].note, "8 bits are 8 bits"


def test_the_crop_goes_where_it_is_put():
    pixels = np.zeros((60, 100, 3), np.uint8)
    pixels[:, 60:] = (255, 0, 0)
    form = Scene(image_shape=(3, 8, 8))
    right = own_image(file_of(Image.fromarray(pixels)), form, 256, place=Place(0.9, 0.5, 0.3))
    left = own_image(file_of(Image.fromarray(pixels)), form, 256, place=Place(0.1, 0.5, 0.3))
    assert (right.pixels[0] == 255).all() and (right.pixels[1:] == 0).all()
    assert (left.pixels == 0).all()


@given(
    x=st.floats(0, 1),
    y=st.floats(0, 1),
    side=st.floats(0, 1),
    width=st.integers(1, 60),
    height=st.integers(1, 60),
    shape=st.sampled_from([(1, 8, 8), (3, 16, 16), (3, 8, 12), (1, 12, 8)]),
)
def test_any_crop_of_any_picture_lies_inside_it(x, y, side, width, height, shape):
    found = own_image(file_of(scene(1, (width, height))), Scene(image_shape=shape), 17, place=Place(x, y, side))
    assert found.pixels.shape == shape
    assert found.pixels.max() <= 16
    place = found.place
    assert place is not None
    assert 0 < place.side <= 1
    assert 0 <= place.x <= 1 and 0 <= place.y <= 1


def test_only_the_sets_of_characters_are_prepared_as_such():
    assert form_of(DataConfig(dataset="mnist"), "mnist", (1, 28, 28)) == MNIST
    assert form_of(None, "digits", (1, 8, 8)) == DIGITS
    assert form_of(None, "digits", (1, 16, 16)) == Scene(image_shape=(1, 16, 16))
    assert form_of(DataConfig(dataset="flowers102"), "flowers102", (3, 64, 64)) == Scene(image_shape=(3, 64, 64))


def test_of_a_picture_that_moves_the_first_frame_counts():
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, format="GIF", save_all=True, append_images=frames[1:])
    buffer.seek(0)
    found = own_image(buffer, Scene(image_shape=(3, 8, 8)), 256)
    assert found.pixels[:, 4, 4].tolist() == [255, 0, 0]


def test_a_picture_of_too_many_pixels_is_refused_before_it_unfolds():
    with pytest.raises(PictureError, match="at most 100 pixels"):
        own_image(file_of(scene(1, (20, 20))), Scene(image_shape=(3, 8, 8)), 256, most_pixels=100)
