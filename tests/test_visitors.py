"""Who asks: addresses, cookies, sessions, and whose word counts for them."""

import re
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import numpy as np
import pytest

from explorer.ui import visitors
from explorer.ui.hosts import Forwarded, TrustedHosts, host_name
from explorer.ui.visitors import COOKIE, STREAMS_EACH, Visitors, network_of, visitor_of
from tests.serve_fake import awaited, fake_library, serving

RUN = "/explorer/api/run/linear-vae"
BOUND = 30.0


def told(layer: Any, headers: list[tuple[bytes, bytes]], peer: str = "127.0.0.1") -> dict[str, Any]:
    """The request that comes out behind a layer whose `app` is `seen`."""
    scope = {"type": "http", "method": "GET", "path": "/", "headers": headers, "client": (peer, 1), "scheme": "http"}

    async def nothing(*_: object) -> None:
        """Stand for a network."""

    seen.clear()
    awaited(layer, scope, nothing, nothing)
    return seen


seen: dict[str, Any] = {}


async def app(scope: Any, receive: Any, send: Any) -> None:
    seen.update(scope, headers=dict(scope["headers"]))


LIES = [(b"host", b"localhost"), (b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", b"evil.example"), (b"x-forwarded-prefix", b"/x")]  # fmt: skip


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "198.51.100.4"])
def test_nobodys_word_counts_unless_they_are_named(peer):
    found = told(Forwarded(app), LIES, peer)
    assert (found["client"][0], found["scheme"]) == (peer, "http")
    assert set(found["headers"]) == {b"host"}


@pytest.mark.parametrize(("proxy", "peer"), [("127.0.0.1", "127.0.0.1"), ("10.0.0.0/8", "10.1.2.3")])
def test_a_named_proxy_is_believed(proxy, peer):
    found = told(Forwarded(app, [proxy]), LIES, peer)
    assert (found["client"][0], found["scheme"]) == ("203.0.113.9", "https")
    assert b"x-forwarded-host" in found["headers"]


def test_of_a_chain_the_nearest_that_is_no_proxy_counts():
    chain = [(b"x-forwarded-for", b"6.6.6.6, 203.0.113.9, 10.1.1.1")]
    assert told(Forwarded(app, ["10.0.0.0/8"]), chain, "10.1.2.3")["client"][0] == "203.0.113.9"


def test_a_tunnel_is_believed_while_there_is_one():
    through = [(b"host", b"abc.gradio.live"), (b"x-forwarded-for", b"203.0.113.9")]
    found = told(Forwarded(app, tunnel=lambda: True), through)
    assert (found["client"][0], found["scheme"]) == ("203.0.113.9", "https")
    assert told(Forwarded(app, tunnel=lambda: True), through, "198.51.100.4")["client"][0] == "198.51.100.4"
    rewritten = [
        (b"host", b"localhost"),
        (b"x-forwarded-host", b"abc.gradio.live"),
        (b"x-forwarded-for", b"203.0.113.9"),
    ]
    assert told(Forwarded(app, tunnel=lambda: True), rewritten)["client"][0] == "203.0.113.9"
    assert told(Forwarded(app), through)["client"][0] == "127.0.0.1"
    assert told(Forwarded(app, tunnel=lambda: True), LIES)["client"][0] == "127.0.0.1", "by another name"


def test_names_of_tunnels_are_ours_while_there_is_one():
    assert TrustedHosts(app, ["localhost"], tunnel=lambda: True).trusts("abc.gradio.live")
    assert not TrustedHosts(app, ["localhost"]).trusts("abc.gradio.live")


@pytest.mark.parametrize(
    "host",
    ["a@localhost", "localhost@evil.example", "user:pw@localhost", "[::1].evil.example", "[::1]evil", "[::1", "::1]",
     "localhost:80:80", "localhost:", "localhost:x", "localhost:123456", "localhost/x", "localhost#x", "localhost?x",
     "localhost\\x", "local host", "localhost\t", "", ".", "[::g]", "[127.0.0.1]x", "ⅼocalhost", "localhost%00"],
)  # fmt: skip
def test_a_host_is_parsed_not_guessed(host):
    hosts = TrustedHosts(app, ["localhost", "127.0.0.1", "[::1]"])
    assert not hosts.trusts(host) or host.strip() == "localhost"


def test_hosts_that_are_names():
    assert host_name("LocalHost:7860") == "localhost"
    assert host_name("[::1]:7860") == "[::1]"
    assert host_name("a.example.") == "a.example"


def test_an_ipv6_household_is_one_address():
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2::9") != network_of("2001:db8:1:3::4")
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1") == "10.0.0.1"
    assert network_of("::1") == "::1"
    assert network_of("nonsense" * 100) == ("nonsense" * 100)[:100]


@pytest.fixture(scope="module")
def url():
    with serving(fake_library()) as url:
        yield url


def test_a_page_names_its_visitor_once(url):
    with httpx.Client(base_url=url, timeout=BOUND) as client:
        first = client.get("/bare").headers["set-cookie"]
        assert re.match(rf"{COOKIE}=[A-Za-z0-9_-]{{22}}; Path=/; HttpOnly; SameSite=Lax$", first)
        assert "set-cookie" not in client.get("/bare").headers
        assert "set-cookie" not in client.get("/explorer/api/runs").headers


def test_an_invented_cookie_is_replaced(url):
    for value in ("x", "x" * 4000, '"', "x" * 23, "é"):
        answer = httpx.get(f"{url}/bare", headers=[(b"cookie", f"{COOKIE}={value}".encode())], timeout=BOUND)
        assert answer.status_code == 200
        assert COOKIE in answer.headers["set-cookie"]


def test_streams_of_one_visitor_are_bounded(url):
    parts = urlsplit(url)
    cookie = f"{COOKIE}={'v' * 22}"
    ask = f"GET /gradio_api/heartbeat/abc HTTP/1.1\r\nHost: {parts.netloc}\r\nCookie: {cookie}\r\n\r\n".encode()
    streams = []
    try:
        for _ in range(STREAMS_EACH + 1):
            streams.append(socket.create_connection((parts.hostname, parts.port), timeout=BOUND))
            streams[-1].sendall(ask)
            status = streams[-1].recv(100).split(b" ", 2)[1]
            assert status == (b"200" if len(streams) <= STREAMS_EACH else b"503")
        other = ask.replace(b"v" * 22, b"w" * 22)
        streams.append(socket.create_connection((parts.hostname, parts.port), timeout=BOUND))
        streams[-1].sendall(other)
        assert streams[-1].recv(100).split(b" ", 2)[1] == b"200", "of another one not"
    finally:
        for stream in streams:
            stream.close()


def test_work_of_who_left_is_dropped_before_it_starts(monkeypatch):
    """A visitor asks for many batches and leaves: the next one does not wait for them."""
    library = fake_library()
    coder = library.open("linear-vae").coder
    decode, gate, decoded = coder.decode, threading.Event(), []

    def slow(latents: np.ndarray) -> np.ndarray:
        decoded.append(len(latents))
        assert gate.wait(BOUND)
        return decode(latents)

    monkeypatch.setattr(coder, "decode", slow)
    with serving(library, modules={}) as url:
        parts = urlsplit(url)
        body = bytes(500 * 16)
        head = f"POST {RUN}/decode HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        leaving = [socket.create_connection((parts.hostname, parts.port), timeout=BOUND) for _ in range(10)]
        for client in leaving:
            client.sendall(head + body)
        until(lambda: len(decoded) == 1)
        for client in leaving:
            client.close()
        gate.set()
        answer = httpx.post(f"{url}{RUN}/decode", content=bytes(400 * 16), timeout=BOUND)
    assert answer.status_code == 200
    assert decoded.count(400) == 1
    assert decoded.count(500) <= 2, "one ran already, and one may have been called in the same moment"


def until(true: Any) -> None:
    end = time.monotonic() + BOUND
    while not true():
        assert time.monotonic() < end
        threading.Event().wait(0.01)


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/theme.css", 3),
        ("/config", visitors.PAGES_AT_ONCE),
        ("/config/", visitors.PAGES_AT_ONCE),
        ("/gradio_api/run/predict", visitors.EVENTS_AT_ONCE),
    ],
)
def test_a_visitor_has_so_many_requests_at_once_and_another_does_not_wait_for_them(monkeypatch, path, most):
    monkeypatch.setattr(visitors, "AT_ONCE", 3)
    monkeypatch.setattr(visitors, "IN_LINE", 2)
    statuses: list[tuple[str, int]] = []

    async def crowd() -> None:
        leave, inside = anyio.Event(), []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            inside.append(scope["client"][0])
            await leave.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        layer = Visitors(app)

        async def receive() -> Any:
            await anyio.sleep_forever()

        async def ask(address: str) -> None:
            async def send(message: Any) -> None:
                if message["type"] == "http.response.start":
                    statuses.append((address, message["status"]))

            scope = {"type": "http", "method": "GET", "path": path, "headers": [], "client": (address, 1)}
            await layer(scope, receive, send)

        async with anyio.create_task_group() as group:
            for address in ["10.0.0.1"] * 6 + ["10.0.0.2"]:
                group.start_soon(ask, address)
            await anyio.wait_all_tasks_blocked()
            assert inside == ["10.0.0.1"] * most + ["10.0.0.2"]
            leave.set()
        assert not layer.gates

    awaited(crowd)
    assert statuses[0] == ("10.0.0.1", 503)
    assert sorted(statuses[1:]) == [("10.0.0.1", 200)] * 5 + [("10.0.0.2", 200)]


def test_nonsense_among_the_cookies_hides_no_session():
    scope = {"type": "http", "headers": [(b"cookie", b'a b=c; {"x": 1}; =; ' + f"{COOKIE}={'v' * 22}".encode())]}
    assert visitor_of(scope, visitors.cookies_of(scope)).name == "v" * 22
