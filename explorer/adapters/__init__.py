"""Other people's models as Coders: torch modules as they were written, and what libraries and files hold.

`adapted` takes whatever somebody calls their model, and images to try it with. A kind of model is one entry of
`kinds.KINDS` and a file beside this one, which is imported only when such a model is met. `answers` says what an
encoder and a decoder may answer, `trial` what is asked of them before anything is shown, `images` and `places` in which
forms images may come.
"""

from explorer.adapters.foreign import from_torch
from explorer.adapters.images import Given, read_images
from explorer.adapters.kinds import KINDS, adapted, as_coder, foreign_of, named_models, placed_model
from explorer.adapters.trial import TRIED

__all__ = [
    "KINDS",
    "TRIED",
    "Given",
    "adapted",
    "as_coder",
    "foreign_of",
    "from_torch",
    "named_models",
    "placed_model",
    "read_images",
]
