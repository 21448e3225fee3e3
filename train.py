"""Fit a run: flags -> settings -> fit -> evaluate -> save.

    python train.py --dataset digits
    python train.py --dataset mnist --family vae --latent-dim 16 --twin

A run lands in checkpoints/<dataset>-<family>-<latent dim>/ and is opened by `python -m explorer`. Ctrl-C saves the
state of the fit; the same command with --resume goes on from there.
"""

import argparse
import contextlib
import dataclasses
import importlib.metadata
import io
import json
import os
import platform
import shlex
import shutil
import signal
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from explorer.checkpoint import (
    METRICS,
    STATE,
    append_history,
    begin_run,
    can_resume,
    check_place,
    claimed,
    finish_run,
    kept_if_resumable,
    list_runs,
    one_sentence,
    partial_folder,
    publish_run,
    read_config,
    read_metrics,
    read_weights,
    trim_history,
    write_config,
    write_latents,
    write_metrics,
    write_weights,
)
from explorer.config import (
    DATASET_DEFAULTS,
    PRESETS,
    VARIATIONAL,
    DataConfig,
    ModelConfig,
    RunConfig,
    TrainConfig,
    add_flags,
    from_flags,
    resolve,
    to_json,
)
from explorer.config.flags import Flags, choice
from explorer.data import ImageSet, Split, check_split, clear_cache, load_dataset, located, needs_more, sized, split
from explorer.errors import CheckpointError, ConfigError, ExplorerError, Interrupted
from explorer.progress import is_terminal, stage
from explorer.training.summary import left_out, split_words, summary_table

if TYPE_CHECKING:
    from explorer.training.workers import Workers

DEFAULT_OUT = Path("checkpoints")
"""Where runs are kept, and looked for by `python -m explorer`."""


COMMON = (
    "dataset",
    "folder",
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

EXAMPLES = """examples:
  python train.py --dataset digits --latent-dim 2 --twin        a VAE and its autoencoder twin, in a minute
  python train.py --dataset folder --folder ~/Pictures --quick  pictures of your own, and four scores to look at first
  python train.py --evaluate digits-vae-2                       all scores of a run, measured again
"""

OF_AN_EVALUATION = frozenset(
    {"evaluate", "out", "device", "threads", "quiet", "data_dir", "folder", "extra_train", "no_download"}
    | {"nll_samples", "nll_images"}
)
"""Flags that mean something beside --evaluate, which takes all other settings from the run."""


class AllHelp(argparse.Action):
    """Print the help of every flag, and stop."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """As argparse wants it."""
        print(command_line(None).format_help(), end="")
        parser.exit()


def command_line(shown: tuple[str, ...] | None = COMMON) -> Flags:
    """The command line; every setting's flag and its help are made from its field in explorer/config.py.

    Args:
        shown: Names of the flags that the help shows; None shows all.
    """
    parser = Flags(
        prog="train.py",
        usage="train.py [--dataset NAME] [flags]",
        description=(__doc__ or "").split("\n\n")[0] + "\n\n" + EXAMPLES,
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
    add(output, "--dry-run", "print the resolved settings and stop", action="store_true")
    add(output, "--quiet", "print nothing but notes on the data, and the scores at the end", action="store_true")
    return parser


def parse(argv: list[str]) -> argparse.Namespace:
    """What the command line asks for; a mistake on it ends the process with one line and exit code 2."""
    parser = command_line()
    asked, _ = parser.parse_known_args(argv)
    if asked.preset is None and asked.as_published:
        parser.error("--as-published needs --preset NAME")
    if asked.evaluate is not None:
        unset = object()
        given = vars(parser.parse_args(argv, argparse.Namespace(**dict.fromkeys(vars(asked), unset))))
        foreign = [name for name, value in given.items() if value is not unset and name not in OF_AN_EVALUATION]
        if foreign:
            flag = "--" + foreign[0].replace("_", "-")
            parser.error(f"{flag} is of a fit, but --evaluate takes the settings of {asked.evaluate}; leave out {flag}")
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
            data=located(from_flags(DataConfig, args), args.data_dir, args.folder, args.extra_train),
            model=from_flags(ModelConfig, args),
            train=from_flags(TrainConfig, args),
            versions=versions(),
            tag=args.tag,
        )
    )
    if not args.twin and not args.ladder:
        return [config]
    families = ("vae", config.model.family) if config.model.family not in VARIATIONAL else (config.model.family, "ae")
    pair = [dataclasses.replace(config, model=dataclasses.replace(config.model, family=each)) for each in families]
    pair = [dataclasses.replace(a, twin=b.name) for a, b in zip(pair, reversed(pair), strict=True)]
    return ladder(*pair) if args.ladder else pair


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


def load(config: DataConfig, args: argparse.Namespace) -> ImageSet:
    """The data set of a run, from the folders that the command line names, or where the run says they are."""
    with stage(f"reading {config.name or config.dataset}", quiet=args.quiet):
        return load_dataset(
            config,
            args.data_dir,
            download=not args.no_download,
            folder=args.folder,
            extra_train=args.extra_train,
            quiet=args.quiet,
        )


SHIPPED_CHECK = 256
"""Validation images, and as many training images, on which the rounded weights are compared with the fitted ones."""


def fit_runs(configs: list[RunConfig], args: argparse.Namespace) -> bool:
    """Fit runs one after the other, on the images and with the processes that they share.

    Returns:
        Whether this process speaks for all.
    """
    with stage("starting", quiet=args.quiet or not is_terminal()):  # torch takes seconds
        from explorer.devices import pick_device, use_threads
        from explorer.training.workers import joined_workers

    images = load(configs[0].data, args)
    parts = split(images, configs[0].data)
    check_split(images, parts)
    configs = [with_batch(config, len(parts.train), args) for config in configs]
    settings = configs[0].train
    with use_threads(settings.threads), joined_workers(pick_device(settings.device)) as workers:
        if workers.is_first:
            told = list(images.notes)  # said even when quiet: what was left out, scaled or cut is never silent
            if settings.batch_size == len(parts.train):
                told.append(f"every step takes all {len(parts.train):,} images: there are no more to fit")
            for line in told if args.quiet else [*told, split_words(images, parts, configs[0])]:
                print(line, flush=True)
        baselines: dict[tuple[int, int], dict[str, Any]] = {}
        for config in configs:
            fit_run(config, images, parts, workers, args, baselines)
        return workers.is_first


def with_batch(config: RunConfig, count: int, args: argparse.Namespace) -> RunConfig:
    """The settings with a batch of all `count` images to fit, where the usual one has more; one asked for stays."""
    usual = config.train.batch_size
    if args.batch_size is not None or usual is None or usual <= count:
        return config
    lr = config.train.lr if args.lr is not None or config.train.lr is None else config.train.lr * (count / usual) ** 0.5
    return dataclasses.replace(config, train=dataclasses.replace(config.train, batch_size=count, lr=lr))


def fit_run(
    config: RunConfig,
    images: ImageSet,
    parts: Split,
    workers: "Workers",
    args: argparse.Namespace,
    baselines: dict[tuple[int, int], dict[str, Any]],
) -> None:
    """Fit one run, evaluate it on the test images, and move it into place.

    Under torchrun every process comes here; the first one writes and evaluates. The baselines are those of `evaluate`,
    which all runs on the same images share.
    """
    from explorer.coder import TorchCoder, shipped_weights
    from explorer.devices import device_label, pick_device, pick_precision
    from explorer.training.board import Board
    from explorer.training.evaluate import evaluate, fair_effort
    from explorer.training.fit import Fit
    from explorer.training.sheets import sheet_latents, write_sheet

    config = dataclasses.replace(
        config,
        data=dataclasses.replace(
            sized(images, config.data),
            fingerprint=images.fingerprint,
            brightness=images.brightness,
            class_names=images.class_names,
            attribute_names=images.attribute_names,
        ),
        model=dataclasses.replace(config.model, image_shape=images.image_shape, levels=images.levels),
    )
    device = pick_device(config.train.device)
    precision = pick_precision(config.train.precision, device)
    resume = workers.agree(args.resume and can_resume(args.out, config.name))
    folder = partial_folder(args.out, config.name)
    with contextlib.ExitStack() as building:
        if workers.is_first:
            building.enter_context(claimed(args.out, config.name))
        if workers.agree(workers.is_first and finish_run(args.out, config.name) and args.resume):
            if workers.is_first:
                print(f"{args.out / config.name}: was complete, and is in its place now")
            return
        if workers.is_first:
            begin_run(args.out, config.name, args.overwrite, resume)
            building.enter_context(kept_if_resumable(args.out, config.name))
            write_config(folder, config)
        fit = Fit(
            config,
            images.pixels,
            parts,
            device=device,
            precision=precision,
            folder=folder,
            workers=workers,
        )
        if resume:
            fit.load()
        label = device_label(device) + (f", {workers.count} processes" if workers.count > 1 else "")
        if workers.is_first:
            trim_history(folder, fit.epoch)
            if not args.quiet:
                settings = str(precision).removeprefix("torch.")
                print(f"{config.name}: fitting, {fit.total_steps:,} steps on {label}, {settings}", flush=True)
        held_out = images.images(parts.validation)

        watched = held_out[one_per_class(images, parts)]
        board = Board(args.tensorboard, config.name, watched) if args.tensorboard and workers.is_first else None

        def on_epoch(line: dict[str, Any], model: Any) -> None:
            append_history(folder, line)
            keeps = line["epoch"] % config.train.save_every == 0 or line["epoch"] == config.train.epochs
            if not keeps and board is None:
                return
            coder = TorchCoder(model)
            codes = coder.encode(held_out).mean
            samples = sheet_latents(config.model.family, codes)
            if keeps:
                write_sheet(folder, line["epoch"], coder, samples)
            if board is not None:
                board.write(line, coder, codes, samples)

        fitted = fit.run(on_epoch, quiet=args.quiet)
        if not workers.is_first:
            return
        own = np.concatenate([held_out[:SHIPPED_CHECK], images.images(parts.train[:SHIPPED_CHECK])])
        write_weights(folder, shipped_weights(fitted.model, own, lambda line: print(f"{config.name}: {line}")))
        metrics, latents = evaluate(
            TorchCoder(fitted.model),
            config,
            images,
            parts,
            args.out,
            baselines,
            effort=fair_effort(config, len(parts.test), len(parts.train)),
            quick=args.quick,
            quiet=args.quiet,
        )
        metrics["train"] = {
            "seconds": round(fitted.seconds, 1),
            "images_per_second": round(fitted.images_per_second, 1),
            "device": label,
            "precision": str(precision).removeprefix("torch."),
            "epochs": fitted.epochs,
            "best_epoch": fitted.best_epoch,
        }
        if fitted.gradient_variance is not None:
            metrics["train"]["gradient_variance"] = fitted.gradient_variance
        write_latents(folder, latents)
        write_metrics(folder, metrics)
        publish_run(folder, args.out, config.name)


def one_per_class(images: ImageSet, parts: Split) -> list[int]:
    """Where among the validation images the first of each class stands; the first ten where there are no labels."""
    if images.labels is None:
        return list(range(min(10, len(parts.validation))))
    labels = images.labels[parts.validation].tolist()
    return [labels.index(label) for label in sorted(set(labels))[:20]]


def evaluate_run(name: str, args: argparse.Namespace) -> None:
    """Measure an existing run again, with its own settings, and replace its scores and latents, never its weights."""
    with stage("starting", quiet=args.quiet or not is_terminal()):  # torch takes seconds
        from explorer.coder import build_coder, weight_shapes
        from explorer.devices import pick_device, use_threads
        from explorer.training.evaluate import evaluate

    folder = args.out / name
    if name not in list_runs(args.out):
        there = ", ".join(list_runs(args.out)) or "none"
        raise CheckpointError(f"there is no run {name!r} in {args.out}; there are: {there}.")
    finish_run(args.out, name)
    if can_resume(args.out, name):
        raise CheckpointError(f"an interrupted fit of {name} waits in {args.out}; finish it with --resume first.")
    check_place(args.out, name, overwrite=True)
    stored = read_config(folder)
    asked = {each: getattr(args, each) for each in ("nll_samples", "nll_images") if getattr(args, each) is not None}
    config = dataclasses.replace(stored, train=dataclasses.replace(stored.train, **asked))
    weights = read_weights(folder, weight_shapes(config.model, str(folder)))
    coder = build_coder(config.model, weights, str(folder), str(pick_device(args.device)))
    images = load(config.data, args)
    if images.fingerprint != config.data.fingerprint:
        raise CheckpointError(
            f"{name} was fitted on another copy of {images.name}: its split means nothing on this one; "
            "fit it again with --overwrite."
        )
    config = dataclasses.replace(config, data=sized(images, pooled(config, images)))
    parts = split(images, config.data)
    if not args.quiet:
        print(split_words(images, parts, config), flush=True)
    with use_threads(args.threads):
        metrics, latents = evaluate(coder, config, images, parts, args.out, quiet=args.quiet)
    metrics["train"] = read_metrics(folder).get("train", {})
    with claimed(args.out, name), kept_if_resumable(args.out, name):
        partial = begin_run(args.out, name, overwrite=True)
        with one_sentence(args.out):  # the scores go last: with them the copy is complete
            left = shutil.ignore_patterns(METRICS, STATE)
            shutil.copytree(folder, partial, symlinks=True, ignore=left, dirs_exist_ok=True)
        write_config(partial, dataclasses.replace(stored, data=config.data))  # the fit was what it was
        write_latents(partial, latents)
        write_metrics(partial, metrics)
        publish_run(partial, args.out, name)


def pooled(config: RunConfig, images: ImageSet) -> DataConfig:
    """How the images of a stored run are split for a new measurement.

    Older runs calibrated on training images that they had set aside, and tested on the data set's own test images: two
    sets that were no division of one pool. Their training images stay what they were; calibration and test are
    drawn anew from all others. Validation images join them where they had steered nothing: their fit stopped when its
    epochs were over.
    """
    data, usual = config.data, DATASET_DEFAULTS[config.data.dataset]["data"]
    if data.set_aside is not None or data.calibration is None:
        return data
    sizes = {name: usual.get(name) for name in ("calibration", "reference")}
    data = dataclasses.replace(data, set_aside=data.calibration, **sizes)
    joins = config.train.patience is None and needs_more(images, data)
    return dataclasses.replace(data, validation_pooled=joins or None)


def tell(names: list[str], out: Path) -> None:
    """Print the scores of runs as one table, what was not measured, and the command that opens the first of them."""
    runs = [(read_config(out / name), read_metrics(out / name)) for name in names]
    place = "" if out == DEFAULT_OUT else shlex.quote(str(out))
    print(summary_table(runs))
    for line in left_out(runs, f" --out {place}" if place else ""):
        print(line)
    print(f"open it with: python -m explorer {names[0]}" + (f" --checkpoints {place}" if place else ""))


def versions() -> dict[str, str]:
    """Versions of what decides a result."""
    packages = ("torch", "numpy", "scikit-learn")
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in packages}}


def unfinished(configs: list[RunConfig], args: argparse.Namespace) -> list[RunConfig]:
    """The runs still to be fitted: all of them, or with --resume those that are not done yet.

    Raises:
        CheckpointError: A run is in the way, or there is nothing to resume.
    """
    if args.resume:
        begun = [number for number, config in enumerate(configs) if can_resume(args.out, config.name)]
        done = [config for config in configs if (args.out / config.name).exists()]
        if not begun and (args.overwrite or not 0 < len(done) < len(configs)):
            raise CheckpointError(
                f"nothing to resume for {configs[0].name} in {args.out}; run the same command without --resume."
            )
        # one of twins may be done already; with --overwrite that may be an old one, which is to be replaced too
        configs = configs[begun[0] :] if args.overwrite else [config for config in configs if config not in done]
    for config in configs:  # all of them before the first is fitted
        check_place(args.out, config.name, args.overwrite, args.resume and can_resume(args.out, config.name))
    return configs


def interrupt(number: int, _: types.FrameType | None) -> None:
    """Leave by an exception, so that files are closed and the exit code tells why."""
    raise Interrupted(number)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the exit code is 0, or 1 after one line on stderr, or 128 + a signal's number."""
    args = parse(sys.argv[1:] if argv is None else argv)
    configs: list[RunConfig] = []
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, interrupt)
        if args.clear_cache:
            with stage("clearing the cache", quiet=args.quiet or not is_terminal()):
                cleared = clear_cache()
            for what, (folder, size) in cleared.items():
                print(f"{size:,} bytes of {what} removed from {folder}")
            return 0
        if args.evaluate:
            evaluate_run(args.evaluate, args)
            tell([args.evaluate], args.out)
            return 0
        configs = plan(args)
        if args.dry_run:
            print(json.dumps([{"run": c.name, **to_json(c)} for c in configs], indent=1))
            return 0
        names = [config.name for config in configs]
        configs = unfinished(configs, args)
        if fit_runs(configs, args):
            tell(names, args.out)
    except ExplorerError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 1
    except Interrupted as error:
        print(f"\ntrain.py: {error}: {what_is_left(configs, args)}", file=sys.stderr)
        return 128 + error.signal_number
    return 0


def what_is_left(configs: list[RunConfig], args: argparse.Namespace) -> str:
    """What a person who interrupted the work finds, and how to go on."""
    if args.evaluate:
        return f"{args.evaluate} is as it was; measure it with the same command"
    if any(can_resume(args.out, config.name) for config in configs):
        return "the state is saved; go on with the same command and --resume"
    done = [config.name for config in configs if (args.out / config.name).exists()]
    if len(done) == len(configs) > 0 and not args.overwrite:
        return f"{', '.join(done)} is complete"
    return "no state was saved yet; begin again with the same command"


class Spoken(io.TextIOBase):
    """Standard output or error that a full disk or a closed pipe silences, where print would end the fit.

    Args:
        stream: What is written to, at once.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.trouble = stream, ""

    def write(self, text: str) -> int:
        """Write a text, or from the first failure on nothing."""
        if not self.trouble:
            try:
                self.stream.write(text)
                self.stream.flush()
            except OSError as error:
                self.trouble = error.strerror or str(error)
                with contextlib.suppress(
                    OSError, ValueError
                ):  # else Python tries once more when it ends, and complains
                    os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
        return len(text)

    def flush(self) -> None:
        """Nothing: every text is written at once."""

    def isatty(self) -> bool:
        """Whether a person watches."""
        return self.stream.isatty()

    def fileno(self) -> int:
        """The descriptor of the stream."""
        return self.stream.fileno()

    @property
    def encoding(self) -> str:
        """How text becomes bytes, which decides the shape of a progress bar."""
        return self.stream.encoding


def spoken(argv: list[str] | None = None) -> int:
    """The command line as a program: the exit code is 1, too, where not all that was said could be written."""
    out, err = Spoken(sys.stdout), Spoken(sys.stderr)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(argv)
        if out.trouble and not code:
            print(f"train.py: standard output cannot be written to ({out.trouble}); the work is done.", file=sys.stderr)
    return code or int(bool(out.trouble or err.trouble))


if __name__ == "__main__":
    sys.exit(spoken())
