"""Map and Holes where there is no WebGL: in the system's Firefox without a window, and in Chromium without it."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.benchmarks.firefox import MOST_SECONDS, Marionette, firefox
from tests.browser.conftest import FLAGS
from tests.browser.driver import PATIENCE_MS, expect

pytestmark = pytest.mark.browser

WAIT = """
const until = async (look) => {
  for (const end = Date.now() + 25_000; Date.now() < end; ) {
    const found = look();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`in vain: ${look}`);
};
const inked = (canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 3; at < data.length; at += 4) count += data[at] > 0;
  return count;
};
"""

MAP = """
const pad = await until(() => document.querySelector("#explorer-map .xp-mapside:first-child [data-dots='600']"));
const box = pad.getBoundingClientRect();
return {
  window: pad.dataset.window.split(",").map(Number),
  place: [box.left, box.top, box.width, box.height],
  inked: inked(pad.parentElement.querySelector(".xp-plane-dots")),
};
"""

CHOSEN = """
const heads = () => [...document.querySelectorAll("#explorer-map h3")];
const title = await until(() => heads().find((head) => head.textContent.startsWith("Test image")));
const { dataset } = await until(() => document.querySelector("#explorer-map [data-chosen]"));
return [title.textContent, dataset.chosen, location.hash];
"""

HOLES = """
const ready = () => [...document.querySelectorAll("#explorer-holes .xp-plane[data-ready][data-layer]")];
const planes = await until(() => ready().length === 2 && ready());
planes[0].scrollIntoView({ block: "center" });
await new Promise((done) => requestAnimationFrame(done));
const { left, top, width, height } = planes[0].querySelector(".xp-plane-pad").getBoundingClientRect();
return {
  inked: planes.map((plane) => inked(plane.querySelector(".xp-plane-paper"))),
  place: [left, top, width, height],
};
"""

AT = """
const held = () => document.querySelector("#explorer-holes [data-at]")?.dataset.at;
return until(() => held() && held() !== before && held());
"""


@pytest.fixture(scope="module")
def fox(missing_tool) -> Iterator[Marionette]:
    """The system's Firefox, driven by its own protocol."""
    with firefox(MOST_SECONDS) as driver:
        if driver is None:
            missing_tool("Firefox is not installed: neither firefox-esr nor firefox is in PATH")
        else:
            yield driver


def middle_dot(points, window):
    """The image nearest to the middle of the window, and its place as shares from the upper left corner."""
    left, right, bottom, top = window
    shares = np.stack([(points[:, 0] - left) / (right - left), (top - points[:, 1]) / (top - bottom)], axis=1)
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e9 * np.eye(len(points))
    inside = (np.abs(shares - 0.5) < 0.3).all(1)
    index = int(np.argmax(np.where(inside, gaps.min(1), -1)))  # no other dot is near it
    return index, shares[index].tolist()


def test_firefox_draws_the_map_and_a_click_chooses_the_dot_under_it(fox, app_url, run_of):
    fox.open(f"{app_url}bare#v=1&run=flat-vae&tab=map")
    drawn = fox.look(WAIT + MAP, {})
    assert drawn["inked"] > 600, "dots are drawn"
    index, (across, down) = middle_dot(run_of("flat-vae").latents.mean, drawn["window"])
    x, y, width, height = drawn["place"]
    fox.click(x + across * width, y + down * height)
    title, chosen, address = fox.look(WAIT + CHOSEN, {})
    assert title.startswith(f"Test image {index},")
    assert chosen == str(index)
    assert f"map.image={index}" in address


def test_firefox_draws_the_planes_of_holes_and_a_click_moves_the_cursor(fox, app_url):
    fox.open(f"{app_url}bare#v=1&run=flat-vae&tab=holes&holes.view=slice")
    drawn = fox.look(WAIT + HOLES, {})
    assert min(drawn["inked"]) > 10_000, "both planes are coloured"
    left, top, width, height = drawn["place"]
    before = ""
    for share in (0.3, 0.6):
        fox.click(left + share * width, top + 0.4 * height)
        now = fox.look(WAIT + AT, {"before": before})
        assert now != before
        before = now


def test_chromium_without_webgl_draws_and_uses_map_and_holes(driver, chromium, app_url, run_of):
    flags = [*FLAGS, "--disable-webgl", "--disable-webgl2", "--disable-3d-apis"]
    browser = driver.chromium.launch(executable_path=chromium, args=flags)
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{app_url}bare#v=1&run=flat-vae&tab=map")
    assert page.evaluate("document.createElement('canvas').getContext('webgl')") is None
    pad = page.locator("#explorer-map .xp-mapside:first-child [data-dots='600']")
    pad.wait_for()
    window = [float(number) for number in str(pad.get_attribute("data-window")).split(",")]
    index, (across, down) = middle_dot(run_of("flat-vae").latents.mean, window)
    box = pad.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])
    expect(page.get_by_role("heading", name=f"Test image {index},")).to_be_visible()
    page.get_by_role("tab", name="Holes").click()
    page.locator("#explorer-holes").get_by_role("button", name="Slice").click()
    planes = page.locator("#explorer-holes .xp-plane[data-ready][data-layer]")
    expect(planes).to_have_count(2)
    planes.first.locator(".xp-plane-pad").click(position={"x": 60, "y": 80})
    expect(page.locator("#explorer-holes [data-at]")).to_have_count(1)
    assert page.get_by_text("WebGL").count() == 0
    browser.close()
