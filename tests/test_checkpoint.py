"""Runs on disk: what is written is read back, and damage is named in one sentence."""

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as arrays_of
from numpy.typing import NDArray

from explorer.checkpoint import (
    CONFIG,
    HISTORY,
    LATENTS,
    METRICS,
    WEIGHTS,
    StoredLatents,
    append_history,
    load_latents,
    read_history,
    read_tensors,
    trim_history,
    write_config,
    write_json,
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
from explorer.training.evaluate import MOST_ROUNDING, in_half
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


@pytest.mark.parametrize("far", [0, 2**31])
def test_whole_numbers_take_four_bytes_where_these_hold_them(run: Path, far: int):
    latents = latents_of()
    write_latents(run, dataclasses.replace(latents, index=latents.index + far))
    stored, loaded = read_tensors(run / LATENTS), load_latents(run)
    assert [stored[name].dtype for name in ("label", "index")] == [np.int32, np.int64 if far else np.int32]
    np.testing.assert_array_equal(loaded.index, latents.index + far)
    np.testing.assert_array_equal(loaded.label, latents.label)  # pyright: ignore[reportArgumentType]
    assert loaded.index.dtype == np.int64


@pytest.mark.parametrize(("far", "kind"), [(0.0, np.float16), (1e-6, np.float32), (1e5, np.float32)])
def test_codes_take_two_bytes_where_these_hold_every_one_as_it_is(run: Path, far: float, kind: type):
    latents = latents_of()
    codes = in_half(latents.reference)
    codes[0, 0] = far
    write_latents(run, dataclasses.replace(latents, reference=codes))
    loaded = load_latents(run).reference
    assert read_tensors(run / LATENTS)["reference"].dtype == kind and loaded.dtype == np.float32
    np.testing.assert_array_equal(loaded, codes)


@given(arrays_of(np.float32, (5, 2), elements=st.floats(-1e6, 1e6, width=32)))
def test_half_precision_moves_no_code_by_much_of_its_spread_or_none_at_all(codes: NDArray[np.float32]):
    short = in_half(codes)
    moved = np.abs(short - codes).max(axis=0)
    assert (moved <= MOST_ROUNDING * codes.std(axis=0)).all()
    np.testing.assert_array_equal(in_half(short), short)


@pytest.mark.parametrize(
    ("mean", "spread", "is_kept"), [(0, 1, False), (3, 10, False), (20, 0.02, True), (0, 1e-8, True)]
)
def test_narrow_codes_and_codes_far_from_0_stay_as_they_are(mean: float, spread: float, is_kept: bool):
    codes = (mean + spread * np.random.default_rng(0).standard_normal((200, 3))).astype(np.float32)
    assert np.array_equal(in_half(codes), codes) == is_kept


def test_an_autoencoder_stores_its_codes_once_and_a_vae_its_draws_too(run: Path):
    latents = latents_of()
    write_latents(run, dataclasses.replace(latents, log_variance=None, draw=latents.mean))
    assert "draw" not in read_tensors(run / LATENTS)
    np.testing.assert_array_equal(load_latents(run).draw, latents.mean)
    write_latents(run, latents)
    arrays = read_tensors(run / LATENTS)
    write_tensors(run / LATENTS, {name: array for name, array in arrays.items() if name != "draw"})
    with pytest.raises(CheckpointError, match="lacks 'draw'"):
        load_latents(run)


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


def test_a_list_of_numbers_stands_on_one_line_and_no_text_is_touched(tmp_path: Path):
    content = {"a": [1, 2.5, -3e-5], "b": [[1, 2], []], "c": ["[\n 1,\n 2\n]", "x"], "d": {"e": [{"f": [True, None]}]}}
    write_json(tmp_path / "x.json", content)
    text = (tmp_path / "x.json").read_text()
    assert json.loads(text) == content and "[ 1, 2.5, -3e-05 ]" in text


def far_codes(model: Any) -> None:
    """Codes about 2,000, which a step of the decoder's first layer tells apart: rounding moves the step."""
    layer, last = model.decoder[0].module, model.encoder[-1].module
    last.bias.data[:2] = 2_000.0
    last.weight.data[:2] *= 0.1  # all of them near the step
    layer.weight.data[:, 0], layer.weight.data[:, 1] = 10.0035, 0.0
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


FRAGILE: dict[str, tuple[Callable[[Any], object], str, set[str]]] = {
    "a decoder of the run's own codes, far from N(0, 4 I)": (far_codes, "a pixel moves by", {"float16", "float32"}),
    "an encoder": (cancelling_encoder, "a code moves by", {"float32"}),
    "a weight beyond its range": (huge_weight, r"1e\+06 is more", {"float16", "float32"}),
}
"""Models that half precision harms where only their own images show it, the words for it, and how they are stored."""


@pytest.mark.parametrize("name", FRAGILE)
def test_half_precision_is_judged_by_the_run_s_own_images(name: str):
    spoil, words, kinds = FRAGILE[name]
    digits = load_dataset(DataConfig(dataset="digits"))
    model, images = fitted_model(small_config("ae"), digits, 100), digits.images(np.arange(200))
    told: list[str] = []
    assert {each.dtype for each in shipped_weights(model, images, told.append).values()} == {np.dtype(np.float16)}
    assert not told
    spoil(model)
    before = TorchCoder(model).encode(images).mean
    weights = shipped_weights(model, images, told.append)
    assert {str(each.dtype) for each in weights.values()} == kinds
    (line,) = told
    assert "float32" in line and re.search(words, line)
    shift = np.sqrt(np.square(TorchCoder(model).encode(images).mean - before).mean(axis=0))
    assert (shift <= (0 if kinds == {"float32"} else 2e-3) * before.std(axis=0)).all()
    assert all(np.array_equal(model.state_dict()[name], each) for name, each in weights.items()), "as it is shipped"


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
