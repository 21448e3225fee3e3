"""Laws of what a fit minimises: bounds, their gradients, penalties, corruption, warm-up."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from explorer.analysis.bounds import elbo, importance_weighted_bound
from explorer.coder import TorchCoder
from explorer.config import FAMILIES, ModelConfig, TrainConfig, has_prior
from explorer.models import VAE, Autoencoder, DiagonalGaussian, build_model
from explorer.models.autoencoders import EXACT_UP_TO
from explorer.training.fit import beta_at, is_warm
from explorer.training.gradients import gradient_variance

BOTH = pytest.mark.parametrize("family", sorted(filter(has_prior, FAMILIES)))
DRAWS = 40_000
"""Rows of a batch that repeats one image: the mean over it is an expectation over the noise."""


def small(family: Any = "vae", latent_dim: int = 2, seed: int = 0, model: Any = None, **settings: Any) -> Autoencoder:
    """A model of 2x2 images with sharp enough outputs that the draws of a posterior matter."""
    torch.manual_seed(seed)
    config = {"family": family, "latent_dim": latent_dim, "likelihood": "bernoulli", "net": "mlp", "widths": ()}
    config |= {"hidden": 8, "image_shape": (1, 2, 2), "levels": 256, **(model or {})}
    built = build_model(ModelConfig(**config), TrainConfig(**settings))
    with torch.no_grad():
        for weight in built.parameters():
            weight.mul_(2.5)
    return built


def with_settings(model: Autoencoder, **settings: Any) -> Autoencoder:
    """The same weights under another objective."""
    copied = build_model(model.config, TrainConfig(**settings))
    copied.load_state_dict(model.state_dict())
    return copied


IMAGE = torch.tensor([[[[0.9, 0.1], [0.2, 1.0]]]])


def repeated(count: int = DRAWS) -> Tensor:
    return IMAGE.expand(count, -1, -1, -1)


def noise_of(model: Autoencoder, count: int = DRAWS, seed: int = 0) -> dict[str, Tensor]:
    return model.draw_noise(count, torch.Generator().manual_seed(seed), torch.device("cpu"))


def gradient(model: Autoencoder, part: str, noise: dict[str, Tensor], beta: float = 1.0) -> Tensor:
    """The gradient of the loss of the repeated image, flat, with respect to the encoder or the decoder."""
    model.zero_grad()
    count = len(next(iter(noise.values())))
    model(repeated(count), repeated(count), noise, beta).total.backward()
    weights = getattr(model, part).parameters()
    return torch.cat([torch.zeros_like(w).flatten() if w.grad is None else w.grad.flatten() for w in weights])


def gradients(model: Autoencoder, part: str, beta: float = 1.0, seed: int = 0, parts: int = 40) -> Tensor:
    """Gradients with independent noise, (parts, W), whose mean estimates the expected one."""
    noise = noise_of(model, seed=seed)
    pieces = [{name: each[i::parts] for name, each in noise.items()} for i in range(parts)]
    return torch.stack([gradient(model, part, piece, beta) for piece in pieces])


def agree(first: Tensor, second: Tensor) -> None:
    """Two sets of independent estimates, (parts, W), of one expectation: within their standard errors.

    One image moves the weights along few directions only, so that the W deviations are a handful of independent ones.
    """
    error = (first.var(0) / len(first) + second.var(0) / len(second)).sqrt()
    deviations = ((first.mean(0) - second.mean(0)) / (error + 1e-9)).abs()
    assert deviations.max() < 5, "farther apart than chance explains"
    assert first.mean(0).norm() > 15 * error.norm(), "the noise would hide any difference"


# --- bounds -------------------------------------------------------------------------------------------------------


@BOTH
def test_the_elbo_with_closed_form_kl_agrees_with_a_monte_carlo_estimate(family):
    model = small(family, latent_dim=3)
    loss = model(repeated(), repeated(), noise_of(model, seed=1))
    posterior = model.encode(repeated())
    latents = posterior.sample(torch.Generator().manual_seed(2))
    given = posterior.given(latents)
    assert isinstance(given, DiagonalGaussian)
    prior = -0.5 * (latents.square() + math.log(2 * math.pi)).sum(1)
    terms = model.distortion(repeated(), latents) + given.log_density(latents) - prior
    error = terms.std().item() / math.sqrt(DRAWS)
    assert loss.rate.sum().item() > 0.5, "a posterior that is the prior would prove nothing"
    assert abs(loss.total.item() - terms.mean().item()) < 6 * error


@BOTH
def test_k_samples_are_the_mean_over_single_samples(family):
    model = small(family, samples=4)
    noise = noise_of(model, 50)
    images = repeated(50)
    parts = [model(images, images, {"latents": noise["latents"][:, k : k + 1]}) for k in range(4)]
    whole = model(images, images, noise)
    torch.testing.assert_close(whole.total, torch.stack([part.total for part in parts]).mean())
    torch.testing.assert_close(whole.rate, torch.stack([part.rate for part in parts]).mean(0))


@BOTH
def test_the_importance_weighted_loss_is_its_formula(family):
    model = small(family, samples=3, objective="iwae", latent_dim=3)
    noise = noise_of(model, 7)
    images = torch.rand(7, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    logs = []
    for k in range(3):
        posterior = model.encode(images)
        latents = posterior.at(noise["latents"][:, k])
        given = posterior.given(latents)
        assert isinstance(given, DiagonalGaussian)
        prior = -0.5 * (latents.square() + math.log(2 * math.pi)).sum(1)
        logs.append(prior - given.log_density(latents) - model.distortion(images, latents))
    expected = -(torch.stack(logs).logsumexp(0) - math.log(3)).mean()
    torch.testing.assert_close(model(images, images, noise).total, expected)


@BOTH
def test_the_importance_weighted_bound_of_a_model_grows_with_k(family):
    model = small(family, latent_dim=3)
    coder, images = TorchCoder(model), repeated(300).numpy().astype(np.float32)
    posterior = coder.encode(images)
    lower = elbo(coder, images, posterior, 64, np.random.default_rng(0)).mean()
    bounds = [importance_weighted_bound(coder, images, posterior, k, np.random.default_rng(k)) for k in (1, 5, 50)]
    error = bounds[0].std() / math.sqrt(len(images))
    assert abs(lower - bounds[0].mean()) < 5 * error, "with one sample the bound is the ELBO in expectation"
    assert bounds[0].mean() < bounds[1].mean() < bounds[2].mean()
    with torch.no_grad():
        loss = with_settings(model, samples=50, objective="iwae")
        fitted = loss(repeated(300), repeated(300), noise_of(loss, 300)).total.item()
    assert -fitted == pytest.approx(bounds[2].mean(), abs=5 * float(bounds[2].std()) / math.sqrt(300) + 1e-3)


# --- gradients ----------------------------------------------------------------------------------------------------


def plain_iwae_gradients(model: Autoencoder, part: str, beta: float, seed: int, parts: int = 40) -> Tensor:
    """Gradients of -log (1/K) sum_k w_k as autograd finds them, with q inside w followed too, (parts, W)."""
    drawn = noise_of(model, seed=seed)["latents"]
    found = []
    for noise in (drawn[i::parts] for i in range(parts)):
        count, samples, _ = noise.shape
        posterior = model.encode(repeated(count)).repeated(samples)
        latents = posterior.at(noise.flatten(0, 1))
        given = posterior.given(latents)
        assert isinstance(given, DiagonalGaussian)
        prior = -0.5 * (latents.square() + math.log(2 * math.pi)).sum(1)
        ratio = beta * (prior - given.log_density(latents))
        weights = ratio - model.distortion(repeated(count * samples), latents)
        loss = -weights.unflatten(0, (-1, samples)).logsumexp(1).mean()
        model.zero_grad()
        loss.backward()
        found.append(torch.cat([weight.grad.flatten() for weight in getattr(model, part).parameters()]))
    return torch.stack(found)


@BOTH
@pytest.mark.parametrize("beta", [1.0, 0.4])
@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_the_doubly_reparameterised_gradient_is_that_of_the_bound_in_expectation(family, beta, part):
    model = small(family, samples=3, objective="iwae")
    mine, plain = gradients(model, part, beta, seed=1), plain_iwae_gradients(model, part, beta, seed=2)
    agree(mine, plain)


def test_the_doubly_reparameterised_gradient_is_the_less_noisy_one():
    model = small(samples=16, objective="iwae")
    mine = gradients(model, "encoder", seed=1, parts=200).var(0).sum()
    plain = plain_iwae_gradients(model, "encoder", 1.0, seed=2, parts=200).var(0).sum()
    assert mine < 0.7 * plain


@BOTH
@pytest.mark.parametrize("samples", [1, 2])
def test_the_score_function_gradient_is_the_reparameterised_one_in_expectation(family, samples):
    model = small(family, samples=samples, gradient="score")
    score = gradients(model, "encoder", 0.5, seed=1)
    through = gradients(with_settings(model, samples=samples), "encoder", 0.5, seed=2)
    agree(through, score)
    noise = noise_of(model, 100)
    torch.testing.assert_close(
        gradient(model, "decoder", noise), gradient(with_settings(model, samples=samples), "decoder", noise)
    )


@BOTH
@pytest.mark.parametrize("path", ["score", "none"])
def test_the_value_of_the_loss_does_not_depend_on_the_way_to_its_gradient(family, path):
    model = small(family, gradient=path)
    noise, images = noise_of(model, 30), repeated(30)
    expected = with_settings(model)(images, images, noise, 0.7)
    torch.testing.assert_close(model(images, images, noise, 0.7).total, expected.total)


@BOTH
def test_without_a_path_the_encoder_learns_nothing_of_the_reconstruction(family):
    model = small(family, gradient="none")
    noise = noise_of(model, 200)
    assert gradient(model, "encoder", noise, beta=0).abs().max() == 0
    assert gradient(model, "encoder", noise, beta=1).abs().max() > 0, "the rate still has its gradient"
    torch.testing.assert_close(gradient(model, "decoder", noise), gradient(with_settings(model), "decoder", noise))


@BOTH
def test_measured_gradients_show_why_the_trick_matters(family):
    model = small(family)
    assert isinstance(model, VAE)
    model.train()
    images = torch.rand(16, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    before, settings = {name: each.clone() for name, each in model.state_dict().items()}, model.settings
    found = gradient_variance(model, images, images)
    assert found == gradient_variance(model, images, images), "the same noise every time"
    assert 0 < found["reparameterised"]["variance"] < found["score"]["variance"]
    assert found["none"] == {"variance": 0, "mean_square": 0}
    assert found["reparameterised"]["mean_square"] > 0
    assert model.training and model.settings is settings
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())


def test_the_baseline_takes_noise_away_and_no_signal():
    model = small(gradient="score")
    assert isinstance(model, VAE)
    with_it = gradients(model, "encoder", seed=1)
    model._baseline = lambda posterior, targets, beta: torch.zeros(len(targets))
    without = gradients(model, "encoder", seed=2)
    agree(with_it, without)
    assert with_it.var(0).sum() < 0.7 * without.var(0).sum()


# --- free bits and warm-up ----------------------------------------------------------------------------------------


def test_free_bits_charge_no_dimension_less_than_its_share():
    free = 0.6
    model, images = small(latent_dim=4, free_bits=free), repeated(40)
    noise = noise_of(model, 40)
    loss = model(images, images, noise, 0.5)
    assert (loss.rate < free).any() and (loss.rate > free).any()
    torch.testing.assert_close(loss.total, loss.distortion + 0.5 * loss.rate.clamp_min(free).sum())


def test_a_dimension_below_its_free_bits_feels_no_rate():
    model, images = small(latent_dim=4, free_bits=100.0), repeated(40)
    noise = noise_of(model, 40)
    lax, none = gradient(model, "encoder", noise), gradient(with_settings(model), "encoder", noise, beta=0)
    torch.testing.assert_close(lax, none)
    assert model(images, images, noise).rate.sum() > 0, "what is reported stays the rate"


def test_cyclical_warm_up_rises_anew_in_every_cycle():
    settings = TrainConfig(beta=2.0, warmup="cyclical", warmup_share=0.5, warmup_cycles=4)
    betas = [beta_at(settings, step, 400) for step in range(400)]
    assert betas[:100] == betas[100:200] == betas[300:]
    assert betas[0] == 0 and betas[25] == 1 and betas[50] == betas[99] == 2
    assert beta_at(settings, 400, 400) == 2
    assert [is_warm(settings, step, 400) for step in (99, 349, 350, 400)] == [False, False, True, True]
    linear = dataclasses.replace(settings, warmup="linear")
    assert [is_warm(linear, step, 400) for step in (0, 199, 200, 400)] == [False, False, True, True]
    assert beta_at(linear, 400, 400) == 2
    assert is_warm(dataclasses.replace(settings, warmup="none"), 0, 400)


# --- penalties and corruption -------------------------------------------------------------------------------------


def squared_jacobian(model: Autoencoder, image: Tensor) -> float:
    rows = torch.func.jacrev(lambda each: model.encode(each[None]).mean[0])(image)
    return rows.square().sum().item()


@pytest.mark.parametrize("net", ["mlp", "conv", "residual"])
def test_a_contractive_penalty_of_few_dimensions_is_the_exact_jacobian(net):
    shape = {"net": net, "widths": () if net == "mlp" else (4,), "image_shape": (1, 4, 4), "contraction_weight": 0.5}
    model = small("contractive", latent_dim=EXACT_UP_TO, model=shape)
    images = torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    assert noise_of(model, 5) == {}
    _, penalty = model.code_and_penalty(images, {})
    expected = np.mean([squared_jacobian(model, image) for image in images])
    assert penalty.item() == pytest.approx(0.5 * expected, rel=1e-6)


def test_hutchinsons_estimate_is_unbiased_in_value_and_gradient():
    model = small("contractive", latent_dim=EXACT_UP_TO + 2, model={"contraction_weight": 1.0})
    noise = noise_of(model, 4000)
    assert set(noise["signs"].unique().tolist()) == {-1.0, 1.0}
    values = [model.code_and_penalty(repeated(1), {"signs": signs[None]})[1].item() for signs in noise["signs"][:400]]
    exact = squared_jacobian(model, IMAGE[0])
    assert np.std(values) > 0.01 * exact, "one probe must not be exact already"
    assert abs(np.mean(values) - exact) < 5 * np.std(values) / math.sqrt(len(values))
    model.zero_grad()
    model.code_and_penalty(repeated(4000), noise)[1].backward()
    last = model.encoder[-1].module.weight  # pyright: ignore[reportIndexIssue, reportAttributeAccessIssue]
    estimated = last.grad.clone()
    model.zero_grad()
    _, penalty = model.code_and_penalty(IMAGE, {})  # all rows
    penalty.backward()
    assert (estimated - last.grad).norm() < 0.1 * last.grad.norm()


def test_a_contractive_penalty_survives_bfloat16():
    model = small("contractive", latent_dim=3, model={"net": "conv", "widths": (4, 8), "image_shape": (1, 8, 8)})
    images, found = torch.rand(32, 1, 8, 8, generator=torch.Generator().manual_seed(0)), []
    for enabled in (False, True):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            _, penalty = model.code_and_penalty(images, {})
        penalty.backward()
        grads = [weight.grad.flatten() for weight in model.encoder.parameters() if weight.grad is not None]
        found.append((penalty.item(), torch.cat(grads)))
    (exact, known), (rounded, rough) = found
    assert rounded == pytest.approx(exact, rel=0.02)
    assert (rough - known).norm() < 0.05 * known.norm()


def test_a_contraction_is_priced_where_no_gradient_is_wanted():
    model = small("contractive", latent_dim=2)
    with torch.no_grad():
        quiet = model(IMAGE, IMAGE, {})
    loss = model(IMAGE, IMAGE, {})
    assert not quiet.total.requires_grad and loss.total.requires_grad
    torch.testing.assert_close(quiet.penalty, loss.penalty.detach())


def test_sparsity_is_its_formula():
    images = torch.rand(30, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    model = small("sparse", model={"sparsity_weight": 3.0})
    codes, penalty = model.code_and_penalty(images, {})
    torch.testing.assert_close(penalty, 3 * codes.abs().sum(1).mean())
    model = small("sparse", model={"sparsity": "kl", "sparsity_weight": 3.0, "sparsity_target": 0.2})
    codes, penalty = model.code_and_penalty(images, {})
    assert codes.min() > 0 and codes.max() < 1
    mean = torch.distributions.Bernoulli(codes.mean(0))
    target = torch.distributions.Bernoulli(torch.full_like(codes[0], 0.2))
    torch.testing.assert_close(penalty, 3 * torch.distributions.kl_divergence(target, mean).sum())


def test_a_fit_with_a_kl_target_comes_closer_to_it():
    model = small("sparse", latent_dim=6, model={"sparsity": "kl", "sparsity_weight": 20.0, "sparsity_target": 0.1})
    images = torch.rand(64, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    start = model.encode(images).mean.mean(0)
    for _ in range(60):
        optimizer.zero_grad()
        model(images, images, {}).total.backward()
        optimizer.step()
    end = model.encode(images).mean.mean(0)
    assert (end - 0.1).abs().mean() < 0.3 * (start - 0.1).abs().mean()


@pytest.mark.parametrize(("corruption", "level"), [("gaussian", 0.3), ("masking", 0.4)])
def test_corruption_has_its_law_and_only_a_fit_corrupts(corruption, level):
    model = small("denoising", model={"corruption": corruption, "corruption_level": level})
    images, noise = repeated(), noise_of(model)
    corrupted = model.corrupted(images, noise["corruption"])  # pyright: ignore[reportCallIssue]
    if corruption == "gaussian":
        assert (corrupted - images).mean().item() == pytest.approx(0, abs=0.01)
        assert (corrupted - images).std().item() == pytest.approx(level, abs=0.01)
    else:
        assert ((corrupted == 0) | (corrupted == images)).all()
        assert (corrupted == 0).float().mean().item() == pytest.approx(level, abs=0.01)
    seen = []
    model.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model.encode(images)
    loss = model(images, images, noise)
    torch.testing.assert_close(seen[0], images)
    torch.testing.assert_close(seen[1], corrupted)
    expected = model.distortion(images, model.encode(corrupted).mean).mean()
    torch.testing.assert_close(loss.distortion, expected, msg="the target stays clean")
