"""What the tabs of the page share while they are built.

A tab module offers `build(library, page)`, called inside its `gr.Tab`, and may offer figures:

    FIGURES: dict[str, FigureMaker] = {"holes": make_plane}

Each is then served at `explorer/api/run/<run>/figure/<name>?...` as plotly JSON. What only its own part of the page
asks for it answers itself, with `routes(runs)` (`explorer.ui.routes.RoutesMaker`).
"""

import functools
import html
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import gradio as gr

from explorer.errors import ExplorerError
from explorer.library import Library

TABS: tuple[str, ...] = ("start", "explore", "map", "reconstruct", "interpolate", "holes", "report")
"""The tabs in the order of a first visit, each by its module beside this one and its id in the page's address."""

RENAMED_TABS: Mapping[str, str] = {"training": "report"}
"""What a tab was called in older links: its name of today."""

FigureMaker: TypeAlias = Callable[[Library, str, Mapping[str, str]], str]
"""(library, run's name, query of the address) -> a plotly figure as JSON text.

Called in a worker thread; the query is untrusted text, `theme` is always there as light or dark. An `ExplorerError`
becomes status 400 with its sentence.
"""

FOLDERS = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:)?[\\/]{1,4}(?:[^\\/\s:;,'\"()]+[\\/]+)+(?=[^\\/\s]+[\\/])")
"""The folders of an absolute path without spaces, but for the innermost; also of a Windows share."""

PRIVATE_FOLDERS: set[Path] = set()
"""Folders whose place on this machine must not be shown to visitors, beside the user's own and the current one."""

Handler = TypeVar("Handler", bound=Callable[..., Any])


def public_sentence(error: ExplorerError) -> str:
    """An error for visitors: with the run's folder and file, without where this machine keeps them."""
    return public_text(str(error))


def public_text(text: str) -> str:
    """A text for visitors, without where this machine keeps its files.

    Folders that are known are cut literally, since their names may hold spaces; of others what looks like a path.
    """
    known = {form for folder in (*PRIVATE_FOLDERS, Path.cwd(), _home()) for form in (folder, folder.absolute())}
    case = re.IGNORECASE if os.name == "nt" else 0
    for folder in sorted(known, key=lambda folder: len(str(folder)), reverse=True):
        if folder.is_absolute() and folder != folder.parent:
            place = rf"(?<![\w.~-]){re.escape(str(folder))}"
            text = re.sub(place + r"[\\/]+", "", text, flags=case)
            text = re.sub(place + r"(?![\w.-])", lambda _, name=folder.name: name, text, flags=case)
    return FOLDERS.sub("", text)


def hide_folders(*folders: Path | None) -> None:
    """Never tell visitors where these folders are; None is passed over."""
    for folder in folders:
        if folder is not None:
            PRIVATE_FOLDERS.update((folder.absolute(), folder.resolve()))


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without one
        return Path.cwd()


def answering(handler: Handler) -> Handler:
    """A handler whose `ExplorerError` is shown on the page as a message; the traceback of a bug stays in the log."""

    @functools.wraps(handler)
    def answer(*values: Any, **named: Any) -> Any:
        try:
            return handler(*values, **named)
        except ExplorerError as error:
            # the message is rendered as HTML, and it may quote what a visitor sent
            raise gr.Error(html.escape(public_sentence(error)), print_exception=False) from None

    return cast(Handler, answer)


@dataclass(kw_only=True)
class Page:
    """The page while it is built: what every tab may use.

    Attributes:
        library: The runs of this process.
        run: The picker of the run; its value is the run's name, or None while there is no run. A visitor may send
            anything: `library.open` and `library.card` refuse what is no run.
        tabs: The tabs; `gr.Tabs(selected="start")` as an event's output opens one of `TABS`.
        notice: A line under the picker for messages that concern the whole page; its value is HTML, so escape names.
        static_url: Folder of the page's own files, relative to the page and without a slash at either end:
            `f"{page.static_url}/explore/tab.js"`. It changes with the files, so that they may be cached for ever.
        api_url: Where the HTTP routes are, relative to the page, without a slash at either end.
    """

    library: Library
    run: gr.Dropdown
    tabs: gr.Tabs
    notice: gr.HTML
    static_url: str
    api_url: str = "explorer/api"
