"""Condition: a Lock or RLock, and a table of those who wait."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from anypool import abc
from anypool._sync.local import _locks, _names, _waiters
from anypool.errors import HolderDied

__all__ = ["Condition", "new_condition"]

_NOTIFIED = 2


class Condition(abc.Condition):
    """A condition variable of this machine."""

    def __init__(self, lock: _locks.Lock | _locks.RLock, waiters: _waiters.Waiters) -> None:
        self._lock = lock
        self._waiters = waiters
        self.acquire = lock.acquire  # type: ignore[method-assign]
        self.release = lock.release  # type: ignore[method-assign]

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        raise NotImplementedError  # the instance's attribute stands before it

    def release(self) -> None:
        raise NotImplementedError  # the instance's attribute stands before it

    def __enter__(self) -> bool:
        return self._lock.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._lock.__exit__(kind, error, trace)

    def wait(self, timeout: float | None = None) -> bool:
        """Let the lock go, wait to be notified, and take the lock again; see ``anypool.abc.Condition``."""
        assert self._lock.is_mine(), "must acquire() condition before using wait()"
        place = self._waiters.enter()
        depth = self._lock.release_all()
        died: HolderDied | None = None
        try:
            self._waiters.sleep(place, timeout)
        finally:
            died = self._take_again(depth)
            said = self._waiters.leave(place)
        if died is not None:
            raise died
        return said == _NOTIFIED

    def _take_again(self, depth: int) -> HolderDied | None:
        """Take the lock ``depth`` times, whatever happened to whoever had it."""
        died = None
        while depth:
            try:
                self._lock.acquire()
                depth -= 1
            except HolderDied as error:
                died = error
        return died

    def notify(self, n: int = 1) -> None:
        """Wake at most ``n`` waiters, never one that has died."""
        assert self._lock.is_mine(), "lock is not owned"
        if n > 0:
            self._waiters.wake(n, _NOTIFIED)

    def notify_all(self) -> None:
        """Wake all who wait."""
        assert self._lock.is_mine(), "lock is not owned"
        self._waiters.wake(None, _NOTIFIED)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_attach, (self._lock, _waiters.share(self._waiters)))

    def __repr__(self) -> str:
        return f"<Condition({self._lock!r}, {self._waiters.count()})>"


def new_condition(names: _names.Names, lock: abc.Lock | None) -> Condition:
    """Make a condition over ``lock``, or over a new RLock."""
    if lock is None:
        lock = _locks.new_rlock(names)
    if not isinstance(lock, (_locks.Lock, _locks.RLock)):
        raise TypeError(
            f"a Condition needs a Lock or an RLock of the same backend, not {type(lock).__module__}."
            f"{type(lock).__qualname__}; make it with the same executor or context, or give none"
        )
    return Condition(lock, _waiters.new_waiters(names))


def _attach(lock: _locks.Lock | _locks.RLock, path: str) -> Condition:
    return Condition(lock, _waiters.attach(path))
