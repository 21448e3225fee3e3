"""Lanes of work: threads that serve visitors in turn, and drop what nobody waits for."""

import asyncio
import contextlib
import contextvars
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import anyio

from explorer.errors import ExplorerError
from explorer.ui.visitors import PRESENCE, Visitor
from explorer.wanted import Unwanted, wanted_while

T = TypeVar("T")

WAITING = 20.0
"""Seconds in a queue after which a request is refused."""

LONGEST = 120.0
"""Seconds that one piece of work may take."""

OF_ADDRESS = 4
"""Visitors' worth of waiting that one address may have; those of this machine are many visitors."""

IN_ALL = 512
"""Requests that may wait in a lane."""


class BusyError(ExplorerError):
    """Too much is waiting already, or it would take too long: status 503."""


class Lane:
    """Threads for work that must not hold up the server; a queue serves addresses, and their visitors, in turn.

    A visitor has all threads but one at once, so that another finds one free. What a visitor asked for is dropped when
    they leave; what runs already ends at its next look (`explorer.wanted`), and holds its thread until then.

    Args:
        running: Threads.
        waiting: Requests of one visitor that may wait; further ones are refused.
        seconds: Time limit of one piece of work.
        patience: Seconds in the queue.
    """

    def __init__(self, running: int, waiting: int = 16, seconds: float = LONGEST, patience: float = WAITING) -> None:
        self.most_at_once = max(1, running - 1)
        self.waiting = waiting
        self.seconds = seconds
        self.patience = patience
        self._free = running
        self._busy: Counter[Visitor] = Counter()
        self._turns: OrderedDict[str, OrderedDict[Visitor, deque[asyncio.Future[None]]]] = OrderedDict()
        self._threads = ThreadPoolExecutor(running, thread_name_prefix="lane")

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns.

        Raises:
            BusyError: Too much is waiting, or the work takes longer than it may.
        """
        presence = PRESENCE.get()
        await self._turn(presence.visitor)
        loop, end = asyncio.get_running_loop(), time.monotonic() + self.seconds

        def job() -> T:
            with wanted_while(lambda: not presence.gone and time.monotonic() < end):
                return work()

        try:
            thread = self._threads.submit(contextvars.copy_context().run, job)
        except BaseException:
            self._leave(presence.visitor)
            raise

        def left(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(self._leave, presence.visitor)

        thread.add_done_callback(left)
        with contextlib.suppress(Unwanted), anyio.move_on_after(self.seconds):
            return await asyncio.wrap_future(thread)
        raise BusyError(f"this took longer than {self.seconds:g} seconds and was given up; ask for less.")

    async def _turn(self, visitor: Visitor) -> None:
        """Wait for a thread.

        Raises:
            BusyError: Too many wait, or it takes too long.
        """
        if self._free and self._busy[visitor] < self.most_at_once:
            self._take(visitor)
            return
        ticket = asyncio.get_running_loop().create_future()
        self._queue_up(visitor, ticket)
        granted = False
        try:
            with anyio.move_on_after(self.patience):
                await ticket
                granted = True
        finally:
            if not granted and ticket.done() and not ticket.cancelled():
                self._leave(visitor)  # who was called in the moment in which they left hands the place on
            elif not granted:
                self._forget(visitor, ticket)
        if not granted:
            raise BusyError("the server is busy; try again in a few seconds.")

    def _queue_up(self, visitor: Visitor, ticket: "asyncio.Future[None]") -> None:
        neighbours = self._turns.get(visitor.address, {})
        of_address = sum(map(len, neighbours.values()))
        in_all = sum(len(line) for each in self._turns.values() for line in each.values())
        crowded = not visitor.is_here and of_address >= OF_ADDRESS * self.waiting
        if crowded or in_all >= IN_ALL or len(neighbours.get(visitor, ())) >= self.waiting:
            raise BusyError("the server is busy; try again in a few seconds.")
        self._turns.setdefault(visitor.address, OrderedDict()).setdefault(visitor, deque()).append(ticket)

    def _forget(self, visitor: Visitor, ticket: "asyncio.Future[None]") -> None:
        line = self._turns.get(visitor.address, {}).get(visitor)
        if line is not None:
            with contextlib.suppress(ValueError):
                line.remove(ticket)
            self._tidy(visitor)

    def _tidy(self, visitor: Visitor) -> None:
        neighbours = self._turns[visitor.address]
        if not neighbours[visitor]:
            del neighbours[visitor]
        if not neighbours:
            del self._turns[visitor.address]

    def _take(self, visitor: Visitor) -> None:
        self._free -= 1
        self._busy[visitor] += 1

    def _leave(self, visitor: Visitor) -> None:
        """A thread is free: the next visitors' turn."""
        self._free += 1
        self._busy[visitor] -= 1
        if self._busy[visitor] <= 0:
            del self._busy[visitor]
        while self._free and (following := self._following()) is not None:
            neighbours = self._turns[following.address]
            ticket = neighbours[following].popleft()
            neighbours.move_to_end(following)
            self._turns.move_to_end(following.address)
            self._tidy(following)
            if not ticket.done():
                self._take(following)
                ticket.set_result(None)

    def _following(self) -> Visitor | None:
        """Whose turn it is, of the addresses and of their visitors."""
        for neighbours in self._turns.values():
            for visitor in neighbours:
                if self._busy[visitor] < self.most_at_once:
                    return visitor
        return None


class Arrivals:
    """Bodies that may arrive at once, a few of each visitor.

    Args:
        each: Of one visitor.
        in_all: Of all.
        sentence: What a further one is told.
    """

    def __init__(self, each: int, in_all: int, sentence: str) -> None:
        self.each = each
        self.in_all = in_all
        self.sentence = sentence
        self._arriving: Counter[Visitor] = Counter()

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """For as long as a body arrives and is worked on.

        Raises:
            BusyError: There are too many.
        """
        visitor = PRESENCE.get().visitor
        if self._arriving[visitor] >= self.each or self._arriving.total() >= self.in_all:
            raise BusyError(self.sentence)
        self._arriving[visitor] += 1
        try:
            yield
        finally:
            self._arriving[visitor] -= 1
            if not self._arriving[visitor]:
                del self._arriving[visitor]
