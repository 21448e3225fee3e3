"""The arrays that flow between the rooms, and what a model must offer to be explored.

Inside the program an image is float32 in [0, 1], shaped (C, H, W); a latent is float32, shaped (d,). Both always
travel in batches.
"""

from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Images: TypeAlias = NDArray[np.float32]
"""Images, (N, C, H, W), float32 in [0, 1]."""

Latents: TypeAlias = NDArray[np.float32]
"""Latents, (N, d), float32."""

Pixels: TypeAlias = NDArray[np.uint8]
"""Stored grey levels, (N, C, H, W), uint8 in 0 .. levels - 1."""

Scores: TypeAlias = NDArray[np.floating]
"""One number per image or latent, (N,)."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """What an encoder says of a batch of images: N(mean, exp(log_variance)) each, or a point.

    Attributes:
        mean: Posterior means, (N, d).
        log_variance: Natural logarithms of the posterior variances, (N, d); None for an autoencoder, whose
            posterior is a point.
    """

    mean: Latents
    log_variance: Latents | None = None

    def sample(self, rng: np.random.Generator, temperature: float = 1.0) -> Latents:
        """One latent per image, (N, d): mean + temperature * standard deviation * noise."""
        if self.log_variance is None:
            return self.mean.copy()
        deviation = temperature * np.exp(0.5 * self.log_variance)
        return (self.mean + deviation * rng.standard_normal(self.mean.shape)).astype(np.float32)

    def rate(self) -> NDArray[np.float32]:
        """KL(q(z|x) || N(0, I)) per image and dimension, (N, d), in nats; zero for a point posterior.

        Kingma & Welling 2014, appendix B, https://arxiv.org/abs/1312.6114
        """
        if self.log_variance is None:
            return np.zeros_like(self.mean)
        return np.float32(0.5) * (self.mean**2 + np.exp(self.log_variance) - np.float32(1) - self.log_variance)


@runtime_checkable
class Coder(Protocol):
    """A fitted model seen from outside: images to posteriors and latents to images, in numpy."""

    @property
    def latent_dim(self) -> int:
        """d, the number of latent dimensions."""
        ...

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        ...

    @property
    def levels(self) -> int:
        """Grey levels of the data the model was fitted on: 256, or 17 for the 8x8 digits."""
        ...

    def encode(self, images: Images) -> Posterior:
        """Posteriors of images (N, C, H, W); never samples."""
        ...

    def decode(self, latents: Latents) -> Images:
        """Expected images (N, C, H, W) of latents (N, d)."""
        ...


@runtime_checkable
class MeasuringCoder(Coder, Protocol):
    """A Coder whose likelihood is known, so that images can be priced in nats."""

    def distortion(self, images: Images, latents: Latents) -> Scores:
        """-log p(x|z) of images (N, C, H, W) under latents (N, d), (N,), nats per image."""
        ...
