"""The density of the aggregate posterior, q^(z): where encoded data lies, as a number in nats."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.frames import Frame
from explorer.arrays import ConditionalPosterior, Posterior
from explorer.errors import ShapeError

_CHUNK = 500_000  # log terms held at once


class Density(Protocol):
    """Anything that knows the log density of latents."""

    def log_density(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log q^(z) at latents (N, d); (N,), nats."""
        ...


@dataclass(frozen=True, slots=True)
class PosteriorMixture:
    """q^(z) = (1/N) sum_i q(z|x_i): the exact aggregate posterior of N images of a VAE.

    Attributes:
        posterior: Of the N images, (N, d), with variances.
    """

    posterior: Posterior = field(repr=False)

    def log_density(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log q^(z) at latents (M, d); (M,), nats."""
        if self.posterior.log_variance is None:
            raise ValueError("an autoencoder's posteriors are points and have no density; fit a KernelDensity.")
        log_variance = self.posterior.log_variance.astype(np.float64)
        centre = self.posterior.mean.mean(0, dtype=np.float64)  # squares of small numbers lose fewer digits
        mean = self.posterior.mean - centre
        z = np.asarray(latents, dtype=np.float64) - centre
        precision = np.exp(-log_variance)
        # -1/2 sum_j ((z - m)^2 / s^2 + log s^2 + log 2 pi) as one product [z^2, z, 1] @ table
        constant = (mean**2 * precision + log_variance + np.log(2 * np.pi)).sum(1, keepdims=True)
        table = -0.5 * np.concatenate([precision, -2 * mean * precision, constant], axis=1).T  # (2d + 1, N)
        return _log_mean_exp(np.concatenate([z**2, z, np.ones((len(z), 1))], axis=1), table)


@dataclass(frozen=True, slots=True)
class KernelDensity:
    """q^(z) as a Gaussian bump around every code, for an autoencoder, whose own posteriors are points.

    Attributes:
        frame: In which the bumps are round.
        codes: In the frame, (R, d).
        bandwidth: Standard deviation of a bump, in standard deviations of the codes.
    """

    frame: Frame
    codes: NDArray[np.float64] = field(repr=False)
    bandwidth: float = 0.3

    def log_density(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log q^(z) at latents (N, d); (N,), nats, stated in z and not in u."""
        whitened = self.frame.whiten(latents)
        return _kernel_log_density(whitened, self.codes, self.bandwidth) + self.frame.log_determinant


def fit_kernel_density(codes: NDArray[np.floating], frame: Frame, rng: np.random.Generator) -> KernelDensity:
    """A kernel density whose bandwidth makes a held-out fifth of the codes likeliest.

    Args:
        codes: R, one per image, (R, d) with R of five or more. Never C: the calibration must not have been seen.
        frame: Fitted to the codes.
        rng: Draws the fifth, 1,000 codes at most.

    Raises:
        ShapeError: Fewer than five codes.
    """
    whitened = frame.whiten(codes)
    if len(whitened) < 5:
        raise ShapeError(f"a kernel density needs five codes or more, but got {len(whitened)}.")
    order = rng.permutation(len(whitened))
    held = min(len(order) // 5, 1000)
    fitted, tried = whitened[order[held:]], whitened[order[:held]]

    def likelihood(bandwidth: float) -> float:
        return float(_kernel_log_density(tried, fitted, bandwidth).mean())

    coarse = np.geomspace(0.01, 2.0, 12)
    best = int(np.argmax([likelihood(h) for h in coarse]))
    fine = np.geomspace(coarse[max(best - 1, 0)], coarse[min(best + 1, len(coarse) - 1)], 7)
    bandwidth = float(fine[np.argmax([likelihood(h) for h in fine])])
    return KernelDensity(frame, whitened, bandwidth)


def aggregate_density(
    posterior: Posterior, reference: NDArray[np.floating], frame: Frame, rng: np.random.Generator
) -> Density:
    """The aggregate posterior's density: exact for a VAE, else a kernel density of the codes R.

    Args:
        posterior: Of N encoded images, (N, d); diagonal Gaussians make the exact one, points (of an autoencoder) and
            hierarchical posteriors, whose dimensions depend on one another, the other.
        reference: R, (R, d).
        frame: Fitted to R.
        rng: Splits R where a bandwidth is to be chosen.
    """
    if posterior.log_variance is not None and not isinstance(posterior, ConditionalPosterior):
        return PosteriorMixture(posterior)
    return fit_kernel_density(reference, frame, rng)


def _kernel_log_density(
    whitened: NDArray[np.float64], codes: NDArray[np.float64], bandwidth: float
) -> NDArray[np.float64]:
    dim = codes.shape[1]
    squares = (codes**2).sum(1, keepdims=True)
    table = np.concatenate([2 * codes, -squares, -np.ones_like(squares)], axis=1).T / (2 * bandwidth**2)
    rows = np.concatenate([whitened, np.ones((len(whitened), 1)), (whitened**2).sum(1, keepdims=True)], axis=1)
    return _log_mean_exp(rows, table) - dim * (np.log(bandwidth) + 0.5 * np.log(2 * np.pi))


def _log_mean_exp(rows: NDArray[np.float64], table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log of the mean over columns of exp(rows @ table), (M,), never all columns of all rows at once."""
    result = np.empty(len(rows))
    step = max(1, _CHUNK // table.shape[1])
    for start in range(0, len(rows), step):
        terms = rows[start : start + step] @ table
        top = terms.max(1)
        np.subtract(terms, top[:, None], out=terms)
        result[start : start + step] = top + np.log(np.exp(terms, out=terms).mean(1))
    return result
