"""Programs in real browsers: exactness against torch, from a slider to the picture, what the server still does.

A frame counts when it is drawn, as in `drag`.
"""

import base64
import contextlib
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from explorer.analysis.laws import LAWS
from explorer.checkpoint import list_runs
from explorer.images import to_bytes
from explorer.library import Library
from tests.benchmarks.browser import chromium
from tests.benchmarks.drag import MEASURE, OURS
from tests.benchmarks.firefox import firefox
from tests.benchmarks.usual_loop import ROOT, Row

CHECKPOINTS = ROOT / "checkpoints"

RUNS = ("mnist-vae-16", "celeba-vae-64")

CODES, DRAWS = 200, 200
"""Posterior means of test images, and draws of each law, that are decoded."""

MOVES, DRAG = 40, 10.0
"""Moves of a slider; seconds of a drag."""

PAGES, VISITORS = 2, 200
"""Real pages that drag at once, and visitors in all: the others hold a connection and ask for nothing, as pages do."""

LATENCY = 200
"""Milliseconds added to every request, as over a share tunnel."""

SERVER = """
import sys
from pathlib import Path
import numpy as np
import torch
from explorer.coder import TorchCoder
from explorer.config import ModelConfig
from explorer.library import Library
from explorer.models import build_model
from explorer.ui import security
from explorer.ui.app import serve

# what measures is a script within the page; the first of two equal rules holds
security.RULES = "script-src 'self' 'unsafe-inline' 'unsafe-eval'; " + security.RULES
torch.set_num_threads(1)
torch.manual_seed(0)
library = Library(Path(sys.argv[1]))
wide = ModelConfig(family="vae", latent_dim=64, likelihood="gaussian", net="conv", norm="batch",
                   widths=(96, 256, 384, 384), hidden=0, image_shape=(3, 64, 64), levels=256)
images = np.random.default_rng(0).random((40, 3, 64, 64), dtype=np.float32)
library.hold("wide", TorchCoder(build_model(wide)), images)
server = serve(library, port=0)
print(server.url, flush=True)
sys.stdin.read()
"""
"""The page over shipped runs, and a face net of 244 million multiply-adds with random weights."""

SOURCE = """
const base = document.querySelector('script[type=module]').src.replace('page/bare.js', '');
const { source } = await import(base + 'source/source.js');
"""

DECODE = (
    SOURCE
    + """
await source.programs.want(run, 'decoder');
const ready = source.programs.of(run, 'decoder');
if (!ready) return { trouble: source.programs.state(run).trouble };
const numbers = new Float32Array(Uint8Array.from(atob(latents), (c) => c.charCodeAt(0)).buffer);
const count = numbers.length / ready.head.latent_dim;
const { pixels } = await source.decode(run, numbers, count);
let text = '';
for (let k = 0; k < pixels.length; k += 8192) text += String.fromCharCode(...pixels.subarray(k, k + 8192));
return { pixels: btoa(text), ms: ready.ms, bytes: ready.file.byteLength };
"""
)

LATTICE = (
    SOURCE
    + """
await source.programs.want(run, 'decoder');
const { head } = source.programs.of(run, 'decoder');
const size = 15, d = head.latent_dim;
const row = () => Float32Array.from({ length: size * d }, () => 2 * Math.random() - 1);
const [, height, width] = head.image_shape;
const rowsAtOnce = Math.max(1, Math.floor(64000 / (size * height * width * head.image_shape[0])));
const times = [];
for (let turn = 0; turn < 4; turn++) {
  const begin = performance.now();
  let [next, first] = [0, 0];
  const lane = async () => {
    while (next < size) {
      const count = Math.min(rowsAtOnce, size - next);
      next += count;
      const many = new Float32Array(count * size * d).map(() => 2 * Math.random() - 1);
      await source.decode(run, many, count * size);
      first ||= performance.now() - begin;
    }
  };
  await Promise.all([lane(), lane()]);
  if (turn) times.push([first, performance.now() - begin]);
}
const middle = (k) => times.map((each) => each[k]).sort((a, b) => a - b)[1];
return { first: middle(0), all: middle(1) };
"""
)

OPENING = (
    SOURCE
    + """
const begin = performance.now();
const info = await source.ask('card', run);
await source.decode(run, new Float32Array(info.latent_dim), 1);
const picture = performance.now() - begin;
await source.programs.want(run, 'decoder');
return { picture, ready: performance.now() - begin };
"""
)

PLANE = (
    SOURCE
    + """
const { Support } = await import(base + 'latent/support.js');
const support = new Support(await source.served('support', run, {}));
const unit = (k) => Array.from({ length: support.d }, (_, j) => Number(j === k));
const flat = { center: new Array(support.d).fill(0), first: unit(0), second: unit(1), extent: 20 };
const z = new Float32Array(support.d);
const median = (count, work) => {
  const times = Array.from({ length: count }, () => {
    const begin = performance.now();
    work();
    return performance.now() - begin;
  });
  return times.sort((a, b) => a - b)[count >> 1];
};
return { plane: median(7, () => support.plane(flat, 64)), judge: median(50, () => support.pValues(z)) };
"""
)

SLIDER = (
    """
const there = () => document.querySelector('canvas.xp-image')?.dataset.latent;
while (!there()) await new Promise(requestAnimationFrame);
"""
    + SOURCE
    + f"""
await source.programs.want(run, 'decoder');
const measure = {MEASURE.strip()};
await measure({{ ...place, values: first, together: 0, sliders: 2 }});
return measure({{ ...place, values: moves, together: 0, sliders: 2 }});
"""
)

Run = Callable[[str, dict[str, Any]], Any]
"""Runs the body of an async function with named values in a page."""


def rows() -> Iterator[Row]:
    """Every measurement, Chromium first.

    Raises:
        DataError: Playwright or Chromium is not here.
    """
    yield from sizes()
    with served() as (url, process):
        with chromium() as browser:
            page = browser.new_page(bypass_csp=True, viewport={"width": 1400, "height": 1000})
            page.goto(f"{url}bare?tab=explore&run=digits-vae-2")
            page.locator("[data-ready]").locator("visible=true").first.wait_for()

            def run(code: str, values: dict[str, Any]) -> Any:
                return page.evaluate(f"async ({{{', '.join(values)}}}) => {{ {code} }}", values)

            yield from inside("Chromium", run)
            page.close()
            for name in RUNS:
                for decoder in ("here", "server"):
                    for latency in (0, LATENCY):
                        yield from drags(browser, url, name, decoder, latency)
            yield from idle(browser, url, process)
        with firefox() as driver:
            if driver is None:
                yield "Firefox is not here", 0.0, ""
            else:
                driver.open(f"{url}bare?tab=explore&run=digits-vae-2")
                yield from inside("Firefox", driver.run)
                for name in RUNS:
                    driver.open(f"{url}bare?run={name}&tab=explore")
                    times = driver.run(SLIDER, {"run": name, "first": halves(8), "moves": halves(MOVES), "place": OURS})
                    yield f"Firefox, {name}, decoded here: slider to picture", statistics.median(times), "ms"
                    yield (
                        f"Firefox, {name}, decoded here: slider to picture, 95 %",
                        float(np.quantile(times, 0.95)),
                        "ms",
                    )


def sizes() -> Iterator[Row]:
    """Bytes on the wire."""
    from explorer.program import PARTS
    from explorer.views.programs import program
    from explorer.views.support import zipped_support

    library = Library(CHECKPOINTS)
    for name in RUNS:
        run = library.open(name)
        for part in PARTS:
            yield f"{name}: {part}", len(program(run, part).zipped) / 1e3, "kB"
        yield f"{name}: frame, codes and laws", len(zipped_support(run)) / 1e3, "kB"
    static = ROOT / "explorer" / "ui" / "static" / "source"
    for file in ("kernel.js", "machine.js", "programs.js"):
        yield f"{file}", (static / file).stat().st_size / 1e3, "kB"


def inside(browser: str, run: Run) -> Iterator[Row]:
    """What one page measures of itself."""
    for name in RUNS:  # first, so that in the first browser the server has not yet made the programs either
        found = run(OPENING, {"run": name})
        yield f"{browser}, {name}: card to first picture, by the server", found["picture"], "ms"
        yield f"{browser}, {name}: card to program ready", found["ready"], "ms"
    library = Library(CHECKPOINTS)
    worst = 0
    for name in list_runs(CHECKPOINTS):
        opened, rng = library.open(name), np.random.default_rng(1)
        codes = opened.latents.mean[rng.permutation(len(opened))[:CODES]]
        latents = np.concatenate([codes, *(opened.sample(law, DRAWS, rng) for law in LAWS)])
        packed = base64.b64encode(latents.astype("<f4").tobytes()).decode()
        found = run(DECODE, {"run": name, "latents": packed})
        if "trouble" in found:
            yield f"{browser}, {name}: {found['trouble']}", 0.0, ""
            continue
        wanted = to_bytes(opened.coder.decode(latents)).transpose(0, 2, 3, 1)
        given = np.frombuffer(base64.b64decode(found["pixels"]), np.uint8).reshape(wanted.shape)
        off = int(np.abs(given.astype(int) - wanted).max())
        worst = max(worst, off)
        yield f"{browser}, {name}: largest difference to torch, of 255", float(off), ""
        yield f"{browser}, {name}: one picture", found["ms"], "ms"
    yield f"{browser}, every run: largest difference to torch, of 255", float(worst), ""
    for name in RUNS:
        found = run(LATTICE, {"run": name})
        yield f"{browser}, {name}: lattice of 15x15, first rows", found["first"], "ms"
        yield f"{browser}, {name}: lattice of 15x15, all", found["all"], "ms"
    latents = np.random.default_rng(0).standard_normal((50, 64)).astype("<f4")
    packed = base64.b64encode(latents.tobytes()).decode()
    found = run(DECODE, {"run": "wide", "latents": packed})
    if "trouble" in found:
        yield f"{browser}, 244 MMAC: {found['trouble']}", 0.0, ""
    else:
        yield f"{browser}, 244 MMAC: one picture", found["ms"], "ms"
        yield f"{browser}, 244 MMAC: pictures a second of one thread", 1000 / found["ms"], "1/s"
    for name in ("mnist-vae-2", *RUNS):
        found = run(PLANE, {"run": name})
        yield f"{browser}, {name}: vacancy of a plane of 64x64", found["plane"], "ms"
        yield f"{browser}, {name}: p-value of one latent", found["judge"], "ms"


def halves(count: int) -> list[float]:
    """Places of a slider, from one half to the other: a move within its step would change no picture."""
    return [share + 0.5 * (k // 2 % 2) for k, share in enumerate(np.random.default_rng(0).uniform(0.02, 0.45, count))]


def drags(browser: Any, url: str, name: str, decoder: str, latency: int) -> Iterator[Row]:
    """From a slider to its picture, and what is asked of the server meanwhile."""
    page = browser.new_page(bypass_csp=True, viewport={"width": 1400, "height": 1000})
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    page.goto(f"{url}bare?tab=explore&run={name}&decoder={decoder}")
    page.locator(f"[data-ready='{name}']").locator("visible=true").first.wait_for()
    page.evaluate(f"async (run) => {{ {SOURCE} await source.programs.want(run, 'decoder'); }}", name)
    page.locator("[data-rested]").wait_for(state="attached", timeout=120_000)  # what it fetches ahead is there
    if latency:
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        limits = {"offline": False, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1}
        session.send("Network.emulateNetworkConditions", limits)
    page.evaluate(MEASURE, {**OURS, "values": halves(8), "together": 0, "sliders": 2})
    times = page.evaluate(MEASURE, {**OURS, "values": halves(MOVES), "together": 0, "sliders": 2})
    what = f"Chromium, {name}, decoded {decoder}, +{latency} ms"
    yield f"{what}: slider to picture", statistics.median(times), "ms"
    yield f"{what}: slider to picture, 95 %", float(np.quantile(times, 0.95)), "ms"
    page.evaluate("() => new Promise((rested) => setTimeout(rested, 5000))")  # and what a resting hand asks is answered
    asked.clear()
    rate = page.evaluate(MEASURE, {**OURS, "values": [], "together": DRAG})
    yield f"{what}: new pictures a second of a drag", rate, "1/s"
    yield f"{what}: requests during a drag of {DRAG:g} s", float(len(asked)), ""
    page.close()


def idle(browser: Any, url: str, process: subprocess.Popen[str]) -> Iterator[Row]:
    """Processor seconds of the server while nobody moves, and while several pages drag."""
    pages = [browser.new_page(bypass_csp=True) for _ in range(PAGES)]
    for page in pages:
        page.goto(f"{url}bare?tab=explore&run=mnist-vae-16")
        page.locator("[data-ready='mnist-vae-16']").locator("visible=true").first.wait_for()
        page.evaluate(f"async (run) => {{ {SOURCE} await source.programs.want(run, 'decoder'); }}", "mnist-vae-16")
    for page in pages:
        page.locator("[data-rested]").wait_for(state="attached", timeout=120_000)
    place = urlsplit(url)
    others = [socket.create_connection((place.hostname, place.port)) for _ in range(VISITORS - PAGES)]
    for other in others:
        other.sendall(f"GET /explorer/api/run/mnist-vae-16 HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
        other.recv(1 << 16)
    nothing = threading.Event()  # the clock alone ends these windows
    nothing.wait(3)
    before = seconds_of(process)
    nothing.wait(DRAG)
    yield (
        f"server while {VISITORS} visitors look on for {DRAG:g} s",
        1000 * (seconds_of(process) - before),
        "ms of CPU",
    )
    before = seconds_of(process)
    code = MEASURE.strip()
    start = f"(values) => {{ window.dragged = ({code})(values); }}"
    for page in pages:
        page.evaluate(start, {**OURS, "values": [], "together": DRAG})
    for page in pages:
        page.evaluate("() => window.dragged")
    yield (
        f"server while {VISITORS} visitors drag for {DRAG:g} s, {PAGES} of them real pages",
        1000 * (seconds_of(process) - before),
        "ms of CPU",
    )
    for other in others:
        other.close()
    for page in pages:
        page.close()


def seconds_of(process: subprocess.Popen[str]) -> float:
    """Processor seconds that a process has used, on Linux."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def served() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of `SERVER`, and its process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SERVER, str(CHECKPOINTS)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            line = next((line for line in process.stdout if "http" in line), "")
            found = re.search(r"http\S+", line)
            if found is None:
                raise RuntimeError("the server printed no address")
            yield found[0].rstrip("/") + "/", process
        finally:
            process.terminate()
