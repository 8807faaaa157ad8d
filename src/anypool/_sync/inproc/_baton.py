"""The serial backend's scheduler: one activity runs at a time and hands the baton on only where it would wait.

::

    main:       p.start()  q.get() ··parked··················> item   p.join() ··parked··········> done
    Process-1:                     └> work  q.put() (ready)  lock.acquire() ··parked··> …  ends ─┘

Who comes next is decided by a queue, never by the operating system, so that a run can be repeated exactly. Each
activity has a thread, for its stack; all but one of them wait for their turn. A thread that the user started is not an
activity of the program that started it, but the root of a baton of its own: it must be able to wait in its own
processes while the program waits in ``thread.join()``.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from threading import TIMEOUT_MAX, current_thread, get_ident
from time import monotonic

from anypool._sync.inproc import _deadlock
from anypool._sync.inproc._activity import ACTIVITIES, Activity
from anypool._sync.inproc._monitor import Monitor, Waiter, drain
from anypool._sync.inproc._place import here

__all__ = ["Baton", "SerialMonitor", "current"]

#: One mutex for the state of all serial primitives and batons: they are never used by two activities at once.
_mutex = threading.RLock()
_deferred: deque[Callable[[], None]] = deque()


class _Section:
    """``with _section:`` holds the mutex."""

    def __enter__(self) -> None:
        _mutex.acquire()

    def __exit__(self, *_: object) -> None:
        _mutex.release()
        drain(_mutex, _deferred)


_section = _Section()

#: The activities of threads that the program started itself, the main thread among them.
ROOTS: dict[int, Activity] = {}

#: So many operations an activity may do while others are ready. An endless producer must not keep out its consumer.
_PATIENCE = 1000


class Baton:
    """What the activities that descend from one thread pass on to each other. Everything wants the mutex."""

    __slots__ = ("idler", "parked", "ready", "running", "since")

    def __init__(self) -> None:
        self.ready: deque[Activity] = deque()
        #: Those that wait, in the order in which they began to.
        self.parked: dict[Activity, None] = {}
        #: How many run. More than one only after Ctrl-C, which no scheduler may hold back.
        self.running = 0
        #: While nobody runs: the one whose thread watches the clock and looks for deadlocks.
        self.idler: Activity | None = None
        #: How many operations were done while somebody was ready, since the baton changed hands.
        self.since = 0

    def take(self, activity: Activity) -> None:
        """Let ``activity`` run, whatever the others do."""
        self._remove(activity)
        if not activity.running:
            activity.running = True
            self.running += 1

    def make_ready(self, activity: Activity) -> None:
        """End a wait: ``activity`` runs when its turn comes."""
        if activity in self.parked:
            del self.parked[activity]
            self.ready.append(activity)
            self._dispatch()

    def put_down(self, activity: Activity) -> None:
        """Let ``activity`` run no longer."""
        if activity.running:
            activity.running = False
            self.running -= 1
        else:
            self._remove(activity)

    def end(self, activity: Activity) -> None:
        """Go on without ``activity``, whose thread ends."""
        self.put_down(activity)
        self._dispatch()
        if not self.running and self.parked:
            # Its thread can watch nothing any more; the one that waits shortest takes over.
            self.idler = next(reversed(self.parked))
            _poke(self.idler)

    def switch(self, me: Activity, deadline: float | None, waiter: Waiter | None) -> None:
        """Let others run, until ``me`` is woken or its time is up; without a waiter only until its next turn.

        Raises:
            WouldDeadlock: nothing can ever end the wait.
        """
        self.take(me)  # it is not running if this is a signal handler's wait inside of a wait
        self.put_down(me)
        if waiter is None:
            self.ready.append(me)
        else:
            self.parked[me] = None
            me.deadline, me.waits_for, me.holder = deadline, waiter.waits_for, waiter.holder
        self._dispatch()
        if not self.running:
            self.idler = me
        me.interrupt = lambda: _interrupt(me)
        try:
            if not me.doomed() or me not in self.parked:
                self.wait_turn(me)
        finally:
            me.interrupt = None
            self.take(me)

    def wait_turn(self, me: Activity) -> None:
        """Wait in the thread of ``me`` until it may run."""
        doubt = 0.001
        while not me.running and not (me.doomed() and me in self.parked):
            timeout = self._watch(me)
            if timeout is None:
                # Another thread might still end the wait, and the end of a thread wakes nobody: so look again.
                timeout, doubt = doubt, min(2 * doubt, 0.05)
            saved = _mutex._release_save()  # type: ignore[attr-defined]
            try:
                drain(_mutex, _deferred)
                me.turn.acquire(True, timeout)
            finally:
                _mutex._acquire_restore(saved)  # type: ignore[attr-defined]
            self._dispatch()

    def _watch(self, me: Activity) -> float | None:
        """Give how long ``me`` may sleep; ``None`` if nobody is left who can end the wait but foreign threads."""
        if self.running or self.idler is not me or me not in self.parked:
            return -1
        deadlines = [activity.deadline for activity in self.parked if activity.deadline is not None]
        if deadlines:
            return min(max(0.0, min(deadlines) - monotonic()), TIMEOUT_MAX)
        _bury_roots()
        if not _deadlock.may_be_ended_by_others(self, ROOTS):
            raise _deadlock.explain(me, self.parked)
        return None

    def _dispatch(self) -> None:
        """Give the baton on, if nobody has it."""
        now = monotonic()
        expired = [a for a in self.parked if a.deadline is not None and a.deadline <= now]
        for activity in sorted(expired, key=lambda a: a.deadline or 0.0):
            del self.parked[activity]
            self.ready.append(activity)
        if not self.running and self.ready:
            self.since = 0
            activity = self.ready.popleft()
            activity.running = True
            self.running += 1
            _poke(activity)

    def _remove(self, activity: Activity) -> None:
        self.parked.pop(activity, None)
        if activity in self.ready:
            self.ready.remove(activity)


def _poke(activity: Activity) -> None:
    """Make an activity's thread look at its state. Only under the mutex, so that two never release at once."""
    if activity.turn.locked():
        activity.turn.release()


def _interrupt(activity: Activity) -> None:
    with _section:
        if activity.baton is not None:
            activity.baton.make_ready(activity)


def current() -> Activity:
    """Give the activity of the calling thread, which holds a baton; a thread that has none becomes a root."""
    ident = get_ident()
    activity = ACTIVITIES.get(ident) or ROOTS.get(ident)
    if activity is None or (activity.thread is not None and activity.thread is not current_thread()):
        if activity is not None and activity.baton is not None:  # a thread that ended without joining its processes
            activity.baton.end(activity)
        thread = current_thread()
        name = "MainProcess" if thread is threading.main_thread() else thread.name
        activity = Activity(name, here())
        activity.thread = thread
        ROOTS[ident] = activity
    if activity.baton is None:
        activity.baton = Baton()
        activity.baton.take(activity)
    return activity


def _bury_roots() -> None:
    """Take the baton from threads that ended without joining their processes."""
    for ident, root in list(ROOTS.items()):
        if root.thread is None or root.thread.is_alive() or root.thread is threading.main_thread():
            continue
        del ROOTS[ident]
        if root.baton is not None:
            root.baton.end(root)


class SerialMonitor(Monitor):
    """A monitor for activities that run one at a time."""

    __slots__ = ("_deferred", "_mutex")

    def __init__(self) -> None:
        self._mutex = _mutex
        self._deferred = _deferred

    def __exit__(self, kind: object, error: object, trace: object, /) -> None:
        try:
            if error is None and ROOTS:
                activity = ACTIVITIES.get(get_ident()) or ROOTS.get(get_ident())
                baton = activity and activity.baton
                if activity and baton and baton.ready and activity.running:
                    baton.since += 1
                    if baton.since > _PATIENCE:
                        baton.switch(activity, None, None)
        finally:
            super().__exit__(kind, error, trace)

    def relax(self) -> bool:
        """Let those run who are ready. A loop that only asks (``while p.is_alive()``) must see the answer change."""
        if not ROOTS:
            return False
        with _section:
            activity = current()
            baton = activity.baton
            if baton is None or not (baton.ready or baton.parked):
                return False
            activity.enter()
            try:
                baton.switch(activity, None, None)
            finally:
                activity.leave()
            return True

    def settle(self, done: Callable[[], bool]) -> None:
        """Let the others run, round by round."""
        while not done():
            activity = ROOTS.get(get_ident()) or ACTIVITIES.get(get_ident())
            if activity is None or activity.baton is None or not activity.baton.ready:
                return
            self.relax()

    def launch(self, activity: Activity) -> None:
        """Line up behind those who are ready."""
        with _section:
            baton = current().baton
            assert baton is not None
            activity.baton = baton
            baton.ready.append(activity)

    def first_turn(self, activity: Activity) -> None:
        """Wait for the baton."""
        with _section:
            assert activity.baton is not None
            activity.baton.wait_turn(activity)

    def abandon(self, activity: Activity) -> None:
        """Leave the line."""
        with _section:
            assert activity.baton is not None
            activity.baton.put_down(activity)

    def last_turn(self, activity: Activity) -> None:
        """Pass the baton on for good."""
        with _section:
            assert activity.baton is not None
            activity.baton.end(activity)

    def _waiter(self) -> Waiter:
        activity = current()
        return Waiter(activity, activity.turn)

    def _park(self, waiter: Waiter, deadline: float | None) -> None:
        activity = waiter.activity
        assert activity is not None and activity.baton is not None
        activity.baton.switch(activity, deadline, waiter)

    def _unpark(self, waiter: Waiter) -> None:
        activity = waiter.activity
        assert activity is not None and activity.baton is not None
        activity.baton.make_ready(activity)


def _after_fork() -> None:
    # The other threads do not exist in the child, and one of them may have held the mutex.
    _mutex._at_fork_reinit()  # type: ignore[attr-defined]
    _deferred.clear()
    ROOTS.clear()
    ACTIVITIES.clear()


os.register_at_fork(after_in_child=_after_fork)
