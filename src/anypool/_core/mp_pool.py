"""``multiprocessing.Pool``'s interface over an executor of any backend (X3).

::

    Pool --apply_async: submit, map_async: a map and a thread that collects it--> Executor --> AsyncResult
         --imap: a map, taken by whoever iterates-------------------------------> Executor --> MapIterator

What differs from ``multiprocessing``'s is meant to: a killed worker fails its task alone instead of hanging all, items
that cannot be pickled fail alone, a failed item of a chunk does not take the chunk with it, and ``imap`` is lazy (E10).
"""

from __future__ import annotations

import itertools
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any, Never, Self, TypeVar, cast

from anypool import abc
from anypool._core import contexts
from anypool._core.executor import Executor
from anypool._core.map_results import MapResults
from anypool._core.mp_callbacks import Callbacks
from anypool._core.mp_results import AsyncResult, MapIterator, collect, collect_into, wait_in_slices

__all__ = ["Pool"]

S = TypeVar("S")
T = TypeVar("T")

# The words of multiprocessing's own messages and repr.
RUN, CLOSE, TERMINATE = "RUN", "CLOSE", "TERMINATE"


class Pool(abc.Pool):
    """A pool of workers.

    Args:
        processes: how many, at least 1; by default the CPUs that this process may use. On ``serial`` always one, the
            caller.
        initializer: called once in each worker before its first task.
        initargs: its arguments.
        maxtasksperchild: a worker is replaced by a new process after so many tasks (a chunk of a map is one).
        context: whose workers; by default the default backend's.

    Raises:
        ValueError: ``processes`` or ``maxtasksperchild`` is not a positive number.
        TypeError: ``initializer`` cannot be called.
        Unsupported: ``maxtasksperchild`` on a backend whose workers are no processes; the message names the others.
    """

    _state = ""

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
        context: abc.Context | None = None,
    ) -> None:
        if processes is not None and processes < 1:
            raise ValueError("Number of processes must be at least 1")
        if maxtasksperchild is not None and (not isinstance(maxtasksperchild, int) or maxtasksperchild <= 0):
            raise ValueError("maxtasksperchild must be a positive int or None")
        if context is None:
            context = contexts.get_context()
        self._executor = Executor(
            getattr(context, "_opened_by", None) or context.backend,
            processes,
            initializer=initializer,
            initargs=tuple(initargs),
            isolate=getattr(context, "_isolate", False),
            max_tasks_per_child=None if maxtasksperchild is None else int(maxtasksperchild),
        )
        self._callbacks = Callbacks(own_thread=self._executor.capabilities.concurrent)
        # Re-entrant: the collector may run a MapIterator's __del__ inside. Guards what is below.
        self._changed = threading.Condition(threading.RLock())
        self._pending = 0  # results that are not there yet
        self._iterators: weakref.WeakSet[MapIterator[Any]] = weakref.WeakSet()  # those that have not come to their end
        self._state = RUN
        _watch(self, self._executor.backend)

    def __repr__(self) -> str:
        return f"<anypool.Pool {self._executor.backend!r} state={self._state} pool_size={self._executor.max_workers}>"

    def __reduce__(self) -> Never:
        raise NotImplementedError("pool objects cannot be passed between processes or pickled")

    # --- work --------------------------------------------------------------------------------------------------

    def apply(self, func: Callable[..., T], args: Iterable[Any] = (), kwds: Mapping[str, Any] = {}) -> T:
        """Run ``func(*args, **kwds)`` on a worker, wait for it and give its value."""
        return self.apply_async(func, args, kwds).get()

    def apply_async(
        self,
        func: Callable[..., T],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] = {},
        callback: Callable[[T], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> AsyncResult[T]:
        """Run ``func(*args, **kwds)`` on a worker; see ``anypool.abc.Pool``."""
        self._check()
        future = self._executor.submit(func, *args, **kwds)
        result: AsyncResult[T] = AsyncResult(self, callback, error_callback)
        future.add_done_callback(result.settle_from)
        return result

    def map(self, func: Callable[[S], T], iterable: Iterable[S], chunksize: int | None = None) -> list[T]:
        """Give ``[func(item) for item in iterable]``, worked out by all workers."""
        return _values(self._map(func, iterable, chunksize, star=False))

    def map_async(
        self,
        func: Callable[[S], T],
        iterable: Iterable[S],
        chunksize: int | None = None,
        callback: Callable[[list[T]], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> AsyncResult[list[T]]:
        """Begin what ``map`` does; the callback is called once, with the whole list."""
        return self._collect_aside(self._map(func, iterable, chunksize, star=False), callback, error_callback)

    def starmap(
        self, func: Callable[..., T], iterable: Iterable[Iterable[Any]], chunksize: int | None = None
    ) -> list[T]:
        """Give ``[func(*item) for item in iterable]``; otherwise as ``map``."""
        return _values(self._map(func, iterable, chunksize, star=True))

    def starmap_async(
        self,
        func: Callable[..., T],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Callable[[list[T]], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> AsyncResult[list[T]]:
        """Begin what ``starmap`` does; otherwise as ``map_async``."""
        return self._collect_aside(self._map(func, iterable, chunksize, star=True), callback, error_callback)

    def imap(self, func: Callable[[S], T], iterable: Iterable[S], chunksize: int = 1) -> MapIterator[T]:
        """Give ``func(item)`` for each item, in their order and as they come, lazily on both ends (E10)."""
        return self._imap(func, iterable, chunksize, ordered=True)

    def imap_unordered(self, func: Callable[[S], T], iterable: Iterable[S], chunksize: int = 1) -> MapIterator[T]:
        """Give what ``imap`` gives in the order in which the results come."""
        return self._imap(func, iterable, chunksize, ordered=False)

    def _map(
        self, func: Callable[..., T], iterable: Iterable[Any], chunksize: int | None, *, star: bool
    ) -> MapResults[T]:
        """Start a map over all of the input, which is read while it runs."""
        self._check(chunksize)
        if isinstance(iterable, list):
            iterable = iterable.copy()  # the caller may change it as soon as map_async has returned
        elif not isinstance(iterable, Sized):
            iterable = list(iterable)  # here and now, as multiprocessing does: what it raises is raised to the caller
        return self._results(func, map(tuple, iterable) if star else zip(iterable), iterable, chunksize, ordered=True)

    def _imap(self, func: Callable[[S], T], iterable: Iterable[S], chunksize: int, *, ordered: bool) -> MapIterator[T]:
        self._check(chunksize)
        inputs = zip(iterable) if chunksize == 1 else zip(_whole_chunks(iterable, chunksize))
        iterator = MapIterator(self, self._results(func, inputs, iterable, chunksize, ordered=ordered))
        with self._changed:
            self._iterators.add(iterator)
        return iterator

    def _results(
        self,
        func: Callable[..., T],
        inputs: Iterator[tuple[Any, ...]],
        iterable: Iterable[Any],
        chunksize: int | None,
        *,
        ordered: bool,
    ) -> MapResults[T]:
        length = len(iterable) if isinstance(iterable, Sized) else None
        results = self._executor._map(func, inputs, length, None, chunksize, None, ordered=ordered)
        return cast(MapResults[T], results)

    def _collect_aside(
        self,
        results: MapResults[T],
        callback: Callable[[list[T]], object] | None,
        error_callback: Callable[[BaseException], object] | None,
    ) -> AsyncResult[list[T]]:
        """Collect a map's results on a thread; here and now where nothing runs by itself."""
        result: AsyncResult[list[T]] = AsyncResult(self, callback, error_callback)
        if self._executor.capabilities.concurrent:
            thread = threading.Thread(target=collect_into, args=(result, results), name="anypool-map", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads, or the interpreter exits
                collect_into(result, results)
        else:
            collect_into(result, results)
        return result

    def _check(self, chunksize: int | None = None) -> None:
        if self._state != RUN:
            raise ValueError("Pool not running")
        if chunksize is not None and chunksize < 1:
            raise ValueError(f"Chunksize must be 1+, not {chunksize}")

    # --- the end -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Take no more work. The workers end when all is done."""
        with self._changed:
            if self._state == RUN:
                self._state = CLOSE
        self._end_if_done()

    def terminate(self) -> None:
        """End the workers now, whatever they do."""
        self._state = TERMINATE
        self._executor.terminate_workers()
        self._callbacks.end()

    def join(self) -> None:
        """Wait until all work is done and the workers are gone. ``ValueError`` before ``close`` or ``terminate``."""
        if self._state == RUN:
            raise ValueError("Pool is still running")
        with self._changed:
            wait_in_slices(self._wait_until_done, None)
            iterators = list(self._iterators)
        if self._state == CLOSE:
            for iterator in iterators:
                iterator.read_all()
        self._executor.shutdown(wait=True)
        self._callbacks.end()
        self._callbacks.join()

    def __enter__(self) -> Self:
        self._check()
        return self

    def __del__(self) -> None:
        # Its work is done, or its results would hold it; the executor lets the idle workers go.
        if self._state == RUN:
            warnings.warn(f"unclosed running multiprocessing pool {self!r}", ResourceWarning, source=self)  # noqa: B028  # the collector has no caller
        if hasattr(self, "_callbacks"):
            self._callbacks.end()

    @property
    def _terminated(self) -> bool:
        return self._state == TERMINATE

    def _wait_until_done(self, timeout: float) -> bool:
        return self._changed.wait_for(lambda: self._pending == 0, timeout)

    # What results and iterators report.

    def _began(self) -> None:
        with self._changed:
            self._pending += 1

    def _ended(self) -> None:
        with self._changed:
            self._pending -= 1
            self._changed.notify_all()
        self._end_if_done()

    def _finished(self, iterator: MapIterator[Any]) -> None:
        with self._changed:
            self._iterators.discard(iterator)
        self._end_if_done()

    def _end_if_done(self) -> None:
        """After ``close``, let the workers go as soon as nothing can come any more, whether or not anybody joins."""
        with self._changed:
            done = self._state == CLOSE and self._pending == 0 and not self._iterators
        if done:
            self._executor.shutdown(wait=False)


def _values(results: MapResults[T]) -> list[T]:
    values, failed = collect(results)
    if failed is None:
        return values
    try:
        raise failed
    finally:
        del failed  # no cycle of traceback and frame


def _whole_chunks(iterable: Iterable[T], size: int) -> Iterator[T]:
    """Read ``size`` items at a time: what the input raises takes a begun chunk with it, as in ``multiprocessing``."""
    items = iter(iterable)
    while chunk := tuple(itertools.islice(items, size)):
        yield from chunk


# --- the interpreter's exit --------------------------------------------------------------------------------------

# Weak: a pool that nobody holds is found out by the collector.
_pools: weakref.WeakSet[Pool] = weakref.WeakSet()
_hooked: set[str] = set()


def _watch(pool: Pool, backend: str) -> None:
    """End the pool at exit if it is open, as ``multiprocessing`` does; its executor would finish all work first.

    Hooks run in reverse. The executors' own is older, but an engine's may have been registered with its first
    executor, so there is one of ours for each, registered after it. A second one finds nothing to do.
    """
    if backend not in _hooked:
        threading._register_atexit(_terminate_all)  # type: ignore[attr-defined]  # not in typeshed
        _hooked.add(backend)
    _pools.add(pool)


def _terminate_all() -> None:
    for pool in list(_pools):
        if not pool._terminated:
            pool.terminate()
