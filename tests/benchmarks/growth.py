"""How the cost of a fit grows with the latent dimension, the image size, the data set, and where its images lie.

Images of noise; the settings take turns within one process, and each number is the median over the turns.
"""

import dataclasses
import itertools
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from explorer.config import DataConfig, ModelConfig, RunConfig, TrainConfig, resolve
from explorer.data import Split
from explorer.devices import pick_device, pick_precision
from explorer.training.fit import Fit
from tests.benchmarks.usual_loop import Row, seconds

TURNS = 3

STEPS = 20
"""Steps in a turn: half of the smallest epoch."""

BATCH = 256


def fit_of(folder: Path, size: int = 28, latent_dim: int = 16, count: int = 10_240, stream: bool | None = None) -> Fit:
    """A fit of `count` images of noise, size x size, whose array is a file mapped into memory."""
    model = ModelConfig(latent_dim=latent_dim, likelihood="gaussian")
    config = resolve(RunConfig(data=DataConfig(), model=model, train=TrainConfig(batch_size=BATCH, stream=stream)))
    shape = (1, size, size)
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, image_shape=shape, levels=256))
    path = folder / f"{count}x{size}.npy"
    if not path.exists():
        pixels = np.lib.format.open_memmap(path, "w+", np.uint8, (count, *shape))
        rng = np.random.default_rng(0)
        for start in range(0, count, 10_240):
            pixels[start : start + 10_240] = rng.integers(0, 256, (min(10_240, count - start), *shape), dtype=np.uint8)
        pixels.flush()
    rows = np.arange(count)
    parts = Split(train=rows, validation=rows[:BATCH], calibration=rows[:0], test=rows[:0])
    device = pick_device()
    precision = pick_precision("auto", device)
    pixels = np.load(path, mmap_mode="r")
    return Fit(config, pixels, parts, device=device, precision=precision, folder=folder)


def costs() -> Iterator[Row]:
    """Microseconds an image of a step, and how much that is of the first setting of its series."""
    series: dict[str, list[tuple[str, dict[str, Any]]]] = {
        "latent dimension": [(f"d = {d}", {"latent_dim": d}) for d in (2, 16, 128)],
        "image size": [(f"{size}x{size}", {"size": size}) for size in (16, 32, 64)],
        "data set size": [(f"{count:,} images", {"count": count}) for count in (10_240, 102_400, 409_600)],
        "where images lie": [("on the device", {"stream": False}), ("streamed", {"stream": True})],
    }
    for what, settings in series.items():
        with tempfile.TemporaryDirectory() as folder:
            fits = [fit_of(Path(folder), **values) for _, values in settings]
            for fit in fits:
                turn(fit)  # all are warm now
            times = [[seconds(lambda fit=fit: turn(fit)) / (STEPS * BATCH) for fit in fits] for _ in range(TURNS)]
        each = [statistics.median(column) for column in zip(*times, strict=True)]
        for (name, _), cost in zip(settings, each, strict=True):
            yield f"{what}: {name}", 1e6 * cost, "us/image"
            yield f"{what}: {name}, ratio", cost / each[0], "x"


def turn(fit: Fit) -> None:
    """Some steps of a fit, to the end of the last one."""
    for pixels in itertools.islice(fit.epoch_batches(), STEPS):
        fit._step(pixels)
    fit.sums.sum().item()  # waits for the device
