"""The page without gradio on gradio's address: what of gradio's page is edited, and what goes out as it is."""

import re
from pathlib import Path

import gradio
import httpx
import pytest

from explorer.library import Library
from explorer.ui.app import tab_modules
from explorer.ui.early import Early
from explorer.ui.page import TABS
from explorer.ui.static_files import StaticFiles
from tests.serve_fake import fake_library, serving

TEMPLATE = (Path(gradio.__file__).parent / "templates" / "frontend" / "index.html").read_bytes()
"""Gradio's page, before it is filled in."""

MODULE, SHEET = b'<script type="module" crossorigin src="./assets/index-', b'<link rel="stylesheet" crossorigin href='


@pytest.fixture(scope="module")
def layer() -> Early:
    """The layer over two runs in memory."""

    async def nothing(scope, receive, send):
        raise AssertionError("nothing is asked of the app")

    return Early(nothing, fake_library(), StaticFiles(), tab_modules())


def test_gradios_page_gets_the_bare_one_in_front_and_starts_nothing_by_itself(layer):
    page = layer.edited(TEMPLATE)
    assert page.index(b"<body") < page.index(b'<div id="explorer-early">') < page.index(b"<gradio-app")
    assert all(page.count(f'id="explorer-{tab}"'.encode()) == 1 for tab in TABS)
    assert MODULE not in page
    assert re.search(re.escape(SHEET) + rb'"[^"]+" media="not all" data-gradio>', page), "it holds up no picture"
    asset = re.search(rb'src="(\./assets/index-[\w-]+\.js)"', TEMPLATE)
    assert asset
    assert b'src: "' + asset[1] + b'"' in page


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        (MODULE, b'<script type="module" src="./assets/index-'),
        (SHEET, b'<link rel="stylesheet" href='),
        (b"<gradio-app", b"<gradio-page"),
        (b"</head>", b"</head><!-- </head> -->"),
        (b"<gradio-app", b"<gradio-app></gradio-app><gradio-app"),
    ],
)
def test_a_page_of_gradios_that_looks_otherwise_goes_out_as_it_is(layer, found, instead):
    assert found in TEMPLATE
    other = TEMPLATE.replace(found, instead)
    assert layer.edited(other) == other


def test_a_page_without_runs_is_gradios_alone(layer):
    empty = Early(layer.app, Library(None), layer.static, layer.tabs)
    assert empty.edited(TEMPLATE) == TEMPLATE


def test_the_login_page_is_gradios_alone_and_who_logged_in_gets_both():
    library = fake_library()
    with (
        serving(library, accounts=[("ada", "a long password")]) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        answer = client.get("/")
        assert answer.status_code == 200
        assert b"explorer-early" not in answer.content
        assert MODULE in answer.content
        client.post("/login", data={"username": "ada", "password": "a long password"})
        answer = client.get("/")
        assert b'<div id="explorer-early">' in answer.content
        scripts = answer.headers["content-security-policy"].split("script-src")[1].split(";")[0]
        assert scripts.count("sha256-") >= 5, "our own scripts are allowed by what they say"
        assert "'unsafe-inline'" not in scripts
