"""Playwright's `expect`, or a skip that says why; in CI a missing playwright is a failure."""

import os

import pytest

if os.environ.get("CI", "").lower() in ("", "0", "false"):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; see pyproject.toml")
else:
    from playwright import sync_api

expect = sync_api.expect
expect.set_options(timeout=20_000)  # of every test: CI may be busy
