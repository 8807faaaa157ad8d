"""The journal of a lane: an anonymous file in memory that a worker writes and its parent reads, even after its death.

::

    [head: index and start of the call that began last][large arguments, if any][outcome][outcome]...

What a ``pwrite`` has put there survives the writer, whatever kills it, so after a death the journal says which calls
ended, which one was running and which had not begun. Imported by workers, so it imports next to nothing.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator, Sequence

__all__ = ["BOOTED", "HEAD", "INITIALIZING", "Journal", "Reader", "write"]

#: Index of the call that began last, and when, by ``time.monotonic``, which all processes of a machine share.
HEAD = struct.Struct("<qd")
#: Index and length of an outcome.
_OUTCOME = struct.Struct("<qQ")

#: In place of an index: the user's initializer runs, or the worker waits for its first batch.
INITIALIZING = -1
BOOTED = -2

#: Beyond this many bytes a mapping is quicker than a copy.
_MAP = 1 << 20


def write(descriptor: int, data: bytes | memoryview, offset: int) -> int:
    """Write all of ``data``, which one call of the system may not, and give the offset behind it."""
    written = os.pwrite(descriptor, data, offset)
    while written < len(data):  # Linux writes at most 2 GB at once
        written += os.pwrite(descriptor, memoryview(data)[written:], offset + written)
    return offset + written


class Journal:
    """The worker's side: what a batch's calls leave behind. A sink for ``anypool._core.runner.run_batch``."""

    def __init__(self, descriptor: int, end: int) -> None:
        self._descriptor = descriptor
        self._end = end

    def begin(self, index: int, now: float) -> None:
        """Note that call ``index`` starts; from here on it must not run again."""
        os.pwrite(self._descriptor, HEAD.pack(index, now), 0)

    def append(self, index: int, outcome: bytes) -> None:
        """Note how call ``index`` ended. Raises ``OSError`` if there is no memory for it."""
        head = _OUTCOME.pack(index, len(outcome))
        if len(outcome) < _MAP:
            self._end = write(self._descriptor, head + outcome, self._end)
        else:
            # Two writes instead of a copy. A reader that finds the head alone takes the outcome for incomplete.
            write(self._descriptor, head, self._end)
            self._end = write(self._descriptor, outcome, self._end + len(head))

    def cut(self) -> None:
        """Drop what a failed ``append`` has left."""
        os.ftruncate(self._descriptor, self._end)


class Reader:
    """The parent's side."""

    def __init__(self) -> None:
        if hasattr(os, "memfd_create"):
            self.descriptor = os.memfd_create("anypool-journal")
        else:
            import tempfile

            with tempfile.TemporaryFile() as file:  # has no name any more, only descriptors
                self.descriptor = os.dup(file.fileno())
        self._first = HEAD.size
        #: False once somebody kept a view of an outcome: the pages under it must stay as they are.
        self.reusable = True

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)
        self.descriptor = -1

    def reset(self, arguments: Sequence[bytes] = ()) -> int:
        """Empty the journal for the next batch, put its arguments there, and give the offset behind them."""
        os.ftruncate(self.descriptor, 0)
        end = HEAD.size
        for part in arguments:
            end = write(self.descriptor, part, end)
        self._first = end
        return end

    def running(self) -> tuple[int, float] | None:
        """Give index and start of the call that began last, or ``None`` if none has begun."""
        head = os.pread(self.descriptor, HEAD.size, 0)
        # The head of a journal with arguments and no call yet is a hole: zeros, and no call starts at zero.
        if len(head) < HEAD.size or head == bytes(HEAD.size):
            return None
        index, started = HEAD.unpack(head)
        return index, started

    def ended(self) -> set[int]:
        """Give the indices of the calls whose outcomes are complete."""
        return {index for index, _, _ in self._places(os.fstat(self.descriptor).st_size)}

    def large(self) -> bool:
        """Tell whether the outcomes are so large that ``outcomes`` maps them."""
        return os.fstat(self.descriptor).st_size - self._first >= _MAP

    def outcomes(self) -> Iterator[tuple[int, memoryview]]:
        """Give index and encoded outcome of each call that ended; a view is good until the next one is asked for."""
        size = os.fstat(self.descriptor).st_size
        if size <= self._first:
            return
        if size - self._first < _MAP:
            data = memoryview(os.pread(self.descriptor, size - self._first, self._first))
            place = 0
            while place + _OUTCOME.size <= len(data):
                index, length = _OUTCOME.unpack_from(data, place)
                place += _OUTCOME.size + length
                if place > len(data):
                    return
                yield index, data[place - length : place]
            return
        mapping = mmap.mmap(self.descriptor, size, access=mmap.ACCESS_READ)
        try:
            with memoryview(mapping) as whole:
                for index, start, length in self._places(size):
                    with whole[start : start + length] as view:
                        yield index, view
            mapping.close()
        except BufferError:
            self.reusable = False  # an error's traceback, for example, holds the frame that decoded the view

    def _places(self, size: int) -> Iterator[tuple[int, int, int]]:
        place = self._first
        while place + _OUTCOME.size <= size:
            index, length = _OUTCOME.unpack(os.pread(self.descriptor, _OUTCOME.size, place))
            place += _OUTCOME.size
            if place + length > size:
                return  # killed while it wrote this one
            yield index, place, length
            place += length
