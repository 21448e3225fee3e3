"""The file of a program, and the writing of it.

    bytes 0..3   b"LSXP"
    bytes 4..7   length of the head, little-endian uint32; the weights begin at 8 + that, a multiple of 64
    head         JSON, padded with spaces
    weights      arrays, little-endian, each at a multiple of 64 bytes

The head holds `format`, `part` ("decoder" or "encoder"), `latent_dim`, `image_shape` (C, H, W), `levels`,
`multiplies` (multiply-adds of one pass), `input` (a shape), `steps`, `outputs` (numbers of values by name: `pixels`,
or `mean` and perhaps `log_variance`) and `test`: an input with the outputs that the model itself gives. A step has
`op`, `in` (numbers of the values that it takes: 0 is the input, k is what the k-th step gives) and `shape`, of what it
gives: (n,) or (C, H, W), without the batch. An array is {"at": byte, "shape": [...], "type": "f2" or "f4"}.

Weights are stored as float16 where that is exact, as it is for shipped runs, else as float32: nothing is rounded here.
The bytes of a float16 array stand apart, first the upper ones of all numbers and then the lower ones: gzip takes 13 %
off such a file and 7 % off one whose bytes alternate, because the lower bytes are noise and the upper ones few.
A batch normalisation is a float32 scale and shift of each channel beside the convolution, not folded into its weights:
folding first and rounding then moved the codes of the face encoder by 1.4e-3 of their deviation, this by 6e-6. Whoever
runs the program folds in float32.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from explorer.errors import ExplorerError

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 2
"""Version of the file; a page refuses any other."""

MAGIC = b"LSXP"

ALIGNMENT = 64
"""Every array begins at a multiple of this number of bytes: weights off alignment cost Firefox half its speed."""

Part: TypeAlias = Literal["decoder", "encoder"]

PARTS: tuple[Part, ...] = get_args(Part)

Shape: TypeAlias = tuple[int, ...]
"""Shape of a value without the batch: (n,) or (C, H, W)."""


class ProgramError(ExplorerError):
    """A model does something that a program cannot express; the server computes it then."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a step gives: its number, and its shape without the batch."""

    number: int
    shape: Shape


class Steps:
    """A program while it is being written.

    Args:
        shape: Of the input, without the batch.
    """

    def __init__(self, shape: Shape) -> None:
        self.input = Value(0, shape)
        self.steps: list[dict[str, Any]] = []
        self.weights = bytearray()
        self.multiplies = 0

    def add(self, op: str, values: Sequence[Value], shape: Shape, **details: Any) -> Value:
        """One more step; a detail that is None is left out."""
        shape = tuple(map(int, shape))  # layers may hold numpy's whole numbers, which JSON does not know
        said = {name: detail for name, detail in details.items() if detail is not None}
        self.steps.append({"op": op, "in": [value.number for value in values], "shape": list(shape), **said})
        return Value(len(self.steps), shape)

    def each(self, op: str, value: Value, **details: float) -> Value:
        """A step that treats every number of a value alike."""
        return self.add(op, [value], value.shape, **details)

    def array(self, array: "Tensor | NDArray[np.floating] | None", *, narrow: bool = False) -> dict[str, Any] | None:
        """Store an array, and say where it is.

        Args:
            array: Of any shape; None for none.
            narrow: Whether float16 is taken where it holds every number exactly.

        Raises:
            ProgramError: A number is not finite.
        """
        if array is None:
            return None
        plain = array if isinstance(array, np.ndarray) else array.detach().cpu().numpy()
        wide = np.ascontiguousarray(plain, dtype="<f4")
        if not np.isfinite(wide).all():
            raise ProgramError("the model has weights that are not finite; fit it again.")
        with np.errstate(over="ignore"):
            half = wide.astype("<f2")
        stored = half if narrow and np.array_equal(half.astype("<f4"), wide) else wide
        self.weights += bytes(-len(self.weights) % ALIGNMENT)
        told = {"at": len(self.weights), "shape": list(wide.shape), "type": stored.dtype.str[1:]}
        self.weights += stored.reshape(-1, 1).view("u1")[:, ::-1].T.tobytes() if stored is half else stored.tobytes()
        return told

    def file(self, outputs: Mapping[str, Value], test: Mapping[str, NDArray[np.floating]], **head: Any) -> bytes:
        """The whole program.

        Args:
            outputs: Values by the names of the outputs.
            test: `input`, and what the model gives for it by the names of the outputs, each without the batch.
            head: What else the head says.
        """
        tests = {name: self.array(array) for name, array in test.items()}
        told = {
            "format": FORMAT,
            **head,
            "multiplies": int(self.multiplies),
            "input": list(self.input.shape),
            "steps": self.steps,
            "outputs": {name: value.number for name, value in outputs.items()},
            "test": tests,
        }
        text = json.dumps(told, separators=(",", ":")).encode()
        text += b" " * (-(len(text) + 8) % ALIGNMENT)
        return MAGIC + len(text).to_bytes(4, "little") + text + bytes(self.weights)
