"""Numbers with their intervals: of one run, and of two runs measured on the same images with the same noise.

The interval of a hole score is complete: it covers the draws of the law, the calibration C (both resampled) and the
reference R (a jackknife over ten parts). That of tell-apart covers G as well: its classifiers are fitted again without
each fifth of R and G. Draws alone give a quarter of it. What was measured again is kept (`Replicates`), so that two
runs compare by their difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.errors import ShapeError

RESAMPLES = 1000
"""Bootstrap samples behind the interval of a mean."""

AGAIN, PARTS = 200, 10
"""Bootstrap samples that are kept of a hole score, and parts of R that are left out in turn."""

_CHUNK = 1_000_000  # numbers held at once


@dataclass(frozen=True, slots=True)
class Replicates:
    """A score measured again, with what it rests on replaced.

    Attributes:
        resampled: With draws and calibration drawn anew from themselves, (B,).
        parts: Without each part of the reference in turn, (P,); empty where the score does not rest on it.
    """

    resampled: NDArray[np.float64]
    parts: NDArray[np.float64]

    @property
    def jackknifed(self) -> float:
        """Variance that the choice of the reference contributes.

        Delete-a-group jackknife, Shao & Wu 1989, https://doi.org/10.1214/aos/1176347263.
        """
        count = len(self.parts)
        return (count - 1) * float(self.parts.var()) if count else 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """A number with its 95 % interval.

    Attributes:
        value: The estimate.
        low: Lower end of the interval.
        high: Upper end.
        n: Draws or images behind it.
        again: What it was when measured again, for a comparison with another run; None where that is not kept.
    """

    value: float
    low: float
    high: float
    n: int
    again: Replicates | None = field(default=None, repr=False, compare=False)


def mean_score(values: NDArray[np.floating | np.integer | np.bool_], seed: int = 0) -> Score:
    """A mean with its percentile bootstrap interval.

    Efron 1979, https://doi.org/10.1214/aos/1176344552. The interval covers the draw of `values` only, not that of
    the reference, the calibration or the training of the model.

    Args:
        values: One per draw, (n,) with n of one or more.
        seed: Of the resampling.

    Raises:
        ShapeError: No value at all.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or not len(numbers):
        raise ShapeError(f"a score needs one value or more, shaped (n,), but these are {numbers.shape}.")
    low, high = np.quantile(_resampled_means(numbers, seed), [0.025, 0.975])
    if np.asarray(values).dtype == bool and low == high:
        # a share of none or all: resampling repeats it, but n draws without an exception do not make a certainty
        # (Clopper & Pearson 1934, https://doi.org/10.1093/biomet/26.4.404)
        low, high = (0.0, 1 - 0.025 ** (1 / len(numbers))) if not numbers[0] else (0.025 ** (1 / len(numbers)), 1.0)
    return Score(float(numbers.mean()), float(low), float(high), len(numbers))


def complete(value: float, again: Replicates, n: int, low: float = -np.inf, high: float = np.inf) -> Score:
    """A score with the interval that its replicates give, within `low` .. `high`.

    Either end is as far off as the bootstrap's percentile and 1.96 standard deviations of the jackknife together, the
    root of the sum of their squares.
    """
    ends = np.quantile(again.resampled, [0.025, 0.975])
    spread = 3.8416 * again.jackknifed
    down, up = (float(np.sqrt((end - value) ** 2 + spread)) for end in ends)
    return Score(value, max(low, value - down), min(high, value + up), n, again)


def share_score(value: float, again: Replicates, n: int) -> Score:
    """A share with its complete interval; of none or all of n draws no certainty is made."""
    found = complete(value, again, n, 0, 1)
    rare = 0.025 ** (1 / n)  # Clopper & Pearson 1934, https://doi.org/10.1093/biomet/26.4.404
    if value == 0:
        return replace(found, high=max(found.high, 1 - rare))
    return replace(found, low=min(found.low, rare)) if value == 1 else found


@dataclass(frozen=True, slots=True)
class Paired:
    """Two runs compared on the same images with the same noise.

    Attributes:
        difference: First minus second; the runs differ where its interval excludes 0.
        ratio: First over second, None where either is 0 in a replicate; "n times as many" needs it to exclude 1.
    """

    difference: Score
    ratio: Score | None

    @property
    def differs(self) -> bool:
        """Whether the interval of the difference excludes 0."""
        return self.difference.low > 0 or self.difference.high < 0


def paired(first: Score, second: Score) -> Paired:
    """The difference and the ratio of one score of two runs, with intervals of the pairs.

    Args:
        first: Of one run, with its replicates.
        second: Of the other; replicates of the same number were drawn with the same images and noise.

    Raises:
        ShapeError: The replicates do not pair.
    """
    ours, theirs = first.again, second.again
    if (
        ours is None
        or theirs is None
        or [len(ours.resampled), len(ours.parts)]
        != [
            len(theirs.resampled),
            len(theirs.parts),
        ]
    ):
        raise ShapeError("the scores of these runs were measured differently; measure both with train.py --evaluate.")
    value, n = first.value - second.value, min(first.n, second.n)
    gap = Replicates(ours.resampled - theirs.resampled, ours.parts - theirs.parts)
    difference = complete(value, centred(gap, value), n)
    every = np.concatenate([[first.value, second.value], ours.resampled, ours.parts, theirs.resampled, theirs.parts])
    if every.min() <= 0:
        return Paired(difference, None)
    value = float(np.log(first.value / second.value))
    logs = Replicates(np.log(ours.resampled / theirs.resampled), np.log(ours.parts / theirs.parts))
    found = complete(value, centred(logs, value), n)
    return Paired(difference, Score(float(np.exp(value)), float(np.exp(found.low)), float(np.exp(found.high)), n))


def score_of(metrics: Mapping[str, Any], law: str, name: str) -> Score | None:
    """A hole score of metrics.json with its replicates where they are kept, for `paired`; None where it is not there.

    Replicates of two runs pair where `metrics["replicates"]["key"]` is the same.

    Args:
        metrics: What metrics.json holds; anything in it may be missing or of another kind.
        law: Of a sampling law.
        name: Of the score: "vacancy", "tell_apart", "round_trip" or "coverage".
    """
    try:
        found = metrics["holes"][law][name]
        score = Score(float(found["value"]), float(found["low"]), float(found["high"]), int(found["n"]))
    except (KeyError, TypeError, ValueError):
        return None
    try:
        kept = metrics["replicates"][law][name]
        arrays = [np.array(kept[part], dtype=np.float64) for part in ("resampled", "parts")]
    except (KeyError, TypeError, ValueError):
        return score
    if not (arrays[0].shape == (AGAIN,) and arrays[1].ndim == 1 and all(np.isfinite(each).all() for each in arrays)):
        return score
    return replace(score, again=Replicates(*arrays))


def centred(again: Replicates, value: float) -> Replicates:
    """The same with the resampled scores moved so that their mean is the score itself: a resample has doubles."""
    return Replicates(again.resampled - again.resampled.mean() + value, again.parts)


def _resampled_means(values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """The means of `RESAMPLES` samples with replacement."""
    rng = np.random.default_rng(seed)
    count = len(values)
    levels = np.unique(values)
    if len(levels) <= 2:  # the number of the higher value in a resample is binomial
        share = rng.binomial(count, (values == levels[-1]).mean(), RESAMPLES) / count
        return levels[0] + share * (levels[-1] - levels[0])
    means = np.empty(RESAMPLES)
    step = max(1, _CHUNK // count)
    for start in range(0, RESAMPLES, step):
        stop = min(start + step, RESAMPLES)
        means[start:stop] = values[rng.integers(count, size=(stop - start, count))].mean(1)
    return means
