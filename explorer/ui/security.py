"""What stands between the network and the page: plain ASGI layers, outermost first.

    TrustedHosts   answers only under its own names (a foreign name that resolves here is DNS rebinding)
    BodyLimit      bounds what one request may send
    Guard          closes what the page does not use, refuses other sites' requests, adds headers
    LoginBrake     slows guessing of passwords
    LoginRequired  with a password set: everything but the login page itself needs a session

Gradio has none of these; see its own documentation of `launch` for what it does check.
"""

import hashlib
import ipaddress
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence

import anyio
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

POLICY = (
    "default-src 'self'; "
    "script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval'; "  # gr.HTML compiles templates; programs run
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; "
    "font-src 'self' data:; "
    "connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; "
    "object-src 'none'; "
    "base-uri 'self'; "
    "form-action 'self'"
)
"""Content-Security-Policy of every answer, without who may frame it: nothing comes from or goes to another site."""

CLOSED = (
    "/monitoring",
    "/openapi.json",
    "/gradio_api/api/",
    "/gradio_api/call/",
    "/gradio_api/deep_link",
    "/gradio_api/dev/",
    "/gradio_api/info",
    "/gradio_api/mcp",
    "/gradio_api/openapi.json",
    "/gradio_api/process_recording",
    "/gradio_api/profiling",
    "/gradio_api/proxy=",
    "/gradio_api/run-history",
    "/gradio_api/runs",
    "/gradio_api/stream",
    "/gradio_api/undo-vibe",
    "/gradio_api/upload",
    "/gradio_api/vibe",
)
"""Routes of gradio that the page never calls; a request whose path begins so is answered with 404."""

DOORS = (
    "/login",
    "/logout",
    "/assets/",
    "/static/",
    "/svelte/",
    "/favicon.ico",
    "/manifest.json",
    "/pwa_icon",
    "/robots.txt",
    "/theme.css",
    "/explorer/static/",
    "/gradio_api/app_id",
    "/gradio_api/startup-events",
    "/gradio_api/theme.css",
)
"""What a visitor needs to see the login page and to log in, and what gradio asks of itself when it starts."""

MOST_ADDRESSES = 10_000
"""Accounts at addresses whose failed logins are remembered."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def header(scope: Scope, name: bytes) -> str:
    """A header of the request, or an empty string; of several of one name the last."""
    return dict(scope["headers"]).get(name, b"").decode("latin-1")


def route_path(scope: Scope) -> str:
    """The path that routes are matched against: without the folder the page is mounted under, if any."""
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    if root and path.startswith(root) and path[len(root) :][:1] in ("", "/"):
        return path[len(root) :] or "/"
    return path


def host_name(host: str) -> str:
    """The name in a Host header, in lower case, without its port; an IPv6 address keeps its brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.rsplit(":", 1)[0] if ":" in host else host


async def refuse(status: int, sentence: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with one sentence as JSON, and close the connection's interest in the rest of the request."""
    headers = {"retry-after": "5"} if status in (429, 503) else None
    await JSONResponse({"error": sentence}, status, headers)(scope, receive, send)


class TrustedHosts:
    """Answers only requests that name this server by a name of its own.

    Args:
        app: What comes next.
        names: Host names and addresses, without ports; "*.example.org" allows every name below example.org.
        any_address: Also allow every literal IP address: nobody can rebind one. For servers that listen on all
            interfaces.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str], any_address: bool = False) -> None:
        self.app = app
        self.names = frozenset(host_name(name) for name in names if not name.startswith("*."))
        self.endings = tuple(name[1:].lower() for name in names if name.startswith("*."))
        self.any_address = any_address

    def trusts(self, host: str) -> bool:
        """Whether a Host header names this server."""
        name = host_name(host)
        if name in self.names or (self.endings and name.endswith(self.endings)):
            return True
        return self.any_address and _is_address(name.strip("[]"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 400."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        hosts = [value.decode("latin-1") for key, value in scope["headers"] if key == b"host"]
        forwarded = header(scope, b"x-forwarded-host").split(",")[0]
        if len(hosts) != 1 or not self.trusts(hosts[0]) or (forwarded and not self.trusts(forwarded)):
            sentence = "this server does not go by that name; add the name to $EXPLORER_HOSTS."
            if scope["type"] == "http":
                await refuse(400, sentence, scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return
        # gradio builds addresses from this header, and only its own proxy would send it
        headers = [(key, value) for key, value in scope["headers"] if key != b"x-gradio-server"]
        await self.app({**scope, "headers": headers}, receive, send)


class BodyLimit:
    """Bounds the body of a request, whether or not it says its length.

    Args:
        app: What comes next.
        limit: Most bytes of one body.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 413."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sentence = f"the request is larger than {self.limit:,} bytes."
        said = header(scope, b"content-length")
        if said and (not said.isdecimal() or int(said[:20]) > self.limit):
            await refuse(413, sentence, scope, receive, send)
            return
        received, started, exceeded = 0, False, False

        async def counted() -> Message:
            nonlocal received, exceeded
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > self.limit:
                    exceeded = True
                    return {"type": "http.disconnect"}
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            if exceeded and not started:
                return  # what the app says of a body it did not see is replaced below
            started = True
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except Exception:
            if not exceeded or started:
                raise
        if exceeded and not started:
            await refuse(413, sentence, scope, receive, send)


class LoginBrake:
    """Slows guessing of passwords: after a burst of failures, one attempt every few seconds.

    Every pair of account and address has an allowance, so that who guesses at one account holds up nobody else, not
    even behind the one address of a tunnel. An account also has one for all addresses together, `CROWD` times as
    large, because behind a proxy an address is what somebody writes into a header. Who has used up an allowance waits
    for the next attempt; only where `WAITING` attempts wait already, the next is refused.

    Args:
        app: What comes next.
        burst: Failures of one account at one address that are free.
        seconds: Until one more attempt is allowed.
        clock: Seconds that only grow.
        sleep: Waits for seconds.
    """

    CROWD = 10
    WAITING = 4
    MOST_BODY = 10_000
    """Bytes of a login form."""

    def __init__(
        self,
        app: ASGIApp,
        burst: int = 8,
        seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self.app = app
        self.burst = burst
        self.seconds = seconds
        self.clock = clock
        self.sleep = sleep
        self._allowances: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # whose -> (attempts left, when)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, at once or after a while, or answer 429."""
        is_login = scope["type"] == "http" and route_path(scope).rstrip("/") == "/login"
        if not is_login or scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, send)
            return
        body = await self._body(receive)
        if body is None:
            await refuse(413, f"a login is smaller than {self.MOST_BODY:,} bytes.", scope, receive, send)
            return
        account = await _account(scope, body)
        address = (scope.get("client") or ("",))[0]
        pair, crowd = _digest(account, address), _digest(account)
        shares = {pair: 1, crowd: self.CROWD}
        left = {who: self._left(who, share) for who, share in shares.items()}
        if any(left[who] < 1 - self.WAITING * share for who, share in shares.items()):
            await refuse(429, "too many failed logins; wait a few seconds.", scope, receive, send)
            return
        for who, attempts in left.items():  # taken before the answer: parallel guesses count too
            self._remember(who, attempts - 1)
        wait = max((1 - left[who]) * self.seconds / share for who, share in shares.items())
        if wait > 0:
            await self.sleep(wait)

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                self._allowances.pop(pair, None)
                self._remember(crowd, self._left(crowd, self.CROWD) + 1)
            await send(message)

        await self.app(scope, _replayed(body, receive), noting)

    async def _body(self, receive: Receive) -> bytes | None:
        """The body of the login; None when it is too large for one."""
        body, more = bytearray(), True
        while more:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self.MOST_BODY:
                return None
            more = message["type"] == "http.request" and message.get("more_body", False)
        return bytes(body)

    def _left(self, who: bytes, share: int) -> float:
        most = float(self.burst * share)
        left, when = self._allowances.get(who, (most, self.clock()))
        return min(most, left + (self.clock() - when) * share / self.seconds)

    def _remember(self, who: bytes, left: float) -> None:
        self._allowances[who] = (left, self.clock())
        self._allowances.move_to_end(who)
        while len(self._allowances) > MOST_ADDRESSES:
            self._allowances.popitem(last=False)


async def _account(scope: Scope, body: bytes) -> str:
    """The account that a login form names, read as gradio reads it; "" for what is no form."""
    try:
        name = (await Request(scope, _replayed(body)).form()).get("username")
    except Exception:  # noqa: BLE001 - the form's own reader answers the nonsense; all of it shares one allowance
        return ""
    return name.strip() if isinstance(name, str) else ""


def _digest(*parts: str) -> bytes:
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).digest()


def _replayed(body: bytes, rest: Receive | None = None) -> Receive:
    """Receives a body that was read already, then whatever follows."""
    told = False

    async def receive() -> Message:
        nonlocal told
        if told:
            return await rest() if rest is not None else {"type": "http.disconnect"}
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


class Guard:
    """Closes routes that the page never calls, refuses what other sites make a browser send, adds headers.

    A request that gradio itself stumbles over is answered with 400 and one line in the log: handlers' own errors never
    come this far, and a flood of nonsense must not become a flood of tracebacks.

    Args:
        app: What comes next.
        framed: Whether pages of this machine may show the page in a frame, as a notebook does.
    """

    def __init__(self, app: ASGIApp, framed: bool = False) -> None:
        self.app = app
        frames = "'self' http://localhost:* http://127.0.0.1:*" if framed else "'self'"
        self.headers = [
            (b"content-security-policy", f"{POLICY}; frame-ancestors {frames}".encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(self), geolocation=(), microphone=(), payment=(), usb=()"),
        ]
        if not framed:
            self.headers.append((b"x-frame-options", b"SAMEORIGIN"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 400, 403 or 404."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        started = False

        async def adding(message: Message) -> None:
            nonlocal started
            started = True
            if message["type"] == "http.response.start":
                theirs = [pair for pair in message.get("headers", []) if pair[0].lower() not in _names(self.headers)]
                message = {**message, "headers": [*theirs, *self.headers]}
            await send(message)

        if route_path(scope).startswith(CLOSED):
            await refuse(404, "there is nothing here.", scope, receive, adding)
            return
        if _is_foreign(scope):
            await refuse(403, "requests of other sites are not answered.", scope, receive, adding)
            return
        try:
            await self.app(scope, receive, adding)
        except Exception as error:
            if started or not route_path(scope).startswith("/gradio_api/"):
                raise
            logger.warning("a request to %s was no event of this page: %r", route_path(scope)[:100], error)
            await refuse(400, "this request is no event of the page.", scope, receive, adding)


class LoginRequired:
    """With a password set, lets only a visitor with gradio's own session past `DOORS` and the login page.

    Args:
        app: What comes next.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 401."""
        if scope["type"] != "http" or is_logged_in(scope):
            await self.app(scope, receive, send)
            return
        path = route_path(scope)
        if path == "/" or path.startswith(DOORS):  # "/" answers with the login page
            await self.app(scope, receive, send)
            return
        await refuse(401, "log in first.", scope, receive, send)


def layers(names: Sequence[str], any_address: bool, limit: int, framed: bool) -> list[Middleware]:
    """All layers, outermost first; the arguments are those of the layers."""
    return [
        Middleware(TrustedHosts, names=names, any_address=any_address),
        Middleware(BodyLimit, limit=limit),
        Middleware(Guard, framed=framed),
        Middleware(LoginBrake),
        Middleware(LoginRequired),
    ]


def is_logged_in(scope: Scope) -> bool:
    """Whether the request carries a session of gradio's login, or none is asked for."""
    server = scope["app"]
    if server.auth is None:
        return True
    cookies = Request(scope).cookies
    names = (f"access-token-{server.cookie_id}", f"access-token-unsecure-{server.cookie_id}")
    return any(cookies.get(name) in server.tokens for name in names)


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


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _names(headers: list[tuple[bytes, bytes]]) -> set[bytes]:
    return {name for name, _ in headers}
