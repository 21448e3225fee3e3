"""What a run is, as the page sees it before a tab asks for more: facts, directions, sheets of thumbnails."""

from explorer.analysis.directions import Direction
from explorer.analysis.laws import Law
from explorer.data import source_of
from explorer.data.own import FAINT, form_of
from explorer.data.sources import Character
from explorer.images import encoded_picture, shrunk, tile
from explorer.library import Library, OpenRun, kept
from explorer.views.chooser import collapse_line, fit_line, run_words
from explorer.views.colours import Colour, colours_of
from explorer.views.export import FORMATS

SHEET = 10_000
"""Thumbnails on one sheet, `SHEET_COLUMNS` in a row."""


SHEET_COLUMNS = 100


FIRST = 0
"""The image of the evaluation split that Explore opens on: the same for a run and its twin."""


MOST_PIXELS, WIDEST_SHEET = 50_000_000, 16_000
"""Pixels of a sheet and of its longer side that a browser unpacks with ease, and WebP can hold (16,383): of larger
images a sheet has smaller thumbnails."""


def describe_run(library: Library, run: OpenRun) -> dict[str, object]:
    """What a run is, what it can show, and which arrays of one value per image it has.

    Returns:
        `images_trouble` may name a folder of this machine; `stored`: the arrays by name, those of the class, the
        attributes and the scores that the run has; `sheet`: thumbnails on one sheet, and in one row of it; `epochs`:
        those of its fit whose codes were kept, rising, None for a model held in memory, which no fit of ours made.
    """
    trouble = library.images_trouble(run.name)
    return {
        "name": run.name,
        "family": run.family,
        "dataset": run.card.dataset,
        **run_words(run.card),
        "collapse": collapse_line(library, run.card),
        "caution": fit_line(run.card),
        "noun": noun_of(run),
        "latent_dim": run.latent_dim,
        "image_shape": list(run.image_shape),
        "levels": run.levels,
        "twin": library.twin(run.name),
        "classes": list(run.class_names) if run.class_names is not None else None,
        "attributes": list(run.attribute_names) if run.attribute_names is not None else None,
        "count": len(run),
        "has_images": trouble is None,
        "images_trouble": trouble.sentence if trouble is not None else None,
        "preparing": trouble.share if trouble is not None else None,
        "can_download": library.can_download(run.name),
        "directions": {
            kind: [direction_values(direction) for direction in directions]
            for kind, directions in run.directions.items()
        },
        "mean": [float(value) for value in run.latents.mean.mean(0)],
        "first": {"index": FIRST, "latent": [float(value) for value in run.latents.mean[FIRST]]},
        "laws": [law_words(law) for law in run.laws],
        "colours": [colour_words(name, colour) for name, colour in colours_of(run).items() if not colour.lacks(run)],
        "formats": [format_words(kind) for kind in FORMATS],
        "default_law": run.default_law,
        "default_told": run.card.number("holes", run.default_law, "tell_apart"),
        "sheet": {"size": SHEET, "columns": SHEET_COLUMNS, "tile": list(tile_size(run.image_shape, len(run)))},
        "drawing": drawing_form(run),
        "epochs": run.epochs() or (None if run.config is None else []),
        "stored": stored_arrays(run),
        **({"level_sizes": list(run.level_sizes)} if len(run.level_sizes) > 1 else {}),
    }


def law_words(law: Law) -> dict[str, str]:
    """A sampling law as the page words it."""
    words = ("name", "short", "title", "plain", "hint", "words")
    return {word: getattr(law, word) for word in words}


def colour_words(name: str, colour: Colour) -> dict[str, object]:
    """A colour of the map as the page words it."""
    words = {"text": colour.text, "hint": colour.hint, "title": colour.title}
    return {"name": name, **words, "is_p_value": colour.is_p_value, "is_group": colour.groups is not None}


def format_words(kind: str) -> dict[str, object]:
    """A kind of file as the page words it."""
    form = FORMATS[kind]
    return {"kind": kind, "text": form.text, "hint": form.hint, "moves": form.moves, "captioned": form.captioned}


def noun_of(run: OpenRun) -> dict[str, str]:
    """What an image of a run's data set is called, `one` and `many`."""
    one, many = ("image", "images") if run.config is None else source_of(run.config.data.dataset).nouns
    return {"one": one, "many": many}


def drawing_form(run: OpenRun) -> dict[str, object] | None:
    """How a drawing becomes an image of one character, for the page to show while it grows; None for other images."""
    form = form_of(None if run.config is None else run.config.data, run.card.dataset, run.image_shape)
    if not isinstance(form, Character):
        return None
    return {"size": form.size, "box": form.box, "by_mass": form.by_mass, "faint": FAINT}


def twin_name(library: Library, run: OpenRun) -> str | None:
    """The name of a run's twin, or None.

    The twin that was found when the run was opened is believed while both still have the settings that twins share;
    only without one are all runs asked again.
    """
    known = run.twin
    if known is not None and library.has(known):
        mine, other = run.config, library.card(known).config
        if mine is None or other is None:  # in memory
            return library.twin(run.name)
        if (mine.key, mine.data.fingerprint) == (other.key, other.data.fingerprint):
            return known
    return library.twin(run.name)


def stored_arrays(run: OpenRun) -> list[str]:
    """Names of the arrays with one row per image of the evaluation split that a run has."""
    found = ["points"]
    if run.labels is not None:
        found.append("labels")
    if run.attribute_names is not None:
        found.append("attributes")
    return found + [name for name, colour in colours_of(run).items() if not colour.lacks(run)]


def direction_values(direction: Direction) -> dict[str, object]:
    """A direction as plain values; components of the vector have seven decimals."""
    return {
        "name": direction.name,
        "kind": direction.kind,
        "vector": [round(float(value), 7) for value in direction.vector],
        "offset": float(direction.offset),
        "scale": float(direction.scale),
        "low": float(direction.low),
        "high": float(direction.high),
        "note": direction.note,
    }


def tile_size(image_shape: tuple[int, int, int], count: int) -> tuple[int, int]:
    """Height and width of the thumbnail of an image (C, H, W), one of `count`: its own, or whole fractions of them."""
    _, height, width = image_shape
    every, rows = 1, -(-min(count, SHEET) // SHEET_COLUMNS)
    while True:
        high, wide = max(1, height // every), max(1, width // every)
        sides = SHEET_COLUMNS * wide, rows * high
        fits = sides[0] * sides[1] <= MOST_PIXELS and max(sides) <= WIDEST_SHEET
        if fits or high == wide == 1:
            return high, wide
        every += 1


@kept
def sprite_sheet(run: OpenRun, sheet: int, has_images: bool) -> tuple[bytes, str]:  # noqa: ARG001 - a part of the key
    """Thumbnails `sheet * SHEET` onwards as the bytes of a picture, and its media type.

    Grey sheets are PNG: exact, and for 10,000 MNIST digits as small as WebP in a quarter of its time. Colour is WebP.
    """
    pictures = shrunk(run.thumbnails()[sheet * SHEET : (sheet + 1) * SHEET], tile_size(run.image_shape, len(run)))
    laid = tile(pictures, SHEET_COLUMNS)
    if len(laid) == 1:
        return encoded_picture(laid), "image/png"
    return encoded_picture(laid, "webp", quality=80, method=2), "image/webp"
