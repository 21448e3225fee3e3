"""What the dots of a map are coloured by, beside classes and attributes: one entry for each number of an image."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Scores
from explorer.errors import ShapeError
from explorer.library import OpenRun, kept
from explorer.views.clusters import Groups, cluster_colour, cluster_groups, has_clusters

MOST_COMPARED = 20_000
"""Images among which each one's nearest neighbour is sought: the search grows with their square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """A number of every image that the dots of a map can be coloured by.

    Attributes:
        text: Its name in the menu.
        hint: What it is, in a sentence.
        title: Its name beside the scale, with the unit.
        values: A run to its numbers, (N,); `ShapeError` where it has none.
        lacks: Whether a run has no such numbers.
        is_p_value: Whether the scale is that of p-values, logarithmic and always the same.
        groups: What the numbers stand for where each is a group of images and not an amount; NaN is in none.
    """

    text: str
    hint: str
    title: str
    values: Callable[[OpenRun], Scores]
    lacks: Callable[[OpenRun], bool]
    is_p_value: bool = False
    groups: Callable[[OpenRun], Groups] | None = None


@kept
def loneliness(run: OpenRun) -> NDArray[np.float32]:
    """Distance from every image's code to the nearest other one, (N,), in standard deviations of the codes.

    Raises:
        ShapeError: There are too many images, or only one.
    """
    from explorer.analysis.neighbours import nearest

    if not 2 <= len(run) <= MOST_COMPARED:
        raise ShapeError(
            f"nearest neighbours are sought among 2 to {MOST_COMPARED:,} images; this run has {len(run):,}."
        )

    codes = run.frame.whiten(run.latents.mean)
    return nearest(codes, codes, 1, same=True)[1][:, 0].astype(np.float32)


COLOURS: Mapping[str, Colour] = {
    "distortion": Colour(
        text="Distortion",
        hint="How badly the image is reconstructed, nats",
        title="distortion, nats",
        values=lambda run: run.scalar("distortion"),
        lacks=lambda run: bool(np.isnan(run.latents.distortion).any()),
    ),
    "rate": Colour(
        text="Rate",
        hint="How many nats its code carries",
        title="rate, nats",
        values=lambda run: run.scalar("rate"),
        lacks=lambda run: run.is_point,
    ),
    "vacancy": Colour(
        text="Hole p-value",
        hint=(
            "Hole p-value of the image's drawn code: a code drawn at random from what the encoder allows the image. "
            "It is the share of new images whose drawn code is at least as far from others; at most 0.05 is a hole"
        ),
        title="hole p-value of the image's drawn code",
        values=lambda run: run.scalar("vacancy"),
        lacks=lambda _: False,
        is_p_value=True,
    ),
    "loneliness": Colour(
        text="Distance to nearest",
        hint="How far the nearest other image's code is, in standard deviations of the codes",
        title="distance to the nearest other code, sd of the codes",
        values=loneliness,
        lacks=lambda run: not 2 <= len(run) <= MOST_COMPARED,
    ),
    "cluster": Colour(
        text="Automatic clusters",
        hint="Groups of codes that lie close together, found without looking at labels; named after what is in them",
        title="cluster of the codes",
        values=cluster_colour,
        lacks=lambda run: not has_clusters(run),
        groups=cluster_groups,
    ),
}
"""The colours by name, in the order of the page; classes and attributes have legends of their own."""

FACTOR = "factor"
"""Beginning of the name of a colour that is a number of the run's own data set; then comes its number."""


def colours_of(run: OpenRun) -> dict[str, Colour]:
    """The colours of one run by name: those of `COLOURS`, then one for each number that is known of its images."""
    numbers = {f"{FACTOR}{number}": factor_colour(name, number) for number, name in enumerate(run.factor_names)}
    return {**COLOURS, **numbers}


def factor_colour(name: str, number: int) -> Colour:
    """A colour by a number that is known of every image: by a ramp, NaN where nobody said."""

    def values(run: OpenRun) -> Scores:
        assert run.latents.factor is not None  # else it has no such names
        return run.latents.factor[:, number]

    hint = f"The images' {name}, as the data set says it"
    return Colour(text=name, hint=hint, title=name, values=values, lacks=lambda _: False)
