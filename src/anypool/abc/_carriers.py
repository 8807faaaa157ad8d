"""Contracts of what carries values from one to another: queues and pipes. Generic in what they carry (P7)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Generic, TypeVar

__all__ = ["Connection", "JoinableQueue", "Queue", "SimpleQueue"]

T = TypeVar("T")
S = TypeVar("S", contravariant=True)
R = TypeVar("R", covariant=True)


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


class JoinableQueue(Queue[T]):
    """A queue that knows how many of its items are not done with, as ``multiprocessing.JoinableQueue``."""

    @abstractmethod
    def task_done(self) -> None:
        """Say that an item that was taken is done with. ``ValueError`` if that is said more often than ``put``."""

    @abstractmethod
    def join(self, timeout: float | None = None) -> bool:
        """Wait until every item that was put is done with.

        Args:
            timeout: the longest wait in seconds (not in ``multiprocessing``); ``None`` is for ever.

        Returns:
            Whether all is done.
        """


class SimpleQueue(ABC, Generic[T]):
    """A queue without limits and timeouts, as ``multiprocessing.SimpleQueue``."""

    @abstractmethod
    def put(self, obj: T) -> None:
        """Append ``obj``. ``SerializationError`` if it cannot be pickled, ``OSError`` after ``close``."""

    @abstractmethod
    def get(self) -> T:
        """Wait for the oldest item and take it. ``OSError`` after ``close``."""

    @abstractmethod
    def empty(self) -> bool:
        """Tell whether there is nothing to get."""

    @abstractmethod
    def close(self) -> None:
        """Say that this process will not use it again."""


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
