"""Models as other people write them, small enough to be fitted to nothing: their answers are linear and known."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

SHAPE = (1, 8, 8)
"""(C, H, W) of their images."""

D = 4
"""Latent dimension."""


class Plain(nn.Module):
    """An autoencoder whose decoder inverts its encoder on a subspace; pixels pass from `low` to `high`.

    Args:
        image_shape: (C, H, W).
        latent_dim: d.
        low: Value of black.
        high: Value of white.
    """

    def __init__(
        self, image_shape: tuple[int, int, int] = SHAPE, latent_dim: int = D, low: float = 0, high: float = 1
    ) -> None:
        super().__init__()
        pixels = image_shape[0] * image_shape[1] * image_shape[2]
        basis = torch.linalg.qr(torch.randn(pixels, latent_dim, generator=torch.Generator().manual_seed(0)))[0]
        self.image_shape, self.middle, self.width = image_shape, (low + high) / 2, high - low
        self.into, self.out = nn.Linear(pixels, latent_dim), nn.Linear(latent_dim, pixels)
        with torch.no_grad():
            self.into.weight.copy_(basis.T / self.width * 2)
            self.into.bias.copy_(-basis.sum(0) * self.middle / self.width * 2)
            self.out.weight.copy_(basis * self.width / 2)
            self.out.bias.fill_(self.middle)

    def encode(self, images: Tensor) -> Any:
        return self.into(images.flatten(1))

    def decode(self, latents: Tensor) -> Any:
        return self.out(latents).reshape(-1, *self.image_shape)


class Variational(Plain):
    """Twenty lines as everybody writes them: encode answers (mean, log-variance)."""

    def encode(self, images: Tensor) -> Any:
        mean = self.into(images.flatten(1))
        return mean, torch.tanh(mean) - 2


def images_in(model: Plain, count: int = 40, seed: int = 1) -> Tensor:
    """Images (N, C, H, W) in [0, 1] that the model reconstructs, unless they had to be cut off."""
    latents = torch.randn(count, model.into.out_features, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        pixels = model.out(latents).reshape(-1, *model.image_shape)
    return ((pixels - model.middle) / model.width + 0.5).clamp(0, 1)


def answering(change: Callable[[Tensor], Any]) -> Plain:
    """A module whose encode answers something else, made of its codes."""
    model = Plain()
    plain = model.encode
    model.encode = lambda images: change(plain(images))
    return model


def spread(mean: Tensor) -> Tensor:
    """The log-variance of `Variational`."""
    return torch.tanh(mean) - 2


ANSWERS: dict[str, Callable[[Tensor], Any]] = {
    "mean": lambda mean: mean,
    "pair": lambda mean: (mean, spread(mean)),
    "list": lambda mean: [mean, spread(mean)],
    "draw first": lambda mean: (mean + torch.randn_like(mean), mean, spread(mean)),
    "distribution": lambda mean: torch.distributions.Normal(mean, (0.5 * spread(mean)).exp()),
    "independent": lambda mean: torch.distributions.Independent(
        torch.distributions.Normal(mean, (0.5 * spread(mean)).exp()), 1
    ),
    "pythae": lambda mean: {"embedding": mean, "log_covariance": spread(mean)},
    "diffusers": lambda mean: SimpleNamespace(latent_dist=SimpleNamespace(mean=mean, logvar=spread(mean))),
}
"""What an encoder may answer, of the same codes; the last two have the fields of what these libraries answer."""
