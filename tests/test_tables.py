"""A new kind of a thing is one entry of one table: a made-up entry arrives wherever the old ones are."""

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from explorer.analysis.laws import LAWS, RAW, Law
from explorer.library import Library, OpenRun
from explorer.views.colours import COLOURS, Colour
from explorer.views.export import FORMATS, Format, Wanted, exported
from explorer.views.hole_layers import OFFERED, Layer, cut_sheet, described_place, offered_layers
from explorer.views.hole_planes import Cut
from explorer.views.runs import describe_run
from tests.serve_fake import fake_library


@pytest.fixture(scope="module")
def library() -> Library:
    return fake_library()


@pytest.fixture(scope="module")
def run(library: Library) -> OpenRun:
    return library.open("linear-vae")


@pytest.fixture
def enter(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Add an entry to a table for one test: enter(table, name, entry)."""
    return lambda table, name, entry: monkeypatch.setitem(cast("dict[str, Any]", table), name, entry)


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """All modules of the page, without their comments."""
    texts = [file.read_text(encoding="utf-8") for file in (root / "explorer/ui/static").rglob("*.js")]
    return re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", "\n".join(texts), flags=re.DOTALL)


def told(library: Library, run: OpenRun, what: str) -> list[dict[str, Any]]:
    """A list of the run's card, as the page gets it."""
    return cast("list[dict[str, Any]]", describe_run(library, run)[what])


def test_a_new_sampling_law_is_one_entry(library, run, enter):
    law: Law = replace(RAW, name="odd", short="Odd", plain="an odd one", hint="h", words="w.")
    enter(LAWS, "odd", law)
    expected = {
        "name": "odd",
        "short": "Odd",
        "title": "from an odd one",
        "plain": "an odd one",
        "hint": "h",
        "words": "w.",
    }
    assert told(library, run, "laws")[-1] == expected
    assert run.sample("odd", 3, np.random.default_rng(0)).shape == (3, run.latent_dim)


def test_a_new_colour_of_the_map_is_one_entry(library, run, enter):
    enter(
        COLOURS,
        "luck",
        Colour(
            text="Luck",
            hint="How lucky",
            title="luck, nats",
            values=lambda run: np.arange(len(run), dtype=np.float32),
            lacks=lambda _: False,
        ),
    )
    words = {"name": "luck", "text": "Luck", "hint": "How lucky", "title": "luck, nats", "is_p_value": False}
    assert told(library, run, "colours")[-1] == words
    assert "luck" in cast(Any, describe_run(library, run)["stored"])


def test_a_colour_that_a_run_lacks_is_not_offered(library, run, enter):
    enter(COLOURS, "luck", replace(COLOURS["rate"], lacks=lambda _: True))
    assert "luck" not in [colour["name"] for colour in told(library, run, "colours")]


def test_a_new_format_of_files_is_one_entry(library, run, enter):
    def write(images: Any, columns: int, scale: int, name: str, wanted: Wanted) -> bytes:
        return f"{name} {len(images)} {columns}".encode()

    enter(FORMATS, "text", Format("txt", "text/plain", "Text", "As words", write))
    words = {"kind": "text", "text": "Text", "hint": "As words", "moves": False, "captioned": False}
    assert told(library, run, "formats")[-1] == words
    assert exported(run, run.latents.mean[:3], "text", Wanted()) == b"linear-vae 3 3"


def test_a_new_layer_of_a_plane_is_one_entry(library, run, enter):
    layer = Layer(
        title="Height",
        bar="height, sd",
        reading="How high.",
        values=lambda run, latents, size, step: latents[:, 0],
        ends=lambda run, sheets: ("plain", 0.0, 1.0),
        place=lambda run, latent, law: {"layer": float(latent[0, 0])},
        is_fine=True,
    )
    enter(OFFERED, "height", layer)
    offered = offered_layers(library, run.name)[-1]
    assert (offered["name"], offered["title"], offered["calibrated"], offered["reason"]) == (
        "height",
        "Height",
        False,
        None,
    )
    sheet = cut_sheet(run, "height", Cut(anchors=(0, 1, 2)), 2.0, "")
    assert sheet.shape[0] == sheet.shape[1] and np.isfinite(sheet).all()
    assert described_place(run, np.ones((1, run.latent_dim), dtype=np.float32), "height", "raw")["layer"] == 1.0


@pytest.mark.parametrize(
    "table",
    [
        {word for law in LAWS.values() for word in (law.words, law.plain, law.hint)},
        {word for colour in COLOURS.values() for word in (colour.hint, colour.title)},
        {form.hint for form in FORMATS.values()},
        {layer.reading for layer in OFFERED.values()},
    ],
    ids=["laws", "colours", "formats", "layers"],
)
def test_the_page_types_no_table_again(page: str, table: set[str]):
    joined = re.sub(r'"\s*\+\s*"', "", page)
    assert [words for words in table if f'"{words}"' in joined] == []


def test_no_law_is_typed_as_a_list_beside_its_table(root: Path):
    """What takes all laws takes the table."""
    for file in (root / "explorer").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Tuple | ast.List | ast.Set):
                words = {each.value for each in node.elts if isinstance(each, ast.Constant)}
                assert not set(LAWS) <= words, f"{file}:{node.lineno} types the laws again"
