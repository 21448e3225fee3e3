"""What is said above the fold: words and numbers per tab, outside the header, on a screen of 1400x900.

Every tab keeps to 40 words and six numbers, and so does every view of Holes. The table is printed with

    python -m pytest tests/browser/test_folds.py -s
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from explorer.library import Library
from explorer.ui.page import TABS
from tests.serve_fake import serving

pytestmark = pytest.mark.browser

MOST_WORDS, MOST_NUMBERS = 40, 6
"""Above the fold of a tab, outside the header."""

RUN = "mnist-vae-16"

COUNT = """() => {
  const inFold = ({ top, bottom, width, height }) => width > 1 && height > 1 && bottom > 0 && top < innerHeight;
  const seen = (rects) => [...rects].some(inFold);
  const shown = { opacityProperty: true, visibilityProperty: true };
  const silent = ["range", "checkbox", "radio", "file", "color", "hidden"];
  const said = [];
  const walker = document.createTreeWalker(document.querySelector("#explorer-tabs"), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    // what only screen readers are told is not seen
    if (element.closest("script, style, option, .xp-unseen") || !element.checkVisibility(shown)) continue;
    // what stands on a drawing, as the numbers of its axes do, and the key to its colours are of the picture
    if (element.closest(".xp-overlay, .xp-entry")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    if (seen(range.getClientRects())) said.push(node.data);
  }
  for (const field of document.querySelectorAll("#explorer-tabs :is(select, input, textarea, output)")) {
    if (silent.includes(field.type) || !field.checkVisibility(shown)) continue;
    if (seen(field.getClientRects())) said.push(field.selectedOptions?.[0]?.text ?? field.value ?? "");
  }
  const words = said.join(" ").split(/\\s+/).filter((word) => /[\\p{L}\\p{N}]/u.test(word));
  const numbers = words.filter((word) => /\\p{N}/u.test(word));
  return { words: words.length - numbers.length, numbers: numbers.length, said: said.join(" ").replace(/\\s+/g, " ") };
}"""

SETTLED = f"""() => {{
  if (document.querySelector("#explorer-tabs").innerText.includes("Loading…")) return false;
  const now = JSON.stringify(({COUNT})());
  if (window.counted?.now !== now) window.counted = {{ now, since: performance.now() }};
  return performance.now() - window.counted.since > 1000;
}}"""
"""True once what is said has not changed for a second: tabs fill themselves in several answers."""


def counted(page) -> dict[str, Any]:
    """Words and numbers above the fold of the open tab, once it is filled."""
    page.wait_for_function(SETTLED)
    return page.evaluate(COUNT)


@pytest.fixture(scope="module")
def url(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page over the shipped runs, without the data set's pictures."""
    with serving(Library(root / "checkpoints", data_dir=tmp_path_factory.mktemp("none"))) as url:
        yield url


@pytest.fixture(scope="module")
def count_of(browser, url: str) -> Iterator[Callable[[str], dict[str, Any]]]:
    """A function of a fragment that returns what is said above the fold there."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme="light")
    context.new_page()  # it keeps the window

    def of(fragment: str) -> dict[str, Any]:
        page = context.new_page()
        page.goto(f"{url}/bare#{fragment}")
        found = counted(page)
        page.close()
        return found

    yield of
    context.close()


@pytest.fixture(scope="module")
def folds(count_of: Callable[[str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What every tab says above the fold of a shipped run."""
    found = {tab: count_of(f"run={RUN}&tab={tab}") for tab in TABS}
    print(
        f"\nabove the fold of {RUN}, 1400x900, outside the header (at most {MOST_WORDS} words, {MOST_NUMBERS} numbers):"
    )
    for tab, fold in found.items():
        print(f"  {tab:<12} {fold['words']:>4} words {fold['numbers']:>4} numbers")
    return found


@pytest.mark.parametrize("tab", TABS)
def test_no_tab_says_more_above_its_fold_than_it_may(folds, tab):
    fold = folds[tab]
    assert fold["words"] <= MOST_WORDS, fold["said"]
    assert fold["numbers"] <= MOST_NUMBERS, fold["said"]


@pytest.mark.parametrize("view", ["slice", "beta", "scores"])
def test_no_view_of_holes_says_more_above_its_fold_than_it_may(count_of, view):
    fold = count_of(f"v=1&run=mnist-vae-16&tab=holes&holes.view={view}")
    assert fold["words"] <= MOST_WORDS, fold["said"]
    assert fold["numbers"] <= MOST_NUMBERS, fold["said"]


def test_what_is_seen_is_counted_and_nothing_else(browser):
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_content(
        "<header>header words</header><main id='explorer-tabs'><p>three plain words, 0.5 and 12%</p>"
        "<p hidden>not this</p><p style='visibility: hidden'>nor this</p>"
        "<details><summary>More</summary><p>folded</p></details>"
        "<select><option>first option</option><option>second</option></select><input type=number value=7>"
        "<input type=range value=3><div style='margin-top: 900px'>below the fold</div></main>"
    )
    assert {key: page.evaluate(COUNT)[key] for key in ("words", "numbers")} == {"words": 7, "numbers": 3}
    page.close()
