"""The feature space of a data set: a small classifier's penultimate layer, fitted once and shared by all its runs.

Pixel distance rewards blur, so coverage and validity are measured between features. Which features is named beside
every number.
"""

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from explorer.arrays import Images
from explorer.checkpoint import CONFIG, WEIGHTS, read_tensors, write_json, write_tensors
from explorer.data import ImageSet, Split
from explorer.errors import CheckpointError

FEATURES = 32
"""Dimensions of the feature space."""

EPOCHS = {"mnist": 4, "digits": 60}
BATCH = 256


class Classifier(nn.Module):
    """Convolutions, a layer of features, one layer of class scores.

    Args:
        image_shape: (C, H, W), of any size from 8x8.
        classes: Number of labels.
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(image_shape[0], 32, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(64 * 16, FEATURES),
        )
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes) of images (N, C, H, W) in [0, 1]."""
        return self.head(self.body(images).relu())


class Judge:
    """Features and class probabilities of images, in numpy.

    Attributes:
        space: What the feature space is, in words, for beside a number.
    """

    def __init__(self, model: Classifier, space: str) -> None:
        self.model, self.space = model.eval().requires_grad_(False), space

    def features(self, images: Images) -> NDArray[np.float32]:
        """Features (N, F) of images (N, C, H, W) in [0, 1]."""
        return self._batched(self.model.body, images)

    def probabilities(self, images: Images) -> NDArray[np.float32]:
        """Class probabilities (N, classes) of images (N, C, H, W) in [0, 1]."""
        return self._batched(lambda batch: self.model(batch).softmax(dim=1), images)

    def _batched(self, function, images: Images) -> NDArray[np.float32]:
        with torch.inference_mode():
            parts = [function(torch.from_numpy(images[i : i + 1024])).numpy() for i in range(0, len(images), 1024)]
        return np.concatenate(parts)


def load_judge(folder: Path) -> tuple[Judge, str]:
    """The judge stored in `features-<dataset>/`, and the fingerprint of the data set that it was fitted on.

    Raises:
        CheckpointError: The folder is missing or damaged.
    """
    try:
        stored = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        model = Classifier(tuple(stored["image_shape"]), stored["classes"])
        space, fingerprint = str(stored["space"]), str(stored["fingerprint"])
        model.load_state_dict({name: torch.from_numpy(a).float() for name, a in read_tensors(folder / WEIGHTS).items()})
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{folder} holds no usable feature net ({error}); delete it and run train.py.") from None
    return Judge(model, space), fingerprint


def open_judge(folder: Path, images: ImageSet, split: Split) -> Judge:
    """The judge of a data set: read if it was fitted on these very images, else fitted and stored.

    Args:
        folder: `features-<dataset>/` beside the runs.
        images: A data set with labels.
        split: Its training rows are fitted, its validation rows give the accuracy that is stored.
    """
    if (folder / CONFIG).is_file():
        judge, fingerprint = load_judge(folder)
        if fingerprint == images.fingerprint:
            return judge
    model, accuracy = fit_classifier(images, split)
    space = f"penultimate layer ({FEATURES}) of a classifier of {images.name}"
    with torch.inference_mode():
        weights = {name: tensor.half() for name, tensor in model.state_dict().items()}
        model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(folder / WEIGHTS, {name: tensor.numpy() for name, tensor in weights.items()})
    classes = len(images.class_names or ())
    write_json(
        folder / CONFIG,
        {
            "format": 1,
            "space": space,
            "image_shape": images.image_shape,
            "classes": classes,
            "features": FEATURES,
            "validation_accuracy": accuracy,
            "fingerprint": images.fingerprint,
        },
    )
    return Judge(model, space)


def fit_classifier(images: ImageSet, split: Split, seed: int = 0) -> tuple[Classifier, float]:
    """A classifier fitted on the training rows, and its accuracy on the validation rows."""
    if images.labels is None or images.class_names is None:
        raise CheckpointError(f"{images.name} has no labels, so no classifier can be its judge.")
    torch.manual_seed(seed)
    model = Classifier(images.image_shape, len(images.class_names))
    labels = torch.from_numpy(images.labels)
    epochs = EPOCHS.get(images.name, 10)
    steps = epochs * -(-len(split.train) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps + 1)
    shuffle = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for rows in torch.randperm(len(split.train), generator=shuffle).split(BATCH):
            index = split.train[rows.numpy()]
            scores = model(torch.from_numpy(images.images(index)))
            loss = nn.functional.cross_entropy(scores, labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    judge = Judge(model, "")
    guessed = judge.probabilities(images.images(split.validation)).argmax(axis=1)
    return model, float((guessed == images.labels[split.validation]).mean())
