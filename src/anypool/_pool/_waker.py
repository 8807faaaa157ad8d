"""Wakes a thread that sleeps in a selector."""

from __future__ import annotations

import contextlib
import os

__all__ = ["Waker"]


class Waker:
    """A descriptor that any thread can make readable."""

    def __init__(self) -> None:
        if hasattr(os, "eventfd"):
            self._read = self._write = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            self._read, self._write = os.pipe()
            os.set_blocking(self._read, False)
            os.set_blocking(self._write, False)

    def fileno(self) -> int:
        """Give the descriptor to wait on."""
        return self._read

    def wake(self) -> None:
        """Make it readable. Safe in signal handlers, finalizers and after ``close``."""
        # Full means that it is readable already; closed, that nobody sleeps there any more.
        with contextlib.suppress(OSError):
            os.write(self._write, b"\1\0\0\0\0\0\0\0")

    def clear(self) -> None:
        """Make it unreadable."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._read, 4096)

    def close(self) -> None:
        """Close it."""
        for descriptor in {self._read, self._write}:
            os.close(descriptor)
        self._read = self._write = -1
