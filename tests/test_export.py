"""Files of what is decoded: exact pixels, whole enlargement, words on paper, and strangers' requests for them."""

import io
import re
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from explorer.errors import ShapeError
from explorer.images import animation, contact_sheet, encoded_picture, enlarged, tile, to_bytes
from explorer.ui.export import MOST_CAPTION, MOST_QUERY, MOST_TITLE
from explorer.views.export import FORMATS, MOST_SCALE, MOST_TILES
from tests.serve_fake import asking, fake_library

D = 4
RUN = "explorer/api/run/linear-vae"


def pictures(count: int, channels: int = 1, seed: int = 0, height: int = 5, width: int = 4) -> np.ndarray:
    """Random bytes (count, channels, height, width), no two alike."""
    return np.random.default_rng(seed).integers(0, 256, (count, channels, height, width), dtype=np.uint8)


def frames_of(content: bytes) -> list[np.ndarray]:
    """Frames (H, W, 3) of a moving picture."""
    with Image.open(io.BytesIO(content)) as picture:
        found = []
        for k in range(getattr(picture, "n_frames", 1)):
            picture.seek(k)
            found.append(np.asarray(picture.convert("RGB")))
        return found


def as_colour(image: np.ndarray) -> np.ndarray:
    """An image (C, H, W) as (H, W, 3)."""
    return np.repeat(image, 3 // len(image), axis=0).transpose(1, 2, 0)


@pytest.fixture(scope="module")
def library():
    return fake_library(latent_dim=D)


@pytest.fixture(scope="module")
def client(library) -> Iterator[httpx.Client]:
    with asking(library) as client:
        yield client


def latents(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, D)).astype("<f4")


def export(client: httpx.Client, kind: str, count: int = 3, **query) -> httpx.Response:
    return client.post(f"{RUN}/export/{kind}", content=latents(count).tobytes(), params=query)


# --- pictures -------------------------------------------------------------------------------------------------------


@given(scale=st.integers(1, 6), channels=st.sampled_from([1, 3]))
def test_enlarging_makes_a_square_of_every_pixel_and_loses_nothing(scale, channels):
    images = pictures(2, channels)
    large = enlarged(images, scale)
    assert large.shape == (2, channels, 5 * scale, 4 * scale)
    for row in range(scale):
        for column in range(scale):
            np.testing.assert_array_equal(large[..., row::scale, column::scale], images)


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_moving_picture_holds_the_very_pixels_frame_by_frame(kind, channels):
    images = pictures(5, channels)  # 20 colours a frame: a GIF has room for 256
    shown = frames_of(animation(images, kind, scale=3))
    assert len(shown) == 5
    for frame, image in zip(shown, images, strict=True):
        np.testing.assert_array_equal(frame, as_colour(enlarged(image, 3)))


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_a_boomerang_runs_back_without_showing_an_end_twice(kind):
    images = pictures(4)
    shown = frames_of(animation(images, kind, boomerang=True))
    order = [0, 1, 2, 3, 2, 1]
    assert len(shown) == len(order)
    for frame, k in zip(shown, order, strict=True):
        np.testing.assert_array_equal(frame, as_colour(images[k]))
    assert len(frames_of(animation(images[:1], kind, boomerang=True))) == 1


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_a_moving_picture_keeps_its_time_and_repeats_for_ever(kind):
    with Image.open(io.BytesIO(animation(pictures(3), kind, seconds=0.25))) as picture:
        assert picture.info["loop"] == 0
        picture.seek(1)
        picture.load()
        assert picture.info["duration"] == 250


def test_a_colourful_frame_keeps_one_colour_for_each_pixel_in_a_gif():
    noisy = pictures(2, 3, height=24, width=24)  # 576 colours, more than a GIF has
    for frame in frames_of(animation(noisy, "gif", scale=4)):
        blocks = frame.reshape(24, 4, 24, 4, 3)
        assert (blocks == blocks[:, :1, :, :1]).all()


def test_a_contact_sheet_shows_every_image_and_writes_on_paper():
    images = pictures(5, height=30, width=30)
    bare = contact_sheet(images, 3, scale=2)
    said = contact_sheet(images, 3, scale=2, title="mnist-vae-16, seed 3", captions=["-1", "0", "1", "2", "x"])
    assert said.shape[1] > bare.shape[1]
    for sheet in (bare, said):
        for image in images:
            assert contains(sheet[0], enlarged(image, 2)[0])
    assert (bare == 255).any()
    assert (said < 60).sum() > (bare < 60).sum()


def contains(sheet: np.ndarray, part: np.ndarray) -> bool:
    """Whether a picture (H, W) is somewhere on another one."""
    windows = np.lib.stride_tricks.sliding_window_view(sheet, part.shape)
    corners = np.argwhere(windows[:, :, 0, 0] == part[0, 0])
    return any((windows[y, x] == part).all() for y, x in corners)


def test_the_words_change_what_a_sheet_looks_like_and_odd_letters_do_no_harm():
    images = pictures(1)
    drawn = {
        text: contact_sheet(images, 1, title=text).tobytes()
        for text in ("draw 3", "draw 4", "d\N{LATIN SMALL LETTER E WITH ACUTE}j\N{LATIN SMALL LETTER A WITH GRAVE}")
    }
    assert len(set(drawn.values())) == 3
    plain = contact_sheet(images, 1, title="deja")
    assert drawn["d\N{LATIN SMALL LETTER E WITH ACUTE}j\N{LATIN SMALL LETTER A WITH GRAVE}"] == plain.tobytes()
    contact_sheet(images, 1, title="\N{CJK UNIFIED IDEOGRAPH-65E5}" * 50, captions=["<b>\u202e"])


def test_a_long_head_is_broken_into_lines_of_the_sheets_width():
    images = pictures(1)
    one, many = (contact_sheet(images, 1, title="word " * times) for times in (1, 60))
    assert one.shape[2] == many.shape[2]
    assert many.shape[1] > 3 * one.shape[1]
    unbroken = contact_sheet(images, 1, title="x" * 200)
    assert unbroken.shape[2] == one.shape[2]


@pytest.mark.parametrize(
    ("columns", "captions"), [(0, []), (2, ["one caption for three"]), (2, ["one", "two", "three", "four"])]
)
def test_a_sheet_that_does_not_add_up_is_refused(columns, captions):
    with pytest.raises(ShapeError, match="contact sheet"):
        contact_sheet(pictures(3), columns, captions=captions)


# --- over http ------------------------------------------------------------------------------------------------------


def test_a_strip_is_the_decodes_in_a_row(client, library):
    answer = export(client, "png", 5, scale=3)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "private, no-store"
    decoded = to_bytes(library.open("linear-vae").coder.decode(latents(5)))
    with Image.open(io.BytesIO(answer.content)) as picture:
        np.testing.assert_array_equal(np.asarray(picture), enlarged(tile(decoded, 5), 3)[0])


def test_columns_lay_out_a_lattice(client):
    with Image.open(io.BytesIO(export(client, "png", 6, scale=1, columns=3).content)) as picture:
        assert picture.size == (24, 16)


@pytest.mark.parametrize("kind", list(FORMATS))
def test_a_file_is_named_after_the_run_and_what_it_shows(client, kind):
    answer = export(client, kind, name="axis-4")
    ending = FORMATS[kind].ending
    assert answer.headers["content-disposition"] == f'attachment; filename="linear-vae-axis-4.{ending}"'
    assert answer.headers["content-type"] == FORMATS[kind].media
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.format == ending.upper()


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_a_film_is_the_decodes_one_after_the_other(client, library, kind):
    shown = frames_of(export(client, kind, 4, scale=2, boomerang=1).content)
    decoded = to_bytes(library.open("linear-vae").coder.decode(latents(4)))
    for frame, k in zip(shown, [0, 1, 2, 3, 2, 1], strict=True):
        np.testing.assert_array_equal(frame, as_colour(enlarged(decoded[k], 2)))


def test_a_contact_sheet_carries_the_name_of_its_run_and_what_was_asked_for(client, library):
    decoded = to_bytes(library.open("linear-vae").coder.decode(latents(3)))
    words = {"title": "seed 3", "caption": ["-1", "0", "1"]}
    answer = export(client, "sheet", 3, scale=2, columns=3, **words)
    expected = contact_sheet(decoded, 3, 2, "linear-vae \N{MIDDLE DOT} seed 3", words["caption"])
    assert answer.content == encoded_picture(expected)


REFUSED = {
    "columns": ["0", "-1", "x", "1e3", str(MOST_TILES + 1)],
    "scale": ["-1", str(MOST_SCALE + 1), "2.5", "\N{ARABIC-INDIC DIGIT TWO}"],
    "seconds": ["0", "0.001", "9", "nan", "inf", "1_0", "", "-0.1", "0.1.1"],
    "boomerang": ["2", "true", "-1"],
    "name": [
        "",
        "../x",
        "a b",
        'x"; y',
        "x" * 61,
        ".hidden",
        "a\r\nset-cookie: x",
        "\N{LATIN SMALL LETTER E WITH ACUTE}",
    ],
    "title": ["x" * (MOST_TITLE + 1), "two\nlines", "\x00", "right\u202eleft"],
    "caption": ["only one", "x" * (MOST_CAPTION + 1)],
}
"""Values of the query that are not to pass, for three latents."""


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in REFUSED.items() for value in values])
def test_nonsense_in_the_query_is_refused_with_a_sentence(client, field, value):
    answer = export(client, "sheet", 3, **{field: value})
    assert answer.status_code == 400
    assert field in answer.json()["error"]
    assert re.search("[a-z].*[.]$", answer.json()["error"])


def test_too_many_words_latents_and_pixels_are_refused(client):
    captions = ["x" * MOST_CAPTION] * MOST_TILES
    for answer in (
        export(client, "png", MOST_TILES + 1),
        export(client, "sheet", MOST_TILES, caption=[*captions, "x" * MOST_QUERY]),
        export(client, "png", MOST_TILES, scale=MOST_SCALE),
        export(client, "gif", MOST_TILES, scale=MOST_SCALE, boomerang=1),
    ):
        assert answer.status_code == 413
        assert answer.json()["error"]
    assert export(client, "sheet", MOST_TILES, scale=1, caption=["-1.50"] * MOST_TILES).status_code == 200


def test_what_is_no_run_no_kind_or_no_latent_is_refused(client):
    body = latents(2).tobytes()
    assert client.post("explorer/api/run/nobody/export/png", content=body).status_code == 404
    assert client.post(f"{RUN}/export/exe", content=body).status_code == 404
    assert client.get(f"{RUN}/export/png").status_code in (404, 405)
    for content in (b"", body[:-1], np.full(D, np.nan, "<f4").tobytes(), np.full(D, 1e9, "<f4").tobytes()):
        assert client.post(f"{RUN}/export/gif", content=content).status_code == 400
