"""Contracts of what excludes and what is waited for: locks, semaphores, events, conditions, barriers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, TypeVar

__all__ = ["Barrier", "Condition", "Event", "Holder", "Lock", "RLock", "Semaphore"]

T = TypeVar("T")


class Holder(NamedTuple):
    """Who has a lock, as ``lock.holder()`` tells (P5).

    Attributes:
        name: the name of the process (of the thread that plays one), as ``current_process().name`` gives it there.
        pid: its process id.
        host: the name of its machine.
        task_name: the name of the task that ran there when the lock was taken, where that is known; else ``""``.
        task_id: that task's number, or -1.
    """

    name: str
    pid: int
    host: str
    task_name: str = ""
    task_id: int = -1


class Lock(ABC):
    """A mutual-exclusion lock, as ``multiprocessing.Lock``: any thread or process may release it."""

    __slots__ = ()  # a backend's own attributes are found faster without a dictionary

    @abstractmethod
    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take the lock.

        Args:
            block: wait for it; ``False`` tries once.
            timeout: the longest wait in seconds; ``None`` is for ever, a negative number is 0.

        Returns:
            Whether it was taken.

        Raises:
            HolderDied: the process that held it ended without releasing it (P4). The lock was *not* taken; it is free
                again. Exactly one waiter is told.
        """

    @abstractmethod
    def release(self) -> None:
        """Let it go.

        Raises:
            ValueError: it was not taken (for an ``RLock``: ``AssertionError``, by whoever does not own it).
        """

    def holder(self) -> Holder | None:
        """Tell who has it at this moment, or ``None`` if nobody has, or nobody can tell (a semaphore's places)."""
        return None

    @abstractmethod
    def locked(self) -> bool:
        """Tell whether it is taken at this moment (for a semaphore: all places are), as Python 3.14's can."""

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.release()


class RLock(Lock):
    """A lock that its owner may take again, as ``multiprocessing.RLock``; only the owner may release it."""

    __slots__ = ()


class Semaphore(Lock):
    """A counter of free places, as ``multiprocessing.Semaphore``; a bounded one refuses a release too many."""

    __slots__ = ()

    @abstractmethod
    def get_value(self) -> int:
        """Give the number of free places."""


class Event(ABC):
    """A flag that many can wait for, as ``multiprocessing.Event``."""

    @abstractmethod
    def is_set(self) -> bool:
        """Tell whether the flag is up."""

    @abstractmethod
    def set(self) -> None:
        """Put the flag up and wake all who wait."""

    @abstractmethod
    def clear(self) -> None:
        """Take the flag down."""

    @abstractmethod
    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the flag is up, for at most ``timeout`` seconds; tell whether it is."""


class Condition(ABC):
    """A condition variable over a lock, as ``multiprocessing.Condition``."""

    @abstractmethod
    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take the underlying lock; see ``Lock.acquire``."""

    @abstractmethod
    def release(self) -> None:
        """Let the underlying lock go."""

    @abstractmethod
    def wait(self, timeout: float | None = None) -> bool:
        """Let the lock go, wait to be notified for at most ``timeout`` seconds, and take the lock again.

        Returns:
            Whether it was notified.

        Raises:
            AssertionError: the caller does not have the lock.
            HolderDied: whoever had the lock meanwhile died with it (P4). The caller has the lock again, as always
                after ``wait``; what the lock guards may be half done.
        """

    @abstractmethod
    def notify(self, n: int = 1) -> None:
        """Wake at most ``n`` waiters, never one that has died. ``AssertionError`` without the lock."""

    @abstractmethod
    def notify_all(self) -> None:
        """Wake all who wait. ``AssertionError`` without the lock."""

    def wait_for(self, predicate: Callable[[], T], timeout: float | None = None) -> T:
        """Wait until ``predicate()`` is true, for at most ``timeout`` seconds; give its last value."""
        from time import monotonic

        result = predicate()
        deadline = None if timeout is None else monotonic() + timeout
        while not result:
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                break
            self.wait(left)
            result = predicate()
        return result

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.release()


class Barrier(ABC):
    """A place where ``parties`` wait for one another, as ``multiprocessing.Barrier``."""

    @abstractmethod
    def wait(self, timeout: float | None = None) -> int:
        """Wait until all parties are here.

        Args:
            timeout: the longest wait in seconds; ``None`` is the one that the barrier was made with.

        Returns:
            A number of one's own from 0 to ``parties - 1``.

        Raises:
            BrokenBarrierError: it was reset or aborted, somebody's wait was too long, or (P4) a process died while it
                waited here.
        """

    @abstractmethod
    def reset(self) -> None:
        """Make it as new; who waits gets ``BrokenBarrierError``."""

    @abstractmethod
    def abort(self) -> None:
        """Break it: who waits, and who comes, gets ``BrokenBarrierError``."""

    @property
    @abstractmethod
    def parties(self) -> int:
        """How many it takes."""

    @property
    @abstractmethod
    def n_waiting(self) -> int:
        """How many wait."""

    @property
    @abstractmethod
    def broken(self) -> bool:
        """Whether it is broken."""
