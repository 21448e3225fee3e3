"""Pictures in a .zip or .tar, read in place; a compressed .tar is unpacked once, into a file that vanishes."""

import contextlib
import functools
import gzip
import os
import shutil
import stat
import tarfile
import tempfile
import threading
import weakref
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from explorer.data.cache import conversions_dir
from explorer.data.listing import SYSTEM, Found, Listing, Member
from explorer.data.stack import MOST_ROWS, ending_of
from explorer.errors import DataError
from explorer.progress import is_terminal, stage

UNPACKED: Mapping[str, Callable[[Path], BinaryIO]] = {".tar.gz": gzip.open, ".tgz": gzip.open}  # pyright: ignore[reportAssignmentType]
"""What unpacks a .tar that is compressed as a whole, by its ending: no part of it can be read alone."""

ENDINGS = (".zip", ".tar", *UNPACKED)
"""Endings of archives of pictures."""

MOST_MEMBER = 1 << 28
"""Bytes of a file in an archive, unpacked; a larger one is left out."""

BLOCK = 1 << 24
"""Bytes that are unpacked at a time."""

LEAST_FREE = 1 << 28
"""Bytes that stay free on the disk that an archive is unpacked onto."""


def list_archive(file: Path) -> Listing:
    """Every regular file in an archive, by name; what is none, or has a name that leads out of it, is refused.

    Raises:
        DataError: It is damaged, encrypted, larger than the disk, or holds too many files.
    """
    ending = ending_of(file)
    try:
        found = _zip(file) if ending == ".zip" else _tar(file, Whole(file, UNPACKED.get(ending)))
    except gzip.BadGzipFile as error:
        raise DataError(f"{file} is damaged, or no {ending} archive: {str(error)[:100]}.") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}.") from None
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, ValueError, EOFError, NotImplementedError) as error:
        packed = " (a compressed one must be called .tar.gz or .tgz)" if ending == ".tar" else ""
        raise DataError(f"{file} is damaged, or no {ending} archive{packed}: {str(error)[:100]}.") from None
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


class Whole:
    """A .tar as bytes that are read anywhere: the file itself, or what it unpacks to, in a file without a name.

    Args:
        file: The archive.
        unpack: What opens it where it is compressed; None where it is not.

    Raises:
        OSError: It cannot be read, or the disk is full.
        DataError: It unpacks to more than the disk holds.
    """

    def __init__(self, file: Path, unpack: Callable[[Path], BinaryIO] | None) -> None:
        self._file, self._lock, self._stream = file, threading.Lock(), None
        if unpack is not None:
            self._stream = _unpacked(file, unpack)
            weakref.finalize(self, self._stream.close)  # when nothing may read of it any more

    def opened(self) -> contextlib.AbstractContextManager[BinaryIO]:
        """All of it, to be read by nobody else meanwhile."""
        if self._stream is None:
            return self._file.open("rb")
        return contextlib.nullcontext(self._stream)

    def read(self, offset: int, size: int) -> bytes:
        """So many bytes from there on, or fewer where it ends."""
        with self._lock, self.opened() as stream:
            stream.seek(offset)
            return stream.read(size)


def _unpacked(file: Path, unpack: Callable[[Path], BinaryIO]) -> BinaryIO:
    """What a compressed file unpacks to, in a file of the cache folder without a name, which is gone once closed."""
    place = conversions_dir()
    place.mkdir(parents=True, exist_ok=True)
    found = tempfile.TemporaryFile(dir=place)  # noqa: SIM115 - closed with the archive, or here
    try:
        with unpack(file) as packed, stage(f"unpacking {file.name}", quiet=not is_terminal()):
            while block := packed.read(BLOCK):
                if shutil.disk_usage(place).free < LEAST_FREE + len(block):
                    raise DataError(
                        f"{file} unpacks to more than the disk of {place} holds; unpack it elsewhere, and name its "
                        "folder with --dataset folder --folder PATH."
                    )
                found.write(block)
        found.seek(0, os.SEEK_SET)
    except BaseException:
        found.close()
        raise
    return found  # pyright: ignore[reportReturnType]


def _tar(file: Path, whole: Whole) -> list[tuple[Found, str | None]]:
    found: list[tuple[Found, str | None]] = []
    with whole.opened() as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
        for each in archive:
            if each.isdir():
                continue
            _refuse_many(file, len(found))
            reason = "a link" if each.islnk() or each.issym() else "no file"
            if each.isreg() and not each.issparse():
                reason = None
            content = functools.partial(_tar_content, whole, each.offset_data, each.size)
            found.append((Found(Member(each.name, content), each.name.removeprefix("./"), each.size, 0), reason))
            archive.members.clear()  # pyright: ignore[reportAttributeAccessIssue] - or all heads would stay in memory
    return found


def _tar_content(whole: Whole, offset: int, size: int, most: int | None) -> bytes:
    content = whole.read(offset, size if most is None else min(size, most))
    if most is None and len(content) != size:
        raise OSError("it ends too early")
    return content


def _refuse_many(file: Path, count: int) -> None:
    if count > MOST_ROWS:
        raise DataError(f"{file} holds more than {MOST_ROWS:,} files.")
