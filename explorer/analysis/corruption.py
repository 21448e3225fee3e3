"""Images spoilt as a denoising autoencoder sees them while it is fitted."""

from typing import get_args

import numpy as np

from explorer.arrays import Images
from explorer.config import Corruption

CORRUPTIONS: tuple[Corruption, ...] = get_args(Corruption)


def corrupted(images: Images, kind: Corruption, level: float, rng: np.random.Generator) -> Images:
    """x + level * noise, not clipped, or x with each pixel set to 0 at a probability of `level`; same shape.

    Vincent et al. 2010, https://jmlr.org/papers/v11/vincent10a.html. At one seed a higher level spoils the same
    pixels, and more.

    Args:
        images: (N, C, H, W) in [0, 1].
        kind: 'gaussian' or 'masking'.
        level: Standard deviation of the noise in units of the full grey scale, or the probability in [0, 1].
        rng: Of the noise.
    """
    if kind == "gaussian":
        return (images + level * rng.standard_normal(images.shape)).astype(np.float32)
    return images * (rng.random(images.shape) >= level).astype(np.float32)
