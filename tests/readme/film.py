"""The moving picture of the README: ten draws of an autoencoder and of its VAE twin, by the same random numbers.

Each model decodes draws from one bell that was fitted to its codes, the draws with seed 1, which step 3 of Start shows
too. Every place on the way from one draw to the next is a draw from the same bell as well: for independent draws a and
b about the mean, cos(t) a + sin(t) b has their law. A picture is hatched where no image is encoded. Decodes alone are
shown: no image of a data set is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from explorer.analysis.counter import CounterGenerator
from explorer.analysis.holes import ALPHA
from explorer.analysis.laws import WHITE
from explorer.library import Library
from explorer.plots.style import Theme

PAIRS = (("mnist-ae-16", "mnist-vae-16", "MNIST"), ("digits-ae-8", "digits-vae-8", "8x8 digits"))
"""Twins that are shown one after the other, and what their images are called."""

DRAWS, SEED = 10, 1
"""How many draws, and the seed of the random numbers behind them."""

STEPS, REST = 9, 5
"""Pictures of the way from one draw to the next, and how many more the draw itself stays."""

FRAME_MS = 80
"""Time that one picture stays."""

SIZE = (1060, 300)
"""Width and height, in pixels; the README shows it at most this wide."""

PICTURE, TILE, COLUMNS, EDGE = 224, 56, 4, 14
"""Sides of the decode and of a kept draw, how many of these stand in a row, and the space around, in pixels.

Both sides are whole multiples of 28 and of 8.
"""

GREYS = 24
"""Grey levels of the decodes: more are hardly seen, and weigh more."""

TITLES = {"ae": "Autoencoder", "vae": "VAE"}

COLOURS: dict[Theme, dict[str, str]] = {
    "light": {"back": "#ffffff", "ink": "#24292f", "soft": "#56606d", "ae": "#e76300", "vae": "#3f90da"},
    "dark": {"back": "#0d1117", "ink": "#e6e8eb", "soft": "#a7b1be", "ae": "#ee924c", "vae": "#79b1e5"},
}
"""Those of the page (kit.css), on the grounds that GitHub shows a README on."""


@dataclass(frozen=True)
class Walk:
    """The walk of one model from draw to draw.

    Attributes:
        side: "ae" or "vae".
        decoded: On the way, bytes (T, H, W); every `STEPS`-th is one of the draws.
        holes: Whether no image is encoded there, (T,).
    """

    side: str
    decoded: NDArray[np.uint8]
    holes: NDArray[np.bool_]


def walk_of(library: Library, name: str) -> Walk:
    """The walk of a run.

    Raises:
        CheckpointError: There is no such run, or it is damaged.
    """
    run = library.open(name)
    draws = run.sample(WHITE.name, DRAWS, CounterGenerator(SEED))  # pyright: ignore[reportArgumentType] - draws as numpy's does
    middle = run.law(WHITE.name).sample(20_000, np.random.default_rng(0)).mean(0)
    angles = np.arange(STEPS)[:, None] / STEPS * np.pi / 2
    parts = [
        middle + np.cos(angles) * (first - middle) + np.sin(angles) * (second - middle)
        for first, second in zip(draws, draws[1:], strict=False)
    ]
    latents = np.concatenate([*parts, draws[-1:]]).astype(np.float32)
    shades = np.rint((GREYS - 1) * run.coder.decode(latents)[:, 0]) / (GREYS - 1)
    side = "ae" if run.is_point else "vae"
    return Walk(side, np.rint(255 * shades).astype(np.uint8), run.vacancy.p_value(latents) <= ALPHA)


def walks(checkpoints: Path) -> list[tuple[str, tuple[Walk, Walk]]]:
    """By data set, the walk of the autoencoder and that of the VAE."""
    library = Library(checkpoints)
    return [(title, (walk_of(library, first), walk_of(library, second))) for first, second, title in PAIRS]


# --- drawing ----------------------------------------------------------------------------------------------------------


def frames(pairs: list[tuple[str, tuple[Walk, Walk]]], theme: Theme) -> Iterator[tuple[Image.Image, int]]:
    """The pictures one after the other, each with the milliseconds that it stays."""
    for title, sides in pairs:
        for k in range(len(sides[0].decoded)):
            picture = Image.new("RGB", SIZE, COLOURS[theme]["back"])
            for number, walk in enumerate(sides):
                picture.paste(half(walk, k, title, theme), (number * SIZE[0] // 2, 0))
            yield picture, FRAME_MS * (1 + REST * (k % STEPS == 0) + 3 * REST * (k == len(sides[0].decoded) - 1))


def half(walk: Walk, k: int, title: str, theme: Theme) -> Image.Image:
    """One model at one step of its walk, (SIZE[0] / 2, SIZE[1])."""
    colours, top, right = COLOURS[theme], 44, 2 * EDGE + PICTURE + 8
    picture = Image.new("RGB", (SIZE[0] // 2, SIZE[1]), colours["back"])
    pen = ImageDraw.Draw(picture)
    pen.text((EDGE, 10), TITLES[walk.side], colours[walk.side], font(22))
    pen.text((right, 15), f"{title}: ten draws from one fitted bell", colours["soft"], font(15))
    picture.paste(framed(walk.decoded[k], PICTURE, 7, bool(walk.holes[k]), colours), (EDGE - 7, top - 7))
    pen.rectangle([EDGE - 1, top - 1, EDGE + PICTURE, top + PICTURE], outline=colours[walk.side])
    words = "no image is encoded here" if walk.holes[k] else "codes are common here"
    pen.text((EDGE, top + PICTURE + 10), words, colours["ink" if walk.holes[k] else "soft"], font(15))
    kept = range(0, k + 1, STEPS)
    for place, draw in enumerate(kept):
        row, column = divmod(place, COLUMNS)
        tile = framed(walk.decoded[draw], TILE, 4, bool(walk.holes[draw]), colours)
        picture.paste(tile, (right + column * (TILE + 8) - 4, top + row * (TILE + 8) - 4))
    holes = sum(bool(walk.holes[draw]) for draw in kept)
    pen.text((right, top + 3 * (TILE + 8) + 6), f"{holes} of {len(kept)} in holes", colours["ink"], font(20))
    return picture


def framed(pixels: NDArray[np.uint8], side: int, width: int, hole: bool, colours: dict[str, str]) -> Image.Image:
    """A decode in a frame, which is hatched where no image is encoded."""
    whole = side + 2 * width
    frame = Image.new("RGB", (whole, whole), colours["back"])
    if hole:
        lines = ImageDraw.Draw(frame)
        for start in range(-whole, whole, 6):
            lines.line([start, whole, start + whole, 0], fill=colours["ink"], width=2)
    frame.paste(Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST).convert("RGB"), (width, width))
    return frame


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own letters, the same on every machine."""
    return ImageFont.load_default(size)


def write_film(path: Path, pairs: list[tuple[str, tuple[Walk, Walk]]], theme: Theme) -> None:
    """Write the moving picture as WebP."""
    (first, *others), times = zip(*frames(pairs, theme), strict=True)
    first.save(path, save_all=True, append_images=others, duration=list(times), loop=0, lossless=True, method=3)
