"""The runs of one process: found on disk or held in memory, opened when first asked for, paired with their twins.

Nothing heavy is imported here at module level: a page that only lists runs needs neither torch nor scikit-learn.
"""

from explorer.analysis.laws import LAWS
from explorer.library.memory import Memory, kept
from explorer.library.run import (
    SCALARS,
    Card,
    ImagesTrouble,
    OpenRun,
    ScalarName,
    TroubleKind,
    is_number,
)
from explorer.library.shelf import FEWEST_IMAGES, Library, Run, load_coder, load_run

__all__ = [
    "FEWEST_IMAGES",
    "LAWS",
    "SCALARS",
    "Card",
    "ImagesTrouble",
    "Library",
    "Memory",
    "OpenRun",
    "Run",
    "ScalarName",
    "TroubleKind",
    "is_number",
    "kept",
    "load_coder",
    "load_run",
]
