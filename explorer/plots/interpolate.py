"""What lies along walks between two latents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.analysis.holes import ALPHA
from explorer.plots.style import CLASS_COLOURS, INKS, P_TICKS, Figure, Theme, lay_out, lit


@dataclass(frozen=True, slots=True)
class PathCurve:
    """What lies on one walk between two latents.

    Attributes:
        kind: 'linear' or 'spherical'.
        norms: Lengths of its latents, (T,), latent units.
        p_values: p-values of vacancy, (T,).
    """

    kind: str
    norms: NDArray[np.floating]
    p_values: NDArray[np.floating]


PATH_STYLES: Mapping[str, tuple[str, str, str, str]] = {
    "linear": ("straight", CLASS_COLOURS["light"][1], "solid", "circle"),
    "spherical": ("arc", CLASS_COLOURS["light"][0], "dash", "square"),
}
"""Name, colour, dash and marker of each kind of walk."""


def path_curves(
    positions: NDArray[np.floating],
    curves: Sequence[PathCurve],
    shell: tuple[float, float],
    chosen: str,
    theme: Theme,
    revision: str = "",
) -> Figure:
    """Norm and vacancy along walks between the same two latents, one above the other.

    Args:
        positions: Where they are measured, (T,); 0 and 1 are the ends.
        curves: One for each walk.
        shell: Norms between which 90 % of the codes lie, latent units.
        chosen: Kind of the walk that is on show, drawn on top and thicker.
        theme: Light or dark.
        revision: As in `lay_out`.
    """
    ink = INKS[theme]
    figure = Figure()
    low, high = float(positions[0]), float(positions[-1])
    for curve in sorted(curves, key=lambda curve: curve.kind == chosen):
        name, colour, dash, symbol = PATH_STYLES[curve.kind]
        colour = lit(colour, theme)
        for values, axis, unit in ((curve.norms, "y", " latent units"), (curve.p_values, "y2", "")):
            figure.add_trace(
                go.Scatter(
                    x=np.asarray(positions, dtype=np.float32),
                    y=np.asarray(values, dtype=np.float32),
                    yaxis=axis,
                    mode="lines+markers",
                    line={"color": colour, "dash": dash, "width": 3 if curve.kind == chosen else 1.5},
                    marker={"symbol": symbol, "size": 7, "maxdisplayed": 8, "color": colour},
                    name=name,
                    legendgroup=curve.kind,
                    showlegend=axis == "y",
                    hovertemplate=f"%{{y:.3g}}{unit}",
                )
            )
    lay_out(figure, theme, ("position: 0 is A, 1 is B", "norm, latent units"), revision)
    lower = figure.to_dict()["layout"]["yaxis"] | {"title": {"text": "hole p-value", "font": {"size": 13}}}
    top = max(shell[1], *(float(np.max(curve.norms)) for curve in curves))
    bottom = min(-3.0, *(float(np.log10(np.min(curve.p_values))) for curve in curves)) - 0.1
    figure.update_layout(
        yaxis={"domain": [0.54, 1], "range": [0, 1.08 * top], "zeroline": False},
        yaxis2={
            **lower,
            "domain": [0, 0.44],
            "anchor": "x",
            "type": "log",
            "range": [bottom, 0.08],
            "tickvals": P_TICKS,
            "ticktext": [f"{p:g}" for p in P_TICKS],
        },
    )
    figure.update_xaxes(range=[low, high], zeroline=False, anchor="y2")
    across = {"type": "rect", "xref": "x", "x0": low, "x1": high, "line": {"width": 0}, "layer": "below"}
    figure.add_shape(**across, yref="y", y0=shell[0], y1=shell[1], fillcolor=ink.grid)
    figure.add_shape(**across, yref="y2", y0=10**bottom, y1=ALPHA, fillcolor=ink.hole, opacity=0.22)
    figure.add_shape(
        type="line",
        xref="x",
        yref="y2",
        x0=low,
        x1=high,
        y0=ALPHA,
        y1=ALPHA,
        line={"color": ink.text, "dash": "dot", "width": 1},
    )
    for end, name in ((0, "A"), (1, "B")):
        line = {"color": ink.line, "width": 1, "dash": "dot"}
        figure.add_shape(type="line", xref="x", yref="paper", x0=end, x1=end, y0=0, y1=1, line=line, layer="below")
        figure.add_annotation(x=end, yref="paper", y=1, text=name, showarrow=False, yanchor="bottom")
    words = {
        "xref": "paper",
        "x": 0.995,
        "xanchor": "right",
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": 12, "color": ink.text},
        "bgcolor": ink.halo,
        "borderpad": 0,
    }
    figure.add_annotation(**words, yref="y", y=shell[0], text="norms of 90 % of the codes")
    figure.add_annotation(**words, yref="y2", y=np.log10(ALPHA), text=f"holes: p ≤ {ALPHA:g}")
    figure.update_layout(
        showlegend=True,
        hovermode="x unified",
        dragmode=False,
        hoverlabel={"bgcolor": ink.halo, "font": {"color": ink.text}},
    )
    return figure
