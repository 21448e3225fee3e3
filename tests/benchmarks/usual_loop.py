"""The fit beside the usual loop: torchvision's data set, PIL transforms, a DataLoader, float32, Adam; same net.

The two take turns within one process, so that the ratios hold on a machine whose speed drifts.
"""

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from explorer.config import DataConfig, RunConfig, resolve
from explorer.data import default_data_dir, load_dataset, split
from explorer.devices import pick_device, pick_precision
from explorer.models import Autoencoder, build_model
from explorer.training.fit import Fit

IMAGES = 10_240
"""Training images in one turn."""

TURNS = 5

LATENT_DIM = 16


def usual_batches(data_dir: Path) -> Iterator[Tensor]:
    """Batches (256, 1, 28, 28) in [0, 1] as tutorials deliver them."""
    from torchvision.datasets import MNIST
    from torchvision.transforms import ToTensor

    images = MNIST(str(data_dir), train=True, download=False, transform=ToTensor())
    for batch, _ in DataLoader(Subset(images, range(IMAGES)), batch_size=256, shuffle=True):
        yield batch


def usual_step(model: Autoencoder, optimizer: torch.optim.Optimizer, images: Tensor) -> None:
    """One step as tutorials take it."""
    targets = torch.bernoulli(images)
    loss = model(images, targets, torch.randn(len(images), LATENT_DIM))
    optimizer.zero_grad()
    loss.total.backward()
    optimizer.step()
    loss.total.item()


def rates() -> Iterator[tuple[str, float, str]]:
    """Images a second of both, and how many times more ours are: median over the turns, and of each pair's ratio."""
    data_dir = default_data_dir()
    config = resolve(RunConfig(data=DataConfig(dataset="mnist")))
    images = load_dataset(config.data, data_dir)
    parts = split(images, config.data)
    model_config = dataclasses.replace(config.model, image_shape=images.image_shape, levels=images.levels)
    config = dataclasses.replace(config, model=model_config)
    device = pick_device()
    torch.manual_seed(0)
    usual = build_model(model_config)
    optimizer = torch.optim.Adam(usual.parameters(), lr=1e-3)

    def fit_with(precision: torch.dtype) -> Fit:
        train, validation = images.pixels[parts.train[:IMAGES]], images.pixels[parts.validation]
        return Fit(config, train, validation, device=device, precision=precision, folder=Path())

    def usual_delivery() -> None:
        for _ in usual_batches(data_dir):
            pass

    def usual_training() -> None:
        for batch in usual_batches(data_dir):
            usual_step(usual, optimizer, batch)

    plain = fit_with(torch.float32)

    def our_delivery() -> None:
        for rows in plain._order().split(plain.batch_size):
            _ = plain.train[rows].float() / plain.scale

    def our_training(fit: Fit) -> None:
        for rows in fit._order().split(fit.batch_size):
            fit._step(rows)

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


def seconds(action: Callable[[], None]) -> float:
    """How long an action takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin
