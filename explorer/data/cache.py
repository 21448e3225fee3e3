"""Picture files converted once to one memory-mapped array of bytes, kept in the user's cache.

Decoding tens of thousands of pictures takes half a minute, opening the array that they become a moment; and a mapped
array needs no memory but for what is looked at. A conversion is built under a temporary name and renamed when it is
whole, under a lock, so that whatever kills it leaves nothing that is taken for whole, and of several processes that
start at once one converts and the others wait.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explorer.arrays import Pixels
from explorer.data.listing import Found, Member, plain
from explorer.data.pictures import (
    Brightness,
    Preparation,
    Scale,
    Traits,
    UnreadablePictureError,
    prepared_with_traits,
    scale_of,
)
from explorer.data.sets import ImageSet, fingerprint_of
from explorer.errors import DataError, UnconvertedError
from explorer.locks import LockedError, holding
from explorer.progress import stage

VERSION = 3
"""Number of what `prepared` makes of a picture and of the layout of a conversion: raise it with either."""

PIXELS, LABELS, ATTRIBUTES, FACTORS, FACTS = "pixels.npy", "labels.npy", "attributes.npy", "factors.npy", "set.json"
"""Files of a conversion; the facts are written last."""

CONVERSION = re.compile(r".+-[0-9a-f]{16}|\..+-[0-9a-f]{16}\.\w+\.partial")
"""Folder of a conversion, and of one that goes on or was killed; the digits are those of `_key`."""

LAYOUT = re.compile(r"[0-9a-f]{24}\.npy|\.[0-9a-f]{24}\.\w+\.partial")
"""File of a t-SNE layout, and of one that is being written."""

LOCK = ".lock"
"""File in the folder of conversions that who converts has locked."""

BATCH = 64
"""Pictures that a thread converts at a time."""

MOST_BROKEN = 0.05
"""Share of the files that may be broken."""

NAMED = 10
"""Broken files that a sentence names."""


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """Which pictures make a data set, in the order of its rows, and what is known of them.

    Attributes:
        files: The pictures, N of them: training first, then official validation, then test images.
        validation_count: How many rows before the test images are official validation images.
        test_count: How many of the last rows are test images.
        labels: (N,) int64 into `class_names`, or None.
        class_names: Names of the labels, or None.
        attributes: (N, A) uint8, as in `ImageSet`, or None.
        attribute_names: Names of the attributes, or None.
        factors: (N, F), as in `ImageSet`, or None.
        factor_names: Names of the factors, or None.
        notes: What a person should know, a sentence each.
        one_scale: Whether pictures of more than 8 bits share one black and one white; else each is judged by itself.
    """

    files: Sequence[Found]
    validation_count: int = 0
    test_count: int
    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] | None = None
    attributes: NDArray[np.uint8] | None = None
    attribute_names: tuple[str, ...] | None = None
    factors: NDArray[np.float32] | None = None
    factor_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    one_scale: bool = True


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What is known of the rows of a conversion, beside their pixels; fields as in `ImageSet`.

    Attributes:
        broken: Names of files that could not be read, and why.
    """

    validation_count: int
    test_count: int
    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] | None = None
    attributes: NDArray[np.uint8] | None = None
    attribute_names: tuple[str, ...] | None = None
    factors: NDArray[np.float32] | None = None
    factor_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    brightness: Brightness | None = None
    broken: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Work:
    """How a conversion is done, if one is needed.

    Attributes:
        allowed: Whether to convert at all; else `UnconvertedError` is raised.
        quiet: Whether to show no progress on stderr.
        tell: Told how many of how many pictures are done, now and then.
    """

    allowed: bool = True
    quiet: bool = False
    tell: Callable[[int, int], None] | None = None


def cache_dir() -> Path:
    """$EXPLORER_CACHE, else the user's cache folder of this program; not created here."""
    named = os.environ.get("EXPLORER_CACHE")
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return root / "latent-space-explorer"


def default_data_dir() -> Path:
    """$EXPLORER_DATA, else a folder in the user's cache."""
    named = os.environ.get("EXPLORER_DATA")
    return Path(named).expanduser() if named else cache_dir() / "data"


def conversions_dir() -> Path:
    """Where conversions are kept."""
    return cache_dir() / "images"


def layouts_dir() -> Path:
    """Where the t-SNE layouts of runs are kept (`explorer.library.layouts`)."""
    return cache_dir() / "tsne"


def converted(
    name: str,
    listing: Sequence[Found],
    how: Preparation,
    arrange: Callable[[], Arrangement],
    work: Work,
    rules: Sequence[object] = (),
) -> ImageSet:
    """The data set that a listing of files makes: from the cache, or converted into it first.

    Args:
        name: Name of the data set.
        listing: Every file that decides about it, pictures and lists; a change of any makes another conversion.
        how: What becomes of a picture.
        arrange: Says which pictures make it; asked only where they must be converted.
        work: How to do it.
        rules: All else that `arrange` decides by; plain values.

    Raises:
        DataError: Too many pictures are broken, or the cache cannot be written to; `UnconvertedError` where they
            are not converted yet, and must not be.
    """
    return conversion(
        name,
        listing,
        [asdict(how), *rules],
        lambda partial: _pictures(partial, name, how, arrange(), work),
        work,
        image_shape=how.image_shape,
    )


def conversion(
    name: str,
    listing: Sequence[Found],
    rules: Sequence[object],
    write: Callable[[Path], Rows],
    work: Work,
    image_shape: tuple[int, int, int] | None = None,
) -> ImageSet:
    """The data set that some files make: from the cache, or written into it first.

    Args:
        name: Name of the data set.
        listing: Every file that decides about it; a change of any makes another conversion.
        rules: All else that decides; plain values.
        write: Writes the pixels (N, C, H, W) of a conversion as `PIXELS` into a folder, and says what is known of them.
        work: How to do it.
        image_shape: (C, H, W) that the images must have; None for any.

    Raises:
        DataError: As in `converted`.
    """
    final = conversions_dir() / f"{name}-{_key(name, listing, rules)}"
    images = _opened(final, name, image_shape)
    if images is not None:
        return images
    if not work.allowed:
        raise UnconvertedError(f"the images of {name} are not converted yet; train.py does it, or the page.")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with _locked(final.parent) as alone:
            images = _opened(final, name, image_shape)  # another process may have made it meanwhile
            if images is not None:
                return images
            if alone:
                for left in final.parent.glob(".*.partial"):  # by a conversion that was killed
                    if _is_conversion(left):
                        shutil.rmtree(left, ignore_errors=True)
            _publish(final, name, write)
            images = _opened(final, name, image_shape)
    except (OSError, LockedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"the converted images of {name} cannot be written to {final.parent}: {reason}; make room there, or name "
            "another folder in $EXPLORER_CACHE."
        ) from None
    if images is None:
        raise DataError(f"the converted images in {final} are gone already; run the same command again.")
    return images


def clear_cache() -> dict[str, tuple[Path, int]]:
    """Remove what can be computed again, never a data set that was downloaded.

    Returns:
        Of "converted images" and "t-SNE layouts" the folder they were in, and how many bytes they took.

    Raises:
        DataError: A conversion is under way, or a file cannot be removed.
    """
    images, layouts = conversions_dir(), layouts_dir()
    cleared = {"converted images": (images, 0), "t-SNE layouts": (layouts, 0)}
    if images.is_dir():
        try:
            with _locked(images, wait=False):
                cleared["converted images"] = (images, _emptied(images, _is_conversion))
        except LockedError:
            sentence = f"images are being converted into {images} right now; clear it when that is done."
            raise DataError(sentence) from None
    if layouts.is_dir():  # a page that is laying out a run writes its file anew
        cleared["t-SNE layouts"] = (layouts, _emptied(layouts, _is_layout))
    return cleared


def _emptied(folder: Path, is_ours: Callable[[Path], bool]) -> int:
    """Remove what is ours from a folder, which may be anybody's ($EXPLORER_CACHE); how many bytes that were.

    Raises:
        DataError: Something cannot be removed.
    """
    count = 0
    try:
        for path in sorted(folder.iterdir()):
            if not is_ours(path):
                continue
            if path.is_dir():
                count += sum(each.lstat().st_size for each in path.iterdir())
                shutil.rmtree(path)
            else:
                count += path.lstat().st_size
                path.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be cleared: {error.strerror or error}.") from None
    return count


def _is_conversion(path: Path) -> bool:
    """Whether something in the folder of conversions was converted by this program: by its name and all it holds."""
    if not CONVERSION.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
        return False
    known = {PIXELS, LABELS, ATTRIBUTES, FACTORS, FACTS}
    return all(each.name in known and each.is_file() and not each.is_symlink() for each in list(path.iterdir()))


def _is_layout(path: Path) -> bool:
    """Whether something in the folder of layouts is one, or was to become one."""
    return bool(LAYOUT.fullmatch(path.name)) and path.is_file() and not path.is_symlink()


def _key(name: str, listing: Sequence[Found], rules: Sequence[object]) -> str:
    digest = hashlib.sha256(json.dumps([VERSION, name, *rules], sort_keys=True).encode())
    for each in listing:
        digest.update(f"{each.name}\0{each.size}\0{each.mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


def _opened(folder: Path, name: str, image_shape: tuple[int, int, int] | None) -> ImageSet | None:
    """The conversion in a folder, or None where there is none that is whole, or of another (C, H, W)."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        pixels = np.load(folder / PIXELS, mmap_mode="r")
        count = int(facts["count"])
        if facts["version"] != VERSION or pixels.ndim != 4 or len(pixels) != count or pixels.dtype != np.uint8:
            return None
        if image_shape is not None and pixels.shape[1:] != image_shape:
            return None
        files = (LABELS, ATTRIBUTES, FACTORS)
        arrays = {file: np.load(folder / file) if (folder / file).is_file() else None for file in files}
        if any(array is not None and len(array) != count for array in arrays.values()):
            return None
        return ImageSet(
            name=name,
            pixels=pixels,
            levels=256,
            test_count=int(facts["test_count"]),
            validation_count=int(facts["validation_count"]),
            labels=arrays[LABELS],
            class_names=_names(facts["class_names"]),
            attributes=arrays[ATTRIBUTES],
            attribute_names=_names(facts["attribute_names"]),
            factors=arrays[FACTORS],
            factor_names=_names(facts.get("factor_names")),
            notes=tuple(facts["notes"]),
            brightness=_pair(facts["brightness"]),
            fingerprint=str(facts["fingerprint"]),
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


def _pair(stored: list[float] | None) -> Brightness | None:
    return None if stored is None else (float(stored[0]), float(stored[1]))


def _names(stored: list[str] | None) -> tuple[str, ...] | None:
    return None if stored is None else tuple(stored)


def _publish(final: Path, name: str, write: Callable[[Path], Rows]) -> None:
    """Build the conversion under a temporary name and rename it.

    Raises:
        OSError: It cannot be written.
        DataError: What `write` raises.
    """
    partial = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".partial", dir=final.parent))
    try:
        rows = write(partial)
        for file, array in ((LABELS, rows.labels), (ATTRIBUTES, rows.attributes), (FACTORS, rows.factors)):
            if array is not None:
                np.save(partial / file, array)
        pixels = np.load(partial / PIXELS, mmap_mode="r")
        facts = {
            "version": VERSION,
            "name": name,
            "count": len(pixels),
            "test_count": rows.test_count,
            "validation_count": rows.validation_count,
            "class_names": rows.class_names,
            "attribute_names": rows.attribute_names,
            "factor_names": rows.factor_names,
            "fingerprint": fingerprint_of(pixels, 256, rows.labels),
            "broken": rows.broken,
            "brightness": rows.brightness,
            "notes": [*rows.notes, *_repeated(pixels, rows.test_count)],
        }
        del pixels  # a mapped file cannot be renamed on Windows
        (partial / FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")
        if final.exists():  # and is damaged, or it would have been opened
            if not _is_conversion(final):
                raise FileExistsError(errno.EEXIST, f"{final.name} is there, and no conversion")
            shutil.rmtree(final)
        try:
            partial.rename(final)
        except OSError:
            if not final.is_dir():  # else another process was faster, where there are no locks
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _pictures(partial: Path, name: str, how: Preparation, plan: Arrangement, work: Work) -> Rows:
    """Write the pictures of an arrangement into a folder.

    Raises:
        OSError: It cannot be written.
        DataError: Too many pictures are broken.
    """
    written = _write_pixels(partial / PIXELS, name, how, plan, work)
    broken = written.broken
    kept = np.setdiff1d(np.arange(len(plan.files)), list(broken))
    first_test = len(plan.files) - plan.test_count
    notes = [*plan.notes]
    if broken:
        notes.append(
            f"{len(broken):,} of {len(plan.files):,} files are broken and left out: {_listed(plan.files, broken)}"
        )
    notes += _said_of(list(written.traits.values()), how, written.scale)
    return Rows(
        test_count=int((kept >= first_test).sum()),
        validation_count=int(((kept >= first_test - plan.validation_count) & (kept < first_test)).sum()),
        labels=None if plan.labels is None else plan.labels[kept],
        class_names=plan.class_names,
        attributes=None if plan.attributes is None else plan.attributes[kept],
        attribute_names=plan.attribute_names,
        factors=None if plan.factors is None else plan.factors[kept],
        factor_names=plan.factor_names,
        notes=tuple(notes),
        brightness=written.scale and (written.scale.black, written.scale.white),
        broken=tuple((plan.files[row].name, reason) for row, reason in broken.items()),
    )


class Written(NamedTuple):
    """What came of the files of a data set.

    Attributes:
        broken: Why files could not be read, by their numbers.
        traits: What the other pictures are like, by their numbers.
        scale: Black and white of the pictures of more than 8 bits; None where there are none.
    """

    broken: dict[int, str]
    traits: dict[int, Traits]
    scale: Scale | None


def _write_pixels(path: Path, name: str, how: Preparation, plan: Arrangement, work: Work) -> Written:
    """Write the images of all readable files as one array (N, C, H, W).

    Written, not mapped: a full disk is then an error, and no signal that kills the process. Pictures of more than 8
    bits are read again once all are known, since black and white are those of the set.

    Raises:
        DataError: Too many pictures are broken, or black and white cannot be the same in all.
    """
    files = [each.path for each in plan.files]
    broken: dict[int, str] = {}
    traits: dict[int, Traits] = {}
    scale = None
    with path.open("wb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata, which nobody here looks at
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        write_header(file, (len(files), *how.image_shape))
        start = file.tell()
        everything = _in_batches(files, range(len(files)), how, f"converting {name}", work, work.tell)
        with contextlib.closing(everything) as parts:
            for part in parts:
                file.write(part.images.data)
                broken |= part.broken
                traits |= part.traits
        _refuse_many_broken(name, plan.files, broken)
        deep = [row for row, each in traits.items() if each.depth is not None] if plan.one_scale else []
        if deep:
            _refuse_two_scales(name, plan.files, {row: traits[row] for row in deep})
            scale = scale_of([depth for row in deep if (depth := traits[row].depth) is not None])
            _rewrite(file, start, name, files, deep, broken, replace(how, brightness=(scale.black, scale.white)), work)
        file.seek(0)
        write_header(file, (len(files) - len(broken), *how.image_shape))
        if file.tell() != start:
            raise OSError("the length of an array's header depends on its shape")
        file.flush()
        os.fsync(file.fileno())
    return Written(broken, traits, scale)


def _rewrite(
    file: BinaryIO,
    start: int,
    name: str,
    files: Sequence[Path | Member],
    rows: Sequence[int],
    broken: Mapping[int, str],
    how: Preparation,
    work: Work,
) -> None:
    """Read some files again, otherwise prepared, and write their images over those that stand in an array.

    Args:
        file: The array's file.
        start: Where its first image begins, in bytes.
        name: Name of the data set.
        files: All its files.
        rows: Numbers of those to read, ascending.
        broken: Those without an image, by their numbers.
        how: What becomes of a picture.
        work: How to show progress.

    Raises:
        DataError: A file cannot be read any more.
    """
    size = int(np.prod(how.image_shape))
    places = iter(np.array(rows) - np.searchsorted(sorted(broken), rows))  # broken files have no place in the array
    with contextlib.closing(_in_batches(files, rows, how, f"brightness of {name}", work)) as parts:
        for part in parts:
            if part.broken:
                raise DataError(f"the pictures of {name} changed while they were read; run the same command again.")
            for image in part.images:
                file.seek(start + int(next(places)) * size)
                file.write(image.data)


class Part(NamedTuple):
    """Images (n, C, H, W) of the readable files among some, what those are like, and why the others are not read."""

    images: Pixels
    traits: dict[int, Traits]
    broken: dict[int, str]


def _in_batches(
    files: Sequence[Path | Member],
    rows: Sequence[int],
    how: Preparation,
    title: str,
    work: Work,
    tell: Callable[[int, int], None] | None = None,
) -> Generator[Part, None, None]:
    """The images of some of the files, in order, read by all cores, with a progress bar.

    Threads are given little in advance, so that a program that ends does not wait for all the rest.
    """
    batches = iter([rows[i : i + BATCH] for i in range(0, len(rows), BATCH)])
    pool = ThreadPoolExecutor(_cores(), thread_name_prefix="convert")
    done = 0
    with stage(f"{title}: {len(rows):,} pictures", len(rows), unit="image", quiet=work.quiet) as bar:
        try:
            begun = deque(pool.submit(_batch, files, batch, how) for batch in islice(batches, 4 * _cores()))
            while begun:
                part = begun.popleft().result()
                begun.extend(pool.submit(_batch, files, batch, how) for batch in islice(batches, 1))
                yield part
                count = len(part.traits) + len(part.broken)
                done += count
                bar.update(count)
                if tell is not None:
                    tell(done, len(rows))
        finally:
            pool.shutdown(cancel_futures=True)


def _batch(files: Sequence[Path | Member], rows: Sequence[int], how: Preparation) -> Part:
    images: list[Pixels] = []
    traits: dict[int, Traits] = {}
    broken: dict[int, str] = {}
    for row in rows:
        try:
            image, traits[row] = prepared_with_traits(files[row], how)
            images.append(image)
        except UnreadablePictureError as error:
            broken[row] = str(error)
    return Part(np.stack(images) if images else np.zeros((0, *how.image_shape), np.uint8), traits, broken)


def _said_of(traits: Sequence[Traits], how: Preparation, scale: Scale | None) -> list[str]:
    """What was done to pictures to make images of them, a sentence each."""
    total, side = len(traits), how.size
    oblong = [each for each in traits if each.width != each.height]
    small = [each for each in traits if min(each.width, each.height) < side]
    frames, seen_through = sum(each.frames for each in traits), sum(each.transparent for each in traits)
    notes = []
    if oblong:
        notes.append(f"{len(oblong):,} of {total:,} pictures not square: the middle is kept")
    if small:
        least = min(small, key=lambda each: each.width * each.height)
        notes.append(
            f"{len(small):,} of {total:,} pictures smaller than {side}x{side} pixels: scaled up; the smallest has "
            f"{least.width}x{least.height}"
        )
    if seen_through:
        notes.append(f"{seen_through:,} of {total:,} pictures transparent in places: laid over white")
    if frames:
        notes.append(f"{frames:,} of {total:,} files with several pictures: the first is taken")
    if scale is not None:
        deep = sum(each.depth is not None for each in traits)
        notes.append(
            f"{deep:,} of {total:,} pictures of more than 8 bits: {scale.black:,.6g} is black and {scale.white:,.6g} "
            f"white in all of them ({scale.why})"
        )
    return notes


def _repeated(pixels: Pixels, test_count: int) -> list[str]:
    """How many test images are training or validation images as well, to the last pixel; a sentence, or none."""
    first = len(pixels) - test_count
    fitted = {hash(pixels[row].tobytes()) for row in range(first)}
    count = sum(hash(pixels[row].tobytes()) in fitted for row in range(first, len(pixels)))
    if not count:
        return []
    return [f"{count:,} of {test_count:,} test images also among the others, pixel for pixel: scores on them flatter"]


def write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    """The header of a .npy file of bytes; it leaves room for a first axis of any length."""
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _refuse_many_broken(name: str, files: Sequence[Found], broken: dict[int, str]) -> None:
    if len(broken) > MOST_BROKEN * len(files):
        raise DataError(
            f"{len(broken):,} of {len(files):,} files of {name} are broken, more than {MOST_BROKEN:.0%}: "
            f"{_listed(files, broken)}; mend or remove them."
        )


def _refuse_two_scales(name: str, files: Sequence[Found], deep: Mapping[int, Traits]) -> None:
    """Refuse pictures of whole and of floating point numbers in one set: no black and white fits both."""
    first = {each.depth.whole: row for row, each in reversed(list(deep.items())) if each.depth is not None}
    if len(first) > 1:
        whole, floating = plain(files[first[True]].name), plain(files[first[False]].name)
        raise DataError(
            f"{name} holds pictures of more than 8 bits both as whole numbers ({whole}) and as floating point numbers "
            f"({floating}), which have no common black and white; save all of them as one kind."
        )


def _listed(files: Sequence[Found], broken: dict[int, str]) -> str:
    """The first of the broken files with what is wrong."""
    named = [f"{plain(files[row].name)} ({reason})" for row, reason in list(broken.items())[:NAMED]]
    rest = f" and {len(broken) - NAMED:,} more" if len(broken) > NAMED else ""
    return ", ".join(named) + rest


def _cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def _locked(folder: Path, wait: bool = True) -> Iterator[bool]:
    """Keep other processes and threads from converting inside the block; false where the disk has no locks.

    Raises:
        LockedError: Somebody converts, and `wait` is false.
        OSError: The folder cannot be written to.
    """
    with contextlib.ExitStack() as stack:
        try:
            alone = stack.enter_context(holding(folder / LOCK))
        except LockedError:
            if not wait:
                raise
            sys.stderr.write("another process converts images; waiting for it\n")
            alone = stack.enter_context(holding(folder / LOCK, wait=True))
        yield alone
