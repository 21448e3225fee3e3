"""The fit loop: learning, resuming, stopping, refusing; and the scores of what was fitted."""

import copy
import dataclasses
import json
import math
import os
import shutil
import signal
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from explorer.analysis.laws import LAWS
from explorer.checkpoint import MOST_EPOCH_CODES, STATE
from explorer.coder import TorchCoder
from explorer.config import DataConfig, ModelConfig, RunConfig, TrainConfig, resolve
from explorer.data import ImageSet, load_dataset, split
from explorer.errors import CheckpointError, Interrupted, TrainingError
from explorer.models.losses import Gaussian
from explorer.training import evaluate as evaluation
from explorer.training import feed
from explorer.training.evaluate import evaluate
from explorer.training.feed import Resident, Streamed, open_feed
from explorer.training.fit import Fit, beta_at
from explorer.training.judge import ClassifierJudge, load_judge, open_judge
from explorer.training.sheets import epoch_codes, keeps_codes, kept_rows, sheet_latents, write_sheet


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return load_dataset(DataConfig(dataset="digits"))


def config_of(family: Any = "vae", **train: Any) -> RunConfig:
    settings = {"epochs": 4, "nll_samples": 10, "nll_images": 20, **train}
    config = resolve(
        RunConfig(
            data=DataConfig(dataset="digits"),
            model=ModelConfig(family=family, latent_dim=2, hidden=32),
            train=TrainConfig(**settings),
        )
    )
    return dataclasses.replace(config, model=dataclasses.replace(config.model, image_shape=(1, 8, 8), levels=17))


def fit_of(config: RunConfig, images: ImageSet, folder: Path) -> Fit:
    parts = split(images, config.data)
    return Fit(
        config,
        images.pixels,
        parts,
        device=torch.device("cpu"),
        precision=torch.float32,
        folder=folder,
    )


def weights_of(fit: Fit) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in fit.model.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("family", ["ae", "vae"])
def test_a_fit_learns(family: str, digits: ImageSet, tmp_path: Path):
    lines: list[dict] = []
    fit_of(config_of(family, epochs=12), digits, tmp_path).run(lambda line, _: lines.append(line), quiet=True)
    assert [line["epoch"] for line in lines] == list(range(1, 13))
    assert lines[-1]["validation"]["distortion"] < 0.8 * lines[0]["validation"]["distortion"]
    assert (lines[-1]["train"]["rate"] > 0) == (family == "vae")
    json.dumps(lines, allow_nan=False)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(digits: ImageSet, tmp_path: Path):
    results = []
    for seed in (0, 0, 1):
        fit = fit_of(config_of(seed=seed, epochs=2), digits, tmp_path)
        fit.run(lambda *_: None, quiet=True)
        results.append(weights_of(fit))
    assert same(results[0], results[1]) and not same(results[0], results[2])


@pytest.fixture
def mapped_digits(digits: ImageSet, tmp_path: Path) -> ImageSet:
    """The digits as a file mapped into memory, as a data set larger than memory comes."""
    np.save(tmp_path / "digits.npy", digits.pixels)
    return dataclasses.replace(digits, pixels=np.load(tmp_path / "digits.npy", mmap_mode="r"))


def test_where_the_images_lie_changes_nothing(digits: ImageSet, mapped_digits: ImageSet, tmp_path: Path):
    expected = None
    for images, stream in ((digits, None), (digits, True), (mapped_digits, None), (mapped_digits, True)):
        fit = fit_of(config_of(epochs=2, flip=True, stream=stream), images, tmp_path)
        assert isinstance(fit.train, Streamed if stream else Resident)
        lines: list[dict] = []
        fit.run(lambda line, _, lines=lines: lines.append(line), quiet=True)
        curve = [line["validation"] for line in lines]
        expected = expected or (weights_of(fit), curve)
        assert same(weights_of(fit), expected[0]) and curve == expected[1]


def test_images_are_streamed_only_where_they_would_fill_half_the_memory(
    digits: ImageSet, mapped_digits: ImageSet, monkeypatch: pytest.MonkeyPatch
):
    index, cpu = np.arange(100), torch.device("cpu")
    size = 100 * 64
    for memory, kind in ((3 * size, Resident), (size, Streamed)):
        monkeypatch.setattr(feed, "memory", lambda device, memory=memory: memory)
        assert type(open_feed(mapped_digits.pixels, index, cpu)) is kind
        assert type(open_feed(digits.pixels, index, cpu)) is Resident, "in memory it is already"


def test_a_reading_process_opens_the_mapped_file_instead_of_copying_it(mapped_digits: ImageSet):
    for pixels in (mapped_digits.pixels, mapped_digits.pixels[5:]):
        sent = copy.copy(feed._Rows(pixels))  # as pickle would: by __getstate__ and __setstate__
        np.testing.assert_array_equal(sent.__getitems__([3, 1]), pixels[[3, 1]])
    assert "pixels" not in feed._Rows(mapped_digits.pixels).__getstate__()


def test_flipped_images_are_the_images_or_their_mirror_images_and_both_occur(digits: ImageSet, tmp_path: Path):
    fit = fit_of(config_of(flip=True, binarise=False), digits, tmp_path)
    seen: list[torch.Tensor] = []
    real = fit.loss_of
    fit.loss_of = lambda images, *rest: (seen.append(images), real(images, *rest))[1]
    batch = next(iter(fit.epoch_batches()))
    fit._step(batch)
    plain = batch.float() / 16
    mirrored = [not torch.equal(a, b) for a, b in zip(seen[0], plain, strict=True)]
    for flipped, a, b in zip(mirrored, seen[0], plain, strict=True):
        assert torch.equal(a, b.flip(2) if flipped else b)
    assert 0.2 < np.mean(mirrored) < 0.8


@pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.slow
def test_a_compiled_fit_follows_the_plain_one_to_rounding(digits: ImageSet, tmp_path: Path):
    losses = []
    for compiled in (False, True):
        lines: list[dict] = []
        fit = fit_of(config_of(epochs=3, compile=compiled), digits, tmp_path)
        fit.run(lambda line, _, lines=lines: lines.append(line), quiet=True)
        losses.append([line["validation"]["distortion"] for line in lines])
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


@pytest.mark.parametrize("stop_at", [5, 17, 18])
def test_a_fit_stopped_after_any_step_resumes_bit_for_bit(stop_at: int, digits: ImageSet, tmp_path: Path):
    whole = fit_of(config_of(), digits, tmp_path)
    history: list[dict] = []
    whole.run(lambda line, _: history.append(line), quiet=True)

    first = fit_of(config_of(), digits, tmp_path)
    seen: list[dict] = []
    for _ in range(stop_at):
        first._step(next(iter(first.epoch_batches())))
        if first.step % first.steps_per_epoch == 0:
            seen.append(first._close_epoch(first.step - 1, 0.0))
    first.save()
    second = fit_of(config_of(), digits, tmp_path)
    second.load()
    second.run(lambda line, _: seen.append(line), quiet=True)
    assert same(weights_of(whole), weights_of(second))
    for mine, expected in zip(seen, history, strict=True):
        for name in ("epoch", "step", "beta", "lr", "train", "validation", "rate_per_dimension"):
            assert mine[name] == expected[name], name


def test_a_signal_saves_the_state(digits: ImageSet, tmp_path: Path):
    fit = fit_of(config_of(epochs=50), digits, tmp_path)

    def on_epoch(line: dict, _: object) -> None:
        if line["epoch"] == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        fit.run(on_epoch, quiet=True)
    assert caught.value.signal_number == signal.SIGTERM
    assert (tmp_path / STATE).is_file()
    again = fit_of(config_of(epochs=50), digits, tmp_path)
    again.load()
    assert again.epoch == 2


def test_a_signal_while_the_last_epoch_is_closed_is_not_lost(digits: ImageSet, tmp_path: Path):
    fit = fit_of(config_of(epochs=2), digits, tmp_path)

    def on_epoch(line: dict, _: object) -> None:
        if line["epoch"] == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        fit.run(on_epoch, quiet=True)
    again = fit_of(config_of(epochs=2), digits, tmp_path)
    again.load()
    assert again.is_done


def test_a_signal_at_the_last_step_of_an_epoch_loses_no_line_of_history(digits: ImageSet, tmp_path: Path):
    config, lines = config_of(epochs=3), []
    fit = fit_of(config, digits, tmp_path)
    step = fit._step

    def interrupted(pixels: torch.Tensor) -> torch.Tensor:
        loss = step(pixels)
        if fit.step == 2 * fit.steps_per_epoch:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss

    fit._step = interrupted
    with pytest.raises(Interrupted):
        fit.run(lambda line, _: lines.append(line), quiet=True)
    again = fit_of(config, digits, tmp_path)
    again.load()
    again.run(lambda line, _: lines.append(line), quiet=True)
    assert [line["epoch"] for line in lines] == [1, 2, 3]


def test_patience_ends_a_fit_and_ships_its_best_epoch(digits: ImageSet, tmp_path: Path):
    config = config_of("ae", epochs=200, patience=3, lr=0.02, schedule="exponential")
    fit = fit_of(config, digits, tmp_path)
    lines: list[dict] = []
    fitted = fit.run(lambda line, _: lines.append(line), quiet=True)
    losses = [line["validation"]["distortion"] for line in lines]
    assert fitted.epochs < 200 and fitted.best_epoch == fitted.epochs - 3
    assert int(np.argmin(losses)) + 1 == fitted.best_epoch
    terms, _ = fit.price(fit.validation)
    assert terms["distortion"] == pytest.approx(min(losses), rel=1e-5)


def test_the_end_of_the_minutes_ends_a_fit_with_the_epoch_under_way(digits: ImageSet, tmp_path: Path):
    config = config_of(epochs=200, minutes=1.0)
    fit = fit_of(config, digits, tmp_path)
    fit.seconds = 59.999  # as after a resumed part
    lines: list[dict] = []
    fitted = fit.run(lambda line, _: lines.append(line), quiet=True)
    assert [line["epoch"] for line in lines] == [1]
    assert fitted.epochs == 1
    again = fit_of(config, digits, tmp_path)
    again.load()
    assert again.is_done, "a fit whose evaluation is resumed has no more time than before"


def test_a_trial_tells_how_long_an_epoch_takes(digits: ImageSet, tmp_path: Path):
    for batch_size in (64, 1097):  # of many steps, and of one
        assert fit_of(config_of(batch_size=batch_size), digits, tmp_path).trial(0.01) > 0


def test_averaged_weights_follow_the_fit_and_are_shipped(digits: ImageSet, tmp_path: Path):
    fits = [fit_of(config_of(epochs=3, average_epochs=half_life), digits, tmp_path) for half_life in (0.0, 1.0)]
    shipped = [fit.run(lambda *_: None, quiet=True).model.state_dict() for fit in fits]
    assert same(weights_of(fits[0]), weights_of(fits[1])), "an average changes nothing in the fit itself"
    assert same(shipped[0], weights_of(fits[0]))
    assert not same(dict(shipped[1]), weights_of(fits[1]))
    fits[1].save()
    again = fit_of(config_of(epochs=3, average_epochs=1.0), digits, tmp_path)
    again.load()
    assert same(again.exported.state_dict(), dict(shipped[1]))


def test_averaged_weights_are_priced_with_statistics_of_their_own(digits: ImageSet, tmp_path: Path):
    config, lines = config_of(epochs=3, average_epochs=1.0, lr=0.03), []
    net = dataclasses.replace(config.model, net="conv", norm="batch", widths=(8, 16), hidden=0)
    fit = fit_of(dataclasses.replace(config, model=net), digits, tmp_path)
    fit.run(lambda line, _: lines.append(line), quiet=True)  # it leaves the statistics of all training images
    priced, _ = fit.price(fit.validation)
    assert lines[-1]["validation"]["distortion"] == pytest.approx(priced["distortion"], rel=0.01)


def test_a_state_of_other_settings_is_refused(digits: ImageSet, tmp_path: Path):
    fit_of(config_of(), digits, tmp_path).save()
    with pytest.raises(CheckpointError, match="train.lr"):
        fit_of(config_of(lr=1e-4), digits, tmp_path).load()


def test_a_damaged_state_is_refused(digits: ImageSet, tmp_path: Path):
    fit = fit_of(config_of(), digits, tmp_path)
    fit.save()
    content = (tmp_path / STATE).read_bytes()
    for bad in (b"", content[: len(content) // 2], b"not a state"):
        (tmp_path / STATE).write_bytes(bad)
        with pytest.raises(CheckpointError, match="without --resume"):
            fit.load()


def test_a_diverging_fit_stops_with_the_step_and_a_hint(digits: ImageSet, tmp_path: Path):
    fit = fit_of(config_of(epochs=40), digits, tmp_path)
    with torch.no_grad():
        next(fit.model.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"step \d+ of \d+ .*--lr"):
        fit.run(lambda *_: None, quiet=True)


def test_a_loss_that_explodes_stops_the_fit_while_it_is_still_finite(digits: ImageSet, tmp_path: Path):
    fit = fit_of(config_of(epochs=40), digits, tmp_path)

    def explode(line: dict, _: object) -> None:
        with torch.no_grad():
            for parameter in fit.model.decoder.parameters():
                parameter.mul_(30)

    with pytest.raises(TrainingError, match=r"diverges: \S+ nats per image after \S+ at first.*step \d+ of.*--lr"):
        fit.run(explode, quiet=True)


def test_beta_rises_in_a_line_and_then_stays():
    settings = TrainConfig(beta=2.0, warmup_share=0.5)
    assert [beta_at(settings, step, 100) for step in (0, 25, 50, 99)] == [0, 1, 2, 2]
    assert beta_at(TrainConfig(beta=2.0, warmup="none"), 0, 100) == 2
    assert beta_at(TrainConfig(beta=2.0, warmup_share=0.0), 0, 100) == 2


def test_sigma_is_frozen_to_the_error_of_the_whole_training_set(digits: ImageSet, tmp_path: Path):
    config = config_of("ae", epochs=2, binarise=False)
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, likelihood="gaussian"))
    fit = fit_of(config, digits, tmp_path)
    fit.run(lambda *_: None, quiet=True)
    images = digits.images(split(digits, config.data).train)
    coder = TorchCoder(fit.model)
    mse = ((coder.decode(coder.encode(images).mean) - images) ** 2).mean()
    assert isinstance(fit.model.likelihood, Gaussian)
    assert fit.model.likelihood.sigma.item() == pytest.approx(math.sqrt(mse), rel=1e-4)


@pytest.fixture(scope="module")
def evaluated(digits: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> dict:
    results, baselines = {}, {}
    out = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        found = Mock(wraps=evaluation.principal_components)
        patch.setattr(evaluation, "principal_components", found)
        for family in ("ae", "vae"):
            config = config_of(family, epochs=30)
            fit = fit_of(config, digits, out)
            fit.run(lambda *_: None, quiet=True)
            parts = split(digits, config.data)
            results[family] = evaluate(TorchCoder(fit.model), config, digits, parts, out, baselines)
    return results | {"out": out, "baselines": found.call_count}


def test_scores_of_a_vae_hold_together(evaluated: dict):
    metrics, latents = evaluated["vae"]
    test = metrics["test"]
    json.dumps(metrics, allow_nan=False)
    assert -test["nll_iw"] > test["elbo"], "the importance-weighted bound is the tighter one"
    assert test["rate"] == pytest.approx(sum(test["rate_per_dimension"]), abs=1e-3)
    assert test["rate"] == pytest.approx(latents.rate.mean(), rel=1e-5)
    assert test["nll_iw_samples"] == 10 and test["nll_iw_images"] == 20
    for law in LAWS:
        for name, score in metrics["holes"][law].items():
            assert score["low"] <= score["value"] <= score["high"] or name == "frechet", (law, name)


def test_an_image_is_binarised_alike_in_every_selection_and_as_grey_as_it_is():
    rng = np.random.default_rng(0)
    images, rows = rng.random((500, 1, 8, 8), dtype=np.float32), rng.permutation(10_000)[:500]
    whole = evaluation.binarised(images, rows)
    some = rng.permutation(500)[:37]
    np.testing.assert_array_equal(evaluation.binarised(images[some], rows[some]), whole[some])
    assert set(np.unique(whole)) == {0, 1}
    np.testing.assert_array_equal(evaluation.binarised(np.zeros_like(images), rows), 0)
    np.testing.assert_array_equal(evaluation.binarised(np.ones_like(images), rows), 1)
    centred = (whole - images) / np.sqrt(images * (1 - images))  # mean 0, deviation 1, no image or pixel like another
    assert abs(centred.mean()) < 4 / np.sqrt(centred.size)
    assert np.abs(np.asarray(np.corrcoef(centred.reshape(500, -1)))[np.triu_indices(500, 1)]).max() < 5.5 / 8


def test_the_images_of_the_tight_bound_are_drawn_by_what_they_are():
    rows = np.random.default_rng(0).permutation(10_000)[:300]
    first = rows[evaluation.drawn_by_image(rows, 50)]
    assert len(set(first)) == 50
    rest = np.setdiff1d(rows, first)[:200]
    selection = np.random.default_rng(1).permutation(np.concatenate([first, rest]))
    np.testing.assert_array_equal(selection[evaluation.drawn_by_image(selection, 50)], first)


def test_scores_of_an_autoencoder_claim_no_bound(evaluated: dict):
    metrics, latents = evaluated["ae"]
    assert not {"elbo", "nll_iw", "elbo_grey"} & metrics["test"].keys()
    assert metrics["test"]["rate"] == 0 and latents.log_variance is None
    np.testing.assert_array_equal(latents.draw, latents.mean)


def test_stored_sets_are_disjoint_and_of_the_right_images(evaluated: dict, digits: ImageSet):
    _, latents = evaluated["vae"]
    sets = [set(latents.index), set(latents.reference_index), set(latents.calibration_index)]
    assert sum(map(len, sets)) == len(set.union(*sets))
    assert digits.labels is not None
    np.testing.assert_array_equal(latents.label, digits.labels[latents.index])


def test_evaluation_is_repeatable(evaluated: dict, digits: ImageSet):
    metrics, latents = evaluated["vae"]
    config = config_of(epochs=30)
    fit = fit_of(config, digits, evaluated["out"])
    fit.run(lambda *_: None, quiet=True)
    again, _ = evaluate(TorchCoder(fit.model), config, digits, split(digits, config.data), evaluated["out"])
    assert again == metrics
    assert len(latents.mean) == metrics["test"]["n"]


def test_runs_on_the_same_images_find_their_components_once(evaluated: dict):
    assert evaluated["baselines"] == 1
    assert evaluated["ae"][0]["pca"] == evaluated["vae"][0]["pca"]
    assert 0 < evaluated["vae"][0]["pca"]["mse"]["value"] < 0.1


def test_the_judge_is_fitted_once_and_again_for_other_images(evaluated: dict, digits: ImageSet):
    folder = evaluated["out"] / "features-digits"
    judge, fingerprint = load_judge(folder)
    assert fingerprint == digits.fingerprint
    stored = json.loads((folder / "config.json").read_text())
    assert stored["test_accuracy"] > 0.9
    before = (folder / "model.safetensors").stat().st_mtime_ns
    parts = split(digits, config_of().data)
    opened = open_judge(folder, digits, parts)
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
    test = digits.images(parts.test)
    np.testing.assert_array_equal(opened.features(test), judge.features(test))
    assert isinstance(judge, ClassifierJudge)
    np.testing.assert_allclose(judge.probabilities(test).sum(axis=1), 1, rtol=1e-5)


def test_a_damaged_judge_is_named(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="delete it"):
        load_judge(tmp_path)


@pytest.mark.parametrize("latent_dim", [2, 5])
@pytest.mark.parametrize("family", ["ae", "vae"])
def test_sheets_show_decodes_of_the_same_latents_at_every_epoch(family: str, latent_dim: int, tmp_path: Path):
    from PIL import Image

    from tests.fakes import LinearCoder

    codes = np.random.default_rng(0).standard_normal((50, latent_dim)).astype(np.float32) * 3 + 7
    latents = sheet_latents(family, codes)
    assert latents.shape == (64, latent_dim)
    np.testing.assert_array_equal(latents, sheet_latents(family, codes))
    assert (np.abs(latents.mean(axis=0)) < 1).all() == (family == "vae"), "an autoencoder's codes lie elsewhere"
    coder = LinearCoder(np.random.default_rng(1).standard_normal((64, latent_dim)), (1, 8, 8))
    write_sheet(tmp_path, 5, coder, latents)
    with Image.open(tmp_path / "sheets" / "epoch-0005.png") as sheet:
        assert sheet.size == (64, 64)
    colourful = LinearCoder(np.random.default_rng(1).standard_normal((192, latent_dim)), (3, 8, 8))
    write_sheet(tmp_path, 6, colourful, latents)
    with Image.open(tmp_path / "sheets" / "epoch-0006.webp") as sheet:
        assert (sheet.size, sheet.format) == ((64, 64), "WEBP")


def test_codes_are_kept_after_the_first_epochs_and_with_every_sheet():
    assert [epoch for epoch in range(1, 26) if keeps_codes(epoch, 8, 25)] == [1, 2, 4, 8, 16, 24, 25]
    assert [epoch for epoch in range(1, 7) if keeps_codes(epoch, 1, 6)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("count", [30, MOST_EPOCH_CODES + 500])
def test_the_images_that_keep_codes_are_the_same_whoever_asks(count: int):
    test = np.random.default_rng(0).permutation(3 * count)[:count]
    rows = kept_rows(test)
    assert len(rows) == min(count, MOST_EPOCH_CODES) and (np.diff(rows) > 0).all() and np.isin(rows, test).all()
    np.testing.assert_array_equal(rows, kept_rows(test[::-1]))


def test_codes_of_an_epoch_stay_within_half_precision():
    from tests.fakes import LinearCoder

    coder = LinearCoder(np.eye(64)[:, :2] * 1e-6, (1, 8, 8))
    codes = epoch_codes(coder, np.random.default_rng(0).random((5, 1, 8, 8)).astype(np.float32), np.arange(5))
    assert codes.mean.dtype == np.float16 and codes.mean.shape == (5, 2) and np.isfinite(codes.mean).all()
