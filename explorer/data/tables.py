"""Tables of what is on pictures: a file name in each row, then classes, attributes, numbers, the part of a split."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.data.described import Known, known_of, listed_names
from explorer.data.listing import Found
from explorer.data.stack import MOST_COLUMNS, MOST_ROWS
from explorer.errors import DataError, MissingDataError

MATCHED = 0.9
"""Share of the pictures that a table must name to be theirs."""

MOST_TABLE = 1 << 28
"""Bytes of a table that is read into memory."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of texts.

    Attributes:
        name: Of its file.
        columns: By their names, N texts each.
    """

    name: str
    columns: Mapping[str, Sequence[str]]

    @property
    def count(self) -> int:
        """Its rows."""
        return len(next(iter(self.columns.values()), ()))


def read_table(name: str, content: bytes) -> Table:
    """A table with a head: .csv, .tsv, or words with spaces between them, as CelebA's own lists.

    Raises:
        DataError: It is no table, or too large.
    """
    if len(content) > MOST_TABLE:
        raise DataError(f"{name} has {len(content):,} bytes, but a table of labels has {MOST_TABLE:,} at most.")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DataError(f"{name} is no text in UTF-8; save it as CSV in UTF-8.") from None
    if lines and lines[0].strip().isdecimal():  # CelebA's lists begin with their length
        lines = lines[1:]
    lines = [line for line in lines if line.strip()]
    if not 2 <= len(lines) <= MOST_ROWS:
        raise DataError(f"{name} must hold a line of names and a line for each image, but has {len(lines):,} lines.")
    comma = max(",;\t", key=lines[0].count)
    if comma in lines[0]:
        rows = list(csv.reader(lines, delimiter=comma))
    else:
        rows = [line.split() for line in lines]
        if len(rows[0]) == len(rows[1]) - 1:
            rows[0].insert(0, "file")
    head = [each.strip() for each in rows[0]]
    wrong = next((number for number, row in enumerate(rows, 1) if len(row) != len(head)), None)
    if wrong is not None or len(head) > MOST_COLUMNS:
        raise DataError(
            f"{name}: line {wrong} has {len(rows[(wrong or 1) - 1])} columns, but the first has {len(head)}."
        )
    names = [name if head.index(name) == place else f"{name}.{place}" for place, name in enumerate(head)]
    return Table(name=name, columns=dict(zip(names, map(list, zip(*rows[1:], strict=True)), strict=True)))


def read_table_file(file: Path) -> Table:
    """The table that --labels names.

    Raises:
        DataError: It is missing (`MissingDataError`), or no table.
    """
    try:
        if table_found(file).size > MOST_TABLE:
            raise DataError(f"{file} has more than the {MOST_TABLE:,} bytes that a table of labels has at most.")
        return read_table(file.name, file.read_bytes())
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from None


def table_found(file: Path) -> Found:
    """What tells that a table is unchanged.

    Raises:
        DataError: It is missing (`MissingDataError`).
    """
    if not file.is_file():
        raise MissingDataError(f"there is no file {file}; name the table of the labels with --labels.")
    stat = file.stat()
    return Found(file, f"labels/{file.name}", stat.st_size, stat.st_mtime_ns)


def rows_for(table: Table, pictures: Sequence[str]) -> tuple[NDArray[np.int64], str] | None:
    """The row of each picture in a table, (N,), -1 for none, and the column of file names; None where it is not theirs.

    Args:
        table: The table.
        pictures: Names of the pictures below their folder.
    """
    forms: list[Callable[[str], str]] = [
        lambda name: name.replace("\\", "/").lstrip("./"),
        lambda name: PurePosixPath(name.replace("\\", "/")).name,
        lambda name: PurePosixPath(name.replace("\\", "/")).stem,
    ]
    best: tuple[int, NDArray[np.int64], str] | None = None
    for column, texts in list(table.columns.items())[:4]:
        for form in forms:
            places: dict[str, int] = {}
            for row, text in enumerate(texts):
                places.setdefault(form(text.strip()), row)
            found = np.array([places.get(form(name), -1) for name in pictures], dtype=np.int64)
            matched = int((found >= 0).sum())
            if (
                len(places) > 1
                and len(set(found[found >= 0].tolist())) == matched
                and (best is None or matched > best[0])
            ):
                best = matched, found, column
    if best is None or best[0] < MATCHED * len(pictures):
        return None
    return best[1], best[2]


def known_of_pictures(table: Table, pictures: Sequence[str]) -> Known | None:
    """What a table says of pictures; None where it is not theirs. Of a picture without a row nothing is known."""
    found = rows_for(table, pictures)
    if found is None:
        return None
    rows, column = found
    columns: dict[str, Sequence[str]] = {
        name: [texts[int(row)] if row >= 0 else "" for row in rows]
        for name, texts in table.columns.items()
        if name != column
    }
    known = known_of(columns)
    missing = int((rows < 0).sum())
    notes = [f"{table.name}: {', '.join(known.notes)}" if known.notes else f"{table.name} says nothing of the pictures"]
    if missing:
        notes.append(f"{table.name} has no row for {missing:,} of {len(pictures):,} pictures")
    return replace(known, notes=tuple(notes))


TABLE_ENDINGS = (".csv", ".tsv")
"""Endings of tables that are looked for beside pictures."""


def tables_among(files: Sequence[Found]) -> list[Found]:
    """The tables that lie beside pictures: at most one folder deep, by name."""
    return [each for each in files if each.name.lower().endswith(TABLE_ENDINGS) and each.name.count("/") <= 1]


class Beside(NamedTuple):
    """What a table beside pictures says of them, and the name of its file; None and "" where there is none."""

    known: Known | None
    name: str


def table_beside(files: Sequence[Found], pictures: Sequence[str]) -> Beside:
    """What the one table beside pictures that names them says.

    Raises:
        DataError: Several tables name the pictures.
    """
    found: list[Beside] = []
    for each in tables_among(files):
        if each.size > MOST_TABLE:
            continue
        try:
            with each.path.open("rb") as stream:
                known = known_of_pictures(read_table(each.name, stream.read()), pictures)
        except (DataError, OSError):
            continue  # not a table of these pictures; it is counted among what is left out
        if known is not None and any(
            each is not None for each in (known.labels, known.attributes, known.factors, known.parts)
        ):
            found.append(Beside(known, each.name))
    if len(found) > 1:
        names = listed_names([each.name for each in found])
        raise DataError(f"{names} all name the pictures; say which table is meant with --labels FILE.")
    return found[0] if found else Beside(None, "")
