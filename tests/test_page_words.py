"""Tables of the program that the page words again: a new entry on one side alone fails here."""

import re
from pathlib import Path

import pytest

from explorer.analysis.laws import LAWS
from explorer.ui.page import TABS
from explorer.views.colours import COLOURS, MOST_COMPARED
from explorer.views.export import FORMATS


@pytest.fixture(scope="module")
def strings(root: Path) -> set[str]:
    """Every string in double quotes of the page's own modules, pieces that are added up as one."""
    texts = [file.read_text(encoding="utf-8") for file in (root / "explorer/ui/static").rglob("*.js")]
    joined = re.sub(r'"\s*\+\s*"', "", "\n".join(texts))
    return set(re.findall(r'"((?:[^"\\\n]|\\.)*)"', joined))


@pytest.mark.parametrize("law", LAWS.values(), ids=list(LAWS))
def test_the_page_words_a_sampling_law_as_its_table_does(strings, law):
    assert {law.short, law.title, law.plain, law.hint, law.words} <= strings


@pytest.mark.parametrize("colour", COLOURS.values(), ids=list(COLOURS))
def test_the_page_words_a_colour_of_the_map_as_its_table_does(strings, colour):
    assert {colour.text, colour.hint, colour.title} <= strings


def test_the_page_offers_distances_to_the_nearest_for_as_many_images_as_are_compared(root: Path):
    texts = [file.read_text(encoding="utf-8") for file in (root / "explorer/ui/static").rglob("*.js")]
    assert re.findall(r"MOST_COMPARED = (\d+)", "\n".join(texts)) == [str(MOST_COMPARED)]


@pytest.mark.parametrize("kind", FORMATS)
def test_the_page_words_a_format_of_files_as_its_table_does(strings, kind):
    assert {kind, FORMATS[kind].text, FORMATS[kind].hint} <= strings


def test_the_page_knows_every_tab(root: Path):
    texts = [file.read_text(encoding="utf-8") for file in (root / "explorer/ui/static").rglob("*.js")]
    lists = re.findall(r"\bTABS = (?:/\*\*.*?\*/ *\()?\[(.*?)\]", "\n".join(texts), re.DOTALL)
    assert [re.findall(r'"(\w+)"', each) for each in lists] == [list(TABS)]
