"""What hole scores are said to mean: made-up scores in, sentences out, whichever way they fall."""

from typing import Any

import numpy as np
import pytest

from explorer.library import Card
from explorer.views import hole_scores
from explorer.views.hole_verdict import laws_of, of_hundred, readings, score_at, verdict

LAWS = ("raw", "white", "gmm10")


def score(value: float, width: float = 0.01, n: int = 1000) -> dict[str, float]:
    return {"value": value, "low": max(0.0, value - width), "high": min(1.0, value + width), "n": n}


def again(value: float, spread: float, seed: int) -> dict[str, list[float]]:
    """Replicates of a score whose standard deviation is `spread`, all of it from the draws."""
    noise = np.random.default_rng(seed).standard_normal(200)
    return {"resampled": (value + spread * noise).tolist(), "parts": [value] * 10}


def card(
    name: str,
    family: str = "vae",
    *,
    vacancy: float | dict[str, float] = 0.2,
    told: float | dict[str, float] | None = 0.8,
    key: str | None = "same",
    spread: float = 0.005,
    active: int = 8,
    covered: float = 0.7,
    back: float | None = 0.48,
    test: dict[str, Any] | None = None,
    **holes: Any,
) -> Card:
    """A run with scores of which some, or all by law, are given."""
    by_law = {law: vacancy[law] if isinstance(vacancy, dict) else vacancy for law in LAWS}
    tells = {law: told.get(law) if isinstance(told, dict) else told for law in LAWS}
    under: dict[str, dict[str, Any]] = {
        law: {
            "vacancy": score(by_law[law]),
            "coverage": score(covered),
            "frechet": {"value": 9.0, "low": 8.0, "high": 10.0},
        }
        for law in LAWS
    }
    for law in LAWS:
        if tells[law] is not None:
            under[law]["tell_apart"] = score(tells[law] or 0)
        if back is not None:
            under[law]["round_trip"] = score(back)
    metrics: dict[str, Any] = {"test": {"active_units": active} | (test or {}), "holes": under | holes}
    if key is not None:
        seed = sum(map(ord, name))
        scores = {"vacancy": by_law, "tell_apart": tells}
        measured = {
            law: {
                name: again(values[law] or 0, spread, seed + i)
                for name, values in scores.items()
                if values[law] is not None
            }
            for i, law in enumerate(LAWS)
        }
        metrics["replicates"] = {"key": key} | measured
    return Card(name=name, family=family, dataset="digits", latent_dim=8, config=None, metrics=metrics, version="1")


def told_of(*cards: Card) -> str:
    said = verdict(cards)
    assert said is not None
    return said


def table(*cards: Card) -> dict[str, Any]:
    found = hole_scores.score_table(list(cards))
    assert found is not None
    return found


# --- the verdict ----------------------------------------------------------------------------------------------------


def test_a_pair_is_compared_under_one_fitted_bell_with_a_factor_and_its_interval():
    said = told_of(card("a", "ae", vacancy=0.4), card("b", vacancy=0.2))
    assert said.startswith("From one fitted bell, a has 2.0 times as many (1.9 to 2.1) draws where no image is encoded")
    assert "40 of 100 against 20; 5 is usual." in said
    assert "tells 80 of 100 pairs of a draw and a code of a apart, and 80 of b; 50 is a coin." in said


def test_the_comparison_is_told_whichever_way_it_falls():
    assert "b has 2.0 times as many (1.9 to 2.1)" in told_of(card("a", "ae", vacancy=0.2), card("b", vacancy=0.4))


@pytest.mark.parametrize(("spread", "sure"), [(0.004, True), (0.05, False)])
def test_a_factor_is_named_only_where_the_interval_of_the_pair_leaves_no_doubt(spread, sure):
    said = told_of(card("a", "ae", vacancy=0.22, spread=spread), card("b", vacancy=0.2, spread=spread))
    assert ("times as many" in said) == sure
    assert ("no sure difference" in said) == (not sure)


@pytest.mark.parametrize("key", [None, "other"])
def test_runs_that_were_not_measured_together_are_not_compared(key):
    said = told_of(card("a", "ae", vacancy=0.9), card("b", vacancy=0.1, key=key))
    assert "times" not in said and "more" not in said
    assert "no difference is claimed" in said


def test_where_a_run_has_no_hole_at_all_there_is_no_factor():
    said = told_of(card("a", "ae", vacancy=0.3), card("b", vacancy=0.0, spread=0.0))
    assert "a has more draws where no image is encoded than b: 30 of 100 against 0" in said


def test_what_distance_does_not_see_is_told_by_the_classifier():
    said = told_of(card("a", "ae", vacancy=0.0, told=0.87), card("b", vacancy=0.03, told=0.93))
    assert said.startswith("From one fitted bell, a classifier tells 87 of 100 pairs")
    assert "Distance alone finds no more holes than usual: 0 and 3 of 100 draws" in said
    coin = told_of(card("a", "ae", vacancy=0.0, told=0.5), card("b", vacancy=0.03, told=0.505))
    assert "a has fewer" not in coin and "do not lie as the codes do" not in coin


def test_a_run_alone_is_judged_under_the_law_that_it_was_fitted_to():
    assert told_of(card("b", vacancy={"raw": 0.3, "white": 0.1, "gmm10": 0.1})).startswith(
        "From the prior, 30 of 100 draws of b"
    )
    assert told_of(card("a", "ae", vacancy={"raw": 0.3, "white": 0.1, "gmm10": 0.1})).startswith("From one fitted bell")


def test_a_collapsed_run_is_told_first_and_its_few_holes_are_compared_with_nothing():
    found = table(card("a", "ae", vacancy=0.4), card("b", vacancy=0.05, active=0, covered=0.01))
    assert found["collapse"] == [
        (
            "b ignores its latents: 0 of 8 dimensions carry anything, so its draws are all alike and its few holes are "
            "no merit (coverage 0.01)."
        )
    ]
    assert next(iter(found)) == "collapse"
    assert "times" not in found["verdict"] and "of b" not in found["verdict"]
    assert not any("of b" in words and "times as many" in words for words in found["reading"])
    partly = table(card("b", vacancy=0.05, active=5))
    assert "the other 3 carry noise" in partly["collapse"][0]
    assert not table(card("a", "ae", active=5))["collapse"], "an autoencoder has no prior for that"


def test_nothing_is_said_of_scores_that_are_missing():
    empty = Card(name="a", family="ae", dataset="x", latent_dim=8, config=None, metrics={"holes": {}}, version="1")
    found = table(empty)
    assert found["verdict"] is None and found["beside"] is None
    assert all(model["empty"] is None and model["told"] is None for side in found["sides"] for model in side["models"])
    nothing = Card(name="a", family="ae", dataset="x", latent_dim=8, config=None, metrics={}, version="1")
    assert hole_scores.score_table([nothing]) is None


@pytest.mark.parametrize(
    "spoilt",
    [{"resampled": "x", "parts": []}, {"resampled": [float("nan")], "parts": []}, {"parts": []}, {"resampled": []}, 7],
)
def test_replicates_that_are_none_compare_nothing(spoilt):
    broken = card("b", vacancy=0.2)
    broken.metrics["replicates"]["white"]["vacancy"] = spoilt
    assert "no difference is claimed" in told_of(card("a", "ae", vacancy=0.4), broken)


def test_coverage_and_dimensions_in_use_stand_beside_every_verdict():
    beside = table(card("a", "ae", covered=0.45), card("b", active=5))["beside"]
    assert "a 45, b 70" in beside
    assert "a 8 of 8, b 5 of 8" in beside


# --- what is said besides -------------------------------------------------------------------------------------------


def test_ten_bells_reduce_and_do_not_repair_with_the_round_trip_beside():
    vacancy = {"raw": 0.5, "white": 0.2, "gmm10": 0.09}
    said = " ".join(readings([card("a", "ae", vacancy=vacancy)]))
    assert "Ten fitted bells reduce the holes of a to 1.8 times the usual 5 %: 9 of 100 draws, against 20" in said
    assert "48 of 100 land elsewhere (5 is usual)" in said
    assert "repair" not in said


@pytest.mark.parametrize(
    ("vacancy", "words"),
    [
        ({"raw": 0.5, "white": 0.2, "gmm10": 0.21}, "raise the holes of a to 4.2 times"),
        ({"raw": 0.5, "white": 0.2, "gmm10": 0.2}, "by nothing sure"),
    ],
)
def test_what_ten_bells_change_is_told_whichever_way_it_falls(vacancy, words):
    assert words in " ".join(readings([card("a", "ae", vacancy=vacancy, spread=0.001)]))


def with_many(name: str, family: str, bells: Any, vacancy: float) -> Card:
    """A run measured with as many bells, whose draws from them lie in holes so often."""
    made = card(
        name, family, many_bells=bells, many_n=30_000, gmm={"vacancy": score(vacancy), "round_trip": score(0.3)}
    )
    made.metrics["replicates"]["gmm"] = {"vacancy": again(vacancy, 0.001, 7)}
    return made


def test_many_bells_are_counted_in_the_sentence_that_tells_what_they_change():
    said = " ".join(readings([with_many("a", "ae", 80, 0.06)]))
    assert "Many fitted bells, 80, reduce the holes of a to 1.2 times the usual 5 %: 6 of 100 draws, against 20" in said
    assert "30 of 100 land elsewhere" in said


def test_where_one_of_two_asks_for_ten_bells_its_many_are_said_to_be_those():
    many, ten = with_many("a", "ae", 80, 0.06), with_many("b", "vae", 10, 0.2)
    words = "The codes of b ask for no more than ten bells: its many fitted bells are those ten."
    assert words in readings([many, ten]) and words not in readings([ten])
    assert [len(laws_of(each)) for each in (many, ten)] == [4, 3] and len(laws_of(many, ten)) == 4
    assert not any("those ten" in said for said in readings([many, card("c")])), "c was not measured with many"


@pytest.mark.parametrize("bells", [None, "80", float("nan"), 1e300, -80, [80], True])
def test_a_number_of_bells_that_is_none_offers_nothing(bells):
    damaged = with_many("a", "ae", bells, 0.06)
    assert len(laws_of(damaged)) == 3
    found = table(damaged)
    assert found is not None and "bells fitted" not in found["caption"]


def test_unequal_laws_are_compared_only_after_equal_ones_and_by_name():
    vacancy = {"raw": 0.5, "white": 0.4, "gmm10": 0.1}
    said = readings([card("a", "ae", vacancy=vacancy), card("b", vacancy=0.2)])
    assert said[0].startswith("a from one fitted bell has 2.0 times as many")
    assert "b from the prior" in said[0]
    assert "a from ten fitted bells" in said[1]


def test_fewer_holes_than_real_images_have_are_no_praise():
    said = readings([card("a", "ae", vacancy=0.005, calibration_n=5000)])
    assert any("keep to the middle of the crowd" in words and "a from one fitted bell" in words for words in said)
    assert not any("middle of the crowd" in words for words in readings([card("a", vacancy=0.005, calibration_n=100)]))


def test_dimensions_that_the_codes_do_not_span_are_told():
    assert "b uses 6 of 8 dimensions" in readings([card("b", rank=6)])[0]
    assert not any("uses" in words for words in readings([card("b", rank=8)]))


def test_numbers_at_a_clamp_are_marked():
    clamped = card("b", test={"clamped": 0.7})
    assert "70 of 100 log-variances stand at a clamp" in readings([clamped])[0]
    rows = {row["name"]: row["cells"] for row in table(clamped)["rows"]}
    assert rows["Draws in holes"][0]["beside"] == "at the clamp"
    assert "beside" not in rows["Coverage"][0]


def test_a_frechet_distance_stands_beside_its_floor_and_at_the_floor_says_nothing():
    found = table(card("b", frechet_floor={"value": 4.2, "low": 4.0, "high": 4.4}))
    cells = {row["name"]: row["cells"] for row in found["rows"]}["Fréchet distance"]
    assert cells[0]["beside"] == "floor 4.2"
    assert not any("says nothing" in words for words in found["reading"])
    at = readings([card("b", frechet_floor={"value": 24.0, "low": 20.0, "high": 28.0})])
    assert any("no larger than its floor, 24.0, so it says nothing" in words for words in at)


def test_scores_of_a_classifier_stand_beside_its_accuracy():
    rows = table(card("b", feature_space="a classifier", feature_accuracy=0.991))["rows"]
    meaning = next(row["meaning"] for row in rows if row["name"] == "Coverage")
    assert "a classifier, right on 99.1 % of test images" in meaning


def test_holes_and_tell_apart_stand_side_by_side_under_every_law_and_the_default_is_marked():
    found = table(card("b", vacancy=0.11, told={"raw": 0.93, "white": 0.84, "gmm10": 0.6}, default_law="gmm10"))
    assert [side["title"] for side in found["sides"]] == [
        "from the prior",
        "from one fitted bell",
        "from ten fitted bells",
    ]
    raw = found["sides"][0]["models"][0]
    assert raw["empty"]["text"] == "11" and raw["told"]["text"] == "93"
    assert [side["models"][0]["leads"] for side in found["sides"]] == [False, False, True]


def test_the_caption_counts_the_sets_and_says_what_the_intervals_cover():
    told = table(card("b", reference_n=2500, fitting_n=2500, calibration_n=1000, k=5))["caption"]
    assert "|R| = 2,500, |G| = 2,500, |C| = 1,000, k = 5" in told
    assert "over the draws, the calibration and the reference" in told
    assert "over the draws alone" in table(card("b", key=None))["caption"]


# --- numbers --------------------------------------------------------------------------------------------------------


def test_a_share_is_told_as_a_count_of_a_hundred():
    assert [of_hundred(value) for value in (0, 0.003, 0.05, 0.094, 0.1, 0.934, 1)] == [
        "0", "0.3", "5", "9.4", "10", "93", "100",
    ]  # fmt: skip


def test_scores_that_are_no_numbers_are_no_scores():
    for value in (10**400, float("nan"), float("inf"), "1", True, None):
        assert score_at({"vacancy": {"value": value}}, "vacancy") is None
    assert score_at({"vacancy": {"value": 0.1, "low": 10**400}}, "vacancy") == {"value": 0.1}
