"""Event: one word of shared memory, and two FIFOs whose readiness wakes all who wait, in any process.

The word is a generation: odd while the flag is up. Waiters of generation g poll FIFO g // 2 % 2, ``set`` writes a byte
into it, and ``clear`` empties the *other* one for the next generation; so even a ``set(); clear()`` wakes everybody who
waited before it. A killed waiter leaves nothing behind (``multiprocessing``'s ``set`` would wait for it for ever).
"""

from __future__ import annotations

import os
import select
from time import monotonic
from typing import Any

from anypool import abc
from anypool._sync.local import _names
from anypool._sync.local._shared import SharedFile

__all__ = ["Event", "new_event"]

_GENERATION = 0

#: A setter that was killed between the word and the byte wakes nobody, so waiters look for themselves, in seconds.
_RECHECK = 1.0


class Event(abc.Event):
    """A flag of this machine. Once made, ``is_set`` is one read of memory."""

    def __init__(self, file: SharedFile, fifos: tuple[_Fifo, _Fifo]) -> None:
        self._file = file
        self._fifos = fifos
        self._words = file.words

    def is_set(self) -> bool:
        """Tell whether the flag is up."""
        return self._words[_GENERATION] % 2 == 1

    def set(self) -> None:
        """Put the flag up and wake all who wait."""
        with self._file:
            generation = self._words[_GENERATION]
            if generation % 2 == 0:
                self._words[_GENERATION] = generation + 1
                self._fifos[generation // 2 % 2].fill()

    def clear(self) -> None:
        """Take the flag down."""
        with self._file:
            generation = self._words[_GENERATION]
            if generation % 2 == 1:
                self._fifos[(generation + 1) // 2 % 2].drain()
                self._words[_GENERATION] = generation + 1

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the flag is up, for at most ``timeout`` seconds; tell whether it is, or was meanwhile."""
        generation = self._words[_GENERATION]
        if generation % 2 == 1:
            return True
        deadline = None if timeout is None else monotonic() + timeout
        poll = select.poll()
        poll.register(self._fifos[generation // 2 % 2].fd, select.POLLIN)
        while True:
            seconds = _RECHECK if deadline is None else min(_RECHECK, deadline - monotonic())
            poll.poll(max(seconds, 0.0) * 1000)
            if self._words[_GENERATION] != generation:
                return True
            if deadline is not None and monotonic() >= deadline:
                return False

    def __reduce__(self) -> tuple[Any, ...]:
        parts: tuple[SharedFile | _Fifo, ...] = (self._file, *self._fifos)
        for part in parts:
            if part.name is not None:
                part.name.share()
        return (_attach, tuple(part.path for part in parts))

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} at {id(self):#x} {'set' if self.is_set() else 'unset'}>"


class _Fifo:
    """A named pipe that is open at both ends here, so it is never at its end and never blocks."""

    def __init__(self, path: str, name: _names.Name | None) -> None:
        self.path = path
        self.name = name
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def fill(self) -> None:
        os.write(self.fd, b"!")

    def drain(self) -> None:
        try:
            while os.read(self.fd, 4096):
                pass
        except BlockingIOError:
            pass  # empty

    def __del__(self, close: Any = os.close) -> None:
        fd = getattr(self, "fd", -1)  # open() may have failed
        if fd >= 0:
            close(fd)


def new_event(names: _names.Names) -> Event:
    """Make an event with its flag down."""
    name, file = names.create(".event", lambda path: SharedFile(path, create=True))
    file.name = name
    _names.register(name.path, file)
    return Event(file, (_new_fifo(names), _new_fifo(names)))


def _new_fifo(names: _names.Names) -> _Fifo:
    name, _ = names.create(".fifo", lambda path: os.mkfifo(path, 0o600))
    return _names.register(name.path, _Fifo(name.path, name))


def _attach(path: str, *fifos: str) -> Event:
    file = _names.attach("Event", path, SharedFile)
    first, second = (_names.attach("Event", fifo, lambda path: _Fifo(path, None)) for fifo in fifos)
    return Event(file, (first, second))
