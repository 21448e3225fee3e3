"""Frames: latents measured by the scatter of the codes, so that models can be compared whatever their scale."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, reduce

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.neighbours import nearest
from explorer.arrays import Latents
from explorer.errors import ShapeError

NULL_SHARE = 1e-6
"""A direction along which the codes have less than this share of their largest variance is none of their axes."""

SCATTER_NEIGHBOURS = 10
"""Nearest codes of every code, whose differences make the local frame."""

ROUNDS = 6
"""How often the neighbours are looked up again in the frame that they made."""

WIDEST = 4
"""The widest neighbourhoods that the search for the local frame narrows from hold one code in so many."""

AT_EACH_WIDTH = 2
"""Rounds before these neighbourhoods are halved."""

ASKED = 1_000
"""About the most codes whose wide neighbourhoods are looked up; those of the 10 nearest are of every code."""

MANY = 128
"""Latent dimensions above which products are made by the library, tile by tile, and not term by term."""

TILE = 64
"""Rows of such a product, and what its columns are a multiple of: whole numbers of any library's own tiles."""

_CHUNK = 1_000_000  # squared distances held at once


@dataclass(frozen=True, slots=True)
class Frame:
    """u = A (z - m) with A = S^(-1/2): one unit of u is one standard deviation of what S is the scatter of.

    S is the covariance of the codes in a whitened frame (`fit_frame`), and the mean outer product of the differences
    between neighbouring codes in a local one (`fit_local_frame`). The square root is the symmetric one, so a frame
    never turns a latent further than it has to. Along null directions, in which the codes do not vary, A is zero.

    Attributes:
        mean: m, mean of the codes, (d,).
        covariance: S, (d, d).
        to_white: A = S^(-1/2), (d, d).
        from_white: S^(1/2), (d, d).
        null: Orthonormal null directions as columns, (d, d - r); none where the codes use all dimensions.
        log_determinant: Log det A over the r dimensions in use: what a log density in u gains when it is stated in z.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64] = field(repr=False)
    to_white: NDArray[np.float64] = field(repr=False)
    from_white: NDArray[np.float64] = field(repr=False)
    null: NDArray[np.float64] = field(repr=False)
    log_determinant: float

    @property
    def latent_dim(self) -> int:
        """Latent dimension d."""
        return len(self.mean)

    @property
    def rank(self) -> int:
        """Dimensions r that the codes use, of d."""
        return self.latent_dim - self.null.shape[1]

    @property
    def deviations(self) -> NDArray[np.float64]:
        """Standard deviation of the codes along each axis, sqrt(S_jj), (d,)."""
        return np.sqrt(np.diag(self.covariance))

    def whiten(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Frame coordinates u of latents z, both (N, d), in float64: the same numbers alone and in any batch."""
        return product(np.asarray(latents, dtype=np.float64) - self.mean, self.to_white)

    def unwhiten(self, whitened: NDArray[np.floating]) -> Latents:
        """Latents z = m + S^(1/2) u of frame coordinates u, both (N, d)."""
        return (self.mean + np.asarray(whitened, dtype=np.float64) @ self.from_white).astype(np.float32)

    def off_span(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """How far latents (N, d) lie from the span of the codes, (N,), latent units; 0 where they use all of it."""
        aside = product(np.asarray(latents, dtype=np.float64) - self.mean, self.null)
        return np.sqrt((aside**2).sum(1))

    def onto_span(self, latents: NDArray[np.floating]) -> Latents:
        """Latents (N, d) moved the shortest way into the span of the codes."""
        wide = np.asarray(latents, dtype=np.float64)
        if self.null.shape[1]:
            wide = wide - product(wide - self.mean, self.null) @ self.null.T
        return wide.astype(np.float32)

    def log_density(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log N(z; m, S) at latents (N, d); (N,), nats, within the span of the codes."""
        squares = (self.whiten(latents) ** 2).sum(1)
        return -0.5 * (squares + self.rank * np.log(2 * np.pi)) + self.log_determinant


def product(rows: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix product (N, d) @ (d, r), summed in one fixed order: a row gives the same digits alone and in a batch.

    A library's matrix product rounds by the size of the batch, and a p-value counts equal scores. Up to `MANY`
    dimensions the terms are added one by one. Of more, which takes a hundred times as long (d = 1,024, 1,666 rows: 5 s
    against 0.1 s), every product has one shape, if the library is seen to treat all rows of it alike.
    """
    if len(matrix) > MANY and _rows_are_alike(*matrix.shape):
        return _tiled(rows, matrix)
    terms = (rows[:, j, None] * matrix[j] for j in range(len(matrix)))
    return reduce(np.ndarray.__iadd__, terms, np.zeros((len(rows), matrix.shape[1])))


def _tiled(rows: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same product by products (TILE, d) @ (d, r) alone, r filled up with zeros, and so the last rows."""
    wide = np.zeros((len(matrix), -(-matrix.shape[1] // TILE) * TILE))
    wide[:, : matrix.shape[1]] = matrix
    found = np.empty((len(rows), matrix.shape[1]))
    tile = np.zeros((TILE, len(matrix)))
    for start in range(0, len(rows), TILE):
        part = rows[start : start + TILE]
        tile[: len(part)] = part
        found[start : start + TILE] = (tile @ wide)[: len(part), : matrix.shape[1]]
    return found


@cache
def _rows_are_alike(dimensions: int, columns: int) -> bool:
    """Whether the library gives the same digits for a row wherever it stands in a tile, tried for one shape."""
    rng = np.random.default_rng(0)
    row, matrix = rng.standard_normal((1, dimensions)), rng.standard_normal((dimensions, columns))
    found = _tiled(np.repeat(row, TILE, axis=0), matrix)
    return bool((found == found[0]).all())


def fit_frame(codes: NDArray[np.floating], null_share: float = NULL_SHARE) -> Frame:
    """The whitened frame: in it these codes have mean 0, and covariance I in the dimensions that they use.

    Args:
        codes: One draw per image, (R, d) with R of two or more.
        null_share: Directions with less than this share of the largest variance are null.

    Raises:
        ShapeError: Fewer than two codes, another number of array dimensions, or a value that is not finite.
    """
    given = np.asarray(codes)
    codes = np.asarray(codes, dtype=np.float64)
    if codes.ndim != 2 or len(codes) < 2 or not codes.shape[1]:
        raise ShapeError(f"a frame is fitted to two or more codes shaped (R, d), but these are {codes.shape}.")
    if not np.isfinite(codes).all():
        raise ShapeError("a frame is fitted to finite codes, but some of these are not; fit the run again.")
    mean = codes.mean(0)
    centred = codes - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / (len(codes) - 1))
    digits = np.finfo(given.dtype).eps if given.dtype.kind == "f" else 0.0
    rounding = (digits * np.abs(codes).max()) ** 2  # codes that are all alike vary by no more than this
    used = (values > null_share * values[-1]) & (values > rounding)
    return _frame(mean, values[used], vectors[:, used], vectors[:, ~used])


def fit_local_frame(codes: NDArray[np.floating], white: Frame | None = None) -> Frame:
    """The local frame: in it the differences between neighbouring codes have mean square 1 in every direction.

    S is W = mean outer product of the differences between each code and its 10 nearest neighbours. These are looked
    up in the frame that W gives, six times, from two starts: the whitened frame, and the one that wide neighbourhoods
    give, of a quarter of the codes for two rounds, then of half as many, until they hold 10. Of both the W of smaller
    determinant is kept. Whitening shrinks exactly the directions that part clusters, so that no
    distance in it sees the gaps between them; differences of neighbours lie within clusters. The frame needs no
    number of clusters. All of it is found from distances between whitened codes, so that an affine map of the codes
    changes no distance in their local frame.

    Args:
        codes: R, (R, d) with R of two or more. Copies of a code count once: nothing is learnt from their distance.
        white: Their whitened frame where it is known, for its null directions; None to fit it.

    Raises:
        ShapeError: As `fit_frame`.
    """
    white = fit_frame(codes) if white is None else white
    values, vectors = _axes(white)
    wide = np.asarray(codes, dtype=np.float64)
    distinct = wide[np.sort(np.unique(wide, axis=0, return_index=True)[1])] - white.mean  # in the order of the codes
    count = min(SCATTER_NEIGHBOURS, len(distinct) - 1)
    if not white.rank or count < 1:
        return white
    roots = np.sqrt(values)
    whitened = distinct @ vectors / roots  # (n, r): W is sought here, where no number is very large or small
    starts = [np.eye(white.rank)]
    if len(whitened) // WIDEST > count:
        starts.append(_narrowed(whitened, count))
    found = [_scatter(whitened, start, count) for start in starts]
    inner = min(found, key=lambda scatter: np.linalg.slogdet(scatter)[1])
    outer = roots[:, None] * inner * roots  # along the same axes, in latent units
    scales, turn = np.linalg.eigh(outer)
    return _frame(white.mean, scales, vectors @ turn, white.null)


def frame_from(to_white: NDArray[np.floating], white: Frame) -> Frame:
    """A frame from its stored matrix A.

    Args:
        to_white: A, (d, d).
        white: The whitened frame of the same codes, which has their mean and their null directions.
    """
    inverse, vectors = np.linalg.eigh(np.asarray(to_white, dtype=np.float64))
    kept = slice(white.latent_dim - white.rank, None)
    return replace(
        _frame(white.mean, inverse[kept] ** -2.0, vectors[:, kept], white.null),
        to_white=np.asarray(to_white, dtype=np.float64),  # to the last digit
    )


def _frame(
    mean: NDArray[np.float64], values: NDArray[np.float64], vectors: NDArray[np.float64], null: NDArray[np.float64]
) -> Frame:
    """A frame from the eigenvalues (r,) and eigenvectors (d, r) of S."""
    return Frame(
        mean=mean,
        covariance=(vectors * values) @ vectors.T,
        to_white=(vectors / np.sqrt(values)) @ vectors.T,
        from_white=(vectors * np.sqrt(values)) @ vectors.T,
        null=null,
        log_determinant=-0.5 * float(np.log(values).sum()),
    )


def _axes(white: Frame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variances (r,) and principal axes (d, r) of the codes of a whitened frame, rising."""
    values, vectors = np.linalg.eigh(white.covariance)
    kept = slice(white.latent_dim - white.rank, None)
    return values[kept], vectors[:, kept]


def _narrowed(points: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Coordinates points @ start, (r, r), from neighbourhoods of points (n, r) that narrow to `count` neighbours."""
    start, size = np.eye(points.shape[1]), len(points) // WIDEST
    while size > count:
        for _ in range(AT_EACH_WIDTH):
            start = _scaled(_wide_scatter(points, points @ start, size))[1]
        size //= 2
    return start


def _wide_scatter(points: NDArray[np.float64], placed: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Mean outer product, (r, r), of the steps from points (n, r) to their `size` nearest, where `placed`, (n, r).

    The steps are those of about `ASKED` points, from everywhere. With so many neighbours it is quicker to count who is
    whose than to gather them.
    """
    most = max(ASKED, 2 * points.shape[1])  # the steps of fewer points than dimensions span no more than they do
    asked = np.arange(0, len(points), -(-len(points) // most))
    ranked = _ranked(placed)
    squares, taken, near = (ranked**2).sum(1), np.zeros(len(points)), np.zeros_like(points)
    for rows in np.array_split(asked, -(-len(asked) * len(points) // _CHUNK)):
        far = squares - 2 * ranked[rows] @ ranked.T  # ranks like distances
        far[np.arange(len(rows)), rows] = np.inf
        those = (far <= np.partition(far, size - 1, axis=1)[:, size - 1, None]).astype(np.float64)
        near[rows] = those @ points
        taken += those.sum(0)
        taken[rows] += those.sum(1)
    return _summed(points, near, taken) / (taken.sum() / 2)


def _summed(points: NDArray[np.float64], near: NDArray[np.float64], taken: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over pairs of points a and b of (b - a)(b - a)' = aa' + bb' - ab' - ba', (r, r), by one product.

    Args:
        points: (n, r).
        near: Sum of the second points of the pairs of each first one, (n, r).
        taken: In how many pairs each point is, (n,).
    """
    half = points.T @ (0.5 * taken[:, None] * points - near)
    return half + half.T


def _scatter(points: NDArray[np.float64], start: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """W of points (n, r), (r, r), from neighbours that are first looked up in the coordinates points @ start."""
    before, to_local = None, start
    scatter = np.eye(points.shape[1])
    for _ in range(ROUNDS):
        rows = _neighbours(points @ to_local, count)
        if before is not None and np.array_equal(rows, before):
            break  # the same neighbours make the same frame
        before = rows
        scatter, to_local = _scaled(_steps(points, rows) / rows.size)
    return scatter


def _neighbours(placed: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The rows (n, count) of the nearest other points of each of `placed`, (n, r).

    In many dimensions they are ranked by products in float32 alone: which of two that are equally near but for rounding
    is taken moves the scatter of ten thousand steps by nothing, and measuring them again takes ten times as long.
    """
    if placed.shape[1] <= MANY:
        return nearest(placed, placed, count, same=True)[0]
    ranked = _ranked(placed)
    squares, found = (ranked**2).sum(1), np.empty((len(placed), count), dtype=np.int64)
    for rows in np.array_split(np.arange(len(placed)), -(-(len(placed) ** 2) // _CHUNK)):
        far = squares - 2 * ranked[rows] @ ranked.T  # ranks like distances
        far[np.arange(len(rows)), rows] = np.inf
        found[rows] = np.sort(np.argpartition(far, count - 1, axis=1)[:, :count], axis=1)
    return found


def _ranked(placed: NDArray[np.float64]) -> NDArray[np.floating]:
    """Points (n, r) for products that only rank distances: of many dimensions in float32, which halves the time."""
    return (placed - placed.mean(0)).astype(np.float32) if placed.shape[1] > MANY else placed


def _steps(points: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum of the outer products, (r, r), of the steps from points (n, r) to their neighbours, rows (n, count)."""
    if points.shape[1] <= MANY:
        steps = (points[column] - points for column in rows.T)
        return reduce(np.ndarray.__iadd__, (step.T @ step for step in steps), np.zeros((points.shape[1],) * 2))
    taken = rows.shape[1] + np.bincount(rows.ravel(), minlength=len(points))
    near = reduce(np.ndarray.__iadd__, (points[column] for column in rows.T))
    return _summed(points, near, taken)


def _scaled(scatter: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A scatter (r, r) that is certainly definite, and the coordinates in which it is the unit matrix, (r, r)."""
    if len(scatter) > MANY:  # by Cholesky's factor, twenty times as quick; the coordinates are turned, no distance is
        with suppress(np.linalg.LinAlgError):
            factor = np.linalg.cholesky(scatter)
            sides = np.diag(factor) ** 2
            if sides.min() > 1e-9 * np.diag(scatter).max():
                return scatter, np.asarray(np.linalg.inv(factor).T, dtype=np.float64)
    values, vectors = np.linalg.eigh(scatter)
    values = np.maximum(values, 1e-12 * values[-1])
    return (vectors * values) @ vectors.T, vectors / np.sqrt(values)
