"""Torch modules: the families of autoencoders. No files, no devices."""

from collections.abc import Mapping

from explorer.config import ModelConfig, TrainConfig
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
    "FAMILIES",
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
]

FAMILIES: Mapping[str, type[Autoencoder]] = {
    "ae": Autoencoder,
    "vae": VAE,
    "denoising": DenoisingAutoencoder,
    "sparse": SparseAutoencoder,
    "contractive": ContractiveAutoencoder,
    "hierarchical": HierarchicalVAE,
}
"""Every family by its name on the command line."""


def build_model(config: ModelConfig, settings: TrainConfig | None = None) -> Autoencoder:
    """A freshly initialised model of a resolved configuration; seed torch before, for reproducible weights.

    Args:
        config: What the model is.
        settings: How it is to be fitted, as far as its loss depends on that; None for the plain defaults.
    """
    return FAMILIES[config.family](config, settings)
