"""Figures: what is drawn is what was handed in, on equal scales, in both themes."""

import base64
import json
import re

import numpy as np
import pytest

from explorer.plots import holes, scores, style, training


def numbers(spec):
    """The numbers of an array as plotly's JSON carries it."""
    if isinstance(spec, dict):
        kinds = {"f4": "<f4", "f8": "<f8", "i4": "<i4", "i2": "<i2", "i1": "i1", "u1": "u1"}
        flat = np.frombuffer(base64.b64decode(spec["bdata"]), dtype=kinds[spec["dtype"]])
        return flat.reshape([int(n) for n in spec["shape"].split(",")]) if "shape" in spec else flat
    return np.asarray(spec)


def as_json(figure):
    return json.loads(style.as_json(figure))


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)


@pytest.fixture
def labels():
    return np.random.default_rng(1).integers(0, 3, 50)


def hole_map(points, theme: style.Theme = "light", **changes):
    grid = np.random.default_rng(2).uniform(0.001, 1, size=(11, 11))
    given = {
        "p_grid": grid,
        "extent": 3.0,
        "plane": {"origin": np.zeros(2), "first": np.ones(2), "second": np.ones(2)},
        "codes": points,
        "nearness": None,
        "labels": None,
        "names": None,
        "lattice": "data:image/png;base64,AAAA",
        "lattice_holes": np.eye(4, dtype=bool),
    } | changes
    return grid, as_json(holes.hole_map(theme=theme, **given))


@pytest.mark.parametrize("theme", style.THEMES)
def test_a_hole_map_holds_the_p_values_it_was_given_on_one_fixed_scale(points, theme):
    grid, figure = hole_map(points, theme)
    heat = figure["data"][0]
    assert heat["type"] == "heatmap"
    np.testing.assert_allclose(10 ** numbers(heat["z"]), grid, rtol=1e-5)
    assert (heat["zmin"], heat["zmax"]) == (-3, 0)
    ticks = numbers(heat["x"])
    assert (ticks[0], ticks[-1], len(ticks)) == (-3, 3, 11)


def test_the_edge_of_the_holes_is_drawn_at_the_level_of_a_hole(points):
    _, figure = hole_map(points)
    edge = next(trace for trace in figure["data"] if trace["type"] == "contour")
    assert 10 ** edge["contours"]["value"] == pytest.approx(0.05)


def test_every_hole_is_hatched_and_nothing_else(points):
    _, figure = hole_map(points)
    path = figure["layout"]["shapes"][0]["path"]
    starts = re.findall(r"M(-?[\d.]+),(-?[\d.]+)", path)
    assert [(float(x), float(y)) for x, y in starts] == [(-3, -3), (-1.5, -1.5), (0, 0), (1.5, 1.5)]


def test_hatching_of_a_model_without_holes_draws_nothing():
    assert "L" not in holes.hatching(np.zeros((4, 4), dtype=bool), 3.0)


def test_codes_far_from_the_slice_fade(points):
    nearness = np.linspace(0, 1, 50)
    _, figure = hole_map(points, nearness=nearness)
    dots = next(trace for trace in figure["data"] if trace["type"] == "scattergl")
    np.testing.assert_allclose(numbers(dots["marker"]["opacity"]), nearness, rtol=1e-6)


def test_the_lattice_waits_below_the_map_and_fills_the_same_square(points):
    _, figure = hole_map(points)
    picture = figure["layout"]["images"][0]
    assert picture["visible"] is False
    assert (picture["x"], picture["y"], picture["sizex"], picture["sizey"]) == (-3, 3, 6, 6)
    assert picture["layer"] == "below"


def test_the_curve_at_the_level_is_the_share_of_samples_in_holes():
    p = np.random.default_rng(3).uniform(0.001, 1, 4000) ** 2
    figure = as_json(scores.p_value_curves({"raw": p}, "light"))
    curve = next(trace for trace in figure["data"] if "raw" in trace["name"])
    x, y = numbers(curve["x"]), numbers(curve["y"])
    at = np.argmin(np.abs(x - 0.05))
    assert y[at] == pytest.approx((p <= x[at]).mean())
    assert y[-1] == 1


def test_each_law_keeps_its_colour_and_dash_in_every_figure():
    p = {"white": np.array([0.5]), "gmm10": np.array([0.5])}
    both = as_json(scores.p_value_curves(p, "light"))["data"]
    alone = as_json(scores.p_value_curves({"gmm10": np.array([0.2])}, "light"))["data"]
    line = {trace["name"]: trace.get("line") for trace in both}
    assert next(trace["line"] for trace in alone if "GMM" in trace["name"]) in line.values()
    assert len({json.dumps(value) for value in line.values()}) == 3


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_words_stand_out_from_the_page_in_both_themes():
    pages: dict[style.Theme, float] = {"light": 1.0, "dark": luminance("#0b0f19")}
    for theme, page in pages.items():
        ink = luminance(style.INKS[theme].text)
        low, high = sorted((ink, page))
        assert (high + 0.05) / (low + 0.05) > 7, "WCAG AAA"


@pytest.mark.parametrize("theme", style.THEMES)
def test_a_curve_that_never_moves_stands_in_the_middle_of_its_frame(theme):
    epochs = np.arange(1.0, 41)
    for value in (0.001, 0.0, 30.0, -5.0):
        curve = training.Curve("a", 0, epochs, np.full(40, value), None)
        low, high = as_json(training.loss_curves([curve], "x", theme))["layout"]["yaxis"]["range"]
        assert low < value < high
        assert (low + high) / 2 == pytest.approx(value)


def test_counts_start_at_zero_and_have_whole_numbers():
    curve = training.Curve("a", 0, np.arange(1.0, 4), np.array([2.0, 1, 2]), None)
    axis = as_json(training.loss_curves([curve], "units", "light", counts=True))["layout"]["yaxis"]
    assert axis["range"][0] == 0
    assert axis["dtick"] == 1


def test_a_single_epoch_is_a_point_at_its_own_number():
    curve = training.Curve("a", 0, np.array([7.0]), np.array([2.0]), np.array([3.0]))
    figure = as_json(training.loss_curves([curve], "nats", "light"))
    assert figure["layout"]["xaxis"]["range"] == [6.5, 7.5]
    assert figure["layout"]["xaxis"]["dtick"] == 1
    lines = as_json(
        training.axis_lines(np.array([7.0]), np.ones((1, 2)), np.arange(2), np.ones(2, bool), "nats", 0, "light")
    )
    assert {trace["mode"] for trace in lines["data"]} == {"markers"}


def test_variances_of_the_gradient_are_told_apart_on_a_logarithmic_scale():
    figure = as_json(training.gradient_dots({"reparameterised": 0.02, "score": 50.0}, 0, "dark"))
    assert figure["layout"]["xaxis"]["type"] == "log"
    low, high = figure["layout"]["xaxis"]["range"]
    assert 10**low < 0.02 < 50 < 10**high
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["50", "0.02"]
    assert figure["data"][0]["y"][-1] == "reparameterised", "the last category stands at the top"
