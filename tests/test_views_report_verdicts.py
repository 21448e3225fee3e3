"""Verdicts of Report: made-up scores and histories in, levels and sentences out, whichever way they fall."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from explorer.config import RunConfig, TrainConfig
from explorer.library import Card
from explorer.views.history import History, history_of
from explorer.views.report_verdicts import LIMITS, VERDICTS, WORDS, Verdict, verdicts_of


def score(value: float, width: float = 0.01) -> dict[str, float]:
    return {"value": value, "low": max(0.0, value - width), "high": value + width, "n": 1000}


def card(family: str = "vae", **told: Any) -> Card:
    """A run that is sound in every respect but what is told."""
    law = {"vacancy": score(told.get("vacancy", 0.05)), "coverage": score(told.get("coverage", 0.9))}
    if (apart := told.get("told", 0.55)) is not None:
        law["tell_apart"] = score(apart)
    bells = {**law, "tell_apart": score(0.5), "coverage": score(0.95)}
    metrics: dict[str, Any] = {
        "test": {
            "active_units": told.get("active", 8),
            "mse": told.get("mse", 0.01),
            "clamped": told.get("clamped", 0),
        },
        "pca": {"mse": score(0.02)},
        "holes": {
            "raw": law,
            "white": law,
            "gmm10": bells,
            "rank": told.get("rank", 8),
            "calibration_check": score(told.get("flagged", 0.05)),
        },
    }
    return Card(name="a", family=family, dataset="digits", latent_dim=8, config=None, metrics=metrics, version="1")


def history(held: list[float], train: list[float]) -> History:
    lines = [
        {"epoch": epoch, "beta": 1.0, "train": {"distortion": t, "rate": 0}, "validation": {"distortion": h, "rate": 0}}
        for epoch, (h, t) in enumerate(zip(held, train, strict=True), 1)
    ]
    return history_of(lines, 8)


SOUND = history([100, 60, 50], [100, 58, 49])


def found(of: Card, past: History | None = SOUND) -> dict[str, Verdict]:
    return {verdict.key: verdict for verdict in verdicts_of(of, past)}


def test_there_is_one_verdict_of_each_kind_with_its_word_and_its_source():
    said = verdicts_of(card(), SOUND)
    assert [verdict.key for verdict in said] == list(VERDICTS)
    for verdict in said:
        assert verdict.level == "green", verdict
        assert verdict.step is None, "nothing is to be done where all is sound"
        assert verdict.word == WORDS[verdict.level]
        assert verdict.source == LIMITS[verdict.key].source
        numbers = [word for word in verdict.short.split() if any(c.isdigit() for c in word)]
        assert len(numbers) <= 1, "one number at most stands in the list"
        assert len(verdict.short.split()) <= 7


@pytest.mark.parametrize(
    ("key", "told", "level"),
    [
        ("collapse", {"active": 0}, "red"),
        ("collapse", {"active": 5}, "amber"),
        ("collapse", {"family": "ae", "rank": 6}, "amber"),
        ("holes", {"vacancy": 0.4}, "red"),
        ("holes", {"vacancy": 0.205}, "amber"),  # its interval reaches below the limit of red
        ("holes", {"vacancy": 0.055}, "green"),  # and this one that of amber
        ("holes", {"vacancy": 0.01, "told": 0.95}, "amber"),
        ("holes", {"vacancy": 0.01, "told": None}, "green"),
        ("coverage", {"coverage": 0.3}, "red"),
        ("coverage", {"coverage": 0.6}, "amber"),
        ("coverage", {"coverage": 0.795}, "green"),
        ("blur", {"mse": 0.03}, "red"),
        ("blur", {"mse": 0.016}, "amber"),
        ("calibration", {"flagged": 0.2}, "red"),
        ("calibration", {"flagged": 0.09}, "amber"),
        ("calibration", {"clamped": 0.7}, "amber"),
    ],
)
def test_a_level_follows_from_the_stored_score_and_its_interval(key, told, level):
    verdict = found(card(**told))[key]
    assert verdict.level == level
    assert (verdict.step is None) == (level == "green"), "whatever is not sound has a next step"


def test_a_collapsed_run_gets_no_merit_for_its_few_holes():
    said = found(card(active=0, vacancy=0.0))
    assert said["holes"].level == "unknown"
    assert "no merit" in said["holes"].evidence
    assert said["collapse"].step is not None
    assert "--warmup" in said["collapse"].step


def test_overfit_weighs_the_gap_against_what_the_fit_gained():
    assert found(card(), history([100, 60, 58], [100, 50, 38]))["overfit"].level == "red"
    assert found(card(), history([100, 60, 50], [100, 58, 42]))["overfit"].level == "amber"
    assert found(card(), history([50, 60, 70], [50, 40, 30]))["overfit"].level == "red"
    risen = found(card(), history([100, 50, 70], [100, 50, 45]))["overfit"]
    assert risen.level == "red", "the rise after the best epoch is part of the gap"
    assert "epoch 2 of 3" in risen.evidence
    assert risen.step is not None
    assert "--patience" in risen.step


def test_what_is_not_measured_is_unknown_and_says_how_to_measure_it():
    bare = Card(name="a", family="vae", dataset="digits", latent_dim=8, config=None, metrics={}, version="1")
    said = found(bare, None)
    assert {verdict.level for verdict in said.values()} == {"unknown"}
    assert all(verdict.step for verdict in said.values())


def test_the_next_step_names_a_law_only_where_its_score_is_better():
    step = found(card(vacancy=0.4, told=0.9))["holes"].step
    assert step is not None
    assert "ten fitted bells" in step
    worst = card(vacancy=0.4, told=0.4)
    assert "bells" not in (found(worst)["holes"].step or "")


def test_what_a_fit_lowers_counts_its_penalty_and_a_started_fit_is_not_measured_by_its_own_gain():
    charged = history([100, 60, 50], [100, 55, 45])
    train, held = np.array([100.0, 70, 60]), np.array([100.0, 85, 85])
    both = dataclasses.replace(
        charged, train={**charged.train, "penalty": train}, validation={**charged.validation, "penalty": held}
    )
    assert found(card(), charged)["overfit"].level != found(card(), both)["overfit"].level == "red"
    config = RunConfig(train=TrainConfig(begin_with="digits-vae-2"))
    told = found(dataclasses.replace(card(), config=config), both)["overfit"]
    assert told.level == "unknown" and "digits-vae-2" in told.evidence and "30.0 nats" in told.evidence
