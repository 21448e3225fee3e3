"""The shipped comparison at several seeds: an autoencoder's vacancy against its VAE twin's, from their metrics.json.

    python -m tests.twin_seeds mnist-vae-16 checkpoints scratch/seed1 scratch/seed2

prints a row for each folder, as Markdown: equal laws first (white against white), then what naive sampling does (the
autoencoder under its best single Gaussian, the VAE under its prior), with coverage and active units beside them.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from explorer.checkpoint import read_config, read_metrics
from explorer.errors import CheckpointError, ExplorerError

HEADER = (
    "| seed | vacancy, AE white | VAE white | ratio | VAE raw | ratio | coverage, AE white | VAE white | VAE raw "
    "| active units, AE and VAE |\n|---|---|---|---|---|---|---|---|---|---|"
)


def twins_table(folders: Sequence[Path], name: str) -> str:
    """The comparison, a row per folder.

    Args:
        folders: Folders of runs.
        name: The VAE; its twin is the run that it names.

    Raises:
        CheckpointError: A folder lacks the run or some of its scores, or the run names no twin that is there.
    """
    return "\n".join([HEADER, *(row(folder, name) for folder in folders)])


def row(folder: Path, name: str) -> str:
    """One pair."""
    config = read_config(folder / name)
    twin = config.twin or ""
    metrics, other = read_metrics(folder / name), read_metrics(folder / twin)
    for each, found in ((name, metrics), (twin, other)):
        if found.get("not_measured"):
            raise CheckpointError(
                f"{each} in {folder} lacks its coverage: not measured; measure with: "
                f"python train.py --evaluate {each} --out {folder}"
            )
    point, white, raw = (holes(each, law) for each, law in ((other, "white"), (metrics, "white"), (metrics, "raw")))
    cells = [
        str(config.train.seed),
        with_interval(point["vacancy"]),
        with_interval(white["vacancy"]),
        ratio(point["vacancy"], white["vacancy"]),
        with_interval(raw["vacancy"]),
        ratio(point["vacancy"], raw["vacancy"]),
        *(f"{each['coverage']['value']:.3f}" for each in (point, white, raw)),
        f"{other['test']['active_units']} and {metrics['test']['active_units']} of {config.model.latent_dim}",
    ]
    return f"| {' | '.join(cells)} |"


def holes(metrics: Mapping[str, Any], law: str) -> Mapping[str, Any]:
    """The hole scores of a run under one law."""
    return metrics["holes"][law]


def with_interval(score: Mapping[str, float]) -> str:
    """A share in per cent with its 95 % interval."""
    return f"{100 * score['value']:.1f} % ({100 * score['low']:.1f} to {100 * score['high']:.1f})"


def ratio(one: Mapping[str, float], other: Mapping[str, float]) -> str:
    """How many times one share is the other."""
    return f"{one['value'] / other['value']:.2f}" if other["value"] else "–"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.twin_seeds", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name", help="the VAE, such as mnist-vae-16")
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="a folder of runs, one for each seed")
    args = parser.parse_args()
    try:
        print(twins_table(args.folders, args.name))
    except ExplorerError as error:
        print(f"twin_seeds: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
