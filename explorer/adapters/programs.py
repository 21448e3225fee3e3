"""A model that is stored as two programs in place of weights, so that it opens without the code that made it.

`model.safetensors` then holds the bytes of both, `decoder` and `encoder`, and `deviation`: sigma of the Gaussian by
which its images are priced, the root mean squared error of its reconstructions, which is what that sigma should be
(Rybkin et al. 2021, https://arxiv.org/abs/2006.13202).
"""

import contextlib
import math
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from explorer.analysis.encoding import FEW, checked_latents
from explorer.arrays import Images, Latents, Posterior, Scores
from explorer.coder import CPU_BATCH, CPU_VALUES
from explorer.config import ModelConfig
from explorer.errors import CheckpointError, ShapeError
from explorer.program import PARTS, Part, ProgramError
from explorer.program.running import RunningProgram
from explorer.wanted import check_wanted

MOST_AT_ONCE = 32_000_000
"""Numbers of one value of a batch: four bytes each."""

DEVIATION = "deviation"
"""Name of sigma among the stored arrays."""


class ProgramCoder:
    """A `MeasuringCoder` over two programs.

    Args:
        files: The programs' files by their parts.
        deviation: Sigma of the Gaussian likelihood, in units of pixels in [0, 1].

    Raises:
        ProgramError: One of them is damaged, or they do not belong together.
    """

    def __init__(self, files: Mapping[Part, bytes], deviation: float) -> None:
        self.files, self.deviation = dict(files), deviation
        self._decoder, self._encoder = (RunningProgram(files[part], part) for part in ("decoder", "encoder"))
        facts = {(each.latent_dim, each.image_shape, each.levels) for each in (self._decoder, self._encoder)}
        if len(facts) != 1:
            raise ProgramError("its two programs are of two models")
        self.latent_dim, self.image_shape, self.levels = facts.pop()
        widest = max(self._decoder.widest, self._encoder.widest)
        self._batch = min(CPU_BATCH, max(1, CPU_VALUES // math.prod(self.image_shape)), max(1, MOST_AT_ONCE // widest))
        self._lock = threading.Lock()

    def encode(self, images: Images) -> Posterior:
        """Posteriors of images (N, C, H, W) in [0, 1]; never samples.

        Raises:
            ShapeError: The images are not shaped as the model wants them.
        """
        self._check(images)
        given = self._run(self._encoder, images)
        empty = np.zeros((0, self.latent_dim), dtype=np.float32)
        mean = np.concatenate([empty, *(each["mean"] for each in given)])
        if not given or "log_variance" not in given[0]:
            return Posterior(mean)
        return Posterior(mean, np.concatenate([each["log_variance"] for each in given]))

    def decode(self, latents: Latents) -> Images:
        """Images (N, C, H, W) in [0, 1] of latents (N, d)."""
        latents = checked_latents(latents, self.latent_dim)
        given = self._run(self._decoder, latents)
        return np.concatenate([np.zeros((0, *self.image_shape), np.float32), *(each["pixels"] for each in given)])

    def distortion(self, images: Images, latents: Latents) -> Scores:
        """-log p(x|z), (N,), nats per image, of images (N, C, H, W), or one, under latents (N, d)."""
        self._check(images)
        if len(images) not in (1, len(latents)):
            raise ShapeError(f"{len(images)} images cannot be priced under {len(latents)} latents.")
        error = np.square(self.decode(latents) - images).reshape(len(latents), -1).sum(axis=1, dtype=np.float64)
        pixels = math.prod(self.image_shape)
        constant = pixels * (math.log(self.deviation) + 0.5 * math.log(2 * math.pi))
        return (error / (2 * self.deviation**2) + constant).astype(np.float32)

    def program(self, part: Part) -> bytes:
        """The decoder or encoder for the browser, as it is stored."""
        return self.files[part]

    def _run(self, program: RunningProgram, array: NDArray[np.float32]) -> list[dict[str, NDArray[np.float32]]]:
        found = []
        with contextlib.nullcontext() if len(array) <= FEW else self._lock, torch.inference_mode():
            for start in range(0, len(array), self._batch):
                check_wanted()
                part = np.array(array[start : start + self._batch], dtype=np.float32)
                found.append({name: value.numpy() for name, value in program(torch.from_numpy(part)).items()})
        return found

    def _check(self, images: Images) -> None:
        if images.ndim != 4 or images.shape[1:] != self.image_shape:
            raise ShapeError(f"images must be shaped (N, {', '.join(map(str, self.image_shape))}), not {images.shape}.")


def stored_programs(coder: ProgramCoder) -> dict[str, NDArray[Any]]:
    """What model.safetensors holds of such a model."""
    programs = {part: np.frombuffer(coder.files[part], np.uint8) for part in PARTS}
    return {**programs, DEVIATION: np.array([coder.deviation], dtype=np.float32)}


def program_coder(stored: Mapping[str, NDArray[Any]], config: ModelConfig, source: str) -> ProgramCoder:
    """The model of a run that is stored as programs.

    Args:
        stored: As `stored_programs` gives it.
        config: Settings of the model.
        source: Where it comes from, for messages.

    Raises:
        CheckpointError: The programs are damaged, or those of another model.
    """
    try:
        coder = ProgramCoder({part: stored[part].tobytes() for part in PARTS}, float(stored[DEVIATION][0]))
    except ProgramError as error:
        raise CheckpointError(f"the model of {source} cannot be run: {str(error).rstrip('.')}.") from None
    found, wanted = (coder.latent_dim, coder.image_shape), (config.latent_dim, config.image_shape)
    if found != wanted or not coder.deviation > 0:
        raise CheckpointError(f"the model of {source} is another than its config.json says: {found}, not {wanted}.")
    return coder
