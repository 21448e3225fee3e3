"""Pictures in columns: .parquet files and the folders of Hugging Face's `datasets`, through the optional pyarrow.

A picture is a struct of its bytes and its name, as `datasets` stores one, or the bytes alone. The names of the
classes stand in the schema of the file; the parts of a split are in the names of files and folders.
"""

import functools
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from explorer.data.cache import Arrangement
from explorer.data.described import by_parts, known_of, settled_parts
from explorer.data.listing import Found, Member, natural
from explorer.data.names import part_of
from explorer.data.stack import MOST_ROWS, short
from explorer.data.stacks import optional
from explorer.errors import DataError

ENDINGS = (".parquet", ".arrow")
"""Endings of the files."""

IMAGE_COLUMNS = ("image", "img", "jpg", "png", "picture", "pixel_values")
"""What columns of pictures are called, the likeliest first."""

MOST_FILES = 10_000
"""Files of a folder at most."""


def files_of(place: Path) -> list[Found]:
    """The files of a data set, by name: the one that is named, or all in a folder.

    Raises:
        DataError: There are too many.
    """
    paths = [place] if place.is_file() else sorted(_files(place), key=lambda path: natural(path.as_posix()))
    if len(paths) > MOST_FILES:
        raise DataError(f"{place} holds {len(paths):,} files, but {MOST_FILES:,} are the most.")
    root = place if place.is_dir() else place.parent
    return [
        Found(path, path.relative_to(root).as_posix(), path.stat().st_size, path.stat().st_mtime_ns) for path in paths
    ]


def _files(folder: Path) -> Iterator[Path]:
    """Files of columns below a folder, but for what `datasets` computed by itself."""
    for ending in ENDINGS:
        yield from (path for path in folder.rglob(f"*{ending}") if not path.name.startswith((".", "cache-")))


@dataclass(frozen=True)
class Columns:
    """One file: its rows in groups, each of which is read at once.

    Attributes:
        path: Where it is.
        sizes: Rows of each group.
        schema: pyarrow's schema.
        group: A group's columns: its number and their names to a pyarrow table.
    """

    path: Path
    sizes: list[int]
    schema: Any
    group: Any


def open_columns(path: Path) -> Columns:
    """A file of columns.

    Raises:
        DataError: pyarrow is not installed, or the file is damaged.
    """
    pyarrow = optional("pyarrow", path)
    try:
        if path.suffix == ".parquet":
            parquet = optional("pyarrow.parquet", path)
            file = parquet.ParquetFile(path)
            sizes = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
            return Columns(path, sizes, file.schema_arrow, file.read_row_group)
        source = pyarrow.memory_map(str(path))
        try:
            file = pyarrow.ipc.open_file(source)
            batches = [file.get_batch(number) for number in range(file.num_record_batches)]
            schema = file.schema
        except pyarrow.ArrowInvalid:  # `datasets` writes streams
            source.seek(0)
            stream = pyarrow.ipc.open_stream(source)
            batches, schema = list(stream), stream.schema
        tables = [pyarrow.Table.from_batches([batch]) for batch in batches]
        return Columns(
            path, [table.num_rows for table in tables], schema, lambda number, names: tables[number].select(names)
        )
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{path} is damaged, or no {path.suffix} file ({short(error)}).") from None


def arrange_columns(place: Path, name: str, listing: Sequence[Found]) -> Arrangement:
    """The pictures of a data set in columns: training images first, then validation images, then test images.

    Args:
        place: The file or folder, for messages.
        name: Name of the data set.
        listing: Its files, as `files_of` tells.

    Raises:
        DataError: There is no column of pictures, or too few images are for testing.
    """
    if not listing:
        raise DataError(f"{place} holds no .parquet or .arrow file; name another with --file.")
    opened = [open_columns(each.on_disk) for each in listing]
    column = _image_column(place, opened[0].schema)
    others = [each for each in opened[0].schema.names if each != column]
    members, texts, parts = [], {each: [] for each in others}, []
    for each, file in zip(listing, opened, strict=True):
        if file.schema.names != opened[0].schema.names:
            raise DataError(f"{each.name} has other columns than {listing[0].name}; name one of them with --file.")
        read = _reader(file, column)
        for group, size in enumerate(file.sizes):
            for row in range(size):
                title = f"{each.name}:{group}:{row}"
                members.append(Found(Member(f"{title}.png", functools.partial(_taken, read, group, row)), title, 0, 0))
            for other, values in _plain(file, group, others).items():
                texts[other] += values
        parts += [part_of(each.name)] * sum(file.sizes)
        if len(members) > MOST_ROWS:
            raise DataError(f"{place} holds more than {MOST_ROWS:,} images.")
    whole = {key: values for key, values in texts.items() if len(values) == len(members)}
    known = known_of(_worded(whole, opened[0].schema))
    given = None if None in parts or 0 not in parts else np.array(parts, dtype=np.int64)
    found, said = settled_parts(known.parts if known.parts is not None else given, len(members), name, "the files")
    order, told = by_parts(known, found)
    return Arrangement(
        files=[members[row] for row in order],
        **told,
        notes=(said, f"pictures of column {column}", *known.notes),
    )


def _image_column(place: Path, schema: Any) -> str:
    """The column of pictures: bytes, or a struct of bytes and a name."""

    def holds_bytes(kind: Any) -> bool:
        return str(kind) in ("binary", "large_binary") or str(kind).startswith("struct<bytes: binary")

    found = [each.name for each in schema if holds_bytes(each.type)]
    ordered = [each for each in IMAGE_COLUMNS if each in found] or found
    if not ordered or (len(found) > 1 and ordered[0] not in IMAGE_COLUMNS):
        raise DataError(
            f"{place} must hold a column of pictures, as bytes or as datasets stores them, but has "
            f"{', '.join(f'{each.name} ({each.type})' for each in list(schema)[:6])}."
        )
    return ordered[0]


def _reader(file: Columns, column: str) -> Any:
    """The pictures of a group, the last two of which are kept."""
    lock = threading.Lock()

    @functools.lru_cache(maxsize=2)
    def pictures(group: int) -> Any:
        return file.group(group, [column]).column(column)

    def read(group: int, row: int) -> Any:
        with lock:
            return pictures(group)[row].as_py()

    return read


def _taken(read: Any, group: int, row: int, most: int | None) -> bytes:
    value = read(group, row)
    content = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(content, bytes):  # a name of a file that lies elsewhere
        raise OSError("no bytes in the file")
    return content if most is None else content[:most]


NESTED = ("list", "large_list", "struct", "map")
"""Beginnings of the types of columns that are left out."""


def _plain(file: Columns, group: int, names: list[str]) -> dict[str, list[str]]:
    """Columns of one group as texts; those of lists and structs are left out."""
    plain = [name for name in names if not str(file.schema.field(name).type).startswith(NESTED)]
    if not plain:
        return {}
    table = file.group(group, plain)
    found = {name: table.column(name).to_pylist() for name in plain}
    return {name: ["" if each is None else str(each) for each in values] for name, values in found.items()}


def _worded(texts: Mapping[str, list[str]], schema: Any) -> dict[str, list[str]]:
    """The same with the names of the classes in place of their numbers, where the schema holds them.

    `datasets` writes them there: https://huggingface.co/docs/datasets/about_dataset_features
    """
    worded = dict(texts)
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        named = {key: value["names"] for key, value in features.items() if isinstance(value, dict) and "names" in value}
        for column, names in named.items():
            if column in texts:
                worded[column] = [str(names[int(text)]) if text.isdecimal() else "" for text in texts[column]]
    except (KeyError, ValueError, TypeError, IndexError):
        return dict(texts)
    return worded
