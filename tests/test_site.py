"""The exported page: it stores what the server answers, no picture of a data set, and takes no place of others."""

import gzip
import html
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from explorer.errors import CheckpointError, DataError, ServeError
from explorer.library import Library
from explorer.site import export, left_out, library_of, page_of
from explorer.site.pages import lettered
from explorer.site.stored import Parts, key_of
from explorer.ui.answers import Answers
from explorer.ui.export import page_routes
from explorer.ui.routes import served
from explorer.ui.static_files import StaticFiles
from tests.conftest import ROOT

CHECKPOINTS = ROOT / "checkpoints"


def unlettered(text: str) -> bytes:
    """What `lettered` wrote."""
    bits = "".join(f"{ord(letter) & 127:07b}" for letter in text)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) // 8 * 8, 8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of digits-vae-2 and its twin as a folder."""
    place = tmp_path_factory.mktemp("site") / "page"
    made = export(place, "digits-vae-2", checkpoints=CHECKPOINTS, quiet=True)
    assert set(made.runs) == {"digits-vae-2", "digits-ae-2"} and not made.lacking
    assert made.size == sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    return place


def index_of(page: str) -> dict[str, dict]:
    """What a page says that it stores."""
    found = re.search(r'<script type="application/json" id="explorer-stored">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])["index"]


def body_of(folder: Path, entry: dict) -> bytes:
    """The bytes of a stored answer."""
    body = (folder / "files" / entry["file"]).read_bytes()
    return gzip.decompress(body) if entry["zipped"] else body


def test_what_is_stored_is_what_the_server_answers(folder: Path) -> None:
    index = index_of((folder / "index.html").read_text())
    library = library_of(CHECKPOINTS, ["digits-vae-2"], None, with_images=False)
    checked = 0
    with Answers(library) as answers:
        for key, entry in index.items():
            path, query = key.split(" ", 1)
            if entry.get("packed") or path.count("/") < 2 or path.endswith("/look"):  # cards and lists are told anew
                continue
            assert answers.ask(path, dict(json.loads(query))).body == body_of(folder, entry), key
            checked += 1
    assert checked > 40


def test_no_picture_of_a_data_set_is_in_it(folder: Path) -> None:
    index = index_of((folder / "index.html").read_text())
    with Answers(Library(CHECKPOINTS)) as answers:  # digits come with scikit-learn: here they are at hand
        card = json.loads(answers.ask("run/digits-vae-2").body)
        sheet = answers.ask("run/digits-vae-2/sprites/0").body
    assert card["has_images"]
    stored = json.loads(body_of(folder, index[key_of("run/digits-vae-2", {})]))
    assert not stored["has_images"]
    assert not [key for key in index if "/sprites/" in key or "/pixels" in key]
    assert all(sheet != body_of(folder, entry) for entry in index.values())


def test_a_page_says_nothing_of_this_machine(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "plotly.min.js":
            assert str(ROOT).encode() not in path.read_bytes(), path.name


def test_a_page_of_ours_is_written_anew_and_nothing_else_is(folder: Path, tmp_path: Path) -> None:
    from explorer.site.pages import check_place

    check_place(folder)
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ServeError, match="holds something else"):
        check_place(tmp_path)
    with pytest.raises(ServeError, match="is no folder"):
        check_place(tmp_path / "gone" / "page")
    with pytest.raises(ServeError, match="is a file"):
        check_place(tmp_path / "letter.txt")


def test_a_file_that_is_no_page_is_never_written_over(tmp_path: Path) -> None:
    mine = tmp_path / "mine.html"
    mine.write_text("<h1>my page</h1>")
    with pytest.raises(ServeError, match="is no exported page"):
        export(mine, "digits-vae-2", checkpoints=CHECKPOINTS, quiet=True)
    assert mine.read_text() == "<h1>my page</h1>"


@pytest.mark.parametrize("name", ["page", "page.html"])
def test_what_others_build_beside_a_page_stays(tmp_path: Path, name: str) -> None:
    """train.py keeps the state of an interrupted fit in such a folder."""
    state = tmp_path / f".{name}.partial" / "training_state.pt"
    state.parent.mkdir()
    state.write_bytes(b"hours of work")
    export(tmp_path / name, "digits-vae-2", checkpoints=CHECKPOINTS, quiet=True)
    assert state.read_bytes() == b"hours of work"
    assert {path.name for path in tmp_path.iterdir()} == {name, state.parent.name}


def test_a_disk_that_refuses_is_told_in_a_sentence_and_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(ServeError, match="No space left on device; export elsewhere"):
        export(tmp_path / "page", "digits-vae-2", checkpoints=CHECKPOINTS, quiet=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("public", [False, True])
def test_the_button_of_report_gives_the_file_that_export_writes_and_no_visitor_gets_it(
    folder: Path, public: bool
) -> None:
    """Visitors could read all of it, but a page costs seconds of the server's cores."""
    library = Library(CHECKPOINTS)
    with TestClient(Starlette(routes=served(library, {}, StaticFiles(), [page_routes(page_of)], public))) as client:
        named = client.get("/explorer/api/run/digits-vae-2").json()["page"]
        answer = client.get("/explorer/api/run/digits-vae-2/page")
    if public:
        assert (named, answer.status_code) == (None, 404)
        return
    assert named == "explorer/api/run/digits-vae-2/page"
    assert answer.headers["content-disposition"] == 'attachment; filename="digits-vae-2.html"'
    told, whole = index_of(answer.text), index_of((folder / "index.html").read_text())
    epochs = {key for key in whole if re.search(r"/map/(epoch/|kept)", key)}
    assert epochs and set(told) == set(whole) - epochs, "codes after each epoch are in folders alone"
    assert {key for key in told if told[key] != whole[key]} == {"run/digits-ae-2 []", "run/digits-vae-2 []"}
    assert all(f'id="xp-file-{entry["file"]}"' in answer.text for entry in told.values())


def test_images_of_faces_are_never_exported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"non-commercial.*--with-images"):
        export(tmp_path / "page.html", "celeba-vae-64", checkpoints=CHECKPOINTS, with_images=True, quiet=True)
    assert not list(tmp_path.iterdir())


def test_twins_and_ladders_come_along() -> None:
    library = library_of(CHECKPOINTS, ["mnist-vae-16"], None, with_images=False)
    rungs = {f"mnist-vae-16{tag}" for tag in ("", "-beta0", "-beta0.1", "-beta0.3", "-beta4")}
    assert set(library.names()) == rungs | {"mnist-ae-16"}
    assert library.default() == "mnist-vae-16"
    assert not library.has("digits-vae-8")
    small = library_of(CHECKPOINTS, ["mnist-vae-16"], None, with_images=False, in_one_file=True)
    assert set(small.names()) == {"mnist-ae-16", "mnist-vae-16"}, "a ladder of 20 MB is for folders"
    assert len(library_of(CHECKPOINTS, ["digits-vae-8"], None, with_images=False, in_one_file=True).names()) == 6
    with pytest.raises(CheckpointError, match="no run named"):
        library_of(CHECKPOINTS, ["mnist-vae-9"], None, with_images=False)


def test_one_file_says_what_it_has_no_room_for() -> None:
    ladder, codes = left_out(library_of(CHECKPOINTS, ["mnist-vae-16"], None, with_images=False, in_one_file=True), ())
    assert "mnist-vae-16-beta0, mnist-vae-16-beta0.1, mnist-vae-16-beta0.3, mnist-vae-16-beta4;" in ladder
    assert "after each epoch" in codes
    small = library_of(CHECKPOINTS, ["digits-vae-8"], None, with_images=False, in_one_file=True)
    assert [*left_out(small, ["digits-vae-8"])] == [codes]


@given(st.binary(max_size=300))
def test_letters_hold_all_bytes_and_end_no_element(body: bytes) -> None:
    text = lettered(body)
    assert unlettered(text) == body
    assert not set("\0\r") & set(text)
    assert not re.search(r"<[/!s]", text, re.IGNORECASE)


@given(st.binary(max_size=300))
def test_quoted_letters_are_the_same_in_an_attribute_and_in_json(body: bytes) -> None:
    text = lettered(body, is_quoted=True)
    assert unlettered(text) == body
    assert html.escape(text) == text
    assert json.dumps(text, ensure_ascii=False) == f'"{text}"'


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text("ab", max_size=3), inner),
)
"""What JSON may say."""


@given(VALUES)
def test_named_parts_make_the_same_values(values: object) -> None:
    parts, named = Parts().pack([values, values])

    def whole(value: object) -> object:
        if isinstance(value, dict):
            return parts[value["$"]] if "$" in value else {key: whole(each) for key, each in value.items()}
        return [whole(each) for each in value] if isinstance(value, list) else value

    assert whole(named) == [values, values]


def test_the_command_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "explorer", "digits-vae-2", "--export", str(tmp_path / "gone" / "page.html")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ") and ended.stderr.count("\n") == 1
