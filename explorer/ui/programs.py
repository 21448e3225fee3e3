"""What a browser computes by itself of a run: its programs, and how empty a place is.

Programs are files under names that change with their content.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from explorer.errors import NotFoundError
from explorer.library import Card
from explorer.program import PARTS
from explorer.ui.http import FOR_EVER, PRIVATE, PiecewiseResponse, TabRoute, keeping, unchanged
from explorer.ui.page import public_text
from explorer.ui.routes import RunRoutes
from explorer.views.programs import MadeProgram, program
from explorer.views.query import choice
from explorer.views.support import support


def routes(runs: RunRoutes) -> list[TabRoute]:
    """What the page asks before it decodes by itself."""

    async def made(request: Request) -> tuple[Card, MadeProgram]:
        part = choice(request.path_params, "part", PARTS, PARTS[0])
        card = await runs.card(request)
        return card, await runs.opening.run(lambda: program(runs.library.open(card.name), part))

    async def place(request: Request) -> Response:
        """Where a program is, below this address's folder; or why there is none."""
        _, found = await made(request)
        if found.trouble is not None:
            return JSONResponse({"name": None, "trouble": public_text(found.trouble)}, headers=PRIVATE)
        return JSONResponse({"name": found.name, "trouble": None}, headers=PRIVATE)

    async def file(request: Request) -> Response:
        """A program, to be kept for ever: another one has another name."""
        card, found = await made(request)
        if found.trouble is not None or request.path_params["name"] != found.name:
            raise NotFoundError(f"{card.name} has no such program any more; reload the page.")
        headers = {"cache-control": f"private, {FOR_EVER}"}
        return PiecewiseResponse(found.file, media_type="application/octet-stream", headers=headers)

    async def measures(request: Request) -> Response:
        """The frame, the codes and the laws of a run: by them a page tells how empty a place is, and draws."""
        card = await runs.card(request)
        fresh = unchanged(request, card.version)
        if fresh is not None:
            return fresh
        found = await runs.opening.run(lambda: support(runs.library.open(card.name)))
        return PiecewiseResponse(found, media_type="application/octet-stream", headers=keeping(request, card.version))

    return [
        ("GET", "/program/{part}", place),
        ("GET", "/program/{part}/{name}", file),
        ("GET", "/support", measures),
    ]
