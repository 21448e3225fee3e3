"""What the layers before the page read of a request, and how they refuse one."""

from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing and bring no body."""


def header(scope: Scope, name: bytes) -> str:
    """A header of the request, or an empty string; of several of one name the last."""
    return dict(scope["headers"]).get(name, b"").decode("latin-1")


def route_path(scope: Scope) -> str:
    """The path that routes are matched against: without the folder the page is mounted under, if any."""
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    if root and path.startswith(root) and path[len(root) :][:1] in ("", "/"):
        return path[len(root) :] or "/"
    return path


def replayed(body: bytes, rest: Receive | None = None) -> Receive:
    """Receives a body that was read already, then whatever follows."""
    told = False

    async def receive() -> Message:
        nonlocal told
        if told:
            return await rest() if rest is not None else {"type": "http.disconnect"}
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def whole_body(receive: Receive, most: int) -> bytes | None:
    """The body of a request; None when it has more than `most` bytes."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            return None
        more = message["type"] == "http.request" and message.get("more_body", False)
    return bytes(body)


async def refuse(status: int, sentence: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with one sentence as JSON, and close the connection's interest in the rest of the request."""
    headers = {"retry-after": "5"} if status in (429, 503) else None
    await JSONResponse({"error": sentence}, status, headers)(scope, receive, send)
