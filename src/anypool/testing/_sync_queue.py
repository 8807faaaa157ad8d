"""P2, P3: Queue to the edge, as ``multiprocessing`` has it, and with nothing lost when the putter goes."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

import pytest

from anypool import Executor, SerializationError, WouldDeadlock, abc
from anypool.testing import _tasks_sync as sync_tasks
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor
from anypool.testing._gate import Gate

__all__ = ["Queues"]


class Queues(BackendSuite):
    """Queue."""

    def test_first_in_first_out(self, ex: Executor) -> None:
        """P2: items come out in the order of their putting, whoever put them."""
        items = ex.Queue()
        assert isinstance(items, abc.Queue)
        items.put(1)
        ex.submit(items.put, 2).result(PATIENCE)
        items.put_nowait(3)
        assert ex.submit(items.get).result(PATIENCE) == 1
        assert [items.get(), items.get_nowait()] == [2, 3]

    def test_any_value(self, ex: Executor) -> None:
        """P2: None, empty and large things are items as others."""
        items = ex.Queue()
        values: list[Any] = [None, 0, b"", (), {"k": [1]}, "x" * 100_000, lambda number: number + 1]
        for value in values:
            items.put(value)
        got = [items.get(timeout=PATIENCE) for _ in values]
        assert got[:-1] == values[:-1]
        assert got[-1](1) == 2

    def test_sharing(self, ex: Executor) -> None:
        """E4: an item is a copy where values are copied, and the same object elsewhere."""
        items = ex.Queue()
        thing = [1]
        items.put(thing)
        thing.append(2)
        assert items.get(timeout=PATIENCE) == ([1] if self.copies else [1, 2])

    def test_empty(self, ex: Executor) -> None:
        """P2: nothing to get is ``queue.Empty``, at once or after the timeout."""
        items = ex.Queue()
        for get in (items.get_nowait, lambda: items.get(False), lambda: items.get(block=False)):
            with pytest.raises(queue.Empty):
                get()
        began = time.monotonic()
        with pytest.raises(queue.Empty):
            items.get(timeout=0.1)
        assert time.monotonic() - began >= 0.09
        with pytest.raises(queue.Empty):
            items.get(True, -1)
        with pytest.raises(queue.Empty):
            ex.submit(items.get, True, 0.01).result(PATIENCE)

    def test_full(self, ex: Executor) -> None:
        """P2: no room is ``queue.Full``, at once or after the timeout, here and in tasks."""
        items = ex.Queue(2)
        items.put(1)
        ex.submit(items.put, 2).result(PATIENCE)
        assert items.full()
        with pytest.raises(queue.Full):
            items.put_nowait(3)
        with pytest.raises(queue.Full):
            items.put(3, timeout=0.01)
        with pytest.raises(queue.Full):
            ex.submit(items.put, 3, False).result(PATIENCE)
        assert items.get(timeout=PATIENCE) == 1
        assert not items.full()
        items.put(3)
        assert [items.get(timeout=PATIENCE), items.get(timeout=PATIENCE)] == [2, 3]

    def test_size(self, ex: Executor) -> None:
        """P2: ``qsize`` and ``empty`` are exact at the moment of asking."""
        items = ex.Queue()
        assert items.qsize() == 0 and items.empty() and not items.full()
        for number in range(5):
            ex.submit(items.put, number).result(PATIENCE)
        assert items.qsize() == 5 and not items.empty()
        assert ex.submit(items.qsize).result(PATIENCE) == 5
        items.get()
        assert items.qsize() == 4

    def test_negative_size(self, ex: Executor) -> None:
        """P2: a negative size is a ``ValueError``, not a queue without limit by accident."""
        with pytest.raises(ValueError):
            ex.Queue(-1)

    def test_closed(self, ex: Executor) -> None:
        """P2: after ``close`` this process can neither put nor get; the others can."""
        items = ex.Queue()
        items.put(1)
        with pytest.raises(ValueError):
            items.join_thread()
        items.cancel_join_thread()
        items.close()
        items.close()
        items.join_thread()
        for use in (lambda: items.put(2), items.get, items.get_nowait, lambda: items.put_nowait(2)):
            with pytest.raises(ValueError, match="closed"):
                use()

    def test_item_that_cannot_be_pickled(self, ex: Executor) -> None:
        """E5, P2: it raises in ``put``, and the queue is as it was; where nothing is pickled it is an item."""
        items = ex.Queue()
        items.put("before")
        if self.copies:
            with pytest.raises(SerializationError, match="item"):
                items.put(["fine", threading.Lock()])
        else:
            items.put(threading.Lock())
        items.put("after")
        got = [items.get(timeout=PATIENCE) for _ in range(items.qsize())]
        assert [got[0], got[-1]] == ["before", "after"]
        assert len(got) == (2 if self.copies else 3)

    def test_put_and_gone(self, make_executor: MakeExecutor) -> None:
        """P3: what was put is there, also when the putter's executor has ended before anybody reads."""
        reader = make_executor(1)
        items = reader.Queue()
        with make_executor(1) as writer:
            writer.submit(sync_tasks.put_all, items, [b"x" * 1_000_000] * 20 + [None])
        taken = reader.submit(sync_tasks.take_until_none, items).result(PATIENCE)
        assert [len(item) for item in taken] == [1_000_000] * 20

    def test_put_and_killed(self, ex: Executor) -> None:
        """P3: what was put is there, also when the putter's worker is killed right afterwards, and only once."""
        items = ex.Queue()
        if not self.processes:
            ex.submit(sync_tasks.put_all, items, range(10)).result(PATIENCE)
        else:

            def put_and_die() -> None:
                import os
                import signal

                for number in range(10):
                    items.put(number)
                os.kill(os.getpid(), signal.SIGKILL)

            assert ex.submit(put_and_die).exception(PATIENCE) is not None
        assert [items.get(timeout=PATIENCE) for _ in range(10)] == list(range(10))
        assert items.empty()

    def test_many_putters_and_getters(self, make_executor: MakeExecutor) -> None:
        """P2, P3: with three putters and two getters every item comes out once; each putter's are in order."""
        ex = make_executor(5)
        items = ex.Queue()
        putters = [ex.submit(sync_tasks.put_all, items, range(first, first + 50)) for first in (0, 50, 100)]
        if not self.concurrent:
            items.put(None)
            assert ex.submit(sync_tasks.take_until_none, items).result(PATIENCE) == list(range(150))
            return
        getters = [ex.submit(sync_tasks.take_until_none, items) for _ in range(2)]
        for future in putters:
            future.result(PATIENCE)
        items.put(None)
        items.put(None)
        taken = [future.result(PATIENCE) for future in getters]
        assert sorted(taken[0] + taken[1]) == list(range(150))
        for numbers in taken:
            for first in (0, 50, 100):
                own = [number for number in numbers if first <= number < first + 50]
                assert own == sorted(own)

    def test_bounded_between_tasks(self, ex: Executor) -> None:
        """P2: a putter waits for room and a getter for items; alone on serial the putter is told at once."""
        items = ex.Queue(2)
        if not self.concurrent:
            with pytest.raises(WouldDeadlock):
                ex.submit(sync_tasks.put_all, items, range(5)).result(PATIENCE)
            return
        putter = ex.submit(sync_tasks.put_all, items, [*range(50), None])
        getter = ex.submit(sync_tasks.take_until_none, items)
        assert getter.result(PATIENCE) == list(range(50))
        putter.result(PATIENCE)

    def test_bounded_with_a_process(self, ex: Executor) -> None:
        """P2: a ``Process`` puts while the caller gets, on serial too."""
        items = ex.Queue(2)
        process = ex.Process(target=sync_tasks.put_all, args=(items, [*range(20), None]))
        process.start()
        assert sync_tasks.take_until_none(items) == list(range(20))
        process.join(PATIENCE)
        assert process.exitcode == 0

    def test_getter_is_woken(self, ex: Executor, gate: Gate) -> None:
        """P2: a task that waits in ``get`` is woken by the caller's ``put``."""
        items = ex.Queue()
        if not self.concurrent:
            with pytest.raises(WouldDeadlock):
                ex.submit(items.get).result(PATIENCE)
            return

        def take() -> Any:
            gate.arrive()
            return items.get(timeout=20)

        future = ex.submit(take)
        gate.arrived()
        items.put("woken")
        assert future.result(PATIENCE) == "woken"
