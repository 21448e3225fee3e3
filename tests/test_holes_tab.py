"""What Holes answers over HTTP."""

from collections.abc import Iterator
from types import SimpleNamespace

import httpx
import numpy as np
import pytest

from explorer.library import Library
from explorer.ui import holes
from explorer.views import hole_sheets
from tests.serve_fake import client_of, fake_library, serving


@pytest.fixture(scope="module")
def library() -> Library:
    return fake_library()


TAB = SimpleNamespace(build=lambda library, page: None, routes=holes.routes, FIGURES=holes.FIGURES)


RUN = "explorer/api/run/linear-vae"


BODY = np.zeros((1, 4), dtype="<f4").tobytes()


@pytest.fixture(scope="module")
def client(library) -> Iterator[httpx.Client]:
    with (
        serving(library, modules={"explore": TAB}) as url,
        client_of(url) as client,
    ):
        yield client


def test_a_place_is_described_over_http(library, client):
    answer = client.post(f"{RUN}/holes/place", params={"layer": "density", "law": "raw"}, content=BODY)
    said = hole_sheets.described_place(library.open("linear-vae"), np.zeros((1, 4), dtype=np.float32), "density", "raw")
    assert answer.json() == said
    assert answer.headers["cache-control"] == "private, no-store"


ATTACKS = [
    ("POST", "holes/place", {}, b""),
    ("POST", "holes/place", {}, BODY[:-1]),
    ("POST", "holes/place", {}, BODY * 2),
    ("POST", "holes/place", {}, BODY * 100_000),
    ("POST", "holes/place", {}, np.full((1, 4), np.nan, dtype="<f4").tobytes()),
    ("POST", "holes/place", {}, np.full((1, 4), np.inf, dtype="<f4").tobytes()),
    ("POST", "holes/place", {}, np.full((1, 4), 1e30, dtype="<f4").tobytes()),
    ("POST", "holes/place", {"layer": "../../etc/passwd"}, BODY),
    ("POST", "holes/place", {"layer": ""}, BODY),
    ("POST", "holes/place", {"layer": "class"}, BODY),
    ("POST", "holes/place", {"law": "<img src=x onerror=alert(1)>"}, BODY),
    ("GET", "holes/layer", {}, None),
    ("GET", "holes/layer", {"layer": "validity"}, None),
    ("GET", "holes/layer", {"layer": "cliff", "anchors": "1,2"}, None),
    ("GET", "holes/layer", {"layer": "cliff", "anchors": "1,1,1"}, None),
    ("GET", "holes/layer", {"layer": "cliff", "anchors": "1,2,1797"}, None),
    ("GET", "holes/layer", {"layer": "cliff", "anchors": "1,2,-3"}, None),
    ("GET", "holes/layer", {"layer": "cliff", "anchors": "1," * 900}, None),
    ("GET", "holes/layer", {"layer": "cliff", "directions": "classes:3"}, None),
    ("GET", "holes/layer", {"layer": "cliff", "lead": "../linear-ae"}, None),
    ("GET", "holes/plane", {"anchors": "1,2"}, None),
    ("GET", "holes/plane", {"anchors": "1,1,1"}, None),
    ("GET", "holes/plane", {"anchors": "1,2,1797"}, None),
    ("GET", "holes/plane", {"anchors": "1,2,-3"}, None),
    ("GET", "holes/plane", {"anchors": "1," * 900}, None),
    ("GET", "holes/plane", {"directions": "classes:3"}, None),
    ("GET", "holes/plane", {"lead": "../linear-ae"}, None),
]
"""Requests that make no sense: method, address, query, body."""


@pytest.mark.parametrize(("method", "what", "query", "content"), ATTACKS)
def test_nonsense_is_answered_with_one_sentence(client, method, what, query, content):
    answer = client.request(method, f"{RUN}/{what}", params=query, content=content)
    assert answer.status_code in (400, 413)
    sentence = answer.json()["error"]
    assert 5 < len(sentence) < 400
    assert "<img" not in sentence
    assert "Traceback" not in sentence


@pytest.mark.parametrize("name", ["no-such", "..%2f..%2fetc", "%00"])
def test_no_address_of_the_tab_knows_a_run_that_is_not_there(client, name):
    for method, what in (
        ("GET", "holes/plane"),
        ("GET", "holes/layer?layer=cliff"),
        ("GET", "holes/layers"),
        ("POST", "holes/place"),
    ):
        assert client.request(method, f"explorer/api/run/{name}/{what}", content=b"").status_code in (404, 405)


def test_a_place_can_only_be_posted_and_layers_only_be_read(client):
    assert client.get(f"{RUN}/holes/place").status_code in (404, 405)
    assert client.post(f"{RUN}/holes/layers").status_code in (404, 405)


def test_every_address_of_sheets_and_ladders_refuses_nonsense_in_a_sentence():
    with serving(fake_library()) as url, httpx.Client(base_url=f"{url}/explorer/api/run/", timeout=60) as client:
        for path in (
            "linear-vae/holes/samples?law=x",
            "linear-vae/holes/samples?law=raw&seed=-1",
            "linear-vae/holes/samples?law=raw&seed=1e400",
            "linear-vae/holes/samples?law=raw&redraw=2",
            "linear-vae/holes/ladder?law=%00",
            "no-such-run/holes/samples?law=raw",
            "..%2f..%2fetc/holes/ladder",
        ):
            answer = client.get(path)
            assert answer.status_code in (400, 404), path
            assert len(answer.json()["error"]) < 300
        answer = client.get("linear-vae/holes/samples", params={"law": "white", "seed": 5, "redraw": 1})
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "private, no-store"
