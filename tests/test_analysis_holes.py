import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from explorer.analysis.frames import fit_frame
from explorer.analysis.holes import (
    ALPHA,
    Plane,
    anchored_plane,
    axis_plane,
    conformal_p_values,
    fit_round_trip,
    fit_vacancy,
    round_trip_error,
    some_of,
    spanned_plane,
)
from explorer.analysis.laws import GaussianMixture, definite, fit_gmm, sample_raw, sample_white
from explorer.analysis.scores import vacancy
from explorer.arrays import Images, Posterior
from explorer.errors import ShapeError
from tests.fakes import LinearCoder, linear_coder


def sampling_error(tested: int, calibration: int, times: float = 3) -> float:
    """`times` standard deviations of a share of holes whose expectation is ALPHA."""
    return times * np.sqrt(ALPHA * (1 - ALPHA) * (1 / tested + 1 / calibration))


def gaussian(count: int, dim: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


def ring(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    angle, radius = rng.uniform(0, 2 * np.pi, count), 5 + 0.2 * rng.standard_normal(count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype(np.float32)


def clusters(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    label = np.arange(count) % 2
    return (gaussian(count, 2, seed) + np.where(label, 12, -12)[:, None] * [1, 0]).astype(np.float32), label


def test_p_values_count_the_calibration_scores_that_are_at_least_as_bad():
    np.testing.assert_allclose(
        conformal_p_values(np.array([0.0, 2, 2.5, 4]), np.array([3.0, 1, 2])), [1, 0.75, 0.5, 0.25]
    )


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 200))
def test_the_p_value_of_a_new_code_is_uniform_by_exchangeability(seed, count):
    scores = np.random.default_rng(seed).standard_normal(count + 1)
    p = [conformal_p_values(scores[i : i + 1], np.delete(scores, i))[0] for i in range(count + 1)]
    np.testing.assert_allclose(np.sort(p), np.arange(1, count + 2) / (count + 1))


@pytest.mark.parametrize("bad", [np.zeros(0), np.array([np.nan]), np.zeros((2, 2))])
def test_p_values_need_calibration_scores(bad):
    with pytest.raises(ShapeError, match="calibration needs one score"):
        conformal_p_values(np.zeros(1), bad)


@pytest.mark.parametrize("dim", [1, 2, 16])
def test_codes_from_the_prior_have_no_holes_under_raw(dim):
    fitted = fit_vacancy(gaussian(4000, dim, 0), gaussian(3000, dim, 1))
    score = vacancy(fitted.p_value(sample_raw(4000, dim, np.random.default_rng(2))))
    assert abs(score.value - ALPHA) < sampling_error(4000, 3000)


def test_the_centre_of_a_ring_is_a_hole_and_the_ring_is_none():
    fitted = fit_vacancy(ring(3000, 0), ring(2000, 1))
    assert fitted.p_value(np.zeros((1, 2)))[0] == 1 / 2001
    assert abs(vacancy(fitted.p_value(ring(2000, 2))).value - ALPHA) < sampling_error(2000, 2000)
    white = vacancy(fitted.p_value(sample_white(fitted.white, 2000, np.random.default_rng(3))))
    assert white.value > 0.5


def middles_of(codes: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Half way between codes of different clusters."""
    other = np.roll(codes, 7, axis=0)
    return ((codes + other) / 2)[label != np.roll(label, 7)]


def test_midpoints_between_two_far_clusters_are_holes():
    (reference, _), (calibration, _), (codes, label) = (clusters(2000, seed) for seed in range(3))
    fitted = fit_vacancy(reference, calibration)
    assert vacancy(fitted.p_value(middles_of(codes, label))).value > 0.99


@pytest.mark.parametrize(("shift", "scale"), [(6.0, 1.0), (0.0, 8.0), (0.0, 0.2)])
def test_a_moved_gaussian_is_full_of_holes_under_raw_and_has_none_under_white(shift, scale):
    fitted = fit_vacancy(gaussian(4000, 4, 0) * scale + shift, gaussian(3000, 4, 1) * scale + shift)
    rng = np.random.default_rng(2)
    white = vacancy(fitted.p_value(sample_white(fitted.white, 3000, rng)))
    raw = vacancy(fitted.p_value(sample_raw(3000, 4, rng)))
    assert abs(white.value - ALPHA) < sampling_error(3000, 3000)
    if scale == 8.0:
        assert raw.value < 0.01, "raw hides inside a wide space: luck, which is why the law is always named"
    else:
        assert raw.value > 0.9


def test_an_affine_map_of_codes_and_draws_alike_changes_no_score():
    rng = np.random.default_rng(0)
    turns = [np.linalg.qr(rng.standard_normal((4, 4)))[0] for _ in range(2)]
    bend = 7 * turns[0] * np.geomspace(1, 30, 4) @ turns[1]
    reference, calibration = (gaussian(n, 4, seed).astype(np.float64) ** 3 for n, seed in ((2000, 1), (1000, 2)))
    plain, bent = fit_vacancy(reference, calibration), fit_vacancy(reference @ bend, calibration @ bend)
    draws = plain.white.mean + gaussian(1000, 4, 3) @ plain.white.from_white
    np.testing.assert_allclose(plain.score(draws), bent.score(draws @ bend), rtol=1e-6)
    np.testing.assert_allclose(plain.p_value(draws), bent.p_value(draws @ bend), atol=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_new_codes_fall_in_holes_at_rate_alpha_whatever_their_shape(seed):
    rng = np.random.default_rng(seed)
    skew = rng.standard_normal((3, 3))
    pool = rng.standard_t(3, (7000, 3)) @ skew + (rng.random((7000, 1)) < 0.3) * 20
    fitted = fit_vacancy(pool[:3000], pool[3000:5000])
    assert abs((fitted.p_value(pool[5000:]) <= ALPHA).mean() - ALPHA) < sampling_error(2000, 2000)


def scatter_of_neighbours(codes: np.ndarray, to_local: np.ndarray, count: int, every: int = 1) -> np.ndarray:
    """W by brute force: of the steps of every n-th code to `count` neighbours, where codes lie at codes @ to_local."""
    u, own = codes @ to_local, np.arange(0, len(codes), every)
    squares = cdist(u[own], u, "sqeuclidean")  # of every pair, one difference at a time
    squares[np.arange(len(own)), own] = np.inf
    rows = np.argpartition(squares, count, axis=1)[:, :count]  # the nearest ones; W does not know their order
    steps = (codes[rows] - codes[own][:, None]).reshape(-1, codes.shape[1])
    return steps.T @ steps / len(steps)


def inverse_root(scatter: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(scatter)
    return vectors @ np.diag(values**-0.5) @ vectors.T


def scatter_found_from(codes: np.ndarray, wide: bool) -> np.ndarray:
    """W by brute force: six rounds of ten neighbours, from the whitened frame or from neighbourhoods that narrow."""
    to_local, width = inverse_root(np.cov(codes, rowvar=False)), len(codes) // 4
    while wide and width > 10:
        for _ in range(2):
            to_local = inverse_root(scatter_of_neighbours(codes, to_local, width, -(-len(codes) // 1000)))
        width //= 2
    for _ in range(6):
        scatter = scatter_of_neighbours(codes, to_local, 10)
        to_local = inverse_root(scatter)
    return scatter


def local_scatter(codes: np.ndarray) -> np.ndarray:
    """W by brute force: the smaller of the two that are found."""
    return min((scatter_found_from(codes, wide) for wide in (False, True)), key=lambda w: np.linalg.slogdet(w)[1])


def test_vacancy_agrees_with_brute_force():
    """The whole definition once more, in float64 and without any of the program's own functions."""
    reference, calibration, draws = gaussian(700, 5, 0) * 3, gaussian(1100, 5, 1) * 3, gaussian(200, 5, 2) * 4
    reference[:300, 0] += 40
    calibration[:500, 0] += 40
    fitted = fit_vacancy(reference, calibration)
    exact = np.asarray(reference, np.float64)
    mean = exact.mean(0)
    to_local = inverse_root(local_scatter(exact))

    def score(latents: np.ndarray) -> np.ndarray:
        offsets = (latents.astype(np.float64)[:, None] - exact[None]) @ to_local
        return np.sort(np.linalg.norm(offsets, axis=2), axis=1)[:, 4]

    np.testing.assert_allclose(fitted.frame.mean, mean)
    np.testing.assert_allclose(fitted.frame.to_white, to_local, atol=1e-6)
    np.testing.assert_allclose(fitted.score(draws), score(draws), atol=1e-6)
    ours = score(calibration)
    p = [(1 + (ours >= s).sum()) / 1101 for s in score(draws)]
    np.testing.assert_allclose(fitted.p_value(draws), p, atol=1e-6)


def test_folded_p_values_agree_with_brute_force():
    reference, calibration, draws = gaussian(300, 3, 0), gaussian(83, 3, 1), gaussian(60, 3, 2) * 1.5
    fitted = fit_vacancy(reference, calibration)
    u = [fitted.frame.whiten(each) for each in (reference, calibration, draws)]
    part = np.arange(83) % 5

    def far(place: np.ndarray, fold: int) -> float:
        among = np.concatenate([u[0], u[1][part != fold]])
        return float(np.sort(np.sqrt(((among - place) ** 2).sum(1)))[4])

    scores = np.array([far(place, fold) for place, fold in zip(u[1], part.tolist(), strict=True)])
    p = [(1 + sum((scores[part == f] >= far(place, f)).sum() for f in range(5))) / 84 for place in u[2]]
    np.testing.assert_allclose(fitted.p_value(draws), p, atol=1e-12)


@pytest.mark.parametrize("count", [120, 300, 900])
def test_few_calibration_codes_are_folded_and_keep_the_rate_of_new_codes(count):
    rates = []
    for seed in range(6):
        fitted = fit_vacancy(gaussian(600, 4, seed), gaussian(count, 4, 100 + seed))
        assert len(fitted.folds) == 5
        rates.append((fitted.p_value(gaussian(2000, 4, 200 + seed)) <= ALPHA).mean())
    assert abs(np.mean(rates) - ALPHA) < sampling_error(12_000, 6 * count) + 1 / count


def test_a_posterior_mean_is_judged_among_means():
    rng = np.random.default_rng(0)
    means = [0.8 * rng.standard_normal((n, 3)) for n in (3000, 2000, 2000)]
    draws = [each + 0.6 * rng.standard_normal(each.shape) for each in means]
    of_draws = fit_vacancy(draws[0], draws[1])
    of_means = of_draws.calibrated(means[1])
    assert abs((of_means.p_value(means[2]) <= ALPHA).mean() - ALPHA) < sampling_error(2000, 2000)
    assert (of_draws.p_value(means[2]) <= ALPHA).mean() < 0.02, "draws lie further out than means"
    assert of_means.frame is of_draws.frame


@pytest.mark.parametrize("kind", ["copies", "spread", "line", "few"])
def test_a_stored_code_has_the_same_p_value_alone_and_in_any_batch(kind):
    codes = gaussian(3000, 6, 0)
    if kind == "copies":
        codes = np.repeat(codes[:30], 100, axis=0)[np.random.default_rng(1).permutation(3000)]
    if kind == "line":
        codes = (codes[:, :1] * gaussian(1, 6, 1) + 3).astype(np.float32)
    fitted = fit_vacancy(codes[:1500], codes[1500 : 1800 if kind == "few" else None])
    some = np.concatenate([codes[1500:1600], codes[:100], gaussian(20, 6, 2)])
    whole = fitted.p_value(some)
    for size in (1, 3, 64):
        parts = [fitted.p_value(some[start : start + size]) for start in range(0, len(some), size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def centres_of(dim: int, count: int) -> np.ndarray:
    """Centres of clusters of standard deviation 1, in random directions, 10 from the origin; a single one is there."""
    found = np.random.default_rng(dim + count).standard_normal((count, dim))
    return 10 * found / np.linalg.norm(found, axis=1, keepdims=True) if count > 1 else 0 * found


def drawn_around(centres: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = rng.integers(len(centres), size=count)
    return centres[label] + rng.standard_normal((count, centres.shape[1])), label


def log_density(centres: np.ndarray, places: np.ndarray) -> np.ndarray:
    squares = ((places[:, None] - centres) ** 2).sum(2)
    least = squares.min(1)
    return np.log(np.exp(-0.5 * (squares - least[:, None])).sum(1)) - 0.5 * least


MIXTURES = ((2, 3), (4, 5), (8, 3), (8, 10), (16, 3), (16, 10), (64, 10), (16, 1))
"""Dimensions and clusters; the last is one Gaussian, without holes."""


@pytest.mark.parametrize("bent", [False, True], ids=["plain", "bent"])
@pytest.mark.parametrize(("dim", "count"), MIXTURES)
def test_holes_between_clusters_are_found_whatever_the_axes(dim, count, bent):
    centres = centres_of(dim, count)
    (reference, _), (calibration, _), (fitting, _), (new, label) = (drawn_around(centres, 2500, s) for s in range(4))
    rng = np.random.default_rng(9)
    places = {
        "white": fitting.mean(0) + rng.standard_normal((2500, dim)) @ fit_frame(fitting).from_white,
        "middles": middles_of(new, label),
    }
    limit = np.quantile(log_density(centres, calibration), ALPHA)
    turns = [np.linalg.qr(rng.standard_normal((dim, dim)))[0] for _ in range(2)]
    bend = turns[0] * np.geomspace(1, 30, dim) @ turns[1] if bent else np.eye(dim)
    fitted = fit_vacancy(reference @ bend, calibration @ bend)
    assert abs((fitted.p_value(new @ bend) <= ALPHA).mean() - ALPHA) < sampling_error(2500, 2500)
    for name, each in places.items():
        if len(each):
            truth, found = (log_density(centres, each) <= limit).mean(), (fitted.p_value(each @ bend) <= ALPHA).mean()
            close = 0.06 if name == "white" or dim < 64 else 0.1  # in 64 dimensions a middle is nearer to both
            assert found == pytest.approx(truth, abs=close), name


def test_two_dead_axes_of_eight_make_no_holes():
    codes = gaussian(8000, 8, 0) * np.array([1, 1, 1, 0, 1, 1, 0, 1], dtype=np.float32) + np.float32(0.3)
    fitted = fit_vacancy(codes[:2500], codes[2500:5000])
    assert fitted.white.rank == 6
    draws = sample_white(fitted.white, 2500, np.random.default_rng(1))
    assert abs(vacancy(fitted.p_value(draws)).value - ALPHA) < sampling_error(2500, 2500)
    off = draws[:50] + np.array([0, 0, 0, 1e-3, 0, 0, 0, 0], dtype=np.float32)
    assert (fitted.p_value(off) <= ALPHA).all(), "off the span is a hole by definition"


def line(count: int, seed: int) -> np.ndarray:
    return (gaussian(count, 1, seed) * np.arange(1, 6) + 2).astype(np.float32)


def heavy(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_t(1.5, (count, 2))


def two_scales(count: int, seed: int) -> np.ndarray:
    codes = np.random.default_rng(seed).standard_normal((count, 8))
    codes[::2] = 0.1 * codes[::2] + 5
    return codes


def copies(count: int, seed: int) -> np.ndarray:
    return gaussian(200, 3, 99)[np.random.default_rng(seed).integers(200, size=count)]


KINDS = {
    "line in five dimensions": (line, 2500, (0.0, 0.10)),
    "ring": (ring, 2500, (0.7, 0.95)),
    "heavy tails": (heavy, 2500, (0.4, 0.6)),  # 0.50 of the white law lies where the true density is a hole
    "two scales": (two_scales, 2500, (0.65, 0.85)),  # 0.79: one scale of distance serves both clusters
    "copies": (copies, 2500, None),
    "one dimension": (lambda count, seed: gaussian(count, 1, seed), 2500, (0.03, 0.07)),
    "fewer codes than dimensions": (lambda count, seed: gaussian(count, 512, seed), 400, None),
    "forty codes": (lambda count, seed: gaussian(count, 16, seed), 40, None),
    "very small": (lambda count, seed: gaussian(count, 3, seed) * np.float32(1e-9), 2500, (0.03, 0.07)),
    "very large": (lambda count, seed: gaussian(count, 3, seed) * np.float32(1e6), 2500, (0.03, 0.07)),
}
"""Codes, how many, and between which the vacancy of the white law lies; None where it is not asked."""


@pytest.mark.parametrize("kind", KINDS)
def test_the_null_holds_and_the_white_law_is_judged_for_every_shape_of_codes(kind):
    codes, count, expected = KINDS[kind]
    fitted = fit_vacancy(codes(count, 0), codes(count, 1))
    new = fitted.p_value(codes(2000, 2))
    assert np.isfinite(new).all() and new.min() > 0 and new.max() <= 1
    rate = (new <= ALPHA).mean()
    if kind == "copies":
        assert rate <= ALPHA + sampling_error(2000, count), "equal scores can only make it cautious"
    else:
        assert abs(rate - ALPHA) < sampling_error(2000, count) + 1 / count
    if expected is not None:
        draws = sample_white(fit_frame(codes(count, 3)), 2000, np.random.default_rng(4))
        assert expected[0] <= (fitted.p_value(draws) <= ALPHA).mean() <= expected[1]


def test_codes_that_are_all_alike_have_one_place_and_all_else_is_a_hole():
    same = np.full((1200, 3), 0.1, dtype=np.float32)
    fitted = fit_vacancy(same, same)
    assert fitted.white.rank == 0
    np.testing.assert_array_equal(fitted.p_value(same[:5]), 1)
    assert fitted.p_value(same[:1] + np.float32(0.01))[0] == 1 / 1201


@pytest.mark.parametrize("coder", [linear_coder(3, log_variance=None), linear_coder(3)], ids=["ae", "vae"])
def test_vacancy_is_calibrated_for_every_kind_of_posterior(coder):
    rng = np.random.default_rng(5)
    posterior = coder.encode(coder.sample_images(6000, rng))
    codes = posterior.sample(rng)
    fitted = fit_vacancy(codes[:2000], codes[2000:4000])
    assert abs((fitted.p_value(codes[4000:]) <= ALPHA).mean() - ALPHA) < sampling_error(2000, 2000)


def test_a_mixture_of_flat_codes_is_sampled_although_it_was_stored_in_half_the_digits():
    flat = gaussian(600, 8, 0) @ np.random.default_rng(1).standard_normal((8, 16)).astype(np.float32)
    mixture = fit_gmm(flat, seed=0)
    stored = dataclasses.replace(mixture, covariances=definite(mixture.covariances.astype(np.float32)))
    drawn = stored.sample(2000, np.random.default_rng(2))
    assert np.isfinite(drawn).all() and np.isfinite(stored.log_density(drawn)).all()
    np.testing.assert_allclose(drawn.std(0), flat.std(0), rtol=0.1)
    sound = np.stack([np.eye(3), np.diag([1.0, 2, 3])]).astype(np.float32)
    np.testing.assert_array_equal(definite(sound), sound)


def test_a_part_of_the_codes_comes_from_everywhere():
    codes = np.arange(5000, dtype=np.float32)[:, None]
    part = some_of(codes, 400)[:, 0]
    assert len(part) == 400 and np.all(np.diff(part) > 0)
    assert np.histogram(part, 10, (0, 5000))[0].min() > 20
    np.testing.assert_array_equal(part, some_of(codes, 400)[:, 0])
    assert some_of(codes, 5000) is codes


def test_vacancy_refuses_too_few_codes():
    with pytest.raises(ShapeError, match="5 nearest of 4"):
        fit_vacancy(gaussian(4, 2, 0), gaussian(10, 2, 1))
    with pytest.raises(ShapeError, match="one calibration code"):
        fit_vacancy(gaussian(40, 2, 0), np.zeros((0, 2)))


class DrowsyCoder(LinearCoder):
    """Encodes every image to twice its latent along the first axis."""

    def encode(self, images: Images) -> Posterior:
        return Posterior(super().encode(images).mean * np.array([2, 1], dtype=np.float32))


def test_a_round_trip_that_comes_back_has_no_error():
    coder = linear_coder(2, log_variance=None)
    codes = gaussian(3000, 2, 0)
    assert round_trip_error(coder, fit_frame(codes), codes).max() < 1e-4


def test_a_round_trip_is_measured_in_standard_deviations_of_the_active_axes():
    coder = DrowsyCoder(linear_coder(2).matrix, (1, 8, 8))
    frame = fit_frame(gaussian(5000, 2, 0) * [4, 1])
    latents = np.array([[8.0, 0.5], [0.0, 3.0]], dtype=np.float32)
    both = round_trip_error(coder, frame, latents)
    np.testing.assert_allclose(both, [8 / frame.deviations[0] / np.sqrt(2), 0], atol=1e-4)
    first = round_trip_error(coder, frame, latents, np.array([True, False]))
    np.testing.assert_allclose(first, [8 / frame.deviations[0], 0], atol=1e-4)
    np.testing.assert_allclose(round_trip_error(coder, frame, latents, np.zeros(2, dtype=bool)), both)


def test_round_trip_p_values_are_calibrated():
    coder = DrowsyCoder(linear_coder(2).matrix, (1, 8, 8))
    codes = gaussian(4000, 2, 0)
    fitted = fit_round_trip(coder, fit_frame(codes), codes[:2000])
    assert abs((fitted.p_value(codes[2000:]) <= ALPHA).mean() - ALPHA) < sampling_error(2000, 2000)
    assert fitted.p_value(np.array([[9.0, 0]], dtype=np.float32))[0] == 1 / 2001


def test_a_mixture_draws_what_its_density_says():
    mixture = GaussianMixture(
        np.array([0.25, 0.75]), np.array([[-5.0, 0], [5, 0]]), np.array([np.eye(2), [[2.0, 0.8], [0.8, 1]]])
    )
    draws = mixture.sample(20_000, np.random.default_rng(0))
    right = draws[draws[:, 0] > 0]
    np.testing.assert_allclose(len(right) / 20_000, 0.75, atol=0.01)
    np.testing.assert_allclose(np.cov(right, rowvar=False), mixture.covariances[1], atol=0.08)
    ticks = np.linspace(-12, 12, 241)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    np.testing.assert_allclose(np.exp(mixture.log_density(grid)).sum() * 0.1**2, 1, atol=1e-4)
    single = GaussianMixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
    np.testing.assert_allclose(single.log_density(np.zeros((1, 2))), -np.log(2 * np.pi))


def test_a_fitted_mixture_mends_the_ring():
    fitted = fit_vacancy(ring(3000, 0), ring(2000, 1))
    mixture = fit_gmm(ring(3000, 0), 10, seed=0)
    np.testing.assert_allclose(mixture.weights.sum(), 1)
    repaired = vacancy(fitted.p_value(mixture.sample(2000, np.random.default_rng(0))))
    broken = vacancy(fitted.p_value(sample_white(fitted.white, 2000, np.random.default_rng(0))))
    assert repaired.value < 0.4 * broken.value


def test_a_mixture_fits_a_handful_of_codes():
    assert len(fit_gmm(gaussian(25, 2, 0), 10).weights) == 2


def test_the_white_law_has_the_codes_moments():
    frame = fit_frame(gaussian(5000, 3, 0) @ np.array([[2, 1, 0], [0, 1, 0], [0, 0, 5.0]]) + 4)
    draws = sample_white(frame, 40_000, np.random.default_rng(1))
    np.testing.assert_allclose(draws.mean(0), frame.mean, atol=0.1)
    np.testing.assert_allclose(np.cov(draws, rowvar=False), frame.covariance, atol=0.6)


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), dim=st.integers(2, 10))
def test_distances_to_codes_decompose_in_the_plane_of_the_local_frame(seed, dim):
    rng = np.random.default_rng(seed)
    fitted = fit_vacancy(rng.standard_normal((200, dim)) * rng.uniform(0.5, 3, dim) + 2, rng.standard_normal((30, dim)))
    plane = anchored_plane(fitted.frame, rng.standard_normal((3, dim)).astype(np.float32))
    codes, (a, b) = rng.standard_normal((20, dim)), rng.uniform(-2, 2, (2, 20))
    inside = ((plane.coordinates(fitted.frame, codes) - np.stack([a, b], axis=1)) ** 2).sum(1)
    points = plane.center_u + a[:, None] * plane.first + b[:, None] * plane.second
    squares = ((points - fitted.frame.whiten(codes)) ** 2).sum(1)
    np.testing.assert_allclose(inside + plane.distance(fitted.frame, codes) ** 2, squares, rtol=1e-9)


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), dim=st.integers(2, 10))
def test_a_plane_knows_the_coordinates_of_its_own_points(seed, dim):
    rng = np.random.default_rng(seed)
    frame = fit_frame(rng.standard_normal((200, dim)) * rng.uniform(0.5, 3, dim) + 2)
    plane = anchored_plane(frame, rng.standard_normal((3, dim)).astype(np.float32))
    a, b = rng.uniform(-3, 3, (2, 20))
    points = plane.latents(frame, a, b)
    np.testing.assert_allclose(plane.coordinates(frame, points), np.stack([a, b], axis=1), atol=1e-4)
    np.testing.assert_allclose(plane.distance(frame, points), 0, atol=1e-4)


def test_an_anchored_plane_holds_its_anchors_and_is_centred_below_the_origin():
    rng = np.random.default_rng(0)
    frame = fit_frame(rng.standard_normal((500, 16)) * 3 + 1)
    anchors = frame.unwhiten(rng.standard_normal((3, 16)) * 1.3)
    plane = anchored_plane(frame, anchors)
    np.testing.assert_allclose(plane.distance(frame, anchors), 0, atol=1e-4)
    furthest = np.abs(plane.coordinates(frame, anchors)).max()
    assert furthest < plane.extent < 2 * furthest
    np.testing.assert_allclose([plane.center_u @ plane.first, plane.center_u @ plane.second], 0, atol=1e-9)
    elsewhere = frame.unwhiten(rng.standard_normal((20, 16)))
    u, ab = frame.whiten(elsewhere), plane.coordinates(frame, elsewhere)
    foot = plane.center_u + ab[:, :1] * plane.first + ab[:, 1:] * plane.second
    np.testing.assert_allclose(plane.distance(frame, elsewhere), np.linalg.norm(u - foot, axis=1), atol=1e-9)


def test_the_plane_of_a_two_dimensional_model_is_the_whole_space():
    frame = fit_frame(gaussian(500, 2, 0) @ np.array([[3, 1], [0, 0.2]]))
    plane = axis_plane(frame, gaussian(2000, 2, 2) @ np.array([[3, 1], [0, 0.2]]))
    assert 2.5 < plane.extent < 4, "as wide as nearly all codes"
    np.testing.assert_allclose(plane.distance(frame, gaussian(50, 2, 1)), 0, atol=1e-9)
    np.testing.assert_allclose(plane.latents(frame, 0, 0), frame.mean[None], atol=1e-6)


def test_a_spanned_plane_runs_along_its_directions():
    frame = fit_frame(gaussian(500, 5, 0) * [1, 2, 3, 4, 5])
    origin, first, second = gaussian(3, 5, 1)
    plane = spanned_plane(frame, origin, first, second, gaussian(500, 5, 2))
    assert np.quantile(np.abs(plane.coordinates(frame, gaussian(500, 5, 2))).max(1), 0.98) < plane.extent
    np.testing.assert_allclose(plane.distance(frame, np.stack([origin + first, origin - 2 * second])), 0, atol=1e-5)
    assert plane.coordinates(frame, (origin + first)[None])[0, 1] == pytest.approx(0, abs=1e-5)


def test_a_lattice_runs_along_each_row_first():
    plane = Plane(np.zeros(2), np.array([1.0, 0]), np.array([0, 1.0]), 2.0)
    a, b = plane.lattice(3)
    np.testing.assert_allclose(a[:4], [-2, 0, 2, -2])
    np.testing.assert_allclose(b[:4], [-2, -2, -2, 0])


def test_planes_refuse_what_spans_none():
    frame = fit_frame(gaussian(50, 3, 0))
    line = np.array([[0, 0, 0], [1, 1, 1], [2, 2, 2]], dtype=np.float32)
    for anchors in (line, np.zeros((3, 3), dtype=np.float32)):
        with pytest.raises(ShapeError, match="one line"):
            anchored_plane(frame, anchors)
    with pytest.raises(ShapeError, match="three anchors"):
        anchored_plane(frame, line[:2])
    with pytest.raises(ShapeError, match="two latent dimensions"):
        axis_plane(fit_frame(gaussian(50, 1, 0)), gaussian(50, 1, 0))
