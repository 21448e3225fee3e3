"""Every setting of a run: frozen dataclasses whose field docstrings become the command line's help.

A setting whose default is None takes the data set's own default (`DATASET_DEFAULTS`), so that
`python train.py --dataset digits` is a sensible run. What is stored with a run is always resolved.
"""

import argparse
import ast
import dataclasses
import hashlib
import inspect
import json
import re
import sys
import types
import typing
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args, get_origin

from explorer.errors import CheckpointError, ConfigError
from explorer.flags import choice, number

FORMAT = 1
"""Version of the layout of a run on disk; a newer one is refused."""

Dataset = Literal["mnist", "digits", "celeba", "flowers102", "folder"]
Family = Literal["ae", "vae", "denoising", "sparse", "contractive", "hierarchical"]
Likelihood = Literal["bernoulli", "gaussian", "categorical"]
Net = Literal["conv", "residual", "mlp"]
Norm = Literal["none", "batch"]
Activation = Literal["silu", "relu"]
Output = Literal["sigmoid", "linear"]
Corruption = Literal["gaussian", "masking"]
Sparsity = Literal["l1", "kl"]
Warmup = Literal["none", "linear", "cyclical"]
Bound = Literal["elbo", "iwae"]
GradientPath = Literal["reparameterised", "none", "score"]
Schedule = Literal["onecycle", "cosine", "exponential", "constant"]
Device = Literal["auto", "cpu", "cuda", "mps", "xpu"]
Precision = Literal["auto", "fp32", "bf16"]

VARIATIONAL: frozenset[str] = frozenset({"vae", "hierarchical"})
"""Families whose posterior has a width and whose latents have a prior; those of all others are points."""

OWN_SETTINGS: Mapping[str, str] = {
    "corruption": "denoising",
    "corruption_level": "denoising",
    "sparsity": "sparse",
    "sparsity_weight": "sparse",
    "sparsity_target": "sparse",
    "contraction_weight": "contractive",
    "stochastic_levels": "hierarchical",
}
"""Settings of a model that one family alone reads."""

VARIATIONAL_SETTINGS: Mapping[str, Any] = {
    "beta": 1.0,
    "objective": "elbo",
    "samples": 1,
    "free_bits": 0.0,
    "gradient": "reparameterised",
}
"""Settings of a fit that only a posterior with a width gives a meaning to, at their defaults."""

CHOSEN_SETTINGS: Mapping[str, tuple[str, frozenset[Any]]] = {
    "warmup_share": ("warmup", frozenset({"linear", "cyclical"})),
    "warmup_cycles": ("warmup", frozenset({"cyclical"})),
    "sparsity_target": ("sparsity", frozenset({"kl"})),
    "sigma": ("likelihood", frozenset({"gaussian"})),
    "widths": ("net", frozenset({"conv", "residual"})),
}
"""Settings that mean nothing unless another one has one of these values."""

MOST_COUNT = 2**31 - 1
"""Largest count that any library here takes."""

MOST_SEED = 2**32 - 1
"""Largest seed that scikit-learn takes."""

FIRST_READING, READING = 1, 2
"""Numbers of the rules by which the pictures of a folder are read: of the first edition, and of new runs."""

MOST_SIDE = 1024
"""Largest side of an image that may be asked for, in pixels."""

FEWEST_TESTED = 6
"""Test images; fewer do not have five neighbours each, which coverage is measured with."""

RANGES: Mapping[str, tuple[float, float]] = {
    "image_size": (8, MOST_SIDE),
    "held_out": (2, MOST_COUNT),
    "calibration": (1, MOST_COUNT),
    "reference": (FEWEST_TESTED, MOST_COUNT),
    "subset": (1, MOST_COUNT),
    "tested": (FEWEST_TESTED, MOST_COUNT),
    "split_seed": (0, MOST_SEED),
    "latent_dim": (1, 4096),
    "stochastic_levels": (2, 64),
    "corruption_level": (0, 1e3),
    "sparsity_weight": (0, 1e6),
    "sparsity_target": (1e-6, 1 - 1e-6),
    "contraction_weight": (0, 1e6),
    "widths": (1, 4096),
    "hidden": (0, 8192),
    "beta": (0, 1e6),
    "warmup_share": (0, 1),
    "warmup_cycles": (1, MOST_COUNT),
    "samples": (1, 10_000),
    "free_bits": (0, 100),
    "epochs": (1, MOST_COUNT),
    "batch_size": (1, MOST_COUNT),
    "lr": (1e-12, 1e12),
    "weight_decay": (0, 1e6),
    "seed": (0, MOST_SEED),
    "threads": (1, 1024),
    "save_every": (1, MOST_COUNT),
    "patience": (1, MOST_COUNT),
    "average_epochs": (0, 1e6),
    "nll_samples": (1, 100_000),
    "nll_images": (1, MOST_COUNT),
}
"""Smallest and largest value of every setting that is a number: beyond them a fit fails, or its evaluation does."""

SIGMAS = (1e-4, 1e4)
"""Smallest and largest standard deviation of a Gaussian likelihood, in units of pixels in [0, 1]."""

CYCLED = "cycled"
"""The momentum that moves against the learning rate, between 0.85 and 0.95."""

USUAL_MOMENTUM = "0.9"
"""The momentum where the learning rate does not move in one cycle."""


def fact() -> Any:
    """A field that is learned from the data and stored, but is no flag."""
    return field(default=None, metadata={"flag": False})


FEWEST_CALIBRATION = 19
"""Images of set C: with fewer no conformal p-value is as low as 0.05, and nothing could be called a hole."""


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which images, and how they are split."""

    dataset: Dataset = "mnist"
    """Data set to fit."""
    image_size: int | None = None
    """Side of the square images, in pixels; MNIST and the digits have theirs."""
    grey: bool = False
    """Turn colour images grey."""
    held_out: int | None = None
    """Images for validation, which steer nothing but the curve: kept back from the training images, but for up to half
    of them from the set's own validation images."""
    calibration: int | None = None
    """Training images kept back to calibrate the holes (set C of the hole scores), 19 or more."""
    reference: int | None = None
    """Most training images whose codes are stored as reference of the holes (set R)."""
    subset: int | None = None
    """Fit only so many of the training images, drawn at random."""
    tested: int | None = None
    """Score a run on, and store the latents of, only so many of the test images, drawn at random."""
    split_seed: int = 0
    """Seed of the split; twins and ladders share it."""
    one_split: bool | None = None
    """Take sub-folders called train, valid or test for classes; or for the parts of the split, and leave out what lies
    beside them; left open, they are parts where nothing lies beside them, and train.py asks where something does."""
    name: str | None = fact()
    """Name of the data set in the run's name."""
    folder: str | None = fact()
    """Where the images of a folder data set lie: relative to the folder of the data sets, or their folder's name."""
    reading: int | None = fact()
    """Number of the rules by which the pictures of a folder were read; None for those of the first edition."""
    brightness: tuple[float, float] | None = fact()
    """Values that became black and white where pictures had more than 8 bits; None where none had."""
    extra_train: str | None = fact()
    """Where training images without attributes lie, in the same way; None where there are none."""
    fingerprint: str | None = fact()
    """SHA-256 of pixels, their order and labels: an index means nothing against another copy."""
    class_names: tuple[str, ...] | None = fact()
    """Names of the labels, in their order; None without labels."""
    attribute_names: tuple[str, ...] | None = fact()
    """Names of the attributes, in their order; None without attributes."""

    def __post_init__(self) -> None:
        _check_choices(self)
        _check_ranges(self)
        if self.reading is not None and not FIRST_READING <= self.reading <= READING:
            raise ConfigError(f"reading must lie in {FIRST_READING} .. {READING}, but is {self.reading}.")
        if self.brightness is not None and not -float("inf") < self.brightness[0] < self.brightness[1] < float("inf"):
            raise ConfigError(f"brightness must hold two numbers, the smaller first, but is {self.brightness}.")
        if self.dataset in ("mnist", "digits") and (self.image_size is not None or self.grey):
            raise ConfigError(f"{self.dataset} must keep its own size and its grey: leave out --image-size and --grey.")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The model: what it is, never how it is fitted."""

    family: Family = "vae"
    """Autoencoder, variational autoencoder, or one of their kin."""
    latent_dim: int | None = None
    """Latent dimension d, of all stochastic levels together."""
    stochastic_levels: int = 2
    """Levels of latents of the hierarchical family; d is shared evenly, what is left over goes to the lowest ones."""
    corruption: Corruption = "gaussian"
    """What the denoising family does to the images it encodes during a fit: add noise, or set pixels to 0."""
    corruption_level: float = 0.3
    """Standard deviation of that noise, in units of pixels in [0, 1], or the share of pixels that is masked."""
    sparsity: Sparsity = "l1"
    """Penalty of the sparse family: size of the codes, or KL between activations and their target."""
    sparsity_weight: float = 1.0
    """Weight of that penalty, in nats per unit of it."""
    sparsity_target: float = 0.05
    """Mean activation that 'kl' asks of every latent dimension, in (0, 1)."""
    contraction_weight: float = 0.1
    """Weight of the contractive family's squared Jacobian of the encoder, in nats per unit of it."""
    likelihood: Likelihood | None = None
    """Distribution p(x|z) of the pixels; categorical gives each grey level of each pixel its own probability."""
    sigma: str = "optimal"
    """Standard deviation of a Gaussian likelihood, in units of pixels in [0, 1]: 'optimal', 'learned' or a number."""
    net: Net | None = None
    """Convolutions, convolutions with residual blocks, or fully connected layers."""
    norm: Norm | None = None
    """Normalisation of the convolutions' feature maps: none, or by batch."""
    widths: tuple[int, ...] | None = None
    """Channels of the convolutions from image to latent, each halving the image; of an mlp, nothing."""
    hidden: int | None = None
    """Units of the fully connected layers; 0 leaves them out of a convolutional net."""
    activation: Activation = "silu"
    """Non-linearity between layers."""
    output: Output = "sigmoid"
    """What makes pixels of the outputs of a Gaussian likelihood: a sigmoid, or nothing, as tutorials with an MSE do."""
    image_shape: tuple[int, int, int] | None = fact()
    """(C, H, W) of one image."""
    levels: int | None = fact()
    """Grey levels of the stored pixels."""

    def __post_init__(self) -> None:
        _check_choices(self)
        _check_ranges(self)
        if self.hidden == 0 and (self.net == "mlp" or self.family == "hierarchical"):
            raise ConfigError("hidden must be at least 1 for an mlp and for the hierarchical family, but is 0.")
        if self.output == "linear" and self.likelihood not in (None, "gaussian"):
            raise ConfigError(f"output must be sigmoid with a {self.likelihood} likelihood, but is 'linear'.")
        if self.widths and len(self.widths) > 10:
            raise ConfigError(f"widths must be at most 10 numbers, but are {self.widths}.")
        if self.image_shape is not None and not 1 <= min(self.image_shape) <= max(self.image_shape) <= MOST_SIDE:
            raise ConfigError(f"image_shape must hold whole numbers from 1 to {MOST_SIDE}, but is {self.image_shape}.")
        if self.levels is not None and not 2 <= self.levels <= 256:
            raise ConfigError(f"levels must lie in 2 .. 256, but is {self.levels}.")
        least, most = SIGMAS
        if self.sigma not in ("optimal", "learned") and not _lies_in(self.sigma, least, most):
            raise ConfigError(
                f"sigma must be 'optimal', 'learned' or a number in [{least:g}, {most:g}], but is {self.sigma!r}."
            )
        if self.corruption == "masking" and self.corruption_level >= 1:
            raise ConfigError(f"corruption_level must lie below 1 to mask pixels, but is {self.corruption_level}.")
        if self.family == "hierarchical" and self.latent_dim is not None and self.latent_dim < self.stochastic_levels:
            raise ConfigError(
                f"latent_dim must be at least 1 for each of {self.stochastic_levels} stochastic_levels, "
                f"but is {self.latent_dim}."
            )

    @property
    def has_prior(self) -> bool:
        """Whether latents have a prior, N(0, I), and posteriors a width."""
        return self.family in VARIATIONAL

    @property
    def level_sizes(self) -> tuple[int, ...]:
        """How many latent dimensions each stochastic level has, the top level first, in the order of the axes.

        Together d: as evenly as can be, what is left over going to the lowest levels. One level of d but for the
        hierarchical family.
        """
        assert self.latent_dim is not None
        levels = self.stochastic_levels if self.family == "hierarchical" else 1
        least, rest = divmod(self.latent_dim, levels)
        return tuple(least + (level >= levels - rest) for level in range(levels))


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a model is fitted."""

    beta: float = 1.0
    """Weight of the rate (KL) in the loss; 0 is allowed, 1 is the ELBO. An autoencoder has no rate."""
    warmup: Warmup = "linear"
    """How beta rises: once, over the first part of the steps, or anew in every cycle."""
    warmup_share: float = 0.15
    """Share of all steps over which beta rises; of a cyclical warm-up, share of each cycle (Fu 2019 takes 0.5)."""
    warmup_cycles: int = 4
    """Cycles of a cyclical warm-up."""
    objective: Bound = "elbo"
    """Bound on log p(x) that is maximised: the ELBO, or the importance-weighted one of --samples draws."""
    samples: int = 1
    """Draws K from the posterior of an image in every step."""
    free_bits: float = 0.0
    """Nats of rate per latent dimension, mean over the batch, below which a dimension is not charged less."""
    gradient: GradientPath = "reparameterised"
    """How the encoder learns what a draw cost: through the draw, not at all, or by the score function."""
    binarise: bool | None = None
    """Draw Bernoulli targets from the grey images anew at every step; the encoder always sees grey."""
    flip: bool | None = None
    """Mirror each image left to right at every other sight of it, at random."""
    epochs: int | None = None
    """Passes over the training images."""
    batch_size: int | None = None
    """Images in a step."""
    lr: float | None = None
    """Highest learning rate of AdamW. Where it is left open it follows the square root of the batch size, so that the
    statistics of Adam's steps stay (Malladi 2022, https://arxiv.org/abs/2205.10287)."""
    schedule: Schedule = "onecycle"
    """How the learning rate moves: up and down, down by a cosine, by 0.95 an epoch, or not at all."""
    momentum: str | None = None
    """AdamW's first beta, the share of its running mean of gradients that stays at every step: a number in [0, 1), or
    'cycled' between 0.95 and 0.85 against the learning rate; left open, it is cycled with onecycle and 0.9 without."""
    weight_decay: float = 1e-4
    """AdamW's weight decay."""
    seed: int = 0
    """Seed of weights, shuffling and noise."""
    device: Device = "auto"
    """Where to compute; auto takes the accelerator that is there, else the CPU."""
    precision: Precision = "auto"
    """Arithmetic of the net; auto takes bf16 where the hardware has it. Latents and losses stay fp32."""
    threads: int | None = None
    """CPU threads."""
    stream: bool | None = None
    """Read the images from their file while fitting, instead of keeping them on the device."""
    compile: bool | None = None
    """Compile the net, on CUDA into one graph."""
    save_every: int | None = None
    """Epochs between two saved states, which --resume needs, and between two sheets of samples."""
    patience: int | None = None
    """Epochs without a better loss on the validation images after which a fit ends, and ships its best epoch."""
    average_epochs: float = 0.0
    """Half-life, in epochs, of a running average of the weights that is shipped in their place; 0 for none."""
    nll_samples: int | None = None
    """K of the importance-weighted bound on the test images."""
    nll_images: int | None = None
    """Test images, drawn at random, on which that bound's gap to the ELBO is measured."""

    def __post_init__(self) -> None:
        _check_choices(self)
        _check_ranges(self)
        if self.momentum == CYCLED:
            if self.schedule != "onecycle":
                raise ConfigError(
                    f"momentum must be a number with --schedule {self.schedule}, but is {CYCLED!r}, which moves with "
                    "onecycle alone."
                )
        elif self.momentum is not None and not (_lies_in(self.momentum, 0, 1) and float(self.momentum) < 1):
            raise ConfigError(f"momentum must be {CYCLED!r} or a number in [0, 1), but is {self.momentum!r}.")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """All that config.json holds of one run."""

    format: int = FORMAT
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    versions: Mapping[str, str] = field(default_factory=dict)
    twin: str | None = None
    """Name of the run it was fitted with."""
    tag: str | None = None
    """Last part of the run's name, to keep runs apart that differ in other settings."""

    @property
    def name(self) -> str:
        """The run's folder: <dataset>-<family>-<latent_dim>[-<tag>]."""
        stem = f"{self.data.name or self.data.dataset}-{self.model.family}-{self.model.latent_dim}"
        return f"{stem}-{self.tag}" if self.tag else stem

    @property
    def key(self) -> str:
        """What twins and ladders share: a hash of the settings without family and beta."""
        settings = to_json(self)
        shared = {part: dict(settings[part]) for part in ("data", "model", "train")}
        del shared["model"]["family"], shared["train"]["beta"]
        for name in ("device", "threads", "precision", "stream", "compile", "save_every", "nll_samples", "nll_images"):
            del shared["train"][name]  # where a run was fitted, and how it was measured, is not what was fitted
        return hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()[:16]


UNNORMALISED: Mapping[str, Any] = {"norm": "none", "hidden": 256}
"""Of models and estimators that batch normalisation does not go with."""

NORMALISED: Mapping[str, Any] = {"norm": "batch", "hidden": 0}
"""For pictures. Faces after 4 epochs, sigma 0.2, batches of 64: test ELBO 7,154 nats and MSE 0.0075 with it, 6,785 and
0.0099 without; and 0.26 of the prior was vacant, not all of it: the codes fill N(0, I) far sooner."""

DATASET_DEFAULTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "mnist": {
        "data": {"held_out": 2500, "calibration": 5000, "reference": 10000},
        "model": {"latent_dim": 16, "likelihood": "bernoulli", "net": "conv", "widths": (32, 64), **UNNORMALISED},
        "train": {
            "binarise": True,
            "flip": False,
            "epochs": 25,
            "lr": 6e-3,
            "batch_size": 256,
            "save_every": 5,
        },
    },
    "digits": {
        "data": {"held_out": 100, "calibration": 300, "reference": 10000},
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
        "data": {"image_size": 64, "reference": 10000},
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
        "data": {"image_size": 32, "held_out": 500, "calibration": 1000, "reference": 10000},
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
    "folder": {
        "data": {"image_size": 64, "reference": 10000},
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
}
"""Per data set: what a setting left at None means; widths not named here come from `default_widths`.

The two sizes of a split that are not named here depend on how many images there are: `explorer.data.split`.
"""


OPEN_DEFAULTS: Mapping[str, str] = {
    "image_size": "the set's own",
    "held_out": "a tenth of the training images, at most 1000",
    "calibration": "a tenth of the training images, at most 2500",
    "subset": "all",
    "tested": "all",
    "one_split": "the parts of the split where nothing lies beside them",
    "widths": "by the size of the images",
    "threads": "all cores",
    "stream": "yes where the images would fill half the memory of the device",
    "compile": "yes on CUDA where a fit is long enough to win the time back",
    "patience": "no limit",
    "nll_samples": "in proportion to the fit",
    "nll_images": "in proportion to the fit",
}
"""What a setting that was left open means for a data set that `DATASET_DEFAULTS` does not name."""


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


def sized_name(name: str, data: DataConfig) -> str:
    """The name of a data set with its size and grey, where they are not its own."""
    usual = DATASET_DEFAULTS[data.dataset]["data"].get("image_size")
    size = f"-{data.image_size}" if data.image_size not in (None, usual) else ""
    return f"{name}{size}{'-grey' if data.grey else ''}"


def default_widths(image_size: int) -> tuple[int, ...]:
    """Channels of a convolutional net for square images: 256 at the bottom, half as many at each doubled size.

    The bottom is 4 to 7 pixels wide, so that the decoder takes about 30 million multiplications and additions for
    64x64 colour images. The net pads a size that cannot be halved so often (`explorer.models.layers.Pad`).
    """
    halvings = 1
    while -(-image_size >> halvings) > 7 and halvings < 6:
        halvings += 1
    if -(-image_size >> halvings) < 8:
        return (8, 16, 32, 64, 128, 256)[6 - halvings :]
    return (16, 32, 64, 128, 256, 256)[:halvings]  # the bottom stays large: wide layers there would take forever


def resolve(config: RunConfig) -> RunConfig:
    """The same settings with the data set's default in every place that was left open."""
    defaults = DATASET_DEFAULTS[config.data.dataset]
    parts: dict[str, Any] = {}
    for part in ("data", "model", "train"):
        given = getattr(config, part)
        usual = _model_defaults(config, parts["data"].image_size) if part == "model" else defaults[part]
        missing = {k: v for k, v in usual.items() if getattr(given, k) is None}
        if part == "data":
            missing["name"] = given.name or sized_name(given.dataset, given)
        if part == "train" and given.binarise is None and config.model.likelihood not in (None, "bernoulli"):
            missing["binarise"] = False
        if part == "train" and given.lr is None:
            batch_size = usual["batch_size"]
            missing["lr"] *= ((given.batch_size or batch_size) / batch_size) ** 0.5
        if part == "train" and given.momentum is None:
            missing["momentum"] = usual_momentum(given.schedule)
        parts[part] = dataclasses.replace(given, **missing)
    resolved = dataclasses.replace(config, **parts)
    if resolved.train.binarise and resolved.model.likelihood != "bernoulli":
        raise ConfigError("binarise draws Bernoulli targets: it needs --likelihood bernoulli; add --no-binarise.")
    if resolved.data.calibration is not None:
        _check_range("calibration", resolved.data.calibration, FEWEST_CALIBRATION, MOST_COUNT)
    _check_fit(resolved, config)
    return resolved


def usual_momentum(schedule: str) -> str:
    """The momentum of a fit for which none was asked."""
    return CYCLED if schedule == "onecycle" else USUAL_MOMENTUM


def _model_defaults(config: RunConfig, image_size: int | None) -> dict[str, Any]:
    """A data set's own settings of a model, but for what does not go with the settings that were given."""
    model, found = config.model, dict(DATASET_DEFAULTS[config.data.dataset]["model"])
    if "widths" not in found:
        assert image_size is not None  # of all sets of pictures
        found["widths"] = default_widths(image_size)
    net = model.net or found["net"]
    if net == "mlp" or model.family == "contractive" or config.train.gradient == "score":
        found |= UNNORMALISED
    if model.family == "hierarchical":
        found["hidden"] = UNNORMALISED["hidden"]
    return found


def _check_fit(config: RunConfig, asked_for: RunConfig) -> None:
    """Refuse settings that their family, or one another, give no meaning to.

    Only what somebody asks for is checked, not what is stored: the autoencoder of twins keeps the settings of its VAE.

    Args:
        config: Resolved settings.
        asked_for: The same before they were resolved.
    """
    model, train = config.model, config.train
    given = {
        each.name: getattr(part, each.name)
        for part in (asked_for.data, asked_for.model, asked_for.train)
        for each in dataclasses.fields(part)
        if getattr(part, each.name) not in (each.default, ())
    }
    chosen = dataclasses.asdict(model) | dataclasses.asdict(train)
    for name, (other, values) in CHOSEN_SETTINGS.items():
        if name in given and chosen[other] not in values:
            raise ConfigError(
                f"{name} means nothing with --{other.replace('_', '-')} {chosen[other]}: leave it out, or use "
                f"--{other.replace('_', '-')} {' or '.join(sorted(values))}."
            )
    if train.average_epochs > (train.epochs or MOST_COUNT):
        raise ConfigError(
            f"average_epochs must be at most the {train.epochs} epochs, but is {train.average_epochs:g}: an average "
            "that is slower ships the weights of the first step."
        )
    for name, owner in OWN_SETTINGS.items():
        if name in given and model.family != owner:
            raise ConfigError(f"{name} is a setting of --family {owner}, but the family is {model.family}.")
    asked = [name for name, default in VARIATIONAL_SETTINGS.items() if getattr(train, name) != default]
    if asked and not model.has_prior:
        raise ConfigError(
            f"{asked[0]} = {getattr(train, asked[0])} needs a posterior with a width, but that of the family "
            f"{model.family} is a point; use --family {' or '.join(sorted(VARIATIONAL, reverse=True))}."
        )
    if train.objective == "iwae":
        if train.samples < 2:
            raise ConfigError("objective iwae weighs draws against one another: it needs --samples 2 or more.")
        if train.free_bits or train.gradient != "reparameterised":
            name = "free_bits" if train.free_bits else "gradient"
            raise ConfigError(f"{name} is of the ELBO: with --objective iwae it must stay at its default.")
    if train.gradient == "score" and train.free_bits:
        raise ConfigError("free_bits has no score-function estimator: leave it at 0 with --gradient score.")
    if model.norm == "batch":
        alone = {"--net mlp": model.net == "mlp", "--family contractive": model.family == "contractive"}
        alone["--gradient score"] = train.gradient == "score"
        reasons = {
            "--net mlp": "normalises feature maps, which it has none of",
            "--family contractive": "makes the code of an image depend on others, so that its Jacobian is not its own",
            "--gradient score": "makes the cost of a draw depend on others, so that its score is not its own",
        }
        for name in (name for name, holds in alone.items() if holds):
            raise ConfigError(f"norm batch does not go with {name}: it {reasons[name]}; use --norm none.")


def to_json(config: RunConfig) -> dict[str, Any]:
    """The settings as plain values for config.json, with the twins' key beside them."""
    return dataclasses.asdict(config)


def from_json(stored: object, source: str) -> RunConfig:
    """The settings of a config.json.

    Args:
        stored: What the JSON file holds.
        source: The file's name, for messages.

    Raises:
        CheckpointError: A newer format, an unknown key, or a value out of range.
    """
    if not isinstance(stored, dict):
        raise CheckpointError(f"{source} must hold one JSON object; fit the run again with train.py.")
    number = stored.get("format", 1)
    if not isinstance(number, int) or isinstance(number, bool) or number > FORMAT:
        raise CheckpointError(
            f"{source} has format {number!r}, but this program reads up to {FORMAT}; "
            "update the program, or fit the run again with train.py."
        )
    try:
        config = _build(RunConfig, {k: v for k, v in _as_fitted(stored).items() if k != "key"})
    except ConfigError as error:
        raise CheckpointError(f"{source}: {error}") from None
    if config.model.norm is None:  # before there was a choice
        config = dataclasses.replace(config, model=dataclasses.replace(config.model, norm="none"))
    return config


def _as_fitted(stored: dict[str, Any]) -> dict[str, Any]:
    """A config.json with the momentum that its fit used.

    Programs up to September 2026 stored a number, 0.9 unless somebody asked for another, or none at all; but with
    onecycle the momentum was cycled, whatever the number. What is stored as text says what was used. The files are left
    as they are.
    """
    train = stored.get("train")
    if not isinstance(train, dict):
        return stored
    number, schedule = train.get("momentum", float(USUAL_MOMENTUM)), train.get("schedule", TrainConfig.schedule)
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return stored
    return stored | {"train": train | {"momentum": CYCLED if schedule == "onecycle" else f"{number:g}"}}


def field_help(cls: type) -> Mapping[str, str]:
    """The docstring under each field of one of this module's dataclasses, by the field's name."""
    return _FIELD_HELP[cls.__name__]


def _docstrings_under_fields(source: str) -> dict[str, dict[str, str]]:
    """Of every class of a module's source, the docstring under each of its fields."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef):
            continue
        texts = found.setdefault(node.name, {})
        for statement, after in zip(node.body, node.body[1:], strict=False):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                    texts[statement.target.id] = " ".join(str(after.value.value).split())
    return found


_FIELD_HELP = _docstrings_under_fields(inspect.getsource(sys.modules[__name__]))
"""Made while the module is imported: Python 3.11 fails at random where two threads parse at once, as a page's do."""


T = TypeVar("T")


def _build(cls: type[T], values: Mapping[str, Any]) -> T:
    """A (nested) config dataclass of plain values; unknown keys and wrong types are refused."""
    hints = typing.get_type_hints(cls)
    names = {f.name for f in dataclasses.fields(cls)}  # pyright: ignore[reportArgumentType]
    unknown = sorted(set(values) - names)
    if unknown:
        raise ConfigError(f"unknown setting {unknown[0]!r} in {cls.__name__}; known are {', '.join(sorted(names))}.")
    return cls(**{name: _coerced(hints[name], value, name) for name, value in values.items()})


def _coerced(hint: Any, value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ConfigError(f"{name} must be an object, but is {value!r}.")
        return _build(hint, value)  # pyright: ignore[reportArgumentType]
    options = _options(hint)
    if value is None and type(None) in options:
        return None
    for option in options:
        origin = get_origin(option)
        if origin is tuple and isinstance(value, (list, tuple)):
            items = get_args(option)
            if Ellipsis not in items and len(items) != len(value):
                raise ConfigError(f"{name} must hold {len(items)} values, but is {value!r}.")
            return tuple(_coerced(items[0], item, name) for item in value)
        if origin is Literal and value in get_args(option):
            return value
        if origin is Mapping and isinstance(value, dict):
            return {str(k): str(v) for k, v in value.items()}
        if option is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        if isinstance(option, type) and option is not float and type(value) is option:
            return value
    raise ConfigError(f"{name} cannot be {value!r}.")


def _options(hint: Any) -> tuple[Any, ...]:
    """The types that a hint allows, None among them: `int | None` allows two, `int` one."""
    return get_args(hint) if get_origin(hint) in (types.UnionType, typing.Union) else (hint,)


def _check_choices(config: Any) -> None:
    for name, hint in typing.get_type_hints(type(config)).items():
        choices = [c for option in _options(hint) if get_origin(option) is Literal for c in get_args(option)]
        value = getattr(config, name)
        if choices and value is not None and value not in choices:
            raise ConfigError(f"{name} must be one of {', '.join(choices)}, but is {value!r}.")


def _check_ranges(config: Any) -> None:
    """Refuse a number outside of its range in `RANGES`; of a tuple, any of its numbers."""
    for each in dataclasses.fields(config):
        if each.name not in RANGES:
            continue
        value = getattr(config, each.name)
        for each_number in value if isinstance(value, tuple) else () if value is None else (value,):
            _check_range(each.name, each_number, *RANGES[each.name])


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not value >= least:  # NaN fails too
        raise ConfigError(f"{name} must be at least {least:.16g}, but is {value}.")
    if value > most:
        raise ConfigError(f"{name} must be at most {most:.16g}, but is {value}.")


def _lies_in(value: str, least: float, most: float) -> bool:
    try:
        return least <= float(value) <= most
    except ValueError:
        return False


RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What a run may be called: a plain folder name, never a path."""


# --- the command line -----------------------------------------------------------------------------------------


def add_flags(group: Any, cls: type, shown: Container[str] | None = None) -> None:
    """Add a flag for every field of a config dataclass to an argparse group; its docstring is the help.

    Args:
        group: Of the command line.
        cls: One of the dataclasses of this module.
        shown: Names of the fields whose flags the help shows; None shows all.
    """
    hints, texts = typing.get_type_hints(cls), field_help(cls)
    for each in dataclasses.fields(cls):  # pyright: ignore[reportArgumentType]
        if not each.metadata.get("flag", True):
            continue
        flag = "--" + each.name.replace("_", "-")
        text = f"{texts[each.name].rstrip('.')} (default: {default_words(each)})".replace("%", "%%")
        options = [option for option in _options(hints[each.name]) if option is not type(None)]
        settings: dict[str, Any] = {"dest": each.name}
        settings["help"] = text if shown is None or each.name in shown else argparse.SUPPRESS
        if options[0] is bool:
            settings["action"] = argparse.BooleanOptionalAction
        elif get_origin(options[0]) is Literal:
            settings |= choice(get_args(options[0]))
        elif get_origin(options[0]) is tuple:
            settings |= {"type": number(int), "nargs": "+", "metavar": "N"}
        elif options[0] in (int, float):
            settings |= {"type": number(options[0]), "metavar": "N" if options[0] is int else "X"}
        else:
            settings["metavar"] = "TEXT"
        # set afterwards: given at once, argparse of Python 3.11 would add its own words to the help of a switch
        group.add_argument(flag, **settings).default = each.default


def default_words(setting: "dataclasses.Field[Any]") -> str:
    """The default of a setting in words; where data sets differ, that of each."""
    if setting.default is not None:
        return _value_words(setting.default)
    sets: dict[str, list[str]] = {}
    for name, parts in DATASET_DEFAULTS.items():
        for value in (part[setting.name] for part in parts.values() if setting.name in part):
            sets.setdefault(_value_words(value), []).append(name)
    named = sum(map(len, sets.values()))
    if named == len(DATASET_DEFAULTS) and len(sets) == 1:
        return next(iter(sets))
    told = [f"{words} for {' and '.join(names)}" for words, names in sets.items()]
    if named < len(DATASET_DEFAULTS):
        told.append(f"{'else ' if told else ''}{OPEN_DEFAULTS.get(setting.name, 'by the other settings')}")
    return ", ".join(told)


def _value_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return " ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def from_flags(cls: type[T], flags: argparse.Namespace) -> T:
    """The config dataclass that parsed flags name.

    Raises:
        ConfigError: A value out of range.
    """
    values = {f.name: getattr(flags, f.name) for f in dataclasses.fields(cls) if f.metadata.get("flag", True)}  # pyright: ignore[reportArgumentType]
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
