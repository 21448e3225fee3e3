"""The command line of train.py: the fixed layout, exit codes, Ctrl-C, kill -9, refusals."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from explorer.checkpoint import (
    STATE,
    begin_run,
    list_epoch_codes,
    list_runs,
    list_sheets,
    partial_folder,
    read_config,
    read_epoch_codes,
    read_history,
    read_metrics,
    read_weights,
)
from explorer.config import RunConfig
from explorer.errors import ConfigError
from explorer.library import Library, load_run
from explorer.training.command import COMMON, command_line, parse, plan
from explorer.views.card import card_rows
from explorer.views.hole_layers import reason_against
from explorer.views.hole_scores import readings, score_table
from tests.conftest import ROOT
from tests.fitters import Fitter
from tests.readme import model_cards

QUICK = ["--dataset", "digits", "--latent-dim", "2", "--hidden", "16", "--nll-samples", "5", "--nll-images", "10"]
QUICK_LOOK = ["--dataset", "digits", "--latent-dim", "2", "--hidden", "16", "--quick"]
"""A fit that is not measured to the end, for tests of what is fitted."""

LAYOUT = {"config.json", "model.safetensors", "latents.safetensors", "metrics.json", "history.jsonl", "sheets"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, str(ROOT / "train.py"), *map(str, arguments), "--threads", "1"]


def train(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)


@pytest.fixture(scope="module")
def twins(fitter: Fitter, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder of a pair of twins, and what the command that fitted them printed."""
    out = tmp_path_factory.mktemp("runs")
    done = fitter.run(*QUICK, "--epochs", 3, "--twin", "--out", out)
    assert done.returncode == 0, done.stderr
    return out, done


@pytest.fixture(scope="module")
def fitted(twins: tuple[Path, subprocess.CompletedProcess[str]]) -> Path:
    return twins[0]


def planned(*flags: str) -> list[RunConfig]:
    return plan(parse([*QUICK, *flags]))


@pytest.mark.parametrize(
    ("family", "names"),
    [
        ("vae", ["digits-vae-2", "digits-ae-2"]),
        ("ae", ["digits-vae-2", "digits-ae-2"]),
        ("hierarchical", ["digits-hierarchical-2", "digits-ae-2"]),
        ("denoising", ["digits-vae-2", "digits-denoising-2"]),
    ],
)
def test_twins_are_a_family_with_a_posterior_and_one_without(family: str, names: list[str]):
    pair = planned("--family", family, "--twin")
    assert [config.name for config in pair] == names
    assert [config.twin for config in pair] == names[::-1]
    assert pair[0].key == pair[1].key


def test_a_ladder_is_an_autoencoder_and_its_vae_at_every_beta():
    rungs = planned("--ladder")
    assert [config.name for config in rungs[1:]] == [
        "digits-vae-2-beta0",
        "digits-vae-2-beta0.1",
        "digits-vae-2-beta0.3",
        "digits-vae-2",
        "digits-vae-2-beta4",
    ]
    assert [config.train.beta for config in rungs[1:]] == [0, 0.1, 0.3, 1, 4]
    assert {config.twin for config in rungs[1:]} == {rungs[0].name} == {"digits-ae-2"}
    assert len({config.key for config in rungs}) == 1 and len({config.train.seed for config in rungs}) == 1
    assert [config.name for config in planned("--ladder", "--tag", "small")][1] == "digits-vae-2-small-beta0"
    with pytest.raises(ConfigError, match="leave out --beta"):
        planned("--ladder", "--beta", "2")


def test_a_flag_replaces_a_setting_of_a_preset():
    (config,) = plan(parse(["--preset", "003", "--latent-dim", "4"]))
    assert (config.name, config.model.hidden, config.model.latent_dim) == ("mnist-vae-4-003", 512, 4)
    published = plan(parse(["--preset", "002", "--as-published"]))
    assert [each.name for each in published] == ["mnist-vae-5-002-published", "mnist-ae-5-002-published"]
    with pytest.raises(SystemExit) as ended:
        parse(["--as-published"])
    assert ended.value.code == 2


def test_a_pair_of_twins_has_the_fixed_layout_and_nothing_else(fitted: Path):
    assert sorted(p.name for p in fitted.glob("[!.]*")) == ["digits-ae-2", "digits-vae-2", "features-digits"]
    assert all(p.name.endswith(".lock") and not p.stat().st_size for p in fitted.glob(".*")), (
        "locks stay, and are empty"
    )
    for name in ("digits-vae-2", "digits-ae-2"):
        assert {p.name for p in (fitted / name).iterdir()} == LAYOUT
        assert all(p.stat().st_mode & 0o444 == 0o444 for p in (fitted / name).iterdir()), "readable for everybody"
        run = load_run(fitted / name)
        assert len(read_history(fitted / name)) == 3
        assert run.metrics["train"]["epochs"] == 3
        assert sorted(list_epoch_codes(fitted / name)) == [1, 2, 3]
        last = read_epoch_codes(list_epoch_codes(fitted / name)[3], run.config)
        places = np.searchsorted(run.latents.index, last.index)
        np.testing.assert_array_equal(run.latents.index[places], last.index)
        np.testing.assert_allclose(last.mean, run.latents.mean[places], rtol=2e-3, atol=2e-3)
    vae, ae = (load_run(fitted / f"digits-{family}-2") for family in ("vae", "ae"))
    assert (vae.config.twin, ae.config.twin) == ("digits-ae-2", "digits-vae-2")
    assert vae.config.key == ae.config.key


def test_no_pixel_of_a_data_set_enters_a_run(fitted: Path):
    from explorer.data.digits import load_digits
    from explorer.images import to_bytes, to_unit

    images = to_bytes(to_unit(load_digits().pixels, 17)).reshape(-1, 64)
    rows = {row.tobytes() for row in images} | {row.tobytes() for row in load_digits().pixels.reshape(-1, 64)}
    from PIL import Image

    for sheet in fitted.glob("*/sheets/*.png"):
        with Image.open(sheet) as picture:
            pixels = np.asarray(picture).reshape(8, 8, 8, 8).swapaxes(1, 2).reshape(64, 64)
        assert not rows & {row.tobytes() for row in pixels}, sheet


def test_a_second_time_it_refuses_and_says_how(fitter: Fitter, fitted: Path):
    before = (fitted / "digits-vae-2" / "model.safetensors").read_bytes()
    again = fitter.run(*QUICK, "--epochs", 3, "--out", fitted)
    assert again.returncode == 1
    assert again.stderr.count("\n") == 1 and "--overwrite" in again.stderr and "--tag" in again.stderr
    assert (fitted / "digits-vae-2" / "model.safetensors").read_bytes() == before


def test_evaluating_again_gives_the_same_numbers_and_keeps_the_weights(fitter: Fitter, fitted: Path):
    folder = fitted / "digits-ae-2"
    before = {name: (folder / name).read_bytes() for name in LAYOUT - {"sheets"}}
    done = fitter.run("--evaluate", "digits-ae-2", "--out", fitted)
    assert done.returncode == 0, done.stderr
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_evaluating_again_keeps_an_interrupted_fit_of_that_name(fitter: Fitter, fitted: Path, tmp_path: Path):
    for name in ("digits-ae-2", "features-digits"):
        shutil.copytree(fitted / name, tmp_path / name)
    waits = begin_run(tmp_path, "digits-ae-2", overwrite=True) / STATE
    waits.write_bytes(b"state")
    done = fitter.run("--evaluate", "digits-ae-2", "--out", tmp_path)
    assert done.returncode == 1 and "--resume" in done.stderr and done.stderr.count("\n") == 1
    assert waits.read_bytes() == b"state"


def test_overwrite_replaces_runs_and_nothing_else(fitter: Fitter, fitted: Path, tmp_path: Path):
    photos = tmp_path / "digits-vae-2"
    photos.mkdir()
    for number in range(3):
        (photos / f"{number}.jpg").write_bytes(b"x")
    done = fitter.run(*QUICK, "--epochs", 1, "--overwrite", "--out", tmp_path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "no run of this program" in done.stderr
    assert len(list(photos.iterdir())) == 3 and not list(tmp_path.glob(".*"))


def test_a_fit_that_was_killed_before_its_last_rename_is_completed_at_once(
    fitter: Fitter, fitted: Path, tmp_path: Path
):
    partial = begin_run(tmp_path, "digits-vae-2")
    shutil.copytree(fitted / "digits-vae-2", partial, dirs_exist_ok=True)
    (partial / STATE).write_bytes(b"state")
    done = fitter.run(*QUICK, "--epochs", 3, "--out", tmp_path, "--resume")
    assert done.returncode == 0 and "was complete" in done.stdout, done.stderr
    assert {path.name for path in (tmp_path / "digits-vae-2").iterdir()} == LAYOUT and not partial.exists()


def test_a_loss_that_explodes_within_an_epoch_is_one_sentence(fitter: Fitter, tmp_path: Path):
    done = fitter.run(*QUICK, "--epochs", 6, "--lr", 1e10, "--schedule", "constant", "--quiet", "--out", tmp_path)
    assert done.returncode == 1 and "--lr" in done.stderr and done.stderr.count("\n") == 1


def test_a_twin_that_waits_to_be_resumed_is_named_before_the_first_is_fitted(fitter: Fitter, tmp_path: Path):
    (begin_run(tmp_path, "digits-ae-2") / STATE).write_bytes(b"state")
    done = fitter.run(*QUICK, "--epochs", 1, "--twin", "--out", tmp_path)
    assert done.returncode == 1 and "interrupted fit of digits-ae-2" in done.stderr
    assert not done.stdout and not partial_folder(tmp_path, "digits-vae-2").exists()


# --- the command line ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--family", "vea"], ("--family", "'vea'", "did you mean vae?", "choose from ae, vae, denoising")),
        (["--dataset", "minst"], ("--dataset", "'minst'", "did you mean mnist?")),
        (["--preset", "04"], ("--preset", "'04'", "000, 001, 002, 003")),
        (["--latnet-dim", "2"], ("--latnet-dim", "did you mean --latent-dim?")),
        (["--epochs", "many"], ("--epochs", "'many' is no whole number")),
        (["--lr", "fast"], ("--lr", "'fast' is no number")),
        (["digits"], ("'digits' is one word too many",)),
        (["--evaluate", "a", "--beta", "2"], ("--beta is of a fit", "leave out --beta")),
        (["--evaluate", "a", "--quick"], ("--quick is of a fit",)),
    ],
)
def test_a_mistyped_word_is_one_line_with_the_nearest_right_one(
    arguments: list[str], words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    said = capsys.readouterr()
    assert ended.value.code == 2 and not said.out and said.err.count("\n") == 1
    for word in words:
        assert word in said.err


def test_help_shows_examples_and_eleven_flags_and_where_the_others_are(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        parse(["--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0 and shown.count("  python train.py") == 3
    assert len(re.findall(r"^  --", shown, re.MULTILINE)) == len(COMMON) + 1 == 12, "and --help-all"
    assert "--help-all" in shown and "--momentum" not in shown


def test_all_help_documents_every_flag_and_its_real_default(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        parse(["--dataset", "digits", "--help-all"])
    shown = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0 and "None" not in shown
    for flag in {option for action in command_line(None)._actions for option in action.option_strings}:
        assert flag in shown
    for action in command_line(None)._actions:
        assert action.help, action.dest
    assert "(default: 16 for mnist, fashion-mnist, kmnist, emnist and qmnist; 8 for digits; 64 for celeba" in shown


def test_a_pipe_gets_a_line_for_each_stage_and_one_table_at_the_end(
    twins: tuple[Path, subprocess.CompletedProcess[str]],
):
    out, done = twins
    assert not done.stderr, "no bar goes where nobody watches it"
    lines = done.stdout.splitlines()
    assert lines[1] == "1,797 pictures: 1,097 fitted, 100 validation, 300 calibration, 300 test"
    assert lines[2] == "holes are measured with |R| = |G| = 548 fitted pictures, |C| = 300"
    stages = [line for line in lines if line.startswith(("reading", "digits-")) and "float32" not in line]
    assert [line.split(" ")[0] for line in stages] == ["reading", *2 * ["digits-vae-2:"], *2 * ["digits-ae-2:"]]
    heads = [line.split() for line in lines if line.split() == ["digits-vae-2", "digits-ae-2"]]
    assert len(heads) == 1, "one table tells of both runs"
    table = lines[lines.index(next(line for line in lines if line.split() == heads[0])) :]
    assert "K = 5, 10 images, seed 0" in "".join(table) and "lower is better" in table[1]
    assert table[-1] == f"open it with: python -m explorer digits-vae-2 --checkpoints {out}"


def test_a_quick_fit_measures_what_is_looked_at_first_and_says_how_to_measure_the_rest(
    fitter: Fitter, fitted: Path, tmp_path: Path
):
    arguments = ["--dataset", "digits", "--latent-dim", "2", "--hidden", "16", "--epochs", 2, "--quick", "--quiet"]
    done = fitter.run(*arguments, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "digits-vae-2"
    made = [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"]
    assert made == ["digits-vae-2"], "no feature net was made for it"
    metrics = read_metrics(folder)
    assert {"mse", "elbo", "active_units"} <= metrics["test"].keys() and "nll_iw" not in metrics["test"]
    assert set(metrics["holes"]["white"]) == {"vacancy", "vacancy_active"}
    lines = done.stdout.splitlines()
    assert lines[0].strip() == "digits-vae-2", "quiet: nothing comes before the table"
    measuring = "python train.py --evaluate digits-vae-2"
    assert any(line.startswith("not measured: ") and f"{measuring} --out {tmp_path}" in line for line in lines)
    library = Library(tmp_path)
    assert library.default() == "digits-vae-2"
    card = library.card("digits-vae-2")
    told = [*readings([card]), *(f"{row['meaning']} {row['text']}" for row in card_rows(card, is_point=False))]
    assert sum("coverage" in said and measuring in said for said in told) == 2
    reason = reason_against(library.open("digits-vae-2"), "validity")
    assert reason is not None and measuring in reason
    assert score_table([card]) is not None
    assert "| not measured |" in model_cards.hole_row(card.config, metrics)  # pyright: ignore[reportArgumentType]
    shutil.copytree(fitted / "features-digits", tmp_path / "features-digits")
    again = fitter.run("--evaluate", "digits-vae-2", "--out", tmp_path, "--nll-samples", 5, "--nll-images", 10)
    assert again.returncode == 0, again.stderr
    metrics = read_metrics(folder)
    assert not metrics["not_measured"] and metrics["test"]["nll_iw_samples"] == 5
    assert "coverage" in metrics["holes"]["white"] and load_run(folder).latents.reference_features is not None


def test_tensorboard_gets_every_epoch(fitter: Fitter, fitted: Path, tmp_path: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    shutil.copytree(fitted / "features-digits", tmp_path / "features-digits")
    done = fitter.run(*QUICK, "--epochs", 2, "--out", tmp_path, "--tensorboard", tmp_path / "board", "--quiet")
    assert done.returncode == 0, done.stderr
    events = EventAccumulator(str(tmp_path / "board" / "digits-vae-2"))
    events.Reload()
    tags = events.Tags()
    history = read_history(tmp_path / "digits-vae-2")
    shown = [event.value for event in events.Scalars("distortion/train, nats per image")]
    assert shown == pytest.approx([line["train"]["distortion"] for line in history])
    assert {"latents/axis 0", "latents/axis 1"} <= set(tags["histograms"])
    assert len(tags["images"]) == 2 and "beta" in tags["scalars"]


def test_a_dry_run_prints_the_resolved_settings_and_writes_nothing(fitter: Fitter, tmp_path: Path):
    done = fitter.run("--dataset", "mnist", "--latent-dim", "7", "--dry-run", "--twin", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    plans = json.loads(done.stdout)
    assert [plan["run"] for plan in plans] == ["mnist-vae-7", "mnist-ae-7"]
    assert plans[0]["train"]["epochs"] > 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["--latent-dim", "0"], 1, "latent_dim"),
        (["--epochs", "0"], 1, "epochs"),
        (["--lr", "nan"], 1, "lr"),
        (["--sigma", "wide", "--likelihood", "gaussian"], 1, "sigma"),
        (["--calibration", "5000"], 1, "held out"),
        (["--tag", "../x"], 1, "run name"),
        (["--resume"], 1, "resume"),
        (["--net", "conv", "--widths", *11 * ["8"]], 1, "widths must be at most 10"),
        (["--device", "cuda"], 1, "cuda"),
        (["--dataset", "mnist", "--no-download"], 1, "train-images-idx3-ubyte is missing"),
        (["--family", "gan"], 2, "gan"),
        (["--no-such-flag"], 2, "no-such-flag"),
        (["--evaluate", "digits-vae-2"], 2, "leave out --dataset"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(
    arguments: list[str], code: int, word: str, fitter: Fitter, tmp_path: Path
):
    if "--device" in arguments:
        torch = pytest.importorskip("torch")
        if torch.accelerator.current_accelerator(check_available=True) is not None:
            pytest.skip("this machine has the accelerator that must be missing here")
    whole = arguments in (["--epochs", "0"], ["--no-such-flag"])  # of each exit code one in a real process
    done = (train if whole else fitter.run)("--dataset", "digits", "--epochs", 2, "--out", tmp_path / "out", *arguments)
    assert done.returncode == code, done.stderr
    assert word in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list((tmp_path / "out").glob("[!.]*")), "no run is left behind"


def test_a_run_that_is_not_there_is_named_with_those_that_are(fitter: Fitter, fitted: Path):
    done = fitter.run("--evaluate", "no-such-run", "--out", fitted)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "no-such-run" in done.stderr and "digits-ae-2, digits-vae-2" in done.stderr


def test_an_output_folder_that_cannot_be_written_to_is_one_sentence(fitter: Fitter, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    done = fitter.run(*QUICK, "--epochs", 1, "--out", tmp_path / "file")
    assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1
    assert "cannot write to" in done.stderr


class Watched:
    """A fit in a process of its own, whose stderr is a terminal, as somebody who watches its bar has."""

    def __init__(self, *arguments: object) -> None:
        import termios

        self.screen, terminal = os.openpty()
        termios.tcsetwinsize(terminal, (24, 160))
        self.process = subprocess.Popen(
            command(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=terminal, cwd=ROOT
        )
        os.close(terminal)
        self.seen = b""

    def reads(self) -> bool:
        """Whether the process wrote more, which is waited for."""
        try:
            piece = os.read(self.screen, 4096)
        except OSError:  # nobody has the terminal open any longer
            return False
        self.seen += piece
        return bool(piece)

    def until_epoch(self, epoch: int) -> None:
        """Block until the bar shows a later epoch; nothing is slept for."""
        while self.reads():
            shown = [int(number) for number in re.findall(rb"epoch (\d+):", self.seen)]
            if shown and max(shown) > epoch:
                return
        raise AssertionError(f"the fit ended early: {self.seen.decode()}")

    def end(self) -> tuple[int, bytes]:
        """The exit code, and all that was on the screen."""
        while self.reads():
            pass
        os.close(self.screen)
        return self.process.wait(timeout=120), self.seen


def test_an_interrupted_measurement_says_that_the_run_is_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    import train as program

    monkeypatch.setattr(program, "evaluate_run", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert program.main(["--evaluate", "digits-ae-2"]) == 130
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    said = capsys.readouterr().err
    assert "digits-ae-2 is as it was" in said and "begun" not in said and "--resume" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_fit_says_how_to_go_on_and_goes_on(
    number: signal.Signals, tmp_path: Path, fitter: Fitter, fitted: Path
):
    shutil.copytree(fitted / "features-digits", tmp_path / "features-digits")  # need not be fitted again
    arguments = [*QUICK, "--epochs", 60, "--out", tmp_path]
    fit = Watched(*arguments)
    partial = partial_folder(tmp_path, "digits-vae-2")
    fit.until_epoch(2)
    fit.process.send_signal(number)
    code, errors = fit.end()
    assert code == 128 + number
    assert b"--resume" in errors and b"Traceback" not in errors
    assert (partial / STATE).is_file() and not (tmp_path / "digits-vae-2").exists()
    done = fitter.run(*arguments, "--resume")
    assert done.returncode == 0, done.stderr
    assert [line["epoch"] for line in read_history(tmp_path / "digits-vae-2")] == list(range(1, 61))


def test_a_killed_fit_costs_at_most_the_last_interval_and_never_the_old_run(fitter: Fitter, fitted: Path):
    old = {path.name: path.read_bytes() for path in (fitted / "digits-vae-2").iterdir() if path.is_file()}
    arguments = [*QUICK, "--epochs", 60, "--save-every", 1, "--out", fitted, "--overwrite"]
    fit = Watched(*arguments)
    fit.until_epoch(3)
    fit.process.kill()
    fit.end()
    assert {name: (fitted / "digits-vae-2" / name).read_bytes() for name in old} == old
    done = fitter.run(*arguments, "--resume")
    assert done.returncode == 0, done.stderr
    assert [line["epoch"] for line in read_history(fitted / "digits-vae-2")] == list(range(1, 61))
    assert load_run(fitted / "digits-vae-2").metrics["train"]["epochs"] == 60


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ("--likelihood gaussian", ["digits-vae-2", "digits-ae-2"]),
        ("--likelihood bernoulli --net conv --widths 8 16 --norm batch --flip", ["digits-vae-2"]),
    ],
)
def test_two_processes_follow_one_to_rounding(flags: str, names: list[str], tmp_path: Path, fitter: Fitter):
    """The first pair under torchrun itself, the second in two processes that need not import anything."""
    arguments = [*QUICK_LOOK, "--epochs", 2, *flags.split(), "--precision", "fp32", "--quiet"]
    twins = len(names) > 1
    arguments += ["--twin"] if twins else []
    alone = fitter.run(*arguments, "--out", tmp_path / "one")
    assert alone.returncode == 0, alone.stderr
    if twins:
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        both = subprocess.run(
            [*torchrun, *command(*arguments, "--out", tmp_path / "two")[1:]],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=300,
            check=False,
        )
    else:
        both = fitter.run(*arguments, "--out", tmp_path / "two", ranks=2)
    assert both.returncode == 0, both.stderr
    assert sorted(p.name for p in (tmp_path / "two").glob("[!.]*")) == sorted(names)
    for name in names:
        one, two = (read_weights(tmp_path / where / name) for where in ("one", "two"))
        start = read_history(tmp_path / "one" / name)[0]["train"]["distortion"]
        for tensor in one:
            np.testing.assert_allclose(two[tensor], one[tensor], atol=2e-3, err_msg=f"{name} {tensor}")
        other = read_history(tmp_path / "two" / name)
        assert other[0]["train"]["distortion"] == pytest.approx(start, rel=1e-4)
        assert len(other) == 2, "only the first process writes"
        assert "2 processes" in load_run(tmp_path / "two" / name).metrics["train"]["device"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of a process")
@pytest.mark.parametrize("limit", [1_000, 60_000])
def test_a_disk_that_is_full_is_one_sentence(limit: int, tmp_path: Path, fitter: Fitter, fitted: Path):
    """No file may grow beyond the limit: the operating system refuses the write as it does on a full disk."""
    shutil.copytree(fitted / "features-digits", tmp_path / "features-digits")
    arguments = [*QUICK, "--epochs", 4, "--save-every", 1, "--quiet", "--out", tmp_path]
    done = fitter.run(*arguments, limit=limit)
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and "cannot write to" in done.stderr
    assert list_runs(tmp_path) == []


def test_a_folder_that_refuses_every_write_is_one_sentence(fitter: Fitter):
    done = fitter.run(*QUICK, "--epochs", 1, "--out", "/proc/self/nowhere")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1 and "cannot write to" in done.stderr


def test_as_many_epochs_are_fitted_as_fit_into_the_minutes_and_a_twin_takes_as_many(fitter: Fitter, tmp_path: Path):
    flags = ["--dataset", "digits", "--latent-dim", "2", "--hidden", "8", "--subset", "100", "--tested", "30"]
    flags += ["--quick", "--twin", "--minutes", "0.01", "--epochs", "100000", "--out", str(tmp_path)]
    done = fitter.run(*flags)
    assert done.returncode == 0, done.stderr
    told = re.search(r"^0\.01 minutes: ([\d,]+) epochs of at most 100,000$", done.stdout, re.MULTILINE)
    assert told is not None, done.stdout
    stored = [read_config(tmp_path / name) for name in ("digits-vae-2", "digits-ae-2")]
    assert [each.train.epochs for each in stored] == [int(told[1].replace(",", ""))] * 2
    assert stored[0].key == stored[1].key
    for name in ("digits-vae-2", "digits-ae-2"):
        history = read_history(tmp_path / name)
        assert list(list_sheets(tmp_path / name))[-1] == history[-1]["epoch"], "the last decodes are kept"
