"""How often Reconstruct calls an image odd: test images, of which it should be 5 %, and images that are odd indeed.

    make bench ARGS=typical                    every number
    python -m tests.benchmarks.typical         the same as a table in Markdown

It needs the data sets, in $EXPLORER_DATA. Of the shipped runs VAEs are judged: what an autoencoder prices is the
distortion alone.
"""

import string
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from explorer.analysis.holes import ALPHA
from explorer.arrays import Images, MeasuringCoder
from explorer.config import has_prior
from explorer.errors import DataError
from explorer.images import from_bytes, to_bytes, to_unit
from explorer.library import Library, OpenRun
from tests.benchmarks.usual_loop import ROOT, Row

CHECKPOINTS = ROOT / "checkpoints"

MOST_TESTED, MOST_ODD = 2_000, 400
"""Test images, and images of each odd kind, that are judged."""

BATCH = 200


def rows() -> Iterator[Row]:
    """The share that is called odd, of test images and of each odd kind, for every shipped VAE."""
    for name, kind, share, count in shares():
        yield f"{name}: {kind} called odd, n = {count:,}", 100 * share, "%"


def shares() -> Iterator[tuple[str, str, float, int]]:
    """Run, kind of images, share of them that is called odd, and how many there were."""
    library = Library(CHECKPOINTS)
    runs = [library.open(name) for name, card in library.cards().items() if has_prior(getattr(card, "family", ""))]
    photographed = {run.card.dataset: run for run in runs if run.images() is not None}
    if not photographed:
        raise DataError("no data set of a shipped VAE is on this machine; set EXPLORER_DATA.")
    for run in runs:
        if run.images() is None or run.typicality is None:
            continue
        for kind, images in kinds_of(run, photographed).items():
            yield run.name, kind, float((oddness(run, images) <= ALPHA).mean()), len(images)


def oddness(run: OpenRun, images: Images) -> np.ndarray:
    """Share of new images that are at least as odd as each image, (N,), by cost, code and features together."""
    measure, coder = run.typicality, run.coder
    assert measure is not None and isinstance(coder, MeasuringCoder)
    found = []
    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH]
        posterior = coder.encode(part)
        costs = coder.distortion(part, posterior.mean) + posterior.rate().sum(axis=1)
        features = run.judge.features(part) if measure.real is not None and run.judge is not None else None
        found.append(measure.judge(np.asarray(costs), posterior.mean, features).together)
    return np.concatenate(found)


def kinds_of(run: OpenRun, photographed: Mapping[str, OpenRun]) -> dict[str, Images]:
    """Images that a run is asked about, by kind, each (n, C, H, W) in [0, 1]."""
    test = some(run, MOST_TESTED)
    few = test[:MOST_ODD]
    rng = np.random.default_rng(0)
    made: dict[str, Callable[[], Images]] = {
        "inverted": lambda: 1 - few,
        "rotated by 90 degrees": lambda: np.rot90(few, axes=(2, 3)).copy(),
        "blank, black": lambda: np.zeros((1, *run.image_shape), dtype=np.float32),
        "blank, white": lambda: np.ones((1, *run.image_shape), dtype=np.float32),
        "noise": lambda: rng.random((MOST_ODD, *run.image_shape), dtype=np.float32),
        "letters": lambda: letters(run.image_shape),
    }
    found = {"test images": test} | {kind: make() for kind, make in made.items()}
    for dataset, other in photographed.items():
        if dataset != run.card.dataset:
            found[dataset] = reshaped(some(other, MOST_ODD), run.image_shape)
    return {kind: as_stored(run, images) for kind, images in found.items()}


def some(run: OpenRun, most: int) -> Images:
    """Test images of a run's data set, (n, C, H, W) in [0, 1], at most so many, drawn at random."""
    pixels = run.images()
    assert pixels is not None
    rows = np.sort(np.random.default_rng(0).permutation(len(pixels))[:most])
    return to_unit(pixels[rows], run.levels)


def as_stored(run: OpenRun, images: Images) -> Images:
    """Images in the grey levels that the run's have, as the page makes those of any picture."""
    return to_unit(from_bytes(to_bytes(images), run.levels), run.levels)


def letters(shape: tuple[int, int, int]) -> Images:
    """Letters in white on black, 26 capitals and 26 small ones, each in three sizes, (156, C, H, W)."""
    channels, height, width = shape
    drawn = []
    for part in (0.7, 0.85, 1.0):
        font = ImageFont.load_default(size=4 * part * height)
        for letter in string.ascii_letters:
            picture = Image.new("L", (4 * width, 4 * height))
            ImageDraw.Draw(picture).text((2 * width, 2 * height), letter, fill=255, font=font, anchor="mm")
            drawn.append(np.asarray(picture.resize((width, height), Image.Resampling.BOX)))
    grey = to_unit(np.stack(drawn)[:, None], 256)
    return np.repeat(grey, channels, axis=1)


def reshaped(images: Images, shape: tuple[int, int, int]) -> Images:
    """Images (N, C, H, W) in another shape: scaled, and made grey or of three equal channels."""
    channels, height, width = shape
    if images.shape[1] != channels:
        images = np.repeat(images.mean(axis=1, keepdims=True), channels, axis=1)
    scaled = [
        np.stack(
            [np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR)) for plane in image]
        )
        for image in to_bytes(images)
    ]
    return to_unit(np.stack(scaled), 256)


def table() -> str:
    """The shares as a table in Markdown, a row for each run."""
    found: dict[str, dict[str, str]] = {}
    for name, kind, share, count in shares():
        doubt = f" ± {196 * np.sqrt(share * (1 - share) / count):.1f}" if kind == "test images" else ""
        found.setdefault(name, {})[kind] = f"{100 * share:.1f}{doubt}" if count > 1 else "yes" if share else "no"
    kinds = list(dict.fromkeys(kind for cells in found.values() for kind in cells))
    lines = [f"| called odd, % of | {' | '.join(kinds)} |", f"|---|{'---|' * len(kinds)}"]
    lines += [f"| {name} | {' | '.join(cells.get(kind, '–') for kind in kinds)} |" for name, cells in found.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
