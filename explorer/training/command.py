"""What the command line of train.py asks for: flags to the resolved settings of every run."""

import argparse
import dataclasses
import importlib.metadata
import platform
from pathlib import Path
from typing import Any

from explorer.config import (
    PRESETS,
    DataConfig,
    ModelConfig,
    RunConfig,
    TrainConfig,
    add_flags,
    default_widths,
    from_flags,
    has_prior,
    resolve,
)
from explorer.config.flags import Flags, choice
from explorer.data import ImageSet, located, sized
from explorer.errors import ConfigError
from explorer.training.beginning import with_split_of

DEFAULT_OUT = Path("checkpoints")
"""Where runs are kept, and looked for by `python -m explorer`."""


COMMON = (
    "dataset",
    "folder",
    "file",
    "family",
    "latent_dim",
    "beta",
    "epochs",
    "twin",
    "quick",
    "overwrite",
    "evaluate",
)
"""The flags that most people use, which --help shows; --help-all shows all of them."""

ABOUT = "Fit a run: flags -> settings -> fit -> evaluate -> save."

EXAMPLES = """examples:
  python train.py --dataset digits --latent-dim 3 --twin        a VAE and its autoencoder twin, in a minute
  python train.py --dataset folder --folder ~/Pictures --quick  pictures of your own, and four scores to look at first
  python train.py --evaluate digits-vae-2                       all scores of a run, measured again
"""

OF_AN_EVALUATION = frozenset(
    {"evaluate", "out", "device", "threads", "quiet", "data_dir", "folder", "file", "labels", "extra_train"}
    | {"no_download", "nll_samples", "nll_images", "push"}
)
"""Flags that mean something beside --evaluate, which takes all other settings from the run."""

OF_A_PUSH = frozenset({"run", "push", "out", "quiet"})
"""Flags that mean something beside --run, which fits nothing."""


class AllHelp(argparse.Action):
    """Print the help of every flag, and stop."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """As argparse wants it."""
        command_line(None).print_help()
        parser.exit()


def command_line(shown: tuple[str, ...] | None = COMMON) -> Flags:
    """The command line; every setting's flag and its help are made from its field in explorer/config/settings.py.

    Args:
        shown: Names of the flags that the help shows; None shows all.
    """
    parser = Flags(
        prog="train.py",
        usage="train.py [--dataset NAME] [flags]",
        description=ABOUT + "\n\n" + EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="All flags: train.py --help-all" if shown else "--dry-run prints what a command would fit.",
    )
    few = None if shown is None else parser.add_argument_group("flags that most people use")

    def group(title: str) -> Any:
        return few or parser.add_argument_group(title)

    def add(place: Any, flag: str, help: str, **settings: Any) -> None:  # noqa: A002 - argparse's own word
        hidden = shown is not None and flag[2:].replace("-", "_") not in shown
        place.add_argument(flag, help=argparse.SUPPRESS if hidden else help, **settings)

    parser.add_argument("--help-all", action=AllHelp, nargs=0, help="show every flag, and stop")
    add(parser, "--preset", presets_help(), **choice(PRESETS))
    add(parser, "--as-published", "with --preset: its errors too", action="store_true")
    data = group("data")
    add_flags(data, DataConfig, shown)
    pictures = "pictures of --dataset folder; sub-folders are classes, or train, valid and test with classes below them"
    add(data, "--folder", pictures, type=Path, metavar="PATH")
    stack = (
        "file of --dataset array: .npz, .npy, .pt, .safetensors, .csv, .h5, .parquet, or pictures in a .zip, .tar or "
        ".tar.gz; or a folder of such, or 'shard-{000..127}.tar'"
    )
    add(data, "--file", stack, type=Path, metavar="FILE")
    table = "table of what is on the pictures of --dataset folder or array (default: a .csv beside them)"
    add(data, "--labels", table, type=Path, metavar="FILE")
    places = "folder of the data sets (default: $EXPLORER_DATA, else the user's cache folder)"
    add(data, "--data-dir", places, type=Path, metavar="DIR")
    add(data, "--no-download", "never fetch a missing data set", action="store_true")
    faces = "more training faces, without attributes, for --dataset celeba"
    add(data, "--extra-train", faces, type=Path, metavar="PATH")
    cache = "remove all converted images and t-SNE layouts from the cache and stop; downloaded data sets stay"
    add(data, "--clear-cache", cache, action="store_true")
    add_flags(group("model"), ModelConfig, shown)
    add_flags(group("fit"), TrainConfig, shown)
    output = group("output")
    add(output, "--twin", "fit the VAE and its autoencoder twin in turn", action="store_true")
    ladder_help = "fit the autoencoder and the VAE at beta 0, 0.1, 0.3, 1 and 4 in turn"
    add(output, "--ladder", ladder_help, action="store_true")
    quick = "measure only squared error, ELBO, dimensions in use and holes; --evaluate measures the rest later"
    add(output, "--quick", quick, action="store_true")
    where = "where runs are kept (default: %(default)s)"
    add(output, "--out", where, type=Path, default=DEFAULT_OUT, metavar="DIR")
    add(output, "--tag", "last part of the run's name, to keep similar runs apart", metavar="NAME")
    add(output, "--overwrite", "replace a run of the same name when the new one is done", action="store_true")
    add(output, "--resume", "go on from the state that an interrupted fit saved", action="store_true")
    add(output, "--tensorboard", "also write every epoch for TensorBoard there", type=Path, metavar="DIR")
    again = "measure an existing run again at full effort, instead of fitting one"
    add(output, "--evaluate", again, metavar="RUN")
    sent = "then send the run, with its twin and ladder, to the Hugging Face Hub, and its page as a static Space"
    add(output, "--push", sent, metavar="OWNER/NAME")
    add(output, "--run", "with --push: send an existing run, instead of fitting one", metavar="RUN")
    add(output, "--dry-run", "print the resolved settings and stop", action="store_true")
    add(output, "--quiet", "print nothing but notes on the data, and the scores at the end", action="store_true")
    return parser


def parse(argv: list[str]) -> argparse.Namespace:
    """What the command line asks for; a mistake on it ends the process with one line and exit code 2."""
    parser = command_line()
    asked, _ = parser.parse_known_args(argv)
    if asked.preset is None and asked.as_published:
        parser.error("--as-published needs --preset NAME")
    if asked.begin_with is not None and (asked.twin or asked.ladder):
        parser.error("--begin-with is of one run: leave out --twin and --ladder")
    if asked.run is not None and asked.push is None:
        parser.error("--run needs --push OWNER/NAME")
    for existing, run, allowed in (
        ("--evaluate", asked.evaluate, OF_AN_EVALUATION),
        ("--run", asked.run, OF_A_PUSH),
    ):
        if run is None:
            continue
        unset = object()
        given = vars(parser.parse_args(argv, argparse.Namespace(**dict.fromkeys(vars(asked), unset))))
        foreign = [name for name, value in given.items() if value is not unset and name not in allowed]
        if foreign:
            flag = "--" + foreign[0].replace("_", "-")
            parser.error(f"{flag} is of a fit, but {existing} takes the settings of {run}; leave out {flag}")
    if asked.preset is not None:
        preset = PRESETS[asked.preset]
        name = f"{asked.preset}-published" if asked.as_published else asked.preset
        parser.set_defaults(**preset.settings, tag=name, twin=preset.twin and not asked.ladder)
        parser.set_defaults(**(preset.published if asked.as_published else {}))
    return parser.parse_args(argv)


def presets_help() -> str:
    """What the presets are, in a line."""
    presets = "; ".join(f"{name}: {preset.about}" for name, preset in PRESETS.items())
    return f"take the settings of a source document, any of which another flag replaces ({presets})"


def plan(args: argparse.Namespace) -> list[RunConfig]:
    """The resolved settings of every run that the command line asks for."""
    config = resolve(
        RunConfig(
            data=located(
                with_split_of(args.begin_with, from_flags(DataConfig, args), args.out),
                args.data_dir,
                args.folder,
                args.extra_train,
                file=args.file,
                labels=args.labels,
            ),
            model=from_flags(ModelConfig, args),
            train=from_flags(TrainConfig, args),
            versions=versions(),
            tag=args.tag,
        )
    )
    if not args.twin and not args.ladder:
        return [config]
    families = ("vae", config.model.family) if not has_prior(config.model.family) else (config.model.family, "ae")
    pair = [dataclasses.replace(config, model=dataclasses.replace(config.model, family=each)) for each in families]
    pair = [dataclasses.replace(a, twin=b.name) for a, b in zip(pair, reversed(pair), strict=True)]
    return ladder(*pair) if args.ladder else pair


def with_facts(config: RunConfig, images: ImageSet) -> RunConfig:
    """The settings with what the images say of themselves, and widths of a net for their size where none are set."""
    model = dataclasses.replace(config.model, image_shape=images.image_shape, levels=images.levels)
    if model.widths is None:
        widths = () if model.net == "mlp" else default_widths(max(images.image_shape[1:]))
        model = dataclasses.replace(model, widths=widths)
    return dataclasses.replace(
        config,
        data=dataclasses.replace(
            sized(images, config.data),
            fingerprint=images.fingerprint,
            brightness=images.brightness,
            class_names=images.class_names,
            attribute_names=images.attribute_names,
            factor_names=images.factor_names,
        ),
        model=model,
    )


LADDER = (0.0, 0.1, 0.3, 1.0, 4.0)
"""Weights of the rate in a ladder; the rung of 1 is the autoencoder's twin."""


def ladder(variational: RunConfig, point: RunConfig) -> list[RunConfig]:
    """An autoencoder and its VAE at several betas, one seed and one net, for the sweep of the Holes tab.

    Raises:
        ConfigError: A beta was asked for: the ladder has its own.
    """
    if variational.train.beta != TrainConfig.beta:
        raise ConfigError(f"--ladder fits beta {', '.join(f'{b:g}' for b in LADDER)}; leave out --beta.")
    rungs = [point]
    for beta in LADDER:
        tag = "-".join(part for part in (variational.tag, f"beta{beta:g}") if part)
        rung = dataclasses.replace(variational, train=dataclasses.replace(variational.train, beta=beta), tag=tag)
        rungs.append(variational if beta == 1 else dataclasses.replace(rung, twin=point.name))
    return rungs


def first_of(configs: list[RunConfig]) -> str:
    """The run that stands for those that are fitted together: the VAE of a pair, that of beta 1 of a ladder."""
    plain = [config for config in configs if config.model.has_prior and config.train.beta == 1]
    return (plain or configs)[0].name


def versions() -> dict[str, str]:
    """Versions of what decides a result."""
    packages = ("torch", "numpy", "scikit-learn")
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in packages}}
