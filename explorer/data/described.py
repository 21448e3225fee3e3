"""What is known of images beside their pixels: classes, attributes, numbers and the part of a split, from columns.

A column is a class, a split, an attribute (-1/0/1), or a number; which one is decided by its name and its values, and
said.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import UNKNOWN
from explorer.data.listing import natural, plain
from explorer.data.sets import seeded_test
from explorer.errors import DataError

SPLIT_NAMES = ("split", "usage", "partition", "subset", "set", "fold")
"""What columns are called, in lower case, that say to which part of a split an image belongs."""

SPLIT_WORDS: dict[str, int] = {
    **dict.fromkeys(("train", "training", "trn", "fit"), 0),
    **dict.fromkeys(("val", "valid", "validation", "dev", "publictest"), 1),
    **dict.fromkeys(("test", "testing", "tst", "privatetest"), 2),
}
"""What stands in such a column, in lower case; numbers are those of CelebA: 0 training, 1 validation, 2 test."""

CLASS_NAMES = (
    "label",
    "labels",
    "class",
    "class_name",
    "target",
    "y",
    "category",
    "digit",
    "breed",
    "species",
    "emotion",
)
"""What columns are called, in lower case, whose values are classes, the likeliest first."""

INDEX_NAMES = ("", "id", "index", "idx", "row", "unnamed: 0")
"""What columns are called, in lower case, that only count the rows."""

HIGH = "high "
"""Beginning of the name of an attribute that is made of a number."""

MOST_CLASSES = 1000
"""Distinct values of a column at most that is taken for classes."""

YES_NO = {"true": "1", "false": "0", "yes": "1", "no": "0"}
"""Words for attributes, in lower case."""

NOTHING = frozenset({"", "nan", "na", "none", "null", "?"})
"""What stands, in lower case, where nobody said."""

LISTED = 8
"""Names that a sentence has at most."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of N images; fields as in `explorer.data.sets.ImageSet`.

    Attributes:
        parts: (N,) 0 training, 1 validation, 2 test, or None.
        notes: How it was found, a sentence each.
    """

    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] | None = None
    attributes: NDArray[np.uint8] | None = None
    attribute_names: tuple[str, ...] | None = None
    factors: NDArray[np.float32] | None = None
    factor_names: tuple[str, ...] | None = None
    parts: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()

    def of(self, rows: NDArray[np.int64]) -> "Known":
        """The same of some of the images, in another order."""

        def taken(array: NDArray | None) -> NDArray | None:
            return None if array is None else array[rows]

        return replace(
            self,
            labels=taken(self.labels),
            attributes=taken(self.attributes),
            factors=taken(self.factors),
            parts=taken(self.parts),
        )


def by_parts(known: Known, parts: NDArray[np.int64]) -> tuple[NDArray[np.int64], dict[str, Any]]:
    """Images in the order of a data set: training images first, then validation images, then test images.

    Args:
        known: What is known of N images, but for its notes.
        parts: Their parts, (N,).

    Returns:
        The rows in that order, (N,), and what `explorer.data.cache.Arrangement` and `Rows` hold of them.
    """
    order = np.argsort(parts, kind="stable")
    told = known.of(order)
    return order, {
        "validation_count": int((parts == 1).sum()),
        "test_count": int((parts == 2).sum()),
        "labels": told.labels,
        "class_names": told.class_names,
        "attributes": told.attributes,
        "attribute_names": told.attribute_names,
        "factors": told.factors,
        "factor_names": told.factor_names,
    }


def known_of(columns: Mapping[str, Sequence[str]]) -> Known:
    """What columns of texts say of N images.

    Args:
        columns: By their names, N texts each.
    """
    left: list[str] = []
    parts, part_name = None, None
    values = {}
    for name, texts in columns.items():
        found = _parts(texts) if name.strip().lower() in SPLIT_NAMES and parts is None else None
        if found is not None:
            parts, part_name = found, name
        elif name.strip().lower() not in INDEX_NAMES:
            values[name] = texts
    flags = {name: found for name, texts in values.items() if (found := _attribute(texts)) is not None}
    others = [name for name in values if name not in flags]
    chosen = _class_column(values, flags)
    labels, class_names = None, None
    if chosen is not None:
        flags.pop(chosen, None)
        labels, class_names = classes_of(values[chosen])
    numbers = {name: found for name in others if name != chosen and (found := _numbers(values[name])) is not None}
    left = [name for name in others if name != chosen and name not in numbers]
    constant = [name for name, found in numbers.items() if np.nanmin(found) == np.nanmax(found)]
    numbers = {name: found for name, found in numbers.items() if name not in constant}
    notes = []
    if class_names is not None:
        notes.append(f"{len(class_names):,} classes by {chosen}: {listed_names(class_names)}")
    if flags:
        notes.append(f"{len(flags):,} attributes: {listed_names(list(flags))}")
    if numbers:
        notes.append(f"numbers: {listed_names(list(numbers))}")
    if left or constant:
        notes.append(
            f"columns left out, neither classes, attributes nor numbers that differ: {listed_names([*left, *constant])}"
        )
    if part_name is not None and parts is not None:
        notes.append(f"the split of column {part_name} is kept")
    known = Known(
        labels=labels,
        class_names=class_names,
        attributes=np.stack(list(flags.values()), axis=1) if flags else None,
        attribute_names=tuple(flags) if flags else None,
        factors=np.stack(list(numbers.values()), axis=1) if numbers else None,
        factor_names=tuple(numbers) if numbers else None,
        parts=parts,
        notes=tuple(notes),
    )
    return with_directions(known)


def with_directions(known: Known) -> Known:
    """The same with an attribute for each number, so that there is a direction to it.

    An image has the attribute if its number is among the upper third, lacks it among the lower third, and is not asked
    between them.
    """
    if known.factors is None or known.factor_names is None:
        return known
    added, names = [], []
    for values, name in zip(known.factors.T, known.factor_names, strict=True):
        low, high = np.nanquantile(values, [1 / 3, 2 / 3])
        flags = np.full(len(values), UNKNOWN, np.uint8)
        flags[values <= low], flags[values >= high] = 0, 1
        if low == high:  # most images share one number
            flags = np.where(np.isnan(values), UNKNOWN, (values > low).astype(np.uint8)).astype(np.uint8)
        if {0, 1} <= set(np.unique(flags).tolist()):
            added.append(flags)
            names.append(f"{HIGH}{name}")
    if not added:
        return known
    old = [] if known.attributes is None else [known.attributes]
    return replace(
        known,
        attributes=np.concatenate([*old, np.stack(added, axis=1)], axis=1),
        attribute_names=(*(known.attribute_names or ()), *names),
    )


def classes_of(values: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels (N,) and the names of the classes, in the order in which people count; nothing is a class of its own."""
    texts = ["none" if value.strip().lower() in NOTHING else _tidy(value) for value in values]
    names = sorted(set(texts), key=natural)
    numbers = {name: number for number, name in enumerate(names)}
    return np.array([numbers[text] for text in texts], dtype=np.int64), tuple(plain(name)[:100] for name in names)


def _tidy(value: str) -> str:
    """A text without the .0 of a whole number that was saved as a fraction."""
    value = value.strip()
    return value.removesuffix(".0") if value.removesuffix(".0").lstrip("-").isdecimal() else value


def _class_column(values: Mapping[str, Sequence[str]], flags: Mapping[str, object]) -> str | None:
    """The column whose values are the classes: by its name, else the only one, else the first of words."""
    named = sorted(
        (name for name in values if name.strip().lower() in CLASS_NAMES),
        key=lambda name: CLASS_NAMES.index(name.strip().lower()),
    )
    for name in named:
        if name in flags or _is_class(values[name]):
            return name
    if len(values) == 1:
        (name,) = values
        return name if name in flags or _is_class(values[name]) else None
    words = [
        name for name in values if name not in flags and _is_class(values[name]) and _numbers(values[name]) is None
    ]
    return words[0] if words else None


def _is_class(values: Sequence[str]) -> bool:
    """Whether some values come back often enough to be classes, and are whole numbers or words."""
    distinct = set(values)
    few = 1 < len(distinct) <= min(MOST_CLASSES, max(2, len(values) // 2))
    return few and all(_tidy(value).lstrip("-").isdecimal() or not _is_float(value) for value in distinct)


def _is_float(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _attribute(values: Sequence[str]) -> NDArray[np.uint8] | None:
    """A column of -1/0/1 as an attribute (N,): with -1 in it 0 is unknown, else 0 is no; None for any other column."""
    texts = [YES_NO.get(value.strip().lower(), _tidy(value)) for value in values]
    found = set(texts)
    said = {text for text in found if text.lower() not in NOTHING}
    if not said or not said <= {"-1", "0", "1"} or said == {"0"} or len(said) < 2:
        return None
    codes = {"1": 1, "-1": 0, "0": UNKNOWN if "-1" in said else 0}
    return np.array([codes.get(text, UNKNOWN) for text in texts], dtype=np.uint8)


def _numbers(values: Sequence[str]) -> NDArray[np.float32] | None:
    """A column of numbers (N,), NaN where nobody said; None for any other column."""
    try:
        found = np.array(
            [math.nan if value.strip().lower() in NOTHING else float(value) for value in values], np.float32
        )
    except (ValueError, OverflowError):
        return None
    finite = np.isfinite(found)
    found[~finite] = np.nan
    return found if finite.any() else None


def _parts(values: Sequence[str]) -> NDArray[np.int64] | None:
    """Parts of a split (N,); None where a value is no part, or no image is for training."""
    codes = [SPLIT_WORDS.get(value.strip().lower().replace("_", ""), _tidy(value)) for value in values]
    if set(codes) <= {"0", "1", "2"}:
        codes = [int(code) for code in codes]
    if not set(codes) <= {0, 1, 2} or 0 not in codes:
        return None
    return np.array(codes, dtype=np.int64)


def listed_names(names: Sequence[str]) -> str:
    """The first of some names."""
    shown = ", ".join(plain(name)[:40] for name in names[:LISTED])
    return f"{shown} and {len(names) - LISTED:,} more" if len(names) > LISTED else shown


FEWEST_TESTED = 10
"""Images for testing at fewest in a split that is given: fewer cannot be measured on."""


def settled_parts(parts: NDArray[np.int64] | None, count: int, name: str, where: str) -> tuple[NDArray[np.int64], str]:
    """The part of each image, (N,), with some for testing in any case, and the sentence that says so.

    Args:
        parts: 0 training, 1 validation, 2 test, (N,), as they are given; None where nothing is.
        count: N.
        name: Of the data set.
        where: Who gives them, for messages.

    Raises:
        DataError: Too few images are for testing.
    """
    tested = seeded_test(count)
    if parts is None:
        said = f"{name}: {count:,} images, of which {tested.sum():,}, drawn once for all, are kept for testing"
        return 2 * tested.astype(np.int64), said
    parts = parts.copy()
    sizes = [int((parts == number).sum()) for number in range(3)]
    between = f"{sizes[1]:,} for validation, " if sizes[1] else ""
    said = f"{name}: {sizes[0]:,} images are for fitting, {between}{sizes[2]:,} for testing, by {where}"
    if not sizes[2]:
        rows = np.flatnonzero(parts == 0)
        drawn = rows[seeded_test(len(rows))]
        parts[drawn] = 2
        said = f"{name}: {sizes[0]:,} images are for fitting, {between}by {where}; "
        said += f"{len(drawn):,} of the former, drawn once for all, are kept for testing"
    elif sizes[2] < FEWEST_TESTED:
        raise DataError(
            f"{name} has {sizes[2]} images for testing by {where}, but at least {FEWEST_TESTED} are needed to test on."
        )
    return parts, said
