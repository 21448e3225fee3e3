"""Checkpoints of Lightning, which hold weights and settings; the user's own class makes the model of them."""

from pathlib import Path
from typing import Any

import torch

from explorer.adapters.foreign import Foreign
from explorer.adapters.trial import reason_of
from explorer.errors import ConfigError


def foreign(model: str | Path) -> Foreign:
    """Nothing: a checkpoint does not hold the code of its model.

    Raises:
        ConfigError: Always; the sentence says how the class is named.
    """
    raise ConfigError(
        f"{model} holds weights, and its class makes the model: --model FILE.py:YourModule --weights {model}, or in "
        "Python explorer.launch(YourModule.load_from_checkpoint(...), images)."
    )


def loaded(made: Any, weights: Path, source: str) -> Any:
    """A model with the weights of a file: through the class's own `load_from_checkpoint`, or strictly by name.

    Args:
        made: The class, or what makes the model when it is called.
        weights: A checkpoint of Lightning, or a file of weights, .safetensors, .pt or .pth.
        source: What `made` is called in messages.

    Raises:
        ConfigError: The file is missing or damaged, or holds the weights of another model.
    """
    if not weights.is_file():
        raise ConfigError(f"there is no file {weights}; name the weights of {source} with --weights FILE.")
    try:
        if weights.suffix == ".ckpt" and hasattr(made, "load_from_checkpoint"):
            return made.load_from_checkpoint(weights, map_location="cpu")
        module = made() if callable(made) and not isinstance(made, torch.nn.Module) else made
        if not isinstance(module, torch.nn.Module):
            raise ConfigError(f"{source} makes no torch module, so that weights cannot be loaded into it.")
        module.load_state_dict(_weights(weights))
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"{weights} cannot be loaded into {source}: {reason_of(error)}.") from error
    return module


def _weights(file: Path) -> dict[str, Any]:
    """The weights of a file by their names; nothing is unpickled but tensors."""
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    held = torch.load(file, map_location="cpu", weights_only=True)
    inside = held.get("state_dict", held) if isinstance(held, dict) else held
    if not isinstance(inside, dict) or not all(isinstance(each, torch.Tensor) for each in inside.values()):
        raise ConfigError(f"{file} holds no weights by name; save them with torch.save(model.state_dict(), FILE).")
    return inside
