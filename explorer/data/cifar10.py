"""CIFAR-10: 60,000 small photographs of ten kinds.

Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf

Its files are pickles. torchvision unpickles those whose checksum it knows; here none is unpickled, whatever it is:
`explorer.data.pickled` reads the plain values in them.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.data.downloads import fetched
from explorer.data.pickled import plain_values
from explorer.data.sets import ImageSet
from explorer.data.sources import Source
from explorer.errors import DataError, MissingDataError

TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = "test_batch"
FOLDER = "cifar-10-batches-py"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load_cifar10(data_dir: Path, download: bool = False) -> ImageSet:
    """All of CIFAR-10, (60000, 3, 32, 32): the training images, then the test images.

    Args:
        data_dir: The folder that holds `cifar-10-batches-py`, or that folder itself.
        download: Whether to fetch missing files into it.

    Raises:
        DataError: A file is missing or damaged, or the download failed.
    """
    folder = _folder(data_dir)
    if download and _missing(folder) is not None:
        fetched("CIFAR10", data_dir, FOLDER, f"unpack cifar-10-python.tar.gz into the data folder, as {FOLDER}")
        folder = data_dir / FOLDER
    missing = _missing(folder)
    if missing is not None:
        raise MissingDataError(
            f"{folder / missing} is missing; fetch CIFAR-10 with: python train.py --dataset cifar10, "
            f"or point --data-dir at the folder that holds {FOLDER}."
        )
    parts = [_batch(folder / name) for name in (*TRAIN, TEST)]
    return ImageSet(
        name="cifar10",
        pixels=np.concatenate([pixels for pixels, _ in parts]),
        levels=256,
        test_count=len(parts[-1][0]),
        labels=np.concatenate([labels for _, labels in parts]),
        class_names=CLASSES,
    )


def cifar10_files(data_dir: Path) -> list[Path]:
    """Every file that `load_cifar10` might read."""
    return [folder / name for folder in _folders(data_dir) for name in (*TRAIN, TEST)]


def _folders(data_dir: Path) -> list[Path]:
    return [data_dir / place for place in (FOLDER, f"cifar10/{FOLDER}", f"CIFAR10/{FOLDER}", "")]


def _folder(data_dir: Path) -> Path:
    folders = _folders(data_dir)
    return next((folder for folder in folders if (folder / TEST).is_file()), folders[0])


def _missing(folder: Path) -> str | None:
    return next((name for name in (*TRAIN, TEST) if not (folder / name).is_file()), None)


def _batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (n, 3, 32, 32) and labels (n,) of one file: a row of "data" is the red plane, the green and the blue."""
    again = "delete it and download CIFAR-10 again"
    found: Any = plain_values(path)
    held = {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}
    data, labels = held.get("data"), np.asarray(held.get("labels", ()))
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape != (len(labels), 3072):
        raise DataError(f"{path} holds no images of 32x32 pixels with as many labels; {again}.")
    if labels.dtype.kind not in "iu" or not 0 <= labels.min(initial=0) <= labels.max(initial=0) < len(CLASSES):
        raise DataError(f"{path} holds labels that are not in 0 .. {len(CLASSES) - 1}; {again}.")
    return data.reshape(-1, 3, 32, 32), labels.astype(np.int64)


SOURCE = Source(
    load=lambda asked: load_cifar10(asked.data_dir, asked.download),
    files=cifar10_files,
    is_downloadable=True,
    title="CIFAR-10",
)
