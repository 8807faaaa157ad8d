"""What a pool's methods return: ``AsyncResult``, ``MapIterator``, and the list of ``map``.

::

    worker --> end of the future or of the map --> AsyncResult.settle --> callback, on its thread --> ready
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from multiprocessing.context import TimeoutError as PoolTimeoutError
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from anypool._core.futures import SLICE
from anypool.abc import _pool as contract

if TYPE_CHECKING:
    from anypool._core.map_results import MapResults
    from anypool._core.mp_pool import Pool

__all__ = ["AsyncResult", "MapIterator", "collect", "collect_into", "wait_in_slices"]

T = TypeVar("T")


def wait_in_slices(wait: Callable[[float], bool], timeout: float | None) -> bool:
    """Call ``wait`` with short times until it is true or ``timeout`` is over, so no Ctrl-C is lost (see Future)."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        left = SLICE if deadline is None else min(SLICE, deadline - time.monotonic())
        if wait(max(0.0, left)):
            return True
        if left < SLICE:
            return False


def _explained(error: BaseException) -> BaseException:
    """Let a bare ``CancelledError`` say what happened."""
    if isinstance(error, CancelledError) and not error.args:
        error.args = ("the pool was terminated before this task began",)
    return error


class AsyncResult(contract.AsyncResult[T], Generic[T]):
    """The result of a task, or of all tasks of a map.

    It holds its pool until it is there: a pool that nobody else holds must not end before its work is done.
    """

    def __init__(
        self,
        pool: Pool,
        callback: Callable[[T], object] | None,
        error_callback: Callable[[BaseException], object] | None,
    ) -> None:
        self._ready = threading.Event()
        self._pool: Pool | None = pool
        self._callback = callback
        self._error_callback = error_callback
        self._value: T | None = None
        self._error: BaseException | None = None
        pool._began()

    def ready(self) -> bool:
        """Tell whether the task has ended and its callback has returned."""
        return self._ready.is_set()

    def successful(self) -> bool:
        """Tell whether it ended without an exception. ``ValueError`` if it has not ended."""
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return self._error is None

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the task has ended and its callback has returned, for at most ``timeout`` seconds."""
        if not self._ready.is_set():
            wait_in_slices(self._ready.wait, timeout)

    def get(self, timeout: float | None = None) -> T:
        """Wait for the value, or raise the task's exception; ``multiprocessing.TimeoutError`` if it is late."""
        self.wait(timeout)
        if not self._ready.is_set():
            raise PoolTimeoutError(f"no result after {timeout} s; the task goes on, and get() may be called again")
        if self._error is not None:
            try:
                raise self._error
            finally:
                del self  # no cycle of traceback and frame
        return self._value  # type: ignore[return-value]  # None is T's own None here

    def settle_from(self, future: Future[T]) -> None:
        """Take the outcome of a task that has ended."""
        if future.cancelled():
            self.settle(None, _explained(CancelledError()))
        else:
            error = future.exception()
            self.settle(None if error is not None else future.result(), error)

    def settle(self, value: T | None, error: BaseException | None) -> None:
        """Take the outcome, have the callback called, and only then be ready, as ``multiprocessing`` does."""
        pool = self._pool
        assert pool is not None
        self._value, self._error = value, error
        callback: Callable[[Any], object] | None = self._callback if error is None else self._error_callback
        self._callback = self._error_callback = None
        if callback is None or pool._terminated:
            self._end()
        else:
            pool._callbacks.call((callback, value if error is None else error, self._end))

    def _end(self) -> None:
        pool, self._pool = self._pool, None
        self._ready.set()
        if pool is not None:
            pool._ended()


class MapIterator(contract.MapIterator[T], Generic[T]):
    """The results of a map, one by one; see ``anypool._core.map_feed`` for who reads the input when."""

    def __init__(self, pool: Pool, results: MapResults[T]) -> None:
        self._results = results
        self._pool: Pool | None = pool

    def next(self, timeout: float | None = None) -> T:
        """Wait for the next result; ``multiprocessing.TimeoutError`` if it is late."""
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            value, error = self._results._feed.take(deadline)
        except StopIteration:
            self._finish()
            raise
        except CancelledError as cancelled:
            raise _explained(cancelled) from None
        except TimeoutError:
            if deadline is None or time.monotonic() < deadline:
                raise  # the input's own
            raise PoolTimeoutError(f"no result after {timeout} s; next() may be called again") from None
        if error is not None:
            try:
                if isinstance(error, StopIteration):
                    # It would look like the end of the results; a generator does the same (PEP 479).
                    raise RuntimeError(f"imap: a task raised {error!r}") from error
                raise _explained(error)
            finally:
                del error  # no cycle of traceback and frame
        result: T = value
        return result

    def read_all(self) -> None:
        """Send all that is left of the input to the workers."""
        self._results._feed.feed(everything=True)

    def _finish(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool._finished(self)

    def __del__(self) -> None:
        if hasattr(self, "_pool"):
            del self._results  # first: it cancels what has not begun, and the pool need not wait for that
            self._finish()


def collect(results: MapResults[T]) -> tuple[list[T], BaseException | None]:
    """Wait until all items have been run, and give the values, and the first item's exception if some failed."""
    values: list[T] = []
    failed: BaseException | None = None
    while True:
        try:
            value, error = results._feed.take(None)
        except StopIteration:
            break
        except Exception as reading:  # what the input raised; no more of it comes
            failed = failed or reading
            break
        if error is None:
            values.append(value)
        else:
            failed = failed or error
    return values, None if failed is None else _explained(failed)


def collect_into(result: AsyncResult[list[T]], results: MapResults[T]) -> None:
    """Do so for ``map_async``."""
    try:
        values, failed = collect(results)
    except BaseException as error:  # the input raised SystemExit or the like: not on this thread, to whoever asks
        result.settle(None, error)
    else:
        result.settle(values if failed is None else None, failed)
