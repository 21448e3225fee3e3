"""Batch normalisation that can share its statistics among the processes of a fit, on any device."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

MOMENTUM = 0.1
"""Weight of a new batch in the running statistics."""

EPSILON = 1e-5
"""Added to the variance of a channel, so that a dead one is not divided by zero."""


class BatchNorm(nn.Module):
    """y = weight (x - mean) / sqrt(variance + EPSILON) + bias per channel, (N, C, H, W) -> (N, C, H, W).

    Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167. In training mode mean and variance are those of the batch,
    over images and places; in evaluation mode running averages of them, so that an image is encoded the same in any
    company. One process computes them in torch's own kernel. Several processes share theirs here, on any device:
    torch's layer for that needs CUDA, and its counter is a whole number that half precision would round.

    The variance is the mean square of the distances from the mean, never E[x^2] - E[x]^2, of which rounding leaves
    nothing where the mean is large beside the deviation (Chan, Golub & LeVeque 1983,
    https://doi.org/10.1080/00031305.1983.10483115).

    Args:
        channels: C.

    Attributes:
        average: Mean of a tensor over the processes of a fit, each with the same number of images, carrying the
            gradient of every process's loss with respect to it; None for a process on its own.
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
        self.average: Callable[[Tensor], Tensor] | None = None
        self.momentum = MOMENTUM

    def forward(self, inputs: Tensor) -> Tensor:
        """The normalised inputs, (N, C, H, W), in their own precision; statistics are float32."""
        if not self.training:
            scale = self.weight * (self.running_variance + EPSILON).rsqrt()
            shift = self.bias - self.running_mean * scale
            return (inputs * scale[:, None, None] + shift[:, None, None]).to(inputs.dtype)
        alone = self.average is None and inputs[:, 0].numel() > 1  # torch refuses a channel of one value
        outputs, mean, variance = self._normalised(inputs) if alone else self._normalised_together(inputs)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_variance.lerp_(variance, self.momentum)
        return outputs

    def _normalised(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The normalised inputs, and their mean and variance per channel, (C,), by torch's own kernel."""
        mean, variance = torch.zeros_like(self.running_mean), torch.ones_like(self.running_variance)
        outputs = nn.functional.batch_norm(
            inputs, mean, variance, self.weight, self.bias, training=True, momentum=1.0, eps=EPSILON
        )
        count = inputs[:, 0].numel()
        return outputs, mean, variance * ((count - 1) / count)  # torch estimates the variance of unseen images

    def _normalised_together(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same over the inputs of all processes: their mean first, then the distances from it."""
        average = self.average or (lambda tensor: tensor)
        values = inputs.float()
        mean = average(values.mean(dim=(0, 2, 3)))
        distances = values - mean[:, None, None]
        variance = average(distances.square().mean(dim=(0, 2, 3)))
        scale = self.weight * (variance + EPSILON).rsqrt()
        outputs = torch.addcmul(self.bias[:, None, None], distances, scale[:, None, None])
        return outputs.to(inputs.dtype), mean.detach(), variance.detach()
