"""Explore in a real browser: hands on sliders, eyes on pixels."""

import re

import numpy as np
import pytest

from explorer.library import Library
from tests.browser.driver import expect, expect_grey, expect_run, open_more, pick_run
from tests.browser.explore_page import drawn, image, seed_of, shows, status_of
from tests.serve_fake import serving

pytestmark = pytest.mark.browser

DECODE = """async ([run, latent]) => {
  const at = new URL(`explorer/api/run/${run}/decode`, document.baseURI);
  const answer = await fetch(at, {method: 'POST', body: new Float32Array(latent).buffer});
  return Array.from(new Uint8Array(await answer.arrayBuffer()));
}"""


def slider(page, name):
    return page.get_by_role("slider", name=name, exact=True)


def drag(page, handle, shares, steps=25):
    """Drag a slider's thumb with the real mouse through shares of its length."""
    box = handle.bounding_box()
    middle = box["y"] + box["height"] / 2
    places = [box["x"] + 8 + share * (box["width"] - 16) for share in shares]
    page.mouse.move(places[0], middle)
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(place, middle, steps=steps)
    page.mouse.up()


@pytest.mark.anywhere
def test_a_drag_ends_on_the_image_of_the_sliders_last_position(
    visit, run_of, grey_of, decode_of, latent_of, host, rounding
):
    page = visit()
    name = run_of("flat-vae").directions["axes"][0].name
    handle = slider(page, name)
    drag(page, handle, [0.5, 0.95, 0.1, 0.8])
    value = float(handle.input_value())
    assert value > 1, "the drag must have moved the slider"
    axis = int(np.argmax(run_of("flat-vae").directions["axes"][0].vector))
    shows(page, np.where(np.arange(2) == axis, value, 0))
    latent = latent_of(image(page))
    shown = grey_of(image(page)).astype(int)
    if host == "live":
        route = page.evaluate(DECODE, ["flat-vae", latent.tolist()])
        np.testing.assert_array_equal(shown.ravel(), route)
    np.testing.assert_allclose(shown, decode_of(run_of("flat-vae"), latent), rtol=0, atol=rounding)


def test_the_image_is_enlarged_by_a_whole_number_without_smoothing(visit):
    page = visit()
    drawn = image(page).evaluate("c => [c.getBoundingClientRect().width / c.width, getComputedStyle(c).imageRendering]")
    assert drawn[0] == int(drawn[0]) >= 20
    assert drawn[1] == "pixelated"


def test_arrow_keys_move_a_slider_and_undo_and_redo_walk_back_and_forth(visit, run_of):
    page = visit()
    direction = run_of("flat-vae").directions["axes"][0]
    handle = slider(page, direction.name)
    handle.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(handle).to_have_value("0.2")
    shows(page, 0.2 * direction.vector)
    page.keyboard.press("Control+z")
    shows(page, 0.15 * direction.vector)
    page.keyboard.press("Control+z")
    shows(page, 0.1 * direction.vector)
    page.keyboard.press("Control+Shift+z")
    shows(page, 0.15 * direction.vector)
    page.get_by_role("button", name="Redo").click()
    shows(page, 0.2 * direction.vector)
    expect(page.get_by_role("button", name="Redo")).to_be_disabled()


def test_a_typed_number_moves_the_latent_exactly_and_nonsense_changes_nothing(visit, run_of):
    page = visit()
    direction = run_of("flat-vae").directions["axes"][1]
    box = page.get_by_role("spinbutton", name=f"{direction.name}, exact value")
    box.fill("-1.37")
    box.press("Enter")
    shows(page, -1.37 * direction.vector, 1e-5)
    box.fill("")
    box.press("Enter")
    expect(box).to_have_value("-1.37")
    box.fill("1e300")
    box.press("Enter")
    expect(box).to_have_value("-1.37")
    expect(status_of(page)).to_contain_text("values within ±1000")
    shows(page, -1.37 * direction.vector, 1e-5)


def test_a_pca_slider_moves_the_latent_along_its_component_only(visit, run_of, pick):
    page = visit()
    pick("deep-vae")
    page.locator("[data-ready='deep-vae']").wait_for()
    page.get_by_text("PCA directions").click()
    direction = run_of("deep-vae").directions["pca"][1]
    box = page.get_by_role("spinbutton", name=f"{direction.name}, exact value")
    start = np.zeros(12, dtype=np.float32)
    box.fill("2")
    box.press("Enter")
    shows(page, direction.moved(start, 2.0), 1e-4)


def test_only_the_strongest_directions_are_shown_at_first(visit, pick):
    page = visit()
    pick("deep-vae")
    expect(page.get_by_role("button", name="Show all 12")).to_be_visible()
    expect(page.locator(".xp-sliders .xp-slider")).to_have_count(6)
    page.get_by_role("button", name="Show all 12").click()
    expect(page.locator(".xp-slider")).to_have_count(12)
    page.get_by_role("button", name="Show the 6 strongest").click()
    expect(page.locator(".xp-slider")).to_have_count(6)


@pytest.mark.anywhere
def test_a_random_latent_is_the_draw_of_the_seed_on_show_and_reset_goes_back_to_it(visit, run_of):
    page = visit()
    run = run_of("flat-vae")
    page.get_by_role("button", name="Random").click()
    seed = seed_of(page)
    first = drawn(run, seed, "raw")
    shows(page, first, 1e-5)
    page.get_by_role("button", name="Random").click()
    second = drawn(run, seed_of(page, after=seed), "raw")
    shows(page, second, 1e-5)
    drag(page, slider(page, run.directions["axes"][0].name), [0.5, 0.9])
    page.get_by_role("button", name="Reset").click()
    shows(page, second, 1e-5)
    page.get_by_role("button", name="Origin").click()
    shows(page, [0, 0], 1e-6)


def test_an_autoencoder_starts_at_the_mean_of_its_codes(visit, run_of, pick):
    page = visit()
    pick("flat-ae")
    shows(page, run_of("flat-ae").latents.mean.mean(0), 1e-3)
    page.get_by_role("button", name="Real image").click()
    expect(page.locator(".xp-caption")).to_contain_text("the encoding of test image")
    page.get_by_role("button", name="Origin").click()
    shows(page, run_of("flat-ae").latents.mean.mean(0), 1e-3)


def test_a_double_click_resets_one_slider_only(visit, run_of):
    page = visit()
    first, second = run_of("flat-vae").directions["axes"][:2]
    for direction, value in ((first, "1.5"), (second, "-2")):
        box = page.get_by_role("spinbutton", name=f"{direction.name}, exact value")
        box.fill(value)
        box.press("Enter")
    shows(page, 1.5 * first.vector - 2 * second.vector)
    page.locator(".xp-slider", has_text=first.name).locator(".xp-name").dblclick()
    shows(page, -2 * second.vector)


def test_the_filmstrip_shows_the_way_along_the_slider_and_a_click_goes_there(visit, run_of, decode_of):
    page = visit()
    run = run_of("flat-vae")
    direction = run.directions["axes"][0]
    frames = page.locator(".xp-film")
    expect(frames).to_have_count(9)
    expect(frames.nth(4)).to_have_attribute("data-value", "0")  # the strip of the draw that the page opened on is gone
    for k in (0, 8):
        value = np.linspace(direction.low, direction.high, 9)[k]
        expected = decode_of(run, value * direction.vector)
        expect_grey(frames.nth(k).locator("canvas"), expected)
    frames.nth(7).click()
    shows(page, np.linspace(direction.low, direction.high, 9)[7] * direction.vector)
    expect(frames.nth(7)).to_have_attribute("aria-current", "true")


@pytest.mark.anywhere
def test_the_trust_line_tells_a_hole_from_a_place_among_the_data(visit, run_of):
    page = visit()
    direction = run_of("flat-vae").directions["axes"][0]
    trust = page.locator(".xp-stage .xp-trust")
    told = page.locator("#explorer-explore .xp-more p", has_text="flat-vae")
    expect(trust).to_have_text("●Codes are common here")
    expect(told.last).to_contain_text("no farther from codes than")
    expect(told.last).to_contain_text("that holds 90 % of training codes")
    box = page.get_by_role("spinbutton", name=f"{direction.name}, exact value")
    box.fill("9")
    box.press("Enter")
    expect(trust).to_have_text("▨No image is encoded here")
    expect(told.filter(has_text="norm 9.00")).to_contain_text("farther from codes than 9")


@pytest.mark.gradio
def test_a_link_opens_the_run_and_latent_it_names(visit, run_of, decode_of):
    latent = np.linspace(-1, 1, 12).round(3)
    page = visit(fragment=f"#v=1&run=deep-vae&tab=explore&z={','.join(map(str, latent))}")
    shows(page, latent, 1e-4)
    expect_grey(image(page), decode_of(run_of("deep-vae"), latent))
    expect_run(page, re.compile("deep-vae"))


@pytest.mark.gradio
def test_the_address_always_opens_the_view_on_show(visit, run_of, page):
    visit()
    page.get_by_role("button", name="Random").click()
    wanted = drawn(run_of("flat-vae"), seed_of(page))
    shows(page, wanted, 1e-5)
    page.wait_for_function("location.hash.includes('z=') && !location.hash.endsWith('z=0,0')")
    page.reload()
    shows(page, wanted, 1e-4)


@pytest.mark.parametrize(
    "fragment",
    [
        "#v=1&run=flat-vae&z=1,2,3,4,5",
        "#v=1&z=NaN,1",
        "#v=9&z=3,3",
        "#v=1&z=%3Cimg%20src=x%20onerror=alert(1)%3E",
        "#v=1&z=" + "1," * 3000,
    ],
)
def test_a_broken_link_opens_the_origin_and_says_so(visit, fragment):
    page = visit(fragment=fragment)
    shows(page, [0, 0], 1e-6)
    status = status_of(page)
    expect(status).to_have_text("The link's latent does not fit this run; this is the origin.")
    page.wait_for_function("location.hash === '#v=1&run=flat-vae&tab=explore&z=0,0'")
    page.get_by_role("button", name="Random").click()
    expect(status).to_be_hidden()


@pytest.mark.gradio
def test_a_links_latent_waits_for_explore_but_not_past_another_choice(visit, pick, run_of):
    page = visit(fragment="#v=1&run=flat-vae&tab=map&z=1.5,-0.5")
    page.locator(".xp-map .xp-plane[data-ready='flat-vae 0,1']").wait_for()
    page.get_by_role("tab", name="Explore").click()
    shows(page, [1.5, -0.5], 1e-5)
    page.evaluate("location.hash = '#v=1&run=flat-vae&tab=map&z=1,2,3'")
    page.locator(".xp-map .xp-plane[data-ready='flat-vae 0,1']").locator("visible=true").wait_for()
    pick("deep-vae")
    page.wait_for_function("location.hash.startsWith('#v=1&run=deep-vae&tab=map')")
    page.get_by_role("tab", name="Explore").click()
    shows(page, np.zeros(12), 1e-6)


def test_share_holds_what_is_shown_and_nothing_of_the_run_before(visit, pick):
    page = visit(fragment="#v=1&run=flat-vae&tab=map&z=1.5,-0.5")
    page.locator(".xp-map .xp-plane[data-ready='flat-vae 0,1']").wait_for()
    pick("flat-ae")
    page.get_by_role("tab", name="Explore").click()
    page.locator("[data-ready='flat-ae']").wait_for()
    page.get_by_role("button", name="Random").click()
    page.wait_for_function("document.querySelector('.xp-caption').textContent.includes('draw')")
    page.get_by_role("button", name="Share").click()
    link = page.get_by_label("Link", exact=True).input_value()
    assert "run=flat-ae&tab=explore&z=" in link
    page.keyboard.press("Escape")
    shows(page, [float(v) for v in link.split("z=")[1].split(",")], 1e-3)


def test_undo_brings_back_the_start_that_reset_goes_to(visit):
    page = visit()
    caption = page.locator(".xp-caption")
    page.get_by_role("button", name="Random").click()
    drawn = f"draw {seed_of(page)} from"
    page.get_by_role("button", name="Real image").click()
    expect(caption).to_contain_text("test image")
    page.get_by_role("button", name="Undo").click()
    expect(caption).to_contain_text(drawn)
    page.get_by_role("button", name="Undo").click()
    expect(caption).to_contain_text("the origin")
    page.get_by_role("button", name="Reset").click()
    shows(page, [0, 0], 1e-6)


def test_a_slider_that_goes_on_moving_asks_for_no_picture_any_more(visit, run_of, decode_of, latent_of):
    page = visit()
    handle = page.locator(".xp-slider input[type=range]").first
    handle.press("ArrowRight")
    handle.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.xp-stage canvas').dataset.ahead")
    asked = []
    page.on(
        "request", lambda request: request.url.endswith("/flat-vae/decode") and asked.append(request.post_data_buffer)
    )
    shown = image(page)
    for key in ("ArrowRight", "ArrowRight", "End", "ArrowLeft", "Home"):
        before = shown.get_attribute("data-latent")
        handle.press(key)
        expect(shown).not_to_have_attribute("data-latent", before)
        expect_grey(shown, decode_of(run_of("flat-vae"), latent_of(shown)))
    single = [body for body in asked if len(body) == latent_of(shown).nbytes]  # the filmstrip asks for nine
    assert single == []


def test_while_the_server_is_away_the_old_picture_is_dimmed_and_the_newest_is_fetched_later(browser, home):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{home}?tab=explore")
    page.locator("[data-ready]").first.wait_for()
    page.locator(".xp-film").first.wait_for()
    page.route("**/decode", lambda route: route.abort("connectionrefused"))
    page.get_by_role("button", name="Random").click()
    status = status_of(page)
    expect(status).to_have_text("The server cannot be reached; trying again.")
    expect(image(page)).to_have_class(re.compile("xp-stale"))
    wanted = [float(v) for v in page.evaluate("location.hash.split('z=')[1].split(',')")]
    page.unroute("**/decode")
    shows(page, wanted, 1e-3)
    expect(image(page)).not_to_have_class(re.compile("xp-stale"))
    expect(status).to_be_hidden()
    context.close()


@pytest.mark.gradio
def test_a_swipe_over_a_slider_scrolls_the_page_and_leaves_the_latent(phone, swipe):
    phone.set_viewport_size({"width": 390, "height": 560})
    phone.evaluate("location.hash = '#v=1&run=flat-vae&tab=explore&z=0,0'")
    shows(phone, [0, 0], 1e-6)
    handle = phone.locator(".xp-slider input[type=range]").first
    handle.scroll_into_view_if_needed()
    before = phone.evaluate("[scrollY, location.hash]")
    swipe(handle, -200)
    phone.wait_for_function("before => scrollY < before - 20", arg=before[0])
    expect(handle).to_have_value("0")
    assert phone.evaluate("location.hash") == before[1]
    shows(phone, [0, 0], 1e-6)


@pytest.mark.gradio
def test_another_run_shows_the_same_test_image(visit, run_of, pick):
    page = visit()
    page.get_by_role("button", name="Real image").click()
    caption = page.locator(".xp-caption")
    expect(caption).to_contain_text("the encoding of test image")
    words = caption.inner_text()
    index = int(re.findall(r"\d+", words)[0])
    shows(page, run_of("flat-vae").latents.mean[index])
    pick("flat-ae")
    shows(page, run_of("flat-ae").latents.mean[index])
    expect(caption).to_have_text(words)


LEVELS = "levels of the latent"
"""Name of the group of buttons that draw levels anew."""


@pytest.fixture(scope="module")
def level_library(level_runs):
    return Library(level_runs)


@pytest.fixture(scope="module")
def level_url(level_library):
    with serving(level_library) as url:
        yield f"{url}/"


@pytest.fixture
def levels(browser, level_url):
    """A page on Explore, on a run with levels of 1, 2 and 2 axes, at a latent that is no prior's favourite."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(f"{level_url}bare#v=1&run=digits-hierarchical-5&tab=explore&z={','.join(map(str, STOOD))}")
    page.locator("[data-ready='digits-hierarchical-5']").wait_for()
    open_more(page, "explore")
    shows(page, STOOD, 1e-5)
    yield page
    context.close()
    assert not trouble


STOOD = (0.25, -0.5, 0.75, -1.0, 1.25)


@pytest.mark.parametrize(("name", "kept"), [("Resample level 2 and below", 1), ("Resample level 3", 3)])
def test_resampling_a_level_draws_it_and_those_below_anew_and_undo_brings_them_back(levels, level_library, name, kept):
    run = level_library.open("digits-hierarchical-5")
    resample = levels.get_by_role("group", name=LEVELS).get_by_role("button", name=name, exact=True)
    levels.get_by_role("button", name="Random").click()
    seed = seed_of(levels)  # the first is each visitor's own, and the next draw takes the next
    shows(levels, drawn(run, seed), 1e-5)
    levels.evaluate("latent => (location.hash = `#v=1&run=digits-hierarchical-5&tab=explore&z=${latent}`)", STOOD)
    shows(levels, STOOD, 1e-5)
    resample.click()
    draws = [drawn(run, n, "raw") for n in (seed + 1, seed + 2)]
    shows(levels, [*STOOD[:kept], *draws[0][kept:]], 1e-5)
    resample.focus()
    levels.keyboard.press("Enter")
    shows(levels, [*STOOD[:kept], *draws[1][kept:]], 1e-5)
    for axis, level in enumerate((1, 2, 2, 3, 3)):
        box = levels.get_by_role("spinbutton", name=f"axis {axis} · level {level}, exact value")
        shown = round(float(STOOD[axis] if axis < kept else draws[1][axis]), 2) + 0.0  # the page writes no -0.00
        expect(box).to_have_value(f"{shown:.2f}")
    levels.keyboard.press("Control+z")
    shows(levels, [*STOOD[:kept], *draws[0][kept:]], 1e-5)
    levels.get_by_role("button", name="Undo").click()
    shows(levels, STOOD, 1e-5)
    levels.get_by_role("button", name="Redo").click()
    levels.get_by_role("button", name="Reset").click()
    shows(levels, STOOD, 1e-5)


def test_a_level_that_cannot_be_drawn_leaves_the_latent_and_says_so(levels):
    levels.goto(levels.url.replace("bare#", "bare?decoder=server#"))
    levels.locator("[data-ready='digits-hierarchical-5']").wait_for()
    open_more(levels, "explore")
    shows(levels, STOOD, 1e-5)
    levels.route("**/sample?*", lambda route: route.fulfill(status=400, json={"error": "the run is damaged."}))
    levels.get_by_role("button", name="Resample level 3").click()
    expect(status_of(levels)).to_have_text("No draw: the run is damaged.")
    shows(levels, STOOD, 1e-5)


def test_the_buttons_of_levels_are_named_and_fit_a_phone(levels):
    buttons = levels.get_by_role("group", name=LEVELS).get_by_role("button")
    expect(buttons).to_have_text(["Resample level 2 and below", "Resample level 3"])
    for hint in buttons.evaluate_all("buttons => buttons.map((button) => button.title)"):
        assert "prior" in hint
        assert "\n" not in hint
    assert levels.evaluate("document.documentElement.scrollWidth") <= 390
    assert max(buttons.evaluate_all("all => all.map((each) => each.getBoundingClientRect().right)")) <= 390


@pytest.mark.parametrize("run", ["flat-vae", "deep-ae"])
def test_a_run_of_one_level_shows_nothing_of_levels(visit, pick, run):
    page = visit()
    pick(run)
    page.locator(f"[data-ready='{run}']").wait_for()
    expect(page.get_by_role("group", name=LEVELS)).to_have_count(0)
    expect(page.get_by_role("slider", name="level")).to_have_count(0)


def test_everything_that_moves_the_latent_has_a_name(visit):
    page = visit()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('.xp-host :is(button, input, select, canvas[role=img])')]
          .filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length || e.title)).length"""
    )
    assert nameless == 0
    hintless = page.locator(".xp-host .xp-button:not([title])").count()
    assert hintless == 0


@pytest.mark.parametrize("width", [360, 390, 768, 1400])
@pytest.mark.gradio
def test_nothing_sticks_out_of_the_page(visit, page, width):
    page.set_viewport_size({"width": width, "height": 844})
    visit()
    page.locator(".xp-film").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    out = page.evaluate(
        """() => [...document.querySelectorAll('.xp-host:not(.xp-head) :is(button, input, select, p)')]
          .filter(e => e.offsetParent && !e.closest('.xp-strip') && e.getBoundingClientRect().right > innerWidth + 1)
          .map(e => e.outerHTML.slice(0, 80))"""
    )
    assert not out


@pytest.mark.gradio
def test_on_a_phone_the_image_stays_in_sight_beside_the_last_slider(visit, page, pick):
    page.set_viewport_size({"width": 390, "height": 640})
    visit()
    pick("deep-vae")
    page.get_by_role("button", name="Show all 12").click()
    page.locator(".xp-slider").last.scroll_into_view_if_needed()
    seen = image(page).evaluate("c => [c.getBoundingClientRect().top, c.getBoundingClientRect().bottom]")
    assert 0 <= seen[0] < seen[1] <= 640


@pytest.mark.gradio
def test_a_run_that_fails_says_why_instead_of_showing_another_runs_image(browser, home):
    context = browser.new_context()
    page = context.new_page()
    sentence = "the run deep-ae is damaged; fit it again."
    page.route("**/api/run/deep-ae", lambda route: route.fulfill(status=400, json={"error": sentence}, headers={}))
    page.goto(f"{home}?tab=explore")
    page.locator("[data-ready]").first.wait_for()
    pick_run(page, "deep-ae")
    expect(page.get_by_role("alert").filter(has_text=sentence)).to_be_visible()
    expect(status_of(page)).to_have_text(sentence)
    expect(image(page)).to_be_hidden()
    pick_run(page, "flat-ae")
    expect(image(page)).to_be_visible()
    expect(status_of(page)).to_be_hidden()
    context.close()


# --- above the fold ---------------------------------------------------------------------------------------------------


def test_explore_opens_on_a_real_image_in_both_models_the_autoencoder_on_the_left(page, home, run_of, latent_of):
    page.goto(f"{home}#v=1&run=deep-vae&tab=explore")
    shows(page, run_of("deep-vae").latents.mean[0], 1e-5)
    twin = page.get_by_role("img", name="the twin's image")
    expect(twin).to_have_attribute("data-latent", re.compile(r"\d"))
    np.testing.assert_allclose(latent_of(twin), run_of("deep-ae").latents.mean[0], atol=1e-5)
    left, right = twin.bounding_box(), image(page).bounding_box()
    assert left["x"] + left["width"] < right["x"]
    assert (left["width"], left["height"]) == (right["width"], right["height"])


@pytest.mark.gradio
def test_on_a_phone_the_picture_and_the_first_slider_are_seen_together(phone):
    boxes = [image(phone).bounding_box(), phone.locator(".xp-sliders input[type=range]").first.bounding_box()]
    assert all(box["y"] >= 0 and box["y"] + box["height"] <= 844 for box in boxes)


def test_both_ends_of_a_slider_show_where_it_leads_and_a_click_goes_there(visit, run_of, decode_of):
    page = visit()
    run = run_of("flat-vae")
    direction = run.directions["axes"][0]
    ends = page.locator(".xp-sliders .xp-slider").first.locator(".xp-slider-end")
    for end, value in ((ends.nth(0), direction.low), (ends.nth(1), direction.high)):
        expect(end).to_have_js_property("width", 8)
        expect(end).not_to_have_class(re.compile("xp-stale"))
        wanted = decode_of(run, direction.moved(np.zeros(2, np.float32), value)).astype(int)
        expect_grey(end, wanted, atol=1)
    ends.nth(1).click()
    shows(page, direction.moved(np.zeros(2, np.float32), direction.high), 1e-4)


def test_a_pad_moves_both_dimensions_of_a_latent_and_only_a_run_of_two_has_one(visit, pick, run_of, latent_of):
    page = visit()
    pad = page.get_by_role("application", name="both dimensions at once")
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"], steps=5)
    page.mouse.up()
    axes = sorted(run_of("flat-vae").directions["axes"], key=lambda axis: int(np.argmax(axis.vector)))
    wanted = [axis.offset + axis.scale * (axis.low + 0.75 * (axis.high - axis.low)) for axis in axes]
    shows(page, wanted, 0.05)
    before = latent_of(image(page))
    pad.press("ArrowLeft")
    page.wait_for_function(
        "x => Number(document.querySelector('.xp-stage canvas').dataset.latent.split(',')[0]) < x - 0.01",
        arg=float(before[0]),
    )
    pick("deep-vae")
    page.locator("[data-ready='deep-vae']").wait_for()
    expect(pad).to_be_hidden()


def test_the_law_of_random_stands_in_the_address(visit, run_of):
    page = visit()
    page.get_by_label("Random draws from").select_option("white")
    page.wait_for_function("location.hash.includes('explore.law=white')")
    page.reload()
    page.get_by_role("button", name="Random").click()
    open_more(page, "explore")
    shows(page, drawn(run_of("flat-vae"), seed_of(page), "white"), 1e-5)
