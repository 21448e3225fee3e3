"""Accessibility by axe-core: no tab breaks one of its rules, nor do the header and its dialogs.

The library comes with the JavaScript tools (`make install-node`), for tests alone.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from explorer.ui.page import TABS
from tests.browser.test_folds import SETTLED

pytestmark = pytest.mark.browser

SIZES = {"desk": (1400, 900), "phone": (390, 844)}

THEMES = ("light", "dark")

LOOK = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, html, failureSummary }) => {
    const element = document.querySelector(target.flat().at(-1));
    const inFrame = Boolean(element && !element.closest("#explorer-tabs"));
    return { id, inFrame, html: html.slice(0, 160), why: failureSummary.slice(0, 200) };
  }));
}"""


@pytest.fixture(scope="module")
def library_file(root: Path) -> Path:
    """axe-core's one script; a skip that says how to get it."""
    file = root / "node_modules" / "axe-core" / "axe.min.js"
    if not file.is_file():
        pytest.skip("axe-core is not installed; make install-node does it")
    return file


@pytest.fixture
def looked(browser, app_url: str, library_file: Path) -> Iterator[Any]:
    """A page of one size and theme with axe in it, open on a tab."""
    context: Any = None

    def open_it(size: str, theme: str, host: str = "bare"):
        nonlocal context
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        page = context.new_page()
        page.goto(f"{app_url}{host}?__theme={theme}#run=flat-vae&tab=explore")
        page.locator("[data-ready]").locator("visible=true").first.wait_for()
        page.add_script_tag(path=library_file)
        return page

    yield open_it
    context.close()


def opened(page, tab: str) -> None:
    page.get_by_role("tab", name=tab.capitalize()).click()
    page.locator(f"#explorer-{tab} .xp-host:not(:has(.xp-loading))").first.wait_for()
    page.wait_for_function(SETTLED)  # what comes later may break a rule of its own


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES)
def test_no_tab_breaks_a_rule(looked, size, theme):
    page = looked(size, theme)
    broken = {}
    for tab in TABS:
        opened(page, tab)
        broken[tab] = page.evaluate(LOOK)
    assert {tab: nodes for tab, nodes in broken.items() if nodes} == {}


def test_no_tab_breaks_a_rule_with_all_that_lies_behind_more(looked):
    page = looked("desk", "light")
    broken = {}
    for tab in TABS:
        opened(page, tab)
        page.locator(f"#explorer-{tab}").evaluate(
            "(tab) => tab.querySelectorAll('details').forEach((each) => (each.open = true))"
        )
        page.wait_for_function(SETTLED)
        broken[tab] = page.evaluate(LOOK)
    assert {tab: nodes for tab, nodes in broken.items() if nodes} == {}


@pytest.mark.parametrize("button", ["Choose", "Share"])
@pytest.mark.parametrize("theme", THEMES)
def test_the_dialogs_of_the_header_break_no_rule(looked, theme, button):
    page = looked("phone", theme)
    page.locator(".xp-head-run" if button == "Choose" else ".xp-head-share").click()
    page.get_by_role("dialog").locator("canvas").first.wait_for()
    assert [each for each in page.evaluate(LOOK) if each["inFrame"]] == []


def test_the_header_breaks_no_rule_on_gradios_page(looked):
    page = looked("desk", "light", host="")
    broken = [each for each in page.evaluate(LOOK) if "xp-head" in each["html"] or each["id"].startswith("aria-")]
    assert [each for each in broken if each["inFrame"]] == []
