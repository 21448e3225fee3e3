"""The 8x8 digits that scikit-learn bundles: 1,797 images of 17 grey levels, 0 to 16."""

import numpy as np

from explorer.data.sets import ImageSet
from explorer.data.sources import Character, Source


def load_digits() -> ImageSet:
    """UCI optical digits, (1797, 1, 8, 8), https://archive.ics.uci.edu/dataset/80

    All parts of the split are drawn from all rows: the last ones are by other writers than the first, so that codes of
    the last did not lie where those of the first do, and twice as many as should looked like holes.
    """
    from sklearn.datasets import load_digits as bundled

    digits = bundled()
    return ImageSet(
        name="digits",
        pixels=digits.images[:, None].astype(np.uint8),  # pyright: ignore[reportAttributeAccessIssue]
        levels=17,
        test_count=0,
        labels=digits.target.astype(np.int64),  # pyright: ignore[reportAttributeAccessIssue]
        class_names=tuple("0123456789"),
    )


SOURCE = Source(
    load=lambda _: load_digits(),
    title="Digits",
    nouns=("digit", "digits"),
    character=Character(size=8, box=8, by_mass=False),
)
"""The digits; they fill their whole height, https://archive.ics.uci.edu/dataset/80."""
