"""The runs of one process: found on disk or held in memory, opened when first asked for, paired with their twins."""

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.encoding import encode_all
from explorer.arrays import Coder, Images, MeasuringCoder, Pixels
from explorer.checkpoint import (
    CONFIG,
    HISTORY,
    LATENTS,
    METRICS,
    SHEETS,
    WEIGHTS,
    StoredLatents,
    find_run,
    list_runs,
    load_latents,
    place_of,
    read_config,
    read_metrics,
    read_weights,
)
from explorer.config import FEWEST_CALIBRATION, RUN_NAME, VARIATIONAL, DataConfig, Dataset, RunConfig
from explorer.errors import (
    CheckpointError,
    DataError,
    ExplorerError,
    MissingDataError,
    ShapeError,
    UnconvertedError,
    UnreadableError,
)
from explorer.images import to_unit
from explorer.library.memory import Memory
from explorer.library.run import BATCH, Card, ImagesTrouble, OpenRun

if TYPE_CHECKING:
    from explorer.coder import TorchCoder
    from explorer.data import ImageSet

MOST_CLASSES = 10_000
"""Classes that the images of a model held in memory may have."""

MOST_STAMPS = 2000
"""Sheets whose sizes and times tell that a run changed: a folder that holds more must not slow every request down."""

FEWEST_IMAGES = 30
"""Images that a model held in memory needs, so that two sets of codes can be made of them."""


class Library:
    """The runs under one folder, and models held in memory.

    Args:
        checkpoints: Folder of the runs; None for none at all.
        data_dir: Folder of the data sets in torchvision's layout; None for the default one.
        memory: What keeps the open runs, what is computed of them, and the data sets; None for one of the usual size.

    Attributes:
        preferred: The run to show first where it is sound; None leaves the choice to `default`.

    Raises:
        CheckpointError: The folder is not there.
    """

    counted_elsewhere = True

    def __init__(
        self, checkpoints: Path | None = None, data_dir: Path | None = None, memory: Memory | None = None
    ) -> None:
        self.checkpoints = checkpoints
        self.data_dir = data_dir
        self.preferred: str | None = None
        self._held: dict[str, OpenRun] = {}
        self._cards: dict[str, Card] = {}
        self._faults: dict[tuple[str, str], tuple[str, CheckpointError]] = {}  # of a run's part: its version, and why
        self._damaged: dict[str, str] = {}  # versions that could not be opened
        self.memory = memory or Memory()
        self._open = self.memory.drawer()  # runs by name
        self._sets = self.memory.drawer()  # data sets by their keys, and rows of them
        self._failures: dict[
            tuple[object, ...], tuple[object, DataError]
        ] = {}  # the files as they were, and what was wrong
        self._converting: dict[tuple[object, ...], tuple[int, int]] = {}  # pictures done, and all of them
        self._lock = threading.RLock()
        self._opening: dict[str, threading.Lock] = {}
        self._downloading = threading.Lock()
        if checkpoints is not None:
            if not checkpoints.is_dir():
                raise CheckpointError(
                    f"{checkpoints} is no folder; name the folder of your runs with --checkpoints, "
                    "or make one with: python train.py --dataset digits"
                )
            list_runs(checkpoints)  # whether they can be listed

    def names(self) -> list[str]:
        """All runs: those held in memory first, then those on disk, each in order."""
        with self._lock:
            held = list(self._held)
        if self.checkpoints is None or not self.checkpoints.is_dir():
            return held
        return held + [name for name in list_runs(self.checkpoints) if name not in held]

    def folder(self, name: str) -> Path:
        """The folder that a run on disk is read from, as `place_of` finds it.

        Raises:
            CheckpointError: There is no such run; the name may be anything.
        """
        folder = self._folder(name)
        if folder is None:
            known = self.names()
            hint = f"known are {', '.join(known)}" if known else "make one with: python train.py --dataset digits"
            raise CheckpointError(f"there is no run named {str(name)[:100]!r}; {hint}.")
        return folder

    def _folder(self, name: object) -> Path | None:
        """The folder of a run on disk, or None; a name that is no plain folder name never reaches the disk."""
        if self.checkpoints is None or not isinstance(name, str):
            return None
        return find_run(self.checkpoints, name)

    def has(self, name: object) -> bool:
        """Whether there is a run of that name, sound or not; the name may be anything."""
        return isinstance(name, str) and (self._held_run(name) is not None or self._folder(name) is not None)

    def check(self, name: str) -> None:
        """Read a run's files through once, without loading its model.

        Raises:
            CheckpointError: There is no such run, or a file of it is damaged.
        """
        self.open(name)
        if self._held_run(name) is None:
            read_weights(self.folder(name))

    def card(self, name: str) -> Card:
        """What is known of a run without opening it: its settings and scores.

        Raises:
            CheckpointError: There is no such run, or its config.json or metrics.json is damaged.
        """
        held = self._held_run(name)
        if held is not None:
            return held.card
        folder = self.folder(name)
        version = _version(folder, name)
        with self._lock:
            known = self._cards.get(name)
        if known is not None and known.version == version:
            return known
        with self._faulty(name, "card", version):
            config = read_config(folder)
            if config.model.latent_dim is None or config.model.image_shape is None:
                raise CheckpointError(f"{folder / CONFIG} does not say the latent dimension and the image shape.")
            metrics = read_metrics(folder)
        card = Card(
            name=name,
            family=config.model.family,
            dataset=config.data.name or config.data.dataset,
            latent_dim=config.model.latent_dim,
            config=config,
            metrics=metrics,
            version=version,
        )
        with self._lock:
            self._cards[name] = card
        return card

    @contextlib.contextmanager
    def _faulty(self, name: str, part: str, version: str) -> Iterator[None]:
        """Read a part of a run inside the block; what is wrong with it is found once for each version of its files.

        Raises:
            CheckpointError: As the block does, or as it did before.
        """
        known = self._faults.get((name, part))
        if known is not None and known[0] == version:
            raise CheckpointError(str(known[1]))
        try:
            yield
        except UnreadableError:  # the disk may allow it the next time
            raise
        except CheckpointError as error:
            self._faults[name, part] = version, error
            raise

    def cards(self) -> dict[str, Card | CheckpointError]:
        """Every run's card, or why there is none, by name."""
        found: dict[str, Card | CheckpointError] = {}
        for name in self.names():
            try:
                found[name] = self.card(name)
            except CheckpointError as error:
                found[name] = error
        return found

    def default(self) -> str | None:
        """The run to show first: of the MNIST VAEs the one with the lowest NLL, else the first VAE, else the first run.

        What is held in memory comes before what lies on disk. Runs known to be damaged are passed over.
        """
        cards = [
            card
            for card in self.cards().values()
            if isinstance(card, Card) and self._damaged.get(card.name) != card.version
        ]
        if not cards:
            return None
        if any(card.name == self.preferred for card in cards):
            return self.preferred
        with self._lock:
            if self._held:  # what somebody handed over is what they want to see
                return next(iter(self._held))
        measured = [
            (nll, card.name)
            for card in cards
            if card.dataset == "mnist"
            and card.family in VARIATIONAL
            and (nll := card.number("test", "nll_iw")) is not None
        ]
        return min(measured)[1] if measured else min(cards, key=lambda card: card.family not in VARIATIONAL).name

    def twin(self, name: str) -> str | None:
        """The run that was fitted with this one, or None where it is not there.

        That one of them names the other is not enough: both must have the settings that twins share, and the same data.

        Raises:
            CheckpointError: There is no such run.
        """
        held = self._held_run(name)
        if held is not None:
            return held.twin if held.twin in self._held else None
        cards = self.cards()
        if name not in cards:
            self.folder(name)
        return _twin_among(name, cards)

    def twins(self) -> dict[str, str | None]:
        """Every run's twin, as `twin` finds it, with one look at the disk for them all."""
        cards = self.cards()
        return {name: _twin_among(name, cards) if self._held_run(name) is None else self.twin(name) for name in cards}

    def ladder(self, name: str) -> list[Card]:
        """The runs that differ from this one in beta alone, or have none, itself among them, by rising beta.

        Autoencoders of every kind, which have no beta, come first; theirs is the ladder of VAEs. Models held in memory
        have no settings, hence no ladder.

        Raises:
            CheckpointError: There is no such run.
        """
        mine = self.card(name).config
        if mine is None:
            return []
        cards = [card for card in self.cards().values() if isinstance(card, Card) and card.config is not None]
        family = mine.model.family if mine.model.family in VARIATIONAL else "vae"
        kin = [card for card in cards if card.family == family or card.family not in VARIATIONAL]
        alike = [card for card in kin if card.name == name or _alike(mine, card.config)]
        return sorted(alike, key=lambda card: (_beta(card) is not None, _beta(card) or 0.0, card.name))

    def open(self, name: str) -> OpenRun:
        """A run, ready for use; its model is loaded when first asked for.

        Raises:
            CheckpointError: There is no such run, or it is damaged; other runs are not touched by that.
        """
        held = self._held_run(name)
        if held is not None:
            return held
        self.folder(name)
        with self._lock:
            opening = self._opening.setdefault(name, threading.Lock())
        with opening:
            card = self.card(name)
            run: OpenRun | None = self._open.find(name)
            if run is not None and run.card.version == card.version:
                return run
            run = self._read_whole(card)
            self._open.put(name, run)
            return run

    def _read_whole(self, card: Card, tries: int = 3) -> OpenRun:
        """A run whose parts were all there at once: it is read again where it was replaced meanwhile."""

        def is_settled() -> bool:
            return tries <= 1 or _version(self.folder(card.name), card.name) == card.version

        try:
            with self._faulty(card.name, "latents", card.version):
                run = self._read(card)
        except CheckpointError:
            if is_settled():
                self._damaged[card.name] = card.version
                raise
        else:
            if is_settled():
                return run
        return self._read_whole(self.card(card.name), tries - 1)

    def _read(self, card: Card) -> OpenRun:
        config, folder = card.config, self.folder(card.name)
        assert config is not None
        assert config.model.image_shape is not None  # `card` refuses a run without
        assert self.checkpoints is not None
        latents = load_latents(folder, config)

        def open_coder() -> Coder:
            try:
                return load_coder(self.folder(card.name), config)
            except CheckpointError:
                self._damaged[card.name] = card.version
                raise

        rows = "rows", hashlib.sha256(latents.index.tobytes()).hexdigest(), config.data.fingerprint
        return OpenRun(
            card=card,
            image_shape=config.model.image_shape,
            levels=config.model.levels or 256,
            class_names=config.data.class_names,
            latents=latents,
            twin=self.twin(card.name),
            _load_coder=open_coder,
            _load_pixels=lambda: self._pixels_of(config, latents.index, rows),
            _folder=self.checkpoints / card.name,
            drawer=self.memory.drawer(),
        )

    def _pixels_of(self, config: RunConfig, index: NDArray[np.int64], rows: tuple[object, ...]) -> Pixels | None:
        """The pixels of some rows of a data set, shared by all runs that were measured on the same rows."""

        def take() -> Pixels:
            images = self._image_set(config.data)
            if not _holds(images, config, index):
                raise DataError("it is another copy.")
            return _rows(images.pixels, index)

        try:
            return self._sets.keep((*_set_key(config.data), *rows), take)
        except DataError:  # `images_trouble` says it
            return None

    def _image_set(self, data: DataConfig) -> "ImageSet":
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

        return self._sets.keep(key, load)

    def _convert(self, data: DataConfig, key: tuple[object, ...], files: object) -> None:
        """Convert the pictures of a data set, and say how far it is."""
        from explorer.data import load_dataset

        def tell(done: int, count: int) -> None:
            self._converting[key] = (done, count)

        failure: DataError | None = DataError("its pictures cannot be converted; the log of the program says why.")
        try:
            self._sets.put(key, load_dataset(data, self.data_dir, quiet=True, tell=tell))
            failure = None
        except DataError as error:
            failure = error
        except MemoryError:
            failure = DataError("there is not enough memory to convert its pictures.")
        finally:
            if failure is not None:  # whatever it was, it would happen again: not before the files change
                self._failures[key] = (files, failure)
            self._converting.pop(key, None)

    def images_trouble(self, name: str) -> ImagesTrouble | None:
        """Why the images of a run cannot be shown, or None where they can.

        Raises:
            CheckpointError: There is no such run, or it is damaged.
        """
        run = self.open(name)
        if run.images() is not None:
            return None
        if run.config is not None:
            try:
                self._image_set(run.config.data)
            except MissingDataError:
                pass
            except UnconvertedError:
                done, count = self._converting.get(_set_key(run.config.data), (0, 0))
                so_far = f": {done:,} of {count:,} so far" if count else ""
                sentence = f"The pictures of this run are being prepared, which is done once{so_far}."
                return ImagesTrouble("converting", sentence, done / count if count else 0.0)
            except DataError as error:
                return ImagesTrouble("damaged", f"The data set of this run is damaged: {error}")
            else:
                sentence = (
                    "The data set on this machine is another copy than the one that this run was fitted on, with "
                    "another fingerprint; name the folder of the right copy with --data-dir."
                )
                return ImagesTrouble("another copy", sentence)
        return ImagesTrouble("missing", "The data set of this run is not on this machine.")

    def can_download(self, name: str) -> bool:
        """Whether the data set of a run is missing and may be fetched on request."""
        from explorer.data import is_downloadable

        config = self.open(name).config
        if config is None or not is_downloadable(config.data.dataset):
            return False
        trouble = self.images_trouble(name)
        return trouble is not None and trouble.kind == "missing"

    def download(self, dataset: str, progress: Callable[[float, str], None] | None = None) -> None:
        """Fetch a data set into the data folder; nothing is ever fetched without this call.

        Args:
            dataset: Its name.
            progress: Told the share that is done, in [0, 1], and what is being done.

        Raises:
            DataError: It cannot be fetched, or somebody is fetching already.
        """
        from explorer.data import is_downloadable, load_dataset

        if dataset not in get_args(Dataset) or not is_downloadable(dataset):
            raise DataError(f"the data set {str(dataset)[:40]!r} cannot be downloaded.")
        if not self._downloading.acquire(blocking=False):
            raise DataError(f"{dataset} is being downloaded already; wait for it.")
        try:
            if progress is not None:
                progress(0.0, f"fetching {dataset}")
            data = DataConfig(dataset=cast(Any, dataset))
            found = load_dataset(data, self.data_dir, download=True)
            self._sets.put(_set_key(data), found)
            if progress is not None:
                progress(1.0, f"{len(found):,} images")
        finally:
            self._downloading.release()

    def hold(
        self,
        name: str,
        coder: Coder,
        images: Images | Pixels,
        labels: NDArray[np.integer] | None = None,
        *,
        class_names: tuple[str, ...] | None = None,
        dataset: str = "yours",
        twin: str | None = None,
        seed: int = 0,
    ) -> OpenRun:
        """Keep a model in memory as a run of this library.

        All images are shown; a random two thirds of them (at most 10,000) serve as reference of the holes, the rest
        (at most 5,000) calibrates them.

        Args:
            name: What the run is called.
            coder: The model.
            images: (N, C, H, W), float in [0, 1] or uint8 in 0 .. levels - 1; 30 at least.
            labels: (N,) indices into `class_names`, or None.
            class_names: Names of the labels, `MOST_CLASSES` at most; None for the numbers themselves.
            dataset: What the images are called.
            twin: Name of another held run to compare with; it learns of this one too.
            seed: Of the draws and the division.

        Returns:
            The run.

        Raises:
            CheckpointError: The name is taken, or is no plain name.
            ShapeError: Images, labels and model do not go together.
        """
        from explorer.analysis.laws import fit_gmm

        if not RUN_NAME.fullmatch(name):
            raise CheckpointError(f"a run's name is letters, digits, '.', '_' and '-', but this is {name[:100]!r}.")
        if name in self.names():
            raise CheckpointError(f"there is a run named {name!r} already; choose another name.")
        units, pixels = _both_forms(images, coder)
        labels, class_names = _checked_labels(labels, len(units), class_names)
        rng = np.random.default_rng(seed)
        posterior = encode_all(coder, units)
        draw, given = posterior.draw(rng)
        distortion = np.full(len(units), np.nan, dtype=np.float32)
        if isinstance(coder, MeasuringCoder):
            parts = [
                coder.distortion(units[i : i + BATCH], posterior.mean[i : i + BATCH])
                for i in range(0, len(units), BATCH)
            ]
            distortion = np.concatenate(parts).astype(np.float32)
        order = rng.permutation(len(units))
        cut = len(order) - max(FEWEST_CALIBRATION, len(order) // 3)
        reference, calibration = np.sort(order[:cut][:10_000]), np.sort(order[cut:][:5_000])
        mixture = fit_gmm(draw[reference], components=min(10, len(reference) // 10), seed=seed)
        latents = StoredLatents(
            mean=posterior.mean,
            log_variance=posterior.log_variance,
            draw=draw,
            label=labels,
            attribute=None,
            index=np.arange(len(units)),
            distortion=distortion,
            rate=given.rate().sum(1),
            reference=draw[reference],
            reference_index=reference,
            calibration=draw[calibration],
            calibration_index=calibration,
            gmm_weights=mixture.weights.astype(np.float32),
            gmm_means=mixture.means.astype(np.float32),
            gmm_covariances=mixture.covariances.astype(np.float32),
            features=None,
            reference_features=None,
        )
        card = Card(
            name=name,
            family="ae" if posterior.log_variance is None else "vae",
            dataset=dataset,
            latent_dim=coder.latent_dim,
            config=None,
            metrics={},
            version=_digest(class_names, posterior.mean, posterior.log_variance, draw, distortion, labels, pixels),
        )
        run = OpenRun(
            card=card,
            image_shape=coder.image_shape,
            levels=coder.levels,
            class_names=class_names,
            latents=latents,
            twin=twin,
            _load_coder=lambda: coder,
            _load_pixels=lambda: pixels,
            drawer=self.memory.drawer(),
        )
        with self._lock:
            self._held[name] = run
            if twin in self._held and self._held[twin].twin is None:
                self._held[twin].twin = name
        return run

    def warm(self) -> None:
        """Open the default run and load its model, so that the first visitor does not wait; errors are left to them."""
        while (name := self.default()) is not None:
            try:
                run = self.open(name)
                run.coder.decode(run.latents.mean[:1])
                run.images()
                _ = run.directions, run.vacancy
            except ExplorerError:
                if self._damaged.get(name) is not None:  # then there is another default to try
                    continue
            return

    def _held_run(self, name: object) -> OpenRun | None:
        with self._lock:
            return self._held.get(name) if isinstance(name, str) else None


def _digest(class_names: tuple[str, ...] | None, *arrays: NDArray[Any] | None) -> str:
    """A name that everything a browser keeps of a run in memory decides: another launch may differ in labels alone."""
    digest = hashlib.sha256(repr(class_names).encode())
    for array in arrays:
        digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _both_forms(images: Images | Pixels, coder: Coder) -> tuple[Images, Pixels]:
    """Images in [0, 1] and stored grey levels of either, both (N, C, H, W)."""
    array: NDArray[Any] = np.asarray(images)
    if array.ndim != 4 or array.shape[1:] != tuple(coder.image_shape):
        raise ShapeError(f"images must be shaped (N, {', '.join(map(str, coder.image_shape))}), not {array.shape}.")
    if len(array) < FEWEST_IMAGES:
        raise ShapeError(f"at least {FEWEST_IMAGES} images are needed to tell holes from data, not {len(array)}.")
    if array.dtype == np.uint8:
        if array.max() >= coder.levels:
            raise ShapeError(f"pixels must lie in 0 .. {coder.levels - 1}, but the largest is {array.max()}.")
        return to_unit(array, coder.levels), array
    if not np.issubdtype(array.dtype, np.floating):
        raise ShapeError(f"images must be float in [0, 1] or uint8, not {array.dtype}.")
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
        raise ShapeError("images must be finite and lie in [0, 1]; divide by the largest grey level.")
    units = array.astype(np.float32)
    return units, np.rint(units * (coder.levels - 1)).astype(np.uint8)


def _checked_labels(
    labels: Any, count: int, class_names: tuple[str, ...] | None
) -> tuple[NDArray[np.int64] | None, tuple[str, ...] | None]:
    """Labels (count,) with a name for each, or neither."""
    if labels is None:
        return None, class_names
    labels = np.asarray(labels)
    if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
        raise ShapeError(f"labels must be {count} whole numbers, but are {labels.dtype} shaped {labels.shape}.")
    classes = MOST_CLASSES if class_names is None else len(class_names)
    low, high = int(labels.min()), int(labels.max())
    if classes > MOST_CLASSES or not 0 <= low <= high < classes:
        named = "" if class_names is None else f" with {classes:,} class names"
        raise ShapeError(
            f"labels must number the classes from 0, of which there may be {MOST_CLASSES:,}, each with a name or none, "
            f"but these go from {low} to {high}{named}."
        )
    return labels.astype(np.int64), class_names or tuple(map(str, range(high + 1)))


def _twin_among(name: str, cards: Mapping[str, Card | CheckpointError]) -> str | None:
    """The twin of a run of the disk among the cards of all runs, or None."""
    configs = {key: card.config for key, card in cards.items() if isinstance(card, Card) and card.config is not None}
    mine = configs.get(name)
    if mine is None:
        return None
    named = [mine.twin] if mine.twin in configs else []
    named += [key for key, config in configs.items() if config.twin == name]
    return next((key for key in named if key != name and _alike(mine, configs[key])), None)


def _alike(mine: RunConfig, other: RunConfig | None) -> bool:
    """Whether two runs have the settings that twins share, and were fitted on the same data."""
    if other is None or mine.data.fingerprint is None:
        return False
    return mine.key == other.key and mine.data.fingerprint == other.data.fingerprint


def _beta(card: Card) -> float | None:
    """The weight of the rate in a run's loss, or None of an autoencoder, which has none."""
    return card.config.train.beta if card.config is not None and card.family in VARIATIONAL else None


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
    return data.dataset, *size, data.folder, *reading, data.extra_train, data.name or data.dataset


def _stamp(file: Path) -> tuple[str, int, int] | None:
    """Changes whenever a file does; None where there is none."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return str(file), stat.st_size, stat.st_mtime_ns


def _version(folder: Path, name: str) -> str:
    """Changes whenever a file of the run is replaced: a hash of sizes and times, so that it costs nothing."""
    digest = hashlib.sha256(name.encode())
    for part in (CONFIG, METRICS, LATENTS, WEIGHTS, HISTORY):
        try:
            stat = (folder / part).stat()
            digest.update(f"{part}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_mode};".encode())
        except OSError:
            digest.update(f"{part}:missing;".encode())
    for stamp in _sheet_stamps(folder / SHEETS):
        digest.update(stamp.encode(errors="backslashreplace"))
    return digest.hexdigest()[:16]


def _sheet_stamps(folder: Path) -> list[str]:
    """Name, size and time of the sheets of a run, in order; none where there is no folder of them."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in islice(entries, MOST_STAMPS)]
    except OSError:
        return []
    return [f"{name}:{stat.st_size}:{stat.st_mtime_ns};" for name, stat in sorted(found, key=lambda each: each[0])]


def load_coder(folder: Path, config: RunConfig) -> "TorchCoder":
    """The fitted model of a run on disk.

    Raises:
        CheckpointError: The weights are missing, damaged, or those of another model.
    """
    from explorer.coder import build_coder, weight_shapes

    weights = read_weights(folder, weight_shapes(config.model, str(folder)))
    return build_coder(config.model, weights, str(folder))


@dataclass(frozen=True)
class Run:
    """A run read from disk, whole.

    Attributes:
        folder: Where it lies.
        config: Its settings.
        metrics: Its scores, as in metrics.json.
        latents: Its stored latents.
        coder: The fitted model.
    """

    folder: Path
    config: RunConfig
    metrics: Mapping[str, Any]
    latents: StoredLatents
    coder: "TorchCoder"

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return self.folder.name


def load_run(folder: Path | str) -> Run:
    """A run with its settings, scores, latents and model, for a script or a notebook.

    Raises:
        CheckpointError: A part is missing, damaged, or does not fit the others.
    """
    folder = place_of(Path(folder))
    config = read_config(folder)
    latents = load_latents(folder, config)
    return Run(folder, config, read_metrics(folder), latents, load_coder(folder, config))
