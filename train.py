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
import json
import platform
import shutil
import signal
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.checkpoint import (
    append_history,
    begin_run,
    can_resume,
    check_place,
    claimed,
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
from explorer.data import ImageSet, Split, check_split, clear_cache, load_dataset, located, split
from explorer.errors import CheckpointError, ConfigError, ExplorerError, Interrupted

if TYPE_CHECKING:
    from explorer.training.workers import Workers


def parse(argv: list[str]) -> argparse.Namespace:
    """The command line; every setting's flag and its help are made from its field in explorer/config.py."""
    parser = argparse.ArgumentParser(
        prog="train.py",
        description=(__doc__ or "").split("\n\n")[0],
        epilog="A default of None is the data set's own default; --dry-run prints what a command would fit.",
    )
    parser.add_argument("--preset", choices=PRESETS, help=presets_help())
    parser.add_argument("--as-published", action="store_true", help="with --preset: its errors too")
    data = parser.add_argument_group("data")
    data.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of the data sets (default: $EXPLORER_DATA)")
    data.add_argument("--no-download", action="store_true", help="never fetch a missing data set")
    data.add_argument(
        "--folder", type=Path, metavar="PATH", help="pictures of --dataset folder; sub-folders are classes"
    )
    data.add_argument(
        "--extra-train", type=Path, metavar="PATH", help="more training faces, without attributes, for --dataset celeba"
    )
    cache = "remove all converted images and t-SNE layouts from the cache and stop; downloaded data sets stay"
    data.add_argument("--clear-cache", action="store_true", help=cache)
    add_flags(data, DataConfig)
    add_flags(parser.add_argument_group("model"), ModelConfig)
    add_flags(parser.add_argument_group("fit"), TrainConfig)
    output = parser.add_argument_group("output")
    output.add_argument("--out", type=Path, default=Path("checkpoints"), metavar="DIR", help="where runs are kept")
    output.add_argument("--tag", metavar="NAME", help="last part of the run's name, to keep similar runs apart")
    output.add_argument("--twin", action="store_true", help="fit the VAE and its autoencoder twin in turn")
    output.add_argument(
        "--ladder", action="store_true", help="fit the autoencoder and the VAE at beta 0, 0.1, 0.3, 1 and 4 in turn"
    )
    output.add_argument(
        "--overwrite", action="store_true", help="replace a run of the same name when the new one is done"
    )
    output.add_argument("--resume", action="store_true", help="go on from the state that an interrupted fit saved")
    output.add_argument("--tensorboard", type=Path, metavar="DIR", help="also write every epoch for TensorBoard there")
    output.add_argument("--evaluate", metavar="RUN", help="measure an existing run again instead of fitting one")
    output.add_argument("--dry-run", action="store_true", help="print the resolved settings and stop")
    output.add_argument("--quiet", action="store_true", help="no progress bar")
    asked, _ = parser.parse_known_args(argv)
    if asked.preset is None and asked.as_published:
        parser.error("--as-published needs --preset NAME")
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
    return load_dataset(
        config,
        args.data_dir,
        download=not args.no_download,
        folder=args.folder,
        extra_train=args.extra_train,
        quiet=args.quiet,
    )


def fit_runs(configs: list[RunConfig], args: argparse.Namespace) -> None:
    """Fit runs one after the other, on the images and with the processes that they share."""
    from explorer.devices import pick_device, use_threads
    from explorer.training.workers import joined_workers

    images = load(configs[0].data, args)
    parts = split(images, configs[0].data)
    check_split(images, parts)
    settings = configs[0].train
    with use_threads(settings.threads), joined_workers(pick_device(settings.device)) as workers:
        for note in images.notes if workers.is_first else ():
            print(note)
        baselines: dict[int, dict[str, Any]] = {}
        for config in configs:
            fit_run(config, images, parts, workers, args, baselines)


def fit_run(
    config: RunConfig,
    images: ImageSet,
    parts: Split,
    workers: "Workers",
    args: argparse.Namespace,
    baselines: dict[int, dict[str, Any]],
) -> None:
    """Fit one run, evaluate it on the test images, and move it into place.

    Under torchrun every process comes here; the first one writes and evaluates. The baselines are those of `evaluate`,
    which all runs on the same images share.
    """
    from explorer.coder import TorchCoder, shipped_weights
    from explorer.devices import device_label, pick_device, pick_precision
    from explorer.training.board import Board
    from explorer.training.evaluate import evaluate
    from explorer.training.fit import Fit
    from explorer.training.sheets import sheet_latents, write_sheet

    config = dataclasses.replace(
        config,
        data=dataclasses.replace(
            config.data,
            held_out=len(parts.validation),
            calibration=len(parts.calibration),
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
    if workers.is_first:
        begin_run(args.out, config.name, args.overwrite, resume)
    with claimed(folder) if workers.is_first else contextlib.nullcontext():
        if workers.is_first:
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
            print(f"{config.name}: {len(parts.train):,} images, {fit.total_steps:,} steps on {label}, {precision}")
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

        with contextlib.closing(board) if board is not None else contextlib.nullcontext():
            fitted = fit.run(on_epoch, quiet=args.quiet)
        if not workers.is_first:
            return
        write_weights(folder, shipped_weights(fitted.model))
        print(f"{config.name}: measuring on {len(parts.test):,} test images")
        metrics, latents = evaluate(TorchCoder(fitted.model), config, images, parts, args.out, baselines)
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
    final = publish_run(folder, args.out, config.name)
    print(f"{final}: {summary(metrics)}")


def one_per_class(images: ImageSet, parts: Split) -> list[int]:
    """Where among the validation images the first of each class stands; the first ten where there are no labels."""
    if images.labels is None:
        return list(range(min(10, len(parts.validation))))
    labels = images.labels[parts.validation].tolist()
    return [labels.index(label) for label in sorted(set(labels))[:20]]


def evaluate_run(name: str, args: argparse.Namespace) -> None:
    """Measure an existing run again, with its own settings, and replace its scores and latents, never its weights."""
    from explorer.coder import build_coder
    from explorer.devices import pick_device, use_threads
    from explorer.training.evaluate import evaluate

    folder = args.out / name
    if name not in list_runs(args.out):
        there = ", ".join(list_runs(args.out)) or "none"
        raise CheckpointError(f"there is no run {name!r} in {args.out}; there are: {there}.")
    if can_resume(args.out, name):
        raise CheckpointError(f"an interrupted fit of {name} waits in {args.out}; finish it with --resume first.")
    config = read_config(folder)
    coder = build_coder(config.model, read_weights(folder), str(folder), str(pick_device(args.device)))
    images = load(config.data, args)
    if images.fingerprint != config.data.fingerprint:
        raise CheckpointError(
            f"{name} was fitted on another copy of {images.name}: its split means nothing on this one; "
            "fit it again with --overwrite."
        )
    with use_threads(args.threads):
        metrics, latents = evaluate(coder, config, images, split(images, config.data), args.out)
    metrics["train"] = read_metrics(folder).get("train", {})
    partial = begin_run(args.out, name, overwrite=True)
    with claimed(partial):
        with one_sentence(args.out):
            shutil.copytree(folder, partial, dirs_exist_ok=True)
        write_latents(partial, latents)
        write_metrics(partial, metrics)
    print(f"{publish_run(partial, args.out, name)}: {summary(metrics)}")


def summary(metrics: dict[str, Any]) -> str:
    """The scores of a run in one line."""
    test = metrics["test"]
    words = []
    if "nll_iw" in test:
        effort = f"K = {test['nll_iw_samples']:,}, {test['nll_iw_images']:,} images, seed {test['nll_iw_seed']}"
        words = [f"nll_iw {test['nll_iw']:.2f} nats ({effort})"]
    words += [f"{name} {test[name]:.2f} nats" for name in ("elbo", "distortion", "rate") if name in test]
    words += [f"mse {test['mse']:.5f}", f"{test['active_units']} active units"]
    words += [f"vacancy {law} {metrics['holes'][law]['vacancy']['value']:.3f}" for law in ("raw", "white")]
    return ", ".join(words)


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
            for what, (folder, size) in clear_cache().items():
                print(f"{size:,} bytes of {what} removed from {folder}")
            return 0
        if args.evaluate:
            evaluate_run(args.evaluate, args)
            return 0
        configs = plan(args)
        if args.dry_run:
            print(json.dumps([{"run": c.name, **to_json(c)} for c in configs], indent=1))
            return 0
        configs = unfinished(configs, args)
        fit_runs(configs, args)
    except ExplorerError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 1
    except Interrupted as error:
        saved = any(can_resume(args.out, config.name) for config in configs)
        hint = "the state is saved; go on with the same command and --resume" if saved else "nothing was begun"
        print(f"\ntrain.py: {error}: {hint}", file=sys.stderr)
        return 128 + error.signal_number
    return 0


if __name__ == "__main__":
    sys.exit(main())
