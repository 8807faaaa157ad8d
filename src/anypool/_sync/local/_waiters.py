"""Those who wait for a Condition or at a Barrier: a table in a file, and for each place in it a semaphore to sleep on.

::

    table: one record a place: whose card | in which order | 0 free, 1 waits, else what the waker said
    waker, with the primitive's lock: record := what it says, post <token>.<place>.sem   --> sleeper looks at its record

Everything but sleeping needs the lock of the primitive. A dead sleeper is passed over and its place is free again;
``multiprocessing``'s ``notify`` would wait for it for ever. A waker that is killed between record and post costs its
sleeper at most ``_RECHECK`` seconds.
"""

from __future__ import annotations

import os
import struct
from _multiprocessing import SemLock  # type: ignore[import-not-found]  # the C module has no stub
from time import monotonic
from typing import NamedTuple

from anypool._sync.local import _card_file, _cards, _domain, _names

__all__ = ["WAITS", "Waiters", "attach", "new_waiters", "share"]

_RECORD = struct.Struct("=QQQ")
_STATE_AT = 16
_FREE = 0
#: A record's state while nobody has woken its sleeper. What a waker may say begins behind it.
WAITS = 1
_SEMAPHORE = 1

#: The longest sleep without a look at one's record, in seconds.
_RECHECK = 1.0


class _Record(NamedTuple):
    place: int
    card: int
    ticket: int
    state: int


class Waiters:
    """The table as this process has it open."""

    def __init__(self, path: str, name: _names.Name | None = None, *, create: bool = False) -> None:
        self.path = path
        self.name = name
        self._directory = path.rpartition("/")[0]
        self._fd = os.open(path, os.O_RDWR | (os.O_CREAT | os.O_EXCL if create else 0), 0o600)
        self._sleepers: dict[int, SemLock] = {}

    def enter(self) -> int:
        """Line up; give the place."""
        records = self._records()
        place = next((record.place for record in records if record.state == _FREE), len(records))
        ticket = 1 + max((record.ticket for record in records if record.state != _FREE), default=0)
        sleeper = self._sleeper(place)
        while sleeper.acquire(False):
            pass  # what was posted for somebody before us
        card = _cards.own_card(self._directory)
        os.pwrite(self._fd, _RECORD.pack(card.number, ticket, WAITS), place * _RECORD.size)
        return place

    def sleep(self, place: int, timeout: float | None) -> None:
        """Sleep until woken, for at most ``timeout`` seconds. Not with the lock."""
        sleeper = self._sleeper(place)
        deadline = None if timeout is None else monotonic() + timeout
        while self._state(place) == WAITS:
            left = _RECHECK if deadline is None else min(_RECHECK, deadline - monotonic())
            if left <= 0:
                return
            sleeper.acquire(True, left)

    def said(self, place: int) -> int:
        """Give what a waker said to the sleeper at ``place``, or ``WAITS``."""
        return self._state(place)

    def leave(self, place: int) -> int:
        """Give the place back; give what was said, or ``WAITS``."""
        state = self._state(place)
        os.pwrite(self._fd, _FREE.to_bytes(8, _card_file.BYTE_ORDER), place * _RECORD.size + _STATE_AT)
        return state

    def wake(self, number: int | None, say: int) -> int:
        """Wake the ``number`` who have waited longest (``None``: all), the living only; give how many there were."""
        woken = 0
        for record in self._waiting():
            if number is not None and woken >= number:
                break
            os.pwrite(self._fd, say.to_bytes(8, _card_file.BYTE_ORDER), record.place * _RECORD.size + _STATE_AT)
            self._sleeper(record.place).release()
            woken += 1
        return woken

    def count(self) -> int:
        """Give the number of the living that wait."""
        return len(self._waiting())

    def bury(self) -> int:
        """Free the places of the dead that waited; give how many there were."""
        before = sum(record.state == WAITS for record in self._records())
        return before - self.count()

    def _waiting(self) -> list[_Record]:
        """Give the records of the living that wait, in their order; free the places of the dead."""
        waiting = []
        alive: dict[int, bool] = {}
        for record in self._records():
            if record.state == _FREE:
                continue
            if record.card not in alive:
                alive[record.card] = _card_file.is_alive(_card_file.path_of(self._directory, record.card))
            if not alive[record.card]:
                self.leave(record.place)
            elif record.state == WAITS:
                waiting.append(record)
        return sorted(waiting, key=lambda record: record.ticket)

    def _records(self) -> list[_Record]:
        table = os.pread(self._fd, os.fstat(self._fd).st_size, 0)
        return [_Record(place, *fields) for place, fields in enumerate(_RECORD.iter_unpack(table))]

    def _state(self, place: int) -> int:
        return int.from_bytes(os.pread(self._fd, 8, place * _RECORD.size + _STATE_AT), _card_file.BYTE_ORDER)

    def _sleeper(self, place: int) -> SemLock:
        """Open the semaphore of a place, or make it."""
        found = self._sleepers.get(place)
        if found is None:
            marker = f"{self.path.removesuffix('.waiters')}.{place}.sem"
            name = _domain.semaphore_name(marker)
            try:
                os.close(os.open(marker, os.O_CREAT | os.O_WRONLY, 0o600))
                found = SemLock(_SEMAPHORE, 0, SemLock.SEM_VALUE_MAX, name, False)
            except FileExistsError:
                found = SemLock._rebuild(0, _SEMAPHORE, SemLock.SEM_VALUE_MAX, name)
            except FileNotFoundError:
                raise _names.gone("Condition or Barrier", self.path) from None
            self._sleepers[place] = found
        return found

    def __del__(self) -> None:
        fd = getattr(self, "_fd", -1)  # open() may have failed
        if fd >= 0:
            os.close(fd)


def new_waiters(names: _names.Names) -> Waiters:
    """Make a table with nobody in it."""
    name, waiters = names.create(".waiters", lambda path: Waiters(path, create=True))
    waiters.name = name
    return _names.register(name.path, waiters)


def attach(path: str) -> Waiters:
    """Give this process's object for the table at ``path``."""
    return _names.attach("Condition or Barrier", path, Waiters)


def share(waiters: Waiters) -> str:
    """Say that the table is about to be pickled; give what ``attach`` wants."""
    if waiters.name is not None:
        waiters.name.share()
    return waiters.path
