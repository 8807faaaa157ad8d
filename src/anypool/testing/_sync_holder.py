"""P4, P5: who holds a lock can be asked, and a holder that ends without releasing it is noticed, once."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from anypool import Executor, HolderDied, WorkerDied, abc
from anypool.testing import _tasks_meeting as meeting
from anypool.testing import _tasks_sync as sync_tasks
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor
from anypool.testing._beside import beside
from anypool.testing._gate import Gate

__all__ = ["Holders"]


class Holders(BackendSuite):
    """P4 and P5."""

    @pytest.mark.parametrize("kind", ["Lock", "RLock"])
    def test_holder(self, ex: Executor, kind: str) -> None:
        """P5: ``holder()`` tells who has the lock, ``locked()`` whether somebody has, here and in tasks."""
        lock = getattr(ex, kind)()
        assert lock.holder() is None and lock.locked() is False
        with lock:
            holder = lock.holder()
            assert isinstance(holder, abc.Holder)
            assert holder[:4] == (ex.context.current_process().name, os.getpid(), os.uname().nodename, "")
            assert lock.locked() is True
            assert ex.submit(lock.locked).result(PATIENCE) is True
            seen = ex.submit(lock.holder).result(PATIENCE)
            assert (seen.name, seen.pid) == (holder.name, holder.pid)
        assert lock.holder() is None and lock.locked() is False
        assert ex.submit(lock.holder).result(PATIENCE) is None

    def test_holder_is_a_task(self, ex: Executor) -> None:
        """P5: of a lock that a task took it tells the process and the task."""
        lock = ex.Lock()
        future = ex.options(name="guarded").submit(meeting.holder_while_held, lock)
        holder, pid = future.result(PATIENCE)
        assert (holder.pid, holder.task_name, holder.task_id) == (pid, "guarded", future.task_id)
        assert (pid == os.getpid()) is not self.processes

    def test_holder_seen_from_outside(self, ex: Executor, gate: Gate) -> None:
        """P5: the program sees which task holds the lock at this moment."""
        if not self.concurrent:
            return  # a task is over when submit returns
        lock = ex.RLock()
        future = ex.options(name="guarded").submit(meeting.holder_while_held, lock, gate)
        gate.arrived()
        holder = lock.holder()
        assert holder is not None
        assert (holder.task_name, holder.task_id) == ("guarded", future.task_id)
        gate.open()
        assert future.result(PATIENCE) == (holder, holder.pid)

    def test_nobody_in_particular(self, ex: Executor) -> None:
        """P5: a semaphore's places have no holder; ``locked()`` tells whether all are taken."""
        semaphore = ex.Semaphore(2)
        with semaphore:
            assert semaphore.holder() is None and semaphore.locked() is False
            with semaphore:
                assert semaphore.locked() is True

    @pytest.mark.parametrize("how", ["return", "exception", "exit", "os._exit", "kill"])
    def test_process_ends_with_locks(self, ex: Executor, how: str) -> None:
        """P4: however a process ends, the next one to take its lock is told who it was, and then it works again."""
        if how == "os._exit" and not self.processes:
            return  # it would be us
        locks: list[Any] = [ex.RLock(), ex.Lock(), ex.Condition(), ex.Condition(ex.Lock())]
        taken, never = ex.Event(), ex.Event()
        arguments = (locks, "wait" if how == "kill" else how, taken, never)
        process = ex.Process(target=meeting.take_all_and_end, args=arguments, name="holder")
        process.start()
        pid = process.pid
        if how == "kill":
            assert taken.wait(PATIENCE)
            process.kill()
        process.join(PATIENCE)
        assert process.exitcode == {"return": 0, "exception": 1, "exit": 3, "os._exit": 4, "kill": -9}[how]
        for lock, kind in zip(locks, ("RLock", "Lock", "RLock", "Lock"), strict=True):
            with pytest.raises(HolderDied) as caught:
                lock.acquire(timeout=PATIENCE)
            error = caught.value
            assert (error.kind, error.name, error.pid, error.host) == (kind, "holder", pid, os.uname().nodename)
            assert kind in str(error) and "holder" in str(error) and str(pid) in str(error)
            assert lock.acquire(timeout=PATIENCE) is True, "it is free again after that"
            if self.concurrent:
                assert ex.submit(lock.acquire, False).result(PATIENCE) is False
            lock.release()
            assert ex.submit(meeting.take_or_hear, lock).result(PATIENCE) == "taken"

    def test_never_released_by_a_task(self, ex: Executor) -> None:
        """P4: a task that ends with a lock in hand is no death: its worker lives, and anybody may release for it."""
        lock = ex.Lock()
        assert ex.submit(lock.acquire).result(PATIENCE) is True
        assert lock.acquire(False) is False
        assert lock.acquire(timeout=0.3) is False
        holder = lock.holder()
        assert holder is not None and (holder.pid == os.getpid()) is not self.processes
        lock.release()
        assert lock.holder() is None
        assert lock.acquire(False)
        lock.release()

    def test_worker_dies_in_a_task(self, ex: Executor) -> None:
        """P4, E6: a worker that is killed while its task holds a lock: the error names the task."""
        if self.in_process(ex):
            return
        lock, recursive = ex.Lock(), ex.RLock()
        future = ex.options(name="fatal").submit(meeting.take_all_and_end, [recursive, lock], "SIGKILL")
        died = future.exception(PATIENCE)
        assert isinstance(died, WorkerDied)
        for one in (lock, recursive):
            with pytest.raises(HolderDied, match="fatal") as caught:
                one.acquire(timeout=PATIENCE)
            error = caught.value
            assert (error.pid, error.task_name, error.task_id) == (died.pid, "fatal", future.task_id)
            assert ex.submit(meeting.take_or_hear, one).result(PATIENCE) == "taken"

    def test_executor_ends_with_a_lock(self, ex: Executor, make_executor: MakeExecutor) -> None:
        """P4: a worker that ends in good order with a lock in hand is a dead holder too (serial's is the caller)."""
        lock = ex.Lock()
        with make_executor(1) as other:
            assert other.submit(lock.acquire).result(PATIENCE) is True
        if self.concurrent:
            with pytest.raises(HolderDied):
                lock.acquire(timeout=PATIENCE)
        else:
            lock.release()
        assert lock.acquire(False)
        lock.release()

    @pytest.mark.parametrize("kind", ["Lock", "RLock"])
    def test_one_waiter_is_told(self, make_executor: MakeExecutor, kind: str) -> None:
        """P4: of several who wait exactly one is told, and the others get the lock as usual."""
        ex = make_executor(3)
        lock, ready, taken, never = getattr(ex, kind)(), ex.Semaphore(0), ex.Event(), ex.Event()
        process = ex.Process(target=meeting.take_all_and_end, args=([lock], "wait", taken, never), name="holder")
        process.start()
        assert taken.wait(PATIENCE)
        results = [beside(ex, meeting.take_or_hear, lock, ready) for _ in range(3)]
        for _ in results:
            assert ready.acquire(timeout=PATIENCE)
        pid = process.pid
        process.kill()
        process.join(PATIENCE)
        heard = [result() for result in results]
        assert sorted(heard, key=str) == [(kind, "holder", pid), "taken", "taken"]

    def test_with_statement(self, ex: Executor) -> None:
        """P4: a with-block whose lock cannot be had does not run, and releases nothing."""
        lock = ex.Lock()
        process = ex.Process(target=meeting.take_all_and_end, args=([lock], "return"))
        process.start()
        process.join(PATIENCE)
        entered = []
        with pytest.raises(HolderDied), lock:
            entered.append(True)
        assert not entered
        with lock:
            assert lock.acquire(False) is False

    def test_a_try_finds_out(self, ex: Executor) -> None:
        """P4: whoever only ever tries without waiting finds out too, within a second or so."""
        lock = ex.Lock()
        process = ex.Process(target=meeting.take_all_and_end, args=([lock], "return"))
        process.start()
        process.join(PATIENCE)
        patience = threading.Event()
        with pytest.raises(HolderDied):
            for _ in range(500):
                assert lock.acquire(False) is False
                patience.wait(0.01)
        assert lock.acquire(False)
        lock.release()

    def test_wait_of_a_condition_is_told(self, ex: Executor) -> None:
        """P4: ``Condition.wait`` raises it too, and the waiter has the lock, as always after a wait."""
        condition = ex.Condition()
        process = ex.Process(target=meeting.notify_and_end, args=(condition,), name="holder")
        with condition:
            process.start()
            with pytest.raises(HolderDied) as caught:
                condition.wait(PATIENCE)
            assert caught.value.name == "holder"
            condition.notify()  # would raise without the lock
            assert condition.wait(0.01) is False
        process.join(PATIENCE)
        assert ex.submit(meeting.take_or_hear, condition).result(PATIENCE) == "taken"

    def test_dead_waiter_is_passed_over(self, ex: Executor) -> None:
        """P4: a waiter that was killed is not handed a notify: the next one is woken."""
        condition, ready = ex.Condition(), ex.Semaphore(0)
        process = ex.Process(target=meeting.wait_once, args=(condition, ready, 3600))
        process.start()
        assert ready.acquire(timeout=PATIENCE)
        result = beside(ex, meeting.wait_once, condition, ready)
        assert ready.acquire(timeout=PATIENCE)
        with condition:
            pass  # both wait now, the one that is to die before the other
        process.kill()
        process.join(PATIENCE)
        with condition:
            condition.notify()
        assert result() is True

    def test_lock_of_a_value(self, ex: Executor) -> None:
        """P4: a Value whose lock died with its holder says so at the next access, and works again."""
        number = ex.Value("i", 5)
        process = ex.Process(target=meeting.take_all_and_end, args=([number.get_lock()], "return"))
        process.start()
        process.join(PATIENCE)
        with pytest.raises(HolderDied):
            _ = number.value
        assert number.value == 5

    def test_exclusion_goes_on(self, make_executor: MakeExecutor, tmp_path: Path) -> None:
        """P4, P5: among holders that die again and again the lock still excludes, and each death is told once."""
        ex = make_executor(2)
        lock, path, rounds = ex.Lock(), tmp_path / "number", 4
        path.write_text("0")
        heard = 0
        for _ in range(rounds):
            process = ex.Process(target=meeting.take_all_and_end, args=([lock], "return"))
            process.start()
            process.join(PATIENCE)
            results = [ex.submit(meeting.take_or_hear, lock) for _ in range(2)]
            heard += sum(future.result(PATIENCE) != "taken" for future in results)
            for future in [ex.submit(sync_tasks.increment, path, lock) for _ in range(4)]:
                future.result(PATIENCE)
        assert heard == rounds
        assert path.read_text() == str(4 * rounds)
