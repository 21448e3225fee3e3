"""Whether what is being computed is still wanted, asked between batches.

A thread cannot be stopped from outside. Whoever starts work for somebody says with `wanted_while` how to find out
whether they still wait, and the loops that may take long ask `check_wanted`. Elsewhere all work is wanted.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

WANTED: ContextVar[Callable[[], bool] | None] = ContextVar("WANTED", default=None)
"""Tells whether the work of this thread is still wanted; None where nobody asks."""


class Unwanted(Exception):  # noqa: N818 - no error: nobody waits for the answer any more
    """The work was given up, because nobody waits for it or its time is over."""


@contextlib.contextmanager
def wanted_while(told: Callable[[], bool]) -> Iterator[None]:
    """Within the block, work is wanted as long as `told` says so."""
    token = WANTED.set(told)
    try:
        yield
    finally:
        WANTED.reset(token)


def check_wanted() -> None:
    """Go on with work that is wanted.

    Raises:
        Unwanted: It is not.
    """
    told = WANTED.get()
    if told is not None and not told():
        raise Unwanted
