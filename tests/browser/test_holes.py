"""Holes in a real browser: two planes, one cursor."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from explorer.images import to_bytes
from explorer.views import hole_layers
from explorer.views.hole_planes import plane_along, plane_latents
from tests.browser.driver import expect, expect_grey, keep_open, open_more

pytestmark = pytest.mark.browser

SCREEN = """([which, x, y]) => {
  const pad = document.querySelectorAll('.xp-holes-planes .xp-plane-pad')[which];
  const [left, right, bottom, top] = pad.dataset.window.split(',').map(Number), box = pad.getBoundingClientRect();
  return [box.left + (x - left) / (right - left) * box.width, box.top + (top - y) / (top - bottom) * box.height];
}"""


NEAR = "([box, wanted]) => Math.abs(box.value - wanted) < 0.02"


@pytest.fixture
def visit(page, home):
    """Open a tab by its address, without a look at Explore before, which takes as long as many of these tests."""

    def opened(tab: str, fragment: str = ""):
        page.goto(f"{home}?tab={tab.lower()}{fragment}")
        page.locator(".xp-head-run[data-run]").wait_for()
        page.locator(f"#explorer-{tab.lower()} .xp-host").first.wait_for(state="attached")
        return page

    return opened


def opened(visit, view="slice"):
    """The tab on one of its views, with More opened."""
    page = visit("Holes")
    page.get_by_role("navigation", name="views of holes").get_by_role("button", name=view.capitalize()).click()
    if view == "slice":
        for name in ("flat-ae", "flat-vae"):
            drawn(page, name)
    keep_open(page, "holes")
    return page


def slice_of(page):
    """Go to the slice: another run opens on its samples."""
    page.get_by_role("navigation", name="views of holes").get_by_role("button", name="Slice").click()


def drawn(page, name):
    """Wait until a run's plane is there."""
    side(page, name).locator(f".xp-plane[data-ready='{name}'][data-layer]").wait_for()


def side(page, name):
    """What there is of a run: its plane, and what More says of it."""
    return page.locator(f".xp-holes-planes section[data-of='{name}']")


def shown(p):
    """A p-value as the page writes it, with two digits."""
    decimals = max(0, min(4, 1 - int(np.floor(np.log10(float(f"{p:.1e}"))))))
    return f"{p:.{decimals}f}"


def move_to(page, which, x, y):
    page.locator(".xp-holes-planes .xp-plane").nth(which).scroll_into_view_if_needed()
    page.mouse.move(*page.evaluate(SCREEN, [which, x, y]))


def test_the_autoencoder_stands_left_of_its_twin(visit):
    page = opened(visit)
    left, right = (side(page, name).first.bounding_box() for name in ("flat-ae", "flat-vae"))
    assert left["x"] + left["width"] <= right["x"]
    assert left["y"] == right["y"]


@pytest.mark.anywhere
def test_one_cursor_decodes_both_models_at_the_same_place_of_their_frames(
    visit, run_of, decode_of, latent_of, rounding
):
    page = opened(visit)
    move_to(page, 0, 1.2, -0.7)
    page.wait_for_function("() => document.querySelector('[data-at]')?.dataset.at.startsWith('1.')")
    a, b = map(float, page.locator("[data-at]").get_attribute("data-at").split(","))
    assert abs(a - 1.2) < 0.05
    assert abs(b + 0.7) < 0.05
    for name in ("flat-ae", "flat-vae"):
        run = run_of(name)
        expected = run.frame.unwhiten(np.array([[a, b]]))[0]
        canvas = side(page, name).get_by_role("img", name=f"decode of {name}")
        page.wait_for_function(
            """([name, wanted]) => {
              const text = document.querySelector(`canvas[aria-label="decode of ${name}"]`).dataset.latent ?? '';
              const shown = text.split(',').map(Number);
              return shown.length === 2 && shown.every((v, i) => Math.abs(v - wanted[i]) < 1e-3);
            }""",
            arg=[name, expected.tolist()],
        )
        expect_grey(canvas, decode_of(run, latent_of(canvas)), atol=rounding)
        expect(side(page, name).locator(".xp-cursor")).to_be_visible()


@pytest.mark.parametrize("place", [(0.0, 0.0), (2.9, 2.9), (-2.9, 0.3)])
def test_the_words_agree_with_the_models_p_value(visit, run_of, place):
    page = opened(visit)
    move_to(page, 0, *place)
    page.wait_for_function(
        """place => document.querySelector('[data-at]').dataset.at.split(',')
          .every((v, i) => Math.abs(v - place[i]) < 0.05)""",
        arg=list(place),
    )
    a, b = map(float, page.locator("[data-at]").get_attribute("data-at").split(","))
    for name in ("flat-ae", "flat-vae"):
        run = run_of(name)
        p = run.vacancy.p_value(run.frame.unwhiten(np.array([[a, b]])))[0]
        words = side(page, name).locator(".xp-trust")
        said = "No image is" if p <= 0.05 else "Few images are" if p <= 0.2 else "Codes are common"
        expect(words).to_contain_text(said)
        expect(side(page, name).locator(".xp-holes-now")).to_contain_text(said)
        hatched = "xp-hs-hole" in side(page, name).locator(".xp-holes-here").get_attribute("class")
        assert hatched == (p <= 0.05), "also by the frame of the picture beside the cursor"


def test_a_click_holds_the_cursor_until_the_next(visit):
    page = opened(visit)
    move_to(page, 1, 0.5, 0.5)
    page.mouse.click(*page.evaluate(SCREEN, [1, 0.5, 0.5]))
    expect(page.get_by_text("The cursor is held here")).to_be_visible()
    held = page.locator("[data-at]").get_attribute("data-at")
    move_to(page, 1, -1.5, -1.5)
    assert page.locator("[data-at]").get_attribute("data-at") == held


def test_arrow_keys_move_the_cursor(visit):
    page = opened(visit)
    side(page, "flat-ae").locator(".xp-plane-pad").focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    _, step = extent_of(page, "flat-ae")
    page.wait_for_function(
        """step => {
          const [a, b] = document.querySelector('[data-at]').dataset.at.split(',').map(Number);
          return Math.abs(a - 2 * step) < 1e-6 && Math.abs(b - 5 * step) < 1e-6;
        }""",
        arg=step,
    )
    page.keyboard.press("Enter")
    expect(page.get_by_text("The cursor is held here")).to_be_visible()


def extent_of(page, name):
    """Half the width of the plane of a run, and how far an arrow key goes on it."""
    window = side(page, name).locator(".xp-plane-pad").get_attribute("data-window")
    extent = float(window.split(",")[1])
    power = 10.0 ** np.floor(np.log10(extent / 30))
    return extent, next(factor * power for factor in (1, 2, 5, 10) if factor * power >= extent / 30 * (1 - 1e-9))


def paper_of(half):
    """What lies under the dots of a plane, inside its axes, (H, W, 3)."""
    half.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    paper, pad = half.locator(".xp-plane-paper"), half.locator(".xp-plane-pad")
    text = paper.evaluate("canvas => canvas.toDataURL('image/png')").split(",")[1]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")).astype(float)
    box, inner = paper.bounding_box(), pad.bounding_box()
    x, y = round(inner["x"] - box["x"]), round(inner["y"] - box["y"])
    return pixels[y : y + round(inner["height"]), x : x + round(inner["width"])]


def test_the_lattice_takes_the_place_of_the_vacancy_map(visit, run_of):
    page = opened(visit)
    half = side(page, "flat-ae")
    pad = half.locator(".xp-plane-pad")
    expect(pad).to_have_attribute("data-dots", re.compile("[1-9]"))
    page.get_by_text("Decoded lattice").click()
    expect(pad).to_have_attribute("data-dots", "0")  # ten thousand codes would hide the pictures
    expect(half.locator(".xp-holes-bar")).to_have_count(1)
    expect(half.locator(".xp-holes-bar")).to_be_hidden()
    extent, _ = extent_of(page, "flat-ae")
    edge = 2 * extent / 20
    ticks = -extent + edge * (np.arange(20) + 0.5)
    cells = np.stack(np.meshgrid(ticks, ticks[::-1]), axis=-1).reshape(-1, 2)
    run = run_of("flat-ae")
    decodes = to_bytes(run.coder.decode(run.frame.unwhiten(cells).astype(np.float32)))[:, 0]
    wanted = decodes.reshape(20, 20, 8, 8).transpose(0, 2, 1, 3).reshape(160, 160).astype(float)
    area = paper_of(half).mean(2)
    left, right, bottom, top = map(float, pad.get_attribute("data-window").split(","))
    middles = -extent + (np.arange(160) + 0.5) * 2 * extent / 160
    columns = ((middles - left) / (right - left) * area.shape[1]).astype(int)
    lines = ((top - middles[::-1]) / (top - bottom) * area.shape[0]).astype(int)
    assert np.median(np.abs(area[np.ix_(lines, columns)] - wanted)) < 6
    assert np.corrcoef(area[np.ix_(lines, columns)].ravel(), wanted.ravel())[0, 1] > 0.98
    page.get_by_role("checkbox", name="Codes").check()
    expect(pad).to_have_attribute("data-dots", re.compile("[1-9]"))


def test_holes_are_hatched_and_not_only_coloured(visit, run_of):
    page = opened(visit)
    path = side(page, "flat-ae").locator(".xp-shapes-hatching path").get_attribute("d")
    extent, _ = extent_of(page, "flat-ae")
    edge = 2 * extent / 20
    ticks = -extent + edge * (np.arange(20) + 0.5)
    run = run_of("flat-ae")
    cells = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    holes = run.vacancy.p_value(run.frame.unwhiten(cells)) <= 0.05
    assert path.count("M") == holes.sum() > 0


def test_the_colours_are_those_of_the_p_values_and_the_edge_lies_at_a_hole(visit, run_of):
    page = opened(visit)
    page.get_by_role("checkbox", name="Codes").uncheck()
    half = side(page, "flat-vae")
    extent, _ = extent_of(page, "flat-vae")
    area = paper_of(half)
    run = run_of("flat-vae")
    rng = np.random.default_rng(0)
    places = rng.uniform(-0.95 * extent, 0.95 * extent, (60, 2))
    p = run.vacancy.p_value(run.frame.unwhiten(places))
    x = ((places[:, 0] + extent) / (2 * extent) * area.shape[1]).astype(int)
    y = ((extent - places[:, 1]) / (2 * extent) * area.shape[0]).astype(int)
    bright = area[y, x].mean(1)
    assert bright[p > 0.5].mean() > bright[p <= 0.05].mean() + 40
    edge = half.locator(".xp-shapes-edge path").get_attribute("d")
    ends = np.array(re.findall(r"[ML](-?[\d.e-]+),(-?[\d.e-]+)", edge), dtype=float)[::25]
    levels = run.vacancy.p_value(run.frame.unwhiten(ends))
    assert np.median(levels) == pytest.approx(0.05, abs=0.03)


def test_both_planes_share_one_scale(visit):
    page = opened(visit)
    windows = {
        side(page, name).locator(".xp-plane-pad").get_attribute("data-window") for name in ("flat-ae", "flat-vae")
    }
    assert len(windows) == 1
    left, right, bottom, top = map(float, windows.pop().split(","))
    box = side(page, "flat-ae").locator(".xp-plane-pad").bounding_box()
    assert (right - left) / box["width"] == pytest.approx((top - bottom) / box["height"], rel=1e-3)
    bars = [side(page, name).locator(".xp-holes-bar") for name in ("flat-ae", "flat-vae")]
    assert bars[0].get_attribute("aria-label") == bars[1].get_attribute("aria-label")


def test_the_score_table_names_law_interval_and_n_and_stands_beside_coverage(visit):
    page = opened(visit, "scores")
    table = page.locator(".xp-table", has_text="Draws in holes")
    heads = table.get_by_role("columnheader").all_inner_texts()
    laws = ["from the prior", "from one fitted bell", "from ten fitted bells"]
    assert heads == ["flat-ae", "flat-vae", *laws, *laws]
    cell = table.get_by_role("row", name="Draws in holes").get_by_role("cell").first
    expect(cell).to_contain_text("0.310")
    expect(cell).to_contain_text("0.300 to 0.320")
    expect(cell).to_contain_text("n = 1,000")
    expect(table.get_by_role("row", name="Coverage")).to_contain_text("0.750")
    expect(table.get_by_role("row", name="Active units")).to_contain_text("2")


def test_a_run_of_many_dimensions_opens_on_its_draws_and_says_why_a_slice_tells_little(visit, pick):
    page = visit("Holes")
    pick("deep-vae")
    expect(page.locator(".xp-hs .xp-hs-line")).to_contain_text("From the prior, 31 % of the autoencoder's draws land")
    keep_open(page, "holes")
    expect(page.locator(".xp-curves .xp-figure").first).to_be_visible()
    slice_of(page)
    drawn(page, "deep-ae")
    expect(page.get_by_text("With 12 dimensions a flat slice shows little")).to_be_visible()
    side(page, "deep-vae").locator(".xp-plane[data-ready='deep-vae'][data-layer]").wait_for()
    assert extent_of(page, "deep-ae") == extent_of(page, "deep-vae")
    before = [side(page, name).locator(".xp-plane").get_attribute("data-images") for name in ("deep-ae", "deep-vae")]
    assert before[0] == before[1]
    page.get_by_role("button", name="Other slice").click()
    for name in ("deep-ae", "deep-vae"):
        await_images(page, name, rf"^(?!{before[0]}$)\d+,\d+,\d+$")


def test_a_run_without_a_twin_stands_alone(visit, pick):
    page = opened(visit)
    pick("lost-ae")
    slice_of(page)
    drawn(page, "lost-ae")
    expect(page.get_by_text("fitted without a twin")).to_be_visible()
    expect(page.locator(".xp-holes-planes .xp-plane:visible")).to_have_count(1)


def test_the_other_model_opens_in_explore_at_the_cursor(visit, run_of):
    page = opened(visit)
    side(page, "flat-ae").locator(".xp-plane-pad").focus()
    page.keyboard.press("Shift+ArrowUp")
    _, step = extent_of(page, "flat-ae")
    side(page, "flat-ae").get_by_role("button", name="Open in Explore").click()
    wanted = run_of("flat-ae").frame.unwhiten(np.array([[0.0, 5 * step]]))[0]
    page.wait_for_function(
        """wanted => {
          const shown = (document.querySelector('canvas[aria-label="decoded image"]')?.dataset.latent ?? '').split(',');
          return shown.length === 2 && shown.every((v, i) => Math.abs(Number(v) - wanted[i]) < 1e-3);
        }""",
        arg=wanted.tolist(),
    )
    expect(page.get_by_role("img", name="decoded image")).to_be_visible()
    expect(page.locator(".xp-caption")).to_contain_text("of Holes")


def test_both_planes_are_coloured_by_the_chosen_layer_on_one_scale(visit):
    page = opened(visit)
    page.locator("#explorer-holes").get_by_label("Colour by").select_option("round_trip")
    for name in ("flat-ae", "flat-vae"):
        side(page, name).locator(".xp-plane[data-layer=round_trip]").wait_for()
        expect(side(page, name).locator(".xp-holes-bar")).to_contain_text("round-trip p-value")
    expect(page.get_by_text("Decode a place, encode the picture")).to_be_visible()
    page.locator("#explorer-holes").get_by_label("Colour by").select_option("vacancy")
    for name in ("flat-ae", "flat-vae"):
        side(page, name).locator(".xp-plane[data-layer=vacancy]").wait_for()
        expect(side(page, name).locator(".xp-holes-bar")).to_contain_text("hole p-value")


def test_a_layer_that_the_pair_cannot_have_says_why(visit):
    page = opened(visit)
    expect(
        page.locator("#explorer-holes").get_by_label("Colour by").locator("option", has_text="Class: ")
    ).to_be_disabled()
    expect(page.locator("#explorer-holes")).to_contain_text("Not offered: Validity, Class, Doubt (flat-vae: no feature")


def test_the_density_ratio_follows_the_chosen_law(visit, run_of):
    page = opened(visit)
    law = page.locator(".xp-holes-planes").get_by_label("Sampling law")
    expect(law).to_have_count(1)
    expect(law).to_be_hidden()
    page.locator("#explorer-holes").get_by_label("Colour by").select_option("density")
    side(page, "flat-vae").locator(".xp-plane[data-layer='density white']").wait_for()
    law.select_option("raw")
    for name in ("flat-ae", "flat-vae"):
        side(page, name).locator(".xp-plane[data-layer='density raw']").wait_for()
        expect(side(page, name).last).to_contain_text(f"{name}: law raw against")
        run = run_of(name)
        expected = hole_layers.density_ratio(run, "raw").p_value(run.frame.unwhiten(np.zeros((1, 2))))[0]
        expect(side(page, name).locator(".xp-holes-facts")).to_contain_text(f"Density ratio: p = {shown(expected)}")


def test_both_models_say_all_they_know_of_the_place_under_the_cursor(visit, run_of, latent_of):
    page = opened(visit)
    side(page, "flat-ae").locator(".xp-plane-pad").focus()
    page.keyboard.press("Shift+ArrowRight")
    _, step = extent_of(page, "flat-ae")
    text = f"{5 * step:.2f}" if 5 * step >= 1 else f"{5 * step:.3f}"
    for name in ("flat-ae", "flat-vae"):
        run = run_of(name)
        words = side(page, name).locator(".xp-trust")
        expect(words).to_contain_text("p = ")
        expect(words).to_contain_text(f"at u = ({text}, 0)")
        latent = latent_of(side(page, name).get_by_role("img", name=f"decode of {name}"))[None]
        np.testing.assert_allclose(latent, run.frame.unwhiten(np.array([[5 * step, 0.0]])), atol=1e-5)
        vacancy, back = (score.p_value(latent)[0] for score in (run.vacancy, run.round_trip))
        expect(words).to_contain_text(f"p = {shown(vacancy)} at u = ({text}, 0)")
        sign = "▨" if back <= 0.05 else "◐" if back <= 0.2 else "●"
        facts = side(page, name).locator(".xp-holes-facts")
        expect(facts).to_contain_text(f"Round trip: p = {shown(back)}")
        expect(facts).to_contain_text(sign)


def curve(page):
    """The curves of vacancy along the path, once they are those of the path on show."""
    curves = page.locator(".xp-waycurve[data-ends]")
    curves.wait_for()
    return curves


def drawn_p(page, name):
    """p-values along the path as a model's curve draws them: their logarithms, 3.7 powers of ten from top to bottom."""
    points = curve(page).locator(f"polyline[data-run='{name}']").get_attribute("points")
    return 10 ** (-3.7 * np.array([float(point.split(",")[1]) for point in points.split()]) / 100)


def film_latents(page, name):
    """First and last latent of a filmstrip."""
    strip = page.get_by_role("group", name=f"pictures along the path in {name}")
    return strip, np.array(strip.get_attribute("data-ends").split(","), dtype=float)


def test_a_path_that_is_dragged_shows_both_models_along_it(visit, run_of):
    page = opened(visit)
    curve(page)
    end = page.get_by_role("button", name="End B of the path on flat-ae")
    end.scroll_into_view_if_needed()
    box = end.bounding_box()
    x, y = page.evaluate(SCREEN, [0, 1.0, -1.5])
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(x, y, steps=5)
    page.mouse.up()
    page.wait_for_function(
        """e => {
          const [ends] = (document.querySelector('.xp-waycurve[data-ends]')?.dataset.ends ?? '').split(';');
          const [a, b, c, d] = ends.split(',').map(Number);
          const gaps = [c - 1, d + 1.5, a + 2 * e / 3, b + e / 3];
          return gaps.every((gap) => Math.abs(gap) < 0.02 * e);
        }""",
        arg=extent_of(page, "flat-ae")[0],
    )
    ends, twin = curve(page).get_attribute("data-ends").split(";")
    assert ends == twin
    places = np.array(ends.split(","), dtype=float).reshape(2, 2)
    for name in ("flat-ae", "flat-vae"):
        run = run_of(name)
        wanted = run.frame.unwhiten(places)
        page.wait_for_function(
            """([label, wanted]) => {
              const strip = document.querySelector(`[aria-label="${label}"]`);
              const shown = (strip?.dataset.ends ?? '').split(',').map(Number);
              return shown.length === wanted.length && shown.every((v, i) => Math.abs(v - wanted[i]) < 2e-3);
            }""",
            arg=[f"pictures along the path in {name}", wanted.ravel().tolist()],
        )
        walk = places[0] + np.linspace(0, 1, 41)[:, None] * (places[1] - places[0])
        expected = run.vacancy.p_value(run.frame.unwhiten(walk))
        np.testing.assert_allclose(drawn_p(page, name), expected, rtol=2e-4)
        strip, _ = film_latents(page, name)
        films = strip.get_by_role("button")
        expect(films).to_have_count(11)
        for k, p in enumerate(expected[::4]):
            expect(films.nth(k)).to_contain_text(shown(p))
            expect(films.nth(k)).to_have_text(re.compile("▨" if p <= 0.05 else "^[^▨]*$"))


def test_arrow_keys_and_boxes_move_the_ends_of_the_path(visit):
    page = opened(visit)
    curve(page)
    end = page.get_by_role("button", name="End A of the path on flat-vae")
    end.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    extent, step = extent_of(page, "flat-vae")
    boxes = [page.get_by_role("spinbutton", name=name) for name in ("End A, u₁", "End A, u₂", "End B, u₁", "End B, u₂")]
    for box, wanted in zip(boxes[:2], (-2 / 3 * extent + step, -1 / 3 * extent + 5 * step), strict=True):
        page.wait_for_function(
            "([box, wanted]) => Math.abs(box.value - wanted) < 0.02", arg=[box.element_handle(), wanted]
        )
    boxes[2].fill("99")
    boxes[2].press("Enter")
    page.wait_for_function(
        "([box, wanted]) => Math.abs(box.value - wanted) < 0.01", arg=[boxes[2].element_handle(), extent]
    )
    curve(page)
    ends, twin = page.locator(".xp-waycurve").get_attribute("data-ends").split(";")
    assert ends == twin
    told = [float(box.input_value()) for box in boxes]
    np.testing.assert_allclose([float(each) for each in ends.split(",")], told, atol=0.01)


def test_a_new_path_is_drawn_on_either_plane_and_a_picture_of_it_takes_the_cursor_there(visit):
    page = opened(visit)
    curve(page)
    page.get_by_role("button", name="Draw a new path").click()
    side(page, "flat-vae").locator(".xp-plane-pad").scroll_into_view_if_needed()
    page.mouse.move(*page.evaluate(SCREEN, [1, -1.0, 2.0]))
    page.mouse.down()
    page.mouse.move(*page.evaluate(SCREEN, [1, 1.0, -2.0]), steps=4)
    page.mouse.up()
    expect(page.get_by_role("button", name="Draw a new path")).to_have_attribute("aria-pressed", "false")
    boxes = [page.get_by_role("spinbutton", name=name) for name in ("End A, u₁", "End A, u₂", "End B, u₁", "End B, u₂")]
    for box, wanted in zip(boxes, (-1, 2, 1, -2), strict=True):
        assert abs(float(box.input_value()) - wanted) < 0.05
    curve(page)
    strip, _ = film_latents(page, "flat-ae")
    strip.get_by_role("button").nth(10).click()
    page.wait_for_function(
        """() => {
          const [a, b] = document.querySelector('#explorer-holes [data-at]').dataset.at.split(',').map(Number);
          return Math.abs(a - 1) < 0.05 && Math.abs(b + 2) < 0.05;
        }"""
    )


def test_a_finger_draws_a_path(phone):
    phone.evaluate("location.hash = '#v=1&run=flat-vae&tab=holes&holes.view=slice'")
    drawn(phone, "flat-ae")
    drawn(phone, "flat-vae")
    keep_open(phone, "holes")
    phone.locator(".xp-waycurve[data-ends]").wait_for()
    before = phone.locator(".xp-waycurve").get_attribute("data-ends")
    phone.get_by_role("button", name="Draw a new path").click()
    pad = phone.locator(".xp-holes-pad:visible").first
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    session = phone.context.new_cdp_session(phone)
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"]
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 6):
        point = {"x": x + step * 0.08 * box["width"], "y": y + step * 0.08 * box["height"]}
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(phone.get_by_role("button", name="Draw a new path")).to_have_attribute("aria-pressed", "false")
    expect(phone.locator(".xp-waycurve")).not_to_have_attribute("data-ends", before)
    phone.locator(".xp-waycurve[data-ends]").wait_for()
    window = phone.locator(".xp-plane-pad").first.get_attribute("data-window")
    left, right, *_ = map(float, window.split(","))
    start = float(phone.get_by_role("spinbutton", name="End A, u₁").input_value())
    assert abs(start - (left + 0.3 * (right - left))) < 0.03 * (right - left)


def await_images(page, name, images):
    """Wait until the plane of a run goes through some images: a pattern of their numbers."""
    expect(side(page, name).locator(".xp-plane")).to_have_attribute("data-images", re.compile(images))


@pytest.mark.anywhere
def test_a_slice_goes_through_chosen_images_or_along_two_directions(visit, pick, run_of, host):
    page = opened(visit)
    pick("deep-vae")
    slice_of(page)
    for name in ("deep-ae", "deep-vae"):
        side(page, name).locator(f".xp-plane[data-ready='{name}'][data-layer]").wait_for()
    tab = page.locator("#explorer-holes")
    box = tab.get_by_role("spinbutton", name="Test image 2 of the slice")
    expect(box).not_to_have_value("")
    others = {tab.get_by_role("spinbutton", name=f"Test image {k} of the slice").input_value() for k in (1, 3)}
    wanted = next(k for k in range(90, 100) if str(k) not in others)
    box.fill(str(wanted))
    box.press("Enter")
    for name in ("deep-ae", "deep-vae"):
        await_images(page, name, rf"^\d+,{wanted},\d+$")
    tab.get_by_role("spinbutton", name="Test image 1 of the slice").fill("100000")
    tab.get_by_role("spinbutton", name="Test image 1 of the slice").press("Enter")
    expect(tab).to_contain_text("There is no such image: images 0 to 599.")
    tab.get_by_text("Two directions").click()
    tab.get_by_label("Across").select_option("classes:3")
    told = []
    page.on("response", lambda got: told.append(got) if "directions=classes%3A3%2Cpca%3A1" in got.url else None)
    tab.get_by_label("Upwards").select_option("pca:1")
    for name in ("deep-ae", "deep-vae"):
        await_images(page, name, "^$")
        side(page, name).locator(f".xp-plane[data-ready='{name}'][data-layer]").wait_for()
        if host == "alone":
            expect(tab).to_contain_text("Density ratio, ")
            expect(tab).to_contain_text("this page stores them for the first slice only")
            continue
        run = run_of(name)
        first = plane_latents(run, plane_along(run, (("classes", 3), ("pca", 1))))["first"]
        answer = next(got for got in told if f"/run/{name}/" in got.url)
        np.testing.assert_allclose(answer.json()["plane"]["first"], first, atol=1e-5)
    tab.get_by_label("Upwards").select_option("classes:3")
    expect(tab).to_contain_text("choose two that differ")


def test_the_path_of_a_slice_goes_from_image_to_image_in_both_models(visit, pick, run_of):
    page = opened(visit)
    pick("deep-vae")
    slice_of(page)
    expect(page.get_by_text("From image 1 to image 2 of the slice")).to_be_visible()
    page.get_by_role("button", name="Image 2 to 3").click()
    expect(page.get_by_text("From image 2 to image 3 of the slice")).to_be_visible()
    for name in ("deep-ae", "deep-vae"):
        run = run_of(name)
        images = list(map(int, side(page, name).locator(".xp-plane").get_attribute("data-images").split(",")))
        wanted = run.latents.mean[images[1:]].ravel()
        page.wait_for_function(
            """([label, wanted]) => {
              const strip = document.querySelector(`[aria-label="${label}"]`);
              const shown = (strip?.dataset.ends ?? '').split(',').map(Number);
              return shown.length === wanted.length && shown.every((v, i) => Math.abs(v - wanted[i]) < 2e-3);
            }""",
            arg=[f"pictures along the path in {name}", wanted.tolist()],
        )


def test_the_images_of_interpolates_walk_span_the_slice(visit):
    page = visit("Interpolate", "#v=1&run=deep-vae&tab=interpolate&from=image.41&to=image.57")
    page.locator("#explorer-interpolate details.xp-more > summary").last.wait_for()
    open_more(page, "interpolate")
    for end, image in (("A", 41), ("B", 57)):
        expect(page.get_by_role("group", name=f"End {end}")).to_contain_text(f"test image {image}")
    page.get_by_role("tab", name="Holes").click()
    slice_of(page)
    keep_open(page, "holes")
    for name in ("deep-ae", "deep-vae"):
        side(page, name).locator(f".xp-plane[data-ready='{name}'][data-layer]").wait_for()
    page.get_by_role("button", name="Images A and B").click()
    for name in ("deep-ae", "deep-vae"):
        await_images(page, name, "^41,57,")


def test_planes_and_layers_come_by_themselves_when_the_server_is_back(browser, home):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    tab = page.locator("#explorer-holes")
    page.route("**/holes/plane?*", lambda route: route.abort("connectionrefused"))
    page.goto(f"{home}#v=1&run=flat-vae&tab=holes&holes.view=slice")
    expect(tab.get_by_text("The server cannot be reached; trying again.")).to_be_visible()
    page.unroute("**/holes/plane?*")
    for name in ("flat-ae", "flat-vae"):
        side(page, name).locator(f".xp-plane[data-ready='{name}'][data-layer][data-layer=vacancy]").wait_for()
    expect(tab.get_by_text("cannot be reached")).to_have_count(0)
    keep_open(page, "holes")
    page.route("**/holes/layer?*", lambda route: route.abort("connectionrefused"))
    tab.get_by_label("Colour by").select_option("round_trip")
    expect(tab.get_by_text("The server cannot be reached; trying again.")).to_be_visible()
    page.unroute("**/holes/layer?*")
    for name in ("flat-ae", "flat-vae"):
        side(page, name).locator(".xp-plane[data-layer=round_trip]").wait_for()
    expect(tab.get_by_text("cannot be reached")).to_have_count(0)
    context.close()
