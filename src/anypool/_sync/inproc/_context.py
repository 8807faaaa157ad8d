"""The family of primitives that live in one process, for the backends ``serial`` and ``thread``."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from anypool import abc
from anypool._core.cpus import cpu_count
from anypool._sync.inproc import _locks, _pipe, _process, _queue
from anypool._sync.inproc._monitor import Monitor

__all__ = ["InprocContext"]


class InprocContext(abc.Context):
    """Makes primitives for one process.

    Args:
        backend: the backend's name.
        monitor: makes what the primitives wait with: ``ThreadMonitor`` or ``SerialMonitor``.
        isolate: copy what goes through queues and pipes and to a ``Process``, by pickling it (E4).
    """

    def __init__(self, backend: str, monitor: Callable[[], Monitor], isolate: bool = False) -> None:
        self.backend = backend
        self._monitor = monitor
        self._isolate = isolate
        # A class of its own, so that it can be subclassed and its instances know whose they are.
        self._process: type[_process.Process] = type(
            "Process",
            (_process.Process,),
            {
                "__doc__": _process.Process.__doc__,
                "__module__": _process.Process.__module__,
                "_new_monitor": staticmethod(monitor),
                "_isolate": isolate,
                "_numbers": itertools.count(1),
            },
        )

    def Lock(self) -> abc.Lock:
        """Make a lock."""
        return _locks.Lock(self._monitor())

    def RLock(self) -> abc.RLock:
        """Make a lock that its owner may take again."""
        return _locks.RLock(self._monitor())

    def Semaphore(self, value: int = 1) -> abc.Semaphore:
        """Make a semaphore."""
        return _locks.Semaphore(self._monitor(), value)

    def BoundedSemaphore(self, value: int = 1) -> abc.Semaphore:
        """Make a semaphore that refuses a release too many."""
        return _locks.BoundedSemaphore(self._monitor(), value)

    def Event(self) -> abc.Event:
        """Make an event."""
        return _locks.Event(self._monitor())

    def Queue(self, maxsize: int = 0) -> abc.Queue[Any]:
        """Make a queue."""
        return _queue.Queue(self._monitor(), maxsize, self._isolate)

    def Pipe(self, duplex: bool = True) -> tuple[abc.Connection[Any, Any], abc.Connection[Any, Any]]:
        """Make the two ends of a pipe."""
        return _pipe.make_pipe(self._monitor(), duplex, self._isolate)

    @property
    def Process(self) -> type[_process.Process]:
        """The class of this context's processes."""
        return self._process

    def cpu_count(self) -> int:
        """Give the number of CPUs that this process may use."""
        return cpu_count()

    def close(self) -> None:
        """Do nothing: what lives in one process goes when its last holder lets go."""
