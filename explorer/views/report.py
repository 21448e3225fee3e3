"""Report: how a run was fitted, and what each latent dimension came to carry."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.errors import CheckpointError, ShapeError
from explorer.library import Library, OpenRun, kept
from explorer.views.card import card_rows
from explorer.views.history import ESTIMATORS, History, history_of, run_history
from explorer.views.query import choice, theme_of, whole
from explorer.views.report_verdicts import verdicts

PART_TITLES = {
    "sum": "distortion + rate, nats per image",
    "distortion": "distortion, nats per image",
    "rate": "rate, nats per image",
    "penalty": "penalty, as added to the loss",
    "active": "active units, dimensions",
    "beta": "beta, weight of the rate",
    "lr": "learning rate, step length of AdamW",
}


PARTS = tuple(PART_TITLES)
"""Panels of the curves over the epochs."""


OF_A_RATE = ("rate", "active", "beta")
"""Parts that a model whose codes are points does not have."""


NO_HISTORY = "This model is held in memory, so there is no history of its fit to show."


LOST_HISTORY = "This run holds no history of its fit, so there are no curves."


def story(library: Library, name: str) -> dict[str, Any]:
    """What the tab says of one run beside its figures, as plain values.

    Returns:
        `note`: what of the curves is missing and why, or None; it may name a folder of this machine; `parts`: those of
        `PARTS` that its history tells; `has_rates`, `has_deviations` (of each dimension over the epochs), `has_levels`;
        `beta`: the last one; `varies_beta`; `epochs`: the last epoch of the fit, or None; `sheets`: epochs after which
        one was kept; `axes`: `axis`, `rate` (nats), `variance` (of the posterior mean) and `active` of each dimension,
        as the bars are sorted; `scale`: what its nats are nats of; `gradient`: variance of the encoder's gradient by
        estimator, or None; `verdicts`: as in `report_verdicts`; `card`: rows of `group`, `name`, `meaning`, `text` and
        `detail`.
    """
    run = library.open(name)
    try:
        history, note = run_history(run), None
    except CheckpointError as error:  # everything but the curves can still be shown
        history, note = history_of([], run.latent_dim), str(error)
    sheets, config = run.sheets(), run.config
    lines = len(history.epochs)
    if config is None:
        note = NO_HISTORY
    elif note is None and history.passed_over:
        note = _passed_over(history.passed_over, bool(lines))
    elif note is None and not lines:
        note = LOST_HISTORY
    ends = [int(history.epochs[-1])] if lines else [config.train.epochs or 0] if config is not None else []
    last = max([*ends, *sheets[-1:]], default=0)
    betas = history.beta[np.isfinite(history.beta)]
    order, rates, variance, active = ranked_axes(run)
    return {
        "name": name,
        "family": run.family,
        "point": run.is_point,
        "note": note,
        "parts": [part for part in PARTS if _tells(run, history, part)],
        "has_rates": not run.is_point and bool(np.isfinite(history.rates).any()),
        "has_deviations": not run.is_point and bool(np.isfinite(history.deviations).any()),
        "has_levels": not run.is_point and bool(np.isfinite(history.levels).any()),
        "beta": float(betas[-1]) if len(betas) and not run.is_point else None,
        "varies_beta": not run.is_point and history.varies_beta,
        "epochs": last or None,
        "sheets": sheets,
        "axes": [
            {"axis": int(j), "rate": float(rates[j]), "variance": float(variance[j]), "active": bool(active[j])}
            for j in order
        ],
        "scale": scale_of(run),
        "gradient": gradient_variances(run, history),
        "verdicts": verdicts(run),
        "card": card_rows(run.card, run.is_point),
    }


def _passed_over(count: int, some_left: bool) -> str:
    one = count == 1
    if not some_left:
        return "No line of its history.jsonl can be read, so there are no curves."
    return (
        f"{count:,} {'line' if one else 'lines'} of its history.jsonl cannot be read or "
        f"{'is' if one else 'are'} out of order, and {'is' if one else 'are'} left out of the curves."
    )


def _tells(run: OpenRun, history: History, part: str) -> bool:
    """Whether there is anything to draw of one of `PARTS`."""
    if run.is_point and part in OF_A_RATE:
        return False
    return any(values is not None and bool(np.isfinite(values).any()) for values in history.part(part))


def scale_of(run: OpenRun) -> dict[str, str | None]:
    """What a run's nats are nats of, in words: runs that differ in any of these do not compare; None is not known."""
    config = run.config
    channels, height, width = run.image_shape
    found: dict[str, str | None] = {
        "data set": run.card.dataset,
        "copy of the data set": None,
        "image size": f"{channels} × {height} × {width}",
        "likelihood": None,
        "target": None,
    }
    if config is not None:
        found["copy of the data set"] = config.data.fingerprint and config.data.fingerprint[:8]
        found["likelihood"] = config.model.likelihood
        if config.train.binarise is not None:
            found["target"] = "binarised images" if config.train.binarise else "grey images"
    return found


def gradient_variances(run: OpenRun, history: History) -> dict[str, float] | None:
    """Variance of the encoder's gradient under each of `ESTIMATORS`, or None unless both were measured."""
    scores = {name: run.card.number("train", "gradient_variance", name, "variance") for name in ESTIMATORS}
    found = history.gradient if None in scores.values() else scores
    known = {name: value for name, value in found.items() if value is not None and value > 0}  # NaN is not
    return known if len(known) == len(ESTIMATORS) else None


Axes = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


@kept
def ranked_axes(run: OpenRun) -> Axes:
    """What each latent dimension carries on the test images.

    Returns:
        The dimensions, the one with the highest rate (AE: variance) first, (d,); then of each dimension its rate in
        nats, the variance of its posterior mean, and whether it is active, (d,) each.
    """
    variance = run.latents.mean.astype(np.float64).var(0)
    rates = run.axis_rates
    order = np.argsort(-(variance if run.is_point else rates), kind="stable")
    return order, rates, variance, run.active_axes


def loss_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """One panel of the curves of a run, and of the run it is compared with, as plotly JSON.

    Args:
        library: The runs.
        name: The run's name.
        query: `part`: one of `PARTS`; `with`: the other run's name, or nothing; `across`: `epochs`, or `share` of the
            fit; `theme`.

    Raises:
        ShapeError: The part, or what the curves go across, is none.
        CheckpointError: The other run is not there, or is damaged.
    """
    from explorer.plots.report import Curve, loss_curves
    from explorer.plots.style import as_json

    part, across = choice(query, "part", PARTS, "sum"), choice(query, "across", ("epochs", "share"), "epochs")
    curves: list[Curve] = []
    for number, run in pair(library, name, query.get("with", "")):
        try:
            history = run_history(run)
        except CheckpointError:  # the tab says so; the other run's curves are still good
            continue
        if not _tells(run, history, part):
            continue
        places = history.epochs
        if across == "share":
            places = 100 * places / max(1.0, places[-1])
        curves.append(Curve(run.name, number, places, *history.part(part)))
    title = "epoch" if across == "epochs" else "share of the fit, %"
    revision = f"{name} {query.get('with', '')} {part} {across}"
    figure = loss_curves(
        curves, PART_TITLES[part], theme_of(query), revision, across=title, counts=part == "active"
    )  # fmt: skip
    return as_json(figure)


def stack_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """Distortion and rate of held-out images over the epochs, one upon the other, as plotly JSON.

    Args:
        library: The runs.
        name: The run's name.
        query: `theme`.

    Raises:
        CheckpointError: The run is not there, or its history is damaged.
        ShapeError: Its history tells no losses.
    """
    from explorer.plots.losses import loss_stack
    from explorer.plots.style import as_json

    run = library.open(name)
    history = run_history(run)
    held = history.validation if np.isfinite(history.validation["distortion"]).any() else history.train
    if not np.isfinite(held["distortion"]).any():
        raise ShapeError(f"the history of {name} tells no losses.")
    rate = None if run.is_point else held["rate"]
    return as_json(loss_stack(history.epochs, held["distortion"], rate, theme_of(query), name))


def pair(library: Library, name: str, other: str = "") -> list[tuple[int, OpenRun]]:
    """A run and the one it is compared with, autoencoders last, each with the number of its colour.

    Args:
        library: The runs.
        name: The run's name.
        other: Name of the other run; nothing, or the run itself, for none.

    Returns:
        Of a VAE and an autoencoder, 0 and 1; two of a kind are numbered by their names, so that a run keeps its colour
        whichever of them is asked for; a run without another has its family's number.
    """
    runs = [library.open(each) for each in dict.fromkeys((name, other)) if each]
    runs.sort(key=lambda run: (run.is_point, run.name))
    alike = len({run.is_point for run in runs}) < len(runs)
    return [(number if alike else int(run.is_point), run) for number, run in enumerate(runs)]


def _numbered(library: Library, name: str, query: Mapping[str, str]) -> tuple[int, OpenRun, list[OpenRun]]:
    """A run with the number of its colour, and all runs on show: itself, and the one that the query's `with` names."""
    runs = pair(library, name, query.get("with", ""))
    number, run = next((number, run) for number, run in runs if run.name == name)
    return number, run, [each for _, each in runs]


def bar_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """Rate (AE: variance of the codes) of each dimension, sorted, as plotly JSON.

    Args:
        library: The runs.
        name: The run's name.
        query: `with`: a run whose rates share the scale, or nothing; `theme`.
    """
    from explorer.plots.report import axis_bars
    from explorer.plots.style import as_json

    number, run, runs = _numbered(library, name, query)
    order, rates, variance, active = ranked_axes(run)
    if run.is_point:  # an autoencoder's scale is its own
        top, values, title = None, variance, "variance of the codes, latent units²"
    else:
        top = max(float(ranked_axes(each)[1].max()) for each in runs if not each.is_point)
        values, title = rates, "rate, nats per image"
    figure = axis_bars(values[order], order, active[order], title, number, theme_of(query), name, top=top)
    return as_json(figure)


AXIS_TITLES = {
    "rates": "rate of each axis, nats per image",
    "deviations": "posterior deviation, prior sd",
    "levels": "rate of each level, nats per image",
}
"""What can be drawn of each dimension, or level, over the epochs."""


def axis_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """A quantity of each dimension, or of each level of latents, over the epochs as plotly JSON.

    Args:
        library: The runs.
        name: The run's name.
        query: `of`: one of `AXIS_TITLES`; `with`: a run that shares the scale, or nothing; `theme`.

    Raises:
        ShapeError: There is nothing of that name.
    """
    from explorer.plots.report import axis_lines
    from explorer.plots.style import as_json

    of = choice(query, "of", tuple(AXIS_TITLES), "rates")
    number, run, runs = _numbered(library, name, query)
    history = run_history(run)
    values: NDArray[np.float64] = getattr(history, of)
    order, _, _, active = ranked_axes(run)
    if of == "levels":
        order = np.arange(values.shape[1])
        active = np.ones(len(order), dtype=np.bool_)
    tops = [_highest(each, of) for each in runs if not each.is_point]
    figure = axis_lines(
        history.epochs,
        values,
        order,
        active,
        AXIS_TITLES[of],
        number,
        theme_of(query),
        f"{name} {of}",
        top=max([*tops, 1.0 if of == "deviations" else 0.0], default=None),
        reference=1.0 if of == "deviations" else None,
        of="level" if of == "levels" else "axis",
        first=1 if of == "levels" else 0,
    )
    return as_json(figure)


def _highest(run: OpenRun, of: str) -> float:
    """The largest number of a run's history of its dimensions after its first epochs, or 0 where there is none."""
    try:
        values: NDArray[np.float64] = getattr(run_history(run), of)
    except CheckpointError:  # the tab says so beside the curves
        return 0.0
    values = values[len(values) // 10 :]  # while beta is low a fit spends rates that would flatten the rest
    return float(np.nanmax(values)) if np.isfinite(values).any() else 0.0


def gradient_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """Variance of the encoder's gradient under each estimator as plotly JSON.

    Args:
        library: The runs.
        name: The run's name.
        query: `with`: a run it is compared with, or nothing; `theme`.

    Raises:
        ShapeError: It was not measured.
    """
    from explorer.plots.report import gradient_dots
    from explorer.plots.style import as_json

    number, run, _ = _numbered(library, name, query)
    try:
        history = run_history(run)
    except CheckpointError:  # the variances may stand among the scores
        history = history_of([], run.latent_dim)
    variances = gradient_variances(run, history)
    if variances is None:
        raise ShapeError(f"the variance of the gradient of {name} was not measured.")
    return as_json(gradient_dots(variances, number, theme_of(query), name))


def histogram_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """The drawn codes of one dimension against a density as plotly JSON.

    Args:
        library: The runs.
        name: The run's name.
        query: `axis`: the dimension, from 0; `with`: a run it is compared with, or nothing; `theme`.

    Raises:
        ShapeError: There is no such dimension.
    """
    from explorer.plots.report import latent_histogram
    from explorer.plots.style import as_json

    number, run, _ = _numbered(library, name, query)
    axis = whole(query, "axis", 0, run.latent_dim - 1, default=0)
    codes = run.latents.draw[:, axis].astype(np.float64)
    figure = latent_histogram(codes, axis, not run.is_point, number, theme_of(query), f"{name} {axis}")
    return as_json(figure)
