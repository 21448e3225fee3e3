"""Batch normalisation that can share its statistics among the processes of a fit, on any device."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from explorer.models.autoencoders import Autoencoder

MOMENTUM = 0.1
"""Weight of a new batch in the running statistics."""

EPSILON = 1e-5
"""Added to the variance of a channel, so that a dead one is not divided by zero."""


class BatchNorm(nn.Module):
    """y = weight (x - mean) / sqrt(variance + EPSILON) + bias per channel, (N, C, H, W) -> (N, C, H, W).

    Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167. In training mode mean and variance are those of the batch,
    over images and places; in evaluation mode running averages of them, so that an image is encoded the same in any
    company. torch's own layer can share a batch among processes on CUDA only, and its counter is a whole number that
    half precision would round.

    Args:
        channels: C.

    Attributes:
        average: Mean of a tensor over the processes of a fit, carrying the gradient of every process's loss with
            respect to it; one process averages nothing. It is handed mean and mean square in one tensor, (2, C).
        momentum: Weight of a new batch in the running statistics.
    """

    running_mean: Tensor
    running_variance: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_variance", torch.ones(channels))
        self.average: Callable[[Tensor], Tensor] = lambda tensor: tensor
        self.momentum = MOMENTUM

    def forward(self, inputs: Tensor) -> Tensor:
        """The normalised inputs, (N, C, H, W), in their own precision; statistics are float32."""
        if self.training:
            values = inputs.float()
            moments = torch.stack([values.mean(dim=(0, 2, 3)), values.square().mean(dim=(0, 2, 3))])
            mean, square = self.average(moments)
            variance = (square - mean.square()).clamp_min(0)  # E[x^2] - E[x]^2 may round below zero
            with torch.no_grad():
                self.running_mean.lerp_(mean.detach(), self.momentum)
                self.running_variance.lerp_(variance.detach(), self.momentum)
        else:
            mean, variance = self.running_mean, self.running_variance
        scale = self.weight * (variance + EPSILON).rsqrt()
        shift = self.bias - mean * scale
        return (inputs * scale[:, None, None] + shift[:, None, None]).to(inputs.dtype)


@torch.no_grad()
def renew_statistics(model: "Autoencoder", batches: Iterable[Tensor]) -> None:
    """Set the running statistics to the plain mean over batches, for weights that were never trained themselves.

    Averaged weights meet other activations than the weights they were averaged from (Izmailov et al. 2018,
    https://arxiv.org/abs/1803.05407, section 3.2). Codes are decoded at their posterior means.

    Args:
        model: Left in evaluation mode; a model without batch normalisation is not changed.
        batches: Training images (N, C, H, W) in [0, 1], gone through once.
    """
    layers = [module for module in model.modules() if isinstance(module, BatchNorm)]
    model.train()
    for number, images in enumerate(batches if layers else ()):
        for layer in layers:
            layer.momentum = 1 / (number + 1)  # the first batch replaces what was there
        model.outputs(model.encode(images).mean)
    for layer in layers:
        layer.momentum = MOMENTUM
    model.eval()
