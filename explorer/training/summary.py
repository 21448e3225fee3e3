"""The end of a fit on the command line: the scores of its runs as a small table in plain words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from explorer.analysis.laws import RAW, WHITE
from explorer.config import CHARGED_FOR_FEATURES, RunConfig
from explorer.data import ImageSet, Split, reference_count

Metrics = Mapping[str, Any]
"""The scores of a run, as metrics.json holds them."""

DASH = "–"
"""Stands where a model has no such score."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table.

    Attributes:
        title: The score in plain words, with its unit.
        cell: The score of a run in words, or None where the run has none.
        meaning: Which direction is better, and how many draws or images are behind the score.
    """

    title: str
    cell: Callable[[RunConfig, Metrics], str | None]
    meaning: Callable[[Metrics], str]


ROWS: tuple[Row, ...] = (
    Row(
        "squared error per pixel",
        lambda _, m: _number(m, "test", "mse", form=".4f"),
        lambda m: f"lower is better{_pca(m, 'mse', '.4f')}",
    ),
    Row(
        "distortion, nats per image",
        lambda _, m: _with_interval(m, "distortion"),
        lambda m: f"lower is better; {_count(m, 'test', 'n')} images",
    ),
    Row(
        "ELBO, nats per image",
        lambda _, m: _with_interval(m, "elbo"),
        lambda m: (
            f"higher is better; {_count(m, 'test', 'elbo_draws')} draws, {_count(m, 'test', 'elbo_images')} images"
        ),
    ),
    Row(
        "-log p(x) at most, nats per image",
        lambda _, m: _with_interval(m, "nll_iw"),
        lambda m: (
            f"lower is better; K = {_count(m, 'test', 'nll_iw_samples')}, {_count(m, 'test', 'nll_iw_images')} images, "
            f"seed {_count(m, 'test', 'nll_iw_seed')}"
        ),
    ),
    Row(
        "dimensions in use",
        lambda c, m: f"{_number(m, 'test', 'active_units', form='.0f')} of {c.model.latent_dim}",
        lambda _: "all others carry noise",
    ),
    Row(
        "draws of the prior in holes",
        lambda c, m: _share(m, RAW.name, "vacancy") if c.model.has_prior else None,
        lambda m: f"lower is better, 5 % is usual; {_count(m, 'holes', 'raw', 'vacancy', 'n')} draws",
    ),
    Row(
        "draws of one fitted bell in holes",
        lambda _, m: _share(m, WHITE.name, "vacancy"),
        lambda m: f"lower is better, 5 % is usual; {_count(m, 'holes', 'white', 'vacancy', 'n')} draws",
    ),
    Row(
        "those draws told from codes",
        lambda _, m: _share(m, WHITE.name, "tell_apart"),
        lambda m: f"lower is better, 50 % is a coin; {_count(m, 'holes', 'white', 'tell_apart', 'n')} draws",
    ),
    Row(
        "coverage of the test images",
        lambda c, m: _share(m, _own_law(c), "coverage"),
        lambda m: f"higher is better; {_count(m, 'holes', 'white', 'coverage', 'n')} images",
    ),
    Row(
        "Fréchet distance of draws",
        lambda c, m: _number(m, "holes", _own_law(c), "frechet", "value", form=".1f"),
        lambda m: f"lower is better{_pca(m, 'frechet', '.1f')}; {_count(m, 'holes', 'white', 'frechet', 'n')} images",
    ),
    Row("fitted in", lambda _, m: _seconds(_at(m, "train", "seconds")), lambda _: ""),
)
"""The lines of the table, in its order; another score is another entry."""


def summary_table(runs: Sequence[tuple[RunConfig, Metrics]]) -> str:
    """The scores of runs beside one another, a column for each; what is better, and the effort, are the first run's."""
    lines = [["", *(config.name for config, _ in runs), ""]]
    for row in ROWS:
        cells = [row.cell(config, metrics) for config, metrics in runs]
        told = next((metrics for cell, (_, metrics) in zip(cells, runs, strict=True) if cell is not None), None)
        if told is not None:
            lines.append([row.title, *(cell or DASH for cell in cells), row.meaning(told)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = [
        "  ".join([first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:-1], strict=True)), last])
        for first, *cells, last in lines
    ]
    return "\n".join(line.rstrip() for line in shown)


def left_out(runs: Sequence[tuple[RunConfig, Metrics]], options: str = "") -> list[str]:
    """A line for every set of scores that quick runs left out, with the commands that measure them.

    Args:
        runs: The runs.
        options: What the commands end in, " --out FOLDER" say.
    """
    names: dict[tuple[str, ...], list[str]] = {}
    for config, metrics in runs:
        if metrics.get("not_measured"):
            names.setdefault(tuple(metrics["not_measured"]), []).append(config.name)
    return [
        f"not measured: {', '.join(missing)}; measure them with: "
        + " and ".join(f"python train.py --evaluate {name}{options}" for name in found)
        for missing, found in names.items()
    ]


def charged_for_features(runs: Sequence[tuple[RunConfig, Metrics]]) -> list[str]:
    """A line for every run whose fit charged for features."""
    return [f"{config.name}: {CHARGED_FOR_FEATURES}" for config, _ in runs if config.train.charges_features]


def split_words(images: ImageSet, parts: Split, config: RunConfig) -> str:
    """How many images there are and what becomes of them, in two lines: the split, and the sets of the hole scores."""
    sizes = {
        "fitted": parts.train,
        "validation": parts.validation,
        "calibration": parts.calibration,
        "test": parts.test,
    }
    told = [f"{len(rows):,} {name}" for name, rows in sizes.items()]
    rest = len(images) - sum(map(len, sizes.values()))
    reference = reference_count(config.data.reference, len(parts.train))
    return (
        f"{len(images):,} pictures: {', '.join(told)}" + (f", {rest:,} not used" if rest > 0 else "") + "\n"
        f"holes are measured with |R| = |G| = {reference:,} fitted pictures, |C| = {len(parts.calibration):,}"
    )


def _own_law(config: RunConfig) -> str:
    """The law that a run is sampled from first: its prior, or the fitted bell where it has none."""
    return (RAW if config.model.has_prior else WHITE).name


def _at(metrics: Metrics, *path: str) -> Any:
    found: Any = metrics
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _number(metrics: Metrics, *path: str, form: str) -> str | None:
    value = _at(metrics, *path)
    return None if value is None else f"{value:{form}}"


def _count(metrics: Metrics, *path: str) -> str:
    value = _at(metrics, *path)
    return "?" if value is None else f"{value:,}"


def _with_interval(metrics: Metrics, name: str) -> str | None:
    """A score of the test images with half the width of its 95 % interval."""
    value, ends = _at(metrics, "test", name), _at(metrics, "test", f"{name}_interval")
    if value is None:
        return None
    return f"{value:.2f}" + (f" ± {(ends[1] - ends[0]) / 2:.2f}" if ends else "")


def _share(metrics: Metrics, law: str, name: str) -> str | None:
    value = _at(metrics, "holes", law, name, "value")
    return None if value is None else f"{100 * value:.1f} %"


def _pca(metrics: Metrics, name: str, form: str) -> str:
    value, components = _at(metrics, "pca", name, "value"), _at(metrics, "pca", "components")
    return "" if value is None else f"; {components} principal components: {value:{form}}"


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f} s" if value < 90 else f"{value / 60:.1f} min"
