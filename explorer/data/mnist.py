"""MNIST as IDX files, plain or gzipped, in torchvision's folder MNIST/raw or where people have them.

The files are read here, since torchvision reads the unpacked ones only and must write to unpack them; a data folder
may be read-only. The download is torchvision's.
"""

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explorer.data.downloads import fetched
from explorer.data.sets import ImageSet
from explorer.data.sources import Character, Source
from explorer.errors import DataError, MissingDataError

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}

PLACES = ("MNIST/raw", "MNIST", "mnist/raw", "mnist", "raw", "")
"""Folders below the data folder that may hold the files, the first that holds one wins: also where the data folder
that is named is MNIST or MNIST/raw itself."""

OTHERS = ("fashion", "kmnist", "emnist", "qmnist")
"""Words in the names of folders whose files are called as MNIST's, and are another data set's."""


def load_mnist(data_dir: Path, download: bool = False) -> ImageSet:
    """All of MNIST, (70000, 1, 28, 28): the training images, then the test images.

    Args:
        data_dir: The folder that holds `MNIST/raw`, or another of `PLACES`.
        download: Whether to fetch missing files into it.

    Raises:
        DataError: A file is missing or damaged, or the download failed.
    """
    raw = _folder(data_dir)
    if download and any(_find(raw, name) is None for names in FILES.values() for name in names):
        _download(data_dir)
        raw = data_dir / "MNIST" / "raw"
    parts = [(_read_idx(raw, images, 3), _read_idx(raw, labels, 1)) for images, labels in FILES.values()]
    for (images, labels), names in zip(parts, FILES.values(), strict=True):
        if len(images) != len(labels):
            raise DataError(
                f"{raw / names[0]} holds {len(images)} images, but {names[1]} holds {len(labels)} labels; "
                "delete both and download MNIST again."
            )
    return ImageSet(
        name="mnist",
        pixels=np.concatenate([images for images, _ in parts])[:, None],
        levels=256,
        test_count=len(parts[1][0]),
        labels=np.concatenate([labels for _, labels in parts]).astype(np.int64),
        class_names=tuple("0123456789"),
    )


def mnist_files(data_dir: Path) -> list[Path]:
    """Every file that `load_mnist` might read."""
    names = [name for names in FILES.values() for name in names]
    return [path for place in PLACES for name in names for path in _candidates(data_dir / place, name)]


def _folder(data_dir: Path) -> Path:
    """The first folder that holds a file of the set; torchvision's where none does."""
    names = [name for names in FILES.values() for name in names]
    places = [data_dir / place for place in PLACES]
    return next((place for place in places if any(_find(place, name) for name in names)), places[0])


def _candidates(raw: Path, name: str) -> list[Path]:
    """Where a file may be: under its own name or with a dot in it, plain or gzipped, or in a folder of its name."""
    dotted = name.replace("-idx", ".idx")
    return [raw / each for one in (name, dotted) for each in (one, f"{one}.gz", f"{one}/{one}")]


def _find(raw: Path, name: str) -> Path | None:
    around = "/".join(raw.resolve().parts[-2:]).lower()
    if any(word in around for word in OTHERS):
        return None
    return next((path for path in _candidates(raw, name) if path.is_file()), None)


def _read_idx(raw: Path, name: str, dimensions: int) -> NDArray[np.uint8]:
    """The array of an IDX file of unsigned bytes: two zeros, type 8, number of dimensions, sizes, data."""
    path = _find(raw, name)
    if path is None:
        raise MissingDataError(
            f"{raw / name} is missing; fetch MNIST with: python train.py --dataset mnist, "
            "or point --data-dir at the folder that holds the files, or at one that holds MNIST/raw."
        )
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}; delete it and download MNIST again.") from None
    header = 4 + 4 * dimensions
    if len(content) < header or content[:4] != bytes([0, 0, 8, dimensions]):
        raise DataError(
            f"{path} is no IDX file of {dimensions} dimension(s) of bytes; delete it and download MNIST again."
        )
    sizes = np.frombuffer(content[4:header], dtype=">u4").astype(int)
    expected = header + int(np.prod(sizes))
    if len(content) != expected:
        raise DataError(
            f"{path} holds {len(content):,} bytes, but {expected:,} were expected; delete it and download MNIST again."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(sizes)


def _download(data_dir: Path) -> None:
    fetched("MNIST", data_dir, "MNIST/raw", "copy the four *-ubyte.gz files into MNIST/raw of the data folder by hand")


SOURCE = Source(
    load=lambda asked: load_mnist(asked.data_dir, asked.download),
    files=mnist_files,
    is_downloadable=True,
    title="MNIST",
    nouns=("digit", "digits"),
    character=Character(size=28, box=20, by_mass=True),
)
"""MNIST; LeCun et al. 1998, http://yann.lecun.com/exdb/mnist/: "size normalized to fit in a 20x20 pixel box while
preserving their aspect ratio [...] centered in a 28x28 image by computing the center of mass"."""
