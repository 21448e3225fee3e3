"""A log that visitors can neither forge nor flood: a line a record, no line of theirs, and only so many."""

import asyncio
import logging
import time
import traceback
from collections.abc import Callable

LONGEST = 600
"""Characters of a record."""

BURST, A_SECOND = 60, 2.0
"""Records that are written at once, and then each second."""

TRACEBACKS, TRACEBACKS_A_SECOND = 10, 0.1
"""The same of tracebacks, which a bug of the program leaves."""

NOISE = (
    "Cancel %s running task(s), timeout graceful shutdown exceeded",
    "ASGI callable returned without completing response.",
)
"""Records of uvicorn that say only that somebody ended the program while others used it, or that an answer was ended
because nobody read it."""


class Allowance:
    """So many at once, then so many a second.

    Args:
        burst: At once.
        a_second: Afterwards.
        clock: Seconds that only grow.
    """

    def __init__(self, burst: float, a_second: float, clock: Callable[[], float]) -> None:
        self.burst, self.a_second, self.clock = burst, a_second, clock
        self.left, self.when, self.missed = float(burst), clock(), 0

    def take(self) -> int | None:
        """How many were left out since the last one; None when this one is left out too."""
        now = self.clock()
        self.left = min(float(self.burst), self.left + (now - self.when) * self.a_second)
        self.when = now
        if self.left < 1:
            self.missed += 1
            return None
        self.left -= 1
        missed, self.missed = self.missed, 0
        return missed


class Sober(logging.Filter):
    """Makes one line of every record, indents tracebacks, and leaves out what is too much.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.lines = Allowance(BURST, A_SECOND, clock)
        self.tracebacks = Allowance(TRACEBACKS, TRACEBACKS_A_SECOND, clock)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        error = record.exc_info[1] if record.exc_info else None
        if record.msg in NOISE or isinstance(error, asyncio.CancelledError):  # the program ends, or a visitor left
            return False
        missed = (self.lines if error is None else self.tracebacks).take()
        if missed is None:
            return False
        text = one_line(record.getMessage())
        record.msg, record.args = f"{text} ({missed} records before it were left out)" if missed else text, ()
        if error is not None:
            lines = "".join(traceback.format_exception(error)).splitlines()
            record.exc_text = "\n".join(f"  {one_line(line)}" for line in lines)
        return True


def one_line(text: str) -> str:
    """A text without ends of lines and other control characters, and not endless."""
    text = text.strip()
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text):,} characters)"
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in shown)


SOBER = Sober()
"""The filter of this process: its log is one."""


def keep_sober(access: bool = False) -> None:
    """Filter what the server and this program log to the terminal; handlers of other programs are left alone.

    Args:
        access: Whether a line is written for every request.
    """
    handlers = [*logging.getLogger("uvicorn").handlers]
    if logging.lastResort is not None:
        handlers.append(logging.lastResort)
    for handler in handlers:
        handler.addFilter(SOBER)  # which a handler that has it ignores
    if access:
        logging.getLogger("uvicorn.access").setLevel(logging.INFO)
