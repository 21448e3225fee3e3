"""Frames: latents measured in standard deviations of the aggregate posterior, so that models can be compared."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Latents
from explorer.errors import ShapeError

EIGENVALUE_FLOOR = 1e-6
"""Least eigenvalue of a frame's covariance, as a share of the largest: a dead axis would divide by zero."""


@dataclass(frozen=True, slots=True)
class Frame:
    """u = S^(-1/2) (z - m): one unit of u is one standard deviation of the codes, whatever the model's scale.

    The square root is the symmetric one, so a frame never turns a latent further than it has to.

    Attributes:
        mean: m, mean of the codes, (d,).
        covariance: S, covariance of the codes with its eigenvalues floored, (d, d).
        to_white: S^(-1/2), (d, d).
        from_white: S^(1/2), (d, d).
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    to_white: NDArray[np.float64]
    from_white: NDArray[np.float64]

    @property
    def latent_dim(self) -> int:
        """Latent dimension d."""
        return len(self.mean)

    @property
    def deviations(self) -> NDArray[np.float64]:
        """Standard deviation of the codes along each axis, sqrt(S_jj), (d,)."""
        return np.sqrt(np.diag(self.covariance))

    def whiten(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Frame coordinates u of latents z, both (N, d); in float64, for distances to be taken there."""
        return (np.asarray(latents, dtype=np.float64) - self.mean) @ self.to_white

    def unwhiten(self, whitened: NDArray[np.floating]) -> Latents:
        """Latents z = m + S^(1/2) u of frame coordinates u, both (N, d)."""
        return (self.mean + np.asarray(whitened, dtype=np.float64) @ self.from_white).astype(np.float32)

    def log_density(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log N(z; m, S) at latents (N, d); (N,), nats."""
        squares = (self.whiten(latents) ** 2).sum(1)
        return -0.5 * (squares + self.latent_dim * np.log(2 * np.pi)) + self.log_determinant

    @property
    def log_determinant(self) -> float:
        """Log det S^(-1/2): what a log density in u gains when it is stated in z."""
        return float(np.linalg.slogdet(self.to_white)[1])


def fit_frame(codes: NDArray[np.floating], floor: float = EIGENVALUE_FLOOR) -> Frame:
    """The frame in which these codes have mean 0 and covariance I.

    Args:
        codes: One draw per image, (R, d) with R of two or more; the set R of the hole scores.
        floor: Least eigenvalue of the covariance, as a share of the largest.

    Raises:
        ShapeError: Fewer than two codes, another number of array dimensions, or a value that is not finite.
    """
    codes = np.asarray(codes, dtype=np.float64)
    if codes.ndim != 2 or len(codes) < 2 or not codes.shape[1]:
        raise ShapeError(f"a frame is fitted to two or more codes shaped (R, d), but these are {codes.shape}.")
    if not np.isfinite(codes).all():
        raise ShapeError("a frame is fitted to finite codes, but some of these are not; fit the run again.")
    mean = codes.mean(0)
    centred = codes - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / (len(codes) - 1))
    values = np.maximum(values, max(values[-1] * floor, 1e-12))  # the constant: codes that are all alike
    return Frame(
        mean=mean,
        covariance=(vectors * values) @ vectors.T,
        to_white=(vectors / np.sqrt(values)) @ vectors.T,
        from_white=(vectors * np.sqrt(values)) @ vectors.T,
    )
