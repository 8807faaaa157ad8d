"""Local conditions and barriers: multiprocessing's behaviour, and what it does not promise: dead waiters."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from threading import BrokenBarrierError
from typing import Any

import pytest

from anypool import HolderDied
from anypool._sync.local import LocalContext
from anypool.testing import eventually
from tests.unit.local_support import run, start
from tests.unit.test_local_holder import ended, forked, take_and_die


@pytest.fixture
def ctx() -> Iterator[LocalContext]:
    """Give a context that is closed in the end."""
    context = LocalContext("process")
    yield context
    context.close()


def waiting(condition: Any, number: int) -> None:
    """Wait until ``number`` wait for the condition."""

    def there() -> bool:
        with condition:
            return bool(condition._waiters.count() == number)

    assert eventually(there)


def test_without_the_lock(ctx: LocalContext) -> None:
    """P2: everything but ``acquire`` wants the lock."""
    condition = ctx.Condition()
    for call in (condition.wait, condition.notify, condition.notify_all, lambda: condition.wait_for(lambda: False)):
        with pytest.raises(AssertionError):
            call()
    assert condition.wait_for(lambda: 5) == 5
    with pytest.raises(TypeError, match=r"a Condition needs a Lock or an RLock of the same backend, not _thread\."):
        ctx.Condition(threading.Lock())  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_a_stranger_waits(ctx: LocalContext, kind: str) -> None:
    """P1: a pickled condition is the same in a process that was started by hand; it has the lock again afterwards."""
    condition = ctx.Condition(getattr(ctx, kind)())
    program = """
        with args[0]:
            print(args[0].wait(20), args[0]._lock.is_mine(), flush=True)
    """
    with start(program, condition) as child:
        waiting(condition, 1)
        with condition:
            condition.notify()
        assert child.communicate(timeout=20)[0] == "True True\n"


def test_a_recursive_lock_is_let_go_completely(ctx: LocalContext) -> None:
    """P2: however often the RLock was taken."""
    condition = ctx.Condition()
    with condition, condition, condition:
        child = start("with args[0]: args[0].notify()", condition)
        assert condition.wait(20)
        assert "count=3" in repr(condition)
    child.communicate(timeout=20)


def test_timeout(ctx: LocalContext) -> None:
    """P2: a wait that nobody ends is ``False``, and its place is free again."""
    condition = ctx.Condition()
    with condition:
        assert condition.wait(0) is False
        assert condition.wait(-1) is False
        assert condition.wait(0.01) is False
        assert condition.wait_for(lambda: 0, 0.01) == 0
        assert repr(condition).endswith(", 0)>")
        condition.notify(5)  # of nobody
        assert condition.wait(0.01) is False


def test_notify_in_order(ctx: LocalContext) -> None:
    """P2: ``notify(n)`` wakes n, those who have waited longest."""
    condition = ctx.Condition()
    woken: list[int] = []

    def wait(number: int) -> None:
        with condition:
            condition.wait()
            woken.append(number)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(5)]
    for number, thread in enumerate(threads):
        thread.start()
        waiting(condition, number + 1)
    with condition:
        condition.notify(2)
    assert eventually(lambda: len(woken) == 2)
    assert sorted(woken) == [0, 1]
    with condition:
        condition.notify_all()
    for thread in threads:
        thread.join(20)
    assert sorted(woken) == [0, 1, 2, 3, 4]


def test_a_dead_waiter_is_passed_over(ctx: LocalContext) -> None:
    """P4: the one notification goes to a living waiter, and multiprocessing's notify would hang for ever."""
    condition = ctx.Condition()

    def wait() -> None:
        with condition:
            os._exit(0 if condition.wait(20) else 1)

    first = forked(wait)
    waiting(condition, 1)
    second = forked(wait)
    waiting(condition, 2)
    os.kill(first, signal.SIGKILL)
    ended(first)
    with condition:
        condition.notify()
    assert ended(second) == 0


def test_the_holder_dies_while_somebody_waits(ctx: LocalContext) -> None:
    """P4: ``wait`` raises ``HolderDied``, holding the lock as always."""
    condition = ctx.Condition()
    with condition, condition:
        pid = forked(lambda: take_and_die(condition))
        with pytest.raises(HolderDied):
            condition.wait(0.05)
        assert ended(pid) == -signal.SIGKILL
        assert "count=2" in repr(condition)
    with pytest.raises(AssertionError):
        condition.release()


def test_dropped_conditions_leave_nothing(ctx: LocalContext) -> None:
    """P8: with the condition go the semaphores on which its waiters slept."""
    condition = ctx.Condition()
    with condition:
        assert condition.wait(0.001) is False
    directory = os.path.dirname(condition._lock._path)  # type: ignore[attr-defined]
    assert any(name.endswith(".0.sem") for name in os.listdir(directory))
    del condition
    gc.collect()
    assert [name for name in os.listdir(directory) if not name.endswith(".card")] == []


def arrive(barrier: Any, number: int) -> Callable[[], None]:
    """Give what a child does that waits at a barrier: its exit code is its index, or 100 if the barrier broke."""

    def work() -> None:
        try:
            os._exit(barrier.wait(20))
        except BrokenBarrierError:
            os._exit(100)

    return work


def test_barrier(ctx: LocalContext) -> None:
    """P2: all go on when the last one comes, each with a number of its own, again and again."""
    done: list[str] = []
    barrier = ctx.Barrier(3, action=lambda: done.append("action"))
    for _ in range(3):
        children = [forked(arrive(barrier, number)) for number in range(2)]
        assert eventually(lambda: barrier.n_waiting == 2)
        index = barrier.wait(20)
        assert sorted([index, *map(ended, children)]) == [0, 1, 2]
    assert done == ["action"] * 3
    assert (barrier.parties, barrier.n_waiting, barrier.broken) == (3, 0, False)


def test_a_stranger_at_the_barrier(ctx: LocalContext) -> None:
    """P1: a pickled barrier is the same in a process that was started by hand."""
    barrier = ctx.Barrier(2, timeout=20)
    with start("print(args[0].wait())", barrier) as child:
        index = barrier.wait()
        assert {index, int(child.communicate(timeout=20)[0])} == {0, 1}


def test_broken(ctx: LocalContext) -> None:
    """P2: a timeout, an abort and a failing action break it; reset mends it."""
    barrier = ctx.Barrier(2)
    with pytest.raises(BrokenBarrierError):
        barrier.wait(0.01)
    assert barrier.broken
    with pytest.raises(BrokenBarrierError):
        barrier.wait()
    barrier.reset()
    assert not barrier.broken
    child = forked(arrive(barrier, 0))
    assert eventually(lambda: barrier.n_waiting == 1)
    barrier.abort()
    assert ended(child) == 100 and barrier.broken
    barrier.reset()
    child = forked(arrive(barrier, 0))
    assert eventually(lambda: barrier.n_waiting == 1)
    barrier.reset()
    assert ended(child) == 100 and not barrier.broken

    def fail() -> None:
        raise LookupError("the action")

    failing = ctx.Barrier(1, fail)
    with pytest.raises(LookupError, match="the action"):
        failing.wait()
    assert failing.broken


@pytest.mark.parametrize(("parties", "error"), [(0, ValueError), (-1, ValueError), ("2", TypeError)])
def test_wrong_parties(ctx: LocalContext, parties: Any, error: type[Exception]) -> None:
    """P2: a number that makes no sense is refused at once."""
    with pytest.raises(error, match="parties must be"):
        ctx.Barrier(parties)


def test_a_dead_party_breaks_the_barrier(ctx: LocalContext) -> None:
    """P4: who died while it waited never passes, so the others are told; after a reset it works again."""
    barrier = ctx.Barrier(3)
    victim = forked(arrive(barrier, 0))
    assert eventually(lambda: barrier.n_waiting == 1)
    other = forked(arrive(barrier, 1))
    assert eventually(lambda: barrier.n_waiting == 2)
    os.kill(victim, signal.SIGKILL)
    ended(victim)
    assert ended(other) == 100
    assert barrier.broken
    barrier.reset()
    assert run("args[0].abort(); print(args[0])", barrier) == "<Barrier(broken)>"
