"""The runs as somebody chooses among them: data sets, then the kind of model, d and beta; never by code names."""

from collections.abc import Mapping
from typing import TypedDict

import numpy as np

from explorer.config import CHARGED_FOR_FEATURES, DATASETS, FAMILIES, has_prior
from explorer.errors import CheckpointError
from explorer.images import encoded_picture, tile, to_bytes
from explorer.library import Card, Library, OpenRun, kept
from explorer.library.kin import beta_of
from explorer.views.hole_verdict import ignores_latents, ignoring

PORTRAIT = 6
"""Decodes in the small picture of a run, in two rows."""

PORTRAIT_COLUMNS = 3


SHELF = ("Digits", "MNIST", "Faces", "Flowers")
"""Titles of data sets in the order in which they are offered, the simplest first."""


class ListedRun(TypedDict):
    """A run in the list of all, without opening it; of a damaged one all but its name and `error` is None.

    Attributes:
        title: What its data set is called.
        side: "ae" or "vae", where it stands on the page.
        label: The run in a few words, with its data set said elsewhere.
        short: What tells it from others of its side and d.
        beta: Weight of the rate; None of an autoencoder, and of a model held in memory.
        nats: Its NLL bound per test image, or None.
    """

    name: str
    dataset: str | None
    title: str | None
    family: str | None
    side: str | None
    latent_dim: int | None
    beta: float | None
    label: str | None
    short: str | None
    nats: float | None
    twin: str | None
    version: str | None
    error: CheckpointError | None


def listed_runs(library: Library) -> list[ListedRun]:
    """Every run of a library, a line each; none is opened. Data sets come in the order of `SHELF`, others last."""
    twins = library.twins()
    found: list[ListedRun] = []
    for name, card in library.cards().items():
        if not isinstance(card, Card):
            found.append(_damaged(name, card))
            continue
        words = run_words(card)
        found.append(
            ListedRun(
                name=name,
                dataset=card.dataset,
                title=words["title"],
                family=card.family,
                side=words["side"],
                latent_dim=card.latent_dim,
                beta=beta_of(card),
                label=words["label"],
                short=words["short"],
                nats=card.number("test", "nll_iw"),
                twin=twins.get(name),
                version=card.version,
                error=None,
            )
        )
    place = {title: number for number, title in enumerate(SHELF)}
    return sorted(found, key=lambda run: place.get(run["title"] or "", len(SHELF)))


def _damaged(name: str, error: CheckpointError) -> ListedRun:
    return ListedRun(
        name=name,
        dataset=None,
        title=None,
        family=None,
        side=None,
        latent_dim=None,
        beta=None,
        label=None,
        short=None,
        nats=None,
        twin=None,
        version=None,
        error=error,
    )


def run_words(card: Card) -> dict[str, str]:
    """How a run is called on the page: `title` of its data set, `side`, `label` and `short` as in `ListedRun`."""
    family = FAMILIES.get(card.family)
    kind = family.title if family is not None else card.family
    kind = kind[:1].upper() + kind[1:]
    beta = beta_of(card)
    short = card.name if card.config is None else _short(card)
    label = f"{kind}, d = {card.latent_dim}" + ("" if beta is None else f", beta {beta:g}")
    label += f", {card.config.tag}" if card.config is not None and _has_own_tag(card.config.tag, beta) else ""
    if card.config is None:
        label = f"{card.name}, d = {card.latent_dim}"
    return {
        "title": dataset_title(card),
        "side": "vae" if has_prior(card.family) else "ae",
        "label": label,
        "short": short,
    }


def dataset_title(card: Card) -> str:
    """What the data set of a run is called: a known one by its title, a folder by its name."""
    from explorer.data import source_of

    known = card.dataset if card.config is None else card.config.data.dataset
    title = source_of(known).title if known in DATASETS else None
    return title or card.dataset


def _short(card: Card) -> str:
    """A run among others of its side and d: its family where that is not the plain one, beta, and a tag of its own."""
    assert card.config is not None
    beta, tag = beta_of(card), card.config.tag
    parts = [] if card.family == "vae" else [FAMILIES[card.family].title if card.family in FAMILIES else card.family]
    parts += [] if beta is None else [f"beta {beta:g}"]
    parts += [tag] if tag and _has_own_tag(tag, beta) else []
    return ", ".join(parts)


def _has_own_tag(tag: str | None, beta: float | None) -> bool:
    """Whether a tag says more than beta, as those of a ladder do not."""
    return bool(tag) and tag != ("" if beta is None else f"beta{beta:g}")


def fit_line(card: Card) -> str | None:
    """What every tab says of a run whose fit maximised no likelihood; None of any other."""
    return CHARGED_FOR_FEATURES if card.charges_features else None


def collapse_line(library: Library, card: Card) -> Mapping[str, object] | None:
    """What every tab says of a run that ignores its latents; None of any other.

    Returns:
        `words`, with what to do; `instead`: the run of the same ladder with the largest beta below this one that is
        not collapsed, as `name` and `short`, or None.
    """
    if not ignores_latents(card):
        return None
    beta = beta_of(card)
    milder = {}
    for rung in library.ladder(card.name):
        weight = beta_of(rung)
        if weight is not None and beta is not None and weight < beta and not ignores_latents(rung):
            milder[weight] = rung
    best = milder[max(milder)] if milder else None
    todo = "a smaller --beta or with --warmup linear" if beta is None else f"a beta below {beta:g}"
    return {
        "words": f"This model {ignoring(card)}. Fit it with {todo}{', or see' if best is not None else '.'}",
        "instead": None if best is None else {"name": best.name, "short": run_words(best)["short"]},
    }


@kept
def portrait(run: OpenRun) -> bytes:
    """A few decodes of a run's own codes as the bytes of a PNG; never a picture of its data set.

    One code of each of the first classes where there are classes, else the first codes.
    """
    rows = np.arange(min(PORTRAIT, len(run)))
    if run.labels is not None:
        _, firsts = np.unique(run.labels, return_index=True)
        rows = np.concatenate([np.sort(firsts), np.setdiff1d(rows, firsts)])[:PORTRAIT]
    decodes = to_bytes(run.coder.decode(run.latents.mean[rows]))
    return encoded_picture(tile(decodes, PORTRAIT_COLUMNS))
