"""A page over models whose answers are known, and a real browser that is not allowed to leave this machine."""

import contextlib
import dataclasses
import functools
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin

import numpy as np
import pytest

from explorer.images import to_bytes, to_unit
from explorer.library import Library, OpenRun
from explorer.site import write
from tests.fakes import LinearCoder, ProgramCoder

UNUSED = (
    # a window of Chromium renders its address bar's lists ahead, in two processes that no test looks at
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "PreloadTopChromeWebUI",
    # what playwright turns off, whose list is replaced by this one
    "AimEnabled",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)
"""Features of Chromium that are turned off."""

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    f"--disable-features={','.join(UNUSED)}",
]

COUNT = 600
"""Digits in the library: enough for a crowded map, few enough to encode at once."""


ODD_NAMES = (
    "<img src=x onerror='window.caught = 1'>",
    "${window.caught = 1}",
    "{{constructor.constructor('window.caught = 1')()}}",
    "</script><script>window.caught = 1</script>",
    "<a href='javascript:window.caught = 1'>x</a>",
    *"56789",
)
"""Class names as a hostile checkpoint may bring them."""


def digits(
    latent_dim: int, log_variance: float | None, scale: float, kind: type[LinearCoder] = LinearCoder
) -> tuple[LinearCoder, np.ndarray, np.ndarray]:
    """Principal components of scikit-learn's digits as a Coder, the pixels (N, 1, 8, 8), and the labels (N,)."""
    from sklearn.datasets import load_digits

    loaded: Any = load_digits()
    pixels = loaded.images[:COUNT, None].astype(np.uint8)
    flat = to_unit(pixels, 17).reshape(COUNT, -1)
    mean = flat.mean(0)
    _, spread, axes = np.linalg.svd(flat - mean, full_matrices=False)
    matrix = axes[:latent_dim].T * (spread[:latent_dim] / np.sqrt(COUNT)) / scale
    coder = kind(matrix, (1, 8, 8), log_variance, sigma=0.2, levels=17)
    coder.offset = mean  # pyright: ignore[reportAttributeAccessIssue] - one value per pixel works as well
    return coder, pixels, loaded.target[:COUNT].astype(np.int64)


def score(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01, "n": 1000}


NAMES = tuple("0123456789")


def hold_pairs(library: Library, kind: type[LinearCoder]) -> None:
    """Hold `flat-vae` and `flat-ae` with d = 2, `deep-vae` and `deep-ae` with d = 12."""
    for stem, latent_dim in (("flat", 2), ("deep", 12)):
        for family, log_variance, scale in (("vae", -2.0, 1.0), ("ae", None, 4.0)):
            coder, pixels, labels = digits(latent_dim, log_variance, scale, kind)
            twin = {"vae": None, "ae": f"{stem}-vae"}[family]
            run = library.hold(
                f"{stem}-{family}", coder, pixels, labels, class_names=NAMES, dataset="digits", twin=twin
            )
            laws = {law: {"vacancy": score(v), "coverage": score(0.75)} for law, v in zip(
                ("raw", "white", "gmm10"), (0.31, 0.22, 0.11), strict=True)}  # fmt: skip
            metrics = {
                "test": {"active_units": latent_dim},
                "holes": {**laws, "reference_n": 400, "calibration_n": 200, "k": 5, "feature_space": "the pixels"},
            }
            run.card = dataclasses.replace(run.card, metrics=metrics)


@pytest.fixture(scope="session")
def library() -> Library:
    """The pairs of `hold_pairs`, and two runs without twins.

    `lost-ae` lacks its images; the class names of `odd-ae` are code.
    """
    library = Library(None)
    hold_pairs(library, LinearCoder)
    coder, pixels, labels = digits(2, None, 4.0)
    library.hold("odd-ae", coder, pixels, labels, class_names=ODD_NAMES, dataset="digits")
    lost = library.hold("lost-ae", coder, pixels, labels, class_names=NAMES, dataset="digits")
    lost._load_pixels = lambda: None
    return library


@pytest.fixture(scope="session")
def run_of(library: Library) -> Callable[[str], OpenRun]:
    """A run of the library by name."""
    return library.open


@pytest.fixture(scope="session")
def app_url(library: Library) -> Iterator[str]:
    """Address of the page, served in this process."""
    from explorer.ui.app import serve

    server = serve(library, port=0)
    yield server.url.rstrip("/") + "/"
    server.close()


@pytest.fixture(scope="session")
def driver() -> Iterator[Any]:
    """Playwright: one in a process, which cannot start a second."""
    from tests.browser.driver import sync_api

    with sync_api.sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(driver, chromium: str) -> Iterator:
    """The system's Chromium, without a window; its pages pass over our policy unless a test says so, and wait long.

    Playwright's wait_for_function compiles text in the page, which that policy forbids from the second look on: a test
    would pass where the first look finds what it waits for. `test_policy`, `test_bare` and `test_site` hold the policy.
    """
    from tests.browser.driver import PATIENCE_MS

    def patiently(opens: Callable[..., Any]) -> Callable[..., Any]:
        def opened(**settings: Any) -> Any:
            context_or_page = opens(**{"bypass_csp": True} | settings)
            context_or_page.set_default_timeout(PATIENCE_MS)
            return context_or_page

        return opened

    browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
    browser.new_context = patiently(browser.new_context)
    browser.new_page = patiently(browser.new_page)
    yield browser
    browser.close()


@pytest.fixture
def elsewhere() -> Iterator[Callable[[str], str]]:
    """Puts HTML on a page of another site of this machine: only one that a server here sent may frame what is here."""
    page = bytearray()

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *values: object) -> None:  # noqa: A002 - its own name
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def put(body: str) -> str:
        page[:] = f'<!doctype html><html lang="en"><title>Another page</title>{body}'.encode()
        return f"http://127.0.0.1:{server.server_port}/page"

    yield put
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def sent(folder: Path) -> Iterator[str]:
    """Address of a folder, sent by a plain web server that knows nothing of the program."""

    class Silent(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *values: object) -> None:  # noqa: A002 - its own name
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Library, bool], str]]:
    """Writes the page of a library, with images or without, and says its address below a sub-path of another server."""
    with contextlib.ExitStack() as servers:

        def address(library: Library, with_images: bool) -> str:
            folder = tmp_path_factory.mktemp("alone")
            write(folder / "page", library, with_images, quiet=True)
            return f"{servers.enter_context(sent(folder))}page/index.html"

        yield address


@pytest.fixture(scope="session")
def alone_url(exported: Callable[[Library, bool], str]) -> str:
    """Address of an exported page of the pairs of `hold_pairs`, which no server of ours answers."""
    library = Library(None)
    hold_pairs(library, ProgramCoder)
    return exported(library, True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that is marked `anywhere` runs on the live page and on an exported one."""
    if metafunc.definition.get_closest_marker("anywhere"):
        metafunc.parametrize("host", ["live", "alone"], indirect=True)


@pytest.fixture
def host(request: pytest.FixtureRequest) -> str:
    """What answers the page of a test: "live", a server, or "alone", nobody."""
    return getattr(request, "param", "live")


@pytest.fixture
def rounding(host: str) -> int:
    """By how much a byte of a picture may differ from Python's: what a browser decodes is rounded by itself."""
    return {"live": 0, "alone": 1}[host]


@pytest.fixture
def home(request: pytest.FixtureRequest, host: str) -> str:
    """Address of the page of a test: an exported one, the bare one, or gradio's where the test is marked `gradio`."""
    if host == "alone":
        return request.getfixturevalue("alone_url")
    url = request.getfixturevalue("app_url")
    return url if on_gradio(request) else f"{url}bare"


def on_gradio(request: pytest.FixtureRequest) -> bool:
    """Whether a test runs on gradio's page: what is about the frame around the live parts, or about leaving a part."""
    return request.node.get_closest_marker("gradio") is not None


@pytest.fixture(scope="module")
def context(browser) -> Iterator[Any]:
    """What the pages of a module share: the files that a browser keeps, and nothing that they show."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, color_scheme="light")
    context.new_page()  # it keeps the window: a page is a tab of it, which costs half of what a window does
    yield context
    context.close()


@pytest.fixture
def page(context, home: str) -> Iterator:
    """A fresh page; at its end there was no JavaScript error, no failed request, and none to another machine."""
    page = context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.on("console", lambda said: trouble.append(f"console: {said.text}") if said.type == "error" else None)
    page.on("response", lambda got: trouble.append(f"{got.status} {got.url}") if got.status >= 400 else None)
    here = (urljoin(home, "."), "data:", "blob:")
    page.on("request", lambda sent: None if sent.url.startswith(here) else trouble.append(f"left for {sent.url}"))
    yield page
    page.close()
    context.clear_permissions()
    assert not trouble, trouble


@pytest.fixture
def visit(page, home: str) -> Callable:
    """Open the page on a tab, with what follows '#' if anything does; every tab is reached by way of Explore.

    Explore itself is opened with all that it has behind More, on the origin unless the fragment names a latent.
    """
    from tests.browser.driver import open_more

    def opened(tab: str = "Explore", fragment: str = ""):
        page.goto(f"{home}?tab=explore{fragment}")
        named = parse_qs(fragment.lstrip("#")).get("run", [""])[0]
        ready = f"[data-ready^='{named}']" if named else "[data-ready]"
        page.locator(ready).locator("visible=true").first.wait_for()
        if tab != "Explore":
            page.get_by_role("tab", name=tab).click()
            return page
        if page.locator("#explorer-explore").is_visible():
            open_more(page, "explore")
            if "z=" not in fragment:
                page.get_by_role("button", name="Origin").click()
        return page

    return opened


@pytest.fixture
def phone(browser, home: str) -> Iterator[Any]:
    """A page under a thumb: touch only, 390 pixels wide, open on Explore."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{home}?tab=explore")
    page.locator("[data-ready]").locator("visible=true").first.wait_for()
    yield page
    context.close()


@pytest.fixture(scope="session")
def swipe() -> Callable[..., None]:
    """Swipe up with a finger that starts on an element, left of its middle."""

    def swiped(element, distance: int = 250) -> None:
        page, box = element.page, element.bounding_box()
        session = page.context.new_cdp_session(page)
        x, y = box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2
        session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for step in range(1, 11):
            point = {"x": x, "y": y - distance * step / 10}
            session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        session.detach()

    return swiped


@pytest.fixture
def pick(page) -> Callable[[str], None]:
    """Choose a run in the header."""
    from tests.browser.driver import pick_run

    return lambda name: pick_run(page, name)


@pytest.fixture(scope="session")
def grey_of() -> Callable[..., np.ndarray]:
    """The grey bytes (H, W) that a canvas shows; every pixel must be opaque and grey."""

    from tests.browser.driver import pixels_of

    def read(canvas) -> np.ndarray:
        rgba = pixels_of(canvas)
        assert (rgba[..., 3] == 255).all()
        assert (rgba[..., 0] == rgba[..., 1]).all()
        assert (rgba[..., 0] == rgba[..., 2]).all()
        return rgba[..., 0]

    return read


@pytest.fixture(scope="session")
def colours_of() -> Callable[..., np.ndarray]:
    """The colours (H, W, 3) that a canvas shows."""

    from tests.browser.driver import pixels_of

    return lambda canvas: pixels_of(canvas)[..., :3]


@pytest.fixture(scope="session")
def decode_of() -> Callable[..., np.ndarray]:
    """The bytes (H, W) that a run decodes a latent (d,) to, computed here."""

    def decoded(run: OpenRun, latent) -> np.ndarray:
        return to_bytes(run.coder.decode(np.asarray(latent, dtype=np.float32)[None]))[0, 0]

    return decoded


@pytest.fixture(scope="session")
def latent_of() -> Callable[..., np.ndarray]:
    """The latent (d,) whose decode a canvas says it shows."""

    def read(canvas) -> np.ndarray:
        return np.array(json.loads(f"[{canvas.get_attribute('data-latent')}]"), dtype=np.float32)

    return read
