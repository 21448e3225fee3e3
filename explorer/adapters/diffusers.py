"""Autoencoders of diffusers: `encode` answers a distribution of maps, `decode` an output; images are in [-1, 1]."""

from typing import Any

from explorer.adapters.foreign import Foreign
from explorer.adapters.modules import functions_of


def foreign(model: Any) -> Foreign:
    """An autoencoder of diffusers as two functions."""
    encode, decode = functions_of(model)
    return Foreign(encode=encode, decode=decode, title=type(model).__name__, pixel_range=(-1, 1), modules=(model,))
