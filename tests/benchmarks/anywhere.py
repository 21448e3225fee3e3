"""The exported page of mnist-vae-16 as one file, opened from the disk without a network, in Chromium and Firefox.

Sliders are moved by their events, a digit is drawn by those of a pointer; a time ends with what it waits for in the
page. Numbers of the page are held against those that a server would tell.
"""

import base64
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from explorer.images import to_bytes
from explorer.library import Library
from explorer.site import export
from tests.benchmarks.browser import chromium
from tests.benchmarks.drag import LAST, MEASURE, OURS
from tests.benchmarks.firefox import firefox
from tests.benchmarks.programs import halves
from tests.benchmarks.usual_loop import ROOT, Row

CHECKPOINTS = ROOT / "checkpoints"

RUN, FACES = "mnist-vae-16", "celeba-vae-64"

MOVES, PLACES, SLICES, LATENTS = 40, 120, 9, 30
"""Moves of a slider; places at which a drag ends; slices after the first one; latents whose numbers are compared."""

WAIT = """
const until = async (look) => {
  for (const end = performance.now() + 60_000; performance.now() < end; ) {
    const found = look();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 0));
  }
  throw new Error(`in vain: ${look}`);
};
const found = (selector) => until(() => document.querySelector(selector));
const mouse = { pointerId: 1, pointerType: "mouse", isPrimary: true, bubbles: true };
const pointer = (type, element, clientX, clientY, buttons = 1) =>
  element.dispatchEvent(new PointerEvent(type, { ...mouse, clientX, clientY, buttons }));
const pressed = (tab, words) => until(() =>
  [...document.querySelectorAll(`#explorer-${tab} button`)].find((button) => button.textContent === words));
await found("script[type=importmap]"); // a module that is asked for before it would go without it
const { source } = await import("xp:/page/bare.js");
await source.programs.want(run, "decoder");
await source.programs.want(run, "encoder");
"""

SLIDERS = WAIT + f"await found('canvas.xp-image[data-latent]'); const measure = {MEASURE.strip()};" + (
    "await measure({ ...place, values: first, together: 0, sliders: 2 });"
    "return measure({ ...place, values: moves, together: 0, sliders: 2 });"
)  # fmt: skip

ENDS = WAIT + f"await found('canvas.xp-image[data-latent]'); const last = {LAST.strip()};" + (
    "const { directions } = await source.ask('card', run);"
    "const [axis] = [0].map((k) => directions.axes[k].vector.findIndex((value) => Math.abs(value) > 0.5));"
    "return last({ slider: place.slider, shares, axis });"
)  # fmt: skip

DREAM = (
    WAIT
    + """
const press = await pressed("start", "Draw ten");
const begin = performance.now();
press.click();
await until(() => document.querySelectorAll("#explorer-start .xp-st-model button[aria-label^='draw 10']").length >= 2);
return performance.now() - begin;
"""
)

DRAWN = (
    WAIT
    + """
const pad = await found("#explorer-reconstruct canvas.xp-pad");
const root = await found("#explorer-reconstruct [data-ready]");
const box = pad.getBoundingClientRect();
const times = [];
for (let turn = 0; turn < 8; turn++) {
  (await pressed("reconstruct", "Clear")).click();
  await new Promise((done) => setTimeout(done, 300));
  const own = () => Number(document.querySelector("[data-own]")?.dataset.own ?? 0);
  const stroke = [[90, 70], [140, 66], [195, 66], [165, 130], [140, 190 + turn], [128, 230]];
  pad.setPointerCapture = () => {};
  pointer("pointerdown", pad, box.left + stroke[0][0], box.top + stroke[0][1]);
  for (const [x, y] of stroke.slice(1)) pointer("pointermove", pad, box.left + x, box.top + y);
  await new Promise((done) => setTimeout(done, 400)); // what is shown while it is drawn is there
  const before = own();
  const begin = performance.now();
  pointer("pointerup", pad, box.left + 128, box.top + 230);
  await until(() => own() > before);
  times.push(performance.now() - begin);
}
return times.slice(1);
"""
)

HOVER = (
    WAIT
    + """
const pad = await found("#explorer-map .xp-mapside:first-child .xp-plane-pad[data-window]");
await until(() => Number(pad.dataset.dots) > 0);
const [left, right, bottom, top] = pad.dataset.window.split(",").map(Number);
const box = pad.getBoundingClientRect();
const places = await source.ask("places", run, { query: { plane: "pca" } });
const tip = () => document.querySelector("#explorer-map .xp-mapside:first-child .xp-tip canvas[data-index]");
const times = [];
for (let image = 0; times.length < 12 && image < 400; image++) {
  const x = box.left + ((places[2 * image] - left) / (right - left)) * box.width;
  const y = box.top + ((top - places[2 * image + 1]) / (top - bottom)) * box.height;
  const before = tip()?.dataset.index;
  const begin = performance.now();
  pointer("pointermove", pad, x, y, 0);
  const end = begin + 500;
  while (tip()?.dataset.index === before && performance.now() < end) await new Promise((done) => setTimeout(done, 0));
  if (tip()?.dataset.index !== before) times.push(performance.now() - begin);
  await new Promise((done) => setTimeout(done, 60));
}
return times;
"""
)

SLICE = (
    WAIT
    + """
const planes = () => [...document.querySelectorAll("#explorer-holes .xp-plane")];
const there = () => planes().length === 2 && planes().every((plane) => plane.dataset.ready && plane.dataset.layer);
const times = [];
const timed = async (button) => {
  const begin = performance.now();
  button.click();
  await until(there);
  times.push(performance.now() - begin);
  await new Promise((done) => setTimeout(done, 300));
};
await source.support(run);
await timed(await pressed("holes", "Slice"));
const other = await pressed("holes", "Other slice");
for (let k = 0; k < slices; k++) await timed(other);
return times;
"""
)

TOLD = (
    WAIT
    + """
const numbers = new Float32Array(Uint8Array.from(atob(latents), (c) => c.charCodeAt(0)).buffer);
const d = numbers.length / count;
const trusts = [];
const row = (k) => numbers.slice(k * d, (k + 1) * d);
for (let k = 0; k < count; k++) trusts.push(await source.ask("trust", run, { body: row(k) }));
const { pixels } = await source.decode(run, numbers, count);
return { trusts, pixels: Array.from(pixels) };
"""
)

Run = Callable[[str, dict[str, Any]], Any]
"""Runs the body of an async function with named values in a page."""


def rows() -> Iterator[Row]:
    """Sizes, then every measurement, Chromium first.

    Raises:
        DataError: Playwright or Chromium is not here.
    """
    with tempfile.TemporaryDirectory() as place:
        page = Path(place) / "page.html"
        begin = time.perf_counter()
        made = export(page, RUN, checkpoints=CHECKPOINTS, quiet=True)
        yield f"export of {', '.join(made.runs)}", time.perf_counter() - begin, "s"
        yield f"{RUN} with its twin in one file (at most 8)", made.size / 1e6, "MB"
        faces = export(Path(place) / "faces.html", FACES, checkpoints=CHECKPOINTS, quiet=True)
        yield f"{', '.join(faces.runs)} in one file (at most 15)", faces.size / 1e6, "MB"
        with chromium() as browser:
            context = browser.new_context(viewport={"width": 1400, "height": 1000}, offline=True)
            tab = context.new_page()
            left: list[str] = []
            tab.on("request", lambda sent: left.append(sent.url) if sent.url.startswith("http") else None)

            def open_page(url: str) -> None:
                tab.goto("about:blank")
                tab.goto(url)

            def run(code: str, values: dict[str, Any]) -> Any:
                return tab.evaluate(f"async ({{{', '.join(values)}}}) => {{ {code} }}", values)

            yield from inside("Chromium", page.as_uri(), open_page, run)
            yield "Chromium, requests that left the page", float(len(left)), ""
        with firefox() as driver:
            if driver is None:
                yield "Firefox is not here", 0.0, ""
            else:
                yield from inside("Firefox", page.as_uri(), driver.open, driver.run)


def inside(browser: str, url: str, open_page: Callable[[str], None], run: Run) -> Iterator[Row]:
    """What one browser measures on the page."""

    def at(tab: str, code: str, **values: Any) -> Any:
        open_page(f"{url}#v=1&run={RUN}&tab={tab}")
        return run(code, {"run": RUN, **values})

    times = at("explore", SLIDERS, first=halves(8), moves=halves(MOVES), place=OURS)
    yield f"{browser}, slider to picture", statistics.median(times), "ms"
    yield f"{browser}, slider to picture, 95 %", float(np.quantile(times, 0.95)), "ms"
    shares = np.random.default_rng(1).uniform(0.05, 0.95, PLACES).tolist()
    right = at("explore", ENDS, shares=shares, place=OURS)
    yield f"{browser}, last positions shown, of {PLACES}", float(right), ""
    yield f"{browser}, Draw ten from nothing, of both models", at("start&start.step=2", DREAM), "ms"
    times = at("reconstruct", DRAWN)
    yield f"{browser}, end of a drawn digit to both reconstructions", statistics.median(times), "ms"
    times = at("map", HOVER)
    yield f"{browser}, pointer to the picture of a dot of Map", statistics.median(times), "ms"
    times = at("holes", SLICE, slices=SLICES)
    yield f"{browser}, first slice of Holes, of both models", times[0], "ms"
    yield f"{browser}, another slice of Holes, of both models", statistics.median(times[1:]), "ms"
    opened = Library(CHECKPOINTS).open(RUN)
    latents = opened.sample("raw", LATENTS, np.random.default_rng(2))
    packed = base64.b64encode(latents.astype("<f4").tobytes()).decode()
    told = at("explore", TOLD, latents=packed, count=LATENTS)
    pixels = to_bytes(opened.coder.decode(latents)).transpose(0, 2, 3, 1).ravel().astype(int)
    yield f"{browser}, largest difference of a byte to a server's", float(np.abs(pixels - told["pixels"]).max()), ""
    off = max(
        abs(value - given[name])
        for latent, given in zip(latents, told["trusts"], strict=True)
        for name, value in opened.trust(latent[None], "draws").items()
        if name in ("vacancy", "norm", "norm_percentile")
    )
    yield f"{browser}, largest difference of a p-value or norm to a server's", off, ""
