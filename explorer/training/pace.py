"""How many epochs fit into --minutes, by a short trial, so that the learning rate is lowest where the time ends."""

import argparse
import contextlib
import dataclasses
from pathlib import Path

from explorer.checkpoint import partial_folder, read_config
from explorer.config import RunConfig, usual_save_every
from explorer.data import ImageSet, Split
from explorer.devices import pick_device, pick_precision
from explorer.errors import CheckpointError
from explorer.progress import stage
from explorer.training.fit import Fit
from explorer.training.perception import FeatureNet
from explorer.training.workers import Workers

TRIAL_SHARE, LONGEST_TRIAL = 0.05, 3.0
"""Share of --minutes that a trial may take to find out how many epochs they are, and its most seconds."""

SPARE = 0.95
"""Share of --minutes that the epochs are to fill: what is late is cut off after the last of them that ends in time."""


def paced(
    configs: list[RunConfig],
    images: ImageSet,
    parts: Split,
    workers: Workers,
    args: argparse.Namespace,
    features: FeatureNet | None = None,
) -> list[RunConfig]:
    """Runs with as many epochs as fit into --minutes, the same for all: twins and ladders share their settings.

    The learning rate falls with the last of them, which a fit that is merely cut off never comes to. A run that is
    resumed keeps the number that was found when it was begun.

    Args:
        configs: Their settings, with what the images say of themselves.
        images: The data set.
        parts: Its split.
        workers: The processes that share the fits.
        args: The command line.
        features: The net of a feature loss, for fits with one.
    """
    first, settings = configs[0], configs[0].train
    assert settings.minutes is not None and settings.epochs is not None
    epochs = settled_epochs(configs, args.out) if args.resume else None
    if epochs is None:
        device = pick_device(settings.device)
        precision = pick_precision(settings.precision, device)
        with stage("trying how fast it goes", quiet=args.quiet or not workers.is_first):
            fit = Fit(
                first,
                images.pixels,
                parts,
                device=device,
                precision=precision,
                folder=args.out,
                workers=workers,
                features=features,
            )
            seconds = fit.trial(min(LONGEST_TRIAL, TRIAL_SHARE * 60 * settings.minutes))
        epochs = max(1, min(settings.epochs, int(SPARE * 60 * settings.minutes / seconds)))
    epochs = workers.agree(epochs)
    save_every = args.save_every or usual_save_every(first.data.dataset, epochs)
    train = {"epochs": epochs, "save_every": save_every}
    return [dataclasses.replace(each, train=dataclasses.replace(each.train, **train)) for each in configs]


def settled_epochs(configs: list[RunConfig], out: Path) -> int | None:
    """The epochs of runs that were begun with the same --minutes, or of their finished twin; None for none of them."""
    names = dict.fromkeys([config.name for config in configs] + [config.twin for config in configs if config.twin])
    for folder in [place for name in names for place in (partial_folder(out, name), out / name)]:
        with contextlib.suppress(CheckpointError):
            stored = read_config(folder).train
            if stored.minutes == configs[0].train.minutes:
                return stored.epochs
    return None
