"""What lies around one latent of Explore, in a real browser: variations, the twin, files, and lines of Python."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.views.explore import python_lines, variations
from tests.browser.driver import expect, expect_grey
from tests.browser.explore_page import drawn, image, seed_of, shows, status_of, typed, unfold

pytestmark = pytest.mark.browser


def stand_on_image(page, number):
    typed(page.get_by_role("spinbutton", name="Test image number"), number)
    expect(page.locator(".xp-caption")).to_have_text(f"Start: the encoding of test image {number}")


def test_variations_are_draws_from_the_images_posterior_and_a_click_goes_to_one(visit, run_of, decode_of):
    page = visit(fragment="#v=1&run=deep-vae&tab=explore")
    stand_on_image(page, 11)
    part = unfold(page, "Variations")
    run = run_of("deep-vae")
    draws = variations(run.posterior(11), 9, 1.0, 0)
    tiles = part.locator(".xp-film")
    expect(tiles).to_have_count(9)
    expect(part).to_contain_text("posterior of test image 11")
    for k in (0, 8):
        expect_grey(tiles.nth(k).locator("canvas"), decode_of(run, draws[k]), atol=1)
    tiles.nth(8).click()
    shows(page, draws[8], 1e-4)
    expect(part).to_contain_text("the picture on show")
    page.get_by_role("button", name="Reset").click()
    shows(page, run.latents.mean[11], 1e-5)
    expect(part).to_contain_text("posterior of test image 11")


def test_at_temperature_zero_all_variations_are_the_posteriors_mean(visit, run_of, decode_of):
    page = visit(fragment="#v=1&run=deep-vae&tab=explore")
    stand_on_image(page, 11)
    part = unfold(page, "Variations")
    part.get_by_role("slider", name="temperature of the variations").focus()
    page.keyboard.press("Home")
    expect(part).to_contain_text("0.0 sd")
    run = run_of("deep-vae")
    mean = decode_of(run, run.latents.mean[11]).astype(int)
    page.wait_for_function(
        """() => { const seen = [...document.querySelectorAll('.xp-tiles canvas')].map((c) => c.toDataURL());
          return seen.length === 9 && new Set(seen).size === 1; }"""
    )
    expect_grey(part.locator("canvas").first, mean, atol=1)


def test_an_autoencoder_says_why_it_has_no_variations(visit):
    page = visit(fragment="#v=1&run=deep-ae&tab=explore")
    part = unfold(page, "Variations")
    expect(part).to_contain_text("deep-ae gives each image one code without a spread")
    expect(part.get_by_role("slider")).to_be_hidden()
    expect(part.get_by_role("button", name="New draws")).to_be_hidden()


def twins_latent(page, words):
    """The latent of the twin's picture, once it is said in these words what it is."""
    expect(page.locator(".xp-twin-words")).to_contain_text(words)
    picture = page.get_by_role("img", name="the twin's image")
    return np.array(json.loads(f"[{picture.get_attribute('data-latent')}]"), np.float32)


def test_the_twin_shows_the_same_image_the_same_draw_or_the_picture_on_show(visit, run_of, decode_of):
    page = visit(fragment="#v=1&run=deep-vae&tab=explore")
    twin = run_of("deep-ae")
    np.testing.assert_allclose(twins_latent(page, "the mean of the codes"), twin.latents.mean.mean(0), atol=1e-4)
    stand_on_image(page, 5)
    latent = twins_latent(page, "the same test image 5, as deep-ae encodes it")
    np.testing.assert_allclose(latent, twin.latents.mean[5], atol=1e-5)
    picture = page.get_by_role("img", name="the twin's image")
    expect_grey(picture, decode_of(twin, latent))
    page.get_by_role("button", name="Random").click()
    seed = seed_of(page)
    latent = twins_latent(page, f"draw {seed} of deep-ae from the prior: the same random numbers")
    np.testing.assert_allclose(latent, drawn(twin, seed, "raw"), atol=1e-5)
    typed(page.get_by_role("spinbutton", name="axis 0, exact value"), 2)
    latent = twins_latent(page, "the picture on show, as deep-ae encodes")
    here = np.array(json.loads(f"[{image(page).get_attribute('data-latent')}]"), np.float32)
    shown = np.clip(run_of("deep-vae").coder.decode(here[None]), 0, 1)
    np.testing.assert_allclose(latent, twin.coder.encode(shown).mean[0], atol=1e-2)


def test_a_run_without_a_twin_stands_alone(visit, pick):
    page = visit()
    pick("lost-ae")
    page.locator("[data-ready='lost-ae']").wait_for()
    expect(page.get_by_role("img", name="the twin's image")).to_have_count(0)
    expect(page.locator("#explorer-explore .xp-side")).to_have_count(1)


def test_the_copied_lines_are_those_of_the_latent_on_show(visit, page, run_of):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit(fragment="#v=1&run=flat-vae&tab=explore&z=0.25,-1.5")
    shows(page, [0.25, -1.5], 1e-6)
    part = unfold(page, "Save")
    part.get_by_role("button", name="Copy as Python").click()
    expect(part.get_by_role("status").last).to_contain_text("Copied")
    expected = python_lines(run_of("flat-vae"), np.array([[0.25, -1.5]], np.float32), None)
    assert page.evaluate("navigator.clipboard.readText()") == expected
    expect(part.locator("pre")).to_have_text(expected)
    page.get_by_role("button", name="Origin").click()
    expect(part.locator("pre")).to_be_hidden()


def test_the_picture_and_the_latent_are_saved_as_they_are(visit, run_of, decode_of, tmp_path):
    page = visit(fragment="#v=1&run=flat-vae&tab=explore&z=0.25,-1.5")
    shows(page, [0.25, -1.5], 1e-6)
    part = unfold(page, "Save")
    with page.expect_download() as got:
        part.get_by_role("button", name="PNG").click()
    saved = np.asarray(Image.open(io.BytesIO(Path(got.value.path()).read_bytes())).convert("L"))
    times = len(saved) // 8
    expected = decode_of(run_of("flat-vae"), [0.25, -1.5]).repeat(times, 0).repeat(times, 1)
    np.testing.assert_array_equal(saved, expected)
    with page.expect_download() as got:
        part.get_by_role("button", name="Latents").click()
    said = json.loads(Path(got.value.path()).read_text())
    assert (said["run"], said["latents"]) == ("flat-vae", [[0.25, -1.5]])
    part.get_by_role("button", name="GIF").click()
    expect(part).to_contain_text("One picture does not move; choose the walk.")
    part.get_by_label("What to save").select_option("walk")
    with page.expect_download() as got:
        part.get_by_role("button", name="GIF").click()
    with Image.open(got.value.path()) as film:
        film.seek(30)
        assert film.format == "GIF"
    part.get_by_label("What to save").select_option("lattice")
    part.get_by_role("button", name="PNG").click()
    expect(part).to_contain_text("Unfold the lattice first.")


def test_ones_own_picture_is_shown_once_reconstruct_encoded_it_and_before_that_leads_there(visit):
    page = visit()
    own = page.get_by_role("button", name="My picture")
    own.click()
    expect(page.get_by_role("tab", name="Reconstruct")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Explore").click()
    page.evaluate(
        """async () => {
          const style = [...document.querySelectorAll('link')].find((link) => link.href.includes('kit/kit.css'));
          const { view } = await import(new URL('../page/view.js', style.href).href);
          const latent = Float32Array.of(1.25, -0.5);
          view.setOwn('flat-vae', { run: 'flat-vae', latent, whence: { kind: 'own', text: 'a drawing' } });
        }"""
    )
    own.click()
    shows(page, [1.25, -0.5], 1e-6)
    expect(page.locator(".xp-caption")).to_have_text("Start: a drawing")
    expect(status_of(page)).to_be_hidden()


def test_the_latent_on_show_becomes_an_end_of_the_walk_in_interpolate(visit):
    page = visit(fragment="#v=1&run=flat-vae&tab=explore&z=0.25,-1.5")
    shows(page, [0.25, -1.5], 1e-6)
    part = unfold(page, "Save")
    part.get_by_role("button", name="Use as B in Interpolate").click()
    expect(part.get_by_role("status").last).to_have_text("This latent is end B of the walk in the tab Interpolate.")
    end = page.evaluate(
        """async () => {
          const style = [...document.querySelectorAll('link')].find((link) => link.href.includes('kit/kit.css'));
          const { view } = await import(new URL('../page/view.js', style.href).href);
          return [view.ends.a, view.ends.b.run, ...view.ends.b.latent, view.ends.b.whence.kind];
        }"""
    )
    assert end == [None, "flat-vae", 0.25, -1.5, "link"]
