"""t-SNE of encoded images, and a program of its own around it, so that no server computes it in its own process.

    python -m explorer.analysis.tsne

reads a line {"shape": [n, d]} and n * d little-endian float32 from its input, and writes a line {"iteration": i} now
and then, at last {"shape": [n, 2]} and the positions as float32, or {"trouble": "a sentence"}. It ends at once when its
input is closed: whoever started it is gone or has changed their mind.
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


def check_codes(codes: NDArray[np.floating]) -> None:
    """Refuse codes (n, d) that have no layout.

    scikit-learn divides by the spread of the codes: where all are the same, its tree of places ends the process.

    Raises:
        ShapeError: Fewer codes than `FEWEST`, fewer different ones, or some that are not finite.
    """
    if codes.ndim != 2 or len(codes) < FEWEST or not codes.shape[1]:
        raise ShapeError(f"t-SNE lays out {FEWEST} codes (n, d) or more, but got an array of shape {codes.shape}.")
    if not np.isfinite(codes).all():
        raise ShapeError("t-SNE lays out finite codes, but some of these are not finite; fit the run again.")
    different = len(np.unique(codes.astype(np.float32), axis=0))
    if different < FEWEST:
        raise ShapeError(
            f"t-SNE lays out {FEWEST} different codes or more, but these {len(codes):,} are {different} different "
            "ones: the encoder hardly tells the images apart."
        )


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
        ShapeError: The codes have no layout; see `check_codes`.
    """
    check_codes(codes)
    codes = _in_range(np.asarray(codes, dtype=np.float32))
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
        return np.asarray(model.fit_transform(codes), dtype=np.float32)


def _in_range(codes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Codes (n, d) whose squares float32 holds: centred and scaled where their spread, or their middle, is extreme."""
    exact = codes.astype(np.float64)
    middle = exact.mean(axis=0)
    spread = np.abs(exact - middle).max()
    if 1e-3 <= spread <= 1e6 and np.abs(middle).max() <= 1e3 * spread:
        return codes
    return ((exact - middle) / spread).astype(np.float32)


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
    try:
        places = tsne(codes, tell=lambda done: write({"iteration": done}))
        write({"shape": list(places.shape)}, places.astype("<f4").tobytes())
        os._exit(0)
    except ShapeError as error:
        write({"trouble": str(error)})
    except (MemoryError, ImportError):  # a library that is there, but cannot be mapped into what memory is left
        write({"trouble": "there is not enough memory."})
    finally:
        os._exit(1)  # the thread above still reads, and holds the stream that an orderly exit would close


if __name__ == "__main__":
    main()
