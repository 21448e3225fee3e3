"""Start: which runs tell the story of a run, and that it says no more than the stored scores do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from explorer.analysis.laws import GMM10, LAWS, RAW, WHITE
from explorer.checkpoint import list_runs
from explorer.library import Card, Library
from explorer.views.hole_verdict import compared, score_under
from explorer.views.start import pair_of, short_verdict, story, told_of, traded
from tests.serve_fake import fake_library
from tests.test_views_hole_verdict import card

CHECKPOINTS = Path(__file__).parent.parent / "checkpoints"
RUNS = sorted(list_runs(CHECKPOINTS))


@pytest.fixture(scope="module")
def shipped() -> Library:
    return Library(CHECKPOINTS)


@pytest.fixture(scope="module")
def stories(shipped: Library) -> dict[str, dict[str, Any]]:
    return {name: story(shipped, name) for name in RUNS}


def paired(stories: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The stories of two models; that of a denoising autoencoder has one."""
    return [told for told in stories.values() if len(told["pair"]) == 2]


# --- who tells it -----------------------------------------------------------------------------------------------------


def test_twins_tell_one_story_with_the_autoencoder_first(shipped: Library, stories: dict[str, dict[str, Any]]):
    for name in RUNS:
        twin = shipped.twin(name)
        if len(stories[name]["pair"]) == 2:  # a run without a twin stands alone
            assert shipped.card(stories[name]["pair"][0]).family in ("ae", "denoising")
        if twin is not None and shipped.twin(twin) == name:
            assert stories[name]["pair"] == stories[twin]["pair"] and stories[name]["note"] is None


def test_a_rung_without_a_twin_stands_beside_a_run_of_its_ladder_and_says_so(monkeypatch: pytest.MonkeyPatch):
    library = Library(CHECKPOINTS)
    monkeypatch.setattr(library, "twin", lambda name: None)
    assert [each.name for each in pair_of(library, "mnist-ae-16")[0]] == ["mnist-ae-16", "mnist-vae-16"], (
        "beta nearest 1"
    )
    cards, note = pair_of(library, "mnist-vae-16-beta4")
    assert [each.name for each in cards] == ["mnist-ae-16", "mnist-vae-16-beta4"]
    assert note == "mnist-vae-16-beta4 has no twin of its own; mnist-ae-16 differs from it in beta alone."


def test_a_run_that_stands_alone_says_how_to_fit_a_twin():
    library = fake_library()
    library.open("linear-vae").twin = library.open("linear-ae").twin = None
    told = story(library, "linear-vae")
    assert told["pair"] == ["linear-vae"]
    assert "fitted without a twin" in told["note"] and "train.py --twin" in told["note"]


def test_a_run_held_in_memory_has_a_story_without_scores():
    told = story(fake_library(), "linear-ae")
    assert told["pair"] == ["linear-ae", "linear-vae"]
    assert all(law["short"] is None and not law["words"] for law in told["laws"].values())
    assert told["ladder"]["rungs"] == [] and "held in memory" in told["ladder"]["note"]
    assert told["remembered"] is told["closer"] is None and told["elsewhere"]["stories"] == []


def test_a_model_comes_closer_only_where_the_intervals_of_both_errors_part(stories: dict[str, dict[str, Any]]):
    assert stories["mnist-vae-16"]["closer"]["run"] == "mnist-ae-16"
    assert stories["mnist-vae-16"]["closer"]["words"].startswith(
        "The autoencoder does: on test images, an error of 0.00"
    )
    assert stories["celeba-vae-64"]["closer"]["run"] is None
    assert "Neither for sure" in stories["celeba-vae-64"]["closer"]["words"]


# --- what it says -----------------------------------------------------------------------------------------------------


def test_every_story_is_plain_values(stories: dict[str, dict[str, Any]]):
    for told in stories.values():
        assert json.loads(json.dumps(told, allow_nan=False)) == told
        assert set(told["laws"]) == set(LAWS)


def test_more_holes_are_said_only_where_the_interval_of_the_pair_leaves_no_doubt(
    shipped: Library, stories: dict[str, dict[str, Any]]
):
    seen = set()
    for told in paired(stories):
        cards = [shipped.card(name) for name in told["pair"]]
        for law in LAWS.values():
            found = compared(cards[0], law, cards[1], law)
            short = told["laws"][law.name]["short"]
            if "has more holes" in short:
                assert found is not None and found.differs
                more = cards[int(found.difference.value < 0)]
                assert short.startswith("The autoencoder has" if more.family == "ae" else "The VAE has")
            if "more often" in short:
                apart = compared(cards[0], law, cards[1], law, "tell_apart")
                assert found is not None and not found.differs and apart is not None and apart.differs
                more = cards[int(apart.difference.value < 0)]
                assert f"{'The autoencoder' if more.family == 'ae' else 'The VAE'}'s draws are told" in short
            seen.add(re.sub(r"[\d.]+", "n", short))
    assert len(seen) > 3, "verdicts fall in several ways among the shipped runs"


def test_every_number_on_the_screen_is_a_stored_score(shipped: Library, stories: dict[str, dict[str, Any]]):
    for told in paired(stories):
        for law in LAWS.values():
            short = told["laws"][law.name]["short"]
            scores = [
                score_under(shipped.card(name), law, key) for name in told["pair"] for key in ("vacancy", "tell_apart")
            ]
            known = [100 * score["value"] for score in scores if score is not None]
            for number in re.findall(r"\d+(?:\.\d+)?", short):
                assert any(abs(float(number) - value) <= 0.5 for value in known), short


SAME = "No sure difference in holes: measured, 20 % against 20 %. "
APART = {"vacancy": 0.0, "told": 1.0}, {"vacancy": 0.04, "told": 0.94}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"vacancy": 0.4}, {"vacancy": 0.2}, "The autoencoder has more holes: measured, 40 % against 20 %."),
        ({"vacancy": 0.2}, {"vacancy": 0.4}, "The VAE has more holes: measured, 20 % against 40 %."),
        ({"vacancy": 0.2}, {"vacancy": 0.2}, "No sure difference in holes: measured, 20 % against 20 %."),
        (
            {"vacancy": 0.2, "told": 1.0},
            {"vacancy": 0.2},
            SAME + "The autoencoder's draws are told from codes more often, 100 % against 80 %.",
        ),
        (
            {"vacancy": 0.2},
            {"vacancy": 0.2, "told": 0.9},
            SAME + "The VAE's draws are told from codes more often, 80 % against 90 %.",
        ),
        ({"key": "x"}, {}, "Measured, but not together: 20 % against 20 %. No difference is claimed."),
        ({}, {"active": 0}, "The VAE ignores its latents, so its few holes are no merit."),
        (*APART, "Hardly a hole, and yet draws may look wrong: a classifier tells them from codes, 100 % and 94 %."),
    ],
)
def test_the_screen_says_what_was_measured_whichever_way_it_falls(
    first: dict[str, Any], second: dict[str, Any], expected: str
):
    found = short_verdict([card("a", "ae", **first), card("b", **second)], RAW)
    assert found is not None and found.replace("\u00a0", " ") == expected


def test_one_run_alone_is_told_beside_real_images():
    assert short_verdict([card("b", vacancy=0.3)], RAW) == "Measured: 30\u00a0% lie in a hole; of real images 5\u00a0%."


def test_what_is_not_measured_is_not_said():
    bare = Card(name="a", family="ae", dataset="x", latent_dim=8, config=None, metrics={"holes": {}}, version="1")
    told = told_of([bare, card("b")], RAW)
    assert told["short"] is None and told["empty"] == {"a": None, "b": "20"}
    assert not any("land where no image is encoded" in words for words in told["words"])


def test_ten_bells_are_told_with_the_round_trip_beside_them():
    words = told_of([card("a", "ae", vacancy={"raw": 0.9, "white": 0.4, "gmm10": 0.1}), card("b")], GMM10)["words"]
    assert any("Ten fitted bells reduce the holes of a" in said and "land elsewhere" in said for said in words)


def test_faces_say_what_is_different_about_them(stories: dict[str, dict[str, Any]]):
    for name in ("celeba-vae-64", "flowers102-vae-32"):
        assert stories[name]["laws"]["raw"]["short"].startswith("Hardly a hole, and yet draws may look wrong")


# --- the ladder -------------------------------------------------------------------------------------------------------


def test_a_run_shows_its_own_ladder_or_that_of_its_data_set_with_a_word(stories: dict[str, dict[str, Any]]):
    own, near = stories["mnist-vae-16"]["ladder"], stories["mnist-vae-2"]["ladder"]
    assert own["note"] is None and own["rungs"] == near["rungs"] and len(own["rungs"]) == 6
    assert near["note"] == "The ladder of this data set has d = 16; mnist-vae-2 has 2."
    faces = stories["celeba-vae-64"]["ladder"]
    assert faces["rungs"] == [] and faces["other"] == "mnist-vae-16" and "--ladder" in faces["note"]


def test_what_beta_traded_rests_on_intervals(shipped: Library, stories: dict[str, dict[str, Any]]):
    assert stories["mnist-vae-16"]["ladder"]["short"] == "More beta: fewer holes, less detail."
    rungs = stories["mnist-vae-16"]["ladder"]["rungs"]
    found = compared(shipped.card(rungs[-1]["name"]), WHITE, shipped.card(rungs[1]["name"]), WHITE)
    assert found is not None and found.differs and found.difference.value < 0
    assert rungs[-1]["distortion"]["low"] > rungs[1]["distortion"]["high"]


def test_a_rung_that_collapsed_is_named_and_no_end_of_the_trade(stories: dict[str, dict[str, Any]]):
    short = stories["digits-vae-8"]["ladder"]["short"]
    assert short.endswith("At beta 4 the model ignores its latents.")


def test_overlapping_errors_are_no_loss_of_detail(shipped: Library, stories: dict[str, dict[str, Any]]):
    error = {"value": 80.0, "low": 70.0, "high": 90.0}
    rungs = [{**rung, "distortion": error} for rung in stories["mnist-vae-16"]["ladder"]["rungs"]]
    assert traded(shipped, rungs) == "More beta: fewer holes."
    assert traded(shipped, rungs[:2]) is None, "one VAE trades nothing"


# --- where it goes on -------------------------------------------------------------------------------------------------


def test_it_goes_on_to_faces_that_smile_and_to_every_other_data_set(
    shipped: Library, stories: dict[str, dict[str, Any]]
):
    onward = stories["mnist-vae-16"]["elsewhere"]
    assert onward["smile"] == "celeba-vae-64"
    assert onward["attribute"] in (shipped.open(onward["smile"]).attribute_names or ())
    assert [each["dataset"] for each in onward["stories"]] == ["celeba", "digits", "flowers102"]
    for each in onward["stories"]:
        assert shipped.twin(each["run"]) is not None
