import numpy as np
import pytest

from explorer.analysis.densities import KernelDensity, PosteriorMixture, aggregate_density, fit_kernel_density
from explorer.analysis.frames import fit_frame
from explorer.analysis.holes import ALPHA
from explorer.analysis.laws import GaussianMixture, raw_log_density, sample_raw
from explorer.analysis.maps import cliff, density_ratio, entropy, fit_density_ratio, fit_validity, hole_share
from explorer.arrays import Images, Posterior
from explorer.errors import ShapeError
from tests.fakes import LinearCoder, linear_coder


def gaussian(count: int, dim: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


def ring(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    angle, radius = rng.uniform(0, 2 * np.pi, count), 5 + 0.2 * rng.standard_normal(count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype(np.float32)


def flat(images: Images) -> np.ndarray:
    return images.reshape(len(images), -1)


def test_a_mixture_of_posteriors_is_the_mean_of_their_densities():
    rng = np.random.default_rng(0)
    posterior = Posterior(gaussian(700, 3, 0) * 2, rng.uniform(-9, 1, (700, 3)).astype(np.float32))
    assert posterior.log_variance is not None
    points = np.concatenate([posterior.sample(rng)[:20], 3 * gaussian(20, 3, 1)]).astype(np.float64)
    variance = np.exp(posterior.log_variance.astype(np.float64))
    terms = -0.5 * ((points[:, None] - posterior.mean) ** 2 / variance + np.log(2 * np.pi * variance)).sum(2)
    top = terms.max(1, keepdims=True)
    expected = top[:, 0] + np.log(np.exp(terms - top).mean(1))
    np.testing.assert_allclose(PosteriorMixture(posterior).log_density(points), expected, atol=1e-6)
    with pytest.raises(ValueError, match="have no density"):
        PosteriorMixture(Posterior(posterior.mean)).log_density(points)


@pytest.mark.parametrize("scale", [1.0, 20.0])
def test_a_kernel_density_finds_the_density_of_a_gaussian_at_any_scale(scale):
    codes = gaussian(4000, 2, 0) * scale
    fitted = fit_kernel_density(codes, fit_frame(codes), np.random.default_rng(0))
    points = gaussian(200, 2, 1) * scale
    exact = raw_log_density(points / scale) - 2 * np.log(scale)
    assert abs((fitted.log_density(points) - exact).mean()) < 0.05
    assert 0.1 < fitted.bandwidth < 0.6
    ticks = np.linspace(-6, 6, 121) * scale
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    assert np.exp(fitted.log_density(grid)).sum() * (0.1 * scale) ** 2 == pytest.approx(1, abs=1e-3)


def test_a_kernel_density_takes_a_narrower_bandwidth_where_codes_lie_on_a_line():
    codes = ring(2000, 0)
    on_ring = fit_kernel_density(codes, fit_frame(codes), np.random.default_rng(0))
    assert on_ring.bandwidth < 0.12
    with pytest.raises(ShapeError, match="five codes"):
        fit_kernel_density(codes[:4], fit_frame(codes), np.random.default_rng(0))


def test_the_aggregate_density_is_exact_for_a_vae_and_of_kernels_for_an_autoencoder():
    posterior = Posterior(gaussian(100, 2, 0), np.zeros((100, 2), dtype=np.float32))
    frame = fit_frame(posterior.mean)
    rng = np.random.default_rng(0)
    assert isinstance(aggregate_density(posterior, posterior.mean, frame, rng), PosteriorMixture)
    assert isinstance(aggregate_density(Posterior(posterior.mean), posterior.mean, frame, rng), KernelDensity)


def test_the_density_ratio_is_zero_where_law_and_aggregate_agree():
    posterior = Posterior(np.zeros((1, 2), dtype=np.float32), np.zeros((1, 2), dtype=np.float32))
    points = gaussian(50, 2, 0)
    np.testing.assert_allclose(density_ratio(raw_log_density, PosteriorMixture(posterior), points), 0, atol=1e-9)
    mixture = GaussianMixture(np.ones(1), np.zeros((1, 2)), 4 * np.eye(2)[None])
    expected = -np.log(4) + 0.375 * (points.astype(float) ** 2).sum(1)
    found = density_ratio(mixture.log_density, PosteriorMixture(posterior), points)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_centre_of_a_ring_is_a_hole_by_density_ratio_and_by_validity():
    reference, calibration = ring(2000, 0), ring(1000, 1)
    frame = fit_frame(reference)
    aggregate = fit_kernel_density(reference, frame, np.random.default_rng(0))
    centre, fresh = np.zeros((1, 2), dtype=np.float32), ring(1500, 2)
    coder = linear_coder(2, scale=1.0)
    scores = [
        fit_density_ratio(frame.log_density, aggregate, calibration),
        fit_validity(coder, flat, flat(coder.decode(reference)), calibration),
    ]
    bound = 3 * np.sqrt(ALPHA * (1 - ALPHA) * (1 / 1000 + 1 / 1500))
    for score in scores:
        assert score.p_value(centre)[0] == 1 / 1001
        assert abs((score.p_value(fresh) <= ALPHA).mean() - ALPHA) < bound


def test_validity_is_the_distance_to_the_nearest_real_image():
    coder = linear_coder(2)
    score = fit_validity(coder, flat, flat(coder.decode(np.zeros((1, 2), dtype=np.float32))), gaussian(20, 2, 0))
    latents = gaussian(1500, 2, 1)
    expected = np.linalg.norm(latents @ coder.matrix.T, axis=1)
    np.testing.assert_allclose(score.score(latents), expected, rtol=1e-4)


def test_the_cliff_of_a_linear_decoder_is_its_volume_everywhere():
    rng = np.random.default_rng(0)
    coder = LinearCoder(rng.standard_normal((64, 2)), (1, 8, 8))
    ticks_a, ticks_b = np.linspace(-2, 2, 9), np.linspace(-1, 1, 5)
    b, a = np.meshgrid(ticks_b, ticks_a, indexing="ij")
    images = coder.decode(np.stack([a.ravel(), b.ravel()], axis=1).astype(np.float32))
    expected = 0.5 * np.linalg.slogdet(coder.matrix.T @ coder.matrix)[1]
    np.testing.assert_allclose(cliff(images, 5, 0.5), expected, atol=1e-3)


def test_a_cliff_stands_where_the_image_changes():
    b, a = np.meshgrid(np.linspace(-2, 2, 21), np.linspace(-2, 2, 21), indexing="ij")
    images = np.stack([np.tanh(8 * a), 0.1 * b], axis=-1).reshape(-1, 1, 1, 2).astype(np.float32)
    sheet = cliff(images, 21, 0.2).reshape(21, 21)
    assert (sheet.argmax(1) == 10).all()
    assert np.isfinite(cliff(np.zeros((9, 1, 2, 2), np.float32), 3, 1)).all()


@pytest.mark.parametrize(("count", "rows"), [(9, 1), (10, 3), (3, 3), (0, 0)])
def test_a_cliff_needs_a_lattice(count, rows):
    with pytest.raises(ShapeError, match="full lattice"):
        cliff(np.zeros((count, 1, 2, 2), np.float32), rows, 0.1)


def test_entropy_is_zero_when_sure_and_log_of_the_classes_at_worst():
    probabilities = np.array([[1, 0, 0, 0], [0.25] * 4, [0.5, 0.5, 0, 0]])
    np.testing.assert_allclose(entropy(probabilities), [0, np.log(4), np.log(2)])


def test_the_hole_share_of_a_plane_weighs_points_by_their_density():
    p = np.array([0.01, 0.5, 0.5, 0.5])
    assert hole_share(p) == 0.25
    assert hole_share(p, np.log([8.0, 1, 1, 6])) == pytest.approx(0.5)
    assert hole_share(p, np.log([8.0, 1, 1, 6]) - 1e5) == pytest.approx(0.5)


def test_a_law_wider_than_the_codes_has_a_higher_density_ratio_outside():
    codes = gaussian(2000, 2, 0) * 0.3
    aggregate = fit_kernel_density(codes, fit_frame(codes), np.random.default_rng(0))
    draws = sample_raw(500, 2, np.random.default_rng(1))
    ratio = density_ratio(raw_log_density, aggregate, draws)
    lengths = np.linalg.norm(draws, axis=1)
    assert np.corrcoef(ratio, lengths)[0, 1] > 0.8
