"""Pictures computed in the browser: the same as the server's; and by the server where something stands in the way."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from explorer.analysis.counter import CounterGenerator
from explorer.library import Library
from explorer.views.hole_map import hole_plane
from tests.browser.conftest import digits
from tests.browser.driver import expect, expect_grey, open_more
from tests.browser.explore_page import image, shows, typed, unfold
from tests.fakes import LinearCoder, ProgramCoder
from tests.serve_fake import serving

pytestmark = pytest.mark.browser

SOURCE = (
    """import(document.querySelector('script[src$="page/bare.js"]').src.replace('page/bare.js', 'source/source.js'))"""
)
"""The page's own source, the very instance that it uses."""

READY = f"async run => {{ await (await {SOURCE}).source.programs.want(run, 'decoder'); }}"

WITHOUT_SIMD = "WebAssembly.validate = () => false;"

WITHOUT_WORKERS = """window.Worker = class {
  postMessage() { setTimeout(() => this.onerror({ message: 'no workers here' })); }
};"""


@pytest.fixture(scope="module")
def own_library() -> Library:
    """Runs `here-vae` and `here-ae`, twins of d = 12 that the browser can run, and `there-ae`, which it cannot.

    `scene-vae` is `here-vae` of pictures that are no characters.
    """
    library = Library(None)
    for name, log_variance in (("here-vae", -2.0), ("here-ae", None), ("there-ae", None)):
        coder, pixels, labels = digits(12, log_variance, 1.0 if log_variance else 4.0)
        if name != "there-ae":
            like, coder = coder, ProgramCoder(coder.matrix, coder.image_shape, log_variance, coder.sigma, levels=17)
            coder.offset = like.offset
        twin = "here-vae" if name == "here-ae" else None
        library.hold(name, coder, pixels, labels, class_names=tuple("0123456789"), dataset="digits", twin=twin)
        if name == "here-vae":
            library.hold("scene-vae", coder, pixels, dataset="scenes")
    return library


@pytest.fixture(scope="module")
def own_url(own_library: Library) -> Iterator[str]:
    with serving(own_library) as url:
        yield url.rstrip("/") + "/"


@pytest.fixture
def opened(context, own_url: str) -> Iterator[Any]:
    """Opens the bare page on a run, and gives it with the addresses that it asks for."""
    pages, trouble = [], []

    def open_page(run: str, query: str = "", script: str = "") -> tuple[Any, list[str]]:
        page = context.new_page()
        pages.append(page)
        asked: list[str] = []
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
        page.on("request", lambda sent: asked.append(sent.url))
        if script:
            page.add_init_script(script)
        page.goto(f"{own_url}bare?run={run}&tab=explore{query}")
        page.locator(f"[data-ready='{run}']").locator("visible=true").first.wait_for()
        return page, asked

    yield open_page
    for page in pages:
        page.close()
    assert not trouble, trouble


def decodes(asked: list[str]) -> int:
    return sum(url.endswith("/decode") for url in asked)


def unfolded_report(page) -> None:
    """Go to Report and unfold its More, where the line about the decoder stands."""
    page.get_by_role("tab", name="Report").click()
    page.locator("#explorer-report details.xp-more > summary").last.wait_for()
    open_more(page, "report")


def drag(page, moves: int = 12) -> None:
    """Drag the first slider to and fro, and let it go."""
    box = page.locator(".xp-sliders input[type=range]").first.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    for k in range(moves):
        page.mouse.move(box["x"] + box["width"] * (0.5 + 0.3 * np.sin(k)), middle)
    page.mouse.up()


@pytest.mark.parametrize("decoder", ["here", "server"])
def test_the_picture_under_a_drag_is_the_runs_own(decoder, opened, own_library, decode_of, latent_of):
    page, asked = opened("here-vae", f"&decoder={decoder}")
    page.evaluate(READY, "here-vae")
    before = decodes(asked)
    assert before >= 1, "the first picture is the server's"
    drag(page)
    slider = page.locator(".xp-sliders input[type=range]").first
    slider.fill("1")
    shows(page, latent_of(image(page)))
    expect(image(page)).not_to_have_class(re.compile("xp-stale"))
    wanted = decode_of(own_library.open("here-vae"), latent_of(image(page)))
    expect_grey(image(page), wanted, atol=1)
    assert (decodes(asked) == before) == (decoder == "here")


PICTURES = {
    "Holes": "canvas[aria-label='decode of here-vae'][data-latent]",
    "Interpolate": "canvas[aria-label='decoded image of here-vae'][data-latent]",
}
"""The picture of one model on tabs that decode while a hand moves, by tab."""


@pytest.mark.parametrize("decoder", ["here", "server"])
@pytest.mark.parametrize("tab", PICTURES)
def test_other_tabs_show_the_runs_own_pictures_too(tab, decoder, opened, own_library, decode_of, latent_of):
    page, asked = opened("here-vae", f"&decoder={decoder}")
    for run in ("here-vae", "here-ae"):
        # first its card: a run of which the page hears for the first time has no program yet
        page.evaluate(f"async run => (await {SOURCE}).source.ask('card', run)", run)
        page.evaluate(READY, run)
    before = decodes(asked)
    page.get_by_role("tab", name=tab).click()
    if tab == "Holes":
        page.get_by_role("navigation", name="views of holes").get_by_role("button", name="Slice").click()
    picture = page.locator(PICTURES[tab]).first
    expect(picture).not_to_have_class(re.compile("xp-stale"))
    wanted = decode_of(own_library.open("here-vae"), latent_of(picture))
    expect_grey(picture, wanted, atol=1)
    assert (decodes(asked) == before) == (decoder == "here")


def test_an_encoder_is_fetched_by_who_moves_and_not_by_who_looks(opened):
    page, asked = opened("here-vae")
    page.evaluate(READY, "here-vae")
    expect(page.locator(".xp-stage .xp-trust strong")).to_be_visible()
    # both models stand side by side: the twin's decoder is fetched as well
    page.evaluate(READY, "here-ae")
    assert not [url for url in asked if "program/encoder" in url or re.search("here-ae/program(?!/decoder)", url)]
    with page.expect_request("**/program/encoder"):
        page.locator(".xp-sliders input[type=range]").first.press("ArrowRight")


def test_a_plane_of_holes_is_measured_in_the_browser(opened, own_library):
    page, asked = opened("here-vae")
    code = f"""async () => {{
      const {{ source }} = await {SOURCE};
      await source.ask('draws', 'here-vae', {{ query: {{ law: 'white', n: 1, seed: 1 }} }});
      while (!source.supports.get('here-vae')) await new Promise((done) => setTimeout(done, 10));
      const {{ vacancy, share }} = await source.ask('holePlane', 'here-vae', {{ query: {{ anchors: '1,2,3' }} }});
      return {{ p: Array.from(vacancy.values, (value) => 10 ** value), share }};
    }}"""
    told = page.evaluate(code)
    wanted = hole_plane(own_library, "here-vae", {"anchors": "1,2,3"})
    assert told["share"] == pytest.approx(wanted["share"], abs=0.01)
    assert any("/holes/plane?" in url and "measured=0" in url for url in asked)


def test_lattice_filmstrip_and_twin_come_from_the_browser_too(opened, own_library, grey_of):
    page, asked = opened("here-vae")
    for run in ("here-vae", "here-ae"):
        page.evaluate(READY, run)
    before = decodes(asked)
    fold = unfold(page, "Lattice over two directions")
    fold.locator(".xp-lattice[data-ready='here-vae']").wait_for()
    sheet = grey_of(fold.locator(".xp-lattice canvas"))
    assert sheet.shape == (15 * 8, 15 * 8)
    assert sheet.std() > 5
    typed(fold.locator("input[type=number]").first, 9)
    page.wait_for_function("document.querySelector('.xp-lattice canvas').height === 72")
    assert decodes(asked) == before


def test_draws_are_those_of_python_by_the_same_seed(opened, own_library):
    page, asked = opened("here-vae")
    code = f"""async seed => {{
      const {{ source }} = await {SOURCE};
      await source.ask('draws', 'here-vae', {{ query: {{ law: 'white', n: 1, seed: 1 }} }});
      while (!source.supports.get('here-vae')) await new Promise((done) => setTimeout(done, 10));
      return Array.from(await source.ask('draws', 'here-vae', {{ query: {{ law: 'white', n: 4, seed }} }}));
    }}"""
    drawn = np.reshape(page.evaluate(code, 77), (4, 12))
    wanted = own_library.open("here-vae").sample("white", 4, CounterGenerator(77))  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(drawn, wanted, atol=1e-6)
    assert sum("/sample?" in url and "seed=77" in url for url in asked) == 0


@pytest.mark.parametrize(
    ("run", "script", "words"),
    [
        ("here-vae", WITHOUT_SIMD, "this browser has no WebAssembly with SIMD"),
        ("there-ae", "", "LinearCoder offers no program"),
        ("here-vae", WITHOUT_WORKERS, "no workers here"),
    ],
)
def test_what_stands_in_the_way_is_said_in_the_report_and_the_server_decodes(
    run, script, words, opened, own_library, decode_of, latent_of
):
    page, _ = opened(run, script=script)
    page.evaluate(READY, run)
    drag(page)
    expect(image(page)).not_to_have_class(re.compile("xp-stale"))
    wanted = decode_of(own_library.open(run), latent_of(image(page)))
    expect_grey(image(page), wanted, atol=1)
    unfolded_report(page)
    expect(page.get_by_text(f"Pictures of {run} are computed by the server: {words}")).to_be_visible()


def test_the_switch_in_the_report_leaves_pictures_to_the_server_and_back(opened):
    page, asked = opened("here-vae")
    unfolded_report(page)
    expect(page.get_by_text("Pictures of here-vae are computed in this browser")).to_be_visible()
    for choice, by_server in (("by the server", True), ("in this browser", False)):
        unfolded_report(page)
        page.get_by_text(choice, exact=True).click()
        page.get_by_role("tab", name="Explore").click()
        page.evaluate(READY, "here-vae")
        before = decodes(asked)
        drag(page)
        expect(image(page)).not_to_have_class(re.compile("xp-stale"))
        assert (decodes(asked) > before) == by_server


LENT = """() => {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: 64, height: 64 });
  const pen = canvas.getContext('2d');
  window.shade = '#222';
  const draw = () => {
    pen.fillStyle = window.shade;
    pen.fillRect(0, 0, 64, 64);
    pen.fillStyle = '#eee';
    pen.fillRect(...(window.bar ?? [0, 0, 0, 0]));
    requestAnimationFrame(draw);
  };
  draw();
  const mediaDevices = { getUserMedia: async () => canvas.captureStream(30) };
  Object.defineProperty(navigator, 'mediaDevices', { value: mediaDevices, configurable: true });
}"""
"""A camera that sees one shade of grey, and a light bar on it where there is one."""

SEEN = """(grey) => {
  const canvas = document.querySelector("[aria-label='original']");
  const pixel = canvas?.getContext('2d').getImageData(4, 4, 1, 1).data[0];
  return Math.abs(pixel - grey) < 12;
}"""


def test_a_camera_that_runs_on_is_followed_without_the_server(opened):
    page, asked = opened("scene-vae")
    for part in ("decoder", "encoder"):
        page.evaluate(READY.replace("decoder", part), "scene-vae")
    page.evaluate(LENT)
    page.get_by_role("tab", name="Reconstruct").click()
    page.get_by_text("Camera", exact=True).click()
    page.get_by_role("button", name="Start the camera").click()
    page.get_by_role("checkbox", name="Live").check()
    page.wait_for_function(SEEN, arg=0x22)
    page.evaluate("window.shade = '#999'")
    page.wait_for_function(SEEN, arg=0x99)
    before = sum("/own" in url for url in asked)
    for shade in ("#eee", "#444"):
        page.evaluate("shade => (window.shade = shade)", shade)
        page.wait_for_function(SEEN, arg=int(shade[1] * 2, 16))
    assert sum("/own" in url for url in asked) == before
    page.get_by_role("checkbox", name="Live").uncheck()
    page.wait_for_function("() => !document.querySelector('.xp-verdict.xp-stale')")


BAR = """wanted => {
  const canvas = document.querySelector("[aria-label='original']");
  const light = (x, y) => canvas?.getContext('2d').getImageData(x, y, 1, 1).data[0] > 100;
  return String([light(3, 0) || light(4, 0), light(0, 3) || light(0, 4)]) === wanted;
}"""
"""Whether the image reaches up, and to the left, as wanted."""


def test_a_camera_that_is_shown_characters_is_followed_without_the_server(opened):
    page, asked = opened("here-vae")
    for run in ("here-vae", "here-ae"):
        for part in ("decoder", "encoder"):
            page.evaluate(READY.replace("decoder", part), run)
    page.evaluate(LENT)
    page.evaluate("window.bar = [30, 8, 5, 48]")
    page.get_by_role("tab", name="Reconstruct").click()
    page.get_by_text("Camera", exact=True).click()
    page.get_by_role("button", name="Start the camera").click()
    page.get_by_role("checkbox", name="Live").check()
    page.wait_for_function(BAR, arg="true,false")
    before = None
    for bar, wanted in (([8, 30, 48, 5], "false,true"), ([30, 8, 5, 48], "true,false"), ([8, 30, 48, 5], "false,true")):
        page.evaluate("bar => (window.bar = bar)", bar)
        page.wait_for_function(BAR, arg=wanted)
        own = sum("/own" in url for url in asked)
        before = own if before is None else before
        assert own == before


def test_a_worker_computes_what_takes_longer(opened, own_library):
    """The real worker of a real browser: the page's own thread is taken out of the way."""
    page, _ = opened("here-vae")
    page.evaluate(READY, "here-vae")
    code = f"""async latents => {{
      const {{ source }} = await {SOURCE};
      const ready = source.programs.of('here-vae', 'decoder');
      Object.assign(ready, {{ here: null, ms: 5 }});
      const {{ pixels, shape }} = await source.decode('here-vae', Float32Array.from(latents), latents.length / 12);
      const one = await source.decode('here-vae', Float32Array.from(latents.slice(0, 12)), 1);
      return {{ pixels: Array.from(pixels), shape, one: Array.from(one.pixels) }};
    }}"""
    latents = np.random.default_rng(0).standard_normal((30, 12)).astype(np.float32)
    answer = page.evaluate(code, latents.ravel().tolist())
    coder = own_library.open("here-vae").coder
    assert isinstance(coder, LinearCoder)
    wanted = np.rint(np.clip(coder.decode(latents), 0, 1) * 255).transpose(0, 2, 3, 1)
    assert answer["shape"] == [30, 8, 8, 1]
    assert np.abs(np.reshape(answer["pixels"], wanted.shape) - wanted).max() <= 1
    assert answer["one"] == answer["pixels"][:64]
