"""What the runs of one process keep in memory: made once, counted in bytes, what was used longest ago let go first."""

import functools
import mmap
import sys
import threading
import types
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, cast, overload

import numpy as np

MOST_BYTES = 128_000_000
"""Bytes that the runs of one process keep in all."""

MOST_SHARE = 0.5
"""Share of that which one run may keep: whoever looks at one run from all sides must not push out all others."""

ENTRY_BYTES = 500
"""Bytes that one entry costs beside its value, so that many small ones are bounded too."""

T = TypeVar("T")
P = ParamSpec("P")

Blocks = dict[int, int]
"""Bytes of separate pieces of memory by their addresses."""


@dataclass(slots=True)
class _Ledger:
    """Pieces of memory that entries hold, each counted once however many entries hold it."""

    total: int = 0
    held: dict[int, tuple[int, int]] = field(default_factory=dict)  # bytes, and entries that hold them

    def add(self, blocks: Blocks) -> None:
        for address, size in blocks.items():
            before, holders = self.held.get(address, (0, 0))
            self.held[address] = (max(before, size), holders + 1)
            self.total += max(before, size) - before

    def remove(self, blocks: Blocks) -> None:
        for address in blocks:
            size, holders = self.held.pop(address)
            if holders > 1:
                self.held[address] = (size, holders - 1)
            else:
                self.total -= size


@dataclass(slots=True)
class _Turn:
    """Who computes a value, and how many wait for it or compute it."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    waiting: int = 0


_Key = tuple[int, Hashable]


class Memory:
    """Values by drawer and key, bounded in bytes.

    A value is made once, by whoever asks first; whoever asks meanwhile waits for that value alone, and gets it. A
    failure is not kept: the next who asks tries again. Where the bound is passed, the values used longest ago are let
    go; the newest stays, even one that is larger than the bound by itself, because it was just asked for. Whoever
    works with a value that is let go keeps it until the work is done.

    Args:
        most: Bytes kept in all.
        most_each: Bytes kept of one drawer; None for `MOST_SHARE` of `most`.
    """

    def __init__(self, most: int = MOST_BYTES, most_each: int | None = None) -> None:
        self.most = most
        self.most_each = int(MOST_SHARE * most) if most_each is None else most_each
        self._lock = threading.Lock()
        self._entries: OrderedDict[_Key, tuple[Any, Blocks]] = OrderedDict()  # used longest ago first
        self._turns: dict[_Key, _Turn] = {}
        self._all = _Ledger()
        self._each: dict[int, _Ledger] = {}
        self._closed: deque[int] = deque()  # drawers whose owner is gone, as the garbage collector tells them
        self._drawers = 0

    @property
    def held(self) -> int:
        """Bytes that are kept now."""
        with self._lock:
            dropped = self._swept()
            held = self._all.total
        del dropped
        return held

    def drawer(self) -> "Drawer":
        """A part for one owner, who keeps the drawer: what is in it goes when the drawer does."""
        with self._lock:
            self._drawers += 1
            drawer = Drawer(self, self._drawers)
        weakref.finalize(drawer, self._closed.append, drawer.number).atexit = False
        return drawer

    def _keep(self, key: _Key, make: Callable[[], T]) -> T:
        with self._lock:
            if key in self._entries:
                return self._used(key)
            turn = self._turns.setdefault(key, _Turn())
            turn.waiting += 1
        try:
            with turn.lock:
                with self._lock:
                    if key in self._entries:
                        return self._used(key)
                value = make()
                self._put(key, value)
                return value
        finally:
            with self._lock:
                turn.waiting -= 1
                if not turn.waiting:
                    del self._turns[key]

    def _put(self, key: _Key, value: object) -> None:
        blocks = blocks_of(value) | {id(key): ENTRY_BYTES + sys.getsizeof(key[1])}
        with self._lock:
            dropped = self._swept()
            if key in self._entries:
                dropped.append(self._taken(key))
            self._entries[key] = value, blocks
            ledger = self._each.setdefault(key[0], _Ledger())
            ledger.add(blocks)
            self._all.add(blocks)
            while ledger.total > self.most_each:
                oldest = next(each for each in self._entries if each[0] == key[0])
                if oldest == key:
                    break
                dropped.append(self._taken(oldest))
            while self._all.total > self.most and len(self._entries) > 1:
                dropped.append(self._taken(next(iter(self._entries))))
        del dropped  # outside of the lock: the end of a large value takes a moment, and may end a drawer

    def _used(self, key: _Key) -> Any:
        self._entries.move_to_end(key)
        return self._entries[key][0]

    def _taken(self, key: _Key) -> object:
        """An entry's value, taken out; its caller lets it go after the lock."""
        value, blocks = self._entries.pop(key)
        self._all.remove(blocks)
        ledger = self._each[key[0]]
        ledger.remove(blocks)
        if not ledger.held:
            del self._each[key[0]]
        return value

    def _swept(self) -> list[object]:
        """The values of drawers whose owners are gone, taken out."""
        closed = {self._closed.popleft() for _ in range(len(self._closed))}
        return [self._taken(key) for key in list(self._entries) if key[0] in closed] if closed else []


class Drawer:
    """One owner's part of a `Memory`.

    Args:
        memory: The whole.
        number: Its own number in there.
    """

    counted_elsewhere = True

    def __init__(self, memory: Memory, number: int) -> None:
        self.memory, self.number = memory, number

    @property
    def held(self) -> int:
        """Bytes that are kept in it; what other drawers hold as well counts here too."""
        with self.memory._lock:
            ledger = self.memory._each.get(self.number)
            return 0 if ledger is None else ledger.total

    def keep(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returned when it was last called for this key; called where that is not kept."""
        return self.memory._keep((self.number, key), make)

    def find(self, key: Hashable) -> Any:
        """What is kept under a key, or None."""
        with self.memory._lock:
            full = (self.number, key)
            return self.memory._used(full) if full in self.memory._entries else None

    def put(self, key: Hashable, value: object) -> None:
        """Keep a value in the place of what is kept under this key."""
        self.memory._put((self.number, key), value)

    def knows(self, key: Hashable) -> bool:
        """Whether `keep` would answer at once."""
        with self.memory._lock:
            return (self.number, key) in self.memory._entries

    def forget(self, chosen: Callable[[Any], bool] = lambda key: True) -> None:
        """Let everything go that is kept in it, or what is kept under the chosen keys."""
        with self.memory._lock:
            keys = [key for key in self.memory._entries if key[0] == self.number and chosen(key[1])]
            dropped = [self.memory._taken(key) for key in keys]
        del dropped


class Keeper(Protocol):
    """Whatever has a drawer: a run."""

    @property
    def drawer(self) -> Drawer:
        """Where it keeps what was computed of it."""
        ...


K = TypeVar("K", bound=Keeper)


class Kept(Generic[K, P, T]):
    """A function of a run that is computed once for the same further arguments, all of them hashable."""

    def __init__(self, function: Callable[Concatenate[K, P], T]) -> None:
        self.function = function
        functools.update_wrapper(self, function)

    def __call__(self, run: K, *args: P.args, **named: P.kwargs) -> T:
        """What the function returns for this run, as `Memory` keeps it."""
        return run.drawer.keep(self._key(*args, **named), lambda: self.function(run, *args, **named))

    def is_known(self, run: K, *args: P.args, **named: P.kwargs) -> bool:
        """Whether it would answer at once."""
        return run.drawer.knows(self._key(*args, **named))

    def forget(self, run: K) -> None:
        """Let go whatever it returned for this run."""
        run.drawer.forget(lambda key: isinstance(key, tuple) and key[0] == self._name)

    @property
    def _name(self) -> str:
        return f"{self.function.__module__}.{self.function.__qualname__}"

    def _key(self, *args: object, **named: object) -> Hashable:
        return self._name, args, tuple(sorted(named.items()))


def kept(function: Callable[Concatenate[K, P], T]) -> Kept[K, P, T]:
    """Compute a function of a run once for the same further arguments, and keep its value with the run."""
    return Kept(function)


class KeptProperty(Generic[T]):
    """A property of a run that is computed when first asked for."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make = make
        self.name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, run: None, kind: type) -> Self: ...
    @overload
    def __get__(self, run: Keeper, kind: type) -> T: ...
    def __get__(self, run: Keeper | None, kind: type) -> Self | T:
        """The property's value for a run, or of the class the property itself."""
        return self if run is None else run.drawer.keep(self.name, lambda: self.make(run))

    def __set__(self, run: Keeper, value: T) -> None:
        """Keep another value instead."""
        run.drawer.put(self.name, value)

    def is_known(self, run: Keeper) -> bool:
        """Whether it would answer at once."""
        return run.drawer.knows(self.name)


def kept_property(make: Callable[[Any], T]) -> KeptProperty[T]:
    """A property of a run that is computed when first asked for, and kept with the run."""
    return KeptProperty(make)


def blocks_of(value: object) -> Blocks:
    """What a value holds in memory: arrays, tensors, texts and the objects around them, each piece once.

    A view counts as the whole array behind it, which it keeps alive. A map of a file counts as nothing: its pages are
    the system's, which takes them back when it needs them. Classes, modules, and what says of itself that it is
    `counted_elsewhere` count as nothing, except the value itself.
    """
    blocks: Blocks = {}
    seen: set[int] = set()
    todo: list[object] = [value]
    while todo:
        each = todo.pop()
        if id(each) in seen or isinstance(each, type | types.ModuleType | mmap.mmap):
            continue
        seen.add(id(each))
        if each is not value and getattr(type(each), "counted_elsewhere", False):
            continue
        if isinstance(each, np.ndarray):
            address, size = _block_of(each)
            blocks[address] = max(size, blocks.get(address, 0))
        elif hasattr(type(each), "untyped_storage"):  # a tensor of torch, which this room does not import
            storage = cast(Any, each).untyped_storage()
            blocks[storage.data_ptr()] = storage.nbytes()
        else:
            blocks[id(each)] = sys.getsizeof(each)
            todo += _parts_of(each)
    return blocks


def _block_of(array: np.ndarray) -> tuple[int, int]:
    """Address and bytes of the memory that an array keeps alive."""
    owner: Any = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    behind = owner.base
    if isinstance(behind, memoryview):
        behind = behind.obj
    if isinstance(behind, mmap.mmap):
        return id(array), 0
    if isinstance(behind, bytes | bytearray):  # a whole file, of which each array of a run is a part
        return id(behind), len(behind)
    return owner.__array_interface__["data"][0], owner.nbytes


def _parts_of(each: object) -> Iterable[object]:
    """The objects that an object holds."""
    if isinstance(each, str | bytes | bytearray | int | float | complex | None):
        return ()
    if isinstance(each, Mapping):
        return [*each.keys(), *each.values()]
    if isinstance(each, list | tuple | AbstractSet | deque):
        return each
    if isinstance(each, functools.partial):
        return each.func, each.args, each.keywords
    if isinstance(each, types.MethodType):
        return each.__self__, each.__func__
    if isinstance(each, types.FunctionType):
        cells = (cell.cell_contents for cell in each.__closure__ or () if _is_full(cell))
        return [*cells, *(each.__defaults__ or ())]
    slots = [name for kind in type(each).__mro__ for name in _names(getattr(kind, "__slots__", ()))]
    found = [getattr(each, name) for name in slots if not name.startswith("__") and hasattr(each, name)]
    return [*found, *getattr(each, "__dict__", {}).values()]


def _names(slots: str | Iterable[str]) -> Iterable[str]:
    return (slots,) if isinstance(slots, str) else slots


def _is_full(cell: types.CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:  # a name that is not bound yet
        return False
    return True
