"""How often the intervals of hole scores hold what they should: of equal twins the difference 0, else the truth.

Twins here are two models with one law: each encodes the same images with noise of its own, and both are sampled with
the same noise. A complete simulation redraws images, noise and draws every time.
"""

from collections.abc import Iterator

import numpy as np

from explorer.analysis.holes import fit_vacancy
from explorer.analysis.intervals import Paired, Score, paired
from explorer.analysis.log_ratio import fit_log_ratio, refitted_ratios
from explorer.analysis.scores import tell_apart, vacancies
from tests.benchmarks.usual_loop import Row

PAIRS = 300

TOLD = 60
"""Simulations of tell-apart, each of which fits six classifiers."""


def rows() -> Iterator[Row]:
    """Shares of simulated intervals that hold the truth; 95 % is what they are made for."""
    for count, dim in ((400, 4), (1000, 8)):
        pairs = [simulated_twins(seed, count, dim) for seed in range(PAIRS)]
        gaps = [pair.difference for _, _, pair in pairs]
        size = f"{PAIRS} pairs, |R| = |C| = {count:,}, d = {dim}"
        yield f"equal twins: intervals of the difference that hold 0, {size}", 100 * holding(gaps, 0.0), "%"
        scores = [score for one, other, _ in pairs for score in (one, other)]
        truth = float(np.mean([score.value for score in scores]))
        yield "    intervals of one score that hold the mean of all", 100 * holding(scores, truth), "%"
    told = [simulated_tell_apart(seed, 1000, 4) for seed in range(TOLD)]
    for name, scores in zip(("of C and draws", "complete"), zip(*told, strict=True), strict=True):
        truth = float(np.mean([score.value for score in scores]))
        said = f"tell-apart: intervals {name} that hold the mean of {TOLD}, |R| = |G| = |C| = 1,000, d = 4"
        yield said, 100 * holding(list(scores), truth), "%"


def holding(scores: list[Score], truth: float) -> float:
    """The share of intervals that hold a number."""
    return float(np.mean([score.low <= truth <= score.high for score in scores]))


def simulated_twins(seed: int, count: int, dim: int) -> tuple[Score, Score, Paired]:
    """The vacancy of two models with one law, and their comparison.

    Args:
        seed: Of everything.
        count: Images in R, images in C, and draws.
        dim: Latent dimensions.
    """
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((2 * count, dim))
    draws = (1.3 * rng.standard_normal((count, dim))).astype(np.float32)
    found = []
    for _ in range(2):
        codes = (0.8 * images + 0.6 * rng.standard_normal(images.shape)).astype(np.float32)
        fitted = fit_vacancy(codes[:count], codes[count:])
        found.append(vacancies(fitted, codes[count:], {"law": draws})["law"])
    return found[0], found[1], paired(*found)


def simulated_tell_apart(seed: int, count: int, dim: int) -> tuple[Score, Score]:
    """Tell-apart of draws that are a little too wide, with the interval of C and draws, and with the complete one.

    Args:
        seed: Of everything.
        count: Codes in R, in G and in C, and draws.
        dim: Latent dimensions.
    """
    rng = np.random.default_rng(seed)
    reference, fitting, calibration = rng.standard_normal((3, count, dim)).astype(np.float32)
    draws, fresh = (1.3 * rng.standard_normal((2, count, dim))).astype(np.float32)
    fitted = fit_vacancy(reference, calibration)
    ratio, judged = fit_log_ratio(fitting, draws, fitted, seed), (calibration, fresh)
    ours, theirs = map(ratio.score, judged)
    again = list(refitted_ratios(ratio, fitting, draws, judged, seed))
    return tell_apart(ours, theirs, seed=seed), tell_apart(ours, theirs, again, seed)
