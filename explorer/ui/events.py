"""The door of gradio's events: what is no event of this page does not come as far as gradio.

gradio believes what it is sent: a name of a session of any length, values of any kind. It answers nonsense with 500 and
pages of traceback in the log, and prints what stands in an address. One queue of it serves everybody.
"""

import json
import logging
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from explorer.ui.requests import SAFE_METHODS, refuse, replayed, route_path, whole_body
from explorer.ui.visitors import PRESENCE, Visitor, cookies_of, visitor_of

logger = logging.getLogger(__name__)

GRADIOS = "/gradio_api/"
"""Where gradio's own routes are."""

JOIN = f"{GRADIOS}queue/join"
"""Where an event is put into the queue."""

CALLED = (
    "app_id",
    "cancel",
    "heartbeat/",
    "queue/data",
    "queue/join",
    "reset",
    "run/",
    "startup-events",
    "theme.css",
)
"""How the routes below `GRADIOS` begin that the page calls, and gradio itself when it starts; there are no others."""

QUEUED_EACH, QUEUED_OF_ADDRESS = 2, 8
"""Events of one visitor, and of one address, that wait in gradio's queue, which holds 32; those of this machine are
many visitors."""

MOST_UNFETCHED = 200
"""Sessions whose answers gradio keeps for them; it would keep those of who left for ever."""

LONGEST_QUERY = 1000
"""Bytes of the query of a route of gradio's."""

MOST_EVENT = 64_000
"""Bytes of an event: the page sends names and addresses."""

NAME = re.compile(r"[A-Za-z0-9_ -]{1,64}")
"""A session, an event, as gradio's page names them."""

NAMES = ("session_hash", "event_id", "fn_name")
"""Members of an event that are names."""

LONGEST_TEXT = 20_000
"""Characters of a text in an event."""

LONGEST_PATH = 1000
"""Bytes of the address of a file of gradio's page; the system's own limit of one name is a quarter of it."""

FILES = ("/static/", "/assets/", "/svelte/", "/gradio_api/", "/pwa_icon/")
"""Where gradio looks for files and sessions by what stands in the address."""


class Events:
    """Answers with 4xx what is no event of this page.

    Args:
        app: What comes next.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.joining: Counter[Visitor] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 400, 404, 413, 414 or 503."""
        path = route_path(scope) if scope["type"] == "http" else ""
        if path.startswith(FILES) and _is_endless(path):
            await refuse(404, "there is nothing here.", scope, receive, send)
            return
        if not path.startswith(GRADIOS):
            await self.app(scope, receive, send)
            return
        if not path.removeprefix(GRADIOS).startswith(CALLED):
            await refuse(404, "there is nothing here.", scope, receive, send)
            return
        if len(scope.get("query_string", b"")) > LONGEST_QUERY:
            await refuse(414, f"the query is longer than {LONGEST_QUERY:,} bytes.", scope, receive, send)
            return
        session = path.removeprefix("/gradio_api/heartbeat/") if path.startswith("/gradio_api/heartbeat/") else None
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        named = [*query.get("session_hash", []), *([session.rstrip("/")] if session is not None else [])]
        if not all(map(NAME.fullmatch, named)):
            await refuse(400, "this is no session of the page.", scope, receive, send)
            return
        if scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, send)
            return
        body = await whole_body(receive, MOST_EVENT)
        if body is None:
            await refuse(413, f"an event of the page has at most {MOST_EVENT:,} bytes.", scope, receive, send)
            return
        trouble = trouble_with(body, path, scope.get("app"))
        if trouble is not None:
            logger.warning("a request to %s was no event of this page: %s", path[:100], trouble)
            await refuse(400, "this request is no event of the page.", scope, receive, send)
            return
        if path.rstrip("/") == JOIN:
            await self._join(scope, replayed(body, receive), send)
        else:
            await self.app(scope, replayed(body, receive), send)

    async def _join(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on an event for gradio's queue, unless enough of this visitor wait there."""
        visitor = PRESENCE.get().visitor
        ahead = [*waiting_in(scope.get("app")), *self.joining.elements()]
        crowded = not visitor.is_here and sum(v.address == visitor.address for v in ahead) >= QUEUED_OF_ADDRESS
        if crowded or ahead.count(visitor) >= QUEUED_EACH:
            await refuse(503, "what you asked for before is still waiting; try again later.", scope, receive, send)
            return
        self.joining[visitor] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.joining[visitor] -= 1
            if not self.joining[visitor]:
                del self.joining[visitor]
            forget_departed(scope.get("app"))


def waiting_in(app: Any) -> Iterable[Visitor]:
    """Whose events wait in the queue of a gradio app; nobody's where there is none."""
    if app is None:
        return
    for line in app.get_blocks()._queue.event_queue_per_concurrency_id.values():
        for event in line.queue:
            scope = event.request.scope
            yield visitor_of(scope, cookies_of(scope))


def forget_departed(app: Any) -> None:
    """Forget the oldest sessions of a gradio app's queue that wait for nothing, where there are too many."""
    if app is None:
        return
    queue = app.get_blocks()._queue
    sessions: dict[str, set[str]] = queue.pending_event_ids_session
    for session in [*sessions][: max(0, len(sessions) - MOST_UNFETCHED)]:
        if sessions[session].isdisjoint(queue.event_ids_to_events):
            del sessions[session]
            queue.pending_messages_per_session.pop(session, None)


def _is_endless(path: str) -> bool:
    encoded = path.encode("utf-8", "surrogateescape")
    return len(encoded) > LONGEST_PATH or b"\0" in encoded or any(len(part) > 255 for part in encoded.split(b"/"))


def trouble_with(body: bytes, path: str, app: Any) -> str | None:
    """Why the body of a request is no event of the page, in a few words; None for one that is.

    Args:
        body: JSON, as far as one can hope.
        path: Below gradio's prefix.
        app: gradio's; None where there is none, and only the shape is looked at.
    """
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return "it is no JSON"
    if not isinstance(event, dict):
        return "it is no object"
    for name in NAMES:
        value = event.get(name)
        if value is not None and not (isinstance(value, str) and NAME.fullmatch(value)):
            return f"{name} is no name"
    if not path.startswith(("/gradio_api/run/", "/gradio_api/queue/join")):
        return None
    number, data = event.get("fn_index"), event.get("data")
    if not isinstance(number, int) or isinstance(number, bool):
        return "fn_index is no number"
    if not isinstance(data, list):
        return "data is no list"
    if any(isinstance(value, str) and len(value) > LONGEST_TEXT for value in data):
        return "a text is too long"
    trigger = event.get("trigger_id")
    if trigger is not None and (not isinstance(trigger, int) or isinstance(trigger, bool)):
        return "trigger_id is no number"
    if app is None:
        return None
    session = app.state_holder.session_data.get(event.get("session_hash"), {})
    return _trouble_with_values(app.get_blocks().fns.get(number), data, session)


def _trouble_with_values(function: Any, data: list[Any], session: Any) -> str | None:
    """Why these are no values of an event's inputs: each component is asked, as gradio will."""
    if function is None or function.fn is None:  # what the browser does by itself is no event of Python's
        return "there is no such event"
    if len(data) != len(function.inputs):
        return f"it has {len(data)} values"
    for component, value in zip(function.inputs, data, strict=True):
        if _holds_file(value):
            return "a value is a file"
        if component.stateful:
            continue
        try:
            session.get(component._id, component).preprocess(value)
        except Exception as error:  # noqa: BLE001 - a component raises what it likes
            return f"a value is refused ({type(error).__name__})"
    return None


def _holds_file(value: object) -> bool:
    """Whether a value holds what gradio takes for a file, which no input of this page is."""
    ahead = [value]
    while ahead:
        value = ahead.pop()
        if isinstance(value, dict):
            return True
        if isinstance(value, list):
            ahead += value
    return False
