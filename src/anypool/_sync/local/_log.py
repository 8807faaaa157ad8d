"""A queue's items: records in a file, of which a process killed at any point leaves each whole or absent.

::

    putters, with their mutex:  write the record at the tail --> new tail --> PUTS + 1  (one store: now it is there)
    getters, with theirs:       PUTS != GETS --> read the record at the head --> new head --> GETS + 1

    HEADER ... free ... | head: record | record | tail: room ... free          records follow each other upwards, and
    HEADER | record | tail: room ... | head: record | record | jump            begin again below where that is free

Tail and head are kept twice: the parity of the number of puts (gets) says which of the two counts, so that place and
number change in one store. Whoever finds a dead one's half-done work ignores it and writes over it. Putters and getters
exclude only themselves, so one putter and one getter never wait for each other.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from anypool._sync.local import _items, _names
from anypool._sync.local._space import HEADER, Space, Window

__all__ = ["DONE", "GETS", "JOINERS", "PUTS", "ROUNDS", "WAITING_GETTERS", "WAITING_PUTTERS", "Log"]

# The words of the header, each side's in cache lines of its own.
_MAXSIZE = 0
WAITING_GETTERS, WAITING_PUTTERS, JOINERS, DONE, ROUNDS = range(8, 13)
PUTS = 16
_TAIL = 17  # and 18
_ROOM = 19  # and 20: up to where a putter may write without asking anything
_JUMPED = 21  # the number of gets from which on what is unread is one piece
_TOP = 22  # the end of the upper piece, when records have begun again below
_HIGH = 23  # no page was had beyond it
GETS = 32
_HEAD = 33  # and 34
_LOOK = 35  # the place of the head from which on giving back is worth a look

_KIND = 56  # a record's first word is its size, and in the highest byte the kind
_JUMP_KIND = 255
_SIZE = (1 << _KIND) - 1
_PICKLE, _BUFFERS = _items.PICKLE, _items.BUFFERS
_WORD = struct.Struct("=Q")
_JUMP = struct.Struct("=QQ")

#: Records from this size on go through system calls instead of mapped memory.
_LARGE = _items.THRESHOLD
#: Below this it is not worth beginning again at the file's start.
_SOON = 1 << 15
#: So much may stay with an empty queue, for its next items: pages that were written before cost a quarter of new ones.
_KEPT = 1 << 25

_STRONG = sys.platform == "win32" or os.uname().machine in ("x86_64", "amd64", "i686", "i386")
_fence_lock = threading.Lock()


def _fence() -> None:
    """Order memory accesses before and after, where the processor does not (x86 does, for what matters here)."""
    with _fence_lock:
        pass
    with _fence_lock:
        pass


class Log(Space):
    """A first-in-first-out file."""

    def __init__(
        self, path: str, putters: AbstractContextManager[None], *, create: bool = False, maxsize: int = 0
    ) -> None:
        super().__init__(path, create=create)
        self.name: _names.Name | None = None
        self._putters = putters
        words = self.words
        if create:
            words[_MAXSIZE] = maxsize
            words[_TAIL] = words[_HEAD] = HEADER
            words[_ROOM] = words[_HIGH] = HEADER + _JUMP.size
            words[_LOOK] = HEADER + _KEPT
        #: How many items it may hold; 0 is no limit.
        self.maxsize: int = words[_MAXSIZE]
        self._writing = self._reading = self.first

    @property
    def count(self) -> int:
        """How many items it holds."""
        words = self.words
        while True:
            gets = words[GETS]
            puts = words[PUTS]
            if words[GETS] == gets:
                return puts - gets

    def append(self, kind: int, data: Any) -> bool:
        """Add an item as ``_items`` encoded it; tell whether there was a place for it. With the putters' mutex.

        Raises:
            OSError: the file system is full; the log is as it was.
        """
        words = self.words
        puts = words[PUTS]
        if self.maxsize and puts - words[GETS] >= self.maxsize:
            return False
        slot = puts & 1
        place = words[_TAIL + slot]
        room = words[_ROOM + slot]
        size = _items.size_of(data) if kind == _BUFFERS else len(data)
        need = size + 15 & -8
        if size >= _LARGE:
            place, room = self._obtain(size, partial(self._append_large, puts, kind, size, data))
        else:
            if place + need + 16 > room:
                place, room = self._obtain(size, partial(self._make_room, puts, place, need))
            memory, longs, base, limit = self._writing
            at = place - base
            if at < 0 or place + need > limit:
                memory, longs, base, limit = self._writing = self.window(place, need, grow=True)
                at = place - base
            longs[at >> 3] = kind << _KIND | size
            at += 8
            memory[at : at + size] = data
        if not _STRONG:
            _fence()
        words[_TAIL + 1 - slot] = place + need
        words[_ROOM + 1 - slot] = room
        words[PUTS] = puts + 1
        return True

    def take(self) -> tuple[int, Any] | None:
        """Remove the oldest item and give it as ``_items`` encoded it. With the getters' mutex."""
        words = self.words
        gets = words[GETS]
        if words[PUTS] == gets:
            return None
        if not _STRONG:
            _fence()
        slot = gets & 1
        place = words[_HEAD + slot]
        memory, longs, base, limit = self._reading
        if not base <= place <= limit - 16:
            memory, longs, base, limit = self._read_from(place, 16)
        size = longs[place - base >> 3]
        kind = _PICKLE
        jumped = False
        if size >= _LARGE:
            if size >> _KIND == _JUMP_KIND:
                jumped = True
                place = longs[(place - base >> 3) + 1]
                memory, longs, base, limit = self._read_from(place, 16)
                size = longs[place - base >> 3]
            kind = size >> _KIND
            size &= _SIZE
        at = place + 8
        data: Any
        if size >= _LARGE:
            data = self._read_large(kind, size, at)
        else:
            if at + size > limit:
                memory, longs, base, limit = self._read_from(place, 8 + size)
            at -= base
            data = memory[at : at + size]
        head = place + (size + 15 & -8)
        if not _STRONG:
            _fence()
        words[_HEAD + 1 - slot] = head
        words[GETS] = gets + 1
        if jumped or head > words[_LOOK]:
            words[_LOOK] = head + _KEPT
            if words[_HIGH] > HEADER + _KEPT:
                with self._putters:
                    self._give_back_unused()
        return kind, data

    def _read_from(self, place: int, need: int) -> Window:
        self._reading = window = self.window(place, need)
        return window

    def _read_large(self, kind: int, size: int, place: int) -> Any:
        if kind != _BUFFERS:
            if kind != _items.BYTEARRAY:
                return self.read(size, place)
            data = bytearray(size)
            self.read_into(data, place)
            return data

        def fill(memory: bytearray) -> None:
            nonlocal place
            self.read_into(memory, place)
            place += len(memory)

        return _items.receive(fill)

    def _obtain(self, size: int, step: Callable[[], tuple[int, int]]) -> tuple[int, int]:
        """Do what needs pages; where the file system is full, once more with those that an empty queue keeps."""
        try:
            return step()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        self._give_back_unused()
        try:
            return step()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        raise OSError(
            errno.ENOSPC,
            f"no room for a queue's item of {size} bytes: the file system of {os.path.dirname(self.path)} is full. "
            f"Give the queue a maxsize, take items out sooner, or make that file system larger",
        )

    def _append_large(self, puts: int, kind: int, size: int, data: Any) -> tuple[int, int]:
        """Write a large record; give its place, and the end of the room behind it, which is that for a jump."""
        words = self.words
        slot = puts & 1
        tail = words[_TAIL + slot]
        need = size + 15 & -8
        place, _ = self._find(puts, tail, need)
        room = place + need + _JUMP.size
        words[_HIGH] = max(words[_HIGH], room)
        parts = data if kind == _BUFFERS else (data,)
        try:
            self.write([_WORD.pack(kind << _KIND | size), *parts, bytes(room - place - 8 - size)], place)
        except OSError:
            # What was written goes back, and with it what the tail had for more than a jump.
            words[_ROOM + slot] = tail + _JUMP.size
            self.give_back(place + _JUMP.size, room)
            raise
        if place != tail:
            self._jump(puts, tail, place)
        return place, room

    def _make_room(self, puts: int, tail: int, need: int) -> tuple[int, int]:
        """Give where a small record goes, and the end of the room that was had for it and the next ones."""
        place, ceiling = self._find(puts, tail, need)
        room = self.allocate(place, need + _JUMP.size, ceiling)
        self.words[_HIGH] = max(self.words[_HIGH], room)
        if place != tail:
            self._jump(puts, tail, place)
        return place, room

    def _find(self, puts: int, tail: int, need: int) -> tuple[int, int]:
        """Give a free place for a record, with a jump behind it, and where the free piece ends."""
        words = self.words
        gets, head = self._head_now()
        if gets >= words[_JUMPED]:
            # What is unread is one piece, head to tail. With more free below than unread, begin again there: the pages
            # are still ours, and warm.
            free = head - HEADER
            if tail - HEADER >= _SOON and free >= need + _JUMP.size and free >= tail - head:
                return HEADER, head
        elif tail < head:
            # Begun again, and the getters are still in the upper piece. What does not fit under them goes above it.
            if tail + need + _JUMP.size <= head:
                return tail, head
            return words[_TOP], sys.maxsize
        return tail, sys.maxsize

    def _jump(self, puts: int, tail: int, place: int) -> None:
        """Send the getters from the tail to a record elsewhere, which does not count yet."""
        words = self.words
        if place < tail:
            words[_TOP] = tail + _JUMP.size
        words[_JUMPED] = puts + 1
        os.pwrite(self.fd, _JUMP.pack(_JUMP_KIND << _KIND, place), tail)

    def _head_now(self) -> tuple[int, int]:
        """Give the number of gets and the head that belongs to it. Without the getters' mutex."""
        words = self.words
        while True:
            gets = words[GETS]
            head = words[_HEAD + (gets & 1)]
            if words[GETS] == gets:
                return gets, head

    def _give_back_unused(self) -> None:
        """Give back all pages without unread items. With the putters' mutex."""
        words = self.words
        gets, head = self._head_now()
        if gets < words[_JUMPED]:
            return  # in two pieces or more; that does not last
        slot = words[PUTS] & 1
        tail = words[_TAIL + slot]
        words[_ROOM + slot] = tail + _JUMP.size
        self.give_back(HEADER, head)
        self.give_back(tail + _JUMP.size, words[_HIGH])
        words[_HIGH] = tail + _JUMP.size
