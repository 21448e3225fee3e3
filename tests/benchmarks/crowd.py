"""A crowd on one page: how long decodes take with 50 and 200 visitors, and beside each flood that one visitor makes.

Every visitor has an address of their own on the loopback, which Linux allows. $EXPLORER_BEFORE names another
checkout, whose server is measured beside this one.
"""

import asyncio
import contextlib
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import numpy as np

from tests.benchmarks.usual_loop import ROOT, Row

SECONDS = 60.0
"""How long a crowd stays."""

FLOODED = 8.0
"""Seconds of a drag beside a flood."""

PATIENCE = 30.0
"""Seconds after which a visitor gives up."""

FACES, FACE = "/explorer/api/run/celeba-vae-64", 64
DIGITS, DIGIT = "/explorer/api/run/mnist-vae-16", 16


@dataclass
class Answers:
    """What came of some requests: seconds of those that were answered with 2xx, and all statuses."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)

    def note(self, kind: str, status: str, seconds: float) -> None:
        self.statuses[status] += 1
        if status.startswith("2"):
            self.seconds.setdefault(kind, []).append(seconds)

    @property
    def failed(self) -> int:
        return sum(count for status, count in self.statuses.items() if not status.startswith("2"))


class Browser:
    """One connection that is kept, as a browser keeps it."""

    def __init__(self, port: int, address: str) -> None:
        self.port, self.address = port, address
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"") -> str:
        """The status of an answer, or the name of the error."""
        for again in (True, False):
            fresh = self.streams is None
            try:
                async with asyncio.timeout(PATIENCE):
                    return await self._asked(method, path, body)
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                self.close()
                if fresh or not again or isinstance(error, TimeoutError):  # a kept connection may have ended meanwhile
                    return type(error).__name__
        return "unreachable"

    async def _asked(self, method: str, path: str, body: bytes) -> str:
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(self.address, 0))
        reader, writer = self.streams
        writer.write(request(self.port, method, path, len(body)) + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = next((line.split(":")[1] for line in head.split("\r\n") if line.startswith("content-length")), None)
        if length is None:
            raise ConnectionError("an answer of unknown length")
        await reader.readexactly(int(length))
        if "connection: close" in head:
            self.close()
        return head.split(" ", 2)[1]

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


def request(port: int, method: str, path: str, length: int) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {length}\r\n\r\n".encode()


def latents(count: int, dimensions: int) -> bytes:
    return np.random.default_rng().standard_normal((count, dimensions)).astype("<f4").tobytes()


USE: list[tuple[int, str, Callable[[], tuple[str, str, bytes]]]] = [
    (60, "decode", lambda: ("POST", f"{DIGITS}/decode", latents(1, DIGIT))),
    (10, "decode a face", lambda: ("POST", f"{FACES}/decode", latents(1, FACE))),
    (10, "describe", lambda: ("POST", f"{DIGITS}/describe", latents(1, DIGIT))),
    (8, "card", lambda: ("GET", DIGITS, b"")),
    (5, "runs", lambda: ("GET", "/explorer/api/runs", b"")),
    (5, "points", lambda: ("GET", f"{DIGITS}/points", b"")),
    (2, "lattice", lambda: ("POST", f"{DIGITS}/decode", latents(64, DIGIT))),
]
"""What visitors do, by weight."""


async def visit(port: int, number: int, end: float, answers: Answers, use: Callable[[], tuple] | None = None) -> None:
    """Ask twice a second."""
    browser = Browser(port, f"127.0.{1 + number // 250}.{1 + number % 250}")
    await anyio.sleep(random.random())
    while time.monotonic() < end:
        kind, (method, path, body) = choose() if use is None else use()
        begin = time.monotonic()
        answers.note(kind, await browser.ask(method, path, body), time.monotonic() - begin)
        await anyio.sleep(random.uniform(0.25, 0.75))
    browser.close()


def choose() -> tuple[str, tuple[str, str, bytes]]:
    _, kind, made = random.choices(USE, [weight for weight, _, _ in USE])[0]
    return kind, made()


async def crowd(port: int, count: int, seconds: float, use: Callable[[], tuple] | None = None) -> Answers:
    answers, end = Answers(), time.monotonic() + seconds
    await asyncio.gather(*(visit(port, number, end, answers, use) for number in range(count)))
    return answers


def light() -> tuple[str, tuple[str, str, bytes]]:
    """A decode of one digit, or a glance at a run."""
    return random.choice([("decode", ("POST", f"{DIGITS}/decode", latents(1, DIGIT))), ("card", ("GET", DIGITS, b""))])


async def drag(port: int, seconds: float) -> Answers:
    """A visitor who moves a slider of faces: one request after the other."""
    answers, browser, end = Answers(), Browser(port, "127.0.100.1"), time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        answers.note("drag", await browser.ask("POST", f"{FACES}/decode", latents(1, FACE)), time.monotonic() - begin)
        await anyio.sleep(0.05)
    browser.close()
    return answers


@contextlib.asynccontextmanager
async def asking(port: int, count: int, made: Callable[[], tuple[str, str, bytes]]) -> AsyncIterator[None]:
    """A visitor with so many requests under way at all times."""

    async def again() -> None:
        browser = Browser(port, "127.0.200.1")
        try:
            while True:
                if not (await browser.ask(*made())).startswith("2"):
                    await anyio.sleep(0.05)
        finally:
            browser.close()

    tasks = [asyncio.create_task(again()) for _ in range(count)]
    await anyio.sleep(0.5)
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def leaving(port: int, count: int, sent: bytes) -> AsyncIterator[None]:
    """So many connections that send something, and then leave."""
    for _ in range(count):
        _, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.200.1", 0))
        writer.write(sent)
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()
    yield


@contextlib.asynccontextmanager
async def silent(port: int, count: int, sent: bytes) -> AsyncIterator[None]:
    """So many connections that send something, and then nothing."""
    open_ones = []
    for _ in range(count):
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                _, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.200.1", 0))
                writer.write(sent)
                open_ones.append(writer)
    yield
    for writer in open_ones:
        writer.close()


def floods(port: int) -> dict[str, Callable[[], contextlib.AbstractAsyncContextManager[None]]]:
    """What one visitor does while another drags."""
    batch = latents(1024, FACE)
    join = request(port, "POST", "/gradio_api/queue/join", 4_000_000)
    return {
        "80 decodes of 16 faces": lambda: asking(port, 80, lambda: ("POST", f"{FACES}/decode", latents(16, FACE))),
        "80 decodes of 1,024 faces": lambda: asking(port, 80, lambda: ("POST", f"{FACES}/decode", batch)),
        "80 figures": lambda: asking(port, 80, lambda: ("GET", f"{DIGITS}/figure/{random.choice(FIGURES)}", b"")),
        "80 sheets of samples": lambda: asking(
            port, 80, lambda: ("GET", f"{FACES}/holes/samples?law=raw&seed={random.randrange(10**6)}", b"")
        ),
        "80 front pages": lambda: asking(port, 80, lambda: ("GET", "/", b"")),
        "8 GIF exports": lambda: asking(
            port, 8, lambda: ("POST", f"{FACES}/export/gif?scale=4&boomerang=1", latents(128, FACE))
        ),
        "70 abandoned batches": lambda: leaving(port, 70, request(port, "POST", f"{FACES}/decode", len(batch)) + batch),
        "1,200 silent heads": lambda: silent(port, 1200, b"GET / HTTP/1.1\r\n"),
        "150 half bodies of 4 MB": lambda: silent(port, 150, join + b"[" * 2_000_000),
    }


FIGURES = ("losses", "axis-bars", "axis-histogram", "p-values")


@contextlib.contextmanager
def served(root: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """The page of a checkout on a port, with the runs of this one, as a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "explorer", "--port", str(port), "--checkpoints", str(ROOT / "checkpoints")]
    log = ROOT / "scratch" / f"crowd-{port}.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("w") as errors:
        process = subprocess.Popen(
            command,
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
            preexec_fn=_usual_descriptors,  # noqa: PLW1509 - no other thread runs here
        )
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield port, process
        finally:
            process.kill()
            process.communicate()


def resident(process: subprocess.Popen[str]) -> float:
    """Megabytes of a process, where the system tells."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.is_file():
        return float("nan")
    line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1000


def percentile(seconds: list[float], share: float) -> float:
    """Milliseconds; infinite where nothing was answered."""
    return 1000 * sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))] if seconds else float("inf")


def load() -> float:
    """Processes that want a core, of all who share this machine, over the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def rows() -> Iterator[Row]:
    """Crowds, then floods; each server in turns."""
    _allow_many_connections()
    before = os.environ.get("EXPLORER_BEFORE")
    sides = ({"before": Path(before)} if before else {}) | {"now": ROOT}
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(served(root)) for name, root in sides.items()}
        for port, _ in servers.values():
            asyncio.run(crowd(port, 3, 6))  # what the first visitor waits for
        for name, (port, process) in servers.items():
            yield from _crowds(name, port, process)
    for flood in floods(0):
        for name, root in sides.items():  # one after the other, so that the machine is as busy for both
            with served(root) as (port, process):
                asyncio.run(crowd(port, 2, 4))
                yield from _flooded(name, port, process, flood)


def _crowds(name: str, port: int, process: subprocess.Popen[str]) -> Iterator[Row]:
    started = resident(process)
    for count, seconds, use in ((50, SECONDS, None), (200, SECONDS / 2, light)):
        answers = asyncio.run(crowd(port, count, seconds, use))
        decodes, where = answers.seconds.get("decode", []), f"{name}, {count} visitors"
        yield f"{where}: decode, median", percentile(decodes, 0.5), "ms"
        yield f"{where}: decode, 99th of 100", percentile(decodes, 0.99), "ms"
        yield f"{where}: requests", answers.statuses.total(), ""
        yield f"{where}: not answered with 2xx", answers.failed, ""
        yield f"{where}: load of the machine", load(), ""
    yield f"{name}: memory gained by the crowds", resident(process) - started, "MB"


def _flooded(name: str, port: int, process: subprocess.Popen[str], flood: str) -> Iterator[Row]:
    async def beside() -> tuple[Answers, Answers]:
        quiet = await drag(port, FLOODED / 2)
        async with floods(port)[flood]():
            return quiet, await drag(port, FLOODED)

    quiet, during = asyncio.run(beside())
    usual, flooded = quiet.seconds.get("drag", []), during.seconds.get("drag", [])
    where = f"{name}, {flood}"
    yield f"{where}: drag, quiet median", statistics.median(usual) * 1000 if usual else float("inf"), "ms"
    yield f"{where}: drag, median", percentile(flooded, 0.5), "ms"
    yield f"{where}: drag, 95th of 100", percentile(flooded, 0.95), "ms"
    yield f"{where}: pictures", len(flooded), ""
    yield f"{where}: refused or lost", during.failed, ""
    yield f"{where}: memory", resident(process), "MB"
    yield f"{where}: load of the machine", load(), ""


def _usual_descriptors() -> None:
    """Give a server what most systems give a process."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))


def _allow_many_connections() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else 8192, hard))
