"""What all requests together may bring."""

from typing import Any

import anyio

from explorer.ui.bodies import BodyLimit
from tests.serve_fake import awaited


class Upload:
    """A request that brings its body piece by piece, as the test says."""

    def __init__(self, limit: BodyLimit) -> None:
        self.limit, self.status = limit, None
        self.pieces, self.coming = anyio.create_memory_object_stream[bytes](100)

    async def run(self) -> None:
        async def receive():
            piece = await self.coming.receive()
            return {"type": "http.request", "body": piece, "more_body": bool(piece)}

        async def send(message):
            if message["type"] == "http.response.start":
                self.status = message["status"]

        with self.pieces, self.coming:
            await self.limit({"type": "http", "method": "POST", "path": "/", "headers": []}, receive, send)

    async def bring(self, size: int) -> None:
        if self.status is None:
            await self.pieces.send(bytes(size))
        await anyio.wait_all_tasks_blocked()


async def app(scope: Any, receive: Any, send: Any) -> None:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_when_the_pool_is_full_the_largest_body_is_refused_and_small_ones_pass():
    async def crowd() -> list[int | None]:
        limit = BodyLimit(app, 1000, pool=1500)
        uploads = [Upload(limit) for _ in range(4)]
        async with anyio.create_task_group() as group:
            for upload in uploads:
                group.start_soon(upload.run)
            for upload, size in zip(uploads, (700, 400, 300, 50), strict=True):
                await upload.bring(size)
            assert uploads[0].status is None
            await uploads[3].bring(200)  # one too many: the first of them goes
            assert uploads[0].status == 503
            for upload in uploads[1:]:
                await upload.bring(0)
        assert limit._held == 0
        assert not limit._here
        return [upload.status for upload in uploads]

    assert awaited(crowd) == [503, 200, 200, 200]


def test_who_fills_the_pool_alone_is_refused():
    async def crowd() -> int | None:
        limit = BodyLimit(app, 1000, pool=600)
        upload = Upload(limit)
        async with anyio.create_task_group() as group:
            group.start_soon(upload.run)
            await upload.bring(500)
            await upload.bring(200)
        return upload.status

    assert awaited(crowd) == 503
