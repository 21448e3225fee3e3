"""The autoencoder and its regularised kin: a point for a code, and families that differ in how it comes about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from explorer.config import ModelConfig, TrainConfig
from explorer.models.layers import build_decoder, build_encoder
from explorer.models.losses import build_likelihood
from explorer.models.posterior import Point, Posterior

EXACT_UP_TO = 4
"""Latent dimensions up to which a contractive penalty takes every row of the Jacobian, each a backward pass."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a step minimises, and its parts; nats per image, means over the batch.

    Attributes:
        total: What is minimised, (); carries the gradient. Distortion + beta * rate + penalty, or minus the
            importance-weighted bound.
        distortion: -log p(x|z), ().
        rate: KL(q(z|x) || p(z)) per dimension, (d,).
        penalty: What a family adds, see `penalises`, and what is charged for features, with their weights, (); zero for
            most.
        deviation: Mean standard deviation of the posterior per dimension, (d,), in prior standard deviations.
    """

    total: Tensor
    distortion: Tensor
    rate: Tensor
    penalty: Tensor
    deviation: Tensor


class Autoencoder(nn.Module):
    """z = encoder(x), trained on the distortion of decoder(z) alone: no noise, no rate.

    Kramer 1991, https://doi.org/10.1002/aic.690370209

    Args:
        config: Resolved settings, with image_shape and levels filled in.
        settings: Those of the fit, for its objective: bound, samples, free bits, gradient; an autoencoder heeds none.

    Attributes:
        average: Mean of a tensor over the processes of a fit, without a gradient; one process averages nothing.
        features: Distance (N,) of reconstructions from images, (N, C, H, W) each, which a fit charges for beside the
            likelihood, `settings.feature_loss` nats a unit; None where it does not.
        penalises: What `Loss.penalty` is, in words; None where there is none.
        compiles: Whether torch.compile can take the loss.
    """

    family = "ae"
    outputs_per_dimension = 1
    penalises: str | None = None
    compiles = True

    def __init__(self, config: ModelConfig, settings: TrainConfig | None = None) -> None:
        super().__init__()
        assert config.latent_dim is not None
        self.config, self.latent_dim = config, config.latent_dim
        self.settings = settings or TrainConfig()
        self.average: Callable[[Tensor], Tensor] = lambda tensor: tensor
        self.features: Callable[[Tensor, Tensor], Tensor] | None = None
        self.likelihood = build_likelihood(config)
        self.encoder = self.build_encoder()
        self.decoder = self.build_decoder()

    def build_encoder(self) -> nn.Module:
        """The net of q(z|x): images (N, C, H, W) to what `encode` makes a posterior of."""
        return build_encoder(self.config, self.outputs_per_dimension * self.latent_dim)

    def build_decoder(self) -> nn.Module:
        """The net of p(x|z): latents (N, d) to the outputs of the likelihood."""
        return build_decoder(self.config, self.likelihood.outputs_per_channel)

    def encode(self, images: Tensor) -> Posterior:
        """The posterior of images (N, C, H, W) in [0, 1]; never samples."""
        return Point(self.encoder(images).float())

    def outputs(self, latents: Tensor) -> Tensor:
        """Outputs of the decoder, (N, C * n, H, W), float32; the likelihood says what its n per channel mean."""
        return self.decoder(latents).float()

    def decode(self, latents: Tensor) -> Tensor:
        """Expected images (N, C, H, W) in [0, 1] of latents (N, d)."""
        return self.likelihood.mean(self.outputs(latents))

    def distortion(self, targets: Tensor, latents: Tensor) -> Tensor:
        """-log p(x|z), (N,), nats per image, of targets (N, C, H, W) under latents (N, d)."""
        return self.likelihood.distortion(self.outputs(latents), targets)

    def draw_noise(self, count: int, generator: torch.Generator, device: torch.device) -> dict[str, Tensor]:
        """All the randomness that `forward` uses for `count` images, each tensor with the images as first dimension.

        Drawn outside the loss, so that processes that share a batch can share one stream: each takes its own rows.
        """
        return {}

    def code_and_penalty(self, images: Tensor, noise: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The codes (N, d) that the decoder is fitted to, and what the fit charges for them, ()."""
        codes = self.encode(images).mean
        return codes, codes.new_zeros(())

    def missed(self, outputs: Tensor, images: Tensor) -> Tensor:
        """What a fit charges for features that decodes miss, (), nats.

        Args:
            outputs: Of the decoder, K for each image, (N K, C * n, H, W).
            images: (N, C, H, W).
        """
        if self.features is None:
            return outputs.new_zeros(())
        each = images.repeat_interleave(len(outputs) // len(images), 0)
        return self.settings.feature_loss * self.features(self.likelihood.mean(outputs), each).mean()

    def forward(self, images: Tensor, targets: Tensor, noise: Mapping[str, Tensor], beta: Tensor | float = 1.0) -> Loss:
        """The loss of one batch.

        Args:
            images: What the encoder sees, (N, C, H, W) in [0, 1].
            targets: What the decoder is asked for, the same shape: the images, or binary draws of them.
            noise: As `draw_noise` gives it.
            beta: Weight of the rate, of which an autoencoder has none.
        """
        codes, penalty = self.code_and_penalty(images, noise)
        outputs = self.outputs(codes)
        distortion = self.likelihood.fit_distortion(outputs, targets).mean()
        penalty = penalty + self.missed(outputs, images)
        none = torch.zeros_like(codes[0])
        return Loss(distortion + penalty, distortion, none, penalty, none)


class DenoisingAutoencoder(Autoencoder):
    """z = encoder(corrupted x), trained to give back the clean x: -log p(x | decoder(encoder(x~))), x~ ~ C(x~|x).

    Vincent et al. 2010, https://jmlr.org/papers/v11/vincent10a.html. C adds Gaussian noise, or sets each pixel to 0
    with a given probability. Only a fit corrupts: `encode` sees images as they are.
    """

    family = "denoising"

    def draw_noise(self, count: int, generator: torch.Generator, device: torch.device) -> dict[str, Tensor]:
        """The corruption, (N, C, H, W): standard normal noise, or uniform noise that says which pixels are masked."""
        assert self.config.image_shape is not None
        draw = torch.randn if self.config.corruption == "gaussian" else torch.rand
        return {"corruption": draw((count, *self.config.image_shape), generator=generator, device=device)}

    def code_and_penalty(self, images: Tensor, noise: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The codes (N, d) of the corrupted images; nothing is charged."""
        return super().code_and_penalty(self.corrupted(images, noise["corruption"]), noise)

    def corrupted(self, images: Tensor, noise: Tensor) -> Tensor:
        """x + level * noise, unclipped as Vincent's, or x where the noise is at least the level; (N, C, H, W)."""
        level = self.config.corruption_level
        return images + level * noise if self.config.corruption == "gaussian" else images * (noise >= level)


class SparseAutoencoder(Autoencoder):
    """z = encoder(x), trained on the distortion + weight * sparsity(z), so that few dimensions speak for an image.

    Ng 2011, "Sparse autoencoder", https://web.stanford.edu/class/cs294a/sparseAutoencoder_2011new.pdf.
    'l1': sum_j |z_j|, mean over the batch, of codes of any size. A decoder could make up for codes that merely shrink,
    so it only bites together with the weight decay on the decoder. 'kl': sum_j KL(rho || rho_j) between coins,
    rho_j the mean over the batch of the activation a_j = sigmoid(e_j), e the encoder's output; there the code *is* the
    activation, z = a in (0, 1)^d: a code left unbounded could hide what it knows where the sigmoid is flat.
    """

    family = "sparse"
    penalises = "sparsity"

    def encode(self, images: Tensor) -> Point:
        """The codes of images (N, C, H, W) in [0, 1]; in (0, 1)^d with 'kl'."""
        codes = self.encoder(images).float()
        return Point(codes.sigmoid() if self.config.sparsity == "kl" else codes)

    def code_and_penalty(self, images: Tensor, noise: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The codes (N, d) and their sparsity penalty, ()."""
        codes = self.encode(images).mean
        if self.config.sparsity == "l1":
            return codes, self.config.sparsity_weight * codes.abs().sum(dim=1).mean()
        target, mean = self.config.sparsity_target, shared_mean(codes.mean(dim=0), self.average).clamp(1e-6, 1 - 1e-6)
        divergence = target * (target / mean).log() + (1 - target) * ((1 - target) / (1 - mean)).log()
        return codes, self.config.sparsity_weight * divergence.sum()


class ContractiveAutoencoder(Autoencoder):
    """z = encoder(x), trained on the distortion + weight * ||d encoder(x) / dx||_F^2: codes that move little with x.

    Rifai et al. 2011, https://icml.cc/2011/papers/455_icmlpaper.pdf; mean over the batch, pixels in [0, 1]. Up to
    `EXACT_UP_TO` dimensions the Jacobian's rows are all taken; above, ||J||_F^2 = E_v ||v^T J||^2 over random signs v
    is estimated without bias from one v per image (Hutchinson 1989, https://doi.org/10.1080/03610918908812806). Rifai
    ties the decoder's weights to the encoder's; here only weight decay keeps codes from shrinking to please the
    penalty. The gradient of a gradient is taken, which torch.compile cannot do.
    """

    family = "contractive"
    penalises = "contraction"
    compiles = False

    def draw_noise(self, count: int, generator: torch.Generator, device: torch.device) -> dict[str, Tensor]:
        """Random signs, (N, d), of which the exact penalty needs none."""
        if self.latent_dim <= EXACT_UP_TO:
            return {}
        signs = torch.randint(2, (count, self.latent_dim), generator=generator, device=device)
        return {"signs": 2.0 * signs - 1.0}

    def code_and_penalty(self, images: Tensor, noise: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The codes (N, d) and their contraction penalty, ()."""
        with_gradient = torch.is_grad_enabled()
        with torch.enable_grad():
            images = images.detach().requires_grad_()
            codes = self.encode(images).mean
            if "signs" in noise:
                probes = [noise["signs"]]
            else:
                probes = [row.expand_as(codes) for row in torch.eye(self.latent_dim, device=codes.device)]
            products = [  # v^T J of every image, (N, C, H, W): no image's code depends on another image
                torch.autograd.grad(codes, images, probe, create_graph=with_gradient, retain_graph=True)[0]
                for probe in probes
            ]
            squares = sum((product.float().square().sum(dim=(1, 2, 3)) for product in products), start=codes[:, 0] * 0)
            penalty = self.config.contraction_weight * squares.mean()
        return (codes, penalty) if with_gradient else (codes.detach(), penalty.detach())


def shared_mean(mean: Tensor, average: Callable[[Tensor], Tensor]) -> Tensor:
    """This process's mean as the mean of all processes in value, and its own in gradient.

    The fit averages gradients over the processes, which makes the second the gradient of the first: what is computed
    from the shared value has the same derivative everywhere.
    """
    return average(mean.detach()) + (mean - mean.detach())
