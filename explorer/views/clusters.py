"""Clusters of a run's codes, and names for them from what is known of their images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.clusters import FEWEST, NONE, clusters
from explorer.analysis.neighbours import nearest
from explorer.arrays import UNKNOWN
from explorer.library import OpenRun, kept

MOST_CLUSTERED = 10_000
"""Images among which clusters are sought, drawn at random where there are more: 1.5 s with d = 16, 5 s with d = 64."""

SEED = 0
"""Of the images that are drawn."""

MOST_OF = 0.8
"""Share of a cluster's images that the labels in its name hold together at least."""

MOST_NAMED = 3
"""Labels, or attributes, in a name."""

UNUSUAL = 0.25
"""By how much more often an attribute is there inside a cluster than among all images, where it gives a name."""


@dataclass(frozen=True, slots=True)
class Groups:
    """What the numbers of a colour stand for, where they are groups of images.

    Attributes:
        names: Of the groups, in the order of their numbers; no two are alike.
        rest: What images in no group are called.
        said: How many groups there are and how many images are in none, as a sentence.
    """

    names: tuple[str, ...]
    rest: str
    said: str

    def values(self) -> dict[str, object]:
        """As plain values, for the page."""
        return {"names": list(self.names), "rest": self.rest, "said": self.said}


def has_clusters(run: OpenRun) -> bool:
    """Whether clusters are sought among a run's images at all."""
    return len(run) >= FEWEST


@kept
def cluster_numbers(run: OpenRun) -> NDArray[np.int64]:
    """The cluster of every image's code, (N,), `NONE` outside of all.

    Distances are those of the hole scores, in the local frame of the codes: in units of the codes' whole spread two
    classes that lie near each other would be one. An image that was not drawn is where its nearest drawn one is.

    Raises:
        ShapeError: The run has too few images, or codes that are not finite.
    """
    codes = run.frame.whiten(run.latents.mean)
    if len(run) <= MOST_CLUSTERED:
        return clusters(codes)
    drawn = codes[np.sort(np.random.default_rng(SEED).choice(len(run), MOST_CLUSTERED, replace=False))]
    return clusters(drawn)[nearest(codes, drawn)[0][:, 0]]


def cluster_colour(run: OpenRun) -> NDArray[np.float32]:
    """The cluster of every image's code as a colour's numbers, (N,), NaN outside of all."""
    found = cluster_numbers(run)
    return np.where(found == NONE, np.nan, found).astype(np.float32)


def cluster_groups(run: OpenRun) -> Groups:
    """Names of a run's clusters: from labels, else from attributes, else their numbers."""
    found = cluster_numbers(run)
    count = int(found.max()) + 1
    attributes, attribute_names = run.latents.attribute, run.attribute_names
    names = [""] * count
    if run.labels is not None:
        names = [label_name([run.label_name(int(row)) for row in np.flatnonzero(found == k)]) for k in range(count)]
    elif attributes is not None and attribute_names is not None:
        names = [attribute_name(attributes, found == k, attribute_names) for k in range(count)]
    outside = int((found == NONE).sum())
    share = f"{outside:,} of {len(run):,} images are in none: they lie between clusters, or alone"
    if len(run) > MOST_CLUSTERED:
        share += f"; sought among {MOST_CLUSTERED:,} drawn at random, the others are where their nearest one is"
    if not count:
        return Groups((), "in no cluster", f"No clusters: the codes of {len(run):,} images form one cloud.")
    return Groups(apart(names), "in no cluster", f"{count} cluster{'s' if count > 1 else ''}; {share}.")


def label_name(labels: Sequence[str | None]) -> str:
    """A name from the labels inside: "mostly 4 and 9"; "" where more than `MOST_NAMED` are needed for most of it."""
    told, counts = np.unique([label for label in labels if label is not None], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    held = np.cumsum(counts[order]) / max(1, len(labels))
    needed = int(np.searchsorted(held, MOST_OF - 1e-9)) + 1
    if not len(told) or needed > min(MOST_NAMED, len(told)):
        return ""
    return f"mostly {listed([str(told[k]) for k in order[:needed]])}"


def attribute_name(attributes: NDArray[np.uint8], inside: NDArray[np.bool_], names: Sequence[str]) -> str:
    """A name from the attributes that are unusually frequent inside: "often Eyeglasses and Male"; "" for none.

    Args:
        attributes: (N, A), 1, 0 or `UNKNOWN`.
        inside: Which images are, (N,).
        names: Of the attributes.
    """
    known = attributes != UNKNOWN
    has = (attributes == 1).astype(np.float64)

    def shares(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        return has[rows].sum(0) / np.maximum(1, known[rows].sum(0))

    more = shares(inside) - shares(np.ones(len(inside), dtype=bool))
    order = np.argsort(-more, kind="stable")[:MOST_NAMED]
    told = [str(names[k]).replace("_", " ") for k in order if more[k] >= UNUSUAL]
    return f"often {listed(told)}" if told else ""


def listed(words: Sequence[str]) -> str:
    """Words in a row: "3, 5 and 8"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def apart(names: Sequence[str]) -> tuple[str, ...]:
    """Names of which no two are alike: groups without a name, and those that share one, have their numbers in it."""
    told = []
    for number, name in enumerate(names, start=1):
        if not name:
            told.append(f"cluster {number}")
        else:
            told.append(name if names.count(name) == 1 else f"{name} ({number})")
    return tuple(told)
