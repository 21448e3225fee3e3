"""Settings: flags, defaults, refusals, and the round trip through config.json."""

import dataclasses
import json
from typing import Any

import pytest

from explorer.config import (
    DataConfig,
    ModelConfig,
    RunConfig,
    TrainConfig,
    field_help,
    from_json,
    resolve,
    to_json,
)
from explorer.errors import CheckpointError, ConfigError


def stored(config: RunConfig) -> dict:
    return json.loads(json.dumps(to_json(config)))


@pytest.mark.parametrize("dataset", ["mnist", "digits"])
def test_settings_survive_config_json(dataset):
    config = resolve(RunConfig(data=DataConfig(dataset=dataset), twin="other", versions={"torch": "2"}))
    assert from_json(stored(config), "config.json") == config


@pytest.mark.parametrize("cls", [DataConfig, ModelConfig, TrainConfig])
def test_every_setting_explains_itself(cls):
    texts = field_help(cls)
    for field in dataclasses.fields(cls):
        assert texts.get(field.name, "").endswith("."), field.name


OPEN = {"threads", "patience", "stream", "compile"}
"""None is a choice of its own there."""


@pytest.mark.parametrize("dataset", ["mnist", "digits"])
def test_a_resolved_configuration_leaves_open_only_what_none_means_something_for(dataset):
    config = resolve(RunConfig(data=DataConfig(dataset=dataset)))
    for part in (config.data, config.model, config.train):
        for field in dataclasses.fields(part):
            if field.metadata.get("flag", True) and field.name not in OPEN:
                assert getattr(part, field.name) is not None, field.name


def test_the_learning_rate_grows_with_the_square_root_of_the_batch():
    def rate(**train: Any) -> float | None:
        return resolve(RunConfig(train=TrainConfig(**train))).train.lr

    usual = rate()
    assert usual == rate(batch_size=256) == pytest.approx(2e-3)
    assert rate(batch_size=1024) == pytest.approx(2 * 2e-3)
    assert rate(batch_size=1024, lr=1e-3) == 1e-3, "what is asked for is taken as it is"


def test_where_a_run_was_fitted_is_not_what_was_fitted():
    config = resolve(RunConfig())
    for name, value in {"device": "cpu", "threads": 3, "stream": True, "compile": True, "precision": "fp32"}.items():
        elsewhere = dataclasses.replace(config, train=dataclasses.replace(config.train, **{name: value}))
        assert elsewhere.key == config.key, name


def test_twins_share_their_key_and_other_settings_do_not():
    config = resolve(RunConfig())
    twin = dataclasses.replace(config, model=dataclasses.replace(config.model, family="ae"))
    rung = dataclasses.replace(config, train=dataclasses.replace(config.train, beta=4.0))
    other = dataclasses.replace(config, train=dataclasses.replace(config.train, epochs=7))
    assert config.key == twin.key == rung.key != other.key


def test_a_run_is_named_after_data_family_and_latent_dimension():
    config = RunConfig(data=DataConfig(dataset="digits"), model=ModelConfig(latent_dim=2), tag="beta0.3")
    assert resolve(config).name == "digits-vae-2-beta0.3"


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        (("surprise",), 1, "surprise"),
        (("train", "surprise"), 1, "surprise"),
        (("format",), 2, "format"),
        (("format",), True, "format"),
        (("model", "latent_dim"), 0, "latent_dim"),
        (("model", "latent_dim"), "2", "latent_dim"),
        (("model", "family"), "gan", "family"),
        (("train", "lr"), float("nan"), "lr"),
        (("model",), 3, "model"),
        (("model", "widths"), [32, 0], "widths"),
        (("model", "image_shape"), [1, 28], "image_shape"),
        (("model", "image_shape"), [1, 28, 0], "image_shape"),
        (("model", "levels"), 1, "levels"),
    ],
)
def test_a_foreign_config_is_refused_with_its_name(path, value, word):
    content = stored(resolve(RunConfig()))
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(CheckpointError, match=f"(?s)some/config.json.*{word}"):
        from_json(content, "some/config.json")


def test_a_missing_key_means_its_default():
    content = stored(resolve(RunConfig()))
    del content["train"]["warmup"]
    assert from_json(content, "config.json").train.warmup == TrainConfig().warmup


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ModelConfig(latent_dim=0),
        lambda: ModelConfig(sigma="-1"),
        lambda: ModelConfig(sigma="wide"),
        lambda: TrainConfig(epochs=0),
        lambda: TrainConfig(beta=-0.1),
        lambda: TrainConfig(beta=float("nan")),
        lambda: TrainConfig(warmup_share=1.5),
        lambda: DataConfig(calibration=0),
    ],
)
def test_a_value_out_of_range_is_refused(wrong):
    with pytest.raises(ConfigError, match="must"):
        wrong()


def test_beta_zero_is_allowed():
    assert TrainConfig(beta=0).beta == 0


def test_binary_targets_need_a_bernoulli_likelihood():
    with pytest.raises(ConfigError, match="--no-binarise"):
        resolve(RunConfig(model=ModelConfig(likelihood="gaussian"), train=TrainConfig(binarise=True)))
    assert resolve(RunConfig(model=ModelConfig(likelihood="gaussian"))).train.binarise is False
