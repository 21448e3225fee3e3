"""How long somebody waits for the first picture of a model of their own, by what they hand over.

From the call, or the command, to the portrait of the run: its images encoded, the holes calibrated, some codes decoded.
Models of libraries that are not installed are left out. The last row is a process of its own with the whole page.
"""

import contextlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

import explorer
from explorer.adapters import placed_model
from explorer.library import Library, hold_models
from explorer.views.chooser import portrait
from tests.benchmarks.usual_loop import ROOT, Row
from tests.own_models import Plain, Variational, images_in

COUNT = 2_000
"""Images that are handed over, 28x28 grey."""

SHAPE = (1, 28, 28)


def seconds_of(model: Any, images: Any, **settings: Any) -> float:
    """Seconds from the call to the first picture."""
    begin = time.perf_counter()
    library = Library()
    hold_models(library, model, images, **settings)
    portrait(library.open(library.names()[0]))
    return time.perf_counter() - begin


def rows() -> Iterator[Row]:
    """A row for everything that somebody may hand over."""
    net = Variational(SHAPE, 16)
    images = images_in(net, COUNT)
    labels = np.array(["even", "odd"])[np.arange(COUNT) % 2]
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch and of libraries, about one another
        folder = Path(place)
        for words, line, call in given(folder, net, images, labels):
            with contextlib.suppress(ImportError):
                yield f"{words}: {line}", call(), "s"
        yield f"a Python file, a folder of pictures: {SHELL}", from_shell(folder, images), "s"


SHELL = "python -m explorer --model net.py:make_model --images pictures"

CODE = f"""
from tests.own_models import Variational


def make_model():
    return Variational({SHAPE}, 16)
"""


def given(
    folder: Path, net: Variational, images: torch.Tensor, labels: np.ndarray
) -> Iterator[tuple[str, str, Callable[[], float]]]:
    """What was given, the line of Python, and what measures it."""
    signed = Variational(SHAPE, 16, low=-1)
    rows_of = TensorDataset(images, torch.arange(COUNT) % 2)
    yield "a torch module", "launch(net, images, labels)", lambda: seconds_of(net, images, labels=labels)
    yield (
        "two functions in [-1, 1]",
        "launch(from_torch(encode, decode, pixel_range=(-1, 1)), images)",
        lambda: seconds_of(explorer.from_torch(signed.encode, signed.decode, pixel_range=(-1, 1)), images),
    )
    yield "a DataLoader", "launch(net, loader)", lambda: seconds_of(net, DataLoader(rows_of, batch_size=64))
    yield "two models", "launch([ae, vae], images)", lambda: seconds_of([Plain(SHAPE, 16), net], images)
    yield "programs of torch.export", "launch('exported/', images)", lambda: exported(folder / "exported", net, images)
    yield "a VAE of pythae", "launch(model, images)", lambda: of_pythae(images)
    yield "AutoencoderKL of diffusers, 32x32", "launch(model, images)", of_diffusers
    yield "a run that was saved", "save_run(net, images), then open it", lambda: of_a_run(folder / "runs", net, images)


def exported(folder: Path, net: Variational, images: torch.Tensor) -> float:
    """Two programs of torch.export; writing them does not count."""
    folder.mkdir()

    class Half(torch.nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.net, self.name = net, name

        def forward(self, given: torch.Tensor) -> Any:
            return getattr(self.net, self.name)(given)

    for name, place, shape in (("encode", "encoder", SHAPE), ("decode", "decoder", (16,))):
        torch.export.save(torch.export.export(Half(name), (torch.zeros(64, *shape),)), folder / f"{place}.pt2")
    return seconds_of(str(folder), images)


def of_pythae(images: torch.Tensor) -> float:
    """A VAE of pythae as it comes."""
    from pythae.models import VAE, VAEConfig  # pyright: ignore[reportMissingImports]

    return seconds_of(VAE(VAEConfig(input_dim=SHAPE, latent_dim=16)), images)


def of_diffusers() -> float:
    """An autoencoder of diffusers of a size to try, of random weights."""
    from diffusers import AutoencoderKL  # pyright: ignore[reportMissingImports]

    model = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,  # pyright: ignore[reportArgumentType] - it takes several
        up_block_types=("UpDecoderBlock2D",) * 3,  # pyright: ignore[reportArgumentType]
        block_out_channels=(16, 32, 32),  # pyright: ignore[reportArgumentType]
        norm_num_groups=8,
        latent_channels=2,
    )
    return seconds_of(model, torch.rand(200, 3, 32, 32))


def of_a_run(folder: Path, net: Variational, images: torch.Tensor) -> float:
    """A saved run, from its folder; saving it does not count."""
    made = explorer.save_run(net, images, folder)
    begin = time.perf_counter()
    portrait(Library(folder).open(made.name))
    return time.perf_counter() - begin


def from_shell(folder: Path, images: torch.Tensor) -> float:
    """A process of its own, from the command to the portrait over HTTP."""
    pictures = folder / "pictures"
    pictures.mkdir()
    for row, image in enumerate(images.numpy()):
        Image.fromarray(np.rint(image[0] * 255).astype(np.uint8)).save(pictures / f"{row:05d}.png")
    (folder / "net.py").write_text(CODE)
    assert placed_model(f"{folder / 'net.py'}:make_model")
    command = [sys.executable, "-m", "explorer", "--model", f"{folder / 'net.py'}:make_model"]
    begin = time.perf_counter()
    with subprocess.Popen(
        [*command, "--images", str(pictures), "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = (re.search(r"http://\S+", line) for line in process.stdout)
            url = next(found[0] for found in said if found is not None)
            with urllib.request.urlopen(f"{url.rstrip('/')}/explorer/api/run/yours/portrait", timeout=60) as answer:
                assert answer.read(4)
            return time.perf_counter() - begin
        finally:
            process.terminate()
