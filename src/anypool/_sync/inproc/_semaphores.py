"""Semaphore and BoundedSemaphore: a number behind a monitor.

A place has no owner, for anybody may release it: what a dead process has taken stays taken until somebody does (P4).
"""

from __future__ import annotations

import operator
from typing import Any

from anypool import abc
from anypool._core import pins
from anypool._sync.inproc._monitor import Condition, Monitor

__all__ = ["BoundedSemaphore", "Semaphore"]


class Semaphore(abc.Semaphore):
    """A counter of free places."""

    def __init__(self, monitor: Monitor, value: int = 1) -> None:
        kind = type(self).__name__
        try:
            value = operator.index(value)
        except TypeError:
            raise TypeError(f"the initial value of a {kind} must be an int, not {type(value).__name__}") from None
        if value < 0:
            raise ValueError(f"the initial value of a {kind} must not be negative, got {value}")
        self._monitor = monitor
        self._value = value
        self._free = Condition(monitor, f"to acquire a {kind}")

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take a place; see ``anypool.abc.Lock``."""
        with self._monitor:
            return self._free.wait_for(self._take, timeout if block else 0.0)

    def _take(self) -> bool:
        if self._value > 0:
            self._value -= 1
            return True
        return False

    def release(self) -> None:
        """Give a place back, or make one."""
        with self._monitor:
            self._value += 1
            self._free.notify()

    def get_value(self) -> int:
        """Give the number of free places."""
        self._monitor.relax()
        return self._value

    def locked(self) -> bool:
        """Tell whether all places are taken."""
        if not self._value:
            self._monitor.relax()
        return not self._value

    def __reduce__(self) -> tuple[Any, ...]:
        return pins.refer(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}(value={self._value})>"


class BoundedSemaphore(Semaphore):
    """A semaphore that never has more free places than it began with."""

    def __init__(self, monitor: Monitor, value: int = 1) -> None:
        super().__init__(monitor, value)
        self._limit = self._value

    def release(self) -> None:
        """Give a place back; ``ValueError`` if none was taken."""
        with self._monitor:
            if self._value >= self._limit:
                raise ValueError("semaphore or lock released too many times")
            self._value += 1
            self._free.notify()

    def __repr__(self) -> str:
        return f"<BoundedSemaphore(value={self._value}, maxvalue={self._limit})>"
