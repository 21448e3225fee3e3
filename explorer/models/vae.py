"""The variational autoencoder; beta, the bound and the way to its gradient are settings of the fit, not classes."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from explorer.models.autoencoders import Autoencoder, Loss, shared_mean
from explorer.models.posterior import LOG_VARIANCE_RANGE, DiagonalGaussian, Posterior


class VAE(Autoencoder):
    """q(z|x) = N(mean(x), exp(log_variance(x))), trained on E_q[-log p(x|z)] + beta KL(q(z|x) || N(0, I)).

    Kingma & Welling 2014, https://arxiv.org/abs/1312.6114; beta: Higgins 2017,
    https://openreview.net/forum?id=Sy2fzU9gl. With beta = 1 and log p(x|z) as distortion the loss is -ELBO; the
    expectation is taken over K draws per image.
    """

    family = "vae"
    outputs_per_dimension = 2

    def encode(self, images: Tensor) -> Posterior:
        """The posterior of images (N, C, H, W) in [0, 1]; never samples."""
        mean, log_variance = self.encoder(images).float().chunk(2, dim=1)  # (N, 2 d) -> (N, d), (N, d)
        return DiagonalGaussian(mean, log_variance.clamp(*LOG_VARIANCE_RANGE))

    def draw_noise(self, count: int, generator: torch.Generator, device: torch.device) -> dict[str, Tensor]:
        """Standard normal noise of K draws per image, (N, K, d)."""
        shape = (count, self.settings.samples, self.latent_dim)
        return {"latents": torch.randn(shape, generator=generator, device=device)}

    def forward(self, images: Tensor, targets: Tensor, noise: Mapping[str, Tensor], beta: Tensor | float = 1.0) -> Loss:
        """The loss of one batch.

        Args:
            images: What the encoder sees, (N, C, H, W) in [0, 1].
            targets: What the decoder is asked for, the same shape: the images, or binary draws of them.
            noise: As `draw_noise` gives it; its second dimension is K.
            beta: Weight of the rate.
        """
        samples = noise["latents"].shape[1]
        posterior = self.encode(images)
        each = posterior.repeated(samples)
        copies = targets.repeat_interleave(samples, 0) if samples > 1 else targets  # (N K, C, H, W)
        latents = each.at(noise["latents"].flatten(0, 1))  # (N K, d)
        if self.settings.objective == "iwae":
            return self._importance_weighted(each, latents, copies, samples, beta)
        if self.settings.gradient != "reparameterised":
            latents = latents.detach()
        given = each.given(latents)
        outputs = self.outputs(latents)
        costs = self.likelihood.fit_distortion(outputs, copies)  # (N K,)
        rates = given.kl_to_prior()  # (N K, d)
        distortion, rate, penalty = costs.mean(), rates.mean(dim=0), self.missed(outputs, images)
        total = distortion + beta * self._charged(rate).sum() + penalty
        if self.settings.gradient == "score":
            assert isinstance(given, DiagonalGaussian)
            baseline = self._baseline(posterior, targets, beta).repeat_interleave(samples, 0)
            advantage = (costs + beta * rates.sum(dim=1)).detach() - baseline
            score = (advantage * given.log_density(latents)).mean()
            total = total + score - score.detach()  # the value of the loss, the gradient of the estimator
        return Loss(total, distortion, rate, penalty, given.deviation().mean(dim=0))

    def _charged(self, rate: Tensor) -> Tensor:
        """The rate of each dimension, (d,), as the loss charges it: never less than the free bits.

        Kingma et al. 2016, https://arxiv.org/abs/1606.04934, section C.8: sum_j max(free, KL_j), in nats per
        dimension, KL_j being the mean over the batch (of all processes), so that a dimension is let off as a whole.
        """
        if not self.settings.free_bits:
            return rate
        return shared_mean(rate, self.average).clamp_min(self.settings.free_bits)

    @torch.no_grad()
    def _baseline(self, posterior: Posterior, targets: Tensor, beta: Tensor | float) -> Tensor:
        """What each image costs at its posterior mean, (N,), nats: the control variate of the score function.

        The score-function gradient is E_q[(cost(z) - baseline) d log q(z|x)], which has the same expectation with any
        baseline that does not look at the draw (Mohamed, Rosca, Figurnov & Mnih 2020,
        https://arxiv.org/abs/1906.10652, section 7). This one knows the image, remembers nothing between steps, and
        needs no word from other processes.
        """
        mean = posterior.mean
        rate = posterior.given(mean).kl_to_prior().sum(dim=1)
        return self.likelihood.fit_distortion(self.outputs(mean), targets) + beta * rate

    def _importance_weighted(
        self, each: Posterior, latents: Tensor, targets: Tensor, samples: int, beta: Tensor | float
    ) -> Loss:
        """-log (1/K) sum_k w_k, w = p(x|z) (p(z) / q(z|x))^beta, with the doubly reparameterised gradient.

        Burda, Grosse & Salakhutdinov 2016, https://arxiv.org/abs/1509.00519, for the bound. Its plain gradient drowns
        in noise for the encoder as K grows; Tucker, Lawson, Gu & Maddison 2019, https://arxiv.org/abs/1810.04152,
        reparameterise a second time: q is held still inside w, and the gradient that reaches z_k is weighted with
        v_k^2 in place of v_k, v the normalised weights. With a beta that is v_k (1 - beta (1 - v_k)), by the same
        steps; the decoder's gradient keeps v_k.

        Args:
            each: Posterior of every image K times over, (N K, d).
            latents: Its draws, (N K, d).
            targets: Every image K times over, (N K, C, H, W).
            samples: K.
            beta: Weight of the rate; 1 but for a warm-up.
        """
        still = each.frozen().given(latents)
        assert isinstance(still, DiagonalGaussian)
        costs = self.likelihood.fit_distortion(self.outputs(latents), targets)
        prior = -0.5 * (latents.square() + math.log(2 * math.pi)).sum(dim=1)
        log_weights = (beta * (prior - still.log_density(latents)) - costs).unflatten(0, (-1, samples))  # (N, K)
        weights = log_weights.detach().softmax(dim=1)
        if latents.requires_grad:
            scale = (1 - beta * (1 - weights)).flatten()[:, None]  # (N K, 1)
            latents.register_hook(lambda gradient: gradient * scale)
        total = -(log_weights.logsumexp(dim=1) - math.log(samples)).mean()
        rate, deviation = still.kl_to_prior().detach().mean(dim=0), still.deviation().detach().mean(dim=0)
        return Loss(total, costs.detach().mean(), rate, torch.zeros_like(total), deviation)
