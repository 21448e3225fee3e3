"""t-SNE of encoded images, and a program of its own around it, so that no server computes it in its own process.

    python -m explorer.analysis.tsne

reads a line {"shape": [n, d]} and n * d little-endian float32 from its input, and writes a line {"iteration": i} now
and then, at last {"shape": [n, 2]} and the positions as float32. It ends at once when its input is closed: whoever
started it is gone or has changed their mind.
"""

import contextlib
import io
import json
import os
import re
import sys
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from explorer.errors import ShapeError

ITERATIONS = 1000
"""Steps of the descent; fewer where nothing moves any more."""

PERPLEXITY = 30.0
"""How many neighbours an image has to stay near to, about; a third of the images where they are few."""

FEWEST = 5
"""Images that can be laid out."""

SAID = re.compile(r"Iteration (\d+): error")
"""How scikit-learn tells where it is, every 50 iterations."""


def tsne(codes: NDArray[np.floating], seed: int = 0, tell: Callable[[int], None] | None = None) -> NDArray[np.float32]:
    """Places in a plane that keep neighbours together; distances between far places mean nothing.

    van der Maaten & Hinton 2008, https://www.jmlr.org/papers/v9/vandermaaten08a.html

    Args:
        codes: (n, d) with n of `FEWEST` or more.
        seed: Of what is left to chance; the start is the codes' principal plane.
        tell: Called with the iterations done, out of `ITERATIONS`, now and then.

    Returns:
        (n, 2), without a unit.

    Raises:
        ShapeError: Fewer codes than `FEWEST`.
    """
    if codes.ndim != 2 or len(codes) < FEWEST:
        raise ShapeError(f"t-SNE lays out {FEWEST} codes (n, d) or more, but got an array of shape {codes.shape}.")
    from sklearn.manifold import TSNE

    def heard(text: str) -> None:
        for found in SAID.finditer(text):
            if tell is not None:
                tell(int(found.group(1)))

    model = TSNE(
        2,
        perplexity=min(PERPLEXITY, (len(codes) - 1) / 3),
        max_iter=ITERATIONS,
        init="pca" if codes.shape[1] >= 2 else "random",
        random_state=seed,
        verbose=2,
    )
    with contextlib.redirect_stdout(_Listener(heard)):  # scikit-learn tells its progress in no other way
        return np.asarray(model.fit_transform(np.asarray(codes, dtype=np.float32)), dtype=np.float32)


class _Listener(io.TextIOBase):
    """A text stream that hands on what is written to it."""

    def __init__(self, heard: Callable[[str], None]) -> None:
        self.heard = heard

    def write(self, text: str) -> int:
        self.heard(text)
        return len(text)


def main() -> None:
    """Answer one request on the standard streams."""
    source, answers = sys.stdin.buffer, sys.stdout.buffer
    rows, dim = json.loads(source.readline())["shape"]
    codes = np.frombuffer(source.read(4 * rows * dim), dtype="<f4").reshape(rows, dim)

    def leave_with_the_caller() -> None:
        source.read()
        os._exit(1)  # without waiting for the descent, which takes no interruption

    def write(line: dict[str, object], body: bytes = b"") -> None:
        answers.write(json.dumps(line).encode() + b"\n" + body)
        answers.flush()

    threading.Thread(target=leave_with_the_caller, daemon=True).start()
    places = tsne(codes, tell=lambda done: write({"iteration": done}))
    write({"shape": list(places.shape)}, places.astype("<f4").tobytes())
    os._exit(0)  # the thread above still reads, and holds the stream that an orderly exit would close


if __name__ == "__main__":
    main()
