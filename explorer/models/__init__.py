"""Torch modules: the families of autoencoders. No files, no devices."""

from collections.abc import Mapping

from explorer.config import ModelConfig
from explorer.models.autoencoders import Autoencoder, Loss
from explorer.models.posterior import DiagonalGaussian, Point
from explorer.models.vae import VAE

__all__ = ["FAMILIES", "VAE", "Autoencoder", "DiagonalGaussian", "Loss", "Point", "build_model"]

FAMILIES: Mapping[str, type[Autoencoder]] = {"ae": Autoencoder, "vae": VAE}
"""Every family by its name on the command line."""


def build_model(config: ModelConfig) -> Autoencoder:
    """A freshly initialised model of a resolved configuration; seed torch before, for reproducible weights."""
    return FAMILIES[config.family](config)
