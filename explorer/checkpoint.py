"""Runs on disk: the fixed layout, written atomically and read strictly. Torch is not needed to read one.

A run is built in `.<run>.partial/`. When it is complete, an old run of the same name moves to `.<run>.old`, the new
one into place, and the old one is deleted; `recover` finishes or undoes a replacement that was cut short.
"""

import contextlib
import errno
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
    with one_sentence(folder):
        append(folder / HISTORY, (json.dumps(epoch, allow_nan=False) + "\n").encode())


def trim_history(folder: Path, epochs: int) -> None:
    """Keep the first `epochs` lines of history.jsonl, so that a resumed fit writes each epoch once.

    A last line without its end, as a power cut leaves one, is dropped.
    """
    path = folder / HISTORY
    with one_sentence(folder):
        lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    write_bytes(path, b"".join([line for line in lines if line.endswith(b"\n")][:epochs]))


def write_weights(folder: Path, weights: Mapping[str, NDArray[Any]]) -> None:
    """Write model.safetensors."""
    write_tensors(folder / WEIGHTS, weights)


def write_latents(folder: Path, latents: StoredLatents) -> None:
    """Write latents.safetensors."""
    arrays = {f.name: getattr(latents, f.name) for f in fields(latents)}
    write_tensors(folder / LATENTS, {name: array for name, array in arrays.items() if array is not None})


def write_tensors(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a safetensors file, whole or not at all."""
    with one_sentence(path.parent):
        content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    write_bytes(path, content)


def write_json(path: Path, content: object) -> None:
    """Write a JSON file, whole or not at all."""
    write_bytes(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file, whole or not at all, even if the power fails; the old file stands until the new one is whole.

    Raises:
        CheckpointError: The disk is full or the folder cannot be written to; nothing of the new file is left.
    """
    temporary = path.with_name(f".{path.name}.new")
    with one_sentence(path.parent):
        try:
            with temporary.open("wb", buffering=0) as file:
                _write_all(file.fileno(), content)
                os.fsync(file.fileno())  # else the rename may reach the disk before the content does
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file, which is created if need be; all of it or nothing.

    Raises:
        OSError: The disk is full or the file cannot be written to; the file is as it was.
    """
    with path.open("ab", buffering=0) as file:
        before = os.fstat(file.fileno()).st_size
        try:
            _write_all(file.fileno(), content)
        except BaseException:
            with contextlib.suppress(OSError):
                file.truncate(before)
            raise


def flush_to_disk(path: Path) -> None:
    """Wait until the content of a file, if there is one, would survive a power cut."""
    if path.is_file():
        with one_sentence(path.parent), path.open("rb+") as file:
            os.fsync(file.fileno())


def _write_all(descriptor: int, content: bytes | memoryview) -> None:
    rest = memoryview(content)
    while rest:  # a disk that fills up takes a part, and refuses the next
        rest = rest[os.write(descriptor, rest) :]


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the operating system says where there is no room for a file."""


@contextlib.contextmanager
def one_sentence(folder: Path, flag: str = "--out") -> Iterator[None]:
    """Turn a full disk or a folder without write permission into one sentence.

    Args:
        folder: Where something is written: a run that is built, the folder of the runs, or one beside them.
        flag: The flag that names another place.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        mend = "make room there" if getattr(error, "errno", None) in FULL else "make it writable"
        if flag == "--out" and _fit_waits(folder):
            advice = f"{mend}, then go on with the same command and --resume"
        else:
            advice = f"{mend} or choose another {flag}, then run the same command again"
        raise CheckpointError(f"cannot write to {folder}: {reason}; {advice}.") from error


def _fit_waits(folder: Path) -> bool:
    """Whether a fit that writes to a folder has saved a state."""
    with contextlib.suppress(OSError):
        inside = [each for each in (folder, folder.parent) if each.name.endswith(".partial")]
        places = inside or [*folder.glob(".*.partial"), *folder.parent.glob(".*.partial")]
        return any((place / STATE).is_file() for place in places)
    return False


@contextlib.contextmanager
def kept_if_resumable(out: Path, name: str) -> Iterator[None]:
    """Where the block fails, remove what it built of a run, unless it can be resumed: nobody could use it."""
    try:
        yield
    except BaseException:
        if not can_resume(out, name):
            shutil.rmtree(partial_folder(out, name), ignore_errors=True)
        raise


def _is_complete(partial: Path) -> bool:
    """Whether all parts are there; the scores are written last, and a claim means that work goes on."""
    whole = all((partial / name).is_file() for name in (CONFIG, WEIGHTS, LATENTS, METRICS))
    return whole and not (partial / LOCK).exists()


def _again(folder: Path) -> str:
    return f"fit {folder.name} again with: python train.py --overwrite"
