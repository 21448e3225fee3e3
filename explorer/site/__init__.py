"""The page of some runs as a folder or one file that needs no server.

It is the bare page (`explorer.ui.bare`) with the same modules. What is *stored* (`static/source/questions.js`) is asked
of the server's own addresses and written down, so that every number is the one that a server would answer; what is
*computed* the page answers by the programs and codes of its runs (`static/source/folder.js`); what is *served* is not
there, and its controls are not either.

No picture of a data set enters it unless somebody asks for that: the runs are then asked in a library that has no data
sets at all, so that every picture is a decode.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from explorer import hub
from explorer.checkpoint import list_epoch_codes
from explorer.data import source_of
from explorer.errors import CheckpointError, DataError
from explorer.library import Card, Library, NoDataSets
from explorer.site.pages import CANNOT, check_place, one_file, write_file, write_folder
from explorer.site.stored import Store, keep_run, key_of, leads_of, to_json

LADDER_IN_ONE_FILE = 4_000_000
"""Bytes on disk that the further runs of a ladder may take to come along in a page of one file."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A page that was written.

    Attributes:
        place: The folder or the file.
        runs: The runs that it shows.
        size: Its bytes in all.
        terms: What binds whoever passes it on, by data set.
        lacking: What of its runs could not be stored, and what was left out, as sentences.
    """

    place: Path
    runs: tuple[str, ...]
    size: int
    terms: Mapping[str, str]
    lacking: tuple[str, ...]

    def __str__(self) -> str:
        """What somebody who wrote it should know."""
        pages = self.place / "index.html" if self.place.is_dir() else self.place
        lines = [f"{pages}: {len(self.runs)} run(s), {self.size / 1e6:.1f} MB: {', '.join(self.runs)}", CANNOT]
        lines += [f"terms of {name}: {words}" for name, words in self.terms.items()]
        return "\n".join([*lines, *self.lacking])


def export(
    place: Path | str,
    runs: str | Sequence[str] = (),
    *,
    checkpoints: Path | str | None = None,
    data_dir: Path | str | None = None,
    with_images: bool = False,
    quiet: bool = False,
) -> Exported:
    """Write the page of some runs, with their twins and ladders, as a folder or as one file.

    A ladder of more than `LADDER_IN_ONE_FILE` bytes comes along in a folder alone.

        export("page.html", "mnist-vae-16")
        export("public/", ["mnist-vae-16", "celeba-vae-64"])

    Args:
        place: A folder, or a file whose name ends in .html. A folder is written anew only where it is empty or holds
            such a page.
        runs: Their names, or one hf://owner/name[@revision]; none for the one that the page opens by itself.
        checkpoints: Folder of the runs; None for `checkpoints` here, else the one beside the program.
        data_dir: Folder of the data sets, for `with_images`; None for the default one.
        with_images: Whether pictures of the data sets enter it, which their terms must allow.
        quiet: Whether to show no progress.

    Raises:
        CheckpointError: A run is not there or damaged.
        DataError: The terms of a data set do not let its images be passed on.
        HubError: The Hub cannot be reached or refuses.
        ServeError: The place holds something else.
    """
    check_place(Path(place))
    folder, names = located([runs] if isinstance(runs, str) else runs, checkpoints)
    library = library_of(folder, names, data_dir, with_images, in_one_file=Path(place).suffix == ".html")
    done = write(Path(place), library, with_images, quiet)
    return done if done.place.suffix != ".html" else replace(done, lacking=(*done.lacking, *left_out(library, names)))


def left_out(library: Library, named: Sequence[str]) -> Iterator[str]:
    """Sentences on the runs and codes that a folder has and one file leaves out."""
    whole = Library(library.checkpoints)
    left = sorted(kin(whole, named or [library.preferred or ""]) - set(library.names()))
    if left:
        yield f"left out of the file, as large as they are: {', '.join(left)}; name them too, or export a folder."
    if any(list_epoch_codes(library.folder(name)) for name in library.names()):
        yield "left out of the file: where codes stood after each epoch of the fit; export a folder to have them."


def default_checkpoints() -> Path | None:
    """`checkpoints` in the current folder, else the one beside the package; None where there is neither."""
    here, beside = Path("checkpoints"), Path(__file__).parent.parent.parent / "checkpoints"
    return next((folder for folder in (here, beside) if folder.is_dir()), None)


def page_of(library: Library, run: str) -> bytes:
    """What `export` writes of a run of a library as one file, without images."""
    part = library_of(library.checkpoints, [run], None, with_images=False, in_one_file=True)
    return one_file(part, stored(part, with_images=False, quiet=True, in_one_file=True)[0]).encode()


def located(runs: Sequence[str], checkpoints: Path | str | None) -> tuple[Path | None, Sequence[str]]:
    """The folder of some runs, and their names in it; one of the Hub is fetched.

    Args:
        runs: Names, or one hf://owner/name[@revision].
        checkpoints: Folder of the runs; None for the usual one.

    Raises:
        CheckpointError: The repository holds no run that may be fetched.
        HubError: The Hub cannot be reached or refuses.
    """
    if len(runs) == 1 and hub.is_address(runs[0]):
        found = hub.fetch(runs[0])
        return found.folder, [found.run]
    return (Path(checkpoints) if checkpoints is not None else default_checkpoints()), runs


def library_of(
    checkpoints: Path | None,
    runs: Sequence[str],
    data_dir: Path | str | None,
    with_images: bool,
    *,
    in_one_file: bool = False,
) -> Library:
    """A library of some runs on disk with their twins and ladders, and of no data set unless images are wanted.

    Where the page is one file, large ladders stay behind.

    Raises:
        CheckpointError: There is no such run.
        DataError: Images are wanted of a data set whose terms forbid that.
    """
    found = Library(checkpoints, Path(data_dir) if data_dir is not None else None)
    if not with_images:
        found.datasets = NoDataSets(None, found.memory.drawer())
    first = found.default()
    wanted = list(runs) or ([first] if first is not None else [])
    if not wanted:
        raise CheckpointError("there is no run to export; make one with: python train.py --dataset digits --twin")
    for name in wanted:
        found.check(name)
    found.only = frozenset(kin(found, wanted, LADDER_IN_ONE_FILE if in_one_file else None))
    found.preferred = wanted[0]
    if with_images:
        for name, words in terms(found).items():
            raise DataError(f"images of {name} cannot be exported: {words} Leave --with-images out.")
    return found


def kin(library: Library, runs: Sequence[str], most: int | None = None) -> set[str]:
    """Some runs with their twins, and with the ladder that each stands on.

    Args:
        library: Where they are.
        runs: Their names.
        most: Bytes on disk of the further runs of a ladder, beyond which the twin alone comes along; None for no limit.
    """
    found = set(runs)
    for name in runs:
        twins, rungs = _with_twins(library, {name}), _with_twins(library, {card.name for card in library.ladder(name)})
        size = sum(file.stat().st_size for each in rungs - twins for file in library.folder(each).rglob("*"))
        found |= twins if most is not None and size > most else twins | rungs
    return found


def _with_twins(library: Library, runs: set[str]) -> set[str]:
    return runs | {twin for each in runs if (twin := library.twin(each)) is not None}


def terms(library: Library) -> dict[str, str]:
    """What binds whoever passes models on, by the title of the data set they were fitted on."""
    found: dict[str, str] = {}
    for card in library.cards().values():
        if isinstance(card, Card) and card.config is not None:
            source = source_of(card.config.data.dataset)
            if source.terms is not None:
                found[source.title or card.dataset] = source.terms
    return found


def write(place: Path, library: Library, with_images: bool, quiet: bool) -> Exported:
    """Write the page of a library; the arguments are those of `export`."""
    in_one_file = place.suffix == ".html"
    store, lacking = stored(library, with_images, quiet, in_one_file)
    size = write_file(place, library, store) if in_one_file else write_folder(place, library, store)
    return Exported(place, tuple(library.names()), size, terms(library), tuple(lacking))


def stored(library: Library, with_images: bool, quiet: bool, in_one_file: bool) -> tuple[Store, list[str]]:
    """What a page of a library's runs stores, and what of them could not be stored, as sentences.

    In one file the codes after each epoch of a fit are left out: half a megabyte of every run.
    """
    from explorer.progress import stage
    from explorer.ui.answers import Answers

    store, lacking = Store(), []
    with Answers(library) as answers, stage("exporting", total=len(library.names()), unit="runs", quiet=quiet) as bar:
        listed = json.loads(answers.ask("runs").body)
        store.index[key_of("runs", {})] = store.put(to_json(listed))
        for line in listed:
            if line["error"] is not None:
                lacking.append(f"{line['name']} is left as it is: {line['error']}")
                continue
            keep_run(answers, store, line, leads_of(line, listed), with_images, with_epochs=not in_one_file)
            bar.update()
    return store, lacking
