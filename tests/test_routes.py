"""The HTTP routes of the page over two linear models in memory, asked as the browser's own code asks them."""

import hashlib
import io
import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from explorer.checkpoint import EpochCodes, list_epoch_codes, read_epoch_codes
from explorer.errors import ShapeError
from explorer.images import to_bytes
from explorer.library import Library, load_run
from explorer.ui import export, programs, reconstruct, report
from explorer.ui import map as map_tab
from explorer.ui.app import tab_modules
from explorer.ui.http import MOST_LATENTS
from explorer.ui.lanes import Lane
from explorer.ui.routes import RunRoutes
from explorer.ui.static_files import STATIC, StaticFiles
from explorer.views.colours import COLOURS
from explorer.views.runs import sprite_sheet
from tests.fakes import linear_coder
from tests.serve_fake import awaited, client_of, fake_library, serving

RUN = "explorer/api/run/linear-vae"
D = 4


def square(library: Library, name: str, query: Mapping[str, str]) -> str:
    """A figure of a tab, as far as the routes can tell."""
    if query.get("side") == "wrong":
        raise ShapeError("a square has no such side.")
    return json.dumps({"run": library.card(name).name, "theme": query["theme"], "side": query.get("side")})


SLOW, LEAVE = threading.Semaphore(0), threading.Event()


def slow(library: Library, name: str, query: Mapping[str, str]) -> str:
    """A figure that is not done before the test says so."""
    SLOW.release()
    assert LEAVE.wait(60)
    return "{}"


TAB = SimpleNamespace(
    build=lambda library, page: None,
    FIGURES={"square": square, "slow": slow},
    routes=lambda runs: [*reconstruct.routes(runs), *report.routes(runs), *map_tab.routes(runs)],
)


@pytest.fixture(scope="module")
def library() -> Library:
    return fake_library(latent_dim=D)


@pytest.fixture(scope="module")
def client(library: Library) -> Iterator[httpx.Client]:
    with (
        serving(library, modules={"explore": TAB}) as url,
        client_of(url) as client,
    ):
        yield client


def error_of(answer: httpx.Response, status: int) -> str:
    """The sentence of an answer that must be a refusal."""
    assert answer.status_code == status, answer.text[:200]
    body = answer.json()
    assert list(body) == ["error"]
    assert body["error"]
    assert "\n" not in body["error"]
    assert "Traceback" not in body["error"]
    return body["error"]


def floats(answer: httpx.Response) -> np.ndarray:
    """The float32 array of an answer, in the shape it says."""
    assert answer.status_code == 200, answer.text[:200]
    shape = tuple(map(int, answer.headers["x-shape"].split(",")))
    return np.frombuffer(answer.content, "<f4").reshape(shape)


def test_runs_are_listed_with_their_twins(client):
    listed = client.get("explorer/api/runs").json()
    expected = [
        {
            "name": name,
            "family": family,
            "side": family,
            "dataset": "digits",
            "title": "Digits",
            "label": f"{name}, d = {D}",
            "short": name,
            "latent_dim": D,
            "beta": None,
            "nats": None,
            "twin": twin,
            "error": None,
        }
        for name, family, twin in (("linear-vae", "vae", "linear-ae"), ("linear-ae", "ae", "linear-vae"))
    ]
    assert [{key: value for key, value in run.items() if key != "portrait"} for run in listed] == expected
    for run in listed:
        picture = client.get(run["portrait"])
        assert picture.headers["content-type"] == "image/png"
        assert "immutable" in picture.headers["cache-control"]
        again = client.get(run["portrait"], headers={"if-none-match": picture.headers["etag"]})
        assert again.status_code == 304


def test_a_run_says_what_it_is_and_every_address_it_names_answers(client, library):
    run = client.get(RUN).json()
    assert (run["name"], run["latent_dim"], run["image_shape"], run["levels"]) == ("linear-vae", D, [1, 8, 8], 17)
    assert (run["count"], run["has_images"], run["default_law"]) == (1797, True, "raw")
    assert run["classes"] == list("0123456789")
    assert len(run["directions"]["axes"]) == len(run["directions"]["pca"]) == D
    np.testing.assert_allclose(run["mean"], library.open("linear-vae").latents.mean.mean(0), atol=1e-6)
    for direction in run["directions"]["axes"] + run["directions"]["pca"]:
        assert np.linalg.norm(direction["vector"]) == pytest.approx(1, abs=1e-5)
        assert direction["low"] < direction["high"]
    assert set(run["stored"]) == {"points", "labels", "sprites", *COLOURS}
    for address in [*run["stored"]["sprites"], *(v for v in run["stored"].values() if isinstance(v, str))]:
        answer = client.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert "private" in answer.headers["cache-control"]


def test_only_a_run_with_several_levels_says_how_many_axes_each_has(client, level_runs):
    with serving(Library(level_runs), modules={}) as url:
        run = httpx.get(f"{url}/explorer/api/run/digits-hierarchical-5", timeout=60).json()
    assert run["level_sizes"] == [1, 2, 2]
    assert sum(run["level_sizes"]) == run["latent_dim"]
    assert [client.get(f"explorer/api/run/linear-{family}").json().get("level_sizes") for family in ("vae", "ae")] == [
        None,
        None,
    ]


def test_an_autoencoder_has_no_rate_and_is_not_drawn_from_a_prior_first(client):
    run = client.get("explorer/api/run/linear-ae").json()
    assert run["default_law"] == "white"
    assert "rate" not in run["stored"]
    assert client.get("explorer/api/run/linear-ae/reconstruct/0").json()["rate"] is None


def test_decoding_over_http_is_decoding(client, library):
    latents = np.random.default_rng(0).standard_normal((7, D)).astype("<f4")
    answer = client.post(f"{RUN}/decode", content=latents.tobytes())
    assert answer.status_code == 200
    assert answer.headers["x-shape"] == "7,8,8,1"
    expected = to_bytes(library.open("linear-vae").coder.decode(latents)).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(np.frombuffer(answer.content, np.uint8).reshape(7, 8, 8, 1), expected)


def test_as_many_latents_as_allowed_are_decoded_and_one_more_is_refused(client):
    assert client.post(f"{RUN}/decode", content=bytes(4 * D * MOST_LATENTS)).status_code == 200
    assert "at most 1,024" in error_of(client.post(f"{RUN}/decode", content=bytes(4 * D * (MOST_LATENTS + 1))), 413)


@given(body=st.binary(max_size=80))
def test_every_body_is_decoded_or_refused_in_a_sentence(client, body):
    answer = client.post(f"{RUN}/decode", content=body)
    sound = len(body) > 0 and len(body) % (4 * D) == 0
    if sound:
        values = np.frombuffer(body, "<f4")
        sound = bool(np.isfinite(values).all() and np.abs(values).max() <= 1e4)
    if sound:
        assert answer.status_code == 200
        assert len(answer.content) == len(body) // (4 * D) * 64
    else:
        error_of(answer, 400)


def test_describe_says_what_the_library_says(client, library):
    latent = np.array([0.5, -1, 2, 0], "<f4")
    answer = client.post(f"{RUN}/describe", content=latent.tobytes())
    assert answer.json() == pytest.approx(library.open("linear-vae").trust(latent))
    error_of(client.post(f"{RUN}/describe", content=bytes(8 * D)), 413)


@pytest.mark.parametrize("law", ["raw", "white", "gmm10"])
def test_samples_are_decided_by_their_seed(client, law):
    first, same, other = (client.get(f"{RUN}/sample?law={law}&n=3&seed={seed}") for seed in (1, 1, 2))
    assert floats(first).shape == (3, D)
    assert first.content == same.content
    assert first.content != other.content


@pytest.mark.parametrize(
    "query",
    [
        "law=black",
        "n=0",
        "n=-1",
        "n=1025",
        "n=1e3",
        "n=x",
        "n=",
        "seed=-1",
        "seed=9999999999999999999",
        "n=٣",
        "seed=1.5",
    ],
)
def test_a_sample_of_nonsense_is_refused(client, query):
    error_of(client.get(f"{RUN}/sample?{query}"), 400)


def test_points_labels_and_scores_are_those_stored(client, library):
    run = library.open("linear-vae")
    np.testing.assert_array_equal(floats(client.get(f"{RUN}/points")), run.latents.mean)
    for score in COLOURS:
        np.testing.assert_allclose(floats(client.get(f"{RUN}/scalar/{score}")), COLOURS[score].values(run), rtol=1e-6)
    labels = client.get(f"{RUN}/labels")
    np.testing.assert_array_equal(np.frombuffer(labels.content, "<i4"), run.labels)


@pytest.mark.parametrize("part", ["points", "labels", "scalar/vacancy", "sprites/0"])
def test_what_a_browser_holds_is_not_sent_again(client, part):
    answer = client.get(f"{RUN}/{part}")
    assert answer.headers["cache-control"] == "private, no-cache"
    again = client.get(f"{RUN}/{part}", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"{RUN}/{part}", headers={"if-none-match": '"other"'}).status_code == 200


def test_a_run_without_labels_has_none_to_give(library):
    bare = Library(None)
    bare.hold("bare", linear_coder(), np.random.default_rng(0).random((40, 1, 8, 8), dtype=np.float32))
    with serving(bare, modules={}) as url:
        error_of(httpx.get(f"{url}/explorer/api/run/bare/labels", timeout=60), 404)
        described = httpx.get(f"{url}/explorer/api/run/bare", timeout=60).json()
        assert described["classes"] is None
        assert "labels" not in described["stored"]


def test_the_sheet_shows_every_thumbnail_in_its_place(client, library):
    answer = client.get(f"{RUN}/sprites/0")
    sheet = np.asarray(Image.open(io.BytesIO(answer.content)).convert("L"))
    assert sheet.shape == (18 * 8, 100 * 8)
    thumbnails = library.open("linear-vae").thumbnails()
    for number in (0, 99, 100, 1796):
        row, column = divmod(number, 100)
        tile = sheet[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8]
        np.testing.assert_array_equal(tile, thumbnails[number, 0])
    for wrong in ("1", "-1", "x", "1e3", "99999999999999999999"):
        error_of(client.get(f"{RUN}/sprites/{wrong}"), 404)


@pytest.mark.parametrize(
    ("shape", "kind", "wide"), [((3, 8, 8), "webp", 8), ((3, 1, 164), "webp", 82), ((1, 8, 8), "png", 8)]
)
def test_colour_is_webp_within_what_that_format_holds_and_grey_is_png(shape, kind, wide):
    class Run(SimpleNamespace):
        def __len__(self) -> int:
            return 250

    run = Run(image_shape=shape, thumbnails=lambda: np.full((250, *shape), 200, np.uint8))
    picture, media = sprite_sheet.function(run, 0, True)  # pyright: ignore[reportArgumentType]
    assert media == f"image/{kind}"
    sheet = Image.open(io.BytesIO(picture))
    assert (sheet.format, sheet.size) == (kind.upper(), (100 * wide, 3 * shape[1]))


def test_a_reconstruction_and_its_pixels_are_those_of_the_library(client, library):
    run = library.open("linear-vae")
    assert client.get(f"{RUN}/reconstruct/5").json() == pytest.approx(run.reconstruct(5))
    original = client.get(f"{RUN}/reconstruct/5/pixels?part=original")
    assert original.headers["x-shape"] == "8,8,1"
    np.testing.assert_array_equal(np.frombuffer(original.content, np.uint8), run.thumbnails()[5].ravel())
    again = client.get(f"{RUN}/reconstruct/5/pixels?part=reconstruction")
    np.testing.assert_array_equal(np.frombuffer(again.content, np.uint8), to_bytes(run.reconstruction(5)).ravel())
    for wrong in ("1797", "-1", "x", "5.0", "٣"):
        error_of(client.get(f"{RUN}/reconstruct/{wrong}"), 404)
        error_of(client.get(f"{RUN}/reconstruct/{wrong}/pixels"), 404)
    error_of(client.get(f"{RUN}/reconstruct/5/pixels?part=../secret"), 400)


def test_figures_are_made_by_their_tab(client):
    assert client.get(f"{RUN}/figure/square?side=2").json() == {"run": "linear-vae", "theme": "light", "side": "2"}
    assert client.get(f"{RUN}/figure/square?theme=dark").json()["theme"] == "dark"
    assert "no such side" in error_of(client.get(f"{RUN}/figure/square?side=wrong"), 400)
    error_of(client.get(f"{RUN}/figure/square?theme=<b>"), 400)
    error_of(client.get(f"{RUN}/figure/circle"), 404)
    error_of(client.get(f"{RUN}/figure/square?side={'x' * 5000}"), 413)


@pytest.mark.parametrize(
    "name", ["nope", "..", "%2e%2e", "..%2fruns", "%2fetc%2fpasswd", "linear-vae%00", "x" * 3000, "%F0%9F%98%80", "<b>"]
)
@pytest.mark.parametrize("part", ["", "/points", "/figure/square", "/reconstruct/0"])
def test_an_unknown_run_is_404_whatever_its_name(client, name, part):
    error_of(client.get(f"explorer/api/run/{name}{part}"), 404)


def test_unknown_addresses_and_methods_are_refused(client):
    error_of(client.get("explorer/api/nothing"), 404)
    error_of(client.get(f"{RUN}/scalar/beauty"), 404)
    assert client.get(f"{RUN}/decode").status_code in (404, 405)
    assert client.post(f"{RUN}/points").status_code in (404, 405)
    assert client.delete(RUN).status_code in (404, 405)


def test_a_damaged_run_is_one_sentence_and_the_others_go_on(twin_runs, tmp_path):
    runs = Path(shutil.copytree(twin_runs, tmp_path / "runs"))
    (runs / "digits-vae-2" / "latents.safetensors").write_bytes(b"\xff" * 40)
    (runs / "digits-ae-2" / "model.safetensors").write_bytes(b"")
    shutil.copytree(twin_runs / "digits-vae-2", runs / "foreign")
    (runs / "foreign" / "config.json").write_text('{"surprise": 1}')
    with serving(fake_library(runs), modules={}) as url, httpx.Client(base_url=url, timeout=60) as client:
        assert "latents.safetensors" in error_of(client.get("explorer/api/run/digits-vae-2"), 400)
        assert "surprise" in error_of(client.get("explorer/api/run/foreign/points"), 400)
        assert client.get("explorer/api/run/digits-ae-2").status_code == 200, "what is stored needs no weights"
        answer = client.post("explorer/api/run/digits-ae-2/decode", content=bytes(8))
        assert "model.safetensors" in error_of(answer, 400)
        listed = {run["name"]: run["error"] for run in client.get("explorer/api/runs").json()}
        assert "surprise" in listed["foreign"]
        assert listed["linear-vae"] is None
        assert client.post(f"{RUN}/decode", content=bytes(4 * D)).status_code == 200


# --- files of the page ----------------------------------------------------------------------------------------------


def test_files_of_the_page_may_be_kept_for_ever_under_their_own_address(client):
    static = StaticFiles()
    for name in static.files:
        answer = client.get(f"{static.url}/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        if name.endswith(".js"):
            assert answer.headers["content-type"].startswith("text/javascript")
    assert "plotly.min.js" in static.files


def lying(folder: Path, **texts: str) -> StaticFiles:
    """Modules of a page `kit/ink.js` and `page/bare.js` with some texts, beside a bundle made of other ones."""
    made_of = {"kit/ink.js": "export const ink = 1;\n", "page/bare.js": 'import "../kit/ink.js";\n'}
    digest = hashlib.sha256("".join(f"{name}\0{text}\0" for name, text in made_of.items()).encode()).hexdigest()
    unit = {"holds": [*made_of], "imports": []}
    alone = {"holds": [], "imports": [], "file": "page/alone.js", "in_place_of": "page/bare.js"}
    told = {"made_of": digest, "units": {"page/bare.js": unit}, "alone": alone}
    for name, text in {**made_of, **{f"{name}.js": text for name, text in texts.items()}}.items():
        path = folder / "static" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "bundle" / "page").mkdir(parents=True)
    (folder / "bundle" / "page" / "bare.js").write_text("const a=1;export{a as ink};\n", encoding="utf-8")
    (folder / "bundle" / "bundle.json").write_text(json.dumps(told), encoding="utf-8")
    return StaticFiles(folder / "static", folder / "bundle")


def test_modules_come_as_a_bundle_and_the_address_of_each_leads_to_its_unit(tmp_path):
    static = lying(tmp_path)
    with TestClient(Starlette(routes=[Route("/{tag}/{file:path}", static.get)])) as client:
        assert client.get(f"/{static.tag}/page/bare.js").text == "const a=1;export{a as ink};\n"
        answer = client.get(f"/{static.tag}/kit/ink.js")
        assert answer.text == 'export * from "../page/bare.js";\n'
        assert answer.headers["content-type"].startswith("text/javascript")
        assert "immutable" in answer.headers["cache-control"]
    assert static.needed(["page/bare"]) == ["page/bare.js"]


def test_modules_that_changed_since_their_bundle_was_made_are_served_one_by_one_and_the_log_says_so(tmp_path, caplog):
    before = lying(tmp_path / "before").tag
    static = lying(tmp_path / "after", **{"kit/ink": "export const ink = 2;\n"})
    assert "make bundle" in caplog.text
    assert static.tag != before
    with TestClient(Starlette(routes=[Route("/{tag}/{file:path}", static.get)])) as client:
        assert client.get(f"/{static.tag}/kit/ink.js").text == "export const ink = 2;\n"
    assert static.needed(["page/bare"]) == ["page/bare.js", "kit/ink.js"]


def test_ends_of_lines_of_another_system_make_no_bundle_stale(tmp_path, caplog):
    lying(tmp_path, **{"kit/ink": "export const ink = 1;\r\n"})
    assert caplog.text == ""


def test_a_page_left_open_gets_todays_files_and_does_not_keep_them(client):
    name = next(iter(StaticFiles().files))
    answer = client.get(f"explorer/static/yesterday/{name}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"


QUESTION = re.compile(r'^  \w+: \{ kind: "(\w+)", form: "\w+", path: "([^"]*)"(, sends: true)?[^}]* \},$', re.MULTILINE)

NAMED_BY_CARDS = {"points", "portrait", "labels", "attributes", "scalar/{}", "sprites/{}", "sheets/{}"}
"""Stored arrays and pictures: a card or a story tells the page their addresses."""


def test_the_page_asks_for_every_route_of_a_run_and_for_nothing_else(library):
    text = (STATIC / "source" / "questions.js").read_text(encoding="utf-8")
    found = QUESTION.findall(text)
    assert {kind for kind, _, _ in found} == {"stored", "computed", "served"}
    asked = {("POST" if sends else "GET", re.sub(r"\{\w+\}", "{}", path)) for _, path, sends in found}
    offers = [export.routes, programs.routes]
    offers += [module.routes for module in tab_modules().values() if hasattr(module, "routes")]
    run = "/explorer/api/run/{}"
    offered = set()
    for route in RunRoutes(library, {}, offers).routes():
        assert isinstance(route, Route)
        path = re.sub(r"\{[\w:]+\}", "{}", route.path)
        if path.startswith(run):
            offered |= {
                (method, path.removeprefix(run).lstrip("/")) for method in route.methods or () if method != "HEAD"
            }
    stored = {("GET", path) for path in NAMED_BY_CARDS}
    curves = {("POST", "figure/path")}  # asked for by name, as every figure is
    assert asked - {("POST", "figure/{}")} == offered - stored - curves


@pytest.mark.parametrize(
    "name", ["../routes.py", "..%2froutes.py", "%2e%2e/routes.py", "....//routes.py", "/etc/passwd", "%00", "", "x.js"]
)
def test_nothing_but_the_pages_files_is_served(client, name):
    answer = client.get(f"{StaticFiles().url}/{name}")
    assert answer.status_code == 404
    assert b"import" not in answer.content


# --- how a run was fitted -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted(twin_runs: Path) -> Iterator[httpx.Client]:
    """Asks a page over the twins of the disk."""
    with serving(Library(twin_runs), modules={"explore": TAB}) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def test_every_sheet_a_run_names_is_sent_as_it_lies(fitted, twin_runs):
    told = fitted.get("explorer/api/run/digits-vae-2/training").json()
    assert [sheet["epoch"] for sheet in told["sheets"]] == [1]
    answer = fitted.get(told["sheets"][0]["url"])
    assert answer.headers["content-type"] == "image/png"
    assert "private" in answer.headers["cache-control"]
    assert "immutable" in answer.headers["cache-control"]
    assert answer.content == (twin_runs / "digits-vae-2" / "sheets" / "epoch-0001.png").read_bytes()
    again = fitted.get(told["sheets"][0]["url"], headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "epoch", ["2", "0", "-1", "01x", "epoch-0001.png", "9999999999", "1.png", "%2e%2e", "..%2fmodel", "%00", "١"]
)
def test_nothing_but_a_runs_sheets_is_served_as_one(fitted, epoch):
    assert fitted.get(f"explorer/api/run/digits-vae-2/sheets/{epoch}").status_code == 404


def test_codes_of_an_epoch_are_those_of_the_images_that_kept_them(fitted, twin_runs):
    run = load_run(twin_runs / "digits-vae-2")
    base = "explorer/api/run/digits-vae-2"
    assert fitted.get(base).json()["epochs"] == [1]
    kept = np.frombuffer(fitted.get(f"{base}/map/kept").content, "<i4")
    codes = np.frombuffer(fitted.get(f"{base}/map/epoch/1").content, "<f4").reshape(-1, 2)
    assert len(kept) == len(codes) == min(2_000, len(run.latents.mean))
    np.testing.assert_allclose(codes, run.latents.mean[kept], rtol=2e-3, atol=2e-3)
    error_of(fitted.get(f"{base}/map/epoch/2"), 404)


def test_an_image_whose_code_was_not_kept_then_has_none(twin_runs):
    run = Library(twin_runs).open("digits-vae-2")
    assert run.config is not None
    last = read_epoch_codes(list_epoch_codes(twin_runs / "digits-vae-2")[1], run.config)
    fewer = EpochCodes(mean=last.mean[1:], index=last.index[1:])
    run._epochs = lambda: {1: Path(), 5: Path()}
    run._codes_after = lambda epoch: last if epoch == 5 else fewer
    found = run.epoch_codes(1)
    assert np.isnan(found[0]).all() and np.isfinite(found[1:]).all() and len(found) == len(run.kept_images)


def test_models_in_memory_have_no_sheets_and_runs_that_are_none_no_story(client):
    assert client.get(f"{RUN}/training").json()["sheets"] == []
    error_of(client.get(f"{RUN}/sheets/1"), 404)
    error_of(client.get("explorer/api/run/nothing/training"), 404)
    error_of(client.get("explorer/api/run/nothing/sheets/1"), 404)


def test_sheets_and_the_story_of_a_fit_are_behind_the_password(twin_runs):
    with (
        serving(Library(twin_runs), modules={"explore": TAB}, accounts=[("ada", "a long password")]) as url,
        httpx.Client(base_url=url, timeout=60) as stranger,
    ):
        for what in ("training", "sheets/1"):
            assert stranger.get(f"explorer/api/run/digits-vae-2/{what}").status_code == 401


# --- a flood --------------------------------------------------------------------------------------------------------


def test_sliders_go_on_while_figures_take_their_time(client):
    body = np.zeros((1, D), "<f4").tobytes()
    client.post(f"{RUN}/decode", content=body)
    LEAVE.clear()
    with ThreadPoolExecutor(4) as pool:
        figures = [pool.submit(client.get, f"{RUN}/figure/slow") for _ in range(4)]
        try:
            assert SLOW.acquire(timeout=30)  # one after the other: they are one visitor's
            assert client.post(f"{RUN}/decode", content=body, timeout=10).status_code == 200
            assert not any(figure.done() for figure in figures)
        finally:
            LEAVE.set()
        assert [figure.result().status_code for figure in figures] == [200] * 4


def test_a_full_queue_is_refused_and_recovers():
    import anyio

    leave, started = threading.Event(), threading.Semaphore(0)

    def work() -> str:
        started.release()
        assert leave.wait(30)
        return "done"

    async def flood() -> tuple[list[str], int, str]:
        lane, answers, refused = Lane(running=3, waiting=3), [], 0

        async def ask() -> None:
            nonlocal refused
            try:
                answers.append(await lane.run(work))
            except Exception as error:  # noqa: BLE001 - what is raised is what is tested
                refused += "busy" in str(error)

        async with anyio.create_task_group() as group:
            for _ in range(9):
                group.start_soon(ask)
            await anyio.to_thread.run_sync(started.acquire)
            leave.set()
        return answers, refused, await lane.run(lambda: "again")

    answers, refused, again = awaited(flood)
    assert answers == ["done"] * 5
    assert refused == 4
    assert again == "again"


def test_a_hundred_parallel_decodes_are_answered_or_refused(client):
    body = np.zeros((64, D), "<f4").tobytes()
    address = client.base_url.join(f"{RUN}/decode")

    def decode(_: int) -> int:
        # a client each, as a crowd has: threads that share one may close each other's connections
        return httpx.post(address, content=body, timeout=60).status_code

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(decode, range(120)))
    assert set(answers) <= {200, 503}
    assert answers.count(200) > 0
    assert client.post(f"{RUN}/decode", content=body).status_code == 200
