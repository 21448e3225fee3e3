"""A run on the Hugging Face Hub: its files with a card, and its page as a Space, both for everybody to open."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer import hub
from explorer.checkpoint import list_sheets, read_metrics
from explorer.config import RunConfig
from explorer.errors import HubError
from explorer.library import Library
from explorer.site import default_checkpoints, kin, library_of, terms, write
from explorer.staging import SHEETS
from explorer.training.summary import ROWS

BEGIN, END = "<!-- latent space explorer: begin -->", "<!-- latent space explorer: end -->"
"""Frame what is written into a README.md; what its owner writes around it stays."""

HUB = "https://huggingface.co"


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was sent.

    Attributes:
        model: Address of the repository of the run.
        space: Address of the Space with its page.
        runs: The run, and what lies beside it.
        is_private: Whether the repositories that were made are seen by their owner alone.
        terms: What binds whoever passes the runs on, by data set.
    """

    model: str
    space: str
    runs: tuple[str, ...]
    is_private: bool
    terms: Mapping[str, str]

    def __str__(self) -> str:
        """What somebody who sent it should know."""
        lines = [f"pushed {', '.join(self.runs)}", f"run: {self.model}", f"page: {self.space}"]
        lines += [f"terms of {name}: {words}" for name, words in self.terms.items()]
        if self.is_private:
            lines.append("for these terms it is private: who makes it public on the Hub passes it on.")
        return "\n".join(lines)


def push(repository: str, run: str | None = None, *, checkpoints: Path | str | None = None) -> Pushed:
    """Send a run with its twin, its ladder and a card to the Hub, and its page as a Space of the same name.

    No picture of a data set is sent. Where terms bind the run, what is made is private.

    Args:
        repository: owner/name; made where there is none.
        run: The run's name; None for the one that a page opens by itself.
        checkpoints: Folder of the runs; None for `checkpoints` here, else the one beside the program.

    Raises:
        CheckpointError: The run is not there or damaged.
        HubError: The Hub cannot be reached or refuses, or the repository holds something else.
    """
    hub.check_sending(repository)
    folder = Path(checkpoints) if checkpoints is not None else default_checkpoints()
    library = library_of(folder, [run] if run is not None else [], None, with_images=False)
    assert library.checkpoints is not None  # it holds the run
    name = library.default()
    assert name is not None
    cards = {kind: _own_card(repository, kind) for kind in ("model", "space")}  # before anything is sent
    bound = terms(library)
    runs = tuple(sorted(kin(library, [name]), key=lambda each: (each != name, each)))
    files: dict[str, Path | bytes] = dict(hub.files_of(library.checkpoints, name, list(runs[1:])))
    card = library.card(name)
    assert card.config is not None  # it lies on the disk
    told = model_card(repository, card.config, read_metrics(library.folder(name)), _sheet(library, name), runs, bound)
    files[hub.CARD] = _placed(cards["model"], model_head(card.config, bound), told).encode()
    private = bool(bound)
    with tempfile.TemporaryDirectory() as building:
        page = Path(building) / "page"
        write(page, library, with_images=False, quiet=False)
        shown: dict[str, Path | bytes] = {
            path.relative_to(page).as_posix(): path for path in page.rglob("*") if path.is_file()
        }
        about = f"The page of [{name}]({HUB}/{repository}): its models run in the browser of whoever looks at it.\n"
        shown[hub.CARD] = _placed(cards["space"], space_head(repository, name), about).encode()
        model = hub.send(repository, "model", files, lambda path: hub.place_of(path) is not None, private, f"{name}")
        space = hub.send(repository, "space", shown, _is_of_page, private, f"page of {name}")
    return Pushed(model, space, runs, private, bound)


def _is_of_page(path: str) -> bool:
    """Whether a file of a Space is one of a page, or of what the Hub fills a new Space with."""
    return path.startswith(("static/", "files/")) or path in ("index.html", "style.css")


def _own_card(repository: str, kind: str) -> str:
    """The README.md of a repository that may be written to: of one that is ours, empty or not there.

    Raises:
        HubError: It was filled by something else.
    """
    card, others = hub.held_by(repository, kind)
    if others and BEGIN not in card:
        raise HubError(f"the {kind} {repository} holds something else than a run; push to a name that is free.")
    return card


def _placed(card: str, head: str, told: str) -> str:
    """A README.md with what is told of the run in its place; what its owner wrote around that stays."""
    framed = f"{BEGIN}\n{told.strip()}\n{END}"
    if BEGIN not in card:
        return f"{card or head}\n{framed}\n"
    before, _, rest = card.partition(BEGIN)
    return before + framed + rest.partition(END)[2]


def model_head(config: RunConfig, bound: Mapping[str, str]) -> str:
    """What the Hub reads of a model's card."""
    lines = {
        "pipeline_tag": "unconditional-image-generation",
        "tags": ["latent-space-explorer", "autoencoder", config.model.family, config.data.name or config.data.dataset],
    }
    if bound:
        lines |= {"license": "other", "license_name": "terms-of-the-data-set"}
    return _head(lines)


def space_head(repository: str, run: str) -> str:
    """What the Hub reads of a Space's card."""
    return _head({"title": run, "sdk": "static", "app_file": "index.html", "pinned": False, "models": [repository]})


def _head(values: Mapping[str, Any]) -> str:
    """Values as YAML between two lines of dashes; a value of JSON is one of YAML."""
    return "\n".join(["---", *(f"{key}: {json.dumps(value)}" for key, value in values.items()), "---", ""])


def _sheet(library: Library, run: str) -> str | None:
    """Where the decodes after a run's last kept epoch are in its repository; None where none were kept."""
    sheets = list_sheets(library.folder(run))
    return f"{SHEETS}/{sheets[max(sheets)].name}" if sheets else None


def model_card(
    repository: str,
    config: RunConfig,
    metrics: Mapping[str, Any],
    sheet: str | None,
    runs: tuple[str, ...],
    bound: Mapping[str, str],
) -> str:
    """What a model's card tells, as Markdown.

    Args:
        repository: owner/name.
        config: The run's settings.
        metrics: Its scores.
        sheet: Where its decodes are; None for nowhere.
        runs: The run, and what lies beside it.
        bound: What binds whoever passes the runs on, by data set.
    """
    model, data = config.model, config.data
    shape = "x".join(map(str, (model.image_shape or ())[1:]))
    of = f"of {data.name or data.dataset}, {shape} pixels, with {model.latent_dim} latent dimensions"
    lines = [f"# {config.name}", f"A model of the family `{model.family}` {of}."]
    if sheet is not None:
        lines.append(f"![decodes of latents after the last epoch]({sheet})\n\nDecodes, never images of the data set.")
    lines += [
        f"Its page, which needs no server: {HUB}/spaces/{repository}",
        f"In the latent space explorer: `python -m explorer hf://{repository}`",
        _scores(config, metrics),
    ]
    if len(runs) > 1:
        lines.append(f"Beside it, in `{hub.BESIDE}/`: {', '.join(runs[1:])}.")
    lines += [f"Terms of {title}: {words}" for title, words in bound.items()]
    if not bound:
        lines.append("No terms of the data set bind this model that the program knows of; its owner names its licence.")
    return "\n\n".join(lines)


def _scores(config: RunConfig, metrics: Mapping[str, Any]) -> str:
    """The scores of a run as a table."""
    lines = ["| score | value | meaning |", "|---|---|---|"]
    for row in ROWS:
        cell = row.cell(config, metrics)
        if cell is not None:
            lines.append(f"| {row.title} | {cell} | {row.meaning(metrics)} |")
    return "\n".join(lines)
