"""Runs on disk: the fixed layout, written atomically and read strictly. Torch is not needed to read one.

A run is built in `.<run>.partial/`. When it is complete, an old run of the same name moves to `.<run>.old`, the new
one into place, and the old one is deleted; `recover` finishes or undoes a replacement that was cut short.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from explorer.arrays import Latents
from explorer.config import RUN_NAME, RunConfig, from_json, is_run_folder, to_json
from explorer.errors import CheckpointError
from explorer.locks import try_lock

CONFIG, WEIGHTS, LATENTS, METRICS, HISTORY = (
    "config.json",
    "model.safetensors",
    "latents.safetensors",
    "metrics.json",
    "history.jsonl",
)
STATE = "training_state.pt"
"""What --resume needs; it lives in the partial folder only."""
LOCK = ".lock"
"""Claimed by the process that builds a run."""


@dataclass(frozen=True, kw_only=True)
class StoredLatents:
    """What the page needs of a run without the data set.

    Attributes:
        mean: Posterior means of the evaluation split (the test images), (N, d).
        log_variance: Their log-variances, (N, d); None for an autoencoder.
        draw: One draw of each posterior, (N, d).
        label: Labels, (N,), or None.
        attribute: Attributes, (N, A), 0, 1 or `explorer.arrays.UNKNOWN`, or None.
        index: Rows of the evaluation split in the whole data set, (N,).
        distortion: -log p(x|z) of the grey image at its posterior mean, (N,), nats per image.
        rate: KL(q(z|x) || p(z)), (N,), nats per image; zero for an autoencoder.
        reference: Draws of training images, set R of the hole scores, (R, d).
        reference_index: Their rows in the data set, (R,).
        calibration: Draws of held-out images, set C of the hole scores, (C, d).
        calibration_index: Their rows in the data set, (C,).
        gmm_weights: Of the Gaussian mixture fitted to the reference codes, (K,).
        gmm_means: (K, d).
        gmm_covariances: (K, d, d).
        features: The evaluation split in the data set's feature space, (N, F), or None.
        reference_features: The reference images there, (R, F), or None.
        reference_attribute: Attributes of the reference images, (R, A), as above, or None: far more images than the
            evaluation split may have, for directions that are found from few.
    """

    mean: Latents
    log_variance: Latents | None = None
    draw: Latents
    label: NDArray[np.int64] | None = None
    attribute: NDArray[np.uint8] | None = None
    index: NDArray[np.int64]
    distortion: NDArray[np.float32]
    rate: NDArray[np.float32]
    reference: Latents
    reference_index: NDArray[np.int64]
    calibration: Latents
    calibration_index: NDArray[np.int64]
    gmm_weights: NDArray[np.float32]
    gmm_means: NDArray[np.float32]
    gmm_covariances: NDArray[np.float32]
    features: NDArray[np.float16] | None = None
    reference_features: NDArray[np.float16] | None = None
    reference_attribute: NDArray[np.uint8] | None = None


# --- reading --------------------------------------------------------------------------------------------------


def list_runs(checkpoints: Path) -> list[str]:
    """Names of the runs in a folder, sorted; a replacement that was cut short is settled first."""
    if not checkpoints.is_dir():
        return []
    recover(checkpoints)
    return sorted(folder.name for folder in checkpoints.iterdir() if is_run_folder(folder))


def read_config(folder: Path) -> RunConfig:
    """The settings of a run.

    Raises:
        CheckpointError: No run there, or a config.json that this program cannot read.
    """
    if not (folder / CONFIG).is_file():
        raise CheckpointError(f"no run in {folder}; fit one with: python train.py --dataset digits")
    return from_json(read_json(folder / CONFIG), str(folder / CONFIG))


def read_metrics(folder: Path) -> Mapping[str, Any]:
    """The scores of a run, as in metrics.json."""
    metrics = read_json(folder / METRICS)
    if not isinstance(metrics, dict):
        raise CheckpointError(f"{folder / METRICS} must hold one JSON object; {_again(folder)}")
    return metrics


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The epochs of a run, as in history.jsonl; none if it was never written."""
    path = folder / HISTORY
    if not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}; {_again(folder)}") from None


def load_latents(folder: Path) -> StoredLatents:
    """The stored latents of a run.

    Raises:
        CheckpointError: The file is missing, damaged, foreign, or at odds with the run's latent dimension.
    """
    arrays = read_tensors(folder / LATENTS)
    known = {f.name: f for f in fields(StoredLatents)}
    optional = {"log_variance", "label", "attribute", "features", "reference_features", "reference_attribute"}
    missing, unknown = known.keys() - optional - arrays.keys(), arrays.keys() - known.keys()
    if missing or unknown:
        what = f"lacks {min(missing)!r}" if missing else f"holds an unknown {min(unknown)!r}"
        raise CheckpointError(f"{folder / LATENTS} {what}; {_again(folder)}")
    latent_dim = read_config(folder).model.latent_dim
    for name in ("mean", "log_variance", "draw", "reference", "calibration", "gmm_means"):
        array = arrays.get(name)
        if array is not None and (array.ndim != 2 or array.shape[1] != latent_dim or not np.isfinite(array).all()):
            raise CheckpointError(
                f"{folder / LATENTS}: {name} must be finite and (N, {latent_dim}), but is {array.shape}; "
                f"{_again(folder)}"
            )
    for name in ("draw", "index", "distortion", "rate", "label", "log_variance", "features", "attribute"):
        if name in arrays and len(arrays[name]) != len(arrays["mean"]):
            raise CheckpointError(
                f"{folder / LATENTS}: {name} has {len(arrays[name])} rows, but mean has {len(arrays['mean'])}; "
                f"{_again(folder)}"
            )
    for name in ("reference_index", "reference_features", "reference_attribute"):
        if name in arrays and len(arrays[name]) != len(arrays["reference"]):
            raise CheckpointError(
                f"{folder / LATENTS}: {name} has {len(arrays[name])} rows, but reference has "
                f"{len(arrays['reference'])}; {_again(folder)}"
            )
    attributes = {arrays[name].shape[1:] for name in ("attribute", "reference_attribute") if name in arrays}
    names = read_config(folder).data.attribute_names
    if attributes and attributes != {(len(names or ()),)}:
        raise CheckpointError(
            f"{folder / LATENTS} holds attributes shaped {sorted(attributes)}, but config.json names "
            f"{len(names or ())}; {_again(folder)}"
        )
    return StoredLatents(**arrays)


def read_json(path: Path) -> object:
    """What a JSON file holds.

    Raises:
        CheckpointError: The file is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing; {_again(path.parent)}") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}; {_again(path.parent)}") from None


def read_weights(folder: Path) -> dict[str, NDArray[Any]]:
    """The weights of a run's model, by the names of its parameters, as stored: float16 or float32.

    Raises:
        CheckpointError: The file is missing or damaged.
    """
    return read_tensors(folder / WEIGHTS)


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of a safetensors file.

    Raises:
        CheckpointError: The file is missing, truncated, or no safetensors file.
    """
    try:
        return load_file(path)
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing; {_again(path.parent)}") from None
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} is damaged or no safetensors file ({error}); {_again(path.parent)}") from None


# --- writing --------------------------------------------------------------------------------------------------


def partial_folder(out: Path, name: str) -> Path:
    """Where a run is built before it is complete."""
    return out / f".{name}.partial"


def can_resume(out: Path, name: str) -> bool:
    """Whether an interrupted fit of that run left a state to go on from."""
    return (partial_folder(out, name) / STATE).is_file()


def check_place(out: Path, name: str, overwrite: bool = False, resume: bool = False) -> None:
    """Refuse a place that a run may not be built in, before hours are spent on it.

    Raises:
        CheckpointError: It is no name of a run; the run, or the state of an interrupted fit of it, exists and may not
            be replaced; or there is nothing to resume.
    """
    if not RUN_NAME.fullmatch(name):
        raise CheckpointError(f"{name!r} is no run name: letters, digits, dot, underscore and dash only.")
    recover(out)
    if (out / name).exists() and not overwrite:
        raise CheckpointError(f"{out / name} exists; add --overwrite to replace it, or --tag NAME to keep both.")
    waits = can_resume(out, name)
    if resume and not waits:
        raise CheckpointError(f"nothing to resume for {name} in {out}; run the same command without --resume.")
    if waits and not resume and not overwrite:
        raise CheckpointError(
            f"an interrupted fit of {name} waits in {out}; go on with --resume, or start over with --overwrite."
        )


def begin_run(out: Path, name: str, overwrite: bool = False, resume: bool = False) -> Path:
    """The folder to build a run in, empty unless `resume`.

    Raises:
        CheckpointError: `check_place` refuses it, another process builds it, or `out` is read-only.
    """
    check_place(out, name, overwrite, resume)
    partial = partial_folder(out, name)
    if resume:
        with one_sentence(out):
            (partial / METRICS).unlink(missing_ok=True)  # written last: its presence would say that all is done
        return partial
    with one_sentence(out), claimed(partial):
        for path in partial.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK:
                path.unlink()
    return partial


@contextlib.contextmanager
def claimed(partial: Path) -> Iterator[None]:
    """Keep other processes from building the same run inside the block; the claim dies with its process.

    Raises:
        CheckpointError: Another process builds that run.
    """
    with one_sentence(partial.parent):
        partial.mkdir(parents=True, exist_ok=True)
        lock = (partial / LOCK).open("a+b")
    taken = False
    try:
        taken = try_lock(lock) is not False  # None: this disk has no locks
        if not taken:
            raise CheckpointError(
                f"another process is fitting {partial.name[1 : -len('.partial')]} into {partial.parent}; "
                "give one of them another --tag."
            )
        yield
    finally:
        lock.close()
        if taken:  # else it is another's, who would be alone no longer
            (partial / LOCK).unlink(missing_ok=True)


def publish_run(partial: Path, out: Path, name: str) -> Path:
    """Move a complete run into place; an old run of that name is given up only when the new one stands.

    The state of the fit goes last: whatever fails before, --resume finds it.
    """
    final, old = out / name, out / f".{name}.old"
    with one_sentence(out):
        if final.exists():
            shutil.rmtree(old, ignore_errors=True)
            final.rename(old)
        try:
            partial.rename(final)
        except FileNotFoundError:  # an explorer that opened the library just now has finished it for us
            if not final.exists():
                raise
        (final / STATE).unlink(missing_ok=True)
        shutil.rmtree(old, ignore_errors=True)
    return final


def recover(out: Path) -> None:
    """Finish or undo everything that was cut short between a complete run and its place.

    A folder that cannot be written to stays as it is.
    """
    for old in out.glob(".*.old"):
        name = old.name[1 : -len(".old")]
        final, partial = out / name, partial_folder(out, name)
        with contextlib.suppress(OSError):
            if not final.exists():
                (partial if _is_complete(partial) else old).rename(final)
            shutil.rmtree(old, ignore_errors=True)
    for partial in out.glob(".*.partial"):
        final = out / partial.name[1 : -len(".partial")]
        if not final.exists() and _is_complete(partial):
            with contextlib.suppress(OSError):
                partial.rename(final)
    for state in out.glob(f"[!.]*/{STATE}"):
        with contextlib.suppress(OSError):
            state.unlink()


def write_config(folder: Path, config: RunConfig) -> None:
    """Write config.json, with the key that twins and ladders share."""
    write_json(folder / CONFIG, {**to_json(config), "key": config.key})


def write_metrics(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Write metrics.json."""
    write_json(folder / METRICS, metrics)


def append_history(folder: Path, epoch: Mapping[str, Any]) -> None:
    """Add the line of one epoch to history.jsonl."""
    with one_sentence(folder), (folder / HISTORY).open("a", encoding="utf-8") as file:
        file.write(json.dumps(epoch, allow_nan=False) + "\n")


def trim_history(folder: Path, epochs: int) -> None:
    """Keep the first `epochs` lines of history.jsonl, so that a resumed fit writes each epoch once."""
    kept = read_history(folder)[:epochs]
    write_text(folder / HISTORY, "".join(json.dumps(line) + "\n" for line in kept))


def write_weights(folder: Path, weights: Mapping[str, NDArray[Any]]) -> None:
    """Write model.safetensors."""
    write_tensors(folder / WEIGHTS, weights)


def write_latents(folder: Path, latents: StoredLatents) -> None:
    """Write latents.safetensors."""
    arrays = {f.name: getattr(latents, f.name) for f in fields(latents)}
    write_tensors(folder / LATENTS, {name: array for name, array in arrays.items() if array is not None})


def write_tensors(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a safetensors file, whole or not at all."""
    with one_sentence(path.parent), _replacing(path) as temporary:
        temporary.write_bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def write_json(path: Path, content: object) -> None:
    """Write a JSON file, whole or not at all."""
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with one_sentence(path.parent), _replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def one_sentence(folder: Path) -> Iterator[None]:
    """Turn a full disk or a folder without write permission into one sentence."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CheckpointError(
            f"cannot write to {folder}: {reason}; free some space or choose another --out, then add --resume."
        ) from error


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    temporary = path.with_name(f".{path.name}.new")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _is_complete(partial: Path) -> bool:
    """Whether all parts are there; the scores are written last, and a claim means that work goes on."""
    whole = all((partial / name).is_file() for name in (CONFIG, WEIGHTS, LATENTS, METRICS))
    return whole and not (partial / LOCK).exists()


def _again(folder: Path) -> str:
    return f"fit {folder.name} again with: python train.py --overwrite"
