"""The local family's factory: the primitives and processes of one executor or one program, and their end."""

from __future__ import annotations

import sys
from typing import Any

from anypool import abc
from anypool._core import cpus
from anypool._sync.local import _names

__all__ = ["LocalContext"]


class LocalContext(abc.Context):
    """Primitives that every process of this user on this machine can attach to, by unpickling them at any time.

    A primitive that was pickled keeps its name in the file system until the context is closed; one that never was loses
    it with its last reference here. After ``close`` nobody can attach any more, and whoever is attached goes on. When
    the last context of a program is closed, what its workers made is removed too.
    """

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self._names = _names.Names()
        self._process: abc.ProcessFactory | None = None

    # The modules are imported by the first use: a program with locks alone does not pay for pipes.

    def Lock(self) -> abc.Lock:
        """Make a lock."""
        from anypool._sync.local import _locks

        return _locks.new_lock(self._names)

    def RLock(self) -> abc.RLock:
        """Make a lock that its owner may take again."""
        from anypool._sync.local import _locks

        return _locks.new_rlock(self._names)

    def Semaphore(self, value: int = 1) -> abc.Semaphore:
        """Make a semaphore with ``value`` free places. ``ValueError`` if that is negative."""
        from anypool._sync.local import _locks

        return _locks.new_semaphore(self._names, value)

    def BoundedSemaphore(self, value: int = 1) -> abc.Semaphore:
        """Make a semaphore that never has more than ``value`` free places."""
        from anypool._sync.local import _locks

        return _locks.new_bounded(self._names, value)

    def Event(self) -> abc.Event:
        """Make an event; its flag is down."""
        from anypool._sync.local import _event

        return _event.new_event(self._names)

    def Queue(self, maxsize: int = 0) -> abc.Queue[Any]:
        """Make a queue for at most ``maxsize`` items; 0 is no limit. ``ValueError`` if it is negative."""
        from anypool._sync.local import _queue

        return _queue.new_queue(self._names, maxsize)

    def Pipe(self, duplex: bool = True) -> tuple[abc.Connection[Any, Any], abc.Connection[Any, Any]]:
        """Make the two ends of a pipe; without ``duplex`` the first only receives and the second only sends."""
        from anypool._sync.local import _pipe

        return _pipe.new_pipe(self._names, duplex)

    @property
    def Process(self) -> abc.ProcessFactory:
        """The class of this machine's processes."""
        if self._process is None:
            from anypool._sync.local import _process

            self._process = _process.process_class(self)
        return self._process

    def cpu_count(self) -> int:
        """Give the number of CPUs that this process may use, by affinity and cgroup (X1)."""
        return cpus.cpu_count()

    def close(self) -> None:
        """End the family: nothing of its primitives is left on disk or in shared memory (P8). Idempotent."""
        self._names.close()
        transit = sys.modules.get("anypool._sync.local._transit")
        if transit is not None:
            transit.forget_vanished()

    def __reduce__(self) -> tuple[Any, ...]:
        # A task that captured its context gets one of its own, in the same domain.
        return (type(self), (self.backend,))
