"""How a run takes its place: a kill at any moment loses nothing, looking changes nothing, what is not ours stays."""

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from explorer import staging
from explorer.checkpoint import (
    CONFIG,
    LATENTS,
    METRICS,
    STATE,
    WEIGHTS,
    begin_run,
    can_resume,
    check_place,
    claimed,
    finish_run,
    list_runs,
    partial_folder,
    place_of,
    publish_run,
    read_metrics,
    write_config,
)
from explorer.errors import CheckpointError
from explorer.library import Library, load_run
from explorer.staging import MARK, old_folder
from tests.conftest import ROOT
from tests.test_checkpoint import NAME, build, config_of

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and signals")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    build(tmp_path / "runs" / NAME)
    return tmp_path / "runs" / NAME


def staged(out: Path, marker: str = "newer", state: bool = True) -> Path:
    """A complete fit of the run that waits to be moved into its place."""
    partial = begin_run(out, NAME, overwrite=True)
    build(partial, marker=marker)
    if state:
        (partial / STATE).write_bytes(b"state")
    return partial


def snapshot(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Every name below a folder with its kind, time, and content or target."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        told = path.lstat()
        link = str(path.readlink()) if path.is_symlink() else None
        content = path.read_bytes() if stat.S_ISREG(told.st_mode) else None
        found[str(path.relative_to(folder))] = (told.st_mode, told.st_mtime_ns, link, content)
    return found


def names(out: Path) -> list[str]:
    """What lies in a folder of runs, without the locks that stay."""
    return sorted(path.name for path in out.iterdir() if not path.name.endswith(".lock"))


# --- a run takes its place --------------------------------------------------------------------------------------------


def test_only_runs_are_listed(run: Path):
    for other in (".hidden", ".digits-ae-2.partial", "features-digits", "empty", ".features-x.old", ".x y.old"):
        (run.parent / other).mkdir()
    for other in (".hidden", ".digits-ae-2.partial", "features-digits", ".features-x.old", ".x y.old"):
        shutil.copy(run / CONFIG, run.parent / other / CONFIG)
    (run.parent / f".{NAME}.lock").touch()
    assert list_runs(run.parent) == [NAME]
    assert list_runs(run.parent / "nowhere") == []


def test_a_finished_run_is_never_replaced_unless_asked(run: Path):
    with pytest.raises(CheckpointError, match="--overwrite"):
        begin_run(run.parent, NAME)
    assert load_run(run).metrics == {"marker": "new"}


def test_a_replacement_leaves_only_the_new_run(run: Path):
    out = run.parent
    partial = staged(out)
    assert load_run(run).metrics == {"marker": "new"}, "the old run stands until the new one is complete"
    publish_run(partial, out, NAME)
    assert load_run(run).metrics == {"marker": "newer"}
    assert names(out) == [NAME]
    assert not (run / STATE).exists() and not (run / MARK).exists()


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from explorer.checkpoint import begin_run, finish_run, partial_folder, publish_run

template, work, name = Path(sys.argv[1]), Path(sys.argv[2]), "digits-vae-2"
deed = {
    "publish": lambda out: publish_run(partial_folder(out, name), out, name),
    "finish": lambda out: finish_run(out, name),
    "begin": lambda out: begin_run(out, name, overwrite=True),
}[sys.argv[3]]

def changes(event, arguments):
    if event == "open":
        mode, flags = arguments[1:]
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) and not str(arguments[0]).endswith(".lock")
    return event in {"os.rename", "os.remove", "os.rmdir", "os.mkdir"}

for moment in range(1, 200):
    out = Path(shutil.copytree(template, work / str(moment), symlinks=True))
    child = os.fork()
    if not child:
        left = moment
        def hook(event, arguments):
            global left
            if changes(event, arguments):
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        deed(out)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
print(moment)
"""
"""Does a deed on copies of a folder of runs, killed before its first change of the disk, its second, and so on."""


def killed_at_every_change(template: Path, work: Path, deed: str) -> list[Path]:
    """The folders of runs that are left, the last one by a process that came to its end."""
    work.mkdir()
    arguments = [sys.executable, "-c", KILLED, str(template), str(work), deed]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    return [work / str(moment + 1) for moment in range(int(done.stdout))]


@posix
def test_the_mark_is_the_first_thing_in_a_folder(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    seen = []
    for left in killed_at_every_change(tmp_path / "empty", tmp_path / "killed", "begin"):
        partial = partial_folder(left, NAME)
        seen.append(str([path.name for path in partial.iterdir()]) if partial.exists() else "nothing")
        begin_run(left, NAME)  # nothing of it is in anybody's way
    assert list(dict.fromkeys(seen)) == ["nothing", "[]", f"['{MARK}']"]


def looked_at(out: Path) -> str:
    """The marker of the run that a reader sees; that it looks changes nothing."""
    before = snapshot(out)
    assert list_runs(out) == [NAME]
    library = Library(out)
    assert library.open(NAME).metrics == load_run(out / NAME).metrics
    assert snapshot(out) == before, "looking writes nothing"
    return library.card(NAME).metrics["marker"]


def is_settled(out: Path) -> bool:
    """Whether no old run waits any longer; an empty folder, whose mark went the moment before, is nobody's."""
    return not old_folder(out, NAME).exists() or staging.is_free(old_folder(out, NAME))


@posix
@pytest.mark.parametrize("deed", ["publish", "begin"])
def test_a_kill_before_any_change_of_the_disk_leaves_the_old_run_or_the_new_one(deed: str, run: Path, tmp_path: Path):
    out = run.parent
    staged(out)
    (out / ".somebody.old").mkdir()
    (out / ".somebody.old" / "deep").mkdir()
    (out / "projectA").mkdir()
    (out / "projectA" / STATE).write_bytes(b"not ours")
    outcomes = []
    for left in killed_at_every_change(out, tmp_path / "killed", deed):
        marker = looked_at(left)
        whole = marker == "newer" or can_resume(left, NAME)
        finish_run(left, NAME)  # what train.py does, about to write that run
        assert (marker, looked_at(left)) in {("new", "new"), ("new", "newer"), ("newer", "newer")}
        marker = looked_at(left)
        assert is_settled(left) and not (left / NAME / MARK).exists()
        assert not (left / NAME / STATE).exists()
        begin_run(left, NAME, overwrite=True)
        assert [path.name for path in partial_folder(left, NAME).iterdir()] == [MARK]
        assert looked_at(left) == marker
        assert (left / "projectA" / STATE).read_bytes() == b"not ours"
        assert (left / ".somebody.old" / "deep").is_dir()
        outcomes.append((marker, whole))
    if deed == "publish":
        assert all(whole for _, whole in outcomes), "what was fitted is not lost"
        assert outcomes[0][0] == "new" and outcomes[-1][0] == "newer" and len(outcomes) > 8
    else:
        assert {marker for marker, _ in outcomes} == {"new"} and len(outcomes) > 4


@posix
@pytest.mark.parametrize("complete", [True, False])
def test_a_kill_while_a_replacement_is_settled_leaves_it_to_be_settled(complete: bool, run: Path, tmp_path: Path):
    out, old = run.parent, old_folder(run.parent, NAME)
    partial = staged(out)
    if not complete:
        (partial / METRICS).unlink()
    (run / MARK).touch()
    run.rename(old)
    assert looked_at(out) == "new"
    for left in killed_at_every_change(out, tmp_path / "killed", "finish"):
        assert looked_at(left) in ("new", "newer")
        finish_run(left, NAME)
        assert looked_at(left) == ("newer" if complete else "new")
        assert is_settled(left)
        assert can_resume(left, NAME) is not complete


def test_a_first_run_cut_off_before_its_rename_is_completed_by_who_writes_it(tmp_path: Path):
    staged(tmp_path)
    before = snapshot(tmp_path)
    assert list_runs(tmp_path) == [], "a fit that goes on may change it, so no reader takes it"
    assert snapshot(tmp_path) == before
    assert finish_run(tmp_path, NAME)
    assert load_run(tmp_path / NAME).metrics == {"marker": "newer"} and names(tmp_path) == [NAME]
    assert not (tmp_path / NAME / STATE).exists()


def test_a_reader_between_the_two_renames_sees_a_run_and_the_fit_goes_on(run: Path, monkeypatch: pytest.MonkeyPatch):
    out, seen = run.parent, []
    partial = staged(out)
    move = staging._move

    def watched(source: Path, target: Path) -> None:
        seen.append(looked_at(out))
        move(source, target)
        seen.append(looked_at(out))

    monkeypatch.setattr(staging, "_move", watched)
    publish_run(partial, out, NAME)
    assert seen == ["new", "new", "new", "newer"]
    assert names(out) == [NAME]


def test_a_library_that_is_open_keeps_its_run_while_it_is_replaced(run: Path, monkeypatch: pytest.MonkeyPatch):
    library, out = Library(run.parent), run.parent
    opened = library.open(NAME)
    partial = staged(out)
    move = staging._move

    def watched(source: Path, target: Path) -> None:
        move(source, target)
        if source == run:
            assert library.names() == [NAME] and library.open(NAME) is opened
            assert opened.sheets() == [] and opened.history() == []

    monkeypatch.setattr(staging, "_move", watched)
    publish_run(partial, out, NAME)
    assert library.open(NAME).metrics == {"marker": "newer"}


def test_parts_of_two_runs_are_never_mixed(run: Path, monkeypatch: pytest.MonkeyPatch):
    out, library = run.parent, Library(run.parent)
    partial = staged(out)
    build(partial, latent_dim=5, marker="newer")
    from explorer.library import shelf

    read, calls = shelf.load_latents, []

    def late(folder: Path, config: Any) -> Any:
        if not calls:  # the run is replaced after its settings were read
            calls.append(publish_run(partial, out, NAME))
        return read(place_of(folder), config)

    monkeypatch.setattr(shelf, "load_latents", late)
    opened = library.open(NAME)
    assert opened.metrics == {"marker": "newer"} and opened.latents.mean.shape[1] == opened.latent_dim == 5


def test_a_rename_that_fails_leaves_the_old_run_and_a_fit_to_resume(run: Path, monkeypatch: pytest.MonkeyPatch):
    out = run.parent
    partial = staged(out)
    move = Path.rename

    def refused(self: Path, target: Path) -> Path:
        if self == partial:
            raise PermissionError(13, "Permission denied")
        return move(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refused)
        with pytest.raises(CheckpointError, match="Permission denied.*--resume"):
            publish_run(partial, out, NAME)
    assert looked_at(out) == "new" and can_resume(out, NAME)
    assert not (run / MARK).exists() and not old_folder(out, NAME).exists()


def test_an_interrupted_fit_is_never_thrown_away_silently(tmp_path: Path):
    partial = begin_run(tmp_path, NAME)
    (partial / STATE).write_bytes(b"state")
    with pytest.raises(CheckpointError, match="--resume.*--overwrite"):
        begin_run(tmp_path, NAME)
    assert can_resume(tmp_path, NAME)
    assert begin_run(tmp_path, NAME, resume=True) == partial and can_resume(tmp_path, NAME)
    assert begin_run(tmp_path, NAME, overwrite=True) == partial and not can_resume(tmp_path, NAME)


# --- what is not ours -------------------------------------------------------------------------------------------------


def stranger(path: Path) -> None:
    """A folder of somebody's own."""
    (path / "deep").mkdir(parents=True)
    (path / "deep" / "letter.txt").write_text("dear")
    (path / STATE).write_bytes(b"of another program")


def with_a_note(path: Path) -> None:
    """A run, or a fit, that somebody keeps notes in."""
    build(path)
    (path / "notes.md").write_text("never lose this")


def with_a_sheet(path: Path) -> None:
    """A run with a picture of somebody's own among its sheets."""
    build(path)
    (path / "sheets").mkdir()
    (path / "sheets" / "holiday.png").write_bytes(b"x")


def a_file(path: Path) -> None:
    """A file of that name."""
    path.write_text("mine")


def a_link(path: Path) -> None:
    """A link to a run that lies elsewhere."""
    build(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def another_config(path: Path) -> None:
    """A folder with a config.json of another program."""
    path.mkdir()
    (path / CONFIG).write_text('{"architectures": ["Another"]}')
    (path / WEIGHTS).write_bytes(b"theirs")


STRANGERS: list[Callable[[Path], None]] = [stranger, with_a_note, with_a_sheet, a_file, a_link, another_config]


@pytest.mark.parametrize("make", STRANGERS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("place", ["final", "partial", "old"])
def test_what_is_not_ours_is_named_and_stays(make: Callable[[Path], None], place: str, tmp_path: Path):
    out = tmp_path / "runs"
    out.mkdir()
    path = {"final": out / NAME, "partial": partial_folder(out, NAME), "old": old_folder(out, NAME)}[place]
    make(path)
    if place == "old":
        build(out / NAME)
    before = snapshot(tmp_path)
    for deed in (check_place, begin_run):
        with pytest.raises(CheckpointError, match=r"move (it|that) away.*--tag") as caught:
            deed(out, NAME, overwrite=True)
        assert path.name in str(caught.value) and "\n" not in str(caught.value)
    after = snapshot(tmp_path)
    assert {name: after[name] for name in before if name != "runs"} == {k: v for k, v in before.items() if k != "runs"}
    assert set(after) - set(before) <= {f"runs/.{NAME}.lock"}


def test_what_appears_while_a_fit_goes_on_stays_too(run: Path):
    out = run.parent
    partial = staged(out)
    (run / "notes.md").write_text("never lose this")
    with pytest.raises(CheckpointError, match=r"notes\.md"):
        publish_run(partial, out, NAME)
    assert can_resume(out, NAME) and (run / "notes.md").exists()
    (run / "notes.md").unlink()
    stranger(old_folder(out, NAME))
    before = snapshot(old_folder(out, NAME))
    with pytest.raises(CheckpointError, match="in the way"):
        publish_run(partial, out, NAME)
    assert snapshot(old_folder(out, NAME)) == before and looked_at(out) == "new"


def test_what_systems_leave_in_every_folder_is_in_nobodys_way(run: Path):
    for name in (".DS_Store", "Thumbs.db"):
        (run / name).write_bytes(b"x")
    publish_run(staged(run.parent), run.parent, NAME)
    assert names(run.parent) == [NAME] and looked_at(run.parent) == "newer"


def test_a_foreign_folder_of_the_old_name_is_in_nobodys_way_until_it_is_needed(tmp_path: Path):
    stranger(old_folder(tmp_path, NAME))
    before = snapshot(old_folder(tmp_path, NAME))
    publish_run(staged(tmp_path), tmp_path, NAME)
    assert looked_at(tmp_path) == "newer" and snapshot(old_folder(tmp_path, NAME)) == before


def test_an_empty_folder_is_nobodys(run: Path):
    partial_folder(run.parent, NAME).mkdir()  # by a process that was killed before it wrote the mark
    old_folder(run.parent, NAME).mkdir()
    publish_run(staged(run.parent), run.parent, NAME)
    assert names(run.parent) == [NAME]


def test_a_run_in_another_place_is_read_through_its_link(run: Path, tmp_path: Path):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / NAME).symlink_to(run)
    assert looked_at(tmp_path / "links") == "new"


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "x" * 200, "features-digits"])
def test_a_run_name_is_no_path(tmp_path: Path, name: str):
    with pytest.raises(CheckpointError, match="no run name"):
        begin_run(tmp_path, name)


def test_nothing_to_resume_is_said(tmp_path: Path):
    with pytest.raises(CheckpointError, match="without --resume"):
        begin_run(tmp_path, NAME, resume=True)


def test_a_folder_that_cannot_be_written_to_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match="cannot write to"):
        begin_run(tmp_path / "file", NAME)


# --- the first edition ------------------------------------------------------------------------------------------------


def first_edition_fit(out: Path) -> Path:
    """An interrupted fit as the first edition left it: without a mark, with a claim."""
    partial = partial_folder(out, NAME)
    partial.mkdir(parents=True)
    write_config(partial, config_of())
    for name in (STATE, "history.jsonl", ".lock"):
        (partial / name).write_bytes(b"")
    return partial


def test_an_interrupted_fit_of_the_first_edition_is_resumed(tmp_path: Path):
    partial = first_edition_fit(tmp_path)
    assert can_resume(tmp_path, NAME)
    assert begin_run(tmp_path, NAME, resume=True) == partial
    assert (partial / STATE).exists() and (partial / MARK).exists()


def test_an_interrupted_fit_of_the_first_edition_may_be_started_over(tmp_path: Path):
    begin = first_edition_fit(tmp_path)
    assert begin_run(tmp_path, NAME, overwrite=True) == begin
    assert [path.name for path in begin.iterdir()] == [MARK]


def test_a_fit_of_another_name_is_not_this_run_s(tmp_path: Path):
    partial = first_edition_fit(tmp_path)
    write_config(partial, config_of(latent_dim=5))
    assert not can_resume(tmp_path, NAME)
    with pytest.raises(CheckpointError, match="in the way"):
        begin_run(tmp_path, NAME, overwrite=True)


def test_a_replacement_that_the_first_edition_left_half_done_is_read_and_settled(run: Path):
    out = run.parent
    build(partial_folder(out, NAME), marker="newer")
    run.rename(old_folder(out, NAME))
    assert looked_at(out) == "new"
    assert finish_run(out, NAME)
    assert looked_at(out) == "newer"
    publish_run(staged(out, "newest"), out, NAME)
    assert looked_at(out) == "newest" and names(out) == [NAME]


# --- one at a time ----------------------------------------------------------------------------------------------------

HOLDER = """
import sys
from pathlib import Path
from explorer.checkpoint import claimed
with claimed(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_fits_of_one_run_do_not_share_its_folder_and_a_dead_one_holds_nothing(tmp_path: Path):
    partial = begin_run(tmp_path, NAME)
    command = [sys.executable, "-c", HOLDER, str(tmp_path), NAME]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        for _ in range(2):  # who was refused must not open the door to the next
            for deed in (lambda: begin_run(tmp_path, NAME, overwrite=True), lambda: finish_run(tmp_path, NAME)):
                with pytest.raises(CheckpointError, match="another process.*--tag"):
                    deed()
        other.kill()
    with claimed(tmp_path, NAME):
        assert begin_run(tmp_path, NAME, overwrite=True) == partial, "who holds it may take it again"
    assert [path.name for path in partial.iterdir()] == [MARK]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_disk_without_locks_is_fitted_on(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refused(self: FileLock, *_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("explorer.locks.FileLock.acquire", refused)
    assert begin_run(tmp_path, NAME) == partial_folder(tmp_path, NAME)


@pytest.mark.parametrize("make", [a_file, stranger], ids=lambda make: make.__name__)
def test_something_else_of_the_locks_name_stays(make: Callable[[Path], None], tmp_path: Path):
    make(tmp_path / f".{NAME}.lock")
    before = snapshot(tmp_path)
    with pytest.raises(CheckpointError, match="no lock of this program"):
        begin_run(tmp_path, NAME)
    assert snapshot(tmp_path) == before


def test_a_run_is_complete_only_with_its_scores(tmp_path: Path):
    partial = staged(tmp_path)
    for name in (CONFIG, WEIGHTS, LATENTS, METRICS):
        content = (partial / name).read_bytes()
        (partial / name).unlink()
        assert not finish_run(tmp_path, NAME)
        (partial / name).write_bytes(content)
    assert finish_run(tmp_path, NAME)
    assert json.loads((tmp_path / NAME / METRICS).read_text()) == read_metrics(tmp_path / NAME)
