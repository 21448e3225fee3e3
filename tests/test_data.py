"""Data sets: what a file must be, what is said of a bad one, and splits that never overlap."""

import dataclasses
import errno
import gzip
import socket
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.config import DataConfig
from explorer.data import dataset_files, default_data_dir, load_dataset, split
from explorer.data.idx import FILES
from explorer.data.sets import ImageSet, reference_count, sized
from explorer.errors import DataError, MissingDataError
from explorer.images import to_bytes, to_unit

COUNTS = {"train": 12, "test": 5}


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    """A tiny data set in MNIST's layout, plain files."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, (images, labels) in FILES.items():
        (raw / images).write_bytes(idx(rng.integers(0, 256, (COUNTS[part], 28, 28))))
        (raw / labels).write_bytes(idx(rng.integers(0, 10, COUNTS[part])))
    return tmp_path


def load(folder: Path) -> ImageSet:
    return load_dataset(DataConfig(dataset="mnist"), folder)


def test_mnist_is_one_array_with_the_test_images_last(mnist: Path):
    images = load(mnist)
    assert images.pixels.shape == (17, 1, 28, 28) and images.pixels.dtype == np.uint8
    assert images.test_count == 5 and images.labels is not None and images.labels.shape == (17,)
    last = (mnist / "MNIST/raw" / FILES["test"][0]).read_bytes()[16:]
    assert images.pixels[-5:].tobytes() == last


def test_gzipped_and_plain_files_are_the_same_set(mnist: Path):
    plain = load(mnist)
    for names in FILES.values():
        for name in names:
            path = mnist / "MNIST/raw" / name
            path.with_name(f"{name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    assert load(mnist).fingerprint == plain.fingerprint


@pytest.mark.parametrize("zipped", ["neither", "labels", "both"])
@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("MNIST/raw", "."),
        ("MNIST/raw", "MNIST"),
        ("MNIST/raw", "MNIST/raw"),
        ("MNIST", "."),
        ("mnist", "."),
        ("flat", "flat"),
    ],
)
def test_the_files_are_found_wherever_the_data_folder_points(
    place: str, named: str, dotted: bool, zipped: str, mnist: Path, tmp_path: Path
):
    expected = load(mnist).fingerprint
    raw = (mnist / "MNIST/raw").rename(tmp_path / "aside")
    (mnist / "MNIST").rmdir()
    (tmp_path / place).mkdir(parents=True)
    for path in raw.iterdir():
        name = path.name.replace("-idx", ".idx") if dotted else path.name
        if zipped == "both" or (zipped == "labels" and "labels" in name):
            (tmp_path / place / f"{name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        else:
            (tmp_path / place / name).write_bytes(path.read_bytes())
    assert load(tmp_path / named).fingerprint == expected
    assert set((tmp_path / place).iterdir()) <= set(dataset_files(DataConfig(dataset="mnist"), tmp_path / named))


@pytest.mark.parametrize("name", ["FashionMNIST", "KMNIST"])
def test_files_of_another_set_that_are_called_the_same_are_not_taken(name: str, mnist: Path):
    (mnist / "MNIST").rename(mnist / name)
    for place in (mnist / name, mnist / name / "raw"):
        with pytest.raises(MissingDataError, match="--data-dir"):
            load(place)


def test_the_fingerprint_knows_pixels_order_and_labels(mnist: Path):
    images = load(mnist)
    swapped = images.pixels[[1, 0, *range(2, 17)]]
    assert images.labels is not None
    for pixels, labels in ((swapped, images.labels), (images.pixels, images.labels[::-1])):
        other = ImageSet(name="mnist", pixels=pixels, levels=256, test_count=5, labels=labels)
        assert other.fingerprint != images.fingerprint


@pytest.mark.parametrize("name", [name for names in FILES.values() for name in names])
@pytest.mark.parametrize("damage", ["missing", "empty", "short", "long", "foreign"])
def test_a_bad_file_is_named_with_what_was_expected(mnist: Path, name: str, damage: str):
    path = mnist / "MNIST/raw" / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        bad = {"empty": b"", "short": content[:-3], "long": content + b"x", "foreign": b"<html>not found</html>"}
        path.write_bytes(bad[damage])
    with pytest.raises(DataError) as caught:
        load(mnist)
    assert name in str(caught.value) and "\n" not in str(caught.value) and "MNIST" in str(caught.value)


def test_a_damaged_gzip_file_is_named(mnist: Path):
    path = mnist / "MNIST/raw" / FILES["train"][0]
    packed = gzip.compress(path.read_bytes())
    path.unlink()
    path.with_name(path.name + ".gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz cannot be read"):
        load(mnist)


def test_labels_that_do_not_match_their_images_are_refused(mnist: Path):
    (mnist / "MNIST/raw" / FILES["test"][1]).write_bytes(idx(np.zeros(4)))
    with pytest.raises(DataError, match="5 images, but .* 4 labels"):
        load(mnist)


def test_a_missing_set_is_not_fetched_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fetched(*asked: object) -> None:
        raise AssertionError("a download began")

    monkeypatch.setattr("explorer.data.idx.fetched", fetched)
    with pytest.raises(DataError, match="train.py --dataset mnist"):
        load(tmp_path)
    with pytest.raises(AssertionError, match="download"):
        load_dataset(DataConfig(dataset="mnist"), tmp_path, download=True)


def test_a_download_without_a_network_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def unreachable(*address: object, **options: object) -> None:
        raise socket.gaierror("Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    folder = tmp_path / "new" / "data"
    with pytest.raises(DataError, match="cannot be downloaded") as caught:
        load_dataset(DataConfig(dataset="mnist"), folder, download=True)
    said = str(caught.value)
    assert "\n" not in said and "urlopen" not in said and "http" not in said and len(said) < 200
    assert "MNIST/raw" in said, "it says what to do instead"
    assert not list(tmp_path.iterdir()), "a failed try leaves no empty folders"


def test_a_full_disk_is_not_called_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*args: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("torchvision.datasets.MNIST", full)
    with pytest.raises(DataError, match="cannot be written") as caught:
        load_dataset(DataConfig(dataset="mnist"), tmp_path, download=True)
    assert "network" not in str(caught.value)


def test_a_data_folder_without_write_permission_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(DataError, match="cannot be written to; use another --data-dir") as caught:
        load_dataset(DataConfig(dataset="mnist"), tmp_path, download=True)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_the_data_folder_is_the_environments_then_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path))
    assert default_data_dir() == tmp_path
    monkeypatch.delenv("EXPLORER_DATA")
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    assert default_data_dir() == tmp_path / "cache" / "data"


def test_the_bundled_digits_are_17_grey_levels_in_ten_classes():
    digits = load_dataset(DataConfig(dataset="digits"))
    assert digits.pixels.shape == (1797, 1, 8, 8)
    assert (digits.pixels.min(), digits.pixels.max(), digits.levels) == (0, 16, 17)
    assert digits.labels is not None and set(digits.labels) == set(range(10))


def blank(count: int, test_count: int) -> ImageSet:
    return ImageSet(name="blank", pixels=np.zeros((count, 1, 2, 2), np.uint8), levels=256, test_count=test_count)


@given(
    count=st.integers(3, 200),
    held_out=st.integers(2, 99),
    calibration=st.integers(1, 99),
    test_count=st.integers(1, 50),
    seed=st.integers(0, 9),
)
def test_a_split_never_shares_an_image(count, held_out, calibration, test_count, seed):
    images = blank(count + test_count, test_count)
    config = DataConfig(held_out=held_out, calibration=calibration, split_seed=seed)
    if held_out + calibration >= count:
        with pytest.raises(DataError, match="held out"):
            split(images, config)
        return
    parts = split(images, config)
    rows = np.concatenate([parts.train, parts.validation, parts.calibration, parts.test])
    assert sorted(rows) == list(range(count + test_count)), "every image is in exactly one part"
    assert (len(parts.validation), len(parts.calibration), len(parts.test)) == (held_out, calibration, test_count)
    assert parts.train.max() < count, "the official test images are never trained on"
    np.testing.assert_array_equal(parts.train, split(images, config).train)
    more = split(images, dataclasses.replace(config, tested=6, reference=6))
    np.testing.assert_array_equal(parts.train, more.train, "how it is measured does not change what is fitted")


@given(seed=st.integers(0, 2**31), test_count=st.sampled_from([0, 40, 4000]), validation=st.sampled_from([0, 30]))
def test_calibration_and_test_are_one_random_division_of_images_that_no_fit_sees(seed, test_count, validation):
    images = dataclasses.replace(blank(6000, test_count), validation_count=validation, shares_test=True)
    config = DataConfig(held_out=100, calibration=500, tested=300, split_seed=seed)
    parts = split(images, config)
    first = len(images) - test_count
    both = np.concatenate([parts.calibration, parts.test])
    assert len(np.intersect1d(both, parts.train)) == len(np.intersect1d(parts.validation, both)) == 0
    shares = [(part >= first).mean() for part in (parts.calibration, parts.test)]
    assert abs(shares[0] - shares[1]) < 0.15, "both hold as many official test images"
    if test_count == 4000:
        assert sized(images, config).set_aside == 0 and shares == [1, 1], "the set's own are enough"
    middle = [np.median(np.searchsorted(np.sort(both), part)) / len(both) for part in (parts.calibration, parts.test)]
    assert abs(middle[0] - middle[1]) < 0.35, "from everywhere"


def test_validation_images_join_the_pool_only_where_a_run_says_so():
    images = dataclasses.replace(blank(3000, 100), validation_count=60, shares_test=True)
    config = DataConfig(held_out=200, calibration=400, set_aside=500)
    alone, joined = split(images, config), split(images, dataclasses.replace(config, validation_pooled=True))
    np.testing.assert_array_equal(alone.train, joined.train)
    pool = np.concatenate([joined.calibration, joined.test])
    assert np.isin(joined.validation, pool).all() and len(pool) == 100 + 500 + 200
    assert not np.isin(alone.validation, np.concatenate([alone.calibration, alone.test])).any()


@given(count=st.integers(40, 200), test_count=st.integers(1, 3000))
def test_the_test_images_of_a_folder_stay_what_they_are(count, test_count):
    parts = split(blank(count + test_count, test_count), DataConfig(dataset="folder"))
    assert parts.train.max() < count
    assert parts.test.tolist() == list(range(count, count + test_count)) and parts.calibration.max() < count


def test_a_pool_that_leaves_none_to_test_is_refused():
    with pytest.raises(DataError, match="raise --set-aside"):
        split(blank(300, 0), DataConfig(held_out=10, calibration=50, set_aside=50))


def test_the_two_sets_of_training_images_share_none():
    assert reference_count(2500, 60_000) == 2500
    assert reference_count(2500, 1097) == reference_count(None, 1097) == 548


@given(levels=st.sampled_from([2, 17, 256]), seed=st.integers(0, 99))
def test_pixels_survive_the_way_to_unit_and_back(levels, seed):
    pixels = np.random.default_rng(seed).integers(0, levels, (3, 1, 4, 4)).astype(np.uint8)
    unit = to_unit(pixels, levels)
    assert unit.min() >= 0 and unit.max() <= 1
    np.testing.assert_array_equal(np.rint(unit * (levels - 1)), pixels)
    np.testing.assert_array_equal(to_bytes(unit), np.rint(pixels * (255 / (levels - 1))))


def test_real_mnist_is_complete_and_its_fingerprint_known(data_dir: Path):
    images = load(data_dir)
    assert images.pixels.shape == (70_000, 1, 28, 28) and images.test_count == 10_000
    assert images.labels is not None and np.bincount(images.labels[:60_000])[:2].tolist() == [5923, 6742]


def test_a_subset_is_of_the_training_images_and_what_is_tested_of_the_test_images():
    images = load_dataset(DataConfig(dataset="digits"))
    whole = split(images, DataConfig(dataset="digits", held_out=100, calibration=300))
    part = split(images, DataConfig(dataset="digits", held_out=100, calibration=300, subset=50, tested=20))
    assert len(part.train) == 50 and set(part.train) < set(whole.train)
    assert len(part.test) == 20 and set(part.test) < set(whole.test)
    for name in ("validation", "calibration"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name))
