"""The data sets, and what a setting that was left open means for each.

Adding a data set is one entry of `DATASETS`, and a file of its name (`_` for `-`) in `explorer.data` with
a `SOURCE`.
"""

from collections.abc import Mapping
from typing import Any

UNNORMALISED: Mapping[str, Any] = {"norm": "none", "hidden": 256}
"""Settings of models and estimators that do without batch normalisation."""

NORMALISED: Mapping[str, Any] = {"norm": "batch", "hidden": 0}
"""For pictures. Faces after 4 epochs, sigma 0.2, batches of 64: test ELBO 7,154 nats and MSE 0.0075 with it, 6,785 and
0.0099 without; and 0.26 of the prior was vacant, not all of it: the codes fill N(0, I) far sooner."""

Settings = Mapping[str, Mapping[str, Any]]

CHARACTERS: Settings = {
    "data": {"held_out": 2500, "calibration": 2500, "reference": 2500},
    "model": {"latent_dim": 16, "likelihood": "bernoulli", "net": "conv", "widths": (32, 64), **UNNORMALISED},
    "train": {
        "binarise": True,
        "flip": False,
        "epochs": 25,
        "lr": 6e-3,
        "batch_size": 256,
        "save_every": 5,
    },
}
"""MNIST, and the sets in its form."""


def small_photographs(latent_dim: int, flip: bool) -> Settings:
    """Sets of 32x32 photographs in colour.

    Args:
        latent_dim: Latent dimension d.
        flip: Whether the mirror image of one is as likely; that of a digit is none.
    """
    return {
        "data": {"held_out": 2500, "calibration": 2500, "reference": 2500},
        "model": {
            "latent_dim": latent_dim,
            "likelihood": "gaussian",
            "net": "conv",
            "widths": (64, 128, 256),
            **NORMALISED,
        },
        "train": {
            "binarise": False,
            "flip": flip,
            "epochs": 30,
            "lr": 3e-3,
            "batch_size": 64,
            "save_every": 5,
        },
    }


DATASETS: Mapping[str, Settings] = {
    "mnist": CHARACTERS,
    "fashion-mnist": CHARACTERS,
    "kmnist": CHARACTERS,
    "emnist": CHARACTERS,
    "qmnist": CHARACTERS,
    "digits": {
        "data": {"held_out": 100, "calibration": 300, "reference": 2500},
        "model": {"latent_dim": 8, "likelihood": "bernoulli", "net": "mlp", "widths": (), **UNNORMALISED},
        "train": {
            "binarise": False,
            "flip": False,
            "epochs": 300,
            "lr": 2e-3,
            "batch_size": 64,
            "save_every": 25,
        },
    },
    "celeba": {
        "data": {"image_size": 64, "set_aside": 3500, "calibration": 2500, "reference": 2500},
        "model": {"latent_dim": 64, "likelihood": "gaussian", "net": "conv", **NORMALISED},
        "train": {
            "binarise": False,
            "flip": True,
            "epochs": 30,
            "lr": 3e-3,
            "batch_size": 64,
            "save_every": 5,
        },
    },
    "flowers102": {
        "data": {"image_size": 32, "held_out": 500, "calibration": 1000, "reference": 2500},
        "model": {"latent_dim": 32, "likelihood": "gaussian", "net": "conv", **NORMALISED},
        "train": {
            "binarise": False,
            "flip": True,
            "epochs": 60,
            "lr": 3e-3,
            "batch_size": 64,
            "save_every": 10,
        },
    },
    "cifar10": small_photographs(latent_dim=64, flip=True),
    "svhn": small_photographs(latent_dim=32, flip=False),
    "folder": {
        "data": {"image_size": 64, "reference": 2500},
        "model": {"latent_dim": 32, "likelihood": "gaussian", "net": "conv", **NORMALISED},
        "train": {
            "binarise": False,
            "flip": False,
            "epochs": 100,
            "lr": 3e-3,
            "batch_size": 64,
            "save_every": 10,
        },
    },
    "array": {
        "data": {"image_size": None, "reference": 2500},
        "model": {"latent_dim": 32, "likelihood": "gaussian", "net": "conv", **NORMALISED},
        "train": {
            "binarise": False,
            "flip": False,
            "epochs": 50,
            "lr": 3e-3,
            "batch_size": 64,
            "save_every": 5,
        },
    },
}
"""Per data set: what a setting left at None means; widths not named here come from `default_widths`.

The two sizes of a split that are not named here depend on how many images there are: `explorer.data.split`.
"""
