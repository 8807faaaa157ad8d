"""Lock, RLock, the semaphores and Event, with ``multiprocessing``'s errors.

A lock is the interpreter's own lock with a waiting room: without contention nothing else is touched.
"""

from __future__ import annotations

import threading
from threading import get_ident
from typing import Any

from anypool import abc
from anypool._core import pins
from anypool._sync.inproc._activity import ACTIVITIES, Activity, name_of
from anypool._sync.inproc._monitor import Condition, Monitor

__all__ = ["BoundedSemaphore", "Event", "Lock", "RLock", "Semaphore"]


class Lock(abc.Lock):
    """A lock that any thread may release."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._free = Condition(monitor, f"to acquire a {type(self).__name__}")
        self._waiters = self._free.waiters
        self._owner: Activity | int | None = None
        primitive = self._primitive()
        self._try = primitive.acquire
        self._drop = primitive.release

    @staticmethod
    def _primitive() -> Any:
        return threading.Lock()

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take the lock; see ``anypool.abc.Lock``."""
        ident = get_ident()
        activity = ACTIVITIES.get(ident)
        if activity is None:
            taken = self._try(False) or self._contend(timeout if block else 0.0)
            if taken:
                self._took(ident)
            return taken
        taken = False
        try:
            activity.enter()
            try:
                taken = self._try(False) or self._contend(timeout if block else 0.0)
                if taken:
                    self._took(activity)
            finally:
                activity.leave()
        except BaseException:
            # Stopped with the lock in hand, before a ``with`` could know of it. Nothing is raised behind this block:
            # CPython looks for such an exception after a call, and the return is none.
            if taken:
                self._release()
            raise
        return taken

    __enter__ = acquire

    def __exit__(self, kind: object, error: object, trace: object, /) -> None:
        self.release()

    def _took(self, owner: Activity | int) -> None:
        self._owner = owner

    def _contend(self, timeout: float | None) -> bool:
        with self._monitor:
            return self._free.wait_for(lambda: self._try(False), timeout, self._holder)

    def release(self) -> None:
        """Let it go; see ``anypool.abc.Lock``."""
        activity = ACTIVITIES.get(get_ident())
        if activity is None:
            self._release()
            return
        # To be stopped between letting go and waking the next one would leave that one asleep; to be stopped before
        # would leave the lock taken, for this is what a ``with`` calls to clean up.
        depth = activity.inside
        try:
            activity.enter()
        except BaseException:
            activity.inside = depth
            self._release()
            raise
        try:
            self._release()
        finally:
            activity.leave()

    def _release(self) -> None:
        owner, self._owner = self._owner, None
        try:
            self._drop()
        except RuntimeError:
            self._owner = owner
            raise ValueError("semaphore or lock released too many times") from None
        # A waiter lines up before it tries once more, so it either sees the lock free or is seen here.
        if self._waiters:
            with self._monitor:
                self._free.notify()

    def _holder(self) -> str | None:
        return name_of(self._owner)

    def __reduce__(self) -> tuple[Any, ...]:
        return pins.refer(self)

    def __repr__(self) -> str:
        return f"<Lock(owner={self._holder()})>"


class RLock(Lock, abc.RLock):
    """A lock that its owner, a thread, may take again."""

    _depth = 0

    @staticmethod
    def _primitive() -> Any:
        return threading.RLock()

    def _took(self, owner: Activity | int) -> None:
        self._owner = owner
        self._depth += 1

    def _release(self) -> None:
        ident = get_ident()
        if self._owner != ACTIVITIES.get(ident, ident):
            raise AssertionError("attempt to release recursive lock not owned by thread")
        self._depth -= 1
        if not self._depth:
            self._owner = None
        self._drop()
        if self._waiters:
            with self._monitor:
                self._free.notify()

    def __repr__(self) -> str:
        return f"<RLock({self._holder()}, {self._depth})>"


class Semaphore(abc.Semaphore):
    """A counter of free places."""

    def __init__(self, monitor: Monitor, value: int = 1) -> None:
        if value < 0:
            raise ValueError(f"the initial value of a {type(self).__name__} must not be negative, got {value}")
        self._monitor = monitor
        self._value = value
        self._free = Condition(monitor, f"to acquire a {type(self).__name__}")

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
        return self._value

    def __reduce__(self) -> tuple[Any, ...]:
        return pins.refer(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}(value={self._value})>"


class BoundedSemaphore(Semaphore):
    """A semaphore that never has more free places than it began with."""

    def __init__(self, monitor: Monitor, value: int = 1) -> None:
        super().__init__(monitor, value)
        self._limit = value

    def release(self) -> None:
        """Give a place back; ``ValueError`` if none was taken."""
        with self._monitor:
            if self._value >= self._limit:
                raise ValueError("semaphore or lock released too many times")
            self._value += 1
            self._free.notify()

    def __repr__(self) -> str:
        return f"<BoundedSemaphore(value={self._value}, maxvalue={self._limit})>"


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
