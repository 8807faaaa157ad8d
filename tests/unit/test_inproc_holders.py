"""Who has a lock, and what becomes of it when that one ends (P4, P5)."""

from __future__ import annotations

import os
import socket
import sys
import threading
from typing import Any

import pytest

from anypool import Executor
from anypool._core import worker_info
from anypool._sync.inproc import InprocContext, SerialMonitor, ThreadMonitor
from anypool._sync.inproc._activity import CONTENDED
from anypool.abc import Holder
from anypool.errors import HolderDied

KINDS = {"thread": ThreadMonitor, "serial": SerialMonitor}


@pytest.fixture(params=["thread", "serial"])
def ctx(request: pytest.FixtureRequest) -> InprocContext:
    """A context of either kind."""
    return InprocContext(request.param, KINDS[request.param])


@pytest.fixture(params=["Lock", "RLock"])
def lock(request: pytest.FixtureRequest, ctx: InprocContext) -> Any:
    """A lock of either kind."""
    return getattr(ctx, request.param)()


def die_with(ctx: InprocContext, lock: Any, how: str) -> Any:
    """Start a process that takes the lock and ends without letting go."""
    holds = ctx.Event()

    def hold() -> None:
        lock.acquire()
        if type(lock).__name__ == "RLock":
            lock.acquire()
        holds.set()
        if how == "return":
            return
        if how == "exit":
            sys.exit(3)
        ctx.Event().wait()

    process = ctx.Process(target=hold, name="the dead")
    process.start()
    assert holds.wait(5)
    if how in ("terminate", "kill"):
        getattr(process, how)()
    return process


def works(ctx: InprocContext, lock: Any) -> None:
    """See that a lock is as new."""
    assert not lock.locked()
    assert lock.holder() is None
    assert lock.acquire(False)
    taken: list[bool] = []
    other = ctx.Process(target=lambda: taken.append(lock.acquire(False)))
    other.start()
    other.join(5)
    lock.release()
    assert taken == [False]
    assert lock.acquire(timeout=0)
    lock.release()


def test_holder_and_locked(ctx: InprocContext, lock: Any) -> None:
    """P5: a name, a pid, a host; nobody before and after."""
    me = Holder("MainProcess", os.getpid(), socket.gethostname())
    assert (lock.locked(), lock.holder()) == (False, None)
    with lock:
        assert (lock.locked(), lock.holder()) == (True, me)
        before = worker_info.set_task(7, "task", 1)
        worker_info.clear_task(before)
        assert lock.holder() == me
    assert (lock.locked(), lock.holder()) == (False, None)
    before = worker_info.set_task(7, "task", 1)
    lock.acquire()
    worker_info.clear_task(before)
    assert lock.holder() == me._replace(task_name="task", task_id=7)
    lock.release()
    process = die_with(ctx, lock, "wait")
    assert lock.holder().name == "the dead"
    process.kill()
    process.join(5)
    with pytest.raises(HolderDied):
        lock.acquire(False)


def test_locked_of_semaphores(ctx: InprocContext) -> None:
    """As Python 3.14's: all places are taken. Who took them nobody knows."""
    for semaphore in (ctx.Semaphore(1), ctx.BoundedSemaphore(1)):
        assert not semaphore.locked()
        with semaphore:
            assert semaphore.locked()
            assert semaphore.holder() is None
    with pytest.raises(TypeError, match="initial value of a BoundedSemaphore must be an int, not str"):
        ctx.BoundedSemaphore("1")  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["return", "exit", "terminate", "kill"])
def test_the_next_one_is_told(ctx: InprocContext, lock: Any, how: str) -> None:
    """P4: whoever comes behind a holder's end, with a timeout or without, exactly one, and then it works."""
    for arguments in ((), (False,), (True, -1)):
        process = die_with(ctx, lock, how)
        process.join(5)
        assert lock.locked()
        with pytest.raises(HolderDied, match=r"the dead ended without releasing this R?Lock .*free again") as caught:
            lock.acquire(*arguments)
        error = caught.value
        kind = type(lock).__name__
        assert (error.kind, error.name, error.pid, error.host) == (kind, "the dead", os.getpid(), socket.gethostname())
        assert (error.task_name, error.task_id) == ("", -1)
        works(ctx, lock)


@pytest.mark.parametrize("how", ["return", "terminate"])
def test_one_of_those_who_wait_is_told(ctx: InprocContext, lock: Any, how: str) -> None:
    """P4: one gets HolderDied, the others get the lock, one after the other."""
    results, go = ctx.Queue(), ctx.Event()

    def hold() -> None:
        lock.acquire()
        results.put("held")
        go.wait()

    def wait() -> None:
        try:
            with lock:
                results.put("taken")
        except HolderDied:
            results.put("told")

    holder = ctx.Process(target=hold)
    holder.start()
    assert results.get(timeout=5) == "held"
    waiters = [ctx.Process(target=wait) for _ in range(4)]
    for waiter in waiters:
        waiter.start()
    while lock._contenders < 4:
        ctx.Event().wait(0.001)
    go.set() if how == "return" else holder.terminate()
    assert sorted(results.get(timeout=5) for _ in waiters) == ["taken", "taken", "taken", "told"]
    for process in (holder, *waiters):
        process.join(5)
    works(ctx, lock)
    assert not CONTENDED


def test_released_by_another_it_has_no_dead_holder(ctx: InprocContext) -> None:
    """P4: a Lock that goes from hand to hand is nobody's any more."""
    lock = ctx.Lock()
    die_with(ctx, lock, "return").join(5)
    lock.release()
    works(ctx, lock)


def test_an_ended_holder_that_let_go_is_no_matter(ctx: InprocContext, lock: Any) -> None:
    """P4: also where a with-block was left by an exception or by terminate()."""
    holds = ctx.Event()

    def hold() -> None:
        with lock:
            holds.set()
            ctx.Event().wait()

    process = ctx.Process(target=hold)
    process.start()
    assert holds.wait(5)
    process.terminate()
    process.join(5)
    works(ctx, lock)


def test_a_new_thread_with_the_old_number_does_not_own_it() -> None:
    """P4: the system gives a dead thread's number to the next; an RLock must not take that one for its owner."""
    ctx = InprocContext("thread", ThreadMonitor)
    for _ in range(20):
        lock = ctx.RLock()
        die_with(ctx, lock, "return").join(5)
        outcome: list[Any] = []

        def acquire(lock: Any = lock, outcome: list[Any] = outcome) -> None:
            try:
                outcome.append(lock.acquire(False))
            except HolderDied:
                outcome.append("told")

        process = ctx.Process(target=acquire)
        process.start()
        process.join(5)
        assert outcome == ["told"]


def test_deaths_wherever_they_fall() -> None:
    """P4: forty holders are killed while others want the lock; nobody hangs, and nobody is told for nothing."""
    ctx = InprocContext("thread", ThreadMonitor)
    lock, told, deaths = ctx.Lock(), [0], 0
    stop = threading.Event()

    def want() -> None:
        while not stop.is_set():
            try:
                with lock:
                    pass
            except HolderDied:
                told[0] += 1

    wanting = [ctx.Process(target=want) for _ in range(2)]
    for process in wanting:
        process.start()

    def hold() -> None:
        while True:
            try:
                lock.acquire()
            except HolderDied:
                told[0] += 1
                continue
            ctx.Event().wait(0.0005)
            lock.release()

    for _ in range(40):
        process = ctx.Process(target=hold)
        process.start()
        process.join(0.0007)
        process.kill()
        process.join(5)
        assert process.exitcode == -9
        deaths += 1
    stop.set()
    for process in wanting:
        process.join(5)
        assert process.exitcode == 0
    try:
        assert lock.acquire(timeout=5)
    except HolderDied:
        told[0] += 1
    assert told[0] <= deaths


def test_a_worker_that_ended_with_its_executor(ctx: InprocContext) -> None:
    """P4: a task of the thread backend left a lock taken; while its worker lives the worker has it."""
    with Executor("thread", 1) as executor:
        lock = executor.Lock()
        task = executor.options(name="careless").submit(lock.acquire)
        assert task.result(5) is True
        holder = lock.holder()
        assert holder is not None
        assert (holder.name, holder.task_name, holder.task_id) == ("anypool-thread-0", "careless", 0)
        assert not lock.acquire(timeout=0.01)
    with pytest.raises(
        HolderDied, match=r"anypool-thread-0, which took it in task 'careless' \(id 0\), ended"
    ) as caught:
        lock.acquire()
    assert (caught.value.task_name, caught.value.task_id) == ("careless", 0)
    assert lock.acquire(False)
    lock.release()
