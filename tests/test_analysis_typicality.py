"""Is an image typical? The least of three p-values keeps its rate, and each sees what the others cannot."""

import numpy as np
import pytest

from explorer.analysis.holes import ALPHA, fit_vacancy
from explorer.analysis.typicality import Typicality, fit_typicality
from explorer.errors import ShapeError


def images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Costs (N,), posterior means (N, 3) and features (N, 4) of images of the data set; cost and code go together."""
    rng = np.random.default_rng(seed)
    means = rng.standard_normal((count, 3)).astype(np.float32)
    return 50 + 5 * (means**2).sum(1) + 2 * rng.standard_normal(count), means, rng.standard_normal((count, 4))


@pytest.fixture(scope="module")
def fitted() -> Typicality:
    (_, reference, real), (costs, means, features) = images(1500, 0), images(1500, 1)
    return fit_typicality(fit_vacancy(reference, means), costs, means, features, real)


def test_new_images_are_called_odd_at_rate_alpha(fitted):
    verdict = fitted.judge(*images(3000, 2))
    slack = 3 * np.sqrt(ALPHA * (1 - ALPHA) * (1 / 3000 + 1 / 1500))
    for p in (verdict.cost, verdict.code, verdict.features, verdict.together):
        assert abs((p <= ALPHA).mean() - ALPHA) < slack
    least = np.min([verdict.cost, verdict.code, verdict.features], axis=0)
    assert (least <= ALPHA).mean() > 0.09, "uncorrected, the least of three would be odd twice as often"


def test_each_of_the_three_is_enough_to_be_odd(fitted):
    costs, means, features = images(50, 3)
    for k, odd in enumerate((costs + 500, means + 30, features + 30)):
        given = [costs, means, features]
        given[k] = odd
        verdict = fitted.judge(*given)
        assert (verdict.together <= ALPHA).all()
        assert ([verdict.cost, verdict.code, verdict.features][k] <= ALPHA).all()


def test_an_image_that_costs_less_than_any_is_odd(fitted):
    costs, means, features = images(50, 6)
    verdict = fitted.judge(np.full(len(costs), fitted.costs[0] - 1), means, features)
    assert (verdict.together <= ALPHA).all(), "a blank page is cheap and no flower"
    assert (verdict.cost == 1).all(), "every new image costs as much or more"


def test_without_a_feature_space_two_are_judged():
    (_, reference, _), (costs, means, _), (new, codes, _) = images(1200, 0), images(1200, 1), images(2000, 2)
    plain = fit_typicality(fit_vacancy(reference, means), costs, means)
    verdict = plain.judge(new, codes)
    assert verdict.features is None
    assert abs((verdict.together <= ALPHA).mean() - ALPHA) < 3 * np.sqrt(ALPHA * (1 - ALPHA) * (1 / 2000 + 1 / 1200))


def test_an_image_has_the_same_verdict_alone_and_in_a_batch(fitted):
    costs, means, features = images(30, 4)
    whole = fitted.judge(costs, means, features).together
    alone = [fitted.judge(costs[k : k + 1], means[k : k + 1], features[k : k + 1]).together[0] for k in range(30)]
    np.testing.assert_array_equal(alone, whole)


def test_what_does_not_go_together_is_refused(fitted):
    costs, means, features = images(5, 5)
    with pytest.raises(ShapeError, match="features"):
        fitted.judge(costs, means)
    with pytest.raises(ShapeError, match="same images"):
        fit_typicality(fitted.codes, costs[:4], means, features, features)
