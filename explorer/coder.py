"""A fitted torch model as a Coder: numpy in and out, in batches, one large call at a time."""

import contextlib
import math
import threading
from collections.abc import Callable, Mapping
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
from explorer.wanted import check_wanted

BATCH = 512
"""Images in one pass through a net on an accelerator, which many keep busy."""

CPU_BATCH, CPU_VALUES = 128, 1_000_000
"""Images and values in one pass on a CPU; with more, the maps of a net leave its caches. A convolutional net holds a
hundred times as many values meanwhile: 512 colour images of 64x64 took 470 MB and longer than 64, which took 110 MB."""


class TorchCoder:
    """A `MeasuringCoder` over a torch model.

    Large calls from several threads wait for one another: a net on one device is no faster when shared. A few latents
    are decoded at once, whatever else is under way: somebody drags a slider.

    Args:
        model: A model on any device; it is put into evaluation mode.
    """

    def __init__(self, model: Autoencoder) -> None:
        # on a CPU a decoder takes three quarters of the time with its channels last, to the same digits
        self.model: Autoencoder = model.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.device = next(model.parameters()).device
        self._lock = threading.Lock()
        fitting = max(1, CPU_VALUES // math.prod(self.image_shape))
        self._batch = min(CPU_BATCH, fitting) if self.device.type == "cpu" else BATCH

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
        check_wanted()
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
                check_wanted()
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
                check_wanted()
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


def weight_shapes(config: ModelConfig, source: str) -> dict[str, tuple[int, ...]]:
    """The names and shapes of a model's weights, of resolved settings; the model is built without memory for them.

    Args:
        config: Resolved settings of the model.
        source: Where they come from, for messages.

    Raises:
        CheckpointError: No model has these settings.
    """
    try:
        with torch.device("meta"):
            model = build_model(config)
    except (RuntimeError, ConfigError, AssertionError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"the config.json of {source} names no model ({reason}); fit the run again with train.py."
        ) from None
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


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


def shipped_weights(
    model: Autoencoder, images: Images | None = None, tell: Callable[[str], None] | None = None
) -> dict[str, NDArray[Any]]:
    """The weights to store, in half precision where that moves no pixel and no code by more than `rounding_harm` says.

    Where it does, the small arrays stay in full precision, which costs few bytes: the first and the last of a decoder
    are among them. Where that is not enough, all stay. The model itself is rounded to what is stored, so that what is
    evaluated is what is shipped.

    Args:
        model: Any model; it is left in evaluation mode.
        images: Some that it was fitted on, or held out, (N, C, H, W) in [0, 1], whose codes and reconstructions are
            compared; None compares decodes of random latents only.
        tell: Called with a line where weights stay in full precision.
    """
    weights = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
    first = None
    for kept in (set[str](), small_ones(weights)):
        stored = {name: tensor if name in kept else tensor.half() for name, tensor in weights.items()}
        harm = halving_harm(model, stored, images)
        if harm is None:
            if first is not None and tell is not None:
                tell(f"the small arrays of the weights are stored as float32, for in float16 {first}")
            return {name: tensor.numpy() for name, tensor in stored.items()}
        first = first or harm
        model.load_state_dict(weights)
    if tell is not None:
        tell(f"the weights are stored as float32, twice as large as float16, in which {first}")
    return {name: tensor.numpy() for name, tensor in weights.items()}


def halving_harm(model: Autoencoder, stored: Mapping[str, Tensor], images: Images | None) -> str | None:
    """What storing a model's weights so, some of them in half precision, does beyond what it may, in words, or None.

    The model has the stored weights afterwards, unless one of its own is more than half precision holds.
    """
    if not all(tensor.isfinite().all() for tensor in stored.values()):  # half ends at 65,504
        largest = max(tensor.abs().max().item() for tensor in model.state_dict().values() if tensor.numel())
        return f"{largest:.3g} is more than it holds"
    return rounding_harm(model, {name: tensor.float() for name, tensor in stored.items()}, images)


SMALL_SHARE = 0.1
"""Largest share of a model's numbers that may stay in full precision beside halves."""


def small_ones(weights: Mapping[str, Tensor]) -> set[str]:
    """Names of the smallest arrays, as many as `SMALL_SHARE` of all numbers allows."""
    left, names = SMALL_SHARE * sum(tensor.numel() for tensor in weights.values()), set[str]()
    for name, tensor in sorted(weights.items(), key=lambda item: item[1].numel()):
        left -= tensor.numel()
        if left >= 0:
            names.add(name)
    return names


MOST_MOVED_PIXEL = 1 / 255
"""Largest change of a decoded pixel in [0, 1] that rounding may make."""

MOST_MOVED_CODE = 1e-3
"""Largest change of the posterior means of a dimension, root mean square, that rounding may make, in standard
deviations of the codes of that dimension."""


@torch.inference_mode()
def rounding_harm(model: Autoencoder, rounded: Mapping[str, Tensor], images: Images | None) -> str | None:
    """What other weights change beyond `MOST_MOVED_PIXEL` and `MOST_MOVED_CODE`, in words, or None.

    Decodes of N(0, 4 I) are compared, and of images their posterior means, and the decodes of these and of a draw each.

    Args:
        model: Left in evaluation mode, with the rounded weights.
        rounded: The other weights.
        images: (N, C, H, W) in [0, 1], or None.
    """
    model.eval()
    device, generator = next(model.parameters()).device, torch.Generator().manual_seed(0)
    assert model.config.latent_dim is not None
    latents = [(torch.randn(256, model.config.latent_dim, generator=generator) * 2).to(device)]
    batches = [] if images is None else [part.to(device) for part in torch.from_numpy(images).split(BATCH)]
    means, spreads = [], []
    for batch in batches:
        posterior = model.encode(batch)
        means.append(posterior.mean)
        spreads.append(posterior.sample(torch.Generator(device).manual_seed(0)))
        latents += [means[-1], spreads[-1]]
    before = [model.decode(each) for each in latents]
    model.load_state_dict(dict(rounded))
    moved = max((model.decode(z) - image).abs().max().item() for z, image in zip(latents, before, strict=True))
    if not moved <= MOST_MOVED_PIXEL:
        return f"a pixel moves by {moved:.2g} of [0, 1]"
    if not batches:
        return None
    deviation = torch.cat(spreads).std(dim=0, correction=0)
    again = torch.cat([model.encode(batch).mean for batch in batches])
    shift = (again - torch.cat(means)).square().mean(dim=0).sqrt()
    share = (shift / deviation.clamp_min(MOST_MOVED_CODE * deviation.max()).clamp_min(1e-30)).max().item()
    return None if share <= MOST_MOVED_CODE else f"a code moves by {share:.2g} of its standard deviation"
