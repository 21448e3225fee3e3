"""Contracts that every model keeps, and laws of the likelihoods and posteriors."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Normal, kl_divergence

from explorer.config import ModelConfig
from explorer.errors import ConfigError
from explorer.models import FAMILIES, DiagonalGaussian, build_model
from explorer.models.losses import Bernoulli, Gaussian

NETS: dict[str, dict[str, Any]] = {
    "mlp": {"net": "mlp", "widths": (), "hidden": 16, "image_shape": (1, 8, 8)},
    "conv": {"net": "conv", "widths": (4, 8), "hidden": 16, "image_shape": (3, 8, 12)},
}
EVERY = pytest.mark.parametrize(
    ("family", "likelihood", "net"),
    [(f, lk, n) for f in FAMILIES for lk in ("bernoulli", "gaussian") for n in NETS],
)


def model_of(family: Any, likelihood: Any, net: str):
    torch.manual_seed(0)
    return build_model(ModelConfig(family=family, likelihood=likelihood, latent_dim=3, levels=256, **NETS[net]))


def images_of(net: str, count: int = 4) -> torch.Tensor:
    return torch.rand(count, *NETS[net]["image_shape"], generator=torch.Generator().manual_seed(1))


def noise_of(seed: int, count: int = 4) -> torch.Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))


@EVERY
def test_every_family_keeps_the_contract(family, likelihood, net):
    model, images = model_of(family, likelihood, net).eval(), images_of(net)
    posterior = model.encode(images)
    assert torch.equal(posterior.mean, model.encode(images).mean), "encode must not sample"
    assert posterior.mean.shape == (4, 3)
    decoded = model.decode(posterior.mean)
    assert decoded.shape == images.shape
    assert decoded.min() >= 0 and decoded.max() <= 1
    assert model.distortion(images, posterior.mean).shape == (4,)
    loss = model(images, images, noise_of(0))
    assert loss.rate.shape == (3,)
    loss.total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


@EVERY
def test_the_same_noise_gives_the_same_loss_and_other_noise_another(family, likelihood, net):
    model, images = model_of(family, likelihood, net), images_of(net)
    losses = [model(images, images, noise_of(seed)).total.item() for seed in (0, 0, 1)]
    assert losses[0] == losses[1]
    assert (losses[0] != losses[2]) == (family != "ae"), "an autoencoder draws nothing, every other family does"


@EVERY
def test_training_mode_never_decides_what_is_encoded(family, likelihood, net):
    model, images = model_of(family, likelihood, net), images_of(net)
    assert torch.equal(model.train().encode(images).mean, model.eval().encode(images).mean)


@EVERY
def test_mixed_precision_leaves_latents_and_losses_in_float32(family, likelihood, net):
    model, images = model_of(family, likelihood, net), images_of(net)
    with torch.autocast("cpu", torch.bfloat16):
        assert model.encode(images).mean.dtype == torch.float32
        assert model(images, images, noise_of(0)).total.dtype == torch.float32


def test_twins_are_one_net_but_for_the_last_layer_of_the_encoder():
    vae, ae = (model_of(family, "bernoulli", "conv") for family in ("vae", "ae"))
    shapes = [{name: tensor.shape for name, tensor in model.state_dict().items()} for model in (vae, ae)]
    different = {name for name in shapes[0] if shapes[0][name] != shapes[1][name]}
    last = max(int(name.split(".")[1]) for name in shapes[0] if name.startswith("encoder"))
    assert different == {f"encoder.{last}.module.weight", f"encoder.{last}.module.bias"}


def test_an_image_that_cannot_be_halved_is_refused():
    with pytest.raises(ConfigError, match="multiples of 8, but are 28x28"):
        build_model(ModelConfig(net="conv", widths=(4, 4, 4), hidden=8, latent_dim=2, image_shape=(1, 28, 28)))


numbers = st.floats(-4, 4, width=32)


@given(mean=st.lists(numbers, min_size=3, max_size=3), log_variance=st.lists(numbers, min_size=3, max_size=3))
def test_the_rate_agrees_with_torch_distributions(mean, log_variance):
    means, log_variances = torch.tensor([mean]), torch.tensor([log_variance])
    expected = kl_divergence(Normal(means, (0.5 * log_variances).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(DiagonalGaussian(means, log_variances).kl_to_prior(), expected, rtol=1e-4, atol=1e-4)


def test_draws_have_the_mean_and_deviation_of_their_posterior():
    posterior = DiagonalGaussian(torch.full((20_000, 1), 2.0), torch.full((20_000, 1), math.log(0.25)))
    draws = posterior.sample(torch.Generator().manual_seed(0))
    assert abs(draws.mean().item() - 2) < 0.02
    assert abs(draws.std().item() - 0.5) < 0.02


def test_bernoulli_distortion_is_the_negative_log_probability():
    logits, targets = torch.randn(5, 1, 4, 4), torch.randint(0, 2, (5, 1, 4, 4)).float()
    expected = -TorchBernoulli(logits=logits).log_prob(targets).sum(dim=(1, 2, 3))
    torch.testing.assert_close(Bernoulli().distortion(logits, targets), expected)
    torch.testing.assert_close(Bernoulli().batch_distortion(logits, targets), expected.mean())


def test_grey_bernoulli_distortion_is_the_expected_cost_of_a_random_binarisation():
    logits, grey = torch.randn(1, 1, 3, 3), torch.rand(1, 1, 3, 3)
    draws = torch.bernoulli(grey.expand(60_000, -1, -1, -1), generator=torch.Generator().manual_seed(0))
    costs = Bernoulli().distortion(logits.expand_as(draws), draws)
    error = costs.std().item() / math.sqrt(len(costs))
    assert abs(costs.mean().item() - Bernoulli().distortion(logits, grey).item()) < 4 * error


@pytest.mark.parametrize("sigma", ["0.1", "1", "2.5"])
def test_gaussian_distortion_is_the_negative_log_density(sigma):
    outputs, targets = torch.randn(5, 3, 4, 4), torch.rand(5, 3, 4, 4)
    expected = -Normal(outputs.sigmoid(), float(sigma)).log_prob(targets).sum(dim=(1, 2, 3))
    torch.testing.assert_close(Gaussian(sigma).distortion(outputs, targets), expected)


def test_the_optimal_sigma_is_the_best_fixed_one():
    outputs, targets = torch.randn(64, 1, 8, 8), torch.rand(64, 1, 8, 8)
    best = Gaussian("optimal").batch_distortion(outputs, targets).item()
    tried = [Gaussian(str(sigma)).batch_distortion(outputs, targets).item() for sigma in np.geomspace(0.05, 2, 200)]
    assert best <= min(tried) + 1e-3
    assert min(tried) - best < 0.5


def test_frozen_sigma_prices_an_image_the_same_in_any_company():
    likelihood = Gaussian("optimal")
    likelihood.freeze(0.04)
    assert likelihood.sigma.item() == pytest.approx(0.2)
    outputs, targets = torch.randn(8, 1, 4, 4), torch.rand(8, 1, 4, 4)
    alone = likelihood.distortion(outputs[:1], targets[:1])
    torch.testing.assert_close(alone, likelihood.distortion(outputs, targets)[:1])


def test_a_fixed_sigma_cannot_be_frozen_to_another():
    likelihood = Gaussian("0.5")
    likelihood.freeze(0.04)
    assert likelihood.sigma.item() == 0.5
