"""The addresses of runs asked without a network: what a page without a server stores is what a server would answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlencode

from anyio.from_thread import start_blocking_portal
from starlette.applications import Starlette
from starlette.types import Message

from explorer.library import Library
from explorer.ui.app import offered, tab_modules
from explorer.ui.routes import served
from explorer.ui.static_files import StaticFiles


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address answers.

    Attributes:
        status: Of HTTP.
        headers: By their names in small letters.
        body: Its bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Answers:
    """Asks the addresses of a library's runs as a public page does, so that no answer tells where files are.

    Use it in a `with` statement: the event loop of the addresses runs in a thread of its own until the block ends.

    Args:
        library: The runs.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        figures, offers = offered(tab_modules())
        self.app = Starlette(routes=served(library, figures, StaticFiles(), offers, public=True))
        self._portal = start_blocking_portal()

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._call = self._portal.__enter__().call
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the thread."""
        self._portal.__exit__(kind, error, trace)

    def ask(self, path: str, query: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        """One answer.

        Args:
            path: Below `explorer/api/`, as it is read.
            query: What follows the path.
            body: What is sent along with POST; None asks with GET.
        """
        return self._call(self._ask, path, query or {}, body)

    async def _ask(self, path: str, query: Mapping[str, str], body: bytes | None) -> Answer:
        whole = f"/explorer/api/{path}"
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET" if body is None else "POST",
            "scheme": "http",
            "path": whole,
            "raw_path": quote(whole).encode(),
            "root_path": "",
            "query_string": urlencode(query).encode(),
            "headers": [],
            "client": None,
            "server": None,
        }
        said: list[Message] = []
        given = [{"type": "http.request", "body": body or b"", "more_body": False}]

        async def receive() -> Message:
            return given.pop() if given else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            said.append(message)

        await self.app(scope, receive, send)
        start = next(message for message in said if message["type"] == "http.response.start")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], headers, b"".join(message.get("body", b"") for message in said))
