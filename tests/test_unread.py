"""Answers that nobody reads: what they may hold, and whose ends where there are too many."""

from typing import Any

import anyio

from explorer.ui import unread
from explorer.ui.unread import Unread
from explorer.ui.visitors import PRESENCE, Presence, Visitor
from tests.serve_fake import awaited


class Reader:
    """A visitor who asks for an answer of some bytes, and reads when the test says."""

    def __init__(self, layer: Unread, address: str, size: int) -> None:
        self.layer, self.visitor, self.size = layer, Visitor(address), size
        self.reading, self.got, self.done = anyio.Event(), 0, False

    async def ask(self) -> None:
        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                await self.reading.wait()
                self.got += len(message["body"])
                self.done = not message.get("more_body", False)

        async def receive() -> Any:
            await anyio.sleep_forever()

        PRESENCE.set(Presence(self.visitor))
        await self.layer({"type": "http", "size": self.size}, receive, send)


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": bytes(scope["size"])})


def test_who_holds_most_loses_what_waited_longest(monkeypatch):
    monkeypatch.setattr(unread, "PIECE", 10)

    async def crowd() -> list[tuple[int, bool]]:
        layer = Unread(app, pool=1000)
        asked = [("10.0.0.1", 400), ("10.0.0.2", 350), ("10.0.0.2", 200), ("10.0.0.3", 9), ("10.0.0.3", 300)]
        readers = [Reader(layer, address, size) for address, size in asked]
        async with anyio.create_task_group() as group:
            for reader in readers:
                group.start_soon(reader.ask)
                await anyio.wait_all_tasks_blocked()
            assert sum(each.size for each in layer._here) <= layer.pool
            for reader in readers:
                reader.reading.set()
        assert not layer._here, "what was read is forgotten"
        return [(reader.got, reader.done) for reader in readers]

    assert awaited(crowd) == [(400, True), (0, False), (200, True), (9, True), (300, True)]


def test_an_answer_beyond_the_pool_is_ended_and_the_next_one_passes(monkeypatch):
    monkeypatch.setattr(unread, "PIECE", 10)

    async def two() -> list[tuple[int, bool]]:
        layer = Unread(app, pool=1000)
        readers = [Reader(layer, "10.0.0.1", 1001), Reader(layer, "10.0.0.1", 1000)]
        for reader in readers:
            reader.reading.set()
            await reader.ask()
        return [(reader.got, reader.done) for reader in readers]

    assert awaited(two) == [(0, False), (1000, True)]
