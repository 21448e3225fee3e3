"""The feature loss: its net, a fit that is charged for features, and what is said of such a run."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer.checkpoint import list_runs, read_config, read_metrics
from explorer.config import DataConfig, ModelConfig, RunConfig, TrainConfig, resolve
from explorer.data import ImageSet, load_dataset, split
from explorer.errors import CheckpointError, ConfigError
from explorer.models.layers import even_out
from explorer.training import perception as room
from explorer.training.fit import Fit
from explorer.training.perception import LARGEST_OFFSET, FeatureNet, fit_features, load_features, open_features, view
from explorer.views.chooser import fit_line
from tests.conftest import ROOT
from tests.test_judge import bright_or_striped, parts_of
from train import main

WEIGHT = 1_000.0
"""Of the feature loss in these fits, nats: the whole distortion is some 50 of them."""


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits of a moment."""
    monkeypatch.setattr(room, "SEEN_PAIRS", 1_280)


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return load_dataset(DataConfig(dataset="digits"))


@pytest.fixture(scope="module")
def net(digits: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> FeatureNet:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "SEEN_PAIRS", 3_840)
        folder = tmp_path_factory.mktemp("net") / "features-digits+loss"
        return open_features(folder, digits, split(digits, DataConfig(dataset="digits")))


def config_of(family: Any = "vae", model: dict[str, Any] | None = None, **train: Any) -> RunConfig:
    settings = {"epochs": 3, "feature_loss": WEIGHT, **train}
    config = resolve(
        RunConfig(
            data=DataConfig(dataset="digits"),
            model=ModelConfig(family=family, latent_dim=2, hidden=32, **(model or {})),
            train=TrainConfig(**settings),
        )
    )
    return dataclasses.replace(config, model=dataclasses.replace(config.model, image_shape=(1, 8, 8), levels=17))


def fit_of(config: RunConfig, images: ImageSet, folder: Path, net: FeatureNet | None) -> Fit:
    return Fit(
        config,
        images.pixels,
        split(images, config.data),
        device=torch.device("cpu"),
        precision=torch.float32,
        folder=folder,
        features=net,
    )


def some_of(images: ImageSet, count: int = 64) -> torch.Tensor:
    return torch.from_numpy(images.images(np.arange(count)))


# --- the net ----------------------------------------------------------------------------------------------------------


def test_a_net_finds_the_partner_of_a_view_far_more_often_than_chance(
    digits: ImageSet, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(room, "SEEN_PAIRS", 6_400)
    _, told = fit_features(digits, split(digits, DataConfig(dataset="digits")))
    assert told > 20 / (2 * room.BATCH - 1)


def test_a_distance_is_0_at_the_image_and_grows_with_a_blur(net: FeatureNet, digits: ImageSet):
    images = some_of(digits)
    assert net.distance(images, images).abs().max() == 0
    blurred = [images]
    for _ in range(3):
        blurred.append(torch.nn.functional.avg_pool2d(blurred[-1], 3, stride=1, padding=1))
    means = [net.distance(each, images).mean().item() for each in blurred]
    assert means == sorted(means) and means[1] > 0.01
    others = net.distance(images.roll(1, dims=0), images).mean()
    assert means[1] < others < 3, "independent features of variance 1 are 2 apart"


def test_only_reconstructions_get_a_gradient_and_no_weight_does(net: FeatureNet, digits: ImageSet):
    images, made = some_of(digits, 4).requires_grad_(), some_of(digits, 4).add(0.1).requires_grad_()
    net.distance(made, images).sum().backward()
    assert images.grad is None and made.grad is not None and made.grad.abs().sum() > 0
    assert all(not weight.requires_grad for weight in net.parameters())


@pytest.mark.parametrize("offset", [(0, 0), (3, 5), (LARGEST_OFFSET - 1, 1)])
def test_an_offset_moves_both_images_alike(offset: tuple[int, int], net: FeatureNet, digits: ImageSet):
    images, made = some_of(digits, 8), some_of(digits, 8).roll(1, dims=0)
    moved = [each.roll(offset, dims=(2, 3)) for each in (made, images)]
    net.offset.zero_()
    expected = net.distance(*moved)
    try:
        net.offset.copy_(torch.tensor(offset))
        torch.testing.assert_close(net.distance(made, images), expected)
    finally:
        net.offset.zero_()


@pytest.mark.parametrize("side", [8, 11, 16, 64])
def test_a_view_keeps_shape_and_range_and_images_of_any_size_have_two_maps(side: int):
    images = torch.rand(5, 3, side, side)
    seen = view(images, torch.Generator().manual_seed(0))
    assert seen.shape == images.shape and seen.min() >= 0 and seen.max() <= 1 and not torch.equal(seen, images)
    made = FeatureNet((3, side, side)).eval()
    assert len(made.maps(images)) >= 2 and made.distance(seen, images).shape == (5,)


def test_a_net_is_stored_once_read_back_as_it_was_and_that_of_other_images_left_alone(tmp_path: Path):
    folder, images, others = tmp_path / "features-made-up+loss", bright_or_striped(), bright_or_striped(side=8)
    first = open_features(folder, images, parts_of())
    written = (folder / "model.safetensors").read_bytes()
    again = open_features(folder, images, parts_of())
    pair = some_of(images, 8), some_of(images, 8).flip(0)
    torch.testing.assert_close(again.distance(*pair), first.distance(*pair), rtol=0, atol=0)
    open_features(folder, others, parts_of())
    assert (folder / "model.safetensors").read_bytes() == written
    assert load_features(tmp_path / f"features-made-up+loss-{others.fingerprint[:8]}")[1] == others.fingerprint
    assert list_runs(tmp_path) == [], "it is no run"


@pytest.mark.parametrize("damage", ["config", "weights", "shape"])
def test_a_damaged_net_is_named_in_one_sentence(damage: str, tmp_path: Path):
    folder, images = tmp_path / "features-made-up+loss", bright_or_striped()
    open_features(folder, images, parts_of())
    config = folder / "config.json"
    if damage == "weights":
        (folder / "model.safetensors").write_bytes(b"nothing")
    else:
        text = "[]" if damage == "config" else json.dumps(json.loads(config.read_text()) | {"image_shape": [1, 9]})
        config.write_text(text)
    with pytest.raises(CheckpointError, match="delete it"):
        load_features(folder)


# --- the fit ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["ae", "vae", "hierarchical", "sparse"])
def test_a_charged_fit_misses_fewer_features_and_says_what_they_cost(
    family: str, digits: ImageSet, tmp_path: Path, net: FeatureNet
):
    missed = []
    for weight in (0.0, WEIGHT):
        lines: list[dict[str, Any]] = []
        fit = fit_of(config_of(family, epochs=40, feature_loss=weight), digits, tmp_path, net if weight else None)
        fitted = fit.run(lambda line, _, lines=lines: lines.append(line), quiet=True)
        model, images = fitted.model.eval(), some_of(digits, 500)
        with torch.inference_mode():
            missed.append(net.distance(model.decode(model.encode(images).mean), images).mean().item())
        charged = weight > 0 or family == "sparse"
        assert all(("penalty" in line["validation"]) == charged for line in lines)
        last = lines[-1]["validation"]
        beta = 0.0 if family in ("ae", "sparse") else 1.0
        whole = last["distortion"] + beta * last["rate"] + last.get("penalty", 0.0)
        assert last["total"] == pytest.approx(whole, rel=1e-5)
        assert (fitted.gradient_variance is None) == (weight > 0 or family in ("ae", "sparse"))
    assert missed[1] < 0.98 * missed[0]


@pytest.mark.parametrize("average", [0.0, 1.0])
def test_a_charged_fit_resumes_bit_for_bit(average: float, digits: ImageSet, tmp_path: Path, net: FeatureNet):
    config = config_of(average_epochs=average)
    whole, history = fit_of(config, digits, tmp_path, net), []
    whole.run(lambda line, _: history.append(line), quiet=True)
    first = fit_of(config, digits, tmp_path, net)
    for _ in range(7):
        first._step(next(iter(first.epoch_batches())))
    first.save()
    second, seen = fit_of(config, digits, tmp_path, net), []
    second.load()
    second.run(lambda line, _: seen.append(line), quiet=True)
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, second.model.state_dict()[name]), name
    assert [line["validation"] for line in seen] == [line["validation"] for line in history]
    assert not any("stages" in name for name in whole.model.state_dict()), "a run holds none of the net's weights"


def test_a_charged_fit_needs_its_net(digits: ImageSet, tmp_path: Path):
    with pytest.raises(ConfigError, match="feature_loss needs a net"):
        fit_of(config_of(), digits, tmp_path, None)


@pytest.mark.parametrize(
    "other", [{"objective": "iwae", "samples": 2}, {"gradient": "score"}, {"feature_loss": -1.0}, {"feature_loss": 1e9}]
)
def test_a_feature_loss_goes_with_no_bound_and_no_score_function(other: dict[str, Any]):
    with pytest.raises(ConfigError, match="feature_loss"):
        config_of(**other)


def test_an_even_kernel_answers_a_flat_map_with_a_flat_map_and_is_the_nearest_doubling():
    torch.manual_seed(0)
    layer = torch.nn.ConvTranspose2d(3, 5, kernel_size=4, stride=2, padding=1).double()
    flat = torch.rand(2, 3, 1, 1).double().expand(2, 3, 6, 6)
    before, kernel = layer(flat)[:, :, 2:-2, 2:-2], layer.weight.detach().clone()
    assert before.var(dim=(2, 3)).min() > 1e-6, "even and odd places differ"
    even_out(layer)
    assert layer(flat)[:, :, 2:-2, 2:-2].var(dim=(2, 3)).max() < 1e-20
    moved, kept = kernel - layer.weight.detach(), layer.weight.detach().clone()
    assert abs((moved * kept).sum()) < 1e-10, "a projection: what was taken is at right angles to what is left"
    even_out(layer)
    torch.testing.assert_close(layer.weight.detach(), kept)


# --- the run ----------------------------------------------------------------------------------------------------------


def test_a_run_that_maximises_no_likelihood_has_no_bound_and_says_so(tmp_path: Path):
    command = ["--dataset", "digits", "--latent-dim", "2", "--epochs", "2", "--out", str(tmp_path), "--quiet"]
    assert main([*command, "--feature-loss", "50", "--tag", "sharp"]) == 0
    assert main(command) == 0
    sharp, plain = tmp_path / "digits-vae-2-sharp", tmp_path / "digits-vae-2"
    assert list_runs(tmp_path) == [plain.name, sharp.name]
    assert (tmp_path / "features-digits+loss" / "config.json").is_file()
    scores, usual = read_metrics(sharp), read_metrics(plain)
    assert {"elbo", "nll_iw"} <= usual["test"].keys() and not {"elbo", "nll_iw"} & scores["test"].keys()
    assert scores["not_measured"] == [], "none is to be measured later"
    for found in (scores, usual):
        for name in ("frechet", "frechet_pixels"):
            low, high = found["test"][f"{name}_interval"]
            assert low <= found["test"][name] <= high
            assert found["holes"]["raw"][name]["value"] > 0 and found["holes"][f"{name}_floor"]["value"] > 0
    from explorer.library import Library

    library = Library(tmp_path)
    assert fit_line(library.card(plain.name)) is None
    assert "no likelihood" in str(fit_line(library.card(sharp.name)))
    assert library.twin(sharp.name) is None
    mine, other = read_config(sharp), read_config(plain)
    assert mine.key != other.key


def test_runs_of_before_there_was_a_feature_loss_keep_their_key():
    for name in list_runs(ROOT / "checkpoints"):
        stored = json.loads((ROOT / "checkpoints" / name / "config.json").read_text())
        config = read_config(ROOT / "checkpoints" / name)
        if not config.train.charges_features:
            assert config.key == stored["key"], name


# --- a fit that begins with the weights of another --------------------------------------------------------------------


def test_a_fit_begins_with_the_weights_of_another_run_of_the_same_net(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    command = [
        "--dataset",
        "digits",
        "--latent-dim",
        "2",
        "--hidden",
        "16",
        "--out",
        str(tmp_path),
        "--quick",
        "--quiet",
    ]
    assert main([*command, "--epochs", "40"]) == 0
    on = [*command, "--begin-with", "digits-vae-2", "--epochs", "1", "--lr", "1e-9", "--warmup", "none"]
    assert main([*on, "--tag", "on"]) == 0
    assert main([*command, "--epochs", "1", "--lr", "1e-9", "--tag", "anew"]) == 0
    costs = {run: read_metrics(tmp_path / run)["test"]["distortion"] for run in list_runs(tmp_path)}
    assert costs["digits-vae-2-on"] == pytest.approx(costs["digits-vae-2"], rel=1e-3) != costs["digits-vae-2-anew"]
    assert read_config(tmp_path / "digits-vae-2-on").train.begin_with == "digits-vae-2"
    capsys.readouterr()
    for flags, words in (
        (["--begin-with", "digits-vae-3"], "there is no run 'digits-vae-3'"),
        (["--begin-with", "digits-vae-3", "--feature-loss", "50"], "there is no run 'digits-vae-3'"),
        (["--begin-with", "digits-vae-2", "--tag", "", "--overwrite"], "cannot begin with itself"),
        (["--begin-with", "digits-vae-2", "--hidden", "24"], "its hidden is 16, and here it is 24"),
        (["--begin-with", "../digits-vae-2"], "begin_with must be the name of a run"),
    ):
        before = sorted(tmp_path.rglob("*"))
        assert main([*command, "--tag", "other", *flags]) == 1
        assert words in capsys.readouterr().err and sorted(tmp_path.rglob("*")) == before
    with pytest.raises(SystemExit):
        main([*command, "--begin-with", "digits-vae-2", "--twin"])
    assert "--begin-with is of one run" in capsys.readouterr().err


def test_a_fit_that_begins_with_a_run_takes_its_split_and_is_measured_on_none_of_its_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    command = ["--dataset", "digits", "--latent-dim", "2", "--hidden", "16", "--epochs", "1", "--quick", "--quiet"]
    command += ["--out", str(tmp_path)]
    assert main([*command, "--calibration", "200", "--held-out", "50"]) == 0
    assert main([*command, "--begin-with", "digits-vae-2", "--tag", "on"]) == 0
    mine, theirs = (read_config(tmp_path / run).data for run in ("digits-vae-2-on", "digits-vae-2"))
    assert (mine.calibration, mine.held_out) == (theirs.calibration, theirs.held_out) == (200, 50)
    capsys.readouterr()
    other = ["--begin-with", "digits-vae-2", "--tag", "off", "--split-seed", "1"]
    assert main([*command, *other]) == 1
    told = capsys.readouterr().err
    assert "was fitted to" in told and "would be measured on" in told and not (tmp_path / "digits-vae-2-off").exists()


@pytest.mark.parametrize("sigma", ["learned", "0.2", "optimal"])
def test_a_fit_keeps_its_own_likelihood_whatever_it_begins_with(sigma: str, digits: ImageSet, tmp_path: Path):
    def fit_with(sigma: str, first: Any = None) -> Fit:
        config = config_of(model={"likelihood": "gaussian", "sigma": sigma}, feature_loss=0.0)
        parts, places = split(digits, config.data), {"device": torch.device("cpu"), "precision": torch.float32}
        return Fit(config, digits.pixels, parts, folder=tmp_path, first=first, **places)

    first = {name: np.asarray(each + 1) for name, each in fit_with("0.3").model.state_dict().items()}
    found, own = fit_with(sigma, first).model, fit_with(sigma).model
    assert found.likelihood.deviation() == own.likelihood.deviation()  # pyright: ignore[reportCallIssue]
    for name, each in found.state_dict().items():
        if not name.startswith("likelihood."):
            np.testing.assert_array_equal(each.numpy(), first[name])
