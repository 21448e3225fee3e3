"""The plain values of a pickle, read without running it.

A pickle is a program that may call anything. `pickletools` only takes it apart; here the few steps that build
dictionaries, lists, texts, numbers and arrays of bytes are followed, and any other is refused. CIFAR-10 needs that.
"""

import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from explorer.errors import DataError

MOST_BYTES = 1 << 29
"""Largest file; CIFAR-10's have 31 MB."""

MARK = object()
"""Stands on the stack where a sequence begins."""


PLAIN = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    }
)
"""Steps that put one plain value on the stack."""


class _Shell:
    """An array or a type of numpy that is being built."""

    def __init__(self, kind: str, value: Any = None) -> None:
        self.kind, self.value = kind, value

    def build(self, state: Any) -> None:
        """Take the state that the pickle has of it."""
        if self.kind == "array":
            _, shape, dtype, is_fortran, content = state
            self.value = _array(content, dtype, shape, "F" if is_fortran else "C")


def _array(content: Any, dtype: Any, shape: Any, order: str) -> np.ndarray:
    if not isinstance(dtype, _Shell) or dtype.value not in ("u1", "uint8", "|u1"):
        raise ValueError("an array of something else than bytes")
    content = content.encode("latin-1") if isinstance(content, str) else bytes(content)
    sizes = tuple(int(size) for size in shape)
    if order == "F":
        return np.frombuffer(content, np.uint8).reshape(sizes[::-1]).T
    return np.frombuffer(content, np.uint8).reshape(sizes)


ARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")
BUFFERS = ("numpy.core.numeric", "numpy._core.numeric")

KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    **{(room, "_reconstruct"): lambda *_: _Shell("array") for room in ARRAYS},
    **{(room, "_frombuffer"): lambda *parts: _Shell("array", _array(*parts)) for room in BUFFERS},
    ("numpy", "dtype"): lambda name, *_: _Shell("dtype", name),
    ("numpy", "ndarray"): lambda *_: None,
    ("_codecs", "encode"): lambda text, _: str(text).encode("latin-1"),
}
"""What stands for the only names that a file may call."""


def plain_values(path: Path) -> Any:
    """What a pickle of plain values and arrays of bytes holds.

    Raises:
        DataError: It is too large, damaged, or does anything else.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path} has more than {MOST_BYTES:,} bytes, which no file of this kind has.")
        return _values(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(
            f"{path} is damaged or holds more than plain values and arrays of bytes ({error}); it is not unpickled."
        ) from None


def _values(content: bytes) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}

    def since_mark() -> list[Any]:
        place = max(number for number, item in enumerate(stack) if item is MARK)
        items = stack[place + 1 :]
        del stack[place:]
        return items

    def taken(count: int) -> list[Any]:
        if len(stack) < count:
            raise IndexError("it ends too early")
        items = stack[len(stack) - count :]
        del stack[len(stack) - count :]
        return items

    for code, argument, _ in pickletools.genops(content):
        name = code.name
        if name in ("PROTO", "FRAME"):
            continue
        if name == "STOP":
            return _settled(stack.pop())
        if name == "MARK":
            stack.append(MARK)
        elif name in ("EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE"):
            stack.append({"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}[name]())
        elif name in ("NONE", "NEWTRUE", "NEWFALSE"):
            stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name])
        elif name in ("LIST", "TUPLE"):
            stack.append((list if name == "LIST" else tuple)(since_mark()))
        elif name == "DICT":
            items = since_mark()
            stack.append(dict(zip(items[::2], items[1::2], strict=True)))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(tuple(taken(int(name[-1]))))
        elif name == "APPEND":
            (item,) = taken(1)
            _last(stack, list).append(_settled(item))
        elif name == "APPENDS":
            items = since_mark()
            _last(stack, list).extend(map(_settled, items))
        elif name == "SETITEM":
            key, value = taken(2)
            _last(stack, dict)[_text(key)] = _settled(value)
        elif name == "SETITEMS":
            items = since_mark()
            _last(stack, dict).update(
                (_text(key), _settled(value)) for key, value in zip(items[::2], items[1::2], strict=True)
            )
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[int(argument or 0)] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[int(argument or 0)])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            room, called = str(argument).split(" ") if name == "GLOBAL" else taken(2)
            if (room, called) not in KNOWN:
                raise ValueError(f"it calls {str(room)[:40]}.{str(called)[:40]}")
            stack.append(KNOWN[room, called])
        elif name == "REDUCE":
            called, arguments = taken(2)
            if not any(called is known for known in KNOWN.values()):
                raise ValueError("it calls something")
            stack.append(called(*arguments))
        elif name == "BUILD":
            (state,) = taken(1)
            if not isinstance(stack[-1], _Shell):
                raise ValueError("it builds something")
            stack[-1].build(state)
        elif isinstance(argument, (int, float, str, bytes, bytearray)) and name in PLAIN:
            stack.append(argument)
        else:
            raise ValueError(f"it holds a {name}")
    raise ValueError("it ends too early")


def _last(stack: list[Any], kind: type) -> Any:
    """The list or dictionary on top of the stack."""
    if type(stack[-1]) is not kind:
        raise TypeError(f"no {kind.__name__} to add to")
    return stack[-1]


def _text(key: Any) -> Any:
    """A key of a dictionary: texts of Python 2 are bytes in files that Python 3 wrote again."""
    return key.decode("latin-1") if isinstance(key, bytes) else key


def _settled(value: Any) -> Any:
    """An array in place of its shell."""
    return value.value if isinstance(value, _Shell) else value
