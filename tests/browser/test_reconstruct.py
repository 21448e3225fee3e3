"""Reconstruct in a real browser: originals, reconstructions, errors and numbers."""

import numpy as np
import pytest

from explorer.images import to_bytes
from explorer.library import ELBO_DRAWS
from tests.browser.driver import expect

pytestmark = pytest.mark.browser


def opened(visit):
    page = visit("Reconstruct")
    page.locator("[data-ready='flat-vae 0']").wait_for()
    return page


def show(page, run, index):
    number = page.get_by_role("spinbutton", name="Test image")
    number.fill(str(index))
    number.press("Enter")
    page.locator(f"[data-ready='{run} {index}']").wait_for()


def test_an_image_stands_beside_what_both_twins_make_of_it(visit, run_of, grey_of):
    page = opened(visit)
    show(page, "flat-vae", 123)
    run, twin = run_of("flat-vae"), run_of("flat-ae")
    np.testing.assert_array_equal(grey_of(page.get_by_role("img", name="original")), run.thumbnails()[123, 0])
    for name, model in (("flat-vae", run), ("flat-ae", twin)):
        shown = grey_of(page.get_by_role("img", name=f"reconstruction {name}"))
        np.testing.assert_array_equal(shown, to_bytes(model.reconstruction(123))[0])


def test_the_error_map_is_blue_where_too_dark_and_orange_where_too_bright(visit, run_of, colours_of):
    page = opened(visit)
    show(page, "flat-vae", 123)
    run = run_of("flat-vae")
    error = to_bytes(run.reconstruction(123))[0].astype(int) - run.thumbnails()[123, 0]
    shown = colours_of(page.get_by_role("img", name="error flat-vae")).astype(int)
    red_over_blue = shown[..., 0] - shown[..., 2]
    assert (red_over_blue[error > 20] > 0).all()
    assert (red_over_blue[error < -20] < 0).all()
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
    bound = table.get_by_role("row", name=f"ELBO, grey image, {ELBO_DRAWS} draws").get_by_role("cell")
    expect(bound.first).to_contain_text(f"{abs(known['elbo']):.2f}")
    expect(bound.nth(1)).to_have_text("–")


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
    page.get_by_label("Class").select_option("4")
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


def test_without_the_data_set_decodes_are_shown_and_nothing_fails(visit, run_of, pick, grey_of):
    page = opened(visit)
    pick("lost-ae")
    page.locator("[data-ready='lost-ae 0']").wait_for()
    expect(page.get_by_role("img", name="original")).to_have_count(0)
    shown = grey_of(page.get_by_role("img", name="reconstruction lost-ae"))
    np.testing.assert_array_equal(shown, to_bytes(run_of("lost-ae").reconstruction(0))[0])
    pick("flat-ae")
    page.locator("[data-ready='flat-ae 0']").wait_for()
    expect(page.get_by_role("img", name="original")).to_have_count(1)


def test_a_missing_data_set_is_said_and_offered_and_its_images_appear_once_it_is_there(
    visit, pick, library, run_of, grey_of, monkeypatch
):
    run = run_of("lost-ae")
    absent = run._load_pixels
    asked = []

    def download(dataset, progress):
        asked.append(dataset)
        progress(0.5, "half of it")
        run._load_pixels = run_of("flat-ae").images

    monkeypatch.setattr(library, "can_download", lambda name: name == "lost-ae" and run.images() is None)
    monkeypatch.setattr(library, "download", download)
    page = opened(visit)
    offer = page.get_by_role("button", name="Download the data set")
    expect(offer).to_be_hidden()
    pick("lost-ae")
    page.locator("[data-ready='lost-ae 0']").wait_for()
    expect(page.get_by_text("The data set of this run is not on this machine")).to_be_visible()
    try:
        offer.click()
        original = page.get_by_role("img", name="original")
        expect(original).to_be_visible()
        np.testing.assert_array_equal(grey_of(original), run_of("flat-ae").thumbnails()[0, 0])
        expect(offer).to_be_hidden()
        assert asked == ["digits"]
    finally:
        run._load_pixels = absent
        run._kept.pop("images", None)
        run._kept.pop("thumbnails", None)


def test_an_image_opens_in_explore(visit):
    page = opened(visit)
    show(page, "flat-vae", 55)
    page.get_by_role("button", name="Open in Explore").click()
    expect(page.locator(".xp-caption")).to_have_text("Start: the encoding of test image 55")
    expect(page.get_by_role("img", name="decoded image")).to_be_visible()
