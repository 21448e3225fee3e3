"""What a setting that was left open means, and which settings do not go together."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from explorer.config.datasets import DATASETS, UNNORMALISED
from explorer.config.families import FAMILIES
from explorer.config.likelihoods import LIKELIHOODS
from explorer.config.limits import FEWEST_CALIBRATION, MOST_COUNT, check_range
from explorer.config.settings import (
    CHOSEN_SETTINGS,
    CYCLED,
    OWN_SETTINGS,
    USUAL_MOMENTUM,
    VARIATIONAL_SETTINGS,
    DataConfig,
    RunConfig,
)
from explorer.errors import ConfigError

OPEN_DEFAULTS: Mapping[str, str] = {
    "image_size": "the set's own",
    "held_out": "a tenth of the training images, at most 1000",
    "calibration": "a tenth of the training images, at most 2500",
    "set_aside": "none where the set has test images enough, else as many as calibrate",
    "subset": "all",
    "tested": "all",
    "one_split": "the parts of the split where nothing lies beside them",
    "channels": "by the shape",
    "pixel_range": "by the values",
    "array": "the only one, or the one called so",
    "widths": "by the size of the images",
    "threads": "all cores",
    "stream": "yes where the images would fill half the memory of the device",
    "compile": "yes on CUDA where a fit is long enough to win the time back",
    "minutes": "no limit",
    "begin_with": "none, weights at random",
    "patience": "no limit",
    "nll_samples": "in proportion to the fit",
    "nll_images": "in proportion to the fit",
}
"""What a setting that was left open means for a data set that `DATASETS` does not name."""


def sized_name(name: str, data: DataConfig) -> str:
    """The name of a data set with its size and grey, where they are not its own."""
    usual = DATASETS[data.dataset]["data"].get("image_size")
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
    defaults = DATASETS[config.data.dataset]
    parts: dict[str, Any] = {}
    for part in ("data", "model", "train"):
        given = getattr(config, part)
        usual = _model_defaults(config, parts["data"].image_size) if part == "model" else defaults[part]
        missing = {k: v for k, v in usual.items() if getattr(given, k) is None}
        if part == "data":
            missing["name"] = given.name or sized_name(given.dataset, given)
        if part == "train" and given.binarise is None and config.model.likelihood is not None:
            if not config.model.is_binary:
                missing["binarise"] = False
        if part == "train" and given.lr is None:
            batch_size = usual["batch_size"]
            missing["lr"] *= ((given.batch_size or batch_size) / batch_size) ** 0.5
        if part == "train" and given.save_every is None:
            missing["save_every"] = usual_save_every(config.data.dataset, given.epochs)
        if part == "train" and given.momentum is None:
            missing["momentum"] = usual_momentum(given.schedule)
        parts[part] = dataclasses.replace(given, **missing)
    resolved = dataclasses.replace(config, **parts)
    if resolved.train.binarise and not resolved.model.is_binary:
        binary = " or ".join(name for name, law in LIKELIHOODS.items() if law.is_binary)
        raise ConfigError(f"binarise draws Bernoulli targets: it needs --likelihood {binary}; add --no-binarise.")
    if resolved.data.calibration is not None:
        check_range("calibration", resolved.data.calibration, FEWEST_CALIBRATION, MOST_COUNT)
    _check_fit(resolved, config)
    return resolved


def usual_save_every(dataset: str, epochs: int | None) -> int:
    """Epochs between two saved states of a fit for which none were asked: a shorter fit keeps as many sheets.

    Args:
        dataset: Its name.
        epochs: Of the fit; None for the usual ones.
    """
    usual = DATASETS[dataset]["train"]
    share = 1.0 if epochs is None else min(1.0, epochs / usual["epochs"])
    return max(1, round(share * usual["save_every"]))


def usual_momentum(schedule: str) -> str:
    """The momentum of a fit for which none was asked."""
    return CYCLED if schedule == "onecycle" else USUAL_MOMENTUM


def _model_defaults(config: RunConfig, image_size: int | None) -> dict[str, Any]:
    """A data set's own settings of a model, but for what does not go with the settings that were given."""
    model, found = config.model, dict(DATASETS[config.data.dataset]["model"])
    if "widths" not in found and image_size is not None:  # else the images' own, known when they are read
        found["widths"] = default_widths(image_size)
    net = model.net or found["net"]
    family = FAMILIES[model.family]
    if net == "mlp" or family.against_norm or config.train.gradient == "score":
        found |= UNNORMALISED
    if family.has_levels:
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
    variational = " or ".join(name for name, family in FAMILIES.items() if family.has_prior)
    asked = [name for name, default in VARIATIONAL_SETTINGS.items() if getattr(train, name) != default]
    if asked and not model.has_prior:
        raise ConfigError(
            f"{asked[0]} = {getattr(train, asked[0])} needs a posterior with a width, but that of the family "
            f"{model.family} is a point; use --family {variational}."
        )
    if train.objective == "iwae":
        if train.samples < 2:
            raise ConfigError("objective iwae weighs draws against one another: it needs --samples 2 or more.")
        if train.free_bits or train.gradient != "reparameterised":
            name = "free_bits" if train.free_bits else "gradient"
            raise ConfigError(f"{name} is of the ELBO: with --objective iwae it must stay at its default.")
    if train.gradient == "score" and train.free_bits:
        raise ConfigError("free_bits has no score-function estimator: leave it at 0 with --gradient score.")
    if train.feature_loss and (train.objective == "iwae" or train.gradient == "score"):
        other = "objective iwae" if train.objective == "iwae" else "gradient score"
        raise ConfigError(
            f"feature_loss has no part in --{other}, which knows likelihoods alone: leave one of them out."
        )
    if model.norm == "batch":
        against = {
            "--net mlp": "normalises feature maps, which it has none of" if model.net == "mlp" else None,
            f"--family {model.family}": FAMILIES[model.family].against_norm,
            "--gradient score": (
                "makes the cost of a draw depend on others, so that its score is not its own"
                if train.gradient == "score"
                else None
            ),
        }
        for name, reason in against.items():
            if reason is not None:
                raise ConfigError(f"norm batch does not go with {name}: it {reason}; use --norm none.")
