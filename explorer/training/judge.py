"""The feature space of a data set: made once, stored beside the runs, shared by all runs of these very images.

Pixel distance rewards blur, so coverage and validity are measured between features. Which features is named beside
every number: the penultimate layer of a small classifier of the labels (MNIST, digits) or of the attributes (faces),
or else principal components of the training pixels.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from explorer.arrays import UNKNOWN, ImageRows
from explorer.checkpoint import (
    CONFIG,
    WEIGHTS,
    begin_net,
    claimed,
    kept_if_resumable,
    publish_run,
    read_json,
    read_tensors,
    write_json,
    write_tensors,
)
from explorer.data import ImageSet, Split
from explorer.devices import pick_precision
from explorer.errors import CheckpointError

Kind = Literal["classifier", "attributes", "pca"]
"""What a feature space is made of: a classifier of labels, one of attributes, or principal components."""

FEATURES = 32
"""Dimensions of a classifier's feature space."""

COMPONENTS = 64
"""Most principal components."""

SHIPPED = Path(__file__).parents[2] / "checkpoints"
"""Folder of the runs, and of the feature spaces, that come with the program."""

Tell = Callable[[int, int], None]
"""Told how many of how many steps are done."""


def unheard(done: int, total: int) -> None:
    """A `Tell` for those who do not want to know."""


EPOCHS = {"mnist": 6, "digits": 60}
BATCH = 256

EDITION = 2
"""Number of the classifier's layers, stored beside its weights; the first had none."""

SEEN_IMAGES = 40_000
"""Images that a classifier sees in all, over as many epochs as that takes: minutes on one thread."""

PCA_IMAGES = 5_000
"""Most training images that principal components are found from."""

CLASSIFIED_SIDE, CLASSIFIED_IMAGES = 32, 100
"""Largest side in pixels, and fewest training images a class, of other images whose labels make a feature space."""


@runtime_checkable
class Judge(Protocol):
    """Features of images, in numpy.

    Attributes:
        kind: What the feature space is made of.
        space: The same in words, for beside a number.
        accuracy: Share of new images that the classifier behind it tells right, in [0, 1]; None where there is none.
    """

    kind: Kind
    space: str
    accuracy: float | None

    def features(self, images: ImageRows) -> NDArray[np.float32]:
        """Features (N, F) of images (N, C, H, W) in [0, 1]; F is 64 at most."""
        ...


class Classifier(nn.Module):
    """Convolutions, a layer of features, one layer of class scores.

    Args:
        image_shape: (C, H, W), of any size from 8x8.
        classes: Number of labels.
    """

    kind: Kind = "classifier"

    def __init__(self, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.body = self.build_body(image_shape)
        self.head = nn.Linear(FEATURES, classes)

    def build_body(self, image_shape: tuple[int, int, int]) -> nn.Module:
        """The layers up to the features: (N, C, H, W) -> (N, FEATURES)."""
        first = 2 if min(image_shape[1:]) >= 16 else 1
        layers: list[nn.Module] = []
        for before, after, stride in ((image_shape[0], 32, first), (32, 64, 1), (64, 64, 1)):
            convolution = nn.Conv2d(before, after, kernel_size=3, stride=stride, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(after), nn.ReLU()]
            if len(layers) == 6:
                layers.append(nn.MaxPool2d(2))
        layers += [nn.AdaptiveMaxPool2d(4), nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 16, FEATURES)]
        return nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """Scores before a softmax, or log-odds of attributes, (N, classes), of images (N, C, H, W) in [0, 1]."""
        return self.head(self.body(images).relu())


class FirstClassifier(Classifier):
    """The classifier of stored feature spaces of the first edition: two convolutions without normalisation."""

    def build_body(self, image_shape: tuple[int, int, int]) -> nn.Module:
        """The layers up to the features: (N, C, H, W) -> (N, FEATURES)."""
        return nn.Sequential(
            nn.Conv2d(image_shape[0], 32, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(64 * 16, FEATURES),
        )


class AttributeClassifier(Classifier):
    """The same with convolutions that halve the image, and a score for each attribute in place of a class."""

    kind: Kind = "attributes"

    def build_body(self, image_shape: tuple[int, int, int]) -> nn.Module:
        """The layers up to the features: (N, C, H, W) -> (N, FEATURES)."""
        layers: list[nn.Module] = []
        for before, after in ((image_shape[0], 32), (32, 64), (64, 128)):
            convolution = nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(after), nn.ReLU()]
        layers += [nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Dropout(0.3), nn.Linear(128 * 16, FEATURES)]
        return nn.Sequential(*layers)


class ClassifierJudge:
    """Features of a classifier's penultimate layer, and what it says of an image.

    Attributes:
        kind: "classifier" of labels, or "attributes".
        space: What the feature space is, in words.
        accuracy: Share of new images that the classifier tells right, in [0, 1], where it is known.
    """

    def __init__(self, model: Classifier, space: str, accuracy: float | None = None) -> None:
        still = model.eval().requires_grad_(False)
        self.model = still.to(memory_format=torch.channels_last)  # pooling takes a tenth of the time, all half of it
        self.space, self.accuracy = space, accuracy
        self.kind: Kind = model.kind

    def features(self, images: ImageRows) -> NDArray[np.float32]:
        """Features (N, F) of images (N, C, H, W) in [0, 1]."""
        return self._batched(self.model.body, images)

    def probabilities(self, images: ImageRows) -> NDArray[np.float32]:
        """Of classes, which sum to 1, or of each attribute, (N, classes), of images (N, C, H, W) in [0, 1]."""
        if self.kind == "classifier":
            return self._batched(lambda batch: self.model(batch).softmax(dim=1), images)
        return self._batched(lambda batch: self.model(batch).sigmoid(), images)

    def _batched(self, function: Callable[[Tensor], Tensor], images: ImageRows) -> NDArray[np.float32]:
        step = max(1, min(128, 1_000_000 // max(1, images[:1].size)))  # convolutions hold many times as much meanwhile

        def answer(part: NDArray[np.float32]) -> NDArray[np.float32]:
            return function(torch.from_numpy(part).contiguous(memory_format=torch.channels_last)).numpy()

        with torch.inference_mode():
            return np.concatenate([answer(images[i : i + step]) for i in range(0, len(images), step)])


class PrincipalComponents:
    """Coordinates along the directions in which the training pixels vary most; no labels are needed.

    Args:
        mean: Of the training images, (C * H * W,).
        components: Orthonormal rows, (F, C * H * W).
        space: What the feature space is, in words.
    """

    kind: Kind = "pca"
    accuracy: float | None = None

    def __init__(self, mean: NDArray[np.floating], components: NDArray[np.floating], space: str) -> None:
        self.mean, self.components, self.space = mean.astype(np.float32), components.astype(np.float32), space

    def features(self, images: ImageRows) -> NDArray[np.float32]:
        """Features (N, F), in units of pixels, of images (N, C, H, W) in [0, 1]."""
        parts = []
        for start in range(0, len(images), 1024):
            batch = images[start : start + 1024]
            parts.append((batch.reshape(len(batch), -1) - self.mean) @ self.components.T)
        return np.concatenate(parts)


@contextlib.contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Turn whatever the reading of a damaged net raises into one sentence."""
    try:
        yield
    except (CheckpointError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise CheckpointError(f"{folder} holds no usable feature net ({error}); delete it and run train.py.") from None


def load_judge(folder: Path) -> tuple[Judge, str]:
    """The judge stored in `features-<dataset>/`, and the fingerprint of the data set that it was made on.

    Raises:
        CheckpointError: The folder is missing or damaged.
    """
    with usable(folder):
        stored: Any = read_json(folder / CONFIG)
        space, fingerprint = str(stored["space"]), str(stored["fingerprint"])
        tensors = read_tensors(folder / WEIGHTS)
        shape, kind = tuple(stored["image_shape"]), stored.get("kind", "classifier")
        if kind == "pca":
            count = int(np.prod(shape))
            mean, components = tensors["mean"], tensors["components"]
            if mean.shape != (count,) or components.shape != (stored["features"], count):
                raise ValueError(f"components shaped {components.shape} of images of {count} values")
            return PrincipalComponents(mean, components, space), fingerprint
        with torch.device("meta"):  # sizes that somebody wrote cost no memory until the tensors agree with them
            classifier = Classifier if stored.get("edition") == EDITION else FirstClassifier
            model = {"classifier": classifier, "attributes": AttributeClassifier}[kind](shape, stored["classes"])
        take_tensors(model, tensors)
    told = [stored.get(name) for name in ("test_accuracy", "validation_accuracy")]
    known = [share for share in told if isinstance(share, int | float) and 0 <= share <= 1]
    return ClassifierJudge(model, space, known[0] if known else None), fingerprint


def open_judge(folder: Path, images: ImageSet, split: Split, tell: Tell = unheard) -> Judge:
    """The judge of a data set: read if it was made on these very images, else made and stored, as `kept_net` says.

    Args:
        folder: `features-<dataset>/` beside the runs.
        images: The data set.
        split: Its training rows are fitted, its validation rows give the accuracy that is stored.
        tell: Told of the steps of its fit.
    """
    return kept_net(folder, images, load_judge, lambda: _made(images, split, tell))


Stored = tuple[Mapping[str, NDArray[Any]], dict[str, Any]]
"""Tensors of a net, and the facts that are stored beside them."""

Net = TypeVar("Net")


def kept_net(
    folder: Path, images: ImageSet, load: Callable[[Path], tuple[Net, str]], make: Callable[[], Stored]
) -> Net:
    """A net that belongs to a data set: read if it was made on these very images, else made and stored.

    A net of other images is left alone, for runs were fitted or measured with it, and so is a folder of somebody's own:
    the new one then goes beside it, into a folder whose name ends in the beginning of the fingerprint.

    Args:
        folder: Where it is kept, beside the runs.
        images: The data set.
        load: Reads the net in a folder, and the fingerprint of the data set that it was made on.
        make: Makes it.
    """
    beside = folder.with_name(f"{folder.name}-{images.fingerprint[:8]}")
    for place in (folder, beside):
        if (place / CONFIG).is_file():
            net, fingerprint = load(place)
            if fingerprint == images.fingerprint:
                return net
    place = beside if os.path.lexists(folder) else folder
    tensors, facts = _shipped(folder.name, images, load) or make()
    facts = {"format": 1, **facts, "image_shape": images.image_shape, "fingerprint": images.fingerprint}
    with claimed(place.parent, place.name, wait=True):
        if not os.path.lexists(place):
            with kept_if_resumable(place.parent, place.name):
                partial = begin_net(place.parent, place.name)
                write_tensors(partial / WEIGHTS, tensors)
                write_json(partial / CONFIG, facts)
                publish_run(partial, place.parent, place.name)
            return load(place)[0]  # as it was rounded for the file
    if not (place / CONFIG).is_file():
        raise CheckpointError(f"{place} holds no feature net, and is in the way of one; move it away.")
    return kept_net(folder, images, load, make)  # another fit was faster


def _shipped(name: str, images: ImageSet, load: Callable[[Path], tuple[Any, str]]) -> Stored | None:
    """Tensors and facts of the net of these very images that comes with the program; None without one.

    Runs in any folder are then measured in the same space, and none waits for a net that is there already.
    """
    folder = SHIPPED / name
    try:
        _, fingerprint = load(folder)
        stored: Any = read_json(folder / CONFIG)
        return (read_tensors(folder / WEIGHTS), stored) if fingerprint == images.fingerprint else None
    except CheckpointError:  # none comes with the program, or it is damaged
        return None


def _made(images: ImageSet, split: Split, tell: Tell) -> Stored:
    """Tensors and facts of the feature space that goes with what is known of the images."""
    if _can_be_classified(images, split):
        model, accuracy = fit_classifier(images, split, tell=tell)
        facts: dict[str, Any] = {
            "kind": "classifier",
            "space": f"penultimate layer ({FEATURES}) of a classifier of {images.name}",
            "edition": EDITION,
            "classes": len(images.class_names or ()),
            "features": FEATURES,
            "test_accuracy": accuracy,
        }
        return rounded(model), facts
    if images.attributes is not None and _described(images, split.train).size >= BATCH:
        model, accuracy = fit_attribute_classifier(images, split, tell=tell)
        count = images.attributes.shape[1]
        facts = {
            "kind": "attributes",
            "space": f"penultimate layer ({FEATURES}) of a classifier of the {count} attributes of {images.name}",
            "classes": count,
            "features": FEATURES,
            "validation_accuracy": accuracy,
        }
        return rounded(model), facts
    mean, components, _ = fit_components(images, split)
    facts = {
        "kind": "pca",
        "space": components_words(len(components), images.name),
        "features": len(components),
    }
    return {"mean": mean.astype(np.float16), "components": components.astype(np.float16)}, facts


def components_words(count: int, name: str) -> str:
    """The space of so many principal components of a data set's pixels, in words."""
    return f"{count} principal components of the training pixels of {name}"


def fit_classifier(images: ImageSet, split: Split, seed: int = 0, tell: Tell = unheard) -> tuple[Classifier, float]:
    """A classifier fitted on the training rows, which are shifted at random, and its accuracy on the test rows."""
    if images.labels is None or images.class_names is None:
        raise CheckpointError(f"{images.name} has no labels, so no classifier can be its judge.")
    torch.manual_seed(seed)
    model = Classifier(images.image_shape, len(images.class_names)).to(memory_format=torch.channels_last)
    precision = pick_precision("auto", torch.device("cpu"))
    labels = torch.from_numpy(images.labels)
    epochs = EPOCHS.get(images.name) or min(10, max(1, SEEN_IMAGES // len(split.train)))
    steps = epochs * -(-len(split.train) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps + 1)
    shuffle = torch.Generator().manual_seed(seed)
    for epoch in range(epochs):
        for step, rows in enumerate(torch.randperm(len(split.train), generator=shuffle).split(BATCH)):
            tell(epoch * (steps // epochs) + step, steps)
            index = split.train[rows.numpy()]
            batch = _shifted(torch.from_numpy(images.images(index)), shuffle).to(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
                scores = model(batch)
            loss = nn.functional.cross_entropy(scores.float(), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    judge = ClassifierJudge(model, "")
    guessed = judge.probabilities(images.rows(split.test)).argmax(axis=1)
    return model, float((guessed == images.labels[split.test]).mean())


def _shifted(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Images (N, C, H, W) moved together by up to a fourteenth of their side: a pixel or two of a digit."""
    reach = max(batch.shape[-1] // 14, 0)
    steps = torch.randint(-reach, reach + 1, (2,), generator=generator).tolist()
    return batch.roll((steps[0], steps[1]), dims=(2, 3))


def fit_attribute_classifier(
    images: ImageSet, split: Split, seed: int = 0, tell: Tell = unheard
) -> tuple[AttributeClassifier, float]:
    """A classifier of the attributes, fitted on the training rows of which they are known, mirrored at random.

    Returns:
        The classifier, and the share of the known attributes of the validation rows that it tells right; of the
        training rows where none are known there.
    """
    assert images.attributes is not None
    torch.manual_seed(seed)
    model = AttributeClassifier(images.image_shape, images.attributes.shape[1])
    rows = _described(images, split.train)
    steps = -(-SEEN_IMAGES // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps + 1)
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(rows) for _ in range(-(-steps * BATCH // len(rows)))])
    for step in range(steps):
        tell(step, steps)
        index = np.sort(order[step * BATCH : (step + 1) * BATCH])
        batch = torch.from_numpy(images.images(index))
        mirrored = torch.from_numpy(rng.random(len(index)) < 0.5)[:, None, None, None]
        scores = model(torch.where(mirrored, batch.flip(-1), batch))
        targets = torch.from_numpy(images.attributes[index])
        known = targets != UNKNOWN
        loss = nn.functional.binary_cross_entropy_with_logits(scores[known], targets[known].float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    seen = _described(images, split.validation)
    seen = seen if len(seen) else rows
    truth = images.attributes[seen]
    guessed = ClassifierJudge(model, "").probabilities(images.images(seen)) > 0.5
    return model, float((guessed == (truth == 1))[truth != UNKNOWN].mean())


def fit_components(
    images: ImageSet, split: Split, seed: int = 0, most: int = COMPONENTS
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Mean (P,), principal components (F, P) and their variances (F,) of the pixels of the training rows, F <= `most`.

    Found by randomised SVD, Halko, Martinsson & Tropp 2011, https://arxiv.org/abs/0909.4061, on at most `PCA_IMAGES`
    of them.
    """
    from sklearn.decomposition import PCA

    rows = np.sort(np.random.default_rng(seed).permutation(split.train)[:PCA_IMAGES])
    pixels = images.images(rows).reshape(len(rows), -1)
    count = min(most, pixels.shape[1], max(1, len(rows) - 1))
    found = PCA(count, svd_solver="randomized", random_state=seed).fit(pixels)
    return found.mean_, np.asarray(found.components_), np.asarray(found.explained_variance_)


def _can_be_classified(images: ImageSet, split: Split) -> bool:
    """Whether labels are there, with small images enough of each class to learn from: flowers have too few."""
    if images.labels is None or images.class_names is None:
        return False
    plenty = len(split.train) >= CLASSIFIED_IMAGES * len(images.class_names)
    return images.name in EPOCHS or (plenty and max(images.image_shape[1:]) <= CLASSIFIED_SIDE)


def _described(images: ImageSet, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of the rows (n,) of which any attribute is known."""
    assert images.attributes is not None
    return rows[(images.attributes[rows] != UNKNOWN).any(axis=1)]


def rounded(model: nn.Module) -> dict[str, NDArray[Any]]:
    """The weights in half precision; whole numbers as they are."""
    tensors = model.state_dict().items()
    return {name: (each.half() if each.is_floating_point() else each).numpy() for name, each in tensors}


def take_tensors(model: nn.Module, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Give a model on the meta device the tensors of a file, in full precision; errors are those of torch."""
    found = {name: torch.from_numpy(array) for name, array in tensors.items()}
    full = {name: each.float() if each.is_floating_point() else each for name, each in found.items()}
    model.load_state_dict(full, assign=True)
