"""Runs that are being fitted now, as Report shows them growing."""

from typing import Any

import numpy as np

from explorer.library import Library
from explorer.library.card import Card
from explorer.library.growing import growing_runs
from explorer.views.chooser import run_words
from explorer.views.history import history_of

MOST_POINTS = 200
"""Epochs whose losses are sent; of more, evenly spread ones and the last."""


def growing(library: Library) -> list[dict[str, Any]]:
    """Every run that is being fitted into the library's folder.

    Returns:
        Of each its `name`; `title`, `label` and `side` as in `run_words`; `epoch`, the last complete one, `epochs` of
        all, or None; `is_still`: whether it may have been stopped; `distortion` and `rate` in nats per image, of
        held-out images where they are measured; `sheet`: the last epoch that kept one, or None.
    """
    found = []
    for run in growing_runs(library.checkpoints):
        model = run.config.model
        card = Card(
            name=run.name,
            family=model.family,
            dataset=run.config.data.name or run.config.data.dataset,
            latent_dim=model.latent_dim or 0,
            config=run.config,
            metrics={},
            version="",
        )
        history = history_of(run.history, card.latent_dim)
        held = history.validation if np.isfinite(history.validation["distortion"]).any() else history.train
        known = np.isfinite(held["distortion"])
        distortion, rate = held["distortion"][known], np.nan_to_num(held["rate"][known])
        places = np.unique(np.linspace(0, len(distortion) - 1, min(MOST_POINTS, len(distortion))).round().astype(int))
        words = run_words(card)
        found.append(
            {
                "name": run.name,
                "title": words["title"],
                "label": words["label"],
                "side": words["side"],
                "epoch": int(history.epochs[-1]) if len(history.epochs) else 0,
                "epochs": run.config.train.epochs,
                "is_still": run.is_still,
                "distortion": distortion[places].round(3).tolist(),
                "rate": rate[places].round(3).tolist(),
                "sheet": run.sheets[-1] if run.sheets else None,
            }
        )
    return found
