import numpy as np
import pytest

from explorer.analysis.bounds import elbo, importance_weighted_bound, posterior_log_density
from explorer.arrays import Posterior
from tests.fakes import linear_coder


def test_with_the_exact_posterior_both_bounds_are_the_evidence():
    coder = linear_coder(3, sigma=0.3)
    images = coder.sample_images(20, np.random.default_rng(0))
    posterior = coder.exact_posterior(images)
    evidence = coder.evidence(images)
    bound = importance_weighted_bound(coder, images, posterior, 1, np.random.default_rng(1))
    np.testing.assert_allclose(bound, evidence, atol=1e-3)
    averaged = elbo(coder, images, posterior, 4000, np.random.default_rng(1))
    np.testing.assert_allclose(averaged, evidence, atol=0.15)


def test_the_importance_weighted_bound_grows_with_k_towards_the_evidence():
    coder = linear_coder(2, sigma=0.5)
    images = coder.sample_images(400, np.random.default_rng(0))
    exact = coder.exact_posterior(images)
    assert exact.log_variance is not None
    wide = Posterior(exact.mean + np.float32(0.05), exact.log_variance + np.float32(1.2))
    evidence = coder.evidence(images).mean()
    bounds = [
        importance_weighted_bound(coder, images, wide, k, np.random.default_rng(k)).mean() for k in (1, 4, 16, 64, 512)
    ]
    assert bounds == sorted(bounds)
    assert bounds[0] < evidence - 0.3
    assert bounds[-1] == pytest.approx(evidence, abs=0.02)
    lower = elbo(coder, images, wide, 64, np.random.default_rng(0)).mean()
    assert lower == pytest.approx(bounds[0], abs=0.2), "with one sample the bound is the ELBO in expectation"
    gap = 0.5 * (np.exp(1.2) - 1 - 1.2) * 2 + 0.5 * (0.05**2 / np.exp(exact.log_variance[0])).sum()
    assert evidence - lower == pytest.approx(gap, abs=0.1), "the ELBO's gap is KL(q || exact posterior)"


def test_bounds_do_not_depend_on_how_the_work_is_cut(monkeypatch):
    coder = linear_coder(2, sigma=0.3)
    images = coder.sample_images(7, np.random.default_rng(0))
    posterior = coder.encode(images)

    def bounds() -> list[np.ndarray]:
        return [
            bound(coder, images, posterior, 5, np.random.default_rng(0)) for bound in (elbo, importance_weighted_bound)
        ]

    at_once = bounds()
    monkeypatch.setattr("explorer.analysis.bounds.BATCH", 14)  # two draws of the seven images at once
    np.testing.assert_allclose(bounds(), at_once)


def test_never_more_than_one_batch_is_priced_at_once(monkeypatch):
    coder = linear_coder(2)
    sizes = []

    class Counting:
        def distortion(self, images, latents):
            sizes.append(len(images))
            return coder.distortion(images, latents)

    monkeypatch.setattr("explorer.analysis.bounds.BATCH", 10)
    images = coder.sample_images(23, np.random.default_rng(0))
    bound = importance_weighted_bound(Counting(), images, coder.encode(images), 50, np.random.default_rng(0))  # pyright: ignore[reportArgumentType]
    assert np.isfinite(bound).all()
    assert sum(sizes) == 23 * 50
    assert max(sizes) <= 10


def test_the_density_of_a_posterior_is_that_of_its_gaussian():
    posterior = Posterior(np.array([[1.0, 0]], dtype=np.float32), np.log(np.array([[4.0, 1]], dtype=np.float32)))
    found = posterior_log_density(posterior, np.array([[[1, 0]], [[3, 0]]], dtype=np.float32))
    np.testing.assert_allclose(found[:, 0], -np.log(2 * np.pi * 2) - np.array([0, 0.5]), rtol=1e-6)


@pytest.mark.parametrize("bound", [elbo, importance_weighted_bound])
def test_an_autoencoder_has_no_bound(bound):
    coder = linear_coder(2, log_variance=None)
    images = coder.sample_images(3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="an autoencoder's is a point"):
        bound(coder, images, coder.encode(images), 5, np.random.default_rng(0))
    with pytest.raises(ValueError, match="do not fit"):
        bound(coder, images, linear_coder(2).encode(images), 0, np.random.default_rng(0))
