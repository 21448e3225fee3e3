"""Runs that anybody may have written: each fault is one sentence on its own card, and the rest of the library works."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from safetensors.numpy import save_file

from explorer.checkpoint import (
    CONFIG,
    HISTORY,
    LATENTS,
    METRICS,
    WEIGHTS,
    EpochCodes,
    list_epoch_codes,
    list_sheets,
    load_latents,
    read_config,
    read_epoch_codes,
    read_history,
    read_sheet,
    read_tensors,
    write_epoch_codes,
    write_tensors,
)
from explorer.errors import CheckpointError
from explorer.images import encoded_picture
from explorer.library import LAWS, Card, Library, load_run
from explorer.views.hole_scores import scores_of
from tests.conftest import ROOT
from tests.serve_fake import serving
from tests.test_checkpoint import NAME, build

CODES = "sheets/epoch-0001.safetensors"
NESTED = b"[" * 200_000
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs pipes and limits of a process")


def edited(path: Path, *place: str, to: object) -> None:
    """Change one value of a JSON file."""
    stored = json.loads(path.read_text())
    inner = stored
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = to
    path.write_text(json.dumps(stored))


def config(*place: str, to: object) -> Callable[[Path], None]:
    return lambda run: edited(run / CONFIG, *place, to=to)


def content(file: str, given: bytes) -> Callable[[Path], None]:
    def write(run: Path) -> None:
        (run / file).write_bytes(given)

    return write


def array(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Change one array of the latents, and leave the file a sound one."""

    def write(run: Path) -> None:
        arrays = read_tensors(run / LATENTS)
        stored = {key: each for key, each in (arrays | {name: change(arrays[name])}).items() if each is not None}
        save_file({key: np.ascontiguousarray(each) for key, each in stored.items()}, run / LATENTS)

    return write


def first(value: float) -> Callable[[Any], Any]:
    """The same array with another first value."""

    def change(given: Any) -> Any:
        given = given.astype(np.int64) if given.dtype == np.int32 else given
        given.flat[0] = value
        return given

    return change


def added(**arrays: np.ndarray) -> Callable[[Path], None]:
    """Add arrays to the latents."""
    return lambda run: save_file({**read_tensors(run / LATENTS), **arrays}, run / LATENTS)


def many(count: int, latent_dim: int) -> dict[str, np.ndarray]:
    """The arrays of a sound mixture of as many bells."""
    return {
        "many_weights": np.full(count, 1 / count, np.float32),
        "many_means": np.zeros((count, latent_dim), np.float32),
        "many_covariances": np.eye(latent_dim, dtype=np.float32)[None].repeat(count, axis=0),
    }


def pipe(file: str) -> Callable[[Path], None]:
    def make(run: Path) -> None:
        (run / file).unlink()
        os.mkfifo(run / file)

    return make


def link(file: str, target: str) -> Callable[[Path], None]:
    def make(run: Path) -> None:
        (run / file).unlink()
        (run / file).symlink_to(target)

    return make


def sparse(file: str, size: int) -> Callable[[Path], None]:
    """A file that says it holds as many zeros, and takes no room."""

    def make(run: Path) -> None:
        head = {"mean": {"dtype": "F32", "shape": [size // 8, 2], "data_offsets": [0, size // 8 * 8]}}
        with (run / file).open("wb") as out:
            text = json.dumps(head).encode()
            out.write(len(text).to_bytes(8, "little") + text)
            out.truncate(8 + len(text) + size // 8 * 8)

    return make


CARDS: dict[str, Callable[[Path], None]] = {
    "nested config": content(CONFIG, NESTED),
    "nested metrics": content(METRICS, NESTED),
    "deep metrics": content(METRICS, b'{"test": ' + b"[" * 100 + b"]" * 100 + b"}"),
    "many metrics": content(METRICS, b'{"test": [' + b"1," * 200_000 + b"1]}"),
    "large metrics": content(METRICS, b'{"test": "' + b"x" * 2_000_000 + b'"}'),
    "half a letter": content(METRICS, b'{"test": "\\ud800"}'),
    "a huge number in metrics": content(METRICS, b'{"test": {"n": ' + b"9" * 4000 + b"}}"),
    "pipe as metrics": pipe(METRICS),
    "device as metrics": link(METRICS, "/dev/zero"),
    "link out of the folder": link(METRICS, "/proc/self/environ"),
    "link to itself": link(METRICS, METRICS),
    "latent_dim": config("model", "latent_dim", to=10**9),
    "latent_dim of many digits": config("model", "latent_dim", to=10**4000),
    "widths": config("model", "widths", to=[10**6]),
    "many widths": config("model", "widths", to=[8] * 50),
    "hidden": config("model", "hidden", to=10**6),
    "stochastic_levels": config("model", "stochastic_levels", to=10**6),
    "image_shape": config("model", "image_shape", to=[1, 10**5, 10**5]),
    "beta of many digits": config("train", "beta", to=10**400),
    "infinite beta": content(CONFIG, b'{"train": {"beta": 1e999}}'),
    "beta that is no number": config("train", "beta", to=float("nan")),
    "data.name": config("data", "name", to="../../x"),
    "data.name with a zero": config("data", "name", to="x\0y"),
    "twin": config("twin", to="../digits-ae-2"),
    "tag": config("tag", to="../../x"),
    "fingerprint": config("data", "fingerprint", to="../../x"),
    "folder": config("data", "folder", to="a/../../private"),
    "absolute folder": config("data", "folder", to="/etc"),
    "extra_train": config("data", "extra_train", to="..\\x"),
    "class names": config("data", "class_names", to=["x" * 9_000] * 10),
    "attribute names": config("data", "attribute_names", to=[str(number) for number in range(2000)]),
    "class names that are none": config("data", "class_names", to=[["a"]]),
    "a long wrong value": config("data", "dataset", to=["x" * 1000] * 100),
}
"""What is found before a run is opened."""

LATENT: dict[str, Callable[[Path], None]] = {
    "two-dimensional distortion": array("distortion", lambda a: a[:, None]),
    "two-dimensional index": array("index", lambda a: a[:, None]),
    "NaN in distortion": array("distortion", first(np.nan)),
    "infinite rate": array("rate", first(np.inf)),
    "means of 1e37": array("mean", first(1e37)),
    "log-variances of 1e4": array("log_variance", first(1e4)),
    "negative index": array("index", first(-1)),
    "float labels": array("label", lambda a: a.astype(np.float32)),
    "astronomic labels": array("label", first(2**62)),
    "negative labels": array("label", first(-1)),
    "covariances that are not definite": array("gmm_covariances", lambda a: -a),
    "covariances of zero": array("gmm_covariances", lambda a: 0 * a),
    "covariances that are not symmetric": array(
        "gmm_covariances", lambda a: a + np.array([[0, 0.5], [0, 0]], np.float32)
    ),
    "weights of 2": array("gmm_weights", lambda a: a * 2),
    "negative weights": array("gmm_weights", lambda a: np.append(a[1:], a[0] - 1).astype(np.float32)),
    "means of many bells without their weights": added(many_means=np.zeros((20, 2), np.float32)),
    "many bells of another dimension": added(**many(20, 3)),
    "many bells whose weights sum to 2": added(**many(20, 2) | {"many_weights": np.full(20, 0.1, np.float32)}),
    "flat many bells": added(**many(20, 2) | {"many_covariances": np.zeros((20, 2, 2), np.float32)}),
    "doubles": array("mean", lambda a: a.astype(np.float64)),
    "no codes": array("reference", lambda a: a[:0]),
    "fewer features": array("reference_features", lambda a: a[:-1]),
    "infinite features": array("reference_features", first(np.inf)),
    "no calibration": array("calibration", lambda _: None),
    "sparse 6 GB": sparse(LATENTS, 6_000_000_000),
    "sparse 900 MB": sparse(LATENTS, 900_000_000),
    "nested head": content(LATENTS, len(NESTED).to_bytes(8, "little") + NESTED),
    "pipe as latents": pipe(LATENTS),
}
"""What is found when a run is opened."""

MODEL: dict[str, Callable[[Path], None]] = {
    "pipe as weights": pipe(WEIGHTS),
    "sparse weights": sparse(WEIGHTS, 900_000_000),
    "weights of another shape": lambda run: edited(run / CONFIG, "model", "hidden", to=32),
    "a width that the images do not have": lambda run: edited(run / CONFIG, "model", "net", to="conv"),
}
"""What is found when the model is wanted."""


@pytest.fixture
def library_of(twin_runs: Path, tmp_path: Path) -> Callable[[Callable[[Path], None]], Library]:
    """A library of digits-ae-2, and digits-vae-2 with some damage."""

    def damaged(damage: Callable[[Path], None]) -> Library:
        runs = Path(shutil.copytree(twin_runs, tmp_path / "runs"))
        damage(runs / "digits-vae-2")
        return Library(runs)

    return damaged


def sentence(caught: pytest.ExceptionInfo[CheckpointError]) -> str:
    text = str(caught.value)
    assert "digits-vae-2" in text and "\n" not in text and len(text) < 1000
    return text


def others_work(library: Library) -> None:
    """The rest of the library is as if the damaged run were not there."""
    assert library.names() == ["digits-ae-2", "digits-vae-2"]
    cards = library.cards()
    assert isinstance(cards["digits-ae-2"], Card)
    assert library.twins()["digits-vae-2"] in (None, "digits-ae-2")
    assert [card.name for card in library.ladder("digits-ae-2")]
    library.warm()
    assert library.default() == "digits-ae-2"
    assert library.open("digits-ae-2").coder.decode(np.zeros((1, 2), np.float32)).shape == (1, 1, 8, 8)


@posix
@pytest.mark.parametrize("damage", CARDS.values(), ids=CARDS.keys())
def test_a_damaged_card_is_one_sentence_and_the_rest_works(damage: Callable[[Path], None], library_of: Any):
    library = library_of(damage)
    with pytest.raises(CheckpointError) as caught:
        library.card("digits-vae-2")
    sentence(caught)
    others_work(library)


@posix
@pytest.mark.parametrize("damage", LATENT.values(), ids=LATENT.keys())
def test_damaged_latents_are_one_sentence_and_the_rest_works(damage: Callable[[Path], None], library_of: Any):
    library = library_of(damage)
    for _ in range(2):
        with pytest.raises(CheckpointError) as caught:
            library.open("digits-vae-2")
        assert LATENTS in sentence(caught)
    others_work(library)


@posix
@pytest.mark.parametrize("damage", MODEL.values(), ids=MODEL.keys())
def test_a_model_that_cannot_be_loaded_is_one_sentence_and_the_rest_works(
    damage: Callable[[Path], None], library_of: Any
):
    library = library_of(damage)
    run = library.open("digits-vae-2")
    for _ in range(2):
        with pytest.raises(CheckpointError) as caught:
            _ = run.coder
        sentence(caught)
    others_work(library)


def test_attributes_have_names_and_three_values(library_of: Any):
    def described(values: Any, names: int) -> Callable[[Path], None]:
        def write(run: Path) -> None:
            arrays = read_tensors(run / LATENTS)
            given = np.full((len(arrays["mean"]), 2), values, np.uint8)
            write_tensors(run / LATENTS, {**arrays, "attribute": given})
            edited(run / CONFIG, "data", "attribute_names", to=["smiling", "male", "bald"][:names])

        return write

    library = library_of(described(255, 2))
    assert library.open("digits-vae-2").attribute_names == ("smiling", "male")
    for values, names in ((7, 2), (1, 3), (1, 0)):
        described(values, names)(library.folder("digits-vae-2"))
        with pytest.raises(CheckpointError, match="attribute"):
            library.open("digits-vae-2")


def test_rounded_covariances_of_flat_codes_are_sound(library_of: Any):
    flat = np.array([[[1.0, 1.0], [1.0, 1.0 - 1e-7]]], np.float32)

    def write(run: Path) -> None:
        arrays = read_tensors(run / LATENTS)
        count = len(arrays["gmm_weights"])
        write_tensors(run / LATENTS, {**arrays, "gmm_covariances": flat.repeat(count, axis=0)})

    run = library_of(write).open("digits-vae-2")
    assert run.sample("gmm10", 5, np.random.default_rng(0)).shape == (5, 2)


def test_a_run_draws_from_the_many_bells_that_it_stores_and_offers_them(library_of: Any):
    library = library_of(added(**many(20, 2)))
    run, older = library.open("digits-vae-2"), library.open("digits-ae-2")
    draws = run.sample("gmm", 2_000, np.random.default_rng(0))
    np.testing.assert_allclose(np.cov(draws, rowvar=False), np.eye(2), atol=0.1)
    assert [law.name for law in run.laws] == list(LAWS)
    assert "gmm" not in [law.name for law in older.laws]
    np.testing.assert_array_equal(*(older.sample(law, 5, np.random.default_rng(0)) for law in ("gmm", "gmm10")))


ANYTHING: dict[str, Any] = {
    "strings": "x",
    "lists": [[1, 2], {"a": None}],
    "true": True,
    "numbers": 2**62,
    "nothing": None,
    "objects": {"value": "x", "low": [], "high": {}, "n": "many"},
}


def with_everywhere(stored: Any, thing: Any) -> Any:
    """Metrics with some thing in the place of every number."""
    if isinstance(stored, dict):
        return {key: with_everywhere(each, thing) for key, each in stored.items()}
    return thing


ADDRESSES = (
    *("", "/portrait", "/training", "/figure/losses", "/holes/ladder?law=white"),
    *("/points", "/scalar/distortion", "/sheets/1", "/map/kept", "/map/epoch/1"),
)
"""What is asked of every run."""


@posix
def test_no_answer_breaks_over_gifts(twin_runs: Path, tmp_path: Path):
    runs = Path(shutil.copytree(twin_runs, tmp_path / "runs"))
    metrics = json.loads((runs / "digits-vae-2" / METRICS).read_text())
    for name, thing in ANYTHING.items():
        folder = Path(shutil.copytree(runs / "digits-vae-2", runs / f"gift-{name}"))
        (folder / METRICS).write_text(json.dumps(with_everywhere(metrics, thing)))
        lines = [{"epoch": 1}, {"epoch": thing}, {"epoch": 3, "train": thing, "rate_per_dimension": thing}]
        (folder / HISTORY).write_text("\n".join(map(json.dumps, lines)))
    for name, each in (("tops", {key: [key] for key in metrics}), ("empty", {}), ("laws", {"holes": {"raw": []}})):
        folder = Path(shutil.copytree(runs / "digits-vae-2", runs / f"gift-{name}"))
        (folder / METRICS).write_text(json.dumps(each))
    for number, damage in enumerate((*CARDS.values(), *LATENT.values())):
        damage(Path(shutil.copytree(runs / "digits-vae-2", runs / f"damaged-{number}")))
    library = Library(runs)
    with serving(library) as url, httpx.Client(base_url=url, timeout=120) as client:
        listed = client.get("/explorer/api/runs").json()
        assert {each["name"] for each in listed} == set(library.names())
        assert sum(each["error"] is not None for each in listed) == len(CARDS)
        assert client.get("/").status_code == 200
        for each in listed:
            name = each["name"]
            is_damaged = name.startswith("damaged")
            for path in ("",) if is_damaged else ADDRESSES:
                answer = client.get(f"/explorer/api/run/{name}{path}")
                assert answer.status_code == 400 if is_damaged else answer.status_code < 500, (name, path, answer.text)
            if not is_damaged:
                scores_of(library, name)
        for path in ("", "/training"):
            assert client.get(f"/explorer/api/run/digits-ae-2{path}").status_code == 200


# --- history and sheets -----------------------------------------------------------------------------------------------


def test_a_history_is_bounded_in_bytes_lines_and_values(tmp_path: Path):
    path = tmp_path / HISTORY
    assert read_history(tmp_path) == []
    path.write_bytes(b"{}\n" * 100_000)
    assert len(read_history(tmp_path)) == 100_000
    for given in (b"{}\n" * 100_001, b'{"epoch": [' + b"0," * 90_000 + b"0]}\n" + b""):
        path.write_bytes(given if given.startswith(b"{}") else given * 34)
        with pytest.raises(CheckpointError, match="no fit writes"):
            read_history(tmp_path)
    with path.open("wb") as file:
        file.truncate(40_000_000)
    with pytest.raises(CheckpointError, match="bytes"):
        read_history(tmp_path)


@posix
def test_a_history_is_a_regular_file(tmp_path: Path):
    os.mkfifo(tmp_path / HISTORY)
    with pytest.raises(CheckpointError, match="no regular file"):
        read_history(tmp_path)


def test_a_line_that_is_too_much_is_empty(tmp_path: Path):
    many = b'{"a": [' + b"1," * 200_000 + b"1]}"
    huge = b'{"a": ' + b"9" * 4000 + b"}"
    (tmp_path / HISTORY).write_bytes(b"\n".join([b'{"epoch": 1}', NESTED, many, huge, b'{"a": "\\ud800"}']))
    assert read_history(tmp_path) == [{"epoch": 1}, {}, {}, {}, {}]


@posix
def test_sheets_are_regular_files_of_bounded_size(tmp_path: Path):
    sheets = tmp_path / "sheets"
    sheets.mkdir()
    sound = encoded_picture(np.zeros((1, 8, 8), np.uint8))
    bomb = sound[:16] + (60_000).to_bytes(4, "big") * 2 + sound[24:]
    for number, each in enumerate((sound, bomb, sound + bytes(9_000_000), sound[:20])):
        (sheets / f"epoch-{number:04d}.png").write_bytes(each)
    os.mkfifo(sheets / "epoch-0005.png")
    found = list_sheets(tmp_path)
    assert list(found) == [0, 1, 2, 3]
    assert read_sheet(found[0]) == sound
    for number in (1, 2, 3):
        with pytest.raises(CheckpointError):
            read_sheet(found[number])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"mean": np.full((3, 2), np.nan, np.float16)}, "finite"),
        ({"mean": np.zeros((3, 5), np.float16)}, r"must be F16 \(3, 2\)"),
        ({"mean": np.zeros((3, 2), np.float32)}, "must be F16"),
        ({"index": np.array([0, 2, 1])}, "must rise"),
        ({"index": np.array([0, 1])}, r"must be I64 \(3\)"),
        ({"mean": np.zeros((2001, 2), np.float16), "index": np.arange(2001)}, "2,000 are allowed"),
    ],
)
def test_codes_of_an_epoch_are_checked_as_every_stored_array(change: dict[str, Any], told: str, tmp_path: Path):
    folder = tmp_path / NAME
    build(folder)
    sound = EpochCodes(mean=np.ones((3, 2), np.float16), index=np.array([0, 4, 9]))
    write_epoch_codes(folder, 7, sound)
    found = list_epoch_codes(folder)
    assert list(found) == [7]
    settings = read_config(folder)
    np.testing.assert_array_equal(read_epoch_codes(found[7], settings).index, sound.index)
    write_tensors(found[7], vars(sound) | change)
    with pytest.raises(CheckpointError, match=told) as refused:
        read_epoch_codes(found[7], settings)
    assert f"fit {NAME} again" in str(refused.value)


# --- cost -------------------------------------------------------------------------------------------------------------

LIMITED = """
import resource, sys
from pathlib import Path
from explorer.checkpoint import load_latents, read_weights, read_config
from explorer.errors import CheckpointError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for read in (load_latents, read_weights):
    try:
        read(Path(sys.argv[1]))
    except CheckpointError:
        print("refused")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000)
"""


@posix
@pytest.mark.parametrize("size", [6_000_000_000, 900_000_000])
def test_a_sparse_file_takes_no_memory(size: int, tmp_path: Path):
    build(tmp_path / NAME)
    sparse(LATENTS, size)(tmp_path / NAME)
    sparse(WEIGHTS, 6_000_000_000)(tmp_path / NAME)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / NAME)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["refused", "refused", "True"], done.stderr


def test_a_fault_is_looked_for_once_for_each_version(library_of: Any, monkeypatch: pytest.MonkeyPatch):
    from explorer.library import card

    library = library_of(CARDS["many metrics"])
    read, calls = card.read_metrics, []
    monkeypatch.setattr(card, "read_metrics", lambda folder: calls.append(folder) or read(folder))
    for _ in range(3):
        assert isinstance(library.cards()["digits-vae-2"], CheckpointError)
    assert len([folder for folder in calls if folder.name == "digits-vae-2"]) == 1
    (library.folder("digits-vae-2") / METRICS).write_text("{}")
    assert isinstance(library.cards()["digits-vae-2"], Card)


# --- anything at all --------------------------------------------------------------------------------------------------

FUZZ = """
import json, os, resource, shutil, sys
from pathlib import Path
from explorer.checkpoint import list_epoch_codes, load_latents, read_config, read_epoch_codes, read_history
from explorer.checkpoint import read_metrics, read_weights
from explorer.errors import ExplorerError
from hypothesis import HealthCheck, given, settings, strategies as st

sound, work = Path(sys.argv[1]), Path(sys.argv[2])
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 400_000_000,) * 2)
files = {name: (sound / name).read_bytes() for name in sys.argv[3:]}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([10**9, -1, 2**63, "../x"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)

def places(found, path=()):
    yield path
    if isinstance(found, dict):
        for key in found:
            yield from places(found[key], (*path, key))
    elif isinstance(found, list):
        for number, each in enumerate(found[:5]):
            yield from places(each, (*path, number))

def replaced(found, path, value):
    if not path:
        return value
    copy = dict(found) if isinstance(found, dict) else list(found)
    copy[path[0]] = replaced(copy[path[0]], path[1:], value)
    return copy

@st.composite
def mutations(draw):
    name = draw(st.sampled_from(sorted(files)))
    content = files[name]
    kind = draw(st.sampled_from(["bytes", "cut", "long", "value"]))
    if kind == "bytes":
        content = bytearray(content)
        reach = len(content) if draw(st.booleans()) else min(len(content), 2000)
        for place, byte in draw(st.lists(st.tuples(st.integers(0, reach - 1), st.integers(0, 255)), max_size=8)):
            content[place] = byte
    elif kind == "cut":
        content = content[: draw(st.integers(0, len(content)))]
    elif kind == "long":
        content += draw(st.binary(max_size=30)) * draw(st.sampled_from([1, 100_000]))
    elif name.endswith(".safetensors"):
        length = int.from_bytes(content[:8], "little")
        head = json.loads(content[8 : 8 + length])
        changed = json.dumps(replaced(head, draw(st.sampled_from(list(places(head)))), draw(values))).encode()
        content = len(changed).to_bytes(8, "little") + changed + content[8 + length :]
    elif name.endswith(".json"):
        found = json.loads(content)
        content = json.dumps(replaced(found, draw(st.sampled_from(list(places(found)))), draw(values))).encode()
    return name, bytes(content)

outcomes = set()

@settings(max_examples=400, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(mutations())
def any_run_is_sound_or_refused(mutation):
    name, content = mutation
    (work / name).write_bytes(content)
    try:
        config = read_config(work)
        json.dumps(read_metrics(work)).encode()
        json.dumps(read_history(work)).encode()
        latents, weights = load_latents(work, config), read_weights(work)
        epochs = [read_epoch_codes(path, config) for path in list_epoch_codes(work).values()]
        assert {each.mean.shape[1] for each in (latents, *epochs)} == {config.model.latent_dim}
        outcomes.add("sound")
    except ExplorerError as error:
        assert "\\n" not in str(error) and len(str(error)) < 2000, str(error)
        outcomes.add("refused")
    finally:
        (work / name).write_bytes(files[name])

any_run_is_sound_or_refused()
print(*sorted(outcomes))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs the limits of Linux")
@pytest.mark.parametrize("files", [[CONFIG, METRICS, HISTORY], [LATENTS, WEIGHTS, CODES]], ids=["texts", "tensors"])
def test_whatever_stands_in_its_files_a_run_is_sound_or_refused(files: list[str], run_folder: Path, tmp_path: Path):
    work = Path(shutil.copytree(run_folder, tmp_path / "work"))
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, str(run_folder), str(work), *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == ["refused", "sound"]


def test_every_run_that_is_shipped_opens(root: Path):
    library = Library(root / "checkpoints")
    for name in library.names():
        library.check(name)
        assert read_config(library.folder(name)) == library.card(name).config
        assert len(load_latents(library.folder(name)).mean) == len(library.open(name))
        assert library.open(name).history()
        for epoch in library.open(name).sheets():
            library.open(name).sheet(epoch)
        for epoch in library.open(name).epochs():
            assert np.isfinite(library.open(name).epoch_codes(epoch)).all()


def test_a_run_of_a_script_is_checked_too(run_folder: Path):
    LATENT["means of 1e37"](run_folder)
    with pytest.raises(CheckpointError, match="mean must be finite"):
        load_run(run_folder)
