import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from explorer.analysis.directions import (
    FEWEST,
    METHODS,
    attribute_directions,
    axis_directions,
    class_directions,
    contrast,
    cross_validated_separation,
    pca_directions,
    split_half_reliability,
)
from explorer.analysis.interpolation import interpolate, linear, path_positions, spherical
from explorer.arrays import Posterior
from explorer.errors import ShapeError

vectors = arrays(np.float32, 4, elements=st.floats(-10, 10, width=32))
long_vectors = vectors.filter(lambda v: np.linalg.norm(v) > 1e-2)


def skewed_codes(seed: int = 0, dim: int = 4, count: int = 500) -> np.ndarray:
    """Codes around 7 whose standard deviations lie between 0.5 and 5, along axes of their own."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.standard_normal((dim, dim)))
    return (rng.standard_normal((count, dim)) * rng.uniform(0.5, 5, dim) @ turn + 7).astype(np.float32)


@given(origin=vectors, coordinates=arrays(np.float64, 3, elements=st.floats(-3, 3)), which=st.integers(0, 3))
def test_a_walk_takes_the_coordinates_it_is_asked_for(origin, coordinates, which):
    direction = pca_directions(skewed_codes())[which]
    walk = direction.moved(np.repeat(origin[None], len(coordinates), axis=0), coordinates)
    np.testing.assert_allclose(direction.coordinate(walk), coordinates, atol=1e-3)


@given(origin=vectors, which=st.integers(0, 3))
def test_moving_along_one_component_leaves_the_others_alone(origin, which):
    directions = pca_directions(skewed_codes())
    moved = directions[which].moved(origin, 2.5)
    for j, direction in enumerate(directions):
        expected = 2.5 if j == which else direction.coordinate(origin)
        np.testing.assert_allclose(direction.coordinate(moved), expected, atol=2e-3)


@given(seed=st.integers(0, 1000))
def test_components_are_orthonormal_and_describe_the_codes(seed):
    codes = skewed_codes(seed)
    directions = pca_directions(codes)
    basis = np.stack([d.vector for d in directions])
    np.testing.assert_allclose(basis @ basis.T, np.eye(4), atol=1e-5)
    coordinates = np.stack([d.coordinate(codes) for d in directions], axis=1)
    np.testing.assert_allclose(coordinates.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(coordinates.std(0, ddof=1), 1, rtol=1e-2)
    assert [d.scale for d in directions] == sorted((d.scale for d in directions), reverse=True)
    assert all(d.vector[np.abs(d.vector).argmax()] > 0 for d in directions), "signs must not flip between calls"
    assert sum(float(d.note.split()[0]) for d in directions) == pytest.approx(100, abs=0.3)


def test_a_component_without_spread_can_still_be_walked():
    codes = np.stack([np.arange(10.0), np.zeros(10)], axis=1).astype(np.float32)
    flat = pca_directions(codes)[1]
    assert np.isfinite(flat.moved(codes, 3.0)).all()
    assert len(pca_directions(codes[:, :1])) == 1
    assert all(np.isfinite(d.scale) and d.scale > 0 for d in pca_directions(np.ones((5, 3), np.float32)))


def test_axes_of_a_vae_come_by_rate_and_span_three_prior_deviations():
    log_variance = np.zeros((50, 3), np.float32) + np.array([0, -4, -1], np.float32)
    directions = axis_directions(Posterior(np.zeros((50, 3), np.float32), log_variance))
    assert [d.name for d in directions] == ["axis 1", "axis 2", "axis 0"]
    assert [(d.low, d.high, d.scale, d.offset) for d in directions] == [(-3, 3, 1, 0)] * 3
    assert directions[0].note == "1.51 nats"
    np.testing.assert_array_equal(directions[0].vector, [0, 1, 0])


def test_axes_of_an_autoencoder_come_by_variance_and_span_the_codes():
    codes = np.random.default_rng(0).standard_normal((5000, 3)).astype(np.float32) * [1, 9, 0] + [0, 40, 2]
    directions = axis_directions(Posterior(codes.astype(np.float32)))
    assert [d.name for d in directions] == ["axis 1", "axis 0", "axis 2"]
    np.testing.assert_allclose([directions[0].low, directions[0].high], [40 - 20.9, 40 + 20.9], atol=1.5)
    assert directions[2].low < 2 < directions[2].high, "a dead axis keeps a slider"


def labelled_codes(count: int = 600) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(count) % 3
    codes = np.random.default_rng(0).standard_normal((count, 4)).astype(np.float32)
    codes[:, 0] += 8 * (labels == 1)
    return codes, labels


def test_a_class_direction_leads_from_the_others_to_the_class():
    codes, labels = labelled_codes()
    direction = class_directions(codes, labels, ["a", "b", "c"])[1]
    assert direction.name == "b"
    assert direction.vector[0] > 0.99
    assert direction.coordinate(codes[labels == 1].mean(0)) == pytest.approx(1, abs=1e-3)
    assert direction.coordinate(codes[labels != 1].mean(0)) == pytest.approx(-1, abs=1e-3)
    assert direction.note.startswith("reliability 1.00")


def test_classes_without_images_have_no_direction():
    codes, labels = labelled_codes()
    assert [d.name for d in class_directions(codes, labels, ["a", "b", "c", "d"])] == ["a", "b", "c"]
    assert class_directions(np.ones((8, 2), np.float32), np.arange(8) % 2, ["a", "b"]) == []


def test_attribute_directions_come_clearest_first():
    codes, labels = labelled_codes()
    noise = np.random.default_rng(1).integers(0, 2, len(codes))
    attributes = np.stack([noise, labels == 1, np.zeros_like(noise)], axis=1).astype(np.uint8)
    assert [d.name for d in attribute_directions(codes, attributes, ["noise", "true", "never"])] == ["true", "noise"]


def test_reliability_tells_a_property_from_noise():
    codes, labels = labelled_codes(2000)
    rng = np.random.default_rng(0)
    assert split_half_reliability(codes, labels == 1, rng) > 0.99
    noise = [split_half_reliability(codes, rng.random(2000) < 0.5, rng) for _ in range(20)]
    assert abs(np.mean(noise)) < 0.4


def parted_codes(count: int = 800) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes (N, 4), who has a first thing, and who has a second that mostly goes along with it.

    The first shifts axis 0, the second axis 1; axis 3 hardly varies.
    """
    rng = np.random.default_rng(3)
    first = rng.random(count) < 0.5
    second = np.where(rng.random(count) < 0.85, first, ~first)
    codes = rng.standard_normal((count, 4)) * [1, 1, 1, 1e-4]
    codes[:, 0] += 2 * first
    codes[:, 1] += 2 * second
    return codes.astype(np.float32), first, second


@pytest.mark.parametrize("method", METHODS)
def test_a_contrast_puts_both_means_at_one_and_counts_both_sides(method):
    codes, first, _ = parted_codes()
    found = contrast("first", "attribute", codes, first, method=method)
    assert (found.members, found.others) == (first.sum(), (~first).sum())
    assert np.linalg.norm(found.direction.vector) == pytest.approx(1, abs=1e-5)
    assert found.direction.coordinate(codes[first].mean(0)) == pytest.approx(1, abs=1e-3)
    assert found.direction.coordinate(codes[~first].mean(0)) == pytest.approx(-1, abs=1e-3)
    assert f"n {found.members:,} / {found.others:,}" in found.direction.note
    assert f"reliability {found.reliability:.2f}" in found.direction.note
    assert found.reliability > 0.9


def test_the_logistic_normal_takes_less_of_what_only_goes_along():
    codes, first, _ = parted_codes()
    means, logistic = (contrast("first", "attribute", codes, first, method=method) for method in METHODS)
    assert means.direction.vector[1] > 0.4, "the difference of means takes the second thing along"
    assert logistic.direction.vector[1] < 0.75 * means.direction.vector[1]
    assert abs(logistic.direction.vector[3]) < 0.05, "an axis that hardly varies must not take over"


@pytest.mark.parametrize("method", METHODS)
def test_what_is_projected_out_stands_still_along_the_walk(method):
    codes, first, second = parted_codes()
    other = contrast("second", "attribute", codes, second, method=method).direction
    found = contrast("first", "attribute", codes, first, method=method, without=7 * other.vector)
    assert abs(float(found.direction.vector @ other.vector)) < 1e-6
    walk = found.direction.moved(codes[:1].repeat(3, 0), np.array([-2.0, 0, 2]))
    np.testing.assert_allclose(other.coordinate(walk), other.coordinate(codes[0]), atol=1e-4)


@pytest.mark.parametrize("few", [0, 1, FEWEST - 1])
def test_a_contrast_of_too_few_images_is_refused_from_either_side(few):
    codes = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    member = np.arange(50) < few
    for side in (member, ~member):
        with pytest.raises(ShapeError, match=rf"'rare' has {side.sum()} images with it .* at least {FEWEST} of either"):
            contrast("rare", "class", codes, side)
    labels = member.astype(np.int64)
    assert class_directions(codes, labels, ["common", "rare"]) == []
    assert attribute_directions(codes, labels[:, None].astype(np.uint8), ["rare"]) == []
    enough = np.arange(50) < FEWEST
    assert contrast("enough", "class", codes, enough).members == FEWEST


def test_nothing_is_left_of_a_direction_that_is_projected_out_of_itself():
    codes, first, _ = parted_codes()
    own = contrast("first", "attribute", codes, first).direction.vector
    with pytest.raises(ShapeError, match="nothing is left of 'first'"):
        contrast("first", "attribute", codes, first, without=own)
    with pytest.raises(ShapeError, match="points nowhere"):
        contrast("first", "attribute", np.ones_like(codes), first)


def test_noise_is_called_noise_in_its_note():
    rng = np.random.default_rng(1)
    codes = rng.standard_normal((400, 16)).astype(np.float32)
    assert "mostly noise" in contrast("coin", "attribute", codes, rng.random(400) < 0.5).direction.note


@given(first=vectors, second=vectors, kind=st.sampled_from(["linear", "spherical"]))
def test_an_interpolation_begins_and_ends_at_its_ends(first, second, kind):
    walk = interpolate(first, second, np.array([0.0, 1.0]), kind).latents
    np.testing.assert_allclose(walk, [first, second], atol=2e-3)


@given(first=vectors, second=vectors, t=st.floats(-0.5, 1.5), kind=st.sampled_from(["linear", "spherical"]))
def test_an_interpolation_is_the_same_from_either_end(first, second, t, kind):
    there = interpolate(first, second, np.array([t]), kind).latents
    back = interpolate(second, first, np.array([1 - t]), kind).latents
    np.testing.assert_allclose(there, back, atol=2e-2, rtol=1e-3)


@given(first=long_vectors, second=long_vectors, t=st.floats(0, 1))
def test_an_arc_is_as_long_as_its_ends_make_it(first, second, t):
    walk = spherical(first, second, np.array([t]))
    if walk.kind == "spherical":
        expected = (1 - t) * np.linalg.norm(first) + t * np.linalg.norm(second)
        np.testing.assert_allclose(np.linalg.norm(walk.latents), expected, rtol=1e-3)


def test_an_arc_between_nearly_opposite_latents_is_not_flung_away():
    walk = spherical(np.array([10, 0], np.float32), np.array([-5, 0.01], np.float32), np.linspace(0, 1, 9))
    assert walk.kind == "spherical"
    assert np.linalg.norm(walk.latents, axis=1).max() <= 10 + 1e-5


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [([1, 2], [2, 4], "the same way"), ([1, 2], [-1, -2], "opposite ways"), ([0, 0], [1, 0], "the origin")],
)
def test_an_arc_that_is_not_defined_goes_straight_and_says_so(first, second, why):
    ends = np.array(first, np.float32), np.array(second, np.float32)
    walk = spherical(*ends, np.linspace(0, 1, 5))
    assert walk.kind == "linear"
    assert why in walk.note
    np.testing.assert_array_equal(walk.latents, linear(*ends, np.linspace(0, 1, 5)).latents)


def test_a_quarter_turn_passes_its_corner():
    walk = spherical(np.array([1, 0], np.float32), np.array([0, 1], np.float32), np.array([0.5, 2.0]))
    assert (walk.kind, walk.note) == ("spherical", "")
    np.testing.assert_allclose(walk.latents, [[np.sqrt(0.5)] * 2, [-1, 0]], atol=1e-6)


def test_overshoot_reaches_past_both_ends():
    np.testing.assert_allclose(path_positions(3, 0.5), [-0.5, 0.5, 1.5])
    np.testing.assert_allclose(path_positions(1, 0.5), [0.5])
    with pytest.raises(ShapeError, match="two latents of one shape"):
        linear(np.zeros(2, np.float32), np.zeros(3, np.float32), np.zeros(1))


def test_separation_is_measured_on_images_that_the_direction_was_not_found_on():
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((600, 40))
    few, many = np.arange(600) < 12, np.arange(600) % 2 == 0
    codes[many, 3] += 2
    found, chance = cross_validated_separation(codes, many, np.random.default_rng(1))
    assert found == pytest.approx(2, abs=0.35) and chance < 0.5
    noise, chance = cross_validated_separation(codes, few, np.random.default_rng(1))
    own = codes[few].mean(0) - codes[~few].mean(0)
    along = codes @ own / np.linalg.norm(own)
    assert along[few].mean() - along[~few].mean() > 1.5, "on its own images twelve are far from all others"
    assert abs(noise) < 1 and noise < chance + 0.5


def test_a_rare_attribute_of_odd_images_does_not_lead():
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((2000, 16)).astype(np.float32)
    common, rare = rng.random(2000) < 0.5, np.arange(2000) < 11
    codes[common, 0] += 1.5
    codes[rare, 1] += 1.8
    plain = [contrast(name, "attribute", codes, member) for name, member in (("common", common), ("rare", rare))]
    assert plain[0].least > plain[1].least and plain[0].least < plain[0].separation
    attributes = np.stack([rare, common], axis=1).astype(np.uint8)
    assert [each.name for each in attribute_directions(codes, attributes, ["rare", "common"])] == ["common", "rare"]
