"""Reconstruct in a real browser: originals, reconstructions, errors and numbers."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image, ImageDraw

from explorer.images import to_bytes, to_unit
from explorer.library import Library
from explorer.views import look
from tests.browser.driver import expect, expect_grey, open_more, pick_radio
from tests.fakes import linear_coder

pytestmark = pytest.mark.browser


def opened(visit):
    """Test image 0, with all that the tab has behind More."""
    page = visit("Reconstruct")
    page.locator("[data-ready='flat-vae 0']").wait_for()
    open_more(page, "reconstruct")
    return page


def preparation(page):
    """The steps to the image that the models see, unfolded."""
    page.locator(".xp-prepared:not([open]) > summary").click()
    return page.get_by_role("list", name="how your picture was prepared")


def show(page, run, index):
    number = page.get_by_role("spinbutton", name="Test image")
    number.fill(str(index))
    number.press("Enter")
    page.locator(f"[data-ready='{run} {index}']").wait_for()


@pytest.mark.anywhere
def test_an_image_stands_beside_what_both_twins_make_of_it(visit, run_of, rounding):
    page = opened(visit)
    show(page, "flat-vae", 123)
    run, twin = run_of("flat-vae"), run_of("flat-ae")
    expect_grey(page.get_by_role("img", name="original"), run.thumbnails()[123, 0])
    for name, model in (("flat-vae", run), ("flat-ae", twin)):
        shown = page.get_by_role("img", name=f"reconstruction {name}")
        expect_grey(shown, to_bytes(model.reconstruction(123))[0], atol=rounding)


def test_the_error_map_is_purple_where_too_dark_and_green_where_too_bright(visit, run_of, colours_of):
    page = opened(visit)
    show(page, "flat-vae", 123)
    run = run_of("flat-vae")
    error = to_bytes(run.reconstruction(123))[0].astype(int) - run.thumbnails()[123, 0]
    shown = colours_of(page.get_by_role("img", name="error flat-vae")).astype(int)
    green_over_others = 2 * shown[..., 1] - shown[..., 0] - shown[..., 2]
    assert (green_over_others[error > 20] > 0).all()
    assert (green_over_others[error < -20] < 0).all()
    assert (error > 20).any()
    assert (error < -20).any()


def test_the_numbers_of_the_table_are_the_models_own(visit, run_of):
    page = opened(visit)
    show(page, "flat-vae", 7)
    known = run_of("flat-vae").reconstruct(7)
    table = page.locator(".xp-table", has_text="Distortion")
    row = table.get_by_role("row", name="Distortion").get_by_role("cell").first
    expect(row).to_contain_text(f"{known['distortion']:.2f}".replace("-", "−")[:4])
    expect(row).to_contain_text("nats")
    expect(table.get_by_role("row", name="Rate").get_by_role("cell").nth(1)).to_have_text("–")
    expect(table.get_by_role("columnheader", name="flat-ae")).to_be_visible()
    image = to_unit(run_of("flat-vae").images()[7:8], 17)
    bounds: list[tuple[str, Literal["elbo", "bound"]]] = [
        (f"ELBO, grey image, {look.ELBO_DRAWS} draws", "elbo"),
        (f"bound, K = {look.BOUND_DRAWS}", "bound"),
    ]
    for name, score in bounds:
        cells = table.get_by_role("row", name=name).get_by_role("cell")
        expect(cells.first).to_contain_text(f"{abs(look.lower_bound(run_of('flat-vae'), image, score)):.2f}")
        expect(cells.first).to_contain_text("% of 100")
        expect(cells.nth(1)).to_have_text("–")
    mse = table.get_by_role("row", name="MSE").get_by_role("cell")
    expect(mse.nth(1)).to_contain_text("% of 600")


@pytest.mark.gradio
def test_where_nothing_was_lost_a_dark_page_stays_dark(visit, page, colours_of):
    opened(visit)
    error = page.get_by_role("img", name="error flat-vae")
    scale = page.locator(".xp-scale-strip")
    light = colours_of(error), scale.evaluate("e => getComputedStyle(e).backgroundImage")
    assert np.quantile(light[0].mean(-1), 0.9) > 180
    page.evaluate("document.body.classList.add('dark')")
    page.wait_for_function(
        "before => getComputedStyle(document.querySelector('.xp-scale-strip')).backgroundImage !== before",
        arg=light[1],
    )
    assert np.median(colours_of(error).mean(-1)) < 90
    page.evaluate("document.body.classList.remove('dark')")
    page.wait_for_function(
        "before => getComputedStyle(document.querySelector('.xp-scale-strip')).backgroundImage === before",
        arg=light[1],
    )
    np.testing.assert_array_equal(colours_of(error), light[0])


def test_worst_and_best_are_the_images_of_largest_and_smallest_distortion(visit, run_of):
    page = opened(visit)
    order = np.argsort(run_of("flat-vae").latents.distortion)
    page.get_by_role("button", name="Worst").click()
    page.locator(f"[data-ready='flat-vae {order[-1]}']").wait_for()
    page.get_by_role("button", name="Next").click()
    page.locator(f"[data-ready='flat-vae {order[-2]}']").wait_for()
    page.get_by_role("button", name="Best").click()
    page.locator(f"[data-ready='flat-vae {order[0]}']").wait_for()


def test_a_class_limits_which_images_come(visit, run_of):
    page = opened(visit)
    labels = run_of("flat-vae").labels
    page.locator("#explorer-reconstruct").get_by_label("Class").select_option("4")
    number = page.get_by_role("spinbutton", name="Test image")
    page.wait_for_function("() => !document.querySelector('[data-ready=\"flat-vae 0\"]')")
    assert labels[int(number.input_value())] == 4
    page.get_by_role("button", name="Worst").click()
    fours = np.flatnonzero(labels == 4)
    worst = fours[np.argmax(run_of("flat-vae").latents.distortion[fours])]
    page.locator(f"[data-ready='flat-vae {worst}']").wait_for()


def test_a_number_that_is_no_image_changes_nothing(visit):
    page = opened(visit)
    number = page.get_by_role("spinbutton", name="Test image")
    for nonsense in ("-1", "600", "1.5", ""):
        number.fill(nonsense)
        number.press("Enter")
        expect(number).to_have_value("0")
    page.locator("[data-ready='flat-vae 0']").wait_for()


def test_without_the_data_set_decodes_are_shown_and_nothing_fails(visit, run_of, pick):
    page = opened(visit)
    pick("lost-ae")
    page.locator("[data-ready='lost-ae pad']").wait_for()
    page.get_by_text("Test images", exact=True).click()
    page.locator("[data-ready='lost-ae 0']").wait_for()
    expect(page.get_by_role("img", name="original")).to_have_count(0)
    expect_grey(
        page.get_by_role("img", name="reconstruction lost-ae"), to_bytes(run_of("lost-ae").reconstruction(0))[0]
    )
    pick("flat-ae")
    page.locator("[data-ready='flat-ae 0']").wait_for()
    expect(page.get_by_role("img", name="original")).to_have_count(1)


@pytest.mark.gradio
def test_a_missing_data_set_is_said_and_offered_and_its_images_appear_once_it_is_there(
    visit, pick, library, run_of, monkeypatch
):
    run = run_of("lost-ae")
    absent = run._load_pixels
    asked = []

    def download(dataset, progress):
        asked.append(dataset)
        progress(0.5, "half of it")
        run._load_pixels = run_of("flat-ae").images

    monkeypatch.setattr(library, "can_download", lambda name: name == "lost-ae" and run.images() is None)
    monkeypatch.setattr(library.datasets, "download", download)
    page = opened(visit)
    offer = page.get_by_role("button", name="Download the data set")
    expect(offer).to_be_hidden()
    pick("lost-ae")
    page.locator("[data-ready='lost-ae pad']").wait_for()
    said = page.get_by_text("The data set of this run is not on this machine")
    expect(said).to_be_hidden()  # whoever draws needs none
    page.locator("#explorer-reconstruct").get_by_text("Test images", exact=True).click()
    expect(said).to_be_visible()
    try:
        with page.expect_response(lambda got: "/lost-ae/standing/mse" in got.url):  # the last that needs the images
            offer.click()
        original = page.get_by_role("img", name="original")
        expect(original).to_be_visible()
        expect_grey(original, run_of("flat-ae").thumbnails()[0, 0])
        expect(offer).to_be_hidden()
        assert asked == ["digits"]
    finally:
        run._load_pixels = absent
        run.drawer.forget()


# --- pictures of one's own ------------------------------------------------------------------------------------------

STROKES = {
    "0": [[(140, 50), (90, 80), (80, 150), (100, 210), (145, 225), (190, 200), (200, 130), (185, 75), (140, 50)]],
    "1": [[(150, 45), (145, 110), (138, 170), (132, 235)]],
    "2": [[(90, 85), (125, 50), (180, 65), (185, 110), (140, 160), (90, 215), (130, 212), (205, 215)]],
    "3": [[(90, 65), (140, 45), (185, 75), (150, 125), (125, 130), (180, 150), (190, 195), (145, 228), (90, 210)]],
    "7": [[(85, 70), (140, 65), (200, 62), (170, 125), (145, 180), (130, 230)]],
}
"""Where a hand would go, in pixels of the pad from its corner."""


def draw(page, strokes: list[list[tuple[int, int]]]) -> None:
    """Draw on the pad with the mouse, and wait until the last stroke was answered."""
    pad = page.get_by_label("drawing pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    before = own_answers(page)
    for (x, y), *others in strokes:
        page.mouse.move(box["x"] + x, box["y"] + y)
        page.mouse.down()
        for x, y in others:
            page.mouse.move(box["x"] + x, box["y"] + y, steps=6)
        page.mouse.up()
    page.wait_for_function("n => (document.querySelector('[data-own]')?.dataset.own ?? 0) > n", arg=before)


def own_answers(page) -> int:
    return page.evaluate("() => Number(document.querySelector('[data-own]')?.dataset.own ?? 0)")


def page_of(size: tuple[int, int] = (200, 160), background: str = "white", ink: str = "black") -> bytes:
    """A seven on a page, as a PNG file."""
    page = Image.new("RGB", size, background)
    ImageDraw.Draw(page).line([(70, 30), (130, 30), (90, 130)], fill=ink, width=16)
    buffer = io.BytesIO()
    page.save(buffer, format="PNG")
    return buffer.getvalue()


def choose_file(page, name: str, content: bytes, kind: str = "image/png") -> None:
    page.get_by_text("Your picture", exact=True).first.click()
    page.get_by_label("a picture from this device").set_input_files(
        files=[{"name": name, "mimeType": kind, "buffer": content}]
    )


@pytest.fixture(scope="module")
def shipped(browser, root: Path) -> Iterator[Any]:
    """A page over the runs that ship with the program, without their data sets."""
    from tests.serve_fake import serving

    if not (root / "checkpoints" / "mnist-vae-16").is_dir():
        pytest.skip("mnist-vae-16 is not in checkpoints/")
    with serving(Library(root / "checkpoints")) as url:
        context = browser.new_context(viewport={"width": 1200, "height": 900})
        page = context.new_page()
        page.goto(f"{url}/bare#v=1&run=mnist-vae-16&tab=reconstruct")
        page.locator("[data-ready='mnist-vae-16 pad']").wait_for()  # it has no images to show
        open_more(page, "reconstruct")
        yield page
        context.close()


@pytest.mark.parametrize("digit", STROKES)
def test_a_drawn_digit_is_recognised_by_its_nearest_neighbours(shipped, digit):
    shipped.get_by_role("button", name="Clear").click()
    draw(shipped, STROKES[digit])
    near = shipped.locator("section", has=shipped.get_by_role("heading", name="Nearest test images"))
    # the picture is answered while it is drawn, too: only of the whole digit are most neighbours of one kind
    expect(near.get_by_text("have the label")).to_have_text(re.compile(rf"\b[5-8] of 8 have the label {digit}\."))
    expect(near).to_have_attribute("data-label", digit)


def test_a_pad_that_is_open_at_first_holds_an_example_which_goes_for_good_with_the_first_stroke(visit, pick):
    page = opened(visit)
    pick("lost-ae")
    expect(page.get_by_text("an example", exact=True)).to_be_visible()
    expect(page.get_by_role("img", name="reconstruction lost-ae")).to_be_visible()
    ink = "c => c.getContext('2d').getImageData(0, 0, 280, 280).data.filter((v, i) => i % 4 === 0 && v > 200).length"
    pad = page.get_by_label("drawing pad")
    whole = pad.evaluate(ink)
    draw(page, [[(140, 100), (140, 130)]])
    assert 0 < pad.evaluate(ink) < whole / 2
    expect(page.get_by_text("an example", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("The pad is empty; draw something.")).to_be_visible()
    pick("flat-ae")
    pick("lost-ae")
    page.locator("[data-ready='lost-ae pad']").wait_for()
    assert pad.evaluate(ink) == 0


def test_an_empty_pad_says_so_and_shows_no_older_drawing(visit):
    page = opened(visit)
    page.get_by_text("Draw", exact=True).click()
    draw(page, STROKES["7"])
    steps = preparation(page)
    expect(steps.get_by_role("listitem")).to_have_count(6)
    page.get_by_role("button", name="Undo stroke").click()
    expect(page.get_by_text("The pad is empty; draw something.")).to_be_visible()
    expect(steps).to_be_hidden()


def test_an_image_that_is_not_shown_any_more_is_taken_nowhere(visit):
    page = opened(visit)
    show(page, "flat-vae", 3)
    page.get_by_text("Draw", exact=True).click()
    page.get_by_role("button", name="Open in Explore").click()
    expect(page.get_by_text("There is no image yet; show or draw one first.")).to_be_visible()
    expect(page.get_by_role("tab", name="Reconstruct")).to_have_attribute("aria-selected", "true")


def test_the_pad_is_drawn_on_with_keys(visit):
    page = opened(visit)
    page.get_by_text("Draw", exact=True).click()
    pad = page.get_by_label("drawing pad")
    pad.focus()
    for key in ("Space", *["ArrowDown"] * 8, *["ArrowRight"] * 4, "Space"):
        page.keyboard.press(key)
    expect(page.locator("[data-own]")).to_be_attached()
    drawn = pad.evaluate(
        "c => c.getContext('2d').getImageData(0, 0, 280, 280).data.filter((v, i) => i % 4 === 0 && v > 200).length"
    )
    assert drawn > 500


@pytest.mark.gradio
def test_a_finger_draws_and_does_not_scroll(phone):
    phone.get_by_role("tab", name="Reconstruct").click()
    phone.get_by_text("Draw", exact=True).click()
    pad = phone.get_by_label("drawing pad")
    pad.scroll_into_view_if_needed()
    before = phone.evaluate("() => scrollY")
    box = pad.bounding_box()
    session = phone.context.new_cdp_session(phone)
    for kind, y in (("touchStart", 40), *(("touchMove", 40 + 15 * k) for k in range(1, 12)), ("touchEnd", None)):
        points = [] if y is None else [{"x": box["x"] + 0.5 * box["width"], "y": box["y"] + y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    phone.locator("[data-own]").wait_for(state="attached")
    assert phone.evaluate("() => scrollY") == before


def test_a_file_is_prepared_step_by_step_and_looked_at_by_both_twins(visit, run_of, grey_of):
    page = opened(visit)
    choose_file(page, "seven.png", page_of())
    page.locator("[data-ready='flat-vae own']").wait_for()
    steps = preparation(page).get_by_role("listitem")
    expect(steps).to_have_count(6)
    expect(steps.nth(2)).to_contain_text("Inverted")
    shown = grey_of(page.get_by_role("img", name="original"))
    assert shown.shape == (8, 8)
    image = (shown / 255).astype(np.float32)[None, None]
    for name in ("flat-vae", "flat-ae"):
        run = run_of(name)
        expected = to_bytes(run.coder.decode(run.coder.encode(image).mean))[0, 0].astype(int)
        expect_grey(page.get_by_role("img", name=f"reconstruction {name}"), expected, atol=1)
    expect(page.locator(".xp-reason")).to_contain_text("of real images")


@pytest.mark.gradio
def test_the_picture_follows_to_another_run_and_opens_in_explore(visit, pick):
    page = opened(visit)
    choose_file(page, "seven.png", page_of())
    page.locator("[data-ready='flat-vae own']").wait_for()
    pick("deep-vae")
    page.locator("[data-ready='deep-vae own']").wait_for()
    own = page.evaluate(
        """async () => {
        const at = [...document.querySelectorAll('link')].find((link) => link.href.endsWith('/kit/kit.css')).href;
        const { view } = await import(new URL('../page/view.js', at));
        return ['flat-vae', 'flat-ae', 'deep-vae'].map((run) => view.own.get(run)?.latent.length);
    }"""
    )
    assert own == [2, 2, 12]
    page.get_by_role("button", name="Use as B").click()
    expect(page.get_by_text("End B of the walk in Interpolate is now this image.")).to_be_visible()
    page.get_by_role("button", name="Open in Explore").click()
    expect(page.get_by_role("img", name="decoded image")).to_be_visible()


def test_what_is_pasted_or_dropped_is_shown(visit):
    page = opened(visit)
    for event in ("paste", "drop"):
        before = own_answers(page)
        page.get_by_text("Test images", exact=True).click()
        page.locator("[data-ready='flat-vae 0']").wait_for()
        page.evaluate(
            """([event, bytes]) => {
            const data = new DataTransfer();
            data.items.add(new File([Uint8Array.from(bytes)], 'seven.png', { type: 'image/png' }));
            const made = event === 'paste'
                ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true })
                : new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
            const tab = document.querySelector("[aria-label='image and reconstructions']");
            (event === 'paste' ? document : tab).dispatchEvent(made);
        }""",
            [event, list(page_of())],
        )
        page.wait_for_function("n => (document.querySelector('[data-own]')?.dataset.own ?? 0) > n", arg=before)
        expect(page.get_by_role("radio", name="Your picture")).to_be_checked()


def test_a_photograph_that_is_too_large_to_send_is_made_smaller_first(visit):
    page = opened(visit)
    choose_file(page, "large.png", page_of((2600, 2000)))
    page.locator("[data-ready='flat-vae own']").wait_for()
    expect(preparation(page)).to_contain_text("1280 × 985 pixels")


@pytest.mark.parametrize(
    ("content", "kind", "sentence"),
    [
        (b"", "image/png", "This file is empty."),
        (page_of(ink="white"), "image/png", "nothing on this picture stands out"),
    ],
)
def test_what_shows_nothing_is_one_sentence_and_the_page_goes_on(browser, home, content, kind, sentence):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{home}#v=1&run=flat-vae&tab=reconstruct")
    page.locator("[data-ready='flat-vae 0']").wait_for()
    choose_file(page, "x.png", content, kind)
    expect(page.locator(".xp-status", has_text=sentence)).to_be_visible()
    choose_file(page, "seven.png", page_of())
    page.locator("[data-ready='flat-vae own']").wait_for()
    expect(page.locator(".xp-status", has_text=sentence)).to_have_count(0)
    context.close()


def test_the_crop_of_a_colour_picture_is_moved_with_keys_and_mouse(browser):
    from tests.serve_fake import serving

    library = Library(None)
    coder = linear_coder(3, (3, 16, 16))
    library.hold("colour-vae", coder, np.clip(coder.sample_images(60, np.random.default_rng(0)), 0, 1))
    with serving(library) as url:
        context = browser.new_context(viewport={"width": 1200, "height": 900})
        page = context.new_page()
        page.goto(f"{url}/bare#v=1&run=colour-vae&tab=reconstruct")
        page.locator("[data-ready='colour-vae 0']").wait_for()
        picture = Image.new("RGB", (300, 150), "red")
        picture.paste("blue", (150, 0, 300, 150))
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG")
        choose_file(page, "flag.png", buffer.getvalue())
        page.locator("[data-ready='colour-vae own']").wait_for()
        middle = "c => [...c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data]"
        preparation(page)
        crop = page.get_by_label("crop: arrow keys move it, plus and minus change its size")
        crop.focus()
        for _ in range(12):
            page.keyboard.press("ArrowRight")
        original = page.get_by_role("img", name="original")
        expect(original).to_be_visible()
        page.wait_for_function(f"() => ({middle})(document.querySelector(\"[aria-label='original']\"))[2] > 250")
        crop.hover()  # once it stands still: words that come with the picture move it
        box = crop.bounding_box()
        page.mouse.down()
        page.mouse.move(box["x"] - 400, box["y"] + box["height"] / 2, steps=5)
        page.mouse.up()
        page.wait_for_function(f"() => ({middle})(document.querySelector(\"[aria-label='original']\"))[0] > 250")
        context.close()


LENT = """() => {
  const canvas = document.createElement('canvas');
  canvas.getContext('2d').fillRect(0, 0, 4, 4);
  window.lent = canvas.captureStream(30);
  const mediaDevices = { getUserMedia: async () => window.lent };
  Object.defineProperty(navigator, 'mediaDevices', { value: mediaDevices, configurable: true });
}"""
"""A camera that sees a black canvas."""


@pytest.mark.gradio
def test_the_camera_is_off_once_another_tab_is_open(visit):
    page = opened(visit)
    page.evaluate(LENT)
    pick_radio(page.get_by_role("radio", name="Camera"))
    page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_role("button", name="Stop the camera")).to_be_visible()
    page.get_by_role("tab", name="Explore").click()
    page.wait_for_function("window.lent.getTracks().every((track) => track.readyState === 'ended')")
    page.get_by_role("tab", name="Reconstruct").click()
    expect(page.get_by_role("button", name="Start the camera")).to_be_visible()


def test_without_a_camera_the_tab_says_so(visit):
    page = opened(visit)
    page.get_by_text("Camera", exact=True).click()
    page.get_by_role("button", name="Start the camera").click()
    expect(page.locator(".xp-status", has_text="camera")).to_be_visible()


# --- what else is shown ---------------------------------------------------------------------------------------------


def test_draws_and_their_deviation_stand_below_and_can_be_drawn_again(visit, run_of, grey_of):
    page = opened(visit)
    show(page, "flat-vae", 7)
    image = to_unit(run_of("flat-vae").images()[7:8], 17)
    first = page.get_by_role("img", name="draw 1 flat-vae")
    page.wait_for_function(
        """wanted => JSON.stringify([...(document.querySelector("[aria-label='draw 1 flat-vae']")?.getContext('2d')
            .getImageData(0, 0, 8, 8).data ?? [])].filter((_, i) => i % 4 === 0)) === JSON.stringify(wanted)""",
        arg=to_bytes(look.spread(run_of("flat-vae"), image, 0).images)[0, 0].ravel().tolist(),
    )
    expect(page.get_by_role("img", name="draw 8 flat-vae")).to_be_visible()
    expect(page.get_by_role("img", name="standard deviation flat-vae")).to_be_visible()
    expect(page.get_by_role("img", name="draw 1 flat-ae")).to_have_count(0)
    before = grey_of(first).tolist()
    page.get_by_role("button", name="Draw again").click()
    page.wait_for_function(
        """before => JSON.stringify([...document.querySelector("[aria-label='draw 1 flat-vae']").getContext('2d')
            .getImageData(0, 0, 8, 8).data].filter((_, i) => i % 4 === 0)) !== JSON.stringify(before.flat())""",
        arg=before,
    )


@pytest.mark.anywhere
def test_the_nearest_test_images_are_shown_and_lead_to_themselves(visit, run_of):
    page = opened(visit)
    show(page, "flat-vae", 7)
    image = to_unit(run_of("flat-vae").images()[7:8], 17)
    expected = [number for number in look.look(run_of("flat-vae"), image).neighbours if number != 7][:8]
    near = page.locator("section", has=page.get_by_role("heading", name="Nearest test images"))
    tiles = near.get_by_role("button")
    expect(tiles).to_have_count(8)
    expect(tiles.first).to_have_accessible_name(re.compile(f"^test image {expected[0]}, label"))
    tiles.first.click()
    page.locator(f"[data-ready='flat-vae {expected[0]}']").wait_for()


def test_every_axis_says_its_nats_beside_the_usual(visit, run_of):
    page = opened(visit)
    show(page, "flat-vae", 7)
    rows = page.locator(".xp-rates li")
    expect(rows).to_have_count(2)
    rates = look.look(run_of("flat-vae"), to_unit(run_of("flat-vae").images()[7:8], 17)).rates
    assert rates is not None
    expect(rows.first).to_contain_text(f"{rates.max():.2f} nats")
    expect(rows.first).to_contain_text(f"axis {rates.argmax()}")


def test_the_gallery_is_sorted_by_error_and_saved(visit, run_of):
    page = opened(visit)
    page.get_by_role("button", name="Show 100 test images").click()
    tiles = page.get_by_role("group", name="gallery of test images").get_by_role("button")
    expect(tiles).to_have_count(100)
    numbers = [int(tile.get_attribute("data-image")) for tile in tiles.all()]
    errors = look.errors(run_of("flat-vae"), np.array(numbers))
    page.get_by_label("Sorted by").select_option("run")
    expect(tiles.first).to_have_attribute("data-image", str(numbers[int(np.argmax(errors))]))
    with page.expect_download() as started:
        page.get_by_role("button", name="Save decodes only").click()
    with Image.open(started.value.path()) as saved:
        size = saved.size
    assert started.value.suggested_filename == "flat-vae-flat-ae-decodes.png"
    assert size == (2 * 10 * (2 * 10 - 2 + 8), 2 * 10 * (8 + 8))
    tiles.nth(3).click()
    page.locator(f"[data-ready='flat-vae {tiles.nth(3).get_attribute('data-image')}']").wait_for()


def test_a_denoising_run_has_a_slider_of_noise_and_a_hierarchical_one_its_levels(
    browser, twin_runs, tmp_path, level_runs
):
    import shutil

    from tests.runs import write_run
    from tests.serve_fake import serving

    shutil.copytree(level_runs, tmp_path / "runs")
    write_run(tmp_path / "runs", "denoising", steps=20)
    with serving(Library(tmp_path / "runs")) as url:
        context = browser.new_context(viewport={"width": 1200, "height": 900})
        page = context.new_page()
        page.goto(f"{url}/bare#v=1&run=digits-hierarchical-5&tab=reconstruct")
        page.locator("[data-ready='digits-hierarchical-5 0']").wait_for()
        open_more(page, "reconstruct")
        expect(page.get_by_role("img", name="top 1 of 3 levels digits-hierarchical-5")).to_be_visible()
        expect(page.get_by_role("img", name="top 3 of 3 levels digits-hierarchical-5")).to_be_visible()
        page.goto(f"{url}/bare#v=1&run=digits-denoising-2&tab=reconstruct")
        page.locator("[data-ready='digits-denoising-2 0']").wait_for()
        open_more(page, "reconstruct")
        slider = page.get_by_role("slider", name="Gaussian noise")
        expect(slider).to_have_value("0.3")
        slider.fill("0.8")
        page.locator("[data-level='0.8']").wait_for()
        expect(page.get_by_role("img", name="spoilt input")).to_be_visible()
        expect(page.get_by_role("img", name="restored digits-denoising-2")).to_be_visible()
        context.close()


def test_an_image_opens_in_explore(visit):
    page = opened(visit)
    show(page, "flat-vae", 55)
    page.get_by_role("button", name="Open in Explore").click()
    expect(page.locator(".xp-caption")).to_have_text("Start: the encoding of test image 55")
    expect(page.get_by_role("img", name="decoded image")).to_be_visible()


# --- above the fold ---------------------------------------------------------------------------------------------------


def test_both_answers_stand_side_by_side_the_autoencoder_on_the_left(visit):
    page = visit("Reconstruct")
    page.locator("[data-ready='flat-vae 0']").wait_for()
    left, right = (
        page.get_by_role("img", name=f"reconstruction {run}").bounding_box() for run in ("flat-ae", "flat-vae")
    )
    assert left["x"] + left["width"] < right["x"]
    assert (left["y"], left["width"]) == (right["y"], right["width"])
    numbers = page.locator(".xp-answer-numbers")
    expect(numbers.first).to_have_text(re.compile(r"^error [\d.e−-]+$"))
    expect(numbers.last).to_contain_text("nats")


def test_the_source_stands_in_the_address_and_opens_from_it(visit):
    page = opened(visit)
    page.get_by_text("Draw", exact=True).click()
    page.wait_for_function("location.hash.includes('reconstruct.source=pad')")
    page.reload()
    page.locator("[data-ready='flat-vae pad']").wait_for()
    expect(page.get_by_role("radio", name="Draw")).to_be_checked()
    page.get_by_text("Test images", exact=True).click()
    page.locator("[data-ready='flat-vae 0']").wait_for()
    page.wait_for_function("!location.hash.includes('reconstruct.source')")
