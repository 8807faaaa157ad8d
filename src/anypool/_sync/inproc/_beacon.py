"""A descriptor that is readable while something is the case: how selectors can wait for what has no descriptor."""

from __future__ import annotations

import os

__all__ = ["Beacon"]


class Beacon:
    """A pipe with one byte in it, or none. Not thread-safe; its owner's monitor guards it."""

    __slots__ = ("_read", "_write", "lit")

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self.lit = False

    def fileno(self) -> int:
        """Give the descriptor to wait on."""
        return self._read

    def light(self) -> None:
        """Make it readable."""
        if not self.lit:
            self.lit = True
            os.write(self._write, b"!")

    def darken(self) -> None:
        """Make it not readable."""
        if self.lit:
            os.read(self._read, 1)
            self.lit = False

    def close(self) -> None:
        """Close the descriptors. Idempotent."""
        descriptors, self._read, self._write = (self._read, self._write), -1, -1
        for descriptor in descriptors:
            if descriptor >= 0:
                os.close(descriptor)

    def __del__(self) -> None:
        self.close()
