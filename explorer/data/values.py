"""Which axis of an array is which, and which of its values are black and white: found out, said, or asked for.

Nothing is guessed: what speaks for two readings is refused with the flag that decides between them.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Pixels
from explorer.config import Channels, PixelRange
from explorer.config.limits import MOST_SIDE
from explorer.data.pictures import Depth, scale_of
from explorer.data.stack import Stack
from explorer.errors import DataError

LEAST_SIDE = 4
"""Smallest side of an image, in pixels."""

COLOURS = (1, 3, 4)
"""Channels of an image: grey, colour, or colour with an opacity, which is laid over white."""

HALF = 128
"""Bytes from 0 to 255 reach at least so far; values in [0, 1] or [-1, 1] reach as far in their own range."""


@dataclass(frozen=True, kw_only=True)
class Axes:
    """How a row of an array is an image.

    Attributes:
        height: In pixels.
        width: In pixels.
        channels: 1, 3 or 4.
        last: Whether the channels are the last axis; else they are the first.
        words: The same for a person.
    """

    height: int
    width: int
    channels: int
    last: bool
    words: str

    def images(self, rows: NDArray) -> NDArray:
        """Rows of the array (n, ...) as images (n, C, H, W)."""
        if self.last:
            return rows.reshape(-1, self.height, self.width, self.channels).transpose(0, 3, 1, 2)
        return rows.reshape(-1, self.channels, self.height, self.width)


def axes_of(shape: tuple[int, ...], channels: Channels | None, what: str) -> Axes:
    """The axes of an array of images by its shape (N, ...).

    Args:
        shape: Of the array.
        channels: Where the channels are, if somebody says so.
        what: What the array is called, for messages.

    Raises:
        DataError: It is no array of images, or could be read in two ways.
    """
    found = _readings(shape, channels)
    if not found:
        raise DataError(
            f"{what} has the shape {shape}, but images are (N, H, W), (N, H, W, C), (N, C, H, W) with 1, 3 or 4 "
            f"channels and sides of {LEAST_SIDE} to {MOST_SIDE:,} pixels, or (N, H * W) of squares."
        )
    if len(found) > 1:
        raise DataError(
            f"{what} has the shape {shape}, in which the channels may come first or last; say which with "
            "--channels first or --channels last."
        )
    return found[0]


def _readings(shape: tuple[int, ...], channels: Channels | None) -> list[Axes]:
    """Every way to read a shape that makes sense."""
    found: list[Axes] = []

    def add(height: int, width: int, count: int, last: bool, words: str) -> None:
        fits = count in COLOURS and min(height, width) >= LEAST_SIDE and max(height, width) <= MOST_SIDE
        wanted = channels is None or count == 1 or last == (channels == "last")
        if fits and wanted:
            found.append(Axes(height=height, width=width, channels=count, last=last, words=words))

    if len(shape) == 2:
        for count in (1, 3):
            side = math.isqrt(shape[1] // count)
            if side * side * count == shape[1]:
                orders = (False,) if count == 1 else (False, True)
                for last in orders:
                    add(side, side, count, last, f"(N, {shape[1]}), rows of {side}x{side} pixels")
    elif len(shape) == 3:
        add(shape[1], shape[2], 1, False, "(N, H, W), grey")
    elif len(shape) == 4:
        add(shape[2], shape[3], shape[1], False, "(N, C, H, W)")
        add(shape[1], shape[2], shape[3], True, "(N, H, W, C)")
    if len({(each.height, each.width, each.channels) for each in found}) == 1 and found[0].channels == 1:
        return found[:1]  # one channel may stand anywhere
    return found


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far the values of arrays reach.

    Attributes:
        least: The smallest.
        most: The largest.
        whole: Whether all are whole numbers.
    """

    least: float
    most: float
    whole: bool


def reach_of(stacks: list[Stack]) -> Reach:
    """How far the values of arrays reach, all of them read once.

    Raises:
        DataError: They are no numbers, not all finite, or there are none.
    """
    least, most, whole = math.inf, -math.inf, True
    for stack in stacks:
        if stack.dtype.kind not in "biuf":
            raise DataError(f"{stack.name or 'the array'} holds {stack.dtype}, but pixels must be numbers.")
        for row, block in counted_blocks(stack):
            low, high = float(block.min()), float(block.max())
            if not math.isfinite(low) or not math.isfinite(high):  # a NaN makes both of them NaN
                bad = row + int(np.flatnonzero(~np.isfinite(block.reshape(len(block), -1)).all(1))[0])
                raise DataError(
                    f"{stack.name or 'the array'} holds values that are not finite, the first in row {bad:,} (from 0)."
                )
            least, most = min(least, low), max(most, high)
            whole = whole and (block.dtype.kind != "f" or bool((block == np.rint(block)).all()))
    if least > most:
        raise DataError("there are no images in it.")
    return Reach(least=least, most=most, whole=whole)


def counted_blocks(stack: Stack) -> Iterator[tuple[int, NDArray]]:
    """The blocks of a stack that hold anything, each with the number of its first row.

    Raises:
        DataError: They are more or fewer rows than the stack says.
    """
    row = 0
    for block in stack.blocks():
        if len(block):
            yield row, block
        row += len(block)
    if row != stack.shape[0]:
        raise DataError(f"{stack.name or 'the array'} holds {row:,} rows, but says {stack.shape[0]:,}.")


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Values that become 0 and 255.

    Attributes:
        black: Value that becomes 0.
        white: Value that becomes 255.
        words: How they were found, for a person.
    """

    black: float
    white: float
    words: str

    def bytes_of(self, values: NDArray) -> Pixels:
        """Values of any shape as bytes; what lies outside by a rounding error is clipped."""
        if (self.black, self.white) == (0, 255) and values.dtype.kind in "biu":
            return values.astype(np.uint8)
        shares = (values.astype(np.float32) - np.float32(self.black)) * np.float32(255 / (self.white - self.black))
        return np.rint(np.clip(shares, 0, 255)).astype(np.uint8)


ENDS: dict[str, tuple[float, float]] = {"unit": (0.0, 1.0), "signed": (-1.0, 1.0), "bytes": (0.0, 255.0)}
"""Black and white of every word of --pixel-range but "stretched", which are the smallest and the largest value."""

SLACK = 1e-3
"""Share of its range by which a value may lie outside: resampled images overshoot a little."""


def levels_of(reach: Reach, asked: PixelRange | None, what: str) -> Levels:
    """Which values are black and white.

    Args:
        reach: How far the values reach.
        asked: What somebody says they are.
        what: What the array is called, for messages.

    Raises:
        DataError: The values could mean two things, or are not what somebody says.
    """
    low, high = reach.least, reach.most
    span = f"from {low:g} to {high:g}"
    if asked == "stretched":
        if low == high:
            raise DataError(f"all values of {what} are {low:g}: there is nothing to stretch.")
        return Levels(black=low, white=high, words=f"values {span}: the smallest is black, the largest white, as asked")
    if asked is not None:
        black, white = ENDS[asked]
        if low < black - SLACK * (white - black) or high > white + SLACK * (white - black):
            raise DataError(
                f"{what} holds values {span}, but --pixel-range {asked} means {black:g} to {white:g}; "
                "leave the flag out, or take --pixel-range stretched."
            )
        return Levels(black=black, white=white, words=f"values {span}: {black:g} is black, {white:g} white, as asked")
    found = _found(reach)
    if found is not None:
        return found
    near = [word for word, (black, white) in ENDS.items() if black <= low and high <= white]
    flags = " or ".join(f"--pixel-range {word}" for word in [*near, "stretched"])
    raise DataError(
        f"{what} holds {'whole numbers' if reach.whole else 'values'} {span}, which does not tell black and white; say "
        f"{flags}{' (from the smallest to the largest)' if not near else ''}."
    )


def _found(reach: Reach) -> Levels | None:
    """Black and white where the values tell them, or None."""
    low, high = reach.least, reach.most
    span = f"values from {low:g} to {high:g}"
    if reach.whole and low >= 0:
        if high == 1:
            return Levels(black=0, white=1, words="values 0 and 1: 1 is white")
        if HALF <= high <= 255:
            return Levels(black=0, white=255, words=f"whole numbers from {low:g} to {high:g}: 255 is white")
        if 255 < high < 2**16:
            scale = scale_of([Depth(True, low, high)])
            words = f"whole numbers from {low:g} to {high:g}: {scale.white:,g} is white ({scale.why})"
            return Levels(black=0, white=scale.white, words=words)
        return None
    share = HALF / 255
    if low >= 0 and share <= high <= 1 + SLACK:
        return Levels(black=0, white=1, words=f"{span}: 1 is white")
    if low >= 0 and HALF <= high <= 255 * (1 + SLACK):
        return Levels(black=0, white=255, words=f"{span}: 255 is white")
    if -1 - SLACK <= low <= -share and share <= high <= 1 + SLACK:
        return Levels(black=-1, white=1, words=f"{span}: -1 is black, 1 white")
    return None
