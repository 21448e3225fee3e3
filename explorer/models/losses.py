"""Likelihoods p(x|z): what a decoder's outputs mean, and what an image costs under them.

Every distortion is -log p(x|z) in nats per image: summed over pixels, never averaged over them, so that the weight
of the rate does not depend on the image size. Means over the batch are taken by the caller.

A Bernoulli prices binary images, a categorical one grey levels, both by probabilities, never below 0 nats; a Gaussian
prices real pixels in [0, 1] by a density, which may exceed 1. To set it beside a categorical one of L levels, add
P log(L - 1): the density times the width of a level, as long as sigma is much wider than that.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.config import LIKELIHOODS, ModelConfig
from explorer.errors import ConfigError

MSE_FLOOR = 1e-6
"""Smallest mean squared error (pixels in [0, 1]) of the optimal sigma: keeps log(mse) finite."""

FIRST_SIGMA = 0.2
"""Where a learned sigma starts, in units of pixels in [0, 1]: about the spread of a data set's pixels."""


class Likelihood(nn.Module, ABC):
    """p(x|z) of images (N, C, H, W) given what a decoder puts out for z, (N, C * outputs_per_channel, H, W)."""

    name: ClassVar[str]
    outputs_per_channel = 1

    @classmethod
    def of(cls, config: ModelConfig) -> Self:
        """The likelihood of a configuration that names it."""
        return cls()

    @abstractmethod
    def mean(self, outputs: Tensor) -> Tensor:
        """Expected images (N, C, H, W) in [0, 1]."""

    @abstractmethod
    def distortion(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """-log p(x|z), (N,), nats per image."""

    def fit_distortion(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What a fit minimises of each image, (N,), nats; the distortion, unless the batch chooses sigma."""
        return self.distortion(outputs, targets)

    def freeze(self, mse: float) -> None:
        """Set what a fit leaves open, from the training set's mean squared error; mostly nothing."""


class Bernoulli(Likelihood):
    """p(x|z) = prod_i sigmoid(l_i)^x_i (1 - sigmoid(l_i))^(1 - x_i), with logits l.

    On grey x the distortion is an upper bound on the expected cost of x binarised at random (the cross-entropy is
    linear in x), short of the entropy of x itself.
    """

    name = "bernoulli"

    def mean(self, outputs: Tensor) -> Tensor:
        """Expected images (N, C, H, W) in [0, 1] of logits."""
        return outputs.sigmoid()

    def distortion(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """-log p(x|z), (N,), nats per image, of logits and targets in [0, 1], both (N, C, H, W)."""
        return F.binary_cross_entropy_with_logits(outputs, targets, reduction="none").sum(dim=(1, 2, 3))


class Gaussian(Likelihood):
    """p(x|z) = prod_i N(x_i; m(o_i), sigma^2) with one sigma for all pixels; m is the sigmoid, or does nothing.

    With sigma = 'optimal' the fit minimises P/2 (log mse + 1 + log 2 pi), mse over pixels and batch (sigma-VAE,
    Rybkin 2021, https://arxiv.org/abs/2006.13202); the sigma of the whole training set is frozen before anything is
    evaluated, so that no test batch's own error enters its score. With 'learned' log sigma is a parameter like any
    other, and what it came to is what every evaluation uses.

    Args:
        sigma: 'optimal', 'learned', or a number in units of pixels in [0, 1].
        squashes: Whether m is the sigmoid; without it means may leave [0, 1], and are clipped for the eye only.

    Attributes:
        average: Mean of a tensor over the processes of a fit; one process averages nothing.
    """

    name = "gaussian"
    sigma: Tensor

    @classmethod
    def of(cls, config: ModelConfig) -> Self:
        """With the sigma and the output of a configuration."""
        return cls(config.sigma, config.output == "sigmoid")

    def __init__(self, sigma: str, squashes: bool = True) -> None:
        super().__init__()
        self.squashes = squashes
        self.optimal, self.learned = sigma == "optimal", sigma == "learned"
        self.average: Callable[[Tensor], Tensor] = lambda tensor: tensor
        if self.learned:
            self.log_sigma = nn.Parameter(torch.tensor(math.log(FIRST_SIGMA)))
        else:
            self.register_buffer("sigma", torch.tensor(1.0 if self.optimal else float(sigma)))

    def deviation(self) -> Tensor:
        """Sigma, (), in units of pixels in [0, 1]; at least the root of `MSE_FLOOR` where it is learned."""
        return self.log_sigma.clamp_min(0.5 * math.log(MSE_FLOOR)).exp() if self.learned else self.sigma

    def mean(self, outputs: Tensor) -> Tensor:
        """Expected images (N, C, H, W) in [0, 1]."""
        return self._centre(outputs).clamp(0, 1)

    def _centre(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid() if self.squashes else outputs

    def distortion(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """-log p(x|z) at the stored sigma, (N,), nats per image."""
        return self._priced(self.squares(outputs, targets), self.deviation(), targets)

    def fit_distortion(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What a fit minimises of each image, (N,), nats: with the optimal sigma, -log p(x|z) at the batch's best.

        Its mean is P/2 (log mse + 1 + log 2 pi). Sigma is held still: at the best sigma the loss does not depend on
        it to first order, so the gradient is that of log mse, and every image still has a cost of its own.
        """
        squares = self.squares(outputs, targets)
        if not self.optimal:
            return self._priced(squares, self.deviation(), targets)
        mse = self.average(squares.detach().mean() / targets[0].numel()).clamp_min(MSE_FLOOR)
        return self._priced(squares, mse.sqrt(), targets)

    def freeze(self, mse: float) -> None:
        """Set the optimal sigma to the root of the training set's mean squared error; any other stays."""
        if self.optimal:
            self.sigma.fill_(math.sqrt(max(mse, MSE_FLOOR)))

    def squares(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Squared errors summed over pixels, (N,)."""
        return (self._centre(outputs) - targets).square().sum(dim=(1, 2, 3))

    def _priced(self, squares: Tensor, sigma: Tensor, targets: Tensor) -> Tensor:
        return squares / (2 * sigma**2) + targets[0].numel() * (sigma.log() + 0.5 * math.log(2 * math.pi))


class Categorical(Likelihood):
    """p(x|z) = prod_i softmax(o_i)[level of x_i], one probability for each of the L grey levels of a pixel.

    As van den Oord, Kalchbrenner & Kavukcuoglu 2016 (https://arxiv.org/abs/1601.06759) price pixels: it can be bimodal,
    knows no order among the levels, and sums to one over them.

    Args:
        levels: L; grey level k stands for the pixel k / (L - 1).
    """

    name = "categorical"

    @classmethod
    def of(cls, config: ModelConfig) -> Self:
        """A likelihood of as many grey levels as a configuration has."""
        return cls(config.levels or 256)

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.outputs_per_channel = levels
        self.register_buffer("pixels", torch.linspace(0, 1, levels), persistent=False)

    def mean(self, outputs: Tensor) -> Tensor:
        """Expected images (N, C, H, W) in [0, 1] of logits (N, C * L, H, W)."""
        return torch.einsum("nclhw,l->nchw", self._logits(outputs).softmax(dim=2), self.pixels)

    def distortion(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """-log p(x|z), (N,), nats per image, of logits (N, C * L, H, W) and images (N, C, H, W) of L levels."""
        levels = (targets * (self.outputs_per_channel - 1)).round().long()
        logits = self._logits(outputs)
        chosen = logits.gather(2, levels.unsqueeze(2)).squeeze(2)  # (N, C, H, W)
        return (logits.logsumexp(dim=2) - chosen).sum(dim=(1, 2, 3))

    def _logits(self, outputs: Tensor) -> Tensor:
        """(N, C * L, H, W) -> (N, C, L, H, W)."""
        return outputs.unflatten(1, (-1, self.outputs_per_channel))


def build_likelihood(config: ModelConfig) -> Likelihood:
    """The likelihood that a configuration names: the class here that says `name = "<its name>"`."""
    for each in Likelihood.__subclasses__():
        if each.name == config.likelihood:
            return each.of(config)
    raise ConfigError(f"likelihood must be {', '.join(LIKELIHOODS)}, but is {config.likelihood!r}.")
