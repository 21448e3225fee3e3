"""What Holes can colour a plane by, one entry for each layer; a layer is computed when first chosen and kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Latents, Scores
from explorer.errors import ShapeError
from explorer.library import OpenRun, kept

if TYPE_CHECKING:
    from explorer.analysis.holes import CalibratedScore, Vacancy

LayerScale: TypeAlias = Literal["p-values", "classes", "plain"]
"""How the values of a layer become colours."""

Sheet: TypeAlias = NDArray[np.float32]
"""The values of a layer over a plane, (G, G), b by row from below, a along each row."""

Ends: TypeAlias = "tuple[LayerScale, float, float]"
"""A scale, and the values at its two ends."""


def _p_values(run: OpenRun, sheets: Sequence[Sheet]) -> Ends:  # noqa: ARG001 - those of every layer
    return "p-values", -3.0, 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One way to colour a plane.

    Attributes:
        title: Its name on the page.
        bar: What its colours measure, with the unit.
        reading: How to read it, in one sentence.
        score: The badness of a run behind it, with its p-values, by the sampling law; None where its values are no
            p-values, but in a unit of their own.
        values: Its values of a run where there is no score: at latents (G * G, d) that stand `step` standard deviations
            of the codes apart on a lattice of G a side.
        against: Why a run cannot have it, in a few words, or None where it can.
        ends: Scale and ends for a run, by its sheet, and that of its twin where both share them.
        shares_ends: Whether a run and its twin share the ends.
        note: What stands behind it, in a sentence: law, feature space, how many codes calibrate it.
        place: What it says of one latent (1, d) of a run: `layer`, its value there, or None where the sheet alone knows
            it, and whatever else.
        is_known: Whether `place` would answer at once.
        has_law: Whether it asks about the samples of a law.
        is_fine: Whether its values come of latents alone, so that many are asked for.
    """

    title: str
    bar: str
    reading: str
    score: "Callable[[OpenRun, str], CalibratedScore | Vacancy] | None" = None
    values: Callable[[OpenRun, Latents, int, float], Scores] | None = None
    against: Callable[[OpenRun], str | None] = lambda _: None
    ends: Callable[[OpenRun, Sequence[Sheet]], Ends] = _p_values
    note: Callable[[OpenRun, str], str] = lambda _, __: ""
    place: Callable[[OpenRun, Latents, str], dict[str, object]] = lambda _, __, ___: {"layer": None}
    is_known: Callable[[OpenRun, str], bool] = lambda _, __: True
    shares_ends: bool = False
    has_law: bool = False
    is_fine: bool = False


def _without_judge(run: OpenRun) -> str | None:
    """Why the feature net of a run's images cannot be asked, or None where it can."""
    if run.judge is not None:
        return None
    if run.card.not_measured:
        return f"not measured; measure with: {run.card.measuring}"
    return "no feature net of its images lies beside the run"


def _without_features(run: OpenRun) -> str | None:
    """Why decodes of a run cannot be compared with real images, or None where they can."""
    if run.judge is not None and run.latents.reference_features is None:
        told = f"not measured; measure with: {run.card.measuring}"
        return told if run.card.not_measured else "the run stored no features of real images"
    return _without_judge(run)


def _without_classes(run: OpenRun) -> str | None:
    """Why decodes of a run cannot be classified, or None where they can."""
    judge = run.judge
    if judge is None:
        return _without_judge(run)
    if judge.kind == "attributes":
        return "its images have attributes, not classes"
    if judge.kind != "classifier" or not hasattr(judge, "probabilities"):
        return "its images have no classifier"
    return None


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


def probabilities(run: OpenRun, latents: Latents) -> NDArray[np.float64]:
    """What the classifier takes the decodes of latents (N, d) for, (N, classes); the run must not lack one."""
    from explorer.analysis.encoding import decoded_features

    judge: Any = run.judge
    return decoded_features(run.coder, latents, judge.probabilities).astype(np.float64)


def class_names(run: OpenRun) -> tuple[str, ...]:
    """Names of the classes of a run's images, or their numbers; none without labels."""
    if run.class_names is not None:
        return run.class_names
    return () if run.labels is None else tuple(str(c) for c in range(int(run.labels.max()) + 1))


def _cliff(run: OpenRun, latents: Latents, size: int, step: float) -> Scores:
    from explorer.analysis.encoding import decode_all
    from explorer.analysis.maps import cliff

    return cliff(decode_all(run.coder, latents), size, step)


def _cliff_ends(run: OpenRun, sheets: Sequence[Sheet]) -> Ends:  # noqa: ARG001 - those of every layer
    """Cliffs have no natural ends, so both models share those of both."""
    low, high = np.quantile(np.concatenate([sheet.ravel() for sheet in sheets]), [0.02, 0.98])
    return "plain", float(low), float(high)


def _doubt(run: OpenRun, latents: Latents) -> Scores:
    from explorer.analysis.maps import entropy

    return entropy(probabilities(run, latents))


def _class_place(run: OpenRun, latent: Latents, law: str) -> dict[str, object]:  # noqa: ARG001 - asked of every layer
    chances, names = probabilities(run, latent)[0], class_names(run)
    best = int(chances.argmax())
    name = names[best] if best < len(names) else str(best)
    return {"class": name, "chance": float(chances[best]), "layer": float(_doubt(run, latent)[0])}


def _density_note(run: OpenRun, law: str) -> str:
    count, model = len(run.latents.calibration), "kernel density of its codes"
    if run.latents.log_variance is not None and len(run.level_sizes) == 1:
        model = f"mixture of its {len(run):,} posteriors"
    return f"{run.name}: law {law} against the {model}, {count:,} calibration codes."


def _vacancy_note(run: OpenRun, law: str) -> str:  # noqa: ARG001 - asked of every layer
    reference, calibration = len(run.latents.reference), len(run.latents.calibration)
    return f"{run.name}: {reference:,} reference, {calibration:,} calibration codes."


def _validity_note(run: OpenRun, law: str) -> str:  # noqa: ARG001 - asked of every layer
    assert run.judge is not None  # `_without_features` asked
    return f"{run.name}: distances in the {run.judge.space}, {len(run.calibration_part):,} calibration codes."


def _class_note(run: OpenRun, law: str) -> str:  # noqa: ARG001 - asked of every layer
    assert run.judge is not None  # `_without_classes` asked
    return f"{run.name}: by the classifier whose {run.judge.space.partition(' of a ')[0]} is the feature space."


OFFERED: Mapping[str, Layer] = {
    "vacancy": Layer(
        title="Holes",
        bar="hole p-value",
        reading=(
            "How far each place is from codes: at p = 0.05, the edge of a hole, it is further than 95 % of the codes "
            "of new images are."
        ),
        score=lambda run, _: run.vacancy,
        note=_vacancy_note,
        is_fine=True,
    ),
    "density": Layer(
        title="Density ratio",
        bar="density-ratio p-value",
        reading=(
            "Where the sampling law goes more often than encoded images do: dark places are over-visited by samples "
            "more than 95 % of the codes of new images are."
        ),
        score=density_ratio,
        note=_density_note,
        place=lambda run, latent, law: {"layer": float(density_ratio(run, law).p_value(latent)[0])},
        is_known=density_ratio.is_known,
        has_law=True,
        is_fine=True,
    ),
    "validity": Layer(
        title="Validity",
        bar="validity p-value",
        reading=(
            "How far the decode is from the nearest real image, in the feature space named below: dark decodes look "
            "less like a real image than 95 % of the decoded codes of new images do."
        ),
        score=lambda run, _: validity(run),
        against=_without_features,
        note=_validity_note,
        place=lambda run, latent, _: {"layer": float(validity(run).p_value(latent)[0])},
        is_known=lambda run, _: validity.is_known(run),
    ),
    "round_trip": Layer(
        title="Round trip",
        bar="round-trip p-value",
        reading=(
            "Decode a place, encode the picture, and see how far it lands: dark places come back further off than 95 % "
            "of the codes of new images do."
        ),
        score=lambda run, _: run.round_trip,
        note=lambda run, _: f"{run.name}: over its active dimensions, {len(run.calibration_part):,} calibration codes.",
    ),
    "cliff": Layer(
        title="Cliff",
        bar="log change of the image per sd²",
        reading=(
            "How fast the picture changes as one moves: bright lines are edges between kinds of images, and no holes."
        ),
        values=_cliff,
        ends=_cliff_ends,
        shares_ends=True,
    ),
    "class": Layer(
        title="Class",
        bar="class of the decode",
        reading="What a small classifier takes each decode for; it always names one, even of a picture that is none.",
        values=lambda run, latents, *_: probabilities(run, latents).argmax(axis=1),
        against=_without_classes,
        ends=lambda run, _: ("classes", -0.5, len(class_names(run)) - 0.5),
        note=_class_note,
        place=_class_place,
        is_known=lambda run, _: OpenRun.judge.is_known(run),
    ),
    "entropy": Layer(
        title="Doubt",
        bar="entropy of the class, nats",
        reading=(
            "How unsure a small classifier is of each decode: high along class borders, in an autoencoder and a VAE "
            "alike; it does not tell holes."
        ),
        values=lambda run, latents, *_: _doubt(run, latents),
        against=_without_classes,
        ends=lambda run, _: ("plain", 0.0, float(np.log(max(2, len(class_names(run)))))),
        note=_class_note,
        place=_class_place,
        is_known=lambda run, _: OpenRun.judge.is_known(run),
    ),
}
"""The layers by name, in the order of the page."""


def reason_against(run: OpenRun, layer: str) -> str | None:
    """Why a run cannot have a layer, in a few words, or None where it can."""
    return OFFERED[layer].against(run)


def checked_layer(run: OpenRun, layer: str) -> Layer:
    """A layer that a run has.

    Raises:
        ShapeError: The run cannot have it.
    """
    offered = OFFERED[layer]
    refused = offered.against(run)
    if refused is not None:
        raise ShapeError(f"{run.name} has no layer {offered.title}: {refused}.")
    return offered
