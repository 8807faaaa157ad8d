"""The local family's factory: the primitives and processes of one executor or one program, and their end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from anypool import abc
from anypool._core.standard_names import StandardNames
from anypool._sync.local import _names

__all__ = ["LocalContext"]


class LocalContext(StandardNames):
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
        from anypool._sync.local import _semaphores

        return _semaphores.new_semaphore(self._names, value)

    def BoundedSemaphore(self, value: int = 1) -> abc.Semaphore:
        """Make a semaphore that never has more than ``value`` free places."""
        from anypool._sync.local import _semaphores

        return _semaphores.new_bounded(self._names, value)

    def Event(self) -> abc.Event:
        """Make an event; its flag is down."""
        from anypool._sync.local import _event

        return _event.new_event(self._names)

    def Condition(self, lock: abc.Lock | None = None) -> abc.Condition:
        """Make a condition over ``lock``, or over a new RLock."""
        from anypool._sync.local import _condition

        return _condition.new_condition(self._names, lock)

    def Barrier(
        self, parties: int, action: Callable[[], object] | None = None, timeout: float | None = None
    ) -> abc.Barrier:
        """Make a barrier for ``parties``."""
        from anypool._sync.local import _barrier

        return _barrier.new_barrier(self._names, parties, action, timeout)

    def Queue(self, maxsize: int = 0) -> abc.Queue[Any]:
        """Make a queue for at most ``maxsize`` items; 0 is no limit. ``ValueError`` if it is negative."""
        from anypool._sync.local import _queue

        return _queue.new_queue(self._names, maxsize)

    def JoinableQueue(self, maxsize: int = 0) -> abc.JoinableQueue[Any]:
        """Make a queue with ``task_done`` and ``join``."""
        from anypool._sync.local import _joinable_queue

        return _joinable_queue.new_joinable_queue(self._names, maxsize)

    def SimpleQueue(self) -> abc.SimpleQueue[Any]:
        """Make a queue that has only ``put``, ``get``, ``empty`` and ``close``."""
        from anypool._sync.local import _simple_queue

        return _simple_queue.new_simple_queue(self._names)

    def Pipe(self, duplex: bool = True) -> tuple[abc.Connection[Any, Any], abc.Connection[Any, Any]]:
        """Make the two ends of a pipe; without ``duplex`` the first only receives and the second only sends."""
        from anypool._sync.local import _pipe

        return _pipe.new_pipe(self._names, duplex)

    def Value(self, typecode_or_type: Any, /, *args: Any, lock: Any = True) -> Any:
        """Make one value in shared memory; see ``anypool.abc.Context``."""
        from anypool._sync import _values
        from anypool._sync.local import _memory

        return _values.new_value(self, _memory.allocator(self._names), typecode_or_type, args, lock)

    def Array(self, typecode_or_type: Any, size_or_initializer: Any, *, lock: Any = True) -> Any:
        """Make an array in shared memory; see ``anypool.abc.Context``."""
        from anypool._sync import _values
        from anypool._sync.local import _memory

        return _values.new_array(self, _memory.allocator(self._names), typecode_or_type, size_or_initializer, lock)

    def RawValue(self, typecode_or_type: str | type[Any], /, *args: Any) -> Any:
        """Make a ctypes object in shared memory, without a lock."""
        return self.Value(typecode_or_type, *args, lock=False)

    def RawArray(self, typecode_or_type: str | type[Any], size_or_initializer: int | Sequence[Any], /) -> Any:
        """Make a ctypes array in shared memory, without a lock."""
        return self.Array(typecode_or_type, size_or_initializer, lock=False)

    @property
    def Process(self) -> abc.ProcessFactory:
        """The class of this machine's processes."""
        if self._process is None:
            from anypool._sync.local import _process

            self._process = _process.process_class(self)
        return self._process

    def active_children(self) -> list[Any]:
        """Give the started and not yet ended processes of this one."""
        from multiprocessing.process import active_children

        return active_children()

    def current_process(self) -> Any:
        """Give the process that calls this."""
        from multiprocessing.process import current_process

        return current_process()

    def parent_process(self) -> Any:
        """Give the process that started this one, ``None`` in the program itself."""
        from multiprocessing.process import parent_process

        return parent_process()

    def close(self) -> None:
        """End the family: nothing of its primitives is left on disk or in shared memory (P8). Idempotent."""
        self._names.close()
        transit = sys.modules.get("anypool._sync.local._transit")
        if transit is not None:
            transit.forget_vanished()

    def __reduce__(self) -> tuple[Any, ...]:
        # A task that captured its context gets one of its own, in the same domain.
        return (type(self), (self.backend,))
