"""Fit a run: flags -> settings -> fit -> evaluate -> save.

    python train.py --dataset digits
    python train.py --dataset mnist --family vae --latent-dim 16 --twin

A run lands in checkpoints/<dataset>-<family>-<latent dim>/ and is opened by `python -m explorer`. Ctrl-C saves the
state of the fit; the same command with --resume goes on from there.
"""

import argparse
import contextlib
import dataclasses
import json
import shlex
import shutil
import signal
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    write_epoch_codes,
    write_latents,
    write_metrics,
    write_weights,
)
from explorer.config import DATASETS, DataConfig, RunConfig, to_json
from explorer.data import ImageSet, Split, check_split, clear_cache, load_dataset, needs_more, sized, split
from explorer.errors import CheckpointError, ExplorerError, Interrupted
from explorer.hub import check_sending, push
from explorer.progress import Spoken, is_terminal, stage
from explorer.training.command import DEFAULT_OUT, first_of, parse, plan, with_facts
from explorer.training.summary import charged_for_features, left_out, split_words, summary_table

if TYPE_CHECKING:
    from explorer.training.perception import FeatureNet
    from explorer.training.workers import Workers


def load(config: DataConfig, args: argparse.Namespace) -> ImageSet:
    """The data set of a run, from the folders that the command line names, or where the run says they are."""
    with stage(f"reading {config.name or config.dataset}", quiet=args.quiet):
        return load_dataset(
            config,
            args.data_dir,
            download=not args.no_download,
            folder=args.folder or args.file,
            labels=args.labels,
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
        from explorer.training.beginning import check_beginning
        from explorer.training.pace import paced
        from explorer.training.perception import shared_features
        from explorer.training.workers import joined_workers

    images = load(configs[0].data, args)
    parts = split(images, configs[0].data)
    check_split(images, parts)
    configs = [with_facts(with_batch(config, len(parts.train), args), images) for config in configs]
    settings = configs[0].train
    for config in configs:  # before minutes of work
        check_beginning(config, args.out, images, parts)
    with use_threads(settings.threads), joined_workers(pick_device(settings.device)) as workers:
        if workers.is_first:
            told = list(images.notes)  # said even when quiet: what was left out, scaled or cut is never silent
            if settings.batch_size == len(parts.train):
                told.append(f"every step takes all {len(parts.train):,} images: there are no more to fit")
            for line in told if args.quiet else [*told, split_words(images, parts, configs[0])]:
                print(line, flush=True)
        features = shared_features(images, parts, workers, args.out, args.quiet) if settings.charges_features else None
        if settings.minutes is not None:
            configs = paced(configs, images, parts, workers, args, features)
            if workers.is_first and not args.quiet:
                most, epochs = settings.epochs, configs[0].train.epochs
                print(f"{settings.minutes:g} minutes: {epochs:,} epochs of at most {most:,}", flush=True)
        baselines: dict[tuple[int, int], dict[str, Any]] = {}
        for config in configs:
            fit_run(config, images, parts, workers, args, baselines, features)
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
    features: "FeatureNet | None" = None,
) -> None:
    """Fit one run, evaluate it on the test images, and move it into place.

    Under torchrun every process comes here; the first one writes and evaluates. The baselines are those of `evaluate`,
    which all runs on the same images share, and so is the net of a feature loss.
    """
    from explorer.coder import TorchCoder, shipped_weights
    from explorer.devices import device_label, pick_device, pick_precision
    from explorer.training.beginning import first_weights
    from explorer.training.board import Board
    from explorer.training.evaluate import evaluate, fair_effort
    from explorer.training.fit import Fit
    from explorer.training.sheets import epoch_codes, keeps_codes, kept_rows, one_per_class, sheet_latents, write_sheet

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
            features=features,
            first=None if resume else first_weights(config, args.out),
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
        mapped = kept_rows(parts.test)

        def on_epoch(line: dict[str, Any], model: Any) -> None:
            append_history(folder, line)
            epoch, save_every, epochs = line["epoch"], config.train.save_every, config.train.epochs
            assert save_every and epochs
            keeps = epoch % save_every == 0 or epoch == epochs or fit.is_done
            is_mapped = keeps or keeps_codes(epoch, save_every, epochs)
            if not is_mapped and board is None:
                return
            coder = TorchCoder(model)
            if is_mapped:
                write_epoch_codes(folder, epoch, epoch_codes(coder, images.rows(mapped), mapped))
            if not keeps and board is None:
                return
            codes = coder.encode(held_out).mean
            samples = sheet_latents(config.model.family, codes)
            if keeps:
                write_sheet(folder, epoch, coder, samples)
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
    if config.is_foreign:
        raise CheckpointError(f"{name} was not fitted here; measure it with explorer.save_run(..., quick=False).")
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
    data, usual = config.data, DATASETS[config.data.dataset]["data"]
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
    for line in charged_for_features(runs) + left_out(runs, f" --out {place}" if place else ""):
        print(line)
    print(f"open it with: python -m explorer {names[0]}" + (f" --checkpoints {place}" if place else ""))


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
        if args.push and not args.dry_run:
            check_sending(args.push)  # before hours of work
        if args.run:
            return push(args.run, args.out, args.push)
        if args.evaluate:
            evaluate_run(args.evaluate, args)
            tell([args.evaluate], args.out)
            return push(args.evaluate, args.out, args.push) if args.push else 0
        configs = plan(args)
        if args.dry_run:
            print(json.dumps([{"run": c.name, **to_json(c)} for c in configs], indent=1))
            return 0
        names, first = [config.name for config in configs], first_of(configs)
        configs = unfinished(configs, args)
        if fit_runs(configs, args):
            tell(names, args.out)
            if args.push:
                return push(first, args.out, args.push)
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
