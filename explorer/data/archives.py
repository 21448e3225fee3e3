"""Pictures in a .zip or .tar, WebDataset's too, read in place: nothing is unpacked onto the disk."""

import functools
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from explorer.data.listing import SYSTEM, Found, Listing, Member
from explorer.data.stack import MOST_ROWS
from explorer.data.tables import Table
from explorer.errors import DataError

ENDINGS = (".zip", ".tar")
"""Endings of archives of pictures."""

MOST_MEMBER = 1 << 28
"""Bytes of a file in an archive, unpacked; a larger one is left out."""

CLASS_ENDINGS = (".cls", ".cls.txt")
"""Endings of the files in which WebDataset keeps the class of the picture of the same name."""

MOST_CLASS = 100
"""Bytes of such a file."""


def list_archive(file: Path) -> Listing:
    """Every regular file in an archive, by name; what is none, or has a name that leads out of it, is refused.

    Raises:
        DataError: It is damaged, encrypted, compressed as a whole, or holds too many files.
    """
    try:
        found = _zip(file) if file.suffix.lower() == ".zip" else _tar(file)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}.") from None
    except (zipfile.BadZipFile, tarfile.TarError, ValueError, EOFError, NotImplementedError) as error:
        packed = " (a packed one must be unpacked once, with gunzip)" if file.suffix.lower() == ".tar" else ""
        raise DataError(
            f"{file} is damaged, or no {file.suffix.lower()} archive{packed}: {str(error)[:100]}."
        ) from None
    files, refused = [], []
    for each, reason in found:
        path = PurePosixPath(each.name)
        if any(part.startswith(".") and part not in (".", "..") or part.lower() in SYSTEM for part in path.parts):
            continue
        if path.is_absolute() or ".." in path.parts or "\\" in each.name or ":" in each.name or "\0" in each.name:
            reason = "its name leads out of the archive"
        if reason is None and each.size > MOST_MEMBER:
            reason = f"more than {MOST_MEMBER:,} bytes"
        if reason is None:
            files.append(each)
        else:
            refused.append((each.name, reason))
    return Listing(sorted(files, key=lambda each: each.name), sorted(refused))


def _zip(file: Path) -> list[tuple[Found, str | None]]:
    archive = zipfile.ZipFile(file)  # closes itself when nothing may read of it any more
    members = archive.infolist()
    _refuse_many(file, len(members))
    if any(each.flag_bits & 1 for each in members):
        raise DataError(f"{file} is encrypted; unpack it, and name its folder with --dataset folder --folder PATH.")
    found: list[tuple[Found, str | None]] = []
    for each in members:
        if each.is_dir():
            continue
        kind = stat.S_IFMT(each.external_attr >> 16)
        reason = "a link" if kind == stat.S_IFLNK else None
        content = functools.partial(_zip_content, archive, each)
        found.append((Found(Member(each.filename, content), each.filename, each.file_size, 0), reason))
    return found


def _zip_content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int | None) -> bytes:
    try:
        with archive.open(member) as stream:
            return stream.read(member.file_size if most is None else most)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise OSError(str(error)[:100]) from None


def _tar(file: Path) -> list[tuple[Found, str | None]]:
    found: list[tuple[Found, str | None]] = []
    with file.open("rb") as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
        for each in archive:
            if each.isdir():
                continue
            _refuse_many(file, len(found))
            reason = "a link" if each.islnk() or each.issym() else "no file"
            if each.isreg() and not each.issparse():
                reason = None
            content = functools.partial(_tar_content, file, each.offset_data, each.size)
            found.append((Found(Member(each.name, content), each.name.removeprefix("./"), each.size, 0), reason))
            archive.members.clear()  # pyright: ignore[reportAttributeAccessIssue] - or all heads would stay in memory
    return found


def _tar_content(file: Path, offset: int, size: int, most: int | None) -> bytes:
    with file.open("rb") as stream:
        stream.seek(offset)
        content = stream.read(size if most is None else min(size, most))
    if most is None and len(content) != size:
        raise OSError("it ends too early")
    return content


def _refuse_many(file: Path, count: int) -> None:
    if count > MOST_ROWS:
        raise DataError(f"{file} holds more than {MOST_ROWS:,} files.")


@dataclass(frozen=True)
class Classes:
    """Classes of a WebDataset.

    Attributes:
        table: Of the names of the pictures, without their ending, and their classes.
        names: Of the files that hold them.
    """

    table: Table
    names: frozenset[str]


def webdataset_classes(listing: Listing) -> Classes | None:
    """The classes that lie beside the pictures of a WebDataset; None without.

    https://github.com/webdataset/webdataset
    """
    held: Mapping[str, Found] = {
        each.name: each
        for each in listing.files
        if each.name.lower().endswith(CLASS_ENDINGS) and each.size <= MOST_CLASS
    }
    if not held:
        return None
    keys, values = [], []
    for name, each in held.items():
        with each.path.open("rb") as stream:
            values.append(stream.read().decode("utf-8", "replace").strip())
        keys.append(name[: name.lower().rindex(".cls")])
    return Classes(Table(name="the .cls files", columns={"file": keys, "class": values}), frozenset(held))
