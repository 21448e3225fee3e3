"""What a visit fetches that looks at every tab but Report: bytes on the wire by what they are, without gradio's own.

On the bare page, whose live parts are those of gradio's; a shipped run without its data set, so that the small pictures
are decodes. What the browser fetched is told by its own protocol, headers included.
"""

from collections import Counter
from collections.abc import Iterator

from explorer.library import Library
from tests.benchmarks.browser import chromium
from tests.benchmarks.usual_loop import ROOT, Row
from tests.serve_fake import serving

RUN = "mnist-vae-16"

TABS = {
    "explore": "[data-ready]",
    "map": "#explorer-map [data-beside]",
    "reconstruct": "#explorer-reconstruct canvas",
    "interpolate": "#explorer-interpolate canvas",
    "holes": "#explorer-holes canvas",
}
"""Tabs in the order of the visit, and what is there once they are filled."""

KINDS = {
    "plotly": "plotly.js",
    "/sprites/": "small pictures",
    "/program/": "programs of the models",
    "/static/": "modules and style sheets",
}
"""What an address belongs to, by a part of it; the rest are answers about runs."""


def kind_of(url: str) -> str:
    """What an address is."""
    return next((kind for part, kind in KINDS.items() if part in url), "answers about runs")


def rows() -> Iterator[Row]:
    """The visit, and a tab's share of it.

    Raises:
        DataError: There is no browser to measure with.
    """
    with serving(Library(ROOT / "checkpoints")) as url, chromium("--disable-webgl") as browser:
        page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        page.set_default_timeout(120_000)
        session = page.context.new_cdp_session(page)
        addresses: dict[str, str] = {}
        weights: Counter[str] = Counter()
        session.on(
            "Network.requestWillBeSent", lambda sent: addresses.update({sent["requestId"]: sent["request"]["url"]})
        )
        session.on(
            "Network.loadingFinished",
            lambda done: weights.update(
                {kind_of(addresses.get(done["requestId"], "")): int(done["encodedDataLength"])}
            ),
        )
        session.send("Network.enable")
        before = 0
        for tab, filled in TABS.items():
            if tab == "explore":
                page.goto(f"{url}/bare#v=1&run={RUN}&tab=explore")
            else:
                page.get_by_role("tab", name=tab.capitalize()).click()
            page.locator(filled).locator("visible=true").first.wait_for()
            page.wait_for_load_state("networkidle")
            page.locator("[data-rested]").wait_for()  # the other tabs' modules are fetched at rest
            total = sum(weights.values())
            yield f"fetched for {tab}", (total - before) / 1000, "kB"
            before = total
        for kind, size in weights.most_common():
            yield f"    {kind}", size / 1000, "kB"
        yield "a visit of every tab but Report", sum(weights.values()) / 1000, "kB"
