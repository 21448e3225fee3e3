"""One number for a whole model, each with its interval and the number of draws behind it.

A hole score alone is easily gamed: a collapsed VAE has a perfect one. Show it beside coverage and active units.

How their intervals come about says `explorer.analysis.intervals`.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.bounds import posterior_log_density
from explorer.analysis.densities import PosteriorMixture
from explorer.analysis.frames import Frame
from explorer.analysis.holes import ALPHA, NEIGHBOURS, Vacancy, conformal_p_values
from explorer.analysis.intervals import AGAIN, PARTS, Replicates, Score, centred, complete, mean_score, share_score
from explorer.analysis.neighbours import nearest
from explorer.arrays import ConditionalPosterior, Latents, Posterior, Scores
from explorer.errors import ShapeError

ACTIVE_VARIANCE = 0.01
"""Least variance of an active unit's posterior mean; the largest rate of a collapsed one, in nats."""

_CHUNK = 1_000_000  # numbers held at once
_NEAREST_DRAWS = 12  # generated images of which a resample holds one but for one in 200,000


def vacancy(p_values: Scores, alpha: float = ALPHA, seed: int = 0) -> Score:
    """Mass in holes: P_law[pi(z) <= alpha]. In [0, 1], low is good, alpha is what codes of new images have.

    Its interval covers the draws alone; `vacancies` gives the complete one.

    Args:
        p_values: Of n draws from one sampling law, (n,).
        alpha: Level of a hole.
        seed: Of the bootstrap.
    """
    return mean_score(np.asarray(p_values) <= alpha, seed)


def vacancies(fitted: Vacancy, calibration: Latents, laws: Mapping[str, Latents], seed: int = 0) -> dict[str, Score]:
    """The mass in holes of several sampling laws, with complete intervals.

    Args:
        fitted: The vacancy score, calibrated on `calibration`.
        calibration: C, (n, d).
        laws: Latents (m, d) by name: draws of a law, codes of a third set, middles of arcs.
        seed: Of the resampling, and of the division of R into parts.

    Returns:
        The scores by name.
    """
    part = np.random.default_rng(seed).permutation(len(fitted.reference)) % PARTS
    scale = fitted.scores_without(calibration, part)  # (1 + PARTS, n), of all of R and without each part
    found = {}
    for name, latents in laws.items():
        far = fitted.scores_without(latents, part)
        limits = [_limit(each) for each in scale]
        shares = np.array([(each > limit).mean() for each, limit in zip(far, limits, strict=True)])
        value = float((fitted.p_value(latents) <= ALPHA).mean())
        resampled = _resampled_shares(far[0], scale[0], seed) - shares[0] + value  # folds move a share a little
        again = Replicates(np.clip(resampled, 0, 1), shares[1:])
        found[name] = share_score(value, again, len(latents))
    return found


def exceedance(badness: Scores, calibration: Scores, seed: int = 0) -> Score:
    """The share of latents whose calibrated badness is a hole's, over draws and calibration; for the round trip.

    Args:
        badness: Of n draws of a law, (n,).
        calibration: Of the codes C, (m,).
        seed: Of the resampling.
    """
    bad, scale = np.asarray(badness, dtype=np.float64), np.asarray(calibration, dtype=np.float64)
    value = float((conformal_p_values(bad, scale) <= ALPHA).mean())
    again = Replicates(_resampled_shares(bad, scale, seed), np.empty(0))
    return share_score(value, again, len(bad))


def tell_apart(codes: Scores, draws: Scores, refitted: Sequence[tuple[Scores, Scores]] = (), seed: int = 0) -> Score:
    """How well a classifier tells draws from codes: the area under its curve, in [0, 1], 0.5 by chance, low is good.

    P[a draw has the higher ratio] + 1/2 P[it has an equal one]; Lopez-Paz & Oquab 2017,
    https://arxiv.org/abs/1610.06545, Hanley & McNeil 1982, https://doi.org/10.1148/radiology.143.1.7063747. The
    interval covers C and the draws, and with the refitted classifiers R, G and what they were fitted to.

    Args:
        codes: Log ratios of the codes C, (n,).
        draws: Log ratios of fresh draws, (m,).
        refitted: The same two by classifiers that lack a part of R and G each, as `refitted_ratios` gives them.
        seed: Of the resampling.
    """
    ours, theirs, levels = _ranked(codes, draws)
    rng = np.random.default_rng(seed)
    areas = [_area(rng.choice(ours, len(ours)), rng.choice(theirs, len(theirs)), levels) for _ in range(AGAIN)]
    again = Replicates(np.array(areas), np.array([_area(*_ranked(*each)) for each in refitted]))
    return complete(_area(ours, theirs, levels), again, len(theirs), 0, 1)


def _ranked(codes: Scores, draws: Scores) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Ranks among both of codes (n,) and of draws (m,), from 0 up, equal ones alike, and how many ranks there are."""
    levels, places = np.unique(np.concatenate([codes, draws]), return_inverse=True)
    return places[: len(codes)], places[len(codes) :], len(levels)


def _area(codes: NDArray[np.int64], draws: NDArray[np.int64], levels: int) -> float:
    """Share of pairs in which the draw ranks higher, of ranks (n,) and (m,) below `levels`; of equal ones the half."""
    below = np.bincount(codes, minlength=levels).astype(np.float64)
    above = np.bincount(draws, minlength=levels)
    return float(above @ (np.cumsum(below) - 0.5 * below)) / (len(codes) * len(draws))


def _limit(calibration: NDArray[np.float64]) -> float:
    """The distance beyond which a latent is in a hole: its p-value is at most `ALPHA`."""
    worse = int(ALPHA * (len(calibration) + 1) + 1e-9) - 1  # calibration scores that may be as bad
    return np.inf if worse < 0 else float(np.partition(calibration, -worse - 1)[-worse - 1])


def _resampled_shares(bad: NDArray[np.float64], scale: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Shares of bad scores (n,) beyond the limit of calibration scores (m,), both drawn anew, (AGAIN,)."""
    rng = np.random.default_rng(seed)
    shares = np.empty(AGAIN)
    for each in range(AGAIN):
        limit = _limit(scale[rng.integers(len(scale), size=len(scale))])
        shares[each] = (bad[rng.integers(len(bad), size=len(bad))] > limit).mean()
    return shares


def counted_axes(active: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The dimensions in which the vacancy of active dimensions is measured, (d,), of those that are active, (d,).

    Dimensions that carry noise dilute holes. With none active the space is nothing but noise, and all count.
    """
    return active if np.any(active) else np.ones_like(active)


def arc_middles(
    codes: Latents, white: Frame, count: int, rng: np.random.Generator, labels: NDArray[np.integer] | None = None
) -> Latents:
    """Middles of the arcs between pairs of codes of different images, (count, d).

    The direction is halfway between both, the norm that of the first, in the whitened frame. The middle of the straight
    line lies nearer to the centre, where no code of many dimensions is, and looks well supported for that alone. For
    codes of one Gaussian the middle of the arc is distributed as the codes are.

    Args:
        codes: (N, d) with N of two or more.
        white: Their whitened frame.
        count: How many pairs.
        rng: Draws the pairs.
        labels: (N,); then only pairs of different classes are kept, so that a walk within one class cannot hide the
            gaps between classes. None for any pair.

    Raises:
        ShapeError: No such pair.
    """
    total = len(codes)
    if total < 2 or (labels is not None and len(np.unique(labels)) < 2):
        raise ShapeError("arcs need two codes or more, and two classes where labels are given.")
    first = rng.integers(total, size=count)
    second = (first + rng.integers(1, total, size=count)) % total
    while labels is not None and (alike := np.flatnonzero(labels[first] == labels[second])).size:
        first[alike] = rng.integers(total, size=alike.size)
        second[alike] = rng.integers(total, size=alike.size)
    placed = white.whiten(codes)
    norms = np.linalg.norm(placed, axis=1, keepdims=True)
    units = placed / np.maximum(norms, 1e-300)
    middle = units[first] + units[second]
    length = np.linalg.norm(middle, axis=1, keepdims=True)
    middle = np.where(length > 1e-9, middle / np.maximum(length, 1e-300), units[first])  # opposite ends have no middle
    return white.unwhiten(norms[first] * middle)


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

    Naeem, Oh, Uh, Choi & Yoo 2020, https://arxiv.org/abs/2002.09797, equation 7. The interval covers images and draws.

    Args:
        real: Features of test images, (N, F), in a space to be named beside the number.
        fake: Features of decoded draws, (M, F); take M = N, for coverage grows with M.
        k: Which nearest neighbour.
        seed: Of the bootstrap.
        radii: `neighbour_radii` of the real images where they are known already, (N,).
    """
    radii = neighbour_radii(real, k) if radii is None else radii
    rows, near = nearest(real, fake, min(len(fake), _NEAREST_DRAWS))
    covers = near < radii[:, None]
    value = float(covers[:, 0].mean())
    rng = np.random.default_rng(seed)
    shares = np.empty(AGAIN)
    for each in range(AGAIN):
        weight = rng.multinomial(len(real), np.full(len(real), 1 / len(real)))
        drawn = np.zeros(len(fake), dtype=bool)
        drawn[rng.integers(len(fake), size=len(fake))] = True
        shares[each] = weight @ (covers & drawn[rows]).any(axis=1) / len(real)
    again = centred(Replicates(shares, np.empty(0)), value)  # a resample holds fewer different draws
    return share_score(value, again, len(real))


def density(
    real: NDArray[np.floating],
    fake: NDArray[np.floating],
    k: int = NEIGHBOURS,
    seed: int = 0,
    *,
    radii: NDArray[np.float64] | None = None,
) -> Score:
    """How many real neighbourhoods a generated image lies in, over k. High is good; 1 where both agree.

    Naeem, Oh, Uh, Choi & Yoo 2020, https://arxiv.org/abs/2002.09797, equation 6. The interval covers images and draws.

    Args:
        real: Features of test images, (N, F).
        fake: Features of decoded draws, (M, F).
        k: Which nearest neighbour.
        seed: Of the bootstrap.
        radii: `neighbour_radii` of the real images where they are known already, (N,).
    """
    real, fake = np.asarray(real, dtype=np.float64), np.asarray(fake, dtype=np.float64)
    squared_radii = (neighbour_radii(real, k) if radii is None else radii) ** 2
    pairs, start = [], 0
    for squares in _squared_distances(fake, real):
        inside = np.argwhere(squares < squared_radii)
        inside[:, 0] += start
        pairs.append(inside)
        start += len(squares)
    drawn, image = np.concatenate(pairs).T
    value = len(drawn) / (k * len(fake))
    rng = np.random.default_rng(seed)
    found = np.empty(AGAIN)
    for each in range(AGAIN):
        images = rng.multinomial(len(real), np.full(len(real), 1 / len(real)))
        draws = rng.multinomial(len(fake), np.full(len(fake), 1 / len(fake)))
        found[each] = images[image] @ draws[drawn] / (k * len(fake))
    again = Replicates(found, np.empty(0))
    return complete(value, again, len(fake), 0)


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
