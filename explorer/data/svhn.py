"""SVHN: 99,289 digits of house numbers in colour; Netzer et al. 2011, http://ufldl.stanford.edu/housenumbers/

The training and test files of its second format; the half million easier "extra" digits are left out.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explorer.data.downloads import fetched
from explorer.data.sets import ImageSet
from explorer.data.sources import Source
from explorer.errors import DataError, MissingDataError

FILES = ("train_32x32.mat", "test_32x32.mat")
EXTRA = "extra_32x32.mat"
MOST = 1_000_000
"""Images of a file at most: the largest official one has 531,131."""


def load_svhn(data_dir: Path, download: bool = False) -> ImageSet:
    """Training digits, then test digits, (99289, 3, 32, 32).

    Args:
        data_dir: The folder that holds the two files, as torchvision has them, or `svhn` in it.
        download: Whether to fetch missing files into it.

    Raises:
        DataError: A file is missing or damaged, or the download failed.
    """
    folder = _folder(data_dir)
    if download and not all((folder / name).is_file() for name in FILES):
        otherwise = f"copy {FILES[0]} and {FILES[1]} into the data folder by hand"
        fetched("SVHN", data_dir, "", otherwise, {"split": "train"}, {"split": "test"})
        folder = data_dir
    missing = next((name for name in FILES if not (folder / name).is_file()), None)
    if missing is not None:
        raise MissingDataError(
            f"{folder / missing} is missing; fetch SVHN with: python train.py --dataset svhn, "
            "or point --data-dir at the folder that holds it."
        )
    parts = [_part(folder / name) for name in FILES]
    notes = [f"svhn: {EXTRA} is left out: its digits are easier"] if (folder / EXTRA).exists() else []
    return ImageSet(
        name="svhn",
        pixels=np.concatenate([pixels for pixels, _ in parts]),
        levels=256,
        test_count=len(parts[1][0]),
        labels=np.concatenate([labels for _, labels in parts]),
        class_names=tuple("0123456789"),
        notes=tuple(notes),
    )


def svhn_files(data_dir: Path) -> list[Path]:
    """Every file that `load_svhn` might read."""
    return [folder / name for folder in _folders(data_dir) for name in FILES]


def _folders(data_dir: Path) -> list[Path]:
    return [data_dir, data_dir / "svhn", data_dir / "SVHN"]


def _folder(data_dir: Path) -> Path:
    folders = _folders(data_dir)
    return next((folder for folder in folders if (folder / FILES[0]).is_file()), folders[0])


def _part(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (n, 3, 32, 32) and digits (n,) of one file, which holds X (32, 32, 3, n) and y (n, 1), 10 for a zero."""
    from scipy.io import loadmat, whosmat

    again = "delete it and download SVHN again"
    try:
        shapes = {name: shape for name, shape, _ in whosmat(path)}  # before any memory is asked for
        count = shapes.get("X", (0,))[-1]
        if shapes.get("X") != (32, 32, 3, count) or shapes.get("y") != (count, 1) or count > MOST:
            raise DataError(f"{path} holds no X (32, 32, 3, n) with a y (n, 1); {again}.")
        found = loadmat(path, variable_names=["X", "y"])
        pixels, labels = found["X"], found["y"].ravel().astype(np.int64) % 10
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 - scipy's reader raises whatever its bytes lead it to
        raise DataError(f"{path} cannot be read ({type(error).__name__}); {again}.") from None
    if pixels.dtype != np.uint8 or not 1 <= found["y"].min(initial=1) <= found["y"].max(initial=1) <= 10:
        raise DataError(f"{path} must hold bytes in X and 1 .. 10 in y; {again}.")
    return np.ascontiguousarray(pixels.transpose(3, 2, 0, 1)), labels


SOURCE = Source(
    load=lambda asked: load_svhn(asked.data_dir, asked.download),
    files=svhn_files,
    is_downloadable=True,
    title="SVHN",
    nouns=("digit", "digits"),
    terms="SVHN is for non-commercial use only.",
)
