"""How fast the tab Map is in headless Chromium without WebGL: dots drawn, hover, recolouring, and what is sent.

The run is synthetic: a linear model of 16 latent dimensions over images of 28x28 pixels, in a process of its own.
Times are taken inside the page, from the click or the pointer's move to the frame after the drawing.

    python -m tests.benchmarks.map_tab COUNT        serve such a run, print READY and the address
"""

import contextlib
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np

from explorer.library import Library
from tests.benchmarks.browser import chromium
from tests.benchmarks.usual_loop import ROOT, Row
from tests.fakes import LinearCoder
from tests.serve_fake import serving

SIDE, DIM, CLASSES = 28, 16, 10

HOVERS = 100

POINTS = """async () => {
  const at = performance.getEntriesByType('resource').map(({ name }) => name).find(name => name.includes('/places'));
  const places = new Float32Array(await (await fetch(at)).arrayBuffer());
  return Array.from({ length: 2000 }, (_, k) => [places[2 * k], places[2 * k + 1]]);
}"""

DRAWN = """([selector, wanted]) => new Promise(done => {
  const start = performance.now();
  document.querySelector(selector).click();
  const look = () => {
    const drawn = document.querySelector('[data-drawn]')?.dataset.drawn ?? '';
    if (!drawn.endsWith(` ${wanted}`)) return requestAnimationFrame(look);
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
  };
  look();
})"""

COLOURED = """wanted => new Promise(done => {
  const select = document.querySelector('#explorer-map [data-control="colour"] select');
  const start = performance.now();
  select.value = wanted;
  select.dispatchEvent(new Event('change'));
  const look = () => {
    if (document.querySelector('[data-colour]')?.dataset.colour !== wanted) return requestAnimationFrame(look);
    requestAnimationFrame(() => done(performance.now() - start));
  };
  look();
})"""

HOVERED = """() => {
  window.hovers = [];
  let start = 0;
  const canvas = document.querySelector('.xp-map .xp-tip canvas');
  addEventListener('pointermove', () => (start = performance.now()), { capture: true });
  new MutationObserver(() => window.hovers.push(performance.now() - start))
    .observe(canvas, { attributes: true, attributeFilter: ['data-index'] });
}"""

PLACES = """([count, points]) => {
  const pad = document.querySelector('.xp-map .xp-plane-pad'), room = pad.getBoundingClientRect();
  const [left, right, bottom, top] = pad.dataset.window.split(',').map(Number);
  const step = Math.floor(points.length / count);
  return Array.from({ length: count }, (_, k) => points[k * step]).map(([x, y]) => [
    room.left + (x - left) / (right - left) * room.width, room.top + (top - y) / (top - bottom) * room.height,
  ]);
}"""

SENT = """() => performance.getEntriesByType('resource')
  .filter(({ name }) => name.includes('/run/synthetic') || name.includes('plotly'))
  .map(({ name, transferSize }) => [name, transferSize])"""


def library_of(count: int) -> Library:
    """One run named `synthetic` of so many test images, in ten groups."""
    rng = np.random.default_rng(0)
    coder = LinearCoder(rng.normal(size=(SIDE * SIDE, DIM)) / 30, (1, SIDE, SIDE), -2.0, sigma=0.2)
    labels = rng.integers(0, CLASSES, count)
    latents = rng.normal(size=(CLASSES, DIM))[labels] + 0.5 * rng.normal(size=(count, DIM))
    pixels = np.empty((count, 1, SIDE, SIDE), dtype=np.uint8)
    for start in range(0, count, 5_000):
        part = latents[start : start + 5_000].astype(np.float32)
        pixels[start : start + 5_000] = np.round(255 * np.clip(coder.decode(part), 0, 1))
    library = Library(None)
    library.hold("synthetic", coder, pixels, labels, class_names=tuple(map(str, range(CLASSES))))
    return library


@contextlib.contextmanager
def served(count: int) -> Iterator[str]:
    """The address of a page over such a run, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.map_tab", str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith("READY "):
                raise RuntimeError(f"the page is not served: {line!r}")
            yield line.split()[1]
        finally:
            process.terminate()


def rows() -> Iterator[Row]:
    """Opening the tab, hovering, recolouring; payloads.

    Raises:
        DataError: There is no browser to measure with.
    """
    with chromium("--disable-webgl") as browser:
        for count in (10_000, 60_000):
            with served(count) as url:
                yield from measured(browser, url, count)


def processor_seconds(browser) -> float:
    """What the browser's processes have computed so far: beside the time by the clock it tells a busy machine."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return sum(process["cpuTime"] for process in processes)


def timed(page, what: str, script: str, argument: object) -> Iterator[Row]:
    """How long a script of the page took by the clock, and what the browser computed meanwhile."""
    browser = page.context.browser
    before = processor_seconds(browser)
    took = page.evaluate(script, argument)
    yield what, took / 1000, "s"
    yield "    processor time of the browser for it", processor_seconds(browser) - before, "s"


def short(url: str) -> str:
    """An address without the server, the run and the version."""
    path = url.split("?")[0].split("/")
    return "/".join(path[-2:] if path[-2] in ("map", "figure", "sprites") else path[-1:])


def measured(browser, url: str, count: int) -> Iterator[Row]:
    """The measurements of one run."""
    named = f"{count:,} images"
    context = browser.new_context(bypass_csp=True, viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(120_000)
    page = None
    for visit in ("first visit, at once", "later visit, at once", "later visit, after a rest"):
        if page is not None:
            page.close()
        page = context.new_page()
        page.goto(f"{url}#v=1&run=synthetic&tab=explore")  # the tab from which a page prepares the others
        page.locator("[data-ready]").first.wait_for()
        if visit.endswith("rest"):  # in which the page prepares itself
            page.locator("[data-rested]").wait_for()
        page.get_by_role("tab", name="Map").evaluate("element => element.setAttribute('data-bench', '')")
        yield from timed(page, f"{named}: open the tab to all drawn, {visit}", DRAWN, ["[data-bench]", count])
        page.wait_for_function("() => performance.getEntriesByType('resource').some(e => e.name.includes('/sprites/'))")
        if visit.startswith("first"):
            for address, size in page.evaluate(SENT):
                if size > 0:
                    yield f"{named}: sent for {short(address)}", size / 1000, "kB"
    assert page is not None
    asked: list[str] = []
    page.evaluate(HOVERED)
    places = page.evaluate(PLACES, [HOVERS, page.evaluate(POINTS)])
    page.mouse.move(*places[-1])
    page.locator(".xp-map .xp-tip canvas[data-index]").wait_for()
    page.on("request", lambda request: asked.append(request.url))
    for x, y in places:
        page.mouse.move(x, y)
        page.evaluate("() => new Promise(requestAnimationFrame)")
    times = page.evaluate("window.hovers")
    yield f"{named}: pointer moved to its image, median of {len(times)}", statistics.median(times), "ms"
    yield f"{named}: the same, slowest", max(times), "ms"
    yield f"{named}: requests during {HOVERS} hovers", len(asked), ""
    for colour in ("rate", "label", "distortion"):
        asked.clear()
        yield from timed(page, f"{named}: recolour by {colour}", COLOURED, colour)
        yield f"{named}: requests for it", len(asked), ""
        if any("/places" in url for url in asked):
            raise RuntimeError("recolouring sent the coordinates again")
    context.close()


def main() -> None:
    """Serve a synthetic run until the process is ended."""
    with serving(library_of(int(sys.argv[1]))) as url:
        print(f"READY {url}/", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
