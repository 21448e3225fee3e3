"""Holes in a real browser: two planes, one cursor."""

import re

import numpy as np
import pytest

from explorer.views import hole_layers
from explorer.views.hole_planes import plane_along, plane_latents
from tests.browser.driver import expect

pytestmark = pytest.mark.browser

SCREEN = """([which, x, y]) => {
  const plot = document.querySelectorAll('.xp-holes-planes section')[which].querySelector('.xp-plot');
  const layout = plot._fullLayout, box = plot.getBoundingClientRect();
  return [box.left + layout.xaxis._offset + layout.xaxis.l2p(x), box.top + layout.yaxis._offset + layout.yaxis.l2p(y)];
}"""


def opened(visit):
    page = visit("Holes")
    for name in ("flat-ae", "flat-vae"):
        side(page, name).locator(f".xp-figure[data-ready='{name} light']").wait_for()
    return page


def side(page, name):
    """The half of the page with a run's plane."""
    return page.locator(".xp-holes-planes section", has=page.get_by_role("heading", name=name))


def shown(p):
    """A p-value as the page writes it, with two digits."""
    decimals = max(0, min(4, 1 - int(np.floor(np.log10(float(f"{p:.1e}"))))))
    return f"{p:.{decimals}f}"


def move_to(page, which, x, y):
    page.locator(".xp-holes-planes .xp-reading").nth(which).locator("xpath=..").scroll_into_view_if_needed()
    page.mouse.move(*page.evaluate(SCREEN, [which, x, y]))


def test_the_autoencoder_stands_left_of_its_twin(visit):
    page = opened(visit)
    left, right = side(page, "flat-ae").bounding_box(), side(page, "flat-vae").bounding_box()
    assert left["x"] + left["width"] <= right["x"]
    assert left["y"] == right["y"]


def test_one_cursor_decodes_both_models_at_the_same_place_of_their_frames(visit, run_of, grey_of, decode_of, latent_of):
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
        np.testing.assert_array_equal(grey_of(canvas), decode_of(run, latent_of(canvas)))
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
        words = side(page, name).locator(".xp-reading .xp-trust")
        said = "No image is" if p <= 0.05 else "Few images are" if p <= 0.2 else "Codes are common"
        expect(words).to_contain_text(said)


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
    side(page, "flat-ae").locator(".xp-plot").focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    page.wait_for_function(
        """() => {
          const [a, b] = document.querySelector('[data-at]').dataset.at.split(',').map(Number);
          return Math.abs(a - 0.2) < 1e-6 && Math.abs(b - 0.5) < 1e-6;
        }"""
    )


def test_the_lattice_takes_the_place_of_the_vacancy_map(visit):
    page = opened(visit)
    plot = side(page, "flat-ae").locator(".xp-plot")
    vacancy = plot.screenshot()
    page.get_by_text("Decoded lattice").click()
    expect(plot.locator(".imagelayer image").first).to_be_attached()
    state = plot.evaluate("p => [p._fullLayout.images[0].visible, p._fullData.find(t => t.type === 'heatmap').opacity]")
    assert state == [True, 0]
    expect(plot.locator(".colorbar")).to_have_count(0)
    assert plot.locator(".imagelayer image").first.evaluate("i => getComputedStyle(i).imageRendering") == "pixelated"
    assert plot.screenshot() != vacancy
    shown = "p => p.data.filter(t => t.type === 'scattergl').every(t => t.visible)"
    assert not plot.evaluate(shown), "ten thousand codes would hide the pictures"
    page.get_by_role("checkbox", name="Codes").check()
    assert plot.evaluate(shown)


def test_holes_are_hatched_and_not_only_coloured(visit, run_of):
    page = opened(visit)
    path = side(page, "flat-ae").locator(".xp-plot").evaluate("p => p.layout.shapes[0].path")
    edge = 6 / 20
    ticks = -3 + edge * (np.arange(20) + 0.5)
    run = run_of("flat-ae")
    cells = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    holes = run.vacancy.p_value(run.frame.unwhiten(cells)) <= 0.05
    assert path.count("M") == holes.sum() > 0


def test_both_planes_share_one_scale(visit):
    page = opened(visit)
    scales = []
    for name in ("flat-ae", "flat-vae"):
        scales.append(
            side(page, name)
            .locator(".xp-plot")
            .evaluate(
                """p => {
                  const { xaxis: x, yaxis: y } = p._fullLayout;
                  const perX = x._length / (x.range[1] - x.range[0]), perY = y._length / (y.range[1] - y.range[0]);
                  const heat = p._fullData.find(t => t.type === 'heatmap');
                  return [Math.round(perX / perY * 100) / 100, x.range, heat.zmin, heat.zmax];
                }"""
            )
        )
    assert scales[0] == scales[1]
    assert scales[0][0] == 1


def test_the_score_table_names_law_interval_and_n_and_stands_beside_coverage(visit):
    page = opened(visit)
    table = page.locator(".xp-table", has_text="Vacancy")
    heads = table.get_by_role("columnheader").all_inner_texts()
    laws = ["from the prior", "from one fitted bell", "from ten fitted bells"]
    assert heads == ["flat-ae", "flat-vae", *laws, *laws]
    cell = table.get_by_role("row", name="Vacancy").get_by_role("cell").first
    expect(cell).to_contain_text("0.310")
    expect(cell).to_contain_text("0.300 to 0.320")
    expect(cell).to_contain_text("n = 1,000")
    expect(table.get_by_role("row", name="Coverage")).to_contain_text("0.750")
    expect(table.get_by_role("row", name="Active units")).to_contain_text("2")


def test_a_run_of_many_dimensions_leads_with_the_laws_and_says_why(visit, pick):
    page = opened(visit)
    pick("deep-vae")
    side(page, "deep-ae").locator(".xp-figure[data-ready='deep-ae light']").wait_for()
    expect(page.get_by_text("With 12 dimensions a flat slice shows little")).to_be_visible()
    curves = page.locator(".xp-curves .xp-figure").first.bounding_box()
    assert curves["y"] < side(page, "deep-ae").bounding_box()["y"]
    side(page, "deep-vae").locator(".xp-figure[data-ready='deep-vae light']").wait_for()
    meta = [side(page, name).locator(".xp-plot").evaluate("p => p.layout.meta") for name in ("deep-ae", "deep-vae")]
    assert meta[0]["extent"] == meta[1]["extent"]
    before = side(page, "deep-ae").locator(".xp-plot").evaluate("p => JSON.stringify(p.layout.meta.plane)")
    page.get_by_role("button", name="Other slice").click()
    page.wait_for_function(
        """before => [...document.querySelectorAll('.xp-holes-planes .xp-reading')].every(e => {
          const meta = e.closest('section').querySelector('.xp-plot').layout?.meta;
          return meta && JSON.stringify(meta.plane) !== before;
        })""",
        arg=before,
    )


def test_a_run_without_a_twin_stands_alone(visit, pick):
    page = opened(visit)
    pick("lost-ae")
    side(page, "lost-ae").locator(".xp-figure[data-ready='lost-ae light']").wait_for()
    expect(page.get_by_text("fitted without a twin")).to_be_visible()
    expect(page.locator(".xp-holes-planes .xp-reading:visible")).to_have_count(1)


def test_the_other_model_opens_in_explore_at_the_cursor(visit, run_of):
    page = opened(visit)
    side(page, "flat-ae").locator(".xp-plot").focus()
    page.keyboard.press("Shift+ArrowUp")
    side(page, "flat-ae").get_by_role("button", name="Open in Explore").click()
    wanted = run_of("flat-ae").frame.unwhiten(np.array([[0.0, 0.5]]))[0]
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
    heat = "p => { const { zmin, zmax, name } = p.data[0]; return [zmin, zmax, name]; }"
    for name in ("flat-ae", "flat-vae"):
        side(page, name).locator(".xp-figure[data-layer=round_trip]").wait_for()
        assert side(page, name).locator(".xp-plot").evaluate(heat) == [-3, 0, "layer"]
    expect(page.get_by_text("Decode a place, encode the picture")).to_be_visible()
    page.locator("#explorer-holes").get_by_label("Colour by").select_option("vacancy")
    for name in ("flat-ae", "flat-vae"):
        side(page, name).locator(".xp-figure[data-layer=vacancy]").wait_for()
        assert side(page, name).locator(".xp-plot").evaluate(heat) == [-3, 0, "vacancy"]


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
    side(page, "flat-vae").locator(".xp-figure[data-layer='density white']").wait_for()
    law.select_option("raw")
    for name in ("flat-ae", "flat-vae"):
        side(page, name).locator(".xp-figure[data-layer='density raw']").wait_for()
        expect(side(page, name)).to_contain_text(f"{name}: law raw against")
        run = run_of(name)
        expected = hole_layers.density_ratio(run, "raw").p_value(run.frame.unwhiten(np.zeros((1, 2))))[0]
        expect(side(page, name).locator(".xp-holes-facts")).to_contain_text(f"Density ratio: p = {shown(expected)}")


def test_both_models_say_all_they_know_of_the_place_under_the_cursor(visit, run_of, latent_of):
    page = opened(visit)
    side(page, "flat-ae").locator(".xp-plot").focus()
    page.keyboard.press("Shift+ArrowRight")
    for name in ("flat-ae", "flat-vae"):
        run = run_of(name)
        words = side(page, name).locator(".xp-trust")
        expect(words).to_contain_text("vacancy p = ")
        expect(words).to_contain_text("at u = (0.500, 0)")
        latent = latent_of(side(page, name).get_by_role("img", name=f"decode of {name}"))[None]
        np.testing.assert_allclose(latent, run.frame.unwhiten(np.array([[0.5, 0.0]])), atol=1e-5)
        vacancy, back = (score.p_value(latent)[0] for score in (run.vacancy, run.round_trip))
        expect(words).to_contain_text(f"vacancy p = {shown(vacancy)} at u = (0.500, 0)")
        sign = "▨" if back <= 0.05 else "◐" if back <= 0.2 else "●"
        facts = side(page, name).locator(".xp-holes-facts")
        expect(facts).to_contain_text(f"Round trip: p = {shown(back)}")
        expect(facts).to_contain_text(sign)


def curve(page):
    """The figure of vacancy along the path, once it is that of the path on show."""
    figure = page.locator(".xp-holes-curve .xp-figure[data-ends]")
    figure.wait_for()
    return figure


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
        """() => {
          const [ends] = (document.querySelector('.xp-holes-curve [data-ends]')?.dataset.ends ?? '').split(';');
          const [a, b, c, d] = ends.split(',').map(Number);
          return Math.abs(c - 1) < 0.05 && Math.abs(d + 1.5) < 0.05 && a === -2 && b === -1;
        }"""
    )
    ends, twin = curve(page).get_attribute("data-ends").split(";")
    assert ends == twin
    places = np.array(ends.split(","), dtype=float).reshape(2, 2)
    paths = curve(page).locator(".xp-plot").evaluate("p => p.layout.meta.paths")
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
        np.testing.assert_allclose(paths[name], expected, atol=1e-9)
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
    expect(page.get_by_role("spinbutton", name="End A, u₁")).to_have_value("-1.9")
    expect(page.get_by_role("spinbutton", name="End A, u₂")).to_have_value("-0.5")
    box = page.get_by_role("spinbutton", name="End B, u₁")
    box.fill("99")
    box.press("Enter")
    expect(box).to_have_value("3")
    expect(page.locator(".xp-holes-curve .xp-figure")).to_have_attribute("data-ends", "-1.9,-0.5,3,1;-1.9,-0.5,3,1")


def test_a_new_path_is_drawn_on_either_plane_and_a_picture_of_it_takes_the_cursor_there(visit):
    page = opened(visit)
    curve(page)
    page.get_by_role("button", name="Draw a new path").click()
    side(page, "flat-vae").locator(".xp-plot").scroll_into_view_if_needed()
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
    phone.evaluate("location.hash = '#v=1&run=flat-vae&tab=holes'")
    phone.locator(".xp-holes-curve .xp-figure[data-ends]").wait_for()
    before = phone.locator(".xp-holes-curve .xp-figure").get_attribute("data-ends")
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
    expect(phone.locator(".xp-holes-curve .xp-figure")).not_to_have_attribute("data-ends", before)
    phone.locator(".xp-holes-curve .xp-figure[data-ends]").wait_for()
    assert abs(float(phone.get_by_role("spinbutton", name="End A, u₁").input_value()) + 1.2) < 0.15


def await_plane(page, name, wanted):
    """Wait until what the figure of a run knows of its plane, `meta`, is as wanted."""
    page.wait_for_function(
        f"""name => [...document.querySelectorAll('.xp-holes-planes section')].some((part) => {{
          const meta = part.querySelector('.xp-plot').layout?.meta;
          return part.querySelector('h3').textContent === name && meta?.plane && {wanted};
        }})""",
        arg=name,
    )


def test_a_slice_goes_through_chosen_images_or_along_two_directions(visit, pick, run_of):
    page = opened(visit)
    pick("deep-vae")
    for name in ("deep-ae", "deep-vae"):
        side(page, name).locator(f".xp-figure[data-ready='{name} light']").wait_for()
    tab = page.locator("#explorer-holes")
    box = tab.get_by_role("spinbutton", name="Test image 2 of the slice")
    expect(box).not_to_have_value("")
    others = {tab.get_by_role("spinbutton", name=f"Test image {k} of the slice").input_value() for k in (1, 3)}
    wanted = next(k for k in range(90, 100) if str(k) not in others)
    box.fill(str(wanted))
    box.press("Enter")
    for name in ("deep-ae", "deep-vae"):
        await_plane(page, name, f"meta.images[1] === {wanted}")
    tab.get_by_role("spinbutton", name="Test image 1 of the slice").fill("100000")
    tab.get_by_role("spinbutton", name="Test image 1 of the slice").press("Enter")
    expect(tab).to_contain_text("There is no such image: images 0 to 599.")
    tab.get_by_text("Two directions").click()
    tab.get_by_label("Across").select_option("classes:3")
    tab.get_by_label("Upwards").select_option("pca:1")
    for name in ("deep-ae", "deep-vae"):
        run = run_of(name)
        first = plane_latents(run, plane_along(run, (("classes", 3), ("pca", 1))))["first"][0]
        await_plane(page, name, f"meta.images.length === 0 && Math.abs(meta.plane.first[0] - {first}) < 1e-5")
    tab.get_by_label("Upwards").select_option("classes:3")
    expect(tab).to_contain_text("choose two that differ")


def test_the_path_of_a_slice_goes_from_image_to_image_in_both_models(visit, pick, run_of):
    page = opened(visit)
    pick("deep-vae")
    expect(page.get_by_text("From image 1 to image 2 of the slice")).to_be_visible()
    page.get_by_role("button", name="Image 2 to 3").click()
    expect(page.get_by_text("From image 2 to image 3 of the slice")).to_be_visible()
    for name in ("deep-ae", "deep-vae"):
        run = run_of(name)
        images = side(page, name).locator(".xp-plot").evaluate("p => p.layout.meta.images")
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
    for end, image in (("A", 41), ("B", 57)):
        expect(page.get_by_role("group", name=f"End {end}")).to_contain_text(f"test image {image}")
    page.get_by_role("tab", name="Holes").click()
    for name in ("deep-ae", "deep-vae"):
        side(page, name).locator(f".xp-figure[data-ready='{name} light']").wait_for()
    page.get_by_role("button", name="Images A and B").click()
    for name in ("deep-ae", "deep-vae"):
        await_plane(page, name, "meta.images[0] === 41 && meta.images[1] === 57")


def test_planes_and_layers_come_by_themselves_when_the_server_is_back(browser, home):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(20_000)
    page = context.new_page()
    tab = page.locator("#explorer-holes")
    page.route("**/figure/holes?*", lambda route: route.abort("connectionrefused"))
    page.goto(f"{home}#v=1&run=flat-vae&tab=holes")
    expect(tab.get_by_text("The server cannot be reached; trying again.")).to_be_visible()
    page.unroute("**/figure/holes?*")
    for name in ("flat-ae", "flat-vae"):
        side(page, name).locator(f".xp-figure[data-ready='{name} light'][data-layer=vacancy]").wait_for()
    expect(tab.get_by_text("cannot be reached")).to_have_count(0)
    page.route("**/figure/hole-layer?*", lambda route: route.abort("connectionrefused"))
    tab.get_by_label("Colour by").select_option("round_trip")
    expect(tab.get_by_text("The server cannot be reached; trying again.")).to_be_visible()
    page.unroute("**/figure/hole-layer?*")
    for name in ("flat-ae", "flat-vae"):
        side(page, name).locator(".xp-figure[data-layer=round_trip]").wait_for()
    expect(tab.get_by_text("cannot be reached")).to_have_count(0)
    context.close()
