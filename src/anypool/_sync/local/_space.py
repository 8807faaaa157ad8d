"""A queue's memory: a file that is mapped in pieces, gets its pages before they are written and gives them back.

Nothing here knows what the bytes mean. A page is had by ``posix_fallocate`` or ``pwrite``, which say so when the file
system is full; a store into mapped memory without a page would be answered with SIGBUS.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
from collections.abc import Callable
from typing import NamedTuple

from anypool._sync.local import _items

__all__ = ["FIRST", "HEADER", "Space", "Window"]

#: Bytes at the file's beginning that are words of 8 bytes.
HEADER = 4096
#: The beginning that every process has mapped; a queue that is mostly empty never leaves it.
FIRST = 1 << 16
#: How much more is mapped and had at a time, where ``FIRST`` does not suffice.
_WINDOW = 1 << 18
_CHUNK = 1 << 16
_FIRST_CHUNK = 1 << 13

#: One system call reads at most so many bytes.
_STEP = 1 << 30


class Window(NamedTuple):
    """A mapped piece of the file."""

    memory: mmap.mmap
    words: memoryview
    base: int
    limit: int


class Space:
    """The file as this process has it open."""

    def __init__(self, path: str, *, create: bool = False) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | (os.O_CREAT | os.O_EXCL if create else 0), 0o600)
        try:
            if create:
                self.allocate(0, HEADER + _FIRST_CHUNK // 2)
                os.ftruncate(self.fd, FIRST)
            self.first = self._window(0, FIRST)
        except BaseException:
            if create:
                os.unlink(path)
            raise
        #: Native words. One store into one of them is one instruction: no kill can leave half of it.
        self.words = self.first.words

    def window(self, place: int, need: int, *, grow: bool = False) -> Window:
        """Map at least ``need`` bytes from ``place`` on. Only who has the putters' mutex may make the file grow."""
        if place + need <= FIRST:
            return self.first
        base = place - place % mmap.ALLOCATIONGRANULARITY
        limit = max(base + _WINDOW, place + need)
        size = os.fstat(self.fd).st_size
        if size < limit:
            if grow:
                os.ftruncate(self.fd, limit)  # no page yet: this costs nothing
            else:
                limit = size
        return self._window(base, limit)

    def _window(self, base: int, limit: int) -> Window:
        memory = self._map(base, limit - base)
        return Window(memory, memoryview(memory)[: (limit - base) & -8].cast("Q"), base, limit)

    def allocate(self, place: int, need: int, ceiling: int = sys.maxsize) -> int:
        """Have pages from ``place`` on for ``need`` bytes or more, not beyond ``ceiling``; give their end.

        Raises:
            OSError: the file system is full.
        """
        chunk = _FIRST_CHUNK if place + need <= HEADER + _FIRST_CHUNK else _CHUNK
        end = place + need
        more = min(ceiling, end + -end % chunk)
        try:
            _allocate(self.fd, place, more - place)
        except OSError:
            if more == end:
                raise
            _allocate(self.fd, place, need)
            return end
        return more

    def write(self, parts: _items.Parts, place: int) -> None:
        """Write all parts one after the other."""

        def some(rest: _items.Parts) -> int:
            nonlocal place
            written = os.pwritev(self.fd, rest, place)
            place += written
            return written

        _items.write(parts, some)

    def read(self, size: int, place: int) -> bytes:
        """Give ``size`` bytes."""
        data = os.pread(self.fd, min(size, _STEP), place)
        if len(data) == size:
            return data
        parts = [data]
        while (done := sum(map(len, parts))) < size:
            parts.append(os.pread(self.fd, min(size - done, _STEP), place + done))
        return b"".join(parts)

    def read_into(self, memory: bytearray, place: int) -> None:
        """Fill ``memory``."""
        rest = memoryview(memory)
        while rest:
            done = os.preadv(self.fd, [rest[:_STEP]], place)
            place += done
            rest = rest[done:]

    def give_back(self, start: int, end: int) -> None:
        """Give back the pages that lie between the two places; what was there reads as zeros."""
        granularity = mmap.ALLOCATIONGRANULARITY
        start += -start % granularity
        end = min(end, os.fstat(self.fd).st_size)
        end -= end % granularity
        remove = getattr(mmap, "MADV_REMOVE", None)
        if remove is None or start >= end:
            return  # not Linux: the pages go with the file
        try:
            self._map(start, end - start).madvise(remove)
        except OSError as error:
            # A file system that knows no holes keeps the pages until the file goes.
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                raise

    def _map(self, base: int, length: int) -> mmap.mmap:
        if sys.version_info >= (3, 13):
            return mmap.mmap(self.fd, length, offset=base, trackfd=False)  # saves a descriptor
        return mmap.mmap(self.fd, length, offset=base)

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        fd = getattr(self, "fd", -1)  # open() may have failed
        if fd >= 0:
            close(fd)


def _allocate(fd: int, place: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, place, size)
    else:  # macOS
        os.pwrite(fd, bytes(size), place)
