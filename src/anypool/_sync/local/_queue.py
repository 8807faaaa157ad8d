"""Queue: first in, first out, for all processes of this machine."""

from __future__ import annotations

from operator import index
from typing import Any, TypeVar

from anypool import abc
from anypool._sync.local import _names
from anypool._sync.local._carrier import Carrier, new_carrier

__all__ = ["Queue", "checked_maxsize", "new_queue"]

T = TypeVar("T")


class Queue(abc.Queue[T]):
    """A queue of this machine. An item that ``get`` took belongs to the process that took it, and dies with it."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._open = True

    def put(self, obj: T, block: bool = True, timeout: float | None = None) -> None:
        """Append ``obj``; it is there when this returns, whatever becomes of this process."""
        if not self._open:
            raise self._closed_error()
        self._carrier.put(obj, block, timeout)

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Take the oldest item."""
        if not self._open:
            raise self._closed_error()
        item: T = self._carrier.get(block, timeout)
        return item

    def qsize(self) -> int:
        """Give the number of items, exact at the moment of asking."""
        return self._carrier.log.count

    def empty(self) -> bool:
        """Tell whether there is nothing to get."""
        return not self._carrier.log.count

    def full(self) -> bool:
        """Tell whether there is no room."""
        log = self._carrier.log
        return 0 < log.maxsize <= log.count

    def close(self) -> None:
        """Say that this process will not use the queue again; ``put`` and ``get`` here raise ``ValueError``."""
        self._open = False

    def join_thread(self) -> None:
        """Exists for ``multiprocessing``'s sake: there is no thread to join. An error before ``close``, as there."""
        if self._open:
            raise _NotClosed(f"Queue {self!r} not closed; call close() before join_thread()")

    def cancel_join_thread(self) -> None:
        """Exists for ``multiprocessing``'s sake: nothing is ever waited for at exit."""

    def __reduce__(self) -> tuple[Any, ...]:
        if not self._open:
            raise self._closed_error()
        return (type(self), (self._carrier,))

    def _closed_error(self) -> ValueError:
        return ValueError(f"Queue {self!r} is closed")


class _NotClosed(ValueError, AssertionError):
    """``multiprocessing`` asserts here, so its callers may expect that."""


def checked_maxsize(maxsize: int) -> int:
    """Give ``maxsize`` if it is one; ``TypeError`` and ``ValueError`` if not."""
    try:
        checked = index(maxsize)
    except TypeError:
        raise TypeError(f"maxsize must be a whole number, got {maxsize!r}") from None
    if checked < 0:
        raise ValueError(f"maxsize must not be negative, got {checked}; 0 means no limit")
    return checked


def new_queue(names: _names.Names, maxsize: int = 0) -> Queue[Any]:
    """Make an empty queue for at most ``maxsize`` items; 0 is no limit."""
    return Queue(new_carrier(names, checked_maxsize(maxsize)))
