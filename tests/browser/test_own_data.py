"""A file of somebody's own in a real browser: from an .npz with known factors to the map that they colour."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import train
from explorer.library import Library
from tests.browser.driver import expect
from tests.browser.test_map import PAD, dots_drawn, ready

pytestmark = pytest.mark.browser

RUN = "sprites-16-vae-2"


def write_sprites(file: Path) -> None:
    """Squares, ellipses and hearts, as dSprites has them: `imgs`, (N, 64, 64), and `latents_classes`, (N, 6)."""
    factors = np.array(list(product([0], range(3), range(6), [0], range(6), range(6))))
    y, x = np.mgrid[:64, :64]
    images = np.zeros((len(factors), 64, 64), np.uint8)
    for image, (_, shape, scale, _, left, top) in zip(images, factors, strict=True):
        across, down, radius = abs(x - 16 - 6 * left), abs(y - 16 - 6 * top), 4 + 2 * scale
        image[:] = [np.maximum(across, down), np.hypot(across, 1.5 * down), across + down][shape] <= radius
    np.savez(file, imgs=images, latents_classes=factors)


@pytest.fixture(scope="module")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a page over a run that train.py fitted on such a file, for an epoch."""
    from explorer.ui.app import serve

    folder = tmp_path_factory.mktemp("sprites")
    write_sprites(folder / "sprites.npz")
    words = f"--dataset array --file {folder}/sprites.npz --out {folder}/runs --epochs 1 --latent-dim 2 --widths 4 8"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(folder / "cache"))
        patch.setattr("train.signal.signal", lambda *args: None)
        assert train.main([*words.split(), "--image-size", "16", "--quick", "--quiet", "--threads", "1"]) == 0
        server = serve(Library(folder / "runs", folder), port=0)
        yield server.url.rstrip("/") + "/"
        server.close()


def test_a_known_factor_colours_the_map_by_a_ramp(visit, app_url):
    page = visit("Map")
    ready(page, RUN)
    colours = page.get_by_label("Colour by")
    expect(colours.locator("option", has_text=re.compile("^(shape|scale|position x|position y)$"))).to_have_count(3)
    count = int(page.locator(PAD).get_attribute("data-dots") or 0)
    colours.select_option(label="scale")
    bar = page.locator("#explorer-map .xp-colourbar")
    expect(bar.locator(".xp-ramp")).to_be_visible()
    expect(bar).to_contain_text("scale")
    page.get_by_role("slider", name="lowest scale that is shown").fill("0.9")  # of six scales the largest
    expect(page.locator(PAD)).not_to_have_attribute("data-dots", str(count))
    assert 0 < int(page.locator(PAD).get_attribute("data-dots") or 0) < count / 3
    page.locator("#explorer-map").get_by_role("button", name="Show all", exact=True).click()
    dots_drawn(page, count)
