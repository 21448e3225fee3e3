"""Fit here: train.py as a process of its own, begun, watched and stopped for the person at the machine.

One fit is under way at a time, whichever explorer began it: its process holds a lock from its first moment to its last,
whatever ends it. Beside the runs, in `.fit-here`, lie the lock, what was asked for, and what train.py says; train.py
alone writes into the folder that it builds a run in. The explorer may end, and the next one finds the fit again.
What lies there is believed only as far as a wish of the page is: a folder of runs may be a gift.
"""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from explorer.checkpoint import can_resume, find_run, write_bytes
from explorer.config import RUN_NAME
from explorer.errors import CheckpointError
from explorer.files import read_json
from explorer.library import wishes
from explorer.library.wishes import FitError, PlannedFit

FOLDER, LOCK, RECORD, LOG = ".fit-here", "lock", "fit.json", "log.txt"
"""Folder below the runs, and its files."""

TRIES = 3
"""How often the lock is tried."""

MOST_LOG = 20_000
"""Bytes of the end of a log that are read."""

FULL_BYTES = 1_000_000
"""Where a disk has less room than this, a fit that ended without a word ended for that."""

SAID = "train.py: "
"""How the last word of train.py begins."""

TOLD_SECONDS: Mapping[str, float] = {"done": 3_600, "failed": 3_600, "stopped": 86_400}
"""So long after its end a fit is told of."""

State = Literal["starting", "running", "done", "stopped", "failed"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class FitState:
    """A fit that goes on, or was the last one.

    Attributes:
        state: How far it is; `stopped` is one that can be resumed.
        names: Of its runs, in the order in which they are fitted.
        sentence: What is going on, or what became of it.
        command: What was run, for a shell.
        seconds: Since it was begun.
    """

    state: State
    names: tuple[str, ...]
    sentence: str
    command: str
    seconds: float


class FitBench:
    """Fits into the folder of a library's runs.

    Args:
        out: Folder of the runs; None where there is none.
        data_dir: Folder of the data sets; None for the default one.
    """

    def __init__(self, out: Path | None, data_dir: Path | None) -> None:
        self.out = out
        self.data_dir = data_dir
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()

    def trouble(self) -> str | None:
        """Why nothing can be fitted here, or None."""
        if self.out is None or not self.out.is_dir():
            return "there is no folder for runs; name one with --checkpoints."
        if not wishes.PROGRAM.is_file():
            return "train.py does not lie beside the program."
        if sys.platform == "win32":
            return "fits are begun from the page on Linux and macOS; here, run train.py in a terminal."
        if not os.access(self.out, os.W_OK):
            return f"{self.out} cannot be written to; name another folder of runs with --checkpoints."
        return None

    def plan(self, wish: Mapping[str, object]) -> PlannedFit:
        """What a wish comes to, as `planned_fit` tells.

        Raises:
            ExplorerError: As `planned_fit` does, or there is no folder for runs.
        """
        return wishes.planned_fit(wish, self._place(), self.data_dir)

    def start(self, wish: Mapping[str, object]) -> FitState:
        """Begin a fit.

        Raises:
            FitError: One is under way, or nothing can be fitted here.
            ConfigError: A value is none, or out of its range.
            DataError: The folder of pictures is none.
        """
        return self._begin(self.plan(wish), wish)

    def resume(self) -> FitState:
        """Go on with the fit that was stopped.

        Raises:
            FitError: There is none that left a state, or one is under way.
        """
        record = self._record()
        if record is None or not any(can_resume(self._place(), name) for name in record["names"]):
            raise FitError("there is no stopped fit to go on with; begin a new one.")
        wish, tag = record["wish"], record["tag"]
        return self._begin(wishes.planned_fit(wish, self._place(), self.data_dir, tag, resume=True), wish)

    def _begin(self, plan: PlannedFit, wish: Mapping[str, object]) -> FitState:
        wrong = self.trouble()
        if wrong is not None:
            raise FitError(f"Nothing can be fitted here: {wrong}")
        place = self._place() / FOLDER
        with self._lock:
            try:
                place.mkdir(mode=0o700, exist_ok=True)
                with self._held(place) as lock:
                    (place / RECORD).unlink(missing_ok=True)
                    self._process = _spawned(plan.command, place / LOG, lock)
                    record = {"pid": self._process.pid, "started": time.time(), "names": list(plan.names)}
                    record |= {"tag": plan.configs[0].tag, "wish": dict(wish), "command": plan.line}
                    try:
                        write_bytes(place / RECORD, json.dumps(record).encode())
                    except BaseException:  # nobody would find it again
                        self._process.kill()
                        raise
            except OSError as error:
                reason = error.strerror or str(error)
                raise FitError(f"the fit cannot be begun: {reason}; look at {place}.") from None
        found = self.look()
        assert found is not None
        return found

    @contextlib.contextmanager
    def _held(self, place: Path) -> Iterator[int]:
        """The lock of a fit that begins, as a descriptor; who inherits it keeps the lock."""
        import fcntl

        lock = os.open(place / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            for left in reversed(range(TRIES)):
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not left:
                        record = self._record()
                        name = f" of {' and '.join(record['names'])}" if record else ""
                        raise FitError(f"a fit{name} is under way; stop it, or wait until it is done.") from None
                    time.sleep(0.02)  # another explorer may have looked at this moment
            yield lock
        finally:
            os.close(lock)

    def stop(self) -> None:
        """Ask the fit that goes on to save its state and end; what it says then is its last word.

        Raises:
            FitError: None goes on.
        """
        with self._lock:
            record = self._record()
            if record is None or not self._goes_on():
                raise FitError("no fit is under way.")
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it ended this moment
                os.kill(record["pid"], signal.SIGINT)

    def farewell(self) -> str | None:
        """What somebody who ends the explorer should know: a fit that was begun on the page goes on without it."""
        fit, record = self.look(), self._record() if self.out is not None else None
        if fit is None or fit.state != "running" or record is None:
            return None
        pid = record["pid"]
        return f"the fit of {' and '.join(fit.names)} goes on without the page; end it with: kill -INT {pid}"

    def look(self) -> FitState | None:
        """The fit that goes on, or the last one; None where there is none to tell of. Nothing is written."""
        if self.out is None or sys.platform == "win32":
            return None
        with self._lock:
            code = self._process.poll() if self._process is not None else None
            goes_on, record = self._goes_on(), self._record()
        if record is None:
            return FitState(state="starting", names=(), sentence="starting", command="", seconds=0) if goes_on else None
        if self._process is None or self._process.pid != record["pid"]:
            code = None  # another explorer began it
        names, now = tuple(record["names"]), time.time()
        log, ended = _log_of(self.out / FOLDER / LOG)
        about = {"names": names, "command": record["command"], "seconds": max(0.0, now - record["started"])}
        if goes_on:
            return FitState(state="running", sentence=log[-1] if log else "starting", **about)
        about["seconds"] = max(0.0, ended - record["started"])
        waits = any(can_resume(self.out, name) for name in names)
        if all(find_run(self.out, name) is not None for name in names):
            verb = "is" if len(names) == 1 else "are"
            found = FitState(state="done", sentence=f"{' and '.join(names)} {verb} fitted.", **about)
        else:
            word = self._last_word(log, code, waits)
            found = FitState(state="stopped" if waits else "failed", sentence=word, **about)
        return found if now - ended < TOLD_SECONDS[found.state] else None

    def _last_word(self, log: list[str], code: int | None, waits: bool) -> str:
        """Why a fit ended before its run was there, in one sentence."""
        told = [line for line in log if line.startswith(SAID)]
        if told:
            word = told[-1].removeprefix(SAID).replace("SIGINT: ", "stopped: ", 1)
            return f"{word[:1].upper()}{word[1:]}".rstrip(".") + "."
        go_on = "its last saved state is there" if waits else "nothing was saved"
        if self.out is not None and shutil.disk_usage(self.out).free < FULL_BYTES:
            return f"The disk of {self.out} is full: make room; {go_on}."
        if any(line.startswith("KeyboardInterrupt") for line in log[-3:]):
            return f"The fit was stopped before its first step; {go_on}."
        if code is not None and code < 0:
            named = signal.Signals(-code).name
            memory = ", as where memory runs out" if -code == signal.SIGKILL else ""
            return f"The system ended the fit ({named}{memory}); {go_on}."
        if log and log[-1].partition(":")[0].endswith(("Error", "Exception")):
            return f"train.py failed ({log[-1][:200]}); {go_on}. Its log is {FOLDER}/{LOG}."
        return f"The fit ended without a word, as where memory runs out or the machine is switched off; {go_on}."

    def _place(self) -> Path:
        if self.out is None:
            raise FitError("Nothing can be fitted here: there is no folder for runs; name one with --checkpoints.")
        return self.out

    def _goes_on(self) -> bool:
        """Whether a process holds the lock."""
        import fcntl

        try:
            lock = os.open(self._place() / FOLDER / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a disk without locks: the process that was begun here is known all the same
            return self._process is not None and self._process.poll() is None
        finally:
            os.close(lock)
        return False

    def _record(self) -> dict[str, Any] | None:
        """What is stored of the last fit, once it is found to make sense."""
        with contextlib.suppress(CheckpointError):
            found: Any = read_json(self._place() / FOLDER / RECORD)
            kinds = {"pid": int, "started": float, "names": list, "wish": dict, "command": str}
            if not isinstance(found, dict) or any(type(found.get(key)) is not kind for key, kind in kinds.items()):
                return None
            tag, names = found.get("tag"), found["names"]
            plain = [*names, *([] if tag is None else [f"x{tag}"])]
            if found["pid"] > 1 and names and all(isinstance(n, str) and RUN_NAME.fullmatch(n) for n in plain):
                return found
        return None


def _spawned(command: list[str], log: Path, lock: int) -> subprocess.Popen[bytes]:
    """A process that goes on when this one ends, and keeps the lock."""
    threads = command[command.index("--threads") + 1]
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "PYTHONUNBUFFERED": "1"}
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    heard = os.open(log, flags, 0o600)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=heard,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C in the explorer's terminal is not meant for it
            pass_fds=[lock],
        )
    finally:
        os.close(heard)


def _log_of(path: Path) -> tuple[list[str], float]:
    """The last lines that a fit said, and when it said them."""
    try:
        with path.open("rb") as file:
            changed = os.fstat(file.fileno()).st_mtime
            file.seek(max(0, os.fstat(file.fileno()).st_size - MOST_LOG))
            text = file.read(MOST_LOG).decode("utf-8", "replace")
    except OSError:
        return [], 0.0
    lines = ("".join(letter for letter in line if letter.isprintable()).strip() for line in text.splitlines())
    return [line[:500] for line in lines if line], changed
