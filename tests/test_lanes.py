"""Lanes of work: visitors in turn, bounded, and nothing computed for those who left."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import anyio
import numpy as np
import pytest

from explorer.images import animation
from explorer.ui.lanes import Arrivals, BusyError, Lane
from explorer.ui.visitors import PRESENCE, Presence, Visitor
from explorer.wanted import Unwanted, check_wanted, wanted_while
from tests.serve_fake import awaited

ANNA, BERT, CARLA = (Visitor(f"10.0.0.{number}", "x" * 22) for number in (1, 2, 3))
BOUND = 20


async def ask(lane: Lane, visitor: Visitor, work: Callable[[], Any], told: list[Any], **here: Any) -> None:
    """Ask as a visitor, and note what comes of it."""
    PRESENCE.set(here.get("presence", Presence(visitor)))
    try:
        told.append((visitor, await lane.run(work)))
    except BusyError as error:
        told.append((visitor, error))


def test_visitors_are_served_in_turn_however_much_one_asks():
    lane, order, gate = Lane(running=1, waiting=20), [], threading.Event()

    async def crowd() -> None:
        async with anyio.create_task_group() as group:
            told: list[Any] = []
            group.start_soon(ask, lane, ANNA, lambda: gate.wait(BOUND), told)
            await anyio.wait_all_tasks_blocked()
            for visitor, count in ((ANNA, 9), (BERT, 2), (CARLA, 1)):
                for _ in range(count):
                    group.start_soon(ask, lane, visitor, lambda who=visitor: order.append(who), told)
                await anyio.wait_all_tasks_blocked()
            gate.set()

    awaited(crowd)
    assert order[:5] == [ANNA, BERT, CARLA, ANNA, BERT]
    assert order[5:] == [ANNA] * 7


def test_neighbours_behind_one_address_share_its_turn():
    lane, order, gate = Lane(running=1, waiting=20), [], threading.Event()
    neighbours = [Visitor(ANNA.address, letter * 22) for letter in "abcd"]

    async def crowd() -> None:
        async with anyio.create_task_group() as group:
            told: list[Any] = []
            group.start_soon(ask, lane, ANNA, lambda: gate.wait(BOUND), told)
            await anyio.wait_all_tasks_blocked()
            for visitor in (*neighbours, *neighbours, BERT, BERT):
                group.start_soon(ask, lane, visitor, lambda who=visitor: order.append(who), told)
                await anyio.wait_all_tasks_blocked()
            gate.set()

    awaited(crowd)
    assert [who.address == BERT.address for who in order[:4]] == [False, True, False, True]
    assert {who.name[0] for who in order if who != BERT} == set("abcd")
    assert [who.name[0] for who in order if who != BERT][:4] == list("abcd"), "in turn among themselves"


def test_one_visitor_never_has_every_thread():
    lane, gate, quick = Lane(running=2, waiting=20), threading.Event(), []

    async def crowd() -> None:
        async with anyio.create_task_group() as group:
            told: list[Any] = []
            for _ in range(8):
                group.start_soon(ask, lane, ANNA, lambda: gate.wait(BOUND), told)
            await anyio.wait_all_tasks_blocked()
            with anyio.fail_after(BOUND):
                await ask(lane, BERT, lambda: "at once", quick)
            gate.set()

    awaited(crowd)
    assert quick == [(BERT, "at once")]


def test_what_one_visitor_or_address_may_have_waiting_is_bounded():
    lane, gate, told = Lane(running=1, waiting=2), threading.Event(), []

    async def crowd() -> None:
        async with anyio.create_task_group() as group:
            for visitor in [ANNA] * 5 + [Visitor(ANNA.address, f"{n:022}") for n in range(20)] + [BERT] * 2:
                group.start_soon(ask, lane, visitor, lambda: gate.wait(BOUND), told)
                await anyio.wait_all_tasks_blocked()
            gate.set()

    awaited(crowd)
    refused = [visitor for visitor, answer in told if isinstance(answer, BusyError)]
    assert refused.count(ANNA) == 2, "one runs, two wait"
    assert len([visitor for visitor in refused if visitor.address == ANNA.address]) == 25 - 1 - 4 * 2
    assert BERT not in refused


def test_what_waits_too_long_is_refused_and_forgotten():
    lane, gate, told = Lane(running=1, patience=0.05), threading.Event(), []

    async def crowd() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(ask, lane, ANNA, lambda: gate.wait(BOUND), [])
            await anyio.wait_all_tasks_blocked()
            await ask(lane, BERT, lambda: "never", told)
            gate.set()
        await ask(lane, BERT, lambda: "now", told)

    awaited(crowd)
    assert isinstance(told[0][1], BusyError)
    assert told[1:] == [(BERT, "now")]
    assert not lane._turns


def test_who_leaves_the_queue_makes_room_and_nothing_is_computed_for_them():
    lane, gate, computed = Lane(running=1, waiting=3), threading.Event(), []

    async def crowd() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(ask, lane, BERT, lambda: gate.wait(BOUND), [])
            await anyio.wait_all_tasks_blocked()
            for _ in range(3):  # rounds of three that leave
                async with anyio.create_task_group() as leaving:
                    for _ in range(3):
                        leaving.start_soon(ask, lane, ANNA, lambda: computed.append(1), [])
                    await anyio.wait_all_tasks_blocked()
                    leaving.cancel_scope.cancel()
            gate.set()

    awaited(crowd)
    assert not computed
    assert not lane._turns
    assert lane._free == 1


def test_work_that_runs_ends_between_batches_when_its_visitor_leaves():
    lane, presence, batches, told = Lane(running=1), Presence(ANNA), threading.Semaphore(0), []

    def work() -> None:
        for _ in range(10_000):
            check_wanted()
            batches.release()
            threading.Event().wait(0.01)  # a batch

    async def crowd() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(ask_present, lane, presence, work, told)
            await anyio.to_thread.run_sync(batches.acquire)
            presence.gone = True
        await ask(lane, BERT, lambda: "free", told)

    async def ask_present(*arguments: Any) -> None:
        await ask(arguments[0], ANNA, *arguments[2:], presence=arguments[1])

    awaited(crowd)
    assert told[-1] == (BERT, "free")


def test_a_job_has_a_time_limit_and_holds_its_thread_until_it_ends():
    lane, told, gate = Lane(running=1, seconds=0.05, patience=BOUND), [], threading.Event()

    async def crowd() -> None:
        await ask(lane, ANNA, lambda: gate.wait(BOUND), told)
        assert lane._free == 0, "a thread cannot be stopped from outside"
        gate.set()
        await ask(lane, BERT, lambda: "next", told)

    awaited(crowd)
    assert "took longer" in str(told[0][1])
    assert told[1] == (BERT, "next")


@pytest.mark.parametrize("error", [ValueError("a bug"), TimeoutError("the disk's")])
def test_an_error_of_the_work_is_its_own(error):
    async def run() -> None:
        with pytest.raises(type(error)) as raised:
            await Lane(running=1).run(lambda: (_ for _ in ()).throw(error))
        assert str(raised.value) == str(error)

    awaited(run)


def test_bodies_of_one_visitor_leave_room_for_others():
    arrivals, refused = Arrivals(2, 5, "too many."), []

    def come(visitor: Visitor, here: ExitStack) -> None:
        PRESENCE.set(Presence(visitor))
        try:
            here.enter_context(arrivals.one())
        except BusyError:
            refused.append(visitor)

    async def crowd() -> None:
        with ExitStack() as here:
            for visitor in (ANNA, ANNA, ANNA, BERT, BERT, CARLA, CARLA):
                come(visitor, here)
        assert refused == [ANNA, CARLA]
        assert not arrivals._arriving

    awaited(crowd)


def gone_after(batches: int) -> Callable[[], bool]:
    asked = iter(range(batches + 1))
    return lambda: next(asked) < batches


def test_a_model_and_a_film_stop_between_batches(twin_runs):
    from explorer.library import load_run

    run = load_run(twin_runs / "digits-vae-2")
    coder: Any = run.coder
    latents = np.zeros((5 * coder._batch, 2), np.float32)
    images = np.zeros((5 * coder._batch, 1, 8, 8), np.float32)
    for work in (
        lambda: coder.decode(latents),
        lambda: coder.encode(images),
        lambda: coder.distortion(images, latents),
        lambda: animation(np.zeros((5, 1, 8, 8), np.uint8), "gif"),
    ):
        with wanted_while(gone_after(3)), pytest.raises(Unwanted):
            work()
        work()


def test_outside_of_a_lane_all_work_is_wanted():
    check_wanted()
