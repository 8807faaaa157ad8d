"""``ex.Lock()`` and its like: an executor makes the primitives that its own tasks can be given (P1)."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anypool import abc

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

    def Queue(self, maxsize: int = 0) -> abc.Queue[Any]:
        """Make a queue for at most ``maxsize`` items; 0 is no limit."""
        return self.context.Queue(maxsize)

    def Pipe(self, duplex: bool = True) -> tuple[abc.Connection[Any, Any], abc.Connection[Any, Any]]:
        """Make the two ends of a pipe."""
        return self.context.Pipe(duplex)

    @property
    def Process(self) -> abc.ProcessFactory:
        """The class of this backend's processes."""
        return self.context.Process
