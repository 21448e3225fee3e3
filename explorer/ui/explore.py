"""Explore: sliders move a latent along directions, and its decode follows the hand."""

import gradio as gr

from explorer.library import Library
from explorer.ui.components import live
from explorer.ui.page import Page

INTRO = (
    "Each slider moves one point of latent space, and the picture is what the model decodes there. "
    "Drag the topmost slider slowly, then press *Random* and see how far from the data you can go before the picture "
    "stops making sense."
)


def build(library: Library, page: Page) -> None:  # noqa: ARG001 - every tab is built with the same arguments
    """Lay out the tab."""
    gr.Markdown(INTRO, elem_classes=["xp-intro"])
    live(page, "panel", "sliders and decoded image")
