"""A data set in memory: one uint8 array, labels, a fingerprint, and its split."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Images, Pixels
from explorer.config import DataConfig
from explorer.errors import DataError
from explorer.images import to_unit


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """Images as stored grey levels, with what is known of them.

    Attributes:
        name: Name of the data set.
        pixels: (N, C, H, W) uint8 in 0 .. levels - 1; training rows first, test rows last.
        levels: Number of grey levels.
        test_count: How many of the last rows are the official test images.
        labels: (N,) int64 into `class_names`, or None.
        class_names: Names of the labels, or None.
        attributes: (N, A) uint8, 0 or 1, or None.
        attribute_names: Names of the attributes, or None.
    """

    name: str
    pixels: Pixels
    levels: int
    test_count: int
    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] | None = None
    attributes: NDArray[np.uint8] | None = None
    attribute_names: tuple[str, ...] | None = None
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(repr((self.pixels.shape, self.levels)).encode())
        digest.update(self.pixels.tobytes())
        if self.labels is not None:
            digest.update(self.labels.tobytes())
        object.__setattr__(self, "fingerprint", digest.hexdigest())

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    def images(self, index: NDArray[np.int64]) -> Images:
        """Images (n, C, H, W) in [0, 1] of rows `index` (n,)."""
        return to_unit(self.pixels[index], self.levels)


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of an `ImageSet`, each (n,) int64, pairwise disjoint.

    Attributes:
        train: Images that are fitted.
        validation: Held out of the training images; for curves and early stopping.
        calibration: Held out of the training images; set C of the hole scores, never used to choose anything.
        test: Images that scores are reported on.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    calibration: NDArray[np.int64]
    test: NDArray[np.int64]


def split(images: ImageSet, config: DataConfig) -> Split:
    """The split that `config` names: its seed alone decides, so twins and ladders share it.

    Raises:
        DataError: More images are held out than there are to train on.
    """
    held_out, calibration = config.held_out or 0, config.calibration or 0
    count = len(images) - images.test_count
    if held_out + calibration >= count:
        raise DataError(
            f"{images.name} has {count} training images, but {held_out} + {calibration} are to be held out; "
            "lower --held-out or --calibration."
        )
    order = np.random.default_rng(config.split_seed).permutation(count)
    return Split(
        train=np.sort(order[held_out + calibration :]),
        validation=np.sort(order[:held_out]),
        calibration=np.sort(order[held_out : held_out + calibration]),
        test=np.arange(count, len(images)),
    )
