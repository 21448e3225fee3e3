"""Runs from the Hub, kept in the cache."""

import contextlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from explorer.checkpoint import one_sentence, read_config
from explorer.config import RUN_NAME
from explorer.data.cache import cache_dir
from explorer.errors import CheckpointError, HubError
from explorer.hub.asking import SECONDS, api, asking, stream
from explorer.hub.layout import ROOT, Part, parts_of
from explorer.progress import stage
from explorer.staging import is_net

SCHEME = "hf://"

ADDRESS = re.compile(r"hf://([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@([\w][\w./-]{0,99}))?", re.ASCII)
"""owner/name and, after "@", a branch, a tag or a commit."""

COMMIT = re.compile(r"[0-9a-f]{40}")

RUN = ".run"
"""File of a folder of fetched runs that names the one that was asked for."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A run from the Hub.

    Attributes:
        folder: A folder of runs: the one that was asked for, and those beside it.
        run: Its name.
        is_old: Whether the Hub could not be asked, so that this is what was fetched before.
    """

    folder: Path
    run: str
    is_old: bool = False


def is_address(text: str) -> bool:
    """Whether a text names a repository of the Hub, well or not."""
    return text.startswith(SCHEME)


def fetch(address: str, quiet: bool = False) -> Fetched:
    """A run from the Hub, from the cache where it is there already.

    Args:
        address: hf://owner/name, or hf://owner/name@revision.
        quiet: Whether to show no progress.

    Raises:
        HubError: The address is none, the Hub cannot be reached or refuses, or nothing was fetched before.
        CheckpointError: The repository holds no run, or more than a run may have, or the cache cannot be written to.
    """
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise HubError(f"{address[:200]} is no address of a run; name hf://owner/name, or hf://owner/name@revision.")
    repository, revision = found[1], found[2] or "main"
    kept = cache_dir() / "hub" / repository.replace("/", "--")
    known = kept / f"{quote(revision, safe='')}.commit"
    try:
        with asking(repository, revision):
            info = api().model_info(repository, revision=revision, files_metadata=True, timeout=SECONDS)
    except HubError as error:
        if not error.is_offline or (commit := _commit_of(known)) is None or not (kept / commit).is_dir():
            raise
        return Fetched(kept / commit, _named(kept / commit), is_old=True)
    commit = info.sha or ""
    if not COMMIT.fullmatch(commit):
        raise HubError(f"the Hub does not say which commit of {repository} it means; try again later.")
    folder = kept / commit
    if not folder.is_dir():
        parts = parts_of(repository, {each.rfilename: each.size for each in info.siblings or ()})
        with one_sentence(kept, "$EXPLORER_CACHE"):
            kept.mkdir(parents=True, exist_ok=True)
            building = Path(tempfile.mkdtemp(dir=kept, prefix="."))
            try:
                _bring_all(repository, commit, parts, building, quiet)
                _name_run(building, repository)
                try:
                    building.rename(folder)
                except OSError:
                    if not folder.is_dir():  # somebody else fetched it meanwhile
                        raise
            finally:
                shutil.rmtree(building, ignore_errors=True)
    with one_sentence(kept, "$EXPLORER_CACHE"):
        known.write_text(commit, encoding="ascii")
    return Fetched(folder, _named(folder))


def _bring_all(repository: str, commit: str, parts: list[Part], folder: Path, quiet: bool) -> None:
    """Fetch files of a commit into a folder of runs.

    Raises:
        HubError: The Hub cannot be reached, refuses, or sends another size than it stated.
    """
    total = sum(part.size for part in parts)
    with stage(f"fetching {repository} ({total / 1e6:.1f} MB)", total=total, unit="B", quiet=quiet) as bar:
        for part in parts:
            place = folder / part.place
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as file:
                for piece in stream(repository, part.path, commit, "model", part.size):
                    file.write(piece)
                    bar.update(len(piece))
            if place.stat().st_size != part.size:
                raise HubError(f"{part.path} of {repository} is cut off; try again.")


def _name_run(folder: Path, repository: str) -> None:
    """Call the run that was fetched what its settings say.

    Raises:
        CheckpointError: They cannot be read, or name something that lies beside it.
    """
    try:
        name = read_config(folder / ROOT).name
    except CheckpointError as error:
        told = str(error).replace(f"{folder / ROOT}{os.sep}", "")
        raise CheckpointError(f"{repository} cannot be used: {told}") from None
    if not RUN_NAME.fullmatch(name) or is_net(name) or (folder / name).exists():
        raise CheckpointError(f"{repository} calls its run {name[:100]!r}, which is no name for it.")
    (folder / ROOT).rename(folder / name)
    (folder / RUN).write_text(name, encoding="ascii")


def _named(folder: Path) -> str:
    """The run that a folder of the cache was fetched for.

    Raises:
        CheckpointError: Somebody changed the folder.
    """
    with contextlib.suppress(OSError, UnicodeDecodeError):
        name = (folder / RUN).read_text(encoding="ascii")
        if RUN_NAME.fullmatch(name) and (folder / name).is_dir():
            return name
    raise CheckpointError(f"{folder} is damaged; remove it, and fetch the run again.")


def _commit_of(known: Path) -> str | None:
    """The commit that a revision meant when it was asked for last."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        commit = known.read_text(encoding="ascii")
        return commit if COMMIT.fullmatch(commit) else None
    return None
