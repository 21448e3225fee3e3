"""Requests that cost more to read than they bring are refused while they are read.

One interpreter reads for everybody. Python takes some 15 microseconds for a chunk of a body and a few for a header,
whatever stands in them: one connection that sent a megabyte in chunks of one byte kept all others waiting for 15
seconds, in pieces of up to two.
"""

import h11

MOST_HEADERS = 200
"""Headers of a request; a browser sends 20, and each proxy a few more."""

MOST_HEAD = 32_768
"""Bytes of a head: the longest query of ours, and what a browser keeps as cookies of this machine's other ports."""

SLICE = 16_384
"""Bytes that are read before somebody looks again; the system hands over up to 256 kB at once."""

FREE_CHUNKS, CHUNK = 500, 512
"""Chunks of any size that a body may begin with, and bytes that each must bring on average where there are more."""


class Frugal(h11.Connection):
    """One side of a connection, as `h11` reads it, which refuses as no HTTP what only keeps the reader busy.

    A length beside chunks is refused as well (RFC 9112, 6.1): a proxy in front may believe the one, and this server
    believes the other.
    """

    def __init__(self) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size=MOST_HEAD)
        self._chunks = self._brought = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """What the client said next.

        Raises:
            RemoteProtocolError: It is no HTTP, or costs more than it brings.
        """
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._brought = 0
            names = [name for name, _ in event.headers]
            if len(names) > MOST_HEADERS:
                raise h11.RemoteProtocolError(f"a request has at most {MOST_HEADERS} headers", 431)
            if b"content-length" in names and b"transfer-encoding" in names:
                raise h11.RemoteProtocolError("a body has a length or comes in chunks")
        elif isinstance(event, h11.Data):
            self._chunks += event.chunk_start
            self._brought += len(event.data)
            if self._chunks > FREE_CHUNKS and self._brought < (self._chunks - FREE_CHUNKS) * CHUNK:
                raise h11.RemoteProtocolError(f"chunks bring {CHUNK} bytes on average")
        return event
