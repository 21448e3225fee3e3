"""The log ratio: how much more often a law draws a latent than an image is encoded there, as a classifier tells it.

Vacancy asks whether any code is near, so it sees no place that a law visits too often, and in many dimensions little
at all. A classifier of draws against codes sees both.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.frames import Frame, fit_frame, product
from explorer.analysis.holes import Vacancy
from explorer.arrays import Latents, Scores
from explorer.errors import ShapeError

FARTHEST = 60.0
"""Largest magnitude of the logarithm of a distance: that of 0, on a code, and off the span is infinite."""

TREES = 100
"""Trees of a classifier, scikit-learn's default: growing them is most of the time in which a small run is measured."""

REFITS = 5
"""Classifiers of which each lacks one part of R, of G and of the draws: what the choice of these contributes."""


@dataclass(frozen=True, slots=True)
class LogRatio:
    """Log odds "draw of the law" against "code" of a classifier fitted on the codes G and as many draws.

    Gutmann & Hyvarinen 2010, https://proceedings.mlr.press/v9/gutmann10a.html. It sees the principal coordinates of
    G, the norm in the whitened frame of G, and the log distance to the k-th neighbour in R in the local frame: raw
    coordinates alone see half as much.

    Attributes:
        white: The whitened frame of G.
        axes: Principal axes of G as columns, (d, r), the widest first.
        vacancy: Fitted to R, for the distance to its codes.
        classifier: Of scikit-learn, fitted.
    """

    white: Frame = field(repr=False)
    axes: NDArray[np.float64] = field(repr=False)
    vacancy: Vacancy = field(repr=False)
    classifier: Any = field(repr=False)

    def features(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """What the classifier sees of latents (N, d), (N, r + 2)."""
        return self.seen(latents, self.vacancy.score(latents))

    def seen(self, latents: NDArray[np.floating], far: Scores) -> NDArray[np.float64]:
        """The same where the vacancy scores (N,) are known."""
        along = product(np.asarray(latents, dtype=np.float64) - self.white.mean, self.axes)
        norm = np.sqrt((self.white.whiten(latents) ** 2).sum(1))
        with np.errstate(divide="ignore"):
            return np.column_stack([along, norm, np.clip(np.log(far), -FARTHEST, FARTHEST)])

    def score(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log odds "draw" against "code" of latents (N, d), (N,): high where the law goes and no image is encoded."""
        return np.asarray(self.classifier.decision_function(self.features(latents)))


def fit_log_ratio(codes: NDArray[np.floating], draws: Latents, vacancy: Vacancy, seed: int = 0) -> LogRatio:
    """The log ratio of a sampling law.

    Args:
        codes: G, one draw per training image, (G, d); none of R, by which distances are measured.
        draws: Of the law, (G, d).
        vacancy: Fitted to R.
        seed: Of the classifier.

    Raises:
        ShapeError: Not as many draws as codes, or unequal d.
    """
    if np.shape(codes) != np.shape(draws):
        raise ShapeError(f"as many draws as codes are wanted, not {np.shape(draws)} and {np.shape(codes)}.")
    white = fit_frame(codes)
    axes = np.linalg.eigh(white.covariance)[1][:, ::-1][:, : white.rank]
    ratio = LogRatio(white, axes, vacancy, _classifier(seed))
    _fit(ratio.classifier, ratio.features(codes), ratio.features(draws))
    return ratio


def refitted_ratios(
    ratio: LogRatio,
    codes: NDArray[np.floating],
    draws: Latents,
    judged: tuple[Latents, Latents],
    seed: int = 0,
) -> Iterator[tuple[Scores, Scores]]:
    """The log ratios of two sets of latents by classifiers that lack one part of R, of G and of the draws each.

    For the interval of tell-apart: another R and G contribute as much to it as C and the fresh draws do.

    Args:
        ratio: Of all of them.
        codes: G, as it was fitted to, (G, d).
        draws: Of the law, as it was fitted to, (G, d).
        judged: Codes C and fresh draws.
        seed: Of the classifiers, and of the division into parts.

    Yields:
        The log ratios of both, (n,) and (m,), `REFITS` times.
    """
    rng = np.random.default_rng(seed)
    of_reference, of_codes = (rng.permutation(n) % REFITS for n in (len(ratio.vacancy.reference), len(codes)))
    known = [(each, ratio.vacancy.scores_without(each, of_reference)) for each in (codes, draws, *judged)]
    for part in range(REFITS):
        left = of_codes != part
        by_code, by_draw, first, second = (ratio.seen(latents, far[1 + part]) for latents, far in known)
        classifier = _classifier(seed)
        _fit(classifier, by_code[left], by_draw[left])
        yield classifier.decision_function(first), classifier.decision_function(second)


def _classifier(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=TREES, random_state=seed)


def _fit(classifier: Any, codes: NDArray[np.float64], draws: NDArray[np.float64]) -> None:
    """Teach a classifier what is seen of codes (n, F) and of draws (m, F)."""
    classifier.fit(np.concatenate([codes, draws]), np.repeat([0, 1], [len(codes), len(draws)]))
