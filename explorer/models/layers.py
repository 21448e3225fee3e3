"""Encoder and decoder nets: images to features, latents to the outputs of a likelihood."""

import math

import torch
from torch import Tensor, nn

from explorer.config import ModelConfig
from explorer.errors import ConfigError


class Float32(nn.Module):
    """Runs a module in float32 inside mixed precision: latents must not be rounded to 8 bits of mantissa."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, inputs: Tensor) -> Tensor:
        with torch.autocast(inputs.device.type, enabled=False):
            return self.module(inputs.float())


class Unflatten(nn.Module):
    """(N, C * H * W) -> (N, C, H, W)."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.unflatten(1, self.shape)


def conv_encoder(image_shape: tuple[int, int, int], widths: tuple[int, ...], hidden: int, outputs: int) -> nn.Module:
    """Convolutions that halve the image, then two linear layers: (N, C, H, W) -> (N, outputs).

    Args:
        image_shape: (C, H, W); H and W divisible by 2 for every width.
        widths: Channels after each halving.
        hidden: Units between the convolutions and the outputs.
        outputs: d for points, 2 d for mean and log-variance.
    """
    channels, height, width = _bottom(image_shape, widths)
    layers: list[nn.Module] = []
    for before, after in zip((image_shape[0], *widths), widths, strict=False):
        layers += [nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1), nn.SiLU()]  # (N, after, H/2, W/2)
    layers += [nn.Flatten(), nn.Linear(channels * height * width, hidden), nn.SiLU()]
    return nn.Sequential(*layers, Float32(nn.Linear(hidden, outputs)))


def conv_decoder(image_shape: tuple[int, int, int], widths: tuple[int, ...], hidden: int, latent_dim: int) -> nn.Module:
    """The mirror image of `conv_encoder`: (N, d) -> (N, C, H, W) outputs of a likelihood."""
    bottom = _bottom(image_shape, widths)
    layers: list[nn.Module] = [Float32(nn.Linear(latent_dim, hidden)), nn.SiLU()]
    layers += [nn.Linear(hidden, math.prod(bottom)), nn.SiLU(), Unflatten(bottom)]
    rising = (*reversed(widths), image_shape[0])
    for number, (before, after) in enumerate(zip(rising, rising[1:], strict=False)):
        layers.append(nn.ConvTranspose2d(before, after, kernel_size=4, stride=2, padding=1))  # (N, after, 2H, 2W)
        if number < len(widths) - 1:
            layers.append(nn.SiLU())
    return nn.Sequential(*layers)


def mlp_encoder(image_shape: tuple[int, int, int], hidden: int, outputs: int) -> nn.Module:
    """Two hidden layers over the flattened image: (N, C, H, W) -> (N, outputs)."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(math.prod(image_shape), hidden),
        nn.SiLU(),
        nn.Linear(hidden, hidden),
        nn.SiLU(),
        Float32(nn.Linear(hidden, outputs)),
    )


def mlp_decoder(image_shape: tuple[int, int, int], hidden: int, latent_dim: int) -> nn.Module:
    """The mirror image of `mlp_encoder`: (N, d) -> (N, C, H, W) outputs of a likelihood."""
    return nn.Sequential(
        Float32(nn.Linear(latent_dim, hidden)),
        nn.SiLU(),
        nn.Linear(hidden, hidden),
        nn.SiLU(),
        nn.Linear(hidden, math.prod(image_shape)),
        Unflatten(image_shape),
    )


def build_nets(config: ModelConfig, outputs: int) -> tuple[nn.Module, nn.Module]:
    """The encoder with `outputs` outputs and its decoder, as a resolved configuration names them.

    Raises:
        ConfigError: An image size that cannot be halved often enough, or an open setting.
    """
    shape, hidden, latent_dim = config.image_shape, config.hidden, config.latent_dim
    if shape is None or hidden is None or latent_dim is None or config.net is None:
        raise ConfigError("image_shape, hidden, latent_dim and net must be set before a model is built.")
    if config.net == "mlp":
        return mlp_encoder(shape, hidden, outputs), mlp_decoder(shape, hidden, latent_dim)
    widths = config.widths or ()
    return conv_encoder(shape, widths, hidden, outputs), conv_decoder(shape, widths, hidden, latent_dim)


def _bottom(image_shape: tuple[int, int, int], widths: tuple[int, ...]) -> tuple[int, int, int]:
    """(C, H, W) below the last halving."""
    if not widths:
        raise ConfigError("a convolutional net needs widths, for example --widths 32 64.")
    scale = 2 ** len(widths)
    _, height, width = image_shape
    if height % scale or width % scale:
        raise ConfigError(
            f"{len(widths)} widths halve an image {len(widths)} times, so its sides must be multiples of {scale}, "
            f"but are {height}x{width}; use fewer --widths or --net mlp."
        )
    return widths[-1], height // scale, width // scale
