"""The hierarchical VAE: several levels of latents, each with a prior that the levels above it set."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

from explorer.models.layers import Float32, build_decoder, build_encoder
from explorer.models.posterior import LOG_VARIANCE_RANGE, DiagonalGaussian, Level, TopDown
from explorer.models.vae import VAE

MOST_LOG_DEVIATION = 3.0
"""Natural logarithm of the largest standard deviation of a conditional prior; the least is its inverse."""


class HierarchicalVAE(VAE):
    """p(z) = N(z_1; 0, I) prod_l N(z_l; m_l(z_above), s_l(z_above)^2), q(z|x) likewise from the top down.

    Sonderby et al. 2016, https://arxiv.org/abs/1602.02282. Latents are the non-centred coordinates
    e_l = (z_l - m_l(z_above)) / s_l(z_above) (Papaspiliopoulos, Roberts & Skold 2007,
    https://doi.org/10.1214/088342307000000014), laid end to end with the top level first, (N, d). Their joint prior
    is exactly N(0, I), drawing them and decoding is ancestral sampling, and the KL of a level is that of z_l, because
    the map between e_l and z_l is affine once the levels above are given. The posterior of a level is stated relative
    to its prior, N(e_l; mean_l(x, e_above), exp(log_variance_l(x, e_above))), as in Vahdat & Kautz 2020,
    https://arxiv.org/abs/2007.03898, section 3.2: where the encoder says nothing, it is the prior.

    Its rate is E_q[sum_l KL(q(z_l|z_above, x) || p(z_l|z_above))]: exact for a level once those above are drawn.
    """

    family = "hierarchical"

    @property
    def level_sizes(self) -> tuple[int, ...]:
        """Dimensions of each level, the top one first; together d."""
        return self.config.level_sizes

    def build_encoder(self) -> nn.Module:
        """Images to features, then one head per level: features and the coordinates above to its Gaussian."""
        assert self.config.hidden is not None
        return TopDownEncoder(build_encoder(self.config, self.config.hidden), self.level_sizes, self.config.hidden)

    def build_decoder(self) -> nn.Module:
        """Coordinates to the z of all levels, and these to the outputs of the likelihood."""
        assert self.config.hidden is not None
        image = build_decoder(self.config, self.likelihood.outputs_per_channel)
        return AncestralDecoder(image, self.level_sizes, self.config.hidden)

    def encode(self, images: Tensor) -> TopDown:
        """The posterior of images (N, C, H, W) in [0, 1]; never samples."""
        assert isinstance(self.encoder, TopDownEncoder)
        return self.encoder(images)

    def posterior_of(self, context: Tensor) -> TopDown:
        """The posterior that a stored context (N, H) stands for."""
        assert isinstance(self.encoder, TopDownEncoder)
        return self.encoder.posterior(context)

    def ancestors(self, latents: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Mean and standard deviation of each level's conditional prior, and its z, (N, d_l) each, top level first."""
        assert isinstance(self.decoder, AncestralDecoder)
        return self.decoder.ancestors(latents)


class TopDownEncoder(nn.Module):
    """Reads features off the images once; each level's head adds the coordinates above it.

    Args:
        features: (N, C, H, W) -> (N, hidden).
        sizes: Dimensions of each level, the top one first.
        hidden: Units of the features and of the heads.
    """

    def __init__(self, features: nn.Module, sizes: tuple[int, ...], hidden: int) -> None:
        super().__init__()
        self.features, self.sizes = features, sizes
        above = [sum(sizes[:level]) for level in range(len(sizes))]
        self.heads = nn.ModuleList(
            Float32(_two_layers(hidden + wide, hidden, 2 * size)) for wide, size in zip(above, sizes, strict=True)
        )

    def forward(self, images: Tensor) -> TopDown:
        """The posterior of images (N, C, H, W)."""
        return self.posterior(self.features(images).float())

    def posterior(self, context: Tensor) -> TopDown:
        """The posterior with features (N, hidden)."""
        return TopDown(context, tuple(_level(head) for head in self.heads), self.sizes, self.frozen_levels)

    def frozen_levels(self) -> tuple[Level, ...]:
        """The heads with weights that take no gradient, while their inputs still do."""
        frozen = []
        for head in self.heads:
            weights = {name: weight.detach() for name, weight in head.named_parameters()}
            frozen.append(_level(lambda inputs, head=head, weights=weights: functional_call(head, weights, (inputs,))))
        return tuple(frozen)


class AncestralDecoder(nn.Module):
    """Coordinates e to z, level by level, z_l = m_l(z_above) + s_l(z_above) e_l, and all of z to an image's outputs.

    Args:
        image: (N, d) -> (N, C * n, H, W), the net under all levels: each reaches the pixels directly, too.
        sizes: Dimensions of each level, the top one first.
        hidden: Units of the nets of the conditional priors.
    """

    def __init__(self, image: nn.Module, sizes: tuple[int, ...], hidden: int) -> None:
        super().__init__()
        self.image, self.sizes = image, sizes
        self.priors = nn.ModuleList(
            Float32(_two_layers(sum(sizes[:level]), hidden, 2 * sizes[level])) for level in range(1, len(sizes))
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Outputs (N, C * n, H, W) of coordinates (N, d)."""
        return self.image(torch.cat([z for _, _, z in self.ancestors(latents)], dim=1))

    def ancestors(self, latents: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Mean and standard deviation of each level's prior, and its z, (N, d_l) each, the top level first."""
        top, *parts = latents.split(self.sizes, dim=1)
        found = [(torch.zeros_like(top), torch.ones_like(top), top)]
        for prior, part in zip(self.priors, parts, strict=True):
            mean, raw = prior(torch.cat([z for _, _, z in found], dim=1)).chunk(2, dim=1)
            deviation = (MOST_LOG_DEVIATION * (raw / MOST_LOG_DEVIATION).tanh()).exp()
            found.append((mean, deviation, mean + deviation * part))
        return found


def _two_layers(inputs: int, hidden: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, outputs))


def _level(head: Callable[[Tensor], Tensor]) -> Level:
    """A head (N, H + above) -> (N, 2 d_l) as a function of context and coordinates above."""

    def gaussian(context: Tensor, above: Tensor) -> DiagonalGaussian:
        mean, log_variance = head(torch.cat([context, above], dim=1)).chunk(2, dim=1)
        return DiagonalGaussian(mean, log_variance.clamp(*LOG_VARIANCE_RANGE))

    return gaussian
