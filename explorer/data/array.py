"""A file of images as a data set: arrays of numpy, torch and others, tables, archives of pictures.

`explorer.data.stacks` opens arrays, `explorer.data.values` finds out their axes and their black and white,
`explorer.data.webdataset` joins archives; here the parts of a split come together, with what is known of the images.
"""

import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explorer.arrays import Pixels
from explorer.config import Channels, PixelRange
from explorer.data import arrow
from explorer.data.cache import PIXELS, Arrangement, Rows, Work, conversion, conversions_dir, converted, write_header
from explorer.data.contents import MOST_NAMED, known_beside, named, parts_of, sorted_out
from explorer.data.described import by_parts, settled_parts
from explorer.data.folder import FEWEST
from explorer.data.listing import Found
from explorer.data.names import GENERIC, plain_name, telling_parts
from explorer.data.pictures import Preparation, cut, middle
from explorer.data.sets import ImageSet
from explorer.data.sources import Asked, Source
from explorer.data.stack import MOST_ROWS, Stack, ending_of
from explorer.data.stacks import held_by
from explorer.data.tables import table_found
from explorer.data.values import Axes, Levels, axes_of, counted_blocks, levels_of, reach_of
from explorer.data.webdataset import RANGE, archive_files, archives_at, arrange_archives
from explorer.errors import DataError
from explorer.progress import stage

LARGEST = 256
"""Largest side in pixels that is kept without being asked for."""

BATCH_ROWS = 4096
"""Images between two words of progress, at most."""


def array_name(file: Path) -> str:
    """The name of a data set of a file: that of the file, with the folder above it where it says nothing."""
    stem = RANGE.sub("", file.resolve().name[: -len(ending_of(file)) or None]).strip("-._") or file.resolve().name
    if stem.lower() in GENERIC:
        return plain_name((*telling_parts(file.resolve().parent), stem))
    return plain_name((stem,))


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How an array becomes images.

    Attributes:
        size: Side to which they are reduced; None keeps their own shape.
        grey: One channel instead of three.
        channels: Where the array has its channels, if its shape does not tell.
        pixel_range: What its values mean, if they do not tell.
        array: Its name, if it is not the only one.
    """

    size: int | None = None
    grey: bool = False
    channels: Channels | None = None
    pixel_range: PixelRange | None = None
    array: str | None = None


def load_array(
    file: Path,
    name: str,
    reading: Reading,
    *,
    how: Preparation,
    labels: Path | None = None,
    one_split: bool | None = None,
    work: Work,
) -> ImageSet:
    """The images of a file.

    Args:
        file: An array, several, a table, or an archive of pictures; or a folder or a range of archives.
        name: Name of the data set.
        reading: How an array becomes images.
        how: What becomes of a picture in an archive.
        labels: A table of labels: of an archive it names the pictures, of an array it has a line for each image.
        one_split: As for a folder, of an archive.
        work: How to convert the images.

    Raises:
        DataError: The file is missing (`MissingDataError`) or damaged, no file of images, or could be read in two ways.
    """
    archives = archives_at(file)
    if archives is None and (file.is_dir() or file.suffix.lower() in arrow.ENDINGS):
        if labels is not None:
            raise DataError(f"{file} has columns of its own for what is on the images; leave out --labels.")
        listing = arrow.files_of(file) if file.exists() else [_found(file)]
        images = converted(
            name, listing, how, lambda: arrow.arrange_columns(file, name, listing), work=work, rules=("columns", 1)
        )
        return _enough(file, images)
    table = [] if labels is None else [table_found(labels)]
    if archives is not None:
        found = [_found(file)] if archives == [file] else archive_files(file, archives)
        images = converted(
            name,
            [*found, *table],
            how,
            lambda: _archived(file, found, name, how, reading.size is None, one_split, labels),
            work=work,
            rules=("archive", 2, one_split, reading.size is None),
        )
    else:
        rules = ["array", 1, asdict(reading)]
        images = conversion(
            name,
            [_found(file), *table],
            rules,
            lambda partial: _written(partial, file, name, reading, labels, work),
            work,
        )
    return _enough(file, images)


def _enough(file: Path, images: ImageSet) -> ImageSet:
    if len(images) < FEWEST:
        raise DataError(f"{file} holds {len(images)} images that can be read, but at least {FEWEST} are needed.")
    return images


def _found(file: Path) -> Found:
    try:
        stat = file.stat()
    except OSError:
        held_by(file)  # says that it is missing
        raise
    return Found(file, file.name, stat.st_size, stat.st_mtime_ns)


def _archived(
    file: Path,
    archives: Sequence[Found],
    name: str,
    how: Preparation,
    say_size: bool,
    one_split: bool | None,
    labels: Path | None,
) -> Arrangement:
    """The pictures of archives as those of a folder."""
    plan = arrange_archives(file, archives, name, one_split, labels)
    said = f"pictures become {how.size}x{how.size} pixels; --image-size N takes another side"
    return replace(plan, notes=(*plan.notes, said)) if say_size else plan


def _written(partial: Path, file: Path, name: str, reading: Reading, labels: Path | None, work: Work) -> Rows:
    """Write the images of an array file into a folder, a block at a time."""
    with stage(f"looking through {file.name}", quiet=work.quiet):
        held = held_by(file)
        contents = sorted_out(held, reading.array, file)
        what = contents.images[0].name or file.name
        axes = [axes_of(each.shape, reading.channels, each.name or file.name) for each in contents.images]
        if len({(each.height, each.width, each.channels) for each in axes}) > 1:
            raise DataError(f"{file} holds images of several shapes: {named(contents.images)}; they must be alike.")
        if max(axes[0].height, axes[0].width) > LARGEST and not reading.size:
            raise DataError(
                f"the images of {file} have {axes[0].width}x{axes[0].height} pixels, more than {LARGEST}; say how "
                "small they are to become with --image-size 64, or with another side."
            )
        levels = levels_of(reach_of(contents.images), reading.pixel_range, what)
        count = sum(each.shape[0] for each in contents.images)
        if count > MOST_ROWS:
            raise DataError(f"{file} holds {count:,} images, but {MOST_ROWS:,} are the most.")
        known = known_beside(held, contents, labels, file)
        parts, said = settled_parts(
            parts_of(contents, known), count, name, "the file" if labels is None else "the table"
        )
    shape = _image_shape(axes[0], reading)
    _refuse_full_disk(name, count * math.prod(shape))
    _, told = by_parts(known, parts)
    with (partial / PIXELS).open("wb") as stream:
        write_header(stream, (count, *shape))
        _write_blocks(stream, contents.images, axes, levels, reading, shape, parts, work, name)
    shaped = f"{what}: {axes[0].words}, {contents.images[0].dtype.name}; {levels.words}"
    left = [f"not used: {', '.join(contents.left[:MOST_NAMED])}"] if contents.left and not held.table else []
    return Rows(
        **told,
        notes=(said, shaped, *_resized(axes[0], reading), *known.notes, *held.notes, *left),
    )


def _image_shape(axes: Axes, reading: Reading) -> tuple[int, int, int]:
    """(C, H, W) of the images as they are kept."""
    channels = 1 if axes.channels == 1 or reading.grey else 3
    return (channels, reading.size, reading.size) if reading.size else (channels, axes.height, axes.width)


def _resized(axes: Axes, reading: Reading) -> list[str]:
    """What was done to images beside their values, a sentence each."""
    notes = ["four channels: laid over white by the last"] if axes.channels == 4 else []
    if reading.size and (axes.height, axes.width) != (reading.size, reading.size):
        square = "" if axes.height == axes.width else ", of which the middle is kept"
        notes.append(f"images of {axes.width}x{axes.height} pixels{square}, scaled to {reading.size}x{reading.size}")
    return notes


def _write_blocks(
    stream: BinaryIO,
    stacks: Sequence[Stack],
    axes: Sequence[Axes],
    levels: Levels,
    reading: Reading,
    shape: tuple[int, int, int],
    parts: NDArray[np.int64],
    work: Work,
    name: str,
) -> None:
    """Write every image to its place: training images first, then validation images, then test images."""
    begin, size, count = stream.tell(), math.prod(shape), len(parts)
    starts = np.searchsorted(np.sort(parts), [0, 1, 2])  # the next free place of each part
    row = 0
    with stage(f"converting {name}: {count:,} images", count, unit="image", quiet=work.quiet) as bar:
        for images in _converted_blocks(stacks, axes, levels, reading):
            mine = parts[row : row + len(images)]
            for part in range(3):
                chosen = images[mine == part]
                if len(chosen):
                    stream.seek(begin + int(starts[part]) * size)
                    stream.write(np.ascontiguousarray(chosen).data)
                    starts[part] += len(chosen)
            row += len(images)
            bar.update(len(images))
            if work.tell is not None:
                work.tell(row, count)
    stream.flush()


def _converted_blocks(
    stacks: Sequence[Stack], axes: Sequence[Axes], levels: Levels, reading: Reading
) -> Iterator[Pixels]:
    """Images (n, C, H, W) of bytes, in the order of the arrays."""
    for stack, each in zip(stacks, axes, strict=True):
        for _, block in counted_blocks(stack):
            for start in range(0, len(block), BATCH_ROWS):
                pixels = levels.bytes_of(each.images(block[start : start + BATCH_ROWS]))
                yield _as_kept(_opaque(pixels) if each.channels == 4 else pixels, reading)


def _opaque(pixels: Pixels) -> Pixels:
    """Images (n, 4, H, W) over white, (n, 3, H, W)."""
    share = pixels[:, 3:].astype(np.float32) / 255
    return np.rint(pixels[:, :3] * share + 255 * (1 - share)).astype(np.uint8)


def _as_kept(pixels: Pixels, reading: Reading) -> Pixels:
    """Images (n, C, H, W), grey and of another size where that is asked for."""
    is_grey = pixels.shape[1] == 1
    if not reading.size and (is_grey or not reading.grey):
        return pixels
    kept = []
    for image in pixels:
        picture = Image.fromarray(image[0] if is_grey else np.ascontiguousarray(image.transpose(1, 2, 0)))
        if reading.grey and not is_grey:
            picture = picture.convert("L")
        if reading.size:
            picture = cut(picture, middle(*picture.size), (reading.size, reading.size))
        values = np.asarray(picture)
        kept.append(values[None] if values.ndim == 2 else values.transpose(2, 0, 1))
    return np.stack(kept)


def _refuse_full_disk(name: str, size: int) -> None:
    free = shutil.disk_usage(conversions_dir()).free
    if size > free:
        raise DataError(
            f"the images of {name} take {size:,} bytes, but {free:,} are free in {conversions_dir()}; make room there, "
            "or name another folder in $EXPLORER_CACHE."
        )


def _load(asked: Asked) -> ImageSet:
    if asked.folder is None:
        raise DataError("an array data set needs its file; name it with --file FILE.")
    config = asked.config
    return load_array(
        asked.folder,
        config.name or array_name(asked.folder),
        Reading(
            size=config.image_size,
            grey=config.grey,
            channels=config.channels,
            pixel_range=config.pixel_range,
            array=config.array,
        ),
        how=asked.how,
        labels=asked.labels,
        one_split=config.one_split,
        work=asked.work,
    )


SOURCE = Source(load=_load, takes="file", takes_labels=True)
