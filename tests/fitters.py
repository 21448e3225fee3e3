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
from tests.conftest import FEW_TREES, ROOT

NAME = "digits-vae-2"
QUICK = ["--dataset", "digits", "--latent-dim", "2", "--hidden", "8", "--nll-samples", "2", "--nll-images", "10"]
QUICK += ["--subset", "100", "--tested", "30", "--epochs", "3", "--save-every", "1", "--quiet"]

FEW = f"from explorer.analysis import log_ratio; log_ratio.TREES = {FEW_TREES}"

PROGRAM = [sys.executable, "-c", f"import sys; {FEW}; import train; sys.exit(train.spoken())"]
"""Runs train.py as `Fitter` does, but from its first import on in a process of its own."""

DRIVER = (
    FEW
    + """
import json, os, resource, socket, sys, traceback
from concurrent.futures import ThreadPoolExecutor
import train
# once for all, also what a fit imports on its way: seconds for each
import explorer.coder, explorer.training.board, explorer.training.evaluate, explorer.training.fit
import sklearn.datasets, sklearn.ensemble, sklearn.mixture, torch._dynamo


def begun(arguments, target, limit, ranks, rank, port, pipes):
    child = os.fork()
    if child:
        return child
    for number, (_, end) in enumerate(pipes, 1):
        os.dup2(end, number)

    def bound():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    def full(event, told):
        path = told[0] if event == "open" and isinstance(told[0], str) else ""
        if path.endswith("/" + target):
            bound()

    if target:
        sys.addaudithook(full)
    elif limit:
        bound()
    if ranks > 1:  # as torchrun says it
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(ranks)}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    code = 70
    try:
        code = train.spoken(arguments)
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()  # as Python does of a program
    finally:
        sys.stdout.flush(), sys.stderr.flush(), os._exit(code)


def run(arguments, target, limit, ranks):
    pipes = [os.pipe(), os.pipe()]  # what is said goes past every limit of files
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = [begun(arguments, target, limit, ranks, rank, port, pipes) for rank in range(ranks)]
    for _, end in pipes:
        os.close(end)
    said = [os.fdopen(heard, errors="replace") for heard, _ in pipes]
    with ThreadPoolExecutor(2) as pool:
        texts = list(pool.map(lambda stream: stream.read(), said))
    for stream in said:
        stream.close()
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return [max(codes, key=abs), *texts]


for line in sys.stdin:
    print(json.dumps(run(**json.loads(line))), flush=True)
"""
)
"""Runs train.py in a process of its own for each line, whose files may not grow beyond `limit` from `target` on."""


@dataclass(frozen=True)
class Fitter:
    """Processes of train.py that need not import anything."""

    process: subprocess.Popen[str]

    def run(
        self,
        *arguments: object,
        target: str | None = None,
        limit: int = 0,
        ranks: int = 1,
    ) -> subprocess.CompletedProcess[str]:
        """Run train.py to its end.

        Args:
            arguments: Its command line.
            target: End of a path.
            limit: Bytes beyond which no file grows, once the target is opened or, without one, from the first step on;
                0 for none.
            ranks: Processes that share the fit, as under torchrun.
        """
        assert self.process.stdin is not None and self.process.stdout is not None
        command = [*map(str, arguments), "--threads", "1"]
        asked = {"arguments": command, "target": target, "limit": limit, "ranks": ranks}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return subprocess.CompletedProcess(command, *json.loads(self.process.stdout.readline()))

    def fit(self, out: Path, *flags: str, target: str | None = None, limit: int = 0) -> tuple[int, str]:
        """Exit code and output of a fit; the rest as in `run`."""
        done = self.run(*QUICK, "--out", out, *flags, target=target, limit=limit)
        return done.returncode, done.stdout + done.stderr


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
