"""The served page under attack: raw requests that no browser of ours would send, and what must come of them."""

import io
import json
import logging
import re
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFile
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from explorer.errors import CheckpointError
from explorer.library import Library
from explorer.ui import events as events_module
from explorer.ui import page as page_module
from explorer.ui import security
from explorer.ui.app import MOST_BODY, MOST_PIXELS, MOST_SESSIONS, Server, embedding_of, hosts, serve, wanted
from explorer.ui.bodies import BodyLimit
from explorer.ui.events import CALLED, GRADIOS, QUEUED_OF_ADDRESS, Events, forget_departed
from explorer.ui.hosts import TrustedHosts
from explorer.ui.login import DOORS, LoginBrake
from explorer.ui.security import CLOSED, Guard, layers
from explorer.ui.visitors import COOKIE, Visitors
from tests.serve_fake import awaited, client_of, fake_library, serving

RUN = "/explorer/api/run/linear-vae"
SECRET = ("mina", "correct horse: battery")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Two models in memory, beside a folder of runs whose files nobody may get at."""
    runs = tmp_path_factory.mktemp("runs")
    (runs / "secret").mkdir()
    (runs / "secret" / "config.json").write_text('{"classified": true}')
    return fake_library(runs)


@pytest.fixture(scope="module")
def server(library: Library) -> Iterator[Server]:
    served = serve(library, port=0)
    yield served
    served.close()


@pytest.fixture(scope="module")
def url(server: Server) -> str:
    return server.url.rstrip("/")


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    with client_of(url) as client:
        yield client


@pytest.fixture(autouse=True)
def alive_afterwards(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every attack on the shared page it must still do its work."""
    yield
    if "client" in request.fixturenames:
        client = request.getfixturevalue("client")
        assert client.get("/").status_code == 200
        assert client.post(f"{RUN}/decode", content=bytes(16)).status_code == 200


@pytest.fixture(scope="module")
def private(library: Library) -> Iterator[str]:
    with serving(library, accounts=[SECRET]) as url:
        yield url


def raw(url: str, request: bytes, most: int = 200_000) -> bytes:
    """What the server answers to these very bytes."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(request)
        answer = b""
        while len(answer) < most and (chunk := connection.recv(65536)):
            answer += chunk
        return answer


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def events(client: httpx.Client) -> list[dict[str, Any]]:
    """The events of the page that run Python."""
    return [event for event in client.get("/config").json()["dependencies"] if event["backend_fn"]]


# --- latents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 3e38, 1e5])
@pytest.mark.parametrize("part", ["decode", "describe"])
def test_a_latent_that_is_not_finite_or_absurd_is_refused(client, value, part):
    answer = client.post(f"{RUN}/{part}", content=struct.pack("<4f", 0, value, 0, 0))
    assert answer.status_code == 400
    assert "finite" in answer.json()["error"]


@pytest.mark.parametrize("size", [0, 1, 4, 15, 17, 4_000_000 - 1])
def test_a_latent_of_the_wrong_length_is_refused(client, size):
    assert client.post(f"{RUN}/decode", content=bytes(size)).status_code in (400, 413)


def test_a_body_that_lies_about_its_length_is_refused(url):
    host = urlsplit(url).netloc
    head = f"POST {RUN}/decode HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
    for said in ("-1", "1e3", "9" * 400, "0x10", "1.0", ""):
        answer = raw(url, f"{head}Content-Length: {said}\r\n\r\n".encode())
        assert status_of(answer) in (400, 413)


def test_a_body_that_never_arrives_is_not_waited_for(url, monkeypatch):
    monkeypatch.setattr("explorer.ui.http.PATIENCE", 0.0)
    head = (
        f"POST {RUN}/decode HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nConnection: close\r\nContent-Length: 16\r\n\r\n"
    )
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=30) as connection:
        connection.sendall(head.encode() + bytes(8))
        assert status_of(connection.recv(65536)) == 408


# --- size -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"{RUN}/decode", "/gradio_api/queue/join", "/gradio_api/upload", "/gradio_api/run/x"])
def test_a_body_beyond_the_limit_is_refused_whether_or_not_it_says_so(client, path):
    def chunks() -> Iterator[bytes]:
        for _ in range(MOST_BODY // 100_000 + 2):
            yield bytes(100_000)

    assert client.post(path, content=bytes(MOST_BODY + 1)).status_code == 413
    assert client.post(path, content=chunks()).status_code == 413 or path.endswith("upload")  # closed: 404 at once


def test_the_limit_itself_passes_and_a_byte_more_does_not():
    async def app(scope, receive, send):
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError("gone")
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(size).encode()})

    def status(sizes: list[int]) -> int:
        sent: list[Any] = []
        parts = [{"type": "http.request", "body": bytes(n), "more_body": True} for n in sizes]
        parts.append({"type": "http.request", "body": b"", "more_body": False})

        async def receive():
            return parts.pop(0)

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
        awaited(BodyLimit(app, 10), scope, receive, send)
        return sent[0]["status"]

    assert status([5, 5]) == 200
    assert status([5, 6]) == 413
    assert status([11]) == 413


def test_a_small_picture_of_many_pixels_is_refused_before_it_unfolds(client, monkeypatch):
    bomb = io.BytesIO()
    Image.new("1", (4_000, 4_000)).save(bomb, "png")  # far below the limit that Pillow has of its own
    assert len(bomb.getvalue()) < 20_000
    unfolded = []
    load = ImageFile.ImageFile.load
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda file: (unfolded.append(file.size), load(file))[1])
    answer = client.post(f"{RUN}/own", content=bomb.getvalue())
    assert answer.status_code == 400
    assert f"at most {MOST_PIXELS:,} pixels" in answer.json()["error"]
    assert not unfolded
    seven = io.BytesIO()
    ImageDraw.Draw(picture := Image.new("L", (40, 40), 255)).line([(8, 8), (30, 8), (18, 34)], fill=0, width=5)
    picture.save(seven, "png")
    assert client.post(f"{RUN}/own", content=seven.getvalue()).status_code == 200
    assert (40, 40) in unfolded, "what is within the limit is unfolded here"


@pytest.mark.parametrize("size", [1, 2_500_000])
def test_no_upload_reaches_the_disk(client, size):
    from gradio.utils import get_upload_folder

    folder = Path(get_upload_folder())
    before = sorted(folder.rglob("*"))
    answer = client.post("/gradio_api/upload", files={"files": ("x.png", bytes(size))})
    assert answer.status_code in (404, 413)
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/gradio_api/info", "/gradio_api/openapi.json", "/gradio_api/upload"]
)
def test_no_visitor_is_told_of_the_servers_routes_or_may_leave_files(client, path):
    assert client.get(path).status_code == 404
    assert client.post(path, files={"files": ("x.png", b"x")}).status_code == 404


# --- events of the page ---------------------------------------------------------------------------------------------

NONSENSE: list[Any] = [
    [],
    [None],
    ["nope"],
    ["../x"],
    [["linear-ae"]],
    [{"run": 1}],
    [True],
    [1e308],
    ["x" * 100_000],
    ["<img src=x onerror=alert(1)>"],
    ["${alert(1)}", "{{alert(1)}}"],
    ["linear-ae"] * 50,
]


@pytest.mark.parametrize("data", NONSENSE, ids=lambda data: json.dumps(data)[:30])
def test_no_event_of_the_page_breaks_over_nonsense(client, data, capfd):
    for event in events(client):
        for about in (None, "text", 5, [], {"run": ["x"], "tab": 5}, {"run": "../../etc/passwd", "tab": "holes"}):
            ask = {"data": data, "fn_index": event["id"], "session_hash": "attack", "event_data": about}
            answer = client.post("/gradio_api/run/predict", json=ask)
            assert "Traceback" not in answer.text
            assert str(Path(__file__).parent.parent) not in answer.text


class Log(logging.StreamHandler):
    """What the server writes into its log, tracebacks included."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())
        self.heard = threading.Event()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)
        self.heard.set()


@pytest.fixture
def log() -> Iterator[Log]:
    """The log, heard at the loggers: the server's streams are older than what captures the output of a test."""
    log = Log()
    loggers = [logging.getLogger(name) for name in (None, "uvicorn")]  # the latter passes nothing on to the root
    for logger in loggers:
        logger.addHandler(log)
    yield log
    for logger in loggers:
        logger.removeHandler(log)


@pytest.mark.parametrize("number", [-1, 10**6, 10**30, "x", None, 1.5, [], {}])
def test_an_unknown_event_is_refused_without_a_traceback(client, number, log):
    answer = client.post("/gradio_api/run/predict", json={"data": [], "fn_index": number})
    assert 400 <= answer.status_code < 500
    assert client.get("/explorer/api/runs").status_code == 200  # what follows an answer is logged by now
    assert "Traceback" not in log.text
    assert log.text.count("\n") <= 1
    if isinstance(number, int):
        assert "was no event of this page" in log.text, "so the log is heard"


def test_an_error_of_the_program_itself_leaves_its_traceback_in_the_log(library, client, log, monkeypatch):
    monkeypatch.setattr(library, "twins", Mock(side_effect=RuntimeError("made up")))
    assert client.get("/explorer/api/runs").status_code == 500
    assert log.heard.wait(60)
    assert "Traceback" in log.text
    assert "RuntimeError: made up" in log.text


@pytest.mark.parametrize("body", [b"", b"x", b"{}", b"[" * 100_000, b'{"data": NaN}', b'{"data": 1}', b"\xff\xfe"])
@pytest.mark.parametrize("path", ["/gradio_api/run/predict", "/gradio_api/queue/join", "/gradio_api/component_server"])
def test_a_body_that_is_no_event_is_refused(client, path, body):
    answer = client.post(path, content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500


def test_a_queued_event_cannot_be_called_past_the_queue(client):
    queued = [event for event in events(client) if event["queue"]]
    assert queued, "the download waits in the queue"
    for event in queued:
        answer = client.post("/gradio_api/run/predict", json={"data": ["linear-vae"], "fn_index": event["id"]})
        assert answer.status_code == 404
        answer = client.post(f"/gradio_api/call/{event['api_name']}", json={"data": ["linear-vae"]})
        assert answer.status_code == 404


def test_no_event_is_offered_as_an_api(client):
    assert events(client)
    assert all(event["api_visibility"] == "private" for event in events(client))


def test_an_endless_session_name_is_refused(client):
    ask = {"data": [], "fn_index": 0, "session_hash": "x" * MOST_BODY}
    assert client.post("/gradio_api/queue/join", json=ask).status_code == 413


def test_sessions_are_forgotten_when_there_are_too_many(client, server):
    event = next(event for event in events(client) if not event["queue"] and len(event["inputs"]) == 1)
    for number in range(MOST_SESSIONS + 50):
        ask = {"data": ["linear-vae"], "fn_index": event["id"], "session_hash": f"session {number}"}
        client.post("/gradio_api/run/predict", json=ask)
    assert 0 < len(server.blocks.server_app.state_holder.session_data) <= MOST_SESSIONS


def test_one_visitor_cannot_fill_the_queue_of_all():
    """gradio's queue holds 32 events, whoever sent them."""
    line, statuses = SimpleNamespace(queue=[]), []
    known: dict[str, Any] = {"pending_event_ids_session": {}, "event_ids_to_events": {}}
    queue = SimpleNamespace(event_queue_per_concurrency_id={"download": line}, **known)
    gradio = SimpleNamespace(
        auth=None,
        state_holder=SimpleNamespace(session_data={}),
        get_blocks=lambda: SimpleNamespace(_queue=queue, fns={0: SimpleNamespace(fn=print, inputs=[])}),
    )

    async def app(scope, receive, send):
        line.queue.append(SimpleNamespace(request=SimpleNamespace(scope=scope)))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    layer = Visitors(Events(app))

    def join(address: str, name: str = "") -> int:
        cookie = [(b"cookie", f"{COOKIE}={name * 22}".encode())] if name else []
        scope = {"type": "http", "method": "POST", "path": "/gradio_api/queue/join", "headers": cookie,
                 "client": (address, 1), "app": gradio}  # fmt: skip

        async def receive():
            return {"type": "http.request", "body": b'{"data": [], "fn_index": 0}', "more_body": False}

        async def send(message):
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        awaited(layer, scope, receive, send)
        return statuses[-1]

    assert [join("10.0.0.1", "v") for _ in range(4)] == [200, 200, 503, 503]
    assert join("10.0.0.1", "w") == 200, "another one behind the same address passes"
    assert {join("10.0.0.1", name) for name in "abcdefghijklm"} == {200, 503}
    assert len(line.queue) == QUEUED_OF_ADDRESS, "names can be invented"
    assert join("10.0.0.2") == 200
    assert join("127.0.0.1", "x") == 200
    line.queue.clear()
    assert join("10.0.0.1", "v") == 200, "what is done is forgotten"


def test_answers_that_nobody_fetched_are_forgotten(monkeypatch):
    monkeypatch.setattr(events_module, "MOST_UNFETCHED", 3)
    sessions = {f"session {n}": {f"event {n}"} for n in range(6)}
    queue = SimpleNamespace(
        pending_event_ids_session=sessions,
        event_ids_to_events={"event 1": None, "event 5": None},
        pending_messages_per_session=dict.fromkeys(sessions),
    )
    forget_departed(SimpleNamespace(get_blocks=lambda: SimpleNamespace(_queue=queue)))
    assert [*sessions] == ["session 1", "session 3", "session 4", "session 5"], "one that still waits stays"
    assert [*queue.pending_messages_per_session] == [*sessions]


def test_a_full_queue_refuses(client, url):
    event = next(event for event in events(client) if event["queue"])

    def join(number: int) -> int:
        ask = {"data": ["linear-vae"], "fn_index": event["id"], "session_hash": f"flood {number}"}
        # a client each, as a crowd has: threads that share one may close each other's connections
        return httpx.post(f"{url}/gradio_api/queue/join", json=ask, timeout=60).status_code

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(join, range(60)))
    assert set(answers) <= {200, 503}


# --- what the disk holds --------------------------------------------------------------------------------------------

SPELLINGS = [
    "{}",
    "/{}",
    "//{}",
    "../../../../../../../../{}",
    "..%2f..%2f..%2f..%2f..%2f..%2f{}",
    "%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/{}",
    "....//....//....//....//{}",
    "..\\..\\..\\..\\..\\{}",
    "%252e%252e%252f%252e%252e%252f{}",
    "./././../../../../../{}",
    "file:///{}",
    "{}%00.png",
    "~/{}",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    "door", ["/gradio_api/file=", "/gradio_api/file/", "/explorer/static/x/", "/static/", "/assets/"]
)
def test_no_file_of_the_disk_is_served(url, library, door, spelling):
    for file in ("etc/passwd", __file__.lstrip("/"), str(library.checkpoints / "secret" / "config.json").lstrip("/")):
        path = door + spelling.format(file)
        request = f"GET {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nConnection: close\r\n\r\n"
        answer = raw(url, request.encode())
        assert status_of(answer) in (400, 403, 404)
        for content in (b"root:", b"SPELLINGS", b"classified"):
            assert content not in answer


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:{port}/x", "http://[::1]:{port}/x", "http://169.254.169.254/", "file:///etc/passwd", "//x/y"],
)
def test_the_server_fetches_nothing_for_a_visitor(client, target):
    seen: list[str] = []

    class Canary(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with HTTPServer(("127.0.0.1", 0), Canary) as canary:
        thread = threading.Thread(target=canary.serve_forever, daemon=True)
        thread.start()
        named = target.format(port=canary.server_port)
        for door in ("/gradio_api/file=", "/gradio_api/proxy=", "/gradio_api/file/"):
            assert client.get(door + named, follow_redirects=False).status_code >= 400
        canary.shutdown()
        thread.join()
    assert seen == []


def test_of_gradios_routes_only_those_answer_that_the_page_calls(client, server):
    """gradio adds some with every version: what is not known is closed, and what is printed of it as well."""
    below = [path.removeprefix(GRADIOS) for path in paths_of(server.blocks.server_app.routes)]
    shut = {re.sub(r"\{.*?\}", "x", path) for path in below if not path.startswith(CALLED)}
    assert {"upload", "component_server", "custom_component/x/x/x/x", "stream/x", "token"} <= shut
    for path in shut:
        for method in ("GET", "POST"):
            assert client.request(method, GRADIOS + path).status_code == 404, path
    assert client.get(f"{GRADIOS}app_id?{'x' * 2000}").status_code == 414


def paths_of(routes: Iterable[Any]) -> Iterator[str]:
    """The paths below gradio's own that an app answers, also those of routers within."""
    for route in routes:
        inside = getattr(route, "original_router", None)
        if inside is not None:
            yield from (GRADIOS + each.path.removeprefix(GRADIOS).lstrip("/") for each in inside.routes)
        elif getattr(route, "path", "").startswith(GRADIOS):
            yield route.path


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_routes_that_the_page_never_calls_are_closed(client, path, method):
    assert client.request(method, path).status_code == 404


@pytest.mark.parametrize("header", [struct.pack("<Q", 2**40), struct.pack("<Q", 2**63 - 1), b"\x80\x04cos\nsystem\n"])
def test_a_checkpoint_that_lies_is_refused_and_runs_nothing(run_folder, header):
    (run_folder / "latents.safetensors").write_bytes(header + b"{}" * 8)
    (run_folder / "model.safetensors").write_bytes(header + b"{}" * 8)
    library = Library(run_folder.parent)
    with pytest.raises(CheckpointError, match=r"latents\.safetensors"):
        library.check("digits-vae-2")


# --- other sites ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"{RUN}/decode", "/gradio_api/component_server", "/gradio_api/queue/join", "/login"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
def test_what_another_site_makes_a_browser_send_is_refused(client, path, headers):
    answer = client.post(path, content=bytes(16), headers={"content-type": "text/plain", **headers})
    assert answer.status_code == 403


def test_the_pages_own_requests_are_answered(client, url):
    headers = {"origin": url, "sec-fetch-site": "same-origin"}
    assert client.post(f"{RUN}/decode", content=bytes(16), headers=headers).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"])
@pytest.mark.parametrize("path", ["/", "/config", f"{RUN}/points", "/explorer/api/runs"])
def test_no_answer_may_be_read_by_another_site(client, library, origin, path):
    """Also where gradio itself would let everybody read: under any name but this machine's own."""
    answer = client.get(path, headers={"origin": origin})
    assert answer.status_code == 403
    assert "linear-vae" not in answer.text
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_from_another_site_opens_the_page_but_its_pictures_and_scripts_are_not_lent(client, site):
    headers = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/", headers=headers).status_code == 200
    headers = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
    assert client.get(f"{RUN}/sprites/0", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "localhost.evil.example", "", "[::2]", "10.0.0.1",
     "127.0.0.1@evil.example", "xgradio.live", "a.gradio.live", "[", "]", "localhost:80:80"],
)  # fmt: skip
def test_a_foreign_name_is_refused(url, host):
    answer = raw(url, f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert status_of(answer) == 400


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "localhost:1234", "[::1]:7860"])
def test_names_of_this_machine_are_answered(url, host):
    answer = raw(url, f"GET /theme.css HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert status_of(answer) == 200


def test_two_names_or_none_are_refused(url):
    own = urlsplit(url).netloc
    for names in (f"Host: {own}\r\nHost: evil.example\r\n", ""):
        answer = raw(url, f"GET / HTTP/1.1\r\n{names}Connection: close\r\n\r\n".encode())
        assert status_of(answer) == 400


def test_a_forwarded_name_is_never_reflected(client):
    for name in ("x-forwarded-host", "x-gradio-server"):
        answer = client.get("/", headers={name: "evil.example"})
        assert "evil.example" not in answer.text


def test_a_name_that_a_named_proxy_forwards_is_checked(library):
    with serving(library, modules={}, proxies=["127.0.0.1"]) as url:
        assert httpx.get(url, headers={"x-forwarded-host": "evil.example"}, timeout=60).status_code == 400
        assert httpx.get(url, headers={"x-forwarded-host": "localhost"}, timeout=60).status_code == 200


def test_the_names_of_a_server_follow_from_where_it_listens(monkeypatch):
    async def nothing(*_: object) -> None:
        """Stand for the page."""

    def trusts(host: str, name: str, share: bool = False) -> bool:
        names, any_address = hosts(host)
        return TrustedHosts(nothing, names, any_address, tunnel=lambda: share).trusts(name)

    assert trusts("0.0.0.0", "192.168.1.20:7860")
    assert trusts("::", "[fe80::1]:7860")
    assert not trusts("0.0.0.0", "evil.example")
    assert trusts("0.0.0.0", socket.gethostname())
    assert not trusts("127.0.0.1", "192.168.1.20")
    assert trusts("192.168.1.20", "192.168.1.20:80")
    assert trusts("::1", "[::1]:7860")
    assert trusts("127.0.0.1", "abc.gradio.live", share=True)
    assert not trusts("127.0.0.1", "gradio.live.evil.example", share=True)
    monkeypatch.setenv("EXPLORER_HOSTS", "models.example.org, *.lab.example")
    assert trusts("127.0.0.1", "models.example.org")
    assert trusts("127.0.0.1", "a.lab.example:443")
    assert not trusts("127.0.0.1", "lab.example")


def test_every_answer_says_what_a_browser_may_do_with_it(client):
    for path in (
        "/",
        "/config",
        f"{RUN}/points",
        "/theme.css",
        "/explorer/api/nothing",
        "/gradio_api/vibe",
        "/nowhere",
    ):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "http:" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["referrer-policy"] == "same-origin"


def test_a_notebook_may_frame_the_page_when_it_opened_it(library):
    with serving(library, modules={}, framed=True) as url:
        headers = httpx.get(url, timeout=60).headers
    assert "frame-ancestors 'self' http://localhost:*" in headers["content-security-policy"]
    assert "x-frame-options" not in headers


@pytest.mark.parametrize(
    ("settings", "ancestors"),
    [
        ({"host": "127.0.0.1"}, "'self' http://localhost:* http://127.0.0.1:* http://[::1]:* file:"),
        ({"host": "0.0.0.0"}, None),
        ({"host": "127.0.0.1", "share": True}, None),
        ({"host": "127.0.0.1", "accounts": [("ada", "lovelace")]}, "'self'"),
        ({"host": "0.0.0.0", "share": True, "accounts": [("ada", "lovelace")]}, "'self'"),
    ],
    ids=["machine", "public", "shared", "accounts", "all"],
)
def test_only_the_reduced_page_may_be_framed_and_never_one_with_a_log_in(settings, ancestors):
    asked = {"share": False, "accounts": (), **settings}
    paths = ("/", "/bare", "/login", "/config", f"{RUN}/points")
    app = Starlette(routes=[Route(path, lambda _: HTMLResponse("<p>a page")) for path in paths])
    client = TestClient(Guard(app, embedding=embedding_of(**asked)))

    def framing(address: str) -> tuple[str | None, bool]:
        headers = client.get(address).headers
        rules = dict(rule.strip().split(" ", 1) for rule in headers["content-security-policy"].split(";"))
        return rules.get("frame-ancestors"), "x-frame-options" in headers

    for path in ("/", "/bare"):
        assert framing(f"{path}?embed=1") == (ancestors, ancestors == "'self'")
        for query in ("", "?embed=0", "?embed=1&embed=2"):
            assert framing(path + query) == ("'self'", True)
    for path in paths[2:]:
        assert framing(f"{path}?embed=1") == ("'self'", True)


# --- the password ---------------------------------------------------------------------------------------------------


def test_without_the_password_there_is_only_the_login_page(private, library):
    with httpx.Client(base_url=private, timeout=60) as client:
        page = client.get("/")
        assert page.status_code == 200
        for name in (*library.names(), "explorer-run", "choices"):
            assert name not in page.text
        paths = [
            "/config", "/explorer/api/runs", RUN, f"{RUN}/points", f"{RUN}/sprites/0", f"{RUN}/figure/holes",
            "/gradio_api/queue/data?session_hash=x", "/gradio_api/queue/status",
            "/gradio_api/heartbeat/x", "/gradio_api/file=/etc/passwd",
            "/gradio_api/user", "/gradio_api/token", "/gradio_api/custom_component/x/client/component/y", "/nowhere",
        ]  # fmt: skip
        for path in paths:
            assert client.get(path).status_code == 401, path
        for path in ("/gradio_api/queue/join", "/gradio_api/run/predict", "/gradio_api/cancel",
                     "/gradio_api/reset", "/gradio_api/component_server", f"{RUN}/decode"):  # fmt: skip
            assert client.post(path, content=bytes(16)).status_code == 401, path


def test_no_door_leads_past_the_password(private):
    """Doors are matched by how a path begins: none may be stretched to something behind them."""
    own = urlsplit(private).netloc
    for door in DOORS:
        for tail in ("/../config", "/..%2fconfig", "%2f..%2f..%2fconfig", "/../explorer/api/runs", "x/../../config"):
            request = f"GET {door.rstrip('/')}{tail} HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n"
            answer = raw(private, request.encode())
            assert b"linear-vae" not in answer


def test_the_password_opens_everything_and_leaving_closes_it(private):
    with httpx.Client(base_url=private, timeout=60) as client:
        name, password = SECRET
        assert client.post("/login", data={"username": name, "password": password}).status_code == 200
        assert client.get("/explorer/api/runs").status_code == 200
        assert client.post(f"{RUN}/decode", content=bytes(16)).status_code == 200
        assert client.get("/config").status_code == 200
        cookies = dict(client.cookies)
        client.post("/logout", headers={"origin": private})
        client.cookies.update(cookies)
        assert client.get("/explorer/api/runs").status_code == 401, "a session that was ended opens nothing"


@pytest.mark.parametrize("value", ["", "x", "x" * 4000, '"', "None", "../x"])
def test_an_invented_session_opens_nothing(private, value):
    page = httpx.get(f"{private}/gradio_api/app_id", timeout=60)
    assert page.status_code == 200
    for name in ("access-token", "access-token-unsecure", "access-token-x"):
        answer = httpx.get(f"{private}/explorer/api/runs", headers={"cookie": f"{name}={value}; a=b; ;;="}, timeout=60)
        assert answer.status_code == 401


def test_guessing_passwords_is_slowed_down_and_other_accounts_pass(library, monkeypatch):
    monkeypatch.setattr(LoginBrake, "WAITING", 0)  # so that what would wait is refused at once
    usual = LoginBrake.__init__.__defaults__
    assert usual is not None
    monkeypatch.setattr(LoginBrake.__init__, "__defaults__", (*usual[:2], 3600.0, *usual[3:]))  # none is given back
    accounts = [SECRET, ("tom", "other")]
    with serving(library, modules={}, accounts=accounts) as url, httpx.Client(base_url=url, timeout=60) as client:
        guesses = [
            client.post("/login", data={"username": f" {SECRET[0]}", "password": str(number)}).status_code
            for number in range(30)
        ]
        assert guesses[:8] == [400] * 8
        assert guesses.count(429) > 15
        assert client.post("/login", data={"username": SECRET[0], "password": SECRET[1]}).status_code == 429
        form = {"username": (None, SECRET[0]), "password": (None, SECRET[1])}
        assert client.post("/login", files=form).status_code == 429, "the other way to send a form"
        assert client.post("/login", data={"username": "tom", "password": "other"}).status_code == 200
        large = {"username": "tom", "password": "x" * LoginBrake.MOST_BODY}
        assert client.post("/login", data=large).status_code == 413
        assert client.get("/").status_code == 200


class Braked:
    """A brake before a login that answers with `status`, with a clock that only its own waits and the test move."""

    def __init__(self, **settings: Any) -> None:
        self.now, self.status, self.waits, self.bodies = 0.0, 400, [], []
        self.brake = LoginBrake(self.app, clock=lambda: self.now, sleep=self.sleep, **settings)

    async def app(self, scope, receive, send):
        self.bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def sleep(self, seconds: float) -> None:
        self.waits.append(round(seconds, 3))

    def attempt(self, name: str = "mina", address: str = "1.2.3.4", path: str = "/login") -> int:
        sent: list[Any] = []
        body = f"username={name}&password=x".encode()
        chunks = [body[:5], body[5:]]

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

        headers = [(b"content-type", b"application/x-www-form-urlencoded")]
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "client": (address, 1)}
        awaited(self.brake, scope, receive, send)
        return sent[0]["status"]


def test_an_attempt_waits_its_turn_and_success_frees_them_all():
    login = Braked(burst=3, seconds=10)
    assert [login.attempt() for _ in range(3)] == [400] * 3
    assert login.waits == []
    assert login.bodies[0] == b"username=mina&password=x", "the login itself reads the whole form"
    assert [login.attempt() for _ in range(6)] == [400, 400, 400, 400, 429, 429]
    assert login.waits == [10, 20, 30, 40], "one after the other"
    assert login.attempt(path="/login/") == 429
    login.now = 60
    login.status = 200
    assert login.attempt() == 200
    login.waits.clear()
    assert [login.attempt() for _ in range(5)] == [200] * 5
    assert login.waits == []


def test_who_guesses_at_one_account_holds_up_no_other_behind_the_same_address():
    login = Braked(burst=3, seconds=10)
    while login.attempt() != 429:
        pass
    login.status, login.waits = 200, []
    assert login.attempt(name="tom") == 200
    assert login.attempt(address="5.6.7.8") == 200, "nor the same account elsewhere"
    assert login.waits == []


def test_one_account_is_not_guessed_at_from_a_thousand_addresses():
    login = Braked(burst=3, seconds=10)
    answers = [login.attempt(address=f"10.0.{number // 256}.{number % 256}") for number in range(1000)]
    assert answers.count(400) == 3 * LoginBrake.CROWD + LoginBrake.WAITING * LoginBrake.CROWD
    assert max(login.waits) <= LoginBrake.WAITING * 10


# --- what a sentence tells ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "{place}/my runs/digits-vae-2/config.json is damaged",
        "{place}/my runs/digits-vae-2/model.safetensors: it is not there.",
        "{place}/my runs is no folder",
        "'{place}/my runs/digits-vae-2/config.json' and {place}/data/MNIST/raw/x",
    ],
)
def test_a_sentence_for_visitors_names_no_folder_with_a_space(monkeypatch, text):
    monkeypatch.setattr(page_module, "PRIVATE_FOLDERS", set())
    place = "/srv/anna maria/secret place"
    page_module.hide_folders(Path(place, "my runs"), Path(place), None)
    said = page_module.public_text(text.format(place=place))
    assert "anna" not in said
    assert "secret" not in said
    assert ("my runs" in said) == ("my runs is" in text)
    assert ("digits-vae-2/" in said) == ("digits-vae-2/" in text)


@pytest.mark.parametrize(
    "text",
    [
        r"\\server\secret\runs\digits-vae-2\config.json is damaged",
        r"C:\Data\secret\runs\digits-vae-2\config.json is damaged",
        r"'C:\\Data\\secret\\runs\\digits-vae-2\\config.json' is damaged",
        "//server/secret/runs/digits-vae-2/config.json is damaged",
        "/srv/secret/runs/digits-vae-2/config.json is damaged",
    ],
)
def test_a_sentence_for_visitors_names_no_folder_of_any_system(text):
    said = page_module.public_text(text)
    assert "secret" not in said
    assert "server" not in said
    assert "digits-vae-2" in said
    assert "is damaged" in said


def test_a_sentence_keeps_what_is_no_folder_of_ours():
    for text in ("see https://example.org/a/b/c for it", "sample and/or decode", "3/4 of a/b"):
        assert page_module.public_text(text) == text


# --- the page's address ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fragment",
    [
        "v=1&run=<img src=x onerror=alert(1)>",
        "run=../../etc/passwd",
        "run=" + "x" * 100_000,
        "run=%00&tab=%00",
        "&&&===",
        "run",
        "\ud800",
        None,
        5,
        ["run"],
        {"run": "linear-ae"},
    ],
    ids=lambda fragment: repr(fragment)[:30],
)
def test_an_address_of_nonsense_opens_the_default_run(library, fragment):
    run, tab, message = wanted(library, {}, fragment)
    assert (run, tab) == ("linear-vae", None)
    assert len(message) < 300


def test_an_address_names_run_and_tab(library):
    assert wanted(library, {"run": "linear-ae", "tab": "holes"}, "") == ("linear-ae", "holes", "")
    assert wanted(library, {"run": "linear-ae", "tab": "nope"}, "") == ("linear-ae", None, "")
    assert wanted(library, {}, "v=1&run=linear-ae&tab=map&z=1,2") == ("linear-ae", "map", "")
    assert wanted(library, {"tab": "training"}, "")[1] == "report", "a link of the first edition"
    assert wanted(library, {"run": "linear-ae"}, "run=linear-vae")[0] == "linear-vae", "what follows # is newer"
    run, _, message = wanted(library, {"run": "gone"}, "")
    assert run == "linear-vae"
    assert message == "There is no run named 'gone'. This is linear-vae."


def test_a_run_that_cannot_be_opened_is_a_message_whoever_asks(run_folder):
    from explorer.ui.app import trouble_with

    (run_folder / "latents.safetensors").write_bytes(b"")
    library = fake_library(run_folder.parent)
    run, _, message = wanted(library, {"run": run_folder.name}, "")
    assert run == "linear-vae"
    assert "latents.safetensors" in message
    assert message.endswith("This is linear-vae.")
    assert f"{run_folder.name}/latents.safetensors" in trouble_with(library, run_folder.name).replace("\\", "/")
    assert str(run_folder.parent) not in message, "where this machine keeps its runs is nobody's business"
    assert trouble_with(library, "linear-ae") == ""
    for nonsense in (None, ["linear-ae"], 5, "../x", {}):
        assert "there is no run" in trouble_with(library, nonsense)


def test_numbers_that_reach_the_page_are_plain(client):
    """A score of a foreign run may be anything; what JSON cannot say must not reach a browser."""
    for number in (0, 1796):
        text = client.get(f"{RUN}/reconstruct/{number}").text
        assert "NaN" not in text
        assert "Infinity" not in text
    assert np.isfinite(list(client.post(f"{RUN}/describe", content=bytes(16)).json().values())).all()


def test_the_layers_stand_in_the_order_that_their_file_tells():
    told = re.findall(r"^    (\w+)  ", security.__doc__ or "", re.MULTILINE)
    assert [layer.cls.__name__ for layer in layers(["localhost"], False, 1, False)] == told  # pyright: ignore[reportAttributeAccessIssue] - a class
