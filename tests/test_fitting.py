"""Fit here: what may be wished for, the process that it becomes, and who may begin one."""

import json
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.config import FAMILIES, RANGES, DataConfig, Flags, ModelConfig, TrainConfig, from_flags, to_flags
from explorer.errors import ConfigError, DataError
from explorer.library import Library, wishes
from explorer.library import fitting as library_fitting
from explorer.library.fitting import FOLDER, LOG, RECORD, FitBench, FitState
from explorer.library.wishes import FitError
from explorer.staging import MARK, STATE, TEXT, partial_folder
from explorer.training.command import command_line, parse, plan
from explorer.ui.fitting import MOST_WISH
from explorer.ui.owner import is_of_user, is_owner
from explorer.views.fitting import ASKED, RECIPES, fit_form
from tests.serve_fake import asking, client_of, serving

DIGITS = {"dataset": "digits", "latent_dim": 2, "epochs": 3, "quick": True}

FAKE = """
import pathlib, signal, sys

def end(*_):
    print("\\ntrain.py: SIGINT: the state is saved; go on with the same command and --resume", file=sys.stderr)
    sys.exit(130)

signal.signal(signal.SIGINT, end)
print("fitting" + " again" * ("--resume" in sys.argv), flush=True)
while True:
    signal.pause()
"""
"""Says what train.py says, and waits to be stopped."""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Takes a program in the place of train.py."""

    def take(text: str) -> None:
        path = tmp_path / "train.py"
        path.write_text(text)
        monkeypatch.setattr(wishes, "PROGRAM", path)

    take(FAKE)
    return take


@pytest.fixture
def bench(out: Path, fake: Callable[[str], None]) -> Iterator[FitBench]:
    """A bench whose fit, if one is left, is ended with the test."""
    made = FitBench(out, None)
    yield made
    ended(made)


def ended(bench: FitBench) -> None:
    if bench._process is not None:
        if bench._process.poll() is None:
            bench._process.kill()
        bench._process.wait(30)


def until(bench: FitBench, holds: Callable[[FitState], bool]) -> FitState:
    """The fit once something holds of it."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = bench.look()
        if found is not None and holds(found):
            return found
        threading.Event().wait(0.01)
    raise AssertionError(bench.look())


def says(word: str) -> Callable[[FitState], bool]:
    return lambda fit: word in fit.sentence


# --- wishes ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def flags() -> Flags:
    """The command line of train.py."""
    return command_line(None)


@given(
    data=st.builds(DataConfig, dataset=st.sampled_from(["celeba", "folder"]), grey=st.booleans(), one_split=st.none()),
    model=st.builds(
        ModelConfig, family=st.sampled_from(list(FAMILIES)), latent_dim=st.just(9), widths=st.just((8, 16))
    ),
    train=st.builds(
        TrainConfig, beta=st.floats(0, 10), minutes=st.none() | st.floats(0.01, 9), flip=st.none() | st.booleans()
    ),
)
@settings(max_examples=40)
def test_settings_survive_the_flags_that_name_them(flags, data, model, train):
    read = flags.parse_args(to_flags(data, model, train))
    assert [from_flags(type(part), read) for part in (data, model, train)] == [data, model, train]


@pytest.mark.parametrize(
    "wish",
    [
        DIGITS,
        {**DIGITS, "beta": 4.0, "minutes": 0.2},
        {**DIGITS, "twin": True},
        {**DIGITS, "twin": True, "family": "ae"},
        {"dataset": "mnist"},
        *(recipe.wish for recipe in RECIPES),
    ],
)
def test_train_reads_the_command_as_the_settings_that_were_checked(out, wish):
    planned = FitBench(out, None).plan(wish)
    read = plan(parse(list(planned.arguments)))
    assert [config.name for config in read] == list(planned.names)
    for mine, theirs in zip(planned.configs, read, strict=True):
        assert (mine.data, mine.model, mine.train) == (theirs.data, theirs.model, theirs.train)


@pytest.mark.parametrize("name", ASKED)
def test_a_number_is_refused_where_train_refuses_it_and_in_its_words(out, name):
    least, most = RANGES[name]
    kind = int if name in ("latent_dim", "epochs") else float
    for value in (kind(least) - 1, kind(most) * 2):
        with pytest.raises(ConfigError, match=f"{name} must be at (least|most)"):
            FitBench(out, None).plan({"dataset": "digits", name: value})


@pytest.mark.parametrize(
    "wish",
    [
        {"dataset": "../digits"},
        {"dataset": ["digits"]},
        {"dataset": None, "family": "x"},
        {"latent_dim": "2; rm -rf /"},
        {"latent_dim": True},
        {"beta": float("nan")},
        {"seed": 1},
        {"--out": "/"},
        {"twin": "yes"},
        {"family": "ae", "beta": 4.0},
        {"dataset": "folder"},
        {"dataset": "folder", "folder": "/nowhere/at/all"},
        {"dataset": "folder", "folder": "a\0b"},
        {"dataset": "folder", "folder": "\ud800"},
        {"dataset": "folder", "folder": 3},
        {"dataset": "digits", "folder": "/"},
    ],
)
def test_what_is_no_wish_is_refused_in_one_sentence_and_nothing_is_begun(bench, out, wish):
    with pytest.raises((ConfigError, DataError)) as caught:
        bench.start(wish)
    assert "\n" not in str(caught.value)
    assert list(out.iterdir()) == []


def test_a_folder_is_one_argument_whatever_its_name(bench, tmp_path):
    folder = tmp_path / "-x $(touch y) 'pictures"
    folder.mkdir()
    planned = bench.plan({"dataset": "folder", "folder": str(folder)})
    assert f"--folder={folder}" in planned.arguments
    assert parse(list(planned.arguments)).folder == folder


def test_a_name_is_made_that_is_free(bench, out, twin_runs):
    assert bench.plan(DIGITS).names == ("digits-vae-2",)
    shutil.copytree(twin_runs / "digits-vae-2", out / "digits-vae-2")
    assert bench.plan(DIGITS).names == ("digits-vae-2-fit2",)
    partial_folder(out, "digits-ae-2-fit2").mkdir()  # somebody fits it in a terminal
    assert bench.plan(DIGITS).names == ("digits-vae-2-fit2",)
    assert bench.plan({**DIGITS, "twin": True}).names == ("digits-vae-2-fit3", "digits-ae-2-fit3")
    assert bench.plan({**DIGITS, "beta": 4.0}).names == ("digits-vae-2-beta4",)


def test_the_form_offers_what_is_at_hand_and_its_recipes_can_be_planned(out, tmp_path):
    library = Library(out, tmp_path)
    form = fit_form(library, FitBench(out, tmp_path))
    assert [each["name"] for each in form["datasets"]] == ["digits", "folder"]
    assert {each["wish"]["dataset"] for each in form["recipes"]} == {"digits"}
    assert form["ranges"]["beta"] == RANGES["beta"]
    assert form["fit"] is None
    for recipe in RECIPES:
        assert FitBench(out, tmp_path).plan(recipe.wish).names


# --- the process ----------------------------------------------------------------------------------------------------


def test_one_fit_goes_on_at_a_time_and_another_explorer_finds_it(bench, out):
    assert bench.look() is None
    begun = bench.start(DIGITS)
    assert (begun.state, begun.names) == ("running", ("digits-vae-2",))
    assert " --dataset digits " in begun.command
    until(bench, says("fitting"))
    other = FitBench(out, None)  # as after a restart
    found = other.look()
    assert found is not None
    assert (found.state, found.sentence, found.command) == ("running", "fitting", begun.command)
    for each in (bench, other):
        with pytest.raises(FitError, match="digits-vae-2 is under way"):
            each.start({**DIGITS, "latent_dim": 3})
        with pytest.raises(FitError):
            each.resume()
    other.stop()
    assert bench._process is not None
    assert bench._process.wait(30) == 130
    word = until(bench, lambda fit: fit.state == "failed").sentence  # this one saved no state
    assert word == "Stopped: the state is saved; go on with the same command and --resume."
    with pytest.raises(FitError, match="no fit is under way"):
        bench.stop()


def test_a_stopped_fit_goes_on_under_its_own_name(bench, out):
    bench.start(DIGITS)
    until(bench, says("fitting"))
    partial = partial_folder(out, "digits-vae-2")
    partial.mkdir()
    (partial / MARK).write_bytes(TEXT)
    (partial / STATE).write_bytes(b"as if")
    bench.stop()
    assert until(bench, lambda fit: fit.state != "running").state == "stopped"
    ended(bench)
    other = FitBench(out, None)
    assert other.resume().names == ("digits-vae-2",)
    assert until(other, says("fitting again")).state == "running"
    ended(other)


def test_a_fit_that_became_its_run_is_done(bench, out, twin_runs, fake):
    fake(f"import shutil; shutil.copytree({str(twin_runs / 'digits-vae-2')!r}, {str(out / 'digits-vae-2')!r})")
    bench.start(DIGITS)
    done = until(bench, lambda fit: fit.state != "running")
    assert (done.state, done.sentence) == ("done", "digits-vae-2 is fitted.")
    ended(bench)


@pytest.mark.parametrize(
    ("program", "word"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL, as where memory runs out"),
        ("import sys; sys.exit('train.py: the loss diverges; lower --lr.')", "The loss diverges; lower --lr."),
        ("raise ZeroDivisionError('by zero')", "ZeroDivisionError: by zero"),
        ("", "without a word"),
    ],
)
def test_why_a_fit_failed_is_one_sentence(bench, fake, program, word):
    fake(program)
    bench.start(DIGITS)
    failed = until(bench, lambda fit: fit.state != "running")
    assert failed.state == "failed"
    assert word in failed.sentence
    assert "\n" not in failed.sentence
    ended(bench)


def test_a_full_disk_is_named_where_the_fit_could_not_say_so(bench, fake, monkeypatch):
    fake("import sys; sys.exit(1)")
    bench.start(DIGITS)
    ended(bench)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
    found = bench.look()
    assert found is not None
    assert "is full: make room" in found.sentence


@pytest.mark.parametrize(
    "record",
    [
        "{",
        "[]",
        {"pid": 1},
        {"pid": 1, "started": 1.0, "names": ["x"], "wish": {}, "command": ""},
        {"pid": 99999, "started": 1.0, "names": ["../x"], "wish": {}, "command": ""},
        {"pid": 99999, "started": 1.0, "names": ["x"], "wish": {}, "command": "", "tag": "/../x"},
    ],
)
def test_a_record_that_makes_no_sense_is_none(bench, out, record):
    (out / FOLDER).mkdir()
    (out / FOLDER / RECORD).write_text(record if isinstance(record, str) else json.dumps(record))
    assert bench.look() is None
    with pytest.raises(FitError):
        bench.resume()


def test_a_record_of_a_gift_ends_no_process_and_runs_no_command(bench, out, monkeypatch):
    (out / FOLDER).mkdir()
    told = {"pid": os.getpid(), "started": time.time(), "names": ["digits-vae-2"], "command": "rm", "tag": None}
    (out / FOLDER / RECORD).write_text(json.dumps(told | {"wish": {"dataset": "digits", "run": "rm"}}))
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("a process was ended"))
    with pytest.raises(FitError, match="no fit is under way"):
        bench.stop()
    monkeypatch.setattr(library_fitting, "can_resume", lambda *_: True)
    with pytest.raises(ConfigError, match="unknown setting 'run'"):
        bench.resume()


def test_a_link_in_the_place_of_the_log_is_not_followed(bench, out, tmp_path):
    (out / FOLDER).mkdir()
    target = tmp_path / "precious"
    target.write_text("kept")
    (out / FOLDER / LOG).symlink_to(target)
    with pytest.raises(FitError, match="cannot be begun"):
        bench.start(DIGITS)
    assert target.read_text() == "kept"
    assert bench.look() is None, "and the lock was given back"


def test_where_no_run_can_be_written_the_page_says_why(out, monkeypatch, fake):
    assert "no folder for runs" in str(FitBench(None, None).trouble())
    assert FitBench(out, None).trouble() is None
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "cannot be written to" in str(FitBench(out, None).trouble())


# --- who may --------------------------------------------------------------------------------------------------------

FIT = "/explorer/api/fit"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page of one's own machine over an empty folder of runs, whose fits are pretended."""
    place = tmp_path_factory.mktemp("machine")
    (place / "runs").mkdir()
    (place / "train.py").write_text(FAKE)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EXPLORER_HOSTS", raising=False)
        patch.setattr(wishes, "PROGRAM", place / "train.py")
        with serving(Library(place / "runs", place), modules={}) as url:
            yield url


def sent(url: str, wish: object = DIGITS, path: str = FIT, **headers: str | None) -> httpx.Response:
    """What the page's own request is answered, with some headers changed or left out."""
    usual: dict[str, str | None] = {"origin": url, "sec-fetch-site": "same-origin", "content-type": "application/json"}
    named = usual | {name.replace("_", "-"): value for name, value in headers.items()}
    body = wish if isinstance(wish, bytes) else json.dumps(wish).encode()
    with client_of(url) as client:
        return client.post(path, content=body, headers={k: v for k, v in named.items() if v is not None})


REFUSED = {
    "no page asks": ({"origin": None, "sec_fetch_site": None}, 403),
    "another site asks": ({"origin": "https://evil.example"}, 403),
    "another site asks without saying who": ({"origin": "null", "sec_fetch_site": "cross-site"}, 403),
    "another port of this machine asks": ({"sec_fetch_site": "same-site"}, 403),
    "a form asks": ({"content_type": "text/plain"}, 403),
    "a form asks with a file": ({"content_type": "multipart/form-data; boundary=x"}, 403),
    "no type": ({"content_type": None}, 403),
    "a foreign name leads here": ({"host": "evil.example", "origin": "http://evil.example"}, 400),
    "a proxy passes on": ({"x_forwarded_for": "203.0.113.7"}, 403),
    "a proxy passes on for this machine": ({"x_forwarded_for": "127.0.0.1"}, 403),
    "a proxy says so its own way": ({"forwarded": "for=127.0.0.1"}, 403),
    "a cache passes on": ({"via": "1.1 squid"}, 403),
    "a service passes on": ({"cf_connecting_ip": "203.0.113.7"}, 403),
    "another service passes on": ({"cdn_loop": "cloudflare"}, 403),
    "a web server passes on": ({"x_forwarded_server": "example.org"}, 403),
    "a tunnel's far end asks by its own port": ({"host": "127.0.0.1:9"}, 403),
}


@pytest.mark.parametrize("path", [FIT, f"{FIT}/stop", f"{FIT}/resume"])
@pytest.mark.parametrize("case", REFUSED)
def test_nobody_but_the_page_itself_begins_or_stops_a_fit(url, case, path):
    headers, status = REFUSED[case]
    assert sent(url, path=path, **headers).status_code == status
    assert client_of(url).get(FIT).json()["fit"] is None


@pytest.mark.parametrize(
    ("wish", "status", "word"),
    [
        (b"", 400, "one JSON object"),
        (b"{", 400, "one JSON object"),
        (b"[" * 3000, 400, "one JSON object"),
        (b"\xff", 400, "one JSON object"),
        ([DIGITS], 400, "one JSON object"),
        (b" " * (MOST_WISH + 1), 413, "at most 4,000 bytes"),
        ({"dataset": "digits", "beta": -1}, 400, "beta must be at least 0"),
        (b'{"dataset": "digits", "beta": NaN}', 400, "beta must be at least 0"),
        ({"dataset": "mnist"}, 400, "mnist is not on this machine"),
        ({"dataset": "folder", "folder": "/nowhere/pictures"}, 400, "is no folder"),
        ({"dataset": "digits", "epochs": 10**400}, 400, "epochs must be at most"),
    ],
)
def test_a_wish_is_bounded_and_checked_by_the_server(url, wish, status, word):
    answer = sent(url, wish)
    assert answer.status_code == status
    assert word in answer.json()["error"]


def test_the_person_at_the_machine_begins_watches_and_stops_a_fit(url):
    with client_of(url) as client:
        form = client.get(FIT).json()
        assert form["offered"] is True
        assert [each["name"] for each in form["datasets"]] == ["digits", "folder"]
        assert sent(url).json()["names"] == ["digits-vae-2"]
        again = sent(url)
        assert (again.status_code, again.json()["error"]) == (
            400,
            "a fit of digits-vae-2 is under way; stop it, or wait until it is done.",
        )
        end = time.monotonic() + 30
        while client.get(f"{FIT}?part=fit").json()["fit"]["sentence"] != "fitting":
            assert time.monotonic() < end
        assert sent(url, path=f"{FIT}/stop").status_code == 200
        while (fit := client.get(f"{FIT}?part=fit").json()["fit"])["state"] == "running":
            assert time.monotonic() < end
        assert fit["sentence"].startswith("Stopped")


def test_a_page_for_others_begins_no_fit_and_names_no_folder(out):
    with serving(Library(out, out), modules={}, proxies=["127.0.0.1"]) as url:
        told = client_of(url).get(FIT).json()
        assert told["offered"] is False
        assert str(out) not in json.dumps(told)
        assert sent(url).status_code == 403
    with asking(Library(out, out)) as client:  # as a page without a server is written
        assert client.get(FIT).json()["offered"] is False
        assert client.post(FIT, json=DIGITS).status_code == 403
    assert list(out.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells whose a connection is")
@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_program_of_another_user_is_not_the_person_at_the_machine(family, host, monkeypatch):
    with socket.socket(family) as listening:
        listening.bind((host, 0))
        listening.listen(1)
        server = listening.getsockname()[:2]
        with socket.create_connection(server) as asking_one:
            client = asking_one.getsockname()[:2]
            name = f"[{host}]" if ":" in host else host
            scope: dict[str, Any] = {"client": client, "server": server, "http_version": "1.1"}
            scope["headers"] = [(b"host", f"{name}:{server[1]}".encode())]
            assert is_owner(scope)
            assert not is_owner(scope | {"headers": [(b"host", f"{name}:9".encode())]}), "a tunnel's far end"
            assert not is_owner(scope | {"http_version": "1.0"}), "a proxy, as nginx asks unless told otherwise"
            assert not is_owner(scope | {"headers": [(b"host", b"192.0.2.1")]})
            assert not is_owner(scope | {"client": ("192.0.2.1", 4000)})
            assert not is_owner(scope | {"client": None})
            assert not is_of_user((host, 1), server), "nobody has that connection"
            mine = os.geteuid()
            monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
            monkeypatch.setattr("explorer.ui.owner.ROOT", mine + 1)
            assert not is_owner(scope)


def test_the_urls_of_this_machine_are_asked_by_name(url):
    for host in ("localhost", "127.0.0.1"):
        port = urlsplit(url).port
        with httpx.Client(timeout=30) as client:
            told = client.get(f"http://127.0.0.1:{port}{FIT}", headers={"host": f"{host}:{port}"}).json()
        assert told["offered"] is True
