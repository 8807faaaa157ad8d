"""Condition inside one process: multiprocessing's words, who is called, and what holds when somebody dies."""

from __future__ import annotations

import pickle
import threading
import time
from typing import Any

import pytest

from anypool import abc
from anypool._sync.inproc import InprocContext, SerialMonitor, ThreadMonitor
from anypool.errors import HolderDied, WouldDeadlock

KINDS = {"thread": ThreadMonitor, "serial": SerialMonitor}


@pytest.fixture(params=["thread", "serial"])
def ctx(request: pytest.FixtureRequest) -> InprocContext:
    """A context of either kind."""
    return InprocContext(request.param, KINDS[request.param])


@pytest.fixture(params=["Lock", "RLock", None])
def cond(request: pytest.FixtureRequest, ctx: InprocContext) -> Any:
    """A condition over each kind of lock."""
    return ctx.Condition(getattr(ctx, request.param)() if request.param else None)


def sleeper(ctx: InprocContext, cond: Any, results: Any, timeout: float | None = None) -> Any:
    """Start a process that waits, and return when it does."""

    def wait() -> None:
        with cond:
            results.put(cond.wait(timeout))

    process = ctx.Process(target=wait)
    process.start()
    asleep(ctx, cond, 1)
    return process


def asleep(ctx: InprocContext, cond: Any, more: int) -> None:
    """Wait until so many more wait than at the last call."""
    wanted = getattr(cond, "_seen", 0) + more
    deadline = time.monotonic() + 5
    pause = ctx.Event()
    while len(cond._line) < wanted and time.monotonic() < deadline:
        pause.wait(0.001)
    assert len(cond._line) == wanted
    cond._seen = wanted


def finish(*processes: Any) -> None:
    """Join all, and see that none failed."""
    for process in processes:
        process.join(5)
        assert process.exitcode == 0


def test_without_the_lock(cond: Any) -> None:
    """P2: assertions, with multiprocessing's words."""
    assert isinstance(cond, abc.Condition)
    with pytest.raises(AssertionError, match=r"must acquire\(\) condition before using wait\(\)"):
        cond.wait(0)
    for notify in (cond.notify, cond.notify_all):
        with pytest.raises(AssertionError, match="lock is not owned"):
            notify()
    assert cond.acquire()
    taken: list[BaseException] = []

    def foreign() -> None:
        try:
            cond.notify()
        except AssertionError as error:
            taken.append(error)

    thread = threading.Thread(target=foreign)
    thread.start()
    thread.join()
    assert "lock is not owned" in str(taken[0])
    cond.release()


def test_notify_calls_so_many_in_their_order(ctx: InprocContext, cond: Any) -> None:
    """P2: one, n, more than there are, all."""
    results = ctx.Queue()
    processes = [sleeper(ctx, cond, results) for _ in range(6)]
    for number, expected in ((1, 1), (2, 3), (0, 3), (99, 6)):
        with cond:
            cond.notify(number)
        assert len(cond._line) == 6 - expected
    assert [results.get(timeout=5) for _ in range(6)] == [True] * 6
    finish(*processes)
    with cond:
        cond.notify()
        cond.notify_all()
        assert cond.wait(0.01) is False  # a notification that nobody waited for is nobody's


def test_notify_all(ctx: InprocContext, cond: Any) -> None:
    """P2: all who wait, and nobody else."""
    results = ctx.Queue()
    processes = [sleeper(ctx, cond, results) for _ in range(3)]
    with cond:
        cond.notify_all()
    finish(*processes)
    assert [results.get() for _ in range(3)] == [True] * 3


def test_timeouts(cond: Any) -> None:
    """P2: False when the time is up, with the lock in hand; negative and zero are at once."""
    with cond:
        for timeout in (0.01, 0, -3):
            assert cond.wait(timeout) is False
            assert cond._lock.is_mine()
    assert not cond._lock.locked()


def test_wait_for(ctx: InprocContext, cond: Any) -> None:
    """P2: gives the predicate's last value, whatever that is."""
    state = [0]
    with cond:
        assert cond.wait_for(lambda: "yes") == "yes"
        begin = time.monotonic()
        assert cond.wait_for(lambda: state[0] == 4, timeout=0.05) is False
        assert time.monotonic() - begin > 0.04

    def count() -> None:
        for _ in range(4):
            with cond:
                state[0] += 1
                cond.notify()

    process = ctx.Process(target=count)
    with cond:
        process.start()
        assert cond.wait_for(lambda: state[0] == 4, timeout=5) is True
    finish(process)


def test_a_recursive_lock_is_let_go_of_entirely(ctx: InprocContext) -> None:
    """P2: however deep it was taken, others get it, and afterwards it is as deep as before."""
    lock = ctx.RLock()
    cond = ctx.Condition(lock)

    def other() -> None:
        with cond:
            cond.notify()

    process = ctx.Process(target=other)
    with lock, lock, cond:
        process.start()
        assert cond.wait(5)
        assert "MainProcess, 3)" in repr(lock)
    assert not lock.locked()
    finish(process)


def test_foreign_locks(ctx: InprocContext) -> None:
    """P2: a lock of something else, or of the other backend, is refused with words that help."""
    for wrong in (threading.Lock(), ctx.Semaphore(), ctx.Event(), 5):
        with pytest.raises(TypeError, match=r"needs a Lock or an RLock of the same backend, not .*; make it with ctx"):
            ctx.Condition(wrong)  # type: ignore[arg-type]
    other = next(name for name in KINDS if name != ctx.backend)
    with pytest.raises(TypeError, match="belongs to another backend"):
        ctx.Condition(InprocContext(other, KINDS[other]).Lock())


def test_repr_and_travel(cond: Any) -> None:
    """P1: it is the same one in a copy."""
    assert repr(cond) == f"<Condition({cond._lock!r}, 0)>"
    assert pickle.loads(pickle.dumps(cond)) is cond


def test_a_dead_waiter_is_handed_nothing(ctx: InprocContext, cond: Any) -> None:
    """P4: the notification goes to the one behind it."""
    results = ctx.Queue()
    first, second = sleeper(ctx, cond, results), sleeper(ctx, cond, results)
    with cond:
        first.terminate()
        cond.notify()
    first.join(5)
    assert first.exitcode == -15
    assert results.get(timeout=5) is True
    finish(second)
    assert not cond._line
    with cond:
        assert cond.wait(0.01) is False


def test_terminated_in_wait_it_has_the_lock_in_its_finally(ctx: InprocContext, cond: Any) -> None:
    """P2: in every case, so that what a with-block cleans up is safe."""
    results = ctx.Queue()

    def wait() -> None:
        with cond:
            try:
                cond.wait()
            finally:
                results.put(cond._lock.is_mine())

    process = ctx.Process(target=wait)
    process.start()
    asleep(ctx, cond, 1)
    process.terminate()
    process.join(5)
    assert process.exitcode == -15
    assert results.get() is True
    assert not cond._lock.locked()


def test_terminated_while_the_terminator_has_the_lock(ctx: InprocContext, cond: Any, monkeypatch: Any) -> None:
    """X2: it ends all the same, and does not release what it does not have."""
    monkeypatch.setattr("anypool._sync.inproc._condition._GRACE", 0.05)
    process = sleeper(ctx, cond, ctx.Queue())
    with cond:
        process.terminate()
        process.join(5)
        assert process.exitcode == -15
        assert cond._lock.is_mine()
        assert cond._lock.locked()
    assert not cond._without


def test_a_holder_that_died_meanwhile(ctx: InprocContext, cond: Any) -> None:
    """P4: wait() raises HolderDied, and has the lock."""

    def die() -> None:
        cond.acquire()
        cond.notify()

    process = ctx.Process(target=die, name="the dead")
    with cond:
        process.start()
        with pytest.raises(HolderDied, match="the dead ended without releasing") as caught:
            cond.wait(5)
        assert cond._lock.is_mine()
    assert caught.value.kind == type(cond._lock).__name__
    assert not cond._lock.locked()
    finish(process)


def test_nobody_left_to_notify() -> None:
    """Serial: a wait for ever is refused, with the lock in hand, and the condition works on."""
    ctx = InprocContext("serial", SerialMonitor)
    cond = ctx.Condition()
    with cond:
        with pytest.raises(WouldDeadlock, match="to be notified of a Condition"):
            cond.wait()
        assert cond._lock.is_mine()  # type: ignore[attr-defined]
        assert cond.wait(0.01) is False


def test_nobody_left_to_release() -> None:
    """Serial: where the lock itself is not to be had any more, the error comes without it."""
    ctx = InprocContext("serial", SerialMonitor)
    cond, never = ctx.Condition(), ctx.Event()

    def keep() -> None:
        cond.acquire()
        cond.notify()
        never.wait()
        cond.release()

    process = ctx.Process(target=keep)
    process.daemon = True
    with pytest.raises(WouldDeadlock), cond:
        process.start()
        cond.wait()
    never.set()
    process.join()
    assert not cond._lock.locked()  # type: ignore[attr-defined]


def test_many_at_once(ctx: InprocContext) -> None:
    """A ring of three passes a token round a hundred times."""
    cond, token = ctx.Condition(), [0]

    def turn(mine: int) -> None:
        for _ in range(100):
            with cond:
                cond.wait_for(lambda: token[0] % 3 == mine)
                token[0] += 1
                cond.notify_all()

    processes = [ctx.Process(target=turn, args=(mine,)) for mine in range(3)]
    for process in processes:
        process.start()
    finish(*processes)
    assert token == [300]
