"""What Holes can colour a plane by besides vacancy, each computed when first chosen and kept."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.laws import LAWS, WHITE
from explorer.arrays import Latents
from explorer.errors import ShapeError
from explorer.library import Library, OpenRun, kept
from explorer.views.hole_planes import Cut, planes_of, twin_of
from explorer.views.query import choice, theme_of

if TYPE_CHECKING:
    from explorer.analysis.holes import CalibratedScore, Plane
    from explorer.plots.holes import LayerScale

LayerName: TypeAlias = Literal["vacancy", "density", "validity", "round_trip", "cliff", "class", "entropy"]

LAYERS: tuple[LayerName, ...] = get_args(LayerName)

FINE, DECODED, FEW_DECODED = 61, 41, 21
"""Values on a side of a layer: of latents alone, of decodes of small images, and of decodes of larger ones."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One way to colour a plane.

    Attributes:
        title: Its name on the page.
        bar: What its colours measure, with the unit.
        reading: How to read it, in one sentence.
        calibrated: Whether its values are p-values, else they are in a unit of their own.
    """

    title: str
    bar: str
    reading: str
    calibrated: bool


OFFERED: Mapping[LayerName, Layer] = {
    "vacancy": Layer(
        "Vacancy",
        "vacancy p-value",
        "How lonely each place is: at p = 0.05 it is further from encoded images than 95 % of the codes of new images.",
        True,
    ),
    "density": Layer(
        "Density ratio",
        "density-ratio p-value",
        "Where the sampling law goes more often than encoded images do: dark places are over-visited by samples more "
        "than 95 % of the codes of new images are.",
        True,
    ),
    "validity": Layer(
        "Validity",
        "validity p-value",
        "How far the decode is from the nearest real image, in the feature space named below: dark decodes look less "
        "like a real image than 95 % of the decoded codes of new images do.",
        True,
    ),
    "round_trip": Layer(
        "Round trip",
        "round-trip p-value",
        "Decode a place, encode the picture, and see how far it lands: dark places come back further off than 95 % of "
        "the codes of new images do.",
        True,
    ),
    "cliff": Layer(
        "Cliff",
        "log change of the image per sd²",
        "How fast the picture changes as one moves: bright lines are edges between kinds of images, and no holes.",
        False,
    ),
    "class": Layer(
        "Class",
        "class of the decode",
        "What a small classifier takes each decode for; it always names one, even of a picture that is none.",
        False,
    ),
    "entropy": Layer(
        "Doubt",
        "entropy of the class, nats",
        "How unsure a small classifier is of each decode: high along class borders, in an autoencoder and a VAE alike; "
        "it does not tell holes.",
        False,
    ),
}
"""The layers by name, in the order of the page."""


def reason_against(run: OpenRun, layer: LayerName) -> str | None:
    """Why a run cannot have a layer, in a few words, or None where it can."""
    if layer in ("vacancy", "density", "round_trip", "cliff"):
        return None
    judge = run.judge
    if run.card.not_measured and (judge is None or (layer == "validity" and run.latents.reference_features is None)):
        return f"not measured; measure with: {run.card.measuring}"
    if judge is None:
        return "no feature net of its images lies beside the run"
    if layer == "validity":
        stored = run.latents.reference_features
        return None if stored is not None else "the run stored no features of real images"
    if judge.kind == "attributes":
        return "its images have attributes, not classes"
    if judge.kind != "classifier" or not hasattr(judge, "probabilities"):
        return "its images have no classifier"
    return None


def calibrated(run: OpenRun, layer: LayerName, law: str) -> "CalibratedScore":
    """The badness behind a calibrated layer, with its p-values; fitted once.

    Args:
        run: The run.
        layer: One that is calibrated; vacancy has its own type.
        law: One of `LAWS`; only the density ratio depends on it.

    Raises:
        ShapeError: The run cannot have the layer.
    """
    refused = reason_against(run, layer)
    if refused is not None:
        raise ShapeError(f"{run.name} has no layer {OFFERED[layer].title}: {refused}.")
    if layer == "round_trip":
        return run.round_trip
    if layer == "density":
        return density_ratio(run, law)
    return validity(run)


@kept
def density_ratio(run: OpenRun, law: str) -> "CalibratedScore":
    """How much more often a sampling law of a run goes somewhere than encoded images do."""
    from explorer.analysis.maps import fit_density_ratio

    return fit_density_ratio(run.law_log_density(law), run.aggregate, run.latents.calibration)


@kept
def validity(run: OpenRun) -> "CalibratedScore":
    """How far the decodes of a run are from the nearest real image; the run must not lack what it takes."""
    from explorer.analysis.maps import fit_validity

    judge, real = run.judge, run.latents.reference_features
    assert judge is not None and real is not None  # `reason_against` asked
    return fit_validity(run.coder, judge.features, real.astype(np.float64), run.calibration_part)


def is_fitted(run: OpenRun, layer: LayerName, law: str) -> bool:
    """Whether `described_place` would answer at once."""
    if not (OpenRun.vacancy.is_known(run) and OpenRun.round_trip.is_known(run)):
        return False
    if layer == "density":
        return density_ratio.is_known(run, law)
    if layer == "validity":
        return validity.is_known(run)
    return layer not in ("class", "entropy") or OpenRun.judge.is_known(run)


def probabilities(run: OpenRun, latents: Latents) -> NDArray[np.float64]:
    """What the classifier takes the decodes of latents (N, d) for, (N, classes).

    Raises:
        ShapeError: The run has no classifier.
    """
    refused = reason_against(run, "class")
    if refused is not None:
        raise ShapeError(f"{run.name} has no layer {OFFERED['class'].title}: {refused}.")
    from explorer.analysis.encoding import decoded_features

    judge: Any = run.judge
    return decoded_features(run.coder, latents, judge.probabilities).astype(np.float64)


def sheet_of(run: OpenRun, layer: LayerName, plane: "Plane", law: str) -> NDArray[np.float32]:
    """The values of a layer over a plane, (G, G), b by row from below, a along each row.

    Base-10 logarithms of p-values of a calibrated layer, the number of the class, nats of doubt, or of a cliff the
    logarithm of how fast the image changes.
    """
    from explorer.analysis.encoding import decode_all
    from explorer.analysis.maps import cliff, entropy

    size = sheet_size(run, layer)
    latents = plane.latents(run.frame, *plane.lattice(size))
    if layer == "vacancy":
        values = np.log10(run.vacancy.p_value(latents))
    elif OFFERED[layer].calibrated:
        values = np.log10(calibrated(run, layer, law).p_value(latents))
    elif layer == "cliff":
        values = cliff(decode_all(run.coder, latents), size, 2 * plane.extent / (size - 1))
    else:
        chances = probabilities(run, latents)
        values = chances.argmax(axis=1) if layer == "class" else entropy(chances)
    return np.asarray(values, dtype=np.float32).reshape(size, size)


@kept
def cut_sheet(run: OpenRun, layer: LayerName, cut: Cut, extent: float, law: str) -> NDArray[np.float32]:
    """`sheet_of` the plane that a cut makes in a run, +-`extent` wide."""
    return sheet_of(run, layer, replace(cut.plane(run), extent=extent), law)


def sheet_size(run: OpenRun, layer: LayerName) -> int:
    """How many values a layer has on a side."""
    from explorer.library.run import SMALL_IMAGE

    if layer in ("vacancy", "density"):
        return FINE
    return DECODED if int(np.prod(run.image_shape)) <= SMALL_IMAGE else FEW_DECODED


def layer_figure(library: Library, name: str, query: Mapping[str, str]) -> str:
    """One layer of a run on a plane as plotly JSON: the colours alone, to be laid below what `hole_figure` draws.

    Args:
        library: The runs.
        name: The run's name.
        query: `layer`; `law`, of the density ratio; how the plane is chosen, as in `planes_of`; `theme`.

    Raises:
        ShapeError: The run cannot have the layer, or the query makes no sense.
    """
    from explorer.plots.holes import hole_layer
    from explorer.plots.style import as_json

    layer, law = choice(query, "layer", LAYERS), choice(query, "law", tuple(LAWS), WHITE.name)
    run, other, cut, plane = planes_of(library, name, query)

    def sheet(each: OpenRun) -> NDArray[np.float32]:
        return cut_sheet(each, layer, cut, plane.extent, law if layer == "density" else "")

    refused = reason_against(run, layer)
    if refused is not None:
        raise ShapeError(f"{run.name} has no layer {OFFERED[layer].title}: {refused}.")
    values = sheet(run)
    scale: LayerScale = "p-values"
    low, high = -3.0, 0.0
    names = class_names(run)
    if layer == "cliff":  # no natural ends, so both models share those of both
        both = [values] if other is None else [values, sheet(other)]
        low, high = (float(end) for end in np.quantile(np.concatenate([part.ravel() for part in both]), [0.02, 0.98]))
        scale = "plain"
    elif layer == "entropy":
        scale, high, low = "plain", float(np.log(max(2, len(names)))), 0.0
    elif layer == "class":
        scale, low, high = "classes", -0.5, len(names) - 0.5
    figure = hole_layer(
        values,
        plane.extent,
        scale,
        (low, max(high, low + 1e-6)),
        OFFERED[layer].bar,
        theme_of(query),
        names,
        {"note": note_on(run, layer, law)},
    )
    return as_json(figure)


def note_on(run: OpenRun, layer: LayerName, law: str) -> str:
    """What stands behind a layer of a run, in a sentence: law, feature space, how many codes calibrate it."""
    if layer == "density":
        count, model = len(run.latents.calibration), "kernel density of its codes"
        if run.latents.log_variance is not None and len(run.level_sizes) == 1:
            model = f"mixture of its {len(run):,} posteriors"
        return f"{run.name}: law {law} against the {model}, {count:,} calibration codes."
    if layer == "vacancy":
        return (
            f"{run.name}: {len(run.latents.reference):,} reference, {len(run.latents.calibration):,} calibration codes."
        )
    if layer == "validity" and run.judge is not None:
        return f"{run.name}: distances in the {run.judge.space}, {len(run.calibration_part):,} calibration codes."
    if layer == "round_trip":
        return f"{run.name}: over its active dimensions, {len(run.calibration_part):,} calibration codes."
    if layer in ("class", "entropy") and run.judge is not None:
        return f"{run.name}: by the classifier whose {run.judge.space.partition(' of a ')[0]} is the feature space."
    return ""


def class_names(run: OpenRun) -> tuple[str, ...]:
    """Names of the classes of a run's images, or their numbers; none without labels."""
    if run.class_names is not None:
        return run.class_names
    return () if run.labels is None else tuple(str(c) for c in range(int(run.labels.max()) + 1))


def offered_layers(library: Library, name: str) -> list[dict[str, object]]:
    """The layers as the page offers them, and of those that the pair cannot have, which run lacks what."""
    run = library.open(name)
    pair = [each for each in (run, twin_of(library, run)) if each is not None]
    listed: list[dict[str, object]] = []
    for layer, offered in OFFERED.items():
        reasons = [f"{each.name}: {reason}" for each in pair if (reason := reason_against(each, layer)) is not None]
        listed.append(
            {
                "name": layer,
                "title": offered.title,
                "reading": offered.reading,
                "unit": offered.bar,
                "calibrated": offered.calibrated,
                "reason": reasons[0] if reasons else None,
            }
        )
    return listed


def described_place(run: OpenRun, latent: Latents, layer: LayerName, law: str) -> dict[str, object]:
    """What is known of one latent (1, d): the p-values of vacancy, round trip and the chosen layer.

    Returns:
        `vacancy` and `round_trip`, p-values; `distance`: to the k-th nearest code, in standard deviations of the codes;
        `miss`: of the round trip, the same unit per active axis; `layer`: its p-value, or nats of doubt, or None where
        the sheet alone knows it; `class` and `chance` of a class layer.
    """
    from explorer.analysis.holes import conformal_p_values
    from explorer.analysis.maps import entropy

    distance, miss = run.vacancy.score(latent), run.round_trip.score(latent)
    found: dict[str, object] = {
        "vacancy": float(run.vacancy.p_value(latent)[0]),
        "distance": float(distance[0]),
        "round_trip": float(conformal_p_values(miss, run.round_trip.calibration_scores)[0]),
        "miss": float(miss[0]),
        "layer": None,
    }
    if layer in ("class", "entropy"):
        chances, names = probabilities(run, latent)[0], class_names(run)
        best = int(chances.argmax())
        found["class"] = names[best] if best < len(names) else str(best)
        found["chance"] = float(chances[best])
        found["layer"] = float(entropy(chances[None])[0])
    elif layer in ("density", "validity"):
        found["layer"] = float(calibrated(run, layer, law).p_value(latent)[0])
    return found
