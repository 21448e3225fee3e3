"""How noisy the encoder's gradient is, by each way of finding it: why the reparameterisation trick matters."""

from typing import Any, get_args

import torch
from torch import Tensor

from explorer.config import GradientPath, TrainConfig
from explorer.models.vae import VAE

IMAGES = 64
"""Images of the batch that every gradient is taken on."""

REPEATS = 16
"""Gradients of one estimator, each with fresh noise, behind a mean and a variance."""

ESTIMATORS: tuple[GradientPath, ...] = get_args(GradientPath)
"""Every way to the encoder's gradient."""


def gradient_variance(model: VAE, images: Tensor, targets: Tensor, seed: int = 0) -> dict[str, Any]:
    """Mean and variance of the encoder's gradient of E_q[-log p(x|z)] by every estimator, at the same weights.

    The rate is left out: its gradient is exact whichever way the distortion's is found (of a hierarchical VAE, given
    the draw). Reparameterised and score-function gradients have one expectation (Mohamed, Rosca, Figurnov & Mnih 2020,
    https://arxiv.org/abs/1906.10652), so that their variances compare; without a path through the draw the encoder is
    told nothing of the reconstruction at all.

    Args:
        model: Any state of the fit; it is measured in evaluation mode and in full precision, and left as it was.
        images: One batch, (N, C, H, W) in [0, 1].
        targets: What the decoder is asked for, the same shape.
        seed: Of the noise; every estimator meets the same.

    Returns:
        Of each estimator `variance`: summed over the encoder's parameters, of one batch's gradient, in nats^2 per
        squared unit of weight; `mean_square`: squared norm of the mean gradient, less what noise adds to it, 0 at
        least. Beside them `images` and `repeats`, how many of each.
    """
    parameters = [weight for weight in model.encoder.parameters() if weight.requires_grad]
    settings, was_training = model.settings, model.training
    found: dict[str, Any] = {"images": len(images), "repeats": REPEATS}
    model.eval()
    try:
        for name in ESTIMATORS:  # one draw per image, no free bits: nothing else differs
            model.settings = TrainConfig(gradient=name)
            generator = torch.Generator(images.device).manual_seed(seed)
            total, squares = torch.zeros(sum(map(Tensor.numel, parameters)), device=images.device), 0.0
            for _ in range(REPEATS):
                noise = model.draw_noise(len(images), generator, images.device)
                loss = model(images, targets, noise, 0.0)
                parts = torch.autograd.grad(loss.total, parameters)
                gradient = torch.cat([part.flatten() for part in parts])
                total += gradient
                squares += gradient.square().sum()
            mean = total / REPEATS
            variance = (squares - REPEATS * mean.square().sum()) / (REPEATS - 1)
            signal = mean.square().sum() - variance / REPEATS
            found[name] = {"variance": float(variance.clamp_min(0)), "mean_square": float(signal.clamp_min(0))}
    finally:
        model.settings = settings
        model.train(was_training)
    return found
