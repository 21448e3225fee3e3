"""Holes in a real browser: sheets of samples, the beta ladder, and the table of scores, over the shipped runs."""

import re
from collections.abc import Iterator

import numpy as np
import pytest

from explorer.analysis.laws import LAWS, offered_laws
from explorer.checkpoint import read_metrics
from explorer.library import Library
from explorer.views.hole_samples import drawn_sheet
from explorer.views.hole_scores import ladder_of
from explorer.views.hole_verdict import of_hundred
from tests.browser.driver import expect, expect_grey, expect_run, keep_open, pick_radio
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

CHECKPOINTS = ROOT / "checkpoints"

PAIR = ("digits-ae-8", "digits-vae-8")


@pytest.fixture(scope="module")
def shipped() -> Library:
    return Library(CHECKPOINTS)


@pytest.fixture(scope="module")
def app_url(shipped) -> Iterator[str]:
    """Address of a page over the shipped runs."""
    from explorer.ui.app import serve

    server = serve(shipped, port=0)
    yield server.url.rstrip("/") + "/"
    server.close()


@pytest.fixture
def visit(page, home):
    """Open the tab by its address."""

    def opened(fragment: str):
        page.goto(home + fragment)
        return page

    return opened


def opened(visit, run="digits-vae-8", view="samples"):
    """The tab, on a run and one of its views, with More opened."""
    page = visit(f"#v=1&run={run}&tab=holes&holes.view={view}")
    page.locator(f"#explorer-holes [data-view={view}] .xp-holes:not([inert])").wait_for()
    keep_open(page, "holes")
    return page.locator("#explorer-holes")


def facts(tab, name):
    """What More says of the samples of a run."""
    return tab.locator(f".xp-hs [data-of='{name}']")


def choose_law(tab, law="white"):
    """Draw the samples from a law: the sheets open on the first one, the prior."""
    laws = tab.get_by_role("group", name="Sampling law of the samples")
    expect(laws.get_by_role("radio").first).to_be_checked()
    pick_radio(laws.locator(f"input[value={law}]"))


def sheet(tab, name, state="white 0"):
    """The samples of a run, once they are there."""
    found = tab.locator(f".xp-hs-sheet[data-ready='{name} {state}']")
    found.wait_for()
    return found


def ladder(tab, run="digits-vae-8", law="white"):
    """The ladder, once it is there."""
    found = tab.locator(f".xp-ladder[data-ready='{run} {law}']")
    found.wait_for()
    return found


def tiles(part):
    return part.locator(".xp-hs-tile")


# --- samples --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", [law.name for law in offered_laws(None)])
def test_just_the_samples_in_holes_are_marked_and_counted_in_words(visit, shipped, law):
    tab = opened(visit)
    choose_law(tab, law)
    for name in PAIR:
        part = sheet(tab, name, f"{law} 0")
        known = drawn_sheet(shipped.open(name), law, 0, False)
        holes = [p <= 0.05 for p in known["p"]]
        expect(tiles(part)).to_have_count(36)
        marked = tiles(part).evaluate_all(
            "all => all.map(e => [e.className.includes('hole'), e.innerText.trim(), e.title])"
        )
        assert [mark for mark, _, _ in marked] == holes
        assert [sign == "▨" for _, sign, _ in marked] == holes, "never by colour alone"
        assert ["in a hole" in title for _, _, title in marked] == holes
        said = facts(tab, name)
        expect(said).to_contain_text(f"{known['in_holes']:,} of 1,000 draws")
        expect(said).to_contain_text(f"{sum(holes)} of the 36 shown")
        stored = read_metrics(CHECKPOINTS / name)
        expect(said).to_contain_text(f"Coverage: {stored['holes'][law]['coverage']['value']:.2f}")
        expect(said).to_contain_text(f"Active units: {stored['test']['active_units']} of 8")
        line = tab.locator(".xp-hs .xp-hs-line")
        expect(line).to_contain_text(f"{of_hundred(stored['holes'][law]['vacancy']['value'])} % of the")
        expect(line).to_contain_text(f"{of_hundred(stored['holes'][law]['tell_apart']['value'])} %")


def test_a_sample_shows_what_the_model_decodes(visit, shipped, decode_of):
    tab = opened(visit)
    choose_law(tab)
    for name in PAIR:
        part = sheet(tab, name)
        run = shipped.open(name)
        latents = drawn_sheet(run, "white", 0, False)["latents"]
        for k in (0, 17, 35):
            # another batch may round otherwise
            expect_grey(tiles(part).nth(k).locator("canvas"), decode_of(run, latents[k]), atol=1)


def test_a_new_seed_draws_other_samples_and_the_repair_keeps_out_of_holes(visit, shipped):
    tab = opened(visit)
    choose_law(tab)
    sheet(tab, "digits-ae-8")
    tab.get_by_role("button", name="Draw", exact=True).click()
    part = sheet(tab, "digits-ae-8", "white 1")
    known = drawn_sheet(shipped.open("digits-ae-8"), "white", 1, False)
    expect(facts(tab, "digits-ae-8")).to_contain_text(f"{known['in_holes']:,} of 1,000 draws")
    expect(tab.page).to_have_url(re.compile("&holes.law=white&holes.seed=1"))
    tab.get_by_label("Repair: keep out of holes").check()
    for name in PAIR:
        part = sheet(tab, name, "white 1 redrawn")
        expect(tiles(part)).to_have_count(36)
        expect(part.locator(".xp-hs-hole")).to_have_count(0)
        known = drawn_sheet(shipped.open(name), "white", 1, True)
        expect(facts(tab, name)).to_contain_text(f"Thrown away: {known['in_holes']:,} of 1,000 draws")
        expect(facts(tab, name)).to_contain_text("Coverage before the repair")
    expect(tab.get_by_text("what the law never reached stays out of reach")).to_be_visible()


def test_pointer_and_keys_tell_the_p_value_of_a_sample(visit, shipped):
    tab = opened(visit)
    choose_law(tab)
    part = sheet(tab, "digits-ae-8")
    known = drawn_sheet(shipped.open("digits-ae-8"), "white", 0, False)["p"]
    hole = next(k for k, p in enumerate(known) if p <= 0.05)
    tiles(part).nth(hole).hover()
    expect(part.locator(".xp-trust")).to_contain_text("No image is encoded here")
    expect(part.locator(".xp-trust")).to_contain_text(f"sample {hole + 1}, p =")
    tiles(part).first.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft"):
        tab.page.keyboard.press(key)
    expect(tiles(part).nth(6)).to_be_focused()
    expect(tiles(part).nth(6)).to_have_attribute("aria-pressed", "true")
    expect(part.locator(".xp-trust")).to_contain_text("sample 7,")
    expect(part.locator(".xp-hs-tile[tabindex='0']")).to_have_count(1)


@pytest.mark.gradio
def test_a_sample_opens_in_explore_with_its_own_model(visit, shipped):
    tab = opened(visit)
    choose_law(tab)
    part = sheet(tab, "digits-ae-8")
    wanted = drawn_sheet(shipped.open("digits-ae-8"), "white", 0, False)["latents"][3]
    tiles(part).nth(3).click()
    part.get_by_role("button", name="Open in Explore").click()
    tab.page.wait_for_function(
        """wanted => {
          const shown = (document.querySelector('canvas[aria-label="decoded image"]')?.dataset.latent ?? '').split(',');
          return shown.length === wanted.length && shown.every((v, i) => Math.abs(Number(v) - wanted[i]) < 1e-3);
        }""",
        arg=wanted,
    )
    expect_run(tab.page, re.compile("digits-ae-8"))


# --- ladder ---------------------------------------------------------------------------------------------------------


def test_the_slider_walks_the_rungs_and_tells_each_ones_scores(visit):
    part = ladder(opened(visit, view="beta"))
    slider = part.get_by_role("slider", name="beta")
    expect(part.locator(".xp-rung")).to_have_count(6)
    expect(part.locator(".xp-rung-now")).to_contain_text("beta 1")
    slider.focus()
    for key, name, label in (("Home", "digits-ae-8", "autoencoder"), ("End", "digits-vae-8-beta4", "beta 4")):
        part.page.keyboard.press(key)
        metrics = read_metrics(CHECKPOINTS / name)
        said = part.locator(".xp-rung-chosen")
        expect(said).to_contain_text(f"{label}, {name}: draws from one fitted bell in holes")
        expect(said).to_contain_text(f"{100 * metrics['holes']['white']['vacancy']['value']:.1f} %")
        expect(said).to_contain_text(f"coverage {metrics['holes']['white']['coverage']['value']:.2f}")
        expect(said).to_contain_text(f"{metrics['test']['active_units']} of 8 units active")
        expect(slider).to_have_attribute("aria-valuetext", label)
        expect(part.locator(".xp-rung-now")).to_contain_text(label)


def test_the_collapsed_rung_is_flagged_in_words_with_its_vacancy_and_coverage(visit):
    part = ladder(opened(visit, view="beta"))
    card = part.locator(".xp-rung", has_text="beta 4")
    expect(card).to_contain_text("collapsed")
    expect(card).to_contain_text("units 0 of 8")
    expect(card).to_contain_text("coverage 0.01")
    expect(part.get_by_text("At beta 4 the model has collapsed")).to_be_visible()
    card.get_by_role("button", name="beta 4").click()
    expect(part.locator(".xp-rung-chosen")).to_contain_text("0 of 8 dimensions carry anything")
    expect(part.locator(".xp-rung-flagged")).to_have_count(1)


def test_small_multiples_hold_decodes_and_the_shares_of_their_p_values(visit, shipped):
    part = ladder(opened(visit, view="beta"))
    card = part.locator(".xp-rung").first
    known = drawn_sheet(shipped.open("digits-ae-8"), "white", 0, False)
    drawing = card.get_by_role("img", name=re.compile(f"{100 * known['histogram'][0]:.1f} % in holes"))
    bars = drawing.locator("rect[class^=xp-rung-]:not(.xp-rung-stripe)")
    heights = bars.evaluate_all("all => all.map(e => +e.getAttribute('height'))")
    np.testing.assert_allclose(heights, 64 * np.sqrt(known["histogram"]), atol=1e-6)
    colours = card.locator("canvas").evaluate(
        "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    )
    assert colours > 10


def test_the_trade_offs_mark_the_chosen_rung_and_their_dots_choose_runs(visit, shipped):
    part = ladder(opened(visit, view="beta"))
    drawing = part.get_by_role("group", name="holes against coverage along the beta ladder")
    drawing.scroll_into_view_if_needed()
    rungs = [rung for rung in ladder_of(shipped, "digits-vae-8", "white")["rungs"] if rung["vacancy"]]
    dots = drawing.get_by_role("button")
    expect(dots).to_have_count(len(rungs))
    expect(drawing.locator("[data-run='digits-vae-8']")).to_have_attribute("aria-pressed", "true")
    boxes = [drawing.locator(f"[data-run='{rung['name']}']").bounding_box() for rung in rungs]
    for values, places in (
        ([rung["vacancy"]["value"] for rung in rungs], [box["x"] for box in boxes]),
        ([-rung["coverage"]["value"] for rung in rungs], [box["y"] for box in boxes]),
    ):
        assert np.corrcoef(values, places)[0, 1] > 0.999, "dots stand where their scores are"
    drawing.locator("[data-run='digits-vae-8-beta0.1']").click()
    expect(part.locator(".xp-rung-chosen")).to_contain_text("digits-vae-8-beta0.1")
    expect(drawing.locator("[data-run='digits-vae-8-beta0.1']")).to_have_attribute("aria-pressed", "true")
    expect(drawing.locator("[aria-pressed=true]")).to_have_count(1)
    other = part.get_by_role("group", name="holes against distortion along the beta ladder")
    other.locator("[data-run='digits-ae-8']").press("Enter")
    expect(part.locator(".xp-rung-chosen")).to_contain_text("digits-ae-8")


def test_a_rung_becomes_the_run_of_the_whole_page(visit):
    tab = opened(visit, view="beta")
    part = ladder(tab)
    part.locator(".xp-rung").get_by_role("button", name="beta 0.1").click()
    part.get_by_role("button", name="Show this run").click()
    tab.page.wait_for_function("() => location.hash.includes('run=digits-vae-8-beta0.1&')")
    tab.get_by_role("button", name="Beta", exact=True).click()
    expect(part.locator(".xp-rung-now")).to_contain_text("beta 0.1")
    expect(part.get_by_role("button", name="Show this run")).to_be_disabled()


def test_a_run_in_no_ladder_is_told_the_command(visit):
    part = ladder(opened(visit, "mnist-vae-2", "beta"), "mnist-vae-2")
    expect(part.get_by_text("python train.py --dataset mnist --latent-dim 2 --ladder")).to_be_visible()
    expect(part.get_by_role("slider")).to_have_count(0)


def test_a_ladder_that_fails_says_so_and_can_be_asked_for_again(browser, home):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.route("**/holes/ladder?*", lambda route: route.fulfill(status=400, json={"error": "the run is damaged."}))
    page.goto(f"{home}#v=1&run=digits-vae-8&tab=holes&holes.view=beta")
    part = page.locator("#explorer-holes .xp-ladder")
    expect(part.get_by_text("The ladder is not complete: the run is damaged.")).to_be_visible()
    page.unroute("**/holes/ladder?*")
    part.get_by_role("button", name="Try again").click()
    expect(part).to_have_attribute("data-ready", "digits-vae-8 white")
    expect(part.get_by_text("not complete")).to_have_count(0)
    context.close()


def test_samples_come_by_themselves_when_the_server_is_back(browser, home):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.route("**/holes/samples?*", lambda route: route.abort("connectionrefused"))
    page.goto(f"{home}#v=1&run=digits-vae-8&tab=holes")
    part = page.locator("#explorer-holes .xp-hs")
    expect(part).to_be_attached()
    expect(part.get_by_text("The server cannot be reached; trying again.")).to_be_visible()
    page.unroute("**/holes/samples?*")
    expect(part.locator(".xp-hs-tile")).to_have_count(72)
    expect(part.get_by_text("cannot be reached")).to_have_count(0)
    context.close()


# --- scores ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stem", ["digits-{}-8", "mnist-{}-16"])
def test_the_numbers_on_the_page_are_those_of_metrics_json(visit, stem):
    names = [stem.format(family) for family in ("ae", "vae")]
    tab = opened(visit, names[1], "scores")
    table = tab.locator(".xp-scores")
    expect(table.get_by_role("columnheader", name=names[0])).to_be_visible()
    rows = {
        "Draws in holes": "vacancy",
        "Coverage": "coverage",
        "Round trip": "round_trip",
        "Fréchet distance": "frechet",
    }
    metrics = [read_metrics(CHECKPOINTS / name) for name in names]
    laws = [law.name for law in offered_laws(max(each["holes"]["many_bells"] for each in metrics))]
    assert len(laws) == (4 if names[0].startswith("mnist") else 3), "codes of digits ask for ten bells"
    for title, key in rows.items():
        cells = table.get_by_role("row", name=re.compile(f"^{title}(?!,)")).get_by_role("cell").all_inner_texts()
        known = [each["holes"][law][key] for each in metrics for law in laws]
        assert len(cells) == len(known)
        notes = []
        for text, score in zip(cells, known, strict=True):
            value, interval, *beside, count = text.split("\n")
            shown = [float(part) for part in (value, *interval.split(" to "))]
            np.testing.assert_allclose(shown, [score["value"], score["low"], score["high"]], rtol=5.1e-3, atol=5e-5)
            assert count == f"n = {score['n']:,}"
            notes.append(beside)
        floors = [[f"floor {each['holes']['frechet_floor']['value']:.1f}"] for each in metrics for _ in laws]
        assert notes == (floors if key == "frechet" else [[]] * len(known))
    units = table.get_by_role("row", name=re.compile("^Active units")).get_by_role("cell").all_inner_texts()
    assert units == [str(each["test"]["active_units"]) for each in metrics for _ in laws]
    reading = tab.get_by_role("list", name="what the scores say")
    first, second = (of_hundred(each["holes"]["white"]["vacancy"]["value"]) for each in metrics)
    told = tab.locator(".xp-hs-told")
    expect(told).to_contain_text(f"From one fitted bell, {names[0]} has")  # equal laws first
    expect(told).to_contain_text(
        f"where no image is encoded as {names[1]}: {first} of 100 against {second}; 5 is usual"
    )
    expect(reading).to_contain_text(f"{names[0]} from one fitted bell")
    expect(reading).to_contain_text(f"as {names[1]} from the prior: {first} of 100")


def test_the_verdict_comes_first_and_bars_tell_what_the_table_does(visit):
    tab = opened(visit, "mnist-vae-16", "scores")
    metrics = [read_metrics(CHECKPOINTS / name) for name in ("mnist-ae-16", "mnist-vae-16")]
    counts = [of_hundred(each["holes"]["white"]["vacancy"]["value"]) for each in metrics]
    expect(tab.locator(".xp-hs-verdict")).to_have_text(
        f"The autoencoder has more holes: measured, {counts[0]}\u00a0% against {counts[1]}\u00a0%."
    )
    for name, each in zip(("mnist-ae-16", "mnist-vae-16"), metrics, strict=True):
        bars = tab.get_by_role("img", name=re.compile(f"^{name}: from the prior"))
        widths = bars.locator(".xp-hs-share").evaluate_all(
            "all => all.map((each) => each.firstElementChild.offsetWidth / each.clientWidth)"
        )
        known = [each["holes"][law]["vacancy"]["value"] for law in LAWS]
        np.testing.assert_allclose(widths, known, atol=0.01)


# --- views and their addresses ---------------------------------------------------------------------------------------


def test_every_view_stands_in_the_address_and_comes_back_from_it(visit):
    page = visit("#v=1&run=digits-vae-8&tab=holes")
    tab = page.locator("#explorer-holes")
    views = tab.get_by_role("navigation", name="views of holes")
    expect(views.locator("[aria-current]")).to_have_text("Samples")
    assert "holes.view" not in page.url, "the usual view is left out"
    for name, part in (("Slice", ".xp-holes-planes"), ("Beta", ".xp-ladder"), ("Scores", ".xp-holes-scores")):
        views.get_by_role("button", name=name).click()
        expect(page).to_have_url(re.compile(f"holes.view={name.lower()}"))
        expect(tab.locator(part)).to_be_visible()
        expect(tab.locator(".xp-hs")).to_be_hidden()
    page.goto("about:blank")
    visit("#v=1&run=digits-vae-8&tab=holes&holes.law=gmm10&holes.seed=7")
    sheet(tab, "digits-ae-8", "gmm10 7")
    expect(tab.locator(".xp-hs input[value=gmm10]")).to_be_checked()


# --- phones ---------------------------------------------------------------------------------------------------------


@pytest.mark.gradio
def test_sheets_and_ladder_fit_a_phone(browser, home):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{home}#v=1&run=digits-vae-8&tab=holes")
    tab = page.locator("#explorer-holes")
    tab.locator(".xp-hs").wait_for()
    choose_law(tab)
    part = sheet(tab, "digits-ae-8")
    tiles(part).nth(8).tap()
    expect(tiles(part).nth(8)).to_have_attribute("aria-pressed", "true")
    expect(part.locator(".xp-trust")).to_contain_text("sample 9,")
    box = tiles(part).nth(8).bounding_box()
    assert box["width"] >= 44, "a finger needs room"
    page.evaluate("location.hash = '#v=1&run=digits-vae-8&tab=holes&holes.view=beta'")
    rungs = ladder(tab)
    rungs.locator(".xp-rung").get_by_role("button", name="beta 0.3").tap()
    expect(rungs.locator(".xp-rung-chosen")).to_contain_text("digits-vae-8-beta0.3")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
