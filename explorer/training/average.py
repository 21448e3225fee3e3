"""A running average of the weights, and the statistics that go with averaged weights."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from explorer.config import TrainConfig
from explorer.models import Autoencoder
from explorer.models.normalisation import MOMENTUM, BatchNorm


def averaged(model: Autoencoder, settings: TrainConfig, steps_per_epoch: int) -> AveragedModel | None:
    """A running exponential average of the weights with the half-life that is set, or None for 0.

    Polyak & Juditsky 1992, https://doi.org/10.1137/0330046
    """
    if not settings.average_epochs:
        return None
    decay = 0.5 ** (1 / (settings.average_epochs * steps_per_epoch))
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=False)


@torch.no_grad()
def renew_statistics(model: Autoencoder, batches: Iterable[Tensor]) -> None:
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
