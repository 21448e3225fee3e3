"""t-SNE layouts of runs: each computed once, in a process of its own, and kept in the user's cache folder."""

import contextlib
import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.tsne import FEWEST, ITERATIONS, check_codes
from explorer.data import layouts_dir
from explorer.errors import ExplorerError, ShapeError
from explorer.library.memory import Memory, kept
from explorer.library.run import OpenRun

MOST_POINTS = 5_000
"""Images that are laid out, drawn at random where there are more.
openTSNE 1.0 and umap-learn 0.5 on one busy core: 10,000 codes of d = 16 take 87 and 86 s (scikit-learn 90), a new code
2.4 s and, once compiled, 6 ms. They bring 13 and 210 MB, too much for the 5,000 to 7,500 images of a run.
"""

MOST_JOBS, MOST_EACH = 16, 2
"""Layouts that are computed or wait, in all and of one visitor; one is computed at a time."""

MOST_KEPT = 4_000_000
"""Bytes of layouts in memory; of the rest the files are read again."""

MOST_FAILURES = 64
"""Failed layouts that are remembered; another one is computed anew."""

MOST_TICKETS = 64
"""Visitors who wait for one layout by name; a further one sees it, but does not hold it up."""

LOOK_SECONDS = 0.5
"""How often a layout that waits for its turn looks whether anybody still waits for it."""

PATIENCE = 30.0
"""Seconds after which a visitor who did not ask again no longer counts as waiting."""

SECONDS_A_POINT = 0.004
"""A first guess at the time, from 5,000 codes of 16 dimensions on one core; the true pace takes its place."""

SEED = 0
"""Of the images that are drawn, and of the layout."""

MOST_SECONDS = 900.0
"""Seconds that a layout may take from the start of its process: forty times what 5,000 codes of 16 dimensions take."""

LONGEST_LINE = 1000
"""Bytes of a line that the process answers."""

VERSION = 1
"""Changes with what makes the layout, so that an old file is not taken for a new one."""

State = Literal["none", "waiting", "running", "done", "failed"]

COMMAND = [sys.executable, "-m", "explorer.analysis.tsne"]


class LayoutError(ExplorerError):
    """A layout could not be computed."""


class CrowdedError(ExplorerError):
    """Too many layouts are waiting already."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a layout is.

    Attributes:
        state: `none` was never asked for, or was cancelled.
        points: Images that it lays out.
        elapsed: Seconds since its process started.
        expected: Seconds it will take in all, as far as one can tell; None while it waits for another.
        trouble: Why it failed, as a sentence.
    """

    state: State
    points: int
    elapsed: float = 0.0
    expected: float | None = None
    trouble: str | None = None


@dataclass(eq=False)
class _Job:
    """A layout that is being computed, and who waits for it."""

    codes: NDArray[np.float32]
    owner: Hashable = None
    tickets: dict[str, float] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started: float | None = None
    iteration: int = 0
    moved: float = 0.0
    cancelled: bool = False
    overdue: bool = False
    trouble: str | None = None


class Layouts:
    """The t-SNE layouts of all runs; two visitors who want the same one share its computation.

    Args:
        folder: Where they are kept; None for `tsne/` in the cache folder.
        command: Starts the process that computes.
    """

    def __init__(self, folder: Path | None = None, command: list[str] | None = None) -> None:
        self._folder = folder
        self._command = command or COMMAND
        self._jobs: dict[str, _Job] = {}
        self._failed: dict[str, str] = {}
        self._laid = Memory(MOST_KEPT, MOST_KEPT).drawer()
        self._lock = threading.RLock()  # `close` may be the garbage collector's, inside any of these blocks
        self._turn = threading.Lock()

    def places(self, run: OpenRun) -> NDArray[np.float32] | None:
        """Places (N, 2) of a run's test images, NaN for those that were not laid out; None until they are computed."""
        key = self._key(run)
        kept: NDArray[np.float32] | None = self._laid.find(key)
        if kept is None:
            kept = self._read(key, len(rows_of(run)))
            if kept is None:
                return None
            self._laid.put(key, kept)
        places = np.full((len(run), 2), np.nan, dtype=np.float32)
        places[rows_of(run)] = kept
        return places

    def start(self, run: OpenRun, owner: Hashable = None) -> str:
        """Compute a run's layout unless it is there or under way; the ticket of who asked, who is counted if named.

        Raises:
            CrowdedError: `MOST_JOBS` others are under way, or `MOST_EACH` of the same visitor.
            ShapeError: The run has too few images or dimensions, or codes that cannot be laid out.
        """
        if len(run) < FEWEST or run.latent_dim < 2:
            raise ShapeError(f"t-SNE lays out {FEWEST} images or more of two latent dimensions or more.")
        codes = np.ascontiguousarray(run.latents.mean[rows_of(run)], dtype="<f4")
        check_codes(codes)
        ticket = secrets.token_hex(8)
        if self.places(run) is not None:
            return ticket
        key = self._key(run)
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                if len(self._jobs) >= MOST_JOBS:
                    raise CrowdedError("other layouts are being computed; try again in a minute.")
                if owner is not None and sum(job.owner == owner for job in self._jobs.values()) >= MOST_EACH:
                    raise CrowdedError(f"{MOST_EACH} layouts of yours are being computed; try again in a minute.")
                self._failed.pop(key, None)
                job = self._jobs[key] = _Job(codes, owner)
                try:
                    threading.Thread(target=self._compute, args=(key, job), daemon=True, name="layout").start()
                except RuntimeError:  # no more threads on this machine
                    del self._jobs[key]
                    raise CrowdedError("the server is busy; try again in a minute.") from None
            self._count(job, ticket)
        return ticket

    def progress(self, run: OpenRun, ticket: str | None = None) -> Progress:
        """How far a run's layout is; whoever asks with a ticket still waits for it."""
        points = len(rows_of(run))
        if self.places(run) is not None:
            return Progress("done", points)
        key = self._key(run)
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                trouble = self._failed.get(key)
                return Progress("none" if trouble is None else "failed", points, trouble=trouble)
            if ticket in job.tickets:
                self._count(job, ticket)
            if job.started is None:
                return Progress("waiting", points)
            elapsed = time.monotonic() - job.started
            guess = 2 + SECONDS_A_POINT * points
            # the first steps are not like the rest, so the guess fades only as they are done
            pace = job.moved * ITERATIONS / job.iteration if job.iteration else guess
            share = min(1.0, 4 * job.iteration / ITERATIONS)
            return Progress("running", points, elapsed, max(elapsed, (1 - share) * guess + share * pace))

    def cancel(self, run: OpenRun, ticket: str) -> bool:
        """Stop waiting; the computation ends when nobody else waits for it. Whether it does."""
        with self._lock:
            job = self._jobs.get(self._key(run))
            if job is None or job.tickets.pop(ticket, None) is None:
                return False
            now = time.monotonic()
            if any(now - seen < PATIENCE for seen in job.tickets.values()):
                return False
            job.cancelled = True
            self._jobs.pop(self._key(run))
            if job.process is not None:
                job.process.kill()
            return True

    def close(self) -> None:
        """End every computation."""
        with self._lock:
            for job in self._jobs.values():
                job.cancelled = True
                if job.process is not None:
                    job.process.kill()
            self._jobs.clear()

    def _count(self, job: _Job, ticket: str) -> None:
        if ticket in job.tickets or len(job.tickets) < MOST_TICKETS:
            job.tickets[ticket] = time.monotonic()

    def _compute(self, key: str, job: _Job) -> None:
        """Run the process in its turn, and keep what it answers."""
        while not self._turn.acquire(timeout=LOOK_SECONDS):
            if job.cancelled:  # nobody waits any longer: nor does this thread
                return
        try:
            places = None if job.cancelled else self._ask(job)
            if places is not None:
                self._keep(key, places)
        except LayoutError as error:
            job.trouble = f"the layout could not be computed: {error}"
        except BaseException:
            job.trouble = "the layout could not be computed: the program made a mistake, which its log tells."
            raise
        finally:
            with self._lock:
                if self._jobs.get(key) is job:
                    del self._jobs[key]
                if job.trouble is not None and not job.cancelled:
                    while len(self._failed) >= MOST_FAILURES:
                        del self._failed[next(iter(self._failed))]
                    self._failed[key] = job.trouble
            self._turn.release()

    def _ask(self, job: _Job) -> NDArray[np.float32] | None:
        """What the process answers, (n, 2); None when it was cancelled.

        Raises:
            LayoutError: It does not start, ends early, answers something else, or takes longer than `MOST_SECONDS`.
        """
        above = str(Path(__file__).parents[2])  # where this package lies, for a process that starts anywhere
        path = os.pathsep.join(filter(None, (above, os.environ.get("PYTHONPATH"))))
        threads = str(max(1, (os.cpu_count() or 2) // 2))  # the page must stay quick meanwhile
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        with self._lock:
            if job.cancelled:
                return None
            try:
                job.process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=environment,
                )
            except (OSError, MemoryError) as error:
                reason = getattr(error, "strerror", None) or "there is not enough memory"
                raise LayoutError(f"its process does not start: {reason}.") from None
            job.started = time.monotonic()
        process = job.process
        assert process.stdin is not None
        assert process.stdout is not None

        def give_up() -> None:
            job.overdue = True
            process.kill()

        watch = threading.Timer(MOST_SECONDS, give_up)
        watch.daemon = True
        try:
            try:
                watch.start()
            except RuntimeError:
                raise LayoutError("this machine has no more threads; try again in a minute.") from None
            with contextlib.suppress(OSError):  # a broken pipe: its answer, or its end, says why
                process.stdin.write(json.dumps({"shape": list(job.codes.shape)}).encode() + b"\n" + job.codes.tobytes())
                process.stdin.flush()  # and stays open: closing it ends the process, as our own end does
            places = self._heard(job, process.stdout)
            if places is not None or job.cancelled:
                return places
            if job.overdue:
                raise LayoutError(f"it was given up after {MOST_SECONDS:,.0f} seconds.")
            raise LayoutError(f"its process ended early, {_end_of(process.wait())}; try again.")
        finally:
            watch.cancel()
            process.kill()
            process.wait()
            with contextlib.suppress(OSError):  # what could not be written any more
                process.stdin.close()
            process.stdout.close()

    def _heard(self, job: _Job, answers: IO[bytes]) -> NDArray[np.float32] | None:
        """The places (n, 2) in what a process answers, or None where it ends without.

        Raises:
            LayoutError: It says why there are none, or answers something else.
        """
        count = len(job.codes)
        while line := answers.readline(LONGEST_LINE):
            said = _object(line)
            if said is None:
                if not line.endswith(b"\n") and len(line) < LONGEST_LINE:  # it ended within the line
                    return None
                break
            trouble, iteration = said.get("trouble"), said.get("iteration")
            if said.get("shape") == [count, 2]:
                body = answers.read(4 * 2 * count)
                if len(body) < 4 * 2 * count:
                    return None
                places = np.frombuffer(body, dtype="<f4").reshape(count, 2)
                if np.isfinite(places).all():
                    return places
                break
            if isinstance(trouble, str):
                raise LayoutError(trouble)
            if not isinstance(iteration, int) or not 0 <= iteration <= ITERATIONS or job.started is None:
                break
            job.iteration, job.moved = iteration, time.monotonic() - job.started
        else:
            return None
        raise LayoutError("its process answered something that is no layout; try again.")

    def _keep(self, key: str, laid: NDArray[np.float32]) -> None:
        """Write a layout to the cache, and only then tell that it is done."""
        folder = self._home()
        with contextlib.suppress(OSError):  # a cache that cannot be written to costs another computation, no more
            folder.mkdir(parents=True, exist_ok=True)
            handle, partial = tempfile.mkstemp(prefix=f".{key}.", suffix=".partial", dir=folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    np.save(file, laid)
                Path(partial).replace(folder / f"{key}.npy")
            finally:
                Path(partial).unlink(missing_ok=True)
        self._laid.put(key, laid)

    def _read(self, key: str, count: int) -> NDArray[np.float32] | None:
        """A layout from the cache, (count, 2), or None where there is none that is whole."""
        try:
            places = np.load(self._home() / f"{key}.npy")
        except (OSError, ValueError, EOFError):
            return None
        whole = places.shape == (count, 2) and places.dtype == np.float32 and bool(np.isfinite(places).all())
        return places if whole else None

    def _home(self) -> Path:
        return self._folder if self._folder is not None else layouts_dir()

    def _key(self, run: OpenRun) -> str:
        return layout_key(run)


@kept
def layout_key(run: OpenRun) -> str:
    """A name that the codes decide: another version of a run has other codes."""
    codes = np.ascontiguousarray(run.latents.mean[rows_of(run)], dtype="<f4")
    return hashlib.sha256(json.dumps([VERSION, codes.shape]).encode() + codes.tobytes()).hexdigest()[:24]


def _object(line: bytes) -> Mapping[str, object] | None:
    """A line as the JSON object that it is, or None."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, Mapping) else None


def _end_of(code: int) -> str:
    """How a process ended, by its exit code, in words."""
    if code >= 0:
        return f"with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return f"by the signal {name}"


def rows_of(run: OpenRun) -> NDArray[np.int64]:
    """The test images that are laid out, in order; the same at every call."""
    if len(run) <= MOST_POINTS:
        return np.arange(len(run))
    return np.sort(np.random.default_rng(SEED).choice(len(run), MOST_POINTS, replace=False))
