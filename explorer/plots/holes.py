"""Planes of Holes: vacancy and the other layers over a flat window of latent space, and a path across it."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.analysis.holes import ALPHA
from explorer.plots.style import (
    CLASS_COLOURS,
    CURVE_STYLES,
    INKS,
    P_TICKS,
    Figure,
    Theme,
    class_colour,
    lay_out,
    lit,
    mix,
    plain,
)

LayerScale: TypeAlias = Literal["p-values", "classes", "plain"]
"""How the values of a layer become colours."""


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
        names: Names of the classes, or None.
        lattice: The decoded lattice as the `data:` address of a picture, shown on request; None without one.
        lattice_holes: Which of its cells are holes, (L, L), as `p_grid` is laid out.
        theme: Light or dark.
        anchors: Images that span the plane, (A, 2), marked; None for none.
        revision: As in `lay_out`.
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
                [1 + np.log10(ALPHA) / 3, mix(ink.supported, ink.hole, 0.38)],
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
    if labels is not None and names is not None and len(names) <= len(CLASS_COLOURS[theme]):
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
    lay_out(figure, theme, ("u₁, sd of the codes", "u₂, sd of the codes"), revision)
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
        title: Title of the colour bar, with its unit.
        theme: Light or dark.
        names: Names of the classes, where the values number them.
        told: What else the page is told in `layout.meta`; None for nothing.
    """
    ink = INKS[theme]
    ticks = np.linspace(-extent, extent, len(values)).astype(np.float32)
    figure, meta = Figure(), dict(told or {})
    bar: dict = {"title": {"text": title, "side": "right"}, "thickness": 12, "outlinewidth": 0}
    if scale == "p-values":
        middle = mix(ink.supported, ink.hole, 0.38)
        colours: list | str = [[0, ink.hole], [1 + np.log10(ALPHA) / 3, middle], [1, ink.supported]]
        bar |= {"tickvals": [float(np.log10(p)) for p in P_TICKS], "ticktext": [f"{p:g}" for p in P_TICKS]}
    elif scale == "classes":
        count = max(1, len(names))
        # faint, so that the dots of the same colours stay in sight above
        faint = [mix(class_colour(c, theme), ink.supported, 0.45) for c in range(count)]
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
                text=[f"<b>{plain(names[c])}</b>" for c in places],
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
    lay_out(figure, theme, ("", ""), "")
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
    lay_out(figure, theme, ("along the path, %", "vacancy p-value, logarithmic"), revision)
    figure.update_yaxes(type="log", tickvals=P_TICKS, ticktext=[f"{p:g}" for p in P_TICKS], range=[-3.7, 0.08])
    figure.update_xaxes(range=[-2, 102])
    figure.update_layout(hovermode="x", showlegend=len(paths) > 1)
    return figure


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


def _size(count: int) -> float:
    """Width of one of that many dots, pixels: a crowd of small ones still shows what lies below it."""
    return 4.5 if count < 2000 else 3.2 if count < 8000 else 2.6


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
