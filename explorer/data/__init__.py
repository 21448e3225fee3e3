"""Each data set as one uint8 array, labels, attribute names and a fingerprint; downloads only when asked."""

import os
import sys
from pathlib import Path

from explorer.config import DataConfig
from explorer.data.digits import load_digits
from explorer.data.mnist import load_mnist, mnist_files
from explorer.data.sets import ImageSet, Split, split
from explorer.errors import DataError

__all__ = [
    "ImageSet",
    "Split",
    "cache_dir",
    "dataset_files",
    "default_data_dir",
    "is_downloadable",
    "load_dataset",
    "split",
]


def load_dataset(config: DataConfig, data_dir: Path | None = None, download: bool = False) -> ImageSet:
    """The data set that `config` names.

    Args:
        config: Names the data set.
        data_dir: Folder in torchvision's layout, possibly read-only; None means `default_data_dir()`.
        download: Whether missing files may be fetched into it; torchvision shows the progress.

    Raises:
        DataError: Missing (`MissingDataError`) or damaged files; the message says which and what to do.
    """
    if config.dataset == "digits":
        return load_digits()
    if config.dataset == "mnist":
        return load_mnist(data_dir or default_data_dir(), download)
    raise DataError(f"there is no data set called {config.dataset!r}.")


def dataset_files(config: DataConfig, data_dir: Path | None = None) -> list[Path]:
    """Every file that `load_dataset` might read, there or not; none for a set that comes with a library."""
    return mnist_files(data_dir or default_data_dir()) if config.dataset == "mnist" else []


def is_downloadable(dataset: str) -> bool:
    """Whether a missing data set can be fetched on request."""
    return dataset == "mnist"


def default_data_dir() -> Path:
    """$EXPLORER_DATA, else a folder in the user's cache."""
    named = os.environ.get("EXPLORER_DATA")
    return Path(named).expanduser() if named else cache_dir() / "data"


def cache_dir() -> Path:
    """$EXPLORER_CACHE, else the user's cache folder of this program; not created here."""
    named = os.environ.get("EXPLORER_CACHE")
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return root / "latent-space-explorer"
