"""Folders that hold a model: a run, what pythae or diffusers saved, or an encoder and a decoder as two programs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from explorer.adapters.foreign import Foreign
from explorer.errors import ConfigError

PROGRAMS = (".pt2", ".ts", ".pt", ".onnx")
"""Endings of an encoder and a decoder that a folder may hold."""


def foreign(model: str | Path) -> Foreign:
    """What a folder holds as two functions.

    Raises:
        ConfigError: It holds none of what is known.
    """
    folder = Path(model)
    for ending in PROGRAMS:
        files = [folder / f"{name}{ending}" for name in ("encoder", "decoder")]
        if all(file.is_file() for file in files):
            encode, decode = map(_function, files)
            return Foreign(encode=encode, decode=decode, title=folder.name, is_torch=ending != ".onnx")
    if (folder / "model_config.json").is_file():
        return _of_pythae(folder)
    if (folder / "config.json").is_file() and "_class_name" in _settings(folder / "config.json"):
        return _of_diffusers(folder)
    named = " or ".join(f"encoder{ending} and decoder{ending}" for ending in PROGRAMS)
    raise ConfigError(f"{folder} holds no model: it needs {named}, or must be a folder that pythae or diffusers saved.")


def _function(file: Path) -> Callable[[Any], Any]:
    if file.suffix == ".onnx":
        from explorer.adapters import onnx

        return onnx.function(file)
    from explorer.adapters import exported

    return exported.function(file)


def _of_pythae(folder: Path) -> Foreign:
    try:
        from pythae.models import AutoModel  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ConfigError(f"{folder} was saved by pythae, which is not installed: pip install pythae") from None
    from explorer.adapters import pythae

    if any(folder.glob("*.pkl")):
        raise ConfigError(
            f"{folder} holds pickled networks (*.pkl), which run code when they are opened; load the model yourself "
            "with AutoModel.load_from_folder and hand it to explorer.launch."
        )
    return pythae.foreign(AutoModel.load_from_folder(str(folder)))


def _of_diffusers(folder: Path) -> Foreign:
    try:
        import diffusers as library  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ConfigError(f"{folder} was saved by diffusers, which is not installed: pip install diffusers") from None
    from explorer.adapters import diffusers

    name = str(_settings(folder / "config.json")["_class_name"])
    known = name.startswith(("Autoencoder", "VQModel", "AsymmetricAutoencoder"))
    kind = getattr(library, name, None) if known else None
    if kind is None:
        raise ConfigError(f"{folder} holds a {name[:80]} of diffusers, which is no autoencoder that is known.")
    return diffusers.foreign(kind.from_pretrained(str(folder), local_files_only=True, use_safetensors=True))


def _settings(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
