"""What else to colour a plane by, besides vacancy: density ratio, validity, cliffs, doubt."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.densities import Density
from explorer.analysis.encoding import decoded_features
from explorer.analysis.holes import ALPHA, CalibratedScore, calibrate
from explorer.analysis.neighbours import nearest
from explorer.arrays import Coder, Images, Latents, Scores
from explorer.errors import ShapeError

LogDensity = Callable[[NDArray[np.floating]], NDArray[np.float64]]


def density_ratio(law: LogDensity, aggregate: Density, latents: NDArray[np.floating]) -> NDArray[np.float64]:
    """Log p_law(z) - log q^(z): how much more often a law goes there than encoded data, (N,), nats.

    Linear maps change both alike, so it is the same in z and in the frame.

    Args:
        law: Log density of the sampling law, as `explorer.analysis.laws.Distribution` has it.
        aggregate: q^.
        latents: (N, d).
    """
    return law(latents) - aggregate.log_density(latents)


def fit_density_ratio(law: LogDensity, aggregate: Density, calibration: Latents) -> CalibratedScore:
    """The density ratio with p-values calibrated on the codes C, (n, d)."""
    return calibrate(lambda latents: density_ratio(law, aggregate, latents), calibration)


def fit_validity(
    coder: Coder,
    features: Callable[[Images], NDArray[np.floating]],
    real_features: NDArray[np.floating],
    calibration: Latents,
) -> CalibratedScore:
    """The distance of a decoded image to the nearest real one in a feature space, calibrated on the codes C.

    State the feature space beside every number: the distance of pixels rewards blur.

    Args:
        coder: The model.
        features: Images (n, C, H, W) to features (n, F).
        real_features: Of real training images, (R, F), in the same space.
        calibration: C, (n, d).
    """
    real = np.asarray(real_features, dtype=np.float64)

    def distance(latents: Latents) -> NDArray[np.float64]:
        return nearest(decoded_features(coder, latents, features), real)[1][:, 0]

    return calibrate(distance, calibration)


def cliff(images: Images, rows: int, step: float) -> NDArray[np.float64]:
    """Log sqrt det J^T J of the decoder in a plane, from the decodes of neighbouring lattice points.

    How fast the image changes: high along class boundaries. It marks edges, not vacancy. Arvanitidis, Hansen &
    Hauberg 2018, https://arxiv.org/abs/1710.11379, for the volume measure.

    Args:
        images: Decodes of a lattice, row by row, (rows * columns, C, H, W), two or more either way.
        rows: How many.
        step: Distance between neighbours, in standard deviations of the codes.

    Returns:
        (rows * columns,), row by row. Where the image does not change at all it is the value of a change of 1e-6.

    Raises:
        ShapeError: The images do not fill a lattice of two rows and columns or more.
    """
    columns = len(images) // rows if rows > 0 else 0
    if rows < 2 or columns < 2 or rows * columns != len(images):
        raise ShapeError(f"cliffs need a full lattice of two rows and columns or more, not {len(images)} in {rows}.")
    sheet = np.asarray(images, dtype=np.float32).reshape(rows, columns, -1)
    down = np.asarray(np.gradient(sheet, step, axis=0))  # (rows, columns, P)
    across = np.asarray(np.gradient(sheet, step, axis=1))
    dd = np.einsum("ijp,ijp->ij", down, down, dtype=np.float64)
    aa = np.einsum("ijp,ijp->ij", across, across, dtype=np.float64)
    da = np.einsum("ijp,ijp->ij", down, across, dtype=np.float64)
    return 0.5 * np.log(np.maximum(dd * aa - da**2, 1e-24)).ravel()


def entropy(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Doubt of a classifier: -sum_c p_c log p_c per image, (N,), nats, of class probabilities (N, classes)."""
    p = np.clip(np.asarray(probabilities, dtype=np.float64), 0, 1)
    return -(p * np.log(np.where(p > 0, p, 1))).sum(1)


def hole_share(p_values: Scores, log_density: Scores | None = None, alpha: float = ALPHA) -> float:
    """The share of a plane that is hole, counting each point by how often a law comes by.

    Args:
        p_values: Of the plane's lattice points, (N,).
        log_density: Of the law at those points, (N,), nats, up to a constant; None counts all points alike, which
            says more about the window than about the model.
        alpha: Level of a hole.
    """
    holes = np.asarray(p_values) <= alpha
    if log_density is None:
        return float(holes.mean())
    weights = np.exp(np.asarray(log_density, dtype=np.float64) - np.max(log_density))
    return float((weights * holes).sum() / weights.sum())
