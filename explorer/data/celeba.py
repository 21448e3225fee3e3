"""CelebA's aligned faces in every layout that people have, read without its full official set of files.

Liu, Luo, Wang & Tang 2015, https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html; for non-commercial research only.

Below the data folder, in `celeba` (or `CelebA`, `celeba-dataset`, or the data folder itself):

* torchvision's: `img_align_celeba/*.jpg`, `list_attr_celeba.txt`, `list_eval_partition.txt`;
* Kaggle's: `img_align_celeba/img_align_celeba/*.jpg` and the same lists as `.csv`;
* the authors' own: the lists in `Anno` and `Eval`;
* Hugging Face's export: 000000.jpg onwards. The official numbers begin at 1, so these are never joined to the lists;
* faces alone, or a part of them, or of the lists: what is there is used.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import UNKNOWN
from explorer.data.cache import Arrangement, Work, converted
from explorer.data.downloads import fetched
from explorer.data.folder import pictures_below
from explorer.data.listing import Found, find_pictures, passed_over
from explorer.data.pictures import Preparation
from explorer.data.sets import ImageSet, seeded_test
from explorer.data.sources import Source
from explorer.errors import DataError, MissingDataError

IMAGES = 202_599
"""Images of the complete set."""

LAST_TRAINING = 162_770
"""Official number of the last training image; those after it are validation and test images."""

ROOTS = ("celeba", "CelebA", "celeba-dataset")
ATTRIBUTES, PARTITION = "list_attr_celeba", "list_eval_partition"
LIST_FOLDERS = ("", "Anno", "Eval", "img_align_celeba")
FEWEST = 40
"""Faces that must be there: fewer cannot be split and measured."""

GET_IT = (
    "get img_align_celeba and the lists from Kaggle (jessicali9530/celeba-dataset) or from its authors' page, and "
    "unpack them into celeba/ of the data folder"
)


@dataclass(frozen=True)
class Copy:
    """A copy of CelebA on disk.

    Attributes:
        root: Its folder.
        faces: Its images, by name, none twice.
        attributes: The list of attributes, or None.
        partition: The list of the official split, or None.
    """

    root: Path
    faces: Sequence[Found]
    attributes: Found | None
    partition: Found | None

    @cached_property
    def begins_at_zero(self) -> bool:
        """Whether the images are numbered from 0: Hugging Face's export, not the official numbers."""
        return _begins_at_zero(self.faces)


def load_celeba(
    data_dir: Path, how: Preparation, *, extra: Path | None = None, download: bool = False, work: Work
) -> ImageSet:
    """The faces: training images, those of `extra` after them, then official validation and test images.

    Args:
        data_dir: The folder that holds `celeba`.
        how: What becomes of a picture.
        extra: A folder of more training faces without attributes, or None. A file name of six digits is an official
            number: what is no training image, or is there already, is left out.
        download: Whether to fetch the set where none of it is there.
        work: How to convert the pictures.

    Raises:
        DataError: Files are missing (`MissingDataError`) or damaged, or the download failed.
    """
    copy = find_copy(data_dir)
    if copy is None and download:
        fetched("CelebA", data_dir, "celeba", f"{GET_IT} (its one server needs the package gdown, and often refuses)")
        copy = find_copy(data_dir)
    if copy is None:
        raise MissingDataError(
            f"{data_dir / 'celeba'} holds no faces of CelebA; {GET_IT}, or point --data-dir at a folder that has them."
        )
    if len(copy.faces) < FEWEST:
        raise DataError(f"{copy.root} holds {len(copy.faces)} faces, but at least {FEWEST} are needed; {GET_IT}.")
    more = pictures_below(extra, "--extra-train") if extra is not None else []
    lists = [each for each in (copy.attributes, copy.partition) if each is not None]
    listing = [*copy.faces, *lists, *(each._replace(name=f"extra/{each.name}") for each in more)]
    return converted("celeba", listing, how, lambda: arrange(copy, more, extra), work=work)


def celeba_files(data_dir: Path) -> list[Path]:
    """What `load_celeba` reads: a folder of images changes when one of them comes or goes."""
    names = [f"{name}.{ending}" for name in (ATTRIBUTES, PARTITION) for ending in ("txt", "csv")]
    files = []
    for root in (*(data_dir / name for name in ROOTS), data_dir):
        files += [root, root / "img_align_celeba", root / "img_align_celeba" / "img_align_celeba"]
        files += [place / folder / name for place in _around(root) for folder in LIST_FOLDERS for name in names]
    return files


def find_copy(data_dir: Path) -> Copy | None:
    """The first copy of CelebA below a data folder, or None.

    Raises:
        DataError: A folder cannot be read.
    """
    try:
        for root in (*(data_dir / name for name in ROOTS), data_dir):
            aligned = root / "img_align_celeba"
            if aligned.is_dir():
                faces = find_pictures(aligned)
            elif root.is_dir() and root != data_dir:
                faces = find_pictures(root)
            else:  # among other data sets only what is named like a face
                faces = [each for each in find_pictures(root, deep=False) if _number(each)] if root.is_dir() else []
            if faces:
                return Copy(root, _once(faces), _list(root, ATTRIBUTES), _list(root, PARTITION))
    except OSError as error:
        raise DataError(f"{error.filename or data_dir} cannot be read: {error.strerror}.") from None
    return None


def arrange(copy: Copy, more: Sequence[Found], place: Path | None = None) -> Arrangement:
    """Training faces by name, then those of `more`, then official validation faces, then test faces.

    Args:
        copy: The set.
        more: Further training faces.
        place: The folder that those lie in, to say what else is there.
    """
    parts, notes = _parts(copy)
    extra, said = _chosen(copy, more)
    for folder in (copy.root / "img_align_celeba", *([place] if place is not None else [])):
        said += [f"{folder.name}: {sentence}" for sentence in passed_over(folder)]
    train, validation, test = (
        [face for face, part in zip(copy.faces, parts, strict=True) if part == p] for p in range(3)
    )
    files = [*train, *extra, *validation, *test]
    attributes, names = None, None
    if copy.attributes is not None and not copy.begins_at_zero:
        names, rows = read_attributes(copy.attributes.on_disk)
        unknown = np.full(len(names), UNKNOWN, dtype=np.uint8)
        own = {id(face) for face in copy.faces}  # another folder's names are no official ones
        attributes = np.stack([rows.get(f.path.stem, unknown) if id(f) in own else unknown for f in files])
        if (attributes == UNKNOWN).all():
            attributes, names = None, None
            notes.append("none of them is in the list of attributes")
    elif copy.begins_at_zero:
        notes.append("they are numbered from 0, unlike the official ones, so no list of attributes is joined to them")
    else:
        notes.append(f"there is no {ATTRIBUTES}.txt or .csv, so they have no attributes")
    return Arrangement(
        files=files,
        validation_count=len(validation),
        test_count=len(test),
        attributes=attributes,
        attribute_names=names,
        notes=(*notes, *said),
    )


def read_attributes(path: Path) -> tuple[tuple[str, ...], dict[str, NDArray[np.uint8]]]:
    """Names of the attributes, and of each image (A,) 1 where it has them and 0 where not, by its name without ending.

    Raises:
        DataError: The file is damaged.
    """
    lines = _lines(path)
    if path.suffix != ".csv" and lines and len(lines[0]) == 1:  # the official list begins with how many rows there are
        lines = lines[1:]
    header = lines[0] if lines else []
    names = tuple(header[1:] if path.suffix == ".csv" else header)
    if not names or len(lines) < 2:
        raise DataError(f"{path} holds no attributes; get it again.")
    rows: dict[str, NDArray[np.uint8]] = {}
    for number, (name, *values) in enumerate(lines[1:], 1):
        if len(values) != len(names) or not {"1", "-1", "0"}.issuperset(values):
            expected = f"{len(names)} values of 1 and -1 were expected"
            raise DataError(f"{path}, row {number} ({name[:40]}): {expected}; get the file again.")
        rows[Path(name).stem] = np.array([value == "1" for value in values], dtype=np.uint8)
    return names, rows


def read_partition(path: Path) -> dict[str, int]:
    """0 for training, 1 for validation, 2 for test images, by name without ending.

    Raises:
        DataError: The file is damaged.
    """
    parts: dict[str, int] = {}
    for number, fields in enumerate(_lines(path), 1):
        if number == 1 and fields[-1] == "partition":
            continue
        if len(fields) != 2 or fields[1] not in ("0", "1", "2"):
            raise DataError(f"{path}, line {number}: a name and 0, 1 or 2 were expected; get the file again.")
        parts[Path(fields[0]).stem] = int(fields[1])
    return parts


def _parts(copy: Copy) -> tuple[NDArray[np.int64], list[str]]:
    """Where each face belongs, (N,): 0 training, 1 validation, 2 test, -1 nowhere; and what to say of it."""
    count = len(copy.faces)
    if copy.partition is not None and not copy.begins_at_zero:
        official = read_partition(copy.partition.on_disk)
        parts = np.array([official.get(face.path.stem, -1) for face in copy.faces])
        if (parts == 0).any() and (parts == 2).any():
            train, validation, test = ((parts == part).sum() for part in range(3))
            kinds = f"{train:,} for training, {validation:,} for validation, {test:,} for testing"
            notes = [f"celeba: {count:,} of {IMAGES:,} images are here: {kinds}"]
            if (parts < 0).any():
                notes.append(f"{(parts < 0).sum():,} of them are not in {copy.partition.name} and left out")
            return parts, notes
    parts = np.where(seeded_test(count), 2, 0)
    why = "no official split goes with them"
    return parts, [
        f"celeba: {count:,} images are here; {why}, so {(parts == 2).sum():,} drawn once for all are test images"
    ]


def _chosen(copy: Copy, more: Sequence[Found]) -> tuple[list[Found], list[str]]:
    """Those of the further faces that may be fitted, and what to say of them.

    No image that is held out may be fitted under another name: official validation and test images are told by their
    numbers alone, whatever the lists at hand hold.
    """
    if not more:
        return [], []
    here = {official for face in copy.faces if (official := _official(face, copy.begins_at_zero)) is not None}
    forbidden: set[int] = set()
    if copy.partition is not None:
        parts = read_partition(copy.partition.on_disk)
        forbidden = {int(stem) for stem, part in parts.items() if part != 0 and stem.isdecimal()}
    zero, kept, twice, held = _begins_at_zero(more), [], 0, 0
    for face in _once(more):
        official = _official(face, zero)
        if official is not None and (official > LAST_TRAINING or official in forbidden):
            held += 1
        elif official is not None and official in here:
            twice += 1
        else:
            kept.append(face)
    notes = [f"{len(kept):,} further training faces without attributes"]
    if twice:
        notes.append(f"{twice:,} that are in both folders are taken once")
    if held:
        notes.append(f"{held:,} official validation or test images among them are left out")
    return kept, ["; ".join(notes)]


def _number(face: Found) -> int | None:
    """The number that a file is named by, or None."""
    return int(face.path.stem) if re.fullmatch(r"[0-9]{6}", face.path.stem) else None


def _official(face: Found, begins_at_zero: bool) -> int | None:
    """The official number of a face, or None where its name tells none."""
    number = _number(face)
    return None if number is None else number + begins_at_zero


def _begins_at_zero(faces: Sequence[Found]) -> bool:
    return any(_number(face) == 0 for face in faces)


def _once(faces: Sequence[Found]) -> list[Found]:
    """The faces without those of the same name in another sub-folder."""
    seen: dict[str, Found] = {}
    for face in faces:
        seen.setdefault(face.path.stem if _number(face) is not None else face.name, face)
    return list(seen.values())


def _list(root: Path, name: str) -> Found | None:
    """A list of the set, plain or as a table of commas, where it is."""
    for place in _around(root):
        for folder in LIST_FOLDERS:
            for ending in ("txt", "csv"):
                path = place / folder / f"{name}.{ending}"
                if path.is_file():
                    stat = path.stat()
                    return Found(path, path.name, stat.st_size, stat.st_mtime_ns)
    return None


def _around(root: Path) -> list[Path]:
    """The folder of a copy, and those above it where it is the folder of the faces itself."""
    found = [root.resolve()]
    while found[-1].name == "img_align_celeba":
        found.append(found[-1].parent)
    return [root, *found[1:]]


def _lines(path: Path) -> list[list[str]]:
    """The fields of every line that holds any."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); get it again.") from None
    split = [line.split(",") if path.suffix == ".csv" else line.split() for line in text.splitlines() if line.strip()]
    return [[field.strip() for field in fields] for fields in split]


SOURCE = Source(
    load=lambda asked: load_celeba(
        asked.data_dir, asked.how, extra=asked.extra_train, download=asked.download, work=asked.work
    ),
    files=celeba_files,
    takes_extra=True,
    title="Faces",
    nouns=("face", "faces"),
    terms=(
        "CelebA is for non-commercial research only, which binds models fitted on it as well; its images must not be "
        "passed on (https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html)."
    ),
    crop=148 / 178,
)
"""CelebA; 148 of the 178 pixels of the width are kept, as is usual. Its only server refuses too often to be offered."""
