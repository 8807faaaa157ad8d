"""E6: a worker's death fails exactly the task that it ran; on in-process backends there is no worker to die."""

from __future__ import annotations

import concurrent.futures
import os
import pickle
import signal
import socket
import tempfile
from pathlib import Path

import pytest

from anypool import Executor, WorkerDied
from anypool.testing import _tasks as tasks
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor
from anypool.testing._gate import Gate
from anypool.testing._leaks import eventually
from anypool.testing._proc import is_alive

__all__ = ["Death"]


class Death(BackendSuite):
    """E6, and E2 where a death tempts to run a task again."""

    @pytest.mark.parametrize(
        ("how", "exitcode"),
        [
            ("exit 7", 7),
            ("exit 0", 0),
            ("SIGKILL", -signal.SIGKILL),
            ("SIGSEGV", -signal.SIGSEGV),
            ("SIGTERM", -signal.SIGTERM),
            ("SIGABRT", -signal.SIGABRT),
        ],
    )
    def test_only_that_task_fails(self, make_executor: MakeExecutor, how: str, exitcode: int) -> None:
        """E6: however a worker dies, its task gets ``WorkerDied`` with the exit code; those behind it run."""
        ex = make_executor(1)
        if self.in_process(ex):
            return
        future = ex.submit(tasks.die, how)
        behind = [ex.submit(tasks.square, number) for number in range(5)]
        error = future.exception(PATIENCE)
        assert isinstance(error, WorkerDied) and isinstance(error, concurrent.futures.BrokenExecutor)
        assert error.exitcode == exitcode
        assert (how if how.startswith("SIG") else str(exitcode)) in str(error)
        assert [pending.result(PATIENCE) for pending in behind] == [0, 1, 4, 9, 16]

    def test_error_says_all(self, make_executor: MakeExecutor) -> None:
        """E6: ``WorkerDied`` has the task's name and number, attempt, pid, host and the last words on stderr."""
        ex = make_executor(1)
        if self.in_process(ex):
            return
        pid = ex.submit(os.getpid).result(PATIENCE)
        future = ex.options(name="doomed").submit(tasks.die, "SIGKILL", "these are\nmy last words")
        error = future.exception(PATIENCE)
        assert isinstance(error, WorkerDied)
        assert (error.task_name, error.task_id, error.attempt) == ("doomed", future.task_id, 1)
        assert (error.pid, error.host) == (pid, socket.gethostname())
        assert error.stderr[-2:] == ("these are", "my last words")
        for part in ("doomed", str(future.task_id), str(pid), "SIGKILL", "my last words"):
            assert part in str(error)
        copy = pickle.loads(pickle.dumps(error))
        assert isinstance(copy, WorkerDied)
        assert str(copy) == str(error) and vars(copy) == vars(error)

    def test_neighbour_is_not_touched(self, ex: Executor, gate: Gate) -> None:
        """E6: a task on another worker goes on, in the same process as before."""
        if self.in_process(ex):
            return
        neighbour = ex.submit(tasks.enter_then, gate, "alive")
        gate.arrived()
        errors = [ex.submit(tasks.die, "SIGKILL").exception(PATIENCE) for _ in range(3)]
        assert all(isinstance(error, WorkerDied) for error in errors)
        assert not neighbour.done()
        gate.open()
        assert neighbour.result(PATIENCE) == "alive"

    def test_killed_from_outside(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E6: a busy worker that somebody kills is noticed at once."""
        ex = make_executor(1)
        if self.in_process(ex):
            return
        pid = ex.submit(os.getpid).result(PATIENCE)
        future = ex.submit(gate.enter)
        gate.arrived()
        os.kill(pid, signal.SIGKILL)
        error = future.exception(PATIENCE)
        assert isinstance(error, WorkerDied)
        assert (error.pid, error.exitcode) == (pid, -signal.SIGKILL)
        assert ex.submit(os.getpid).result(PATIENCE) != pid

    def test_idle_worker_killed(self, make_executor: MakeExecutor) -> None:
        """E6: an idle worker's death costs nobody anything, also if a task is submitted at that moment."""
        ex = make_executor(1)
        if self.in_process(ex):
            return
        for _ in range(3):
            pid = ex.submit(os.getpid).result(PATIENCE)
            os.kill(pid, signal.SIGKILL)
            assert eventually(lambda pid=pid: not is_alive(pid))  # type: ignore[misc]
            # It may be handed to the dead worker before its death was noticed; it had not started, so it runs.
            assert ex.submit(tasks.square, 3).result(PATIENCE) == 9

    def test_all_die_at_once(self, ex: Executor, gate: Gate) -> None:
        """E6: the pool refills itself when all its workers die at the same time."""
        if self.in_process(ex):
            return
        pids = _pids(ex)
        running = [ex.submit(tasks.arrive_and_spin, gate) for _ in range(2)]
        gate.arrived(2)
        behind = [ex.submit(tasks.square, number) for number in range(4)]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert {type(future.exception(PATIENCE)) for future in running} == {WorkerDied}
        assert [future.result(PATIENCE) for future in behind] == [0, 1, 4, 9]

    def test_exactly_the_fatal_ones_of_many(self, ex: Executor, log: Path) -> None:
        """E6, E2: of sixty tasks exactly the five fatal ones fail, and every one was run exactly once."""
        fatal = {3, 4, 20, 41, 59}
        if self.in_process(ex):
            return
        futures = [ex.submit(tasks.die_or_append, log, number, fatal) for number in range(60)]
        failed = {number for number, future in enumerate(futures) if future.exception(PATIENCE) is not None}
        assert failed == fatal
        assert all(isinstance(futures[number].exception(), WorkerDied) for number in fatal)
        assert sorted(map(int, log.read_text().split())) == list(range(60))

    def test_as_completed_ends(self, ex: Executor) -> None:
        """E6: every future ends, so whoever waits for all of them is not left waiting."""
        if self.in_process(ex):
            return
        futures = [
            ex.submit(tasks.die, "SIGKILL") if number % 3 == 0 else ex.submit(tasks.nothing) for number in range(9)
        ]
        done = list(concurrent.futures.as_completed(futures, timeout=PATIENCE))
        assert sum(isinstance(future.exception(), WorkerDied) for future in done) == 3

    def test_death_while_shutting_down(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E6, E11: a death during ``shutdown(wait=False)`` neither loses the pending tasks nor hangs."""
        ex = make_executor(1)
        if self.in_process(ex):
            return
        first = ex.submit(gate.enter)
        gate.arrived()
        fatal = ex.submit(tasks.die, "SIGKILL")
        last = ex.submit(tasks.square, 4)
        ex.shutdown(wait=False)
        gate.open()
        assert first.result(PATIENCE) == "through"
        assert isinstance(fatal.exception(PATIENCE), WorkerDied)
        assert last.result(PATIENCE) == 16
        ex.shutdown()


def _pids(ex: Executor) -> set[int]:
    """Give the pids of both workers: two tasks that wait for each other cannot be on one."""
    with tempfile.TemporaryDirectory() as folder, Gate(f"{folder}/gate") as both:
        futures = [ex.submit(tasks.enter_then_worker_info, both) for _ in range(2)]
        both.arrived(2)
        both.open()
        return {future.result(PATIENCE)[2] for future in futures}
