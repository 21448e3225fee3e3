"""The README's lines on data and models of one's own: each is run as it is written there, on small files made up here.

What a line names lies in a folder of the tests' own: pictures, tables, data sets in torchvision's layout, a Python file
with a model. Fits are cut to an epoch of a small net by flags after those of the line.
"""

import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from torch import nn

import explorer
import explorer.__main__ as command
import explorer.api
import train
from explorer.arrays import Posterior
from explorer.checkpoint import list_runs
from explorer.library import Library
from explorer.program.models import program_of
from tests.conftest import ROOT
from tests.own_models import D, Plain, Variational, images_in
from tests.pictures import write_faces, write_flowers, write_lists, write_scenes
from tests.test_data_named import MNIST_NAMES, write_idx

README = (ROOT / "README.md").read_text(encoding="utf-8")

OWN = README.split("## Your data and your model")[1].split("\n## ")[0]
"""The section in which everything begins."""

CUT = ["--epochs", 1, "--widths", 4, 8, "--hidden", 8, "--quick", "--quiet", "--threads", 1]
CUT += ["--held-out", 12, "--calibration", 19, "--set-aside", 19, "--reference", 40]
"""Flags that make any fit a small one."""

NEW_RUNS = {"--twin": 2, "--dry-run": 0}
"""Runs that a fit with such a flag makes; any other makes one."""

COUNT = 60
"""Pictures of a folder, and images of a model."""

NET = """
from tests.own_models import Plain


def make_model():
    return Plain((3, 8, 8))
"""


def folded(name: str) -> str:
    """A folded part of the README."""
    return README.split(f'<details id="{name}">')[1].split("</details>")[0]


def blocks(text: str, kind: str) -> list[str]:
    """The blocks of code of a language."""
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def words_of(line: str, begin: str) -> list[str]:
    """The words of a command after those that begin it, as a shell gives them to it."""
    words = [str(Path(word).expanduser()) for word in shlex.split(line, comments=True)]
    assert words[: len(begin.split())] == begin.split(), line
    return words[len(begin.split()) :]


FITS = [
    line for part in (OWN, folded("fitting-in-detail")) for block in blocks(part, "sh") for line in block.split("\n")
]
FITS = [line for line in FITS if " train.py " in line and "torchrun" not in line]
OPENED = [" ".join(line.split()) for line in re.findall(r"`(python\s+-m\s+explorer\s[^`]*)`", OWN)]
PYTHON = [line for block in blocks(OWN, "python") for line in block.split("\n") if line and line != "import explorer"]


def test_no_line_of_the_section_is_left_out():
    lines = [line for block in blocks(OWN, "(?:sh|python|)") for line in block.split("\n") if line]
    assert set(lines) - {"import explorer"} == set(PYTHON) | {line for line in FITS if line in OWN}
    assert len(FITS) >= 9 and len(PYTHON) >= 5 and len(OPENED) >= 1


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the lines name."""
    folder = tmp_path_factory.mktemp("readme")
    for pictures in ("home/Pictures/holiday", "photos", "pictures"):
        write_scenes(folder / pictures, [f"{number}.png" for number in range(COUNT)], size=(8, 8))
    rows = [f"{number}.png,{'cat' if number % 2 else 'dog'},{number / 7}" for number in range(COUNT)]
    (folder / "labels.csv").write_text("\n".join(["file,label,weight", *rows]))
    squares = np.random.default_rng(0).integers(0, 256, (COUNT, 16, 16)).astype(np.uint8)
    np.savez(folder / "images.npz", images=squares, labels=np.arange(COUNT) % 3)
    for name in ("MNIST", "FashionMNIST"):
        write_idx(folder / f"data/{name}/raw", MNIST_NAMES, counts={"train": 150, "test": 60})
    write_flowers(folder / "data")
    write_faces(folder / "DIR/celeba/img_align_celeba", range(1, 121))
    write_lists(folder / "DIR/celeba", "txt", range(1, 121))
    (folder / "net.py").write_text(NET)
    model = Variational(latent_dim=16)
    explorer.save_run(model, images_in(model, COUNT), folder / "checkpoints", dataset="mnist")  # mnist-vae-16
    return folder


@pytest.fixture(autouse=True)
def at_home(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines are typed in that folder."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("HOME", str(place / "home"))
    monkeypatch.setenv("EXPLORER_DATA", str(place / "data"))
    monkeypatch.setenv("EXPLORER_CACHE", str(place / "cache"))
    monkeypatch.setattr("train.signal.signal", lambda *args: None)
    monkeypatch.setattr("explorer.__main__.signal.signal", lambda *args: None)


@pytest.mark.parametrize("line", FITS)
def test_a_fit_of_the_readme_makes_runs_that_open(line: str):
    before = set(list_runs(Path("checkpoints")))
    assert train.main([str(word) for word in (*words_of(line, ".venv/bin/python train.py"), *CUT)]) == 0
    made = set(list_runs(Path("checkpoints"))) - before
    assert len(made) == next((count for flag, count in NEW_RUNS.items() if flag in line), 1)
    library = Library(Path("checkpoints"))
    for name in made:
        library.check(name)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What the page that a line opens says of its runs; then somebody presses Ctrl-C."""
    seen: list[dict[str, Any]] = []

    def look(_: float) -> None:
        address = re.search(r"http://\S+", capsys.readouterr().out)
        assert address is not None
        runs = httpx.get(f"{address[0]}explorer/api/runs", timeout=60).json()
        seen.extend(httpx.get(f"{address[0]}explorer/api/run/{run['name']}", timeout=60).json() for run in runs)
        raise KeyboardInterrupt

    clock = SimpleNamespace(sleep=look, process_time=lambda: 0.0)
    monkeypatch.setattr(explorer.api, "time", clock)
    monkeypatch.setattr(command, "time", clock)
    return seen


@pytest.mark.parametrize("line", OPENED)
def test_a_model_is_opened_from_a_shell(line: str, opened: list[dict[str, Any]]):
    assert command.main(words_of(line, "python -m explorer")) == 130, "as after Ctrl-C"
    assert [run["count"] for run in opened] == [COUNT]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the Python lines take for granted, and a notebook, which keeps what it is asked to show."""
    net, shown = Plain(), []
    kernel = SimpleNamespace(__name__="IPython", get_ipython=lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=shown.append))
    return {
        "explorer": explorer,
        "net": net,
        "my_autoencoder": Plain(),
        "my_vae": Variational(),
        "images": images_in(net, COUNT),
        "labels": ["even", "odd"] * (COUNT // 2),
        "encode": lambda images: net.encode(images / 2 + 0.5),
        "decode": lambda latents: 2 * net.decode(latents) - 1,
        "shown": shown,
    }


CHECKS: dict[str, Callable[[dict[str, Any], list[dict[str, Any]]], bool]] = {
    "launch": lambda names, opened: {run["count"] for run in opened} == {COUNT},
    "show": lambda names, opened: names["shown"][0].runs[0] == "mnist-vae-16",
    "save_run": lambda names, opened: (
        Library(Path("checkpoints")).open(f"sparrows-ae-{D}").class_names == ("even", "odd")
    ),
}
"""What is true after a line that calls such a function."""


@pytest.mark.parametrize("line", PYTHON)
def test_a_line_of_python_does_what_it_says(line: str, names: dict[str, Any], opened: list[dict[str, Any]]):
    exec(compile(line, "README.md", "exec"), names)  # noqa: S102 - this is what the test is about
    called = re.match(r"explorer\.(\w+)", line)
    assert called is not None and CHECKS[called[1]](names, opened)


def test_the_coder_that_writes_its_programs_does(names: dict[str, Any]):
    [block] = blocks(folded("a-model-of-your-own-decoded-in-the-browser"), "python")
    exec(compile(block, "README.md", "exec"), names)  # noqa: S102
    coder, net = names["MyCoder"](), names["net"]
    coder.encoder, coder.decoder = nn.Sequential(nn.Flatten(), net.into), net.out
    coder.encode = lambda images: Posterior(net.encode(torch.from_numpy(images)).detach().numpy())
    coder.decode = lambda latents: net.decode(torch.from_numpy(latents)).detach().numpy()
    coder.latent_dim, coder.image_shape, coder.levels = D, net.image_shape, 256
    assert program_of(coder, "decoder") and program_of(coder, "encoder")
