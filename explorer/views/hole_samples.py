"""What the sampling laws draw, with the holes marked."""

from typing import Any, cast

import numpy as np

from explorer.analysis.counter import CounterGenerator
from explorer.arrays import Latents
from explorer.library import OpenRun
from explorer.views.hole_verdict import holes_of, score_at

SHEET = 36
"""Samples on a sheet, 6 by 6."""

BATCH, MOST_BATCHES = 1000, 10
"""Draws at once, and how often, before a sheet that must avoid holes is left with gaps."""

BINS = 20
"""Bars of a histogram of p-values: each as wide as the level of a hole, so that 5 % is what every bar should hold."""


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
