"""Picture files of every kind become square images; what is no picture is refused, not guessed at."""

import contextlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from explorer.data.listing import find_pictures
from explorer.data.pictures import (
    Depth,
    Preparation,
    UnreadablePictureError,
    prepared,
    prepared_with_traits,
    scale_of,
)
from tests.pictures import deep_png, jpeg, png_of, scene, write_scenes

EIGHT = Preparation(size=8)


@pytest.mark.parametrize("ending", ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff"])
def test_every_format_gives_nearly_the_same_image(ending: str, tmp_path: Path):
    path = tmp_path / f"picture.{ending.upper()}"
    scene(3).save(path)
    expected = np.asarray(scene(3).crop((2, 0, 22, 20)).resize((8, 8), Image.Resampling.LANCZOS), float)
    image = prepared(path, EIGHT)
    assert image.shape == (3, 8, 8) and image.dtype == np.uint8 and image.flags.c_contiguous
    assert np.abs(image.transpose(1, 2, 0) - expected).mean() < 10


def flat(mode: str, value: object) -> Image.Image:
    return Image.new(mode, (12, 10), value)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("picture", "ending", "colour"),
    [
        (flat("L", 200), "png", (200, 200, 200)),
        (flat("1", 1), "png", (255, 255, 255)),
        (flat("LA", (0, 0)), "png", (255, 255, 255)),
        (flat("LA", (100, 255)), "png", (100, 100, 100)),
        (flat("RGBA", (200, 0, 0, 0)), "png", (255, 255, 255)),
        (flat("RGBA", (200, 0, 0, 128)), "png", (227, 127, 127)),
        (flat("RGBA", (10, 20, 30, 255)), "webp", (10, 20, 30)),
        (flat("CMYK", (0, 255, 255, 0)), "tif", (255, 0, 0)),
        (flat("CMYK", (0, 255, 255, 0)), "jpg", (255, 0, 0)),
        (Image.fromarray(np.full((10, 12), 0x8080, np.uint16)), "png", (128, 128, 128)),
        (Image.fromarray(np.full((10, 12), 65535, np.uint16)), "tif", (255, 255, 255)),
        (Image.fromarray(np.full((10, 12), 40_000, np.int32)), "tif", (156, 156, 156)),
        (Image.fromarray(np.full((10, 12), 0.5, np.float32)), "tif", (128, 128, 128)),
    ],
    ids=lambda value: getattr(value, "mode", str(value)),
)
def test_every_mode_shows_its_colour(picture: Image.Image, ending: str, colour: tuple[int, ...], tmp_path: Path):
    picture.save(tmp_path / f"a.{ending}")
    image = prepared(tmp_path / f"a.{ending}", EIGHT)
    assert np.abs(image.reshape(3, -1).T.astype(int) - colour).max() <= 3
    grey = prepared(tmp_path / f"a.{ending}", Preparation(size=8, grey=True))
    assert grey.shape == (1, 8, 8)


@pytest.mark.parametrize("transparent", [None, 0])
def test_a_palette_shows_its_colours_and_white_where_it_is_transparent(transparent: int | None, tmp_path: Path):
    picture = Image.new("P", (12, 12), 0)
    picture.putpalette([255, 0, 0, 0, 255, 0])
    options: dict[str, Any] = {} if transparent is None else {"transparency": transparent}
    picture.save(tmp_path / "a.png", **options)
    expected = (255, 0, 0) if transparent is None else (255, 255, 255)
    shown = prepared(tmp_path / "a.png", EIGHT).reshape(3, -1)
    assert np.unique(shown, axis=1).T.tolist() == [list(expected)]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_that_a_camera_noted_is_obeyed(orientation: int, tmp_path: Path):
    upright = np.zeros((16, 16, 3), np.uint8)
    upright[:8, :8] = (255, 0, 0)
    upright[:8, 8:] = (0, 255, 0)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # what the camera did: the inverse, a Transpose of Pillow
    stored = Image.fromarray(upright)
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    image = prepared(tmp_path / "a.png", EIGHT)
    assert image[0, 1, 1] > 200 and image[1, 1, 6] > 200, "red is top left, green top right"
    assert image[:, 6, :].max() < 60


@pytest.mark.parametrize("size", [(40, 20), (20, 40)])
def test_a_picture_is_cropped_around_its_centre_and_never_squashed(size: tuple[int, int], tmp_path: Path):
    width, height = size
    pixels = np.zeros((height, width), np.uint8)
    pixels[height // 2 - 10 : height // 2 + 10, width // 2 - 10 : width // 2 + 10] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert prepared(tmp_path / "a.png", EIGHT).min() > 250
    inner = prepared(tmp_path / "a.png", Preparation(size=8, crop=0.5))
    assert inner.min() == 255


def test_a_square_picture_is_kept_whole_whatever_the_crop(tmp_path: Path):
    scene(0, (16, 16)).save(tmp_path / "a.png")
    whole = prepared(tmp_path / "a.png", Preparation(size=16, crop=0.5))
    np.testing.assert_array_equal(whole.transpose(1, 2, 0), np.asarray(scene(0, (16, 16))))


@pytest.mark.parametrize("size", [(12_000, 9_000), (16_320, 12_240)], ids=["108 million", "200 million"])
@pytest.mark.filterwarnings("error")
def test_a_large_photograph_is_read_at_a_fraction_of_its_size(size: tuple[int, int], tmp_path: Path):
    Image.new("L", size, 90).save(tmp_path / "a.jpg")
    image, traits = prepared_with_traits(tmp_path / "a.jpg", EIGHT)
    assert (image == 90).all() and (traits.width, traits.height) == size


@pytest.mark.filterwarnings("error")
def test_a_photograph_that_no_camera_makes_is_refused(tmp_path: Path):
    Image.new("L", (20_000, 13_000)).save(tmp_path / "a.jpg")
    with pytest.raises(UnreadablePictureError, match="pixels"):
        prepared(tmp_path / "a.jpg", EIGHT)


# --- more than 8 bits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("kind", ["png", "tif"])
def test_colours_of_16_bits_are_read_to_their_last_bit(kind: str, alpha: bool, tmp_path: Path):
    colours = np.random.default_rng(0).integers(0, 4096, (8, 8, 4 if alpha else 3)).astype(np.uint16)
    if alpha:
        colours[..., 3] = 65535
    if kind == "tif":
        write_deep_tiff(tmp_path / "a.tif", colours)
    else:
        (tmp_path / "a.png").write_bytes(deep_png(colours))
    image, traits = prepared_with_traits(tmp_path / f"a.{kind}", Preparation(size=8, brightness=(0, 4095)))
    assert np.abs(image.transpose(1, 2, 0) - colours[..., :3] / 4095 * 255).max() <= 0.5
    assert traits.depth == (True, colours[..., :3].min(), colours[..., :3].max()) and not traits.transparent


def write_deep_tiff(path: Path, colours: np.ndarray) -> None:
    """A plain TIFF of colours of 16 bits, which Pillow cannot write."""
    height, width, channels = colours.shape
    content = colours.astype("<u2").tobytes()
    bits = 8 + len(content)
    tags = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, channels, bits), (259, 3, 1, 1), (262, 3, 1, 2)]
    tags += [(273, 4, 1, 8), (277, 3, 1, channels), (278, 3, 1, height), (279, 4, 1, len(content))]
    tags += [(338, 3, 1, 2)] if channels == 4 else []
    start = bits + 2 * channels
    body = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    head = struct.pack("<2sHI", b"II", 42, start) + content + struct.pack(f"<{channels}H", *[16] * channels)
    path.write_bytes(head + struct.pack("<H", len(tags)) + body + bytes(4))


def test_transparency_survives_16_bits_and_a_turned_picture_is_turned(tmp_path: Path):
    colours = np.zeros((8, 8, 4), np.uint16)
    colours[:4, :, 0] = 4095
    colours[:4, :, 3] = 65535
    (tmp_path / "a.png").write_bytes(deep_png(colours))
    image, traits = prepared_with_traits(tmp_path / "a.png", Preparation(size=8, brightness=(0, 4095)))
    assert image[:, 1, 1].tolist() == [255, 0, 0] and image[:, 6, 1].tolist() == [255, 255, 255] and traits.transparent


@pytest.mark.parametrize(
    ("depths", "black", "white"),
    [
        ([Depth(True, 0, 250), Depth(True, 3, 260)], 0, 1023),
        ([Depth(True, 0, 255)], 0, 255),
        ([Depth(True, 0, 4095), Depth(True, 0, 9)], 0, 4095),
        ([Depth(True, 0, 4096)], 0, 16383),
        ([Depth(True, 0, 65535)], 0, 65535),
        ([Depth(True, 7, 65536)], 7, 65536),
        ([Depth(True, -3, 200)], -3, 200),
        ([Depth(True, 0, 1)], 0, 255),
        ([Depth(False, 0.1, 0.9)], 0, 1),
        ([Depth(False, 0, 1.0), Depth(False, 0, 1.1)], 0, 1.1),
        ([Depth(False, -1000, 20), Depth(False, 0, 3000)], -1000, 3000),
        ([Depth(False, 7, 7)], 7, 8),
    ],
)
def test_black_and_white_are_those_of_the_whole_set(depths: list[Depth], black: float, white: float):
    scale = scale_of(depths)
    assert (scale.black, scale.white) == (black, white) and scale.why


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no picture"),
        (b"<html>not found</html>", "no picture"),
        (jpeg()[: len(jpeg()) // 2], "(?i)truncated"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture"),
        (png_of(10_000, 10_000), "pixels"),
        (png_of(60_000, 60_000), "pixels"),
        (png_of(20, 20), "."),
    ],
    ids=["empty", "a page", "cut short", "a program", "large", "a bomb", "hollow"],
)
def test_what_is_no_picture_is_refused_with_a_reason(content: bytes, reason: str, tmp_path: Path):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UnreadablePictureError, match=reason) as caught:
        prepared(tmp_path / "a.png", EIGHT)
    assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("share", np.linspace(0.02, 0.98, 13))
def test_no_cut_makes_anything_but_an_image_or_a_refusal(share: float, tmp_path: Path):
    for ending in ("png", "jpg", "webp", "bmp", "tif"):
        path = tmp_path / f"a.{ending}"
        scene(1, (64, 48)).save(path)
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        with contextlib.suppress(UnreadablePictureError):
            assert prepared(path, EIGHT).shape == (3, 8, 8)


def test_a_listing_is_sorted_and_passes_over_what_is_hidden_or_no_picture(tmp_path: Path):
    write_scenes(tmp_path, ["b/2.png", "a.JPG", "b/1.webp", ".hidden/3.png", "__MACOSX/4.png", ".5.png"])
    (tmp_path / "readme.txt").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    assert [each.name for each in find_pictures(tmp_path)] == ["a.JPG", "b/1.webp", "b/2.png"]
    assert [each.name for each in find_pictures(tmp_path, deep=False)] == ["a.JPG"]
