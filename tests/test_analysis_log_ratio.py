"""The log ratio and tell-apart: chance for equal laws, certainty for others, and what vacancy cannot see."""

import dataclasses

import numpy as np
import pytest
from sklearn.base import clone

from explorer.analysis import log_ratio
from explorer.analysis.frames import fit_frame
from explorer.analysis.holes import ALPHA, calibrate, fit_vacancy
from explorer.analysis.laws import sample_white
from explorer.analysis.log_ratio import REFITS, fit_log_ratio, refitted_ratios
from explorer.analysis.scores import tell_apart
from explorer.errors import ShapeError

ALL_TREES = log_ratio.TREES
"""Read before the suite lowers it."""


@pytest.fixture(autouse=True)
def all_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """The laws are of the classifier that users get."""
    monkeypatch.setattr(log_ratio, "TREES", ALL_TREES)


def gaussian(count: int, dim: int, seed: int, scale: float = 1.0) -> np.ndarray:
    return (scale * np.random.default_rng(seed).standard_normal((count, dim))).astype(np.float32)


def told(dim: int, scale: float) -> float:
    """How well draws of width `scale` are told from codes of width 1."""
    fitted = fit_vacancy(gaussian(1500, dim, 0), gaussian(1500, dim, 1))
    ratio = fit_log_ratio(gaussian(1500, dim, 2), gaussian(1500, dim, 3, scale), fitted)
    return tell_apart(ratio.score(gaussian(1500, dim, 1)), ratio.score(gaussian(1500, dim, 4, scale))).value


@pytest.mark.parametrize("dim", [1, 8])
def test_draws_of_the_law_of_the_codes_are_told_apart_by_chance(dim):
    assert told(dim, 1.0) == pytest.approx(0.5, abs=0.035)


def test_a_law_that_is_too_narrow_is_told_apart_although_it_has_no_holes():
    assert told(32, 0.8) > 0.8
    fitted = fit_vacancy(gaussian(1500, 32, 0), gaussian(1500, 32, 1))
    assert (fitted.p_value(gaussian(1500, 32, 4, 0.8)) <= ALPHA).mean() < 0.01


def test_far_draws_are_told_apart_always():
    assert told(4, 30.0) > 0.995


def test_the_classifier_finds_the_gap_that_one_bell_fills():
    def ring(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        angle, radius = rng.uniform(0, 2 * np.pi, 1500), 5 + 0.2 * rng.standard_normal(1500)
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype(np.float32)

    fitted, white = fit_vacancy(ring(0), ring(1)), fit_frame(ring(2))
    draws = [sample_white(white, 1500, np.random.default_rng(seed)) for seed in (0, 1)]
    ratio = fit_log_ratio(ring(2), draws[0], fitted)
    assert tell_apart(ratio.score(ring(1)), ratio.score(draws[1])).value > 0.9
    calibrated = calibrate(ratio.score, ring(1))
    assert calibrated.p_value(np.zeros((1, 2), dtype=np.float32))[0] <= ALPHA
    assert abs((calibrated.p_value(ring(3)) <= ALPHA).mean() - ALPHA) < 0.025


def test_the_log_ratio_is_the_same_alone_and_in_a_batch_and_finite_on_a_code_and_off_the_span():
    codes = gaussian(1200, 3, 0) * np.array([1, 2, 0], dtype=np.float32)
    fitted = fit_vacancy(codes[:500], codes[500:900])
    ratio = fit_log_ratio(codes[900:], gaussian(300, 3, 5) * np.array([1, 2, 0], dtype=np.float32), fitted)
    places = np.concatenate([codes[:50], gaussian(50, 3, 6)])
    whole = ratio.score(places)
    assert np.isfinite(whole).all()
    np.testing.assert_array_equal(np.concatenate([ratio.score(place[None]) for place in places]), whole)


def test_it_takes_as_many_draws_as_codes():
    fitted = fit_vacancy(gaussian(50, 2, 0), gaussian(30, 2, 1))
    with pytest.raises(ShapeError, match="as many draws as codes"):
        fit_log_ratio(gaussian(50, 2, 2), gaussian(40, 2, 3), fitted)


def test_the_interval_of_tell_apart_covers_another_reference_and_other_codes_as_well():
    """Every classifier that lacks a fifth of R and G is fitted as the whole one is, to what is left."""
    reference, calibration, codes, draws, fresh = (gaussian(500, 3, seed, 1 + (seed > 2)) for seed in range(5))
    fitted = fit_vacancy(reference, calibration)
    ratio, judged = fit_log_ratio(codes, draws, fitted), (calibration, fresh)
    again = list(refitted_ratios(ratio, codes, draws, judged))
    of_codes, of_draws = map(ratio.score, judged)
    alone, whole = tell_apart(of_codes, of_draws), tell_apart(of_codes, of_draws, again)
    assert (whole.value, len(again)) == (alone.value, REFITS)
    assert whole.low < alone.low and whole.high > alone.high, "four times the variance of fifths is not nothing"
    assert whole.again is not None
    np.testing.assert_array_equal(whole.again.parts, [tell_apart(ours, theirs).value for ours, theirs in again])
    rng = np.random.default_rng(0)
    parts = [rng.permutation(500) % REFITS for _ in range(2)]
    left = dataclasses.replace(fitted, reference=fitted.reference[parts[0] != 0])
    lone = dataclasses.replace(ratio, vacancy=left, classifier=clone(ratio.classifier))
    seen = [lone.features(each[parts[1] != 0]) for each in (codes, draws)]
    lone.classifier.fit(np.concatenate(seen), np.repeat([0, 1], [len(each) for each in seen]))
    for ours, theirs in zip(again[0], map(lone.score, judged), strict=True):
        np.testing.assert_allclose(ours, theirs)


def test_the_area_under_the_curve_counts_pairs():
    codes, draws = np.array([0.0, 1, 1, 3]), np.array([1.0, 2, 0])
    pairs = [(d > c) + 0.5 * (d == c) for d in draws for c in codes]
    assert tell_apart(codes, draws).value == pytest.approx(np.mean(pairs))
    assert tell_apart(draws, codes).value == pytest.approx(1 - np.mean(pairs))
