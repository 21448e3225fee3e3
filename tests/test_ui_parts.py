"""Live parts of the page in Python: what they hold, where they may lead, and what is said of a missing data set."""

from types import SimpleNamespace
from typing import Any, get_args

import gradio as gr
import numpy as np
import pytest

from explorer.library import ImagesTrouble, Library, TroubleKind
from explorer.ui import components, reconstruct
from explorer.ui.bare import Part
from tests.fakes import linear_coder


@pytest.fixture(scope="module")
def library() -> Library:
    """A library that holds `two-ae`, a linear model."""
    library = Library(None)
    coder = linear_coder(2, log_variance=None)
    library.hold("two-ae", coder, np.clip(coder.sample_images(60, np.random.default_rng(0)), 0, 1))
    return library


def test_what_is_wrong_with_a_data_set_is_said_and_only_a_missing_one_is_offered(monkeypatch):
    library = Library(None)
    coder = linear_coder(2)
    library.hold("mine", coder, np.clip(coder.sample_images(60, np.random.default_rng(0)), 0, 1))
    assert reconstruct.looked(library, "mine")[0]["visible"] is False
    assert reconstruct.looked(library, None)[0]["visible"] is False
    assert reconstruct.looked(library, "nope")[0]["visible"] is False
    for kind in get_args(TroubleKind):
        offered = kind == "missing"
        trouble = ImagesTrouble(kind, f"It is {kind}: /srv/somebody/data/<b>.")
        monkeypatch.setattr(library, "images_trouble", lambda name, trouble=trouble: trouble)
        monkeypatch.setattr(library, "can_download", lambda name, offered=offered: offered)
        note, words, button = reconstruct.looked(library, "mine")
        assert note["visible"]
        assert f"It is {kind}" in words["value"]
        assert "<b>" not in words["value"]
        assert "somebody" not in words["value"]
        assert button["visible"] is offered


def test_the_page_goes_where_a_live_part_asks_if_that_is_there(library):
    page: Any = SimpleNamespace(library=library)
    picked, opened = components.wish(page, {"run": "two-ae", "tab": "map"})
    assert picked == "two-ae"
    assert isinstance(opened, gr.Tabs)
    assert opened.selected == "map"


@pytest.mark.parametrize(
    "asked", [None, 3, [], "map", {}, {"tab": "settings"}, {"tab": ["map"]}, {"run": 5}, {"run": None, "tab": None}]
)
def test_a_wish_that_makes_no_sense_changes_nothing(library, asked):
    page: Any = SimpleNamespace(library=library)
    assert components.wish(page, asked) == (gr.skip(), gr.skip())


def test_a_wish_for_a_run_that_is_not_there_changes_nothing(library, monkeypatch):
    said = []
    monkeypatch.setattr(gr, "Warning", said.append)
    page: Any = SimpleNamespace(library=library)
    assert components.wish(page, {"run": "<img src=x onerror=alert(1)>"})[0] == gr.skip()
    assert said
    assert "<" not in said[0]


@pytest.mark.parametrize("name", ["two-ae", "${alert(1)} {{x}}"])
def test_no_template_of_a_live_part_holds_data(name):
    with gr.Blocks(analytics_enabled=False):
        page: Any = SimpleNamespace(static_url="explorer/static/abc", run=gr.Textbox(name), tabs=gr.Tabs())
        part = components.live(page, Part("holes/tab", "holes of both models"))
    for template in (part.html_template, str(part.js_on_load)):
        assert name not in template
        assert "{{" not in template
        assert "${" not in template


@pytest.mark.parametrize(("module", "label"), [("holes/tab'", "x"), ("holes/tab", "<b>"), ("holes/tab", "${x}")])
def test_a_live_part_is_named_in_letters_alone(module, label):
    with pytest.raises(AssertionError):
        Part(module, label)
