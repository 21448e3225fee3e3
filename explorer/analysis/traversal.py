"""Walks along one direction, lattices along two, and how to space them."""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.directions import Direction
from explorer.arrays import Latents
from explorer.errors import ShapeError


def traverse(origin: Latents, direction: Latents, offsets: NDArray[np.floating]) -> Latents:
    """Walk from one latent along one direction.

    Args:
        origin: Where offset 0 stands, (d,).
        direction: Any vector but zero, (d,); only where it points matters.
        offsets: Signed distances, (T,), in prior standard deviations.

    Returns:
        Latents, (T, d); row t lies `offsets[t]` from the origin.

    Raises:
        ShapeError: The direction is not shaped like the origin, or has no length.
    """
    if direction.shape != origin.shape:
        raise ShapeError(f"direction has shape {direction.shape}, but the origin has {origin.shape}.")
    length = np.linalg.norm(direction.astype(np.float64))
    if not length > 0:
        raise ShapeError("a direction needs a length above 0, but this one points nowhere.")
    steps = np.asarray(offsets, dtype=np.float64)[:, None] * (direction / length)  # (T, 1) * (d,) -> (T, d)
    return (origin + steps).astype(np.float32)


def traverse_to(origin: Latents, direction: Direction, coordinates: NDArray[np.floating]) -> Latents:
    """Walk from one latent so that its coordinate along a direction takes the given values.

    Args:
        origin: Any point of the walk's line, (d,); its own coordinate need not be 0.
        direction: Along which to walk.
        coordinates: Wanted, (T,), in the direction's unit.

    Returns:
        Latents, (T, d); `direction.coordinate` of row t is `coordinates[t]`.
    """
    return direction.moved(np.repeat(origin[None], len(coordinates), axis=0), coordinates)


def lattice(
    origin: Latents,
    first: Direction,
    second: Direction,
    first_coordinates: NDArray[np.floating],
    second_coordinates: NDArray[np.floating],
) -> Latents:
    """A sheet of latents along two directions through one latent.

    The step along `second` is taken last. Where the two are not orthogonal it also moves the coordinate along
    `first`; rows and columns of the sheet are still straight and evenly spaced.

    Args:
        origin: Any point of the sheet, (d,).
        first: Along each row, from left to right.
        second: From row to row, from the top down.
        first_coordinates: (columns,), in the unit of `first`.
        second_coordinates: (rows,), in the unit of `second`; the first is the top row.

    Returns:
        Latents, (rows * columns, d), row by row.
    """
    across = (np.asarray(first_coordinates, dtype=np.float64) - first.coordinate(origin)) * first.scale
    down = (np.asarray(second_coordinates, dtype=np.float64) - second.coordinate(origin)) * second.scale
    steps = across[None, :, None] * first.vector + down[:, None, None] * second.vector  # (rows, columns, d)
    return (origin + steps).reshape(-1, len(origin)).astype(np.float32)


def even_spacing(low: float, high: float, count: int) -> NDArray[np.float64]:
    """Evenly spaced coordinates (count,), both ends included."""
    return np.linspace(low, high, count)


def prior_spacing(count: int, tail: float = 0.02) -> NDArray[np.float64]:
    """Coordinates (count,) that cut N(0, 1) into equal masses: a lattice that shows the prior in its proportions.

    Kingma & Welling 2014, appendix A, https://arxiv.org/abs/1312.6114

    Args:
        count: Of one or more.
        tail: Mass left out at either end.
    """
    return np.array([NormalDist().inv_cdf(p) for p in _levels(count, tail)])


def quantile_spacing(values: NDArray[np.floating], count: int, tail: float = 0.02) -> NDArray[np.float64]:
    """Coordinates (count,) that cut the data into equal masses: the same for codes that follow no prior.

    Args:
        values: Coordinates of the encoded data, (N,).
        count: Of one or more.
        tail: Share left out at either end.
    """
    return np.quantile(np.asarray(values, dtype=np.float64), _levels(count, tail))


def _levels(count: int, tail: float) -> NDArray[np.float64]:
    return np.linspace(tail, 1 - tail, count) if count > 1 else np.array([0.5])
