"""The only place where anything in this package waits: a mutex with condition variables, after Hoare's monitor.

The primitives are state machines over it and do not know who schedules whom. ``ThreadMonitor`` lets the operating
system do it; ``SerialMonitor`` (in ``_baton``) runs one activity at a time.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from threading import TIMEOUT_MAX, get_ident
from time import monotonic
from typing import Any

from anypool._sync.inproc._activity import ACTIVITIES, Activity

__all__ = ["Condition", "Monitor", "ThreadMonitor", "Waiter", "drain"]


class Waiter:
    """Somebody who waits for a condition."""

    __slots__ = ("activity", "holder", "queued", "signal", "waits_for")

    def __init__(self, activity: Activity | None, signal: Any) -> None:
        self.activity = activity
        self.signal = signal
        self.queued = False
        #: For messages: "to acquire a Lock", and how to find out who could end the wait.
        self.waits_for = ""
        self.holder: Callable[[], str | None] | None = None

    def wake(self) -> None:
        """Let it look again. More often than needed does no harm."""
        try:  # noqa: SIM105  (this is on the way of every contended release)
            self.signal.release()
        except RuntimeError:
            pass  # it has been woken already and has not run yet


class Condition:
    """A condition variable of a monitor. All methods want the monitor to be entered."""

    __slots__ = ("_monitor", "waiters", "waits_for")

    def __init__(self, monitor: Monitor, waits_for: str) -> None:
        self._monitor = monitor
        self.waiters: deque[Waiter] = deque()
        self.waits_for = waits_for

    def wait_for(
        self,
        predicate: Callable[[], bool],
        timeout: float | None,
        holder: Callable[[], str | None] | None = None,
    ) -> bool:
        """Wait until ``predicate()`` is true, for at most ``timeout`` seconds; tell whether it is.

        The predicate may take what it found (a semaphore's place); it is not called again once it was true.
        """
        return predicate() or self._monitor._wait(self, predicate, timeout, holder)

    def notify(self) -> None:
        """Wake the one who has waited longest, if anybody waits."""
        if self.waiters:
            waiter = self.waiters.popleft()
            waiter.queued = False
            self._monitor._unpark(waiter)

    def notify_all(self) -> None:
        """Wake all who wait."""
        while self.waiters:
            self.notify()


def drain(mutex: Any, deferred: deque[Callable[[], None]]) -> None:
    """Do what was deferred, unless somebody holds the mutex.

    Whoever has released the mutex, to wait as well as for good, calls this behind it, so no action ever stays behind.
    """
    while deferred and not mutex._is_owned() and mutex.acquire(False):
        try:
            while deferred:
                deferred.popleft()()
        finally:
            mutex.release()


class Monitor(ABC):
    """``with monitor:`` is its critical section."""

    #: Reentrant, because a signal handler or a finaliser may use a primitive in the middle of the same one's section.
    _mutex: Any
    _deferred: deque[Callable[[], None]]

    def __enter__(self) -> None:
        activity = ACTIVITIES.get(get_ident())
        if activity is not None:
            activity.enter()
        self._mutex.acquire()

    def __exit__(self, kind: object, error: object, trace: object, /) -> None:
        self._mutex.release()
        if self._deferred:
            self._drain()
        activity = ACTIVITIES.get(get_ident())
        if activity is not None:
            activity.leave()

    def soon(self, action: Callable[[], None]) -> None:
        """Have ``action`` done in the critical section without ever waiting for it: for finalisers.

        The collector runs a finaliser wherever it likes, in the critical section of another primitive too; two threads
        that wait for each other's mutex that way would never wake.
        """
        self._deferred.append(action)
        self._drain()

    def _drain(self) -> None:
        drain(self._mutex, self._deferred)

    def _wait(
        self,
        condition: Condition,
        predicate: Callable[[], bool],
        timeout: float | None,
        holder: Callable[[], str | None] | None,
    ) -> bool:
        if timeout is None:
            deadline = None
        elif timeout <= 0:
            return self.relax() and predicate()
        else:
            deadline = monotonic() + timeout
        waiter = self._waiter()
        waiter.waits_for, waiter.holder = condition.waits_for, holder
        found = woken = False
        try:
            while True:
                if not waiter.queued:
                    waiter.queued = True
                    # One that was woken for nothing goes back to the head of the line.
                    (condition.waiters.appendleft if woken else condition.waiters.append)(waiter)
                # Asked again now that it can be seen waiting: a lock is released without entering the monitor.
                found = predicate()
                if found:
                    return True
                if deadline is not None and monotonic() >= deadline:
                    return False
                self._park(waiter, deadline)
                woken = not waiter.queued
                if waiter.activity is not None and waiter.activity.doomed():
                    raise waiter.activity.error
        finally:
            if waiter.queued:
                waiter.queued = False
                condition.waiters.remove(waiter)
            elif not found:
                condition.notify()  # it was woken but takes nothing: the next one's turn

    @abstractmethod
    def relax(self) -> bool:
        """Let others run, if they can only run when this one lets them; tell whether any did."""

    @abstractmethod
    def settle(self, done: Callable[[], bool]) -> None:
        """Let others run until ``done()`` or until they cannot: for a caller about to wait outside of this package."""

    @abstractmethod
    def launch(self, activity: Activity) -> None:
        """Prepare for an activity whose thread is about to start."""

    @abstractmethod
    def first_turn(self, activity: Activity) -> None:
        """Wait, in the new activity's thread, until it may run."""

    @abstractmethod
    def abandon(self, activity: Activity) -> None:
        """Forget an activity whose thread could not start."""

    @abstractmethod
    def last_turn(self, activity: Activity) -> None:
        """Let others run for good: the activity has ended."""

    @abstractmethod
    def _waiter(self) -> Waiter:
        """Make a waiter for the calling thread."""

    @abstractmethod
    def _park(self, waiter: Waiter, deadline: float | None) -> None:
        """Leave the critical section, wait to be woken or for the deadline, and enter it again."""

    @abstractmethod
    def _unpark(self, waiter: Waiter) -> None:
        """Wake a waiter."""


class ThreadMonitor(Monitor):
    """A monitor for real threads, which the operating system schedules."""

    __slots__ = ("_deferred", "_mutex")

    def __init__(self) -> None:
        self._mutex = threading.RLock()
        self._deferred = deque()

    def relax(self) -> bool:
        """Nothing to do: the others run anyway."""
        return False

    def settle(self, done: Callable[[], bool]) -> None:
        """Nothing to do: the others run anyway."""

    def launch(self, activity: Activity) -> None:
        """Nothing to do: there are no turns."""

    def first_turn(self, activity: Activity) -> None:
        """Nothing to do: there are no turns."""

    def abandon(self, activity: Activity) -> None:
        """Nothing to do: there are no turns."""

    def last_turn(self, activity: Activity) -> None:
        """Nothing to do: there are no turns."""

    def _waiter(self) -> Waiter:
        signal = threading.Lock()
        signal.acquire()
        return Waiter(ACTIVITIES.get(get_ident()), signal)

    def _park(self, waiter: Waiter, deadline: float | None) -> None:
        timeout = -1.0 if deadline is None else min(max(0.0, deadline - monotonic()), TIMEOUT_MAX)
        activity = waiter.activity
        saved = self._mutex._release_save()
        try:
            self._drain()
            if activity is None:
                waiter.signal.acquire(True, timeout)
            else:
                activity.interrupt = waiter.wake
                # Looked at after it can be woken, so that a killer is either seen here or sees it parked.
                if not activity.doomed():
                    waiter.signal.acquire(True, timeout)
                activity.interrupt = None
        finally:
            self._mutex._acquire_restore(saved)

    def _unpark(self, waiter: Waiter) -> None:
        waiter.wake()
