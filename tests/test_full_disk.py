"""A disk that is full at any file and any byte: one sentence, nothing half-written, and the fit goes on afterwards."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from explorer.checkpoint import (
    HISTORY,
    append,
    append_history,
    list_runs,
    partial_folder,
    read_history,
    trim_history,
    write_bytes,
)
from explorer.errors import CheckpointError
from explorer.training.board import Board
from tests.conftest import ROOT
from tests.fakes import LinearCoder
from tests.fitters import NAME, PROGRAM, QUICK, Fitter, what_was_fitted

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs limits of a process")


@pytest.fixture(scope="module")
def whole(fitter: Fitter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of a fit that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole")
    code, said = fitter.fit(out)
    assert code == 0, said
    return out


WRITERS = {
    "config.json": ".config.json.new",
    "history.jsonl": "history.jsonl",
    "sheets/epoch-0002.png": ".epoch-0002.png.new",
    "sheets/epoch-0002.safetensors": ".epoch-0002.safetensors.new",
    "training_state.pt": ".training_state.pt.new",
    "model.safetensors": ".model.safetensors.new",
    "latents.safetensors": ".latents.safetensors.new",
    "metrics.json": ".metrics.json.new",
}
"""Files of a run, and the names under which they are written."""


def refused(said: str, out: Path) -> None:
    """Assert that a fit ended in one sentence and left nothing half-written."""
    lines = [line for line in said.splitlines() if line.startswith("train.py: ")]
    assert len(lines) == 1 and "cannot write to" in lines[0] and "Traceback" not in said, said
    left = [path for path in out.rglob("*") if path.name.endswith(".new")]
    assert not left and list_runs(out) == []


@pytest.mark.parametrize("name", WRITERS)
def test_a_disk_that_is_full_at_any_file_costs_no_fit(name: str, fitter: Fitter, whole: Path, tmp_path: Path):
    shutil.copytree(whole / "features-digits", tmp_path / "features-digits")
    size = 20_000 if name == "training_state.pt" else (whole / NAME / name).stat().st_size
    code, said = fitter.fit(tmp_path, target=WRITERS[name], limit=size // 2)
    assert code == 1, said
    refused(said, tmp_path)
    waits = (partial_folder(tmp_path, NAME) / "training_state.pt").is_file()
    assert waits == ("--resume" in said)
    assert waits or not partial_folder(tmp_path, NAME).exists(), "what cannot be resumed is no use to anybody"
    assert waits or name in ("config.json", "history.jsonl", "training_state.pt"), "what was fitted is not lost"
    code, said = fitter.fit(tmp_path, *(["--resume"] if waits else []))
    assert code == 0, said
    assert what_was_fitted(tmp_path) == what_was_fitted(whole)
    left = sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".lock")
    assert left == [NAME, "features-digits"], "an empty lock beside a run harms nobody"


@pytest.mark.parametrize("target", [".model.safetensors.new", ".config.json.new"])
def test_a_feature_net_that_cannot_be_kept_costs_no_fit(target: str, fitter: Fitter, whole: Path, tmp_path: Path):
    code, said = fitter.fit(tmp_path, target=".features-digits.partial/" + target, limit=100)
    assert code == 1 and "--resume" in said, said
    refused(said, tmp_path)
    assert not (tmp_path / "features-digits").exists()
    code, said = fitter.fit(tmp_path, "--resume")
    assert code == 0, said
    assert what_was_fitted(tmp_path) == what_was_fitted(whole)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_for_tensorboard_ends_the_board_and_not_the_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    coder = LinearCoder(np.eye(64, 2), (1, 8, 8))
    board = Board(tmp_path, NAME, np.zeros((2, 1, 8, 8), np.float32))
    (written,) = (tmp_path / NAME).iterdir()
    before = written.read_bytes()
    board._path = Path("/dev/full")
    codes = np.random.default_rng(0).standard_normal((64, 2)).astype(np.float32)
    terms = {"total": 3.0, "distortion": 2.0, "rate": 1.0}
    for epoch in (1, 2, 3):
        line = {"epoch": epoch, "train": terms, "validation": terms, "beta": 1.0, "lr": 0.1, "images_per_second": 9.0}
        board.write(line | {"posterior_deviation": [0.5, 0.5], "rate_per_dimension": [0.5, 0.5]}, coder, codes, codes)
    (line,) = capsys.readouterr().err.splitlines()
    assert "TensorBoard gets no epoch from 1 on" in line and "No space left" in line
    assert written.read_bytes() == before


def test_a_place_for_tensorboard_that_cannot_be_written_to_is_said_before_the_first_step(
    fitter: Fitter, whole: Path, tmp_path: Path
):
    (tmp_path / "file").write_text("in the way")
    code, said = fitter.fit(tmp_path / "out", "--tensorboard", str(tmp_path / "file" / "board"))
    (line,) = [line for line in said.splitlines() if line.startswith("train.py: ")]
    assert code == 1 and "another --tensorboard" in line and "--out" not in line
    assert not partial_folder(tmp_path / "out", NAME).exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_log_that_cannot_be_written_costs_no_fit(whole: Path, tmp_path: Path):
    shutil.copytree(whole / "features-digits", tmp_path / "features-digits")
    with Path("/dev/full").open("w") as full:
        command = [*PROGRAM, *QUICK, "--threads", "1", "--out", str(tmp_path)]
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=300, check=False
        )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "standard output" in line and "the work is done" in line
    assert what_was_fitted(tmp_path) == what_was_fitted(whole)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 kB; skips who may not mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
@pytest.mark.parametrize("free", [4_096, 20_480, 61_440])
def test_a_small_disk_that_fills_up_keeps_what_can_be_resumed(free: int, fitter: Fitter, whole: Path, small_disk: Path):
    out = small_disk / "runs"
    shutil.copytree(whole / "features-digits", out / "features-digits")
    ballast = small_disk / "ballast"
    there = os.statvfs(small_disk)
    ballast.write_bytes(bytes(there.f_bavail * there.f_frsize - free))
    code, said = fitter.fit(out)
    assert code == 1, said
    refused(said, out)
    ballast.unlink()
    code, said = fitter.fit(out, *(["--resume"] if "--resume" in said else []))
    assert code == 0, said
    assert what_was_fitted(out) == what_was_fitted(whole)


UP_TO = """
import resource, sys
from pathlib import Path
from explorer.checkpoint import append, write_bytes
from explorer.errors import CheckpointError

folder = Path(sys.argv[1])
for limit in range(40):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for write in (lambda: write_bytes(folder / "a", b"new" * 10), lambda: append(folder / "b", b"line" * 4 + bytes(1))):
        try:
            write()
            print("written", end=" ")
        except (CheckpointError, OSError) as error:
            print(type(error).__name__, end=" ")
    print(len((folder / "a").read_bytes()), len((folder / "b").read_bytes()), len(list(folder.iterdir())))
    (folder / "a").unlink(), (folder / "b").unlink()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    write_bytes(folder / "a", b"old"), write_bytes(folder / "b", b"old")
"""
"""Writes a file of 30 bytes over one of 3, and 17 bytes behind 3, on a disk with room for 0, 1, 2 ... bytes."""


def test_a_file_is_whole_or_as_it_was_at_every_byte(tmp_path: Path):
    write_bytes(tmp_path / "a", b"old")
    write_bytes(tmp_path / "b", b"old")
    command = [sys.executable, "-c", UP_TO, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    for limit, line in enumerate(done.stdout.splitlines()):
        whole = ("written", "30") if limit >= 30 else ("CheckpointError", "3")
        added = ("written", "20") if limit >= 20 else ("OSError", "3")
        assert line.split() == [whole[0], added[0], whole[1], added[1], "2"], limit


def test_a_line_of_history_that_a_power_cut_halved_is_dropped(tmp_path: Path):
    for epoch in (1, 2):
        append_history(tmp_path, {"epoch": epoch})
    append(tmp_path / HISTORY, b'{"epoch": 3, "tra')
    trim_history(tmp_path, 3)
    assert [line["epoch"] for line in read_history(tmp_path)] == [1, 2]


def test_what_cannot_be_written_for_another_reason_is_not_told_to_make_room(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match="make it writable or choose another --out, then run the same command"):
        write_bytes(tmp_path / "file" / "a", b"")
