"""The data sets of this machine: found, converted and downloaded, each read once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Pixels
from explorer.config import DataConfig, RunConfig
from explorer.errors import DataError, ExplorerError, MissingDataError, UnconvertedError
from explorer.library.memory import Drawer

if TYPE_CHECKING:
    from explorer.data import ImageSet

TroubleKind = Literal["missing", "damaged", "another copy", "converting"]
"""Why the images of a run are not there; what is missing can be downloaded, and a conversion comes to an end."""


@dataclass(frozen=True, slots=True)
class ImagesTrouble:
    """Why the images of a run cannot be shown.

    Attributes:
        kind: What is wrong with the data set on this machine.
        sentence: The same for a person.
        share: Of the pictures that are converted, in [0, 1]; None where none are being converted.
    """

    kind: TroubleKind
    sentence: str
    share: float | None = None


MISSING = ImagesTrouble("missing", "The data set of this run is not on this machine.")


class DataSets:
    """The data sets under one folder.

    Args:
        data_dir: Their folder, in torchvision's layout; None for the default one.
        kept: Where those that were read are kept.
    """

    def __init__(self, data_dir: Path | None, kept: Drawer) -> None:
        self.data_dir = data_dir
        self._kept = kept  # data sets by their keys, and rows of them
        self._failures: dict[
            tuple[object, ...], tuple[object, DataError]
        ] = {}  # the files as they were, and what was wrong
        self._converting: dict[tuple[object, ...], tuple[int, int]] = {}  # pictures done, and all of them
        self._judged: dict[str, tuple[object, bool]] = {}  # by data set its files as they were, and whether it is there
        self._downloading = threading.Lock()

    def pixels_of(self, config: RunConfig, index: NDArray[np.int64], rows: tuple[object, ...]) -> Pixels | None:
        """The pixels of some rows of a data set, shared by all runs that were measured on the same rows."""

        def take() -> Pixels:
            images = self.find(config.data)
            if not _holds(images, config, index):
                raise DataError("it is another copy.")
            return _rows(images.pixels, index)

        try:
            return self._kept.keep((*_set_key(config.data), *rows), take)
        except DataError:  # `images_trouble` says it
            return None

    def find(self, data: DataConfig) -> "ImageSet":
        """The data set of a run, read once; a failure is kept until the files change.

        Pictures that were not converted yet are converted meanwhile, in a thread that ends with the program: whoever
        asked goes on without them.

        Raises:
            DataError: Missing or damaged files, or `UnconvertedError` while they are being converted.
        """
        from explorer.data import dataset_files, load_dataset

        key = _set_key(data)

        def load() -> "ImageSet":
            files = [_stamp(file) for file in dataset_files(data, self.data_dir)]
            seen, failure = self._failures.get(key, (None, None))
            if failure is not None and seen == files:
                raise type(failure)(str(failure))
            if key in self._converting:
                raise UnconvertedError("the pictures are being converted.")
            try:
                return load_dataset(data, self.data_dir, convert=False)
            except UnconvertedError:
                self._converting[key] = (0, 0)
                converting = threading.Thread(
                    target=self._convert, args=(data, key, files), name="convert", daemon=True
                )
                try:
                    converting.start()
                except RuntimeError:  # no more threads on this machine; whoever asks next tries again
                    self._converting.pop(key, None)
                raise
            except DataError as error:
                self._failures[key] = (files, error)
                raise

        return self._kept.keep(key, load)

    def is_at_hand(self, dataset: str) -> bool:
        """Whether a data set could be fitted now, its pictures converted or not; judged anew when its files change.

        Args:
            dataset: Its name; sets of a folder that somebody names are never at hand.
        """
        from explorer.data import dataset_files, load_dataset

        data = DataConfig(dataset=dataset)
        files = [_stamp(file) for file in dataset_files(data, self.data_dir)]
        if self._judged.get(dataset, (None, False))[0] != files:
            try:
                load_dataset(data, self.data_dir, convert=False)
                found = True
            except UnconvertedError:
                found = True
            except ExplorerError:
                found = False
            self._judged[dataset] = files, found
        return self._judged[dataset][1]

    def _convert(self, data: DataConfig, key: tuple[object, ...], files: object) -> None:
        """Convert the pictures of a data set, and say how far it is."""
        from explorer.data import load_dataset

        def tell(done: int, count: int) -> None:
            self._converting[key] = (done, count)

        failure: DataError | None = DataError("its pictures cannot be converted; the log of the program says why.")
        try:
            self._kept.put(key, load_dataset(data, self.data_dir, quiet=True, tell=tell))
            failure = None
        except DataError as error:
            failure = error
        except MemoryError:
            failure = DataError("there is not enough memory to convert its pictures.")
        finally:
            if failure is not None:  # whatever it was, it would happen again: not before the files change
                self._failures[key] = (files, failure)
            self._converting.pop(key, None)

    def trouble(self, config: RunConfig) -> ImagesTrouble:
        """Why the images of a run, which are not there, cannot be shown."""
        try:
            self.find(config.data)
        except MissingDataError:
            return MISSING
        except UnconvertedError:
            done, count = self._converting.get(_set_key(config.data), (0, 0))
            so_far = f": {done:,} of {count:,} so far" if count else ""
            sentence = f"The pictures of this run are being prepared, which is done once{so_far}."
            return ImagesTrouble("converting", sentence, done / count if count else 0.0)
        except DataError as error:
            return ImagesTrouble("damaged", f"The data set of this run is damaged: {error}")
        return ImagesTrouble(
            "another copy",
            "The data set on this machine is another copy than the one that this run was fitted on, with another "
            "fingerprint; name the folder of the right copy with --data-dir.",
        )

    def download(self, dataset: str, progress: Callable[[float, str], None] | None = None) -> None:
        """Fetch a data set into the data folder; nothing is ever fetched without this call.

        Args:
            dataset: Its name.
            progress: Told the share that is done, in [0, 1], and what is being done.

        Raises:
            DataError: It cannot be fetched, or somebody is fetching already.
        """
        from explorer.data import is_downloadable, load_dataset

        if not isinstance(dataset, str) or not is_downloadable(dataset):
            raise DataError(f"the data set {str(dataset)[:40]!r} cannot be downloaded.")
        if not self._downloading.acquire(blocking=False):
            raise DataError(f"{dataset} is being downloaded already; wait for it.")
        try:
            if progress is not None:
                progress(0.0, f"fetching {dataset}")
            data = DataConfig(dataset=dataset)
            found = load_dataset(data, self.data_dir, download=True)
            self._kept.put(_set_key(data), found)
            if progress is not None:
                progress(1.0, f"{len(found):,} images")
        finally:
            self._downloading.release()


class NoDataSets(DataSets):
    """No data sets at all, whatever is on this machine: a library with these shows decodes alone."""

    def find(self, data: DataConfig) -> "ImageSet":
        """Nothing.

        Raises:
            MissingDataError: Always.
        """
        raise MissingDataError(f"the data set {data.dataset} is left out.")


def _holds(images: "ImageSet", config: RunConfig, index: NDArray[np.int64]) -> bool:
    """Whether a data set is the copy that a run was fitted on, with all rows (n,) of its evaluation split."""
    whole = not len(index) or 0 <= index.min() <= index.max() < len(images)
    return images.fingerprint == config.data.fingerprint and bool(whole)


def _rows(pixels: Pixels, index: NDArray[np.int64]) -> Pixels:
    """Rows (n,) of an array (N, C, H, W): of a map of a file no copy where they follow one another."""
    first = int(index[0]) if len(index) else 0
    if isinstance(pixels, np.memmap) and np.array_equal(index, np.arange(first, first + len(index))):
        return pixels[first : first + len(index)]
    return pixels[index]


def _set_key(data: DataConfig) -> tuple[object, ...]:
    """What tells one data set of this machine from another."""
    from explorer.data import image_size_of

    reading = data.reading, data.one_split
    size = image_size_of(data), data.grey
    array = data.labels, data.channels, data.pixel_range, data.array
    return data.dataset, *size, data.folder, *reading, *array, data.extra_train, data.name or data.dataset


def _stamp(file: Path) -> tuple[str, int, int] | None:
    """Changes whenever a file does; None where there is none."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return str(file), stat.st_size, stat.st_mtime_ns
