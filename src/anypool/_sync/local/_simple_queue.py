"""SimpleQueue: a queue without limits and timeouts, for all processes of this machine."""

from __future__ import annotations

from typing import Any, TypeVar

from anypool import abc
from anypool._sync.local import _names
from anypool._sync.local._carrier import Carrier, new_carrier

__all__ = ["SimpleQueue", "new_simple_queue"]

T = TypeVar("T")


class SimpleQueue(abc.SimpleQueue[T]):
    """A queue of this machine. ``put`` never waits: there is no pipe that could be full."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier: Carrier | None = carrier

    def put(self, obj: T) -> None:
        """Append ``obj``; it is there when this returns, whatever becomes of this process."""
        self._opened().put(obj, True, None)

    def get(self) -> T:
        """Wait for the oldest item and take it."""
        item: T = self._opened().get(True, None)
        return item

    def empty(self) -> bool:
        """Tell whether there is nothing to get."""
        return not self._opened().log.count

    def close(self) -> None:
        """Say that this process will not use it again; what is called here after it raises ``OSError``."""
        self._carrier = None

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self._opened(),))

    def _opened(self) -> Carrier:
        if self._carrier is None:
            raise OSError(f"handle is closed: {self!r} was closed here")
        return self._carrier


def new_simple_queue(names: _names.Names) -> SimpleQueue[Any]:
    """Make an empty queue."""
    return SimpleQueue(new_carrier(names))
