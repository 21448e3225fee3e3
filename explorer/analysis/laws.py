"""Sampling laws: where latents are drawn from, each with its names, its draws and its density.

Adding a law is one entry of `LAWS`: routes, score tables, figures and the page's menus ask this table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.frames import Frame, fit_frame
from explorer.arrays import Latents

LEAST_VARIANCE = 1e-5
"""What is added to the variances of a mixture, in units of those of the codes."""

FEW_BELLS = 10
"""Gaussians of the smaller mixture."""

LEAST_PER_BELL = 50
"""Codes for each Gaussian of a larger mixture, at least; and at least two for each dimension."""

LEAST_GAIN = 1e-2
"""Nats per code of the last step of a larger mixture's fit: a tenth of it takes four times as long and is no better."""

MOST_WORK = 6e9
"""Codes times Gaussians times d^2 of the largest mixture that is tried: about the products of a step of its fit."""


class Distribution(Protocol):
    """Something that latents are drawn from."""

    def sample(self, count: int, rng: np.random.Generator) -> Latents:
        """Latents drawn from it, (count, d)."""
        ...

    def log_density(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log p(z) at latents (N, d); (N,), nats."""
        ...


class Codes(Protocol):
    """What a law may be fitted to: the codes of one model."""

    @property
    def latent_dim(self) -> int:
        """Latent dimension d."""
        ...

    @property
    def white(self) -> Frame:
        """The whitened frame of the codes G: their mean, covariance and null directions."""
        ...

    @property
    def gmm(self) -> "GaussianMixture":
        """The mixture of few Gaussians fitted to the codes."""
        ...

    @property
    def many(self) -> "GaussianMixture":
        """The mixture of as many Gaussians as held-out codes ask for; that of few where these ask for no more."""
        ...


@dataclass(frozen=True, slots=True)
class FittedCodes:
    """Codes that were fitted already; the fields are those of `Codes`."""

    latent_dim: int
    white: Frame
    gmm: "GaussianMixture"
    many: "GaussianMixture"


def sample_raw(count: int, latent_dim: int, rng: np.random.Generator) -> Latents:
    """Latents drawn from N(0, I), the prior of a VAE, (count, d)."""
    return rng.standard_normal((count, latent_dim)).astype(np.float32)


def sample_white(frame: Frame, count: int, rng: np.random.Generator) -> Latents:
    """Latents m + S^(1/2) eps drawn from the Gaussian of a frame, (count, d)."""
    return frame.unwhiten(rng.standard_normal((count, frame.latent_dim)))


def raw_log_density(latents: NDArray[np.floating]) -> NDArray[np.float64]:
    """Log N(z; 0, I) at latents (N, d); (N,), nats."""
    latents = np.asarray(latents, dtype=np.float64)
    return -0.5 * ((latents**2).sum(1) + latents.shape[1] * np.log(2 * np.pi))


@dataclass(frozen=True, slots=True)
class GaussianMixture:
    """A mixture of Gaussians fitted to the codes, which reduces the holes of a space.

    Ghosh, Sajjadi, Vergari, Black & Schoelkopf 2020, https://arxiv.org/abs/1903.12436

    Attributes:
        weights: (K,), summing to one.
        means: (K, d).
        covariances: (K, d, d).
    """

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]

    def sample(self, count: int, rng: np.random.Generator) -> Latents:
        """Latents drawn from the mixture, (count, d)."""
        weights = np.asarray(self.weights, dtype=np.float64)
        component = rng.choice(len(weights), size=count, p=weights / weights.sum())
        noise = rng.standard_normal((count, self.means.shape[1]))
        factors = np.linalg.cholesky(np.asarray(self.covariances, dtype=np.float64))
        drawn = np.empty_like(noise)
        for k in np.unique(component):
            rows = component == k
            drawn[rows] = self.means[k] + noise[rows] @ factors[k].T
        return drawn.astype(np.float32)

    def log_density(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log p(z) at latents (N, d); (N,), nats."""
        latents = np.asarray(latents, dtype=np.float64)
        terms = np.empty((len(self.weights), len(latents)))
        for k, covariance in enumerate(np.asarray(self.covariances, dtype=np.float64)):
            factor = np.linalg.cholesky(covariance)
            squares = (np.linalg.solve(factor, (latents - self.means[k]).T) ** 2).sum(0)
            terms[k] = np.log(max(self.weights[k], 1e-300)) - np.log(np.diag(factor)).sum() - 0.5 * squares
        top = terms.max(0)
        return top + np.log(np.exp(terms - top).sum(0)) - 0.5 * latents.shape[1] * np.log(2 * np.pi)


def stored_mixture(
    weights: NDArray[np.float32], means: NDArray[np.float32], covariances: NDArray[np.float32]
) -> GaussianMixture:
    """A mixture (K,), (K, d), (K, d, d) as it was stored, rounded to float32."""
    return GaussianMixture(weights.astype(np.float64), means.astype(np.float64), definite(covariances))


def definite(covariances: NDArray[np.floating]) -> NDArray[np.float64]:
    """Covariances (K, d, d) that can be sampled from: that of codes without some dimension is not definite."""
    wide = np.asarray(covariances, dtype=np.float64)
    values, vectors = np.linalg.eigh((wide + wide.transpose(0, 2, 1)) / 2)
    least = 1e-6 * values[:, -1:]
    if (values >= least).all():
        return wide
    return (vectors * np.maximum(values, least)[:, None]) @ vectors.transpose(0, 2, 1)


def fit_gmm(
    codes: NDArray[np.floating], components: int = FEW_BELLS, seed: int = 0, tolerance: float = 1e-3
) -> GaussianMixture:
    """A mixture of Gaussians with full covariances, fitted to codes by expectation maximisation.

    It is fitted in the whitened frame of the codes and carried back, so that it does not depend on the model's scale.

    Args:
        codes: G, one draw per image, (G, d); never R, by which the draws are judged.
        components: K; fewer where there are not ten codes for each.
        seed: Seed of the k-means start.
        tolerance: Nats per code that a step must gain, or it was the last.
    """
    import warnings

    frame = fit_frame(codes)
    components = max(1, min(components, len(codes) // 10))
    if components == 1:  # nothing is to be found out: in the whitened frame its mean is 0
        spread = (len(codes) - 1) / len(codes) + LEAST_VARIANCE
        return GaussianMixture(np.ones(1), frame.mean[None], definite(spread * frame.covariance[None]))
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture as Mixture

    mixture = Mixture(components, reg_covar=LEAST_VARIANCE, tol=tolerance, max_iter=300, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a mixture a hair from converged samples just as well
        mixture.fit(frame.whiten(codes))
    covariances = np.asarray(mixture.covariances_)
    return GaussianMixture(
        weights=np.asarray(mixture.weights_, dtype=np.float64),
        means=frame.mean + np.asarray(mixture.means_) @ frame.from_white,
        covariances=definite(frame.from_white @ covariances @ frame.from_white),
    )


def fit_many(codes: NDArray[np.floating], seed: int = 0) -> GaussianMixture | None:
    """The mixture whose number of Gaussians makes held-out codes likeliest, or None where `FEW_BELLS` do.

    The number is doubled as long as a fifth of the codes, to which no mixture is fitted, becomes likelier by more than
    the standard error of the gain; then the mixture is fitted to all of them. Directions in which codes do not differ
    are left out of the choice: a density there is that of a rounding.

    Args:
        codes: As in `fit_gmm`, (n, d).
        seed: Of the fifth that is held out, and of the fits.
    """
    within = codes @ _span(fit_frame(codes))
    count, d = within.shape
    order = np.random.default_rng(seed).permutation(count)
    held, fitted = within[order[: count // 5]], within[order[count // 5 :]]

    def likelihood(components: int) -> NDArray[np.float64]:
        return fit_gmm(fitted, components, seed, LEAST_GAIN).log_density(held)

    bells, best = FEW_BELLS, None
    while d and len(fitted) >= 2 * bells * max(LEAST_PER_BELL, 2 * d) and 2 * bells * len(fitted) * d**2 <= MOST_WORK:
        best = likelihood(bells) if best is None else best
        tried = likelihood(2 * bells)
        gain = tried - best
        if gain.mean() <= gain.std() / np.sqrt(len(gain)):
            break
        bells, best = 2 * bells, tried
    return None if bells == FEW_BELLS else fit_gmm(codes, bells, seed, LEAST_GAIN)


def _span(frame: Frame) -> NDArray[np.float64]:
    """An orthonormal basis of the directions in which codes differ, (d, rank)."""
    null = frame.null.shape[1]
    return np.linalg.qr(np.concatenate([frame.null, np.eye(frame.latent_dim)], axis=1))[0][:, null:]


@dataclass(frozen=True, slots=True)
class Prior:
    """N(0, I) in d dimensions."""

    latent_dim: int

    def sample(self, count: int, rng: np.random.Generator) -> Latents:
        """Latents drawn from it, (count, d)."""
        return sample_raw(count, self.latent_dim, rng)

    def log_density(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log N(z; 0, I) at latents (N, d); (N,), nats."""
        return raw_log_density(latents)


@dataclass(frozen=True, slots=True)
class OneGaussian:
    """The Gaussian with the mean and covariance of a whitened frame."""

    frame: Frame

    def sample(self, count: int, rng: np.random.Generator) -> Latents:
        """Latents drawn from it, (count, d)."""
        return sample_white(self.frame, count, rng)

    def log_density(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log N(z; m, S) at latents (N, d); (N,), nats."""
        return self.frame.log_density(latents)


@dataclass(frozen=True, slots=True)
class OnSpan:
    """A distribution whose draws are moved the shortest way into the span of the codes.

    Off it no draw could be anything but in a hole. Where the codes use all dimensions nothing is moved.

    Attributes:
        whole: The distribution.
        white: The whitened frame of the codes.
    """

    whole: Distribution
    white: Frame

    def sample(self, count: int, rng: np.random.Generator) -> Latents:
        """Latents drawn from it, (count, d)."""
        return self.white.onto_span(self.whole.sample(count, rng))

    def log_density(self, latents: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log p(z) of the distribution before it is moved, at latents (N, d); (N,), nats."""
        return self.whole.log_density(latents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """A sampling law.

    Attributes:
        name: In addresses and in metrics.json.
        plain: What a draw comes from, in plain words.
        short: The field's word.
        hint: The field's word with what the law is and what it is good for, for a tooltip.
        words: What is drawn, and how to read it, in a sentence or two.
        of: The law as fitted to the codes of one model.
    """

    name: str
    plain: str
    short: str
    hint: str
    words: str
    of: Callable[[Codes], Distribution]

    @property
    def title(self) -> str:
        """Where draws come from, as the page names the law everywhere."""
        return f"from {self.plain}"


RAW = Law(
    name="raw",
    plain="the prior",
    short="raw",
    hint="raw, N(0, I): the prior a VAE was fitted to; of an autoencoder it only tests luck",
    words=(
        "A draw of N(0, I), the prior a VAE was fitted to. An autoencoder was fitted to none: there it only tests luck."
    ),
    of=lambda codes: OnSpan(Prior(codes.latent_dim), codes.white),
)

WHITE = Law(
    name="white",
    plain="one fitted bell",
    short="white",
    hint="white, one Gaussian fitted to the codes: the fair law for both models",
    words="A draw of one Gaussian with the mean and covariance of the codes. Compare models under this law first.",
    of=lambda codes: OneGaussian(codes.white),
)

GMM10 = Law(
    name="gmm10",
    plain="ten fitted bells",
    short="GMM-10",
    hint="GMM-10, a mixture of ten Gaussians fitted to the codes: it reduces the holes of either model",
    words="A draw of a mixture of ten Gaussians fitted to the codes, which reduces the holes of either model.",
    of=lambda codes: OnSpan(codes.gmm, codes.white),
)

MANY = Law(
    name="gmm",
    plain="many fitted bells",
    short="GMM",
    hint="GMM, a mixture of more than ten Gaussians fitted to the codes: held-out codes chose their number",
    words=(
        "A draw of a mixture of more than ten Gaussians fitted to the codes. Their number is the one under which "
        "held-out codes are likeliest."
    ),
    of=lambda codes: OnSpan(codes.many, codes.white),
)

LAWS: Mapping[str, Law] = {law.name: law for law in (RAW, WHITE, GMM10, MANY)}
"""The sampling laws by name, in the order of the page."""


def offered_laws(many: float | None) -> tuple[Law, ...]:
    """The laws to offer, in the order of the page.

    Args:
        many: Gaussians of the mixture of `MANY`; where they are no more than those of `GMM10`, or None, it is left out.
    """
    return tuple(law for law in LAWS.values() if law is not MANY or (many or 0) > FEW_BELLS)


def first_law(is_point: bool) -> Law:
    """Where to sample from first while tell-apart is not measured: the prior, or one Gaussian where there is none.

    Args:
        is_point: Whether the codes are points, as an autoencoder's.
    """
    return WHITE if is_point else RAW


def default_law(tell_apart: Mapping[str, float], is_point: bool) -> Law:
    """Where to sample from: the law whose draws are least told apart from codes; of equal ones the simpler.

    Args:
        tell_apart: By name of a law, its score; 0.5 and less are chance. Only those of `LAWS` count.
        is_point: As in `first_law`, which answers where there is no score.
    """
    known = {name: max(tell_apart[name], 0.5) for name in LAWS if name in tell_apart}
    return LAWS[min(known, key=lambda name: known[name])] if known else first_law(is_point)
