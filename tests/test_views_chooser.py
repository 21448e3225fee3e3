"""Runs as somebody chooses among them: in words, with a picture of decodes, and what is said of a collapsed one."""

import dataclasses
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.images import tile, to_bytes
from explorer.library import Card, Library
from explorer.views.chooser import collapse_line, listed_runs, portrait, run_words
from tests.fakes import linear_coder


@pytest.fixture(scope="module")
def shipped(root: Path) -> Library:
    """The runs that come with the program."""
    return Library(root / "checkpoints")


def test_a_run_is_called_by_its_data_set_its_kind_its_d_and_its_beta(shipped: Library):
    found = {run["name"]: (run["title"], run["side"], run["label"], run["short"]) for run in listed_runs(shipped)}
    assert found["mnist-vae-16"] == ("MNIST", "vae", "VAE, d = 16, beta 1", "beta 1")
    assert found["digits-vae-8-beta0.3"] == ("Digits", "vae", "VAE, d = 8, beta 0.3", "beta 0.3")
    assert found["celeba-ae-64"] == ("Faces", "ae", "Autoencoder, d = 64", "autoencoder")
    assert found["flowers102-vae-32"][0] == "Flowers"


def test_no_two_shipped_runs_are_called_the_same(shipped: Library):
    called = [(run["title"], run["side"], run["label"]) for run in listed_runs(shipped)]
    assert len(called) == len(set(called)) > 20


def test_a_family_of_autoencoders_and_a_tag_are_told(shipped: Library):
    card = shipped.card("digits-ae-8")
    assert card.config is not None
    model = dataclasses.replace(card.config.model, family="sparse")
    sparse = dataclasses.replace(card, family="sparse", config=dataclasses.replace(card.config, model=model, tag="kl"))
    words = run_words(sparse)
    assert (words["side"], words["label"], words["short"]) == ("ae", "Sparse AE, d = 8, kl", "sparse AE, kl")


def test_a_model_of_ones_own_goes_by_its_name():
    library = Library(None)
    coder = linear_coder(2, log_variance=-1.0)
    library.hold("mine", coder, np.clip(coder.sample_images(60, np.random.default_rng(0)), 0, 1))
    (run,) = listed_runs(library)
    assert (run["title"], run["side"], run["label"], run["short"]) == ("yours", "vae", "mine, d = 2", "mine")


def test_a_damaged_run_is_listed_with_its_error(root: Path, tmp_path: Path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text('{"surprise": 1}')
    (run,) = listed_runs(Library(tmp_path))
    assert run["name"] == "broken"
    assert "surprise" in str(run["error"])
    assert {value for key, value in run.items() if key not in ("name", "error")} == {None}


def test_a_portrait_shows_decodes_of_stored_codes_and_nothing_else():
    library = Library(None)
    coder = linear_coder(2, log_variance=None)
    images = np.clip(coder.sample_images(60, np.random.default_rng(0)), 0, 1)
    run = library.hold("mine", coder, images, np.arange(60) // 30)
    shown = np.asarray(Image.open(io.BytesIO(portrait(run))))
    rows = [0, 30, 1, 2, 3, 4]  # the first of each class, then the first
    expected = tile(to_bytes(coder.decode(run.latents.mean[rows])), 3)[0]
    np.testing.assert_array_equal(shown if shown.ndim == 2 else shown[..., 0], expected)


def test_a_tag_that_says_more_than_beta_stands_in_the_label(shipped: Library):
    card = shipped.card("digits-vae-2")
    assert card.config is not None
    for tag, ending in ((None, "beta 1"), ("beta1", "beta 1"), ("sharp", "beta 1, sharp")):
        tagged = dataclasses.replace(card, config=dataclasses.replace(card.config, tag=tag))
        assert run_words(tagged)["label"].endswith(ending)


def test_a_collapsed_run_says_so_with_what_to_do_and_a_milder_run_of_its_ladder(shipped: Library):
    told = collapse_line(shipped, shipped.card("digits-vae-8-beta4"))
    assert told == {
        "words": "This model ignores its latents: 0 of 8 dimensions carry anything. Fit it with a beta below 4, or see",
        "instead": {"name": "digits-vae-8", "short": "beta 1"},
    }
    for name in ("digits-vae-8", "mnist-vae-16", "digits-ae-8"):
        assert collapse_line(shipped, shipped.card(name)) is None


def test_a_collapsed_run_without_its_ladder_still_says_what_to_do(root: Path, tmp_path: Path):
    name = "digits-vae-8-beta4"
    shutil.copytree(root / "checkpoints" / name, tmp_path / name)
    library = Library(tmp_path)
    told = collapse_line(library, library.card(name))
    assert told is not None
    assert str(told["words"]).endswith("Fit it with a beta below 4.")
    assert told["instead"] is None


@pytest.mark.parametrize("units", [None, 1, "0", [0]])
def test_only_a_run_whose_measured_dimensions_all_carry_nothing_is_collapsed(shipped: Library, units: object):
    card = shipped.card("digits-vae-8-beta4")
    metrics = json.loads(json.dumps(dict(card.metrics)))
    metrics["test"]["active_units"] = units
    other: Card = dataclasses.replace(card, metrics=metrics)
    assert collapse_line(shipped, other) is None
