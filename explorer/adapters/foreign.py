"""A model that somebody else wrote: two functions and what is known of it, and the Coder that is made of them."""

import contextlib
import inspect
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from explorer.adapters.answers import SPREADS, Spread, codes_of, images_of
from explorer.analysis.encoding import FEW, checked_latents
from explorer.arrays import Images, Latents, Posterior
from explorer.coder import BATCH, CPU_BATCH, CPU_VALUES
from explorer.errors import ConfigError, ShapeError
from explorer.program import Part
from explorer.program.traced import traced_decoder, traced_encoder
from explorer.wanted import check_wanted

PixelRange = tuple[float, float]
"""Values of black and white."""


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """A model as two functions, before it has seen an image.

    Attributes:
        encode: Images in the model's own form and range to one of the answers of `explorer.adapters.answers`.
        decode: Latents (N, ...) to images, likewise.
        title: What the model is called in messages.
        pixel_range: Values of black and white in images that it takes and gives; None to find out.
        spread: How it states the width of its posteriors; None to believe the answer, or to take a log-variance.
        device: Where its modules are, or are put; None for where they are.
        modules: The torch modules that the functions use: put into evaluation mode, and traced.
        is_torch: Whether the functions take and give torch tensors; else numpy arrays.
    """

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    title: str
    pixel_range: PixelRange | None = None
    spread: Spread | None = None
    device: str | None = None
    modules: tuple[nn.Module, ...] = ()
    is_torch: bool = True


def from_torch(
    encode: Callable[[Any], Any],
    decode: Callable[[Any], Any],
    *,
    pixel_range: PixelRange | None = None,
    spread: Spread | None = None,
    device: str | None = None,
) -> Foreign:
    """A model of two functions on torch tensors, for `explorer.launch` and `explorer.save_run`.

        from_torch(net.encode, net.decode, pixel_range=(-1, 1))
        from_torch(lambda x: net.encoder(x).chunk(2, 1), lambda z: net.decoder(z).sigmoid())

    Args:
        encode: Images (N, C, H, W) to posterior means, a pair (mean, log-variance), a distribution, or an output of a
            library that holds these; it must not sample.
        decode: Latents, shaped as `encode` gives them, to images.
        pixel_range: Values of black and white in the images that it takes and gives, as (-1, 1); None to find out.
        spread: How the second of a pair states the width of a posterior: `log_variance`, `variance`, `deviation` or
            `log_deviation`; None for a log-variance.
        device: Where to compute, as "cuda"; None for where the model is.

    Raises:
        ConfigError: A function is none, or a setting is out of range.
    """
    for name, function in (("encode", encode), ("decode", decode)):
        if not callable(function):
            raise ConfigError(f"{name} must be a function, but is {described_type(function)}.")
    check_settings(pixel_range, spread)
    modules = tuple(dict.fromkeys([*modules_of(encode), *modules_of(decode)]))
    title = type(modules[0]).__name__ if modules else "the model"
    return Foreign(
        encode=encode,
        decode=decode,
        title=title,
        pixel_range=pixel_range,
        spread=spread,
        device=device,
        modules=modules,
    )


def check_settings(pixel_range: object, spread: object) -> None:
    """Refuse values of black and white, or a way to state a width, that are none.

    Raises:
        ConfigError: They are none; None is either.
    """
    if pixel_range is not None:
        pair = pixel_range if isinstance(pixel_range, tuple | list) else ()
        numbers = [end for end in pair if isinstance(end, int | float) and math.isfinite(end)]
        if len(pair) != 2 or len(numbers) != 2 or not numbers[0] < numbers[1]:
            raise ConfigError(f"pixel_range must be the values of black and white, as (-1, 1), but is {pixel_range!r}.")
    if spread is not None and spread not in SPREADS:
        raise ConfigError(f"spread must be one of {', '.join(SPREADS)}, but is {spread!r}.")


def described_type(thing: object) -> str:
    """The type of something, for a message."""
    return f"of type {type(thing).__name__}"


def modules_of(function: Any) -> list[nn.Module]:
    """The torch modules that a function uses: itself, the one whose method it is, or those that it names."""
    if isinstance(function, nn.Module):
        return [function]
    owner = getattr(function, "__self__", None)
    if isinstance(owner, nn.Module):
        return [owner]
    try:
        named = inspect.getclosurevars(function)
    except (TypeError, ValueError):  # no function that was written in Python
        return []
    found: list[nn.Module] = []
    for held in (*named.nonlocals.values(), *named.globals.values()):
        if isinstance(held, nn.Module):
            found.append(held)
    return found


# --- forms ------------------------------------------------------------------------------------------------------------

FORMS: dict[str, Callable[[Any], Any]] = {
    "(N, C, H, W)": lambda images: images,
    "(N, C * H * W)": lambda images: images.reshape(images.shape[0], -1),
    "(N, H, W, C)": lambda images: images.permute(0, 2, 3, 1) if isinstance(images, torch.Tensor) else _last(images),
    "(N, H, W)": lambda images: images[:, 0],
}
"""The forms in which a model may take images, and how each is made of the first; in the order in which they are tried.
"""

USUAL_FORM = "(N, C, H, W)"


def _last(images: Any) -> Any:
    return np.moveaxis(images, 1, 3)


def shaped_images(images: Any, shape: tuple[int, int, int]) -> Any:
    """Decoded images in whatever of `FORMS` as (N, C, H, W).

    Raises:
        ShapeError: They have another number of values, or another order of sides.
    """
    channels, height, width = shape
    given = tuple(images.shape)
    count = given[0] if given else 0
    if given[1:] in (shape, (channels * height * width,)) or (channels == 1 and given[1:] == (height, width)):
        return images.reshape(count, channels, height, width)
    if given[1:] == (height, width, channels):
        return images.permute(0, 3, 1, 2) if isinstance(images, torch.Tensor) else np.moveaxis(images, 3, 1)
    raise ShapeError(
        f"decode gives images of shape {given[1:]}, but the images that were handed over have {shape}; give images of "
        "the size that the model makes."
    )


# --- the Coder --------------------------------------------------------------------------------------------------------


class ForeignCoder:
    """A `Coder` over somebody else's model, whose forms were found out by a trial.

    Args:
        foreign: The model.
        image_shape: (C, H, W).
        form: Key of `FORMS`: how it takes images.
        latent_shape: Of one latent, as the model has it; it is flattened here.
        spread: How it states the width of its posteriors; None for points.
        pixel_range: Values of black and white in images that it takes and gives.
    """

    levels = 256

    def __init__(
        self,
        foreign: Foreign,
        image_shape: tuple[int, int, int],
        form: str,
        latent_shape: tuple[int, ...],
        spread: Spread | None,
        pixel_range: PixelRange,
    ) -> None:
        self.foreign, self.image_shape, self.form = foreign, image_shape, form
        self.latent_shape, self.pixel_range = latent_shape, pixel_range
        self.spread: Spread | None = spread
        self.latent_dim = math.prod(latent_shape)
        self._lock = threading.Lock()
        fitting = max(1, CPU_VALUES // math.prod(image_shape))
        self._batch = min(CPU_BATCH, fitting) if place_of(foreign)[0].type == "cpu" else BATCH

    def encode(self, images: Images) -> Posterior:
        """Posteriors of images (N, C, H, W) in [0, 1]; never samples.

        Raises:
            ShapeError: The images are not shaped as the model wants them.
        """
        if images.ndim != 4 or images.shape[1:] != self.image_shape:
            wanted = ", ".join(map(str, self.image_shape))
            raise ShapeError(f"images must be shaped (N, {wanted}), not {images.shape}.")
        means = [np.zeros((0, self.latent_dim), dtype=np.float32)]
        spreads = [np.zeros((0, self.latent_dim), dtype=np.float32)]
        with self._lock, quietly(self.foreign):
            for start in range(0, len(images), self._batch):
                check_wanted()
                codes = self._codes(as_given(images[start : start + self._batch], self.foreign))
                means.append(as_numpy(codes[0]))
                spreads.append(as_numpy(codes[-1]))
        return Posterior(np.concatenate(means), None if self.spread is None else np.concatenate(spreads))

    def decode(self, latents: Latents) -> Images:
        """Images (N, C, H, W) in [0, 1] of latents (N, d)."""
        latents = checked_latents(latents, self.latent_dim)
        images = np.empty((len(latents), *self.image_shape), dtype=np.float32)
        waits = contextlib.nullcontext() if len(latents) <= FEW else self._lock
        with waits, quietly(self.foreign):
            for start in range(0, len(latents), self._batch):
                check_wanted()
                part = slice(start, start + self._batch)
                images[part] = as_numpy(self._pixels(as_given(latents[part], self.foreign)))
        return images

    def program(self, part: Part) -> bytes:
        """The decoder or encoder for the browser.

        Raises:
            ProgramError: It does something that a program cannot express; the sentence names it.
        """
        if part == "decoder":
            return traced_decoder(_Traced(self.foreign, self._pixels, "decoder"), self)
        return traced_encoder(_Traced(self.foreign, self._codes, "encoder"), self)

    def _codes(self, images: Any) -> tuple[Any, ...]:
        """Means (N, d), and log-variances where there are any, of images (N, C, H, W) in [0, 1]."""
        low, high = self.pixel_range
        if (low, high) != (0, 1):
            images = images * (high - low) + low
        found = codes_of(self.foreign.encode(FORMS[self.form](images)))
        mean = flat(found.mean)
        if self.spread is None:
            return (mean,)
        return mean, log_variance_of(flat(found.spread), self.spread)

    def _pixels(self, latents: Any) -> Any:
        """Images (N, C, H, W) in [0, 1] of latents (N, d)."""
        if len(self.latent_shape) != 1:
            latents = latents.reshape(-1, *self.latent_shape)
        answer = images_of(self.foreign.decode(latents))
        # while it is traced an answer has no shape to look at, and whoever traces shapes it
        images = answer if is_traced(answer) else shaped_images(answer, self.image_shape)
        low, high = self.pixel_range
        if (low, high) != (0, 1):
            images = (images - low) * (1 / (high - low))
        return images.clip(0, 1) if isinstance(images, np.ndarray) else images.clamp(0, 1)


class _Traced(nn.Module):
    """A function of a foreign model as one module for torch.fx, with the modules that it uses inside."""

    def __init__(self, foreign: Foreign, function: Callable[[Any], Any], part: Part) -> None:
        super().__init__()
        self.title = f"the {part} of {foreign.title}"
        self.used = nn.ModuleList(foreign.modules)
        self.function = function
        self.eval()  # whoever traces it leaves it, and the model inside, in the mode that it is in

    def forward(self, given: Any) -> Any:
        return self.function(given)


def is_traced(part: object) -> bool:
    """Whether something stands in for a tensor while a model is traced."""
    return isinstance(part, torch.fx.Proxy)


def flat(codes: Any) -> Any:
    """Codes (N, ...) as (N, d)."""
    return codes.reshape(len(codes), -1) if isinstance(codes, np.ndarray) else codes.flatten(1)


def log_variance_of(spread: Any, states: Spread) -> Any:
    """The natural logarithm of the variance that a width (N, d) states."""
    if states == "log_variance":
        return spread
    if states == "log_deviation":
        return spread * 2
    logarithm = np.log(spread) if isinstance(spread, np.ndarray) else torch.log(spread)
    return logarithm if states == "variance" else logarithm * 2


# --- numbers in and out -----------------------------------------------------------------------------------------------


def place_of(foreign: Foreign) -> tuple[torch.device, torch.dtype]:
    """The device and the type of numbers that a model computes with."""
    for module in foreign.modules:
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                return tensor.device, tensor.dtype
    return torch.device(foreign.device or "cpu"), torch.float32


def as_given(array: NDArray[np.floating], foreign: Foreign) -> Any:
    """An array as the functions of a model take it."""
    plain = np.ascontiguousarray(array, dtype=np.float32)
    if not foreign.is_torch:
        return plain
    device, kind = place_of(foreign)
    return torch.from_numpy(plain if plain.flags.writeable else plain.copy()).to(device, kind)


def as_numpy(array: Any) -> NDArray[np.float32]:
    """A tensor or an array, in float32."""
    if isinstance(array, torch.Tensor):
        return array.detach().to("cpu", torch.float32).numpy()
    return np.asarray(array, dtype=np.float32)


@contextlib.contextmanager
def quietly(foreign: Foreign) -> Iterator[None]:
    """Run a model inside the block without gradients."""
    with torch.inference_mode() if foreign.is_torch else contextlib.nullcontext():
        yield


def settle(foreign: Foreign) -> list[str]:
    """Put the modules of a model into evaluation mode and onto its device; what was done, in sentences."""
    said, trained = [], [module for module in foreign.modules if in_training(module)]
    for module in foreign.modules:
        if foreign.device is not None:
            module.to(foreign.device)
        with contextlib.suppress(NotImplementedError):  # a program of torch.export is as it was exported
            module.eval()
    if trained:
        said.append(
            f"{type(trained[0]).__name__} was in training mode and was put into evaluation mode, without which dropout "
            "and batch normalisation change every answer; call .eval() before handing it over."
        )
    return said


def in_training(module: nn.Module) -> bool:
    """Whether a part of a module whose answer depends on it is in training mode."""
    return any(part.training and affected(part) for part in module.modules())


def affected(part: nn.Module) -> bool:
    """Whether a module answers otherwise in training mode: dropout and normalisation by batches, of torch's own."""
    return isinstance(part, nn.modules.dropout._DropoutNd | nn.modules.batchnorm._NormBase)
