"""EMNIST: letters and digits in MNIST's form; Cohen et al. 2017, https://arxiv.org/abs/1702.05373

Its files store every image transposed; here all are upright. The set comes in six divisions; the first of `DIVISIONS`
whose files are there is read.
"""

import string
from pathlib import Path

import numpy as np

from explorer.data.idx import IdxParts, IdxSet, holds_any, idx_files, image_set, load_idx
from explorer.data.sets import ImageSet
from explorer.data.sources import Character, Source
from explorer.errors import DataError

MERGED = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")
"""Classes where letters whose capitals look alike are one class."""

DIVISIONS = {
    "balanced": MERGED,
    "byclass": tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase),
    "bymerge": MERGED,
    "letters": tuple(string.ascii_lowercase),
    "digits": tuple(string.digits),
    "mnist": tuple(string.digits),
}
"""Class names of each division; "letters" counts them from 1."""

COUNTS = {
    "balanced": ((112_800, 18_800),),
    "byclass": ((697_932, 116_323),),
    "letters": ((124_800, 20_800), (88_800, 14_800)),
    "digits": ((240_000, 40_000),),
}
"""Training and test images of divisions that are told by them; bymerge has as many as byclass, mnist as MNIST."""


def division(name: str) -> IdxSet:
    """The files of one division."""
    return IdxSet(
        name="emnist",
        title="EMNIST",
        fetch="EMNIST",
        calls=({"split": name},),
        folder="EMNIST",
        others=("EMNIST/raw/gzip", "emnist", "gzip"),
        names={
            part: (f"emnist-{name}-{part}-images-idx3-ubyte", f"emnist-{name}-{part}-labels-idx1-ubyte")
            for part in ("train", "test")
        },
        own_names=True,
    )


def is_there(data_dir: Path) -> bool:
    """Whether files of any division are there."""
    return any(holds_any(division(name), data_dir) for name in DIVISIONS)


def load_emnist(data_dir: Path, download: bool = False) -> ImageSet:
    """The first division of `DIVISIONS` that is there, (N, 1, 28, 28), upright.

    Args:
        data_dir: The folder that holds `EMNIST/raw`, or the files themselves.
        download: Whether to fetch the set where no division is there.

    Raises:
        DataError: A file is missing or damaged, or the download failed.
    """
    name = next((each for each in DIVISIONS if holds_any(division(each), data_dir)), "balanced")
    form, classes = division(name), DIVISIONS[name]
    parts = load_idx(form, data_dir, download)
    if parts.pixels.shape[1] != parts.pixels.shape[2]:
        raise DataError(f"{parts.raw} holds images of {parts.pixels.shape[1:]} pixels, but EMNIST's are square.")
    upright = np.ascontiguousarray(parts.pixels.transpose(0, 2, 1))
    labels = parts.labels.astype(np.int64) - (name == "letters")
    place = "/".join(parts.raw.parts[-2:])
    where = "" if "emnist" in place.lower() else f", found in {place}"
    said = f"emnist: its division {name!r} of {len(classes)} classes{where}; the files store images transposed, here "
    upright_parts = IdxParts(upright, labels, parts.test_count, parts.raw)
    return image_set(form, upright_parts, classes, [f"{said}they are upright"])


SOURCE = Source(
    load=lambda asked: load_emnist(asked.data_dir, asked.download),
    files=lambda data_dir: [path for name in DIVISIONS for path in idx_files(division(name), data_dir)],
    is_downloadable=True,
    title="EMNIST",
    nouns=("character", "characters"),
    character=Character(size=28, box=24, by_mass=False),
)
"""Section II: the characters fill a box of 24 pixels, with 2 pixels around it."""
