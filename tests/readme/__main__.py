"""Remake what a script makes of the README: its tables, its moving picture, and its pictures of the page.

    make readme                              all of it
    python -m tests.readme tables            the tables between their marks alone, in seconds
    python -m tests.readme film tabs         the pictures alone; those of tabs need Chromium

The suite fails when a table is not what this writes, and when the runs on a picture were fitted again since.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from explorer.errors import ExplorerError
from explorer.plots.style import THEMES
from tests.readme import film, flags, measured, model_cards, tabs

ROOT = Path(__file__).resolve().parents[2]
PICTURES = Path(__file__).resolve().parent / "pictures"
CHECKPOINTS = ROOT / "checkpoints"

MADE_OF = PICTURES / "made-of.json"
"""By picture the runs that it shows, each with a fingerprint of its weights and codes."""

PARTS: Mapping[str, Callable[[], str]] = {
    "models in short": lambda: model_cards.pairs(CHECKPOINTS),
    "model cards": lambda: model_cards.cards(CHECKPOINTS),
    "flags of explorer": flags.explorer_flags,
    "flags of train.py": flags.train_flags,
    "environment": flags.environment,
    **{f"measured: {name}": lambda name=name: measured.measured_table(name) for name in measured.TABLES},
}
"""What stands between the marks <!-- NAME --> and <!-- /NAME --> of README.md."""


def part_of(readme: str, name: str) -> str:
    """What stands between the marks of a part now."""
    return _split(readme, name)[1].strip("\n")


def with_part(readme: str, name: str, text: str) -> str:
    """The README with a text between the marks of a part.

    Raises:
        ValueError: A mark is missing.
    """
    before, _, after = _split(readme, name)
    return f"{before}<!-- {name} -->\n{text}\n<!-- /{name} -->{after}"


def _split(readme: str, name: str) -> tuple[str, str, str]:
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, first, rest = readme.partition(begin)
    between, last, after = rest.partition(end)
    if not first or not last:
        raise ValueError(f"README.md needs the lines {begin} and {end}.")
    return before, between, after


def fingerprints(runs: tuple[str, ...] | list[str]) -> dict[str, str]:
    """By run a hash of what a picture shows of it: its weights and its codes."""
    found = {}
    for run in runs:
        content = b"".join((CHECKPOINTS / run / f"{name}.safetensors").read_bytes() for name in ("model", "latents"))
        found[run] = hashlib.sha256(content).hexdigest()[:16]
    return found


def runs_of_pictures() -> dict[str, list[str]]:
    """By the name of a picture, without theme and ending, the runs that it shows."""
    shown = {"film": [run for *pair, _ in film.PAIRS for run in pair]}
    return shown | {name: [shot.run, shot.run.replace("-vae-", "-ae-")] for name, shot in tabs.SHOTS.items()}


def remake_tables() -> None:
    """Write every generated table into README.md."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, make in PARTS.items():
        readme = with_part(readme, name, make())
    (ROOT / "README.md").write_text(readme, encoding="utf-8")


def remake_film() -> None:
    """Write the moving picture."""
    walks = film.walks(CHECKPOINTS)
    for theme in THEMES:
        film.write_film(PICTURES / f"film-{theme}.webp", walks, theme)
    note("film")


def remake_tabs() -> None:
    """Write the pictures of the page."""
    tabs.write_shots(PICTURES, CHECKPOINTS)
    note(*tabs.SHOTS)


def note(*names: str) -> None:
    """Keep what pictures were made of."""
    known = json.loads(MADE_OF.read_text(encoding="utf-8")) if MADE_OF.is_file() else {}
    known |= {name: fingerprints(runs_of_pictures()[name]) for name in names}
    MADE_OF.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


STEPS: Mapping[str, Callable[[], None]] = {"tables": remake_tables, "film": remake_film, "tabs": remake_tabs}


def main() -> int:
    """Remake all of it, or the steps that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.readme", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"some of {', '.join(STEPS)} (default: all)")
    steps = parser.parse_args().steps or list(STEPS)
    unknown = [step for step in steps if step not in STEPS]
    if unknown:
        parser.error(f"unknown step {unknown[0]!r}; known are {', '.join(STEPS)}")
    PICTURES.mkdir(exist_ok=True)
    try:
        for step in steps:
            STEPS[step]()
    except ExplorerError as error:
        print(f"readme: {error}", file=sys.stderr)
        return 1
    weight = sum(path.stat().st_size for path in PICTURES.glob("*.webp"))
    print(f"README.md is written; its pictures weigh {weight / 1e6:.2f} MB.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
