"""The models of the documents that this program grew from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A model of one of the documents that this program grew from.

    Attributes:
        about: What it is, in a line.
        settings: Its corrected form: settings by name.
        published: What is different in its published form, as settings too. A loss of other reductions is written as
            the Gaussian likelihood and beta that it equals up to a factor, which Adam does not see.
        twin: Whether it is a pair of VAE and autoencoder.
    """

    about: str
    settings: Mapping[str, Any]
    published: Mapping[str, Any]
    twin: bool = False


PRESETS: Mapping[str, Preset] = {
    "000": Preset(
        about="CelebA, 64x64, convolutional VAE with batch normalisation, d = 128",
        settings={
            "dataset": "celeba",
            "image_size": 64,
            "latent_dim": 128,
            "likelihood": "gaussian",
            "net": "conv",
            "norm": "batch",
            "widths": (32, 64, 128, 256, 512),
            "hidden": 0,
            "activation": "relu",
            "warmup": "none",
            "flip": True,
            "epochs": 100,
            "batch_size": 64,
            "lr": 5e-3,
            "schedule": "exponential",
            "weight_decay": 0.0,
            "seed": 1265,
        },
        # mean((x - y)^2) + 0.00025 KL = (2 / P) (SSE / (2 s^2) s^2 + ...): s^2 = 0.00025 P / 2 with P = 3 * 64 * 64
        published={"widths": (512, 256, 128, 64, 32), "output": "linear", "sigma": "1.2394"},
    ),
    "001": Preset(
        about="Flowers102, 32x32, convolutional VAE, d = 10, with the warm-up and the batch normalisation it describes",
        settings={
            "dataset": "flowers102",
            "image_size": 32,
            "latent_dim": 10,
            "likelihood": "gaussian",
            "net": "conv",
            "norm": "batch",
            "widths": (16, 32, 64),
            "hidden": 0,
            "activation": "relu",
            "flip": False,
            "epochs": 500,
            "batch_size": 64,
            "lr": 1e-4,
            "schedule": "constant",
            "weight_decay": 0.0,
        },
        # SSE + 0.1 KL: s^2 = 1 / 2 and beta 0.1
        published={"norm": "none", "warmup": "none", "sigma": "0.7071", "beta": 0.1, "subset": 1020},
    ),
    "002": Preset(
        about="MNIST, convolutional autoencoder and VAE, d = 5, hidden 128",
        settings={
            "dataset": "mnist",
            "latent_dim": 5,
            "likelihood": "gaussian",
            "net": "conv",
            "widths": (16, 32),
            "hidden": 128,
            "activation": "relu",
            "warmup": "none",
            "epochs": 10,
            "batch_size": 512,
            "lr": 1e-3,
            "schedule": "constant",
            "weight_decay": 0.0,
        },
        # mean((x - y)^2) / 0.3081^2 + 0.1 mean over d of the KL: s^2 = 0.1 P 0.3081^2 / (2 d) with P = 784, d = 5
        published={"output": "linear", "sigma": "0.8627", "momentum": "0.5"},
        twin=True,
    ),
    "003": Preset(
        about="MNIST, fully connected VAE of 512-512 units, d = 16",
        settings={
            "dataset": "mnist",
            "latent_dim": 16,
            "likelihood": "bernoulli",
            "binarise": False,
            "net": "mlp",
            "hidden": 512,
            "activation": "relu",
            "warmup": "none",
            "epochs": 50,
            "batch_size": 16,
            "lr": 1e-3,
            "schedule": "constant",
            "weight_decay": 0.0,
        },
        published={"subset": 500},
    ),
}
"""The source documents by their numbers; README.md says of every field what was kept, what corrected, and why."""
