"""Tables with an image in each row: Kaggle's MNIST and its kin, as .csv, .csv.gz or .tsv."""

import csv
import gzip
import io
import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from explorer.data.stack import BLOCK, MOST_COLUMNS, MOST_ROWS, Held, Stack, ending_of, short, sliced
from explorer.errors import DataError

MOST_LINE = 1 << 24
"""Characters of a line of a table at most."""

PIXELS = "pixels"
"""The name of the pixels of a table, whatever its columns are called."""


def table_of_pixels(file: Path) -> Held:
    """A table with an image in a row: Kaggle's MNIST, or pixels in one column with spaces between them.

    Columns of numbers in a row that are called alike, or that have no name, are pixels; every other column describes
    the image.
    """
    with _text(file) as stream:
        first, second = _line(stream), _line(stream)
    comma = max(",;\t", key=first.count)
    head, row = (next(csv.reader([line], delimiter=comma), []) for line in (first, second))
    if not row or len(head) != len(row) or len(head) > MOST_COLUMNS:
        raise ValueError("it needs two lines or more, with as many columns each")
    has_head = not all(map(_is_number, head)) or head == [str(place) for place in range(len(head))]  # as pandas counts
    named = not all(map(_is_number, head))
    names = [name.strip() for name in head] if named else _unnamed(len(head), row)
    spaced = next((place for place, value in enumerate(row) if value.strip().count(" ") >= 63), None)
    described = [place for place, name in enumerate(names) if not _is_pixel(name)] if spaced is None else [
        place for place in range(len(names)) if place != spaced
    ]  # fmt: skip
    pixels = [place for place in range(len(names)) if place not in described] if spaced is None else [spaced]
    if len(pixels) < 2 and spaced is None:
        raise DataError(
            f"{file} holds no pixels: it needs columns called pixel0, pixel1 and so on, numbers alone, or one column "
            "of numbers with spaces between them; its columns are " + ", ".join(names[:8]) + "."
        )
    count = _count_lines(file) - has_head
    width = len(pixels) if spaced is None else len(row[spaced].split())
    step = max(1, BLOCK // (8 * width))

    def blocks() -> Iterator[NDArray[Any]]:
        with _text(file) as stream:
            if has_head:
                stream.readline()
            line = int(has_head)
            while lines := [each for each in itertools.islice(stream, step) if each.strip()]:
                try:
                    if spaced is None:
                        yield np.loadtxt(
                            lines, dtype=np.float32, delimiter=comma, usecols=pixels, ndmin=2, quotechar='"'
                        )
                    else:
                        texts = [fields[spaced] for fields in csv.reader(lines, delimiter=comma)]
                        yield np.loadtxt(texts, dtype=np.float32, ndmin=2)
                except (ValueError, IndexError) as error:
                    raise DataError(
                        f"{file}: a line after line {line} holds no row of numbers ({short(error)})."
                    ) from None
                line += len(lines)

    stacks = {PIXELS: Stack(name=PIXELS, shape=(count, width), dtype=np.dtype(np.float32), blocks=blocks)}
    if described:
        columns = _columns(file, comma, described, has_head)
        for place, values in zip(described, columns, strict=True):
            stacks[names[place]] = sliced(names[place], np.array(values, dtype=object), (len(values),), object)
    return Held(stacks=stacks, table=True)


def _unnamed(count: int, row: Sequence[str]) -> list[str]:
    """Names of columns that have none: the first, or the last, is a label where the others fill a square."""
    places = [f"pixel{place}" for place in range(count)]
    if _fills(count) or not _fills(count - 1):
        return places
    last = _is_pixel_value(row[0]) and not float(row[0]).is_integer()
    return [*places[:-1], "label"] if last else ["label", *places[1:]]


def _fills(count: int) -> bool:
    """Whether so many numbers are a square image, grey or in colour."""
    return any(count % channels == 0 and math.isqrt(count // channels) ** 2 == count // channels for channels in (1, 3))


def _is_pixel(name: str) -> bool:
    """Whether a column's name is that of a pixel: p17, pixel17, px_17, 17, x17, 3x4 (row by column)."""
    stem = name.lower().strip().strip("0123456789").strip("_-. ")
    return any(letter.isdigit() for letter in name) and stem in ("", "p", "px", "pix", "pixel", "x", "v", "f", "r", "c")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_pixel_value(text: str) -> bool:
    return _is_number(text) and math.isfinite(float(text))


def _text(file: Path) -> io.TextIOWrapper:
    raw: BinaryIO = gzip.open(file, "rb") if ending_of(file).endswith(".gz") else file.open("rb")  # pyright: ignore[reportAssignmentType]  # noqa: SIM115
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="strict", newline="")


def _line(stream: io.TextIOWrapper) -> str:
    line = stream.readline(MOST_LINE)
    if len(line) == MOST_LINE:
        raise ValueError("a line is too long")
    return line


def _count_lines(file: Path) -> int:
    """Lines of a table that hold anything.

    Raises:
        DataError: There are more than images may be.
    """
    count = 0
    with _text(file) as stream:
        while line := _line(stream):
            count += bool(line.strip())
            if count > MOST_ROWS + 1:
                raise DataError(f"{file} holds more than {MOST_ROWS:,} lines.")
    return count


def _columns(file: Path, comma: str, places: Sequence[int], has_head: bool) -> list[list[str]]:
    """The texts of some columns."""
    found: list[list[str]] = [[] for _ in places]
    with _text(file) as stream:
        if has_head:
            stream.readline()
        for line in stream:
            if not line.strip():
                continue
            fields = line.split(comma, places[-1] + 1) if '"' not in line else next(csv.reader([line], delimiter=comma))
            for values, place in zip(found, places, strict=True):
                values.append(fields[place].strip() if place < len(fields) else "")
    return found
