"""Lock and RLock, with ``multiprocessing``'s errors.

A lock is the interpreter's own lock with a waiting room: without contention nothing else is touched. Its owner is a
mere reference; whoever meets the lock taken looks whether that owner has ended (P4).

::

    acquire:  C lock taken? yes -> note the owner            owner ends:  ended = True, then wakes one who waits
              no -> wait; each time it is woken: C lock taken? owner ended? -> free it, HolderDied
"""

from __future__ import annotations

import threading
from threading import get_ident
from typing import Any

from anypool import abc
from anypool._core import pins
from anypool._core.worker_info import _current as _thread  # not current_task(): that call would be felt here
from anypool._sync.inproc import _holders
from anypool._sync.inproc._activity import ACTIVITIES, CONTENDED, Activity, name_of
from anypool._sync.inproc._monitor import Condition, Monitor

__all__ = ["Lock", "RLock"]


class Lock(abc.Lock):
    """A lock that any thread may release."""

    #: How often an RLock's owner has taken it beyond the first time.
    _extra = 0

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._free = Condition(monitor, f"to acquire a {type(self).__name__}")
        self._waiters = self._free.waiters
        self._contenders = 0
        self._owner: Activity | int | None = None
        self._task: _holders.Task | None = None
        primitive = threading.Lock()
        self._try = primitive.acquire
        self._drop = primitive.release
        self._is_taken = primitive.locked

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take the lock; see ``anypool.abc.Lock``."""
        ident = get_ident()
        activity = ACTIVITIES.get(ident)
        if activity is None:
            if self._try(False) or self._contend(ident, timeout if block else 0.0):
                self._owner = ident
                self._task = _thread.task
                return True
            return False
        taken = False
        try:
            activity.enter()
            try:
                if self._try(False) or self._contend(activity, timeout if block else 0.0):
                    taken = True
                    self._owner = activity
                    self._task = _thread.task
            finally:
                activity.leave()
        except BaseException:
            # Stopped with the lock in hand, before a ``with`` could know of it. Nothing is raised behind this block:
            # CPython looks for such an exception after a call, and the return is none.
            if taken:
                self._release(activity)
            raise
        return taken

    __enter__ = acquire

    def __exit__(self, kind: object, error: object, trace: object, /) -> None:
        self.release()

    def _contend(self, me: Activity | int, timeout: float | None) -> bool:
        with self._monitor:
            # Counted as long as it may look again, and not only while it stands in line: see CONTENDED.
            self._contenders += 1
            CONTENDED.add(self)
            try:
                return self._free.wait_for(self._grab, timeout, self._holder_name)
            finally:
                self._contenders -= 1
                if not self._contenders:
                    CONTENDED.discard(self)

    def _grab(self) -> bool:
        """Take it if it is free. If its owner has ended, free it.

        Raises:
            HolderDied: it was taken from a dead owner; it is free now.
        """
        if self._try(False):
            return True
        dead, task = self._owner, self._task
        # Between the second look and the store there is no call, so no other thread can release it in between.
        if isinstance(dead, Activity) and dead.ended and self._owner is dead:
            self._owner = None
            self._extra = 0
            self._drop()
            self._free.notify()  # this one does not take it
            raise _holders.died(type(self).__name__, dead, task)
        return False

    def holder_ended(self, activity: Activity) -> None:
        """Hear from an activity that ends; see ``CONTENDED``."""
        if self._owner is activity:
            with self._monitor:
                self._free.notify()

    def release(self) -> None:
        """Let it go; see ``anypool.abc.Lock``."""
        ident = get_ident()
        activity = ACTIVITIES.get(ident)
        if activity is None:
            self._release(ident)
            return
        # To be stopped between letting go and waking the next one would leave that one asleep; to be stopped before
        # would leave the lock taken, for this is what a ``with`` calls to clean up.
        depth = activity.inside
        try:
            activity.enter()
        except BaseException:
            activity.inside = depth
            self._release(activity)
            raise
        try:
            self._release(activity)
        finally:
            activity.leave()

    def _release(self, me: Activity | int) -> None:
        self._owner = None  # before it is free, for then it may have the next one at once
        try:
            self._drop()
        except RuntimeError:
            raise ValueError("semaphore or lock released too many times") from None
        # A waiter lines up before it tries once more, so it either sees the lock free or is seen here.
        if self._waiters:
            with self._monitor:
                self._free.notify()

    def is_mine(self) -> bool:
        """Tell whether the calling thread took it."""
        ident = get_ident()
        return self._owner == ACTIVITIES.get(ident, ident)

    def let_go(self) -> int:
        """Release it however often it was taken, and say how often that was beyond the first time: for a condition."""
        extra, self._extra = self._extra, 0
        self.release()
        return extra

    def taken_again(self, extra: int) -> None:
        """Say, having taken it, that it counts as taken so many times more."""
        self._extra = extra

    def belongs_with(self, monitor: Monitor) -> bool:
        """Tell whether it waits in the same way as ``monitor`` does."""
        return type(self._monitor) is type(monitor)

    def locked(self) -> bool:
        """Tell whether it is taken."""
        if self._is_taken():
            self._monitor.relax()
        return self._is_taken()

    def holder(self) -> abc.Holder | None:
        """Tell who has it; one that has ended has it until somebody was told."""
        owner, task = self._owner, self._task
        return None if owner is None else _holders.describe(owner, task)

    def _holder_name(self) -> str | None:
        return name_of(self._owner)

    def __reduce__(self) -> tuple[Any, ...]:
        return pins.refer(self)

    def __repr__(self) -> str:
        return f"<Lock(owner={self._holder_name()})>"


class RLock(Lock, abc.RLock):
    """A lock that its owner, a thread, may take again.

    Not over the interpreter's own: that knows its owner by the thread's number, which the system gives to the next
    thread as soon as the owner has ended.
    """

    def _contend(self, me: Activity | int, timeout: float | None) -> bool:
        if self._owner == me:
            self._extra += 1
            return True
        return super()._contend(me, timeout)

    def _release(self, me: Activity | int) -> None:
        if self._owner != me:
            raise AssertionError("attempt to release recursive lock not owned by thread")
        if self._extra:
            self._extra -= 1
            return
        self._owner = None
        self._drop()
        if self._waiters:
            with self._monitor:
                self._free.notify()

    def __repr__(self) -> str:
        owner = self._holder_name()
        return f"<RLock({owner}, {0 if owner is None else self._extra + 1})>"
