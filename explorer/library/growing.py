"""Runs that `train.py` is fitting now, read where it builds them; looking never writes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer.checkpoint import CONFIG, HISTORY, list_sheets, read_config, read_history, read_sheet
from explorer.config import RUN_NAME, RunConfig
from explorer.errors import CheckpointError, NotFoundError
from explorer.staging import find_run, is_marked, is_net, partial_folder

STILL_SECONDS = 180
"""After so many seconds without a new epoch, or three times the last one, a fit may have been stopped."""


@dataclass(frozen=True, kw_only=True)
class GrowingRun:
    """A run that is being fitted.

    Attributes:
        name: The run's name.
        config: Its settings.
        history: Its epochs so far, a line each, as in history.jsonl.
        sheets: Epochs after which one was kept, rising.
        is_still: Whether nothing was written for long, so that the fit may have been stopped.
    """

    name: str
    config: RunConfig
    history: list[Mapping[str, Any]]
    sheets: list[int]
    is_still: bool


def growing_runs(out: Path | None) -> list[GrowingRun]:
    """The runs that are being fitted into a folder, by name; none where it cannot be read.

    A folder counts only if it carries the mark of train.py; one whose settings are not written yet is left out.

    Args:
        out: Folder of the runs; None for none at all.
    """
    found = []
    for name, folder in _folders(out).items():
        try:
            config, history = read_config(folder), read_history(folder)
            changed = max((folder / part).stat().st_mtime for part in (CONFIG, HISTORY) if (folder / part).exists())
        except (CheckpointError, OSError, ValueError):  # it is written at this moment, or was moved into its place
            continue
        seconds = history[-1].get("seconds") if history else None
        usual = 3 * float(seconds) if isinstance(seconds, int | float) else 0.0
        is_still = time.time() - changed > max(STILL_SECONDS, usual)
        sheets = list(list_sheets(folder))
        found.append(GrowingRun(name=name, config=config, history=history, sheets=sheets, is_still=is_still))
    return found


def growing_sheet(out: Path | None, name: str, epoch: int) -> bytes:
    """The decodes of a run that is being fitted after an epoch, as a PNG or WebP file.

    A page asks for it a moment after it heard of it, when the fit may be over: a finished run's is given then.

    Raises:
        NotFoundError: There is no such run, or no such sheet; the name may be anything.
        CheckpointError: The file is damaged.
    """
    path = _sheet_in(_folders(out).get(name), epoch)
    if path is None and out is not None:  # in this order: a fit moves from the one place to the other
        path = _sheet_in(find_run(out, name), epoch)
    if path is None:
        raise NotFoundError(f"no run of that name is being fitted that kept a sheet after epoch {epoch}.")
    return read_sheet(path)


def _sheet_in(folder: Path | None, epoch: int) -> Path | None:
    return None if folder is None else list_sheets(folder).get(epoch)


def _folders(out: Path | None) -> dict[str, Path]:
    """Where train.py builds runs in a folder, by their names."""
    if out is None:
        return {}
    try:
        entries = [path.name for path in out.iterdir()]
    except OSError:
        return {}
    names = (entry[1 : -len(".partial")] for entry in entries if entry.startswith(".") and entry.endswith(".partial"))
    plain = sorted(name for name in names if RUN_NAME.fullmatch(name) and not is_net(name))
    return {name: folder for name in plain if is_marked(folder := partial_folder(out, name))}
