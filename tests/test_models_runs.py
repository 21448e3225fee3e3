"""Every family with every likelihood through train.py, resumed, and opened by the library."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import train
from explorer.checkpoint import read_history
from explorer.config import FAMILIES, DataConfig, has_prior
from explorer.data import ImageSet, load_dataset, split
from explorer.images import to_unit
from explorer.library import LAWS, Library, load_run
from explorer.models.normalisation import BatchNorm
from explorer.training.fit import Fit, in_order
from explorer.views import look

QUICK = ["--dataset", "digits", "--latent-dim", "3", "--hidden", "16", "--nll-samples", "5", "--nll-images", "10"]
QUICK += ["--epochs", "3", "--threads", "1", "--quiet", "--lr", "0.01"]

RUNS: dict[str, str] = {
    f"digits-{family}-3-{likelihood}": f"--family {family} --likelihood {likelihood}"
    for family in FAMILIES
    for likelihood in ("bernoulli", "gaussian", "categorical")
} | {
    "digits-vae-3-iwae": "--objective iwae --samples 4 --warmup cyclical --warmup-cycles 2",
    "digits-vae-3-score": "--gradient score --samples 2",
    "digits-vae-3-free": "--free-bits 0.2 --likelihood gaussian --sigma learned",
    "digits-sparse-3-kl": "--family sparse --sparsity kl",
    "digits-denoising-3-masking": "--family denoising --corruption masking --corruption-level 0.2",
    "digits-hierarchical-3-iwae": "--family hierarchical --stochastic-levels 3 --objective iwae --samples 2 "
    "--net residual --widths 4 --norm batch --average-epochs 1",
}
"""Name of a run to the flags it is fitted with."""


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which `run_of` fits a run when it is first asked for."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield tmp_path_factory.mktemp("runs")
    for number, handler in handlers.items():
        signal.signal(number, handler)


def run_of(fitted: Path, name: str) -> Path:
    if not (fitted / name).exists():
        tag = name.split("-", 3)[3]
        assert train.main([*QUICK, *RUNS[name].split(), "--tag", tag, "--out", str(fitted)]) == 0
    return fitted / name


@pytest.mark.parametrize("name", RUNS)
def test_every_family_and_likelihood_is_fitted_kept_and_opened(name: str, fitted: Path):
    folder = run_of(fitted, name)
    run, history = load_run(folder), read_history(folder)
    family, test = run.config.model.family, run.metrics["test"]
    json.dumps([run.metrics, history], allow_nan=False)
    assert len(history) == 3
    assert history[-1]["validation"]["distortion"] < history[0]["validation"]["distortion"]
    assert ("penalty" in history[0]["train"]) == (family in ("sparse", "contractive"))
    if has_prior(family):
        assert test["nll_iw"] < -test["elbo"] + 0.5 and test["rate"] > 0
        assert sum(level["rate"] for level in test["rate_per_level"]) == pytest.approx(test["rate"], rel=1e-4)
        assert [axis for level in test["rate_per_level"] for axis in level["axes"]] == [0, 1, 2]
        assert len(test["rate_per_level"]) == len(run.config.model.level_sizes)
        assert len(test["posterior_deviation"]) == 3 and all(0 < each < 2 for each in test["posterior_deviation"])
        assert (test["mutual_information"] is None) == (family == "hierarchical")
        variance = run.metrics["train"]["gradient_variance"]
        assert variance["none"] == {"variance": 0, "mean_square": 0}
        assert variance["reparameterised"]["variance"] > 0
    else:
        assert not {"elbo", "nll_iw", "rate_per_level", "posterior_deviation", "mutual_information"} & test.keys()
        assert "gradient_variance" not in run.metrics["train"] and run.latents.log_variance is None
    assert (test["sigma"] is not None) == (run.config.model.likelihood == "gaussian")

    opened = Library(fitted).open(name)
    assert opened.is_point == (not has_prior(family))
    assert set(opened.directions) == {"axes", "pca", "classes"} and len(opened.directions["axes"]) == 3
    found = opened.reconstruct(0)
    assert found["mse"] is not None and np.isfinite(found["distortion"])
    if not opened.is_point:
        pixels = opened.images()
        assert pixels is not None
        image = to_unit(pixels[:1], opened.levels)
        assert np.isfinite(look.lower_bound(opened, image, "elbo"))
    assert opened.reconstruction(0).shape == (1, 8, 8)
    for law in LAWS:
        assert opened.coder.decode(opened.sample(law, 4, np.random.default_rng(0))).shape == (4, 1, 8, 8)
    assert 0 <= opened.trust(opened.latents.draw[0])["vacancy"] <= 1


@pytest.mark.parametrize("name", ["digits-vae-3-bernoulli", "digits-hierarchical-3-iwae", "digits-sparse-3-kl"])
def test_the_pages_tabs_describe_a_run_of_any_family(name: str, fitted: Path):
    from explorer.ui.report import FIGURES
    from explorer.views.card import card_rows
    from explorer.views.report import story

    run_of(fitted, name)
    library = Library(fitted)
    told = story(library, name)
    assert told["parts"] and told["has_rates"] == (has_prior(name.split("-")[1]))
    rows = {row["name"]: row["text"] for row in card_rows(library.card(name), told["point"])}
    assert rows["Family"].lower() == name.split("-")[1]
    assert ("Beta" in rows) == ("Rate" in rows) == (has_prior(name.split("-")[1]))
    for kind in ("losses", "axis-bars", "axis-histogram"):
        json.loads(FIGURES[kind](library, name, {}))


def test_the_stored_draws_of_a_hierarchical_run_are_of_the_joint_posterior(fitted: Path):
    run = load_run(run_of(fitted, "digits-hierarchical-3-iwae"))
    images = load_dataset(run.config.data).images(run.latents.index)
    posterior = run.coder.encode(images)
    np.testing.assert_allclose(posterior.mean, run.latents.mean, atol=1e-5)
    rates = np.mean([posterior.draw(np.random.default_rng(seed))[1].rate().sum(1).mean() for seed in range(50)])
    assert run.latents.rate.mean() == pytest.approx(rates, rel=0.1, abs=0.02)


def test_a_hierarchical_model_can_be_held_in_memory(fitted: Path):
    run = load_run(run_of(fitted, "digits-hierarchical-3-iwae"))
    images = load_dataset(run.config.data).images(run.latents.index[:60])
    held = Library().hold("mine", run.coder, images)
    assert held.latents.rate.min() > 0 and held.latents.log_variance is not None
    assert not np.array_equal(held.latents.draw, held.latents.mean)
    assert np.isfinite(look.lower_bound(held, images[3:4], "elbo"))


def test_a_fit_without_the_trick_keeps_how_noisy_each_gradient_was_in_every_epoch(fitted: Path):
    history = read_history(run_of(fitted, "digits-vae-3-score"))
    for line in history:
        noise = line["gradient_variance"]
        assert noise["score"]["variance"] > noise["reparameterised"]["variance"] > noise["none"]["variance"] == 0
    assert "gradient_variance" not in read_history(run_of(fitted, "digits-vae-3-bernoulli"))[0]


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return load_dataset(DataConfig(dataset="digits"))


def fit_of(flags: str, images: ImageSet, folder: Path) -> Fit:
    import dataclasses

    (config,) = train.plan(train.parse([*QUICK, *flags.split()]))
    model = dataclasses.replace(config.model, image_shape=images.image_shape, levels=images.levels)
    config, parts = dataclasses.replace(config, model=model), split(images, config.data)
    return Fit(config, images.pixels, parts, device=torch.device("cpu"), precision=torch.float32, folder=folder)


def weights_of(fit: Fit) -> dict[str, Any]:
    return {name: tensor.clone() for name, tensor in fit.exported.state_dict().items()}


RESUMED = ["digits-denoising-3-masking", "digits-contractive-3-gaussian", "digits-sparse-3-kl", "digits-vae-3-score"]


@pytest.mark.parametrize("name", [*RESUMED, "digits-vae-3-iwae", "digits-hierarchical-3-iwae"])
def test_every_family_resumes_bit_for_bit(name: str, digits: ImageSet, tmp_path: Path):
    whole = fit_of(RUNS[name], digits, tmp_path)
    lines: list[dict] = []
    whole.run(lambda line, _: lines.append(line), quiet=True)
    first = fit_of(RUNS[name], digits, tmp_path)
    for _ in range(7):
        first._step(next(iter(first.epoch_batches())))
    first.save()
    second = fit_of(RUNS[name], digits, tmp_path)
    second.load()
    again: list[dict] = []
    second.run(lambda line, _: again.append(line), quiet=True)
    expected = weights_of(whole)
    assert all(torch.equal(each, expected[key]) for key, each in weights_of(second).items())
    for mine, known in zip(again, lines, strict=True):
        assert mine["train"] == known["train"] and mine["validation"] == known["validation"]


def test_averaged_weights_ship_with_statistics_of_their_own(digits: ImageSet, tmp_path: Path):
    fit = fit_of(RUNS["digits-hierarchical-3-iwae"], digits, tmp_path)
    model = fit.run(lambda *_: None, quiet=True).model
    layer = next(each for each in model.modules() if isinstance(each, BatchNorm))
    trained = next(each for each in fit.model.modules() if isinstance(each, BatchNorm))
    assert not torch.equal(layer.running_mean, trained.running_mean)
    seen: list[torch.Tensor] = []
    layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].mean(dim=(0, 2, 3))))
    with torch.no_grad():
        model.encode(next(fit.train.batches(in_order(fit.train, len(fit.train)))).float() / fit.scale)
    torch.testing.assert_close(layer.running_mean, seen[0], rtol=0.05, atol=0.01)


@pytest.mark.parametrize("family", ["ae", "vae"])
def test_a_family_without_levels_or_penalties_fits_as_its_twin_does(family: str, digits: ImageSet, tmp_path: Path):
    fit = fit_of(f"--family {family}", digits, tmp_path)
    terms, deviations = fit.price(fit.validation)
    assert set(terms) == {"total", "distortion", "rate"} and len(deviations) == 3
    assert terms["total"] == pytest.approx(terms["distortion"] + terms["rate"], rel=1e-5)
