"""Is an image typical of those a model was fitted on? Three answers, and one that counts them together."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.holes import NEIGHBOURS, Vacancy, conformal_p_values
from explorer.analysis.neighbours import nearest
from explorer.arrays import Latents, Scores
from explorer.errors import ShapeError


@dataclass(frozen=True, slots=True)
class Verdict:
    """How typical images are, as shares of new images of the data set that are at least as odd, each (N,).

    Attributes:
        cost: By their cost in nats: the share that cost as much or more. Near 0 an image is dear, near 1 it is cheap.
        code: By how far their posterior means lie from the codes.
        features: By how far they lie from the training images in the feature space; None where there is none.
        together: By the least of the others. At most 0.05 is an odd image; of new images of the data set 5 % are.
    """

    cost: NDArray[np.float64]
    code: NDArray[np.float64]
    features: NDArray[np.float64] | None
    together: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Typicality:
    """Conformal p-values of cost, code and features, and of the least of them, calibrated on the images of C.

    The least of three p-values is at most 0.05 far more often than 5 % of the time; so it is itself compared with the
    least ones of the images of C. Cost alone is blind: a model of flowers prices most faces as it prices flowers. It
    counts on both sides: a blank page costs less than any flower, and is none.

    Attributes:
        costs: Of the images of C, ascending, (n,), nats.
        codes: The vacancy score, calibrated on posterior means.
        real: Features of the reference images, (R, F), or None.
        distances: Of the images of C to the k-th nearest of them, ascending, (n,), or None.
        least: The least p-value of each image of C, ascending, (n,).
    """

    costs: NDArray[np.float64] = field(repr=False)
    codes: Vacancy = field(repr=False)
    real: NDArray[np.float64] | None = field(repr=False)
    distances: NDArray[np.float64] | None = field(repr=False)
    least: NDArray[np.float64] = field(repr=False)

    def judge(self, costs: Scores, means: Latents, features: NDArray[np.floating] | None = None) -> Verdict:
        """How typical images are.

        Args:
            costs: Distortion at the posterior mean plus rate, (N,), nats.
            means: Posterior means, (N, d).
            features: In the feature space, (N, F); needed where the reference images have them.

        Raises:
            ShapeError: The features are missing.
        """
        dear = conformal_p_values(costs, self.costs)
        found = [_on_both_sides(dear, _cheap(costs, self.costs)), self.codes.p_value(means)]
        if self.real is not None and self.distances is not None:
            if features is None:
                raise ShapeError("this run judges images by their features as well; give the features of these.")
            found.append(conformal_p_values(_far(features, self.real), self.distances))
        least = np.min(found, axis=0)
        worse = np.searchsorted(self.least, least, side="right")  # images of C as odd or odder
        together = (1 + worse) / (len(self.least) + 1)
        return Verdict(dear, found[1], found[2] if len(found) == 3 else None, together)


def fit_typicality(
    codes: Vacancy,
    costs: Scores,
    means: Latents,
    features: NDArray[np.floating] | None = None,
    real: NDArray[np.floating] | None = None,
) -> Typicality:
    """How typical images are, calibrated on the images of C.

    Args:
        codes: The vacancy score, calibrated on `means`.
        costs: Of the images of C, (n,), nats.
        means: Their posterior means, (n, d).
        features: They in the feature space, (n, F); None where there is none.
        real: The reference images there, (R, F), with R of `NEIGHBOURS` or more.

    Raises:
        ShapeError: Not one cost a mean.
    """
    if len(costs) != len(means) or (features is not None and len(features) != len(means)):
        raise ShapeError(f"{len(costs)} costs, {len(means)} means and their features must be of the same images.")
    wide = np.asarray(costs, dtype=np.float64)
    own = 1 / (len(wide) + 1)  # each image of C counts itself among those as odd
    known, distances = None, None
    dear, cheap = conformal_p_values(wide, wide) - own, _cheap(wide, wide) - own
    parts = [_on_both_sides(dear, cheap), codes.p_value(means) - own]
    if features is not None and real is not None:
        known = np.asarray(real, dtype=np.float64)
        far = _far(features, known)
        parts.append(conformal_p_values(far, far) - own)
        distances = np.sort(far)
    least = np.sort(np.min(parts, axis=0))
    return Typicality(np.sort(wide), codes, known, distances, least)


def _cheap(costs: Scores, known: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of known costs (n,) that are as low or lower, as p-values (N,) of costs (N,)."""
    return conformal_p_values(-np.asarray(costs, dtype=np.float64), -known)


def _on_both_sides(dear: NDArray[np.float64], cheap: NDArray[np.float64]) -> NDArray[np.float64]:
    """The p-values (N,) of a two-sided test, from those of its sides (N,)."""
    return np.minimum(1.0, 2 * np.minimum(dear, cheap))


def _far(features: NDArray[np.floating], real: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of features (N, F) to the k-th nearest of the reference images, (N,)."""
    return nearest(np.asarray(features, dtype=np.float64), real, min(NEIGHBOURS, len(real)))[1][:, -1]
