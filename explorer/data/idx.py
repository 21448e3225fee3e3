"""MNIST and the sets in its form: IDX files, plain or gzipped, in torchvision's folders or where people have them.

The files are read here, since torchvision reads the unpacked ones only and must write to unpack them; a data folder
may be read-only. The download is torchvision's.
"""

import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Pixels
from explorer.data.downloads import fetched
from explorer.data.sets import ImageSet
from explorer.errors import DataError, MissingDataError

Names = Mapping[str, tuple[str, str]]
"""Of "train" and "test" the file of the images and that of the labels."""

FILES: Names = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
"""What MNIST calls its files, and Fashion-MNIST and KMNIST theirs."""

OWNERS = ("fashion", "kmnist", "emnist", "qmnist")
"""Words in the names of folders whose files may be called as MNIST's, and are another data set's."""

TYPES = {8: np.dtype(np.uint8), 12: np.dtype(">i4")}
"""Numbers of IDX types, and what they are."""


@dataclass(frozen=True, kw_only=True)
class IdxSet:
    """A data set of IDX files.

    Attributes:
        name: On the command line.
        title: What its authors call it.
        fetch: Its class in torchvision.
        calls: How that class is asked for each part that is to be fetched.
        folder: torchvision's folder of it; the files lie in `raw` below.
        others: Other folders that people keep it in.
        owner: The word of `OWNERS` in the name of its folder; None for MNIST.
        names: Of its files.
        labels: Dimensions and number of the IDX type of the labels.
        own_names: Whether no other set calls its files so, so that they are taken wherever they lie.
    """

    name: str
    title: str
    fetch: str
    folder: str
    others: tuple[str, ...]
    owner: str | None = None
    calls: tuple[Mapping[str, Any], ...] = ({},)
    names: Names = field(default_factory=lambda: FILES)
    labels: tuple[int, int] = (1, 8)
    own_names: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """Folders below the data folder that may hold the files; the first that holds one wins.

        The data folder that is named may also be the set's own, or `raw` in it.
        """
        folders = [each for name in (self.folder, *self.others) for each in (f"{name}/raw", name)]
        return (*folders, *(("MNIST/raw",) if self.own_names else ()), "raw", "")


@dataclass(frozen=True, slots=True)
class IdxParts:
    """What the files of a set hold.

    Attributes:
        pixels: (N, H, W), training images first.
        labels: (N,) or (N, L), of the same images.
        test_count: How many of the last are test images.
        raw: The folder that they lie in.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.integer]
    test_count: int
    raw: Path


def load_idx(form: IdxSet, data_dir: Path, download: bool = False) -> IdxParts:
    """All images and labels of a set: the training images, then the test images.

    Args:
        form: Names the set.
        data_dir: The folder that holds one of its `places`.
        download: Whether to fetch missing files into it.

    Raises:
        DataError: A file is missing or damaged, or the download failed.
    """
    raw = folder_of(form, data_dir)
    if download and any(_find(form, raw, name) is None for names in form.names.values() for name in names):
        files = "*-ubyte.gz" if form.names is FILES else ".gz"
        inside = f"{form.folder}/raw"
        fetched(form.fetch, data_dir, inside, f"copy the four {files} files into {inside} of the data folder by hand",
                *form.calls)  # fmt: skip
        raw = data_dir / inside
    parts = []
    for images, labels in form.names.values():
        pixels, numbers = _read_idx(form, raw, images, 3, 8), _read_idx(form, raw, labels, *form.labels)
        if len(pixels) != len(numbers):
            raise DataError(
                f"{raw / images} holds {len(pixels)} images, but {labels} holds {len(numbers)} labels; "
                f"delete both and download {form.title} again."
            )
        parts.append((pixels, numbers))
    return IdxParts(
        np.concatenate([pixels for pixels, _ in parts]),
        np.concatenate([numbers for _, numbers in parts]),
        len(parts[1][0]),
        raw,
    )


def image_set(form: IdxSet, parts: IdxParts, class_names: Sequence[str], notes: Sequence[str] = ()) -> ImageSet:
    """The set in memory, (N, 1, H, W), of parts with labels (N,) from 0.

    Raises:
        DataError: A label is none of the classes.
    """
    labels = parts.labels.astype(np.int64)
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(class_names):
        raise DataError(
            f"{parts.raw} holds labels from {labels.min()} to {labels.max()}, but those of {form.title} lie in "
            f"0 .. {len(class_names) - 1}; put the files of {form.title} there."
        )
    pixels: Pixels = parts.pixels[:, None]
    return ImageSet(
        name=form.name,
        pixels=pixels,
        levels=256,
        test_count=parts.test_count,
        labels=labels,
        class_names=tuple(class_names),
        notes=tuple(notes),
    )


def idx_files(form: IdxSet, data_dir: Path) -> list[Path]:
    """Every file that `load_idx` might read."""
    names = [name for names in form.names.values() for name in names]
    return [path for place in form.places for name in names for path in _candidates(data_dir / place, name)]


def folder_of(form: IdxSet, data_dir: Path) -> Path:
    """The first folder that holds a file of the set; torchvision's where none does."""
    names = [name for names in form.names.values() for name in names]
    places = [data_dir / place for place in form.places]
    return next((place for place in places if any(_find(form, place, name) for name in names)), places[0])


def holds_any(form: IdxSet, data_dir: Path) -> bool:
    """Whether any file of the set is there."""
    raw = folder_of(form, data_dir)
    return any(_find(form, raw, name) for names in form.names.values() for name in names)


def _candidates(raw: Path, name: str) -> list[Path]:
    """Where a file may be: under its own name or with a dot in it, plain or gzipped, or in a folder of its name."""
    dotted = name.replace("-idx", ".idx")
    return [raw / each for one in (name, dotted) for each in (one, f"{one}.gz", f"{one}/{one}")]


def _find(form: IdxSet, raw: Path, name: str) -> Path | None:
    if not form.own_names:
        around = "/".join(raw.resolve().parts[-2:]).lower()
        if next((word for word in OWNERS if word in around), None) != form.owner:
            return None
    return next((path for path in _candidates(raw, name) if path.is_file()), None)


def _read_idx(form: IdxSet, raw: Path, name: str, dimensions: int, kind: int) -> NDArray[Any]:
    """The array of an IDX file: two zeros, number of the type, number of dimensions, sizes, data."""
    path = _find(form, raw, name)
    if path is None:
        raise MissingDataError(
            f"{raw / name} is missing; fetch {form.title} with: python train.py --dataset {form.name}, "
            f"or point --data-dir at the folder that holds the files, or at one that holds {form.folder}/raw."
        )
    again = f"delete it and download {form.title} again"
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}; {again}.") from None
    header = 4 + 4 * dimensions
    if len(content) < header or content[:4] != bytes([0, 0, kind, dimensions]):
        word = "bytes" if kind == 8 else "whole numbers"
        raise DataError(f"{path} is no IDX file of {dimensions} dimension(s) of {word}; {again}.")
    sizes = np.frombuffer(content[4:header], dtype=">u4").astype(int)
    expected = header + int(np.prod(sizes)) * TYPES[kind].itemsize
    if len(content) != expected:
        raise DataError(f"{path} holds {len(content):,} bytes, but {expected:,} were expected; {again}.")
    return np.frombuffer(content, dtype=TYPES[kind], offset=header).reshape(sizes)
