"""A notebook that is run, and what its cell shows in a real browser: the page in a frame, and no server behind it."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.driver import expect
from tests.conftest import CI, ROOT

if CI:
    import nbclient
    import nbformat
else:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed; see pyproject.toml")
    nbformat = pytest.importorskip("nbformat")

pytestmark = pytest.mark.browser

CELL = """
import sys
sys.path.insert(0, {root!r})
import explorer
explorer.show("digits-vae-2", tab="explore", checkpoints={checkpoints!r}, height=700)
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the one cell of a notebook shows, as HTML."""
    home = tmp_path_factory.mktemp("notebook")
    source = CELL.format(root=str(ROOT), checkpoints=str(ROOT / "checkpoints"))
    notebook: Any = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(name, str(home / name.lower()))  # never the user's own
        patch.setenv("JUPYTER_PATH", str(Path(sys.prefix) / "share" / "jupyter"))
        nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(home)}}).execute()
    outputs = notebook.cells[0].outputs
    assert [output.output_type for output in outputs] == ["display_data"], outputs[0]
    [output] = outputs
    return output.data["text/html"]


@pytest.fixture
def notebook(shown: str, browser, elsewhere) -> Iterator[Any]:
    """The notebook as a page of another server; at its end nothing failed and nothing was fetched."""
    home = elsewhere(f"<p>In [1]:</p>{shown}")
    context = browser.new_context(viewport={"width": 1200, "height": 900}, color_scheme="light")
    page = context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.on("console", lambda said: trouble.append(said.text) if said.type in ("error", "warning") else None)
    known = (home, "data:", "blob:", "about:")
    page.on("request", lambda sent: None if sent.url.startswith(known) else trouble.append(f"fetched {sent.url[:200]}"))
    page.goto(home)
    yield page
    context.close()
    assert not trouble


def test_a_cell_shows_a_page_that_works_without_a_server(notebook):
    frame = notebook.frame_locator("iframe")
    canvas = frame.locator("#explorer-explore canvas.xp-image").first
    expect(canvas).to_be_visible()
    expect(frame.get_by_role("tab")).to_have_count(0)  # one tab was asked for
    expect(frame.get_by_role("button", name="Share")).to_have_count(0)
    slider = frame.locator("#explorer-explore input[type=range]").first
    slider.evaluate("(box) => { box.value = '0.7'; box.dispatchEvent(new Event('input', { bubbles: true })); }")
    expect(canvas).to_have_attribute("data-latent", re.compile(r"^(?=.*[1-9])"))
    # what is set stands in the frame's own address, not in the notebook's
    expect(frame.locator("html")).to_have_js_property("baseURI", notebook.url)
    inner = notebook.frames[1]
    assert inner.evaluate("location.href").startswith("about:srcdoc#v=1&run=digits-vae-2&tab=explore")
    assert notebook.evaluate("location.hash") == ""
