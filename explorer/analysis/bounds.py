"""Lower bounds on log p(x), estimated from outside through a model's encoder and its likelihood."""

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.laws import raw_log_density
from explorer.arrays import ConditionalPosterior, Images, Latents, MeasuringCoder, Posterior, Scores

BATCH = 2048
"""Pairs of image and latent that are priced at once."""


def elbo(
    coder: MeasuringCoder, images: Images, posterior: Posterior, samples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """E_q[log p(x|z)] - KL(q(z|x) || p(z)) per image, (N,), nats; the expectation by sampling, the KL exact.

    Kingma & Welling 2014, https://arxiv.org/abs/1312.6114. The KL of a level of a hierarchical posterior is exact once
    those above are drawn, and averaged over the same draws.

    Args:
        coder: The model; `distortion` is -log p(x|z).
        images: (N, C, H, W), the targets the likelihood prices (binarised ones, where the model is fitted to such).
        posterior: q(z|x) of each image, (N, d), with variances.
        samples: Draws per image.
        rng: Of the draws.

    Raises:
        ValueError: The posterior is a point: an autoencoder has no bound.
    """
    _check(images, posterior, samples)
    total = np.zeros(len(images))
    for rows, count in _pieces(len(images), samples):
        draws, distortion = _priced(coder, images[rows], posterior.rows(rows), count, rng)
        total[rows] -= distortion.sum(0)
        if isinstance(posterior, ConditionalPosterior):
            total[rows] -= sum(given.rate().astype(np.float64).sum(1) for _, given in draws)
    if isinstance(posterior, ConditionalPosterior):
        return total / samples
    return total / samples - posterior.rate().astype(np.float64).sum(1)


def importance_weighted_bound(
    coder: MeasuringCoder, images: Images, posterior: Posterior, samples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x), z_k ~ q(z|x), per image, (N,), nats.

    Burda, Grosse & Salakhutdinov 2016, https://arxiv.org/abs/1509.00519: in expectation it never falls as K grows,
    and tends to log p(x). The K terms are summed as they come, so memory does not grow with K.

    Args:
        coder: The model; `distortion` is -log p(x|z).
        images: (N, C, H, W), the targets the likelihood prices.
        posterior: q(z|x) of each image, (N, d), with variances.
        samples: K.
        rng: Of the draws.

    Raises:
        ValueError: The posterior is a point: an autoencoder has no bound.
    """
    _check(images, posterior, samples)
    top = np.full(len(images), -np.inf)  # largest log weight so far
    rest = np.zeros(len(images))  # sum of exp(log weight - top)
    for rows, count in _pieces(len(images), samples):
        draws, distortion = _priced(coder, images[rows], posterior.rows(rows), count, rng)
        ratio = np.stack([raw_log_density(z) - posterior_log_density(given, z) for z, given in draws])
        weights = ratio - distortion  # (count, n), log
        higher = np.maximum(top[rows], weights.max(0))
        rest[rows] = rest[rows] * np.exp(top[rows] - higher) + np.exp(weights - higher).sum(0)
        top[rows] = higher
    return top + np.log(rest) - np.log(samples)


def posterior_log_density(posterior: Posterior, latents: Latents) -> NDArray[np.float64]:
    """Log q(z|x) of latents (..., N, d) under the posterior of their own image, (..., N), nats.

    Of a hierarchical posterior it takes the one that `draw` gave with the latents.
    """
    assert posterior.log_variance is not None
    log_variance = posterior.log_variance.astype(np.float64)
    squares = (np.asarray(latents, dtype=np.float64) - posterior.mean) ** 2 * np.exp(-log_variance)
    return -0.5 * (squares + log_variance + np.log(2 * np.pi)).sum(-1)


def _priced(
    coder: MeasuringCoder, images: Images, posterior: Posterior, count: int, rng: np.random.Generator
) -> tuple[list[tuple[Latents, Posterior]], Scores]:
    """`count` draws per image, (n, d) each with the posterior along it, and the distortion of each, (count, n)."""
    draws = [posterior.draw(rng) for _ in range(count)]
    repeated = np.broadcast_to(images, (count, *images.shape)).reshape(-1, *images.shape[1:])
    distortion = coder.distortion(repeated, np.concatenate([latents for latents, _ in draws]))
    return draws, np.asarray(distortion, dtype=np.float64).reshape(count, -1)


def _pieces(images: int, samples: int) -> list[tuple[slice, int]]:
    """Which images to price together, and with how many draws each, to cover all images and draws."""
    pieces = []
    for start in range(0, images, BATCH):
        rows = slice(start, min(start + BATCH, images))
        step = max(1, BATCH // (rows.stop - rows.start))
        pieces += [(rows, min(step, samples - done)) for done in range(0, samples, step)]
    return pieces


def _check(images: Images, posterior: Posterior, samples: int) -> None:
    if posterior.log_variance is None:
        raise ValueError("a bound on log p(x) needs a posterior with variances; an autoencoder's is a point.")
    if samples < 1 or len(images) != len(posterior.mean):
        raise ValueError(f"{len(images)} images, {len(posterior.mean)} posteriors, {samples} samples do not fit.")
