"""How far known factors of variation lie along single latent dimensions: DCI, MIG and SAP.

All three look at posterior means and factors alone. They are high for a code whose dimensions each follow one factor,
and low for the same code after a rotation, though it tells as much. None is a reason by itself to prefer a model
(Locatello 2019, https://arxiv.org/abs/1811.12359).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Latents
from explorer.errors import ShapeError

BINS = 20
"""Equal bins of a latent dimension, and of a number with more distinct values, for mutual information."""

FEWEST = 50
"""Images of which a factor must be known."""

MOST = 2000
"""Images that the trees of DCI are grown on, at most, and as many others that they are judged on."""

TREES, LEAST_LEAF = 10, 5
"""Trees of a forest, and images in a leaf at fewest."""


@dataclass(frozen=True, kw_only=True)
class Factor:
    """A known factor of variation of N images.

    Attributes:
        name: Its name.
        values: (N,), NaN where it is not known.
        is_class: Whether they are classes and not amounts.
    """

    name: str
    values: NDArray[np.float64]
    is_class: bool


@dataclass(frozen=True, kw_only=True)
class Disentanglement:
    """Scores of a code against factors, each in [0, 1], high is disentangled; None where it has no meaning.

    Attributes:
        disentanglement: Of DCI: whether a dimension follows one factor only; None of a single factor.
        completeness: Of DCI: whether a factor lies on one dimension only; None of a single dimension.
        informativeness: Of DCI: how well all dimensions together tell the factors of other images, 0 for a guess.
        mig: Mutual information gap; None of a single dimension.
        sap: Separated attribute predictability; None of a single dimension.
        factors: Names of the factors that were asked for.
        count: Images.
    """

    disentanglement: float | None
    completeness: float | None
    informativeness: float
    mig: float | None
    sap: float | None
    factors: tuple[str, ...]
    count: int


def disentanglement(codes: Latents, factors: Sequence[Factor], seed: int = 0) -> Disentanglement | None:
    """All scores of posterior means (N, d) against factors; None where no factor differs among enough images.

    Args:
        codes: Posterior means, (N, d).
        factors: What is known of the same images.
        seed: Of the trees.

    Raises:
        ShapeError: A factor has another number of images.
    """
    for factor in factors:
        if factor.values.shape != (len(codes),):
            raise ShapeError(
                f"factor {factor.name} has the shape {factor.values.shape}, but there are {len(codes)} codes."
            )
    told = [factor for factor in factors if _differs(factor)]
    if not told:
        return None
    several = codes.shape[1] > 1
    importance, informed = importances(codes, told, seed)
    return Disentanglement(
        disentanglement=disentangled(importance) if len(told) > 1 else None,
        completeness=complete(importance) if several else None,
        informativeness=informed,
        mig=mutual_information_gap(codes, told) if several else None,
        sap=separated_predictability(codes, told) if several else None,
        factors=tuple(factor.name for factor in told),
        count=len(codes),
    )


def _differs(factor: Factor) -> bool:
    known = factor.values[~np.isnan(factor.values)]
    return len(known) >= FEWEST and len(np.unique(known)) > 1


# --- DCI --------------------------------------------------------------------------------------------------------------


def importances(codes: Latents, factors: Sequence[Factor], seed: int = 0) -> tuple[NDArray[np.float64], float]:
    """How much each dimension tells of each factor, (d, F), each column summing to 1, and how well all of them do.

    R_ij is the importance of dimension i in a random forest that predicts factor j from the code, as in Eastwood &
    Williams 2018, section 4.2, https://openreview.net/forum?id=By-7dz-AZ. Informativeness is the mean over factors of
    1 - error / error of a guess, on images that no tree has seen: R^2 of amounts, balanced accuracy of classes.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.metrics import r2_score

    columns, informed = [], []
    for number, factor in enumerate(factors):
        known = np.flatnonzero(~np.isnan(factor.values))
        order = np.random.default_rng([seed, number]).permutation(known)
        half = min(len(order) // 2, MOST)
        fitted, judged = order[:half], order[half : 2 * half]
        settings = {"n_estimators": TREES, "min_samples_leaf": LEAST_LEAF, "random_state": seed, "max_features": None}
        if factor.is_class:
            forest = RandomForestClassifier(class_weight="balanced", **settings)
            forest.fit(codes[fitted], factor.values[fitted])
            truth = factor.values[judged]
            found, guess = forest.predict(codes[judged]), 1 / len(np.unique(truth))
            right = float(np.mean([(found[truth == kind] == kind).mean() for kind in np.unique(truth)]))
            told = (right - guess) / (1 - guess) if guess < 1 else 0.0
        else:
            forest = RandomForestRegressor(**settings).fit(codes[fitted], factor.values[fitted])
            told = float(r2_score(factor.values[judged], forest.predict(codes[judged])))
        informed.append(min(1.0, max(0.0, told)))
        columns.append(forest.feature_importances_)
    return np.stack(columns, axis=1), float(np.mean(informed))


def disentangled(importance: NDArray[np.float64]) -> float:
    """D = sum_i rho_i (1 - H_F(P_i)) of importances R (d, F).

    P_ij = R_ij / sum_j R_ij, rho_i = sum_j R_ij / sum R; H_F is the entropy with logarithms to the base F.
    """
    weight = importance.sum(axis=1) / importance.sum()
    return float((weight * _certainty(importance, axis=1)).sum())


def complete(importance: NDArray[np.float64]) -> float:
    """C, the mean over factors of 1 - H_d(P_.j), P_ij = R_ij / sum_i R_ij, of importances R (d, F)."""
    return float(_certainty(importance, axis=0).mean())


def _certainty(importance: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """One minus the entropy of shares along an axis, in units of the largest entropy there is; 0 where all are zero."""
    total = importance.sum(axis=axis, keepdims=True)
    shares = np.divide(importance, total, out=np.full_like(importance, 1 / importance.shape[axis]), where=total > 0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return 1 + (shares * logs).sum(axis=axis) / np.log(importance.shape[axis])


# --- MIG --------------------------------------------------------------------------------------------------------------


def mutual_information_gap(codes: Latents, factors: Sequence[Factor]) -> float:
    """MIG, the mean over factors of (I(z_(1); v) - I(z_(2); v)) / H(v).

    z_(1) and z_(2) are the two dimensions that tell most of the factor. Chen 2018, equation 6,
    https://arxiv.org/abs/1802.04942; dimensions in `BINS` equal bins, as in Locatello 2019.
    """
    gaps = []
    for factor in factors:
        known = ~np.isnan(factor.values)
        truth = _binned(factor.values[known], factor.is_class)
        told = sorted(_mutual_information(_equal_bins(each), truth) for each in codes[known].T)
        gaps.append((told[-1] - told[-2]) / _entropy(np.bincount(truth)))
    return float(np.mean(gaps))


def _binned(values: NDArray[np.float64], is_class: bool) -> NDArray[np.int64]:
    """Values as numbers of classes; amounts of many kinds in bins of equally many images."""
    kinds, found = np.unique(values, return_inverse=True)
    if is_class or len(kinds) <= BINS:
        return found
    edges = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.searchsorted(np.unique(edges), values, side="right")


def _equal_bins(values: NDArray[np.floating]) -> NDArray[np.int64]:
    edges = np.linspace(values.min(), values.max(), BINS + 1)[1:-1]
    return np.searchsorted(edges, values, side="right")


def _mutual_information(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """I in nats of two discrete variables, (N,) each, by their counts."""
    joint = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(joint, (first, second), 1)
    return _entropy(joint.sum(1)) + _entropy(joint.sum(0)) - _entropy(joint)


def _entropy(counts: NDArray[np.floating] | NDArray[np.integer]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


# --- SAP --------------------------------------------------------------------------------------------------------------


def separated_predictability(codes: Latents, factors: Sequence[Factor]) -> float:
    """SAP, the mean over factors of S_(1) - S_(2), the two best scores of single dimensions.

    S of an amount is the squared correlation; of classes the best balanced accuracy of a threshold, mean over
    the classes, so that a gap is 0.5 at most. Kumar 2018, section 3, https://arxiv.org/abs/1711.00848
    """
    gaps = []
    for factor in factors:
        known = ~np.isnan(factor.values)
        truth, some = factor.values[known], codes[known].astype(np.float64)
        scores = np.sort(_thresholds(some, truth) if factor.is_class else _correlations(some, truth))
        gaps.append(scores[-1] - scores[-2])
    return float(np.mean(gaps))


def _correlations(codes: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared correlation of each dimension with an amount, (d,)."""
    centred, wanted = codes - codes.mean(0), truth - truth.mean()
    spread = (centred**2).sum(0) * (wanted**2).sum()
    return np.divide((centred * wanted[:, None]).sum(0) ** 2, spread, out=np.zeros(codes.shape[1]), where=spread > 0)


def _thresholds(codes: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Best balanced accuracy of a threshold on each dimension, (d,), mean over classes against all others."""
    kinds = np.unique(truth)
    found = np.zeros(codes.shape[1])
    for axis, values in enumerate(codes.T):
        order = np.argsort(values, kind="stable")
        last = np.append(np.diff(values[order]) > 0, True)  # a threshold lies between different values
        for kind in kinds:
            member = truth[order] == kind
            inside, outside = np.cumsum(member) / member.sum(), np.cumsum(~member) / (~member).sum()
            found[axis] += 0.5 + np.abs(inside - outside)[last].max() / 2
    return found / len(kinds)
