"""Images that lie in a folder or an archive of pictures, or in an array file, for a model of somebody's own."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explorer.data import arrow
from explorer.data.cache import Arrangement
from explorer.data.contents import sorted_out
from explorer.data.folder import arrange
from explorer.data.listing import ENDINGS, MORE_ENDINGS, Found, Member, formats_of, list_folder
from explorer.data.pictures import UNREADABLE, UnreadablePictureError, cut, decoded, middle
from explorer.data.stacks import held_by
from explorer.data.webdataset import archive_files, archives_at, arrange_archives
from explorer.errors import DataError, ShapeError

GREY_MODES = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "F"})
"""Modes of Pillow without colour."""

MOST_LOOKED_INTO = 20_000
"""Pictures of which the size and the colours are looked up, at most; of more these are drawn at random."""

Most: TypeAlias = Callable[[Sequence[int]], int]
"""Says how many images of a shape are taken at most."""


class Placed(TypedDict, total=False):
    """What lies at a place, as `explorer.adapters.images` takes it."""

    images: NDArray[Any]
    labels: NDArray[Any] | None
    class_names: Sequence[str] | None
    attributes: NDArray[np.uint8] | None
    attribute_names: Sequence[str] | None
    said: list[str]


def images_at(place: Path, side: tuple[int, int] | None, most: Most) -> Placed:
    """The images of whatever `train.py` takes: pictures in a folder, in archives or in columns, or an array file.

    Args:
        place: Where they are.
        side: (H, W) that pictures are brought to; None for the size that all have.
        most: Says how many images of a shape are taken; they are drawn at random.

    Raises:
        DataError: Nothing is there, or nothing that can be read without unpickling.
        ShapeError: The pictures have several sizes, and none is asked for.
    """
    plan = _plan(place)
    if plan is not None:
        return _pictures(place, plan, side, most)
    if not place.exists():
        raise DataError(f"{place} is not there; name a folder or an archive of pictures, or a file of images.")
    return _arrays(place, most)


def _plan(place: Path) -> Arrangement | None:
    """The pictures of a folder, of archives or of columns; None where a place is none of these."""
    archives = archives_at(place)
    if archives is not None and (place.exists() or archives != [place]):
        return arrange_archives(place, archive_files(place, archives), place.name, None, None)
    if place.is_dir():
        listing = list_folder(place)
        if any(each.name.lower().endswith((*ENDINGS, *MORE_ENDINGS)) for each in listing.files):
            return arrange(place, place.name, listing, None)
        if columns := arrow.files_of(place):
            return arrow.arrange_columns(place, place.name, columns)
        return arrange(place, place.name, listing, None)
    if place.is_file() and place.suffix.lower() in arrow.ENDINGS:
        return arrow.arrange_columns(place, place.name, arrow.files_of(place))
    return None


def _arrays(file: Path, most: Most) -> Placed:
    """The test images of an array file where it names a split, else all; read block by block, as large files are."""
    contents = sorted_out(held_by(file), None, file)
    stack, labels = contents.images[-1], contents.labels[-1] if contents.labels else None
    rows, said = _some(stack.shape[0], most(stack.shape[1:]))
    images, start = [], 0
    for block in stack.blocks():
        images.append(block[rows[(rows >= start) & (rows < start + len(block))] - start])
        start += len(block)
    if len(contents.images) > 1:
        said = [f"of {file.name} the images called {stack.name} were taken.", *said]
    return {"images": np.concatenate(images), "labels": None if labels is None else labels.whole()[rows], "said": said}


def _some(count: int, most: int) -> tuple[NDArray[np.int64], list[str]]:
    if count <= most:
        return np.arange(count), []
    rows = np.sort(np.random.default_rng(0).permutation(count)[:most])
    return rows, [f"{most:,} of {count:,} images were taken, drawn at random."]


def _pictures(folder: Path, plan: Arrangement, side: tuple[int, int] | None, most: Most) -> Placed:
    looked, _ = _some(len(plan.files), MOST_LOOKED_INTO)
    sizes, grey = _forms([plan.files[row] for row in looked])
    if side is None:
        if len(sizes) > 1:
            told = ", ".join(f"{height}x{width}" for height, width in sorted(sizes)[:3])
            raise ShapeError(
                f"the pictures of {folder} have {len(sizes)} sizes ({told}, ...); say which one the model takes with "
                "--image-size HEIGHTxWIDTH, or image_size=(height, width) in Python."
            )
        side = next(iter(sizes))
    rows, said = _some(len(plan.files), most((1 if grey else 3, *side)))
    files = [plan.files[row] for row in rows]
    images, broken = [], []
    for file in files:
        try:
            images.append(_image(file.path, side, grey))
        except (UnreadablePictureError, OSError) as error:
            broken.append(f"{file.name} ({error})")
    if broken:
        raise DataError(f"{len(broken)} pictures of {folder} cannot be read, as {broken[0]}; take them out.")
    return {
        "images": np.stack(images),
        "labels": None if plan.labels is None else plan.labels[rows],
        "class_names": plan.class_names,
        "attributes": None if plan.attributes is None else plan.attributes[rows],
        "attribute_names": plan.attribute_names,
        "said": said,
    }


def _forms(files: Sequence[Found]) -> tuple[set[tuple[int, int]], bool]:
    """The sizes (H, W) of pictures, and whether none has colours."""
    sizes, grey = set(), True
    for file in files:
        try:
            with Image.open(_opened(file.path), formats=formats_of(file.path)) as picture:
                width, height = picture.size
                turned = picture.getexif().get(0x0112, 1) >= 5  # a camera that was held upright
                sizes.add((width, height) if turned else (height, width))
                grey = grey and picture.mode in GREY_MODES
        except UNREADABLE:  # it is read again, and said
            continue
    return sizes or {(0, 0)}, grey


def _opened(path: Path | Member) -> Path | BinaryIO:
    """What Pillow opens: where a picture is, or its bytes."""
    return path if isinstance(path, Path) else path.open("rb")


def _image(path: Path | Member, side: tuple[int, int], grey: bool) -> NDArray[np.uint8]:
    """A picture as an image (C, H, W) of bytes: its largest part of these proportions, brought to this size."""
    height, width = side
    picture, _ = decoded(_opened(path), "L" if grey else "RGB", enough=2 * max(side), formats=formats_of(path))
    if picture.size != (width, height):
        picture = cut(picture, middle(*picture.size, aspect=width / height), (width, height))
    image = np.asarray(picture)
    return image[None] if grey else np.ascontiguousarray(image.transpose(2, 0, 1))
