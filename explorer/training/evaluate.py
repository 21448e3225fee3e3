"""What a fitted run is worth: its scores on the test images, and the latents that the page shows without them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.bounds import elbo, importance_weighted_bound
from explorer.analysis.encoding import decoded_features, encode_all, squared_errors
from explorer.analysis.holes import (
    fit_round_trip,
    fit_vacancy,
    some_of,
)
from explorer.analysis.laws import LAWS, FittedCodes, GaussianMixture, fit_gmm
from explorer.analysis.scores import (
    Score,
    active_axes,
    active_units,
    active_vacancy,
    collapsed_axes,
    coverage,
    density,
    frechet_distance,
    is_saturated,
    mean_score,
    midpoints,
    mutual_information,
    rate_per_dimension,
    vacancy,
)
from explorer.arrays import UNKNOWN, Images, Latents, MeasuringCoder, Posterior
from explorer.checkpoint import StoredLatents
from explorer.config import DATASET_DEFAULTS, RunConfig
from explorer.data import ImageSet, Split
from explorer.models.losses import Gaussian
from explorer.training.baseline import principal_components
from explorer.training.judge import Judge, open_judge

LAW_DRAWS = 10_000
"""Most draws of a sampling law; as many as test images, where those are fewer, since coverage grows with draws."""

BINARISATION_SEED = SUBSET_SEED = 0
"""Of b ~ Bernoulli(x), and of the images that the importance-weighted gap is measured on: the same for every run."""

NEIGHBOUR = 5
"""k of vacancy and coverage."""


def evaluate(
    coder: MeasuringCoder,
    config: RunConfig,
    images: ImageSet,
    parts: Split,
    out: Path,
    baselines: dict[int, dict[str, Any]] | None = None,
) -> tuple[dict[str, Any], StoredLatents]:
    """The scores of metrics.json (but for "train") and the arrays of latents.safetensors.

    Args:
        coder: The fitted model, its likelihood's sigma frozen.
        config: Its settings; their seeds make every number here repeatable on one machine.
        images: The data set it was fitted on.
        parts: Its split.
        out: The folder of the runs, where the data set's feature net is kept.
        baselines: What PCA achieves on these very images by its number of components, filled here, so that several
            runs of one fit compute it once; None to compute it for this run alone.
    """
    rng = np.random.default_rng(config.train.seed)
    test = images.images(parts.test)
    posterior = coder.encode(test)
    reference_index = np.sort(described_first(images, rng.permutation(parts.train))[: config.data.reference])
    judge = open_judge(out / f"features-{images.name}", images, parts)
    reference = encode_all(coder, images.rows(reference_index))
    draw, given = posterior.draw(rng)
    codes = {
        "draw": draw,
        "reference": reference.sample(rng),
        "calibration": encode_all(coder, images.rows(parts.calibration)).sample(rng),
        "held_out": encode_all(coder, images.rows(parts.check)).sample(rng),
    }
    gmm = fit_gmm(codes["reference"], seed=config.train.seed)
    features = judge.features(test)
    latents = StoredLatents(
        mean=posterior.mean,
        log_variance=posterior.log_variance,
        draw=codes["draw"],
        label=None if images.labels is None else images.labels[parts.test],
        attribute=None if images.attributes is None else images.attributes[parts.test],
        index=parts.test,
        distortion=np.asarray(coder.distortion(test, posterior.mean), dtype=np.float32),
        rate=given.rate().sum(axis=1),
        reference=codes["reference"],
        reference_index=reference_index,
        calibration=codes["calibration"],
        calibration_index=parts.calibration,
        gmm_weights=gmm.weights.astype(np.float32),
        gmm_means=gmm.means.astype(np.float32),
        gmm_covariances=gmm.covariances.astype(np.float32),
        features=features.astype(np.float16),
        reference_features=judge.features(images.rows(reference_index)).astype(np.float16),
        reference_attribute=None if images.attributes is None else images.attributes[reference_index],
    )
    baselines, count = {} if baselines is None else baselines, coder.latent_dim
    if count not in baselines:
        found = principal_components(images, parts, count, test, judge, features, NEIGHBOUR)
        baselines[count] = {name: _plain(each) if isinstance(each, Score) else each for name, each in found.items()}
    metrics = {
        "test": score_test_images(coder, config, test, posterior, given, latents),
        "holes": score_holes(coder, config, posterior, codes, gmm, latents, judge, features),
        "pca": dict(baselines[count]),
    }
    return metrics, latents


def described_first(images: ImageSet, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same rows (n,), those of which any attribute is known before the others, otherwise in their order.

    So that attribute directions are found from as many images as are stored anyhow. What is known of an image says
    nothing of how its split was drawn; the calibration does not depend on which training images are the reference.
    """
    if images.attributes is None:
        return rows
    known = (images.attributes[rows] != UNKNOWN).any(axis=1)
    return np.concatenate([rows[known], rows[~known]])


def score_test_images(
    coder: MeasuringCoder,
    config: RunConfig,
    test: Images,
    posterior: Posterior,
    given: Posterior,
    latents: StoredLatents,
) -> dict[str, Any]:
    """Scores of reconstruction and likelihood, nats per image, means over the test images.

    Bernoulli runs are priced on binarised images: b ~ Bernoulli(x) with a fixed seed, the same for every run, so
    that `elbo` and `nll_iw` are of the same images and compare with published numbers. The encoder sees grey.

    Args:
        coder: The model.
        config: Its settings.
        test: The test images, (N, C, H, W).
        posterior: Of the test images.
        given: The same along the stored draws: of each dimension given those above it.
        latents: The run's stored latents.
    """
    effort = DATASET_DEFAULTS[config.data.dataset]["train"]
    nll_samples = config.train.nll_samples or effort["nll_samples"]
    nll_images = config.train.nll_images or effort["nll_images"]
    seed = config.train.seed
    scores: dict[str, Any] = {"n": len(test)}
    _add(scores, "mse", mean_score(squared_errors(coder, test, posterior.mean)))
    _add(scores, "distortion", mean_score(latents.distortion))
    _add(scores, "rate", mean_score(latents.rate))
    scores["active_units"] = active_units(posterior)
    rates = rate_per_dimension(given)
    scores["rate_per_dimension"] = [round(float(rate), 5) for rate in rates]
    scores["collapsed"] = np.flatnonzero(collapsed_axes(given)).tolist()
    likelihood = getattr(getattr(coder, "model", None), "likelihood", None)
    scores["sigma"] = likelihood.deviation().item() if isinstance(likelihood, Gaussian) else None
    if given.log_variance is None:
        return scores
    scores["posterior_deviation"] = [round(float(each), 5) for each in np.exp(0.5 * given.log_variance).mean(axis=0)]
    scores["rate_per_level"] = rates_per_level(rates, config)
    scores["mutual_information"] = information(posterior, np.random.default_rng(seed + 4))
    if config.model.likelihood == "bernoulli":
        targets = (np.random.default_rng(BINARISATION_SEED).random(test.shape, dtype=np.float32) < test).astype(
            np.float32
        )
        grey = elbo(coder, test, posterior, 1, np.random.default_rng(seed))
        scores["elbo_grey"] = float(grey.mean())
    else:
        targets = test
    bounds = elbo(coder, targets, posterior, 4, np.random.default_rng(seed + 1))
    _add(scores, "elbo", mean_score(bounds))
    # A mean over few images moves by a nat with the draw, the gap to the ELBO hardly at all: so the gap is estimated
    # on few images with many samples, and taken from the ELBO of all.
    rows = np.random.default_rng(SUBSET_SEED).permutation(len(test))[:nll_images]
    some = posterior.rows(rows)
    tight = importance_weighted_bound(coder, targets[rows], some, nll_samples, np.random.default_rng(seed + 2))
    loose = elbo(coder, targets[rows], some, 32, np.random.default_rng(seed + 3))
    gap = mean_score(tight - loose)
    _add(scores, "gap_iw", gap)
    scores["nll_iw"] = float(-bounds.mean() - gap.value)
    spread = 1.96 * np.hypot(bounds.std() / np.sqrt(len(bounds)), (gap.high - gap.low) / 3.92)
    scores["nll_iw_interval"] = [scores["nll_iw"] - spread, scores["nll_iw"] + spread]
    scores |= {"nll_iw_samples": nll_samples, "nll_iw_images": len(rows), "nll_iw_seed": seed}
    scores |= {"nll_iw_subset_seed": SUBSET_SEED}
    if config.model.likelihood == "bernoulli":
        scores["binarisation_seed"] = BINARISATION_SEED
    return scores


def rates_per_level(rates: NDArray[np.float64], config: RunConfig) -> list[dict[str, Any]]:
    """What each stochastic level carries, the top one first: its latent dimensions and their rate, nats per image."""
    parts = np.split(np.arange(len(rates)), np.cumsum(config.model.level_sizes)[:-1])
    return [{"axes": part.tolist(), "rate": float(rates[part].sum())} for part in parts]


def information(posterior: Posterior, rng: np.random.Generator) -> dict[str, Any] | None:
    """I(x; z) in nats with its interval, or None where it cannot be estimated.

    `saturated` says that it reached the log n that n images can tell apart: it is at least so much.
    """
    found = mutual_information(posterior, rng)
    return None if found is None else _plain(found) | {"saturated": bool(is_saturated(found))}


def score_holes(
    coder: MeasuringCoder,
    config: RunConfig,
    posterior: Posterior,
    codes: dict[str, Latents],
    gmm: GaussianMixture,
    latents: StoredLatents,
    judge: Judge,
    features: NDArray[np.float32],
) -> dict[str, Any]:
    """Scores of the holes under each sampling law, with coverage beside them: a collapsed model has no holes.

    Args:
        coder: The model.
        config: Its settings.
        posterior: Of the test images.
        codes: One draw per image: "reference" and "calibration" as stored, and "held_out", the third set of the
            same pool as the calibration, on which the calibration is checked.
        gmm: Fitted to the reference codes.
        latents: The run's stored latents.
        judge: The data set's feature space.
        features: The test images there, (N, F).
    """
    rng = np.random.default_rng(config.train.seed)
    reference, calibration = codes["reference"], codes["calibration"]
    holes = fit_vacancy(reference, calibration, NEIGHBOUR)
    active = active_axes(posterior)
    round_trip = fit_round_trip(coder, holes.frame, some_of(calibration, 2000), active)
    count = min(LAW_DRAWS, max(1000, len(features)))
    fitted = FittedCodes(coder.latent_dim, holes.frame, gmm)
    draws = {name: law.of(fitted).sample(count, rng) for name, law in LAWS.items()}
    scores: dict[str, Any] = {}
    for law, drawn in draws.items():
        made = decoded_features(coder, drawn, judge.features)
        like = made[: len(features)]
        scores[law] = {
            "vacancy": vacancy(holes.p_value(drawn)),
            "vacancy_active": active_vacancy(reference, calibration, drawn, active, NEIGHBOUR),
            "round_trip": vacancy(round_trip.p_value(drawn[:2000])),
            "coverage": coverage(features, like, NEIGHBOUR),
            "density": density(features, like, NEIGHBOUR),
            "frechet": frechet_distance(features, like),
        }
    pairs = midpoints(latents.draw, min(count, 5000), rng, latents.label)
    plain = {law: {name: _plain(score) for name, score in each.items()} for law, each in scores.items()}
    return plain | {
        "midpoint_vacancy": _plain(vacancy(holes.p_value(pairs))),
        "midpoint_pairs": "any two images" if latents.label is None else "images of different classes",
        "calibration_check": _plain(vacancy(holes.p_value(codes["held_out"]))),
        "reference_n": len(reference),
        "calibration_n": len(calibration),
        "round_trip_calibration_n": min(2000, len(calibration)),
        "k": NEIGHBOUR,
        "alpha": 0.05,
        "feature_space": judge.space,
    }


def _add(scores: dict[str, Any], name: str, score: Score) -> None:
    scores[name] = score.value
    scores[f"{name}_interval"] = [score.low, score.high]


def _plain(score: Score) -> dict[str, float]:
    return {"value": score.value, "low": score.low, "high": score.high, "n": score.n}
