"""The runs of one process: found on disk or held in memory, opened when first asked for, paired with their twins.

Nothing heavy is imported here at module level: a page that only lists runs needs neither torch nor scikit-learn.
"""

import hashlib
import json
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.encoding import checked_latents, decode_all, encode_all
from explorer.arrays import Coder, Images, Latents, MeasuringCoder, Pixels, Posterior, Scores
from explorer.checkpoint import (
    CONFIG,
    HISTORY,
    LATENTS,
    METRICS,
    WEIGHTS,
    StoredLatents,
    list_runs,
    load_latents,
    read_config,
    read_metrics,
    read_weights,
)
from explorer.config import RUN_NAME, VARIATIONAL, DataConfig, Dataset, RunConfig, is_run_folder
from explorer.errors import CheckpointError, DataError, ExplorerError, MissingDataError, ShapeError
from explorer.images import to_bytes, to_unit

if TYPE_CHECKING:
    from explorer.analysis.directions import Direction
    from explorer.analysis.frames import Frame
    from explorer.analysis.holes import GaussianMixture, Vacancy
    from explorer.coder import TorchCoder
    from explorer.data import ImageSet

Law = Literal["raw", "white", "gmm10"]
"""Where latents are drawn from: N(0, I); one Gaussian fitted to the codes; ten of them."""

LAWS: tuple[Law, ...] = get_args(Law)

ScalarName = Literal["distortion", "rate", "vacancy"]
"""What is known of every image of the evaluation split as one number."""

SCALARS: tuple[ScalarName, ...] = get_args(ScalarName)

MOST_OPEN = 8
"""Runs of the disk kept open at once; the one used longest ago is let go first."""

BATCH = 512
"""Images whose distortion is asked for at once."""

ELBO_DRAWS = 16
"""Draws from the posterior behind the ELBO of one image."""

MOST_CLASSES = 10_000
"""Classes that the images of a model held in memory may have."""

SHEETS = "sheets"
"""A run's folder of sheets."""

SHEET_NAME = re.compile(r"epoch-([0-9]{4,6})\.png")
"""Files of a run's `sheets` folder: decodes after that epoch."""

MOST_STAMPS = 2000
"""Sheets whose sizes and times tell that a run changed: a folder that holds more must not slow every request down."""

MOST_SHEET = 8_000_000
"""Bytes of a sheet that is served."""

MOST_HISTORY = 32_000_000
"""Bytes of a history that is read."""

PNG = b"\x89PNG\r\n\x1a\n"
"""How every PNG file begins."""

FEWEST_IMAGES = 30
"""Images that a model held in memory needs, so that two sets of codes can be made of them."""

TroubleKind = Literal["missing", "damaged", "another copy"]
"""Why the images of a run are not there; only what is missing can be downloaded."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ImagesTrouble:
    """Why the images of a run cannot be shown.

    Attributes:
        kind: What is wrong with the data set on this machine.
        sentence: The same for a person.
    """

    kind: TroubleKind
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """What is known of a run without opening it.

    Attributes:
        name: The run's name.
        family: ae, vae, ...; of a model held in memory what its posterior tells.
        dataset: Name of the data set.
        latent_dim: d.
        config: Its settings; None for a model held in memory.
        metrics: Its scores, as metrics.json holds them; empty for a model held in memory.
        version: Changes whenever the run's files do.
    """

    name: str
    family: str
    dataset: str
    latent_dim: int
    config: RunConfig | None
    metrics: Mapping[str, Any]
    version: str

    def number(self, *path: str) -> float | None:
        """A score by its place in the metrics, `card.number("test", "nll_iw")`, or None where there is none."""
        found: Any = self.metrics
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping):  # a score with its interval
            found = found.get("value")
        if isinstance(found, bool) or not isinstance(found, int | float) or not np.isfinite(found):
            return None
        return float(found)


@dataclass(kw_only=True)
class OpenRun:
    """A run that was opened: everything a tab asks for, computed when first wanted and kept.

    Attributes:
        card: What is known of it without opening it.
        image_shape: (C, H, W) of one image.
        levels: Grey levels of the stored pixels.
        class_names: Names of the labels, or None.
        latents: What is stored of the evaluation split.
        twin: Name of the run it was fitted with, or None.
    """

    card: Card
    image_shape: tuple[int, int, int]
    levels: int
    class_names: tuple[str, ...] | None
    latents: StoredLatents
    twin: str | None
    _load_coder: Callable[[], Coder]
    _load_pixels: Callable[[], Pixels | None]
    _folder: Path | None = None
    _kept: dict[str, Any] = field(default_factory=dict, repr=False)
    _locks: dict[str, threading.RLock] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __len__(self) -> int:
        """Images in the evaluation split."""
        return len(self.latents.mean)

    @property
    def name(self) -> str:
        """The run's name."""
        return self.card.name

    @property
    def family(self) -> str:
        """ae, vae, ..."""
        return self.card.family

    @property
    def config(self) -> RunConfig | None:
        """Its settings; None for a model held in memory."""
        return self.card.config

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Its scores, as metrics.json holds them."""
        return self.card.metrics

    @property
    def latent_dim(self) -> int:
        """Latent dimension d."""
        return self.card.latent_dim

    @property
    def level_sizes(self) -> tuple[int, ...]:
        """Axes of each stochastic level of latents, the top one first; together d, and one level for most families."""
        return (self.latent_dim,) if self.config is None else self.config.model.level_sizes

    @property
    def axis_rates(self) -> NDArray[np.float64]:
        """Mean rate of each axis on the evaluation split, (d,), nats; zero for an autoencoder.

        Of a run with several levels its scores tell it, along draws of the levels above: the posteriors that are
        stored are those at the means of the levels above, where a level carries another rate.
        """

        def measure() -> NDArray[np.float64]:
            from explorer.analysis.scores import rate_per_dimension

            test = self.metrics.get("test")
            stored = test.get("rate_per_dimension") if isinstance(test, Mapping) else None
            if len(self.level_sizes) > 1 and isinstance(stored, list) and len(stored) == self.latent_dim:
                if all(isinstance(rate, int | float) and abs(rate) < 1e30 for rate in stored):  # NaN is not
                    return np.array(stored, dtype=np.float64)
            return rate_per_dimension(Posterior(self.latents.mean, self.latents.log_variance))

        return self.keep("axis rates", measure)

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """Labels of the evaluation split, (N,), or None."""
        return self.latents.label

    @property
    def is_point(self) -> bool:
        """Whether the posterior is a point, as an autoencoder's: no prior, no rate."""
        return self.latents.log_variance is None

    @property
    def default_law(self) -> Law:
        """Where to sample from first: the prior, or the fitted Gaussian for a model that has no prior."""
        return "white" if self.is_point else "raw"

    @property
    def coder(self) -> Coder:
        """The model itself; imports torch when it comes from the disk."""
        return self.keep("coder", self._load_coder)

    @property
    def directions(self) -> Mapping[str, "list[Direction]"]:
        """Where to walk: `axes` strongest first, `pca` of the encoded data, `classes` where there are labels."""

        def find() -> dict[str, "list[Direction]"]:
            from explorer.analysis.directions import axis_directions, class_directions, pca_directions

            mean = self.latents.mean
            found = {
                "axes": axis_directions(Posterior(mean, self.latents.log_variance), self.axis_rates),
                "pca": pca_directions(mean),
            }
            if self.labels is not None and self.class_names is not None:
                found["classes"] = class_directions(mean, self.labels, self.class_names)
            return found

        return self.keep("directions", find)

    @property
    def vacancy(self) -> "Vacancy":
        """How far from the codes of training images a latent lies, calibrated on images that were held out."""

        def fit() -> "Vacancy":
            from explorer.analysis.holes import fit_vacancy

            return fit_vacancy(self.latents.reference, self.latents.calibration)

        return self.keep("vacancy", fit)

    @property
    def frame(self) -> "Frame":
        """Mean and covariance of the reference codes; one unit is one standard deviation of the codes."""
        return self.vacancy.frame

    @property
    def gmm(self) -> "GaussianMixture":
        """The stored mixture of Gaussians of the codes."""

        def build() -> "GaussianMixture":
            from explorer.analysis.holes import GaussianMixture

            parts = (self.latents.gmm_weights, self.latents.gmm_means, self.latents.gmm_covariances)
            return GaussianMixture(*(part.astype(np.float64) for part in parts))

        return self.keep("gmm", build)

    def images(self) -> Pixels | None:
        """Stored pixels of the evaluation split, (N, C, H, W), or None when the data set is not there.

        It is not there when its files are missing, damaged, or another copy than the run was fitted on. That is
        asked again at every call until it is there, so that a download takes effect.
        """
        with self._lock_of("images"):
            if self._kept.get("images") is None:
                self._kept["images"] = self._load_pixels()
            return self._kept["images"]

    def reconstructions(self) -> Pixels:
        """Decodes of the posterior means of the evaluation split, (N, C, H, W), in bytes for the eye."""
        return self.keep("reconstructions", lambda: to_bytes(decode_all(self.coder, self.latents.mean)))

    def thumbnails(self) -> Pixels:
        """Pictures of the evaluation split, (N, C, H, W), in bytes: its images, or decodes where they are missing."""
        pixels = self.images()
        if pixels is None:
            return self.reconstructions()
        if self.levels == 256:
            return pixels
        return self.keep("thumbnails", lambda: to_bytes(to_unit(pixels, self.levels)))

    def sample(self, law: str, count: int, rng: np.random.Generator) -> Latents:
        """Latents (count, d) drawn from one of `LAWS`.

        Raises:
            ShapeError: The law is none of `LAWS`.
        """
        from explorer.analysis.holes import sample_raw, sample_white

        if law == "raw":
            return sample_raw(count, self.latent_dim, rng)
        if law == "white":
            return sample_white(self.frame, count, rng)
        if law == "gmm10":
            return self.gmm.sample(count, rng)
        raise ShapeError(f"the law must be one of {', '.join(LAWS)}, but is {law!r:.40}.")

    def scalar(self, name: str) -> Scores:
        """One number per image of the evaluation split, (N,): one of `SCALARS`.

        Distortion and rate in nats per image; vacancy is the p-value of the image's drawn code, not of its posterior
        mean: small is vacant.

        Raises:
            ShapeError: The name is none of `SCALARS`, or the model has no likelihood.
        """
        if name == "rate":
            return self.latents.rate
        if name == "distortion":
            if np.isnan(self.latents.distortion).any():
                raise ShapeError(f"{self.name} has no likelihood, so its images have no distortion.")
            return self.latents.distortion
        if name == "vacancy":
            return self.keep("p_values", lambda: self.vacancy.p_value(self.latents.draw))
        raise ShapeError(f"the score must be one of {', '.join(SCALARS)}, but is {name!r:.40}.")

    def trust(self, latent: Latents) -> dict[str, float]:
        """Whether a latent lies where the model knows its way, as the numbers of the trust badge.

        Args:
            latent: (d,) or (1, d).

        Returns:
            `vacancy`: share of held-out codes at least as far from the training codes as it (at most 0.05 is a
            hole); `norm`: its length; `norm_percentile`: share of training codes that are shorter, in [0, 1];
            `round_trip`: how far encoding its decode lands from it, in standard deviations of the codes per active
            axis.

        Raises:
            ShapeError: It is no latent of this run.
        """
        from explorer.analysis.holes import round_trip_error

        latent = checked_latents(latent, self.latent_dim)
        if len(latent) != 1:
            raise ShapeError(f"one latent is asked for, but there are {len(latent)}.")
        norms = self.keep("norms", lambda: np.sort(np.linalg.norm(self.latents.reference, axis=1)))
        norm = float(np.linalg.norm(latent))
        return {
            "vacancy": float(self.vacancy.p_value(latent)[0]),
            "norm": norm,
            "norm_percentile": float(np.searchsorted(norms, norm) / len(norms)),
            "round_trip": float(round_trip_error(self.coder, self.frame, latent, self._active_axes())[0]),
        }

    def _active_axes(self) -> NDArray[np.bool_]:
        """Which latent dimensions the encoder uses, (d,), as the stored scores count them."""

        def find() -> NDArray[np.bool_]:
            from explorer.analysis.scores import active_axes

            return active_axes(Posterior(self.latents.mean, self.latents.log_variance))

        return self.keep("active axes", find)

    def reconstruct(self, number: int) -> dict[str, Any]:
        """What is known of image `number` of the evaluation split.

        Returns:
            `label` (its name, or None); `distortion` at the posterior mean and `rate` in nats (None where the model
            has none); `elbo` in nats: of the grey image, its expectation by `ELBO_DRAWS` draws, always the same ones,
            None without a posterior that has a spread, without a likelihood, or without the data set; `percentile`:
            share of the test images with a smaller distortion, in [0, 1]; `mse`: of pixels in [0, 1], None without the
            data set; `index`: its row in the data set.
        """
        self._check_number(number)
        latents = self.latents
        measured = not np.isnan(latents.distortion).any()
        distortion = float(latents.distortion[number]) if measured else None
        rate = None if self.is_point else float(latents.rate[number])
        original = self.original(number)
        mse = None
        if original is not None:
            mse = float(np.square(to_unit(original, self.levels) - self.reconstruction(number)).mean())
        return {
            "label": self.label_name(number),
            "index": int(latents.index[number]),
            "distortion": distortion,
            "rate": rate,
            "elbo": None if original is None else self._elbo(number, to_unit(original, self.levels)),
            "mse": mse,
            "percentile": float((latents.distortion < distortion).mean()) if distortion is not None else None,
        }

    def _elbo(self, number: int, image: Images) -> float | None:
        """E_q[log p(x|z)] - KL(q(z|x) || p(z)) of image `number`, (C, H, W) in [0, 1], nats.

        The distortion at the posterior mean is no part of a bound: it is mostly smaller than the posterior's average.
        """
        if self.is_point or not isinstance(self.coder, MeasuringCoder):
            return None
        from explorer.analysis.bounds import elbo

        posterior = self.coder.encode(image[None])  # a hierarchical one is more than its stored means and variances
        return float(elbo(self.coder, image[None], posterior, ELBO_DRAWS, np.random.default_rng(number))[0])

    def label_name(self, number: int) -> str | None:
        """The name of the label of image `number`, or None without labels."""
        if self.labels is None:
            return None
        label = int(self.labels[number])
        known = self.class_names is not None and 0 <= label < len(self.class_names)
        return self.class_names[label] if known and self.class_names else str(label)

    def original(self, number: int) -> Pixels | None:
        """Stored pixels (C, H, W) of image `number` of the evaluation split, or None without the data set."""
        self._check_number(number)
        pixels = self.images()
        return None if pixels is None else pixels[number]

    def reconstruction(self, number: int) -> Images:
        """The decode (C, H, W) of the posterior mean of image `number`, in [0, 1]."""
        self._check_number(number)
        return np.clip(self.coder.decode(self.latents.mean[number : number + 1])[0], 0, 1)

    def history(self) -> list[Mapping[str, Any]]:
        """The epochs of its fit, as history.jsonl holds them; none for a model held in memory.

        The file may come from anybody, and a machine that went down may have left half a line: a line that is no JSON
        object is empty here, for it tells nothing of an epoch, and takes no other line with it.

        Raises:
            CheckpointError: The file cannot be read.
        """
        if self._folder is None:
            return []
        path = self._folder / HISTORY
        if not path.is_file():
            return []
        try:
            if path.stat().st_size > MOST_HISTORY:
                raise CheckpointError(f"{path} is larger than {MOST_HISTORY:,} bytes, which no fit writes.")
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
        return [_json_object(line) for line in text.split("\n") if line.strip()]

    def sheets(self) -> list[int]:
        """Epochs after which a sheet of decodes was kept, in order; none for a model held in memory."""
        return sorted(self._sheets())

    def sheet(self, epoch: int) -> bytes:
        """The sheet of an epoch as a PNG file: decodes, never images of the data set.

        Raises:
            ShapeError: No sheet was kept after that epoch.
            CheckpointError: The file is damaged.
        """
        path = self._sheets().get(epoch)
        if path is None:
            raise ShapeError(f"{self.name} kept no sheet after epoch {epoch}.")
        try:
            content = path.read_bytes() if path.stat().st_size <= MOST_SHEET else b""
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
        if not content.startswith(PNG):
            raise CheckpointError(f"{path} is no PNG file of at most {MOST_SHEET:,} bytes.")
        return content

    def _sheets(self) -> dict[int, Path]:
        """The files of the run's sheets by epoch; a link is none, for it may lead anywhere."""
        folder = None if self._folder is None else self._folder / SHEETS
        if folder is None or not folder.is_dir() or folder.is_symlink():
            return {}
        found: dict[int, Path] = {}
        for path in folder.iterdir():
            named = SHEET_NAME.fullmatch(path.name)
            if named and path.name == f"epoch-{int(named[1]):04d}.png" and path.is_file() and not path.is_symlink():
                found[int(named[1])] = path
        return found

    def _check_number(self, number: int) -> None:
        if not 0 <= number < len(self):
            raise ShapeError(f"image {number} is asked for, but {self.name} has images 0 to {len(self) - 1}.")

    def _lock_of(self, key: str) -> threading.RLock:
        with self._lock:
            return self._locks.setdefault(key, threading.RLock())

    def keep(self, key: str, make: Callable[[], T]) -> T:
        """What `make` returns, made once; each thing has its own lock, so that a slow one holds up no other."""
        if key not in self._kept:
            with self._lock_of(key):
                if key not in self._kept:
                    self._kept[key] = make()
        return cast(T, self._kept[key])


class Library:
    """The runs under one folder, and models held in memory.

    Args:
        checkpoints: Folder of the runs; None for none at all.
        data_dir: Folder of the data sets in torchvision's layout; None for the default one.

    Attributes:
        preferred: The run to show first where it is sound; None leaves the choice to `default`.

    Raises:
        CheckpointError: The folder is not there.
    """

    def __init__(self, checkpoints: Path | None = None, data_dir: Path | None = None) -> None:
        self.checkpoints = checkpoints
        self.data_dir = data_dir
        self.preferred: str | None = None
        self._held: dict[str, OpenRun] = {}
        self._cards: dict[str, Card] = {}
        self._damaged: dict[str, str] = {}  # versions that could not be opened
        self._open: OrderedDict[str, OpenRun] = OrderedDict()
        self._sets: dict[tuple[object, ...], ImageSet] = {}
        self._failures: dict[
            tuple[object, ...], tuple[object, DataError]
        ] = {}  # the files as they were, and what was wrong
        self._lock = threading.RLock()
        self._opening: dict[str, threading.Lock] = {}
        self._loading = threading.Lock()
        self._downloading = threading.Lock()
        if checkpoints is not None:
            if not checkpoints.is_dir():
                raise CheckpointError(
                    f"{checkpoints} is no folder; name the folder of your runs with --checkpoints, "
                    "or make one with: python train.py --dataset digits"
                )
            list_runs(checkpoints)  # finishes or undoes a replacement that was cut short

    def names(self) -> list[str]:
        """All runs: those held in memory first, then those on disk, each in order."""
        with self._lock:
            held = list(self._held)
        if self.checkpoints is None or not self.checkpoints.is_dir():
            return held
        found = sorted(folder.name for folder in self.checkpoints.iterdir() if is_run_folder(folder))
        return held + [name for name in found if name not in held]

    def folder(self, name: str) -> Path:
        """The folder of a run on disk.

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
        if self.checkpoints is None or not isinstance(name, str) or not RUN_NAME.fullmatch(name):
            return None
        folder = self.checkpoints / name
        return folder if is_run_folder(folder) else None

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
        version = _version(folder)
        with self._lock:
            known = self._cards.get(name)
        if known is not None and known.version == version:
            return known
        config = read_config(folder)
        if config.model.latent_dim is None or config.model.image_shape is None:
            raise CheckpointError(f"{folder / CONFIG} does not say the latent dimension and the image shape.")
        card = Card(
            name=name,
            family=config.model.family,
            dataset=config.data.name or config.data.dataset,
            latent_dim=config.model.latent_dim,
            config=config,
            metrics=read_metrics(folder),
            version=version,
        )
        with self._lock:
            self._cards[name] = card
        return card

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
            with self._lock:
                run = self._open.get(name)
                if run is not None and run.card.version == card.version:
                    self._open.move_to_end(name)
                    return run
            try:
                run = self._read(card)
            except CheckpointError:
                self._damaged[name] = card.version
                raise
            with self._lock:
                self._open[name] = run
                self._open.move_to_end(name)
                while len(self._open) > MOST_OPEN:
                    self._open.popitem(last=False)
            return run

    def _read(self, card: Card) -> OpenRun:
        config, folder = card.config, self.folder(card.name)
        assert config is not None
        assert config.model.image_shape is not None  # `card` refuses a run without
        latents = load_latents(folder)
        if latents.mean.shape[1] != card.latent_dim:
            raise CheckpointError(
                f"{folder / LATENTS} holds latents of dimension {latents.mean.shape[1]}, "
                f"but config.json says {card.latent_dim}; fit the run again with train.py --overwrite."
            )

        def open_coder() -> Coder:
            try:
                return load_coder(folder, config)
            except CheckpointError:
                self._damaged[card.name] = card.version
                raise

        return OpenRun(
            card=card,
            image_shape=config.model.image_shape,
            levels=config.model.levels or 256,
            class_names=config.data.class_names,
            latents=latents,
            twin=self.twin(card.name),
            _load_coder=open_coder,
            _load_pixels=lambda: self._pixels_of(config, latents.index),
            _folder=folder,
        )

    def _pixels_of(self, config: RunConfig, index: NDArray[np.int64]) -> Pixels | None:
        try:
            images = self._image_set(config.data)
        except DataError:  # `images_trouble` says it
            return None
        return images.pixels[index] if _holds(images, config, index) else None

    def _image_set(self, data: DataConfig) -> "ImageSet":
        """The data set of a run, read once; a failure is kept until the files change.

        Raises:
            DataError: Missing or damaged files.
        """
        from explorer.data import dataset_files, load_dataset

        key = _set_key(data)
        with self._loading:
            if key in self._sets:
                return self._sets[key]
            files = [_stamp(file) for file in dataset_files(data, self.data_dir)]
            seen, failure = self._failures.get(key, (None, None))
            if failure is not None and seen == files:
                raise type(failure)(str(failure))
            try:
                self._sets[key] = load_dataset(data, self.data_dir)
            except DataError as error:
                self._failures[key] = (files, error)
                raise
            return self._sets[key]

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
            with self._loading:
                self._sets[_set_key(data)] = found
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
        from explorer.analysis.holes import fit_gmm

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
        cut = -(-2 * len(order) // 3)
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
            version=hashlib.sha256(posterior.mean.tobytes() + pixels.tobytes()).hexdigest()[:16],
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


def _holds(images: "ImageSet", config: RunConfig, index: NDArray[np.int64]) -> bool:
    """Whether a data set is the copy that a run was fitted on, with all rows (n,) of its evaluation split."""
    whole = not len(index) or 0 <= index.min() <= index.max() < len(images)
    return images.fingerprint == config.data.fingerprint and bool(whole)


def _set_key(data: DataConfig) -> tuple[object, ...]:
    """What tells one data set of this machine from another."""
    from explorer.data import image_size_of

    return data.dataset, image_size_of(data), data.grey, data.folder, data.extra_train, data.name or data.dataset


def _stamp(file: Path) -> tuple[str, int, int] | None:
    """Changes whenever a file does; None where there is none."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return str(file), stat.st_size, stat.st_mtime_ns


def _version(folder: Path) -> str:
    """Changes whenever a file of the run is replaced: a hash of sizes and times, so that it costs nothing."""
    digest = hashlib.sha256(folder.name.encode())
    for name in (CONFIG, METRICS, LATENTS, WEIGHTS, HISTORY):
        try:
            stat = (folder / name).stat()
            digest.update(f"{name}:{stat.st_size}:{stat.st_mtime_ns};".encode())
        except OSError:
            digest.update(f"{name}:missing;".encode())
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


def _json_object(line: str) -> Mapping[str, Any]:
    """A line of a history as the JSON object that it is, or an empty one."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def load_coder(folder: Path, config: RunConfig) -> "TorchCoder":
    """The fitted model of a run on disk.

    Raises:
        CheckpointError: The weights are missing, damaged, or those of another model.
    """
    from explorer.coder import build_coder

    return build_coder(config.model, read_weights(folder), str(folder))


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
    folder = Path(folder)
    config = read_config(folder)
    return Run(folder, config, read_metrics(folder), load_latents(folder), load_coder(folder, config))
