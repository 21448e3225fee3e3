"""The table of scores, and how much is drawn for them: in proportion to the fit, as asked, never too little."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.analysis.intervals import paired, score_of
from explorer.analysis.laws import LAWS
from explorer.analysis.scores import coverage, density, neighbour_radii
from explorer.checkpoint import read_tensors
from explorer.config import DATASETS, DataConfig, RunConfig, TrainConfig, resolve
from explorer.data import load_dataset, split
from explorer.training import evaluate as room
from explorer.training import judge as judges
from explorer.training.evaluate import (
    INPUT_PASSES,
    INPUTS,
    LEAST_BOUND,
    LEAST_DRAWS,
    PASSES_OF_A_FIT,
    SCORES,
    Subject,
    evaluate,
    fair_effort,
    full_effort,
)
from tests.conftest import ROOT
from tests.fakes import linear_coder
from tests.runs import small_config

datasets = st.sampled_from(sorted(DATASETS))
tested = st.integers(6, 20_000)


def config_of(dataset: str, **train: Any) -> RunConfig:
    return resolve(RunConfig(data=DataConfig(dataset=dataset), train=TrainConfig(**train)))  # pyright: ignore[reportArgumentType]


@given(datasets, tested, st.integers(8, 300_000), st.integers(1, 200))
def test_the_effort_follows_the_fit_between_what_a_score_is_worth_with_and_all(
    dataset: str, count: int, fitted: int, epochs: int
):
    config = config_of(dataset, epochs=epochs)
    full, fair = full_effort(config, count), fair_effort(config, count, fitted)
    least = fair_effort(config_of(dataset, epochs=1), count, 1)
    for name in (each.name for each in dataclasses.fields(full)):
        assert getattr(least, name) <= getattr(fair, name) <= getattr(full, name), name
    assert fair.draws >= LEAST_DRAWS and fair.nll_samples >= min(LEAST_BOUND[0], full.nll_samples)
    assert fair.nll_images >= min(LEAST_BOUND[1], full.nll_images)
    assert fair.decodes <= PASSES_OF_A_FIT * epochs * fitted + least.decodes + full.nll_samples, "but for rounding"
    assert fair_effort(config, count, 10**9) == full


@given(datasets, tested, st.integers(1, 2_000), st.integers(1, 2_000))
def test_what_is_asked_for_is_what_is_drawn(dataset: str, count: int, samples: int, images: int):
    config = config_of(dataset, epochs=1, nll_samples=samples, nll_images=images)
    for effort in (fair_effort(config, count, 30), full_effort(config, count)):
        assert (effort.nll_samples, effort.nll_images) == (samples, min(images, count))


def test_every_score_is_one_entry_whose_inputs_are_known_in_their_order():
    names = list(INPUTS)
    assert len({score.title for score in SCORES}) == len(SCORES)
    for score in SCORES:
        assert list(score.needs) == sorted(score.needs, key=names.index), score.title
    assert set(INPUT_PASSES) <= set(names)
    assert all(hasattr(Subject, name) for name in names)


def test_a_score_stands_where_another_entry_puts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config, images, coder = small_config(latent_dim=4), load_dataset(DataConfig(dataset="digits")), linear_coder()
    mine = room.Measured(title="mine", measure=lambda subject: {"holes": {"raw": {"mine": 7}}}, needs=("drawn",))
    quick = next(score for score in SCORES if score.title == "vacancy")
    monkeypatch.setattr(room, "SCORES", (quick, mine))
    metrics, latents = evaluate(coder, config, images, split(images, config.data), tmp_path, quick=True)
    assert metrics["not_measured"] == ["mine"] and latents.reference_features is None
    assert not list(tmp_path.iterdir()), "no score asked for the feature space"
    monkeypatch.setattr(room, "SCORES", (quick, dataclasses.replace(mine, quick=True)))
    metrics, _ = evaluate(coder, config, images, split(images, config.data), tmp_path, quick=True)
    assert metrics["holes"]["raw"]["mine"] == 7 and "vacancy" in metrics["holes"]["raw"]


def test_the_feature_space_does_not_depend_on_how_few_images_the_first_run_was_fitted_on(
    monkeypatch: pytest.MonkeyPatch,
):
    config, images = small_config(), load_dataset(DataConfig(dataset="digits"))
    few = dataclasses.replace(config, data=dataclasses.replace(config.data, subset=30))
    seen = {}
    monkeypatch.setattr(room, "open_judge", lambda folder, images, parts, tell: SimpleNamespace(parts=parts))
    for name, each in {"all": config, "few": few}.items():
        effort = full_effort(each, 300)
        subject = Subject(linear_coder(), each, images, split(images, each.data), Path("runs"), effort, {})
        seen[name] = subject.judge.parts.train  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_array_equal(seen["few"], seen["all"])


@pytest.mark.parametrize("most", [1, 350, 10_000])
def test_the_mixtures_of_the_laws_are_fitted_to_more_codes_than_those_that_are_kept(
    most: int, monkeypatch: pytest.MonkeyPatch
):
    config, images = small_config(), load_dataset(DataConfig(dataset="digits"))
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, reference=100))
    parts = split(images, config.data)
    monkeypatch.setattr(room, "MIXTURE_CODES", most)
    monkeypatch.setattr(room, "fit_gmm", lambda codes, seed: len(codes))
    monkeypatch.setattr(room, "fit_many", lambda codes, seed: len(codes))
    effort = dataclasses.replace(full_effort(config, 300), many_codes=500)
    subject = Subject(linear_coder(), config, images, parts, Path("runs"), effort, {})
    kept, further = [subject.trained[name] for name in ("reference", "fitting")], np.concatenate(subject.further)
    assert len(np.unique(np.concatenate([*kept, further]))) == 200 + len(further), "R judges the draws"
    assert set(further) <= set(parts.train)
    assert subject.mixture == min(max(most, 100), len(parts.train) - 100)
    assert subject.many == min(max(most, 500), len(parts.train) - 100)


def test_a_quick_look_fits_ten_bells_and_no_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    config, images = small_config(), load_dataset(DataConfig(dataset="digits"))
    monkeypatch.setattr(room, "fit_many", lambda codes, seed: pytest.fail("nobody waits for many"))
    metrics, latents = evaluate(linear_coder(), config, images, split(images, config.data), tmp_path, quick=True)
    assert latents.many_weights is None and metrics["holes"]["many_bells"] <= 10
    assert metrics["holes"]["gmm"] == metrics["holes"]["gmm10"], "a twin may have many"


def test_the_feature_space_that_comes_with_the_program_is_not_fitted_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    images = load_dataset(DataConfig(dataset="digits"))
    parts = split(images, small_config().data)
    with monkeypatch.context() as patch:
        patch.setattr(judges, "fit_classifier", lambda *_, **__: pytest.fail("it was fitted anew"))
        judges.open_judge(tmp_path / "features-digits", images, parts)
    mine, theirs = (read_tensors(f / "features-digits" / "model.safetensors") for f in (tmp_path, ROOT / "checkpoints"))
    for name, tensor in theirs.items():
        np.testing.assert_array_equal(mine[name], tensor)


def test_radii_that_are_known_change_no_score():
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((80, 3)), 0.8 * rng.standard_normal((80, 3))
    radii = neighbour_radii(real)
    assert coverage(real, fake, radii=radii) == coverage(real, fake)
    assert density(real, fake, radii=radii) == density(real, fake)


def test_twins_are_measured_on_the_same_images_with_the_same_noise_so_that_they_pair(tmp_path: Path):
    images, found = load_dataset(DataConfig(dataset="digits")), {}
    for name, spread in {"ae": None, "vae": -2.0}.items():
        config = small_config("ae" if spread is None else "vae", latent_dim=4)
        coder = linear_coder(4, log_variance=spread)
        found[name] = evaluate(coder, config, images, split(images, config.data), tmp_path, quick=True)
    (ours, mine), (theirs, their) = found["ae"], found["vae"]
    for name in ("reference_index", "fitting_index", "calibration_index", "index"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(their, name))
    rows = [mine.reference_index, mine.fitting_index, mine.calibration_index, mine.index]
    assert len(np.unique(np.concatenate([row for row in rows if row is not None]))) == sum(map(len, filter(len, rows)))
    assert ours["replicates"]["key"] == theirs["replicates"]["key"]
    for law in LAWS:
        kept = [metrics["replicates"][law]["vacancy"] for metrics in (ours, theirs)]
        assert [len(each["resampled"]) for each in kept] == [200, 200] and [len(each["parts"]) for each in kept] == [
            10,
            10,
        ]
        scores = [score_of(metrics, law, "vacancy") for metrics in (ours, theirs)]
        assert scores[0] is not None and scores[1] is not None
        pair = paired(scores[0], scores[1])
        gap = ours["holes"][law]["vacancy"]["value"] - theirs["holes"][law]["vacancy"]["value"]
        assert pair.difference.value == pytest.approx(gap)
    assert mine.calibration_mean is None and their.calibration_mean is not None
    assert mine.calibration_cost is not None and len(mine.calibration_cost) == len(mine.calibration)
    assert {"rank", "default_law"} - ours["holes"].keys() == {"default_law"}, "tell-apart is no quick score"


def test_a_feature_space_says_how_good_its_classifier_is():
    judge, _ = judges.load_judge(ROOT / "checkpoints" / "features-mnist")
    assert judge.accuracy is not None and judge.accuracy >= 0.99
    assert judges.load_judge(ROOT / "checkpoints" / "features-flowers102")[0].accuracy is None
