"""Reconstruct: a test image beside what the run and its twin make of it."""

import html

import gradio as gr
import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from explorer.errors import ExplorerError, ShapeError
from explorer.images import to_bytes
from explorer.library import Library
from explorer.ui.components import live
from explorer.ui.page import Page, answering, public_text
from explorer.ui.routes import NotFoundError, RunRoutes, TabRoute, finite, number_of, pixels_response

INTRO = (
    "A test image goes through the encoder and back; the coloured picture shows what was lost on the way. "
    "Press *Worst* and step on with *Next* to learn what this model cannot draw, and compare it with its twin."
)

WITHOUT = (
    "So there are no originals to compare with: below are decodes of the stored codes. Everything else works without "
    "them."
)
"""What follows from a data set that cannot be used, whatever is wrong with it."""

DOWNLOADED = "() => window.dispatchEvent(new Event('explorer:refresh'))"


def build(library: Library, page: Page) -> None:
    """Lay out the tab; the data set is fetched only on request."""
    gr.Markdown(INTRO, elem_classes=["xp-intro"])
    with gr.Column(visible=False, elem_id="explorer-download") as offer:
        reason = gr.HTML("", elem_classes=["xp-intro"], container=False, padding=False)
        fetch = gr.Button("Download the data set", variant="primary", scale=0, min_width=240)
        state = gr.Markdown("", elem_classes=["xp-intro"])
    live(page, "reconstruct", "image and reconstructions")

    def look(run: str | None) -> tuple[dict, dict, dict]:
        return looked(library, run)

    @answering
    def download(run: str | None, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008 - how gradio finds it
        card = library.card(run or "")
        dataset = card.config.data.dataset if card.config is not None else card.dataset

        def tell(share: float, what: str) -> None:
            progress(share, desc=what)

        library.download(dataset, tell)
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
    """What the tab asks of one test image."""

    async def reconstruct(request: Request) -> Response:
        """What is known of one image of the evaluation split."""
        number = number_of(request, "number")
        card = await runs.card(request)
        run = await runs.open_with(card, number)
        known = await runs.decoding.run(lambda: run.reconstruct(number))
        return JSONResponse(finite(known), headers={"cache-control": "private, no-store"})

    async def reconstruct_pixels(request: Request) -> Response:
        """One image of the evaluation split or its reconstruction, as bytes laid out (H, W, C)."""
        number = number_of(request, "number")
        part = request.query_params.get("part", "reconstruction")
        if part not in ("original", "reconstruction"):
            raise ShapeError("part must be original or reconstruction.")
        card = await runs.card(request)
        run = await runs.open_with(card, number)

        def work() -> NDArray[np.uint8]:
            if part == "reconstruction":
                return to_bytes(run.reconstruction(number)).transpose(1, 2, 0)
            trouble = runs.library.images_trouble(run.name)
            if trouble is not None:
                raise NotFoundError(public_text(trouble.sentence))
            return run.thumbnails()[number].transpose(1, 2, 0)

        return pixels_response(await runs.decoding.run(work), {"cache-control": "private, no-store"})

    return [
        ("GET", "/reconstruct/{number}", reconstruct),
        ("GET", "/reconstruct/{number}/pixels", reconstruct_pixels),
    ]
