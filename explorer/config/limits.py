"""Between which values a setting may lie: beyond them a fit fails, or its evaluation does."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from explorer.errors import ConfigError

MOST_COUNT = 2**31 - 1
"""Largest count that any library here takes."""

MOST_SEED = 2**32 - 1
"""Largest seed that scikit-learn takes."""

MOST_SIDE = 1024
"""Largest side of an image that may be asked for, in pixels."""

FEWEST_TESTED = 6
"""Test images; fewer do not have five neighbours each, which coverage is measured with."""

RANGES: Mapping[str, tuple[float, float]] = {
    "image_size": (8, MOST_SIDE),
    "held_out": (2, MOST_COUNT),
    "calibration": (1, MOST_COUNT),
    "set_aside": (0, MOST_COUNT),
    "reference": (FEWEST_TESTED, MOST_COUNT),
    "subset": (1, MOST_COUNT),
    "tested": (FEWEST_TESTED, MOST_COUNT),
    "split_seed": (0, MOST_SEED),
    "latent_dim": (1, 4096),
    "stochastic_levels": (2, 64),
    "corruption_level": (0, 1e3),
    "sparsity_weight": (0, 1e6),
    "sparsity_target": (1e-6, 1 - 1e-6),
    "contraction_weight": (0, 1e6),
    "widths": (1, 4096),
    "hidden": (0, 8192),
    "beta": (0, 1e6),
    "warmup_share": (0, 1),
    "warmup_cycles": (1, MOST_COUNT),
    "samples": (1, 10_000),
    "free_bits": (0, 100),
    "feature_loss": (0, 1e6),
    "epochs": (1, MOST_COUNT),
    "minutes": (0.01, 1e6),
    "batch_size": (1, MOST_COUNT),
    "lr": (1e-12, 1e12),
    "weight_decay": (0, 1e6),
    "seed": (0, MOST_SEED),
    "threads": (1, 1024),
    "save_every": (1, MOST_COUNT),
    "patience": (1, MOST_COUNT),
    "average_epochs": (0, 1e6),
    "nll_samples": (1, 100_000),
    "nll_images": (1, MOST_COUNT),
}
"""Smallest and largest value of every setting that is a number: beyond them a fit fails, or its evaluation does."""

SIGMAS = (1e-4, 1e4)
"""Smallest and largest standard deviation of a Gaussian likelihood, in units of pixels in [0, 1]."""

FEWEST_CALIBRATION = 19
"""Images of set C: with fewer no conformal p-value is as low as 0.05, and nothing could be called a hole."""


@dataclass(frozen=True, slots=True, eq=False)
class OneOf:
    """Marks a setting that is one of the names of a table: `Annotated[str, OneOf(FAMILIES)]`."""

    table: Mapping[str, Any]


def words_of(option: Any) -> tuple[str, ...]:
    """The words that one of `allowed_types` allows: those of a Literal or a table; none of any other."""
    if get_origin(option) is Literal:
        return get_args(option)
    if get_origin(option) is Annotated:
        return tuple(option.__metadata__[0].table)
    return ()


def hints_of(cls: type) -> dict[str, Any]:
    """The type of every setting of a config dataclass, tables included."""
    return typing.get_type_hints(cls, include_extras=True)


def allowed_types(hint: Any) -> tuple[Any, ...]:
    """The types that a hint allows, None among them: `int | None` allows two, `int` one."""
    return get_args(hint) if get_origin(hint) in (types.UnionType, typing.Union) else (hint,)


def check_choices(config: Any) -> None:
    """Refuse a word that is none of the words of its setting."""
    for name, hint in hints_of(type(config)).items():
        choices = [word for option in allowed_types(hint) for word in words_of(option)]
        value = getattr(config, name)
        if choices and value is not None and value not in choices:
            raise ConfigError(f"{name} must be one of {', '.join(choices)}, but is {value!r}.")


def check_ranges(config: Any) -> None:
    """Refuse a number outside of its range in `RANGES`; of a tuple, any of its numbers."""
    for each in dataclasses.fields(config):
        if each.name not in RANGES:
            continue
        value = getattr(config, each.name)
        for each_number in value if isinstance(value, tuple) else () if value is None else (value,):
            check_range(each.name, each_number, *RANGES[each.name])


def check_range(name: str, value: float, least: float, most: float) -> None:
    """Refuse a number outside of a range."""
    if not value >= least:  # NaN fails too
        raise ConfigError(f"{name} must be at least {least:.16g}, but is {value}.")
    if value > most:
        raise ConfigError(f"{name} must be at most {most:.16g}, but is {value}.")


def lies_in(value: str, least: float, most: float) -> bool:
    """Whether a text is a number within a range."""
    try:
        return least <= float(value) <= most
    except ValueError:
        return False
