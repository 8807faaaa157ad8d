"""A family of primitives and processes that belong together, and end together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar, overload

from anypool.abc import _carriers, _locks, _pool, _process, _shared

if TYPE_CHECKING:
    import logging
    from ctypes import Array as CArray
    from ctypes import _CData, _SimpleCData, c_char
    from multiprocessing import context as mp_context
    from multiprocessing.managers import SyncManager
    from types import ModuleType

    from anypool.abc._backend import Backend

__all__ = ["ArrayFactory", "Context", "ProcessFactory", "RawArrayFactory", "RawValueFactory", "ValueFactory"]

T = TypeVar("T")
C = TypeVar("C", bound="_CData")

_IntCode: TypeAlias = Literal["b", "B", "h", "H", "i", "I", "l", "L", "q", "Q"]
_FloatCode: TypeAlias = Literal["f", "d"]
_LockArgument: TypeAlias = Literal[True] | _locks.Lock | _locks.Condition | None


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
    ) -> _process.Process:
        """Make a process that has not started."""
        ...


class ValueFactory(Protocol):
    """How ``ctx.Value`` is called."""

    @overload
    def __call__(self, typecode_or_type: _IntCode, /, *args: Any, lock: _LockArgument = True) -> _shared.Value[int]: ...
    @overload
    def __call__(
        self, typecode_or_type: _FloatCode, /, *args: Any, lock: _LockArgument = True
    ) -> _shared.Value[float]: ...
    @overload
    def __call__(
        self, typecode_or_type: Literal["c"], /, *args: Any, lock: _LockArgument = True
    ) -> _shared.Value[bytes]: ...
    @overload
    def __call__(
        self, typecode_or_type: Literal["u"], /, *args: Any, lock: _LockArgument = True
    ) -> _shared.Value[str]: ...
    @overload
    def __call__(
        self, typecode_or_type: type[_SimpleCData[T]], /, *args: Any, lock: _LockArgument = True
    ) -> _shared.Value[T]: ...
    @overload
    def __call__(self, typecode_or_type: type[C], /, *args: Any, lock: Literal[False]) -> C: ...
    @overload
    def __call__(self, typecode_or_type: str | type[Any], /, *args: Any, lock: _LockArgument | bool = True) -> Any: ...
    def __call__(self, typecode_or_type: Any, /, *args: Any, lock: Any = True) -> Any:
        """Make one value in shared memory.

        Args:
            typecode_or_type: a typecode of the ``array`` module such as ``"i"`` or ``"d"``, or a ctypes type.
            args: what the type is called with: the value to begin with. Without any its memory is zero.
            lock: ``True`` makes an ``RLock``; a lock of this backend is used as it is; ``False`` gives the bare
                ctypes object, as ``RawValue`` does.

        Raises:
            TypeError: there is no such typecode, or it is no ctypes type, or one that holds addresses; or ``lock`` is
                something else (that one is an ``AttributeError`` too, as in ``multiprocessing``).
            OSError: there is no room for it in shared memory.
        """
        ...


class ArrayFactory(Protocol):
    """How ``ctx.Array`` is called."""

    @overload
    def __call__(
        self, typecode_or_type: _IntCode, size_or_initializer: int | Iterable[Any], *, lock: _LockArgument = True
    ) -> _shared.Array[int]: ...
    @overload
    def __call__(
        self, typecode_or_type: _FloatCode, size_or_initializer: int | Iterable[Any], *, lock: _LockArgument = True
    ) -> _shared.Array[float]: ...
    @overload
    def __call__(
        self,
        typecode_or_type: Literal["c"] | type[c_char],
        size_or_initializer: int | Iterable[Any],
        *,
        lock: _LockArgument = True,
    ) -> _shared.CharArray: ...
    @overload
    def __call__(
        self,
        typecode_or_type: type[_SimpleCData[T]],
        size_or_initializer: int | Iterable[Any],
        *,
        lock: _LockArgument = True,
    ) -> _shared.Array[T]: ...
    @overload
    def __call__(
        self, typecode_or_type: type[C], size_or_initializer: int | Iterable[Any], *, lock: Literal[False]
    ) -> CArray[C]: ...
    @overload
    def __call__(
        self,
        typecode_or_type: str | type[Any],
        size_or_initializer: int | Iterable[Any],
        *,
        lock: _LockArgument | bool = True,
    ) -> Any: ...
    def __call__(self, typecode_or_type: Any, size_or_initializer: Any, *, lock: Any = True) -> Any:
        """Make an array in shared memory.

        Args:
            typecode_or_type: the type of its elements, as for ``Value``.
            size_or_initializer: how many (all zero), or the values.
            lock: as for ``Value``.

        Raises:
            TypeError: as for ``Value``.
            ValueError: the number is negative.
            OSError: there is no room for it in shared memory.
        """
        ...


class RawValueFactory(Protocol):
    """How ``ctx.RawValue`` is called."""

    @overload
    def __call__(self, typecode_or_type: type[C], /, *args: Any) -> C: ...
    @overload
    def __call__(self, typecode_or_type: str, /, *args: Any) -> Any: ...
    def __call__(self, typecode_or_type: Any, /, *args: Any) -> Any:
        """Make a ctypes object in shared memory, without a lock; the arguments are those of ``Value``."""
        ...


class RawArrayFactory(Protocol):
    """How ``ctx.RawArray`` is called."""

    @overload
    def __call__(self, typecode_or_type: type[C], size_or_initializer: int | Sequence[Any], /) -> CArray[C]: ...
    @overload
    def __call__(self, typecode_or_type: str, size_or_initializer: int | Sequence[Any], /) -> Any: ...
    def __call__(self, typecode_or_type: Any, size_or_initializer: Any, /) -> Any:
        """Make a ctypes array in shared memory, without a lock; the arguments are those of ``Array``."""
        ...


class Context(ABC):
    """Makes primitives that can be task arguments on one backend (P1), under ``multiprocessing``'s names."""

    #: The backend's name.
    backend: str

    # What excludes, and what is waited for.

    @abstractmethod
    def Lock(self) -> _locks.Lock:
        """Make a lock."""

    @abstractmethod
    def RLock(self) -> _locks.RLock:
        """Make a lock that its owner may take again."""

    @abstractmethod
    def Semaphore(self, value: int = 1) -> _locks.Semaphore:
        """Make a semaphore with ``value`` free places. ``ValueError`` if that is negative."""

    @abstractmethod
    def BoundedSemaphore(self, value: int = 1) -> _locks.Semaphore:
        """Make a semaphore that never has more than ``value`` free places."""

    @abstractmethod
    def Event(self) -> _locks.Event:
        """Make an event; its flag is down."""

    @abstractmethod
    def Condition(self, lock: _locks.Lock | None = None) -> _locks.Condition:
        """Make a condition over ``lock``, a Lock or RLock of this backend; over a new RLock without one.

        Raises:
            TypeError: ``lock`` is something else.
        """

    @abstractmethod
    def Barrier(
        self, parties: int, action: Callable[[], object] | None = None, timeout: float | None = None
    ) -> _locks.Barrier:
        """Make a barrier.

        Args:
            parties: how many it takes, at least 1; otherwise ``ValueError``.
            action: called by one of them when all are there, before anybody goes on.
            timeout: the longest wait in seconds where ``wait`` names none.
        """

    # What carries values.

    @abstractmethod
    def Queue(self, maxsize: int = 0) -> _carriers.Queue[Any]:
        """Make a queue for at most ``maxsize`` items; 0 is no limit. ``ValueError`` if it is negative."""

    @abstractmethod
    def JoinableQueue(self, maxsize: int = 0) -> _carriers.JoinableQueue[Any]:
        """Make a queue with ``task_done`` and ``join``."""

    @abstractmethod
    def SimpleQueue(self) -> _carriers.SimpleQueue[Any]:
        """Make a queue that has only ``put``, ``get``, ``empty`` and ``close``."""

    @abstractmethod
    def Pipe(self, duplex: bool = True) -> tuple[_carriers.Connection[Any, Any], _carriers.Connection[Any, Any]]:
        """Make the two ends of a pipe; without ``duplex`` the first only receives and the second only sends."""

    # Shared memory. The arguments and their overloads are with the factories' types; a backend defines methods.

    @property
    @abstractmethod
    def Value(self) -> ValueFactory:
        """Makes one value in shared memory, with a lock; see ``ValueFactory``."""

    @property
    @abstractmethod
    def Array(self) -> ArrayFactory:
        """Makes an array in shared memory, with a lock; see ``ArrayFactory``."""

    @property
    @abstractmethod
    def RawValue(self) -> RawValueFactory:
        """Makes a ctypes object in shared memory, without a lock; see ``RawValueFactory``."""

    @property
    @abstractmethod
    def RawArray(self) -> RawArrayFactory:
        """Makes a ctypes array in shared memory, without a lock; see ``RawArrayFactory``."""

    # Processes.

    @property
    @abstractmethod
    def Process(self) -> ProcessFactory:
        """The class of this backend's processes."""

    @abstractmethod
    def active_children(self) -> list[Any]:
        """Give the started and not yet ended processes of this one; waits for those that have ended."""

    @abstractmethod
    def current_process(self) -> Any:
        """Give the process that calls this, with ``name``, ``pid``, ``daemon`` and ``authkey``."""

    @abstractmethod
    def parent_process(self) -> Any:
        """Give the process that started this one, ``None`` in the program itself."""

    @abstractmethod
    def Pool(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
    ) -> _pool.Pool:
        """Make a pool with ``multiprocessing.Pool``'s interface over an executor of this backend."""

    @abstractmethod
    def Manager(self) -> SyncManager:
        """Start a ``multiprocessing.managers.SyncManager``: a server process with dicts, lists, namespaces and more.

        It is the same on every backend, and what it makes can be given to tasks and processes of every backend on
        this machine. ``shutdown()``, or leaving its ``with``, ends the server; so does the end of this program.
        """

    @abstractmethod
    def cpu_count(self) -> int:
        """Give the number of CPUs that this process may use, by affinity and cgroup (X1)."""

    # The rest of multiprocessing's names.

    @property
    @abstractmethod
    def ProcessError(self) -> type[mp_context.ProcessError]:
        """``multiprocessing.ProcessError``."""

    @property
    @abstractmethod
    def BufferTooShort(self) -> type[mp_context.BufferTooShort]:
        """``multiprocessing.BufferTooShort``, which ``Connection.recv_bytes_into`` raises."""

    @property
    @abstractmethod
    def TimeoutError(self) -> type[mp_context.TimeoutError]:
        """``multiprocessing.TimeoutError``, which a pool's results raise. It is not the builtin of that name."""

    @property
    @abstractmethod
    def AuthenticationError(self) -> type[mp_context.AuthenticationError]:
        """``multiprocessing.AuthenticationError``."""

    @abstractmethod
    def get_context(self, backend: str | Backend | None = None) -> Context:
        """Give this context, for ``None`` and ``"spawn"``; otherwise another one, as ``anypool.get_context`` does."""

    @abstractmethod
    def get_all_start_methods(self) -> list[str]:
        """Give ``["spawn"]``: a process is a fresh interpreter, never a fork (on ``serial`` and ``thread`` neither)."""

    @abstractmethod
    def get_start_method(self, allow_none: bool = False) -> str:
        """Give ``"spawn"``, whatever ``allow_none`` is, for there is nothing to choose."""

    @abstractmethod
    def set_start_method(self, method: str | None, force: bool = False) -> None:
        """Accept ``"spawn"`` (and ``None`` with ``force``), which changes nothing. ``ValueError`` for others."""

    @abstractmethod
    def freeze_support(self) -> None:
        """Do nothing: no program runs a second time in a process of its own."""

    @abstractmethod
    def get_logger(self) -> logging.Logger:
        """Give ``multiprocessing``'s logger."""

    @abstractmethod
    def log_to_stderr(self, level: str | int | None = None) -> logging.Logger:
        """Let ``multiprocessing``'s logger write to standard error, and give it."""

    @abstractmethod
    def allow_connection_pickling(self) -> None:
        """Do nothing: connections and sockets can always be given to a process."""

    @abstractmethod
    def set_executable(self, executable: str) -> None:
        """Say which Python interpreter new processes run, for programs that embed Python."""

    @abstractmethod
    def set_forkserver_preload(self, module_names: list[str]) -> None:
        """Do nothing with the hint: there is no fork server."""

    @property
    @abstractmethod
    def reducer(self) -> ModuleType:
        """``multiprocessing.reduction``. What anypool pickles is customised with ``copyreg``, not here."""

    @abstractmethod
    def close(self) -> None:
        """End the family: nothing of its primitives is left on disk or in shared memory (P8). Idempotent."""
