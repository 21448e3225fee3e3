"""The page without gradio in a real browser: its address, its tabs, its messages, and what it fetches."""

import re

import pytest

from explorer.ui.app import tab_modules
from explorer.ui.bare import Part
from explorer.ui.static_files import StaticFiles
from tests.browser.driver import expect, expect_run, pick_run
from tests.serve_fake import fake_library, serving

pytestmark = pytest.mark.browser

SCRIPTS = (
    """() => performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => name.endsWith('.js'))"""
)

LATER = ("source/machine", "source/kernel", "source/computed", "latent/support")
"""What is fetched once a picture is there, which may be soon."""


@pytest.mark.parametrize(
    "address", ["?run=deep-ae&tab=holes", "#v=1&run=deep-ae&tab=holes", "?run=x#run=deep-ae&tab=holes"]
)
def test_the_page_opens_on_the_run_and_tab_its_address_names(page, home, address):
    page.goto(home + address)
    expect_run(page, "deep-ae")
    expect(page.get_by_role("tab", name="Holes")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#explorer-holes")).to_be_visible()
    expect(page.locator("#explorer-explore")).to_be_hidden()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.wait_for_function("location.hash.includes('run=deep-ae&tab=holes')")


def test_an_address_that_names_no_run_is_a_message_and_code_in_it_is_text(page, home):
    page.goto(home + "?run=<img src=x onerror='window.caught=1'>&tab=map")
    expect(page.get_by_role("alert")).to_contain_text("<img src=x onerror='window.caught=1'>")
    expect_run(page, "flat-vae")
    expect(page.get_by_role("tab", name="Map")).to_have_attribute("aria-selected", "true")
    assert page.evaluate("window.caught") is None


def test_arrow_keys_walk_along_the_tabs_and_only_the_open_one_is_a_stop(visit):
    page = visit()
    bar = page.get_by_role("tablist")
    page.get_by_role("tab", name="Explore").focus()
    right, left = "ArrowRight", "ArrowLeft"
    way = ((right, "Map"), (left, "Explore"), (left, "Start"), (left, "Report"), ("Home", "Start"))
    for key, name in way:
        page.keyboard.press(key)
        expect(page.get_by_role("tab", name=name)).to_be_focused()
        expect(bar.locator("[tabindex='0']")).to_have_text(name)
        expect(page.get_by_role("tabpanel", name=name)).to_be_visible()
        expect(page.get_by_role("tabpanel")).to_have_count(1)


def test_a_choice_in_the_picker_and_a_link_typed_by_hand_change_the_run_of_every_part(visit, pick):
    page = visit("Map")
    page.locator(".xp-mapside:first-child .xp-plane[data-ready^='flat-vae ']").wait_for()
    pick("deep-vae")
    page.locator(".xp-mapside:first-child .xp-plane[data-ready^='deep-vae ']").wait_for()
    page.evaluate("location.hash = '#v=1&run=flat-ae&tab=explore'")
    page.locator("[data-ready='flat-ae']").locator("visible=true").first.wait_for()
    expect_run(page, "flat-ae")
    expect(page.get_by_role("tab", name="Explore")).to_have_attribute("aria-selected", "true")


def test_a_damaged_run_is_a_message_and_the_next_one_opens(browser, run_folder):
    (run_folder / "latents.safetensors").write_bytes(b"")
    with serving(fake_library(run_folder.parent)) as url:
        page = browser.new_page(bypass_csp=False)
        page.goto(f"{url}/bare")
        pick_run(page, "digits-vae-2")
        expect(page.get_by_role("alert")).to_contain_text("latents.safetensors")
        pick_run(page, "linear-ae")
        expect(page.get_by_role("alert")).to_have_count(0)
        expect(page.locator("[data-ready]").first).to_be_visible()
        page.close()


def test_a_tab_whose_code_does_not_load_says_so_and_the_others_work(browser, home):
    page = browser.new_page(bypass_csp=False)
    page.route("**/map/tab.js", lambda route: route.abort())
    page.goto(home + "#v=1&run=flat-vae&tab=map")
    expect(page.get_by_role("region", name="map of the encoded test images")).to_have_text(
        "This part of the page did not load; reload the page."
    )
    page.get_by_role("tab", name="Explore").click()
    expect(page.get_by_role("img", name="decoded image")).to_be_visible()
    page.close()


@pytest.mark.parametrize("tab", tab_modules())
def test_every_module_and_sheet_of_a_tab_is_announced_and_no_other(browser, home, tab):
    """A module that is not announced costs a round trip; one too many costs its bytes."""
    parts = [part.module for part in tab_modules()[tab].CONTENT if isinstance(part, Part)]
    context = browser.new_context(bypass_csp=False)
    context.add_init_script("performance.setResourceTimingBufferSize(1000)")
    page = context.new_page()
    # what the page prepares at rest comes later than the first second; without it only the tab's own code is loaded
    page.add_init_script("Object.defineProperty(navigator, 'connection', { value: { saveData: true } })")
    page.goto(f"{home}#v=1&run=flat-vae&tab={tab}")
    page.locator(f"#explorer-{tab} .xp-host:not(:has(.xp-loading))").first.wait_for(state="attached")
    loaded = {url.split("/", 6)[6] for url in page.evaluate(SCRIPTS)} - {"plotly.min.js"}
    announced, later = StaticFiles().needed(["page/bare", *parts]), StaticFiles().needed(LATER)
    assert set(announced) <= loaded <= {*announced, *later}
    sheets = "selector => [...document.querySelectorAll(selector)].map(({ href }) => href)"
    ahead = page.evaluate(sheets, "link[rel=preload][as=style]")
    used = page.evaluate(sheets, "link[rel=stylesheet]")
    assert set(ahead) == {href for href in used if not href.endswith(("/page/frame.css", "/page/bare.css"))}
    context.close()


def test_the_page_asks_for_nothing_of_gradio(page, home):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(home)
    page.locator("[data-ready]").first.wait_for()
    root = home.removesuffix("bare")
    assert all(re.match(rf"{re.escape(root)}(bare$|explorer/)|data:|blob:", url) for url in asked), asked


def test_the_page_follows_the_systems_theme_and_an_address_may_wish_for_one(page, home):
    page.emulate_media(color_scheme="dark")
    page.goto(home)
    expect(page.locator("body")).to_have_class("dark")
    page.emulate_media(color_scheme="light")
    expect(page.locator("body")).not_to_have_class("dark")
    page.goto(f"{home}?__theme=dark")
    expect(page.locator("body")).to_have_class("dark")
