import numpy as np
import pytest

from explorer.analysis.densities import PosteriorMixture, fit_kernel_density
from explorer.analysis.encoding import decode_all, encode_all
from explorer.analysis.frames import fit_frame
from explorer.analysis.holes import ALPHA, fit_vacancy
from explorer.analysis.intervals import Replicates, Score, complete, mean_score, paired
from explorer.analysis.laws import raw_log_density, sample_raw
from explorer.analysis.scores import (
    active_axes,
    active_units,
    arc_middles,
    collapsed_axes,
    counted_axes,
    coverage,
    density,
    exceedance,
    frechet_distance,
    is_saturated,
    mutual_information,
    rate_per_dimension,
    tell_apart,
    vacancies,
    vacancy,
)
from explorer.arrays import Posterior
from explorer.errors import ShapeError
from tests.benchmarks.holes_intervals import holding, simulated_twins
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
    axes = counted_axes(active)
    bare = vacancy(fit_vacancy(reference[:, axes], calibration[:, axes]).p_value(draws[:, axes]))
    assert bare.value > diluted.value + 0.05
    assert counted_axes(np.zeros(13, dtype=bool)).all(), "where none is active all count"


def test_the_mass_in_holes_agrees_with_brute_force_and_so_do_its_parts():
    """In float64, with fixed draws: the value, and every value without a tenth of the reference."""
    reference, calibration, draws = gaussian(400, 3, 0), gaussian(1100, 3, 1), gaussian(500, 3, 2) * np.float32(1.3)
    fitted = fit_vacancy(reference, calibration)
    found = vacancies(fitted, calibration, {"law": draws}, seed=7)["law"]
    u, c, z = (each.astype(np.float64) @ fitted.frame.to_white for each in (reference, calibration, draws))

    def share(among: np.ndarray) -> float:
        far = [np.sort(np.sqrt(((each[:, None] - among) ** 2).sum(2)), axis=1)[:, 4] for each in (c, z)]
        p = np.array([(1 + (far[0] >= s).sum()) / (len(c) + 1) for s in far[1]])
        return float((p <= ALPHA).mean())

    assert found.value == pytest.approx(share(u), abs=1e-6)
    part = np.random.default_rng(7).permutation(400) % 10
    assert found.again is not None
    np.testing.assert_allclose(found.again.parts, [share(u[part != each]) for each in range(10)], atol=1e-6)


def test_resampled_shares_agree_with_p_values_of_the_resample():
    rng = np.random.default_rng(3)
    bad, scale = rng.exponential(1.2, 300), rng.exponential(1, 99)
    found = exceedance(bad, scale, seed=5)
    again = np.random.default_rng(5)
    assert found.again is not None
    for share in found.again.resampled[:20]:
        c, s = scale[again.integers(99, size=99)], bad[again.integers(300, size=300)]
        p = (1 + (c >= s[:, None]).sum(1)) / 100
        assert share == pytest.approx((p <= ALPHA).mean())


def test_a_complete_interval_is_wider_than_that_of_the_draws_and_holds_the_truth():
    scores = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        codes = rng.standard_normal((600, 2)).astype(np.float32)
        draws = (1.5 * rng.standard_normal((300, 2))).astype(np.float32)
        fitted = fit_vacancy(codes[:300], codes[300:])
        scores.append(vacancies(fitted, codes[300:], {"law": draws})["law"])
        assert (
            scores[-1].high - scores[-1].low > vacancy(fitted.p_value(draws)).high - vacancy(fitted.p_value(draws)).low
        )
    truth = np.mean([score.value for score in scores])
    assert np.mean([score.low <= truth <= score.high for score in scores]) >= 0.9


def test_equal_twins_differ_by_nothing_nineteen_times_in_twenty():
    pairs = [simulated_twins(seed, 200, 3) for seed in range(100)]
    assert holding([pair.difference for _, _, pair in pairs], 0.0) >= 0.95


def test_a_pair_knows_what_two_scores_alone_do_not():
    rng = np.random.default_rng(0)
    common = 0.05 * rng.standard_normal(200)
    one = complete(0.4, Replicates(0.4 + common + 0.002 * rng.standard_normal(200), np.empty(0)), 1000)
    other = complete(0.37, Replicates(0.37 + common, np.empty(0)), 1000)
    assert one.low < other.high, "the intervals overlap"
    pair = paired(one, other)
    assert pair.differs and pair.difference.value == pytest.approx(0.03)
    assert pair.ratio is not None and 1 < pair.ratio.low < 0.4 / 0.37 < pair.ratio.high
    none = complete(0.0, Replicates(np.zeros(200), np.empty(0)), 1000)
    assert paired(one, none).ratio is None, "nothing is a multiple of none"
    assert not paired(one, one).differs
    with pytest.raises(ShapeError, match="measured differently"):
        paired(one, mean_score(np.arange(5)))
    with pytest.raises(ShapeError, match="measured differently"):
        paired(one, complete(0.4, Replicates(np.zeros(100), np.empty(0)), 1000))


def test_the_jackknife_finds_the_variance_of_a_mean():
    values = np.random.default_rng(0).standard_normal(1000)
    part = np.arange(1000) % 10
    left = np.array([values[part != each].mean() for each in range(10)])
    again = [Replicates(np.zeros(2), left[np.random.default_rng(s).integers(10, size=10)]) for s in range(1)]
    assert Replicates(np.zeros(2), left).jackknifed == pytest.approx(1 / 1000, rel=0.9)
    assert again[0].jackknifed >= 0 and Replicates(np.zeros(2), np.empty(0)).jackknifed == 0


def test_a_share_of_none_is_no_certainty():
    codes = gaussian(600, 2, 0)
    fitted = fit_vacancy(codes[:300], codes[300:])
    found = vacancies(
        fitted, codes[300:], {"middle": np.zeros((50, 2), np.float32), "far": np.full((50, 2), 90.0, np.float32)}
    )
    assert found["middle"].value == found["middle"].low == 0 and found["middle"].high > 0.05
    assert found["far"].value == found["far"].high == 1 and found["far"].low < 0.95


def test_tell_apart_is_the_area_under_the_curve_with_an_interval():
    rng = np.random.default_rng(0)
    codes, draws = rng.standard_normal(700), rng.standard_normal(500) + 0.5
    found = tell_apart(codes, draws)
    assert found.value == pytest.approx((draws[:, None] > codes).mean()), "no two are equal"
    assert found.low < 0.638 < found.high, "Phi(0.5 / sqrt 2)"
    assert tell_apart(codes, codes + 99).value == 1


def test_the_middle_of_an_arc_of_one_gaussian_is_no_hole_and_between_clusters_it_is():
    codes = gaussian(6000, 16, 0)
    fitted = fit_vacancy(codes[:2000], codes[2000:4000])
    middles = arc_middles(codes[4000:], fitted.white, 2000, np.random.default_rng(0))
    assert abs(vacancy(fitted.p_value(middles)).value - ALPHA) < 3 * np.sqrt(ALPHA * (1 - ALPHA) * 2 / 2000)
    straight = (codes[4000:5000] + codes[5000:]) / 2
    assert vacancy(fitted.p_value(straight)).value == 0, "the straight middle hides nearer the centre"
    label = np.arange(6000) % 2
    codes[:, 0] += np.where(label, 12, -12)
    fitted = fit_vacancy(codes[:2000], codes[2000:4000])
    apart = arc_middles(codes[4000:], fitted.white, 500, np.random.default_rng(0), label[4000:])
    assert vacancy(fitted.p_value(apart)).value > 0.9


def test_the_middle_of_an_arc_keeps_the_norm_of_the_first_and_halves_the_angle():
    codes = np.array([[2.0, 0], [0, 1]], dtype=np.float32)
    white = fit_frame(np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]]) * np.sqrt(1.5))  # whitens nothing
    found = arc_middles(codes, white, 50, np.random.default_rng(0))
    np.testing.assert_allclose(found[:, 0], found[:, 1], atol=1e-6)
    assert {round(float(each), 4) for each in np.linalg.norm(found, axis=1)} == {1.0, 2.0}
    with pytest.raises(ShapeError, match="two classes"):
        arc_middles(codes, white, 5, np.random.default_rng(0), np.zeros(2, dtype=int))


def test_coverage_and_density_vary_as_their_intervals_say():
    scores = {coverage: [], density: []}
    for seed in range(40):
        real, fake = gaussian(200, 2, 2 * seed), 0.8 * gaussian(200, 2, 2 * seed + 1)
        for measure, found in scores.items():
            found.append(measure(real, fake))
    for found in scores.values():
        half = np.mean([score.high - score.low for score in found]) / 2
        assert 1.2 < half / np.std([score.value for score in found]) < 3.2


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
