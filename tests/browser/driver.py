"""Playwright's `expect`, or a skip that says why (in CI a missing playwright is a failure), and the page's header."""

import os
import re
import time

import numpy as np
import pytest

if os.environ.get("CI", "").lower() in ("", "0", "false"):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; see pyproject.toml")
else:
    from playwright import sync_api

expect = sync_api.expect
PATIENCE_MS = 60_000
"""Milliseconds that a test waits for the page: CI may be busy, and a page that is right ends the wait at once."""
expect.set_options(timeout=PATIENCE_MS)

AT_NEXT_FRAME = """canvas => new Promise((done) => requestAnimationFrame(() => done({
  size: [canvas.height, canvas.width],
  rgba: Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data),
})))"""


def pixels_of(canvas) -> np.ndarray:
    """The bytes (H, W, 4) that a canvas shows at the next frame: red, green, blue and opacity."""
    shown = canvas.evaluate(AT_NEXT_FRAME)
    return np.array(shown["rgba"], dtype=np.uint8).reshape(*shown["size"], 4)


def expect_grey(canvas, wanted: np.ndarray, atol: float = 0) -> None:
    """A canvas shows grey bytes (H, W), or comes to show them: a picture before them may still stand there."""
    wanted = np.repeat(wanted[..., None].astype(float), 3, -1)
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while True:
        rgba = pixels_of(canvas).astype(float)
        is_whole = rgba.shape[:2] == wanted.shape[:2] and (rgba[..., 3] == 255).all()
        if (is_whole and np.abs(rgba[..., :3] - wanted).max() <= atol) or time.monotonic() > deadline:
            break
    np.testing.assert_allclose(rgba[..., :3], wanted, rtol=0, atol=atol)
    assert is_whole, "some pixels can be seen through"


def expect_run(page, name: str | re.Pattern[str]) -> None:
    """The header says that a run is on show."""
    expect(page.locator(".xp-head-run")).to_have_attribute("data-run", name)


def pick_run(page, name: str) -> None:
    """Choose a run as a visitor does: its data set by the picture, then the model."""
    page.locator(".xp-head-run").click()
    dialog = page.get_by_role("dialog", name="Choose a model")
    dialog.locator(".xp-chooser-set").first.wait_for()
    model = dialog.locator(f'[data-run="{name}"]')
    for data_set in dialog.locator(".xp-chooser-set").all():
        data_set.click()
        if model.count():
            model.click()
            expect(dialog).to_have_count(0)
            return
    raise AssertionError(f"{name} is not among the models to choose")


def pick_radio(radio) -> None:
    """Press the words of a radio button, once nothing moves or covers them: the button itself lies under them."""
    radio.locator("xpath=..").click()
    expect(radio).to_be_checked()


def keep_open(page, tab: str) -> None:
    """Unfold all that a tab keeps behind More, and what comes later."""
    page.locator(f"#explorer-{tab}").evaluate(
        """tab => {
          const open = () => tab.querySelectorAll("details.xp-more").forEach((each) => (each.open = true));
          new MutationObserver(open).observe(tab, { childList: true, subtree: true });
          open();
        }"""
    )


def open_more(page, tab: str) -> None:
    """Unfold what a tab keeps behind More, if it does not stand open."""
    page.locator(f"#explorer-{tab} details.xp-more:not([open]) > summary").evaluate_all(
        "folded => folded.forEach((summary) => summary.click())"
    )
