"""Training in a real browser: curves, the epoch and its decodes, dimensions, the card."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.browser.driver import expect
from tests.serve_fake import fake_library, serving

pytestmark = pytest.mark.browser

EPOCHS = 12


@pytest.fixture(scope="module")
def fitted(twin_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of the twins of the disk with a longer history, and sheets after epochs 4, 8 and 12."""
    runs = Path(shutil.copytree(twin_runs, tmp_path_factory.mktemp("fitted") / "runs"))
    for name, rate in (("digits-vae-2", 1.5), ("digits-ae-2", 0.0)):
        lines = [
            {
                "epoch": epoch,
                "beta": min(1.0, epoch / 3),
                "train": {"distortion": 20 + 30 / epoch, "rate": rate * 2},
                "validation": {"distortion": 21 + 30 / epoch, "rate": rate * 2},
                "rate_per_dimension": [rate, rate / epoch],
            }
            for epoch in range(1, EPOCHS + 1)
        ]
        (runs / name / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        for old in (runs / name / "sheets").iterdir():
            old.unlink()
        for epoch in (4, 8, 12):
            Image.fromarray(sheet(epoch)).save(runs / name / "sheets" / f"epoch-{epoch:04d}.png")
    return runs


def sheet(epoch: int) -> np.ndarray:
    """The pixels (64, 64) of the sheet after an epoch."""
    return np.random.default_rng(epoch).integers(0, 256, (64, 64)).astype(np.uint8)


@pytest.fixture(scope="module")
def app_url(fitted):
    """The page over those runs and two models in memory."""
    with serving(fake_library(fitted)) as url:
        yield f"{url}/"


@pytest.fixture
def opened(page, app_url):
    """The tab of a run, with every figure drawn."""

    def open_run(name: str):
        page.goto(f"{app_url}#run={name}&tab=training")
        page.locator(f"[data-shown='{name}']").wait_for()
        page.wait_for_function(
            """() => {
              const figures = [...document.querySelectorAll('.xp-training .xp-figure')].filter((f) => f.offsetParent);
              return figures.length > 0 && figures.every((f) => f.dataset.ready);
            }"""
        )
        return page

    return open_run


def decodes(page, name: str, epoch: int):
    return page.get_by_role("img", name=f"decodes of {name} after epoch {epoch}", exact=True)


def test_arrow_keys_move_through_the_epochs_of_both_models(opened, grey_of):
    page = opened("digits-vae-2")
    scrubber = page.get_by_role("slider", name="Epoch")
    for name in ("digits-vae-2", "digits-ae-2"):
        np.testing.assert_array_equal(grey_of(decodes(page, name, 12)), sheet(12))
    scrubber.focus()
    for epoch in (8, 4):
        page.keyboard.press("ArrowLeft")
        expect(scrubber).to_have_attribute("aria-valuetext", f"epoch {epoch}")
        for name in ("digits-vae-2", "digits-ae-2"):
            expect(decodes(page, name, epoch)).to_be_visible()
            np.testing.assert_array_equal(grey_of(decodes(page, name, epoch)), sheet(epoch))


def test_a_sheet_is_drawn_in_whole_pixels(opened):
    canvas = decodes(opened("digits-vae-2"), "digits-vae-2", 12)
    expect(canvas).to_be_visible()
    width, rendering = canvas.evaluate("c => [c.getBoundingClientRect().width, getComputedStyle(c).imageRendering]")
    assert width % 64 == 0
    assert width >= 128
    assert rendering == "pixelated"


def test_playing_starts_over_and_stops_at_the_last_epoch(opened):
    page = opened("digits-vae-2")
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(decodes(page, "digits-vae-2", 4)).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(decodes(page, "digits-vae-2", 12)).to_be_visible()


def test_with_reduced_motion_nothing_plays_by_itself(page, opened):
    page.emulate_media(reduced_motion="reduce")
    opened("digits-vae-2")
    step = page.get_by_role("button", name="Next sheet")
    step.click()
    expect(decodes(page, "digits-vae-2", 4)).to_be_visible()
    expect(step).to_be_visible()
    step.click()
    expect(decodes(page, "digits-vae-2", 8)).to_be_visible()


def test_runs_differ_in_marker_and_splits_in_dash(opened):
    page = opened("digits-ae-2")
    traces = page.get_by_role("group", name="distortion over the epochs").evaluate(
        "p => p.data.map(t => [t.name, t.line.dash, t.marker.symbol])"
    )
    assert traces == [
        ["digits-vae-2, train", "solid", "circle"],
        ["digits-vae-2, validation", "dash", "circle-open"],
        ["digits-ae-2, train", "solid", "square"],
        ["digits-ae-2, validation", "dash", "square-open"],
    ]
    names = page.get_by_role("group", name="rate over the epochs", exact=True).evaluate("p => p.data.map(t => t.name)")
    assert names == ["digits-vae-2, train", "digits-vae-2, validation"], "an autoencoder has no rate"


def test_a_bar_opens_the_codes_of_its_dimension(opened):
    page = opened("digits-vae-2")
    half = page.locator("section.xp-half", has=page.get_by_role("combobox", name="Codes of")).filter(
        has_text="digits-vae-2"
    )
    bars = half.get_by_role("group", name="each latent axis, strongest first")
    axes = half.get_by_role("combobox", name="Codes of").evaluate("s => [...s.options].map(o => o.value)")
    expect(half.get_by_text(f"drawn codes of axis {axes[0]},")).to_be_visible()
    bars.scroll_into_view_if_needed()
    page.mouse.click(
        *bars.evaluate(
            """p => {
              const { xaxis: x, yaxis: y } = p._fullLayout, box = p.getBoundingClientRect();
              return [box.left + x._offset + x.l2p(1), box.top + y._offset + y._length - 8];
            }"""
        )
    )
    expect(half.get_by_text(f"drawn codes of axis {axes[1]},")).to_be_visible()
    expect(half.get_by_role("combobox", name="Codes of")).to_have_value(axes[1])


def test_the_card_names_settings_scores_and_cost_of_both(opened):
    table = opened("digits-vae-2").get_by_role("table", name="card of the run")
    assert table.get_by_role("columnheader").all_inner_texts() == ["digits-ae-2", "digits-vae-2"]
    expect(table.get_by_role("row", name="Family")).to_contain_text("VAE")
    expect(table.get_by_role("row", name="Active units")).to_contain_text("of 2")
    expect(table.get_by_role("row", name="Device")).to_contain_text("cpu")


def test_a_model_in_memory_says_that_it_has_no_history(opened):
    page = opened("linear-vae")
    expect(page.get_by_text("held in memory, so there is no history")).to_have_count(1)
    expect(page.get_by_role("slider", name="Epoch")).to_be_hidden()
    expect(page.get_by_role("heading", name="Loss curves")).to_be_hidden()
    expect(page.get_by_text("4 of 4 dimensions are active").first).to_be_visible()


def test_the_tab_fits_a_phone(page, opened):
    page.set_viewport_size({"width": 390, "height": 800})
    opened("digits-vae-2")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_sheet_that_is_gone_is_a_message(app_url, browser):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.route("**/sheets/8*", lambda route: route.abort())
    bare = context.new_page()
    bare.goto(f"{app_url}#run=digits-vae-2&tab=training")
    expect(decodes(bare, "digits-vae-2", 12)).to_be_visible()
    bare.get_by_role("slider", name="Epoch").press("ArrowLeft")
    expect(bare.get_by_text("The sheet of epoch 8 did not load")).to_be_visible()
    context.close()


def test_the_server_sends_the_sheets_as_they_lie(page, app_url):
    answer = page.request.get(f"{app_url}explorer/api/run/digits-vae-2/sheets/8")
    assert answer.headers["content-type"] == "image/png"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(answer.body()))), sheet(8))
