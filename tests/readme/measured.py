"""The tables of what was measured, made from the JSON files that `make bench` writes.

    make bench ARGS="programs --json tests/readme/measured/programs.json"

measures again; `make readme` then writes the numbers, the machine and its load into the README.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.readme.flags import table

FOLDER = Path(__file__).resolve().parent / "measured"
"""Holds a JSON file per table."""

PLACE = re.compile(r"\{([^{}]+)\}")
"""A measured number in the words of a cell, by what `make bench` calls it."""


@dataclass(frozen=True)
class Measured:
    """A table of measurements.

    Attributes:
        rows: What was measured, and the cell of every column. RUN stands for the column's run; HERE and SERVER for
            drags whose pictures the browser or the server computed.
        runs: The head of every column, and its run.
    """

    rows: Sequence[tuple[str, str]]
    runs: Mapping[str, str]


TABLES: Mapping[str, Measured] = {
    "programs": Measured(
        runs={"MNIST, d = 16": "mnist-vae-16", "faces, d = 64": "celeba-vae-64"},
        rows=(
            (
                "largest difference to torch, 200 codes and 200 draws of each law, of 255",
                "{Chromium, RUN: largest difference to torch, of 255}",
            ),
            ("one picture, ms", "{Chromium, RUN: one picture}"),
            (
                "slider to picture, median (95 %), ms",
                "{HERE +0 ms: slider to picture} ({HERE +0 ms: slider to picture, 95 %})",
            ),
            (
                "the same with 200 ms added to every request",
                "{HERE +200 ms: slider to picture} ({HERE +200 ms: slider to picture, 95 %})",
            ),
            ("the same by the server", "{SERVER +0 ms: slider to picture} ({SERVER +0 ms: slider to picture, 95 %})"),
            (
                "the same by the server, with 200 ms added",
                "{SERVER +200 ms: slider to picture} ({SERVER +200 ms: slider to picture, 95 %})",
            ),
            (
                "new pictures a second of a drag; by the server with 200 ms added",
                "{HERE +0 ms: new pictures a second of a drag}; {SERVER +200 ms: new pictures a second of a drag}",
            ),
            (
                "requests during a drag of 10 s; by the server",
                "{HERE +0 ms: requests during a drag of 10 s}; {SERVER +0 ms: requests during a drag of 10 s}",
            ),
            (
                "lattice of 15x15: first rows; all, ms",
                "{Chromium, RUN: lattice of 15x15, first rows}; {Chromium, RUN: lattice of 15x15, all}",
            ),
            ("holes of a plane of 64x64, ms", "{Chromium, RUN: vacancy of a plane of 64x64}"),
            (
                "card to first picture, by the server; to the decoder ready, ms",
                "{Chromium, RUN: card to first picture, by the server}; {Chromium, RUN: card to program ready}",
            ),
            (
                "decoder; encoder; frame, codes and laws, kB on the wire",
                "{RUN: decoder}; {RUN: encoder}; {RUN: frame, codes and laws}",
            ),
        ),
    ),
}
"""By the name of its file in `FOLDER`."""


def measured_table(name: str) -> str:
    """The table with a line on the machine below it.

    Raises:
        KeyError: The file lacks a number that the table shows.
    """
    spec, told = TABLES[name], json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    numbers = {row["what"].strip(): row["number"] for row in told["rows"]}
    rows = [(words, *(filled(cell, run, numbers) for run in spec.runs.values())) for words, cell in spec.rows]
    return f"{table(('', *spec.runs), rows)}\n\n{machine_words(told)}"


def filled(cell: str, run: str, numbers: Mapping[str, float]) -> str:
    """The cell of a run with its numbers."""
    cell = cell.replace("HERE", "Chromium, RUN, decoded here,").replace("SERVER", "Chromium, RUN, decoded server,")
    cell = cell.replace("RUN", run)
    return PLACE.sub(lambda found: digits(numbers[found[1]]), cell)


def digits(number: float) -> str:
    """Two digits or more where a number is small, whole where it is large."""
    return (
        f"{number:,.0f}"
        if number >= 10 or number == int(number)
        else f"{number:.1f}"
        if number >= 1
        else f"{number:.2g}"
    )


def machine_words(told: Mapping[str, Any]) -> str:
    """On what the numbers were taken, and how busy it was."""
    machine, loads = told["machine"], [row["load"] for row in told["rows"]]
    return (
        f"Measured on {machine['cores']} cores of {machine['processor']}, {machine['device']}, Python "
        f"{machine['python']}, torch {machine['torch']}, at a load of {min(loads):.1f} to {max(loads):.1f} (processes "
        "that want a core)."
    )
