"""What locks and semaphores have in common: a named POSIX semaphore that any process opens again by its name."""

from __future__ import annotations

import copyreg
import os
import weakref
from _multiprocessing import SemLock  # type: ignore[import-not-found]  # the C module has no stub
from collections.abc import Callable
from typing import Any, TypeVar

from anypool import abc
from anypool._sync.local import _domain, _names

__all__ = ["LIVING", "Semlocked", "attach", "make"]

#: The locks of this process by the ids of their C objects.
LIVING: weakref.WeakValueDictionary[int, Semlocked] = weakref.WeakValueDictionary()


class Semlocked(abc.Lock):
    """A primitive with one semaphore, its name, and the way back from a pickle."""

    __slots__ = ("__weakref__", "_name", "_path", "_semlock")

    def __init__(self, semlock: SemLock, path: str, name: _names.Name | None) -> None:
        self._semlock = semlock
        self._path = path
        self._name = name

    def locked(self) -> bool:
        """Tell whether it is taken at this moment."""
        taken: bool = self._semlock._is_zero()
        return taken

    def __reduce__(self) -> tuple[Any, ...]:
        if self._name is not None:
            self._name.share()
        return (attach, (type(self), self._path, self._semlock.maxvalue))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self._state()})>"

    def _state(self) -> str:
        raise NotImplementedError


B = TypeVar("B", bound=Semlocked)
#: The C type's kind that does not ask who releases.
_SEMAPHORE = 1


def make(cls: type[B], names: _names.Names, value: int, maxvalue: int) -> B:
    """Make a primitive with a new semaphore."""

    def create(path: str) -> SemLock:
        # The marker comes first: with it a sweeper finds the semaphore wherever the system keeps them.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            return SemLock(_SEMAPHORE, value, maxvalue, _domain.semaphore_name(path), False)
        except BaseException:
            os.unlink(path)
            raise

    name, semlock = names.create(".sem", create)
    return _names.register(name.path, cls(semlock, name.path, name))


def attach(cls: type[B], path: str, maxvalue: int) -> B:
    """Give this process's object for the semaphore whose marker is ``path``."""
    opener: Callable[[str], B] = lambda path: cls(  # noqa: E731
        SemLock._rebuild(0, _SEMAPHORE, maxvalue, _domain.semaphore_name(path)), path, None
    )
    return _names.attach(cls.__name__, path, opener)


def _reduce_semlock(semlock: SemLock) -> tuple[Any, ...]:
    # ``ex.submit(lock.release)`` pickles a method of the C object, which travels as its lock does.
    owner = LIVING.get(id(semlock))
    if owner is None:
        raise TypeError("cannot pickle '_multiprocessing.SemLock' object")
    return (_semlock_of, (owner,))


def _semlock_of(lock: Any) -> SemLock:
    return lock._method_owner()


copyreg.pickle(SemLock, _reduce_semlock)
