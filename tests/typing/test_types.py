"""What type checkers know of the public names: mypy checks every ``assert_type`` here, and pytest runs the same lines.

A type that gets lost is an error of ``make test``, in its mypy step.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from typing import Any, assert_type

import pytest

import anypool
from anypool import Executor, Future, abc


def measure(text: str, *, scale: float = 1.0) -> float:
    """Have a signature that can be wrong."""
    return len(text) * scale


def pair(left: int, right: str) -> tuple[int, str]:
    """Take two arguments."""
    return left, right


def test_submit_keeps_the_result_type() -> None:
    """P7, E1: the future of a task has the type of the function's result."""
    with Executor("serial") as ex:
        assert_type(ex, Executor)
        future = ex.submit(measure, "four", scale=2.0)
        assert_type(future, Future[float])
        assert_type(future.result(), float)
        assert_type(future.exception(), BaseException | None)
        assert_type(future.kill(), bool)
        assert_type(future.task_id, int)
        assert_type(future.task_name, str)
        assert_type(ex.submit(lambda: "x").result(), str)
        assert_type(ex.submit(int, "12").result(), int)


def test_submit_checks_the_arguments() -> None:
    """E1: wrong arguments are an error of the type checker, and the task's own at run time."""
    with Executor("serial") as ex:
        missing = ex.submit(measure)  # type: ignore[call-arg]
        wrong = ex.submit(measure, 4)  # type: ignore[arg-type]
        unknown = ex.submit(measure, "x", colour=1)  # type: ignore[call-arg]
        for future in (missing, wrong, unknown):
            assert isinstance(future.exception(), TypeError)


def test_maps_keep_the_result_type() -> None:
    """P7, E10: maps are iterators over the function's results."""
    with Executor("serial") as ex:
        assert_type(ex.map(measure, ["a", "b"]), Iterator[float])
        assert_type(list(ex.map(pair, [1], ["a"], timeout=1, chunksize=1, buffersize=1)), list[tuple[int, str]])
        assert_type(list(ex.map_unordered(measure, ["a"])), list[float])
        assert_type(list(ex.starmap(pair, [(1, "a")])), list[tuple[int, str]])


def test_is_a_stdlib_executor() -> None:
    """E1: what takes the standard library's classes takes ours."""

    def run(executor: concurrent.futures.Executor) -> concurrent.futures.Future[int]:
        return executor.submit(len, "four")

    with Executor("serial") as ex:
        standard: concurrent.futures.Future[int] = ex.submit(len, "four")
        assert run(ex).result() == standard.result() == 4
        assert {done.result() for done in concurrent.futures.as_completed([ex.submit(len, "ab")])} == {2}


def test_options_and_context() -> None:
    """E1: options give an executor; the rest of the facade has its types."""
    with Executor("serial", max_workers=1, initializer=measure, initargs=("x",)) as ex:
        assert_type(ex.options(name="x"), Executor)
        assert_type(ex.backend, str)
        assert_type(ex.max_workers, int)
        assert_type(ex.capabilities, anypool.Capabilities)
    assert_type(anypool.known_backends(), list[str])
    assert_type(anypool.available_backends(), list[str])
    assert_type(anypool.cpu_count(), int)
    with pytest.raises(RuntimeError):
        assert_type(anypool.worker(), anypool.WorkerInfo)


def test_primitives() -> None:
    """P7: primitives have the contracts' types, from an executor, a context and the module."""
    context = anypool.get_context("serial")
    assert_type(context, abc.Context)
    with Executor("serial") as ex:
        assert_type(ex.Lock(), abc.Lock)
        assert_type(ex.RLock(), abc.RLock)
        assert_type(ex.Semaphore(2), abc.Semaphore)
        assert_type(ex.BoundedSemaphore(2), abc.Semaphore)
        assert_type(ex.Event(), abc.Event)
        assert_type(ex.Queue(), abc.Queue[Any])
        assert_type(ex.Pipe(), tuple[abc.Connection[Any, Any], abc.Connection[Any, Any]])
        assert_type(ex.Process(target=print), abc.Process)
        assert_type(context.Queue(maxsize=3), abc.Queue[Any])
        with ex.Lock() as taken:
            assert_type(taken, bool)


def test_queue_and_connection_are_generic() -> None:
    """P7: a queue and a connection can be declared with what they carry."""
    with Executor("serial") as ex:
        numbers: abc.Queue[int] = ex.Queue()
        numbers.put(1)
        assert_type(numbers.get(), int)
        numbers.put("text")  # type: ignore[arg-type]
        left: abc.Connection[str, bytes]
        right: abc.Connection[bytes, str]
        left, right = ex.Pipe()
        left.send("question")
        assert_type(right.recv(), str)
        right.send(b"answer")
        assert_type(left.recv(), bytes)
        left.send(b"wrong")  # type: ignore[arg-type]


def test_errors_have_their_fields() -> None:
    """P7, E6: the fields of the errors are typed."""
    error = anypool.WorkerDied("died", exitcode=-9, stderr=("last",))
    assert_type(error.exitcode, int | None)
    assert_type(error.stderr, tuple[str, ...])
    assert_type(error.pid, int)
    assert_type(anypool.SerializationError("x").path, str)
    assert issubclass(anypool.WorkerDied, concurrent.futures.BrokenExecutor)
    assert issubclass(anypool.TaskTimeout, TimeoutError)
