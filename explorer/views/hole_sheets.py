"""A plane of Holes under one of its layers: the figure, what is offered, and what a layer says of one place."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis.laws import LAWS, WHITE
from explorer.arrays import Latents
from explorer.library import Library, OpenRun, kept
from explorer.views.hole_layers import OFFERED, Sheet, checked_layer, class_names
from explorer.views.hole_planes import Cut, planes_of, twin_of
from explorer.views.query import choice, theme_of

if TYPE_CHECKING:
    from explorer.analysis.holes import Plane

FINE, DECODED, FEW_DECODED = 61, 41, 21
"""Values on a side of a layer: of latents alone, of decodes of small images, and of decodes of larger ones."""


def is_fitted(run: OpenRun, layer: str, law: str) -> bool:
    """Whether `described_place` would answer at once."""
    scores = OpenRun.vacancy.is_known(run) and OpenRun.round_trip.is_known(run)
    return scores and OFFERED[layer].is_known(run, law)


def sheet_of(run: OpenRun, layer: str, plane: "Plane", law: str) -> Sheet:
    """The values of a layer over a plane: base-10 logarithms of its p-values, or what `Layer.values` gives.

    Raises:
        ShapeError: The run cannot have the layer.
    """
    offered, size = checked_layer(run, layer), sheet_size(run, layer)
    latents = plane.latents(run.frame, *plane.lattice(size))
    if offered.score is not None:
        values = np.log10(offered.score(run, law).p_value(latents))
    else:
        assert offered.values is not None, f"layer {layer} has neither a score nor values"
        values = offered.values(run, latents, size, 2 * plane.extent / (size - 1))
    return np.asarray(values, dtype=np.float32).reshape(size, size)


@kept
def cut_sheet(run: OpenRun, layer: str, cut: Cut, extent: float, law: str) -> Sheet:
    """`sheet_of` the plane that a cut makes in a run, +-`extent` wide."""
    return sheet_of(run, layer, replace(cut.plane(run), extent=extent), law)


def sheet_size(run: OpenRun, layer: str) -> int:
    """How many values a layer has on a side."""
    from explorer.library.run import SMALL_IMAGE

    if OFFERED[layer].is_fine:
        return FINE
    return DECODED if int(np.prod(run.image_shape)) <= SMALL_IMAGE else FEW_DECODED


def layer_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """One layer of a run on a plane as plotly JSON: the colours alone, to be laid below what `hole_figure` draws.

    Args:
        library: The runs.
        name: The run's name.
        query: `layer`; `law`, where the layer has one; how the plane is chosen, as in `planes_of`; `theme`.

    Raises:
        ShapeError: The run cannot have the layer, or the query makes no sense.
    """
    from explorer.plots.holes import hole_layer
    from explorer.plots.style import as_json

    layer, law = choice(query, "layer", tuple(OFFERED), None), choice(query, "law", tuple(LAWS), WHITE.name)
    run, other, cut, plane = planes_of(library, name, query)
    offered = checked_layer(run, layer)

    def sheet(each: OpenRun) -> Sheet:
        return cut_sheet(each, layer, cut, plane.extent, law if offered.has_law else "")

    shared = [run, other] if other is not None and offered.shares_ends else [run]
    sheets = [sheet(each) for each in shared]
    scale, low, high = offered.ends(run, sheets)
    figure = hole_layer(
        sheets[0],
        plane.extent,
        scale,
        (low, max(high, low + 1e-6)),
        offered.bar,
        theme_of(query),
        class_names(run),
        {"note": offered.note(run, law)},
    )
    return as_json(figure)


def offered_layers(library: Library, name: str) -> list[dict[str, object]]:
    """The layers as the page offers them, and of those that the pair cannot have, which run lacks what."""
    run = library.open(name)
    pair = [each for each in (run, twin_of(library, run)) if each is not None]
    listed: list[dict[str, object]] = []
    for layer, offered in OFFERED.items():
        reasons = [f"{each.name}: {reason}" for each in pair if (reason := offered.against(each)) is not None]
        listed.append(
            {
                "name": layer,
                "title": offered.title,
                "reading": offered.reading,
                "unit": offered.bar,
                "calibrated": offered.score is not None,
                "has_law": offered.has_law,
                "reason": reasons[0] if reasons else None,
            }
        )
    return listed


def described_place(run: OpenRun, latent: Latents, layer: str, law: str) -> dict[str, object]:
    """What is known of one latent (1, d): the p-values of vacancy, round trip and the chosen layer.

    Returns:
        `vacancy` and `round_trip`, p-values; `distance`: to the k-th nearest code, in standard deviations of the codes;
        `miss`: of the round trip, the same unit per active axis; and what `Layer.place` says: `layer`, a p-value, nats
        of doubt, or None; `class` and `chance` of a class layer.

    Raises:
        ShapeError: The run cannot have the layer.
    """
    from explorer.analysis.holes import conformal_p_values

    offered = checked_layer(run, layer)
    distance, miss = run.vacancy.score(latent), run.round_trip.score(latent)
    return {
        "vacancy": float(conformal_p_values(distance, run.vacancy.calibration_scores)[0]),
        "distance": float(distance[0]),
        "round_trip": float(conformal_p_values(miss, run.round_trip.calibration_scores)[0]),
        "miss": float(miss[0]),
        **offered.place(run, latent, law),
    }
