"""``ex.Lock()`` and its like: an executor makes the primitives that its own tasks can be given (P1)."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from anypool import abc
    from anypool.abc import _context

__all__ = ["Primitives"]


class Primitives:
    """The part of the executor that hands on to its context, under ``multiprocessing``'s names."""

    @property
    @abstractmethod
    def context(self) -> abc.Context:
        """The family of primitives that can be arguments of this executor's tasks (P1)."""

    def Lock(self) -> abc.Lock:
        """Make a lock that tasks can be given."""
        return self.context.Lock()

    def RLock(self) -> abc.RLock:
        """Make a lock that its owner may take again."""
        return self.context.RLock()

    def Semaphore(self, value: int = 1) -> abc.Semaphore:
        """Make a semaphore with ``value`` free places."""
        return self.context.Semaphore(value)

    def BoundedSemaphore(self, value: int = 1) -> abc.Semaphore:
        """Make a semaphore that never has more than ``value`` free places."""
        return self.context.BoundedSemaphore(value)

    def Event(self) -> abc.Event:
        """Make an event."""
        return self.context.Event()

    def Condition(self, lock: abc.Lock | None = None) -> abc.Condition:
        """Make a condition over ``lock``, or over a new RLock."""
        return self.context.Condition(lock)

    def Barrier(
        self, parties: int, action: Callable[[], object] | None = None, timeout: float | None = None
    ) -> abc.Barrier:
        """Make a barrier for ``parties``."""
        return self.context.Barrier(parties, action, timeout)

    def Queue(self, maxsize: int = 0) -> abc.Queue[Any]:
        """Make a queue for at most ``maxsize`` items; 0 is no limit."""
        return self.context.Queue(maxsize)

    def JoinableQueue(self, maxsize: int = 0) -> abc.JoinableQueue[Any]:
        """Make a queue with ``task_done`` and ``join``."""
        return self.context.JoinableQueue(maxsize)

    def SimpleQueue(self) -> abc.SimpleQueue[Any]:
        """Make a queue that has only ``put``, ``get``, ``empty`` and ``close``."""
        return self.context.SimpleQueue()

    def Pipe(self, duplex: bool = True) -> tuple[abc.Connection[Any, Any], abc.Connection[Any, Any]]:
        """Make the two ends of a pipe."""
        return self.context.Pipe(duplex)

    @property
    def Value(self) -> _context.ValueFactory:
        """Makes one value in shared memory, with a lock: ``ex.Value("i", 0)``."""
        return self.context.Value

    @property
    def Array(self) -> _context.ArrayFactory:
        """Makes an array in shared memory, with a lock: ``ex.Array("d", 10)``."""
        return self.context.Array

    @property
    def RawValue(self) -> _context.RawValueFactory:
        """Makes a ctypes object in shared memory, without a lock."""
        return self.context.RawValue

    @property
    def RawArray(self) -> _context.RawArrayFactory:
        """Makes a ctypes array in shared memory, without a lock."""
        return self.context.RawArray

    @property
    def Process(self) -> abc.ProcessFactory:
        """The class of this backend's processes."""
        return self.context.Process
