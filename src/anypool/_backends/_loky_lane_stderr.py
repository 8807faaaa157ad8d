"""The workers' standard error: forwarded to this process's own, with the last lines kept for the error of a death.

::

    worker's fd 2 --pipe--> Tail (last lines) --relay thread--> this process's fd 2

A thread of its own, because a terminal that is held (Ctrl-S) must stop those who write and not the pool.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections import deque

__all__ = ["Relay", "Tail"]

_LINES = 20
_BYTES = 8192


class Tail:
    """One worker's pipe. Read by the relay's thread, and by whoever wants the last words of a dead worker."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self._lock = threading.Lock()
        self._kept = b""
        self._unsent: deque[bytes] = deque()
        self._closed = False

    def close_writer(self) -> None:
        """Close this process's copy of the worker's end."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def pump(self) -> bool:
        """Read what is there. False at the end of the pipe."""
        with self._lock:
            while not self._closed:
                try:
                    data = os.read(self.reader, 65536)
                except BlockingIOError:
                    return True
                if not data:
                    return False
                self._unsent.append(data)
                self._kept = (self._kept + data)[-_BYTES:]
                if len(data) < 65536:
                    return True
            return False

    def lines(self) -> tuple[str, ...]:
        """Give the last lines, all that was written before now included."""
        self.pump()
        return tuple(self._kept.decode(errors="replace").splitlines()[-_LINES:])

    def forward(self) -> None:
        """Write what was read to this process's standard error."""
        while self._unsent:
            data = self._unsent.popleft()
            with contextlib.suppress(OSError):  # closed, or nobody reads it
                while data:
                    data = data[os.write(2, data) :]

    def close(self) -> None:
        """Close the pipe."""
        self.close_writer()
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self.reader)


class Relay:
    """The thread that reads all workers' pipes of a pool."""

    def __init__(self) -> None:
        self._inbox: deque[Tail | None] = deque()
        self._reader, self._writer = os.pipe()
        self._thread = threading.Thread(target=self._run, name="anypool-loky-stderr", daemon=True)
        try:
            self._thread.start()
        except BaseException:
            os.close(self._reader)
            os.close(self._writer)
            raise

    def add(self, tail: Tail) -> None:
        """Read this pipe to its end, then close it."""
        self._inbox.append(tail)
        os.write(self._writer, b"!")

    def close(self, timeout: float) -> None:
        """End the thread; what was written until now is forwarded first, if that takes no longer than ``timeout``."""
        self._inbox.append(None)
        os.write(self._writer, b"!")
        self._thread.join(timeout)
        os.close(self._writer)

    def _run(self) -> None:
        tails: dict[int, Tail] = {}
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        going = True
        while going:
            ready = [number for number, _ in poll.poll()]
            if self._reader in ready:
                os.read(self._reader, 4096)
                while self._inbox:
                    tail = self._inbox.popleft()
                    if tail is None:
                        going = False
                    else:
                        tails[tail.reader] = tail
                        poll.register(tail.reader, select.POLLIN)
            for number in ready if going else list(tails):
                tail = tails.get(number)
                if tail is None:
                    continue
                more = tail.pump()
                tail.forward()
                if not more:
                    poll.unregister(number)
                    del tails[number]
                    tail.close()
        for tail in tails.values():
            tail.close()  # a process that a task has left behind still holds the other end
        os.close(self._reader)
