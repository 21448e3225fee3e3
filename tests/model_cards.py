"""The table of shipped runs in the README, made from their config.json and metrics.json.

    python -m tests.model_cards

writes it between the two marks of README.md; a test fails when a number there is not the run's own.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from explorer.checkpoint import list_runs, read_config, read_metrics
from explorer.config import RunConfig
from explorer.errors import ExplorerError

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- model cards -->", "<!-- /model cards -->"

HEADER = (
    "| run | NLL (importance-weighted) | −ELBO | distortion | rate | MSE per pixel | active units "
    "| holes: prior | holes: fitted Gaussian | coverage | Fréchet | fitted in |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)

UNMEASURED = "not measured"
"""Stands for a score that a quick fit left out; python train.py --evaluate RUN measures it."""


def cards(checkpoints: Path) -> str:
    """The whole table, one row per run, in the order of `list_runs`."""
    names = list_runs(checkpoints)
    rows = [row(read_config(checkpoints / name), read_metrics(checkpoints / name)) for name in names]
    return "\n".join([HEADER, *rows])


def row(config: RunConfig, metrics: Mapping[str, Any]) -> str:
    """One run; a score that its family does not have is a dash."""
    test, holes, train = metrics["test"], metrics["holes"], metrics["train"]
    own = holes["raw" if "elbo" in test else "white"]
    is_quick = bool(metrics.get("not_measured"))
    cells = [
        f"`{config.name}`",
        UNMEASURED if is_quick and "elbo" in test else nats(test, "nll_iw"),
        nats(test, "elbo", sign=-1),
        nats(test, "distortion"),
        nats(test, "rate") if "elbo" in test else "–",
        beside(f"{test['mse']:.4f}", metrics, "mse", ".4f"),
        f"{test['active_units']} of {config.model.latent_dim}",
        share(holes["raw"]["vacancy"]) if "elbo" in test else "–",
        share(holes["white"]["vacancy"]),
        UNMEASURED if is_quick else share(own["coverage"]),
        UNMEASURED if is_quick else beside(f"{own['frechet']['value']:.1f}", metrics, "frechet", ".1f"),
        f"{train['epochs']} epochs, {train['seconds'] / 60:.1f} min, {train['device']}",
    ]
    return f"| {' | '.join(cells)} |"


def nats(test: Mapping[str, Any], name: str, sign: int = 1) -> str:
    """A score in nats per image with half the width of its 95 % interval."""
    if name not in test:
        return "–"
    low, high = test.get(f"{name}_interval", (test[name], test[name]))
    return f"{sign * test[name]:.1f} ± {(high - low) / 2:.1f}"


def beside(score: str, metrics: Mapping[str, Any], name: str, form: str) -> str:
    """A score with that of as many principal components, where the run was measured beside them."""
    return f"{score} (PCA {metrics['pca'][name]['value']:{form}})" if "pca" in metrics else score


def share(score: Mapping[str, float]) -> str:
    """A share of draws or images, in per cent."""
    return f"{100 * score['value']:.1f} %"


def table_of(readme: str) -> str:
    """The table that stands in the README now."""
    return _parts(readme)[1].strip("\n")


def with_cards(readme: str, table: str) -> str:
    """The README with the table between its marks.

    Raises:
        ValueError: A mark is missing.
    """
    before, _, after = _parts(readme)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _parts(readme: str) -> tuple[str, str, str]:
    """What stands before, between and after the marks."""
    before, begin, rest = readme.partition(BEGIN)
    between, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md needs the lines {BEGIN} and {END}.")
    return before, between, after


def main() -> int:
    """Write the table into README.md."""
    readme = ROOT / "README.md"
    try:
        table = cards(ROOT / "checkpoints")
    except ExplorerError as error:
        print(f"model_cards: {error}", file=sys.stderr)
        return 1
    readme.write_text(with_cards(readme.read_text(encoding="utf-8"), table), encoding="utf-8")
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
