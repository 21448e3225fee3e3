"""train.py on pictures: from a folder to a run that the page opens, with no path and no pixel in it."""

import json
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import train
from explorer.arrays import UNKNOWN
from explorer.checkpoint import read_config, read_metrics
from explorer.data import clear_cache
from explorer.data.pictures import Preparation
from explorer.library import Library
from tests.pictures import ramp, values, write_faces, write_flowers, write_lists, write_scenes
from tests.serve_fake import serving

QUICK = [
    "--epochs",
    1,
    "--widths",
    4,
    8,
    "--hidden",
    8,
    "--latent-dim",
    3,
    "--nll-samples",
    3,
    "--nll-images",
    5,
    "--quiet",
]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own, signals left to pytest, and feature nets of a moment."""
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("train.signal.signal", lambda *args: None)
    monkeypatch.setattr("explorer.training.judge.SEEN_IMAGES", 256)
    monkeypatch.setattr("explorer.training.judge.BATCH", 16)


def run(*arguments: object) -> int:
    return train.main([str(argument) for argument in (*arguments, "--threads", 1)])


def fitted(capsys: pytest.CaptureFixture[str], tmp_path: Path, *arguments: object) -> str:
    """What a fit into `tmp_path / "runs"` prints."""
    status = run(*arguments, *QUICK, "--data-dir", tmp_path / "data", "--out", tmp_path / "runs")
    captured = capsys.readouterr()
    assert status == 0, captured.err
    return captured.out


def conversion_ended() -> None:
    """Wait for the thread in which a library converts pictures."""
    for thread in threading.enumerate():
        if thread.name == "convert":
            thread.join(60)
            assert not thread.is_alive()


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Pictures in two classes, one of them broken."""
    names = [f"{kind}/{n}.{ending}" for n in range(40) for kind, ending in (("cat", "png"), ("dog", "jpg"))]
    write_scenes(tmp_path / "data" / "My pets", names)
    (tmp_path / "data" / "My pets" / "cat" / "7.png").write_bytes(b"")
    return tmp_path / "data" / "My pets"


def test_a_folder_becomes_a_run_that_the_page_opens(pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    said = fitted(capsys, tmp_path, "--dataset", "folder", "--folder", pets, "--image-size", 16, "--twin")
    assert (
        "80 pictures, of which 10" in said
        and "2 classes: cat (40), dog (40)" in said
        and "1 of 80 files are broken and left out: cat/7.png" in said
    )
    config = read_config(tmp_path / "runs" / "My-pets-16-vae-3")
    assert (config.data.folder, config.data.class_names, config.data.image_size) == ("My pets", ("cat", "dog"), 16)
    assert (config.data.held_out, config.data.calibration) == (6, 19), "what was left open is stored as it came out"
    assert config.model.image_shape == (3, 16, 16) and config.model.likelihood == "gaussian"
    library = Library(tmp_path / "runs", tmp_path / "data")
    assert library.twin("My-pets-16-vae-3") == "My-pets-16-ae-3"
    shown = library.open("My-pets-16-vae-3").images()
    assert shown is not None and shown.shape[1:] == (3, 16, 16)
    away = Library(tmp_path / "runs", tmp_path / "elsewhere")
    assert away.open("My-pets-16-vae-3").images() is None, "the page then shows decodes"
    trouble = away.images_trouble("My-pets-16-vae-3")
    assert trouble is not None and trouble.kind == "missing" and not away.can_download("My-pets-16-vae-3")


def test_a_given_split_of_deep_pictures_becomes_a_run_that_the_page_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    place = tmp_path / "data" / "cells" / "images"
    for part, count in (("train", 25), ("Valid", 6), ("test", 6)):
        for number, kind in enumerate(("10", "9")):
            arrays = [ramp(4000 - 9 * n - 500 * number, np.uint16, 33) for n in range(count)]
            values(place / part / kind, arrays, "png")
    said = fitted(capsys, tmp_path, "--dataset", "folder", "--folder", place, "--image-size", 33)
    assert "the 50 pictures of train/ are for fitting, the 12 of Valid/ are for validation, the 12 of test/" in said
    assert "2 classes: 9 (37), 10 (37)" in said and "74 of 74 pictures of more than 8 bits: 0 is black" in said
    name = "cells-images-33-vae-3"
    assert (tmp_path / "runs" / "features-cells-images-33").is_dir()
    config = read_config(tmp_path / "runs" / name)
    assert (config.data.name, config.data.folder) == ("cells-images-33", "cells/images")
    assert (config.data.brightness, config.data.class_names) == ((0, 4095), ("9", "10"))
    assert (config.model.net, config.model.image_shape) == ("conv", (3, 33, 33))
    library = Library(tmp_path / "runs", tmp_path / "data")
    opened = library.open(name)
    shown = opened.images()
    assert shown is not None and shown.shape[1:] == (3, 33, 33) and opened.judge is not None
    assert opened.coder.decode(opened.latents.mean[:2]).shape == (2, 3, 33, 33)
    assert library.images_trouble(name) is None


def test_one_folder_read_in_two_ways_is_two_sets_of_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    names = [
        f"{part}/{kind}{n}.png" for part, count in (("train", 40), ("test", 12)) for n in range(count) for kind in "ab"
    ]
    write_scenes(tmp_path / "data" / "set", names)
    place = ("--dataset", "folder", "--folder", tmp_path / "data" / "set", "--image-size", 16)
    fitted(capsys, tmp_path, *place)
    fitted(capsys, tmp_path, *place, "--one-split", "--tag", "one")
    library = Library(tmp_path / "runs", tmp_path / "data")
    for name, count, classes in (("set-16-vae-3", 24, None), ("set-16-vae-3-one", 10, ("test", "train"))):
        opened = library.open(name)
        shown = opened.images()
        assert shown is not None and len(shown) == count and opened.class_names == classes, name


def test_the_fewest_pictures_make_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_scenes(tmp_path / "data" / "few", [f"{n}.png" for n in range(44)])
    fitted(capsys, tmp_path, "--dataset", "folder", "--folder", tmp_path / "data" / "few", "--image-size", 16)
    few = ("--dataset", "folder", "--folder", tmp_path / "data" / "few", "--image-size", 16, "--tag", "part")
    status = run(*few, "--subset", 4, *QUICK, "--data-dir", tmp_path / "data", "--out", tmp_path / "runs")
    said = capsys.readouterr().err
    assert status == 1 and "would leave 4 images to train on" in said and said.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_class_whose_name_is_no_text_is_written_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_scenes(tmp_path / "data" / "old", [f"{kind}/{n}.png" for n in range(30) for kind in ("cafe", "dog")])
    (tmp_path / "data" / "old" / "cafe").rename(os.fsdecode(os.fsencode(tmp_path / "data" / "old") + b"/caf\xe9"))
    fitted(capsys, tmp_path, "--dataset", "folder", "--folder", tmp_path / "data" / "old", "--image-size", 16)
    assert Library(tmp_path / "runs").open("old-16-vae-3").class_names == ("caf\\udce9", "dog")


def test_large_pictures_are_converted_beside_a_page_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from PIL import Image

    write_scenes(tmp_path / "data" / "large", [f"{n}.png" for n in range(60)])
    Image.new("RGB", (2400, 1800), "red").save(tmp_path / "data" / "large" / "0.png")
    with serving(Library()):
        said = fitted(
            capsys, tmp_path, "--dataset", "folder", "--folder", tmp_path / "data" / "large", "--image-size", 16
        )
    assert "60 pictures" in said and "broken" not in said


def test_the_page_goes_on_while_pictures_are_converted_and_then_has_them(
    pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    import explorer.data.cache as room

    fitted(capsys, tmp_path, "--dataset", "folder", "--folder", pets, "--image-size", 16)
    library = Library(tmp_path / "runs", tmp_path / "data")
    before = library.open("My-pets-16-vae-3").images()
    clear_cache()
    go_on, decode = threading.Event(), room.prepared_with_traits

    def held(path: Path, how: Preparation):
        assert go_on.wait(60)
        return decode(path, how)

    monkeypatch.setattr(room, "prepared_with_traits", held)
    library = Library(tmp_path / "runs", tmp_path / "data")
    run_ = library.open("My-pets-16-vae-3")
    assert run_.images() is None and len(run_.thumbnails()) == len(run_), "decodes stand for them"
    trouble = library.images_trouble("My-pets-16-vae-3")
    assert trouble is not None and trouble.kind == "converting" and trouble.share == 0
    assert not library.can_download("My-pets-16-vae-3")
    go_on.set()
    conversion_ended()
    assert library.images_trouble("My-pets-16-vae-3") is None
    np.testing.assert_array_equal(run_.images(), before)


def test_a_conversion_that_fails_is_told_and_not_begun_again(
    pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    fitted(capsys, tmp_path, "--dataset", "folder", "--folder", pets, "--image-size", 16)
    clear_cache()
    for number in range(1, 7):
        (pets / "dog" / f"{number}.jpg").write_bytes(b"")
    library = Library(tmp_path / "runs", tmp_path / "data")
    assert library.open("My-pets-16-vae-3").images() is None
    conversion_ended()
    trouble = library.images_trouble("My-pets-16-vae-3")
    assert trouble is not None and trouble.kind == "damaged" and "dog/1.jpg" in trouble.sentence
    assert "convert" not in [thread.name for thread in threading.enumerate()], "it is not tried again"


def test_a_run_names_no_place_and_holds_no_picture(pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    fitted(capsys, tmp_path, "--dataset", "folder", "--folder", pets, "--image-size", 16, "--grey")
    for path in (tmp_path / "runs").rglob("*"):
        assert path.is_dir() or str(tmp_path).encode() not in path.read_bytes(), path
    sheets = list((tmp_path / "runs").rglob("*.png"))
    assert sheets and all(path.parent.name == "sheets" for path in sheets)


def test_a_folder_elsewhere_must_be_named_again(pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    outside = tmp_path / "outside" / "pets"
    outside.parent.mkdir()
    pets.rename(outside)
    fitted(capsys, tmp_path, "--dataset", "folder", "--folder", outside, "--image-size", 16)
    before = read_metrics(tmp_path / "runs" / "pets-16-vae-3")
    again = ("--evaluate", "pets-16-vae-3", "--data-dir", tmp_path / "data", "--out", tmp_path / "runs")
    assert run(*again) == 1 and "--folder" in capsys.readouterr().err
    assert run(*again, "--folder", outside, "--quiet") == 0, capsys.readouterr().err
    after = read_metrics(tmp_path / "runs" / "pets-16-vae-3")
    assert after["test"]["mse"] == pytest.approx(before["test"]["mse"], rel=1e-4)


def test_faces_with_a_further_folder_become_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_faces(tmp_path / "data" / "celeba" / "img_align_celeba")
    write_lists(tmp_path / "data" / "celeba", "txt")
    write_faces(tmp_path / "data" / "faces64" / "train", range(1, 100), size=(16, 16))
    more = tmp_path / "data" / "faces64"
    sizes = ("--set-aside", 20, "--calibration", 20)
    said = fitted(capsys, tmp_path, "--dataset", "celeba", "--extra-train", more, "--image-size", 16, *sizes)
    assert "60 of 202,599" in said and "59 further training faces" in said
    folder = tmp_path / "runs" / "celeba-16-vae-3"
    config = read_config(folder)
    assert (config.data.extra_train, config.data.attribute_names) == ("faces64", ("Bald", "Eyeglasses", "Smiling"))
    run_ = Library(tmp_path / "runs", tmp_path / "data").open("celeba-16-vae-3")
    shown = run_.images()
    assert shown is not None and len(shown) == 12
    assert run_.latents.attribute is not None and {0, 1} <= set(np.unique(run_.latents.attribute))
    assert run_.latents.reference_attribute is not None
    reference = run_.latents.reference_attribute
    assert (reference == UNKNOWN).any() and (reference != UNKNOWN).any(), "faces without attributes are stored as such"
    codes, attributes = run_.described
    stored = run_.latents
    known = [each for each in (stored.attribute, reference, stored.fitting_attribute) if each is not None]
    assert len(codes) == len(attributes) == sum((each != UNKNOWN).any(axis=1).sum() for each in known)
    assert {each.name for each in run_.directions["attributes"]} <= set(run_.attribute_names or ())
    assert "attributes of celeba" in read_metrics(folder)["holes"]["feature_space"]


def test_flowers_say_what_they_are_fitted_and_measured_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_flowers(tmp_path / "data", 120)
    options = ("--held-out", 8, "--calibration", 20, "--image-size", 16)
    said = fitted(capsys, tmp_path, "--dataset", "flowers102", *options)
    assert "training and test splits together" in said and "validation split" in said
    metrics = read_metrics(tmp_path / "runs" / "flowers102-16-vae-3")
    assert metrics["test"]["n"] == 20 and "principal components" in metrics["holes"]["feature_space"]


def test_a_dry_run_reads_no_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run("--dataset", "folder", "--folder", tmp_path / "nowhere", "--dry-run") == 0
    plans = json.loads(capsys.readouterr().out)
    assert plans[0]["run"] == "nowhere-vae-32" and not (tmp_path / "cache").exists()


def test_one_command_clears_the_cache(pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    fitted(capsys, tmp_path, "--dataset", "folder", "--folder", pets, "--image-size", 16)
    size = sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.is_file())
    layout = tmp_path / "cache" / "tsne" / f"{0:024x}.npy"
    layout.parent.mkdir()
    layout.write_bytes(bytes(1234))
    assert run("--clear-cache") == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"{size:,} bytes of converted images removed from {tmp_path / 'cache' / 'images'}",
        f"1,234 bytes of t-SNE layouts removed from {tmp_path / 'cache' / 'tsne'}",
    ]
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.name != ".lock"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--dataset", "folder"], "--folder PATH"),
        (["--dataset", "mnist", "--folder", "x"], "--folder PATH"),
        (["--dataset", "mnist", "--extra-train", "x"], "--extra-train"),
        (["--dataset", "mnist", "--one-split"], "--one-split must go with --dataset folder"),
        (["--dataset", "celeba", "--no-one-split"], "--no-one-split must go with --dataset folder"),
        (["--dataset", "digits", "--image-size", 16], "--image-size"),
        (["--dataset", "folder", "--folder", "x", "--image-size", 2], "image_size"),
        (["--dataset", "folder", "--folder", "no-such-folder"], "no folder no-such-folder"),
        (["--dataset", "celeba", "--no-download"], "Kaggle"),
        (["--dataset", "flowers102", "--no-download"], "flowers-102"),
    ],
)
def test_a_mistake_with_pictures_is_one_sentence(
    arguments: list[object], word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(*arguments, "--out", tmp_path / "runs", "--data-dir", tmp_path / "data") == 1
    said = capsys.readouterr().err
    assert word in said and len(said.strip().splitlines()) == 1
    assert not (tmp_path / "runs").exists()
