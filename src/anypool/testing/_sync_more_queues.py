"""P2, P3: JoinableQueue and SimpleQueue to the edge, as ``multiprocessing`` has them."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

import pytest

from anypool import Executor, SerializationError, WouldDeadlock, abc
from anypool.testing import _tasks_sync as sync_tasks
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor
from anypool.testing._beside import beside

__all__ = ["JoinableQueues", "SimpleQueues"]


class JoinableQueues(BackendSuite):
    """JoinableQueue, where it is more than a Queue."""

    def test_joinable_is_a_queue(self, ex: Executor) -> None:
        """P2: it is a queue as others: order, limits, size, close."""
        items = ex.JoinableQueue(2)
        assert isinstance(items, abc.JoinableQueue) and isinstance(items, abc.Queue)
        items.put(1)
        ex.submit(items.put, 2).result(PATIENCE)
        with pytest.raises(queue.Full):
            items.put_nowait(3)
        assert items.qsize() == 2 and items.full()
        assert [items.get(), ex.submit(items.get).result(PATIENCE)] == [1, 2]
        with pytest.raises(queue.Empty):
            items.get_nowait()
        with pytest.raises(ValueError):
            ex.JoinableQueue(-1)
        items.close()
        with pytest.raises(ValueError, match="closed"):
            items.put(4)

    def test_joinable_join(self, ex: Executor) -> None:
        """P2: ``join`` returns when every item that was put is done with, not when it is taken."""
        items = ex.JoinableQueue()
        assert items.join() is True
        items.put("a")
        items.put("b")
        assert items.join(0.01) is False
        assert [items.get(), items.get()] == ["a", "b"]
        items.task_done()
        began = time.monotonic()
        assert items.join(0.1) is False
        assert time.monotonic() - began >= 0.09
        assert items.join(0) is False and items.join(-1) is False
        ex.submit(items.task_done).result(PATIENCE)
        assert items.join() is True
        assert ex.submit(items.join).result(PATIENCE) is True

    def test_joinable_done_too_often(self, ex: Executor) -> None:
        """P2: ``task_done`` more often than ``put`` is a ``ValueError``, and changes nothing."""
        items = ex.JoinableQueue()
        with pytest.raises(ValueError, match="task_done"):
            items.task_done()
        items.put(1)
        items.task_done()
        with pytest.raises(ValueError, match="called too many times"):
            ex.submit(items.task_done).result(PATIENCE)
        items.put(2)
        assert items.join(0.01) is False
        items.task_done()
        assert items.join() is True

    def test_joinable_workers(self, make_executor: MakeExecutor) -> None:
        """P2: the textbook's pattern: workers take, do, and say so; the program joins and sends them home."""
        ex = make_executor(2)
        items, results = ex.JoinableQueue(), ex.Queue()
        workers = [beside(ex, _work, items, results) for _ in range(2)]
        for number in range(20):
            items.put(number)
        assert items.join(PATIENCE) is True
        assert sorted(results.get(block=False) for _ in range(20)) == [number * number for number in range(20)]
        for _ in workers:
            items.put(None)
        assert sum(worker() for worker in workers) == 20
        assert items.join(PATIENCE) is True

    def test_joinable_join_waits(self, ex: Executor) -> None:
        """P2: who waits in ``join`` is woken by the last ``task_done``; alone on serial it is told at once."""
        items = ex.JoinableQueue()
        items.put(1)
        if not self.concurrent:
            with pytest.raises(WouldDeadlock):
                ex.submit(items.join).result(PATIENCE)
        joined = beside(ex, items.join, PATIENCE)
        items.get(timeout=PATIENCE)
        items.task_done()
        assert joined() is True

    def test_joinable_item_that_cannot_be_pickled(self, ex: Executor) -> None:
        """E5, P2: it raises in ``put`` and is not waited for."""
        if not self.copies:
            return  # it is an item there
        items = ex.JoinableQueue()
        with pytest.raises(SerializationError):
            items.put(threading.Lock())
        assert items.empty() and items.join(0) is True

    def test_joinable_put_and_killed(self, ex: Executor) -> None:
        """P3, P4: who put and was killed leaves whole items, each waited for once."""
        items = ex.JoinableQueue()
        process = ex.Process(target=_put_and_wait, args=(items,))
        process.start()
        taken = [items.get(timeout=PATIENCE) for _ in range(4)]
        process.kill()
        process.join(PATIENCE)
        assert [len(item) for item in taken] == [1000] * 4
        for _ in taken:
            assert items.join(0) is False
            items.task_done()
        assert items.join(PATIENCE) is True


class SimpleQueues(BackendSuite):
    """SimpleQueue."""

    def test_simple_first_in_first_out(self, ex: Executor) -> None:
        """P2: any values in their order, whoever put them."""
        items = ex.SimpleQueue()
        assert isinstance(items, abc.SimpleQueue)
        assert items.empty() is True
        values: list[Any] = [None, 0, b"", {"k": [1]}, "x" * 100_000]
        for value in values:
            items.put(value)
        ex.submit(items.put, "last").result(PATIENCE)
        assert items.empty() is False
        assert [items.get() for _ in values] == values
        assert ex.submit(items.get).result(PATIENCE) == "last"
        assert ex.submit(items.empty).result(PATIENCE) is True

    def test_simple_sharing(self, ex: Executor) -> None:
        """E4: an item is a copy where values are copied, and the same object elsewhere."""
        items, thing = ex.SimpleQueue(), [1]
        items.put(thing)
        thing.append(2)
        assert items.get() == ([1] if self.copies else [1, 2])

    def test_simple_closed(self, ex: Executor) -> None:
        """P2: after ``close`` this process can neither put nor get."""
        items = ex.SimpleQueue()
        items.put(1)
        items.close()
        items.close()
        with pytest.raises(OSError):
            items.get()
        with pytest.raises(OSError):
            items.put(2)

    def test_simple_item_that_cannot_be_pickled(self, ex: Executor) -> None:
        """E5, P2: it raises in ``put``, and the queue is as it was; where nothing is pickled it is an item."""
        items = ex.SimpleQueue()
        if self.copies:
            with pytest.raises(SerializationError):
                items.put(["fine", threading.Lock()])
        else:
            items.put(threading.Lock())
            items.get()
        items.put("after")
        assert items.get() == "after" and items.empty()

    def test_simple_getter_is_woken(self, ex: Executor) -> None:
        """P2: who waits in ``get`` is woken by ``put``; alone on serial it is told at once."""
        items = ex.SimpleQueue()
        if not self.concurrent:
            with pytest.raises(WouldDeadlock):
                ex.submit(items.get).result(PATIENCE)
        taken = beside(ex, items.get)
        items.put("woken")
        assert taken() == "woken"

    def test_simple_put_and_gone(self, make_executor: MakeExecutor) -> None:
        """P3: what was put is there though the putter's executor has ended and nobody has read."""
        items = make_executor(1).SimpleQueue()
        with make_executor(1) as writer:
            writer.submit(sync_tasks.put_all, items, [b"x" * 1_000_000] * 10).result(PATIENCE)
        assert [len(items.get()) for _ in range(10)] == [1_000_000] * 10

    def test_simple_many_putters_and_getters(self, make_executor: MakeExecutor) -> None:
        """P2, P3: every item comes out once; each putter's are in order."""
        ex = make_executor(4)
        items = ex.SimpleQueue()
        getters = [beside(ex, _take_until_none, items) for _ in range(2)]
        putters = [beside(ex, sync_tasks.put_all, items, range(first, first + 50)) for first in (0, 50)]
        for putter in putters:
            putter()
        items.put(None)
        items.put(None)
        taken = [getter() for getter in getters]
        assert sorted(taken[0] + taken[1]) == list(range(100))
        for numbers in taken:
            for first in (0, 50):
                own = [number for number in numbers if first <= number < first + 50]
                assert own == sorted(own)


def _work(items: Any, results: Any) -> int:
    count = 0
    while (number := items.get(timeout=20)) is not None:
        results.put(number * number)
        items.task_done()
        count += 1
    items.task_done()
    return count


def _put_and_wait(items: Any) -> None:
    for _ in range(4):
        items.put(b"x" * 1000)
    while True:
        items.join(1)


def _take_until_none(items: Any) -> list[Any]:
    taken = []
    while (item := items.get()) is not None:
        taken.append(item)
    return taken
