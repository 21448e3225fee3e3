"""What a folder holds is read by content, links are followed without end, and what is left out is counted."""

import os
import socket
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from explorer.config import READING, DataConfig
from explorer.data import listing as room
from explorer.data import load_dataset
from explorer.data.listing import left_out, list_folder, natural, pictures_among
from explorer.data.pictures import Preparation, UnreadablePictureError, prepared
from tests.pictures import saved, scene, write_scenes

FORMATS = {
    "png": "PNG",
    "jpg": "JPEG",
    "jpe": "JPEG",
    "jfif": "JPEG",
    "mpo": "MPO",
    "webp": "WEBP",
    "bmp": "BMP",
    "tif": "TIFF",
    "gif": "GIF",
    "ppm": "PPM",
    "jp2": "JPEG2000",
    "j2k": "JPEG2000",
    "avif": "AVIF",
    "ico": "ICO",
}
"""Formats that are read, by an ending that they have."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own."""
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))


def names(folder: Path) -> list[str]:
    return [each.name for each in list_folder(folder).files]


@pytest.mark.parametrize("ending", [*FORMATS, "tga"])
@pytest.mark.parametrize("named", ["its own ending", "jpg", "none", "another"])
def test_every_format_is_read_whatever_it_is_called(ending: str, named: str, tmp_path: Path):
    name = {"its own ending": f"a.{ending}", "jpg": "a.jpg", "none": "a", "another": "a.dat"}[named]
    (tmp_path / name).write_bytes(saved(scene(3), FORMATS.get(ending, "TGA")))
    found, others = pictures_among(list_folder(tmp_path).files)
    if ending == "tga" and named in ("none", "another"):
        assert not found and others.total() == 1, "such a file begins with no mark: it is counted"
        return
    assert [each.name for each in found] == [name] and not others
    if ending == "tga" and named == "jpg":
        with pytest.raises(UnreadablePictureError):
            prepared(found[0].path, Preparation(size=8))
        return
    assert prepared(found[0].path, Preparation(size=8)).std() > 10


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", b"Pyramids and\nother things"),
        ("cars.txt", b"BMW, Audi and others were counted"),
        ("p", b"P5is no picture"),
        ("film.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"),
        ("all.zip", b"PK\3\4" + bytes(40)),
        ("scan.pdf", b"%PDF-1.4"),
        ("drawing.psd", b"8BPS" + bytes(40)),
        ("raw.nef", b"II*\0" + bytes(40)),
        ("program.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
        ("empty", b""),
        ("labels.idx1-ubyte", b"\0\0\x08\x01\0\0\0\x02ab"),
    ],
)
def test_what_is_no_picture_is_counted_by_its_ending(name: str, content: bytes, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    found, others = pictures_among(list_folder(tmp_path).files)
    assert not found and others == Counter([Path(name).suffix])
    kind = Path(name).suffix or "without ending"
    assert left_out(others) == [f"1 {kind} file was left out"]


def test_what_is_left_out_is_said_with_the_package_that_reads_it(tmp_path: Path):
    write_scenes(tmp_path / "phone", [f"{n}.png" for n in range(40)])
    for n in range(25):
        (tmp_path / f"phone/h{n}.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(400))
    for n in range(5):
        (tmp_path / f"phone/s{n}.psd").write_bytes(b"8BPS" + bytes(400))
    config = DataConfig(dataset="folder", image_size=8, reading=READING)
    images = load_dataset(config, folder=tmp_path / "phone", quiet=True)
    assert len(images) == 40
    assert "25 .heic and 5 .psd files were left out; pip install pillow-heif reads .heic" in images.notes


def test_a_picture_for_a_package_is_read_once_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(400))
    files = list_folder(tmp_path).files
    monkeypatch.setattr(room, "has_plugin", lambda name: False)
    assert pictures_among(files)[1] == Counter([".heic"]) and room.plugins(files) == ()
    monkeypatch.setattr(room, "has_plugin", lambda name: True)
    assert pictures_among(files)[0] == files and room.plugins(files) == ("pillow-heif",)


def test_a_phone_picture_under_a_foreign_name_says_what_reads_it(tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(400))
    with pytest.raises(UnreadablePictureError, match="pip install pillow-heif"):
        prepared(tmp_path / "a.jpg", Preparation(size=8))


def test_many_kinds_are_counted_together():
    others = Counter({f".x{n:02d}": 1 for n in range(14)} | {"": 3})
    (sentence,) = left_out(others)
    assert sentence.startswith("3 without ending, 1 .x00, ")
    assert sentence.endswith("1 .x08 and 5 of 5 more kinds files were left out")


def test_hidden_files_and_those_of_systems_are_passed_over(tmp_path: Path):
    write_scenes(tmp_path, ["a.png", ".b.png", ".hidden/c.png", "__MACOSX/d.png", "@eaDir/e.png"])
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store"):
        (tmp_path / name).write_text("x")
    listing = list_folder(tmp_path)
    assert [each.name for each in listing.files] == ["a.png"] and listing.refused == []


# --- links ------------------------------------------------------------------------------------------------------------


NO_LINKS = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there, and there are no pipes")


@NO_LINKS
def test_linked_folders_are_followed_and_loops_are_not(tmp_path: Path):
    write_scenes(tmp_path, ["pets/cat/1.png", "elsewhere/2.png", "elsewhere/deep/3.png"])
    (tmp_path / "pets/dog").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "pets/loop").symlink_to(".")
    (tmp_path / "pets/above").symlink_to("..")
    (tmp_path / "pets/cat/loop").symlink_to("..")
    (tmp_path / "elsewhere/back").symlink_to(tmp_path / "pets")
    (tmp_path / "elsewhere/top").symlink_to(tmp_path)
    listing = list_folder(tmp_path / "pets")
    assert [each.name for each in listing.files] == ["cat/1.png", "dog/2.png", "dog/deep/3.png"]
    assert [name for name, _ in listing.refused] == ["above", "cat/loop", "dog/back", "dog/top", "loop"]
    assert {reason for _, reason in listing.refused} == {"leads back to a folder that holds it"}


@NO_LINKS
def test_a_folder_that_two_names_lead_to_is_read_once_under_its_own(tmp_path: Path):
    write_scenes(tmp_path, ["pets/zebra/1.png"])
    (tmp_path / "pets/ass").symlink_to("zebra")
    listing = list_folder(tmp_path / "pets")
    assert [each.name for each in listing.files] == ["zebra/1.png"]
    assert listing.refused == [("ass", "leads to zebra/, which is read already")]


@NO_LINKS
def test_what_cannot_be_read_is_named_and_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_scenes(tmp_path, ["a.png", "closed/b.png"])
    (tmp_path / "self.png").symlink_to("self.png")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as plug:
        plug.bind(os.path.relpath(tmp_path / "plug.png"))
    scan = os.scandir

    def guarded(path: str):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", guarded)  # the super-user may read everything
    listing = list_folder(tmp_path)
    assert [each.name for each in listing.files] == ["a.png"]
    assert dict(listing.refused) == {
        "closed": "Permission denied",
        "gone.png": "No such file or directory",
        "pipe.png": "no regular file",
        "plug.png": "no regular file",
        "self.png": "Too many levels of symbolic links",
    }


@NO_LINKS
def test_a_set_with_links_that_lead_nowhere_is_read_and_names_them(tmp_path: Path):
    write_scenes(tmp_path / "set", [f"{n}.png" for n in range(40)])
    (tmp_path / "set/self.png").symlink_to("self.png")
    config = DataConfig(dataset="folder", image_size=8, reading=READING)
    images = load_dataset(config, folder=tmp_path / "set", quiet=True)
    assert len(images) == 40
    assert any(note.startswith("1 name was left out: self.png (") for note in images.notes)


@given(numbers=st.lists(st.integers(0, 10**6), min_size=2, max_size=8), words=st.lists(st.text("ab ", max_size=3)))
def test_names_sort_by_their_numbers_and_otherwise_as_they_are(numbers: list[int], words: list[str]):
    counted = sorted((f"x{number}y" for number in numbers), key=natural)
    assert counted == [f"x{number}y" for number in sorted(numbers)]
    assert sorted(words, key=natural) == sorted(words)


@NO_LINKS
def test_a_link_to_a_picture_is_a_picture(tmp_path: Path):
    write_scenes(tmp_path, ["store/1.png"])
    (tmp_path / "set").mkdir()
    (tmp_path / "set/one.png").symlink_to(tmp_path / "store/1.png")
    assert names(tmp_path / "set") == ["one.png"]


def test_of_several_pictures_in_a_file_the_first_is_taken_and_that_is_said(tmp_path: Path):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime")]
    (tmp_path / "set").mkdir()
    for n in range(20):
        scene(n).save(tmp_path / f"set/{n}.png")
        ending = ("gif", "tif", "webp", "png")[n % 4]
        frames[0].save(tmp_path / f"set/m{n}.{ending}", save_all=True, append_images=frames[1:])
    config = DataConfig(dataset="folder", image_size=8, reading=READING)
    images = load_dataset(config, folder=tmp_path / "set", quiet=True)
    assert "20 of 40 files with several pictures: the first is taken" in images.notes
    red = (images.pixels[:, 0] > 200).all(axis=(1, 2)) & (images.pixels[:, 1] < 30).all(axis=(1, 2))
    assert red.sum() == 20
