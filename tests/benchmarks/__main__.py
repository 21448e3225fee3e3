"""How fast the program is on this machine: start-up, decoding, encoding, fitting, and the fit beside the usual loop.

    make bench                       every measurement
    make bench ARGS="start decode"   some of them

Ratios hold anywhere; times are to compare with one's own earlier ones. The suite never fails over time. The numbers
also go to a JSON file, with the machine they were taken on. Beside each stands the load of the machine, processes that
want a core: on two cores a time taken at a load of 6 is about three times that of a machine that does nothing else.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from explorer.analysis.encoding import checked_latents
from explorer.checkpoint import list_runs
from explorer.errors import DataError
from explorer.library import load_run
from tests.benchmarks import (
    anywhere,
    arrival,
    conversion,
    crowd,
    drag,
    growth,
    holes_intervals,
    holes_tab,
    map_tab,
    memory,
    own_data,
    own_image,
    own_models,
    plane_dots,
    programs,
    typical,
    usual_loop,
    weight,
)
from tests.benchmarks.usual_loop import ROOT, Row

CHECKPOINTS = ROOT / "checkpoints"


def median_ms(action: Callable[[], object], repeats: int = 50) -> float:
    """Median duration of an action in milliseconds, after three that do not count."""
    durations = []
    for _ in range(repeats + 3):
        begin = time.perf_counter()
        action()
        durations.append(1000 * (time.perf_counter() - begin))
    return statistics.median(durations[3:])


def start() -> Iterator[Row]:
    """From the start of the process to the printed address, and to the whole page."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "explorer", "--port", "0", "--checkpoints", str(CHECKPOINTS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = next((word for word in line.split() if word.startswith("http")), None)
        if url is None:
            raise RuntimeError(f"python -m explorer printed no address but {line!r}")
        yield "start to printed address", time.perf_counter() - begin, "s"
        with urllib.request.urlopen(url) as page:
            page.read()
        yield "start to page", time.perf_counter() - begin, "s"
    finally:
        process.terminate()
        process.wait()


def decode() -> Iterator[Row]:
    """One latent, as a slider asks for it, and many, as a lattice does; every shipped run."""
    rng = np.random.default_rng(0)
    for name in list_runs(CHECKPOINTS):
        coder = load_run(CHECKPOINTS / name).coder
        one = checked_latents(rng.standard_normal((1, coder.latent_dim)), coder.latent_dim)
        many = checked_latents(rng.standard_normal((1024, coder.latent_dim)), coder.latent_dim)
        yield f"decode one latent, {name}", median_ms(lambda coder=coder, one=one: coder.decode(one)), "ms"
        yield f"decode 1,024 latents, {name}", median_ms(lambda coder=coder, many=many: coder.decode(many), 10), "ms"


def encode() -> Iterator[Row]:
    """A thousand images of noise; every shipped run."""
    rng = np.random.default_rng(0)
    for name in list_runs(CHECKPOINTS):
        coder = load_run(CHECKPOINTS / name).coder
        images = rng.random((1000, *coder.image_shape), dtype=np.float32)
        yield (
            f"encode 1,000 images, {name}",
            median_ms(lambda coder=coder, images=images: coder.encode(images), 10),
            "ms",
        )


def open_run() -> Iterator[Row]:
    """Opening a run from disk, once torch is there."""
    for name in list_runs(CHECKPOINTS):
        yield f"open {name}", median_ms(lambda name=name: load_run(CHECKPOINTS / name), 5), "ms"


def fit() -> Iterator[Row]:
    """`train.py` on the digits, with everything it does besides; 20 epochs."""
    with tempfile.TemporaryDirectory() as out:
        begin = time.perf_counter()
        command = [sys.executable, "train.py", "--dataset", "digits", "--latent-dim", "2", "--epochs", "20", "--quiet"]
        subprocess.run([*command, "--out", out], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        yield "fit digits for 20 epochs and measure the run", time.perf_counter() - begin, "s"
        metrics = load_run(Path(out) / "digits-vae-2").metrics
        yield "images per second of that fit", metrics["train"]["images_per_second"], "1/s"


MEASUREMENTS: dict[str, Callable[[], Iterator[Row]]] = {
    "start": start,
    "open": open_run,
    "decode": decode,
    "encode": encode,
    "fit": fit,
    "loop": usual_loop.rates,
    "race": usual_loop.race,
    "parity": usual_loop.parity,
    "memory": usual_loop.memory,
    "growth": growth.costs,
    "convert": conversion.speeds,
    "own-data": own_data.speeds,
    "arrival": arrival.rows,
    "drag": drag.drags,
    "map": map_tab.rows,
    "plane": plane_dots.rows,
    "holes": holes_tab.rows,
    "intervals": holes_intervals.rows,
    "own": own_image.answers,
    "models": own_models.rows,
    "typical": typical.rows,
    "served": memory.rows,
    "crowd": crowd.rows,
    "programs": programs.rows,
    "anywhere": anywhere.rows,
    "weight": weight.rows,
}


def machine() -> dict[str, str | int]:
    """What the numbers were taken on."""
    import torch

    from explorer.devices import device_label, pick_device

    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    return {
        "processor": name,
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "device": device_label(pick_device()),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def main() -> None:
    """Print a table, a row as soon as it is measured, and write it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(MEASUREMENTS)} (default: all)")
    parser.add_argument("--json", type=Path, default=ROOT / "scratch" / "benchmarks.json", help="where to write them")
    args = parser.parse_args()
    names = args.names or list(MEASUREMENTS)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"unknown measurement {unknown[0]!r}; known are {', '.join(MEASUREMENTS)}")
    there = machine()
    print(", ".join(f"{key} {value}" for key, value in there.items()) + "; medians")
    rows: list[dict[str, str | float]] = []
    for name in names:
        try:
            for what, number, unit in MEASUREMENTS[name]():
                load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
                print(f"{what:58} {number:10.2f} {unit:10} load {load:.1f}", flush=True)
                rows.append({"measurement": name, "what": what, "number": number, "unit": unit, "load": load})
        except DataError as error:
            print(f"{name} is left out: {error}")
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps({"machine": there, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
