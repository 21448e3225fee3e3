"""Reconstruct over plain HTTP: pictures of any kind go in, an image and its numbers or one sentence come out."""

import base64
import contextlib
import math
import resource
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from explorer.analysis.corruption import corrupted
from explorer.images import from_bytes, to_bytes, to_unit
from explorer.library import Library
from explorer.ui.app import MOST_PIXELS, MOST_UPLOAD
from explorer.views import look
from tests.fakes import linear_coder
from tests.pictures import AWKWARD, glyph, saved, scene
from tests.serve_fake import asking, client_of, fake_library, serving

VAE, AE, COLOUR = (f"explorer/api/run/{name}" for name in ("linear-vae", "linear-ae", "colour-vae"))


@pytest.fixture(scope="module")
def library() -> Library:
    """The digits' principal components as twins, and a model of colour images, 3 x 16 x 16."""
    library = fake_library()
    coder = linear_coder(5, (3, 16, 16))
    images = np.clip(coder.sample_images(60, np.random.default_rng(0)), 0, 1)
    library.hold("colour-vae", coder, images)
    return library


@pytest.fixture(scope="module")
def url(library: Library) -> Iterator[str]:
    from explorer.ui import reconstruct

    with serving(library, modules={"reconstruct": reconstruct}) as url:
        yield url


@pytest.fixture(scope="module")
def visitor(url: str) -> Iterator[httpx.Client]:
    """Somebody who asks a server, for tests of what happens on the way to it."""
    with client_of(url) as client:
        yield client


@pytest.fixture(scope="module")
def client(library: Library) -> Iterator[httpx.Client]:
    with asking(library) as client:
        yield client


def error_of(answer: httpx.Response, *status: int) -> str:
    """The one sentence of an answer that must be a refusal."""
    assert answer.status_code in status, answer.text[:200]
    said = answer.json()
    assert list(said) == ["error"]
    assert said["error"].endswith(".") and "\n" not in said["error"] and "Traceback" not in said["error"]
    return said["error"]


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    """An image of an answer as bytes (C, H, W)."""
    pixels = np.frombuffer(base64.b64decode(packed["bytes"]), np.uint8).reshape(packed["shape"])
    return pixels.transpose(2, 0, 1)


# --- files that are not what one expects ----------------------------------------------------------------------------

FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    **AWKWARD,
    "as much noise as may be sent": (lambda: np.random.default_rng(0).bytes(MOST_UPLOAD), "sentence"),
    "a byte too many": (lambda: bytes(MOST_UPLOAD + 1), "sentence"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("run", [VAE, COLOUR], ids=["digits", "colours"])
def test_every_file_ends_in_an_image_or_one_sentence(client, run, name):
    make, expected = FILES[name]
    answer = client.post(f"{run}/own", content=make())
    if expected == "sentence" or (expected == "either" and answer.status_code != 200):
        error_of(answer, 400, 413)
    else:
        assert answer.status_code == 200, answer.text[:200]
        shape = {VAE: [8, 8, 1], COLOUR: [16, 16, 3]}[run]
        assert answer.json()["image"]["shape"] == shape
        assert answer.json()["look"]["mse"] >= 0
    assert client.get(f"{run}/reconstruct/3").status_code == 200, "the server goes on"


ALIKE = ("plain", "sixteen bits", "floating point", "animated", "a huge exif", "grey and alpha", "seen through", "tiff")


def test_the_same_picture_is_the_same_image_however_it_is_stored(client):
    images = [unpacked(client.post(f"{VAE}/own", content=AWKWARD[name][0]()).json()["image"]) for name in ALIKE]
    for image in images:
        assert np.abs(image.astype(int) - images[0]).mean() < 12


def test_a_flood_of_pictures_takes_no_more_memory_than_a_few(visitor, url):
    largest = AWKWARD["four million pixels"][0]()
    visitor.post(f"{COLOUR}/own", content=largest)
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

    def show(_: int) -> int:
        with httpx.Client(base_url=url, timeout=120, verify=False) as own:  # whose certificates are memory too
            return own.post(f"{COLOUR}/own", content=largest).status_code

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(show, range(48)))
    assert set(answers) <= {200, 503} and 200 in answers
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit - before
    assert grown < 16 * 3 * MOST_PIXELS, "they were never all unfolded at once"


def test_a_picture_that_never_arrives_holds_nobody_up(url, visitor, monkeypatch):
    monkeypatch.setattr("explorer.ui.http.PATIENCE", 0.2)
    parts = urlsplit(url)
    head = f"POST /{VAE}/own HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\nContent-Length: 5000\r\n\r\n"
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(head.encode() + b"\x89PNG")
        assert b" 408 " in connection.recv(65536).split(b"\r\n")[0]
    assert visitor.post(f"{VAE}/own", content=saved(glyph())).status_code == 200


def test_only_so_many_pictures_arrive_at_once(url, visitor, monkeypatch):
    from explorer.ui.reconstruct import ARRIVING_EACH

    monkeypatch.setattr("explorer.ui.http.PATIENCE", 120)
    parts = urlsplit(url)
    head = f"POST /{VAE}/own HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\nContent-Length: 5000\r\n\r\n"
    answers: list[httpx.Response] = []
    with contextlib.ExitStack() as waiting:
        # one more wherever a whole picture found room: it may have taken the room of the one that began before it
        while len(answers) < 4 * ARRIVING_EACH and all(answer.status_code == 200 for answer in answers):
            connection = waiting.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=30))
            connection.sendall(head.encode() + b"\x89PNG")
            answers.append(visitor.post(f"{VAE}/own", content=saved(glyph())))
        assert "try again" in error_of(answers[-1], 503)
        assert len(answers) >= ARRIVING_EACH
    while (answer := visitor.post(f"{VAE}/own", content=saved(glyph()))).status_code == 503:
        pass  # until the server has seen them leave
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "x=1",
        "x=0,5&y=0,5&side=1",
        "x=0.5&y=0.5&side=nan",
        "x=1e99&y=0&side=1",
        "x=-1&y=0&side=1",
        "x=2&y=0&side=1",
        "x=0x1&y=0&side=1",
        f"x={'1' * 400}&y=0&side=1",
        "x=٣&y=0&side=1",
        "x=inf&y=0&side=1",
    ],
)
def test_a_crop_of_nonsense_is_refused(client, query):
    error_of(client.post(f"{COLOUR}/own?{query}", content=saved(scene(1))), 400)


def test_a_picture_leaves_no_trace_on_the_server(client, tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    answers = [client.post(f"{COLOUR}/own", content=saved(scene(1, (300, 300)))) for _ in range(3)]
    assert not list(Path(tmp_path).iterdir())
    assert answers[0].headers["cache-control"] == "private, no-store"


# --- what is found --------------------------------------------------------------------------------------------------


def eye_of(library: Library, name: str, number: int) -> bytes:
    """A test image as the page holds it: bytes laid out (H, W, C)."""
    return library.open(name).thumbnails()[number].transpose(1, 2, 0).tobytes()


@pytest.mark.parametrize("name", ["linear-vae", "linear-ae"])
def test_a_test_image_costs_what_is_stored_of_it(client, library, name):
    run = library.open(name)
    found = client.post(f"explorer/api/run/{name}/look", content=eye_of(library, name, 17)).json()
    np.testing.assert_allclose(found["latent"], run.latents.mean[17], atol=1e-5)
    assert found["distortion"] == pytest.approx(run.latents.distortion[17], rel=1e-4)
    assert found["neighbours"][0] == 17
    assert found["distances"][0] == pytest.approx(0, abs=1e-5)
    assert found["distances"] == sorted(found["distances"])
    np.testing.assert_array_equal(unpacked(found["reconstruction"]), to_bytes(run.reconstruction(17)))
    assert found["mse"] == pytest.approx(run.reconstruct(17)["mse"], rel=1e-4)
    if run.is_point:
        assert found["rate"] is None and found["rates"] is None
    else:
        assert found["rate"] == pytest.approx(run.latents.rate[17], rel=1e-4)
        assert math.fsum(found["rates"]) == pytest.approx(found["rate"], abs=1e-3)
        np.testing.assert_allclose(found["usual_rates"], run.axis_rates, atol=1e-4)


def test_an_own_picture_is_looked_at_as_its_pixels_are(client):
    shown = client.post(f"{VAE}/own", content=saved(glyph())).json()
    assert [step["name"] for step in shown["steps"]][:3] == ["Your picture", "Grey", "Inverted"]
    assert all(step["src"].startswith("data:image/png;base64,") for step in shown["steps"])
    assert shown["place"] is None
    pixels = base64.b64decode(shown["image"]["bytes"])
    assert client.post(f"{VAE}/look", content=pixels).json() == shown["look"]
    coloured = client.post(f"{COLOUR}/own", content=saved(scene(3))).json()
    assert set(coloured["place"]) == {"x", "y", "side"}


def test_the_page_gets_back_the_levels_it_was_shown():
    levels = np.arange(17, dtype=np.uint8)
    np.testing.assert_array_equal(from_bytes(to_bytes(to_unit(levels, 17)), 17), levels)
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(from_bytes(every, 256), every)


@pytest.mark.parametrize("part", ["look", "look/spread", "look/bound", "look/spoilt?level=0.1"])
@pytest.mark.parametrize("size", [0, 1, 63, 65, 4 * 64, 100_000])
def test_pixels_of_another_number_are_refused(client, part, size):
    assert "8 x 8 x 1" in error_of(client.post(f"{VAE}/{part}", content=bytes(size)), 400, 413)


def test_draws_differ_as_much_as_the_posterior_says(client, library):
    run = library.open("linear-vae")
    answer = client.post(f"{VAE}/look/spread?seed=3", content=eye_of(library, "linear-vae", 5))
    found = answer.json()
    assert len(found["samples"]) == look.SAMPLES
    assert answer.json() == client.post(f"{VAE}/look/spread?seed=3", content=eye_of(library, "linear-vae", 5)).json()
    assert found["samples"] != client.post(f"{VAE}/look/spread?seed=4", content=eye_of(library, "linear-vae", 5)).json()
    seen = look.spread(run, to_unit(run.images()[5:6], 17), 3)
    exact = np.sqrt((run.coder.matrix**2 * math.exp(-2.0)).sum(1)).reshape(8, 8)  # of the linear decoder, unclipped
    inside = (run.reconstruction(5)[0] > 0.3) & (run.reconstruction(5)[0] < 0.7)
    np.testing.assert_allclose(seen.deviation[inside], exact[inside], rtol=0.5)
    assert found["deviation_most"] == pytest.approx(float(seen.deviation.max()))


def test_the_bound_is_nearer_to_the_evidence_than_the_elbo(client, library):
    run = library.open("linear-vae")
    body = eye_of(library, "linear-vae", 5)
    elbo = client.post(f"{VAE}/look/spread", content=body).json()["elbo"]
    bound = client.post(f"{VAE}/look/bound", content=body).json()
    evidence = run.coder.evidence(to_unit(run.images()[5:6], 17))[0]
    assert bound["samples"] == look.BOUND_DRAWS
    assert elbo < bound["bound"] < evidence + 0.5


def test_a_point_posterior_has_nothing_to_draw(client, library):
    body = eye_of(library, "linear-ae", 5)
    for part in ("look/spread", "look/bound"):
        assert "point" in error_of(client.post(f"{AE}/{part}", content=body), 400)
    for score in ("elbo", "bound"):
        error_of(client.get(f"{AE}/standing/{score}"), 400)


@pytest.mark.parametrize("score", look.SCORES)
def test_scores_to_rank_among_are_ascending_and_those_of_the_test_images(client, library, score):
    answer = client.get(f"{VAE}/standing/{score}")
    scores = np.frombuffer(answer.content, "<f4")
    assert len(scores) == look.STANDING_IMAGES[score]
    assert (np.diff(scores) >= 0).all()
    run = library.open("linear-vae")
    if score == "mse":
        assert scores.min() == pytest.approx(look.errors(run, np.arange(len(run))).min(), rel=0.5)
    else:
        first = look.lower_bound(run, to_unit(run.images()[:1], 17), score)
        assert np.abs(scores - first).min() < 1e-3, "image 0 is among them"


def test_errors_of_the_gallery_are_those_of_the_reconstructions(client, library):
    run = library.open("linear-vae")
    found = np.frombuffer(client.get(f"{VAE}/errors?images=4,99,4").content, "<f4")
    expected = [np.square(run.reconstruction(n) - to_unit(run.images()[n], 17)).mean() for n in (4, 99, 4)]
    np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.parametrize(
    "images", ["", "1797", "-1", "1,,2", "1.5", "٣", "1,2,", ",".join(["1"] * 101), "9" * 10, "1" * 2000, "x"]
)
def test_errors_of_nonsense_are_refused(client, images):
    error_of(client.get(f"{VAE}/errors", params={"images": images}), 400)


@pytest.mark.parametrize("score", ["", "vacancy", "__class__", "mse "])
def test_a_rank_of_nonsense_is_not_there(client, score):
    error_of(client.get(f"{VAE}/standing/{score}"), 404)


@pytest.mark.parametrize("query", ["level=2", "level=-0.1", "level=nan", "", "level=0.1&kind=salt", "level=1&seed=-1"])
def test_noise_of_nonsense_is_refused(client, library, query):
    error_of(client.post(f"{VAE}/look/spoilt?{query}", content=eye_of(library, "linear-vae", 0)), 400)


def test_a_spoilt_image_is_spoilt_as_in_the_fit_and_its_error_is_to_the_clean_one(client, library):
    run = library.open("linear-vae")
    body = eye_of(library, "linear-vae", 9)
    clean = client.post(f"{VAE}/look/spoilt?level=0", content=body).json()
    np.testing.assert_array_equal(unpacked(clean["input"]), run.thumbnails()[9])
    noisy = client.post(f"{VAE}/look/spoilt?level=0.5&seed=2", content=body).json()
    image = to_unit(run.images()[9:10], 17)
    expected = corrupted(image, "gaussian", 0.5, np.random.default_rng(2))
    np.testing.assert_array_equal(unpacked(noisy["input"]), to_bytes(expected[0]))
    assert noisy["mse"] > clean["mse"]


def test_masking_sets_that_share_of_the_pixels_to_zero():
    images = np.ones((1, 1, 100, 100), np.float32)
    masked = corrupted(images, "masking", 0.3, np.random.default_rng(0))
    assert set(np.unique(masked)) == {0, 1}
    assert (masked == 0).mean() == pytest.approx(0.3, abs=0.02)
    more = corrupted(images, "masking", 0.6, np.random.default_rng(0))
    assert (more[masked == 0] == 0).all(), "at a higher level the same pixels are lost, and more"


def test_a_denoising_run_says_what_it_was_fitted_against(twin_runs, tmp_path):
    from tests.runs import write_run

    shutil.copytree(twin_runs / "features-digits", tmp_path / "features-digits")
    write_run(tmp_path, "denoising", steps=5)
    run = Library(tmp_path).open("digits-denoising-2")
    image = to_unit(np.zeros((1, 1, 8, 8), np.uint8), 17)
    from explorer.ui.reconstruct import described

    assert described(run, look.look(run, image))["corruption"] == {"kind": "gaussian", "level": 0.3}


def test_the_rate_of_a_hierarchical_run_is_that_along_draws(level_runs):
    run = Library(level_runs).open("digits-hierarchical-5")
    image = np.random.default_rng(0).random((1, 1, 8, 8), np.float32)
    seen = look.look(run, image)
    assert seen.rates is not None
    rng = np.random.default_rng(7)
    posterior = run.coder.encode(image)
    draws = np.mean([posterior.draw(rng)[1].rate().sum() for _ in range(400)])
    assert seen.rates.sum() == pytest.approx(draws, rel=0.2)
    assert look.lower_bound(run, image, "elbo") <= look.lower_bound(run, image, "bound") + 3


def test_without_the_data_set_there_is_nothing_to_compare_with(library, monkeypatch):
    run = library.open("linear-vae")
    monkeypatch.setattr(run, "images", lambda: None)
    from explorer.errors import ShapeError

    with pytest.raises(ShapeError, match="not on this machine"):
        look.errors(run, np.arange(3))
