"""Answers that were made for one visitor and wait to be read: no more of them than a pool holds."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.ui.http import PIECE
from explorer.ui.visitors import PRESENCE

POOL = 256_000_000
"""Bytes of all answers that wait at once: a class of 30 that saves 1,000 decodes of faces each has them in minutes."""


@dataclass(eq=False, slots=True)
class _Answer:
    """An answer that waits for its reader."""

    owner: Hashable
    size: int = 0
    ended: bool = False
    sending: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class Unread:
    """Sends large answers piece by piece as they are read, and ends some where too much waits.

    Who reads a kilobyte a second keeps a connection (`explorer.ui.patience`), and what was made for it, for hours. When
    the pool is full, whoever has most in it loses the answer that has waited longest: an address, or on this machine a
    visitor. Answers that are shared, as files and programs are, come in pieces already and count as nothing.

    Args:
        app: What comes next.
        pool: Most bytes of all.
    """

    def __init__(self, app: ASGIApp, pool: int = POOL) -> None:
        self.app = app
        self.pool = pool
        self._here: dict[_Answer, None] = {}  # in the order in which they began to wait

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        visitor = PRESENCE.get().visitor
        answer = _Answer(visitor if visitor.is_here else visitor.address)

        async def piecewise(message: Message) -> None:
            whole = memoryview(message.get("body", b""))
            if answer.ended:
                return
            if len(whole) <= PIECE:
                await send(message)
                return
            answer.size = len(whole)
            self._here[answer] = None
            self._make_room()
            with answer.sending:
                for start in range(0, 0 if answer.ended else len(whole), PIECE):
                    last = start + PIECE >= len(whole)
                    more = message.get("more_body", False) or not last
                    piece = bytes(whole[start : start + PIECE])
                    await send({"type": "http.response.body", "body": piece, "more_body": more})

        try:
            await self.app(scope, receive, piecewise)
        finally:
            self._here.pop(answer, None)

    def _make_room(self) -> None:
        """End answers until the rest fits."""
        while sum(each.size for each in self._here) > self.pool:
            held: Counter[Hashable] = Counter()
            for each in self._here:
                held[each.owner] += each.size
            most, _ = held.most_common(1)[0]
            longest = next(each for each in self._here if each.owner == most)
            del self._here[longest]
            longest.ended = True
            longest.sending.cancel()
