"""What a data set is to the program: how to read it, where it lies, and what binds whoever uses it.

Adding a data set is one entry of `explorer.config.DATASETS`, and a file of its name (`_` for `-`) beside this one with
a `SOURCE`.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from explorer.config import DATASETS, DataConfig
from explorer.data.cache import Work
from explorer.data.pictures import Preparation
from explorer.data.sets import ImageSet
from explorer.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of a data set.

    Attributes:
        config: Its settings.
        data_dir: Folder in torchvision's layout, possibly read-only.
        folder: The folder or the file of the images of a set that somebody names; None for none.
        labels: The table of their labels; None for one beside the pictures, or none.
        extra_train: Where further training images lie; None for none.
        how: What becomes of a picture.
        download: Whether missing files may be fetched.
        work: How to convert pictures.
    """

    config: DataConfig
    data_dir: Path
    folder: Path | None
    labels: Path | None
    extra_train: Path | None
    how: Preparation
    download: bool
    work: Work


@dataclass(frozen=True, kw_only=True)
class Character:
    """How a picture of one character becomes an image.

    Attributes:
        size: Side of the image, in pixels.
        box: Side of the square that the ink just fits into, in pixels.
        by_mass: Whether the centre of mass of the ink comes to the middle of the image, or the middle of its box.
    """

    size: int
    box: int
    by_mass: bool


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set.

    Attributes:
        load: Reads it, or raises a `DataError` that says which file is missing and what to do.
        files: Below the data folder, files and folders that change when what `load` might read does.
        is_downloadable: Whether it can be fetched on request.
        takes: What somebody names for its images to be found, and the flag for it: a folder, a file, or nothing.
        takes_labels: Whether a table may say what is on them.
        takes_extra: Whether further training images may come from another folder.
        title: What the data set is called where models are chosen; None for its own name.
        nouns: What an image is called, and several.
        terms: What a person who shows or shares a model should know of the images it was fitted on; None for nothing.
        crop: Share of the width of a picture that is kept, around its centre.
        character: How its images were made of characters; None for pictures.
    """

    load: Callable[[Asked], ImageSet]
    files: Callable[[Path], list[Path]] = lambda _: []
    is_downloadable: bool = False
    takes: Literal["folder", "file"] | None = None
    takes_labels: bool = False
    takes_extra: bool = False
    title: str | None = None
    nouns: tuple[str, str] = ("image", "images")
    terms: str | None = None
    crop: float = 1.0
    character: Character | None = None


def source_of(dataset: str) -> Source:
    """A data set by its name on the command line.

    Raises:
        DataError: There is none.
    """
    if dataset not in DATASETS:
        raise DataError(f"there is no data set called {dataset[:40]!r}; known are {', '.join(DATASETS)}.")
    return importlib.import_module(f"explorer.data.{dataset.replace('-', '_')}").SOURCE
