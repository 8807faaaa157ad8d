"""Barrier inside one process: the standard library's semantics, and what a death does to it."""

from __future__ import annotations

import pickle
import time
from threading import BrokenBarrierError
from typing import Any

import pytest

from anypool import abc
from anypool._sync.inproc import InprocContext, SerialMonitor, ThreadMonitor
from anypool.errors import WouldDeadlock

KINDS = {"thread": ThreadMonitor, "serial": SerialMonitor}


@pytest.fixture(params=["thread", "serial"])
def ctx(request: pytest.FixtureRequest) -> InprocContext:
    """A context of either kind."""
    return InprocContext(request.param, KINDS[request.param])


def party(ctx: InprocContext, barrier: Any, results: Any, *args: Any) -> Any:
    """Start a process that waits once and tells what came of it."""

    def wait() -> None:
        try:
            results.put(barrier.wait(*args))
        except BrokenBarrierError:
            results.put("broken")

    process = ctx.Process(target=wait)
    process.start()
    return process


def until_waiting(ctx: InprocContext, barrier: Any, number: int) -> None:
    """Wait until so many wait."""
    deadline, pause = time.monotonic() + 5, ctx.Event()
    while barrier.n_waiting != number and time.monotonic() < deadline:
        pause.wait(0.001)
    assert barrier.n_waiting == number


def finish(*processes: Any) -> None:
    """Join all, and see that none failed."""
    for process in processes:
        process.join(5)
        assert process.exitcode == 0


def test_round_after_round(ctx: InprocContext) -> None:
    """P2: nobody is a round ahead, and each round each has a number of its own."""
    barrier, results, passed = ctx.Barrier(3), ctx.Queue(), [0, 0, 0]

    def work(mine: int) -> None:
        for round_ in range(20):
            results.put((round_, barrier.wait()))
            passed[mine] += 1
            barrier.wait()
            assert min(passed) == max(passed) == round_ + 1
            barrier.wait()

    assert isinstance(barrier, abc.Barrier)
    processes = [ctx.Process(target=work, args=(mine,)) for mine in range(3)]
    for process in processes:
        process.start()
    finish(*processes)
    assert sorted(results.get() for _ in range(60)) == [(r, i) for r in range(20) for i in range(3)]
    assert (barrier.parties, barrier.n_waiting, barrier.broken) == (3, 0, False)


def test_one_party(ctx: InprocContext) -> None:
    """P2: it waits for nobody; the action is called each time."""
    calls: list[int] = []
    barrier = ctx.Barrier(1, lambda: calls.append(1))
    assert [barrier.wait(), barrier.wait(0), barrier.wait(-1)] == [0, 0, 0]
    assert calls == [1, 1, 1]


def test_the_action_is_done_before_anybody_goes_on(ctx: InprocContext) -> None:
    """P2: once a round, by one of them, and it may use other primitives."""
    done, results = ctx.Queue(), ctx.Queue()

    def act() -> None:
        assert not ctx.Event().wait(0.01)
        done.put("acted")

    barrier = ctx.Barrier(3, act)

    def work() -> None:
        barrier.wait()
        results.put(done.qsize())

    processes = [ctx.Process(target=work) for _ in range(3)]
    for process in processes:
        process.start()
    finish(*processes)
    assert [results.get() for _ in range(3)] == [1, 1, 1]


def test_an_action_that_raises_breaks_it(ctx: InprocContext) -> None:
    """P2: its error is that party's, the others are told that it is broken."""
    barrier, results = ctx.Barrier(2, lambda: 1 / 0), ctx.Queue()
    process = party(ctx, barrier, results)
    until_waiting(ctx, barrier, 1)
    with pytest.raises(ZeroDivisionError):
        barrier.wait()
    finish(process)
    assert results.get() == "broken"
    assert barrier.broken
    with pytest.raises(BrokenBarrierError):
        barrier.wait()


def test_a_timeout_breaks_it(ctx: InprocContext) -> None:
    """P2: for all; wait's own goes before the barrier's; reset mends it."""
    barrier, results = ctx.Barrier(3, timeout=30), ctx.Queue()
    process = party(ctx, barrier, results)
    until_waiting(ctx, barrier, 1)
    with pytest.raises(BrokenBarrierError):
        barrier.wait(0.01)
    finish(process)
    assert results.get() == "broken"
    assert (barrier.broken, barrier.n_waiting) == (True, 0)
    assert "broken" in repr(barrier)
    barrier.reset()
    assert not barrier.broken
    short = ctx.Barrier(2, timeout=0.01)
    with pytest.raises(BrokenBarrierError):
        short.wait()


@pytest.mark.parametrize("method", ["reset", "abort"])
def test_reset_and_abort(ctx: InprocContext, method: str) -> None:
    """P2: who waits is told; after reset it is as new, after abort it stays broken until then."""
    barrier, results = ctx.Barrier(3), ctx.Queue()
    waiting = [party(ctx, barrier, results) for _ in range(2)]
    until_waiting(ctx, barrier, 2)
    getattr(barrier, method)()
    finish(*waiting)
    assert [results.get(), results.get()] == ["broken", "broken"]
    assert barrier.broken is (method == "abort")
    barrier.reset()
    processes = [party(ctx, barrier, results) for _ in range(3)]
    finish(*processes)
    assert sorted(results.get() for _ in range(3)) == [0, 1, 2]


@pytest.mark.parametrize("method", ["terminate", "kill"])
def test_a_death_at_the_barrier_breaks_it(ctx: InprocContext, method: str) -> None:
    """P4: the others would wait in vain."""
    barrier, results = ctx.Barrier(3), ctx.Queue()
    dead, other = party(ctx, barrier, results), party(ctx, barrier, results)
    until_waiting(ctx, barrier, 2)
    getattr(dead, method)()
    dead.join(5)
    assert dead.exitcode < 0
    finish(other)
    assert results.get() == "broken"
    assert barrier.broken
    barrier.reset()
    finish(*[party(ctx, barrier, results) for _ in range(3)])


def test_a_death_in_the_action_breaks_it(ctx: InprocContext) -> None:
    """P4 X2: the action can be stopped like any code of the user's."""
    results, acting = ctx.Queue(), ctx.Queue()

    def act() -> None:
        acting.put(ctx.current_process().name)
        ctx.Event().wait(30)

    barrier = ctx.Barrier(2, act)
    parties = {process.name: process for process in (party(ctx, barrier, results), party(ctx, barrier, results))}
    actor = parties.pop(acting.get(timeout=5))
    actor.terminate()
    actor.join(5)
    assert actor.exitcode == -15
    finish(*parties.values())
    assert results.get() == "broken"
    assert barrier.broken


def test_bad_arguments(ctx: InprocContext) -> None:
    """P2: they raise where the barrier is made."""
    for parties in (0, -1):
        with pytest.raises(ValueError, match="parties must be > 0"):
            ctx.Barrier(parties)
    with pytest.raises(TypeError, match="parties must be an int, not str"):
        ctx.Barrier("2")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="action must be a callable or None, not int"):
        ctx.Barrier(2, 5)  # type: ignore[arg-type]


def test_repr_and_travel(ctx: InprocContext) -> None:
    """P1: it is the same one in a copy."""
    barrier = ctx.Barrier(2)
    assert pickle.loads(pickle.dumps(barrier)) is barrier
    assert "waiters=0/2" in repr(barrier)


def test_nobody_left_to_come() -> None:
    """Serial: a wait for ever is refused, and the barrier goes on as if this one had not come."""
    ctx = InprocContext("serial", SerialMonitor)
    barrier, results = ctx.Barrier(2), ctx.Queue()
    with pytest.raises(WouldDeadlock, match="for the other parties at a Barrier"):
        barrier.wait()
    assert not barrier.broken
    process = party(ctx, barrier, results)
    assert barrier.wait() in (0, 1)
    finish(process)
