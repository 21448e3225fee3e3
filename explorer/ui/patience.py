"""Patience with connections: time limits for heads, bodies and unread answers, and how many connections there may be.

uvicorn waits for ever for a head, a body and a client that reads, on every route. It makes each connection by the class
in its settings, so that `be_patient` puts `Patient` there once the server runs.
"""

import asyncio
import functools
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

import h11
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.h11_impl import H11Protocol

from explorer.ui.frugal import SLICE, Frugal

logger = logging.getLogger(__name__)

HEAD = 10.0
"""Seconds from a connection, or from the end of an answer on it, to the end of the next head."""

STALL = 15.0
"""Seconds in which a body, or the reading of an answer, must move; shorter ones cut honest slow lines."""

RATE = 1000
"""Bytes a second that count as moving."""

MOST = 800
"""Connections of a server, where the system lends it enough descriptors."""

MOST_OF_ONE = 400
"""Connections of one address; a class of 30 phones behind one address has 180."""

DESCRIPTORS, SPARE = 8192, 300
"""Descriptors that are asked of the system, and how many of them are for files, threads and processes."""

LOOPBACK = ("127.0.0.1", "::1")
"""Where tunnels and most proxies come from, which are many visitors."""


class Crowd:
    """The connections of one server: the oldest that waits for its client makes room for a new one.

    Args:
        most: Connections in all.
        most_of_one: Connections of one address, which is not of this machine.
        seconds: `HEAD` and `STALL`.
        proxies: Further addresses and networks from which many visitors come.
    """

    def __init__(
        self,
        most: int = MOST,
        most_of_one: int = MOST_OF_ONE,
        seconds: tuple[float, float] = (HEAD, STALL),
        proxies: Sequence[str] = (),
    ) -> None:
        self.many = ProxyHeadersMiddleware(_nothing, [*LOOPBACK, *proxies]).trusted_hosts
        self.most = most
        self.most_of_one = most_of_one
        self.head, self.stall = seconds
        self.waiting: dict[Patient, None] = {}  # in the order in which they began to wait
        self.addresses: Counter[str] = Counter()

    def enter(self, one: "Patient") -> None:
        """Count a new connection; another one, or it, is ended where there are too many."""
        self.addresses[one.address] += 1
        if self.addresses.total() > self.most:
            self._end(next(iter(self.waiting), one))
        elif self.addresses[one.address] > self.most_of_one and one.address not in self.many:
            self._end(next((other for other in self.waiting if other.address == one.address), one))

    def leave(self, one: "Patient") -> None:
        """A connection is lost."""
        self.addresses[one.address] -= 1
        if self.addresses[one.address] <= 0:
            del self.addresses[one.address]

    def _end(self, one: "Patient") -> None:
        one.stop_clock()
        one.transport.abort()


class Patient(H11Protocol):
    """A connection with a clock, which runs while the server waits for its client.

    An answer that takes long, and a stream of events, have none; a client that does not read what it asked for has.

    Args:
        crowd: The connections of the server.
    """

    def __init__(self, crowd: Crowd, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.conn = Frugal()
        self.crowd = crowd
        self.address = ""
        self._clock: asyncio.TimerHandle | None = None
        self._phase: tuple[str, object] = ("", None)
        self._received = self._seen = self._left = 0  # bytes: in, and in and still to send at the last look

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A client came."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self._look()
        self.crowd.enter(self)

    def data_received(self, data: bytes) -> None:
        """A client sent something, which is read a slice at a time: what is wrong with it may show in the first one."""
        for start in range(0, len(data), SLICE):
            if self.transport.is_closing():
                return
            piece = data[start : start + SLICE]
            self._received += len(piece)
            super().data_received(piece)
            self._look()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; an answer that has begun is cut, which uvicorn would take for a bug of its own."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # whoever still works on the request is told, and says nothing more
            cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.abort()

    def on_response_complete(self) -> None:
        """An answer is written, though not yet read."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """A client does not read as fast as it is answered."""
        super().pause_writing()
        self._start_clock()

    def resume_writing(self) -> None:
        """A client has read most of what there is."""
        super().resume_writing()
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """A client is gone."""
        self.stop_clock()
        self.crowd.leave(self)
        super().connection_lost(exc)
        self._phase = ("lost", None)

    def shutdown(self) -> None:
        """The server ends: an answer that goes on is given a moment."""
        super().shutdown()
        self.loop.call_later(0.5, self.transport.abort)

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: whoever asks for another protocol gets this one."""

    def stop_clock(self) -> None:
        """Wait no longer."""
        self.crowd.waiting.pop(self, None)
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _look(self) -> None:
        """Start the clock anew when the server waits for something else."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            phase = ("head", cycle)
        else:
            phase = ("body" if cycle.more_body else "answer", cycle)
        if phase != self._phase and self._phase[0] != "lost":
            self._phase = phase
            self._start_clock()

    def _start_clock(self) -> None:
        self.stop_clock()
        self._seen, self._left = self._received, self.transport.get_write_buffer_size()
        phase = self._phase[0]
        if phase == "lost" or (phase == "answer" and not self.flow.write_paused):
            return
        self.crowd.waiting[self] = None
        self._clock = self.loop.call_later(self.crowd.head if phase == "head" else self.crowd.stall, self._ring)

    def _ring(self) -> None:
        """Go on waiting for what moves, end what does not."""
        left, enough = self.transport.get_write_buffer_size(), RATE * self.crowd.stall
        if left:
            moves = self._left - left >= enough
        else:
            moves = self._phase[0] == "body" and (self.flow.read_paused or self._received - self._seen >= enough)
        if moves:
            self._start_clock()
        else:
            self.stop_clock()
            self.transport.abort()


def raise_descriptors() -> int:
    """Ask the system for more descriptors; the connections that are then safe to hold."""
    try:
        import resource
    except ImportError:  # Windows counts them otherwise
        return MOST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):
            logger.warning("the system lends no more than %d descriptors.", soft)
    return MOST if soft == resource.RLIM_INFINITY else max(8, min(MOST, (soft - SPARE) // 2))


async def _nothing(*_: object) -> None:
    """Stands for an app where there is none."""


def be_patient(config: Any, crowd: Crowd) -> None:
    """Make every further connection of a running server a `Patient` one.

    Args:
        config: uvicorn's settings of the server.
        crowd: Its connections.
    """
    config.ws_protocol_class = None  # nothing here speaks it
    config.http_protocol_class = functools.partial(Patient, crowd)
