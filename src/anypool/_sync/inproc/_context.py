"""The family of primitives that live in one process, for the backends ``serial`` and ``thread``."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from anypool import abc
from anypool._core.standard_names import StandardNames
from anypool._sync.inproc import (
    _barrier,
    _condition,
    _event,
    _family,
    _locks,
    _pipe,
    _process,
    _queue,
    _semaphores,
    _simple_queue,
)
from anypool._sync.inproc._monitor import Monitor

__all__ = ["InprocContext"]


class InprocContext(StandardNames):
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
        return _semaphores.Semaphore(self._monitor(), value)

    def BoundedSemaphore(self, value: int = 1) -> abc.Semaphore:
        """Make a semaphore that refuses a release too many."""
        return _semaphores.BoundedSemaphore(self._monitor(), value)

    def Event(self) -> abc.Event:
        """Make an event."""
        return _event.Event(self._monitor())

    def Condition(self, lock: abc.Lock | None = None) -> abc.Condition:
        """Make a condition over ``lock``, or over a new RLock."""
        return _condition.new_condition(self.backend, self._monitor, lock)

    def Barrier(
        self, parties: int, action: Callable[[], object] | None = None, timeout: float | None = None
    ) -> abc.Barrier:
        """Make a barrier for ``parties``."""
        return _barrier.Barrier(self._monitor(), parties, action, timeout)

    def Queue(self, maxsize: int = 0) -> abc.Queue[Any]:
        """Make a queue."""
        return _queue.Queue(self._monitor(), maxsize, self._isolate)

    def JoinableQueue(self, maxsize: int = 0) -> abc.JoinableQueue[Any]:
        """Make a queue with ``task_done`` and ``join``."""
        return _queue.JoinableQueue(self._monitor(), maxsize, self._isolate)

    def SimpleQueue(self) -> abc.SimpleQueue[Any]:
        """Make a queue that has only ``put``, ``get``, ``empty`` and ``close``."""
        return _simple_queue.SimpleQueue(self._monitor(), self._isolate)

    def Pipe(self, duplex: bool = True) -> tuple[abc.Connection[Any, Any], abc.Connection[Any, Any]]:
        """Make the two ends of a pipe."""
        return _pipe.make_pipe(self._monitor(), duplex, self._isolate)

    def Value(self, typecode_or_type: Any, /, *args: Any, lock: Any = True) -> Any:
        """Make one value; see ``anypool.abc.Context``."""
        from anypool._sync import _values
        from anypool._sync.inproc import _memory

        return _values.new_value(self, _memory.allocator(), typecode_or_type, args, lock)

    def Array(self, typecode_or_type: Any, size_or_initializer: Any, *, lock: Any = True) -> Any:
        """Make an array; see ``anypool.abc.Context``."""
        from anypool._sync import _values
        from anypool._sync.inproc import _memory

        return _values.new_array(self, _memory.allocator(), typecode_or_type, size_or_initializer, lock)

    def RawValue(self, typecode_or_type: str | type[Any], /, *args: Any) -> Any:
        """Make a ctypes object, without a lock."""
        return self.Value(typecode_or_type, *args, lock=False)

    def RawArray(self, typecode_or_type: str | type[Any], size_or_initializer: int | Sequence[Any], /) -> Any:
        """Make a ctypes array, without a lock."""
        return self.Array(typecode_or_type, size_or_initializer, lock=False)

    @property
    def Process(self) -> type[_process.Process]:
        """The class of this context's processes."""
        return self._process

    def active_children(self) -> list[Any]:
        """Give the started and not yet ended processes of this one."""
        return _family.active_children()

    def current_process(self) -> Any:
        """Give the process that the calling thread plays, or the program's own."""
        return _family.current_process()

    def parent_process(self) -> Any:
        """Give the process that started the one that the calling thread plays."""
        return _family.parent_process()

    def close(self) -> None:
        """Do nothing: what lives in one process goes when its last holder lets go."""
