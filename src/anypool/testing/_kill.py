"""E7, E8: a running task is really stopped, where the backend can do that; elsewhere asking is refused at once."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import re
import time

import pytest

from anypool import Executor, TaskTimeout, Unsupported, WorkerDied
from anypool.testing import _tasks as tasks
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor
from anypool.testing._gate import Gate
from anypool.testing._leaks import eventually
from anypool.testing._proc import is_alive

__all__ = ["Kill"]


class Kill(BackendSuite):
    """E7 and E8."""

    @property
    def can(self) -> bool:
        """Whether the backend says that it can stop running tasks."""
        return self.capabilities.kill_running

    def test_refused_where_it_cannot_be_done(self, ex: Executor) -> None:
        """E7, E8: what the backend cannot do is refused at once, naming itself and backends that can."""
        if self.can:
            assert ex.options(timeout=PATIENCE, kill_on_cancel=True).submit(tasks.square, 2).result(PATIENCE) == 4
            return
        with pytest.raises(Unsupported, match=rf"(?s){re.escape(self.backend)}.*timeout.*process") as caught:
            ex.options(timeout=1)
        assert isinstance(caught.value, NotImplementedError)
        with pytest.raises(Unsupported, match=rf"(?s){re.escape(self.backend)}.*kill_on_cancel.*process"):
            ex.options(kill_on_cancel=True)

    def test_bad_timeouts(self, ex: Executor) -> None:
        """E7: a timeout is a positive number of seconds."""
        for wrong in (0, -1, float("inf"), float("nan")):
            with pytest.raises(ValueError, match="timeout"):
                ex.options(timeout=wrong)
        with pytest.raises(TypeError, match="timeout"):
            ex.options(timeout="soon")  # type: ignore[arg-type]

    def test_timeout_stops_the_task(self, ex: Executor, gate: Gate) -> None:
        """E7: at the deadline the task is stopped, its worker replaced, and no other task is touched."""
        if not self.can:
            with pytest.raises(Unsupported):
                ex.options(timeout=0.3)
            return
        neighbour = ex.submit(tasks.enter_then, gate, "alive")
        gate.arrived()
        began = time.monotonic()
        future = ex.options(timeout=0.3, name="endless").submit(tasks.arrive_and_spin, gate)
        error = future.exception(PATIENCE)
        assert time.monotonic() - began >= 0.3
        assert isinstance(error, TaskTimeout) and isinstance(error, TimeoutError)
        assert "endless" in str(error) and "0.3" in str(error)
        assert ex.submit(tasks.square, 3).result(PATIENCE) == 9
        gate.open()
        assert neighbour.result(PATIENCE) == "alive"

    def test_timeout_counts_from_the_start(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E7: time spent waiting for a worker does not count."""
        ex = make_executor(1)
        if not self.can:
            with pytest.raises(Unsupported):
                ex.options(timeout=0.3)
            return
        ex.submit(tasks.nothing).result(PATIENCE)
        held = ex.submit(gate.enter)
        gate.arrived()
        waiting = ex.options(timeout=0.5).submit(tasks.square, 6)
        done, _ = concurrent.futures.wait([waiting], timeout=0.8)
        assert not done
        gate.open()
        assert waiting.result(PATIENCE) == 36
        assert held.result(PATIENCE) == "through"

    def test_timed_out_item_fails_alone(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E7, E10: of a map's chunk only the item that took too long fails."""
        ex = make_executor(1)
        if not self.can:
            with pytest.raises(Unsupported):
                ex.options(timeout=0.3)
            return
        results = ex.options(timeout=0.5).map(tasks.spin_at_two, [0, 1, 2, 3], [gate] * 4, chunksize=4)
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(TaskTimeout):
            next(results)
        assert ex.submit(tasks.square, 2).result(PATIENCE) == 4

    def test_kill_a_running_task(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E8: ``future.kill()`` stops a running task; its worker is gone and the pool goes on."""
        ex = make_executor(1)
        if not self.can:
            if self.concurrent:
                future = ex.submit(tasks.enter_then, gate, "alive")
                gate.arrived()
                with pytest.raises(Unsupported, match="process"):
                    future.kill()
                gate.open()
                assert future.result(PATIENCE) == "alive"
            return
        pid = ex.submit(os.getpid).result(PATIENCE)
        running = ex.submit(tasks.arrive_and_spin, gate)
        gate.arrived()
        behind = ex.submit(tasks.square, 5)
        assert running.kill()
        assert isinstance(running.exception(PATIENCE), WorkerDied)
        assert eventually(lambda: not is_alive(pid))
        assert behind.result(PATIENCE) == 25

    def test_kill_a_pending_or_finished_task(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E8: on every backend a pending task is cancelled by ``kill``, and a finished one is left as it is."""
        ex = make_executor(1)
        finished = ex.submit(tasks.square, 1)
        assert finished.result(PATIENCE) == 1
        assert not finished.kill()
        if self.concurrent:
            held = ex.submit(gate.enter)
            gate.arrived()
            pending = ex.submit(tasks.nothing)
            assert pending.kill() and pending.cancelled()
            gate.open()
            assert held.result(PATIENCE) == "through"

    def test_cancel_can_stop_a_running_task(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E8: under ``kill_on_cancel`` cancelling a running task stops it; the future counts as cancelled."""
        ex = make_executor(1)
        if not self.can:
            with pytest.raises(Unsupported):
                ex.options(kill_on_cancel=True)
            return
        pid = ex.submit(os.getpid).result(PATIENCE)
        running = ex.options(kill_on_cancel=True).submit(tasks.arrive_and_spin, gate)
        gate.arrived()
        assert running.cancel()
        assert running.cancelled() and running.done()
        with pytest.raises(concurrent.futures.CancelledError):
            running.result(PATIENCE)
        assert eventually(lambda: not is_alive(pid))
        assert ex.submit(tasks.square, 5).result(PATIENCE) == 25

    def test_cancelling_an_awaitable_can_stop_its_task(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E8: under ``kill_on_cancel`` an asyncio timeout around a task stops the task."""
        ex = make_executor(1)
        if not self.can:
            with pytest.raises(Unsupported):
                ex.options(kill_on_cancel=True)
            return

        async def main() -> None:
            running = ex.options(kill_on_cancel=True).submit(tasks.arrive_and_spin, gate)
            gate.arrived()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.wrap_future(running), 0.05)
            assert running.cancelled()
            assert await asyncio.wrap_future(ex.submit(tasks.square, 5)) == 25

        asyncio.run(main())
