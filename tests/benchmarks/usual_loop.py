"""The fit beside the usual loop: torchvision's data set, PIL transforms, a DataLoader, float32, Adam; same net.

The two take turns within one process, so that the ratios hold on a machine whose speed drifts.
"""

import dataclasses
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from explorer.analysis.bounds import elbo
from explorer.coder import TorchCoder
from explorer.config import DataConfig, RunConfig, TrainConfig, resolve
from explorer.data import ImageSet, Split, default_data_dir, load_dataset, split
from explorer.devices import pick_device, pick_precision
from explorer.models import Autoencoder, build_model
from explorer.training.fit import Fit

ROOT = Path(__file__).resolve().parent.parent.parent

IMAGES = 10_240
"""Training images in one turn."""

TURNS = 5

BATCH = 256

USUAL_EPOCHS = 10
"""Epochs of the usual loop whose test ELBO is to be reached."""

OUR_EPOCHS = (4, 5, 6)
"""Lengths of fits that race for it; the shortest that gets there counts."""

Row = tuple[str, float, str]


def usual_batches(data_dir: Path, rows: range | list[int] = range(IMAGES)) -> Iterator[Tensor]:
    """Batches (256, 1, 28, 28) in [0, 1] as tutorials deliver them."""
    from torchvision.datasets import MNIST
    from torchvision.transforms import ToTensor

    images = MNIST(str(data_dir), train=True, download=False, transform=ToTensor())
    for batch, _ in DataLoader(Subset(images, rows), batch_size=BATCH, shuffle=True):
        yield batch


def usual_step(model: Autoencoder, optimizer: torch.optim.Optimizer, images: Tensor) -> None:
    """One step as tutorials take it."""
    assert model.config.latent_dim is not None
    targets = torch.bernoulli(images)
    loss = model(images, targets, {"latents": torch.randn(len(images), 1, model.config.latent_dim)})
    optimizer.zero_grad()
    loss.total.backward()
    optimizer.step()
    loss.total.item()


def mnist(**train: object) -> tuple[RunConfig, ImageSet, Split]:
    """MNIST with the settings that `train.py --dataset mnist` would take."""
    settings = TrainConfig(**train)  # pyright: ignore[reportArgumentType]
    config = resolve(RunConfig(data=DataConfig(dataset="mnist"), train=settings))
    images = load_dataset(config.data, default_data_dir())
    model = dataclasses.replace(config.model, image_shape=images.image_shape, levels=images.levels)
    return dataclasses.replace(config, model=model), images, split(images, config.data)


def usual_model(config: RunConfig) -> tuple[Autoencoder, torch.optim.Optimizer]:
    """The net of a configuration and the optimiser that tutorials give it."""
    torch.manual_seed(0)
    model = build_model(config.model)
    return model, torch.optim.Adam(model.parameters(), lr=1e-3)


def rates() -> Iterator[Row]:
    """Images a second of both, and how many times more ours are: median over the turns, and of each pair's ratio."""
    data_dir = default_data_dir()
    config, images, parts = mnist()
    parts = dataclasses.replace(parts, train=parts.train[:IMAGES])
    device = pick_device()
    usual, optimizer = usual_model(config)

    def fit_with(precision: torch.dtype) -> Fit:
        return Fit(config, images.pixels, parts, device=device, precision=precision, folder=Path())

    def usual_delivery() -> None:
        for _ in usual_batches(data_dir):
            pass

    def usual_training() -> None:
        for batch in usual_batches(data_dir):
            usual_step(usual, optimizer, batch)

    plain = fit_with(torch.float32)

    def our_delivery() -> None:
        for pixels in plain.epoch_batches():
            _ = pixels.float() / plain.scale

    def our_training(fit: Fit) -> None:
        for pixels in fit.epoch_batches():
            fit._step(pixels)

    pairs: list[tuple[str, Callable[[], None], Callable[[], None]]] = [
        ("data delivery", usual_delivery, our_delivery),
        ("training, fp32", usual_training, lambda: our_training(plain)),
    ]
    if pick_precision("auto", device) != torch.float32:
        mixed = fit_with(pick_precision("auto", device))
        pairs.append(("training, bf16", usual_training, lambda: our_training(mixed)))
    for what, theirs, ours in pairs:
        theirs()
        ours()  # both are warm now
        turns = [(seconds(theirs), seconds(ours)) for _ in range(TURNS)]
        yield f"{what}, usual loop", statistics.median(IMAGES / a for a, _ in turns), "images/s"
        yield f"{what}, train.py", statistics.median(IMAGES / b for _, b in turns), "images/s"
        yield f"{what}, ratio", statistics.median(a / b for a, b in turns), "x"


def race() -> Iterator[Row]:
    """Seconds to the test ELBO that the usual loop reaches in ten epochs; our fits run between its epochs."""
    data_dir = default_data_dir()
    config, images, parts = mnist()
    device = pick_device()
    precision = pick_precision("auto", device)
    usual, optimizer = usual_model(config)
    rows = parts.train.tolist()

    def usual_epoch() -> None:
        for batch in usual_batches(data_dir, rows):
            usual_step(usual, optimizer, batch)

    usual_seconds, ours = 0.0, dict[int, tuple[float, float]]()
    after = {round(USUAL_EPOCHS * (number + 1) / len(OUR_EPOCHS)): epochs for number, epochs in enumerate(OUR_EPOCHS)}
    for epoch in range(1, USUAL_EPOCHS + 1):
        usual_seconds += seconds(usual_epoch)
        if epoch in after:
            with tempfile.TemporaryDirectory() as folder:
                short = dataclasses.replace(config, train=dataclasses.replace(config.train, epochs=after[epoch]))
                fit = Fit(short, images.pixels, parts, device=device, precision=precision, folder=Path(folder))
                taken = seconds(lambda fit=fit: fit.run(lambda *_: None, quiet=True))
            ours[after[epoch]] = taken, test_elbo(fit.exported, images, parts)
    target = test_elbo(usual, images, parts)
    yield f"test ELBO of the usual loop after {USUAL_EPOCHS} epochs", target, "nats"
    yield f"seconds of those {USUAL_EPOCHS} epochs", usual_seconds, "s"
    for epochs, (taken, reached) in ours.items():
        yield f"test ELBO of train.py --epochs {epochs}", reached, "nats"
        yield f"seconds of those {epochs} epochs", taken, "s"
    there = [(taken, epochs) for epochs, (taken, reached) in ours.items() if reached >= target]
    if there:
        taken, epochs = min(there)
        yield f"seconds to that ELBO, train.py --epochs {epochs} / usual loop", taken / usual_seconds, "x"


def parity() -> Iterator[Row]:
    """Test ELBO after eight epochs in bfloat16 and in float32, three seeds; nothing where bfloat16 is emulated."""
    device = pick_device()
    if pick_precision("auto", device) == torch.float32:
        return
    base, images, parts = mnist(epochs=8)
    for seed in range(3):
        reached = []
        config = dataclasses.replace(base, train=dataclasses.replace(base.train, seed=seed))
        for precision in (torch.bfloat16, torch.float32):
            with tempfile.TemporaryDirectory() as folder:
                fit = Fit(config, images.pixels, parts, device=device, precision=precision, folder=Path(folder))
                fit.run(lambda *_: None, quiet=True)
            reached.append(test_elbo(fit.exported, images, parts))
            yield f"test ELBO, seed {seed}, {str(precision).removeprefix('torch.')}", reached[-1], "nats"
        yield f"test ELBO, seed {seed}, bf16 - fp32", reached[0] - reached[1], "nats"


def test_elbo(model: Autoencoder, images: ImageSet, parts: Split) -> float:
    """Mean ELBO of the binarised test images, nats, one draw each."""
    coder, test = TorchCoder(model), images.images(parts.test)
    rng = np.random.default_rng(0)
    targets = (rng.random(test.shape, dtype=np.float32) < test).astype(np.float32)
    return float(elbo(coder, targets, coder.encode(test), 1, rng).mean())


def memory() -> Iterator[Row]:
    """Most memory that one epoch of MNIST takes, each in a process of its own, started in turn."""
    if not hasattr(os, "wait4"):
        return
    quick = ["--dataset", "mnist", "--epochs", "1", "--threads", "1", "--quiet", "--nll-samples", "10", "--nll-images"]
    quick += ["50", "--data-dir", str(default_data_dir())]
    with tempfile.TemporaryDirectory() as folder:
        if (ROOT / "checkpoints" / "features-mnist").is_dir():
            shutil.copytree(ROOT / "checkpoints" / "features-mnist", Path(folder) / "features-mnist")
        commands = {
            "usual loop": ["-c", USUAL_EPOCH],
            "train.py, the fit": ["-c", FIT_ALONE, *quick, "--overwrite", "--out", str(Path(folder) / "fit")],
            "train.py, with its evaluation": ["train.py", *quick, "--overwrite", "--out", folder],
        }
        peaks: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(3):
            for name, arguments in commands.items():
                peaks[name].append(peak_mebibytes([sys.executable, *arguments]))
    for name, each in peaks.items():
        yield f"peak memory, {name}", statistics.median(each), "MiB"
    ratios = [a / b for a, b in zip(peaks["train.py, the fit"], peaks["usual loop"], strict=True)]
    yield "peak memory, fit / usual loop", statistics.median(ratios), "x"


USUAL_EPOCH = """
from tests.benchmarks.usual_loop import *
torch.set_num_threads(1)
config, _, parts = mnist()
model, optimizer = usual_model(config)
for batch in usual_batches(default_data_dir(), parts.train.tolist()):
    usual_step(model, optimizer, batch)
"""

FIT_ALONE = """
import sys
import train
from explorer.training import evaluate

def stop(*_):
    sys.exit(0)

evaluate.evaluate = stop
train.main()
"""


WATCH = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Runs a command from a small process: a child's peak begins with what its parent held when it was started."""


def peak_mebibytes(command: list[str]) -> float:
    """Peak resident memory of a command, MiB."""
    watch = [sys.executable, "-c", WATCH, *command]
    done = subprocess.run(watch, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout) / (2**20 if sys.platform == "darwin" else 2**10)


def seconds(action: Callable[[], object]) -> float:
    """How long an action takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin
