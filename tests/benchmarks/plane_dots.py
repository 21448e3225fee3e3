"""How fast the plane of dots is in headless Chromium without WebGL: first drawing, pan, hover, recolouring, pictures.

The dots are synthetic: ten Gaussian groups. A plane of 700 CSS pixels on a screen of one pixel each is the usual case;
`dense` is a screen with four. Times are taken inside the page; a pan step is from the pointer's move to the frame that
shows it, and `drawing` the part of it that this program computes.
"""

import contextlib
import functools
import http.server
import threading
from collections.abc import Iterator

from tests.benchmarks.browser import chromium
from tests.benchmarks.usual_loop import ROOT, Row

COUNTS = (40, 10_000, 60_000, 1_000_000)

PAGE = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="kit/kit.css">
<link rel="stylesheet" href="kit/plane.css"><body><div class="xp-host" style="width: 700px"></div>"""

MEASURE = """async count => {
  const { Plane } = await import('./kit/plane.js');
  const { classPaints, rampCodes, rampPaints } = await import('./plane/colours.js');
  const { shifted } = await import('./plane/pane.js');
  const plane = new Plane('dots');
  document.querySelector('.xp-host').replaceChildren(plane.element);
  const frame = () => new Promise(done => requestAnimationFrame(done));
  await frame(); await frame();
  let state = 1;
  const draw = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const places = new Float32Array(2 * count), labels = new Uint16Array(count);
  for (let row = 0; row < count; row++) {
    labels[row] = Math.floor(10 * draw());
    const [r, a] = [Math.sqrt(-2 * Math.log(draw() + 1e-9)), 2 * Math.PI * draw()];
    places[2 * row] = 3 * Math.cos(labels[row]) + r * Math.cos(a);
    places[2 * row + 1] = 3 * Math.sin(labels[row]) + r * Math.sin(a);
  }
  const entries = Array.from({ length: 10 }, (_, colour) => ({ colour }));
  const classes = { codes: labels, paints: palette => classPaints(entries, palette) };
  const shares = Float32Array.from({ length: count }, draw);
  const timed = async act => {
    const start = performance.now();
    act();
    const computed = performance.now() - start;
    await frame();
    await new Promise(done => setTimeout(done)); // after the drawing of that frame
    return [performance.now() - start, computed];
  };
  const first = (await timed(() => {
    plane.setDots(places);
    plane.setColours(classes);
    plane.setHome();
    plane.draw();
  }))[0];
  await frame();
  const middle = list => list.sort((a, b) => a - b)[list.length >> 1];
  const pans = [], draws = [];
  for (let step = 0; step < 40; step++) {
    plane.look(shifted(plane.box, 0.004 * Math.sin(step), 0.004));
    const start = performance.now();
    plane.draw();
    draws.push(performance.now() - start);
    const begun = performance.now();
    await frame();
    await frame();
    pans.push(performance.now() - begun);
  }
  const hovers = [];
  for (let k = 0; k < 200; k++) {
    const [px, py] = [plane.pane.width * draw(), plane.pane.height * draw()];
    const start = performance.now();
    plane.spotAt(px, py, null);
    hovers.push(performance.now() - start);
  }
  const recolour = [];
  for (let k = 0; k < 5; k++) {
    const numbers = { codes: rampCodes(shares), paints: palette => rampPaints(palette.ramp, palette.other) };
    recolour.push((await timed(() => { plane.setColours(k % 2 ? classes : numbers); plane.draw(); }))[1]);
  }
  const tenth = Int32Array.from({ length: count / 10 }, (_, k) => k);
  const faded = (await timed(() => { plane.setPicked(tenth); plane.draw(); }))[1];
  plane.setPicked([]);
  const sheet = new OffscreenCanvas(280, 280);
  sheet.getContext('2d');
  const tile = { source: sheet, width: 28, height: 28 };
  plane.dots.pictureOf = row => ({ ...tile, x: 28 * (row % 10), y: 28 * (Math.floor(row / 10) % 10) });
  plane.dots.always = true;
  const tiled = (await timed(() => plane.draw()))[1];
  const rows = {
    'first drawing': first, 'drawing of a pan step': middle(draws), 'the slowest of 40': Math.max(...draws),
    'two frames after it': middle(pans), 'dot under the pointer': middle(hovers),
    'of 200 of them 198 take at most': hovers.sort((a, b) => a - b)[197], 'the slowest of 200': Math.max(...hovers),
    recolouring: middle(recolour), 'fading all but a tenth': faded,
    [`${plane.dots.tiled} pictures in their place`]: tiled,
  };
  return Object.entries(rows);
}"""


class Files(http.server.SimpleHTTPRequestHandler):
    """The page's own files, and a page that holds one plane."""

    def do_GET(self) -> None:
        """Answer with the page at its root, else with a file."""
        if self.path != "/":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())
        return None

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def served() -> Iterator[str]:
    """The address of such a page."""
    handler = functools.partial(Files, directory=str(ROOT / "explorer/ui/static"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def rows() -> Iterator[Row]:
    """Every number of dots, on a usual screen; the largest on a dense one as well.

    Raises:
        DataError: There is no browser to measure with.
    """
    with served() as url, chromium("--disable-webgl", "--disable-webgl2") as browser:
        for count, dense in [*((count, 1) for count in COUNTS), (60_000, 2), (1_000_000, 2)]:
            context = browser.new_context(
                bypass_csp=True, viewport={"width": 1400, "height": 900}, device_scale_factor=dense
            )
            context.set_default_timeout(120_000)
            page = context.new_page()
            page.goto(url)
            named = f"{count:,} dots{', dense' if dense > 1 else ''}"
            for what, took in page.evaluate(MEASURE, count):
                yield f"{named}: {what}", took, "ms"
            context.close()
