"""Sampling laws: draws and density of each agree, and no other file knows a law by its name."""

from pathlib import Path

import numpy as np
import pytest

from explorer.analysis.frames import fit_frame
from explorer.analysis.laws import (
    FEW_BELLS,
    LAWS,
    MANY,
    FittedCodes,
    default_law,
    first_law,
    fit_gmm,
    fit_many,
    offered_laws,
)


@pytest.fixture(scope="module")
def codes() -> FittedCodes:
    """Two bells of different width, far from N(0, I)."""
    rng = np.random.default_rng(0)
    narrow, wide = rng.normal([2, 0], 0.3, (400, 2)), rng.normal([-1, 1], [1.0, 0.6], (400, 2))
    both = np.concatenate([narrow, wide])
    return FittedCodes(2, fit_frame(both), fit_gmm(both, seed=0), fit_gmm(both, 20))


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
    draws = LAWS[name].of(FittedCodes(4, white, fit_gmm(flat), fit_gmm(flat, 20))).sample(500, np.random.default_rng(1))
    np.testing.assert_allclose(draws[:, 2:], [[2, 0]] * 500, atol=1e-6)
    assert draws[:, :2].std() > 0.5


def test_one_bell_is_what_expectation_maximisation_finds():
    from sklearn.mixture import GaussianMixture as Mixture

    codes = np.random.default_rng(0).standard_normal((300, 4)) @ np.random.default_rng(1).standard_normal((4, 4)) + 3
    found, wanted = fit_gmm(codes, components=1), Mixture(1, reg_covar=0).fit(codes)
    np.testing.assert_allclose(found.means, np.asarray(wanted.means_), atol=1e-9)
    np.testing.assert_allclose(found.covariances, np.asarray(wanted.covariances_), rtol=2e-5, atol=1e-4)
    np.testing.assert_array_equal(found.weights, [1.0])


def bells(count: int, seed: int) -> np.ndarray:
    """Codes (count, 2) of forty narrow bells on a square lattice."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, [8, 5], (count, 2)) * 4 + rng.normal(0, 0.3, (count, 2))


def test_codes_of_many_bells_ask_for_many_and_their_mixture_is_nearer_to_new_codes():
    codes, fresh = bells(8_000, 0), bells(4_000, 1)
    many, ten = fit_many(codes), fit_gmm(codes)
    assert many is not None and FEW_BELLS < len(many.weights) <= 160
    gain = many.log_density(fresh) - ten.log_density(fresh)
    assert gain.mean() > 10 * gain.std() / np.sqrt(len(gain))


@pytest.mark.parametrize("codes", [np.random.default_rng(0).standard_normal((6_000, 3)), bells(200, 0), bells(20, 0)])
def test_codes_of_one_bell_and_few_codes_ask_for_no_more_than_ten(codes):
    assert fit_many(codes) is None


@pytest.mark.parametrize(("rank", "null"), [(2, 1), (4, 4), (8, 4)])
def test_directions_in_which_no_code_differs_have_no_say_in_the_number_of_bells(rank, null):
    codes = np.random.default_rng(0).standard_normal((6_000, rank))
    assert fit_many(np.concatenate([codes, np.zeros((6_000, null))], axis=1)) is None
    assert fit_many(np.ones((6_000, rank))) is None
    flat = np.concatenate([bells(8_000, 0), np.zeros((8_000, 1))], axis=1)
    many = fit_many(flat)
    assert many is not None and many.means.shape == (len(many.weights), 3)


def test_codes_are_held_out_from_the_choice_of_their_number_of_bells():
    noise = np.random.default_rng(0).standard_normal((3_000, 8))
    assert fit_gmm(noise, 20).log_density(noise).mean() > fit_gmm(noise).log_density(noise).mean()
    assert fit_many(noise) is None


def test_many_bells_are_offered_where_they_are_more_than_ten():
    assert offered_laws(FEW_BELLS) == offered_laws(None) == tuple(law for law in LAWS.values() if law is not MANY)
    assert offered_laws(FEW_BELLS + 1) == tuple(LAWS.values())


def test_every_law_has_all_its_names():
    for name, law in LAWS.items():
        assert law.name == name
        assert all((law.short, law.plain, law.hint, law.words))


def test_a_law_stands_in_one_file(root: Path):
    words = [part for law in LAWS.values() for part in (law.title, law.words)] + ["gmm10", "GMM-10"]
    files = [*(root / "explorer").rglob("*.py"), root / "train.py"]
    naming = {file.name for file in files for word in words if word in file.read_text(encoding="utf-8")}
    assert naming == {"laws.py"}
