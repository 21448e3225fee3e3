"""What somebody who wants a fit may ask for, and the command of train.py that it comes to.

Every value is checked by the settings that train.py itself has, so that there is one table of ranges. Nothing of a wish
reaches a shell: the command is a list, and a folder is one argument of it, whatever its name.
"""

import dataclasses
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from explorer.checkpoint import check_place, partial_folder
from explorer.config import DataConfig, ModelConfig, RunConfig, TrainConfig, has_prior, resolve, settings_of, to_flags
from explorer.errors import CheckpointError, ConfigError, DataError, ExplorerError

PROGRAM = Path(__file__).resolve().parents[2] / "train.py"
"""What fits."""

WISHES: Mapping[str, tuple[type, tuple[str, ...]]] = {
    "data": (DataConfig, ("dataset",)),
    "model": (ModelConfig, ("family", "latent_dim")),
    "train": (TrainConfig, ("beta", "epochs", "minutes")),
}
"""Settings that may be wished for, by the part of a run's settings that they are of."""

SWITCHES = ("twin", "quick")
"""Flags that may be wished for, beside `folder`."""

MOST_TAGS = 1000
"""Names that are tried for a run."""


class FitError(ExplorerError):
    """A fit cannot be begun, stopped or resumed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlannedFit:
    """A fit that may be begun.

    Attributes:
        configs: Settings of its runs: one, or twins.
        arguments: Of train.py.
    """

    configs: tuple[RunConfig, ...]
    arguments: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of its runs."""
        return tuple(config.name for config in self.configs)

    @property
    def command(self) -> list[str]:
        """What is run."""
        return [sys.executable, str(PROGRAM), *self.arguments]

    @property
    def line(self) -> str:
        """The same for a shell."""
        return shlex.join(self.command)


def planned_fit(
    wish: Mapping[str, object], out: Path, data_dir: Path | None, tag: str | None = None, resume: bool = False
) -> PlannedFit:
    """What a wish comes to: every value is checked as train.py checks it, and a name is found that is free.

    Args:
        wish: Settings of `WISHES` by their names, `folder` and `SWITCHES`.
        out: Folder of the runs.
        data_dir: Folder of the data sets; None for the default one.
        tag: Last part of the run's name; None finds one whose runs are not there.
        resume: Whether the runs were begun, so that their names are theirs.

    Raises:
        ConfigError: A value is none, or out of its range.
        DataError: The folder of pictures is none.
        FitError: All names are taken.
    """
    known = {name for _, names in WISHES.values() for name in names} | {"folder", *SWITCHES}
    unknown = sorted(set(wish) - known)
    if unknown:
        raise ConfigError(f"unknown setting {unknown[0][:40]!r}; known are {', '.join(sorted(known))}.")
    parts: dict[str, Any] = {}
    for part, (cls, names) in WISHES.items():
        parts[part] = settings_of(cls, {name: wish[name] for name in names if wish.get(name) is not None})
    threads = max(1, _cores() - 1)  # one stays for the page
    parts["train"] = dataclasses.replace(parts["train"], threads=threads)
    switches = {name: wish.get(name, False) for name in SWITCHES}
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise ConfigError(f"{name} must be true or false, but is {str(value)[:40]!r}.")
    folder = _folder(wish.get("folder"))
    base = f"beta{parts['train'].beta:g}" if parts["train"].beta != TrainConfig.beta else None
    for tried in (tag,) if tag is not None or resume else _tags(base):
        configs = _configs(parts, data_dir, folder, tried, switches["twin"])
        if resume or _are_free(out, configs):
            break
    else:
        raise FitError(f"{out} holds {MOST_TAGS:,} runs of that name; move some of them away.")
    arguments = to_flags(*parts.values(), named=("dataset", "family", "latent_dim"))
    if folder is not None:
        arguments.append(f"--folder={folder}")
    if data_dir is not None:
        arguments.append(f"--data-dir={data_dir}")
    arguments += [f"--{name}" for name, value in switches.items() if value]
    arguments += ["--no-download", f"--out={out}"]
    arguments += [f"--tag={tried}"] if tried is not None else []
    return PlannedFit(configs=configs, arguments=(*arguments, *(["--resume"] if resume else [])))


def _configs(
    parts: Mapping[str, Any], data_dir: Path | None, folder: Path | None, tag: str | None, twin: object
) -> tuple[RunConfig, ...]:
    """The settings of the runs, as train.py resolves them."""
    from explorer.data import located

    config = resolve(
        RunConfig(data=located(parts["data"], data_dir, folder), model=parts["model"], train=parts["train"], tag=tag)
    )
    families = [config.model.family]
    if twin:
        families = ["vae", families[0]] if not has_prior(families[0]) else [families[0], "ae"]
    return tuple(dataclasses.replace(config, model=dataclasses.replace(config.model, family=each)) for each in families)


def _are_free(out: Path, configs: tuple[RunConfig, ...]) -> bool:
    """Whether nothing has the name of any of these runs, nor of a fit of one."""
    for config in configs:
        if os.path.lexists(partial_folder(out, config.name)):
            return False
        try:
            check_place(out, config.name)
        except CheckpointError:
            return False
    return True


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _tags(base: str | None) -> Iterator[str | None]:
    """Last parts of a run's name, in the order in which they are tried."""
    yield base
    for number in range(2, MOST_TAGS):
        yield "-".join(part for part in (base, f"fit{number}") if part)


def _folder(named: object) -> Path | None:
    """The folder of pictures that somebody names, as an absolute path.

    Raises:
        DataError: It is no folder that can be read.
    """
    if named is None or named == "":
        return None
    if not isinstance(named, str) or len(named) > 1000 or not named.isprintable():
        raise DataError("the folder must be a path of at most 1,000 printable characters.")
    try:
        folder = Path(named).expanduser()
        there = folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)
    except (OSError, RuntimeError, ValueError):
        there, folder = False, Path(named)
    if not there:
        raise DataError(f"{named} is no folder that can be read; name the one that holds the pictures.")
    return folder.resolve()
