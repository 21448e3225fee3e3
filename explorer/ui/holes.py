"""Holes: an autoencoder and its VAE twin side by side, in standard deviations of their own codes."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from explorer.config import VARIATIONAL
from explorer.errors import ExplorerError, ShapeError
from explorer.images import data_uri, tile, to_bytes
from explorer.library import LAWS, Card, Library
from explorer.ui.components import live, table
from explorer.ui.page import FigureMaker, Page

if TYPE_CHECKING:
    from explorer.analysis.holes import Plane
    from explorer.library import OpenRun

INTRO = (
    "A hole is a place of latent space where samples fall but hardly any image is encoded: hatched here wherever it is "
    "lonelier than 95 % of the codes of new images. "
    "Move over either plane to see what both models decode at the same place, and look at what changes on the hatching."
)

WORDS = (
    "Read vacancy only beside coverage and active units: a model that ignores its latents has no holes and covers "
    "nothing. Compare equal laws first, white with white. Under raw an autoencoder has luck or bad luck: if its codes "
    "spread far beyond N(0, I), every sample falls into the middle of the crowd, hits no hole and covers little. "
    "That autoencoders cannot generate is false: ten Gaussians fitted to the codes often repair them, and may beat a "
    "VAE's own prior."
)

GRID, SPARSE_GRID = 101, 61
"""p-values on a side of the plane, at d = 2 and beyond, where neighbours are dearer to find."""

LATTICE = 20
"""Decodes, and hatched cells, on a side of the plane."""

SAMPLES = 2000
"""Draws of each law behind its curve."""

EXTENT = 3.0
"""Half the width of the plane at d = 2, in standard deviations of the codes."""

MOST_SLICES = 8
"""Slices of one run that are kept; the oldest is forgotten first."""

LAW_TITLES = {"raw": "raw: N(0, I)", "white": "white: one Gaussian", "gmm10": "GMM-10: ten Gaussians"}


def build(library: Library, page: Page) -> None:
    """Lay out the tab."""
    gr.Markdown(INTRO, elem_classes=["xp-intro"])
    live(page, "holes", "holes of both models")
    scores = table(page, "hole scores", scores_of(library, page.run.value))
    gr.Markdown(WORDS, elem_classes=["xp-intro"])
    page.run.change(
        lambda run: scores_of(library, run),
        page.run,
        scores,
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )


def scores_of(library: Library, run: object) -> dict[str, Any] | None:
    """The score table of a run and its twin, or None where there are no scores."""
    if not isinstance(run, str):
        return None
    try:
        names = [run, library.twin(run)]
        cards = [library.card(name) for name in names if name is not None]
    except ExplorerError:  # the picker says what is wrong with a run
        return None
    return score_table(sorted(cards, key=lambda card: card.family in VARIATIONAL))


def score_table(cards: list[Card]) -> dict[str, Any] | None:
    """Hole scores of models under each sampling law, as plain values for `static/scores.js`.

    Args:
        cards: The models, in the order of the columns.

    Returns:
        `caption`, `models`, `laws` (the columns are every law of the first model, then of the next), and `rows` of
        `name`, `meaning` and `cells`, each a score `{"value", "low", "high", "n"}` or None; None where no model has
        hole scores.
    """
    holes = [card.metrics.get("holes") for card in cards]
    if not any(isinstance(part, Mapping) for part in holes):
        return None
    found = [part if isinstance(part, Mapping) else {} for part in holes]
    space = next((part["feature_space"] for part in found if part.get("feature_space")), "not stated")
    meanings = {
        "vacancy": ("Vacancy", "share of samples in holes; 0.05 is what codes of new images score, lower is better"),
        "coverage": ("Coverage", f"share of test images with a sample among their 5 neighbours, in {space}; up to 1"),
        "round_trip": ("Round trip", "share of samples whose decode does not encode back to them; 0.05 is best"),
    }
    rows: list[dict[str, Any]] = []
    for key, (title, meaning) in meanings.items():
        cells = [_score(part.get(law), key) for part in found for law in LAWS]
        if any(cells):
            rows.append({"name": title, "meaning": meaning, "cells": cells})
    active = [card.number("test", "active_units") for card in cards]
    cells = [None if units is None else {"value": units} for units in active for _ in LAWS]
    dims = " and ".join(sorted({str(card.latent_dim) for card in cards}))
    meaning = f"latent dimensions whose mean depends on the image, of {dims}; the same under every law"
    rows.append({"name": "Active units", "meaning": meaning, "cells": cells})
    sizes = "; ".join(
        f"{card.name}: {part['reference_n']:,} reference, {part['calibration_n']:,} calibration codes, k = {part['k']}"
        for card, part in zip(cards, found, strict=True)
        if all(isinstance(part.get(key), int) for key in ("reference_n", "calibration_n", "k"))
    )
    caption = "Scores with 95 % intervals." + (f" Measured against {sizes}." if sizes else "")
    models, laws = [card.name for card in cards], [LAW_TITLES[law] for law in LAWS]
    return {"caption": caption, "models": models, "laws": laws, "rows": rows}


def hole_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """The vacancy map of a run on one plane as plotly JSON.

    Args:
        library: The runs.
        name: The run's name.
        query: `anchors`: three test images as "4,17,256" for the slice of a run with d > 2; `lead`: which run of the
            pair chooses them where there is no wish, so that both are cut through the same images; `theme`.

    Raises:
        ShapeError: The run has no plane, or the query makes no sense.
    """
    from explorer.plots import as_json, hole_map

    run = library.open(name)
    theme = "dark" if query.get("theme") == "dark" else "light"
    other = twin_of(library, run)
    lead = query.get("lead", name)
    if lead != name and lead != library.twin(name):
        raise ShapeError(f"lead must be {name} or its twin.")
    anchors = checked_anchors(run if lead == name or other is None else other, query.get("anchors"))
    extent = max(plane_through(each, anchors).extent for each in (run, other) if each is not None)
    key = (extent, *anchors) if run.latent_dim > 2 else (extent,)
    kept: dict[tuple[float, ...], dict[str, Any]] = run.keep("slices", dict)
    drawn = kept.get(key)
    if drawn is None:
        drawn = _draw(run, anchors, extent)
        while len(kept) >= MOST_SLICES:
            kept.pop(next(iter(kept)), None)
        kept[key] = drawn
    return as_json(hole_map(theme=theme, revision=f"{name} {key}", **drawn))


def twin_of(library: Library, run: "OpenRun") -> "OpenRun | None":
    """The run to be shown on the other side, if it can be opened, has a plane, and encodes the same test images."""
    name = library.twin(run.name)
    try:
        other = library.open(name) if name is not None else None
    except ExplorerError:  # the picker says what is wrong with it
        return None
    if other is None or other.latent_dim < 2 or not np.array_equal(run.latents.index, other.latents.index):
        return None
    return other


def plane_through(run: "OpenRun", anchors: tuple[int, ...]) -> "Plane":
    """All there is at d = 2, else the slice through three test images, wide enough to hold them."""
    from explorer.analysis.holes import anchored_plane, axis_plane

    if run.latent_dim == 2:
        return axis_plane(run.frame, EXTENT)
    return anchored_plane(run.frame, run.latents.mean[list(anchors)])


def _draw(run: "OpenRun", anchors: tuple[int, ...], extent: float) -> dict[str, Any]:
    """Everything of a hole map but the theme, over [-extent, extent]."""
    from explorer.analysis.holes import ALPHA

    frame = run.frame
    spanning = run.latents.mean[list(anchors)]
    plane = dataclasses.replace(plane_through(run, anchors), extent=extent)
    size = GRID if run.latent_dim == 2 else SPARSE_GRID
    grid = run.vacancy.p_value(plane.latents(frame, *plane.lattice(size))).reshape(size, size)
    edge = 2 * plane.extent / LATTICE
    ticks = -plane.extent + edge * (np.arange(LATTICE) + 0.5)
    a, b = np.tile(ticks, LATTICE), np.repeat(ticks, LATTICE)
    cells = plane.latents(frame, a, b)
    holes = (run.vacancy.p_value(cells) <= ALPHA).reshape(LATTICE, LATTICE)
    codes = plane.coordinates(frame, run.latents.draw).astype(np.float32)
    nearness = None
    if run.latent_dim > 2:
        distance = plane.distance(frame, run.latents.draw)
        nearness = np.clip(0.9 * np.exp(-0.5 * (distance / max(1e-6, np.quantile(distance, 0.05))) ** 2), 0.02, 0.9)
    names = run.class_names
    if names is None and run.labels is not None:
        names = tuple(str(c) for c in range(int(run.labels.max()) + 1))
    return {
        "p_grid": grid,
        "extent": plane.extent,
        "plane": plane_of(run, plane),
        "codes": codes,
        "nearness": nearness,
        "labels": run.labels,
        "names": names,
        "lattice": lattice_picture(run, cells),
        "lattice_holes": holes,
        "anchors": plane.coordinates(frame, spanning) if run.latent_dim > 2 else None,
    }


def plane_of(run: "OpenRun", plane: "Plane") -> dict[str, NDArray[np.floating]]:
    """Latents z of the places (a, b) of a plane, as `origin + a first + b second`, each (d,)."""
    corners = plane.latents(run.frame, np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])).astype(np.float64)
    return {"origin": corners[0], "first": corners[1] - corners[0], "second": corners[2] - corners[0]}


def lattice_picture(run: "OpenRun", cells: NDArray[np.float32]) -> str:
    """Decodes of the lattice as the `data:` address of one picture, its first row at the bottom."""
    decodes = to_bytes(run.coder.decode(cells))
    rows = decodes.reshape(LATTICE, LATTICE, *decodes.shape[1:])[::-1]
    return data_uri(tile(rows.reshape(decodes.shape), LATTICE))


def checked_anchors(run: "OpenRun", asked: str | None) -> tuple[int, ...]:
    """Three different test images that span a slice; without a wish, one each of three classes.

    Raises:
        ShapeError: The run has no plane, or the wish is no three numbers of images.
    """
    if run.latent_dim < 2:
        raise ShapeError(f"{run.name} has one latent dimension, which spans no plane.")
    if asked is None or run.latent_dim == 2:
        return _typical(run)
    parts = asked.split(",")
    if len(parts) != 3 or not all(p.isascii() and p.isdecimal() and len(p) < 10 and int(p) < len(run) for p in parts):
        raise ShapeError(f"anchors must be three images from 0 to {len(run) - 1}, such as 0,1,2.")
    return tuple(int(p) for p in parts)


def _typical(run: "OpenRun") -> tuple[int, ...]:
    """The images nearest to the mean codes of the first three classes, or the first three images."""
    classes = [] if run.labels is None else np.unique(run.labels)[:3]
    if len(classes) < 3:
        return (0, 1, 2)
    found = []
    for c in classes:
        rows = np.flatnonzero(run.labels == c)
        codes = run.frame.whiten(run.latents.mean[rows])
        found.append(int(rows[np.argmin(((codes - codes.mean(0)) ** 2).sum(1))]))
    return tuple(found)


def p_value_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """The curves of p-values under each sampling law as plotly JSON; `query` says the theme."""
    from explorer.plots import as_json, p_value_curves

    run = library.open(name)

    def draw() -> dict[str, NDArray[np.float64]]:
        rng = np.random.default_rng(0)
        return {law: run.vacancy.p_value(run.sample(law, SAMPLES, rng)) for law in LAWS}

    curves = run.keep("p-value curves", draw)
    return as_json(p_value_curves(curves, "dark" if query.get("theme") == "dark" else "light", name))


def _score(law: object, key: str) -> dict[str, float] | None:
    """A stored score, or None where it is missing or no number."""
    stored = law.get(key) if isinstance(law, Mapping) else None
    if not isinstance(stored, Mapping):
        return None
    kept = {
        part: stored[part]
        for part in ("value", "low", "high", "n")
        if isinstance(stored.get(part), int | float) and not isinstance(stored.get(part), bool)
    }
    return kept if "value" in kept and all(np.isfinite(list(kept.values()))) else None


FIGURES: dict[str, FigureMaker] = {"holes": hole_figure, "p-values": p_value_figure}
"""Served by the figure route."""
