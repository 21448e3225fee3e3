"""Playwright's `expect`, or a skip that says why (in CI a missing playwright is a failure), and the page's header."""

import os
import re

import pytest

if os.environ.get("CI", "").lower() in ("", "0", "false"):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; see pyproject.toml")
else:
    from playwright import sync_api

expect = sync_api.expect
expect.set_options(timeout=20_000)  # of every test: CI may be busy


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
