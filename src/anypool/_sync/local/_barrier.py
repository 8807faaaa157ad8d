"""Barrier: a lock, a flag, and a table of those who wait. How many are here is how many living wait in the table.

So nothing is counted that a killed process could leave wrong: who dies while it waits is missing, and that breaks the
barrier; who dies on its way to the table was never here.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import BrokenBarrierError
from time import monotonic
from typing import Any

from anypool import abc
from anypool._sync.local import _mutex, _names, _waiters
from anypool._sync.local._shared import SharedFile

__all__ = ["Barrier", "new_barrier"]

_PASSED, _BROKEN = 2, 3

#: Words of the shared file.
_BROKEN_FLAG = 0

#: How often those who wait look whether somebody died who waits with them, in seconds.
_RECHECK = 1.0


class Barrier(abc.Barrier):
    """A barrier of this machine."""

    def __init__(
        self,
        parties: int,
        action: Callable[[], object] | None,
        timeout: float | None,
        mutex: _mutex.Mutex,
        file: SharedFile,
        waiters: _waiters.Waiters,
    ) -> None:
        self._parties = parties
        self._action = action
        self._timeout = timeout
        self._mutex = mutex
        self._file = file
        self._waiters = waiters

    def wait(self, timeout: float | None = None) -> int:
        """Wait until all parties are here; see ``anypool.abc.Barrier``."""
        timeout = self._timeout if timeout is None else timeout
        deadline = None if timeout is None else monotonic() + timeout
        with self._mutex:
            self._break_for_the_dead()
            if self.broken:
                raise BrokenBarrierError
            index = self._waiters.count()
            if index + 1 >= self._parties:
                self._open()
                return index
            place = self._waiters.enter()
        said = _waiters.WAITS
        try:
            while said == _waiters.WAITS:
                left = _RECHECK if deadline is None else min(_RECHECK, deadline - monotonic())
                self._waiters.sleep(place, max(left, 0.0))
                with self._mutex:
                    self._break_for_the_dead()
                    said = self._waiters.said(place)
                    if said == _waiters.WAITS and deadline is not None and monotonic() >= deadline:
                        self._break()
                        said = _BROKEN
        except BaseException:  # Ctrl-C: the others would wait for one who does not come
            with self._mutex:
                if self._waiters.said(place) == _waiters.WAITS:
                    self._break()
            raise
        finally:
            with self._mutex:
                self._waiters.leave(place)
        if said == _BROKEN:
            raise BrokenBarrierError
        return index

    def _open(self) -> None:
        try:
            if self._action is not None:
                self._action()
        except BaseException:
            self._break()
            raise
        self._waiters.wake(None, _PASSED)

    def _break(self) -> None:
        self._file.words[_BROKEN_FLAG] = 1
        self._waiters.wake(None, _BROKEN)

    def _break_for_the_dead(self) -> None:
        if self._waiters.bury():
            self._break()

    def reset(self) -> None:
        """Make it as new; who waits gets ``BrokenBarrierError``."""
        with self._mutex:
            self._waiters.wake(None, _BROKEN)
            self._file.words[_BROKEN_FLAG] = 0

    def abort(self) -> None:
        """Break it."""
        with self._mutex:
            self._break()

    @property
    def parties(self) -> int:
        """How many it takes."""
        return self._parties

    @property
    def n_waiting(self) -> int:
        """How many wait."""
        with self._mutex:
            return self._waiters.count()

    @property
    def broken(self) -> bool:
        """Whether it is broken."""
        return self._file.words[_BROKEN_FLAG] != 0

    def __reduce__(self) -> tuple[Any, ...]:
        if self._file.name is not None:
            self._file.name.share()
        waiters = _waiters.share(self._waiters)
        return (_attach, (self._parties, self._action, self._timeout, self._mutex, self._file.path, waiters))

    def __repr__(self) -> str:
        state = "broken" if self.broken else f"waiters={self.n_waiting}/{self._parties}"
        return f"<Barrier({state})>"


def new_barrier(
    names: _names.Names, parties: int, action: Callable[[], object] | None, timeout: float | None
) -> Barrier:
    """Make a barrier for ``parties``."""
    if not isinstance(parties, int):
        raise TypeError(f"parties must be a whole number, not {type(parties).__name__}")
    if parties < 1:
        raise ValueError(f"parties must be > 0, got {parties}")
    if action is not None and not callable(action):
        raise TypeError(f"action must be callable, not {type(action).__name__}")
    name, file = names.create(".barrier", lambda path: SharedFile(path, create=True))
    file.name = name
    _names.register(name.path, file)
    return Barrier(parties, action, timeout, _mutex.new_mutex(names), file, _waiters.new_waiters(names))


def _attach(
    parties: int,
    action: Callable[[], object] | None,
    timeout: float | None,
    mutex: _mutex.Mutex,
    path: str,
    waiters: str,
) -> Barrier:
    file = _names.attach("Barrier", path, SharedFile)
    return Barrier(parties, action, timeout, mutex, file, _waiters.attach(waiters))
