"""The small pictures of the README: every tab of the real page in Chromium, light and dark.

The page is served over the shipped runs with an empty folder of data sets, so that it has decodes and maps to show and
no image of a data set; Reconstruct is shown a digit that is drawn here.
"""

import io
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from explorer.plots.style import THEMES

VIEWPORT = {"width": 1240, "height": 800}
"""Of the browser, in pixels."""

WIDTH = 820
"""Of a picture, in pixels; the README shows it half as wide."""

QUALITY = 78
"""Of WebP, 0 to 100."""

STILL = """async () => {
  const rest = (ms) => new Promise((rested) => setTimeout(rested, ms));
  const said = () => document.querySelector('#explorer-tabs').innerText;
  for (let [before, k] = ['', 0]; k < 40 && (before !== said() || before.includes('Loading…')); k++) {
    before = said();
    await rest(1500);
  }
}"""
"""Waits until nothing on the page has changed for one and a half seconds."""

THREE = (
    (0.32, 0.26),
    (0.5, 0.18),
    (0.66, 0.28),
    (0.62, 0.42),
    (0.46, 0.49),
    (0.64, 0.57),
    (0.68, 0.72),
    (0.5, 0.83),
    (0.3, 0.75),
)
"""A drawn 3, as places of the pad."""  # fmt: skip


@dataclass(frozen=True)
class Shot:
    """A tab, and how it is to be shown.

    Attributes:
        run: The run on show.
        state: What follows the tab in the address.
        act: What is done on the page first.
    """

    run: str = "mnist-vae-16"
    state: str = ""
    act: Callable[[Any], None] = lambda page: None


def draw(page: Any) -> None:
    """Draw a 3 on the pad of Reconstruct."""
    pad = page.locator("#explorer-reconstruct").get_by_role("application", name="drawing pad")
    box = pad.bounding_box()
    (x, y), *others = [(box["x"] + a * box["width"], box["y"] + b * box["height"]) for a, b in THREE]
    page.mouse.move(x, y)
    page.mouse.down()
    for x, y in others:
        page.mouse.move(x, y, steps=6)
    page.mouse.up()
    page.mouse.move(4, 400)


SHOTS = {
    "start": Shot(state="&start.step=2&start.prior=1"),
    "explore": Shot(),
    "map": Shot(),
    "reconstruct": Shot(state="&reconstruct.source=pad", act=draw),
    "interpolate": Shot(),
    "holes": Shot(),
    "report": Shot(),
}
"""A picture for every tab, by the tab's id."""


def write_shots(folder: Path, checkpoints: Path, names: Sequence[str] = tuple(SHOTS)) -> None:
    """Write a light and a dark picture of every tab."""
    with tempfile.TemporaryDirectory() as empty:
        os.environ["EXPLORER_CACHE"] = empty  # converted images of a data set must not be found either
        from explorer.library import Library
        from tests.benchmarks.browser import chromium  # needs what only developers install
        from tests.serve_fake import serving

        with serving(Library(checkpoints, data_dir=Path(empty))) as url, chromium() as browser:
            for theme in THEMES:
                for name in names:
                    shot = SHOTS[name]
                    page = browser.new_page(
                        bypass_csp=True, viewport=VIEWPORT, color_scheme=theme, reduced_motion="reduce"
                    )
                    page.goto(f"{url}/?__theme={theme}#v=1&run={shot.run}&tab={name}{shot.state}")
                    page.locator(f"#explorer-{name} [data-ready^='{shot.run}']").first.wait_for(timeout=90_000)
                    page.evaluate(STILL)
                    shot.act(page)
                    page.evaluate(STILL)
                    seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
                    page.close()
                    small = seen.resize((WIDTH, WIDTH * seen.height // seen.width), Image.Resampling.LANCZOS)
                    small.save(folder / f"{name}-{theme}.webp", quality=QUALITY, method=6)
