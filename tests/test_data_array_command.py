"""train.py on a file of images with known factors: from the array to the run that the page shows."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import train
from explorer.checkpoint import read_config, read_metrics
from explorer.config import DataConfig, ModelConfig, RunConfig, resolve
from explorer.data.sets import ImageSet, seeded_test
from explorer.library import Library
from explorer.training.command import with_facts
from explorer.ui.routes import with_addresses
from explorer.views.card import card_rows
from explorer.views.colours import colours_of
from explorer.views.runs import describe_run

COUNT = 600
RNG = np.random.default_rng(0)
FACTORS = np.column_stack([RNG.uniform(0, 1, COUNT), RNG.integers(0, 8, COUNT), np.ones(COUNT)])
KINDS = RNG.integers(0, 2, COUNT)
NAME = "squares-vae-3"


def squares() -> np.ndarray:
    """Squares or frames of several brightnesses at several places, (N, 16, 16) in [0, 1]."""
    images = np.zeros((COUNT, 16, 16), np.float32)
    for image, (light, place, _), kind in zip(images, FACTORS, KINDS, strict=True):
        left = int(place)
        image[5:12, left : left + 7] = 0.2 + 0.8 * light
        if kind:
            image[7:10, left + 2 : left + 5] = 0
    return images


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that was fitted on a file of its data folder."""
    folder = tmp_path_factory.mktemp("array")
    (folder / "data").mkdir()
    np.savez(folder / "data" / "squares.npz", images=squares(), factors=FACTORS, labels=KINDS)
    words = ["--dataset", "array", "--file", folder / "data" / "squares.npz", "--data-dir", folder / "data"]
    words += ["--out", folder / "runs", "--epochs", 1, "--latent-dim", 3, "--nll-samples", 3, "--nll-images", 5]
    words += ["--widths", 4, 8]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(folder / "cache"))
        patch.setattr("train.signal.signal", lambda *args: None)
        patch.setattr("explorer.training.judge.SEEN_IMAGES", 256)
        patch.setattr("explorer.training.judge.BATCH", 16)
        assert train.main([str(word) for word in (*words, "--quiet", "--threads", 1)]) == 0
    return folder


@pytest.fixture
def library(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setenv("EXPLORER_CACHE", str(folder / "cache"))
    return Library(folder / "runs", folder / "data")


def test_a_run_knows_its_file_its_shape_and_its_factors_but_no_path(folder: Path, library: Library):
    config = read_config(folder / "runs" / NAME)
    assert (config.data.name, config.data.folder, config.data.image_size) == ("squares", "squares.npz", None)
    assert config.data.factor_names == ("factor 0", "factor 1"), "what is the same for all is left out"
    assert config.model.image_shape == (1, 16, 16)
    assert str(folder).encode() not in b"".join(path.read_bytes() for path in (folder / "runs").rglob("*.json"))
    opened = library.open(NAME)
    shown = opened.images()
    assert shown is not None and library.images_trouble(NAME) is None, "it is found again in the data folder"
    kept = squares()[np.argsort(seeded_test(COUNT), kind="stable")]  # test images last
    np.testing.assert_allclose(shown[:, 0] / 255, kept[opened.latents.index], atol=1 / 255)


def test_known_numbers_are_colours_of_the_map_and_directions(library: Library):
    opened = library.open(NAME)
    told = cast("dict[str, Any]", describe_run(library, opened))
    colours = [(each["name"], each["text"]) for each in told["colours"] if each["name"].startswith("factor")]
    assert colours == [("factor0", "factor 0"), ("factor1", "factor 1")]
    assert opened.attribute_names == ("high factor 0", "high factor 1")
    assert {each["name"] for each in told["directions"]["attributes"]} == set(opened.attribute_names or ())
    assert opened.latents.factor is not None
    np.testing.assert_array_equal(colours_of(opened)["factor1"].values(opened), opened.latents.factor[:, 1])
    stored = cast("dict[str, str]", with_addresses(opened, told)["stored"])
    assert stored["factor1"].startswith(f"explorer/api/run/{NAME}/scalar/factor1?"), (
        "it is asked for as other numbers are"
    )


def test_disentanglement_is_measured_where_factors_are_known_and_stands_on_the_card(folder: Path, library: Library):
    found = read_metrics(folder / "runs" / NAME)["test"]["disentanglement"]
    assert found["factors"] == ["class", "factor 0", "factor 1"]
    assert all(0 <= found[name] <= 1 for name in ("mig", "sap", "disentanglement", "completeness", "informativeness"))
    rows = {row["name"]: row for row in card_rows(library.card(NAME), is_point=False)}
    assert rows["MIG"]["text"] == f"{found['mig']:.2f}" and rows["SAP"]["detail"] == "of class, factor 0, factor 1"


@pytest.mark.parametrize(("net", "widths"), [("conv", (128, 256)), ("mlp", ())])
def test_widths_are_those_for_images_of_their_size_once_it_is_known(net: Any, widths: tuple[int, ...]):
    config = resolve(RunConfig(data=DataConfig(dataset="array"), model=ModelConfig(net=net)))
    assert config.model.widths is None
    pixels = np.zeros((50, 1, 16, 12), np.uint8)
    images = ImageSet(name="a", pixels=pixels, levels=256, test_count=10)
    assert with_facts(config, images).model.widths == widths
