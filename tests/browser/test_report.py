"""Report in a real browser: curves, the epoch and its decodes, dimensions, the card."""

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from explorer import checkpoint
from explorer.site import library_of
from explorer.staging import MARK, TEXT, partial_folder
from tests.browser.driver import expect, expect_grey, pick_radio
from tests.serve_fake import fake_library, serving

pytestmark = pytest.mark.browser

EPOCHS = 12


LONG = 24
"""Epochs of the third run."""


@pytest.fixture(scope="module")
def fitted(twin_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of the twins of the disk with a longer history, and sheets after epochs 4, 8 and 12; and a third run.

    digits-vae-2-slow took twice the epochs under a Gaussian likelihood, with sheets after 12 and 24, and measured the
    noise of its gradient. Of the twins' settings only the name of the family differs.
    """
    runs = Path(shutil.copytree(twin_runs, tmp_path_factory.mktemp("fitted") / "runs"))
    slow = Path(shutil.copytree(runs / "digits-vae-2", runs / "digits-vae-2-slow"))
    change(slow / "config.json", lambda config: config.update(tag="slow", twin=None))
    change(slow / "config.json", lambda config: config["model"].update(likelihood="gaussian"))
    change(slow / "config.json", lambda config: config["train"].update(epochs=LONG))
    weights = checkpoint.read_weights(slow)
    checkpoint.write_weights(slow, {**weights, "likelihood.sigma": np.ones(1, dtype=np.float32)})
    variances = {"reparameterised": {"variance": 0.02}, "score": {"variance": 5.0}}
    change(slow / "metrics.json", lambda metrics: metrics["train"].update(gradient_variance=variances))
    for name, rate, epochs, kept in (
        ("digits-vae-2", 1.5, EPOCHS, (4, 8, 12)),
        ("digits-ae-2", 0.0, EPOCHS, (4, 8, 12)),
        ("digits-vae-2-slow", 1.5, LONG, (12, 24)),
    ):
        lines = [
            {
                "epoch": epoch,
                "beta": min(1.0, epoch / 3),
                "lr": 0.002 / epoch,
                "train": {"distortion": 20 + 30 / epoch, "rate": rate * 2},
                "validation": {"distortion": 21 + 30 / epoch, "rate": rate * 2},
                "rate_per_dimension": [rate, rate / epoch],
                "posterior_deviation": [0.2, 1 - 0.5 / epoch],
            }
            for epoch in range(1, epochs + 1)
        ]
        (runs / name / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        for old in (runs / name / "sheets").iterdir():
            old.unlink()
        for epoch in kept:
            Image.fromarray(sheet(epoch)).save(runs / name / "sheets" / f"epoch-{epoch:04d}.png")
    return runs


def change(path: Path, how: Callable[[dict[str, Any]], None]) -> None:
    """Change a JSON file in place."""
    stored = json.loads(path.read_text())
    how(stored)
    path.write_text(json.dumps(stored))


def sheet(epoch: int) -> np.ndarray:
    """The pixels (64, 64) of the sheet after an epoch."""
    return np.random.default_rng(epoch).integers(0, 256, (64, 64)).astype(np.uint8)


@pytest.fixture(scope="module")
def app_url(fitted):
    """The page over those runs and two models in memory."""
    with serving(fake_library(fitted)) as url:
        yield f"{url}/"


@pytest.fixture(scope="module")
def alone_url(fitted, exported) -> str:
    """Address of an exported page of those runs."""
    return exported(library_of(fitted, ["digits-vae-2", "digits-vae-2-slow"], None, with_images=False), False)


@pytest.fixture
def opened(page, home):
    """The tab of a run, with every figure drawn unless told otherwise: they lie behind More, and take seconds."""

    def open_run(name: str, fragment: str = "", *, drawn: bool = True):
        page.goto(f"{home}#v=1&run={name}&tab=report{fragment}")
        page.locator(f"[data-shown='{name}']").wait_for()
        if not drawn:
            return page
        page.locator(".xp-report > details").evaluate("each => (each.open = true)")
        page.wait_for_function(
            """() => {
              const figures = [...document.querySelectorAll('.xp-report .xp-figure')].filter((f) => f.offsetParent);
              return figures.length > 0 && figures.every((f) => f.dataset.ready);
            }"""
        )
        return page

    return open_run


def decodes(page, name: str, epoch: int):
    return page.get_by_role("img", name=f"decodes of {name} after epoch {epoch}", exact=True)


@pytest.mark.anywhere
def test_arrow_keys_move_through_the_epochs_of_both_models(opened):
    page = opened("digits-vae-2", drawn=False)
    scrubber = page.get_by_role("slider", name="Epoch")
    for name in ("digits-vae-2", "digits-ae-2"):
        expect_grey(decodes(page, name, 12), sheet(12))
    scrubber.focus()
    for epoch in (8, 4):
        page.keyboard.press("ArrowLeft")
        expect(scrubber).to_have_attribute("aria-valuetext", f"epoch {epoch}")
        for name in ("digits-vae-2", "digits-ae-2"):
            expect(decodes(page, name, epoch)).to_be_visible()
            expect_grey(decodes(page, name, epoch), sheet(epoch))


def test_a_sheet_is_drawn_in_whole_pixels(opened):
    canvas = decodes(opened("digits-vae-2", drawn=False), "digits-vae-2", 12)
    expect(canvas).to_be_visible()
    width, rendering = canvas.evaluate("c => [c.getBoundingClientRect().width, getComputedStyle(c).imageRendering]")
    assert width % 64 == 0
    assert width >= 128
    assert rendering == "pixelated"


def test_playing_starts_over_and_stops_at_the_last_epoch(opened):
    page = opened("digits-vae-2", drawn=False)
    page.get_by_role("slider", name="Epoch").evaluate(
        """range => {
          window.seen = [];
          new MutationObserver(() => window.seen.push(range.getAttribute('aria-valuetext')))
            .observe(range, { attributeFilter: ['aria-valuetext'] });
        }"""
    )
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("window.seen.length >= 3")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(decodes(page, "digits-vae-2", 12)).to_be_visible()
    assert page.evaluate("window.seen") == ["epoch 4", "epoch 8", "epoch 12"]


def test_with_reduced_motion_nothing_plays_by_itself(page, opened):
    page.emulate_media(reduced_motion="reduce")
    opened("digits-vae-2", drawn=False)
    step = page.get_by_role("button", name="Next sheet")
    step.click()
    expect(decodes(page, "digits-vae-2", 4)).to_be_visible()
    expect(step).to_be_visible()
    step.click()
    expect(decodes(page, "digits-vae-2", 8)).to_be_visible()


@pytest.mark.anywhere
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


@pytest.mark.anywhere
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


@pytest.mark.anywhere
def test_the_card_names_settings_scores_and_cost_of_both(opened):
    table = opened("digits-vae-2").get_by_role("table", name="card of the run")
    assert table.get_by_role("columnheader").all_inner_texts() == ["digits-ae-2", "digits-vae-2"]
    expect(table.get_by_role("row", name="Family")).to_contain_text("VAE")
    expect(table.get_by_role("row", name="Active units")).to_contain_text("of 2")
    expect(table.get_by_role("row", name="Device")).to_contain_text("cpu")


def test_its_twin_is_beside_a_run_and_any_other_can_be_chosen(opened):
    page = opened("digits-vae-2")
    beside = page.get_by_role("combobox", name="Compare with")
    expect(beside).to_have_value("digits-ae-2")
    assert "with=" not in page.url, "the twin is beside it anyway"
    beside.focus()
    beside.select_option("digits-vae-2-slow")
    expect(page.locator("[data-with='digits-vae-2-slow']")).to_be_visible()
    curves = page.get_by_role("group", name="distortion over the epochs")
    expect(page.locator(".xp-figure[data-ready]", has=curves)).to_be_visible()
    drawn = curves.evaluate("p => p._fullData.map(t => [t.name, t.marker.symbol, t.x.length])")
    assert drawn == [
        ["digits-vae-2, train", "circle", EPOCHS],
        ["digits-vae-2, validation", "circle-open", EPOCHS],
        ["digits-vae-2-slow, train", "square", LONG],
        ["digits-vae-2-slow, validation", "square-open", LONG],
    ]
    expect(page.get_by_text("do not compare: the runs differ in likelihood (bernoulli and gaussian)")).to_be_visible()
    expect(page).to_have_url(re.compile("&with=digits-vae-2-slow"))
    expect(beside).to_be_focused()
    beside.select_option("no other run")
    expect(page.locator("[data-with='']")).to_be_visible()
    expect(page.get_by_text("do not compare")).to_be_hidden()
    table = page.get_by_role("table", name="card of the run")
    assert table.get_by_role("columnheader").all_inner_texts() == ["digits-vae-2"]


def test_a_link_opens_both_runs_and_fits_of_two_lengths_are_linked_by_their_share(opened):
    page = opened("digits-vae-2", "&with=digits-vae-2-slow")
    expect(page.get_by_role("combobox", name="Compare with")).to_have_value("digits-vae-2-slow")
    scrubber = page.get_by_role("slider", name="Share of the fit")
    for share, short, long in (("100 %", 12, 24), ("67 %", 8, 12), ("50 %", 4, 12), ("33 %", 4, 12)):
        spoken = f"{share} of the fit: digits-vae-2 after epoch {short}, digits-vae-2-slow after epoch {long}"
        expect(scrubber).to_have_attribute("aria-valuetext", spoken)
        for name, epoch in (("digits-vae-2", short), ("digits-vae-2-slow", long)):
            expect_grey(decodes(page, name, epoch), sheet(epoch))
        scrubber.press("ArrowLeft")
    pick_radio(page.get_by_role("radio", name="share of the fit"))
    rate = page.get_by_role("group", name="learning rate over the epochs")
    page.wait_for_function(
        """p => p._fullLayout.xaxis.title.text.startsWith('share of the fit')
          && p._fullData.length === 2 && p._fullData.every((t) => t.x[t.x.length - 1] === 100)""",
        arg=rate.element_handle(),
    )


def test_settings_that_differ_are_marked_in_words(opened):
    page = opened("digits-vae-2", "&with=digits-vae-2-slow")
    expect(page.get_by_text("3 settings differ: Likelihood, Epochs, Sigma.")).to_be_visible()
    table = page.get_by_role("table", name="card of the run")
    expect(table.get_by_role("row", name="p(x|z) of the decoder")).to_contain_text("differs")
    expect(table.get_by_role("row", name="Seed")).not_to_contain_text("differs")
    expect(table.get_by_role("row", name="Weight decay")).to_have_count(0)
    page.get_by_role("checkbox", name="Show all settings").check()
    expect(table.get_by_role("row", name="Weight decay")).to_contain_text("0.0001")


def test_the_course_of_the_fit_is_drawn_as_it_was_written(opened):
    page = opened("digits-vae-2", "&with=digits-vae-2-slow")
    lines = "p => p._fullData.map(t => [t.name, t.y.length, t.y[t.y.length - 1]])"
    active = page.get_by_role("group", name="active units over the epochs").evaluate(lines)
    assert active == [["digits-vae-2, train", EPOCHS, 2], ["digits-vae-2-slow, train", LONG, 2]]
    rate = page.get_by_role("group", name="learning rate over the epochs").evaluate(lines)
    assert [end for *_, end in rate] == pytest.approx([0.002 / EPOCHS, 0.002 / LONG])
    deviations = page.get_by_role("group", name="posterior deviation of each latent axis over the epochs")
    for panel, epochs in zip(deviations.all(), (EPOCHS, LONG), strict=True):
        ends = {name: end for name, _, end in panel.evaluate(lines)}
        assert ends == pytest.approx({"axis 0": 0.2, "axis 1": 1 - 0.5 / epochs})
    expect(page.get_by_text("varies 250 times as much")).to_be_visible()
    expect(page.get_by_role("group", name="variance of the encoder's gradient")).to_have_count(1)  # the other has none


def test_a_link_to_a_run_that_is_gone_says_so_and_shows_the_twin(opened):
    page = opened("digits-vae-2", "&with=digits-vae-99")
    expect(page.get_by_text("There is no run digits-vae-99 to compare with.")).to_be_visible()
    expect(page.get_by_role("combobox", name="Compare with")).to_have_value("digits-ae-2")


@pytest.mark.gradio
def test_text_twice_as_large_still_fits(page, opened):
    page.set_viewport_size({"width": 700, "height": 1000})
    opened("digits-vae-2")
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    size = page.get_by_text("Epoch", exact=True).evaluate("label => parseFloat(getComputedStyle(label).fontSize)")
    assert size == 30
    assert page.evaluate("document.documentElement.scrollWidth") <= 700


def test_a_model_in_memory_says_that_it_has_no_history(opened):
    page = opened("linear-vae")
    expect(page.get_by_text("held in memory, so there is no history")).to_have_count(1)
    expect(page.get_by_role("slider", name="Epoch")).to_be_hidden()
    expect(page.get_by_role("heading", name="Loss curves")).to_be_hidden()
    expect(page.get_by_text("4 of 4 dimensions are active").first).to_be_visible()


@pytest.mark.gradio
def test_the_tab_fits_a_phone(page, opened):
    page.set_viewport_size({"width": 390, "height": 800})
    opened("digits-vae-2")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.anywhere
def test_verdicts_come_first_in_words_and_shapes_and_open_to_their_evidence(opened):
    page = opened("digits-vae-2", drawn=False)
    rows = page.locator(".xp-verdict")
    titles = ["Collapse", "Holes", "Coverage", "Overfit", "Blur", "Calibration"]
    assert [row.locator("strong").first.inner_text() for row in rows.all()] == titles
    words = {"red": ("▲", "trouble"), "amber": ("◆", "doubtful"), "green": ("●", "sound"), "unknown": ("○", "unknown")}
    for row in rows.all():
        shape, word = words[row.get_attribute("data-level")]
        expect(row.locator("summary")).to_contain_text(shape)
        expect(row.locator("summary")).to_contain_text(word)
    expect(rows.first.get_by_text("Limits:")).to_be_hidden()
    rows.first.locator("summary").press("Enter")
    expect(rows.first.get_by_text("Limits:")).to_be_visible()
    expect(rows.first).to_contain_text("digits-ae-2:")


@pytest.mark.anywhere
def test_the_report_is_saved_as_markdown(opened):
    page = opened("digits-vae-2", drawn=False)
    with page.expect_download() as waited:
        page.get_by_role("button", name="Save").click()
    assert waited.value.suggested_filename == "digits-vae-2-report.md"
    text = Path(waited.value.path()).read_text()
    assert text.startswith("# digits-vae-2 and digits-ae-2\n")
    assert "## Verdicts on digits-vae-2" in text
    assert "| Seed |" in text


def test_a_run_that_is_being_fitted_grows_and_becomes_a_run(opened, fitted):
    partial, final = partial_folder(fitted, "digits-vae-2-new"), fitted / "digits-vae-2-new"
    shutil.copytree(fitted / "digits-vae-2", partial)
    (partial / MARK).write_bytes(TEXT)
    change(partial / "config.json", lambda config: config.update(tag="new", twin=None))
    change(partial / "config.json", lambda config: config["train"].update(epochs=EPOCHS))
    lines = (partial / "history.jsonl").read_text().splitlines(keepends=True)
    (partial / "history.jsonl").write_text("".join(lines[:4]))
    try:
        page = opened("digits-vae-2", drawn=False)
        card = page.locator("[data-fit='digits-vae-2-new']")
        expect(card).to_contain_text(f"being fitted: epoch 4 of {EPOCHS}")
        expect(card.get_by_role("img", name="newest decodes, after epoch 12")).to_be_visible()
        short = card.locator("path").first.get_attribute("d")
        (partial / "history.jsonl").write_text("".join(lines[:8]))
        expect(card).to_contain_text(f"being fitted: epoch 8 of {EPOCHS}")
        assert card.locator("path").first.get_attribute("d") != short
        (partial / MARK).unlink()
        partial.rename(final)
        expect(card).to_have_count(0)
        page.get_by_text("digits-vae-2-new is fitted.").get_by_role("button", name="Open it").click()
        page.locator("[data-shown='digits-vae-2-new']").wait_for()
        page.goto("about:blank")  # it asks for no figure of a run that is taken away
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(final, ignore_errors=True)


def test_a_sheet_that_is_gone_is_a_message(home, browser):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.route("**/sheets/8*", lambda route: route.abort())
    bare = context.new_page()
    bare.goto(f"{home}#run=digits-vae-2&tab=report")
    bare.locator("[data-shown='digits-vae-2']").wait_for()
    expect(decodes(bare, "digits-vae-2", 12)).to_be_visible()
    bare.get_by_role("slider", name="Epoch").press("ArrowLeft")
    expect(bare.get_by_text("The sheet of epoch 8 did not load").first).to_be_visible()
    context.close()


def test_the_server_sends_the_sheets_as_they_lie(page, app_url):
    answer = page.request.get(f"{app_url}explorer/api/run/digits-vae-2/sheets/8")
    assert answer.headers["content-type"] == "image/png"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(answer.body()))), sheet(8))


def test_a_sheet_that_was_replaced_has_another_address(page, app_url, fitted):
    def address() -> str:
        told = page.request.get(f"{app_url}explorer/api/run/digits-ae-2/training").json()
        return next(each["url"] for each in told["sheets"] if each["epoch"] == 8)

    before, path = address(), fitted / "digits-ae-2" / "sheets" / "epoch-0008.png"
    content = path.read_bytes()
    path.write_bytes(content + b" ")
    assert address() != before
    path.write_bytes(content)


def test_a_fit_begun_on_the_page_goes_on_after_reload_and_stop_and_becomes_a_run(opened):
    page = opened("digits-vae-2", drawn=False)
    page.get_by_role("button", name="Fit here").click()
    form = page.get_by_role("dialog", name="Fit here")
    expect(form.get_by_label("Data set")).to_have_value("digits")
    form.get_by_label("Latent dimensions d").fill("2")
    form.get_by_text("epochs", exact=True).click()
    form.get_by_role("spinbutton", name="Epochs").fill("0")
    form.get_by_role("button", name="Fit", exact=True).click()
    assert form.get_by_role("spinbutton", name="Epochs").evaluate("field => field.validity.rangeUnderflow")
    form.get_by_role("spinbutton", name="Epochs").fill("30")
    form.get_by_role("button", name="Fit", exact=True).click()
    line = page.get_by_label("fit of this page")
    card = page.locator("[data-fit='digits-vae-2-fit2']")
    expect(line).to_contain_text("digits-vae-2-fit2")
    page.reload()
    expect(card).to_have_attribute("data-epoch", re.compile("[1-9]"))
    expect(card.get_by_role("img", name="newest decodes")).to_be_visible()
    line.get_by_role("button", name="Stop").click()
    line.get_by_role("button", name="Go on").click()
    expect(line.get_by_role("button", name="Stop")).to_be_visible()
    there = page.get_by_text("digits-vae-2-fit2 is fitted.")
    expect(there).to_be_visible(timeout=120_000)
    there.get_by_role("button", name="Open it").click()
    page.locator("[data-shown='digits-vae-2-fit2']").wait_for()
