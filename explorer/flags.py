"""The command lines of the program: a mistake on one of them is one line, which names the nearest right word."""

import argparse
import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

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
