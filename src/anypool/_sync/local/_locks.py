"""Lock and RLock: named POSIX semaphores whose holder is on record, so that its death is noticed (P4, P5).

::

    acquire --C, counts in this process's card--> taken
       └ taken by others: sleep a slice in the system --> look at the cards --> the holder is dead: HolderDied
"""

from __future__ import annotations

import os
import threading
import weakref
from _multiprocessing import SemLock  # type: ignore[import-not-found]  # the C module has no stub
from collections import deque
from collections.abc import Callable
from time import monotonic, monotonic_ns
from types import TracebackType
from typing import Any

from anypool import abc
from anypool._sync.local import _card_file, _cards, _domain, _held, _names, _recovery, _semlocks

__all__ = ["Lock", "RLock", "new_lock", "new_rlock"]

#: Locks are mostly held for microseconds: to try again is cheaper than to sleep and be woken.
_TRIES = 30
#: Seconds of a sleep in the system: the first, the longest, and where a dead holder is suspected.
_FIRST, _LONGEST, _ROUSED = 0.02, 0.5, 0.01


class _Owned(_semlocks.Semlocked):
    """What Lock and RLock share."""

    __slots__ = ("_drop", "_entry", "_guard", "_sleepers", "_suspicion", "_try", "release")
    release: Callable[[], None]  # mostly C's own

    _kind = _held.MUTEX

    def __init__(self, semlock: SemLock, path: str, name: _names.Name | None) -> None:
        super().__init__(semlock, path, name)
        if _leftover:
            _forget_leftovers()
        card = _cards.own_card(path.rpartition("/")[0])
        self._entry = card.entry(_card_file.number_of(path))
        held = _held.take(self._entry, semlock, self._kind, _domain.semaphore_name(path))
        # Straight to C. An acquire needs one step in Python, for what can only be done between two waits.
        self._try = held.acquire
        self._drop = held.release
        self._sleepers: dict[int, int] = {}
        self._guard = threading.Lock()
        self._suspicion = _recovery.Suspicion(path)
        _semlocks.LIVING[id(held)] = self

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take the lock; see ``anypool.abc.Lock``."""
        return self._try(False) or self._contend(block, timeout)

    def __enter__(self) -> bool:
        return self._try(False) or self._contend(True, None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._drop()

    def _contend(self, block: bool, timeout: float | None) -> bool:
        """Wait in slices, and look between them whether the holder is dead."""
        if block:
            for _ in range(_TRIES):
                if self._try(False):
                    return True
        pause = _FIRST
        deadline = None if timeout is None else monotonic() + timeout
        while block:
            left = pause if deadline is None else deadline - monotonic()
            if left <= 0:
                break
            if self._sleep(min(pause, left)):
                return True
            self._look()
            pause = _ROUSED if self._suspicion.roused else min(pause * 2, _LONGEST)
        self._look()  # somebody who never waits must find out too
        return False

    def _sleep(self, seconds: float) -> bool:
        me = threading.get_ident()
        with self._guard:
            self._sleepers[me] = monotonic_ns()
            self._entry.waits_since(min(self._sleepers.values()))
        try:
            taken: bool = self._try(True, seconds)
            return taken
        finally:
            with self._guard:
                del self._sleepers[me]
                self._entry.waits_since(min(self._sleepers.values(), default=0))

    def _look(self) -> None:
        who = self._suspicion.look(self._semlock._is_zero, self._semlock.release)
        if who is not None:
            raise _recovery.died(type(self).__name__, who)

    def is_mine(self) -> bool:
        """Tell whether the calling thread has it: for a Condition."""
        mine: bool = self._drop.__self__._is_mine()
        return mine

    def release_all(self) -> int:
        """Let it go as often as it was taken, and give how often that was."""
        depth: int = self._drop.__self__._count()
        for _ in range(depth):
            self._drop()
        return depth

    def holder(self) -> abc.Holder | None:
        """Tell which process has it at this moment, and the task that runs there."""
        return _recovery.holder(self._path) if self._semlock._is_zero() else None

    def _method_owner(self) -> Any:
        return self._drop.__self__

    def _state(self) -> str:
        held = self._drop.__self__
        if held._is_mine():
            from multiprocessing.process import current_process

            owner = current_process().name
            if threading.current_thread() is not threading.main_thread():
                owner = f"{owner}|{threading.current_thread().name}"
        elif not held._is_zero():
            owner = "None"
        else:
            owner = "SomeOtherThread" if held._count() > 0 else "SomeOtherProcess"
        return f"owner={owner}"

    def __del__(self) -> None:
        entry: _cards.Entry | None = getattr(self, "_entry", None)
        if entry is None:
            return  # __init__ failed
        semlock = self._semlock
        self._try = self._drop = self.release = _nothing
        if _held.is_unused(entry):
            entry.card.forget(entry)
        else:  # somebody kept a bound method, or the lock is taken: the entry has to stay
            _leftover.append((semlock, entry))


def _nothing(*_: object) -> Any:
    """Stand where a method of a C object was."""


#: Semaphores that are still in use although their locks were collected, with their places in the card.
_leftover: deque[tuple[SemLock, _cards.Entry]] = deque()


def _forget_leftovers() -> None:
    """Look at a few of them again, so that none stays for ever because its lock went before somebody's method of it."""
    for _ in range(min(4, len(_leftover))):
        semlock, entry = _leftover.popleft()
        if _held.is_unused(entry):
            entry.card.forget(entry)
        else:
            _leftover.append((semlock, entry))


class Lock(_Owned):
    """A lock of this machine; anybody may release it.

    A release by somebody else than the taker is put on record, so that the taker's death is not mistaken for the
    holder's. In a process whose first release was of its own taking, ``release`` is C from then on, and not checked:
    should such a process release the lock for another one later, ``holder()`` can be wrong, and that other one's death
    can be taken for the holder's. Use a ``Semaphore`` where one process takes and another one gives.
    """

    __slots__ = ()

    def __init__(self, semlock: SemLock, path: str, name: _names.Name | None) -> None:
        super().__init__(semlock, path, name)
        self.release = _FirstRelease(self)


class _FirstRelease:
    """``lock.release`` until it is C's own. It must not hold its lock, which holds it."""

    __slots__ = ("_drop", "_entry", "_lock", "_path", "_semlock")

    def __init__(self, lock: Lock) -> None:
        self._lock = weakref.ref(lock)
        self._drop, self._entry, self._semlock, self._path = lock._drop, lock._entry, lock._semlock, lock._path

    def __call__(self) -> None:
        if self._entry.count <= 0:
            self._release_for_another()
            return
        self._drop()
        lock = self._lock()
        if lock is not None and not self._entry.has_released_for_another:
            lock.release = self._drop

    def _release_for_another(self) -> None:
        card = next((one.card for one in _recovery.entries(self._path) if one.balance > 0), None)
        self._semlock.release()
        # Behind the release: the other way round, somebody who is killed in between makes a living holder look as if
        # it had nothing.
        if card is not None:
            self._entry.released_for(_card_file.number_of(card))

    def __reduce__(self) -> tuple[Any, ...]:
        lock = self._lock()
        if lock is None:
            raise ReferenceError("the Lock of this release method was collected; keep a reference to the Lock")
        return (getattr, (lock, "release"))


class RLock(_Owned, abc.RLock):
    """A recursive lock of this machine; one thread of one process owns it."""

    __slots__ = ()
    _kind = _held.RECURSIVE

    def __init__(self, semlock: SemLock, path: str, name: _names.Name | None) -> None:
        super().__init__(semlock, path, name)
        self.release = self._drop

    def _state(self) -> str:
        return f"{super()._state()}, count={self._drop.__self__._count()}"


def new_lock(names: _names.Names) -> Lock:
    """Make a lock."""
    return _semlocks.make(Lock, names, 1, 1)


def new_rlock(names: _names.Names) -> RLock:
    """Make a recursive lock."""
    return _semlocks.make(RLock, names, 1, 1)


def _after_fork() -> None:
    for lock in list(_semlocks.LIVING.values()):
        if isinstance(lock, _Owned):
            lock._guard = threading.Lock()
            lock._sleepers = {}
            lock._drop.__self__._after_fork()


# TEMPORARY for files that are being rewritten
from anypool._sync.local._semaphores import Semaphore, new_semaphore  # noqa: E402, F401

os.register_at_fork(after_in_child=_after_fork)
