"""What the tabs answer to the page's own code: every query is a stranger's."""

import base64
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.arrays import Posterior
from explorer.errors import CheckpointError, ShapeError
from explorer.library import Card, Library
from explorer.views import card as run_card
from explorer.views import history as fit_history
from explorer.views import hole_map, hole_planes, hole_scores, report
from explorer.views import map as map_view
from tests.fakes import linear_coder


@pytest.fixture(scope="module")
def library() -> Library:
    """A VAE and its AE twin with d = 2, one VAE with d = 5, one with d = 1; all linear, on their own samples."""
    library = Library(None)
    rng = np.random.default_rng(0)
    for name, latent_dim, log_variance, twin in (
        ("two-vae", 2, -2.0, None),
        ("two-ae", 2, None, "two-vae"),
        ("five-vae", 5, -2.0, None),
        ("five-ae", 5, None, "five-vae"),
        ("one-vae", 1, -2.0, None),
    ):
        coder = linear_coder(latent_dim, log_variance=log_variance)
        images = np.clip(coder.sample_images(200, rng), 0, 1)
        library.hold(name, coder, images, np.arange(200) % 4, class_names=("a", "b", "c", "d"), twin=twin)
    return library


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    """The array that JSON carries."""
    kind = {"f4": "<f4", "u1": "u1"}[packed["kind"]]
    return np.frombuffer(base64.b64decode(packed["bytes"]), dtype=kind).reshape(packed["shape"])


def drawn(maker, library, name, **query):
    return json.loads(maker(library, name, {"theme": "light"} | query))


def test_codes_far_from_a_slice_fade_and_those_of_a_plane_of_all_do_not(library):
    run = library.open("five-vae")
    told = hole_map.hole_plane(library, "five-vae", {})
    assert unpacked(told["codes"]).shape == (len(run), 2)
    plane = hole_planes.plane_through(run, tuple(told["images"]))
    distance = plane.distance(run.frame, run.latents.draw)
    nearness = unpacked(told["nearness"])[np.argsort(distance)].astype(int)
    assert (np.diff(nearness) <= 0).all()
    assert nearness[0] > 200
    assert nearness[-1] < 40
    assert hole_map.hole_plane(library, "two-vae", {})["nearness"] is None


def decoded(spec: Any) -> np.ndarray:
    """The numbers of an array as plotly's JSON carries it."""
    if not isinstance(spec, dict):
        return np.asarray(spec)
    kinds = {"f4": "<f4", "f8": "<f8", "i4": "<i4", "i2": "<i2", "i1": "i1", "u1": "u1"}
    return np.frombuffer(base64.b64decode(spec["bdata"]), dtype=kinds[spec["dtype"]])


def test_the_map_of_two_axes_shows_the_posterior_means(library):
    run = library.open("five-vae")
    points, axes = map_view.map_axes(run, "3,1")
    assert points is not None
    np.testing.assert_allclose(points, run.latents.mean[:, [3, 1]], rtol=1e-5)
    assert axes.circles == (0, 0)


@pytest.mark.parametrize("plane", ["pca", "0,1", "4,2"])
def test_empty_space_is_decoded_on_the_plane_through_the_mean_of_the_codes(library, plane):
    run = library.open("five-vae")
    points, axes = map_view.map_axes(run, plane)
    behind = axes.plane
    assert behind is not None and points is not None
    mean = run.latents.mean.astype(np.float64).mean(0)
    a, b = points.astype(np.float64).mean(0)
    np.testing.assert_allclose(behind["origin"] + a * behind["first"] + b * behind["second"], mean, atol=1e-4)
    # an image's point is its latent's shadow on that plane
    at = behind["origin"] + points[7, 0] * behind["first"] + points[7, 1] * behind["second"]
    rest = run.latents.mean[7] - at
    assert abs(rest @ behind["first"]) < 1e-4
    assert abs(rest @ behind["second"]) < 1e-4


def test_the_circles_of_a_pca_map_stand_around_the_priors_own_centre(library):
    run = library.open("five-vae")
    _, axes = map_view.map_axes(run, "pca")
    assert axes.circles is not None
    assert axes.plane is not None
    at = axes.plane["origin"] + axes.circles[0] * axes.plane["first"] + axes.circles[1] * axes.plane["second"]
    assert abs(at @ axes.plane["first"]) < 1e-5
    assert abs(at @ axes.plane["second"]) < 1e-5


def test_an_autoencoder_has_no_prior_to_circle(library):
    _, axes = map_view.map_axes(library.open("two-ae"), "0,1")
    assert axes.circles is None


@pytest.mark.parametrize(
    "plane", ["", "0", "0,0", "0,5", "-1,0", "0,1,2", "a,b", "pca ", "٣,1", "0,99999999999", "1e0,2"]
)
def test_a_plane_that_is_none_is_refused(library, plane):
    with pytest.raises(ShapeError, match="plane must be pca"):
        map_view.map_axes(library.open("five-vae"), plane)


def test_a_run_of_one_dimension_is_mapped_over_its_distortion_and_decoded_along_its_axis(library):
    run = library.open("one-vae")
    points, axes = map_view.map_axes(run, "pca")
    assert points is not None
    np.testing.assert_allclose(points, np.stack([run.latents.mean[:, 0], run.latents.distortion], axis=1), rtol=1e-6)
    told = axes.values()
    assert told["plane"] == {"origin": [0], "first": [1], "second": [0]}
    assert told["alike"] is False, "latent units and nats have no common scale"


@pytest.mark.parametrize("name", ["two-vae", "two-ae", "five-vae"])
def test_the_plane_of_a_hole_map_leads_to_the_latents_behind_it(library, name):
    run = library.open(name)
    told = hole_map.hole_plane(library, name, {})
    plane = {key: np.array(value) for key, value in told["plane"].items()}
    p = 10 ** unpacked(told["vacancy"])
    ticks = np.linspace(-told["extent"], told["extent"], len(p))
    for row, column in ((0, 0), (5, 40), (30, 60), (60, 12)):
        z = plane["origin"] + ticks[column] * plane["first"] + ticks[row] * plane["second"]
        assert run.vacancy.p_value(z[None])[0] == pytest.approx(p[row, column], abs=0.02)


@pytest.mark.parametrize(
    "anchors", ["", "1", "1,2", "1,2,3,4", "a,b,c", "-1,2,3", "0,1,200", "0,1,1e2", "0,1,99999999999"]
)
def test_anchors_that_are_no_three_images_are_refused(library, anchors):
    with pytest.raises(ShapeError, match="anchors must be"):
        hole_map.hole_plane(library, "five-vae", {"anchors": anchors})


def test_three_times_the_same_image_spans_no_slice(library):
    with pytest.raises(ShapeError, match="one line"):
        hole_map.hole_plane(library, "five-vae", {"anchors": "4,4,4"})


@pytest.mark.parametrize("lead", ["five-vae", "five-ae"])
def test_both_sides_of_a_pair_are_cut_through_the_same_images_over_the_same_extent(library, lead):
    anchors = hole_planes.checked_anchors(library.open(lead), None)
    extents = set()
    for name in ("five-vae", "five-ae"):
        run = library.open(name)
        told = hole_map.hole_plane(library, name, {"lead": lead})
        plane = {key: np.array(value) for key, value in told["plane"].items()}
        assert tuple(told["images"]) == tuple(anchors)
        for (a, b), image in zip(told["anchors"], anchors, strict=True):
            behind = plane["origin"] + a * plane["first"] + b * plane["second"]
            np.testing.assert_allclose(behind, run.latents.mean[image], atol=1e-3)
        extents.add(told["extent"])
    assert len(extents) == 1


def test_one_extent_holds_the_images_that_span_both_slices(library):
    runs = [library.open(name) for name in ("five-vae", "five-ae")]
    furthest = np.argsort(np.linalg.norm(runs[0].frame.whiten(runs[0].latents.mean), axis=1))[-3:]
    anchors = tuple(int(number) for number in furthest)
    wanted = [hole_planes.plane_through(run, anchors).extent for run in runs]
    assert wanted[0] != wanted[1]
    for run in runs:
        told = hole_map.hole_plane(library, run.name, {"anchors": ",".join(map(str, anchors))})
        assert told["extent"] == pytest.approx(max(wanted))


def test_only_the_run_and_its_twin_may_lead(library):
    for lead in ("two-ae", "../etc", ""):
        with pytest.raises(ShapeError, match="lead must be"):
            hole_map.hole_plane(library, "five-vae", {"lead": lead})


def test_other_anchors_are_another_slice_and_only_some_are_kept(library, monkeypatch):
    first = hole_map.hole_plane(library, "five-vae", {"anchors": "0,1,2"})
    second = hole_map.hole_plane(library, "five-vae", {"anchors": "3,4,5"})
    assert first["plane"] != second["plane"]
    run = library.open("five-vae")
    monkeypatch.setattr(library.memory, "most_each", run.drawer.held)
    for start in range(0, 60, 3):
        hole_map.hole_plane(library, "five-vae", {"anchors": f"{start},{start + 1},{start + 2}"})
        assert run.drawer.held <= library.memory.most_each


def test_a_run_of_one_dimension_has_no_hole_plane_but_curves(library):
    with pytest.raises(ShapeError, match="no plane"):
        hole_map.hole_plane(library, "one-vae", {})
    assert len(drawn(hole_map.p_value_figure, library, "one-vae")["data"]) == 4


def test_the_curves_agree_with_the_laws_and_stay_the_same(library):
    once = drawn(hole_map.p_value_figure, library, "two-vae")
    assert once["data"] == drawn(hole_map.p_value_figure, library, "two-vae", theme="light")["data"]


def test_a_run_that_is_not_there_has_no_figures(library):
    for maker in (hole_map.hole_plane, hole_map.p_value_figure):
        with pytest.raises(CheckpointError):
            maker(library, "../etc", {"theme": "light"})


def card(name: str, family: str, metrics: dict[str, Any]) -> Card:
    return Card(
        name=name, family=family, dataset="digits", latent_dim=2, config=None, metrics=metrics, version="1"
    )  # fmt: skip


SCORE = {"value": 0.2, "low": 0.1, "high": 0.3, "n": 500}


def test_the_score_table_keeps_values_intervals_and_n():
    metrics = {"test": {"active_units": 2}, "holes": {law: {"vacancy": SCORE} for law in ("raw", "white", "gmm10")}}
    table = hole_scores.score_table([card("a", "ae", metrics)])
    assert table is not None
    vacancy = next(row for row in table["rows"] if row["name"] == "Draws in holes")
    assert vacancy["cells"] == [SCORE, SCORE, SCORE]
    assert [row["name"] for row in table["rows"]] == ["Draws in holes", "Active units"], "never one without the other"


def test_a_score_that_is_missing_or_broken_is_left_empty():
    laws = {"raw": {"vacancy": {"value": float("nan")}}, "white": {"vacancy": "0.2"}, "gmm10": {"vacancy": SCORE}}
    table = hole_scores.score_table([card("a", "ae", {"holes": laws}), card("b", "vae", {})])
    assert table is not None
    vacancy = next(row for row in table["rows"] if row["name"] == "Draws in holes")
    assert vacancy["cells"] == [None, None, SCORE, None, None, None]


def test_without_any_scores_there_is_no_table(library):
    assert hole_scores.score_table([card("a", "ae", {})]) is None
    assert hole_scores.scores_of(library, "two-vae") is None
    assert hole_scores.scores_of(library, None) is None
    assert hole_scores.scores_of(library, "../etc") is None
    assert hole_scores.scores_of(library, {"run": 1}) is None


# --- Report ---------------------------------------------------------------------------------------------------------


def epoch(number, **rest):
    split = {"distortion": 30.0 / number, "rate": 2.0}
    return {"epoch": number, "beta": 1.0, "train": split, "validation": split, "rate_per_dimension": [1, 1.0]} | rest


def test_a_history_is_read_as_numbers_and_what_is_missing_is_unknown():
    history = fit_history.history_of([epoch(1, beta=0.5), epoch(2, validation=None, rate_per_dimension=None)], 2)
    np.testing.assert_array_equal(history.epochs, [1, 2])
    np.testing.assert_array_equal(history.train["sum"], [32, 17])
    np.testing.assert_array_equal(history.validation["sum"], [32, np.nan])
    np.testing.assert_array_equal(history.rates, [[1, 1], [np.nan, np.nan]])
    assert history.varies_beta
    assert not fit_history.history_of([epoch(1), epoch(2)], 2).varies_beta


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"epoch": "1"},
        {"epoch": True},
        {"epoch": None, "train": 3},
        {"epoch": float("nan")},
        {"epoch": 10**400},
        {"epoch": 0, "train": {"distortion": 1}},
    ],
)
def test_a_line_of_a_history_that_makes_no_sense_is_passed_over(line):
    history = fit_history.history_of([epoch(1), line, epoch(2)], 2)
    np.testing.assert_array_equal(history.epochs, [1, 2])
    assert np.isfinite(history.train["sum"]).all()


def test_a_hostile_value_in_a_history_is_unknown_and_breaks_nothing():
    odd = epoch(1, beta=10**400, train=[1], validation={"distortion": "<img>", "rate": float("inf")})
    history = fit_history.history_of([odd | {"rate_per_dimension": ["x", None]}], 2)
    assert np.isnan(history.beta).all()
    assert np.isnan(history.train["sum"]).all()
    assert np.isnan(history.validation["sum"]).all()
    assert np.isnan(history.rates).all()


def variances(**values: object) -> dict:
    """What a fit stores of the noise of its gradient, by estimator."""
    return {name: {"variance": value, "mean_square": 1.0} for name, value in values.items()} | {"repeats": 16}


def test_learning_rate_deviations_and_penalty_are_read_where_they_stand():
    lines = [
        epoch(1, lr=0.1, posterior_deviation=[1.0, 0.5], penalty=4),
        epoch(2, lr=None, posterior_deviation=[1.0], gradient_variance=variances(score=3.0)),
        epoch(3, lr="fast", gradient_variance=variances(reparameterised=0.5, score=8)),
    ]
    history = fit_history.history_of(lines, 2)
    np.testing.assert_array_equal(history.learning_rate, [0.1, np.nan, np.nan])
    np.testing.assert_array_equal(history.deviations, [[1, 0.5], [np.nan] * 2, [np.nan] * 2])
    np.testing.assert_array_equal(history.train["penalty"], [4, np.nan, np.nan])
    assert history.gradient == {"reparameterised": 0.5, "score": 8}
    inside = fit_history.history_of([epoch(1, train={"distortion": 1, "rate": 1, "penalty": 2.5})], 2)
    np.testing.assert_array_equal(inside.train["penalty"], [2.5])


def test_the_rate_of_a_level_is_the_sum_of_its_axes():
    lines = [epoch(1, rate_per_dimension=[3, 0.5, 0.25, 1, 2]), epoch(2, rate_per_dimension=[1, "x", 0, 0, 4])]
    np.testing.assert_array_equal(fit_history.history_of(lines, 5, (1, 2, 2)).levels, [[3, 0.75, 3], [1, np.nan, 4]])
    np.testing.assert_array_equal(fit_history.history_of(lines, 5, (4, 1)).levels, [[4.75, 2], [np.nan, 4]])


def test_a_run_of_one_level_has_no_rates_of_levels():
    for sizes in (None, (2,)):
        assert fit_history.history_of([epoch(1), epoch(2)], 2, sizes).levels.shape == (2, 0)


@pytest.fixture
def level_folder(level_runs, tmp_path) -> Path:
    """A copy of digits-hierarchical-5, levels of 1, 2 and 2 axes, to break at will."""
    return Path(shutil.copytree(level_runs / "digits-hierarchical-5", tmp_path / "runs" / "digits-hierarchical-5"))


def rewrite_scores(folder: Path, **scores: Any) -> None:
    """Store other scores of the test images than were measured."""
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["test"] |= scores
    (folder / "metrics.json").write_text(json.dumps(metrics))


def test_the_rate_of_every_level_is_drawn_over_the_epochs_and_told_in_the_card(level_folder):
    rates = [[3, 0.5, 0.25, 1, 2], [2, 0.5, 0.5, 1, 1]]
    write_history(level_folder, [epoch(n + 1, rate_per_dimension=each) for n, each in enumerate(rates)])
    rewrite_scores(level_folder, rate_per_level=[{"rate": 2.5, "axes": [0]}, {"rate": 1}, {"rate": 0.125}])
    library = Library(level_folder.parent)
    told = report.story(library, "digits-hierarchical-5")
    assert told["has_levels"]
    lines = drawn(report.axis_figure, library, "digits-hierarchical-5", of="levels")["data"]
    assert [line["name"] for line in lines] == ["level 1", "level 2", "level 3"]
    np.testing.assert_allclose([decoded(line["y"]) for line in lines], [[3, 2], [0.75, 1], [3, 2]])
    assert {row["name"]: row["text"] for row in told["card"]}["Rate of each level"] == "2.50, 1.00, 0.12"


@pytest.mark.parametrize("stored", [3, "x", None, {}, [], [{"rate": 1.0}], [1, 2, 3], [{"rate": "<b>"}, {}, []]])
def test_rates_of_levels_in_the_scores_that_make_no_sense_are_left_out(level_folder, stored):
    rewrite_scores(level_folder, rate_per_level=stored)
    told = report.story(Library(level_folder.parent), "digits-hierarchical-5")
    assert "Rate of each level" not in {row["name"] for row in told["card"]}


def test_a_run_of_one_level_shows_nothing_of_levels(runs):
    write_history(runs / "digits-vae-2", [epoch(1), epoch(2)])
    rewrite_scores(runs / "digits-vae-2", rate_per_level=[{"rate": 2.0, "axes": [0, 1]}])
    library = Library(runs)
    told = report.story(library, "digits-vae-2")
    assert not told["has_levels"]
    assert "Rate of each level" not in {row["name"] for row in told["card"]}
    assert drawn(report.axis_figure, library, "digits-vae-2", of="levels")["data"] == []


def test_the_bars_of_a_run_with_levels_sum_to_its_rate(level_runs):
    run = Library(level_runs).open("digits-hierarchical-5")
    _, rates, _, _ = report.ranked_axes(run)
    assert rates.sum() == pytest.approx(run.latents.rate.mean(), rel=1e-3)
    assert [direction.note for direction in run.directions["axes"]] == [
        f"{rate:.2f} nats" for rate in sorted(rates, reverse=True)
    ]


@pytest.mark.parametrize("stored", [3, None, [], [1, 2, 3, 4], [1, 2, 3, 4, "5"], [1, 2, 3, 4, {}], [[1]] * 5])
def test_rates_of_axes_in_the_scores_that_make_no_sense_are_measured_anew(level_folder, stored):
    rewrite_scores(level_folder, rate_per_dimension=stored)
    run = Library(level_folder.parent).open("digits-hierarchical-5")
    posterior = Posterior(run.latents.mean, run.latents.log_variance)
    np.testing.assert_allclose(run.axis_rates, posterior.rate().mean(0), rtol=1e-4)


def test_active_units_are_dimensions_of_at_least_a_hundredth_of_a_nat():
    rates = ([0.01, 0.00999], [2.0, 0.02], [0.0, 0.0], None)
    history = fit_history.history_of([epoch(i + 1, rate_per_dimension=r) for i, r in enumerate(rates)], 2)
    np.testing.assert_array_equal(history.active, [1, 2, 0, np.nan])


def test_a_very_long_history_is_thinned_evenly():
    history = fit_history.history_of([epoch(n) for n in range(1, 5002)], 2)
    assert fit_history.MOST_EPOCHS / 2 < len(history.epochs) <= fit_history.MOST_EPOCHS
    assert len(set(np.diff(history.epochs))) == 1


def test_a_model_in_memory_has_no_history_and_says_so_in_a_sentence(library):
    told = report.story(library, "two-vae")
    assert told["note"] == report.NO_HISTORY
    assert told["parts"] == []
    assert told["sheets"] == []
    assert {row["name"]: row["text"] for row in told["card"]}["Latent dimension"] == "2"


@pytest.fixture
def runs(twin_runs, tmp_path) -> Path:
    """Copies of the twins of the disk, to break at will."""
    return Path(shutil.copytree(twin_runs, tmp_path / "runs"))


def write_history(folder: Path, lines: list[Any]) -> None:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (folder / "history.jsonl").write_text("\n".join(texts))


@pytest.mark.parametrize(
    ("lines", "sentence", "drawn_epochs"),
    [
        ([epoch(1), epoch(2)], None, 2),
        ([epoch(1)], None, 1),
        ([epoch(1), "{half a li", epoch(3)], "1 line of its history.jsonl cannot be read or is out of order", 2),
        ([epoch(1), "[]", epoch(1), epoch(4)], "2 lines of its history.jsonl cannot be read or are out of order", 2),
        (["{", "7"], "No line of its history.jsonl can be read", 0),
        ([], report.LOST_HISTORY, 0),
        (None, report.LOST_HISTORY, 0),
    ],
)
def test_whatever_a_history_lacks_is_one_sentence_and_the_rest_is_drawn(runs, lines, sentence, drawn_epochs):
    folder = runs / "digits-vae-2"
    if lines is None:
        (folder / "history.jsonl").unlink()
    else:
        write_history(folder, lines)
    library = Library(runs)
    told = report.story(library, "digits-vae-2")
    assert told["note"] is None if sentence is None else told["note"].startswith(sentence)
    assert ("sum" in told["parts"]) == (drawn_epochs > 0)
    for part in report.PARTS:
        for trace in drawn(report.loss_figure, library, "digits-vae-2", part=part)["data"]:
            assert len(decoded(trace["x"])) == drawn_epochs
    for of in report.AXIS_TITLES:
        drawn(report.axis_figure, library, "digits-vae-2", of=of)


def test_a_fit_that_diverged_is_drawn_up_to_there(runs):
    lost = epoch(3, train={"distortion": math.nan, "rate": math.inf}, rate_per_dimension=[math.nan, 1], lr=-math.inf)
    write_history(runs / "digits-vae-2", [epoch(1), epoch(2), lost])
    library = Library(runs)
    assert report.story(library, "digits-vae-2")["note"] is None
    figure = drawn(report.loss_figure, library, "digits-vae-2", part="sum")
    np.testing.assert_array_equal(decoded(figure["data"][0]["y"]), [32, 17, np.nan])
    assert np.isfinite(figure["layout"]["yaxis"]["range"]).all()


def test_any_two_runs_share_a_frame_and_keep_their_colours(library):
    for name, other in (("two-vae", "five-vae"), ("two-ae", "five-vae"), ("two-ae", "five-ae")):
        one, two = (report.pair(library, *names) for names in ((name, other), (other, name)))
        assert [(number, run.name) for number, run in one] == [(number, run.name) for number, run in two]
        assert [number for number, _ in one] == [0, 1]
    assert [number for number, _ in report.pair(library, "two-ae")] == [1]
    assert [number for number, _ in report.pair(library, "two-ae", "two-ae")] == [1]
    with pytest.raises(CheckpointError):
        drawn(report.loss_figure, library, "two-vae", **{"with": "../etc"})


def test_bars_of_two_vaes_are_on_one_scale_and_an_autoencoders_on_its_own(library):
    def top(name, **query):
        return drawn(report.bar_figure, library, name, **query)["layout"]["yaxis"]["range"][1]

    highest = max(report.ranked_axes(library.open(name))[1].max() for name in ("two-vae", "five-vae"))
    assert (
        top("two-vae", **{"with": "five-vae"})
        == top("five-vae", **{"with": "two-vae"})
        == pytest.approx(1.05 * highest)
    )
    assert top("two-vae", **{"with": "two-ae"}) == top("two-vae")
    assert "range" not in drawn(report.bar_figure, library, "two-ae", **{"with": "two-vae"})["layout"]["yaxis"]


def test_fits_of_different_lengths_are_drawn_across_epochs_or_their_shares(runs):
    write_history(runs / "digits-vae-2", [epoch(n) for n in (1, 2)])
    write_history(runs / "digits-ae-2", [epoch(n) for n in range(1, 9)])
    library = Library(runs)
    ends = {}
    for across in ("epochs", "share"):
        query = {"with": "digits-ae-2", "across": across, "part": "distortion"}
        figure = drawn(report.loss_figure, library, "digits-vae-2", **query)
        ends[across] = {trace["name"]: decoded(trace["x"])[-1] for trace in figure["data"]}
    assert set(ends["epochs"].values()) == {2, 8}
    assert set(ends["share"].values()) == {100}
    with pytest.raises(ShapeError, match="across must be"):
        drawn(report.loss_figure, library, "digits-vae-2", across="steps")
    with pytest.raises(ShapeError, match="of must be one of"):
        drawn(report.axis_figure, library, "digits-vae-2", of="epochs")


@pytest.mark.parametrize("place", ["metrics", "history"])
def test_the_noise_of_the_gradient_is_shown_where_it_was_measured(runs, place):
    folder, expected = runs / "digits-vae-2", {"reparameterised": 0.25, "score": 64.0}
    measured = {"gradient_variance": variances(**expected)}
    library = Library(runs)
    assert report.story(library, "digits-vae-2")["gradient"] is None
    with pytest.raises(ShapeError, match="was not measured"):
        drawn(report.gradient_figure, library, "digits-vae-2")
    if place == "metrics":
        stored = json.loads((folder / "metrics.json").read_text())
        stored["train"] |= measured
        (folder / "metrics.json").write_text(json.dumps(stored))
    else:
        write_history(folder, [epoch(1), epoch(2, **measured), epoch(3)])
    assert report.story(library, "digits-vae-2")["gradient"] == expected
    dots = drawn(report.gradient_figure, library, "digits-vae-2")["data"][0]
    assert dict(zip(dots["y"], decoded(dots["x"]), strict=True)) == expected


@pytest.mark.parametrize(
    "odd",
    [3, None, {}, {"score": 1.0}, variances(score=1.0)]
    + [variances(reparameterised=odd, score=1) for odd in (0.0, "<", [1], None)],
)
def test_a_noise_of_the_gradient_that_makes_no_sense_is_not_shown(runs, odd):
    write_history(runs / "digits-vae-2", [epoch(1, gradient_variance=odd)])
    assert report.story(Library(runs), "digits-vae-2")["gradient"] is None


def test_a_run_says_what_its_nats_are_nats_of(runs, library):
    scale = report.story(Library(runs), "digits-vae-2")["scale"]
    assert (scale["data set"], scale["likelihood"], scale["target"]) == ("digits", "bernoulli", "grey images")
    assert report.story(library, "two-vae")["scale"]["likelihood"] is None


def test_the_card_of_a_stored_run_holds_every_setting_once(runs):
    run = Library(runs).open("digits-vae-2")
    assert run.config is not None
    rows = run_card.card_rows(run.card, run.is_point)
    names = [row["name"] for row in rows if row["group"].endswith("ettings")]
    assert len(names) == len(set(names))
    further = {row["name"]: row["text"] for row in rows if row["group"] == "Further settings"}
    assert further["Weight decay"] == "0.0001"
    assert further["Binarise"] == "no"
    assert len(further["Fingerprint"]) == 8
    assert "Sigma" not in further, "a Bernoulli likelihood has none"


def test_a_rate_of_many_dimensions_is_drawn_strongest_first_and_says_what_is_left_out():
    from explorer.plots.report import MOST_BARS, MOST_LINES, axis_bars, axis_lines

    order, active = np.arange(300)[::-1], np.ones(300, dtype=bool)
    bars: Any = json.loads(axis_bars(np.linspace(3, 0, 300), order, active, "nats", 0, "light").to_json() or "")
    assert bars["layout"]["meta"] == {"drawn": MOST_BARS, "of": 300}
    assert list(decoded(bars["data"][0]["customdata"])) == list(order[:MOST_BARS])
    assert len(bars["layout"]["xaxis"]["ticktext"]) <= 24
    figure = axis_lines(np.array([1, 2]), np.ones((2, 300)), order, active, "nats", 0, "light")
    lines: Any = json.loads(figure.to_json() or "")
    assert lines["layout"]["meta"] == {"drawn": MOST_LINES, "of": 300}
    assert [line["name"] for line in lines["data"]] == [f"axis {j}" for j in order[:MOST_LINES]]


def test_dimensions_are_sorted_by_rate_and_an_autoencoders_by_variance(library):
    run = library.open("five-vae")
    told = report.story(library, "five-vae")["axes"]
    rates = [axis["rate"] for axis in told]
    assert rates == sorted(rates, reverse=True)
    assert sorted(axis["axis"] for axis in told) == list(range(5))
    for axis in told:
        assert axis["active"] == (run.latents.mean[:, axis["axis"]].var() > 0.01)
    variances = [axis["variance"] for axis in report.story(library, "two-ae")["axes"]]
    assert variances == sorted(variances, reverse=True)


def test_bars_are_the_models_rates_and_say_which_axis_they_are(library):
    order, rates, _, _ = report.ranked_axes(library.open("five-vae"))
    figure = json.loads(report.bar_figure(library, "five-vae", {"theme": "dark"}))
    assert len(figure["data"]) == 1
    assert figure["layout"]["xaxis"]["ticktext"] == [str(j) for j in order]
    assert rates.sum() == pytest.approx(library.open("five-vae").latents.rate.mean(), rel=1e-4)


def test_a_collapsed_dimension_is_hatched_among_the_bars_and_dotted_among_the_lines():
    from explorer.plots.report import axis_bars, axis_lines

    order, active = np.array([1, 0]), np.array([False, True])
    bars: Any = json.loads(axis_bars(np.array([2.0, 0.001]), order, active[order], "nats", 0, "light").to_json() or "")
    assert bars["data"][0]["marker"]["pattern"]["shape"] == ["", "/"]
    assert bars["data"][0]["text"] == ["axis 1, active", "axis 0, not active"]
    rates = np.array([[0.0, 3.0], [0.0, 2.0]])
    lines: Any = json.loads(axis_lines(np.array([1, 2]), rates, order, active, "nats", 0, "light").to_json() or "")
    assert [(line["name"], line["line"]["dash"]) for line in lines["data"]] == [("axis 1", "solid"), ("axis 0", "dot")]
    assert [note["text"] for note in lines["layout"]["annotations"]] == ["0", "1"]


def test_lines_that_end_together_share_their_words():
    from explorer.plots.report import axis_lines

    rates, order = np.array([[1.0, 1.01, 3.0]]), np.array([2, 1, 0])
    lines = axis_lines(np.array([1]), rates, order, np.ones(3, dtype=bool), "nats", 0, "dark")
    figure: Any = json.loads(lines.to_json() or "")
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["0, 1", "2"]


def test_the_codes_of_a_vae_stand_against_its_prior_and_an_autoencoders_against_their_own_gaussian(library):
    for name, prior in (("two-vae", True), ("two-ae", False)):
        meta = drawn(report.histogram_figure, library, name, axis="1")["layout"]["meta"]
        codes = library.open(name).latents.draw[:, 1]
        assert meta["prior"] is prior
        assert meta["axis"] == 1
        assert meta["mean"] == pytest.approx(codes.mean(), abs=1e-4)
        assert meta["deviation"] == pytest.approx(codes.std(), rel=1e-4)


@pytest.mark.parametrize("axis", ["", "-1", "2", "1.0", "a", "٣", "99999999999", "0,1"])
def test_an_axis_that_is_none_is_refused(library, axis):
    with pytest.raises(ShapeError, match="from 0 to 1"):
        drawn(report.histogram_figure, library, "two-vae", axis=axis)


@pytest.mark.parametrize("part", ["", "loss", "Sum", "__class__"])
def test_a_part_of_the_losses_that_is_none_is_refused(library, part):
    with pytest.raises(ShapeError, match="part must be one of"):
        drawn(report.loss_figure, library, "two-vae", part=part)


@pytest.mark.parametrize("part", report.PARTS)
def test_losses_of_a_model_without_a_history_are_an_empty_figure(library, part):
    assert drawn(report.loss_figure, library, "two-vae", part=part)["data"] == []


def test_the_card_tells_scores_with_their_intervals_and_leaves_out_what_is_not_known():
    test = {"elbo": -92.801, "elbo_interval": [-93.271, -92.331], "mse": 0.0063, "rate": "<img>", "active_units": 2}
    metrics = {"test": test, "train": {"seconds": 1073.7, "images_per_second": 2487.6, "device": ["cpu"]}}
    rows = {row["name"]: row for row in run_card.card_rows(card("a", "vae", metrics), False)}
    assert rows["ELBO"]["text"] == "−92.80"
    assert rows["ELBO"]["detail"] == "−93.27 to −92.33"
    assert rows["Squared error"]["text"] == "0.00630"
    assert rows["Active units"]["text"] == "2 of 2"
    assert rows["Time"]["text"] == "18 min"
    assert rows["Speed"]["text"] == "2,488"
    assert not {"Rate", "Device", "NLL bound"} & rows.keys()


def test_the_card_tells_what_its_scores_rest_on():
    test = {"sigma": 0.3, "effective_beta": 13.15, "clamped": 0.714, "nll_iw_samples": 1000, "nll_iw_images": 250}
    told = {"tell_apart": {"value": 0.727}}
    sizes = {"reference_n": 2500, "fitting_n": 2400, "calibration_n": 300, "rank": 1}
    metrics = {"test": test, "holes": {"default_law": "gmm10", "gmm10": told, "frechet_floor": {"value": 1.6}, **sizes}}
    rows = {row["name"]: row for row in run_card.card_rows(card("a", "vae", metrics), False)}
    for name, text in (
        ("Sigma", "0.3"),
        ("Effective beta", "13"),
        ("At the clamp", "71 %"),
        ("Codes behind the holes", "|R| = 2,500, |G| = 2,400, |C| = 300"),
        ("K of the NLL bound", "1,000"),
        ("Dimensions spanned", "1 of 2"),
        ("Random draws", "from ten fitted bells"),
    ):
        assert rows[name]["text"] == text
    assert rows["K of the NLL bound"]["detail"] == "250 images"
    assert "0.73" in rows["Random draws"]["detail"]
    sound = {"test": test | {"clamped": 0.001}, "holes": sizes | {"rank": 2, "default_law": "none"}}
    plain = {row["name"] for row in run_card.card_rows(card("a", "vae", sound), False)}
    assert not {"At the clamp", "Dimensions spanned", "Random draws"} & plain
