"""What a run is: its arrays, and its twin without a look at every other run."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from explorer.errors import NotFoundError
from explorer.images import shrunk
from explorer.library import Library
from explorer.views.colours import COLOURS
from explorer.views.explore import beside
from explorer.views.hole_planes import planes_of
from explorer.views.runs import describe_run, tile_size, twin_name


@pytest.fixture
def folder(twin_runs: Path, tmp_path: Path) -> Path:
    """A copy of the twins digits-vae-2 and digits-ae-2, to change at will."""
    return Path(shutil.copytree(twin_runs, tmp_path / "runs"))


def rewrite(run: Path, **changes: object) -> None:
    """Store other settings of the data than the run was fitted with."""
    config = json.loads((run / "config.json").read_text())
    config["data"] |= changes
    (run / "config.json").write_text(json.dumps(config))


def test_a_twin_that_is_known_is_found_without_a_look_at_every_run(folder, monkeypatch):
    library = Library(folder)
    run, twin = library.open("digits-vae-2"), library.open("digits-ae-2")

    def refused() -> None:
        raise AssertionError("every run was looked at")

    monkeypatch.setattr(library, "names", refused)
    latent = np.zeros((1, 2), dtype=np.float32)
    assert beside(library, run, latent).shape == (1, 2)
    assert planes_of(library, "digits-vae-2", {})[1] is twin


def test_a_twin_that_is_gone_or_was_fitted_otherwise_is_none(folder):
    library = Library(folder)
    run = library.open("digits-vae-2")
    assert twin_name(library, run) == "digits-ae-2"
    rewrite(folder / "digits-ae-2", fingerprint="0" * 16)
    assert twin_name(library, run) is None
    shutil.rmtree(folder / "digits-ae-2")
    assert twin_name(library, run) is None
    with pytest.raises(NotFoundError, match="no twin"):
        beside(library, run, np.zeros((1, 2), dtype=np.float32))


def test_a_run_names_the_arrays_that_it_has(folder):
    library = Library(folder)
    vae, autoencoder = (describe_run(library, library.open(name))["stored"] for name in ("digits-vae-2", "digits-ae-2"))
    every = ["points", "labels", *COLOURS]
    assert vae == every
    assert autoencoder == [name for name in every if name != "rate"]


@pytest.mark.parametrize("name", COLOURS)
def test_a_colour_is_a_number_of_every_image(folder, name):
    run = Library(folder).open("digits-vae-2")
    assert not COLOURS[name].lacks(run)
    values = COLOURS[name].values(run)
    assert values.shape == (len(run),)
    assert np.isfinite(values).all() or name == "cluster", "an image in no cluster has no number"


SIZES = [
    ((1, 28, 28), 70_000, (28, 28)),
    ((3, 64, 64), 10_000, (64, 64)),
    ((3, 256, 256), 300, (128, 128)),
    ((3, 256, 256), 10_000, (64, 64)),
    ((3, 48, 96), 10_000, (48, 96)),
    ((1, 1, 300), 300, (1, 150)),
]


@pytest.mark.parametrize(("shape", "count", "tile"), SIZES)
def test_thumbnails_of_large_images_are_means_of_squares(shape, count, tile):
    assert tile_size(shape, count) == tile
    images = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype=np.uint8)
    small = shrunk(images, tile)
    assert small.shape == (2, shape[0], *tile)
    np.testing.assert_allclose(small.mean(axis=(2, 3)), images.mean(axis=(2, 3)), atol=1)
