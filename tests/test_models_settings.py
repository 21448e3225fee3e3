"""Settings of families and objectives: what does not fit together is refused in one sentence."""

import dataclasses
from typing import Any

import pytest

from explorer.config import (
    FAMILIES,
    OWN_SETTINGS,
    VARIATIONAL_SETTINGS,
    DataConfig,
    ModelConfig,
    RunConfig,
    TrainConfig,
    has_prior,
    resolve,
)
from explorer.errors import ConfigError
from explorer.models import model_class

MODEL_FIELDS = {field.name for field in dataclasses.fields(ModelConfig)}


def resolved(**settings: Any) -> RunConfig:
    model = {name: value for name, value in settings.items() if name in MODEL_FIELDS}
    train = {name: value for name, value in settings.items() if name not in MODEL_FIELDS}
    return resolve(RunConfig(data=DataConfig(dataset="digits"), model=ModelConfig(**model), train=TrainConfig(**train)))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"family": "ae", "objective": "iwae", "samples": 5}, "objective = iwae.*family ae.*--family vae"),
        ({"family": "denoising", "samples": 2}, "samples = 2.*point"),
        ({"family": "sparse", "free_bits": 0.1}, "free_bits.*point"),
        ({"family": "contractive", "gradient": "score"}, "gradient = score.*point"),
        ({"objective": "iwae"}, "--samples 2"),
        ({"objective": "iwae", "samples": 3, "free_bits": 0.1}, "free_bits"),
        ({"objective": "iwae", "samples": 3, "gradient": "none"}, "gradient"),
        ({"gradient": "score", "free_bits": 0.1}, "free_bits"),
        ({"corruption": "masking"}, "corruption.*--family denoising.*vae"),
        ({"family": "sparse", "corruption_level": 0.1}, "corruption_level.*--family denoising"),
        ({"sparsity_weight": 2.0}, "sparsity_weight.*--family sparse"),
        ({"contraction_weight": 2.0}, "--family contractive"),
        ({"stochastic_levels": 3}, "--family hierarchical"),
        ({"norm": "batch"}, "norm batch.*--net mlp"),
        ({"norm": "batch", "net": "conv", "widths": (4,), "family": "contractive"}, "norm batch.*contractive"),
        ({"norm": "batch", "net": "conv", "widths": (4,), "gradient": "score"}, "norm batch.*score"),
        ({"likelihood": "categorical", "binarise": True}, "--no-binarise"),
        ({"family": "hierarchical", "latent_dim": 1}, "stochastic_levels"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit_are_refused_in_one_sentence(settings, words):
    with pytest.raises(ConfigError, match=f"(?s){words}") as caught:
        resolved(**settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sparsity_target": 1.0},
        {"sparsity_target": 0.0},
        {"sparsity_weight": -1.0},
        {"contraction_weight": float("nan")},
        {"corruption_level": -0.1},
        {"corruption": "masking", "corruption_level": 1.0},
        {"sigma": "0"},
        {"samples": 0},
        {"free_bits": -1.0},
        {"warmup_cycles": 0},
    ],
    ids=str,
)
def test_a_value_out_of_range_is_refused(wrong):
    with pytest.raises(ConfigError, match="must"):
        resolved(**wrong)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_sensible_run_without_further_settings(family: str):
    config = resolved(family=family)
    assert config.model.has_prior == (has_prior(family))
    assert sum(config.model.level_sizes) == config.model.latent_dim


def test_the_table_of_variational_settings_holds_their_defaults():
    defaults = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    assert {name: defaults[name] for name in VARIATIONAL_SETTINGS} == dict(VARIATIONAL_SETTINGS)
    assert len({model_class(family) for family in FAMILIES}) == len(FAMILIES)
    assert OWN_SETTINGS.keys() <= MODEL_FIELDS and set(OWN_SETTINGS.values()) <= FAMILIES.keys()


def test_an_autoencoder_may_carry_the_objective_of_its_twin():
    """Twins share every setting but the family; only what somebody asks for is refused."""
    vae = resolved(objective="iwae", samples=4)
    twin = dataclasses.replace(vae, model=dataclasses.replace(vae.model, family="ae"))
    assert twin.key == vae.key


@pytest.mark.parametrize("likelihood", ["gaussian", "categorical"])
def test_only_a_bernoulli_run_binarises_by_default(likelihood):
    assert resolved(likelihood=likelihood).train.binarise is False
