"""The settings of a run: frozen dataclasses whose field docstrings become the command line's help."""

import ast
import dataclasses
import hashlib
import inspect
import json
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from explorer.config.datasets import DATASETS
from explorer.config.families import FAMILIES, has_prior
from explorer.config.likelihoods import LIKELIHOODS
from explorer.config.limits import MOST_SIDE, SIGMAS, OneOf, check_choices, check_ranges, lies_in
from explorer.errors import ConfigError

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What a run may be called: a plain folder name, never a path."""

FORMAT = 1
"""Version of the layout of a run on disk; a newer one is refused."""

DatasetName = Annotated[str, OneOf(DATASETS)]
FamilyName = Annotated[str, OneOf(FAMILIES)]
LikelihoodName = Annotated[str, OneOf(LIKELIHOODS)]
Channels = Literal["first", "last"]
PixelRange = Literal["unit", "signed", "bytes", "stretched"]
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

OWN_SETTINGS: Mapping[str, str] = {name: own for own, family in FAMILIES.items() for name in family.settings}
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
    "widths": ("net", frozenset({"conv", "residual"})),
    **{name: ("likelihood", frozenset({own})) for own, law in LIKELIHOODS.items() for name in law.settings},
}
"""Settings that mean nothing unless another one has one of these values."""

FIRST_READING, READING = 1, 3
"""Numbers of the rules by which the pictures of a folder are read: of the first edition, and of new runs. The second
had no tables of labels beside the pictures."""

CHARGED_FOR_FEATURES = "Fitted to features beside pixels: its pictures are sharper, and it maximises no likelihood."
"""What is said everywhere of a run with a feature loss."""

CYCLED = "cycled"
"""The momentum that moves against the learning rate, between 0.85 and 0.95."""

USUAL_MOMENTUM = "0.9"
"""The momentum where the learning rate does not move in one cycle."""


def fact() -> Any:
    """A field that is learned from the data and stored, but is no flag."""
    return field(default=None, metadata={"flag": False})


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which images, and how they are split."""

    dataset: DatasetName = "mnist"
    """Data set to fit."""
    image_size: int | None = None
    """Side of the square images, in pixels; MNIST and the digits have theirs."""
    grey: bool = False
    """Turn colour images grey."""
    held_out: int | None = None
    """Images for validation: the curve, and the epoch that --patience ships, are measured on them. They are kept back
    from the training images; where the set has validation images of its own, up to half are those."""
    calibration: int | None = None
    """Images that calibrate the holes (set C of the hole scores), 19 or more: drawn from those that no fit sees, which
    the test images are drawn from too."""
    set_aside: int | None = None
    """Training images kept back for calibration and test, where the set's own test images are too few for both."""
    reference: int | None = None
    """Most training images whose codes are stored as reference of the holes (set R); as many more are set G."""
    subset: int | None = None
    """Fit only so many of the training images, drawn at random."""
    tested: int | None = None
    """Score a run on, and store the latents of, only so many of the test images, drawn at random."""
    split_seed: int = 0
    """Seed of the split; twins and ladders share it."""
    one_split: bool | None = None
    """Take sub-folders called train, valid or test for classes; or for the parts of the split, and leave out what lies
    beside them; left open, they are parts where nothing lies beside them, and train.py asks where something does."""
    channels: Channels | None = None
    """Where an array of images has its channels, if its shape does not tell: (N, C, H, W) or (N, H, W, C)."""
    pixel_range: PixelRange | None = None
    """What the values of an array reach from and to, if they do not tell: 0 to 1, -1 to 1, 0 to 255, or from the
    smallest to the largest."""
    array: str | None = None
    """Name of the array of images in --file, if it is not the only one that can be."""
    name: str | None = fact()
    """Name of the data set in the run's name."""
    folder: str | None = fact()
    """Where the images of a folder or of a file lie: relative to the folder of the data sets, or its name alone."""
    labels: str | None = fact()
    """Where the table of their labels lies, in the same way; None for one beside the pictures, or none."""
    reading: int | None = fact()
    """Number of the rules by which the pictures of a folder were read; None for those of the first edition."""
    brightness: tuple[float, float] | None = fact()
    """Values that became black and white where pictures had more than 8 bits; None where none had."""
    extra_train: str | None = fact()
    """Where training images without attributes lie, in the same way; None where there are none."""
    validation_pooled: bool | None = fact()
    """Whether calibration and test were drawn from the validation images, too: these decided nothing about the fit."""
    fingerprint: str | None = fact()
    """SHA-256 of pixels, their order and labels: an index means nothing against another copy."""
    class_names: tuple[str, ...] | None = fact()
    """Names of the labels, in their order; None without labels."""
    attribute_names: tuple[str, ...] | None = fact()
    """Names of the attributes, in their order; None without attributes."""
    factor_names: tuple[str, ...] | None = fact()
    """Names of the numbers that are known of every image, in their order; None without any."""

    def __post_init__(self) -> None:
        check_choices(self)
        check_ranges(self)
        if self.reading is not None and not FIRST_READING <= self.reading <= READING:
            raise ConfigError(f"reading must lie in {FIRST_READING} .. {READING}, but is {self.reading}.")
        if self.brightness is not None and not -float("inf") < self.brightness[0] < self.brightness[1] < float("inf"):
            raise ConfigError(f"brightness must hold two numbers, the smaller first, but is {self.brightness}.")
        if "image_size" not in DATASETS[self.dataset]["data"] and (self.image_size is not None or self.grey):
            raise ConfigError(f"{self.dataset} must keep its own size and its grey: leave out --image-size and --grey.")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The model: what it is, never how it is fitted."""

    family: FamilyName = "vae"
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
    likelihood: LikelihoodName | None = None
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
    program: int | None = fact()
    """Format of the two programs that the run holds in place of weights, of a model that was not fitted by train.py."""
    latent_shape: tuple[int, ...] | None = fact()
    """Shape of a latent as its own model has it, where it is flattened in the run; None for a vector."""

    def __post_init__(self) -> None:
        check_choices(self)
        check_ranges(self)
        if self.hidden == 0 and (self.net == "mlp" or FAMILIES[self.family].has_levels):
            raise ConfigError("hidden must be at least 1 for an mlp and for the hierarchical family, but is 0.")
        if self.output == "linear" and self.likelihood and not LIKELIHOODS[self.likelihood].is_linear:
            raise ConfigError(f"output must be sigmoid with a {self.likelihood} likelihood, but is 'linear'.")
        if self.widths and len(self.widths) > 10:
            raise ConfigError(f"widths must be at most 10 numbers, but are {self.widths}.")
        if self.image_shape is not None and not 1 <= min(self.image_shape) <= max(self.image_shape) <= MOST_SIDE:
            raise ConfigError(f"image_shape must hold whole numbers from 1 to {MOST_SIDE}, but is {self.image_shape}.")
        if self.levels is not None and not 2 <= self.levels <= 256:
            raise ConfigError(f"levels must lie in 2 .. 256, but is {self.levels}.")
        if self.latent_shape is not None and math.prod(self.latent_shape) != self.latent_dim:
            raise ConfigError(f"latent_shape must hold {self.latent_dim} numbers in all, but is {self.latent_shape}.")
        least, most = SIGMAS
        if self.sigma not in ("optimal", "learned") and not lies_in(self.sigma, least, most):
            raise ConfigError(
                f"sigma must be 'optimal', 'learned' or a number in [{least:g}, {most:g}], but is {self.sigma!r}."
            )
        if self.corruption == "masking" and self.corruption_level >= 1:
            raise ConfigError(f"corruption_level must lie below 1 to mask pixels, but is {self.corruption_level}.")
        if (
            FAMILIES[self.family].has_levels
            and self.latent_dim is not None
            and self.latent_dim < self.stochastic_levels
        ):
            raise ConfigError(
                f"latent_dim must be at least 1 for each of {self.stochastic_levels} stochastic_levels, "
                f"but is {self.latent_dim}."
            )

    @property
    def has_prior(self) -> bool:
        """Whether latents have a prior, N(0, I), and posteriors a width."""
        return has_prior(self.family)

    @property
    def is_binary(self) -> bool:
        """Whether the likelihood prices binary images, so that targets may be drawn from grey ones."""
        return self.likelihood is not None and LIKELIHOODS[self.likelihood].is_binary

    @property
    def level_sizes(self) -> tuple[int, ...]:
        """How many latent dimensions each stochastic level has, the top level first, in the order of the axes.

        Together d: as evenly as can be, what is left over going to the lowest levels. One level of d for a family
        without levels.
        """
        assert self.latent_dim is not None
        levels = self.stochastic_levels if FAMILIES[self.family].has_levels else 1
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
    """Nats of rate per latent dimension, mean over the batch, below which a dimension costs the same as at it."""
    gradient: GradientPath = "reparameterised"
    """How the encoder learns what a draw cost: through the draw, not at all, or by the score function."""
    feature_loss: float = 0.0
    """Weight of the mean squared difference of a net's features between an image and its reconstruction, in nats per
    unit, beside the likelihood; 0 for none. Pictures are sharper, and the fit maximises no likelihood any more. The net
    is fitted first, to the same images."""
    binarise: bool | None = None
    """Draw Bernoulli targets from the grey images anew at every step; the encoder always sees grey."""
    flip: bool | None = None
    """Mirror each image left to right at every other sight of it, at random."""
    begin_with: str | None = None
    """Name of a run of the same net, in the same folder, whose weights the fit begins with."""
    epochs: int | None = None
    """Passes over the training images."""
    minutes: float | None = None
    """Most minutes of fitting: a short trial tells how many epochs that is, --epochs at most; scores are measured after
    them."""
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

    @property
    def charges_features(self) -> bool:
        """Whether the fit charges for features beside the likelihood, so that it maximises none."""
        return self.feature_loss > 0

    def __post_init__(self) -> None:
        check_choices(self)
        check_ranges(self)
        if self.begin_with is not None and not RUN_NAME.fullmatch(self.begin_with):
            raise ConfigError(f"begin_with must be the name of a run, but is {self.begin_with[:100]!r}.")
        if self.momentum == CYCLED:
            if self.schedule != "onecycle":
                raise ConfigError(
                    f"momentum must be a number with --schedule {self.schedule}, but is {CYCLED!r}, which moves with "
                    "onecycle alone."
                )
        elif self.momentum is not None and not (lies_in(self.momentum, 0, 1) and float(self.momentum) < 1):
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
    def is_foreign(self) -> bool:
        """Whether somebody else fitted the model, so that nothing is known of the fit."""
        return self.model.program is not None

    @property
    def key(self) -> str:
        """What twins and ladders share: a hash of the settings without family and beta."""
        settings = dataclasses.asdict(self)
        shared = {part: dict(settings[part]) for part in ("data", "model", "train")}
        del shared["model"]["family"], shared["train"]["beta"]
        for name in ("device", "threads", "precision", "stream", "compile", "save_every", "nll_samples", "nll_images"):
            del shared["train"][name]  # where a run was fitted, and how it was measured, is not what was fitted
        del shared["train"]["minutes"]  # the epochs say what came of them
        for name in ("feature_loss", "begin_with"):  # runs of before there were such keep their key
            if not shared["train"][name]:
                del shared["train"][name]
        return hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()[:16]


def field_help(cls: type) -> Mapping[str, str]:
    """The docstring under each field of one of this module's dataclasses, by the field's name."""
    return _FIELD_HELP[cls.__name__]


def _docstrings_under_fields(source: str) -> dict[str, dict[str, str]]:
    """The docstring under each field of every class in a module's source."""
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
