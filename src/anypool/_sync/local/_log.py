"""The queue's items: records in a shared file, of which a process killed at any point leaves each whole or absent.

::

    word 0: maxsize    word 1: which of the two states counts, a or b
    words 8-10: state a (head, tail, count)    words 16-18: state b
    from HEADER on:  ...consumed... | head: length, bytes | length, bytes | tail: ...not committed...

A change writes records and the state that does not count; then one store makes that state the one that counts.
"""

from __future__ import annotations

import errno
import os
import struct

from anypool._sync.local._shared import HEADER, SharedFile

__all__ = ["Log"]

_MAXSIZE = 0
_WHICH = 1
_STATES = (8, 16)

_LENGTH = struct.Struct("=Q")
#: One read call takes at most this: a small record in one call, a huge one in steps that the system allows.
_FIRST_READ = 4096
_STEP = 1 << 30
#: Consumed bytes that are worth being given back.
_WASTE = 1 << 20


class Log(SharedFile):
    """A first-in-first-out file. Every method must be called inside ``with log:``."""

    def set_up(self, maxsize: int) -> None:
        """Make it an empty log, before anybody else knows its name."""
        self.words[_MAXSIZE] = maxsize
        self._commit(HEADER, HEADER, 0)

    @property
    def maxsize(self) -> int:
        """How many items it may hold; 0 is no limit."""
        return self.words[_MAXSIZE]

    @property
    def count(self) -> int:
        """How many items it holds."""
        return self.words[_STATES[self.words[_WHICH]] + 2]

    def append(self, data: bytes) -> None:
        """Add an item.

        Raises:
            OSError: the file system is full; the log is as it was.
        """
        words = self.words
        base = _STATES[words[_WHICH]]
        head, tail, count = words[base], words[base + 1], words[base + 2]
        length = _LENGTH.pack(len(data))
        size = len(length) + len(data)
        try:
            written = os.pwritev(self.fd, (length, data), tail)
            while written < size:  # more than one call takes
                done = written - len(length)
                rest = length[written:] if done < 0 else memoryview(data)[done : done + _STEP]
                written += os.pwrite(self.fd, rest, tail + written)
        except OSError as error:
            os.ftruncate(self.fd, tail)  # gives back what the half that was written took
            if error.errno != errno.ENOSPC:
                raise
            raise OSError(
                error.errno,
                f"no room for a queue's item of {len(data)} bytes: the file system of {os.path.dirname(self.path)} is "
                f"full. Give the queue a maxsize, take items out sooner, or make that file system larger",
            ) from None
        self._commit(head, tail + size, count + 1)

    def take(self) -> bytes | None:
        """Remove the oldest item and give it; ``None`` if there is none."""
        words = self.words
        base = _STATES[words[_WHICH]]
        head, tail, count = words[base], words[base + 1], words[base + 2]
        if not count:
            return None
        start = os.pread(self.fd, min(_FIRST_READ, tail - head), head)
        size: int = _LENGTH.unpack_from(start)[0]
        data = start[_LENGTH.size : _LENGTH.size + size]
        if len(data) < size:
            data = self._read(head + _LENGTH.size, size)
        head += _LENGTH.size + size
        if count == 1:
            self._commit(HEADER, HEADER, 0)
            if tail > HEADER + _WASTE:
                os.ftruncate(self.fd, HEADER)
        elif head - HEADER >= max(_WASTE, tail - head):
            self._compact(head, tail, count - 1)
        else:
            self._commit(head, tail, count - 1)
        return data

    def _read(self, offset: int, size: int) -> bytes:
        if size <= _STEP:
            return os.pread(self.fd, size, offset)
        parts = [os.pread(self.fd, min(_STEP, size - done), offset + done) for done in range(0, size, _STEP)]
        return b"".join(parts)

    def _compact(self, head: int, tail: int, count: int) -> None:
        # The live part is no larger than the gap before it, so the copy never overlaps what counts until the commit.
        for done in range(0, tail - head, _WASTE):
            part = os.pread(self.fd, min(_WASTE, tail - head - done), head + done)
            os.pwrite(self.fd, part, HEADER + done)
        self._commit(HEADER, HEADER + tail - head, count)
        os.ftruncate(self.fd, HEADER + tail - head)

    def _commit(self, head: int, tail: int, count: int) -> None:
        words = self.words
        other = 1 - words[_WHICH]
        base = _STATES[other]
        words[base] = head
        words[base + 1] = tail
        words[base + 2] = count
        words[_WHICH] = other
