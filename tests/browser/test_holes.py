"""Holes in a real browser: two planes, one cursor."""

import numpy as np
import pytest

from tests.browser.driver import expect

pytestmark = pytest.mark.browser

SCREEN = """([which, x, y]) => {
  const plot = document.querySelectorAll('.xp-reading')[which].closest('section').querySelector('.xp-plot');
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
    return page.locator("section", has=page.get_by_role("heading", name=name)).filter(has=page.locator(".xp-reading"))


def move_to(page, which, x, y):
    page.locator(".xp-reading").nth(which).locator("xpath=..").scroll_into_view_if_needed()
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
        step = 6 / 100
        grid = [[round((v + 3) / step) * step - 3 for v in (a, b)]]
        p = run.vacancy.p_value(run.frame.unwhiten(np.array(grid)))[0]
        words = side(page, name).locator(".xp-reading .xp-trust")
        expect(words).to_contain_text("In a hole" if p <= 0.05 else "At the edge" if p <= 0.2 else "Near the data")


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
    laws = ["raw: N(0, I)", "white: one Gaussian", "GMM-10: ten Gaussians"]
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
        """before => [...document.querySelectorAll('.xp-reading')].every(e => {
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
    expect(page.locator(".xp-reading:visible")).to_have_count(1)


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
