"""Contracts that every model keeps, and laws of the likelihoods and posteriors."""

import itertools
import math
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import Normal, kl_divergence

from explorer.arrays import ConditionalPosterior
from explorer.coder import TorchCoder, build_coder, shipped_weights
from explorer.config import FAMILIES, ModelConfig, TrainConfig, has_prior
from explorer.errors import ConfigError
from explorer.models import Autoencoder, DiagonalGaussian, build_model
from explorer.models.layers import Crop, Pad
from explorer.models.losses import Bernoulli, Categorical, Gaussian, Likelihood
from explorer.models.normalisation import EPSILON, BatchNorm
from explorer.training.workers import Workers

LATENT_DIM = 5
LEVELS = 7
NETS: dict[str, dict[str, Any]] = {
    "mlp": {"net": "mlp", "widths": (), "hidden": 16, "image_shape": (1, 8, 8)},
    "conv": {"net": "conv", "widths": (4, 8), "hidden": 16, "image_shape": (3, 8, 12)},
    "residual": {"net": "residual", "widths": (4, 8), "hidden": 16, "image_shape": (1, 8, 8)},
    "conv, batch norm": {"net": "conv", "widths": (4,), "hidden": 16, "image_shape": (1, 8, 8), "norm": "batch"},
    "residual, batch norm": {
        "net": "residual",
        "widths": (4,),
        "hidden": 16,
        "image_shape": (3, 8, 8),
        "norm": "batch",
    },
    "conv, padded": {"net": "conv", "widths": (4, 8), "hidden": 16, "image_shape": (1, 7, 9)},
    "residual, padded": {"net": "residual", "widths": (4, 8), "hidden": 16, "image_shape": (3, 9, 13)},
}
LIKELIHOODS: dict[str, dict[str, Any]] = {
    "bernoulli": {"likelihood": "bernoulli"},
    "gaussian": {"likelihood": "gaussian"},
    "learned sigma": {"likelihood": "gaussian", "sigma": "learned"},
    "categorical": {"likelihood": "categorical"},
}
PAIRS = [*((likelihood, "mlp") for likelihood in LIKELIHOODS), *(("bernoulli", net) for net in NETS if net != "mlp")]
PAIRS += [("categorical", "conv"), ("gaussian", "residual, batch norm")]
COMBINATIONS = [
    (family, *pair) for family in FAMILIES for pair in PAIRS if family != "contractive" or "norm" not in pair[1]
]
EVERY = pytest.mark.parametrize(("family", "likelihood", "net"), COMBINATIONS)
DRAWING = {family for family in FAMILIES if has_prior(family)} | {"denoising", "contractive"}
"""Families whose loss depends on noise."""


def model_of(family: Any, likelihood: str, net: str, seed: int = 0, **settings: Any) -> Autoencoder:
    torch.manual_seed(seed)
    names = {"family": family, "latent_dim": LATENT_DIM, "levels": LEVELS, **LIKELIHOODS[likelihood], **NETS[net]}
    names["contraction_weight"] = 100.0  # so that it shows beside the distortion
    train = {name: settings.pop(name) for name in ("samples", "objective", "free_bits", "gradient") if name in settings}
    return build_model(ModelConfig(**{**names, **settings}), TrainConfig(**train))


def images_of(net: str, count: int = 4) -> Tensor:
    """Random images of `LEVELS` grey levels."""
    levels = torch.randint(LEVELS, (count, *NETS[net]["image_shape"]), generator=torch.Generator().manual_seed(1))
    return levels / (LEVELS - 1)


def noise_of(model: Autoencoder, seed: int, count: int = 4) -> dict[str, Tensor]:
    return model.draw_noise(count, torch.Generator().manual_seed(seed), torch.device("cpu"))


def gradients_of(model: Autoencoder) -> dict[str, Tensor]:
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


@EVERY
def test_every_family_keeps_the_contract(family, likelihood, net):
    model, images = model_of(family, likelihood, net).eval(), images_of(net)
    posterior = model.encode(images)
    assert torch.equal(posterior.mean, model.encode(images).mean), "encode must not sample"
    assert posterior.mean.shape == (4, LATENT_DIM)
    decoded = model.decode(posterior.mean)
    assert decoded.shape == images.shape
    assert decoded.min() >= 0 and decoded.max() <= 1 + 1e-6
    assert model.distortion(images, posterior.mean).shape == (4,)
    model.train()
    loss = model(images, images, noise_of(model, 0))
    assert loss.rate.shape == loss.deviation.shape == (LATENT_DIM,)
    assert (loss.rate.sum() > 0) == model.config.has_prior
    assert (loss.penalty > 0) == (model.penalises is not None)
    torch.testing.assert_close(loss.total, loss.distortion + loss.rate.sum() + loss.penalty)
    loss.total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


@EVERY
def test_the_same_noise_gives_the_same_loss_and_other_noise_another(family, likelihood, net):
    model, images = model_of(family, likelihood, net), images_of(net)
    losses = [model(images, images, noise_of(model, seed)).total.item() for seed in (0, 0, 1)]
    assert losses[0] == losses[1]
    assert (losses[0] != losses[2]) == (family in DRAWING)


@EVERY
def test_training_mode_decides_what_is_encoded_only_through_batch_statistics(family, likelihood, net):
    model, images = model_of(family, likelihood, net), images_of(net)
    same = torch.equal(model.train().encode(images).mean, model.eval().encode(images).mean)
    assert same == ("norm" not in net)


@EVERY
def test_in_evaluation_an_image_is_encoded_the_same_in_any_company(family, likelihood, net):
    model, images = model_of(family, likelihood, net).eval(), images_of(net)
    torch.testing.assert_close(model.encode(images[:1]).mean, model.encode(images).mean[:1])


@EVERY
def test_mixed_precision_leaves_latents_and_losses_in_float32(family, likelihood, net):
    model, images = model_of(family, likelihood, net), images_of(net)
    with torch.autocast("cpu", torch.bfloat16):
        assert model.encode(images).mean.dtype == torch.float32
        loss = model(images, images, noise_of(model, 0))
    assert loss.total.dtype == torch.float32
    loss.total.backward()
    assert all(gradient.isfinite().all() for gradient in gradients_of(model).values())


@EVERY
def test_what_is_shipped_loads_and_agrees(family, likelihood, net):
    model, images = model_of(family, likelihood, net), images_of(net).numpy()
    model(torch.from_numpy(images), torch.from_numpy(images), noise_of(model, 0))  # running statistics move
    weights = shipped_weights(model)
    loaded, before = build_coder(model.config, weights, "here"), TorchCoder(model)
    posterior, expected = loaded.encode(images), before.encode(images)
    np.testing.assert_array_equal(posterior.mean, expected.mean)
    assert (posterior.log_variance is None) == (not has_prior(family))
    np.testing.assert_array_equal(loaded.decode(posterior.mean), before.decode(posterior.mean))
    first, second = (c.distortion(images, posterior.mean) for c in (loaded, before))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("processes", [2, 4])
@pytest.mark.parametrize(
    ("family", "settings"),
    [
        *((family, {}) for family in FAMILIES),
        ("sparse", {"sparsity": "kl"}),
        ("denoising", {"corruption": "masking"}),
        ("vae", {"samples": 3, "free_bits": 0.02}),
        ("vae", {"samples": 3, "objective": "iwae"}),
        ("vae", {"gradient": "score"}),
        ("hierarchical", {"samples": 2, "gradient": "score"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_processes_that_share_a_batch_and_its_noise_follow_one(family, settings, likelihood, processes):
    model, images = model_of(family, likelihood, "mlp", **settings), images_of("mlp", 8)
    noise = noise_of(model, 0, count=8)
    whole = model(images, images, noise)
    whole.total.backward()
    expected = gradients_of(model)
    parts: list[tuple[Tensor, Mapping[str, Tensor]]] = []
    for rank in range(processes):
        share = Workers(rank, processes).share
        parts.append((share(images), {name: share(each) for name, each in noise.items()}))

    told: list[list[Tensor]] = []  # what each process says at each average; none depends on what another says
    for images_there, noise_there in parts:
        said: list[Tensor] = []
        hear(model, lambda tensor, said=said: (said.append(tensor), tensor)[1])
        model(images_there, images_there, noise_there)
        told.append(said)
    model.zero_grad()
    totals = []
    for images_there, noise_there in parts:
        answers = iter(torch.stack(said).mean(dim=0) for said in zip(*told, strict=True))
        hear(model, lambda _, answers=answers: next(answers))
        loss = model(images_there, images_there, noise_there)
        totals.append(loss.total.item())
        (loss.total / processes).backward()
    assert np.mean(totals) == pytest.approx(whole.total.item(), rel=1e-5)
    for name, gradient in gradients_of(model).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-3, atol=1e-5, msg=name)


def hear(model: Autoencoder, average: Any) -> None:
    """Let a model's averages be taken by `average`."""
    model.average = average
    if isinstance(model.likelihood, Gaussian):
        model.likelihood.average = average


@pytest.mark.parametrize("net", NETS)
def test_twins_are_one_net_but_for_the_last_layer_of_the_encoder(net):
    vae, ae = (model_of(family, "bernoulli", net) for family in ("vae", "ae"))
    shapes = [{name: tensor.shape for name, tensor in model.state_dict().items()} for model in (vae, ae)]
    different = {name for name in shapes[0] if shapes[0][name] != shapes[1][name]}
    last = max(int(name.split(".")[1]) for name in shapes[0] if name.startswith("encoder"))
    assert different == {f"encoder.{last}.module.weight", f"encoder.{last}.module.bias"}


def test_an_image_that_is_smaller_than_what_halving_leaves_is_refused():
    with pytest.raises(ConfigError, match="must be at least 32, but are 28x28"):
        build_model(
            ModelConfig(
                net="conv", widths=(4,) * 5, hidden=8, latent_dim=2, image_shape=(1, 28, 28), likelihood="bernoulli"
            )
        )


@pytest.mark.parametrize("net", ["conv", "residual"])
@pytest.mark.parametrize("shape", [(1, 31, 31), (3, 33, 33), (1, 45, 20), (2, 50, 37)])
def test_a_side_that_cannot_be_halved_is_padded_inside_and_cut_again(net, shape):
    config = ModelConfig(
        net=net, widths=(4, 4, 4), hidden=0, norm="batch", latent_dim=2, image_shape=shape, likelihood="gaussian"
    )
    model, images = build_model(config).eval(), torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    padded = tuple(-(-side // 8) * 8 for side in shape[1:])
    (pad,), (cut,) = [[each for each in model.modules() if isinstance(each, kind)] for kind in (Pad, Crop)]
    assert pad(images).shape[2:] == padded
    assert torch.equal(cut(pad(images)), images), "the images stand in the middle, whole"
    edges = pad(images[..., :1, :1].expand(images.shape))
    assert torch.equal(edges, images[..., :1, :1].expand(3, shape[0], *padded)), "the outermost pixels are repeated"
    assert model.decode(model.encode(images).mean).shape == images.shape
    images.requires_grad_()
    model.encode(images).mean.sum().backward()
    assert images.grad is not None and images.grad[:, :, [0, -1]].abs().sum() > 0


@pytest.mark.parametrize("net", ["conv", "residual"])
def test_a_side_that_can_be_halved_has_the_layers_it_always_had(net):
    model = model_of("vae", "bernoulli", net)
    assert not [each for each in model.modules() if isinstance(each, Pad | Crop)]
    assert "encoder.0.weight" in model.state_dict()


numbers = st.floats(-4, 4, width=32)


@given(mean=st.lists(numbers, min_size=3, max_size=3), log_variance=st.lists(numbers, min_size=3, max_size=3))
def test_rate_and_density_agree_with_torch_distributions(mean, log_variance):
    means, log_variances = torch.tensor([mean]), torch.tensor([log_variance])
    posterior, known = DiagonalGaussian(means, log_variances), Normal(means, (0.5 * log_variances).exp())
    expected = kl_divergence(known, Normal(0.0, 1.0))
    torch.testing.assert_close(posterior.kl_to_prior(), expected, rtol=1e-4, atol=1e-4)
    latents = torch.tensor([[0.3, -1.0, 2.0]])
    torch.testing.assert_close(posterior.log_density(latents), known.log_prob(latents).sum(1), rtol=1e-4, atol=1e-3)


def test_draws_have_the_mean_and_deviation_of_their_posterior():
    posterior = DiagonalGaussian(torch.full((20_000, 1), 2.0), torch.full((20_000, 1), math.log(0.25)))
    draws = posterior.sample(torch.Generator().manual_seed(0))
    assert abs(draws.mean().item() - 2) < 0.02
    assert abs(draws.std().item() - 0.5) < 0.02


# --- likelihoods --------------------------------------------------------------------------------------------------


def test_bernoulli_distortion_is_the_negative_log_probability():
    logits, targets = torch.randn(5, 1, 4, 4), torch.randint(0, 2, (5, 1, 4, 4)).float()
    expected = -TorchBernoulli(logits=logits).log_prob(targets).sum(dim=(1, 2, 3))
    torch.testing.assert_close(Bernoulli().distortion(logits, targets), expected)
    torch.testing.assert_close(Bernoulli().fit_distortion(logits, targets), expected)


def test_grey_bernoulli_distortion_is_the_expected_cost_of_a_random_binarisation():
    logits, grey = torch.randn(1, 1, 3, 3), torch.rand(1, 1, 3, 3)
    draws = torch.bernoulli(grey.expand(60_000, -1, -1, -1), generator=torch.Generator().manual_seed(0))
    costs = Bernoulli().distortion(logits.expand_as(draws), draws)
    error = costs.std().item() / math.sqrt(len(costs))
    assert abs(costs.mean().item() - Bernoulli().distortion(logits, grey).item()) < 4 * error


@pytest.mark.parametrize("sigma", ["0.1", "1", "2.5", "learned"])
def test_gaussian_distortion_is_the_negative_log_density(sigma):
    outputs, targets = torch.randn(5, 3, 4, 4), torch.rand(5, 3, 4, 4)
    likelihood = Gaussian(sigma)
    expected = -Normal(outputs.sigmoid(), likelihood.deviation()).log_prob(targets).sum(dim=(1, 2, 3))
    torch.testing.assert_close(likelihood.distortion(outputs, targets), expected)
    torch.testing.assert_close(likelihood.fit_distortion(outputs, targets), expected)


def test_the_optimal_sigma_is_the_best_fixed_one():
    outputs, targets = torch.randn(64, 1, 8, 8), torch.rand(64, 1, 8, 8)
    best = Gaussian("optimal").fit_distortion(outputs, targets).mean().item()
    tried = [Gaussian(str(s)).fit_distortion(outputs, targets).mean().item() for s in np.geomspace(0.05, 2, 200)]
    assert best <= min(tried) + 1e-3
    assert min(tried) - best < 0.5


def test_the_optimal_sigma_leaves_the_gradient_of_log_mse():
    outputs, targets = torch.randn(8, 1, 4, 4, requires_grad=True), torch.rand(8, 1, 4, 4)
    loss = Gaussian("optimal").fit_distortion(outputs, targets).mean()
    log_mse = (outputs.sigmoid() - targets).square().mean().log()
    expected = 8 * (log_mse + 1 + math.log(2 * math.pi))  # P / 2 = 8
    torch.testing.assert_close(loss, expected)
    gradients = (torch.autograd.grad(each, outputs)[0] for each in (loss, expected))
    torch.testing.assert_close(*gradients)


def test_a_learned_sigma_learns_the_best_one():
    likelihood = Gaussian("learned")
    outputs, targets = torch.randn(64, 1, 8, 8), torch.rand(64, 1, 8, 8)
    optimizer = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        likelihood.fit_distortion(outputs, targets).mean().backward()
        optimizer.step()
    best = (outputs.sigmoid() - targets).square().mean().sqrt().item()
    likelihood.freeze(4.0)  # of the optimal one alone
    assert likelihood.deviation().item() == pytest.approx(best, rel=0.02)


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


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_categorical_distortion_is_the_negative_log_probability_of_the_grey_levels(levels):
    outputs = 3 * torch.randn(5, 3 * levels, 2, 4)
    stored = torch.randint(levels, (5, 3, 2, 4))
    targets = stored.to(torch.uint8).numpy().astype(np.float32) / np.float32(levels - 1)  # as data comes
    logits = outputs.reshape(5, 3, levels, 2, 4).movedim(2, -1)
    known = TorchCategorical(logits=logits)
    likelihood = Categorical(levels)
    expected = -known.log_prob(stored).sum(dim=(1, 2, 3))
    torch.testing.assert_close(likelihood.distortion(outputs, torch.from_numpy(targets)), expected)
    mean = (known.probs * torch.linspace(0, 1, levels)).sum(-1)
    torch.testing.assert_close(likelihood.mean(outputs), mean)


def test_the_categorical_likelihood_sums_to_one_over_all_images():
    levels, outputs = 5, 2 * torch.randn(1, 5, 1, 3)
    images = torch.tensor(list(itertools.product(range(levels), repeat=3))) / (levels - 1)  # all 125 of three pixels
    images = images.reshape(-1, 1, 1, 3)
    probabilities = (-Categorical(levels).distortion(outputs.expand(len(images), -1, -1, -1), images)).exp()
    assert probabilities.sum().item() == pytest.approx(1, abs=1e-5)


def test_a_density_times_the_width_of_a_level_is_comparable_with_a_probability():
    """A categorical whose probabilities are those of a Gaussian costs P log(L - 1) more than its density says."""
    levels, sigma, pixels = 256, 0.2, 6
    outputs, stored = torch.randn(4, 1, 1, pixels), torch.randint(levels, (4, 1, 1, pixels))
    grid = torch.linspace(0, 1, levels, dtype=torch.float64)
    edges = torch.cat([grid - 0.5 / (levels - 1), grid[-1:] + 0.5 / (levels - 1)])
    steps = Normal(outputs.sigmoid().double()[..., None], sigma).cdf(edges).diff(dim=-1)  # (4, 1, 1, P, L)
    logits = steps.log().movedim(-1, 2).flatten(1, 2).float()
    bounded = -steps.sum(-1).log().sum(dim=(1, 2, 3)).float()  # what a Gaussian puts outside of [0, 1]
    categorical = Categorical(levels).distortion(logits, stored / (levels - 1))
    gaussian = Gaussian(str(sigma)).distortion(outputs, stored / (levels - 1))
    torch.testing.assert_close(categorical, gaussian + pixels * math.log(levels - 1) - bounded, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian("optimal"), Categorical(3)], ids=repr)
def test_every_likelihood_prices_each_image_by_itself_and_freezes(likelihood: Likelihood):
    outputs, targets = torch.randn(3, likelihood.outputs_per_channel, 2, 2), torch.randint(3, (3, 1, 2, 2)) / 2
    likelihood.freeze(0.1)
    whole = likelihood.distortion(outputs, targets)
    assert whole.shape == likelihood.fit_distortion(outputs, targets).shape == (3,)
    alone = [likelihood.distortion(outputs[i : i + 1], targets[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(whole, torch.cat(alone))


# --- batch normalisation ------------------------------------------------------------------------------------------


def test_batch_norm_is_torchs_own():
    mine, known = BatchNorm(3), torch.nn.BatchNorm2d(3)
    inputs = torch.randn(16, 3, 4, 4) * 2 + 5
    torch.testing.assert_close(mine(inputs), known(inputs), rtol=1e-4, atol=1e-4)
    assert known.running_mean is not None and known.running_var is not None
    torch.testing.assert_close(mine.running_mean, known.running_mean)
    torch.testing.assert_close(mine.running_variance, known.running_var, rtol=1e-2, atol=1e-3)  # n against n - 1
    torch.testing.assert_close(mine.eval()(inputs), known.eval()(inputs), rtol=1e-2, atol=1e-2)


def averaged_among(count: int) -> Callable[[Tensor], Tensor]:
    """The mean of a tensor over so many threads, which stand for the processes of a fit."""
    told: list[Tensor] = []
    everybody = threading.Barrier(count, timeout=60)

    def average(tensor: Tensor) -> Tensor:
        told.append(tensor)
        everybody.wait()
        mean = torch.stack(told).mean(dim=0)
        if everybody.wait() == 0:
            told.clear()
        everybody.wait()
        return mean

    return average


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 1.0), (300.0, 0.1), (-1e4, 0.1), (1e4, 1e-3)])
@pytest.mark.parametrize("is_shared", [False, True], ids=["alone", "shared"])
def test_batch_norm_keeps_a_deviation_that_is_small_beside_the_mean(
    is_shared: bool, mean: float, deviation: float, precision: torch.dtype
):
    """Against float64, on the inputs as their precision holds them; beyond their rounding nothing may be lost."""
    layer = BatchNorm(2)
    layer.momentum = 1.0
    inputs = (torch.randn(32, 2, 8, 8, dtype=torch.float64) * deviation + mean).to(precision)
    exact = inputs.double()
    variance, centre = torch.var_mean(exact, dim=(0, 2, 3), correction=0)
    expected = (exact - centre[:, None, None]) / (variance[:, None, None] + EPSILON).sqrt()
    parts = [inputs]
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        if is_shared:
            layer.average, parts = averaged_among(2), [inputs[::2], inputs[1::2]]
            with ThreadPoolExecutor(2) as processes:
                outputs = torch.empty_like(inputs)
                outputs[::2], outputs[1::2] = processes.map(layer, parts)
        else:
            outputs = layer(inputs)
    assert outputs.dtype == precision
    step = torch.finfo(torch.float32).eps * abs(mean) / (variance + EPSILON).sqrt().min()  # rounding of a float32 mean
    rounding = 1e-2 if precision == torch.bfloat16 else 1e-5
    torch.testing.assert_close(outputs.double(), expected, rtol=rounding, atol=float(rounding + step))
    torch.testing.assert_close(layer.running_variance.double(), variance, rtol=1e-2, atol=1e-6)


def test_batch_norm_of_one_value_a_channel_is_its_bias():
    layer = BatchNorm(2)
    assert torch.equal(layer(torch.full((1, 2, 1, 1), 7.0)), torch.zeros(1, 2, 1, 1))
    assert layer.running_variance.isfinite().all()


def test_batch_norm_with_averaged_moments_is_one_batch_in_value_and_gradient():
    inputs, weights = torch.randn(8, 3, 2, 2) * 2 + 1, torch.randn(8, 3, 2, 2)
    layer = BatchNorm(3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.5, 1.0, 2.0]))
    whole = inputs.clone().requires_grad_()
    expected = layer(whole)
    (expected * weights).sum().backward()
    gradients = [whole.grad, layer.weight.grad, layer.bias.grad]
    layer.zero_grad()

    shared = inputs.clone().requires_grad_()
    layer.average = averaged_among(2)
    with ThreadPoolExecutor(2) as processes:
        outputs = list(processes.map(layer, (shared[::2], shared[1::2])))
    torch.testing.assert_close(outputs[0], expected[::2])
    sum((out * weights[rank::2]).sum() for rank, out in enumerate(outputs)).backward()  # pyright: ignore[reportAttributeAccessIssue]
    for mine, known in zip([shared.grad, layer.weight.grad, layer.bias.grad], gradients, strict=True):
        torch.testing.assert_close(mine, known, rtol=1e-4, atol=1e-4)


def test_encoding_nothing_gives_posteriors_of_nothing():
    for family in FAMILIES:
        posterior = TorchCoder(model_of(family, "bernoulli", "mlp")).encode(np.zeros((0, 1, 8, 8), dtype=np.float32))
        assert posterior.mean.shape == (0, LATENT_DIM)
        assert isinstance(posterior, ConditionalPosterior) == (family == "hierarchical")
