"""Map: where the images of a run stand on a plane, what is near, and what some have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Latents
from explorer.errors import NotFoundError, ShapeError
from explorer.library import OpenRun, kept
from explorer.views.runs import direction_values

NEIGHBOURS = 12
"""Images that are shown as the nearest."""


MEAN_BATCH = 2_000
"""Images that are summed at once."""


METRICS = ("euclidean", "cosine")


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

    def values(self) -> dict[str, object]:
        """As plain values, for the page."""
        plane = None
        if self.plane is not None:
            plane = {key: [float(v) for v in value] for key, value in self.plane.items()}
        circles = None if self.circles is None else list(self.circles)
        return {"titles": list(self.titles), "plane": plane, "circles": circles, "alike": self.alike}


@kept
def map_axes(run: OpenRun, plane: str) -> tuple[NDArray[np.float32] | None, MapAxes]:
    """The encoded images on two axes, (N, 2) in latent units, and the plane behind them.

    Kept with the run, since places and axes are asked one beside the other. Empty space is decoded on the plane
    through the mean of the encoded data. A run of one latent dimension is drawn over its distortion, or without a
    likelihood over its vacancy.

    Args:
        run: The run.
        plane: "pca", "tsne" (whose places are None here), or two different axes as "0,1"; untrusted.

    Raises:
        ShapeError: It is none of these.
    """
    if run.latent_dim == 1:
        measured = not np.isnan(run.latents.distortion).any()
        scores = run.scalar("distortion" if measured else "vacancy")
        titles = ("axis 0, latent units", "distortion, nats" if measured else "hole p-value of the drawn code")
        behind = {"origin": np.zeros(1), "first": np.ones(1), "second": np.zeros(1)}
        points = np.stack([run.latents.mean[:, 0], scores], axis=1)
        return points.astype(np.float32), MapAxes(titles, behind, None, alike=False)
    if plane == "tsne":
        return None, MapAxes(("t-SNE 1, no unit", "t-SNE 2, no unit"), None, None)
    mean = run.latents.mean.astype(np.float64).mean(0)
    if plane == "pca":
        first, second = run.directions["pca"][:2]
        vectors = np.stack([first.vector, second.vector]).astype(np.float64)
        offsets = np.array([first.offset, second.offset])
        titles = tuple(f"{d.name} ({d.note}), latent units" for d in (first, second))
    else:
        chosen = plane.split(",")
        if len(chosen) != 2 or chosen[0] == chosen[1] or not all(_is_axis(c, run.latent_dim) for c in chosen):
            axes = f"two different axes from 0 to {run.latent_dim - 1} such as 0,1"
            raise ShapeError(f"plane must be pca, tsne, or {axes}.")
        numbers = [int(c) for c in chosen]
        vectors = np.eye(run.latent_dim)[numbers]
        offsets = np.zeros(2)
        titles = tuple(f"{axis_name(run, j)}, latent units" for j in numbers)
    points = run.latents.mean.astype(np.float64) @ vectors.T - offsets
    origin = mean - (vectors @ mean - offsets) @ vectors  # the point of the plane nearest to the mean
    behind = {"origin": origin, "first": vectors[0], "second": vectors[1]}
    circles = None if run.is_point else (float(-offsets[0]), float(-offsets[1]))
    return points.astype(np.float32), MapAxes((titles[0], titles[1]), behind, circles)


def axis_name(run: OpenRun, axis: int) -> str:
    """What an axis is called, with its level where there are several."""
    if len(run.level_sizes) < 2:
        return f"axis {axis}"
    return f"axis {axis} · level {int(np.searchsorted(np.cumsum(run.level_sizes), axis, side='right')) + 1}"


def _is_axis(text: str, latent_dim: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 6 and int(text) < latent_dim


def spread_on(run: OpenRun, axes: MapAxes) -> NDArray[np.float32]:
    """Covariance of every posterior on a plane, (N, 3): along the first axis, between both, along the second.

    Raises:
        NotFoundError: The posterior is a point, or the map has no plane.
    """
    log_variance, plane = run.latents.log_variance, axes.plane
    if log_variance is None:
        raise NotFoundError(f"{run.name} is an autoencoder: its posteriors are points.")
    if plane is None or not np.any(plane["second"]):
        raise NotFoundError("this map has no plane, so posteriors have no shape on it.")
    first, second = plane["first"], plane["second"]
    products = np.stack([first * first, first * second, second * second], axis=1)  # (d, 3)
    return (np.exp(log_variance.astype(np.float64)) @ products).astype(np.float32)


def neighbours_of(run: OpenRun, latent: Latents, metric: str, without: int | None) -> list[dict[str, float]]:
    """The test images whose codes are nearest to a latent (1, d), as `image` and `distance`, nearest first.

    Args:
        run: The run.
        latent: Whose neighbours.
        metric: "euclidean", in standard deviations of the codes, or "cosine".
        without: An image that is left out, being the latent's own; None for none.
    """
    from explorer.analysis.neighbours import nearest_neighbours

    spare = 0 if without is None else 1
    count = min(NEIGHBOURS + spare, len(run))
    rows, distances = nearest_neighbours(
        run.frame, run.latents.mean, latent, count, "cosine" if metric == "cosine" else "euclidean"
    )
    found = [
        {"image": int(row), "distance": float(distance)}
        for row, distance in zip(rows[0], distances[0], strict=True)
        if row != without
    ]
    return found[:NEIGHBOURS]


def selection_of(run: OpenRun, rows: NDArray[np.int64]) -> dict[str, object]:
    """What is known of some test images together.

    Returns:
        `mean`: of their codes, (d,); `direction`: from the rest to them, as Explore takes it, or None where one of
        the two sides has too few images or both have one mean.
    """
    from explorer.analysis.directions import class_directions

    member = np.zeros(len(run), dtype=np.int64)
    member[rows] = 1
    mean = run.latents.mean
    both = class_directions(mean, member, ("rest", "selection"))
    direction = None
    if both:
        name, note = f"selection of {len(rows):,} images", f"from the rest to the selection; {both[1].note}"
        direction = direction_values(replace(both[1], name=name, kind="selection", note=note))
    return {"mean": [float(value) for value in mean[rows].astype(np.float64).mean(0)], "direction": direction}


def mean_image(run: OpenRun, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The mean of some thumbnails, (H, W, C)."""
    pictures = run.thumbnails()
    total = np.zeros(pictures.shape[1:], dtype=np.int64)
    for start in range(0, len(rows), MEAN_BATCH):
        total += pictures[rows[start : start + MEAN_BATCH]].sum(0, dtype=np.int64)
    return np.round(total / len(rows)).astype(np.uint8).transpose(1, 2, 0)
