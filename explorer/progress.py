"""What the command line says while it works: a bar on a terminal, elsewhere a line for each stage.

Bars go to stderr, lines to stdout, so that a log holds a line a stage and stderr nothing but mistakes.
"""

import contextlib
import sys
from collections.abc import Iterator

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
