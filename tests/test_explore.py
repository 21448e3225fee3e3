"""What Explore asks of the server: directions between groups, variations, the twin, and lines of Python that work."""

import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from explorer.analysis.directions import FEWEST
from explorer.arrays import UNKNOWN
from explorer.errors import NotFoundError, ShapeError
from explorer.images import to_bytes, to_unit
from explorer.library import Library, OpenRun, load_run
from explorer.ui.app import is_public
from explorer.ui.explore import LONGEST_NAME, MOST_VARIATIONS
from explorer.ui.routes import RunRoutes
from explorer.views.explore import groups, posterior_of_decode, python_lines, variations
from tests.serve_fake import asking, fake_library, serving

RUN = "explorer/api/run/linear-vae"
D = 4
ATTRIBUTES = ("bright", "dark", "seldom")


def with_attributes(run: OpenRun) -> None:
    """Give a run in memory attributes that are read off its codes: the sign of axis 0, and of axes 0 and 1 together.

    `seldom` is there in three images; of every seventh image nobody said anything.
    """
    from tests.runs import small_config

    mean = run.latents.mean
    known = np.stack([mean[:, 0] > 0, mean[:, 0] + mean[:, 1] < 0, np.arange(len(mean)) < 3], axis=1).astype(np.uint8)
    known[::7] = UNKNOWN
    config = small_config("vae", D)
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, attribute_names=ATTRIBUTES))
    run.card = dataclasses.replace(run.card, config=config)
    run.latents = dataclasses.replace(run.latents, attribute=known)


@pytest.fixture(scope="module")
def library() -> Library:
    library = fake_library(latent_dim=D)
    with_attributes(library.open("linear-vae"))
    return library


@pytest.fixture(scope="module")
def client(library: Library) -> Iterator[httpx.Client]:
    with asking(library) as client:
        yield client


def error_of(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text[:200]
    assert list(answer.json()) == ["error"]
    assert "\n" not in answer.json()["error"]
    return answer.json()["error"]


def floats(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text[:200]
    return np.frombuffer(answer.content, "<f4").reshape(tuple(map(int, answer.headers["x-shape"].split(","))))


def body(*values: float) -> bytes:
    return np.array(values, "<f4").tobytes()


# --- directions -------------------------------------------------------------------------------------------------------


def test_groups_are_counted_and_what_is_unknown_is_on_neither_side(client, library):
    known = client.get(f"{RUN}/contrasts").json()
    assert known["fewest"] == FEWEST
    labels = library.open("linear-vae").labels
    assert [(each["name"], each["members"]) for each in known["class"]] == [
        (str(digit), int((labels == digit).sum())) for digit in range(10)
    ]
    assert [each["name"] for each in known["attribute"]] == list(ATTRIBUTES)
    said = len(labels) - len(range(0, len(labels), 7))
    assert all(each["members"] + each["others"] == said for each in known["attribute"])
    assert client.get("explorer/api/run/linear-ae/contrasts").json()["attribute"] == []


@pytest.mark.parametrize("method", ["means", "logistic"])
def test_a_direction_leads_from_those_without_to_those_with_it(client, library, method):
    answer = client.get(f"{RUN}/direction", params={"kind": "attribute", "name": "bright", "method": method}).json()
    direction = answer["direction"]
    vector = np.array(direction["vector"])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    codes, known = groups(library.open("linear-vae"), "attribute")
    along = (codes @ vector - direction["offset"]) / direction["scale"]
    assert along[known["bright"] == 1].mean() == pytest.approx(1, abs=1e-2)
    assert along[known["bright"] == 0].mean() == pytest.approx(-1, abs=1e-2)
    assert (answer["members"], answer["others"]) == ((known["bright"] == 1).sum(), (known["bright"] == 0).sum())
    assert 0.9 < answer["reliability"] <= 1
    assert f"reliability {answer['reliability']:.2f}" in direction["note"]


def test_another_direction_can_be_projected_out(client):
    ask = {"kind": "class", "name": "3", "method": "means"}
    other = client.get(f"{RUN}/direction", params={**ask, "name": "8"}).json()["direction"]
    found = client.get(f"{RUN}/direction", params={**ask, "without": "8"}).json()["direction"]
    assert np.dot(found["vector"], other["vector"]) == pytest.approx(0, abs=1e-5)
    assert found["name"] == "3 without 8"


def test_a_group_of_too_few_images_has_no_direction_and_a_sentence_says_so(client):
    for name, without in (("seldom", ""), ("seldom", "dark"), ("dark", "seldom")):
        ask = {"kind": "attribute", "name": name, "without": without}
        sentence = error_of(client.get(f"{RUN}/direction", params=ask), 400)
        assert "'seldom' has 2 images with it" in sentence
        assert f"at least {FEWEST}" in sentence


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"kind": "axis", "name": "3"}, 400),
        ({"kind": "class", "name": "3", "method": "guess"}, 400),
        ({"kind": "class", "name": "3", "without": "3"}, 400),
        ({"kind": "class", "name": ""}, 404),
        ({"kind": "class", "name": "ten"}, 404),
        ({"kind": "class", "name": "3", "without": "<img src=x onerror=alert(1)>"}, 404),
        ({"kind": "attribute", "name": "__class__"}, 404),
        ({"kind": "class", "name": "x" * (LONGEST_NAME + 1)}, 400),
        ({"kind": "class", "name": "\u0000"}, 404),
    ],
)
def test_a_direction_that_makes_no_sense_is_refused_in_a_sentence(client, query, status):
    assert len(error_of(client.get(f"{RUN}/direction", params=query), status)) < 300


def test_a_run_without_attributes_says_so(client):
    ask = {"kind": "attribute", "name": "bright"}
    assert "no attributes" in error_of(client.get("explorer/api/run/linear-ae/direction", params=ask), 404)


# --- around one latent ------------------------------------------------------------------------------------------------


def test_variations_are_draws_from_the_posterior_of_the_image(client, library):
    run = library.open("linear-vae")
    hot = floats(client.get(f"{RUN}/variations/7?n=25&temperature=2&seed=3"))
    cool = floats(client.get(f"{RUN}/variations/7?n=25&temperature=1&seed=3"))
    assert hot.shape == (25, D)
    np.testing.assert_allclose(hot - run.latents.mean[7], 2 * (cool - run.latents.mean[7]), atol=1e-5)
    assert run.latents.log_variance is not None
    noise = (cool - run.latents.mean[7]) / np.exp(0.5 * run.latents.log_variance[7])
    assert 0.7 < noise.std() < 1.3
    assert client.get(f"{RUN}/variations/7?n=25&seed=3").content == cool.astype("<f4").tobytes()
    assert client.get(f"{RUN}/variations/7?n=25&seed=4").content != cool.astype("<f4").tobytes()
    still = floats(client.get(f"{RUN}/variations/7?n=2&temperature=0"))
    np.testing.assert_allclose(still, run.latents.mean[[7, 7]], atol=1e-6)


def test_variations_of_a_latent_are_of_the_picture_it_decodes_to(client, library):
    latent = np.array([[0.3, -0.2, 0.1, 0.4]], np.float32)
    answer = floats(client.post(f"{RUN}/variations?n=4&temperature=0", content=latent.astype("<f4").tobytes()))
    expected = posterior_of_decode(library.open("linear-vae"), latent).mean
    np.testing.assert_allclose(answer, expected.repeat(4, 0), atol=1e-6)


def test_an_autoencoder_has_no_variations_and_says_why(client):
    run = "explorer/api/run/linear-ae"
    for answer in (client.get(f"{run}/variations/0"), client.post(f"{run}/variations", content=body(0, 0, 0, 0))):
        assert "one code without a spread" in error_of(answer, 400)


def test_a_run_of_several_levels_draws_from_the_posterior_level_by_level(level_runs):
    run = Library(level_runs).open("digits-hierarchical-5")
    posterior = run.posterior(2)
    draws = variations(posterior, 9, 1.0, 0)
    assert draws.shape == (9, 5)
    original = run.original(2)
    assert original is not None
    again = run.coder.encode(to_unit(original, run.levels)[None]).rows(np.zeros(9, np.int64))
    np.testing.assert_allclose(draws, again.sample(np.random.default_rng(0)), atol=1e-5)
    run._load_pixels = lambda: None
    with pytest.raises(ShapeError, match="level by level from the image itself"):
        run.posterior(2)


@pytest.mark.parametrize(
    "query",
    ["n=0", f"n={MOST_VARIATIONS + 1}", "n=x", "seed=-1", "temperature=nan", "temperature=inf", "temperature=-0.1",
     "temperature=10.1", "temperature=", "temperature=٣", "temperature=" + "1" * 30],
)  # fmt: skip
def test_variations_of_nonsense_are_refused(client, query):
    error_of(client.get(f"{RUN}/variations/0?{query}"), 400)
    error_of(client.post(f"{RUN}/variations?{query}", content=body(0, 0, 0, 0)), 400)


@pytest.mark.parametrize("number", ["1797", "-1", "x", "1e2", "٣", "9" * 30])
def test_an_image_that_is_not_there_has_no_variations(client, number):
    error_of(client.get(f"{RUN}/variations/{number}"), 404)


@pytest.mark.parametrize("part", ["variations", "beside", "python"])
def test_a_latent_that_is_none_is_refused_everywhere(client, part):
    assert "finite" in error_of(client.post(f"{RUN}/{part}", content=body(0, np.nan, 0, 0)), 400)
    error_of(client.post(f"{RUN}/{part}", content=body(0, 0, 0)), 400)
    error_of(client.post(f"{RUN}/{part}", content=body(*[0] * 8)), 413)
    error_of(client.post(f"explorer/api/run/nope/{part}", content=body(0, 0, 0, 0)), 404)
    assert client.post(f"{RUN}/{part}", content=body(0, 0, 0, 0)).status_code in (200, 400)


def test_the_twin_encodes_the_picture_on_show(client, library):
    latent = np.array([[0.5, -1, 0.2, 0]], np.float32)
    answer = floats(client.post(f"{RUN}/beside", content=latent.astype("<f4").tobytes()))
    shown = np.clip(library.open("linear-vae").coder.decode(latent), 0, 1)
    np.testing.assert_allclose(answer, library.open("linear-ae").coder.encode(shown).mean, atol=1e-5)


def test_nine_training_codes_in_ten_lie_in_the_shell(client, library):
    told = client.post(f"{RUN}/describe", content=body(0, 0, 0, 0)).json()
    norms = np.linalg.norm(library.open("linear-vae").latents.reference, axis=1)
    inside = (norms >= told["shell_low"]) & (norms <= told["shell_high"])
    assert inside.mean() == pytest.approx(0.9, abs=0.01)


def test_a_run_without_a_twin_has_none_beside_it(level_runs):
    with asking(Library(level_runs)) as client:
        answer = client.post("explorer/api/run/digits-hierarchical-5/beside", content=bytes(20))
        assert "no twin" in error_of(answer, 404)


# --- Python -----------------------------------------------------------------------------------------------------------


def test_the_lines_of_python_make_the_very_pixels_on_show(twin_runs, tmp_path, monkeypatch):
    latent = np.random.default_rng(5).standard_normal((1, 2)).astype("<f4")
    with asking(Library(twin_runs)) as client:
        run = "explorer/api/run/digits-vae-2"
        lines = client.post(f"{run}/python", content=latent.tobytes()).json()["python"]
        shown = client.post(f"{run}/decode", content=latent.tobytes())
    assert 3 <= len([line for line in lines.splitlines() if line]) <= 6
    monkeypatch.chdir(tmp_path)
    exec(compile(lines, "<copied>", "exec"), {})  # noqa: S102 - that is what the lines are for
    pixels = np.asarray(Image.open(tmp_path / "digits-vae-2.png"))
    np.testing.assert_array_equal(pixels.ravel(), np.frombuffer(shown.content, np.uint8))


def test_the_lines_for_a_model_in_memory_take_the_model_that_was_handed_over(tmp_path, monkeypatch):
    library = fake_library(latent_dim=D)
    run = library.open("linear-ae")
    latent = np.array([[0.1, -2.5e-6, 1 / 3, -1]], np.float32)
    monkeypatch.chdir(tmp_path)
    exec(compile(python_lines(run, latent, None), "<copied>", "exec"), {"coder": run.coder})  # noqa: S102
    pixels = np.asarray(Image.open(io.BytesIO((tmp_path / "linear-ae.png").read_bytes())))
    np.testing.assert_array_equal(pixels, to_bytes(run.coder.decode(latent))[0, 0])


@pytest.mark.parametrize(
    ("settings", "public"),
    [
        ({}, False),
        ({"host": "localhost"}, False),
        ({"host": "0.0.0.0"}, True),
        ({"share": True}, True),
        ({"accounts": [("ada", "secret")]}, True),
    ],
)
def test_a_page_that_others_may_see_is_known_as_one(settings, public, monkeypatch):
    monkeypatch.delenv("EXPLORER_HOSTS", raising=False)
    asked = {"host": "127.0.0.1", "share": False, "accounts": []} | settings
    assert is_public(**asked) == public
    monkeypatch.setenv("EXPLORER_HOSTS", "explorer.example.org")
    assert is_public(**asked), "another server passes requests on"


def test_lines_name_the_folder_as_the_user_did_and_on_a_public_page_none_of_this_machine(twin_runs, monkeypatch):
    monkeypatch.chdir(twin_runs.parent)
    for given in (twin_runs, Path(twin_runs.name), Path("..", twin_runs.parent.name, twin_runs.name)):
        library = Library(given)
        run = library.open("digits-vae-2")
        place = RunRoutes(library, {}, public=False).place_of(run)
        assert place is not None and place == (given / "digits-vae-2").as_posix()
        lines = python_lines(run, run.latents.mean[:1], place)
        assert f"load_run({place!r})" in lines
        assert load_run(place).latents.mean.shape == run.latents.mean.shape
        hidden = RunRoutes(library, {}).place_of(run)
        assert hidden == "checkpoints/digits-vae-2"
        assert twin_runs.name not in python_lines(run, run.latents.mean[:1], hidden)


def test_the_routes_of_a_public_page_tell_no_folder(twin_runs):
    latent = np.zeros(2, "<f4").tobytes()
    path = latent + np.ones(2, "<f4").tobytes()
    here, elsewhere = f"{twin_runs.as_posix()}/digits-vae-2", "checkpoints/digits-vae-2"
    for accounts, told in (((), here), ([("ada", "secret")], elsewhere)):
        with serving(Library(twin_runs), accounts=accounts) as url, httpx.Client(base_url=url, timeout=60) as client:
            if accounts:
                client.post("/login", data={"username": "ada", "password": "secret"})
            run = "/explorer/api/run/digits-vae-2"
            assert f"load_run({told!r})" in client.post(f"{run}/python", content=latent).json()["python"]
            assert client.post(f"{run}/path?steps=2", content=path).json()["place"] == told


def test_groups_of_an_unknown_kind_are_refused(library):
    with pytest.raises(ShapeError, match="class or attribute"):
        groups(library.open("linear-vae"), "__dict__")
    with pytest.raises(NotFoundError, match="no attributes"):
        groups(library.open("linear-ae"), "attribute")
