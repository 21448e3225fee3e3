"""Reconstruct: an image, of the data set or somebody's own, beside what the run and its twin make of it."""

import base64
import html
import io

import gradio as gr
import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from explorer.analysis.corruption import CORRUPTIONS
from explorer.analysis.typicality import Verdict
from explorer.arrays import Images
from explorer.data.own import OwnImage, Place, form_of, own_image
from explorer.errors import ExplorerError, NotFoundError, ShapeError
from explorer.images import data_uri, from_bytes, to_bytes, to_unit
from explorer.library import Library, OpenRun
from explorer.ui.app import MOST_PIXELS, MOST_UPLOAD
from explorer.ui.bare import Content, Part
from explorer.ui.components import lay_out
from explorer.ui.http import (
    MOST_SEED,
    PRIVATE,
    TabRoute,
    array_response,
    body_of,
    finite,
    number_of,
    pixels_response,
)
from explorer.ui.lanes import Arrivals, Lane
from explorer.ui.page import Page, answering, public_text
from explorer.ui.routes import RunRoutes
from explorer.views import look
from explorer.views.query import choice, number, whole

INTRO = "An image goes through both models and comes back: what is lost?"

WITHOUT = (
    "So there are no originals to compare with: below are decodes of the stored codes. Everything else works without "
    "them."
)
"""What follows from a data set that cannot be used, whatever is wrong with it."""

ARRIVING_EACH, MOST_ARRIVING = 3, 64
"""Pictures that may be on their way at once, of one visitor and in all."""

MOST_ERRORS = 100
"""Test images whose errors are told at once."""

DOWNLOADED = "() => window.dispatchEvent(new Event('explorer:refresh'))"


CONTENT: Content = (INTRO, Part("reconstruct/tab", "image and reconstructions"))
"""What stands on the tab, beside the offer to download a data set, which only gradio's page has."""


def build(library: Library, page: Page) -> None:
    """Lay out the tab; the data set is fetched only on request."""
    lay_out(page, CONTENT[:1])
    with gr.Column(visible=False, elem_id="explorer-download") as offer:
        reason = gr.HTML("", elem_classes=["xp-intro"], container=False, padding=False)
        fetch = gr.Button("Download the data set", variant="primary", scale=0, min_width=240)
        state = gr.Markdown("", elem_classes=["xp-intro"])
    lay_out(page, CONTENT[1:])

    def look(run: str | None) -> tuple[dict, dict, dict]:
        return looked(library, run)

    @answering
    def download(run: str | None, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008 - how gradio finds it
        card = library.card(run or "")
        dataset = card.config.data.dataset if card.config is not None else card.dataset

        def tell(share: float, what: str) -> None:
            progress(share, desc=what)

        library.datasets.download(dataset, tell)
        return "The data set is here."

    gr.on(  # without a trigger: when the page is opened, and whenever the picker changes
        fn=look,
        inputs=page.run,
        outputs=[offer, reason, fetch],
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )
    done = fetch.click(
        download,
        page.run,
        state,
        concurrency_limit=1,
        concurrency_id="download",
        trigger_mode="once",
        api_visibility="private",
    )
    done.success(fn=None, js=DOWNLOADED).then(
        look, page.run, [offer, reason, fetch], queue=False, show_progress="hidden", api_visibility="private"
    )


def looked(library: Library, run: str | None) -> tuple[dict, dict, dict]:
    """Updates of the note on a run's data set, of its words, and of the button that fetches what is missing."""
    try:
        trouble = library.images_trouble(run) if run else None
        offered = trouble is not None and library.can_download(run or "")
    except ExplorerError:  # the picker says what is wrong with a run
        trouble, offered = None, False
    if trouble is None:
        return gr.update(visible=False), gr.update(), gr.update(visible=False)
    words = f"<p>{html.escape(public_text(trouble.sentence))} {html.escape(WITHOUT)}</p>"
    return gr.update(visible=True), gr.update(value=words), gr.update(visible=offered)


def routes(runs: RunRoutes) -> list[TabRoute]:
    """What the tab asks of one image: of a test image by its number, of any other by its pixels.

    Nothing that somebody sends is kept: the page sends the pixels again for every further question.
    """
    arriving = Arrivals(ARRIVING_EACH, MOST_ARRIVING, "too many pictures arrive at once; try again in a few seconds.")
    preparing = Lane(running=2, waiting=ARRIVING_EACH)

    async def reconstruct(request: Request) -> Response:
        """What is known of one image of the evaluation split."""
        number = number_of(request, "number")
        card = await runs.card(request)
        run = await runs.open_with(card, number)
        known = await runs.decoding.run(lambda: run.reconstruct(number))
        return JSONResponse(finite(known), headers=PRIVATE)

    async def reconstruct_pixels(request: Request) -> Response:
        """One image of the evaluation split or its reconstruction, as bytes laid out (H, W, C)."""
        number = number_of(request, "number")
        part = choice(request.query_params, "part", ("original", "reconstruction"), "reconstruction")
        card = await runs.card(request)
        run = await runs.open_with(card, number)

        def work() -> NDArray[np.uint8]:
            if part == "reconstruction":
                return to_bytes(run.reconstruction(number)).transpose(1, 2, 0)
            trouble = runs.library.images_trouble(run.name)
            if trouble is not None:
                raise NotFoundError(public_text(trouble.sentence))
            return run.thumbnails()[number].transpose(1, 2, 0)

        return pixels_response(await runs.decoding.run(work), PRIVATE)

    async def own(request: Request) -> Response:
        """A picture that somebody shows: prepared as the data set was, step by step, and what the run makes of it."""
        card = await runs.card(request)
        place = place_of(request)
        with arriving.one():
            too_much = f"a picture may have at most {MOST_UPLOAD:,} bytes; show a smaller one."
            content = await body_of(request, MOST_UPLOAD, "the picture", too_much)

            def prepare() -> tuple[OpenRun, OwnImage]:
                run = runs.library.open(card.name)
                data = None if run.config is None else run.config.data
                form = form_of(data, run.card.dataset, run.image_shape)
                file = io.BytesIO(content)
                return run, own_image(file, form, run.levels, place=place, most_pixels=MOST_PIXELS)

            run, found = await preparing.run(prepare)
        image = to_unit(found.pixels, run.levels)[None]
        seen = await runs.decoding.run(lambda: look.look(run, image))
        answer = {
            "steps": [{"name": step.name, "note": step.note, "src": data_uri(step.picture)} for step in found.steps],
            "place": None if found.place is None else found.place._asdict(),
            "image": packed(to_bytes(image[0])),
            "look": described(run, seen),
        }
        return JSONResponse(answer, headers=PRIVATE)

    async def shown(request: Request) -> tuple[OpenRun, Images]:
        """The run that is asked, and the image (1, C, H, W) in the request's body."""
        card = await runs.card(request)
        run = await runs.opening.run(lambda: runs.library.open(card.name))
        channels, height, width = run.image_shape
        size = channels * height * width
        sentence = f"an image of {run.name} has {height} x {width} x {channels} pixels, a byte each."
        body = await body_of(request, size, "the image", sentence)
        if len(body) != size:
            raise ShapeError(sentence)
        pixels = np.frombuffer(body, np.uint8).reshape(height, width, channels).transpose(2, 0, 1)
        return run, to_unit(from_bytes(pixels, run.levels), run.levels)[None]

    async def looked_at(request: Request) -> Response:
        """What the run makes of an image: code, reconstruction, prices, nearest test images."""
        run, image = await shown(request)
        seen = await runs.decoding.run(lambda: look.look(run, image))
        return JSONResponse(described(run, seen), headers=PRIVATE)

    async def spread(request: Request) -> Response:
        """Decodes of draws from an image's posterior, how much they differ, and the ELBO."""
        seed = whole(request.query_params, "seed", 0, MOST_SEED, default=0)
        run, image = await shown(request)
        found = await runs.decoding.run(lambda: look.spread(run, image, seed))
        most = float(found.deviation.max())
        answer = {
            "samples": [packed(to_bytes(sample)) for sample in found.images],
            "deviation": packed(to_bytes(found.deviation[None] / max(most, 1e-12))),
            "deviation_most": most,
            "elbo": found.elbo,
        }
        return JSONResponse(finite(answer), headers=PRIVATE)

    async def bound(request: Request) -> Response:
        """The importance-weighted bound on an image's log-likelihood, nats."""
        run, image = await shown(request)
        found = await runs.opening.run(lambda: look.lower_bound(run, image, "bound"))
        return JSONResponse(finite({"bound": found, "samples": look.BOUND_DRAWS}), headers=PRIVATE)

    async def spoilt(request: Request) -> Response:
        """An image spoilt as in a denoising fit, and its reconstruction."""
        query = request.query_params
        kind, level = choice(query, "kind", CORRUPTIONS, "gaussian"), number(query, "level", 0, 1)
        seed = whole(query, "seed", 0, MOST_SEED, default=0)
        run, image = await shown(request)

        def work() -> dict[str, object]:
            spoilt, again, mse = look.spoilt(run, image, kind, level, seed)
            return {"input": packed(to_bytes(spoilt)), "reconstruction": packed(to_bytes(again)), "mse": mse}

        return JSONResponse(finite(await runs.decoding.run(work)), headers=PRIVATE)

    async def standing(request: Request) -> Response:
        """A score of some test images, ascending, float32 (n,)."""
        score = request.path_params["score"]
        if score not in look.SCORES:
            raise NotFoundError(f"a score is one of {', '.join(look.SCORES)}.")
        card = await runs.card(request)
        found = await runs.opening.run(lambda: look.standing(runs.library.open(card.name), score))
        return array_response(found, "<f4", PRIVATE)

    async def errors(request: Request) -> Response:
        """Mean squared errors of the reconstructions of some test images, float32 (n,)."""
        text = request.query_params.get("images", "")
        parts = text.split(",") if len(text) <= 11 * MOST_ERRORS else []
        if not 1 <= len(parts) <= MOST_ERRORS or not all(p.isascii() and p.isdecimal() and len(p) <= 9 for p in parts):
            raise ShapeError(f"images must be 1 to {MOST_ERRORS} whole numbers with commas between them.")
        card = await runs.card(request)
        numbers = np.array([int(part) for part in parts])
        found = await runs.opening.run(lambda: look.errors(runs.library.open(card.name), numbers))
        return array_response(found, "<f4", PRIVATE)

    return [
        ("GET", "/reconstruct/{number}", reconstruct),
        ("GET", "/reconstruct/{number}/pixels", reconstruct_pixels),
        ("POST", "/own", own),
        ("POST", "/look", looked_at),
        ("POST", "/look/spread", spread),
        ("POST", "/look/bound", bound),
        ("POST", "/look/spoilt", spoilt),
        ("GET", "/standing/{score}", standing),
        ("GET", "/errors", errors),
    ]


def described(run: OpenRun, seen: look.Look) -> dict[str, object]:
    """What a run makes of an image, as JSON has it.

    Raises:
        ShapeError: The model answers no finite code.
    """
    if not np.isfinite(seen.latent).all():
        raise ShapeError(f"the code that {run.name} makes of this image is not finite.")
    rates, model = seen.rates, None if run.config is None else run.config.model
    spoils = model is not None and model.family == "denoising"
    answer: dict[str, object] = {
        "latent": [float(value) for value in seen.latent],
        "reconstruction": packed(to_bytes(seen.reconstruction)),
        "mse": seen.mse,
        "distortion": seen.distortion,
        "rate": None if rates is None else float(rates.sum()),
        "rates": None if rates is None else [round(float(rate), 5) for rate in rates],
        "usual_rates": None if rates is None else [round(float(rate), 5) for rate in seen.usual_rates],
        "vacancy": seen.vacancy,
        "typical": None if seen.typical is None else typical_values(seen.typical),
        "neighbours": [int(number) for number in seen.neighbours],
        "distances": [float(distance) for distance in seen.distances],
        "corruption": {"kind": model.corruption, "level": model.corruption_level} if model and spoils else None,
    }
    return finite(answer)


def typical_values(found: Verdict) -> dict[str, float | None]:
    """Shares of new images that are at least as odd as one image: by cost, code and features, and together."""
    parts = {"cost": found.cost, "code": found.code, "features": found.features, "together": found.together}
    return {name: None if part is None else float(part[0]) for name, part in parts.items()}


def packed(image: NDArray[np.uint8]) -> dict[str, object]:
    """An image (C, H, W) of bytes as JSON has it: its shape (H, W, C), and its bytes in base64."""
    pixels = np.ascontiguousarray(image.transpose(1, 2, 0))
    return {"shape": list(pixels.shape), "bytes": base64.b64encode(pixels.tobytes()).decode()}


def place_of(request: Request) -> Place | None:
    """Where the address wants a picture cropped, or None where it leaves that open.

    Raises:
        ShapeError: It says so in numbers that are none.
    """
    named = [name for name in Place._fields if name in request.query_params]
    if not named:
        return None
    return Place(*(number(request.query_params, name, 0, 1) for name in Place._fields))
