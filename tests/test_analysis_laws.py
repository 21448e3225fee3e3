"""Sampling laws: draws and density of each agree, and no other file knows a law by its name."""

from pathlib import Path

import numpy as np
import pytest

from explorer.analysis.frames import fit_frame
from explorer.analysis.laws import LAWS, FittedCodes, default_law, first_law, fit_gmm


@pytest.fixture(scope="module")
def codes() -> FittedCodes:
    """Two bells of different width, far from N(0, I)."""
    rng = np.random.default_rng(0)
    narrow, wide = rng.normal([2, 0], 0.3, (400, 2)), rng.normal([-1, 1], [1.0, 0.6], (400, 2))
    both = np.concatenate([narrow, wide])
    return FittedCodes(2, fit_frame(both), fit_gmm(both, seed=0))


@pytest.mark.parametrize("name", LAWS)
def test_the_density_of_a_law_is_one_in_all_and_its_draws_follow_it(codes, name):
    law = LAWS[name].of(codes)
    ticks = np.linspace(-8, 8, 321)
    places = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    mass = np.exp(law.log_density(places)) * (ticks[1] - ticks[0]) ** 2
    assert mass.sum() == pytest.approx(1, abs=1e-3)
    mean = mass @ places
    covariance = (places - mean).T @ ((places - mean) * mass[:, None])
    draws = law.sample(20_000, np.random.default_rng(1))
    assert (draws.shape, draws.dtype) == ((20_000, 2), np.float32)
    np.testing.assert_allclose(draws.mean(0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(draws, rowvar=False), covariance, atol=0.1)


@pytest.mark.parametrize("name", LAWS)
def test_one_seed_draws_the_same_latents(codes, name):
    law = LAWS[name].of(codes)
    once, again = (law.sample(5, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_an_autoencoder_has_no_prior_to_sample_from_first():
    assert first_law(is_point=False).name == "raw"
    assert first_law(is_point=True).name == "white"


def test_the_law_to_sample_from_is_the_one_whose_draws_are_least_told_apart():
    assert default_law({"raw": 0.83, "white": 0.84, "gmm10": 0.6}, is_point=False).name == "gmm10"
    assert default_law({"raw": 0.5, "white": 0.47, "gmm10": 0.5}, is_point=True).name == "raw", "the simplest of equals"
    assert default_law({}, is_point=True) is first_law(is_point=True), "an older run was not measured"


@pytest.mark.parametrize("name", LAWS)
def test_a_law_draws_nothing_off_the_span_of_the_codes(name):
    flat = np.random.default_rng(0).standard_normal((600, 4)) * [3, 1, 0, 0] + [0, 0, 2, 0]
    white = fit_frame(flat)
    draws = LAWS[name].of(FittedCodes(4, white, fit_gmm(flat))).sample(500, np.random.default_rng(1))
    np.testing.assert_allclose(draws[:, 2:], [[2, 0]] * 500, atol=1e-6)
    assert draws[:, :2].std() > 0.5


def test_one_bell_is_what_expectation_maximisation_finds():
    from sklearn.mixture import GaussianMixture as Mixture

    codes = np.random.default_rng(0).standard_normal((300, 4)) @ np.random.default_rng(1).standard_normal((4, 4)) + 3
    found, wanted = fit_gmm(codes, components=1), Mixture(1, reg_covar=0).fit(codes)
    np.testing.assert_allclose(found.means, np.asarray(wanted.means_), atol=1e-9)
    np.testing.assert_allclose(found.covariances, np.asarray(wanted.covariances_), rtol=2e-5, atol=1e-4)
    np.testing.assert_array_equal(found.weights, [1.0])


def test_every_law_has_all_its_names():
    for name, law in LAWS.items():
        assert law.name == name
        assert all((law.short, law.plain, law.hint, law.words))


def test_a_law_stands_in_one_file(root: Path):
    words = [part for law in LAWS.values() for part in (law.title, law.words)] + ["gmm10", "GMM-10"]
    files = [*(root / "explorer").rglob("*.py"), root / "train.py"]
    naming = {file.name for file in files for word in words if word in file.read_text(encoding="utf-8")}
    assert naming == {"laws.py"}
