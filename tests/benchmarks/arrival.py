"""How long a visitor waits for the first picture that moves, and what the page weighs until then and at rest.

Gradio's page and the bare one take turns in one browser, each visit with a cache of its own, so that a busy machine
is as busy for both. The slow visits have a CPU four times slower and a network of 200 ms and 40 Mbit/s, as Chromium
emulates them.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from explorer.library import Library
from tests.benchmarks.browser import chromium
from tests.benchmarks.usual_loop import ROOT, Row
from tests.serve_fake import serving

TURNS = 3

RUN = "mnist-vae-16"

PAGES = {"gradio's page": "", "the bare page": "bare"}

SLOW_NETWORK = {"offline": False, "latency": 200, "downloadThroughput": 5e6, "uploadThroughput": 5e6}
"""Milliseconds, and bytes a second."""

WATCH = """
const look = () => {
  const canvas = document.querySelector('canvas.xp-image');
  const slider = document.querySelector('.xp-slider input[type=range]');
  const latent = canvas?.dataset.latent;
  window.first ??= latent;
  if (window.first && latent !== window.first) {
    window.moving = performance.now();
    return;
  }
  if (window.first && slider) {
    slider.value = String(slider.valueAsNumber + 0.1);
    slider.dispatchEvent(new Event('input', { bubbles: true }));
  }
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
"""Moves the first slider in every frame from the first picture on, until the picture follows."""


def visit(browser: Any, url: str, slow: bool) -> tuple[float, int, int | None]:
    """Milliseconds to the first picture that moved, bytes on the wire until then, and those until the page rests."""
    context = browser.new_context(bypass_csp=True, viewport={"width": 1400, "height": 900})
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.add_init_script(WATCH)
    session = context.new_cdp_session(page)
    sizes: list[int] = []
    session.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
    session.send("Network.enable")
    if slow:
        session.send("Network.emulateNetworkConditions", SLOW_NETWORK)
        session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(url, wait_until="commit")
    page.wait_for_function("window.moving")
    moving, first, rest = page.evaluate("window.moving"), sum(sizes), None
    if not slow:
        page.locator("[data-rested]").wait_for(state="attached")
        rest = sum(sizes)
    context.close()
    return moving, first, rest


def rows() -> Iterator[Row]:
    """Both pages, quick and slow."""
    times: dict[tuple[str, bool], list[float]] = defaultdict(list)
    weights: dict[str, tuple[int, int]] = {}
    with chromium() as browser, serving(Library(ROOT / "checkpoints")) as url:
        for path in PAGES.values():
            visit(browser, f"{url}/{path}?run={RUN}&tab=explore", slow=False)  # the server is warm now
        for _ in range(TURNS):
            for slow in (False, True):
                for name, path in PAGES.items():
                    moving, first, rest = visit(browser, f"{url}/{path}?run={RUN}&tab=explore", slow)
                    times[name, slow].append(moving)
                    if rest is not None:
                        weights[name] = (first, rest)
    for (name, slow), found in times.items():
        yield f"{name}: first moving picture{', slow' if slow else ''}", statistics.median(found), "ms"
    for name, (first, rest) in weights.items():
        yield f"{name}: on the wire until then", first / 1000, "kB"
        yield f"{name}: on the wire at rest", rest / 1000, "kB"
