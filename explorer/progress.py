"""What the command line says while it works: a bar on a terminal, elsewhere a line for each stage.

Bars go to stderr, lines to stdout, so that a log holds a line a stage and stderr nothing but mistakes.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from tqdm import tqdm

WITHOUT_COUNT = "{desc}"
"""Format of the bar of a stage whose length is unknown: its title alone."""


@contextlib.contextmanager
def stage(
    title: str, total: float | None = None, *, done: float = 0, unit: str = "", quiet: bool = False, keep: bool = False
) -> Iterator["tqdm"]:
    """A stage of the work, for the length of a block that moves its bar.

    Args:
        title: The work in a few words.
        total: Length of the bar, in `unit`; None where nobody knows it.
        done: Where the bar starts.
        unit: What the bar counts; "" for shares of the work, which are shown in per cent.
        quiet: Whether to show nothing.
        keep: Whether the bar stays on the terminal when the stage is over.
    """
    on_terminal = is_terminal()
    if not quiet and not on_terminal:
        print(title, flush=True)
    shape = None if unit else "{desc}: {percentage:3.0f}%|{bar}| {elapsed}"
    with tqdm(
        total=total,
        initial=done,  # pyright: ignore[reportArgumentType]
        desc=title,
        unit=unit or "it",
        bar_format=WITHOUT_COUNT if total is None else shape,
        disable=quiet or not on_terminal,
        leave=keep,
        dynamic_ncols=True,
    ) as bar:
        yield bar


def is_terminal() -> bool:
    """Whether somebody watches stderr, where bars are drawn."""
    return sys.stderr is not None and sys.stderr.isatty()


class Spoken(io.TextIOBase):
    """Standard output or error that a full disk or a closed pipe silences, where print would end the fit.

    Args:
        stream: What is written to, at once.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.trouble = stream, ""

    def write(self, text: str) -> int:
        """Write a text, or from the first failure on nothing."""
        if not self.trouble:
            try:
                self.stream.write(text)
                self.stream.flush()
            except OSError as error:
                self.trouble = error.strerror or str(error)
                with contextlib.suppress(
                    OSError, ValueError
                ):  # else Python tries once more when it ends, and complains
                    os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
        return len(text)

    def flush(self) -> None:
        """Nothing: every text is written at once."""

    def isatty(self) -> bool:
        """Whether a person watches."""
        return self.stream.isatty()

    def fileno(self) -> int:
        """The descriptor of the stream."""
        return self.stream.fileno()

    @property
    def encoding(self) -> str:
        """How text becomes bytes, which decides the shape of a progress bar."""
        return self.stream.encoding
