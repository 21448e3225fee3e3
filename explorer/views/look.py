"""What a run makes of one image, be it of its data set or not: code, reconstruction, prices, neighbours.

Everything is computed from the image alone and forgotten again; only what is known of the test images is kept with
the run, to compare with.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.corruption import Corruption, corrupted
from explorer.arrays import ConditionalPosterior, Images, Latents, MeasuringCoder, Posterior, Scores
from explorer.errors import ShapeError
from explorer.images import to_unit
from explorer.library import OpenRun, kept

if TYPE_CHECKING:
    from explorer.analysis.typicality import Verdict

NEIGHBOURS = 9
"""Test images that are named as nearest: eight, and the image itself where it is one of them."""

SAMPLES = 8
"""Draws from the posterior whose decodes are shown."""

SPREAD_DRAWS = 32
"""Draws from the posterior behind the standard deviation of every pixel."""

ELBO_DRAWS = 16
"""Draws from the posterior behind the ELBO of one image."""

BOUND_DRAWS = 64
"""K of the importance-weighted bound."""

STANDING_IMAGES = {"mse": 1000, "elbo": 100, "bound": 100}
"""Test images that an image is ranked among, for scores that no run stores."""

STANDING_PASSES = 50_000_000
"""Values that may be decoded to rank a score: a large image is ranked among fewer."""

FEWEST_STANDING = 20

AT_ONCE = 64
"""Images that are decoded in one go, so that sliders wait for no more than that."""

ScoreName = Literal["mse", "elbo", "bound"]

SCORES: tuple[ScoreName, ...] = get_args(ScoreName)


@dataclass(frozen=True)
class Look:
    """One image under one run.

    Attributes:
        latent: Its posterior mean, (d,).
        reconstruction: The decode of that, (C, H, W) in [0, 1].
        mse: Mean squared error of the reconstruction, pixels in [0, 1].
        distortion: -log p(x|z) at the posterior mean, nats; None without a likelihood.
        rates: KL(q(z|x) || p(z)) of each axis, (d,), nats; None for a point posterior.
        usual_rates: The same on the average of the test images, (d,), nats.
        vacancy: p-value of the posterior mean, among posterior means.
        typical: How typical the image is of those the run was fitted on; None where the run stores nothing to tell it
            by.
        neighbours: Test images with the nearest codes, (k,), nearest first.
        distances: How far these are, (k,), in standard deviations of the codes.
    """

    latent: NDArray[np.float32]
    reconstruction: NDArray[np.float32]
    mse: float
    distortion: float | None
    rates: NDArray[np.float64] | None
    usual_rates: NDArray[np.float64]
    vacancy: float
    typical: "Verdict | None"
    neighbours: NDArray[np.int64]
    distances: NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """What else the posterior of one image allows.

    Attributes:
        images: Decodes of `SAMPLES` draws, (n, C, H, W) in [0, 1].
        deviation: Standard deviation of every pixel over `SPREAD_DRAWS` draws, (H, W), in units of the full grey
            scale; of colours the root of the mean square.
        elbo: E_q[log p(x|z)] - KL(q(z|x) || p(z)), nats, the expectation by `ELBO_DRAWS` draws; None without a
            likelihood.
    """

    images: Images
    deviation: NDArray[np.float32]
    elbo: float | None


def look(run: OpenRun, image: Images) -> Look:
    """What a run makes of one image (1, C, H, W) in [0, 1].

    Raises:
        ShapeError: The image is not shaped as the run's are.
    """
    from explorer.analysis.neighbours import nearest_neighbours

    check(run, image)
    posterior = run.coder.encode(image)
    latent = posterior.mean
    reconstruction = np.clip(run.coder.decode(latent), 0, 1)
    distortion = None
    if isinstance(run.coder, MeasuringCoder):
        distortion = float(run.coder.distortion(image, latent)[0])
    count = min(NEIGHBOURS, len(run))
    neighbours, distances = nearest_neighbours(run.frame, run.latents.mean, latent, count)
    rates = None if posterior.log_variance is None else _rates(posterior)
    return Look(
        latent=latent[0],
        reconstruction=reconstruction[0],
        mse=float(np.square(image - reconstruction).mean()),
        distortion=distortion,
        rates=rates,
        usual_rates=run.axis_rates,
        vacancy=float(run.mean_vacancy.p_value(latent)[0]),
        typical=None if distortion is None else typical(run, image, distortion, rates, latent),
        neighbours=neighbours[0],
        distances=distances[0],
    )


def typical(
    run: OpenRun, image: Images, distortion: float, rates: NDArray[np.float64] | None, mean: Latents
) -> "Verdict | None":
    """How typical an image (1, C, H, W) is by its cost, its code and its features, and by all of them together.

    Args:
        run: The model.
        image: The image in [0, 1].
        distortion: At the posterior mean, nats.
        rates: Of each axis, (d,), nats; None for a point posterior.
        mean: The posterior mean, (1, d).

    Returns:
        Shares of new images of the data set that are at least as odd, (1,) each; None where the run stores no costs.
    """
    measure = run.typicality
    if measure is None:
        return None
    costs = np.array([distortion + (0.0 if rates is None else float(rates.sum()))])
    features = run.judge.features(image) if measure.real is not None and run.judge is not None else None
    return measure.judge(costs, mean, features)


def spread(run: OpenRun, image: Images, seed: int = 0) -> Spread:
    """Decodes of draws from the posterior of one image (1, C, H, W), the same ones for one seed.

    Raises:
        ShapeError: The image is not shaped as the run's are, or the posterior is a point.
    """
    check(run, image)
    posterior = _with_spread(run, image)
    rng = np.random.default_rng(seed)
    draws = np.concatenate([posterior.draw(rng)[0] for _ in range(SPREAD_DRAWS)])
    images = np.clip(run.coder.decode(draws), 0, 1)
    variance = images.astype(np.float64).var(axis=0, ddof=1).mean(axis=0)  # (H, W)
    elbo = None
    if isinstance(run.coder, MeasuringCoder) and not run.card.charges_features:
        elbo = _priced(run.coder, image, posterior, "elbo", np.random.default_rng(seed))
    return Spread(images[:SAMPLES], np.sqrt(variance).astype(np.float32), elbo)


def lower_bound(run: OpenRun, image: Images, score: Literal["elbo", "bound"], seed: int = 0) -> float:
    """A lower bound on log p(x) of one image (1, C, H, W), nats, by draws that the seed decides.

    Args:
        run: The model.
        image: The image, as it is: no pixel is made black or white.
        score: 'elbo', its expectation by `ELBO_DRAWS` draws, or 'bound', importance-weighted with K = `BOUND_DRAWS`.
        seed: Seed of the draws.

    Raises:
        ShapeError: The image is not shaped as the run's are, or the model has no bound.
    """
    check(run, image)
    posterior = _with_spread(run, image)
    if not isinstance(run.coder, MeasuringCoder):
        raise ShapeError(f"{run.name} has no likelihood, so there is no bound on it.")
    if run.card.charges_features:
        raise ShapeError(f"{run.name} was fitted to features beside pixels, so a bound on its likelihood says little.")
    return _priced(run.coder, image, posterior, score, np.random.default_rng(seed))


def spoilt(run: OpenRun, image: Images, kind: Corruption, level: float, seed: int) -> tuple[Images, Images, float]:
    """An image (1, C, H, W) spoilt as in a denoising fit, and what the run makes of it.

    Returns:
        The spoilt image and its reconstruction, (C, H, W) each in [0, 1], and the mean squared error of the second
        against the image as it was.
    """
    given = corrupted(image, kind, level, np.random.default_rng(seed))
    again = np.clip(run.coder.decode(run.coder.encode(given).mean), 0, 1)
    return given[0], again[0], float(np.square(again - image).mean())


@kept
def standing(run: OpenRun, score: ScoreName) -> Scores:
    """A score of some test images, (n,), ascending, to rank an image among.

    The images are spread evenly over the evaluation split. Computed when first asked for, in pieces.

    Raises:
        ShapeError: The model has no such score, or the data set is not there.
    """
    if score != "mse" and (run.is_point or not isinstance(run.coder, MeasuringCoder) or run.card.charges_features):
        raise ShapeError(f"{run.name} has no {score}.")
    draws = {"mse": 1, "elbo": ELBO_DRAWS, "bound": BOUND_DRAWS}[score]
    affordable = STANDING_PASSES // (draws * int(np.prod(run.image_shape)))
    count = min(len(run), STANDING_IMAGES[score], max(FEWEST_STANDING, affordable))
    numbers = np.linspace(0, len(run) - 1, count).round().astype(np.int64)
    if score == "mse":
        return np.sort(errors(run, numbers))
    images = _images(run, numbers)
    return np.sort([lower_bound(run, image[None], score) for image in images])


def errors(run: OpenRun, numbers: NDArray[np.integer]) -> NDArray[np.float32]:
    """Mean squared error of the reconstructions of some test images, (n,), pixels in [0, 1].

    Raises:
        ShapeError: A number is that of no test image, or the data set is not there.
    """
    images = _images(run, numbers)
    found = np.empty(len(images), dtype=np.float32)
    for start in range(0, len(images), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        decodes = np.clip(run.coder.decode(run.latents.mean[numbers[part]]), 0, 1)
        found[part] = np.square(decodes - images[part]).mean(axis=(1, 2, 3))
    return found


def check(run: OpenRun, image: Images) -> None:
    """Refuse what is no single image of a run.

    Raises:
        ShapeError: It is shaped otherwise.
    """
    if image.shape != (1, *run.image_shape):
        shape = " x ".join(map(str, run.image_shape))
        raise ShapeError(f"an image of {run.name} is shaped {shape}, but this is {image.shape[1:]}.")


def _images(run: OpenRun, numbers: NDArray[np.integer]) -> Images:
    """Test images (n, C, H, W) in [0, 1] by their numbers."""
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(run):
        raise ShapeError(f"{run.name} has images 0 to {len(run) - 1}.")
    pixels = run.images()
    if pixels is None:
        raise ShapeError(f"the data set of {run.name} is not on this machine, so its images cannot be compared with.")
    return to_unit(pixels[numbers], run.levels)


def _with_spread(run: OpenRun, image: Images) -> Posterior:
    posterior = run.coder.encode(image)
    if posterior.log_variance is None:
        raise ShapeError(f"the posterior of {run.name} is a point: there is nothing to draw from it.")
    return posterior


def _priced(
    coder: MeasuringCoder,
    image: Images,
    posterior: Posterior,
    score: Literal["elbo", "bound"],
    rng: np.random.Generator,
) -> float:
    """A lower bound on log p(x) of one image (1, C, H, W) with its posterior (1, d), nats."""
    from explorer.analysis.bounds import elbo, importance_weighted_bound

    if score == "elbo":
        return float(elbo(coder, image, posterior, ELBO_DRAWS, rng)[0])
    return float(importance_weighted_bound(coder, image, posterior, BOUND_DRAWS, rng)[0])


def _rates(posterior: Posterior) -> NDArray[np.float64]:
    """KL of each axis, (d,), nats; of a hierarchical posterior its mean over draws, always the same ones."""
    if not isinstance(posterior, ConditionalPosterior):
        return posterior.rate()[0].astype(np.float64)
    rng = np.random.default_rng(0)
    draws = [posterior.draw(rng)[1].rate()[0] for _ in range(ELBO_DRAWS)]
    return np.stack(draws).mean(axis=0, dtype=np.float64)
