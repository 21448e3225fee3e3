"""What is known of a run without opening it."""

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeGuard

from explorer.checkpoint import (
    CONFIG,
    HISTORY,
    LATENTS,
    METRICS,
    MOST_LENGTHS,
    SHEETS,
    WEIGHTS,
    read_config,
    read_metrics,
)
from explorer.config import RunConfig
from explorer.errors import CheckpointError

MOST_STAMPS = 2000
"""Sheets whose sizes and times tell that a run changed: a folder that holds more must not slow every request down."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What is known of a run without opening it.

    Attributes:
        name: The run's name.
        family: ae, vae, ...; of a model held in memory what its posterior tells.
        dataset: Name of the data set.
        latent_dim: d.
        config: Its settings; None for a model held in memory.
        metrics: Its scores, as metrics.json holds them; empty for a model held in memory.
        version: Changes whenever the run's files do.
        latent_shape: Of one latent as its model has it, where it is flattened here; None for a vector.
    """

    name: str
    family: str
    dataset: str
    latent_dim: int
    config: RunConfig | None
    metrics: Mapping[str, Any]
    version: str
    latent_shape: tuple[int, ...] | None = None

    def number(self, *path: str) -> float | None:
        """A score by its place in the metrics, `card.number("test", "nll_iw")`, or None where there is none."""
        found: Any = self.metrics
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping):  # a score with its interval
            found = found.get("value")
        return float(found) if is_number(found) else None

    @property
    def not_measured(self) -> tuple[str, ...]:
        """Names of the scores that a quick fit left out; none where all were measured."""
        stored = self.metrics.get("not_measured")
        return tuple(name[:80] for name in stored if isinstance(name, str)) if isinstance(stored, list) else ()

    @property
    def many_bells(self) -> int:
        """Gaussians of its mixture of many; 0 where that is not measured, or no number that a run can store."""
        bells = self.number("holes", "many_bells") or 0
        return int(bells) if 0 <= bells <= MOST_LENGTHS["B"] else 0

    @property
    def charges_features(self) -> bool:
        """Whether it was fitted to features beside pixels, so that it has no bound on its likelihood."""
        return self.config is not None and self.config.train.charges_features

    @property
    def measuring(self) -> str:
        """The command that measures every score of the run."""
        if self.config is not None and self.config.is_foreign:
            return "explorer.save_run(..., quick=False)"
        return f"python train.py --evaluate {self.name}"


def is_number(found: object) -> TypeGuard[int | float]:
    """Whether something read from a file is a finite number that a float holds."""
    return isinstance(found, int | float) and not isinstance(found, bool) and abs(found) <= sys.float_info.max


def read_card(folder: Path, name: str, version: str) -> Card:
    """The card of a run on disk.

    Raises:
        CheckpointError: Its config.json or metrics.json is damaged.
    """
    config = read_config(folder)
    if config.model.latent_dim is None or config.model.image_shape is None:
        raise CheckpointError(f"{folder / CONFIG} does not say the latent dimension and the image shape.")
    return Card(
        name=name,
        family=config.model.family,
        dataset=config.data.name or config.data.dataset,
        latent_dim=config.model.latent_dim,
        config=config,
        metrics=read_metrics(folder),
        version=version,
        latent_shape=config.model.latent_shape,
    )


def version_of(folder: Path, name: str) -> str:
    """Changes whenever a file of the run is replaced: a hash of sizes and times, so that it costs nothing."""
    digest = hashlib.sha256(name.encode())
    for part in (CONFIG, METRICS, LATENTS, WEIGHTS, HISTORY):
        try:
            stat = (folder / part).stat()
            digest.update(f"{part}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_mode};".encode())
        except OSError:
            digest.update(f"{part}:missing;".encode())
    for stamp in _sheet_stamps(folder / SHEETS):
        digest.update(stamp.encode(errors="backslashreplace"))
    return digest.hexdigest()[:16]


def _sheet_stamps(folder: Path) -> list[str]:
    """Name, size and time of the sheets of a run, in order; none where there is no folder of them."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in islice(entries, MOST_STAMPS)]
    except OSError:
        return []
    return [f"{name}:{stat.st_size}:{stat.st_mtime_ns};" for name, stat in sorted(found, key=lambda each: each[0])]
