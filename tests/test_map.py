"""What the map asks the server for: where images stand, what is near, what some have in common; nothing else."""

import struct
from collections.abc import Iterator
from typing import Any, cast

import httpx
import numpy as np
import pytest

from explorer.errors import ExplorerError, NotFoundError
from explorer.library import Library, OpenRun
from explorer.views import colours
from explorer.views import map as map_view
from tests.fakes import linear_coder
from tests.serve_fake import asking, fake_library

RUN = "/explorer/api/run/linear-vae/map"


@pytest.fixture(scope="module")
def library() -> Library:
    return fake_library()


@pytest.fixture(scope="module")
def run(library: Library) -> OpenRun:
    return library.open("linear-vae")


@pytest.fixture(scope="module")
def client(library: Library) -> Iterator[httpx.Client]:
    with asking(library) as client:
        yield client


def floats(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.frombuffer(answer.content, "<f4").reshape([int(n) for n in answer.headers["x-shape"].split(",")])


# --- where images stand ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plane", ["pca", "2,0"])
def test_places_are_those_of_the_plane_and_are_kept_by_the_browser(client, run, plane):
    answer = client.get(f"{RUN}/places", params={"plane": plane, "v": run.card.version})
    np.testing.assert_array_equal(floats(answer), map_view.map_axes(run, plane)[0])
    assert "immutable" in answer.headers["cache-control"]
    again = client.get(f"{RUN}/places", params={"plane": plane}, headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("plane", ["pca", "2,0"])
def test_the_axes_of_a_plane_lead_to_the_latents_behind_its_places(client, run, plane):
    answer = client.get(f"{RUN}/axes", params={"plane": plane, "v": run.card.version})
    assert "immutable" in answer.headers["cache-control"]
    told = answer.json()
    assert told["alike"] is True
    behind = {key: np.array(value) for key, value in told["plane"].items()}
    places = floats(client.get(f"{RUN}/places", params={"plane": plane}))
    for row in (0, 17):
        latent = behind["origin"] + places[row, 0] * behind["first"] + places[row, 1] * behind["second"]
        shadow = [(latent - run.latents.mean[row]) @ behind[axis] for axis in ("first", "second")]
        np.testing.assert_allclose(shadow, 0, atol=1e-5)
    again = client.get(f"{RUN}/axes", params={"plane": plane}, headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


def test_axes_say_what_has_no_latent_and_no_prior(client):
    told = client.get(f"{RUN}/axes", params={"plane": "tsne"}).json()
    assert told["plane"] is None
    assert told["circles"] is None
    refused = client.get(f"{RUN}/axes", params={"plane": "0,0"})
    assert refused.status_code == 400
    assert "plane must be pca" in refused.json()["error"]


def test_the_spread_on_a_plane_is_the_posteriors_covariance_seen_on_it(client, run):
    found = floats(client.get(f"{RUN}/spread", params={"plane": "pca"})).astype(np.float64)
    behind = cast(Any, map_view.map_axes(run, "pca")[1].plane)
    vectors = np.stack([behind["first"], behind["second"]])
    for row in (0, 17):
        covariance = vectors @ np.diag(np.exp(run.latents.log_variance[row].astype(np.float64))) @ vectors.T
        xx, xy, yy = found[row]
        np.testing.assert_allclose([[xx, xy], [xy, yy]], covariance, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("name", "plane"), [("linear-ae", "pca"), ("linear-vae", "tsne")])
def test_where_a_posterior_has_no_shape_on_a_map_that_is_said(library, name, plane):
    run = library.open(name)
    with pytest.raises(NotFoundError, match=r"\.$"):
        map_view.spread_on(run, map_view.map_axes(run, plane)[1])


def test_levels_are_named_where_there_are_several(run):
    class Levels:
        level_sizes = (2, 3)

    assert map_view.axis_name(run, 3) == "axis 3"
    names = [map_view.axis_name(cast(OpenRun, Levels()), axis) for axis in range(5)]
    assert names == ["axis 0 · level 1", "axis 1 · level 1", *(f"axis {axis} · level 2" for axis in (2, 3, 4))]


# --- what is near ---------------------------------------------------------------------------------------------------


def test_loneliness_is_the_distance_to_the_nearest_other_code(client, run):
    codes = run.frame.whiten(run.latents.mean)
    found = floats(client.get(f"{RUN.removesuffix('/map')}/scalar/loneliness"))
    for row in (0, 5, 1000):
        others = np.linalg.norm(np.delete(codes, row, axis=0) - codes[row], axis=1)
        assert found[row] == pytest.approx(others.min(), rel=1e-4)


def test_loneliness_of_too_many_images_is_refused(run, monkeypatch):
    colours.loneliness.forget(run)
    monkeypatch.setattr(colours, "MOST_COMPARED", 100)
    with pytest.raises(ExplorerError, match="2 to 100 images"):
        colours.loneliness(run)


@pytest.mark.parametrize("metric", map_view.METRICS)
def test_an_image_is_no_neighbour_of_its_own_and_the_nearest_come_first(client, run, metric):
    body = run.latents.mean[7].astype("<f4").tobytes()
    found = client.post(f"{RUN}/neighbours", params={"metric": metric, "without": 7}, content=body).json()["neighbours"]
    assert len(found) == map_view.NEIGHBOURS
    assert 7 not in [each["image"] for each in found]
    distances = [each["distance"] for each in found]
    assert distances == sorted(distances)
    whitened = run.frame.whiten(run.latents.mean)
    if metric == "euclidean":
        expected = np.sort(np.linalg.norm(whitened - whitened[7], axis=1))[1 : map_view.NEIGHBOURS + 1]
    else:
        units = whitened / np.linalg.norm(whitened, axis=1, keepdims=True)
        expected = np.sort(1 - units @ units[7])[1 : map_view.NEIGHBOURS + 1]
    np.testing.assert_allclose(distances, expected, rtol=1e-4, atol=1e-6)


def test_a_place_has_its_nearest_image_among_its_neighbours(client, run):
    body = (run.latents.mean[7] + 1e-4).astype("<f4").tobytes()
    found = client.post(f"{RUN}/neighbours", content=body).json()["neighbours"]
    assert found[0]["image"] == 7


def test_a_run_with_few_images_has_fewer_neighbours(monkeypatch):
    monkeypatch.setattr(map_view, "NEIGHBOURS", 100)
    library = Library(None)
    coder = linear_coder(2)
    library.hold("few", coder, np.clip(coder.sample_images(40, np.random.default_rng(0)), 0, 1))
    run = library.open("few")
    found = map_view.neighbours_of(run, run.latents.mean[3:4], "euclidean", 3)
    assert sorted(each["image"] for each in found) == [row for row in range(40) if row != 3]


# --- what some have in common ---------------------------------------------------------------------------------------


def body_of(rows) -> bytes:
    return np.asarray(rows, dtype="<i4").tobytes()


def test_the_direction_of_a_selection_points_from_the_rest_to_it(client, run):
    rows = np.flatnonzero(run.labels == 3)
    found = client.post(f"{RUN}/selection", content=body_of(rows)).json()
    mean, member = run.latents.mean.astype(np.float64), run.labels == 3
    np.testing.assert_allclose(found["mean"], mean[member].mean(0), atol=1e-5)
    direction = found["direction"]
    vector = np.array(direction["vector"])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    for who, coordinate in ((member, 1), (~member, -1)):
        assert (vector @ mean[who].mean(0) - direction["offset"]) / direction["scale"] == pytest.approx(
            coordinate, abs=1e-3
        )
    assert direction["low"] < -1 < 1 < direction["high"]
    assert f"{len(rows)} images" in direction["name"]


@pytest.mark.parametrize("rows", [[4], "all"])
def test_a_selection_without_another_side_has_a_mean_and_no_direction(client, run, rows):
    chosen = np.arange(len(run)) if rows == "all" else np.array(rows)
    found = client.post(f"{RUN}/selection", content=body_of(chosen)).json()
    assert found["direction"] is None
    np.testing.assert_allclose(found["mean"], run.latents.mean[chosen].mean(0), atol=1e-5)


def test_the_mean_image_is_the_mean_of_the_pixels_however_many_there_are(client, run, monkeypatch):
    monkeypatch.setattr(map_view, "MEAN_BATCH", 7)
    rows = np.arange(0, 200, 3)
    answer = client.post(f"{RUN}/selection/image", content=body_of([*rows, 0, 3]))  # twice named counts once
    assert answer.headers["x-shape"] == "8,8,1"
    expected = run.thumbnails()[rows].mean(0, dtype=np.float64).transpose(1, 2, 0)
    found = np.frombuffer(answer.content, np.uint8).reshape(8, 8, 1)
    np.testing.assert_allclose(found, expected, atol=0.51)


def test_images_are_known_by_their_rows_in_the_data_set(client, run):
    answer = client.get(f"{RUN}/index")
    np.testing.assert_array_equal(np.frombuffer(answer.content, "<i4"), run.latents.index)


# --- strangers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("places", {"plane": "0,0"}),
        ("places", {"plane": "../etc"}),
        ("spread", {"plane": "0,99"}),
        ("spread", {"plane": "<img>"}),
    ],
)
def test_a_plane_that_is_none_is_refused_with_a_sentence(client, path, query):
    answer = client.get(f"{RUN}/{path}", params=query)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")
    assert "<" not in answer.json()["error"]


def test_t_sne_places_are_not_there_before_they_are_computed(client):
    answer = client.get("/explorer/api/run/linear-ae/map/places", params={"plane": "tsne"})
    assert answer.status_code == 404
    assert "not computed" in answer.json()["error"]


@pytest.mark.parametrize("part", ["selection", "selection/image"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"abc", 400),
        (struct.pack("<i", -1), 400),
        (struct.pack("<i", 1797), 400),
        (struct.pack("<i", 2**31 - 1), 400),
        (bytes(4 * 1797 + 4), 413),
        (bytes(3_000_000), 413),
    ],
)
def test_a_selection_that_is_none_is_refused(client, part, body, status):
    answer = client.post(f"{RUN}/{part}", content=body)
    assert answer.status_code == status
    assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [
        ({"metric": "manhattan"}, bytes(16), 400),
        ({"without": "-1"}, bytes(16), 400),
        ({"without": "1797"}, bytes(16), 400),
        ({"without": ""}, bytes(16), 400),
        ({"without": "٣"}, bytes(16), 400),
        ({}, bytes(12), 400),
        ({}, struct.pack("<4f", 0, 0, float("nan"), 0), 400),
        ({}, bytes(32), 413),
    ],
)
def test_a_question_for_neighbours_that_makes_no_sense_is_refused(client, query, body, status):
    assert client.post(f"{RUN}/neighbours", params=query, content=body).status_code == status


@pytest.mark.parametrize("path", ["places", "spread", "index", "tsne"])
def test_a_run_that_is_not_there_has_no_map(client, path):
    assert client.get(f"/explorer/api/run/..%2Fetc/map/{path}").status_code == 404
    assert client.get(f"/explorer/api/run/nope/map/{path}").status_code == 404


@pytest.mark.parametrize("ticket", ["", "../x", "a" * 33, "<b>", "ü"])
def test_a_ticket_that_is_none_cancels_nothing(client, ticket):
    answer = client.post(f"{RUN}/tsne/cancel", params={"ticket": ticket})
    assert answer.status_code == 200
    assert answer.json()["ended"] is False
    assert client.get(f"{RUN}/tsne", params={"ticket": ticket}).json()["state"] == "none"


@pytest.mark.parametrize(("method", "path"), [("GET", "selection"), ("POST", "places"), ("GET", "tsne/cancel")])
def test_other_methods_are_refused(client, method, path):
    assert client.request(method, f"{RUN}/{path}").status_code in (404, 405)
