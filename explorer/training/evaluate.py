"""What a fitted run is worth: its scores on the test images, and the latents that the page shows without them.

A score is one entry of `SCORES`: its name, the inputs it needs, how many images it sends through the nets, and the
function that measures it. Inputs are made once, when the first score needs them.
"""

import copy
import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.bounds import elbo, importance_weighted_bound
from explorer.analysis.disentangled import Factor, disentanglement
from explorer.analysis.encoding import BATCH, decoded_features, encode_all, squared_errors
from explorer.analysis.frames import Frame, fit_frame
from explorer.analysis.holes import (
    ALPHA,
    Vacancy,
    fit_round_trip,
    fit_vacancy,
    some_of,
)
from explorer.analysis.intervals import Score, mean_score
from explorer.analysis.laws import (
    GMM10,
    LAWS,
    MANY,
    FittedCodes,
    GaussianMixture,
    default_law,
    fit_gmm,
    fit_many,
    offered_laws,
)
from explorer.analysis.log_ratio import fit_log_ratio, refitted_ratios
from explorer.analysis.scores import (
    active_axes,
    active_units,
    arc_middles,
    collapsed_axes,
    counted_axes,
    coverage,
    density,
    exceedance,
    frechet_distance,
    is_saturated,
    mutual_information,
    neighbour_radii,
    rate_per_dimension,
    tell_apart,
    vacancies,
)
from explorer.arrays import UNKNOWN, Images, Latents, MeasuringCoder, Posterior, Scores
from explorer.checkpoint import StoredLatents
from explorer.config import RunConfig
from explorer.data import ImageSet, Split, reference_count, split
from explorer.data.described import HIGH
from explorer.models.losses import Gaussian
from explorer.progress import stage
from explorer.training.baseline import principal_components
from explorer.training.judge import (
    COMPONENTS,
    Judge,
    PrincipalComponents,
    Tell,
    components_words,
    fit_components,
    open_judge,
    unheard,
)

MOST_DRAWS, LEAST_DRAWS = 10_000, 1_000
"""Draws of a sampling law; as many as test images between the two, since coverage grows with draws."""

MOST_ROUND_TRIPS = 2_000
"""Draws of a law, and calibration codes, that are decoded and encoded again."""

BOUND_EFFORT: Mapping[str, tuple[int, int]] = {"mnist": (1_000, 1_000), "digits": (1_000, 1_000)}
"""Draws K and test images of the importance-weighted bound at full effort, by data set."""

PICTURE_EFFORT = (100, 200)
"""The same for all other data sets, whose images are larger."""

LEAST_BOUND = (100, 100)
"""Draws K and test images below which that bound says little."""

LEAST_PRICED = 1_000
"""Test images on which the ELBO is measured, where there are so many."""

PASSES_OF_A_FIT = 3
"""Decodes that take about as long as one image of a fit, which passes both nets forward and back."""

BINARISATION_SEED = SUBSET_SEED = 0
"""Of b ~ Bernoulli(x), and of the images that a score is measured on where it is not all: the same for every run."""

BINARISATION = "b = u < x, u by Philox keyed with the seed and the image's row in the data set"
"""How test images become binary, as metrics.json says it."""

NEIGHBOUR = 5
"""k of vacancy and coverage."""

MIXTURE_CODES, MIXTURE_DIM = 10_000, 128
"""Codes that ten Gaussians are fitted to, and the largest d with this number: a step of the fit takes codes x d^2.

Ten Gaussians have 21,000 numbers at d = 64: of faces, they cost 90.2 nats a test code when fitted to 2,500 codes, 82.3
when to 10,000 and 81.4 when to 20,000; a classifier told their draws from codes by .73, .57 and .57.
"""

MANY_CODES = 30_000
"""Codes that the mixture of many Gaussians is fitted to, up to the same d.

An autoencoder of MNIST at d = 16 asks for 80 Gaussians, whose draws are told from codes by .55 where those of ten are
by .72, and a VAE of faces at d = 64 for 20 (.54; ten .57).
"""

MOST_ARCS = 2_500
"""Pairs of codes whose arcs have their middles judged."""

CLAMP = (-12.0, 6.0)
"""Least and largest log-variance of the models' posteriors."""


# --- how much is drawn ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is drawn for the scores; metrics.json holds it beside them.

    Attributes:
        draws: Draws of each sampling law.
        round_trips: Draws of each law, and calibration codes, that are decoded and encoded again.
        elbo_images: Test images on which the ELBO is measured.
        elbo_draws: Draws of the posterior of each of them.
        nll_images: Test images on which the importance-weighted bound is measured.
        nll_samples: K, the draws of the posterior of each of them.
        many_codes: Codes that many Gaussians are fitted to, at most; with 0 the law of many is that of ten.
    """

    draws: int
    round_trips: int
    elbo_images: int
    elbo_draws: int
    nll_images: int
    nll_samples: int
    many_codes: int

    @property
    def decodes(self) -> int:
        """Images that the decoder makes for the scores, about."""
        laws = len(LAWS) * (self.draws + 2 * self.round_trips)
        return laws + self.elbo_images * self.elbo_draws + self.nll_images * (self.nll_samples + 32)


def full_effort(config: RunConfig, tested: int) -> Effort:
    """The effort that published scores are measured with.

    Args:
        config: Of the run; a K or a number of images that it names is taken as it is.
        tested: Test images.
    """
    samples, images = BOUND_EFFORT.get(config.data.dataset, PICTURE_EFFORT)
    draws = min(MOST_DRAWS, max(LEAST_DRAWS, tested))
    return Effort(
        draws=draws,
        round_trips=min(draws, MOST_ROUND_TRIPS),
        elbo_images=tested,
        elbo_draws=4,
        nll_images=min(tested, config.train.nll_images or images),
        nll_samples=config.train.nll_samples or samples,
        many_codes=MANY_CODES,
    )


def fair_effort(config: RunConfig, tested: int, fitted: int) -> Effort:
    """The effort that takes about as long as the fit did, at most the full one, at least what a score is worth with.

    The rule counts images, not seconds, so that the numbers do not depend on what else the machine does: the decodes
    of all scores together are to be `PASSES_OF_A_FIT` times the images that the fit saw.

    Args:
        config: Of the run; a K or a number of images that it names is taken as it is.
        tested: Test images.
        fitted: Images that are fitted in an epoch.
    """
    full, settings = full_effort(config, tested), config.train
    seen = (settings.epochs or 0) * fitted * settings.samples
    share = min(1.0, PASSES_OF_A_FIT * seen / full.decodes)
    if share == 1:
        return full
    draws = max(LEAST_DRAWS, round(share * full.draws))
    pairs = share * full.nll_images * full.nll_samples
    samples, images = min(LEAST_BOUND[0], full.nll_samples), min(LEAST_BOUND[1], full.nll_images)
    if settings.nll_images is None:
        images = int(np.clip(round(pairs / full.nll_samples), images, full.nll_images))
    else:
        images = full.nll_images
    if settings.nll_samples is None:
        samples = int(np.clip(round(pairs / images), samples, full.nll_samples))
    else:
        samples = full.nll_samples
    return Effort(
        draws=draws,
        round_trips=min(full.round_trips, draws),
        elbo_images=min(tested, max(LEAST_PRICED, round(share * tested))),
        elbo_draws=full.elbo_draws,
        nll_images=images,
        nll_samples=samples,
        many_codes=full.many_codes,
    )


# --- what scores are made of ------------------------------------------------------------------------------------------


class Subject:
    """A run under measurement: its settings, and the inputs of the scores, each made when it is first asked for.

    Args:
        coder: The fitted model, its likelihood's sigma frozen.
        config: Its settings; their seeds make every number here repeatable on one machine.
        images: The data set it was fitted on.
        parts: Its split.
        out: The folder of the runs, where the data set's feature net is kept.
        effort: How much is drawn.
        baselines: What PCA achieves on these very images, by components and draws; several runs of one fit share it.
    """

    def __init__(
        self,
        coder: MeasuringCoder,
        config: RunConfig,
        images: ImageSet,
        parts: Split,
        out: Path,
        effort: Effort,
        baselines: dict[tuple[int, int], dict[str, Any]],
    ) -> None:
        self.config, self.images, self.parts, self.out = config, images, parts, out
        self.effort, self.baselines = effort, baselines
        self.coder = _Counted(coder, self)
        self.likelihood = getattr(getattr(coder, "model", None), "likelihood", None)
        self.tell: Tell = unheard
        self.passed = 0

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self.config.train.seed

    @cached_property
    def test(self) -> Images:
        """The test images, (N, C, H, W)."""
        return self.images.images(self.parts.test)

    @cached_property
    def trained(self) -> dict[str, NDArray[np.int64]]:
        """Rows of sets R and G in the data set, "reference" and "fitting", of training images; they share none."""
        rng = np.random.default_rng(self.seed)
        count = reference_count(self.config.data.reference, len(self.parts.train))
        order = described_first(self.images, rng.permutation(self.parts.train))
        both = rng.permutation(order[: 2 * count])
        return {"reference": np.sort(both[:count]), "fitting": np.sort(both[count:])}

    @cached_property
    def further(self) -> list[NDArray[np.int64]]:
        """Rows of further training images, drawn at random, in two parts.

        Ten Gaussians are fitted to codes of the first part and G, many Gaussians to those of both parts and G.
        """
        spare = np.setdiff1d(self.parts.train, np.concatenate(list(self.trained.values())))
        spare = np.random.default_rng([self.seed, 4]).permutation(spare)
        share = min(1, (MIXTURE_DIM / self.coder.latent_dim) ** 2)
        known, most = len(self.trained["fitting"]), (MIXTURE_CODES, self.effort.many_codes)
        ten, many = (max(0, int(codes * share) - known) for codes in most)
        return [np.sort(spare[:ten]), np.sort(spare[ten:many])]

    @property
    def pairing(self) -> str:
        """What two runs have in common whose replicates pair: images of R, C and test, seed, draws."""
        rows = [self.trained["reference"], self.parts.calibration, self.parts.test]
        told = (self.images.fingerprint, self.seed, self.effort.draws, self.effort.round_trips)
        return hashlib.sha256(repr(told).encode() + b"".join(each.tobytes() for each in rows)).hexdigest()[:16]

    @cached_property
    def posterior(self) -> Posterior:
        """Of the test images."""
        return self._encoded[0]

    @cached_property
    def given(self) -> Posterior:
        """The same along the stored draws: of each dimension given those above it."""
        return self._encoded[1]

    @cached_property
    def codes(self) -> dict[str, Latents]:
        """One draw per image: "draw" of the test images, "reference" R, "fitting" G and "calibration" C."""
        return self._encoded[2]

    @cached_property
    def calibration_mean(self) -> Latents:
        """Posterior means of the images of C, (C, d)."""
        return self._encoded[3][0]

    @cached_property
    def calibration_cost(self) -> NDArray[np.float32]:
        """What the images of C cost, (C,), nats: distortion at the posterior mean plus rate."""
        mean, rate = self._encoded[3]
        rows, costs = self.images.rows(self.parts.calibration), []
        for start in range(0, len(mean), BATCH):
            part = slice(start, start + BATCH)
            costs.append(self.coder.distortion(rows[part], mean[part]) + rate[part])
        return np.concatenate(costs).astype(np.float32)

    @cached_property
    def _encoded(self) -> tuple[Posterior, Posterior, dict[str, Latents], tuple[Latents, NDArray[np.float32]]]:
        noise = {name: np.random.default_rng([self.seed, k]) for k, name in enumerate(("test", "R", "G", "C"))}
        posterior = self.coder.encode(self.test)
        draw, given = posterior.draw(noise["test"])  # the noise of a set is the same for a run and its twin
        calibration = encode_all(self.coder, self.images.rows(self.parts.calibration))
        drawn, priced = calibration.draw(noise["C"])
        codes = {
            "draw": draw,
            "reference": in_half(self._encoded_rows("reference").sample(noise["R"])),
            "fitting": in_half(self._encoded_rows("fitting").sample(noise["G"])),
            "calibration": in_half(drawn),
        }
        return posterior, given, codes, (in_half(calibration.mean), priced.rate().sum(axis=1))

    def _encoded_rows(self, name: str) -> Posterior:
        return encode_all(self.coder, self.images.rows(self.trained[name]))

    @cached_property
    def distortion(self) -> NDArray[np.float32]:
        """-log p(x|z) of the test images at their posterior means, (N,), nats per image."""
        return np.asarray(self.coder.distortion(self.test, self.posterior.mean), dtype=np.float32)

    @cached_property
    def mixture(self) -> GaussianMixture:
        """The mixture of ten Gaussians, fitted to the codes G and those of further images."""
        return fit_gmm(self.mixed, seed=self.seed)

    @cached_property
    def many(self) -> GaussianMixture | None:
        """The mixture of many Gaussians, fitted to these and more codes; None where these ask for no more than ten."""
        if not self.effort.many_codes:
            return None
        return fit_many(np.concatenate([self.mixed, self._further_codes(1)]), seed=self.seed)

    @cached_property
    def laws(self) -> list[str]:
        """The laws that are measured: that of many Gaussians where these are more than ten."""
        return [law.name for law in offered_laws(None if self.many is None else len(self.many.weights))]

    @cached_property
    def mixed(self) -> Latents:
        """The codes G and those of the first part of the further images, (n, d)."""
        return np.concatenate([self.codes["fitting"], self._further_codes(0)])

    def _further_codes(self, part: int) -> Latents:
        """Codes of a part of the further images, (n, d); each part has a stream of random numbers of its own."""
        rng = np.random.default_rng([self.seed, 5, part] if part else [self.seed, 5])
        return encode_all(self.coder, self.images.rows(self.further[part])).sample(rng)

    @cached_property
    def white(self) -> Frame:
        """The whitened frame of the codes G, of which laws draw."""
        return fit_frame(self.codes["fitting"])

    @cached_property
    def judge(self) -> Judge:
        """The data set's feature space; where it must be fitted, on all its training images, whatever this run saw."""
        return open_judge(self.out / f"features-{self.images.name}", self.images, self.whole, self.tell)

    @cached_property
    def whole(self) -> Split:
        """The split of all images, whatever this run was fitted on, so that all runs are judged in the same spaces."""
        return split(self.images, dataclasses.replace(self.config.data, subset=None))

    @cached_property
    def features(self) -> NDArray[np.float32]:
        """The test images in the feature space, (N, F)."""
        return self.judge.features(self.test)

    @cached_property
    def reference_features(self) -> NDArray[np.float32]:
        """The reference images there, (R, F)."""
        return self.judge.features(self.images.rows(self.trained["reference"]))

    @cached_property
    def calibration_features(self) -> NDArray[np.float32]:
        """The images of C there, (C, F)."""
        return self.judge.features(self.images.rows(self.parts.calibration))

    @cached_property
    def compared(self) -> NDArray[np.int64]:
        """Rows of the test images that draws are compared with, (M,): as many as draws, drawn at random; or all."""
        count = len(self.parts.test)
        if self.effort.draws >= min(count, MOST_DRAWS):
            return np.arange(count)
        return np.sort(drawn_by_image(self.parts.test, self.effort.draws))

    @cached_property
    def real(self) -> NDArray[np.float32]:
        """Their features, (M, F)."""
        return self.features[self.compared]

    @cached_property
    def radii(self) -> NDArray[np.float64]:
        """The distance of each of them to its k-th nearest other one, (M,)."""
        return neighbour_radii(self.real, NEIGHBOUR)

    @cached_property
    def active(self) -> NDArray[np.bool_]:
        """Which latent dimensions the encoder uses, (d,)."""
        return active_axes(self.posterior)

    @cached_property
    def holes(self) -> Vacancy:
        """The vacancy score."""
        return fit_vacancy(self.codes["reference"], self.codes["calibration"], NEIGHBOUR)

    @cached_property
    def drawn(self) -> dict[str, Latents]:
        """Draws of each sampling law, (n, d); the noise is the same for a run and its twin."""
        return {name: self.sample(name, self.effort.draws, 0) for name in self.laws}

    def sample(self, law: str, count: int, stream: int) -> Latents:
        """Latents (count, d) of a sampling law, by one of several streams of random numbers."""
        fitted = FittedCodes(self.coder.latent_dim, self.white, self.mixture, self.many or self.mixture)
        return LAWS[law].of(fitted).sample(count, np.random.default_rng([self.seed, 10 + stream]))

    @cached_property
    def arcs(self) -> Latents:
        """Middles of the arcs between codes of test images, (n, d)."""
        labels = None if self.images.labels is None else self.images.labels[self.parts.test]
        rng = np.random.default_rng([self.seed, 20])
        return arc_middles(self.codes["draw"], self.white, min(self.effort.draws, MOST_ARCS), rng, labels)

    @cached_property
    def components(self) -> PrincipalComponents | None:
        """The space of the pixels' principal components, a second one to be distant in; None where it is the judge's.

        A model that is fitted to features may be near in one space and far in another.
        """
        if self.judge.kind == "pca":
            return None
        count, name = int(np.prod(self.images.image_shape)), self.images.name
        if count <= COMPONENTS:  # directions in which such images do not vary would be those of a rounding
            return PrincipalComponents(np.zeros(count), np.eye(count), f"the {count} pixels of {name}")
        mean, components, _ = fit_components(self.images, self.whole)
        return PrincipalComponents(mean, components, components_words(len(components), name))

    def _seen(self, images: Images) -> NDArray[np.float32]:
        """Images (N, C, H, W) in both spaces, (N, F + P): the judge's first."""
        spaces = [self.judge] if self.components is None else [self.judge, self.components]
        return np.concatenate([space.features(images) for space in spaces], axis=1)

    @cached_property
    def decoded(self) -> dict[str, NDArray[np.float32]]:
        """The decodes of each law's draws in both spaces, (n, F + P), as many as real images stand beside them."""
        found = {law: decoded_features(self.coder, self.drawn[law], self._seen) for law in self.laws}
        return {law: each[: len(self.real)] for law, each in found.items()}

    @cached_property
    def made(self) -> dict[str, NDArray[np.float32]]:
        """Features of the decodes of the draws of each law, (n, F)."""
        return {law: each[:, : self.real.shape[1]] for law, each in self.decoded.items()}

    @cached_property
    def rebuilt(self) -> NDArray[np.float32]:
        """The reconstructions of the same test images in both spaces, (M, F + P): decodes of their posterior means."""
        return decoded_features(self.coder, self.posterior.mean[self.compared], self._seen)

    @cached_property
    def targets(self) -> Images:
        """What the likelihood prices, (N, C, H, W): binarised for Bernoulli runs, the same for every run."""
        if not self.config.model.is_binary:
            return self.test
        return binarised(self.test, self.parts.test)

    @cached_property
    def priced(self) -> NDArray[np.int64]:
        """Rows of the test images on which the ELBO is measured, (n,), drawn at random; or all."""
        count = len(self.test)
        if self.effort.elbo_images >= count:
            return np.arange(count)
        return np.sort(drawn_by_image(self.parts.test, self.effort.elbo_images))

    @cached_property
    def bounds(self) -> NDArray[np.float64]:
        """The ELBO of each of them, (n,), nats."""
        some, rng = self.posterior.rows(self.priced), np.random.default_rng(self.seed + 1)
        return elbo(self.coder, self.targets[self.priced], some, self.effort.elbo_draws, rng)

    def stored_latents(self, featured: bool) -> StoredLatents:
        """What the page needs of the run without the data set; with features where they were made."""
        images, test, many = self.images, self.parts.test, self.many
        return StoredLatents(
            mean=self.posterior.mean,
            log_variance=self.posterior.log_variance,
            draw=self.codes["draw"],
            label=None if images.labels is None else images.labels[test],
            attribute=None if images.attributes is None else images.attributes[test],
            factor=None if images.factors is None else images.factors[test],
            index=test,
            distortion=self.distortion,
            rate=self.given.rate().sum(axis=1),
            reference=self.codes["reference"],
            reference_index=self.trained["reference"],
            calibration=self.codes["calibration"],
            calibration_index=self.parts.calibration,
            gmm_weights=self.mixture.weights.astype(np.float32),
            gmm_means=self.mixture.means.astype(np.float32),
            gmm_covariances=self.mixture.covariances.astype(np.float32),
            many_weights=None if many is None else many.weights.astype(np.float32),
            many_means=None if many is None else many.means.astype(np.float32),
            many_covariances=None if many is None else many.covariances.astype(np.float32),
            reference_features=self.reference_features.astype(np.float16) if featured else None,
            reference_attribute=self._described("reference"),
            fitting=self.codes["fitting"],
            fitting_index=self.trained["fitting"],
            fitting_attribute=self._described("fitting"),
            calibration_mean=None if self.posterior.log_variance is None else self.calibration_mean,
            calibration_cost=self.calibration_cost,
            calibration_features=self.calibration_features.astype(np.float16) if featured else None,
            local_frame=self.holes.frame.to_white,
        )

    def _described(self, name: str) -> NDArray[np.uint8] | None:
        """Attributes of set R or G, (n, A), or None."""
        return None if self.images.attributes is None else self.images.attributes[self.trained[name]]


class _Counted:
    """A coder that tells a subject how many images have passed through it.

    Args:
        coder: The model.
        subject: Told of every image.
    """

    def __init__(self, coder: MeasuringCoder, subject: Subject) -> None:
        self.coder, self.subject = coder, subject
        self.latent_dim, self.image_shape, self.levels = coder.latent_dim, coder.image_shape, coder.levels

    def encode(self, images: Images) -> Posterior:
        """See `Coder`."""
        return self._told(self.coder.encode(images), len(images))

    def decode(self, latents: Latents) -> Images:
        """See `Coder`."""
        return self._told(self.coder.decode(latents), len(latents))

    def distortion(self, images: Images, latents: Latents) -> Scores:
        """See `MeasuringCoder`."""
        return self._told(self.coder.distortion(images, latents), len(latents))

    def _told(self, found: Any, count: int) -> Any:
        self.subject.passed += count
        self.subject.tell(self.subject.passed, 0)
        return found


def in_half(codes: Latents) -> Latents:
    """Codes (N, d) rounded to half precision, which halves what a run stores of R, G and C.

    Rounded before holes and laws are measured, so that these are those of the stored codes. Codes that would move by
    more than `MOST_ROUNDING` of their spread on any axis, such as narrow ones far from 0, stay as they are.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        short = codes.astype(np.float16).astype(np.float32)
        off = np.abs(short - codes).max(axis=0)
    return short if (off <= MOST_ROUNDING * codes.std(axis=0)).all() else codes


MOST_ROUNDING = 0.005
"""Most by which half precision may move a code, in standard deviations of its axis."""


def described_first(images: ImageSet, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same rows (n,), those of which any attribute is known before the others, otherwise in their order.

    So that attribute directions are found from as many images as are stored anyhow. What is known of an image says
    nothing of how its split was drawn; the calibration does not depend on which training images are the reference.
    """
    if images.attributes is None:
        return rows
    known = (images.attributes[rows] != UNKNOWN).any(axis=1)
    return np.concatenate([rows[known], rows[~known]])


# --- the scores -------------------------------------------------------------------------------------------------------


def reconstruction(subject: Subject) -> dict[str, Any]:
    """Scores of reconstruction, means over the test images, and what each latent dimension carries."""
    scores: dict[str, Any] = {"n": len(subject.test)}
    posterior, given = subject.posterior, subject.given
    _add(scores, "mse", mean_score(squared_errors(subject.coder, subject.test, posterior.mean)))
    _add(scores, "distortion", mean_score(subject.distortion))
    _add(scores, "rate", mean_score(given.rate().sum(axis=1)))
    scores["active_units"] = active_units(posterior)
    rates = rate_per_dimension(given)
    scores["rate_per_dimension"] = [round(float(rate), 5) for rate in rates]
    scores["collapsed"] = np.flatnonzero(collapsed_axes(given)).tolist()
    likelihood = subject.likelihood
    scores["sigma"] = likelihood.deviation().item() if isinstance(likelihood, Gaussian) else None
    scores["effective_beta"] = None
    weighs = subject.config.model.has_prior and not subject.config.train.charges_features
    if scores["sigma"] is not None and weighs and scores["mse"] > 0:
        # a sigma above the residual weighs the distortion down, as a beta above 1 weighs the rate up
        scores["effective_beta"] = subject.config.train.beta * scores["sigma"] ** 2 / scores["mse"]
    if given.log_variance is not None:
        deviations = np.exp(0.5 * given.log_variance).mean(axis=0)
        scores["posterior_deviation"] = [round(float(each), 5) for each in deviations]
        scores["rate_per_level"] = rates_per_level(rates, subject.config)
        spread, slack = given.log_variance, 1e-3
        scores["clamped"] = float(((spread <= CLAMP[0] + slack) | (spread >= CLAMP[1] - slack)).mean())
    return {"test": scores}


def binarised(images: Images, rows: NDArray[np.int64]) -> Images:
    """b ~ Bernoulli(x) of images (N, C, H, W), each decided by its row (N,) in the data set and by nothing else."""
    drawn = np.empty(images.shape, dtype=np.float32)
    for each, row in zip(drawn, rows.tolist(), strict=True):
        _stream_of(BINARISATION_SEED, row).random(dtype=np.float32, out=each)
    return (drawn < images).astype(np.float32)


def drawn_by_image(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Places (n,) of `count` of the images, drawn at random; whether one comes before another, their rows (N,) decide.

    So the same images are drawn first, however many others there are beside them.
    """
    lots = [_stream_of(SUBSET_SEED, row).random() for row in rows.tolist()]
    return np.argsort(lots, kind="stable")[:count]


def _stream_of(seed: int, row: int) -> np.random.Generator:
    """Random numbers of one image: a counter-based generator needs no history (Salmon et al. 2011, Philox)."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, row], dtype=np.uint64)))


def rates_per_level(rates: NDArray[np.float64], config: RunConfig) -> list[dict[str, Any]]:
    """What each stochastic level carries, the top one first: its latent dimensions and their rate, nats per image."""
    parts = np.split(np.arange(len(rates)), np.cumsum(config.model.level_sizes)[:-1])
    return [{"axes": part.tolist(), "rate": float(rates[part].sum())} for part in parts]


def evidence(subject: Subject) -> dict[str, Any]:
    """The ELBO, nats per image.

    Bernoulli runs are priced on binarised images: b ~ Bernoulli(x) with a fixed seed, the same for every run, so
    that `elbo` and `nll_iw` are of the same images and compare with published numbers. The encoder sees grey. An image
    is binarised alike in every selection of test images. The draws of the posteriors come from one stream, so that an
    image of a selection meets others than in the whole: this noise is part of the intervals.
    """
    scores: dict[str, Any] = {}
    if subject.config.model.is_binary:
        some, rng = subject.posterior.rows(subject.priced), np.random.default_rng(subject.seed)
        scores["elbo_grey"] = float(elbo(subject.coder, subject.test[subject.priced], some, 1, rng).mean())
        scores |= {"binarisation_seed": BINARISATION_SEED, "binarisation": BINARISATION}
    _add(scores, "elbo", mean_score(subject.bounds))
    return {"test": scores | {"elbo_images": len(subject.bounds), "elbo_draws": subject.effort.elbo_draws}}


def information(subject: Subject) -> dict[str, Any]:
    """I(x; z) in nats with its interval, or None where it cannot be estimated.

    `saturated` says that it reached the log n that n images can tell apart: it is at least so much.
    """
    found = mutual_information(subject.posterior, np.random.default_rng(subject.seed + 4))
    said = None if found is None else _plain(found) | {"saturated": bool(is_saturated(found))}
    return {"test": {"mutual_information": said}}


def tight_bound(subject: Subject) -> dict[str, Any]:
    """The importance-weighted bound, nats per image.

    A mean over few images moves by a nat with the draw, the gap to the ELBO hardly at all: so the gap is estimated on
    few images with many samples, and taken from the ELBO.
    """
    coder, effort, seed, bounds = subject.coder, subject.effort, subject.seed, subject.bounds
    rows = drawn_by_image(subject.parts.test, effort.nll_images)
    some, targets = subject.posterior.rows(rows), subject.targets[rows]
    tight = importance_weighted_bound(coder, targets, some, effort.nll_samples, np.random.default_rng(seed + 2))
    loose = elbo(coder, targets, some, 32, np.random.default_rng(seed + 3))
    gap = mean_score(tight - loose)
    scores: dict[str, Any] = {}
    _add(scores, "gap_iw", gap)
    scores["nll_iw"] = float(-bounds.mean() - gap.value)
    spread = 1.96 * np.hypot(bounds.std() / np.sqrt(len(bounds)), (gap.high - gap.low) / 3.92)
    scores["nll_iw_interval"] = [scores["nll_iw"] - spread, scores["nll_iw"] + spread]
    scores |= {"nll_iw_samples": effort.nll_samples, "nll_iw_images": len(rows), "nll_iw_seed": seed}
    return {"test": scores | {"nll_iw_subset_seed": SUBSET_SEED}}


def empty_places(subject: Subject) -> dict[str, Any]:
    """Vacancy under each sampling law, of all dimensions and of the active ones; how well it is calibrated.

    The calibration is checked on the test images, a third set of the pool that C is drawn from: draws among draws, and
    posterior means among posterior means.
    """
    holes, codes, seed = subject.holes, subject.codes, subject.seed
    judged = {**subject.drawn, "arcs": subject.arcs, "check": codes["draw"]}
    found = vacancies(holes, codes["calibration"], judged, seed)
    active, axes = found, counted_axes(subject.active)
    if not axes.all():
        of_active = fit_vacancy(codes["reference"][:, axes], codes["calibration"][:, axes], NEIGHBOUR)
        drawn = {law: latents[:, axes] for law, latents in subject.drawn.items()}
        active = vacancies(of_active, codes["calibration"][:, axes], drawn, seed)
    of_means = holes.calibrated(subject.calibration_mean)
    means = vacancies(of_means, subject.calibration_mean, {"check": subject.posterior.mean}, seed)
    laws = {law: {"vacancy": _plain(found[law]), "vacancy_active": _plain(active[law])} for law in subject.laws}
    scores = laws | {
        "arc_middle_vacancy": _plain(found["arcs"]),
        "arc_pairs": "any two images" if subject.images.labels is None else "images of different classes",
        "calibration_check": _plain(found["check"]),
        "calibration_check_means": _plain(means["check"]),
        "rank": holes.white.rank,
        "reference_n": len(codes["reference"]),
        "fitting_n": len(codes["fitting"]),
        "mixture_n": len(codes["fitting"]) + len(subject.further[0]),
        "many_n": 0 if subject.many is None else len(codes["fitting"]) + sum(map(len, subject.further)),
        "many_bells": len((subject.many or subject.mixture).weights),
        "calibration_n": len(codes["calibration"]),
        "folds": len(holes.folds),
    }
    return {"holes": scores | {"k": NEIGHBOUR, "alpha": ALPHA}, "replicates": _kept("vacancy", found)}


def telling(subject: Subject) -> dict[str, Any]:
    """How well a classifier tells draws of each law from codes, and the law that is told apart least."""
    codes, found = subject.codes, {}
    for law in subject.laws:
        others = subject.sample(law, len(codes["fitting"]), 1)
        ratio = fit_log_ratio(codes["fitting"], others, subject.holes, subject.seed)
        judged = codes["calibration"], subject.drawn[law][: max(len(codes["calibration"]), LEAST_DRAWS)]
        again = refitted_ratios(ratio, codes["fitting"], others, judged, subject.seed)
        of_codes, of_draws = map(ratio.score, judged)
        found[law] = tell_apart(of_codes, of_draws, list(again), subject.seed)
    is_point = subject.posterior.log_variance is None
    first = default_law({law: score.value for law, score in found.items()}, is_point).name
    scores: dict[str, Any] = {law: {"tell_apart": _plain(score)} for law, score in found.items()}
    return {"holes": scores | {"default_law": first}, "replicates": _kept("tell_apart", found)}


def round_trips(subject: Subject) -> dict[str, Any]:
    """The share of draws whose decode does not encode back to them, under each law."""
    count, codes = subject.effort.round_trips, some_of(subject.codes["calibration"], MOST_ROUND_TRIPS)
    fitted = fit_round_trip(subject.coder, subject.white, codes, subject.active)
    missed = {law: fitted.score(subject.drawn[law][:count]) for law in subject.laws}
    found = {law: exceedance(each, fitted.calibration_scores, subject.seed) for law, each in missed.items()}
    scores: dict[str, Any] = {law: {"round_trip": _plain(score)} for law, score in found.items()}
    return {"holes": scores | {"round_trip_calibration_n": len(codes)}, "replicates": _kept("round_trip", found)}


def along_factors(subject: Subject) -> dict[str, Any]:
    """How far known factors of the test images lie along single latent dimensions; nothing where none differs."""
    found = disentanglement(subject.posterior.mean, known_factors(subject.images, subject.parts.test), subject.seed)
    return {} if found is None else {"test": {"disentanglement": dataclasses.asdict(found)}}


def known_factors(images: ImageSet, rows: NDArray[np.int64]) -> list[Factor]:
    """What is known of images in rows (n,): their class, numbers and attributes; not the directions made of numbers."""
    found: list[Factor] = []
    if images.labels is not None:
        found.append(Factor(name="class", values=images.labels[rows].astype(np.float64), is_class=True))
    if images.factors is not None:
        for name, values in zip(images.factor_names or (), images.factors[rows].T, strict=True):
            found.append(Factor(name=name, values=values.astype(np.float64), is_class=False))
    if images.attributes is not None:
        made = {f"{HIGH}{name}" for name in images.factor_names or ()}
        for name, flags in zip(images.attribute_names or (), images.attributes[rows].T, strict=True):
            if name not in made:
                values = np.where(flags == UNKNOWN, np.nan, flags.astype(np.float64))
                found.append(Factor(name=name, values=values, is_class=True))
    return found


def covered(subject: Subject) -> dict[str, Any]:
    """Coverage under each law, beside which holes are read: a collapsed model has none."""
    real, radii = subject.real, subject.radii
    found = {law: coverage(real, subject.made[law], NEIGHBOUR, subject.seed, radii=radii) for law in subject.laws}
    scores: dict[str, Any] = {law: {"coverage": _plain(score)} for law, score in found.items()}
    space = {"feature_space": subject.judge.space, "feature_accuracy": subject.judge.accuracy}
    return {"holes": scores | space, "replicates": _kept("coverage", found)}


def crowding(subject: Subject) -> dict[str, Any]:
    """Density under each law."""
    real, radii = subject.real, subject.radii
    found = {law: density(real, subject.made[law], NEIGHBOUR, subject.seed, radii=radii) for law in subject.laws}
    return {"holes": {law: {"density": _plain(score)} for law, score in found.items()}}


def distance(subject: Subject) -> dict[str, Any]:
    """The Fréchet distance under each law and of reconstructions, in the judge's space and in that of the pixels.

    Beside it the floor of draws: the distance of training images. Reconstructions may be nearer, for they are of the
    very images that they are compared with.
    """
    reference, fitting = (subject.images.rows(subject.trained[name]) for name in ("reference", "fitting"))
    width, pixels = subject.real.shape[1], subject.components
    spaces = {"frechet": (subject.judge, slice(width))}
    if pixels is not None:
        spaces["frechet_pixels"] = (pixels, slice(width, None))
    holes: dict[str, Any] = {law: {} for law in subject.laws} | {
        "pixel_space": None if pixels is None else pixels.space
    }
    scores: dict[str, Any] = {}
    for name, (space, part) in spaces.items():
        real = subject.real if space is subject.judge else space.features(subject.test[subject.compared])
        for law in subject.laws:
            holes[law][name] = _plain(frechet_distance(real, subject.decoded[law][:, part]))
        trained = subject.reference_features if space is subject.judge else space.features(reference)
        if len(trained) < len(real):
            trained = np.concatenate([trained, space.features(fitting)])
        count = min(len(trained), len(real))
        holes[f"{name}_floor"] = _plain(frechet_distance(some_of(real, count), some_of(trained, count)))
        _add(scores, name, frechet_distance(real, subject.rebuilt[:, part]))
    return {"holes": holes, "test": scores}


def baseline(subject: Subject) -> dict[str, Any]:
    """What as many principal components as there are latent dimensions achieve on the same images."""
    key = (subject.coder.latent_dim, len(subject.real))
    if key not in subject.baselines:
        test = subject.test[subject.compared]
        found = principal_components(
            subject.images, subject.parts, key[0], test, subject.judge, subject.real, NEIGHBOUR, radii=subject.radii
        )
        subject.baselines[key] = {name: _plain(e) if isinstance(e, Score) else e for name, e in found.items()}
    return {"pca": dict(subject.baselines[key])}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A score, or several that are found together.

    Attributes:
        title: Its name on the bar, and where it is said that it was not measured.
        measure: The function, from a subject to its part of metrics.json.
        needs: Names of inputs, properties of `Subject`, in the order in which they are made.
        passes: Images that it sends through the nets, its inputs left aside.
        quick: Whether it belongs to the few that are looked at first.
        variational: Whether only a posterior with a width has it.
        of_likelihood: Whether only a fit has it that charges for nothing but a likelihood.
        described: Whether only images have it of which attributes or numbers are known.
    """

    title: str
    measure: Callable[[Subject], dict[str, Any]]
    needs: tuple[str, ...]
    passes: Callable[[Subject], int] = lambda _: 0
    quick: bool = False
    variational: bool = False
    of_likelihood: bool = False
    described: bool = False


SCORES: tuple[Measured, ...] = (
    Measured(
        title="reconstruction",
        measure=reconstruction,
        needs=("codes", "distortion"),
        passes=lambda subject: len(subject.test),
        quick=True,
    ),
    Measured(
        title="ELBO",
        measure=evidence,
        needs=("codes",),
        passes=lambda subject: len(subject.priced) * (subject.effort.elbo_draws + 1),
        quick=True,
        variational=True,
        of_likelihood=True,
    ),
    Measured(title="vacancy", measure=empty_places, needs=("codes", "mixture", "many", "holes", "drawn"), quick=True),
    Measured(title="tell-apart", measure=telling, needs=("codes", "mixture", "many", "holes", "drawn")),
    Measured(title="mutual information", measure=information, needs=("codes",), variational=True),
    Measured(title="disentanglement", measure=along_factors, needs=("codes",), described=True),
    Measured(
        title="importance-weighted bound",
        measure=tight_bound,
        needs=("codes",),
        passes=lambda subject: subject.effort.nll_images * (subject.effort.nll_samples + 32),
        variational=True,
        of_likelihood=True,
    ),
    Measured(
        title="round trip",
        measure=round_trips,
        needs=("codes", "mixture", "many", "holes", "drawn"),
        passes=lambda subject: 2 * (len(LAWS) * subject.effort.round_trips + MOST_ROUND_TRIPS),
    ),
    Measured(title="coverage", measure=covered, needs=("judge", "features", "radii", "drawn", "decoded")),
    Measured(title="density", measure=crowding, needs=("judge", "features", "radii", "drawn", "decoded")),
    Measured(
        title="Fréchet distance",
        measure=distance,
        needs=("judge", "components", "features", "reference_features", "drawn", "decoded", "rebuilt"),
    ),
    Measured(title="principal components", measure=baseline, needs=("judge", "features", "radii")),
)
"""All scores of a run; each is one entry, and metrics.json is what they say together."""

INPUTS: Mapping[str, str] = {
    "codes": "encoding the images",
    "distortion": "pricing the test images",
    "mixture": "fitting ten Gaussians to the codes",
    "many": "fitting many Gaussians to the codes",
    "holes": "calibrating the holes",
    "calibration_cost": "pricing the calibration images",
    "judge": "the feature space",
    "components": "the space of the pixels",
    "features": "features of the test images",
    "reference_features": "features of the reference images",
    "calibration_features": "features of the calibration images",
    "radii": "neighbours of the test images",
    "drawn": "drawing from the sampling laws",
    "decoded": "decoding the draws",
    "rebuilt": "decoding the codes of the test images",
}
"""The inputs of scores, in the order in which they are made, with what stands on the bar meanwhile."""

STORED = ("codes", "distortion", "mixture", "many", "holes", "calibration_cost")
"""Inputs that latents.safetensors is made of."""

STORED_FEATURES = ("judge", "reference_features", "calibration_features")
"""The same that need a feature space; a quick run stores none."""

INPUT_PASSES: Mapping[str, Callable[[Subject], int]] = {
    "mixture": lambda s: len(s.further[0]),
    "many": lambda s: len(s.further[1]),
    "codes": lambda s: len(s.test) + len(s.parts.calibration) + sum(map(len, s.trained.values())),
    "calibration_cost": lambda s: len(s.parts.calibration),
    "distortion": lambda s: len(s.test),
    "decoded": lambda s: len(LAWS) * s.effort.draws,
    "rebuilt": lambda s: len(s.compared),
}
"""Images that an input sends through the nets, where it does."""


def evaluate(
    coder: MeasuringCoder,
    config: RunConfig,
    images: ImageSet,
    parts: Split,
    out: Path,
    baselines: dict[tuple[int, int], dict[str, Any]] | None = None,
    *,
    effort: Effort | None = None,
    quick: bool = False,
    quiet: bool = True,
) -> tuple[dict[str, Any], StoredLatents]:
    """The scores of metrics.json (but for "train") and the arrays of latents.safetensors.

    Args:
        coder: The fitted model, its likelihood's sigma frozen.
        config: Its settings; their seeds make every number here repeatable on one machine.
        images: The data set it was fitted on.
        parts: Its split.
        out: The folder of the runs, where the data set's feature net is kept.
        baselines: What PCA achieves on these very images, filled here, so that several runs of one fit compute it
            once; None to compute it for this run alone.
        effort: How much is drawn; None for the full effort.
        quick: Whether only the few scores that are looked at first are measured; the others are named under
            "not_measured".
        quiet: Whether no bar is shown.
    """
    effort = full_effort(config, len(parts.test)) if effort is None else effort
    if quick:
        effort = dataclasses.replace(effort, draws=min(effort.draws, LEAST_DRAWS), many_codes=0)
    subject = Subject(coder, config, images, parts, out, effort, {} if baselines is None else baselines)
    described = images.attributes is not None or images.factors is not None
    offered = [score for score in SCORES if config.model.has_prior or not score.variational]
    offered = [score for score in offered if described or not score.described]
    offered = [score for score in offered if not config.train.charges_features or not score.of_likelihood]
    scores = [score for score in offered if score.quick or not quick]
    wanted = {*STORED, *(() if quick else STORED_FEATURES), *(name for score in scores for name in score.needs)}
    steps: list[tuple[str, int, Callable[[], Any]]] = [
        (title, INPUT_PASSES.get(name, _no_passes)(subject), partial(getattr, subject, name))
        for name, title in INPUTS.items()
        if name in wanted
    ]
    steps += [(score.title, score.passes(subject), partial(score.measure, subject)) for score in scores]
    metrics: dict[str, Any] = {}
    with stage(f"{config.name}: measuring on {len(parts.test):,} test images", len(steps), quiet=quiet) as bar:
        for number, (title, passes, action) in enumerate(steps):
            bar.set_description(f"scores {number + 1} of {len(steps)}: {title}")
            subject.tell = _moving(bar, number, subject.passed + passes, passes)
            found = action()
            bar.update(number + 1 - bar.n)
            if number >= len(steps) - len(scores):
                _join(metrics, found)
    for part in (metrics.get("holes"), metrics.get("replicates")):  # a twin may have many Gaussians, to compare with
        if part is not None and MANY.name not in part and GMM10.name in part:
            part[MANY.name] = copy.deepcopy(part[GMM10.name])
    metrics["replicates"] = {"key": subject.pairing} | metrics.pop("replicates", {})  # last, for they are long
    metrics["effort"] = dataclasses.asdict(effort)
    metrics["not_measured"] = [score.title for score in offered if score not in scores]
    return metrics, subject.stored_latents(featured=not quick)


def _no_passes(_: Subject) -> int:
    return 0


def _moving(bar: Any, number: int, end: int, passes: int) -> Tell:
    """What moves a bar within a step of the work: by its own count of steps, or by images that pass until `end`."""

    def tell(done: int, total: int) -> None:
        share = done / total if total else 1 - (end - done) / passes if passes else 0.0
        bar.update(max(0.0, number + min(1.0, share) - bar.n))

    return tell


def _join(whole: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Add a part of metrics.json to the whole, at every depth."""
    for name, value in part.items():
        if isinstance(value, Mapping) and isinstance(whole.get(name), dict):
            _join(whole[name], value)
        else:
            whole[name] = dict(value) if isinstance(value, Mapping) else value


def _add(scores: dict[str, Any], name: str, score: Score) -> None:
    scores[name] = score.value
    scores[f"{name}_interval"] = [score.low, score.high]


def _kept(name: str, scores: Mapping[str, Score]) -> dict[str, Any]:
    """The replicates of a score under each law, to five digits, for comparisons with other runs."""
    return {
        law: {name: {what: np.round(getattr(score.again, what), 5).tolist() for what in ("resampled", "parts")}}
        for law, score in scores.items()
        if law in LAWS and score.again is not None
    }


def _plain(score: Score) -> dict[str, float]:
    return {"value": score.value, "low": score.low, "high": score.high, "n": score.n}
