"""Queue: a log of items that all processes share, and semaphores that wake whoever waits for one.

::

    put: pickle -> mutex(append) -> items.release()         get: mutex(take) -> spaces.release() -> unpickle
                                                                 └ empty: items.acquire(at most a second), again

The log alone says what is there. The semaphores are only hints to look at it: a token too many costs one look, and
one too few, because its bearer was killed, costs a waiter at most ``_RECHECK`` seconds. Nothing runs in the
background (P3).
"""

from __future__ import annotations

import queue
from time import monotonic
from typing import Any, TypeVar

from anypool import abc
from anypool._core import pins, serialise
from anypool._sync.local import _locks, _names
from anypool._sync.local._log import Log

__all__ = ["Queue", "new_queue"]

T = TypeVar("T")

#: The longest sleep without a look at the log, in seconds.
_RECHECK = 1.0


class Queue(abc.Queue[T]):
    """A queue of this machine. An item that ``get`` took belongs to the process that took it, and dies with it."""

    def __init__(self, log: Log, items: _locks.Semaphore, spaces: _locks.Semaphore | None) -> None:
        self._log: Log | None = log
        self._items = items
        self._spaces = spaces

    def put(self, obj: T, block: bool = True, timeout: float | None = None) -> None:
        """Append ``obj``; it is there when this returns, whatever becomes of this process."""
        log = self._opened()
        with pins.collect() as pinned:
            data = serialise.dumps(obj, root="item")
        if not pinned:
            self._append(log, data, block, timeout)
            return
        from anypool._sync.local import _transit

        with _transit.until_received(pinned):
            self._append(log, data, block, timeout)

    def _append(self, log: Log, data: bytes, block: bool, timeout: float | None) -> None:
        spaces = self._spaces
        if spaces is None:
            with log:
                log.append(data)
            self._items.release()
            return
        deadline = _deadline(timeout) if block else None
        token = False
        while True:
            with log:
                room = log.count < log.maxsize
                if room:
                    log.append(data)
                    if not token:
                        spaces.acquire(False)
            if room:
                self._items.release()
                return
            if not block:
                raise queue.Full
            token = _wait(spaces, deadline, queue.Full)

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Take the oldest item."""
        log = self._opened()
        items = self._items
        deadline = _deadline(timeout) if block else None
        token = False
        while True:
            with log:
                data = log.take()
                if data is not None and not token:
                    items.acquire(False)
            if data is not None:
                break
            if not block:
                raise queue.Empty
            token = _wait(items, deadline, queue.Empty)
        if self._spaces is not None:
            self._spaces.release()
        item: T = serialise.loads(data)
        return item

    def qsize(self) -> int:
        """Give the number of items, exact at the moment of asking."""
        log = self._opened()
        with log:
            return log.count

    def empty(self) -> bool:
        """Tell whether there is nothing to get."""
        return self.qsize() == 0

    def full(self) -> bool:
        """Tell whether there is no room."""
        log = self._opened()
        with log:
            return 0 < log.maxsize <= log.count

    def close(self) -> None:
        """Say that this process will not use the queue again; later calls here raise ``ValueError``."""
        self._log = None

    def join_thread(self) -> None:
        """Exists for ``multiprocessing``'s sake: there is no thread to join. ``ValueError`` before ``close``."""
        if self._log is not None:
            raise ValueError(f"Queue {self!r} not closed")

    def cancel_join_thread(self) -> None:
        """Exists for ``multiprocessing``'s sake: nothing is ever waited for at exit."""

    def __reduce__(self) -> tuple[Any, ...]:
        log = self._opened()
        if log.name is not None:
            log.name.share()
        return (_attach, (log.path, self._items, self._spaces))

    def _opened(self) -> Log:
        if self._log is None:
            raise ValueError(f"Queue {self!r} is closed")
        return self._log


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else monotonic() + timeout


def _wait(hints: _locks.Semaphore, deadline: float | None, too_late: type[Exception]) -> bool:
    """Sleep until there may be something to do; tell whether a token was taken. Raises when the deadline is over."""
    if deadline is None:
        return hints.acquire(True, _RECHECK)
    left = deadline - monotonic()
    if left <= 0:
        raise too_late
    return hints.acquire(True, min(_RECHECK, left))


def new_queue(names: _names.Names, maxsize: int = 0) -> Queue[Any]:
    """Make an empty queue for at most ``maxsize`` items; 0 is no limit."""
    if maxsize < 0:
        raise ValueError(f"maxsize must be >= 0, and 0 is no limit; got {maxsize}")

    def make(path: str) -> Log:
        log = Log(path, create=True)
        log.set_up(maxsize)
        return log

    name, log = names.create(".queue", make)
    log.name = name
    _names.register(name.path, log)
    return Queue(log, _locks.new_semaphore(names, 0), _locks.new_semaphore(names, 0) if maxsize else None)


def _attach(path: str, items: _locks.Semaphore, spaces: _locks.Semaphore | None) -> Queue[Any]:
    return Queue(_names.attach("Queue", path, Log), items, spaces)
