"""The shipped comparison at several seeds: an autoencoder beside its VAE twin, from their metrics.json.

    python -m tests.twin_seeds mnist-vae-16 checkpoints scratch/seed1 scratch/seed2

prints a row for each folder, sampling law and score, as Markdown. Both models are measured on the same images with the
same noise, so they are compared in pairs: a ratio stands only where the interval of the difference excludes 0.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from explorer.analysis.intervals import Score, paired, score_of
from explorer.analysis.laws import LAWS, offered_laws
from explorer.checkpoint import read_config, read_metrics
from explorer.errors import CheckpointError, ExplorerError

SCORES: Mapping[str, str] = {"vacancy": "vacancy, %", "tell_apart": "tell-apart, %", "round_trip": "round-trip, %"}
"""The scores that are compared, with how the table names them."""

HEADER = "| seed | draws from | score | autoencoder | VAE | AE / VAE |\n|---|---|---|---|---|---|"


def twins_table(folders: Sequence[Path], name: str) -> str:
    """The comparison, a row per folder, law and score.

    Args:
        folders: Folders of runs.
        name: The VAE; its twin is the run that it names.

    Raises:
        CheckpointError: A folder lacks the run or some of its scores, or the run names no twin that is there.
    """
    return "\n".join([HEADER, *(row for folder in folders for row in rows(folder, name))])


def rows(folder: Path, name: str) -> Iterator[str]:
    """One pair."""
    config = read_config(folder / name)
    twin = config.twin or ""
    ours, theirs = read_metrics(folder / twin), read_metrics(folder / name)
    keys = [each.get("replicates", {}).get("key") for each in (ours, theirs)]
    if keys[0] != keys[1]:
        raise CheckpointError(
            f"{twin} and {name} in {folder} were measured on other images each; measure both with: "
            f"python train.py --evaluate {twin} --out {folder}"
        )
    for law in offered_laws(max(each["holes"].get("many_bells") or 0 for each in (ours, theirs))):
        for score, title in SCORES.items():
            first, second = (
                measured(each, law.name, score, folder / run) for each, run in ((ours, twin), (theirs, name))
            )
            cells = [config.train.seed, law.plain, title, with_interval(first), with_interval(second)]
            yield f"| {' | '.join(map(str, [*cells, ratio(first, second)]))} |"


def measured(metrics: Mapping[str, Any], law: str, name: str, folder: Path) -> Score:
    """A score of a run with its replicates.

    Raises:
        CheckpointError: It was not measured.
    """
    found = score_of(metrics, law, name)
    if found is None or found.again is None:
        raise CheckpointError(
            f"{folder} lacks its {name} of draws {LAWS[law].title}; measure it with: "
            f"python train.py --evaluate {folder.name} --out {folder.parent}"
        )
    return found


def with_interval(score: Score) -> str:
    """A share in per cent with its 95 % interval."""
    return f"{100 * score.value:.1f} ({100 * score.low:.1f} to {100 * score.high:.1f})"


def ratio(one: Score, other: Score) -> str:
    """How many times one score is the other with the interval of the pair, where they differ."""
    found = paired(one, other)
    if not found.differs:
        return "not told apart"
    if found.ratio is None:
        return f"{100 * found.difference.value:+.1f} points"
    return f"{found.ratio.value:.2f} ({found.ratio.low:.2f} to {found.ratio.high:.2f})"


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
