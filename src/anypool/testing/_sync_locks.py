"""P2: Lock, RLock, Semaphore, BoundedSemaphore and Event to the edge, as ``multiprocessing`` has them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from anypool import Executor, WouldDeadlock, abc
from anypool.testing import _tasks_sync as sync_tasks
from anypool.testing._base import PATIENCE, BackendSuite
from anypool.testing._gate import Gate

__all__ = ["Events", "Locks", "Semaphores"]


class Locks(BackendSuite):
    """Lock and RLock."""

    @pytest.mark.parametrize("kind", ["Lock", "RLock"])
    def test_excludes(self, ex: Executor, kind: str, tmp_path: Path) -> None:
        """P2: what is done under a lock is never done twice at once: forty increments give forty."""
        lock = getattr(ex, kind)()
        path = tmp_path / "number"
        path.write_text("0")
        for future in [ex.submit(sync_tasks.increment, path, lock) for _ in range(40)]:
            future.result(PATIENCE)
        assert path.read_text() == "40"

    def test_lock(self, ex: Executor) -> None:
        """P2: ``acquire`` tells whether it got the lock; a lock can be taken once."""
        lock = ex.Lock()
        assert isinstance(lock, abc.Lock)
        assert lock.acquire() is True
        assert lock.acquire(False) is False
        assert lock.acquire(block=False) is False
        assert lock.acquire(True, 0.01) is False
        assert lock.acquire(timeout=-1) is False
        lock.release()
        with lock as entered:
            assert entered is True
            assert not lock.acquire(False)
        assert lock.acquire(False)
        lock.release()

    def test_release_of_a_free_lock(self, ex: Executor) -> None:
        """P2: releasing a lock that nobody has is a ``ValueError``."""
        with pytest.raises(ValueError, match="semaphore or lock released too many times"):
            ex.Lock().release()

    def test_anybody_may_release(self, ex: Executor) -> None:
        """P2: a Lock has no owner: a task may release what the caller took, and the other way round."""
        lock = ex.Lock()
        lock.acquire()
        assert ex.submit(sync_tasks.release, lock).result(PATIENCE) is None
        assert ex.submit(lock.acquire, False).result(PATIENCE) is True
        assert not lock.acquire(False)
        lock.release()

    def test_released_after_an_exception(self, ex: Executor, tmp_path: Path) -> None:
        """P2: a task that raises in a with-block has released the lock."""
        lock = ex.Lock()
        missing = tmp_path / "missing"
        with pytest.raises(FileNotFoundError):
            ex.submit(sync_tasks.increment, missing, lock).result(PATIENCE)
        assert lock.acquire(False)
        lock.release()

    def test_waiting_task_gets_the_lock(self, ex: Executor, gate: Gate) -> None:
        """P2: a task that waits for a lock gets it when it is released; alone on serial it is told at once."""
        lock = ex.Lock()
        lock.acquire()
        if not self.concurrent:
            with pytest.raises(WouldDeadlock):
                ex.submit(sync_tasks.acquire_in_order, lock).result(PATIENCE)
            lock.release()
            return
        future = ex.submit(sync_tasks.arrive_and_acquire, gate, lock)
        gate.arrived()
        assert not future.done()
        lock.release()
        assert future.result(PATIENCE) is True
        lock.release()

    def test_timeout_takes_its_time(self, ex: Executor) -> None:
        """P2: a timeout is in seconds and is kept, on serial too."""
        lock = ex.Lock()
        lock.acquire()
        began = time.monotonic()
        assert ex.submit(lock.acquire, True, 0.2).result(PATIENCE) is False
        assert time.monotonic() - began >= 0.19
        lock.release()

    def test_rlock(self, ex: Executor) -> None:
        """P2: the owner may take an RLock again and must release it as often."""
        lock = ex.RLock()
        assert isinstance(lock, abc.RLock)
        assert lock.acquire() and lock.acquire(False) and lock.acquire(timeout=1)
        for _ in range(3):
            lock.release()
        with pytest.raises(AssertionError, match="attempt to release recursive lock not owned by thread"):
            lock.release()
        with lock as entered:
            assert entered is True

    def test_foreign_release_of_an_rlock(self, ex: Executor) -> None:
        """P2: only the owner may release an RLock; a task that is not the owner gets ``AssertionError``."""
        lock = ex.RLock()
        lock.acquire()
        expected = "AssertionError" if self.concurrent else None  # a task on serial runs in the owner's thread
        assert ex.submit(sync_tasks.release, lock).result(PATIENCE) == expected
        if expected:
            assert ex.submit(lock.acquire, False).result(PATIENCE) is False
            lock.release()


class Semaphores(BackendSuite):
    """Semaphore and BoundedSemaphore."""

    @pytest.mark.parametrize("kind", ["Semaphore", "BoundedSemaphore"])
    def test_counts(self, ex: Executor, kind: str) -> None:
        """P2: as many can take it as it has places, here and in tasks; ``get_value`` tells how many are free."""
        semaphore = getattr(ex, kind)(3)
        assert isinstance(semaphore, abc.Semaphore)
        assert semaphore.get_value() == 3
        assert semaphore.acquire()
        assert ex.submit(semaphore.acquire).result(PATIENCE) is True
        with semaphore:
            assert semaphore.get_value() == 0
            assert semaphore.acquire(False) is False
            assert ex.submit(semaphore.acquire, False).result(PATIENCE) is False
            assert semaphore.acquire(timeout=0.01) is False
        ex.submit(semaphore.release).result(PATIENCE)
        semaphore.release()
        assert ex.submit(semaphore.get_value).result(PATIENCE) == 3

    def test_default_is_one(self, ex: Executor) -> None:
        """P2: without a number there is one place; none is allowed."""
        assert ex.Semaphore().get_value() == 1
        assert ex.BoundedSemaphore().get_value() == 1
        empty = ex.Semaphore(0)
        assert not empty.acquire(False)
        empty.release()
        assert empty.acquire(False)

    def test_negative(self, ex: Executor) -> None:
        """P2: a negative number is a ``ValueError``."""
        with pytest.raises(ValueError):
            ex.Semaphore(-1)
        with pytest.raises(ValueError):
            ex.BoundedSemaphore(-1)

    def test_release_beyond_the_start(self, ex: Executor) -> None:
        """P2: a Semaphore may be released beyond its first value, a bounded one may not."""
        free = ex.Semaphore(1)
        free.release()
        assert free.get_value() == 2
        bounded = ex.BoundedSemaphore(1)
        with pytest.raises(ValueError, match="semaphore or lock released too many times"):
            bounded.release()
        assert ex.submit(sync_tasks.release, bounded).result(PATIENCE) == "ValueError"
        assert bounded.get_value() == 1

    def test_waiting_task_gets_a_place(self, ex: Executor, gate: Gate) -> None:
        """P2: a task that waits for a place gets it when one is freed; alone on serial it is told at once."""
        semaphore = ex.Semaphore(0)
        if not self.concurrent:
            with pytest.raises(WouldDeadlock):
                ex.submit(semaphore.acquire).result(PATIENCE)
            return
        futures = [ex.submit(sync_tasks.arrive_and_acquire, gate, semaphore) for _ in range(2)]
        gate.arrived(2)
        semaphore.release()
        semaphore.release()
        assert [future.result(PATIENCE) for future in futures] == [True, True]
        assert semaphore.get_value() == 0


class Events(BackendSuite):
    """Event."""

    def test_flag(self, ex: Executor) -> None:
        """P2: the flag is the same here and in tasks."""
        event = ex.Event()
        assert isinstance(event, abc.Event)
        assert not event.is_set()
        ex.submit(event.set).result(PATIENCE)
        assert event.is_set()
        assert event.wait() is True
        assert event.wait(0) is True
        event.set()
        event.clear()
        assert ex.submit(event.is_set).result(PATIENCE) is False

    def test_wait_with_timeout(self, ex: Executor) -> None:
        """P2: ``wait`` tells whether the flag is up; its timeout is kept."""
        event = ex.Event()
        began = time.monotonic()
        assert event.wait(0.1) is False
        assert time.monotonic() - began >= 0.09
        assert ex.submit(sync_tasks.wait_for_event, event, 0.05).result(PATIENCE) is False
        assert event.wait(-1) is False

    def test_set_wakes_all(self, ex: Executor, gate: Gate) -> None:
        """P2: everybody who waits is woken; alone on serial whoever waits is told at once."""
        event = ex.Event()
        if not self.concurrent:
            with pytest.raises(WouldDeadlock):
                ex.submit(sync_tasks.wait_for_event, event).result(PATIENCE)
            return
        futures = [ex.submit(sync_tasks.arrive_and_wait, gate, event) for _ in range(2)]
        gate.arrived(2)
        event.set()
        assert [future.result(PATIENCE) for future in futures] == [True, True]

    def test_a_task_wakes_the_caller(self, ex: Executor) -> None:
        """P2: the caller waits, a task sets."""
        event = ex.Event()
        future = ex.submit(event.set)
        assert event.wait(PATIENCE)
        future.result(PATIENCE)
