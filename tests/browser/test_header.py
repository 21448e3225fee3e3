"""The header in a real browser, on both pages: the chooser, the tabs, Back, the collapsed run, Share and Present."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.library import Library
from explorer.ui import page as pages
from tests.browser.driver import expect, expect_run, pick_run
from tests.serve_fake import linear_digits, serving

pytestmark = pytest.mark.browser

HOSTS = ("", "bare")
"""Addresses of gradio's page and of the bare one, below the server's."""

TABS = tuple(name.capitalize() for name in pages.TABS)
"""What the tabs are called, from the first."""


@pytest.fixture
def opened(browser) -> Iterator[Callable[..., Any]]:
    """Open an address in a page of its own; at the end there was no JavaScript error."""
    contexts, trouble = [], []

    def open_it(address: str, width: int = 1400, height: int = 900, **settings: Any):
        context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(address)
        page.locator(".xp-head-run[data-run]").wait_for()
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert not trouble, trouble


def on(page, tab: str, run: str) -> None:
    """The header, the panel and the address agree on tab and run."""
    expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("tab", selected=True)).to_have_count(1)
    expect(page.locator(f"#explorer-{tab.lower()}")).to_be_visible()
    expect_run(page, run)
    page.wait_for_function("([run, tab]) => location.hash.includes(`run=${run}&tab=${tab}`)", arg=[run, tab.lower()])


@pytest.mark.parametrize("host", HOSTS)
def test_back_and_forward_go_through_tabs_and_runs(opened, app_url, host):
    page = opened(f"{app_url}{host}#v=1&run=flat-vae&tab=explore")
    on(page, "Explore", "flat-vae")
    page.locator("#explorer-explore input[type=range]").first.press("ArrowRight")  # no step of its own
    page.get_by_role("tab", name="Map").click()
    on(page, "Map", "flat-vae")
    pick_run(page, "deep-ae")
    on(page, "Map", "deep-ae")
    page.get_by_role("tab", name="Holes").click()
    on(page, "Holes", "deep-ae")
    for tab, run in (("Map", "deep-ae"), ("Map", "flat-vae"), ("Explore", "flat-vae")):
        page.go_back()
        on(page, tab, run)
    for tab, run in (("Map", "flat-vae"), ("Map", "deep-ae"), ("Holes", "deep-ae")):
        page.go_forward()
        on(page, tab, run)


@pytest.mark.parametrize("host", HOSTS)
def test_on_a_slide_one_tab_is_shown_with_a_way_to_the_whole_page(browser, app_url, elsewhere, host):
    frame = f'<iframe src="{app_url}{host}?embed=1&run=flat-vae&tab=map" style="width: 900px; height: 700px"></iframe>'
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.goto(elsewhere(frame))
    shown = page.frame_locator("iframe")
    expect(shown.locator("#explorer-map .xp-plane[data-ready]").first).to_be_visible()
    expect(shown.get_by_role("tab")).to_have_count(0)
    for name in ("Share", "Present"):
        expect(shown.get_by_role("button", name=name)).to_have_count(0)
    expect(shown.locator(".xp-head-run")).to_be_disabled()
    link = shown.get_by_role("link", name="Latent Space Explorer")
    link.focus()
    expect(link).to_have_attribute("href", re.compile(rf"^{re.escape(app_url + host)}\?run=flat-vae&tab=map#.*tab=map"))
    shown.locator("body").evaluate("() => { location.hash = location.hash.replace('tab=map', 'tab=holes'); }")
    expect(shown.get_by_role("tab", selected=True)).to_have_text("Holes")  # who has gone on can go back
    page.close()


@pytest.mark.parametrize("host", HOSTS)
def test_back_brings_the_latent_that_was_on_show(opened, app_url, host, latent_of):
    page = opened(f"{app_url}{host}#v=1&run=flat-vae&tab=explore&z=1,0.5")
    canvas = page.locator("#explorer-explore canvas.xp-image").first
    expect(canvas).to_have_attribute("data-latent", "1,0.5")
    pick_run(page, "flat-ae")
    on(page, "Explore", "flat-ae")
    page.locator("[data-ready='flat-ae']").locator("visible=true").first.wait_for()
    page.go_back()
    on(page, "Explore", "flat-vae")
    expect(canvas).to_have_attribute("data-latent", "1,0.5")
    np.testing.assert_allclose(latent_of(canvas), [1, 0.5])


@pytest.mark.parametrize("host", HOSTS)
def test_a_link_to_a_tab_of_the_first_edition_leads_on(opened, app_url, host):
    on(opened(f"{app_url}{host}?run=deep-ae&tab=training"), "Report", "deep-ae")
    on(opened(f"{app_url}{host}#run=deep-ae&tab=training"), "Report", "deep-ae")


@pytest.mark.parametrize("host", HOSTS)
def test_every_tab_is_reached_at_360_pixels_by_hand_and_by_keys(opened, app_url, host):
    page = opened(f"{app_url}{host}", width=360, height=740)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    expect(page.get_by_role("tab")).to_have_text(TABS)
    for name in TABS:
        page.get_by_role("tab", name=name).click()
        on(page, name, "flat-vae")
    page.get_by_role("tab", name=TABS[0]).click()
    page.get_by_role("tab", name=TABS[0]).focus()
    for name in TABS[1:]:
        page.keyboard.press("ArrowRight")
        tab = page.get_by_role("tab", name=name)
        expect(tab).to_be_focused()
        expect(tab).to_be_in_viewport(ratio=0.9)


@pytest.mark.parametrize("host", HOSTS)
def test_the_chooser_offers_data_sets_with_pictures_and_then_models(opened, app_url, host):
    page = opened(f"{app_url}{host}")
    page.locator(".xp-head-run").click()
    dialog = page.get_by_role("dialog", name="Choose a model")
    sets = dialog.get_by_role("group", name="Data set").get_by_role("button")
    expect(sets).to_have_text(["Digits6 models"])
    expect(sets).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("document.querySelector('.xp-chooser-set canvas').width === 24")  # decodes, 3 by 2
    table = dialog.get_by_role("table", name="Models of Digits")
    expect(table.get_by_role("columnheader")).to_have_text(["Autoencoder", "VAE"])
    expect(table.get_by_role("rowheader")).to_have_text(["d = 2", "d = 12"])
    expect(table.locator("[aria-current]")).to_have_text("flat-vae")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator(".xp-head-run")).to_be_focused()
    expect(page.locator(".xp-head-run")).to_have_text("Digits flat-vae, d = 2")


def crowd(count: int, root: Path, tmp_path: Path) -> Library:
    """Models in memory beside two shipped runs, one of which is damaged."""
    for name in ("digits-vae-8-beta4", "digits-vae-8"):
        shutil.copytree(root / "checkpoints" / name, tmp_path / name)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text('{"surprise": "<img src=x>"}')
    library = Library(tmp_path)
    coder, pixels = linear_digits(2, None)
    for number in range(count):
        library.hold(f"mine-{number}", coder, pixels[:60], dataset="yours")
    return library


def test_sixty_models_and_a_damaged_one_are_offered_on_a_phone(opened, root, tmp_path):
    with serving(crowd(60, root, tmp_path)) as url:
        page = opened(f"{url}/bare", width=360, height=740)
        page.locator(".xp-head-run").click()
        dialog = page.get_by_role("dialog", name="Choose a model")
        expect(dialog.locator(".xp-chooser-set")).to_have_text(["Digits2 models", "yours60 models"])
        expect(dialog.locator(".xp-chooser-models button")).to_have_count(60)
        assert dialog.evaluate(
            "it => it.scrollWidth <= it.clientWidth && it.getBoundingClientRect().bottom <= innerHeight"
        )
        dialog.get_by_text("1 damaged").click()
        expect(dialog.locator(".xp-chooser-damaged")).to_contain_text("broken: ")
        expect(dialog.locator(".xp-chooser-damaged")).to_contain_text("surprise")
        dialog.locator("[data-run=mine-59]").click()
        expect_run(page, "mine-59")


@pytest.fixture(scope="module")
def collapsed_url(root, tmp_path_factory) -> Iterator[str]:
    """A page over two shipped runs, of which one ignores its latents, and a damaged one."""
    with serving(crowd(0, root, tmp_path_factory.mktemp("collapsed"))) as url:
        yield url


@pytest.mark.parametrize("host", HOSTS)
def test_a_collapsed_run_says_so_on_every_tab_and_leads_to_one_that_is_not(opened, collapsed_url, host):
    page = opened(f"{collapsed_url}/{host}#run=digits-vae-8-beta4&tab=explore")
    line = page.get_by_text("This model ignores its latents: 0 of 8 dimensions carry anything")
    for name in TABS:
        page.get_by_role("tab", name=name).click()
        expect(line).to_be_in_viewport()
        expect(page.locator(f"#explorer-{name.lower()} .xp-loading")).to_have_count(0)
    page.get_by_role("button", name="beta 1").click()
    expect_run(page, "digits-vae-8")
    expect(line).to_be_hidden()


@pytest.mark.parametrize("host", HOSTS)
def test_share_shows_the_link_of_what_is_on_show_and_its_code(opened, app_url, host):
    page = opened(f"{app_url}{host}#v=1&run=flat-vae&tab=map", permissions=["clipboard-read", "clipboard-write"])
    on(page, "Map", "flat-vae")
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog", name="Share what you see")
    link = page.evaluate("location.href")
    assert "run=flat-vae&tab=map" in link
    expect(dialog.get_by_label("Link", exact=True)).to_have_value(link)
    expect(dialog.get_by_role("img", name="QR code of the link")).to_be_visible()
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == link
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)


def test_a_link_that_no_code_holds_is_still_to_copy(opened, app_url):
    page = opened(f"{app_url}bare#v=1&run=flat-vae&tab=map")
    on(page, "Map", "flat-vae")
    page.locator("#explorer-map [data-dots]").first.wait_for()  # then the map has written its own address
    page.get_by_role("button", name="Share").evaluate(
        "it => { history.replaceState(null, '', `#${'x'.repeat(3000)}`); it.click(); }"
    )
    dialog = page.get_by_role("dialog", name="Share what you see")
    expect(dialog.get_by_text("too long for a QR code")).to_be_visible()
    expect(dialog.get_by_role("img")).to_have_count(0)


@pytest.mark.parametrize("host", HOSTS)
def test_present_doubles_the_type_and_hides_prose_until_it_is_pressed_again(opened, app_url, host):
    page = opened(f"{app_url}{host}#v=1&run=flat-vae&tab=explore")
    page.locator("#explorer-explore [data-ready]").first.wait_for()
    present = page.get_by_role("button", name="Present")
    label = page.locator("#explorer-explore .xp-host").first
    size = "it => parseFloat(getComputedStyle(it).fontSize)"
    before = label.evaluate(size)
    prose = page.locator("#explorer-explore .xp-intro").first
    expect(prose).to_be_visible()
    present.click()
    expect(present).to_have_attribute("aria-pressed", "true")
    assert label.evaluate(size) == 2 * before
    expect(prose).to_be_hidden()
    present.click()
    assert label.evaluate(size) == before
    expect(prose).to_be_visible()


def test_no_other_tab_bar_and_no_picker_is_in_sight_on_gradios_page(opened, app_url):
    page = opened(app_url)
    expect(page.locator("[role=tab]")).to_have_count(len(TABS))
    expect(page.locator("#explorer-run")).to_be_hidden()
