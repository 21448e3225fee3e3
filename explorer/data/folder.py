"""Any folder of pictures as a data set; sub-folders are classes."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np

from explorer.config import Dataset
from explorer.data.cache import Arrangement, Work, converted
from explorer.data.pictures import ENDINGS, Found, Preparation, find_pictures, plain
from explorer.data.sets import ImageSet, seeded_test
from explorer.errors import DataError, MissingDataError

FEWEST = 40
"""Pictures that a folder must hold: fewer cannot be split and measured."""


def folder_name(folder: Path) -> str:
    """What a data set of that folder is called: its last part as a plain name that is no other data set's."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("-._")[:60] or "pictures"
    taken = name.lower() in get_args(Dataset) or name.startswith("features-")
    return f"folder-{name}" if taken else name


def load_folder(folder: Path, name: str, how: Preparation, *, work: Work) -> ImageSet:
    """Every picture below a folder; a fixed random tenth of them, the last rows, are the test images.

    Args:
        folder: Where the pictures are.
        name: Name of the data set.
        how: What becomes of a picture.
        work: How to convert the pictures.

    Raises:
        DataError: The folder is missing (`MissingDataError`), holds too few pictures, or too many that are broken.
    """
    found = pictures_below(folder, "--folder")
    if len(found) < FEWEST:
        raise DataError(f"{folder} holds {len(found)} pictures, but at least {FEWEST} are needed.")
    images = converted(name, found, how, lambda: arrange(name, found), work=work)
    if len(images) < FEWEST:
        raise DataError(f"{folder} holds {len(images)} pictures that can be read, but at least {FEWEST} are needed.")
    return images


def pictures_below(folder: Path, flag: str) -> list[Found]:
    """Every picture below a folder, by name.

    Raises:
        DataError: The folder is missing (`MissingDataError`), holds no picture, or cannot be read.
    """
    if not folder.is_dir():
        raise MissingDataError(f"there is no folder {folder}; name the one that holds the pictures with {flag}.")
    try:
        found = find_pictures(folder)
    except OSError as error:
        raise DataError(f"{error.filename or folder} cannot be read: {error.strerror}.") from None
    if not found:
        raise DataError(f"{folder} holds no pictures ({', '.join(ENDINGS)}); name another folder with {flag}.")
    return found


def arrange(name: str, found: Sequence[Found]) -> Arrangement:
    """Training images first, then test images, with the first sub-folder of each as its class.

    There are no classes where all pictures lie in one sub-folder, or some in none.
    """
    test = seeded_test(len(found))
    order = np.argsort(test, kind="stable")
    groups = [each.name.split("/")[0] if "/" in each.name else None for each in found]
    classes = tuple(sorted({group for group in groups if group is not None}))
    notes = [f"{name}: {len(found):,} pictures, of which {test.sum():,}, drawn once for all, are kept for testing"]
    labels = None
    if len(classes) > 1 and None in groups:
        loose = groups.count(None)
        notes.append(f"{loose:,} of them lie in no sub-folder, so sub-folders are not taken for classes")
    elif len(classes) > 1:
        numbers = {group: number for number, group in enumerate(classes)}
        labels = np.array([numbers[group] for group in groups if group is not None], dtype=np.int64)[order]
    return Arrangement(
        files=[found[row] for row in order],
        test_count=int(test.sum()),
        labels=labels,
        class_names=tuple(map(plain, classes)) if labels is not None else None,
        notes=tuple(notes),
    )
