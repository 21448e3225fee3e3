"""A fitted torch model as a Coder: numpy in and out, in batches, one large call at a time."""

import contextlib
import math
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.analysis.encoding import FEW, checked_latents
from explorer.arrays import ConditionalPosterior, Images, Latents, Posterior, Scores
from explorer.config import ModelConfig
from explorer.errors import CheckpointError, ConfigError, ShapeError
from explorer.models import Autoencoder, DiagonalGaussian, HierarchicalVAE, TopDown, build_model

BATCH, BATCH_VALUES = 512, 1_000_000
"""Images in one pass through a net, and on a CPU their values. A convolutional net holds about a hundred times as many
values meanwhile: 512 colour images of 64x64 took 470 MB and longer than 64 at a time, which took 110 MB."""


class TorchCoder:
    """A `MeasuringCoder` over a torch model.

    Large calls from several threads wait for one another: a net on one device is no faster when shared. A few latents
    are decoded at once, whatever else is under way: somebody drags a slider.

    Args:
        model: A model on any device; it is put into evaluation mode.
    """

    def __init__(self, model: Autoencoder) -> None:
        self.model = model.eval()
        self.device = next(model.parameters()).device
        self._lock = threading.Lock()
        fitting = max(1, BATCH_VALUES // math.prod(self.image_shape)) if self.device.type == "cpu" else BATCH
        self._batch = min(BATCH, fitting)

    @property
    def latent_dim(self) -> int:
        """d, the number of latent dimensions."""
        assert self.model.config.latent_dim is not None
        return self.model.config.latent_dim

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        assert self.model.config.image_shape is not None
        return self.model.config.image_shape

    @property
    def levels(self) -> int:
        """Grey levels of the data the model was fitted on."""
        return self.model.config.levels or 256

    def encode(self, images: Images) -> Posterior:
        """Posteriors of images (N, C, H, W) in [0, 1]; never samples.

        Raises:
            ShapeError: The images are not shaped as the model wants them.
        """
        self._check(images)
        empty = np.zeros((0, *self.image_shape), dtype=np.float32)
        parts = [images[start : start + self._batch] for start in range(0, len(images), self._batch)] or [empty]
        first, *others = [self._encoded(part) for part in parts]
        return first.joined(others)

    def _encoded(self, images: Images) -> Posterior:
        """Posteriors of one batch (N, C, H, W)."""
        with self._lock, torch.inference_mode():
            posterior = self.model.encode(self._tensor(images))
            mean = posterior.mean.cpu().numpy()
            if isinstance(posterior, DiagonalGaussian):
                return Posterior(mean, posterior.log_variance.cpu().numpy())
            if isinstance(posterior, TopDown):
                log_variance, context = (each.cpu().numpy() for each in (posterior.log_variance, posterior.context))
                return ConditionalPosterior(mean, log_variance, context=context, follow=self._follow)
        return Posterior(mean)

    def _follow(self, context: NDArray[np.float32], noise: Latents) -> tuple[Latents, Posterior]:
        """Where noise (N, d) leads under the posteriors that contexts (N, H) stand for; see `ConditionalPosterior`."""
        assert isinstance(self.model, HierarchicalVAE)
        with self._lock, torch.inference_mode():
            posterior = self.model.posterior_of(self._tensor(context))
            latents = posterior.at(self._tensor(noise))
            given = posterior.given(latents)
        return latents.cpu().numpy(), Posterior(given.mean.cpu().numpy(), given.log_variance.cpu().numpy())

    def decode(self, latents: Latents) -> Images:
        """Expected images (N, C, H, W) in [0, 1] of latents (N, d)."""
        latents = checked_latents(latents, self.latent_dim)
        images = np.empty((len(latents), *self.image_shape), dtype=np.float32)
        with contextlib.nullcontext() if len(latents) <= FEW else self._lock, torch.inference_mode():
            for start in range(0, len(latents), self._batch):
                part = slice(start, start + self._batch)
                images[part] = self.model.decode(self._tensor(latents[part])).cpu().numpy()
        return images

    def distortion(self, images: Images, latents: Latents) -> Scores:
        """-log p(x|z), (N,), nats per image, of images (N, C, H, W) under latents (N, d).

        One image (1, C, H, W) is priced under every latent.
        """
        self._check(images)
        latents = checked_latents(latents, self.latent_dim)
        if len(images) not in (1, len(latents)):
            raise ShapeError(f"{len(images)} images cannot be priced under {len(latents)} latents.")
        batches = [np.zeros(0, dtype=np.float32)]
        with self._lock, torch.inference_mode():
            for start in range(0, len(latents), self._batch):
                part = slice(start, start + self._batch)
                inputs = self._tensor(latents[part])
                targets = self._tensor(images if len(images) == 1 else images[part])
                targets = targets.expand(len(inputs), -1, -1, -1)
                batches.append(self.model.distortion(targets, inputs).cpu().numpy())
        return np.concatenate(batches)

    def _tensor(self, array: Images | Latents) -> Tensor:
        array = np.ascontiguousarray(array, dtype=np.float32)
        return torch.from_numpy(array if array.flags.writeable else array.copy()).to(self.device)

    def _check(self, images: Images) -> None:
        if images.ndim != 4 or images.shape[1:] != self.image_shape:
            raise ShapeError(f"images must be shaped (N, {', '.join(map(str, self.image_shape))}), not {images.shape}.")


def build_coder(
    config: ModelConfig, weights: Mapping[str, NDArray[Any]], source: str, device: str = "cpu"
) -> TorchCoder:
    """A fitted model from its settings and weights.

    Args:
        config: Resolved settings of the model.
        weights: As `read_weights` gives them; the names and shapes must be the model's own.
        source: Where they come from, for messages.
        device: Where to decode; a page of single images is served fastest by the CPU.

    Raises:
        CheckpointError: They are the weights of another model.
    """
    try:
        model = build_model(config)
        model.load_state_dict({name: torch.from_numpy(array).float() for name, array in weights.items()})
    except (RuntimeError, ConfigError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"the weights of {source} do not fit its config.json ({reason}); fit the run again with train.py."
        ) from None
    return TorchCoder(model.to(device))


def shipped_weights(model: Autoencoder) -> dict[str, NDArray[Any]]:
    """The weights to store, in half precision where that moves no pixel by more than 1/255.

    The model itself is rounded to what is stored, so that what is evaluated is what is shipped.
    """
    weights = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
    assert model.config.latent_dim is not None
    latents = torch.randn(256, model.config.latent_dim, generator=torch.Generator().manual_seed(0)) * 2
    latents = latents.to(next(model.parameters()).device)
    model.eval()
    with torch.inference_mode():
        before = model.decode(latents)
        halves = {name: tensor.half() for name, tensor in weights.items()}
        model.load_state_dict({name: tensor.float() for name, tensor in halves.items()})
        moved = (model.decode(latents) - before).abs().max().item()
    if moved <= 1 / 255 and all(tensor.isfinite().all() for tensor in halves.values()):  # half ends at 65,504
        return {name: tensor.numpy() for name, tensor in halves.items()}
    model.load_state_dict(weights)
    return {name: tensor.numpy() for name, tensor in weights.items()}
