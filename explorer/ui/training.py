"""Training: how a run and its twin were fitted, what each latent dimension came to carry, and what they cost."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from explorer.config import RunConfig, field_help
from explorer.errors import CheckpointError, ShapeError
from explorer.images import picture_type
from explorer.library import Library, kept
from explorer.ui.components import live
from explorer.ui.page import FigureMaker, Page, public_sentence
from explorer.ui.routes import PRIVATE, NotFoundError, RunRoutes, TabRoute, keeping, number_of, unchanged

if TYPE_CHECKING:
    from explorer.library import Card, OpenRun
    from explorer.plots import Theme

INTRO = (
    "How this model was fitted, beside its twin or any other run: what they lost at every epoch, which latent "
    "dimensions came to carry something, and what they decoded on the way. "
    "Drag the epoch to watch the decodes take shape, and click a bar to compare the codes of that dimension with the "
    "prior."
)

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

ACTIVE_RATE = 0.01
"""Nats that a dimension carries at least to count as active during a fit."""

MOST_EPOCHS = 2000
"""Epochs that are drawn; of more, evenly spread ones."""

ESTIMATORS = ("reparameterised", "score")
"""Estimators of the encoder's gradient whose variance a fit may have measured, as metrics.json calls them."""

NO_HISTORY = "This model is held in memory, so there is no history of its fit to show."
LOST_HISTORY = "This run holds no history of its fit, so there are no curves."


@dataclass(frozen=True)
class History:
    """The epochs of a fit as numbers; NaN where a line does not tell.

    Attributes:
        epochs: (E,), rising.
        train: `distortion`, `rate` and their `sum` on the training images, (E,) each, nats per image, and `penalty`.
        validation: The same on images that were held out.
        beta: Weight of the rate, (E,).
        learning_rate: Step length at the end of the epoch, (E,).
        rates: Rate of each dimension, (E, d), nats.
        deviations: Mean posterior deviation of each dimension on held-out images, (E, d), prior standard deviations.
        level_sizes: Dimensions of each level of latents, the top one first; together d.
        gradient: Variance of the encoder's gradient by estimator, after the last epoch that tells.
        passed_over: Lines of the file that make no sense where they stand.
    """

    epochs: NDArray[np.float64]
    train: Mapping[str, NDArray[np.float64]]
    validation: Mapping[str, NDArray[np.float64]]
    beta: NDArray[np.float64]
    learning_rate: NDArray[np.float64]
    rates: NDArray[np.float64]
    deviations: NDArray[np.float64]
    level_sizes: tuple[int, ...]
    gradient: Mapping[str, float]
    passed_over: int

    @property
    def varies_beta(self) -> bool:
        """Whether beta moved during the fit."""
        known = self.beta[np.isfinite(self.beta)]
        return len(known) > 1 and float(np.ptp(known)) > 1e-9

    @property
    def active(self) -> NDArray[np.float64]:
        """Dimensions whose rate is at least `ACTIVE_RATE` on the training images, (E,)."""
        counts = (self.rates >= ACTIVE_RATE).sum(axis=1).astype(np.float64)
        counts[np.isnan(self.rates).any(axis=1)] = np.nan
        return counts

    @property
    def levels(self) -> NDArray[np.float64]:
        """Rate of each level of latents, the top one first, (E, L), nats; L = 0 where all are of one level."""
        if len(self.level_sizes) < 2:
            return np.empty((len(self.epochs), 0))
        starts = np.cumsum((0, *self.level_sizes[:-1]))
        return np.add.reduceat(self.rates, starts, axis=1)

    def part(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """One of `PARTS` on the training images, (E,), and on held-out ones, or None for what has no images."""
        if name == "active":
            return self.active, None
        if name == "beta":
            return self.beta, None
        if name == "lr":
            return self.learning_rate, None
        return self.train[name], self.validation[name]


def build(library: Library, page: Page) -> None:  # noqa: ARG001 - every tab is built with the same arguments
    """Lay out the tab."""
    gr.Markdown(INTRO, elem_classes=["xp-intro"])
    live(page, "training", "how the model was fitted")


def history_of(
    lines: Sequence[Mapping[str, Any]], latent_dim: int, level_sizes: tuple[int, ...] | None = None
) -> History:
    """The numbers of a history; lines without an epoch of their own, or out of order, are passed over.

    Args:
        lines: As in history.jsonl, which anybody may have written.
        latent_dim: d.
        level_sizes: Dimensions of each level of latents, the top one first; None for one level of them all.
    """
    kept: list[Mapping[str, Any]] = []
    last = -math.inf
    for line in lines:
        epoch = _number(line, "epoch")
        if epoch > last:
            kept.append(line)
            last = epoch
    passed_over = len(lines) - len(kept)
    measured = [line for line in kept if "gradient_variance" in line]
    kept = kept[:: max(1, -(-len(kept) // MOST_EPOCHS))]

    def losses(split: str) -> dict[str, NDArray[np.float64]]:
        distortion, rate, penalty = (_column(kept, split, part) for part in ("distortion", "rate", "penalty"))
        if split == "train" and not np.isfinite(penalty).any():
            penalty = _column(kept, "penalty")
        return {"distortion": distortion, "rate": rate, "sum": distortion + rate, "penalty": penalty}

    return History(
        epochs=_column(kept, "epoch"),
        train=losses("train"),
        validation=losses("validation"),
        beta=_column(kept, "beta"),
        learning_rate=_column(kept, "lr"),
        rates=_rows(kept, "rate_per_dimension", latent_dim),
        deviations=_rows(kept, "posterior_deviation", latent_dim),
        level_sizes=level_sizes or (latent_dim,),
        gradient={name: _number(measured[-1], "gradient_variance", name, "variance") for name in ESTIMATORS}
        if measured
        else {},
        passed_over=passed_over,
    )


def story(library: Library, name: str) -> dict[str, Any]:
    """What the tab says of one run beside its figures, as plain values.

    Returns:
        `note`: what of the curves is missing and why, or None; `parts`: those of `PARTS` that its history tells;
        `has_rates`, `has_deviations` (of each dimension over the epochs), `has_levels`; `beta`: the last one;
        `varies_beta`; `epochs`: the last epoch of the fit, or None; `sheets`: `epoch` and `url` of each, relative to
        the page; `axes`: `axis`, `rate` (nats), `variance` (of the posterior mean) and `active` of each dimension, as
        the bars are sorted; `scale`: what its nats are nats of; `gradient`: variance of the encoder's gradient by
        estimator, or None; `card`: rows of `group`, `name`, `meaning`, `text` and `detail`.
    """
    run = library.open(name)
    try:
        history, note = run_history(run), None
    except CheckpointError as error:  # everything but the curves can still be shown
        history, note = history_of([], run.latent_dim), public_sentence(error)
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
    base = f"explorer/api/run/{name}/sheets"
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
        "sheets": [{"epoch": epoch, "url": f"{base}/{epoch}?v={run.card.version}"} for epoch in sheets],
        "axes": [
            {"axis": int(j), "rate": float(rates[j]), "variance": float(variance[j]), "active": bool(active[j])}
            for j in order
        ],
        "scale": scale_of(run),
        "gradient": gradient_variances(run, history),
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


def _tells(run: "OpenRun", history: History, part: str) -> bool:
    """Whether there is anything to draw of one of `PARTS`."""
    if run.is_point and part in OF_A_RATE:
        return False
    return any(values is not None and bool(np.isfinite(values).any()) for values in history.part(part))


def scale_of(run: "OpenRun") -> dict[str, str | None]:
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


def gradient_variances(run: "OpenRun", history: History) -> dict[str, float] | None:
    """Variance of the encoder's gradient under each of `ESTIMATORS`, or None unless both were measured."""
    scores = {name: run.card.number("train", "gradient_variance", name, "variance") for name in ESTIMATORS}
    found = history.gradient if None in scores.values() else scores
    known = {name: value for name, value in found.items() if value is not None and value > 0}  # NaN is not
    return known if len(known) == len(ESTIMATORS) else None


@kept
def run_history(run: "OpenRun") -> History:
    """The history of a run, read once."""
    return history_of(run.history(), run.latent_dim, run.level_sizes)


Axes = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


@kept
def ranked_axes(run: "OpenRun") -> Axes:
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
    from explorer.plots import Curve, as_json, loss_curves

    part, across = query.get("part", "sum"), query.get("across", "epochs")
    if part not in PARTS:
        raise ShapeError(f"part must be one of {', '.join(PARTS)}.")
    if across not in ("epochs", "share"):
        raise ShapeError("across must be epochs or share.")
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
        curves, PART_TITLES[part], _theme(query), revision, across=title, counts=part == "active"
    )  # fmt: skip
    return as_json(figure)


def pair(library: Library, name: str, other: str = "") -> "list[tuple[int, OpenRun]]":
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


def _numbered(library: Library, name: str, query: Mapping[str, str]) -> "tuple[int, OpenRun, list[OpenRun]]":
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
    from explorer.plots import as_json, axis_bars

    number, run, runs = _numbered(library, name, query)
    order, rates, variance, active = ranked_axes(run)
    if run.is_point:  # an autoencoder's scale is its own
        top, values, title = None, variance, "variance of the codes, latent units²"
    else:
        top = max(float(ranked_axes(each)[1].max()) for each in runs if not each.is_point)
        values, title = rates, "rate, nats per image"
    figure = axis_bars(values[order], order, active[order], title, number, _theme(query), name, top=top)
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
    from explorer.plots import as_json, axis_lines

    of = query.get("of", "rates")
    if of not in AXIS_TITLES:
        raise ShapeError(f"of must be one of {', '.join(AXIS_TITLES)}.")
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
        _theme(query),
        f"{name} {of}",
        top=max([*tops, 1.0 if of == "deviations" else 0.0], default=None),
        reference=1.0 if of == "deviations" else None,
        of="level" if of == "levels" else "axis",
        first=1 if of == "levels" else 0,
    )
    return as_json(figure)


def _highest(run: "OpenRun", of: str) -> float:
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
    from explorer.plots import as_json, gradient_dots

    number, run, _ = _numbered(library, name, query)
    try:
        history = run_history(run)
    except CheckpointError:  # the variances may stand among the scores
        history = history_of([], run.latent_dim)
    variances = gradient_variances(run, history)
    if variances is None:
        raise ShapeError(f"the variance of the gradient of {name} was not measured.")
    return as_json(gradient_dots(variances, number, _theme(query), name))


def histogram_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """The drawn codes of one dimension against a density as plotly JSON.

    Args:
        library: The runs.
        name: The run's name.
        query: `axis`: the dimension, from 0; `with`: a run it is compared with, or nothing; `theme`.

    Raises:
        ShapeError: There is no such dimension.
    """
    from explorer.plots import as_json, latent_histogram

    number, run, _ = _numbered(library, name, query)
    text = query.get("axis", "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) < run.latent_dim):
        raise ShapeError(f"axis must be a whole number from 0 to {run.latent_dim - 1}.")
    codes = run.latents.draw[:, int(text)].astype(np.float64)
    figure = latent_histogram(codes, int(text), not run.is_point, number, _theme(query), f"{name} {text}")
    return as_json(figure)


def card_rows(card: "Card", is_point: bool) -> list[dict[str, str]]:
    """What a run was fitted with, what it scored and what that cost: text with units, missing parts left out.

    Args:
        card: The run's.
        is_point: Whether its codes are points, so that it has no rate and no beta.
    """
    rows: list[dict[str, str]] = []

    def add(group: str, name: str, meaning: str, text: object, detail: str = "") -> None:
        if text is not None and text != "":
            rows.append({"group": group, "name": name, "meaning": meaning, "text": str(text), "detail": detail})

    config = card.config
    add("Settings", "Family", "kind of model", FAMILY_WORDS.get(card.family, card.family))
    add("Settings", "Data set", "what it was fitted on", card.dataset)
    add("Settings", "Latent dimension", "d", card.latent_dim)
    if config is not None:
        from explorer.data import TERMS

        add("Settings", "Terms", "of the images, which bind the model", TERMS.get(config.data.dataset))
    if config is not None:
        model, train = config.model, config.train
        hidden = f", {model.hidden} hidden units" if model.hidden else ""
        add("Settings", "Likelihood", "p(x|z) of the decoder", model.likelihood)
        add("Settings", "Net", "its shape", model.net and f"{model.net}{hidden}")
        if not is_point:
            share = f"{train.warmup} warm-up over {train.warmup_share:.0%} of the steps"
            add("Settings", "Beta", "weight of the rate", f"{train.beta:g}", share if train.warmup != "none" else "")
        add("Settings", "Epochs", "passes over the training images", train.epochs)
        add("Settings", "Batch size", "images in a step", train.batch_size)
        add("Settings", "Learning rate", "its peak", f"{train.lr:g}", train.schedule)
        add("Settings", "Seed", "of weights, order and noise", train.seed)
        for name, meaning, value in _further_settings(config):
            add("Further settings", name, meaning, value)
    nats, law = "nats per test image", "white" if is_point else "raw"
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
        if value is None or (key == "rate" and is_point):
            continue
        digits = "#.3g" if key == "mse" else ".2f"
        add("Scores", name, meaning, f"{value:{digits}}".replace("-", "−"), detail + _interval(card, key, digits))
    add("Scores", "Rate of each level", f"{nats}, the top level first", _level_rates(card))
    units = card.number("test", "active_units")
    if units is not None:
        add("Scores", "Active units", "dimensions whose mean depends on the image", f"{units:.0f} of {card.latent_dim}")
    components = card.number("pca", "components")
    if components is not None:
        baseline = f"the least to beat: PCA with {components:,.0f} components, found on some training images"
        value = card.number("pca", "mse")
        add("Scores", "Squared error of PCA", baseline, None if value is None else f"{value:#.3g}")
        drawn = "distance to test images in the feature space of the holes, lower is better"
        for name, path in (("Fréchet distance", ("holes", law)), ("Fréchet distance of PCA", ("pca",))):
            value = card.number(*path, "frechet")
            of = "of a Gaussian along the components" if path[0] == "pca" else f"of samples under {law}"
            add("Scores", name, f"{of}: {drawn}", None if value is None else f"{value:.1f}")
    cost = card.metrics.get("train")
    cost = cost if isinstance(cost, Mapping) else {}
    fitted = card.number("train", "epochs")
    if fitted is not None and config is not None and fitted != config.train.epochs:
        add("Cost", "Epochs fitted", "before the fit was ended", f"{fitted:.0f}")
    seconds, speed = card.number("train", "seconds"), card.number("train", "images_per_second")
    add("Cost", "Time", "of the whole fit", None if seconds is None else _duration(seconds))
    add("Cost", "Speed", "training images per second", None if speed is None else f"{speed:,.0f}")
    for key, name, meaning in (("device", "Device", "what computed"), ("precision", "Precision", "of the net")):
        value = cost.get(key)
        add("Cost", name, meaning, value[:80] if isinstance(value, str) else None)
    return rows


FAMILY_WORDS = {"ae": "AE", "vae": "VAE"}
"""How a family is written where its name is an abbreviation."""

NAMED_ABOVE = (
    {"family", "latent_dim", "likelihood", "net", "hidden", "beta", "warmup", "warmup_share", "epochs", "batch_size"}
    | {"lr", "schedule", "seed", "dataset", "name"}
    | {"class_names", "attribute_names", "image_shape", "levels"}
)
"""Settings that have rows of their own, or are no choice."""


def _further_settings(config: RunConfig) -> Iterator[tuple[str, str, str]]:
    """Name, meaning and value of every setting that is not `NAMED_ABOVE`, so that two cards tell all that differs."""
    for part in (config.data, config.model, config.train):
        meanings = field_help(type(part))
        for each in dataclasses.fields(part):
            value = getattr(part, each.name)
            if each.name in NAMED_ABOVE or value is None or value == ():
                continue
            if each.name == "sigma" and config.model.likelihood != "gaussian":
                continue
            text = f"{value:g}" if isinstance(value, float) else str(value)
            if isinstance(value, bool):
                text = "yes" if value else "no"
            elif isinstance(value, tuple):
                text = ", ".join(map(str, value))
            elif each.name == "fingerprint":
                text = text[:8]
            words = each.name.replace("_", " ")
            yield words[0].upper() + words[1:], meanings.get(each.name, ""), text[:80]


def _interval(card: "Card", key: str, digits: str) -> str:
    """The 95 % interval of a test score, or ""."""
    test = card.metrics.get("test")
    ends = test.get(f"{key}_interval") if isinstance(test, Mapping) else None
    if not isinstance(ends, list) or len(ends) != 2 or not all(math.isfinite(_finite(end)) for end in ends):
        return ""
    return " to ".join(f"{end:{digits}}".replace("-", "−") for end in map(_finite, ends))


def _level_rates(card: "Card") -> str:
    """The test rate of each stochastic level, the top one first, or "" for a run of one level."""
    test = card.metrics.get("test")
    stored = test.get("rate_per_level") if isinstance(test, Mapping) else None
    sizes = () if card.config is None else card.config.model.level_sizes
    if len(sizes) < 2 or not isinstance(stored, list) or len(stored) != len(sizes):
        return ""
    rates = [_number(level, "rate") if isinstance(level, Mapping) else math.nan for level in stored]
    return ", ".join(f"{rate:.2f}" for rate in rates) if all(map(math.isfinite, rates)) else ""


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _column(lines: Sequence[Mapping[str, Any]], *path: str) -> NDArray[np.float64]:
    return np.array([_number(line, *path) for line in lines], dtype=np.float64)


def _rows(lines: Sequence[Mapping[str, Any]], key: str, width: int) -> NDArray[np.float64]:
    """The lists of `width` numbers under one key, (E, width); NaN where a line has another list or none."""
    found = np.full((len(lines), width), np.nan)
    for row, line in enumerate(lines):
        stored = line.get(key)
        if isinstance(stored, list) and len(stored) == width:
            found[row] = [_finite(value) for value in stored]
    return found


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
    "axis-lines": axis_figure,
    "axis-histogram": histogram_figure,
    "gradient": gradient_figure,
}
"""Served by the figure route."""


def routes(runs: RunRoutes) -> list[TabRoute]:
    """What the tab asks of the fit of a run."""

    async def training(request: Request) -> Response:
        """How a run was fitted: its card, its dimensions, and the sheets it kept."""
        card = await runs.card(request)
        told = await runs.opening.run(lambda: story(runs.library, card.name))
        return JSONResponse(told, headers=PRIVATE)

    async def sheet(request: Request) -> Response:
        """The decodes that were kept after one epoch, as a picture."""
        epoch = number_of(request, "epoch")
        card = await runs.card(request)

        def read() -> bytes:
            run = runs.library.open(card.name)
            if epoch not in run.sheets():
                raise NotFoundError(f"{run.name} kept no sheet after epoch {epoch}.")
            return run.sheet(epoch)

        picture = await runs.opening.run(read)
        fresh = unchanged(request, card.version)
        return fresh or Response(picture, media_type=picture_type(picture), headers=keeping(request, card.version))

    return [("GET", "/training", training), ("GET", "/sheets/{epoch}", sheet)]
