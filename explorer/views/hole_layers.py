"""What Holes can colour a plane by, one entry for each layer; a layer is computed when first chosen and kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.laws import LAWS, WHITE
from explorer.arrays import Latents, Scores, packed
from explorer.errors import ShapeError
from explorer.library import Library, OpenRun, kept
from explorer.views.hole_planes import Cut, planes_of, twin_of
from explorer.views.query import choice

if TYPE_CHECKING:
    from explorer.analysis.holes import CalibratedScore, Plane, Vacancy

LayerScale: TypeAlias = Literal["p-values", "classes", "plain"]
"""How the values of a layer become colours."""

FINE, DECODED, FEW_DECODED = 61, 41, 21
"""Values on a side of a layer: of latents alone, of decodes of small images, and of decodes of larger ones."""

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
        title="Vacancy",
        bar="vacancy p-value",
        reading=(
            "How lonely each place is: at p = 0.05 it is further from encoded images than 95 % of the codes of new "
            "images."
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


def is_fitted(run: OpenRun, layer: str, law: str) -> bool:
    """Whether `described_place` would answer at once."""
    scores = OpenRun.vacancy.is_known(run) and OpenRun.round_trip.is_known(run)
    return scores and OFFERED[layer].is_known(run, law)


def sheet_of(run: OpenRun, layer: str, plane: "Plane", law: str) -> Sheet:
    """The values of a layer over a plane: base-10 logarithms of its p-values, or what `Layer.values` gives.

    Raises:
        ShapeError: The run cannot have the layer.
    """
    offered, size = checked_layer(run, layer), sheet_size(run, layer)
    latents = plane.latents(run.frame, *plane.lattice(size))
    if offered.score is not None:
        values = np.log10(offered.score(run, law).p_value(latents))
    else:
        assert offered.values is not None, f"layer {layer} has neither a score nor values"
        values = offered.values(run, latents, size, 2 * plane.extent / (size - 1))
    return np.asarray(values, dtype=np.float32).reshape(size, size)


@kept
def cut_sheet(run: OpenRun, layer: str, cut: Cut, extent: float, law: str) -> Sheet:
    """`sheet_of` the plane that a cut makes in a run, +-`extent` wide."""
    return sheet_of(run, layer, replace(cut.plane(run), extent=extent), law)


def sheet_size(run: OpenRun, layer: str) -> int:
    """How many values a layer has on a side."""
    from explorer.library.run import SMALL_IMAGE

    if OFFERED[layer].is_fine:
        return FINE
    return DECODED if int(np.prod(run.image_shape)) <= SMALL_IMAGE else FEW_DECODED


def plane_layer(library: Library, name: str, query: Mapping[str, str]) -> dict[str, Any]:
    """One layer of a run on a plane as plain values: the colours that lie below what `hole_plane` tells of.

    Args:
        library: The runs.
        name: The run's name.
        query: `layer`; `law`, where the layer has one; how the plane is chosen, as in `planes_of`.

    Returns:
        `values`: as `sheet_of` has them, in the form of `packed`; `scale`: how they become colours; `ends`: values at
        the ends of the colours, the same for both models of a pair; `bar`: what the colours measure, with the unit;
        `note`: what stands behind it. Of classes also `classes`, the largest first: their number and name, the share
        of the plane that they take, and `at`, the place (a, b) to write the name, None where there is no room.

    Raises:
        ShapeError: The run cannot have the layer, or the query makes no sense.
    """
    layer, law = choice(query, "layer", tuple(OFFERED), None), choice(query, "law", tuple(LAWS), WHITE.name)
    run, other, cut, plane = planes_of(library, name, query)
    offered = checked_layer(run, layer)

    def sheet(each: OpenRun) -> Sheet:
        return cut_sheet(each, layer, cut, plane.extent, law if offered.has_law else "")

    shared = [run, other] if other is not None and offered.shares_ends else [run]
    sheets = [sheet(each) for each in shared]
    scale, low, high = offered.ends(run, sheets)
    values, names = sheets[0], class_names(run)
    return {
        "values": packed(values, "<f4"),
        "scale": scale,
        "ends": [low, max(high, low + 1e-6)],
        "bar": offered.bar,
        "note": offered.note(run, law),
        "classes": classes_on(values.astype(np.int64), names, plane.extent) if scale == "classes" else [],
    }


def classes_on(values: NDArray[np.integer], names: Sequence[str], extent: float) -> list[dict[str, object]]:
    """The classes of a map of classes (G, G), the largest first, as in `plane_layer`."""
    ticks = np.linspace(-extent, extent, len(values))
    shares = np.bincount(values.ravel(), minlength=len(names)) / values.size
    places = middles(values, len(names))
    listed = []
    for c in map(int, np.argsort(-shares, kind="stable")):
        if shares[c] > 0:
            row, column = places.get(c, (None, None))
            at = None if row is None or column is None else [float(ticks[column]), float(ticks[row])]
            listed.append({"class": c, "name": names[c], "share": float(shares[c]), "at": at})
    return listed


def middles(values: NDArray[np.integer], count: int) -> dict[int, tuple[int, int]]:
    """Where to write the name of each class on a map of classes: the place furthest inside its largest patch.

    Args:
        values: Numbers of classes, (rows, columns).
        count: Classes there are.

    Returns:
        Row and column by class; classes that no place has room for are left out.
    """
    found: dict[int, tuple[int, int]] = {}
    for c in range(count):
        left = np.pad(values == c, 1)
        for _ in range(max(values.shape)):
            core = left & np.roll(left, 1, 0) & np.roll(left, -1, 0) & np.roll(left, 1, 1) & np.roll(left, -1, 1)
            if not core.any():
                break
            left, found[c] = core, (0, 0)
        if c in found:
            rows, columns = np.nonzero(left)
            nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
            found[c] = (int(rows[nearest]) - 1, int(columns[nearest]) - 1)
    return found


def offered_layers(library: Library, name: str) -> list[dict[str, object]]:
    """The layers as the page offers them, and of those that the pair cannot have, which run lacks what."""
    run = library.open(name)
    pair = [each for each in (run, twin_of(library, run)) if each is not None]
    listed: list[dict[str, object]] = []
    for layer, offered in OFFERED.items():
        reasons = [f"{each.name}: {reason}" for each in pair if (reason := offered.against(each)) is not None]
        listed.append(
            {
                "name": layer,
                "title": offered.title,
                "reading": offered.reading,
                "unit": offered.bar,
                "calibrated": offered.score is not None,
                "has_law": offered.has_law,
                "reason": reasons[0] if reasons else None,
            }
        )
    return listed


def described_place(run: OpenRun, latent: Latents, layer: str, law: str) -> dict[str, object]:
    """What is known of one latent (1, d): the p-values of vacancy, round trip and the chosen layer.

    Returns:
        `vacancy` and `round_trip`, p-values; `distance`: to the k-th nearest code, in standard deviations of the codes;
        `miss`: of the round trip, the same unit per active axis; and what `Layer.place` says: `layer`, a p-value, nats
        of doubt, or None; `class` and `chance` of a class layer.

    Raises:
        ShapeError: The run cannot have the layer.
    """
    from explorer.analysis.holes import conformal_p_values

    offered = checked_layer(run, layer)
    distance, miss = run.vacancy.score(latent), run.round_trip.score(latent)
    return {
        "vacancy": float(run.vacancy.p_value(latent)[0]),
        "distance": float(distance[0]),
        "round_trip": float(conformal_p_values(miss, run.round_trip.calibration_scores)[0]),
        "miss": float(miss[0]),
        **offered.place(run, latent, law),
    }
