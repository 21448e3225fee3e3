"""Interpolate: walks between two latents, what lies on the way, and walks between classes."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from explorer.arrays import Latents
from explorer.errors import ShapeError
from explorer.library import AMONG, Library
from explorer.ui.bare import Content, Part
from explorer.ui.components import lay_out
from explorer.ui.http import MOST_LATENTS, PRIVATE, TabRoute, array_response, latents_of
from explorer.ui.page import Page
from explorer.ui.routes import RunRoutes
from explorer.views import interpolate as view
from explorer.views.query import choice, number, theme_of, whole

INTRO = "Drag the position: do the pictures between A and B stay images?"

FEWEST_STEPS, MOST_STEPS = 2, 64
"""Latents along one walk."""

MOST_OVERSHOOT = 2.0
"""How far a walk may lead beyond its ends, as a share of the way between them."""

CONTENT: Content = (INTRO, Part("interpolate/tab", "walks between two latents"))


def build(library: Library, page: Page) -> None:  # noqa: ARG001 - every tab is built with the same arguments
    """Lay out the tab."""
    lay_out(page, CONTENT)


def routes(runs: RunRoutes) -> list[TabRoute]:
    """What the tab asks: a walk, its curves, which latents are in holes, and the most typical image of each class."""

    async def path(request: Request) -> Response:
        """A walk between the two latents of the body, what is known of each of its steps, and the run's `place`."""
        card = await runs.card(request)
        query = request.query_params
        steps = whole(query, "steps", FEWEST_STEPS, MOST_STEPS, default=9)
        overshoot = number(query, "overshoot", 0, MOST_OVERSHOOT, default=0)
        kind = choice(query, "kind", view.KINDS, "linear")
        means = choice(query, "means", view.MEANS, "")
        ends = await _ends_of(request, card.latent_dim)

        def work() -> dict[str, Any]:
            run = runs.library.open(card.name)
            return view.walk(run, ends, steps, overshoot, kind, means) | {"place": runs.place_of(run)}

        return JSONResponse(await runs.opening.run(work), headers=PRIVATE)

    async def curves(request: Request) -> Response:
        """The figure of norm and vacancy along both walks between the two latents of the body."""
        card = await runs.card(request)
        query = request.query_params
        overshoot = number(query, "overshoot", 0, MOST_OVERSHOOT, default=0)
        kind, theme = choice(query, "kind", view.KINDS, "linear"), theme_of(query)
        means = choice(query, "means", view.MEANS, "")
        ends = await _ends_of(request, card.latent_dim)
        figure = await runs.opening.run(
            lambda: view.path_figure(runs.library.open(card.name), ends, overshoot, kind, theme, means)
        )
        return Response(figure, media_type="application/json", headers=PRIVATE)

    async def vacancies(request: Request) -> Response:
        """The vacancy p-value of each latent of the body, float32 (n,)."""
        card = await runs.card(request)
        among = choice(request.query_params, "among", AMONG, "draws")
        latents = await latents_of(request, card.latent_dim, MOST_LATENTS)
        found = await runs.opening.run(lambda: runs.library.open(card.name).vacancy_among(among).p_value(latents))
        return array_response(found, "<f4", PRIVATE)

    async def medoids(request: Request) -> Response:
        """The most typical image of each class that has one."""
        card = await runs.card(request)

        found = await runs.opening.run(lambda: view.class_medoids_of(runs.library.open(card.name)))
        return JSONResponse({"medoids": found}, headers=PRIVATE)

    return [
        ("POST", "/path", path),
        ("POST", "/figure/path", curves),
        ("POST", "/vacancies", vacancies),
        ("GET", "/medoids", medoids),
    ]


async def _ends_of(request: Request, latent_dim: int) -> Latents:
    """Both ends of a walk, (2, d), as the body holds them."""
    ends = await latents_of(request, latent_dim, 2)
    if len(ends) != 2:
        raise ShapeError("a walk needs two latents, its ends, but the body holds one.")
    return ends
