"""The likelihoods p(x|z) of pixels: what the program must know of one without loading it.

Adding a likelihood is one entry of `LIKELIHOODS`, and a class in `explorer.models.losses` with `name = "<its name>"`.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelLaw:
    """A likelihood of pixels.

    Attributes:
        settings: Settings of a model that it alone reads.
        is_binary: Whether it prices binary images, so that targets may be drawn from grey ones.
        is_linear: Whether the outputs of the decoder may be pixels as they are, without a sigmoid.
    """

    settings: tuple[str, ...] = ()
    is_binary: bool = False
    is_linear: bool = False


LIKELIHOODS: Mapping[str, PixelLaw] = {
    "bernoulli": PixelLaw(is_binary=True),
    "gaussian": PixelLaw(settings=("sigma",), is_linear=True),
    "categorical": PixelLaw(),
}
"""The likelihoods by their names on the command line."""
