"""The page without gradio on gradio's address in a real browser: gradio comes later and changes nothing of it."""

import pytest

from tests.browser.driver import expect, expect_run, pick_run

pytestmark = [pytest.mark.browser, pytest.mark.gradio]

PLACES = """() => [...document.querySelectorAll("#explorer-early *")].filter((it) => it.offsetParent).map((each) => {
  const { x, y, width, height } = each.getBoundingClientRect();
  const { color, font, backgroundColor } = getComputedStyle(each);
  return [each.tagName, each.className, x, y, width, height, color, font, backgroundColor].join(" ");
})"""
"""Everything in sight, where it stands and how it looks."""

TWICE = """() => {
  const ids = [...document.querySelectorAll("[id]:not([id=''])")].map(({ id }) => id);
  return ids.filter((id, at) => ids.indexOf(id) < at);
}"""
"""Ids that two elements have."""


@pytest.fixture
def held(page):
    """A page whose gradio does not arrive, and what lets it."""
    waiting, is_held = [], True

    def hold(route) -> None:
        if is_held:
            waiting.append(route)
        else:
            route.continue_()

    page.route("**/assets/index-*.js", hold)

    def release() -> None:
        nonlocal is_held
        is_held = False
        for route in waiting:
            route.continue_()

    return page, release


def gradios(page):
    """What gradio put together."""
    return page.locator("gradio-app .gradio-container main")


def test_gradio_comes_while_nobody_moves_and_takes_nothing_from_a_hand(held, app_url):
    page, release = held
    with page.expect_request("**/assets/index-*.js"):
        page.goto(f"{app_url}#v=1&run=deep-vae&tab=explore&map.colour=norm")
    image = page.get_by_role("img", name="decoded image", exact=True)
    slider = page.locator(".xp-slider input[type=range]").first
    page.locator("[data-rested]").wait_for(state="attached")
    box = slider.bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + box["height"] / 2)
    expect(page.locator("gradio-app > *")).to_have_count(0)
    title, before = page.title(), page.evaluate(PLACES)
    release()
    expect(gradios(page)).to_be_attached()
    page.wait_for_function("document.querySelector('gradio-app .xp-part')")
    assert page.evaluate(PLACES) == before
    assert page.title() == title
    assert page.evaluate(TWICE) == []
    latent = image.get_attribute("data-latent")
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + box["height"] / 2, steps=5)
    expect(image).not_to_have_attribute("data-latent", latent)
    page.mouse.up()
    expect(slider).to_be_focused()
    value = slider.input_value()
    page.keyboard.press("ArrowRight")
    expect(slider).not_to_have_value(value)
    page.wait_for_function("location.hash.includes('run=deep-vae&tab=explore') && location.hash.includes('z=')")
    assert "map.colour=norm" in page.evaluate("location.hash"), "a link's other words are not lost"


def test_what_only_gradio_has_is_of_the_run_that_was_chosen_before_it_came_and_follows_it(held, app_url):
    page, release = held
    page.goto(app_url)
    page.locator("[data-ready]").first.wait_for()
    pick_run(page, "lost-ae")
    page.get_by_role("tab", name="Reconstruct").click()
    release()
    page.locator("#explorer-reconstruct").get_by_text("Test images", exact=True).click()
    said = page.get_by_text("The data set of this run is not on this machine")
    expect(said).to_be_visible()
    pick_run(page, "flat-ae")
    expect(said).to_be_hidden()
    expect_run(page, "flat-ae")
    expect(page.locator("#explorer-reconstruct")).to_be_visible()


def test_where_our_own_code_does_not_load_gradios_page_says_so(browser, app_url):
    context = browser.new_context()
    page = context.new_page()
    page.route("**/page/bare.js", lambda route: route.abort())
    page.goto(app_url)
    expect(page.locator("#explorer-early")).to_have_count(0)
    expect(
        page.locator("gradio-app").get_by_text("This part of the page did not load; reload the page.").first
    ).to_be_visible()
    context.close()
