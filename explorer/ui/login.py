"""The password: who may try how often, what needs a session, and how one ends."""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection

import anyio
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.ui.requests import SAFE_METHODS, header, refuse, replayed, route_path, whole_body
from explorer.ui.visitors import cookies_of, network_of, session_of

DOORS = (
    "/login",
    "/logout",
    "/healthz",
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
"""Pairs of account and address whose failed logins are remembered."""

DEVICE = "explorer-device"
"""Cookie of a browser that has logged in before: its next attempts are counted apart from everybody else's."""

DEVICE_DAYS = 90


class LoginBrake:
    """Slows guessing of passwords: after a burst of failures, one attempt every few seconds.

    Every pair of account and address has an allowance, so that who guesses at one account holds up nobody else, not
    even behind the one address of a tunnel. An account also has one for all addresses together, `CROWD` times as
    large. A browser that has logged in before has an allowance of its own: no guesser can use that up, from whatever
    addresses. All names that are no accounts count as one, so that inventing names makes the brake forget nothing.

    Who has used up an allowance waits for the next attempt; only where `WAITING` attempts wait already, the next is
    refused.

    Args:
        app: What comes next.
        accounts: Their names; None where every name may be one. Without accounts nothing is slowed down.
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
        accounts: Collection[str] | None = None,
        burst: int = 8,
        seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self.app = app
        self.accounts = None if accounts is None else frozenset(accounts)
        self.burst = burst
        self.seconds = seconds
        self.clock = clock
        self.sleep = sleep
        self._secret = secrets.token_bytes(32)
        self._pairs: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # whose -> (attempts left, when)
        self._crowds: dict[bytes, tuple[float, float]] = {}  # of accounts, which nobody can invent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, at once or after a while, or answer 429."""
        is_login = scope["type"] == "http" and route_path(scope).rstrip("/") == "/login"
        if not is_login or scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, send)
            return
        body = await whole_body(receive, self.MOST_BODY)
        if body is None:
            await refuse(413, f"a login is smaller than {self.MOST_BODY:,} bytes.", scope, receive, send)
            return
        if self.accounts == frozenset():  # there is nothing to guess
            await self.app(scope, replayed(body, receive), send)
            return
        account = await _account(scope, body)
        if self.accounts is not None and account not in self.accounts:
            account = ""
        device = self._device(account, cookies_of(scope).get(DEVICE, ""))
        if device is not None:
            shares = {_digest("device", account, device): 1}
        else:
            address = network_of((scope.get("client") or ("",))[0])
            shares = {_digest(account, address): 1, _digest(account): self.CROWD}
        left = {who: self._left(who, share) for who, share in shares.items()}
        if any(left[who] < 1 - self.WAITING * share for who, share in shares.items()):
            await refuse(429, "too many failed logins; wait a few seconds.", scope, receive, send)
            return
        for who, attempts in left.items():  # taken before the answer: parallel guesses count too
            self._remember(who, attempts - 1, shares[who])
        wait = max((1 - left[who]) * self.seconds / share for who, share in shares.items())
        if wait > 0:
            await self.sleep(wait)

        is_tls = scope.get("scheme") == "https"

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                for who, share in shares.items():
                    if share == 1:
                        self._pairs.pop(who, None)
                    else:
                        self._remember(who, self._left(who, share) + 1, share)
                headers = [*message.get("headers", []), (b"set-cookie", self._cookie(account, scope))]
                message = {**message, "headers": [_kept_to_tls(*pair) if is_tls else pair for pair in headers]}
            await send(message)

        await self.app(scope, replayed(body, receive), noting)

    def _device(self, account: str, cookie: str) -> str | None:
        """The browser that a cookie stands for, if it logged into this account before."""
        name, _, seal = cookie.partition(".")
        known = hmac.compare_digest(seal.encode("utf-8", "replace"), self._seal(account, name).encode())
        return name if account and name and known else None

    def _seal(self, account: str, name: str) -> str:
        return hmac.new(self._secret, _digest(account, name), "sha256").hexdigest()

    def _cookie(self, account: str, scope: Scope) -> bytes:
        name, place = secrets.token_urlsafe(16), f"{scope.get('root_path', '').rstrip('/')}/"
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        kept = f"Max-Age={86_400 * DEVICE_DAYS}; Path={place}; HttpOnly; SameSite=Strict{secure}"
        return f"{DEVICE}={name}.{self._seal(account, name)}; {kept}".encode("latin-1")

    def _left(self, who: bytes, share: int) -> float:
        most = float(self.burst * share)
        left, when = (self._pairs if share == 1 else self._crowds).get(who, (most, self.clock()))
        return min(most, left + (self.clock() - when) * share / self.seconds)

    def _remember(self, who: bytes, left: float, share: int) -> None:
        if share != 1:
            if self.accounts is not None or len(self._crowds) < MOST_ADDRESSES or who in self._crowds:
                self._crowds[who] = (left, self.clock())
            return
        self._pairs[who] = (left, self.clock())
        self._pairs.move_to_end(who)
        while len(self._pairs) > MOST_ADDRESSES:
            self._pairs.popitem(last=False)


class Logout:
    """Ends a session only where the page itself asks for it: by POST, from the same origin.

    gradio ends all sessions of an account by a GET, which any link or picture of another site makes a browser send.

    Args:
        app: What comes next.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 403 or 405."""
        if scope["type"] != "http" or route_path(scope).rstrip("/") != "/logout":
            await self.app(scope, receive, send)
            return
        if scope["method"] != "POST":
            await refuse(405, "a session is ended by a POST of the page.", scope, receive, send)
        elif header(scope, b"sec-fetch-site") != "same-origin" and not header(scope, b"origin"):
            await refuse(403, "a session is ended by the page itself.", scope, receive, send)
        else:  # another site's origin was refused before
            await self.app({**scope, "method": "GET", "path": scope["path"].rstrip("/")}, receive, send)


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


def is_logged_in(scope: Scope) -> bool:
    """Whether the request carries a session of gradio's login, or none is asked for."""
    return scope["app"].auth is None or session_of(scope, cookies_of(scope)) is not None


async def _account(scope: Scope, body: bytes) -> str:
    """The account that a login form names, read as gradio reads it; "" for what is no form."""
    try:
        name = (await Request(scope, replayed(body)).form()).get("username")
    except Exception:  # noqa: BLE001 - the form's own reader answers the nonsense; all of it shares one allowance
        return ""
    return name.strip() if isinstance(name, str) else ""


def _kept_to_tls(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A header whose cookie goes over TLS alone: gradio hands out its session twice, once for pages without."""
    attributes = [part.strip().lower() for part in value.split(b";")[1:]]
    return name, value if name.lower() != b"set-cookie" or b"secure" in attributes else value + b"; Secure"


def _digest(*parts: str) -> bytes:
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).digest()
