"""The page: layout and wiring. A handler reads values, calls views, and answers.

    app        the page put together, and the server it runs on
    bare       the page without gradio, of the same parts
    early      the page without gradio on gradio's, which comes later
    page       what the tabs share while they are built
    routes     pixels, points and scores over plain HTTP, for the browser's own code
    security   what stands between the network and the page
    owner      whether the person at the machine asks, who alone may begin a fit
    fitting    begin, stop and resume a fit
    components the elements that modules of static/ fill
    export     files of what is decoded
    start, explore, map, reconstruct, interpolate, holes, report   one tab each

Importing any of them imports gradio, in the way set up here.
"""

import contextlib
import inspect
import os
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def _no_stub_files() -> Iterator[None]:
    """Keep gradio from writing a .pyi file beside every component class inside the block.

    That takes half of the time of `import gradio`, and it writes into this package for our own components. Gradio
    passes over a class whose source file cannot be told, so that is what it is told.
    """
    getfile = inspect.getfile

    def getfile_of_others(thing: Any) -> str:
        if isinstance(thing, type) and type(thing).__name__ == "ComponentMeta":
            raise OSError("no stub file is wanted")
        return getfile(thing)

    inspect.getfile = getfile_of_others
    try:
        yield
    finally:
        inspect.getfile = getfile


# gradio reads these when it is imported: nothing is counted, and no version is looked up
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
with _no_stub_files():
    import gradio  # noqa: F401

_meta = sys.modules.get("gradio.component_meta")
if hasattr(_meta, "create_or_modify_pyi"):  # for the classes of this package, defined later
    setattr(_meta, "create_or_modify_pyi", lambda *_: None)  # noqa: B010
