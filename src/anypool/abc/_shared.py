"""Contracts of shared memory: ``Value`` and ``Array``, with a lock around them. Generic in what they hold (P7)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar, overload

from anypool.abc._locks import Lock

__all__ = ["Array", "CharArray", "Synchronized", "Value"]

T = TypeVar("T")


class Synchronized(ABC):
    """What ``Value`` and ``Array`` have in common: the ctypes object, and its lock."""

    @abstractmethod
    def get_obj(self) -> Any:
        """Give the ctypes object without its lock."""

    @abstractmethod
    def get_lock(self) -> Lock:
        """Give the lock, an ``RLock`` unless another one was given."""

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take the lock."""
        return self.get_lock().acquire(block, timeout)

    def release(self) -> None:
        """Let the lock go."""
        self.get_lock().release()

    def __enter__(self) -> bool:
        return self.get_lock().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.get_lock().__exit__(kind, error, trace)


class Value(Synchronized, Generic[T]):
    """One value in memory that processes share, as ``multiprocessing.Value``.

    ``value`` is read and written under the lock; ``value += 1`` is two steps, so take the lock around it yourself.
    A ``ctypes.Structure`` has its fields as attributes instead of ``value``.
    """

    value: T


class Array(Synchronized, Generic[T]):
    """Values of one type in memory that processes share, as ``multiprocessing.Array``.

    One of characters (``"c"``) is a ``CharArray``.
    """

    @abstractmethod
    def __len__(self) -> int: ...

    @overload
    def __getitem__(self, index: int, /) -> T: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[T]: ...
    @abstractmethod
    def __getitem__(self, index: Any, /) -> Any: ...

    @overload
    def __setitem__(self, index: int, value: T, /) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[T], /) -> None: ...
    @abstractmethod
    def __setitem__(self, index: Any, value: Any, /) -> None: ...

    @abstractmethod
    def __iter__(self) -> Iterator[T]: ...


class CharArray(Array[bytes]):
    """Characters in memory that processes share: an ``Array`` whose slices are bytes.

    Attributes:
        value: the bytes up to the first zero byte, as C has strings.
        raw: all bytes.
    """

    value: bytes
    raw: bytes

    @overload  # type: ignore[override]  # a slice is bytes, not a list
    def __getitem__(self, index: int, /) -> bytes: ...
    @overload
    def __getitem__(self, index: slice, /) -> bytes: ...
    @abstractmethod
    def __getitem__(self, index: Any, /) -> Any: ...

    @overload  # type: ignore[override]  # a slice is bytes, not a list
    def __setitem__(self, index: int, value: bytes, /) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: bytes, /) -> None: ...
    @abstractmethod
    def __setitem__(self, index: Any, value: Any, /) -> None: ...
