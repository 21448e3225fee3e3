"""The rules of the design, held by machine.

Each check is a function of a folder that answers with violations, one sentence each. The checks are run on this
checkout, and on made-up trees that break one rule each, so that no check can go blind unnoticed.
"""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

RANKS = {
    "errors": 0,
    "arrays": 0,
    "progress": 0,
    "wanted": 0,
    "config": 1,
    "images": 1,
    "devices": 1,
    "locks": 1,
    "files": 1,
    "analysis": 2,
    "data": 2,
    "models": 2,
    "staging": 2,
    "checkpoint": 3,
    "coder": 3,
    "program": 3,
    "training": 4,
    "adapters": 4,
    "hub": 4,
    "library": 5,
    "plots": 5,
    "views": 6,
    "ui": 7,
    "site": 8,
    "api": 9,
    "__main__": 9,
    "__init__": 10,  # the map of the rooms: it names them all, and no room looks back at it
}
"""Rooms of the package: each sees itself and strictly lower ranks."""

TRAIN_SEES = 4
"""Highest rank that train.py sees."""

LIBRARIES = {
    "gradio": {"ui", "api", "__main__"},
    "gradio_client": set(),
    "starlette": {"ui"},
    "fastapi": {"ui"},
    "plotly": {"plots"},
    # data: to read .pt
    "torch": {"data", "devices", "models", "checkpoint", "coder", "program", "training", "adapters"},
    "torchvision": {"data", "training"},
    "sklearn": {"data", "analysis", "training"},
    "pandas": set(),
    "matplotlib": set(),
}
"""Rooms in which a library may be imported at all; libraries not named here are free."""

LONGEST = 400
"""Lines of a Python file of the program that need no reason."""

LONG = {
    "explorer/checkpoint.py": "the one owner of the layout on disk: whatever writes a run stands beside its reader",
    "explorer/config/settings.py": "every setting of a run, whose docstring is the help of its flag",
    "explorer/data/cache.py": "one conversion from the pictures of a folder to an array, and the removal of old ones",
    "explorer/library/run.py": "everything that is known of one open run, each part computed once",
    "explorer/training/judge.py": "what a feature space is, how it is fitted, stored and read again",
    "explorer/training/fit.py": "one loop and the state that a resumed fit must find again",
    "explorer/training/evaluate.py": "every score is an entry of one table, beside the inputs that scores share",
    "explorer/ui/app.py": "layout, launch settings, ports and the tunnel; each is small, and used by serve alone",
}
"""Files above `LONGEST`, and why each may be."""

VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
"""Words that say nothing about what a module is for."""

TOP_LEVEL = {
    ".ci",
    ".gitattributes",
    ".gitignore",
    ".npmrc",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "checkpoints",
    "eslint.config.mjs",
    "explorer",
    "package-lock.json",
    "package.json",
    "pyproject.toml",
    "requirements.txt",
    "tests",
    "train.py",
    "tsconfig.json",
}

PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
"""Modules whose files run code when they are read."""

WRITES_PICKLES = {"tests/test_data_named.py": "writes pickles of all kinds, to see that none is unpickled"}
"""Files that may import one of them, and why."""

RUN_FILES = {"config.json", "model.safetensors", "latents.safetensors", "metrics.json", "history.jsonl"}
"""Every shipped run holds exactly these, and pictures and codes of epochs in sheets/."""

FEATURE_FILES = {"config.json", "model.safetensors"}
"""What the feature net of a data set, features-<dataset>/, holds."""

FILE_LIMIT, SHIPPED_LIMIT = 15_000_000, 60_000_000
"""Bytes of one shipped file, and of all of them."""

MACHINE_PATHS = re.compile(
    r"(?<![\w.:/~-])/(?:home|Users|root|mnt|media|work|workspace|workspaces|scratch|builds|var/folders)/[\w.@-]+"
    r"|\b[A-Za-z]:\\{1,2}Users\\{1,2}\w+"
)
"""Folders that exist on one machine only."""

OUTSIDE = re.compile(r"""(?:https?:)?//(?!www\.w3\.org/)[a-z0-9-]+(?:\.[a-z0-9-]+)+|@import\b""", re.IGNORECASE)
"""An address of another machine; the names of XML vocabularies are no addresses."""


# --- what there is ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """A parsed Python file: its path below the root, its room ("train" for train.py), and its tree."""

    path: str
    room: str
    tree: ast.Module

    @property
    def module(self) -> str:
        """Dotted name, "explorer.ui" for explorer/ui/__init__.py."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def package(self) -> str:
        """What a relative import starts from."""
        return self.module if self.path.endswith("/__init__.py") else self.module.rpartition(".")[0]


@dataclass(frozen=True)
class Import:
    """One imported module, and where."""

    source: Source
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.source.path}:{self.line} imports {self.name}"


def project_files(root: Path) -> list[str]:
    """Files of the project, tracked or about to be, below a folder; without git every file."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z", "."]
    top = subprocess.run(["git", "-C", str(root), "rev-parse", "--show-toplevel"], capture_output=True, text=True)
    if top.returncode == 0 and Path(top.stdout.strip()).resolve() == root.resolve():
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
        return sorted(name for name in listed if name and (root / name).is_file())
    made = {".venv", "node_modules", "__pycache__", "scratch", ".git", ".gradio", ".hypothesis"}  # by tools, not by us
    skipped = made | {".pytest_cache", ".ruff_cache"}
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if not skipped.intersection(path.parts))


def python_sources(root: Path, *, tests: bool = False) -> list[Source]:
    """The program's Python files, parsed; with `tests`, theirs too."""
    sources = []
    for path in project_files(root):
        parts = Path(path).parts
        if not path.endswith(".py") or not (parts[0] == "explorer" or path == "train.py" or (tests and len(parts) > 1)):
            continue
        room = Path(parts[1]).stem if parts[0] == "explorer" else Path(parts[0]).stem
        sources.append(Source(path, room, ast.parse((root / path).read_text(encoding="utf-8"), path)))
    return sources


def imports(source: Source) -> Iterator[Import]:
    """Every import of a file, at any depth, relative ones resolved, `import_module("...")` included.

    `from a import b` yields `a.b`: whether b is a module or a name in a is settled by `room_of`.
    """
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (Import(source, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = source.package.split(".")
            above = ".".join(start[: len(start) - node.level + 1]) if node.level else ""
            origin = ".".join(part for part in (above, node.module) if part)
            yield from (Import(source, node.lineno, f"{origin}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and called(node) in ("import_module", "importlib.import_module", "__import__"):
            if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                name = node.args[0].value
                yield Import(source, node.lineno, f"{source.package}{name}" if name.startswith(".") else name)


def called(node: ast.Call) -> str:
    """The dotted name that is called, as far as it is one."""
    try:
        return ast.unparse(node.func)
    except ValueError:
        return ""


def room_of(name: str) -> str | None:
    """The room of an imported name: None for other packages, "__init__" for the package's own public names."""
    parts = name.split(".")
    if parts[0] != "explorer":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in RANKS else "__init__"


def keyword(node: ast.Call, name: str) -> object:
    """The literal given for a keyword of a call; None where there is none or it is no literal."""
    value = next((k.value for k in node.keywords if k.arg == name), None)
    return value.value if isinstance(value, ast.Constant) else None


# --- the checks -------------------------------------------------------------------------------------------------------


def rank_violations(root: Path) -> list[str]:
    """A room sees itself and strictly lower ranks; train.py sees up to `TRAIN_SEES`."""
    found = []
    for source in python_sources(root):
        if source.room != "train" and source.room not in RANKS:
            found.append(f"{source.path} is in no room of the design")
            continue
        rank = TRAIN_SEES + 1 if source.room == "train" else RANKS[source.room]
        for item in imports(source):
            room = room_of(item.name)
            if room is None or room == source.room:
                continue
            if RANKS[room] >= rank:
                found.append(f"{item}: rank {rank} must not see rank {RANKS[room]}")
    return found


def library_violations(root: Path) -> list[str]:
    """Each library of `LIBRARIES` only in its rooms, and torchvision in one file of training only."""
    found, judges = [], set()
    for source in python_sources(root):
        for item in imports(source):
            library = item.name.split(".")[0]
            if library in LIBRARIES and source.room not in LIBRARIES[library]:
                allowed = ", ".join(sorted(LIBRARIES[library])) or "nowhere"
                found.append(f"{item}; allowed: {allowed}")
            if library == "torchvision" and source.room == "training":
                judges.add(source.path)
    if len(judges) > 1:
        found.append(f"torchvision is imported in {', '.join(sorted(judges))}; one feature file of training may")
    return found


def vague_names(root: Path) -> list[str]:
    """Modules and folders are named after what they are for."""
    found = []
    for path in project_files(root):
        if path.startswith("checkpoints/"):
            continue
        words = {word for part in Path(path).parts for word in re.split(r"[_\-.]", part.lower())}
        if path.endswith((".py", ".js", ".mjs", ".css")) and words & VAGUE:
            found.append(f"{path}: {', '.join(sorted(words & VAGUE))} says nothing about what is inside")
    return found


def long_files(root: Path) -> list[str]:
    """A file of the program that is long says why in `LONG`."""
    found = []
    for source in python_sources(root):
        lines = len((root / source.path).read_text(encoding="utf-8").splitlines())
        if lines > LONGEST and source.path not in LONG:
            found.append(f"{source.path} has {lines} lines; split it, or say in LONG why {LONGEST} do not do")
    return found


def top_level_violations(root: Path) -> list[str]:
    """Nothing lies at the top but what the design puts there."""
    return [f"{name} at the top level" for name in sorted({Path(p).parts[0] for p in project_files(root)} - TOP_LEVEL)]


def dangerous_code(root: Path) -> list[str]:
    """No bare except, no lenient loading, nothing unpickled."""
    found = []
    for source in python_sources(root, tests=True):
        for item in imports(source):
            if item.name.split(".")[0] in PICKLES and source.path not in WRITES_PICKLES:
                found.append(f"{item}: files of it run code when they are read")
        for node in ast.walk(source.tree):
            where = f"{source.path}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                found.append(f"{where} catches everything, Ctrl-C included")
            if not isinstance(node, ast.Call):
                continue
            name = called(node)
            last = name.rpartition(".")[2]
            lenient = keyword(node, "strict") is False or (
                len(node.args) > 1 and isinstance(node.args[1], ast.Constant) and node.args[1].value is False
            )
            if last.startswith("load") and last != "loads" and lenient:
                found.append(f"{where} loads without being strict")
            if name == "torch.load" or (last == "load" and "from torch import load" in ast.unparse(source.tree)):
                if keyword(node, "weights_only") is not True:
                    found.append(f"{where} calls torch.load without weights_only=True")
            if keyword(node, "allow_pickle") is True or last == "read_pickle":
                found.append(f"{where} unpickles")
    return found


def machine_paths(root: Path, here: tuple[Path, ...] = ()) -> list[str]:
    """No file names a folder of somebody's machine.

    Args:
        root: The tree.
        here: Folders of this machine that no file may name, binary files included.
    """
    found = []
    needles = [str(folder).encode() for folder in here if len(folder.parts) > 1]
    for path in project_files(root):
        content = (root / path).read_bytes()
        found += [
            f"{path} names {needle.decode()}" for needle in needles if re.search(re.escape(needle) + rb"\b", content)
        ]
        if b"\0" in content[:4096]:
            continue
        for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), 1):
            found += [f"{path}:{number} names {match.group()}" for match in MACHINE_PATHS.finditer(line)]
    return found


def outside_addresses(root: Path) -> list[str]:
    """The page's own files fetch nothing from another machine."""
    found = []
    for path in project_files(root):
        if not path.startswith("explorer/ui/static/") or path.endswith((".png", ".webp", ".wasm")):
            continue
        for number, line in enumerate((root / path).read_text(encoding="utf-8").splitlines(), 1):
            comment = line.lstrip().startswith(("//", "*", "/*"))  # papers are cited there, never fetched
            if not comment:
                found += [f"{path}:{number} names {match.group()}" for match in OUTSIDE.finditer(line)]
    return found


def shipped_violations(root: Path) -> list[str]:
    """Shipped runs hold the fixed layout and no other file, within the limits of size."""
    found, held, total = [], {}, 0
    for path in project_files(root):
        parts = Path(path).parts
        if parts[0] != "checkpoints":
            continue
        size = (root / path).stat().st_size
        total += size
        if size > FILE_LIMIT:
            found.append(f"{path} has {size:,} bytes; {FILE_LIMIT:,} are allowed")
        if len(parts) < 3:
            found.append(f"{path} is in no run")
            continue
        held.setdefault(parts[1], set()).add("/".join(parts[2:]))
    for name, files in held.items():
        if name.startswith("features-"):
            found += [
                f"checkpoints/{name}/{file} is no part of a feature net" for file in sorted(files - FEATURE_FILES)
            ]
            continue
        found += [f"checkpoints/{name} lacks {file}" for file in sorted(RUN_FILES - files)]
        others = {
            file for file in files - RUN_FILES if not re.fullmatch(r"sheets/[\w.-]+\.(png|webp|safetensors)", file)
        }
        found += [f"checkpoints/{name}/{file} is no part of a run" for file in sorted(others)]
        found += name_violations(root, name) if "config.json" in files else []
    if total > SHIPPED_LIMIT:
        found.append(f"the shipped runs take {total:,} bytes; {SHIPPED_LIMIT:,} are allowed")
    return found


def name_violations(root: Path, name: str) -> list[str]:
    """A run is called as its settings say, and its twin is shipped with it."""
    config = json.loads((root / "checkpoints" / name / "config.json").read_text(encoding="utf-8"))
    data, model = config.get("data", {}), config.get("model", {})
    parts = [data.get("name") or data.get("dataset"), model.get("family"), model.get("latent_dim"), config.get("tag")]
    expected = "-".join(str(part) for part in parts if part is not None)
    found = [] if name == expected else [f"checkpoints/{name} should be called {expected} by its config.json"]
    twin = config.get("twin")
    if twin and not (root / "checkpoints" / twin / "config.json").is_file():
        found.append(f"checkpoints/{name} names the twin {twin}, which is not shipped")
    return found


CHECKS: list[Callable[[Path], list[str]]] = [
    rank_violations,
    library_violations,
    vague_names,
    long_files,
    top_level_violations,
    dangerous_code,
    machine_paths,
    outside_addresses,
    shipped_violations,
]


# --- this checkout ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_this_checkout_keeps_the_rules_of_the_design(check: Callable[[Path], list[str]], root: Path):
    assert check(root) == []


def test_no_file_names_a_folder_of_this_machine(root: Path):
    assert machine_paths(root, here=(root.parent, Path.home())) == []


def test_the_checks_see_the_whole_program(root: Path):
    sources = python_sources(root)
    assert {"explorer/__init__.py", "explorer/checkpoint.py", "train.py"} <= {s.path for s in sources}
    edges = {(s.room, room_of(i.name)) for s in sources for i in imports(s)}
    assert {("coder", "models"), ("checkpoint", "config"), ("__init__", "api")} <= edges


HEAVY = ("torch", "torchvision", "sklearn", "gradio", "plotly")


@pytest.mark.parametrize(
    ("module", "light"),
    [
        ("explorer", HEAVY),
        ("explorer.analysis", ("torch", "torchvision", "gradio", "plotly")),
        ("explorer.checkpoint", HEAVY),
        ("explorer.data", ("torch", "torchvision", "sklearn")),
        ("explorer.library", HEAVY),
        ("explorer.views.hole_scores", HEAVY),
        ("explorer.views.report", HEAVY),
        ("explorer.plots.interpolate", ("torch", "torchvision", "sklearn", "gradio")),
        ("explorer.api", ("torch", "torchvision", "sklearn")),
        ("explorer.__main__", ("torch", "torchvision", "sklearn")),
    ],
)
def test_importing_a_room_does_not_load_what_it_can_do_without(module: str, light: tuple[str, ...], root: Path):
    assert loaded_by(f"import {module}", root).isdisjoint(light)


def test_public_names_are_loaded_when_they_are_first_used(root: Path):
    names = loaded_by("import explorer; explorer.load_run; explorer.ExplorerError", root)
    assert {"explorer.checkpoint", "explorer.errors"} <= names
    assert "explorer.api" not in names


def loaded_by(statement: str, root: Path) -> set[str]:
    """Names of the modules a fresh interpreter holds after a statement."""
    code = f"import sys; {statement}; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=root)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


# --- made-up trees ----------------------------------------------------------------------------------------------------

SOUND = {
    "train.py": "from explorer.training import fit\n",
    "explorer/__init__.py": "if TYPE_CHECKING:\n    from explorer.api import launch\n",
    "explorer/errors.py": "class ExplorerError(Exception): ...\n",
    "explorer/config/settings.py": "from explorer.errors import ExplorerError\n",
    "explorer/analysis/__init__.py": "from . import holes\n",
    "explorer/analysis/holes.py": "from ..errors import ExplorerError\ndef fit():\n    import sklearn.mixture\n",
    "explorer/coder.py": "import torch\nfrom explorer import errors\n",
    "explorer/checkpoint.py": "def load():\n    from explorer.config import read\n",
    "explorer/training/__init__.py": "import torch\nfrom explorer.coder import load\n",
    "explorer/training/judge.py": "import torchvision\nstate = torch.load('x', weights_only=True)\n",
    "explorer/plots/__init__.py": "",
    "explorer/plots/style.py": "import plotly.graph_objects as go\n",
    "explorer/views/__init__.py": "from explorer.plots.style import draw\nfrom explorer.library import row\n",
    "explorer/library.py": "import json\nrow = json.loads('[]')\n",
    "explorer/ui/__init__.py": "import gradio as gr\nfrom explorer.plots.style import draw\nfrom .page import Page\n",
    "explorer/ui/page.py": "from explorer.library import Library\n",
    "explorer/ui/static/panel.js": "const ns = 'http://www.w3.org/2000/svg';\n// see https://arxiv.org/abs/1312.6114\n",
    "explorer/api.py": "import gradio\nfrom explorer.ui import app\n",
    "README.md": "Run it in ~/explorer, or browse https://example.org/home/index\n",
    "tests/test_page.py": "model.load_state_dict(weights)\n",
    **{f"checkpoints/digits-vae-2/{name}": "" for name in RUN_FILES},
    "checkpoints/digits-vae-2/config.json": json.dumps(
        {"data": {"dataset": "digits"}, "model": {"family": "vae", "latent_dim": 2}, "tag": None}
    ),
    "checkpoints/digits-vae-2/sheets/epoch-0001.png": "",
    "checkpoints/features-digits/model.safetensors": "",
}
"""A tree that keeps every rule, and comes close to breaking some."""


def made_up(folder: Path, changes: dict[str, str]) -> Path:
    """The sound tree with some files changed or added."""
    for name, content in {**SOUND, **changes}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def test_a_sound_tree_passes_every_check(tmp_path: Path):
    tree = made_up(tmp_path, {})
    assert {check.__name__: check(tree) for check in CHECKS} == {check.__name__: [] for check in CHECKS}


HOME, USERS = "/" + "home", "/" + "Users"  # in two parts, or the check would find them here
SETTINGS = '{"data": {"dataset": "mnist"}, "model": {"family": "vae", "latent_dim": 2}}'

VIOLATIONS = [
    (rank_violations, "explorer/checkpoint.py", "def load():\n    from explorer.coder import TorchCoder", "rank 3"),
    (rank_violations, "explorer/config/settings.py", "from explorer.library import Library", "settings.py:1"),
    (rank_violations, "explorer/config/settings.py", "import explorer.ui.page", "settings.py:1"),
    (rank_violations, "explorer/config/settings.py", "def f():\n    from explorer import data", "settings.py:2"),
    (
        rank_violations,
        "explorer/config/settings.py",
        "from explorer import load_run, ExplorerError",
        "rank 1 must not see rank 10",
    ),
    (rank_violations, "explorer/config/settings.py", "import explorer", "rank 1 must not see rank 10"),
    (rank_violations, "explorer/config/settings.py", "from .. import images", "settings.py:1"),
    (rank_violations, "explorer/errors.py", "from explorer.arrays import Latents", "rank 0 must not see rank 0"),
    (rank_violations, "explorer/analysis/holes.py", "from ..training.judge import Judge", "holes.py:1"),
    (rank_violations, "explorer/analysis/holes.py", "from explorer.data import ImageSet", "rank 2 must not see rank 2"),
    (rank_violations, "explorer/ui/page.py", "from ..api import launch", "page.py:1"),
    (rank_violations, "explorer/ui/page.py", "import importlib\nimportlib.import_module('explorer.api')", "page.py:2"),
    (rank_violations, "explorer/views/map.py", "from explorer.ui.page import Page", "rank 6 must not see rank 7"),
    (rank_violations, "explorer/plots/holes.py", "from explorer.views import map", "rank 5 must not see rank 6"),
    (library_violations, "explorer/views/map.py", "import plotly.graph_objects", "map.py:1"),
    (library_violations, "explorer/views/map.py", "import torch", "map.py:1"),
    (library_violations, "explorer/views/map.py", "from gradio import HTML", "map.py:1"),
    (rank_violations, "train.py", "from explorer.library import Library", "train.py:1"),
    (rank_violations, "explorer/extras.py", "", "no room"),
    (rank_violations, "explorer/extras/__init__.py", "", "no room"),
    (library_violations, "explorer/library.py", "def f():\n    import gradio as gr", "library.py:2"),
    (library_violations, "explorer/ui/page.py", "import plotly.io", "page.py:1"),
    (library_violations, "explorer/ui/page.py", "from torch import nn", "page.py:1"),
    (library_violations, "explorer/analysis/holes.py", "import torch", "holes.py:1"),
    (library_violations, "explorer/models/vae.py", "from torchvision import models", "vae.py:1"),
    (library_violations, "explorer/training/fit.py", "import torchvision", "one feature file"),
    (library_violations, "explorer/library.py", "import sklearn", "library.py:1"),
    (library_violations, "train.py", "import torch", "train.py:1"),
    (vague_names, "explorer/analysis/utils.py", "", "utils"),
    (vague_names, "explorer/ui/image_helpers.py", "", "helpers"),
    (vague_names, "explorer/common/__init__.py", "", "common"),
    (vague_names, "explorer/models/base.py", "", "base"),
    (vague_names, "explorer/ui/static/manager.js", "", "manager"),
    (long_files, "explorer/coder.py", "import json\n" * 401, "401 lines"),
    (top_level_violations, "notes.txt", "", "notes.txt"),
    (top_level_violations, "setup.py", "", "setup.py"),
    (top_level_violations, "notebooks/first.py", "", "notebooks"),
    (dangerous_code, "explorer/library.py", "try:\n    pass\nexcept:\n    pass", "library.py:3"),
    (dangerous_code, "explorer/coder.py", "model.load_state_dict(weights, strict=False)", "strict"),
    (dangerous_code, "explorer/coder.py", "model.load_state_dict(weights, False)", "strict"),
    (dangerous_code, "tests/test_coder.py", "load_model(model, path, strict=False)", "strict"),
    (dangerous_code, "explorer/training/fit.py", "state = torch.load(path)", "weights_only"),
    (dangerous_code, "explorer/training/fit.py", "state = torch.load(path, weights_only=False)", "weights_only"),
    (dangerous_code, "explorer/training/fit.py", "from torch import load\nstate = load(path)", "weights_only"),
    (dangerous_code, "explorer/data/faces.py", "def f():\n    import pickle", "pickle"),
    (dangerous_code, "explorer/data/faces.py", "from joblib import dump", "joblib"),
    (dangerous_code, "explorer/data/faces.py", "np.load(path, allow_pickle=True)", "unpickles"),
    (machine_paths, "README.md", f"cd {HOME}/ada/explorer", "README.md:1"),
    (machine_paths, "explorer/config/settings.py", f"first\npath = '{USERS}/ada/data'", "settings.py:2"),
    (machine_paths, "checkpoints/digits-vae-2/metrics.json", f'{{"out": "{HOME}/ada/runs"}}', "metrics.json:1"),
    (machine_paths, "README.md", "C:" + "\\Users\\ada", "README.md:1"),
    (outside_addresses, "explorer/ui/static/panel.js", "fetch('https://example.org/beacon')", "panel.js:1"),
    (outside_addresses, "explorer/ui/static/page.css", "@import url(fonts.css);", "page.css:1"),
    (outside_addresses, "explorer/ui/static/page.css", "src: url(//fonts.example.org/a.woff2)", "page.css:1"),
    (shipped_violations, "checkpoints/digits-vae-2/training_state.pt", "", "no part of a run"),
    (shipped_violations, "checkpoints/digits-vae-2/sheets/test.txt", "", "no part of a run"),
    (shipped_violations, "checkpoints/digits-vae-2/.metrics.json.new", "", "no part of a run"),
    (shipped_violations, "checkpoints/digits-ae-2/metrics.json", "{}", "digits-ae-2 lacks config.json"),
    (shipped_violations, "checkpoints/notes.md", "", "in no run"),
    (shipped_violations, "checkpoints/features-digits/images.npy", "", "feature net"),
    (shipped_violations, "checkpoints/digits-vae-2/config.json", SETTINGS, "should be called mnist-vae-2"),
    (
        shipped_violations,
        "checkpoints/digits-vae-2/config.json",
        SETTINGS.replace("mnist", "digits")[:-1] + ', "twin": "digits-ae-2"}',
        "twin digits-ae-2, which is not shipped",
    ),
]


@pytest.mark.parametrize(
    ("check", "path", "content", "sentence"), VIOLATIONS, ids=lambda value: getattr(value, "__name__", str(value)[:40])
)
def test_each_check_catches_what_it_is_for(
    check: Callable[[Path], list[str]], path: str, content: str, sentence: str, tmp_path: Path
):
    violations = check(made_up(tmp_path, {path: content}))
    assert [violation for violation in violations if sentence in violation], violations


def test_a_folder_of_this_machine_is_found_in_binary_files_too(tmp_path: Path):
    tree = made_up(tmp_path / "tree", {})
    (tree / "checkpoints/digits-vae-2/model.safetensors").write_bytes(b"\0\0" + str(tmp_path).encode() + b"/x")
    assert len(machine_paths(tree, here=(tmp_path,))) == 1


def test_the_limits_of_size_count_single_files_and_all_together(tmp_path: Path):
    tree = made_up(tmp_path, {})
    sparse(tree / "checkpoints/digits-vae-2/latents.safetensors", FILE_LIMIT)
    assert shipped_violations(tree) == []
    sparse(tree / "checkpoints/digits-vae-2/latents.safetensors", FILE_LIMIT + 1)
    assert [v for v in shipped_violations(tree) if "latents.safetensors" in v]
    sparse(tree / "checkpoints/digits-vae-2/latents.safetensors", FILE_LIMIT)
    for name in ("model.safetensors", "history.jsonl", "metrics.json"):
        sparse(tree / "checkpoints/digits-vae-2" / name, FILE_LIMIT)
    assert [v for v in shipped_violations(tree) if "shipped runs take" in v]


def sparse(path: Path, size: int) -> None:
    """A file of that many zero bytes which takes no room."""
    with path.open("wb") as file:
        file.truncate(size)
