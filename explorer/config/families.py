"""The families of models: what the program must know of one without loading it.

Adding a family is one entry of `FAMILIES`, and a class in `explorer.models` that says `family = "<its name>"`.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A family of models.

    Attributes:
        title: Its name in a sentence.
        short: The same where there is little room.
        has_prior: Whether posteriors have a width and latents a prior; those of all others are points.
        settings: Settings of a model that it alone reads.
        has_levels: Whether its latents stand on several levels, with layers of hidden units between them.
        against_norm: Why batch normalisation does not go with it; None where it does.
    """

    title: str
    short: str
    has_prior: bool = False
    settings: tuple[str, ...] = ()
    has_levels: bool = False
    against_norm: str | None = None


FAMILIES: Mapping[str, Family] = {
    "ae": Family(title="autoencoder", short="AE"),
    "vae": Family(title="VAE", short="VAE", has_prior=True),
    "denoising": Family(title="denoising AE", short="denoising", settings=("corruption", "corruption_level")),
    "sparse": Family(title="sparse AE", short="sparse", settings=("sparsity", "sparsity_weight", "sparsity_target")),
    "contractive": Family(
        title="contractive AE",
        short="contractive",
        settings=("contraction_weight",),
        against_norm="makes the code of an image depend on others, so that its Jacobian is not its own",
    ),
    "hierarchical": Family(
        title="hierarchical VAE",
        short="hierarchical",
        has_prior=True,
        settings=("stochastic_levels",),
        has_levels=True,
    ),
}
"""The families by their names on the command line."""


def has_prior(family: str) -> bool:
    """Whether models of a family have a posterior with a width; the name may be anything."""
    return family in FAMILIES and FAMILIES[family].has_prior
