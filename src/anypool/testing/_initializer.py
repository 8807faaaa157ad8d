"""E14, E15: a task knows its worker, and each worker is initialised once before its first task."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

import anypool
from anypool import Executor, InitializerFailed, SerializationError, WorkerDied
from anypool.testing import _tasks as tasks
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor
from anypool.testing._gate import Gate

__all__ = ["Initializer", "Workers"]


class Workers(BackendSuite):
    """E14."""

    def test_a_task_knows_its_worker(self, make_executor: MakeExecutor) -> None:
        """E14: ``anypool.worker()`` says rank, pid, host, backend and which task this is."""
        ex = make_executor(1)
        ex.submit(tasks.nothing).result(PATIENCE)
        future = ex.options(name="asking").submit(tasks.worker_info)
        info = anypool.WorkerInfo(*future.result(PATIENCE))
        assert (info.backend, info.rank, info.host) == (self.backend, 0, socket.gethostname())
        assert (info.pid == os.getpid()) is not self.processes
        assert (info.task_id, info.task_name, info.attempt) == (future.task_id, "asking", 1)

    def test_no_worker_outside_a_task(self) -> None:
        """E14: outside a task there is no worker to tell about."""
        with pytest.raises(RuntimeError, match="task"):
            anypool.worker()

    def test_ranks(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E14: the ranks of n workers are 0 to n - 1."""
        ex = make_executor(3)
        if not self.concurrent:
            gate.open()
        futures = [ex.submit(tasks.enter_then_worker_info, gate) for _ in range(3)]
        gate.arrived(3)
        gate.open()
        ranks = sorted(future.result(PATIENCE)[1] for future in futures)
        assert ranks == ([0, 1, 2] if self.concurrent else [0, 0, 0])

    def test_replacement_takes_the_rank(self, ex: Executor, gate: Gate) -> None:
        """E14: the worker that replaces a dead one has its rank."""
        if not self.processes:
            assert anypool.WorkerInfo(*ex.submit(tasks.worker_info).result(PATIENCE)).pid == os.getpid()
            return
        neighbour = ex.submit(tasks.enter_then_worker_info, gate)
        gate.arrived()
        first = anypool.WorkerInfo(*ex.submit(tasks.worker_info).result(PATIENCE))
        assert isinstance(ex.submit(tasks.die, "SIGKILL").exception(PATIENCE), WorkerDied)
        second = anypool.WorkerInfo(*ex.submit(tasks.worker_info).result(PATIENCE))
        gate.open()
        assert second.pid != first.pid
        assert second.rank == first.rank
        assert {first.rank, neighbour.result(PATIENCE)[1]} == {0, 1}

    def test_map_items_have_numbers(self, make_executor: MakeExecutor) -> None:
        """E14: each item of a map is a task with a number of its own."""
        ex = make_executor(1)
        numbers = [anypool.WorkerInfo(*info).task_id for info in ex.map(tasks.worker_info, range(6), chunksize=3)]
        assert numbers == list(range(6))


class Initializer(BackendSuite):
    """E15."""

    def test_runs_once_in_each_worker(self, make_executor: MakeExecutor, gate: Gate, log: Path) -> None:
        """E15: each worker runs the initializer once, before its first task, which sees what it did."""
        ex = make_executor(2, initializer=tasks.initialize, initargs=(log, "ready"))
        if not self.concurrent:
            gate.open()
        held = [ex.submit(gate.enter) for _ in range(2)]
        gate.arrived(2)
        gate.open()
        assert [future.result(PATIENCE) for future in held] == ["through"] * 2
        assert list(ex.map(tasks.what_was_initialized, range(10))) == [["ready"]] * 10
        lines = log.read_text().splitlines()
        assert len(lines) == len(set(lines)) == (2 if self.concurrent else 1)

    def test_runs_in_the_worker(self, make_executor: MakeExecutor, log: Path) -> None:
        """E15: it runs in the thread or process that runs the tasks."""
        ex = make_executor(1, initializer=tasks.initialize, initargs=(log, "ready"))
        pid, thread = ex.submit(tasks.thread_id).result(PATIENCE)
        assert log.read_text().split() == [str(pid), str(thread)]

    def test_runs_in_a_replacement(self, make_executor: MakeExecutor, log: Path) -> None:
        """E15, E6: a worker that replaces a dead one is initialised, too."""
        ex = make_executor(1, initializer=tasks.initialize, initargs=(log, "ready"))
        if not self.processes:
            assert ex.submit(tasks.what_was_initialized).result(PATIENCE) == ["ready"]
            return
        assert isinstance(ex.submit(tasks.die, "exit 1").exception(PATIENCE), WorkerDied)
        assert ex.submit(tasks.what_was_initialized).result(PATIENCE) == ["ready"]
        assert len(set(log.read_text().splitlines())) == 2

    def test_closure_as_initializer(self, make_executor: MakeExecutor, log: Path) -> None:
        """E15, E3: the initializer may be a closure."""

        def prepare() -> None:
            tasks.append_line(log, "prepared")

        ex = make_executor(1, initializer=prepare)
        assert ex.submit(tasks.square, 2).result(PATIENCE) == 4
        assert log.read_text() == "prepared\n"

    def test_failure_is_clear(self, make_executor: MakeExecutor) -> None:
        """E15: if it raises, running and later tasks get ``InitializerFailed`` with its traceback; nothing hangs."""
        ex = make_executor(1, initializer=tasks.fail_to_initialize, initargs=("bad setup",))
        futures = [ex.submit(tasks.nothing) for _ in range(3)]
        for future in futures:
            error = future.exception(PATIENCE)
            assert isinstance(error, InitializerFailed)
            assert isinstance(error.__cause__, ZeroDivisionError)
            text = tasks.text_of(error)
            assert "bad setup" in text and "in fail_to_initialize" in text
        assert isinstance(ex.submit(tasks.nothing).exception(PATIENCE), InitializerFailed)

    def test_failure_ends_a_map(self, make_executor: MakeExecutor) -> None:
        """E15, E10: a map of an executor whose initializer failed raises, and does not hang."""
        ex = make_executor(1, initializer=tasks.fail_to_initialize, initargs=("bad setup",))
        with pytest.raises(InitializerFailed):
            list(ex.map(tasks.square, range(10)))

    def test_death_in_the_initializer(self, make_executor: MakeExecutor) -> None:
        """E15, E6: a worker that dies in its initializer is not started again and again; tasks get the reason."""
        if self.in_process(make_executor(1)):
            return
        ex = make_executor(1, initializer=tasks.die, initargs=("exit 9", "dying early"))
        error = ex.submit(tasks.nothing).exception(PATIENCE)
        assert isinstance(error, InitializerFailed)
        assert "9" in str(error)

    def test_initargs_that_cannot_travel(self, make_executor: MakeExecutor) -> None:
        """E15, E5: initargs that cannot be pickled are refused when the executor is made."""
        if not self.copies:
            ex = make_executor(1, initializer=tasks.nothing, initargs=(threading.Lock(),))
            assert ex.submit(tasks.square, 2).result(PATIENCE) == 4
            return
        with pytest.raises(SerializationError, match="init"):
            make_executor(1, initializer=tasks.nothing, initargs=(threading.Lock(),))
