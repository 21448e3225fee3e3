"""What a fit begins with where that is another run: its weights, and its split of the images."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from explorer.checkpoint import list_runs, read_config, read_weights
from explorer.config import DataConfig, RunConfig
from explorer.data import ImageSet, Split, split
from explorer.errors import CheckpointError

SPLIT_SETTINGS = ("held_out", "calibration", "set_aside", "reference", "tested", "validation_pooled")
"""Settings of the split that a fit takes from the run that it begins with, unless they are given."""


def with_split_of(name: str | None, data: DataConfig, out: Path) -> DataConfig:
    """The settings of the data with the split of the run that a fit begins with, where it is of the same data set.

    Scores of the two compare only on the same test images, and no image that the first was fitted to may be among them.
    """
    if name is None or not (out / name).is_dir():
        return data
    theirs = read_config(out / name).data
    same = theirs.dataset == data.dataset and data.image_size in (None, theirs.image_size)
    if not same or theirs.split_seed != data.split_seed:
        return data
    return dataclasses.replace(
        data, **{each: getattr(theirs, each) for each in SPLIT_SETTINGS if getattr(data, each) is None}
    )


def first_weights(config: RunConfig, out: Path) -> Mapping[str, Any] | None:
    """The weights of the run that a fit begins with; None for a fit that begins at random.

    Raises:
        CheckpointError: There is no such run, it is of another net, or it is the run that is to be fitted.
    """
    from explorer.coder import weight_shapes

    name = config.train.begin_with
    if name is None:
        return None
    if name not in list_runs(out):
        there = ", ".join(list_runs(out)) or "none"
        raise CheckpointError(f"there is no run {name!r} in {out} to begin with; there are: {there}.")
    if name == config.name:
        raise CheckpointError(f"{name} cannot begin with itself, for it would be replaced; name the new run by --tag.")
    model = read_config(out / name).model
    theirs, mine = dataclasses.asdict(model), dataclasses.asdict(config.model)
    other = [key for key in mine if key not in FREE_OF_A_BEGINNING and mine[key] != theirs[key]]
    if other:
        raise CheckpointError(
            f"{name} is of another net, so nothing can begin with it: its {other[0]} is {theirs[other[0]]!r}, and here "
            f"it is {mine[other[0]]!r}."
        )
    return read_weights(out / name, weight_shapes(model, str(out / name)))


def check_beginning(config: RunConfig, out: Path, images: ImageSet, parts: Split) -> None:
    """Refuse a run that a fit cannot begin with, before any work.

    Raises:
        CheckpointError: As `first_weights` says, or the run was fitted to images that the new one would be measured on.
    """
    name = config.train.begin_with
    if name is None:
        return
    first_weights(config, out)
    theirs = read_config(out / name).data
    if theirs.fingerprint != images.fingerprint:
        return
    measured = np.concatenate([parts.test, parts.calibration, parts.validation])
    seen = int(np.isin(measured, split(images, theirs).train).sum())
    if seen:
        raise CheckpointError(
            f"{name} was fitted to {seen:,} of the {len(measured):,} images that {config.name} would be measured on; "
            "leave the flags of the split out, and it takes that run's."
        )


FREE_OF_A_BEGINNING = frozenset(
    {"sigma", "corruption", "corruption_level", "sparsity", "sparsity_weight", "sparsity_target", "contraction_weight"}
)
"""Settings of a model in which a fit may differ from the run that it begins with."""
