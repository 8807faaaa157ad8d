"""X1, X2: ``Process`` means the same on every backend."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any

import pytest

from anypool import Executor, SerializationError, abc
from anypool.testing import _tasks as tasks
from anypool.testing._base import PATIENCE, BackendSuite
from anypool.testing._gate import Gate

__all__ = ["Processes"]


class Processes(BackendSuite):
    """X1 and X2."""

    def test_life(self, ex: Executor) -> None:
        """X1: before the start there is no pid, while it runs no exit code, after success exit code 0."""
        event, results = ex.Event(), ex.Queue()
        process = ex.Process(target=_wait_and_report, args=(event, results))
        assert isinstance(process, abc.Process)
        assert process.pid is None and process.ident is None and process.exitcode is None and not process.is_alive()
        process.start()
        assert process.is_alive() and process.exitcode is None
        assert process.pid is not None and process.ident is not None
        event.set()
        assert results.get(timeout=PATIENCE) == process.pid
        assert (process.pid == os.getpid()) is not self.processes
        process.join(PATIENCE)
        assert not process.is_alive() and process.exitcode == 0

    def test_arguments(self, ex: Executor) -> None:
        """X1: positional and keyword arguments reach the target; without a target nothing happens."""
        results = ex.Queue()
        process = ex.Process(target=_report_arguments, args=(results, 1, 2), kwargs={"key": 3, "name": 4})
        process.start()
        assert results.get(timeout=PATIENCE) == ((1, 2), {"key": 3, "name": 4})
        process.join(PATIENCE)
        empty = ex.Process()
        empty.start()
        empty.join(PATIENCE)
        assert empty.exitcode == 0

    def test_closure_as_target(self, ex: Executor) -> None:
        """X1, E3: the target may be a closure."""
        results, offset = ex.Queue(), 40
        process = ex.Process(target=lambda number: results.put(number + offset), args=(2,))
        process.start()
        assert results.get(timeout=PATIENCE) == 42
        process.join(PATIENCE)

    def test_sharing(self, ex: Executor) -> None:
        """E4: arguments are copied where there are processes or isolation, and shared elsewhere."""
        items: list[int] = []
        process = ex.Process(target=tasks.append_to, args=(items, 1))
        process.start()
        process.join(PATIENCE)
        assert process.exitcode == 0
        assert items == ([] if self.copies else [1])

    def test_subclass(self, ex: Executor) -> None:
        """X1: a subclass may override ``run``."""
        base: Any = ex.Process
        results = ex.Queue()

        class Worker(base):  # type: ignore[misc]  # the class is the backend's
            def __init__(self, number: int) -> None:
                super().__init__(name="worker")
                self.number = number

            def run(self) -> None:
                results.put((self.name, self.number * 2))

        worker = Worker(21)
        worker.start()
        assert results.get(timeout=PATIENCE) == ("worker", 42)
        worker.join(PATIENCE)
        assert worker.exitcode == 0

    @pytest.mark.parametrize(
        ("code", "exitcode"),
        [(0, 0), (None, 0), (3, 3), ("a message", 1), (True, 1)],
        ids=["0", "None", "3", "text", "True"],
    )
    def test_sys_exit(self, ex: Executor, capfd: pytest.CaptureFixture[str], code: Any, exitcode: int) -> None:
        """X1: ``sys.exit`` gives its code; a text is printed and gives 1."""
        process = ex.Process(target=sys.exit, args=(code,))
        process.start()
        process.join(PATIENCE)
        assert process.exitcode == exitcode
        if isinstance(code, str):
            assert code in capfd.readouterr().err

    def test_exception(self, ex: Executor, capfd: pytest.CaptureFixture[str]) -> None:
        """X1: an exception gives exit code 1 and its traceback on stderr."""
        process = ex.Process(target=tasks.raise_stubborn, args=(7,), name="failing")
        process.start()
        process.join(PATIENCE)
        assert process.exitcode == 1
        text = capfd.readouterr().err
        assert "failing" in text and "in raise_stubborn" in text and "no such thing (code 7)" in text

    def test_names(self, ex: Executor) -> None:
        """X1: a process has a name of its own unless given one, and it can be changed."""
        first, second = ex.Process(target=tasks.nothing), ex.Process(target=tasks.nothing, name="mine")
        assert first.name.startswith("Process-") or "Process-" in first.name
        assert second.name == "mine"
        second.name = "other"
        assert second.name == "other"
        assert "other" in repr(second)

    def test_daemon(self, ex: Executor) -> None:
        """X1: ``daemon`` is set by keyword or before the start, not afterwards."""
        assert ex.Process(target=tasks.nothing).daemon is False
        process = ex.Process(target=tasks.nothing, daemon=True)
        assert process.daemon is True
        process.daemon = False
        process.daemon = True
        process.start()
        with pytest.raises(AssertionError):
            process.daemon = False
        process.join(PATIENCE)
        assert process.exitcode == 0

    def test_order_of_calls(self, ex: Executor) -> None:
        """X1: joining what was not started and starting twice are ``AssertionError``s."""
        process = ex.Process(target=tasks.nothing)
        with pytest.raises(AssertionError, match="can only join a started process"):
            process.join()
        process.start()
        with pytest.raises(AssertionError, match="cannot start a process twice"):
            process.start()
        process.join(PATIENCE)
        process.join()

    def test_join_with_timeout(self, ex: Executor) -> None:
        """X1: ``join(timeout)`` returns in time though the process runs."""
        event = ex.Event()
        process = ex.Process(target=event.wait)
        process.start()
        began = time.monotonic()
        process.join(0.1)
        assert time.monotonic() - began >= 0.09
        assert process.is_alive() and process.exitcode is None
        process.join(0)
        event.set()
        process.join(PATIENCE)
        assert process.exitcode == 0

    def test_close(self, ex: Executor) -> None:
        """X1: ``close`` is refused while it runs; afterwards nothing can be asked."""
        event = ex.Event()
        process = ex.Process(target=event.wait)
        process.start()
        with pytest.raises(ValueError, match="Cannot close a process while it is still running"):
            process.close()
        event.set()
        process.join(PATIENCE)
        process.close()
        process.close()
        asking: list[Callable[[], object]] = [process.is_alive, process.join, process.start]
        asking += [lambda: process.exitcode, lambda: process.pid]
        for ask in asking:
            with pytest.raises(ValueError, match="process object is closed"):
                ask()

    def test_sentinel(self, ex: Executor) -> None:
        """X1: the sentinel becomes ready when the process ends."""
        process = ex.Process(target=tasks.nothing)
        with pytest.raises(ValueError):
            _ = process.sentinel
        event = ex.Event()
        process = ex.Process(target=event.wait)
        process.start()
        assert wait([process.sentinel], timeout=0) == []
        event.set()
        process.join(PATIENCE)
        assert wait([process.sentinel], timeout=PATIENCE) == [process.sentinel]

    @pytest.mark.parametrize(("method", "number"), [("terminate", signal.SIGTERM), ("kill", signal.SIGKILL)])
    def test_stopped_while_it_waits(self, ex: Executor, method: str, number: int) -> None:
        """X1, X2: a process that waits in one of our primitives is stopped; its exit code is minus the signal's."""
        started, never = ex.Event(), ex.Event()
        process = ex.Process(target=_set_and_wait, args=(started, never))
        process.start()
        assert started.wait(PATIENCE)
        getattr(process, method)()
        process.join(PATIENCE)
        assert not process.is_alive()
        assert process.exitcode == -number

    def test_stopped_while_it_computes(self, ex: Executor, gate: Gate) -> None:
        """X2: a process that computes is stopped, on threads at its next bytecode; on serial it never ran."""
        process = ex.Process(target=tasks.arrive_and_spin, args=(gate,))
        process.start()
        if self.concurrent:
            gate.arrived()
        process.terminate()
        process.join(PATIENCE)
        assert process.exitcode == -signal.SIGTERM

    def test_stopping_after_the_end(self, ex: Executor) -> None:
        """X1: terminating what has ended changes nothing."""
        process = ex.Process(target=tasks.nothing)
        process.start()
        process.join(PATIENCE)
        process.terminate()
        process.kill()
        assert process.exitcode == 0

    def test_dies_by_itself(self, ex: Executor) -> None:
        """X1: a process that ends by ``os._exit`` or a signal says so; on in-process backends it would be us."""
        if self.in_process(ex):
            return
        for how, exitcode in (("exit 5", 5), ("SIGKILL", -9), ("SIGSEGV", -11)):
            process = ex.Process(target=tasks.die, args=(how,))
            process.start()
            process.join(PATIENCE)
            assert process.exitcode == exitcode

    def test_argument_that_cannot_be_pickled(self, ex: Executor) -> None:
        """E5: it raises in ``start``, naming the culprit, and nothing was started; elsewhere it is shared."""
        process = ex.Process(target=tasks.nothing, args=(tasks.make_lock(),))
        if self.copies:
            with pytest.raises(SerializationError, match="lock"):
                process.start()
            assert process.pid is None or not process.is_alive()
        else:
            process.start()
            process.join(PATIENCE)
            assert process.exitcode == 0

    def test_many_at_once(self, ex: Executor) -> None:
        """X1: five processes run at once and all are waited for."""
        results = ex.Queue()
        processes = [ex.Process(target=results.put, args=(number,)) for number in range(5)]
        for process in processes:
            process.start()
        assert sorted(results.get(timeout=PATIENCE) for _ in processes) == list(range(5))
        for process in processes:
            process.join(PATIENCE)
        assert [process.exitcode for process in processes] == [0] * 5


def _wait_and_report(event: Any, results: Any) -> None:
    event.wait(20)
    results.put(os.getpid())


def _report_arguments(results: Any, *args: Any, **kwargs: Any) -> None:
    results.put((args, kwargs))


def _set_and_wait(started: Any, never: Any) -> None:
    started.set()
    never.wait()
