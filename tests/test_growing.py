"""Runs that are being fitted: read where train.py builds them, and nothing is written by looking."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from explorer.errors import NotFoundError
from explorer.library import Library
from explorer.library.growing import growing_runs, growing_sheet
from explorer.staging import MARK, TEXT, partial_folder
from explorer.views.growing import growing


@pytest.fixture
def fitting(twin_runs: Path, tmp_path: Path) -> Path:
    """A folder of runs in which digits-vae-2 is being fitted: two epochs, and a sheet after the second."""
    out = tmp_path / "runs"
    out.mkdir()
    partial = partial_folder(out, "digits-vae-2")
    shutil.copytree(twin_runs / "digits-vae-2", partial)
    (partial / MARK).write_bytes(TEXT)
    for part in ("model.safetensors", "latents.safetensors", "metrics.json"):
        (partial / part).unlink()
    lines = [
        {
            "epoch": epoch,
            "beta": 1.0,
            "train": {"distortion": 9, "rate": 1},
            "validation": {"distortion": 30 / epoch, "rate": 2},
        }
        for epoch in (1, 2)
    ]
    (partial / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"epoch": 3, "tr')
    return out


def everything(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*"))


def test_a_run_that_is_being_fitted_tells_its_losses_and_newest_sheet_and_looking_writes_nothing(fitting):
    before = everything(fitting)
    (told,) = growing(Library(fitting))
    assert everything(fitting) == before
    assert told["name"] == "digits-vae-2"
    assert told["epoch"] == 2, "half a line is no epoch"
    assert told["distortion"] == [30.0, 15.0]
    assert told["rate"] == [2.0, 2.0]
    assert told["is_still"] is False
    assert told["side"] == "vae"
    sheet = told["sheet"]
    assert growing_sheet(fitting, "digits-vae-2", sheet)[:4] in (b"\x89PNG", b"RIFF")


def test_a_fit_that_ends_before_its_sheet_is_asked_for_still_gives_it(fitting, twin_runs):
    (told,) = growing(Library(fitting))
    shown = growing_sheet(fitting, "digits-vae-2", told["sheet"])
    partial = partial_folder(fitting, "digits-vae-2")
    for part in ("metrics.json", "model.safetensors", "latents.safetensors"):
        shutil.copy(twin_runs / "digits-vae-2" / part, partial / part)
    (partial / MARK).unlink()
    partial.rename(fitting / "digits-vae-2")
    assert growing_runs(fitting) == []
    assert growing_sheet(fitting, "digits-vae-2", told["sheet"]) == shown
    with pytest.raises(NotFoundError):
        growing_sheet(fitting, "digits-vae-2", 999)


def test_it_is_no_run_before_it_is_finished(fitting):
    assert Library(fitting).names() == []


def test_what_train_did_not_mark_is_not_taken_for_a_fit(fitting):
    (partial_folder(fitting, "digits-vae-2") / MARK).unlink()
    assert growing_runs(fitting) == []
    assert growing_runs(None) == []
    assert growing_runs(fitting / "nowhere") == []


def test_a_fit_that_was_stopped_long_ago_says_so(fitting):
    partial = partial_folder(fitting, "digits-vae-2")
    long_ago = time.time() - 3600
    for part in ("config.json", "history.jsonl"):
        os.utime(partial / part, (long_ago, long_ago))
    assert growing(Library(fitting))[0]["is_still"] is True


@pytest.mark.parametrize("name", ["digits-vae-9", "../digits-vae-2", "", "x/y"])
def test_a_sheet_of_no_fit_is_refused(fitting, name):
    with pytest.raises(NotFoundError):
        growing_sheet(fitting, name, 1)
