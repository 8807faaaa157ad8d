"""Semaphore and BoundedSemaphore. Places that a dead process had taken stay taken: others may release them."""

from __future__ import annotations

import os
from _multiprocessing import SemLock  # type: ignore[import-not-found]  # the C module has no stub
from collections.abc import Callable
from types import TracebackType

from anypool import abc
from anypool._sync.local import _names, _semlocks

__all__ = ["BoundedSemaphore", "Semaphore", "new_bounded", "new_semaphore"]


class Semaphore(_semlocks.Semlocked, abc.Semaphore):
    """A counter of free places on this machine.

    A place has no owner: whoever likes may release it. So nobody can tell which places a dead process had taken, and
    they stay taken until somebody releases them.
    """

    __slots__ = ("acquire", "release")
    acquire: Callable[..., bool]
    release: Callable[[], None]

    def __init__(self, semlock: SemLock, path: str, name: _names.Name | None) -> None:
        super().__init__(semlock, path, name)
        # Straight to C: a Python method in between would double the time of an uncontended acquire.
        self.acquire = semlock.acquire
        self.release = semlock.release
        _semlocks.LIVING[id(semlock)] = self

    def get_value(self) -> int:
        """Give the number of free places."""
        value: int = self._semlock._get_value()
        return value

    def __enter__(self) -> bool:
        taken: bool = self._semlock.__enter__()
        return taken

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._semlock.__exit__(kind, error, trace)

    def _method_owner(self) -> SemLock:
        return self._semlock

    def _state(self) -> str:
        return f"value={self.get_value()}"


class BoundedSemaphore(Semaphore):
    """A semaphore that refuses a release too many with ``ValueError``."""

    __slots__ = ()

    def _state(self) -> str:
        return f"{super()._state()}, maxvalue={self._semlock.maxvalue}"


def new_semaphore(names: _names.Names, value: int = 1) -> Semaphore:
    """Make a semaphore with ``value`` free places."""
    return _semlocks.make(Semaphore, names, _checked(value), SemLock.SEM_VALUE_MAX)


def new_bounded(names: _names.Names, value: int = 1) -> BoundedSemaphore:
    """Make a semaphore with ``value`` free places and never more."""
    return _semlocks.make(BoundedSemaphore, names, _checked(value), value)


def _checked(value: int) -> int:
    if value < 0:
        raise ValueError(f"semaphore initial value must be >= 0, got {value}")
    if value > SemLock.SEM_VALUE_MAX:
        raise ValueError(f"semaphore initial value must be <= {SemLock.SEM_VALUE_MAX}, got {value}")
    return value


def _after_fork() -> None:
    # What a thread of the parent counts as taken, the child has not taken.
    for lock in list(_semlocks.LIVING.values()):
        if isinstance(lock, Semaphore):
            lock._semlock._after_fork()


os.register_at_fork(after_in_child=_after_fork)
