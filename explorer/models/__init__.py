"""Torch modules: the families of autoencoders. No files, no devices."""

import importlib
import pkgutil

from explorer.config import ModelConfig, TrainConfig
from explorer.errors import ConfigError
from explorer.models.autoencoders import (
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    Loss,
    SparseAutoencoder,
)
from explorer.models.hierarchical import HierarchicalVAE
from explorer.models.posterior import DiagonalGaussian, Point, Posterior, TopDown
from explorer.models.vae import VAE

__all__ = [
    "VAE",
    "Autoencoder",
    "ContractiveAutoencoder",
    "DenoisingAutoencoder",
    "DiagonalGaussian",
    "HierarchicalVAE",
    "Loss",
    "Point",
    "Posterior",
    "SparseAutoencoder",
    "TopDown",
    "build_model",
    "model_class",
]


def model_class(family: str) -> type[Autoencoder]:
    """The class of a family: the one in this room that says `family = "<its name>"`."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    found: list[type[Autoencoder]] = [Autoencoder]
    for each in found:  # grows while it is gone through
        if vars(each).get("family") == family:
            return each
        found += each.__subclasses__()
    raise ConfigError(f"no class in explorer/models says family = {family!r}.")


def build_model(config: ModelConfig, settings: TrainConfig | None = None) -> Autoencoder:
    """A freshly initialised model of a resolved configuration; seed torch before, for reproducible weights.

    Args:
        config: What the model is.
        settings: How it is to be fitted, as far as its loss depends on that; None for the plain defaults.
    """
    return model_class(config.family)(config, settings)
