"""Data as people have it: from the command to the first step of the fit, a row for every kind of file.

Each command runs in a process of its own with an empty cache; the clock stops when the fit says that it begins.
Files are made on the spot: 10,000 grey images of 28x28, or 2,000 pictures of 64x64.
"""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file

from tests.benchmarks.usual_loop import ROOT, Row

COUNT, PICTURES = 10_000, 2_000


def grey() -> np.ndarray:
    """Images (N, 28, 28) in bytes, smooth enough to be compressed as digits are."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:28, :28]
    places = rng.uniform(8, 20, (COUNT, 2, 1, 1))
    return (255 * np.exp(-((x - places[:, 0]) ** 2 + (y - places[:, 1]) ** 2) / 20)).astype(np.uint8)


LABELS = np.arange(COUNT) % 10


def kaggle(file: Path) -> None:
    """Kaggle's MNIST: a label and 784 pixels in a row."""
    names = ",".join(["label", *(f"pixel{number}" for number in range(784))])
    np.savetxt(file, np.column_stack([LABELS, grey().reshape(COUNT, -1)]), "%d", ",", header=names, comments="")


def pictures() -> Iterator[tuple[str, bytes]]:
    """Names and bytes of JPEGs in two classes."""
    rng = np.random.default_rng(0)
    for number in range(PICTURES):
        body = io.BytesIO()
        picture = Image.fromarray(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)).resize((64, 64))
        picture.save(body, "JPEG")
        yield f"{'ab'[number % 2]}/{number:05d}.jpg", body.getvalue()


def zipped(file: Path) -> None:
    """A zip of pictures in two classes."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in pictures():
            archive.writestr(name, content)


def webdataset(file: Path) -> None:
    """A shard of a WebDataset."""
    with tarfile.open(file, "w") as archive:
        for name, content in pictures():
            for ending, held in ((".jpg", content), (".cls", str("ab".index(name[0])).encode())):
                entry = tarfile.TarInfo(name[2:-4] + ending)
                entry.size = len(held)
                archive.addfile(entry, io.BytesIO(held))


def with_table(folder: Path) -> None:
    """A folder of pictures with a table beside them."""
    folder.mkdir()
    lines = ["file,kind,age"]
    for number, (name, content) in enumerate(pictures()):
        (folder / name[2:]).write_bytes(content)
        lines.append(f"{name[2:]},{name[0]},{number % 90}")
    (folder / "labels.csv").write_text("\n".join(lines))


def dsprites(file: Path) -> None:
    """As many sprites as images, with the names and the types of dSprites."""
    factors = np.random.default_rng(0).integers(0, [1, 3, 6, 40, 32, 32], (COUNT, 6))
    sprites = np.pad((grey() > 99).astype(np.uint8), ((0, 0), (18, 18), (18, 18)))
    np.savez_compressed(file, imgs=sprites, latents_classes=factors, metadata=np.array({"x": 1}, dtype=object))


GIVEN: dict[str, tuple[str, Callable[[Path], object]]] = {
    "Keras' .npz": (
        "keras.npz",
        lambda f: np.savez(f, x_train=grey()[2000:], y_train=LABELS[2000:], x_test=grey()[:2000], y_test=LABELS[:2000]),
    ),
    "dSprites' .npz": ("dsprites.npz", dsprites),
    ".npy of floats": ("images.npy", lambda file: np.save(file, (grey() / 255).astype(np.float32))),
    ".pt of tensors": (
        "tensors.pt",
        lambda file: torch.save({"images": torch.tensor(grey()), "labels": torch.tensor(LABELS)}, file),
    ),
    ".safetensors": ("tensors.safetensors", lambda file: save_file({"images": grey(), "labels": LABELS}, file)),
    "Kaggle's .csv": ("train.csv", kaggle),
    ".zip of pictures": ("pictures.zip", zipped),
    "WebDataset's .tar": ("shard.tar", webdataset),
    "a folder with a table": ("photos", with_table),
}
"""Name of the file, and how it is written, by what it is."""


def speeds() -> Iterator[Row]:
    """Seconds from the command to the first step of the fit, for everything in `GIVEN`."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for what, (name, write) in GIVEN.items():
            write(folder / name)
            flags = ["folder", "--folder"] if (folder / name).is_dir() else ["array", "--file"]
            yield f"{what}: to the first step", first_step([*flags, str(folder / name)], folder), "s"


def first_step(named: list[str], folder: Path) -> float:
    """Seconds until a fit begins; it is ended then.

    Raises:
        RuntimeError: It never began.
    """
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        environment = {**os.environ, "EXPLORER_CACHE": cache}
        command = [sys.executable, "-u", "train.py", "--dataset", *named, "--out", f"{cache}/runs", "--threads", "1"]
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT, env=environment
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if ": fitting, " in line:
                    return time.perf_counter() - begin
        finally:
            process.kill()
            process.communicate()
    raise RuntimeError(f"the fit of {named} never began")
