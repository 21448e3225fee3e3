"""Arrays in files: .npy, .npz, .pt, .safetensors, .csv, .h5. Nothing is unpickled.

`READERS` has an entry for every kind of file.
"""

import importlib
import json
import math
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.data.pixel_tables import table_of_pixels
from explorer.data.stack import BLOCK, MOST_WHOLE, Held, Stack, ending_of, short, sliced
from explorer.errors import DataError, MissingDataError

MOST_ARRAYS = 1000
"""Arrays of a file at most."""

MOST_HEAD = 1 << 20
"""Bytes of the head of a file."""


def held_by(file: Path) -> Held:
    """The arrays of a file, by its ending.

    Raises:
        DataError: It is missing (`MissingDataError`), damaged, of no kind that is read, or holds objects that only
            unpickling could read.
    """
    if not file.exists():
        raise MissingDataError(f"there is no file {file}; name the one that holds the images with --file.")
    ending = ending_of(file)
    reader = READERS.get(ending)
    if reader is None:
        raise DataError(f"{file} ends in {ending or 'nothing'}, but a file of images must be {known_endings()}.")
    try:
        return reader(file)
    except DataError:
        raise
    except OSError as error:
        if error.strerror is None:  # a library's own word for a file that it does not know
            raise DataError(f"{file} is damaged, or no {ending} file ({short(error)}).") from None
        raise DataError(f"{file} cannot be read: {error.strerror}.") from None
    except MemoryError:
        raise DataError(f"{file} asks for more memory than there is.") from None
    except (
        ValueError,
        KeyError,
        TypeError,
        EOFError,
        SyntaxError,
        OverflowError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise DataError(f"{file} is damaged, or no {ending} file ({short(error)}).") from None


def known_endings() -> str:
    """The endings that are read, in words."""
    return ", ".join([*READERS, ".parquet", ".arrow", ".zip", ".tar", "or .tar.gz"])


# --- numpy ------------------------------------------------------------------------------------------------------------


def _npy(file: Path) -> Held:
    with file.open("rb") as stream:
        _, _, dtype = _npy_head(stream)
    if dtype.hasobject:
        raise DataError(f"{file} holds objects, which only unpickling could read; save a plain array of numbers.")
    array = np.load(file, mmap_mode="r", allow_pickle=False)
    return Held(stacks={"": sliced("", array, array.shape, array.dtype)})


def _npy_head(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type of an array in a .npy file."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(stream)
    raise ValueError(f"version {version} of the format")


def _npz(file: Path) -> Held:
    """Arrays of a zip file of .npy files, unpacked as they are read."""
    stacks, left = {}, []
    with zipfile.ZipFile(file) as archive:
        members = [each for each in archive.infolist() if each.filename.endswith(".npy")]
        if len(members) > MOST_ARRAYS:
            raise DataError(f"{file} holds {len(members):,} arrays, but {MOST_ARRAYS:,} are the most.")
        for member in members:
            name = member.filename.removesuffix(".npy")
            with archive.open(member) as stream:
                shape, by_columns, dtype = _npy_head(stream)
                begin = stream.tell()
            if dtype.hasobject:
                left.append(name)
                continue
            size = math.prod(shape) * dtype.itemsize
            if begin + size != member.file_size:
                raise DataError(f"{file}: {name} should have {begin + size:,} bytes, but has {member.file_size:,}.")
            by_columns = by_columns and len(shape) > 1
            if by_columns and size > MOST_WHOLE:
                raise DataError(
                    f"{file}: {name} is stored by columns and has more than {MOST_WHOLE:,} bytes; save it by rows: "
                    "numpy.ascontiguousarray(images)."
                )
            stacks[name] = _member(file, member.filename, name, shape, dtype, by_columns)
    if left and not stacks:
        raise DataError(f"{file} holds objects, which only unpickling could read; save plain arrays of numbers.")
    said = (
        f"{', '.join(left)} {'was' if len(left) == 1 else 'were'} left out: objects, which only unpickling could read"
    )
    return Held(stacks=stacks, notes=(said,) if left else ())


def _member(
    file: Path, member: str, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], by_columns: bool
) -> Stack:
    row = math.prod(shape[1:]) * dtype.itemsize
    step = max(1, BLOCK // max(1, row))

    def blocks() -> Iterator[NDArray[Any]]:
        with zipfile.ZipFile(file) as archive, archive.open(member) as stream:
            _npy_head(stream)
            if by_columns:  # the last axis comes first: all of it is needed for the first image
                content = _exactly(stream, math.prod(shape) * dtype.itemsize)
                yield np.frombuffer(content, dtype).reshape(shape[::-1]).T
                return
            for start in range(0, shape[0] if shape else 0, step):
                count = min(step, shape[0] - start)
                yield np.frombuffer(_exactly(stream, count * row), dtype).reshape(count, *shape[1:])

    return Stack(name=name, shape=shape, dtype=dtype, blocks=blocks)


def _exactly(stream: Any, size: int) -> bytes:
    content = stream.read(size)
    if len(content) != size:
        raise ValueError("it ends too early")
    return content


# --- torch, safetensors -----------------------------------------------------------------------------------------------


def _torch(file: Path) -> Held:
    """Tensors of a file that torch.save wrote: one, or a dictionary, list or tuple of them."""
    import torch

    try:
        found = torch.load(file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file))
    except Exception as error:  # noqa: BLE001 - torch's reader raises whatever its bytes lead it to
        if "weights_only" in str(error) or "Unsupported" in str(error):
            raise DataError(
                f"{file} holds objects, which only unpickling could read; save tensors alone: "
                "torch.save({'images': images, 'labels': labels}, file)."
            ) from None
        raise ValueError(short(error)) from None
    if isinstance(found, (list, tuple)):  # as older MNIST's (images, labels)
        found = (
            dict(zip(("images", "labels"), found, strict=False)) if len(found) == 2 else {"": found[0]} if found else {}
        )
    if not isinstance(found, dict):
        found = {"": found}
    tensors = {str(name): each for name, each in found.items() if isinstance(each, torch.Tensor)}
    left = [str(name) for name in found if str(name) not in tensors]
    stacks = {}
    for name, tensor in tensors.items():
        if tensor.is_sparse or tensor.dtype.is_complex:
            left.append(name)
            continue
        half = tensor.dtype in (torch.bfloat16, torch.float16)
        kind = np.dtype(np.float32) if half else tensor[:0].numpy().dtype
        stacks[name] = sliced(
            name, tensor.detach(), tensor.shape, kind, lambda rows, half=half: (rows.float() if half else rows).numpy()
        )
    return Held(stacks=stacks, notes=(f"{', '.join(left)} left out: no array",) if left else ())


SAFE_TYPES = {"BOOL": "?", "U8": "u1", "I8": "i1", "F16": "<f2", "F32": "<f4", "F64": "<f8"}
SAFE_TYPES |= {"U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8", "I64": "<i8"}
"""Element types of a safetensors file as numpy calls them; bfloat16, which it does not know, is left out."""


def _safetensors(file: Path) -> Held:
    """Tensors of a safetensors file, mapped: 8 bytes of length, a JSON head, the tensors.

    https://huggingface.co/docs/safetensors/index#format
    """
    with file.open("rb") as stream:
        size = int.from_bytes(_exactly(stream, 8), "little")
        if size > MOST_HEAD:
            raise ValueError("its head is too long")
        head = json.loads(_exactly(stream, size))
    head.pop("__metadata__", None)
    whole, begin = file.stat().st_size, 8 + size
    stacks, left = {}, []
    for name, each in head.items():
        shape, (start, stop) = tuple(int(length) for length in each["shape"]), each["data_offsets"]
        if each["dtype"] not in SAFE_TYPES:
            left.append(name)
            continue
        dtype = np.dtype(SAFE_TYPES[each["dtype"]])
        if (
            min(shape, default=0) < 0
            or stop - start != math.prod(shape) * dtype.itemsize
            or not 0 <= start <= stop <= whole - begin
        ):
            raise ValueError(f"{name} has other bytes than its shape says")
        if math.prod(shape):
            array = np.memmap(file, dtype, "r", begin + start, shape or (1,))
            stacks[name] = sliced(name, array, array.shape, dtype)
    return Held(stacks=stacks, notes=(f"{', '.join(left)} left out: a type that numpy does not know",) if left else ())


# --- optional packages ------------------------------------------------------------------------------------------------


def optional(package: str, file: Path) -> Any:
    """A package that a kind of file needs, and the program does not.

    Raises:
        DataError: It is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError:
        raise DataError(
            f"{file.name} needs the package {package}, which is not installed; pip install {package}."
        ) from None


def _hdf5(file: Path) -> Held:
    """Every array of an HDF5 file, at any depth: 3D Shapes, and what Keras and MATLAB 7.3 write."""
    h5py = optional("h5py", file)
    names: list[tuple[str, tuple[int, ...], Any]] = []
    left: list[str] = []

    def visit(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset) or not item.shape:
            return
        plain = item.dtype.kind in "biuf" and not item.external and not item.is_virtual  # no bytes of other files
        (names if plain else left).append((name, item.shape, item.dtype) if plain else name)  # pyright: ignore[reportArgumentType]

    with h5py.File(file, "r") as content:
        content.visititems(visit)  # follows no link to another file
    stacks = {name: _hdf5_stack(h5py, file, name, shape, dtype) for name, shape, dtype in names[:MOST_ARRAYS]}
    return Held(stacks=stacks, notes=(f"{', '.join(left[:10])} left out: no plain array",) if left else ())


def _hdf5_stack(h5py: Any, file: Path, name: str, shape: tuple[int, ...], dtype: Any) -> Stack:
    row = math.prod(shape[1:]) * dtype.itemsize
    step = max(1, BLOCK // max(1, row))

    def blocks() -> Iterator[NDArray[Any]]:
        with h5py.File(file, "r") as content:
            for start in range(0, shape[0], step):
                yield content[name][start : start + step]

    return Stack(name=name, shape=shape, dtype=np.dtype(dtype), blocks=blocks)


READERS: Mapping[str, Callable[[Path], Held]] = {
    ".npz": _npz,
    ".npy": _npy,
    ".pt": _torch,
    ".pth": _torch,
    ".safetensors": _safetensors,
    ".csv": table_of_pixels,
    ".csv.gz": table_of_pixels,
    ".tsv": table_of_pixels,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
}
"""What reads a file of arrays, by its ending; pictures in archives are read by `explorer.data.archives`."""
