"""Any number of images through a Coder, a batch at a time, so that memory stays bounded."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Coder, Images, Latents, Posterior

BATCH = 1024
"""Images that pass through a Coder at once."""


def encode_all(coder: Coder, images: Images) -> Posterior:
    """Posteriors of images (N, C, H, W), (N, d); never samples."""
    parts = [coder.encode(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
    if not parts:
        return Posterior(np.empty((0, coder.latent_dim), dtype=np.float32))
    mean = np.concatenate([part.mean for part in parts])
    spreads = [part.log_variance for part in parts if part.log_variance is not None]
    return Posterior(mean, np.concatenate(spreads) if spreads else None)


def decode_all(coder: Coder, latents: Latents) -> Images:
    """Images (N, C, H, W) of latents (N, d)."""
    parts = [coder.decode(latents[start : start + BATCH]) for start in range(0, len(latents), BATCH)]
    return np.concatenate(parts) if parts else np.empty((0, *coder.image_shape), dtype=np.float32)


def decoded_features(
    coder: Coder, latents: Latents, features: Callable[[Images], NDArray[np.floating]]
) -> NDArray[np.float32]:
    """Features (N, F) of the decodes of latents (N, d), without holding all the images.

    Args:
        coder: The model.
        latents: (N, d) with N of one or more.
        features: Images (n, C, H, W) to features (n, F), the data set's own.
    """
    parts = [features(coder.decode(latents[start : start + BATCH])) for start in range(0, len(latents), BATCH)]
    return np.concatenate(parts).astype(np.float32)
