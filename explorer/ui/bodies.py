"""What requests may bring: one body at most so much, and all that are here together no more than a pool holds."""

from dataclasses import dataclass, field

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.ui.requests import header, refuse

POOL = 48_000_000
"""Bytes of all bodies that are here at once."""


@dataclass(eq=False, slots=True)
class _Body:
    """A body that is here, whole or in part."""

    size: int = 0
    arriving: bool = True
    turned_out: bool = False
    waiting: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class BodyLimit:
    """Bounds the body of a request, whether or not it says its length, and all bodies together.

    When the pool is full the largest body that is still arriving is refused, so that small requests pass. How slowly
    one may arrive is bounded by the connection (`explorer.ui.patience`).

    Args:
        app: What comes next.
        limit: Most bytes of one body.
        pool: Most bytes of all.
    """

    def __init__(self, app: ASGIApp, limit: int, pool: int = POOL) -> None:
        self.app = app
        self.limit = limit
        self.pool = pool
        self._here: dict[_Body, None] = {}
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 413 or 503."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        said = header(scope, b"content-length")
        if said and (not (said.isascii() and said.isdecimal()) or int(said[:20]) > self.limit):
            await refuse(413, self._too_large(), scope, receive, send)
            return
        body, started = _Body(), False

        async def counted() -> Message:
            if body.turned_out or body.size > self.limit:
                return {"type": "http.disconnect"}
            body.waiting = anyio.CancelScope()
            with body.waiting:
                message = await receive()
                if message["type"] == "http.request":
                    self._count(body, message)
                if not body.turned_out and body.size <= self.limit:
                    return message
            return {"type": "http.disconnect"}

        async def watched(message: Message) -> None:
            nonlocal started
            if (body.turned_out or body.size > self.limit) and not started:
                return  # what the app says of a body it did not see is replaced below
            started = True
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except Exception:
            if started or not (body.turned_out or body.size > self.limit):
                raise
        finally:
            self._held -= body.size
            self._here.pop(body, None)
        if started:
            return
        if body.turned_out:
            await refuse(503, "too much arrives at once; try again in a few seconds.", scope, receive, send)
        elif body.size > self.limit:
            await refuse(413, self._too_large(), scope, receive, send)

    def _count(self, body: _Body, message: Message) -> None:
        """Add a piece of a body, and turn out the largest that arrives while there is too much."""
        piece = len(message.get("body", b""))
        body.size += piece
        self._held += piece
        body.arriving = message.get("more_body", False)
        if piece:
            self._here[body] = None
        while self._held - sum(other.size for other in self._here if other.turned_out) > self.pool:
            largest = max(
                (other for other in self._here if not other.turned_out and (other.arriving or other is body)),
                key=lambda other: other.size,
            )
            largest.turned_out = True
            if largest is body:
                break
            largest.waiting.cancel()

    def _too_large(self) -> str:
        return f"the request is larger than {self.limit:,} bytes."
