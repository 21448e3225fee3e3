"""The card of a run: its settings, its scores and what the fit cost, as rows of text."""

import dataclasses
import math
from collections.abc import Iterator, Mapping

from explorer.analysis.laws import LAWS, MANY, first_law
from explorer.config import CHOSEN_SETTINGS, FAMILIES, RunConfig, field_help
from explorer.library import Card
from explorer.views.history import finite_number, number_at
from explorer.views.hole_scores import SETS
from explorer.views.hole_verdict import CLAMPED, holes_of, laws_of


def card_rows(card: Card, is_point: bool) -> list[dict[str, str]]:
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
    add("Settings", "Family", "kind of model", FAMILIES[card.family].short if card.family in FAMILIES else card.family)
    add("Settings", "Data set", "what it was fitted on", card.dataset)
    sides = card.latent_shape or ()
    flattened = f"flattened from {' x '.join(map(str, sides))}" if len(sides) > 1 else ""
    add("Settings", "Latent dimension", "d", card.latent_dim, flattened)
    if config is not None:
        from explorer.data import source_of

        add("Settings", "Terms", "of the images, which bind the model", source_of(config.data.dataset).terms)
    if config is not None and config.is_foreign:
        assumed = "assumed: a Gaussian whose deviation is the root mean squared error"
        add("Settings", "Likelihood", "p(x|z) of the decoder", config.model.likelihood, assumed)
        add("Settings", "Net", "its shape", "a model of somebody's own, kept as two programs")
    elif config is not None:
        model, train = config.model, config.train
        hidden = f", {model.hidden} hidden units" if model.hidden else ""
        charged = f"and features, {train.feature_loss:g} nats: no likelihood is maximised"
        beside = charged if train.charges_features else ""
        add("Settings", "Likelihood", "p(x|z) of the decoder", model.likelihood, beside)
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
    nats, law = "nats per test image", first_law(is_point).name
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
    for name, key, meaning in DISENTANGLED:
        value = card.number("test", "disentanglement", key)
        add("Scores", name, meaning, None if value is None else f"{value:.2f}", _factors_told(card))
    for name, meaning, text, detail in _measured_with(card):
        add("Scores", name, meaning, text, detail)
    units = card.number("test", "active_units")
    if units is not None:
        add("Scores", "Active units", "dimensions whose mean depends on the image", f"{units:.0f} of {card.latent_dim}")
    components = card.number("pca", "components")
    if components is not None:
        baseline = f"the least to beat: PCA with {components:,.0f} components, found on some training images"
        value = card.number("pca", "mse")
        add("Scores", "Squared error of PCA", baseline, None if value is None else f"{value:#.3g}")
        drawn = "distance to test images in the feature space of the holes, lower is better"
        floor = card.number("holes", "frechet_floor")
        least = "" if floor is None else f"floor {floor:.1f}: training images in place of draws"
        for name, of, path in (
            ("Fréchet distance", f"of draws {LAWS[law].title}", ("holes", law)),
            ("Fréchet distance of reconstructions", "of decodes of the test images' codes", ("test",)),
            ("Fréchet distance of PCA", "of a Gaussian along the components", ("pca",)),
        ):
            value, pixels = card.number(*path, "frechet"), card.number(*path, "frechet_pixels")
            beside = "" if pixels is None else f"{pixels:.2f} between principal components of pixels"
            told = None if value is None else f"{value:.1f}"
            floors = (least, beside) if path[0] == "holes" else (beside,)  # reconstructions may be nearer than others
            add("Scores", name, f"{of}: {drawn}", told, "; ".join(filter(None, floors)))
    if card.not_measured:
        add("Scores", "Not measured", f"measure with: {card.measuring}", ", ".join(card.not_measured))
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


DISENTANGLED = (
    ("MIG", "mig", "mutual information gap: 1 where each known factor lies on one dimension alone, 0 is entangled"),
    (
        "SAP",
        "sap",
        "how much better the best dimension tells a factor than the second; 1 at most, 0.5 for classes",
    ),
    ("Disentanglement", "disentanglement", "of DCI: 1 where each dimension follows one known factor only"),
    ("Completeness", "completeness", "of DCI: 1 where each known factor lies on one dimension only"),
    ("Informativeness", "informativeness", "of DCI: how well all dimensions together tell the factors, 0 for a guess"),
)
"""Scores of a run whose images have known factors or attributes (`explorer.analysis.disentangled`)."""


def _factors_told(card: Card) -> str:
    """Of which factors the scores are, in a few words."""
    test = card.metrics.get("test")
    found = test.get("disentanglement") if isinstance(test, Mapping) else None
    names = found.get("factors") if isinstance(found, Mapping) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return ""
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return "of " + ", ".join(name[:40] for name in names[:6]) + more


NAMED_ABOVE = (
    {"family", "latent_dim", "likelihood", "net", "hidden", "beta", "warmup", "warmup_share", "epochs", "batch_size"}
    | {"lr", "schedule", "seed", "dataset", "name"}
    | {"class_names", "attribute_names", "factor_names", "image_shape", "levels", "program", "latent_shape"}
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
            other, values = CHOSEN_SETTINGS.get(each.name, ("", frozenset()))
            if other == "likelihood" and config.model.likelihood not in values:
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


def _interval(card: Card, key: str, digits: str) -> str:
    """The 95 % interval of a test score, or ""."""
    test = card.metrics.get("test")
    ends = test.get(f"{key}_interval") if isinstance(test, Mapping) else None
    if not isinstance(ends, list) or len(ends) != 2 or not all(math.isfinite(finite_number(end)) for end in ends):
        return ""
    return " to ".join(f"{end:{digits}}".replace("-", "−") for end in map(finite_number, ends))


def _measured_with(card: Card) -> Iterator[tuple[str, str, str, str]]:
    """Name, meaning, text and detail of what the scores of a run rest on: sigma, clamp, and the sets of its codes."""
    sigma, weight = card.number("test", "sigma"), card.number("test", "effective_beta")
    if sigma is not None:
        yield "Sigma", "standard deviation of a pixel given its latent, of the grey scale", f"{sigma:.3g}", ""
    if sigma is not None and weight is not None:
        meaning = "weight that the rate really has: beta at the sigma that fits the residual best"
        yield "Effective beta", meaning, f"{weight:.2g}", "sigma² / squared error, times beta"
    clamped = card.number("test", "clamped")
    if clamped is not None and clamped >= CLAMPED:
        told = "rate, ELBO and draws are set by the clamp"
        yield "At the clamp", "log-variances at −12 or 6, where the model holds them", f"{100 * clamped:.0f} %", told
    sizes = [(name, card.number("holes", f"{key}_n")) for name, key in SETS.items()]
    sets = ", ".join(f"|{name}| = {size:,.0f}" for name, size in sizes if size is not None)
    if sets:
        yield "Codes behind the holes", "reference R, fitted laws G, calibration C: power grows with |R|", sets, ""
    samples, images = card.number("test", "nll_iw_samples"), card.number("test", "nll_iw_images")
    if samples is not None and images is not None:
        yield "K of the NLL bound", "draws of the posterior of each image", f"{samples:,.0f}", f"{images:,.0f} images"
    rank = card.number("holes", "rank")
    if rank is not None and rank < card.latent_dim:
        text = f"{rank:.0f} of {card.latent_dim}"
        yield "Dimensions spanned", "by its codes; a latent off them is in a hole", text, ""
    if MANY in laws_of(card):
        codes = holes_of(card).get("many_n")
        detail = f"fitted to {codes:,} codes" if isinstance(codes, int) else ""
        yield "Many fitted bells", "as many as make held-out codes likeliest", f"{card.many_bells}", detail
    law = holes_of(card).get("default_law")
    if isinstance(law, str) and law in LAWS:
        told = card.number("holes", law, "tell_apart")
        detail = "" if told is None else f"tell-apart {told:.2f}, 0.5 is a coin"
        yield "Random draws", "the law whose draws a classifier tells least from codes", LAWS[law].title, detail


def _level_rates(card: Card) -> str:
    """The test rate of each stochastic level, the top one first, or "" for a run of one level."""
    test = card.metrics.get("test")
    stored = test.get("rate_per_level") if isinstance(test, Mapping) else None
    sizes = () if card.config is None else card.config.model.level_sizes
    if len(sizes) < 2 or not isinstance(stored, list) or len(stored) != len(sizes):
        return ""
    rates = [number_at(level, "rate") if isinstance(level, Mapping) else math.nan for level in stored]
    return ", ".join(f"{rate:.2f}" for rate in rates) if all(map(math.isfinite, rates)) else ""


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
