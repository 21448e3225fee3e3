"""The hole scores of every shipped run: recomputed by brute force and told as they are stored; ladders and sheets."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from explorer.analysis.intervals import paired, score_of
from explorer.analysis.scores import coverage
from explorer.checkpoint import list_runs, read_metrics
from explorer.config import DataConfig, ModelConfig, RunConfig, TrainConfig
from explorer.data import load_dataset
from explorer.errors import CheckpointError, ShapeError
from explorer.library import LAWS, Card, Library
from explorer.views import hole_samples, hole_scores
from explorer.views.hole_planes import planes_of
from tests.conftest import ROOT
from tests.serve_fake import fake_library
from tests.test_analysis_holes import local_scatter
from tests.twin_seeds import twins_table

CHECKPOINTS = ROOT / "checkpoints"
SHIPPED = list_runs(CHECKPOINTS)


@pytest.fixture(scope="module")
def shipped() -> Library:
    return Library(CHECKPOINTS)


def brute_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Euclidean distances (N, M), one difference at a time, in float64."""
    return cdist(first.astype(np.float64), second.astype(np.float64))


def nearest(distances: np.ndarray, rank: int) -> np.ndarray:
    """The `rank`-th smallest of each row, from 0, (N,)."""
    return np.partition(distances, rank, axis=1)[:, rank]


def brute_frame(reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance root of reference codes, by a singular value decomposition instead of eigenvalues."""
    codes = reference.astype(np.float64)
    _, spread, axes = np.linalg.svd(codes - codes.mean(0), full_matrices=False)
    return codes.mean(0), (axes.T * spread / np.sqrt(len(codes) - 1)) @ axes


def brute_draws(run: Any, count: int) -> dict[str, np.ndarray]:
    """What `train.py` drew of raw and of white for the scores of metrics.json, from the same seed."""
    mean, root = brute_frame(run.latents.fitting)
    noise = np.random.default_rng([run.config.train.seed, 10]).standard_normal((count, run.latent_dim))
    return {"raw": noise.astype(np.float32), "white": (mean + noise @ root).astype(np.float32)}


def brute_p_values(run: Any, latents: np.ndarray) -> np.ndarray:
    """Conformal p-values by their definition, folds and all, in the stored local frame."""
    stored = run.latents
    places = [each.astype(np.float64) @ stored.local_frame for each in (stored.reference, stored.calibration, latents)]
    reference, calibration, asked = places
    if len(calibration) >= 1000:
        far = [nearest(brute_distances(each, reference), 4) for each in (calibration, asked)]
        return (1 + (far[0] >= far[1][:, None]).sum(axis=1)) / (len(calibration) + 1)
    part, least = np.arange(len(calibration)) % 5, np.ones(len(asked))
    for fold in range(5):
        among = np.concatenate([reference, calibration[part != fold]])
        far = [nearest(brute_distances(e, among), 4) for e in (calibration[part == fold], asked)]
        least += (far[0] >= far[1][:, None]).sum(axis=1)
    return least / (len(calibration) + 1)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_stored_vacancy_agrees_with_a_brute_force_recomputation(shipped, name):
    run = shipped.open(name)
    metrics = read_metrics(CHECKPOINTS / name)["holes"]
    for law, draws in brute_draws(run, metrics["raw"]["vacancy"]["n"]).items():
        p = brute_p_values(run, draws)
        np.testing.assert_allclose(run.vacancy.p_value(draws), p, atol=1e-6)
        assert metrics[law]["vacancy"]["value"] == pytest.approx((p <= 0.05).mean(), abs=1e-6)


@pytest.mark.parametrize("name", [name for name in SHIPPED if name.endswith(("ae-2", "ae-8"))])
def test_the_stored_local_frame_agrees_with_a_brute_force_recomputation(shipped, name):
    stored = shipped.open(name).latents
    codes = stored.reference.astype(np.float64)
    assert stored.local_frame is not None
    np.testing.assert_allclose(
        stored.local_frame @ local_scatter(codes) @ stored.local_frame, np.eye(codes.shape[1]), atol=1e-6
    )


@pytest.mark.parametrize("name", ["digits-ae-8", "digits-vae-8", "digits-vae-8-beta4"])
def test_coverage_agrees_with_a_brute_force_recomputation_and_the_stored_one(shipped, name):
    run = shipped.open(name)
    metrics = read_metrics(CHECKPOINTS / name)["holes"]
    assert run.config is not None
    assert run.judge is not None
    real = run.judge.features(load_dataset(DataConfig(dataset="digits")).images(run.latents.index))
    draws = brute_draws(run, metrics["raw"]["vacancy"]["n"])
    among = nearest(brute_distances(real, real), 5)  # column 0 is the image itself
    for law, latents in draws.items():
        made = run.judge.features(run.coder.decode(latents[: len(real)]))
        covered = brute_distances(real, made).min(axis=1) < among
        assert coverage(real, made).value == pytest.approx(covered.mean(), abs=1e-6)
        assert metrics[law]["coverage"]["value"] == pytest.approx(covered.mean(), abs=2.5 / len(real))  # ties


@pytest.mark.parametrize("name", SHIPPED)
def test_codes_of_images_in_neither_set_fall_in_holes_at_rate_alpha(name):
    holes = read_metrics(CHECKPOINTS / name)["holes"]
    for check in (holes["calibration_check"], holes["calibration_check_means"]):
        error = np.sqrt(0.0475 * (1 / holes["calibration_n"] + 1 / check["n"]))
        assert abs(check["value"] - 0.05) <= 3 * error


@pytest.mark.parametrize("name", SHIPPED)
def test_the_sets_of_a_run_share_no_image_and_are_as_large_as_it_says(shipped, name):
    stored, holes = shipped.open(name).latents, read_metrics(CHECKPOINTS / name)["holes"]
    rows = [stored.reference_index, stored.fitting_index, stored.calibration_index, stored.index]
    assert len(np.unique(np.concatenate(rows))) == sum(map(len, rows))
    assert [len(each) for each in rows[:3]] == [holes["reference_n"], holes["fitting_n"], holes["calibration_n"]]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_law_to_draw_from_is_told_apart_least(shipped, name):
    holes = read_metrics(CHECKPOINTS / name)["holes"]
    assert shipped.open(name).default_law == holes["default_law"]
    told = {law: max(holes[law]["tell_apart"]["value"], 0.5) for law in LAWS}
    assert told[holes["default_law"]] == min(told.values())


@pytest.mark.parametrize("name", SHIPPED)
def test_the_score_table_holds_the_very_numbers_of_metrics_json(shipped, name):
    table = hole_scores.scores_of(shipped, name)
    assert table is not None
    rows = {row["name"]: row["cells"] for row in table["rows"]}
    names = [name for name in rows if name != "Tell-apart"]
    assert names[:3] == ["Draws in holes", "Coverage", "Active units"], "coverage and active units stand beside holes"
    keys = {"Draws in holes": "vacancy", "Coverage": "coverage", "Draws in holes, active units": "vacancy_active"}
    keys |= {"Round trip": "round_trip", "Fréchet distance": "frechet", "Tell-apart": "tell_apart"}
    laws = [law["name"] for law in table["laws"]]
    bells = max(read_metrics(CHECKPOINTS / model)["holes"]["many_bells"] for model in table["models"])
    assert laws == list(LAWS)[: 4 if bells > 10 else 3], "many bells are a column where they are more than ten"
    for model, column in zip(table["models"], range(0, 99, len(laws)), strict=False):
        metrics = json.loads((CHECKPOINTS / model / "metrics.json").read_text(encoding="utf-8"))
        for title, key in keys.items():
            stored = [metrics["holes"][law].get(key) for law in laws]
            cells = rows.get(title, [None] * 99)[column : column + len(laws)]
            assert [cell and {part: cell[part] for part in cell if part != "beside"} for cell in cells] == stored
        assert rows["Active units"][column]["value"] == metrics["test"]["active_units"]


def card(name: str, family: str) -> Card:
    return Card(name=name, family=family, dataset="digits", latent_dim=8, config=None, metrics={}, version="1")


# --- ladder ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("vae", "ae"), [("digits-vae-8", "digits-ae-8"), ("mnist-vae-16", "mnist-ae-16")])
def test_a_shipped_ladder_is_told_by_rising_beta_with_the_numbers_of_its_runs(shipped, vae, ae):
    found = hole_scores.ladder_of(shipped, vae, "white")
    assert [rung["beta"] for rung in found["rungs"]] == [None, 0, 0.1, 0.3, 1, 4]
    assert found["rungs"] == hole_scores.ladder_of(shipped, ae, "white")["rungs"]
    for rung in found["rungs"]:
        metrics = read_metrics(CHECKPOINTS / rung["name"])
        assert rung["vacancy"] == metrics["holes"]["white"]["vacancy"]
        assert rung["coverage"] == metrics["holes"]["white"]["coverage"]
        assert rung["distortion"]["value"] == metrics["test"]["distortion"]
        assert rung["active_units"] == metrics["test"]["active_units"]


def test_the_collapsed_rung_is_flagged_and_a_sound_one_is_not(shipped):
    found = hole_scores.ladder_of(shipped, "digits-vae-8", "raw")
    rungs = {rung["beta"]: rung for rung in found["rungs"]}
    last = rungs[4]
    assert last["active_units"] == 0
    assert last["vacancy"]["value"] < 0.07
    assert last["coverage"]["value"] < 0.05
    assert "ignores its latents" in last["flag"]
    assert any("At beta 4 the model has collapsed" in words for words in found["reading"])
    others = hole_scores.ladder_of(shipped, "mnist-vae-16", "raw")
    sound = [rung for rung in others["rungs"] if rung["beta"] and rung["active_units"] == rung["latent_dim"]]
    assert sound
    assert all(rung["flag"] is None for rung in sound if rung["coverage"]["value"] > 0.05)


def test_a_run_in_no_ladder_is_told_the_command_that_fits_one(shipped):
    found = hole_scores.ladder_of(shipped, "mnist-vae-2", "white")
    assert found["rungs"] == []
    assert found["reading"] == [
        "mnist-vae-2 belongs to no beta ladder; fit one with: python train.py --dataset mnist --latent-dim 2 --ladder"
    ]
    assert "held in memory" in hole_scores.ladder_of(fake_library(), "linear-vae", "white")["reading"][0]


def test_every_rung_and_its_autoencoder_are_cut_by_planes_of_one_width(shipped):
    name, lead = "digits-ae-8", "digits-vae-8-beta0.1"  # whose own twin is another rung
    extents = [planes_of(shipped, each, {"lead": lead})[3].extent for each in (name, lead)]
    assert extents[0] == extents[1]
    with pytest.raises(ShapeError, match="lead must be"):
        planes_of(shipped, name, {"lead": "mnist-vae-2"})
    with pytest.raises(ShapeError, match="lead must be"):
        planes_of(shipped, name, {"lead": "../x"})


# --- sheets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS)
def test_a_sheet_marks_just_the_draws_in_holes_and_counts_them(shipped, law):
    run = shipped.open("digits-ae-8")
    sheet = hole_samples.drawn_sheet(run, law, 3, False)
    np.testing.assert_allclose(run.vacancy.p_value(np.array(sheet["latents"])), sheet["p"], atol=1e-12)
    assert len(sheet["p"]) == 36
    assert sheet["histogram"][0] == pytest.approx(sheet["in_holes"] / sheet["drawn"])
    assert sum(sheet["histogram"]) == pytest.approx(1)
    stored = read_metrics(CHECKPOINTS / "digits-ae-8")
    assert sheet["coverage"] == stored["holes"][law]["coverage"]
    assert sheet["active_units"] == stored["test"]["active_units"]


def test_the_share_in_holes_of_a_sheet_agrees_with_the_stored_score(shipped):
    for name in ("digits-ae-8", "digits-vae-8"):
        for law in LAWS:
            sheet = hole_samples.drawn_sheet(shipped.open(name), law, 0, False)
            error = np.sqrt(max(0.01, sheet["vacancy"]["value"]) * 2 / 1000)
            assert abs(sheet["in_holes"] / sheet["drawn"] - sheet["vacancy"]["value"]) < 4 * error


def test_a_repair_that_hardly_anything_survives_gives_up_and_says_so():
    drawn = []

    def p_value(latents: np.ndarray) -> np.ndarray:
        drawn.append(len(latents))
        return np.where(np.arange(len(latents)) == 0, 0.5, 0.001)  # one in a thousand is no hole

    run: Any = SimpleNamespace(
        sample=lambda law, count, rng: rng.standard_normal((count, 2)),
        vacancy=SimpleNamespace(p_value=p_value),
        metrics={},
        card=card("a", "ae"),
    )
    sheet = hole_samples.drawn_sheet(run, "raw", 0, True)
    assert sum(drawn) == sheet["drawn"] == 10_000
    assert sheet["in_holes"] == 9_990
    assert sheet["p"] == [0.5] * 10
    assert sheet["coverage"] is None


# --- seeds ----------------------------------------------------------------------------------------------------------


def test_the_table_of_seeds_tells_each_score_of_both_twins_and_their_paired_ratio_where_it_excludes_one():
    metrics = [read_metrics(CHECKPOINTS / name) for name in ("mnist-ae-16", "mnist-vae-16")]
    table = twins_table([CHECKPOINTS], "mnist-vae-16").splitlines()
    assert len(table) == 2 + len(LAWS) * 3, "a row for each law and score"
    seen = set()
    for law in LAWS:
        for score in ("vacancy", "tell_apart", "round_trip"):
            first, second = (score_of(each, law, score) for each in metrics)
            assert first is not None and second is not None
            found = paired(first, second)
            row = next(line for line in table if LAWS[law].plain in line and score.replace("_", "-") in line)
            for each in (first, second):
                assert f"{100 * each.value:.1f} ({100 * each.low:.1f} to {100 * each.high:.1f})" in row
            assert ("not told apart" in row) is not found.differs
            if found.differs and found.ratio is not None:
                assert f"{found.ratio.value:.2f} ({found.ratio.low:.2f} to {found.ratio.high:.2f})" in row
            seen.add(found.differs)
    assert True in seen


def test_runs_that_were_measured_on_other_images_are_not_set_side_by_side(tmp_path):
    for name in ("digits-ae-2", "digits-vae-2"):
        shutil.copytree(CHECKPOINTS / name, tmp_path / name)
    metrics = json.loads((tmp_path / "digits-ae-2" / "metrics.json").read_text())
    metrics["replicates"]["key"] = "of other images"
    (tmp_path / "digits-ae-2" / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(CheckpointError, match=r"other images .*--evaluate digits-ae-2"):
        twins_table([tmp_path], "digits-vae-2")


def test_a_ladder_is_of_one_variational_family(monkeypatch):
    cards = {}
    runs: list[tuple[str, float]] = [("vae", 1), ("vae", 4), ("hierarchical", 1), ("ae", 1), ("denoising", 1)]
    for family, beta in runs:
        settings = RunConfig(
            data=DataConfig(dataset="digits", fingerprint="f"),
            model=ModelConfig(family=family, latent_dim=8),
            train=TrainConfig(beta=beta),
        )
        name = f"digits-{family}-8-{beta:g}"
        cards[name] = replace(card(name, family), config=settings)
    library = Library()
    monkeypatch.setattr(library, "cards", lambda: cards)
    monkeypatch.setattr(library, "card", cards.__getitem__)
    for name, expected in (
        ("digits-vae-8-1", {"digits-vae-8-1", "digits-vae-8-4"}),
        ("digits-ae-8-1", {"digits-vae-8-1", "digits-vae-8-4"}),
        ("digits-hierarchical-8-1", {"digits-hierarchical-8-1"}),
    ):
        assert {each.name for each in library.ladder(name)} == expected | {"digits-ae-8-1"}
    assert [each.name for each in library.ladder("digits-denoising-8-1")] == ["digits-denoising-8-1"]
