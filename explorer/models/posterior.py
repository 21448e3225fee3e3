"""Distributions over latents, as the encoders give them."""

from dataclasses import dataclass

import torch
from torch import Tensor

LOG_VARIANCE_RANGE = (-12.0, 6.0)
"""Log-variances are clamped to this range: beyond it exp() only makes noise or infinities."""


@dataclass(frozen=True, slots=True)
class DiagonalGaussian:
    """The posterior q(z|x) of a batch of images; both fields are (N, d)."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, generator: torch.Generator) -> Tensor:
        """One latent per image, (N, d), with standard normal noise from the generator."""
        return self.at(torch.randn(self.mean.shape, generator=generator, device=self.mean.device))

    def at(self, noise: Tensor) -> Tensor:
        """The latents (N, d) that standard normal noise (N, d) leads to: mean + standard deviation * noise."""
        return self.mean + self.deviation() * noise

    def deviation(self) -> Tensor:
        """Standard deviations, (N, d), in prior standard deviations."""
        return (0.5 * self.log_variance).exp()

    def kl_to_prior(self) -> Tensor:
        """KL(q(z|x) || N(0, I)) per image and dimension, (N, d), in nats.

        Kingma & Welling 2014, appendix B, https://arxiv.org/abs/1312.6114
        """
        return 0.5 * (self.mean.square() + self.log_variance.exp() - 1 - self.log_variance)


@dataclass(frozen=True, slots=True)
class Point:
    """The code of an autoencoder: a posterior without width; `mean` is (N, d)."""

    mean: Tensor

    def sample(self, generator: torch.Generator) -> Tensor:
        """The code itself, (N, d)."""
        return self.mean

    def at(self, noise: Tensor) -> Tensor:
        """The code itself, (N, d), whatever the noise."""
        return self.mean

    def deviation(self) -> Tensor:
        """Zero, (N, d): a point has no width."""
        return torch.zeros_like(self.mean)

    def kl_to_prior(self) -> Tensor:
        """Zero per image and dimension, (N, d): a point has no finite rate, so none is charged."""
        return torch.zeros_like(self.mean)
