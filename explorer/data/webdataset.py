"""Pictures in archives as one data set: one archive, or the shards of a WebDataset, with what it says of each picture.

A WebDataset keeps the class of a picture, or more that is known of it, in files of the same name beside it:
https://github.com/webdataset/webdataset
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from explorer.data.archives import ENDINGS, list_archive
from explorer.data.cache import Arrangement
from explorer.data.folder import arrange
from explorer.data.listing import ENDINGS as PICTURE_ENDINGS
from explorer.data.listing import MORE_ENDINGS, Found, Listing, natural
from explorer.data.names import SPLIT_FOLDERS, part_of
from explorer.data.stack import MOST_ROWS, ending_of
from explorer.data.tables import Table
from explorer.errors import DataError, MissingDataError

MOST_ARCHIVES = 10_000
"""Archives of a data set at most."""

MOST_OPEN = 200
"""Archives that stay open while they are read, at most: all but plain .tar files."""

RANGE = re.compile(r"\{(\d{1,9})\.\.(\d{1,9})\}")
"""The numbers of shards in the name of all of them, as WebDataset writes it: shard-{000..127}.tar."""

CLASS, MORE = (".cls", ".cls.txt"), (".json",)
"""Endings of the files that hold a picture's class, and more of it by names."""

MOST_BYTES = 1 << 16
"""Bytes of such a file; a larger one is left out."""

MOST_FIELDS = 200
"""Names of what is known of the pictures, at most; the others are left out."""

LONGEST = 200
"""Characters of a value."""


def archives_at(place: Path) -> list[Path] | None:
    """The archives that a place names, in the order in which people count; None where it names none.

    Args:
        place: An archive; a folder of archives, at any depth, without a picture in it; or all of a range by their
            name, shard-{000..127}.tar.

    Raises:
        DataError: One of a range is missing (`MissingDataError`), or there are too many.
    """
    found = RANGE.search(place.name) if ending_of(place) in ENDINGS else None
    if found is not None and not place.exists():
        first, last = int(found[1]), int(found[2])
        if last - first >= MOST_ARCHIVES:
            raise DataError(f"{place.name} names more than {MOST_ARCHIVES:,} files.")
        numbers = (f"{number:0{len(found[1])}d}" for number in range(first, last + 1))
        files = [place.with_name(place.name[: found.start()] + each + place.name[found.end() :]) for each in numbers]
        missing = [each for each in files if not each.is_file()]
        if missing or not files:
            raise MissingDataError(
                f"there is no file {missing[0] if missing else place}; {len(files) - len(missing):,} of the "
                f"{len(files):,} that {place.name} names are there."
            )
    elif place.is_dir():
        below = [path for path in place.rglob("*") if not path.name.startswith(".")]
        if any(path.suffix.lower() in (*PICTURE_ENDINGS, *MORE_ENDINGS) for path in below):
            return None
        files = [path for path in below if ending_of(path) in ENDINGS and path.is_file()]
    else:
        files = [place] if ending_of(place) in ENDINGS else []
    if len(files) > MOST_ARCHIVES:
        raise DataError(f"{place} holds {len(files):,} archives, but {MOST_ARCHIVES:,} are the most.")
    return sorted(files, key=lambda path: natural(path.as_posix())) or None


def archive_files(place: Path, archives: Sequence[Path]) -> list[Found]:
    """What tells that archives are unchanged, with their names below the place that names them."""
    root = place if place.is_dir() else place.parent
    stats = [(path, path.stat()) for path in archives]
    return [Found(path, path.relative_to(root).as_posix(), stat.st_size, stat.st_mtime_ns) for path, stat in stats]


def arrange_archives(
    place: Path, archives: Sequence[Found], name: str, one_split: bool | None, labels: Path | None
) -> Arrangement:
    """The pictures of archives as those of a folder.

    Args:
        place: What names the archives, for messages.
        archives: As `archive_files` gives them.
        name: Name of the data set.
        one_split: As in `explorer.data.folder.load_folder`.
        labels: A table that names the pictures; None for what lies beside them.

    Raises:
        DataError: An archive is damaged, or as in `explorer.data.folder.arrange`.
    """
    listing = joined(archives)
    told = told_beside(listing) if labels is None else None
    if told is not None:
        listing = replace(listing, files=[each for each in listing.files if each.name not in told.names])
    return arrange(place, name, listing, one_split, labels or (told and told.table))


def joined(archives: Sequence[Found]) -> Listing:
    """What lies in archives as if it lay in one folder.

    Where the names of all say a part of a split (train-000.tar, test-000.tar), that is the folder around theirs. Where
    a name is in two of them, each file has the name of its archive before its own.

    Raises:
        DataError: One is damaged, or there are too many files.
    """
    if len(archives) == 1:
        return list_archive(archives[0].on_disk)
    kept = [each.name for each in archives if ending_of(each.on_disk) != ".tar"]
    if len(kept) > MOST_OPEN:
        raise DataError(f"{len(kept):,} archives as {kept[0]} are more than {MOST_OPEN}; unpack them to .tar files.")
    listings = [list_archive(each.on_disk) for each in archives]
    if sum(len(listing.files) for listing in listings) > MOST_ROWS:
        raise DataError(f"the archives of {archives[0].on_disk.parent} hold more than {MOST_ROWS:,} files.")
    parts = [part_of(each.name) for each in archives]
    words = list(dict.fromkeys(SPLIT_FOLDERS.values()))
    given = [words[part] if part is not None else "" for part in parts] if None not in parts and 0 in parts else None
    counts = Counter(each.name for listing in listings for each in listing.files)
    files, refused = [], []
    for number, (archive, listing) in enumerate(zip(archives, listings, strict=True)):
        before = f"{PurePosixPath(archive.name).name.split('.')[0]}-" if max(counts.values(), default=0) > 1 else ""
        for each in listing.files:
            path = PurePosixPath(each.name)
            inside = path.with_name(f"{before}{path.name}").as_posix()
            files.append(each._replace(name=f"{given[number]}/{inside}" if given else inside))
        refused += [(f"{archive.name}: {name}", reason) for name, reason in listing.refused]
    return Listing(sorted(files, key=lambda each: each.name), sorted(refused))


@dataclass(frozen=True)
class Told:
    """What files beside pictures say of them.

    Attributes:
        table: Names of the pictures, and what is known of each by names.
        names: Of the files that say it.
    """

    table: Table
    names: frozenset[str]


def told_beside(listing: Listing) -> Told | None:
    """What the .cls and .json files of a WebDataset say of the pictures of the same name; None where nothing is said.

    A .json file counts where it holds values by names; what is nested in them is left out.
    """
    beside: dict[str, dict[str, str]] = {}
    names: dict[str, set[str]] = {}
    for each in listing.files:
        ending = next((end for end in (*CLASS, *MORE) if each.name.lower().endswith(end)), None)
        if ending is None or each.size > MOST_BYTES:
            continue
        with each.path.open("rb") as stream:
            content = stream.read().decode("utf-8", "replace")
        values = {"class": content.strip()[:LONGEST]} if ending in CLASS else _fields(content)
        if values:
            key = each.name[: -len(ending)]
            beside.setdefault(key, {}).update(values)
            names.setdefault(key, set()).add(each.name)
    rows: dict[str, dict[str, str]] = {}
    used: set[str] = set()
    for each in listing.files:
        path = PurePosixPath(each.name)
        if path.suffix.lower() in (*PICTURE_ENDINGS, *MORE_ENDINGS):
            keys = (path.with_suffix("").as_posix(), path.with_name(path.name.split(".")[0] or path.name).as_posix())
            key = next((key for key in keys if key in beside), None)
            if key is not None:
                rows[each.name] = beside[key]
                used |= names[key]
    if not rows:
        return None
    fields = list(dict.fromkeys(field for values in rows.values() for field in values))[:MOST_FIELDS]
    columns = {field: [values.get(field, "") for values in rows.values()] for field in fields}
    kinds = " and ".join(sorted({f".{name.lower().rsplit('.', 1)[1]}" for name in used}))
    return Told(Table(name=f"the {kinds} files", columns={"__file__": list(rows), **columns}), frozenset(used))


def _fields(content: str) -> dict[str, str]:
    """The values by names of a JSON text, as words; nothing where it holds none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    plain = {name: each for name, each in found.items() if isinstance(each, str | int | float | bool)}
    return {str(name)[:LONGEST]: str(each)[:LONGEST] for name, each in plain.items()}
