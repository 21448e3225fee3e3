"""Each data set as one uint8 array, labels, attribute names and a fingerprint; downloads only when asked."""

import dataclasses
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from explorer.config import DATASETS, READING, DataConfig, sized_name
from explorer.data.array import array_name
from explorer.data.cache import Work, cache_dir, clear_cache, default_data_dir, layouts_dir
from explorer.data.names import folder_name, telling_parts
from explorer.data.pictures import Preparation
from explorer.data.sets import ImageSet, Split, check_split, needs_more, reference_count, sized, split
from explorer.data.sources import Asked, source_of
from explorer.errors import ConfigError, DataError

__all__ = [
    "ImageSet",
    "Split",
    "cache_dir",
    "check_split",
    "clear_cache",
    "dataset_files",
    "default_data_dir",
    "image_size_of",
    "is_downloadable",
    "layouts_dir",
    "load_dataset",
    "located",
    "needs_more",
    "reference_count",
    "sized",
    "source_of",
    "split",
]


def load_dataset(
    config: DataConfig,
    data_dir: Path | None = None,
    download: bool = False,
    *,
    folder: Path | None = None,
    labels: Path | None = None,
    extra_train: Path | None = None,
    quiet: bool = False,
    convert: bool = True,
    tell: Callable[[int, int], None] | None = None,
) -> ImageSet:
    """The data set that `config` names.

    Sets of pictures are converted once into the user's cache (`explorer.data.cache`), with progress on stderr.

    Args:
        config: Names the data set.
        data_dir: Folder in torchvision's layout, possibly read-only; None means `default_data_dir()`.
        download: Whether missing files may be fetched into it; torchvision shows the progress.
        folder: The folder or the file of a set that somebody names; None looks where `config` says, below `data_dir`.
        labels: The table of its labels; None looks where `config` says, below `data_dir`.
        extra_train: Where further training images lie; None looks where `config` says, below `data_dir`.
        quiet: Whether to show no progress.
        convert: Whether pictures may be converted, which takes seconds to minutes; else only a conversion is opened.
        tell: Told how many of how many pictures are converted, from the thread that called.

    Raises:
        DataError: Missing (`MissingDataError`), unconverted (`UnconvertedError`) or damaged files; the message says
            which and what to do.
    """
    places = folder, labels, extra_train
    images = _loaded(config, data_dir, download, places, Work(allowed=convert, quiet=quiet, tell=tell))
    shares = source_of(config.dataset).takes is None
    return dataclasses.replace(images, name=config.name or images.name, shares_test=shares)  # a name tells sizes apart


def _loaded(
    config: DataConfig,
    data_dir: Path | None,
    download: bool,
    places: tuple[Path | None, Path | None, Path | None],
    work: Work,
) -> ImageSet:
    data_dir, source = data_dir or default_data_dir(), source_of(config.dataset)
    folder, labels, extra_train = places
    asked = Asked(
        config=config,
        data_dir=data_dir,
        folder=folder or _stored_place(data_dir, config.folder),
        labels=labels or _stored_place(data_dir, config.labels),
        extra_train=extra_train or _stored_place(data_dir, config.extra_train),
        how=Preparation(size=image_size_of(config) or 64, grey=config.grey, crop=source.crop),
        download=download,
        work=work,
    )
    return source.load(asked)


def image_size_of(config: DataConfig) -> int | None:
    """Side of the images of a set of pictures, in pixels; None for a set that has its own."""
    return config.image_size or DATASETS[config.dataset]["data"].get("image_size")


def dataset_files(config: DataConfig, data_dir: Path | None = None) -> list[Path]:
    """Files and folders that change when what `load_dataset` might read does; none for a set that comes with a library.

    They may be there or not.
    """
    data_dir, source = data_dir or default_data_dir(), source_of(config.dataset)
    named = {config.folder if source.takes else None, config.labels if source.takes_labels else None}
    named |= {config.extra_train if source.takes_extra else None}
    places = [_stored_place(data_dir, stored) for stored in named]
    return [*source.files(data_dir), *(place for place in places if place is not None)]


def is_downloadable(dataset: str) -> bool:
    """Whether a missing data set can be fetched on request; the name may be anything."""
    return dataset in DATASETS and source_of(dataset).is_downloadable


def located(
    config: DataConfig,
    data_dir: Path | None = None,
    folder: Path | None = None,
    extra_train: Path | None = None,
    *,
    file: Path | None = None,
    labels: Path | None = None,
) -> DataConfig:
    """The same settings with the name of the data set and where its folders are, as a run may store it.

    What lies inside the data folder is stored relative to it, so that it is found again wherever the data folder is;
    any other folder or file by the last parts of its path that tell it from others. No path of one machine enters a
    run.

    Raises:
        ConfigError: A folder or a file is missing, or given for a data set that has none.
    """
    data_dir = data_dir or default_data_dir()
    source = source_of(config.dataset)
    for takes, given, flag in (("folder", folder, "--folder PATH"), ("file", file, "--file FILE")):
        if (source.takes == takes) != (given is not None):
            owner = next(name for name in DATASETS if source_of(name).takes == takes)
            raise ConfigError(f"--dataset {owner} and {flag} need each other; give both or neither.")
    if extra_train is not None and not source.takes_extra:
        raise ConfigError(f"--extra-train must go with --dataset celeba, not with {config.dataset}.")
    if labels is not None and not source.takes_labels:
        raise ConfigError(f"--labels must go with --dataset folder or array, not with {config.dataset}.")
    if config.one_split is not None and source.takes is None:
        flag = "--one-split" if config.one_split else "--no-one-split"
        raise ConfigError(f"{flag} must go with --dataset folder, not with {config.dataset}.")
    for name in ("channels", "pixel_range", "array"):
        if getattr(config, name) is not None and source.takes != "file":
            flag = "--" + name.replace("_", "-")
            raise ConfigError(f"{flag} must go with --dataset array, not with {config.dataset}.")
    if folder is not None:
        name = sized_name(folder_name(folder), config)
        config = dataclasses.replace(config, name=name, folder=_portable(folder, data_dir), reading=READING)
    if file is not None:
        name = sized_name(array_name(file), config)
        config = dataclasses.replace(config, name=name, folder=_portable(file, data_dir), reading=READING)
    if labels is not None:
        config = dataclasses.replace(config, labels=_portable(labels, data_dir))
    if extra_train is not None:
        config = dataclasses.replace(config, extra_train=_portable(extra_train, data_dir))
    return config


def _portable(place: Path, data_dir: Path) -> str:
    inside, data_dir = place.resolve(), data_dir.resolve()
    if inside != data_dir and inside.is_relative_to(data_dir):
        return inside.relative_to(data_dir).as_posix()
    return "/".join(telling_parts(place))


def _stored_place(data_dir: Path, stored: str | None) -> Path | None:
    """The folder that a run's settings name, below the data folder; they may be anybody's, so nowhere else."""
    if stored is None:
        return None
    place = PurePosixPath(stored)
    if place.is_absolute() or not place.parts or ".." in place.parts or "\\" in stored or ":" in stored:
        raise DataError(f"a run names the folder {stored[:80]!r}, which is not below the data folder; see --data-dir.")
    return data_dir / place
