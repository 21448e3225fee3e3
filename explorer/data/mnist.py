"""MNIST; LeCun et al. 1998, http://yann.lecun.com/exdb/mnist/"""

from pathlib import Path

import numpy as np

from explorer.data.emnist import COUNTS, is_there
from explorer.data.idx import IdxParts, IdxSet, holds_any, idx_files, image_set, load_idx
from explorer.data.sets import ImageSet
from explorer.data.sources import Character, Source
from explorer.errors import DataError, MissingDataError

MNIST = IdxSet(name="mnist", title="MNIST", fetch="MNIST", folder="MNIST", others=("mnist",))

EVEN = 6000
"""Training images of each class in EMNIST's own MNIST, Fashion-MNIST and KMNIST; MNIST has 5,421 to 6,742."""


def load_mnist(data_dir: Path, download: bool = False) -> ImageSet:
    """All of MNIST, (70000, 1, 28, 28): the training images, then the test images.

    Args:
        data_dir: The folder that holds `MNIST/raw`, or another of its places.
        download: Whether to fetch missing files into it.

    Raises:
        DataError: A file is missing or damaged, or another data set's, or the download failed.
    """
    if not download and not holds_any(MNIST, data_dir) and is_there(data_dir):
        raise MissingDataError(
            f"{data_dir} holds EMNIST's files, but none of MNIST's; fit EMNIST with: python train.py --dataset emnist, "
            "or fetch MNIST with: python train.py --dataset mnist."
        )
    parts = load_idx(MNIST, data_dir, download)
    return image_set(MNIST, parts, "0123456789", _doubts(parts))


def _doubts(parts: IdxParts) -> list[str]:
    """What speaks against these files being MNIST's, though they are called so; a sentence, or none.

    Raises:
        DataError: They are EMNIST's, whose images are stored transposed.
    """
    counts = (len(parts.labels) - parts.test_count, parts.test_count)
    most = int(parts.labels.max(initial=0))
    named = next((split for split, known in COUNTS.items() if counts in known), None)
    if most > 9 or named is not None:
        proof = f"{counts[0]:,} and {counts[1]:,} images" if named else f"labels up to {most}"
        raise DataError(
            f"{parts.raw} holds {proof}: these are EMNIST's files, whose images are stored transposed; give them their "
            f"own names (emnist-{named or 'balanced'}-train-images-idx3-ubyte and so on) and fit them with: "
            "python train.py --dataset emnist."
        )
    fitted = np.bincount(parts.labels[: counts[0]], minlength=10)
    if (fitted == EVEN).all():
        said = f"mnist: each class has {EVEN:,} training images, but MNIST has 5,421 to 6,742 of each; {parts.raw} "
        return [
            f"{said}seems to hold EMNIST (stored transposed), Fashion-MNIST or KMNIST, which have their own --dataset"
        ]
    return []


SOURCE = Source(
    load=lambda asked: load_mnist(asked.data_dir, asked.download),
    files=lambda data_dir: idx_files(MNIST, data_dir),
    is_downloadable=True,
    title="MNIST",
    nouns=("digit", "digits"),
    character=Character(size=28, box=20, by_mass=True),
)
"""The digits were "size normalized to fit in a 20x20 pixel box while preserving their aspect ratio [...] centered in a
28x28 image by computing the center of mass"."""
