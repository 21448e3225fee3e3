"""The runs of one process: found on disk or held in memory, opened when first asked for, paired with their twins."""

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Coder, Images, Pixels
from explorer.checkpoint import find_run, list_runs, load_latents, read_programs, read_weights
from explorer.config import has_prior
from explorer.errors import CheckpointError, ExplorerError, UnreadableError
from explorer.library.card import Card, read_card, version_of
from explorer.library.datasets import MISSING, DataSets, ImagesTrouble
from explorer.library.held import held_run
from explorer.library.kin import ladder_among, twin_among
from explorer.library.loading import load_coder
from explorer.library.memory import Memory
from explorer.library.run import OpenRun


class Library:
    """The runs under one folder, and models held in memory.

    Args:
        checkpoints: Folder of the runs; None for none at all.
        data_dir: Folder of the data sets in torchvision's layout; None for the default one.
        memory: What keeps the open runs, what is computed of them, and the data sets; None for one of the usual size.

    Attributes:
        preferred: The run to show first where it is sound; None leaves the choice to `default`.
        only: Names of the runs on disk that there are, for a page of some; None for all.
        datasets: The data sets of its runs.

    Raises:
        CheckpointError: The folder is not there.
    """

    counted_elsewhere = True

    def __init__(
        self, checkpoints: Path | None = None, data_dir: Path | None = None, memory: Memory | None = None
    ) -> None:
        self.checkpoints = checkpoints
        self.preferred: str | None = None
        self.only: frozenset[str] | None = None
        self._held: dict[str, OpenRun] = {}
        self._cards: dict[str, Card] = {}
        self._faults: dict[tuple[str, str], tuple[str, CheckpointError]] = {}  # of a run's part: its version, and why
        self._damaged: dict[str, str] = {}  # versions that could not be opened
        self.memory = memory or Memory()
        self._open = self.memory.drawer()  # runs by name
        self._lock = threading.RLock()
        self._opening: dict[str, threading.Lock] = {}
        self.datasets = DataSets(data_dir, self.memory.drawer())
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
        known = [name for name in list_runs(self.checkpoints) if self.only is None or name in self.only]
        return held + [name for name in known if name not in held]

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
        if self.checkpoints is None or not isinstance(name, str) or (self.only is not None and name not in self.only):
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
            folder, config = self.folder(name), self.card(name).config
            read_programs(folder) if config is not None and config.is_foreign else read_weights(folder)

    def card(self, name: str) -> Card:
        """What is known of a run without opening it: its settings and scores.

        Raises:
            CheckpointError: There is no such run, or its config.json or metrics.json is damaged.
        """
        held = self._held_run(name)
        if held is not None:
            return held.card
        folder = self.folder(name)
        version = version_of(folder, name)
        with self._lock:
            known = self._cards.get(name)
        if known is not None and known.version == version:
            return known
        with self._faulty(name, "card", version):
            card = read_card(folder, name, version)
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
            if card.dataset == "mnist" and has_prior(card.family) and (nll := card.number("test", "nll_iw")) is not None
        ]
        return min(measured)[1] if measured else min(cards, key=lambda card: not has_prior(card.family)).name

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
        return twin_among(name, cards)

    def twins(self) -> dict[str, str | None]:
        """Every run's twin, as `twin` finds it, with one look at the disk for them all."""
        cards = self.cards()
        return {name: twin_among(name, cards) if self._held_run(name) is None else self.twin(name) for name in cards}

    def ladder(self, name: str) -> list[Card]:
        """The runs that differ from this one in beta alone, itself among them, by rising beta.

        The plain autoencoder, which has no beta, comes first; its ladder is that of VAEs. Another autoencoder differs
        from them in more than beta, and stands on none. Models held in memory have no settings, hence no ladder.

        Raises:
            CheckpointError: There is no such run.
        """
        return ladder_among(self.card(name), self.cards())

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
            return tries <= 1 or version_of(self.folder(card.name), card.name) == card.version

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
            _load_pixels=lambda: self.datasets.pixels_of(config, latents.index, rows),
            _folder=self.checkpoints / card.name,
            drawer=self.memory.drawer(),
        )

    def images_trouble(self, name: str) -> ImagesTrouble | None:
        """Why the images of a run cannot be shown, or None where they can.

        Raises:
            CheckpointError: There is no such run, or it is damaged.
        """
        run = self.open(name)
        if run.images() is not None:
            return None
        return MISSING if run.config is None else self.datasets.trouble(run.config)

    def can_download(self, name: str) -> bool:
        """Whether the data set of a run is missing and may be fetched on request."""
        from explorer.data import is_downloadable

        config = self.open(name).config
        if config is None or not is_downloadable(config.data.dataset):
            return False
        trouble = self.images_trouble(name)
        return trouble is not None and trouble.kind == "missing"

    def hold(
        self,
        name: str,
        coder: Coder,
        images: Images | Pixels,
        labels: NDArray[np.integer] | None = None,
        *,
        class_names: tuple[str, ...] | None = None,
        attributes: NDArray[np.uint8] | None = None,
        attribute_names: tuple[str, ...] | None = None,
        dataset: str = "yours",
        twin: str | None = None,
        seed: int = 0,
    ) -> OpenRun:
        """Keep a model in memory as a run of this library.

        All images are shown; a random two thirds of them (at most 10,000) serve half as reference of the holes and
        half to fit the sampling laws, the rest (at most 5,000) calibrates the holes.

        Args:
            name: What the run is called.
            coder: The model.
            images: (N, C, H, W), float in [0, 1] or uint8 in 0 .. levels - 1; 30 at least.
            labels: (N,) indices into `class_names`, or None.
            class_names: Names of the labels, `MOST_CLASSES` at most; None for the numbers themselves.
            attributes: (N, A), 1, 0 or `explorer.arrays.UNKNOWN`, with a name for each; or None.
            attribute_names: Their names.
            dataset: What the images are called.
            twin: Name of another held run to compare with; it learns of this one too.
            seed: Of the draws and the division.

        Returns:
            The run.

        Raises:
            CheckpointError: The name is taken, or is no plain name.
            ShapeError: Images, labels and model do not go together.
        """
        if name in self.names():
            raise CheckpointError(f"there is a run named {name!r} already; choose another name.")
        run = held_run(
            name,
            coder,
            images,
            labels,
            class_names=class_names,
            attributes=attributes,
            attribute_names=attribute_names,
            dataset=dataset,
            twin=twin,
            seed=seed,
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
