"""The page around the tabs: its address, its messages, its login, and what it says without a run."""

import pytest

from explorer.library import Library
from tests.browser.driver import expect, expect_run, pick_run
from tests.serve_fake import fake_library, serving

pytestmark = [pytest.mark.browser, pytest.mark.gradio]


@pytest.fixture
def bare(browser):
    """A page without the checks of `page`: its server is another, and refusals are part of the story."""
    context = browser.new_context(viewport={"width": 390, "height": 800})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    "address", ["?run=deep-ae&tab=holes", "#v=1&run=deep-ae&tab=holes", "?run=x#run=deep-ae&tab=holes"]
)
def test_the_page_opens_on_the_run_and_tab_its_address_names(page, app_url, address):
    page.goto(app_url + address)
    expect_run(page, "deep-ae")
    expect(page.get_by_role("tab", name="Holes")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_an_address_that_names_no_run_is_a_message_and_code_in_it_is_text(page, app_url):
    page.goto(app_url + "?run=<img src=x onerror='window.caught=1'>&tab=map")
    expect(page.get_by_role("alert")).to_contain_text("<img src=x onerror='window.caught=1'>")
    expect_run(page, "flat-vae")
    expect(page.get_by_role("tab", name="Map")).to_have_attribute("aria-selected", "true")
    assert page.evaluate("window.caught") is None


def test_choosing_another_run_keeps_the_tab(visit, pick):
    page = visit("Map")
    pick("deep-vae")
    expect_run(page, "deep-vae")
    expect(page.get_by_role("tab", name="Map")).to_have_attribute("aria-selected", "true")


def test_a_damaged_run_is_a_message_and_the_next_one_opens(bare, run_folder):
    (run_folder / "latents.safetensors").write_bytes(b"")
    with serving(fake_library(run_folder.parent)) as url:
        bare.goto(url)
        pick_run(bare, "digits-vae-2")
        expect(bare.get_by_role("alert")).to_contain_text("latents.safetensors")
        pick_run(bare, "linear-ae")
        expect(bare.get_by_role("alert")).to_have_count(0)
        expect(bare.locator("[data-ready]").first).to_be_visible()


@pytest.mark.parametrize("host", ["", "bare"])
def test_without_runs_the_page_says_how_to_make_one_and_opens_the_first_that_is_there(bare, run_folder, tmp_path, host):
    (tmp_path / "empty").mkdir()
    with serving(Library(tmp_path / "empty")) as url:
        bare.goto(f"{url}/{host}")
        expect(bare.get_by_role("heading", name="No model yet")).to_be_visible()
        expect(bare.get_by_text("python train.py --dataset digits")).to_be_visible()
        expect(bare.get_by_role("button", name="Fit one here")).to_be_visible()
        expect(bare.get_by_role("tab")).to_have_count(0)
        run_folder.rename(tmp_path / "empty" / run_folder.name)
        expect_run(bare, run_folder.name)
        expect(bare.get_by_role("heading", name="No model yet")).to_be_hidden()
        expect(bare.get_by_role("tab", name="Start")).to_be_visible()


def test_a_password_is_asked_for_and_opens_the_page(bare, library):
    with serving(library, accounts=[("mina", "open sesame")]) as url:
        bare.goto(url)
        log_in(bare, "wrong")
        expect(bare.get_by_text("Incorrect Credentials")).to_be_visible()
        expect(bare.get_by_role("tab")).to_have_count(0)
        log_in(bare, "open sesame")
        expect_run(bare, "flat-vae")
        expect(bare.locator("[data-ready]").first).to_be_visible()


def log_in(page, password: str) -> None:
    page.get_by_label("username").fill("mina")
    page.get_by_label("password").fill(password)
    page.get_by_role("button", name="Login").click()


@pytest.mark.parametrize("tab", ["Interpolate", "Map", "Reconstruct", "Holes", "Report"])
def test_a_tab_that_is_opened_after_a_rest_brings_no_code_along_but_what_draws_its_curves(visit, tab):
    page = visit()
    page.locator("[data-rested]").wait_for()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_request("**/explorer/**"):
        page.get_by_role("tab", name=tab).click()
    page.locator(f"#explorer-{tab.lower()} .xp-host > *").first.wait_for(state="attached")
    page.wait_for_function("tab => location.hash.includes(`tab=${tab}`)", arg=tab.lower())
    assert asked
    code = {url.rsplit("/", 1)[1] for url in asked if "/explorer/static/" in url}
    assert code <= ({"plotly.min.js"} if tab in ("Interpolate", "Holes", "Report") else set())


def test_a_tab_whose_code_does_not_load_says_so_and_the_others_work(bare, app_url):
    bare.route("**/map/tab.js", lambda route: route.abort())
    bare.goto(app_url + "#v=1&run=flat-vae&tab=map")
    expect(bare.get_by_role("region", name="map of the encoded test images")).to_have_text(
        "This part of the page did not load; reload the page."
    )
    bare.get_by_role("tab", name="Explore").click()
    expect(bare.get_by_role("img", name="decoded image")).to_be_visible()


def test_a_tab_whose_code_is_slow_says_that_it_loads(bare, app_url):
    held = []

    def hold(route):
        held.append(route)

    bare.route("**/map/tab.js", hold)
    with bare.expect_request("**/map/tab.js"):
        bare.goto(app_url + "#v=1&run=flat-vae&tab=map")
    region = bare.get_by_role("region", name="map of the encoded test images")
    expect(region).to_have_text("Loading…")
    held[0].continue_()
    expect(region.get_by_role("button", name="Whole map")).to_be_visible()
