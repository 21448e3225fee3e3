import numpy as np
import pytest

from explorer.analysis.frames import fit_frame
from explorer.analysis.neighbours import nearest, nearest_neighbours
from explorer.errors import ShapeError


def brute_force(queries: np.ndarray, references: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices and distances of the nearest, by float64 differences alone."""
    distances = np.sqrt(((queries[:, None] - references[None]) ** 2).sum(2))
    order = np.argsort(distances, axis=1, kind="stable")[:, :count]
    return order, np.take_along_axis(distances, order, 1)


@pytest.mark.parametrize(
    ("references", "dim", "count"),
    [(7, 2, 7), (300, 3, 5), (1024, 2, 5), (1025, 2, 5), (5000, 16, 5), (3001, 1, 40), (1100, 4, 1000)],
)
def test_nearest_agrees_with_brute_force(references, dim, count):
    rng = np.random.default_rng(references)
    among, queries = rng.standard_normal((references, dim)), 2 * rng.standard_normal((150, dim)) + 1
    found, distances = nearest(queries, among, count)
    expected, exact = brute_force(queries, among, count)
    np.testing.assert_allclose(distances, exact, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(found, expected)


def test_nearest_loses_no_digits_far_from_the_origin():
    rng = np.random.default_rng(0)
    among = 1e4 + 1e-3 * rng.standard_normal((2000, 3))
    queries = among[:50] + 1e-7
    np.testing.assert_allclose(nearest(queries, among)[1][:, 0], np.sqrt(3) * 1e-7, rtol=1e-3)
    far = np.full((1, 3), -1e4)
    np.testing.assert_allclose(nearest(far, among, 5)[1], brute_force(far, among, 5)[1], rtol=1e-12)


@pytest.mark.parametrize("kind", ["spread", "copies", "far clusters"])
def test_distances_are_the_same_to_the_last_digit_alone_and_in_any_batch(kind):
    rng = np.random.default_rng(0)
    among = rng.standard_normal((3000, 7))
    if kind == "copies":
        among[:1500] = among[1500:][rng.integers(20, size=1500)]
    if kind == "far clusters":
        among[:1500] += 1e8
    queries = np.concatenate([among[:40], 2 * rng.standard_normal((40, 7)), among[:1] + 1e-9])
    found, distances = nearest(queries, among, 5)
    expected, exact = brute_force(queries, among, 5)
    np.testing.assert_array_equal(distances, exact)
    np.testing.assert_array_equal(found, expected)
    for size in (1, 2, 33):
        for start in range(0, len(queries), size):
            rows = slice(start, start + size)
            alone = nearest(queries[rows], among, 5)
            np.testing.assert_array_equal(alone[0], found[rows])
            np.testing.assert_array_equal(alone[1], distances[rows])


def test_no_latent_is_its_own_neighbour():
    points = np.random.default_rng(0).standard_normal((2000, 2))
    points[7] = points[3]  # a copy is a neighbour, though at distance 0
    found, distances = nearest(points, points, 3, same=True)
    assert not (found == np.arange(2000)[:, None]).any()
    assert found[7, 0] == 3
    assert distances[7, 0] == 0


def test_neighbours_are_measured_in_the_frame():
    rng = np.random.default_rng(0)
    codes = (rng.standard_normal((500, 2)) * [100, 1]).astype(np.float32)
    frame = fit_frame(codes)
    found, distances = nearest_neighbours(frame, codes, codes[:20], 4)
    expected, exact = brute_force(frame.whiten(codes[:20]), frame.whiten(codes), 4)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(distances, exact, atol=1e-9)


def test_cosine_neighbours_ignore_length():
    codes = np.random.default_rng(0).standard_normal((800, 4)).astype(np.float32)
    frame = fit_frame(codes)
    queries = frame.unwhiten(7 * frame.whiten(codes[:10]))
    found, distances = nearest_neighbours(frame, codes, queries, 5, "cosine")
    u = frame.whiten(codes)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    expected = np.sort(1 - u[:10] @ u.T, axis=1)[:, :5]
    np.testing.assert_array_equal(found[:, 0], np.arange(10))
    np.testing.assert_allclose(distances, expected, atol=1e-6)


def test_cosine_calls_the_origin_a_right_angle_from_all():
    codes = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]], dtype=np.float32)
    frame = fit_frame(codes)
    _, distances = nearest_neighbours(frame, codes, np.zeros((1, 2)), 4, "cosine")
    np.testing.assert_allclose(distances, 1, atol=1e-12)


def test_more_neighbours_than_latents_are_refused():
    points = np.zeros((5, 2))
    with pytest.raises(ShapeError, match="6 nearest of 5"):
        nearest(points, points, 6)
    with pytest.raises(ShapeError, match="5 nearest of 5"):
        nearest(points, points, 5, same=True)
    with pytest.raises(ShapeError, match=r"\(5, 2\)"):
        nearest(points, np.zeros((5, 3)))
