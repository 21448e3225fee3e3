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


class Pad(nn.Module):
    """Repeats the outermost pixels on all sides: (N, C, h, w) -> (N, C, H, W), the images in the middle.

    So that a side that cannot be halved often enough becomes one that can. Repeated pixels, not zeros: a frame of black
    would be an edge that the images do not have.

    Args:
        sides: (h, w), of the images.
        padded: (H, W), at least as large.
    """

    def __init__(self, sides: tuple[int, int], padded: tuple[int, int]) -> None:
        super().__init__()
        (height, width), (top, left) = padded, _margins(sides, padded)
        self.margins = (left, width - sides[1] - left, top, height - sides[0] - top)

    def forward(self, inputs: Tensor) -> Tensor:
        return nn.functional.pad(inputs, self.margins, mode="replicate")


class Crop(nn.Module):
    """Takes away what `Pad` adds: (N, C, H, W) -> (N, C, h, w), the middle."""

    def __init__(self, sides: tuple[int, int], padded: tuple[int, int]) -> None:
        super().__init__()
        self.sides, self.start = sides, _margins(sides, padded)

    def forward(self, inputs: Tensor) -> Tensor:
        (height, width), (top, left) = self.sides, self.start
        return inputs[..., top : top + height, left : left + width]


def _margins(sides: tuple[int, int], padded: tuple[int, int]) -> tuple[int, int]:
    """Pixels above and left of the images among those that are added."""
    return (padded[0] - sides[0]) // 2, (padded[1] - sides[1]) // 2


class ResidualBlock(nn.Module):
    """x + branch(x), with branch = (norm, activation, 3x3 convolution) twice: (N, C, H, W) -> (N, C, H, W).

    He, Zhang, Ren & Sun 2016, "Identity mappings in deep residual networks", https://arxiv.org/abs/1603.05027

    Args:
        channels: C.
        config: Says which norm and which activation.
    """

    def __init__(self, channels: int, config: ModelConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for bias in (_has_bias(config), True):
            layers += [*_norm(config, channels), activation(config)]
            layers.append(nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=bias))
        self.branch = nn.Sequential(*layers)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.branch(inputs)


def conv_encoder(config: ModelConfig, outputs: int) -> nn.Module:
    """Convolutions that halve the image, then linear layers: (N, C, H, W) -> (N, outputs).

    Batch normalisation, if any, follows every convolution; a residual block, if any, follows every halving. Images
    whose sides are no multiples of 2 for every halving are padded first.

    Args:
        config: Widths are the channels after each halving; hidden units, if any, stand between the convolutions and
            the outputs.
        outputs: d for points, 2 d for mean and log-variance.
    """
    shape, hidden, _ = _settled(config)
    widths = config.widths or ()
    sides, padded = shape[1:], _padded(shape, widths)
    size = math.prod(_bottom(shape, widths))
    layers: list[nn.Module] = [Pad(sides, padded)] if padded != sides else []  # a number in each weight's name
    for before, after in zip((shape[0], *widths), widths, strict=False):
        bias = _has_bias(config)
        layers.append(nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1, bias=bias))  # (N, after, H/2, W/2)
        layers += [*_norm(config, after), activation(config)]
        if config.net == "residual":
            layers.append(ResidualBlock(after, config))
    layers.append(nn.Flatten())
    if hidden:
        layers += [nn.Linear(size, hidden), activation(config)]
    return nn.Sequential(*layers, Float32(nn.Linear(hidden or size, outputs)))


def conv_decoder(config: ModelConfig, channels: int) -> nn.Module:
    """The mirror image of `conv_encoder`: (N, d) -> (N, channels, H, W), the outputs of a likelihood."""
    (_, height, width), hidden, latent_dim = _settled(config)
    widths = config.widths or ()
    bottom = _bottom((channels, height, width), widths)
    size = math.prod(bottom)
    layers: list[nn.Module] = [Float32(nn.Linear(latent_dim, hidden or size)), activation(config)]
    if hidden:
        layers += [nn.Linear(hidden, size), activation(config)]
    layers.append(Unflatten(bottom))
    rising = (*reversed(widths), channels)
    for number, (before, after) in enumerate(zip(rising, rising[1:], strict=False)):
        if config.net == "residual":
            layers.append(ResidualBlock(before, config))
        is_last = number == len(widths) - 1
        bias = is_last or _has_bias(config)
        layers.append(nn.ConvTranspose2d(before, after, kernel_size=4, stride=2, padding=1, bias=bias))  # (.., 2H, 2W)
        if not is_last:
            layers += [*_norm(config, after), activation(config)]
    padded = _padded((channels, height, width), widths)
    if padded != (height, width):
        layers.append(Crop((height, width), padded))
    return nn.Sequential(*layers)


@torch.no_grad()
def even_out(net: nn.Module) -> None:
    """Take from the kernels of a net's transposed convolutions, in place, what paints a grid on a flat map.

    A kernel of side 4 and stride 2 gives even and odd places of its output the sums of different weights. The nearest
    one that is a doubling of the map and a 3x3 convolution after it answers a flat map with a flat one, but for the
    borders (Odena, Dumoulin & Olah 2016, https://distill.pub/2016/deconv-checkerboard): the kernel less its projection
    onto (1, -1, 1, -1) along each side.
    """
    for module in net.modules():
        if isinstance(module, nn.ConvTranspose2d):
            kernel = module.weight  # (in, out, 4, 4)
            turns = 1 - 2.0 * (torch.arange(kernel.shape[-1], device=kernel.device) % 2)
            for side, along in ((-1, turns), (-2, turns[:, None])):
                kernel -= (kernel * along).mean(dim=side, keepdim=True) * along


def mlp_encoder(config: ModelConfig, outputs: int) -> nn.Module:
    """Two hidden layers over the flattened image: (N, C, H, W) -> (N, outputs)."""
    shape, hidden, _ = _settled(config)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(math.prod(shape), hidden),
        activation(config),
        nn.Linear(hidden, hidden),
        activation(config),
        Float32(nn.Linear(hidden, outputs)),
    )


def mlp_decoder(config: ModelConfig, channels: int) -> nn.Module:
    """The mirror image of `mlp_encoder`: (N, d) -> (N, channels, H, W), the outputs of a likelihood."""
    (_, height, width), hidden, latent_dim = _settled(config)
    shape = (channels, height, width)
    return nn.Sequential(
        Float32(nn.Linear(latent_dim, hidden)),
        activation(config),
        nn.Linear(hidden, hidden),
        activation(config),
        nn.Linear(hidden, math.prod(shape)),
        Unflatten(shape),
    )


def build_encoder(config: ModelConfig, outputs: int) -> nn.Module:
    """The encoder that a resolved configuration names, (N, C, H, W) -> (N, outputs).

    Raises:
        ConfigError: An image too small to be halved so often, or an open setting.
    """
    return mlp_encoder(config, outputs) if config.net == "mlp" else conv_encoder(config, outputs)


def build_decoder(config: ModelConfig, outputs_per_channel: int) -> nn.Module:
    """The decoder that a resolved configuration names, (N, d) -> (N, C * outputs_per_channel, H, W).

    Raises:
        ConfigError: An image too small to be halved so often, or an open setting.
    """
    channels = _settled(config)[0][0] * outputs_per_channel
    return mlp_decoder(config, channels) if config.net == "mlp" else conv_decoder(config, channels)


def _settled(config: ModelConfig) -> tuple[Shape, int, int]:
    """Image shape, hidden units and latent dimension, none of them open."""
    shape, hidden, latent_dim = config.image_shape, config.hidden, config.latent_dim
    if shape is None or hidden is None or latent_dim is None or config.net is None:
        raise ConfigError("image_shape, hidden, latent_dim and net must be set before a model is built.")
    return shape, hidden, latent_dim


def activation(config: ModelConfig) -> nn.Module:
    """The non-linearity between layers."""
    return nn.ReLU() if config.activation == "relu" else nn.SiLU()


def _norm(config: ModelConfig, channels: int) -> list[nn.Module]:
    return [BatchNorm(channels)] if config.norm == "batch" else []


def _has_bias(config: ModelConfig) -> bool:
    """Whether a layer that is normalised next has a bias: a mean that is taken away leaves it no gradient but noise."""
    return config.norm != "batch"


def _padded(image_shape: Shape, widths: tuple[int, ...]) -> tuple[int, int]:
    """(H, W) of the images with each side a multiple of 2 for every halving: what it is, or the next one."""
    if not widths:
        raise ConfigError("a convolutional net needs widths, for example --widths 32 64.")
    scale = 2 ** len(widths)
    _, height, width = image_shape
    if scale > min(height, width):
        raise ConfigError(
            f"{len(widths)} widths halve an image {len(widths)} times, so its sides must be at least {scale}, "
            f"but are {height}x{width}; use fewer --widths or --net mlp."
        )
    return -(-height // scale) * scale, -(-width // scale) * scale


def _bottom(image_shape: Shape, widths: tuple[int, ...]) -> Shape:
    """(C, H, W) below the last halving."""
    height, width = _padded(image_shape, widths)
    return widths[-1], height >> len(widths), width >> len(widths)
