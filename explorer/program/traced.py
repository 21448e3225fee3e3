"""Torch modules of one's own as programs: traced through torch.fx, known layers and functions written one by one."""

import operator
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.fx.node import map_arg

from explorer.arrays import Coder
from explorer.program.layers import LAYERS, enlarged, flattened, joined, reshaped, sliced, written
from explorer.program.models import test_latent
from explorer.program.steps import ProgramError, Steps, Value


def traced_decoder(module: nn.Module, coder: Coder) -> bytes:
    """The program of a decoder that is a torch module, latents (N, d) to images (N, C, H, W) or (N, C * H * W).

    Args:
        module: Of layers that `LAYERS` knows, put together by its own `forward`.
        coder: The same model as it is explored; its decode of one latent is the program's self-test.

    Raises:
        ProgramError: It does something that a program cannot express; the sentence names it.
    """
    steps = Steps((coder.latent_dim,))
    given = Tracing(steps, module).run([steps.input])
    if not isinstance(given, Value):
        raise ProgramError(f"{name_of(module)} gives no single value, which a decoder must.")
    latent = test_latent(coder.latent_dim)
    test = {"input": latent, "pixels": np.asarray(coder.decode(latent[None])[0])}
    pixels = reshaped(steps, given, tuple(coder.image_shape))
    return steps.file({"pixels": pixels}, test, part="decoder", **_facts(coder))


def traced_encoder(module: nn.Module, coder: Coder) -> bytes:
    """The program of an encoder that is a torch module, images (N, C, H, W) to codes.

    Args:
        module: Gives codes (N, d), or a pair of posterior means and log-variances, (N, d) each.
        coder: The same model as it is explored; what it encodes a decode to is the program's self-test.

    Raises:
        ProgramError: It does something that a program cannot express; the sentence names it.
    """
    steps = Steps(tuple(coder.image_shape))
    given = Tracing(steps, module).run([steps.input])
    values = [given] if isinstance(given, Value) else list(given) if isinstance(given, tuple | list) else []
    wanted = (coder.latent_dim,)
    if not 1 <= len(values) <= 2 or any(not isinstance(each, Value) or each.shape != wanted for each in values):
        raise ProgramError(
            f"an encoder gives codes (N, {coder.latent_dim}), or means and log-variances, but "
            f"{name_of(module)} does not."
        )
    image = np.clip(coder.decode(test_latent(coder.latent_dim)[None]), 0, 1)
    posterior = coder.encode(image)
    test = {"input": image[0], "mean": posterior.mean[0]}
    outputs = {"mean": values[0]}
    if posterior.log_variance is not None and len(values) == 2:
        outputs["log_variance"], test["log_variance"] = values[1], posterior.log_variance[0]
    return steps.file(outputs, test, part="encoder", **_facts(coder))


def _facts(coder: Coder) -> dict[str, Any]:
    return {"latent_dim": coder.latent_dim, "image_shape": list(coder.image_shape), "levels": coder.levels}


class KnownLayers(fx.Tracer):
    """Traces through modules down to the layers that a program expresses, and to torch's own that it does not.

    While it traces, torch.fx catches every call of a module in the whole process; those of other threads, in which a
    server answers, are let through here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.get_ident()

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """What a call of a module gives: of another thread its numbers."""
        if threading.get_ident() != self.thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """What an attribute of a module gives: in another thread its value."""
        if threading.get_ident() != self.thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module is written as one layer."""
        return type(m) in LAYERS or super().is_leaf_module(m, module_qualified_name)

    def create_arg(self, a: Any) -> Any:
        """What a graph may hold of an argument: a whole number of numpy, as `np.prod` of a shape is, as a plain one."""
        return super().create_arg(int(a) if isinstance(a, np.integer) else a)


BATCH = -1
"""Stands for the number of images wherever a module asks for it."""


def name_of(module: nn.Module) -> str:
    """What a module is called in a sentence: its class, or what it says of itself."""
    title = getattr(module, "title", None)
    return title if isinstance(title, str) else type(module).__qualname__


class Tracing:
    """A module's own `forward` on values of a program instead of tensors.

    Args:
        steps: Where they are written.
        module: It is traced in evaluation mode, and left in the mode that it is in.

    Raises:
        ProgramError: Its `forward` depends on the numbers themselves, so that it cannot be traced.
    """

    def __init__(self, steps: Steps, module: nn.Module) -> None:
        self.steps, self.module, self.name = steps, module, name_of(module)
        was_training = module.training
        module.eval()
        try:
            self.graph = fx.Graph() if type(module) in LAYERS else KnownLayers().trace(module)
        except Exception as error:  # noqa: BLE001 - the module's own code raises what it likes
            reason = " ".join(str(error).split())[:160]
            raise ProgramError(f"a program cannot express {self.name}: torch.fx cannot trace it ({reason}).") from None
        finally:
            module.train(was_training)

    def run(self, inputs: Sequence[Value]) -> Any:
        """What the module gives for these values."""
        if type(self.module) in LAYERS:
            return written(self.steps, self.module, inputs[0])
        known: dict[fx.Node, Any] = {}
        waiting = list(inputs)
        for node in self.graph.nodes:
            args, named = (map_arg(part, known.__getitem__) for part in (node.args, node.kwargs))
            if node.op == "placeholder":
                if not waiting:
                    raise ProgramError(f"a program cannot express {self.name}: its forward takes more than one input.")
                known[node] = waiting.pop()
            elif node.op == "output":
                return args[0]
            elif node.op == "call_module":
                known[node] = self._layer(str(node.target), args, named)
            elif node.op == "get_attr":
                known[node] = self._attribute(str(node.target))
            else:
                known[node] = self._called(node, args, named)
        raise ProgramError(f"{self.name} gives nothing.")

    def _layer(self, place: str, args: Sequence[Any], named: Mapping[str, Any]) -> Value:
        layer = self.module.get_submodule(place)
        if len(args) != 1 or named or not isinstance(args[0], Value):
            raise ProgramError(f"a program cannot express the layer {place} of {self.name} with several inputs.")
        try:
            return written(self.steps, layer, args[0])
        except ProgramError as error:
            raise ProgramError(f"{str(error).rstrip('.')} (the layer {place} of {self.name}).") from None

    def _attribute(self, place: str) -> Any:
        found: Any = self.module
        for part in place.split("."):
            found = getattr(found, part)
        return found

    def _called(self, node: fx.Node, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        if not any(isinstance(each, Value) for each in [*args, *named.values()] if not isinstance(each, list | tuple)):
            plain = not any(isinstance(part, Value) for each in args if isinstance(each, list | tuple) for part in each)
            if plain and callable(node.target):
                return node.target(*args, **named)  # arithmetic with sizes
        name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
        writer = METHODS.get(name) if node.op == "call_method" else FUNCTIONS.get(node.target)
        if writer is None:
            raise ProgramError(f"a program cannot express {name}(), which {self.name} calls.")
        try:
            return writer(self.steps, *args, **named)
        except (TypeError, ValueError, AttributeError) as error:
            reason = " ".join(str(error).split())[:120]
            raise ProgramError(f"a program cannot express {name}() as {self.name} calls it ({reason}).") from None


def _each(op: str) -> Callable[..., Value]:
    return lambda steps, value, inplace=False: steps.each(op, value)


def _sum(steps: Steps, first: Any, second: Any) -> Value:
    return _pairwise(steps, "add", "plus", first, second)


def _product(steps: Steps, first: Any, second: Any) -> Value:
    return _pairwise(steps, "multiply", "times", first, second)


def _pairwise(steps: Steps, op: str, constant: str, first: Any, second: Any) -> Value:
    """Two values of one shape, or a value and a number."""
    if isinstance(first, Value) and isinstance(second, Value):
        if first.shape != second.shape:
            raise ProgramError(f"a program cannot {op} values of shapes {first.shape} and {second.shape}.")
        return steps.add(op, [first, second], first.shape)
    value, number = (first, second) if isinstance(first, Value) else (second, first)
    if isinstance(number, Tensor) and number.numel() == 1:
        number = number.item()
    if not isinstance(value, Value) or not isinstance(number, int | float):
        raise ProgramError(f"a program cannot {op} a value and a {type(number).__name__}; it knows plain numbers.")
    return steps.each(constant, value, **{"factor" if constant == "times" else "summand": float(number)})


def _difference(steps: Steps, first: Any, second: Any) -> Value:
    negative = _product(steps, second, -1.0) if isinstance(second, Value) else -second
    return _sum(steps, first, negative)


def _quotient(steps: Steps, first: Any, second: Any) -> Value:
    if isinstance(second, Value):
        raise ProgramError("a program cannot divide by a value; it knows plain numbers.")
    return _product(steps, first, 1 / second)


def _view(steps: Steps, value: Value, *shape: Any) -> Value:
    wanted = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    if not wanted or wanted[0] != BATCH:
        raise ProgramError(f"a program cannot reshape across the batch, as {wanted} does.")
    return reshaped(steps, value, tuple(int(side) for side in wanted[1:]))


def _flatten(steps: Steps, value: Value, start_dim: int = 0, end_dim: int = -1) -> Value:
    return flattened(steps, value, start_dim, end_dim)


def _unflatten(steps: Steps, value: Value, dim: int, sizes: Sequence[int]) -> Value:
    if dim not in (1, -1) or len(value.shape) != 1:
        raise ProgramError("a program unflattens the first dimension of vectors only.")
    return reshaped(steps, value, tuple(sizes))


def _parts(steps: Steps, value: Value, sizes: Sequence[int], dim: int) -> tuple[Value, ...]:
    if dim != 1 and not (dim == -1 and len(value.shape) == 1):
        raise ProgramError(f"a program splits channels only, not dimension {dim}.")
    starts = np.cumsum([0, *sizes])
    return tuple(sliced(steps, value, int(start), int(size)) for start, size in zip(starts[:-1], sizes, strict=True))


def _chunk(steps: Steps, value: Value, chunks: int, dim: int = 0) -> tuple[Value, ...]:
    each = -(-value.shape[0] // chunks)
    sizes = [min(each, value.shape[0] - start) for start in range(0, value.shape[0], each)]
    return _parts(steps, value, sizes, dim)


def _split(steps: Steps, value: Value, sizes: int | Sequence[int], dim: int = 0) -> tuple[Value, ...]:
    if isinstance(sizes, int):
        sizes = [min(sizes, value.shape[0] - start) for start in range(0, value.shape[0], sizes)]
    return _parts(steps, value, sizes, dim)


def _written(place: Any) -> str:
    """A place in brackets as Python writes it."""
    if not isinstance(place, slice):
        return str(place)
    ends = f"{'' if place.start is None else place.start}:{'' if place.stop is None else place.stop}"
    return ends if place.step is None else f"{ends}:{place.step}"


def _item(steps: Steps, value: Any, place: Any) -> Any:
    """A part of what was split; or of a value some channels, `x[:, 2:5]`."""
    if not isinstance(value, Value):
        return value[place]
    rows, channels, *rest = place if isinstance(place, tuple) else (place, None)
    whole = slice(None)
    if (
        rows != whole
        or not isinstance(channels, slice)
        or channels.step not in (None, 1)
        or any(r != whole for r in rest)
    ):
        asked = ", ".join(_written(each) for each in (place if isinstance(place, tuple) else (place,)))
        raise ProgramError(f"a program cannot take the part x[{asked}]; it takes channels in a row, as in x[:, 2:5].")
    start, stop, _ = channels.indices(value.shape[0])
    return sliced(steps, value, start, stop - start)


def _cat(steps: Steps, tensors: Sequence[Value], dim: int = 0) -> Value:
    if dim != 1 and not (dim == -1 and all(len(value.shape) == 1 for value in tensors)):
        raise ProgramError(f"a program joins channels only, not dimension {dim}.")
    return joined(steps, list(tensors))


def _clamp(steps: Steps, value: Value, *ends: float | None, **named: float | None) -> Value:
    most = float(np.finfo(np.float32).max)
    low, high, *_ = *ends, *(named.get(end) for end in ("min", "max")[len(ends) :])
    return steps.each(
        "clamp", value, low=-most if low is None else float(low), high=most if high is None else float(high)
    )


def _interpolate(
    steps: Steps, value: Value, size: Any = None, scale_factor: Any = None, mode: str = "nearest", **rest: Any
) -> Value:
    if size is not None or scale_factor is None or mode != "nearest" or any(rest.values()):
        raise ProgramError("a program interpolates with mode='nearest' and a scale_factor only.")
    return enlarged(steps, value, scale_factor)


def _leaky_relu(steps: Steps, value: Value, negative_slope: float = 0.01, inplace: bool = False) -> Value:
    del inplace
    return steps.each("leaky_relu", value, slope=negative_slope)


def _gelu(steps: Steps, value: Value, approximate: str = "none") -> Value:
    return steps.each("gelu" if approximate == "none" else "gelu_tanh", value)


def _dropout(steps: Steps, value: Value, p: float = 0.5, training: bool = False, inplace: bool = False) -> Value:
    del steps, p, inplace
    if training:
        raise ProgramError("a program cannot express dropout that goes on in evaluation mode.")
    return value


def _size(steps: Steps, value: Value, dim: int | None = None) -> Any:
    del steps
    shape = (BATCH, *value.shape)
    return shape if dim is None else shape[dim]


def _getattr(steps: Steps, value: Any, name: str) -> Any:
    if name != "shape" or not isinstance(value, Value):
        raise ProgramError(f"a program cannot express the attribute {name}.")
    return _size(steps, value)


def _same(steps: Steps, value: Value, *args: Any, **named: Any) -> Value:
    del steps, args, named
    return value


METHODS: Mapping[str, Callable[..., Any]] = {
    "relu": _each("relu"),
    "sigmoid": _each("sigmoid"),
    "tanh": _each("tanh"),
    "exp": _each("exp"),
    "add": _sum,
    "sub": _difference,
    "mul": _product,
    "div": _quotient,
    "view": _view,
    "reshape": _view,
    "flatten": _flatten,
    "unflatten": _unflatten,
    "chunk": _chunk,
    "split": _split,
    "clamp": _clamp,
    "size": _size,
    "contiguous": _same,
    "float": _same,
}
"""Methods of tensors that a program expresses."""

FUNCTIONS: Mapping[Any, Callable[..., Any]] = {
    torch.relu: _each("relu"),
    F.relu: _each("relu"),
    F.silu: _each("silu"),
    torch.sigmoid: _each("sigmoid"),
    F.sigmoid: _each("sigmoid"),
    torch.tanh: _each("tanh"),
    F.tanh: _each("tanh"),
    torch.exp: _each("exp"),
    F.leaky_relu: _leaky_relu,
    F.gelu: _gelu,
    F.dropout: _dropout,
    F.interpolate: _interpolate,
    operator.add: _sum,
    torch.add: _sum,
    operator.sub: _difference,
    operator.mul: _product,
    torch.mul: _product,
    operator.truediv: _quotient,
    operator.neg: lambda steps, value: _product(steps, value, -1.0),
    operator.getitem: _item,
    torch.flatten: _flatten,
    torch.reshape: _view,
    torch.cat: _cat,
    torch.chunk: _chunk,
    torch.split: _split,
    torch.clamp: _clamp,
    getattr: _getattr,
}
"""Functions that a program expresses."""
