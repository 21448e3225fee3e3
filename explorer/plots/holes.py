"""Holes: vacancy along a path, one curve per model."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.analysis.holes import ALPHA
from explorer.plots.style import CURVE_STYLES, INKS, P_TICKS, Figure, Theme, lay_out, lit, plain


def hole_path(paths: Mapping[str, NDArray[np.floating]], theme: Theme, revision: str = "") -> Figure:
    """Vacancy along a straight path, one curve per model; what lies below 0.05 leads through a hole.

    Args:
        paths: p-values at even steps from start to end, (T,), by run; the first is drawn solid, the next dashed.
        theme: Light or dark.
        revision: As in `lay_out`.
    """
    ink = INKS[theme]
    figure = Figure()
    for number, (name, values) in enumerate(paths.items()):
        colour, symbol = CURVE_STYLES[(number + 1) % 2 if len(paths) > 1 else 0]
        figure.add_trace(
            go.Scatter(
                x=np.linspace(0, 100, len(values)),
                y=np.asarray(values, dtype=np.float64),
                mode="lines+markers",
                line={"color": lit(colour, theme), "dash": ("solid", "dash")[number % 2], "width": 2.5},
                marker={"symbol": symbol, "size": 5},
                name=plain(name),
                hovertemplate="p = %{y:.3f} at %{x:.0f} %",
            )
        )
    figure.add_hrect(y0=1e-4, y1=ALPHA, fillcolor=ink.hole, opacity=0.18, line={"width": 0}, layer="below")
    figure.add_hline(y=ALPHA, line={"color": ink.text, "width": 1, "dash": "dot"})
    figure.add_annotation(
        x=0.995,
        xref="paper",
        y=-3.65,
        text=f"holes: p ≤ {ALPHA:g}",
        showarrow=False,
        xanchor="right",
        yanchor="bottom",
        font={"size": 12, "color": ink.text},
    )
    lay_out(figure, theme, ("along the path, %", "hole p-value, logarithmic"), revision)
    figure.update_yaxes(type="log", tickvals=P_TICKS, ticktext=[f"{p:g}" for p in P_TICKS], range=[-3.7, 0.08])
    figure.update_xaxes(range=[-2, 102])
    figure.update_layout(hovermode="x", showlegend=len(paths) > 1)
    return figure
