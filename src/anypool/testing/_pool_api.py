"""X3: ``Pool`` of every backend has ``multiprocessing.Pool``'s interface and its errors."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import queue
from pathlib import Path
from typing import Any

import pytest

from anypool import Executor, WorkerDied, abc
from anypool.testing import _tasks as tasks
from anypool.testing import _tasks_sync as sync_tasks
from anypool.testing._base import PATIENCE, BackendSuite
from anypool.testing._gate import Gate

__all__ = ["Pools"]


class Pools(BackendSuite):
    """X3: ``Pool``, made by the executor's context."""

    def test_pool_apply(self, ex: Executor) -> None:
        """X3: ``apply`` runs a call on a worker, with positional and keyword arguments."""
        with ex.context.Pool(2) as pool:
            assert isinstance(pool, abc.Pool)
            assert pool.apply(tasks.add, (1, 2)) == 3
            assert pool.apply(tasks.keywords, (), {"func": 1, "callback": 2}) == {"func": 1, "callback": 2}
            assert (pool.apply(os.getpid) == os.getpid()) is not self.processes
            with pytest.raises(tasks.Stubborn):
                pool.apply(tasks.raise_stubborn, (5,))

    def test_pool_apply_async(self, ex: Executor) -> None:
        """X3: ``apply_async`` gives a result to wait for, and calls back."""
        values: queue.SimpleQueue[Any] = queue.SimpleQueue()
        errors: queue.SimpleQueue[Any] = queue.SimpleQueue()
        with ex.context.Pool(1) as pool:
            result = pool.apply_async(tasks.square, (7,), callback=values.put, error_callback=errors.put)
            assert result.get(PATIENCE) == 49
            assert values.get(timeout=PATIENCE) == 49
            result.wait(PATIENCE)
            assert result.ready() and result.successful()
            failed = pool.apply_async(tasks.raise_stubborn, (5,), callback=values.put, error_callback=errors.put)
            assert isinstance(errors.get(timeout=PATIENCE), tasks.Stubborn)
            failed.wait(PATIENCE)
            assert failed.ready() and not failed.successful()
            with pytest.raises(tasks.Stubborn):
                failed.get()
            assert values.empty() and errors.empty()

    def test_pool_not_ready(self, ex: Executor, gate: Gate) -> None:
        """X3: a result that is not there is a ``multiprocessing.TimeoutError``, and comes later all the same."""
        if not self.concurrent:
            return  # a call is over when apply_async returns
        with ex.context.Pool(1) as pool:
            result = pool.apply_async(tasks.enter_then, (gate, "late"))
            gate.arrived()
            assert not result.ready()
            with pytest.raises(ValueError):
                result.successful()
            result.wait(0.01)
            with pytest.raises(multiprocessing.TimeoutError):
                result.get(0.01)
            gate.open()
            assert result.get(PATIENCE) == "late"

    def test_pool_maps(self, ex: Executor) -> None:
        """X3: ``map``, ``starmap`` and their asynchronous sisters, with and without a chunk size."""
        collected: queue.SimpleQueue[Any] = queue.SimpleQueue()
        squares = [number * number for number in range(20)]
        with ex.context.Pool(2) as pool:
            assert pool.map(tasks.square, range(20)) == squares
            assert pool.map(tasks.square, (number for number in range(20)), chunksize=7) == squares
            assert pool.map(tasks.square, []) == []
            assert pool.starmap(tasks.add, [(1, 2), (3, 4)]) == [3, 7]
            result = pool.map_async(tasks.square, range(20), 3, callback=collected.put)
            assert result.get(PATIENCE) == squares == collected.get(timeout=PATIENCE)
            assert pool.starmap_async(tasks.add, [(1, 2)], error_callback=collected.put).get(PATIENCE) == [3]
            assert collected.empty()

    def test_pool_map_that_fails(self, ex: Executor) -> None:
        """X3: the first failure comes out of ``map``, and goes to the error callback of ``map_async``."""
        errors: queue.SimpleQueue[Any] = queue.SimpleQueue()
        with ex.context.Pool(2) as pool:
            with pytest.raises(tasks.Stubborn):
                pool.map(tasks.raise_stubborn, [1, 2])
            result = pool.map_async(tasks.raise_stubborn, [1, 2], error_callback=errors.put)
            assert isinstance(errors.get(timeout=PATIENCE), tasks.Stubborn)
            with pytest.raises(tasks.Stubborn):
                result.get(PATIENCE)
            with pytest.raises(ValueError):
                pool.map(tasks.square, [1], chunksize=0)
            assert pool.map(tasks.square, [3]) == [9]

    def test_pool_imap(self, ex: Executor) -> None:
        """X3: ``imap`` gives results in order, ``imap_unordered`` in any, both from an endless input too."""
        with ex.context.Pool(2) as pool:
            results = pool.imap(tasks.square, range(5))
            assert results.next(timeout=PATIENCE) == 0
            assert list(results) == [1, 4, 9, 16]
            with pytest.raises(StopIteration):
                results.next()
            assert sorted(pool.imap_unordered(tasks.square, range(5), chunksize=2)) == [0, 1, 4, 9, 16]
            endless = pool.imap(tasks.square, itertools.count())
            assert [next(endless) for _ in range(10)] == [number * number for number in range(10)]
            del endless

    def test_pool_imap_goes_on(self, ex: Executor) -> None:
        """X3: an item that failed raises in its turn, and the next ones follow."""
        with ex.context.Pool(1) as pool:
            results = pool.imap(_square_or_fail, [1, 2, 3])
            assert next(results) == 1
            with pytest.raises(tasks.Stubborn):
                next(results)
            assert next(results) == 9

    def test_pool_imap_timeout(self, ex: Executor, gate: Gate) -> None:
        """X3: ``next(timeout)`` gives up in time and loses nothing."""
        if not self.concurrent:
            return  # a result is there when it is asked for
        with ex.context.Pool(1) as pool:
            results = pool.imap(_enter_then, [(gate, "late")])
            gate.arrived()
            with pytest.raises(multiprocessing.TimeoutError):
                results.next(0.01)
            gate.open()
            assert results.next(PATIENCE) == "late"

    def test_pool_initializer(self, ex: Executor, log: Path) -> None:
        """X3: each worker calls the initializer before its first task."""
        with ex.context.Pool(1, tasks.initialize, (log, "ready")) as pool:
            assert pool.apply(tasks.what_was_initialized) == ["ready"]
            assert pool.map(tasks.square, [1, 2]) == [1, 4]
        assert len(log.read_text().splitlines()) == 1
        del tasks.initialized[:]

    def test_pool_end(self, ex: Executor) -> None:
        """X3: a closed pool takes nothing new and finishes the rest; ``join`` wants it closed first."""
        pool = ex.context.Pool(2)
        with pytest.raises(ValueError, match="Pool is still running"):
            pool.join()
        results = [pool.apply_async(tasks.square, (number,)) for number in range(5)]
        pool.close()
        for use in (lambda: pool.apply(tasks.nothing), lambda: pool.map(tasks.nothing, [1]), pool.__enter__):
            with pytest.raises(ValueError, match="Pool not running"):
                use()
        with pytest.raises(ValueError, match="Pool not running"):
            pool.imap(tasks.nothing, [1])
        pool.join()
        assert [result.get(0) for result in results] == [0, 1, 4, 9, 16]
        pool.close()
        pool.terminate()
        pool.join()

    def test_pool_terminate(self, ex: Executor, gate: Gate) -> None:
        """X3: ``terminate``, and the end of a with-block, end the workers whatever they do; nobody waits for ever."""
        if not self.capabilities.kill_running:
            gate.open()  # a thread goes on to its end, and there is none for an endless one
        pool = ex.context.Pool(1)
        running = pool.apply_async(gate.enter)
        gate.arrived()
        waiting = pool.apply_async(tasks.nothing)
        pool.terminate()
        pool.join()
        if self.capabilities.kill_running:
            for result in (running, waiting):
                with pytest.raises(Exception):  # noqa: B017  # which one depends on how far it had come
                    result.get(PATIENCE)

    def test_pool_worker_that_dies(self, ex: Executor) -> None:
        """X3, E6: a killed worker fails its own call; ``multiprocessing``'s pool hangs for ever."""
        if self.in_process(ex):
            return
        with ex.context.Pool(1) as pool:
            result = pool.apply_async(tasks.die, ("SIGKILL",))
            with pytest.raises(WorkerDied):
                result.get(PATIENCE)
            assert pool.apply(tasks.square, (3,)) == 9

    def test_pool_primitives_as_arguments(self, ex: Executor, tmp_path: Path) -> None:
        """X3, P1: a pool's tasks take the primitives of the same context."""
        path, lock = tmp_path / "number", ex.Lock()
        path.write_text("0")
        with ex.context.Pool(2) as pool:
            pool.starmap(sync_tasks.increment, [(path, lock)] * 10)
        assert path.read_text() == "10"

    def test_pool_wrong_arguments(self, ex: Executor) -> None:
        """X3: at least one worker, and an initializer that can be called."""
        with pytest.raises(ValueError, match="at least 1"):
            ex.context.Pool(0)
        with pytest.raises(TypeError):
            ex.context.Pool(1, "initializer")  # type: ignore[arg-type]
        with pytest.raises(ValueError):
            ex.context.Pool(1, maxtasksperchild=0)


def _square_or_fail(number: int) -> int:
    return tasks.raise_stubborn(number) if number == 2 else number * number


def _enter_then(item: tuple[Gate, Any]) -> Any:
    return tasks.enter_then(*item)
