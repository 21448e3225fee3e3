"""A new kind of a thing is one entry of one table: a made-up entry arrives wherever the old ones are."""

import ast
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import pytest

from explorer.analysis.laws import LAWS, RAW, Law
from explorer.config import (
    DATASETS,
    FAMILIES,
    LIKELIHOODS,
    DataConfig,
    Flags,
    ModelConfig,
    RunConfig,
    TrainConfig,
    add_flags,
    from_flags,
    from_json,
    resolve,
    to_json,
)
from explorer.config.families import Family
from explorer.config.likelihoods import PixelLaw
from explorer.data import ImageSet, dataset_files, is_downloadable, load_dataset
from explorer.data.sources import Source
from explorer.errors import ConfigError
from explorer.library import Card, Library, OpenRun
from explorer.models import Autoencoder, build_model
from explorer.models.losses import Bernoulli, Likelihood
from explorer.views.card import card_rows
from explorer.views.colours import COLOURS, Colour
from explorer.views.export import FORMATS, Format, Wanted, exported
from explorer.views.hole_layers import OFFERED, Layer
from explorer.views.hole_planes import Cut
from explorer.views.hole_scores import HOLE_SCORES, score_table
from explorer.views.hole_sheets import cut_sheet, described_place, offered_layers
from explorer.views.runs import describe_run
from tests.serve_fake import fake_library


@pytest.fixture(scope="module")
def library() -> Library:
    return fake_library()


@pytest.fixture(scope="module")
def run(library: Library) -> OpenRun:
    return library.open("linear-vae")


@pytest.fixture
def enter(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Add an entry to a table for one test: enter(table, name, entry)."""
    return lambda table, name, entry: monkeypatch.setitem(cast("dict[str, Any]", table), name, entry)


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """All modules of the page, without their comments."""
    texts = [file.read_text(encoding="utf-8") for file in (root / "explorer/ui/static").rglob("*.js")]
    return re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", "\n".join(texts), flags=re.DOTALL)


def told(library: Library, run: OpenRun, what: str) -> list[dict[str, Any]]:
    """A list of the run's card, as the page gets it."""
    return cast("list[dict[str, Any]]", describe_run(library, run)[what])


def test_a_new_sampling_law_is_one_entry(library, run, enter):
    law: Law = replace(RAW, name="odd", short="Odd", plain="an odd one", hint="h", words="w.")
    enter(LAWS, "odd", law)
    expected = {
        "name": "odd",
        "short": "Odd",
        "title": "from an odd one",
        "plain": "an odd one",
        "hint": "h",
        "words": "w.",
    }
    assert told(library, run, "laws")[-1] == expected
    assert run.sample("odd", 3, np.random.default_rng(0)).shape == (3, run.latent_dim)


def test_a_new_colour_of_the_map_is_one_entry(library, run, enter):
    enter(
        COLOURS,
        "luck",
        Colour(
            text="Luck",
            hint="How lucky",
            title="luck, nats",
            values=lambda run: np.arange(len(run), dtype=np.float32),
            lacks=lambda _: False,
        ),
    )
    words = {"name": "luck", "text": "Luck", "hint": "How lucky", "title": "luck, nats", "is_p_value": False}
    assert told(library, run, "colours")[-1] == {**words, "is_group": False}
    assert "luck" in cast(Any, describe_run(library, run)["stored"])


def test_a_colour_that_a_run_lacks_is_not_offered(library, run, enter):
    enter(COLOURS, "luck", replace(COLOURS["rate"], lacks=lambda _: True))
    assert "luck" not in [colour["name"] for colour in told(library, run, "colours")]


def test_a_new_format_of_files_is_one_entry(library, run, enter):
    def write(images: Any, columns: int, scale: int, name: str, wanted: Wanted) -> bytes:
        return f"{name} {len(images)} {columns}".encode()

    enter(FORMATS, "text", Format("txt", "text/plain", "Text", "As words", write))
    words = {"kind": "text", "text": "Text", "hint": "As words", "moves": False, "captioned": False}
    assert told(library, run, "formats")[-1] == words
    assert exported(run, run.latents.mean[:3], "text", Wanted()) == b"linear-vae 3 3"


def test_a_new_layer_of_a_plane_is_one_entry(library, run, enter):
    layer = Layer(
        title="Height",
        bar="height, sd",
        reading="How high.",
        values=lambda run, latents, size, step: latents[:, 0],
        ends=lambda run, sheets: ("plain", 0.0, 1.0),
        place=lambda run, latent, law: {"layer": float(latent[0, 0])},
        is_fine=True,
    )
    enter(OFFERED, "height", layer)
    offered = offered_layers(library, run.name)[-1]
    assert (offered["name"], offered["title"], offered["calibrated"], offered["reason"]) == (
        "height",
        "Height",
        False,
        None,
    )
    sheet = cut_sheet(run, "height", Cut(anchors=(0, 1, 2)), 2.0, "")
    assert sheet.shape[0] == sheet.shape[1] and np.isfinite(sheet).all()
    assert described_place(run, np.ones((1, run.latent_dim), dtype=np.float32), "height", "raw")["layer"] == 1.0


def settings_of(*words: str) -> RunConfig:
    """The resolved settings that a command line names."""
    parser = Flags()
    for part in (DataConfig, ModelConfig, TrainConfig):
        add_flags(parser, part)
    named = parser.parse_args(words)
    parts = {name: from_flags(part, named) for name, part in PARTS.items()}
    return resolve(RunConfig(**parts))


PARTS: dict[str, Any] = {"data": DataConfig, "model": ModelConfig, "train": TrainConfig}


def test_a_new_family_is_one_entry_and_a_class(enter):
    class Mirrored(Autoencoder):
        """Encodes each image as its mirror."""

        family = "mirrored"

    enter(FAMILIES, "mirrored", Family(title="mirrored AE", short="mirrored", against_norm="is made up"))
    config = settings_of("--dataset", "digits", "--family", "mirrored")
    assert config.name == "digits-mirrored-8" and not config.model.has_prior
    assert from_json(to_json(config), "config.json") == config
    model = build_model(replace(config.model, image_shape=(1, 8, 8), levels=17))
    assert type(model) is Mirrored
    with pytest.raises(ConfigError, match="norm batch does not go with --family mirrored: it is made up"):
        settings_of("--dataset", "digits", "--family", "mirrored", "--net", "conv", "--norm", "batch", "--hidden", "4")


def test_a_family_without_a_class_is_named(enter):
    enter(FAMILIES, "forgotten", Family(title="forgotten AE", short="forgotten"))
    with pytest.raises(ConfigError, match="no class in explorer/models says family = 'forgotten'"):
        build_model(ModelConfig(family="forgotten", latent_dim=2))


def test_a_new_likelihood_is_one_entry_and_a_class(enter):
    class Coin(Likelihood):
        """Flips coins."""

        name = "coin"
        mean, distortion = Bernoulli.mean, Bernoulli.distortion

    enter(LIKELIHOODS, "coin", PixelLaw(is_binary=True))
    config = settings_of("--dataset", "digits", "--likelihood", "coin", "--binarise")
    assert config.train.binarise
    assert type(build_model(replace(config.model, image_shape=(1, 8, 8), levels=17)).likelihood) is Coin


def test_a_new_data_set_is_one_entry_and_a_file_of_its_name(enter, monkeypatch, tmp_path):
    module = cast(Any, ModuleType("explorer.data.dots"))
    pixels = np.zeros((60, 1, 8, 8), dtype=np.uint8)
    module.SOURCE = Source(
        load=lambda asked: ImageSet(name="dots", pixels=pixels, levels=2, test_count=10),
        files=lambda folder: [folder / "dots.npy"],
        is_downloadable=True,
        terms="Dots are free.",
    )
    monkeypatch.setitem(sys.modules, "explorer.data.dots", module)
    enter(DATASETS, "dots", DATASETS["digits"])
    config = settings_of("--dataset", "dots")
    assert config.name == "dots-vae-8"
    assert load_dataset(config.data).name == "dots"
    assert dataset_files(config.data, tmp_path) == [tmp_path / "dots.npy"] and is_downloadable("dots")
    card = Card(name=config.name, family="vae", dataset="dots", latent_dim=8, config=config, metrics={}, version="")
    assert "Dots are free." in [word for row in card_rows(card, is_point=False) for word in row.values()]


def test_a_new_hole_score_is_one_row(enter):
    enter(HOLE_SCORES, "luck", ("Luck", "share of lucky samples"))
    metrics = {"holes": {"raw": {"luck": {"value": 0.25}}}}
    card = Card(name="a", family="vae", dataset="digits", latent_dim=2, config=None, metrics=metrics, version="")
    rows = cast("dict[str, Any]", score_table([card]))["rows"]
    assert rows[-1] == {"name": "Luck", "meaning": "share of lucky samples", "cells": [{"value": 0.25}, None, None]}


@pytest.mark.parametrize(
    "table",
    [
        {word for law in LAWS.values() for word in (law.words, law.plain, law.hint)},
        {word for colour in COLOURS.values() for word in (colour.hint, colour.title)},
        {form.hint for form in FORMATS.values()},
        {layer.reading for layer in OFFERED.values()},
    ],
    ids=["laws", "colours", "formats", "layers"],
)
def test_the_page_types_no_table_again(page: str, table: set[str]):
    joined = re.sub(r'"\s*\+\s*"', "", page)
    assert [words for words in table if f'"{words}"' in joined] == []


def test_no_law_is_typed_as_a_list_beside_its_table(root: Path):
    """What takes all laws takes the table."""
    for file in (root / "explorer").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Tuple | ast.List | ast.Set):
                words = {each.value for each in node.elts if isinstance(each, ast.Constant)}
                assert not set(LAWS) <= words, f"{file}:{node.lineno} types the laws again"
