"""What visitors can write into the log: a line a request at most, none of their own making, and only so many."""

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from explorer.ui import logs
from explorer.ui.logs import Sober, one_line
from tests.serve_fake import client_of, fake_library, serving
from tests.test_main import running

BOUND = 60.0


def record(text: str, *arguments: Any, error: BaseException | None = None) -> logging.LogRecord:
    about = None if error is None else (type(error), error, None)
    return logging.LogRecord("explorer", logging.WARNING, __file__, 1, text, arguments, about)


def written(sober: Sober, *records: logging.LogRecord) -> list[str]:
    return [logging.Formatter("%(message)s").format(each) for each in records if sober.filter(each)]


def test_a_record_is_one_line_whatever_a_visitor_sent():
    (line,) = written(Sober(), record("a request to %s failed", "x\nERROR forged\r\x1b[2J\u2028y"))
    assert line == r"a request to x\nERROR forged\r\x1b[2J\u2028y failed"
    assert len(one_line("x" * 10_000)) < 700


def test_a_traceback_is_indented_so_that_nothing_in_it_looks_like_a_record():
    (text,) = written(Sober(), record("it failed", error=ValueError("x\nERROR: forged\x1b[2J")))
    first, *rest = text.splitlines()
    assert first == "it failed"
    assert all(line.startswith("  ") for line in rest)
    assert "\x1b" not in text


def test_a_flood_of_records_is_counted_not_written():
    now = [0.0]
    sober = Sober(lambda: now[0])
    assert len(written(sober, *(record("again") for _ in range(500)))) == logs.BURST
    now[0] = 0.6
    assert written(sober, record("again")) == [f"again ({500 - logs.BURST} records before it were left out)"]
    assert len(written(sober, *(record("a bug", error=ValueError("x")) for _ in range(500)))) == logs.TRACEBACKS


def test_an_end_in_the_middle_of_work_is_no_error():
    import asyncio

    assert not written(Sober(), record("Exception in ASGI application\n", error=asyncio.CancelledError()))
    assert not written(Sober(), record(logs.NOISE[0], 5))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(fake_library()) as url:
        yield url


@pytest.mark.parametrize("door", ["/static/", "/assets/", "/svelte/", "/pwa_icon/", "/gradio_api/file=",
    "/gradio_api/custom_component/", "/explorer/static/x/", "/explorer/api/run/"])  # fmt: skip
@pytest.mark.parametrize("name", ["x" * 300, "x" * 3000, "x%00y", "%0aERROR", "%ff%fe", "/".join("x" * 400)])
def test_a_name_of_any_length_is_a_refusal(url, door, name):
    assert 400 <= httpx.get(url + door + name, timeout=BOUND).status_code < 500


FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
NO_DATA: list[Any] = ["x", None, 5, {}, [FILE], [[FILE]], [{"path": "x" * 5000, "meta": FILE["meta"]}],
                      ["x" * 30_000], [None] * 50]  # fmt: skip


@pytest.mark.parametrize("door", ["/gradio_api/run/predict", "/gradio_api/queue/join"])
@pytest.mark.parametrize("data", NO_DATA, ids=lambda data: repr(data)[:30])
def test_values_that_no_event_takes_are_a_refusal(url, door, data):
    with client_of(url) as client:
        picker = next(e for e in client.get("/config").json()["dependencies"] if e["backend_fn"] and e["inputs"])
        ask = {"data": data, "fn_index": picker["id"], "session_hash": "abc"}
        answer = client.post(door, json=ask)
        assert 400 <= answer.status_code < 500, answer.text


def test_an_odd_value_of_a_text_is_answered_and_no_event_of_the_browser_alone(url):
    """A text field takes anything that it can write down; an event without Python behind it takes nothing."""
    with client_of(url) as client:
        for event in client.get("/config").json()["dependencies"]:
            for data in ([["nope"]], [True]):
                ask = {"data": data, "fn_index": event["id"], "session_hash": "abc"}
                status = client.post("/gradio_api/run/predict", json=ask).status_code
                assert status < 500 and (event["backend_fn"] or status == 400), (event["id"], data)


@pytest.mark.parametrize("member", ["session_hash", "event_id", "trigger_id"])
@pytest.mark.parametrize("value", ["x" * 65, "x\n", {"a": 1}, ["x"], 5.5, "é"], ids=lambda value: repr(value)[:20])
def test_a_name_in_an_event_is_bounded(url, member, value):
    for door in ("run/predict", "queue/join", "cancel", "reset"):
        ask = {"data": ["linear-vae"], "fn_index": 0, "session_hash": "abc", "event_id": "abc", member: value}
        answer = httpx.post(f"{url}/gradio_api/{door}", json=ask, timeout=BOUND)
        assert 400 <= answer.status_code < 500 or (member == "trigger_id" and door in ("cancel", "reset"))
    if member == "session_hash" and isinstance(value, str) and value.isprintable():
        for door in (f"queue/data?session_hash={value}", f"heartbeat/{value}"):
            assert httpx.get(f"{url}/gradio_api/{door}", timeout=BOUND).status_code == 400


ATTACKS: list[tuple[str, str, Any]] = [
    *(("GET", door + name, None) for door in ("/static/", "/assets/", "/svelte/") for name in ("x" * 300, "x%00")),
    *(("POST", "/gradio_api/run/predict", {"data": data, "fn_index": 0, "session_hash": "abc"}) for data in NO_DATA),
    ("POST", "/gradio_api/run/x%0aERROR:%20forged", {"data": []}),
    ("POST", "/gradio_api/queue/join", {"data": [], "fn_index": 10**9, "session_hash": "abc"}),
    ("POST", "/gradio_api/component_server", {"session_hash": "x", "component_id": 1, "fn_name": "y", "data": []}),
    ("POST", "/gradio_api/reset", {"event_id": "x" * 9000}),
    ("GET", "/explorer/api/run/%0aERROR:%20forged", None),
    ("GET", "/gradio_api/custom_component/1/client/component/x%0aERROR:%20forged", None),  # which gradio prints
]

CHUNKED = b"GET /gradio_api/heartbeat/abc HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
"""A stream whose body is still to come."""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals for other processes")
def test_no_request_writes_more_than_a_line(root: Path, twin_runs: Path):
    with running(root, "--checkpoints", str(twin_runs)) as (process, url), client_of(url.rstrip("/")) as client:
        for method, path, body in ATTACKS:
            assert 400 <= client.request(method, path, json=body).status_code < 500, path
        parts = urlsplit(url)
        for nonsense in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\n" * 100):
            with socket.create_connection((parts.hostname, parts.port), timeout=BOUND) as connection:
                connection.sendall(nonsense)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1000):
                    pass
        assert "404" in client.get("/gradio_api/queue/data?session_hash=nobody").text
        with socket.create_connection((parts.hostname, parts.port), timeout=BOUND) as connection:
            connection.sendall(CHUNKED)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200"), "the stream has begun"
            connection.sendall(b"this is no size of a chunk\r\n")
            with contextlib.suppress(ConnectionError):
                while connection.recv(1000):
                    pass
        process.send_signal(signal.SIGTERM)
        printed, errors = process.communicate(timeout=BOUND)
    lines = errors.splitlines()
    assert "Traceback" not in errors
    assert "forged" not in printed
    assert not [line for line in lines if line.startswith("ERROR: forged")]
    assert len(lines) <= len(ATTACKS) + 6
    assert max(map(len, lines), default=0) < 800


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals for other processes")
def test_sigterm_under_load_leaves_no_traceback(root: Path, twin_runs: Path):
    stop = threading.Event()

    def drag(url: str) -> int:
        answered = 0
        with httpx.Client(base_url=url, timeout=BOUND) as client:
            while not stop.is_set():
                try:
                    client.post("explorer/api/run/digits-vae-2/decode", content=bytes(8 * 900))
                    answered += 1
                except httpx.HTTPError:
                    break
        return answered

    def listen(url: str) -> None:
        try:
            with httpx.stream("GET", f"{url}gradio_api/heartbeat/abc", timeout=BOUND) as stream:
                for _ in stream.iter_raw():
                    pass
        except httpx.HTTPError:
            """The program ended."""

    with running(root, "--checkpoints", str(twin_runs)) as (process, url), ThreadPoolExecutor(12) as crowd:
        httpx.post(f"{url}explorer/api/run/digits-vae-2/decode", content=bytes(8), timeout=120)
        drags = [crowd.submit(drag, url) for _ in range(8)]
        for _ in range(4):
            crowd.submit(listen, url)
        while not all(httpx.get(f"{url}healthz", timeout=BOUND).status_code == 200 for _ in range(10)):
            pass
        process.send_signal(signal.SIGTERM)
        try:
            _, errors = process.communicate(timeout=BOUND)
        finally:
            stop.set()
        assert process.returncode == 143
    assert any(each.result() for each in drags), "there was load"
    assert errors == ""


def test_requests_are_logged_on_request_one_line_each(root: Path, twin_runs: Path):
    with running(root, "--checkpoints", str(twin_runs), "--access-log") as (process, url):
        httpx.get(f"{url}explorer/api/run/%0aERROR:%20forged", timeout=BOUND)
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=BOUND)
    own = [line for line in printed.splitlines() if "explorer/api/run" in line]
    assert len(own) == 1
    assert own[0].endswith('"GET /explorer/api/run/%0AERROR%3A%20forged HTTP/1.1" 404 Not Found')
