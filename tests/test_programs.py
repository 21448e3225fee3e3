"""Programs on their way to a browser: made once, kept under the name of their content, refused in a sentence."""

from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from explorer.library import Library
from explorer.program import PARTS, ProgramError
from explorer.views import programs
from tests.fakes import LinearCoder, ProgramCoder, linear_coder
from tests.interpreter import read_program, run_program
from tests.serve_fake import client_of, serving


class Refusing(LinearCoder):
    """A model whose program would need what there is not."""

    def program(self, part: str) -> bytes:
        raise ProgramError(f"a program cannot express the {part}'s layer torch.nn.GRU.")


def as_kind(kind: type[LinearCoder], like: LinearCoder) -> LinearCoder:
    return kind(like.matrix, like.image_shape, like.log_variance, like.sigma, levels=like.levels)


@pytest.fixture(scope="module")
def library() -> Library:
    """Runs `here`, which has programs, `odd`, which has none, and `plain`, which never heard of them."""
    library, coder = Library(None), linear_coder(latent_dim=3)
    images = np.random.default_rng(0).random((60, 1, 8, 8), dtype=np.float32)
    for name, kind in (("here", ProgramCoder), ("odd", Refusing), ("plain", LinearCoder)):
        library.hold(name, as_kind(kind, coder), images)
    return library


@pytest.fixture(scope="module")
def client(library: Library) -> Iterator[httpx.Client]:
    with serving(library, modules={}) as url, client_of(url) as client:
        yield client


def place_of(client: httpx.Client, run: str, part: str) -> dict[str, str | None]:
    answer = client.get(f"explorer/api/run/{run}/program/{part}")
    assert answer.status_code == 200
    assert "no-store" in answer.headers["cache-control"]
    return answer.json()


@pytest.mark.parametrize("part", PARTS)
def test_a_program_is_kept_for_ever_under_the_name_of_its_content(part, client, library):
    place = place_of(client, "here", part)
    assert place["trouble"] is None
    answer = client.get(f"explorer/api/run/here/program/{part}/{place['name']}")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert "private" in answer.headers["cache-control"]
    coder = library.open("here").coder
    assert isinstance(coder, ProgramCoder)
    assert answer.content == coder.program(part)
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("what", ["program/decoder/{}", "support"])
def test_who_understands_no_gzip_gets_the_plain_file(what, client):
    address = "explorer/api/run/here/" + what.format(place_of(client, "here", "decoder")["name"])
    plain = client.get(address, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    zipped = client.get(address, headers={"accept-encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in zipped.headers["vary"].lower()
    assert zipped.content == plain.content
    assert int(zipped.headers["content-length"]) < int(plain.headers["content-length"])


def test_what_tells_how_empty_places_are_is_kept_by_its_version(client):
    answer = client.get("explorer/api/run/here/support")
    again = client.get("explorer/api/run/here/support", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_program_under_another_name_is_not_there(client):
    answer = client.get(f"explorer/api/run/here/program/decoder/{'0' * 32}")
    assert answer.status_code == 404
    assert "no such program" in answer.json()["error"]
    assert client.get("explorer/api/run/here/program/judge").status_code == 400
    assert client.get("explorer/api/run/none/program/decoder").status_code == 404


def test_why_there_is_no_program_is_said_in_a_sentence(client):
    assert "torch.nn.GRU" in str(place_of(client, "odd", "decoder")["trouble"])
    assert "LinearCoder" in str(place_of(client, "plain", "encoder")["trouble"])
    assert place_of(client, "plain", "encoder")["name"] is None


def test_a_program_is_made_once(library, monkeypatch):
    made = programs.program(library.open("here"), "decoder")
    monkeypatch.setattr(ProgramCoder, "program", lambda self, part: b"another")
    assert programs.program(library.open("here"), "decoder") is made


def test_a_program_that_is_too_large_is_not_sent(library, monkeypatch):
    monkeypatch.setattr(programs, "MOST_BYTES", 100)
    programs.program.forget(library.open("here"))
    found = programs.program(library.open("here"), "decoder")
    programs.program.forget(library.open("here"))
    assert found.file == b""
    assert "100" in str(found.trouble)


def test_the_programs_of_the_linear_model_agree_with_it():
    coder = linear_coder(latent_dim=3)
    fake = as_kind(ProgramCoder, coder)
    assert isinstance(fake, ProgramCoder)
    latents = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    images = coder.decode(latents)
    np.testing.assert_allclose(run_program(fake.program("decoder"), latents)["pixels"], images, atol=1e-5)
    given, wanted = run_program(fake.program("encoder"), images), coder.encode(images)
    assert wanted.log_variance is not None
    np.testing.assert_allclose(given["mean"], wanted.mean, atol=1e-4)
    np.testing.assert_allclose(given["log_variance"], wanted.log_variance, atol=1e-6)
    assert read_program(fake.program("encoder"))[0]["levels"] == coder.levels
