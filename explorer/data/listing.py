"""What a folder holds: its pictures, told by their content, and everything else, counted."""

import functools
import importlib
import io
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from PIL import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""Endings of the files that the first edition took for pictures, in any case; data sets with a layout still do."""

MORE_ENDINGS = (
    *(".jpe", ".jfif", ".mpo", ".apng", ".dib", ".gif", ".ppm", ".pgm", ".pbm", ".pnm"),
    *(".jp2", ".j2k", ".jpx", ".avif", ".avifs", ".ico", ".tga"),
)
"""Further endings of pictures: a file that has one is a picture, or broken."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "JPEG2000", "AVIF", "ICO")
"""Formats that a picture may have, whatever its name says; Pillow's MPO is a JPEG. No other decoder is ever tried."""

BY_ENDING = {".tga": "TGA"}
"""Formats that begin with no mark: only a file with that ending is tried."""

PLUGIN = {".heic": "pillow-heif", ".heif": "pillow-heif", ".hif": "pillow-heif"}
"""Endings of pictures that Pillow reads where a package is installed, and its name."""

NEVER = (
    *(".dng", ".nef", ".cr2", ".cr3", ".arw", ".orf", ".rw2", ".pef", ".srw", ".raf"),
    ".svs",
    ".thm",
)
"""Endings of files that begin like a picture and hold a small preview of one: raw photographs, slides, films."""

SYSTEM = frozenset({"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "icon\r"})
"""Names, in lower case, of what operating systems leave in folders; it is passed over, as hidden files are."""

PREFIX = 32
"""Bytes at the beginning of a file that tell its format."""

STRICTER = {"BMP": re.compile(rb"BM.{4}\0{4}", re.DOTALL), "PPM": re.compile(rb"P[1-6f]\s")}
"""Beginnings of formats whose own mark is two letters, as texts begin, too."""

KINDS = 10
"""Kinds of files, and files, that a sentence names."""


@dataclass(frozen=True)
class Member:
    """A file inside an archive, which is read in place.

    Attributes:
        name: Its name in the archive.
        content: Its first so many bytes, or all of it for None.
    """

    name: str
    content: Callable[[int | None], bytes]

    @property
    def suffix(self) -> str:
        """The ending of its name."""
        return PurePosixPath(self.name).suffix

    @property
    def stem(self) -> str:
        """Its name without folders and ending."""
        return PurePosixPath(self.name).stem

    def open(self, _: Literal["rb"], most: int | None = None) -> io.BytesIO:
        """Its bytes in memory, at most so many."""
        return io.BytesIO(self.content(most))


class Found(NamedTuple):
    """A file of a listing: where it is, its name below the folder that was searched, and what tells it is unchanged."""

    path: Path | Member
    name: str
    size: int
    mtime_ns: int

    @property
    def on_disk(self) -> Path:
        """Where it is, of a file that lies in no archive."""
        assert isinstance(self.path, Path)
        return self.path


@dataclass(frozen=True)
class Listing:
    """What lies below a folder.

    Attributes:
        files: Every regular file, by name, but for hidden ones and those of `SYSTEM`.
        refused: Names of entries that are not read, and why.
    """

    files: list[Found]
    refused: list[tuple[str, str]]


def list_folder(root: Path, *, deep: bool = True) -> Listing:
    """Every file below a folder. Linked folders are followed, each folder is read once.

    Folders are read before links, and links by name, so that a folder keeps its own name where a link leads to it.

    Args:
        root: Where to look.
        deep: Whether to look into its sub-folders, too.

    Raises:
        OSError: The folder itself cannot be read.
    """
    files: list[Found] = []
    refused: list[tuple[str, str]] = []
    seen: dict[tuple[int, int], str] = {}
    folders: list[tuple[str, str]] = [(str(root), "")]
    links: list[tuple[str, str]] = []
    while folders or links:
        linked = not folders
        path, prefix = links.pop() if linked else folders.pop()
        try:
            if linked and (_leads_above(path, Path(path).parent) or _leads_above(path, root)):
                refused.append((prefix[:-1], "leads back to a folder that holds it"))
                continue
            stat = Path(path).stat()
            known = seen.setdefault((stat.st_dev, stat.st_ino), prefix)
            if known != prefix:
                refused.append((prefix[:-1], f"leads to {plain(known) or 'the folder itself'}, which is read already"))
                continue
            with os.scandir(path) as entries:
                found = sorted(entries, key=lambda each: each.name, reverse=True)
        except OSError as error:
            if not prefix:
                raise
            refused.append((prefix[:-1], error.strerror or str(error)))
            continue
        for entry in found:
            if entry.name.startswith(".") or entry.name.lower() in SYSTEM:
                continue
            name = prefix + entry.name
            try:
                if entry.is_dir():
                    if deep:
                        (links if entry.is_symlink() else folders).append((entry.path, f"{name}/"))
                elif entry.is_file():
                    stat = entry.stat()
                    files.append(Found(Path(entry.path), name, stat.st_size, stat.st_mtime_ns))
                else:
                    entry.stat()  # raises where a link leads nowhere
                    refused.append((name, "no regular file"))
            except OSError as error:
                refused.append((name, error.strerror or str(error)))
        links.sort(reverse=True)
    return Listing(sorted(files, key=lambda each: each.name), sorted(refused))


def find_pictures(root: Path, deep: bool = True) -> list[Found]:
    """Every file below a folder with one of `ENDINGS`, by name; linked folders are not followed.

    Args:
        root: Where to look.
        deep: Whether to look into its sub-folders, too.

    Raises:
        OSError: A folder cannot be read.
    """
    found: list[Found] = []
    waiting = [(str(root), "")]
    while waiting:
        folder, prefix = waiting.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name == "__MACOSX":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if deep:
                        waiting.append((entry.path, f"{prefix}{entry.name}/"))
                elif entry.name.lower().endswith(ENDINGS) and _is_file(entry):
                    stat = entry.stat()
                    found.append(Found(Path(entry.path), prefix + entry.name, stat.st_size, stat.st_mtime_ns))
    return sorted(found, key=lambda each: each.name)


def passed_over(root: Path, deep: bool = True) -> list[str]:
    """What `find_pictures` leaves out of a folder, a sentence each; nothing where there is no such folder."""
    try:
        listing = list_folder(root, deep=deep)
    except OSError:
        return []
    others = Counter(each.path.suffix.lower() for each in listing.files if not each.name.lower().endswith(ENDINGS))
    return [*left_out(others), *not_read(listing.refused)]


def pictures_among(files: Iterable[Found]) -> tuple[list[Found], Counter[str]]:
    """The pictures among files, in their order, and how many others there are of each ending ("" for none).

    A file that is named like a picture is one, or broken. Any other is looked into.
    """
    pictures: list[Found] = []
    others: Counter[str] = Counter()
    for each in files:
        ending = each.path.suffix.lower()
        if ending in PLUGIN:
            is_one = has_plugin(PLUGIN[ending])
        elif ending in NEVER:
            is_one = False
        else:
            is_one = ending in ENDINGS or ending in MORE_ENDINGS or _begins_like_a_picture(each.path)
        if is_one:
            pictures.append(each)
        else:
            others[ending] += 1
    return pictures, others


def formats_of(path: Path | Member) -> tuple[str, ...]:
    """Formats that the file may have: Pillow's names of the decoders that are tried."""
    more = BY_ENDING.get(path.suffix.lower())
    if has_plugin("pillow-heif"):
        return (*FORMATS, "HEIF", *([more] if more else ()))
    return (*FORMATS, more) if more else FORMATS


def plugins(files: Iterable[Found]) -> tuple[str, ...]:
    """Installed packages that decide which of the files are pictures."""
    needed = {PLUGIN[ending] for each in files if (ending := each.path.suffix.lower()) in PLUGIN}
    return tuple(sorted(name for name in needed if has_plugin(name)))


@functools.cache
def has_plugin(name: str) -> bool:
    """Whether a package that teaches Pillow a format is installed; it is loaded then."""
    try:
        importlib.import_module(name.replace("-", "_")).register_heif_opener()
    except ImportError:
        return False
    return True


def left_out(others: Counter[str]) -> list[str]:
    """The sentence that counts the files that are no pictures; none where there are none."""
    if not others:
        return []
    kinds = sorted(others.items(), key=lambda each: (-each[1], each[0]))
    words = [f"{count:,} {plain(ending)}" if ending else f"{count:,} without ending" for ending, count in kinds[:KINDS]]
    if len(kinds) > KINDS:
        words.append(f"{sum(count for _, count in kinds[KINDS:]):,} of {len(kinds) - KINDS} more kinds")
    said = f"{listed(words)} {'file' if others.total() == 1 else 'files'}"
    packages = sorted({PLUGIN[ending] for ending in others if ending in PLUGIN})
    hints = "".join(f"; pip install {name} reads {_endings_of(name, others)}" for name in packages)
    return [f"{said} {was(others.total())} left out{hints}"]


def not_read(refused: Sequence[tuple[str, str]]) -> list[str]:
    """The sentence that names the entries that are not read; none where there are none."""
    if not refused:
        return []
    named = [f"{plain(name)} ({reason})" for name, reason in refused[:KINDS]]
    if len(refused) > KINDS:
        named.append(f"{len(refused) - KINDS:,} others")
    return [f"{counted(len(refused), 'name')} {was(len(refused))} left out: {', '.join(named)}"]


def natural(name: str) -> tuple[list[str | int], str]:
    """A key that sorts names as people count: 2 before 10. Everything but numbers sorts by its characters."""
    parts = re.split(r"([0-9]+)", name)  # a text, a number, a text, ...
    return [int(part) if number % 2 else part for number, part in enumerate(parts)], name


def plain(name: str) -> str:
    """A file's name as text that can be written and sent: what is no UTF-8 in it stands as an escape."""
    return name.encode("utf-8", "backslashreplace").decode()


def _leads_above(link: str, place: str | Path) -> bool:
    """Whether a link leads to a folder, or to one that holds it."""
    return Path(os.path.realpath(place)).is_relative_to(os.path.realpath(link))


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False


def _begins_like_a_picture(path: Path | Member) -> bool:
    """Whether the file begins as one of the formats does."""
    Image.init()
    try:
        with path.open("rb") if isinstance(path, Path) else path.open("rb", PREFIX) as file:
            prefix = file.read(PREFIX)
    except OSError:
        return True  # it is broken, and named as such
    for name in formats_of(path):
        accept = Image.OPEN[name][1] if name in Image.OPEN else None
        if accept is not None and accept(prefix) is True:
            return name not in STRICTER or STRICTER[name].match(prefix) is not None
    return False


def _endings_of(package: str, others: Counter[str]) -> str:
    return " and ".join(sorted(ending for ending in others if PLUGIN.get(ending) == package))


def counted(count: int, noun: str) -> str:
    """A number of things."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def was(count: int) -> str:
    """The verb of a sentence that counts."""
    return "was" if count == 1 else "were"


def listed(words: Sequence[str]) -> str:
    """Words with commas between them, and "and" before the last."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
