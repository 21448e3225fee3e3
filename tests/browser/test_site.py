"""The page without a server in a real browser, under its own policy: from a file, and from a plain web server."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from explorer.images import to_bytes
from explorer.library import Library
from explorer.site import export
from tests.browser.conftest import sent
from tests.browser.driver import expect, expect_run
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

CHECKPOINTS = ROOT / "checkpoints"

ASK = "async ([name, question, details]) => {{ const {{ source }} = await import({address}); {rest} }}"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Addresses of a page of digits-vae-2 and its twin: one file from the disk, and a folder under a sub-path."""
    site = tmp_path_factory.mktemp("site")
    (site / "some" / "where").mkdir(parents=True)
    for place in (site / "page.html", site / "some" / "where" / "page"):
        export(place, "digits-vae-2", checkpoints=CHECKPOINTS, quiet=True)

    with sent(site) as url:
        yield {"file": Path(site / "page.html").as_uri(), "folder": f"{url}some/where/page/index.html"}


@pytest.fixture(params=["file", "folder"])
def static(request: pytest.FixtureRequest, browser, places: dict[str, str]) -> Iterator:
    """A fresh page under its own policy; at its end nothing failed, nothing was refused, and nothing left its place."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, color_scheme="light", bypass_csp=False)
    page = context.new_page()
    trouble: list[str] = []
    home = places[request.param]
    page.home = home
    folder = 'document.baseURI.replace("index.html", "static/page/bare.js")'
    page.modules = '"xp:/page/bare.js"' if request.param == "file" else folder
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.on(
        "console", lambda said: trouble.append(f"console: {said.text}") if said.type in ("error", "warning") else None
    )
    own = home.rsplit("/", 1)[0]
    page.on("request", lambda sent: None if sent.url.startswith((own, "data:", "blob:")) else trouble.append(sent.url))
    yield page
    context.close()
    assert not trouble


def go(page, tab: str, run: str = "digits-vae-2", query: str = "") -> None:
    """Open a tab of a run."""
    page.goto("about:blank")  # else only the fragment changes, and the page stays
    page.goto(f"{page.home}{query}#run={run}&tab={tab}")
    expect_run(page, run)


def ask(page, run: str, question: str, details: dict, rest: str):
    """What the page's own source answers."""
    return page.evaluate(ASK.format(address=page.modules, rest=rest), [run, question, details])


def test_every_tab_opens_and_says_no_error(static):
    for tab, sign in {
        "start": "button:has-text('An example')",
        "explore": "canvas.xp-image",
        "map": ".xp-plane[data-ready]",
        "reconstruct": "[data-ready]",
        "interpolate": "canvas.xp-image",
        "holes": ".xp-plane",
        "report": ".js-plotly-plot",
    }.items():
        go(static, tab)
        panel = static.locator(f"#explorer-{tab}")
        expect(panel).to_be_visible()
        expect(panel.locator(sign).first).to_be_attached()
        expect(panel.locator(".xp-loading")).to_have_count(0)
        expect(panel).not_to_contain_text("is not stored in this page")
    expect(static.locator("#explorer-report")).to_contain_text("A page without a server cannot fit")


def test_a_drag_ends_on_the_picture_and_the_numbers_that_python_gives(static):
    """On a slide: one tab, without what is for a page of its own."""
    run = Library(CHECKPOINTS).open("digits-vae-2")
    go(static, "explore", query="?embed=1")
    expect(static.get_by_role("tab")).to_have_count(0)
    expect(static.get_by_role("button", name="Share")).to_have_count(0)
    expect(static.get_by_role("link", name="Latent Space Explorer")).to_have_attribute("target", "_blank")
    slider = static.locator("#explorer-explore input[type=range]").first
    slider.wait_for()
    for value in ("0.4", "-0.3", "1.1"):
        slider.evaluate(
            "(box, to) => { box.value = to; box.dispatchEvent(new Event('input', { bubbles: true })); }", value
        )
    picture = static.locator("#explorer-explore canvas.xp-image").first
    expect(picture).to_have_attribute("data-latent", static_latent(static))
    latent = np.array([float(part) for part in static_latent(static).split(",")], dtype=np.float32)[None]
    told = ask(
        static,
        "digits-vae-2",
        "trust",
        {"body": latent[0].tolist()},
        "return source.ask(question, name, { body: Float32Array.from(details.body) });",
    )
    for name, number in run.trust(latent, "draws").items():
        assert told[name] == pytest.approx(number, rel=1e-3, abs=1e-6), name
    pixels = ask(
        static,
        "digits-vae-2",
        "decode",
        {"body": latent[0].tolist()},
        "return Array.from((await source.decode(name, Float32Array.from(details.body), 1)).pixels);",
    )
    wanted = to_bytes(run.coder.decode(latent)).transpose(0, 2, 3, 1).ravel().astype(int)
    assert np.abs(np.array(pixels) - wanted).max() <= 1


def static_latent(page) -> str:
    """The latent on show, when it has settled."""
    canvas = page.locator("#explorer-explore canvas.xp-image").first
    frames = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    before, now = None, canvas.get_attribute("data-latent")
    while now != before:  # there is no request to wait for
        for _ in range(5):
            page.evaluate(frames)
        before, now = now, canvas.get_attribute("data-latent")
    return now


def test_a_neighbour_and_the_place_of_an_image_are_those_of_python(static):
    from explorer.views.map import neighbours_of

    run = Library(CHECKPOINTS).open("digits-vae-2")
    go(static, "map")
    for metric in ("euclidean", "cosine"):
        latent = run.latents.mean[7:8]
        details = {"body": latent[0].tolist(), "metric": metric}
        said = "{ query: { metric: details.metric, without: 7 }, body: Float32Array.from(details.body) }"
        rest = f"return source.ask(question, name, {said});"
        found = ask(static, "digits-vae-2", "neighbours", details, rest)["neighbours"]
        wanted = neighbours_of(run, latent, metric, 7)
        assert [each["image"] for each in found] == [each["image"] for each in wanted]
        assert [each["distance"] for each in found] == pytest.approx([each["distance"] for each in wanted], abs=1e-6)


def test_what_needs_a_server_is_refused_in_a_sentence_and_offered_nowhere(static):
    go(static, "map")
    rest = "return source.can(question) ? '' : source.ask(question, name, {}).catch((error) => error.message);"
    assert "python -m explorer can" in ask(static, "digits-vae-2", "startTsne", {}, rest)
    expect(static.locator("#explorer-map input[value=pca]")).to_have_count(1)
    expect(static.locator("#explorer-map input[value=tsne]")).to_have_count(0)
