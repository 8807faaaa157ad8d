"""SimpleQueue: a deque behind a monitor, without limits and timeouts."""

from __future__ import annotations

from collections import deque
from typing import Any, TypeVar

from anypool import abc
from anypool._core import pins
from anypool._sync.inproc._closed import Closed
from anypool._sync.inproc._monitor import Condition, Monitor
from anypool._sync.inproc._parcel import pack, unpack

__all__ = ["SimpleQueue"]

T = TypeVar("T")


class SimpleQueue(abc.SimpleQueue[T]):
    """First in, first out. There is no limit to what it holds, so ``put`` never waits."""

    def __init__(self, monitor: Monitor, isolate: bool = False) -> None:
        self._monitor = monitor
        self._isolate = isolate
        self._items: deque[Any] = deque()
        self._arrived = Condition(monitor, "for an item of a SimpleQueue")
        self._closed = Closed()

    def put(self, obj: T) -> None:
        """Append ``obj``; see ``anypool.abc.SimpleQueue``."""
        self._check_open()
        packed = pack(obj, self._isolate, "item")
        with self._monitor:
            self._items.append(packed)
            self._arrived.notify()

    def get(self) -> T:
        """Wait for the oldest item and take it; see ``anypool.abc.SimpleQueue``."""
        self._check_open()
        with self._monitor:
            self._arrived.wait_for(self._has_items, None)
            packed = self._items.popleft()
        value: T = unpack(packed)
        return value

    def _has_items(self) -> bool:
        return bool(self._items)

    def empty(self) -> bool:
        """Tell whether there is nothing to get."""
        self._check_open()
        if not self._items:
            self._monitor.relax()
        return not self._items

    def close(self) -> None:
        """Say that this process will not use it again; the others go on."""
        self._closed.close()

    def _check_open(self) -> None:
        if self._closed.here():
            raise OSError("handle is closed")  # the words of multiprocessing's connections, which its queue is made of

    def __reduce__(self) -> tuple[Any, ...]:
        return pins.refer(self)

    def __repr__(self) -> str:
        return f"<SimpleQueue({len(self._items)} items)>"
