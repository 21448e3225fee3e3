"""What Interpolate asks of the server: walks, their curves, vacancy, and the most typical image of each class."""

import json
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from explorer.analysis.neighbours import class_medoids
from explorer.library import Library
from explorer.ui.interpolate import MOST_STEPS
from explorer.views.interpolate import CURVE_POINTS, MEANS, curve_positions, path_figure, walk
from tests.serve_fake import asking, fake_library

D = 4
RUN = "explorer/api/run/linear-vae"

ends_of = arrays(np.float32, (2, D), elements=st.floats(-5, 5, width=32)).filter(
    lambda ends: np.linalg.norm(ends, axis=1).min() > 0.1
)
"""Two latents away from the origin."""


@pytest.fixture(scope="module")
def library():
    return fake_library(latent_dim=D)


@pytest.fixture(scope="module")
def run(library):
    return library.open("linear-vae")


@pytest.fixture(scope="module")
def client(library) -> Iterator[httpx.Client]:
    with asking(library) as client:
        yield client


def body(*ends) -> bytes:
    return np.array(ends, dtype="<f4").tobytes()


A, B = [1, 0, 0, 0], [0, 2, 0, 0]


@settings(max_examples=30)
@given(ends=ends_of, kind=st.sampled_from(["linear", "spherical"]), steps=st.integers(2, 9))
def test_a_walk_meets_both_ends_exactly(run, ends, kind, steps):
    found = np.array(walk(run, ends, steps, 0.0, kind)["latents"], dtype=np.float32)
    assert len(found) == steps
    np.testing.assert_allclose(found[[0, -1]], ends, atol=1e-5)


@settings(max_examples=30)
@given(ends=ends_of, steps=st.integers(2, 9))
def test_an_arc_keeps_its_norms_between_those_of_its_ends(run, ends, steps):
    walked = walk(run, ends, steps, 0.0, "spherical")
    if walked["kind"] == "spherical":
        low, high = sorted(np.linalg.norm(ends, axis=1))
        assert min(walked["norm"]) >= low - 1e-4
        assert max(walked["norm"]) <= high + 1e-4
    else:
        assert walked["note"].startswith("The walk is straight")


@settings(max_examples=20)
@given(ends=ends_of, overshoot=st.sampled_from([0.25, 0.5, 1.0]))
def test_overshoot_goes_on_straight_beyond_the_ends(run, ends, overshoot):
    walked = walk(run, ends, 3, overshoot, "linear")
    assert walked["positions"] == [-overshoot, 0.5, 1 + overshoot]
    found = np.array(walked["latents"])
    np.testing.assert_allclose(found[0], ends[0] - overshoot * (ends[1] - ends[0]), atol=1e-4)
    np.testing.assert_allclose(found[2], ends[1] + overshoot * (ends[1] - ends[0]), atol=1e-4)


def test_what_is_said_of_each_step_is_what_the_trust_line_says(run):
    walked = walk(run, np.array([A, B], np.float32), 5, 0.0, "linear")
    for k, latent in enumerate(walked["latents"]):
        trust = run.trust(np.array(latent, dtype=np.float32))
        for key in ("norm", "vacancy", "round_trip"):
            assert walked[key][k] == pytest.approx(trust[key], abs=1e-6)


@pytest.mark.parametrize("means", MEANS)
def test_an_end_that_is_an_images_code_is_judged_among_means(twin_runs, means):
    run = Library(twin_runs).open("digits-vae-2")
    walked = walk(run, run.latents.mean[:2], 5, 0.0, "spherical", means)
    latents = np.array(walked["latents"], dtype=np.float32)
    among_means = [means == "ab" or "ab"[k // 4] in means if k in (0, 4) else means == "ab" for k in range(5)]
    expected = np.where(among_means, run.mean_vacancy.p_value(latents), run.vacancy.p_value(latents))
    np.testing.assert_allclose(walked["vacancy"], expected)


def test_the_latents_of_an_answer_are_float32_to_the_last_bit(client, run):
    ends = np.random.default_rng(0).standard_normal((2, D)).astype("<f4")
    answer = client.post(f"{RUN}/path", content=ends.tobytes(), params={"steps": 7, "kind": "spherical"}).json()
    from explorer.analysis.interpolation import path_positions, spherical

    expected = spherical(ends[0], ends[1], path_positions(7)).latents
    np.testing.assert_array_equal(np.array(answer["latents"], dtype=np.float32), expected)
    assert answer["place"] is None, "a model in memory has no folder"


def test_parallel_ends_walk_straight_and_say_so(client):
    answer = client.post(f"{RUN}/path", content=body(A, np.multiply(-3, A)), params={"kind": "spherical"}).json()
    assert answer["kind"] == "linear"
    assert "opposite ways" in answer["note"]


def test_half_way_between_orthogonal_latents_a_straight_line_has_0_71_of_the_norm(run):
    ends = np.array([[2, 0, 0, 0], [0, 2, 0, 0]], np.float32)
    meta = json.loads(path_figure(run, ends, 0.0, "linear", "light"))["layout"]["meta"]
    assert meta["angle"] == pytest.approx(90)
    assert meta["middle"]["linear"] / 2 == pytest.approx(np.sqrt(0.5), abs=1e-4)
    assert meta["middle"]["spherical"] == pytest.approx(2, abs=1e-4)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("overshoot", [0.0, 0.5])
def test_the_curves_are_norm_and_vacancy_of_both_walks(client, run, theme, overshoot):
    answer = client.post(
        f"{RUN}/figure/path", content=body(A, B), params={"kind": "spherical", "overshoot": overshoot, "theme": theme}
    )
    figure = answer.json()
    names = [(trace["name"], trace["yaxis"]) for trace in figure["data"]]
    assert sorted(names) == [("arc", "y"), ("arc", "y2"), ("straight", "y"), ("straight", "y2")]
    assert names[-1][0] == "arc", "the walk on show is drawn on top"
    assert figure["layout"]["xaxis"]["range"] == [-overshoot, 1 + overshoot]
    assert figure["layout"]["yaxis2"]["type"] == "log"
    meta = figure["layout"]["meta"]
    low, middle, high = meta["shell"]
    norms = np.linalg.norm(run.latents.reference, axis=1)
    assert np.mean((norms >= low) & (norms <= high)) == pytest.approx(0.9, abs=0.01)
    assert low < middle < high
    assert 0 <= meta["in_holes"] <= 1, "of the arc: the middle of a straight line always looks usual"


def test_curves_from_the_origin_have_no_angle_and_a_note(client):
    meta = client.post(f"{RUN}/figure/path", content=body([0] * D, B)).json()["layout"]["meta"]
    assert meta["angle"] is None
    assert "origin" in meta["note"]


@given(overshoot=st.floats(0, 2))
def test_curves_are_measured_at_both_ends_and_the_middle_and_never_beyond_the_overshoot(overshoot):
    positions = curve_positions(overshoot)
    for place in (0, 0.5, 1):
        assert np.abs(positions - place).min() < 1e-9
    assert positions[0] >= -overshoot - 1e-9
    assert positions[-1] <= 1 + overshoot + 1e-9
    np.testing.assert_allclose(np.diff(positions), 1 / (CURVE_POINTS - 1), atol=1e-9)


def test_vacancy_of_many_latents_is_the_vacancy_of_each(client, run):
    latents = np.random.default_rng(1).standard_normal((9, D)).astype("<f4") * 3
    answer = client.post(f"{RUN}/vacancies", content=latents.tobytes())
    assert answer.headers["x-shape"] == "9"
    np.testing.assert_allclose(np.frombuffer(answer.content, "<f4"), run.vacancy.p_value(latents), rtol=1e-6)


def test_a_medoid_is_the_image_nearest_to_the_mean_of_its_class():
    codes = np.random.default_rng(2).standard_normal((60, 3)).astype(np.float32)
    labels = np.arange(60) % 3
    labels[labels == 2] = 3  # nobody is of class 2
    found = class_medoids(codes, labels, 4)
    assert found[2] == -1
    for label in (0, 1, 3):
        assert labels[found[label]] == label
        mean = codes[labels == label].mean(0)
        distances = np.linalg.norm(codes - mean, axis=1)
        assert distances[found[label]] == pytest.approx(distances[labels == label].min())


def test_the_most_typical_images_are_of_the_classes_they_stand_for(client, run):
    medoids = client.get(f"{RUN}/medoids").json()["medoids"]
    assert [each["name"] for each in medoids] == list("0123456789")
    assert [int(run.labels[each["image"]]) for each in medoids] == [each["label"] for each in medoids]
    assert sum(each["count"] for each in medoids) == len(run)


def test_a_run_without_labels_has_no_typical_images_and_says_so(library, client):
    run = library.open("linear-vae")
    library.hold("plain", run.coder, run.thumbnails()[:40] // 16)
    answer = client.get("explorer/api/run/plain/medoids")
    assert answer.status_code == 404
    assert "no labels" in answer.json()["error"]


REFUSED = {
    "steps": ["1", "0", "-3", str(MOST_STEPS + 1), "2.5", "x", ""],
    "overshoot": ["-0.1", "2.1", "nan", "inf", "1e1", "", "x"],
    "kind": ["", "round", "linear "],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in REFUSED.items() for value in values])
def test_nonsense_in_the_query_is_refused_with_a_sentence(client, field, value):
    answer = client.post(f"{RUN}/path", content=body(A, B), params={field: value})
    assert answer.status_code == 400
    assert field in answer.json()["error"]
    if field != "steps":
        assert client.post(f"{RUN}/figure/path", content=body(A, B), params={field: value}).status_code == 400


@pytest.mark.parametrize("part", ["path", "figure/path"])
def test_a_walk_needs_two_latents_no_more_no_less(client, part):
    assert client.post(f"{RUN}/{part}", content=body(A)).status_code == 400
    assert client.post(f"{RUN}/{part}", content=body(A, B, A)).status_code == 413
    assert client.post(f"{RUN}/{part}", content=body(A, [np.nan, 0, 0, 0])).status_code == 400
    assert client.post(f"{RUN}/{part}", content=body(A, [1e6, 0, 0, 0])).status_code == 400
    assert client.post(f"explorer/api/run/nobody/{part}", content=body(A, B)).status_code == 404


def test_a_theme_is_light_or_dark(client):
    assert client.post(f"{RUN}/figure/path", content=body(A, B), params={"theme": "neon"}).status_code == 400


def test_too_many_latents_to_tell_the_vacancy_of_are_refused(client):
    assert client.post(f"{RUN}/vacancies", content=bytes(4 * D * 1025)).status_code == 413
    assert client.post(f"{RUN}/vacancies", content=b"").status_code == 400
