"""The map in a real browser: hover, click, recolour."""

import re

import numpy as np
import pytest

from explorer.images import to_bytes
from tests.browser.driver import expect

pytestmark = pytest.mark.browser

SCREEN = """([x, y]) => {
  const plot = document.querySelector('.xp-map .xp-plot');
  const layout = plot._fullLayout, box = plot.getBoundingClientRect();
  return [box.left + layout.xaxis._offset + layout.xaxis.l2p(x), box.top + layout.yaxis._offset + layout.yaxis.l2p(y)];
}"""

RANGES = """() => {
  const { xaxis, yaxis } = document.querySelector('.xp-map .xp-plot')._fullLayout;
  return [...xaxis.range, ...yaxis.range];
}"""


def opened(visit):
    page = visit("Map")
    page.locator(".xp-map .xp-figure[data-ready='flat-vae light']").wait_for()
    page.wait_for_function("() => document.querySelector('.xp-map .xp-plot').on !== undefined")
    return page


def on_screen(page, x, y):
    return page.evaluate(SCREEN, [float(x), float(y)])


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


def test_hovering_a_point_shows_its_image_without_asking_the_server(visit, run_of, grey_of):
    page = opened(visit)
    run = run_of("flat-vae")
    index = lonely(run.latents.mean)
    page.wait_for_function("() => performance.getEntriesByType('resource').some(e => e.name.includes('/sprites/'))")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.mouse.move(*on_screen(page, *run.latents.mean[index]))
    popup = page.locator(".xp-popup")
    expect(popup).to_be_visible()
    expect(popup).to_have_attribute("data-index", str(index))
    np.testing.assert_array_equal(grey_of(popup), run.thumbnails()[index, 0])
    assert not [url for url in asked if "/sprites/" not in url]


def test_clicking_a_point_describes_its_image(visit, run_of, grey_of):
    page = opened(visit)
    run = run_of("flat-vae")
    index = lonely(run.latents.mean)
    page.mouse.click(*on_screen(page, *run.latents.mean[index]))
    side = page.get_by_role("complementary", name="the chosen image")
    expect(side.get_by_role("heading")).to_have_text(f"Test image {index}, label {run.label_name(index)}")
    expect(side).to_contain_text("nats")
    expect(side.get_by_role("img", name=f"test image {index}")).to_have_attribute("data-index", str(index))
    np.testing.assert_array_equal(
        grey_of(side.get_by_role("img", name=f"test image {index}")), run.thumbnails()[index, 0]
    )
    reconstruction = to_bytes(run.reconstruction(index))[0]
    np.testing.assert_array_equal(grey_of(side.get_by_role("img", name="reconstruction")), reconstruction)


def test_a_chosen_image_opens_in_explore(visit, run_of, grey_of, decode_of):
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
    np.testing.assert_array_equal(grey_of(image), decode_of(run, latent))


def test_a_point_chosen_after_the_run_was_changed_opens_in_explore(visit, run_of, pick, grey_of, decode_of):
    page = opened(visit)  # Explore has shown flat-vae, and is out of sight now
    pick("deep-vae")
    page.locator(".xp-map .xp-figure[data-ready='deep-vae light']").wait_for()
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
    np.testing.assert_array_equal(grey_of(image), decode_of(run_of("deep-vae"), latent))


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
    said = side.locator(".xp-trust").inner_text()
    assert ("In a hole" in said) == (of_mean[index] <= 0.05)
    page.get_by_role("button", name="Open in Explore").click()
    expect(page.locator(".xp-caption")).to_have_text(re.compile(f"test image {index}$"))
    expect(page.locator(".xp-stage .xp-trust")).to_have_text(said.replace("\n", ""))


def test_a_map_without_the_data_set_says_so(visit, pick):
    page = opened(visit)
    note = page.get_by_text("The data set of this run is not on this machine.").locator("visible=true")
    expect(note).to_have_count(0)
    pick("lost-ae")
    expect(note).to_be_visible()
    pick("flat-ae")
    expect(note).to_have_count(0)


def test_clicking_empty_space_decodes_there(visit, run_of, grey_of, decode_of, latent_of):
    page = opened(visit)
    run = run_of("flat-vae")
    place = empty(run.latents.mean)
    page.mouse.click(*on_screen(page, *place))
    side = page.get_by_role("complementary", name="the chosen image")
    expect(side.get_by_role("heading")).to_contain_text("Decoded at")
    canvas = side.get_by_role("img", name="decoded image")
    latent = latent_of(canvas)
    np.testing.assert_allclose(latent, place, atol=0.05)
    np.testing.assert_array_equal(grey_of(canvas), decode_of(run, latent))
    expect(side.locator(".xp-trust")).to_contain_text("vacancy p =")


def test_another_colour_keeps_the_view(visit):
    page = opened(visit)
    plot = page.locator(".xp-map .xp-plot")
    box = plot.bounding_box()
    before = page.evaluate(RANGES)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.down("Control")
    for _ in range(5):
        page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_function(
        f"before => {{ const [a, b] = ({RANGES})(); return b - a < 0.8 * (before[1] - before[0]) }}", arg=before
    )
    page.get_by_text("Vacancy", exact=True).click()
    page.wait_for_function("() => document.querySelector('.xp-map .xp-plot').data.length === 1")
    now = page.evaluate(RANGES)
    assert now[1] - now[0] < 0.8 * (before[1] - before[0])


def test_the_wheel_over_the_map_scrolls_the_page(visit, page):
    page.set_viewport_size({"width": 1400, "height": 600})
    opened(visit)
    before = page.evaluate(RANGES)
    box = page.locator(".xp-map .xp-plot").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    page.mouse.wheel(0, 120)
    page.wait_for_function("scrollY > 20")
    assert page.evaluate(RANGES) == before


def test_a_swipe_over_the_map_scrolls_the_page_and_a_tap_still_chooses(phone, swipe, run_of):
    phone.get_by_role("tab", name="Map").click()
    phone.locator(".xp-map .xp-figure[data-ready='flat-vae light']").wait_for()
    before = phone.evaluate(RANGES)
    swipe(phone.locator(".xp-map .xp-plot"))
    phone.wait_for_function("scrollY > 50")
    assert phone.evaluate(RANGES) == before
    phone.locator(".xp-map .xp-plot").scroll_into_view_if_needed()
    points = run_of("flat-vae").latents.mean
    phone.touchscreen.tap(*on_screen(phone, *points[lonely(points)]))
    expect(phone.get_by_role("heading", name="Test image")).to_be_visible()
    assert phone.evaluate(RANGES) == before, "a tap is no double click"


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


def test_a_class_is_hidden_by_its_legend_entry(visit):
    page = opened(visit)
    page.locator(".legend .legendtoggle").nth(3).click()
    page.wait_for_function(
        """() => document.querySelector('.xp-map .xp-plot')._fullData
          .filter(t => t.visible === 'legendonly').some(t => t.name === '3')"""
    )


def test_the_map_follows_the_theme_at_once(visit):
    page = opened(visit)
    page.evaluate("document.body.classList.add('dark')")
    page.locator(".xp-map .xp-figure[data-ready='flat-vae dark']").wait_for()
    colour = page.evaluate("document.querySelector('.xp-map .xp-plot')._fullLayout.font.color")
    page.evaluate("document.body.classList.remove('dark')")
    page.locator(".xp-map .xp-figure[data-ready='flat-vae light']").wait_for()
    assert page.evaluate("document.querySelector('.xp-map .xp-plot')._fullLayout.font.color") != colour


def test_a_run_of_many_dimensions_is_mapped_by_pca_or_any_two_axes(visit, run_of, pick, latent_of):
    page = opened(visit)
    pick("deep-vae")
    page.locator(".xp-map .xp-figure[data-ready='deep-vae light']").wait_for()
    run = run_of("deep-vae")
    first = run.directions["pca"][0]
    shown = page.evaluate("document.querySelector('.xp-map .xp-plot').layout.xaxis.title.text")
    assert first.name in shown
    page.get_by_text("Two axes").click()
    across = page.get_by_label("Across")
    expect(across).to_be_visible()
    across.select_option("5")
    page.wait_for_function(
        "() => document.querySelector('.xp-map .xp-plot').layout?.xaxis?.title?.text?.startsWith('axis 5')"
    )
    meta = page.evaluate("document.querySelector('.xp-map .xp-plot').layout.meta.plane")
    assert np.argmax(meta["first"]) == 5


def test_nothing_leaves_for_a_cloud(visit):
    page = opened(visit)
    titles = page.locator(".xp-map .modebar-btn").evaluate_all("buttons => buttons.map(b => b.dataset.title ?? '')")
    assert titles
    assert not [title for title in titles if "cloud" in title.lower() or "share" in title.lower()]


def test_class_names_that_are_code_are_shown_and_never_run(visit, pick):
    page = opened(visit)
    pick("odd-ae")
    page.locator(".xp-map .xp-figure[data-ready='odd-ae light']").wait_for()
    number = page.get_by_role("spinbutton", name="Image number")
    for index in (0, 1, 2, 3, 4):
        number.fill(str(index))
        number.press("Enter")
        expect(page.get_by_role("heading", name=f"Test image {index}")).to_be_visible()
    assert page.locator(".legend a").count() == 0
    page.get_by_role("tab", name="Reconstruct").click()
    page.locator("[data-ready^='odd-ae']").last.wait_for()
    expect(page.get_by_label("Class").locator("option").nth(1)).to_have_text("<img src=x onerror='window.caught = 1'>")
    assert page.evaluate("window.caught === undefined")
