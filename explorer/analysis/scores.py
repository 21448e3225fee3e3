"""One number for a whole model, each with its bootstrap interval and the number of draws behind it.

A hole score alone is easily gamed: a collapsed VAE has a perfect one. Show it beside coverage and active units.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.bounds import posterior_log_density
from explorer.analysis.densities import PosteriorMixture
from explorer.analysis.holes import ALPHA, NEIGHBOURS, fit_vacancy
from explorer.analysis.neighbours import nearest
from explorer.arrays import ConditionalPosterior, Latents, Posterior, Scores
from explorer.errors import ShapeError

RESAMPLES = 1000
"""Bootstrap samples behind an interval."""

ACTIVE_VARIANCE = 0.01
"""Least variance of an active unit's posterior mean; the largest rate of a collapsed one, in nats."""

_CHUNK = 1_000_000  # numbers held at once


@dataclass(frozen=True, slots=True)
class Score:
    """A number with its 95 % bootstrap interval.

    Attributes:
        value: The estimate.
        low: Lower end of the interval.
        high: Upper end.
        n: Draws or images behind it.
    """

    value: float
    low: float
    high: float
    n: int


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


def vacancy(p_values: Scores, alpha: float = ALPHA, seed: int = 0) -> Score:
    """Mass in holes: P_law[pi(z) <= alpha]. In [0, 1], low is good, alpha is what codes of new images have.

    Serves every calibrated score alike: of `Vacancy` it is the headline, of a round trip the round-trip score, at
    `midpoints` the midpoint vacancy.

    Args:
        p_values: Of n draws from one sampling law, (n,).
        alpha: Level of a hole.
        seed: Of the bootstrap.
    """
    return mean_score(np.asarray(p_values) <= alpha, seed)


def counted_axes(active: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The dimensions in which the vacancy of active dimensions is measured, (d,), of those that are active, (d,).

    Dimensions that carry noise dilute holes. With none active the space is nothing but noise, and all count.
    """
    return active if np.any(active) else np.ones_like(active)


def fit_active_vacancy(
    reference: Latents, calibration: Latents, active: NDArray[np.bool_], k: int = NEIGHBOURS
) -> Callable[[Latents], NDArray[np.float64]]:
    """Vacancy in the active dimensions only: a function from latents (n, d) to their p-values (n,).

    Args:
        reference: R, (R, d).
        calibration: C, (n_C, d).
        active: (d,); see `counted_axes`.
        k: Which nearest neighbour.
    """
    axes = counted_axes(active)
    fitted = fit_vacancy(reference[:, axes], calibration[:, axes], k)
    return lambda latents: fitted.p_value(latents[:, axes])


def midpoints(
    codes: Latents, count: int, rng: np.random.Generator, labels: NDArray[np.integer] | None = None
) -> Latents:
    """Midpoints of pairs of codes of different images, (count, d).

    Args:
        codes: (N, d) with N of two or more.
        count: How many pairs.
        rng: Draws the pairs.
        labels: (N,); then only pairs of different classes are kept, so that a walk within one class cannot hide the
            gaps between classes. None for any pair.

    Raises:
        ShapeError: No such pair.
    """
    total = len(codes)
    if total < 2 or (labels is not None and len(np.unique(labels)) < 2):
        raise ShapeError("midpoints need two codes or more, and two classes where labels are given.")
    first = rng.integers(total, size=count)
    second = (first + rng.integers(1, total, size=count)) % total
    while labels is not None and (alike := np.flatnonzero(labels[first] == labels[second])).size:
        first[alike] = rng.integers(total, size=alike.size)
        second[alike] = rng.integers(total, size=alike.size)
    return ((codes[first].astype(np.float64) + codes[second]) / 2).astype(np.float32)


def neighbour_radii(real: NDArray[np.floating], k: int = NEIGHBOURS) -> NDArray[np.float64]:
    """The distance of each real image to its k-th nearest other one, (N,), of features (N, F)."""
    return nearest(real, real, k, same=True)[1][:, -1]


def coverage(
    real: NDArray[np.floating],
    fake: NDArray[np.floating],
    k: int = NEIGHBOURS,
    seed: int = 0,
    *,
    radii: NDArray[np.float64] | None = None,
) -> Score:
    """The share of real images with a generated one nearer than their k-th nearest real one. In [0, 1], high is good.

    Naeem, Oh, Uh, Choi & Yoo 2020, https://arxiv.org/abs/2002.09797, equation 7.

    Args:
        real: Features of test images, (N, F), in a space to be named beside the number.
        fake: Features of decoded draws, (M, F); take M = N, for coverage grows with M.
        k: Which nearest neighbour.
        seed: Of the bootstrap.
        radii: `neighbour_radii` of the real images where they are known already, (N,).
    """
    radii = neighbour_radii(real, k) if radii is None else radii
    return mean_score(nearest(real, fake)[1][:, 0] < radii, seed)


def density(
    real: NDArray[np.floating],
    fake: NDArray[np.floating],
    k: int = NEIGHBOURS,
    seed: int = 0,
    *,
    radii: NDArray[np.float64] | None = None,
) -> Score:
    """How many real neighbourhoods a generated image lies in, over k. High is good; 1 where both agree.

    Naeem, Oh, Uh, Choi & Yoo 2020, https://arxiv.org/abs/2002.09797, equation 6.

    Args:
        real: Features of test images, (N, F).
        fake: Features of decoded draws, (M, F).
        k: Which nearest neighbour.
        seed: Of the bootstrap.
        radii: `neighbour_radii` of the real images where they are known already, (N,).
    """
    real, fake = np.asarray(real, dtype=np.float64), np.asarray(fake, dtype=np.float64)
    squared_radii = (neighbour_radii(real, k) if radii is None else radii) ** 2
    counts = [(squares < squared_radii).sum(1) for squares in _squared_distances(fake, real)]
    return mean_score(np.concatenate(counts) / k, seed)


def active_axes(posterior: Posterior) -> NDArray[np.bool_]:
    """Which latent dimensions the encoder uses, (d,): Var_x(E_q[z_j|x]) > 0.01.

    Burda, Grosse & Salakhutdinov 2016, https://arxiv.org/abs/1509.00519, section 5. An autoencoder has no prior to
    give its axes a scale; there the threshold is 0.01 of its widest axis's variance.

    Args:
        posterior: Of encoded test images, (N, d).
    """
    variance = posterior.mean.astype(np.float64).var(0)
    threshold = ACTIVE_VARIANCE if posterior.log_variance is not None else ACTIVE_VARIANCE * variance.max()
    return variance > threshold


def active_units(posterior: Posterior) -> int:
    """How many dimensions are active, of d."""
    return int(active_axes(posterior).sum())


def rate_per_dimension(posterior: Posterior) -> NDArray[np.float64]:
    """Mean KL(q(z_j|x) || N(0, 1)) of each dimension, (d,), nats; zero for an autoencoder."""
    return posterior.rate().astype(np.float64).mean(0)


def collapsed_axes(posterior: Posterior) -> NDArray[np.bool_]:
    """Which dimensions of a VAE have collapsed onto the prior, (d,): rate and variance of the mean both below 0.01.

    Lucas, Tucker, Grosse & Norouzi 2019, https://arxiv.org/abs/1911.02469. None of an autoencoder's does: it has no
    prior to collapse onto.
    """
    if posterior.log_variance is None:
        return np.zeros(posterior.mean.shape[1], dtype=bool)
    still = posterior.mean.astype(np.float64).var(0) < ACTIVE_VARIANCE
    return still & (rate_per_dimension(posterior) < ACTIVE_VARIANCE)


def frechet_distance(real: NDArray[np.floating], fake: NDArray[np.floating], seed: int = 0) -> Score:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of two sets of features taken for Gaussians; low is good.

    Dowson & Landau 1982, https://doi.org/10.1016/0047-259X(82)90077-X; Heusel et al. 2017,
    https://arxiv.org/abs/1706.08500. It falls with more images: compare at equal n, in one feature space. The
    interval is +-1.96 bootstrap standard deviations, because resampled covariances bias its percentiles upwards.

    Args:
        real: Features of test images, (N, F) with N of two or more.
        fake: Features of decoded draws, (M, F).
        seed: Of the bootstrap.
    """
    real, fake = np.asarray(real, dtype=np.float64), np.asarray(fake, dtype=np.float64)
    if real.ndim != 2 or fake.ndim != 2 or min(len(real), len(fake)) < 2:
        raise ShapeError(f"a Frechet distance needs two sets of features (n, F), not {real.shape} and {fake.shape}.")
    rng = np.random.default_rng(seed)
    value = _frechet(real, fake)
    again = [
        _frechet(real[rng.integers(len(real), size=len(real))], fake[rng.integers(len(fake), size=len(fake))])
        for _ in range(40)
    ]
    spread = 1.96 * float(np.std(again))
    return Score(value, max(0.0, value - spread), value + spread, min(len(real), len(fake)))


def mutual_information(posterior: Posterior, rng: np.random.Generator, seed: int = 0) -> Score | None:
    """I(x; z) under q(z|x): mean rate minus KL(q(z) || p(z)) = E[log q(z|x) - log q^(z)], nats, from N images.

    Hoffman & Johnson 2016, "ELBO surgery". N images tell at most log N apart; where `is_saturated`, say "at least".

    Args:
        posterior: Of N encoded images, (N, d).
        rng: Draws one latent per image.
        seed: Of the bootstrap.

    Returns:
        The estimate; None for an autoencoder, whose information is not finite, above d = 6, where a mixture of N
        posteriors no longer resembles q(z), and for a hierarchical posterior, which is no diagonal Gaussian.
    """
    if posterior.log_variance is None or posterior.mean.shape[1] > 6 or isinstance(posterior, ConditionalPosterior):
        return None
    latents = posterior.sample(rng)
    terms = posterior_log_density(posterior, latents) - PosteriorMixture(posterior).log_density(latents)
    return mean_score(terms, seed)


def is_saturated(information: Score) -> bool:
    """Whether a mutual information stands within 0.1 nats of the log N that N images can tell."""
    return information.value > np.log(information.n) - 0.1


def _frechet(real: NDArray[np.float64], fake: NDArray[np.float64]) -> float:
    gap = real.mean(0) - fake.mean(0)
    first = np.cov(real, rowvar=False).reshape(real.shape[1], -1)
    second = np.cov(fake, rowvar=False).reshape(fake.shape[1], -1)
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()  # tr (S1 S2)^(1/2)
    return max(0.0, float(gap @ gap + np.trace(first) + np.trace(second) - 2 * cross))


def _squared_distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """|a_i - b_j|^2 in blocks of rows of a, each (n, M)."""
    centre = b.mean(0)
    a, b = a - centre, b - centre
    squares = (b**2).sum(1)
    step = max(1, _CHUNK // len(b))
    for start in range(0, len(a), step):
        rows = a[start : start + step]
        yield np.maximum((rows**2).sum(1)[:, None] + squares - 2 * rows @ b.T, 0)


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
