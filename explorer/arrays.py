"""The arrays that flow between the rooms, and what a model must offer to be explored.

Inside the program an image is float32 in [0, 1], shaped (C, H, W); a latent is float32, shaped (d,). Both always
travel in batches.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Images: TypeAlias = NDArray[np.float32]
"""Images, (N, C, H, W), float32 in [0, 1]."""

Latents: TypeAlias = NDArray[np.float32]
"""Latents, (N, d), float32."""

Pixels: TypeAlias = NDArray[np.uint8]
"""Stored grey levels, (N, C, H, W), uint8 in 0 .. levels - 1."""

Scores: TypeAlias = NDArray[np.floating]
"""One number per image or latent, (N,)."""

UNKNOWN = 255
"""Stands in attributes, (N, A) uint8, where nobody said; 1 is an image that has the attribute, 0 one that has not."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """What an encoder says of a batch of images: N(mean, exp(log_variance)) each, or a point.

    Attributes:
        mean: Posterior means, (N, d).
        log_variance: Natural logarithms of the posterior variances, (N, d); None for an autoencoder, whose
            posterior is a point.
    """

    mean: Latents
    log_variance: Latents | None = None

    def sample(self, rng: np.random.Generator, temperature: float = 1.0) -> Latents:
        """One latent per image, (N, d): mean + temperature * standard deviation * noise."""
        if self.log_variance is None:
            return self.mean.copy()
        deviation = temperature * np.exp(0.5 * self.log_variance)
        return (self.mean + deviation * rng.standard_normal(self.mean.shape)).astype(np.float32)

    def draw(self, rng: np.random.Generator) -> "tuple[Latents, Posterior]":
        """One latent per image, (N, d), and the Gaussian of each dimension that it was drawn from: this one."""
        return self.sample(rng), self

    def rows(self, rows: Any) -> "Posterior":
        """The posteriors of some images, as numpy indexes rows."""
        return Posterior(self.mean[rows], None if self.log_variance is None else self.log_variance[rows])

    def joined(self, others: "Sequence[Posterior]") -> "Posterior":
        """This batch and others of the same model, one after the other."""
        spreads = [each.log_variance for each in (self, *others) if each.log_variance is not None]
        mean = np.concatenate([each.mean for each in (self, *others)])
        return Posterior(mean, np.concatenate(spreads) if spreads else None)

    def rate(self) -> NDArray[np.float32]:
        """KL(q(z|x) || N(0, I)) per image and dimension, (N, d), in nats; zero for a point posterior.

        Kingma & Welling 2014, appendix B, https://arxiv.org/abs/1312.6114
        """
        if self.log_variance is None:
            return np.zeros_like(self.mean)
        return np.float32(0.5) * (self.mean**2 + np.exp(self.log_variance) - np.float32(1) - self.log_variance)


@dataclass(frozen=True, slots=True)
class ConditionalPosterior(Posterior):
    """A posterior some of whose dimensions depend on others, as of a hierarchical VAE: prod_j q(z_j|z_above, x).

    `mean` and `log_variance` are of each dimension given the posterior means above it: one summary for plots, whose
    `rate` is that of this one path. Densities and rates are right along a draw: `draw` gives both.

    Attributes:
        context: What the model remembers of the images, (N, ...).
        follow: Context and standard normal noise (N, d) to the latents (N, d) that it leads to, and to the Gaussian of
            each dimension given those above it there.
    """

    context: NDArray[np.float32] = field(kw_only=True, repr=False)
    follow: Callable[[NDArray[np.float32], Latents], tuple[Latents, Posterior]] = field(kw_only=True, repr=False)

    def sample(self, rng: np.random.Generator, temperature: float = 1.0) -> Latents:
        """One latent per image, (N, d), from the top down, with noise times temperature."""
        return self._led(rng, temperature)[0]

    def draw(self, rng: np.random.Generator) -> tuple[Latents, Posterior]:
        """One latent per image, (N, d), and the Gaussian of each dimension that it was drawn from, given those above.

        The second prices the first: log q(z|x) is its density there, and its rates are KL(q || p) of each dimension
        given those above, whose mean over draws is the rate of the model.
        """
        return self._led(rng, 1.0)

    def rows(self, rows: Any) -> "ConditionalPosterior":
        """The posteriors of some images, as numpy indexes rows."""
        assert self.log_variance is not None
        context = self.context[rows]
        return ConditionalPosterior(self.mean[rows], self.log_variance[rows], context=context, follow=self.follow)

    def joined(self, others: Sequence[Posterior]) -> Posterior:
        """This batch and others of the same model, one after the other."""
        contexts = [each.context for each in (self, *others) if isinstance(each, ConditionalPosterior)]
        plain = Posterior(self.mean, self.log_variance).joined(others)
        return ConditionalPosterior(
            plain.mean, plain.log_variance, context=np.concatenate(contexts), follow=self.follow
        )

    def _led(self, rng: np.random.Generator, temperature: float) -> tuple[Latents, Posterior]:
        noise = temperature * rng.standard_normal(self.mean.shape)
        return self.follow(self.context, noise.astype(np.float32))


class ImageRows(Protocol):
    """Images (N, C, H, W) that are taken a slice at a time; an array is such, and so is what reads them as it goes."""

    def __len__(self) -> int:
        """N."""
        ...

    def __getitem__(self, rows: slice, /) -> Images:
        """Images (n, C, H, W) in [0, 1]."""
        ...


@runtime_checkable
class Coder(Protocol):
    """A fitted model seen from outside: images to posteriors and latents to images, in numpy.

    One that also offers `program(part)`, with "decoder" or "encoder" for the part, is computed in the browser as well:
    it answers the bytes that `explorer.program.traced` writes, or raises a `ProgramError` that says why not.
    """

    @property
    def latent_dim(self) -> int:
        """d, the number of latent dimensions."""
        ...

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        ...

    @property
    def levels(self) -> int:
        """Grey levels of the data the model was fitted on: 256, or 17 for the 8x8 digits."""
        ...

    def encode(self, images: Images) -> Posterior:
        """Posteriors of images (N, C, H, W); never samples."""
        ...

    def decode(self, latents: Latents) -> Images:
        """Expected images (N, C, H, W) of latents (N, d)."""
        ...


@runtime_checkable
class MeasuringCoder(Coder, Protocol):
    """A Coder whose likelihood is known, so that images can be priced in nats."""

    def distortion(self, images: Images, latents: Latents) -> Scores:
        """-log p(x|z) of images (N, C, H, W) under latents (N, d), (N,), nats per image."""
        ...


def packed(array: NDArray[Any], kind: Literal["<f4", "u1"]) -> dict[str, object]:
    """An array as JSON carries it: its `kind`, its `shape`, and its `bytes` in base64.

    Args:
        array: Any shape.
        kind: What its numbers are sent as, little-endian.
    """
    cast = np.ascontiguousarray(array, dtype=kind)
    return {"kind": kind.lstrip("<"), "shape": list(cast.shape), "bytes": base64.b64encode(cast.tobytes()).decode()}
