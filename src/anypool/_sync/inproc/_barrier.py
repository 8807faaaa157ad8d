"""Barrier: the standard library's state machine over a monitor.

::

    FILLING ──the last one comes──> ACTING ──action done──> DRAINING ──the last one leaves──> FILLING
       │ reset()                                                                                 ↑
       ├──────────> RESETTING ──the last one leaves──────────────────────────────────────────────┤
       └ abort(), a timeout, a death, or the action raises ──> BROKEN ──reset()──────────────────┘
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from threading import BrokenBarrierError, get_ident
from typing import Any

from anypool import abc
from anypool._core import pins
from anypool._sync.inproc._activity import ACTIVITIES, Terminated
from anypool._sync.inproc._monitor import Condition, Monitor

__all__ = ["Barrier"]

_FILLING, _ACTING, _DRAINING, _RESETTING, _BROKEN = range(5)


class Barrier(abc.Barrier):
    """A place where so many wait for one another."""

    def __init__(
        self,
        monitor: Monitor,
        parties: int,
        action: Callable[[], object] | None = None,
        timeout: float | None = None,
    ) -> None:
        try:
            parties = operator.index(parties)
        except TypeError:
            raise TypeError(f"parties must be an int, not {type(parties).__name__}") from None
        if parties < 1:
            raise ValueError(f"parties must be > 0, got {parties}")
        if action is not None and not callable(action):
            raise TypeError(f"action must be a callable or None, not {type(action).__name__}")
        self._monitor = monitor
        self._parties = parties
        self._action = action
        self._timeout = timeout
        self._state = _FILLING
        self._count = 0
        self._changed = Condition(monitor, "for the other parties at a Barrier")
        self._emptied = Condition(monitor, "for the last parties to leave a Barrier")

    def wait(self, timeout: float | None = None) -> int:
        """Wait until all parties are here; see ``anypool.abc.Barrier``."""
        activity = ACTIVITIES.get(get_ident())
        if activity is None:
            return self._wait(timeout)
        # One primitive from here to there, but for the action, which may be stopped like any other code of the user's.
        activity.enter()
        try:
            return self._wait(timeout)
        finally:
            activity.leave()

    def _wait(self, timeout: float | None) -> int:
        with self._monitor:
            self._emptied.wait_for(self._may_enter, None)
            if self._state == _BROKEN:
                raise BrokenBarrierError
            index = self._count
            self._count += 1
            last = self._count == self._parties
            if last:
                self._state = _ACTING
        try:
            if last:
                self._act()
            else:
                self._await_others(self._timeout if timeout is None else timeout)
            return index
        finally:
            with self._monitor:
                self._count -= 1
                if not self._count and self._state in (_DRAINING, _RESETTING):
                    self._state = _FILLING
                    self._emptied.notify_all()

    def _may_enter(self) -> bool:
        # Broken counts: whoever comes is told at once.
        return self._state in (_FILLING, _BROKEN)

    def _act(self) -> None:
        """Call the action and let all go. Outside of the critical section: it may use whatever it likes."""
        activity = ACTIVITIES.get(get_ident())
        depth = 0 if activity is None else activity.inside
        try:
            if self._action is not None:
                if activity is not None:
                    activity.leave()
                self._action()
                if activity is not None:
                    activity.inside = depth
        except BaseException:
            if activity is not None:
                activity.inside = depth
            self.abort()
            raise
        with self._monitor:
            if self._state != _ACTING:  # aborted or reset by the action or meanwhile
                raise BrokenBarrierError
            self._state = _DRAINING
            self._changed.notify_all()

    def _await_others(self, timeout: float | None) -> None:
        try:
            with self._monitor:
                if not self._changed.wait_for(self._is_over, timeout) and self._state == _FILLING:
                    self._break()
                # All are here, and only the action is not done: it is too late for a timeout.
                self._changed.wait_for(self._is_over, None)
                if self._state != _DRAINING:
                    raise BrokenBarrierError
        except Terminated:
            with self._monitor:
                if self._state in (_FILLING, _ACTING):
                    self._break()  # P4: it will never come again, so the others wait in vain
            raise

    def _is_over(self) -> bool:
        return self._state not in (_FILLING, _ACTING)

    def reset(self) -> None:
        """Make it as new; who waits gets ``BrokenBarrierError``."""
        with self._monitor:
            if self._count and self._state != _DRAINING:
                self._state = _RESETTING
            elif not self._count:
                self._state = _FILLING
                self._emptied.notify_all()
            self._changed.notify_all()

    def abort(self) -> None:
        """Break it: who waits, and who comes, gets ``BrokenBarrierError``."""
        with self._monitor:
            self._break()

    def _break(self) -> None:
        self._state = _BROKEN
        self._changed.notify_all()
        self._emptied.notify_all()

    @property
    def parties(self) -> int:
        """How many it takes."""
        return self._parties

    @property
    def n_waiting(self) -> int:
        """How many wait."""
        if self._state == _FILLING:
            if self._count < self._parties:
                self._monitor.relax()
            return self._count if self._state == _FILLING else 0
        return 0

    @property
    def broken(self) -> bool:
        """Whether it is broken."""
        if self._state != _BROKEN:
            self._monitor.relax()
        return self._state == _BROKEN

    def __reduce__(self) -> tuple[Any, ...]:
        return pins.refer(self)

    def __repr__(self) -> str:
        state = "broken" if self._state == _BROKEN else f"waiters={self._count}/{self._parties}"
        return f"<Barrier at {id(self):#x}: {state}>"
