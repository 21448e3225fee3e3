"""The settings of a run as config.json holds them."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin

from explorer.config.limits import allowed_types, hints_of, words_of
from explorer.config.settings import CYCLED, FORMAT, USUAL_MOMENTUM, RunConfig, TrainConfig
from explorer.errors import CheckpointError, ConfigError

T = TypeVar("T")


def to_json(config: RunConfig) -> dict[str, Any]:
    """The settings as plain values for config.json."""
    return dataclasses.asdict(config)


def from_json(stored: object, source: str) -> RunConfig:
    """The settings of a config.json.

    Args:
        stored: What the JSON file holds.
        source: The file's name, for messages.

    Raises:
        CheckpointError: A newer format, an unknown key, or a value out of range.
    """
    if not isinstance(stored, dict):
        raise CheckpointError(f"{source} must hold one JSON object; fit the run again with train.py.")
    number = stored.get("format", 1)
    if not isinstance(number, int) or isinstance(number, bool) or number > FORMAT:
        raise CheckpointError(
            f"{source} has format {number!r}, but this program reads up to {FORMAT}; "
            "update the program, or fit the run again with train.py."
        )
    try:
        config = settings_of(RunConfig, {k: v for k, v in _as_fitted(stored).items() if k != "key"})
    except ConfigError as error:
        raise CheckpointError(f"{source}: {error}") from None
    if config.model.norm is None:  # before there was a choice
        config = dataclasses.replace(config, model=dataclasses.replace(config.model, norm="none"))
    return config


def _as_fitted(stored: dict[str, Any]) -> dict[str, Any]:
    """A config.json with the momentum that its fit used.

    Programs up to September 2026 stored a number, 0.9 unless somebody asked for another, or none at all; but with
    onecycle the momentum was cycled, whatever the number. What is stored as text says what was used. The files are left
    as they are.
    """
    train = stored.get("train")
    if not isinstance(train, dict):
        return stored
    number, schedule = train.get("momentum", float(USUAL_MOMENTUM)), train.get("schedule", TrainConfig.schedule)
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return stored
    return stored | {"train": train | {"momentum": CYCLED if schedule == "onecycle" else f"{number:g}"}}


def settings_of(cls: type[T], values: Mapping[str, Any]) -> T:
    """A (nested) config dataclass of plain values, as a file or a page has them.

    Raises:
        ConfigError: An unknown name, a value of another type, or one out of its range.
    """
    hints = hints_of(cls)
    names = {f.name for f in dataclasses.fields(cls)}  # pyright: ignore[reportArgumentType]
    unknown = sorted(set(values) - names)
    if unknown:
        raise ConfigError(f"unknown setting {unknown[0]!r} in {cls.__name__}; known are {', '.join(sorted(names))}.")
    return cls(**{name: _coerced(hints[name], value, name) for name, value in values.items()})


def _coerced(hint: Any, value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ConfigError(f"{name} must be an object, but is {value!r}.")
        return settings_of(hint, value)  # pyright: ignore[reportArgumentType]
    options = allowed_types(hint)
    if value is None and type(None) in options:
        return None
    for option in options:
        origin = get_origin(option)
        if origin is tuple and isinstance(value, (list, tuple)):
            items = get_args(option)
            if Ellipsis not in items and len(items) != len(value):
                raise ConfigError(f"{name} must hold {len(items)} values, but is {value!r}.")
            return tuple(_coerced(items[0], item, name) for item in value)
        if value in words_of(option):
            return value
        if origin is Mapping and isinstance(value, dict):
            return {str(k): str(v) for k, v in value.items()}
        if option is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        if isinstance(option, type) and option is not float and type(value) is option:
            return value
    raise ConfigError(f"{name} cannot be {value!r}.")
