"""Fit a run: flags -> settings -> fit -> evaluate -> save.

    python train.py --dataset digits
    python train.py --dataset mnist --family vae --latent-dim 16 --twin

A run lands in checkpoints/<dataset>-<family>-<latent dim>/ and is opened by `python -m explorer`. Ctrl-C saves the
state of the fit; the same command with --resume goes on from there.
"""

import argparse
import dataclasses
import importlib.metadata
import json
import platform
import signal
import sys
import types
from pathlib import Path
from typing import Any

from explorer.checkpoint import (
    append_history,
    begin_run,
    can_resume,
    list_runs,
    publish_run,
    read_config,
    read_metrics,
    trim_history,
    write_config,
    write_latents,
    write_metrics,
)
from explorer.config import DataConfig, ModelConfig, RunConfig, TrainConfig, add_flags, from_flags, resolve, to_json
from explorer.data import ImageSet, Split, load_dataset, split
from explorer.errors import CheckpointError, ExplorerError, Interrupted


def parse(argv: list[str]) -> argparse.Namespace:
    """The command line; every setting's flag and its help are made from its field in explorer/config.py."""
    parser = argparse.ArgumentParser(
        prog="train.py",
        description=(__doc__ or "").split("\n\n")[0],
        epilog="A default of None is the data set's own default; --dry-run prints what a command would fit.",
    )
    data = parser.add_argument_group("data")
    data.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of the data sets (default: $EXPLORER_DATA)")
    data.add_argument("--no-download", action="store_true", help="never fetch a missing data set")
    add_flags(data, DataConfig)
    add_flags(parser.add_argument_group("model"), ModelConfig)
    add_flags(parser.add_argument_group("fit"), TrainConfig)
    output = parser.add_argument_group("output")
    output.add_argument("--out", type=Path, default=Path("checkpoints"), metavar="DIR", help="where runs are kept")
    output.add_argument("--tag", metavar="NAME", help="last part of the run's name, to keep similar runs apart")
    output.add_argument("--twin", action="store_true", help="fit the VAE and its autoencoder twin in turn")
    output.add_argument(
        "--overwrite", action="store_true", help="replace a run of the same name when the new one is done"
    )
    output.add_argument("--resume", action="store_true", help="go on from the state that an interrupted fit saved")
    output.add_argument("--evaluate", metavar="RUN", help="measure an existing run again instead of fitting one")
    output.add_argument("--dry-run", action="store_true", help="print the resolved settings and stop")
    output.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser.parse_args(argv)


def plan(args: argparse.Namespace) -> list[RunConfig]:
    """The resolved settings of every run that the command line asks for."""
    config = resolve(
        RunConfig(
            data=from_flags(DataConfig, args),
            model=from_flags(ModelConfig, args),
            train=from_flags(TrainConfig, args),
            versions=versions(),
            tag=args.tag,
        )
    )
    if not args.twin:
        return [config]
    pair = [dataclasses.replace(config, model=dataclasses.replace(config.model, family=f)) for f in ("vae", "ae")]
    return [dataclasses.replace(a, twin=b.name) for a, b in zip(pair, reversed(pair), strict=True)]


def fit_run(config: RunConfig, images: ImageSet, parts: Split, args: argparse.Namespace) -> Path:
    """Fit one run, evaluate it on the test images, and move it into place."""
    from explorer.coder import TorchCoder, save_weights
    from explorer.devices import device_label, pick_device, pick_precision, use_threads
    from explorer.training.evaluate import evaluate
    from explorer.training.fit import Fit
    from explorer.training.sheets import sheet_latents, write_sheet

    config = dataclasses.replace(
        config,
        data=dataclasses.replace(
            config.data,
            fingerprint=images.fingerprint,
            class_names=images.class_names,
            attribute_names=images.attribute_names,
        ),
        model=dataclasses.replace(config.model, image_shape=images.image_shape, levels=images.levels),
    )
    with use_threads(config.train.threads):
        device = pick_device(config.train.device)
        precision = pick_precision(config.train.precision, device)
        resume = args.resume and can_resume(args.out, config.name)
        folder = begin_run(args.out, config.name, args.overwrite, resume)
        fit = Fit(
            config,
            images.pixels[parts.train],
            images.pixels[parts.validation],
            device=device,
            precision=precision,
            folder=folder,
        )
        if resume:
            fit.load()
            trim_history(folder, fit.epoch)
        write_config(folder, config)
        label = device_label(device)
        print(f"{config.name}: {len(parts.train):,} images, {fit.total_steps:,} steps on {label}, {precision}")
        held_out = images.images(parts.validation)

        def on_epoch(line: dict[str, Any], model: Any) -> None:
            append_history(folder, line)
            if line["epoch"] % config.train.save_every == 0 or line["epoch"] == config.train.epochs:
                coder = TorchCoder(model)
                codes = coder.encode(held_out).mean
                write_sheet(folder, line["epoch"], coder, sheet_latents(config.model.family, codes))
                model.requires_grad_(True)

        fitted = fit.run(on_epoch, quiet=args.quiet)
        save_weights(folder, fitted.model)
        print(f"{config.name}: measuring on {len(parts.test):,} test images")
        metrics, latents = evaluate(TorchCoder(fitted.model), config, images, parts, args.out)
    metrics["train"] = {
        "seconds": round(fitted.seconds, 1),
        "images_per_second": round(fitted.images_per_second, 1),
        "device": label,
        "precision": str(precision).removeprefix("torch."),
        "epochs": config.train.epochs,
    }
    write_latents(folder, latents)
    write_metrics(folder, metrics)
    final = publish_run(folder, args.out, config.name)
    print(f"{final}: {summary(metrics)}")
    return final


def evaluate_run(name: str, args: argparse.Namespace) -> None:
    """Measure an existing run again and replace its scores and latents, never its weights."""
    from explorer.coder import load_coder
    from explorer.training.evaluate import evaluate

    folder = args.out / name
    if name not in list_runs(args.out):
        there = ", ".join(list_runs(args.out)) or "none"
        raise CheckpointError(f"there is no run {name!r} in {args.out}; there are: {there}.")
    config = read_config(folder)
    coder = load_coder(folder, config)
    images = load_dataset(config.data, args.data_dir, download=not args.no_download)
    if images.fingerprint != config.data.fingerprint:
        raise CheckpointError(
            f"{name} was fitted on another copy of {images.name}: its split means nothing on this one; "
            "fit it again with --overwrite."
        )
    metrics, latents = evaluate(coder, config, images, split(images, config.data), args.out)
    metrics["train"] = read_metrics(folder).get("train", {})
    write_latents(folder, latents)
    write_metrics(folder, metrics)
    print(f"{folder}: {summary(metrics)}")


def summary(metrics: dict[str, Any]) -> str:
    """The scores of a run in one line."""
    test = metrics["test"]
    words = [f"{name} {test[name]:.2f} nats" for name in ("nll_iw", "elbo", "distortion", "rate") if name in test]
    words += [f"mse {test['mse']:.5f}", f"{test['active_units']} active units"]
    words += [f"vacancy {law} {metrics['holes'][law]['vacancy']['value']:.3f}" for law in ("raw", "white")]
    return ", ".join(words)


def versions() -> dict[str, str]:
    """Versions of what decides a result."""
    packages = ("torch", "numpy", "scikit-learn")
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in packages}}


def unfinished(configs: list[RunConfig], args: argparse.Namespace) -> list[RunConfig]:
    """The runs still to be fitted: all of them, or with --resume those from the interrupted one on.

    Raises:
        CheckpointError: A run is in the way, or there is nothing to resume.
    """
    if args.resume:
        begun = [number for number, config in enumerate(configs) if can_resume(args.out, config.name)]
        if not begun:
            raise CheckpointError(
                f"nothing to resume for {configs[0].name} in {args.out}; run the same command without --resume."
            )
        configs = configs[begun[0] :]
    for config in configs:  # refuse before hours of fitting, not after
        if (args.out / config.name).exists() and not args.overwrite:
            raise CheckpointError(
                f"{args.out / config.name} exists; add --overwrite to replace it, or --tag NAME to keep both."
            )
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
        if args.evaluate:
            evaluate_run(args.evaluate, args)
            return 0
        configs = plan(args)
        if args.dry_run:
            print(json.dumps([{"run": c.name, **to_json(c)} for c in configs], indent=1))
            return 0
        configs = unfinished(configs, args)
        images = load_dataset(configs[0].data, args.data_dir, download=not args.no_download)
        parts = split(images, configs[0].data)
        for config in configs:
            fit_run(config, images, parts, args)
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
