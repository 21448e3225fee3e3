"""How long it takes from a visitor's picture to what the model makes of it, over HTTP, on this machine."""

import io
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import numpy as np
from PIL import Image

from explorer.errors import DataError
from explorer.library import Card, Library
from tests.benchmarks.usual_loop import ROOT, Row
from tests.pictures import AWKWARD, glyph, saved
from tests.serve_fake import serving

CHECKPOINTS = ROOT / "checkpoints"

REPEATS = 15


def answers() -> Iterator[Row]:
    """The slowest of many awkward files, and the time from upload to result for a drawing and for a photograph."""
    library = Library(CHECKPOINTS)
    runs = {card.dataset: name for name, card in library.cards().items() if isinstance(card, Card)}
    if not runs:
        raise DataError("there is no run in checkpoints/")
    first = library.default() or next(iter(runs.values()))
    with serving(library) as url:
        seconds(url, first, saved(glyph()))  # loads the model
        taken = {name: seconds(url, first, make(), refusable=True) for name, (make, _) in AWKWARD.items()}
        slowest = max(taken, key=lambda name: taken[name])
        yield f"slowest of {len(taken)} awkward files, {slowest}, {first}", taken[slowest], "s"
        yield f"from a drawing to its reconstruction, {first}", typical_ms(url, first, drawing()), "ms"
        if "celeba" in runs:
            faces = runs["celeba"]
            yield f"from a photograph to its reconstruction, {faces}", typical_ms(url, faces, photograph()), "ms"
        else:
            print("from a photograph to its reconstruction is left out: there is no run of faces in checkpoints/")


def drawing() -> bytes:
    """What the page's pad sends, near enough."""
    return saved(glyph("RGB").resize((280, 280), Image.Resampling.BICUBIC))


def photograph() -> bytes:
    """A JPEG file of 1,280 x 960 pixels, as large as the page sends them."""
    noise = np.random.default_rng(0).normal(0, 6, (960, 1280, 3))
    coarse = np.random.default_rng(1).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((1280, 960), Image.Resampling.BICUBIC))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(smooth + noise, 0, 255).astype(np.uint8)).save(buffer, format="JPEG", quality=92)
    return buffer.getvalue()


def typical_ms(url: str, run: str, content: bytes) -> float:
    """Median time of an answer in milliseconds, after two that do not count."""
    return 1000 * float(np.median([seconds(url, run, content) for _ in range(REPEATS + 2)][2:]))


def seconds(url: str, run: str, content: bytes, refusable: bool = False) -> float:
    """From the first byte sent to the last byte of the answer: a result, or where that is `refusable` a sentence."""
    request = urllib.request.Request(f"{url}/explorer/api/run/{run}/own", data=content, method="POST")
    request.add_header("Content-Type", "application/octet-stream")
    begin = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
    except urllib.error.HTTPError as refusal:
        refusal.read()
        if not refusable or refusal.code not in (400, 413):
            raise
    return time.perf_counter() - begin
