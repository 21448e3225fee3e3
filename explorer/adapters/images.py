"""Images, labels and attributes in the forms in which people have them, as the arrays that the program works with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.adapters.foreign import PixelRange, described_type
from explorer.arrays import UNKNOWN, Pixels
from explorer.errors import ShapeError
from explorer.images import to_unit

MOST_TAKEN = 10_000
"""Images that are taken from a data set or a loader, drawn at random or the first: a page shows no more."""

MOST_NUMBERS = 400_000_000
"""Pixel values in these together, four bytes each where they are encoded: of 256x256 colour images there are 2,034."""

IMAGE_KEYS = ("image", "images", "img", "pixel_values", "data", "x")
"""Keys under which a row of a data set may hold its image; pythae's is `data`."""

LABEL_KEYS = ("label", "labels", "target", "targets", "class", "y")
"""Keys under which it may hold its label, or a row of attributes."""

CHANNELS = (1, 3)
"""Channels of an image that can be shown."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """Images as the program works with them, and what is known of them.

    Attributes:
        pixels: (N, C, H, W), float32 in [0, 1] or uint8.
        labels: (N,) int64 into `class_names`, or None.
        class_names: Names of the labels, or None.
        attributes: (N, A) uint8, 1, 0, or `UNKNOWN`; or None.
        attribute_names: Names of the attributes, or None.
        came_in: Values of black and white as the images came, where these were not [0, 1] or bytes.
        said: What was found out about them, a sentence each.
    """

    pixels: NDArray[np.float32] | Pixels
    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] | None = None
    attributes: NDArray[np.uint8] | None = None
    attribute_names: tuple[str, ...] | None = None
    came_in: PixelRange | None = None
    said: tuple[str, ...] = ()

    def some(self, count: int, levels: object = None) -> NDArray[np.float32]:
        """Images (n, C, H, W) in [0, 1], `count` of them from all over the set, or all.

        Args:
            count: How many.
            levels: Grey levels of bytes, where a model says so; 256 where none does.
        """
        rows = np.unique(np.linspace(0, len(self.pixels) - 1, min(count, len(self.pixels))).astype(np.int64))
        chosen: NDArray[Any] = self.pixels[rows]
        if chosen.dtype == np.uint8:
            return to_unit(chosen, levels if isinstance(levels, int) else 256)
        return chosen.astype(np.float32)


@dataclass
class _Found:
    """What was taken out of whatever was handed over, as arrays of any form."""

    images: NDArray[Any]
    labels: Any = None
    class_names: Sequence[str] | None = None
    attribute_names: Sequence[str] | None = None
    said: list[str] = field(default_factory=list)
    attributes: NDArray[np.uint8] | None = None


def read_images(
    images: Any,
    labels: Any = None,
    *,
    attributes: Any = None,
    attribute_names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    image_shape: tuple[int, int, int] | None = None,
    pixel_range: PixelRange | None = None,
    side: tuple[int, int] | None = None,
) -> Given:
    """Images in any of the forms in which people have them.

    Args:
        images: An array or tensor (N, C, H, W), (N, H, W, C) or (N, H, W), bytes or floats in [0, 1], [-1, 1] or
            0..255; a list of such or of Pillow's pictures; a Dataset or DataLoader of torch, a data set of Hugging
            Face; or the path of a folder or an archive of pictures, of columns, or of an array file.
        labels: (N,) whole numbers or texts; None for those that come with the images, or none.
        attributes: (N, A) of 0 and 1, of -1 and 1, or of truth values; or a mapping of names to such columns (N,).
        attribute_names: Names of the attributes; None for numbers.
        class_names: Names of the labels; None for those that come with the images, or the numbers themselves.
        image_shape: (C, H, W) that the model wants, where it says so.
        pixel_range: Values of black and white in floating point images; None for what they look like.
        side: (H, W) that pictures of a folder are brought to; None for `image_shape`, or the size that all have.

    Raises:
        ExplorerError: They are in no known form, or it is not clear in which; the sentence says what to do.
    """
    if isinstance(images, str | Path):
        from explorer.adapters.places import images_at

        found = _Found(**images_at(Path(images), side or (image_shape and image_shape[1:]), most_of))
    else:
        found = _taken(images)
    labels = found.labels if labels is None else labels
    pixels, said = _in_order(found.images, image_shape)
    pixels, came_in, more = _in_range(pixels, pixel_range)
    if attributes is None and found.attributes is not None:
        attributes, attribute_names = found.attributes, attribute_names or found.attribute_names
    told, known = _labels(labels, len(pixels), class_names or found.class_names)
    if attributes is None and told is None and labels is not None:  # a row of attributes for each image
        attributes, attribute_names = labels, attribute_names or found.attribute_names
    marks, names = _attributes(attributes, len(pixels), attribute_names)
    return Given(
        pixels=pixels,
        labels=told,
        class_names=known,
        attributes=marks,
        attribute_names=names,
        came_in=came_in,
        said=(*found.said, *said, *more),
    )


# --- what was handed over ---------------------------------------------------------------------------------------------


def _taken(images: Any) -> _Found:
    """The arrays of an array, a list, a data set or a loader."""
    if isinstance(images, np.ndarray) or hasattr(images, "detach"):
        return _Found(plain(images))
    if isinstance(images, list | tuple):
        if len(images) and (isinstance(images[0], tuple | Mapping)):
            return _from_rows(iter(images), images)
        return _Found(_stacked([plain(each) for each in images]))
    if hasattr(images, "dataset") and hasattr(images, "batch_size"):
        return _from_batches(images)
    if hasattr(images, "__getitem__") and hasattr(images, "__len__"):
        count, said = len(images), []
        if not count:
            raise ShapeError("there are no images: the data set is empty.")
        rows: Sequence[int] = range(count)
        most = most_of(plain(_parts_of(images[0])[0]).shape)
        if count > most:
            rows = np.sort(np.random.default_rng(0).permutation(count)[:most]).tolist()
            said = [f"{most:,} of {count:,} images were taken, drawn at random."]
        found = _from_rows((images[row] for row in rows), images)
        found.said += said
        return found
    raise ShapeError(
        f"images must be an array, a list, a Dataset, a DataLoader or a path, but are {described_type(images)}."
    )


def most_of(shape: Sequence[int]) -> int:
    """How many images of a shape are taken at most."""
    return max(1, min(MOST_TAKEN, MOST_NUMBERS // max(1, int(np.prod(shape)))))


def plain(image: Any) -> NDArray[Any]:
    """A tensor, an array or a picture of Pillow as an array."""
    if hasattr(image, "detach"):
        image = image.detach().cpu()
        image = image.float() if image.is_floating_point() else image
        return image.numpy()
    return np.asarray(image)


def _stacked(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    shapes = {part.shape for part in parts}
    if len(shapes) != 1:
        told = ", ".join(map(str, sorted(shapes, key=str)[:3])) or "nothing"
        raise ShapeError(f"images must have one size, but these have {told}; bring them to the size of the model.")
    return np.stack(parts)


def _from_rows(rows: Iterator[Any], source: Any) -> _Found:
    """Images, and labels where there are any, of single rows."""
    images, labels = [], []
    for row in rows:
        image, label = _parts_of(row)
        images.append(plain(image))
        labels.append(label)
    if not images:
        raise ShapeError("there are no images: the list is empty.")
    told = labels if labels[0] is not None else None
    return _Found(_stacked(images), _column(told), _classes_of(source), _attributes_of(source))


def _from_batches(loader: Iterable[Any]) -> _Found:
    """The first images of a loader, and their labels."""
    images, labels, count, said = [], [], 0, []
    for batch in loader:
        if images and count >= (most := most_of(images[0].shape[1:])):
            said = [f"the first {most:,} images of the loader were taken."]
            break
        many, label = _parts_of(batch)
        images.append(plain(many))
        labels.append(label)
        count += len(images[-1])
    if not images:
        raise ShapeError("there are no images: the loader is empty.")
    source = getattr(loader, "dataset", None)
    most = most_of(images[0].shape[1:])
    joined = np.concatenate(images)[:most]
    told = None
    if labels[0] is not None:
        told = np.concatenate([np.asarray(plain(each)) for each in labels])[:most]
    return _Found(joined, told, _classes_of(source), _attributes_of(source), said)


def _parts_of(row: Any) -> tuple[Any, Any]:
    """The image and the label of a row or a batch; None for a label that is not there."""
    if isinstance(row, Mapping):
        image = next((row[key] for key in IMAGE_KEYS if key in row), None)
        if image is None:
            raise ShapeError(f"a row of the data set holds {', '.join(map(str, row))}, of which none is its image.")
        return image, next((row[key] for key in LABEL_KEYS if key in row), None)
    if isinstance(row, tuple | list) and row:
        return row[0], row[1] if len(row) > 1 else None
    return row, None


def _column(labels: Any) -> Any:
    return None if labels is None else np.asarray([plain(each) for each in labels])


def _classes_of(source: Any) -> Sequence[str] | None:
    """Names of the labels of a data set of torchvision or Hugging Face, or None."""
    named = getattr(source, "classes", None)
    features = getattr(source, "features", None)
    if named is None and isinstance(features, Mapping):
        named = next((getattr(features[key], "names", None) for key in LABEL_KEYS if key in features), None)
    return [str(each) for each in named] if isinstance(named, list | tuple) and named else None


def _attributes_of(source: Any) -> Sequence[str] | None:
    """Names of the attributes of a data set, as torchvision's CelebA holds them, or None."""
    named = getattr(source, "attr_names", None)
    return [each for each in named if each] if isinstance(named, list | tuple) and named else None


# --- order and range --------------------------------------------------------------------------------------------------


def _in_order(images: NDArray[Any], image_shape: tuple[int, int, int] | None) -> tuple[NDArray[Any], list[str]]:
    """Images in whatever order of sides as (N, C, H, W), and what to say of that."""
    if images.ndim == 3:
        return images[:, None], []
    if images.ndim == 2 and image_shape is not None and images.shape[1] == int(np.prod(image_shape)):
        return images.reshape(-1, *image_shape), []
    if images.ndim != 4:
        raise ShapeError(
            f"images must be shaped (N, C, H, W), (N, H, W, C) or (N, H, W), not {images.shape}; reshape them."
        )
    first, last = images.shape[1] in CHANNELS, images.shape[3] in CHANNELS
    if image_shape is not None and images.shape[1:] == image_shape:
        return images, []
    if first and last and image_shape is not None:
        first = images.shape[1:] == image_shape
        last = (images.shape[3], *images.shape[1:3]) == image_shape
    if first and last:
        raise ShapeError(
            f"images of shape {images.shape} may have their channels first or last; hand them over as (N, C, H, W)."
        )
    if first:
        return images, []
    if last:
        return np.moveaxis(images, 3, 1), [f"images {images.shape} were read as (N, H, W, C)."]
    raise ShapeError(f"images must have one channel or three, but these are {images.shape}.")


def _in_range(
    images: NDArray[Any], pixel_range: PixelRange | None
) -> tuple[NDArray[np.float32] | Pixels, PixelRange | None, list[str]]:
    """Images as bytes or as floats in [0, 1]; values of black and white as they came; and what to say of that."""
    if images.dtype == np.uint8:
        return images, None, []
    if images.dtype == np.bool_:
        return images.astype(np.float32), None, []
    if not len(images) or not (np.issubdtype(images.dtype, np.floating) or np.issubdtype(images.dtype, np.integer)):
        raise ShapeError(f"images must be numbers, bytes or floats, not {len(images)} of {images.dtype}.")
    floats = images.astype(np.float32)
    if not np.isfinite(floats).all():
        raise ShapeError("images must be finite, but some pixels are not.")
    low, high = float(floats.min()), float(floats.max())
    if low >= 0 and high <= 1:
        return floats, None, []
    if np.issubdtype(images.dtype, np.integer) and low >= 0 and high <= 255:
        return images.astype(np.uint8), None, []
    came_in = pixel_range if pixel_range is not None else _looks_like(low, high)
    if came_in is None:
        raise ShapeError(
            f"images have values from {low:.3g} to {high:.3g}, which are neither in [0, 1] nor in [-1, 1] nor 0 to "
            "255; undo the normalisation, or say pixel_range=(black, white)."
        )
    black, white = came_in
    if low < black or high > white:
        raise ShapeError(
            f"images have values from {low:.3g} to {high:.3g}, but pixel_range is ({black:g}, {white:g}); say the "
            "values of black and white, or bring them into this range."
        )
    said = f"images have values from {low:.3g} to {high:.3g}: [{black:g}, {white:g}] is black to white."
    return (floats - np.float32(black)) / np.float32(white - black), came_in, [said]


def _looks_like(low: float, high: float) -> PixelRange | None:
    if low >= -1 and high <= 1:
        return (-1, 1)
    return (0, 255) if low >= 0 and 16 <= high <= 255 else None


# --- labels and attributes --------------------------------------------------------------------------------------------


def _labels(
    labels: Any, count: int, class_names: Sequence[str] | None
) -> tuple[NDArray[np.int64] | None, tuple[str, ...] | None]:
    """Labels as numbers with names; nothing where they are rows of attributes, or there are none."""
    if labels is None:
        return None, None
    told = np.asarray(plain(labels)) if not isinstance(labels, list | tuple) else np.asarray(labels)
    if told.ndim == 2 and told.shape[1] == 1:
        told = told[:, 0]
    if told.ndim == 2 and len(told) == count:
        return None, None
    if told.shape != (count,):
        raise ShapeError(f"labels must be {count}, one for each image, but are shaped {told.shape}.")
    if told.dtype.kind in "USO":
        texts = [str(each) for each in told]
        names = tuple(class_names) if class_names is not None else tuple(sorted(set(texts)))
        numbers = {name: number for number, name in enumerate(names)}
        unknown = next((text for text in texts if text not in numbers), None)
        if unknown is not None:
            raise ShapeError(f"the label {unknown[:80]!r} is none of the class names {', '.join(names)[:200]}.")
        return np.array([numbers[text] for text in texts], dtype=np.int64), names
    if told.dtype.kind == "f":
        if not (np.isfinite(told).all() and (told == np.rint(told)).all()):
            raise ShapeError(
                "labels must be whole numbers or texts, but are fractions; round them, or hand them over as attributes."
            )
        told = told.astype(np.int64)
    if told.dtype.kind not in "iub":
        raise ShapeError(f"labels must be whole numbers or texts, not {told.dtype}.")
    known = None if class_names is None else tuple(map(str, class_names))
    return told.astype(np.int64), known


def _attributes(
    attributes: Any, count: int, names: Sequence[str] | None
) -> tuple[NDArray[np.uint8] | None, tuple[str, ...] | None]:
    """Attributes (N, A) of 0, 1 and `UNKNOWN`, with a name for each."""
    if attributes is None:
        return None, None
    if isinstance(attributes, Mapping):
        names = [str(each) for each in attributes]
        attributes = np.stack([plain(column) for column in attributes.values()], axis=1)
    marks = np.asarray(plain(attributes))
    if marks.ndim != 2 or len(marks) != count or not marks.shape[1]:
        raise ShapeError(f"attributes must be ({count}, A), a row for each image, but are {marks.shape}.")
    values = set(np.unique(marks).tolist())
    if values <= {-1, 1} and -1 in values:
        marks = marks > 0
    elif not values <= {0, 1, UNKNOWN}:
        told = ", ".join(f"{each:g}" for each in sorted(values)[:5])
        raise ShapeError(
            f"attributes must be 0 and 1, or -1 and 1, with {UNKNOWN} where nobody knows, but hold {told}; a number "
            "with more values is no attribute."
        )
    known = tuple(map(str, names)) if names is not None else tuple(f"attribute {k}" for k in range(marks.shape[1]))
    if len(known) != marks.shape[1]:
        raise ShapeError(f"there are {marks.shape[1]} attributes, but {len(known)} names of them.")
    return marks.astype(np.uint8), known
