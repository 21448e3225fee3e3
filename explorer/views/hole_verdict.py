"""What the stored hole scores of a run, or of a pair, say in sentences; nothing is measured.

One run is said to have more holes than another only where the two were measured on the same images with the same
noise, and the interval of their difference leaves no doubt.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.analysis.holes import ALPHA
from explorer.analysis.intervals import Paired, Score, paired, score_of
from explorer.analysis.laws import GMM10, MANY, RAW, WHITE, Law, first_law, offered_laws
from explorer.config import FAMILIES, has_prior
from explorer.errors import ShapeError
from explorer.library import Card, is_number

COIN = 0.5
"""Tell-apart of a classifier that guesses."""

CLAMPED = 0.01
"""Share of log-variances at the clamp from which numbers that rest on them are marked."""


# --- what is stored ---------------------------------------------------------------------------------------------------


def holes_of(card: Card) -> Mapping[str, Any]:
    """The stored hole scores of a run by law; empty where there are none."""
    holes = card.metrics.get("holes")
    return holes if isinstance(holes, Mapping) else {}


def score_at(law: object, key: str) -> dict[str, float] | None:
    """A stored score, or None where it is missing or no number."""
    stored = law.get(key) if isinstance(law, Mapping) else None
    if not isinstance(stored, Mapping):
        return None
    kept = {part: stored[part] for part in ("value", "low", "high", "n") if is_number(stored.get(part))}
    return kept if "value" in kept else None


def score_under(card: Card, law: Law, key: str) -> dict[str, float] | None:
    """A stored score of a run under one law."""
    return score_at(holes_of(card).get(law.name), key)


def laws_of(*cards: Card) -> tuple[Law, ...]:
    """The laws to offer of runs together, in the order of the page: that of many bells where one of them has it."""
    return offered_laws(max((card.many_bells for card in cards), default=0))


def compared(first: Card, law: Law, second: Card, other: Law, key: str = "vacancy") -> Paired | None:
    """One score of two runs, or of one run under two laws, compared on the same images with the same noise.

    Returns:
        The comparison; None where the two were not measured together.
    """
    keys = [_replicates(card).get("key") for card in (first, second)]
    if keys[0] is None or keys[0] != keys[1]:
        return None
    one, two = _measured(first, law, key), _measured(second, other, key)
    if one is None or two is None:
        return None
    try:
        return paired(one, two)
    except ShapeError:
        return None


def _replicates(card: Card) -> Mapping[str, Any]:
    found = card.metrics.get("replicates")
    return found if isinstance(found, Mapping) else {}


def _measured(card: Card, law: Law, key: str) -> Score | None:
    """A stored score with its replicates."""
    return None if score_under(card, law, key) is None else score_of(card.metrics, law.name, key)


# --- numbers in words -------------------------------------------------------------------------------------------------


def of_hundred(value: float) -> str:
    """A share as a count of a hundred: 44, 4.2, 0."""
    text = f"{100 * value:.1f}" if 0 < value < 0.1 else f"{100 * value:.0f}"
    return text.removesuffix(".0")


def share(score: Mapping[str, float]) -> str:
    """A share in per cent, with its interval where there is one."""
    value = f"{100 * score['value']:.1f} %"
    return (
        f"{value} ({100 * score['low']:.1f} to {100 * score['high']:.1f})" if {"low", "high"} <= score.keys() else value
    )


def sentence(words: str) -> str:
    """Words with a capital letter to begin with."""
    return f"{words[0].upper()}{words[1:]}"


# --- the verdict ------------------------------------------------------------------------------------------------------


def verdict(cards: Sequence[Card]) -> str | None:
    """One or two sentences that come before every number: holes under one equal law, and what a classifier sees.

    Of a pair the law is one fitted bell, the fair one for both; of a run alone it is that of `first_law`. A run that
    ignores its latents is passed over: its few holes are no merit, as `collapse_words` says.

    Args:
        cards: A run, or an autoencoder and its twin.

    Returns:
        None where no vacancy is known.
    """
    law, cards = judged_by(cards), [card for card in cards if not ignores_latents(card)]
    holes = [score for card in cards if (score := score_under(card, law, "vacancy")) is not None]
    if not cards or len(holes) < len(cards):
        return None
    if all(score.get("low", score["value"]) <= ALPHA for score in holes) and (words := seen_apart(cards, law)):
        counts = " and ".join(of_hundred(score["value"]) for score in holes)
        return (
            f"{sentence(words)} Distance alone finds no more holes than usual: {counts} of 100 draws lie where "
            "no image is encoded; 5 is usual."
        )
    said = holes_words(cards, law)
    if all(score_under(card, law, "tell_apart") for card in cards):
        said += f" {sentence(told_words(cards, law))}"
    return said


def short_verdict(cards: Sequence[Card], law: Law) -> str | None:
    """The outcome for the screen: which model has more holes, or else more draws told from codes, if sure.

    Returns:
        None where a vacancy is not measured.
    """
    scores = [score_under(card, law, "vacancy") for card in cards]
    values = [of_hundred(score["value"]) for score in scores if score is not None]
    if len(values) < len(cards):
        return None
    idle = [card for card in cards if ignores_latents(card)]
    if idle:
        return f"{sentence(title_of(idle[0]))} ignores its latents, so its few holes are no merit."
    told = [f"{of_hundred(score['value'])}\u00a0%" for c in cards if (score := score_under(c, law, "tell_apart"))]
    if all(score.get("low", score["value"]) <= ALPHA for score in scores if score) and seen_apart(cards, law):
        return f"Hardly a hole, and yet draws may look wrong: a classifier tells them from codes, {' and '.join(told)}."
    if len(cards) == 1:
        return f"Measured: {values[0]}\u00a0% lie in a hole; of real images 5\u00a0%."
    both = f"{values[0]}\u00a0% against {values[1]}\u00a0%"
    found = compared(cards[0], law, cards[1], law)
    if found is None:
        return f"Measured, but not together: {both}. No difference is claimed."
    if found.differs:
        return f"{sentence(title_of(cards[found.difference.value < 0]))} has more holes: measured, {both}."
    words = f"No sure difference in holes: measured, {both}."
    apart = compared(cards[0], law, cards[1], law, "tell_apart")
    if apart is None or not apart.differs:
        return words
    whose = sentence(title_of(cards[apart.difference.value < 0]))
    return f"{words} {whose}'s draws are told from codes more often, {' against '.join(told)}."


def title_of(card: Card) -> str:
    """A model in a sentence: the autoencoder, the VAE."""
    return f"the {FAMILIES[card.family].title if card.family in FAMILIES else card.family}"


def judged_by(cards: Sequence[Card]) -> Law:
    """The law of the verdict on a run or a pair."""
    return WHITE if len(cards) > 1 else first_law(not has_prior(cards[0].family))


def holes_words(cards: Sequence[Card], law: Law, other: Law | None = None) -> str:
    """How many draws lie where no image is encoded; of a pair which has more, if that is sure.

    Args:
        cards: One or two runs whose vacancy is known.
        law: The law of the first run.
        other: That of the second; None for the same.
    """
    second = other or law
    values = [score_under(card, each, "vacancy") for card, each in zip(cards, (law, second), strict=False)]
    counts = [of_hundred(score["value"]) for score in values if score is not None]
    if len(cards) == 1:
        return (
            f"{sentence(law.title)}, {counts[0]} of 100 draws of {cards[0].name} land where no image is encoded; "
            "5 is usual for real images."
        )
    names = [card.name for card in cards]
    where = f"{sentence(law.title)}, " if second is law else ""  # a run keeps its name as it is spelt
    draws = names if second is law else [f"{names[0]} {law.title}", f"{names[1]} {second.title}"]
    found = compared(cards[0], law, cards[1], second)
    if found is None:
        return (
            f"{where}{counts[0]} of 100 draws of {draws[0]} and {counts[1]} of {draws[1]} land where no image is "
            "encoded; 5 is usual. Both were not measured on the same images with the same noise, so no difference is "
            "claimed."
        )
    if not found.differs:
        return (
            f"{where}{counts[0]} of 100 draws of {draws[0]} and {counts[1]} of {draws[1]} land where no image is "
            "encoded; 5 is usual. That is no sure difference."
        )
    more = int(found.difference.value < 0)  # which run has more
    ratio = found.ratio
    if ratio is None or ratio.low <= 1 <= ratio.high:
        times = "more"
    else:
        ends = (ratio.value, ratio.low, ratio.high) if more == 0 else (1 / ratio.value, 1 / ratio.high, 1 / ratio.low)
        times = f"{ends[0]:.1f} times as many ({ends[1]:.1f} to {ends[2]:.1f})"
    than = "than" if times == "more" else "as"
    return (
        f"{where}{draws[more]} has {times} draws where no image is encoded {than} {draws[1 - more]}: "
        f"{counts[more]} of 100 against {counts[1 - more]}; 5 is usual."
    )


def told_words(cards: Sequence[Card], law: Law) -> str:
    """How often a classifier tells draws of a law from codes, of one or two runs whose tell-apart is known."""
    values = [score_under(card, law, "tell_apart") for card in cards]
    counts = [of_hundred(score["value"]) for score in values if score is not None]
    of = [f" of {card.name}" for card in cards] if len(cards) > 1 else [""]
    both = f"{counts[0]} of 100 pairs of a draw and a code{of[0]} apart"
    if len(cards) > 1:
        both += f", and {counts[1]}{of[1]}"
    return f"a classifier tells {both}; 50 is a coin."


def seen_apart(cards: Sequence[Card], law: Law) -> str | None:
    """What a classifier sees where distance sees nothing, or None where it is no surer than a coin of any run."""
    scores = [score_under(card, law, "tell_apart") for card in cards]
    if any(score is None or score.get("low", score["value"]) <= COIN for score in scores):
        return None
    return f"{law.title}, {told_words(cards, law)[:-1]}: the draws do not lie as the codes do."


def beside(cards: Sequence[Card], law: Law) -> str:
    """Coverage and dimensions in use, without which no share of holes is read."""
    covers, uses = [], []
    for card in cards:
        covered, active = score_under(card, law, "coverage"), card.number("test", "active_units")
        covers.append(f"{card.name} {of_hundred(covered['value']) if covered else 'not measured'}")
        uses.append(f"{card.name} {'not counted' if active is None else f'{active:.0f} of {card.latent_dim}'}")
    return f"Test images of 100 that these draws cover: {', '.join(covers)}. Dimensions in use: {', '.join(uses)}."


# --- what is to be known besides --------------------------------------------------------------------------------------


def readings(cards: Sequence[Card]) -> list[str]:
    """What the scores of a run or a pair say besides the verdict, in sentences, whichever way they fall."""
    said = [words for card in cards for words in (rank_words(card), clamp_words(card), missing_words(card)) if words]
    if len(cards) == 2:
        first, second = cards
        pairs = [(RAW, RAW)]
        if not has_prior(first.family) and has_prior(second.family):
            pairs = [(WHITE, RAW), (GMM10, RAW)]
        for law, other in pairs:
            if compared(first, law, second, other) is not None and not any(map(ignores_latents, cards)):
                said.append(holes_words(cards, law, other))
    said += [words for card in cards for law in laws_of(card) if (words := bells_words(card, law)) is not None]
    said += [words for card in cards if len(cards) > 1 and (words := ten_words(card, laws_of(*cards))) is not None]
    crowded = [f"{card.name} {law.title}" for card in cards for law in laws_of(card) if is_crowded(card, law)]
    if crowded:
        said.append(
            f"Fewer draws than real images (5 of 100) lie in holes: {', '.join(crowded)}. They keep to the middle of "
            "the crowd, which is not better by itself: read coverage and what a classifier tells."
        )
    said += [words for card in cards if (words := floor_words(card)) is not None]
    return said


def bells_words(card: Card, law: Law) -> str | None:
    """What several fitted bells change against one, with the round trip beside it.

    They reduce the holes, and they repair nothing: the draws still decode to images that do not encode back.

    Returns:
        The words; None of a law that is no mixture, and where it is not measured.
    """
    subject = {GMM10.name: "Ten fitted bells", MANY.name: f"Many fitted bells, {card.many_bells},"}.get(law.name)
    if subject is None:
        return None
    several, one = score_under(card, law, "vacancy"), score_under(card, WHITE, "vacancy")
    if several is None or one is None:
        return None
    found = compared(card, law, card, WHITE)
    times = f"{several['value'] / ALPHA:.1f} times the usual 5 %"
    if found is None:
        words = f"{subject} leave the holes of {card.name} at {times}"
    elif not found.differs:
        words = f"{subject} change the holes of {card.name} by nothing sure and leave them at {times}"
    else:
        verb = "reduce" if found.difference.value < 0 else "raise"
        words = f"{subject} {verb} the holes of {card.name} to {times}"
    words += f": {of_hundred(several['value'])} of 100 draws, against {of_hundred(one['value'])} from one bell."
    back = score_under(card, law, "round_trip")
    if back is None:
        return f"{words} Their round trip is not measured."
    return f"{words} Decoded and encoded again, {of_hundred(back['value'])} of 100 land elsewhere (5 is usual)."


def ten_words(card: Card, offered: Sequence[Law]) -> str | None:
    """That a run's many fitted bells are its ten, where they are offered for another run's sake; None elsewhere."""
    if MANY not in offered or MANY in laws_of(card) or score_under(card, MANY, "vacancy") is None:
        return None
    return f"The codes of {card.name} ask for no more than ten bells: its many fitted bells are those ten."


def is_crowded(card: Card, law: Law) -> bool:
    """Whether draws of a run fall in holes less often than codes of new images, beyond doubt.

    Calibrated on n codes, 5 % of new codes fall in holes only up to a standard deviation of sqrt(0.0475 / n), which the
    interval of a vacancy leaves out where it is over draws alone (Bates et al. 2023).
    """
    score, count = score_under(card, law, "vacancy"), holes_of(card).get("calibration_n")
    if score is None or not isinstance(count, int) or count < 1:
        return False
    return score.get("high", 1.0) < ALPHA - 2 * float(np.sqrt(ALPHA * (1 - ALPHA) / count))


def missing_words(card: Card) -> str | None:
    """Which scores a quick fit left out, with the command that measures them; None where there is none."""
    if not card.not_measured:
        return None
    return f"{card.name}: {', '.join(card.not_measured)} not measured; measure with: {card.measuring}"


def rank_words(card: Card) -> str | None:
    """How many dimensions the codes span, where that is fewer than there are."""
    rank, d = card.number("holes", "rank"), card.latent_dim
    if rank is None or not 0 < rank < d:
        return None
    return (
        f"{card.name} uses {rank:.0f} of {d} dimensions: its codes do not leave them, so a latent that does is in a "
        "hole, and laws draw within them."
    )


def clamp_words(card: Card) -> str | None:
    """That the log-variances of a run stand at their bounds, so that what rests on them is the bound's doing."""
    clamped = card.number("test", "clamped")
    if clamped is None or clamped < CLAMPED:
        return None
    return (
        f"{card.name}: {of_hundred(clamped)} of 100 log-variances stand at a clamp (−12 or 6), so its rate, its ELBO "
        "and its draws are set by the clamp, not by the fit."
    )


def floor_words(card: Card) -> str | None:
    """Under which laws a Fréchet distance says nothing, because training images are as far from the test images."""
    floor = score_at(holes_of(card), "frechet_floor")
    if floor is None:
        return None
    top = floor.get("high", floor["value"])
    silent = [
        law.title
        for law in laws_of(card)
        if (score := score_under(card, law, "frechet")) is not None and score["value"] <= top
    ]
    if not silent:
        return None
    return (
        f"{card.name}: the Fréchet distance {' and '.join(silent)} is no larger than its floor, {floor['value']:.1f}, "
        "so it says nothing."
    )


def ignores_latents(card: Card) -> bool:
    """Whether no latent dimension of a variational run carries anything."""
    return has_prior(card.family) and card.number("test", "active_units") == 0


def ignoring(card: Card) -> str:
    """What is said of a run that `ignores_latents`, after its name."""
    return f"ignores its latents: 0 of {card.latent_dim} dimensions carry anything"


def collapse_words(card: Card) -> str | None:
    """A warning about a variational run of which some latent dimensions, or all, carry nothing."""
    active, d = card.number("test", "active_units"), card.latent_dim
    if not has_prior(card.family) or active is None or active >= d:
        return None
    if active == 0:
        words = f"{card.name} {ignoring(card)}"
        covered = score_under(card, RAW, "coverage")
        return (
            words
            + ", so its draws are all alike and its few holes are no merit"
            + (f" (coverage {covered['value']:.2f})." if covered else ".")
        )
    return (
        f"{card.name} uses {active:.0f} of its {d} dimensions: the other {d - active:.0f} carry noise, which dilutes "
        "holes, so read the share over active units too."
    )
