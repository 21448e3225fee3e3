"""How a run was fitted: losses over the epochs, and what each latent dimension came to carry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.plots.style import CURVE_STYLES, INKS, Figure, Theme, lay_out, lit, mix, plain


@dataclass(frozen=True, slots=True)
class Curve:
    """How one quantity of a run moved during its fit.

    Attributes:
        name: The run's.
        number: Number of its colour and marker, 0 or 1.
        epochs: Where its values stand: epochs, or shares of the fit in per cent, (E,).
        train: On the training images, (E,), NaN where unknown; drawn solid.
        validation: On held-out images, (E,), drawn dashed; None for a setting, which has no images.
    """

    name: str
    number: int
    epochs: NDArray[np.floating]
    train: NDArray[np.floating]
    validation: NDArray[np.floating] | None


MOST_LINES = 64
"""Dimensions that are drawn over the epochs, the strongest first."""


MOST_BARS = 128
"""Dimensions that are drawn as bars, the strongest first: a phone still shows two pixels of each."""


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
        curves: One for each run.
        title: Name of the quantity, with its unit.
        theme: Light or dark.
        revision: As in `lay_out`.
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
        colour = lit(colour, theme)
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
                    name=f"{plain(curve.name)}, {kind}",
                    hovertemplate="%{y:.4g}",
                )
            )
    lay_out(figure, theme, (across, title), revision)
    values = np.concatenate([each[np.isfinite(each)] for each in shown]) if shown else np.empty(0)
    if len(values):
        low, high = (0.0 if counts else float(values.min())), float(values.max())
        room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0  # a flat line stands in the middle
        figure.update_yaxes(range=[low - (0 if counts else room), high + room], zeroline=False)
        if counts:
            figure.update_yaxes(dtick=max(1, round(high / 6)), tickformat="d")
    figure.update_xaxes(zeroline=False)
    if across == "epoch":
        whole_epochs(figure, [curve.epochs for curve in curves])
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
        title: Name of the number, with its unit.
        number: Number of the run's colour, as in `Curve`.
        theme: Light or dark.
        revision: As in `lay_out`.
        top: Upper end of the scale, so that two runs share theirs; None for the bars' own.

    Returns:
        The figure; `meta` holds how many are `drawn`, `of` how many.
    """
    ink = INKS[theme]
    meta = {"drawn": min(len(axes), MOST_BARS), "of": len(axes)}
    values, axes, active = values[:MOST_BARS], axes[:MOST_BARS], active[:MOST_BARS]
    colour = lit(CURVE_STYLES[number % len(CURVE_STYLES)][0], theme)
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
    lay_out(figure, theme, ("latent axis, strongest first", title), revision)
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
        title: Name of the quantity, with its unit.
        number: Number of the run's colour, as in `Curve`.
        theme: Light or dark.
        revision: As in `lay_out`.
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
    strong = lit(CURVE_STYLES[number % len(CURVE_STYLES)][0], theme)
    for rank, j in enumerate(drawn):
        colour = mix(strong, ink.supported, 0.6 * rank / max(1, len(drawn) - 1)) if active[j] else ink.line
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
    lay_out(figure, theme, ("epoch", title), revision)
    _from_zero(figure, top)
    if reference is not None:
        figure.add_hline(y=reference, line={"color": ink.text, "width": 1, "dash": "dash"})
    figure.update_xaxes(zeroline=False)
    whole_epochs(figure, [epochs])
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


def whole_epochs(figure: Figure, epochs: Sequence[NDArray[np.floating]]) -> None:
    """Number a handful of epochs one by one: plotly would write halves between them, and of one epoch its own idea."""
    known = np.concatenate(epochs) if epochs else np.empty(0)
    if len(known) and np.ptp(known) <= 8:
        figure.update_xaxes(dtick=1, tickformat="d", range=[float(known.min()) - 0.5, float(known.max()) + 0.5])


def gradient_dots(variances: Mapping[str, float], number: int, theme: Theme, revision: str = "") -> Figure:
    """How much the encoder's gradient varies from draw to draw under each estimator, on a logarithmic scale.

    Args:
        variances: By the estimator's name, each above 0; the first stands at the top.
        number: Number of the run's colour, as in `Curve`.
        theme: Light or dark.
        revision: As in `lay_out`.
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
            marker={"size": 12, "color": lit(CURVE_STYLES[number % len(CURVE_STYLES)][0], theme)},
            hoverinfo="skip",
        )
    )
    lay_out(figure, theme, ("variance of the gradient, logarithmic", ""), revision)
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
        number: Number of the run's colour, as in `Curve`.
        theme: Light or dark.
        revision: As in `lay_out`.

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
            marker={"color": lit(CURVE_STYLES[number % len(CURVE_STYLES)][0], theme), "line": {"width": 0}},
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
    lay_out(figure, theme, (f"axis {axis}, latent units", "density"), revision)
    figure.update_xaxes(range=[low, high], zeroline=False)
    figure.update_yaxes(rangemode="tozero")
    meta = {"axis": axis, "mean": mean, "deviation": float(codes.std()), "prior": prior}
    figure.update_layout(showlegend=False, bargap=0, hovermode=False, meta=meta)
    return figure
