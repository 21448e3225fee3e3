"""Laws of the hierarchical VAE: N(0, I) coordinates, ancestral sampling, one KL per level, densities along a draw."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from explorer.analysis.bounds import elbo, importance_weighted_bound, posterior_log_density
from explorer.analysis.densities import KernelDensity, aggregate_density
from explorer.analysis.encoding import encode_all
from explorer.analysis.frames import fit_frame
from explorer.analysis.scores import mutual_information
from explorer.arrays import ConditionalPosterior
from explorer.coder import TorchCoder
from explorer.config import ModelConfig
from explorer.errors import ConfigError
from explorer.models import HierarchicalVAE, build_model

SIZES = [(7, 2, (3, 4)), (7, 3, (2, 2, 3)), (2, 2, (1, 1))]
LEVELS = pytest.mark.parametrize(("latent_dim", "levels", "sizes"), SIZES, ids=str)


def model_of(latent_dim: int = 7, levels: int = 3, seed: int = 0, **settings: Any) -> HierarchicalVAE:
    """A model whose levels depend strongly on those above."""
    torch.manual_seed(seed)
    shape = {"likelihood": "bernoulli", "net": "mlp", "widths": (), "hidden": 12, "image_shape": (1, 3, 3)}
    config = ModelConfig(
        family="hierarchical", latent_dim=latent_dim, stochastic_levels=levels, **{**shape, **settings}
    )
    model = build_model(config)
    assert isinstance(model, HierarchicalVAE)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2)
    return model.eval()


def images_of(count: int = 20) -> Tensor:
    return torch.rand(count, 1, 3, 3, generator=torch.Generator().manual_seed(1))


def draws(model: HierarchicalVAE, images: Tensor, seed: int = 0) -> Tensor:
    return model.encode(images).sample(torch.Generator().manual_seed(seed))


@LEVELS
def test_levels_share_the_dimensions_evenly_and_the_lowest_take_the_rest(latent_dim, levels, sizes):
    assert model_of(latent_dim, levels).level_sizes == sizes
    assert ModelConfig(family="vae", latent_dim=latent_dim, stochastic_levels=levels).level_sizes == (latent_dim,)


def test_every_level_needs_a_dimension():
    with pytest.raises(ConfigError, match="3 stochastic_levels"):
        ModelConfig(family="hierarchical", latent_dim=2, stochastic_levels=3)
    with pytest.raises(ConfigError, match="stochastic_levels must be at least 2"):
        ModelConfig(stochastic_levels=1)


@LEVELS
def test_decoding_standard_normal_coordinates_is_ancestral_sampling(latent_dim, levels, sizes):
    model = model_of(latent_dim, levels)
    noise = torch.randn(500, latent_dim, generator=torch.Generator().manual_seed(0))
    found: list[Tensor] = []
    for level, part in enumerate(noise.split(sizes, dim=1)):
        if level == 0:
            prior = Normal(torch.zeros_like(part), 1.0)
        else:
            mean, raw = model.decoder.priors[level - 1](torch.cat(found, 1)).chunk(2, dim=1)  # pyright: ignore[reportIndexIssue, reportCallIssue, reportAttributeAccessIssue]
            prior = Normal(mean, (3 * (raw / 3).tanh()).exp())
        found.append(prior.loc + prior.scale * part)  # a draw of torch's own, with this noise
    outputs = model.decoder.image(torch.cat(found, dim=1))  # pyright: ignore[reportCallIssue]
    torch.testing.assert_close(model.decode(noise), outputs.sigmoid())
    for (mean, deviation, z), mine, part in zip(model.ancestors(noise), found, noise.split(sizes, dim=1), strict=True):
        torch.testing.assert_close(z, mine)
        torch.testing.assert_close((z - mean) / deviation, part, rtol=1e-3, atol=1e-4)


def test_each_conditional_prior_depends_on_the_levels_above_it_only():
    model = model_of()
    latents = torch.randn(30, 7, generator=torch.Generator().manual_seed(0))
    other = latents.clone()
    other[:, 4:] += 1  # the lowest level
    for (mean, deviation, _), (mean_too, deviation_too, _) in zip(
        model.ancestors(latents), model.ancestors(other), strict=True
    ):
        assert torch.equal(mean, mean_too) and torch.equal(deviation, deviation_too)
    other[:, :2] += 1  # the top level
    assert not torch.equal(model.ancestors(latents)[2][0], model.ancestors(other)[2][0])


def test_resampling_the_levels_below_leaves_those_above_alone():
    model = model_of()
    latents = torch.randn(30, 7, generator=torch.Generator().manual_seed(0))
    other = latents.clone()
    other[:, 2:] = torch.randn(30, 5, generator=torch.Generator().manual_seed(1))
    first, second = model.ancestors(latents), model.ancestors(other)
    assert torch.equal(first[0][2], second[0][2]) and not torch.equal(first[1][2], second[1][2])


@LEVELS
def test_the_rate_of_each_level_is_the_kl_of_its_own_latents(latent_dim, levels, sizes):
    """KL(q(z_l|z_above, x) || p(z_l|z_above)) in the latents z is what is read off in the coordinates."""
    model, images = model_of(latent_dim, levels), images_of()
    latents = draws(model, images)
    given = model.encode(images).given(latents)
    start = 0
    for (mean, deviation, _), size in zip(model.ancestors(latents), sizes, strict=True):
        part = slice(start, start + size)
        posterior = Normal(mean + deviation * given.mean[:, part], deviation * given.deviation()[:, part])
        expected = kl_divergence(posterior, Normal(mean, deviation)).sum(1)
        torch.testing.assert_close(given.kl_to_prior()[:, part].sum(1), expected, rtol=1e-3, atol=1e-3)
        start += size


@LEVELS
def test_the_density_of_a_draw_is_that_of_its_latents_times_the_change_of_scale(latent_dim, levels, sizes):
    model, images = model_of(latent_dim, levels), images_of()
    latents = draws(model, images)
    given = model.encode(images).given(latents)
    start, density = 0, torch.zeros(len(images))
    for (mean, deviation, z), size in zip(model.ancestors(latents), sizes, strict=True):
        part = slice(start, start + size)
        posterior = Normal(mean + deviation * given.mean[:, part], deviation * given.deviation()[:, part])
        density += (posterior.log_prob(z) + deviation.log()).sum(1)
        start += size
    torch.testing.assert_close(given.log_density(latents), density, rtol=1e-3, atol=1e-3)


def test_the_aggregate_of_a_posterior_that_is_the_prior_is_standard_normal():
    """Where the encoder says nothing, draws of the posterior are N(0, I), whatever the conditional priors do."""
    model = model_of()
    with torch.no_grad():
        for weight in model.encoder.heads.parameters():  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
            weight.zero_()
    latents = draws(model, images_of(20_000))
    torch.testing.assert_close(latents.mean(0), torch.zeros(7), atol=0.03, rtol=0)
    torch.testing.assert_close(torch.cov(latents.T), torch.eye(7), atol=0.04, rtol=0)
    assert model.encode(images_of()).given(latents[:20]).kl_to_prior().abs().max() == 0


def test_the_joint_kl_is_the_sum_of_the_levels_rates():
    model, images = model_of(), images_of(1).expand(60_000, -1, -1, -1)
    latents = draws(model, images)
    given = model.encode(images).given(latents)
    prior = -0.5 * (latents.square() + math.log(2 * math.pi)).sum(1)
    sampled, rates = given.log_density(latents) - prior, given.kl_to_prior().sum(1)
    assert rates.std() > 0, "the rate of a lower level depends on the draw above"
    error = math.hypot(sampled.std().item(), rates.std().item()) / math.sqrt(len(images))
    assert abs(sampled.mean() - rates.mean()) < 5 * error


def test_draws_have_the_law_that_their_density_claims():
    """E_q[p(z) / q(z|x)] = 1 over draws z ~ q(z|x), for it is the integral of p."""
    model, images = model_of(2, 2), images_of(1).expand(200_000, -1, -1, -1)
    with torch.no_grad():
        for weight in model.encoder.parameters():
            weight.mul_(0.4)  # a posterior that covers the prior, or the mean would have no variance to speak of
    latents = draws(model, images)
    given = model.encode(images).given(latents)
    prior = -0.5 * (latents.square() + math.log(2 * math.pi)).sum(1)
    ratio = (prior - given.log_density(latents)).exp()
    assert abs(ratio.mean().item() - 1) < 6 * ratio.std().item() / math.sqrt(len(ratio))
    assert ratio.std() > 0.05


def test_the_posterior_mean_follows_the_means_above_and_given_agrees_with_at():
    model, images = model_of(), images_of()
    posterior = model.encode(images)
    torch.testing.assert_close(posterior.given(posterior.mean).mean, posterior.mean)
    noise = torch.randn(20, 7, generator=torch.Generator().manual_seed(0))
    latents = posterior.at(noise)
    torch.testing.assert_close(posterior.given(latents).at(noise), latents)


def test_a_frozen_posterior_has_the_same_density_and_a_gradient_to_the_latents_only():
    model, images = model_of(), images_of()
    posterior = model.encode(images)
    latents = posterior.mean.detach().add(0.3).requires_grad_()
    frozen, live = (each.given(latents).log_density(latents) for each in (posterior.frozen(), posterior))
    torch.testing.assert_close(frozen, live)
    frozen.sum().backward()
    assert latents.grad is not None and all(weight.grad is None for weight in model.parameters())
    expected = torch.autograd.grad(live.sum(), latents)[0]
    torch.testing.assert_close(latents.grad, expected)


# --- in numpy -----------------------------------------------------------------------------------------------------


def test_draws_in_numpy_are_those_of_the_model_and_are_priced_along_their_path():
    model, images = model_of(), images_of(700)  # more than one batch
    posterior = TorchCoder(model).encode(images.numpy())
    assert isinstance(posterior, ConditionalPosterior) and len(posterior.mean) == 700
    latents, given = posterior.draw(np.random.default_rng(0))
    noise = np.random.default_rng(0).standard_normal((700, 7)).astype(np.float32)
    with torch.no_grad():
        expected = model.encode(images).at(torch.from_numpy(noise))
        density = model.encode(images).given(expected).log_density(expected)
    np.testing.assert_allclose(latents, expected.numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(posterior_log_density(given, latents), density.numpy(), rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(posterior.sample(np.random.default_rng(0)), latents)
    still = posterior.sample(np.random.default_rng(0), temperature=0)
    np.testing.assert_allclose(still, posterior.mean, rtol=1e-4, atol=1e-5)


def test_rows_and_joins_of_posteriors_keep_what_they_remember_of_the_images():
    coder, images = TorchCoder(model_of()), images_of(30).numpy()
    whole = coder.encode(images)
    some = whole.rows(np.array([3, 17]))
    np.testing.assert_allclose(
        some.sample(np.random.default_rng(0)),
        coder.encode(images[[3, 17]]).sample(np.random.default_rng(0)),
        rtol=1e-4,
        atol=1e-4,
    )
    joined = whole.rows(slice(0, 10)).joined([whole.rows(slice(10, 30))])
    np.testing.assert_array_equal(joined.sample(np.random.default_rng(1)), whole.sample(np.random.default_rng(1)))
    assert isinstance(encode_all(coder, images), ConditionalPosterior)


def test_bounds_are_of_the_joint_posterior(monkeypatch):
    """With p(x|z) constant, log p(x) is known, and both bounds must come to it from below."""
    model = model_of()
    coder, images = TorchCoder(model), images_of(200).numpy()
    posterior = coder.encode(images)
    monkeypatch.setattr(coder, "distortion", lambda targets, latents: np.full(len(latents), 3.0))
    bound = importance_weighted_bound(coder, images, posterior, 400, np.random.default_rng(0))
    single = importance_weighted_bound(coder, images, posterior, 1, np.random.default_rng(0))
    lower = elbo(coder, images, posterior, 400, np.random.default_rng(1))
    assert single.mean() < bound.mean() < -3 + 0.2
    assert lower.mean() == pytest.approx(single.mean(), abs=6 * single.std() / math.sqrt(200))
    rates = np.mean([posterior.draw(np.random.default_rng(seed))[1].rate().sum(1) for seed in range(200)], axis=0)
    np.testing.assert_allclose(lower, -3 - rates, atol=0.2, rtol=0.1)


def test_scores_that_need_diagonal_posteriors_know_that_these_are_none():
    coder, images = TorchCoder(model_of(2, 2)), images_of(60).numpy()
    posterior = coder.encode(images)
    codes = posterior.sample(np.random.default_rng(0))
    assert mutual_information(posterior, np.random.default_rng(0)) is None
    density = aggregate_density(posterior, codes, fit_frame(codes), np.random.default_rng(0))
    assert isinstance(density, KernelDensity)
