"""A model held in memory as a run: its images encoded, divided and measured as train.py would."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.encoding import encode_all
from explorer.arrays import Coder, Images, MeasuringCoder, Pixels
from explorer.checkpoint import StoredLatents
from explorer.config import FEWEST_CALIBRATION, RUN_NAME
from explorer.errors import CheckpointError, ShapeError
from explorer.images import to_unit
from explorer.library.card import Card
from explorer.library.memory import Drawer
from explorer.library.run import BATCH, OpenRun

MOST_CLASSES = 10_000
"""Classes that the images of a model held in memory may have."""

FEWEST_IMAGES = 30
"""Images that a model held in memory needs, so that two sets of codes can be made of them."""

FEWEST_HALVED = 200
"""Images for reference and laws from which each has images of its own."""


MOST_KNOWN, MOST_CALIBRATION = 10_000, 5_000
"""Images for reference and laws together, and for calibration, at most; half as many in more than `MANY` dimensions,
where every distance takes long and no score gets sharper: then there are 2,500 of each, as in every fitted run."""


def held_run(
    name: str,
    coder: Coder,
    images: Images | Pixels,
    labels: NDArray[np.integer] | None,
    *,
    class_names: tuple[str, ...] | None,
    attributes: NDArray[np.uint8] | None = None,
    attribute_names: tuple[str, ...] | None = None,
    dataset: str,
    twin: str | None,
    seed: int,
    drawer: Drawer,
) -> OpenRun:
    """A model and its images as a run; the arguments are those of `Library.hold`, and where the run keeps values.

    Raises:
        CheckpointError: The name is no plain name.
        ShapeError: Images, labels and model do not go together.
    """
    from explorer.analysis.frames import MANY
    from explorer.analysis.laws import fit_gmm

    if not RUN_NAME.fullmatch(name):
        raise CheckpointError(f"a run's name is letters, digits, '.', '_' and '-', but this is {name[:100]!r}.")
    units, pixels = both_forms(images, coder)
    labels, class_names = checked_labels(labels, len(units), class_names)
    rng = np.random.default_rng(seed)
    posterior = encode_all(coder, units)
    draw, given = posterior.draw(rng)
    distortion = np.full(len(units), np.nan, dtype=np.float32)
    if isinstance(coder, MeasuringCoder):
        parts = [
            coder.distortion(units[i : i + BATCH], posterior.mean[i : i + BATCH]) for i in range(0, len(units), BATCH)
        ]
        distortion = np.concatenate(parts).astype(np.float32)
    order = rng.permutation(len(units))
    cut = len(order) - max(FEWEST_CALIBRATION, len(order) // 3)
    share = 2 if coder.latent_dim > MANY else 1
    known, calibration = order[:cut][: MOST_KNOWN // share], np.sort(order[cut:][: MOST_CALIBRATION // share])
    half = len(known) // 2 if len(known) >= FEWEST_HALVED else 0  # of fewer, one set serves twice
    reference, fitting = np.sort(known[half:]), np.sort(known[:half] if half else known)
    # a bell of its own has as many codes as dimensions at least: with fewer it is flat, and a thousand take minutes
    bells = min(10, len(fitting) // 10, max(1, len(fitting) // coder.latent_dim))
    mixture = fit_gmm(draw[fitting], components=bells, seed=seed)
    rate = given.rate().sum(1)
    latents = StoredLatents(
        mean=posterior.mean,
        log_variance=posterior.log_variance,
        draw=draw,
        label=labels,
        attribute=attributes,
        index=np.arange(len(units)),
        distortion=distortion,
        rate=rate,
        reference=draw[reference],
        reference_index=reference,
        calibration=draw[calibration],
        calibration_index=calibration,
        gmm_weights=mixture.weights.astype(np.float32),
        gmm_means=mixture.means.astype(np.float32),
        gmm_covariances=mixture.covariances.astype(np.float32),
        features=None,
        reference_features=None,
        reference_attribute=None if attributes is None else attributes[reference],
        fitting=draw[fitting],
        fitting_index=fitting,
        calibration_mean=None if posterior.log_variance is None else posterior.mean[calibration],
        calibration_cost=None if np.isnan(distortion).any() else (distortion + rate)[calibration],
    )
    card = Card(
        name=name,
        family="ae" if posterior.log_variance is None else "vae",
        dataset=dataset,
        latent_dim=coder.latent_dim,
        config=None,
        metrics={},
        version=_digest(
            (class_names, attribute_names), posterior.mean, posterior.log_variance, draw, distortion, labels, pixels
        ),
        latent_shape=getattr(coder, "latent_shape", None),
    )
    return OpenRun(
        card=card,
        image_shape=coder.image_shape,
        levels=coder.levels,
        class_names=class_names,
        latents=latents,
        twin=twin,
        held_attribute_names=attribute_names,
        _load_coder=lambda: coder,
        _load_pixels=lambda: pixels,
        drawer=drawer,
    )


def _digest(names: object, *arrays: NDArray[Any] | None) -> str:
    """A name that everything a browser keeps of a run in memory decides: another launch may differ in labels alone."""
    digest = hashlib.sha256(repr(names).encode())
    for array in arrays:
        digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def both_forms(images: Images | Pixels, coder: Coder) -> tuple[Images, Pixels]:
    """Images in [0, 1] and stored grey levels of either, both (N, C, H, W).

    Raises:
        ShapeError: They are not shaped as the model wants them, too few, or out of range.
    """
    array: NDArray[Any] = np.asarray(images)
    if array.ndim != 4 or array.shape[1:] != tuple(coder.image_shape):
        raise ShapeError(f"images must be shaped (N, {', '.join(map(str, coder.image_shape))}), not {array.shape}.")
    if len(array) < FEWEST_IMAGES:
        raise ShapeError(f"at least {FEWEST_IMAGES} images are needed to tell holes from data, not {len(array)}.")
    if array.dtype == np.uint8:
        if array.max() >= coder.levels:
            raise ShapeError(f"pixels must lie in 0 .. {coder.levels - 1}, but the largest is {array.max()}.")
        return to_unit(array, coder.levels), array
    if not np.issubdtype(array.dtype, np.floating):
        raise ShapeError(f"images must be float in [0, 1] or uint8, not {array.dtype}.")
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
        raise ShapeError("images must be finite and lie in [0, 1]; divide by the largest grey level.")
    units = array.astype(np.float32)
    return units, np.rint(units * (coder.levels - 1)).astype(np.uint8)


def checked_labels(
    labels: Any, count: int, class_names: tuple[str, ...] | None
) -> tuple[NDArray[np.int64] | None, tuple[str, ...] | None]:
    """Labels (count,) with a name for each, or neither.

    Raises:
        ShapeError: They do not number the classes.
    """
    if labels is None:
        return None, class_names
    labels = np.asarray(labels)
    if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
        raise ShapeError(f"labels must be {count} whole numbers, but are {labels.dtype} shaped {labels.shape}.")
    classes = MOST_CLASSES if class_names is None else len(class_names)
    low, high = int(labels.min()), int(labels.max())
    if classes > MOST_CLASSES or not 0 <= low <= high < classes:
        named = "" if class_names is None else f" with {classes:,} class names"
        raise ShapeError(
            f"labels must number the classes from 0, of which there may be {MOST_CLASSES:,}, each with a name or none, "
            f"but these go from {low} to {high}{named}."
        )
    return labels.astype(np.int64), class_names or tuple(map(str, range(high + 1)))
