"""Interpolate in a real browser: ends, the position that follows the hand, curves, the sheet of classes, files."""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from explorer.analysis.interpolation import interpolate, path_positions
from explorer.analysis.neighbours import class_medoids
from explorer.images import enlarged, to_bytes, to_unit
from explorer.library import Library
from explorer.views.interpolate import walk
from tests.browser.driver import expect, expect_grey, open_more, pick_radio
from tests.browser.explore_page import drawn, unfold
from tests.serve_fake import serving

pytestmark = pytest.mark.browser


def ready(page, run="flat-vae", kind="linear", steps=9, overshoot="0"):
    page.locator(f"[data-ready='{run} {kind} {steps} {overshoot}']").wait_for()
    open_more(page, "interpolate")


def opened(visit, **shown):
    """The walk from image 0 to image 1, with all that the tab has behind More."""
    page = visit("Interpolate", fragment="#v=1&run=flat-vae&tab=explore&from=image.0&to=image.1")
    ready(page, **shown)
    return page


def big(page, run):
    return page.get_by_role("img", name=f"decoded image of {run}", exact=True)


def type_in(page, name, value):
    box = page.get_by_role("spinbutton", name=name, exact=True)
    box.fill(str(value))
    box.press("Enter")


def choose(page, end, index):
    type_in(page, f"Test image at {end}", index)
    expect(page.get_by_role("group", name=f"End {end}")).to_contain_text(f"test image {index}")


def code(run, index):
    return run.latents.mean[index]


def shows(page, canvas, latent, latent_of):
    """Wait until a canvas says that it shows a latent."""
    handle = canvas.element_handle()
    page.wait_for_function(
        "([canvas, z]) => { const at = (canvas.dataset.latent ?? '').split(',').map(Number);"
        " return at.length === z.length && at.every((v, i) => Math.abs(v - z[i]) < 1e-4); }",
        arg=[handle, [float(v) for v in latent]],
    )
    np.testing.assert_allclose(latent_of(canvas), latent, atol=1e-4)


def test_the_position_follows_the_hand_in_both_models_each_with_its_own_encodings(visit, run_of, latent_of, decode_of):
    page = opened(visit)
    choose(page, "A", 3)
    choose(page, "B", 14)
    slider = page.get_by_role("slider", name="Position")
    slider.fill("0.25")
    for name in ("flat-vae", "flat-ae"):
        run = run_of(name)
        expected = 0.75 * code(run, 3) + 0.25 * code(run, 14)
        shows(page, big(page, name), expected, latent_of)
        expect_grey(big(page, name), decode_of(run, latent_of(big(page, name))), atol=1)
    expect(slider).to_have_attribute("aria-valuetext", "0.25, 25 % of the way from A to B")


def test_a_dragged_position_ends_where_the_hand_ends(visit, run_of, latent_of):
    page = opened(visit)
    slider = page.get_by_role("slider", name="Position")
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(20):
        page.mouse.move(box["x"] + box["width"] * (0.5 + step / 40), box["y"] + box["height"] / 2)
    page.mouse.up()
    t = float(slider.input_value())
    assert t > 0.8
    a, b = code(run_of("flat-vae"), 0), code(run_of("flat-vae"), 1)
    shows(page, big(page, "flat-vae"), (1 - t) * a + t * b, latent_of)


def test_the_keyboard_alone_walks_the_way(visit, run_of, latent_of):
    page = opened(visit)
    slider = page.get_by_role("slider", name="Position")
    slider.focus()
    page.keyboard.press("Home")
    a, b = code(run_of("flat-vae"), 0), code(run_of("flat-vae"), 1)
    shows(page, big(page, "flat-vae"), a, latent_of)
    page.keyboard.press("End")
    shows(page, big(page, "flat-vae"), b, latent_of)
    page.keyboard.press("ArrowLeft")
    shows(page, big(page, "flat-vae"), 0.005 * a + 0.995 * b, latent_of)
    page.keyboard.press("Tab")
    expect(page.get_by_role("spinbutton", name="Position, exact value")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Play")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Pause")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


@pytest.mark.anywhere
def test_an_arc_with_overshoot_is_the_arc_that_python_walks(visit, run_of, latent_of):
    page = opened(visit)
    choose(page, "A", 5)
    choose(page, "B", 21)
    pick_radio(page.get_by_role("radio", name="Arc"))
    type_in(page, "Overshoot", 0.5)
    type_in(page, "Steps", 5)
    ready(page, kind="spherical", steps=5, overshoot="0.5")
    films = page.locator(".xp-films button")
    expect(films).to_have_count(5)
    run = run_of("flat-vae")
    path = interpolate(code(run, 5), code(run, 21), path_positions(5, 0.5), "spherical").latents
    for k in (0, 1, 4):
        films.nth(k).click()
        shows(page, big(page, "flat-vae"), path[k], latent_of)
        expect(films.nth(k)).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("slider", name="Position")).to_have_attribute("min", "-0.5")


def test_swapping_walks_the_other_way(visit, run_of, latent_of):
    page = opened(visit)
    choose(page, "A", 3)
    choose(page, "B", 14)
    page.get_by_role("button", name="Swap").click()
    expect(page.get_by_role("group", name="End A")).to_contain_text("test image 14")
    expect(page.get_by_role("group", name="End B")).to_contain_text("test image 3")
    type_in(page, "Position, exact value", 0)
    shows(page, big(page, "flat-vae"), code(run_of("flat-vae"), 14), latent_of)


def test_a_class_limits_which_images_come(visit, run_of):
    page = opened(visit)
    end = page.get_by_role("group", name="End B")
    end.get_by_label("Class").select_option("4")
    expect(end).to_contain_text("labelled 4")
    index = int(page.get_by_role("spinbutton", name="Test image at B").input_value())
    assert run_of("flat-vae").labels[index] == 4
    end.get_by_role("button", name="Shuffle").click()
    expect(end).to_contain_text("labelled 4")


def test_images_as_ends_survive_a_change_of_run_and_a_bare_latent_does_not(visit, pick, run_of, latent_of):
    page = opened(visit)
    choose(page, "A", 3)
    page.get_by_role("group", name="End B").get_by_role("button", name="Prior draw").click()
    expect(page.get_by_role("group", name="End B")).to_contain_text(re.compile(r"draw \d+ from the prior:"))
    expect(page.get_by_text("flat-ae has a space of its own")).to_be_visible()
    expect(big(page, "flat-ae")).to_be_hidden()
    pick("deep-ae")
    ready(page, run="deep-ae")
    expect(page.get_by_role("group", name="End A")).to_contain_text("test image 3")
    lost = re.compile(r"B was draw \d+ from the prior of flat-vae, which deep-ae does not have")
    expect(page.get_by_text(lost)).to_be_visible()
    type_in(page, "Position, exact value", 0)
    shows(page, big(page, "deep-ae"), code(run_of("deep-ae"), 3), latent_of)
    pick("flat-vae")
    expect(page.get_by_role("group", name="End B")).to_contain_text(re.compile(r"draw \d+ from"))


def test_explores_latent_becomes_an_end_and_a_position_opens_in_explore(visit, run_of, latent_of):
    page = visit()
    slider = page.get_by_role("slider", name="axis").first
    slider.fill("1.5")
    page.wait_for_function("() => /z=/.test(location.hash) && !/z=0,0$/.test(location.hash)")
    at = np.array(json.loads(f"[{page.url.split('z=')[1].split('&')[0]}]"))
    page.get_by_role("tab", name="Interpolate").click()
    ready(page)
    page.get_by_role("group", name="End A").get_by_role("button", name="Explore's latent").click()
    expect(page.get_by_role("group", name="End A")).to_contain_text("Explore's latent: norm")
    choose(page, "B", 1)
    type_in(page, "Position, exact value", 0)
    shows(page, big(page, "flat-vae"), at, latent_of)
    type_in(page, "Position, exact value", 0.5)
    middle = 0.5 * at + 0.5 * code(run_of("flat-vae"), 1)
    shows(page, big(page, "flat-vae"), middle, latent_of)
    page.get_by_role("button", name="Open in Explore").first.click()
    expect(page.get_by_role("tab", name="Explore")).to_have_attribute("aria-selected", "true")
    shows(page, page.get_by_role("img", name="decoded image", exact=True).first, middle, latent_of)


def test_another_tab_chooses_an_end_without_being_left(visit, run_of):
    page = visit("Map")
    page.evaluate(
        """async () => {
          const at = [...document.querySelectorAll('link')].find((link) => link.href.endsWith('/kit/kit.css')).href;
          const { view } = await import(new URL('../page/view.js', at));
          const whence = { kind: 'place', text: 'a place on the map' };
          view.useAs('b', { run: 'flat-vae', latent: Float32Array.of(1, -1), whence });
        }"""
    )
    expect(page.get_by_role("tab", name="Map")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Interpolate").click()
    ready(page)
    expect(page.get_by_role("group", name="End B")).to_contain_text("a place on the map: norm 1.41 latent units")


def test_parallel_ends_say_why_the_arc_is_straight(visit):
    page = opened(visit)
    choose(page, "A", 3)
    choose(page, "B", 3)
    expect(
        page.get_by_text("The walk is straight: both ends point the same way from the origin.").first
    ).to_be_visible()


@pytest.mark.anywhere
def test_the_curves_say_what_the_numbers_are_and_a_click_goes_there(visit, run_of):
    page = opened(visit)
    choose(page, "A", 3)
    choose(page, "B", 14)
    charts = page.locator(".xp-paths .xp-figure[data-ready]")
    expect(charts).to_have_count(2)
    ends = np.linalg.norm(run_of("flat-vae").latents.mean[[3, 14]], axis=1)
    expect(page.locator(".xp-paths")).to_contain_text(f"The ends have norms {ends[0]:.2f} and {ends[1]:.2f}")
    expect(page.locator(".xp-paths")).to_contain_text("has 0.71 of that length")
    charts.first.scroll_into_view_if_needed()
    box = charts.first.locator(".nsewdrag").first.bounding_box()
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    page.wait_for_function(
        "() => Math.abs(document.querySelector('.xp-position input[type=range]').value - 0.8) < 0.03"
    )
    cursor = page.locator(".xp-paths .xp-now").first.bounding_box()
    assert abs(cursor["x"] - (box["x"] + 0.8 * box["width"])) < 0.05 * box["width"]


def test_holes_along_the_way_are_marked_where_vacancy_says_so(visit, run_of):
    page = opened(visit)
    type_in(page, "Overshoot", 2)
    ready(page, overshoot="2")
    run = run_of("flat-vae")
    known = walk(run, run.latents.mean[[0, 1]], 9, 2.0, "linear")["vacancy"]
    assert min(known) <= 0.05 < max(known), "the test needs a walk that leaves the codes"
    marks = [re.search("in a hole of .*flat-vae", label or "") is not None for label in labels_of(page)]
    assert marks == [p <= 0.05 for p in known]


def labels_of(page):
    return page.locator(".xp-films button").evaluate_all(
        "films => films.map((film) => film.getAttribute('aria-label'))"
    )


def test_nonsense_in_a_box_is_said_and_changes_nothing(visit):
    page = opened(visit)
    for name, bad, good in (
        ("Steps", ["1", "65", "2.5", ""], "9"),
        ("Overshoot", ["-1", "3", ""], "0"),
        ("Test image at A", ["-1", "600", "1.5"], "0"),
    ):
        box = page.get_by_role("spinbutton", name=name, exact=True)
        for value in bad:
            box.fill(value)
            box.press("Enter")
            expect(box).to_have_value(good)
        expect(page.locator(".xp-status", has_text=re.compile("from|image")).first).to_be_visible()
    ready(page)


def test_the_sheet_of_classes_leads_from_typical_images_and_a_picture_chooses_its_walk(visit, run_of, latent_of):
    page = opened(visit)
    sheet = page.locator(".xp-pairs")
    sheet.scroll_into_view_if_needed()
    page.locator("[data-ready='flat-vae midpoints linear']").wait_for()
    cells = sheet.locator(".xp-tile")
    expect(cells).to_have_count(100)
    run = run_of("flat-vae")
    medoids = class_medoids(run.latents.mean, run.labels, 10)
    expect(sheet).to_contain_text("flat-vae: choose the arc to count holes half way")
    pick_radio(page.get_by_role("radio", name="Arc"))
    sheet.scroll_into_view_if_needed()  # it is drawn once it is in sight
    page.locator("[data-ready='flat-vae midpoints spherical']").wait_for()
    ends = [(code(run, a), code(run, b)) for i, a in enumerate(medoids) for b in medoids[i + 1 :]]
    middles = [interpolate(a, b, np.array([0.5]), "spherical").latents[0] for a, b in ends]
    holes = (run.vacancy_among("means").p_value(np.stack(middles)) <= 0.05).sum()
    expect(sheet).to_contain_text(f"{holes} of 45 middles of arcs")
    pick_radio(page.get_by_role("radio", name="Straight line"))
    sheet.scroll_into_view_if_needed()  # it is drawn once it is in sight
    page.locator("[data-ready='flat-vae midpoints linear']").wait_for()
    cells.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(cells.nth(2)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="End A")).to_contain_text(f"test image {medoids[0]}, labelled 0")
    expect(page.get_by_role("group", name="End B")).to_contain_text(f"test image {medoids[2]}, labelled 2")
    shows(page, big(page, "flat-vae"), (code(run, medoids[0]) + code(run, medoids[2])) / 2, latent_of)


def test_strips_start_at_the_chosen_class_of_the_chosen_model(visit):
    page = opened(visit)
    sheet = page.locator(".xp-pairs")
    sheet.scroll_into_view_if_needed()
    pick_radio(sheet.get_by_role("radio", name="Strips"))
    sheet.get_by_label("From class").select_option("3")
    pick_radio(sheet.get_by_role("radio", name="flat-ae"))
    page.locator("[data-ready='flat-ae strips linear']").wait_for()
    expect(sheet.get_by_role("rowheader")).to_have_text([f"3 → {c}" for c in "012456789"])
    page.wait_for_function("['sheet=strips', 'from=3', 'model=twin'].every((it) => location.hash.includes(it))")
    sheet.locator("summary").click()
    sheet.get_by_role("checkbox", name="9", exact=True).uncheck()
    expect(sheet.get_by_role("rowheader")).to_have_text([f"0 → {c}" for c in "12345678"])


@pytest.mark.parametrize(
    ("kind", "ending"), [("PNG", "png"), ("Contact sheet", "png"), ("GIF", "gif"), ("WebP", "webp")]
)
def test_the_walk_is_saved_as_a_file(visit, run_of, kind, ending):
    page = opened(visit)
    bar = page.get_by_role("group", name="export the walk of flat-vae")
    with page.expect_download() as saved:
        bar.get_by_role("button", name=kind, exact=True).click()
    assert saved.value.suggested_filename == f"flat-vae-linear-0-1.{ending}"
    with Image.open(saved.value.path()) as picture:
        assert picture.format == ending.upper()
        if kind == "PNG":
            run = run_of("flat-vae")
            path = interpolate(code(run, 0), code(run, 1), path_positions(9)).latents
            row = np.concatenate(list(to_bytes(run.coder.decode(path))[:, 0]), axis=1)
            np.testing.assert_array_equal(np.asarray(picture), enlarged(row, 16))
        if ending != "png":
            assert getattr(picture, "n_frames", 1) == 16, "there and back"
    expect(bar.get_by_role("status")).to_have_text(f"Saved as {saved.value.suggested_filename}.")


def test_the_latents_of_the_walk_are_saved_as_numbers(visit, run_of):
    page = opened(visit)
    with page.expect_download() as saved:
        page.get_by_role("group", name="export the walk of flat-ae").get_by_role("button", name="Latents").click()
    found = json.loads(saved.value.path().read_text())
    run = run_of("flat-ae")
    np.testing.assert_array_equal(
        np.array(found["latents"], np.float32), interpolate(code(run, 0), code(run, 1), path_positions(9)).latents
    )
    assert found["run"] == "flat-ae"
    assert found["kind"] == "linear"
    assert found["from"].startswith("test image 0")
    assert len(found["positions"]) == 9


def test_a_file_that_cannot_be_made_is_said(browser, home):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{home}#v=1&run=flat-vae&tab=interpolate")
    ready(page)
    page.route(
        "**/export/gif*", lambda route: route.fulfill(status=413, json={"error": "this file would be too large."})
    )
    bar = page.get_by_role("group", name="export the walk of flat-vae")
    bar.get_by_role("button", name="GIF").click()
    expect(bar.get_by_role("status")).to_have_text("No file: this file would be too large.")
    expect(bar.get_by_role("button", name="GIF")).to_be_enabled()
    context.close()


def test_a_file_that_takes_long_says_how_long_and_can_be_given_up(browser, home):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{home}#v=1&run=flat-vae&tab=interpolate")
    ready(page)
    page.route("**/export/gif*", lambda route: None)  # never answered
    bar = page.get_by_role("group", name="export the walk of flat-vae")
    bar.get_by_role("button", name="GIF").click()
    expect(bar.get_by_role("status")).to_have_text(re.compile(r"Making the GIF: \d+ s"))
    expect(bar.get_by_role("progressbar")).to_be_visible()
    bar.get_by_role("button", name="Cancel").click()
    expect(bar.get_by_role("status")).to_have_text("Given up.")
    expect(bar.get_by_role("progressbar")).to_be_hidden()
    context.close()


def test_the_python_of_a_walk_makes_its_very_pictures(browser, twin_runs, tmp_path, monkeypatch):
    context = browser.new_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    with serving(Library(twin_runs)) as url:
        page.goto(f"{url}/bare#v=1&run=digits-vae-2&tab=interpolate")
        ready(page, run="digits-vae-2")
        choose(page, "A", 4)
        page.get_by_role("group", name="End B").get_by_role("button", name="Prior draw").click()
        expect(page.get_by_role("group", name="End B")).to_contain_text(re.compile(r"draw \d+"))
        pick_radio(page.get_by_role("radio", name="Arc"))
        type_in(page, "Steps", 5)
        type_in(page, "Overshoot", 0.25)
        ready(page, "digits-vae-2", "spherical", 5, "0.25")
        page.get_by_text("The same walk in Python").click()
        page.get_by_role("button", name="Copy as Python").click()
        expect(page.get_by_text("The lines are copied")).to_be_visible()
        lines = page.evaluate("navigator.clipboard.readText()")
        with page.expect_download() as saved:
            page.get_by_role("group", name="export the walk of digits-vae-2").get_by_role("button", name="PNG").click()
        content = saved.value.path().read_bytes()
    context.close()
    assert 3 <= len(lines.splitlines()) <= 6
    assert json.dumps(f"{twin_runs.as_posix()}/digits-vae-2") in lines
    monkeypatch.chdir(tmp_path)
    made: dict = {}
    exec(lines, made)  # noqa: S102 - they are what the page tells a person to run
    row = np.concatenate(list(to_bytes(made["pictures"])[:, 0]), axis=1)
    with Image.open(io.BytesIO(content)) as picture:
        np.testing.assert_array_equal(np.asarray(picture), enlarged(row, 16))


def test_the_python_for_a_model_in_memory_uses_what_was_handed_to_launch(visit, run_of):
    page = opened(visit)
    choose(page, "B", 14)
    ready(page)
    run = run_of("flat-vae")
    made: dict = {"coder": run.coder, "images": to_unit(run.images(), run.levels)}
    exec(page.get_by_label("Python of this walk").text_content(), made)  # noqa: S102 - they are what the page tells a person to run
    expected = interpolate(code(run, 0), code(run, 14), path_positions(9)).latents
    np.testing.assert_allclose(made["path"], expected, atol=1e-4)
    np.testing.assert_allclose(made["pictures"], run.coder.decode(expected), atol=1e-4)


@pytest.mark.gradio
def test_a_link_opens_the_tab_on_its_run(page, home):
    page.goto(f"{home}#v=1&run=deep-vae&tab=interpolate")
    expect(page.get_by_role("tab", name="Interpolate")).to_have_attribute("aria-selected", "true")
    ready(page, run="deep-vae")
    assert "tab=interpolate" in page.url


def addressed(page, *parts):
    page.wait_for_function("parts => parts.every((part) => `${location.hash}&`.includes(`&${part}&`))", arg=list(parts))
    return page.url


def test_the_address_leads_others_to_the_same_place_of_the_same_walk(visit, run_of, latent_of):
    page = opened(visit)
    choose(page, "A", 3)
    page.get_by_role("group", name="End B").get_by_role("button", name="Prior draw").click()
    expect(page.get_by_role("group", name="End B")).to_contain_text(re.compile(r"draw \d+ from"))
    pick_radio(page.get_by_role("radio", name="Arc"))
    type_in(page, "Overshoot", 0.25)
    type_in(page, "Steps", 5)
    type_in(page, "Position, exact value", 1.125)
    ready(page, kind="spherical", steps=5, overshoot="0.25")
    url = addressed(page, "from=image.3", "way=spherical", "steps=5", "over=0.25", "at=1.125")
    run = run_of("flat-vae")
    seed = int(re.findall(r"draw (\d+) from", page.get_by_role("group", name="End B").inner_text())[0])
    shown = interpolate(code(run, 3), drawn(run, seed), np.array([1.125]), "spherical").latents[0]
    shows(page, big(page, "flat-vae"), shown, latent_of)
    page.goto("about:blank")
    page.goto(url)
    ready(page, kind="spherical", steps=5, overshoot="0.25")
    shows(page, big(page, "flat-vae"), shown, latent_of)
    expect(page.get_by_role("group", name="End A")).to_contain_text("test image 3")
    expect(page.get_by_role("group", name="End B")).to_contain_text("the latent of a link")
    expect(page.get_by_role("slider", name="Position")).to_have_value("1.125")
    expect(page.get_by_role("radio", name="Arc")).to_be_checked()
    assert "".join(re.findall("(?:from|to|at)=[^&]*", addressed(page, "at=1.125"))) == "".join(
        re.findall("(?:from|to|at)=[^&]*", url)
    )
    page.get_by_role("tab", name="Explore").click()
    page.wait_for_function("!location.hash.includes('from=')")
    page.get_by_role("tab", name="Interpolate").click()
    addressed(page, "from=image.3", "at=1.125")


def test_a_walk_that_does_not_fit_the_run_is_said_and_one_by_hand_is_taken_up(page, home, run_of, latent_of):
    page.goto(f"{home}#v=1&run=flat-vae&tab=interpolate&from=image.600&to=image.14&at=1")
    ready(page)
    expect(page.get_by_text("The link's A does not fit flat-vae: a test image stands there.")).to_be_visible()
    expect(page.get_by_role("group", name="End A")).to_contain_text("test image")
    shows(page, big(page, "flat-vae"), code(run_of("flat-vae"), 14), latent_of)
    addressed(page, "to=image.14", "at=1")
    page.evaluate("location.hash = '#v=1&run=flat-vae&tab=interpolate&from=image.5&to=latent.0.5,-2&at=0'")
    expect(page.get_by_role("group", name="End A")).to_contain_text("test image 5")
    shows(page, big(page, "flat-vae"), code(run_of("flat-vae"), 5), latent_of)
    expect(page.get_by_text("does not fit")).to_be_hidden()


def test_an_end_that_is_chosen_before_a_link_is_taken_up_counts_more(page, home):
    page.goto(f"{home}#v=1&run=flat-vae&tab=explore&from=image.3&to=image.14&z=0.25,-1.5")
    page.locator("#explorer-explore [data-ready]").first.wait_for()
    unfold(page, "Save").get_by_role("button", name="Use as A in Interpolate").click()
    page.get_by_role("tab", name="Interpolate").click()
    ready(page)
    expect(page.get_by_role("group", name="End A")).not_to_contain_text("test image")
    expect(page.get_by_role("group", name="End B")).to_contain_text("test image 14")


def test_a_run_without_a_twin_walks_alone(visit, pick):
    page = opened(visit)
    pick("lost-ae")
    ready(page, run="lost-ae")
    expect(page.locator(".xp-walk-stage:visible")).to_have_count(1)
    expect(page.get_by_role("img", name="end A: test image 0")).to_be_visible()


def test_names_of_classes_are_text_wherever_they_stand(visit, pick):
    page = opened(visit)
    pick("odd-ae")
    ready(page, run="odd-ae")
    page.locator(".xp-pairs").scroll_into_view_if_needed()
    page.locator("[data-ready='odd-ae midpoints linear']").wait_for()
    expect(page.locator(".xp-pairs")).to_contain_text("<img src=x onerror=")
    assert page.evaluate("window.caught") is None


@pytest.mark.gradio
def test_a_phone_shows_pictures_and_slider_together_and_nothing_sticks_out(phone):
    phone.goto(phone.url.split("#")[0] + "#v=1&run=flat-vae&tab=interpolate")
    phone.reload()
    ready(phone)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    one, other = (big(phone, name).bounding_box() for name in ("flat-vae", "flat-ae"))
    assert abs(one["y"] - other["y"]) < 2
    slider = phone.get_by_role("slider", name="Position")
    slider.scroll_into_view_if_needed()
    assert slider.bounding_box()["y"] - big(phone, "flat-vae").bounding_box()["y"] < 400


def test_a_server_that_is_away_is_said_and_the_picture_recovers(browser, home, run_of, latent_of):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{home}#v=1&run=flat-vae&tab=interpolate&from=image.0&to=image.1")
    ready(page)
    page.route("**/decode", lambda route: route.abort())
    page.get_by_role("slider", name="Position").fill("0.1")
    expect(page.get_by_text("The server cannot be reached; trying again.").first).to_be_visible()
    page.unroute("**/decode")
    a, b = code(run_of("flat-vae"), 0), code(run_of("flat-vae"), 1)
    shows(page, big(page, "flat-vae"), 0.9 * a + 0.1 * b, latent_of)
    expect(page.get_by_text("The server cannot be reached; trying again.")).to_have_count(0)
    context.close()


# --- above the fold ---------------------------------------------------------------------------------------------------


def test_it_opens_on_the_pair_whose_middle_is_emptier_in_the_autoencoder_by_most(visit, run_of):
    page = visit("Interpolate")
    ready(page)
    vae, ae = run_of("flat-vae"), run_of("flat-ae")
    ends = [int(page.get_by_role("spinbutton", name=f"Test image at {end}").input_value()) for end in "AB"]
    assert vae.labels[ends[0]] != vae.labels[ends[1]]

    def gap(one: int, other: int) -> float:
        middle = [run.vacancy_among("means").p_value((code(run, [one]) + code(run, [other])) / 2) for run in (vae, ae)]
        return float(middle[0][0] - middle[1][0])

    firsts = [np.flatnonzero(vae.labels == label)[0] for label in range(10)]
    assert gap(*ends) >= max(gap(a, b) for i, a in enumerate(firsts) for b in firsts[i + 1 :]) - 0.05


def test_the_curve_and_the_verdict_follow_the_position_in_one_viewport(visit):
    page = opened(visit)
    curve = page.locator(".xp-curve").first
    expect(curve).to_have_attribute("aria-label", re.compile("% of this walk lies where no image is encoded"))
    page.get_by_role("slider", name="Position").fill("0.25")
    box, now = curve.bounding_box(), page.locator(".xp-curve-now").first.bounding_box()
    assert abs(now["x"] + 1 - box["x"] - 0.25 * box["width"]) < 3
    curve.click(position={"x": 0.75 * box["width"], "y": 10})
    page.wait_for_function(
        "() => Math.abs(document.querySelector('.xp-position input[type=range]').value - 0.75) < 0.02"
    )
    parts = [page.locator(".xp-walk-stage .xp-trust").first, page.get_by_role("button", name="Play"), curve]
    boxes = [part.bounding_box() for part in parts]
    assert all(box["y"] >= 0 and box["y"] + box["height"] <= 900 for box in boxes)


def test_without_the_data_set_both_ends_are_decoded_at_once(page, visit):
    page.route("**/sprites/**", lambda _: None)  # the sheet of small pictures never comes
    visit("Interpolate", "#v=1&run=lost-ae")
    inked = "it => it.getContext('2d').getImageData(0, 0, it.width, it.height).data.some((v, k) => k % 4 < 3 && v > 9)"
    for end in "AB":
        canvas = page.locator(f"canvas[aria-label^='end {end}: test image']")
        page.wait_for_function(inked, arg=canvas.element_handle())
