"""Directions worth walking along: latent axes, principal components, differences of class means."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import UNKNOWN, Latents, Posterior


@dataclass(frozen=True, slots=True)
class Direction:
    """A unit vector with a scale of its own, for a slider.

    The coordinate of z is (vector . z - offset) / scale; moving it from c to c' adds (c' - c) * scale * vector to z
    and changes no orthogonal direction.

    Attributes:
        name: What the slider is called.
        kind: 'axis', 'pca', 'class' or 'attribute'.
        vector: Unit vector, (d,).
        offset: Value of vector . z at the coordinate 0.
        scale: Length of one unit of the coordinate in z.
        low: Left end of the slider, in the coordinate's unit.
        high: Right end.
        note: What makes it worth a slider, in a few words: nats, variance explained, reliability.
    """

    name: str
    kind: str
    vector: NDArray[np.float32]
    offset: float
    scale: float
    low: float
    high: float
    note: str

    def coordinate(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Coordinates (...,) of latents (..., d)."""
        return (np.asarray(latents, dtype=np.float64) @ self.vector.astype(np.float64) - self.offset) / self.scale

    def moved(self, latents: NDArray[np.floating], coordinate: NDArray[np.floating] | float) -> Latents:
        """Latents (..., d) pushed along the direction until their coordinate is `coordinate`, a number or (...,)."""
        push = (np.asarray(coordinate, dtype=np.float64) - self.coordinate(latents)) * self.scale
        return (latents + push[..., None] * self.vector.astype(np.float64)).astype(np.float32)


def axis_directions(posterior: Posterior, rates: NDArray[np.floating] | None = None) -> list[Direction]:
    """One direction per latent dimension, the most used first.

    Args:
        posterior: Of the encoded data, (N, d). With variances (a VAE) axes are ordered by rate and sliders span +-3
            prior standard deviations; without (an autoencoder) by variance, and sliders span the 1 % to 99 %
            quantiles of the codes.
        rates: Mean rate of each dimension, (d,), nats; None for that of the posterior. Of a lower level of latents it
            is not: its posterior depends on what was drawn above.
    """
    mean = np.asarray(posterior.mean, dtype=np.float64)
    if posterior.log_variance is None:
        weight = mean.var(0)
        notes = [f"variance {value:.3g}" for value in weight]
        lows, highs = np.quantile(mean, [0.01, 0.99], axis=0)
        flat = highs - lows < 1e-6 * max(1.0, np.abs(mean).max(initial=0))
        lows, highs = np.where(flat, lows - 1, lows), np.where(flat, highs + 1, highs)  # a dead axis keeps a slider
    else:
        weight = posterior.rate().mean(0) if rates is None else rates
        notes = [f"{value:.2f} nats" for value in weight]
        lows, highs = np.full(mean.shape[1], -3.0), np.full(mean.shape[1], 3.0)
    identity = np.eye(mean.shape[1], dtype=np.float32)
    order = np.argsort(-weight, kind="stable")
    return [
        Direction(f"axis {j}", "axis", identity[j], 0.0, 1.0, float(lows[j]), float(highs[j]), notes[j]) for j in order
    ]


def pca_directions(mean: Latents) -> list[Direction]:
    """Principal components of the encoded data, the widest first; coordinates in their own standard deviations.

    Each vector's largest loading is positive, so that a component does not flip between two calls.

    Args:
        mean: Posterior means, (N, d) with N of two or more.
    """
    codes = np.asarray(mean, dtype=np.float64)
    centre = codes.mean(0)
    values, vectors = np.linalg.eigh(np.cov(codes, rowvar=False).reshape(codes.shape[1], -1))
    values, vectors = np.maximum(values[::-1], 0), vectors.T[::-1]
    vectors = vectors * np.sign(vectors[np.arange(len(vectors)), np.abs(vectors).argmax(1)])[:, None]
    total = values.sum()
    least = max(values[0] * 1e-8, 1e-12)  # a direction without spread still needs a scale to divide by
    return [
        Direction(
            name=f"component {j + 1}",
            kind="pca",
            vector=vector.astype(np.float32),
            offset=float(vector @ centre),
            scale=float(np.sqrt(max(value, least))),
            low=-3.0,
            high=3.0,
            note=f"{100 * value / total if total else 0:.1f} % of variance",
        )
        for j, (value, vector) in enumerate(zip(values, vectors, strict=True))
    ]


def class_directions(
    mean: Latents, labels: NDArray[np.integer], names: Sequence[str], seed: int = 0
) -> list[Direction]:
    """For each class, from the mean of all others to its own; in the order of the classes.

    Args:
        mean: Posterior means, (N, d).
        labels: (N,), indices into `names`.
        names: Of the classes.
        seed: Of the split halves behind the reliability.
    """
    found = [_contrast(name, "class", mean, labels == c, seed) for c, name in enumerate(names)]
    return [direction for direction, _ in filter(None, found)]


def attribute_directions(
    mean: Latents, attributes: NDArray[np.integer], names: Sequence[str], seed: int = 0
) -> list[Direction]:
    """For each attribute, from the mean of the images without it to the mean of those with it; clearest first.

    White 2016, https://arxiv.org/abs/1609.04468. The vector is not made orthogonal to other attributes': one that
    goes along with another in the data goes along with it here.

    Args:
        mean: Posterior means, (N, d).
        attributes: 0, 1 or `UNKNOWN`, (N, A); an image takes part where its attribute is known.
        names: Of the attributes, A of them.
        seed: Of the split halves behind the reliability.
    """
    found = []
    for each, name in zip(attributes.T, names, strict=True):
        known = each != UNKNOWN
        found.append(_contrast(name, "attribute", mean[known], each[known] > 0, seed))
    return [direction for direction, _ in sorted(filter(None, found), key=lambda pair: -pair[1])]


def split_half_reliability(
    mean: Latents, member: NDArray[np.bool_], rng: np.random.Generator, splits: int = 8
) -> float:
    """How well a difference of means found on one half of the images agrees with the other half's: mean cosine.

    Args:
        mean: Posterior means, (N, d).
        member: Who has the attribute, (N,); two or more with and two or more without.
        rng: Draws the halves.
        splits: How often to split.

    Returns:
        In [-1, 1]; near 1 the direction is a property of the data, near 0 it is noise.
    """
    codes = np.asarray(mean, dtype=np.float64)
    groups = np.flatnonzero(member), np.flatnonzero(~member)
    cosines = []
    for _ in range(splits):
        differences = np.zeros((2, codes.shape[1]))
        for sign, group in zip((1, -1), groups, strict=True):
            shuffled = rng.permutation(group)
            half = len(group) // 2
            differences[0] += sign * codes[shuffled[:half]].mean(0)
            differences[1] += sign * codes[shuffled[half:]].mean(0)
        lengths = np.linalg.norm(differences, axis=1).prod()
        cosines.append(differences[0] @ differences[1] / lengths if lengths > 0 else 0.0)
    return float(np.mean(cosines))


def _contrast(
    name: str, kind: str, mean: Latents, member: NDArray[np.bool_], seed: int
) -> tuple[Direction, float] | None:
    """The direction from those without to those with, and how many standard deviations part them.

    Coordinate -1 is the mean of those without, +1 of those with. None where either side has fewer than two images
    or both means coincide.
    """
    codes = np.asarray(mean, dtype=np.float64)
    if min(member.sum(), (~member).sum()) < 2:
        return None
    own, other = codes[member].mean(0), codes[~member].mean(0)
    length = np.linalg.norm(own - other)
    if length <= 1e-9:
        return None
    vector = (own - other) / length
    spread = np.sqrt(0.5 * ((codes[member] @ vector).var() + (codes[~member] @ vector).var()))
    separation = float(length / max(spread, 1e-12))
    reliability = split_half_reliability(mean, member, np.random.default_rng(seed))
    coordinates = (codes @ vector - vector @ (own + other) / 2) / (length / 2)
    reach = float(np.clip(np.quantile(np.abs(coordinates), 0.99), 3, 12))
    note = f"reliability {reliability:.2f}, means {separation:.1f} sd apart"
    offset = float(vector @ (own + other) / 2)
    return Direction(name, kind, vector.astype(np.float32), offset, float(length / 2), -reach, reach, note), separation
