"""Accounts of the page: names and passwords from a file or from the environment."""

import os
from pathlib import Path

from explorer.errors import ServeError

ACCOUNTS_VARIABLE = "EXPLORER_AUTH"
"""Environment variable with accounts, one name:password a line."""


def read_accounts(file: Path | None) -> list[tuple[str, str]]:
    """Names and passwords of a file, or of the environment when there is none.

    Args:
        file: One name:password a line; empty lines and lines that begin with # are passed over. None for the
            environment variable, which may be missing.

    Raises:
        ServeError: The file cannot be read, or a line is no account. No message shows a password.
    """
    if file is None:
        source, text = f"${ACCOUNTS_VARIABLE}", os.environ.get(ACCOUNTS_VARIABLE, "")
        if not text.strip():
            return []
    else:
        source = str(file)
        try:
            text = file.read_text(encoding="utf-8-sig")  # Notepad puts a mark before the text
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
            raise ServeError(
                f"the account file {file} cannot be read: {reason}; write one name:password a line."
            ) from None
    accounts: list[tuple[str, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, colon, password = line.strip().partition(":")
        if not (name.strip() and colon and password):
            raise ServeError(f"line {number} of {source} is no account; write one name:password a line.")
        if name.strip() in dict(accounts):
            raise ServeError(f"{source} names the account {name.strip()!r} twice; keep one of them.")
        accounts.append((name.strip(), password))
    if not accounts:
        raise ServeError(f"{source} holds no account; write one name:password a line.")
    return accounts
