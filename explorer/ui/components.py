"""Parts of the page that live in the browser: an empty element, filled by a module of `static/`.

Plain `gr.HTML` from factory functions: a subclass would make gradio write a .pyi file into the checkout. The template
holds no data, because gradio runs what stands in a template as code; data goes in as the component's value.
"""

import html
from typing import Any

import gradio as gr

from explorer.errors import ExplorerError
from explorer.ui.bare import LOST, Content, Part
from explorer.ui.page import TABS, Page, public_sentence


def lay_out(page: Page, content: Content) -> None:
    """Put a tab's paragraphs and live parts onto the page, in order."""
    for each in content:
        if isinstance(each, Part):
            live(page, each)
        else:
            gr.Markdown(each, elem_classes=["xp-intro"])


def live(page: Page, part: Part) -> gr.HTML:
    """An element filled by a module, whose value is the run's name and follows the picker.

    The module may ask the page for another run or tab; what it asks is checked here.
    """
    element = _hosted(page, part)
    page.run.change(
        fn=None,
        js="(run) => run",
        inputs=page.run,
        outputs=element,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )

    def go_to(event: gr.EventData) -> tuple[Any, Any]:
        return wish(page, getattr(event, "_data", None))

    element.select(
        go_to,
        None,
        [page.run, page.tabs],
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )
    return element


def wish(page: Page, asked: object) -> tuple[Any, Any]:
    """What a live part asks for, as updates of the picker and the tabs; whatever makes no sense changes nothing.

    Args:
        page: The page.
        asked: Untrusted: an object with `run` and `tab`, either of them missing or null.
    """
    fields = asked if isinstance(asked, dict) else {}
    run, tab = fields.get("run"), fields.get("tab")
    picked, opened = gr.skip(), gr.skip()
    if isinstance(run, str):
        try:
            picked = page.library.card(run).name
        except ExplorerError as error:
            gr.Warning(html.escape(public_sentence(error)))  # shown as HTML
    if isinstance(tab, str) and tab in TABS:
        opened = gr.Tabs(selected=tab)
    return picked, opened


def _hosted(page: Page, part: Part) -> gr.HTML:
    return gr.HTML(
        value=page.run.value,
        html_template=part.markup,
        js_on_load=(
            f"import(new URL('{page.static_url}/{part.module}.js', document.baseURI))"
            ".then((m) => m.mount({ element, props, trigger, watch })) // tells Python by 'select'\n"
            f".catch((error) => {{ element.querySelector('.xp-host').textContent = '{LOST}'; throw error; }});"
        ),
        apply_default_css=False,
        container=False,
        padding=False,
        elem_classes=["xp-part"],
    )
