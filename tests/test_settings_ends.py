"""Every setting at its smallest and largest value: it works to the end, or is refused before the first step."""

import dataclasses
import math
import typing
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.config import (
    CHOSEN_SETTINGS,
    CYCLED,
    RANGES,
    SIGMAS,
    DataConfig,
    ModelConfig,
    RunConfig,
    TrainConfig,
    from_json,
    resolve,
    to_json,
)
from explorer.config.limits import allowed_types, hints_of, words_of
from explorer.data import load_dataset, split
from explorer.errors import CheckpointError, ConfigError, TrainingError
from explorer.training import fit as fitting
from explorer.training.fit import Fit
from tests.conftest import ROOT
from tests.fitters import Fitter

PARTS: tuple[Any, ...] = (DataConfig, ModelConfig, TrainConfig)


def numbers() -> list[tuple[type, str]]:
    """Every setting that is a number or several, with its part of the configuration."""
    found = []
    for part in PARTS:
        hints = typing.get_type_hints(part)
        for each in dataclasses.fields(part):
            kinds = {hints[each.name], *typing.get_args(hints[each.name])}
            if each.metadata.get("flag", True) and kinds & {int, float, tuple[int, ...]}:
                found.append((part, each.name))
    return found


def with_value(part: Any, name: str, value: Any) -> Any:
    """A part of the configuration with one setting, and what that setting cannot be without."""
    is_several = typing.get_type_hints(part)[name] == tuple[int, ...] | None
    settings: dict[str, Any] = {name: (value,) if is_several else value}
    return part(**settings | ({"dataset": "celeba"} if part is DataConfig else {}))


@pytest.mark.parametrize(("part", "name"), numbers(), ids=lambda each: each if isinstance(each, str) else "")
def test_every_number_has_a_range_whose_ends_are_allowed_and_beyond_which_nothing_is(part: type, name: str):
    least, most = RANGES[name]
    kind = float if isinstance(most, float) or isinstance(least, float) else int
    for value in (least, most):
        with_value(part, name, value)
    beyond = [least - 1, most + 1, 10**30, math.inf, -math.inf, math.nan] + ([2 * most] if kind is float else [])
    for value in beyond:
        with pytest.raises(ConfigError, match=f"{name} must be at (least|most)") as caught:
            with_value(part, name, value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sigma", ["0", "-1", "inf", "nan", "wide", f"{SIGMAS[0] / 2}", f"{SIGMAS[1] * 2}"])
def test_a_sigma_that_float32_cannot_square_is_refused(sigma: str):
    with pytest.raises(ConfigError, match="sigma must be"):
        ModelConfig(sigma=sigma)


@pytest.mark.parametrize("momentum", ["-0.1", "1", "inf", "nan", "fast", ""])
def test_a_momentum_out_of_range_is_refused(momentum: str):
    with pytest.raises(ConfigError, match="momentum must be"):
        TrainConfig(momentum=momentum)


MOST = "2147483647"
SMALL = ["--subset", "60"]

ENDS = {
    "smallest": (
        "--latent-dim 1 --hidden 1 --subset 12 --tested 6 --reference 6 --held-out 2 --calibration 19 --nll-samples 1 "
        "--nll-images 1 --batch-size 1 --warmup-share 0 --beta 0 --lr 1e-12 --weight-decay 0 --momentum 0 --seed 0 "
        "--split-seed 0 --patience 1 --save-every 1"
    ),
    "largest": (
        f"--seed 4294967295 --split-seed 4294967295 --save-every {MOST} --patience {MOST} --nll-images {MOST} "
        f"--reference {MOST} --tested {MOST} --warmup cyclical --warmup-cycles {MOST} --warmup-share 1 --beta 1e6 "
        "--free-bits 100 --momentum 0.999 --average-epochs 1 --epochs 1"
    ),
    "one epoch of everything": "--epochs 1 --batch-size 60",
    "many draws": "--samples 1000 --objective iwae --batch-size 4 --subset 12",
    "hierarchical": "--family hierarchical --latent-dim 3 --stochastic-levels 3",
    "denoising": "--family denoising --corruption-level 1000",
    "masking": "--family denoising --corruption masking --corruption-level 0.999999",
    "sparse": "--family sparse --sparsity kl --sparsity-target 1e-6 --sparsity-weight 1e6",
    "contractive": "--family contractive --contraction-weight 1e6",
    "wide": f"--likelihood gaussian --sigma {SIGMAS[1]}",
    "narrow": f"--likelihood gaussian --sigma {SIGMAS[0]}",
}
"""Settings at their ends, as many together as there can be."""


@pytest.mark.parametrize("name", ENDS)
def test_settings_at_their_ends_work_to_the_end_or_diverge_in_one_sentence(name: str, fitter: Fitter, tmp_path: Path):
    code, said = fitter.fit(tmp_path, *SMALL, *ENDS[name].split(), "--epochs", "1")
    told = [line for line in said.splitlines() if line.startswith("train.py: ")]
    assert "Traceback" not in said, said
    assert code == 0 or (code == 1 and len(told) == 1 and "--lr" in told[0]), said


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--batch-size 101", "batch_size must be at most the 100 images"),
        ("--held-out 1", "held_out must be at least 2"),
        ("--reference 2", "reference must be at least 6"),
        ("--tested 5", "tested must be at least 6"),
        ("--seed 4294967296", "seed must be at most 4294967295"),
        ("--split-seed -1", "split_seed must be at least 0"),
        ("--beta inf", "beta must be at most 1000000"),
        ("--average-epochs 4", "average_epochs must be at most the 3 epochs"),
        ("--momentum cycled --schedule cosine", "momentum must be a number with --schedule cosine"),
        ("--hidden 8193", "hidden must be at most 8192"),
    ],
)
def test_what_a_fit_would_fail_at_later_is_refused_before_its_first_step(
    flags: str, words: str, fitter: Fitter, tmp_path: Path
):
    code, said = fitter.fit(tmp_path / "out", *flags.split())
    assert code == 1 and words in said and "Traceback" not in said and "steps on" not in said, said
    assert not list(tmp_path.rglob("*.partial"))


def test_a_batch_is_all_images_where_the_usual_one_has_more_and_that_is_said(fitter: Fitter, tmp_path: Path):
    code, said = fitter.fit(tmp_path, "--subset", "16", "--epochs", "1")
    assert code == 0 and "every step takes all 16 images" in said, said
    from explorer.checkpoint import read_config

    train = read_config(tmp_path / "digits-vae-2").train
    assert train.batch_size == 16 and train.lr == pytest.approx(2e-3 / 2)


# --- settings that would do nothing -------------------------------------------------------------------------------


def resolved(**settings: Any) -> RunConfig:
    model = {name: value for name, value in settings.items() if name in ModelConfig.__dataclass_fields__}
    train = {name: value for name, value in settings.items() if name in TrainConfig.__dataclass_fields__}
    return resolve(RunConfig(data=DataConfig(dataset="digits"), model=ModelConfig(**model), train=TrainConfig(**train)))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"warmup_cycles": 5}, "warmup_cycles means nothing with --warmup linear.*--warmup cyclical"),
        ({"warmup_share": 0.5, "warmup": "none"}, "warmup_share means nothing with --warmup none"),
        ({"sparsity_target": 0.1, "family": "sparse"}, "sparsity_target means nothing with --sparsity l1"),
        ({"sigma": "0.1"}, "sigma means nothing with --likelihood bernoulli"),
        ({"widths": (8,)}, "widths means nothing with --net mlp.*--net conv or residual"),
        ({"beta": 2.0, "family": "ae"}, "beta = 2.0 needs a posterior with a width"),
    ],
    ids=str,
)
def test_a_setting_that_would_do_nothing_is_refused(settings: dict[str, Any], words: str):
    with pytest.raises(ConfigError, match=words) as caught:
        resolved(**settings)
    assert "\n" not in str(caught.value)


def test_the_table_of_chosen_settings_names_settings_and_their_values():
    for name, (other, values) in CHOSEN_SETTINGS.items():
        (part,) = [part for part in (ModelConfig, TrainConfig) if other in part.__dataclass_fields__]
        choices = {word for option in allowed_types(hints_of(part)[other]) for word in words_of(option)}
        assert values <= choices and name in {**ModelConfig.__dataclass_fields__, **TrainConfig.__dataclass_fields__}


# --- momentum and memory ------------------------------------------------------------------------------------------


def fit_of(folder: Path, **settings: Any) -> Fit:
    config = resolved(hidden=8, latent_dim=2, epochs=2, batch_size=128, **settings)
    images = load_dataset(config.data)
    model = dataclasses.replace(config.model, image_shape=(1, 8, 8), levels=17)
    return Fit(
        dataclasses.replace(config, model=model),
        images.pixels,
        split(images, config.data),
        device=torch.device("cpu"),
        precision=torch.float32,
        folder=folder,
    )


def momenta(fit: Fit) -> list[float]:
    """AdamW's first beta in every step of the first epoch."""
    seen = []
    for pixels in fit.epoch_batches():
        seen.append(fit.optimizer.param_groups[0]["betas"][0])
        fit._step(pixels)
    return seen


@pytest.mark.parametrize("schedule", ["onecycle", "cosine", "exponential", "constant"])
def test_the_momentum_that_is_asked_for_is_held_under_every_schedule(schedule: str, tmp_path: Path):
    assert set(momenta(fit_of(tmp_path, momentum="0.5", schedule=schedule))) == {0.5}


def test_the_usual_momentum_is_cycled_with_one_cycle_alone_and_stored_so(tmp_path: Path):
    fit = fit_of(tmp_path)
    assert fit.config.train.momentum == CYCLED
    seen = momenta(fit)
    assert max(seen) == pytest.approx(0.95) and min(seen) == pytest.approx(0.85, abs=0.01)
    assert resolved(schedule="cosine").train.momentum == "0.9"


@pytest.mark.parametrize(
    ("stored", "schedule", "used"),
    [(0.9, "onecycle", CYCLED), (0.5, "onecycle", CYCLED), (0.5, "constant", "0.5"), (None, "onecycle", CYCLED)],
)
def test_a_run_of_before_is_told_with_the_momentum_that_was_used(stored: float | None, schedule: str, used: str):
    content = to_json(resolved(schedule=schedule))
    content["train"]["momentum"] = stored
    if stored is None:
        del content["train"]["momentum"]
    config = from_json(content, "config.json")
    assert config.train.momentum == used
    assert config.key == resolved(schedule=schedule, momentum=used).key


def test_a_momentum_of_another_kind_in_a_file_is_refused():
    content = to_json(resolved())
    for wrong in ([0.9], True, "fast", {}):
        content["train"]["momentum"] = wrong
        with pytest.raises(CheckpointError, match="momentum"):
            from_json(content, "config.json")


def test_every_run_that_ships_is_told_with_its_momentum_and_shares_its_key_with_its_twin():
    from explorer.checkpoint import list_runs, read_config

    configs = {name: read_config(ROOT / "checkpoints" / name) for name in list_runs(ROOT / "checkpoints")}
    for name, config in configs.items():
        assert config.train.momentum == (CYCLED if config.train.schedule == "onecycle" else "0.9"), name
        assert config.twin is None or config.key == configs[config.twin].key, name


def test_a_model_that_the_device_has_no_memory_for_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fitting, "memory", lambda device: 1000.0)
    with pytest.raises(ConfigError, match=r"the model has [\d,]+ weights.*--latent-dim, --hidden or --widths"):
        fit_of(tmp_path)


def test_a_step_that_there_is_no_memory_for_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fit = fit_of(tmp_path)

    def step(pixels: torch.Tensor) -> torch.Tensor:
        return torch.empty(2**46)

    monkeypatch.setattr(fit, "_step", step)
    with pytest.raises(TrainingError, match="no memory for a step of 128 images.*--batch-size"):
        fit.run(lambda *_: None, quiet=True)
