"""The command line and `launch`: what is printed, how it ends, and what a mistake looks like."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import httpx
import numpy as np
import pytest

import explorer
from explorer.__main__ import _glibc, default_checkpoints, main, parser
from explorer.config.accounts import read_accounts
from explorer.errors import ServeError, ShapeError
from explorer.library import Library
from explorer.ui import app
from tests.fakes import linear_coder
from tests.serve_fake import fake_library, serving
from tests.test_staging import snapshot

STARTED = "Latent Space Explorer: "

WATCHED = """
import socket, sys
def local(host):
    return host in (None, "", b"", "localhost", "127.0.0.1", "::1", "0.0.0.0", b"localhost")
look_up, connect = socket.getaddrinfo, socket.socket.connect
def watched_look_up(host, *rest, **named):
    if not local(host): print("OUTWARD", host, file=sys.stderr, flush=True)
    return look_up(host, *rest, **named)
def watched_connect(self, address):
    if isinstance(address, tuple) and not local(address[0]): print("OUTWARD", address, file=sys.stderr, flush=True)
    return connect(self, address)
socket.getaddrinfo, socket.socket.connect = watched_look_up, watched_connect
from explorer.__main__ import run
run(sys.argv[1:])
"""


@contextlib.contextmanager
def running(root: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program as a process of its own, watched for steps outside, and the address it printed."""
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHED, "--port", "0", *arguments],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(STARTED), (line, process.communicate()[1])
        yield process, line.removeprefix(STARTED).split()[0]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(autouse=True)
def signals_stay() -> Iterator[None]:
    """`main` takes over SIGTERM; the suite keeps its own."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on stderr of a command line that must be a user's mistake."""
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("error: ")
    return printed.err


# --- serving --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals for other processes")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_page_is_served_until_a_signal_ends_it_and_nothing_goes_outside(root, twin_runs, number, code):
    with running(root, "digits-ae-2", "--checkpoints", str(twin_runs)) as (process, url):
        page = httpx.get(url, timeout=60)
        assert page.status_code == 200
        assert "digits-ae-2" in page.text
        answer = httpx.post(f"{url}explorer/api/run/digits-ae-2/decode", content=bytes(8), timeout=120)
        assert answer.status_code == 200, "torch is there when it is wanted"
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == code
        assert errors == ""


SHUT = ("shut", ".z.old")
"""Folders that nobody may look into."""


def home(folder: Path) -> Path:
    """A folder like somebody's home, with names like those that train.py gives."""
    for name in (
        ".config.old/deep",
        "config",
        ".mozilla.old",
        "projectA",
        ".x.partial",
        ".y.partial",
        ".z.old",
        "shut",
    ):
        (folder / name).mkdir(parents=True)
    for name in ("projectA/training_state.pt", ".x.partial/training_state.pt", ".mozilla.old/config.json", ".a.old"):
        (folder / name).write_text("{}")
    for name in ("config.json", "model.safetensors", "latents.safetensors", "metrics.json"):
        (folder / ".y.partial" / name).write_text("{}")
    (folder / "broken").symlink_to(folder / "nowhere")
    (folder / ".broken.old").symlink_to(folder / "nowhere")
    (folder / "loop").symlink_to(folder / "loop")
    for name in SHUT:
        (folder / name).chmod(0)
    return folder


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals for other processes")
def test_looking_at_a_home_changes_no_byte_no_name_and_no_time(root, twin_runs, tmp_path):
    folder = home(tmp_path / "home")
    shutil.copytree(twin_runs / "digits-ae-2", folder / ".digits-ae-2.old")
    before = snapshot(folder)
    with running(root, "--checkpoints", str(folder)) as (process, url):
        listed = httpx.get(f"{url}explorer/api/runs", timeout=60).json()
        assert [run["name"] for run in listed] == ["digits-ae-2"], "read where its replacement was cut short"
        for address in (url, f"{url}explorer/api/run/digits-ae-2"):
            assert httpx.get(address, timeout=60).status_code == 200
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert errors == ""
    after = snapshot(folder)
    for name in SHUT:
        (folder / name).chmod(0o700)  # so that the suite can tidy up
    assert after == before


def test_the_program_ends_while_a_model_computes(root):
    program = (
        "import threading, torch\n"
        "square, busy = torch.randn(300, 300), threading.Event()\n"
        "def compute():\n"
        "    while True: torch.linalg.svdvals(square); busy.set()\n"
        "threading.Thread(target=compute, daemon=True).start(); busy.wait()\n"
        "import explorer.__main__ as program; program.main = lambda _: 130; program.run()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "")


def test_the_page_answers_before_anything_heavy_is_imported(root, twin_runs):
    program = (
        "import sys; from pathlib import Path; import httpx\n"
        "from explorer.library import Library; from explorer.ui import app; Library.warm = lambda _: None\n"
        "server = app.serve(Library(Path(sys.argv[1])), port=0); status = httpx.get(server.url).status_code\n"
        "heavy = [m for m in ('torch', 'torchvision', 'sklearn') if m in sys.modules]\n"
        "print(status, heavy, flush=True); server.close()"
    )
    done = subprocess.run([sys.executable, "-c", program, str(twin_runs)], cwd=root, capture_output=True, text=True)
    assert done.stdout == "200 []\n", done.stderr


def test_the_page_without_runs_says_how_to_make_one(tmp_path):
    with serving(Library(tmp_path)) as url:
        page = httpx.get(url, timeout=60).text
        assert "python train.py --dataset digits" in page
        assert httpx.get(f"{url}/explorer/api/runs", timeout=60).json() == []
    with serving(Library(None)) as url:
        assert "python train.py --dataset digits" in httpx.get(url, timeout=60).text


def test_a_folder_of_damaged_runs_says_what_is_wrong_with_them(twin_runs, tmp_path):
    runs = Path(shutil.copytree(twin_runs, tmp_path / "runs"))
    for folder in runs.iterdir():
        if (folder / "config.json").exists():
            (folder / "config.json").write_text('{"surprise<b>": 1}')
    with serving(Library(runs)) as url:
        page = httpx.get(url, timeout=60).text
    assert "unknown setting" in page
    assert "surprise<b>" not in page


def test_a_given_port_is_taken_exactly_or_not_at_all(capsys, twin_runs):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = mistake(capsys, "--checkpoints", str(twin_runs), "--port", str(port))
        assert str(port) in sentence
        assert "--port" in sentence
    with serving(fake_library(), modules={}, port=port) as url:
        assert url.endswith(f":{port}")


def test_without_a_port_the_next_free_one_is_taken(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(app, "FIRST_PORT", taken.getsockname()[1])
        with serving(Library(None), port=None) as url:
            assert int(url.rsplit(":", 1)[1]) > app.FIRST_PORT
        monkeypatch.setattr(app, "PORTS", 1)
        with pytest.raises(ServeError, match="at any port"):
            app.serve(Library(None))


@pytest.mark.parametrize("host", ["no.such.host.invalid", "256.1.1.1", "8.8.8.8"])
def test_a_host_that_is_not_this_machine_is_a_users_mistake(host, monkeypatch):
    def look_up(name, port, *_, **__):
        if name == "8.8.8.8":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (name, port))]
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(ServeError, match="cannot listen on"):
        app.serve(Library(None), host=host, port=0)


def test_the_page_is_served_over_ipv6_as_well():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with serving(Library(None), host="::1") as url:
        assert url.startswith("http://[::1]:")
        assert httpx.get(url, timeout=60).status_code == 200


def test_sharing_without_a_network_is_one_sentence_and_the_page_goes_on(monkeypatch):
    from gradio import networking

    def unreachable(**_: object) -> str:
        raise RuntimeError("Could not get share link\nfrom Gradio API Server.")

    monkeypatch.setattr(networking, "setup_tunnel", unreachable)
    server = app.serve(Library(None), port=0, share=True)
    try:
        assert server.share_url is None
        assert server.share_trouble is not None
        assert server.share_trouble.count("\n") == 0
        assert "the page is local" in server.share_trouble
        assert httpx.get(server.url, timeout=60).status_code == 200
    finally:
        server.close()


def test_a_shared_page_answers_under_its_public_name_while_there_is_a_tunnel(monkeypatch):
    from gradio import networking, tunneling

    tunnel = Mock(url="https://abc123.gradio.live")
    tunnel.proc.poll.return_value = None

    def setup(*, share_token, **_):
        tunnel.share_token = share_token
        tunneling.CURRENT_TUNNELS.append(tunnel)
        return "http://abc123.gradio.live"

    monkeypatch.setattr(networking, "setup_tunnel", setup)
    monkeypatch.setattr(tunneling, "CURRENT_TUNNELS", [])
    through = {"host": "abc123.gradio.live", "x-forwarded-proto": "https"}
    server = app.serve(Library(None), port=0, share=True)
    try:
        assert server.share_url == "https://abc123.gradio.live"
        page = httpx.get(server.url, headers=through, timeout=60)
        assert page.status_code == 200
        assert "amazonaws" not in page.text, "the page's program comes from this server"
        assert page.headers["strict-transport-security"]
        tunnel.proc.poll.return_value = 1
        assert httpx.get(server.url, headers=through, timeout=60).status_code == 400, "its program has ended"
    finally:
        server.close()


@pytest.mark.parametrize("accounts", [[], [("mina", "secret"), ("tom", "other")]])
def test_who_shares_a_page_is_told_what_that_means(monkeypatch, capsys, accounts):
    server = Mock(url="http://127.0.0.1:7860/", share_url="https://abc123.gradio.live", share_trouble=None)
    server.is_serving.return_value = False
    monkeypatch.setattr(app, "serve", lambda *_, **__: server)
    monkeypatch.setenv("EXPLORER_AUTH", "\n".join(map(":".join, accounts)))
    assert main(["--share"]) == 0
    printed = capsys.readouterr().out
    assert "https://abc123.gradio.live" in printed
    assert "at most a week" in printed
    assert ("2 accounts" in printed) == bool(accounts)
    assert ("no password" in printed) != bool(accounts)
    for word in ("Visitors can", "Visitors cannot"):
        assert word in printed
    assert "secret" not in printed


@pytest.mark.parametrize("works", [True, False])
def test_the_program_behind_a_public_address_ends_with_the_server(monkeypatch, works, capsys):
    from gradio import networking, tunneling

    programs = []

    def setup(*, local_host, local_port, share_token, **_):
        tunnel = tunneling.Tunnel("far", 1, local_host, local_port, share_token, None)
        tunnel.proc = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        programs.append(tunnel.proc)
        tunneling.CURRENT_TUNNELS.append(tunnel)
        if not works:
            raise ValueError("no address came")
        return "http://abc123.gradio.live"

    foreign = tunneling.Tunnel("far", 1, "127.0.0.1", 1, "of another page", None)
    monkeypatch.setattr(networking, "setup_tunnel", setup)
    monkeypatch.setattr(tunneling, "CURRENT_TUNNELS", [foreign])
    server = app.serve(Library(None), port=0, share=True)
    assert bool(server.share_url) is works
    running = programs[0].poll() is None
    assert running is works
    server.close()
    assert programs[0].wait(30) is not None
    assert [foreign] == tunneling.CURRENT_TUNNELS
    assert "tunnel" not in capsys.readouterr().out


def test_nothing_is_shared_unless_asked(monkeypatch):
    from gradio import networking

    monkeypatch.setenv("GRADIO_SHARE", "True")
    monkeypatch.setattr(networking, "setup_tunnel", lambda **_: pytest.fail("a tunnel was set up"))
    with serving(Library(None)) as url:
        assert httpx.get(url, timeout=60).status_code == 200


# --- mistakes -------------------------------------------------------------------------------------------------------


def test_an_unknown_run_is_named_with_those_that_exist(capsys, twin_runs):
    sentence = mistake(capsys, "mnist-vae-99", "--checkpoints", str(twin_runs))
    assert "mnist-vae-99" in sentence
    assert "digits-ae-2, digits-vae-2" in sentence


def test_an_unknown_run_in_an_empty_folder_comes_with_the_command_that_makes_one(capsys, tmp_path):
    assert "train.py" in mistake(capsys, "x", "--checkpoints", str(tmp_path))


@pytest.mark.parametrize("file", ["config.json", "metrics.json", "latents.safetensors", "model.safetensors"])
def test_a_damaged_run_names_the_file(capsys, run_folder, file):
    (run_folder / file).write_bytes((run_folder / file).read_bytes()[:40])
    assert file in mistake(capsys, run_folder.name, "--checkpoints", str(run_folder.parent))


def test_a_missing_folder_is_named(capsys, tmp_path):
    assert "--checkpoints" in mistake(capsys, "--checkpoints", str(tmp_path / "nowhere"))
    assert "--data-dir" in mistake(capsys, "--data-dir", str(tmp_path / "nowhere"))


def test_an_account_file_that_cannot_be_read_is_named(capsys, tmp_path, twin_runs):
    checkpoints = ("--checkpoints", str(twin_runs))
    assert "accounts" in mistake(capsys, *checkpoints, "--auth-file", str(tmp_path / "accounts"))
    assert str(tmp_path) in mistake(capsys, *checkpoints, "--auth-file", str(tmp_path))
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in mistake(capsys, *checkpoints, "--auth-file", str(tmp_path / "bytes"))


def test_accounts_are_read_from_a_file_or_the_environment(tmp_path, monkeypatch):
    file = tmp_path / "accounts"
    file.write_text("# who may look\nmina:a:b c\n\n  tom : secret \n")
    assert read_accounts(file) == [("mina", "a:b c"), ("tom", " secret")]
    monkeypatch.setenv("EXPLORER_AUTH", "eva:pass")
    assert read_accounts(None) == [("eva", "pass")]
    assert read_accounts(file)[0][0] == "mina", "the file comes before the environment"
    monkeypatch.delenv("EXPLORER_AUTH")
    assert read_accounts(None) == []


def test_the_mark_that_notepad_puts_before_a_text_is_no_part_of_a_name(tmp_path):
    file = tmp_path / "accounts"
    file.write_bytes(b"\xef\xbb\xbfmina:secret\r\n")
    assert read_accounts(file) == [("mina", "secret")]


@pytest.mark.parametrize("text", ["hunter2", "mina:", ":hunter2", "mina:hunter2\nmina:hunter3", "# nobody\n", ""])
def test_a_damaged_account_file_is_refused_and_no_password_is_shown(tmp_path, text):
    file = tmp_path / "accounts"
    file.write_text(text)
    with pytest.raises(ServeError) as caught:
        read_accounts(file)
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments", [["--port", "x"], ["--port", "70000"], ["--port", "-1"], ["--colour"], ["a", "b"], ["--checkpoints"]]
)
def test_a_bad_command_line_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1, "one line, without the usage"


def test_a_mistyped_flag_comes_with_the_nearest_one(capsys):
    with pytest.raises(SystemExit):
        main(["--chekpoints", "there"])
    assert "did you mean --checkpoints?" in capsys.readouterr().err


def test_help_names_every_flag(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    for word in ("RUN", "--checkpoints", "--data-dir", "--host", "--port", "--share", "--auth-file", "--open"):
        assert word in shown
    for action in parser()._actions:
        assert action.help


def test_runs_are_looked_for_here_first_and_then_beside_the_program(tmp_path, monkeypatch, root):
    monkeypatch.chdir(tmp_path)
    beside = root / "checkpoints"
    assert default_checkpoints() == (beside if beside.is_dir() else None)
    (tmp_path / "checkpoints").mkdir()
    assert default_checkpoints() == Path("checkpoints")


# --- from Python ----------------------------------------------------------------------------------------------------


def test_launch_serves_a_model_of_ones_own(capsys):
    images = np.random.default_rng(0).random((40, 1, 8, 8), dtype=np.float32)
    server = explorer.launch(linear_coder(), images, np.arange(40) % 3, port=0, block=False)
    try:
        assert server.url in capsys.readouterr().out
        assert server.is_serving()
        run = httpx.get(f"{server.url}explorer/api/run/yours", timeout=60).json()
        assert run["classes"] == ["0", "1", "2"]
        assert run["count"] == 40
    finally:
        server.close()
    assert not server.is_serving()


def test_an_absurd_label_is_a_sentence_before_it_costs_memory():
    images = np.random.default_rng(0).random((40, 1, 8, 8), dtype=np.float32)
    with pytest.raises(ShapeError, match="labels must"):
        explorer.launch(linear_coder(), images, np.full(40, 10**9), port=0, block=False)


def test_two_models_are_launched_as_twins():
    images = np.random.default_rng(0).random((40, 1, 8, 8), dtype=np.float32)
    models = {"plain": linear_coder(log_variance=None), "variational": linear_coder()}
    server = explorer.launch(models, images, port=0, block=False)
    try:
        runs = httpx.get(f"{server.url}explorer/api/runs", timeout=60).json()
        assert [(run["name"], run["twin"]) for run in runs] == [("plain", "variational"), ("variational", "plain")]
    finally:
        server.close()


SCATTERED = """
import re
from pathlib import Path
from explorer.__main__ import _share_heaps, _trim

def own():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1000

_share_heaps()
parts = [bytearray(60_000) for _ in range(4000)]  # 240 MB in pieces that are never mapped one by one
for part in parts:
    part[::4096] = b"x" * len(part[::4096])
del parts[:-1]  # the last one pins the end of the heap
kept = own()
_trim()
print(kept, own())
"""


def test_freed_memory_goes_back_to_the_system():
    if _glibc() is None:
        pytest.skip("the allocator of this system takes no advice")
    done = subprocess.run([sys.executable, "-c", SCATTERED], capture_output=True, text=True, check=True)
    kept, left = map(int, done.stdout.split())
    assert left < kept - 150
