"""By which names this server is asked, and whose word it takes for where a request comes from."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from explorer.ui.requests import header, refuse, route_path

HOST = re.compile(r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9_.-]{0,252}))(?::[0-9]{1,5})?")
"""A Host header: a name or an address, and a port; no user, no second port, nothing after a bracket."""

TUNNEL = ".gradio.live"
"""End of the names that gradio's service gives its tunnels."""

FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-port",
             b"x-forwarded-prefix", b"x-real-ip")  # fmt: skip
"""Headers in which a proxy tells what it was asked; from anybody else they are dropped."""

PASSED_ON = "explorer.passed_on"
"""Says in the scope of a request whether somebody passed it on, as they tell themselves, believed or not."""

HEALTH = "/healthz"
"""Where a proxy or a supervisor asks whether the server lives, by whatever name it reaches it."""


def no_tunnel() -> bool:
    """There is no tunnel."""
    return False


def host_name(host: str) -> str | None:
    """The name in a Host header, in lower case, without its port; None for what is no host."""
    found = HOST.fullmatch(host.strip().lower())
    if found is None:
        return None
    name = found["name"]
    if name.startswith("[") and not _is_address(name[1:-1]):
        return None
    return name.removesuffix(".") if name != "." else None


def _is_of_a_proxy(name: bytes) -> bool:
    """Whether a header is one that proxies add, such as X-Forwarded-Server, True-Client-IP or CDN-Loop."""
    return name in (*FORWARDED, b"via", b"cdn-loop") or name.startswith(b"x-forwarded") or name.endswith(b"-ip")


class Forwarded:
    """Believes of where a request comes from what a named proxy, or this page's own tunnel, says; else its connection.

    Args:
        app: What comes next.
        proxies: Addresses and networks of the proxies.
        tunnel: Tells whether there is a tunnel now, which connects from this machine.
    """

    def __init__(self, app: ASGIApp, proxies: Sequence[str] = (), tunnel: Callable[[], bool] = no_tunnel) -> None:
        self.app = app
        self.tunnel = tunnel
        self.believing = ProxyHeadersMiddleware(app, list(proxies))  # pyright: ignore[reportArgumentType]
        self.tunnelling = ProxyHeadersMiddleware(app, ["127.0.0.1", "::1"])  # pyright: ignore[reportArgumentType]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        peer = (scope.get("client") or ("",))[0]
        scope = {**scope, PASSED_ON: any(map(_is_of_a_proxy, (name for name, _ in scope["headers"])))}
        if peer in self.believing.trusted_hosts:
            await self.believing(scope, receive, send)  # pyright: ignore[reportArgumentType]
            return
        headers = scope["headers"]
        told = (host_name(header(scope, name)) or "" for name in (b"host", b"x-forwarded-host"))
        if peer in self.tunnelling.trusted_hosts and any(name.endswith(TUNNEL) for name in told) and self.tunnel():
            believed = (b"x-forwarded-for", b"x-forwarded-host")
            kept = [pair for pair in headers if pair[0] not in FORWARDED or pair[0] in believed]
            # gradio's service speaks TLS to visitors whatever it says
            through = {**scope, "headers": [*kept, (b"x-forwarded-proto", b"https")]}
            await self.tunnelling(through, receive, send)  # pyright: ignore[reportArgumentType]
            return
        kept = [pair for pair in headers if pair[0] not in FORWARDED]
        await self.app({**scope, "headers": kept}, receive, send)


class TrustedHosts:
    """Answers only requests that name this server by a name of its own.

    Args:
        app: What comes next.
        names: Host names and addresses, without ports; "*.example.org" allows every name below example.org.
        any_address: Also allow every literal IP address: nobody can rebind one. For servers that listen on all
            interfaces.
        tunnel: Tells whether there is a tunnel now, whose names are then ours.
    """

    def __init__(
        self,
        app: ASGIApp,
        names: Iterable[str],
        any_address: bool = False,
        tunnel: Callable[[], bool] = no_tunnel,
    ) -> None:
        self.app = app
        own = [name for name in names if not name.startswith("*.")]
        self.names = frozenset(filter(None, map(host_name, own)))
        self.endings = tuple(name[1:].lower() for name in names if name.startswith("*."))
        self.any_address = any_address
        self.tunnel = tunnel

    def trusts(self, host: str) -> bool:
        """Whether a Host header names this server."""
        name = host_name(host)
        if name is None:
            return False
        if name in self.names or (self.endings and name.endswith(self.endings)):
            return True
        if name.endswith(TUNNEL) and self.tunnel():
            return True
        return self.any_address and _is_address(name.strip("[]"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 400."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        hosts = [value.decode("latin-1") for key, value in scope["headers"] if key == b"host"]
        forwarded = header(scope, b"x-forwarded-host").split(",")[0]
        asked_for_health = scope["type"] == "http" and route_path(scope) == HEALTH
        trusted = len(hosts) == 1 and self.trusts(hosts[0]) and (not forwarded or self.trusts(forwarded))
        if not trusted and not asked_for_health:
            sentence = "this server does not go by that name; add the name to $EXPLORER_HOSTS."
            if scope["type"] == "http":
                await refuse(400, sentence, scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return
        # gradio builds addresses from this header, and only its own proxy would send it
        headers = [(key, value) for key, value in scope["headers"] if key != b"x-gradio-server"]
        await self.app({**scope, "headers": headers}, receive, send)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
