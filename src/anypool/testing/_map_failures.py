"""E10, E6: in a map one item fails, never its chunk; and a failed map harms nothing else."""

from __future__ import annotations

import concurrent.futures
import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool import Executor, WorkerDied
from anypool.testing import _tasks as tasks
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor
from anypool.testing._gate import Gate
from anypool.testing._leaks import eventually

__all__ = ["MapFailures"]


class MapFailures(BackendSuite):
    """E10, failures."""

    def test_exception_ends_the_iterator(self, ex: Executor) -> None:
        """E1: a task's exception is raised in its place, after the results before it, and then the map is over."""
        results = ex.map(tasks.fail_or_append, ["/dev/null"] * 10, range(10), [{3}] * 10)
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ValueError, match="item 3"):
            next(results)
        with pytest.raises(StopIteration):
            next(results)
        assert ex.submit(tasks.square, 3).result(PATIENCE) == 9

    def test_rest_of_the_chunk_runs(self, make_executor: MakeExecutor, log: Path) -> None:
        """E10: an item that raises does not take the rest of its chunk with it; serial has no chunks to lose."""
        ex = make_executor(1)
        results = ex.map(tasks.fail_or_append, [log] * 10, range(10), [{3}] * 10, chunksize=10)
        with pytest.raises(ValueError, match="item 3"):
            list(results)
        expected = list(range(10)) if self.concurrent else list(range(4))
        assert eventually(lambda: len(log.read_text().split()) >= len(expected))
        ex.shutdown()
        assert list(map(int, log.read_text().split())) == expected

    def test_stop_iteration_is_not_the_end(self, ex: Executor) -> None:
        """E10: a task that raises ``StopIteration`` must not look like the end of the map."""
        with pytest.raises((RuntimeError, StopIteration)) as caught:
            for _ in ex.map(tasks.raise_it, [StopIteration("from a task")]):
                pytest.fail("there is no result")
            pytest.fail("the map ended as if nothing had happened")
        assert "StopIteration" in tasks.text_of(caught.value)

    def test_input_that_raises(self, ex: Executor) -> None:
        """E10: an exception of the input arrives after the results of the items before it."""

        def source() -> Iterator[int]:
            yield 1
            yield 2
            raise LookupError("the input ended badly")

        results = ex.map(tasks.square, source())
        assert [next(results), next(results)] == [1, 4]
        with pytest.raises(LookupError, match="the input ended badly"):
            next(results)
        assert ex.submit(tasks.square, 3).result(PATIENCE) == 9

    def test_exits_in_a_map(self, ex: Executor) -> None:
        """E5: ``SystemExit`` of an item is raised where its result is asked for."""
        results = ex.map(tasks.exit_with, [4])
        with pytest.raises(SystemExit) as caught:
            next(results)
        assert caught.value.code == 4

    def test_death_in_a_chunk(self, make_executor: MakeExecutor, log: Path) -> None:
        """E6, E10, E2: a worker's death fails one item; those before it are there, those after it run elsewhere."""
        ex = make_executor(1)
        if not self.processes:
            assert set(ex.map(tasks.thread_id, range(3))).pop()[0] == os.getpid()
            return
        results = ex.map(tasks.die_or_append, [log] * 20, range(20), [{7}] * 20, chunksize=20)
        assert [next(results) for _ in range(7)] == list(range(7))
        with pytest.raises(WorkerDied) as caught:
            next(results)
        assert caught.value.exitcode == -signal.SIGKILL
        assert caught.value.task_id == 7
        assert eventually(lambda: len(log.read_text().split()) >= 20, PATIENCE)
        ex.shutdown()
        assert list(map(int, log.read_text().split())) == list(range(20))

    def test_deaths_in_an_unordered_map(self, ex: Executor) -> None:
        """E6: a death in a map that nobody orders raises once, and the executor goes on."""
        if not self.processes:
            assert ex.submit(os.getpid).result(PATIENCE) == os.getpid()
            return
        results = ex.map_unordered(tasks.die_or_append, ["/dev/null"] * 20, range(20), [{5}] * 20, chunksize=4)
        with pytest.raises(WorkerDied):
            list(results)
        assert list(ex.map(tasks.square, range(10))) == [number * number for number in range(10)]

    def test_failed_map_cancels_what_has_not_started(self, make_executor: MakeExecutor, gate: Gate, log: Path) -> None:
        """E1, E10: after the exception, chunks that had not started are not run."""
        ex = make_executor(1)
        if not self.concurrent:
            # There, an item runs when its result is asked for.
            with pytest.raises(ValueError, match="item 0"):
                next(ex.map(tasks.fail_or_append, [log] * 2, range(2), [{0}] * 2))
            assert log.read_text() == "0\n"
            return

        def work(number: int) -> None:
            if number == 0:
                raise ValueError("first")
            if number == 1:
                gate.enter()
            else:
                tasks.append_line(log, number)

        results = ex.map(work, range(6), chunksize=1)
        gate.arrived()
        with pytest.raises(ValueError, match="first"):
            next(results)
        gate.open()
        ex.shutdown()
        assert log.read_text() == ""

    def test_dropped_map_cancels_what_has_not_started(self, make_executor: MakeExecutor, gate: Gate, log: Path) -> None:
        """E10: a map whose results are dropped half-way does not run the rest."""
        ex = make_executor(1)
        if not self.concurrent:
            gate.open()

        def work(number: int) -> int:
            if number == 1:
                gate.enter()
            elif number > 1:
                tasks.append_line(log, number)
            return number

        results = ex.map(work, range(6), chunksize=1)
        assert next(results) == 0
        if self.concurrent:
            gate.arrived()
        del results
        gc.collect()
        gate.open()
        ex.shutdown()
        assert log.read_text() == ""

    def test_pending_map_is_cancelled_by_shutdown(self, make_executor: MakeExecutor, gate: Gate, log: Path) -> None:
        """E11: ``cancel_futures`` cancels the chunks of a map that have not started, too."""
        ex = make_executor(1)
        if not self.concurrent:
            # There, nothing is ever pending but what nobody has asked for.
            ex.map(tasks.append_line, [log] * 50, range(50))
            ex.shutdown(cancel_futures=True)
            assert log.read_text() == ""
            return
        held = ex.submit(gate.enter)
        gate.arrived()
        results = ex.map(tasks.append_line, [log] * 50, range(50))
        ex.shutdown(wait=False, cancel_futures=True)
        with pytest.raises(concurrent.futures.CancelledError):
            next(results)
        gate.open()
        assert held.result(PATIENCE) == "through"
        ex.shutdown()
        assert log.read_text() == ""
