"""Figures: numpy in, plotly out. One palette, equal scales on both axes, light and dark.

Data travels as typed arrays. What the page's own code needs beside the drawing (the plane behind the axes, the
radius of a cursor) is in `layout.meta`. No figure asks for hover labels: the page shows images instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import sequential

from explorer.analysis.holes import ALPHA

Theme: TypeAlias = Literal["light", "dark"]

Figure: TypeAlias = go.Figure

LayerScale: TypeAlias = Literal["p-values", "classes", "plain"]
"""How the values of a layer become colours."""

PETROFF_10 = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
"""Ten colours that people with any colour vision tell apart (Petroff 2021, https://arxiv.org/abs/2107.02270)."""

VIRIDIS: tuple[str, ...] = tuple(sequential.Viridis)
"""Stops of the scale for numbers: evenly brighter, and told apart by people with any colour vision."""

P_TICKS = (0.001, 0.01, 0.05, 0.2, 1.0)
"""Where colour scales and axes of p-values, which are logarithmic, carry numbers."""

LAW_STYLES: Mapping[str, tuple[str, str, str]] = {
    "raw": ("raw: N(0, I)", PETROFF_10[2], "solid"),
    "white": ("white: one Gaussian", PETROFF_10[0], "dash"),
    "gmm10": ("GMM-10: ten Gaussians", PETROFF_10[4], "dot"),
}
"""Name, colour and dash of each sampling law, the same in every figure."""


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


@dataclass(frozen=True, slots=True)
class MapAxes:
    """The two axes of a map and the plane in latent space behind them.

    Attributes:
        titles: What the axes show, with their unit.
        plane: z of a place (a, b) as `origin`, `first`, `second`, each (d,); None where a place has no latent.
        circles: Centre of the prior on these axes, for circles at 1, 2 and 3 standard deviations; None draws none.
        alike: Whether both axes have the same unit, and so the same scale.
    """

    titles: tuple[str, str]
    plane: Mapping[str, NDArray[np.floating]] | None
    circles: tuple[float, float] | None
    alike: bool = True


@dataclass(frozen=True, slots=True)
class Curve:
    """How one quantity of a run moved during its fit.

    Attributes:
        name: The run's.
        number: Of its colour and marker, 0 or 1.
        epochs: Where its values stand: epochs, or shares of the fit in per cent, (E,).
        train: On the training images, (E,), NaN where unknown; drawn solid.
        validation: On held-out images, (E,), drawn dashed; None for a setting, which has no images.
    """

    name: str
    number: int
    epochs: NDArray[np.floating]
    train: NDArray[np.floating]
    validation: NDArray[np.floating] | None


@dataclass(frozen=True, slots=True)
class PathCurve:
    """What lies on one walk between two latents.

    Attributes:
        kind: 'linear' or 'spherical'.
        norms: Lengths of its latents, (T,), latent units.
        p_values: Of vacancy, (T,).
    """

    kind: str
    norms: NDArray[np.floating]
    p_values: NDArray[np.floating]


PATH_STYLES: Mapping[str, tuple[str, str, str, str]] = {
    "linear": ("straight", PETROFF_10[0], "solid", "circle"),
    "spherical": ("arc", PETROFF_10[6], "dash", "square"),
}
"""Name, colour, dash and marker of each kind of walk."""

CURVE_STYLES = ((PETROFF_10[0], "circle"), (PETROFF_10[6], "square"))
"""Colour and marker of a VAE, and of an autoencoder: told apart by either."""

MOST_LINES = 64
"""Dimensions that are drawn over the epochs, the strongest first."""

MOST_BARS = 128
"""Dimensions that are drawn as bars, the strongest first: a phone still shows two pixels of each."""


def map_frame(axes: MapAxes, theme: Theme, revision: str = "") -> Figure:
    """A map without its dots, which the page's own code draws: it recolours and hides them without another request.

    Args:
        axes: What the axes are.
        theme: Light or dark.
        revision: The view (zoom, hidden classes) is kept between figures of the same revision.

    Returns:
        The figure; its `meta` holds the `plane`, and the colours for the dots: the ten of `palette` for classes, the
        stops of `scale` for numbers from low to high, and `other` for what has neither.
    """
    figure = Figure()
    ink = INKS[theme]
    _style(figure, theme, axes.titles, revision)
    if axes.alike:
        figure.update_yaxes(scaleanchor="x", scaleratio=1)
    if axes.circles is not None:
        x, y = axes.circles
        for radius in (1, 2, 3):
            figure.add_shape(
                type="circle",
                x0=x - radius,
                x1=x + radius,
                y0=y - radius,
                y1=y + radius,
                line={"color": ink.line, "width": 1, "dash": "dot"},
                layer="above",
            )
            figure.add_annotation(
                x=x, y=y + radius, text=f"{radius} sd", showarrow=False, yshift=7, font={"size": 11, "color": ink.text}
            )
    plane = None
    if axes.plane is not None:
        plane = {key: [float(v) for v in value] for key, value in axes.plane.items()}
    colours = {
        "palette": [class_colour(number, theme) for number in range(len(PETROFF_10))],
        # without the end that would drown in the page
        "scale": list(VIRIDIS[2:] if theme == "dark" else VIRIDIS[:-1]),
        "other": ink.line,
    }
    figure.update_layout(showlegend=False, meta={"plane": plane, **colours})
    return figure


def hole_map(
    p_grid: NDArray[np.floating],
    extent: float,
    plane: Mapping[str, NDArray[np.floating]],
    codes: NDArray[np.floating],
    nearness: NDArray[np.floating] | None,
    labels: NDArray[np.integer] | None,
    names: Sequence[str] | None,
    lattice: str | None,
    lattice_holes: NDArray[np.bool_],
    theme: Theme,
    anchors: NDArray[np.floating] | None = None,
    revision: str = "",
    told: Mapping[str, object] | None = None,
) -> Figure:
    """Vacancy on a plane of the frame: p-values as colour, holes hatched and outlined, codes on top.

    Args:
        p_grid: p-values at an even grid over [-extent, extent], (G, G), b by row from below, a along each row.
        extent: Half the width, in standard deviations of the codes.
        plane: z of a place (a, b) as `origin`, `first`, `second`, each (d,).
        codes: Encoded test images on the plane, (N, 2).
        nearness: Opacity of each code in [0, 1], (N,): codes far from the plane fade; None draws all alike.
        labels: (N,), or None.
        names: Of the classes, or None.
        lattice: The decoded lattice as the `data:` address of a picture, shown on request; None without one.
        lattice_holes: Which of its cells are holes, (L, L), as `p_grid` is laid out.
        theme: Light or dark.
        anchors: Images that span the plane, (A, 2), marked; None for none.
        revision: As in `map_frame`.
        told: What else the page is told in `layout.meta`; None for nothing.
    """
    ink = INKS[theme]
    figure = Figure()
    ticks = np.linspace(-extent, extent, len(p_grid)).astype(np.float32)
    levels = np.log10(np.asarray(p_grid, dtype=np.float32))
    figure.add_trace(
        go.Heatmap(
            x=ticks,
            y=ticks,
            z=levels,
            zmin=-3,
            zmax=0,
            colorscale=[
                [0, ink.hole],
                [1 + np.log10(ALPHA) / 3, _mix(ink.supported, ink.hole, 0.38)],
                [1, ink.supported],
            ],
            hoverinfo="none",
            name="vacancy",
            colorbar={
                "title": {"text": "vacancy p-value", "side": "right"},
                "thickness": 12,
                "outlinewidth": 0,
                "tickvals": [float(np.log10(p)) for p in P_TICKS],
                "ticktext": [f"{p:g}" for p in P_TICKS],
            },
        )
    )
    figure.add_trace(
        go.Contour(
            x=ticks,
            y=ticks,
            z=levels,
            contours={"type": "constraint", "operation": "=", "value": float(np.log10(ALPHA))},
            line={"color": ink.text, "width": 1.5},
            hoverinfo="skip",
            showlegend=False,
            name="edge of the holes",
        )
    )
    groups = [(None, np.arange(len(codes)))]
    classes: list[dict[str, str]] = []  # more of them than colours are not told apart
    if labels is not None and names is not None and len(names) <= len(PETROFF_10):
        groups = [(c, np.flatnonzero(labels == c)) for c in range(len(names))]
        classes = [{"name": str(name), "colour": class_colour(c, theme)} for c, name in enumerate(names)]
    for c, rows in groups:
        dots = _dots(
            codes[rows],
            rows,
            class_colour(c or 0, theme),
            _size(len(codes)),
            name=classes[c]["name"] if c is not None else "codes",
        )
        dots.update(marker={"opacity": 0.6 if nearness is None else np.asarray(nearness[rows], dtype=np.float32)})
        figure.add_trace(dots)
    if anchors is not None:
        figure.add_trace(
            go.Scatter(
                x=anchors[:, 0],
                y=anchors[:, 1],
                mode="markers+text",
                text=[f"image {number + 1}" for number in range(len(anchors))],
                textposition="top center",
                textfont={"size": 12, "color": ink.text, "shadow": f"0 0 3px {ink.halo}, 0 0 6px {ink.halo}"},
                marker={"symbol": "diamond-open", "size": 13, "color": ink.text, "line": {"width": 2}},
                hoverinfo="skip",
                cliponaxis=False,
                name="images that span the slice",
            )
        )
    square = {"range": [-extent, extent], "constrain": "domain", "zeroline": False}
    _style(figure, theme, ("u₁, sd of the codes", "u₂, sd of the codes"), revision)
    figure.update_xaxes(**square)
    figure.update_yaxes(**square, scaleanchor="x", scaleratio=1)
    if lattice:
        figure.add_layout_image(
            source=lattice,
            xref="x",
            yref="y",
            x=-extent,
            y=extent,
            sizex=2 * extent,
            sizey=2 * extent,
            sizing="stretch",
            layer="below",
            visible=False,
        )
    figure.add_shape(
        type="path",
        path=hatching(lattice_holes, extent),
        line={"color": ink.text, "width": 1},
        opacity=0.45,
        layer="above",
        name="hatching",
    )
    figure.update_layout(
        showlegend=False,
        meta={
            "plane": {key: [float(v) for v in value] for key, value in plane.items()},
            "extent": float(extent),
            "classes": classes,
            **(told or {}),
        },
    )
    return figure


def hole_layer(
    values: NDArray[np.floating],
    extent: float,
    scale: LayerScale,
    ends: tuple[float, float],
    title: str,
    theme: Theme,
    names: Sequence[str] = (),
    told: Mapping[str, object] | None = None,
) -> Figure:
    """The colours of one layer of a plane, to be laid below the edges, the hatching and the codes of `hole_map`.

    Classes are named where they lie, and listed in `layout.meta.legend` with their colours and shares of the plane,
    the largest first; other layers have a colour bar.

    Args:
        values: Over [-extent, extent], (G, G), b by row from below; base-10 logarithms of p-values, numbers of
            classes, or any number.
        extent: Half the width, in standard deviations of the codes.
        scale: "p-values", "classes" or "plain".
        ends: Values at the ends of the colours; the same for both models of a pair.
        title: Of the colour bar, with its unit.
        theme: Light or dark.
        names: Of the classes, where the values number them.
        told: What else the page is told in `layout.meta`; None for nothing.
    """
    ink = INKS[theme]
    ticks = np.linspace(-extent, extent, len(values)).astype(np.float32)
    figure, meta = Figure(), dict(told or {})
    bar: dict = {"title": {"text": title, "side": "right"}, "thickness": 12, "outlinewidth": 0}
    if scale == "p-values":
        middle = _mix(ink.supported, ink.hole, 0.38)
        colours: list | str = [[0, ink.hole], [1 + np.log10(ALPHA) / 3, middle], [1, ink.supported]]
        bar |= {"tickvals": [float(np.log10(p)) for p in P_TICKS], "ticktext": [f"{p:g}" for p in P_TICKS]}
    elif scale == "classes":
        count = max(1, len(names))
        # faint, so that the dots of the same colours stay in sight above
        faint = [_mix(class_colour(c, theme), ink.supported, 0.45) for c in range(count)]
        colours = [[(c + end) / count, faint[c]] for c in range(count) for end in (0, 1)]
    else:
        colours = "Cividis"
    figure.add_trace(
        go.Heatmap(
            x=ticks,
            y=ticks,
            z=np.asarray(values, dtype=np.float32),
            zmin=ends[0],
            zmax=ends[1],
            colorscale=colours,
            hoverinfo="none",
            name="layer",
            **({"showscale": False} if scale == "classes" else {"colorbar": bar}),
        )
    )
    if scale == "classes":
        places = middles(np.asarray(values).astype(np.int64), len(names))
        figure.add_trace(
            go.Scatter(
                x=[float(ticks[column]) for _, column in places.values()],
                y=[float(ticks[row]) for row, _ in places.values()],
                text=[f"<b>{_plain(names[c])}</b>" for c in places],
                mode="text",
                textfont={"size": 15, "color": ink.text, "shadow": f"0 0 3px {ink.halo}, 0 0 6px {ink.halo}"},
                hoverinfo="skip",
                showlegend=False,
                name="names",
            )
        )
        shares = np.bincount(np.asarray(values, dtype=np.int64).ravel(), minlength=len(names)) / np.size(values)
        order = [int(c) for c in np.argsort(-shares, kind="stable") if shares[c] > 0]
        meta["legend"] = [{"name": names[c], "colour": faint[c], "share": float(shares[c])} for c in order]
    _style(figure, theme, ("", ""), "")
    figure.update_layout(meta=meta)
    return figure


def middles(values: NDArray[np.integer], count: int) -> dict[int, tuple[int, int]]:
    """Where to write the name of each class on a map of classes: the place furthest inside its largest patch.

    Args:
        values: Numbers of classes, (rows, columns).
        count: Classes there are.

    Returns:
        Row and column by class; classes that no place has room for are left out.
    """
    found: dict[int, tuple[int, int]] = {}
    for c in range(count):
        left = np.pad(values == c, 1)
        for _ in range(max(values.shape)):
            core = left & np.roll(left, 1, 0) & np.roll(left, -1, 0) & np.roll(left, 1, 1) & np.roll(left, -1, 1)
            if not core.any():
                break
            left, found[c] = core, (0, 0)
        if c in found:
            rows, columns = np.nonzero(left)
            nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
            found[c] = (int(rows[nearest]) - 1, int(columns[nearest]) - 1)
    return found


def hole_path(paths: Mapping[str, NDArray[np.floating]], theme: Theme, revision: str = "") -> Figure:
    """Vacancy along a straight path, one curve per model; what lies below 0.05 leads through a hole.

    Args:
        paths: p-values at even steps from start to end, (T,), by run; the first is drawn solid, the next dashed.
        theme: Light or dark.
        revision: As in `map_frame`.
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
                line={"color": _lit(colour, theme), "dash": ("solid", "dash")[number % 2], "width": 2.5},
                marker={"symbol": symbol, "size": 5},
                name=_plain(name),
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
    _style(figure, theme, ("along the path, %", "vacancy p-value, logarithmic"), revision)
    figure.update_yaxes(type="log", tickvals=P_TICKS, ticktext=[f"{p:g}" for p in P_TICKS], range=[-3.7, 0.08])
    figure.update_xaxes(range=[-2, 102])
    figure.update_layout(hovermode="x", showlegend=len(paths) > 1)
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
        revision: As in `map_by_label`.
    """
    ink = INKS[theme]
    figure = Figure()
    for group, colour, symbol, name in (
        ([rung for rung in rungs if rung.is_variational], PETROFF_10[0], "circle", "VAE: beta (active units)"),
        ([rung for rung in rungs if not rung.is_variational], PETROFF_10[6], "square", "without beta"),
    ):
        if not group:
            continue
        x, y = np.array([rung.across for rung in group]), np.array([rung.up for rung in group])
        colour = _lit(colour, theme)
        figure.add_trace(
            go.Scatter(
                x=x[:, 0],
                y=y[:, 0],
                error_x=_bars(x, colour),
                error_y=_bars(y, colour),
                text=[_plain(f"{rung.label} ({rung.units})") for rung in group],
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
    _style(figure, theme, titles, revision)
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


def _size(count: int) -> float:
    """Width of one of that many dots, pixels: a crowd of small ones still shows what lies below it."""
    return 4.5 if count < 2000 else 3.2 if count < 8000 else 2.6


def class_colour(number: int, theme: Theme) -> str:
    """Colour of the class of that number; beyond ten they repeat, so names are always written beside."""
    return _lit(PETROFF_10[number % len(PETROFF_10)], theme)


def hatching(holes: NDArray[np.bool_], extent: float) -> str:
    """Diagonals of the cells that are holes, as an SVG path in the plane's coordinates.

    Args:
        holes: (L, L), by row from below; cells fill [-extent, extent].
        extent: Half the width.
    """
    edge = 2 * extent / len(holes)
    parts = []
    for row, column in np.argwhere(holes):
        x, y = -extent + column * edge, -extent + row * edge
        parts.append(f"M{x:.4g},{y:.4g}L{x + edge:.4g},{y + edge:.4g}")
    return "".join(parts) or "M0,0"


def p_value_curves(p_values: Mapping[str, NDArray[np.floating]], theme: Theme, revision: str = "") -> Figure:
    """Share of samples at or below each p-value, one curve per sampling law: at 0.05 it is the mass in holes.

    Args:
        p_values: Of samples, by law, (n,) each.
        theme: Light or dark.
        revision: As in `map_frame`.
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
        name, colour, dash = LAW_STYLES.get(law, (law, PETROFF_10[5], "solid"))
        share = np.searchsorted(np.sort(values), grid, side="right") / max(1, len(values))
        line = {"color": _lit(colour, theme), "dash": dash, "width": 2.5}
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
    _style(figure, theme, ("vacancy p-value, logarithmic", "share of samples at or below"), revision)
    figure.update_xaxes(type="log", tickvals=P_TICKS, ticktext=[f"{p:g}" for p in P_TICKS], range=[-3, 0])
    figure.update_yaxes(range=[0, 1.02])
    figure.update_layout(hovermode="x", showlegend=True)
    return figure


def loss_curves(
    curves: Sequence[Curve],
    title: str,
    theme: Theme,
    revision: str = "",
    *,
    across: str = "epoch",
    counts: bool = False,
) -> Figure:
    """One quantity over the epochs, of each run: training images solid, held-out ones dashed.

    The first epochs of a fit lose so much that they would flatten the rest, so the frame shows what comes after them.

    Args:
        curves: Of the runs.
        title: Of the quantity, with its unit.
        theme: Light or dark.
        revision: As in `map_frame`.
        across: What the curves are drawn over, with its unit.
        counts: Whether the values are whole numbers, whose axis starts at 0.

    Returns:
        The figure; its `meta.legend` names each run with its colour and marker, for the page to write once.
    """
    figure = Figure()
    legend: list[dict[str, str]] = []
    shown: list[NDArray[np.floating]] = []
    for curve in curves:
        colour, symbol = CURVE_STYLES[curve.number % len(CURVE_STYLES)]
        colour = _lit(colour, theme)
        legend.append({"name": curve.name, "colour": colour, "symbol": symbol})
        skipped = len(curve.epochs) // 10 if curve.validation is not None else 0
        for kind, values, dash in (("train", curve.train, "solid"), ("validation", curve.validation, "dash")):
            if values is None or not np.isfinite(values).any():
                continue
            shown.append(values[skipped:])
            figure.add_trace(
                go.Scatter(
                    x=np.asarray(curve.epochs, dtype=np.float32),
                    y=np.asarray(values, dtype=np.float32),
                    mode="lines+markers",
                    # a marker at a dozen places: the run is told without its colour, and the line stays a line
                    marker={
                        "symbol": symbol if kind == "train" else f"{symbol}-open",
                        "size": 7,
                        "maxdisplayed": 12,
                        "color": colour,
                    },
                    line={"color": colour, "dash": dash, "width": 2},
                    name=f"{_plain(curve.name)}, {kind}",
                    hovertemplate="%{y:.4g}",
                )
            )
    _style(figure, theme, (across, title), revision)
    values = np.concatenate([each[np.isfinite(each)] for each in shown]) if shown else np.empty(0)
    if len(values):
        low, high = (0.0 if counts else float(values.min())), float(values.max())
        room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0  # a flat line stands in the middle
        figure.update_yaxes(range=[low - (0 if counts else room), high + room], zeroline=False)
        if counts:
            figure.update_yaxes(dtick=max(1, round(high / 6)), tickformat="d")
    figure.update_xaxes(zeroline=False)
    if across == "epoch":
        _whole_epochs(figure, [curve.epochs for curve in curves])
    figure.update_layout(showlegend=False, hovermode="x unified", meta={"legend": legend})
    figure.update_layout(hoverlabel={"bgcolor": INKS[theme].halo})
    return figure


def axis_bars(
    values: NDArray[np.floating],
    axes: NDArray[np.integer],
    active: NDArray[np.bool_],
    title: str,
    number: int,
    theme: Theme,
    revision: str = "",
    *,
    top: float | None = None,
) -> Figure:
    """One number per latent dimension as bars in the order given; dimensions that are not active are hatched.

    Args:
        values: (d,); the first `MOST_BARS` are drawn.
        axes: Which dimension each bar is, (d,).
        active: Whether it is active, (d,).
        title: Of the number, with its unit.
        number: Of the run's colour, as in `Curve`.
        theme: Light or dark.
        revision: As in `map_frame`.
        top: Upper end of the scale, so that two runs share theirs; None for the bars' own.

    Returns:
        The figure; `meta` holds how many are `drawn`, `of` how many.
    """
    ink = INKS[theme]
    meta = {"drawn": min(len(axes), MOST_BARS), "of": len(axes)}
    values, axes, active = values[:MOST_BARS], axes[:MOST_BARS], active[:MOST_BARS]
    colour = _lit(CURVE_STYLES[number % len(CURVE_STYLES)][0], theme)
    figure = Figure()
    figure.add_trace(
        go.Bar(
            x=np.arange(len(values)),
            y=np.asarray(values, dtype=np.float32),
            customdata=np.asarray(axes, dtype=np.int32),
            marker={
                "color": [colour if on else ink.line for on in active],
                "pattern": {"shape": ["" if on else "/" for on in active], "fillmode": "replace"},
                "line": {"width": 0},
            },
            text=[f"axis {j}, {'active' if on else 'not active'}" for j, on in zip(axes, active, strict=True)],
            textposition="none",
            hovertemplate="%{text}<br>%{y:.3g}<extra></extra>",
        )
    )
    _style(figure, theme, ("latent axis, strongest first", title), revision)
    every = -(-len(axes) // 24)  # more numbers than that run into each other
    figure.update_xaxes(
        tickvals=list(range(0, len(axes), every)),
        ticktext=[str(j) for j in axes[::every]],
        tickangle=0,
        showgrid=False,
        zeroline=False,
        range=[-0.7, len(axes) - 0.3],
    )
    _from_zero(figure, top)
    figure.update_layout(
        showlegend=False,
        bargap=0.25 if len(axes) <= 24 else 0.1,
        hoverlabel={"bgcolor": ink.halo, "font": {"color": ink.text}},
        meta=meta,
    )
    return figure


def axis_lines(
    epochs: NDArray[np.floating],
    values: NDArray[np.floating],
    order: NDArray[np.integer],
    active: NDArray[np.bool_],
    title: str,
    number: int,
    theme: Theme,
    revision: str = "",
    *,
    top: float | None = None,
    reference: float | None = None,
    of: str = "axis",
    first: int = 0,
) -> Figure:
    """A quantity of each latent dimension over the epochs; light is weak, dimensions that are not active are dotted.

    Args:
        epochs: (E,).
        values: (E, d), NaN where unknown.
        order: The dimensions, strongest first, (d,); the first `MOST_LINES` are drawn.
        active: Whether a dimension is active, (d,).
        title: Of the quantity, with its unit.
        number: Of the run's colour, as in `Curve`.
        theme: Light or dark.
        revision: As in `map_frame`.
        top: Upper end of the scale, so that two runs share theirs; None for the lines' own.
        reference: A height to mark with a dashed line, as that of the prior; None for none.
        of: What each line is: an axis, or a level of latents.
        first: What number dimension 0 is called: levels count from 1.

    Returns:
        The figure; `meta` holds how many are `drawn`, `of` how many.
    """
    ink = INKS[theme]
    figure = Figure()
    drawn = order[:MOST_LINES]
    strong = _lit(CURVE_STYLES[number % len(CURVE_STYLES)][0], theme)
    for rank, j in enumerate(drawn):
        colour = _mix(strong, ink.supported, 0.6 * rank / max(1, len(drawn) - 1)) if active[j] else ink.line
        figure.add_trace(
            go.Scatter(
                x=np.asarray(epochs, dtype=np.float32),
                y=np.asarray(values[:, j], dtype=np.float32),
                mode="lines" if len(epochs) > 1 else "markers",
                line={"color": colour, "width": 2, "dash": "solid" if active[j] else "dot"},
                marker={"color": colour, "symbol": "circle" if active[j] else "circle-open", "size": 8},
                name=f"{of} {j + first}",
                hovertemplate=f"{of} {j + first}, epoch %{{x}}<br>%{{y:.3g}}<extra></extra>",
            )
        )
    for height, names in _ends(values[:, drawn], drawn + first) if 0 < len(drawn) <= 6 else ():
        figure.add_annotation(x=float(epochs[-1]), y=height, text=names, showarrow=False, xanchor="left", xshift=4)
    _style(figure, theme, ("epoch", title), revision)
    _from_zero(figure, top)
    if reference is not None:
        figure.add_hline(y=reference, line={"color": ink.text, "width": 1, "dash": "dash"})
    figure.update_xaxes(zeroline=False)
    _whole_epochs(figure, [epochs])
    figure.update_layout(
        showlegend=False,
        hovermode="closest",
        hoverlabel={"bgcolor": ink.halo, "font": {"color": ink.text}},
        meta={"drawn": len(drawn), "of": len(order)},
    )
    return figure


def _from_zero(figure: Figure, top: float | None) -> None:
    """Let the vertical scale begin at 0, and end a little above `top` where that is known."""
    figure.update_yaxes(rangemode="tozero")
    if top is not None and top > 0:
        figure.update_yaxes(range=[0, 1.05 * top])


def _whole_epochs(figure: Figure, epochs: Sequence[NDArray[np.floating]]) -> None:
    """Number a handful of epochs one by one: plotly would write halves between them, and of one epoch its own idea."""
    known = np.concatenate(epochs) if epochs else np.empty(0)
    if len(known) and np.ptp(known) <= 8:
        figure.update_xaxes(dtick=1, tickformat="d", range=[float(known.min()) - 0.5, float(known.max()) + 0.5])


def gradient_dots(variances: Mapping[str, float], number: int, theme: Theme, revision: str = "") -> Figure:
    """How much the encoder's gradient varies from draw to draw under each estimator, on a logarithmic scale.

    Args:
        variances: By the estimator's name, each above 0; the first stands at the top.
        number: Of the run's colour, as in `Curve`.
        theme: Light or dark.
        revision: As in `map_frame`.
    """
    ink = INKS[theme]
    names = list(variances)[::-1]
    values = [variances[name] for name in names]
    decades = np.log10(values) if values else np.zeros(1)
    low, high = np.floor(decades.min() - 0.5), np.ceil(decades.max() + 0.25)
    figure = Figure()
    # dots, not bars: a bar has no honest foot on a logarithmic scale
    for name, value, decade in zip(names, values, decades, strict=False):
        figure.add_shape(
            type="line",
            x0=10**low,
            x1=10**decade,
            y0=name,
            y1=name,
            line={"color": ink.line, "width": 1, "dash": "dot"},
        )
        figure.add_annotation(
            x=decade, y=name, text=f"{value:.3g}", showarrow=False, yshift=14, font={"size": 12, "color": ink.text}
        )
    figure.add_trace(
        go.Scatter(
            x=np.asarray(values, dtype=np.float64),
            y=names,
            mode="markers",
            marker={"size": 12, "color": _lit(CURVE_STYLES[number % len(CURVE_STYLES)][0], theme)},
            hoverinfo="skip",
        )
    )
    _style(figure, theme, ("variance of the gradient, logarithmic", ""), revision)
    figure.update_xaxes(type="log", range=[low, high], dtick=1, tickformat="~g", zeroline=False)
    figure.update_yaxes(showgrid=False, range=[-0.6, len(names) - 0.4], type="category")
    figure.update_layout(showlegend=False, hovermode=False)
    return figure


def _ends(rates: NDArray[np.floating], axes: NDArray[np.integer]) -> list[tuple[float, str]]:
    """Where lines end and what to write there; lines that end at about one height share their words.

    Args:
        rates: (E, L).
        axes: Which dimension each line is, (L,).
    """
    known = [(float(rates[-1, i]), str(axes[i])) for i in range(len(axes)) if len(rates) and np.isfinite(rates[-1, i])]
    if not known:
        return []
    close = 0.05 * float(np.nanmax(rates))
    groups: list[list[tuple[float, str]]] = []
    for end in sorted(known):
        if groups and end[0] - groups[-1][0][0] <= close:
            groups[-1].append(end)
        else:
            groups.append([end])
    return [(sum(y for y, _ in group) / len(group), ", ".join(name for _, name in group)) for group in groups]


def latent_histogram(
    codes: NDArray[np.floating], axis: int, prior: bool, number: int, theme: Theme, revision: str = ""
) -> Figure:
    """The drawn codes of one latent dimension as a density, against N(0, 1) or, without a prior, their own Gaussian.

    Args:
        codes: (N,).
        axis: Which dimension.
        prior: Whether the model has the prior N(0, 1); an autoencoder has its own scale.
        number: Of the run's colour, as in `Curve`.
        theme: Light or dark.
        revision: As in `map_frame`.

    Returns:
        The figure; `meta` holds `axis`, `mean` and `deviation` of the codes, and `prior`.
    """
    ink = INKS[theme]
    mean, deviation = float(codes.mean()), max(float(codes.std()), 1e-9)
    centre, scale = (0.0, 1.0) if prior else (mean, deviation)
    low = min(float(codes.min()), centre - 3.5 * scale)
    high = max(float(codes.max()), centre + 3.5 * scale)
    bins = int(np.clip(2.5 * len(codes) ** (1 / 3), 12, 60))
    heights, edges = np.histogram(codes, bins=bins, range=(low, high), density=True)
    figure = Figure()
    figure.add_trace(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=heights,
            width=float(edges[1] - edges[0]),
            marker={"color": _lit(CURVE_STYLES[number % len(CURVE_STYLES)][0], theme), "line": {"width": 0}},
            opacity=0.75,
            name="drawn codes",
            hoverinfo="skip",
        )
    )
    x = np.linspace(low, high, 241)
    figure.add_trace(
        go.Scatter(
            x=x,
            y=np.exp(-0.5 * ((x - centre) / scale) ** 2) / (scale * np.sqrt(2 * np.pi)),
            mode="lines",
            line={"color": ink.text, "width": 2, "dash": "dash"},
            name="prior N(0, 1)" if prior else "Gaussian of these codes",
            hoverinfo="skip",
        )
    )
    _style(figure, theme, (f"axis {axis}, latent units", "density"), revision)
    figure.update_xaxes(range=[low, high], zeroline=False)
    figure.update_yaxes(rangemode="tozero")
    meta = {"axis": axis, "mean": mean, "deviation": float(codes.std()), "prior": prior}
    figure.update_layout(showlegend=False, bargap=0, hovermode=False, meta=meta)
    return figure


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
        curves: Of each walk.
        shell: Norms between which 90 % of the codes lie, latent units.
        chosen: Kind of the walk that is on show, drawn on top and thicker.
        theme: Light or dark.
        revision: As in `map_by_label`.
    """
    ink = INKS[theme]
    figure = Figure()
    low, high = float(positions[0]), float(positions[-1])
    for curve in sorted(curves, key=lambda curve: curve.kind == chosen):
        name, colour, dash, symbol = PATH_STYLES[curve.kind]
        colour = _lit(colour, theme)
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
    _style(figure, theme, ("position: 0 is A, 1 is B", "norm, latent units"), revision)
    lower = figure.to_dict()["layout"]["yaxis"] | {"title": {"text": "vacancy p-value", "font": {"size": 13}}}
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


def as_json(figure: Figure) -> str:
    """A figure as the text that the page's code fetches, numbers as typed arrays."""
    text = figure.to_json()
    assert text is not None, "plotly only answers None where it writes to a file"
    return text


def _dots(
    points: NDArray[np.floating], rows: NDArray[np.integer], colour: str | None, size: float = 4.5, **rest: object
) -> go.Scattergl:
    """Points whose `customdata` says which images they are."""
    return go.Scattergl(
        x=np.ascontiguousarray(points[:, 0], dtype=np.float32),
        y=np.ascontiguousarray(points[:, 1], dtype=np.float32),
        customdata=np.asarray(rows, dtype=np.int32),
        mode="markers",
        marker={"size": size, "opacity": 0.75} | ({"color": colour} if colour else {}),
        hoverinfo="none",
        **rest,
    )


def _style(figure: Figure, theme: Theme, titles: tuple[str, str], revision: str) -> None:
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


def _lit(colour: str, theme: Theme) -> str:
    """A colour as it is, or lighter on a dark page, where the deep ones would drown."""
    return _mix(colour, "#ffffff", 0.3) if theme == "dark" else colour


def _mix(colour: str, other: str, share: float) -> str:
    """`share` of `other` in a colour, both as #rrggbb."""
    mixed = (round((1 - share) * int(colour[i : i + 2], 16) + share * int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def _plain(name: object) -> str:
    """A name as plotly shows it without reading markup in it."""
    return str(name).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
