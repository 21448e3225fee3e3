"""Explore a model of one's own from Python."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.library import Library, hold_models
from explorer.progress import is_terminal, stage

if TYPE_CHECKING:
    from explorer.ui.app import Server


def launch(
    model: Any,
    images: Any,
    labels: Any = None,
    *,
    attributes: Any = None,
    attribute_names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    pixel_range: tuple[float, float] | None = None,
    image_size: tuple[int, int] | None = None,
    checkpoints: Path | str | None = None,
    host: str = "127.0.0.1",
    port: int | None = None,
    share: bool = False,
    accounts: Sequence[tuple[str, str]] = (),
    open_browser: bool = False,
    block: bool = True,
) -> "Server":
    """Open the explorer on models in memory.

        launch(net, images, labels)  # a torch module with encode and decode, or encoder and decoder
        launch(explorer.from_torch(encode, decode, pixel_range=(-1, 1)), images)
        launch({"plain": my_autoencoder, "variational": my_vae}, images, labels)  # side by side, as twins

    One batch is encoded and decoded first; what was found out about it is printed.

    Args:
        model: A torch module, what `from_torch` gives, a model of pythae or diffusers, anything with the methods of
            `explorer.arrays.Coder`, or the place of one (`explorer.adapters.KINDS`); or several, as a list or by their
            names. Two are twins.
        images: What to encode, 30 at least: an array or tensor (N, C, H, W), (N, H, W, C) or (N, H, W), bytes or
            floats; a list of pictures, a Dataset, a DataLoader, or the path of a folder, an archive or a file.
        labels: (N,) texts, or indices into `class_names`; None for those that come with the images.
        attributes: (N, A) of 0 and 1, or of -1 and 1; or a mapping of names to such columns.
        attribute_names: Names of the attributes; None for numbers.
        class_names: Names of the labels, at most 10,000; None for the numbers themselves.
        pixel_range: Values of black and white in the images that the models take and give, as (-1, 1); None to find
            out.
        image_size: (height, width) that the pictures of a folder are brought to; None where they have one size.
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
        ShapeError: Images, labels and model do not go together, or the model failed its trial.
        ConfigError: It is no model, or a setting is out of range.
        CheckpointError: A name is taken, or the folder is not there.
        ServeError: The port is taken.
    """
    library = Library(Path(checkpoints) if checkpoints is not None else None)
    with stage("encoding the images", quiet=not is_terminal()):
        said = hold_models(
            library,
            model,
            images,
            labels,
            attributes=attributes,
            attribute_names=attribute_names,
            class_names=class_names,
            pixel_range=pixel_range,
            image_size=image_size,
        )
    for sentence in said:
        print(sentence, flush=True)
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
