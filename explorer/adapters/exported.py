"""Programs that torch wrote: TorchScript with `encode` and `decode`, and one function of torch.export."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from explorer.adapters.foreign import Foreign
from explorer.adapters.modules import functions_of
from explorer.adapters.trial import reason_of
from explorer.errors import ConfigError


def foreign(model: str | Path) -> Foreign:
    """A TorchScript file with both functions.

    Raises:
        ConfigError: It is not there, holds weights alone, or one function alone.
    """
    path = Path(model)
    if path.suffix.lower() == ".pt2":
        raise ConfigError(
            f"{path} holds one function; put encoder.pt2 and decoder.pt2 into a folder and name that folder."
        )
    module = scripted(path)
    encode, decode = functions_of(module)
    return Foreign(encode=encode, decode=decode, title=path.stem, modules=(module,))


def scripted(path: Path) -> Any:
    """A TorchScript module.

    Raises:
        ConfigError: The file is no TorchScript.
    """
    if not path.is_file():
        raise ConfigError(f"there is no file {path}; name a TorchScript program that torch.jit.save wrote.")
    if not _holds_code(path):
        raise ConfigError(
            f"{path} holds no program, but weights or a pickled object, which is not opened; name the code that makes "
            "the model with --model FILE.py:make_model, and the weights with --weights FILE."
        )
    try:
        return torch.jit.load(path, map_location="cpu").eval()
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as TorchScript: {reason_of(error)}.") from error


def _holds_code(path: Path) -> bool:
    """Whether a file of torch holds the code of a TorchScript program."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def function(path: Path) -> Callable[[Any], Any]:
    """The one function of a file of torch.export, in the batches that it was exported for; or of a TorchScript file.

    Raises:
        ConfigError: The file cannot be read.
    """
    if path.suffix.lower() != ".pt2":
        return scripted(path)
    try:
        program = torch.export.load(path)
    except Exception as error:
        raise ConfigError(f"{path} cannot be read as a program of torch.export: {reason_of(error)}.") from error
    batch = None
    for node in program.graph.nodes:
        value = node.meta.get("val")
        if node.op == "placeholder" and node.name in program.graph_signature.user_inputs and value is not None:
            batch = value.shape[0] if isinstance(value.shape[0], int) else None
    return in_batches(program.module(), batch)


def in_batches(answer: Callable[[Any], Any], size: int | None) -> Callable[[Any], Any]:
    """A function of one array that asks another in batches of one size, the last one filled up; None for any size.

    Args:
        answer: Takes and gives arrays, or tuples of arrays, of `size` rows.
        size: Rows that it takes.
    """
    if size is None:
        return answer

    def all_of(rows: Any) -> Any:
        parts = []
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            short = size - len(part)
            found = answer(_filled(part, short))
            found = found if isinstance(found, tuple | list) else (found,)
            parts.append([each[: size - short] for each in found])
        joined = [_joined(column) for column in zip(*parts, strict=True)]
        return joined[0] if len(joined) == 1 else tuple(joined)

    return all_of


def _filled(part: Any, short: int) -> Any:
    return part if short == 0 else _joined([part, *[part[-1:]] * short])


def _joined(parts: Any) -> Any:
    import numpy as np

    return np.concatenate(parts) if isinstance(parts[0], np.ndarray) else torch.cat(list(parts))
