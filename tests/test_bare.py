"""The page without gradio: what its markup says, what it asks for at once, and who may see it."""

import json
import re
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np

from explorer.library import Library
from explorer.ui import bare
from explorer.ui.app import tab_modules
from explorer.ui.page import TABS
from explorer.ui.static_files import STATIC, StaticFiles
from tests.fakes import linear_coder
from tests.serve_fake import serving

ODD = "two</script><script>alert(1)</script>"


def held(*names: str) -> Library:
    """A library of small linear models."""
    library = Library(None)
    coder = linear_coder(2, log_variance=None)
    images = np.clip(coder.sample_images(60, np.random.default_rng(0)), 0, 1)
    for name in names:
        library.hold(name, coder, images)
    return library


class Elements(HTMLParser):
    """Every element of a page, as its tag and attributes; and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and data.strip():
            self.scripts.append(data)

    def named(self, attribute: str) -> list[str | None]:
        """The values of an attribute, in order."""
        return [found[attribute] for _, found in self.found if attribute in found]


def page_of(library: Library, tabs: Any = None) -> str:
    return bare.markup(library, StaticFiles(), tabs or tab_modules())


def test_the_page_has_every_tab_with_its_live_parts_in_order():
    elements, tabs = Elements(page_of(held("two-ae"))), tab_modules()
    assert elements.named("data-tab") == list(TABS)
    parts = [each for tab in tabs.values() for each in tab.CONTENT if isinstance(each, bare.Part)]
    assert elements.named("data-module") == ["page/header", *(part.module for part in parts)]
    assert [label for label in elements.named("aria-label") if label] == ["Tabs", *(part.label for part in parts)]
    for part in parts:
        assert "export async function mount(" in (STATIC / f"{part.module}.js").read_text(encoding="utf-8")


def test_a_name_of_a_run_is_data_whatever_it_holds(monkeypatch):
    library = held("two-ae")
    monkeypatch.setattr(library, "names", lambda: [ODD])
    monkeypatch.setattr(library, "default", lambda: ODD)
    elements = Elements(page_of(library))
    announcing, boot = elements.scripts
    assert (json.loads(boot)["runs"], json.loads(boot)["run"]) == ([ODD], ODD)
    assert "<" not in announcing.split("})(")[1]
    assert len([tag for tag, _ in elements.found if tag == "script"]) == 3


def test_words_of_a_tab_are_text_with_emphasis_between_asterisks():
    tabs = {"explore": SimpleNamespace(CONTENT=("Press *Worst* & <b>look</b>.", bare.Part("explore/tab", "sliders")))}
    assert "<p>Press <em>Worst</em> &amp; &lt;b&gt;look&lt;/b&gt;.</p>" in page_of(held("two-ae"), tabs)


def test_the_pages_own_code_is_announced_by_links_and_what_the_address_names_by_a_script():
    page, url = page_of(held("two-ae")), StaticFiles().url
    ahead = re.findall(r'rel="modulepreload" href="([^"]+)"', page)
    assert ahead[0] == f"{url}/page/bare.js"
    told = json.loads(re.findall(r"\}\)\((\{.*\})\);</script>", page)[0])
    assert list(told["files"]) == list(TABS)
    for tab, files in told["files"].items():
        assert files[0] == f"{url}/{tab}/tab.js"
        assert not set(files) & set(ahead), "nothing is asked for twice"
        assert all((STATIC / name.removeprefix(f"{url}/")).is_file() for name in files)
    assert (told["runs"], told["run"]) == (["two-ae"], "two-ae")


def test_without_runs_the_page_says_how_to_make_one_and_waits_for_it(tmp_path):
    damaged = tmp_path / "digits-vae-2"
    damaged.mkdir()
    (damaged / "config.json").write_text("{")
    elements = Elements(page := page_of(Library(tmp_path)))
    assert "python train.py --dataset digits" in page
    assert "digits-vae-2" in page, "what is wrong with the run that is there"
    assert not elements.scripts
    assert elements.named("src") == [f"{StaticFiles().url}/report/first.js"]


def test_a_password_guards_the_page_as_it_guards_gradios():
    library = held("two-ae")
    with serving(library, accounts=[("ada", "a long password")], modules={}) as url:
        answer = httpx.get(f"{url}{bare.PATH}", timeout=60)
        assert answer.status_code == 401
        assert "two-ae" not in answer.text
        with httpx.Client(base_url=url, timeout=60) as client:
            client.post("/login", data={"username": "ada", "password": "a long password"})
            assert client.get(bare.PATH).status_code == 200


def test_the_first_picture_waits_for_no_program_and_no_plane():
    first = StaticFiles(bundle=STATIC).needed(["page/bare", "explore/tab"])  # one by one
    assert "source/programs.js" in first
    later = ["source/machine.js", "source/kernel.js", "source/computed.js", "latent/support.js", "kit/plane.js"]
    assert not set(later) & set(first), "these are fetched after it"
