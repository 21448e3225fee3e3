"""Start: which runs tell the story of a data set, and what their stored scores let it say; nothing is measured."""

from collections.abc import Mapping, Sequence
from typing import Any

from explorer.analysis.laws import LAWS, WHITE, Law
from explorer.config import has_prior
from explorer.library import Card, Library
from explorer.views.hole_scores import ladder_of, traded
from explorer.views.hole_verdict import (
    bells_words,
    beside,
    holes_words,
    ignores_latents,
    missing_words,
    of_hundred,
    score_under,
    sentence,
    short_verdict,
    title_of,
    told_words,
)

SMILE = "Smiling"
"""The attribute of faces that the last step offers to play with."""

USUAL_BETA = 1.0
"""The beta of the VAE that stands beside the autoencoder of a ladder."""


def story(library: Library, name: str) -> dict[str, Any]:
    """What Start tells of a run.

    Returns:
        `pair`: the runs that are shown side by side, the autoencoder first, one or two; `note`: why they are not a run
        and its twin, or None; `laws`: by law what `told_of` has; `remembered`: reconstruction errors in a sentence, or
        None; `closer`: as in `closer_of`; `ladder`: as in `ladder_story`; `elsewhere`: as in `further`.

    Raises:
        CheckpointError: There is no such run, or it is damaged.
    """
    cards, note = pair_of(library, name)
    return {
        "pair": [card.name for card in cards],
        "note": note,
        "laws": {law.name: told_of(cards, law) for law in LAWS.values()},
        "remembered": remembered(cards),
        "closer": closer_of(cards),
        "ladder": ladder_story(library, name),
        "elsewhere": further(library, name),
    }


# --- who tells it -----------------------------------------------------------------------------------------------------


def pair_of(library: Library, name: str) -> tuple[list[Card], str | None]:
    """The runs that Start shows side by side, the autoencoder first, and what is to be said of the choice.

    Without a twin a run of a ladder stands beside a run of that ladder: a VAE beside the autoencoder that all its rungs
    share, an autoencoder beside the VAE whose beta is nearest to 1.

    Raises:
        CheckpointError: There is no such run, or it is damaged.
    """
    mine, twin = library.card(name), library.twin(name)
    if twin is not None:
        return by_prior([mine, library.card(twin)]), None
    kin = [card for card in library.ladder(name) if has_prior(card.family) != has_prior(mine.family)]
    if kin:
        other = min(kin, key=lambda card: (abs(_beta(card) - USUAL_BETA), card.family != "ae", card.name))
        return by_prior([mine, other]), f"{name} has no twin of its own; {other.name} differs from it in beta alone."
    return [mine], f"{name} was fitted without a twin, so nothing stands beside it; train.py --twin fits both."


def by_prior(cards: Sequence[Card]) -> list[Card]:
    """The autoencoder first."""
    return sorted(cards, key=lambda card: has_prior(card.family))


def _beta(card: Card) -> float:
    return card.config.train.beta if card.config is not None and has_prior(card.family) else USUAL_BETA


# --- what it says -----------------------------------------------------------------------------------------------------


def told_of(cards: Sequence[Card], law: Law) -> dict[str, Any]:
    """What is measured of draws from one law.

    Returns:
        `empty`: by run how many of a hundred draws lie where no image is encoded, as text, or None where that is not
        measured; `short`: a sentence for the screen, or None; `words`: sentences with every interval.
    """
    empty = {card.name: score_under(card, law, "vacancy") for card in cards}
    words = []
    if all(empty.values()) and not any(map(ignores_latents, cards)):
        words.append(holes_words(cards, law))
    if all(score_under(card, law, "tell_apart") for card in cards):
        words.append(sentence(told_words(cards, law)))
    if any(empty.values()):
        words.append(beside(cards, law))
    words += [said for card in cards if (said := bells_words(card, law)) is not None]
    words += [said for card in cards if (said := missing_words(card)) is not None]
    return {
        "empty": {run: None if score is None else of_hundred(score["value"]) for run, score in empty.items()},
        "short": short_verdict(cards, law),
        "words": words,
    }


def remembered(cards: Sequence[Card]) -> str | None:
    """How well the models bring images back, or None where that is not measured."""
    found = []
    for card in cards:
        error, ends = error_of(card)
        if error is None:
            return None
        interval = "" if ends is None else f" ({ends[0]:.4f} to {ends[1]:.4f})"
        found.append(f"{error:.4f}{interval} of {card.name}")
    return f"Measured on test images: a mean squared error per pixel in [0, 1] of {' and '.join(found)}."


def closer_of(cards: Sequence[Card]) -> dict[str, Any] | None:
    """Which of two models brings test images back with the smaller error.

    Returns:
        `run`: its name, or None where the intervals of both errors overlap; `words`: the errors in a sentence for the
        screen. None without two measured models.
    """
    if len(cards) != 2:
        return None
    (first, first_ends), (second, second_ends) = map(error_of, cards)
    if first is None or second is None:
        return None
    errors = f"{first:.4f} per pixel against {second:.4f}"
    if (
        first_ends is None
        or second_ends is None
        or max(first_ends[0], second_ends[0]) <= min(first_ends[1], second_ends[1])
    ):
        return {"run": None, "words": f"Neither for sure: on test images, an error of {errors}."}
    better = cards[int(second < first)]
    return {"run": better.name, "words": f"{sentence(title_of(better))} does: on test images, an error of {errors}."}


def error_of(card: Card) -> tuple[float | None, tuple[float, float] | None]:
    """The mean squared error per pixel on test images, and its 95 % interval; None where it is not measured."""
    value, test = card.number("test", "mse"), card.metrics.get("test")
    ends = test.get("mse_interval") if isinstance(test, Mapping) else None
    return value, (ends[0], ends[1]) if isinstance(ends, list) and len(ends) == 2 else None


# --- the ladder -------------------------------------------------------------------------------------------------------


def ladder_story(library: Library, name: str) -> dict[str, Any]:
    """The runs that differ in beta alone: those of this run, else of its data set, and where there are some at all.

    Returns:
        `rungs` as in `ladder_of`, under the law that is fair to all of them; `law`; `note`, that the
        ladder is another run's, or why there is none; `d`, of another run's ladder, else None; `short`, what beta did
        in a sentence for the screen, or None; `words`, the same with every interval; `other`, a run of another data
        set with a ladder, or None.
    """
    found = ladder_of(library, name, WHITE.name)
    told = {"law": WHITE.name, "note": None, "d": None, "other": None}
    if found["rungs"]:
        return told | {"rungs": found["rungs"], "short": traded(library, found["rungs"]), "words": found["reading"]}
    mine = library.card(name)
    laddered = [card for card in sound(library) if len({_beta(rung) for rung in _swept(library, card)}) > 1]
    near = [card for card in laddered if card.dataset == mine.dataset]
    if near:
        best = min(near, key=lambda card: (abs(card.latent_dim - mine.latent_dim), not has_prior(card.family)))
        found = ladder_of(library, best.name, WHITE.name)
        note = f"The ladder of this data set has d = {best.latent_dim}; {name} has {mine.latent_dim}."
        short = traded(library, found["rungs"])
        rungs, words = found["rungs"], found["reading"]
        return told | {"rungs": rungs, "note": note, "d": best.latent_dim, "short": short, "words": words}
    known = [card for card in laddered if has_prior(card.family)]
    best_known = max(known, key=lambda card: card.number("holes", "calibration_n") or 0, default=None)
    other = None if best_known is None else best_known.name
    return told | {"rungs": [], "note": found["reading"][0], "short": None, "words": [], "other": other}


def _swept(library: Library, card: Card) -> list[Card]:
    return [rung for rung in library.ladder(card.name) if has_prior(rung.family)]


def sound(library: Library) -> list[Card]:
    """The cards of all runs that can be read."""
    return [card for card in library.cards().values() if isinstance(card, Card)]


# --- where it goes on -------------------------------------------------------------------------------------------------


def further(library: Library, name: str) -> dict[str, Any]:
    """Where the last step leads.

    Returns:
        `smile`: a run that knows which faces smile, or None; `attribute`: how that is called; `stories`: of every other
        data set a run with a twin, with `run`, `dataset` and what its images are called, `many`.
    """
    from explorer.data import source_of

    mine = library.card(name)
    twins = library.twins()
    leads: dict[str, Card] = {}
    smile = None
    for card in sorted(sound(library), key=lambda card: (-card.latent_dim, card.name)):
        if card.config is None or twins.get(card.name) is None or not has_prior(card.family) or ignores_latents(card):
            continue
        if smile is None and SMILE in (card.config.data.attribute_names or ()):
            smile = card.name
        if card.dataset != mine.dataset:
            leads.setdefault(card.dataset, card)
    stories = []
    for card in leads.values():
        assert card.config is not None  # left out above
        stories.append(
            {"run": card.name, "dataset": card.dataset, "many": source_of(card.config.data.dataset).nouns[1]}
        )
    return {"smile": smile, "attribute": SMILE, "stories": sorted(stories, key=lambda each: each["dataset"])}
