"""What the sampling laws draw, with the holes marked, and what a straight path between two places leads through."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.counter import CounterGenerator
from explorer.arrays import Latents
from explorer.errors import ShapeError
from explorer.library import Library, OpenRun
from explorer.views.hole_planes import planes_of
from explorer.views.hole_verdict import holes_of, score_at
from explorer.views.query import parsed, theme_of

SHEET = 36
"""Samples on a sheet, 6 by 6."""

BATCH, MOST_BATCHES = 1000, 10
"""Draws at once, and how often, before a sheet that must avoid holes is left with gaps."""

BINS = 20
"""Bars of a histogram of p-values: each as wide as the level of a hole, so that 5 % is what every bar should hold."""

STEPS = 41
"""Places along a path whose vacancy is measured."""


def drawn_sheet(run: OpenRun, law: str, seed: int, redraw: bool) -> dict[str, Any]:
    """A sheet of samples and how many of them lie in holes.

    Args:
        run: The run.
        law: One of `LAWS`.
        seed: The same seed draws the same sheet.
        redraw: Throw away what falls in a hole and draw again, at most `BATCH` times `MOST_BATCHES` draws.

    Returns:
        `latents` of the sheet and their p-values `p`, `SHEET` of them or fewer where nearly all draws fall in holes;
        `drawn`, draws behind the share, and `in_holes`, how many of those lie in a hole; `histogram`: shares of the
        draws by p-value, in `BINS` equal parts of [0, 1], the first of which are the holes; and of the stored scores
        `vacancy`, `tell_apart`, `coverage` and `active_units`, each or None.

    Raises:
        ShapeError: The law is none.
    """
    from explorer.analysis.holes import ALPHA

    rng = cast(np.random.Generator, CounterGenerator(seed))  # a browser that has the codes draws the same
    latents: Latents = run.sample(law, BATCH, rng)
    p = run.vacancy.p_value(latents)
    while redraw and (p > ALPHA).sum() < SHEET and len(p) < BATCH * MOST_BATCHES:
        more = run.sample(law, BATCH, rng)
        latents, p = np.concatenate([latents, more]), np.concatenate([p, run.vacancy.p_value(more)])
    places = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:], p)  # p = 0.05 is a hole still
    kept = p > ALPHA if redraw else np.ones(len(p), dtype=bool)
    under = holes_of(run.card).get(law)
    return {
        "law": law,
        "latents": latents[kept][:SHEET].astype(np.float64).tolist(),
        "p": p[kept][:SHEET].tolist(),
        "drawn": len(p),
        "in_holes": int((p <= ALPHA).sum()),
        "histogram": (np.bincount(places, minlength=BINS) / len(p)).tolist(),
        "vacancy": score_at(under, "vacancy"),
        "tell_apart": score_at(under, "tell_apart"),
        "coverage": score_at(under, "coverage"),
        "active_units": run.card.number("test", "active_units"),
    }


def path_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """Vacancy along a path on the plane of a run, and of its twin, as plotly JSON.

    Args:
        library: The runs.
        name: The run's name.
        query: `ends`: two places of the plane as "-1,0.5,2,1"; `twin_ends`: the same on the twin's, where they are
            others, as the places of two images are; how the plane is chosen, as in `planes_of`; `theme`.

    Returns:
        The figure; `layout.meta.paths` holds, by run, the p-values at `STEPS` even steps.

    Raises:
        ShapeError: The run has no plane, or the query makes no sense.
    """
    from explorer.plots.holes import hole_path
    from explorer.plots.style import as_json

    run, other, cut, plane = planes_of(library, name, query)
    ends = {name: checked_ends(query.get("ends"), plane.extent)}
    pair = [each for each in (other, run) if each is not None]
    pair.sort(key=lambda each: not each.is_point)  # the autoencoder first, as on the page
    if other is not None:
        asked = query.get("twin_ends")
        ends[other.name] = ends[name] if asked is None else checked_ends(asked, plane.extent)
    share = np.linspace(0, 1, STEPS)[:, None]
    paths: dict[str, NDArray[np.float64]] = {}
    for each in pair:
        start, end = ends[each.name]
        places = start + share * (end - start)
        paths[each.name] = each.vacancy.p_value(cut.plane(each).latents(each.frame, places[:, 0], places[:, 1]))
    figure = hole_path(paths, theme_of(query), "path")
    figure.update_layout(meta={"paths": {key: [float(p) for p in values] for key, values in paths.items()}})
    return as_json(figure)


def checked_ends(asked: str | None, extent: float) -> NDArray[np.float64]:
    """The two ends (2, 2) of a path on a plane.

    Raises:
        ShapeError: They are no four numbers on the plane, or one and the same place.
    """
    found = [parsed(part) for part in (asked or "").split(",", 4)]
    numbers = np.array([each for each in found if each is not None])
    if len(found) != 4 or numbers.shape != (4,) or not (np.abs(numbers) <= extent + 1e-6).all():
        raise ShapeError(f"ends must be two places of the plane, four numbers within +-{extent:g}, such as -1,0,1,0.5.")
    ends = numbers.reshape(2, 2)
    if np.array_equal(ends[0], ends[1]):
        raise ShapeError("a path needs two different ends; move one of them.")
    return ends
