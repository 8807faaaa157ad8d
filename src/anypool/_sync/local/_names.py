"""Who removes a name: its primitive's collection if it was never pickled, otherwise the end of its context.

Once a primitive was pickled, nobody can know who will still attach to it, so its name stays until the context is closed
or the domain ends. Whoever is attached by then goes on.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from anypool._sync.local import _domain

__all__ = ["Name", "Names", "attach", "gone", "register"]

T = TypeVar("T")


class Names:
    """The names that one context made."""

    def __init__(self) -> None:
        # No WeakSet: it cannot be copied while another thread adds to it; set.copy() is one step.
        self._made: set[weakref.ref[Name]] = set()
        self._kept: set[Name] = set()
        self.closed = False
        _groups.add(weakref.ref(self, _groups.discard))

    def create(self, suffix: str, make: Callable[[str], T]) -> tuple[Name, T]:
        """Make something with a new name in the domain."""
        if self.closed:
            raise RuntimeError("cannot make a primitive after its executor or context was closed")
        path, made = _domain.create(suffix, make)
        name = Name(path, self)
        self._made.add(weakref.ref(name, self._made.discard))
        return name, made

    def keep(self, name: Name) -> None:
        """Keep the name whether its primitive lives or not."""
        self._kept.add(name)
        if not self.closed:
            _holding.add(self)

    def keep_all(self) -> None:
        """Keep what exists now, because a fork is about to take copies of it."""
        for reference in self._made.copy():
            name = reference()
            if name is not None:
                self.keep(name)

    def close(self) -> None:
        """Remove all."""
        self.closed = True
        self.keep_all()
        while self._kept:
            self._kept.pop().remove()
        _holding.discard(self)
        cards = sys.modules.get("anypool._sync.local._card_file")
        if cards is not None:
            cards.sweep(_domain.current_path())
        if not any(group is not None and not group.closed for group in [reference() for reference in _groups.copy()]):
            # What is left was made by workers, which nobody of this family can be waiting for any more.
            _domain.clear()


class Name:
    """A file that this process made in the domain, with a semaphore where its suffix is ``.sem``."""

    __slots__ = ("__weakref__", "_group", "_pid", "path")

    def __init__(self, path: str, group: Names) -> None:
        self.path = path
        self._group = group
        self._pid: int | None = os.getpid()

    def share(self) -> None:
        """Say that somebody who is not known here may come to use the name."""
        self._group.keep(self)

    def remove(self) -> None:
        """Remove the name, once; not in a fork of the process that made it."""
        if self._pid == os.getpid():
            self._pid = None
            _domain.unlink(self.path)

    def __del__(self, finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        # Late at exit the functions that this needs are gone, and so is the domain.
        if not finalizing() and self not in self._group._kept:
            self.remove()


_groups: set[weakref.ref[Names]] = set()
#: Contexts that were not closed and have names that may be in use somewhere, although they themselves are forgotten.
_holding: set[Names] = set()

# A primitive that is attached twice must be one object here: an RLock counts its owner's acquisitions in the object,
# and the thread's half of a mutex is in it.
_attached: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
_lock = threading.RLock()


def register(path: str, made: T) -> T:
    """Remember what this process made, so that unpickling it here gives the same object."""
    _attached[path] = made
    return made


def attach(kind: str, path: str, make: Callable[[str], T]) -> T:
    """Give this process's object for the name, made by ``make`` if there is none yet.

    Raises:
        FileNotFoundError: the name is gone; the message says why that may be.
    """
    found: T | None = _attached.get(path)
    if found is not None:
        return found
    with _lock:
        again: T | None = _attached.get(path)  # another thread may have been faster
        if again is not None:
            return again
        _domain.cover(path)
        try:
            made = make(path)
        except FileNotFoundError:
            raise gone(kind, path) from None
        return register(path, made)


def gone(kind: str, path: str) -> FileNotFoundError:
    """Make the error for a name that does not exist any more."""
    return FileNotFoundError(
        f"this {kind} no longer exists ({path}): the executor or context that made it was closed, or the program that "
        f"made it has ended. Keep it open for as long as other processes may still unpickle it."
    )


def _before_fork() -> None:
    for reference in _groups.copy():
        group = reference()
        if group is not None:
            group.keep_all()


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()  # another thread of the parent may have held it


os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
