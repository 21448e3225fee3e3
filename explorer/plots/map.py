"""The frame of a map: axes, circles of the prior, and the colours that the page draws its dots in."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.plots.style import INKS, PETROFF_10, VIRIDIS, Figure, Theme, class_colour, lay_out


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
    lay_out(figure, theme, axes.titles, revision)
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
