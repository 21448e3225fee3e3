"""Small runs in the fixed layout, fitted for a moment on scikit-learn's digits: real enough for every test."""

import dataclasses
from pathlib import Path

import torch

from explorer import checkpoint
from explorer.coder import TorchCoder, shipped_weights
from explorer.config import DataConfig, ModelConfig, RunConfig, TrainConfig, resolve
from explorer.data import ImageSet, load_dataset, split
from explorer.models import Autoencoder, build_model
from explorer.training.evaluate import evaluate
from explorer.training.sheets import epoch_codes, kept_rows, sheet_latents, write_sheet

STEPS = 400
"""Steps of the fit: under a second on one core, and the classes already part."""


def small_config(
    family: str = "vae", latent_dim: int = 2, tag: str | None = None, stochastic_levels: int = 2
) -> RunConfig:
    """Resolved settings of a run on the digits, as train.py would store them."""
    images = load_dataset(DataConfig(dataset="digits"))
    config = RunConfig(
        data=DataConfig(
            dataset="digits",
            fingerprint=images.fingerprint,
            class_names=images.class_names,
            attribute_names=images.attribute_names,
        ),
        model=ModelConfig(
            family=family,
            latent_dim=latent_dim,
            stochastic_levels=stochastic_levels,
            hidden=64,
            image_shape=images.image_shape,
            levels=images.levels,
        ),
        train=TrainConfig(epochs=1, seed=0, nll_samples=10, nll_images=50),
        versions={"torch": torch.__version__},
        tag=tag,
    )
    return resolve(config)


def write_run(
    out: Path,
    family: str = "vae",
    latent_dim: int = 2,
    tag: str | None = None,
    twin: str | None = None,
    steps: int = STEPS,
    stochastic_levels: int = 2,
) -> Path:
    """A complete run in `out`, written by the program's own functions.

    Args:
        out: Folder of runs.
        family: As in `ModelConfig`.
        latent_dim: d.
        tag: Last part of the run's name.
        twin: Name of the run it claims to have been fitted with.
        steps: Steps of the fit; 0 leaves the random weights.
        stochastic_levels: Levels of latents of the hierarchical family.

    Returns:
        The run's folder.
    """
    config = dataclasses.replace(small_config(family, latent_dim, tag, stochastic_levels), twin=twin)
    images = load_dataset(config.data)
    model = fitted_model(config, images, steps)
    partial = checkpoint.begin_run(out, config.name)
    checkpoint.write_config(partial, config)
    checkpoint.write_weights(partial, shipped_weights(model, images.images(split(images, config.data).validation)))
    coder = TorchCoder(model)
    metrics, latents = evaluate(coder, config, images, split(images, config.data), out)
    metrics["train"] = {
        "seconds": 1.0,
        "images_per_second": 1000.0,
        "device": "cpu",
        "precision": "float32",
        "epochs": 1,
    }
    checkpoint.write_latents(partial, latents)
    checkpoint.write_metrics(partial, metrics)
    checkpoint.append_history(partial, {"epoch": 1, "train": {"total": 30.0, "distortion": 28.0, "rate": 2.0}})
    write_sheet(partial, 1, coder, sheet_latents(family, latents.calibration))
    mapped = kept_rows(split(images, config.data).test)
    checkpoint.write_epoch_codes(partial, 1, epoch_codes(coder, images.rows(mapped), mapped))
    return checkpoint.publish_run(partial, out, config.name)


def fitted_model(config: RunConfig, images: ImageSet, steps: int) -> Autoencoder:
    """The model of a configuration after a few steps of Adam, (N, 1, 8, 8) in batches of 128."""
    torch.manual_seed(config.train.seed)
    model = build_model(config.model)
    generator = torch.Generator().manual_seed(config.train.seed)
    train = torch.from_numpy(images.images(split(images, config.data).train))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(steps):
        batch = train[torch.randint(len(train), (128,), generator=generator)]
        optimizer.zero_grad()
        noise = model.draw_noise(len(batch), generator, torch.device("cpu"))
        model(batch, batch, noise).total.backward()
        optimizer.step()
    return model
