"""What of a repository on the Hub is a run, and where it goes; and which files of a run go there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from explorer.checkpoint import MOST_HISTORY, MOST_SHEET, read_config
from explorer.config import RUN_NAME
from explorer.errors import CheckpointError
from explorer.files import MOST_BYTES, MOST_JSON
from explorer.staging import CODES_NAME, CONFIG, HISTORY, LATENTS, METRICS, NET, SHEET_NAME, SHEETS, WEIGHTS, is_net

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)

BESIDE = "beside"
"""Folder of a repository that holds what belongs to its run."""

PARTS: Mapping[str, int] = {
    CONFIG: MOST_JSON,
    METRICS: MOST_JSON,
    HISTORY: MOST_HISTORY,
    WEIGHTS: MOST_BYTES,
    LATENTS: MOST_BYTES,
}
"""Files of a run, and bytes that each may have."""

MOST_FETCHED = 1_000_000_000
"""Bytes that are fetched of one repository, and files."""

MOST_FILES = 4_000

MOST_BESIDE = 16
"""Runs and feature nets beside a run."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a repository: its path there, where it lies below a folder of runs, and its bytes."""

    path: str
    place: Path
    size: int


ROOT = ".root"
"""Where the run itself is fetched to, until its settings say what it is called."""


def parts_of(repository: str, sizes: Mapping[str, int | None]) -> list[Part]:
    """The files of a repository that belong to its run, with where they go; all others are left where they are.

    Args:
        repository: Its name, for sentences.
        sizes: Bytes of its files by path, as the Hub states them.

    Raises:
        CheckpointError: There is no run, or it is larger than a run may be.
    """
    parts = [Part(path, place, size or 0) for path, size in sizes.items() if (place := place_of(path)) is not None]
    for part in parts:
        most = PARTS.get(part.place.name, MOST_SHEET)
        if not 0 < part.size <= most:
            raise CheckpointError(f"{part.path} of {repository} has {part.size:,} bytes; 1 to {most:,} are allowed.")
    heads = {part.place.parts[0] for part in parts}
    if not {CONFIG, WEIGHTS, LATENTS, METRICS} <= {part.path for part in parts}:
        raise CheckpointError(f"{repository} on the Hub holds no run of this program; name one that train.py pushed.")
    total = sum(part.size for part in parts)
    if total > MOST_FETCHED or len(parts) > MOST_FILES or len(heads) > MOST_BESIDE + 1:
        raise CheckpointError(
            f"{repository} holds {total:,} bytes in {len(parts):,} files of {len(heads)} runs; "
            f"{MOST_FETCHED:,}, {MOST_FILES:,} and {MOST_BESIDE + 1} are allowed."
        )
    return parts


def place_of(path: str) -> Path | None:
    """Where a file of a repository goes below a folder of runs; None for one that is no part of a run."""
    match path.split("/"):
        case [name] if name in PARTS:
            return Path(ROOT, name)
        case [folder, name] if folder == SHEETS and _is_kept(name):
            return Path(ROOT, SHEETS, name)
        case [beside, run, name] if beside == BESIDE and RUN_NAME.fullmatch(run):
            return Path(run, name) if name in ((CONFIG, WEIGHTS) if is_net(run) else PARTS) else None
        case [beside, run, folder, name] if beside == BESIDE and RUN_NAME.fullmatch(run) and not is_net(run):
            return Path(run, SHEETS, name) if folder == SHEETS and _is_kept(name) else None
    return None


def _is_kept(name: str) -> bool:
    """Whether a file of the folder of sheets is one that an epoch left there."""
    return bool(SHEET_NAME.fullmatch(name) or CODES_NAME.fullmatch(name))


def files_of(checkpoints: Path, run: str, kin: list[str]) -> dict[str, Path]:
    """The files of a run and of its kin by their path in a repository.

    Args:
        checkpoints: Folder of the runs, where each is in its place.
        run: Name of the run.
        kin: Names of its twin and of its ladder.
    """
    nets = [path.name for path in sorted(checkpoints.glob(f"{NET}*")) if path.is_dir()]
    data = read_config(checkpoints / run).data
    nets = [name for name in nets if name == f"{NET}{data.name or data.dataset}"]
    found: dict[str, Path] = {}
    for name in (run, *sorted(set(kin) - {run}), *nets):
        for path in sorted((checkpoints / name).rglob("*")):
            inside = path.relative_to(checkpoints / name).as_posix()
            target = inside if name == run else f"{BESIDE}/{name}/{inside}"
            if path.is_file() and not path.is_symlink() and place_of(target) is not None:
                found[target] = path
    return found
