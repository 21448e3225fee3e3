"""Runs on disk: what is written is read back, damage is named in one sentence, a cut-off replacement loses nothing."""

import dataclasses
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer.checkpoint import (
    CONFIG,
    HISTORY,
    LATENTS,
    METRICS,
    STATE,
    WEIGHTS,
    StoredLatents,
    append_history,
    begin_run,
    can_resume,
    claimed,
    list_runs,
    load_latents,
    partial_folder,
    publish_run,
    read_history,
    read_tensors,
    recover,
    trim_history,
    write_config,
    write_latents,
    write_metrics,
    write_tensors,
    write_weights,
)
from explorer.coder import TorchCoder, shipped_weights
from explorer.config import DataConfig, ModelConfig, RunConfig, resolve
from explorer.data import load_dataset
from explorer.errors import CheckpointError
from explorer.library import load_run
from explorer.models import build_model
from tests.conftest import ROOT
from tests.runs import fitted_model, small_config

NAME = "digits-vae-2"


def config_of(latent_dim: int = 2) -> RunConfig:
    config = resolve(RunConfig(data=DataConfig(dataset="digits"), model=ModelConfig(latent_dim=latent_dim, hidden=8)))
    return dataclasses.replace(config, model=dataclasses.replace(config.model, image_shape=(1, 8, 8), levels=17))


def latents_of(latent_dim: int = 2, count: int = 7) -> StoredLatents:
    rng = np.random.default_rng(0)

    def codes(n: int) -> np.ndarray:
        return rng.standard_normal((n, latent_dim)).astype(np.float32)

    return StoredLatents(
        mean=codes(count),
        log_variance=codes(count),
        draw=codes(count),
        label=np.arange(count) % 3,
        index=np.arange(count),
        distortion=np.ones(count, dtype=np.float32),
        rate=np.ones(count, dtype=np.float32),
        reference=codes(20),
        reference_index=np.arange(20),
        calibration=codes(9),
        calibration_index=np.arange(9),
        gmm_weights=np.ones(1, dtype=np.float32),
        gmm_means=codes(1),
        gmm_covariances=np.eye(latent_dim, dtype=np.float32)[None],
    )


def build(folder: Path, latent_dim: int = 2, marker: str = "new") -> None:
    """Write every part of a run into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    config = config_of(latent_dim)
    torch.manual_seed(0)
    write_config(folder, config)
    write_weights(folder, shipped_weights(build_model(config.model)))
    write_latents(folder, latents_of(latent_dim))
    write_metrics(folder, {"marker": marker})


@pytest.fixture
def run(tmp_path: Path) -> Path:
    build(tmp_path / NAME)
    return tmp_path / NAME


def test_what_is_written_is_read_back(run: Path):
    loaded, expected = load_run(run), latents_of()
    assert loaded.name == NAME and loaded.config == config_of() and loaded.metrics == {"marker": "new"}
    for field in dataclasses.fields(StoredLatents):
        np.testing.assert_array_equal(getattr(loaded.latents, field.name), getattr(expected, field.name))


def test_the_model_that_is_evaluated_is_the_model_that_is_shipped(tmp_path: Path):
    config = config_of()
    torch.manual_seed(3)
    model = build_model(config.model)
    original = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    write_config(tmp_path, config)
    write_weights(tmp_path, shipped_weights(model))
    write_latents(tmp_path, latents_of())
    write_metrics(tmp_path, {})
    z = np.random.default_rng(0).standard_normal((50, 2)).astype(np.float32)
    shipped = load_run(tmp_path).coder.decode(z)
    np.testing.assert_array_equal(shipped, TorchCoder(model).decode(z))
    model.load_state_dict(original)
    assert np.abs(shipped - TorchCoder(model).decode(z)).max() <= 1 / 255
    assert {array.dtype for array in read_tensors(tmp_path / WEIGHTS).values()} == {np.dtype(np.float16)}


def test_weights_stay_in_full_precision_where_rounding_would_show(tmp_path: Path):
    model = build_model(config_of().model)
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.mul_(300)
    original = {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}
    write_weights(tmp_path, shipped_weights(model))
    stored = read_tensors(tmp_path / WEIGHTS)
    for name, tensor in model.state_dict().items():
        assert stored[name].dtype == np.float32
        np.testing.assert_array_equal(stored[name], tensor.numpy())
        np.testing.assert_array_equal(stored[name], original[name])


def far_codes(model: Any) -> None:
    """Codes about 2,000, which a step of the decoder's first layer tells apart: rounding moves the step."""
    layer, last = model.decoder[0].module, model.encoder[-1].module
    last.bias.data[:2] = 2_000.0
    layer.weight.data[:, 0] = 10.0035
    layer.bias.data[:] = -20_000.0


def cancelling_encoder(model: Any) -> None:
    """Codes that are small differences of large weights; the decoder ignores them."""
    last = model.encoder[-1].module
    last.weight.data[:2, ::2], last.weight.data[:2, 1::2] = 1000.1, -1000.1
    model.encoder[3].weight.data[1::2] = model.encoder[3].weight.data[::2] * 1.0001
    model.encoder[3].bias.data[1::2] = model.encoder[3].bias.data[::2]
    model.decoder[0].module.weight.data.zero_()


def huge_weight(model: Any) -> None:
    """A weight of 1e6."""
    model.decoder[0].module.weight.data[0, 0] = 1e6


FRAGILE: dict[str, tuple[Callable[[Any], object], str]] = {
    "a decoder of the run's own codes, far from N(0, 4 I)": (far_codes, "a pixel moves by"),
    "an encoder": (cancelling_encoder, "a code moves by"),
    "a weight beyond its range": (huge_weight, r"1e\+06 is more"),
}
"""Models that half precision harms where only their own images show it, and the words for it."""


@pytest.mark.parametrize("name", FRAGILE)
def test_half_precision_is_judged_by_the_run_s_own_images(name: str):
    spoil, words = FRAGILE[name]
    digits = load_dataset(DataConfig(dataset="digits"))
    model, images = fitted_model(small_config("ae"), digits, 100), digits.images(np.arange(200))
    told: list[str] = []
    assert {each.dtype for each in shipped_weights(model, images, told.append).values()} == {np.dtype(np.float16)}
    assert not told
    spoil(model)
    before = TorchCoder(model).encode(images).mean
    assert {each.dtype for each in shipped_weights(model, images, told.append).values()} == {np.dtype(np.float32)}
    (line,) = told
    assert "float32" in line and re.search(words, line)
    np.testing.assert_array_equal(TorchCoder(model).encode(images).mean, before)


@pytest.mark.parametrize("part", [CONFIG, WEIGHTS, LATENTS, METRICS])
@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "foreign"])
def test_a_damaged_part_is_named_in_one_sentence(run: Path, part: str, damage: str):
    path = run / part
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(
            {"empty": b"", "truncated": content[: len(content) // 2], "foreign": b"\x00 no such file"}[damage]
        )
    with pytest.raises(CheckpointError) as caught:
        load_run(run)
    assert NAME in str(caught.value) and "\n" not in str(caught.value) and "train.py" in str(caught.value)


def test_weights_of_another_model_are_refused(run: Path, tmp_path: Path):
    build(tmp_path / "other", latent_dim=5)
    shutil.copy(tmp_path / "other" / WEIGHTS, run / WEIGHTS)
    with pytest.raises(CheckpointError, match="do not fit"):
        load_run(run)


def test_latents_of_another_dimension_or_with_holes_in_them_are_refused(run: Path):
    arrays = read_tensors(run / LATENTS)
    for name, array, word in (
        ("mean", np.zeros((7, 3), np.float32), "mean"),
        ("draw", np.full((7, 2), np.nan, np.float32), "draw"),
        ("rate", np.zeros(6, np.float32), "rate"),
        ("surprise", np.zeros(1, np.float32), "surprise"),
    ):
        write_tensors(run / LATENTS, {**arrays, name: array})
        with pytest.raises(CheckpointError, match=word):
            load_latents(run)
    write_tensors(run / LATENTS, {name: array for name, array in arrays.items() if name != "reference"})
    with pytest.raises(CheckpointError, match="reference"):
        load_latents(run)


def test_only_runs_are_listed(run: Path):
    for other in (".hidden", ".digits-ae-2.partial", "features-digits", "empty"):
        (run.parent / other).mkdir()
    for other in (".hidden", ".digits-ae-2.partial", "features-digits"):
        shutil.copy(run / CONFIG, run.parent / other / CONFIG)
    assert list_runs(run.parent) == [NAME]
    assert list_runs(run.parent / "nowhere") == []


def test_a_finished_run_is_never_replaced_unless_asked(run: Path):
    with pytest.raises(CheckpointError, match="--overwrite"):
        begin_run(run.parent, NAME)
    assert load_run(run).metrics == {"marker": "new"}


def test_a_replacement_leaves_only_the_new_run(run: Path):
    out = run.parent
    partial = begin_run(out, NAME, overwrite=True)
    assert load_run(run).metrics == {"marker": "new"}, "the old run stands until the new one is complete"
    build(partial, marker="newer")
    (partial / STATE).write_bytes(b"state")
    publish_run(partial, out, NAME)
    assert load_run(run).metrics == {"marker": "newer"}
    assert sorted(path.name for path in out.iterdir()) == [NAME]
    assert not (run / STATE).exists()


@pytest.mark.parametrize("moment", ["before", "between", "after"])
def test_a_replacement_cut_off_at_any_rename_is_settled(run: Path, moment: str):
    out, old, partial = run.parent, run.parent / f".{NAME}.old", partial_folder(run.parent, NAME)
    build(partial, marker="newer")
    if moment == "between":
        run.rename(old)
    elif moment == "after":
        run.rename(old)
        partial.rename(run)
    recover(out)
    assert load_run(run).metrics == {"marker": "new" if moment == "before" else "newer"}
    assert not old.exists()


CUT_OFF = """
import os, signal, sys
from pathlib import Path
from explorer.checkpoint import partial_folder, publish_run

out, name, moment = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
changes = {"os.rename", "os.remove", "os.rmdir"}
seen = []

def hook(event, arguments):
    if event in changes:
        seen.append(event)
        if len(seen) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
publish_run(partial_folder(out, name), out, name)
"""
"""Moves a run into place, and is killed before its n-th change of the folder."""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_process_killed_before_any_change_of_the_folder_leaves_the_old_run_or_the_new_one(run: Path):
    out, partial = run.parent, partial_folder(run.parent, NAME)
    outcomes = []
    for moment in range(1, 100):
        shutil.rmtree(run)
        build(run, marker="new")
        build(partial, marker="newer")
        (partial / STATE).write_bytes(b"state")
        arguments = [sys.executable, "-c", CUT_OFF, str(out), NAME, str(moment)]
        done = subprocess.run(arguments, cwd=ROOT, check=False, timeout=60)
        assert list_runs(out) == [NAME]
        marker = load_run(run).metrics["marker"]
        assert not (out / f".{NAME}.old").exists()
        assert marker == "newer" or can_resume(out, NAME), "what was fitted is not lost"
        outcomes.append(marker)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
    assert outcomes[0] == "new" and outcomes[-1] == "newer" and len(outcomes) > 4


def test_an_incomplete_run_never_takes_the_place_of_a_whole_one(run: Path):
    partial = partial_folder(run.parent, NAME)
    build(partial, marker="newer")
    (partial / METRICS).unlink()  # written last
    run.rename(run.parent / f".{NAME}.old")
    assert list_runs(run.parent) == [NAME]
    assert load_run(run).metrics == {"marker": "new"}


def test_a_first_run_cut_off_before_its_rename_is_put_in_place(tmp_path: Path):
    build(partial_folder(tmp_path, NAME))
    (partial_folder(tmp_path, NAME) / STATE).write_bytes(b"state")
    assert list_runs(tmp_path) == [NAME]
    assert load_run(tmp_path / NAME).metrics == {"marker": "new"}
    list_runs(tmp_path)
    assert not (tmp_path / NAME / STATE).exists()


def test_a_rename_that_fails_leaves_a_fit_to_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    partial = begin_run(tmp_path, NAME)
    build(partial)
    (partial / STATE).write_bytes(b"state")

    def refused(self: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refused)
        with pytest.raises(CheckpointError, match="Permission denied.*--resume"):
            publish_run(partial, tmp_path, NAME)
    assert can_resume(tmp_path, NAME)


def test_an_interrupted_fit_is_never_thrown_away_silently(tmp_path: Path):
    partial = begin_run(tmp_path, NAME)
    (partial / STATE).write_bytes(b"state")
    with pytest.raises(CheckpointError, match="--resume.*--overwrite"):
        begin_run(tmp_path, NAME)
    assert can_resume(tmp_path, NAME)
    assert begin_run(tmp_path, NAME, resume=True) == partial and can_resume(tmp_path, NAME)
    assert begin_run(tmp_path, NAME, overwrite=True) == partial and not can_resume(tmp_path, NAME)


def test_two_fits_of_one_run_do_not_share_its_folder(tmp_path: Path):
    partial = begin_run(tmp_path, NAME)
    with claimed(partial):
        for _ in range(2):  # who was refused must not open the door to the next
            with pytest.raises(CheckpointError, match="another process.*--tag"):
                begin_run(tmp_path, NAME, overwrite=True)
    assert begin_run(tmp_path, NAME, overwrite=True) == partial
    assert not list(partial.iterdir())


def test_a_disk_without_locks_is_fitted_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("explorer.checkpoint.try_lock", lambda file: None)
    assert begin_run(tmp_path, NAME) == partial_folder(tmp_path, NAME)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "x" * 200])
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


def test_a_resumed_fit_writes_each_epoch_once(tmp_path: Path):
    for epoch in range(1, 6):
        append_history(tmp_path, {"epoch": epoch})
    trim_history(tmp_path, 3)
    append_history(tmp_path, {"epoch": 4})
    assert [line["epoch"] for line in read_history(tmp_path)] == [1, 2, 3, 4]
    assert len((tmp_path / HISTORY).read_text().splitlines()) == 4


def test_config_json_holds_no_absolute_path_and_the_key_of_the_twins(run: Path):
    content = (run / CONFIG).read_text()
    assert str(run.parent) not in content
    assert json.loads(content)["key"] == config_of().key
