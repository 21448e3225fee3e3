"""Nearest neighbours, exactly: for hole scores, for coverage, and for "images like this one"."""

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from explorer.errors import ShapeError

if TYPE_CHECKING:
    from explorer.analysis.frames import Frame

Metric = Literal["euclidean", "cosine"]

_BLOCK = 32  # references per block; the block minima are what makes the search four times faster than sorting
_SPARE = 4  # candidates beyond k that are measured again, should rounding have swapped close ones
_ROUNDING = 4 * float(np.finfo(np.float64).eps)  # of a squared distance by products, per term and unit of |a|^2 + |b|^2
_CHUNK = 320_000  # products held at once: what fits into a core's cache
_DIFFERENCES = 130_000  # differences of coordinates held at once, for the same reason


def nearest(
    queries: NDArray[np.floating],
    references: NDArray[np.floating],
    count: int = 1,
    *,
    same: bool = False,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The nearest references of every query, by Euclidean distance; the same to the last digit in any batch.

    All squared distances come from one matrix product, whose rounding depends on the size of the batch. So it only
    chooses candidates, whose distances are then measured as differences. Where rounding might have hidden a nearer
    reference, as among codes that are all alike, the query is compared with every reference. Products are made in
    float64: float32 saves a third of the time and costs the agreement with a brute-force computation.

    Args:
        queries: (N, d).
        references: (R, d).
        count: k, how many; at most R, or R - 1 where `same`.
        same: Queries and references are the same array, and none is its own neighbour.

    Returns:
        Rows of `references` (N, k), nearest first and of equal distances the lower row, and their distances (N, k).

    Raises:
        ShapeError: Fewer than k references, or unequal d.
    """
    if queries.ndim != 2 or references.ndim != 2 or queries.shape[1] != references.shape[1]:
        raise ShapeError(f"queries (N, d) and references (R, d) are wanted, not {queries.shape}, {references.shape}.")
    if not 1 <= count <= len(references) - same:
        raise ShapeError(f"{count} nearest of {len(references)} latents were asked for; ask for fewer.")
    among = np.asarray(references, dtype=np.float64)
    wanted = np.asarray(queries, dtype=np.float64)
    centre = among.mean(0)  # squares of small numbers lose fewer digits
    table = _products_table(among - centre)
    widest = float(table[-1, : len(among)].max())
    indices = np.empty((len(wanted), count), dtype=np.int64)
    distances = np.empty((len(wanted), count))
    step = max(1, _CHUNK // table.shape[1])
    for start in range(0, len(wanted), step):
        rows = wanted[start : start + step]
        own = start + np.arange(len(rows)) if same else None
        moved = rows - centre
        ranks = np.concatenate([moved, np.ones((len(rows), 1))], axis=1) @ table  # |b|^2 - 2ab: ranks like distances
        if own is not None:
            ranks[np.arange(len(rows)), own] = np.inf
        candidates = np.sort(_smallest(ranks, min(count + _SPARE, len(among) - same)), axis=1)
        found, squares = _measured(rows, among, candidates, count)
        if candidates.shape[1] < len(among) - same:
            squared = (moved**2).sum(1)
            rounding = _ROUNDING * (among.shape[1] + 2) * (squared + widest)
            outside = np.take_along_axis(ranks, candidates, 1).max(1) + squared - rounding  # no other is nearer
            for doubtful in np.flatnonzero(~(squares[:, -1] < outside)):
                every = np.arange(len(among)) if own is None else np.delete(np.arange(len(among)), own[doubtful])
                found[doubtful], squares[doubtful] = _measured(rows[doubtful, None], among, every[None], count)
        indices[start : start + step], distances[start : start + step] = found, np.sqrt(squares)
    return indices, distances


def _measured(
    queries: NDArray[np.float64], references: NDArray[np.float64], candidates: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The nearest among candidates (n, m), whose rows rise: their rows (n, k) and squared distances (n, k)."""
    exact = np.empty(candidates.shape)  # (n, m)
    step = max(1, _DIFFERENCES // max(1, candidates.shape[1] * references.shape[1]))
    for start in range(0, len(candidates), step):
        part = slice(start, start + step)
        exact[part] = ((references[candidates[part]] - queries[part, None]) ** 2).sum(2)
    order = np.argsort(exact, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(candidates, order, 1), np.take_along_axis(exact, order, 1)


def nearest_neighbours(
    frame: "Frame",
    codes: NDArray[np.floating],
    latents: NDArray[np.floating],
    count: int = 8,
    metric: Metric = "euclidean",
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The codes nearest to each latent, in standard deviations of the codes.

    Args:
        frame: In which distances are taken.
        codes: Among which to look, (R, d); the posterior means of the images on the map, say.
        latents: Whose neighbours are wanted, (N, d).
        count: How many, at most R.
        metric: 'euclidean' distance in u, or 'cosine': 1 - cos of the angle at the frame's origin, in [0, 2], and 1
            where one of the two *is* the origin.

    Returns:
        Rows of `codes` (N, count), nearest first, and their distances (N, count).

    Raises:
        ShapeError: Fewer than `count` codes, or unequal d.
    """
    whitened, queries = frame.whiten(codes), frame.whiten(latents)
    if metric == "euclidean":
        return nearest(queries, whitened, count)
    # One more coordinate keeps the origin at 1 from all others: on it, |a - b|^2 = 2 - 2 cos for unit vectors.
    indices, chords = nearest(_on_sphere(queries, 1), _on_sphere(whitened, 2), count)
    return indices, 0.5 * chords**2


def _on_sphere(vectors: NDArray[np.float64], spare: int) -> NDArray[np.float64]:
    """Unit vectors with two spare coordinates, (N, d + 2); the zero vector becomes the unit vector of one of them."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    extra = np.zeros((len(vectors), 2))
    extra[:, spare - 1] = lengths[:, 0] == 0
    return np.concatenate([unit, extra], axis=1)


def _products_table(references: NDArray[np.float64]) -> NDArray[np.float64]:
    """[-2b, |b|^2] of every reference as columns, (d + 1, R padded to whole blocks); padding is infinitely far."""
    count, dim = references.shape
    padded = -(-count // _BLOCK) * _BLOCK if count > _BLOCK * _BLOCK else count
    table = np.zeros((dim + 1, padded))
    table[:dim, :count] = -2 * references.T
    table[dim, :count] = (references**2).sum(1)
    table[dim, count:] = np.inf
    return table


def _smallest(ranks: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Columns of the smallest entries of every row, (n, count), in no order.

    The `count` smallest lie in the `count` blocks of smallest minima, so only those are searched.
    """
    rows, columns = ranks.shape
    if columns <= _BLOCK * _BLOCK or columns <= 4 * count * _BLOCK:
        if count == columns:
            return np.tile(np.arange(columns), (rows, 1))
        return np.argpartition(ranks, count - 1, axis=1)[:, :count]
    blocks = columns // _BLOCK
    grouped = ranks.reshape(rows, _BLOCK, blocks)  # block j holds columns j, j + blocks, j + 2 blocks, ...
    near = np.argpartition(grouped.min(1), count - 1, axis=1)[:, :count]  # (n, count)
    inside = np.take_along_axis(grouped, near[:, None, :], 2).reshape(rows, -1)  # (n, block * count)
    best = np.argpartition(inside, count - 1, axis=1)[:, :count]
    return best // count * blocks + np.take_along_axis(near, best % count, 1)


def class_medoids(codes: NDArray[np.floating], labels: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """The most typical image of each class: the row of `codes` nearest to the mean of its class, (classes,).

    The mean itself may lie where no image does; a medoid is always an image.

    Args:
        codes: One latent per image, (N, d).
        labels: Class of each, (N,).
        classes: How many there are; a class without an image gets -1.
    """
    found = np.full(classes, -1, dtype=np.int64)
    for label in range(classes):
        rows = np.flatnonzero(labels == label)
        if len(rows):
            own = codes[rows].astype(np.float64)
            found[label] = rows[np.argmin(((own - own.mean(0)) ** 2).sum(1))]
    return found
