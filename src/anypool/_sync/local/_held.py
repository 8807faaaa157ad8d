"""Locks whose state outlives their process: the C object of ``multiprocessing``'s locks, laid into a card's entry.

``_multiprocessing.SemLock`` counts, in C and within its own object, how often its process has taken the semaphore.
With the object in memory that others can read, they see after the process's death what it held, and an acquire costs
hardly more than in ``multiprocessing``. To note the same in Python, at every acquire and release, took two and a half
times as long.
"""

from __future__ import annotations

import ctypes
import functools
import struct
import threading
from _multiprocessing import SemLock  # type: ignore[import-not-found]  # the C module has no stub
from typing import Any

from anypool._sync.local import _card_file, _cards

__all__ = ["MUTEX", "RECURSIVE", "is_unused", "take"]

# The C type's kinds.
RECURSIVE = 0
MUTEX = 1

#: The references that an object in a card has from the beginning, so that it is never collected.
_BASE = 1 << 28

#: SemLock's struct on CPython with the GIL: references, type, semaphore, thread, count, maximum, kind, name.
_LAYOUT = struct.Struct("@nPPLiiiP")


@functools.cache
def _is_known_layout() -> bool:
    """Tell whether the C object looks as we know it: on another interpreter it may not."""
    probe = SemLock(RECURSIVE, 1, 1, _probe_name(), True)
    if SemLock.__basicsize__ != _LAYOUT.size or _LAYOUT.size + _card_file.OBJECT_OFFSET > 128:
        return False
    probe.acquire()
    probe.acquire()
    seen = _LAYOUT.unpack(ctypes.string_at(id(probe), _LAYOUT.size))
    probe.release()
    probe.release()
    expected = (id(SemLock), probe.handle, threading.get_ident(), 2, 1, RECURSIVE)
    return seen[1:7] == expected


def _probe_name() -> str:
    from anypool._sync.local._domain import new_token

    return f"/anypool-{new_token()}"


def take(entry: _cards.Entry, real: SemLock, kind: int, name: str) -> Any:
    """Give the object that acquires and releases a semaphore and counts in ``entry``.

    Args:
        entry: where.
        real: the semaphore as this process has opened it; it must live as long as what this gives.
        kind: ``MUTEX`` or ``RECURSIVE``.
        name: the semaphore's name.
    """
    address = entry.address + _card_file.OBJECT_OFFSET
    if not _is_known_layout():
        ctypes.memset(address, 0, _LAYOUT.size)
        return _Recorded(entry, SemLock._rebuild(0, kind, 1, name))
    fields = list(_LAYOUT.unpack(ctypes.string_at(id(real), _LAYOUT.size)))
    fields[0], fields[3], fields[4], fields[6], fields[7] = _BASE, 0, 0, kind, 0
    # The collector's own two words before the object say: not tracked.
    ctypes.memset(address - 16, 0, 16)
    ctypes.memmove(address, _LAYOUT.pack(*fields), _LAYOUT.size)
    return ctypes.cast(address, ctypes.py_object).value


def is_unused(entry: _cards.Entry) -> bool:
    """Tell whether nothing refers to the entry's object, a bound method that somebody kept included, nor holds it."""
    if entry.count != 0:
        return False
    references: int = ctypes.c_ssize_t.from_address(entry.address + _card_file.OBJECT_OFFSET).value
    return references in (0, _BASE)  # 0: there is no C object


class _Recorded:
    """The same in Python, for an interpreter whose C object is not as we know it: slower, and a little less exact."""

    __slots__ = ("_add", "_after_fork", "_count", "_guard", "_is_mine", "_is_zero", "_semlock")

    def __init__(self, entry: _cards.Entry, semlock: SemLock) -> None:
        self._semlock = semlock
        self._guard = threading.Lock()
        self._add = entry.add
        self._is_mine = semlock._is_mine
        self._is_zero = semlock._is_zero
        self._count = semlock._count
        self._after_fork = semlock._after_fork

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        if not self._semlock.acquire(block, timeout):
            return False
        with self._guard:
            self._add(1)
        return True

    def release(self) -> None:
        self._semlock.release()
        with self._guard:
            self._add(-1)
