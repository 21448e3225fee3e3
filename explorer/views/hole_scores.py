"""The stored hole scores as a table, a reading in words, and the trade-off along a beta ladder; nothing is measured."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.analysis.laws import GMM10, LAWS, RAW, WHITE, Law
from explorer.config import FAMILIES, has_prior
from explorer.errors import ExplorerError, ShapeError
from explorer.library import Card, Library, is_number
from explorer.views.query import choice, theme_of

AGAINST = {
    "coverage": "coverage, share of test images",
    "distortion": "distortion, nats per image",
}
"""What the vacancy of a ladder is drawn against, with the unit."""

HOLE_SCORES: Mapping[str, tuple[str, str]] = {
    "vacancy": ("Vacancy", "share of samples in holes; codes of new images score 0.05"),
    "coverage": ("Coverage", "share of test images with a sample among their 5 neighbours, in {space}; up to 1"),
    "vacancy_active": (
        "Vacancy, active units",
        "vacancy over active units only: noise dimensions dilute holes; codes of new images score 0.05",
    ),
    "round_trip": (
        "Round trip",
        "share of samples whose decode does not encode back to them; codes of new images score 0.05",
    ),
    "frechet": ("Fréchet distance", "how far samples are from test images as two Gaussians, in {space}; 0 is best"),
}
"""Rows of the score table: title and meaning of what `score_holes` of training/evaluate.py measures under that name."""

LITTLE = 0.05
"""A coverage below which a model generates next to nothing of what there is."""


def scores_of(library: Library, run: object) -> dict[str, Any] | None:
    """The score table of a run and its twin, or None where there are no scores."""
    if not isinstance(run, str):
        return None
    try:
        names = [run, library.twin(run)]
        cards = [library.card(name) for name in names if name is not None]
    except ExplorerError:  # the picker says what is wrong with a run
        return None
    return score_table(sorted(cards, key=lambda card: has_prior(card.family)))


def score_table(cards: list[Card]) -> dict[str, Any] | None:
    """Hole scores of models under each sampling law, as plain values for `static/holes/scores.js`.

    Args:
        cards: The models, in the order of the columns.

    Returns:
        `caption`, `reading` (sentences), `models`, `laws` (the columns are every law of the first model, then of the
        next), and `rows` of `name`, `meaning` and `cells`, each a score `{"value", "low", "high", "n"}` or None; None
        where no model has hole scores.
    """
    holes = [card.metrics.get("holes") for card in cards]
    if not any(isinstance(part, Mapping) for part in holes):
        return None
    found = [part if isinstance(part, Mapping) else {} for part in holes]
    space = next((part["feature_space"] for part in found if part.get("feature_space")), "not stated")
    dims = " and ".join(sorted({str(card.latent_dim) for card in cards}))
    rows: list[dict[str, Any]] = []
    for key, (title, meaning) in HOLE_SCORES.items():
        cells = [score_at(part.get(law), key) for part in found for law in LAWS]
        if any(cells):
            rows.append({"name": title, "meaning": meaning.format(space=space), "cells": cells})
        if key == "coverage":  # the number of units stands beside both, whatever else is missing
            meaning = f"latent dimensions whose mean depends on the image, of {dims}; the same under every law"
            active = [card.number("test", "active_units") for card in cards]
            units = [None if number is None else {"value": number} for number in active for _ in LAWS]
            rows.append({"name": "Active units", "meaning": meaning, "cells": units})
    sizes = "; ".join(
        f"{card.name}: {part['reference_n']:,} reference, {part['calibration_n']:,} calibration codes, k = {part['k']}"
        for card, part in zip(cards, found, strict=True)
        if all(isinstance(part.get(key), int) for key in ("reference_n", "calibration_n", "k"))
    )
    caption = "Scores with 95 % intervals over the draws; another calibration, and another fit, move them too."
    caption += f" Measured against {sizes}." if sizes else ""
    models, laws = [card.name for card in cards], [law.title for law in LAWS.values()]
    return {"caption": caption, "reading": readings(cards), "models": models, "laws": laws, "rows": rows}


def readings(cards: Sequence[Card]) -> list[str]:
    """What the scores of a pair say, in sentences, whichever way it falls; equal laws before unequal ones."""
    from explorer.analysis.holes import ALPHA

    said = [words for card in cards if (words := collapse_words(card)) is not None]
    said += [words for card in cards if (words := missing_words(card)) is not None]
    if len(cards) == 2:
        first, second = cards
        of_both = [(compared(cards, (WHITE, WHITE)), "Equal laws first, one Gaussian fitted to each")]
        if not has_prior(first.family) and has_prior(second.family):
            own = f"the prior that {second.name} was fitted to"
            of_both.append((compared(cards, (WHITE, RAW)), f"One Gaussian for {first.name} against {own}"))
            of_both.append((compared(cards, (GMM10, RAW)), f"Ten Gaussians for {first.name} against the same prior"))
        said += [f"{title}: {words}" for words, title in of_both if words is not None]
    crowded = [f"{card.name} under {LAWS[law].short}" for card in cards for law in LAWS if is_crowded(card, law)]
    if crowded:
        said.append(
            f"Fewer samples than codes of new images ({100 * ALPHA:.0f} %) fall in holes: {', '.join(crowded)}. They "
            "keep to the middle of the crowd, which is not better by itself: read their coverage."
        )
    return said


def is_crowded(card: Card, law: str) -> bool:
    """Whether samples of a run fall in holes less often than codes of new images, beyond doubt.

    Calibrated on n codes, 5 % of new codes fall in holes only up to a standard deviation of sqrt(0.0475 / n), which the
    interval of a vacancy, over draws alone, leaves out (Bates et al. 2023).
    """
    from explorer.analysis.holes import ALPHA

    score, count = vacancy_under(card, law), holes_of(card).get("calibration_n")
    if score is None or not isinstance(count, int) or count < 1:
        return False
    return score.get("high", 1.0) < ALPHA - 2 * float(np.sqrt(ALPHA * (1 - ALPHA) / count))


def missing_words(card: Card) -> str | None:
    """Which scores a quick fit left out, with the command that measures them; None where there is none."""
    if not card.not_measured:
        return None
    return f"{card.name}: {', '.join(card.not_measured)} not measured; measure with: {card.measuring}"


def collapse_words(card: Card) -> str | None:
    """A warning about a variational run of which some latent dimensions, or all, carry nothing."""
    active, d = card.number("test", "active_units"), card.latent_dim
    if not has_prior(card.family) or active is None or active >= d:
        return None
    if active == 0:
        words = f"{card.name} has collapsed: none of its {d} dimensions depends on the image"
        covered = score_at(holes_of(card).get(RAW.name), "coverage")
        return (
            words
            + ", so its samples are all alike and its low vacancy is no merit"
            + (f" (coverage {covered['value']:.2f})." if covered else ".")
        )
    return (
        f"{card.name} uses {active:.0f} of its {d} dimensions: the other {d - active:.0f} carry noise, which dilutes "
        "holes, so read vacancy over active units too."
    )


def compared(cards: Sequence[Card], laws: tuple[Law, Law]) -> str | None:
    """Which of two runs has more samples in holes, each under a law, with what must be read beside it.

    Whether their intervals leave a doubt is said, whichever run has the larger share.

    Returns:
        A sentence or two; None where a vacancy is missing.
    """
    scores = [vacancy_under(card, law.name) for card, law in zip(cards, laws, strict=True)]
    one, two = scores
    if one is None or two is None:
        return None
    names = [card.name for card in cards]
    said = f"{share(one)} of the samples of {names[0]} fall in holes, {share(two)} of those of {names[1]}"
    if one.get("low", one["value"]) <= two.get("high", two["value"]) and (
        two.get("low", two["value"]) <= one.get("high", one["value"])
    ):
        said += "; the intervals overlap, so this tells no sure difference."
    else:
        (low, _), (high, worse) = sorted([(one["value"], names[0]), (two["value"], names[1])])
        said += f"; {worse} has {high / low:.1f} times as many." if low > 0 else f"; only {worse} has any."
    beside = []
    for card, law in zip(cards, laws, strict=True):
        covered, active = score_at(holes_of(card).get(law.name), "coverage"), card.number("test", "active_units")
        parts = [f"{covered['value']:.2f}" if covered else "not measured"]
        if active is not None:
            parts.append(f"with {active:.0f} of {card.latent_dim} units active")
        beside.append(" ".join(parts))
    return f"{said} Coverage {beside[0]}, against {beside[1]}."


def share(score: Mapping[str, float]) -> str:
    """A share in per cent, with its interval where there is one."""
    value = f"{100 * score['value']:.1f} %"
    return (
        f"{value} ({100 * score['low']:.1f} to {100 * score['high']:.1f})" if {"low", "high"} <= score.keys() else value
    )


def vacancy_under(card: Card, law: str) -> dict[str, float] | None:
    """The stored vacancy of a run under one law."""
    return score_at(holes_of(card).get(law), "vacancy")


def score_at(law: object, key: str) -> dict[str, float] | None:
    """A stored score, or None where it is missing or no number."""
    stored = law.get(key) if isinstance(law, Mapping) else None
    if not isinstance(stored, Mapping):
        return None
    kept = {part: stored[part] for part in ("value", "low", "high", "n") if is_number(stored.get(part))}
    return kept if "value" in kept else None


def holes_of(card: Card) -> Mapping[str, Any]:
    """The stored hole scores of a run by law; empty where there are none."""
    holes = card.metrics.get("holes")
    return holes if isinstance(holes, Mapping) else {}


def distortion_of(card: Card) -> dict[str, float] | None:
    """The stored distortion of the test images, nats per image."""
    value, test = card.number("test", "distortion"), card.metrics.get("test")
    interval = test.get("distortion_interval") if isinstance(test, Mapping) else None
    if value is None:
        return None
    if isinstance(interval, list) and len(interval) == 2:
        return score_at({"it": {"value": value, "low": interval[0], "high": interval[1]}}, "it")
    return {"value": value}


def ladder_of(library: Library, name: str, law: str) -> dict[str, Any]:
    """The runs of a beta ladder with their stored scores under one law, by rising beta.

    Returns:
        `rungs`, none where there is no ladder of two betas or more; `reading`, sentences: what the ladder shows, or how
        to fit one. Of each rung: `name`, `family`, `label`, `beta` (None of an autoencoder), `vacancy`, `coverage` and
        `distortion` as scores with intervals, or None; `active_units`, `latent_dim`, and `flag`, what is to be said
        before its numbers are believed, or None.
    """
    rungs: list[dict[str, Any]] = []
    cards = library.ladder(name)
    for card in cards:
        assert card.config is not None  # `ladder` passes over models in memory
        beta = card.config.train.beta if has_prior(card.family) else None
        under = holes_of(card).get(law)
        rungs.append(
            {
                "name": card.name,
                "family": card.family,
                "label": FAMILIES[card.family].title if beta is None else f"beta {beta:g}",
                "beta": beta,
                "vacancy": score_at(under, "vacancy"),
                "coverage": score_at(under, "coverage"),
                "distortion": distortion_of(card),
                "active_units": card.number("test", "active_units"),
                "latent_dim": card.latent_dim,
                "flag": flag_of(card, law),
            }
        )
    if len({rung["beta"] for rung in rungs} - {None}) < 2:
        return {"rungs": [], "reading": [no_ladder(library.card(name))]}
    return {"rungs": rungs, "reading": ladder_readings(rungs, law)}


def flag_of(card: Card, law: str) -> str | None:
    """What must be said of a rung before its vacancy is believed: that it collapsed, or covers nothing anyway."""
    collapsed = collapse_words(card)
    if collapsed is not None:
        return collapsed
    covered = score_at(holes_of(card).get(law), "coverage")
    if covered is not None and covered["value"] < LITTLE:
        words = f"{card.name} covers only {covered['value']:.2f} of the test images under {law}"
        return f"{words}: its samples go elsewhere than its codes, so its vacancy is luck, good or bad."
    return None


def no_ladder(card: Card) -> str:
    """Where a run is no part of a ladder: how to fit one, as a sentence with the command."""
    if card.config is None:
        return f"{card.name} is held in memory, where there is no beta ladder; train.py --ladder fits one."
    data, model = card.config.data, card.config.model
    parts = ["python train.py", f"--dataset {data.dataset}"]
    parts += ["--folder PATH"] if data.dataset == "folder" else []
    parts += [f"--latent-dim {model.latent_dim}"]
    parts += [f"--family {model.family}"] if model.family not in ("ae", "vae") else []
    return f"{card.name} belongs to no beta ladder; fit one with: {' '.join([*parts, '--ladder'])}"


def ladder_readings(rungs: Sequence[Mapping[str, Any]], law: str) -> list[str]:
    """What the numbers of a ladder say, in sentences, whichever way they fall."""
    said = []
    swept = [rung for rung in rungs if rung["beta"] is not None and rung["vacancy"]]
    if len(swept) > 1:
        first, last = swept[0], swept[-1]
        words = (
            f"From {first['label']} to {last['label']}, vacancy under {LAWS[law].short} goes from "
            f"{share(first['vacancy'])} to {share(last['vacancy'])}"
        )
        if first["distortion"] and last["distortion"]:
            start, end = first["distortion"]["value"], last["distortion"]["value"]
            words += f", and distortion from {start:.1f} to {end:.1f} nats per image"
            if last["vacancy"]["value"] < first["vacancy"]["value"] and end > start:
                words += ": fewer holes, paid for in detail"
        said.append(words + ".")
    covered = [rung for rung in rungs if rung["coverage"]]
    if covered:
        best = max(covered, key=lambda rung: rung["coverage"]["value"])
        said.append(f"Coverage is highest at {best['label']}, {best['coverage']['value']:.2f}.")
    for rung in swept:
        if rung["active_units"] == 0 and rung["coverage"]:
            said.append(
                f"At {rung['label']} the model has collapsed: {share(rung['vacancy'])} of its samples in holes, as of "
                f"codes of new images 5 %, but a coverage of {rung['coverage']['value']:.2f}."
            )
    return said


def trade_off_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """Vacancy against coverage or distortion along a beta ladder, as plotly JSON.

    Args:
        library: The runs.
        name: A run of the ladder; it is marked.
        query: `law`, one of `LAWS`; `against`, one of `AGAINST`; `theme`.

    Raises:
        ShapeError: There is no ladder, or the query makes no sense.
    """
    from explorer.plots.scores import Rung, trade_off
    from explorer.plots.style import as_json

    law, against = choice(query, "law", tuple(LAWS), WHITE.name), choice(query, "against", tuple(AGAINST), "coverage")
    ladder = ladder_of(library, name, law)
    found = [rung for rung in ladder["rungs"] if rung["vacancy"] and rung[against]]
    if len(found) < 2:
        raise ShapeError(no_ladder(library.card(name)))
    rungs = [
        Rung(
            label=FAMILIES[rung["family"]].short if rung["beta"] is None else f"{rung['beta']:g}",
            units=f"{'?' if rung['active_units'] is None else round(rung['active_units'])}/{rung['latent_dim']}",
            across=_ends(rung["vacancy"]),
            up=_ends(rung[against]),
            is_variational=rung["beta"] is not None,
            is_chosen=rung["name"] == name,
        )
        for rung in found
    ]
    titles = (f"vacancy under {law}, share of samples", AGAINST[against])
    return as_json(trade_off(rungs, titles, theme_of(query), f"{law} {against}"))


def _ends(score: Mapping[str, float]) -> tuple[float, float, float]:
    value = score["value"]
    return value, score.get("low", value), score.get("high", value)
