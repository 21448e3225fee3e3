"""Distributions over latents, as the encoders give them.

Every posterior factorises over the latent dimensions once those above are given: q(z|x) = prod_j q(z_j | z_above, x).
For a diagonal Gaussian nothing is above; for a hierarchical one the levels before it are. `at` leads noise to latents,
and `given` is the diagonal Gaussian that each latent was drawn from, so that densities and rates are read off it.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

LOG_VARIANCE_RANGE = (-12.0, 6.0)
"""Log-variances are clamped to this range: beyond it exp() only makes noise or infinities."""


class Posterior(ABC):
    """q(z|x) of a batch of images, over latents (N, d).

    Attributes:
        mean: Posterior means, (N, d); of a hierarchical posterior each level's given the means above it.
    """

    __slots__ = ()

    mean: Tensor

    @abstractmethod
    def at(self, noise: Tensor) -> Tensor:
        """The latents (N, d) that standard normal noise (N, d) leads to, with a gradient."""

    @abstractmethod
    def given(self, latents: Tensor) -> "DiagonalGaussian | Point":
        """The distribution of each dimension given the dimensions above it in these latents (N, d)."""

    @abstractmethod
    def repeated(self, count: int) -> Self:
        """The posterior of every image `count` times over, side by side: (N, d) -> (N count, d)."""

    @abstractmethod
    def frozen(self) -> Self:
        """The same distribution without a gradient to the encoder; one to the latents it is asked about stays."""

    def sample(self, generator: torch.Generator) -> Tensor:
        """One latent per image, (N, d), with standard normal noise from the generator."""
        mean = self.mean
        return self.at(torch.randn(mean.shape, generator=generator, device=mean.device))


@dataclass(frozen=True, slots=True)
class DiagonalGaussian(Posterior):
    """q(z|x) = N(mean, exp(log_variance)), every dimension by itself; both fields are (N, d)."""

    mean: Tensor
    log_variance: Tensor

    def at(self, noise: Tensor) -> Tensor:
        """The latents (N, d) that standard normal noise (N, d) leads to: mean + standard deviation * noise."""
        return self.mean + self.deviation() * noise

    def given(self, latents: Tensor) -> "DiagonalGaussian":
        """Itself: no dimension depends on another."""
        return self

    def repeated(self, count: int) -> "DiagonalGaussian":
        """The posterior of every image `count` times over, side by side: (N, d) -> (N count, d)."""
        if count == 1:
            return self
        return DiagonalGaussian(self.mean.repeat_interleave(count, 0), self.log_variance.repeat_interleave(count, 0))

    def frozen(self) -> "DiagonalGaussian":
        """The same distribution without a gradient to the encoder."""
        return DiagonalGaussian(self.mean.detach(), self.log_variance.detach())

    def deviation(self) -> Tensor:
        """Standard deviations, (N, d), in prior standard deviations."""
        return (0.5 * self.log_variance).exp()

    def log_density(self, latents: Tensor) -> Tensor:
        """Log q(z|x) of latents (N, d), (N,), nats."""
        squares = (latents - self.mean).square() * (-self.log_variance).exp()
        return -0.5 * (squares + self.log_variance + math.log(2 * math.pi)).sum(dim=1)

    def kl_to_prior(self) -> Tensor:
        """KL(q(z|x) || N(0, I)) per image and dimension, (N, d), in nats.

        Kingma & Welling 2014, appendix B, https://arxiv.org/abs/1312.6114
        """
        return 0.5 * (self.mean.square() + self.log_variance.exp() - 1 - self.log_variance)


@dataclass(frozen=True, slots=True)
class Point(Posterior):
    """The code of an autoencoder: a posterior without width; `mean` is (N, d)."""

    mean: Tensor

    def at(self, noise: Tensor) -> Tensor:
        """The code itself, (N, d), whatever the noise."""
        return self.mean

    def given(self, latents: Tensor) -> "Point":
        """Itself."""
        return self

    def repeated(self, count: int) -> "Point":
        """The code of every image `count` times over, side by side: (N, d) -> (N count, d)."""
        return Point(self.mean.repeat_interleave(count, 0))

    def frozen(self) -> "Point":
        """The same code without a gradient to the encoder."""
        return Point(self.mean.detach())

    def deviation(self) -> Tensor:
        """Zero, (N, d): a point has no width."""
        return torch.zeros_like(self.mean)

    def kl_to_prior(self) -> Tensor:
        """Zero per image and dimension, (N, d): a point has no finite rate, so none is charged."""
        return torch.zeros_like(self.mean)


Level = Callable[[Tensor, Tensor], DiagonalGaussian]
"""Context (N, H) and the latents above (N, sum of their sizes) to the Gaussian of one level, (N, d_l)."""


@dataclass(frozen=True, slots=True)
class TopDown(Posterior):
    """q(z|x) = prod_l N(z_l; mean_l(x, z_above), variance_l(x, z_above)), the highest level first.

    Sonderby et al. 2016, https://arxiv.org/abs/1602.02282, for inference in the order of generation.

    Attributes:
        context: What the encoder read off the images, (N, H).
        levels: One function per level, the highest first.
        sizes: Dimensions of each level; together d.
        frozen_levels: The same levels with weights that take no gradient, for `frozen`.
    """

    context: Tensor
    levels: tuple[Level, ...]
    sizes: tuple[int, ...]
    frozen_levels: Callable[[], tuple[Level, ...]]

    @property
    def mean(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Each level's mean given the means above it, (N, d)."""
        return self.at(self.context.new_zeros(len(self.context), sum(self.sizes)))

    @property
    def log_variance(self) -> Tensor:
        """Each level's log-variance given the means above it, (N, d)."""
        return self.given(self.mean).log_variance

    def at(self, noise: Tensor) -> Tensor:
        """The latents (N, d) that standard normal noise (N, d) leads to, level by level."""
        latents = noise[:, :0]
        for level, part in zip(self.levels, noise.split(self.sizes, dim=1), strict=True):
            latents = torch.cat([latents, level(self.context, latents).at(part)], dim=1)
        return latents

    def given(self, latents: Tensor) -> DiagonalGaussian:
        """The Gaussian of each dimension given the levels above it in these latents (N, d)."""
        means, log_variances, start = [], [], 0
        for level, size in zip(self.levels, self.sizes, strict=True):
            each = level(self.context, latents[:, :start])
            means.append(each.mean)
            log_variances.append(each.log_variance)
            start += size
        return DiagonalGaussian(torch.cat(means, dim=1), torch.cat(log_variances, dim=1))

    def repeated(self, count: int) -> "TopDown":
        """The posterior of every image `count` times over, side by side: (N, H) -> (N count, H)."""
        if count == 1:
            return self
        return TopDown(self.context.repeat_interleave(count, 0), self.levels, self.sizes, self.frozen_levels)

    def frozen(self) -> "TopDown":
        """The same distribution without a gradient to the encoder; one to the latents above a level stays."""
        return TopDown(self.context.detach(), self.frozen_levels(), self.sizes, self.frozen_levels)
