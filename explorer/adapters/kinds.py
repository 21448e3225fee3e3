"""Which kind of model somebody hands over, and how each becomes two functions: one entry of a table each."""

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from explorer.adapters.foreign import Foreign, PixelRange, check_settings, described_type
from explorer.adapters.images import read_images
from explorer.adapters.trial import TRIED, tried
from explorer.arrays import Coder, Images, Posterior
from explorer.config import RUN_NAME
from explorer.errors import ConfigError, ShapeError

USUAL_NAME = "yours"
"""What a model is called that nobody named."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of model.

    Attributes:
        title: What it is, for a person.
        module: File of `explorer.adapters` whose `foreign(model)` makes a `Foreign` of it; imported only then.
        recognises: Whether something is such a model; without importing a library.
        is_place: Whether it is named by where it lies, and not the object itself.
    """

    title: str
    module: str
    recognises: Callable[[Any], bool]
    is_place: bool = True


def _of_library(*roots: str) -> Callable[[Any], bool]:
    """Whether a class of a library, or one made of it, made a model."""
    return lambda model: any(cls.__module__.split(".")[0] in roots for cls in type(model).__mro__)


def _is_file(*endings: str) -> Callable[[Any], bool]:
    return lambda model: isinstance(model, str | Path) and Path(model).suffix.lower() in endings


def _names_code(model: Any) -> bool:
    return isinstance(model, str) and re.search(r"\.py:[A-Za-z_]\w*$", model) is not None


def _is_folder(model: Any) -> bool:
    return isinstance(model, str | Path) and Path(model).is_dir()


KINDS: Mapping[str, Kind] = {
    "pythae": Kind("a model of pythae", "pythae", _of_library("pythae"), False),
    "diffusers": Kind("an autoencoder of diffusers", "diffusers", _of_library("diffusers"), False),
    "torch": Kind("a torch module", "modules", _of_library("torch"), False),
    "code": Kind("a function of a Python file, FILE.py:make_model", "code", _names_code),
    "folder": Kind("a folder with an encoder and a decoder, or one that a library wrote", "folders", _is_folder),
    "script": Kind("a TorchScript program, .ts or .pt", "exported", _is_file(".ts", ".pt", ".pth", ".pt2")),
    "onnx": Kind("an ONNX file", "onnx", _is_file(".onnx")),
    "checkpoint": Kind("a checkpoint of Lightning", "lightning", _is_file(".ckpt")),
}
"""The kinds of models, tried in this order; what is a Coder or a `Foreign` already needs none."""


def foreign_of(model: Any) -> Foreign | Coder:
    """A model of any kind as two functions, or as the Coder that it is.

    Raises:
        ExplorerError: It is of no known kind, or cannot be read; the sentence says what to do.
    """
    if isinstance(model, (Foreign, Coder)):
        return model
    for kind in KINDS.values():
        if kind.recognises(model):
            return importlib.import_module(f"explorer.adapters.{kind.module}").foreign(model)
    if isinstance(model, str | Path):
        known = "; ".join(kind.title for kind in KINDS.values() if kind.is_place)
        raise ConfigError(f"{str(model)[:200]} is no model that can be opened, or not there; known are {known}.")
    raise ConfigError(
        f"a model must have encode and decode, but this is {described_type(model)}; give two functions with "
        "explorer.from_torch(encode, decode)."
    )


def placed_model(place: str, weights: Path | None = None) -> Foreign | Coder:
    """A model by where it is, as a command line names it.

    Args:
        place: One of `KINDS` that is a place.
        weights: What is loaded into the model that a Python file makes; None for what it makes.

    Raises:
        ExplorerError: There is no such model, or the weights are another's.
    """
    if weights is None:
        return foreign_of(place)
    if not _names_code(place):
        raise ConfigError(f"--weights {weights} needs the code that makes its model: --model FILE.py:make_model.")
    from explorer.adapters import code, lightning

    return foreign_of(lightning.loaded(code.made_by(place), weights, place))


def adapted(
    model: Any, images: Images, *, pixel_range: PixelRange | None = None, came_in: PixelRange | None = None
) -> tuple[Coder, tuple[str, ...]]:
    """A model of any kind as a Coder, tried on some images; and what was found out, in sentences.

    Args:
        model: A Coder, a `Foreign`, or anything that `KINDS` knows.
        images: (N, C, H, W) in [0, 1].
        pixel_range: Values of black and white that it takes and gives; None for what the model says, or to find out.
        came_in: The same in the images as they were handed over, where these were not [0, 1].

    Raises:
        ExplorerError: It is of no known kind, or fails the trial; the sentence says what it did and what to do.
    """
    check_settings(pixel_range, None)
    found = foreign_of(model)
    if not isinstance(found, Foreign):
        if images.shape[1:] != tuple(found.image_shape):
            wanted = ", ".join(map(str, found.image_shape))
            raise ShapeError(f"images must be shaped (N, {wanted}), not {images.shape}.")
        answer = found.encode(images[:1])
        if isinstance(answer, Posterior):
            return found, ()
        found = Foreign(
            encode=found.encode,
            decode=found.decode,
            title=type(model).__name__,
            pixel_range=(0, 1),
            is_torch=False,
        )
    if pixel_range is not None:
        found = replace(found, pixel_range=pixel_range)
    outcome = tried(found, images, came_in)
    return outcome.coder, outcome.said


def as_coder(model: Any, images: Any, *, pixel_range: PixelRange | None = None) -> Coder:
    """A model of any kind as the Coder that `explorer.launch` makes of it, for a script.

        coder = explorer.as_coder(net, images)
        codes = coder.encode(images_in_0_1).mean

    Args:
        model: As `explorer.launch` takes it, one model.
        images: Some images to try it with, as `explorer.launch` takes them.
        pixel_range: Values of black and white that it takes and gives; None to find out.

    Raises:
        ExplorerError: It is of no known kind, or fails the trial; the sentence says what it did and what to do.
    """
    given = read_images(images, image_shape=getattr(model, "image_shape", None), pixel_range=pixel_range)
    some = given.some(TRIED, getattr(model, "levels", None))
    return adapted(model, some, pixel_range=pixel_range, came_in=given.came_in)[0]


def named_models(model: Any) -> dict[str, Any]:
    """Models by the names of their runs: those of a mapping, of a list by their classes, one alone as "yours"."""
    if isinstance(model, Mapping):
        return dict(model)
    if not isinstance(model, tuple | list):
        return {USUAL_NAME: model}
    named: dict[str, Any] = {}
    for each in model:
        stem = each.title if isinstance(each, Foreign) else type(each).__name__
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")
        stem = stem if RUN_NAME.fullmatch(stem) else USUAL_NAME
        number = sum(name == stem or name.startswith(f"{stem}-") for name in named) + 1
        named[stem if number == 1 else f"{stem}-{number}"] = each
    return named
