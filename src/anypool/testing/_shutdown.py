"""E11: every way to end an executor leaves nothing behind; the leak check after each test is half of each test."""

from __future__ import annotations

import concurrent.futures
import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

from anypool import Executor, Future, WorkerDied
from anypool.testing import _tasks as tasks
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor
from anypool.testing._gate import Gate
from anypool.testing._leaks import Snapshot, find_leaks

__all__ = ["Shutdown"]


class Shutdown(BackendSuite):
    """E11, as far as the program goes on; its end is in ``FaultContract``."""

    def test_with_block_finishes_everything(self, log: Path) -> None:
        """E11: leaving a with-block waits for what was submitted."""
        with Executor(self.backend, 2, **self.settings) as ex:
            futures = [ex.submit(tasks.append_line, log, number) for number in range(20)]
        assert all(future.done() for future in futures)
        assert sorted(map(int, log.read_text().split())) == list(range(20))

    def test_with_block_that_raises(self, log: Path) -> None:
        """E11: an exception that leaves the with-block is not replaced, and what was submitted is finished."""
        with pytest.raises(ZeroDivisionError), Executor(self.backend, 2, **self.settings) as ex:
            ex.submit(tasks.append_line, log, "ran")
            raise ZeroDivisionError
        assert log.read_text() == "ran\n"

    def test_unused(self, make_executor: MakeExecutor) -> None:
        """E11: an executor that was never used ends as well."""
        make_executor().shutdown()
        make_executor().kill_workers()

    def test_twice(self, ex: Executor) -> None:
        """E11: shutting down again, in any way, does nothing."""
        ex.submit(tasks.nothing)
        ex.shutdown()
        ex.shutdown(wait=False, cancel_futures=True)
        ex.terminate_workers()
        ex.kill_workers()
        with ex:
            pass

    def test_without_waiting(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E11: ``shutdown(wait=False)`` returns at once; what was submitted still runs; a second call can wait."""
        ex = make_executor(1)
        if not self.concurrent:
            gate.open()
        futures: list[Future[Any]] = [ex.submit(gate.enter), ex.submit(tasks.square, 3)]
        ex.shutdown(wait=False)
        with pytest.raises(RuntimeError):
            ex.submit(tasks.nothing)
        gate.open()
        assert [future.result(PATIENCE) for future in futures] == ["through", 9]
        ex.shutdown(wait=True)

    def test_cancel_futures(self, make_executor: MakeExecutor, gate: Gate, log: Path) -> None:
        """E11: ``cancel_futures`` cancels what has not started, and lets finish what has."""
        ex = make_executor(1)
        if not self.concurrent:
            assert ex.submit(tasks.nothing).done()
            ex.shutdown(cancel_futures=True)
            return
        running = ex.submit(gate.enter)
        gate.arrived()
        pending = [ex.submit(tasks.append_line, log, number) for number in range(5)]
        ex.shutdown(wait=False, cancel_futures=True)
        # As in the standard library's process pool, the cancelling may be a moment behind; it waits for no task.
        done, not_done = concurrent.futures.wait(pending, PATIENCE)
        assert len(done) == 5 and not not_done
        assert all(future.cancelled() for future in pending)
        gate.open()
        assert running.result(PATIENCE) == "through"
        ex.shutdown()
        assert log.read_text() == ""

    @pytest.mark.parametrize("method", ["terminate_workers", "kill_workers"])
    def test_stop_workers(self, make_executor: MakeExecutor, gate: Gate, log: Path, method: str) -> None:
        """E11: running tasks fail (where they can be stopped), pending ones are cancelled, the executor is shut."""
        ex = make_executor(1)
        if not self.concurrent:
            getattr(ex, method)()
        else:
            running = ex.submit(gate.enter)
            gate.arrived()
            pending = ex.submit(tasks.append_line, log, "ran")
            getattr(ex, method)()
            with pytest.raises(concurrent.futures.CancelledError):
                pending.result(PATIENCE)
            if not self.processes:
                gate.open()  # a thread cannot be stopped in a blocking call (X2)
            assert isinstance(running.exception(PATIENCE), WorkerDied)
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            ex.submit(tasks.nothing)
        assert log.read_text() == ""

    def test_kill_workers_that_resist(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E11: a task that ignores SIGTERM does not survive ``terminate_workers`` for long."""
        if self.in_process(make_executor(1)):
            return

        def stubborn() -> None:
            import signal

            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            gate.enter()

        ex = make_executor(1)
        future = ex.submit(stubborn)
        gate.arrived()
        ex.terminate_workers()
        assert isinstance(future.exception(PATIENCE), WorkerDied)

    def test_collected_when_idle(self) -> None:
        """E11: an executor that is dropped takes its workers with it."""
        before = Snapshot.take()
        ex = Executor(self.backend, 2, **self.settings)
        assert ex.submit(tasks.square, 3).result(PATIENCE) == 9
        reference = weakref.ref(ex)
        del ex
        gc.collect()
        assert reference() is None, "something of ours keeps the executor alive"
        assert find_leaks(before, patience=10) == []

    def test_collected_with_work_left(self, gate: Gate, log: Path) -> None:
        """E11: tasks of an executor that is dropped are finished, as the standard library does."""
        ex = Executor(self.backend, 1, **self.settings)
        if not self.concurrent:
            gate.open()
        futures = [ex.submit(gate.enter), ex.submit(tasks.append_line, log, "ran")]
        gate.arrived()
        del ex
        gc.collect()
        gate.open()
        assert [future.result(PATIENCE) for future in futures] == ["through", "ran"]

    def test_a_view_keeps_it_open(self, log: Path) -> None:
        """E11: what ``options`` gave goes on working when the executor that it came from was dropped."""
        view = Executor(self.backend, 1, **self.settings).options(name="view")
        gc.collect()
        assert view.submit(tasks.square, 3).result(PATIENCE) == 9
        view.shutdown()

    def test_shutdown_from_another_thread(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E11: whoever waits for a result is not disturbed when another thread shuts down."""
        ex = make_executor(1)
        if not self.concurrent:
            gate.open()
        future = ex.submit(gate.enter)
        thread = threading.Thread(target=ex.shutdown)
        thread.start()
        gate.open()
        assert future.result(PATIENCE) == "through"
        thread.join(PATIENCE)
        assert not thread.is_alive()

    def test_shutdown_in_a_callback(self, ex: Executor) -> None:
        """E11: a done-callback may shut the executor down without waiting."""
        called = threading.Event()

        def close(_: object) -> None:
            ex.shutdown(wait=False)
            called.set()

        ex.submit(tasks.nothing).add_done_callback(close)
        assert called.wait(PATIENCE)
        ex.shutdown()

    def test_many_in_a_row(self) -> None:
        """E11: executors that come and go leave nothing that adds up."""
        for number in range(5):
            with Executor(self.backend, 1, **self.settings) as ex:
                assert ex.submit(tasks.square, number).result(PATIENCE) == number * number

    def test_two_at_once(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E11, E6: two executors of a backend do not know each other."""
        first, second = make_executor(1), make_executor(1)
        if not self.concurrent:
            gate.open()
        held = first.submit(gate.enter)
        assert second.submit(tasks.square, 2).result(PATIENCE) == 4
        second.kill_workers()
        gate.open()
        assert held.result(PATIENCE) == "through"
