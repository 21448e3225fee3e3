"""The log ratio: how much more often a law draws a latent than an image is encoded there, as a classifier tells it.

Vacancy asks whether any code is near, so it sees no place that a law visits too often, and in many dimensions little
at all. A classifier of draws against codes sees both.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.frames import Frame, fit_frame, product
from explorer.analysis.holes import Vacancy
from explorer.arrays import Latents
from explorer.errors import ShapeError

FARTHEST = 60.0
"""Largest magnitude of the logarithm of a distance: that of 0, on a code, and off the span is infinite."""


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
        along = product(np.asarray(latents, dtype=np.float64) - self.white.mean, self.axes)
        norm = np.sqrt((self.white.whiten(latents) ** 2).sum(1))
        with np.errstate(divide="ignore"):
            far = np.clip(np.log(self.vacancy.score(latents)), -FARTHEST, FARTHEST)
        return np.column_stack([along, norm, far])

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
    from sklearn.ensemble import HistGradientBoostingClassifier

    if np.shape(codes) != np.shape(draws):
        raise ShapeError(f"as many draws as codes are wanted, not {np.shape(draws)} and {np.shape(codes)}.")
    white = fit_frame(codes)
    axes = np.linalg.eigh(white.covariance)[1][:, ::-1][:, : white.rank]
    ratio = LogRatio(white, axes, vacancy, HistGradientBoostingClassifier(random_state=seed))
    seen = np.concatenate([ratio.features(codes), ratio.features(draws)])
    ratio.classifier.fit(seen, np.repeat([0, 1], len(codes)))
    return ratio
