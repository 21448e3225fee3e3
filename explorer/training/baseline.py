"""What as many principal components as there are latent dimensions achieve: the least that a model has to beat."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.intervals import mean_score
from explorer.analysis.scores import coverage, frechet_distance
from explorer.arrays import Images
from explorer.data import ImageSet, Split
from explorer.training.judge import PCA_IMAGES, Judge, fit_components

DRAWN_AT_ONCE = 1024
"""Images that are drawn from the Gaussian of the components at once."""


def principal_components(
    images: ImageSet,
    split: Split,
    latent_dim: int,
    test: Images,
    judge: Judge,
    features: NDArray[np.float32],
    neighbour: int,
    seed: int = 0,
    *,
    radii: NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """Scores of PCA with d components, found on at most `PCA_IMAGES` training images, as a model of the images.

    Args:
        images: The data set.
        split: Its split.
        latent_dim: d; the components are fewer where the images have fewer pixels.
        test: Test images, (N, C, H, W).
        judge: The data set's feature space.
        features: The test images there, (N, F).
        neighbour: k of the coverage.
        seed: Of the images that are taken, and of the draws.
        radii: `neighbour_radii` of the features where they are known already, (N,).

    Returns:
        `components` and `images`, how many; `mse` per pixel of the test images put back together from them; `frechet`
        and `coverage` of as many draws of a Gaussian along them, clipped to [0, 1], as there are test images.
    """
    mean, components, variances = fit_components(images, split, seed, latent_dim)
    rng = np.random.default_rng(seed)
    errors, drawn = [], []
    for start in range(0, len(test), DRAWN_AT_ONCE):
        flat = test[start : start + DRAWN_AT_ONCE].reshape(-1, len(mean)) - mean
        errors.append(np.square(flat - flat @ components.T @ components).mean(axis=1))
        codes = rng.standard_normal((len(flat), len(components))) * np.sqrt(variances)
        made = np.clip(codes @ components + mean, 0, 1).astype(np.float32)
        drawn.append(judge.features(made.reshape(-1, *test.shape[1:])))
    mse, made = mean_score(np.concatenate(errors)), np.concatenate(drawn)
    return {
        "components": len(components),
        "images": min(PCA_IMAGES, len(split.train)),
        "mse": mse,
        "frechet": frechet_distance(features, made),
        "coverage": coverage(features, made, neighbour, radii=radii),
    }
