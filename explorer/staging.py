"""Where train.py builds a run, and how the run takes its place; what is not ours is never touched.

The run NAME is built in `.NAME.partial`. When it is complete, an old run of that name moves to `.NAME.old`, the new one
to NAME, and the old one is removed. Both folders carry a mark, the first thing that is written into them; a folder
without it is ours only if it is a run, or an interrupted fit, of the first edition by its content. What is not ours is
never renamed, and no file is ever removed but the parts of a run. All of this is done by who is about to write the run,
inside `claimed`; a reader only asks `place_of`, and writes nothing.
"""

import contextlib
import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from explorer.config import RUN_NAME, from_json
from explorer.errors import CheckpointError
from explorer.files import read_bytes, read_json
from explorer.locks import LockedError, holding

CONFIG, WEIGHTS, LATENTS, METRICS, HISTORY = (
    "config.json",
    "model.safetensors",
    "latents.safetensors",
    "metrics.json",
    "history.jsonl",
)

STATE = "training_state.pt"
"""What --resume needs; it lives in the partial folder only."""

SHEETS = "sheets"
"""A run's folder of sheets."""

SHEET_NAME = re.compile(r"epoch-([0-9]{4,6})\.(png|webp)")
"""Files of the folder of sheets: decodes after that epoch."""

CODES_NAME = re.compile(r"epoch-([0-9]{4,6})\.safetensors")
"""Files beside them: where some test images stood after that epoch."""

NET = "features-"
"""How the name of a folder begins that holds the feature net of a data set, which is no run."""

MARK = ".made-by-train"
"""Says that train.py made a folder and may remove it."""

TEXT = b"train.py of the latent space explorer made this folder; it moves and removes it.\n"
"""Content of the mark; an empty one was cut off while it was written."""

FIRST_LOCK = ".lock"
"""Claim of the first edition, inside the partial folder."""

PARTS = (METRICS, CONFIG, WEIGHTS, LATENTS, HISTORY, STATE)
"""Files of a run and of its fit, in the order of their removal: without its scores no run is complete."""

TEMPORARY = re.compile(rf"\.({'|'.join(map(re.escape, PARTS))}|epoch-[0-9]+\.(png|webp|safetensors))\..+")
"""Files that were to replace a part when their writer died."""

DROPPINGS = (".DS_Store", "Thumbs.db", "desktop.ini")
"""Files that systems leave in every folder that they show."""

PATIENCE = 20
"""Tries of a rename on Windows, where a file that somebody reads holds its folder still."""


# --- what is whose ----------------------------------------------------------------------------------------------------


def partial_folder(out: Path, name: str) -> Path:
    """Where a run is built before it is complete."""
    return out / f".{name}.partial"


def old_folder(out: Path, name: str) -> Path:
    """Where an old run waits until the new one stands."""
    return out / f".{name}.old"


def place_of(folder: Path) -> Path:
    """The folder that the run `folder` is read from: itself, or `.NAME.old` where its replacement was cut short.

    A run that was never in its place, a complete `.NAME.partial`, is not read: a fit that goes on may change it.
    """
    if not RUN_NAME.fullmatch(folder.name) or os.path.lexists(folder):
        return folder
    old = old_folder(folder.parent, folder.name)
    return old if is_ours(old, folder.name) and (old / CONFIG).is_file() else folder


def find_run(out: Path, name: str) -> Path | None:
    """The folder that a run is read from, or None where there is no run of that name, which may be anything.

    A run has a plain name and a config.json; `features-...` is the feature net of a data set.
    """
    if not RUN_NAME.fullmatch(name) or is_net(name):
        return None
    place = place_of(out / name)
    try:
        return place if (place / CONFIG).is_file() else None
    except OSError:  # nobody may look into it
        return None


def run_names(out: Path) -> list[str]:
    """Names of the runs in a folder, sorted; nothing is changed.

    Raises:
        CheckpointError: The folder cannot be read.
    """
    try:
        entries = [entry.name for entry in os.scandir(out)] if out.is_dir() else []
    except OSError as error:
        raise CheckpointError(f"{out} cannot be read: {error.strerror}; name another folder of runs.") from None
    waiting = {entry[1 : -len(".old")] for entry in entries if entry.startswith(".") and entry.endswith(".old")}
    return sorted(name for name in waiting.union(entries) if find_run(out, name) is not None)


def is_net(name: str) -> bool:
    """Whether a folder's name is that of a feature net, or of one that is being built or replaced."""
    return name.removeprefix(".").startswith(NET)


def is_marked(folder: Path) -> bool:
    """Whether train.py says that it made a folder."""
    if not _is_folder(folder) or not os.path.lexists(folder / MARK) or (folder / MARK).is_symlink():
        return False
    try:
        return read_bytes(folder / MARK, len(TEXT)) in (b"", TEXT)
    except CheckpointError:
        return False


def is_ours(folder: Path, name: str) -> bool:
    """Whether a staging folder of a run is ours: by its mark, or the first edition's by what is in it."""
    if is_marked(folder):
        return True
    return _is_folder(folder) and _is_config(folder / CONFIG, name) and foreign_in(folder) is None


def is_free(folder: Path) -> bool:
    """Whether a folder holds nothing, or nothing but a claim of the first edition."""
    if not _is_folder(folder):
        return False
    try:
        found = list(os.scandir(folder))
        return not found or (found[0].name == FIRST_LOCK and len(found) == 1 and not found[0].stat().st_size)
    except OSError:
        return False


def is_complete(folder: Path) -> bool:
    """Whether all parts of a run are there; the scores are written last."""
    return all((folder / name).is_file() for name in (CONFIG, WEIGHTS, LATENTS, METRICS))


def foreign_in(folder: Path) -> str | None:
    """The first thing in a folder that is no part of a run, or None; links are none, wherever they lead."""
    try:
        for place, known in ((folder, _is_part), (folder / SHEETS, _is_sheet)):
            for entry in sorted(os.scandir(place), key=lambda entry: entry.name) if place.is_dir() else []:
                if not known(entry):
                    return str(Path(entry.path).relative_to(folder))
    except OSError as error:
        return str(error.filename)
    return None


def _is_part(entry: os.DirEntry[str]) -> bool:
    if entry.name == SHEETS:
        return entry.is_dir(follow_symlinks=False)
    named = entry.name in (*PARTS, MARK, FIRST_LOCK, *DROPPINGS) or TEMPORARY.fullmatch(entry.name)
    return bool(named) and entry.is_file(follow_symlinks=False)


def _is_sheet(entry: os.DirEntry[str]) -> bool:
    kept = SHEET_NAME.fullmatch(entry.name) or CODES_NAME.fullmatch(entry.name)
    named = kept or TEMPORARY.fullmatch(entry.name) or entry.name in DROPPINGS
    return bool(named) and entry.is_file(follow_symlinks=False)


def _is_folder(folder: Path) -> bool:
    try:
        return stat.S_ISDIR(folder.lstat().st_mode)
    except OSError:
        return False


def _is_config(path: Path, name: str | None = None) -> bool:
    """Whether a file is the config.json of a run, of that name if one is given."""
    try:
        config = from_json(read_json(path), str(path))
    except CheckpointError:
        return False
    return config.model.latent_dim is not None and name in (None, config.name)


# --- what may be done -------------------------------------------------------------------------------------------------


def check_staging(folder: Path, name: str) -> None:
    """Refuse a staging folder that is not ours.

    Raises:
        CheckpointError: It is no folder, was not made by train.py, or holds something else than parts of a run.
    """
    if not os.path.lexists(folder) or is_free(folder):
        return
    if not is_ours(folder, name):
        raise CheckpointError(
            f"{folder} is in the way: train.py did not make it, so it stays as it is; move it away, or choose "
            "another --tag."
        )
    _refuse_foreign(folder)


def check_replaceable(final: Path) -> None:
    """Refuse to replace what is no run.

    Raises:
        CheckpointError: It is a link, no run of this program, or holds something else than parts of a run.
    """
    if not _is_folder(final) or not _is_config(final / CONFIG):
        what = "is a link" if final.is_symlink() else "is no run of this program"
        raise CheckpointError(f"{final} {what}, so it is not replaced; move it away, or choose another --tag.")
    _refuse_foreign(final)


def check_spelling(final: Path) -> None:
    """Refuse a name that differs from an existing one in case alone, where the disk does not tell them apart.

    Raises:
        CheckpointError: It does.
    """
    if os.path.lexists(final) and final.name not in {entry.name for entry in os.scandir(final.parent)}:
        raise CheckpointError(f"{final} is on this disk the same as another run's folder; choose another --tag.")


def _refuse_foreign(folder: Path) -> None:
    foreign = foreign_in(folder)
    if foreign is not None:
        raise CheckpointError(
            f"{folder} holds {foreign!r}, which is no part of a run, so it stays as it is; move that away, or choose "
            "another --tag."
        )


# --- doing it ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def claimed(out: Path, name: str, wait: bool = False) -> Iterator[None]:
    """Keep other processes from building the same run inside the block; who holds it may claim it again.

    The lock is beside the folders, not in one: a folder with an open file cannot be renamed on Windows.

    Raises:
        CheckpointError: Another process builds that run.
        OSError: The folder of the runs cannot be written to.
    """
    out.mkdir(parents=True, exist_ok=True)
    try:
        with holding(out / f".{name}.lock", wait, again=True):
            yield
    except LockedError as error:
        raise CheckpointError(
            f"another process is fitting {name} into {out}; give one of them another --tag ({error})."
        ) from None


def begin(out: Path, name: str, resume: bool = False) -> Path:
    """The folder to build a run in, marked, and empty unless `resume`; to be called inside `claimed`.

    Raises:
        CheckpointError: Something else is in its place.
        OSError: It cannot be written to.
    """
    partial = partial_folder(out, name)
    check_staging(partial, name)
    partial.mkdir(exist_ok=True)
    _mark(partial)
    if resume:
        (partial / METRICS).unlink(missing_ok=True)  # written last: its presence would say that all is done
    else:
        _clear(partial)
    return partial


def discard(out: Path, name: str) -> None:
    """Remove what was built of a run; to be called inside `claimed`.

    Raises:
        OSError: It cannot be removed.
    """
    _remove(partial_folder(out, name), name)


def publish(out: Path, name: str) -> Path:
    """Move a complete run into its place; an old one is given up only when the new one stands.

    The state of the fit goes last but the mark: whatever fails before, --resume finds it. To be called inside
    `claimed`.

    Raises:
        CheckpointError: Something that is no run is in the way.
        OSError: It cannot be moved; the old run is back in its place.
    """
    final, old, partial = out / name, old_folder(out, name), partial_folder(out, name)
    replaces = os.path.lexists(final)
    if replaces:
        check_replaceable(final)
        check_staging(old, name)
        _remove(old, name)
        _mark(final)
        _move(final, old)
    try:
        _move(partial, final)
    except OSError:
        if replaces:
            _move(old, final)
            (final / MARK).unlink(missing_ok=True)
        raise
    _tidy(final)
    _remove(old, name)
    return final


def finish(out: Path, name: str) -> bool:
    """Complete or undo a replacement of that run that was cut short; whether a complete run came into its place.

    To be called inside `claimed`, by who is about to write that run.

    Raises:
        OSError: The folder cannot be written to.
    """
    final, old, partial = out / name, old_folder(out, name), partial_folder(out, name)
    completed = False
    if not os.path.lexists(final):
        if is_complete(partial) and is_ours(partial, name):
            _mark(partial)
            _move(partial, final)
            completed = True
        elif is_ours(old, name) and (old / CONFIG).is_file():
            _mark(old)
            _move(old, final)
    if is_marked(final):
        _tidy(final)
    if is_marked(old) and os.path.lexists(final):
        _remove(old, name)
    return completed


def _mark(folder: Path) -> None:
    if not is_marked(folder):
        with (folder / MARK).open("xb") as file:
            file.write(TEXT)


def _tidy(final: Path) -> None:
    """Take what only a fit needs out of a run that is in its place."""
    for name in (STATE, MARK):
        (final / name).unlink(missing_ok=True)


def _clear(folder: Path) -> None:
    """Remove the parts of a run from a folder; its mark, and what is no part, stay."""
    for name in PARTS:
        (folder / name).unlink(missing_ok=True)
    sheets = folder / SHEETS
    for place, known in ((sheets, _is_sheet), (folder, _is_part)):
        for entry in list(os.scandir(place)) if _is_folder(place) else []:
            if known(entry) and entry.name not in (SHEETS, MARK):
                Path(entry.path).unlink()
    with contextlib.suppress(OSError):
        sheets.rmdir()  # unless it holds something else


def _remove(folder: Path, name: str) -> None:
    """Remove a staging folder that is ours; the mark goes last, so that one that is cut off can be removed later."""
    if is_ours(folder, name):
        _mark(folder)
        _clear(folder)
        if [entry.name for entry in os.scandir(folder)] == [MARK]:
            (folder / MARK).unlink()
    if is_free(folder):
        _clear(folder)  # a claim of the first edition
        folder.rmdir()


def _move(source: Path, target: Path) -> None:
    for left in reversed(range(PATIENCE)):
        try:
            source.rename(target)
            return
        except PermissionError:
            if sys.platform != "win32" or not left:
                raise
            time.sleep(0.1)
