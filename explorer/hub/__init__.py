"""Runs on the Hugging Face Hub: a model repository is a run, and what belongs to it lies beside it.

    config.json, model.safetensors, ..., sheets/   the run, as `explorer.staging` lays it out
    beside/<run>/                                  its twin, and the ladder that it stands on
    beside/features-<data set>/                    the feature net of its data set

Everything goes through huggingface_hub, which reads $HF_TOKEN, $HF_ENDPOINT and $HF_HUB_OFFLINE. What is fetched may be
anybody's: only files with the names of a run are asked for, their sizes are judged before their bytes arrive, no file
may bring more than it said, and the run is then read as every other one is, within bounds. It is kept in the cache
under the commit that it is, so that it is fetched once, and opens without a network the next time.
"""

from explorer.hub.asking import be_offline
from explorer.hub.fetching import RUN, Fetched, fetch, is_address
from explorer.hub.layout import BESIDE, files_of, parts_of, place_of
from explorer.hub.sending import CARD, check_sending, held_by, push, send

__all__ = [
    "BESIDE",
    "CARD",
    "RUN",
    "Fetched",
    "be_offline",
    "check_sending",
    "fetch",
    "files_of",
    "held_by",
    "is_address",
    "parts_of",
    "place_of",
    "push",
    "send",
]
