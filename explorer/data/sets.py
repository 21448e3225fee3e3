"""A data set in memory: one uint8 array, labels, a fingerprint, and its split."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Images, Pixels
from explorer.config import FEWEST_CALIBRATION, DataConfig
from explorer.errors import DataError
from explorer.images import to_unit

MOST_HELD_OUT, MOST_CALIBRATION = 1000, 2500
"""Images held out at most where the settings leave it open."""

ENOUGH_TESTED = 1000
"""Test images that are left when a data set's own test images are enough to calibrate the holes as well."""

FEWEST_FITTED = 12
"""Images to train on: half of them are set R, in which the vacancy asks how far the fifth nearest code is."""

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
        shares_test: Whether calibration images may be drawn from its test images. Those of a folder are a random tenth,
            which is exchangeable with all others anyway, or what somebody put into a folder of that name.
        labels: (N,) int64 into `class_names`, or None.
        class_names: Names of the labels, or None.
        attributes: (N, A) uint8, 1 for an image that has it, 0 for one that has not, `explorer.arrays.UNKNOWN` (255)
            where nobody said; or None.
        attribute_names: Names of the attributes, or None.
        factors: (N, F) float32, numbers that are known of every image, NaN where nobody said; or None.
        factor_names: Names of the factors, or None.
        notes: What a person should know of this copy, a sentence each.
        brightness: Values that became black and white where pictures had more than 8 bits; None where none had.
        fingerprint: `fingerprint_of` it; computed where it is not given.
    """

    name: str
    pixels: Pixels
    levels: int
    test_count: int
    validation_count: int = 0
    shares_test: bool = False
    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] | None = None
    attributes: NDArray[np.uint8] | None = None
    attribute_names: tuple[str, ...] | None = None
    factors: NDArray[np.float32] | None = None
    factor_names: tuple[str, ...] | None = None
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
    """Rows of an `ImageSet`, each (n,) int64, pairwise disjoint (but for `DataConfig.validation_pooled`).

    Attributes:
        train: Images that are fitted; sets R and G of the hole scores are drawn from them.
        validation: Held out; for curves and early stopping.
        calibration: Set C of the hole scores, never used to choose anything.
        test: Images that scores are reported on. They and the calibration are one random division of one pool, of
            images that no fit saw, so that holes hold the same share of both.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    calibration: NDArray[np.int64]
    test: NDArray[np.int64]


def sized(images: ImageSet, config: DataConfig) -> DataConfig:
    """The settings with the sizes of the split that were left open.

    Calibration and test are drawn from the data set's own test images; where these are too few for both, as many
    training images as calibrate are set aside and all drawn from together, or twice as many where it has none.
    Otherwise a size is a tenth of the training images, at most `MOST_HELD_OUT` or `MOST_CALIBRATION`, so that a small
    data set uses what there is; for calibration `FEWEST_CALIBRATION` at least.
    """
    count = len(images) - images.test_count - images.validation_count
    held_out, calibration, aside = config.held_out, config.calibration, config.set_aside
    if held_out is None:
        held_out = min(max(1, count // 10), MOST_HELD_OUT)
    if calibration is None:
        calibration = min(max(FEWEST_CALIBRATION, count // 10), MOST_CALIBRATION)
    if aside is None:
        enough = images.test_count >= calibration + ENOUGH_TESTED and images.shares_test
        aside = 0 if enough else calibration if images.test_count else 2 * calibration
    return replace(config, held_out=held_out, calibration=calibration, set_aside=aside)


def needs_more(images: ImageSet, config: DataConfig) -> bool:
    """Whether a data set that shares its test images has too few of them to calibrate the holes and to test."""
    return images.shares_test and images.test_count < (config.calibration or MOST_CALIBRATION) + ENOUGH_TESTED


def split(images: ImageSet, config: DataConfig) -> Split:
    """The split that `config` names, with sizes as in `sized`: its seed alone decides, so twins and ladders share it.

    Where the set does not share its test images they stay what they are, and images that are set aside calibrate.

    Raises:
        DataError: More images are held out than there are to train on, or none would be left for the test.
    """
    config = sized(images, config)
    count = len(images) - images.test_count - images.validation_count
    held_out, calibration, aside = config.held_out or 0, config.calibration or 0, config.set_aside or 0
    official = min(images.validation_count, held_out // 2)  # the rest is of the training images
    own = held_out - official
    if own + aside >= count:
        raise DataError(
            f"{images.name} has {count} training images, but {own} + {aside} are to be held out; "
            "lower --held-out, --set-aside or --calibration, or take more images."
        )
    rng = np.random.default_rng(config.split_seed)
    order = rng.permutation(count)
    others = count + np.sort(rng.permutation(images.validation_count)[:official])
    validation = np.concatenate([np.sort(order[:own]), others])
    pool = np.arange(len(images) - images.test_count, len(images))
    if not images.shares_test and len(pool):
        return Split(
            train=np.sort(order[own + aside :][: config.subset]),
            validation=validation,
            calibration=np.sort(order[own : own + aside][:calibration]),
            test=np.sort(rng.permutation(pool)[: config.tested]),
        )
    if needs_more(images, config) or not len(pool):
        joined = [pool, order[own : own + aside], *([validation] if config.validation_pooled else [])]
        pool = np.sort(np.concatenate(joined))
    if len(pool) <= calibration:
        raise DataError(
            f"{images.name} has {len(pool)} images that no fit sees, but {calibration} are to calibrate the holes and "
            "others to test; lower --calibration or raise --set-aside."
        )
    pool = rng.permutation(pool)
    return Split(
        train=np.sort(order[own + aside :][: config.subset]),
        validation=validation,
        calibration=np.sort(pool[:calibration]),
        test=np.sort(pool[calibration:][: config.tested]),
    )


def reference_count(wanted: int | None, fitted: int) -> int:
    """Images in set R, and as many in set G, of `fitted` images: at most half of them each, so that they share none."""
    half = fitted // 2
    return half if wanted is None else min(wanted, half)


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
