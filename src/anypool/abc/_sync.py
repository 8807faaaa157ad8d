"""The primitives' contracts, as ``multiprocessing`` has them, with types where they carry values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Generic, TypeVar

__all__ = ["Connection", "Event", "Lock", "Process", "Queue", "RLock", "Semaphore"]

T = TypeVar("T")
S = TypeVar("S", contravariant=True)
R = TypeVar("R", covariant=True)


class Lock(ABC):
    """A mutual-exclusion lock, as ``multiprocessing.Lock``: any thread or process may release it."""

    @abstractmethod
    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take the lock.

        Args:
            block: wait for it; ``False`` tries once.
            timeout: the longest wait in seconds; ``None`` is for ever, a negative number is 0.

        Returns:
            Whether it was taken.
        """

    @abstractmethod
    def release(self) -> None:
        """Let it go.

        Raises:
            ValueError: it was not taken (for an ``RLock``: ``AssertionError``, by whoever does not own it).
        """

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.release()


class RLock(Lock):
    """A lock that its owner may take again, as ``multiprocessing.RLock``; only the owner may release it."""


class Semaphore(Lock):
    """A counter of free places, as ``multiprocessing.Semaphore``; a bounded one refuses a release too many."""

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


class Queue(ABC, Generic[T]):
    """First in, first out, many putters, many getters, as ``multiprocessing.Queue`` but with no feeder thread (P3).

    What ``put`` accepted is there, even if the putter exits at once. An item that cannot be pickled raises in ``put``.
    """

    @abstractmethod
    def put(self, obj: T, block: bool = True, timeout: float | None = None) -> None:
        """Append ``obj``.

        Raises:
            queue.Full: there was no room in ``timeout`` seconds (at once with ``block=False``).
            ValueError: the queue was closed here.
            SerializationError: ``obj`` cannot be pickled.
        """

    @abstractmethod
    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Take the oldest item.

        Raises:
            queue.Empty: none came in ``timeout`` seconds (at once with ``block=False``).
            ValueError: the queue was closed here.
        """

    def put_nowait(self, obj: T) -> None:
        """``put(obj, block=False)``."""
        self.put(obj, False)

    def get_nowait(self) -> T:
        """``get(block=False)``."""
        return self.get(False)

    @abstractmethod
    def qsize(self) -> int:
        """Give the number of items, exact at the moment of asking."""

    @abstractmethod
    def empty(self) -> bool:
        """Tell whether there is nothing to get."""

    @abstractmethod
    def full(self) -> bool:
        """Tell whether there is no room."""

    @abstractmethod
    def close(self) -> None:
        """Say that this process will not use the queue again; later calls here raise ``ValueError``."""

    @abstractmethod
    def join_thread(self) -> None:
        """Exists for ``multiprocessing``'s sake: there is no thread to join. ``ValueError`` before ``close``."""

    @abstractmethod
    def cancel_join_thread(self) -> None:
        """Exists for ``multiprocessing``'s sake: nothing is ever waited for at exit."""


class Connection(ABC, Generic[S, R]):
    """One end of a ``Pipe``, as ``multiprocessing.connection.Connection``: sends ``S``, receives ``R``."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether this end was closed here."""

    @property
    @abstractmethod
    def readable(self) -> bool:
        """Whether this end can receive."""

    @property
    @abstractmethod
    def writable(self) -> bool:
        """Whether this end can send."""

    @abstractmethod
    def send(self, obj: S) -> None:
        """Send an object.

        Raises:
            OSError: this end is closed or read-only; ``BrokenPipeError`` when nobody holds the other end.
            SerializationError: ``obj`` cannot be pickled; nothing was sent.
        """

    @abstractmethod
    def recv(self) -> R:
        """Wait for an object and return it. ``EOFError``: all is read and nobody holds the other end."""

    @abstractmethod
    def send_bytes(self, buf: Any, offset: int = 0, size: int | None = None) -> None:
        """Send ``size`` bytes of a bytes-like object from ``offset`` on, as one message."""

    @abstractmethod
    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        """Wait for a message of bytes. ``OSError`` if it is longer than ``maxlength``, and the end is closed."""

    @abstractmethod
    def recv_bytes_into(self, buf: Any, offset: int = 0) -> int:
        """Wait for a message of bytes, write it into ``buf`` from ``offset`` on, return its length."""

    @abstractmethod
    def poll(self, timeout: float | None = 0.0) -> bool:
        """Tell whether there is something to receive (or the end), waiting at most ``timeout`` seconds."""

    @abstractmethod
    def fileno(self) -> int:
        """Give the descriptor to wait on. ``OSError`` where there is none."""

    @abstractmethod
    def close(self) -> None:
        """Close this end here. The other side sees the end when everybody who holds this end has closed it."""

    def __enter__(self) -> Connection[S, R]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()


class Process(ABC):
    """An activity of its own, as ``multiprocessing.Process`` (X1). Subclasses may override ``run``."""

    name: str
    daemon: bool

    @abstractmethod
    def run(self) -> None:
        """What the process does: by default ``target(*args, **kwargs)``."""

    @abstractmethod
    def start(self) -> None:
        """Start it; once only."""

    @abstractmethod
    def join(self, timeout: float | None = None) -> None:
        """Wait until it ends, for at most ``timeout`` seconds."""

    @abstractmethod
    def is_alive(self) -> bool:
        """Tell whether it runs."""

    @abstractmethod
    def terminate(self) -> None:
        """End it with SIGTERM (on threads: at its next bytecode, X2)."""

    @abstractmethod
    def kill(self) -> None:
        """End it with SIGKILL."""

    @abstractmethod
    def close(self) -> None:
        """Release what it holds. ``ValueError`` while it runs."""

    @property
    @abstractmethod
    def exitcode(self) -> int | None:
        """``None`` while it runs, 0 on success, 1 after an exception, ``-N`` after signal N."""

    @property
    @abstractmethod
    def pid(self) -> int | None:
        """The operating system's process id, ``None`` before ``start``."""

    @property
    @abstractmethod
    def ident(self) -> int | None:
        """The same as ``pid``."""

    @property
    @abstractmethod
    def sentinel(self) -> int:
        """A descriptor that becomes readable when the process ends."""
