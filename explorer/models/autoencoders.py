"""The autoencoder: the deterministic half of every family, and the twin of each VAE."""

from dataclasses import dataclass

from torch import Tensor, nn

from explorer.config import ModelConfig
from explorer.models.layers import build_nets
from explorer.models.losses import build_likelihood
from explorer.models.posterior import DiagonalGaussian, Point


@dataclass(frozen=True, slots=True)
class Loss:
    """What a step minimises, and its parts; nats per image, means over the batch.

    Attributes:
        total: distortion + beta * rate, (); carries the gradient.
        distortion: -log p(x|z), ().
        rate: KL(q(z|x) || p(z)) per dimension, (d,).
    """

    total: Tensor
    distortion: Tensor
    rate: Tensor


class Autoencoder(nn.Module):
    """z = encoder(x), trained on the distortion of decoder(z) alone: no noise, no rate.

    Kramer 1991, https://doi.org/10.1002/aic.690370209

    Args:
        config: Resolved settings, with image_shape and levels filled in.
    """

    outputs_per_dimension = 1

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        assert config.latent_dim is not None
        self.encoder, self.decoder = build_nets(config, self.outputs_per_dimension * config.latent_dim)
        self.likelihood = build_likelihood(config)

    def encode(self, images: Tensor) -> Point | DiagonalGaussian:
        """The posterior of images (N, C, H, W) in [0, 1]; never samples."""
        return Point(self.encoder(images).float())

    def outputs(self, latents: Tensor) -> Tensor:
        """Outputs (N, C, H, W), float32, of the decoder; the likelihood says what they mean."""
        return self.decoder(latents).float()

    def decode(self, latents: Tensor) -> Tensor:
        """Expected images (N, C, H, W) in [0, 1] of latents (N, d)."""
        return self.likelihood.mean(self.outputs(latents))

    def distortion(self, targets: Tensor, latents: Tensor) -> Tensor:
        """-log p(x|z), (N,), nats per image, of targets (N, C, H, W) under latents (N, d)."""
        return self.likelihood.distortion(self.outputs(latents), targets)

    def forward(self, images: Tensor, targets: Tensor, noise: Tensor, beta: float = 1.0) -> Loss:
        """The loss of one batch.

        Args:
            images: What the encoder sees, (N, C, H, W) in [0, 1].
            targets: What the decoder is asked for, the same shape: the images, or binary draws of them.
            noise: Standard normal noise of the posterior, (N, d); drawn outside, so that several processes can share
                one stream.
            beta: Weight of the rate.
        """
        posterior = self.encode(images)
        outputs = self.outputs(posterior.at(noise))
        distortion = self.likelihood.batch_distortion(outputs, targets)
        rate = posterior.kl_to_prior().mean(dim=0)  # (N, d) -> (d,)
        return Loss(distortion + beta * rate.sum(), distortion, rate)
