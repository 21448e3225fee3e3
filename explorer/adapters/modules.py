"""Torch modules as people write them: with `encode` and `decode`, or with an `encoder` and a `decoder`."""

from collections.abc import Callable
from typing import Any

from torch import nn

from explorer.adapters.foreign import Foreign
from explorer.errors import ConfigError

PAIRS = (("encode", "decode"), ("encoder", "decoder"))
"""Names of the two functions of a module, the more telling first."""


def foreign(model: nn.Module) -> Foreign:
    """A torch module as two functions.

    Raises:
        ConfigError: It has neither of `PAIRS`.
    """
    encode, decode = functions_of(model)
    return Foreign(encode=encode, decode=decode, title=type(model).__name__, modules=(model,))


def functions_of(model: nn.Module) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """The two functions of a module.

    Raises:
        ConfigError: It has neither of `PAIRS`; the sentence names its parts.
    """
    for names in PAIRS:
        first, second = (getattr(model, name, None) for name in names)
        if callable(first) and callable(second):
            return first, second
    parts = ", ".join(name for name, _ in model.named_children()) or "none"
    raise ConfigError(
        f"{type(model).__name__} has neither encode and decode nor encoder and decoder (its parts: {parts}); give two "
        "functions with explorer.from_torch(encode, decode)."
    )
