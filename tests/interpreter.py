"""What a program means, in numpy: the reference that torch and the browser are held to. Slow and plain."""

import json
import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.floating]


def read_program(program: bytes) -> tuple[dict[str, Any], bytes]:
    """The head of a program, and its weights."""
    assert program[:4] == b"LSXP", "no program"
    size = int.from_bytes(program[4:8], "little")
    assert (8 + size) % 64 == 0, "the weights are not aligned"
    return json.loads(program[8 : 8 + size]), program[8 + size :]


def array_of(weights: bytes, told: dict[str, Any]) -> Array:
    """A stored array, as float32."""
    assert told["at"] % 64 == 0, "an array is not aligned"
    count = math.prod(told["shape"])
    if told["type"] == "f2":  # upper bytes, then lower ones
        halves = np.frombuffer(weights, "u1", 2 * count, told["at"]).reshape(2, count)[::-1]
        return np.ascontiguousarray(halves.T).view("<f2").reshape(told["shape"]).astype(np.float32)
    return np.frombuffer(weights, "<" + told["type"], count, told["at"]).reshape(told["shape"]).astype(np.float32)


def run_program(program: bytes, inputs: Array) -> dict[str, Array]:
    """The outputs of a program by name, for a batch of inputs (N, ...)."""
    head, weights = read_program(program)
    values = [np.asarray(inputs, dtype=np.float32).reshape(len(inputs), *head["input"])]
    for step in head["steps"]:
        given = {name: array_of(weights, part) for name, part in step.items() if isinstance(part, dict)}
        said = {name: part for name, part in step.items() if not isinstance(part, dict)}
        value = STEPS[step["op"]](*[values[k] for k in step["in"]], **{**said, **given})
        assert value.shape[1:] == tuple(step["shape"]), f"{step['op']} gives {value.shape[1:]}, not {step['shape']}"
        values.append(value.astype(np.float32))
    return {name: values[k] for name, k in head["outputs"].items()}


def _linear(x, weight, bias=0.0, **_):
    return x @ weight.T + bias


def _convolution(x, weight, stride, padding, bias=None, **_):
    (down, right), (top, left) = stride, padding
    wide = np.pad(x, ((0, 0), (0, 0), (top, top), (left, left)))
    windows = sliding_window_view(wide, weight.shape[2:], axis=(2, 3))[:, :, ::down, ::right]  # (N, C, H, W, y, x)
    summed = np.tensordot(windows, weight, ((1, 4, 5), (1, 2, 3)))  # (N, H, W, O)
    return np.moveaxis(summed, 3, 1) + _channels(0.0 if bias is None else bias)


def _transposed(x, weight, stride, padding, shape, bias=None, **_):
    (down, right), (top, left), (tall, wide) = stride, padding, weight.shape[2:]
    full = np.zeros((len(x), shape[0], x.shape[2] * down + tall + shape[1], x.shape[3] * right + wide + shape[2]))
    for y in range(tall):
        for z in range(wide):
            part = np.moveaxis(np.tensordot(x, weight[:, :, y, z], (1, 0)), 3, 1)
            full[:, :, y : y + x.shape[2] * down : down, z : z + x.shape[3] * right : right] += part
    return full[:, :, top : top + shape[1], left : left + shape[2]] + _channels(0.0 if bias is None else bias)


def _channels(per_channel):
    return np.asarray(per_channel).reshape(-1, 1, 1)


def _affine(x, scale, shift, **_):
    sides = (-1,) + (1,) * (x.ndim - 2)
    return x * scale.reshape(sides) + shift.reshape(sides)


def _repeat_edge(x, shape, start, **_):
    more = [(at, side - at - before) for at, side, before in zip(start, shape[1:], x.shape[2:], strict=True)]
    return np.pad(x, ((0, 0), (0, 0), *more), mode="edge")


def _windows(x, size, stride):
    return sliding_window_view(x, size, axis=(2, 3))[:, :, :: stride[0], :: stride[1]]


def _expected_level(x, levels, **_):
    logits = x.reshape(len(x), -1, levels, *x.shape[2:]).astype(np.float64)
    odds = np.exp(logits - logits.max(2, keepdims=True))
    return np.einsum("nclhw,l->nchw", odds / odds.sum(2, keepdims=True), np.linspace(0, 1, levels))


def _sigmoid(x, **_):
    return 1 / (1 + np.exp(-np.clip(x.astype(np.float64), -700, 700)))


STEPS = {
    "linear": _linear,
    "convolution": _convolution,
    "transposed": _transposed,
    "affine": _affine,
    "relu": lambda x, **_: np.maximum(x, 0),
    "silu": lambda x, **_: x * _sigmoid(x),
    "sigmoid": _sigmoid,
    "tanh": lambda x, **_: np.tanh(x),
    "exp": lambda x, **_: np.exp(x),
    "leaky_relu": lambda x, slope, **_: np.where(x > 0, x, slope * x),
    "elu": lambda x, alpha, **_: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "gelu": lambda x, **_: 0.5 * x * (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2))),
    "gelu_tanh": lambda x, **_: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "clamp": lambda x, low, high, **_: np.clip(x, low, high),
    "times": lambda x, factor, **_: x * np.float32(factor),
    "plus": lambda x, summand, **_: x + np.float32(summand),
    "add": lambda x, y, **_: x + y,
    "multiply": lambda x, y, **_: x * y,
    "slice": lambda x, start, shape, **_: x[:, start : start + shape[0]],
    "join": lambda *x, **_: np.concatenate(x, axis=1),
    "reshape": lambda x, shape, **_: x.reshape(len(x), *shape),
    "repeat_edge": _repeat_edge,
    "crop": lambda x, shape, start, **_: x[:, :, start[0] :, start[1] :][:, :, : shape[1], : shape[2]],
    "mean_pool": lambda x, size, stride, **_: _windows(x, size, stride).mean((-2, -1)),
    "max_pool": lambda x, size, stride, **_: _windows(x, size, stride).max((-2, -1)),
    "enlarge": lambda x, factor, **_: x.repeat(factor[0], axis=2).repeat(factor[1], axis=3),
    "expected_level": _expected_level,
}
"""What each step does to batches of values, (N, n) or (N, C, H, W)."""
