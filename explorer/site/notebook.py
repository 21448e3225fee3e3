"""The page inside a notebook: the page of one file in a frame, with no server behind it.

The page stands in the frame's `srcdoc`. A `data:` address of it is not opened (Chromium takes 2 MB), and a `blob:`
address needs a script beside the frame, which a notebook that is opened anew, or Marimo, does not run.
"""

import html
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from explorer.errors import CheckpointError, ServeError, ShapeError
from explorer.library import Library, hold_models
from explorer.site import library_of, located, stored
from explorer.site.pages import one_file

HEIGHT = 820
"""Of the frame, in pixels: a tab's first view, without its More."""


@dataclass(frozen=True)
class Framed:
    """A page in a frame, as a notebook displays it.

    Attributes:
        page: The page as HTML.
        height: Of the frame, in pixels.
        runs: The runs that it shows.
    """

    page: str = field(repr=False)
    height: int
    runs: tuple[str, ...]

    def _repr_html_(self) -> str:
        """The frame; Jupyter, Colab, Marimo and other notebooks ask for it by this name."""
        return (
            f'<iframe title="Latent Space Explorer" srcdoc="{html.escape(self.page)}" width="100%" '
            f'height="{self.height}" style="border:0" allow="fullscreen"></iframe>'
        )


def show(
    run: Any,
    images: Any = None,
    labels: Any = None,
    *,
    class_names: Sequence[str] | None = None,
    tab: str | None = None,
    height: int = HEIGHT,
    checkpoints: Path | str | None = None,
    data_dir: Path | str | None = None,
    with_images: bool = False,
) -> Framed | None:
    """Show a run, or models in memory, in a notebook: a whole page in the cell's output, without a server.

        explorer.show("mnist-vae-16")
        explorer.show("mnist-vae-16", tab="map")
        explorer.show({"plain": my_autoencoder, "variational": my_vae}, images, labels)

    Args:
        run: The name of a run, or hf://owner/name, which brings its twin and its ladder along; or what `launch` takes
            as a model, where a program can express it: torch modules of common layers, or a Coder with a `program`.
        images: For models: what to encode, as `launch` takes it; 30 at least.
        labels: For models: as `launch` takes them, or None.
        class_names: For models: names of the labels; None for the numbers themselves.
        tab: The tab to show alone; None for the first one, with all others beside it.
        height: Of the frame, in pixels.
        checkpoints: Folder of the runs; None for `checkpoints` here, else the one beside the program.
        data_dir: Folder of the data sets, for `with_images`; None for the default one.
        with_images: Whether pictures of the data set stand in the notebook, which its terms must allow; otherwise every
            picture is a decode.

    Returns:
        What displays itself as the last line of a Marimo cell; None in Jupyter and Colab, which have displayed it.

    Raises:
        CheckpointError: A run is not there or damaged, or a model cannot be decoded in a browser.
        DataError: The terms of a data set do not let its images be passed on.
        HubError: The Hub cannot be reached or refuses.
        ServeError: There is no notebook, or no such tab.
        ShapeError: Images, labels and model do not go together.
    """
    display = _display()
    warnings.filterwarnings("ignore", "IProgress not found")  # gradio's client asks for widgets that nothing here uses
    if isinstance(run, str):
        if images is not None:
            raise ShapeError(f"{run} is a run, which has its images already; leave out images.")
        library = library_of(*located([run], checkpoints), data_dir, with_images, in_one_file=True)
    else:
        library = _library_of_models(run, images, labels, class_names, with_images)
    framed = framed_page(library, tab, height, with_images)
    if display is None:
        return framed
    display(framed)
    return None


def framed_page(library: Library, tab: str | None = None, height: int = HEIGHT, with_images: bool = False) -> Framed:
    """The page of a library's runs in a frame.

    Args:
        library: The runs; none of their images is shown unless it knows where they are.
        tab: As in `show`.
        height: Of the frame, in pixels.
        with_images: As in `show`.

    Raises:
        CheckpointError: A model cannot be decoded in a browser.
        ServeError: There is no such tab.
    """
    from explorer.ui.page import TABS
    from explorer.views.programs import program

    if tab is not None and tab not in TABS:
        raise ServeError(f"there is no tab {tab[:40]!r}; there are {', '.join(TABS)}.")
    for name in library.names():
        trouble = program(library.open(name), "decoder").trouble
        if trouble is not None:
            raise CheckpointError(f"{name} cannot be decoded in a browser: {trouble} explorer.launch shows it.")
    store, _ = stored(library, with_images, quiet=True, in_one_file=True)
    return Framed(one_file(library, store, tab, is_quoted=True), height, tuple(library.names()))


def _library_of_models(
    models: Any, images: Any, labels: Any, class_names: Sequence[str] | None, with_images: bool
) -> Library:
    """A library of models in memory; the arguments are those of `show`.

    Raises:
        ExplorerError: Images, labels and model do not go together, or there are no images.
    """
    if images is None:
        raise ShapeError("a model is shown by images that it encodes; hand them over: explorer.show(model, images).")
    library = Library(None)
    for sentence in hold_models(library, models, images, labels, class_names=class_names):
        print(sentence)
    if not with_images:
        for name in library.names():
            library.open(name).forget_images()
    return library


def _display():
    """What displays in this notebook at once; None in one that displays what its cell ends in.

    Raises:
        ServeError: This is no notebook.
    """
    ipython = sys.modules.get("IPython")  # a kernel has imported it
    shell = None if ipython is None else ipython.get_ipython()
    if ipython is not None and getattr(shell, "kernel", None) is not None:
        return import_module(f"{ipython.__name__}.display").display  # no requirement: whoever has a kernel has it
    marimo = sys.modules.get("marimo")
    if marimo is not None and marimo.running_in_notebook():
        return None
    raise ServeError(
        "there is no notebook here to show the page in; run this in Jupyter, Colab or Marimo, "
        "or write the page with explorer.export."
    )
