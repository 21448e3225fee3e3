"""Values of an address's query: text that anybody may have written, each checked against what it may be."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from explorer.errors import ShapeError

if TYPE_CHECKING:
    from explorer.plots.style import Theme

NUMBER = re.compile(r"[+-]?(?:[0-9]{1,16}(?:\.[0-9]{0,24})?|\.[0-9]{1,24})(?:[eE][+-]?[0-9]{1,3})?")
"""How a number may be written: digits, a point, an exponent; no words such as nan, no other script's digits."""

Choice = TypeVar("Choice", bound=str)


def choice(query: Mapping[str, str], name: str, of: Sequence[Choice], default: str | None = None) -> Choice:
    """One of a few words.

    Args:
        query: The query.
        name: The value's name.
        of: The words.
        default: What counts where the query does not have the value; None refuses that.

    Raises:
        ShapeError: It is another word.
    """
    asked = query.get(name, default)
    for word in of:
        if word == asked:
            return word
    words = " or ".join(of) if len(of) == 2 else f"one of {', '.join(of)}"
    raise ShapeError(f"{name} must be {words}.")


def whole(query: Mapping[str, str], name: str, least: int, most: int, default: int) -> int:
    """A whole number, written with digits alone.

    Raises:
        ShapeError: It is none, or out of range.
    """
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= 19 and least <= int(text) <= most):
        raise ShapeError(f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def number(query: Mapping[str, str], name: str, least: float, most: float, default: float | None = None) -> float:
    """A number, written as `NUMBER` says.

    Args:
        query: The query.
        name: The value's name.
        least: Smallest value.
        most: Largest value.
        default: What counts where the query does not have the value; None refuses that.

    Raises:
        ShapeError: It is none, or out of range.
    """
    text = query.get(name, "" if default is None else repr(default))
    found = parsed(text)
    if found is None or not least <= found <= most:
        raise ShapeError(f"{name} must be a number from {least:g} to {most:g}.")
    return found


def parsed(text: str) -> float | None:
    """A number written as `NUMBER` says, or None for any other text."""
    return float(text) if NUMBER.fullmatch(text) else None


def theme_of(query: Mapping[str, str]) -> "Theme":
    """The theme of the page that asks, light where it does not say.

    Raises:
        ShapeError: It is another word.
    """
    return "dark" if choice(query, "theme", ("light", "dark"), "light") == "dark" else "light"
