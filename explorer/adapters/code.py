"""A model that a function or a class of a Python file makes: `FILE.py:make_model`, whose code is run."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from explorer.adapters.foreign import Foreign
from explorer.adapters.trial import reason_of
from explorer.arrays import Coder
from explorer.errors import ConfigError


def foreign(model: str) -> Foreign | Coder:
    """What a function or class of a Python file makes when it is called without arguments, or an object of it.

    Raises:
        ConfigError: There is no such file, it fails, or it makes no model.
    """
    return called(made_by(model), model)


def called(found: Any, source: str) -> Foreign | Coder:
    """A model, or what makes one, as two functions."""
    from torch import nn

    from explorer.adapters.kinds import foreign_of

    if callable(found) and not isinstance(found, Coder | nn.Module | Foreign):
        try:
            found = found()
        except Exception as error:
            raise ConfigError(f"{source} fails: {reason_of(error)}; it is called without arguments.") from error
    if isinstance(found, str):
        raise ConfigError(f"{source} gives a text, where a model is wanted.")
    return foreign_of(found)


def made_by(source: str) -> Any:
    """The object that `FILE.py:NAME` names; the code of the file is run.

    Raises:
        ConfigError: There is no such file, its code fails, or it holds no such name.
    """
    place, _, name = source.rpartition(":")
    file = Path(place)
    if not file.is_file():
        raise ConfigError(f"there is no file {place}; name one as FILE.py:make_model.")
    spec = importlib.util.spec_from_file_location(f"model_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickled classes look for their module
    sys.path.insert(0, str(file.resolve().parent))  # as `python FILE.py` would have it
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigError(f"{place} cannot be run: {reason_of(error)}.") from error
    finally:
        sys.path.remove(str(file.resolve().parent))
    if not hasattr(module, name):
        known = ", ".join(key for key, held in vars(module).items() if callable(held) and key[0] != "_") or "nothing"
        raise ConfigError(f"{place} holds no {name}; it holds {known[:300]}.")
    return getattr(module, name)
