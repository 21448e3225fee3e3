"""The runs of one process: found on disk or held in memory, opened when first asked for, paired with their twins.

Nothing heavy is imported here at module level: a page that only lists runs needs neither torch nor scikit-learn.
"""

from explorer.analysis.laws import LAWS
from explorer.library.card import Card, is_number
from explorer.library.datasets import ImagesTrouble, NoDataSets, TroubleKind
from explorer.library.foreign import hold_models
from explorer.library.held import FEWEST_IMAGES
from explorer.library.loading import Run, load_coder, load_run
from explorer.library.memory import Memory, kept
from explorer.library.run import AMONG, SCALARS, Among, OpenRun, ScalarName
from explorer.library.shelf import Library

__all__ = [
    "AMONG",
    "FEWEST_IMAGES",
    "LAWS",
    "SCALARS",
    "Among",
    "Card",
    "ImagesTrouble",
    "Library",
    "Memory",
    "NoDataSets",
    "OpenRun",
    "Run",
    "ScalarName",
    "TroubleKind",
    "hold_models",
    "is_number",
    "kept",
    "load_coder",
    "load_run",
]
