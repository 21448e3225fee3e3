"""Many short fits by train.py in processes of their own, which are forked from one that has imported everything."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer.checkpoint import read_history
from tests.conftest import ROOT

NAME = "digits-vae-2"
QUICK = ["--dataset", "digits", "--latent-dim", "2", "--hidden", "8", "--nll-samples", "2", "--nll-images", "10"]
QUICK += ["--subset", "100", "--tested", "30", "--epochs", "3", "--save-every", "1", "--quiet", "--threads", "1"]

DRIVER = """
import json, os, resource, sys
import train
import explorer.coder, explorer.training.board, explorer.training.evaluate, explorer.training.fit  # once for all


def run(arguments, target, limit):
    answer, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(end, 1), os.dup2(end, 2), os.close(answer), os.close(end)

        def full(event, told):
            path = told[0] if event == "open" and isinstance(told[0], str) else ""
            if path.endswith("/" + target) or (target == "events" and "tfevents" in path):
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

        if target:
            sys.addaudithook(full)
        code = 70
        try:
            code = train.spoken(arguments)
        finally:
            sys.stdout.flush(), sys.stderr.flush(), os._exit(code)
    os.close(end)
    with os.fdopen(answer, errors="replace") as said:
        text = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


for line in sys.stdin:
    print(json.dumps(run(**json.loads(line))), flush=True)
"""
"""Runs train.py in a process of its own for each line, whose files may not grow beyond `limit` from `target` on."""


@dataclass(frozen=True)
class Fitter:
    """Processes of train.py that need not import anything."""

    process: subprocess.Popen[str]

    def fit(self, out: Path, *flags: str, target: str | None = None, limit: int = 0) -> tuple[int, str]:
        """Exit code and output of a fit, during which no file grows beyond the limit once the target is opened."""
        assert self.process.stdin is not None and self.process.stdout is not None
        arguments = [*QUICK, "--out", str(out), *flags]
        self.process.stdin.write(json.dumps({"arguments": arguments, "target": target, "limit": limit}) + "\n")
        self.process.stdin.flush()
        code, said = json.loads(self.process.stdout.readline())
        return code, said


@contextlib.contextmanager
def open_fitter() -> Iterator[Fitter]:
    """A fitter inside the block."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", DRIVER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as process:
        yield Fitter(process)
        assert process.stdin is not None
        process.stdin.close()


def what_was_fitted(out: Path) -> dict[str, Any]:
    """All that two fits of one run must share."""
    folder = out / NAME
    metrics = json.loads((folder / "metrics.json").read_text())
    for name in ("seconds", "images_per_second"):
        del metrics["train"][name]
    digests = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.suffix in (".safetensors", ".png")
    }
    epochs = [{name: line[name] for name in ("epoch", "train", "validation")} for line in read_history(folder)]
    return {"metrics": metrics, "files": digests, "epochs": epochs}
