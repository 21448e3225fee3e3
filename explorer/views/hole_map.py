"""The vacancy of a plane with the codes and decodes on it, and p-values under each sampling law."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.laws import LAWS, WHITE
from explorer.arrays import packed
from explorer.images import data_uri, tile, to_bytes
from explorer.library import Library, OpenRun, kept
from explorer.views.hole_layers import OFFERED, class_names
from explorer.views.hole_planes import Cut, plane_latents, planes_of
from explorer.views.query import theme_of

GRID, SPARSE_GRID = 101, 65
"""p-values on a side of the plane, at d = 2 and beyond, where neighbours are dearer to find."""


LATTICE = 20
"""Decodes, and hatched cells, on a side of the plane."""


SAMPLES = 2000
"""Draws of each law behind its curve."""


def hole_plane(library: Library, name: str, query: Mapping[str, str]) -> dict[str, Any]:
    """The vacancy of a run on one plane, with codes and decodes, as plain values; arrays as `packed` has them.

    Args:
        library: The runs.
        name: The run's name.
        query: How the plane is chosen, as in `planes_of`.

    Raises:
        ShapeError: The run has no plane, or the query makes no sense.
    """
    run, _, cut, plane = planes_of(library, name, query)
    return hole_slice(run, cut if run.latent_dim > 2 else Cut(), plane.extent)


@kept
def hole_slice(run: OpenRun, cut: Cut, extent: float) -> dict[str, Any]:
    """What a plane of Holes shows, and what the page says beside it.

    Args:
        run: The run.
        cut: How its plane is chosen.
        extent: Half the width of the plane, in standard deviations of the codes.

    Returns:
        `vacancy`: base-10 logarithms of p-values at an even grid over [-extent, extent], (G, G), b by row from below,
        a along each row; `holes`: which cells of the lattice are holes, (L, L), laid out alike; `lattice`: its decodes
        as the `data:` address of a picture; `plane`: z of a place (a, b) as `origin`, `first`, `second`; `codes`: the
        draws of the encoded test images on the plane, (N, 2), and `nearness`: how strongly each is drawn, from 0 to
        255, or None where all lie on the plane; `names` of the classes; `share`: how much of the plane is hole, in
        [0, 1], and `weighted`, the same where each place counts as often as the law white comes by; `anchors`: places
        (a, b) of the images that span it, with their numbers `images`; `note`: how many codes stand behind the map.
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
    return {
        "vacancy": packed(np.log10(grid), "<f4"),
        "extent": float(plane.extent),
        "plane": {key: [float(v) for v in value] for key, value in plane_latents(run, plane).items()},
        "codes": packed(codes, "<f4"),
        "nearness": None if nearness is None else packed(np.round(255 * nearness), "u1"),
        "names": list(class_names(run)),
        "lattice": lattice_picture(run, cells),
        "holes": packed(holes, "u1"),
        "share": float(hole_share(grid.ravel())),
        "weighted": float(hole_share(grid.ravel(), run.law_log_density(WHITE.name)(everywhere))),
        "anchors": [] if anchors is None else [[float(a), float(b)] for a, b in anchors],
        "images": list(cut.anchors) if anchors is not None else [],
        "note": OFFERED["vacancy"].note(run, WHITE.name),
    }


def lattice_picture(run: OpenRun, cells: NDArray[np.float32]) -> str:
    """Decodes of the lattice as the `data:` address of one picture, its first row at the bottom."""
    decodes = to_bytes(run.coder.decode(cells))
    rows = decodes.reshape(LATTICE, LATTICE, *decodes.shape[1:])[::-1]
    return data_uri(tile(rows.reshape(decodes.shape), LATTICE))


def p_value_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """The curves of p-values under each sampling law as plotly JSON; `query` says the theme."""
    from explorer.plots.scores import p_value_curves
    from explorer.plots.style import as_json

    return as_json(p_value_curves(law_p_values(library.open(name)), theme_of(query), name))


@kept
def law_p_values(run: OpenRun) -> dict[str, NDArray[np.float64]]:
    """The vacancy p-values of draws from each sampling law, (`SAMPLES`,) each."""
    rng = np.random.default_rng(0)
    return {law: run.vacancy.p_value(run.sample(law, SAMPLES, rng)) for law in LAWS}
