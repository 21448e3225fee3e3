"""The only arithmetic between stored grey levels and images in [0, 1], and pictures made of images."""

import base64
import io
import unicodedata
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from explorer.arrays import Images, Pixels
from explorer.errors import ShapeError
from explorer.wanted import check_wanted

TEXT_SIZE, TITLE_SIZE = 13, 15
"""Height of the captions and of the head of a contact sheet, pixels."""

SHEET_MARGIN, SHEET_GAP = 10, 6
"""Pixels around a contact sheet, and between its cells."""

NARROWEST_HEAD = 280
"""Pixels that the head of a contact sheet has at least, so that it is not broken word by word."""

PAPER, PRINT = 255, 30
"""Grey of a contact sheet, and of what is written on it."""


def to_unit(pixels: Pixels, levels: int) -> Images:
    """Stored grey levels 0 .. levels - 1 as images in [0, 1]: x / (levels - 1)."""
    return pixels.astype(np.float32) / np.float32(levels - 1)


def to_bytes(images: NDArray[np.floating]) -> Pixels:
    """Images in [0, 1] as bytes 0 .. 255 for the eye, same shape; values outside are clipped."""
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)


def from_bytes(pixels: Pixels, levels: int) -> Pixels:
    """Bytes for the eye as the nearest stored grey levels 0 .. levels - 1, same shape: undoes `to_bytes`."""
    return np.rint(pixels * np.float32((levels - 1) / 255)).astype(np.uint8)


def tile(images: NDArray, columns: int, gap: int = 0, background: float = 0) -> NDArray:
    """Images (N, C, H, W) laid out row by row on one sheet (C, rows * (H + gap) - gap, columns * (W + gap) - gap).

    Args:
        images: Of any dtype, (N, C, H, W).
        columns: Images in a row; the last row may be incomplete.
        gap: Pixels between neighbours.
        background: Value of gaps and of empty places, in the units of `images`.

    Raises:
        ShapeError: No image at all, or `columns` below one.
    """
    if images.ndim != 4 or not len(images) or columns < 1:
        raise ShapeError(f"a sheet needs images (N, C, H, W) and columns >= 1, not {images.shape} and {columns}.")
    count, channels, height, width = images.shape
    rows = -(-count // columns)
    padded = np.full((rows * columns, channels, height + gap, width + gap), background, dtype=images.dtype)
    padded[:count, :, :height, :width] = images
    sheet = padded.reshape(rows, columns, channels, height + gap, width + gap)
    sheet = sheet.transpose(2, 0, 3, 1, 4)  # (C, rows, H + gap, columns, W + gap)
    sheet = sheet.reshape(channels, rows * (height + gap), columns * (width + gap))
    return sheet[:, : rows * (height + gap) - gap, : columns * (width + gap) - gap]


def to_picture(image: NDArray) -> Image.Image:
    """One image (C, H, W), in [0, 1] or in bytes, as a grey or colour picture."""
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ShapeError(f"a picture needs an image shaped (1, H, W) or (3, H, W), not {image.shape}.")
    pixels = image if image.dtype == np.uint8 else to_bytes(image)
    return Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))


def encoded_picture(image: NDArray, kind: str = "png", **options: object) -> bytes:
    """One image (C, H, W) as the bytes of a PNG or WebP file; options go to Pillow."""
    buffer = io.BytesIO()
    to_picture(image).save(buffer, format=kind, **options)
    return buffer.getvalue()


def picture_type(content: bytes) -> Literal["image/png", "image/webp"] | None:
    """The media type of a file of the kinds that `encoded_picture` writes, by how it begins; None of any other."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else None


def picture_size(content: bytes) -> tuple[int, int] | None:
    """Width and height in pixels that such a file states, without unfolding it; None of any other file."""
    if picture_type(content) is None:
        return None
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "WEBP")) as picture:
            return picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def data_uri(image: NDArray) -> str:
    """One image (C, H, W) as a `data:` address that an <img> can show."""
    return "data:image/png;base64," + base64.b64encode(encoded_picture(image)).decode()


def enlarged(images: NDArray, scale: int) -> NDArray:
    """Images (..., H, W) with every pixel as a square of `scale` by `scale`: larger, and not blurred."""
    return images.repeat(scale, axis=-2).repeat(scale, axis=-1)


def shrunk(images: Pixels, size: tuple[int, int]) -> Pixels:
    """Images in bytes (N, C, H, W) at a smaller (height, width), each pixel the mean of what it stands for."""
    if images.shape[2:] == size:
        return images
    (height, width), small = size, np.empty((*images.shape[:2], *size), dtype=np.uint8)
    for k, image in enumerate(images):
        check_wanted()
        picture = np.asarray(to_picture(image).resize((width, height), Image.Resampling.BOX))
        small[k] = picture if picture.ndim == 2 else picture.transpose(2, 0, 1)
    return small


def animation(
    images: Pixels, kind: Literal["gif", "webp"], scale: int = 1, seconds: float = 0.1, boomerang: bool = False
) -> bytes:
    """Images as the bytes of a moving picture that repeats for ever.

    Grey images and every WebP are exact. A GIF has 256 colours a frame; they are chosen before the frame is enlarged,
    so that each pixel of an image stays one colour.

    Args:
        images: Frames in order, bytes, (N, C, H, W).
        kind: Of file.
        scale: Whole enlargement.
        seconds: Each frame is shown; a GIF counts in hundredths.
        boomerang: Whether it also runs back, without showing either end twice.
    """
    order = [*range(len(images)), *(range(len(images) - 2, 0, -1) if boomerang else ())]
    frames = [_enlarged_picture(image, kind, scale) for image in images]
    buffer = io.BytesIO()
    exact: dict[str, object] = {"lossless": True, "method": 0, "quality": 20} if kind == "webp" else {}
    first, *rest = (frames[k] for k in order)
    first.save(
        buffer, format=kind, save_all=True, append_images=rest, duration=round(100 * seconds) * 10, loop=0, **exact
    )
    return buffer.getvalue()


def _enlarged_picture(image: Pixels, kind: str, scale: int) -> Image.Image:
    check_wanted()
    picture = to_picture(image)
    if kind == "gif" and picture.mode == "RGB":
        picture = picture.quantize(256, dither=Image.Dither.NONE)
    size = (picture.width * scale, picture.height * scale)
    return picture.resize(size, Image.Resampling.NEAREST)


def contact_sheet(
    images: Pixels, columns: int, scale: int = 1, title: str = "", captions: Sequence[str] = ()
) -> Pixels:
    """Images on white paper, row by row, with words above all of them and below each.

    Args:
        images: Bytes, (N, C, H, W).
        columns: Images in a row.
        scale: Whole enlargement of the images; the words keep their size.
        title: Stands at the head; longer than a line, it is broken between words.
        captions: One for each image, or none.

    Returns:
        One image (C, height, width) in bytes.

    Raises:
        ShapeError: No image at all, `columns` below one, or another number of captions.
    """
    if images.ndim != 4 or not len(images) or columns < 1 or len(captions) not in (0, len(images)):
        raise ShapeError(
            f"a contact sheet needs images (N, C, H, W), columns >= 1 and no caption or N, not {images.shape}, "
            f"{columns} and {len(captions)}."
        )
    small, large = ImageFont.load_default(TEXT_SIZE), ImageFont.load_default(TITLE_SIZE)
    words = [_drawable(caption) for caption in captions]
    rows = -(-len(images) // columns)
    tile_height, tile_width = images.shape[2] * scale, images.shape[3] * scale
    cell_width = max([tile_width, *(_width(text, small) for text in words)])
    cell_height = tile_height + (TEXT_SIZE + 6 if words else 0)
    inner = max(columns * (cell_width + SHEET_GAP) - SHEET_GAP, NARROWEST_HEAD if title else 0)
    lines = _broken(_drawable(title), inner, large) if title else []
    top = SHEET_MARGIN + len(lines) * (TITLE_SIZE + 5) + (4 if lines else 0)
    height = top + rows * (cell_height + SHEET_GAP) - SHEET_GAP + SHEET_MARGIN
    sheet = Image.new(
        "L" if images.shape[1] == 1 else "RGB", (inner + 2 * SHEET_MARGIN, height), (PAPER,) * images.shape[1]
    )
    pen = ImageDraw.Draw(sheet)
    ink = (PRINT,) * images.shape[1]
    for k, line in enumerate(lines):
        pen.text((SHEET_MARGIN, SHEET_MARGIN + k * (TITLE_SIZE + 5)), line, fill=ink, font=large)
    for k, image in enumerate(images):
        left = SHEET_MARGIN + (k % columns) * (cell_width + SHEET_GAP)
        above = top + (k // columns) * (cell_height + SHEET_GAP)
        sheet.paste(_enlarged_picture(image, "png", scale), (left + (cell_width - tile_width) // 2, above))
        if words:
            shift = (cell_width - _width(words[k], small)) // 2
            pen.text((left + shift, above + tile_height + 2), words[k], fill=ink, font=small)
    pixels = np.asarray(sheet)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _width(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> int:
    """Pixels that a line of text is wide, rounded up."""
    return int(np.ceil(font.getlength(text)))


def _broken(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """A text as lines of at most that many pixels, broken between words, and inside one that is wider than a line."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if _width(longer, font) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and _width(lines[-1] + letter, font) > width:
                lines.append("")
            lines[-1] += letter
    return lines


def _drawable(text: str) -> str:
    """A text in letters that Pillow's own font has: accents are dropped, and what it lacks becomes a question mark."""
    plain = unicodedata.normalize("NFKD", text.replace("\N{MINUS SIGN}", "\N{EN DASH}"))
    known = {"\N{EN DASH}", "\N{EM DASH}", "\N{MIDDLE DOT}", "\N{HORIZONTAL ELLIPSIS}"}
    letters = (c if c.isascii() or c in known else "?" for c in plain if not unicodedata.combining(c))
    return "".join(c if c.isprintable() else " " for c in letters)
