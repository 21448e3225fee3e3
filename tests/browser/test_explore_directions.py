"""Sets of directions in a real browser: classes, attributes, what was found, and links that name one."""

import json

import numpy as np
import pytest

from explorer.views.explore import found_direction
from tests.browser.driver import expect, expect_grey
from tests.browser.explore_page import drawn, image, seed_of, shows, status_of, typed, unfold

pytestmark = pytest.mark.browser

OFFER = """async ([run, direction]) => {
  const style = [...document.querySelectorAll('link')].find((link) => link.href.includes('kit/kit.css'));
  const { view } = await import(new URL('../page/view.js', style.href).href);
  view.offer(run, direction);
}"""
"""What another tab does that found a direction."""


def exact(page, name):
    return page.get_by_role("spinbutton", name=f"{name}, exact value", exact=True)


def attributes(page, count=30):
    """Let the server say that deep-vae has so many attributes, whose directions are its axes over and over."""

    def answer(route):
        told = route.fetch().json()
        axes = told["directions"]["axes"]
        told["directions"]["attributes"] = [
            {**axes[n % len(axes)], "name": f"Thing_{n}", "kind": "attribute", "note": "reliability 0.90, n 40 / 60"}
            for n in range(count)
        ]
        route.fulfill(json=told)

    page.route("**/api/run/deep-vae", answer)


@pytest.mark.anywhere
def test_a_class_slider_moves_the_latent_to_the_mean_of_the_class_along_its_direction(visit, run_of):
    page = visit(fragment="#v=1&run=deep-vae&tab=explore")
    page.get_by_text("Classes", exact=True).click()
    expect(page.locator(".xp-slider")).to_have_count(10)
    direction = run_of("deep-vae").directions["classes"][3]
    expect(page.locator(".xp-slider").nth(3)).to_contain_text("reliability")
    typed(exact(page, "3"), 1)
    shows(page, direction.moved(np.zeros(12, np.float32), 1.0), 1e-4)
    expect(page.locator(".xp-strip")).to_have_attribute("aria-label", "pictures along 3")
    page.wait_for_function("location.hash.includes('&dir=classes.3&')")


def test_many_attributes_are_found_by_a_filter(page, visit):
    attributes(page)
    visit(fragment="#v=1&run=deep-vae&tab=explore")
    page.get_by_text("Attributes", exact=True).click()
    expect(page.locator(".xp-slider")).to_have_count(6)
    filter_box = page.get_by_role("searchbox", name="Filter by name")
    expect(filter_box).to_be_hidden()
    page.get_by_role("button", name="Show all 30").click()
    expect(page.locator(".xp-slider")).to_have_count(30)
    filter_box.fill("thing 2")
    expect(page.locator(".xp-slider")).to_have_count(12)
    filter_box.fill("thing 29")
    typed(exact(page, "Thing 29"), 0.5)
    page.wait_for_function("location.hash.includes('&dir=attributes.29&')")
    filter_box.fill("nothing")
    expect(page.get_by_text("No direction has such a name.")).to_be_visible()
    page.get_by_role("button", name="Show the 6 strongest").click()
    expect(page.locator(".xp-slider")).to_have_count(6)


def test_a_walk_from_an_image_is_centred_on_its_own_latent_whatever_the_direction(visit, run_of, decode_of):
    page = visit(fragment="#v=1&run=deep-vae&tab=explore")
    typed(page.get_by_role("spinbutton", name="Test image number"), 17)
    run = run_of("deep-vae")
    latent = run.latents.mean[17]
    shows(page, latent, 1e-5)
    for words, kind, place in (("PCA directions", "pca", 0), ("Classes", "classes", 0), ("Latent axes", "axes", 0)):
        page.get_by_text(words, exact=True).click()
        direction = run.directions[kind][place]
        middle = page.locator(".xp-film").nth(4)
        page.wait_for_function(
            "([wanted]) => Math.abs(document.querySelectorAll('.xp-film')[4]?.dataset.value - wanted) < 1e-3",
            arg=[float(direction.coordinate(latent))],
        )
        expect_grey(middle.locator("canvas"), decode_of(run, latent), atol=1)
        expect(middle).to_have_attribute("aria-current", "true")
    typed(page.get_by_role("spinbutton", name="Test image number"), 600)
    expect(status_of(page)).to_have_text("Test images are numbered 0 to 599.")
    shows(page, latent, 1e-5)


def test_a_direction_is_found_by_logistic_regression_with_another_projected_out(visit, run_of):
    page = visit(fragment="#v=1&run=deep-vae&tab=explore")
    part = unfold(page, "another way")
    part.get_by_label("Direction to").select_option("3")
    part.get_by_label("Projected out").select_option("8")
    part.get_by_role("button", name="Find it").click()
    name = "3 (logistic) without 8"
    expect(page.get_by_role("slider", name=name, exact=True)).to_be_visible()
    expect(page.get_by_role("radio", name="Found")).to_be_checked()
    typed(exact(page, name), -1.5)
    direction = found_direction(run_of("deep-vae"), "class", "3", "logistic", "8").direction
    shows(page, direction.moved(np.zeros(12, np.float32), -1.5), 1e-3)
    assert "dir=" not in page.evaluate("location.hash"), "what was found on this page is on no other"


def test_a_direction_that_another_tab_found_is_offered_at_once(visit, run_of):
    page = visit()
    found = {"name": "line 1", "kind": "found", "vector": [0.6, 0.8], "offset": 0.5, "scale": 2.0, "low": -2, "high": 2}
    page.evaluate(OFFER, ["flat-vae", {**found, "note": "found on the map"}])
    page.get_by_text("Found", exact=True).click()
    typed(exact(page, "line 1"), 1)
    shows(page, [0.6 * 2.5, 0.8 * 2.5], 1e-4)
    page.evaluate(OFFER, ["flat-vae", {**found, "vector": [1, 0], "note": "found again"}])
    expect(page.locator(".xp-slider")).to_have_count(1)
    expect(page.locator(".xp-slider")).to_contain_text("found again")


def test_a_link_opens_the_direction_it_names(visit, run_of):
    page = visit(fragment="#v=1&run=deep-vae&tab=explore&dir=pca.10&z=" + ",".join(["0.5"] * 12))
    shows(page, np.full(12, 0.5), 1e-5)
    expect(page.get_by_role("radio", name="PCA directions")).to_be_checked()
    active = page.locator(".xp-slider.xp-active")
    expect(active).to_contain_text(run_of("deep-vae").directions["pca"][10].name)
    expect(page.locator(".xp-strip")).to_have_attribute("aria-label", "pictures along component 11")
    page.get_by_text("Latent axes", exact=True).click()
    page.wait_for_function("!location.hash.includes('dir=')")


@pytest.mark.parametrize(
    "odd", ["dir=pca.99", "dir=found.0", "dir=%3Cimg%3E", "dir=attributes.0", "grid=axes.0,axes.9,15"]
)
def test_a_direction_that_is_not_there_is_passed_over(visit, odd):
    page = visit(fragment=f"#v=1&run=flat-vae&tab=explore&{odd}&z=0.5,-0.5")
    shows(page, [0.5, -0.5], 1e-5)
    expect(page.get_by_role("radio", name="Latent axes")).to_be_checked()
    expect(page.locator("details.xp-fold[open]")).to_have_count(0)


@pytest.fixture
def other_page(browser):
    """A page on which requests may fail."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_a_direction_that_is_refused_says_why(other_page, home):
    page = other_page
    page.goto(f"{home}#v=1&run=flat-vae&tab=explore")
    page.locator("[data-ready]").first.wait_for()
    page.route("**/direction?*", lambda route: route.fulfill(status=400, json={"error": "'3' has 2 images."}))
    part = unfold(page, "another way")
    part.get_by_role("button", name="Find it").click()
    expect(part.get_by_role("status").first).to_have_text("Not found: '3' has 2 images.")
    expect(page.get_by_role("radio", name="Found")).to_have_count(0)


@pytest.mark.gradio
def test_a_link_to_a_run_that_is_not_there_opens_another_and_says_so(other_page, home, run_of):
    page = other_page
    page.goto(f"{home}#v=1&run=gone-vae-9&tab=explore&dir=pca.1&z=3,3")
    page.locator("[data-ready]").first.wait_for()
    expect(page.get_by_role("alert")).to_have_text("There is no run named 'gone-vae-9'. This is flat-vae.")
    shows(page, run_of("flat-vae").latents.mean[0], 1e-6)
    page.wait_for_function("location.hash.startsWith('#v=1&run=flat-vae&tab=explore&z=')")


def test_everything_is_done_with_the_keyboard_alone(visit, run_of):
    page = visit()

    def tab_to(what):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("what => document.activeElement.matches(what)", what):
                return
        raise AssertionError(f"{what} is not reached by the Tab key")

    page.locator("#explorer-explore .xp-bar button").first.focus()
    tab_to("button[title^='A new draw']")
    page.keyboard.press("Enter")
    start = drawn(run_of("flat-vae"), seed_of(page))
    shows(page, start, 1e-5)
    tab_to(".xp-slider input[type=range]")
    page.keyboard.press("End")
    axis = run_of("flat-vae").directions["axes"][0]
    shows(page, axis.moved(start, axis.high), 1e-3)
    tab_to(".xp-film")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.matches('.xp-film')")
    page.keyboard.press("Control+z")
    shows(page, axis.moved(start, axis.high), 1e-3)
    page.keyboard.press("Control+z")
    shows(page, start, 1e-5)
    tab_to(".xp-segmented input")
    page.keyboard.press("ArrowRight")  # the next set: the choice keeps the focus
    expect(page.get_by_role("radio", name="PCA directions")).to_be_focused()
    tab_to("summary")
    page.keyboard.press("Enter")
    tab_to(".xp-lattice")
    page.locator(".xp-lattice[data-ready]").wait_for()
    before = image(page).get_attribute("data-latent")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.wait_for_function("before => document.querySelector('.xp-image').dataset.latent !== before", arg=before)
    latent = json.loads(f"[{image(page).get_attribute('data-latent')}]")
    assert latent != pytest.approx(start.tolist(), abs=1e-3)
