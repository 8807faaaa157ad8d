"""A worker's standard error: passed on to this process's own, and its last lines kept for the day it dies (E6)."""

from __future__ import annotations

import os
import select
import sys
from collections import deque

__all__ = ["Forwarder", "Tail"]

_LINES = 20
_BYTES = 8192
#: A pipe or terminal that is ready takes this much without blocking.
_CHUNK = 512
#: So much waits for a terminal that does not take it; what is older is dropped.
_WAITING = 1 << 20


class Tail:
    """The last 20 lines, or 8 KB, of a stream."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> None:
        """Append what was read."""
        self._data = (self._data + data)[-_BYTES:]

    def lines(self) -> tuple[str, ...]:
        """Give the lines."""
        return tuple(self._data.decode("utf-8", "replace").splitlines()[-_LINES:])


class Forwarder:
    """Writes to this process's standard error without ever waiting for it: a paused terminal must not stop the pool."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._size = 0

    @property
    def waiting(self) -> bool:
        """Whether there is something that could not be written yet."""
        return bool(self._waiting)

    def write(self, data: bytes) -> None:
        """Pass ``data`` on, now or when ``flush`` is called next."""
        for start in range(0, len(data), _CHUNK):
            self._waiting.append(data[start : start + _CHUNK])
        self._size += len(data)
        while self._size > _WAITING:
            self._size -= len(self._waiting.popleft())
        self.flush()

    def flush(self, timeout: float = 0.0) -> None:
        """Write what is waiting as far as the stream takes it; waits ``timeout`` seconds for it to be ready."""
        if not self._waiting:
            return
        try:
            descriptor = sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            while self._waiting and poll.poll(timeout * 1000):
                piece = self._waiting.popleft()
                self._size -= len(piece)
                written = os.write(descriptor, piece)
                if written < len(piece):
                    self._waiting.appendleft(piece[written:])
                    self._size += len(piece) - written
        except (OSError, ValueError):
            # Closed, or its reader has gone: there is nowhere to complain either.
            self._waiting.clear()
            self._size = 0
