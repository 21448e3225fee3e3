"""Encoder and decoder nets: images to features, latents to the outputs of a likelihood."""

import math

import torch
from torch import Tensor, nn

from explorer.config import ModelConfig
from explorer.errors import ConfigError
from explorer.models.normalisation import BatchNorm

Shape = tuple[int, int, int]
"""(C, H, W)."""


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

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.unflatten(1, self.shape)


class ResidualBlock(nn.Module):
    """x + branch(x), with branch = (norm, SiLU, 3x3 convolution) twice: (N, C, H, W) -> (N, C, H, W).

    He, Zhang, Ren & Sun 2016, "Identity mappings in deep residual networks", https://arxiv.org/abs/1603.05027

    Args:
        channels: C.
        norm: 'none' or 'batch'.
    """

    def __init__(self, channels: int, norm: str) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for bias in (_has_bias(norm), True):
            layers += [*_norm(norm, channels), nn.SiLU()]
            layers.append(nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=bias))
        self.branch = nn.Sequential(*layers)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.branch(inputs)


def conv_encoder(
    image_shape: Shape, widths: tuple[int, ...], hidden: int, outputs: int, norm: str = "none", residual: bool = False
) -> nn.Module:
    """Convolutions that halve the image, then two linear layers: (N, C, H, W) -> (N, outputs).

    Args:
        image_shape: (C, H, W); H and W divisible by 2 for every width.
        widths: Channels after each halving.
        hidden: Units between the convolutions and the outputs.
        outputs: d for points, 2 d for mean and log-variance.
        norm: 'none', or 'batch' after every convolution.
        residual: Whether a residual block follows every halving.
    """
    channels, height, width = _bottom(image_shape, widths)
    layers: list[nn.Module] = []
    for before, after in zip((image_shape[0], *widths), widths, strict=False):
        bias = _has_bias(norm)
        layers.append(nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1, bias=bias))  # (N, after, H/2, W/2)
        layers += [*_norm(norm, after), nn.SiLU()]
        if residual:
            layers.append(ResidualBlock(after, norm))
    layers += [nn.Flatten(), nn.Linear(channels * height * width, hidden), nn.SiLU()]
    return nn.Sequential(*layers, Float32(nn.Linear(hidden, outputs)))


def conv_decoder(
    outputs_shape: Shape,
    widths: tuple[int, ...],
    hidden: int,
    latent_dim: int,
    norm: str = "none",
    residual: bool = False,
) -> nn.Module:
    """The mirror image of `conv_encoder`: (N, d) -> (N, C, H, W) outputs of a likelihood."""
    bottom = _bottom(outputs_shape, widths)
    layers: list[nn.Module] = [Float32(nn.Linear(latent_dim, hidden)), nn.SiLU()]
    layers += [nn.Linear(hidden, math.prod(bottom)), nn.SiLU(), Unflatten(bottom)]
    rising = (*reversed(widths), outputs_shape[0])
    for number, (before, after) in enumerate(zip(rising, rising[1:], strict=False)):
        if residual:
            layers.append(ResidualBlock(before, norm))
        is_last = number == len(widths) - 1
        bias = is_last or _has_bias(norm)
        layers.append(nn.ConvTranspose2d(before, after, kernel_size=4, stride=2, padding=1, bias=bias))  # (.., 2H, 2W)
        if not is_last:
            layers += [*_norm(norm, after), nn.SiLU()]
    return nn.Sequential(*layers)


def mlp_encoder(image_shape: Shape, hidden: int, outputs: int) -> nn.Module:
    """Two hidden layers over the flattened image: (N, C, H, W) -> (N, outputs)."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(math.prod(image_shape), hidden),
        nn.SiLU(),
        nn.Linear(hidden, hidden),
        nn.SiLU(),
        Float32(nn.Linear(hidden, outputs)),
    )


def mlp_decoder(outputs_shape: Shape, hidden: int, latent_dim: int) -> nn.Module:
    """The mirror image of `mlp_encoder`: (N, d) -> (N, C, H, W) outputs of a likelihood."""
    return nn.Sequential(
        Float32(nn.Linear(latent_dim, hidden)),
        nn.SiLU(),
        nn.Linear(hidden, hidden),
        nn.SiLU(),
        nn.Linear(hidden, math.prod(outputs_shape)),
        Unflatten(outputs_shape),
    )


def build_encoder(config: ModelConfig, outputs: int) -> nn.Module:
    """The encoder that a resolved configuration names, (N, C, H, W) -> (N, outputs).

    Raises:
        ConfigError: An image size that cannot be halved often enough, or an open setting.
    """
    shape, hidden, _ = _settled(config)
    if config.net == "mlp":
        return mlp_encoder(shape, hidden, outputs)
    return conv_encoder(shape, config.widths or (), hidden, outputs, config.norm, config.net == "residual")


def build_decoder(config: ModelConfig, outputs_per_channel: int) -> nn.Module:
    """The decoder that a resolved configuration names, (N, d) -> (N, C * outputs_per_channel, H, W).

    Raises:
        ConfigError: An image size that cannot be halved often enough, or an open setting.
    """
    (channels, height, width), hidden, latent_dim = _settled(config)
    shape = (channels * outputs_per_channel, height, width)
    if config.net == "mlp":
        return mlp_decoder(shape, hidden, latent_dim)
    return conv_decoder(shape, config.widths or (), hidden, latent_dim, config.norm, config.net == "residual")


def _settled(config: ModelConfig) -> tuple[Shape, int, int]:
    """Image shape, hidden units and latent dimension, none of them open."""
    shape, hidden, latent_dim = config.image_shape, config.hidden, config.latent_dim
    if shape is None or hidden is None or latent_dim is None or config.net is None:
        raise ConfigError("image_shape, hidden, latent_dim and net must be set before a model is built.")
    return shape, hidden, latent_dim


def _norm(norm: str, channels: int) -> list[nn.Module]:
    return [BatchNorm(channels)] if norm == "batch" else []


def _has_bias(norm: str) -> bool:
    """Whether a layer that is normalised next has a bias: a mean that is taken away leaves it no gradient but noise."""
    return norm == "none"


def _bottom(image_shape: Shape, widths: tuple[int, ...]) -> Shape:
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
