"""The vacancy of a plane with the codes on it, and p-values under each sampling law."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.laws import WHITE
from explorer.arrays import packed
from explorer.library import Library, OpenRun, kept
from explorer.views.hole_layers import OFFERED, class_names
from explorer.views.hole_planes import Cut, plane_latents, planes_of
from explorer.views.query import theme_of, whole

GRID, SPARSE_GRID = 101, 65
"""p-values on a side of the plane, at d = 2 and beyond, where neighbours are dearer to find."""


LATTICE = 20
"""Hatched cells, and decodes, on a side of the plane."""


SAMPLES = 2000
"""Draws of each law behind its curve."""


def hole_plane(library: Library, name: str, query: Mapping[str, str]) -> dict[str, Any]:
    """The vacancy of a run on one plane, with the codes on it, as plain values; arrays as `packed` has them.

    Args:
        library: The runs.
        name: The run's name.
        query: How the plane is chosen, as in `planes_of`; `measured`: "0" where the page computes p-values by itself.

    Returns:
        What `laid_plane` tells and, unless the page does without, what `measured_plane` tells.

    Raises:
        ShapeError: The run has no plane, or the query makes no sense.
    """
    measured = whole(query, "measured", 0, 1, default=1) == 1
    run, _, cut, plane = planes_of(library, name, query)
    cut = cut if run.latent_dim > 2 else Cut()
    return laid_plane(run, cut, plane.extent) | (measured_plane(run, cut, plane.extent) if measured else {})


@kept
def laid_plane(run: OpenRun, cut: Cut, extent: float) -> dict[str, Any]:
    """Where a plane of Holes lies, and what stands on it.

    Args:
        run: The run.
        cut: How its plane is chosen.
        extent: Half the width of the plane, in standard deviations of the codes.

    Returns:
        `plane`: z of a place (a, b) as `origin`, `first`, `second`; `window`: the same in the local frame, as `center`,
        `first`, `second`, with its `extent`; `size` and `cells`: p-values and hatched cells on a side; `codes`: the
        draws of the encoded test images on the plane, (N, 2), and `nearness`: how strongly each is drawn, from 0 to
        255, or None where all lie on the plane; `names` of the classes; `usual`: log density of the law white at
        (a, b), up to a constant, as the factors of x, y, x^2, y^2 and x y, x = a / extent and y = b / extent;
        `anchors`: places (a, b) of the images that span it, with their numbers `images`; `note`: how many codes stand
        behind the map.
    """
    frame, plane = run.frame, replace(cut.plane(run), extent=extent)
    codes = plane.coordinates(frame, run.latents.draw).astype(np.float32)
    nearness = None
    if run.latent_dim > 2:
        distance = plane.distance(frame, run.latents.draw)
        nearness = np.clip(0.9 * np.exp(-0.5 * (distance / max(1e-6, np.quantile(distance, 0.05))) ** 2), 0.02, 0.9)
    anchors = plane.coordinates(frame, run.latents.mean[list(cut.anchors)]) if cut.anchors else None
    a, b = extent * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [1, 1]], dtype=np.float64).T
    middle, right, left, up, down, corner = run.law_log_density(WHITE.name)(plane.latents(frame, a, b)).tolist()
    usual = [(right - left) / 2, (up - down) / 2, (right + left) / 2 - middle, (up + down) / 2 - middle]
    return {
        "extent": float(plane.extent),
        "plane": {key: [float(v) for v in value] for key, value in plane_latents(run, plane).items()},
        "window": {
            "center": plane.center_u.tolist(),
            "first": plane.first.tolist(),
            "second": plane.second.tolist(),
            "extent": float(plane.extent),
        },
        "size": GRID if run.latent_dim == 2 else SPARSE_GRID,
        "cells": LATTICE,
        "codes": packed(codes, "<f4"),
        "nearness": None if nearness is None else packed(np.round(255 * nearness), "u1"),
        "names": list(class_names(run)),
        "usual": [*usual, corner - middle - sum(usual)],
        "anchors": [] if anchors is None else [[float(a), float(b)] for a, b in anchors],
        "images": list(cut.anchors) if anchors is not None else [],
        "note": OFFERED["vacancy"].note(run, WHITE.name),
    }


@kept
def measured_plane(run: OpenRun, cut: Cut, extent: float) -> dict[str, Any]:
    """How empty a plane of Holes is; a browser that has the codes of the run computes the same.

    Args:
        run: The run.
        cut: How its plane is chosen.
        extent: Half the width of the plane, in standard deviations of the codes.

    Returns:
        `vacancy`: base-10 logarithms of p-values at an even grid over [-extent, extent], (G, G), b by row from below,
        a along each row; `holes`: which cells of a lattice are holes by their middles, (L, L), laid out alike; `share`:
        how much of the plane is hole, in [0, 1], and `weighted`, the same where each place counts as often as the law
        white comes by.
    """
    from explorer.analysis.holes import ALPHA
    from explorer.analysis.maps import hole_share

    frame, plane = run.frame, replace(cut.plane(run), extent=extent)
    size = GRID if run.latent_dim == 2 else SPARSE_GRID
    everywhere = plane.latents(frame, *plane.lattice(size))
    grid = run.vacancy.p_value(everywhere).reshape(size, size)
    cells = replace(plane, extent=extent * (1 - 1 / LATTICE))
    holes = (run.vacancy.p_value(cells.latents(frame, *cells.lattice(LATTICE))) <= ALPHA).reshape(LATTICE, LATTICE)
    return {
        "vacancy": packed(np.log10(grid), "<f4"),
        "holes": packed(holes, "u1"),
        "share": float(hole_share(grid.ravel())),
        "weighted": float(hole_share(grid.ravel(), run.law_log_density(WHITE.name)(everywhere))),
    }


def p_value_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """The curves of p-values under each sampling law as plotly JSON; `query` says the theme."""
    from explorer.plots.scores import p_value_curves
    from explorer.plots.style import as_json

    return as_json(p_value_curves(law_p_values(library.open(name)), theme_of(query), name))


@kept
def law_p_values(run: OpenRun) -> dict[str, NDArray[np.float64]]:
    """The vacancy p-values of draws from each sampling law, (`SAMPLES`,) each."""
    rng = np.random.default_rng(0)
    return {law.name: run.vacancy.p_value(run.sample(law.name, SAMPLES, rng)) for law in run.laws}
