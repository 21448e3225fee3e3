"""A picture that somebody shows the model, prepared as the images of its data set were, and every step of that.

Nothing here touches a disk. Characters (MNIST, the digits) are prepared as their sets were: grey, light on dark, cut
to the ink, scaled into a box, centred. Any other picture is cropped and scaled as `explorer.data.pictures` does.
"""

from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explorer.arrays import Pixels
from explorer.config import DATASETS, DataConfig
from explorer.data.pictures import ANIMATED, Brightness, UnreadablePictureError, Window, cut, decoded, middle
from explorer.data.sources import Character, source_of
from explorer.errors import PictureError

LARGEST = 640
"""Longest side, in pixels, at which a picture is worked on: many times the images', and quick."""

SHOWN = 256
"""Longest side, in pixels, of the picture of a step."""

LEAST_CONTRAST = 0.06
"""How far something must stand out from its background, in [0, 1], to count as ink."""

SPECKS = (0.04, 0.5)
"""Least and largest share of the full ink below which something is still paper."""

FAINT = 0.35
"""Share of the full ink below which a pixel of a large picture does not say how far the character reaches."""

LEAST_SIDE = 0.05
"""Smallest crop, as a share of the largest that fits."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """How any other picture becomes an image.

    Attributes:
        image_shape: (C, H, W) of the image.
        crop: Share of the largest part of the right proportions that is kept, around its centre.
        brightness: Values that become black and white in pictures of more than 8 bits, as in the data set; None judges
            each by itself.
    """

    image_shape: tuple[int, int, int]
    crop: float = 1.0
    brightness: Brightness | None = None


Form = Character | Scene


class Place(NamedTuple):
    """Where a picture is cropped, whatever its size.

    Attributes:
        x: Centre, as a share of the width from the left.
        y: Centre, as a share of the height from the top.
        side: As a share of the largest part of the right proportions.
    """

    x: float
    y: float
    side: float


class Step(NamedTuple):
    """What one step of the preparation left.

    Attributes:
        name: What was done.
        note: Why, or how, in a few words.
        picture: What it looks like, (C, H, W) in bytes, at most `SHOWN` pixels wide and high.
    """

    name: str
    note: str
    picture: Pixels


@dataclass(frozen=True)
class OwnImage:
    """A picture that was prepared.

    Attributes:
        pixels: The image as the set would store it, (C, H, W), in 0 .. levels - 1.
        steps: How it came about, the picture itself first.
        place: Where it was cropped; None for a character.
    """

    pixels: Pixels
    steps: tuple[Step, ...]
    place: Place | None


def form_of(data: DataConfig | None, name: str, image_shape: tuple[int, int, int]) -> Form:
    """How pictures become images like those of a run.

    Args:
        data: The run's data settings; None for a model held in memory.
        name: What its images are called.
        image_shape: (C, H, W) of one of them.
    """
    dataset = name if data is None else data.dataset
    source = source_of(dataset) if dataset in DATASETS else None
    character = source and source.character
    if character and tuple(image_shape) == (1, character.size, character.size):
        return character
    crop = source.crop if source else 1.0
    return Scene(image_shape=image_shape, crop=crop, brightness=None if data is None else data.brightness)


def own_image(
    file: BinaryIO, form: Form, levels: int, *, place: Place | None = None, most_pixels: int = 4_000_000
) -> OwnImage:
    """The picture in a file, prepared.

    Args:
        file: Its bytes.
        form: What images of the run are like.
        levels: Grey levels of their stored pixels.
        place: Where to crop a scene; None for its middle.
        most_pixels: Most pixels that the file may unfold into.

    Raises:
        PictureError: It is no picture, damaged or too large, or there is nothing on it.
    """
    grey = isinstance(form, Character) or form.image_shape[0] == 1
    brightness = form.brightness if isinstance(form, Scene) else None
    try:
        picture, traits = decoded(
            file, "RGB", enough=2 * LARGEST, formats=ANIMATED, most_pixels=most_pixels, brightness=brightness
        )
    except UnreadablePictureError as error:
        raise PictureError(
            f"this file cannot be shown ({error}); a picture must be PNG, JPEG, WebP, GIF, BMP or TIFF "
            f"and have at most {most_pixels:,} pixels."
        ) from None
    note = f"{picture.width} × {picture.height} pixels"
    if traits.depth is not None and brightness is not None:
        note += f"; {brightness[0]:,.6g} is black and {brightness[1]:,.6g} white, as in the data set"
    original = Step("Your picture", note, _shown(picture))
    if isinstance(form, Character):
        picture.thumbnail((LARGEST, LARGEST))
        image, steps = character_image(np.asarray(picture.convert("L")), form)
        pixels = np.rint(image * (levels - 1)).astype(np.uint8)[None]
        return OwnImage(pixels, (original, *steps), None)
    _, height, width = form.image_shape
    part, place = _part(picture.size, form, place)
    cropped = cut(picture, part, _within(part.width, part.height, SHOWN))
    image = cut(picture, part, (width, height))
    steps = [original, Step("Cropped", "the part that the model gets to see", _shown(cropped))]
    if grey:
        image = image.convert("L")
    note = f"{width} × {height} pixels{', grey' if grey else ''}, as the images that the model was fitted to"
    steps.append(Step("Scaled", note, _shown(image)))
    values = np.atleast_3d(np.asarray(image)).transpose(2, 0, 1) / 255  # (C, H, W)
    return OwnImage(np.rint(values * (levels - 1)).astype(np.uint8), tuple(steps), place)


def character_image(grey: NDArray[np.uint8], form: Character) -> tuple[NDArray[np.float32], list[Step]]:
    """A picture of one character as an image (size, size) in [0, 1], light on dark, and the steps to it.

    Args:
        grey: The picture, (H, W).
        form: Size of the image and of the ink on it.

    Raises:
        PictureError: Nothing on it stands out from the background.
    """
    steps = [Step("Grey", "the colours' brightness", _bytes(grey / 255))]
    ink, is_light = ink_of(grey)
    turned = "Inverted" if is_light else "Not inverted"
    note = "the background was light; the data set is light on dark" if is_light else "the background is dark already"
    steps.append(Step(turned, note, _bytes(ink)))

    top, bottom, left, right = _extent(ink)
    if max(bottom - top, right - left) > 2 * form.box:  # sharp at the image's size: what is faint is JPEG's, or dust
        top, bottom, left, right = _extent(ink >= FAINT)
    inside = ink[top:bottom, left:right]
    steps.append(Step("Cropped", "to the ink", _bytes(inside)))

    scale = form.box / max(inside.shape)  # pixels of the image per pixel of the picture
    height, width = (max(1, round(side * scale)) for side in inside.shape)
    boxed = np.zeros((form.box, form.box), dtype=np.float32)
    up, across = (form.box - height) // 2, (form.box - width) // 2
    boxed[up : up + height, across : across + width] = _resampled(inside, (0, 0, *inside.shape[::-1]), (width, height))
    steps.append(Step("Scaled", f"into a box of {form.box} × {form.box} pixels", _bytes(boxed)))

    if form.by_mass:
        masses = [ink.sum(side, dtype=np.float64) for side in (1, 0)]  # of rows, of columns
        y, x = (float(each @ (np.arange(len(each)) + 0.5) / each.sum()) for each in masses)
    else:
        y, x = (top + bottom) / 2, (left + right) / 2
    reach = form.size / scale  # pixels of the picture that the image covers
    before = reach / 2 + (0.5 / scale if form.by_mass else 0)  # MNIST's own lie around pixel 14 of 0 to 27
    x, y = x - before, y - before
    if scale == 1:
        x, y = round(x), round(y)  # whole pixels, as the set was made: nothing is blurred
    image = _resampled(ink, (x, y, x + reach, y + reach), (form.size, form.size))
    image = image / max(float(image.max()), LEAST_CONTRAST)  # a thin line fades when it shrinks
    centre = "its centre of mass" if form.by_mass else "its box"
    note = f"{centre} in the middle of {form.size} × {form.size} pixels"
    steps.append(Step("Centred", note, _bytes(image)))
    return image, steps


def ink_of(grey: NDArray[np.uint8]) -> tuple[NDArray[np.float32], bool]:
    """How much ink lies on each pixel, (H, W) in [0, 1], and whether the background was the lighter of the two.

    The background is a plane fitted to the margin of the picture, so that a page lit from one side is even paper.

    Raises:
        PictureError: Nothing stands out from it.
    """
    values = grey.astype(np.float64) / 255
    height, width = values.shape
    frame = max(1, round(0.03 * min(height, width)))
    at_margin = np.ones(values.shape, dtype=bool)
    at_margin[frame : height - frame, frame : width - frame] = False
    paper, noise = _plane(values, at_margin)
    above = values - paper
    is_light = bool(above.mean() < 0)
    ink = -above if is_light else above
    brightest = max(1, ink.size // 10_000)  # a few pixels may be hot
    full = float(np.partition(ink.ravel(), -brightest)[-brightest])
    if full < LEAST_CONTRAST:
        raise PictureError(
            "nothing on this picture stands out from its background; show one dark character on light paper, "
            "or a light one on a dark ground."
        )
    ink = np.clip(ink / full, 0, 1).astype(np.float32)
    ink[ink < np.clip(6 * noise / full, *SPECKS)] = 0
    return ink, is_light


def _extent(ink: NDArray) -> tuple[int, int, int, int]:
    """First row, last row + 1, first column, last column + 1 with anything on it."""
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _plane(values: NDArray[np.float64], at_margin: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    """The plane (H, W) through most of the margin, and the standard deviation of the margin around it."""
    y, x = np.nonzero(at_margin)
    heights = values[at_margin]
    scale = max(values.shape)
    terms = np.stack([np.ones(len(x)), x / scale, y / scale], axis=1)
    offset = np.abs(heights - np.median(heights))
    for _ in range(3):  # what reaches into the margin is no paper
        kept = offset <= 3 * 1.4826 * np.median(offset) + 1 / 255
        found = np.linalg.lstsq(terms[kept], heights[kept], rcond=None)[0]
        offset = np.abs(heights - terms @ found)
    rows, columns = np.arange(values.shape[0])[:, None], np.arange(values.shape[1])[None]
    return found[0] + found[1] * columns / scale + found[2] * rows / scale, 1.4826 * float(np.median(offset))


def _resampled(
    values: NDArray[np.float32], box: tuple[float, float, float, float], size: tuple[int, int]
) -> NDArray[np.float32]:
    """What lies in a box (left, top, right, bottom) at (width, height) pixels, as (height, width); outside is 0."""
    height, width = values.shape
    left, top, right, bottom = box
    before = max(0, int(np.ceil(-left))), max(0, int(np.ceil(-top)))
    after = max(0, int(np.ceil(right - width))), max(0, int(np.ceil(bottom - height)))
    padded = np.pad(values, ((before[1], after[1]), (before[0], after[0])))
    moved = (left + before[0], top + before[1], right + before[0], bottom + before[1])
    picture = Image.fromarray(padded.astype(np.float32)).resize(size, Image.Resampling.BICUBIC, box=moved)
    return np.clip(np.asarray(picture), 0, 1)


def _part(size: tuple[int, int], form: Scene, place: Place | None) -> tuple[Window, Place]:
    """Which part of a picture of (width, height) is taken, and where that is; a place near the edge is moved inside."""
    _, height, width = form.image_shape
    largest = middle(*size, aspect=width / height)
    if place is None:
        part = middle(*size, form.crop, aspect=width / height)
    else:
        side = min(1.0, max(LEAST_SIDE, place.side))
        wide, high = max(1, round(largest.width * side)), max(1, round(largest.height * side))
        left = min(max(0, round(place.x * size[0] - wide / 2)), size[0] - wide)
        top = min(max(0, round(place.y * size[1] - high / 2)), size[1] - high)
        part = Window(left, top, wide, high)
    x, y = (part.left + part.width / 2) / size[0], (part.top + part.height / 2) / size[1]
    return part, Place(x, y, part.width / largest.width)


def _within(width: int, height: int, most: int) -> tuple[int, int]:
    """The same proportions with no side longer than `most`, and none enlarged."""
    scale = min(1.0, most / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _shown(picture: Image.Image) -> Pixels:
    """A picture for a step, (C, H, W) in bytes."""
    small = picture.resize(_within(*picture.size, SHOWN), Image.Resampling.BOX, reducing_gap=2.0)
    values = np.asarray(small)
    return values[None] if values.ndim == 2 else np.ascontiguousarray(values.transpose(2, 0, 1))


def _bytes(values: NDArray[np.floating]) -> Pixels:
    """Values (H, W) in [0, 1] as the picture of a step."""
    return _shown(Image.fromarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)))
