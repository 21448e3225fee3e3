"""Runs on disk: the fixed layout, written atomically and read within bounds. Torch is not needed to read one.

A run may be a gift: each part is judged before it is believed, and one that is damaged concerns that run only. What
the folders around it are for says `explorer.staging`.
"""

import contextlib
import errno
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save

from explorer import staging
from explorer.arrays import UNKNOWN, Latents
from explorer.config import RUN_NAME, RunConfig, from_json, to_json
from explorer.errors import CheckpointError
from explorer.files import Head, again, read_bytes, read_json, read_tensors, trouble_with
from explorer.images import picture_size
from explorer.staging import (
    CODES_NAME,
    CONFIG,
    HISTORY,
    LATENTS,
    METRICS,
    NET,
    SHEET_NAME,
    SHEETS,
    STATE,
    WEIGHTS,
    check_replaceable,
    check_spelling,
    check_staging,
    find_run,
    is_complete,
    is_net,
    is_ours,
    old_folder,
    partial_folder,
    place_of,
)

MOST_CLASSES, MOST_ATTRIBUTES, MOST_FACTORS = 10_000, 1_000, 100
"""Names of labels, of attributes and of numbers in a config.json."""

MOST_NAME = 300
"""Characters of one of them."""

MOST_HISTORY, MOST_LINES, MOST_NUMBERS = 32_000_000, 100_000, 3_000_000
"""Bytes, lines and values of a history that is read."""

MOST_SHEET, MOST_SHEET_PIXELS, MOST_SHEETS = 8_000_000, 80_000_000, 2_000
"""Bytes and pixels of a sheet, and sheets of a run."""

MOST_EPOCH_CODES = 2_000
"""Test images whose codes are kept after an epoch: in 16 dimensions they take 80 kB, in 64 272 kB."""

CODE = 1e6
"""Largest coordinate of a code, latent units: its square and sums of squares stay far from the end of float32."""

STRETCH = 1e30
"""Largest entry of a frame's matrix, inverse latent units."""

LOG_VARIANCE = (-60.0, 20.0)
"""Range of log-variances; the models keep to -12 .. 6."""

FACTOR = 1e30
"""Largest size of a number that is known of an image, in its own unit."""

NATS = 1e12
"""Largest distortion or rate, nats per image."""

ROUNDING = 1e-4
"""Share of a mixture's largest variance by which float32 may bend a covariance, and of 1 by which weights miss it."""

MOST_LENGTHS: Mapping[str, int] = {
    "N": 5_000_000,
    "R": 5_000_000,
    "G": 5_000_000,
    "C": 5_000_000,
    "K": 1_000,
    "B": 1_000,
    "F": 4_096,
    "M": MOST_EPOCH_CODES,
}
"""Images of the evaluation split and of R, G and C, Gaussians of both mixtures, features, codes of an epoch."""


@dataclass(frozen=True, kw_only=True)
class StoredLatents:
    """What the page needs of a run without the data set.

    Attributes:
        mean: Posterior means of the evaluation split (the test images), (N, d).
        log_variance: Their log-variances, (N, d); None for an autoencoder.
        draw: One draw of each posterior, (N, d); the file of an autoencoder, whose draws are its means, has none.
        label: Labels, (N,), or None.
        attribute: Attributes, (N, A), 0, 1 or `explorer.arrays.UNKNOWN`, or None.
        factor: Numbers that are known of the images, (N, Q), NaN where nobody said, or None.
        index: Rows of the evaluation split in the whole data set, (N,).
        distortion: -log p(x|z) of the grey image at its posterior mean, (N,), nats per image.
        rate: KL(q(z|x) || p(z)), (N,), nats per image; zero for an autoencoder.
        reference: Draws of training images, set R of the hole scores, (R, d).
        reference_index: Their rows in the data set, (R,).
        calibration: Draws of held-out images, set C of the hole scores, (C, d).
        calibration_index: Their rows in the data set, (C,).
        gmm_weights: Of ten Gaussians at most, a mixture fitted to the codes G and those of further training images,
            (K,).
        gmm_means: (K, d).
        gmm_covariances: (K, d, d).
        many_weights: Of the mixture of as many Gaussians as held-out codes ask for, (B,); None where these ask for no
            more than ten, and in older runs. The three stand together.
        many_means: (B, d).
        many_covariances: (B, d, d).
        features: The evaluation split in the data set's feature space, (N, F), in older runs; nothing reads it.
        reference_features: The reference images in the data set's feature space, (R, F), or None.
        reference_attribute: Attributes of the reference images, (R, A), as above, or None: far more images than the
            evaluation split may have, for directions that are found from few.
        fitting: Draws of further training images, set G of the hole scores, to which laws and classifiers are fitted,
            (G, d); None in runs measured before there were any, whose mixture is fitted to the reference.
        fitting_index: Their rows in the data set, (G,).
        fitting_attribute: Their attributes, (G, A), or None.
        calibration_mean: Posterior means of set C, (C, d), among which a posterior mean is judged; None for an
            autoencoder, whose draws are its means, and in older runs.
        calibration_cost: Distortion at the posterior mean plus rate of the images of C, (C,), nats; None in older runs.
        calibration_features: The images of C in the data set's feature space, (C, F), or None.
        local_frame: A of the local frame of the reference, (d, d); None in older runs, where it is fitted on opening.
    """

    mean: Latents
    log_variance: Latents | None = None
    draw: Latents
    label: NDArray[np.int64] | None = None
    attribute: NDArray[np.uint8] | None = None
    factor: NDArray[np.float32] | None = None
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
    many_weights: NDArray[np.float32] | None = None
    many_means: NDArray[np.float32] | None = None
    many_covariances: NDArray[np.float32] | None = None
    features: NDArray[np.float16] | None = None
    reference_features: NDArray[np.float16] | None = None
    reference_attribute: NDArray[np.uint8] | None = None
    fitting: Latents | None = None
    fitting_index: NDArray[np.int64] | None = None
    fitting_attribute: NDArray[np.uint8] | None = None
    calibration_mean: Latents | None = None
    calibration_cost: NDArray[np.float32] | None = None
    calibration_features: NDArray[np.float16] | None = None
    local_frame: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True)
class EpochCodes:
    """Where the encoder put some of the test images after an epoch of the fit, in float16: for the eye.

    Attributes:
        mean: Posterior means, (M, d).
        index: Rows of these images in the whole data set, (M,), rising.
    """

    mean: NDArray[np.float16]
    index: NDArray[np.int64]


@dataclass(frozen=True)
class Bounds:
    """What a stored array of codes must be.

    Attributes:
        type: Element type, by its name in a safetensors file, or the narrower one of `NARROW`.
        axes: A letter for the length of each axis: d, A and Q are the config's, equal letters are equal lengths.
        low: Smallest value.
        high: Largest value.
    """

    type: str
    axes: str
    low: float
    high: float


ARRAYS: Mapping[str, Bounds] = {
    "mean": Bounds("F32", "Nd", -CODE, CODE),
    "log_variance": Bounds("F32", "Nd", *LOG_VARIANCE),
    "draw": Bounds("F32", "Nd", -CODE, CODE),
    "label": Bounds("I64", "N", 0, MOST_CLASSES - 1),
    "attribute": Bounds("U8", "NA", 0, UNKNOWN),
    "factor": Bounds("F32", "NQ", -FACTOR, FACTOR),
    "index": Bounds("I64", "N", 0, 10**12),
    "distortion": Bounds("F32", "N", -NATS, NATS),
    "rate": Bounds("F32", "N", -1, NATS),
    "reference": Bounds("F32", "Rd", -CODE, CODE),
    "reference_index": Bounds("I64", "R", 0, 10**12),
    "calibration": Bounds("F32", "Cd", -CODE, CODE),
    "calibration_index": Bounds("I64", "C", 0, 10**12),
    "gmm_weights": Bounds("F32", "K", 0, 1 + ROUNDING),
    "gmm_means": Bounds("F32", "Kd", -CODE, CODE),
    "gmm_covariances": Bounds("F32", "Kdd", -(CODE**2), CODE**2),
    "many_weights": Bounds("F32", "B", 0, 1 + ROUNDING),
    "many_means": Bounds("F32", "Bd", -CODE, CODE),
    "many_covariances": Bounds("F32", "Bdd", -(CODE**2), CODE**2),
    "features": Bounds("F16", "NF", -65504, 65504),
    "reference_features": Bounds("F16", "RF", -65504, 65504),
    "reference_attribute": Bounds("U8", "RA", 0, UNKNOWN),
    "fitting": Bounds("F32", "Gd", -CODE, CODE),
    "fitting_index": Bounds("I64", "G", 0, 10**12),
    "fitting_attribute": Bounds("U8", "GA", 0, UNKNOWN),
    "calibration_mean": Bounds("F32", "Cd", -CODE, CODE),
    "calibration_cost": Bounds("F32", "C", -NATS, NATS),
    "calibration_features": Bounds("F16", "CF", -65504, 65504),
    "local_frame": Bounds("F64", "dd", -STRETCH, STRETCH),
}
"""Every field of `StoredLatents`, in an order in which the lengths become known."""

TOGETHER = frozenset({"many_weights", "many_means", "many_covariances"})
"""Fields that stand together or not at all."""

NARROW = {"I64": ("I32", np.dtype(np.int32)), "F32": ("F16", np.dtype(np.float16))}
"""Element types that are stored in half the bytes where these hold every number as it is: the type instead, by name."""

EPOCH_ARRAYS: Mapping[str, Bounds] = {
    "mean": Bounds("F16", "Md", -65504, 65504),
    "index": Bounds("I64", "M", 0, 10**12),
}
"""Every field of `EpochCodes`."""


# --- reading --------------------------------------------------------------------------------------------------


def list_runs(checkpoints: Path) -> list[str]:
    """Names of the runs in a folder, sorted; nothing is changed.

    Raises:
        CheckpointError: The folder cannot be read.
    """
    return staging.run_names(checkpoints)


def read_config(folder: Path) -> RunConfig:
    """The settings of a run.

    Raises:
        CheckpointError: No run there, or a config.json that this program cannot read.
    """
    path = folder / CONFIG
    if not os.path.lexists(path):
        raise CheckpointError(f"no run in {folder}; fit one with: python train.py --dataset digits")
    stored = read_json(path)
    try:
        config = from_json(stored, str(path))
        wrong = _trouble_with_names(config)
    except CheckpointError as error:
        text = " ".join(str(error).split())
        raise CheckpointError(text if len(text) < 600 else f"{text[:500]} ...; {again(path)}") from None
    if wrong is not None:
        raise CheckpointError(f"{path}: {wrong}; {again(path)}")
    return config


def _trouble_with_names(config: RunConfig) -> str | None:
    """What is wrong with the names of a config.json, which may lead to files and stand on the page; None if nothing."""
    data = config.data
    plain = {"name": data.name, "twin": config.twin, "tag": config.tag and f"x{config.tag}"}
    plain["fingerprint"] = data.fingerprint
    for name, value in plain.items():
        if value is not None and not RUN_NAME.fullmatch(value):
            return f"{name} must be letters, digits, dot, underscore and dash only, but is {value[:80]!r}"
    for name, value in (("folder", data.folder), ("labels", data.labels), ("extra_train", data.extra_train)):
        place = PurePosixPath(value or "x")
        outside = place.is_absolute() or not place.parts or ".." in place.parts or len(str(place)) > 1000
        if outside or any(letter in str(place) for letter in ":\\\0"):
            return f"{name} must lie below the folder of the data sets, but is {str(value)[:80]!r}"
    for name, most in (
        ("class_names", MOST_CLASSES),
        ("attribute_names", MOST_ATTRIBUTES),
        ("factor_names", MOST_FACTORS),
    ):
        names: tuple[str, ...] = getattr(data, name) or ()
        if len(names) > most or any(len(each) > MOST_NAME for each in names):
            return f"{name} must be at most {most:,} names of at most {MOST_NAME} characters"
    return None


def read_metrics(folder: Path) -> Mapping[str, Any]:
    """The scores of a run, as in metrics.json; what stands where is for who reads them to check.

    Raises:
        CheckpointError: The file is missing, damaged, or no JSON object.
    """
    metrics = read_json(folder / METRICS)
    if not isinstance(metrics, dict):
        raise CheckpointError(f"{folder / METRICS} must hold one JSON object; {again(folder / METRICS)}")
    return metrics


def read_history(folder: Path) -> list[Mapping[str, Any]]:
    """The epochs of a run, as in history.jsonl, a line each; none if it was never written.

    A machine that went down may have left half a line: a line that is no JSON object is empty here, for it tells
    nothing of an epoch, and takes no other line with it.

    Raises:
        CheckpointError: The file cannot be read, or is larger than any fit's.
    """
    path = folder / HISTORY
    if not os.path.lexists(path):
        return []
    lines = [line for line in read_bytes(path, MOST_HISTORY).split(b"\n") if line.strip()]
    found = [_json_object(line) for line in lines[: MOST_LINES + 1]]
    if len(lines) > MOST_LINES or sum(map(_size, found)) > MOST_NUMBERS:
        raise CheckpointError(
            f"{path} has more than {MOST_LINES:,} lines or {MOST_NUMBERS:,} values, which no fit writes; {again(path)}"
        )
    return found


def _json_object(line: bytes) -> Mapping[str, Any]:
    """A line of a history as the JSON object that it is, or an empty one."""
    try:
        found = json.loads(line.decode())
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and trouble_with(found) is None else {}


def _size(line: Mapping[str, Any]) -> int:
    """About how many values a line of a history holds."""
    return sum(len(each) if isinstance(each, list | dict) else 1 for each in line.values())


def list_sheets(folder: Path) -> dict[int, Path]:
    """The files of a run's sheets by epoch, rising; a link is none, for it may lead anywhere."""
    return _by_epoch(folder / SHEETS, SHEET_NAME)


def list_epoch_codes(folder: Path) -> dict[int, Path]:
    """The files of a run's codes by epoch, rising, none in a run of before there were any; a link is none."""
    return _by_epoch(folder / SHEETS, CODES_NAME)


def _by_epoch(folder: Path, name: re.Pattern[str]) -> dict[int, Path]:
    """Files of a folder that are named after an epoch, by it."""
    found = dict[int, Path]()
    try:
        if folder.is_dir() and not folder.is_symlink():
            with os.scandir(folder) as entries:
                for entry in islice(entries, 2 * MOST_SHEETS):  # an epoch has a sheet and codes
                    named = name.fullmatch(entry.name)
                    if named and entry.name.startswith(f"epoch-{int(named[1]):04d}."):
                        if entry.is_file(follow_symlinks=False):
                            found[int(named[1])] = Path(entry.path)
    except OSError:  # nobody may look into it
        return {}
    return dict(islice(sorted(found.items()), MOST_SHEETS))


def read_sheet(path: Path) -> bytes:
    """One of `list_sheets`, as a PNG or WebP file.

    Raises:
        CheckpointError: It is none, or has more bytes or pixels than any sheet.
    """
    content = read_bytes(path, MOST_SHEET)
    size = picture_size(content)
    if size is None or math.prod(size) > MOST_SHEET_PIXELS:
        raise CheckpointError(f"{path} is no PNG or WebP file of at most {MOST_SHEET_PIXELS:,} pixels.")
    return content


def load_latents(folder: Path, config: RunConfig | None = None) -> StoredLatents:
    """The stored latents of a run.

    Args:
        folder: The run's.
        config: Its settings; None reads them.

    Raises:
        CheckpointError: The file is missing, damaged, foreign, or at odds with the run's settings.
    """
    config = config or read_config(folder)
    path = folder / LATENTS
    arrays = _widened(
        read_tensors(path, lambda heads: _trouble_with_heads(heads, config, StoredLatents, ARRAYS)), ARRAYS
    )
    for name, array in arrays.items():
        wrong = _trouble_with_values(name, array, config, ARRAYS)
        if wrong is not None:
            raise CheckpointError(f"{path}: {name} {wrong}; {again(path)}")
    if "log_variance" not in arrays:
        arrays.setdefault("draw", arrays["mean"])
    return StoredLatents(**arrays)


def read_epoch_codes(path: Path, config: RunConfig) -> EpochCodes:
    """One of `list_epoch_codes`.

    Args:
        path: The file.
        config: Settings of its run.

    Raises:
        CheckpointError: The file is damaged, foreign, or at odds with the run's settings.
    """
    arrays = read_tensors(path, lambda heads: _trouble_with_heads(heads, config, EpochCodes, EPOCH_ARRAYS))
    for name, array in arrays.items():
        wrong = _trouble_with_values(name, array, config, EPOCH_ARRAYS)
        if name == "index" and wrong is None and (array[1:] <= array[:-1]).any():
            wrong = "must rise"
        if wrong is not None:
            raise CheckpointError(f"{path}: {name} {wrong}; {again(path)}")
    return EpochCodes(**_widened(arrays, EPOCH_ARRAYS))


def _widened(arrays: Mapping[str, NDArray[Any]], table: Mapping[str, Bounds]) -> dict[str, NDArray[Any]]:
    """Arrays in the types of their table, those that are stored in half the bytes among them.

    All are copies: as views they would keep the bytes of the whole file in memory.
    """

    def as_it_was(name: str, each: NDArray[Any]) -> NDArray[Any]:
        _, half = NARROW.get(table[name].type, ("", None))
        return each.copy() if half is None or each.dtype != half else each.astype(f"{half.kind}{2 * half.itemsize}")

    return {name: as_it_was(name, each) for name, each in arrays.items()}


def _narrowed(arrays: Mapping[str, NDArray[Any]], table: Mapping[str, Bounds]) -> dict[str, NDArray[Any]]:
    """Arrays in half the bytes where these hold every number as it is."""

    def smallest(name: str, each: NDArray[Any]) -> NDArray[Any]:
        _, half = NARROW.get(table[name].type, ("", None))
        if half is None or each.dtype == half:
            return each
        with np.errstate(over="ignore", invalid="ignore"):
            short = each.astype(half)
        return short if np.array_equal(short, each) else each

    return {name: smallest(name, each) for name, each in arrays.items()}


def _trouble_with_heads(
    heads: Mapping[str, Head], config: RunConfig, kind_of_file: type, table: Mapping[str, Bounds]
) -> str | None:
    """Why arrays of these types and shapes are not the fields of `kind_of_file` by its table, or None."""
    required = {each.name for each in fields(kind_of_file) if each.default is MISSING}
    if "log_variance" in table and "log_variance" not in heads:
        required.discard("draw")
    if heads.keys() & TOGETHER:
        required |= TOGETHER & table.keys()
    missing, unknown = required - heads.keys(), heads.keys() - table.keys()
    if missing or unknown:
        return f"lacks {min(missing)!r}" if missing else f"holds an unknown {min(unknown)[:80]!r}"
    lengths = {"d": config.model.latent_dim or 0, "A": len(config.data.attribute_names or ())}
    lengths["Q"] = len(config.data.factor_names or ())
    for name, bounds in table.items():
        if name not in heads:
            continue
        kind, shape = heads[name]
        if len(shape) == len(bounds.axes):
            for axis, length in zip(bounds.axes, shape, strict=True):
                lengths.setdefault(axis, length)
        wanted = tuple(lengths.get(axis, 0) for axis in bounds.axes)
        narrow, _ = NARROW.get(bounds.type, (bounds.type, None))
        if kind not in (bounds.type, narrow) or shape != wanted or not all(wanted):
            known = ", ".join(str(lengths.get(axis) or axis) for axis in bounds.axes)
            return f"holds {name} as {kind} {shape}, but it must be {bounds.type} ({known})"
    for axis, most in MOST_LENGTHS.items():
        if lengths.get(axis, 0) > most:
            return f"has an axis {axis} of {lengths[axis]:,}, but {most:,} are allowed"
    return None


def _trouble_with_values(name: str, array: NDArray[Any], config: RunConfig, table: Mapping[str, Bounds]) -> str | None:
    """Why a stored array cannot be worked with, or None."""
    bounds = table[name]
    low, high = bounds.low, bounds.high
    if name == "label" and config.data.class_names is not None:
        high = len(config.data.class_names) - 1
    if name == "factor":
        array = array[~np.isnan(array)]  # where nobody said
        if not array.size:
            return "must hold a number"
    least, most = array.min(), array.max()  # NaN if any is
    if not (low <= least and most <= high):
        return f"must be finite and lie in {low:g} .. {high:g}, but goes from {least:g} to {most:g}"
    if name.endswith("attribute") and not np.isin(array, (0, 1, UNKNOWN)).all():
        return f"must be 0, 1 or {UNKNOWN}"
    if name.endswith("_weights") and abs(float(array.sum(dtype=np.float64)) - 1) > ROUNDING:
        return f"must sum to 1, but sums to {array.sum():g}"
    if name.endswith("_covariances"):
        for each in array.astype(np.float64):
            slack = ROUNDING * each.diagonal().max()
            try:
                np.linalg.cholesky((each + each.T) / 2 + slack * np.eye(len(each)))
            except np.linalg.LinAlgError:
                return "must be positive definite"
            if np.abs(each - each.T).max() > slack:
                return "must be symmetric"
    return None


def read_weights(folder: Path, shapes: Mapping[str, tuple[int, ...]] | None = None) -> dict[str, NDArray[Any]]:
    """The weights of a run's model, by the names of its parameters, as stored: float16 or float32.

    Args:
        folder: The run's.
        shapes: Those of the parameters of the model that its settings name, which must be these; None takes any.

    Raises:
        CheckpointError: The file is missing or damaged, or holds the weights of another model.
    """

    def judge(heads: Mapping[str, Head]) -> str | None:
        found = {name: head.shape for name, head in heads.items()}
        wanted = found if shapes is None else {name: shape or (1,) for name, shape in shapes.items()}  # as stored
        if found != wanted:
            name = min(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
            there, model = (str(each.get(name, "missing")) for each in (found, wanted))
            return f"holds weights that do not fit config.json: {name[:80]!r} is {there}, in the model {model}"
        kinds = {head.type for head in heads.values()} - {"F16", "F32"}
        return f"must hold F16 or F32, but holds {min(kinds)}" if kinds else None

    path = folder / WEIGHTS
    weights = read_tensors(path, judge)
    for name, array in weights.items():
        if array.size and not (np.isfinite(array.min()) and np.isfinite(array.max())):
            raise CheckpointError(f"{path}: {name[:80]!r} is not finite; {again(path)}")
    return weights


def read_programs(folder: Path) -> dict[str, NDArray[Any]]:
    """The two programs of a run that holds these in place of weights, as bytes, and the sigma of its likelihood.

    Raises:
        CheckpointError: The file is missing or damaged, or holds something else.
    """

    def judge(heads: Mapping[str, Head]) -> str | None:
        kinds = {name: head.type for name, head in heads.items()}
        wanted = {"decoder": "U8", "encoder": "U8", "deviation": "F32"}
        vectors = all(len(head.shape) == 1 and head.shape[0] for head in heads.values())
        return None if kinds == wanted and vectors else "must hold the bytes of a decoder and an encoder"

    return read_tensors(folder / WEIGHTS, judge)


# --- writing --------------------------------------------------------------------------------------------------


def can_resume(out: Path, name: str) -> bool:
    """Whether an interrupted fit of that run left a state to go on from."""
    partial = partial_folder(out, name)
    return (partial / STATE).is_file() and is_ours(partial, name)


def check_place(out: Path, name: str, overwrite: bool = False, resume: bool = False) -> None:
    """Refuse a place that a run may not be built in, before hours are spent on it; nothing is changed.

    Raises:
        CheckpointError: It is no name of a run; something that is not ours is in the way; the run, or the state of an
            interrupted fit of it, exists and may not be replaced; or there is nothing to resume.
    """
    if not RUN_NAME.fullmatch(name):
        raise CheckpointError(f"{name!r} is no run name: letters, digits, dot, underscore and dash only.")
    if is_net(name):
        raise CheckpointError(f"{name!r} is no run name: {NET!r} is for feature nets; rename the folder of data.")
    with one_sentence(out):
        final, partial = out / name, partial_folder(out, name)
        check_spelling(final)
        check_staging(partial, name)
        if os.path.lexists(final):
            if not overwrite:
                raise CheckpointError(f"{final} exists; add --overwrite to replace it, or --tag NAME to keep both.")
            check_replaceable(final)
            check_staging(old_folder(out, name), name)
        elif find_run(out, name) and not overwrite and not is_complete(partial):
            raise CheckpointError(f"{final} exists as {place_of(final).name}; add --overwrite or --tag NAME.")
        waits = can_resume(out, name)
    if resume and not waits:
        raise CheckpointError(f"nothing to resume for {name} in {out}; run the same command without --resume.")
    if waits and not resume and not overwrite:
        raise CheckpointError(
            f"an interrupted fit of {name} waits in {out}; go on with --resume, or start over with --overwrite."
        )


def begin_run(out: Path, name: str, overwrite: bool = False, resume: bool = False) -> Path:
    """The folder to build a run in, empty unless `resume`; a replacement that was cut short is settled first.

    Raises:
        CheckpointError: `check_place` refuses it, another process builds it, or `out` is read-only.
    """
    check_place(out, name, overwrite, resume)
    with claimed(out, name), one_sentence(out):
        staging.finish(out, name)
        check_place(out, name, overwrite, resume)
        return staging.begin(out, name, resume)


def begin_net(out: Path, name: str) -> Path:
    """The empty folder to build the feature net of a data set in; to be called inside `claimed`.

    Raises:
        CheckpointError: Something else is in its place, or `out` is read-only.
    """
    with one_sentence(out):
        return staging.begin(out, name)


@contextlib.contextmanager
def claimed(out: Path, name: str, wait: bool = False) -> Iterator[None]:
    """Keep other processes from building the same run inside the block; the claim dies with its process.

    Args:
        out: The folder of the runs.
        name: The run's.
        wait: Whether to wait for who builds it.

    Raises:
        CheckpointError: Another process builds that run, or the folder cannot be written to.
    """
    with contextlib.ExitStack() as stack:
        with one_sentence(out):
            stack.enter_context(staging.claimed(out, name, wait))
        yield


def finish_run(out: Path, name: str) -> bool:
    """Settle a replacement that was cut short; whether a complete run came into its place, so that no fit is left.

    Raises:
        CheckpointError: Another process builds that run, or the folder cannot be written to.
    """
    with claimed(out, name), one_sentence(out):
        return staging.finish(out, name)


def publish_run(partial: Path, out: Path, name: str) -> Path:
    """Move a complete run into place; an old run of that name is given up only when the new one stands.

    Raises:
        CheckpointError: Something that is no run is in the way, or the folder cannot be written to.
    """
    assert partial == partial_folder(out, name)
    with claimed(out, name), one_sentence(out):
        return staging.publish(out, name)


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
    if latents.log_variance is None and np.array_equal(latents.draw, latents.mean):
        arrays["draw"] = None
    stored = {name: each for name, each in arrays.items() if each is not None}
    write_tensors(folder / LATENTS, _narrowed(stored, ARRAYS))


def write_epoch_codes(folder: Path, epoch: int, codes: EpochCodes) -> None:
    """Write sheets/epoch-<epoch>.safetensors into a run's folder."""
    with one_sentence(folder):
        (folder / SHEETS).mkdir(exist_ok=True)
    arrays = {each.name: getattr(codes, each.name) for each in fields(codes)}
    write_tensors(folder / SHEETS / f"epoch-{epoch:04d}.safetensors", _narrowed(arrays, EPOCH_ARRAYS))


def write_tensors(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a safetensors file, whole or not at all."""
    with one_sentence(path.parent):
        content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    write_bytes(path, content)


def write_json(path: Path, content: object) -> None:
    """Write a JSON file, whole or not at all: a key a line, and a list of numbers on one."""
    text = json.dumps(content, indent=1, allow_nan=False)
    write_bytes(path, (NUMBERS.sub(lambda found: " ".join(found[0].split()), text) + "\n").encode())


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


NUMBERS = re.compile(r"\[\n[-+.\deE,\s]*\n\s*\]")
"""A list of numbers over several lines of JSON; no text holds one, for its line ends are escaped."""

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
        inside = [
            each
            for each in (folder, folder.parent)
            if each.name.endswith(".partial") and not is_net(each.name)  # made while a fit waits
        ]
        places = inside or [*folder.glob(".*.partial"), *folder.parent.glob(".*.partial")]
        return any((place / STATE).is_file() for place in places)
    return False


@contextlib.contextmanager
def kept_if_resumable(out: Path, name: str) -> Iterator[None]:
    """Where the block fails, remove what it built of a run, unless it can be resumed: nobody could use it."""
    try:
        yield
    except BaseException:
        partial = partial_folder(out, name)
        if not can_resume(out, name) and not is_complete(partial):
            with contextlib.suppress(OSError, CheckpointError):
                staging.discard(out, name)
        raise
