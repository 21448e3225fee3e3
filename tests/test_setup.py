"""Setting up and checking: Makefile, requirements, CI, and what the suite stands on."""

import ast
import importlib.metadata
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from explorer.checkpoint import list_runs
from explorer.library import load_run
from tests.test_architecture import RUN_FILES, imports, project_files, python_sources

DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "huggingface_hub": "huggingface-hub"}
"""What to install for an import, where the names differ."""

OF_OTHERS = {"diffusers", "onnxruntime", "pythae"}
"""Packages that models of others are made with: imported only where such a model is met, and then they are there."""

BROUGHT_BY_GRADIO = {"starlette", "fastapi", "uvicorn", "h11", "anyio"}
"""Libraries that are a part of what gradio is; its own tight range decides their versions."""


def requirements(text: str) -> dict[str, str]:
    """Names and version ranges of a requirements.txt."""
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    found = [re.fullmatch(r"([A-Za-z0-9-]+)\s*(\S*)", line) for line in lines if line]
    assert all(found), text
    return {match.group(1): match.group(2) for match in found if match}


# --- requirements -----------------------------------------------------------------------------------------------------


def test_every_requirement_has_a_floor_and_a_ceiling(root: Path):
    required = requirements((root / "requirements.txt").read_text())
    required |= {
        name: versions
        for line in tomllib.loads((root / "pyproject.toml").read_text())["dependency-groups"]["dev"]
        for name, versions in requirements(line).items()
    }
    without = {name for name, versions in required.items() if not re.fullmatch(r">=[\d.]+,<[\d.]+", versions)}
    assert without == set()


def test_what_is_installed_lies_in_the_ranges(root: Path):
    def numbers(version: str) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])

    for name, versions in requirements((root / "requirements.txt").read_text()).items():
        floor, ceiling = (numbers(bound) for bound in versions.split(","))
        assert floor <= numbers(importlib.metadata.version(name)) < ceiling, name


def test_requirements_are_what_the_program_imports(root: Path):
    imported = {item.name.split(".")[0] for source in python_sources(root) for item in imports(source)}
    others = imported - set(sys.stdlib_module_names) - {"explorer", "__future__"} - BROUGHT_BY_GRADIO - OF_OTHERS
    required = set(requirements((root / "requirements.txt").read_text()))
    assert {DISTRIBUTIONS.get(name, name) for name in others} <= required
    optional = {"tensorboard"}  # torch.utils.tensorboard imports it by itself
    assert required - optional <= {DISTRIBUTIONS.get(name, name) for name in others}


def test_torch_and_torchvision_import_together():
    code = "import torch, torchvision; torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


# --- make -------------------------------------------------------------------------------------------------------------

FAKE_PYTHON = """\
#!/bin/sh
# Answers like a Python that makes environments and installs into them, and writes down what it was asked to do.
echo "$*" >> "$LOG"
case "$*" in
  "-c import sys; sys.exit"*) exit "${TOO_OLD:-0}" ;;
  "-m venv --clear "*) rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
  *" install --help") [ -n "$OLD_PIP" ] || echo "  --group" ;;
  *" install "*) exit "${BROKEN:-0}" ;;
esac
"""


class Checkout:
    """A folder with the project's Makefile and an interpreter that only takes notes."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        for name in ("Makefile", "requirements.txt", "pyproject.toml"):
            shutil.copy(root / name, folder / name)
        self.python = folder / "python-to-use"
        self.python.write_text(FAKE_PYTHON)
        self.python.chmod(0o755)

    def make(self, *arguments: str, **environment: str) -> tuple[int, list[str], str]:
        """Exit status, what the interpreter was asked to do, and what was printed."""
        self.log.write_text("")
        outer = ("ARGS", "MAKE", "MFLAGS", "NODE", "NPM", "PYTHON", "VENV")  # what a make around the suite hands down
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
        done = subprocess.run(
            ["make", f"PYTHON={self.python}", *arguments],
            cwd=self.folder,
            env={**inherited, "LOG": str(self.log), **environment},
            capture_output=True,
            text=True,
        )
        return done.returncode, self.log.read_text().splitlines(), done.stdout + done.stderr

    def installs(self, *arguments: str, **environment: str) -> list[str]:
        """What a command installs."""
        return [
            asked
            for asked in self.make(*arguments, **environment)[1]
            if " install -" in asked and "--help" not in asked
        ]


@pytest.fixture
def checkout(tmp_path: Path, root: Path, missing_tool) -> Checkout:
    if shutil.which("make") is None:
        missing_tool("make is not installed")
    return Checkout(tmp_path, root)


def test_make_run_creates_the_environment_installs_and_opens_the_explorer(checkout: Checkout):
    status, asked, output = checkout.make("run", "ARGS=mnist-vae-2 --port 7900")
    assert status == 0, output
    assert [a for a in asked if a.startswith("-m venv")] == ["-m venv --clear .venv"]
    assert asked[-2].endswith("install --requirement requirements.txt")
    assert asked[-1] == "-m explorer mnist-vae-2 --port 7900"


def test_make_run_installs_no_tools_of_development(checkout: Checkout):
    assert not any("--group" in asked for asked in checkout.installs("run"))


def test_make_test_installs_the_tools_and_runs_the_whole_suite(checkout: Checkout):
    status, asked, output = checkout.make("test")
    assert status == 0, output
    assert any(a.endswith("install --requirement requirements.txt --group dev") for a in asked)
    assert asked[-1].strip() == "-m pytest --numprocesses auto --maxprocesses 4 --dist loadfile"


def test_make_installs_once(checkout: Checkout):
    assert checkout.installs("test")
    status, asked, _ = checkout.make("test")
    assert status == 0
    assert not any("venv --clear" in a or "install -" in a for a in asked)


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml"])
def test_make_installs_again_when_the_requirements_change(checkout: Checkout, name: str):
    checkout.make("test")
    with (checkout.folder / name).open("a") as file:
        file.write("# one more line\n")
    os.utime(checkout.folder / name, (0, 0))  # as old as a checkout of an earlier commit can be
    assert checkout.installs("test")
    assert checkout.installs("test") == []


def test_make_goes_on_with_an_installation_that_was_cut_short(checkout: Checkout):
    status, _, _ = checkout.make("run", BROKEN="1")
    assert status != 0
    assert checkout.installs("run")


def test_make_replaces_an_environment_whose_python_is_gone(checkout: Checkout):
    checkout.make("run")
    (checkout.folder / ".venv/bin/python").unlink()
    (checkout.folder / ".venv/bin/python").symlink_to(checkout.folder / "gone")
    _, asked, _ = checkout.make("run")
    assert "-m venv --clear .venv" in asked
    assert asked[-1].strip() == "-m explorer"


def test_make_refuses_an_old_python_with_one_sentence(checkout: Checkout):
    status, asked, output = checkout.make("run", TOO_OLD="1")
    assert status != 0
    assert "needs Python 3.11 or newer" in output
    assert not any("venv" in a for a in asked)


def test_make_renews_a_pip_that_knows_no_groups(checkout: Checkout):
    installs = checkout.installs("test", OLD_PIP="1")
    assert installs[-2].endswith("--upgrade pip>=25.1")


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 2)])
def test_make_check_skips_javascript_without_node_but_fails_in_ci(checkout: Checkout, ci: str, status: int):
    found, _, output = checkout.make("check-javascript", "NODE=no-such-node", CI=ci)
    assert found == status
    assert "JavaScript checks need Node.js" in output


def test_the_makefile_fits_an_old_make(root: Path):
    text = (root / "Makefile").read_text()
    assert not re.search(r"^\.ONESHELL|^\.RECIPEPREFIX|^\S+\s*(!=|::=|:::=)|\$\(file |&:", text, re.MULTILINE)
    assert re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)


# --- CI ---------------------------------------------------------------------------------------------------------------


def test_ci_is_a_sound_script_that_runs_what_the_readme_says(root: Path):
    script = root / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)
    text, readme = script.read_text(), (root / "README.md").read_text()
    for command in ("make test", "make check"):
        assert re.search(rf"^{command.replace(' ', ' (--[a-z-]+ )*')}\b", text, re.MULTILINE), command
        assert re.search(rf"^{command}\b", readme, re.MULTILINE), command


def test_no_set_up_file_names_a_registry(root: Path):
    names = (".ci/run", "Makefile", "requirements.txt", "pyproject.toml", ".npmrc", "package.json")
    for name in names:
        assert not re.search(
            r"https?://|--(extra-)?index-url|^registry\s*=", (root / name).read_text(), re.MULTILINE
        ), name
    packages = json.loads((root / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in packages.items() if name)


# --- what the suite stands on -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [("10.1.2.3", 80), ("example.org", 443), ("2001:db8::1", 80)])
def test_a_test_that_reaches_for_the_network_fails(address: tuple[str, int]):
    with pytest.raises(AssertionError, match="must run without a network"):
        socket.create_connection(address, timeout=1)


def test_this_machine_can_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()[:2]) as client:
        assert client.getpeername() == server.getsockname()


def test_no_test_writes_into_the_folders_of_the_user():
    from explorer.data import cache_dir, default_data_dir

    assert not cache_dir().is_relative_to(Path.home())
    assert not default_data_dir().exists()


def test_the_runs_of_the_suite_are_complete_and_load(twin_runs: Path, run_folder: Path):
    assert list_runs(twin_runs) == ["digits-ae-2", "digits-vae-2"]
    files = {path.name for path in run_folder.iterdir()}
    assert files == {*RUN_FILES, "sheets"}
    run = load_run(run_folder)
    decoded = run.coder.decode(run.latents.mean[:2])
    assert decoded.shape == (2, 1, 8, 8)
    assert abs(decoded[0] - decoded[1]).max() > 0.1, "the fit must be good enough for tests that look at pixels"
    assert run.config.twin == "digits-ae-2"


def test_no_test_waits_for_time_to_pass(root: Path):
    """A fixed wait is too short on a slow machine and too long on every other."""
    found = []
    for path in project_files(root):
        if path.startswith("tests/") and path.endswith(".py"):
            for node in ast.walk(ast.parse((root / path).read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.sleep", "sleep", "asyncio.sleep"):
                    found.append(f"{path}:{node.lineno}")
                if isinstance(node, ast.Attribute) and node.attr == "wait_for_timeout":
                    found.append(f"{path}:{node.lineno}")
    assert found == []
