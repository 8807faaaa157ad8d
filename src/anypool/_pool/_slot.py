"""Shared memory in which each worker notes the call that it has started: the one witness that survives its death (E6).

::

    memory file: rank 0 [number of the call: 8 bytes][start, seconds: 8 bytes]  rank 1 [...]  ...

A message could be lost with the worker, or lie unsent in it; a store to mapped memory cannot. Each field is written by
one aligned store, the time before the number, so a reader that sees a number never sees an older call's time with it.
"""

from __future__ import annotations

import mmap
import os
import time

__all__ = ["Slot", "SlotTable"]

_SIZE = 16


class SlotTable:
    """The pool's side: one slot a rank.

    Attributes:
        descriptor: the memory file, for the workers to inherit.
    """

    def __init__(self, ranks: int) -> None:
        if hasattr(os, "memfd_create"):
            self.descriptor = os.memfd_create("anypool-slots")
        else:
            import tempfile

            with tempfile.TemporaryFile() as file:
                self.descriptor = os.dup(file.fileno())
        try:
            os.ftruncate(self.descriptor, ranks * _SIZE)
            self._memory = mmap.mmap(self.descriptor, ranks * _SIZE)
        except BaseException:
            os.close(self.descriptor)
            raise
        self._numbers = memoryview(self._memory).cast("Q")
        self._times = memoryview(self._memory).cast("d")

    def clear(self, rank: int) -> None:
        """Forget what a predecessor noted."""
        self._numbers[2 * rank] = 0

    def started(self, rank: int) -> int:
        """Give the number of the call that the worker has started last, 0 if none."""
        return self._numbers[2 * rank]

    def start_time(self, rank: int) -> float:
        """Give the ``time.monotonic()`` of that; the clock is the same for all processes of a machine."""
        return self._times[2 * rank + 1]

    def close(self) -> None:
        """Let go of the memory."""
        self._numbers.release()
        self._times.release()
        self._memory.close()
        os.close(self.descriptor)


class Slot:
    """The worker's side: its own slot."""

    __slots__ = ("_index", "_numbers", "_times")

    def __init__(self, descriptor: int, rank: int) -> None:
        memory = mmap.mmap(descriptor, 0)
        os.close(descriptor)
        self._numbers = memoryview(memory).cast("Q")
        self._times = memoryview(memory).cast("d")
        self._index = 2 * rank

    def start(self, number: int) -> None:
        """Note that call ``number`` begins now."""
        self._times[self._index + 1] = time.monotonic()
        self._numbers[self._index] = number
