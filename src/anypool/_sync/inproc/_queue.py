"""Queue: a deque behind a monitor. There is no feeder thread: what ``put`` accepted is there at once (P3)."""

from __future__ import annotations

import queue
from collections import deque
from typing import Any, TypeVar

from anypool import abc
from anypool._core import pins, worker_info
from anypool._sync.inproc._monitor import Condition, Monitor
from anypool._sync.inproc._parcel import pack, unpack
from anypool._sync.inproc._place import MAIN, Place, here

__all__ = ["Queue"]

T = TypeVar("T")


class Queue(abc.Queue[T]):
    """First in, first out, for many putters and getters in one process."""

    def __init__(self, monitor: Monitor, maxsize: int = 0, isolate: bool = False) -> None:
        if maxsize < 0:
            raise ValueError(f"maxsize must not be negative, got {maxsize}; 0 means no limit")
        self._monitor = monitor
        self._maxsize = maxsize
        self._isolate = isolate
        self._items: deque[Any] = deque()
        self._arrived = Condition(monitor, "for an item of a Queue")
        self._room = Condition(monitor, "for room in a full Queue")
        # "Closed" holds for the process that closed it, not for the others (mp: each has a copy of its own).
        self._closed_in: set[Place] = set()
        # Nor for other tasks. Only the last ones: far fewer run at a time than may close it in a program's life.
        self._closed_by: deque[object] = deque(maxlen=256)

    def put(self, obj: T, block: bool = True, timeout: float | None = None) -> None:
        """Append ``obj``; see ``anypool.abc.Queue``."""
        self._check_open()
        packed = pack(obj, self._isolate, "item")
        with self._monitor:
            if self._maxsize and not self._room.wait_for(self._has_room, timeout if block else 0.0):
                raise queue.Full
            self._items.append(packed)
            self._arrived.notify()

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
        place, task = here(), worker_info.current_task()
        if task is not None and place is MAIN:
            self._closed_by.append(task)
        else:
            self._closed_in.add(place)

    def join_thread(self) -> None:
        """Do nothing: there is no thread. An error before ``close``, as in ``multiprocessing``."""
        if not self._is_closed():
            raise _NotClosed(f"Queue {self!r} not closed; call close() before join_thread()")

    def cancel_join_thread(self) -> None:
        """Do nothing: nothing is ever waited for at exit."""

    def _check_open(self) -> None:
        if (self._closed_in or self._closed_by) and self._is_closed():
            raise ValueError(f"Queue {self!r} is closed")

    def _is_closed(self) -> bool:
        place, task = here(), worker_info.current_task()
        if task is not None and place is MAIN:
            return any(closer is task for closer in self._closed_by)
        return place in self._closed_in

    def __reduce__(self) -> tuple[Any, ...]:
        return pins.refer(self)

    def __repr__(self) -> str:
        limit = f", maxsize={self._maxsize}" if self._maxsize else ""
        return f"<Queue({len(self._items)} items{limit})>"


class _NotClosed(ValueError, AssertionError):
    """``multiprocessing`` asserts here, so its callers may expect that."""
