"""Queue and JoinableQueue: a deque behind a monitor, with no feeder thread: what ``put`` accepted is there (P3)."""

from __future__ import annotations

import operator
import queue
from collections import deque
from typing import Any, TypeVar

from anypool import abc
from anypool._core import pins
from anypool._sync.inproc._closed import Closed
from anypool._sync.inproc._monitor import Condition, Monitor
from anypool._sync.inproc._parcel import pack, unpack

__all__ = ["JoinableQueue", "Queue"]

T = TypeVar("T")


class Queue(abc.Queue[T]):
    """First in, first out, for many putters and getters in one process."""

    def __init__(self, monitor: Monitor, maxsize: int = 0, isolate: bool = False) -> None:
        try:
            maxsize = operator.index(maxsize)
        except TypeError:
            raise TypeError(f"maxsize must be an int, not {type(maxsize).__name__}") from None
        if maxsize < 0:
            raise ValueError(f"maxsize must not be negative, got {maxsize}; 0 means no limit")
        self._monitor = monitor
        self._maxsize = maxsize
        self._isolate = isolate
        self._items: deque[Any] = deque()
        kind = type(self).__name__
        self._arrived = Condition(monitor, f"for an item of a {kind}")
        self._room = Condition(monitor, f"for room in a full {kind}")
        self._closed = Closed()

    def put(self, obj: T, block: bool = True, timeout: float | None = None) -> None:
        """Append ``obj``; see ``anypool.abc.Queue``."""
        self._check_open()
        packed = pack(obj, self._isolate, "item")
        with self._monitor:
            if self._maxsize and not self._room.wait_for(self._has_room, timeout if block else 0.0):
                raise queue.Full
            self._items.append(packed)
            self._count_in()
            self._arrived.notify()

    def _count_in(self) -> None:
        """Hear, in the critical section, that an item was put."""

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Take the oldest item; see ``anypool.abc.Queue``."""
        self._check_open()
        with self._monitor:
            if not self._items and not self._arrived.wait_for(self._has_items, timeout if block else 0.0):
                raise queue.Empty
            packed = self._items.popleft()
            if self._maxsize:
                self._room.notify()
        value: T = unpack(packed)
        return value

    def _has_items(self) -> bool:
        return bool(self._items)

    def _has_room(self) -> bool:
        return len(self._items) < self._maxsize

    def qsize(self) -> int:
        """Give the number of items."""
        self._monitor.relax()
        return len(self._items)

    def empty(self) -> bool:
        """Tell whether there is nothing to get."""
        if not self._items:
            self._monitor.relax()
        return not self._items

    def full(self) -> bool:
        """Tell whether there is no room."""
        if not self._maxsize:
            return False
        if not self._has_room():
            self._monitor.relax()
        return not self._has_room()

    def close(self) -> None:
        """Say that this process will not use the queue again; the others go on."""
        self._closed.close()

    def join_thread(self) -> None:
        """Do nothing: there is no thread. An error before ``close``, as in ``multiprocessing``."""
        if not self._closed.here():
            raise _NotClosed(f"Queue {self!r} not closed; call close() before join_thread()")

    def cancel_join_thread(self) -> None:
        """Do nothing: nothing is ever waited for at exit."""

    def _check_open(self) -> None:
        if self._closed.anywhere and self._closed.here():
            raise ValueError(f"Queue {self!r} is closed")

    def __reduce__(self) -> tuple[Any, ...]:
        return pins.refer(self)

    def __repr__(self) -> str:
        limit = f", maxsize={self._maxsize}" if self._maxsize else ""
        return f"<{type(self).__name__}({len(self._items)} items{limit})>"


class JoinableQueue(Queue[T], abc.JoinableQueue[T]):
    """A queue that knows how many of its items are not done with."""

    def __init__(self, monitor: Monitor, maxsize: int = 0, isolate: bool = False) -> None:
        super().__init__(monitor, maxsize, isolate)
        self._unfinished = 0
        self._finished = Condition(monitor, "for all items of a JoinableQueue to be done")

    def _count_in(self) -> None:
        self._unfinished += 1

    def task_done(self) -> None:
        """Say that an item that was taken is done with; see ``anypool.abc.JoinableQueue``."""
        with self._monitor:
            if not self._unfinished:
                raise ValueError("task_done() called too many times")
            self._unfinished -= 1
            if not self._unfinished:
                self._finished.notify_all()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until every item that was put is done with; tell whether it is."""
        with self._monitor:
            return self._finished.wait_for(self._all_done, timeout)

    def _all_done(self) -> bool:
        return not self._unfinished


class _NotClosed(ValueError, AssertionError):
    """``multiprocessing`` asserts here, so its callers may expect that."""
