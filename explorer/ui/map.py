"""Map: the encoded test images as a scatter; hover shows an image, empty space is decoded.

The browser draws the dots: it asks once for where they stand, and again only for another plane. Colours, and what is
hidden or chosen, never send them again.
"""

import weakref

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from explorer.errors import NotFoundError, ShapeError
from explorer.library import Library, OpenRun
from explorer.ui.bare import Content, Part
from explorer.ui.components import lay_out
from explorer.ui.http import (
    PRIVATE,
    TabRoute,
    body_of,
    keeping,
    latents_of,
    number_of,
    pixels_response,
    unchanged,
)
from explorer.ui.lanes import BusyError
from explorer.ui.page import Page
from explorer.ui.routes import RunRoutes
from explorer.ui.visitors import PRESENCE
from explorer.views import map as view
from explorer.views.colours import COLOURS
from explorer.views.query import choice, whole

INTRO = "Every dot is an image, where the encoder puts it. Point at one; click anywhere."

CONTENT: Content = (INTRO, Part("map/tab", "map of the encoded test images"))


def build(library: Library, page: Page) -> None:  # noqa: ARG001 - every tab is built with the same arguments
    """Lay out the tab."""
    lay_out(page, CONTENT)


async def rows_of(request: Request, count: int) -> NDArray[np.int64]:
    """Numbers of different test images in a request's body of little-endian int32, in order.

    Raises:
        TooMuchError: More than there are.
        ShapeError: None at all, or numbers of no images.
    """
    body = await body_of(request, 4 * count, "numbers of images", f"there are {count:,} images in all.")
    if not body or len(body) % 4:
        raise ShapeError(f"the body must be numbers of images as int32, but it has {len(body)} bytes.")
    rows = np.frombuffer(body, dtype="<i4").astype(np.int64)
    if rows.min() < 0 or rows.max() >= count:
        raise ShapeError(f"images are numbered from 0 to {count - 1}.")
    return np.unique(rows)


def routes(runs: RunRoutes) -> list[TabRoute]:
    """What the tab asks of a run."""
    from explorer.library.layouts import CrowdedError, Layouts

    layouts = Layouts()
    weakref.finalize(runs, layouts.close)

    async def places(request: Request) -> Response:
        """Where the test images stand on a plane, float32 (N, 2); NaN for those that t-SNE left out."""
        plane = request.query_params.get("plane", "pca")

        def get(run: OpenRun) -> NDArray:
            points = view.map_axes(run, plane)[0]
            if points is None:
                points = layouts.places(run)
            if points is None:
                raise NotFoundError("the t-SNE layout of this run is not computed yet.")
            return points

        return await runs.stored(request, "<f4", get)

    async def axes(request: Request) -> Response:
        """The axes of a plane and the latents behind it."""
        card = await runs.card(request)
        fresh = unchanged(request, card.version)
        if fresh is not None:
            return fresh
        plane = request.query_params.get("plane", "pca")

        def work() -> dict[str, object]:
            return view.map_axes(runs.library.open(card.name), plane)[1].values()

        return JSONResponse(await runs.opening.run(work), headers=keeping(request, card.version))

    async def spread(request: Request) -> Response:
        """The shape of every posterior on a plane, float32 (N, 3)."""
        plane = request.query_params.get("plane", "pca")
        return await runs.stored(request, "<f4", lambda run: view.spread_on(run, view.map_axes(run, plane)[1]))

    async def index(request: Request) -> Response:
        """Rows of the test images in the data set's array, int32 (N,)."""
        return await runs.stored(request, "<i4", lambda run: run.latents.index)

    async def kept(request: Request) -> Response:
        """Which test images have codes of epochs, int32 (m,)."""
        return await runs.stored(request, "<i4", lambda run: run.kept_images)

    async def epoch(request: Request) -> Response:
        """Codes of those images after an epoch of the fit, float32 (m, d); NaN for one that has none of it."""
        number = number_of(request, "epoch")

        def get(run: OpenRun) -> NDArray:
            if number not in run.epochs():
                raise NotFoundError(f"{run.name} kept no codes after epoch {number}.")
            return run.epoch_codes(number)

        return await runs.stored(request, "<f4", get)

    async def groups(request: Request) -> Response:
        """What the numbers of a colour stand for, where they are groups of images."""
        grouped = {name: colour.groups for name, colour in COLOURS.items() if colour.groups is not None}
        name = choice(request.query_params, "colour", tuple(grouped), next(iter(grouped)))
        card = await runs.card(request)
        fresh = unchanged(request, card.version)
        if fresh is not None:
            return fresh
        told = await runs.opening.run(lambda: grouped[name](runs.library.open(card.name)).values())
        return JSONResponse(told, headers=keeping(request, card.version))

    async def neighbours(request: Request) -> Response:
        """The images nearest to one latent."""
        metric = choice(request.query_params, "metric", view.METRICS, "euclidean")
        card = await runs.card(request)
        latent = await latents_of(request, card.latent_dim, 1)
        run = await runs.opening.run(lambda: runs.library.open(card.name))
        named = "without" in request.query_params
        without = whole(request.query_params, "without", 0, len(run) - 1, default=0) if named else None
        found = await runs.decoding.run(lambda: view.neighbours_of(run, latent, metric, without))
        return JSONResponse({"neighbours": found}, headers=PRIVATE)

    async def selection(request: Request) -> Response:
        """What is known of some images together."""
        card = await runs.card(request)
        run = await runs.opening.run(lambda: runs.library.open(card.name))
        rows = await rows_of(request, len(run))
        return JSONResponse(await runs.opening.run(lambda: view.selection_of(run, rows)), headers=PRIVATE)

    async def selection_image(request: Request) -> Response:
        """The mean of some images, as bytes laid out (H, W, C)."""
        card = await runs.card(request)
        run = await runs.opening.run(lambda: runs.library.open(card.name))
        rows = await rows_of(request, len(run))
        return pixels_response(await runs.opening.run(lambda: view.mean_image(run, rows)), PRIVATE)

    def told(run: OpenRun, ticket: str | None) -> dict[str, object]:
        progress = layouts.progress(run, ticket)
        parts = ("state", "points", "elapsed", "expected", "trouble")
        return {part: getattr(progress, part) for part in parts} | {"count": len(run), "ticket": ticket}

    async def tsne(request: Request) -> Response:
        """How far the t-SNE layout is."""
        card = await runs.card(request)
        ticket = ticket_of(request)
        answer = await runs.opening.run(lambda: told(runs.library.open(card.name), ticket))
        return JSONResponse(answer, headers=PRIVATE)

    async def start_tsne(request: Request) -> Response:
        """Compute the t-SNE layout, or wait for it with whoever asked before."""
        card = await runs.card(request)

        def start() -> dict[str, object]:
            run = runs.library.open(card.name)
            try:
                return told(run, layouts.start(run, PRESENCE.get().visitor))
            except CrowdedError as error:
                raise BusyError(str(error)) from None

        return JSONResponse(await runs.opening.run(start), headers=PRIVATE)

    async def cancel_tsne(request: Request) -> Response:
        """Stop waiting for the t-SNE layout."""
        card = await runs.card(request)
        ticket = ticket_of(request)

        def cancel() -> dict[str, object]:
            run = runs.library.open(card.name)
            return {"ended": layouts.cancel(run, ticket or "")} | told(run, None)

        return JSONResponse(await runs.opening.run(cancel), headers=PRIVATE)

    return [
        ("GET", "/map/axes", axes),
        ("GET", "/map/places", places),
        ("GET", "/map/spread", spread),
        ("GET", "/map/index", index),
        ("GET", "/map/kept", kept),
        ("GET", "/map/epoch/{epoch}", epoch),
        ("GET", "/map/groups", groups),
        ("POST", "/map/neighbours", neighbours),
        ("POST", "/map/selection", selection),
        ("POST", "/map/selection/image", selection_image),
        ("GET", "/map/tsne", tsne),
        ("POST", "/map/tsne", start_tsne),
        ("POST", "/map/tsne/cancel", cancel_tsne),
    ]


def ticket_of(request: Request) -> str | None:
    """The ticket that an address names, or None where there is none that could be one."""
    text = request.query_params.get("ticket", "")
    return text if text.isascii() and text.isalnum() and len(text) <= 32 else None
