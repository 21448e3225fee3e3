"""Which flat window into latent space Holes shows: all there is at d = 2, else a slice, the same way in both models."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.neighbours import class_medoids
from explorer.errors import ExplorerError, ShapeError
from explorer.library import Library, OpenRun
from explorer.views.runs import twin_name

if TYPE_CHECKING:
    from explorer.analysis.directions import Direction
    from explorer.analysis.holes import Plane

NAMED = re.compile(r"(axes|pca|classes|attributes):([0-9]{1,4})")
"""A direction that both models of a pair have: the class or attribute of that number, or the n-th strongest axis or
component, counted from 0. Axis 3 of one model does not correspond to axis 3 of the other; only ranks are compared."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How a slice is chosen, in words that mean the same in both models of a pair.

    Attributes:
        anchors: Three test images that span it; the numbers are those of the evaluation split.
        directions: Or two directions through the middle of the codes, as in `NAMED`. None are needed at d = 2.
    """

    anchors: tuple[int, ...] = ()
    directions: tuple[tuple[str, int], ...] = ()

    def plane(self, run: OpenRun) -> "Plane":
        """The plane in the frame of one run.

        Raises:
            ShapeError: Images on one line, or directions that the run has not.
        """
        if self.directions and run.latent_dim > 2:
            return plane_along(run, self.directions)
        return plane_through(run, self.anchors)


def planes_of(library: Library, name: str, query: Mapping[str, str]) -> "tuple[OpenRun, OpenRun | None, Cut, Plane]":
    """The plane of a run that a query asks for, over an extent that holds its twin's as well.

    Args:
        library: The runs.
        name: The run's name.
        query: `anchors`: three test images as "4,17,256" for the slice of a run with d > 2; or `directions`: two as
            "classes:3,pca:0"; `lead`: which run of the pair chooses the images where there is no wish, so that both
            are cut through the same ones.

    Returns:
        The run, the run to be shown on the other side or None, how the plane was chosen, and the run's plane.

    Raises:
        ShapeError: The run has no plane, or the query makes no sense.
    """
    run = library.open(name)
    lead = query.get("lead", name)
    twin = twin_name(library, run)
    if lead not in (name, twin):
        if lead not in library.cards() or library.twin(lead) != name:
            raise ShapeError(f"lead must be {name}, its twin, or a run whose twin it is.")
        twin = lead  # the rungs of a ladder share one autoencoder, whose own twin is one of them
    other = twin_of(library, run, twin)
    chooser = run if lead == name or other is None else other
    directions = query.get("directions")
    if directions is not None and run.latent_dim > 2:
        cut = Cut(directions=checked_directions(run, directions))
        return run, other, cut, cut.plane(run)
    cut = Cut(checked_anchors(chooser, query.get("anchors")))
    extent = max(cut.plane(each).extent for each in (run, other) if each is not None)
    return run, other, cut, replace(cut.plane(run), extent=extent)


def twin_of(library: Library, run: OpenRun, name: str | None = None) -> OpenRun | None:
    """The run to be shown on the other side, if it can be opened, has a plane, and encodes the same test images.

    Args:
        library: The runs.
        run: The one side.
        name: The other; None for the twin.
    """
    name = name or twin_name(library, run)
    try:
        other = library.open(name) if name is not None else None
    except ExplorerError:  # the picker says what is wrong with it
        return None
    if other is None or other.latent_dim < 2 or not np.array_equal(run.latents.index, other.latents.index):
        return None
    return other


def plane_through(run: OpenRun, anchors: tuple[int, ...]) -> "Plane":
    """All there is at d = 2, else the slice through three test images, wide enough to hold them."""
    from explorer.analysis.holes import anchored_plane, axis_plane

    if run.latent_dim == 2:
        return axis_plane(run.frame, run.latents.draw)
    return anchored_plane(run.frame, run.latents.mean[list(anchors)])


def plane_along(run: OpenRun, directions: tuple[tuple[str, int], ...]) -> "Plane":
    """The slice through the middle of the codes along two directions.

    Raises:
        ShapeError: They are parallel, or the run has not got them.
    """
    from explorer.analysis.holes import spanned_plane

    found = [named_direction(run, kind, place) for kind, place in directions]
    try:
        middle = run.frame.mean.astype(np.float32)
        return spanned_plane(run.frame, middle, found[0].vector, found[1].vector, run.latents.draw)
    except ShapeError:
        raise ShapeError(f"{found[0].name} and {found[1].name} run the same way; choose two that differ.") from None


def named_direction(run: OpenRun, kind: str, place: int) -> "Direction":
    """A direction of a run, as `NAMED` says it.

    Classes and attributes go by their number, because each model lists them in an order of its own, and leaves out
    those that too few images have.

    Raises:
        ShapeError: The run has not got it.
    """
    offered = run.directions.get(kind, [])
    names = {"classes": run.class_names, "attributes": run.attribute_names}.get(kind)
    if names is not None and place < len(names):
        found = next((direction for direction in offered if direction.name == names[place]), None)
        if found is None:
            raise ShapeError(f"{run.name} has no direction towards {names[place]!r:.60}: too few images have it.")
        return found
    if names is not None or place >= len(offered):
        count = len(offered if names is None else names)
        raise ShapeError(f"{run.name} has {count} directions of the kind {kind}, so there is no number {place}.")
    return offered[place]


def plane_latents(run: OpenRun, plane: "Plane") -> dict[str, NDArray[np.floating]]:
    """Latents z of the places (a, b) of a plane, as `origin + a first + b second`, each (d,)."""
    corners = plane.latents(run.frame, np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])).astype(np.float64)
    return {"origin": corners[0], "first": corners[1] - corners[0], "second": corners[2] - corners[0]}


def checked_directions(run: OpenRun, asked: str) -> tuple[tuple[str, int], ...]:
    """Two directions that span a slice.

    Raises:
        ShapeError: The run has no plane, or the wish is no two directions.
    """
    if run.latent_dim < 2:
        raise ShapeError(f"{run.name} has one latent dimension, which spans no plane.")
    parts = [NAMED.fullmatch(part) for part in asked.split(",", 2)] if asked.isascii() else []
    if len(parts) != 2 or not all(parts):
        raise ShapeError("directions must be two, each a kind and a place among them, such as classes:3,pca:0.")
    return tuple((part[1], int(part[2])) for part in parts if part is not None)


def checked_anchors(run: OpenRun, asked: str | None) -> tuple[int, ...]:
    """Three different test images that span a slice, none at d = 2; without a wish, one each of three classes.

    Raises:
        ShapeError: The run has no plane, or the wish is no three numbers of images.
    """
    if run.latent_dim < 2:
        raise ShapeError(f"{run.name} has one latent dimension, which spans no plane.")
    if run.latent_dim == 2:
        return ()
    if len(run) < 3:
        raise ShapeError(f"{run.name} has {len(run)} test images, and three span a slice.")
    if asked is None:
        return _typical(run)
    parts = asked.split(",")
    if len(parts) != 3 or not all(p.isascii() and p.isdecimal() and len(p) < 10 and int(p) < len(run) for p in parts):
        raise ShapeError(f"anchors must be three images from 0 to {len(run) - 1}, such as 0,1,2.")
    return tuple(int(p) for p in parts)


def _typical(run: OpenRun) -> tuple[int, ...]:
    """The images nearest to the mean codes of the first three classes, or the first three images."""
    labels = np.zeros(0, dtype=np.int64) if run.labels is None else run.labels
    classes = np.unique(labels)[:3]
    if len(classes) < 3:
        return (0, 1, 2)
    rows = np.flatnonzero(np.isin(labels, classes))
    medoids = class_medoids(run.frame.whiten(run.latents.mean[rows]), np.searchsorted(classes, labels[rows]), 3)
    return tuple(int(row) for row in rows[medoids])
