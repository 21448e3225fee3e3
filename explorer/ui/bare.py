"""The page without gradio: the header, and the live parts of the tabs in hosts of their own.

It is made of what gradio's page is made of: each tab's `CONTENT`, the modules and style sheets of `static/`, the same
addresses. `static/page/bare.js` fills it. It is served at `PATH`, takes `?run=NAME&tab=TAB` as gradio's page does,
and the browser tests run on it; what only gradio has (the download of a data set) is not on it.
"""

import functools
import html
import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from explorer.library import Card, Library
from explorer.ui.page import public_sentence
from explorer.ui.static_files import StaticFiles

TITLE = "Latent Space Explorer"

PATH = "/bare"
"""Where the page is: beside gradio's own, so that both have the same relative addresses."""

LOADING = (
    '<p class="xp-loading" role="status">Loading…</p>'
    '<div class="xp-skeleton" aria-hidden="true"><span></span><span></span><span></span></div>'
)
"""Stands in a part of the page until its module is there."""

LOST = "This part of the page did not load; reload the page."

NO_RUNS = """
<div class="explorer-welcome">
<h2>No model yet</h2>
<p>There is nothing to explore in <code>{folder}</code>. Fit a small autoencoder and its VAE twin on the 8&times;8
digits that come with scikit-learn; on two CPU cores it takes about two minutes:</p>
<pre><code>python train.py --dataset digits --latent-dim 2 --twin</code></pre>
<p>This page opens it as soon as it is there. Runs elsewhere are opened with
<code>python -m explorer --checkpoints DIR</code>.</p>
</div>
"""

ANNOUNCE = """({ files, runs, run }) => {
  const [query, fragment] = [location.search, location.hash].map((text) => new URLSearchParams(text.slice(1)));
  const [tab, named] = ["tab", "run"].map((key) => fragment.get(key) ?? query.get(key));
  const put = (link) => document.head.append(Object.assign(document.createElement("link"), link));
  for (const href of Object.hasOwn(files, tab) ? files[tab] : Object.values(files)[0]) {
    put(href.endsWith(".js") ? { rel: "modulepreload", href } : { rel: "preload", as: "style", href });
  }
  const card = `explorer/api/run/${encodeURIComponent(runs.includes(named) ? named : run)}`;
  put({ rel: "preload", as: "fetch", crossOrigin: "", href: card });
}"""
"""Asks for the files of the tab that the address names, and for the card of the run that it names."""

STYLE_IMPORT = re.compile(r'^import \{[^}"]*_STYLE\b[^}"]*\} from "(\.[^"]+)";', re.MULTILINE)
"""An import of another module's style sheet."""

STYLE = re.compile(r'^export const \w+_STYLE = new URL\("(\.[^"]+)", import\.meta\.url\);', re.MULTILINE)
"""A style sheet that a module lends to others."""


@dataclass(frozen=True, slots=True)
class Part:
    """A live part of a tab.

    Attributes:
        module: Below `static/` and without its ending; exports `mount({element, props, trigger, watch})`.
        label: What it is, for screen readers: letters and spaces.
    """

    module: str
    label: str

    def __post_init__(self) -> None:
        assert self.module.replace("/", "").isidentifier(), "templates hold no data"
        assert self.label.replace(" ", "").isalnum(), "templates hold no data"

    @property
    def markup(self) -> str:
        """The element that the module fills."""
        return f'<div class="xp-host" role="region" aria-label="{self.label}">{LOADING}</div>'


@dataclass(frozen=True, slots=True)
class Header(Part):
    """The live part above all tabs: title, chooser of the run, tab bar, Share and Present.

    Its words are there before its module is, so that nothing moves when that comes; until then nothing can be pressed,
    so that no press is lost.

    Attributes:
        tabs: The tabs in order: words of small letters.
    """

    tabs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert all(tab.isalpha() for tab in self.tabs), "templates hold no data"

    @property
    def markup(self) -> str:
        """The element that the module brings to life."""
        bar = "".join(
            f'<button type="button" role="tab" id="tab-{name}" aria-controls="explorer-{name}" aria-selected="false" '
            f'tabindex="-1" data-tab="{name}" disabled>{name.capitalize()}</button>'
            for name in self.tabs
        )
        return (
            f'<header class="xp-host xp-head"><h1>{TITLE}</h1>'
            f'<div class="xp-head-tabs" role="tablist" aria-label="{self.label}">{bar}</div>'
            '<button type="button" class="xp-head-run" aria-haspopup="dialog" disabled>Choose a model</button>'
            '<button type="button" class="xp-head-share" aria-haspopup="dialog" disabled>Share</button>'
            '<button type="button" class="xp-head-present" aria-pressed="false" disabled>Present</button>'
            '<p class="xp-head-collapse" hidden></p></header>'
        )


WITHOUT_RUNS = Part("report/first", "the first model")
"""Stands below `NO_RUNS`: it offers to fit a run, and opens the first one that is there."""


def header(tabs: Sequence[str]) -> Header:
    """The header over some tabs."""
    return Header("page/header", "Tabs", tuple(tabs))


Content: TypeAlias = Sequence[str | Part]
"""What stands on a tab, in order: paragraphs, with emphasis between asterisks, and live parts."""


def notice(sentence: str) -> str:
    """A message that concerns the whole page, as HTML; "" for none."""
    return f'<p class="explorer-error" role="alert">{html.escape(sentence)}</p>' if sentence else ""


def welcome(library: Library) -> str:
    """What stands on a page without runs, as HTML: how to fit one, and what is wrong with those that are there."""
    folder = library.checkpoints.name if library.checkpoints is not None else "checkpoints"
    damaged = [public_sentence(card) for card in library.cards().values() if not isinstance(card, Card)]
    return NO_RUNS.format(folder=html.escape(folder)) + "".join(map(notice, damaged))


def markup(library: Library, static: StaticFiles, tabs: Mapping[str, Any]) -> str:
    """The whole page as HTML.

    Args:
        library: The runs; none of them is opened.
        static: The page's own files.
        tabs: The tabs by name, each with its `CONTENT`.
    """
    names = [name for name, tab in tabs.items() if hasattr(tab, "CONTENT")]
    head = worn_first(static, ["page/frame.css", "page/bare.css"])
    if library.default() is None or not names:
        title = f'<header id="explorer-top"><div id="explorer-title"><h1>{TITLE}</h1></div></header>'
        waiting = f'<main class="xp-first">{_block(WITHOUT_RUNS)}</main>'
        script = f'<script type="module" src="{static.url}/{WITHOUT_RUNS.module}.js"></script>'
        return document(head, [title, welcome(library), *([waiting, script] if names else [])])
    head += announced(library, static, "page/bare", tabs)
    script = f'<script type="module" src="{static.url}/page/bare.js"></script>'
    return document(head, [*frame(library, tabs), script])


def worn_first(static: StaticFiles, sheets: Sequence[str]) -> list[str]:
    """Style sheets that stand in a page's head themselves, because nothing is painted before they are there."""
    return [f"<style>\n{static.files[sheet].read_text(encoding='utf-8')}</style>" for sheet in sheets]


def announced(library: Library, static: StaticFiles, page: str, tabs: Mapping[str, Any]) -> list[str]:
    """Elements of a page's head that ask at once for what the page will ask for first.

    That is its own code, that of the tab that is opened first, their style sheets, and the card of the run on show. Tab
    and run stand in the address, most often after its '#', which no server sees: a script asks for them.

    Args:
        library: The runs; none of them is opened.
        static: The page's own files.
        page: The module that fills the page, below `static/` and without its ending.
        tabs: The tabs by name, each with its `CONTENT`.
    """
    own, sheets = static.needed([page]), ["kit/kit.css", "page/header.css"]
    files: dict[str, list[str]] = {}
    for name, tab in tabs.items():
        parts = [part.module for part in getattr(tab, "CONTENT", ()) if isinstance(part, Part)]
        worn_too = dict.fromkeys(sheet for part in parts for sheet in worn(static.modules, part))
        files[name] = [f"{static.url}/{each}" for each in (*static.needed(parts), *worn_too) if each not in own]
    wishes = {"files": files, "runs": list(library.names()), "run": library.default()}
    told = json.dumps(wishes).replace("<", "\\u003c")
    return [
        *(f'<link rel="modulepreload" href="{static.url}/{name}">' for name in own),
        *(f'<link rel="preload" as="style" href="{static.url}/{sheet}">' for sheet in sheets),
        f"<script>({ANNOUNCE})({told});</script>",
    ]


def frame(library: Library, tabs: Mapping[str, Any], opened: str | None = None) -> list[str]:
    """What stands in the body of a page with runs, without the script that fills it.

    Args:
        library: The runs; none of them is opened.
        tabs: The tabs by name, each with its `CONTENT`.
        opened: The tab to open where the page's address names none; None for the first.
    """
    names = [name for name, tab in tabs.items() if hasattr(tab, "CONTENT")]
    boot = {"runs": list(library.names()), "run": library.default(), "tab": opened, "lost": LOST}
    return [
        _block(header(names)),
        '<div id="explorer-notice"></div>',
        '<main id="explorer-tabs">',
        *(
            f'<div role="tabpanel" id="explorer-{name}" aria-labelledby="tab-{name}" hidden>'
            f"{''.join(map(_block, tabs[name].CONTENT))}</div>"
            for name in names
        ),
        f"</main>{data('explorer-boot', boot)}",
    ]


def data(name: str, values: object) -> str:
    """Values that stand in a page for its modules, in an element of that id."""
    told = json.dumps(values).replace("<", "\\u003c")  # a name may hold anything, and ends no script
    return f'<script type="application/json" id="{name}">{told}</script>'


def document(head: Sequence[str], body: Sequence[str]) -> str:
    """A page as HTML, of what stands in its head and in its body."""
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    lines = ["<!doctype html>", '<html lang="en">', f"<head>{meta}<title>{TITLE}</title>", *head, "</head>", "<body>"]
    return "\n".join([*lines, *body, "</body></html>", ""])


def _block(content: str | Part) -> str:
    if isinstance(content, Part):
        return f'<div class="xp-part" data-module="{content.module}">{content.markup}</div>'
    words = re.sub(r"\*(.+?)\*", r"<em>\1</em>", html.escape(content))
    return f'<div class="xp-intro"><p>{words}</p></div>'


@functools.cache
def worn(static: Path, module: str) -> list[str]:
    """The style sheets of a module of a tab: its room's own, and those whose `*_STYLE` it takes from other modules.

    Args:
        static: Folder of the modules.
        module: Below it and without its ending.
    """
    folder = posixpath.dirname(module)
    found = [f"{folder}/{folder}.css"]
    for target in STYLE_IMPORT.findall((static / f"{module}.js").read_text(encoding="utf-8")):
        source = posixpath.normpath(posixpath.join(folder, target))
        sheets = STYLE.findall((static / source).read_text(encoding="utf-8"))
        found += [posixpath.normpath(posixpath.join(posixpath.dirname(source), sheet)) for sheet in sheets]
    return found


def route(library: Library, static: StaticFiles, tabs: Mapping[str, Any]) -> Route:
    """Serves the page; the arguments are those of `markup`."""

    async def page(_: Request) -> HTMLResponse:
        made = await anyio.to_thread.run_sync(lambda: markup(library, static, tabs))
        return HTMLResponse(made, headers={"cache-control": "private, no-store"})

    return Route(PATH, page, methods=["GET"])
