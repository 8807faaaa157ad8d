"""Event: a flag behind a monitor, and how often it was put up."""

from __future__ import annotations

from typing import Any

from anypool import abc
from anypool._core import pins
from anypool._sync.inproc._monitor import Condition, Monitor

__all__ = ["Event"]


class Event(abc.Event):
    """A flag to wait for."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._flag = False
        # Counts the calls of set(), for a waiter must wake even if clear() follows before it has looked.
        self._sets = 0
        self._raised = Condition(monitor, "for an Event to be set")

    def is_set(self) -> bool:
        """Tell whether the flag is up."""
        if not self._flag:
            self._monitor.relax()
        return self._flag

    def set(self) -> None:
        """Put the flag up and wake all who wait."""
        with self._monitor:
            self._flag = True
            self._sets += 1
            self._raised.notify_all()

    def clear(self) -> None:
        """Take the flag down."""
        with self._monitor:
            self._flag = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the flag is up, for at most ``timeout`` seconds; tell whether it is."""
        if self._flag:
            return True
        with self._monitor:
            before = self._sets
            return self._raised.wait_for(lambda: self._flag or self._sets != before, timeout)

    def __reduce__(self) -> tuple[Any, ...]:
        return pins.refer(self)

    def __repr__(self) -> str:
        return f"<Event at {id(self):#x} {'set' if self._flag else 'unset'}>"
