"""The contract of ``Pool`` and of what its methods return: ``multiprocessing.pool``'s interface, typed (X3)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

__all__ = ["AsyncResult", "MapIterator", "Pool"]

S = TypeVar("S")
T = TypeVar("T")


class AsyncResult(ABC, Generic[T]):
    """What a method ``…_async`` returns at once, as ``multiprocessing.pool.AsyncResult``."""

    @abstractmethod
    def get(self, timeout: float | None = None) -> T:
        """Wait for the value, or raise the task's exception.

        Raises:
            multiprocessing.TimeoutError: it did not come in ``timeout`` seconds; ask again whenever you like.
            WorkerDied: the worker that ran the task died, or the pool was terminated (``multiprocessing``'s hangs).
            concurrent.futures.CancelledError: the pool was terminated before the task began.
        """

    @abstractmethod
    def wait(self, timeout: float | None = None) -> None:
        """Wait until the task has ended and its callback has returned, for at most ``timeout`` seconds."""

    @abstractmethod
    def ready(self) -> bool:
        """Tell whether the task has ended and its callback has returned."""

    @abstractmethod
    def successful(self) -> bool:
        """Tell whether it ended without an exception. ``ValueError`` if it has not ended."""


class MapIterator(ABC, Iterator[T], Generic[T]):
    """What ``imap`` and ``imap_unordered`` return.

    It goes on after a result that could not be had: an item that failed raises its own exception in its own turn, and
    a timeout loses nothing.
    """

    @abstractmethod
    def next(self, timeout: float | None = None) -> T:
        """Wait for the next result.

        Raises:
            StopIteration: there is none.
            multiprocessing.TimeoutError: it did not come in ``timeout`` seconds.
        """

    def __next__(self) -> T:
        return self.next()


class Pool(ABC):
    """A pool of workers with ``multiprocessing.Pool``'s methods, over an executor of any backend.

    Every method but ``close``, ``terminate`` and ``join`` raises ``ValueError`` after one of those.
    """

    @abstractmethod
    def apply(self, func: Callable[..., T], args: Iterable[Any] = (), kwds: Mapping[str, Any] = {}) -> T:
        """Run ``func(*args, **kwds)`` on a worker, wait for it and give its value."""

    @abstractmethod
    def apply_async(
        self,
        func: Callable[..., T],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] = {},
        callback: Callable[[T], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> AsyncResult[T]:
        """Run ``func(*args, **kwds)`` on a worker.

        Args:
            func: what is run.
            args: its arguments.
            kwds: its keyword arguments.
            callback: called with the value.
            error_callback: called with the exception. A pool's callbacks are called one after the other on a thread
                of their own (on ``serial`` at once, in the caller's), and none after ``terminate``.
        """

    @abstractmethod
    def map(self, func: Callable[[S], T], iterable: Iterable[S], chunksize: int | None = None) -> list[T]:
        """Give ``[func(item) for item in iterable]``, worked out by all workers.

        Args:
            func: called with each item.
            iterable: read to its end before this returns.
            chunksize: items that travel together; by default sized from measured times.

        Raises:
            Exception: what the first item that failed raised, once all the others have been run too.
            ValueError: ``chunksize`` is not positive.
        """

    @abstractmethod
    def map_async(
        self,
        func: Callable[[S], T],
        iterable: Iterable[S],
        chunksize: int | None = None,
        callback: Callable[[list[T]], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> AsyncResult[list[T]]:
        """Begin what ``map`` does. The callback is called once, with the whole list; see ``apply_async``."""

    @abstractmethod
    def starmap(
        self, func: Callable[..., T], iterable: Iterable[Iterable[Any]], chunksize: int | None = None
    ) -> list[T]:
        """Give ``[func(*item) for item in iterable]``; otherwise as ``map``."""

    @abstractmethod
    def starmap_async(
        self,
        func: Callable[..., T],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Callable[[list[T]], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> AsyncResult[list[T]]:
        """Begin what ``starmap`` does; otherwise as ``map_async``."""

    @abstractmethod
    def imap(self, func: Callable[[S], T], iterable: Iterable[S], chunksize: int = 1) -> MapIterator[T]:
        """Give ``func(item)`` for each item, in their order and as they come, lazily on both ends (E10).

        ``multiprocessing``'s reads the whole input at once. This one reads a window ahead of the results that are
        taken, so an endless input works; ``join`` reads what is left, and an iterator that is dropped half-way cancels
        what has not begun.
        """

    @abstractmethod
    def imap_unordered(self, func: Callable[[S], T], iterable: Iterable[S], chunksize: int = 1) -> MapIterator[T]:
        """Give what ``imap`` gives in the order in which the results come."""

    @abstractmethod
    def close(self) -> None:
        """Take no more work. The workers end when all is done."""

    @abstractmethod
    def terminate(self) -> None:
        """End the workers now, whatever they do. Results that are not there raise, and callbacks are not called."""

    @abstractmethod
    def join(self) -> None:
        """Wait until all work is done and the workers are gone. ``ValueError`` before ``close`` or ``terminate``."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.terminate()
