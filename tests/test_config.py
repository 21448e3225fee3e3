"""Settings: flags, defaults, refusals, and the round trip through config.json."""

import dataclasses
import json
from typing import Any, get_args

import pytest

from explorer.config import (
    DATASETS,
    FAMILIES,
    PRESETS,
    DataConfig,
    ModelConfig,
    Net,
    RunConfig,
    TrainConfig,
    default_widths,
    field_help,
    from_json,
    resolve,
    to_json,
)
from explorer.errors import CheckpointError, ConfigError


def stored(config: RunConfig) -> dict:
    return json.loads(json.dumps(to_json(config)))


@pytest.mark.parametrize("dataset", DATASETS)
def test_settings_survive_config_json(dataset):
    config = resolve(RunConfig(data=DataConfig(dataset=dataset), twin="other", versions={"torch": "2"}))
    assert from_json(stored(config), "config.json") == config


@pytest.mark.parametrize("cls", [DataConfig, ModelConfig, TrainConfig])
def test_every_setting_explains_itself(cls):
    texts = field_help(cls)
    for field in dataclasses.fields(cls):
        assert texts.get(field.name, "").endswith("."), field.name


OPEN = {"threads", "minutes", "patience", "stream", "compile"}
OPEN |= {"begin_with", "subset", "tested", "nll_samples", "nll_images", "one_split", "channels", "pixel_range", "array"}
"""None is a choice of its own there."""


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_resolved_configuration_leaves_open_only_what_none_means_something_for(dataset):
    config = resolve(RunConfig(data=DataConfig(dataset=dataset)))
    left = OPEN | ({"image_size"} if "image_size" not in DATASETS[dataset]["data"] else set())  # theirs is given
    left |= {"held_out"} if dataset in ("celeba", "folder", "array") else set()  # shares of what is there
    left |= {"calibration"} if dataset in ("folder", "array") else set()
    left |= {"image_size", "widths"} if dataset == "array" else set()  # known when the file is read
    left |= {"set_aside"} if dataset != "celeba" else set()
    for part in (config.data, config.model, config.train):
        for field in dataclasses.fields(part):
            if field.metadata.get("flag", True) and field.name not in left:
                assert getattr(part, field.name) is not None, field.name


def test_the_learning_rate_grows_with_the_square_root_of_the_batch():
    def rate(**train: Any) -> float | None:
        return resolve(RunConfig(train=TrainConfig(**train))).train.lr

    usual = rate()
    assert usual == rate(batch_size=256) == pytest.approx(6e-3)
    assert rate(batch_size=1024) == pytest.approx(2 * 6e-3)
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
        (("data", "reading"), 4, "reading"),
        (("data", "reading"), 0, "reading"),
        (("data", "brightness"), [1.0, 1.0], "brightness"),
        (("data", "brightness"), [0.0, float("nan")], "brightness"),
        (("data", "brightness"), [0.0, 1.0, 2.0], "brightness"),
        (("data", "one_split"), "yes", "one_split"),
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
        lambda: DataConfig(dataset="celeba", image_size=7),
        lambda: DataConfig(dataset="folder", image_size=100_000),
        lambda: DataConfig(dataset="mnist", image_size=32),
        lambda: DataConfig(dataset="digits", grey=True),
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


@pytest.mark.parametrize("side", range(8, 300))
def test_default_widths_end_in_few_pixels(side):
    widths = default_widths(side)
    bottom = -(-side // 2 ** len(widths))
    assert widths and 4 <= bottom <= 7


@pytest.mark.parametrize(
    ("side", "widths"),
    [
        (8, (256,)),
        (16, (128, 256)),
        (28, (128, 256)),
        (32, (64, 128, 256)),
        (48, (64, 128, 256)),
        (64, (32, 64, 128, 256)),
        (96, (32, 64, 128, 256)),
        (128, (16, 32, 64, 128, 256)),
        (256, (8, 16, 32, 64, 128, 256)),
        (512, (16, 32, 64, 128, 256, 256)),
    ],
)
def test_sizes_that_can_be_halved_keep_the_widths_of_the_first_edition(side, widths):
    assert default_widths(side) == widths


@pytest.mark.parametrize("size", [32, 64])
def test_default_decoders_of_colour_images_take_about_30_million_multiplications_at_most(size):
    model = resolve(RunConfig(data=DataConfig(dataset="celeba", image_size=size))).model
    widths, latent_dim, hidden = model.widths, model.latent_dim, model.hidden
    assert widths and latent_dim and hidden == 0
    rising, side = (*reversed(widths), 3), size >> len(widths)
    total = latent_dim * rising[0] * side**2
    for before, after in zip(rising, rising[1:], strict=False):
        side *= 2
        total += side**2 * before * after * 4  # a 4x4 kernel of stride 2 meets each output with 4 of its taps
    assert 5e6 < total < 32e6


@pytest.mark.parametrize("net", [None, "residual"])
@pytest.mark.parametrize("side", [25, 31, 33, 45, 50])
def test_a_size_that_cannot_be_halved_keeps_its_net(side: int, net: Net | None):
    model = resolve(
        RunConfig(data=DataConfig(dataset="folder", image_size=side), model=ModelConfig(net=net, family="hierarchical"))
    ).model
    assert (model.net, model.norm, len(model.widths or ())) == (net or "conv", "batch", 2 if side < 29 else 3)


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("net", [None, *get_args(Net)])
def test_what_is_left_open_goes_with_what_is_given(dataset: str, family: str, net: Net | None):
    widths = (8,) if dataset == "digits" and net not in (None, "mlp") else None
    model = ModelConfig(family=family, net=net, widths=widths)
    settled = resolve(RunConfig(data=DataConfig(dataset=dataset), model=model)).model
    assert settled.norm is not None and settled.hidden is not None
    assert settled.net == (net or settled.net)
    given = ModelConfig(family=family, net=net, widths=widths, norm="none", hidden=17)
    settled = resolve(RunConfig(data=DataConfig(dataset=dataset), model=given)).model
    assert (settled.norm, settled.hidden) == ("none", 17), "what is given is never replaced"


def test_runs_from_before_there_was_a_choice_have_no_norm():
    stored = to_json(resolve(RunConfig(data=DataConfig(dataset="celeba"))))
    assert from_json(stored, "config.json").model.norm == "batch"
    del stored["model"]["norm"]
    assert from_json(stored, "config.json").model.norm == "none"


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_made_of_settings_that_can_be_fitted(name: str, published: bool):
    preset = PRESETS[name]
    settings = {**preset.settings, **(preset.published if published else {})}
    parts: dict[type, dict] = {DataConfig: {}, ModelConfig: {}, TrainConfig: {}}
    for key, value in settings.items():
        (owner,) = [cls for cls in parts if key in {field.name for field in dataclasses.fields(cls)}]
        parts[owner][key] = value
    config = resolve(
        RunConfig(
            data=DataConfig(**parts[DataConfig]),
            model=ModelConfig(**parts[ModelConfig]),
            train=TrainConfig(**parts[TrainConfig]),
        )
    )
    for cls, part in ((DataConfig, config.data), (ModelConfig, config.model), (TrainConfig, config.train)):
        for key, value in parts[cls].items():
            assert getattr(part, key) == value, key
    assert not published or preset.published, "a published form differs from the corrected one"


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("000", lambda sse, rate: sse / (3 * 64 * 64) + 0.00025 * rate),
        ("001", lambda sse, rate: sse + 0.1 * rate),
        ("002", lambda sse, rate: sse / 784 / 0.3081**2 + 0.1 * rate / 5),
    ],
)
def test_a_published_loss_is_the_gaussian_that_the_preset_says_up_to_a_factor(name: str, loss):
    published = {**PRESETS[name].settings, **PRESETS[name].published}
    sigma, beta = float(published["sigma"]), published.get("beta", 1.0)
    ours = [sse / (2 * sigma**2) + beta * rate for sse, rate in ((10.0, 3.0), (50.0, 1.0))]
    theirs = [loss(sse, rate) for sse, rate in ((10.0, 3.0), (50.0, 1.0))]
    assert ours[0] / theirs[0] == pytest.approx(ours[1] / theirs[1], rel=1e-3)
