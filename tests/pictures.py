"""Small pictures and data sets in every layout on disk, made up for the tests."""

import io
import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo


def scene(seed: int, size: tuple[int, int] = (24, 20)) -> Image.Image:
    """A smooth colour picture, (width, height) pixels, another for every seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def write_scenes(folder: Path, names: Iterable[str], size: tuple[int, int] = (24, 20)) -> list[Path]:
    """A picture per name, as the ending says."""
    paths = [folder / name for name in names]
    for seed, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        scene(seed, size).save(path)
    return paths


def jpeg(seed: int = 0) -> bytes:
    """The bytes of a JPEG file."""
    buffer = io.BytesIO()
    scene(seed).save(buffer, format="JPEG")
    return buffer.getvalue()


def values(folder: Path, arrays: Iterable[np.ndarray], ending: str) -> list[Path]:
    """Grey pictures of these very values, of more than 8 bits where their type says so."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, array in enumerate(arrays):
        paths.append(folder / f"v{number:03d}.{ending}")
        Image.fromarray(array).save(paths[-1])
    return paths


def ramp(most: float, kind: type, side: int = 8) -> np.ndarray:
    """A picture (side, side) that reaches from 0 to `most`."""
    return np.linspace(0, most, side * side).reshape(side, side).astype(kind)


def deep_png(colours: np.ndarray) -> bytes:
    """A PNG of colours (H, W, 3) or, with alpha, (H, W, 4) of 16 bits, which Pillow cannot write."""
    height, width, channels = colours.shape
    header = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    lines = b"".join(b"\0" + row.tobytes() for row in colours.astype(">u2"))
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


# --- CelebA -----------------------------------------------------------------------------------------------------------

FACE = (178, 218)
"""Width and height of CelebA's aligned faces."""

NUMBERS = (*range(1, 41), *range(162_771, 162_779), *range(182_638, 182_650))
"""Official numbers of a made-up subset: 40 training, 8 validation and 12 test faces."""

ATTRIBUTES = ("Bald", "Eyeglasses", "Smiling")


def part_of(number: int) -> int:
    """0, 1 or 2: where CelebA puts the face with that official number."""
    return (number > 162_770) + (number > 182_637)


def traits_of(number: int) -> list[bool]:
    """Attributes of a made-up face."""
    return [number % 2 == 0, number % 3 == 0, number % 5 == 0]


def write_faces(folder: Path, numbers: Iterable[int] = NUMBERS, size: tuple[int, int] = FACE, shift: int = 0) -> None:
    """Faces named by their numbers plus `shift`; the picture depends on the number alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        scene(number, size).save(folder / f"{number + shift:06d}.jpg")


def write_lists(folder: Path, kind: str, numbers: Iterable[int] = NUMBERS) -> None:
    """Both lists: "txt" as the authors write them, "csv" as Kaggle does."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = list(numbers)
    signs = [[f"{1 if has else -1}" for has in traits_of(n)] for n in numbers]
    if kind == "csv":
        attributes = [",".join(["image_id", *ATTRIBUTES])]
        attributes += [",".join([f"{n:06d}.jpg", *row]) for n, row in zip(numbers, signs, strict=True)]
        partition = ["image_id,partition", *(f"{n:06d}.jpg,{part_of(n)}" for n in numbers)]
    else:
        attributes = [str(len(numbers)), " ".join(ATTRIBUTES) + " "]
        attributes += [
            f"{n:06d}.jpg " + " ".join(f"{s:>2}" for s in row) for n, row in zip(numbers, signs, strict=True)
        ]
        partition = [f"{n:06d}.jpg {part_of(n)}" for n in numbers]
    for name, lines in (("list_attr_celeba", attributes), ("list_eval_partition", partition)):
        (folder / f"{name}.{kind}").write_bytes("\r\n".join([*lines, ""]).encode())


# --- Flowers ----------------------------------------------------------------------------------------------------------


def write_flowers(data_dir: Path, count: int = 60) -> dict[str, np.ndarray]:
    """flowers-102 with `count` images, every sixth for training, every sixth for validation, the others for testing."""
    from scipy.io import savemat

    root = data_dir / "flowers-102"
    write_scenes(root / "jpg", [f"image_{n:05d}.jpg" for n in range(1, count + 1)], size=(40, 32))
    numbers = np.arange(1, count + 1)
    lists = {
        "trnid": numbers[numbers % 6 == 0],
        "valid": numbers[numbers % 6 == 1],
        "tstid": numbers[numbers % 6 > 1],
        "labels": 1 + numbers % 102,
    }
    savemat(root / "imagelabels.mat", {"labels": lists["labels"]})
    savemat(root / "setid.mat", {name: lists[name] for name in ("trnid", "valid", "tstid")})
    return lists


# --- Files that are not what one expects ------------------------------------------------------------------------------


def glyph(mode: str = "L") -> Image.Image:
    """A dark seven on light ground."""
    page = Image.new("RGB", (64, 48), "white")
    ImageDraw.Draw(page).line([(18, 8), (44, 8), (26, 40)], fill="black", width=5)
    return page.convert(mode)


def saved(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(width: int, height: int, lines: bytes = b"\0") -> bytes:
    """A grey PNG that declares a size, whatever it holds."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def sixteen_bits() -> bytes:
    return saved(Image.fromarray((np.asarray(glyph()).astype(np.uint16)) * 257))


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(glyph(), "JPEG", exif=exif)


def huge_exif() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "x" * 60_000
    return saved(glyph(), "JPEG", exif=exif)


def see_through() -> bytes:
    picture = glyph("RGBA")
    picture.putalpha(Image.fromarray(255 - np.asarray(glyph())))
    return saved(picture)


def palette() -> bytes:
    picture = Image.fromarray((np.asarray(glyph()) > 128).astype(np.uint8)).convert("P")
    picture.putpalette([0, 0, 0, 255, 0, 0])
    return saved(picture, transparency=1)


def many_words() -> bytes:
    words = PngInfo()
    for number in range(60):
        words.add_text(f"note {number}", "x" * 900_000, zip=True)
    return saved(glyph(), pnginfo=words)


def broken_chunk() -> bytes:
    content = bytearray(saved(glyph()))
    at = content.index(b"IDAT") + 12
    content[at : at + 8] = b"\xff" * 8
    return bytes(content)


AWKWARD: dict[str, tuple[Callable[[], bytes], str]] = {
    "plain": (lambda: saved(glyph()), "image"),
    "nothing": (lambda: b"", "sentence"),
    "one byte": (lambda: b"\0", "sentence"),
    "a text": (lambda: b"this is no picture, whatever its name says\n" * 40, "sentence"),
    "a page": (lambda: b"<!doctype html><script>alert(1)</script>", "sentence"),
    "svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "sentence"),
    "heic": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(4000), "sentence"),
    "a program": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (r) file\n", "sentence"),
    "one pixel": (lambda: saved(Image.new("L", (1, 1), 9)), "either"),
    "one line": (lambda: saved(Image.fromarray((np.arange(2000)[None] % 251).astype(np.uint8))), "either"),
    "one colour": (lambda: saved(Image.new("RGB", (40, 40), "red")), "either"),
    "20,000 pixels wide and high": (lambda: png_of(20_000, 20_000), "sentence"),
    "a bomb": (lambda: saved(Image.new("1", (13_000, 13_000))), "sentence"),
    "a hollow picture": (lambda: png_of(30, 30), "sentence"),
    "a cut jpeg": (lambda: saved(scene(1, (300, 200)), "JPEG")[:2000], "sentence"),
    "a broken chunk": (broken_chunk, "sentence"),
    "cmyk": (lambda: saved(glyph("CMYK"), "JPEG"), "image"),
    "sixteen bits": (sixteen_bits, "image"),
    "floating point": (lambda: saved(Image.fromarray(np.asarray(glyph()).astype(np.float32) / 255), "TIFF"), "image"),
    "floating point, not finite": (
        lambda: saved(Image.fromarray(np.full((20, 20), np.nan, np.float32)), "TIFF"),
        "sentence",
    ),
    "animated": (lambda: saved(glyph(), "GIF", save_all=True, append_images=[glyph()] * 30, duration=50), "image"),
    "a huge exif": (huge_exif, "image"),
    "turned by the camera": (turned, "image"),
    "a palette with transparency": (palette, "image"),
    "grey and alpha": (lambda: saved(glyph("LA")), "image"),
    "seen through": (see_through, "image"),
    "one bit": (lambda: saved(glyph("1")), "image"),
    "bmp": (lambda: saved(glyph("RGB"), "BMP"), "image"),
    "tiff": (lambda: saved(glyph("RGB"), "TIFF", compression="tiff_lzw"), "image"),
    "webp": (lambda: saved(glyph("RGB"), "WEBP"), "image"),
    "ico": (lambda: saved(glyph("RGBA"), "ICO"), "sentence"),
    "sixty megabytes of words": (many_words, "either"),
    "four million pixels": (lambda: saved(glyph().resize((2000, 2000)), "JPEG"), "image"),
}
"""What somebody may show the model, and what comes of it: an image, a sentence, or either."""
