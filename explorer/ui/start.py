"""Start: the story of autoencoders, holes and beta in six steps, told by a run and its twin."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from explorer.library import Library
from explorer.ui.bare import Content, Part
from explorer.ui.components import lay_out
from explorer.ui.http import PRIVATE, TabRoute
from explorer.ui.page import Page
from explorer.ui.routes import RunRoutes
from explorer.views import start as view

CONTENT: Content = (Part("start/tab", "the story in six steps"),)


def build(library: Library, page: Page) -> None:  # noqa: ARG001 - every tab is built with the same arguments
    """Lay out the tab."""
    lay_out(page, CONTENT)


def routes(runs: RunRoutes) -> list[TabRoute]:
    """What the tab asks of a run: everything that its scores let it say, at once."""

    async def story(request: Request) -> Response:
        """Which runs tell the story of a run, and their stored scores in words."""
        card = await runs.card(request)
        told = await runs.opening.run(lambda: view.story(runs.library, card.name))
        return JSONResponse(told, headers=PRIVATE)

    return [("GET", "/story", story)]
