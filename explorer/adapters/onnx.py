"""ONNX files, an encoder's and a decoder's, run by onnxruntime where it is installed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from explorer.adapters.exported import in_batches
from explorer.adapters.foreign import Foreign
from explorer.adapters.trial import reason_of
from explorer.errors import ConfigError


def foreign(model: str | Path) -> Foreign:
    """Nothing: one ONNX file holds one function.

    Raises:
        ConfigError: Always; the sentence says how two files are named.
    """
    raise ConfigError(
        f"{model} holds one function; put encoder.onnx and decoder.onnx into a folder and name that folder."
    )


def function(path: Path) -> Callable[[Any], Any]:
    """The function of an ONNX file, on numpy arrays, in the batches that it was exported for.

    Raises:
        ConfigError: onnxruntime is not installed, or the file cannot be read, or takes more than one input.
    """
    try:
        import onnxruntime  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ConfigError(
            f"{path} needs onnxruntime, which is not installed; install it with: pip install onnxruntime"
        ) from None
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ConfigError(f"{path} cannot be read as ONNX: {reason_of(error)}.") from error
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise ConfigError(f"{path} takes {len(inputs)} inputs, where one is wanted: images, or latents.")
    size = inputs[0].shape[0]

    def run(rows: Any) -> Any:
        found = session.run(None, {inputs[0].name: rows})
        return found[0] if len(found) == 1 else tuple(found)

    return in_batches(run, size if isinstance(size, int) else None)
