"""Running a program in torch: a model that came without its code, from a file that may be anybody's.

What a step does is stated by `steps` and by the browser's own interpreter; here it is one entry of `RUN`. A program is
gone through once without memory for its values, so that no stated shape is believed, and its own test is run.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from explorer.files import trouble_with
from explorer.program.steps import ALIGNMENT, FORMAT, MAGIC, PARTS, Part, ProgramError

MOST_STEPS = 5_000
"""Steps of a program."""

MOST_VALUES = 64_000_000
"""Numbers that a step may give for one input: of 1024x1024 images 64 channels."""

MOST_MULTIPLIES = 1e12
"""Multiply-adds of one pass: minutes on a processor."""

MOST_HEAD = 16_000_000
"""Bytes of the head."""

PASSES = 2e-3
"""Largest difference to the stored test, of the largest number in it: sums are added up in another order."""

TYPES = {"f2": np.dtype("<f2"), "f4": np.dtype("<f4")}
"""Types of numbers in a program, by their names."""


class RunningProgram:
    """A program that was checked, ready to be run.

    Args:
        file: As `Steps.file` writes it.
        part: What it must be, the decoder or the encoder.

    Attributes:
        latent_dim: d.
        image_shape: (C, H, W).
        levels: Grey levels of the data that its model was fitted on.
        widest: Numbers of the largest value of a step, for one input.

    Raises:
        ProgramError: It is damaged, of another format, or does what no program does; the text ends a sentence.
    """

    def __init__(self, file: bytes, part: Part) -> None:
        head, self._weights = _opened(file)
        try:
            if head["part"] != part or head["part"] not in PARTS:
                raise ProgramError(f"it is the program of {str(head['part'])[:20]!r}, where the {part} is wanted")
            self.latent_dim = _count(head["latent_dim"])
            channels, height, width = map(_count, head["image_shape"])
            self.image_shape = (channels, height, width)
            self.levels = _count(head["levels"])
            self._input = tuple(map(_count, head["input"]))
            self._steps = [self._read(step) for step in head["steps"]]
            self._outputs = {str(name): int(number) for name, number in head["outputs"].items()}
            self._check(head, part)
        except ProgramError:
            raise
        except (KeyError, TypeError, ValueError, IndexError, RuntimeError, AttributeError) as error:
            reason = " ".join(str(error).split())[:160]
            raise ProgramError(f"its steps do not fit together ({type(error).__name__}: {reason})") from None

    def __call__(self, inputs: Tensor) -> dict[str, Tensor]:
        """The outputs by name for a batch of inputs (N, ...)."""
        values: list[Tensor | None] = [inputs]
        last = {number: k for k, (_, taken, _, _) in enumerate(self._steps) for number in taken}
        kept = set(self._outputs.values())
        for k, (run, taken, shape, details) in enumerate(self._steps):
            given = [values[number] for number in taken]
            values.append(run(*given, shape=shape, **details))
            for number in set(taken):
                if last[number] == k and number not in kept:
                    values[number] = None  # nobody needs it any longer
        found = {name: values[number] for name, number in self._outputs.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _read(self, step: Any) -> tuple[Callable[..., Tensor], list[int], tuple[int, ...], dict[str, Any]]:
        """A step as what runs it, the numbers of the values that it takes, its shape, and its details."""
        if step["op"] not in RUN:
            raise ProgramError(f"it has a step {str(step['op'])[:40]!r}, which is not known")
        details: dict[str, Any] = {}
        for name, detail in step.items():
            if name in ("op", "in", "shape"):
                continue
            details[name] = self._array(detail) if isinstance(detail, dict) else _numbers(detail)
        return RUN[step["op"]], [int(number) for number in step["in"]], tuple(map(_count, step["shape"])), details

    def _array(self, told: Mapping[str, Any]) -> Tensor:
        """A stored array, float32."""
        kind, at, shape = TYPES[told["type"]], int(told["at"]), tuple(map(_count, told["shape"]))
        count = math.prod(shape)
        if at < 0 or at % ALIGNMENT or at + count * kind.itemsize > len(self._weights):
            raise ProgramError("an array lies outside its file")
        if told["type"] == "f2":  # upper bytes, then lower ones
            halves = np.frombuffer(self._weights, np.uint8, 2 * count, at).reshape(2, count)[::-1]
            numbers = np.ascontiguousarray(halves.T).view(kind).reshape(shape)
        else:
            numbers = np.frombuffer(self._weights, kind, count, at).reshape(shape)
        array = numbers.astype(np.float32)
        if not np.isfinite(array).all():
            raise ProgramError("it holds numbers that are not finite")
        return torch.from_numpy(array)

    def _check(self, head: Mapping[str, Any], part: Part) -> None:
        """Go through the steps without their values, then run the stored test."""
        wanted = {"decoder": (self.latent_dim,), "encoder": self.image_shape}[part]
        if self._input != wanted or len(self._steps) > MOST_STEPS or self.levels > 256:
            raise ProgramError(f"it takes {self._input}, where {wanted} is wanted, or is too long")
        names = {"decoder": {"pixels"}, "encoder": {"mean", "log_variance"}}[part]
        if not self._outputs.keys() <= names or not ({"pixels", "mean"} & self._outputs.keys()):
            raise ProgramError(f"it gives {', '.join(self._outputs)[:80]}, where {' and '.join(names)} are wanted")
        shapes, work = [self._input], 0.0
        for run, taken, shape, details in self._steps:
            if not all(0 <= number < len(shapes) for number in taken):
                raise ProgramError("a step takes what is not there yet")
            given = [torch.empty((2, *shapes[number]), device="meta") for number in taken]
            unfilled = {key: each.to("meta") if isinstance(each, Tensor) else each for key, each in details.items()}
            if math.prod(shape) > MOST_VALUES:
                raise ProgramError(f"a step gives {shape}, more than {MOST_VALUES:,} numbers")
            found = tuple(run(*given, shape=shape, **unfilled).shape)
            if found != (2, *shape):
                raise ProgramError(f"a step gives {found[1:]}, and says {shape}")
            work += _work(details, shapes[taken[0]], shape)
            shapes.append(shape)
        self.widest = max(map(math.prod, shapes))
        if work > MOST_MULTIPLIES:
            raise ProgramError(f"it needs {work:.1e} multiplications, more than {MOST_MULTIPLIES:.0e}")
        for name, number in self._outputs.items():
            size = self.image_shape if name == "pixels" else (self.latent_dim,)
            if shapes[number] != size:
                raise ProgramError(f"it gives {name} of shape {shapes[number]}, where {size} is wanted")
        tests = {name: self._array(told) for name, told in head["test"].items()}
        with torch.inference_mode():
            answers = self(tests["input"][None])
        for name, answer in answers.items():
            slack = PASSES * max(1.0, float(tests[name].abs().max()))
            if not float((answer[0] - tests[name]).abs().max()) <= slack:
                raise ProgramError(f"it does not pass its own test of {name}")


def _opened(file: bytes) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """The head of a program, and the bytes of its weights."""
    size = int.from_bytes(file[4:8], "little")
    if file[:4] != MAGIC or len(file) < 8 + size or size > MOST_HEAD or (8 + size) % ALIGNMENT:
        raise ProgramError("it is no program, or cut short")
    try:
        head = json.loads(file[8 : 8 + size].decode())
    except (ValueError, RecursionError):
        raise ProgramError("its head is no JSON") from None
    wrong = trouble_with(head)
    if wrong is not None or not isinstance(head, dict):
        raise ProgramError(f"its head {wrong or 'is no object'}")
    if head.get("format") != FORMAT:
        raise ProgramError(f"it has format {str(head.get('format'))[:20]}, and this program runs {FORMAT}")
    return head, np.frombuffer(file, np.uint8, offset=8 + size)


def _count(number: Any) -> int:
    if type(number) is not int or not 1 <= number <= MOST_VALUES:
        raise ProgramError(f"it holds {str(number)[:40]!r} for a length")
    return number


def _numbers(detail: Any) -> Any:
    """A number, or a list of whole numbers."""
    if isinstance(detail, list):
        if not all(type(each) is int and 0 <= each <= MOST_VALUES for each in detail) or len(detail) > 4:
            raise ProgramError(f"it holds {str(detail)[:40]} for lengths")
        return detail
    if isinstance(detail, bool) or not isinstance(detail, int | float) or not math.isfinite(detail):
        raise ProgramError(f"it holds {str(detail)[:40]!r} for a number")
    return detail


def _work(details: Mapping[str, Any], taken: Sequence[int], given: Sequence[int]) -> float:
    """Multiply-adds of a step, at most."""
    weight = details.get("weight")
    if not isinstance(weight, Tensor):
        return 0.0
    return float(weight.numel()) * max(math.prod(taken[1:]), math.prod(given[1:]))


# --- what each step does ----------------------------------------------------------------------------------------------


def _linear(x: Tensor, *, weight: Tensor, bias: Tensor | None = None, **_: Any) -> Tensor:
    return F.linear(x, weight, bias)


def _convolution(
    x: Tensor, *, weight: Tensor, stride: Any, padding: Any, bias: Tensor | None = None, **_: Any
) -> Tensor:
    return F.conv2d(x, weight, bias, stride, padding)


def _transposed(
    x: Tensor, *, weight: Tensor, stride: Any, padding: Any, shape: Any, bias: Tensor | None = None, **_: Any
) -> Tensor:
    more = [
        out - ((side - 1) * step - 2 * pad + size)
        for out, side, step, pad, size in zip(shape[1:], x.shape[2:], stride, padding, weight.shape[2:], strict=True)
    ]
    return F.conv_transpose2d(x, weight, bias, stride, padding, more)


def _affine(x: Tensor, *, scale: Tensor, shift: Tensor, **_: Any) -> Tensor:
    sides = (-1, *[1] * (x.ndim - 2))
    return x * scale.reshape(sides) + shift.reshape(sides)


def _repeat_edge(x: Tensor, *, shape: Any, start: Any, **_: Any) -> Tensor:
    (top, left), (height, width) = start, shape[1:]
    return F.pad(x, (left, width - x.shape[3] - left, top, height - x.shape[2] - top), mode="replicate")


def _crop(x: Tensor, *, shape: Any, start: Any, **_: Any) -> Tensor:
    return x[:, :, start[0] : start[0] + shape[1], start[1] : start[1] + shape[2]]


def _expected_level(x: Tensor, *, levels: int, **_: Any) -> Tensor:
    odds = x.reshape(len(x), -1, levels, *x.shape[2:]).softmax(2)
    worth = torch.linspace(0, 1, levels, device=x.device).reshape(-1, 1, 1)
    return (odds * worth).sum(2)


def _each(function: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda x, **_: function(x)


RUN: Mapping[str, Callable[..., Tensor]] = {
    "linear": _linear,
    "convolution": _convolution,
    "transposed": _transposed,
    "affine": _affine,
    "relu": _each(torch.relu),
    "silu": _each(F.silu),
    "sigmoid": _each(torch.sigmoid),
    "tanh": _each(torch.tanh),
    "exp": _each(torch.exp),
    "leaky_relu": lambda x, *, slope, **_: F.leaky_relu(x, slope),
    "elu": lambda x, *, alpha, **_: F.elu(x, alpha),
    "gelu": _each(F.gelu),
    "gelu_tanh": _each(lambda x: F.gelu(x, approximate="tanh")),
    "clamp": lambda x, *, low, high, **_: x.clamp(low, high),
    "times": lambda x, *, factor, **_: x * factor,
    "plus": lambda x, *, summand, **_: x + summand,
    "add": lambda x, y, **_: x + y,
    "multiply": lambda x, y, **_: x * y,
    "slice": lambda x, *, start, shape, **_: x[:, start : start + shape[0]],
    "join": lambda *parts, **_: torch.cat(parts, 1),
    "reshape": lambda x, *, shape, **_: x.reshape(len(x), *shape),
    "repeat_edge": _repeat_edge,
    "crop": _crop,
    "mean_pool": lambda x, *, size, stride, **_: F.avg_pool2d(x, size, stride),
    "max_pool": lambda x, *, size, stride, **_: F.max_pool2d(x, size, stride),
    "enlarge": lambda x, *, factor, **_: x.repeat_interleave(factor[0], 2).repeat_interleave(factor[1], 3),
    "expected_level": _expected_level,
}
"""What each step does to batches of values, (N, n) or (N, C, H, W)."""
