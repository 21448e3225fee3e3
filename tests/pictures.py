"""Small pictures and data sets in every layout on disk, made up for the tests."""

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image


def scene(seed: int, size: tuple[int, int] = (24, 20)) -> Image.Image:
    """A smooth colour picture, (width, height) pixels, another for every seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def write_scenes(folder: Path, names: Iterable[str], size: tuple[int, int] = (24, 20)) -> list[Path]:
    """A picture per name, as the ending says."""
    paths = [folder / name for name in names]
    for seed, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        scene(seed, size).save(path)
    return paths


def jpeg(seed: int = 0) -> bytes:
    """The bytes of a JPEG file."""
    buffer = io.BytesIO()
    scene(seed).save(buffer, format="JPEG")
    return buffer.getvalue()


# --- CelebA -----------------------------------------------------------------------------------------------------------

FACE = (178, 218)
"""Width and height of CelebA's aligned faces."""

NUMBERS = (*range(1, 41), *range(162_771, 162_779), *range(182_638, 182_650))
"""Official numbers of a made-up subset: 40 training, 8 validation and 12 test faces."""

ATTRIBUTES = ("Bald", "Eyeglasses", "Smiling")


def part_of(number: int) -> int:
    """0, 1 or 2: where CelebA puts the face with that official number."""
    return (number > 162_770) + (number > 182_637)


def traits_of(number: int) -> list[bool]:
    """Attributes of a made-up face."""
    return [number % 2 == 0, number % 3 == 0, number % 5 == 0]


def write_faces(folder: Path, numbers: Iterable[int] = NUMBERS, size: tuple[int, int] = FACE, shift: int = 0) -> None:
    """Faces named by their numbers plus `shift`; the picture depends on the number alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        scene(number, size).save(folder / f"{number + shift:06d}.jpg")


def write_lists(folder: Path, kind: str, numbers: Iterable[int] = NUMBERS) -> None:
    """Both lists: "txt" as the authors write them, "csv" as Kaggle does."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = list(numbers)
    signs = [[f"{1 if has else -1}" for has in traits_of(n)] for n in numbers]
    if kind == "csv":
        attributes = [",".join(["image_id", *ATTRIBUTES])]
        attributes += [",".join([f"{n:06d}.jpg", *row]) for n, row in zip(numbers, signs, strict=True)]
        partition = ["image_id,partition", *(f"{n:06d}.jpg,{part_of(n)}" for n in numbers)]
    else:
        attributes = [str(len(numbers)), " ".join(ATTRIBUTES) + " "]
        attributes += [
            f"{n:06d}.jpg " + " ".join(f"{s:>2}" for s in row) for n, row in zip(numbers, signs, strict=True)
        ]
        partition = [f"{n:06d}.jpg {part_of(n)}" for n in numbers]
    for name, lines in (("list_attr_celeba", attributes), ("list_eval_partition", partition)):
        (folder / f"{name}.{kind}").write_bytes("\r\n".join([*lines, ""]).encode())


# --- Flowers ----------------------------------------------------------------------------------------------------------


def write_flowers(data_dir: Path, count: int = 60) -> dict[str, np.ndarray]:
    """flowers-102 with `count` images, every sixth for training, every sixth for validation, the others for testing."""
    from scipy.io import savemat

    root = data_dir / "flowers-102"
    write_scenes(root / "jpg", [f"image_{n:05d}.jpg" for n in range(1, count + 1)], size=(40, 32))
    numbers = np.arange(1, count + 1)
    lists = {
        "trnid": numbers[numbers % 6 == 0],
        "valid": numbers[numbers % 6 == 1],
        "tstid": numbers[numbers % 6 > 1],
        "labels": 1 + numbers % 102,
    }
    savemat(root / "imagelabels.mat", {"labels": lists["labels"]})
    savemat(root / "setid.mat", {name: lists[name] for name in ("trnid", "valid", "tstid")})
    return lists
