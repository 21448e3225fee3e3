"""Parts of the page that live in the browser: an empty element, filled by a module of `static/`.

Plain `gr.HTML` from factory functions: a subclass would make gradio write a .pyi file into the checkout. The template
holds no data, because gradio runs what stands in a template as code; data goes in as the component's value.
"""

import html
from typing import Any

import gradio as gr

from explorer.errors import ExplorerError
from explorer.ui.page import TABS, Page, public_sentence


def live(page: Page, room: str, label: str) -> gr.HTML:
    """An element filled by `static/<room>/tab.js`, whose value is the run's name and follows the picker.

    The module may ask the page for another run or tab; what it asks is checked here.

    Args:
        page: The page that is being built.
        room: Folder of its modules; `tab.js` there exports `mount({element, props, trigger, watch})`.
        label: What the part is, for screen readers.
    """
    part = _hosted(page, f"{room}/tab", label, page.run.value)
    page.run.change(
        fn=None,
        js="(run) => run",
        inputs=page.run,
        outputs=part,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )

    def go_to(event: gr.EventData) -> tuple[Any, Any]:
        return wish(page, getattr(event, "_data", None))

    part.select(
        go_to,
        None,
        [page.run, page.tabs],
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )
    return part


def table(page: Page, label: str, value: dict[str, Any] | None) -> gr.HTML:
    """A table whose value is what `static/holes/scores.js` draws: caption, columns, rows of scores with intervals."""
    return _hosted(page, "holes/scores", label, value)


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


def _hosted(page: Page, module: str, label: str, value: Any) -> gr.HTML:
    assert module.replace("/", "").isidentifier(), "templates hold no data"
    assert label.replace(" ", "").isalnum(), "templates hold no data"
    return gr.HTML(
        value=value,
        html_template=f'<div class="xp-host" role="region" aria-label="{label}"></div>',
        js_on_load=(
            f"import(new URL('{page.static_url}/{module}.js', document.baseURI))"
            ".then((m) => m.mount({ element, props, trigger, watch })); // tells Python by 'select'"
        ),
        apply_default_css=False,
        container=False,
        padding=False,
        elem_classes=["xp-part"],
    )
