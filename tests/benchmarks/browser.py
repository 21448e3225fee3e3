"""The browser that benchmarks of the page measure in."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

from explorer.errors import DataError
from tests.browser.conftest import FLAGS


@contextlib.contextmanager
def chromium(*flags: str) -> Iterator[Any]:
    """The system's Chromium without a window, as the browser tests start it, with some more flags.

    Whoever waits in a page by `wait_for_function` opens it with `bypass_csp`: playwright compiles text there, which the
    page's policy forbids.

    Raises:
        DataError: Playwright or Chromium is not here.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise DataError("playwright is not installed; install the dev dependencies of pyproject.toml.") from None
    names = (os.environ.get("EXPLORER_CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "chrome")
    found = next(filter(None, (shutil.which(name) for name in names if name)), None)
    if found is None:
        raise DataError("no Chromium found; install chromium, or set EXPLORER_CHROMIUM to its path.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*FLAGS, *flags])
        try:
            yield browser
        finally:
            browser.close()
