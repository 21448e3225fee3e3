"""Averaged weights: their statistics are measured anew."""

import torch
from torch import Tensor

from explorer.config import ModelConfig
from explorer.models import build_model
from explorer.models.normalisation import BatchNorm
from explorer.training.average import renew_statistics


def test_renewed_statistics_are_those_of_the_images_under_the_weights_as_they_are():
    settings = ModelConfig(
        latent_dim=3, likelihood="bernoulli", net="conv", norm="batch", widths=(4, 8), hidden=6, image_shape=(1, 8, 8)
    )
    model = build_model(settings)
    images = torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    first = next(layer for layer in model.modules() if isinstance(layer, BatchNorm))
    seen: list[Tensor] = []
    first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    renew_statistics(model, images.split(4))
    values = torch.cat(seen)
    torch.testing.assert_close(first.running_mean, values.mean(dim=(0, 2, 3)), rtol=1e-4, atol=1e-5)
    assert not model.training and first.momentum == 0.1
    before = [buffer.clone() for buffer in model.buffers()]
    renew_statistics(model, images.split(4))
    for old, new in zip(before, model.buffers(), strict=True):
        torch.testing.assert_close(old, new)
