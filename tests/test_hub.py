"""Runs on the Hub: a round trip bit for bit, what is refused, and what is said where nothing can be asked."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants as constants
import pytest

import train
from explorer import __main__ as command
from explorer import hub
from explorer.errors import CheckpointError, ExplorerError, HubError
from explorer.library import Library
from explorer.site import push as pushing
from tests.conftest import ROOT
from tests.fake_hub import Hub, fake_hub

# huggingface_hub 2.4, lfs.py: hands a file to httpx2 by an argument that it would like to be called otherwise
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

CHECKPOINTS = ROOT / "checkpoints"
RUN, TWIN, NET = "digits-vae-2", "digits-ae-2", "features-digits"
NAME = "ada/digits"


@pytest.fixture
def there() -> Iterator[Hub]:
    """A Hub that holds nothing."""
    with fake_hub() as opened:
        yield opened


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what was fetched, of this test alone."""
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "hub"


@pytest.fixture
def without_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of one line: what is in them does not matter."""

    def write(place: Path, *_: object, **__: object) -> None:
        place.mkdir()
        (place / "index.html").write_text("a page")

    monkeypatch.setattr(pushing, "write", write)


def files_of(folder: Path) -> dict[str, bytes]:
    """What a folder holds, by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def of_run(changed: dict[str, bytes] | None = None) -> dict[str, bytes]:
    """The files of a run at the root of a repository, some of them changed."""
    return files_of(CHECKPOINTS / RUN) | (changed or {})


# --- there and back ---------------------------------------------------------------------------------------------------


def test_a_run_comes_back_bit_for_bit_with_its_twin_and_its_page(there: Hub, cache: Path, capsys) -> None:
    assert command.main([RUN, "--checkpoints", str(CHECKPOINTS), "--push", NAME]) == 0
    assert f"{there.url}/spaces/{NAME}" in capsys.readouterr().out
    found = hub.fetch(f"hf://{NAME}")
    assert found.run == RUN and not found.is_old
    for name in (RUN, TWIN, NET):
        assert files_of(found.folder / name) == files_of(CHECKPOINTS / name), name
    library = Library(found.folder)
    library.check(RUN)
    assert library.twin(RUN) == TWIN
    model, space = there.repositories["model", NAME], there.repositories["space", NAME]
    assert not model.is_private and space.sdk == "static"
    card = model.files["README.md"].decode()
    assert "| -log p(x) at most, nats per image | 23.1" in card
    assert "](sheets/epoch-0300.png)" in card and "sheets/epoch-0300.png" in model.files
    assert b"explorer-stored" in space.files["index.html"] and b'sdk: "static"' in space.files["README.md"]
    assert "style.css" not in space.files  # the Hub's own beginning of a page
    there.asked.clear()
    assert hub.fetch(f"hf://{NAME}@{model.commit}").folder == found.folder
    assert not [each for each in there.asked if "resolve" in each]  # fetched once
    for trouble in ("offline", "gone"):
        with pytest.MonkeyPatch.context() as patch:
            if trouble == "offline":
                patch.setattr(constants, "HF_HUB_OFFLINE", True)
            else:
                patch.setenv("HF_ENDPOINT", nowhere())
            old = hub.fetch(f"hf://{NAME}")
            assert old.is_old and old.folder == found.folder
            with pytest.raises(HubError, match="offline|OFFLINE|cannot be reached"):
                hub.fetch("hf://ada/never-fetched")


def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_pushed_again_the_owners_words_stay_and_old_files_go(there: Hub, without_page: None) -> None:
    pushing.push(NAME, RUN, checkpoints=CHECKPOINTS)
    model, space = there.repositories["model", NAME], there.repositories["space", NAME]
    model.files["README.md"] = b"---\nlicense: mit\n---\nMine.\n" + model.files["README.md"] + b"\nAlso mine.\n"
    model.files |= {"sheets/epoch-9999.png": b"old", "beside/digits-ae-3/config.json": b"{}", "thesis.pdf": b"mine"}
    space.files |= {"files/0123": b"old", "photo.jpg": b"mine"}
    before = model.files["README.md"]
    pushing.push(NAME, RUN, checkpoints=CHECKPOINTS)
    assert model.files["README.md"] == before
    assert "thesis.pdf" in model.files and "photo.jpg" in space.files
    assert not {"sheets/epoch-9999.png", "beside/digits-ae-3/config.json"} & model.files.keys()
    assert "files/0123" not in space.files


@pytest.mark.parametrize("kind", ["model", "space"])
def test_what_is_no_run_of_ours_is_not_written_over(there: Hub, kind: str, without_page: None) -> None:
    theirs = {"README.md": b"My great model.", "config.json": b"{}", "index.html": b"hello"}
    there.put(NAME, dict(theirs), kind)
    with pytest.raises(HubError, match=f"the {kind} ada/digits holds something else"):
        pushing.push(NAME, RUN, checkpoints=CHECKPOINTS)
    assert {key: value.files for key, value in there.repositories.items()} == {(kind, NAME): theirs}


def test_terms_of_a_data_set_make_it_private_and_are_told(there: Hub, without_page: None, monkeypatch) -> None:
    monkeypatch.setattr(pushing, "terms", lambda _: {"Faces": "for research only."})
    pushed = str(pushing.push(NAME, RUN, checkpoints=CHECKPOINTS))
    assert "terms of Faces: for research only." in pushed and "it is private" in pushed
    assert all(each.is_private for each in there.repositories.values())
    card = there.repositories["model", NAME].files["README.md"].decode()
    assert 'license: "other"' in card and "Terms of Faces: for research only." in card


def test_a_ladder_stays_together() -> None:
    library = pushing.library_of(CHECKPOINTS, ["mnist-vae-16"], None, False)
    files = hub.files_of(CHECKPOINTS, "mnist-vae-16", sorted(pushing.kin(library, ["mnist-vae-16"])))
    beside = {path.split("/")[1] for path in files if path.startswith("beside/")}
    rungs = {f"mnist-vae-16-beta{beta}" for beta in ("0", "0.1", "0.3", "4")}
    assert beside == rungs | {"mnist-ae-16", "features-mnist"}
    assert hub.parts_of("ada/mnist", {path: file.stat().st_size for path, file in files.items()})


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "stated", "sentence"),
    [
        ({"README.md": b"x"}, {}, "holds no run"),
        (of_run({"metrics.json": b""}), {}, "metrics.json of ada/digits has 0 bytes"),
        (of_run(), {"model.safetensors": 2 * 10**9}, "2,000,000,000 bytes; 1 to 1,000,000,000"),
        (of_run(), {"model.safetensors": 6 * 10**8, "latents.safetensors": 6 * 10**8}, "1,000,000,000, 4,000 and 17"),
        (of_run({f"beside/r{k}/config.json": b"{}" for k in range(17)}), {}, "files of 18 runs"),
        (of_run(), {"latents.safetensors": 100}, "larger than the 100 bytes"),
        (of_run(), {"history.jsonl": 10**6}, "history.jsonl of ada/digits is cut off"),
        (of_run({"config.json": b"[]"}), {}, "ada/digits cannot be used: config.json must hold"),
        (of_run({f"beside/{RUN}/config.json": b"{}"}), {}, "no name for it"),
    ],
    ids=["nothing", "empty", "large", "total", "many", "more", "cut", "damaged", "twice"],
)
def test_what_is_no_sound_run_is_refused_and_leaves_nothing(
    there: Hub, cache: Path, files: dict[str, bytes], stated: dict[str, int], sentence: str
) -> None:
    there.put(NAME, files)
    there.stated |= stated
    with pytest.raises(ExplorerError, match=sentence) as caught:
        hub.fetch(f"hf://{NAME}")
    assert "\n" not in str(caught.value) and str(cache) not in str(caught.value)
    assert not cache.exists() or not [path for path in cache.rglob("*") if path.is_file()]


def test_only_the_files_of_runs_are_fetched(there: Hub) -> None:
    others = ("pytorch_model.bin", "sheets/a.py", "beside/.ssh/config.json", "beside/x/../config.json", "a/b/c/d")
    there.put(NAME, of_run(dict.fromkeys(others, b"x")))
    found = hub.fetch(f"hf://{NAME}")
    assert {path.name for path in found.folder.iterdir()} == {RUN, hub.RUN}
    assert not [each for each in there.asked if each.endswith(others)]
    assert hub.place_of("sheets/epoch-0025.safetensors") is not None  # codes after that epoch
    outside = ("../config.json", "beside/../config.json", "beside/a/b/config.json")
    for path in (*outside, "sheets/x.safetensors", f"beside/{NET}/metrics.json"):
        assert hub.place_of(path) is None, path


def test_a_damaged_run_is_told_when_it_is_opened(there: Hub) -> None:
    there.put(NAME, of_run({"model.safetensors": b"\x80" * 64}))
    found = hub.fetch(f"hf://{NAME}")
    with pytest.raises(CheckpointError, match="damaged or no safetensors file"):
        Library(found.folder).check(found.run)


@pytest.mark.parametrize(
    ("address", "broken", "sentence"),
    [
        ("hf://ada", 0, "no address of a run"),
        ("hf://ada/../x", 0, "no address of a run"),
        ("hf://ada/x--y", 0, "no name of a repository"),
        ("hf://ada/gone", 0, "no repository ada/gone"),
        ("hf://ada/digits@v9", 0, "no revision 'v9'"),
        ("hf://ada/digits", 403, r"refuses ada/digits \(403\)"),
        ("hf://ada/digits", 500, "answers 500"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(there: Hub, address: str, broken: int, sentence: str, capsys) -> None:
    there.put(NAME, of_run())
    there.broken = broken
    assert command.main([address]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: ") and told.count("\n") == 1
    with pytest.raises(HubError, match=sentence):
        hub.fetch(address)


# --- train.py ---------------------------------------------------------------------------------------------------------


def test_a_fit_that_cannot_be_pushed_is_not_begun(there: Hub, tmp_path: Path, monkeypatch, capsys) -> None:
    fit = ["--dataset", "digits", "--out", str(tmp_path / "runs"), "--push"]
    for name, token, endpoint, sentence in (
        (NAME, "", there.url, "no token for the Hub"),
        (NAME, "hf_wrong", there.url, "refuses ada/digits"),
        (NAME, "hf_any", nowhere(), "cannot be reached"),
        ("digits", "hf_any", there.url, "name owner/name"),
    ):
        monkeypatch.setenv("HF_TOKEN", token)
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
        assert train.main([*fit, name]) == 1
        told = capsys.readouterr().err
        assert sentence in told and told.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_an_existing_run_is_pushed_without_a_fit(there: Hub, without_page: None, monkeypatch) -> None:
    ran: list[list[str]] = []

    def run(asked: list[str], **settings: object) -> subprocess.CompletedProcess[str]:
        ran.append(asked)
        return subprocess.CompletedProcess(asked, command.main(asked[3:]))

    monkeypatch.setattr(subprocess, "run", run)
    assert train.main(["--run", TWIN, "--out", str(CHECKPOINTS), "--push", NAME]) == 0
    assert ran[0][1:3] == ["-m", "explorer"]
    assert json.loads(there.repositories["model", NAME].files["config.json"])["twin"] == RUN
    with pytest.raises(SystemExit):
        train.parse(["--run", TWIN])
    with pytest.raises(SystemExit):
        train.parse(["--run", TWIN, "--push", NAME, "--beta", "2"])


def test_of_runs_that_are_fitted_together_the_vae_of_beta_1_is_pushed() -> None:
    for flags, first in (
        (["--twin"], "digits-vae-2"),
        (["--ladder"], "digits-vae-2"),
        (["--beta", "2", "--tag", "b"], "digits-vae-2-b"),
        (["--family", "ae"], "digits-ae-2"),
    ):
        asked = ["--dataset", "digits", "--latent-dim", "2", *flags]
        assert train.first_of(train.plan(train.parse(asked))) == first
