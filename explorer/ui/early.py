"""The page without gradio on gradio's own address, so that the first picture moves long before gradio is there.

A pure ASGI layer, the innermost, edits gradio's page on its way out: the body of the bare page (`explorer.ui.bare`)
goes before gradio's element, and stays. Gradio is started by `static/page/gradio.js` once nobody moves, and shows what
only it has. Where gradio's HTML does not look as expected, it goes out as it is, and so do the login page and the page
without runs.
"""

import re
from collections.abc import Mapping
from typing import Any

import anyio.to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.library import Library
from explorer.ui import bare
from explorer.ui.login import is_logged_in
from explorer.ui.requests import route_path
from explorer.ui.static_files import StaticFiles

MODULE = re.compile(rb'<script type="module" crossorigin src="([\w./-]+)"></script>')
"""What starts gradio's page."""

SHEET = re.compile(rb'<link rel="stylesheet" crossorigin href="[\w./-]+">')
"""Gradio's style sheet, which holds up the first picture unless it is for no medium."""

APP = re.compile(rb"<gradio-app\b")
"""Gradio's element."""

STARTER = """
(() => {
  window.explorerGradio = () => {
    document.querySelector("link[data-gradio]").media = "all";
    const module = { type: "module", crossOrigin: "", src: "MODULE" };
    document.head.append(Object.assign(document.createElement("script"), module));
  };
  addEventListener("error", ({ target }) => {
    if (!target.matches?.("#explorer-early > script")) return;
    document.getElementById("explorer-early").remove();
    window.explorerGradio();
  }, true);
})();
"""
"""Lets gradio's module be started, which is done once; where our own does not load, gradio's page is the whole one."""


class Early:
    """Puts the body of the bare page in front of gradio's element.

    Args:
        app: What comes next.
        library: The runs; none of them is opened.
        static: The page's own files.
        tabs: The tabs by name, each with its `CONTENT`.
    """

    def __init__(self, app: ASGIApp, library: Library, static: StaticFiles, tabs: Mapping[str, Any]) -> None:
        self.app = app
        self.library, self.static, self.tabs = library, static, tabs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and edit what comes back if it is gradio's page."""
        if scope["type"] != "http" or scope["method"] != "GET" or route_path(scope) != "/" or not is_logged_in(scope):
            await self.app(scope, receive, send)
            return
        started: Message | None = None
        page = bytearray()

        async def editing(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start" and message["status"] == 200 and _is_html(message):
                started = message
            elif started is None or message["type"] != "http.response.body":
                await send(message)
            else:
                page.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    whole = await anyio.to_thread.run_sync(self.edited, bytes(page))
                    kept = [pair for pair in started["headers"] if pair[0].lower() != b"content-length"]
                    length = (b"content-length", str(len(whole)).encode())
                    await send({**started, "headers": [*kept, length]})
                    await send({"type": "http.response.body", "body": whole})

        await self.app(scope, receive, editing)

    def edited(self, page: bytes) -> bytes:
        """Gradio's page, as it sends it, with the bare one in front; the same where it does not look as expected."""
        modules, sheets = MODULE.findall(page), SHEET.findall(page)
        found = len(modules), len(sheets), len(APP.findall(page)), page.count(b"</head>")
        has_tabs = any(hasattr(tab, "CONTENT") for tab in self.tabs.values())
        if self.library.default() is None or not has_tabs or found != (1, 1, 1, 1):
            return page
        head = [
            f"<title>{bare.TITLE}</title>",
            *bare.worn_first(self.static, ["page/frame.css", "page/bare.css", "page/early.css"]),
            *bare.announced(self.library, self.static, "page/bare", self.tabs),
            f"<script>{STARTER.replace('MODULE', modules[0].decode())}</script>",
        ]
        body = [
            '<div id="explorer-early">',
            *bare.frame(self.library, self.tabs),
            f'<script type="module" src="{self.static.url}/page/bare.js"></script></div>',
        ]
        waiting = sheets[0].removesuffix(b">") + b' media="not all" data-gradio>'
        page = MODULE.sub(b"", page).replace(sheets[0], waiting)  # where it is: our sheets count more, being later
        page = page.replace(b"</head>", "\n".join([*head, "</head>"]).encode())
        return APP.sub(lambda found: "\n".join(body).encode() + found[0], page)


def _is_html(start: Message) -> bool:
    kind = next((value for name, value in start.get("headers", []) if name.lower() == b"content-type"), b"")
    return kind.startswith(b"text/html")
