"""Files of what is decoded, for a browser to keep; `static/page/export.js` has the buttons."""

import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from explorer.errors import NotFoundError, ShapeError, TooMuchError
from explorer.library import Library
from explorer.ui.http import PRIVATE, PiecewiseResponse, TabRoute, latents_of
from explorer.ui.lanes import Lane
from explorer.ui.routes import PAGE, RoutesMaker, RunRoutes
from explorer.views.export import FORMATS, LONGEST, MOST_SCALE, MOST_TILES, SHORTEST, Wanted, exported
from explorer.views.query import number, whole

MOST_TITLE, MOST_CAPTION = 200, 40
"""Characters of the head of a contact sheet, and below a tile."""

MOST_QUERY = 16_000
"""Characters of the query."""

FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


def routes(runs: RunRoutes) -> list[TabRoute]:
    """What the buttons of an export ask."""

    async def export(request: Request) -> Response:
        """Decodes of latents (n, d) as a file to keep."""
        card = await runs.card(request)
        kind, query = request.path_params["kind"], request.query_params
        if kind not in FORMATS:
            raise NotFoundError(f"an export is one of {', '.join(FORMATS)}.")
        if len(request.url.query) > MOST_QUERY:
            raise TooMuchError(f"the query is longer than {MOST_QUERY:,} characters; leave the captions out.")
        latents = await latents_of(request, card.latent_dim, MOST_TILES)
        wanted = Wanted(
            columns=whole(query, "columns", 1, MOST_TILES, default=1) if "columns" in query else None,
            scale=whole(query, "scale", 0, MOST_SCALE, default=0),
            seconds=number(query, "seconds", SHORTEST, LONGEST, default=0.1),
            boomerang=whole(query, "boomerang", 0, 1, default=0) == 1,
            title=text_of(query.get("title", ""), "title", MOST_TITLE),
            captions=[text_of(text, "caption", MOST_CAPTION) for text in query.getlist("caption")],
        )
        name = query.get("name", kind)
        if not FILE_NAME.fullmatch(name):
            raise ShapeError("name must be letters, digits, '.', '_' and '-', 60 at most.")
        made = await runs.making.run(lambda: exported(runs.library.open(card.name), latents, kind, wanted))
        form = FORMATS[kind]
        told = PRIVATE | {"content-disposition": f'attachment; filename="{card.name}-{name}.{form.ending}"'}
        return Response(made, media_type=form.media, headers=told)

    return [("POST", "/export/{kind}", export)]


def text_of(text: str, name: str, most: int) -> str:
    """A short text for a picture.

    Raises:
        ShapeError: It is too long, or has characters that cannot be written.
    """
    if len(text) > most or not text.isprintable():
        raise ShapeError(f"a {name} must be at most {most} printable characters, but this one has {len(text)}.")
    return text


PAGE_SECONDS = 600.0
"""Time limit of a page: a ladder of faces takes a minute on one core."""


def page_routes(make: Callable[[Library, str], bytes]) -> RoutesMaker:
    """The page of a run as a file, for the person at the machine: from a button in Report.

    Visitors of a public page are not offered it. They may read all that is in it, but each file costs seconds of the
    server's cores.

    Args:
        make: What the file of a run of a library is.
    """

    def routes(runs: RunRoutes) -> list[TabRoute]:
        lane = Lane(running=1, waiting=1, seconds=PAGE_SECONDS)

        async def page(request: Request) -> Response:
            """The page of a run with its twin and its ladder."""
            card = await runs.card(request)
            if card.config is None:
                raise NotFoundError(f"{card.name} is held in memory; explorer.show(model, images) makes a page of it.")
            made = await lane.run(lambda: make(runs.library, card.name))
            named = {"content-disposition": f'attachment; filename="{card.name}.html"'}
            # no HTML for the browser, in which it would have the rights of this page
            return PiecewiseResponse(made, media_type="application/octet-stream", headers=PRIVATE | named)

        return [] if runs.public else [("GET", PAGE, page)]

    return routes
