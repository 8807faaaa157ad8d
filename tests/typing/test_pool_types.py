"""What type checkers know of ``Pool`` and of the module's names: mypy checks it, and pytest runs the same lines."""

from __future__ import annotations

import logging
from multiprocessing.managers import SyncManager
from types import ModuleType
from typing import Any, assert_type

import pytest

import anypool
from anypool import SerialBackend, abc
from anypool.abc._pool import AsyncResult, MapIterator


def measure(text: str) -> float:
    """Have a signature that can be wrong."""
    return float(len(text))


def pair(left: int, right: str) -> tuple[int, str]:
    """Take two arguments."""
    return left, right


def take_floats(values: list[float]) -> None:
    """Be a callback of map_async."""


def take_float(value: float) -> None:
    """Be a callback of apply_async."""


def take_error(error: BaseException) -> None:
    """Be an error_callback."""


def test_pool_keeps_the_types() -> None:
    """X3, P7: the results have the function's type, and items and callbacks are checked against it."""
    with anypool.get_context("serial").Pool(1, initializer=print, initargs=["x"]) as pool:
        assert_type(pool, abc.Pool)
        assert_type(pool.apply(measure, ("four",)), float)
        assert_type(pool.apply_async(measure, ["four"], {}, take_float, take_error), AsyncResult[float])
        assert_type(pool.map(measure, ["a", "b"]), list[float])
        assert_type(pool.map_async(measure, ["a"], 1, take_floats, take_error), AsyncResult[list[float]])
        assert_type(pool.starmap(pair, [(1, "a")]), list[tuple[int, str]])
        assert_type(pool.starmap_async(pair, [(1, "a")]).get(), list[tuple[int, str]])
        assert_type(pool.imap(measure, ["a"]), MapIterator[float])
        assert_type(pool.imap(measure, ["a"]).next(timeout=1), float)
        assert_type(next(pool.imap_unordered(measure, ["a"], chunksize=2)), float)
        assert_type(pool.map(lambda text: text.upper(), ["a"]), list[str])
        result = pool.apply_async(measure, ("x",))
        assert_type(result.get(timeout=1), float)
        assert_type(result.ready(), bool)
        assert_type(result.successful(), bool)


def test_pool_checks_what_it_is_given() -> None:
    """X3: an item or a callback of the wrong type is an error of the type checker."""
    with anypool.get_context("serial").Pool(1) as pool:
        assert isinstance(pool.map_async(measure, [1]), AsyncResult)  # type: ignore[arg-type]
        pool.map_async(measure, ["a"], callback=take_float).wait()  # type: ignore[arg-type]


def test_names_of_the_module() -> None:
    """X3, P7: the module's names are typed as a context's; Value and Array have their overloads."""
    before = anypool.set_backend("serial")
    assert_type(before, str | abc.Backend | None)
    try:
        assert_type(anypool.default_backend(), str)
        assert_type(anypool.get_context(SerialBackend()), abc.Context)
        assert_type(anypool.Lock(), abc.Lock)
        assert_type(anypool.RLock(), abc.RLock)
        assert_type(anypool.Semaphore(2), abc.Semaphore)
        assert_type(anypool.BoundedSemaphore(2), abc.Semaphore)
        assert_type(anypool.Event(), abc.Event)
        assert_type(anypool.Condition(), abc.Condition)
        assert_type(anypool.Barrier(2), abc.Barrier)
        assert_type(anypool.Queue(), abc.Queue[Any])
        assert_type(anypool.JoinableQueue(1), abc.JoinableQueue[Any])
        assert_type(anypool.SimpleQueue(), abc.SimpleQueue[Any])
        assert_type(anypool.Pipe(), tuple[abc.Connection[Any, Any], abc.Connection[Any, Any]])
        assert_type(anypool.Value("i", 1), abc.Value[int])
        assert_type(anypool.Value("d"), abc.Value[float])
        assert_type(anypool.Array("i", 2), abc.Array[int])
        assert_type(anypool.Array("d", [1.0])[0], float)
        assert_type(anypool.active_children(), list[Any])
        assert_type(anypool.get_all_start_methods(), list[str])
        assert_type(anypool.get_start_method(), str)
        assert_type(anypool.get_logger(), logging.Logger)
        assert_type(anypool.get_context().reducer, ModuleType)
        with anypool.Pool(1) as pool:
            assert_type(pool, abc.Pool)
        if anypool.cpu_count() == 0:
            assert_type(anypool.Manager(), SyncManager)
        numbers: abc.Queue[int] = anypool.Queue()
        numbers.put("text")  # type: ignore[arg-type]
    finally:
        anypool.set_backend(before)


def test_process_is_a_class_for_type_checkers() -> None:
    """X3: a subclass is checked, its constructor too, and is an ``abc.Process``."""
    before = anypool.set_backend("serial")
    try:

        class Clock(anypool.Process):
            def run(self) -> None:
                """Do nothing."""

        clock = Clock(name="clock", daemon=True)
        assert_type(clock, Clock)
        assert_type(clock.exitcode, int | None)
        process: abc.Process = anypool.Process(target=measure, args=("x",))
        assert_type(process.pid, int | None)
        with pytest.raises(TypeError):
            Clock(colour=1)  # type: ignore[call-arg]
    finally:
        anypool.set_backend(before)
    assert issubclass(anypool.TimeoutError, Exception)
    try:
        raise anypool.BufferTooShort("x")
    except anypool.ProcessError as error:
        assert_type(error.args, tuple[Any, ...])
