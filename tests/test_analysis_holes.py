import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from explorer.analysis.scores import midpoints, vacancy
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
    white = vacancy(fitted.p_value(sample_white(fitted.frame, 2000, np.random.default_rng(3))))
    assert white.value > 0.5


def test_midpoints_between_two_far_clusters_are_holes():
    (reference, _), (calibration, _), (codes, label) = (clusters(2000, seed) for seed in range(3))
    fitted = fit_vacancy(reference, calibration)
    across = vacancy(fitted.p_value(midpoints(codes, 1000, np.random.default_rng(0), label)))
    anyhow = vacancy(fitted.p_value(midpoints(codes, 2000, np.random.default_rng(0))))
    assert across.value > 0.99
    assert 0.4 < anyhow.value < 0.6, "half of all pairs lie in one cluster"


@pytest.mark.parametrize(("shift", "scale"), [(6.0, 1.0), (0.0, 8.0), (0.0, 0.2)])
def test_a_moved_gaussian_is_full_of_holes_under_raw_and_has_none_under_white(shift, scale):
    fitted = fit_vacancy(gaussian(4000, 4, 0) * scale + shift, gaussian(3000, 4, 1) * scale + shift)
    rng = np.random.default_rng(2)
    white = vacancy(fitted.p_value(sample_white(fitted.frame, 3000, rng)))
    raw = vacancy(fitted.p_value(sample_raw(3000, 4, rng)))
    assert abs(white.value - ALPHA) < sampling_error(3000, 3000)
    if scale == 8.0:
        assert raw.value < 0.01, "raw hides inside a wide space: luck, which is why the law is always named"
    else:
        assert raw.value > 0.9


def test_rotating_and_scaling_codes_and_draws_alike_changes_no_white_score():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((4, 4)))[0] * [0.1, 1, 5, 30]
    skew = rng.standard_normal((4, 4))
    reference, calibration = (gaussian(n, 4, seed).astype(np.float64) ** 3 @ skew for n, seed in ((2000, 1), (1000, 2)))
    plain, turned = fit_vacancy(reference, calibration), fit_vacancy(reference @ turn, calibration @ turn)
    draws = plain.frame.mean + gaussian(1000, 4, 3) @ plain.frame.from_white
    np.testing.assert_allclose(plain.score(draws), turned.score(draws @ turn), rtol=1e-9)
    np.testing.assert_array_equal(plain.p_value(draws), turned.p_value(draws @ turn))


@pytest.mark.parametrize("seed", range(4))
def test_new_codes_fall_in_holes_at_rate_alpha_whatever_their_shape(seed):
    rng = np.random.default_rng(seed)
    skew = rng.standard_normal((3, 3))
    pool = rng.standard_t(3, (7000, 3)) @ skew + (rng.random((7000, 1)) < 0.3) * 20
    fitted = fit_vacancy(pool[:3000], pool[3000:5000])
    assert abs((fitted.p_value(pool[5000:]) <= ALPHA).mean() - ALPHA) < sampling_error(2000, 2000)


def test_vacancy_agrees_with_brute_force():
    reference, calibration, draws = gaussian(1500, 6, 0) * 3, gaussian(400, 6, 1) * 3, gaussian(400, 6, 2) * 4
    fitted = fit_vacancy(reference, calibration)
    exact = np.asarray(reference, np.float64)
    mean, covariance = exact.mean(0), np.cov(exact, rowvar=False)
    values, vectors = np.linalg.eigh(covariance)
    white = vectors @ np.diag(values**-0.5) @ vectors.T

    def score(latents: np.ndarray) -> np.ndarray:
        offsets = (latents.astype(np.float64)[:, None] - exact[None]) @ white
        return np.sort(np.linalg.norm(offsets, axis=2), axis=1)[:, 4]

    np.testing.assert_allclose(fitted.frame.mean, mean)
    np.testing.assert_allclose(fitted.score(draws), score(draws), atol=1e-6)
    ours = score(calibration)
    p = [(1 + (ours >= s).sum()) / 401 for s in score(draws)]
    np.testing.assert_allclose(fitted.p_value(draws), p, atol=1e-6)


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
    broken = vacancy(fitted.p_value(sample_white(fitted.frame, 2000, np.random.default_rng(0))))
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
    assert np.abs(plane.coordinates(frame, anchors)).max() < plane.extent
    assert plane.extent >= 3
    np.testing.assert_allclose([plane.center_u @ plane.first, plane.center_u @ plane.second], 0, atol=1e-9)
    elsewhere = frame.unwhiten(rng.standard_normal((20, 16)))
    u, ab = frame.whiten(elsewhere), plane.coordinates(frame, elsewhere)
    foot = plane.center_u + ab[:, :1] * plane.first + ab[:, 1:] * plane.second
    np.testing.assert_allclose(plane.distance(frame, elsewhere), np.linalg.norm(u - foot, axis=1), atol=1e-9)


def test_the_plane_of_a_two_dimensional_model_is_the_whole_space():
    frame = fit_frame(gaussian(500, 2, 0) @ np.array([[3, 1], [0, 0.2]]))
    plane = axis_plane(frame)
    np.testing.assert_allclose(plane.distance(frame, gaussian(50, 2, 1)), 0, atol=1e-9)
    np.testing.assert_allclose(plane.latents(frame, 0, 0), frame.mean[None], atol=1e-6)


def test_a_spanned_plane_runs_along_its_directions():
    frame = fit_frame(gaussian(500, 5, 0) * [1, 2, 3, 4, 5])
    origin, first, second = gaussian(3, 5, 1)
    plane = spanned_plane(frame, origin, first, second)
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
        axis_plane(fit_frame(gaussian(50, 1, 0)))
