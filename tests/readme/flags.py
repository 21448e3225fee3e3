"""The tables of flags and of the environment: what the command lines say of themselves."""

import argparse
import re
from collections.abc import Iterator, Mapping

from explorer import __main__ as explorer_command
from explorer.training import command as train_command

ENVIRONMENT: Mapping[str, str] = {
    "EXPLORER_DATA": "Folder of the data sets.",
    "EXPLORER_CACHE": "Folder for everything the program keeps for later; your cache folder unless set.",
    "EXPLORER_AUTH": "Accounts to ask visitors for, one `name:password` a line.",
    "EXPLORER_HOSTS": "Names under which a proxy reaches the page, separated by commas.",
    "EXPLORER_BEFORE": "Another checkout, whose server `make bench ARGS=crowd` measures beside this one.",
    "EXPLORER_CHROMIUM": "Browser of the browser tests, where none is found by itself.",
}
"""What each variable means; a test fails when the program reads another one."""

NAME = re.compile(r"(?<![\w`-])(?:--[a-z][a-z0-9-]*|\$[A-Z_]+)")
"""A flag or a variable in a help; $ begins a formula on some pages."""


def explorer_flags() -> str:
    """The flags of python -m explorer."""
    return flag_table(explorer_command.parser())


def train_flags() -> str:
    """The flags of train.py, in the groups of its help."""
    return flag_table(train_command.command_line(None))


def environment() -> str:
    """The variables of the environment."""
    return table(("variable", "meaning"), [(f"`{name}`", words) for name, words in ENVIRONMENT.items()])


def flag_table(parser: argparse.ArgumentParser) -> str:
    """A row per flag with the words of its help; groups are told by a row of their own."""
    rows: list[tuple[str, str]] = []
    for group in parser._action_groups:  # argparse shows its groups in its help alone
        told = list(flag_rows(parser, group))
        named = group.title not in ("positional arguments", "options", "optional arguments")
        rows += [(f"**{group.title}**", ""), *told] if named and told else told
    return table(("flag", "meaning"), rows)


def flag_rows(parser: argparse.ArgumentParser, group: argparse._ArgumentGroup) -> Iterator[tuple[str, str]]:
    """Name and meaning of every flag of a group but --help."""
    form = parser._get_formatter()
    for action in group._group_actions:
        if action.help == argparse.SUPPRESS or "--help" in action.option_strings:
            continue
        takes = "" if action.nargs == 0 else form._format_args(action, form._get_default_metavar_for_optional(action))
        names = ", ".join(f"`{name} {takes}`" if takes else f"`{name}`" for name in action.option_strings)
        yield names or f"`{takes}`", as_sentence(form._expand_help(action))


def as_sentence(words: str) -> str:
    """A help as one line that begins with a capital letter and ends with a full stop."""
    line = NAME.sub(r"`\g<0>`", " ".join(words.split()))
    return f"{line[0].upper()}{line[1:]}".rstrip(".") + "."


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table as Markdown has it."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
