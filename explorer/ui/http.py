"""What every answer over HTTP is made of: bodies and numbers that are checked, bytes and headers.

Errors are JSON {"error": "one sentence"}. Arrays travel as little-endian bytes.
"""

import math
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TypeAlias

import anyio
import numpy as np
from numpy.typing import NDArray
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from explorer.analysis.encoding import checked_latents
from explorer.arrays import Latents
from explorer.errors import ExplorerError, NotFoundError, ShapeError, TooMuchError
from explorer.ui.lanes import BusyError
from explorer.ui.page import public_sentence

MOST_LATENTS = 1024
"""Latents that one request may decode or draw."""

MOST_SEED = 2**63 - 1
"""Largest seed of a sample."""

PATIENCE = 120.0
"""Seconds that the body of one request may take to arrive; one that stands still is ended sooner, with its
connection (`explorer.ui.patience`)."""

PIECE = 200_000
"""Bytes of an answer that are written at once."""

FOR_EVER = "max-age=31536000, immutable"

PRIVATE = {"cache-control": "private, no-store"}
"""Headers of an answer that nobody may keep."""

LONGEST_QUERY = 4000
"""Characters of the query of a figure or a plane."""

Endpoint = Callable[[Request], Awaitable[Response]]

TabRoute: TypeAlias = tuple[str, str, Endpoint]
"""Method, address below `explorer/api/run/{run}`, and what answers; its `ExplorerError`s become JSON."""


class TooSlowError(ExplorerError):
    """A body does not arrive: status 408."""


class ForbiddenError(ExplorerError):
    """Something is asked for that is not for who asks: status 403."""


STATUS: Mapping[type[ExplorerError], int] = {
    ForbiddenError: 403,
    NotFoundError: 404,
    TooSlowError: 408,
    TooMuchError: 413,
    BusyError: 503,
}
"""What an error is answered with; any other `ExplorerError` with 400."""


def answering(endpoint: Endpoint) -> Endpoint:
    """An endpoint whose `ExplorerError`s become JSON; a bug stays a bug, with its traceback in the log."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ExplorerError as error:
            return error_response(STATUS.get(type(error), 400), public_sentence(error))
        except ClientDisconnect:
            return error_response(400, "the request ended early.")

    return answer


async def latents_of(request: Request, latent_dim: int, most: int) -> Latents:
    """The latents (n, d) in a request's body of little-endian float32.

    Raises:
        TooMuchError: More than `most`; noticed while the body arrives.
        TooSlowError: The body takes longer than `PATIENCE`.
        ShapeError: No whole number of latents, or values that are not finite.
    """
    size = 4 * latent_dim
    most_words = f"at most {most:,} latent(s) of {latent_dim} numbers are taken at once."
    body = await body_of(request, most * size, "the latents", most_words)
    if not body or len(body) % size:
        raise ShapeError(
            f"the body must be latents of {latent_dim} float32 ({size} bytes each), but it has {len(body)} bytes."
        )
    return checked_latents(np.frombuffer(body, dtype="<f4").reshape(-1, latent_dim), latent_dim)


async def body_of(request: Request, most: int, what: str, too_much: str) -> bytes:
    """The body of a request.

    Args:
        request: The request.
        most: Bytes that it may have.
        what: What it brings, for the sentence when it does not arrive.
        too_much: The sentence when it has more.

    Raises:
        TooMuchError: It has more; noticed while the body arrives.
        TooSlowError: It takes longer than `PATIENCE`.
    """
    body = bytearray()
    try:
        with anyio.fail_after(PATIENCE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise TooMuchError(too_much)
    except TimeoutError:
        raise TooSlowError(f"{what} did not arrive within {PATIENCE:g} seconds.") from None
    return bytes(body)


def number_of(request: Request, name: str) -> int:
    """A whole number in the address itself.

    Raises:
        NotFoundError: It is none.
    """
    text = request.path_params[name]
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise NotFoundError(f"the {name} must be a whole number.")
    return int(text)


def unchanged(request: Request, version: str) -> Response | None:
    """Status 304 when the browser holds this version already."""
    if f'"{version}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=keeping(request, version))
    return None


def keeping(request: Request, version: str) -> dict[str, str]:
    """Headers that let a browser keep an answer: for ever if its address names the version, else after asking."""
    named = request.query_params.get("v") == version
    return {"etag": f'"{version}"', "cache-control": f"private, {FOR_EVER}" if named else "private, no-cache"}


def error_response(status: int, sentence: str) -> Response:
    """An error as JSON; who is told to come back is told when."""
    headers = {"cache-control": "no-store"} | ({"retry-after": "3"} if status == 503 else {})
    return JSONResponse({"error": sentence}, status, headers)


class PiecewiseResponse(Response):
    """An answer that many share, sent as fast as it is read: one write would copy it for everybody who does not read.

    What is made for one visitor alone is cut in pieces, and counted, by `explorer.ui.unread`.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for piece in self.pieces():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def pieces(self) -> Iterator[bytes]:
        """The bytes in order."""
        whole = memoryview(self.body)
        for start in range(0, len(whole), PIECE):
            yield bytes(whole[start : start + PIECE])


class UnfoldedResponse(PiecewiseResponse):
    """Bytes that are kept gzipped, for who does not understand that: never unfolded as a whole, nor all at once."""

    def pieces(self) -> Iterator[bytes]:
        """The unfolded bytes in order."""
        unfolding, left = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS), bytes(self.body)
        while not unfolding.eof:
            yield unfolding.decompress(left, PIECE)
            left = unfolding.unconsumed_tail


def array_response(array: NDArray, kind: str, headers: Mapping[str, str]) -> Response:
    """An array as bytes of numpy's `kind`, its shape in the header x-shape."""
    shape = {"x-shape": ",".join(map(str, array.shape))}
    body = np.ascontiguousarray(array, dtype=kind).tobytes()
    return Response(body, media_type="application/octet-stream", headers={**headers, **shape})


def zipped_response(request: Request, zipped: bytes, headers: Mapping[str, str]) -> Response:
    """Bytes that are kept gzipped: sent so, or unfolded to who does not understand that."""
    named = {**headers, "vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        named["content-encoding"] = "gzip"
        return PiecewiseResponse(zipped, media_type="application/octet-stream", headers=named)
    named["content-length"] = str(int.from_bytes(zipped[-4:], "little"))  # which gzip ends with (RFC 1952)
    return UnfoldedResponse(zipped, media_type="application/octet-stream", headers=named)


def pixels_response(pixels: NDArray[np.uint8], headers: Mapping[str, str]) -> Response:
    """Pixels as bytes, laid out as they are handed in."""
    return array_response(pixels, "|u1", headers)


def finite(numbers: Mapping[str, object]) -> dict[str, object]:
    """The same with None for what JSON cannot say."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in numbers.items()}
