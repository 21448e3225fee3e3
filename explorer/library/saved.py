"""Somebody's own model as a run on disk: two programs in place of weights, latents and scores, and no pixel."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.checkpoint import (
    begin_run,
    kept_if_resumable,
    publish_run,
    write_config,
    write_latents,
    write_metrics,
    write_tensors,
)
from explorer.config import FEWEST_CALIBRATION, RUN_NAME, DataConfig, ModelConfig, RunConfig, TrainConfig
from explorer.config.limits import FEWEST_TESTED, SIGMAS
from explorer.data import ImageSet, Split, check_split
from explorer.data.sets import MOST_CALIBRATION
from explorer.errors import CheckpointError, ConfigError, ShapeError
from explorer.program import FORMAT, PARTS, ProgramError
from explorer.staging import WEIGHTS

MOST_TESTED = 10_000
"""Images on which a model is measured at most, and whose codes the page shows."""

MOST_NUMBERS = 200_000_000
"""Pixel values in these together: the page keeps their decodes."""

SHARES = (0.5, 0.2)
"""Shares of the images that are the reference of the holes and fit the laws, and that calibrate the holes; the rest is
measured on."""

FEWEST = 60
"""Images that a saved model needs, so that each of these parts has enough."""

PRICED = 500
"""Images of the reference on which sigma is found."""


def save_run(
    model: Any,
    images: Any,
    out: Path | str = "checkpoints",
    labels: Any = None,
    *,
    dataset: str = "yours",
    tag: str | None = None,
    twin: str | None = None,
    attributes: Any = None,
    attribute_names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    pixel_range: tuple[float, float] | None = None,
    image_size: tuple[int, int] | None = None,
    quick: bool = True,
    overwrite: bool = False,
    seed: int = 0,
) -> Path:
    """Save somebody's own model as a run, which opens, exports and travels without the code that made it.

        folder = save_run(net, images, "checkpoints", labels, dataset="sparrows")

    Its encoder and decoder are stored as programs, its images as codes and scores; no pixel is stored, so that the page
    shows decodes. Its likelihood is assumed: a Gaussian whose sigma is the root mean squared error. A half of the
    images is the reference of the holes and fits the laws, a fifth calibrates the holes, on the others it is measured:
    they should be images that the model was not fitted on.

    Args:
        model: As `explorer.launch` takes it, one model.
        images: As `explorer.launch` takes them, `FEWEST` at least.
        out: The folder of the runs.
        labels: As `explorer.launch` takes them, as are `attributes`, `attribute_names`, `class_names`, `pixel_range`
            and `image_size`.
        dataset: What the images are called; the run is called DATASET-ae-D or DATASET-vae-D.
        tag: Last part of the run's name, to keep several apart.
        twin: Name of a run in `out` of the same images, which is shown beside it.
        attributes: See `labels`.
        attribute_names: See `labels`.
        class_names: See `labels`.
        pixel_range: See `labels`.
        image_size: See `labels`.
        quick: Whether only squared error, ELBO, dimensions in use and holes are measured; the rest fits a feature space
            and takes minutes.
        overwrite: Whether a run of that name may be replaced.
        seed: Of the division and of the draws.

    Returns:
        The run's folder.

    Raises:
        ConfigError: It does something that a program cannot express, a name is none, or there is no such twin.
        ShapeError: Images, labels and model do not go together, or there are too few images.
        CheckpointError: The run exists, or the folder cannot be written to.
    """
    from explorer.adapters import TRIED, adapted, read_images
    from explorer.adapters.programs import stored_programs
    from explorer.library.held import both_forms, checked_labels
    from explorer.program.models import program_of
    from explorer.training.command import versions
    from explorer.training.evaluate import evaluate

    for name, value in (("dataset", dataset), ("tag", tag and f"x{tag}"), ("twin", twin)):
        if value is not None and not RUN_NAME.fullmatch(value):
            raise ConfigError(f"{name} must be letters, digits, '.', '_' and '-', but is {str(value)[:80]!r}.")
    given = read_images(
        images,
        labels,
        attributes=attributes,
        attribute_names=attribute_names,
        class_names=class_names,
        image_shape=getattr(model, "image_shape", None),
        pixel_range=pixel_range,
        side=image_size,
    )
    if len(given.pixels) < FEWEST:
        raise ShapeError(f"at least {FEWEST} images are needed to measure a model, not {len(given.pixels)}.")
    some = given.some(TRIED, getattr(model, "levels", None))
    coder, _ = adapted(model, some, pixel_range=pixel_range, came_in=given.came_in)
    try:
        files = {part: program_of(coder, part) for part in PARTS}
    except ProgramError as error:
        raise ConfigError(
            f"the model cannot be saved without its code: {str(error).rstrip('.')}; explorer.launch(model, images) "
            "shows it while Python runs, and --model FILE.py:make_model --weights FILE opens it from a shell."
        ) from error
    _, pixels = both_forms(given.pixels, coder)
    numbers, names = checked_labels(given.labels, len(pixels), given.class_names)
    held = ImageSet(
        name=dataset,
        pixels=pixels,
        levels=coder.levels,
        test_count=0,
        labels=numbers,
        class_names=names,
        attributes=given.attributes,
        attribute_names=given.attribute_names,
    )
    parts = _parted(len(held), seed, min(MOST_TESTED, max(FEWEST, MOST_NUMBERS // math.prod(held.image_shape))))
    check_split(held, parts)
    stored = _priced(files, held.images(parts.train[:PRICED]))
    config = RunConfig(
        data=DataConfig(
            dataset="folder",
            name=dataset,
            fingerprint=held.fingerprint,
            class_names=held.class_names,
            attribute_names=held.attribute_names,
        ),
        model=ModelConfig(
            family="ae" if coder.encode(some[:1]).log_variance is None else "vae",
            latent_dim=coder.latent_dim,
            likelihood="gaussian",
            image_shape=held.image_shape,
            levels=held.levels,
            program=FORMAT,
            latent_shape=_unflattened(coder),
        ),
        train=TrainConfig(seed=seed, binarise=False),
        versions=versions(),
        tag=tag,
        twin=twin,
    )
    place = Path(out)
    if twin is not None and not (place / twin / "config.json").is_file():
        raise ConfigError(f"there is no run {twin} in {place}; save that one first, then this one with twin={twin!r}.")
    place.mkdir(parents=True, exist_ok=True)
    partial = begin_run(place, config.name, overwrite)
    with kept_if_resumable(place, config.name):
        write_config(partial, config)
        write_tensors(partial / WEIGHTS, stored_programs(stored))
        metrics, latents = evaluate(stored, config, held, parts, place, quick=quick)
        write_latents(partial, latents)
        write_metrics(partial, metrics)
        return publish_run(partial, place, config.name)


def _parted(count: int, seed: int, most: int) -> Split:
    """The parts of `count` images, drawn at random, at most `most` to measure on; none is held out for a fit."""
    order = np.random.default_rng(seed).permutation(count)
    known = int(SHARES[0] * count)
    calibrating = min(MOST_CALIBRATION, max(FEWEST_CALIBRATION, int(SHARES[1] * count)))
    calibration, test = order[known : known + calibrating], order[known + calibrating :][:most]
    assert len(test) >= FEWEST_TESTED
    return Split(
        train=np.sort(order[:known]),
        validation=np.zeros(0, dtype=np.int64),
        calibration=np.sort(calibration),
        test=np.sort(test),
    )


def _priced(files: Any, images: NDArray[np.float32]) -> Any:
    """The stored model, with the root mean squared error of some images (n, C, H, W) as its sigma."""
    from explorer.adapters.programs import ProgramCoder
    from explorer.analysis.encoding import squared_errors

    try:
        coder = ProgramCoder(files, 1.0)
    except ProgramError as error:
        raise CheckpointError(f"the model cannot be saved: {str(error).rstrip('.')}.") from error
    error = float(squared_errors(coder, images, coder.encode(images).mean).mean())
    coder.deviation = float(np.clip(np.sqrt(error), *SIGMAS))
    return coder


def _unflattened(coder: object) -> tuple[int, ...] | None:
    shape = getattr(coder, "latent_shape", None)
    return shape if shape is not None and len(shape) > 1 else None
