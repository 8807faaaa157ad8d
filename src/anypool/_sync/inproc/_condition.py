"""Condition: a line of sleepers, each with a call of its own, so that nobody is woken for nothing.

::

    wait:    line up -> let the lock go -> sleep .......... called -> take the lock again -> return
    notify:                          pop the first -> call it ─┘

Whoever dies while it sleeps leaves the line, and hands on a call that came too late for it (P4).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import get_ident
from typing import TYPE_CHECKING, Any

from anypool import abc
from anypool._core import pins
from anypool._sync.inproc import _locks, _monitor
from anypool._sync.inproc._activity import ACTIVITIES, Activity, Terminated
from anypool.errors import HolderDied, WouldDeadlock

if TYPE_CHECKING:
    from anypool._sync.inproc._monitor import Monitor

__all__ = ["Condition", "new_condition"]

#: Seconds that one who was stopped while it waited tries to get the lock back for the sake of its ``finally`` blocks.
_GRACE = 1.0


class _Sleeper:
    """Somebody in the line."""

    __slots__ = ("activity", "called", "woken")

    def __init__(self, monitor: Monitor) -> None:
        self.activity = ACTIVITIES.get(get_ident())
        self.woken = _monitor.Condition(monitor, "to be notified of a Condition")
        self.called = False

    def is_called(self) -> bool:
        return self.called


class Condition(abc.Condition):
    """A condition variable over a Lock or an RLock of the same context."""

    def __init__(self, monitor: Monitor, lock: _locks.Lock) -> None:
        self._monitor = monitor
        self._lock = lock
        self._line: deque[_Sleeper] = deque()
        # Those who came back from wait() without the lock, for it was not to be had: they must not release it either.
        self._without: set[Activity | int] = set()

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take the underlying lock."""
        return self._lock.acquire(block, timeout)

    def release(self) -> None:
        """Let the underlying lock go."""
        if self._without:
            ident = get_ident()
            me = ACTIVITIES.get(ident, ident)
            if me in self._without:
                self._without.discard(me)
                if not self._lock.is_mine():
                    return
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Let the lock go, wait to be notified, take the lock again; see ``anypool.abc.Condition``.

        A process that is terminated meanwhile takes the lock again, too, so that its ``finally`` blocks are as safe as
        they look; if the lock is not free for a second, it ends without.
        """
        assert self._lock.is_mine(), "must acquire() condition before using wait()"
        activity = ACTIVITIES.get(get_ident())
        if activity is None:
            return self._wait(timeout)
        # One primitive from here to there: nothing is raised from outside between its steps.
        activity.enter()
        try:
            return self._wait(timeout)
        finally:
            activity.leave()

    def _wait(self, timeout: float | None) -> bool:
        sleeper = _Sleeper(self._monitor)
        self._line.append(sleeper)
        extra = self._lock.let_go()
        called, failed = False, None
        try:
            with self._monitor:
                called = sleeper.woken.wait_for(sleeper.is_called, timeout)
        except BaseException as error:
            failed = error
        if not called:
            self._leave_line(sleeper)
        failed = self._take_again(extra, failed)
        if failed is None:
            return called
        try:
            raise failed
        finally:
            del failed  # its traceback holds this frame

    def _leave_line(self, sleeper: _Sleeper) -> None:
        with self._monitor:
            if sleeper.called:
                self._call(1)
            else:
                self._line.remove(sleeper)

    def _take_again(self, extra: int, failed: BaseException | None) -> BaseException | None:
        """Take the lock whatever happens, and give what ``wait`` has to raise."""
        stops = 0 if failed is None or isinstance(failed, WouldDeadlock) else 1
        while True:
            try:
                taken = self._lock.acquire(timeout=_GRACE if stops else None)
            except HolderDied as died:
                failed = failed or died
                continue  # it is free now
            except WouldDeadlock as stuck:
                failed, taken = failed or stuck, False
            except BaseException as stop:
                stops += 1
                if not isinstance(failed, Terminated):
                    failed = stop
                if stops < 2:
                    continue
                taken = False
            if taken:
                self._lock.taken_again(extra)
            else:
                ident = get_ident()
                self._without.add(ACTIVITIES.get(ident, ident))
            return failed

    def notify(self, n: int = 1) -> None:
        """Wake at most ``n`` waiters; see ``anypool.abc.Condition``."""
        assert self._lock.is_mine(), "lock is not owned"
        with self._monitor:
            self._call(n)

    def notify_all(self) -> None:
        """Wake all who wait."""
        assert self._lock.is_mine(), "lock is not owned"
        with self._monitor:
            self._call(len(self._line))

    def _call(self, n: int) -> None:
        while n > 0 and self._line:
            sleeper = self._line.popleft()
            sleeper.called = True
            sleeper.woken.notify()
            # One that is to end has left the line with this, but it is none of the n.
            if sleeper.activity is None or not sleeper.activity.doomed():
                n -= 1

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, kind: object, error: object, trace: object, /) -> None:
        self.release()

    def __reduce__(self) -> tuple[Any, ...]:
        return pins.refer(self)

    def __repr__(self) -> str:
        return f"<Condition({self._lock!r}, {len(self._line)})>"


def new_condition(backend: str, new_monitor: Callable[[], Monitor], lock: abc.Lock | None) -> Condition:
    """Make a condition over ``lock``, or over a new RLock.

    Raises:
        TypeError: ``lock`` is no Lock or RLock of this backend.
    """
    monitor = new_monitor()
    if lock is None:
        lock = _locks.RLock(new_monitor())
    if not isinstance(lock, _locks.Lock):
        raise TypeError(
            f"a Condition of backend {backend!r} needs a Lock or an RLock of the same backend, "
            f"not {type(lock).__module__}.{type(lock).__name__}; make it with ctx.Lock() or ctx.RLock(), or give none"
        )
    if not lock.belongs_with(monitor):
        raise TypeError(
            f"this {type(lock).__name__} belongs to another backend than the Condition, which is {backend!r}'s: who "
            "waits for one would not be seen by the other; make both with the same executor or context"
        )
    return Condition(monitor, lock)
