"""Runs to the Hub."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from explorer.errors import HubError
from explorer.hub.asking import SECONDS, api, asking, stream
from explorer.hub.layout import REPOSITORY
from explorer.progress import is_terminal

CARD, MOST_CARD = "README.md", 1_000_000
"""What a repository says of itself, and bytes of it."""


def check_sending(repository: str) -> None:
    """Find out before hours of work whether a run can be sent to the Hub.

    Raises:
        HubError: The name is none, there is no token, or the Hub cannot be reached or does not take the token.
    """
    from huggingface_hub import get_token

    if not REPOSITORY.fullmatch(repository):
        raise HubError(f"{repository[:200]!r} is no name of a repository; name owner/name.")
    if get_token() is None:
        raise HubError("there is no token for the Hub; make one with: hf auth login, or set $HF_TOKEN.")
    with asking(repository):
        api().whoami()


def held_by(repository: str, kind: str) -> tuple[str, frozenset[str]]:
    """The README.md of a repository, and the paths of its other files; nothing where there is no such repository.

    Args:
        repository: Its name.
        kind: model or space.

    Raises:
        HubError: The Hub cannot be reached or refuses.
    """
    with asking(repository):
        there = api()
        if not there.repo_exists(repository, repo_type=kind):
            return "", frozenset()
        info = there.repo_info(repository, repo_type=kind, timeout=SECONDS)
    paths = {each.rfilename for each in getattr(info, "siblings", None) or ()}
    pieces = stream(repository, CARD, info.sha or "main", kind, MOST_CARD) if CARD in paths else ()
    return b"".join(pieces).decode("utf-8", errors="replace"), frozenset(paths - {CARD, ".gitattributes"})


def send(
    repository: str,
    kind: str,
    files: Mapping[str, Path | bytes],
    is_ours: Callable[[str], bool],
    is_private: bool,
    message: str,
) -> str:
    """Put files into a repository as one commit, and remove those of ours that are no longer among them.

    Args:
        repository: Its name; it is made where there is none.
        kind: model or space.
        files: By path in the repository.
        is_ours: Whether a path may be removed.
        is_private: Whether a repository that is made is seen by its owner alone.
        message: Of the commit.

    Returns:
        The repository's address.

    Raises:
        HubError: The Hub cannot be reached or refuses.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete
    from huggingface_hub.utils import disable_progress_bars

    if not is_terminal():
        disable_progress_bars()
    with asking(repository):
        there = api()
        sdk = "static" if kind == "space" else None
        made = there.create_repo(repository, repo_type=kind, space_sdk=sdk, private=is_private or None, exist_ok=True)
        info = there.repo_info(repository, repo_type=kind, timeout=SECONDS)
        held = {each.rfilename for each in getattr(info, "siblings", None) or ()}
        added = [
            CommitOperationAdd(path, content if isinstance(content, bytes) else str(content))
            for path, content in sorted(files.items())
        ]
        gone = [CommitOperationDelete(path) for path in sorted(held - files.keys()) if is_ours(path)]
        there.create_commit(repository, [*added, *gone], commit_message=message, repo_type=kind)
    return str(made)


def push(run: str, checkpoints: Path, repository: str) -> int:
    """Send a run in a process of its own, for its page is made by rooms that no fit needs; the exit code.

    Args:
        run: Its name.
        checkpoints: Folder of the runs.
        repository: owner/name.
    """
    known = os.environ.get("PYTHONPATH")
    paths = os.pathsep.join([str(Path(__file__).resolve().parents[2]), *([known] if known else [])])
    command = [sys.executable, "-m", "explorer", run, "--checkpoints", str(checkpoints), "--push", repository]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, check=False).returncode
