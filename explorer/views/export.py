"""Files of what is decoded, by format: a strip of pictures, a contact sheet, a moving picture."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from explorer.arrays import Latents, Pixels
from explorer.errors import ShapeError, TooMuchError
from explorer.images import animation, contact_sheet, encoded_picture, enlarged, tile, to_bytes
from explorer.library import OpenRun

MOST_TILES = 256
"""Latents of one file."""

MOST_SCALE = 32
"""Largest enlargement."""

MOST_STILL, MOST_MOVING = 16_000_000, 32_000_000
"""Pixels of one picture, and of all frames of a moving one."""

SHORTEST, LONGEST = 0.02, 5.0
"""Seconds that one frame is shown; browsers do not show shorter ones as such."""

TILE, FRAME = 128, 224
"""Pixels that a tile and a frame are wide, at most, where no enlargement is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a file is made of beside its pictures.

    Attributes:
        columns: Pictures in a row; None for all in one, or a square of a contact sheet.
        scale: Whole enlargement of every pixel; 0 for one that suits the pictures.
        seconds: How long each frame of a moving picture is shown.
        boomerang: Whether a moving picture also runs back.
        title: Head of a contact sheet, after the run's name.
        captions: One below each picture of a contact sheet, or none.
    """

    columns: int | None = None
    scale: int = 0
    seconds: float = 0.1
    boomerang: bool = False
    title: str = ""
    captions: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file.

    Attributes:
        ending: End of its name.
        media: Its media type.
        text: What its button says.
        hint: What it is, in a sentence.
        write: Pictures (N, C, H, W) in bytes, columns, enlargement, the run's name and the rest to the file's bytes.
        moves: Whether it shows its pictures one after the other.
        captioned: Whether it has a head, and words below its pictures, which stand in a square where nobody says how
            many are in a row.
    """

    ending: str
    media: str
    text: str
    hint: str
    write: Callable[[Pixels, int, int, str, Wanted], bytes]
    moves: bool = False
    captioned: bool = False


def _strip(images: Pixels, columns: int, scale: int, name: str, wanted: Wanted) -> bytes:  # noqa: ARG001
    return encoded_picture(enlarged(tile(images, columns), scale))


def _sheet(images: Pixels, columns: int, scale: int, name: str, wanted: Wanted) -> bytes:
    head = f"{name} \N{MIDDLE DOT} {wanted.title}" if wanted.title else name
    return encoded_picture(contact_sheet(images, columns, scale, head, wanted.captions))


def _film(kind: Literal["gif", "webp"]) -> Callable[[Pixels, int, int, str, Wanted], bytes]:
    def write(images: Pixels, columns: int, scale: int, name: str, wanted: Wanted) -> bytes:  # noqa: ARG001
        return animation(images, kind, scale, wanted.seconds, wanted.boomerang)

    return write


FORMATS: Mapping[str, Format] = {
    "png": Format("png", "image/png", "PNG", "The pictures in one row, every pixel a square, as a PNG file", _strip),
    "sheet": Format(
        "png",
        "image/png",
        "Contact sheet",
        "The pictures with their places written below them, as a PNG file",
        _sheet,
        captioned=True,
    ),
    "gif": Format(
        "gif", "image/gif", "GIF", "The pictures as a film that repeats, as a GIF file", _film("gif"), moves=True
    ),
    "webp": Format(
        "webp", "image/webp", "WebP", "The same film with exact colours, as a WebP file", _film("webp"), moves=True
    ),
}
"""The formats by name, in the order of the page."""


def exported(run: OpenRun, latents: Latents, kind: str, wanted: Wanted) -> bytes:
    """Decodes of latents (n, d) as a file.

    Args:
        run: Whose latents they are.
        latents: `MOST_TILES` of them at most.
        kind: One of `FORMATS`.
        wanted: What else the file is made of.

    Raises:
        ShapeError: There are captions, but not one for each picture.
        TooMuchError: The file would have too many pixels.
    """
    form, count = FORMATS[kind], len(latents)
    if len(wanted.captions) not in (0, count):
        raise ShapeError(
            f"there must be one caption for each of {count} pictures, or none, not {len(wanted.captions)}."
        )
    usual = int(count**0.5 + 0.999) if form.captioned else count
    columns = min(wanted.columns or usual, count)
    _, height, width = run.image_shape
    scale = wanted.scale or max(1, (FRAME if form.moves else TILE) // max(height, width))
    frames = 2 * count - 2 if wanted.boomerang and count > 1 else count
    places = frames if form.moves else columns * -(-count // columns)
    pixels, most = places * height * width * scale**2, MOST_MOVING if form.moves else MOST_STILL
    if pixels > most:
        raise TooMuchError(
            f"this file would have {pixels:,} pixels, but {most:,} is the most; choose a smaller scale or "
            "fewer pictures."
        )
    return form.write(to_bytes(run.coder.decode(latents)), columns, scale, run.name, wanted)
