"""A family of primitives and processes that belong together, and end together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from anypool.abc import _sync

__all__ = ["Context", "ProcessFactory"]


class ProcessFactory(Protocol):
    """How ``ctx.Process`` is called; on each backend it is a class that can be subclassed."""

    def __call__(
        self,
        group: None = None,
        target: Callable[..., object] | None = None,
        name: str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] = {},
        *,
        daemon: bool | None = None,
    ) -> _sync.Process:
        """Make a process that has not started."""
        ...


class Context(ABC):
    """Makes primitives that can be task arguments on one backend (P1), under ``multiprocessing``'s names."""

    #: The backend's name.
    backend: str

    @abstractmethod
    def Lock(self) -> _sync.Lock:
        """Make a lock."""

    @abstractmethod
    def RLock(self) -> _sync.RLock:
        """Make a lock that its owner may take again."""

    @abstractmethod
    def Semaphore(self, value: int = 1) -> _sync.Semaphore:
        """Make a semaphore with ``value`` free places. ``ValueError`` if that is negative."""

    @abstractmethod
    def BoundedSemaphore(self, value: int = 1) -> _sync.Semaphore:
        """Make a semaphore that never has more than ``value`` free places."""

    @abstractmethod
    def Event(self) -> _sync.Event:
        """Make an event; its flag is down."""

    @abstractmethod
    def Queue(self, maxsize: int = 0) -> _sync.Queue[Any]:
        """Make a queue for at most ``maxsize`` items; 0 is no limit. ``ValueError`` if it is negative."""

    @abstractmethod
    def Pipe(self, duplex: bool = True) -> tuple[_sync.Connection[Any, Any], _sync.Connection[Any, Any]]:
        """Make the two ends of a pipe; without ``duplex`` the first only receives and the second only sends."""

    @property
    @abstractmethod
    def Process(self) -> ProcessFactory:
        """The class of this backend's processes."""

    @abstractmethod
    def cpu_count(self) -> int:
        """Give the number of CPUs that this process may use, by affinity and cgroup (X1)."""

    @abstractmethod
    def close(self) -> None:
        """End the family: nothing of its primitives is left on disk or in shared memory (P8). Idempotent."""
