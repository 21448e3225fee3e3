"""Every setting of a run: what there is, what it may be, what it is where it was left open, and its flag.

A setting whose default is None takes the data set's own default (`DATASETS`), so that
`python train.py --dataset digits` is a sensible run. What is stored with a run is always resolved.

families.py, likelihoods.py and datasets.py are tables of what may be named; settings.py holds the settings themselves,
limits.py their ranges, defaults.py their defaults, presets.py the models of the documents that this program grew from,
flags.py the command line, stored.py config.json.
"""

from explorer.config.datasets import DATASETS
from explorer.config.defaults import default_widths, resolve, sized_name, usual_save_every
from explorer.config.families import FAMILIES, has_prior
from explorer.config.flags import Flags, add_flags, choice, from_flags, to_flags
from explorer.config.likelihoods import LIKELIHOODS
from explorer.config.limits import FEWEST_CALIBRATION, RANGES, SIGMAS
from explorer.config.presets import PRESETS
from explorer.config.settings import (
    CHARGED_FOR_FEATURES,
    CHOSEN_SETTINGS,
    CYCLED,
    FIRST_READING,
    OWN_SETTINGS,
    READING,
    RUN_NAME,
    VARIATIONAL_SETTINGS,
    Channels,
    Corruption,
    DataConfig,
    GradientPath,
    ModelConfig,
    Net,
    PixelRange,
    RunConfig,
    TrainConfig,
    field_help,
)
from explorer.config.stored import from_json, settings_of, to_json

__all__ = [
    "CHARGED_FOR_FEATURES",
    "CHOSEN_SETTINGS",
    "CYCLED",
    "DATASETS",
    "FAMILIES",
    "FEWEST_CALIBRATION",
    "FIRST_READING",
    "LIKELIHOODS",
    "OWN_SETTINGS",
    "PRESETS",
    "RANGES",
    "READING",
    "RUN_NAME",
    "SIGMAS",
    "VARIATIONAL_SETTINGS",
    "Channels",
    "Corruption",
    "DataConfig",
    "Flags",
    "GradientPath",
    "ModelConfig",
    "Net",
    "PixelRange",
    "RunConfig",
    "TrainConfig",
    "add_flags",
    "choice",
    "default_widths",
    "field_help",
    "from_flags",
    "from_json",
    "has_prior",
    "resolve",
    "settings_of",
    "sized_name",
    "to_flags",
    "to_json",
    "usual_save_every",
]
