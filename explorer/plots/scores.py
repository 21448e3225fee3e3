"""Hole scores: p-values under each sampling law, and what a beta ladder trades away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.analysis.holes import ALPHA
from explorer.analysis.laws import LAWS
from explorer.plots.style import (
    AUTOENCODER,
    CLASS_COLOURS,
    INKS,
    P_TICKS,
    VARIATIONAL,
    Figure,
    Theme,
    lay_out,
    lit,
    plain,
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
    lay_out(figure, theme, ("vacancy p-value, logarithmic", "share of samples at or below"), revision)
    figure.update_xaxes(type="log", tickvals=P_TICKS, ticktext=[f"{p:g}" for p in P_TICKS], range=[-3, 0])
    figure.update_yaxes(range=[0, 1.02])
    figure.update_layout(hovermode="x", showlegend=True)
    return figure


@dataclass(frozen=True, slots=True)
class Rung:
    """One run of a beta ladder on a trade-off curve.

    Attributes:
        label: What is written beside it: its beta, or that it has none.
        units: How many of its latent dimensions are active, of how many, written beside it too.
        across: Value, low and high end of the interval on the horizontal axis.
        up: The same on the vertical axis.
        is_variational: An autoencoder stands alone, off the line of the betas.
        is_chosen: Whether it is the run on show.
    """

    label: str
    units: str
    across: tuple[float, float, float]
    up: tuple[float, float, float]
    is_variational: bool
    is_chosen: bool


def trade_off(rungs: Sequence[Rung], titles: tuple[str, str], theme: Theme, revision: str = "") -> Figure:
    """Two scores of the runs of a beta ladder against each other, with their intervals, joined by rising beta.

    Every dot carries the place of its run among `rungs`.

    Args:
        rungs: The runs, those with a beta by rising beta.
        titles: What the axes show, with their units.
        theme: Light or dark.
        revision: As in `lay_out`.
    """
    ink = INKS[theme]
    figure = Figure()
    for group, colour, symbol, name in (
        ([rung for rung in rungs if rung.is_variational], VARIATIONAL, "circle", "VAE: beta (active units)"),
        ([rung for rung in rungs if not rung.is_variational], AUTOENCODER, "square", "without beta"),
    ):
        if not group:
            continue
        x, y = np.array([rung.across for rung in group]), np.array([rung.up for rung in group])
        colour = lit(colour, theme)
        figure.add_trace(
            go.Scatter(
                x=x[:, 0],
                y=y[:, 0],
                error_x=_bars(x, colour),
                error_y=_bars(y, colour),
                text=[plain(f"{rung.label} ({rung.units})") for rung in group],
                customdata=[rungs.index(rung) for rung in group],
                textposition=["top right" if rung.is_variational else _away(rung, rungs) for rung in group],
                textfont={"color": ink.text, "size": 12},
                mode="lines+markers+text" if len(group) > 1 else "markers+text",
                line={"color": colour, "width": 1.5, "dash": "dot"},
                marker={
                    "symbol": symbol,
                    "color": colour,
                    "size": [15 if rung.is_chosen else 9 for rung in group],
                    "line": {"color": ink.text, "width": [2.5 if rung.is_chosen else 0 for rung in group]},
                },
                name=name,
                hoverinfo="none",
                cliponaxis=False,
            )
        )
    lay_out(figure, theme, titles, revision)
    low, high = min(rung.across[1] for rung in rungs), max(rung.across[2] for rung in rungs)
    room = max(high - low, 1e-3)
    figure.update_xaxes(range=[low - 0.05 * room, high + 0.22 * room])  # the labels stand right of their dots
    figure.update_layout(showlegend=True, margin={"t": 24, "r": 16})
    return figure


def _away(rung: Rung, rungs: Sequence[Rung]) -> str:
    """Where the label of a rung off the line stands clear of the nearest one on it, whose label is top right."""
    swept = [other for other in rungs if other.is_variational]
    if not swept:
        return "top left"
    near = min(swept, key=lambda other: abs(other.across[0] - rung.across[0]))
    return "top left" if rung.up[0] >= near.up[0] else "bottom left"


def _bars(ends: NDArray[np.floating], colour: str) -> dict:
    """Intervals (n, 3), value, low and high, as plotly's error bars."""
    return {
        "type": "data",
        "symmetric": False,
        "array": np.maximum(0, ends[:, 2] - ends[:, 0]),
        "arrayminus": np.maximum(0, ends[:, 0] - ends[:, 1]),
        "color": colour,
        "thickness": 1.5,
        "width": 4,
    }
