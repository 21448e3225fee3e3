"""Figures: what is drawn is what was handed in, on equal scales, in both themes."""

import base64
import json

import numpy as np
import pytest

from explorer.analysis.laws import LAWS
from explorer.plots import report, scores, style


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


def test_the_curve_at_the_level_is_the_share_of_samples_in_holes():
    p = np.random.default_rng(3).uniform(0.001, 1, 4000) ** 2
    figure = as_json(scores.p_value_curves({"raw": p}, "light"))
    curve = next(trace for trace in figure["data"] if trace["name"] == LAWS["raw"].title)
    x, y = numbers(curve["x"]), numbers(curve["y"])
    at = np.argmin(np.abs(x - 0.05))
    assert y[at] == pytest.approx((p <= x[at]).mean())
    assert y[-1] == 1


def test_each_law_keeps_its_colour_and_dash_in_every_figure():
    p = {"white": np.array([0.5]), "gmm10": np.array([0.5])}
    both = as_json(scores.p_value_curves(p, "light"))["data"]
    alone = as_json(scores.p_value_curves({"gmm10": np.array([0.2])}, "light"))["data"]
    line = {trace["name"]: trace.get("line") for trace in both}
    assert next(trace["line"] for trace in alone if trace["name"] == LAWS["gmm10"].title) in line.values()
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
        curve = report.Curve("a", 0, epochs, np.full(40, value), None)
        low, high = as_json(report.loss_curves([curve], "x", theme))["layout"]["yaxis"]["range"]
        assert low < value < high
        assert (low + high) / 2 == pytest.approx(value)


def test_counts_start_at_zero_and_have_whole_numbers():
    curve = report.Curve("a", 0, np.arange(1.0, 4), np.array([2.0, 1, 2]), None)
    axis = as_json(report.loss_curves([curve], "units", "light", counts=True))["layout"]["yaxis"]
    assert axis["range"][0] == 0
    assert axis["dtick"] == 1


def test_a_single_epoch_is_a_point_at_its_own_number():
    curve = report.Curve("a", 0, np.array([7.0]), np.array([2.0]), np.array([3.0]))
    figure = as_json(report.loss_curves([curve], "nats", "light"))
    assert figure["layout"]["xaxis"]["range"] == [6.5, 7.5]
    assert figure["layout"]["xaxis"]["dtick"] == 1
    lines = as_json(
        report.axis_lines(np.array([7.0]), np.ones((1, 2)), np.arange(2), np.ones(2, bool), "nats", 0, "light")
    )
    assert {trace["mode"] for trace in lines["data"]} == {"markers"}


def test_variances_of_the_gradient_are_told_apart_on_a_logarithmic_scale():
    figure = as_json(report.gradient_dots({"reparameterised": 0.02, "score": 50.0}, 0, "dark"))
    assert figure["layout"]["xaxis"]["type"] == "log"
    low, high = figure["layout"]["xaxis"]["range"]
    assert 10**low < 0.02 < 50 < 10**high
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["50", "0.02"]
    assert figure["data"][0]["y"][-1] == "reparameterised", "the last category stands at the top"
