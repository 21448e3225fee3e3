"""What a fit costs, as areas: distortion and rate over the epochs."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.plots.report import whole_epochs
from explorer.plots.style import INKS, Figure, Theme, lay_out, mix


def loss_stack(
    epochs: NDArray[np.floating],
    distortion: NDArray[np.floating],
    rate: NDArray[np.floating] | None,
    theme: Theme,
    revision: str = "",
) -> Figure:
    """Distortion and rate over the epochs as areas, one upon the other.

    The areas stand on zero, or on the lowest distortion where that is negative, as of a Gaussian likelihood. The frame
    leaves out the first tenth of the fit, which would flatten the rest.

    Args:
        epochs: (E,).
        distortion: Nats per image, (E,).
        rate: Nats per image, (E,); None of a model without one.
        theme: Light or dark.
        revision: As in `lay_out`.
    """
    ink = INKS[theme]
    figure = Figure()
    floor = min(0.0, float(np.nanmin(distortion)))
    grey = mix(ink.text, ink.supported, 0.55)
    told = [("floor", np.full(len(epochs), floor), grey, ""), ("distortion", distortion, grey, "")]
    if rate is not None and np.isfinite(rate).any():
        told.append(("rate", distortion + rate, ink.text, "/"))
    for number, (name, values, colour, shape) in enumerate(told):
        figure.add_trace(
            go.Scatter(
                x=np.asarray(epochs, dtype=np.float32),
                y=np.asarray(values, dtype=np.float32),
                mode="lines",
                line={"color": colour, "width": 0 if number == 0 else 2},
                fill=None if number == 0 else "tonexty",
                fillcolor=mix(colour, ink.supported, 0.65),
                fillpattern={"shape": shape, "fgcolor": colour, "size": 6},
                name=name,
                showlegend=number > 0,
                customdata=np.asarray(values - told[number - 1][1], dtype=np.float32) if number else None,
                hovertemplate="%{customdata:.4g} nats",
                hoverinfo="skip" if number == 0 else None,
            )
        )
    lay_out(figure, theme, ("epoch", "nats per image"), revision)
    top = told[-1][1][len(epochs) // 10 :]
    high = float(np.nanmax(top))
    figure.update_yaxes(range=[floor, high + 0.06 * (high - floor)], zeroline=False)
    figure.update_xaxes(zeroline=False)
    whole_epochs(figure, [epochs])
    figure.update_layout(hovermode="x unified", hoverlabel={"bgcolor": ink.halo})
    figure.update_layout(showlegend=len(told) > 2, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    return figure
