"""Holes: an autoencoder and its VAE twin side by side, in standard deviations of their own codes."""

import gradio as gr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from explorer.analysis.laws import LAWS, RAW, WHITE
from explorer.library import Library
from explorer.ui.components import live, table
from explorer.ui.http import MOST_SEED, PRIVATE, TabRoute, finite, latents_of
from explorer.ui.page import FigureMaker, Page
from explorer.ui.routes import RunRoutes
from explorer.views.hole_layers import OFFERED
from explorer.views.hole_map import hole_figure, p_value_figure
from explorer.views.hole_samples import drawn_sheet, path_figure
from explorer.views.hole_scores import ladder_of, scores_of, trade_off_figure
from explorer.views.hole_sheets import described_place, is_fitted, layer_figure, offered_layers
from explorer.views.query import choice, whole

INTRO = (
    "A hole is a place of latent space where samples fall but hardly any image is encoded: hatched here wherever it is "
    "lonelier than 95 % of the codes of new images. "
    "Move over either plane to see what both models decode at the same place, and look at what changes on the hatching."
)

WORDS = (
    "Read vacancy only beside coverage and active units: a model that ignores its latents has no holes and covers "
    "nothing. Compare equal laws first, white with white. Under raw an autoencoder has luck or bad luck: if its codes "
    "spread far beyond N(0, I), every sample falls into the middle of the crowd, hits no hole and covers little. "
    "That autoencoders cannot generate is false: ten Gaussians fitted to the codes often repair them, and may beat a "
    "VAE's own prior. How sure a classifier is of the decodes, and how near they are to real images pixel by pixel, "
    "does not tell the two models apart."
)


def build(library: Library, page: Page) -> None:
    """Lay out the tab."""
    gr.Markdown(INTRO, elem_classes=["xp-intro"])
    live(page, "holes", "holes of both models")
    scores = table(page, "hole scores", scores_of(library, page.run.value))
    gr.Markdown(WORDS, elem_classes=["xp-intro"])
    page.run.change(
        lambda run: scores_of(library, run),
        page.run,
        scores,
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )


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

    return [
        ("GET", "/holes/layers", layers),
        ("POST", "/holes/place", place),
        ("GET", "/holes/samples", samples),
        ("GET", "/holes/ladder", ladder),
    ]


FIGURES: dict[str, FigureMaker] = {
    "holes": hole_figure,
    "hole-layer": layer_figure,
    "hole-path": path_figure,
    "hole-ladder": trade_off_figure,
    "p-values": p_value_figure,
}
"""Served by the figure route."""
