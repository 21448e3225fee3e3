"""The look that every figure shares: one palette, two themes, axes, and how a figure travels.

Numpy arrays travel as base64 of their bytes. `layout.meta` holds what the page's own code needs beside the drawing,
such as the plane behind the axes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import plotly.graph_objects as go
from plotly.colors import sequential

Theme: TypeAlias = Literal["light", "dark"]


THEMES: tuple[Theme, ...] = get_args(Theme)


Figure: TypeAlias = go.Figure


AUTOENCODER, VARIATIONAL = "#e76300", "#3f90da"
"""Orange of the autoencoder and blue of the VAE, on every figure; nothing else is drawn in them."""


CLASS_COLOURS: Mapping[Theme, tuple[str, ...]] = {
    "light": (
        "#a0024b",
        "#14534a",
        "#90db11",
        "#7112dd",
        "#f1aef3",
        "#6c5200",
        "#49dcbe",
        "#8d6e86",
        "#658b65",
        "#bfb176",
    ),
    "dark": (
        "#ee0048",
        "#05865e",
        "#f7e90f",
        "#6440ff",
        "#b8109d",
        "#6a6601",
        "#16ffeb",
        "#b589a2",
        "#beffa6",
        "#9aab8e",
    ),
}
"""Ten colours of classes, the same hues in both themes, in the page's own style sheet as well (`kit/kit.css`).

Found by annealing: the smallest difference (CIEDE2000) of any two, and to orange and blue, is as large as could be had,
for usual sight and for protanopia, deuteranopia and tritanopia as Machado et al. 2009 simulate them
(https://doi.org/10.1109/TVCG.2009.113). Labels are always written as well.
"""


VIRIDIS: tuple[str, ...] = tuple(sequential.Viridis)
"""Stops of the scale for numbers: evenly brighter, and told apart by people with any colour vision."""


P_TICKS = (0.001, 0.01, 0.05, 0.2, 1.0)
"""Where colour scales and axes of p-values, which are logarithmic, carry numbers."""


CURVE_STYLES = ((VARIATIONAL, "circle"), (AUTOENCODER, "square"))
"""Colour and marker of a VAE, and of an autoencoder: told apart by either."""


@dataclass(frozen=True, slots=True)
class Ink:
    """What a theme draws with."""

    text: str
    grid: str
    line: str
    halo: str
    supported: str
    hole: str


INKS: Mapping[Theme, Ink] = {
    "light": Ink("#24292f", "rgba(36,41,47,.10)", "rgba(36,41,47,.45)", "rgba(255,255,255,.85)", "#ffffff", "#8a6fb0"),
    "dark": Ink("#e6e8eb", "rgba(230,232,235,.10)", "rgba(230,232,235,.5)", "rgba(11,15,25,.8)", "#0f131c", "#8f76b8"),
}


def lit(colour: str, theme: Theme) -> str:
    """A colour as it is, or lighter on a dark page, where the deep ones would drown."""
    return mix(colour, "#ffffff", 0.3) if theme == "dark" else colour


def mix(colour: str, other: str, share: float) -> str:
    """`share` of `other` in a colour, both as #rrggbb."""
    mixed = (round((1 - share) * int(colour[i : i + 2], 16) + share * int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def plain(name: object) -> str:
    """A name as plotly shows it without reading markup in it."""
    return str(name).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def lay_out(figure: Figure, theme: Theme, titles: tuple[str, str], revision: str) -> None:
    """Give a figure the theme's inks, titles (horizontal, vertical) and margins; its view is kept per revision."""
    ink = INKS[theme]
    axis = {
        "gridcolor": ink.grid,
        "zerolinecolor": ink.grid,
        "linecolor": ink.line,
        "title": {"font": {"size": 13}, "standoff": 6},
        "automargin": True,
    }
    figure.update_layout(
        template="none",
        autosize=True,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": ink.text, "family": "system-ui, sans-serif", "size": 13},
        margin={"l": 48, "r": 12, "t": 34, "b": 44},
        uirevision=revision,
        dragmode="pan",
        legend={
            "orientation": "h",
            "yref": "container",
            "y": 0.01,
            "yanchor": "bottom",
            "x": 0,
            "itemsizing": "constant",
        },
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": ink.line, "activecolor": ink.text},
    )
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    figure.update_xaxes(title_text=titles[0])
    figure.update_yaxes(title_text=titles[1])


def as_json(figure: Figure) -> str:
    """A figure as the text that the page's code fetches."""
    text = figure.to_json()
    assert text is not None, "plotly's types allow None, its code returns a text"
    return text
