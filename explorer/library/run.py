"""One run that was opened: everything a tab asks of it, computed when first wanted and kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.encoding import checked_latents
from explorer.analysis.laws import LAWS, Law, default_law, offered_laws
from explorer.arrays import UNKNOWN, Coder, Images, Latents, Pixels, Posterior, Scores
from explorer.checkpoint import (
    EpochCodes,
    StoredLatents,
    list_epoch_codes,
    list_sheets,
    place_of,
    read_epoch_codes,
    read_history,
    read_sheet,
)
from explorer.config import RunConfig
from explorer.errors import CheckpointError, ShapeError
from explorer.images import to_bytes, to_unit
from explorer.library.card import Card
from explorer.library.memory import Drawer, Memory, kept_property
from explorer.staging import NET

if TYPE_CHECKING:
    from explorer.analysis.densities import Density
    from explorer.analysis.directions import Direction
    from explorer.analysis.frames import Frame
    from explorer.analysis.holes import CalibratedScore, Vacancy
    from explorer.analysis.laws import Codes, Distribution, GaussianMixture
    from explorer.analysis.typicality import Typicality
    from explorer.training.judge import Judge

Among = Literal["draws", "means"]
"""What a latent is judged among: codes drawn from the posteriors of held-out images, or their posterior means."""

AMONG: tuple[Among, ...] = get_args(Among)

ScalarName = Literal["distortion", "rate", "vacancy"]
"""What is known of every image of the evaluation split as one number."""

SCALARS: tuple[ScalarName, ...] = get_args(ScalarName)

BATCH = 512
"""Images whose distortion is asked for at once."""

SMALL_IMAGE = 4096
"""Values of an image, C * H * W, that is decoded fast."""

DECODED_CODES = 2000
"""Most calibration codes that are decoded for a p-value, as in the stored scores; a fifth of them of larger images."""


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
        held_attribute_names: Names of the attributes of a model held in memory; a run of the disk has its own settings.
        drawer: Where it keeps what was computed, bounded together with the other runs of its library.
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
    held_attribute_names: tuple[str, ...] | None = None
    drawer: Drawer = field(default_factory=lambda: Memory().drawer(), repr=False)

    counted_elsewhere: ClassVar[bool] = True

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

    @kept_property
    def axis_rates(self) -> NDArray[np.float64]:
        """Mean rate of each axis on the evaluation split, (d,), nats; zero for an autoencoder.

        Of a run with several levels its scores tell it, along draws of the levels above: the posteriors that are
        stored are those at the means of the levels above, where a level carries another rate.
        """
        from explorer.analysis.scores import rate_per_dimension

        test = self.metrics.get("test")
        stored = test.get("rate_per_dimension") if isinstance(test, Mapping) else None
        if len(self.level_sizes) > 1 and isinstance(stored, list) and len(stored) == self.latent_dim:
            if all(isinstance(rate, int | float) and abs(rate) < 1e30 for rate in stored):  # NaN is not
                return np.array(stored, dtype=np.float64)
        return rate_per_dimension(Posterior(self.latents.mean, self.latents.log_variance))

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """Labels of the evaluation split, (N,), or None."""
        return self.latents.label

    @property
    def attribute_names(self) -> tuple[str, ...] | None:
        """Names of the attributes of its images, or None."""
        named = self.held_attribute_names if self.config is None else self.config.data.attribute_names
        return named if self.latents.attribute is not None else None

    @property
    def factor_names(self) -> tuple[str, ...]:
        """Names of the numbers that are known of its images."""
        named = None if self.config is None else self.config.data.factor_names
        return named or () if self.latents.factor is not None else ()

    @property
    def described(self) -> tuple[Latents, NDArray[np.uint8]]:
        """Codes (M, d) of all stored images of which any attribute is known, and their attributes (M, A).

        1, 0, or 255 where nobody said; no rows where the images have none. The codes of the evaluation split
        are posterior means. Only draws of the training images are stored; their average equals the average posterior
        mean.
        """
        parts = [(self.latents.mean, self.latents.attribute)]
        parts += [(self.latents.reference, self.latents.reference_attribute)]
        if self.latents.fitting is not None:
            parts += [(self.latents.fitting, self.latents.fitting_attribute)]
        told = [(codes, given, (given != UNKNOWN).any(axis=1)) for codes, given in parts if given is not None]
        if not told:
            return self.latents.mean[:0], np.zeros((0, 0), dtype=np.uint8)
        codes, attributes = zip(*((codes[known], given[known]) for codes, given, known in told), strict=True)
        return np.concatenate(codes), np.concatenate(attributes)

    @property
    def is_point(self) -> bool:
        """Whether the posterior is a point, as an autoencoder's: no prior, no rate."""
        return self.latents.log_variance is None

    @property
    def default_law(self) -> str:
        """Name of the law to sample from first: the one whose draws are least told apart from codes."""
        told = {law.name: self.card.number("holes", law.name, "tell_apart") for law in self.laws}
        return default_law({name: score for name, score in told.items() if score is not None}, self.is_point).name

    @kept_property
    def coder(self) -> Coder:
        """The model itself; imports torch when it comes from the disk."""
        return self._load_coder()

    @kept_property
    def directions(self) -> Mapping[str, "list[Direction]"]:
        """Where to walk: `axes` strongest first, `pca` of the encoded data, `classes` and `attributes` if there are."""
        from explorer.analysis.directions import (
            attribute_directions,
            axis_directions,
            class_directions,
            pca_directions,
        )

        mean = self.latents.mean
        found = {
            "axes": axis_directions(Posterior(mean, self.latents.log_variance), self.axis_rates),
            "pca": pca_directions(mean),
        }
        if self.labels is not None and self.class_names is not None:
            found["classes"] = class_directions(mean, self.labels, self.class_names)
        if self.attribute_names is not None:
            found["attributes"] = attribute_directions(*self.described, self.attribute_names)
        return found

    @kept_property
    def vacancy(self) -> "Vacancy":
        """How far from the codes of training images a latent lies, calibrated on images that were held out."""
        from explorer.analysis.holes import fit_vacancy

        stored = self.latents
        return fit_vacancy(stored.reference, stored.calibration, to_local=stored.local_frame)

    @kept_property
    def mean_vacancy(self) -> "Vacancy":
        """The same, calibrated on posterior means: by it an image's posterior mean is judged, by the other a draw."""
        means = self.latents.calibration_mean
        return self.vacancy if means is None else self.vacancy.calibrated(means)

    def vacancy_among(self, among: Among) -> "Vacancy":
        """The vacancy by which a latent is judged: an image's posterior mean among means, all else among draws."""
        return self.mean_vacancy if among == "means" else self.vacancy

    @kept_property
    def typicality(self) -> "Typicality | None":
        """How typical images are of those the run was fitted on; None where a run stores no costs to compare with."""
        from explorer.analysis.typicality import fit_typicality

        stored = self.latents
        costs = stored.calibration_cost
        if costs is None or not np.isfinite(costs).all():
            return None
        means = stored.calibration if stored.calibration_mean is None else stored.calibration_mean
        featured = stored.calibration_features is not None and stored.reference_features is not None
        if not featured or self.judge is None:
            return fit_typicality(self.mean_vacancy, costs, means)
        return fit_typicality(self.mean_vacancy, costs, means, stored.calibration_features, stored.reference_features)

    @property
    def frame(self) -> "Frame":
        """The local frame of the reference codes; one unit is their local scatter, in every direction."""
        return self.vacancy.frame

    @kept_property
    def white(self) -> "Frame":
        """The whitened frame of the codes that laws are fitted to: their mean and covariance."""
        from explorer.analysis.frames import fit_frame

        fitting = self.latents.fitting
        return fit_frame(self.latents.reference if fitting is None else fitting)

    @kept_property
    def norms(self) -> NDArray[np.float32]:
        """Lengths of the reference codes, (M,), latent units, ascending."""
        return np.sort(np.linalg.norm(self.latents.reference, axis=1))

    @kept_property
    def gmm(self) -> "GaussianMixture":
        """The stored mixture of ten Gaussians, or fewer, of the codes."""
        from explorer.analysis.laws import stored_mixture

        stored = self.latents
        return stored_mixture(stored.gmm_weights, stored.gmm_means, stored.gmm_covariances)

    @kept_property
    def many(self) -> "GaussianMixture":
        """The stored mixture of many Gaussians of the codes; that of ten where there is no other."""
        from explorer.analysis.laws import stored_mixture

        stored = self.latents
        if stored.many_weights is None or stored.many_means is None or stored.many_covariances is None:
            return self.gmm
        return stored_mixture(stored.many_weights, stored.many_means, stored.many_covariances)

    @property
    def laws(self) -> tuple[Law, ...]:
        """The laws to offer, in the order of the page: that of many Gaussians where these are more than ten."""
        weights = self.latents.many_weights
        return offered_laws(None if weights is None else len(weights))

    @kept_property
    def judge(self) -> "Judge | None":
        """The feature space that the run was measured in, or None where it is not there.

        It lies beside the run, and counts only if it was made on the very images that the run was fitted on: a judge
        of another copy would see other classes.
        """
        if self._folder is None or self.config is None:
            return None
        from explorer.training.judge import load_judge

        data = self.config.data
        place = self._folder.with_name(f"{NET}{data.name or data.dataset}")
        for folder in (place, place.with_name(f"{place.name}-{str(data.fingerprint)[:8]}")):
            try:
                judge, fingerprint = load_judge(folder)
            except CheckpointError:
                continue
            if fingerprint == data.fingerprint:
                return judge
        return None

    @kept_property
    def aggregate(self) -> "Density":
        """The density of encoded data, q^(z): exact for a VAE of one level, else a kernel density of the reference."""
        from explorer.analysis.densities import aggregate_density

        # what is stored of a run with several levels is not its posterior, but one path through it
        spread = self.latents.log_variance if len(self.level_sizes) == 1 else None
        posterior = Posterior(self.latents.mean, spread)
        return aggregate_density(posterior, self.latents.reference, self.frame, np.random.default_rng(0))

    def law_log_density(self, law: str) -> Callable[[NDArray[np.floating]], NDArray[np.float64]]:
        """Log density, in nats, of one of `LAWS` at latents (N, d).

        Raises:
            ShapeError: The law is none of `LAWS`.
        """
        return self.law(law).log_density

    def law(self, name: str) -> "Distribution":
        """One of `LAWS` as fitted to the codes of this run.

        Raises:
            ShapeError: The law is none of `LAWS`.
        """
        if name not in LAWS:
            raise ShapeError(f"the law must be one of {', '.join(LAWS)}, but is {name!r:.40}.")
        return LAWS[name].of(cast("Codes", self))  # pyright takes a kept property for no property

    @kept_property
    def round_trip(self) -> "CalibratedScore":
        """How far encoding a decode lands from its latent, calibrated on `calibration_part`."""
        from explorer.analysis.holes import fit_round_trip

        return fit_round_trip(self.coder, self.white, self.calibration_part, self.active_axes)

    @property
    def calibration_part(self) -> Latents:
        """As many calibration codes as can be decoded while somebody waits, (n, d)."""
        from explorer.analysis.holes import some_of

        small = int(np.prod(self.image_shape)) <= SMALL_IMAGE
        return some_of(self.latents.calibration, DECODED_CODES if small else DECODED_CODES // 5)

    def images(self) -> Pixels | None:
        """Stored pixels of the evaluation split, (N, C, H, W), or None when the data set is not there.

        It is not there when its files are missing, damaged, or another copy than the run was fitted on. That is
        asked again at every call until it is there, so that a download takes effect.
        """
        return self._load_pixels()

    def forget_images(self) -> None:
        """Show no image of the evaluation split from now on, only decodes."""
        self._load_pixels = lambda: None

    @kept_property
    def reconstructions(self) -> Pixels:
        """Decodes of the posterior means of the evaluation split, (N, C, H, W), in bytes for the eye."""
        decodes = np.empty((len(self), *self.image_shape), dtype=np.uint8)
        for start in range(0, len(self), BATCH):  # the floats of all images would be four times as large
            decodes[start : start + BATCH] = to_bytes(self.coder.decode(self.latents.mean[start : start + BATCH]))
        return decodes

    def thumbnails(self) -> Pixels:
        """Pictures of the evaluation split, (N, C, H, W), in bytes: its images, or decodes where they are missing."""
        pixels = self.images()
        if pixels is None:
            return self.reconstructions
        return pixels if self.levels == 256 else self._brightened

    @kept_property
    def _brightened(self) -> Pixels:
        """The images of the evaluation split with their grey levels spread over the bytes, (N, C, H, W)."""
        pixels = self.images()
        return self.reconstructions if pixels is None else to_bytes(to_unit(pixels, self.levels))

    def sample(self, law: str, count: int, rng: np.random.Generator) -> Latents:
        """Latents (count, d) drawn from one of `LAWS`.

        Raises:
            ShapeError: The law is none of `LAWS`.
        """
        return self.law(law).sample(count, rng)

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
            return self._vacancies
        raise ShapeError(f"the score must be one of {', '.join(SCALARS)}, but is {name!r:.40}.")

    @kept_property
    def _vacancies(self) -> Scores:
        """The vacancy p-value of the drawn code of every image, (N,)."""
        return self.vacancy.p_value(self.latents.draw)

    def trust(self, latent: Latents, among: Among = "draws") -> dict[str, float | bool]:
        """Whether a latent lies where the model knows its way, as the numbers of the trust badge.

        Args:
            latent: (d,) or (1, d).
            among: What it is judged among, as in `vacancy_among`.

        Returns:
            `vacancy`: share of held-out codes at least as far from the training codes as it (at most 0.05 is a
            hole); `off`: whether it lies off the span of the codes; `rank`: how many dimensions they span; `norm`: its
            length; `norm_percentile`: share of training codes that are shorter, in [0, 1]; `shell_low` and
            `shell_high`: between which lie the norms of nine training codes in ten; `round_trip`: how far encoding its
            decode lands from it, in standard deviations of the codes per active axis.

        Raises:
            ShapeError: It is no latent of this run.
        """
        latent = checked_latents(latent, self.latent_dim)
        if len(latent) != 1:
            raise ShapeError(f"one latent is asked for, but there are {len(latent)}.")
        norms = self.norms
        norm = float(np.linalg.norm(latent))
        return {
            "vacancy": float(self.vacancy_among(among).p_value(latent)[0]),
            "off": bool(self.vacancy.is_off(latent)[0]),
            "rank": self.frame.rank,
            "norm": norm,
            "norm_percentile": float(np.searchsorted(norms, norm) / len(norms)),
            "shell_low": float(norms[int(0.05 * (len(norms) - 1))]),
            "shell_high": float(norms[int(np.ceil(0.95 * (len(norms) - 1)))]),
            "round_trip": float(self.round_trips(latent)[0]),
        }

    def round_trips(self, latents: Latents) -> Scores:
        """How far encoding the decodes of latents (N, d) lands from them, (N,), as in `trust`."""
        from explorer.analysis.holes import round_trip_error

        return round_trip_error(self.coder, self.white, latents, self.active_axes)

    @kept_property
    def active_axes(self) -> NDArray[np.bool_]:
        """Which latent dimensions the encoder uses, (d,), as the stored scores count them."""
        from explorer.analysis.scores import active_axes

        return active_axes(Posterior(self.latents.mean, self.latents.log_variance))

    def reconstruct(self, number: int) -> dict[str, Any]:
        """What is known of image `number` of the evaluation split.

        Returns:
            `label` (its name, or None); `distortion` at the posterior mean and `rate` in nats (None where the model
            has none); `percentile`: share of the test images with a smaller distortion, in [0, 1]; `mse`: of pixels in
            [0, 1], None without the data set; `index`: its row in the data set. What needs draws is in `look`.
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
            "mse": mse,
            "percentile": float((latents.distortion < distortion).mean()) if distortion is not None else None,
        }

    def posterior(self, number: int) -> Posterior:
        """What the encoder says of image `number` of the evaluation split, (1, d).

        Raises:
            ShapeError: There is no such image; or the run has several levels, where the posterior of a level hangs on
                what is drawn above it, so that the image itself is needed, and the data set is not there.
        """
        self._check_number(number)
        if len(self.level_sizes) > 1:
            original = self.original(number)
            if original is None:
                raise ShapeError(
                    f"the posterior of {self.name} is stated level by level from the image itself, and its data set "
                    "is not on this machine."
                )
            return self.coder.encode(to_unit(original, self.levels)[None])
        return Posterior(self.latents.mean, self.latents.log_variance).rows(slice(number, number + 1))

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
        """The epochs of its fit, as `read_history` gives them; none for a model held in memory.

        Raises:
            CheckpointError: The file cannot be read.
        """
        return [] if self._folder is None else read_history(place_of(self._folder))

    def sheets(self) -> list[int]:
        """Epochs after which a sheet of decodes was kept, in order; none for a model held in memory."""
        return list(self._sheets())

    def sheet(self, epoch: int) -> bytes:
        """The sheet of an epoch as a PNG or WebP file: decodes, never images of the data set.

        Raises:
            ShapeError: No sheet was kept after that epoch.
            CheckpointError: The file is damaged.
        """
        path = self._sheets().get(epoch)
        if path is None:
            raise ShapeError(f"{self.name} kept no sheet after epoch {epoch}.")
        return read_sheet(path)

    def epochs(self) -> list[int]:
        """Epochs of the fit after which codes were kept, rising; none in older runs and for a model held in memory."""
        return list(self._epochs())

    @kept_property
    def kept_images(self) -> NDArray[np.int64]:
        """Which images of the evaluation split have codes of the last of `epochs`, (m,), rising.

        Raises:
            ShapeError: No codes were kept.
            CheckpointError: The file is damaged.
        """
        epochs = self._epochs()
        if not epochs:
            raise ShapeError(f"{self.name} kept no codes of its epochs; a new fit keeps them.")
        return np.flatnonzero(np.isin(self.latents.index, self._codes_after(max(epochs)).index))

    def epoch_codes(self, epoch: int) -> Latents:
        """Posterior means of `kept_images` after an epoch, (m, d); NaN for one whose code was not kept then.

        The weights of an old epoch are gone: only where images stood is known, and nothing can be decoded there.

        Raises:
            ShapeError: No codes were kept after that epoch.
            CheckpointError: A file is damaged.
        """
        kept = self._codes_after(epoch)
        wanted = self.latents.index[self.kept_images]
        places = np.searchsorted(kept.index, wanted).clip(0, len(kept.index) - 1)
        found = np.full((len(wanted), self.latent_dim), np.nan, dtype=np.float32)
        there = kept.index[places] == wanted
        found[there] = kept.mean[places[there]]
        return found

    def _codes_after(self, epoch: int) -> EpochCodes:
        path = self._epochs().get(epoch)
        if path is None or self.config is None:
            raise ShapeError(f"{self.name} kept no codes after epoch {epoch}.")
        return read_epoch_codes(path, self.config)

    def _epochs(self) -> dict[int, Path]:
        return {} if self._folder is None else list_epoch_codes(place_of(self._folder))

    def _sheets(self) -> dict[int, Path]:
        return {} if self._folder is None else list_sheets(place_of(self._folder))

    def _check_number(self, number: int) -> None:
        if not 0 <= number < len(self):
            raise ShapeError(f"image {number} is asked for, but {self.name} has images 0 to {len(self) - 1}.")
