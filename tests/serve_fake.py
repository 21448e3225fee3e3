"""Serve the page over two models in memory: scikit-learn's digits under principal components, as AE and VAE twins.

    python tests/serve_fake.py --port 7899

Prints READY and the address when the page answers.
"""

import argparse
import contextlib
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

import anyio
import httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from explorer.config import DataConfig
from explorer.data import load_dataset
from explorer.images import to_unit
from explorer.library import Library
from tests.fakes import LinearCoder

T = TypeVar("T")


def linear_digits(latent_dim: int, log_variance: float | None, scale: float = 1.0) -> tuple[LinearCoder, np.ndarray]:
    """Principal components of the digits as a Coder, and the digits' pixels (1797, 1, 8, 8).

    Args:
        latent_dim: d.
        log_variance: Of its posterior; None for an autoencoder.
        scale: Standard deviation of the codes along each axis.
    """
    pixels = load_dataset(DataConfig(dataset="digits")).pixels
    flat = to_unit(pixels, 17).reshape(len(pixels), -1)
    mean = flat.mean(0)
    _, spread, axes = np.linalg.svd(flat - mean, full_matrices=False)
    deviations = spread[:latent_dim] / np.sqrt(len(flat))
    matrix = axes[:latent_dim].T * deviations / scale
    coder = LinearCoder(matrix, (1, 8, 8), log_variance, sigma=0.2, levels=17)
    coder.offset = mean  # pyright: ignore[reportAttributeAccessIssue] - one offset a pixel does as well
    return coder, pixels


def fake_library(checkpoints: Path | None = None, latent_dim: int = 4) -> Library:
    """A library that holds `linear-vae` and its twin `linear-ae`, beside the runs of a folder if one is named."""
    digits = load_dataset(DataConfig(dataset="digits"))
    library = Library(checkpoints)
    for name, log_variance, scale, twin in (
        ("linear-vae", -2.0, 1.0, "linear-ae"),
        ("linear-ae", None, 4.0, "linear-vae"),
    ):
        coder, pixels = linear_digits(latent_dim, log_variance, scale)
        library.hold(name, coder, pixels, digits.labels, class_names=digits.class_names, dataset="digits", twin=twin)
    return library


@contextlib.contextmanager
def serving(library: Library, **settings: Any) -> Iterator[str]:
    """The address, without a slash at its end, of a page over the library that is served inside the block.

    Args:
        library: The runs.
        settings: As in `explorer.ui.app.serve`.
    """
    from explorer.ui.app import serve

    server = serve(library, **{"port": 0, **settings})
    try:
        yield server.url.rstrip("/")
    finally:
        server.close()


@contextlib.contextmanager
def asking(library: Library) -> Iterator[httpx.Client]:
    """Somebody who asks the page's routes in this process: no port, no layers of security, no gradio page."""
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    from explorer.ui import export
    from explorer.ui.app import tab_modules
    from explorer.ui.routes import served
    from explorer.ui.static_files import StaticFiles

    modules = tab_modules().values()
    figures = {name: make for module in modules for name, make in getattr(module, "FIGURES", {}).items()}
    offers = [export.routes, *(module.routes for module in modules if hasattr(module, "routes"))]
    with TestClient(Starlette(routes=served(library, figures, StaticFiles(), offers, public=False))) as client:
        yield cast(Any, client)  # of a copy of httpx with the same members


def client_of(url: str) -> httpx.Client:
    """Somebody who asks a page; gradio's server drops a connection after an error, so none is kept."""
    return httpx.Client(base_url=url, timeout=60, limits=httpx.Limits(max_keepalive_connections=0))


def awaited(function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """What a coroutine function returns; in a thread of its own, because playwright keeps a loop in the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(anyio.run, function, *arguments).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latent-dim", type=int, default=4)
    parser.add_argument("--checkpoints", type=Path, help="also list the runs of this folder")
    options = parser.parse_args()
    with serving(fake_library(options.checkpoints, options.latent_dim), port=options.port) as url:
        print(f"READY {url}/", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
