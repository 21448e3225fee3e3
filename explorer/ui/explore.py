"""Explore: sliders move a latent along directions, and its decode follows the hand."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from explorer.analysis.directions import METHODS, Contrast
from explorer.arrays import Latents
from explorer.errors import ShapeError
from explorer.library import Library
from explorer.ui.bare import Content, Part
from explorer.ui.components import lay_out
from explorer.ui.http import MOST_SEED, PRIVATE, TabRoute, array_response, latents_of, number_of
from explorer.ui.page import Page
from explorer.ui.routes import RunRoutes
from explorer.views import explore as view
from explorer.views.query import choice, number, whole
from explorer.views.runs import direction_values

INTRO = "Drag a slider; its ends show where it leads."

MOST_VARIATIONS = 25
"""Draws around one image that are asked for at once."""

MOST_TEMPERATURE = 10.0
"""Largest factor on the posterior's standard deviation."""

LONGEST_NAME = 200
"""Characters of a group's name in an address."""

CONTENT: Content = (INTRO, Part("explore/tab", "sliders and decoded image"))


def build(library: Library, page: Page) -> None:  # noqa: ARG001 - every tab is built with the same arguments
    """Lay out the tab."""
    lay_out(page, CONTENT)


def routes(runs: RunRoutes) -> Sequence[TabRoute]:
    """What the tab asks of a run beside decodes."""

    async def contrasts(request: Request) -> Response:
        """What directions between two groups there may be."""
        card = await runs.card(request)
        found = await runs.opening.run(lambda: view.counts(runs.library.open(card.name)))
        return JSONResponse(found, headers=PRIVATE)

    async def direction(request: Request) -> Response:
        """One direction, found as asked for, with its reliability."""
        query = request.query_params
        kind, name, without = query.get("kind", ""), query.get("name", ""), query.get("without") or None
        method = choice(query, "method", METHODS, "means")
        if max(len(name), len(without or "")) > LONGEST_NAME:
            raise ShapeError(f"a name has at most {LONGEST_NAME} characters.")
        card = await runs.card(request)

        def work() -> Contrast:
            return view.found_direction(runs.library.open(card.name), kind, name, method, without)

        found = await runs.opening.run(work)
        numbers = {
            "members": found.members,
            "others": found.others,
            "reliability": found.reliability,
            "separation": found.separation,
        }
        return JSONResponse({"direction": direction_values(found.direction), **numbers}, headers=PRIVATE)

    async def around_image(request: Request) -> Response:
        """Draws from the posterior of one image of the evaluation split, float32 (n, d)."""
        number = number_of(request, "number")
        count, temperature, seed = _draws(request)
        card = await runs.card(request)
        run = await runs.open_with(card, number)

        def work() -> Latents:
            return view.variations(run.posterior(number), count, temperature, seed)

        return array_response(await runs.decoding.run(work), "<f4", PRIVATE)

    async def around_latent(request: Request) -> Response:
        """Draws from the posterior that the encoder gives the decode of a latent, float32 (n, d)."""
        count, temperature, seed = _draws(request)
        card = await runs.card(request)
        latent = await latents_of(request, card.latent_dim, 1)

        def work() -> Latents:
            run = runs.library.open(card.name)
            return view.variations(view.posterior_of_decode(run, latent), count, temperature, seed)

        return array_response(await runs.decoding.run(work), "<f4", PRIVATE)

    async def beside(request: Request) -> Response:
        """The latent (1, d) at which the twin's encoder puts the decode of a latent, float32."""
        card = await runs.card(request)
        latent = await latents_of(request, card.latent_dim, 1)

        def work() -> Latents:
            return view.beside(runs.library, runs.library.open(card.name), latent)

        return array_response(await runs.decoding.run(work), "<f4", PRIVATE)

    async def python(request: Request) -> Response:
        """Lines of Python that make the picture of a latent."""
        card = await runs.card(request)
        latent = await latents_of(request, card.latent_dim, 1)
        run = await runs.decoding.run(lambda: runs.library.open(card.name))
        return JSONResponse({"python": view.python_lines(run, latent, runs.place_of(run))}, headers=PRIVATE)

    return [
        ("GET", "/contrasts", contrasts),
        ("GET", "/direction", direction),
        ("GET", "/variations/{number}", around_image),
        ("POST", "/variations", around_latent),
        ("POST", "/beside", beside),
        ("POST", "/python", python),
    ]


def _draws(request: Request) -> tuple[int, float, int]:
    """How many draws an address asks for, how hot they are, and by which seed.

    Raises:
        ShapeError: One of them is no number, or out of range.
    """
    query = request.query_params
    temperature = number(query, "temperature", 0, MOST_TEMPERATURE, default=1)
    return whole(query, "n", 1, MOST_VARIATIONS, 9), temperature, whole(query, "seed", 0, MOST_SEED, 0)
