"""Files that anybody may have written, read within bounds: a run may be a gift.

Only regular files are opened, none of them through a link that leaves its folder, and a size is judged before memory is
asked for. What a JSON file holds is bounded in depth and number; the head of a safetensors file is judged before any
tensor is read.
"""

import contextlib
import json
import math
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.errors import CheckpointError, UnreadableError

MOST_JSON = 1_000_000
"""Bytes of a JSON file, or of the head of a safetensors file."""

MOST_DEPTH = 32
"""Brackets of a JSON text inside one another."""

MOST_VALUES = 100_000
"""Values in a JSON file."""

MOST_TEXT = 10_000
"""Characters of a text in a JSON file."""

MOST_BYTES = 1_000_000_000
"""Bytes of a safetensors file."""

TYPES: Mapping[str, type[np.generic]] = {
    "U8": np.uint8,
    "I64": np.int64,
    "I32": np.int32,
    "F16": np.float16,
    "F32": np.float32,
    "F64": np.float64,
}
"""Element types of the tensors that this program writes, by their names in a safetensors file."""


class Head(NamedTuple):
    """What a safetensors file says of a tensor before it holds it."""

    type: str
    shape: tuple[int, ...]


Judgement = Callable[[Mapping[str, Head]], str | None]
"""Why tensors with these heads are not to be read, as the end of a sentence; None where they are."""


@contextlib.contextmanager
def opened(path: Path, most: int) -> Iterator[tuple[BufferedReader, int]]:
    """A regular file with its size in bytes.

    Args:
        path: The file; a link may lead to another file of the same folder.
        most: Bytes that it may have.

    Raises:
        CheckpointError: It is no regular file, leaves its folder, or is larger; `UnreadableError` where it is missing
            or the disk refuses it.
    """
    try:
        if path.is_symlink():
            inside = Path(os.path.realpath(path.parent, strict=True))
            if not Path(os.path.realpath(path, strict=True)).is_relative_to(inside):
                raise CheckpointError(f"{path} is a link that leaves its folder; put the file itself there.")
        _check_regular(path, path.stat())  # before it is opened: to open a device may do something
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            now = os.fstat(file.fileno())
            _check_regular(path, now)
            if now.st_size > most:
                raise CheckpointError(f"{path} has {now.st_size:,} bytes, but {most:,} are allowed; {again(path)}")
            yield file, now.st_size
    except FileNotFoundError:
        raise UnreadableError(f"{path} is missing; {again(path)}") from None
    except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableError(f"{path} cannot be read: {reason}; {again(path)}") from None


def _check_regular(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise CheckpointError(f"{path} is no regular file; {again(path)}")


def again(path: Path) -> str:
    """What to do about a file of a run."""
    name = (path.parent.parent if path.name.startswith("epoch-") else path.parent).name  # those lie in a folder more
    name = name[1 : -len(".old")] if name.startswith(".") and name.endswith(".old") else name
    if path.name == "config.json":  # without one nobody can tell that the folder is a run's, so it is not replaced
        return f"move {name} away, and fit it again with train.py."
    return f"fit {name} again with: python train.py --overwrite"


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises:
        CheckpointError: As `opened` says.
    """
    with opened(path, most) as (file, size):
        return file.read(size)


def read_json(path: Path) -> object:
    """What a JSON file holds: at most `MOST_VALUES` values, none of them extreme.

    Raises:
        CheckpointError: The file is missing, damaged, too large, nested too deep, or holds something extreme.
    """
    content = read_bytes(path, MOST_JSON)
    try:
        found = json.loads(content.decode())
        wrong = trouble_with(found)
    except (ValueError, RecursionError) as error:
        wrong = "is nested too deep" if isinstance(error, RecursionError) else f"cannot be read: {str(error)[:200]}"
    if wrong is not None:
        raise CheckpointError(f"{path} {wrong}; {again(path)}")
    return found


def trouble_with(found: object, most: int = MOST_VALUES) -> str | None:
    """Why a JSON value is not to be used, as the end of a sentence; None where it is."""
    waiting: list[tuple[object, int]] = [(found, 0)]
    seen = 0
    while waiting:
        value, depth = waiting.pop()
        if depth > MOST_DEPTH:
            return f"is nested deeper than {MOST_DEPTH} brackets"
        inside: list[object] = []
        if isinstance(value, dict):
            inside = [*value.keys(), *value.values()]
        elif isinstance(value, list):
            inside = value
        elif isinstance(value, str) and (len(value) > MOST_TEXT or not _is_text(value)):
            return f"holds a text of more than {MOST_TEXT:,} characters, or one that is none"
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            return "holds a whole number of more than 64 bits"
        seen += len(inside)
        if seen > most:
            return f"holds more than {most:,} values"
        waiting += [(each, depth + 1) for each in inside]
    return None


def _is_text(value: str) -> bool:
    """Whether a text can be sent: half a surrogate pair cannot."""
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)


def read_tensors(path: Path, judge: Judgement | None = None, most: int = MOST_BYTES) -> dict[str, NDArray[Any]]:
    """All arrays of a safetensors file, once its head is found to be true and wanted.

    Args:
        path: The file.
        judge: Says of the head why the tensors are not to be read; None reads whatever there is.
        most: Bytes that the file may have.

    Raises:
        CheckpointError: The file is missing, truncated, too large, no safetensors file, or not wanted.
    """
    with opened(path, most) as (file, size):
        heads, places, start = _heads(path, file, size)
        wrong = None if judge is None else judge(heads)
        if wrong is not None:
            raise CheckpointError(f"{path} {wrong}; {again(path)}")
        try:
            content = bytearray(size - start)
        except MemoryError:
            raise CheckpointError(f"{path} does not fit into the memory of this machine.") from None
        file.seek(start)
        if file.readinto(content) != len(content):
            raise CheckpointError(f"{path} changed while it was read; {again(path)}")
    arrays = {}
    for name, (kind, shape) in heads.items():
        count = math.prod(shape)
        flat = np.frombuffer(content, TYPES[kind], count, places[name]) if count else np.zeros(0, TYPES[kind])
        arrays[name] = np.require(flat.reshape(shape), requirements="A")
    return arrays


def _heads(path: Path, file: BufferedReader, size: int) -> tuple[dict[str, Head], dict[str, int], int]:
    """The heads of a safetensors file, where each tensor begins after them, and where they end."""
    damaged = f"{path} is damaged or no safetensors file"
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(MOST_JSON, size - 8):
        raise CheckpointError(f"{damaged} (its head does not fit); {again(path)}")
    try:
        told = json.loads(file.read(length).decode())
        wrong = trouble_with(told)
    except (ValueError, RecursionError):
        told, wrong = None, "is no JSON"
    if wrong is not None or not isinstance(told, dict):
        raise CheckpointError(f"{damaged} (its head {wrong or 'is no object'}); {again(path)}")
    told.pop("__metadata__", None)
    heads: dict[str, Head] = {}
    places: dict[str, int] = {}
    end = 0
    try:
        for name, each in sorted(told.items(), key=lambda item: item[1]["data_offsets"]):
            kind, shape, (first, last) = each["dtype"], each["shape"], each["data_offsets"]
            whole = all(type(number) is int and number >= 0 for number in (*shape, first, last))
            count = math.prod(shape) if whole and len(shape) <= 8 else -1
            if kind not in TYPES:
                raise ValueError(f"{name[:80]!r} is of the type {str(kind)[:20]!r}, not {', '.join(TYPES)}")
            if first != end or last - first != count * TYPES[kind]().itemsize:
                raise ValueError(f"the place of {name[:80]!r} is wrong")
            heads[name], places[name], end = Head(kind, tuple(shape)), first, last
    except (KeyError, TypeError, ValueError) as error:
        reason = error if isinstance(error, ValueError) else "its head lacks a part"
        raise CheckpointError(f"{damaged} ({reason}); {again(path)}") from None
    if end != size - 8 - length:
        raise CheckpointError(f"{damaged} (it is {size - 8 - length - end:+,} bytes too long); {again(path)}")
    return heads, places, 8 + length
