"""The epochs of a fit as numbers, whoever wrote its history."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.library import OpenRun, kept

ACTIVE_RATE = 0.01
"""Nats that a dimension carries at least to count as active during a fit."""


MOST_EPOCHS = 2000
"""Epochs that are drawn; of more, evenly spread ones."""


ESTIMATORS = ("reparameterised", "score")
"""Estimators of the encoder's gradient whose variance a fit may have measured, as metrics.json calls them."""


@dataclass(frozen=True)
class History:
    """The epochs of a fit as numbers; NaN where a line does not tell.

    Attributes:
        epochs: (E,), rising.
        train: `distortion`, `rate` and their `sum` on the training images, (E,) each, nats per image, and `penalty`.
        validation: The same on images that were held out.
        beta: Weight of the rate, (E,).
        learning_rate: Step length at the end of the epoch, (E,).
        rates: Rate of each dimension, (E, d), nats.
        deviations: Mean posterior deviation of each dimension on held-out images, (E, d), prior standard deviations.
        level_sizes: Dimensions of each level of latents, the top one first; together d.
        gradient: Variance of the encoder's gradient by estimator, after the last epoch that tells.
        passed_over: Lines of the file that make no sense where they stand.
    """

    epochs: NDArray[np.float64]
    train: Mapping[str, NDArray[np.float64]]
    validation: Mapping[str, NDArray[np.float64]]
    beta: NDArray[np.float64]
    learning_rate: NDArray[np.float64]
    rates: NDArray[np.float64]
    deviations: NDArray[np.float64]
    level_sizes: tuple[int, ...]
    gradient: Mapping[str, float]
    passed_over: int

    @property
    def varies_beta(self) -> bool:
        """Whether beta moved during the fit."""
        known = self.beta[np.isfinite(self.beta)]
        return len(known) > 1 and float(np.ptp(known)) > 1e-9

    @property
    def active(self) -> NDArray[np.float64]:
        """Dimensions whose rate is at least `ACTIVE_RATE` on the training images, (E,)."""
        counts = (self.rates >= ACTIVE_RATE).sum(axis=1).astype(np.float64)
        counts[np.isnan(self.rates).any(axis=1)] = np.nan
        return counts

    @property
    def levels(self) -> NDArray[np.float64]:
        """Rate of each level of latents, the top one first, (E, L), nats; L = 0 where all are of one level."""
        if len(self.level_sizes) < 2:
            return np.empty((len(self.epochs), 0))
        starts = np.cumsum((0, *self.level_sizes[:-1]))
        return np.add.reduceat(self.rates, starts, axis=1)

    def part(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """One of `PARTS` on the training images, (E,), and on held-out ones, or None for what has no images."""
        if name == "active":
            return self.active, None
        if name == "beta":
            return self.beta, None
        if name == "lr":
            return self.learning_rate, None
        return self.train[name], self.validation[name]


def history_of(
    lines: Sequence[Mapping[str, Any]], latent_dim: int, level_sizes: tuple[int, ...] | None = None
) -> History:
    """The numbers of a history; lines without an epoch of their own, or out of order, are passed over.

    Args:
        lines: As in history.jsonl, which anybody may have written.
        latent_dim: d.
        level_sizes: Dimensions of each level of latents, the top one first; None for one level of them all.
    """
    kept: list[Mapping[str, Any]] = []
    last = -math.inf
    for line in lines:
        epoch = number_at(line, "epoch")
        if epoch > last:
            kept.append(line)
            last = epoch
    passed_over = len(lines) - len(kept)
    measured = [line for line in kept if "gradient_variance" in line]
    kept = kept[:: max(1, -(-len(kept) // MOST_EPOCHS))]

    def losses(split: str) -> dict[str, NDArray[np.float64]]:
        distortion, rate, penalty = (_column(kept, split, part) for part in ("distortion", "rate", "penalty"))
        if split == "train" and not np.isfinite(penalty).any():
            penalty = _column(kept, "penalty")
        return {"distortion": distortion, "rate": rate, "sum": distortion + rate, "penalty": penalty}

    return History(
        epochs=_column(kept, "epoch"),
        train=losses("train"),
        validation=losses("validation"),
        beta=_column(kept, "beta"),
        learning_rate=_column(kept, "lr"),
        rates=_rows(kept, "rate_per_dimension", latent_dim),
        deviations=_rows(kept, "posterior_deviation", latent_dim),
        level_sizes=level_sizes or (latent_dim,),
        gradient={name: number_at(measured[-1], "gradient_variance", name, "variance") for name in ESTIMATORS}
        if measured
        else {},
        passed_over=passed_over,
    )


@kept
def run_history(run: OpenRun) -> History:
    """The history of a run, read once."""
    return history_of(run.history(), run.latent_dim, run.level_sizes)


def _column(lines: Sequence[Mapping[str, Any]], *path: str) -> NDArray[np.float64]:
    return np.array([number_at(line, *path) for line in lines], dtype=np.float64)


def _rows(lines: Sequence[Mapping[str, Any]], key: str, width: int) -> NDArray[np.float64]:
    """The lists of `width` numbers under one key, (E, width); NaN where a line has another list or none."""
    found = np.full((len(lines), width), np.nan)
    for row, line in enumerate(lines):
        stored = line.get(key)
        if isinstance(stored, list) and len(stored) == width:
            found[row] = [finite_number(value) for value in stored]
    return found


def number_at(line: Mapping[str, Any], *path: str) -> float:
    """A number by its place in a line, or NaN."""
    found: Any = line
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return finite_number(found)


def finite_number(value: object) -> float:
    """A stored value as a number that can be drawn, or NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if abs(value) < 1e30 else math.nan  # an int may be larger than any float
