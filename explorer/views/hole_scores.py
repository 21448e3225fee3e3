"""The stored hole scores as tables below a verdict, and the trade-off along a beta ladder; nothing is measured."""

from collections.abc import Mapping, Sequence
from typing import Any

from explorer.analysis.intervals import Paired
from explorer.analysis.laws import LAWS, MANY, WHITE, Law
from explorer.config import FAMILIES, has_prior
from explorer.data.sources import source_of
from explorer.errors import ExplorerError
from explorer.library import Card, Library
from explorer.views.hole_verdict import (
    CLAMPED,
    beside,
    clamp_words,
    collapse_words,
    compared,
    holes_of,
    judged_by,
    laws_of,
    of_hundred,
    readings,
    score_at,
    share,
    short_verdict,
    verdict,
)

HOLE_SCORES: Mapping[str, tuple[str, str]] = {
    "vacancy": ("Draws in holes", "share of draws where no image is encoded; of real images 0.05"),
    "tell_apart": (
        "Tell-apart",
        "share of pairs of a draw and a code that a classifier tells apart (AUC); 0.5 is a coin, 1 is always",
    ),
    "coverage": ("Coverage", "share of test images with a draw among their 5 neighbours, in {space}; up to 1"),
    "vacancy_active": (
        "Draws in holes, active units",
        "over active units only: noise dimensions dilute holes; of real images 0.05",
    ),
    "round_trip": (
        "Round trip",
        "share of draws whose decode does not encode back to them; of real images 0.05",
    ),
    "density": ("Density", "neighbourhoods of test images that a draw lies in, over 5, in {space}; 1 where both agree"),
    "frechet": (
        "Fréchet distance",
        "how far draws are from test images as two Gaussians, in {space}; the floor is that of training images",
    ),
    "frechet_pixels": (
        "Pixel Fréchet distance",
        "the same in principal components of pixels: a fit to features may be near in one space alone",
    ),
}
"""Rows of the score table: title and meaning of what training/evaluate.py measures under that name for each law."""

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
        `short`: the verdict in a sentence for the screen, or None; `collapse`: sentences on latents that carry nothing,
        to be read before all else; `verdict`, a sentence or two, and `beside`, without which it is not read, or None
        each; `models`; `kinds`: "ae" or "vae" of each; `laws` with `name`, `title` and `hint`; `sides`: for each law
        its `title` and `hint`, and by model `empty` and `told`, counts of a hundred, or None, and whether it `leads`,
        being told apart least; `reading`, further sentences; `caption`; and `rows` of `name`, `meaning` and `cells`, by
        every law of the first model, then of the next: a score with `value`, `low`, `high` and `n`, and a note `beside`
        where there is one, or None. None where no model has hole scores.
    """
    holes = [card.metrics.get("holes") for card in cards]
    if not any(isinstance(part, Mapping) for part in holes):
        return None
    said = verdict(cards)
    return {
        "collapse": [words for card in cards if (words := collapse_words(card)) is not None],
        "short": short_verdict(cards, judged_by(cards)),
        "verdict": said,
        "beside": None if said is None else beside(cards, judged_by(cards)),
        "models": [card.name for card in cards],
        "kinds": ["vae" if has_prior(card.family) else "ae" for card in cards],
        "laws": [{"name": law.name, "title": law.title, "hint": law.hint} for law in laws_of(*cards)],
        "sides": sides(cards),
        "reading": readings(cards),
        "caption": caption_of(cards),
        "rows": score_rows(cards),
    }


def sides(cards: Sequence[Card]) -> list[dict[str, Any]]:
    """Under each law holes and tell-apart side by side, as `score_table` gives them."""
    found = []
    for law in laws_of(*cards):
        models = []
        for card in cards:
            empty, told = (score_at(holes_of(card).get(law.name), key) for key in ("vacancy", "tell_apart"))
            leads = holes_of(card).get("default_law") == law.name
            models.append({"empty": counted(empty), "told": counted(told), "leads": leads})
        found.append({"title": law.title, "hint": law.hint, "models": models})
    return found


def counted(score: Mapping[str, float] | None) -> dict[str, str] | None:
    """A share as `text`, a count of a hundred, with its interval as `ends` and the number itself as `value`."""
    if score is None:
        return None
    ends = f"{of_hundred(score['low'])} to {of_hundred(score['high'])}" if {"low", "high"} <= score.keys() else ""
    return {"text": of_hundred(score["value"]), "ends": ends, "value": f"{score['value']:.2f}"}


def score_rows(cards: Sequence[Card]) -> list[dict[str, Any]]:
    """The rows of the score table, as `score_table` gives them."""
    space = space_words(cards)
    dims = " and ".join(sorted({str(card.latent_dim) for card in cards}))
    laws = laws_of(*cards)
    rows: list[dict[str, Any]] = []
    for key, (title, meaning) in HOLE_SCORES.items():
        cells = [cell(card, law.name, key) for card in cards for law in laws]
        if any(cells):
            rows.append({"name": title, "meaning": meaning.format(space=space), "cells": cells})
        if key == "coverage":  # the number of units stands beside both, whatever else is missing
            meaning = f"latent dimensions whose mean depends on the image, of {dims}; the same under every law"
            active = [card.number("test", "active_units") for card in cards]
            units = [None if number is None else {"value": number} for number in active for _ in laws]
            rows.append({"name": "Active units", "meaning": meaning, "cells": units})
    return rows


def cell(card: Card, law: str, key: str) -> dict[str, Any] | None:
    """A stored score with what must stand beside it: the floor of a Fréchet distance, or that draws are clamped."""
    found = score_at(holes_of(card).get(law), key)
    if found is None:
        return None
    floor = score_at(holes_of(card), f"{key}_floor") if key.startswith("frechet") else None
    if floor is not None:
        return {**found, "beside": f"floor {floor['value']:.{2 if key == 'frechet_pixels' else 1}f}"}
    clamped = card.number("test", "clamped")
    if key in OF_CODES and clamped is not None and clamped >= CLAMPED:
        return {**found, "beside": "at the clamp"}
    return dict(found)


OF_CODES = {"vacancy", "tell_apart", "vacancy_active", "round_trip"}
"""Scores that compare draws with codes, whose spread a clamp may set."""


def space_words(cards: Sequence[Card]) -> str:
    """The feature space of the scores, with the accuracy of the classifier that makes it."""
    for card in cards:
        space, right = holes_of(card).get("feature_space"), card.number("holes", "feature_accuracy")
        if isinstance(space, str) and space:
            return space[:200] if right is None else f"{space[:200]}, right on {100 * right:.1f} % of test images"
    return "a feature space that is not stated"


def caption_of(cards: Sequence[Card]) -> str:
    """What the scores were measured against, and what their intervals cover."""
    complete = all(isinstance(card.metrics.get("replicates"), Mapping) for card in cards)
    covers = "the draws, the calibration and the reference" if complete else "the draws alone"
    told = []
    for card in cards:
        holes = holes_of(card)
        sizes = [(name, holes.get(f"{key}_n")) for name, key in SETS.items()]
        counts = [f"|{name}| = {count:,}" for name, count in sizes if isinstance(count, int)]
        if counts and isinstance(holes.get("k"), int):
            bells = f", ten bells fitted to {n:,} codes" if isinstance(n := holes.get("mixture_n"), int) else ""
            if MANY in laws_of(card) and isinstance(n := holes.get("many_n"), int):
                bells += f", {card.many_bells} bells fitted to {n:,}"
            told.append(f"{card.name}: {', '.join(counts)}, k = {holes['k']}{bells}")
    against = f" Measured against {'; '.join(told)}." if told else ""
    return f"Scores with 95 % intervals over {covers}; another fit moves them too.{against}"


SETS: Mapping[str, str] = {"R": "reference", "G": "fitting", "C": "calibration"}
"""The sets of codes behind the scores: reference, fitted laws and classifiers, calibration."""


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
        `rungs`, none where there is no ladder of two betas or more; `short`, what beta did in a sentence for the
        screen, or None; `reading`, sentences: what the ladder shows, or how
        to fit one. Of each rung: `name`, `family`, `label`, `beta` (None of an autoencoder), `vacancy`, `tell_apart`,
        `coverage` and `distortion` as scores with intervals, or None; `active_units`, `latent_dim`, and `flag`, what is
        to be said before its numbers are believed, or None.
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
                "tell_apart": score_at(under, "tell_apart"),
                "coverage": score_at(under, "coverage"),
                "distortion": distortion_of(card),
                "active_units": card.number("test", "active_units"),
                "latent_dim": card.latent_dim,
                "flag": flag_of(card, law),
            }
        )
    if len({rung["beta"] for rung in rungs} - {None}) < 2:
        return {"rungs": [], "short": None, "reading": [no_ladder(library.card(name))]}
    swept = [card for card, rung in zip(cards, rungs, strict=True) if rung["beta"] is not None and rung["vacancy"]]
    change = compared(swept[-1], LAWS[law], swept[0], LAWS[law]) if swept else None
    short = traded(library, rungs, LAWS[law])
    return {"rungs": rungs, "short": short, "reading": ladder_readings(rungs, law, change)}


def flag_of(card: Card, law: str) -> str | None:
    """What must be said of a rung before its vacancy is believed: that it collapsed, or covers nothing anyway."""
    collapsed = collapse_words(card)
    if collapsed is not None:
        return collapsed
    covered = score_at(holes_of(card).get(law), "coverage")
    if covered is not None and covered["value"] < LITTLE:
        words = f"{card.name} covers only {covered['value']:.2f} of the test images {LAWS[law].title}"
        return f"{words}: its draws go elsewhere than its codes, so its share in holes is luck, good or bad."
    return clamp_words(card)


def no_ladder(card: Card) -> str:
    """Where a run is no part of a ladder: how to fit one, as a sentence with the command."""
    if card.config is None:
        return f"{card.name} is held in memory, where there is no beta ladder; train.py --ladder fits one."
    if card.config.is_foreign:
        return (
            f"{card.name} was not fitted by train.py, so that its beta is not known; train.py --ladder fits a ladder."
        )
    data, model = card.config.data, card.config.model
    parts = ["python train.py", f"--dataset {data.dataset}"]
    parts += {"folder": ["--folder PATH"], "file": ["--file FILE"], None: []}[source_of(data.dataset).takes]
    parts += [f"--latent-dim {model.latent_dim}"]
    parts += [f"--family {model.family}"] if model.family not in ("ae", "vae") else []
    return f"{card.name} belongs to no beta ladder; fit one with: {' '.join([*parts, '--ladder'])}"


def traded(library: Library, rungs: Sequence[Mapping[str, Any]], law: Law = WHITE) -> str | None:
    """What more beta did between the first VAE and the last that still uses its latents; None where it is not measured.

    Fewer holes and less detail are said only where intervals leave no doubt: of the pair for holes, and of both
    distortions, which must not overlap.
    """
    swept = [rung for rung in rungs if rung["beta"] is not None and rung["vacancy"] and rung["active_units"] != 0]
    fallen = [rung for rung in rungs if rung["active_units"] == 0]
    if len(swept) < 2:
        return None
    first, last = swept[0], swept[-1]
    change = compared(library.card(last["name"]), law, library.card(first["name"]), law)
    holes = "no sure change of holes"
    if change is not None and change.differs:
        holes = "fewer holes" if change.difference.value < 0 else "more holes"
    before, after = first["distortion"], last["distortion"]
    detail = None
    if before and after:
        if after.get("low", after["value"]) > before.get("high", before["value"]):
            detail = "less detail"
        elif after.get("high", after["value"]) < before.get("low", before["value"]):
            detail = "more detail"
    words = f"More beta: {holes}" + (f", {detail}." if detail else ".")
    return words + (f" At {fallen[0]['label']} the model ignores its latents." if fallen else "")


def ladder_readings(rungs: Sequence[Mapping[str, Any]], law: str, change: Paired | None) -> list[str]:
    """What the numbers of a ladder say, in sentences, whichever way they fall.

    Args:
        rungs: As `ladder_of` gives them.
        law: The law of their vacancy.
        change: The vacancy of the last VAE against that of the first, where both were measured together.
    """
    said = []
    swept = [rung for rung in rungs if rung["beta"] is not None and rung["vacancy"]]
    if len(swept) > 1:
        first, last = swept[0], swept[-1]
        words = (
            f"From {first['label']} to {last['label']}, draws {LAWS[law].title} in holes go from "
            f"{share(first['vacancy'])} to {share(last['vacancy'])}"
        )
        if first["distortion"] and last["distortion"]:
            start, end = first["distortion"]["value"], last["distortion"]["value"]
            words += f", and distortion from {start:.1f} to {end:.1f} nats per image"
            if change is not None and change.differs and change.difference.value < 0 and end > start:
                words += ": fewer holes, paid for in detail"
        if change is not None and not change.differs:
            words += "; the holes do not differ for sure"
        said.append(words + ".")
    covered = [rung for rung in rungs if rung["coverage"]]
    if covered:
        best = max(covered, key=lambda rung: rung["coverage"]["value"])
        said.append(f"Coverage is highest at {best['label']}, {best['coverage']['value']:.2f}.")
    for rung in swept:
        if rung["active_units"] == 0 and rung["coverage"]:
            said.append(
                f"At {rung['label']} the model has collapsed: {share(rung['vacancy'])} of its draws in holes, as of "
                f"codes of new images 5 %, but a coverage of {rung['coverage']['value']:.2f}."
            )
    return said
