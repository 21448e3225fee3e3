"""The page behind a reverse proxy: under a folder of another site, with TLS that ends at the proxy."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urljoin

import httpx
import pytest

from tests.serve_fake import fake_library, serving

PLACE = "/lab/models"
SITE = "models.example.org"
HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length", "date", "server"}


@contextmanager
def proxied(target: str, strips: bool) -> Iterator[str]:
    """The address of a proxy that shows `target` below `PLACE`, and says so as nginx and Caddy do.

    Args:
        target: Address of the server, without a slash at its end.
        strips: Whether the server is asked without the folder.
    """

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def pass_on(self) -> None:
            if not self.path.startswith(f"{PLACE}/"):
                self.send_error(404)
                return
            path = self.path.removeprefix(PLACE) if strips else self.path
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            headers |= {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https", "x-forwarded-host": SITE}
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            with httpx.stream(self.command, target + path, headers=headers, content=body, timeout=30) as answer:
                self.send_response(answer.status_code)
                for name, value in answer.headers.multi_items():
                    if name not in HOP_BY_HOP:
                        self.send_header(name, value)
                self.end_headers()
                for piece in answer.iter_raw():
                    self.wfile.write(piece)
                    self.wfile.flush()

        do_GET = do_POST = do_HEAD = pass_on  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

        def handle(self) -> None:
            try:
                super().handle()
            except (ConnectionError, httpx.HTTPError):
                """Whoever asked is gone."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        proxy.daemon_threads = True
        Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{proxy.server_port}{PLACE}/"
        proxy.shutdown()


@pytest.fixture(scope="module", params=[True, False], ids=["strips the folder", "keeps the folder"])
def site(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """A browser that asks by way of the proxy."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_HOSTS", SITE)
        target = stack.enter_context(serving(fake_library(), root_path=PLACE, proxies=["127.0.0.1"]))
        address = stack.enter_context(proxied(target, request.param))
        yield stack.enter_context(httpx.Client(base_url=address, headers={"host": SITE}, timeout=30))


def addresses(page: str) -> set[str]:
    """What a page loads."""
    return set(re.findall(r"""<(?:script|link)\b[^>]*?\b(?:src|href)=["']([^"'#]+)["']""", page))


@pytest.mark.parametrize("path", ["", "bare"])
def test_everything_that_the_page_loads_lies_below_the_folder(site, path):
    page = site.get(path)
    assert page.status_code == 200
    loaded = addresses(page.text)
    assert len(loaded) > 1
    for address in loaded:
        whole = urljoin(f"https://{SITE}{PLACE}/{path}", address)
        assert whole.startswith(f"https://{SITE}{PLACE}/"), address
        assert site.get(whole.removeprefix(f"https://{SITE}{PLACE}/")).status_code == 200, address


def test_gradio_is_told_the_address_that_visitors_use(site):
    root = f"https://{SITE}{PLACE}"
    assert site.get("config").json()["root"] == root
    told = re.findall(r'"root":\s*"([^"]*)"', site.get("").text)
    assert set(told) == {root}


def test_the_page_works_below_the_folder(site):
    assert site.get("explorer/api/runs").status_code == 200
    assert site.post("explorer/api/run/linear-vae/decode", content=bytes(16)).status_code == 200
    origin = {"origin": f"https://{SITE}"}
    assert site.post("explorer/api/run/linear-vae/decode", content=bytes(16), headers=origin).status_code == 200
    foreign = {"origin": "https://evil.example"}
    assert site.post("explorer/api/run/linear-vae/decode", content=bytes(16), headers=foreign).status_code == 403
    event = next(e for e in site.get("config").json()["dependencies"] if e["backend_fn"] and len(e["inputs"]) == 1)
    ask = {"data": ["linear-vae"], "fn_index": event["id"], "session_hash": "abc"}
    assert site.post("gradio_api/run/predict", json=ask, headers=origin).status_code == 200
    with site.stream("GET", "gradio_api/heartbeat/abc") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert next(stream.iter_raw())


def test_a_browser_is_told_to_stay_with_tls_and_keeps_cookies_to_the_folder(site):
    page = site.get("", headers={"cookie": ""})
    assert page.headers["strict-transport-security"] == "max-age=31536000"
    cookie = page.headers["set-cookie"]
    assert f"Path={PLACE}/;" in cookie
    assert "Secure" in cookie
    assert "HttpOnly" in cookie


def test_a_log_in_works_below_the_folder(monkeypatch):
    monkeypatch.setenv("EXPLORER_HOSTS", SITE)
    accounts = [("mina", "correct horse")]
    with (
        serving(fake_library(), modules={}, root_path=PLACE, proxies=["127.0.0.1"], accounts=accounts) as target,
        proxied(target, strips=True) as address,
        httpx.Client(base_url=address, headers={"host": SITE}, timeout=30) as client,
    ):
        assert client.get("explorer/api/runs").status_code == 401
        assert client.get("healthz").status_code == 200
        answer = client.post("login", data={"username": "mina", "password": "correct horse"})
        handed = answer.headers.get_list("set-cookie")
        assert handed and all(cookie.endswith("; Secure") for cookie in handed), (
            "also gradio's cookie for pages without"
        )
        cookies = "; ".join(cookie.split(";")[0] for cookie in handed)
        assert client.get("explorer/api/runs", headers={"cookie": cookies}).status_code == 200
        ending = {"cookie": cookies, "origin": f"https://{SITE}"}
        assert client.get("logout", headers=ending).status_code == 405
        assert client.post("logout", headers=ending | {"origin": "https://evil.example"}).status_code == 403
        assert client.get("explorer/api/runs", headers={"cookie": cookies}).status_code == 200
        client.post("logout", headers=ending)
        assert client.get("explorer/api/runs", headers={"cookie": cookies}).status_code == 401


def test_a_health_check_needs_no_name_and_tells_nothing(site):
    answer = site.get("healthz", headers={"host": "10.1.2.3"})
    assert (answer.status_code, json.loads(answer.text)) == (200, {"status": "ok"})
