"""Fit here: what may be fitted, and how far the fit is, as the page shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.config import DATASETS, FAMILIES, RANGES, DataConfig
from explorer.data import dataset_files, default_data_dir, source_of
from explorer.library import Library
from explorer.library.fitting import FitBench, FitState

ASKED = ("latent_dim", "beta", "epochs", "minutes")
"""Settings that the form asks for as numbers, by their names in `RANGES`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A fit that one press begins.

    Attributes:
        title: What it is, on its button.
        hint: What there is to see.
        wish: As `FitBench.plan` takes it.
    """

    title: str
    hint: str
    wish: Mapping[str, Any]


RECIPES: tuple[Recipe, ...] = (
    Recipe(
        title="Digits in 20 seconds",
        hint="A VAE of 8x8 digits and two latent dimensions: its map is its latent space",
        wish={"dataset": "digits", "family": "vae", "latent_dim": 2, "minutes": 0.12, "quick": True},
    ),
    Recipe(
        title="beta = 4, watch it collapse",
        hint="The rate falls to zero while the fit goes on: the decoder then ignores its latents",
        wish={"dataset": "digits", "family": "vae", "latent_dim": 8, "beta": 4.0, "minutes": 0.2, "quick": True},
    ),
    Recipe(
        title="MNIST in two minutes",
        hint="A convolutional VAE of handwritten digits",
        wish={"dataset": "mnist", "family": "vae", "latent_dim": 16, "minutes": 1.25, "quick": True},
    ),
)
"""Fits to begin with, the shortest first; one whose data set is not here is not offered."""


def fit_form(library: Library, bench: FitBench) -> dict[str, Any]:
    """What may be asked for, and the fit that goes on.

    Returns:
        `datasets`: those at hand, each its `name`, `title`, `place` where it was found, and its usual `latent_dim` and
        `epochs`; one that takes a folder says so by `folder`. `families`: name, title, and whether it has a `beta`.
        `ranges`: least and most by name. `recipes`: title, hint and wish. `fit`: as `fit_words`, or None.
    """
    found = []
    for name in DATASETS:
        source = source_of(name)
        takes_folder = source.takes == "folder"
        if takes_folder or (source.takes is None and library.datasets.is_at_hand(name)):
            usual = DATASETS[name]
            found.append(
                {
                    "name": name,
                    "title": "A folder of pictures" if takes_folder else source.title or name,
                    "place": None if takes_folder else _place(library, name),
                    "folder": takes_folder,
                    "latent_dim": usual["model"]["latent_dim"],
                    "epochs": usual["train"]["epochs"],
                }
            )
    here = {each["name"] for each in found}
    return {
        "datasets": found,
        "families": [{"name": name, "title": each.title, "beta": each.has_prior} for name, each in FAMILIES.items()],
        "ranges": {name: RANGES[name] for name in ASKED},
        "recipes": [
            {"title": each.title, "hint": each.hint, "wish": dict(each.wish)}
            for each in RECIPES
            if each.wish["dataset"] in here
        ],
        "fit": fit_words(bench.look()),
    }


def fit_words(fit: FitState | None) -> dict[str, Any] | None:
    """A fit for the page: its `state`, `names`, `sentence`, `command` and whole `seconds`."""
    if fit is None:
        return None
    return {
        "state": fit.state,
        "names": list(fit.names),
        "sentence": fit.sentence,
        "command": fit.command,
        "seconds": round(fit.seconds),
    }


def _place(library: Library, dataset: str) -> str:
    """Where a data set was found."""
    if not dataset_files(DataConfig(dataset=dataset), library.datasets.data_dir):
        return "comes with the program"
    return f"in {library.datasets.data_dir or default_data_dir()}"
