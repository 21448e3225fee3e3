"""What the tests of Explore see of its page."""

import re

from explorer.analysis.counter import CounterGenerator
from tests.browser.driver import expect, open_more


def image(page):
    return page.get_by_role("img", name="decoded image")


def status_of(page):
    """The line in which the tab as a whole says what went wrong; its parts have lines of their own."""
    return page.locator("#explorer-explore .xp-host > .xp-status")


def shows(page, latent, tolerance=2e-3):
    """Wait until the image of a latent is on the canvas, and return the latent it names."""
    wanted = [float(v) for v in latent]
    page.wait_for_function(
        """([wanted, tolerance]) => {
          const canvas = document.querySelector('canvas[aria-label="decoded image"]');
          const shown = (canvas?.dataset.latent ?? '').split(',').map(Number);
          return shown.length === wanted.length && shown.every((v, i) => Math.abs(v - wanted[i]) < tolerance);
        }""",
        arg=[wanted, tolerance],
    )


def seed_of(page, after=None):
    """The seed of the draw on show, as the page says it; another one than that of the draw before, if one is named."""
    caption = page.locator("#explorer-explore .xp-caption").first
    if after is not None:
        expect(caption).to_contain_text(f"draw {after + 1} from")
    expect(caption).to_contain_text(re.compile(r"draw \d+ from"))
    return int(re.findall(r"draw (\d+)", caption.text_content())[0])


def drawn(run, seed, law=None):
    """The latent (d,) that a seed draws from a law, here and on the page: from the one that Random starts with."""
    return run.sample(law or run.default_law, 1, CounterGenerator(seed))[0]


def unfold(page, words):
    """Unfold a part of the tab, which is behind More, and return it."""
    open_more(page, "explore")
    part = page.locator("details.xp-fold", has=page.locator("summary", has_text=words))
    part.locator("summary").click()
    return part


def typed(box, value):
    """Type a number into a box, and confirm it."""
    box.fill(str(value))
    box.press("Enter")
