"""Start in a real browser, over shipped runs: every step is guessed, done and seen, is a link, and leads back."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from explorer.analysis.counter import CounterGenerator
from explorer.library import Library
from explorer.site import library_of
from explorer.views.start import story
from tests.browser.driver import expect, expect_grey
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

RUN, PAIR = "digits-vae-8", ("digits-ae-8", "digits-vae-8")

TITLES = ("Autoencoder", "VAE")

MOST_WORDS, MOST_NUMBERS = 40, 6

SEEN = """() => {
  const host = document.querySelector('#explorer-start .xp-host'), found = [];
  const walker = document.createTreeWalker(host, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { currentNode: node } = walker, range = document.createRange(), within = node.parentElement;
    if (!within.checkVisibility({ visibilityProperty: true }) || within.closest('.xp-unseen')) continue;
    range.selectNodeContents(node);
    const { width, top } = range.getBoundingClientRect();
    if (width > 1 && top < innerHeight) found.push(node.textContent);
  }
  return found.join(' ');
}"""
"""The words of the tab that are seen without scrolling."""


@pytest.fixture(scope="module")
def shipped() -> Library:
    return Library(ROOT / "checkpoints")


@pytest.fixture(scope="module")
def app_url(shipped: Library) -> Iterator[str]:
    """Address of a page over the shipped runs."""
    from explorer.ui.app import serve

    server = serve(shipped, port=0)
    yield server.url.rstrip("/") + "/"
    server.close()


@pytest.fixture(scope="module")
def alone_url(exported) -> str:
    """Address of an exported page of the run, its twin and its ladder."""
    return exported(library_of(ROOT / "checkpoints", [RUN], None, with_images=False), False)


@pytest.fixture
def opened(page, home: str) -> Callable[..., Any]:
    """Open a step; returns the tab's part of the page."""

    def at(step: int = 1, state: str = "", run: str = RUN):
        page.emulate_media(reduced_motion="reduce")
        page.goto("about:blank")
        page.goto(f"{home}#v=1&run={run}&tab=start&start.step={step}{state}")
        tab = page.locator(f"#explorer-start [data-ready='{run} {step}']")
        tab.wait_for()  # two runs of faces are opened for the first time
        return tab

    return at


def empties(library: Library, run: str, law: str, seed: int) -> list[bool]:
    """Of ten draws of a run whether each lies in a hole, computed here."""
    held = library.open(run)
    latents = held.sample(law, 10, CounterGenerator(seed))  # pyright: ignore[reportArgumentType] - draws as numpy's does
    return [bool(p <= 0.05) for p in held.vacancy.p_value(latents)]


def model(tab, title: str):
    """The side of one model."""
    return tab.locator(".xp-st-model", has=tab.page.get_by_role("heading", name=title, exact=True))


def hatched(tab, title: str) -> list[bool]:
    """Which of the ten draws of a model are framed."""
    tiles = model(tab, title).get_by_role("button", name=re.compile(r"^draw \d+")).all()
    return ["in a hole" in (tile.get_attribute("aria-label") or "") for tile in tiles]


def guess(tab, title: str, value: int) -> None:
    model(tab, title).get_by_role("slider").fill(str(value))


def stroke(page, pad) -> None:
    box = pad.bounding_box()
    at = [(0.3, 0.25), (0.65, 0.25), (0.5, 0.5), (0.65, 0.75), (0.3, 0.75)]
    page.mouse.move(box["x"] + at[0][0] * box["width"], box["y"] + at[0][1] * box["height"])
    page.mouse.down()
    for x, y in at[1:]:
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
    page.mouse.up()


# --- the steps --------------------------------------------------------------------------------------------------------


def test_the_page_opens_on_the_story_where_no_tab_is_named(page, home):
    page.goto(home)
    expect(page.get_by_role("tab", name="Start")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("heading", name="An autoencoder remembers")).to_be_visible()


@pytest.mark.anywhere
def test_a_drawing_becomes_numbers_and_comes_back_from_both_models(opened, page, shipped, latent_of, decode_of):
    tab = opened()
    canvases = [model(tab, title).get_by_role("img", name=re.compile("draws from it$")) for title in TITLES]
    for canvas in canvases:
        expect(canvas).to_be_visible()  # an example is there before anybody draws
    tab.get_by_role("button", name="VAE", exact=True).click()
    expect(tab.get_by_text("No. The autoencoder does: on test images")).to_be_visible()
    examples = [canvas.get_attribute("data-latent") for canvas in canvases]
    stroke(page, tab.get_by_role("application", name="drawing pad"))
    for title, name, canvas, example in zip(TITLES, PAIR, canvases, examples, strict=True):
        expect(canvas).to_have_attribute("data-latent", re.compile(r"(,.*){7}"))
        expect(canvas).not_to_have_attribute("data-latent", example)
        expect(model(tab, title).get_by_role("img", name=re.compile(": 8 numbers$"))).to_be_visible()
        expect_grey(canvas, decode_of(shipped.open(name), latent_of(canvas)), atol=1)


def test_a_link_to_an_example_shows_the_same_code(opened, page):
    name = "what the VAE draws from it"
    linked = opened(state="&start.image=2").get_by_role("img", name=name)
    expect(linked).to_have_attribute("data-latent", re.compile(r"(,.*){7}"))
    code = linked.get_attribute("data-latent")
    # the server and the browser differ in the last digits of a code: three of each number must agree
    same = re.compile(
        "^" + ",".join(re.escape(number[: number.index(".") + 4]) + r"\d*" for number in code.split(",")) + "$"
    )
    tab = opened(state="&start.image=1")
    expect(tab.get_by_role("img", name=name)).not_to_have_attribute("data-latent", same)
    tab.get_by_role("button", name="An example").click()
    page.wait_for_function("location.hash.includes('start.image=2')")
    expect(tab.get_by_role("img", name=name)).to_have_attribute("data-latent", same)


@pytest.mark.anywhere
@pytest.mark.parametrize(("step", "law", "state"), [(2, "raw", "prior"), (3, "white", "one")])
def test_ten_draws_are_guessed_drawn_counted_and_told(opened, page, shipped, step, law, state):
    tab = opened(step)
    guess(tab, "Autoencoder", 3)
    guess(tab, "VAE", 1)
    tab.get_by_role("button", name="Draw ten").click()
    expect(tab.get_by_role("button", name="Draw ten more")).to_be_enabled()
    for title, name in zip(TITLES, PAIR, strict=True):
        expected = empties(shipped, name, law, 1)
        assert hatched(tab, title) == expected
        expect(model(tab, title).get_by_text(f"holes: {sum(expected)} of 10")).to_be_visible()
        expect(model(tab, title).get_by_role("slider")).to_be_disabled()
    expect(tab.get_by_text(story(shipped, RUN)["laws"][law]["short"])).to_be_visible()
    page.wait_for_function(f"location.hash.includes('start.{state}=1')")
    tab.get_by_role("button", name="Draw ten more").click()
    total = sum(empties(shipped, PAIR[0], law, 1) + empties(shipped, PAIR[0], law, 2))
    expect(model(tab, "Autoencoder").get_by_text(f"holes: {total} of 20")).to_be_visible()
    again = opened(step, f"&start.{state}=2")
    expect(model(again, "Autoencoder").get_by_text(f"holes: {total} of 20")).to_be_visible()
    expect(model(again, "Autoencoder").get_by_role("slider")).to_have_attribute("aria-valuetext", "3 of ten")


@pytest.mark.anywhere
def test_both_models_draw_from_the_same_numbers(opened, latent_of):
    tab = opened(2, "&start.prior=1")
    shown = [latent_of(model(tab, title).locator(".xp-st-large canvas")) for title in TITLES]
    np.testing.assert_array_equal(*shown)
    tiles = model(tab, "VAE").get_by_role("button", name=re.compile(r"^draw 3"))
    tiles.focus()
    moved = [latent_of(model(tab, title).locator(".xp-st-large canvas")) for title in TITLES]
    np.testing.assert_array_equal(*moved)
    assert not np.array_equal(shown[0], moved[0])


def test_a_cell_that_is_pressed_is_the_guess(opened):
    tab = opened(2)
    model(tab, "VAE").locator(".xp-st-cells span").nth(4).click()
    expect(model(tab, "VAE").get_by_role("slider")).to_have_attribute("aria-valuetext", "4 of ten")


def test_ten_bells_are_a_choice_and_stand_in_the_link(opened, page, shipped):
    tab = opened(3)
    tab.get_by_text("ten fitted bells").click()
    tab.get_by_role("button", name="Draw ten").click()
    count = sum(empties(shipped, PAIR[0], "gmm10", 1))
    expect(model(tab, "Autoencoder").get_by_text(f"holes: {count} of 10")).to_be_visible()
    page.wait_for_function("location.hash.includes('start.law=gmm10') && location.hash.includes('start.ten=1')")


@pytest.mark.anywhere
def test_the_map_shows_codes_then_draws_and_decodes_under_the_pointer(opened, page, shipped, latent_of):
    tab = opened(4)
    expect(tab.locator(".xp-st-mark.xp-pin")).to_have_count(0)
    tab.get_by_role("button", name="VAE", exact=True).click()
    page.wait_for_function("location.hash.includes('start.laid=1')")
    for title, name in zip(TITLES, PAIR, strict=True):
        expected = sum(sum(empties(shipped, name, "raw", seed)) for seed in (1, 2, 3))
        expect(model(tab, title).locator(".xp-st-mark")).to_have_count(30)
        expect(model(tab, title).locator(".xp-st-mark.xp-st-hatched")).to_have_count(expected)
    canvas = model(tab, "VAE").get_by_role("img", name="decode of the VAE under the pointer")
    expect(canvas).to_have_attribute("data-latent", re.compile(","))
    before = latent_of(canvas)
    box = model(tab, "VAE").locator(".xp-plane-pad").bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    expect(canvas).not_to_have_attribute("data-latent", ",".join(map(str, before)))
    again = opened(4, "&start.laid=1&start.law=white")
    expect(again.get_by_role("radio", name="one fitted bell")).to_be_checked()
    expect(model(again, "VAE").locator(".xp-st-mark")).to_have_count(30)


@pytest.mark.anywhere
def test_beta_leads_through_the_ladder_and_a_collapsed_model_says_so(opened, page, shipped):
    tab = opened(5)
    tab.get_by_role("button", name="fewer holes").click()
    slider = tab.get_by_role("slider", name="beta")
    for _ in range(5):
        slider.press("ArrowRight")
    expect(tab.locator("[data-rung='4']")).to_be_visible()
    expect(slider).to_have_attribute("aria-valuetext", "beta 4")
    expect(tab.get_by_text("This model ignores its latents: 0 of 8 dimensions carry anything.")).to_be_visible()
    expect(tab.get_by_text(story(shipped, RUN)["ladder"]["short"])).to_be_visible()
    page.wait_for_function("location.hash.includes('start.beta=4')")
    again = opened(5, "&start.beta=0.3")
    expect(again.locator("[data-rung='0.3']")).to_be_visible()
    expect(again.get_by_text("This model ignores its latents")).to_be_hidden()


def test_guesses_are_summed_up_and_the_questions_answered_at_the_end(opened):
    tab = opened(2)
    guess(tab, "Autoencoder", 10)
    tab.get_by_role("button", name="Draw ten").click()
    expect(tab.get_by_role("button", name="Draw ten more")).to_be_enabled()
    for _ in range(4):
        tab.page.get_by_role("button", name=re.compile("^Next")).click()
    end = tab.page.locator(f"#explorer-start [data-ready='{RUN} 6']")
    expect(end.get_by_text("You expected")).to_be_visible()
    end.get_by_text("Which model has more?").click()
    expect(end.get_by_text("From the prior, ")).to_be_visible()
    expect(end.get_by_text(re.compile("digits-(ae|vae)-8"))).to_have_count(0)
    expect(end.get_by_text("Make a face smile")).to_be_visible()
    end.get_by_role("link", name="Your own picture").click()
    expect(end.page.get_by_role("tab", name="Reconstruct")).to_have_attribute("aria-selected", "true")


# --- around them ------------------------------------------------------------------------------------------------------


def test_back_next_and_numbers_lead_through_the_steps(opened, page):
    opened()
    expect(page.get_by_role("button", name="Back", exact=True)).to_be_disabled()
    page.get_by_role("button", name=re.compile("^Next")).click()
    expect(page.get_by_role("heading", name="Can it also dream?")).to_be_focused()
    page.get_by_role("button", name=re.compile("^step 5")).click()
    page.wait_for_function("location.hash.includes('start.step=5')")
    expect(page.get_by_role("button", name=re.compile("^step 5"))).to_have_attribute("aria-current", "true")
    page.get_by_role("button", name="Back", exact=True).click()
    expect(page.get_by_role("heading", name="Why?")).to_be_visible()
    page.evaluate(f"location.hash = '#v=1&run={RUN}&tab=start&start.step=3'")
    page.locator(f"[data-ready='{RUN} 3']").wait_for()


def test_faces_start_from_a_decode_and_say_what_they_cannot_show(opened):
    tab = opened(1, run="celeba-vae-64")
    expect(tab.get_by_role("application")).to_have_count(0)
    expect(model(tab, "VAE").get_by_role("img", name=re.compile(": 64 numbers$"))).to_be_visible()
    tab.get_by_text("More", exact=True).click()
    expect(tab.get_by_text("stands for a photograph")).to_be_visible()
    tab = opened(5, run="celeba-vae-64")
    expect(tab.get_by_text("this data set has none")).to_be_visible()
    expect(tab.get_by_role("link", name="Show another data set's")).to_have_attribute(
        "href", re.compile("mnist-vae-16")
    )


STATES = [
    *[(step, "") for step in (1, 2, 4, 6)],
    *[(2, "&start.prior=1"), (3, "&start.one=1"), (4, "&start.laid=1"), (5, "&start.beta=4")],
]


@pytest.mark.parametrize(("step", "state"), STATES)
def test_a_step_says_little_above_the_fold(opened, page, step, state):
    page.set_viewport_size({"width": 1400, "height": 900})
    opened(step, state)
    text = page.evaluate(SEEN)
    words, numbers = re.findall(r"[^\W\d_][\w'’-]*", text), re.findall(r"(?<!\w)\d[\d.,]*", text)
    assert len(words) <= MOST_WORDS, text
    assert len(numbers) <= MOST_NUMBERS, text


@pytest.mark.parametrize(("step", "picture", "action"), [
    (1, ".xp-st-back canvas", ".xp-pad"), (2, ".xp-st-large", ".xp-st-press"), (3, ".xp-st-large", ".xp-st-press"),
    (4, ".xp-plane-square", ".xp-st-press"), (5, ".xp-st-strip", "input[type=range]"),
])  # fmt: skip
def test_on_a_phone_picture_and_action_are_seen_together(opened, page, step, picture, action):
    page.set_viewport_size({"width": 390, "height": 844})
    tab = opened(step)
    for part in (picture, action):
        box = tab.locator(part).locator("visible=true").first.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 844, part
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, part
