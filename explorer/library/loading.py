"""A run of the disk for a script or a notebook, and the model of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.checkpoint import (
    StoredLatents,
    load_latents,
    place_of,
    read_config,
    read_metrics,
    read_programs,
    read_weights,
)
from explorer.config import RunConfig

if TYPE_CHECKING:
    from explorer.adapters.programs import ProgramCoder
    from explorer.coder import TorchCoder


def load_coder(folder: Path, config: RunConfig) -> "TorchCoder | ProgramCoder":
    """The fitted model of a run on disk: weights of a net of this program, or two programs of anybody's model.

    Raises:
        CheckpointError: The weights are missing, damaged, or those of another model.
    """
    if config.is_foreign:
        from explorer.adapters.programs import program_coder

        return program_coder(read_programs(folder), config.model, str(folder))
    from explorer.coder import build_coder, weight_shapes

    weights = read_weights(folder, weight_shapes(config.model, str(folder)))
    return build_coder(config.model, weights, str(folder))


@dataclass(frozen=True)
class Run:
    """A run read from disk, whole.

    Attributes:
        folder: Where it lies.
        config: Its settings.
        metrics: Its scores, as in metrics.json.
        latents: Its stored latents.
        coder: The fitted model.
    """

    folder: Path
    config: RunConfig
    metrics: Mapping[str, Any]
    latents: StoredLatents
    coder: "TorchCoder | ProgramCoder"

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return self.folder.name


def load_run(folder: Path | str) -> Run:
    """A run with its settings, scores, latents and model, for a script or a notebook.

    Raises:
        CheckpointError: A part is missing, damaged, or does not fit the others.
    """
    folder = place_of(Path(folder))
    config = read_config(folder)
    latents = load_latents(folder, config)
    return Run(folder, config, read_metrics(folder), latents, load_coder(folder, config))
