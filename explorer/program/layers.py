"""The layers that a program expresses: one entry of a table each."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from explorer.models.hierarchical import MOST_LOG_DEVIATION, AncestralDecoder
from explorer.models.layers import Crop, Float32, Pad, ResidualBlock, Unflatten
from explorer.models.normalisation import EPSILON, BatchNorm
from explorer.program.steps import ProgramError, Shape, Steps, Value

Writer: TypeAlias = Callable[[Steps, Any, Value], Value]
"""Writes the steps of a layer that takes and gives one value."""


def written(steps: Steps, module: nn.Module, value: Value) -> Value:
    """Write the steps of a layer of `LAYERS`, or of such layers in a row, and say what they give.

    Raises:
        ProgramError: It is another module, or does what a program cannot express; the sentence names it.
    """
    if type(module) in LAYERS:
        return LAYERS[type(module)](steps, module, value)
    if type(module) is nn.Sequential:
        for layer in module:
            value = written(steps, layer, value)
        return value
    raise ProgramError(f"a program cannot express the layer {type(module).__module__}.{type(module).__qualname__}.")


def linear(steps: Steps, layer: nn.Linear, value: Value) -> Value:
    """(n,) -> (m,)."""
    if value.shape != (layer.in_features,):
        raise ProgramError(f"a program cannot express {layer} of a value of shape {value.shape}.")
    steps.multiplies += layer.in_features * layer.out_features
    weight, bias = steps.array(layer.weight, narrow=True), steps.array(layer.bias, narrow=True)
    return steps.add("linear", [value], (layer.out_features,), weight=weight, bias=bias)


def convolution(steps: Steps, layer: nn.Conv2d | nn.ConvTranspose2d, value: Value) -> Value:
    """A convolution or its transpose: (C, H, W) -> (C', H', W')."""
    channels, height, width = sides(value, layer)
    plain = layer.groups == 1 and layer.dilation == (1, 1) and layer.padding_mode == "zeros"
    if not plain or isinstance(layer.padding, str) or channels != layer.in_channels:
        raise ProgramError(
            f"a program cannot express {layer} of a value of shape {value.shape}; it knows groups=1, dilation=1 and "
            "a padding of zeros stated in pixels."
        )
    (down, right), (top, left), (tall, wide) = layer.stride, layer.padding, layer.kernel_size
    taps = layer.in_channels * layer.out_channels * tall * wide
    if isinstance(layer, nn.ConvTranspose2d):
        op, more = "transposed", layer.output_padding
        out = (height - 1) * down - 2 * top + tall + more[0], (width - 1) * right - 2 * left + wide + more[1]
        steps.multiplies += taps * height * width
    else:
        op, out = "convolution", ((height + 2 * top - tall) // down + 1, (width + 2 * left - wide) // right + 1)
        steps.multiplies += taps * math.prod(out)
    return steps.add(
        op,
        [value],
        (layer.out_channels, *out),
        stride=[down, right],
        padding=[top, left],
        weight=steps.array(layer.weight, narrow=True),
        bias=steps.array(layer.bias, narrow=True),
    )


@torch.no_grad()
def own_norm(steps: Steps, layer: BatchNorm, value: Value) -> Value:
    """Our batch normalisation as a scale and a shift of each channel, in the arithmetic of its own `forward`."""
    scale = layer.weight * (layer.running_variance + EPSILON).rsqrt()
    return affine(steps, value, scale, layer.bias - layer.running_mean * scale)


@torch.no_grad()
def batch_norm(steps: Steps, layer: nn.BatchNorm1d | nn.BatchNorm2d, value: Value) -> Value:
    """Torch's batch normalisation by its running statistics."""
    if layer.running_mean is None or layer.running_var is None:
        raise ProgramError(f"a program cannot express {layer}: without running statistics it depends on the batch.")
    scale = (layer.running_var + layer.eps).rsqrt()
    if layer.weight is None or layer.bias is None:
        return affine(steps, value, scale, -layer.running_mean * scale)
    scale = layer.weight * scale
    return affine(steps, value, scale, layer.bias - layer.running_mean * scale)


def affine(steps: Steps, value: Value, scale: Tensor, shift: Tensor) -> Value:
    """scale x + shift, each (C,), of every channel of a map or every number of a vector."""
    if scale.shape != value.shape[:1]:
        raise ProgramError(f"a program cannot express a scale of {len(scale)} channels of a value {value.shape}.")
    return steps.add("affine", [value], value.shape, scale=steps.array(scale), shift=steps.array(shift))


def reshaped(steps: Steps, value: Value, shape: Shape) -> Value:
    """The same numbers, read in the order (C, H, W), in another shape; one side may be -1, what is left."""
    if shape.count(-1) == 1:
        known = math.prod(side for side in shape if side != -1)
        shape = tuple(math.prod(value.shape) // known if side == -1 else side for side in shape)
    if math.prod(shape) != math.prod(value.shape) or len(shape) not in (1, 3):
        raise ProgramError(f"a program cannot turn a value of shape {value.shape} into {shape}.")
    return value if shape == value.shape else steps.add("reshape", [value], shape)


def flattened(steps: Steps, value: Value, start: int = 1, end: int = -1) -> Value:
    """(C, H, W) -> (C * H * W,)."""
    last = len(value.shape)
    if start not in (1, -last) or end not in (-1, last):
        raise ProgramError(f"a program flattens everything but the batch, not the dimensions {start} to {end}.")
    return reshaped(steps, value, (-1,))


def pad(steps: Steps, layer: Pad, value: Value) -> Value:
    """Repeats the outermost pixels."""
    left, right, top, bottom = layer.margins
    channels, height, width = sides(value, layer)
    return steps.add("repeat_edge", [value], (channels, height + top + bottom, width + left + right), start=[top, left])


def crop(steps: Steps, layer: Crop, value: Value) -> Value:
    """Takes the middle."""
    return steps.add("crop", [value], (sides(value, layer)[0], *layer.sides), start=list(layer.start))


def residual(steps: Steps, layer: ResidualBlock, value: Value) -> Value:
    """x + branch(x)."""
    return steps.add("add", [value, written(steps, layer.branch, value)], value.shape)


def pool(steps: Steps, layer: nn.AvgPool2d | nn.MaxPool2d, value: Value) -> Value:
    """The mean or the largest of each window."""
    size, stride = pair(layer.kernel_size), pair(layer.stride)
    unusual = layer.ceil_mode or pair(layer.padding) != (0, 0) or pair(getattr(layer, "dilation", 1)) != (1, 1)
    if unusual or getattr(layer, "divisor_override", None) is not None:
        raise ProgramError(f"a program cannot express {layer}; it pools without padding, dilation and ceil_mode.")
    channels, height, width = sides(value, layer)
    shape = channels, (height - size[0]) // stride[0] + 1, (width - size[1]) // stride[1] + 1
    op = "mean_pool" if isinstance(layer, nn.AvgPool2d) else "max_pool"
    return steps.add(op, [value], shape, size=list(size), stride=list(stride))


def upsample(steps: Steps, layer: nn.Upsample, value: Value) -> Value:
    """Every pixel as a rectangle of whole pixels."""
    if layer.mode != "nearest" or layer.scale_factor is None:
        raise ProgramError(f"a program cannot express {layer}; it upsamples with mode='nearest' and a scale_factor.")
    return enlarged(steps, value, layer.scale_factor)


def enlarged(steps: Steps, value: Value, factor: Any) -> Value:
    """Every pixel of a map as a rectangle of `factor` pixels, one number or (down, right)."""
    down, right = (float(each) for each in (factor if isinstance(factor, tuple | list) else (factor, factor)))
    if len(value.shape) != 3 or down % 1 or right % 1:
        raise ProgramError(f"a program cannot enlarge a value of shape {value.shape} by {factor}.")
    channels, height, width = value.shape
    shape = channels, height * int(down), width * int(right)
    return steps.add("enlarge", [value], shape, factor=[int(down), int(right)])


def ancestral(steps: Steps, layer: AncestralDecoder, value: Value) -> Value:
    """Coordinates e to z level by level, z_l = m_l + exp(c tanh(r_l / c)) e_l, and all of z to the outputs."""
    above, start = sliced(steps, value, 0, layer.sizes[0]), layer.sizes[0]
    for size, prior in zip(layer.sizes[1:], layer.priors, strict=True):
        both = written(steps, prior, above)
        raw = steps.each("times", sliced(steps, both, size, size), factor=1 / MOST_LOG_DEVIATION)
        deviation = steps.each("exp", steps.each("times", steps.each("tanh", raw), factor=MOST_LOG_DEVIATION))
        scaled = steps.add("multiply", [deviation, sliced(steps, value, start, size)], (size,))
        level = steps.add("add", [sliced(steps, both, 0, size), scaled], (size,))
        above, start = joined(steps, [above, level]), start + size
    return written(steps, layer.image, above)


def sliced(steps: Steps, value: Value, start: int, size: int) -> Value:
    """Channels or numbers `start` to `start + size` of a value."""
    if (start, size) == (0, value.shape[0]):
        return value
    return steps.add("slice", [value], (size, *value.shape[1:]), start=start)


def joined(steps: Steps, values: Sequence[Value]) -> Value:
    """Vectors end to end, or maps of one size channel after channel."""
    if len({value.shape[1:] for value in values}) != 1:
        raise ProgramError(f"a program cannot join values of shapes {[value.shape for value in values]}.")
    return steps.add("join", values, (sum(value.shape[0] for value in values), *values[0].shape[1:]))


def sides(value: Value, layer: nn.Module) -> tuple[int, int, int]:
    """(C, H, W) of a map."""
    if len(value.shape) != 3:
        raise ProgramError(f"a program cannot express {layer} of a value of shape {value.shape}; it needs a map.")
    channels, height, width = value.shape
    return channels, height, width


def pair(size: Any) -> tuple[int, int]:
    """(down, right) of what torch lets one number stand for."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _each(op: str, **details: str) -> Writer:
    """A layer that treats every number alike; details are the names of its attributes."""

    def write(steps: Steps, layer: Any, value: Value) -> Value:
        return steps.each(op, value, **{name: float(getattr(layer, field)) for name, field in details.items()})

    return write


def _nothing(steps: Steps, layer: nn.Module, value: Value) -> Value:  # noqa: ARG001 - a writer takes all three
    return value


LAYERS: Mapping[type[nn.Module], Writer] = {
    nn.Linear: linear,
    nn.Conv2d: convolution,
    nn.ConvTranspose2d: convolution,
    BatchNorm: own_norm,
    nn.BatchNorm1d: batch_norm,
    nn.BatchNorm2d: batch_norm,
    nn.ReLU: _each("relu"),
    nn.SiLU: _each("silu"),
    nn.Sigmoid: _each("sigmoid"),
    nn.Tanh: _each("tanh"),
    nn.LeakyReLU: _each("leaky_relu", slope="negative_slope"),
    nn.ELU: _each("elu", alpha="alpha"),
    nn.GELU: lambda steps, layer, value: steps.each("gelu" if layer.approximate == "none" else "gelu_tanh", value),
    nn.Hardtanh: _each("clamp", low="min_val", high="max_val"),
    nn.Identity: _nothing,
    nn.Dropout: _nothing,
    nn.Dropout2d: _nothing,
    nn.Flatten: lambda steps, layer, value: flattened(steps, value, layer.start_dim, layer.end_dim),
    nn.Unflatten: lambda steps, layer, value: reshaped(steps, value, tuple(layer.unflattened_size)),
    nn.AvgPool2d: pool,
    nn.MaxPool2d: pool,
    nn.Upsample: upsample,
    nn.UpsamplingNearest2d: upsample,
    Unflatten: lambda steps, layer, value: reshaped(steps, value, tuple(layer.shape)),
    Pad: pad,
    Crop: crop,
    Float32: lambda steps, layer, value: written(steps, layer.module, value),
    ResidualBlock: residual,
    AncestralDecoder: ancestral,
}
"""The layers that a program expresses, and what writes each."""
