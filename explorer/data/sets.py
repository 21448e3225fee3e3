"""A data set in memory: one uint8 array, labels, a fingerprint, and its split."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Images, Pixels
from explorer.config import FEWEST_CALIBRATION, DataConfig
from explorer.errors import DataError
from explorer.images import to_unit

MOST_HELD_OUT, MOST_CALIBRATION = 1000, 2500
"""Images held out at most where the settings leave it open."""

FEWEST_FITTED = 5
"""Images to train on: the vacancy asks how far the fifth nearest code is."""

HASHED = 1 << 24
"""Bytes that are hashed at a time: a mapped array is never copied whole."""


def fingerprint_of(pixels: Pixels, levels: int, labels: NDArray[np.int64] | None) -> str:
    """SHA-256 of pixels (N, C, H, W), their order and their labels (N,)."""
    digest = hashlib.sha256(repr((pixels.shape, levels)).encode())
    step = max(1, HASHED // max(1, int(np.prod(pixels.shape[1:]))))
    for start in range(0, len(pixels), step):
        digest.update(pixels[start : start + step].tobytes())
    if labels is not None:
        digest.update(labels.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """Images as stored grey levels, with what is known of them.

    Attributes:
        name: Name of the data set.
        pixels: (N, C, H, W) uint8 in 0 .. levels - 1, possibly a read-only map of a file: index it, never copy it
            whole. Training rows first, then official validation rows, then test rows.
        levels: Number of grey levels.
        test_count: How many of the last rows are the official test images.
        validation_count: How many rows before those are official validation images; no fit may see them.
        labels: (N,) int64 into `class_names`, or None.
        class_names: Names of the labels, or None.
        attributes: (N, A) uint8, 1 for an image that has it, 0 for one that has not, `explorer.arrays.UNKNOWN` (255)
            where nobody said; or None.
        attribute_names: Names of the attributes, or None.
        notes: What a person should know of this copy, a sentence each.
        brightness: Values that became black and white where pictures had more than 8 bits; None where none had.
        fingerprint: `fingerprint_of` it; computed where it is not given.
    """

    name: str
    pixels: Pixels
    levels: int
    test_count: int
    validation_count: int = 0
    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] | None = None
    attributes: NDArray[np.uint8] | None = None
    attribute_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    brightness: tuple[float, float] | None = None
    fingerprint: str = ""

    def __post_init__(self) -> None:
        if not self.fingerprint:
            object.__setattr__(self, "fingerprint", fingerprint_of(self.pixels, self.levels, self.labels))

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    def rows(self, index: NDArray[np.int64]) -> "UnitRows":
        """The same images, but converted only as they are taken: thousands of large ones would fill the memory."""
        return UnitRows(self, index)

    def images(self, index: NDArray[np.int64]) -> Images:
        """Images (n, C, H, W) in [0, 1] of rows `index` (n,)."""
        return to_unit(self.pixels[index], self.levels)


@dataclass(frozen=True, slots=True)
class UnitRows:
    """Rows (n,) of an `ImageSet`; a slice of them is images in [0, 1]."""

    images: ImageSet
    index: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: slice, /) -> Images:
        return self.images.images(self.index[rows])


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of an `ImageSet`, each (n,) int64; train, validation, calibration and test are pairwise disjoint.

    Attributes:
        train: Images that are fitted.
        validation: Held out; for curves and early stopping.
        calibration: Held out of the training images; set C of the hole scores, never used to choose anything.
        test: Images that scores are reported on.
        check: Those of the validation images that come from the same pool as the calibration images: set D, on which
            the calibration is checked.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    calibration: NDArray[np.int64]
    test: NDArray[np.int64]
    check: NDArray[np.int64]


def split(images: ImageSet, config: DataConfig) -> Split:
    """The split that `config` names: its seed alone decides, so twins and ladders share it.

    A size that is None is a tenth of the training images, at most `MOST_HELD_OUT` or `MOST_CALIBRATION`, so that a
    small data set uses what there is; for calibration `FEWEST_CALIBRATION` at least.

    Raises:
        DataError: More images are held out than there are to train on.
    """
    count = len(images) - images.test_count - images.validation_count
    held_out = min(max(1, count // 10), MOST_HELD_OUT) if config.held_out is None else config.held_out
    calibration = config.calibration
    if calibration is None:
        calibration = min(max(FEWEST_CALIBRATION, count // 10), MOST_CALIBRATION)
    official = min(images.validation_count, held_out // 2)  # the rest is of the calibration's own pool
    own = held_out - official
    if own + calibration >= count:
        raise DataError(
            f"{images.name} has {count} training images, but {own} + {calibration} are to be held out; "
            "lower --held-out or --calibration, or take more images."
        )
    rng = np.random.default_rng(config.split_seed)
    order = rng.permutation(count)
    others = count + np.sort(rng.permutation(images.validation_count)[:official])
    check = np.sort(order[:own])
    return Split(
        train=np.sort(order[own + calibration :][: config.subset]),
        validation=np.concatenate([check, others]),
        calibration=np.sort(order[own : own + calibration]),
        test=len(images) - images.test_count + np.sort(rng.permutation(images.test_count)[: config.tested]),
        check=check,
    )


def check_split(images: ImageSet, parts: Split) -> None:
    """Refuse a split whose run could not be measured, before it is fitted.

    Raises:
        DataError: Too few images are left to train on.
    """
    if len(parts.train) < FEWEST_FITTED:
        raise DataError(
            f"{images.name} would leave {len(parts.train)} images to train on, and {FEWEST_FITTED} are the fewest that "
            "holes are measured with; take more images."
        )


def seeded_test(count: int) -> NDArray[np.bool_]:
    """Which of `count` images are for testing where nobody said, (count,): always the same tenth, or a few."""
    chosen = np.zeros(count, dtype=bool)
    chosen[np.random.default_rng(0).permutation(count)[: max(round(count / 10), min(10, count // 4))]] = True
    return chosen
