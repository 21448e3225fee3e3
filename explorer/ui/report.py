"""Report: how a run and its twin were fitted, what each latent dimension came to carry, and what they cost."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from explorer.errors import NotFoundError
from explorer.images import picture_type
from explorer.library import Library
from explorer.ui.bare import Content, Part
from explorer.ui.components import lay_out
from explorer.ui.http import PRIVATE, TabRoute, keeping, number_of, unchanged
from explorer.ui.page import FigureMaker, Page, public_text
from explorer.ui.routes import RunRoutes
from explorer.views.report import (
    axis_figure,
    bar_figure,
    gradient_figure,
    histogram_figure,
    loss_figure,
    stack_figure,
    story,
)

CONTENT: Content = (Part("report/tab", "how the model was fitted"),)


def build(library: Library, page: Page) -> None:  # noqa: ARG001 - every tab is built with the same arguments
    """Lay out the tab."""
    lay_out(page, CONTENT)


FIGURES: dict[str, FigureMaker] = {
    "losses": loss_figure,
    "loss-stack": stack_figure,
    "axis-bars": bar_figure,
    "axis-lines": axis_figure,
    "axis-histogram": histogram_figure,
    "gradient": gradient_figure,
}
"""Served by the figure route."""


def routes(runs: RunRoutes) -> list[TabRoute]:
    """What the tab asks of the fit of a run."""

    async def training(request: Request) -> Response:
        """How a run was fitted: its card, its dimensions, and the sheets it kept."""
        card = await runs.card(request)

        def work() -> dict[str, Any]:
            told = story(runs.library, card.name)
            base, version = f"explorer/api/run/{card.name}/sheets", runs.library.open(card.name).card.version
            told["sheets"] = [{"epoch": epoch, "url": f"{base}/{epoch}?v={version}"} for epoch in told["sheets"]]
            return told | {"note": None if told["note"] is None else public_text(told["note"])}

        return JSONResponse(await runs.opening.run(work), headers=PRIVATE)

    async def sheet(request: Request) -> Response:
        """The decodes that were kept after one epoch, as a picture."""
        epoch = number_of(request, "epoch")
        card = await runs.card(request)

        def read() -> bytes:
            run = runs.library.open(card.name)
            if epoch not in run.sheets():
                raise NotFoundError(f"{run.name} kept no sheet after epoch {epoch}.")
            return run.sheet(epoch)

        picture = await runs.opening.run(read)
        fresh = unchanged(request, card.version)
        return fresh or Response(picture, media_type=picture_type(picture), headers=keeping(request, card.version))

    return [("GET", "/training", training), ("GET", "/sheets/{epoch}", sheet)]
