"""Latent holes: where a sampling law goes and the codes of images do not, as calibrated p-values.

A badness score s (far from every code, poorly decoded, ...) becomes a p-value by comparing it with the scores of
codes of images the model was not fitted on. A hole at level alpha is where the p-value is at most alpha, so no
threshold is tuned to a model, and an autoencoder and a VAE are held to the same rule.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.encoding import BATCH
from explorer.analysis.frames import Frame, fit_frame, fit_local_frame, frame_from
from explorer.analysis.neighbours import nearest
from explorer.arrays import Coder, Latents, Scores
from explorer.errors import ShapeError

ALPHA = 0.05
"""Level of a hole: less supported than 95 % of the codes of new images."""

NEIGHBOURS = 5
"""k of the vacancy score; scores compare only at equal k."""

FEW_CALIBRATION, FOLDS = 1_000, 5
"""Calibration codes below which they are folded, and the number of folds."""


def conformal_p_values(scores: Scores, calibration_scores: Scores) -> NDArray[np.float64]:
    """How many codes of new images are at least as bad: pi = (1 + #{c in C: s(c) >= s}) / (n + 1).

    Bates, Candes, Lei, Romano & Sesia 2023, https://arxiv.org/abs/2104.08279. Codes exchangeable with C have
    pi <= alpha at rate alpha; conditional on C, with standard deviation sqrt(alpha (1 - alpha) / n).

    Args:
        scores: Badness, higher is worse, (N,).
        calibration_scores: Badness of the codes C, (n,), in any order.

    Returns:
        p-values, (N,), in [1 / (n + 1), 1].

    Raises:
        ShapeError: No calibration score at all, or one that is no number.
    """
    ordered = np.sort(np.asarray(calibration_scores, dtype=np.float64))
    if ordered.ndim != 1 or not len(ordered) or np.isnan(ordered).any():
        raise ShapeError(f"calibration needs one score or more, each a number, but these are {ordered.shape}.")
    below = np.searchsorted(ordered, np.asarray(scores, dtype=np.float64), side="left")
    return (1 + len(ordered) - below) / (len(ordered) + 1)


@dataclass(frozen=True, slots=True)
class Fold:
    """A part of few calibration codes, judged by the reference and all other parts.

    Attributes:
        codes: In the local frame, (n, d).
        scores: Of these codes, ascending, (n,).
    """

    codes: NDArray[np.float64] = field(repr=False)
    scores: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Vacancy:
    """The main hole score: the distance from u to its k-th nearest code of R in the local frame, and its p-value.

    A latent off the span of the codes is in a hole by definition: its score is infinite.

    Attributes:
        frame: The local frame of R, in which distances are taken.
        white: The whitened frame of R: the scale of the codes as a whole.
        reference: R in the local frame, (R, d).
        calibration_scores: Scores of C, ascending, (n,).
        neighbours: k.
        tolerance: Distance from the span up to which a latent counts as on it, latent units.
        folds: Where C has fewer than `FEW_CALIBRATION` codes, its cross-conformal folds; else none.
    """

    frame: Frame
    white: Frame = field(repr=False)
    reference: NDArray[np.float64] = field(repr=False)
    calibration_scores: NDArray[np.float64] = field(repr=False)
    neighbours: int = NEIGHBOURS
    tolerance: float = np.inf
    folds: tuple[Fold, ...] = ()

    def score(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Distance to the k-th nearest code of R, (N,), of latents (N, d), in units of the codes' local scatter."""
        distances = nearest(self.frame.whiten(latents), self.reference, self.neighbours)[1][:, -1]
        return np.where(self.is_off(latents), np.inf, distances)

    def scores_without(self, latents: NDArray[np.floating], part: NDArray[np.int64]) -> NDArray[np.float64]:
        """The scores of latents (N, d) by all of R, and by R without each part in turn, (1 + parts, N).

        Args:
            latents: (N, d).
            part: Number of the part of each code of R, (R,), from 0 up.
        """
        k, placed = self.neighbours, self.frame.whiten(latents)
        count = min(len(part), k + 20)  # of so many, next to never more than 20 are of one part
        rows, near = nearest(placed, self.reference, count)
        found = [near[:, k - 1]]
        for each in range(int(part.max()) + 1):
            left = np.cumsum(part[rows] != each, axis=1)
            place = np.where(left[:, -1] >= k, (left >= k).argmax(1), count - 1)
            found.append(np.take_along_axis(near, place[:, None], 1)[:, 0])
        return np.where(self.is_off(latents), np.inf, np.stack(found))

    def is_off(self, latents: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Which latents (N, d) lie off the span of the codes, (N,)."""
        return self.frame.off_span(latents) > self.tolerance

    def p_value(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Conformal p-values (N,) of latents (N, d); a hole is where it is at most `ALPHA`.

        With folds they are cross-conformal: how many calibration codes are at least as far from the reference and the
        other folds as the latent is (Vovk 2015, https://arxiv.org/abs/1208.0806).
        """
        if not self.folds:
            return conformal_p_values(self.score(latents), self.calibration_scores)
        placed, off = self.frame.whiten(latents), self.is_off(latents)
        least = np.ones(len(placed))
        for fold, scores in zip(self.folds, self._fold_scores(placed), strict=True):
            worst = np.where(off, np.inf, scores)
            least += len(fold.scores) - np.searchsorted(fold.scores, worst, side="left")
        return least / (len(self.calibration_scores) + 1)

    def calibrated(self, calibration: NDArray[np.floating]) -> "Vacancy":
        """The same score calibrated on other codes (n, d): posterior means are judged among posterior means.

        Raises:
            ShapeError: There are none.
        """
        if not len(calibration):
            raise ShapeError("vacancy needs one calibration code or more; hold images out with train.py --held-out.")
        plain = replace(self, folds=())
        scores = np.sort(plain.score(calibration))
        if len(scores) >= FEW_CALIBRATION or len(scores) < 2 * FOLDS:
            return replace(plain, calibration_scores=scores)
        placed, part = self.frame.whiten(calibration), np.arange(len(scores)) % FOLDS
        folded = replace(plain, folds=tuple(Fold(placed[part == f], np.empty(0)) for f in range(FOLDS)))
        every = folded._fold_scores(placed)  # (FOLDS, n)
        off = self.is_off(calibration)
        folds = tuple(
            Fold(fold.codes, np.sort(np.where(off, np.inf, every[f])[part == f])) for f, fold in enumerate(folded.folds)
        )
        return replace(folded, calibration_scores=scores, folds=folds)

    def _fold_scores(self, placed: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance of points u (N, d) to their k-th nearest of R and all folds but one, (folds, N)."""
        k = self.neighbours
        near = [nearest(placed, each.codes, min(k, len(each.codes)))[1] for each in self.folds]
        near = [nearest(placed, self.reference, k)[1], *near]
        left = [np.concatenate([*near[: f + 1], *near[f + 2 :]], axis=1) for f in range(len(self.folds))]
        return np.stack([np.partition(each, k - 1, axis=1)[:, k - 1] for each in left])


def fit_vacancy(
    reference: NDArray[np.floating],
    calibration: NDArray[np.floating],
    k: int = NEIGHBOURS,
    to_local: NDArray[np.floating] | None = None,
) -> Vacancy:
    """The vacancy score of a model.

    Args:
        reference: R, one draw per training image, (R, d) with R > k.
        calibration: C, one draw per image the model was not fitted on, (n, d); never the images scores are
            reported on. With fewer than 19 no p-value is as low as `ALPHA`.
        k: Which nearest neighbour.
        to_local: A, (d, d), of the local frame of R where it is stored; None to fit it, which takes a second or two.

    Raises:
        ShapeError: Too few codes, or unequal d.
    """
    if not len(calibration):
        raise ShapeError("vacancy needs one calibration code or more; hold images out with train.py --held-out.")
    white = fit_frame(reference)
    local = fit_local_frame(reference, white) if to_local is None else frame_from(to_local, white)
    # along null directions codes of new images may stray a little more than R does, whose directions they are
    tolerance = 2 * max(float(white.off_span(each).max()) for each in (reference, calibration))
    digits = np.finfo(np.float32).eps * float(np.abs(white.mean).max() + np.sqrt(np.diag(white.covariance).max()))
    fitted = Vacancy(local, white, local.whiten(reference), np.empty(0), k, float(max(tolerance, digits)))
    return fitted.calibrated(calibration)


@dataclass(frozen=True, slots=True)
class CalibratedScore:
    """Any badness of latents with its p-value against the same badness of the codes C.

    Attributes:
        badness: Latents (N, d) to scores (N,), higher is worse.
        calibration_scores: Scores of C, ascending, (n,).
    """

    badness: Callable[[Latents], Scores]
    calibration_scores: NDArray[np.float64] = field(repr=False)

    def score(self, latents: Latents) -> Scores:
        """The badness (N,) of latents (N, d)."""
        return self.badness(latents)

    def p_value(self, latents: Latents) -> NDArray[np.float64]:
        """Conformal p-values (N,) of latents (N, d)."""
        return conformal_p_values(self.badness(latents), self.calibration_scores)


def calibrate(badness: Callable[[Latents], Scores], calibration: Latents) -> CalibratedScore:
    """A badness with p-values, from its values at the calibration codes C, (n, d)."""
    return CalibratedScore(badness, np.sort(np.asarray(badness(calibration), dtype=np.float64)))


def round_trip_error(
    coder: Coder,
    frame: Frame,
    latents: Latents,
    active: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """How far encoding the decoded image misses the latent it came from, in standard deviations per axis.

    ||(E(D(z)) - z) / sqrt(S_jj)|| / sqrt(d_active) over active axes. Uncalibrated it says little: a VAE does not
    re-encode its own samples exactly (Cemgil et al. 2020, https://arxiv.org/abs/2012.03715).

    Args:
        coder: The model; its encoder answers with posterior means.
        frame: Whitened, of the codes, for S.
        latents: z, (N, d).
        active: Which axes count, (d,); None for all. With none active, all count.

    Returns:
        Root mean square miss per active axis, (N,).
    """
    axes = np.ones(frame.latent_dim, dtype=bool) if active is None or not np.any(active) else np.asarray(active)
    errors = np.empty(len(latents))
    scale = np.maximum(frame.deviations, 1e-3 * frame.deviations.max(initial=1e-30))  # a dead axis has no deviation
    for start in range(0, len(latents), BATCH):  # so that no more than one batch of images is ever held
        part = np.asarray(latents[start : start + BATCH], dtype=np.float32)
        back = coder.encode(coder.decode(part)).mean
        miss = ((back.astype(np.float64) - part) / scale)[:, axes]
        errors[start : start + BATCH] = np.sqrt((miss**2).mean(1))
    return errors


def fit_round_trip(
    coder: Coder,
    frame: Frame,
    calibration: Latents,
    active: NDArray[np.bool_] | None = None,
) -> CalibratedScore:
    """The round-trip error with p-values calibrated on the codes C, (n, d)."""
    return calibrate(lambda latents: round_trip_error(coder, frame, latents, active), calibration)


def some_of(codes: Latents, most: int) -> Latents:
    """At most so many of the codes (N, d), always the same, from everywhere: data sets often stand class by class."""
    if len(codes) <= most:
        return codes
    return codes[np.sort(np.random.default_rng(0).permutation(len(codes))[:most])]


@dataclass(frozen=True, slots=True)
class Plane:
    """A flat window into latent space, u(a, b) = centre_u + a first + b second, in a model's local frame.

    Its axes are orthonormal there, so that the squared distance of a point of the plane to a code is that within the
    plane plus that of the code to the plane.

    Attributes:
        center_u: Its middle in the frame, (d,).
        first: Unit vector along which a runs, (d,).
        second: Unit vector along which b runs, orthogonal to `first`, (d,).
        extent: a and b run over [-extent, extent], in units of the frame: the codes' local scatter.
    """

    center_u: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    extent: float

    def latents(self, frame: Frame, a: NDArray[np.floating] | float, b: NDArray[np.floating] | float) -> Latents:
        """The latents (N, d) at coordinates a and b, each (N,) or one number."""
        a, b = np.broadcast_arrays(np.atleast_1d(np.asarray(a, float)), np.atleast_1d(np.asarray(b, float)))
        return frame.unwhiten(self.center_u + a[:, None] * self.first + b[:, None] * self.second)

    def coordinates(self, frame: Frame, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """(a, b) of the points of the plane nearest to latents (N, d), (N, 2)."""
        return (frame.whiten(latents) - self.center_u) @ np.stack([self.first, self.second], axis=1)

    def distance(self, frame: Frame, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """How far latents (N, d) lie from the plane, (N,), in units of the frame; 0 everywhere at d = 2."""
        offset = frame.whiten(latents) - self.center_u
        basis = np.stack([self.first, self.second])
        return np.linalg.norm(offset - (offset @ basis.T) @ basis, axis=1)

    def lattice(self, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A and b, each (size * size,), of an even lattice: b by row from -extent up, a along each row."""
        ticks = np.linspace(-self.extent, self.extent, size)
        b, a = np.meshgrid(ticks, ticks, indexing="ij")
        return a.ravel(), b.ravel()


def axis_plane(frame: Frame, codes: NDArray[np.floating]) -> Plane:
    """The plane of the frame's first two axes through its origin: at d = 2, all there is.

    Args:
        frame: Of a model with d of two or more.
        codes: Which the plane is to show, (N, d); it is as wide as nearly all of them.

    Raises:
        ShapeError: The model has one latent dimension, which spans no plane.
    """
    if frame.latent_dim < 2:
        raise ShapeError("a plane needs two latent dimensions or more, but this run has one; choose another run.")
    axes = np.eye(frame.latent_dim)[:2]
    return Plane(np.zeros(frame.latent_dim), axes[0], axes[1], _reach(frame.whiten(codes) @ axes.T))


def anchored_plane(frame: Frame, anchors: Latents) -> Plane:
    """The plane through three latents, centred where it comes nearest to the frame's origin.

    Args:
        frame: Of a model with d of two or more.
        anchors: The encoded images that span it, (3, d).

    Returns:
        The plane; its extent keeps all three anchors well inside.

    Raises:
        ShapeError: Not three latents, or three on one line.
    """
    if np.shape(anchors) != (3, frame.latent_dim):
        raise ShapeError(f"a plane needs three anchors, shaped (3, {frame.latent_dim}), not {np.shape(anchors)}.")
    points = frame.whiten(anchors)
    first, second = _orthonormal(points[1] - points[0], points[2] - points[0])
    basis = np.stack([first, second])
    center = points[0] - (points[0] @ basis.T) @ basis
    reach = np.abs((points - center) @ basis.T).max()
    return Plane(center, first, second, 1.3 * float(reach))


def spanned_plane(frame: Frame, origin: Latents, first: Latents, second: Latents, codes: NDArray[np.floating]) -> Plane:
    """The plane through one latent along two directions.

    Args:
        frame: Of a model with d of two or more.
        origin: Its centre z, (d,).
        first: Direction in z, (d,); a runs along it.
        second: Direction in z, (d,); b runs along what of it is orthogonal to `first` in the frame.
        codes: Which the plane is to show, (N, d); it is as wide as nearly all of them.

    Raises:
        ShapeError: A direction of length zero, or parallel ones.
    """
    steps = np.stack([first, second]).astype(np.float64) @ frame.to_white
    center, axes = frame.whiten(np.asarray(origin)[None])[0], _orthonormal(*steps)
    return Plane(center, *axes, _reach((frame.whiten(codes) - center) @ np.stack(axes).T))


def _reach(places: NDArray[np.float64]) -> float:
    """How far a plane reaches that shows all places (N, 2) but the outermost hundredth, and some room around them."""
    return max(1.15 * float(np.quantile(np.abs(places).max(axis=1), 0.99)), 1e-9)


def _orthonormal(first: NDArray, second: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two orthonormal vectors spanning the same plane, the first along the first."""
    length = np.linalg.norm(first)
    unit = first / length if length > 0 else first
    rest = second - (second @ unit) * unit
    if length == 0 or np.linalg.norm(rest) <= 1e-6 * np.linalg.norm(second):
        raise ShapeError("these latents lie on one line and span no plane; choose three different images.")
    return unit, rest / np.linalg.norm(rest)
