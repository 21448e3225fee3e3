"""The only arithmetic between stored grey levels and images in [0, 1], and pictures made of images."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explorer.arrays import Images, Pixels
from explorer.errors import ShapeError


def to_unit(pixels: Pixels, levels: int) -> Images:
    """Stored grey levels 0 .. levels - 1 as images in [0, 1]: x / (levels - 1)."""
    return pixels.astype(np.float32) / np.float32(levels - 1)


def to_bytes(images: NDArray[np.floating]) -> Pixels:
    """Images in [0, 1] as bytes 0 .. 255 for the eye, same shape; values outside are clipped."""
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)


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


def data_uri(image: NDArray) -> str:
    """One image (C, H, W) as a `data:` address that an <img> can show."""
    return "data:image/png;base64," + base64.b64encode(encoded_picture(image)).decode()
