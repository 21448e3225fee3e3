"""Data sets in torchvision's folders: MNIST's kin, CIFAR-10 and SVHN, from small files that are made on the spot."""

import dataclasses
import gzip
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from explorer.config import DATASETS
from explorer.config.settings import DataConfig
from explorer.data import ImageSet, dataset_files, is_downloadable, load_dataset, source_of
from explorer.data.pickled import plain_values
from explorer.errors import DataError, MissingDataError
from tests.test_data import idx

COUNTS = {"train": 12, "test": 5}
MNIST_NAMES = {"train": "train", "test": "t10k"}


def load(name: str, folder: Path) -> ImageSet:
    return load_dataset(DataConfig(dataset=name), folder)


def images_of(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28)).astype(np.uint8)


def write_idx(
    raw: Path, names: dict[str, str], highest: int = 9, least: int = 0, counts: dict[str, int] = COUNTS
) -> None:
    """Files of a set in MNIST's form; `names` are the beginnings of their names."""
    raw.mkdir(parents=True, exist_ok=True)
    for number, (part, name) in enumerate(names.items()):
        labels = np.linspace(least, highest, counts[part]).round()
        (raw / f"{name}-images-idx3-ubyte").write_bytes(idx(images_of(number, counts[part])))
        (raw / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))


def write_qmnist(raw: Path) -> None:
    raw.mkdir(parents=True)
    for number, part in enumerate(("train", "test")):
        labels = np.zeros((COUNTS[part], 8), ">i4")
        labels[:, 0] = np.arange(COUNTS[part]) % 10
        labels[:, 1] = 70_000  # who wrote it
        (raw / f"qmnist-{part}-images-idx3-ubyte").write_bytes(idx(images_of(number, COUNTS[part])))
        header = bytes([0, 0, 12, 2]) + np.array(labels.shape, ">u4").tobytes()
        (raw / f"qmnist-{part}-labels-idx2-int").write_bytes(header + labels.tobytes())


def write_cifar10(folder: Path, protocol: int = 2, count: int = 4, keys: type = str) -> np.ndarray:
    """Six batches as torchvision unpacks them; all of their images, (6 * count, 3, 32, 32)."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (6 * count, 3072)).astype(np.uint8)
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    for number, name in enumerate(names):
        rows = slice(number * count, (number + 1) * count)
        held = {"batch_label": name, "labels": [row % 10 for row in range(count)], "data": pixels[rows].copy()}
        entry = {key.encode() if keys is bytes else key: value for key, value in held.items()}
        (folder / name).write_bytes(pickle.dumps(entry, protocol))
    return pixels.reshape(-1, 3, 32, 32)


def write_svhn(folder: Path) -> np.ndarray:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    parts = []
    for name, count in (("train", 12), ("test", 5)):
        pixels = rng.integers(0, 256, (32, 32, 3, count)).astype(np.uint8)
        savemat(folder / f"{name}_32x32.mat", {"X": pixels, "y": 1 + np.arange(count, dtype=np.uint8)[:, None] % 10})
        parts.append(pixels.transpose(3, 2, 0, 1))
    return np.concatenate(parts)


def write_named(name: str, folder: Path) -> None:
    """A small copy of a data set in torchvision's layout."""
    emnist = {part: f"emnist-balanced-{part}" for part in COUNTS}
    {
        "mnist": lambda: write_idx(folder / "MNIST/raw", MNIST_NAMES),
        "fashion-mnist": lambda: write_idx(folder / "FashionMNIST/raw", MNIST_NAMES),
        "kmnist": lambda: write_idx(folder / "KMNIST/raw", MNIST_NAMES),
        "emnist": lambda: write_idx(folder / "EMNIST/raw", emnist, highest=46),
        "qmnist": lambda: write_qmnist(folder / "QMNIST/raw"),
        "cifar10": lambda: write_cifar10(folder / "cifar-10-batches-py"),
        "svhn": lambda: write_svhn(folder),
    }[name]()


NAMED = ("fashion-mnist", "kmnist", "emnist", "qmnist", "cifar10", "svhn")
SHAPES = dict.fromkeys(NAMED, (1, 28, 28)) | {"cifar10": (3, 32, 32), "svhn": (3, 32, 32)}


@pytest.mark.parametrize("name", NAMED)
def test_a_named_set_is_read_in_torchvisions_layout(name: str, tmp_path: Path):
    with pytest.raises(MissingDataError, match=f"train.py --dataset {name}"):
        load(name, tmp_path)
    write_named(name, tmp_path)
    images = load(name, tmp_path)
    assert images.image_shape == SHAPES[name] and images.name == name and images.shares_test
    assert (len(images), images.test_count) == ((24, 4) if name == "cifar10" else (17, 5))
    assert images.labels is not None and images.class_names is not None
    assert images.labels.min() == 0 and images.labels.max() < len(images.class_names)
    listed = dataset_files(DataConfig(dataset=name), tmp_path)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} <= set(listed), "a change of any is seen"


@pytest.mark.parametrize("name", NAMED)
def test_a_named_set_can_be_fetched_and_says_what_it_is(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[Any] = []
    torchvision_class = {"fashion-mnist": "FashionMNIST", "cifar10": "CIFAR10"}.get(name, name.upper())

    def fetch(root: str, download: bool, **arguments: str) -> None:
        asked.append(arguments)
        if not any(Path(root).iterdir()):
            write_named(name, Path(root))

    monkeypatch.setattr(f"torchvision.datasets.{torchvision_class}", fetch)
    assert is_downloadable(name) and source_of(name).title
    with pytest.raises(MissingDataError):
        load(name, tmp_path)
    assert not asked, "nothing is fetched unasked"
    assert load_dataset(DataConfig(dataset=name), tmp_path, download=True).test_count
    parts = {"emnist": [{"split": "balanced"}], "qmnist": [{"what": "train"}, {"what": "test"}]}
    assert asked == (parts | {"svhn": [{"split": "train"}, {"split": "test"}]}).get(name, [{}])
    load_dataset(DataConfig(dataset=name), tmp_path, download=True)
    assert len(asked) == len(parts.get(name, [{}])) + (name == "svhn"), "what is there is not fetched again"


@pytest.mark.parametrize("name", NAMED)
def test_sets_in_mnists_form_have_its_defaults_and_photographs_their_own(name: str):
    assert (DATASETS[name] == DATASETS["mnist"]) == (SHAPES[name] == (1, 28, 28))


def test_emnist_is_upright_and_its_division_is_said(tmp_path: Path):
    write_named("emnist", tmp_path)
    images = load("emnist", tmp_path)
    np.testing.assert_array_equal(images.pixels[:12, 0], images_of(0, 12).transpose(0, 2, 1))
    assert images.class_names is not None and images.class_names[-1] == "t" and len(images.class_names) == 47
    assert "'balanced' of 47 classes" in images.notes[0] and "upright" in images.notes[0]


def test_letters_of_emnist_count_from_one_and_lie_where_they_lie(tmp_path: Path):
    write_idx(tmp_path / "MNIST/raw", {part: f"emnist-letters-{part}" for part in COUNTS}, highest=26, least=1)
    images = load("emnist", tmp_path)
    assert images.labels is not None and images.class_names is not None
    assert (images.labels.min(), images.class_names[images.labels.max()]) == (0, "z")
    assert "found in MNIST/raw" in images.notes[0]
    with pytest.raises(MissingDataError, match="EMNIST's files, but none of MNIST's"):
        load("mnist", tmp_path)


def test_emnist_under_mnists_names_is_noticed_by_its_labels(tmp_path: Path):
    write_idx(tmp_path / "MNIST/raw", MNIST_NAMES, highest=46)
    with pytest.raises(DataError, match="labels up to 46: these are EMNIST's files.*--dataset emnist") as caught:
        load("mnist", tmp_path)
    assert "\n" not in str(caught.value)


def test_emnist_under_mnists_names_is_noticed_by_its_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_idx(tmp_path / "MNIST/raw", MNIST_NAMES)
    monkeypatch.setattr("explorer.data.mnist.COUNTS", {"digits": ((12, 5),)})
    with pytest.raises(DataError, match="12 and 5 images.*emnist-digits-train-images"):
        load("mnist", tmp_path)
    monkeypatch.setattr("explorer.data.mnist.COUNTS", {})
    write_idx(tmp_path / "MNIST/raw", MNIST_NAMES, counts={"train": 10, "test": 5})
    assert load("mnist", tmp_path).notes == ()
    monkeypatch.setattr("explorer.data.mnist.EVEN", 1)
    assert "seems to hold EMNIST" in load("mnist", tmp_path).notes[0]


def test_fashion_in_mnists_folder_is_not_taken_for_fashion(tmp_path: Path):
    write_idx(tmp_path / "MNIST/raw", MNIST_NAMES)
    with pytest.raises(MissingDataError, match="fetch Fashion-MNIST"):
        load("fashion-mnist", tmp_path)
    write_idx(tmp_path / "fashion", MNIST_NAMES)
    assert load("fashion-mnist", tmp_path / "fashion").test_count == 5, "the folder itself may be named"


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("keys", [str, bytes])
def test_cifar10_is_read_without_unpickling(protocol: int, keys: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    expected = write_cifar10(tmp_path / "cifar-10-batches-py", protocol, keys=keys)
    monkeypatch.setattr(pickle, "load", None)
    monkeypatch.setattr(pickle, "loads", None)
    images = load("cifar10", tmp_path)
    np.testing.assert_array_equal(images.pixels, expected)
    assert images.labels is not None and images.labels.tolist() == [0, 1, 2, 3] * 6


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.write_text, (self.path, "run")


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_runs_code_is_refused_and_does_not_run(protocol: int, tmp_path: Path):
    write_cifar10(tmp_path / "cifar-10-batches-py")
    mark = tmp_path / "mark"
    (tmp_path / "cifar-10-batches-py/test_batch").write_bytes(pickle.dumps({"data": Bomb(mark)}, protocol))
    with pytest.raises(DataError, match="not unpickled"):
        load("cifar10", tmp_path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "content", [b"", b"\x80", b"K\x01", b"}", b"<html>", b"\x80\x04N.", b"c__main__\nx\n.", b"h\x05."]
)
def test_a_damaged_batch_is_one_sentence(content: bytes, tmp_path: Path):
    write_cifar10(tmp_path / "cifar-10-batches-py")
    (tmp_path / "cifar-10-batches-py/data_batch_3").write_bytes(content)
    with pytest.raises(DataError, match="data_batch_3") as caught:
        load("cifar10", tmp_path)
    assert "\n" not in str(caught.value)


def test_plain_values_of_any_depth_come_back(tmp_path: Path):
    held = {"a": [1, -(2**40), 2.5, None, True, (), ("x", b"y", [{"z": {}}])], "b": (1,), "again": "a"}
    for protocol in range(6):
        (tmp_path / "file").write_bytes(pickle.dumps(held, protocol))
        assert plain_values(tmp_path / "file") == held


def test_svhn_has_digit_zero_for_label_ten_and_leaves_the_easy_ones_out(tmp_path: Path):
    expected = write_svhn(tmp_path / "svhn")
    images = load("svhn", tmp_path)
    np.testing.assert_array_equal(images.pixels, expected)
    assert images.labels is not None and images.labels[:12].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]
    assert images.notes == ()
    (tmp_path / "svhn/extra_32x32.mat").write_bytes(b"")
    assert "extra_32x32.mat is left out" in load("svhn", tmp_path).notes[0]


@pytest.mark.parametrize("damage", ["cut", "foreign", "other", "range"])
def test_a_damaged_matlab_file_is_one_sentence(damage: str, tmp_path: Path):
    write_svhn(tmp_path)
    path = tmp_path / "test_32x32.mat"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif damage == "foreign":
        path.write_bytes(b"<html>not found</html>" * 20)
    elif damage == "other":
        savemat(path, {"X": np.zeros((28, 28, 5), np.uint8), "y": np.ones((5, 1), np.uint8)})
    else:
        savemat(path, {"X": np.zeros((32, 32, 3, 5), np.uint8), "y": np.full((5, 1), 11, np.uint8)})
    with pytest.raises(DataError, match="test_32x32.mat") as caught:
        load("svhn", tmp_path)
    assert "\n" not in str(caught.value)


def test_the_same_files_are_the_same_set_wherever_they_lie(tmp_path: Path):
    write_named("kmnist", tmp_path / "a")
    write_idx(tmp_path / "b/kmnist", MNIST_NAMES)
    assert load("kmnist", tmp_path / "a").fingerprint == load("kmnist", tmp_path / "b").fingerprint
    assert dataclasses.asdict(load("kmnist", tmp_path / "a"))["notes"] == ()
