"""Connections that want the server's patience: real sockets on loopback, bounded in count and time."""

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import pytest

from explorer.ui.app import Server, serve
from explorer.ui.patience import MOST, Crowd, be_patient, raise_descriptors
from tests.serve_fake import client_of, fake_library

BOUND = 20.0
"""Seconds after which a test gives up waiting."""

QUICK = (0.4, 0.6)
"""Seconds of a head and of a stall, so that the tests are short."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    served = serve(fake_library(), port=0)
    yield served
    served.close()


@pytest.fixture
def crowd(server: Server) -> Iterator[Crowd]:
    """The connections of the server while a test runs."""
    usual = server.blocks.server.config.http_protocol_class
    crowd = Crowd(most=40, seconds=QUICK)
    be_patient(server.blocks.server.config, crowd)
    yield crowd
    server.blocks.server.config.http_protocol_class = usual


def until(told: Callable[[], bool], seconds: float = BOUND) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if told():
            return True
        threading.Event().wait(0.01)
    return told()


def connected(url: str, sent: bytes = b"", buffer: int | None = None) -> socket.socket:
    """A client that has sent something."""
    parts = urlsplit(url)
    client = socket.socket()
    if buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.settimeout(BOUND)
    client.connect((parts.hostname, parts.port))
    client.sendall(sent)
    return client


def ended(client: socket.socket) -> bool:
    """Whether the server ends the connection in time, with an answer or without."""
    try:
        while client.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def post(url: str, path: str, length: int) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {length}\r\n\r\n".encode()


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "])
def test_a_head_that_does_not_come_is_not_waited_for(server, sent):
    with connected(server.url, sent) as client:
        assert ended(client)


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/gradio_api/run/predict", "/login", "/nowhere"])
def test_half_a_body_is_not_waited_for_on_gradios_routes_either(server, path):
    with connected(server.url, post(server.url, path, 1000) + b"[" * 500) as client:
        assert ended(client)


@pytest.mark.usefixtures("crowd")
def test_a_slow_but_honest_body_is_waited_for(server):
    run = "/explorer/api/run/linear-vae/own"
    with connected(server.url, post(server.url, run, 12_000)) as client:
        for _ in range(11):  # 1,000 bytes at a time, in all longer than the patience with one that stands still
            client.sendall(bytes(1000))
            assert not select.select([client], [], [], 0.12)[0], "answered or ended before the body was whole"
        client.sendall(bytes(1000))
        assert client.recv(100).startswith(b"HTTP/1.1 4"), "read to its end: and it is no picture"


def chunked(body: bytes, size: int) -> bytes:
    """A body in chunks of one size."""
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize(("size", "status"), [(1, 400), (16, 400), (1000, 200), (16_000, 200)])
def test_a_body_in_crumbs_is_refused(server, size, status):
    """A megabyte of chunks of one byte held up everybody for seconds: Python reads some 60,000 chunks a second."""
    head = f"POST /explorer/api/run/linear-vae/decode HTTP/1.1\r\nHost: {urlsplit(server.url).netloc}\r\n"
    with connected(server.url, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode()) as client:
        client.sendall(chunked(bytes(16_000), size))
        assert client.recv(100).startswith(f"HTTP/1.1 {status}".encode())


@pytest.mark.parametrize(("headers", "status"), [
    ("x: y\r\n" * 190, 200),
    ("x: y\r\n" * 210, 400),
    (f"x: {'y' * 30_000}\r\n", 200),
    (f"x: {'y' * 60_000}\r\n", 400),
    ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),  # which a proxy may take for two requests
])  # fmt: skip
def test_a_head_is_bounded_and_means_one_thing(server, headers, status):
    with connected(
        server.url, f"GET /healthz HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n0\r\n\r\n".encode()
    ) as client:
        assert client.recv(100).startswith(f"HTTP/1.1 {status}".encode())


@pytest.mark.usefixtures("crowd")
def test_a_stream_of_events_has_no_clock(server):
    stream = f"GET /gradio_api/heartbeat/abc HTTP/1.1\r\nHost: {urlsplit(server.url).netloc}\r\n\r\n"
    with connected(server.url, stream.encode()) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        end = time.monotonic() + 3 * sum(QUICK)
        while (left := end - time.monotonic()) > 0:
            if select.select([client], [], [], left)[0]:
                assert client.recv(65536), "the stream was cut"


@pytest.mark.usefixtures("crowd")
def test_an_answer_that_nobody_reads_is_not_kept(server):
    with client_of(server.url) as asking:
        page = asking.get("/bare").text
        static = page.split("explorer/static/")[1].split("/")[0]
    ask = f"GET /explorer/static/{static}/plotly.min.js HTTP/1.1\r\nHost: {urlsplit(server.url).netloc}\r\n\r\n"
    with connected(server.url, ask.encode(), buffer=4096) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        waiting = len(server.blocks.server.server_state.connections)
        assert waiting
        assert until(lambda: len(server.blocks.server.server_state.connections) < waiting)


def test_many_silent_clients_shut_nobody_out(server, crowd):
    silent = [connected(server.url, b"GET / HTTP/1.1\r\n") for _ in range(3 * crowd.most)]
    try:
        with client_of(server.url) as honest:
            for _ in range(5):
                assert honest.get("/explorer/api/runs").status_code == 200
        assert crowd.addresses.total() <= crowd.most + 1
    finally:
        for client in silent:
            client.close()
    assert until(lambda: not crowd.waiting), "what left is forgotten"


def test_streams_are_no_reason_to_end_a_stream(server, crowd):
    """Where nobody waits, the newcomer goes."""
    crowd.most = 3
    ask = f"GET /gradio_api/heartbeat/abc HTTP/1.1\r\nHost: {urlsplit(server.url).netloc}\r\n\r\n".encode()
    streams = [connected(server.url, ask) for _ in range(3)]
    assert all(stream.recv(100).startswith(b"HTTP/1.1 200") for stream in streams)
    with connected(server.url, ask) as late:
        assert ended(late)
    for stream in streams:
        assert not select.select([stream], [], [], 0)[0] or stream.recv(65536)
        stream.close()


def test_one_address_takes_no_more_than_its_share():
    class Client:
        def __init__(self, address: str) -> None:
            self.address, self.transport, self.ended = address, self, False

        def abort(self) -> None:
            self.ended = True

        def stop_clock(self) -> None:
            crowd.waiting.pop(cast(Any, self), None)

    crowd = Crowd(most=100, most_of_one=3, proxies=["10.9.0.0/16"])
    clients = [Client(address) for address in ("10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.2", "10.0.0.2")]
    clients += [Client("10.9.0.1") for _ in range(5)]
    for client in clients:
        crowd.waiting[cast(Any, client)] = None
        crowd.enter(cast(Any, client))
    assert [client.ended for client in clients] == [False, True] + [False] * 8, "its own oldest goes, no proxy's"


def test_the_system_is_asked_for_descriptors_and_the_cap_follows(monkeypatch):
    resource = pytest.importorskip("resource", reason="Windows counts descriptors otherwise")
    limits, asked = {"soft": 1024, "hard": 4096}, []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limits["soft"], limits["hard"]))
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: asked.append(pair))
    assert raise_descriptors() == MOST
    assert asked == [(4096, 4096)]
    limits["hard"] = 1024
    assert raise_descriptors() == (1024 - 300) // 2
    assert len(asked) == 1, "there was nothing to ask for"


def test_an_idle_connection_is_closed_cleanly(server):
    """What a browser keeps for its next request ends with a farewell, not with a reset."""
    ask = f"GET /theme.css HTTP/1.1\r\nHost: {urlsplit(server.url).netloc}\r\n\r\n"
    with connected(server.url, ask.encode()) as client:
        assert int(client.recv(65536).split(b" ", 2)[1]) == httpx.codes.OK
        try:
            while client.recv(65536):
                pass
        except ConnectionResetError:
            pytest.fail("reset")
