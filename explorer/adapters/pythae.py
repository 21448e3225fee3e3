"""Models of pythae: their encoder is asked for means and widths, for `embed` draws from the posterior of a VAE.

Chadebec, Vincent & Allassonnière 2022, https://arxiv.org/abs/2206.08309
"""

from typing import Any

from explorer.adapters.foreign import Foreign


def foreign(model: Any) -> Foreign:
    """A model of pythae as two functions; its images are in [0, 1]."""
    return Foreign(
        encode=model.encoder,
        decode=model.decoder,
        title=type(model).__name__,
        pixel_range=(0, 1),
        modules=(model,),
    )
