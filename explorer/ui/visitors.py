"""Who asks, and whether they still wait.

A visitor is a session of the login, else an address with a random cookie. Cookies can be thrown away, so that an
address is bounded as well, more generously: a class sits behind one.
"""

import asyncio
import contextlib
import ipaddress
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.ui.requests import SAFE_METHODS, refuse, route_path

COOKIE = "explorer-visitor"
"""Tells visitors behind one address apart; it lasts as long as the browser runs, and says nothing about anybody."""

NAME = re.compile(r"[A-Za-z0-9_-]{22}")
"""A name that `secrets.token_urlsafe(16)` makes."""

PAGES, TOLD = ("/", "/bare"), ("/config",)
"""Whole pages, which hand out the cookie, and what is as large."""

OWN = "/explorer/api/"
"""Where work ends with the visitor who asked for it; gradio looks after its own."""

STREAMS = ("/gradio_api/heartbeat/", "/gradio_api/queue/data")
"""Answers that go on as long as somebody listens."""

AT_ONCE, IN_LINE = 16, 240
"""Requests of one visitor that are worked on at once, and that wait; a browser has 6 under way, or 100 by a proxy."""

PAGES_AT_ONCE = 2
"""Whole pages of one visitor that are put together at once: each takes tens of milliseconds of the one interpreter."""

EVENTS, EVENTS_AT_ONCE = "/gradio_api/run/", 4
"""Where gradio's events are worked on at once, and how many of one visitor: its 16 threads serve all."""

STREAMS_EACH, STREAMS_OF_ADDRESS = 12, 400
"""Streams of one visitor, six open pages, and of one address; those of this machine are many visitors."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who asks.

    Attributes:
        address: Where from; of IPv6 the network that one household has.
        name: The session or cookie; "" for all without one.
    """

    address: str = ""
    name: str = ""

    @property
    def is_here(self) -> bool:
        """Whether the address is this machine's own, so that it may be anybody behind a tunnel or a proxy."""
        return self.address in ("", "testclient") or _is_loopback(self.address)


@dataclass(slots=True)
class Presence:
    """A request's visitor, and whether they went away before it was answered."""

    visitor: Visitor
    gone: bool = False


@dataclass(slots=True)
class _Gate:
    """The requests of one visitor: all that are here, and places for those that are worked on, by their kind."""

    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    pages: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PAGES_AT_ONCE))
    events: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(EVENTS_AT_ONCE))
    inside: int = 0

    def of(self, path: str) -> asyncio.Semaphore:
        """The places for requests of a path."""
        if (path.rstrip("/") or "/") in (*PAGES, *TOLD):
            return self.pages
        return self.events if path.startswith(EVENTS) else self.places


PRESENCE: ContextVar[Presence] = ContextVar("PRESENCE", default=Presence(Visitor()))  # noqa: B039 - nobody's, never changed
"""Who made the request that is being answered, in its task and its threads."""


class Visitors:
    """Tells who asks, ends what a visitor asked for when they leave, and bounds their streams of events.

    Args:
        app: What comes next.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.streams: Counter[object] = Counter()
        self.gates: dict[Visitor, _Gate] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 503."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        cookies = cookies_of(scope)
        presence = Presence(visitor_of(scope, cookies))
        token, path = PRESENCE.set(presence), route_path(scope)
        try:
            if path.startswith(STREAMS):
                await self._stream(presence.visitor, scope, receive, send)
            elif path.startswith(OWN):
                await self._while_present(presence, scope, receive, send)
            elif path in PAGES and not NAME.fullmatch(cookies.get(COOKIE, "")):
                await self._in_turn(presence.visitor, scope, receive, _naming(scope, send))
            else:
                await self._in_turn(presence.visitor, scope, receive, send)
        finally:
            PRESENCE.reset(token)

    async def _in_turn(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on when fewer than `AT_ONCE` requests of the visitor are worked on."""
        gate = self.gates.setdefault(visitor, _Gate())
        if gate.inside >= AT_ONCE + IN_LINE:
            await refuse(503, "the server is busy; try again in a few seconds.", scope, receive, send)
            return
        gate.inside += 1
        try:
            async with gate.of(route_path(scope)):
                await self.app(scope, receive, send)
        finally:
            gate.inside -= 1
            if not gate.inside:
                self.gates.pop(visitor, None)

    async def _stream(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        address = None if visitor.is_here else visitor.address
        full = address is not None and self.streams[address] >= STREAMS_OF_ADDRESS
        if full or self.streams[visitor] >= STREAMS_EACH * (1 if visitor.name else 4):
            await refuse(503, "too many pages of yours are open; close some of them.", scope, receive, send)
            return
        with self._counted(visitor), self._counted(address):
            await self.app(scope, receive, send)

    @contextlib.contextmanager
    def _counted(self, who: object) -> Iterator[None]:
        self.streams[who] += 1
        try:
            yield
        finally:
            self.streams[who] -= 1
            if not self.streams[who]:
                del self.streams[who]

    async def _while_present(self, presence: Presence, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on until the answer is there or the visitor is gone.

        Who listens for a farewell takes the body's place in the queue: it is read first, or there is none.
        """
        whole, here = asyncio.Event(), anyio.CancelScope()
        empty = scope["method"] in SAFE_METHODS
        if empty:
            whole.set()

        async def told() -> Message:
            nonlocal empty
            if empty:
                empty = False
                return {"type": "http.request", "body": b"", "more_body": False}
            if whole.is_set():  # the watch is listening
                await anyio.sleep_forever()
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False):
                whole.set()
            return message

        async def watch() -> None:
            await whole.wait()
            while (await receive())["type"] != "http.disconnect":
                pass
            presence.gone = True
            here.cancel()

        watching = asyncio.create_task(watch())
        try:
            with here:
                await self._in_turn(presence.visitor, scope, told, send)
        finally:
            watching.cancel()


def visitor_of(scope: Scope, cookies: dict[str, str]) -> Visitor:
    """Who makes a request."""
    address = network_of((scope.get("client") or ("",))[0])
    session = session_of(scope, cookies)
    if session is not None:
        return Visitor(address, session)
    name = cookies.get(COOKIE, "")
    return Visitor(address, name if NAME.fullmatch(name) else "")


def session_of(scope: Scope, cookies: dict[str, str]) -> str | None:
    """The session of gradio's login that a request carries, if any."""
    server: Any = scope.get("app")
    if getattr(server, "auth", None) is None:
        return None
    names = (f"access-token-{server.cookie_id}", f"access-token-unsecure-{server.cookie_id}")
    return next((cookies[name] for name in names if cookies.get(name) in server.tokens), None)


def cookies_of(scope: Scope) -> dict[str, str]:
    """The cookies of a request; what is nonsense among them is passed over."""
    return Request(scope).cookies


def network_of(address: str) -> str:
    """An address; of IPv6 the /64 that one household has, in which anybody invents as many as they like."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:100]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        if not parsed.is_loopback:
            return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _is_loopback(address: str) -> bool:
    return address in ("127.0.0.1", "::1")


def _naming(scope: Scope, send: Send) -> Send:
    """Hands out a name with the answer."""
    place = f"{scope.get('root_path', '').rstrip('/')}/"
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    cookie = f"{COOKIE}={secrets.token_urlsafe(16)}; Path={place}; HttpOnly; SameSite=Lax{secure}"

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), (b"set-cookie", cookie.encode("latin-1"))]}
        await send(message)

    return named
