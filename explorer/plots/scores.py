"""Hole scores: p-values under each sampling law, and what a beta ladder trades away."""

from collections.abc import Mapping
from itertools import cycle

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.analysis.holes import ALPHA
from explorer.analysis.laws import LAWS
from explorer.plots.style import (
    CLASS_COLOURS,
    INKS,
    P_TICKS,
    Figure,
    Theme,
    lay_out,
    lit,
)

LAW_LINES = tuple(
    zip((CLASS_COLOURS["light"][k] for k in (0, 1, 3, 5)), ("solid", "dash", "dot", "dashdot"), strict=True)
)
"""Colours and dashes of the sampling laws, in the order of `LAWS`; after the last they repeat."""

LAW_STYLES: Mapping[str, tuple[str, str, str]] = {
    name: (law.title, *line) for (name, law), line in zip(LAWS.items(), cycle(LAW_LINES), strict=False)
}
"""Name, colour and dash of each sampling law, the same in every figure."""


def p_value_curves(p_values: Mapping[str, NDArray[np.floating]], theme: Theme, revision: str = "") -> Figure:
    """Share of samples at or below each p-value, one curve per sampling law: at 0.05 it is the mass in holes.

    Args:
        p_values: p-values of samples, by law, (n,) each.
        theme: Light or dark.
        revision: As in `lay_out`.
    """
    ink = INKS[theme]
    figure = Figure()
    grid = np.logspace(-3, 0, 121)
    figure.add_trace(
        go.Scatter(
            x=grid,
            y=grid,
            mode="lines",
            line={"color": ink.line, "width": 1},
            name="codes of new images",
            hoverinfo="none",
        )
    )
    for law, values in p_values.items():
        name, colour, dash = LAW_STYLES[law]
        share = np.searchsorted(np.sort(values), grid, side="right") / max(1, len(values))
        line = {"color": lit(colour, theme), "dash": dash, "width": 2.5}
        figure.add_trace(
            go.Scatter(x=grid, y=share, mode="lines", line=line, name=name, hovertemplate="%{y:.2f} at p ≤ %{x:.3f}")
        )
    figure.add_vline(x=ALPHA, line={"color": ink.text, "width": 1, "dash": "dot"})
    figure.add_annotation(
        x=np.log10(ALPHA),
        y=1,
        yref="paper",
        text=f"holes: p ≤ {ALPHA:g}",
        showarrow=False,
        xanchor="right",
        yanchor="top",
        font={"size": 12, "color": ink.text},
        xshift=-4,
    )
    lay_out(figure, theme, ("hole p-value, logarithmic", "share of samples at or below"), revision)
    figure.update_xaxes(type="log", tickvals=P_TICKS, ticktext=[f"{p:g}" for p in P_TICKS], range=[-3, 0])
    figure.update_yaxes(range=[0, 1.02])
    figure.update_layout(hovermode="x", showlegend=True)
    return figure
