"""t-SNE layouts: computed once, elsewhere, for whoever asks; cancelled by the last who waits; kept on disk."""

import io
import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from explorer.analysis import tsne as tsne_module
from explorer.analysis.tsne import tsne
from explorer.errors import ExplorerError, ShapeError
from explorer.library import Library, OpenRun
from explorer.library import layouts as layouts_module
from explorer.library.layouts import CrowdedError, Layouts, rows_of
from tests.fakes import linear_coder

ANSWER = """
import json, sys
log = open(sys.argv[1], "a"); log.write("run\\n"); log.close()
rows, dim = json.loads(sys.stdin.buffer.readline())["shape"]
codes = sys.stdin.buffer.read(4 * rows * dim)
assert len(codes) == 4 * rows * dim
out = sys.stdout.buffer
out.write(json.dumps({"iteration": 500}).encode() + b"\\n"); out.flush()
sys.argv[2:] == ["wait"] and sys.stdin.buffer.read()
sys.argv[2:] == ["break"] and sys.exit(1)
out.write(json.dumps({"shape": [rows, 2]}).encode() + b"\\n")
import array
out.write(array.array("f", [i / 2 for i in range(2 * rows)]).tobytes())
"""
"""A process that answers at once, waits until its input ends, or breaks."""


@pytest.fixture
def run() -> OpenRun:
    return held("mine", 40)


def held(name: str, count: int, seed: int = 0) -> OpenRun:
    library = Library(None)
    coder = linear_coder(3)
    library.hold(name, coder, np.clip(coder.sample_images(count, np.random.default_rng(seed)), 0, 1))
    return library.open(name)


@pytest.fixture
def made(tmp_path: Path):
    """Layouts whose process behaves as named, and how often it was started."""
    opened: list[Layouts] = []

    def make(how: str = "", folder: Path | None = None) -> Layouts:
        layouts = Layouts(folder or tmp_path / "kept", [sys.executable, "-c", ANSWER, str(tmp_path / "log"), how])
        opened.append(layouts)
        return layouts

    make.started = lambda: (tmp_path / "log").read_text().count("run") if (tmp_path / "log").exists() else 0
    yield make
    for layouts in opened:
        layouts.close()
    finish()


def finish() -> None:
    """Wait for every computation under way."""
    for thread in threading.enumerate():
        if thread.name == "layout":
            thread.join(300)


def running(layouts: Layouts, run: OpenRun) -> None:
    """Wait until a layout's process has told something."""
    job = layouts._jobs[layouts._key(run)]
    pause = threading.Event()
    for _ in range(6000):
        if job.iteration or job.trouble is not None:
            return
        pause.wait(0.01)
    raise AssertionError("the layout does not move")


def test_a_layout_is_computed_and_its_places_are_the_images(run, made):
    layouts = made()
    assert layouts.progress(run).state == "none"
    assert layouts.places(run) is None
    layouts.start(run)
    finish()
    assert layouts.progress(run).state == "done"
    np.testing.assert_array_equal(layouts.places(run), np.arange(80).reshape(40, 2) / 2)


def test_two_visitors_share_one_computation(run, made):
    layouts = made("wait")
    tickets = {layouts.start(run), layouts.start(run)}
    running(layouts, run)
    assert len(tickets) == 2
    assert made.started() == 1
    progress = layouts.progress(run)
    assert progress.state == "running"
    assert progress.expected is not None
    assert 0 < progress.elapsed <= progress.expected


def test_the_last_who_waits_ends_it(run, made):
    layouts = made("wait")
    first, second = layouts.start(run), layouts.start(run)
    running(layouts, run)
    process = layouts._jobs[layouts._key(run)].process
    assert process is not None
    assert layouts.cancel(run, first) is False
    assert layouts.cancel(run, first) is False, "a ticket counts once"
    assert layouts.cancel(run, "of nobody") is False
    assert layouts.progress(run, second).state == "running"
    assert layouts.cancel(run, second) is True
    finish()
    assert process.poll() is not None
    assert layouts.progress(run).state == "none"


def test_who_went_away_does_not_hold_a_computation(run, made, monkeypatch):
    layouts = made("wait")
    layouts.start(run)
    second = layouts.start(run)
    running(layouts, run)
    monkeypatch.setattr(layouts_module, "PATIENCE", 0.0)
    assert layouts.cancel(run, second) is True


def test_another_process_finds_the_layout_on_disk_and_a_broken_file_is_computed_anew(run, made, tmp_path):
    made().start(run)
    finish()
    again = held("another-name", 40)
    layouts = made()
    assert layouts.progress(again).state == "done", "what decides are the codes"
    assert made.started() == 1
    (file,) = (tmp_path / "kept").glob("*.npy")
    file.write_bytes(file.read_bytes()[:50])
    layouts = made()
    assert layouts.progress(run).state == "none"
    layouts.start(run)
    finish()
    assert layouts.progress(run).state == "done"
    assert [path.suffix for path in (tmp_path / "kept").iterdir()] == [".npy"], "nothing half written is left"


def test_another_version_of_a_run_has_another_layout(run, made):
    layouts = made()
    layouts.start(run)
    finish()
    assert layouts.progress(held("mine", 40, seed=1)).state == "none"


def test_a_cache_that_cannot_be_written_to_costs_nothing_but_another_computation(run, made, tmp_path):
    (tmp_path / "file").write_text("in the way")
    layouts = made(folder=tmp_path / "file")
    layouts.start(run)
    finish()
    assert layouts.progress(run).state == "done"


def test_a_process_that_breaks_is_told_and_may_be_tried_again(run, made):
    layouts = made("break")
    layouts.start(run)
    finish()
    progress = layouts.progress(run)
    assert progress.state == "failed"
    assert progress.trouble is not None
    assert "ended early" in progress.trouble
    layouts.start(run)
    finish()
    assert made.started() == 2


def test_a_command_that_is_not_there_is_told(run, tmp_path):
    layouts = Layouts(tmp_path, [str(tmp_path / "nothing")])
    layouts.start(run)
    finish()
    progress = layouts.progress(run)
    assert progress.state == "failed"
    assert progress.trouble is not None
    assert "does not start" in progress.trouble
    assert str(tmp_path) not in progress.trouble, "where things lie on this machine is no visitor's business"


ENDS = {
    "a segmentation fault": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
    "a kill": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    "an exit": ("import os; os._exit(3)", "exit code 3"),
    "an end in the middle of a line": ("print(end='{\"itera', flush=True)", "exit code 0"),
    "an end in the middle of the places": ("print('{\"shape\": [40, 2]}', end='\\nabc', flush=True)", "exit code 0"),
    "no word at all": ("import sys; sys.stdin.buffer.readline()", "exit code 0"),
    "no memory": ('print(\'{"trouble": "there is not enough memory."}\')', "not enough memory"),
    "no JSON": ("print('Segmentation fault'); input(); input()", "no layout"),
    "a list": ("print('[1, 2]'); input(); input()", "no layout"),
    "a number without end": ("print('{\"iteration\": 1e400}'); input(); input()", "no layout"),
    "a line without end": ("while True: print(end='x' * 1000)", "no layout"),
    "brackets without end": ("while True: print(end='[' * 1000)", "no layout"),
    "another shape": ("print('{\"shape\": [4000000000, 2]}'); input(); input()", "no layout"),
    "places that are no numbers": (
        "import sys; print('{\"shape\": [40, 2]}', flush=True); sys.stdout.buffer.write(b'\\xff' * 320)",
        "no layout",
    ),
}
"""What a process may do instead of answering, and a part of the sentence that tells it."""


@pytest.mark.parametrize("how", ENDS)
def test_however_a_process_ends_it_is_one_sentence_and_the_next_attempt_works(run, made, tmp_path, how):
    program, told = ENDS[how]
    layouts = made()
    works, layouts._command = layouts._command, [sys.executable, "-c", program]
    layouts.start(run)
    finish()
    progress = layouts.progress(run)
    assert progress.state == "failed"
    assert progress.trouble is not None
    assert told in progress.trouble
    assert progress.trouble.count("\n") == 0
    layouts._command = works
    layouts.start(run)
    finish()
    assert layouts.progress(run).state == "done"


@pytest.mark.parametrize(
    "program", ["import sys; sys.stdin.buffer.read()", "import time; time.sleep(600)"], ids=["reads", "is deaf"]
)
def test_a_process_that_says_nothing_is_given_up_after_a_while(made, tmp_path, monkeypatch, program):
    monkeypatch.setattr(layouts_module, "MOST_SECONDS", 0.5)
    run = held("large", 8000)  # more than a pipe holds: a process that does not read blocks the writer
    layouts = made()
    works, layouts._command = layouts._command, [sys.executable, "-c", program]
    layouts.start(run)
    finish()
    progress = layouts.progress(run)
    assert progress.state == "failed"
    assert progress.trouble is not None
    assert "given up after" in progress.trouble
    monkeypatch.undo()
    layouts._command = works
    layouts.start(run)
    finish()
    assert layouts.progress(run).state == "done"


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are those of POSIX")
@pytest.mark.parametrize("megabytes", [20, 400])
def test_without_memory_a_layout_is_one_sentence(run, tmp_path, megabytes):
    limited = f"ulimit -v {1000 * megabytes}; exec {' '.join(layouts_module.COMMAND)}"
    layouts = Layouts(tmp_path, ["sh", "-c", limited])
    layouts.start(run)
    finish()
    progress = layouts.progress(run)
    assert progress.state == "failed"
    assert progress.trouble is not None
    assert progress.trouble.startswith("the layout could not be computed: ")


SERVER = """
import sys, threading
import numpy as np
from explorer.library import Library
from explorer.library.layouts import Layouts
from tests.fakes import linear_coder
from pathlib import Path
library, coder = Library(None), linear_coder(3)
run = library.hold("mine", coder, np.clip(coder.sample_images(5000, np.random.default_rng(0)), 0, 1))
layouts = Layouts(Path(sys.argv[1]))
layouts.start(run)
while not layouts._jobs[layouts._key(run)].iteration:
    threading.Event().wait(0.01)
print(layouts._jobs[layouts._key(run)].process.pid, flush=True)
threading.Event().wait()
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are looked for in /proc")
def test_a_server_that_is_killed_leaves_no_process(tmp_path, root):
    command = [sys.executable, "-c", SERVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as server:
        assert server.stdout is not None
        child = Path("/proc", server.stdout.readline().decode().strip(), "stat")
        assert child.exists(), "it is at work"
        server.kill()
    for _ in range(6000):
        if not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z":  # not even its end is awaited
            return
        threading.Event().wait(0.01)
    raise AssertionError("the process of the layout goes on without its server")


def test_one_is_computed_at_a_time_and_few_wait(made):
    layouts = made("wait")
    runs = [held(f"run-{seed}", 40, seed) for seed in range(layouts_module.MOST_JOBS + 1)]
    layouts.start(runs[0])
    running(layouts, runs[0])  # it has its turn before another can take it
    for each in runs[1:-1]:
        layouts.start(each)
    assert [layouts.progress(each).state for each in runs[1:-1]] == ["waiting"] * (layouts_module.MOST_JOBS - 1)
    with pytest.raises(CrowdedError):
        layouts.start(runs[-1])
    assert made.started() == 1


def test_one_visitor_does_not_take_every_place(made):
    layouts = made("wait")
    runs = [held(f"run-{seed}", 40, seed) for seed in range(layouts_module.MOST_EACH + 1)]
    for each in runs[:-1]:
        layouts.start(each, "anna")
    with pytest.raises(CrowdedError, match="of yours"):
        layouts.start(runs[-1], "anna")
    layouts.start(runs[0], "anna")  # under way already
    layouts.start(runs[-1], "bert")
    layouts.close()


def test_a_layout_that_nobody_waits_for_leaves_no_thread(made):
    layouts = made("wait")
    first, other = held("first", 40, 0), held("other", 40, 1)
    layouts.start(first)
    running(layouts, first)
    busy = {thread for thread in threading.enumerate() if thread.name == "layout"}
    waiting: set[threading.Thread] = set()
    for _ in range(5):
        ticket = layouts.start(other)
        waiting |= {thread for thread in threading.enumerate() if thread.name == "layout"} - busy
        assert layouts.cancel(other, ticket)
    assert waiting
    for thread in waiting:
        thread.join(30)
        assert not thread.is_alive()
    assert layouts.progress(first).state == "running"


def test_without_another_thread_a_layout_is_refused_and_can_be_asked_for_again(made, run, monkeypatch):
    layouts = made()

    def start(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(CrowdedError):
            layouts.start(run)
    assert layouts.progress(run).state == "none"


def test_at_most_so_many_images_are_laid_out_always_the_same(made, monkeypatch):
    monkeypatch.setattr(layouts_module, "MOST_POINTS", 15)
    run = held("mine", 40)
    layouts = made()
    layouts.start(run)
    finish()
    places = layouts.places(run)
    assert places is not None
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(places).all(1)), rows_of(run))
    np.testing.assert_array_equal(rows_of(run), rows_of(held("mine", 40)))
    assert len(rows_of(run)) == 15


def test_too_few_codes_are_refused():
    with pytest.raises(ShapeError, match="5 codes"):
        tsne(np.zeros((4, 3)))


ODD = {
    "all the same": np.zeros((60, 4)),
    "all the same but for rounding": 1e6 + 0.001 * np.random.default_rng(0).normal(size=(60, 4)),
    "four different": np.repeat(np.eye(4), 15, axis=0),
    "one of them NaN": np.where(
        np.arange(240).reshape(60, 4) == 7, np.nan, np.random.default_rng(0).normal(size=(60, 4))
    ),
    "infinite": np.full((60, 4), np.inf),
    "too few": np.eye(2),
    "none": np.zeros((0, 4)),
    "of no dimension": np.zeros((60, 0)),
}
"""Codes without a layout; of the first two scikit-learn's own code ends the process."""


@pytest.mark.parametrize("kind", ODD)
def test_codes_without_a_layout_are_refused_before_anything_is_computed(kind):
    with pytest.raises(ShapeError):
        tsne(ODD[kind])


def test_a_run_whose_codes_are_all_the_same_is_refused_before_a_process_starts(made):
    run = held("mine", 60)
    run.latents.mean[:] = 0.25
    layouts = made()
    with pytest.raises(ShapeError, match="60 are 1 different"):
        layouts.start(run)
    assert made.started() == 0
    assert layouts.progress(run).state == "none"


def spread_out(scale: float, middle: float = 0.0) -> np.ndarray:
    return middle + scale * np.random.default_rng(0).normal(size=(60, 4))


FIVE = np.repeat(np.random.default_rng(1).normal(size=(5, 4)), 12, axis=0)


@pytest.mark.parametrize(
    "codes",
    [spread_out(1e-30), spread_out(1e-12), spread_out(1e25), spread_out(5e37), spread_out(1, 1e5), FIVE, FIVE[:, :1]],
    ids=["tiny", "small", "large", "huge", "far away", "five different", "of one dimension"],
)
def test_any_other_codes_have_a_layout_whatever_their_scale(codes):
    places = tsne(codes)
    assert places.shape == (60, 2)
    assert np.isfinite(places).all()
    assert places.std(0).min() > 0.1


def test_an_answer_in_a_process_of_its_own_keeps_groups_together(tmp_path):
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.normal(0, 0.1, (20, 4)), rng.normal(5, 0.1, (20, 4))]).astype("<f4")
    request = json.dumps({"shape": list(codes.shape)}).encode() + b"\n" + codes.tobytes()
    with subprocess.Popen(layouts_module.COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request)
        process.stdin.flush()
        answer = io.BytesIO(process.stdout.read())
    told = []
    while "shape" not in (line := json.loads(answer.readline())):
        told.append(line["iteration"])
    places = np.frombuffer(answer.read(), "<f4").reshape(40, 2)
    assert told == sorted(told)
    assert told
    near = np.linalg.norm(places[:20] - places[:20].mean(0), axis=1).mean()
    apart = np.linalg.norm(places[:20].mean(0) - places[20:].mean(0))
    assert apart > 2 * near


def test_the_process_ends_with_whoever_started_it():
    codes = np.random.default_rng(0).normal(size=(4000, 30)).astype("<f4")  # minutes of work
    with subprocess.Popen(layouts_module.COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"shape": list(codes.shape)}).encode() + b"\n" + codes.tobytes())
        process.stdin.flush()
        assert b"iteration" in process.stdout.readline(), "it is at work"
        process.stdin.close()
        assert process.wait(20) == 1
        assert b"shape" not in process.stdout.read()


def test_progress_is_heard_from_scikit_learn():
    heard: list[int] = []
    tsne(np.random.default_rng(0).normal(size=(30, 3)), tell=heard.append)
    assert heard
    assert max(heard) <= tsne_module.ITERATIONS


def test_a_run_of_one_dimension_has_no_layout():
    with pytest.raises(ExplorerError, match=r"\.$"):
        Layouts().start(few())


def few() -> OpenRun:
    """A run of one latent dimension."""
    library = Library(None)
    coder = linear_coder(1)
    library.hold("one", coder, np.clip(coder.sample_images(40, np.random.default_rng(0)), 0, 1))
    return library.open("one")
