"""E1, E2: the executor and its futures are the standard library's, to the letter."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import inspect
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

import anypool
from anypool import Executor
from anypool.testing import _tasks as tasks
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor
from anypool.testing._gate import Gate

__all__ = ["Interface"]


class Interface(BackendSuite):
    """E1 and E2."""

    def test_is_a_stdlib_executor(self, ex: Executor) -> None:
        """E1: the executor and its futures are instances of the standard library's classes."""
        future = ex.submit(tasks.add, 1, right=2)
        assert isinstance(ex, concurrent.futures.Executor)
        assert isinstance(future, concurrent.futures.Future)
        assert isinstance(future, anypool.Future)
        assert future.result(PATIENCE) == 3
        assert future.done() and not future.running() and not future.cancelled()
        assert future.exception() is None

    def test_says_who_it_is(self, ex: Executor) -> None:
        """E1: the backend's name and capabilities can be asked for, and its repr has the name."""
        assert ex.backend == self.backend
        assert isinstance(ex.capabilities, anypool.Capabilities)
        assert self.backend in repr(ex)
        assert ex.max_workers >= 1

    def test_wait(self, ex: Executor) -> None:
        """E1: ``concurrent.futures.wait`` works."""
        futures = [ex.submit(tasks.square, number) for number in range(5)]
        done, not_done = concurrent.futures.wait(futures, timeout=PATIENCE)
        assert done == set(futures) and not not_done

    def test_wait_for_the_first_exception(self, ex: Executor) -> None:
        """E1: ``wait(return_when=FIRST_EXCEPTION)`` sees a failed task."""
        failing = ex.submit(tasks.raise_it, ValueError("x"))
        done, _ = concurrent.futures.wait([failing], PATIENCE, concurrent.futures.FIRST_EXCEPTION)
        assert done == {failing}

    def test_as_completed(self, ex: Executor) -> None:
        """E1: ``concurrent.futures.as_completed`` gives each future once."""
        futures = [ex.submit(tasks.square, number) for number in range(5)]
        done = list(concurrent.futures.as_completed(futures, timeout=PATIENCE))
        assert sorted(future.result() for future in done) == [0, 1, 4, 9, 16]

    def test_asyncio_wrap_future(self, ex: Executor) -> None:
        """E1: ``asyncio.wrap_future`` makes a future awaitable."""

        async def main() -> int:
            return await asyncio.wait_for(asyncio.wrap_future(ex.submit(tasks.square, 7)), PATIENCE)

        assert asyncio.run(main()) == 49

    def test_asyncio_run_in_executor(self, ex: Executor) -> None:
        """E1: ``loop.run_in_executor`` takes the executor, and several tasks can be gathered."""

        async def main() -> list[int]:
            loop = asyncio.get_running_loop()
            return await asyncio.gather(*(loop.run_in_executor(ex, tasks.square, number) for number in range(4)))

        assert asyncio.run(main()) == [0, 1, 4, 9]

    def test_map_has_the_newest_signature(self, ex: Executor) -> None:
        """E1: ``map`` takes ``timeout``, ``chunksize`` and ``buffersize``, by keyword only."""
        parameters = inspect.signature(ex.map).parameters
        for name in ("timeout", "chunksize", "buffersize"):
            assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters["timeout"].default is None
        assert parameters["buffersize"].default is None

    def test_user_keywords_reach_the_function(self, ex: Executor) -> None:
        """E1: no keyword of ``submit`` is swallowed, whatever its name."""
        names = "fn function self key timeout name args kwargs options task pure retries priority chunksize wait"
        given: dict[str, Any] = {name: number for number, name in enumerate(names.split())}
        assert ex.submit(tasks.keywords, **given).result(PATIENCE) == given

    def test_submit_takes_the_function_by_position_only(self, ex: Executor) -> None:
        """E1: ``submit()`` without a callable is a ``TypeError``."""
        with pytest.raises(TypeError):
            ex.submit()  # type: ignore[call-arg]
        with pytest.raises(TypeError):
            ex.submit(3)  # type: ignore[arg-type]

    @pytest.mark.parametrize("count", [0, -1])
    def test_max_workers_must_be_positive(self, make_executor: MakeExecutor, count: int) -> None:
        """E1: the standard library's error, text included."""
        with pytest.raises(ValueError, match=r"^max_workers must be greater than 0$"):
            make_executor(count)

    def test_initializer_must_be_callable(self, make_executor: MakeExecutor) -> None:
        """E1: the standard library's error, text included."""
        with pytest.raises(TypeError, match=r"^initializer must be a callable$"):
            make_executor(initializer="not a function")

    def test_nothing_after_shutdown(self, ex: Executor) -> None:
        """E1: submit and map after shutdown raise the standard library's error, text included."""
        ex.shutdown()
        with pytest.raises(RuntimeError, match=r"^cannot schedule new futures after shutdown$"):
            ex.submit(tasks.nothing)
        with pytest.raises(RuntimeError, match=r"^cannot schedule new futures after shutdown$"):
            ex.map(tasks.square, [1])

    def test_done_callbacks(self, ex: Executor) -> None:
        """E1: a done-callback gets the future, once, also when it is added late."""
        seen: list[object] = []
        called = threading.Event()
        future = ex.submit(tasks.square, 3)

        def note(done: object) -> None:
            seen.append(done)
            called.set()

        future.add_done_callback(note)
        assert called.wait(PATIENCE)
        future.add_done_callback(seen.append)
        assert seen == [future, future]

    def test_raising_callback_harms_nobody(self, ex: Executor, caplog: pytest.LogCaptureFixture) -> None:
        """E1: an exception in a done-callback is logged, as the standard library does, and the pool goes on."""
        called = threading.Event()

        def callback(_: object) -> None:
            called.set()
            raise ValueError("from the callback")

        with caplog.at_level(logging.ERROR, logger="concurrent.futures"):
            ex.submit(tasks.nothing).add_done_callback(callback)
            assert called.wait(PATIENCE)
            assert ex.submit(tasks.square, 2).result(PATIENCE) == 4

    def test_submit_from_a_callback(self, ex: Executor) -> None:
        """E1: a done-callback may submit."""
        second: concurrent.futures.Future[int] = concurrent.futures.Future()

        def go_on(first: concurrent.futures.Future[int]) -> None:
            ex.submit(tasks.square, first.result()).add_done_callback(lambda done: second.set_result(done.result()))

        ex.submit(tasks.square, 3).add_done_callback(go_on)
        assert second.result(PATIENCE) == 81

    def test_submit_from_many_threads(self, ex: Executor) -> None:
        """E1: the executor is thread-safe."""
        results: list[int] = []

        def work(first: int) -> None:
            futures = [ex.submit(tasks.identity, number) for number in range(first, first + 25)]
            results.extend(future.result(PATIENCE) for future in futures)

        threads = [threading.Thread(target=work, args=(first,)) for first in (0, 25, 50, 75)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == list(range(100))

    def test_result_timeout(self, make_executor: MakeExecutor, gate: Gate) -> None:
        """E1: ``result(timeout)`` raises ``TimeoutError`` and the task goes on; on serial a task has always ended."""
        ex = make_executor(1)
        if not self.concurrent:
            assert ex.submit(tasks.nothing).done()
            return
        future = ex.submit(gate.enter)
        gate.arrived()
        assert future.running() and not future.done()
        with pytest.raises(TimeoutError):
            future.result(timeout=0.01)
        gate.open()
        assert future.result(PATIENCE) == "through"

    def test_cancel_a_pending_task(self, make_executor: MakeExecutor, gate: Gate, log: Path) -> None:
        """E1, E8: a pending task can be cancelled and then never runs; a running and a finished one cannot."""
        ex = make_executor(1)
        if not self.concurrent:
            assert not ex.submit(tasks.nothing).cancel()
            return
        running = ex.submit(gate.enter)
        gate.arrived()
        pending = ex.submit(tasks.append_line, log, "ran")
        assert pending.cancel() and pending.cancelled() and pending.done()
        assert not running.cancel()
        gate.open()
        assert running.result(PATIENCE) == "through"
        assert not running.cancel()
        with pytest.raises(concurrent.futures.CancelledError):
            pending.result()
        ex.shutdown()
        assert log.read_text() == ""

    def test_cancelling_an_awaitable(self, make_executor: MakeExecutor, gate: Gate, log: Path) -> None:
        """E1: cancelling the awaitable around a pending task cancels the task."""
        ex = make_executor(1)

        async def main() -> None:
            running = ex.submit(gate.enter)
            gate.arrived()
            pending = ex.submit(tasks.append_line, log, "ran")
            wrapped = asyncio.wrap_future(pending)
            wrapped.cancel()
            with pytest.raises(asyncio.CancelledError):
                await wrapped
            await asyncio.sleep(0)  # asyncio passes it on in its next round
            assert pending.cancelled()
            gate.open()
            await asyncio.wrap_future(running)

        if self.concurrent:
            asyncio.run(main())
            ex.shutdown()
            assert log.read_text() == ""
        else:
            assert asyncio.run(asyncio.wait_for(_wrapped(ex), PATIENCE)) == 25

    def test_tasks_run_at_the_same_time(self, ex: Executor, gate: Gate) -> None:
        """E1: ``max_workers`` tasks run at once and not one more; on serial each ends inside ``submit``."""
        if not self.concurrent:
            assert all(ex.submit(tasks.square, number).done() for number in range(3))
            return
        futures = [ex.submit(gate.enter) for _ in range(3)]
        gate.arrived(2)
        assert [future.running() for future in futures] == [True, True, False]
        assert gate.nobody_arrived()
        gate.open()
        assert [future.result(PATIENCE) for future in futures] == ["through"] * 3

    def test_tasks_have_numbers_and_names(self, ex: Executor) -> None:
        """E1: a future says its task's number and name; ``options(name=…)`` gives another name."""
        first = ex.submit(tasks.square, 1)
        second = ex.submit(functools.partial(tasks.square, 2))
        third = ex.options(name="third").submit(tasks.square, 3)
        assert [first.task_id, second.task_id, third.task_id] == [0, 1, 2]
        assert [first.task_name, second.task_name, third.task_name] == ["square", "square", "third"]
        assert [future.result(PATIENCE) for future in (first, second, third)] == [1, 4, 9]

    def test_options_are_a_view(self, ex: Executor) -> None:
        """E1: ``options`` gives an executor of the same pool; an unknown option is a ``TypeError``."""
        view = ex.options(name="mine")
        assert isinstance(view, Executor) and view.backend == ex.backend
        assert view.submit(tasks.keywords, name="yours").result(PATIENCE) == {"name": "yours"}
        with pytest.raises(TypeError):
            ex.options(colour="red")  # type: ignore[call-arg]
        ex.shutdown()
        with pytest.raises(RuntimeError):
            view.submit(tasks.nothing)

    def test_equal_submits_all_run(self, ex: Executor, log: Path) -> None:
        """E2: ten equal submits are ten executions."""
        futures = [ex.submit(tasks.append_line, log, "same") for _ in range(10)]
        assert {future.result(PATIENCE) for future in futures} == {"same"}
        assert log.read_text() == "same\n" * 10

    def test_failed_task_is_not_run_again(self, ex: Executor, log: Path) -> None:
        """E2: a task that raised has run once."""
        with pytest.raises(ValueError, match="item 1"):
            ex.submit(tasks.fail_or_append, log, 1, {1}).result(PATIENCE)
        assert log.read_text() == "1\n"


async def _wrapped(ex: Executor) -> int:
    return await asyncio.wrap_future(ex.submit(tasks.square, 5))
