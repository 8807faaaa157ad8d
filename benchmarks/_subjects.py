"""The pools that are compared, each behind the same three methods; what one cannot do it says by ``None``."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import anypool

__all__ = ["REFERENCE", "SUBJECTS", "Handle", "Subject"]


class Handle(Protocol):
    """A task that was submitted."""

    def result(self) -> Any:
        """Wait for the task and give what it returned."""


class Subject(ABC):
    """An open pool of ``workers`` workers."""

    can_submit = True

    @abstractmethod
    def __init__(self, workers: int) -> None: ...

    @abstractmethod
    def submit(self, fn: Callable[..., Any], *args: Any) -> Handle:
        """Hand one task over."""

    @abstractmethod
    def map(self, fn: Callable[..., Any], items: Iterable[Any]) -> list[Any]:
        """Run ``fn`` over the items, with the pool's own way to cut them into chunks."""

    @abstractmethod
    def close(self) -> None:
        """Wait for the workers to be gone."""


class _Executor(Subject):
    """Whatever is a ``concurrent.futures.Executor``."""

    _executor: concurrent.futures.Executor

    def submit(self, fn: Callable[..., Any], *args: Any) -> Handle:
        return self._executor.submit(fn, *args)

    def map(self, fn: Callable[..., Any], items: Iterable[Any]) -> list[Any]:
        return list(self._executor.map(fn, items))

    def close(self) -> None:
        self._executor.shutdown()


class _Serial(_Executor):
    def __init__(self, workers: int) -> None:
        self._executor = anypool.Executor("serial", workers)


class _Thread(_Executor):
    def __init__(self, workers: int) -> None:
        self._executor = anypool.Executor("thread", workers)


class _Process(_Executor):
    def __init__(self, workers: int) -> None:
        self._executor = anypool.Executor("process", workers)


class _Loky(_Executor):
    def __init__(self, workers: int) -> None:
        self._executor = anypool.Executor("loky", workers)


class _FuturesThread(_Executor):
    def __init__(self, workers: int) -> None:
        self._executor = concurrent.futures.ThreadPoolExecutor(workers)


class _FuturesSpawn(_Executor):
    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._executor = concurrent.futures.ProcessPoolExecutor(workers, mp_context=context)


class _FuturesForkserver(_Executor):
    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("forkserver")
        self._executor = concurrent.futures.ProcessPoolExecutor(workers, mp_context=context)


class _BareLoky(_Executor):
    def __init__(self, workers: int) -> None:
        import loky

        self._executor = loky.ProcessPoolExecutor(workers)


class _Got:
    def __init__(self, result: Any) -> None:
        self._result = result

    def result(self) -> Any:
        return self._result.get()


class _MultiprocessingPool(Subject):
    def __init__(self, workers: int) -> None:
        self._pool = multiprocessing.get_context("spawn").Pool(workers)

    def submit(self, fn: Callable[..., Any], *args: Any) -> Handle:
        return _Got(self._pool.apply_async(fn, args))

    def map(self, fn: Callable[..., Any], items: Iterable[Any]) -> list[Any]:
        return self._pool.map(fn, items)

    def close(self) -> None:
        self._pool.close()
        self._pool.join()


class _Joblib(Subject):
    can_submit = False  # joblib has calls in bulk only

    def __init__(self, workers: int) -> None:
        import joblib

        self._delayed = joblib.delayed
        self._parallel = joblib.Parallel(n_jobs=workers, backend="loky").__enter__()

    def submit(self, fn: Callable[..., Any], *args: Any) -> Handle:
        raise NotImplementedError

    def map(self, fn: Callable[..., Any], items: Iterable[Any]) -> list[Any]:
        return list(self._parallel(self._delayed(fn)(item) for item in items))

    def close(self) -> None:
        from joblib.externals import loky

        self._parallel.__exit__(None, None, None)
        loky.get_reusable_executor().shutdown()


#: What the ratios refer to.
REFERENCE = "futures-spawn"

SUBJECTS: dict[str, type[Subject]] = {
    "serial": _Serial,
    "thread": _Thread,
    "process": _Process,
    "loky": _Loky,
    "futures-thread": _FuturesThread,
    "futures-spawn": _FuturesSpawn,
    "futures-forkserver": _FuturesForkserver,
    "multiprocessing-pool": _MultiprocessingPool,
    "bare-loky": _BareLoky,
    "joblib": _Joblib,
}
