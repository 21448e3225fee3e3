"""The variational autoencoder; beta is a number of the fit, not another class."""

from torch import Tensor

from explorer.models.autoencoders import Autoencoder
from explorer.models.posterior import LOG_VARIANCE_RANGE, DiagonalGaussian


class VAE(Autoencoder):
    """q(z|x) = N(mean(x), exp(log_variance(x))), trained on E_q[-log p(x|z)] + beta KL(q(z|x) || N(0, I)).

    Kingma & Welling 2014, https://arxiv.org/abs/1312.6114; beta: Higgins 2017,
    https://openreview.net/forum?id=Sy2fzU9gl. With beta = 1 and log p(x|z) as distortion the loss is -ELBO.
    """

    outputs_per_dimension = 2

    def encode(self, images: Tensor) -> DiagonalGaussian:
        """The posterior of images (N, C, H, W) in [0, 1]; never samples."""
        mean, log_variance = self.encoder(images).float().chunk(2, dim=1)  # (N, 2 d) -> (N, d), (N, d)
        return DiagonalGaussian(mean, log_variance.clamp(*LOG_VARIANCE_RANGE))
