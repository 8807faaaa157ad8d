"""P2: Condition to the edge, as ``multiprocessing`` has it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from anypool import Executor, WouldDeadlock, abc
from anypool.testing import _tasks_meeting as meeting
from anypool.testing import _tasks_sync as sync_tasks
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor
from anypool.testing._beside import beside

__all__ = ["Conditions"]


class Conditions(BackendSuite):
    """Condition."""

    def test_condition_lock(self, ex: Executor) -> None:
        """P2: a condition is taken and released as its lock, here and in tasks."""
        condition = ex.Condition()
        assert isinstance(condition, abc.Condition)
        with condition as entered:
            assert entered is True
            assert condition.acquire(False), "its own lock is an RLock"
            condition.release()
            if self.concurrent:
                assert ex.submit(condition.acquire, False).result(PATIENCE) is False
                assert ex.submit(condition.acquire, True, 0.01).result(PATIENCE) is False
        assert condition.acquire(timeout=1) is True
        condition.release()
        with pytest.raises(AssertionError):
            condition.release()

    @pytest.mark.parametrize("kind", ["Lock", "RLock"])
    def test_condition_given_lock(self, ex: Executor, kind: str) -> None:
        """P2: it works over a lock that was made before, and several conditions may share one."""
        lock = getattr(ex, kind)()
        first, second = ex.Condition(lock), ex.Condition(lock)
        with first:
            assert lock.acquire(False) is (kind == "RLock")
            second.notify()  # it is the owner's lock, whichever condition took it
            if kind == "RLock":
                lock.release()
            assert second.wait(0) is False
        assert ex.submit(sync_tasks.release, first).result(PATIENCE) == (
            "ValueError" if kind == "Lock" else "AssertionError"
        )

    def test_condition_wrong_lock(self, ex: Executor) -> None:
        """P2: what is no Lock or RLock of this backend is refused at once."""
        with Executor("thread" if self.processes else "process", 1) as other:
            for wrong in ("lock", 1, ex.Semaphore(), ex.Event(), other.Lock()):
                with pytest.raises(TypeError):
                    ex.Condition(wrong)  # type: ignore[arg-type]

    def test_condition_without_the_lock(self, ex: Executor) -> None:
        """P2: waiting, notifying and releasing without the lock are ``AssertionError``s, here and in tasks."""
        condition = ex.Condition()
        assert meeting.try_outside(condition) == ["AssertionError"] * 4
        assert ex.submit(meeting.try_outside, condition).result(PATIENCE) == ["AssertionError"] * 4
        if self.concurrent:
            with condition:
                assert ex.submit(meeting.try_outside, condition).result(PATIENCE) == ["AssertionError"] * 4

    def test_condition_wait_with_timeout(self, ex: Executor) -> None:
        """P2: a wait that nobody ends is over after its timeout, and the lock is the waiter's again."""
        condition = ex.Condition()
        with condition:
            began = time.monotonic()
            assert condition.wait(0.1) is False
            assert time.monotonic() - began >= 0.09
            assert condition.wait(0) is False
            assert condition.wait(-1) is False
            condition.notify()  # would raise without the lock
        assert ex.submit(meeting.wait_once, condition, ex.Semaphore(0), 0.01).result(PATIENCE) is False

    def test_condition_notify_wakes_so_many(self, make_executor: MakeExecutor) -> None:
        """P2: ``notify(n)`` wakes n of those who wait; the others go on waiting."""
        ex = make_executor(3)
        condition, ready, woken = ex.Condition(), ex.Semaphore(0), ex.Queue()
        results = [beside(ex, _wait_and_tell, condition, ready, woken, number) for number in range(3)]
        for _ in results:
            assert ready.acquire(timeout=PATIENCE)
        with condition:
            condition.notify(2)
        assert len({woken.get(timeout=PATIENCE), woken.get(timeout=PATIENCE)}) == 2
        with condition:
            assert woken.empty(), "a third one was woken"
            condition.notify(5)
        woken.get(timeout=PATIENCE)
        assert [result() for result in results] == [True] * 3

    def test_condition_notify_all(self, make_executor: MakeExecutor) -> None:
        """P2: ``notify_all`` wakes everybody who waits, once; nobody is woken for later."""
        ex = make_executor(3)
        condition, ready = ex.Condition(ex.Lock()), ex.Semaphore(0)
        results = [beside(ex, meeting.wait_once, condition, ready) for _ in range(3)]
        for _ in results:
            assert ready.acquire(timeout=PATIENCE)
        with condition:
            condition.notify_all()
        assert [result() for result in results] == [True] * 3
        with condition:
            condition.notify_all()
            condition.notify(3)
            assert condition.wait(0.01) is False, "a notify without waiters was remembered"

    def test_condition_woken_when_the_lock_is_free(self, ex: Executor) -> None:
        """P2: whoever is notified goes on when the notifier has let the lock go, not before."""
        condition, ready, woken = ex.Condition(), ex.Semaphore(0), ex.Queue()
        result = beside(ex, _wait_and_tell, condition, ready, woken, 1)
        assert ready.acquire(timeout=PATIENCE)
        with condition:
            condition.notify()
            assert condition.acquire(False)
            condition.release()
            assert woken.empty()
        assert woken.get(timeout=PATIENCE) == 1
        assert result() is True

    def test_condition_wait_lets_go_of_all(self, ex: Executor) -> None:
        """P2: a wait releases an RLock however often it was taken, and takes it as often again."""
        condition, ready = ex.Condition(), ex.Semaphore(0)
        result = beside(ex, meeting.wait_twice_held, condition, ready)
        assert ready.acquire(timeout=PATIENCE)
        assert condition.acquire(timeout=PATIENCE)
        condition.notify()
        condition.release()
        assert result() == [True, None, None, "AssertionError"]

    def test_condition_wait_for(self, ex: Executor) -> None:
        """P2: ``wait_for`` waits for a predicate and gives its last value, whatever it is."""
        condition, number, ready = ex.Condition(), ex.RawValue("i", 0), ex.Semaphore(0)
        with condition:
            assert condition.wait_for(lambda: "at once") == "at once"
            assert condition.wait_for(lambda: number.value, 0.01) == 0
            assert condition.wait_for(lambda: [], -1) == []
        result = beside(ex, meeting.wait_for_number, condition, number, ready)
        assert ready.acquire(timeout=PATIENCE)
        for value in (0, 7):
            with condition:
                number.value = value
                condition.notify_all()
        assert result() == 7

    def test_condition_turns(self, ex: Executor) -> None:
        """P2: no wake-up is lost when two hand a turn to each other many times."""
        condition, turn = ex.Condition(), ex.RawValue("i", 0)
        result = beside(ex, meeting.take_turns, condition, turn, 1, 50)
        assert meeting.take_turns(condition, turn, 0, 50) == 50
        assert result() == 50

    def test_condition_nobody_left_to_notify(self, ex: Executor) -> None:
        """P2: alone on serial, whoever waits for ever is told at once, and has the lock again."""
        if self.concurrent:
            return
        condition = ex.Condition()
        with pytest.raises(WouldDeadlock):
            ex.submit(meeting.wait_once, condition, ex.Semaphore(0), None).result(PATIENCE)
        assert condition.acquire(False)
        condition.release()


def _wait_and_tell(condition: Any, ready: Any, woken: Any, number: int) -> bool:
    with condition:
        ready.release()
        notified = bool(condition.wait(20))
        woken.put(number)
        return notified
