"""An array in a file, which is read block by block: one that does not fit into memory is read all the same."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.errors import DataError

BLOCK = 1 << 24
"""Bytes of an array that are held at a time, about."""

MOST_WHOLE = 1 << 31
"""Bytes of an array that must be read as a whole."""

MOST_ROWS = 5_000_000
"""Images of a file at most: codes of more could not be stored with a run."""

MOST_COLUMNS = 1 << 20
"""Columns of a table at most."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """An array in a file.

    Attributes:
        name: What the file calls it; "" where it holds one array without a name.
        shape: Of all of it.
        dtype: Of its numbers; of texts, `object`.
        blocks: Its rows along the first axis, some at a time, from the first one at every call.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    blocks: Callable[[], Iterator[NDArray[Any]]]

    def whole(self) -> NDArray[Any]:
        """All of it in memory; for labels, never for images.

        Raises:
            DataError: It is larger than labels are.
        """
        if math.prod(self.shape) * self.dtype.itemsize > MOST_WHOLE:
            raise DataError(
                f"{self.name or 'an array'} {self.shape} is larger than the {MOST_WHOLE:,} bytes of labels."
            )
        found = list(self.blocks())
        return np.concatenate(found) if found else np.zeros(self.shape, self.dtype)


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a file holds.

    Attributes:
        stacks: Its arrays by their names.
        notes: What was left out, a sentence each.
        table: Whether the arrays are columns of one table: labels, and pixels in the order of a row.
    """

    stacks: Mapping[str, Stack]
    notes: tuple[str, ...] = ()
    table: bool = False


def ending_of(file: Path) -> str:
    """The ending of a file in lower case, that before .gz included."""
    endings = [each.lower() for each in file.suffixes[-2:]]
    return "".join(endings) if endings[-1:] == [".gz"] else "".join(endings[-1:])


def short(error: BaseException) -> str:
    """What an error says, in a few words."""
    return " ".join(str(error).split())[:120] or type(error).__name__


def sliced(name: str, array: Any, shape: Sequence[int], dtype: Any, take: Callable[[Any], Any] = np.asarray) -> Stack:
    """A stack of an array that gives any of its rows."""
    shape, kind = tuple(int(size) for size in shape), np.dtype(dtype)
    step = max(1, BLOCK // max(1, math.prod(shape[1:]) * kind.itemsize)) if shape else 1

    def blocks() -> Iterator[NDArray[Any]]:
        for start in range(0, shape[0] if shape else 0, step):
            yield take(array[start : start + step])

    return Stack(name=name, shape=shape, dtype=kind, blocks=blocks)
