"""What a setting that was left open means, and which settings do not go together."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from explorer.config.limits import FEWEST_CALIBRATION, MOST_COUNT, check_range
from explorer.config.settings import (
    CHOSEN_SETTINGS,
    CYCLED,
    OWN_SETTINGS,
    USUAL_MOMENTUM,
    VARIATIONAL,
    VARIATIONAL_SETTINGS,
    DataConfig,
    RunConfig,
)
from explorer.errors import ConfigError

UNNORMALISED: Mapping[str, Any] = {"norm": "none", "hidden": 256}
"""Of models and estimators that batch normalisation does not go with."""

NORMALISED: Mapping[str, Any] = {"norm": "batch", "hidden": 0}
"""For pictures. Faces after 4 epochs, sigma 0.2, batches of 64: test ELBO 7,154 nats and MSE 0.0075 with it, 6,785 and
0.0099 without; and 0.26 of the prior was vacant, not all of it: the codes fill N(0, I) far sooner."""

DATASET_DEFAULTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "mnist": {
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
    },
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
}
"""Per data set: what a setting left at None means; widths not named here come from `default_widths`.

The sizes of a split that are not named here depend on how many images there are: `explorer.data.split`.
"""


OPEN_DEFAULTS: Mapping[str, str] = {
    "image_size": "the set's own",
    "held_out": "a tenth of the training images, at most 1000",
    "calibration": "a tenth of the training images, at most 2500",
    "set_aside": "none where the set has test images enough, else as many as calibrate",
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
        check_range("calibration", resolved.data.calibration, FEWEST_CALIBRATION, MOST_COUNT)
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
