"""What the stored scores and the history of a run say of it, as verdicts for a researcher; nothing is measured here.

Every verdict weighs one number against limits that stand in `LIMITS` with their source. A score whose interval does
not leave a side of a limit stands on the milder side: red is said only where the interval leaves no doubt.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from explorer.analysis.holes import ALPHA
from explorer.analysis.laws import LAWS, Law, first_law
from explorer.config import has_prior
from explorer.errors import CheckpointError
from explorer.library import Card, OpenRun
from explorer.views.history import History, run_history
from explorer.views.hole_verdict import (
    CLAMPED,
    holes_of,
    ignores_latents,
    ignoring,
    of_hundred,
    score_at,
    score_under,
    sentence,
)

Level: TypeAlias = Literal["red", "amber", "green", "unknown"]

WORDS: Mapping[Level, str] = {"red": "trouble", "amber": "doubtful", "green": "sound", "unknown": "unknown"}
"""How a level is called, so that nobody has to see its colour."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where green ends and red begins.

    Attributes:
        green: The last value that is green.
        red: The first value that is red; below `green` where more is better.
        source: Where they come from.
    """

    green: float
    red: float
    source: str


LIMITS: Mapping[str, Limits] = {
    "collapse": Limits(1.0, 0.0, "an active unit has Var E[z|x] > 0.01 (Burda 2016); red: no unit is active"),
    "holes": Limits(
        ALPHA,
        4 * ALPHA,
        "5 % of real codes lie in a hole by construction (Bates 2023); red from four times that, our choice",
    ),
    "tell_apart": Limits(
        0.75, 1.01, "0.5 is a coin (Lopez-Paz & Oquab 2017); amber from half-way to certainty, our choice"
    ),
    "coverage": Limits(0.8, 0.5, "draws like real images cover 0.97 at k = 5 (Naeem 2020); 0.8 and 0.5 are our choice"),
    "overfit": Limits(
        0.1, 0.3, "gap to held-out images over what the fit gained on them; 10 % and 30 % are our choice"
    ),
    "blur": Limits(
        0.7,
        1.0,
        "PCA with as many components is the best a linear net can do (Bourlard & Kamp 1988); 0.7 is our choice",
    ),
    "calibration": Limits(
        0.02,
        0.05,
        "new codes are flagged at rate 0.05 if calibrated (Bates 2023); 0.02 and 0.05 away from it are our choice",
    ),
}
"""Limits by verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One verdict on a run.

    Attributes:
        key: Its name in the code, one of `VERDICTS`.
        title: Its name on the page.
        level: How bad it is.
        word: The level in a word.
        short: The evidence in a few words, with one number at most.
        evidence: The evidence in a sentence, with its interval and what it is weighed against.
        step: What to do next, or None where nothing is to be done.
        source: Where the limits come from.
    """

    key: str
    title: str
    level: Level
    word: str = ""
    short: str
    evidence: str
    step: str | None = None
    source: str = ""


def verdicts(run: OpenRun) -> list[dict[str, Any]]:
    """All verdicts on a run, in the order of `VERDICTS`, as plain values.

    Returns:
        Of each the fields of `Verdict`.
    """
    try:
        history = run_history(run)
    except CheckpointError:  # the tab says so beside the curves
        history = None
    return [asdict(verdict) for verdict in verdicts_of(run.card, history)]


def verdicts_of(card: Card, history: History | None) -> list[Verdict]:
    """All verdicts on a run by its card and its history, None where there is none."""
    found = []
    for key, (title, judge) in VERDICTS.items():
        verdict = judge(card, history)
        found.append(replace(verdict, key=key, title=title, word=WORDS[verdict.level], source=LIMITS[key].source))
    return found


def law_of(card: Card) -> Law:
    """The law that holes and coverage are judged under: the prior of a VAE, one fitted bell of an autoencoder."""
    return first_law(not has_prior(card.family))


def _verdict(level: Level, short: str, evidence: str, step: str | None = None) -> Verdict:
    return Verdict(
        key="", title="", level=level, short=short, evidence=evidence, step=None if level == "green" else step
    )


def _unknown(card: Card, what: str) -> Verdict:
    how = f"Measure it with: {card.measuring}" if card.config is not None else "Fit it with train.py, which measures."
    return _verdict("unknown", "not measured", f"{sentence(what)} of this run is not measured.", how)


def _ends(score: Mapping[str, float]) -> str:
    return f" ({of_hundred(score['low'])} to {of_hundred(score['high'])})" if {"low", "high"} <= score.keys() else ""


# --- one by one -------------------------------------------------------------------------------------------------------


def collapse(card: Card, history: History | None) -> Verdict:  # noqa: ARG001 - every verdict is given by the same two
    """Whether latent dimensions carry nothing of the image."""
    d = card.latent_dim
    if not has_prior(card.family):
        rank = card.number("holes", "rank")
        if rank is None:
            return _unknown(card, "the rank of its codes")
        if rank < d:
            words = f"Its codes span {rank:.0f} of {d} dimensions; the others are the same for every image."
            return _verdict(
                "amber", f"{d - rank:.0f} dimensions unused", words, f"Fit it with --latent-dim {rank:.0f}."
            )
        return _verdict("green", "all dimensions used", f"Its codes span all {d} dimensions.")
    active = card.number("test", "active_units")
    if active is None:
        return _unknown(card, "the number of active units")
    if active == 0:
        beta = None if card.config is None or card.config.is_foreign else card.config.train.beta
        less = "" if beta is None else f" below {beta:g}"
        step = f"Fit it again with a --beta{less}, with --warmup linear or with --free-bits 0.1."
        return _verdict("red", "no dimension is used", f"This run {ignoring(card)}.", step)
    if active < d:
        words = f"{active:.0f} of {d} dimensions carry anything; the rest is noise to the decoder."
        step = f"Fit it with --latent-dim {active:.0f}, or keep all with --free-bits 0.1."
        idle = round(d - active)
        return _verdict("amber", f"{idle} {'dimension' if idle == 1 else 'dimensions'} idle", words, step)
    return _verdict("green", "all dimensions used", f"All {d} dimensions are active.")


def holes(card: Card, history: History | None) -> Verdict:  # noqa: ARG001
    """Whether draws land where no image is encoded, or are told from codes where distance sees nothing."""
    law = law_of(card)
    score, told = score_under(card, law, "vacancy"), score_under(card, law, "tell_apart")
    if score is None:
        return _unknown(card, "the share of draws in holes")
    limits, value = LIMITS["holes"], score["value"]
    if ignores_latents(card):
        words = f"{of_hundred(value)} of 100 draws lie in a hole, which is no merit of a run that {ignoring(card)}."
        return _verdict("unknown", "says nothing: collapsed", words, "Mend the collapse first.")
    words = (
        f"{sentence(law.title)}, {of_hundred(value)}{_ends(score)} of 100 draws land where no image is encoded; "
        "5 is usual."
    )
    if told is not None:
        words += (
            f" A classifier tells {of_hundred(told['value'])}{_ends(told)} of 100 pairs of a draw and a code apart; "
            "50 is a coin."
        )
    step = _better_law(card, law, "tell_apart")
    short = f"{of_hundred(value)} % of draws in holes"
    if score.get("low", value) > limits.red:
        return _verdict("red", short, words, step)
    if score.get("low", value) > limits.green:
        return _verdict("amber", short, words, step)
    if told is not None and told.get("low", told["value"]) > LIMITS["tell_apart"].green:
        return _verdict("amber", f"{of_hundred(told['value'])} % told from codes", words, step)
    return _verdict("green", short, words)


def _better_law(card: Card, law: Law, key: str) -> str:
    """What to draw from instead, or what to fit where no law is better."""
    best, now = law, score_under(card, law, key)
    for other in LAWS.values():
        score = score_under(card, other, key)
        if score is None or now is None:
            continue
        if score["value"] < now["value"] if key == "tell_apart" else score["value"] > now["value"]:
            best, now = other, score
    if best is not law and now is not None:
        told = f"a classifier tells {of_hundred(now['value'])} of 100 pairs apart"
        reached = f"such draws reach {of_hundred(now['value'])} of 100 images"
        return f"Draw {best.title}: {told if key == 'tell_apart' else reached}."
    return "Fit a VAE with a larger --beta." if has_prior(card.family) else "Fit its VAE twin with --twin."


def coverage(card: Card, history: History | None) -> Verdict:  # noqa: ARG001
    """How much of the real images draws come near to."""
    law = law_of(card)
    score = score_under(card, law, "coverage")
    if score is None:
        return _unknown(card, "coverage")
    value, limits = score["value"], LIMITS["coverage"]
    words = (
        f"{sentence(law.title)}, draws come near to {of_hundred(value)}{_ends(score)} of 100 test images; draws like "
        "real images would to 97."
    )
    short = f"{of_hundred(value)} % of images reached"
    step = "Mend the collapse first." if ignores_latents(card) else _better_law(card, law, "coverage")
    if score.get("high", value) < limits.red:
        return _verdict("red", short, words, step)
    if score.get("high", value) < limits.green:
        return _verdict("amber", short, words, step)
    return _verdict("green", short, words)


def overfit(card: Card, history: History | None) -> Verdict:
    """Whether training images are known by heart: the gap to held-out ones, over what the fit gained on those."""
    if history is None or not len(history.epochs):
        return _verdict(
            "unknown", "no history", "Of this run no history of its fit is stored.", "Fit it again with train.py."
        )
    train, held = (_objective(losses, history) for losses in (history.train, history.validation))
    known = np.isfinite(train) & np.isfinite(held)
    if known.sum() < 2:
        return _verdict(
            "unknown",
            "no held-out images",
            "No loss of held-out images stands in its history.",
            "Fit it again with train.py.",
        )
    train, held, epochs = train[known], held[known], history.epochs[known]
    start = None if card.config is None else card.config.train.begin_with
    if start is not None:
        gap = float(held[-1] - train[-1])
        words = f"At the end held-out images cost {gap:.1f} nats more than training images. The fit began with the "
        words += f"weights of {start}, so what it gained itself is no measure of that."
        return _verdict("unknown", "began with learned weights", words, f"See what is said of {start}.")
    best = int(np.argmin(held))
    gained = float(held[0] - held[best])
    if gained <= 0:
        return _verdict(
            "red",
            "held-out loss only rises",
            "Its loss on held-out images was lowest after the first epoch.",
            "Fit it with a smaller --lr, or on more images.",
        )
    gap = float(held[-1] - train[-1])
    share = gap / gained
    words = (
        f"At the end held-out images cost {gap:.1f} nats more than training images, {100 * share:.0f} % of the "
        f"{gained:.1f} nats that the fit gained on them; their lowest loss was after epoch {epochs[best]:.0f} of "
        f"{epochs[-1]:.0f}."
    )
    short = f"gap {100 * max(0.0, share):.0f} % of the gain"
    stop = "Stop earlier with --patience 5" if best < len(held) - 1 else "Fit fewer --epochs"
    step = f"{stop}, fit on more images, or with a smaller --latent-dim."
    limits = LIMITS["overfit"]
    return _verdict("red" if share > limits.red else "amber" if share > limits.green else "green", short, words, step)


def _objective(losses: Mapping[str, Any], history: History) -> Any:
    """What the fit lowers, (E,), in nats per image: distortion, the rate by the last beta, and any penalty."""
    betas = history.beta[np.isfinite(history.beta)]
    beta = float(betas[-1]) if len(betas) else 1.0
    rate = np.nan_to_num(losses["rate"])  # an autoencoder has none
    return losses["distortion"] + beta * rate + np.nan_to_num(losses["penalty"])


def blur(card: Card, history: History | None) -> Verdict:  # noqa: ARG001
    """How much detail comes back, against the best a linear model does with as many numbers."""
    value, least = card.number("test", "mse"), card.number("pca", "mse")
    if value is None or least is None or least <= 0:
        return _unknown(card, "the squared error, against that of PCA,")
    share, limits = value / least, LIMITS["blur"]
    words = (
        f"Its squared error per pixel is {value:.3g}, {100 * share:.0f} % of the {least:.3g} of PCA with as many "
        "components."
    )
    step = "Keep more detail with a smaller --beta, a larger --latent-dim or --net residual."
    level: Level = "red" if share >= limits.red else "amber" if share > limits.green else "green"
    return _verdict(level, f"{100 * share:.0f} % of PCA's error", words, step)


def calibration(card: Card, history: History | None) -> Verdict:  # noqa: ARG001
    """Whether a hole is what it says: new codes of real images are flagged at rate 0.05."""
    score = score_at(holes_of(card), "calibration_check")
    if score is None:
        return _unknown(card, "how often new codes are flagged")
    value = score["value"]
    away = max(
        score.get("low", value) - ALPHA, ALPHA - score.get("high", value), 0.0
    )  # 0 where the interval holds 0.05
    words = (
        f"{of_hundred(value)}{_ends(score)} of 100 codes of real images that nothing was fitted to are called a hole; "
        "5 is right."
    )
    clamped = card.number("test", "clamped")
    short = f"{of_hundred(value)} % flagged"
    if clamped is not None and clamped >= CLAMPED:
        words += f" {of_hundred(clamped)} of 100 log-variances stand at a clamp, which sets rate and draws."
        return _verdict("amber", "log-variances at the clamp", words, "Fit it with a beta above 0.")
    limits = LIMITS["calibration"]
    step = f"Measure it again, on more images, with: {card.measuring}"
    return _verdict("red" if away > limits.red else "amber" if away > limits.green else "green", short, words, step)


VERDICTS: Mapping[str, tuple[str, Callable[[Card, History | None], Verdict]]] = {
    "collapse": ("Collapse", collapse),
    "holes": ("Holes", holes),
    "coverage": ("Coverage", coverage),
    "overfit": ("Overfit", overfit),
    "blur": ("Blur", blur),
    "calibration": ("Calibration", calibration),
}
"""The verdicts in their order: title, and what gives it."""
