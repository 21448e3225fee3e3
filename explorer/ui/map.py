"""Map: the encoded test images as a scatter; hover shows an image, empty space is decoded."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import gradio as gr
import numpy as np

from explorer.errors import ShapeError
from explorer.library import SCALARS, Library
from explorer.ui.components import live
from explorer.ui.page import FigureMaker, Page

if TYPE_CHECKING:
    from explorer.library import OpenRun
    from explorer.plots import MapAxes

INTRO = (
    "Every dot is a test image at the place the encoder gives it. "
    "Move over the dots to see their images (where the data set is not on this machine, what their codes decode to), "
    "click one for its numbers, and click where no dot is to see what the decoder makes of a place where no image is. "
    "Drag to move the map; to zoom, turn the wheel with Ctrl or ⌘ held."
)

SCORE_TITLES = {
    "distortion": "distortion, nats",
    "rate": "rate, nats",
    "vacancy": "vacancy p-value of the image's drawn code",
}


def build(library: Library, page: Page) -> None:  # noqa: ARG001 - every tab is built with the same arguments
    """Lay out the tab."""
    gr.Markdown(INTRO, elem_classes=["xp-intro"])
    live(page, "map", "map of the encoded test images")


def map_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """The map of a run as plotly JSON.

    Args:
        library: The runs.
        name: The run's name.
        query: `plane`: "pca", or two different axes as "0,1"; `colour`: label, distortion, rate or vacancy; `theme`.

    Raises:
        ShapeError: The query asks for what the run does not have.
    """
    from explorer.plots import as_json, map_by_label, map_by_score, score_over_axis

    run = library.open(name)
    theme = "dark" if query.get("theme") == "dark" else "light"
    plane, colour = query.get("plane", "pca"), query.get("colour", "label")
    if colour != "label" and colour not in SCALARS:
        raise ShapeError(f"colour must be label, {', '.join(SCALARS)}.")
    revision = f"{name} {plane}"
    if run.latent_dim == 1:
        score = "distortion" if not np.isnan(run.latents.distortion).any() else "vacancy"
        titles = ("axis 0, latent units", SCORE_TITLES[score])
        return as_json(score_over_axis(run.latents.mean[:, 0], run.scalar(score), titles, theme, revision))
    points, axes = map_axes(run, plane)
    if colour == "label":
        if run.labels is None:
            raise ShapeError(f"the images of {name} have no labels; colour by distortion, rate or vacancy.")
        names = run.class_names or tuple(str(c) for c in range(int(run.labels.max()) + 1))
        figure = map_by_label(points, run.labels, names, axes, theme, revision)
    else:
        scores = run.scalar(colour)
        figure = map_by_score(points, scores, SCORE_TITLES[colour], axes, theme, revision, colour == "vacancy")
    return as_json(figure)


def map_axes(run: "OpenRun", plane: str) -> "tuple[np.ndarray, MapAxes]":
    """The encoded images on two axes, (N, 2) in latent units, and the plane behind them.

    Empty space is decoded on the plane through the mean of the encoded data.

    Args:
        run: Of two or more latent dimensions.
        plane: "pca", or two different axes as "0,1"; untrusted.

    Raises:
        ShapeError: It is neither.
    """
    from explorer.plots import MapAxes

    mean = run.latents.mean.astype(np.float64).mean(0)
    if plane == "pca":
        first, second = run.directions["pca"][:2]
        vectors = np.stack([first.vector, second.vector]).astype(np.float64)
        offsets = np.array([first.offset, second.offset])
        titles = tuple(f"{d.name}, latent units" for d in (first, second))
    else:
        chosen = plane.split(",")
        if len(chosen) != 2 or chosen[0] == chosen[1] or not all(_is_axis(c, run.latent_dim) for c in chosen):
            raise ShapeError(f"plane must be pca, or two different axes from 0 to {run.latent_dim - 1} such as 0,1.")
        numbers = [int(c) for c in chosen]
        vectors = np.eye(run.latent_dim)[numbers]
        offsets = np.zeros(2)
        titles = tuple(f"axis {j}, latent units" for j in numbers)
    points = run.latents.mean.astype(np.float64) @ vectors.T - offsets
    origin = mean - (vectors @ mean - offsets) @ vectors  # the point of the plane nearest to the mean
    behind = {"origin": origin, "first": vectors[0], "second": vectors[1]}
    circles = None if run.is_point else (float(-offsets[0]), float(-offsets[1]))
    return points.astype(np.float32), MapAxes((titles[0], titles[1]), behind, circles)


def _is_axis(text: str, latent_dim: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 6 and int(text) < latent_dim


FIGURES: dict[str, FigureMaker] = {"map": map_figure}
"""Served by the figure route."""
