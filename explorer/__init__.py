"""See inside autoencoders and VAEs.

The rooms, each seeing itself and strictly lower ranks only (tests/test_architecture.py holds it):

    0  errors, arrays                  the error tree; names for arrays, Posterior, the Coder protocol
       progress                        bars, or a line for each stage
       wanted                          whether somebody still waits for what is being computed
    1  config, images, devices, locks  settings, flags; pixels in and out; where to compute; one process at a time
    2  analysis, data, models          numpy functions of latents; data sets as arrays; torch modules
    3  checkpoint, coder               runs on disk; a fitted model as a Coder
    4  training, adapters              the fit loop, the judge, evaluation; other people's models as Coders
       hub                             runs on the Hugging Face Hub
    5  library, plots                  the runs of one process; plotly figures
    6  views                           a run to the values that a tab shows
    7  ui                              the page over HTTP
    8  site                            the page of some runs as a folder or one file that needs no server
    9  api, __main__                   launch from Python and from the command line

`import explorer` loads neither torch nor gradio; the public names below are loaded when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explorer.adapters import as_coder, from_torch
    from explorer.api import launch
    from explorer.coder import TorchCoder
    from explorer.errors import ExplorerError
    from explorer.library import load_run
    from explorer.library.saved import save_run
    from explorer.site import export
    from explorer.site.notebook import show

_HOMES = {
    "ExplorerError": "explorer.errors",
    "TorchCoder": "explorer.coder",
    "as_coder": "explorer.adapters",
    "export": "explorer.site",
    "from_torch": "explorer.adapters",
    "launch": "explorer.api",
    "load_run": "explorer.library",
    "save_run": "explorer.library.saved",
    "show": "explorer.site.notebook",
}

__all__ = [
    "ExplorerError",
    "TorchCoder",
    "as_coder",
    "export",
    "from_torch",
    "launch",
    "load_run",
    "save_run",
    "show",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'explorer' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
