"""Lock, RLock, Semaphore and BoundedSemaphore: named POSIX semaphores that any process opens again by their name.

The C type of ``multiprocessing`` does the work, and its methods are the object's own attributes, so an uncontended
acquire and release cost what they cost there.
"""

from __future__ import annotations

import copyreg
import os
import weakref
from _multiprocessing import SemLock  # type: ignore[import-not-found]  # the C module has no stub
from types import TracebackType
from typing import Any, TypeVar

from anypool import abc
from anypool._sync.local import _domain, _names

__all__ = ["BoundedSemaphore", "Lock", "RLock", "Semaphore", "new_bounded", "new_lock", "new_rlock", "new_semaphore"]

# The C type's kinds.
_RECURSIVE = 0
_SEMAPHORE = 1

#: The locks of this process by the ids of their C objects.
_living: weakref.WeakValueDictionary[int, _Base] = weakref.WeakValueDictionary()


class _Base(abc.Lock):
    """What all four share: the C object, its name, and the way back from a pickle."""

    _kind = _SEMAPHORE

    def __init__(self, semlock: SemLock, path: str, name: _names.Name | None) -> None:
        self._semlock = semlock
        self._path = path
        self._name = name
        # Straight to C: a Python method in between would double the time of an uncontended acquire.
        self.acquire = semlock.acquire  # type: ignore[method-assign]
        self.release = semlock.release  # type: ignore[method-assign]
        _living[id(semlock)] = self

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        raise NotImplementedError  # the instance's attribute stands before it

    def release(self) -> None:
        raise NotImplementedError  # the instance's attribute stands before it

    def __enter__(self) -> bool:
        taken: bool = self._semlock.__enter__()
        return taken

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._semlock.__exit__(kind, error, trace)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._name is not None:
            self._name.share()
        return (_attach, (type(self), self._path, self._semlock.maxvalue))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self._state()})>"

    def _state(self) -> str:
        semlock = self._semlock
        if semlock._is_mine():
            from multiprocessing.process import current_process

            owner = current_process().name
        elif not semlock._is_zero():
            owner = "None"
        else:
            owner = "SomeOtherThread" if semlock._count() > 0 else "SomeOtherProcess"
        return f"owner={owner}"


class Lock(_Base):
    """A lock of this machine; anybody may release it."""


class RLock(_Base, abc.RLock):
    """A recursive lock of this machine; one thread of one process owns it."""

    _kind = _RECURSIVE

    def _state(self) -> str:
        return f"{super()._state()}, count={self._semlock._count()}"


class Semaphore(_Base, abc.Semaphore):
    """A counter of free places on this machine. Places that a dead process held stay taken (others may release)."""

    def get_value(self) -> int:
        """Give the number of free places."""
        value: int = self._semlock._get_value()
        return value

    def _state(self) -> str:
        return f"value={self.get_value()}"


class BoundedSemaphore(Semaphore):
    """A semaphore that refuses a release too many with ``ValueError``."""

    def _state(self) -> str:
        return f"{super()._state()}, maxvalue={self._semlock.maxvalue}"


B = TypeVar("B", bound=_Base)


def _make(cls: type[B], names: _names.Names, value: int, maxvalue: int) -> B:
    def make(path: str) -> SemLock:
        # The marker comes first: with it a sweeper finds the semaphore wherever the system keeps them.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            return SemLock(cls._kind, value, maxvalue, _domain.semaphore_name(path), False)
        except BaseException:
            os.unlink(path)
            raise

    name, semlock = names.create(".sem", make)
    return _names.register(name.path, cls(semlock, name.path, name))


def _attach(cls: type[B], path: str, maxvalue: int) -> B:
    def make(path: str) -> B:
        semlock = SemLock._rebuild(0, cls._kind, maxvalue, _domain.semaphore_name(path))
        return cls(semlock, path, None)

    return _names.attach(cls.__name__, path, make)


def new_lock(names: _names.Names) -> Lock:
    """Make a lock."""
    return _make(Lock, names, 1, 1)


def new_rlock(names: _names.Names) -> RLock:
    """Make a recursive lock."""
    return _make(RLock, names, 1, 1)


def new_semaphore(names: _names.Names, value: int = 1) -> Semaphore:
    """Make a semaphore with ``value`` free places."""
    return _make(Semaphore, names, _checked(value), SemLock.SEM_VALUE_MAX)


def new_bounded(names: _names.Names, value: int = 1) -> BoundedSemaphore:
    """Make a semaphore with ``value`` free places and never more."""
    return _make(BoundedSemaphore, names, _checked(value), value)


def _checked(value: int) -> int:
    if value < 0:
        raise ValueError("semaphore initial value must be >= 0")
    if value > SemLock.SEM_VALUE_MAX:
        raise ValueError(f"semaphore initial value must be <= {SemLock.SEM_VALUE_MAX}")
    return value


def _after_fork() -> None:
    # The parent's thread that owned an RLock does not exist in the child.
    for lock in list(_living.values()):
        lock._semlock._after_fork()


def _reduce_semlock(semlock: SemLock) -> tuple[Any, ...]:
    # ``ex.submit(lock.release)`` pickles a method of the C object, which travels as its lock does.
    owner = _living.get(id(semlock))
    if owner is None:
        raise TypeError("cannot pickle '_multiprocessing.SemLock' object")
    return (_semlock_of, (owner,))


def _semlock_of(lock: _Base) -> SemLock:
    return lock._semlock


os.register_at_fork(after_in_child=_after_fork)
copyreg.pickle(SemLock, _reduce_semlock)
