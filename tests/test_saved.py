"""Somebody's own model as a run that opens without its code."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import explorer
from explorer.errors import CheckpointError, ConfigError, ExplorerError, ShapeError
from explorer.library import Library, load_run
from explorer.program import PARTS, ProgramError
from explorer.program.running import RUN, RunningProgram
from explorer.views.programs import program
from explorer.views.report import story
from explorer.views.runs import describe_run
from tests.fakes import ProgramCoder, linear_coder
from tests.interpreter import STEPS
from tests.own_models import Plain, Variational, images_in

COUNT = 120
"""Images of a saved model."""

WIDE = (3, 6, 10)
"""(C, H, W) of them: in colour, and no square."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with yours-ae-4 and its twin yours-vae-4; read, never write."""
    out = tmp_path_factory.mktemp("saved")
    images, labels = images_in(Plain(WIDE), COUNT), ["even", "odd"] * (COUNT // 2)
    explorer.save_run(Plain(WIDE), images, out, labels)
    explorer.save_run(Variational(WIDE), images, out, labels, twin="yours-ae-4")
    return out


@pytest.mark.parametrize("name", ["yours-ae-4", "yours-vae-4"])
def test_a_saved_model_answers_as_it_did(saved, name):
    model = Plain(WIDE)
    run, images = load_run(saved / name), images_in(model, COUNT).numpy()
    np.testing.assert_allclose(run.coder.encode(images).mean, model.encode(images_in(model, COUNT)).detach(), atol=1e-4)
    np.testing.assert_allclose(run.coder.decode(run.coder.encode(images).mean), images, atol=0.06)
    assert (run.coder.encode(images).log_variance is None) == ("-ae-" in name)
    assert run.config.data.class_names == ("even", "odd")


def test_it_opens_on_the_page_beside_its_twin_and_computes_in_the_browser(saved):
    library = Library(saved)
    assert library.twins() == {"yours-ae-4": "yours-vae-4", "yours-vae-4": "yours-ae-4"}
    for name in library.names():
        library.check(name)
        run = library.open(name)
        assert run.images() is None and (trouble := library.images_trouble(name)) is not None
        assert trouble.kind == "missing" and not library.can_download(name)
        assert all(program(run, part).trouble is None for part in PARTS)
        assert describe_run(library, run)["count"] == len(run) == COUNT - COUNT // 2 - COUNT // 5
        rows = {row["name"]: row["text"] for row in story(library, name)["card"]}
        assert "programs" in rows["Net"] and "Beta" not in rows and "Epochs" not in rows
        assert library.ladder(name) == []


def test_its_scores_are_those_of_any_run(saved):
    metrics = json.loads((saved / "yours-vae-4/metrics.json").read_text())
    assert metrics["test"]["mse"] < 0.01 and metrics["test"]["active_units"] == 4
    assert metrics["holes"]["raw"]["vacancy"]["n"] > 0
    assert "coverage" in metrics["not_measured"]


def test_no_pixel_enters_it(saved):
    held = load_file(saved / "yours-ae-4/latents.safetensors")
    assert all(array.size < np.prod(WIDE) * len(array) or array.dtype != np.uint8 for array in held.values())
    assert set(load_file(saved / "yours-ae-4/model.safetensors")) == {"decoder", "encoder", "deviation"}


def test_it_is_exported_as_any_run(saved, tmp_path):
    made = explorer.export(tmp_path / "page.html", "yours-vae-4", checkpoints=saved, quiet=True)
    assert set(made.runs) == {"yours-ae-4", "yours-vae-4"} and not made.lacking


def test_latents_that_were_maps_are_remembered(tmp_path):
    model = Plain()
    given = explorer.from_torch(lambda x: model.encode(x).reshape(-1, 1, 2, 2), lambda z: model.decode(z.flatten(1)))
    explorer.save_run(given, images_in(model, COUNT), tmp_path, tag="maps")
    card = Library(tmp_path).card("yours-ae-4-maps")
    assert card.latent_shape == (1, 2, 2)


class Sorted(Plain):
    """Does what no step of a program does."""

    def encode(self, images):
        return super().encode(images.sort(1)[0])


class Stretched(Plain):
    """Takes a part of its latents that a program cannot."""

    def decode(self, latents):
        return super().decode(latents[:, None][:, 0])


class Deciding(Plain):
    """Depends on the numbers themselves."""

    def decode(self, latents):
        return super().decode(latents if latents.sum() > 0 else latents * 1)


WRONG = {
    "few": (Plain(), 40, {}, ShapeError, "at least 60 images"),
    "name": (Plain(), COUNT, {"dataset": "a/b"}, ConfigError, "dataset must be letters"),
    "twin": (Plain(), COUNT, {"twin": "nobody"}, ConfigError, "no run nobody .* save that one first"),
    "sorts": (Sorted(), COUNT, {}, ConfigError, r"cannot express sort\(\), which the encoder of Sorted calls"),
    "part": (Stretched(), COUNT, {}, ConfigError, r"the part x\[:, None\].*--model FILE.py:make_model"),
    "decides": (Deciding(), COUNT, {}, ConfigError, "the decoder of Deciding: torch.fx cannot trace it"),
    "numpy": (linear_coder(image_shape=(1, 8, 8)), COUNT, {}, ConfigError, "cannot be saved without its code"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_saved_is_one_sentence_and_leaves_nothing(name, tmp_path):
    model, count, settings, kind, words = WRONG[name]
    with pytest.raises(kind, match=words) as caught:
        explorer.save_run(model, images_in(Plain(), count), tmp_path / "out", **settings)
    assert "\n" not in str(caught.value) and not list(tmp_path.rglob("*.json"))


def test_a_run_is_not_replaced_unasked(saved):
    with pytest.raises(CheckpointError, match="exists"):
        explorer.save_run(Plain(WIDE), images_in(Plain(WIDE), COUNT), saved)


# --- running programs -----------------------------------------------------------------------------------------------


def test_torch_runs_every_step_that_there_is():
    assert RUN.keys() == STEPS.keys()


def program_file(part) -> bytes:
    coder = linear_coder(log_variance=None)
    return ProgramCoder(coder.matrix, coder.image_shape, None).program(part)


def test_a_program_is_believed_only_as_the_part_that_it_is():
    RunningProgram(program_file("decoder"), "decoder")
    with pytest.raises(ProgramError, match="where the encoder is wanted"):
        RunningProgram(program_file("decoder"), "encoder")


def edited(file: bytes, **head: object) -> bytes:
    """A program whose head says something else."""
    size = int.from_bytes(file[4:8], "little")
    told = json.dumps(json.loads(file[8 : 8 + size]) | head).encode()
    told += b" " * (-(len(told) + 8) % 64)
    return file[:4] + len(told).to_bytes(4, "little") + told + file[8 + size :]


def head_of(file: bytes) -> dict:
    return json.loads(file[8 : 8 + int.from_bytes(file[4:8], "little")])


def lies(file: bytes) -> dict[str, bytes]:
    """Programs that are wrong in one way each."""
    linear, shaped = head_of(file)["steps"]
    far = linear["weight"] | {"at": 64 * 10**6}
    huge = {"op": "enlarge", "in": [2], "factor": [9_000, 9_000], "shape": [1, 72_000, 72_000]}
    return {
        "empty": b"",
        "cut": file[: len(file) // 2],
        "no JSON": file[:8] + b"{" * (len(file) - 8),
        "newer": edited(file, format=99),
        "no steps": edited(file, steps=[]),
        "unknown step": edited(file, steps=[linear | {"op": "exec"}, shaped]),
        "loop": edited(file, steps=[linear | {"in": [2]}, shaped]),
        "before": edited(file, steps=[linear | {"in": [-1]}, shaped]),
        "outside": edited(file, steps=[linear | {"weight": far}, shaped]),
        "another shape": edited(file, steps=[linear, shaped | {"shape": [1, 8, 9]}]),
        "bomb": edited(file, steps=[linear, shaped, huge]),
        "negative": edited(file, steps=[linear | {"shape": [-64]}, shaped]),
        "text for a number": edited(file, steps=[linear | {"factor": "9" * 10}, shaped]),
        "other outputs": edited(file, outputs={"pixels": 1}),
        "another d": edited(file, latent_dim=3),
        "its test": edited(file, steps=[linear | {"bias": linear["weight"] | {"shape": [64]}}, shaped]),
    }


@pytest.mark.parametrize("name", lies(program_file("decoder")))
def test_a_program_that_lies_is_refused_with_a_reason(name):
    with pytest.raises(ProgramError) as caught:
        RunningProgram(lies(program_file("decoder"))[name], "decoder")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_a_damaged_model_concerns_its_run_alone(saved, tmp_path):
    import shutil

    folder = Path(shutil.copytree(saved / "yours-ae-4", tmp_path / "yours-ae-4"))
    held = load_file(folder / "model.safetensors")
    save_file(held | {"decoder": held["decoder"][:-64].copy()}, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match="cannot be run") as caught:
        load_run(folder)
    assert isinstance(caught.value, ExplorerError) and "\n" not in str(caught.value)
    save_file({"weight": np.zeros(3, dtype=np.float32)}, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match="bytes of a decoder and an encoder"):
        load_run(folder)
