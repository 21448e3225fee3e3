"""A plane of Holes under one of its layers: its values, what is offered, and what a layer says of one place."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.laws import LAWS, WHITE
from explorer.arrays import Latents, packed
from explorer.library import Library, OpenRun, kept
from explorer.views.hole_layers import OFFERED, Sheet, checked_layer, class_names
from explorer.views.hole_planes import Cut, planes_of, twin_of
from explorer.views.query import choice

if TYPE_CHECKING:
    from explorer.analysis.holes import Plane

FINE, DECODED, FEW_DECODED = 61, 41, 21
"""Values on a side of a layer: of latents alone, of decodes of small images, and of decodes of larger ones."""


def is_fitted(run: OpenRun, layer: str, law: str) -> bool:
    """Whether `described_place` would answer at once."""
    scores = OpenRun.vacancy.is_known(run) and OpenRun.round_trip.is_known(run)
    return scores and OFFERED[layer].is_known(run, law)


def sheet_of(run: OpenRun, layer: str, plane: "Plane", law: str) -> Sheet:
    """The values of a layer over a plane: base-10 logarithms of its p-values, or what `Layer.values` gives.

    Raises:
        ShapeError: The run cannot have the layer.
    """
    offered, size = checked_layer(run, layer), sheet_size(run, layer)
    latents = plane.latents(run.frame, *plane.lattice(size))
    if offered.score is not None:
        values = np.log10(offered.score(run, law).p_value(latents))
    else:
        assert offered.values is not None, f"layer {layer} has neither a score nor values"
        values = offered.values(run, latents, size, 2 * plane.extent / (size - 1))
    return np.asarray(values, dtype=np.float32).reshape(size, size)


@kept
def cut_sheet(run: OpenRun, layer: str, cut: Cut, extent: float, law: str) -> Sheet:
    """`sheet_of` the plane that a cut makes in a run, +-`extent` wide."""
    return sheet_of(run, layer, replace(cut.plane(run), extent=extent), law)


def sheet_size(run: OpenRun, layer: str) -> int:
    """How many values a layer has on a side."""
    from explorer.library.run import SMALL_IMAGE

    if OFFERED[layer].is_fine:
        return FINE
    return DECODED if int(np.prod(run.image_shape)) <= SMALL_IMAGE else FEW_DECODED


def plane_layer(library: Library, name: str, query: Mapping[str, str]) -> dict[str, Any]:
    """One layer of a run on a plane as plain values: the colours that lie below what `hole_plane` tells of.

    Args:
        library: The runs.
        name: The run's name.
        query: `layer`; `law`, where the layer has one; how the plane is chosen, as in `planes_of`.

    Returns:
        `values`: as `sheet_of` has them, in the form of `packed`; `scale`: how they become colours; `ends`: values at
        the ends of the colours, the same for both models of a pair; `bar`: what the colours measure, with the unit;
        `note`: what stands behind it. Of classes also `classes`, the largest first: their number and name, the share
        of the plane that they take, and `at`, the place (a, b) to write the name, None where there is no room.

    Raises:
        ShapeError: The run cannot have the layer, or the query makes no sense.
    """
    layer, law = choice(query, "layer", tuple(OFFERED), None), choice(query, "law", tuple(LAWS), WHITE.name)
    run, other, cut, plane = planes_of(library, name, query)
    offered = checked_layer(run, layer)

    def sheet(each: OpenRun) -> Sheet:
        return cut_sheet(each, layer, cut, plane.extent, law if offered.has_law else "")

    shared = [run, other] if other is not None and offered.shares_ends else [run]
    sheets = [sheet(each) for each in shared]
    scale, low, high = offered.ends(run, sheets)
    values, names = sheets[0], class_names(run)
    return {
        "values": packed(values, "<f4"),
        "scale": scale,
        "ends": [low, max(high, low + 1e-6)],
        "bar": offered.bar,
        "note": offered.note(run, law),
        "classes": classes_on(values.astype(np.int64), names, plane.extent) if scale == "classes" else [],
    }


def classes_on(values: NDArray[np.integer], names: Sequence[str], extent: float) -> list[dict[str, object]]:
    """The classes of a map of classes (G, G), the largest first, as in `plane_layer`."""
    ticks = np.linspace(-extent, extent, len(values))
    shares = np.bincount(values.ravel(), minlength=len(names)) / values.size
    places = middles(values, len(names))
    listed = []
    for c in map(int, np.argsort(-shares, kind="stable")):
        if shares[c] > 0:
            row, column = places.get(c, (None, None))
            at = None if row is None or column is None else [float(ticks[column]), float(ticks[row])]
            listed.append({"class": c, "name": names[c], "share": float(shares[c]), "at": at})
    return listed


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


def offered_layers(library: Library, name: str) -> list[dict[str, object]]:
    """The layers as the page offers them, and of those that the pair cannot have, which run lacks what."""
    run = library.open(name)
    pair = [each for each in (run, twin_of(library, run)) if each is not None]
    listed: list[dict[str, object]] = []
    for layer, offered in OFFERED.items():
        reasons = [f"{each.name}: {reason}" for each in pair if (reason := offered.against(each)) is not None]
        listed.append(
            {
                "name": layer,
                "title": offered.title,
                "reading": offered.reading,
                "unit": offered.bar,
                "calibrated": offered.score is not None,
                "has_law": offered.has_law,
                "reason": reasons[0] if reasons else None,
            }
        )
    return listed


def described_place(run: OpenRun, latent: Latents, layer: str, law: str) -> dict[str, object]:
    """What is known of one latent (1, d): the p-values of vacancy, round trip and the chosen layer.

    Returns:
        `vacancy` and `round_trip`, p-values; `distance`: to the k-th nearest code, in standard deviations of the codes;
        `miss`: of the round trip, the same unit per active axis; and what `Layer.place` says: `layer`, a p-value, nats
        of doubt, or None; `class` and `chance` of a class layer.

    Raises:
        ShapeError: The run cannot have the layer.
    """
    from explorer.analysis.holes import conformal_p_values

    offered = checked_layer(run, layer)
    distance, miss = run.vacancy.score(latent), run.round_trip.score(latent)
    return {
        "vacancy": float(run.vacancy.p_value(latent)[0]),
        "distance": float(distance[0]),
        "round_trip": float(conformal_p_values(miss, run.round_trip.calibration_scores)[0]),
        "miss": float(miss[0]),
        **offered.place(run, latent, law),
    }
