"""Explore a model of one's own from Python."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from explorer.arrays import Coder, Images, Pixels
from explorer.library import Library

if TYPE_CHECKING:
    from explorer.ui.app import Server


def launch(
    coder: Coder | Mapping[str, Coder],
    images: Images | Pixels,
    labels: NDArray[np.integer] | None = None,
    *,
    class_names: Sequence[str] | None = None,
    checkpoints: Path | str | None = None,
    host: str = "127.0.0.1",
    port: int | None = None,
    share: bool = False,
    accounts: Sequence[tuple[str, str]] = (),
    open_browser: bool = False,
    block: bool = True,
) -> "Server":
    """Open the explorer on models in memory.

        launch(my_coder, images, labels)
        launch({"plain": my_autoencoder, "variational": my_vae}, images, labels)  # side by side, as twins

    Args:
        coder: A model, anything with the methods of `explorer.arrays.Coder`; or models by name. Two are twins.
        images: What to encode, (N, C, H, W), float in [0, 1] or uint8 in 0 .. levels - 1; 30 at least.
        labels: (N,) indices into `class_names`, or None.
        class_names: Names of the labels, at most 10,000; None for the numbers themselves.
        checkpoints: Folder of runs to list as well, or None.
        host: Name or address to listen on.
        port: Port, exactly; None for the first free one, 0 for any.
        share: Whether to ask gradio's service for a public address.
        accounts: Names and passwords; none for a page without login.
        open_browser: Whether to show the page in the system's browser.
        block: Whether to wait until Ctrl-C; False returns at once and serves on.

    Returns:
        The server, with its `url`; `close()` ends it.

    Raises:
        ShapeError: Images, labels and model do not go together.
        CheckpointError: A name is taken, or the folder is not there.
        ServeError: The port is taken.
    """
    library = Library(Path(checkpoints) if checkpoints is not None else None)
    models = dict(coder) if isinstance(coder, Mapping) else {"yours": coder}
    names = list(models)
    for name, model in models.items():
        twin = names[1 - names.index(name)] if len(names) == 2 else None
        named = tuple(class_names) if class_names is not None else None
        library.hold(name, model, images, labels, class_names=named, twin=twin)
    from explorer.site import page_of
    from explorer.ui.app import serve
    from explorer.ui.export import page_routes

    server = serve(
        library,
        host=host,
        port=port,
        share=share,
        accounts=accounts,
        open_browser=open_browser,
        framed=not block,
        further=[page_routes(page_of)],
    )
    print(f"Latent Space Explorer: {server.share_url or server.url}", flush=True)
    if server.share_trouble:
        print(server.share_trouble, flush=True)
    if block:
        try:
            while server.is_serving():
                time.sleep(0.5)
        except KeyboardInterrupt:
            server.close()
    return server
