"""Training: how a run and its twin were fitted, what each latent dimension came to carry, and what they cost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Posterior
from explorer.errors import CheckpointError, ShapeError
from explorer.library import Library
from explorer.ui.components import live
from explorer.ui.page import FigureMaker, Page, public_sentence

if TYPE_CHECKING:
    from explorer.library import Card, OpenRun
    from explorer.plots import Theme

INTRO = (
    "How this model and its twin were fitted: what they lost at every epoch, which latent dimensions came to carry "
    "something, and what they decoded on the way. "
    "Drag the epoch to watch the decodes take shape, and click a bar to compare the codes of that dimension with the "
    "prior."
)

PARTS = ("sum", "distortion", "rate", "beta")
"""Panels of the loss curves."""

PART_TITLES = {
    "sum": "distortion + rate, nats per image",
    "distortion": "distortion, nats per image",
    "rate": "rate, nats per image",
    "beta": "beta, weight of the rate",
}

MOST_EPOCHS = 2000
"""Epochs that are drawn; of more, evenly spread ones."""

NO_HISTORY = "This model is held in memory, so there is no history of its fit to show."
LOST_HISTORY = "This run holds no history of its fit, so there are no curves."


@dataclass(frozen=True)
class History:
    """The epochs of a fit as numbers; NaN where a line does not tell.

    Attributes:
        epochs: (E,), rising.
        train: `distortion`, `rate` and their `sum` on the training images, (E,) each, nats per image.
        validation: The same on images that were held out.
        beta: Weight of the rate, (E,).
        rates: Rate of each dimension, (E, d), nats.
    """

    epochs: NDArray[np.float64]
    train: Mapping[str, NDArray[np.float64]]
    validation: Mapping[str, NDArray[np.float64]]
    beta: NDArray[np.float64]
    rates: NDArray[np.float64]

    @property
    def varies_beta(self) -> bool:
        """Whether beta moved during the fit."""
        known = self.beta[np.isfinite(self.beta)]
        return len(known) > 1 and float(np.ptp(known)) > 1e-9


def build(library: Library, page: Page) -> None:  # noqa: ARG001 - every tab is built with the same arguments
    """Lay out the tab."""
    gr.Markdown(INTRO, elem_classes=["xp-intro"])
    live(page, "training", "how the model was fitted")


def history_of(lines: Sequence[Mapping[str, Any]], latent_dim: int) -> History:
    """The numbers of a history; lines without an epoch of their own, or out of order, are passed over.

    Args:
        lines: As in history.jsonl, which anybody may have written.
        latent_dim: d.
    """
    kept: list[Mapping[str, Any]] = []
    last = -math.inf
    for line in lines:
        epoch = _number(line, "epoch")
        if epoch > last:
            kept.append(line)
            last = epoch
    kept = kept[:: max(1, -(-len(kept) // MOST_EPOCHS))]

    def losses(split: str) -> dict[str, NDArray[np.float64]]:
        distortion, rate = (_column(kept, split, part) for part in ("distortion", "rate"))
        return {"distortion": distortion, "rate": rate, "sum": distortion + rate}

    rates = np.full((len(kept), latent_dim), np.nan)
    for row, line in enumerate(kept):
        stored = line.get("rate_per_dimension")
        if isinstance(stored, list) and len(stored) == latent_dim:
            rates[row] = [_finite(value) for value in stored]
    return History(_column(kept, "epoch"), losses("train"), losses("validation"), _column(kept, "beta"), rates)


def story(library: Library, name: str) -> dict[str, Any]:
    """What the tab says of one run beside its figures, as plain values.

    Returns:
        `note`: why there are no curves, or None; `has_curves`, `has_rates` (over epochs), `varies_beta`; `sheets`:
        `epoch` and `url` of each, relative to the page; `axes`: `axis`, `rate` (nats), `variance` (of the posterior
        mean) and `active` of each dimension, as the bars are sorted; `card`: rows of `group`, `name`, `meaning`,
        `text` and `detail`.
    """
    run = library.open(name)
    note = None if run.config is not None else NO_HISTORY
    try:
        history = run_history(run)
        if note is None and not len(history.epochs):
            note = LOST_HISTORY
    except CheckpointError as error:  # everything but the curves can still be shown
        history, note = history_of([], run.latent_dim), public_sentence(error)
    order, rates, variance, active = ranked_axes(run)
    base = f"explorer/api/run/{name}/sheets"
    return {
        "name": name,
        "family": run.family,
        "point": run.is_point,
        "note": note,
        "has_curves": bool(len(history.epochs)),
        "has_rates": not run.is_point and bool(np.isfinite(history.rates).any()),
        "varies_beta": not run.is_point and history.varies_beta,
        "sheets": [{"epoch": epoch, "url": f"{base}/{epoch}?v={run.card.version}"} for epoch in run.sheets()],
        "axes": [
            {"axis": int(j), "rate": float(rates[j]), "variance": float(variance[j]), "active": bool(active[j])}
            for j in order
        ],
        "card": card_rows(run.card),
    }


def run_history(run: "OpenRun") -> History:
    """The history of a run, read once."""
    return run.keep("history", lambda: history_of(run.history(), run.latent_dim))


Axes = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


def ranked_axes(run: "OpenRun") -> Axes:
    """What each latent dimension carries on the test images.

    Returns:
        The dimensions, the one with the highest rate (AE: variance) first, (d,); then of each dimension its rate in
        nats, the variance of its posterior mean, and whether it is active, (d,) each.
    """

    def measure() -> Axes:
        from explorer.analysis.scores import active_axes, rate_per_dimension

        posterior = Posterior(run.latents.mean, run.latents.log_variance)
        variance = run.latents.mean.astype(np.float64).var(0)
        rates = rate_per_dimension(posterior)
        order = np.argsort(-(variance if run.is_point else rates), kind="stable")
        return order, rates, variance, active_axes(posterior)

    return run.keep("ranked axes", measure)


def loss_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """One panel of the loss curves of a run and its twin as plotly JSON.

    Args:
        library: The runs.
        name: The run's name.
        query: `part`: one of `PARTS`; `theme`.

    Raises:
        ShapeError: The part is none.
    """
    from explorer.plots import Curve, as_json, loss_curves

    part = query.get("part", "sum")
    if part not in PARTS:
        raise ShapeError(f"part must be one of {', '.join(PARTS)}.")
    curves: list[Curve] = []
    for number, run in pair(library, name):
        if run.is_point and part in ("rate", "beta"):
            continue
        try:
            history = run_history(run)
        except CheckpointError:  # the tab says so; the other run's curves are still good
            continue
        train, validation = (history.beta, None) if part == "beta" else (history.train[part], history.validation[part])
        curves.append(Curve(run.name, number, history.epochs, train, validation))
    return as_json(loss_curves(curves, PART_TITLES[part], _theme(query), f"{name} {part}"))


def pair(library: Library, name: str) -> "list[tuple[int, OpenRun]]":
    """A run and its twin where it can be opened, each with the number of its colour: the VAE's is 0, the AE's 1."""
    runs = [library.open(name)]
    twin = library.twin(name)
    if twin is not None:
        try:
            runs.append(library.open(twin))
        except CheckpointError:  # the run itself is still worth showing
            twin = None
    runs.sort(key=lambda run: run.is_point)
    numbers = [int(run.is_point) for run in runs]
    return list(zip(numbers if len(set(numbers)) == len(runs) else range(len(runs)), runs, strict=True))


def bar_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """Rate (AE: variance of the codes) of each dimension, sorted, as plotly JSON; `query` says the theme."""
    from explorer.plots import as_json, axis_bars

    run = library.open(name)
    order, rates, variance, active = ranked_axes(run)
    values = variance if run.is_point else rates
    title = "variance of the codes, latent units²" if run.is_point else "rate, nats per image"
    return as_json(axis_bars(values[order], order, active[order], title, int(run.is_point), _theme(query), name))


def rate_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """Rate of each dimension over the epochs as plotly JSON; `query` says the theme."""
    from explorer.plots import as_json, rate_lines

    run = library.open(name)
    history = run_history(run)
    order, _, _, active = ranked_axes(run)
    return as_json(rate_lines(history.epochs, history.rates, order, active, _theme(query), name))


def histogram_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """The drawn codes of one dimension against a density as plotly JSON.

    Args:
        library: The runs.
        name: The run's name.
        query: `axis`: the dimension, from 0; `theme`.

    Raises:
        ShapeError: There is no such dimension.
    """
    from explorer.plots import as_json, latent_histogram

    run = library.open(name)
    text = query.get("axis", "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) < run.latent_dim):
        raise ShapeError(f"axis must be a whole number from 0 to {run.latent_dim - 1}.")
    codes = run.latents.draw[:, int(text)].astype(np.float64)
    figure = latent_histogram(codes, int(text), not run.is_point, int(run.is_point), _theme(query), f"{name} {text}")
    return as_json(figure)


def card_rows(card: "Card") -> list[dict[str, str]]:
    """What a run was fitted with, what it scored and what that cost: text with units, missing parts left out."""
    rows: list[dict[str, str]] = []

    def add(group: str, name: str, meaning: str, text: object, detail: str = "") -> None:
        if text is not None and text != "":
            rows.append({"group": group, "name": name, "meaning": meaning, "text": str(text), "detail": detail})

    config = card.config
    add("Settings", "Family", "kind of model", card.family.upper())
    add("Settings", "Data set", "what it was fitted on", card.dataset)
    add("Settings", "Latent dimension", "d", card.latent_dim)
    if config is not None:
        model, train = config.model, config.train
        hidden = f", {model.hidden} hidden units" if model.hidden else ""
        add("Settings", "Likelihood", "p(x|z) of the decoder", model.likelihood)
        add("Settings", "Net", "its shape", model.net and f"{model.net}{hidden}")
        if card.family != "ae":
            share = f"{train.warmup} warm-up over {train.warmup_share:.0%} of the steps"
            add("Settings", "Beta", "weight of the rate", f"{train.beta:g}", share if train.warmup != "none" else "")
        add("Settings", "Epochs", "passes over the training images", train.epochs)
        add("Settings", "Batch size", "images in a step", train.batch_size)
        add("Settings", "Learning rate", "its peak", f"{train.lr:g}", train.schedule)
        add("Settings", "Seed", "of weights, order and noise", train.seed)
    nats = "nats per test image"
    samples, images = card.number("test", "nll_iw_samples"), card.number("test", "nll_iw_images")
    bound = f"K = {samples:,.0f}, {images:,.0f} images; " if samples is not None and images is not None else ""
    scores = (
        ("nll_iw", "NLL bound", f"{nats}, importance-weighted; lower is better", bound),
        ("elbo", "ELBO", f"{nats}; higher is better", ""),
        ("distortion", "Distortion", f"{nats}, grey images at their posterior means", ""),
        ("rate", "Rate", nats, ""),
        ("mse", "Squared error", "per pixel in [0, 1], mean over test images", ""),
    )
    for key, name, meaning, detail in scores:
        value = card.number("test", key)
        if value is None or (key == "rate" and card.family == "ae"):
            continue
        digits = "#.3g" if key == "mse" else ".2f"
        add("Scores", name, meaning, f"{value:{digits}}".replace("-", "−"), detail + _interval(card, key, digits))
    units = card.number("test", "active_units")
    if units is not None:
        add("Scores", "Active units", "dimensions whose mean depends on the image", f"{units:.0f} of {card.latent_dim}")
    cost = card.metrics.get("train")
    cost = cost if isinstance(cost, Mapping) else {}
    seconds, speed = card.number("train", "seconds"), card.number("train", "images_per_second")
    add("Cost", "Time", "of the whole fit", None if seconds is None else _duration(seconds))
    add("Cost", "Speed", "training images per second", None if speed is None else f"{speed:,.0f}")
    for key, name, meaning in (("device", "Device", "what computed"), ("precision", "Precision", "of the net")):
        value = cost.get(key)
        add("Cost", name, meaning, value[:80] if isinstance(value, str) else None)
    return rows


def _interval(card: "Card", key: str, digits: str) -> str:
    """The 95 % interval of a test score, or ""."""
    test = card.metrics.get("test")
    ends = test.get(f"{key}_interval") if isinstance(test, Mapping) else None
    if not isinstance(ends, list) or len(ends) != 2 or not all(math.isfinite(_finite(end)) for end in ends):
        return ""
    return " to ".join(f"{end:{digits}}".replace("-", "−") for end in map(_finite, ends))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _column(lines: Sequence[Mapping[str, Any]], *path: str) -> NDArray[np.float64]:
    return np.array([_number(line, *path) for line in lines], dtype=np.float64)


def _number(line: Mapping[str, Any], *path: str) -> float:
    """A number by its place in a line, or NaN."""
    found: Any = line
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return _finite(found)


def _finite(value: object) -> float:
    """A stored value as a number that can be drawn, or NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if abs(value) < 1e30 else math.nan  # an int may be larger than any float


def _theme(query: Mapping[str, str]) -> "Theme":
    return "dark" if query.get("theme") == "dark" else "light"


FIGURES: dict[str, FigureMaker] = {
    "losses": loss_figure,
    "axis-bars": bar_figure,
    "axis-rates": rate_figure,
    "axis-histogram": histogram_figure,
}
"""Served by the figure route."""
