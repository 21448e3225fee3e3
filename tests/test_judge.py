"""Feature spaces: one per data set, of what is known of its images, the same for all its runs."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.arrays import UNKNOWN
from explorer.checkpoint import read_tensors
from explorer.data import ImageSet, Split
from explorer.errors import CheckpointError
from explorer.training import judge as room
from explorer.training.baseline import principal_components
from explorer.training.judge import Judge, load_judge, open_judge
from tests.conftest import ROOT

COUNT, SIDE = 600, 16


def parts_of(count: int = COUNT) -> Split:
    """Four fifths for training, the rest for validation, calibration and testing."""
    train, validation, calibration, test = np.split(np.arange(count), [count * 8 // 10, count * 9 // 10, count - 10])
    return Split(train=train, validation=validation, calibration=calibration, test=test)


def bright_or_striped(known: float = 1.0, name: str = "made-up", side: int = SIDE, labels: bool = False) -> ImageSet:
    """Noisy images; attribute 0 makes an image bright, attribute 1 puts a stripe into it.

    Args:
        known: Share of the images whose attributes are known; 0 for a set without attributes.
        name: Name of the set.
        side: Of the images, in pixels.
        labels: Whether the first attribute is the label instead.
    """
    rng = np.random.default_rng(0)
    attributes = rng.integers(0, 2, (COUNT, 2)).astype(np.uint8)
    pixels = rng.integers(0, 60, (COUNT, 3, side, side)).astype(np.uint8)
    pixels[attributes[:, 0] == 1] += 90
    pixels[attributes[:, 1] == 1, :, side // 2 - 1 : side // 2 + 1] += 90
    told = attributes.copy()
    told[rng.random(COUNT) >= known] = UNKNOWN
    has = known > 0 and not labels
    return ImageSet(
        name=name,
        pixels=pixels,
        levels=256,
        test_count=10,
        labels=attributes[:, 0].astype(np.int64) if labels else None,
        class_names=("dark", "bright") if labels else None,
        attributes=told if has else None,
        attribute_names=("bright", "striped") if has else None,
    )


SETTINGS: dict[str, dict[str, Any]] = {"attributes": {}, "pca": {"known": 0.0}, "classifier": {"labels": True}}
"""What makes each kind of space."""


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits of a moment."""
    monkeypatch.setattr(room, "SEEN_IMAGES", 2_000)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of each kind, to read and to copy."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "SEEN_IMAGES", 256)
        for kind, settings in SETTINGS.items():
            found[kind] = tmp_path_factory.mktemp(kind) / "features-made-up"
            open_judge(found[kind], bright_or_striped(**settings), parts_of())
    return found


def stored(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "config.json").read_text())


@pytest.mark.parametrize(
    ("settings", "kind", "dimensions"),
    [
        ({"known": 1.0}, "attributes", 32),
        ({"known": 0.6}, "attributes", 32),
        ({"known": 0.1}, "pca", 64),
        ({"known": 0.0}, "pca", 64),
        ({"labels": True}, "classifier", 32),
        ({"labels": True, "side": 48}, "pca", 64),
    ],
)
def test_the_space_is_made_of_what_is_known(settings: dict[str, Any], kind: str, dimensions: int, tmp_path: Path):
    images = bright_or_striped(**settings)
    judge = open_judge(tmp_path / "features-made-up", images, parts_of())
    assert isinstance(judge, Judge) and judge.kind == kind == stored(tmp_path / "features-made-up")["kind"]
    assert "made-up" in judge.space and str(dimensions) in judge.space
    features = judge.features(images.images(np.arange(30)))
    assert features.shape == (30, dimensions) and features.dtype == np.float32
    assert np.isfinite(features.astype(np.float16)).all(), "runs store them in half precision"
    assert hasattr(judge, "probabilities") == (kind != "pca"), "what needs labels is there only with labels"
    assert {path.name for path in (tmp_path / "features-made-up").iterdir()} == {"config.json", "model.safetensors"}


@pytest.mark.parametrize("settings", [{"known": 0.6}, {"known": 0.0}, {"labels": True}])
def test_a_stored_space_is_read_back_bit_for_bit_and_never_made_twice(settings: dict[str, Any], tmp_path: Path):
    images, folder = bright_or_striped(**settings), tmp_path / "features-made-up"
    made = open_judge(folder, images, parts_of())
    written = (folder / "model.safetensors").stat().st_mtime_ns
    again, (loaded, fingerprint) = open_judge(folder, images, parts_of()), load_judge(folder)
    assert (folder / "model.safetensors").stat().st_mtime_ns == written and fingerprint == images.fingerprint
    some = images.images(np.arange(20))
    for other in (again, loaded):
        np.testing.assert_array_equal(other.features(some), made.features(some))
        assert (other.kind, other.space) == (made.kind, made.space)


def test_attributes_are_told_apart_though_some_are_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(room, "SEEN_IMAGES", 12_000)
    images = bright_or_striped(known=0.7, side=8)
    judge = open_judge(tmp_path / "features-made-up", images, parts_of())
    truth = bright_or_striped(side=8).attributes
    assert truth is not None
    test = parts_of().calibration
    probabilities = judge.probabilities(images.images(test))  # pyright: ignore[reportAttributeAccessIssue]
    assert ((probabilities > 0.5) == truth[test]).mean() > 0.9
    assert stored(tmp_path / "features-made-up")["validation_accuracy"] > 0.9


def test_principal_components_are_orthonormal_and_ordered_by_what_they_carry(tmp_path: Path):
    images = bright_or_striped(known=0.0)
    judge = open_judge(tmp_path / "features-made-up", images, parts_of())
    components = read_tensors(tmp_path / "features-made-up" / "model.safetensors")["components"].astype(np.float64)
    np.testing.assert_allclose(components @ components.T, np.eye(len(components)), atol=2e-3)
    features = judge.features(images.images(parts_of().train))
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=2e-2)
    assert (np.diff(features.var(axis=0)) < 0.1 * features.var(axis=0)[:-1]).all()
    bright = bright_or_striped().attributes[parts_of().train][:, 0]  # pyright: ignore[reportOptionalSubscript]
    assert abs(np.corrcoef(features[:, 0], bright)[0, 1]) > 0.95, "the first is what varies most"


def test_few_images_have_few_components(tmp_path: Path):
    images = bright_or_striped(known=0.0)
    few = Split(train=np.arange(12), validation=np.arange(12, 15), calibration=np.arange(15, 18),
                test=np.arange(18, 20))  # fmt: skip
    assert open_judge(tmp_path / "features-few", images, few).features(images.images(few.test)).shape == (2, 11)


def test_the_space_of_other_images_is_left_alone(tmp_path: Path):
    folder = tmp_path / "features-made-up"
    first, second = bright_or_striped(known=0.0), bright_or_striped(known=0.0, side=8)
    open_judge(folder, first, parts_of())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    other = open_judge(folder, second, parts_of())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before, "runs were measured with it"
    beside = tmp_path / f"features-made-up-{second.fingerprint[:8]}"
    assert load_judge(beside)[1] == second.fingerprint
    some = second.images(np.arange(5))
    np.testing.assert_array_equal(open_judge(folder, second, parts_of()).features(some), other.features(some))
    assert sorted(path.name for path in tmp_path.glob("[!.]*")) == ["features-made-up", beside.name]


def test_a_folder_of_somebodys_own_is_not_made_a_space(tmp_path: Path):
    folder, images = tmp_path / "features-made-up", bright_or_striped(known=0.0)
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"somebody's own")
    beside = tmp_path / f"features-made-up-{images.fingerprint[:8]}"
    open_judge(folder, images, parts_of())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"model.safetensors": b"somebody's own"}
    assert load_judge(beside)[1] == images.fingerprint


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("damage", ["config", "kind", "weights cut", "weights missing", "other weights"])
def test_a_damaged_space_is_named_in_one_sentence(kind: str, damage: str, tmp_path: Path, made: dict[str, Path]):
    folder = Path(shutil.copytree(made[kind], tmp_path / "features-made-up"))
    weights = folder / "model.safetensors"
    if damage == "config":
        (folder / "config.json").write_text("[]")
    elif damage == "kind":
        (folder / "config.json").write_text(json.dumps(stored(folder) | {"kind": "oracle"}))
    elif damage == "weights cut":
        weights.write_bytes(weights.read_bytes()[:-7])
    elif damage == "weights missing":
        weights.unlink()
    else:
        (folder / "config.json").write_text(json.dumps(stored(folder) | {"image_shape": [3, 9], "classes": 7}))
    with pytest.raises(CheckpointError, match="delete it"):
        load_judge(folder)


@pytest.mark.parametrize("name", ["mnist", "digits"])
def test_the_spaces_that_come_with_the_project_are_read(name: str):
    judge, fingerprint = load_judge(ROOT / "checkpoints" / f"features-{name}")
    assert judge.kind == "classifier" and len(fingerprint) == 64
    shape = tuple(stored(ROOT / "checkpoints" / f"features-{name}")["image_shape"])
    assert judge.features(np.zeros((2, *shape), np.float32)).shape == (2, 32)


# --- the least that a model has to beat ---------------------------------------------------------------------------


def flat_images(directions: int) -> ImageSet:
    """Images that vary along so many directions of pixel space only, up to the rounding to bytes."""
    rng = np.random.default_rng(1)
    patterns = rng.standard_normal((directions, 3 * SIDE * SIDE))
    pixels = 127 + rng.standard_normal((COUNT, directions)) * 12 @ patterns
    return ImageSet(
        name="flat",
        pixels=np.clip(np.rint(pixels), 0, 255).astype(np.uint8).reshape(COUNT, 3, SIDE, SIDE),
        levels=256,
        test_count=100,
    )


def test_as_many_components_as_there_are_directions_lose_nothing_and_draw_the_same_images(tmp_path: Path):
    images, parts = flat_images(3), parts_of()
    parts = dataclasses.replace(parts, test=np.arange(COUNT - 100, COUNT))
    judge, test = open_judge(tmp_path / "features-flat", images, parts), images.images(parts.test)
    features = judge.features(test)
    found = {d: principal_components(images, parts, d, test, judge, features, neighbour=5) for d in (1, 2, 3)}
    rounding = (1 / 255) ** 2 / 12
    assert found[3]["mse"].value == pytest.approx(rounding, rel=0.1)
    assert found[1]["mse"].value > found[2]["mse"].value > 50 * rounding
    assert found[3]["frechet"].value < 0.2 * found[1]["frechet"].value
    assert found[3]["coverage"].value > 0.8
    assert (found[3]["components"], found[3]["images"]) == (3, len(parts.train))
