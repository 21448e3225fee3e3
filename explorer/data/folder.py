"""Any folder of pictures as a data set: its sub-folders are classes, or the parts of a split and then classes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from explorer.config import FIRST_READING
from explorer.data.cache import Arrangement, Work, converted
from explorer.data.described import FEWEST_TESTED, Known, by_parts, settled_parts
from explorer.data.listing import (
    ENDINGS,
    Found,
    Listing,
    counted,
    find_pictures,
    left_out,
    list_folder,
    listed,
    natural,
    not_read,
    pictures_among,
    plain,
    plugins,
    was,
)
from explorer.data.names import SPLIT_FOLDERS, Part, folder_name
from explorer.data.pictures import Preparation
from explorer.data.sets import ImageSet, seeded_test
from explorer.data.sources import Asked, Source
from explorer.data.tables import MATCHED, Table, known_of_pictures, read_table_file, table_beside, table_found
from explorer.errors import DataError, MissingDataError

FEWEST = 40
"""Pictures that a folder must hold: fewer cannot be split and measured."""

MOST_STRAY = 0.1
"""Share of the pictures that may lie beside the folders of classes and be left out; with more there are no classes."""

NAMED = 10
"""Classes that a sentence names."""

TABLES_READ = 3
"""Number of the rules since which a table beside the pictures says what is on them."""


def load_folder(
    folder: Path,
    name: str,
    how: Preparation,
    *,
    reading: int,
    one_split: bool | None = None,
    labels: Path | None = None,
    work: Work,
) -> ImageSet:
    """Every picture below a folder, in the parts of a split that its sub-folders are; else a tenth is for testing.

    Args:
        folder: Where the pictures are.
        name: Name of the data set.
        how: What becomes of a picture.
        reading: Number of the rules, as in `explorer.config.DataConfig`.
        one_split: Whether sub-folders called train or test are classes; None where nothing else lies beside them.
        labels: A table that names the pictures; None looks for one beside them.
        work: How to convert the pictures.

    Raises:
        DataError: The folder is missing (`MissingDataError`), holds too few pictures, too many that are broken, or
            sub-folders that may be parts of a split or classes.
    """
    if reading == FIRST_READING:
        found = pictures_below(folder, "--folder")
        _refuse_few(folder, len(found))
        images = converted(name, found, how, lambda: first_arrangement(name, found), work=work)
    else:
        listing = _listing(folder)
        rules = ("folder", reading, one_split, *plugins(listing.files))
        beside = reading >= TABLES_READ
        files = listing.files
        if labels is not None:
            files = [*files, table_found(labels)]
            rules = (*rules, "labels")
        images = converted(
            name, files, how, lambda: arrange(folder, name, listing, one_split, labels, beside), work=work, rules=rules
        )
    if len(images) < FEWEST:
        raise DataError(f"{folder} holds {len(images)} pictures that can be read, but at least {FEWEST} are needed.")
    return images


def pictures_below(folder: Path, flag: str) -> list[Found]:
    """Every file below a folder with an ending of the first edition's pictures, by name.

    Raises:
        DataError: The folder is missing (`MissingDataError`), holds no picture, or cannot be read.
    """
    if not folder.is_dir():
        raise MissingDataError(f"there is no folder {folder}; name the one that holds the pictures with {flag}.")
    try:
        found = find_pictures(folder)
    except OSError as error:
        raise DataError(f"{error.filename or folder} cannot be read: {error.strerror}.") from None
    if not found:
        raise DataError(f"{folder} holds no pictures ({', '.join(ENDINGS)}); name another folder with {flag}.")
    return found


class Placed(NamedTuple):
    """A picture among the folders that it lies in.

    Attributes:
        file: The picture.
        part: The part of the split that a folder names, or None.
        word: The name of that folder, or None.
        group: The folder that is its class, if there are classes; None where it lies in no such folder.
    """

    file: Found
    part: Part | None
    word: str | None
    group: str | None


def arrange(
    folder: Path,
    name: str,
    listing: Listing,
    one_split: bool | None,
    labels: Path | Table | None = None,
    beside: bool = True,
) -> Arrangement:
    """Training images first, then validation images, then test images, with a sub-folder of each as its class.

    A table that names the pictures says more of them: its classes and its split count before those of the folders.

    Args:
        folder: The folder, for messages.
        name: Name of the data set.
        listing: What lies below it.
        one_split: As in `load_folder`.
        labels: The table, or where it is.
        beside: Whether to look for one beside the pictures, if there is no other.

    Raises:
        DataError: Too few pictures, sub-folders that may be parts of a split or classes, or a table of other pictures.
    """
    pictures, others = pictures_among(listing.files)
    notes = [*left_out(others), *not_read(listing.refused)]
    if not pictures:
        raise DataError(
            f"{folder} holds no pictures{f' ({notes[0]})' if notes else ''}; name another folder with --folder."
        )
    _refuse_few(folder, len(pictures))
    placed, said = _placed(folder, pictures, one_split)
    names = [each.file.name for each in placed]
    if labels is not None:
        table = labels if isinstance(labels, Table) else read_table_file(labels)
        known = known_of_pictures(table, names)
        if known is None:
            raise DataError(
                f"{table.name} names less than {MATCHED:.0%} of the pictures of {folder}; name another table."
            )
    else:
        known, file = table_beside(listing.files if beside else [], names)
        if known is not None:  # it is no file that was left out
            others[PurePosixPath(file).suffix.lower()] -= 1
            notes = [*left_out(+others), *not_read(listing.refused)]
    known = known or Known()
    classes, about = [], list(known.notes)
    if known.labels is None:
        kept, classes, more = _classified(placed)
        if len(kept) < len(placed):
            known = known.of(np.flatnonzero([each.group is not None for each in placed]))
        placed, about = kept, [*more, *about]
        numbers = {group: number for number, group in enumerate(classes)}
        if classes:
            labelled = np.array([numbers[each.group] for each in placed if each.group is not None], dtype=np.int64)
            known = replace(known, labels=labelled, class_names=tuple(map(plain, classes)))
    _refuse_few(folder, len(placed))
    if known.parts is not None:
        parts, first = settled_parts(known.parts, len(placed), name, "the table")
    else:
        parts, first = _parted(folder, name, placed)
    order, told = by_parts(known, parts)
    return Arrangement(
        files=[placed[row].file for row in order],
        **told,
        notes=(first, *said, *about, *notes),
    )


def first_arrangement(name: str, found: Sequence[Found]) -> Arrangement:
    """What the first edition made of a folder: training images first, then test images; sub-folders are classes.

    There are no classes where all pictures lie in one sub-folder, or some in none. Runs of that edition find their
    images again, in the same order, as bright as they were.
    """
    test = seeded_test(len(found))
    order = np.argsort(test, kind="stable")
    groups = [each.name.split("/")[0] if "/" in each.name else None for each in found]
    classes = tuple(sorted({group for group in groups if group is not None}))
    labels = None
    if len(classes) > 1 and None not in groups:
        numbers = {group: number for number, group in enumerate(classes)}
        labels = np.array([numbers[group] for group in groups if group is not None], dtype=np.int64)[order]
    return Arrangement(
        files=[found[row] for row in order],
        test_count=int(test.sum()),
        labels=labels,
        class_names=tuple(map(plain, classes)) if labels is not None else None,
        notes=(f"{name}: {len(found):,} pictures, read as the first edition did",),
        one_scale=False,
    )


def _placed(folder: Path, pictures: Sequence[Found], one_split: bool | None) -> tuple[list[Placed], list[str]]:
    """The pictures that count, each with its part of the split and its class, and what to say of the others.

    Raises:
        DataError: The sub-folders may be parts of a split or classes, or there is no part for training.
    """
    paths = [each.name.split("/")[:-1] for each in pictures]
    around = 0  # folders that hold all others, as archives unpack
    while one := _only(path[around : around + 1] for path in paths):
        if one_split is not True and one.lower() in SPLIT_FOLDERS:
            break
        around += 1
    paths = [path[around:] for path in paths]
    tops = Counter(path[0] for path in paths if path)
    words = sorted(top for top in tops if top.lower() in SPLIT_FOLDERS and one_split is not True)
    others = sorted((top for top in tops if top not in words), key=natural)
    if words and others and one_split is None:
        raise DataError(
            f"{folder} holds {_folders(words)} beside {_folders(others)}: give --no-one-split to take the former for "
            "the parts of the split and leave the rest out, or --one-split to take all for classes."
        )
    if words:
        parts = {SPLIT_FOLDERS[word.lower()] for word in words}
        if "train" not in parts:
            raise DataError(
                f"{folder} holds {_folders(words)}, but no train/; name the folder to fit with --folder, or give "
                "--one-split to take them for classes."
            )
        placed = [
            Placed(file, SPLIT_FOLDERS[path[0].lower()], path[0], path[1] if len(path) > 1 else None)
            for file, path in zip(pictures, paths, strict=True)
            if path and path[0] in words
        ]
        outside = len(pictures) - len(placed)
        return placed, [
            f"{counted(outside, 'picture')} outside {_folders(words)} {was(outside)} left out"
        ] if outside else []
    inner = {path[1].lower() if len(path) > 1 else "" for path in paths}
    if one_split is not True and inner <= SPLIT_FOLDERS.keys() and "train" in {SPLIT_FOLDERS[word] for word in inner}:
        placed = [
            Placed(file, SPLIT_FOLDERS[path[1].lower()], path[1], path[0])
            for file, path in zip(pictures, paths, strict=True)
        ]
        return placed, []
    if one_split is False:
        raise DataError(f"{folder} holds no folder called train, test or the like; leave out --no-one-split.")
    return [Placed(file, None, None, path[0] if path else None) for file, path in zip(pictures, paths, strict=True)], []


def _only(firsts: Iterable[list[str]]) -> str | None:
    """The one folder that all paths begin with; None where there is none, or another."""
    found = {tuple(first) for first in firsts}
    return next(iter(found))[0] if len(found) == 1 and () not in found else None


def _classified(placed: list[Placed]) -> tuple[list[Placed], list[str], list[str]]:
    """The pictures that count, the classes in the order in which people count, and what to say of them."""
    sizes = Counter(each.group for each in placed)
    classes = sorted((group for group in sizes if group is not None), key=natural)
    loose = [each for each in placed if each.group is None]
    if len(classes) < 2:
        return placed, [], []
    if len(loose) > MOST_STRAY * len(placed):
        return placed, [], [f"{len(loose):,} of them lie in no sub-folder, so sub-folders are not taken for classes"]
    named = ", ".join(f"{plain(group)} ({sizes[group]:,})" for group in classes[:NAMED])
    rest = f" and {len(classes) - NAMED:,} more" if len(classes) > NAMED else ""
    notes = [f"{len(classes):,} classes: {named}{rest}"]
    fitted = {each.group for each in placed if each.part in (None, "train")}
    unseen = [plain(group) for group in classes if group not in fitted]
    if unseen:
        notes.append(f"no picture for training is of {', '.join(unseen[:NAMED])}{' or others' * (len(unseen) > NAMED)}")
    if loose:
        files = ", ".join(plain(each.file.name) for each in loose[:NAMED])
        more = f" and {len(loose) - NAMED:,} more" if len(loose) > NAMED else ""
        strays = f"{counted(len(loose), 'picture')} beside the folders of the classes {was(len(loose))}"
        notes.append(f"{strays} left out: {files}{more}")
    return [each for each in placed if each.group is not None], classes, notes


def _parted(folder: Path, name: str, placed: Sequence[Placed]) -> tuple[NDArray[np.int64], str]:
    """Where each picture belongs, (N,): 0 training, 1 validation, 2 test; and the sentence that says so.

    Raises:
        DataError: Too few pictures are for testing.
    """
    parts = np.array([0 if each.part is None else get_args(Part).index(each.part) for each in placed])
    if placed[0].part is None:
        parts[seeded_test(len(parts))] = 2
        tested = f"of which {(parts == 2).sum():,}, drawn once for all, are kept for testing"
        return parts, f"{name}: {len(parts):,} pictures, {tested}"
    counts = [int((parts == number).sum()) for number in range(3)]
    words = [sorted({each.word for each in placed if each.word and each.part == part}) for part in get_args(Part)]
    fitted, validated, held = map(_folders, words)
    if counts[2] == 0:
        rows = np.flatnonzero(parts == 0)
        parts[rows[seeded_test(len(rows))]] = 2
        tested = f"but for {(parts == 2).sum():,} of them, drawn once for all, that are kept for testing"
    elif counts[2] < FEWEST_TESTED:
        raise DataError(
            f"{folder} holds {counts[2]} pictures in {held}, but at least {FEWEST_TESTED} are needed to test on; "
            "add some, or take the folder away, so that a tenth of the others is drawn."
        )
    else:
        tested = f"the {counts[2]:,} of {held} are kept for testing"
    between = f"the {counts[1]:,} of {validated} are for validation, " if counts[1] else ""
    return parts, (
        f"{name}: the {counts[0]:,} pictures of {fitted} are for fitting, {between}{tested}; "
        "--one-split takes these folders for classes"
    )


def _folders(names: Sequence[str]) -> str:
    """Names of folders as a sentence has them, at most a few."""
    shown = [f"{plain(name)}/" for name in names[:4]]
    return listed([*shown, f"{len(names) - 4:,} more"] if len(names) > 4 else shown) if shown else ""


def _refuse_few(folder: Path, count: int) -> None:
    if count < FEWEST:
        raise DataError(f"{folder} holds {count} pictures, but at least {FEWEST} are needed.")


def _listing(folder: Path) -> Listing:
    """What lies below a folder.

    Raises:
        DataError: It is missing (`MissingDataError`), or cannot be read.
    """
    if not folder.is_dir():
        raise MissingDataError(f"there is no folder {folder}; name the one that holds the pictures with --folder.")
    try:
        return list_folder(folder)
    except OSError as error:
        raise DataError(f"{error.filename or folder} cannot be read: {error.strerror}.") from None


def _load(asked: Asked) -> ImageSet:
    if asked.folder is None:
        raise MissingDataError("a folder data set needs its folder; name it with --folder PATH.")
    return load_folder(
        asked.folder,
        asked.config.name or folder_name(asked.folder),
        asked.how,
        reading=asked.config.reading or FIRST_READING,
        one_split=asked.config.one_split,
        labels=asked.labels,
        work=asked.work,
    )


SOURCE = Source(load=_load, takes="folder", takes_labels=True)
