"""Picture files of any kind as square images of bytes: found, decoded, cropped, never squashed."""

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from explorer.arrays import Pixels

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""Endings of the files that are taken for pictures, in any case."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
"""What such a file may be, whatever its ending says; no other decoder is ever tried."""

ANIMATED = (*FORMATS, "GIF")
"""What a picture that somebody shows may be; of one that moves the first frame counts."""

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


class Found(NamedTuple):
    """A file of a listing: where it is, its name below the folder that was searched, and what tells it is unchanged."""

    path: Path
    name: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """How a picture becomes an image.

    Attributes:
        size: Side of the image, in pixels.
        grey: One channel instead of three.
        crop: Share of the shorter side that is kept of a picture that is not square, around its centre.
    """

    size: int
    grey: bool = False
    crop: float = 1.0

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return (1 if self.grey else 3), self.size, self.size


class UnreadablePictureError(Exception):
    """A file cannot be decoded; the text says why."""


def plain(name: str) -> str:
    """A file's name as text that can be written and sent: what is no UTF-8 in it stands as an escape."""
    return name.encode("utf-8", "backslashreplace").decode()


def find_pictures(root: Path, deep: bool = True) -> list[Found]:
    """Every picture file below a folder, by name; hidden files and folders are passed over.

    Args:
        root: Where to look.
        deep: Whether to look into its sub-folders, too.

    Raises:
        OSError: A folder cannot be read.
    """
    found: list[Found] = []
    waiting = [(str(root), "")]
    while waiting:
        folder, prefix = waiting.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name == "__MACOSX":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if deep:
                        waiting.append((entry.path, f"{prefix}{entry.name}/"))
                elif entry.name.lower().endswith(ENDINGS) and entry.is_file():
                    stat = entry.stat()
                    found.append(Found(Path(entry.path), prefix + entry.name, stat.st_size, stat.st_mtime_ns))
    return sorted(found, key=lambda each: each.name)


def prepared(path: Path, how: Preparation) -> Pixels:
    """The picture in a file as one image (C, H, W) of bytes.

    The orientation that a camera noted is obeyed, what is transparent is laid over white, 16 bits become 8.

    Raises:
        UnreadablePictureError: The file is damaged, foreign, or larger than Pillow's limit for pictures.
    """
    enough = int(2 * how.size / how.crop)  # a JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that does
    try:
        picture = decoded(path, "L" if how.grey else "RGB", enough=enough)
        image = np.asarray(_square(picture, how))
    except UNREADABLE as error:
        raise UnreadablePictureError(_reason(error)) from None
    return image[None] if how.grey else np.ascontiguousarray(image.transpose(2, 0, 1))


def decoded(
    file: Path | BinaryIO,
    mode: Literal["L", "RGB"],
    *,
    enough: int | None = None,
    formats: tuple[str, ...] = FORMATS,
    most_pixels: int | None = None,
) -> Image.Image:
    """The picture in a file in memory, upright and opaque, of 8 bits.

    Args:
        file: Where it is, or its bytes.
        mode: Grey or colour.
        enough: Pixels that suffice on each side, so that a large JPEG need not be decoded in full; None for all.
        formats: What the file may be; no other decoder is tried.
        most_pixels: Most pixels that it may unfold into, asked before it does; None leaves that to Pillow.

    Raises:
        UnreadablePictureError: The file is damaged, foreign, or too large.
    """
    try:
        with Image.open(file, formats=formats) as picture:
            if most_pixels is not None and picture.width * picture.height > most_pixels:
                raise UnreadablePictureError(f"more than {most_pixels:,} pixels")
            if enough is not None:
                picture.draft(None, (enough, enough))
            return _opaque(ImageOps.exif_transpose(picture), mode)
    except UNREADABLE as error:
        raise UnreadablePictureError(_reason(error)) from None


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


def _opaque(picture: Image.Image, mode: str) -> Image.Image:
    """The picture in `mode`, "L" or "RGB", whatever it was stored as."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return _eight_bits(picture).convert(mode)
    if picture.mode in ("La", "RGBa"):  # colours that were multiplied by their alpha
        picture = picture.convert("LA" if picture.mode == "La" else "RGBA")
    if picture.has_transparency_data:
        colours = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", colours.size, "white"), colours)
    return picture.convert(mode)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """A grey picture of 16 or 32 bits, or of floating point numbers, with 256 levels."""
    values = np.asarray(picture).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("its pixels are not all finite")
    if picture.mode.startswith("I;16"):
        most = 65535.0
    else:  # the format does not say what white is
        steps = (1.0, 255.0, 65535.0) if picture.mode == "F" else (255.0, 65535.0)
        most = next((step for step in steps if values.max() <= step), float(values.max()))
    return Image.fromarray(np.rint(np.clip(values / most, 0, 1) * 255).astype(np.uint8))


def _square(picture: Image.Image, how: Preparation) -> Image.Image:
    """The middle of a picture, `how.size` pixels wide and high; a square picture is kept whole."""
    return cut(picture, middle(*picture.size, how.crop), (how.size, how.size))


def _reason(error: BaseException) -> str:
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, Image.UnidentifiedImageError):
        return "no picture"
    return " ".join(str(error).split())[:100] or type(error).__name__
