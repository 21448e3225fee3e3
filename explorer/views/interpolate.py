"""Interpolate: walks between two latents, what lies on the way, and the most typical image of each class."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Latents
from explorer.errors import NotFoundError
from explorer.library import OpenRun, kept

if TYPE_CHECKING:
    from explorer.analysis.interpolation import Interpolation
    from explorer.plots.style import Theme


KINDS = ("linear", "spherical")
"""Ways from one latent to another."""


CURVE_POINTS = 121
"""Places of a walk that its curves are measured at."""


MEANS = ("", "a", "b", "ab")
"""Which ends of a walk are posterior means of images."""


SHELL = (0.05, 0.5, 0.95)
"""Quantiles of the norms of codes that are called typical, and their middle."""


def walk(run: OpenRun, ends: Latents, steps: int, overshoot: float, kind: str, means: str = "") -> dict[str, Any]:
    """A walk between two latents as plain values.

    Args:
        run: Whose latents they are.
        ends: A and B, (2, d).
        steps: T, how many latents.
        overshoot: How far it leads beyond its ends, as a share of the way between them.
        kind: One of `KINDS`.
        means: One of `MEANS`.

    Returns:
        `kind` it really is and a `note` on why, should that be another; `positions` (0 is A, 1 is B), `latents`, `norm`
        (latent units), `vacancy` (p-value), `round_trip` (standard deviations of the codes) of each step.
    """
    from explorer.analysis.interpolation import interpolate, path_positions

    positions = path_positions(steps, overshoot)
    found = interpolate(ends[0], ends[1], positions, "spherical" if kind == "spherical" else "linear")
    return {
        "kind": found.kind,
        "note": found.note,
        "positions": [round(float(t), 9) for t in positions],
        "latents": [[float(str(value)) for value in latent] for latent in found.latents],  # str is short and exact
        "norm": np.linalg.norm(found.latents.astype(np.float64), axis=1).tolist(),
        "vacancy": walk_p_values(run, found.latents, positions, means).tolist(),
        "round_trip": run.round_trips(found.latents).tolist(),
    }


def walk_p_values(run: OpenRun, latents: Latents, positions: NDArray[np.floating], means: str) -> NDArray[np.float64]:
    """Vacancy p-values (T,) of latents (T, d) at positions of a walk, (T,).

    Between two posterior means all is judged among means, for an arc keeps their norm; else draws are the measure, and
    an end that is a posterior mean is judged among means.
    """
    if means == "ab":
        return run.mean_vacancy.p_value(latents)
    found = run.vacancy.p_value(latents)
    if means:
        ends = np.abs(positions - MEANS.index(means) + 1) < 1e-9
        found[ends] = run.mean_vacancy.p_value(latents[ends])
    return found


def path_figure(run: OpenRun, ends: Latents, overshoot: float, kind: str, theme: "Theme", means: str = "") -> str:
    """Norm and vacancy along both walks between two latents, as plotly JSON.

    Its `meta` says in numbers what the curves show: `angle` between the ends, degrees, None where one has no
    direction; `norms` of the ends; `middle`: the norm half way of each kind; `lowest`: the smallest p-value between the
    ends, of each kind; `in_holes`: the share of the arc between them that lies in holes, None where there is no arc:
    the middle of a straight line lies nearer to the centre, where every place looks usual; `shell`: the `SHELL`
    quantiles of the norms of codes; `note` on an arc that there is not.

    Args:
        run: Whose latents they are.
        ends: A and B, (2, d).
        overshoot: As in `walk`.
        kind: The walk that is on show.
        theme: Light or dark.
        means: One of `MEANS`.
    """
    from explorer.analysis.holes import ALPHA
    from explorer.analysis.interpolation import interpolate
    from explorer.plots.interpolate import PathCurve, path_curves
    from explorer.plots.style import as_json

    positions = curve_positions(overshoot)
    between = (positions >= 0) & (positions <= 1)
    half = int(np.argmin(np.abs(positions - 0.5)))
    walks: Mapping[str, Interpolation] = {
        "linear": interpolate(ends[0], ends[1], positions, "linear"),
        "spherical": interpolate(ends[0], ends[1], positions, "spherical"),
    }
    curves = [
        PathCurve(
            name,
            np.linalg.norm(found.latents.astype(np.float64), axis=1),
            walk_p_values(run, found.latents, positions, means),
        )
        for name, found in walks.items()
    ]
    low, middle, high = (float(value) for value in np.quantile(run.norms, SHELL))
    figure = path_curves(positions, curves, (low, high), kind, theme, f"{run.name} {overshoot}")
    lengths = np.linalg.norm(ends.astype(np.float64), axis=1)
    cosine = float(ends[0].astype(np.float64) @ ends[1] / lengths.prod()) if lengths.min() > 1e-9 else None
    arc = next(curve for curve in curves if curve.kind == "spherical")
    in_holes = None if walks["spherical"].note else float((arc.p_values[between] <= ALPHA).mean())
    meta = {
        "angle": None if cosine is None else float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))),
        "norms": [float(value) for value in lengths],
        "middle": {curve.kind: float(curve.norms[half]) for curve in curves},
        "lowest": {curve.kind: float(curve.p_values[between].min()) for curve in curves},
        "in_holes": in_holes,
        "shell": [low, middle, high],
        "note": walks["spherical"].note,
    }
    figure.update_layout(meta=meta)
    return as_json(figure)


def curve_positions(overshoot: float) -> NDArray[np.float64]:
    """Places that the curves of a walk are measured at: even, and among them both ends and the middle."""
    inside = np.linspace(0, 1, CURVE_POINTS)
    step = inside[1]
    beyond = np.arange(1, int(np.floor(overshoot / step + 1e-9)) + 1) * step
    return np.concatenate([-beyond[::-1], inside, 1 + beyond])


@kept
def _medoids(run: OpenRun) -> NDArray[np.int64]:
    """The number of the most typical image of each class, (classes,), or -1; the run must have labels."""
    from explorer.analysis.neighbours import class_medoids

    assert run.labels is not None
    return class_medoids(run.latents.mean, run.labels, int(run.labels.max(initial=-1)) + 1)


def class_medoids_of(run: OpenRun) -> list[dict[str, object]]:
    """The most typical image of each class, as `label`, `name`, `image` (its number) and `count` of its images.

    Raises:
        NotFoundError: The images have no labels.
    """
    labels = run.labels
    if labels is None:
        raise NotFoundError(f"the images of {run.name} have no labels.")
    classes = int(labels.max(initial=-1)) + 1
    found = _medoids(run)
    counts = np.bincount(labels[labels >= 0], minlength=classes)
    return [
        {"label": label, "name": run.label_name(int(image)), "image": int(image), "count": int(counts[label])}
        for label, image in enumerate(found)
        if image >= 0
    ]
