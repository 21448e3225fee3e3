"""Directions worth walking along: latent axes, principal components, what tells one group of images from the others."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import UNKNOWN, Latents, Posterior
from explorer.errors import ShapeError

Method = Literal["means", "logistic"]
"""How a direction between two groups is found: the difference of their means, or the normal of the plane that a
logistic regression parts them with."""

METHODS: tuple[Method, ...] = get_args(Method)

FEWEST = 10
"""Images on either side that a direction between two groups needs: the mean of fewer is mostly those very images."""

NOISY = 0.5
"""A reliability below which a direction is called noise."""

PARTS, PERMUTATIONS = 5, 20
"""Parts of the images, of which each in turn judges a direction found on the others, and shuffles of who has what."""

LEAST_LEFT = 0.05
"""Share of its length that a direction must keep when another is projected out of it, to be a direction of its own."""


@dataclass(frozen=True, slots=True)
class Direction:
    """A unit vector with a scale of its own, for a slider.

    The coordinate of z is (vector . z - offset) / scale; moving it from c to c' adds (c' - c) * scale * vector to z
    and changes no orthogonal direction.

    Attributes:
        name: What the slider is called.
        kind: 'axis', 'pca', 'class', 'attribute', or 'selection' for some images of the Map.
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


@dataclass(frozen=True, slots=True)
class Contrast:
    """A direction from the images without something to those with it, and how far it is to be believed.

    Attributes:
        direction: Coordinate -1 is the mean of those without, +1 of those with.
        members: Images with it.
        others: Images without it.
        reliability: Mean cosine between the directions found on random halves of the images, in [-1, 1].
        separation: Distance of both groups along it, in standard deviations within them, on images that it was not
            found on: on its own images ten bald heads are always far from the others.
        least: Lower end of the 95 % interval of the separation.
        chance: The separation that 19 of 20 shuffles of who has it stay below.
    """

    direction: Direction
    members: int
    others: int
    reliability: float
    separation: float
    least: float
    chance: float


def contrast(
    name: str,
    kind: str,
    mean: Latents,
    member: NDArray[np.bool_],
    *,
    method: Method = "means",
    without: NDArray[np.floating] | None = None,
    seed: int = 0,
) -> Contrast:
    """The direction from the images that are no members to those that are.

    The difference of means follows White 2016, https://arxiv.org/abs/1609.04468. The logistic regression gives the
    normal of the plane that parts both best: it leaves out what the groups merely happen to differ in. Projecting
    another direction w out, v - (v . w) w, keeps w's coordinate still along the walk (conditional manipulation: Shen
    et al. 2020, https://arxiv.org/abs/1907.10786, section 3.2).

    Args:
        name: Of what the members have, for the slider.
        kind: 'class' or 'attribute'.
        mean: Posterior means, (N, d).
        member: Who has it, (N,).
        method: One of `METHODS`.
        without: A direction to project out, (d,), of any length; None for none.
        seed: Of the split halves behind the reliability.

    Raises:
        ShapeError: Fewer than `FEWEST` images on a side, both means coincide, or nothing is left of the direction.
    """
    codes = np.asarray(mean, dtype=np.float64)
    members, others = int(member.sum()), int((~member).sum())
    if min(members, others) < FEWEST:
        raise ShapeError(
            f"{name!r:.60} has {members:,} images with it and {others:,} without; a direction needs at least {FEWEST} "
            "of either, so choose another."
        )
    found = _towards(codes, member, method)
    length = np.linalg.norm(found)
    if not length > 1e-9:
        raise ShapeError(f"{name!r:.60} points nowhere: the means with it and without it coincide; choose another.")
    vector = _apart(found / length, without)
    left = np.linalg.norm(vector)
    apart = float((codes[member].mean(0) - codes[~member].mean(0)) @ vector)
    if left < LEAST_LEFT or not apart > 0:
        raise ShapeError(f"nothing is left of {name!r:.60} once the other direction is projected out; choose another.")
    vector, apart = vector / left, apart / float(left)
    along = codes @ vector
    rng = np.random.default_rng(seed)
    separation, chance = cross_validated_separation(codes, member, rng, method, without)
    # Hedges & Olkin 1985, "Statistical Methods for Meta-Analysis", chapter 5
    doubt = np.sqrt((members + others) / (members * others) + separation**2 / (2 * (members + others)))
    least = separation - 1.96 * float(doubt)
    reliability = split_half_reliability(mean, member, rng, 8 if method == "means" else 4, method, without)
    middle = float(along[member].mean() + along[~member].mean()) / 2
    reach = float(np.clip(np.quantile(np.abs(along - middle) / (apart / 2), 0.99), 3, 12))
    noise = ", mostly noise" if reliability < NOISY or separation <= chance else ""
    note = f"reliability {reliability:.2f}{noise}, {separation:.1f} sd apart, n {members:,} / {others:,}"
    direction = Direction(name, kind, vector.astype(np.float32), middle, apart / 2, -reach, reach, note)
    return Contrast(direction, members, others, reliability, separation, least, chance)


def class_directions(
    mean: Latents, labels: NDArray[np.integer], names: Sequence[str], seed: int = 0
) -> list[Direction]:
    """For each class, from the mean of all others to its own; in the order of the classes.

    A class with fewer than `FEWEST` images, or outside which there are fewer, has none.

    Args:
        mean: Posterior means, (N, d).
        labels: (N,), indices into `names`.
        names: Of the classes.
        seed: Of the split halves behind the reliability.
    """
    found = [_contrast(name, "class", mean, labels == c, seed) for c, name in enumerate(names)]
    return [each.direction for each in found if each is not None]


def attribute_directions(
    mean: Latents, attributes: NDArray[np.integer], names: Sequence[str], seed: int = 0
) -> list[Direction]:
    """For each attribute, from the mean of the images without it to the mean of those with it; clearest first.

    The clearest has the highest lower bound of its separation, so that a rare attribute of a few odd images does not
    lead.

    White 2016, https://arxiv.org/abs/1609.04468. The vector is not made orthogonal to other attributes': one that
    goes along with another in the data goes along with it here; `contrast` can project that out. An attribute that
    fewer than `FEWEST` images have, or lack, has no direction.

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
    return [each.direction for each in sorted(filter(None, found), key=lambda each: -each.least)]


def split_half_reliability(
    mean: Latents,
    member: NDArray[np.bool_],
    rng: np.random.Generator,
    splits: int = 8,
    method: Method = "means",
    without: NDArray[np.floating] | None = None,
) -> float:
    """How well a direction found on one half of the images agrees with the other half's: mean cosine.

    Args:
        mean: Posterior means, (N, d).
        member: Who has the attribute, (N,); two or more with and two or more without.
        rng: Draws the halves.
        splits: How often to split.
        method: How the direction is found.
        without: A direction that is projected out of both, (d,); None for none.

    Returns:
        In [-1, 1]; near 1 the direction is a property of the data, near 0 it is noise.
    """
    codes = np.asarray(mean, dtype=np.float64)
    groups = np.flatnonzero(member), np.flatnonzero(~member)
    cosines = []
    for _ in range(splits):
        halves: list[list[NDArray[np.int64]]] = [[], []]
        for group in groups:
            shuffled = rng.permutation(group)
            half = len(group) // 2
            halves[0].append(shuffled[:half])
            halves[1].append(shuffled[half:])
        rows = [np.concatenate(half) for half in halves]
        found = [_apart(_towards(codes[each], member[each], method), without) for each in rows]
        lengths = np.linalg.norm(found[0]) * np.linalg.norm(found[1])
        cosines.append(found[0] @ found[1] / lengths if lengths > 0 else 0.0)
    return float(np.mean(cosines))


def cross_validated_separation(
    codes: NDArray[np.floating],
    member: NDArray[np.bool_],
    rng: np.random.Generator,
    method: Method = "means",
    without: NDArray[np.floating] | None = None,
) -> tuple[float, float]:
    """How far apart two groups are along the direction between them, on images that it was not found on.

    Args:
        codes: Posterior means, (N, d).
        member: Who has the attribute, (N,).
        rng: Divides the images into `PARTS` parts, each with its share of both groups, and shuffles the groups.
        method: How the direction is found; the shuffled ones by the means.
        without: A direction that is projected out, (d,); None for none.

    Returns:
        Difference of the groups' means along it, in standard deviations within the groups; and the same that 19 of 20
        shuffles of who has the attribute stay below.
    """
    wide = np.asarray(codes, dtype=np.float64)
    shuffled = [member, *(rng.permutation(member) for _ in range(PERMUTATIONS))]
    found = [_separation(wide, each, rng, method if k == 0 else "means", without) for k, each in enumerate(shuffled)]
    return found[0], float(np.quantile(found[1:], 0.95))


def _separation(
    codes: NDArray[np.float64],
    member: NDArray[np.bool_],
    rng: np.random.Generator,
    method: Method,
    without: NDArray[np.floating] | None,
) -> float:
    """Difference of the groups' means along directions of the other parts, in standard deviations within the groups."""
    part = np.empty(len(member), dtype=np.int64)
    for group in (np.flatnonzero(member), np.flatnonzero(~member)):
        part[group] = rng.permutation(len(group)) % PARTS
    middles = [_means_of_other_parts(codes, part, group) for group in (member, ~member)]  # (PARTS, d) each
    if method == "means":
        vectors = middles[0] - middles[1]
    else:
        vectors = np.stack([_towards(codes[part != each], member[part != each], method) for each in range(PARTS)])
    vectors = np.stack([_apart(vector, without) for vector in vectors])
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-300)
    middle = ((middles[0] + middles[1]) / 2 * vectors).sum(1)  # each direction has a middle of its own
    along = (codes @ vectors.T - middle)[np.arange(len(part)), part]
    with_it, others = along[member], along[~member]
    within = (with_it.var() * len(with_it) + others.var() * len(others)) / max(len(along) - 2, 1)
    return float((with_it.mean() - others.mean()) / max(np.sqrt(within), 1e-12))


def _means_of_other_parts(
    codes: NDArray[np.float64], part: NDArray[np.int64], group: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Row p: mean code of the group's images outside part p, (PARTS, d).

    Sums of the parts tell all of them at once: a card of 40 attributes needs 4,200 of these means.
    """
    chosen = ((part == np.arange(PARTS)[:, None]) & group).astype(np.float64)  # (PARTS, N)
    sums, counts = chosen @ codes, chosen.sum(1)
    return (sums.sum(0) - sums) / (counts.sum() - counts)[:, None]


def _contrast(name: str, kind: str, mean: Latents, member: NDArray[np.bool_], seed: int) -> Contrast | None:
    """As `contrast`, by the means; None where there is none."""
    try:
        return contrast(name, kind, mean, member, seed=seed)
    except ShapeError:
        return None


def _towards(codes: NDArray[np.float64], member: NDArray[np.bool_], method: Method) -> NDArray[np.float64]:
    """From the codes (N, d) without to those with it, (d,), of any length."""
    if method == "means":
        return codes[member].mean(0) - codes[~member].mean(0)
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    # one scale for all axes: the penalty then keeps an axis that hardly varies from counting for more than it shows
    scale = max(float(np.sqrt(codes.var(0).mean())), 1e-12)
    fit = LogisticRegression(class_weight="balanced", max_iter=300, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # where it got to is a direction all the same
        fit.fit((codes - codes.mean(0)) / scale, member)
    return fit.coef_[0]


def _apart(vector: NDArray[np.float64], without: NDArray[np.floating] | None) -> NDArray[np.float64]:
    """What of a vector (d,) is orthogonal to another of any length; all of it where there is no other."""
    if without is None:
        return vector
    other = np.asarray(without, dtype=np.float64)
    return vector - (vector @ other) / max(float(other @ other), 1e-24) * other
