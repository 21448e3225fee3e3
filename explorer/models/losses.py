"""Likelihoods p(x|z): what a decoder's outputs mean, and what an image costs under them.

Every distortion is -log p(x|z) in nats per image: summed over pixels, never averaged over them, so that the weight
of the rate does not depend on the image size. Means over the batch are taken by the caller.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.config import ModelConfig
from explorer.errors import ConfigError

MSE_FLOOR = 1e-6
"""Smallest mean squared error (pixels in [0, 1]) of the optimal sigma: keeps log(mse) finite."""


class Bernoulli(nn.Module):
    """p(x|z) = prod_i sigmoid(l_i)^x_i (1 - sigmoid(l_i))^(1 - x_i), with logits l.

    On grey x the distortion is an upper bound on the expected cost of x binarised at random (the cross-entropy is
    linear in x), short of the entropy of x itself.
    """

    def mean(self, outputs: Tensor) -> Tensor:
        """Expected images (N, C, H, W) in [0, 1] of logits."""
        return outputs.sigmoid()

    def distortion(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """-log p(x|z), (N,), nats per image, of logits and targets in [0, 1], both (N, C, H, W)."""
        return F.binary_cross_entropy_with_logits(outputs, targets, reduction="none").sum(dim=(1, 2, 3))

    def batch_distortion(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean over the batch of what the fit minimises, (), nats per image."""
        return F.binary_cross_entropy_with_logits(outputs, targets, reduction="sum") / len(targets)

    def freeze(self, mse: float) -> None:
        """Nothing to freeze: a Bernoulli has no scale."""


class Gaussian(nn.Module):
    """p(x|z) = prod_i N(x_i; sigmoid(o_i), sigma^2) with one sigma for all pixels.

    With sigma = 'optimal' the fit minimises P/2 (log mse + 1 + log 2 pi), mse over pixels and batch (sigma-VAE,
    Rybkin 2021, https://arxiv.org/abs/2006.13202); the sigma of the whole training set is frozen before anything is
    evaluated, so that no test batch's own error enters its score.

    Args:
        sigma: 'optimal', or a number in units of pixels in [0, 1].

    Attributes:
        average: Mean of a tensor over the processes of a fit; one process averages nothing.
    """

    sigma: Tensor

    def __init__(self, sigma: str) -> None:
        super().__init__()
        self.optimal = sigma == "optimal"
        self.average: Callable[[Tensor], Tensor] = lambda tensor: tensor
        self.register_buffer("sigma", torch.tensor(1.0 if self.optimal else float(sigma)))

    def mean(self, outputs: Tensor) -> Tensor:
        """Expected images (N, C, H, W) in [0, 1]."""
        return outputs.sigmoid()

    def distortion(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """-log p(x|z) at the stored sigma, (N,), nats per image."""
        sse = (self.mean(outputs) - targets).square().sum(dim=(1, 2, 3))
        pixels = targets[0].numel()
        return sse / (2 * self.sigma**2) + pixels * (self.sigma.log() + 0.5 * math.log(2 * math.pi))

    def batch_distortion(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean over the batch of what the fit minimises, (), nats per image."""
        if not self.optimal:
            return self.distortion(outputs, targets).mean()
        mse = (self.mean(outputs) - targets).square().mean()
        shared = self.average(mse.detach()).clamp_min(MSE_FLOOR)
        # log of the mse of all processes, with the gradient of their mean: d log(mse) = d mse / mse
        log_mse = shared.log() + (mse - mse.detach()) / shared
        return targets[0].numel() / 2 * (log_mse + 1 + math.log(2 * math.pi))

    def freeze(self, mse: float) -> None:
        """Set the optimal sigma to the root of the training set's mean squared error; a fixed sigma stays."""
        if self.optimal:
            self.sigma.fill_(math.sqrt(max(mse, MSE_FLOOR)))


def build_likelihood(config: ModelConfig) -> Bernoulli | Gaussian:
    """The likelihood that a configuration names."""
    if config.likelihood == "bernoulli":
        return Bernoulli()
    if config.likelihood == "gaussian":
        return Gaussian(config.sigma)
    raise ConfigError(f"likelihood must be bernoulli or gaussian, but is {config.likelihood!r}.")
