"""How fast the tab Holes is: both models' planes once the runs are open, and the linked cursor in headless Chromium.

The runs are the shipped MNIST autoencoder and VAE of 16 latent dimensions. A cursor's time runs inside the page, from
the pointer's move to the decode that is painted, beside the p-value in words; both models are asked at once.

    python -m tests.benchmarks.holes_tab        serve the shipped runs, print READY and the address
"""

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np

from explorer.errors import DataError, ExplorerError
from explorer.library import Library, OpenRun
from tests.benchmarks.browser import chromium
from tests.benchmarks.usual_loop import ROOT, Row
from tests.serve_fake import serving

CHECKPOINTS = ROOT / "checkpoints"

PAIR = ("mnist-ae-16", "mnist-vae-16")

SIDE, LATTICE = 64, 20

SLICES, MOVES = 7, 60

WATCH = """() => {
  window.moves = [];
  let start = 0, missing = new Set();
  const halves = [...document.querySelectorAll('#explorer-holes .xp-reading')].map(e => e.closest('section'));
  addEventListener('pointermove', () => {
    start = performance.now();
    missing = new Set(halves);
  }, { capture: true });
  for (const half of halves) {
    new MutationObserver(() => {
      if (!missing.delete(half) || missing.size) return;
      const took = performance.now() - start;
      requestAnimationFrame(() => window.moves.push([took, performance.now() - start]));
    }).observe(half.querySelector('canvas[role=img]'), { attributes: true, attributeFilter: ['data-latent'] });
  }
}"""

PLACE = """([x, y]) => {
  const pad = document.querySelector('#explorer-holes .xp-reading').closest('section').querySelector('.xp-plane-pad');
  const [left, right, bottom, top] = pad.dataset.window.split(',').map(Number), box = pad.getBoundingClientRect();
  const across = box.left + (x - left) / (right - left) * box.width;
  const place = [across, box.top + (top - y) / (top - bottom) * box.height];
  return pad.contains(document.elementFromPoint(...place)) ? place : null;
}"""
"""Where a place of the first plane is on the screen, or null where something lies above it, as an end of the path."""


def rows() -> Iterator[Row]:
    """Planes and lattices of both models, then the cursor.

    Raises:
        DataError: The shipped pair or a browser is missing.
    """
    yield from planes()
    yield from cursor()


def planes() -> Iterator[Row]:
    """Vacancy over 64x64 places and a lattice of 20x20 decodes of both models, after loading, over several slices."""
    from explorer.views.hole_map import hole_plane, laid_plane, measured_plane
    from explorer.views.hole_planes import planes_of

    library = Library(CHECKPOINTS)
    try:
        pair = [library.open(name) for name in PAIR]
    except ExplorerError as error:
        raise DataError(f"the shipped pair cannot be opened: {error}") from None
    slices = [
        {"anchors": ",".join(map(str, np.random.default_rng(seed).choice(len(pair[0]), 3, replace=False)))}
        for seed in range(SLICES + 1)
    ]

    def draw(run: OpenRun, query: dict[str, str]) -> None:
        _, _, _, plane = planes_of(library, run.name, query)
        run.vacancy.p_value(plane.latents(run.frame, *plane.lattice(SIDE)))
        cells = plane.latents(run.frame, *plane.lattice(LATTICE))
        run.vacancy.p_value(cells)
        run.coder.decode(cells)

    def figure(run: OpenRun, query: dict[str, str]) -> None:
        hole_plane(library, run.name, query)

    def both(work: Callable[[OpenRun, dict[str, str]], None], query: dict[str, str]) -> None:
        threads = [threading.Thread(target=work, args=(run, query)) for run in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def each(work: Callable[[OpenRun, dict[str, str]], None], query: dict[str, str]) -> None:
        for run in pair:
            work(run, query)

    size = f"{SIDE}x{SIDE} vacancy and {LATTICE}x{LATTICE} lattice of both models, d = 16"
    for what, arrange, work in (
        (f"{size}, one after the other", each, draw),
        (f"{size}, both at once", both, draw),
        ("    processor time for it", both, draw),
        ("both figures of the page as JSON, both at once", both, figure),
    ):
        clock = time.process_time if "processor" in what else time.perf_counter
        times = []
        for query in slices:
            for run in pair:
                laid_plane.forget(run)
                measured_plane.forget(run)
            begin = clock()
            arrange(work, query)
            times.append(clock() - begin)
        yield what, statistics.median(times[1:]), "s"  # the first loads the models


def cursor() -> Iterator[Row]:
    """From a pointer's move on one plane to the decodes of both models."""
    command = [sys.executable, "-m", "tests.benchmarks.holes_tab"]
    with chromium() as browser, subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith("READY "):
                raise DataError(f"the page is not served: {line!r}")
            yield from moved(browser, line.split()[1])
        finally:
            process.terminate()


def moved(browser, url: str) -> Iterator[Row]:
    """The measurements of the cursor on a page."""
    page = browser.new_page(bypass_csp=True, viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(120_000)
    page.goto(f"{url}#v=1&run={PAIR[1]}&tab=holes")
    for name in PAIR:
        page.locator(f"#explorer-holes section:has(.xp-reading) .xp-plane[data-ready='{name}'][data-layer]").wait_for()
    page.locator("#explorer-holes .xp-hs").scroll_into_view_if_needed()
    page.locator("#explorer-holes .xp-hs-sheet[data-ready]").nth(1).wait_for()  # what is above stays as high as it is
    page.locator("#explorer-holes .xp-reading canvas[data-latent]").nth(1).wait_for()
    page.locator("#explorer-holes .xp-reading").first.evaluate("e => e.scrollIntoView({ block: 'end' })")
    page.evaluate(WATCH)
    angles = np.linspace(0, 6 * np.pi, MOVES + 15)
    done = 0
    for k, angle in enumerate(angles):
        reach = 0.4 + 2.4 * k / len(angles)
        place = page.evaluate(PLACE, [reach * float(np.cos(angle)), reach * float(np.sin(angle))])
        if place is None or done == MOVES + 5:
            continue
        done += 1
        page.mouse.move(*place)
        page.wait_for_function("count => window.moves.length >= count", arg=done)
    times = np.array(page.evaluate("window.moves"))[5:]
    yield f"cursor to both decodes beside their p-values, median of {len(times)}", float(np.median(times[:, 0])), "ms"
    yield "    the same, slowest", float(times[:, 0].max()), "ms"
    yield "    to the display's next frame, median", float(np.median(times[:, 1])), "ms"
    page.close()


def main() -> None:
    """Serve the shipped runs until the process is ended."""
    with serving(Library(CHECKPOINTS)) as url:
        print(f"READY {url}/", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
