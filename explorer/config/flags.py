"""The command lines of the program.

A flag for every setting; a mistake on a command line is one line, which names the nearest right word.
"""

import argparse
import dataclasses
import difflib
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, NoReturn, TypeVar, get_origin

from explorer.config.datasets import DATASETS
from explorer.config.defaults import OPEN_DEFAULTS
from explorer.config.limits import allowed_types, hints_of, words_of
from explorer.config.settings import field_help

T = TypeVar("T")

LIKENESS = 0.5
"""Least likeness of a word that is offered in place of a mistyped one, in [0, 1]."""


class Flags(argparse.ArgumentParser):
    """A command line whose mistakes are one line on stderr, without the usage, and exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with 2."""
        line = " ".join(message.split()).removeprefix("argument ").rstrip(".")
        self.exit(2, f"{self.prog}: {line}; {self.prog} --help shows the flags\n")

    def parse_args(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """As argparse does, but an unknown flag comes with the nearest one that there is."""
        found, rest = self.parse_known_args(args, namespace)
        if rest:
            flag, _, _ = rest[0].partition("=")
            if flag.startswith("-"):
                self.error(f"there is no flag {flag}{did_you_mean(flag, self._option_string_actions)}")
            self.error(f"{flag!r} is one word too many")
        return found


def choice(choices: Iterable[str]) -> dict[str, Any]:
    """The settings of a flag that takes one of some words."""
    allowed = tuple(choices)

    def checked(text: str) -> str:
        if text not in allowed:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no choice{did_you_mean(text, allowed)}; choose from {', '.join(allowed)}"
            )
        return text

    return {"type": checked, "metavar": "{" + ",".join(allowed) + "}"}


def number(kind: type[int] | type[float]) -> Callable[[str], Any]:
    """A type for argparse: a whole number or any number, refused in plain words."""

    def checked(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            words = "whole number" if kind is int else "number"
            raise argparse.ArgumentTypeError(f"{text!r} is no {words}") from None

    return checked


def did_you_mean(text: str, words: Iterable[str]) -> str:
    """A question in brackets that offers the word nearest to a mistyped one, or "" where none is near."""
    found = difflib.get_close_matches(text, list(words), 1, LIKENESS)
    return f" (did you mean {found[0]}?)" if found else ""


def add_flags(group: Any, cls: type, shown: Container[str] | None = None) -> None:
    """Add a flag for every field of a config dataclass to an argparse group; its docstring is the help.

    Args:
        group: Of the command line.
        cls: DataConfig, ModelConfig or TrainConfig.
        shown: Names of the fields whose flags the help shows; None shows all.
    """
    hints, texts = hints_of(cls), field_help(cls)
    for each in dataclasses.fields(cls):  # pyright: ignore[reportArgumentType]
        if not each.metadata.get("flag", True):
            continue
        flag = "--" + each.name.replace("_", "-")
        text = f"{texts[each.name].rstrip('.')} (default: {default_words(each)})".replace("%", "%%")
        options = [option for option in allowed_types(hints[each.name]) if option is not type(None)]
        settings: dict[str, Any] = {"dest": each.name}
        settings["help"] = text if shown is None or each.name in shown else argparse.SUPPRESS
        if options[0] is bool:
            settings["action"] = argparse.BooleanOptionalAction
        elif words_of(options[0]):
            settings |= choice(words_of(options[0]))
        elif get_origin(options[0]) is tuple:
            settings |= {"type": number(int), "nargs": "+", "metavar": "N"}
        elif options[0] in (int, float):
            settings |= {"type": number(options[0]), "metavar": "N" if options[0] is int else "X"}
        else:
            settings["metavar"] = "TEXT"
        # set afterwards: given at once, argparse of Python 3.11 would add its own words to the help of a switch
        group.add_argument(flag, **settings).default = each.default


def default_words(setting: "dataclasses.Field[Any]") -> str:
    """The default of a setting in words; where data sets differ, that of each."""
    if setting.default is not None:
        return _value_words(setting.default)
    sets: dict[str, list[str]] = {}
    for name, parts in DATASETS.items():
        for value in (part[setting.name] for part in parts.values() if part.get(setting.name) is not None):
            sets.setdefault(_value_words(value), []).append(name)
    named = sum(map(len, sets.values()))
    if named == len(DATASETS) and len(sets) == 1:
        return next(iter(sets))
    told = [f"{words} for {_listed(names)}" for words, names in sets.items()]
    if named < len(DATASETS):
        told.append(f"{'else ' if told else ''}{OPEN_DEFAULTS.get(setting.name, 'by the other settings')}")
    return "; ".join(told)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _value_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return " ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def from_flags(cls: type[T], flags: argparse.Namespace) -> T:
    """The config dataclass that parsed flags name.

    Raises:
        ConfigError: A value out of range.
    """
    values = {f.name: getattr(flags, f.name) for f in dataclasses.fields(cls) if f.metadata.get("flag", True)}  # pyright: ignore[reportArgumentType]
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def to_flags(*parts: Any, named: Container[str] = ()) -> list[str]:
    """The flags that name settings, so that `from_flags` finds the same ones.

    Args:
        parts: Config dataclasses of the settings.
        named: Names of those that are written out although they are at their defaults.
    """
    found: list[str] = []
    for part in parts:
        for each in dataclasses.fields(part):
            value = getattr(part, each.name)
            usual = value is None or (value == each.default and each.name not in named)
            if usual or not each.metadata.get("flag", True):
                continue
            flag = "--" + each.name.replace("_", "-")
            if isinstance(value, bool):
                found.append(flag if value else f"--no-{flag[2:]}")
            else:
                values = value if isinstance(value, (tuple, list)) else (value,)
                found += [flag, *(_exact(each_value) for each_value in values)]
    return found


def _exact(value: object) -> str:
    """A value as text from which the same value is read."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
