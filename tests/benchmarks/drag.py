"""From a slider to pixels in a real browser, beside a plain app of `gr.Slider` and `gr.Image` over the same model.

Both pages are open in one Chromium and take turns. A frame counts when it is drawn: the wait for the display's next
frame is part of every time. Needs playwright and Chromium, as the browser tests do.
"""

import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np

from explorer.checkpoint import list_runs, read_config
from tests.benchmarks.browser import chromium
from tests.benchmarks.usual_loop import ROOT, Row

CHECKPOINTS = ROOT / "checkpoints"

RUNS = ("mnist-vae-16", "celeba-vae-64")

MOVES, TURNS, DRAG, CLIENTS = 120, 4, 5.0, 8
"""Moves in all, in so many turns; seconds of a drag; how many drag at once."""

PLAIN = """
import sys
import gradio as gr
import numpy as np
from explorer import load_run

run = load_run(sys.argv[1])

def decode(*values):
    images = run.coder.decode(np.array([values], np.float32))
    return (images[0].transpose(1, 2, 0).squeeze() * 255).astype(np.uint8)

with gr.Blocks(analytics_enabled=False) as page:
    sliders = [gr.Slider(-3, 3, 0, step=0.01, label=f"z{j}") for j in range(min(8, run.coder.latent_dim))]
    rest = [gr.State(0.0) for _ in range(run.coder.latent_dim - len(sliders))]
    image = gr.Image(show_label=False)
    for slider in sliders:
        slider.input(decode, [*sliders, *rest], image, show_progress="hidden", trigger_mode="always_last")
_, url, _ = page.launch(prevent_thread_lock=True, quiet=True)
print(url, flush=True)
sys.stdin.read()
"""
"""What a tutorial writes; its one concession to speed is that the last position is never lost."""

MEASURE = """
({slider, painted, values, together, sliders = 1}) => {
  const ranges = [...document.querySelectorAll(slider)].slice(0, sliders);
  const [range] = ranges;
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
  const move = (value, k = 0) => {
    const moved = ranges[k % ranges.length];
    const before = moved.value;
    set.call(moved, value);
    moved.dispatchEvent(new Event('input', {bubbles: true}));
    return moved.value !== before; // a move within the slider's step changes no picture
  };
  const frame = () => new Promise(requestAnimationFrame);
  const stamp = () => document.querySelector(painted[0])?.getAttribute(painted[1]);
  const changed = (from) => new Promise((done) => {
    const look = () => (stamp() !== from ? done() : requestAnimationFrame(look)); requestAnimationFrame(look); });
  return (async () => {
    const [low, high] = [Number(range.min), Number(range.max)];
    const place = (share) => low + share * (high - low);
    if (!together) {
      const times = [];
      for (const [k, share] of values.entries()) {
        const before = stamp();
        const begin = performance.now();
        if (!move(place(share), k)) continue;
        await changed(before);
        times.push(performance.now() - begin);
        await new Promise((done) => setTimeout(done, 20 + 30 * Math.random())); // at any time of the display's beat
      }
      return times;
    }
    // there and back in 60 frames, further at every frame than the slider's step, so that each wants a new picture
    let [news, last] = [0, stamp()];
    const end = performance.now() + 1000 * together;
    for (let i = 0; performance.now() < end; i++) {
      move(place(0.05 + 0.9 * Math.abs(1 - ((i / 30) % 2))));
      await frame();
      const now = stamp();
      news += now !== last;
      last = now;
    }
    return news / together;
  })();
}
"""

LAST = """
async ({slider, shares, axis}) => {
  const range = document.querySelector(slider);
  const canvas = document.querySelector('canvas.xp-image');
  let right = 0;
  for (const share of shares) {
    for (const step of [0.2, 0.6, 0.4, share]) {
      range.value = Number(range.min) + step * (Number(range.max) - Number(range.min));
      range.dispatchEvent(new Event('input', {bubbles: true}));
      await new Promise(requestAnimationFrame);
    }
    const wanted = Number(range.value);
    await new Promise((done) => setTimeout(done, 250));
    right += Math.abs(canvas.dataset.latent.split(',').map(Number)[axis] - wanted) < 1e-4;
  }
  return right;
}
"""

OURS = {
    "slider": ".xp-sliders input[type=range]",
    "painted": ["canvas.xp-image", "data-latent"],
}
THEIRS = {"slider": "input[type=range]", "painted": ["img", "src"]}


def drags() -> Iterator[Row]:
    """Every run of `RUNS` that ships.

    Raises:
        DataError: Playwright or Chromium is not here.
    """
    there = [name for name in RUNS if name in list_runs(CHECKPOINTS)]
    with chromium() as browser, serving(["-m", "explorer", "--port", "0"]) as ours:
        for name in there:
            with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
                script.write(PLAIN)
                script.flush()
                with serving([script.name, str(CHECKPOINTS / name)]) as theirs:
                    yield from beside(browser, name, ours, theirs)
            yield from crowd(name, ours)


def beside(browser: Any, name: str, ours: str, theirs: str) -> Iterator[Row]:
    """One run in both pages, which take turns."""
    own, plain = (browser.new_page(viewport={"width": 1400, "height": 1000}) for _ in range(2))
    own.goto(f"{ours}#v=1&run={name}&tab=explore")
    own.locator(f"[data-ready='{name}']").wait_for()
    own.locator("canvas.xp-image[data-latent]").wait_for()
    plain.goto(theirs)
    plain.locator("input[type=range]").first.wait_for()
    rng = np.random.default_rng(0)
    times: dict[str, list[float]] = {"explorer": [], "plain app": [], "explorer, two sliders in turn": []}
    rates: dict[str, list[float]] = {"explorer": [], "plain app": []}
    pages = [("explorer", own, OURS), ("plain app", plain, THEIRS)]
    for turn in range(TURNS + 1):
        # from one half to the other: a move within the slider's step would change no picture
        shares = [share + 0.5 * (k % 2) for k, share in enumerate(rng.uniform(0.02, 0.45, MOVES // TURNS))]
        for who, page, place in pages:
            page.bring_to_front()
            found = page.evaluate(MEASURE, {**place, "values": shares, "together": 0})
            if turn:  # the first warms up
                times[who] += found
                rates[who].append(page.evaluate(MEASURE, {**place, "values": [], "together": DRAG / TURNS}))
        # whenever the other slider was moved, the pictures that were fetched ahead are of no use
        own.bring_to_front()
        halves = [share % 0.5 + 0.5 * (k // 2 % 2) for k, share in enumerate(shares)]
        found = own.evaluate(MEASURE, {**OURS, "values": halves, "together": 0, "sliders": 2})
        times["explorer, two sliders in turn"] += found if turn else []
    medians = {who: statistics.median(each) for who, each in times.items()}
    for who in medians:
        yield f"{name}: input to drawn, {who}", medians[who], "ms"
        yield f"{name}: input to drawn, {who}, 95 %", float(np.quantile(times[who], 0.95)), "ms"
        if who in rates:
            yield f"{name}: new frames a second, {who}", statistics.median(rates[who]), "1/s"
    yield f"{name}: plain app / explorer", medians["plain app"] / medians["explorer"], "x"
    own.bring_to_front()
    strongest = httpx.get(f"{ours}explorer/api/run/{name}").json()["directions"]["axes"][0]["vector"]
    shares = rng.uniform(0.02, 0.98, MOVES).tolist()
    right = own.evaluate(LAST, {"slider": OURS["slider"], "shares": shares, "axis": int(np.argmax(strongest))})
    yield f"{name}: last positions shown of {MOVES}", float(right), ""
    for what, count in (("filmstrip of 9", 9), ("lattice of 15x15", 225)):
        yield (
            f"{name}: {what}, request to pixels",
            statistics.median(fetched(own, name, count) for _ in range(10)),
            "ms",
        )
    own.close()
    plain.close()


def fetched(page: Any, name: str, count: int) -> float:
    """Milliseconds in which the browser gets so many decodes."""
    latent_dim = read_config(CHECKPOINTS / name).model.latent_dim
    code = """async ([run, count, d]) => {
      const begin = performance.now();
      const body = Float32Array.from({length: count * d}, () => 2 * Math.random() - 1);
      await (await fetch(`explorer/api/run/${run}/decode`, {method: 'POST', body})).arrayBuffer();
      return performance.now() - begin; }"""
    return page.evaluate(code, [name, count, latent_dim])


def crowd(name: str, url: str) -> Iterator[Row]:
    """So many clients that drag at once, each asking for its next frame when it has the last."""
    latent_dim = read_config(CHECKPOINTS / name).model.latent_dim or 1
    frames, failed = [0] * CLIENTS, [0] * CLIENTS
    start, end = threading.Barrier(CLIENTS + 1), [0.0]

    def drag(number: int) -> None:
        rng = np.random.default_rng(number)
        with httpx.Client(base_url=url, timeout=30) as client:
            body = rng.standard_normal(latent_dim).astype("<f4").tobytes()
            client.post(f"explorer/api/run/{name}/decode", content=body)
            start.wait()
            while time.perf_counter() < end[0]:
                answer = client.post(f"explorer/api/run/{name}/decode", content=body)
                failed[number] += answer.status_code != 200
                frames[number] += answer.status_code == 200

    threads = [threading.Thread(target=drag, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    end[0] = time.perf_counter() + 3600
    start.wait()
    end[0] = time.perf_counter() + DRAG
    for thread in threads:
        thread.join()
    yield f"{name}: frames a second of the slowest of {CLIENTS} clients", min(frames) / DRAG, "1/s"
    yield f"{name}: refused of {sum(frames) + sum(failed):,} frames", float(sum(failed)), ""


@contextlib.contextmanager
def serving(arguments: list[str]) -> Iterator[str]:
    """The address that a Python process prints, which serves it inside the block."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http\S+", line)
        if found is None:
            raise RuntimeError(f"{arguments[0]} printed no address but {line!r}")
        yield found[0].rstrip("/") + "/"
    finally:
        process.terminate()
        process.wait()
