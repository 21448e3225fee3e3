"""Which arrays of a file are images, labels and known factors, by their names and shapes, and what the latter say."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explorer.data.described import Known, classes_of, known_of, with_directions
from explorer.data.names import SPLIT_FOLDERS, parts_said
from explorer.data.pixel_tables import PIXELS
from explorer.data.stack import Held, Stack
from explorer.data.tables import read_table_file
from explorer.errors import DataError

IMAGE_NAMES = ("images", "imgs", "image", "img", "x", "data", "pixels", "pictures", "samples", "inputs", "arr_0", "")
"""What arrays of images are called, in lower case and without the part of a split, the likeliest first."""

LABEL_NAMES = ("labels", "label", "y", "targets", "target", "classes", "class", "arr_1")
"""The same of labels."""

FACTOR_NAMES = ("latents_classes", "factors", "latents_values", "latents")
"""The same of known factors of variation, each a column."""

DSPRITES = ("color", "shape", "scale", "orientation", "position x", "position y")
"""Columns of dSprites' factors; Matthey et al. 2017, https://github.com/google-deepmind/dsprites-dataset"""

SHAPES_3D = ("floor hue", "wall hue", "object hue", "scale", "shape", "orientation")
"""Columns of 3D Shapes' labels; Burgess & Kim 2018, https://github.com/google-deepmind/3d-shapes"""

SHAPE_NAMES = {DSPRITES: ("square", "ellipse", "heart"), SHAPES_3D: ("cube", "cylinder", "sphere", "capsule")}
"""What the numbers of "shape" mean, in their order."""

MOST_NAMED = 8
"""Arrays that a sentence names."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The arrays of a file by what they are, the parts of a split in the order training, validation, test.

    Attributes:
        images: Arrays of images.
        parts: To which part each belongs: 0, 1 or 2; all None where the file does not say.
        labels: Arrays of labels, one for each of images; or none.
        factors: Arrays of factors, the same.
        left: Names of arrays that are none of these.
    """

    images: list[Stack]
    parts: list[int | None]
    labels: list[Stack]
    factors: list[Stack]
    left: list[str]


def role_of(name: str) -> tuple[str, int | None]:
    """What an array's name says without the part of a split, in lower case, and that part: x_train is x, 0."""
    words = re.split(r"[/_\-. ]", name.lower())
    found = parts_said(words)
    rest = "_".join(word for word in words if word not in SPLIT_FOLDERS)
    return rest, found[0] if len(found) == 1 else None


def sorted_out(held: Held, wanted: str | None, file: Path) -> Contents:
    """Which of a file's arrays are images, labels and factors.

    Args:
        held: What the file holds.
        wanted: Name of the array of images, if somebody says so.
        file: For messages.

    Raises:
        DataError: No array is of images, or several may be.
    """
    stacks = held.stacks
    if wanted is not None:
        if wanted not in stacks:
            raise DataError(f"{file} holds no array {wanted!r}; it holds {named(list(stacks.values()))}.")
        images = [stacks[wanted]]
    else:
        images = _images_among(stacks, file)
    parts = [role_of(each.name)[1] for each in images]
    if None in parts or len(set(parts)) < len(parts):
        if len(images) > 1:
            raise DataError(f"{file} holds {named(images)}; say which are the images with --array NAME.")
        parts = [None]
    order = sorted(range(len(images)), key=lambda place: parts[place] or 0)
    images, parts = [images[place] for place in order], [parts[place] for place in order]
    taken = {each.name for each in images}
    counts = [each.shape[0] for each in images]

    def beside(names: Sequence[str]) -> list[Stack]:
        """Arrays of such a name with as many rows as each array of images, for the same parts."""
        for name in names:
            found = []
            for count, part in zip(counts, parts, strict=True):
                fits = [
                    each
                    for each in stacks.values()
                    if each.name not in taken and role_of(each.name) == (name, part) and each.shape[:1] == (count,)
                ]
                found += fits[:1]
            if len(found) == len(images):
                taken.update(each.name for each in found)
                return found
        return []

    factors, labels = beside(FACTOR_NAMES), beside(LABEL_NAMES)
    return Contents(
        images=images, parts=parts, labels=labels, factors=factors, left=[n for n in stacks if n not in taken]
    )


def _images_among(stacks: Mapping[str, Stack], file: Path) -> list[Stack]:
    """Arrays of images: those called so, else the only ones with the shape of images."""
    shaped = [each for each in stacks.values() if len(each.shape) >= 3 and each.dtype.kind in "biuf"]
    flat = [
        each for each in stacks.values() if len(each.shape) == 2 and each.shape[1] >= 16 and each.dtype.kind in "biuf"
    ]
    for candidates in (shaped, flat):
        for name in IMAGE_NAMES:
            found = [each for each in candidates if role_of(each.name)[0] == name]
            if found:
                return found
        if len(candidates) == 1 or (candidates and None not in [role_of(each.name)[1] for each in candidates]):
            return candidates
        if candidates:
            raise DataError(f"{file} holds {named(candidates)}; say which are the images with --array NAME.")
    raise DataError(f"{file} holds no array of images, only {named(list(stacks.values())) or 'nothing'}.")


def named(stacks: Sequence[Stack]) -> str:
    """Names and shapes of arrays, the first of many."""
    words = [f"{each.name or 'an array'} {each.shape}" for each in stacks[:MOST_NAMED]]
    more = f" and {len(stacks) - MOST_NAMED:,} more" if len(stacks) > MOST_NAMED else ""
    return ", ".join(words) + more


def parts_of(contents: Contents, known: Known) -> NDArray[np.int64] | None:
    """The part of each image, (N,), by the names of the arrays or by a column; None where neither says it."""
    if known.parts is not None:
        return known.parts
    if contents.parts == [None]:
        return None
    sizes = [each.shape[0] for each in contents.images]
    parts = np.repeat([part or 0 for part in contents.parts], sizes).astype(np.int64)
    return parts if (parts == 0).any() else None


def known_beside(held: Held, contents: Contents, labels: Path | None, file: Path) -> Known:
    """What is known of the images of a file, in the order of its arrays.

    Raises:
        DataError: A table has another number of lines.
    """
    count = sum(each.shape[0] for each in contents.images)
    if labels is not None:
        table = read_table_file(labels)
        if table.count != count:
            raise DataError(f"{labels} has {table.count:,} lines under its head, but {file} has {count:,} images.")
        return known_of(table.columns)
    if held.table:
        texts = {name: [str(each) for each in stack.whole()] for name, stack in held.stacks.items() if name != PIXELS}
        return known_of(texts) if texts else Known()
    known = Known()
    if contents.factors:
        known = _factors(np.concatenate([each.whole() for each in contents.factors]), contents)
    if contents.labels:
        known = _labelled(known, np.concatenate([each.whole() for each in contents.labels]), contents)
    return known


def _labelled(known: Known, values: NDArray, contents: Contents) -> Known:
    """What an array of labels (N,), (N, 1) or (N, L) says, beside what is known already."""
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 1:
        if values.dtype.kind == "S":
            values = np.char.decode(values, "utf-8", "replace")
        texts = values.tolist()
        told = known_of(
            {contents.labels[0].name: [f"{each:g}" if isinstance(each, float) else str(each) for each in texts]}
        )
        return replace(
            known,
            labels=known.labels if told.labels is None else told.labels,
            class_names=known.class_names if told.labels is None else told.class_names,
            notes=(*known.notes, *told.notes),
        )
    if values.ndim != 2 or values.dtype.kind not in "biuf":
        return replace(known, notes=(*known.notes, f"labels of shape {values.shape} are left out"))
    is_flags = bool(np.isin(values, (0, 1)).all())
    if is_flags and (values.sum(axis=1) == 1).all():
        found, names = classes_of([str(each) for each in values.argmax(axis=1).tolist()])
        return replace(
            known, labels=found, class_names=names, notes=(*known.notes, f"classes by {values.shape[1]} columns")
        )
    if is_flags:
        names = tuple(f"label {number}" for number in range(values.shape[1]))
        flags = values.astype(np.uint8)
        return replace(known, attributes=flags, attribute_names=names, notes=(*known.notes, f"{len(names)} attributes"))
    return _factors(values, contents) if known.factors is None else known


def _factors(values: NDArray, contents: Contents) -> Known:
    """Known factors of variation (N, F): numbers, their directions, and the shape as a class where there is one."""
    if values.ndim != 2 or values.dtype.kind not in "biuf":
        return Known(notes=(f"factors of shape {values.shape} are left out",))
    shape = contents.images[0].shape
    is_dsprites = values.shape[1] == 6 and shape[1:] == (64, 64)
    is_shapes = values.shape[1] == 6 and shape[1:] == (64, 64, 3)
    names = DSPRITES if is_dsprites else SHAPES_3D if is_shapes else None
    plain = names or tuple(f"factor {number}" for number in range(values.shape[1]))
    differ = [number for number in range(values.shape[1]) if len(np.unique(values[:, number])) > 1]
    same = [plain[number] for number in range(values.shape[1]) if number not in differ]
    notes = [f"{', '.join(same)} left out: the same for all images"] if same else []
    labels, classes = None, None
    if names is not None:
        place = names.index("shape")
        column = values[:, place]
        kinds = np.unique(column)
        if len(kinds) == len(SHAPE_NAMES[names]):
            differ = [number for number in differ if number != place]
            labels, classes = np.searchsorted(kinds, column).astype(np.int64), SHAPE_NAMES[names]
            notes.append(f"classes by shape: {', '.join(classes)}")
    notes.append(f"factors: {', '.join(plain[number] for number in differ)}")
    known = Known(
        labels=labels,
        class_names=classes,
        factors=values[:, differ].astype(np.float32) if differ else None,
        factor_names=tuple(plain[number] for number in differ) if differ else None,
        notes=tuple(notes),
    )
    return with_directions(known)
