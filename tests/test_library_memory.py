"""What is kept in memory: made once, counted in bytes, the least recently used let go first, whatever threads do."""

import functools
import gc
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from explorer.errors import DataError
from explorer.library import Library, Memory, kept
from explorer.library.memory import ENTRY_BYTES, Drawer, blocks_of, kept_property

KILO = 1000


def kilobytes(count: float) -> np.ndarray:
    return np.zeros(int(KILO * count), dtype=np.uint8)


def counted(value: object) -> int:
    return sum(blocks_of(value).values())


def at_once(work: Callable[[int], None], count: int = 8) -> None:
    """Run something in so many threads, which begin together; what one of them raises is raised here."""
    barrier, troubles = threading.Barrier(count), []

    def begin(number: int) -> None:
        barrier.wait()
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - it is raised below
            troubles.append(error)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread waits for ever"
    if troubles:
        raise troubles[0]


# --- the bound --------------------------------------------------------------------------------------------------------


def test_what_was_used_longest_ago_goes_first():
    memory = Memory(most=40 * KILO, most_each=40 * KILO)
    drawer = memory.drawer()
    for key in "abc":
        drawer.put(key, kilobytes(10))
    assert drawer.find("a") is not None, "now b was used longest ago"
    drawer.put("d", kilobytes(10))
    assert [drawer.knows(key) for key in "abcd"] == [True, False, True, True]
    assert memory.held <= memory.most


def test_one_drawer_does_not_push_out_the_others():
    memory = Memory(most=100 * KILO, most_each=40 * KILO)
    other, busy = memory.drawer(), memory.drawer()
    other.put("a", kilobytes(30))
    for number in range(50):
        busy.put(number, kilobytes(10))
        assert busy.held <= memory.most_each
    assert other.knows("a")


def test_the_newest_stays_even_where_it_is_larger_than_the_bound():
    memory = Memory(most=20 * KILO)
    drawer = memory.drawer()
    drawer.put("small", kilobytes(5))
    drawer.put("large", kilobytes(100))
    assert drawer.knows("large")
    assert not drawer.knows("small")
    drawer.put("small", kilobytes(5))
    assert not drawer.knows("large")
    assert memory.held <= memory.most


def test_what_is_let_go_while_somebody_works_with_it_stays_whole():
    memory = Memory(most=20 * KILO)
    drawer = memory.drawer()
    used = drawer.keep("a", lambda: np.arange(1000))
    drawer.put("b", kilobytes(100))
    assert not drawer.knows("a")
    np.testing.assert_array_equal(used, np.arange(1000))


def test_many_small_values_are_bounded_too():
    memory = Memory(most=20 * KILO, most_each=20 * KILO)
    drawer = memory.drawer()
    for number in range(1000):
        drawer.put(("anchors", number), number)
    assert sum(drawer.knows(("anchors", number)) for number in range(1000)) <= 20 * KILO / ENTRY_BYTES
    assert drawer.knows(("anchors", 999))


def test_what_a_drawer_holds_goes_with_its_owner():
    memory = Memory()
    drawer = memory.drawer()
    drawer.put("a", kilobytes(100))
    other = memory.drawer()
    del drawer
    gc.collect()
    assert memory.held == 0
    assert not other.knows("a")


def test_what_two_entries_hold_counts_once_until_both_are_gone():
    memory = Memory()
    first, second = memory.drawer(), memory.drawer()
    shared = kilobytes(100)
    first.put("a", shared)
    alone = memory.held
    second.put("b", [shared, shared[10:]])
    assert memory.held < alone + 2 * KILO
    first.forget()
    assert memory.held > 100 * KILO
    second.forget()
    assert memory.held == 0


class Bounded(RuleBasedStateMachine):
    """Whatever is put, asked for and forgotten: the bound holds, and what is kept is the latest that was put."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory(most=30 * KILO, most_each=20 * KILO)
        self.drawers = [self.memory.drawer(), self.memory.drawer()]
        self.latest: dict[tuple[int, int], int] = {}

    @rule(drawer=st.integers(0, 1), key=st.integers(0, 5), size=st.integers(0, 15))
    def put(self, drawer: int, key: int, size: int) -> None:
        self.drawers[drawer].put(key, kilobytes(size))
        self.latest[drawer, key] = KILO * size
        assert self.drawers[drawer].knows(key)

    @rule(drawer=st.integers(0, 1), key=st.integers(0, 5))
    def find(self, drawer: int, key: int) -> None:
        found = self.drawers[drawer].find(key)
        assert found is None or len(found) == self.latest[drawer, key]

    @rule(drawer=st.integers(0, 1))
    def forget(self, drawer: int) -> None:
        self.drawers[drawer].forget()
        assert self.drawers[drawer].held == 0

    @invariant()
    def the_bounds_hold(self) -> None:
        assert 0 <= self.memory.held <= self.memory.most
        assert all(drawer.held <= self.memory.most_each for drawer in self.drawers)
        assert self.memory.held == sum(drawer.held for drawer in self.drawers)


TestBounded = Bounded.TestCase


# --- several visitors -------------------------------------------------------------------------------------------------


def test_two_who_ask_for_the_same_thing_compute_it_once():
    drawer, made = Memory().drawer(), []
    found = []
    at_once(lambda number: found.append(drawer.keep("a", lambda: made.append(number) or object())))
    assert len(made) == 1
    assert len(set(map(id, found))) == 1


def test_a_failure_is_not_kept_and_holds_up_no_other_thing():
    drawer = Memory().drawer()
    failing, free = threading.Event(), threading.Event()

    def fail() -> None:
        failing.set()
        assert free.wait(60)
        raise DataError("not yet")

    def visit(number: int) -> None:
        if number == 0:
            with pytest.raises(DataError):
                drawer.keep("a", fail)
        else:
            assert failing.wait(60)
            assert drawer.keep("b", lambda: "there") == "there"
            free.set()

    at_once(visit, 2)
    assert drawer.keep("a", lambda: "there") == "there"


def test_a_value_may_be_made_of_another_one():
    drawer = Memory().drawer()
    assert drawer.keep("a", lambda: drawer.keep("b", lambda: 1) + 1) == 2


def test_eight_threads_get_what_they_ask_for_and_the_bound_holds():
    memory = Memory(most=40 * KILO, most_each=25 * KILO)
    drawers = [memory.drawer() for _ in range(3)]

    def visit(number: int) -> None:
        rng = np.random.default_rng(number)
        for _ in range(300):
            place, key = int(rng.integers(3)), int(rng.integers(12))
            made = functools.partial(np.full, 1000, 12 * place + key)
            found = drawers[place].keep(key, made)
            assert (found == 12 * place + key).all()
            assert memory.held <= memory.most
            if rng.random() < 0.05:
                drawers[place].forget()

    at_once(visit)
    assert not memory._turns, "nobody waits any longer"
    for drawer in drawers:
        drawer.forget()
    assert memory.held == 0


# --- the count --------------------------------------------------------------------------------------------------------


def test_arrays_tensors_and_texts_count_what_they_hold(tmp_path):
    assert counted(kilobytes(100)) == 100 * KILO
    assert counted(kilobytes(100)[:10]) == 100 * KILO, "a view keeps the whole array alive"
    assert counted(np.frombuffer(bytes(100 * KILO), np.uint8)) == 100 * KILO
    file = bytes(100 * KILO)
    assert counted((np.frombuffer(file, np.uint8, 9), np.frombuffer(file, np.uint8, 9, 9), file)) < 101 * KILO, "once"
    assert 100 * KILO <= counted(file) < 101 * KILO
    assert 100 * KILO <= counted("x" * 100 * KILO) < 101 * KILO
    assert 400 * KILO <= counted({"a": [torch.zeros(100 * KILO)]}) < 401 * KILO
    layer = torch.nn.Linear(100, 1000, bias=False)
    assert 400 * KILO <= counted(layer) < 420 * KILO
    hidden = kilobytes(100)
    assert counted(lambda: hidden) >= 100 * KILO
    assert counted(functools.partial(np.add, hidden)) >= 100 * KILO
    np.save(tmp_path / "a.npy", hidden)
    assert counted(np.load(tmp_path / "a.npy", mmap_mode="r")[10:]) < KILO, "the file stands behind it"


def test_a_run_counts_its_codes_and_not_its_library(twin_runs):
    run = Library(twin_runs).open("digits-vae-2")
    own = sum(array.nbytes for array in vars(run.latents).values() if isinstance(array, np.ndarray))
    card = counted(run.card)
    assert card < 150 * KILO, "most of it is what replicates of the run were scored"
    assert own + 0.9 * card <= counted(run) < own + card + 10 * KILO


def test_what_a_run_computes_is_counted_with_its_library(twin_runs):
    library = Library(twin_runs)
    run = library.open("digits-vae-2")
    before = library.memory.held
    pictures = run.reconstructions
    assert library.memory.held >= before + pictures.nbytes
    assert run.reconstructions is pictures


# --- names ------------------------------------------------------------------------------------------------------------


class Owner:
    def __init__(self, drawer: Drawer) -> None:
        self.drawer, self.made = drawer, 0

    @kept_property
    def number(self) -> int:
        """A number."""
        self.made += 1
        return self.made


@kept
def sum_of(owner: Owner, first: int, second: int = 0) -> int:
    """A sum."""
    owner.made += 1
    return first + second


def test_a_property_is_made_once_until_it_is_let_go():
    owner = Owner(Memory().drawer())
    assert not Owner.number.is_known(owner)
    assert (owner.number, owner.number) == (1, 1)
    assert Owner.number.is_known(owner)
    owner.drawer.forget()
    assert owner.number == 2
    owner.number = 7
    assert owner.number == 7
    assert Owner.number.__doc__ == "A number."


def test_a_function_is_computed_once_for_the_same_arguments():
    owner, other = Owner(Memory().drawer()), Owner(Memory().drawer())
    assert [sum_of(owner, 1, 2), sum_of(owner, 1, 2), sum_of(owner, 1, second=3)] == [3, 3, 4]
    assert (owner.made, sum_of.is_known(owner, 1, 2), sum_of.is_known(other, 1, 2)) == (2, True, False)
    owner.drawer.put("else", 1)
    sum_of.forget(owner)
    assert not sum_of.is_known(owner, 1, 2)
    assert owner.drawer.knows("else")
    assert sum_of.__doc__ == "A sum."
