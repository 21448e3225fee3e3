"""What a data set of somebody's folder or file is called, and which words in a path say nothing of it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from explorer.config import DATASETS

Part = Literal["train", "validation", "test"]

SPLIT_FOLDERS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "tst": "test",
}
"""Names of folders, in lower case, that are parts of a split."""


def parts_said(words: Sequence[str]) -> list[int]:
    """Parts of a split that some of these words, in lower case, name: 0 training, 1 validation, 2 test."""
    return [get_args(Part).index(SPLIT_FOLDERS[word]) for word in words if word in SPLIT_FOLDERS]


def part_of(name: str) -> int | None:
    """The part of a split that a file's name or folder says, data/test-00000-of-00001.parquet; None for none."""
    found = parts_said(re.split(r"[/_\-.]", name.lower()))
    return found[0] if found else None


GENERIC = frozenset(
    {
        *SPLIT_FOLDERS,
        *("image", "images", "img", "imgs", "picture", "pictures", "pic", "pics", "photo", "photos", "photographs"),
        *("bilder", "fotos", "data", "dataset", "datasets", "files", "raw", "all", "input", "inputs", "output"),
        *("outputs", "original", "originals", "processed", "resized", "cropped", "samples", "small", "large", "full"),
        *("jpg", "jpeg", "jpegs", "png", "pngs", "tif", "tiff", "webp", "archive", "export", "download", "downloads"),
        *("new folder", "untitled folder", "folder", "temp", "tmp"),
    }
)
"""Names of folders, in lower case, that say nothing of the pictures in them: the folder above them does."""


def telling_parts(folder: Path) -> tuple[str, ...]:
    """The last parts of a folder's path that tell it from others: one, or more where the last is a generic word.

    Neither the user's own folder nor the root of a disk is one of them.
    """
    place, home = folder.resolve(), Path.home().resolve()
    parts = [place.name]
    while place.name.lower() in GENERIC and place.parent != home and place.parent != place.parent.parent:
        place = place.parent
        parts.insert(0, place.name)
    return tuple(parts)


def folder_name(folder: Path) -> str:
    """The name of a data set of that folder: the parts that tell it as a plain name that is no other data set's."""
    return plain_name(telling_parts(folder))


def plain_name(parts: Sequence[str]) -> str:
    """The name of a data set of some parts of a path."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts)).strip("-._")
    name = name[-60:].strip("-._") or "pictures"
    taken = re.fullmatch(rf"({'|'.join(DATASETS)})(-[0-9]+)?(-grey)?|features-.*", name.lower())
    return f"folder-{name}" if taken else name
