"""Models whose answers are known on paper, for tests of everything that explores a model."""

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Images, Latents, Posterior, Scores
from explorer.program import Part
from explorer.program.steps import Steps


class LinearCoder:
    """x = offset + matrix z + sigma noise: decoder, encoder, likelihood and evidence in closed form.

    Implements `explorer.arrays.MeasuringCoder`. Decoding is never clipped, so that it stays linear.

    Args:
        matrix: Images per latent, (P, d) with P = C * H * W; its columns must be independent.
        image_shape: (C, H, W).
        log_variance: Natural logarithm of the posterior variance `encode` reports everywhere; None for an
            autoencoder.
        sigma: Standard deviation of the Gaussian likelihood, in units of the images.
        offset: Value of every pixel at the latent 0.
        levels: Grey levels it claims to have been fitted on.
    """

    def __init__(
        self,
        matrix: NDArray[np.floating],
        image_shape: tuple[int, int, int],
        log_variance: float | None = None,
        sigma: float = 0.1,
        offset: float = 0.5,
        levels: int = 256,
    ) -> None:
        self.matrix = np.asarray(matrix, dtype=np.float64)
        assert self.matrix.shape[0] == np.prod(image_shape), "one row of the matrix per pixel"
        self.inverse = np.linalg.pinv(self.matrix)  # (d, P)
        self.log_variance = log_variance
        self.sigma = sigma
        self.offset = offset
        self._image_shape = image_shape
        self._levels = levels

    @property
    def latent_dim(self) -> int:
        """d."""
        return self.matrix.shape[1]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self._image_shape

    @property
    def levels(self) -> int:
        """Grey levels of the data it claims to know."""
        return self._levels

    def encode(self, images: Images) -> Posterior:
        """The latents whose decodes are nearest to the images, with the same variance everywhere."""
        mean = ((self._flat(images) - self.offset) @ self.inverse.T).astype(np.float32)
        if self.log_variance is None:
            return Posterior(mean)
        return Posterior(mean, np.full_like(mean, self.log_variance))

    def decode(self, latents: Latents) -> Images:
        """offset + matrix z as images (N, C, H, W)."""
        flat = np.asarray(latents, dtype=np.float64) @ self.matrix.T + self.offset
        return flat.reshape(-1, *self._image_shape).astype(np.float32)

    def distortion(self, images: Images, latents: Latents) -> Scores:
        """-log N(x; offset + matrix z, sigma^2 I), (N,), nats per image."""
        error = self._flat(images) - self.offset - np.asarray(latents, dtype=np.float64) @ self.matrix.T
        pixels = len(self.matrix)
        return (error**2).sum(1) / (2 * self.sigma**2) + pixels * (np.log(self.sigma) + 0.5 * np.log(2 * np.pi))

    def sample_images(self, count: int, rng: np.random.Generator) -> Images:
        """Images drawn from the model itself, noise included."""
        latents = rng.standard_normal((count, self.latent_dim)).astype(np.float32)
        noise = self.sigma * rng.standard_normal((count, *self._image_shape))
        return (self.decode(latents) + noise).astype(np.float32)

    def evidence(self, images: Images) -> Scores:
        """log p(x) = log N(x; offset, matrix matrix^T + sigma^2 I), (N,), nats per image."""
        covariance = self.matrix @ self.matrix.T + self.sigma**2 * np.eye(len(self.matrix))
        centred = self._flat(images) - self.offset
        distance = (centred * np.linalg.solve(covariance, centred.T).T).sum(1)
        return -0.5 * (distance + np.linalg.slogdet(covariance)[1] + len(self.matrix) * np.log(2 * np.pi))

    def exact_posterior(self, images: Images) -> Posterior:
        """p(z|x), a diagonal Gaussian only where the matrix has orthogonal columns."""
        precision = np.eye(self.latent_dim) + self.matrix.T @ self.matrix / self.sigma**2
        assert np.allclose(precision, np.diag(np.diag(precision))), "the columns are not orthogonal"
        variance = 1 / np.diag(precision)
        mean = (self._flat(images) - self.offset) @ self.matrix / self.sigma**2 * variance
        log_variance = np.broadcast_to(np.log(variance), mean.shape)
        return Posterior(mean.astype(np.float32), log_variance.astype(np.float32))

    def _flat(self, images: Images) -> NDArray[np.float64]:
        return np.asarray(images, dtype=np.float64).reshape(len(images), -1)


class ProgramCoder(LinearCoder):
    """A `LinearCoder` that a browser can run: it offers its decoder and encoder as programs."""

    def program(self, part: Part) -> bytes:
        """The decoder or encoder, with a test that it passes."""
        channels, height, width = self.image_shape
        facts = {"part": part, "latent_dim": self.latent_dim, "image_shape": [channels, height, width]}
        latent = np.linspace(-1, 1, self.latent_dim, dtype=np.float32)
        image = np.clip(self.decode(latent[None]), 0, 1)
        offset = np.broadcast_to(np.asarray(self.offset, dtype=np.float64), (len(self.matrix),))
        if part == "decoder":
            steps = Steps((self.latent_dim,))
            arrays = {"weight": steps.array(self.matrix), "bias": steps.array(offset)}
            flat = steps.add("linear", [steps.input], (len(self.matrix),), **arrays)
            pixels = steps.add("reshape", [flat], self.image_shape)
            tests = {"input": latent, "pixels": self.decode(latent[None])[0]}
            return steps.file({"pixels": pixels}, tests, levels=self.levels, **facts)
        steps = Steps(self.image_shape)
        flat = steps.add("reshape", [steps.input], (len(self.matrix),))
        arrays = {"weight": steps.array(self.inverse), "bias": steps.array(-self.inverse @ offset)}
        outputs = {"mean": steps.add("linear", [flat], (self.latent_dim,), **arrays)}
        posterior = self.encode(image)
        tests = {"input": image[0], "mean": posterior.mean[0]}
        if posterior.log_variance is not None and self.log_variance is not None:
            still = steps.each("times", outputs["mean"], factor=0.0)
            outputs["log_variance"] = steps.each("plus", still, summand=self.log_variance)
            tests["log_variance"] = posterior.log_variance[0]
        return steps.file(outputs, tests, levels=self.levels, **facts)


def linear_coder(
    latent_dim: int = 2,
    image_shape: tuple[int, int, int] = (1, 8, 8),
    log_variance: float | None = -2.0,
    sigma: float = 0.1,
    scale: float = 0.1,
    seed: int = 0,
    levels: int = 256,
) -> LinearCoder:
    """A LinearCoder whose matrix has random orthogonal columns.

    Args:
        latent_dim: d.
        image_shape: (C, H, W).
        log_variance: As in `LinearCoder`.
        sigma: As in `LinearCoder`.
        scale: Root mean square of what one unit of one latent adds to a pixel.
        seed: Of the matrix.
        levels: As in `LinearCoder`.
    """
    pixels = int(np.prod(image_shape))
    orthogonal, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((pixels, latent_dim)))
    return LinearCoder(orthogonal * scale * np.sqrt(pixels), image_shape, log_variance, sigma, levels=levels)
