"""What a server holds in memory that has shown every shipped run, all its tabs, twice.

A server of its own is asked over HTTP for what the page asks for when somebody looks at a run; t-SNE alone is left out,
which a child computes. Linux only: the numbers are those of /proc. The data sets are taken from $EXPLORER_DATA.
"""

import contextlib
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from explorer.checkpoint import list_runs, read_config
from explorer.data import load_dataset
from explorer.errors import DataError
from tests.benchmarks.usual_loop import ROOT, Row

ROUNDS = 2
"""Rounds through all runs: the second must add nothing."""

SLICES = 4
"""Slices of a run of more than two dimensions that are looked at, each with every layer."""

PATIENCE = 1800
"""Seconds that one answer may take."""

CHECKPOINTS = ROOT / "checkpoints"


class Visitor:
    """Whoever asks a server for what a page asks for.

    Args:
        url: The address of the page.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.asked = 0

    def ask(self, path: str, body: bytes | None = None) -> bytes | None:
        """The answer, or None where the run has no such thing."""
        self.asked += 1
        origin = {"origin": self.url, "content-type": "application/octet-stream"}
        request = urllib.request.Request(f"{self.url}/{path}", data=body, headers={} if body is None else origin)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code in (400, 404):  # an autoencoder has no rate, a run of two dimensions no slices
                return None
            raise RuntimeError(f"{path} was answered with {error.code}: {error.read()[:200]!r}") from None

    def told(self, path: str, body: bytes | None = None) -> Any:
        """The same, read as JSON."""
        answer = self.ask(path, body)
        return None if answer is None else json.loads(answer)

    def look_at(self, name: str) -> None:
        """Everything of one run, tab by tab."""
        base = f"explorer/api/run/{name}"
        run = self.told(base)
        self.start_and_explore(base, run)
        self.map(base, run)
        self.reconstruct(base, run)
        self.interpolate(base, run)
        self.holes(base, run)
        self.training(base, run)

    def start_and_explore(self, base: str, run: dict[str, Any]) -> None:
        rng = np.random.default_rng(0)
        d, laws = run["latent_dim"], [law["name"] for law in run["laws"]]
        one = rng.standard_normal((1, d)).astype("<f4").tobytes()
        for count in (1, 64, 400, 1024):
            self.ask(f"{base}/decode", rng.standard_normal((count, d)).astype("<f4").tobytes())
        self.ask(f"{base}/describe", one)
        for law in laws:
            self.ask(f"{base}/sample?law={law}&n=100&seed=1")
        for path in ("variations", "beside", "python"):
            self.ask(f"{base}/{path}", one)
        self.ask(f"{base}/variations/0?n=9")
        self.ask(f"{base}/contrasts")
        for kind, names in (("class", run["classes"]), ("attribute", run["attributes"])):
            for name in (names or [])[:3]:
                self.ask(f"{base}/direction?kind={kind}&name={urllib.parse.quote(name)}")
        for kind in ("sheet", "gif"):
            self.ask(f"{base}/export/{kind}", rng.standard_normal((16, d)).astype("<f4").tobytes())

    def map(self, base: str, run: dict[str, Any]) -> None:
        d, count = run["latent_dim"], run["count"]
        for address in run["stored"].values():
            for each in [address] if isinstance(address, str) else address:
                self.ask(each)
        for plane in ("pca", *(f"{a},{b}" for a in range(min(d, 3)) for b in range(min(d, 3)) if a != b)):
            self.ask(f"{base}/figure/map?plane={plane}&theme=light")
            self.ask(f"{base}/map/places?plane={plane}")
            self.ask(f"{base}/map/spread?plane={plane}")
        self.ask(f"{base}/map/loneliness")
        self.ask(f"{base}/map/index")
        one = np.zeros((1, d), dtype="<f4").tobytes()
        for metric in ("euclidean", "cosine"):
            self.ask(f"{base}/map/neighbours?metric={metric}", one)
        rows = np.arange(0, count, 2, dtype="<i4").tobytes()
        self.ask(f"{base}/map/selection", rows)
        self.ask(f"{base}/map/selection/image", rows)

    def reconstruct(self, base: str, run: dict[str, Any]) -> None:
        channels, height, width = run["image_shape"]
        image = np.random.default_rng(0).integers(0, run["levels"], (height, width, channels), dtype=np.uint8).tobytes()
        for number in range(0, run["count"], max(1, run["count"] // 10)):
            self.ask(f"{base}/reconstruct/{number}")
            for part in ("original", "reconstruction"):
                self.ask(f"{base}/reconstruct/{number}/pixels?part={part}")
        for path in ("look", "look/spread", "look/bound", "look/spoilt?kind=gaussian&level=0.3"):
            self.ask(f"{base}/{path}", image)
        for score in ("mse", "elbo", "bound"):
            self.ask(f"{base}/standing/{score}")
        self.ask(f"{base}/errors?images=0,1,2,3")

    def interpolate(self, base: str, run: dict[str, Any]) -> None:
        ends = np.random.default_rng(0).standard_normal((2, run["latent_dim"])).astype("<f4").tobytes()
        for kind in ("linear", "spherical"):
            self.ask(f"{base}/path?kind={kind}&steps=32&overshoot=0.5", ends)
            self.ask(f"{base}/figure/path?kind={kind}&overshoot=0.5", ends)
        self.ask(f"{base}/vacancies", ends)
        self.ask(f"{base}/medoids")

    def holes(self, base: str, run: dict[str, Any]) -> None:
        one, laws = np.zeros((1, run["latent_dim"]), dtype="<f4").tobytes(), [law["name"] for law in run["laws"]]
        layers = [each["name"] for each in self.told(f"{base}/holes/layers")["layers"]]
        planes = ["anchors=" + ",".join(map(str, (k, k + 1, k + 2))) for k in range(0, 3 * SLICES, 3)]
        planes = ["", "directions=pca:0,pca:1", *planes] if run["latent_dim"] > 2 else [""]
        for plane in planes:
            self.ask(f"{base}/figure/holes?theme=light&{plane}")
            for layer in layers:
                for law in laws if layer == "density" and plane == "" else ["white"]:
                    self.ask(f"{base}/figure/hole-layer?layer={layer}&law={law}&theme=light&{plane}")
        for layer in layers:
            self.ask(f"{base}/holes/place?layer={layer}", one)
        for figure in ("p-values",):
            self.ask(f"{base}/figure/{figure}?theme=light")
        for law in laws:
            for redraw in (0, 1):
                self.ask(f"{base}/holes/samples?law={law}&seed=3&redraw={redraw}")
        self.ask(f"{base}/holes/ladder")

    def training(self, base: str, run: dict[str, Any]) -> None:
        other = run["twin"] or ""
        self.ask(f"{base}/training")
        for part in ("sum", "parts", "active"):
            self.ask(f"{base}/figure/losses?part={part}&with={other}&theme=light")
        for figure in ("axis-bars", "gradient", "axis-histogram?axis=0", "axis-lines?of=rates", "axis-lines?of=levels"):
            self.ask(f"{base}/figure/{figure}{'&' if '?' in figure else '?'}with={other}&theme=light")
        for epoch in (1, 8, 16, 20, 24, 25, 40, 60, 80):
            self.ask(f"{base}/sheets/{epoch}")


@contextlib.contextmanager
def served(checkpoints: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of some runs in a process of its own, and its address."""
    command = [sys.executable, "-m", "explorer", "--port", "0", "--checkpoints", str(checkpoints)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://[^/\s]+", line)
            if found is None:
                raise DataError(f"python -m explorer printed no address but {line!r}.")
            yield process, found[0]
        finally:
            process.terminate()


def held(pid: int) -> dict[str, float]:
    """Megabytes that a process holds: all that is resident, its highest, and what no file stands behind."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    parts = {"all": "VmRSS", "peak": "VmHWM", "own": "RssAnon"}
    found = {name: re.search(rf"^{key}:\s+(\d+) kB", text, re.MULTILINE) for name, key in parts.items()}
    return {name: int(number[1]) / 1000 for name, number in found.items() if number is not None}


def rows(checkpoints: Path = CHECKPOINTS) -> Iterator[Row]:
    """Resident memory at the start, after each run, and after each round.

    Args:
        checkpoints: The runs.

    Raises:
        DataError: This machine has no /proc.
    """
    if not Path("/proc/self/status").is_file():
        raise DataError("the memory of another process is read from /proc, which only Linux has.")
    for name in list_runs(checkpoints):  # beforehand, or the server would begin with decodes in their place
        with contextlib.suppress(DataError):
            load_dataset(read_config(checkpoints / name).data, quiet=True)
    with served(checkpoints) as (process, url):
        visitor = Visitor(url)
        visitor.ask("explorer/api/runs")
        yield "resident at the start", held(process.pid)["all"], "MB"
        for number in range(1, ROUNDS + 1):
            for name in list_runs(checkpoints):
                begin = time.perf_counter()
                visitor.look_at(name)
                took = time.perf_counter() - begin
                yield f"round {number}: resident after {name} ({took:.0f} s)", held(process.pid)["all"], "MB"
            there = held(process.pid)
            yield f"round {number}: resident in the end", there["all"], "MB"
            yield f"round {number}: of that in no file", there["own"], "MB"
            yield f"round {number}: highest so far", there["peak"], "MB"
        yield "requests", visitor.asked, ""
