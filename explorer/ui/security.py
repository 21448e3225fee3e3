"""What stands between the network and the page: plain ASGI layers, outermost first.

    Forwarded      where a request comes from, as far as the word of a proxy counts
    TrustedHosts   answers only under its own names (a foreign name that resolves here is DNS rebinding)
    BodyLimit      bounds what one request may send, and all that are here together
    Guard          closes what the page does not use, refuses other sites' requests, adds headers
    LoginBrake     slows guessing of passwords
    Logout         ends a session only where the page itself asks for it
    LoginRequired  with a password set: everything but the login page itself needs a session
    Visitors       tells who asks, and ends what they asked for when they leave
    Unread         sends large answers piece by piece, and bounds what waits to be read
    Events         refuses what is no event of gradio's page

Before them stands the connection (`explorer.ui.patience`), and after them what edits gradio's page
(`explorer.ui.early`). Gradio has none of these; see its own documentation of
`launch` for what it does check.
"""

import base64
import hashlib
import logging
import re
from collections.abc import Callable, Collection, Sequence
from typing import Literal, TypeAlias
from urllib.parse import parse_qs

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.ui.bodies import BodyLimit
from explorer.ui.events import Events
from explorer.ui.hosts import Forwarded, TrustedHosts, no_tunnel
from explorer.ui.login import LoginBrake, LoginRequired, Logout
from explorer.ui.requests import SAFE_METHODS, header, refuse, route_path
from explorer.ui.unread import Unread
from explorer.ui.visitors import Visitors

logger = logging.getLogger(__name__)

CLOSED = ("/monitoring", "/openapi.json")
"""Routes of gradio that the page never calls; a request whose path begins so is answered with 404. Those below
`/gradio_api/` are closed by `explorer.ui.events`, which lists what the page does call."""

RULES = (
    "default-src 'self'; "
    "style-src 'self' 'unsafe-inline'; "  # gradio's frontend and plotly write style sheets into the page
    "img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; "
    "font-src 'self' data:; "
    "connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; "
    "object-src 'none'; "
    "base-uri 'self'; "
    "form-action 'self'"
)
"""Content-Security-Policy of every answer, without scripts and without who may frame it: nothing comes from or goes to
another site."""

PAGE, EVENTS = b"text/html", b"text/event-stream"
"""Kinds of answers that are treated in ways of their own."""

SCRIPT = re.compile(rb"<script\b([^>]*)>(.*?)</script>", re.DOTALL | re.IGNORECASE)
"""A script of a page: its attributes and its text."""

ELSEWHERE = re.compile(rb"\bsrc\s*=|application/json", re.IGNORECASE)
"""Attributes of a script whose text is not run."""

PLAIN_PAGES = ("/bare",)
"""Pages that are not gradio's."""

PAGES = ("/", *PLAIN_PAGES)
"""Pages that `?embed=1` reduces to what stands well inside another page."""

Frames: TypeAlias = Literal["nobody", "machine", "anybody"]
"""Whose pages may show a reduced page in a frame, beside our own: a page with a log-in is for nobody else's."""

MACHINE = "http://localhost:* http://127.0.0.1:* http://[::1]:* file:"
"""Pages of this machine, and files on its disk, as a Content-Security-Policy spells them."""

MANIFEST = re.compile(rb'<link rel="manifest" href="/manifest.json"[^>]*>')
"""What gradio's page asks of the root of the site, wherever it is mounted: there is no such file."""

YEAR = 31_536_000
"""Seconds."""


class Guard:
    """Closes routes that the page never calls, refuses what other sites make a browser send, adds headers.

    A request that gradio itself stumbles over is answered with 400 and one line in the log: handlers' own errors never
    come this far, and a flood of nonsense must not become a flood of tracebacks.

    Args:
        app: What comes next.
        framed: Whether pages of this machine may show the whole page in a frame, as a notebook does.
        embedding: Whose pages may show the reduced page in a frame.
    """

    def __init__(self, app: ASGIApp, framed: bool = False, embedding: Frames = "nobody") -> None:
        self.app = app
        self.frames: Frames = "machine" if framed else "nobody"
        self.embedding: Frames = embedding
        self.headers = [
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(self), geolocation=(), microphone=(), payment=(), usb=()"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 400, 403 or 404."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = route_path(scope)
        frames = self._frames(scope, path)
        own = [*self.headers]
        if frames == "nobody":
            own.append((b"x-frame-options", b"SAMEORIGIN"))
        if scope.get("scheme") == "https":
            own.append((b"strict-transport-security", f"max-age={YEAR}".encode()))
        started: Message | None = None
        page, held = bytearray(), False

        async def adding(message: Message) -> None:
            nonlocal started, held
            if message["type"] == "http.response.start":
                started = message
                held = _is_of_kind(message, PAGE)  # its scripts are needed first
                if not held:
                    await send(_with(message, own, self._policy(b"", path, frames)))
            elif held and message["type"] == "http.response.body":
                page.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    assert started is not None
                    whole = MANIFEST.sub(b"", bytes(page))
                    fitting = [*own, (b"content-length", str(len(whole)).encode())] if whole else own
                    await send(_with(started, fitting, self._policy(whole, path, frames)))
                    await send({"type": "http.response.body", "body": whole})
            else:
                await send(message)

        if path.startswith(CLOSED):
            await refuse(404, "there is nothing here.", scope, receive, adding)
            return
        if _is_foreign(scope):
            await refuse(403, "requests of other sites are not answered.", scope, receive, adding)
            return
        try:
            await self.app(scope, receive, adding)
        except Exception as error:
            if not path.startswith("/gradio_api/") or (started is not None and not _is_of_kind(started, EVENTS)):
                raise
            logger.warning("a request to %s was no event of this page: %r", path[:100], error)
            if started is None:
                await refuse(400, "this request is no event of the page.", scope, receive, adding)
            else:  # a stream says by itself what is wrong, before it fails
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _frames(self, scope: Scope, path: str) -> Frames:
        """Whose pages may show an answer in a frame."""
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if path in PAGES and query.get("embed") == ["1"] and self.embedding != "nobody":
            return self.embedding
        return self.frames

    def _policy(self, page: bytes, path: str, frames: Frames) -> bytes:
        """What a browser may do with an answer: its own scripts, and those that stand in the page as it was sent.

        gradio's page compiles templates and handlers out of text, which is 'unsafe-eval'; no other answer needs it.
        """
        scripts = [text for attributes, text in SCRIPT.findall(page) if not ELSEWHERE.search(attributes)]
        allowed = ["'self'", "'wasm-unsafe-eval'", *dict.fromkeys(map(_source, scripts))]
        if page and path not in PLAIN_PAGES:
            allowed.append("'unsafe-eval'")
        ancestors = "" if frames == "anybody" else "; frame-ancestors 'self'"  # "*" would leave out files on a disk
        if frames == "machine":
            ancestors += f" {MACHINE}"
        return f"{RULES}; script-src {' '.join(allowed)}{ancestors}".encode()


def _is_of_kind(start: Message, media_type: bytes) -> bool:
    kind = next((value for name, value in start.get("headers", []) if name.lower() == b"content-type"), b"")
    return kind.startswith(media_type)


def _with(start: Message, own: list[tuple[bytes, bytes]], policy: bytes) -> Message:
    """The begin of an answer with our headers in place of its own."""
    ours = [*own, (b"content-security-policy", policy)]
    names = {name for name, _ in ours}
    theirs = [pair for pair in start.get("headers", []) if pair[0].lower() not in names]
    return {**start, "headers": [*theirs, *ours]}


def _source(script: bytes) -> str:
    """A script as a Content-Security-Policy allows it; a browser sees one end of a line where a file has two."""
    text = script.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'"


def layers(
    names: Sequence[str],
    any_address: bool,
    limit: int,
    framed: bool,
    embedding: Frames = "nobody",
    accounts: Collection[str] = (),
    proxies: Sequence[str] = (),
    tunnel: Callable[[], bool] = no_tunnel,
) -> list[Middleware]:
    """All layers, outermost first; the arguments are those of the layers."""
    return [
        Middleware(Forwarded, proxies=proxies, tunnel=tunnel),
        Middleware(TrustedHosts, names=names, any_address=any_address, tunnel=tunnel),
        Middleware(BodyLimit, limit=limit),
        Middleware(Guard, framed=framed, embedding=embedding),
        Middleware(LoginBrake, accounts=accounts),
        Middleware(Logout),
        Middleware(LoginRequired),
        Middleware(Visitors),
        Middleware(Unread),
        Middleware(Events),
    ]


def _is_foreign(scope: Scope) -> bool:
    """Whether a browser says that another site made this request; to follow a link from there is no offence.

    Reading is refused as well as writing: gradio lets every site read what is served under a public name.
    """
    follows_link = scope["method"] in SAFE_METHODS and header(scope, b"sec-fetch-mode") == "navigate"
    if header(scope, b"sec-fetch-site") in ("cross-site", "same-site") and not follows_link:
        return True
    origin = header(scope, b"origin").split("://")[-1].lower()
    own = (header(scope, b"host"), header(scope, b"x-forwarded-host").split(",")[0].strip())
    return bool(origin) and origin not in (name.lower() for name in own if name)
