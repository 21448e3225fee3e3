"""Walks between two latents."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Latents
from explorer.errors import ShapeError


@dataclass(frozen=True, slots=True)
class Interpolation:
    """A walk between two latents, and which way it really went.

    Attributes:
        latents: (T, d).
        kind: 'linear' or 'spherical'.
        note: Empty, or one sentence on why the walk is not of the kind that was asked for.
    """

    latents: Latents
    kind: Literal["linear", "spherical"]
    note: str = ""


def interpolate(
    first: Latents,
    second: Latents,
    positions: NDArray[np.floating],
    kind: Literal["linear", "spherical"] = "linear",
) -> Interpolation:
    """A walk from one latent to another; see `linear` and `spherical`.

    Args:
        first: Where position 0 stands, (d,).
        second: Where position 1 stands, (d,).
        positions: (T,); values below 0 or above 1 overshoot the ends.
        kind: Which way to go.

    Raises:
        ShapeError: The ends are not two latents of one shape.
    """
    return spherical(first, second, positions) if kind == "spherical" else linear(first, second, positions)


def linear(first: Latents, second: Latents, positions: NDArray[np.floating]) -> Interpolation:
    """The straight walk: (1 - t) first + t second at positions t, (T,); below 0 and above 1 it overshoots."""
    start, end, t = _ends(first, second, positions)
    return Interpolation(((1 - t) * start + t * end).astype(np.float32), "linear")


def spherical(first: Latents, second: Latents, positions: NDArray[np.floating]) -> Interpolation:
    """The walk along the arc: its direction turns evenly from one end's to the other's, its length changes evenly.

    Direction (sin((1 - t) w) a + sin(t w) b) / sin w of unit vectors a and b, w the angle between them; length
    (1 - t) |first| + t |second|. Shoemake 1985, https://doi.org/10.1145/325165.325242; for latents White 2016,
    https://arxiv.org/abs/1609.04468: a straight walk between two draws of a high-dimensional prior leaves its shell,
    the arc stays on it. Turning unit vectors, unlike the ends themselves, cannot fling a walk between two nearly
    opposite latents of unequal length far outside.

    The arc is not defined where an end lies at the origin or the two point the same or opposite ways; there the walk
    is the straight one, and the note says so.

    Args:
        first: Where position 0 stands, (d,).
        second: Where position 1 stands, (d,).
        positions: t, (T,).

    Raises:
        ShapeError: The ends are not two latents of one shape.
    """
    start, end, t = _ends(first, second, positions)
    near, far = np.linalg.norm(start), np.linalg.norm(end)
    if min(near, far) < 1e-9:
        return _straightened(first, second, positions, "one end is the origin, which has no direction")
    cosine = float((start / near) @ (end / far))
    angle = float(np.arccos(np.clip(cosine, -1, 1)))
    if np.sin(angle) < 1e-4:
        way = "the same way" if cosine > 0 else "opposite ways"
        return _straightened(first, second, positions, f"both ends point {way} from the origin")
    turned = (np.sin((1 - t) * angle) * (start / near) + np.sin(t * angle) * (end / far)) / np.sin(angle)
    length = np.maximum((1 - t) * near + t * far, 0)  # far past the shorter end it would turn inside out
    return Interpolation((length * turned).astype(np.float32), "spherical")


def path_positions(steps: int, overshoot: float = 0.0) -> NDArray[np.float64]:
    """Even positions (steps,) from -overshoot to 1 + overshoot; one step stands in the middle."""
    return np.linspace(-overshoot, 1 + overshoot, steps) if steps > 1 else np.array([0.5])


def _straightened(first: Latents, second: Latents, positions: NDArray[np.floating], why: str) -> Interpolation:
    return Interpolation(linear(first, second, positions).latents, "linear", f"The walk is straight: {why}.")


def _ends(
    first: Latents, second: Latents, positions: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    start, end = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if start.ndim != 1 or start.shape != end.shape:
        raise ShapeError(f"a walk needs two latents of one shape (d,), not {start.shape} and {end.shape}.")
    return start, end, np.asarray(positions, dtype=np.float64)[:, None]
