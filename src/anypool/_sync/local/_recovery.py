"""Decides, for somebody who waits for a lock, whether its holder is dead, and then opens the lock (P4).

A lock is *stuck* while its semaphore is taken and no living process's card shows it as held. That may be so for a
moment in any case: between the semaphore and the count there are a few instructions of C, and after a wait also the
time until the waiter's thread gets the interpreter's lock. So it has to be stuck at many looks in a row, and every
living process that waits for it must have begun its present wait after the first of them: none has it without knowing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from time import monotonic_ns
from typing import NamedTuple

from anypool._sync.local import _card_file
from anypool._sync.local._card_file import Seen
from anypool.abc import Holder
from anypool.errors import HolderDied

__all__ = ["Suspicion", "died", "entries", "holder"]

#: How many looks in a row, and how many nanoseconds between the first and the last: with a dead process's card that
#: shows the lock as held, and without one, when it must have been killed between two instructions.
_LOOKS, _SPAN = 8, 80_000_000
_RARE_LOOKS, _RARE_SPAN = 40, 3_000_000_000
#: The shortest time between two looks of one process, in nanoseconds.
_PAUSE, _PAUSE_ROUSED = 20_000_000, 5_000_000


class _Stuck(NamedTuple):
    """A dead process's entry that may be the reason, and whether it shows the lock as held."""

    suspect: Seen
    shown: bool


class Suspicion:
    """What the waiters of this process have seen so far of one lock."""

    __slots__ = ("_first", "_last", "_lock", "_looks", "_path", "_recoveries")

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = _card_file.number_of(path)
        self._looks = 0
        self._first = 0
        self._last = 0
        self._recoveries = 0

    @property
    def roused(self) -> bool:
        """Whether the lock was stuck at the last look, so that the next one should come soon."""
        return self._looks > 0

    def look(self, is_taken: Callable[[], bool], reopen: Callable[[], None]) -> Holder | None:
        """Look, unless somebody has just looked. If the holder is dead, open the lock and tell who it was."""
        now = monotonic_ns()
        if now - self._last < (_PAUSE_ROUSED if self._looks else _PAUSE):
            return None
        self._last = now
        seen = entries(self._path)
        stuck = _stuck(seen) if is_taken() else None
        if stuck is None:
            self._looks = 0
            return None
        if not self._looks:
            self._first = now
            self._recoveries = self._read_recoveries()
        self._looks += 1
        looks, span = (_LOOKS, _SPAN) if stuck.shown else (_RARE_LOOKS, _RARE_SPAN)
        if self._looks < looks or now - self._first < span:
            return None
        if any(0 < one.waits_since <= self._first and _card_file.is_alive(one.card) for one in seen):
            return None
        self._looks = 0
        return self._recover(stuck.suspect, is_taken, reopen)

    def _recover(self, suspect: Seen, is_taken: Callable[[], bool], reopen: Callable[[], None]) -> Holder | None:
        try:
            marker = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:  # the context was closed
            return None
        try:
            # One at a time; if the one is killed in here, the next one goes on.
            fcntl.flock(marker, fcntl.LOCK_EX)
            # Somebody else who recovered meanwhile may have found the same death, under another card that looks like
            # it. What was seen before that means nothing any more.
            if self._read_recoveries() != self._recoveries or not is_taken():
                return None
            who = _card_file.holder_of(suspect.card)
            # First these two, and then the semaphore: the other way round a lock that is held could be opened later.
            os.pwrite(marker, (self._recoveries + 1).to_bytes(8, _card_file.BYTE_ORDER), 0)
            if not _card_file.strike(suspect):
                return None
            reopen()
            return who
        finally:
            os.close(marker)

    def _read_recoveries(self) -> int:
        """Read how often this lock was opened for a dead holder: it is all that is in the semaphore's marker file."""
        try:
            marker = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return -1
        try:
            return int.from_bytes(os.pread(marker, 8, 0), _card_file.BYTE_ORDER)
        finally:
            os.close(marker)


def _stuck(seen: list[Seen]) -> _Stuck | None:
    suspect: Seen | None = None
    for one in seen:
        if one.balance > 0:
            if _card_file.is_alive(one.card):
                return None
            suspect = one
    if suspect is not None:
        return _Stuck(suspect, shown=True)
    for one in seen:
        if not _card_file.is_alive(one.card):
            return _Stuck(one, shown=False)
    return None


def entries(path: str) -> list[Seen]:
    """Read what all cards say of the lock at ``path``."""
    return _card_file.scan(path.rpartition("/")[0], _card_file.number_of(path))


def holder(path: str) -> Holder | None:
    """Tell whose card shows the lock at ``path`` as held; a living process's before a dead one's."""
    dead = None
    for one in entries(path):
        if one.balance > 0:
            if _card_file.is_alive(one.card):
                return _card_file.holder_of(one.card)
            dead = one.card
    return None if dead is None else _card_file.holder_of(dead)


def died(kind: str, who: Holder) -> HolderDied:
    """Make the error for the waiter that found out."""
    task = f", in task {who.task_name!r} (id {who.task_id})" if who.task_name else ""
    return HolderDied(
        f"the process {who.name} (pid {who.pid} on {who.host}{task}) ended while it held this {kind}. The {kind} is "
        f"free again and you do not have it; what it guards may be half done. Check or mend that, then take the {kind} "
        "as usual",
        kind=kind,
        name=who.name,
        pid=who.pid,
        host=who.host,
        task_name=who.task_name,
        task_id=who.task_id,
    )
