"""Images that are no square, and images larger than their place: every tab shows them whole and in proportion."""

import pytest

from explorer.library import Library, hold_models
from explorer.ui.page import TABS
from tests.own_models import Plain, Variational, images_in
from tests.serve_fake import serving

pytestmark = pytest.mark.browser

WIDE = (3, 48, 96)
"""(C, H, W) of the images."""

SQUEEZED = """() => [...document.querySelectorAll("#explorer-tabs canvas")]
  .filter((canvas) => canvas.width === 96 && canvas.height === 48 && canvas.checkVisibility() && canvas.clientHeight)
  .map((canvas) => ({
    className: canvas.className,
    aspect: getComputedStyle(canvas).objectFit === "contain" ? 2 : canvas.clientWidth / canvas.clientHeight,
    beyond: canvas.getBoundingClientRect().width > canvas.parentElement.getBoundingClientRect().width + 2,
  }))"""
"""Every picture of an image on show: whether it keeps its proportions, and its place."""

WITHOUT_PICTURES = {"map", "report"}
"""Tabs that open without a picture of an image: a plane, and numbers."""


def test_wide_images_keep_their_proportions_on_every_tab(browser):
    library = Library()
    hold_models(library, [Plain(WIDE), Variational(WIDE)], images_in(Plain(WIDE), 60), ["a", "b", "c"] * 20)
    trouble = []
    with serving(library) as url:
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        for tab in TABS:
            page = context.new_page()
            page.on("pageerror", lambda error: trouble.append(str(error)))
            page.on("response", lambda got: trouble.append(f"{got.status} {got.url}") if got.status >= 400 else None)
            page.goto(f"{url}/bare#run=Variational&tab={tab}")
            if tab in WITHOUT_PICTURES:
                page.wait_for_load_state("networkidle")
            else:
                page.wait_for_function(f"() => ({SQUEEZED})().length > 0")
            found = page.evaluate(SQUEEZED)
            assert all(abs(each["aspect"] - 2) < 0.1 and not each["beyond"] for each in found), (tab, found)
            page.close()
        context.close()
    assert not trouble
