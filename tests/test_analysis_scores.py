import numpy as np
import pytest

from explorer.analysis.densities import PosteriorMixture, fit_kernel_density
from explorer.analysis.encoding import decode_all, encode_all
from explorer.analysis.frames import fit_frame
from explorer.analysis.holes import ALPHA, fit_vacancy
from explorer.analysis.laws import raw_log_density, sample_raw
from explorer.analysis.scores import (
    Score,
    active_axes,
    active_units,
    collapsed_axes,
    coverage,
    density,
    fit_active_vacancy,
    frechet_distance,
    is_saturated,
    mean_score,
    midpoints,
    mutual_information,
    rate_per_dimension,
    vacancy,
)
from explorer.arrays import Posterior
from explorer.errors import ShapeError
from tests.fakes import LinearCoder, linear_coder


def gaussian(count: int, dim: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


def constant_posterior(mean: np.ndarray, log_variance: float) -> Posterior:
    return Posterior(mean.astype(np.float32), np.full(mean.shape, log_variance, dtype=np.float32))


def test_an_interval_covers_the_truth_nineteen_times_in_twenty():
    rng = np.random.default_rng(0)
    for draw, truth in ((lambda: rng.exponential(2, 400), 2), (lambda: rng.random(400) < 0.3, 0.3)):
        scores = [mean_score(draw(), seed) for seed in range(150)]
        assert 0.88 < np.mean([s.low <= truth <= s.high for s in scores]) <= 1


def test_an_interval_is_the_same_every_time_and_holds_its_value():
    values = np.random.default_rng(0).random(500)
    score = mean_score(values, seed=3)
    assert score == mean_score(values, seed=3)
    assert score.low < score.value < score.high
    assert score.n == 500
    np.testing.assert_allclose(score.high - score.low, 2 * 1.96 * values.std() / np.sqrt(500), rtol=0.1)


def test_values_that_are_all_alike_have_no_spread():
    assert mean_score(np.full(20, 0.5)) == Score(0.5, 0.5, 0.5, 20)
    with pytest.raises(ShapeError, match="one value or more"):
        mean_score(np.zeros(0))


def test_vacancy_counts_p_values_up_to_alpha():
    assert vacancy(np.array([0.01, 0.05, 0.051, 0.9])).value == 0.5


def test_noise_dimensions_dilute_holes_and_active_vacancy_finds_them():
    rng = np.random.default_rng(0)

    def codes(count: int) -> np.ndarray:
        sides = rng.choice([-8, 8], count)[:, None] + gaussian(count, 1, int(rng.integers(1000)))
        return np.concatenate([sides, rng.standard_normal((count, 12))], axis=1).astype(np.float32)

    reference, calibration = codes(2000), codes(1000)
    active = np.arange(13) == 0
    fitted = fit_vacancy(reference, calibration)
    draws = fitted.white.unwhiten(rng.standard_normal((1000, 13)))
    diluted = vacancy(fitted.p_value(draws))
    bare = vacancy(fit_active_vacancy(reference, calibration, active)(draws))
    assert bare.value > diluted.value + 0.05
    assert vacancy(fit_active_vacancy(reference, calibration, np.zeros(13, dtype=bool))(draws)).value == diluted.value


def test_midpoints_lie_between_two_different_codes():
    codes = np.array([[0.0, 0], [2, 0], [0, 4]], dtype=np.float32)
    found = midpoints(codes, 200, np.random.default_rng(0))
    assert {tuple(row) for row in found.tolist()} == {(1, 0), (0, 2), (1, 2)}
    apart = midpoints(codes, 200, np.random.default_rng(0), np.array([0, 0, 1]))
    assert {tuple(row) for row in apart.tolist()} == {(0, 2), (1, 2)}
    with pytest.raises(ShapeError, match="two classes"):
        midpoints(codes, 5, np.random.default_rng(0), np.zeros(3, dtype=int))


def test_coverage_and_density_agree_with_brute_force():
    real, fake = gaussian(300, 5, 0), gaussian(250, 5, 1) * 1.2
    among = np.linalg.norm(real[:, None].astype(float) - real[None], axis=2)
    radii = np.sort(among, axis=1)[:, 5]  # column 0 is the image itself
    across = np.linalg.norm(real[:, None].astype(float) - fake[None], axis=2)
    assert coverage(real, fake).value == pytest.approx((across.min(1) < radii).mean(), abs=1e-6)
    assert density(real, fake).value == pytest.approx((across < radii[:, None]).sum(0).mean() / 5, abs=1e-6)


def test_coverage_of_the_same_law_is_high_and_of_a_lost_half_is_half():
    real = gaussian(1500, 2, 0)
    assert coverage(real, gaussian(1500, 2, 1)).value > 0.93  # 1 - 2^-k in expectation
    half = gaussian(4000, 2, 2)
    assert 0.45 < coverage(real, half[half[:, 0] > 0][:1500]).value < 0.6
    assert density(real, gaussian(1500, 2, 1)).value == pytest.approx(1, abs=0.08)


def test_a_collapsed_model_is_flagged_with_perfect_vacancy_and_no_coverage():
    rng = np.random.default_rng(0)
    seen = linear_coder(2, sigma=0.02)  # where the images come from
    images = seen.sample_images(3000, rng)
    deaf = LinearCoder(seen.matrix * 1e-6, seen.image_shape, log_variance=0.0)
    posterior = constant_posterior(1e-3 * rng.standard_normal((3000, 2)), 0.0)
    codes = posterior.sample(rng)
    draws = sample_raw(1000, 2, rng)
    holes = vacancy(fit_vacancy(codes[:2000], codes[2000:]).p_value(draws))
    real = images[2000:].reshape(1000, -1)
    covered = coverage(real, decode_all(deaf, draws).reshape(1000, -1))
    alive = coverage(real, seen.sample_images(1000, rng).reshape(1000, -1))
    assert abs(holes.value - ALPHA) < 3 * np.sqrt(ALPHA * (1 - ALPHA) * 2 / 1000)
    assert covered.value < 0.02 < 0.9 < alive.value
    assert collapsed_axes(posterior).all()
    assert active_units(posterior) == 0


def test_active_axes_are_those_whose_means_move():
    mean = gaussian(4000, 3, 0) * [1, 0.05, 0.2]
    posterior = constant_posterior(mean, -1.0)
    np.testing.assert_array_equal(active_axes(posterior), [True, False, True])
    np.testing.assert_array_equal(active_axes(Posterior((30 * mean).astype(np.float32))), [True, False, True])
    assert active_units(posterior) == 2


def test_a_collapsed_axis_needs_both_a_still_mean_and_no_rate():
    means = gaussian(4000, 3, 0) * np.array([1, 0.001, 0.001])
    log_variance = np.zeros((4000, 3), dtype=np.float32) + np.array([-3, 0, -3], dtype=np.float32)
    posterior = Posterior(means.astype(np.float32), log_variance)
    np.testing.assert_array_equal(collapsed_axes(posterior), [False, True, False])
    assert not collapsed_axes(Posterior(posterior.mean)).any()


def test_rate_per_dimension_is_the_kl_of_gaussians():
    posterior = constant_posterior(np.tile([2.0, 0.0], (10, 1)), np.log(0.25))
    expected = 0.5 * (np.array([4.0, 0.0]) + 0.25 - 1 - np.log(0.25))
    np.testing.assert_allclose(rate_per_dimension(posterior), expected, rtol=1e-6)


def test_the_densities_of_two_gaussians_differ_by_their_kl_on_average():
    posterior = constant_posterior(np.full((1, 1), 1.0), np.log(4.0))
    draws = sample_raw(60_000, 1, np.random.default_rng(0))
    found = mean_score(raw_log_density(draws) - PosteriorMixture(posterior).log_density(draws))
    expected = np.log(2) + (1 + 1) / 8 - 0.5  # KL(N(0, 1) || N(1, 4))
    assert found.low < expected < found.high
    assert found.value == pytest.approx(expected, abs=0.01)


def test_the_kernel_density_of_codes_with_a_gap_is_low_there():
    reference = gaussian(2000, 2, 0)
    reference = reference[np.linalg.norm(reference, axis=1) > 1]
    aggregate = fit_kernel_density(reference, fit_frame(reference), np.random.default_rng(0))
    draws = sample_raw(1000, 2, np.random.default_rng(1))
    broken = mean_score(raw_log_density(draws) - aggregate.log_density(draws))
    assert broken.low > 0.5


def test_frechet_distance_of_two_gaussians_is_known():
    rng = np.random.default_rng(0)
    real = rng.standard_normal((40_000, 3))
    fake = rng.standard_normal((40_000, 3)) * [1, 2, 3] + [1, 0, 0]
    found = frechet_distance(real, fake)
    assert found.value == pytest.approx(1 + 1 + 4, rel=0.03)  # |m|^2 + sum (s1 - s2)^2
    assert found.low < 6 < found.high
    assert frechet_distance(real, real).value == pytest.approx(0, abs=1e-6)
    with pytest.raises(ShapeError, match="two sets of features"):
        frechet_distance(real[:1], fake)


def test_mutual_information_of_a_linear_gaussian_channel_is_known():
    rng = np.random.default_rng(0)
    mean = np.sqrt(0.75) * rng.standard_normal((3000, 2))  # z ~ N(0, 1) in all, noise of variance 0.25
    found = mutual_information(constant_posterior(mean, np.log(0.25)), rng)
    assert found is not None
    assert found.value == pytest.approx(2 * 0.5 * np.log(4), abs=0.05)
    assert not is_saturated(found)


def test_mutual_information_is_capped_by_the_number_of_images_and_says_so():
    rng = np.random.default_rng(0)
    found = mutual_information(constant_posterior(rng.standard_normal((200, 2)), -12.0), rng)
    assert found is not None
    assert found.value <= np.log(200) + 1e-9
    assert is_saturated(found)
    assert mutual_information(constant_posterior(rng.standard_normal((50, 7)), -1.0), rng) is None
    assert mutual_information(Posterior(gaussian(50, 2, 0)), rng) is None


def test_any_number_of_images_passes_through_a_coder():
    coder = linear_coder(3)
    latents = gaussian(2500, 3, 0)
    images = decode_all(coder, latents)
    posterior = encode_all(coder, images)
    np.testing.assert_allclose(posterior.mean, latents, atol=1e-4)
    assert posterior.log_variance is not None
    assert posterior.log_variance.shape == (2500, 3)
    assert encode_all(linear_coder(3, log_variance=None), images).log_variance is None
    assert decode_all(coder, latents[:0]).shape == (0, 1, 8, 8)
    assert encode_all(coder, images[:0]).mean.shape == (0, 3)


@pytest.mark.parametrize("share", [0, 1])
def test_a_share_of_none_or_all_is_no_certainty(share: int):
    score = mean_score(np.full(1000, bool(share)))
    assert score.value == share
    assert score.low <= share <= score.high
    assert score.high - score.low == pytest.approx(0.00368, abs=1e-4)  # exact binomial, 1 - 0.025 ** (1 / 1000)
    assert mean_score(np.full(10, 3.5)).low == 3.5, "equal numbers that are no shares stay as they are"
