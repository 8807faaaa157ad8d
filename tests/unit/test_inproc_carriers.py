"""JoinableQueue and SimpleQueue inside one process, and bad arguments of every queue."""

from __future__ import annotations

import pickle
import queue
import threading
from typing import Any

import pytest

from anypool import abc
from anypool._sync.inproc import InprocContext, SerialMonitor, ThreadMonitor
from anypool.errors import SerializationError, WouldDeadlock

KINDS = {"thread": ThreadMonitor, "serial": SerialMonitor}


@pytest.fixture(params=["thread", "serial"])
def ctx(request: pytest.FixtureRequest) -> InprocContext:
    """A context of either kind."""
    return InprocContext(request.param, KINDS[request.param])


@pytest.fixture(params=["thread", "serial"])
def isolated(request: pytest.FixtureRequest) -> InprocContext:
    """A context of either kind that copies."""
    return InprocContext(request.param, KINDS[request.param], isolate=True)


def test_joinable_counts_what_is_not_done(ctx: InprocContext) -> None:
    """P2: join() returns when task_done() was said as often as put(); once too often is a ValueError."""
    subject = ctx.JoinableQueue()
    assert isinstance(subject, abc.JoinableQueue)
    assert subject.join() is True
    with pytest.raises(ValueError, match=r"task_done\(\) called too many times"):
        subject.task_done()
    for item in range(2):
        subject.put(item)
    assert subject.get() == 0
    assert subject.join(0.01) is False
    assert subject.join(-1) is False
    subject.task_done()
    assert subject.join(0) is False
    subject.task_done()  # before the item was taken, as multiprocessing allows
    assert subject.join(0) is True
    assert subject.get() == 1
    with pytest.raises(ValueError, match="too many times"):
        subject.task_done()


def test_joinable_with_workers(ctx: InprocContext) -> None:
    """P2: the textbook: workers take, join() waits for all of them."""
    subject, done = ctx.JoinableQueue(2), ctx.Queue()

    def work() -> None:
        while (item := subject.get()) is not None:
            done.put(item)
            subject.task_done()
        subject.task_done()

    workers = [ctx.Process(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for item in range(20):
        subject.put(item)
    assert subject.join()
    assert done.qsize() == 20
    for _ in workers:
        subject.put(None)
    assert subject.join(5)
    for worker in workers:
        worker.join(5)
        assert worker.exitcode == 0


def test_joinable_is_a_queue(ctx: InprocContext) -> None:
    """P2: an item that did not get in is not counted; closed is closed."""
    subject = ctx.JoinableQueue(1)
    subject.put(1)
    with pytest.raises(queue.Full):
        subject.put_nowait(2)
    subject.get()
    subject.task_done()
    assert subject.join(0)
    assert repr(subject) == "<JoinableQueue(0 items, maxsize=1)>"
    assert pickle.loads(pickle.dumps(subject)) is subject
    subject.close()
    with pytest.raises(ValueError, match=r"Queue <JoinableQueue\(0 items, maxsize=1\)> is closed"):
        subject.put(1)


def test_simple(ctx: InprocContext) -> None:
    """P2: put, get, empty, and nothing else."""
    subject = ctx.SimpleQueue()
    assert isinstance(subject, abc.SimpleQueue)
    assert subject.empty()
    subject.put(1)
    subject.put(None)
    assert not subject.empty()
    assert (subject.get(), subject.get()) == (1, None)
    assert not hasattr(subject, "qsize") and not hasattr(subject, "get_nowait")
    process = ctx.Process(target=lambda: subject.put("late"))
    process.start()
    assert subject.get() == "late"
    process.join(5)
    assert pickle.loads(pickle.dumps(subject)) is subject
    assert repr(subject) == "<SimpleQueue(0 items)>"


def test_simple_closed_for_this_process(ctx: InprocContext) -> None:
    """P2: the words of multiprocessing's connections; the others go on."""
    subject, results = ctx.SimpleQueue(), ctx.SimpleQueue()
    process = ctx.Process(target=lambda: results.put(subject.get() * 2))
    process.start()
    subject.put(21)
    subject.close()
    subject.close()
    uses: list[Any] = [lambda: subject.put(1), subject.get, subject.empty]
    for use in uses:
        with pytest.raises(OSError, match="handle is closed"):
            use()
    assert results.get() == 42
    process.join(5)


def test_what_cannot_travel(isolated: InprocContext) -> None:
    """E5: put() raises, and nothing was put or counted."""
    joinable, simple = isolated.JoinableQueue(), isolated.SimpleQueue()
    for subject in (joinable, simple):
        with pytest.raises(SerializationError, match="item"):
            subject.put({"lock": threading.Lock()})
        assert subject.empty()
        value: list[int] = []
        subject.put(value)
        value.append(1)
        assert subject.get() == []
    joinable.task_done()
    assert joinable.join(0)


@pytest.mark.parametrize("kind", ["Queue", "JoinableQueue"])
def test_bad_maxsize(ctx: InprocContext, kind: str) -> None:
    """P2: it raises where the queue is made, and names the argument."""
    with pytest.raises(ValueError, match="maxsize must not be negative, got -1"):
        getattr(ctx, kind)(-1)
    for wrong, name in (("3", "str"), (2.0, "float"), (None, "NoneType")):
        with pytest.raises(TypeError, match=f"maxsize must be an int, not {name}"):
            getattr(ctx, kind)(wrong)


def test_waits_for_ever_are_refused() -> None:
    """Serial: with words that name the queue."""
    ctx = InprocContext("serial", SerialMonitor)
    joinable = ctx.JoinableQueue()
    joinable.put(1)
    with pytest.raises(WouldDeadlock, match="for all items of a JoinableQueue to be done"):
        joinable.join()
    with pytest.raises(WouldDeadlock, match="for an item of a SimpleQueue"):
        ctx.SimpleQueue().get()


def test_a_loop_that_asks_for_the_size_comes_to_its_end(ctx: InprocContext) -> None:
    """A program may poll instead of waiting; on the serial backend the others run meanwhile."""
    subject, places = ctx.Queue(), ctx.Semaphore(0)

    def fill() -> None:
        for item in range(3):
            subject.put(item)
            places.release()

    process = ctx.Process(target=fill)
    process.start()
    while subject.qsize() < 3:
        pass
    while places.get_value() < 3:
        pass
    process.join(5)
