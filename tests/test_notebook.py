"""The page in a notebook, as far as no browser is needed: what is in the frame, and what is refused."""

import json
import sys
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest

import explorer
from explorer.errors import CheckpointError, ServeError, ShapeError
from explorer.site import notebook
from explorer.site.notebook import Framed
from tests.conftest import ROOT
from tests.fakes import ProgramCoder
from tests.serve_fake import linear_digits

CHECKPOINTS = ROOT / "checkpoints"


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[Framed]:
    """A notebook's kernel, as far as `show` asks for it, and what it displayed."""
    seen: list[Framed] = []
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(__name__="IPython", get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=seen.append))
    return seen


def digits(latent_dim: int, log_variance: float | None, scale: float = 1.0) -> tuple[ProgramCoder, np.ndarray]:
    """`linear_digits` as a model that a browser can run."""
    coder, pixels = linear_digits(latent_dim, log_variance, scale)
    made = ProgramCoder(coder.matrix, coder.image_shape, log_variance, levels=coder.levels)
    made.offset = coder.offset
    return made, pixels


def srcdoc_of(frame: str) -> str:
    """The page in a frame, as a browser reads it."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(value or "" for name, value in attrs if (tag, name) == ("iframe", "srcdoc"))

    Reader().feed(frame)
    assert len(found) == 1
    return found[0]


def test_models_in_memory_stand_in_a_frame_without_their_images(displayed: list[Framed]) -> None:
    """Without the models' own images, and no larger in the notebook's file, which is JSON, than in the page."""
    (vae, pixels), (ae, _) = digits(3, -2.0), digits(3, None, scale=4.0)
    assert explorer.show({"mine": vae, "plain": ae}, pixels[:60], tab="map", height=500) is None
    [framed] = displayed
    assert framed.runs == ("mine", "plain")
    told = framed._repr_html_()
    assert srcdoc_of(told) == framed.page
    assert 'height="500"' in told
    assert '"tab": "map"' in framed.page
    stored = json.loads(framed.page.split('id="explorer-stored">')[1].split("</script>")[0])["index"]
    assert not [key for key in stored if "/sprites/" in key or "/pixels" in key]
    assert len(json.dumps(told, ensure_ascii=False).encode()) < 1.02 * len(told.encode())


def test_what_cannot_be_shown_is_told_in_a_sentence(displayed: list[Framed]) -> None:
    opaque, pixels = linear_digits(3, -2.0)
    vae, _ = digits(3, -2.0)
    with pytest.raises(CheckpointError, match=r"cannot be decoded in a browser: .* explorer\.launch shows it"):
        explorer.show({"mine": vae, "plain": opaque}, pixels[:50])
    with pytest.raises(ShapeError, match="hand them over"):
        explorer.show(vae)
    with pytest.raises(ShapeError, match="leave out images"):
        explorer.show("digits-vae-2", pixels)
    with pytest.raises(ServeError, match="no tab 'plan'; there are start, explore"):
        explorer.show("digits-vae-2", tab="plan", checkpoints=CHECKPOINTS)
    with pytest.raises(CheckpointError, match="no run named 'nothing'"):
        explorer.show("nothing", checkpoints=CHECKPOINTS)
    assert displayed == []


def test_without_a_notebook_one_sentence_says_what_to_do_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    with pytest.raises(ServeError, match=r"no notebook here .*; .*explorer\.export"):
        explorer.show("digits-vae-2", checkpoints=CHECKPOINTS)


def test_marimo_is_handed_the_frame_as_the_value_of_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setitem(sys.modules, "marimo", SimpleNamespace(running_in_notebook=lambda: True))
    monkeypatch.setattr(notebook, "framed_page", lambda library, *_: Framed("a page", 9, tuple(library.names())))
    framed = explorer.show("digits-vae-2", checkpoints=CHECKPOINTS)
    assert isinstance(framed, Framed)
    assert framed.runs == ("digits-ae-2", "digits-vae-2")
