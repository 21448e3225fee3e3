"""Images and latents through a Coder: any number, a batch at a time, and nothing that is no latent."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Coder, ConditionalPosterior, ImageRows, Images, Latents, Posterior, Scores
from explorer.errors import ShapeError

BATCH = 1024
"""Images that pass through a Coder at once."""

FEW = 16
"""Latents that are decoded without waiting for a turn: a frame of somebody's drag."""


def encode_all(coder: Coder, images: ImageRows) -> Posterior:
    """Posteriors of images (N, C, H, W), (N, d); never samples."""
    parts = [coder.encode(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
    if not parts:
        return Posterior(np.empty((0, coder.latent_dim), dtype=np.float32))
    joined = parts[0].joined(parts[1:])
    if isinstance(joined, ConditionalPosterior):
        return joined
    spread = joined.log_variance
    mean = joined.mean.astype(np.float32, copy=False)
    return Posterior(mean, None if spread is None else spread.astype(np.float32, copy=False))


def decode_all(coder: Coder, latents: Latents) -> Images:
    """Images (N, C, H, W) of latents (N, d)."""
    parts = [coder.decode(latents[start : start + BATCH]) for start in range(0, len(latents), BATCH)]
    return np.concatenate(parts) if parts else np.empty((0, *coder.image_shape), dtype=np.float32)


def squared_errors(coder: Coder, images: Images, latents: Latents) -> Scores:
    """Mean squared error per pixel, (N,), of each image (N, C, H, W) against the decode of its latent (N, d)."""
    errors = np.empty(len(images), dtype=np.float32)
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        errors[part] = ((coder.decode(latents[part]) - images[part]) ** 2).mean(axis=(1, 2, 3))
    return errors


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


def checked_latents(latents: object, latent_dim: int, limit: float = 1e4) -> Latents:
    """Anything array-like as latents (N, d), or a `ShapeError`.

    Args:
        latents: Finite numbers shaped (N, d) or (d,).
        latent_dim: The d that is wanted.
        limit: Largest magnitude let through; beyond it a network only answers infinities.

    Raises:
        ShapeError: Wrong shape, a value that is no number, not finite, or beyond the limit.
    """
    try:
        given = np.asarray(latents)
        if given.dtype.kind not in "iuf":
            raise TypeError(f"it holds {given.dtype}")  # strings and booleans would pass for numbers
        array = given.astype(np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise ShapeError(f"a latent is {latent_dim} finite numbers; this is not: {error}.") from None
    if array.ndim == 1:
        array = array[None]
    if array.ndim != 2 or array.shape[1] != latent_dim:
        raise ShapeError(f"latents must be shaped (N, {latent_dim}), but these are {array.shape}.")
    if not np.isfinite(array).all() or np.abs(array).max(initial=0) > limit:
        raise ShapeError(f"latents must be finite and within +-{limit:g}.")
    return array
