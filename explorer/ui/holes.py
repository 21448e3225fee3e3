"""Holes: an autoencoder and its VAE twin side by side, in standard deviations of their own codes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from explorer.images import data_uri, tile, to_bytes
from explorer.library import LAWS, Library, kept
from explorer.ui.components import live, table
from explorer.ui.hole_layers import (
    checked_law,
    checked_layer,
    class_names,
    described_place,
    is_fitted,
    layer_figure,
    note_on,
    offered_layers,
)
from explorer.ui.hole_planes import Cut, plane_latents, planes_of
from explorer.ui.hole_samples import drawn_sheet, path_figure
from explorer.ui.hole_scores import ladder_of, scores_of, trade_off_figure
from explorer.ui.page import FigureMaker, Page
from explorer.ui.routes import MOST_SEED, PRIVATE, RunRoutes, TabRoute, finite, latents_of, whole

if TYPE_CHECKING:
    from explorer.library import OpenRun

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

GRID, SPARSE_GRID = 101, 65
"""p-values on a side of the plane, at d = 2 and beyond, where neighbours are dearer to find."""

LATTICE = 20
"""Decodes, and hatched cells, on a side of the plane."""

SAMPLES = 2000
"""Draws of each law behind its curve."""


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


def hole_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """The vacancy map of a run on one plane as plotly JSON.

    Args:
        library: The runs.
        name: The run's name.
        query: How the plane is chosen, as in `planes_of`; `theme`.

    Raises:
        ShapeError: The run has no plane, or the query makes no sense.
    """
    from explorer.plots import as_json, hole_map

    run, _, cut, plane = planes_of(library, name, query)
    theme = "dark" if query.get("theme") == "dark" else "light"
    drawn = hole_slice(run, cut if run.latent_dim > 2 else Cut(), plane.extent)
    key = (plane.extent, cut) if run.latent_dim > 2 else (plane.extent, None)
    return as_json(hole_map(theme=theme, revision=f"{name} {key}", told=drawn["meta"], **drawn["map"]))


@kept
def hole_slice(run: "OpenRun", cut: Cut, extent: float) -> dict[str, Any]:
    """Everything of a hole map but the theme, and what the page says beside it.

    Args:
        run: The run.
        cut: How its plane is chosen.
        extent: How wide the plane is, +-, in standard deviations of the codes.

    Returns:
        `map`, what `hole_map` takes; and `meta`: `share`, how much of the plane is hole, in [0, 1]; `weighted`, the
        same where each place counts as often as the law white comes by; `anchors`, places (a, b) of the images that
        span it, with their numbers `images`; `note`, how many codes stand behind the map.
    """
    from explorer.analysis.holes import ALPHA
    from explorer.analysis.maps import hole_share

    frame, plane = run.frame, replace(cut.plane(run), extent=extent)
    size = GRID if run.latent_dim == 2 else SPARSE_GRID
    everywhere = plane.latents(frame, *plane.lattice(size))
    grid = run.vacancy.p_value(everywhere).reshape(size, size)
    edge = 2 * plane.extent / LATTICE
    ticks = -plane.extent + edge * (np.arange(LATTICE) + 0.5)
    a, b = np.tile(ticks, LATTICE), np.repeat(ticks, LATTICE)
    cells = plane.latents(frame, a, b)
    holes = (run.vacancy.p_value(cells) <= ALPHA).reshape(LATTICE, LATTICE)
    codes = plane.coordinates(frame, run.latents.draw).astype(np.float32)
    nearness = None
    if run.latent_dim > 2:
        distance = plane.distance(frame, run.latents.draw)
        nearness = np.clip(0.9 * np.exp(-0.5 * (distance / max(1e-6, np.quantile(distance, 0.05))) ** 2), 0.02, 0.9)
    anchors = plane.coordinates(frame, run.latents.mean[list(cut.anchors)]) if cut.anchors else None
    drawn = {
        "p_grid": grid,
        "extent": plane.extent,
        "plane": plane_latents(run, plane),
        "codes": codes,
        "nearness": nearness,
        "labels": run.labels,
        "names": class_names(run) or None,
        "lattice": lattice_picture(run, cells),
        "lattice_holes": holes,
        "anchors": anchors,
    }
    meta = {
        "share": hole_share(grid.ravel()),
        "weighted": hole_share(grid.ravel(), run.law_log_density("white")(everywhere)),
        "anchors": [] if anchors is None else [[float(a), float(b)] for a, b in anchors],
        "images": list(cut.anchors) if anchors is not None else [],
        "note": note_on(run, "vacancy", "white"),
    }
    return {"map": drawn, "meta": meta}


def lattice_picture(run: "OpenRun", cells: NDArray[np.float32]) -> str:
    """Decodes of the lattice as the `data:` address of one picture, its first row at the bottom."""
    decodes = to_bytes(run.coder.decode(cells))
    rows = decodes.reshape(LATTICE, LATTICE, *decodes.shape[1:])[::-1]
    return data_uri(tile(rows.reshape(decodes.shape), LATTICE))


def p_value_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """The curves of p-values under each sampling law as plotly JSON; `query` says the theme."""
    from explorer.plots import as_json, p_value_curves

    curves = law_p_values(library.open(name))
    return as_json(p_value_curves(curves, "dark" if query.get("theme") == "dark" else "light", name))


@kept
def law_p_values(run: "OpenRun") -> dict[str, NDArray[np.float64]]:
    """The vacancy p-values of draws from each sampling law, (`SAMPLES`,) each."""
    rng = np.random.default_rng(0)
    return {law: run.vacancy.p_value(run.sample(law, SAMPLES, rng)) for law in LAWS}


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
        layer = checked_layer(request.query_params.get("layer", "vacancy"))
        law = checked_law(request.query_params.get("law", "white"))
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
        law = checked_law(request.query_params.get("law", "raw"))
        seed = whole(request, "seed", 0, MOST_SEED, default=0)
        redraw = whole(request, "redraw", 0, 1, default=0) == 1
        made = await runs.opening.run(lambda: drawn_sheet(runs.library.open(card.name), law, seed, redraw))
        return JSONResponse(made, headers=PRIVATE)

    async def ladder(request: Request) -> Response:
        """The runs that differ from this one in beta alone, with their stored scores."""
        card = await runs.card(request)
        law = checked_law(request.query_params.get("law", "white"))
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
