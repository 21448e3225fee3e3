"""Pictures are converted once, whole or not at all, whoever else converts and whatever goes wrong."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from explorer.config import READING, DataConfig
from explorer.data import clear_cache, load_dataset
from explorer.data.cache import FACTS, PIXELS, conversions_dir
from explorer.data.sets import ImageSet, fingerprint_of, seeded_test
from explorer.errors import DataError, UnconvertedError
from tests.conftest import ROOT
from tests.pictures import ramp, scene, values, write_scenes

COUNT = 60


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "images"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of pictures without classes."""
    write_scenes(tmp_path / "holiday", [f"{n:03d}.png" for n in range(COUNT)])
    return tmp_path / "holiday"


def load(folder: Path, **settings: object) -> ImageSet:
    config = DataConfig(dataset="folder", reading=READING, image_size=settings.pop("image_size", 8), **settings)  # pyright: ignore[reportArgumentType]
    return load_dataset(config, folder=folder, quiet=True)


def forbid_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    def converted(*args: object) -> None:
        raise AssertionError("pictures are decoded again")

    monkeypatch.setattr("explorer.data.cache.prepared_with_traits", converted)


def kept(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.name != ".lock")


def test_a_second_opening_maps_what_the_first_converted(folder: Path, monkeypatch: pytest.MonkeyPatch):
    first = load(folder)
    forbid_conversion(monkeypatch)
    second = load(folder)
    assert isinstance(second.pixels, np.memmap) and not second.pixels.flags.writeable
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert first.fingerprint == second.fingerprint == fingerprint_of(np.array(first.pixels), 256, first.labels)
    assert not isinstance(second.images(np.arange(3)), np.memmap)


def test_the_fingerprint_of_a_mapped_set_is_not_computed_again(folder: Path, monkeypatch: pytest.MonkeyPatch):
    known = load(folder).fingerprint

    def hashed(*args: object) -> str:
        raise AssertionError("gigabytes are hashed again")

    monkeypatch.setattr("explorer.data.sets.fingerprint_of", hashed)
    assert load(folder).fingerprint == known


@pytest.mark.parametrize("change", ["added", "removed", "renamed", "edited"])
def test_a_changed_folder_is_converted_again(change: str, folder: Path):
    before = load(folder)
    path = folder / "030.png"
    if change == "added":
        scene(999).save(folder / "new.png")
    elif change == "removed":
        path.unlink()
    elif change == "renamed":
        path.rename(folder / "zzz.png")
    else:
        scene(999).save(path)
        os.utime(path, ns=(1, 1))
    after = load(folder)
    assert after.fingerprint != before.fingerprint
    assert len(after) == COUNT + {"added": 1, "removed": -1}.get(change, 0)


def test_other_settings_are_other_conversions(folder: Path, cache: Path):
    shapes = [load(folder, **settings).image_shape for settings in ({}, {"image_size": 12}, {"grey": True})]
    assert shapes == [(3, 8, 8), (3, 12, 12), (1, 8, 8)]
    assert len(kept(cache)) == 3


@pytest.mark.parametrize("damage", ["cut", "no facts", "torn facts", "foreign facts", "other shape", "empty folder"])
def test_a_damaged_conversion_is_made_again(damage: str, folder: Path, cache: Path):
    before = load(folder).fingerprint
    (made,) = (cache / name for name in kept(cache))
    if damage == "cut":
        content = (made / PIXELS).read_bytes()
        (made / PIXELS).write_bytes(content[: len(content) // 2])
    elif damage == "no facts":
        (made / FACTS).unlink()
    elif damage == "torn facts":
        (made / FACTS).write_text('{"version": 3, ')
    elif damage == "foreign facts":
        (made / FACTS).write_text("[]")
    elif damage == "other shape":
        np.save(made / PIXELS, np.zeros((COUNT, 1, 8, 8), np.uint8))
    else:
        for path in made.iterdir():
            path.unlink()
    assert load(folder).fingerprint == before
    assert len(kept(cache)) == 1


def test_broken_pictures_are_left_out_counted_and_named(folder: Path, cache: Path):
    (folder / "010.png").write_bytes(b"<html>")
    (folder / "020.png").write_bytes((folder / "020.png").read_bytes()[:40])
    images = load(folder)
    assert len(images) == COUNT - 2
    (said,) = (note for note in images.notes if "broken" in note)
    assert "2 of 60" in said and "010.png (no picture)" in said and "020.png" in said
    (made,) = kept(cache)
    assert [name for name, _ in json.loads((cache / made / FACTS).read_text())["broken"]] == ["010.png", "020.png"]
    assert load(folder).notes == images.notes, "it is said again at every opening"


def test_the_rows_of_the_other_pictures_keep_their_labels(tmp_path: Path):
    for number, name in enumerate(("dark", "light")):
        (tmp_path / "set" / name).mkdir(parents=True)
        for n in range(30):
            scene(0, (8, 8)).point(lambda v, n=number: 200 * n).save(tmp_path / "set" / name / f"{n}.png")
    (tmp_path / "set" / "dark" / "7.png").write_bytes(b"")
    images = load(tmp_path / "set")
    assert images.labels is not None and len(images) == 59
    np.testing.assert_array_equal(images.pixels.reshape(59, -1)[:, 0] == 200, images.labels == 1)
    whole = load_dataset(
        DataConfig(dataset="folder", image_size=8, grey=True, reading=READING), folder=tmp_path / "set", quiet=True
    )
    assert whole.test_count == images.test_count


def test_more_than_a_twentieth_of_broken_pictures_stops_with_the_list(folder: Path, cache: Path):
    for n in range(20):
        (folder / f"{n:03d}.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"20 of 60 files of holiday are broken, more than 5%: 000\.png") as caught:
        load(folder)
    assert "and 10 more" in str(caught.value) and "\n" not in str(caught.value)
    assert kept(cache) == []


@pytest.mark.parametrize("trouble", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_cache_that_cannot_be_written_to_is_one_sentence(
    trouble: int, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*args: object) -> None:
        raise OSError(trouble, os.strerror(trouble))

    monkeypatch.setattr("explorer.data.cache.os.fsync", full)
    with pytest.raises(DataError, match="EXPLORER_CACHE") as caught:
        load(folder)
    assert os.strerror(trouble) in str(caught.value) and "\n" not in str(caught.value)
    assert kept(cache) == [], "nothing is left behind"


def test_a_cache_folder_that_is_a_file_is_one_sentence(folder: Path, tmp_path: Path):
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(DataError, match="EXPLORER_CACHE"):
        load(folder)


def test_an_interruption_leaves_nothing(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("explorer.data.cache.prepared_with_traits", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load(folder)
    assert kept(cache) == []
    assert len(load(folder)) == COUNT


def test_what_a_killed_conversion_left_is_taken_for_nothing_and_removed(folder: Path, cache: Path):
    code = (
        "import os, sys; from pathlib import Path; import explorer.data.cache as cache\n"
        "from explorer.config import READING, DataConfig; from explorer.data import load_dataset\n"
        "cache.fingerprint_of = lambda *_: os._exit(9)  # as if killed, with all pixels written\n"
        "config = DataConfig(dataset='folder', image_size=8, reading=READING)\n"
        "load_dataset(config, folder=Path(sys.argv[1]), quiet=True)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=False)
    assert killed.returncode == 9
    assert [name.endswith(".partial") for name in kept(cache)] == [True]
    assert len(load(folder)) == COUNT
    assert not any(name.endswith(".partial") for name in kept(cache))


def test_two_processes_that_start_at_once_convert_once(folder: Path, cache: Path, tmp_path: Path):
    code = (
        "import os, sys; from pathlib import Path; import explorer.data.cache as cache\n"
        "from explorer.config import READING, DataConfig; from explorer.data import load_dataset\n"
        "decode = cache.prepared_with_traits\n"
        "def counted(path, how):\n"
        "    with open(sys.argv[2], 'a') as file: file.write('x')\n"
        "    return decode(path, how)\n"
        "cache.prepared_with_traits = counted\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "config = DataConfig(dataset='folder', image_size=8, reading=READING)\n"
        "images = load_dataset(config, folder=Path(sys.argv[1]), quiet=True)\n"
        "print(images.fingerprint, len(images))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder), str(tmp_path / "decoded")],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = {process.communicate(timeout=120)[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0]
    assert said == {f"{load(folder).fingerprint} {COUNT}\n"}
    assert (tmp_path / "decoded").stat().st_size == COUNT, "one of them converted, the other waited"
    assert len(kept(cache)) == 1


def test_where_there_are_no_locks_the_last_of_two_takes_what_is_there(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    import explorer.data.cache as room

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr("explorer.locks.FileLock.acquire", refused)
    decode = room.prepared_with_traits
    nested: list[ImageSet] = []

    def slow(path: Path, how: object):
        if not nested:
            nested.append(None)  # pyright: ignore[reportArgumentType]
            nested[0] = load(folder)  # another process, from beginning to end, while this one has just begun
        return decode(path, how)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(room, "prepared_with_traits", slow)
    images = load(folder)
    assert images.fingerprint == nested[0].fingerprint and len(kept(cache)) == 1


def test_pictures_that_must_not_be_converted_are_opened_once_they_are(folder: Path, cache: Path):
    config = DataConfig(dataset="folder", image_size=8, reading=READING)
    with pytest.raises(UnconvertedError, match="not converted yet"):
        load_dataset(config, folder=folder, convert=False)
    assert not cache.exists()
    told: list[tuple[int, int]] = []
    made = load_dataset(config, folder=folder, quiet=True, tell=lambda *how_far: told.append(how_far))
    assert told == sorted(told) and told[-1] == (COUNT, COUNT)
    assert load_dataset(config, folder=folder, convert=False).fingerprint == made.fingerprint


def test_clearing_removes_every_conversion_and_counts_its_bytes(folder: Path, cache: Path):
    load(folder)
    load(folder, grey=True)
    size = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())
    assert clear_cache()["converted images"] == (conversions_dir(), size)
    assert kept(cache) == []
    assert clear_cache()["converted images"] == (conversions_dir(), 0)
    assert len(load(folder)) == COUNT


def test_clearing_removes_what_can_be_computed_again_and_no_data_set(folder: Path, cache: Path):
    load(folder)
    layouts, downloaded = cache.parent / "tsne", cache.parent / "data" / "MNIST" / "raw.gz"
    key, letters = 12 * "0a", {layouts / "letter.npy", layouts / ".b.c.partial", cache / "beach-2024" / "pixels.npy"}
    ours = ((layouts / f"{key}.npy", 300), (layouts / f".{key}.x_1.partial", 7))
    for path, size in (*ours, (downloaded, 50), *((letter, 9) for letter in letters)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    cleared = clear_cache()
    assert cleared["t-SNE layouts"] == (layouts, 307) and cleared["converted images"][0] == cache
    assert {path for path in cache.parent.rglob("*") if path.is_file()} == {cache / ".lock", downloaded, *letters}


def test_a_home_with_folders_of_the_caches_names_loses_nothing(folder: Path, cache: Path):
    """$EXPLORER_CACHE may name anybody's folder, in which `images` and `tsne` are somebody's own."""
    load(folder)
    (ours,) = (cache / name for name in kept(cache))
    (cache / "holiday").mkdir()
    (cache / "holiday" / "beach.jpg").write_bytes(b"x")
    (cache / "trip-0123456789abcdef").mkdir()
    (cache / "trip-0123456789abcdef" / "notes.txt").write_text("x")
    (cache / "pictures-0123456789abcdef").symlink_to(cache / "holiday")
    (cache / ".photos.partial").mkdir()
    (cache / ".photos.partial" / "half.jpg").write_bytes(b"x")
    (cache / "letter.txt").write_text("dear")
    before = {path for path in cache.rglob("*") if ours not in (path, path.parent)}
    load(folder, grey=True)  # a conversion tidies up after those that were killed
    clear_cache()
    assert set(cache.rglob("*")) == before


def test_clearing_nothing_is_no_mistake(tmp_path: Path):
    assert [size for _, size in clear_cache().values()] == [0, 0]
    assert not (tmp_path / "cache").exists()


def test_clearing_waits_for_nobody(folder: Path, cache: Path):
    from explorer.data.cache import _locked

    load(folder)
    with _locked(cache), pytest.raises(DataError, match="being converted"):
        clear_cache()
    assert len(kept(cache)) == 1


# --- what is done to pictures is said, and brightness is one for the set ---------------------------------------------


@pytest.mark.parametrize(
    ("ending", "arrays", "brightness", "words"),
    [
        ("png", [ramp(4095, np.uint16)] * 40, (0, 4095), "4,095, are 12"),
        ("png", [ramp(65535, np.uint16)] * 40, (0, 65535), "65,535, are 16"),
        ("tif", [ramp(1, np.float32)] * 40, (0, 1), "all lie in [0, 1]"),
        ("tif", [ramp(most, np.float32) for most in [1.0] * 39 + [1.1]], (0, 1.1), "the largest value of the set"),
        ("tif", [ramp(4000 * (0.5 + k / 98), np.float32) - 1000 for k in range(50)], (-1000, 3000), "of the set"),
        ("tif", [ramp(most, np.int32) for most in [250, 260] * 20], (0, 1023), "260, are 10"),
        ("tif", [ramp(most, np.int32) for most in [250, 70_000] * 20], (0, 70_000), "of the set"),
    ],
)
def test_brightness_is_decided_once_for_the_set_and_stated(
    ending: str, arrays: list[np.ndarray], brightness: tuple[float, float], words: str, tmp_path: Path
):
    paths = values(tmp_path / "deep", arrays, ending)
    images = load(tmp_path / "deep", grey=True)
    assert images.brightness is not None
    np.testing.assert_allclose(images.brightness, brightness, rtol=1e-6)
    (note,) = (note for note in images.notes if "more than 8 bits" in note)
    assert words in note and f"{len(arrays)} of {len(arrays)} pictures" in note
    test = {path.name for path in np.array(paths)[seeded_test(len(paths))]}
    order = [*(p for p in paths if p.name not in test), *(p for p in paths if p.name in test)]
    black, white = images.brightness
    expected = [(arrays[paths.index(path)].astype(float) - black) / (white - black) for path in order]
    assert np.abs(images.pixels[:, 0] - 255 * np.array(expected)).max() <= 0.5 + 1e-6
    again = load(tmp_path / "deep", grey=True)
    assert again.brightness == images.brightness and again.notes == images.notes


def test_pictures_of_8_bits_beside_deeper_ones_keep_their_values_and_rows_stay_in_place(tmp_path: Path):
    place = tmp_path / "mixed"
    write_scenes(place, [f"s{n:03d}.png" for n in range(30)], size=(8, 8))
    values(place, [ramp(4095, np.uint16)] * 30, "png")
    (place / "a.png").write_bytes(b"")
    images = load(place)
    assert images.brightness == (0, 4095) and len(images) == 60
    assert "30 of 60 pictures of more than 8 bits" in "\n".join(images.notes)
    flat = {row.tobytes() for row in images.pixels}
    ramps = np.repeat(np.rint(ramp(255, np.float64)).astype(np.uint8)[None], 3, axis=0)
    assert (np.abs(images.pixels.astype(int) - ramps).max(axis=(1, 2, 3)) <= 1).sum() == 30
    assert all(np.asarray(scene(n, (8, 8))).transpose(2, 0, 1).tobytes() in flat for n in range(30))
    assert images.fingerprint == fingerprint_of(np.array(images.pixels), 256, images.labels)


def test_whole_and_floating_point_numbers_in_one_set_are_refused(tmp_path: Path):
    values(tmp_path / "both", [ramp(900, np.uint16)] * 30, "png")
    values(tmp_path / "both", [ramp(1, np.float32)] * 30, "tif")
    with pytest.raises(DataError, match=r"whole numbers \(v000\.png\).*floating point numbers \(v000\.tif\)") as caught:
        load(tmp_path / "both")
    assert "\n" not in str(caught.value)


def test_a_set_of_8_bits_has_no_brightness_and_its_files_are_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch):
    import explorer.data.cache as room

    read: list[Path] = []
    decode = room.prepared_with_traits
    monkeypatch.setattr(room, "prepared_with_traits", lambda path, how: (read.append(path), decode(path, how))[1])
    assert load(folder).brightness is None
    assert sorted(read) == sorted(folder.iterdir())


def test_what_is_cropped_scaled_up_or_seen_through_is_counted(tmp_path: Path):
    place = tmp_path / "kinds"
    write_scenes(place, [f"{n}.png" for n in range(36)], size=(16, 16))
    scene(1, (5, 4)).save(place / "tiny.png")
    scene(2, (40, 20)).save(place / "wide.png")
    clear = scene(3, (16, 16)).convert("RGBA")
    clear.putalpha(9)
    clear.save(place / "clear.png")
    scene(4, (16, 16)).convert("RGBA").save(place / "opaque.png")
    notes = load(place).notes
    assert "2 of 40 pictures not square: the middle is kept" in notes
    assert "1 of 40 pictures smaller than 8x8 pixels: scaled up; the smallest has 5x4" in notes
    assert "1 of 40 pictures transparent in places: laid over white" in notes
