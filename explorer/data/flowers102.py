"""Oxford 102 Flowers in torchvision's folder layout: flowers-102/jpg, imagelabels.mat, setid.mat.

Nilsback & Zisserman 2008, https://www.robots.ox.ac.uk/~vgg/data/flowers/102/. The official training split has 1,020
images and the test split 6,149: fitted is on both, measured on the validation split of 1,020.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explorer.data.cache import Arrangement, Work, converted
from explorer.data.downloads import fetched
from explorer.data.listing import Found, find_pictures, passed_over
from explorer.data.pictures import Preparation
from explorer.data.sets import ImageSet
from explorer.data.sources import Source
from explorer.errors import DataError, MissingDataError

IMAGES = 8189
"""Images of the complete set."""

LISTS = ("imagelabels.mat", "setid.mat")


def load_flowers102(data_dir: Path, how: Preparation, *, download: bool = False, work: Work) -> ImageSet:
    """The flowers, training rows first: the official training and test splits; then the official validation split.

    Args:
        data_dir: The folder that holds `flowers-102`, or that folder itself.
        how: What becomes of a picture.
        download: Whether to fetch missing files into it.
        work: How to convert the pictures.

    Raises:
        DataError: Files are missing (`MissingDataError`) or damaged, or the download failed.
    """
    root = _root(data_dir)
    if download and not _is_there(root):
        otherwise = f"copy jpg/, {LISTS[0]} and {LISTS[1]} into flowers-102 of the data folder by hand"
        fetched("Flowers102", data_dir, "flowers-102", otherwise)
    if not _is_there(root):
        missing = next(name for name in ("jpg", *LISTS) if not (root / name).exists())
        raise MissingDataError(
            f"{root / missing} is missing; fetch the flowers with: python train.py --dataset flowers102, "
            "or point --data-dir at a folder that holds flowers-102."
        )
    try:
        found = find_pictures(root / "jpg", deep=False)
        lists = [_found(root / name) for name in LISTS]
    except OSError as error:
        raise DataError(f"{error.filename or root} cannot be read: {error.strerror}.") from None
    return converted("flowers102", [*lists, *found], how, lambda: arrange(root, found), work=work)


def flowers102_files(data_dir: Path) -> list[Path]:
    """What `load_flowers102` reads: the folder of the images changes when one of them comes or goes."""
    return [root / name for root in (data_dir / "flowers-102", data_dir) for name in ("jpg", *LISTS)]


def arrange(root: Path, found: Sequence[Found]) -> Arrangement:
    """Official training and test images by number, then validation images by number, with their labels from 0."""
    by_number = {number: each for each in found if (number := _number(each)) is not None}
    labels = _read(root / LISTS[0], "labels")
    parts = {name: _read(root / LISTS[1], name) for name in ("trnid", "tstid", "valid")}
    listed = np.concatenate(list(parts.values()))
    if len(labels) < listed.max() or len(set(listed.tolist())) != len(listed) or labels.min() < 1:
        raise DataError(f"{root / LISTS[0]} and {root / LISTS[1]} do not go together; download both again.")
    train = [n for n in sorted([*parts["trnid"].tolist(), *parts["tstid"].tolist()]) if n in by_number]
    test = [n for n in sorted(parts["valid"].tolist()) if n in by_number]
    if not train or not test:
        raise DataError(
            f"{root / 'jpg'} holds {len(train)} training and {len(test)} validation images of the flowers, "
            "named image_00001.jpg and on; both are needed, so copy the set again."
        )
    fitted = f"the official training and test splits together ({len(train):,} images; the training split has 1,020)"
    notes = [f"flowers102: fitted on {fitted}, measured on the official validation split ({len(test):,})"]
    if len(train) + len(test) < IMAGES:
        notes.append(f"{len(train) + len(test):,} of the set's {IMAGES:,} images are here")
    notes += passed_over(root / "jpg", deep=False)
    rows = train + test
    from torchvision.datasets import Flowers102

    return Arrangement(
        files=[by_number[n] for n in rows],
        test_count=len(test),
        labels=labels[np.array(rows) - 1].astype(np.int64) - 1,
        class_names=tuple(Flowers102.classes),
        notes=tuple(notes),
    )


def _root(data_dir: Path) -> Path:
    """The folder of the set: `flowers-102` of the data folder, or the data folder where it is that itself."""
    inside = data_dir / "flowers-102"
    return data_dir if not inside.is_dir() and _is_there(data_dir) else inside


def _is_there(root: Path) -> bool:
    return all((root / name).exists() for name in ("jpg", *LISTS))


def _found(path: Path) -> Found:
    stat = path.stat()
    return Found(path, path.name, stat.st_size, stat.st_mtime_ns)


def _number(each: Found) -> int | None:
    stem = each.path.stem.removeprefix("image_")
    return int(stem) if stem.isdecimal() else None


def _read(path: Path, name: str) -> NDArray[np.int64]:
    """One vector of a MATLAB file."""
    from scipy.io import loadmat

    try:
        return loadmat(path)[name].ravel().astype(np.int64)
    except Exception as error:  # noqa: BLE001 - scipy's reader raises whatever its bytes lead it to
        raise DataError(f"{path} cannot be read ({type(error).__name__}); download it again.") from None


SOURCE = Source(
    load=lambda asked: load_flowers102(asked.data_dir, asked.how, download=asked.download, work=asked.work),
    files=flowers102_files,
    is_downloadable=True,
    title="Flowers",
    nouns=("flower", "flowers"),
    terms="The photographs of Flowers102 belong to their authors, and no licence comes with them.",
)
