"""The map in a real browser: hover, click, recolour."""

import base64
import io
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from explorer.checkpoint import EpochCodes
from explorer.images import to_bytes
from explorer.views.clusters import cluster_groups
from explorer.views.map import map_axes
from tests.browser import driver
from tests.browser.driver import expect, expect_grey

pytestmark = pytest.mark.browser

MAIN = ".xp-mapside:first-child .xp-plane"
"""The map of the run on show; that of another may stand beside it."""

PAD = f"{MAIN} .xp-plane-pad"

RANGES = f"""() => document.querySelector('{PAD}').dataset.window.split(',').map(Number)"""
"""Left, right, bottom and top of the window on show."""


def opened(visit, run="flat-vae"):
    page = visit("Map")
    ready(page, run)
    return page


def ready(page, run):
    """Wait until the dots of a run are drawn."""
    page.locator(f"{MAIN}[data-ready^='{run} ']").wait_for()
    page.locator(f"{PAD}[data-window]").wait_for()
    if page.locator(".xp-paired").count():
        page.locator("#explorer-map [data-beside]").wait_for()


def pixels_of(element):
    """What an element looks like once it is drawn, (H, W, 3)."""
    element.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return np.asarray(Image.open(io.BytesIO(element.screenshot())).convert("RGB")).astype(float)


def on_screen(page, x, y):
    """Pixels of a place of the map."""
    box = page.locator(PAD).bounding_box()
    left, right, bottom, top = page.evaluate(RANGES)
    across = (float(x) - left) / (right - left) * box["width"]
    return [box["x"] + across, box["y"] + (top - float(y)) / (top - bottom) * box["height"]]


def open_more(page):
    """Open what the map has beyond its first look: layers, what pointing shows, the choice of all."""
    page.locator("#explorer-map summary", has_text="More").click()


def dots_drawn(page, count):
    """Wait until so many dots are on show."""
    page.locator(f"{PAD}[data-dots='{count}']").wait_for()


COLOUR = "([selector, x, y]) => [...document.querySelector(selector).getContext('2d').getImageData(x, y, 1, 1).data]"


def pixel_of(page, x, y):
    """The dots' own canvas and its pixel at a place, as `COLOUR` takes them."""
    left, top = on_screen(page, x, y)
    box = page.locator(PAD).bounding_box()
    return [f"{MAIN} .xp-plane-dots", int(left - box["x"]), int(top - box["y"])]


def colour_of(page, x, y):
    """Red, green, blue and opacity of the dots' own canvas at a place."""
    return page.evaluate(COLOUR, pixel_of(page, x, y))


def token(page, name):
    """A colour of the theme as red, green and blue."""
    text = page.evaluate(
        "name => getComputedStyle(document.querySelector('.xp-plane')).getPropertyValue(`--xp-${name}`).trim()", name
    )
    return [int(text[i : i + 2], 16) for i in (1, 3, 5)]


def lonely(points):
    """The image whose nearest neighbour on the map is furthest away, among those not at its edge."""
    middle = np.linalg.norm(points - points.mean(0), axis=1) < 1.8 * points.std()
    distances = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e9 * np.eye(len(points))
    return int(np.argmax(np.where(middle, distances.min(1), -1)))


def empty(points):
    """A place within the map's square but far from every image and from the prior's labels."""
    side = np.linspace(points.min(), points.max(), 40)
    places = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    inside = (places > points.min(0)).all(1) & (places < points.max(0)).all(1)
    gaps = np.linalg.norm(places[:, None] - points[None], axis=2).min(1)
    return places[np.argmax(np.where(inside, gaps, -1))]


@pytest.mark.anywhere
def test_hovering_a_point_shows_its_image_without_asking_the_server(visit, run_of, host):
    page = opened(visit)
    run = run_of("flat-vae")
    index = lonely(run.latents.mean)
    if host == "live":
        page.wait_for_function("() => performance.getEntriesByType('resource').some(e => e.name.includes('/sprites/'))")
    page.locator("[data-rested]").wait_for()  # until then the page fetches its other tabs' code
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.mouse.move(*on_screen(page, *run.latents.mean[index]))
    popup = page.locator(f"{MAIN} .xp-tip canvas")
    expect(popup).to_be_visible()
    expect(popup).to_have_attribute("data-index", str(index))
    expect_grey(popup, run.thumbnails()[index, 0])
    assert not [url for url in asked if "/sprites/" not in url]


def test_clicking_a_point_describes_its_image(visit, run_of):
    page = opened(visit)
    run = run_of("flat-vae")
    index = lonely(run.latents.mean)
    page.mouse.click(*on_screen(page, *run.latents.mean[index]))
    side = page.get_by_role("complementary", name="the chosen image")
    expect(side.get_by_role("heading")).to_have_text(f"Test image {index}, label {run.label_name(index)}")
    expect(side).to_contain_text("nats")
    expect(side.get_by_role("img", name=f"test image {index}")).to_have_attribute("data-index", str(index))
    expect_grey(side.get_by_role("img", name=f"test image {index}"), run.thumbnails()[index, 0])
    reconstruction = to_bytes(run.reconstruction(index))[0]
    expect_grey(side.get_by_role("img", name="reconstruction"), reconstruction)


def test_a_chosen_image_opens_in_explore(visit, run_of, decode_of):
    page = opened(visit)
    run = run_of("flat-vae")
    number = page.get_by_role("spinbutton", name="Image number")
    number.fill("37")
    number.press("Enter")
    expect(page.get_by_role("heading", name="Test image 37")).to_be_visible()
    page.get_by_role("button", name="Open in Explore").click()
    image = page.get_by_role("img", name="decoded image")
    expect(image).to_be_visible()
    expect(page.locator(".xp-caption")).to_have_text("Start: the encoding of test image 37")
    latent = run.latents.mean[37]
    page.wait_for_function(
        """wanted => {
          const text = document.querySelector('canvas[aria-label="decoded image"]').dataset.latent;
          return text.split(',').map(Number).every((v, i) => Math.abs(v - wanted[i]) < 1e-5);
        }""",
        arg=latent.tolist(),
    )
    expect_grey(image, decode_of(run, latent))


@pytest.mark.gradio
def test_a_point_chosen_after_the_run_was_changed_opens_in_explore(visit, run_of, pick, decode_of):
    page = opened(visit)  # Explore has shown flat-vae, and is out of sight now
    pick("deep-vae")
    ready(page, "deep-vae")
    number = page.get_by_role("spinbutton", name="Image number")
    number.fill("41")
    number.press("Enter")
    expect(page.get_by_role("heading", name="Test image 41")).to_be_visible()
    page.get_by_role("button", name="Open in Explore").click()
    expect(page.locator(".xp-caption")).to_have_text(re.compile("test image 41$"))
    latent = run_of("deep-vae").latents.mean[41]
    page.wait_for_function(
        """wanted => {
          const text = document.querySelector('canvas[aria-label="decoded image"]').dataset.latent;
          const shown = text.split(',').map(Number);
          return shown.length === wanted.length && shown.every((v, i) => Math.abs(v - wanted[i]) < 1e-5);
        }""",
        arg=latent.tolist(),
    )
    image = page.get_by_role("img", name="decoded image")
    expect_grey(image, decode_of(run_of("deep-vae"), latent))


def test_the_map_and_explore_say_the_same_of_a_chosen_image(visit, run_of):
    page = opened(visit)
    run = run_of("flat-vae")
    of_mean = run.vacancy.p_value(run.latents.mean)
    index = int(np.argmax(np.abs(of_mean - run.scalar("vacancy"))))  # its drawn code lies elsewhere than its mean
    number = page.get_by_role("spinbutton", name="Image number")
    number.fill(str(index))
    number.press("Enter")
    side = page.get_by_role("complementary", name="the chosen image")
    expect(side.get_by_role("heading")).to_contain_text(f"Test image {index}")
    expect(side).to_contain_text("drawn code")
    trust = side.locator(".xp-trust")
    expect(trust).not_to_be_empty()
    sign, verdict, numbers = (trust.locator(part).inner_text() for part in (".xp-sign", "strong", "small"))
    assert ("No image is encoded here" in verdict) == (of_mean[index] <= 0.05)
    assert "p = " in numbers
    page.get_by_role("button", name="Open in Explore").click()
    expect(page.locator(".xp-caption")).to_have_text(re.compile(f"test image {index}$"))
    # Explore says the verdict above the fold, and behind More what it rests on
    expect(page.locator(".xp-stage .xp-trust")).to_have_text(sign + verdict.split(":")[0])
    driver.open_more(page, "explore")
    told = page.locator("#explorer-explore .xp-more p", has_text=numbers)
    expect(told).to_be_visible()
    expect(told).to_have_text(f"flat-vae {verdict}. {numbers}")


def test_a_map_without_the_data_set_says_so(visit, pick):
    page = opened(visit)
    open_more(page)
    note = page.get_by_text("The data set of this run is not on this machine.").locator("visible=true")
    expect(note).to_have_count(0)
    pick("lost-ae")
    expect(note).to_be_visible()
    pick("flat-ae")
    expect(note).to_have_count(0)


@pytest.mark.anywhere
def test_clicking_empty_space_decodes_there(visit, run_of, decode_of, latent_of, rounding):
    page = opened(visit)
    run = run_of("flat-vae")
    place = empty(run.latents.mean)
    page.mouse.click(*on_screen(page, *place))
    side = page.get_by_role("complementary", name="the chosen image")
    expect(side.get_by_role("heading")).to_contain_text("Decoded at")
    canvas = side.get_by_role("img", name="decoded image")
    latent = latent_of(canvas)
    np.testing.assert_allclose(latent, place, atol=0.05)
    expect_grey(canvas, decode_of(run, latent), atol=rounding)
    expect(side.locator(".xp-trust")).to_contain_text("p =")


def zoomed(page):
    """Zoom in with the wheel; returns the ranges before."""
    box = page.locator(PAD).bounding_box()
    before = page.evaluate(RANGES)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.down("Control")
    for _ in range(5):
        page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_function(
        f"before => {{ const [a, b] = ({RANGES})(); return b - a < 0.8 * (before[1] - before[0]) }}", arg=before
    )
    return before


def test_another_colour_keeps_the_view_and_sends_no_coordinates(visit):
    page = opened(visit)
    before = zoomed(page)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_label("Colour by").select_option("vacancy")
    expect(page.locator("#explorer-map .xp-colourbar")).to_contain_text("hole p-value of the image's drawn code")
    page.wait_for_function("() => document.querySelector('[data-colour=vacancy]')")
    now = page.evaluate(RANGES)
    assert now[1] - now[0] < 0.8 * (before[1] - before[0])
    assert [url for url in asked if "/api/" in url]
    assert all("/scalar/" in url for url in asked if "/api/" in url), asked
    page.locator(MAIN).get_by_role("button", name="Whole map").click()
    page.wait_for_function(
        f"before => ({RANGES})().every((v, i) => Math.abs(v - before[i]) < 0.03 * (before[1] - before[0]))", arg=before
    )


def test_the_dots_are_where_the_images_are_and_have_the_colours_of_their_classes(visit, run_of):
    page = opened(visit)
    run = run_of("flat-vae")
    dots_drawn(page, 600)
    open_more(page)
    page.get_by_label("Class names").uncheck()  # they lie above some
    gaps = np.linalg.norm(run.latents.mean[:, None] - run.latents.mean[None], axis=2) + 1e9 * np.eye(600)
    alone = np.argsort(-gaps.min(1))[:40]  # those whose neighbours do not cover them
    for row in alone:
        *colour, opacity = colour_of(page, *run.latents.mean[row])
        assert opacity > 150, "there is a dot"
        np.testing.assert_allclose(colour, token(page, f"class-{run.labels[row]}"), atol=2)


def test_a_visit_that_opens_no_curves_fetches_no_plotly(visit):
    page = opened(visit)
    dots_drawn(page, 600)
    page.locator("[data-rested]").wait_for()
    assert page.evaluate("() => [...document.querySelectorAll('.xp-map canvas')].every(c => c.getContext('2d'))")
    fetched = page.evaluate("() => performance.getEntriesByType('resource').map(({ name }) => name)")
    assert [name for name in fetched if name.endswith("/map/tab.js")]
    assert not [name for name in fetched if "plotly" in name]


def test_the_wheel_over_the_map_scrolls_the_page(visit, page):
    page.set_viewport_size({"width": 1400, "height": 600})
    opened(visit)
    before = page.evaluate(RANGES)
    box = page.locator(PAD).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    page.mouse.wheel(0, 120)
    page.wait_for_function("scrollY > 20")
    assert page.evaluate(RANGES) == before


@pytest.mark.gradio
def test_a_swipe_over_the_map_scrolls_the_page_and_a_tap_still_chooses(phone, swipe, run_of):
    phone.get_by_role("tab", name="Map").click()
    ready(phone, "flat-vae")
    before = phone.evaluate(RANGES)
    swipe(phone.locator(PAD))
    phone.wait_for_function("scrollY > 50")
    assert phone.evaluate(RANGES) == before
    phone.locator(PAD).scroll_into_view_if_needed()
    points = run_of("flat-vae").latents.mean
    phone.touchscreen.tap(*on_screen(phone, *points[lonely(points)]))
    expect(phone.get_by_role("heading", name="Test image")).to_be_visible()
    tip = phone.locator(f"{MAIN} .xp-tip")
    expect(tip).to_be_in_viewport()
    expect(tip.locator("canvas")).to_have_attribute("data-index", str(lonely(points)))
    assert phone.evaluate(RANGES) == before, "a tap is no double click"
    tip.get_by_role("button", name="Details").tap()
    expect(phone.get_by_role("heading", name="Test image")).to_be_in_viewport()


def test_an_image_number_that_is_not_there_is_refused_with_the_numbers_there_are(visit):
    page = opened(visit)
    number = page.get_by_role("spinbutton", name="Image number")
    status = page.locator("#explorer-map .xp-status")
    for nonsense in ("600", "-1", "1.5"):
        number.fill(nonsense)
        number.press("Enter")
        expect(status).to_contain_text("images 0 to 599")
        expect(number).to_have_value("")
    number.fill("7")
    number.press("Enter")
    expect(page.get_by_role("heading", name="Test image 7")).to_be_visible()
    expect(status).to_be_hidden()


def test_a_class_is_hidden_shown_and_isolated_by_its_legend_entry(visit, run_of):
    page = opened(visit)
    run = run_of("flat-vae")
    labels = run.labels
    before = page.evaluate(RANGES)
    entry = page.locator("#explorer-map .xp-entry").nth(3)
    expect(entry).to_have_attribute("aria-pressed", "true")
    entry.click()
    dots_drawn(page, int((labels != 3).sum()))
    row = lonely(run.latents.mean[labels == 3])
    place = run.latents.mean[labels == 3][row]
    page.mouse.move(*on_screen(page, *place))
    expect(entry).to_have_attribute("aria-pressed", "false")
    expect(page.locator(f"{MAIN} .xp-badge")).to_have_count(9)
    assert page.evaluate(RANGES) == before, "hiding a class does not move the others"
    page.locator("#explorer-map").get_by_role("button", name="Show all", exact=True).click()
    dots_drawn(page, 600)
    entry.dblclick()
    dots_drawn(page, int((labels == 3).sum()))
    entry.press("Shift+Enter")
    dots_drawn(page, int((labels == 3).sum()))


def test_a_scale_shows_the_dots_between_its_handles(visit, run_of):
    page = opened(visit)
    values = run_of("flat-vae").scalar("distortion")
    page.get_by_label("Colour by").select_option("distortion")
    lowest = page.get_by_role("slider", name="lowest distortion, nats that is shown")
    lowest.fill("0.5")
    low, high = np.quantile(values, [0.01, 0.99], method="nearest")
    shown = int((values >= (low + high) / 2).sum())
    page.wait_for_function(
        "([selector, shown]) => Math.abs(document.querySelector(selector).dataset.dots - shown) < 8", arg=[PAD, shown]
    )
    expect(page.locator("#explorer-map .xp-colourbar")).to_contain_text("shown:")
    page.locator("#explorer-map").get_by_role("button", name="Show all", exact=True).click()
    dots_drawn(page, 600)


def inside(points, centre, radius):
    return np.flatnonzero((np.abs(points - centre) <= radius).all(1))


def test_a_box_selects_what_is_inside_and_says_what_it_has_in_common(visit, run_of, decode_of):
    page = opened(visit)
    run = run_of("flat-vae")
    points = run.latents.mean
    page.locator(MAIN).get_by_role("button", name="Box").click()
    centre = np.median(points, axis=0)
    rows = inside(points, centre, 0.6)
    left, top = on_screen(page, *(centre + np.array([-0.6, 0.6])))
    right, bottom = on_screen(page, *(centre + np.array([0.6, -0.6])))
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(right, bottom, steps=6)
    page.mouse.up()
    section = page.get_by_role("region", name="selected images")
    expect(section.get_by_role("heading")).to_have_text(f"{len(rows)} images selected")
    expect(section).to_have_attribute("data-ready", str(len(rows)))
    label, count = max(enumerate(np.bincount(run.labels[rows])), key=lambda pair: pair[1])
    expect(section.locator("dt").first).to_have_text(str(label))
    expect(section.locator("dd").first).to_contain_text(f"({count})")
    mean = section.get_by_role("img", name="mean of the selected images", exact=True)
    expect_grey(mean, run.thumbnails()[rows].mean(0, dtype=np.float64)[0], atol=0.51)
    decode = section.get_by_role("img", name="decode of the mean latent of the selected images")
    expect_grey(decode, decode_of(run, points[rows].mean(0, dtype=np.float64)), atol=1)
    others = np.setdiff1d(np.arange(600), rows)
    lone = others[lonely(points[others])]
    assert colour_of(page, *points[lone])[3] < 60, "what is not selected fades"
    inner = rows[np.argmin(np.linalg.norm(points[rows] - centre, axis=1))]
    assert colour_of(page, *points[inner])[3] > 200


def test_a_lasso_selects_and_its_direction_and_table_can_be_taken_away(visit, run_of, tmp_path):
    page = opened(visit)
    run = run_of("flat-vae")
    page.locator(MAIN).get_by_role("button", name="Lasso").click()
    centre = np.median(run.latents.mean, axis=0)
    corners = [on_screen(page, *(centre + 0.8 * np.array([np.cos(a), np.sin(a)]))) for a in np.linspace(0, 6, 12)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=3)
    page.mouse.up()
    section = page.get_by_role("region", name="selected images")
    expect(section).to_have_attribute("data-ready", re.compile(r"\d"))
    distances = np.linalg.norm(run.latents.mean - centre, axis=1)
    count = int(section.get_attribute("data-ready") or 0)
    assert (distances < 0.6).sum() < count < (distances < 0.9).sum()
    page.evaluate(
        """async () => {
          const at = document.querySelector('link[href*="kit/kit.css"]').href;
          const { view } = await import(new URL('../page/view.js', at).href);
          view.addEventListener('directions', () => (window.offered = view.found.get('flat-vae')));
        }"""
    )
    section.get_by_role("button", name="Offer direction in Explore").click()
    (offered,) = page.wait_for_function("() => window.offered").json_value()
    assert offered["name"] == f"selection of {count} images"
    assert np.linalg.norm(offered["vector"]) == pytest.approx(1, abs=1e-5)
    with page.expect_download() as saving:
        section.get_by_role("button", name="Export CSV").click()
    saving.value.save_as(tmp_path / "table.csv")
    head, *lines = (tmp_path / "table.csv").read_text().splitlines()
    assert head == "image,dataset_row,label,z0,z1"
    assert len(lines) == count
    row, index, label, *latent = lines[0].split(",")
    np.testing.assert_allclose([float(z) for z in latent], run.latents.mean[int(row)], rtol=1e-6)
    assert int(index) == run.latents.index[int(row)]
    assert label == run.label_name(int(row))
    section.get_by_role("button", name="Clear selection").click()
    expect(section).to_be_hidden()


def test_a_chosen_image_is_marked_and_stays_chosen_on_another_plane(visit, run_of, pick):
    page = opened(visit)
    pick("deep-vae")
    ready(page, "deep-vae")
    run = run_of("deep-vae")
    number = page.get_by_role("spinbutton", name="Image number")
    number.fill("37")
    number.press("Enter")
    ring = page.locator(f"{MAIN} .xp-ring")
    expect(page.get_by_role("heading", name="Test image 37")).to_be_visible()

    def stands_at(place):
        page.wait_for_function(
            """([x, y]) => {
              const room = document.querySelector('.xp-overlay .xp-ring')?.getBoundingClientRect();
              return room && Math.hypot(room.left + room.width / 2 - x, room.top + room.height / 2 - y) < 3;
            }""",
            arg=on_screen(page, *place),
        )

    expect(ring).to_have_count(1)
    first, second = run.directions["pca"][:2]
    latent = run.latents.mean[37]
    stands_at([first.vector @ latent - first.offset, second.vector @ latent - second.offset])
    page.get_by_text("Two axes").click()
    page.locator(f"{MAIN}[data-ready^='deep-vae '][data-ready*=',']").wait_for()
    axes = [int(np.argmax(np.abs(each.vector))) for each in run.directions["axes"][:2]]
    stands_at(latent[axes])
    expect(page.get_by_role("heading", name="Test image 37")).to_be_visible()


@pytest.mark.anywhere
def test_a_chosen_image_shows_its_neighbours_and_one_of_them_is_chosen_next(visit, run_of):
    page = opened(visit)
    run = run_of("flat-vae")
    number = page.get_by_role("spinbutton", name="Image number")
    number.fill("37")
    number.press("Enter")
    tiles = page.get_by_role("group", name="nearest images").get_by_role("button")
    expect(tiles).to_have_count(12)
    codes = run.frame.whiten(run.latents.mean)
    order = np.argsort(np.linalg.norm(codes - codes[37], axis=1))
    expect(tiles.first).to_have_attribute("aria-label", re.compile(f"^test image {order[1]}, "))
    expect(page.locator(f"{MAIN} .xp-near-ring")).to_have_count(12)
    page.get_by_text("Cosine", exact=True).click()
    expect(tiles.first).to_have_attribute("aria-label", re.compile("cosine distance"))
    chosen = (tiles.first.get_attribute("aria-label") or "").split(",")[0]
    tiles.first.click()
    expect(page.get_by_role("heading", name=f"T{chosen[1:]},")).to_be_visible()


def test_a_chosen_place_becomes_an_end_of_a_walk(visit, run_of):
    page = opened(visit)
    place = empty(run_of("flat-vae").latents.mean)
    page.mouse.click(*on_screen(page, *place))
    expect(page.get_by_role("heading", name="Decoded at axis 0")).to_be_visible()
    expect(page.locator(f"{MAIN} .xp-cross")).to_have_count(1)
    page.evaluate(
        """async () => {
          const at = document.querySelector('link[href*="kit/kit.css"]').href;
          const { view } = await import(new URL('../page/view.js', at).href);
          view.addEventListener('ends', () => (window.ends = { a: view.ends.a, b: [...view.ends.b.latent] }));
        }"""
    )
    page.get_by_role("button", name="Use as B").click()
    ends = page.wait_for_function("() => window.ends").json_value()
    assert ends["a"] is None
    np.testing.assert_allclose(ends["b"], place, atol=0.05)


def test_pointing_decodes_all_the_time_where_that_is_wished(visit, run_of, decode_of):
    page = opened(visit)
    run = run_of("flat-vae")
    open_more(page)
    page.get_by_text("Decode", exact=True).click()
    tip = page.locator(f"{MAIN} .xp-tip canvas")
    x, y = on_screen(page, *empty(run.latents.mean))
    with page.expect_response(lambda got: got.url.endswith("/decode")) as answer:
        page.mouse.move(x, y)
    sent = np.frombuffer(answer.value.request.post_data_buffer, "<f4")
    expect(tip).to_be_visible()
    page.wait_for_function("() => document.querySelector('.xp-mapside:first-child .xp-tip canvas').width === 8")
    expect_grey(tip, decode_of(run, sent))
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def test_the_decodes_behind_are_those_of_the_places_they_lie_on(visit, run_of):
    page = opened(visit)
    run = run_of("flat-vae")
    open_more(page)
    page.get_by_label("Decodes behind").check()
    page.get_by_label("Strength of the decodes, per cent").fill("100")
    page.locator(f"{PAD}[data-cells]").wait_for()
    rows, columns = map(int, page.locator(PAD).get_attribute("data-cells").split(","))
    left, right, bottom, top = page.evaluate(RANGES)
    a = left + (np.arange(columns) + 0.5) / columns * (right - left)
    b = top - (np.arange(rows) + 0.5) / rows * (top - bottom)
    grid = np.stack(np.meshgrid(a, b), axis=-1).reshape(-1, 2).astype(np.float32)
    expected = to_bytes(run.coder.decode(grid))[:, 0].reshape(rows, columns, 8, 8).mean((2, 3))
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    paper = page.locator(f"{MAIN} .xp-plane-paper")
    box, inner = paper.bounding_box(), page.locator(PAD).bounding_box()
    shown = np.asarray(Image.open(io.BytesIO(_png(paper))).convert("L")).astype(float)
    x, y = int(inner["x"] - box["x"]), int(inner["y"] - box["y"])
    area = shown[y : y + int(inner["height"]), x : x + int(inner["width"])]
    means = [[cell.mean() for cell in np.array_split(line, columns, axis=1)] for line in np.array_split(area, rows)]
    assert np.corrcoef(np.ravel(means), expected.ravel())[0, 1] > 0.97


def _png(canvas):
    """A canvas of the page as a PNG file."""
    return base64.b64decode(canvas.evaluate("canvas => canvas.toDataURL('image/png')").split(",")[1])


def test_layers_are_laid_over_the_dots(visit, run_of):
    page = opened(visit)
    run = run_of("flat-vae")
    open_more(page)
    page.get_by_label("Density lines (25, 50, 75, 95 %)").check()
    expect(page.locator(f"{MAIN} .xp-shapes-density path")).to_have_count(4)
    page.get_by_label("Posterior ellipses").check()
    page.wait_for_function("() => document.querySelectorAll('.xp-shapes-spread ellipse').length > 100")
    radius = float(page.locator(f"{MAIN} .xp-shapes-spread ellipse").first.get_attribute("rx"))
    assert radius == pytest.approx(2 * np.exp(-1.0), rel=1e-4), "two standard deviations of exp(-2) variance"
    page.get_by_label("An image per class").check()
    images = page.locator(f"{MAIN} .xp-class-image")
    expect(images).to_have_count(10)
    expect(images.nth(4).locator(".xp-badge")).to_have_text("4")
    row = int(images.nth(4).get_attribute("data-row"))
    assert run.labels[row] == 4
    canvas = images.nth(4).locator("canvas")
    expect(canvas).to_have_attribute("data-index", str(row))
    expect_grey(canvas, run.thumbnails()[row, 0])
    expect(page.locator(f"{MAIN} .xp-shapes-prior circle")).to_have_count(3)
    page.get_by_label("Prior circles").uncheck()
    expect(page.locator(f"{MAIN} .xp-shapes-prior circle")).to_have_count(0)


def test_images_stand_in_the_place_of_dots_where_that_is_wished_or_few_are_in_view(visit, run_of):
    page = opened(visit)
    run = run_of("flat-vae")
    expect(page.locator(PAD)).to_have_attribute("data-pictures", "0")
    open_more(page)
    page.get_by_label("Pictures as dots").check()
    page.wait_for_function(f"() => Number(document.querySelector('{PAD}').dataset.pictures) > 60")
    page.get_by_label("Pictures as dots").uncheck()
    expect(page.locator(PAD)).to_have_attribute("data-pictures", "0")
    page.mouse.move(*on_screen(page, *run.latents.mean[lonely(run.latents.mean)]))
    page.keyboard.down("Control")
    for _ in range(5):
        page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_function(f"() => Number(document.querySelector('{PAD}').dataset.pictures) >= 1")


def test_ones_own_image_is_a_star_where_its_latent_is(visit):
    page = opened(visit)
    page.evaluate(
        """async () => {
          const at = document.querySelector('link[href*="kit/kit.css"]').href;
          const { view } = await import(new URL('../page/view.js', at).href);
          view.setOwn('flat-vae', { run: 'flat-vae', latent: Float32Array.of(0.5, -0.25), whence: { kind: 'own' } });
        }"""
    )
    star = page.locator(f"{MAIN} .xp-star")
    expect(star).to_have_count(1)
    box = star.bounding_box()
    x, y = on_screen(page, 0.5, -0.25)
    assert box["x"] < x < box["x"] + box["width"]
    assert box["y"] < y < box["y"] + box["height"]


def test_attributes_colour_the_map_where_a_run_has_them(visit, page, home):
    """What the server says of a run with attributes is put into its answers here: these runs have none."""
    values = bytes(np.stack([np.arange(600) % 2, np.where(np.arange(600) < 60, 255, 0)], axis=1).astype(np.uint8))

    def described(route):
        told = route.fetch().json()
        told |= {"attributes": ["Smiling", "Hat"], "stored": told["stored"] | {"attributes": "explorer/api/attributes"}}
        route.fulfill(json=told)

    page.route("**/explorer/api/run/flat-vae", described)
    page.route("**/explorer/api/attributes", lambda route: route.fulfill(body=values))
    opened(visit)
    page.get_by_label("Colour by").select_option(label="Hat")
    legend = page.locator("#explorer-map .xp-entry")
    expect(legend).to_have_count(3)
    expect(legend.nth(2)).to_contain_text("not known")
    expect(legend.nth(2)).to_have_attribute("title", re.compile("^60 images"))
    page.get_by_label("Colour by").select_option(label="Smiling")
    expect(legend).to_have_count(2)
    expect(legend.nth(0)).to_have_attribute("title", re.compile("^300 images"))


def test_the_map_is_moved_zoomed_and_asked_by_keyboard(visit):
    page = opened(visit)
    page.locator(PAD).focus()
    before = page.evaluate(RANGES)
    expect(page.locator(f"{MAIN} .xp-unseen li").first).to_contain_text("600 images in view")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"before => ({RANGES})()[0] > before[0] + 0.1 * (before[1] - before[0])", arg=before)
    page.keyboard.press("0")
    page.wait_for_function(
        f"before => Math.abs(({RANGES})()[0] - before[0]) < 0.03 * (before[1] - before[0])", arg=before
    )
    page.keyboard.press("+")
    page.wait_for_function(
        f"before => {{ const now = ({RANGES})(); return now[1] - now[0] < 0.8 * (before[1] - before[0]) }}", arg=before
    )
    page.keyboard.press("Enter")
    expect(page.locator("#explorer-map .xp-chosen h3")).to_have_text(re.compile("^(Decoded at|Test image)"))


def test_t_sne_is_computed_once_on_request_and_drawn(visit, pick, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path))
    page = opened(visit)
    pick("deep-vae")
    ready(page, "deep-vae")
    page.locator("label", has_text="t-SNE").click()
    compute = page.get_by_role("button", name="Compute")
    expect(compute).to_be_visible()
    expect(page.locator(MAIN)).to_be_hidden()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(MAIN)).to_be_visible()
    page.locator("label", has_text="t-SNE").click()
    compute.click()
    page.locator("#explorer-map [data-drawn='deep-vae tsne 600']").wait_for()
    open_more(page)
    expect(page.get_by_text("Pointing shows")).to_be_hidden()
    assert len(list((tmp_path / "tsne").glob("*.npy"))) == 1
    dots_drawn(page, 600)
    (made,) = (tmp_path / "tsne").glob("*.npy")
    places = np.load(made).reshape(-1, 2)
    page.mouse.click(*on_screen(page, *places[0]))
    expect(page.get_by_role("heading", name=re.compile("Test image"))).to_be_visible()


def test_names_on_a_phone_do_not_cover_one_another(phone):
    phone.get_by_role("tab", name="Map").click()
    ready(phone, "flat-vae")
    expect(phone.locator(f"{MAIN} .xp-badge")).to_have_count(10)
    boxes = phone.locator(f"{MAIN} .xp-badge").evaluate_all(
        "all => all.map(e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom] })"
    )
    for i, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[i + 1 :]:
            assert left >= other[2] - 1 or right <= other[0] + 1 or top >= other[3] - 1 or bottom <= other[1] + 1


@pytest.mark.gradio
def test_the_map_follows_the_theme_at_once_and_asks_for_nothing(visit, run_of):
    page = opened(visit)
    dots_drawn(page, 600)
    run = run_of("flat-vae")
    place = run.latents.mean[lonely(run.latents.mean)]
    pixel, light = pixel_of(page, *place), colour_of(page, *place)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/run/" in request.url else None)
    page.evaluate("document.body.classList.add('dark')")
    page.wait_for_function(f"([pixel, light]) => String(({COLOUR})(pixel)) !== String(light)", arg=[pixel, light])
    dark = colour_of(page, *place)[:3]
    label = run.labels[lonely(run.latents.mean)]
    np.testing.assert_allclose(dark, token(page, f"class-{label}"), atol=2)
    assert not asked


def test_a_run_of_many_dimensions_is_mapped_by_pca_or_any_two_axes(visit, run_of, pick):
    page = opened(visit)
    pick("deep-vae")
    ready(page, "deep-vae")
    run = run_of("deep-vae")
    page.get_by_text("Two axes").click()
    across = page.locator("#explorer-map").get_by_label("Across")
    expect(across).to_be_visible()
    across.select_option("5")
    page.locator(f"{MAIN}[data-ready^='deep-vae 5,']").wait_for()
    up = int(page.locator(MAIN).get_attribute("data-ready").split(",")[1])
    places = run.latents.mean[:, [5, up]]
    page.mouse.click(*on_screen(page, *places[lonely(places)]))
    expect(page.get_by_role("heading", name=f"Test image {lonely(places)},")).to_be_visible()


OTHER = ".xp-mapside:nth-child(2) .xp-plane"


def test_the_twins_map_stands_beside_with_one_selection_one_set_of_colours_and_one_pointer(visit, run_of, pick):
    page = opened(visit)
    page.locator("#explorer-map [data-beside^='flat-ae ']").wait_for()
    page.locator(f"{OTHER}[data-ready^='flat-ae ']").wait_for()
    left, right = (page.locator(name).bounding_box() for name in (OTHER, MAIN))
    assert left["x"] < right["x"], "the autoencoder stands left"
    assert left["width"] == pytest.approx(right["width"], abs=2)
    points = run_of("flat-vae").latents.mean
    page.mouse.move(*on_screen(page, *points[lonely(points)]))
    expect(page.locator(".xp-hover-ring")).to_have_count(2)
    page.locator("#explorer-map .xp-entry").nth(3).click()
    kept = int((run_of("flat-vae").labels != 3).sum())
    dots_drawn(page, kept)
    page.locator(f"{OTHER} .xp-plane-pad[data-dots='{kept}']").wait_for()
    open_more(page)
    page.get_by_role("button", name="Select all shown").click()
    expect(page.get_by_role("region", name="selected images").get_by_role("heading")).to_contain_text(f"{kept} images")
    page.locator("#explorer-map [data-control=beside] select").select_option("")
    expect(page.locator(OTHER)).to_be_hidden()


@pytest.fixture
def unfolding(run_of, monkeypatch):
    """`deep-vae` with codes of every second image kept after three epochs: from one point they move to their places."""
    run = run_of("deep-vae")
    kept = np.arange(0, 600, 2)

    def codes(epoch):
        mean = run.latents.mean[kept] * (epoch / 4)
        return EpochCodes(mean=mean.astype(np.float16), index=run.latents.index[kept])

    monkeypatch.setattr(run, "_epochs", lambda: dict.fromkeys((1, 2, 4)))
    monkeypatch.setattr(run, "_codes_after", codes)
    return run


def test_the_map_unfolds_epoch_by_epoch_beside_the_fitted_one(visit, unfolding):
    page = visit("Map", "#v=1&run=deep-vae&tab=map")
    ready(page, "deep-vae")
    page.get_by_label("Beside it").select_option(label="its fit, epoch by epoch")
    page.locator(f"{OTHER}[data-epoch='1']").wait_for()
    page.locator(f"{OTHER} .xp-plane-pad[data-dots='300']").wait_for()
    expect(page.get_by_text("300 of 600 images. Nothing can be decoded here")).to_be_visible()
    page.get_by_role("slider", name="Epoch").fill("2")
    page.locator(f"{OTHER}[data-epoch='4']").wait_for()
    points = map_axes(unfolding, "pca")[0]
    assert points is not None
    index = 2 * lonely(points[::2])
    page.mouse.move(*on_screen(page, *points[index]))
    expect(page.locator(".xp-hover-ring")).to_have_count(2)
    page.mouse.move(0, 0)
    pad = page.locator(f"{OTHER} .xp-plane-pad")
    pad.click(position={"x": 3, "y": 3})
    expect(page.get_by_text("the weights of old epochs are gone, and only where")).to_be_visible()
    assert "map.epoch=4" in page.evaluate("location.hash")
    page.get_by_role("button", name="Watch it unfold").click()
    page.locator(f"{OTHER}[data-epoch='1']").wait_for()
    page.locator(f"{OTHER}[data-epoch='4']").wait_for()


def test_a_map_is_saved_as_a_picture_of_twice_its_pixels_and_as_a_drawing(visit, tmp_path):
    page = opened(visit)
    dots_drawn(page, 600)
    box = page.locator(f"{MAIN} .xp-plane-square").bounding_box()
    with page.expect_download() as saving:
        page.locator(MAIN).get_by_role("button", name="Save as PNG").click()
    saving.value.save_as(tmp_path / "map.png")
    assert saving.value.suggested_filename == "flat-vae-map.png"
    picture = np.asarray(Image.open(tmp_path / "map.png").convert("RGB")).astype(float)
    assert picture.shape[:2] == (2 * round(box["height"]), 2 * round(box["width"]))
    with page.expect_download() as drawing:
        page.locator(MAIN).get_by_role("button", name="Save as SVG").click()
    drawing.value.save_as(tmp_path / "map.svg")
    root = ET.parse(tmp_path / "map.svg").getroot()
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"axis 0, latent units", "axis 1, latent units", *"0123456789"} <= set(texts)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 3
    inked = (np.abs(picture - picture[2, 2]).max(2) > 40).mean()
    assert 0.01 < inked < 0.5, "dots, and the page between them"


def test_class_names_that_are_code_are_shown_and_never_run(visit, pick):
    page = opened(visit)
    pick("odd-ae")
    ready(page, "odd-ae")
    number = page.get_by_role("spinbutton", name="Image number")
    for index in (0, 1, 2, 3, 4):
        number.fill(str(index))
        number.press("Enter")
        expect(page.get_by_role("heading", name=f"Test image {index}")).to_be_visible()
    assert page.locator("#explorer-map :is(.xp-entry, .xp-badge) :is(a, img)").count() == 0
    page.get_by_role("tab", name="Reconstruct").click()
    page.locator("[data-ready^='odd-ae']").last.wait_for()
    expect(page.get_by_label("Class").locator("option").nth(1)).to_have_text("<img src=x onerror='window.caught = 1'>")
    assert page.evaluate("window.caught === undefined")


# --- clusters, and the map as a link ----------------------------------------------------------------------------------


def test_clusters_are_named_and_those_outside_are_counted(visit, run_of):
    page = opened(visit)
    groups = cluster_groups(run_of("flat-vae"))
    assert groups.names
    page.get_by_label("Colour by").select_option(label="Automatic clusters")
    page.locator("#explorer-map [data-colour=cluster]").wait_for()
    legend = page.locator("#explorer-map .xp-maplegend")
    expect(legend.locator(".xp-entry")).to_have_text([*groups.names, "in no cluster"])
    expect(legend.get_by_role("status")).to_have_text(groups.said)
    expect(page.locator(f"{MAIN} .xp-badge")).to_have_count(min(20, len(groups.names)))


def test_a_link_shows_the_same_map(visit, run_of):
    page = opened(visit)
    page.get_by_label("Colour by").select_option(label="Distortion")
    page.locator("#explorer-map [data-colour=distortion]").wait_for()
    open_more(page)
    page.get_by_label("Density lines").check()
    number = page.get_by_role("spinbutton", name="Image number")
    number.fill("37")
    number.press("Enter")
    expect(page.get_by_role("heading", name="Test image 37")).to_be_visible()
    address = page.evaluate("location.hash")
    page.goto("about:blank")
    visit("Map", address)
    ready(page, "flat-vae")
    page.locator("#explorer-map [data-colour=distortion]").wait_for()
    expect(page.get_by_role("heading", name="Test image 37")).to_be_visible()
    expect(page.locator(f"{MAIN} .xp-shapes-density path")).to_have_count(4)


def test_a_link_that_makes_no_sense_shows_the_usual_map(visit):
    page = visit(
        "Map", "#v=1&run=flat-vae&tab=map&map.plane=7,7&map.colour=<b>&map.layers=x&map.image=600&map.rows=1,-2"
    )
    ready(page, "flat-vae")
    expect(page.locator("#explorer-map")).to_contain_text("Nothing chosen yet")
    expect(page.locator("#explorer-map [data-drawn='flat-vae 0,1 600']")).to_have_attribute("data-colour", "label")
