"""Holes: an autoencoder and its VAE twin side by side, in standard deviations of their own codes."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from explorer.analysis.laws import LAWS, RAW, WHITE
from explorer.errors import TooMuchError
from explorer.library import Library
from explorer.ui.bare import Content, Part
from explorer.ui.components import lay_out
from explorer.ui.http import LONGEST_QUERY, MOST_SEED, PRIVATE, Endpoint, TabRoute, finite, latents_of
from explorer.ui.page import FigureMaker, Page
from explorer.ui.routes import RunRoutes
from explorer.views.hole_layers import OFFERED
from explorer.views.hole_map import hole_plane, p_value_figure
from explorer.views.hole_samples import drawn_sheet
from explorer.views.hole_scores import ladder_of, scores_of
from explorer.views.hole_sheets import described_place, is_fitted, offered_layers, plane_layer
from explorer.views.query import choice, whole

CONTENT: Content = (Part("holes/tab", "holes of both models"),)


def build(library: Library, page: Page) -> None:  # noqa: ARG001 - every tab is built with the same arguments
    """Lay out the tab."""
    lay_out(page, CONTENT)


def routes(runs: RunRoutes) -> list[TabRoute]:
    """What the tab asks beside its figures: the layers there are, places, sheets of samples, and the ladder."""

    async def layers(request: Request) -> Response:
        """What a plane can be coloured by, and why something it cannot."""
        card = await runs.card(request)
        listed = await runs.opening.run(lambda: offered_layers(runs.library, card.name))
        return JSONResponse({"layers": listed}, headers=PRIVATE)

    async def place(request: Request) -> Response:
        """The p-values of one latent."""
        card = await runs.card(request)
        layer = choice(request.query_params, "layer", tuple(OFFERED), "vacancy")
        law = choice(request.query_params, "law", tuple(LAWS), WHITE.name)
        latent = await latents_of(request, card.latent_dim, 1)

        def work() -> dict[str, object]:
            return finite(described_place(runs.library.open(card.name), latent, layer, law))

        # what is calibrated for the first time takes seconds, and must hold up no drag
        fitted = await runs.looking.run(lambda: is_fitted(runs.library.open(card.name), layer, law))
        lane = runs.decoding if fitted else runs.opening
        return JSONResponse(await lane.run(work), headers=PRIVATE)

    async def misses(request: Request) -> Response:
        """Round-trip errors of the calibration codes, ascending, float32 (n,): with them a browser tells p-values."""
        return await runs.stored(request, "<f4", lambda run: run.round_trip.calibration_scores)

    async def samples(request: Request) -> Response:
        """A sheet of samples of one law, with their p-values."""
        card = await runs.card(request)
        law = choice(request.query_params, "law", tuple(LAWS), RAW.name)
        seed = whole(request.query_params, "seed", 0, MOST_SEED, default=0)
        redraw = whole(request.query_params, "redraw", 0, 1, default=0) == 1
        made = await runs.opening.run(lambda: drawn_sheet(runs.library.open(card.name), law, seed, redraw))
        return JSONResponse(made, headers=PRIVATE)

    async def ladder(request: Request) -> Response:
        """The runs that differ from this one in beta alone, with their stored scores."""
        card = await runs.card(request)
        law = choice(request.query_params, "law", tuple(LAWS), WHITE.name)
        found = await runs.opening.run(lambda: ladder_of(runs.library, card.name, law))
        return JSONResponse(found, headers=PRIVATE)

    async def scores(request: Request) -> Response:
        """The stored scores of the run and its twin as a table, or null where there are none."""
        card = await runs.card(request)
        return JSONResponse(await runs.opening.run(lambda: scores_of(runs.library, card.name)), headers=PRIVATE)

    def answered(what: Callable[[Library, str, Mapping[str, str]], dict[str, Any]]) -> Endpoint:
        """An endpoint that tells what a plane holds, as the query asks for it."""

        async def answer(request: Request) -> Response:
            if len(request.url.query) > LONGEST_QUERY:
                raise TooMuchError(f"the query is longer than {LONGEST_QUERY:,} characters.")
            card = await runs.card(request)
            query = dict(request.query_params)
            found = await runs.opening.run(lambda: what(runs.library, card.name, query))
            return JSONResponse(found, headers=PRIVATE)

        return answer

    return [
        ("GET", "/holes/plane", answered(hole_plane)),
        ("GET", "/holes/layer", answered(plane_layer)),
        ("GET", "/holes/layers", layers),
        ("POST", "/holes/place", place),
        ("GET", "/holes/misses", misses),
        ("GET", "/holes/samples", samples),
        ("GET", "/holes/ladder", ladder),
        ("GET", "/holes/scores", scores),
    ]


FIGURES: dict[str, FigureMaker] = {
    "p-values": p_value_figure,
}
"""Served by the figure route."""
