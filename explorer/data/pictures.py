"""Picture files of any kind as square images of bytes: decoded, cropped, never squashed."""

import contextlib
import re
import struct
import sys
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, JpegImagePlugin

from explorer.arrays import Pixels
from explorer.data.listing import Member, formats_of

ANIMATED = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
"""Formats of a picture that a visitor may show; the first frame of one that moves counts."""

MOST_PHOTOGRAPH = 250_000_000
"""Most pixels of a JPEG that is decoded at a fraction of its size; cameras reach 200 million."""

BITS = (8, 10, 12, 14, 16)
"""Bits of a whole number that sensors and files use."""

UNREADABLE = (
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    OSError,
    SyntaxError,  # Pillow's word for a broken PNG or TIFF
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RuntimeError,
    MemoryError,
    EOFError,
    struct.error,
    zlib.error,
)
"""What Pillow's decoders raise on bad files."""


Brightness = tuple[float, float]
"""Values that become black and white."""


class Depth(NamedTuple):
    """How far the values of a picture of more than 8 bits reach.

    Attributes:
        whole: Whether they are whole numbers, else floating point numbers.
        least: The smallest.
        most: The largest.
    """

    whole: bool
    least: float
    most: float


class Traits(NamedTuple):
    """What a picture is like before it becomes an image.

    Attributes:
        width: Of the stored picture, in pixels.
        height: Of the stored picture, in pixels.
        frames: Whether it has more than one.
        transparent: Whether one can see through any of it.
        depth: Reach of its values, None for 8 bits.
    """

    width: int
    height: int
    frames: bool
    transparent: bool
    depth: Depth | None


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """How a picture becomes an image.

    Attributes:
        size: Side of the image, in pixels.
        grey: One channel instead of three.
        crop: Share of the shorter side that is kept of a picture that is not square, around its centre.
        brightness: Values that become black and white in pictures of more than 8 bits; None judges each by itself.
    """

    size: int
    grey: bool = False
    crop: float = 1.0
    brightness: Brightness | None = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return (1 if self.grey else 3), self.size, self.size


class UnreadablePictureError(Exception):
    """A file cannot be decoded; the text says why."""


def prepared(path: Path | Member, how: Preparation) -> Pixels:
    """The picture in a file as one image (C, H, W) of bytes; see `prepared_with_traits`."""
    return prepared_with_traits(path, how)[0]


def prepared_with_traits(path: Path | Member, how: Preparation) -> tuple[Pixels, Traits]:
    """The picture in a file as one image (C, H, W) of bytes, and what the picture is like.

    The orientation that a camera noted is obeyed, what is transparent is laid over white, more than 8 bits become 8.

    Raises:
        UnreadablePictureError: The file is damaged, foreign, or too large.
    """
    enough = int(2 * how.size / how.crop)  # a JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that does
    try:
        file = path if isinstance(path, Path) else path.open("rb")
        picture, traits = decoded(
            file, "L" if how.grey else "RGB", enough=enough, formats=formats_of(path), brightness=how.brightness
        )
        image = np.asarray(_square(picture, how))
    except UNREADABLE as error:
        raise UnreadablePictureError(_reason(error)) from None
    return image[None] if how.grey else np.ascontiguousarray(image.transpose(2, 0, 1)), traits


def decoded(
    file: Path | BinaryIO,
    mode: Literal["L", "RGB"],
    *,
    formats: tuple[str, ...],
    enough: int | None = None,
    most_pixels: int | None = None,
    brightness: Brightness | None = None,
) -> tuple[Image.Image, Traits]:
    """The picture in a file in memory, upright and opaque, of 8 bits, and what it was like.

    Args:
        file: Where it is, or its bytes.
        mode: Grey or colour.
        formats: What the file may be; no other decoder is tried.
        enough: Pixels that suffice on each side, so that a large JPEG need not be decoded in full; None for all.
        most_pixels: Most pixels that it may unfold into, asked before it does; None leaves that to Pillow, which a
            JPEG passes by the size that it is decoded at.
        brightness: Values that become black and white where it has more than 8 bits; None judges it by itself.

    Raises:
        UnreadablePictureError: The file is damaged, foreign, or too large.
    """
    try:
        with contextlib.ExitStack() as open_files:
            try:
                picture = open_files.enter_context(Image.open(file, formats=formats))
                size = picture.size
            except (Image.DecompressionBombError, Image.DecompressionBombWarning):
                if enough is None or most_pixels is not None:
                    raise
                open_files.enter_context(ONE_LARGE)
                picture, size = _photograph(file, enough)
                open_files.enter_context(picture)
            if most_pixels is not None and picture.width * picture.height > most_pixels:
                raise UnreadablePictureError(f"more than {most_pixels:,} pixels")
            frames = bool(getattr(picture, "is_animated", False))
            if enough is not None:
                picture.draft(None, (enough, enough))
            lower = _lower_bytes(file, picture)
            upright = ImageOps.exif_transpose(picture)
            values = np.asarray(upright) if _is_deep(upright) else None
            if lower is not None:
                values = _sixteen_bits(upright, ImageOps.exif_transpose(open_files.enter_context(lower)))
            depth = None if values is None else _depth(values)
            if values is not None and brightness is not None:
                upright = _eight_bits(upright, values, brightness)
            image, transparent = _opaque(upright, mode)
            return image, Traits(*size, frames, transparent, depth)
    except UNREADABLE as error:
        raise UnreadablePictureError(_reason(error, file)) from None


class Scale(NamedTuple):
    """Black and white of all pictures of a set that have more than 8 bits.

    Attributes:
        black: Value that becomes 0.
        white: Value that becomes 255.
        why: How they were found, in words.
    """

    black: float
    white: float
    why: str


def scale_of(depths: Sequence[Depth]) -> Scale:
    """Black and white of a set, by the values of all its pictures.

    Whole numbers reach to the most that 8, 10, 12, 14 or 16 bits can hold, the fewest bits that hold the largest;
    floating point numbers in [0, 1] reach to 1; all others are stretched from the smallest to the largest of the set.

    Args:
        depths: Those of its pictures of more than 8 bits, all of whole numbers or none.
    """
    least, most = min(each.least for each in depths), max(each.most for each in depths)
    if least >= 0 and depths[0].whole and most < 2 ** BITS[-1]:
        bits = next(bits for bits in BITS if most < 2**bits)
        return Scale(0.0, 2.0**bits - 1, f"the fewest bits that hold the largest value, {most:,g}, are {bits}")
    if least >= 0 and most <= 1 and not depths[0].whole:
        return Scale(0.0, 1.0, "all lie in [0, 1]")
    return Scale(least, most if most > least else least + 1, "the smallest and the largest value of the set")


class Window(NamedTuple):
    """A part of a picture, in its pixels from the left and from the top."""

    left: int
    top: int
    width: int
    height: int


def middle(width: int, height: int, crop: float = 1.0, aspect: float = 1.0) -> Window:
    """The largest part around a picture's centre whose width is `aspect` times its height.

    Args:
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        crop: Share of that part's sides that is kept; a picture of just these proportions is kept whole.
        aspect: Width by height.
    """
    across = min(width, height * aspect)
    if width != height * aspect:
        across *= crop
    wide, high = max(1, round(across)), max(1, round(across / aspect))
    return Window((width - wide) // 2, (height - high) // 2, wide, high)


def cut(picture: Image.Image, part: Window, size: tuple[int, int]) -> Image.Image:
    """A part of a picture at the (width, height) of an image."""
    inside = picture.crop((part.left, part.top, part.left + part.width, part.top + part.height))
    return inside.resize(size, Image.Resampling.LANCZOS)  # resize(box=...) would mix in what lies around it


ONE_LARGE = threading.Lock()
"""Held while a JPEG above Pillow's limit is decoded: a progressive one takes a gigabyte."""


def _photograph(file: Path | BinaryIO, enough: int) -> tuple[ImageFile.ImageFile, tuple[int, int]]:
    """A JPEG above Pillow's limit that is below it at the fraction at which it is decoded, and its size before.

    Raises:
        DecompressionBombError: It is no JPEG, or above the limit all the same.
    """
    with contextlib.suppress(SyntaxError):
        if not isinstance(file, Path):
            file.seek(0)
        picture = JpegImagePlugin.JpegImageFile(file)
        size = picture.size
        picture.draft(None, (enough, enough))
        most = Image.MAX_IMAGE_PIXELS or MOST_PHOTOGRAPH
        if size[0] * size[1] <= MOST_PHOTOGRAPH and picture.width * picture.height <= most:
            return picture, size
        picture.close()
    raise Image.DecompressionBombError


def _is_deep(picture: Image.Image) -> bool:
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def _lower_bytes(file: Path | BinaryIO, picture: ImageFile.ImageFile) -> Image.Image | None:
    """A colour picture of 16 bits once more, with the lower bytes of its values; None for any other.

    Pillow has no mode for 16 bits of colour: it unpacks the upper byte of every value. Told that the bytes come in the
    other order, it unpacks the lower one.

    Args:
        file: Where the picture is, or its bytes.
        picture: The picture, not decoded yet.
    """
    if picture.format not in ("PNG", "TIFF") or picture.mode not in ("RGB", "RGBA"):
        return None
    tiles = []
    for tile in picture.tile:
        words = (tile.args,) if isinstance(tile.args, str) else tuple(tile.args or ())
        found = re.fullmatch(r"(RGB[AaX]?;16)([BLN])", str(words[0])) if words else None
        if found is None:
            return None
        native = "B" if sys.byteorder == "little" else "L"
        other = found[1] + {"B": "L", "L": "B", "N": native}[found[2]]
        tiles.append(tile._replace(args=other if isinstance(tile.args, str) else (other, *words[1:])))
    if isinstance(file, Path):
        again = Image.open(file, formats=(picture.format,))
    else:
        picture.load()
        file.seek(0)
        again = Image.open(file, formats=(picture.format,))
    again.tile = tiles
    return again


def _sixteen_bits(upper: Image.Image, lower: Image.Image) -> NDArray[np.uint16]:
    """The colours (H, W, 3) of upper and lower bytes."""
    high, low = (np.asarray(picture)[..., :3].astype(np.uint16) for picture in (upper, lower))
    return 256 * high + low


def _depth(values: NDArray) -> Depth:
    """How far values reach.

    Raises:
        ValueError: They are not all finite.
    """
    if not np.isfinite(values).all():
        raise ValueError("its pixels are not all finite")
    return Depth(np.issubdtype(values.dtype, np.integer), float(values.min()), float(values.max()))


def _eight_bits(picture: Image.Image, values: NDArray, brightness: Brightness) -> Image.Image:
    """A picture with values (H, W) or (H, W, 3) of more than 8 bits, with 256 levels; it stays as transparent."""
    black, white = brightness
    shares = np.clip((values.astype(np.float64) - black) / (white - black), 0, 1)
    image = Image.fromarray(np.rint(shares * 255).astype(np.uint8))
    if picture.mode == "RGBA":
        image.putalpha(picture.getchannel("A"))
    return image


def _opaque(picture: Image.Image, mode: str) -> tuple[Image.Image, bool]:
    """The picture in `mode`, "L" or "RGB", whatever it was stored as, and whether one could see through any of it."""
    if _is_deep(picture):
        return _judged_by_itself(picture).convert(mode), False
    if picture.mode in ("La", "RGBa"):  # colours that were multiplied by their alpha
        picture = picture.convert("LA" if picture.mode == "La" else "RGBA")
    transparent = False
    if picture.has_transparency_data:
        colours = picture.convert("RGBA")
        transparent = colours.getchannel("A").getextrema() != (255, 255)
        picture = Image.alpha_composite(Image.new("RGBA", colours.size, "white"), colours)
    return picture.convert(mode), transparent


def _judged_by_itself(picture: Image.Image) -> Image.Image:
    """A grey picture of more than 8 bits with 256 levels, by what its file and its largest value say of white."""
    values = np.asarray(picture)
    if picture.mode.startswith("I;16"):
        most = 65535.0
    else:  # the format does not say what white is
        steps = (1.0, 255.0, 65535.0) if picture.mode == "F" else (255.0, 65535.0)
        most = next((step for step in steps if values.max() <= step), float(values.max()))
    return _eight_bits(picture, values, (0.0, most))


def _square(picture: Image.Image, how: Preparation) -> Image.Image:
    """The middle of a picture, `how.size` pixels wide and high; a square picture is kept whole."""
    return cut(picture, middle(*picture.size, how.crop), (how.size, how.size))


def _reason(error: BaseException, file: Path | BinaryIO | None = None) -> str:
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, Image.UnidentifiedImageError):
        return "HEIC inside; pip install pillow-heif reads it" if _is_heic(file) else "no picture"
    return " ".join(str(error).split())[:100] or type(error).__name__


def _is_heic(file: Path | BinaryIO | None) -> bool:
    """Whether a file on disk holds what many phones write, whatever its name says."""
    if not isinstance(file, Path):
        return False
    with contextlib.suppress(OSError), file.open("rb") as content:
        return content.read(12)[4:] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc")
    return False
