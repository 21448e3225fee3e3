"""The lattice of Explore in a real browser: what its cells show, where they lead, and that no stale row stays."""

from statistics import NormalDist

import numpy as np
import pytest

from explorer.images import tile, to_bytes
from tests.browser.driver import expect, expect_grey
from tests.browser.explore_page import shows, typed, unfold

pytestmark = pytest.mark.browser

READY = ".xp-lattice[data-ready]"

TAIL = 0.02275013  # mass of N(0, 1) beyond 2 standard deviations


def prior_spacing(count: int, tail: float) -> np.ndarray:
    """Coordinates (count,) that cut N(0, 1) into equal masses, but for a tail at either end."""
    return np.array([NormalDist().inv_cdf(p) for p in np.linspace(tail, 1 - tail, count)])


def quantile_spacing(values: np.ndarray, count: int, tail: float) -> np.ndarray:
    """Coordinates (count,) that cut values (N,) into equal shares, but for a tail at either end."""
    return np.quantile(np.asarray(values, dtype=np.float64), np.linspace(tail, 1 - tail, count))


def sheet_of(run, columns, rows):
    """Bytes (H, W) of the lattice of a run over its first two axes, through the origin of both; and its latents."""
    first, second = run.directions["axes"][:2]
    latents = np.array(
        [a * first.vector * first.scale + b * second.vector * second.scale for b in rows for a in columns], np.float32
    )
    offset = first.offset * first.vector + second.offset * second.vector
    return tile(to_bytes(run.coder.decode((latents + offset).astype(np.float32))), len(columns))[0], latents + offset


def pictures(page):
    page.locator(READY).wait_for()
    return page.locator(f"{READY} > canvas")


@pytest.mark.anywhere
def test_the_lattice_shows_the_prior_in_its_proportions_and_a_click_goes_to_a_cell(visit, run_of):
    page = visit()
    run = run_of("flat-vae")
    unfold(page, "Lattice")
    ticks = prior_spacing(15, TAIL)
    expected, latents = sheet_of(run, ticks, ticks[::-1])
    expect_grey(pictures(page), expected, atol=1)
    asked = []
    page.on("request", lambda sent: asked.append(sent.post_data_buffer) if "/decode" in sent.url else None)
    size = page.locator(".xp-lattice").bounding_box()
    page.locator(".xp-lattice").click(position={"x": size["width"] * 12.5 / 15, "y": size["height"] * 2.5 / 15})
    shows(page, latents[2 * 15 + 12], 1e-3)
    expect(page.locator(".xp-readout")).to_contain_text(f"{run.directions['axes'][0].name} = ")
    here = page.locator(".xp-here")
    expect(here).to_be_visible()
    assert here.evaluate("e => [e.style.left, e.style.top].map(parseFloat)") == pytest.approx([80, 200 / 15], abs=0.01)
    page.get_by_role("button", name="Undo").click()
    shows(page, [0, 0], 1e-6)
    assert all(len(each) < 4 * 2 * 20 for each in asked), "a walk within the sheet decodes no lattice again"


def test_an_autoencoders_lattice_follows_the_quantiles_of_its_codes(visit, run_of):
    page = visit(fragment="#v=1&run=flat-ae&tab=explore&grid=axes.0,axes.1,9")
    run = run_of("flat-ae")
    page.get_by_text("The data", exact=True).click()
    first, second = run.directions["axes"][:2]
    columns, rows = (quantile_spacing(each.coordinate(run.latents.mean), 9, TAIL) for each in (first, second))
    expected, _ = sheet_of(run, columns, rows[::-1])
    page.wait_for_function("document.querySelector('.xp-lattice[data-ready] > canvas')?.width === 72")
    expect_grey(pictures(page), expected, atol=1)
    page.wait_for_function("location.hash.includes('&grid=axes.0,axes.1,9')")


def test_size_and_range_are_free_within_bounds_and_nonsense_changes_nothing(visit, run_of):
    page = visit(fragment="#v=1&run=flat-vae&tab=explore&grid=axes.0,axes.1,9")
    part = page.locator("details", has_text="Lattice")
    size, reach = part.get_by_label("Pictures a side"), part.get_by_label("Range, ± prior sd")
    pictures(page)
    typed(size, 11)
    page.wait_for_function("document.querySelector('.xp-lattice[data-ready] > canvas')?.width === 88")
    for nonsense in ("8", "22", "", "1e9"):
        typed(size, nonsense)
        expect(size).to_have_value("11")
    typed(reach, 1)
    pictures(page)
    run = run_of("flat-vae")
    ticks = prior_spacing(11, 0.15865525)
    expected, _ = sheet_of(run, ticks, ticks[::-1])
    page.wait_for_function("document.querySelector('.xp-lattice').dataset.ready")
    expect_grey(pictures(page), expected, atol=1)
    for nonsense in ("0", "7", "-2", ""):
        typed(reach, nonsense)
        expect(reach).to_have_value("1")


def test_two_directions_that_are_one_span_nothing_and_say_so(visit):
    page = visit(fragment="#v=1&run=flat-vae&tab=explore&grid=axes.0,axes.1,9")
    pictures(page)
    part = page.locator("details", has_text="Lattice")
    upwards = part.get_by_title("From the bottom up").locator("select")
    upwards.select_option("axes.0")
    expect(part.get_by_role("status")).to_have_text("Both directions point the same way; choose two that differ.")
    upwards.select_option("pca.1")
    expect(part.get_by_role("status")).to_be_hidden()
    pictures(page)


def test_rows_of_an_older_lattice_are_dropped(visit, run_of):
    page = visit()
    held = []

    def hold(route):
        if len(route.request.post_data_buffer) == 4 * 2 * 225 and not held:
            held.append(route)
        else:
            route.continue_()

    page.route("**/decode", hold)
    with page.expect_request(lambda sent: len(sent.post_data_buffer or b"") == 4 * 2 * 225):
        part = unfold(page, "Lattice")
    page.wait_for_function("document.querySelector('.xp-lattice').getAttribute('aria-busy')")
    typed(part.get_by_label("Pictures a side"), 9)
    page.wait_for_function("document.querySelector('.xp-lattice').getAttribute('aria-busy')")
    expect(page.locator(".xp-lattice > canvas")).to_have_attribute("width", "1")
    held[0].continue_()
    run = run_of("flat-vae")
    ticks = prior_spacing(9, TAIL)
    expected, _ = sheet_of(run, ticks, ticks[::-1])
    expect_grey(pictures(page), expected, atol=1)


def test_a_lattice_that_fails_says_why_and_comes_back_with_the_server(browser, home):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{home}?tab=explore")
    page.locator("[data-ready]").first.wait_for()
    page.locator(".xp-film").first.wait_for()
    page.route("**/decode", lambda route: route.abort("connectionrefused"))
    part = unfold(page, "Lattice")
    expect(part.get_by_role("status")).to_have_text("The server cannot be reached; trying again.")
    page.unroute("**/decode")
    pictures(page)
    expect(part.get_by_role("status")).to_be_hidden()
    context.close()


@pytest.mark.parametrize("width", [360, 390, 1400])
@pytest.mark.gradio
def test_an_unfolded_page_fits(visit, page, width):
    page.set_viewport_size({"width": width, "height": 844})
    visit(fragment="#v=1&run=deep-vae&tab=explore&grid=axes.0,axes.1,15")
    for words in ("Variations", "another way", "Save"):
        unfold(page, words)
    pictures(page)
    page.locator(".xp-tiles .xp-film").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    out = page.evaluate(
        """() => [...document.querySelectorAll('.xp-host:not(.xp-head) :is(button, input, select, p, .xp-lattice)')]
          .filter(e => e.offsetParent && !e.closest('.xp-strip') && e.getBoundingClientRect().right > innerWidth + 1)
          .map(e => e.className)"""
    )
    assert not out
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('.xp-host :is(button, input, select, [tabindex])')]
          .filter(e => e.offsetParent)
          .filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length || e.title)).length"""
    )
    assert nameless == 0


def test_a_finger_taps_a_cell(phone, run_of):
    phone.evaluate("location.hash = '#v=1&run=flat-vae&tab=explore&z=0,0'")
    shows(phone, [0, 0], 1e-6)
    part = unfold(phone, "Lattice")
    pictures(phone)
    size = part.locator(".xp-lattice").bounding_box()
    part.locator(".xp-lattice").tap(position={"x": 0.5 * size["width"] / 15, "y": 0.5 * size["height"]})
    first = run_of("flat-vae").directions["axes"][0]
    shows(phone, prior_spacing(15, TAIL)[0] * first.vector, 1e-3)
