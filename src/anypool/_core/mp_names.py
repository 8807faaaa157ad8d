"""``multiprocessing``'s names at the module: ``anypool.Lock()``, ``class Clock(anypool.Process)`` (X3).

Each stands for the same name of the default backend's context, whichever that is when it is called::

    anypool.Queue() --> get_context() --> what set_backend() or ANYPOOL_BACKEND said --> Context.Queue()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from anypool import abc
from anypool._core.contexts import get_context

if TYPE_CHECKING:
    import logging
    from multiprocessing import reduction as reducer
    from multiprocessing.context import AuthenticationError, BufferTooShort, ProcessError, TimeoutError
    from multiprocessing.managers import SyncManager
    from multiprocessing.process import BaseProcess

    from anypool.abc import _context

    # Overloads that are written once, with the contract.
    Array: _context.ArrayFactory
    RawArray: _context.RawArrayFactory
    RawValue: _context.RawValueFactory
    Value: _context.ValueFactory

    class Process(BaseProcess, abc.Process):
        """An activity of its own, as ``multiprocessing.Process``; another class for each default backend."""


__all__ = [
    "Array",
    "AuthenticationError",
    "Barrier",
    "BoundedSemaphore",
    "BufferTooShort",
    "Condition",
    "Event",
    "JoinableQueue",
    "Lock",
    "Manager",
    "Pipe",
    "Pool",
    "Process",
    "ProcessError",
    "Queue",
    "RLock",
    "RawArray",
    "RawValue",
    "Semaphore",
    "SimpleQueue",
    "TimeoutError",
    "Value",
    "active_children",
    "allow_connection_pickling",
    "current_process",
    "freeze_support",
    "get_all_start_methods",
    "get_logger",
    "get_start_method",
    "log_to_stderr",
    "parent_process",
    "reducer",
    "set_executable",
    "set_forkserver_preload",
    "set_start_method",
]


# What excludes, and what is waited for.


def Lock() -> abc.Lock:
    """Make a lock of the default backend."""
    return get_context().Lock()


def RLock() -> abc.RLock:
    """Make a lock of the default backend that its owner may take again."""
    return get_context().RLock()


def Semaphore(value: int = 1) -> abc.Semaphore:
    """Make a semaphore of the default backend with ``value`` free places."""
    return get_context().Semaphore(value)


def BoundedSemaphore(value: int = 1) -> abc.Semaphore:
    """Make a semaphore of the default backend that never has more than ``value`` free places."""
    return get_context().BoundedSemaphore(value)


def Event() -> abc.Event:
    """Make an event of the default backend; its flag is down."""
    return get_context().Event()


def Condition(lock: abc.Lock | None = None) -> abc.Condition:
    """Make a condition of the default backend over ``lock``, or over a new RLock."""
    return get_context().Condition(lock)


def Barrier(parties: int, action: Callable[[], object] | None = None, timeout: float | None = None) -> abc.Barrier:
    """Make a barrier of the default backend for ``parties``; see ``anypool.abc.Context.Barrier``."""
    return get_context().Barrier(parties, action, timeout)


# What carries values.


def Queue(maxsize: int = 0) -> abc.Queue[Any]:
    """Make a queue of the default backend for at most ``maxsize`` items; 0 is no limit."""
    return get_context().Queue(maxsize)


def JoinableQueue(maxsize: int = 0) -> abc.JoinableQueue[Any]:
    """Make a queue of the default backend with ``task_done`` and ``join``."""
    return get_context().JoinableQueue(maxsize)


def SimpleQueue() -> abc.SimpleQueue[Any]:
    """Make a queue of the default backend that has only ``put``, ``get``, ``empty`` and ``close``."""
    return get_context().SimpleQueue()


def Pipe(duplex: bool = True) -> tuple[abc.Connection[Any, Any], abc.Connection[Any, Any]]:
    """Make the two ends of a pipe of the default backend; see ``anypool.abc.Context.Pipe``."""
    return get_context().Pipe(duplex)


if not TYPE_CHECKING:

    def Value(typecode_or_type: Any, /, *args: Any, lock: Any = True) -> Any:
        """Make one value in shared memory, with a lock; see ``anypool.abc.Context.Value``."""
        return get_context().Value(typecode_or_type, *args, lock=lock)

    def Array(typecode_or_type: Any, size_or_initializer: Any, *, lock: Any = True) -> Any:
        """Make an array in shared memory, with a lock; see ``anypool.abc.Context.Array``."""
        return get_context().Array(typecode_or_type, size_or_initializer, lock=lock)

    def RawValue(typecode_or_type: Any, /, *args: Any) -> Any:
        """Make a ctypes object in shared memory, without a lock; see ``anypool.abc.Context.RawValue``."""
        return get_context().RawValue(typecode_or_type, *args)

    def RawArray(typecode_or_type: Any, size_or_initializer: Any, /) -> Any:
        """Make a ctypes array in shared memory, without a lock; see ``anypool.abc.Context.RawArray``."""
        return get_context().RawArray(typecode_or_type, size_or_initializer)


# Processes.


def Pool(
    processes: int | None = None,
    initializer: Callable[..., object] | None = None,
    initargs: Iterable[Any] = (),
    maxtasksperchild: int | None = None,
) -> abc.Pool:
    """Make a pool with ``multiprocessing.Pool``'s interface, of the default backend; see ``anypool.abc.Pool``.

    Args:
        processes: how many workers, at least 1; by default the CPUs that this process may use.
        initializer: called once in each worker before its first task.
        initargs: its arguments.
        maxtasksperchild: a worker is replaced after so many tasks; ``Unsupported`` where workers are no processes.
    """
    return get_context().Pool(processes, initializer, initargs, maxtasksperchild)


def Manager() -> SyncManager:
    """Start a ``multiprocessing.managers.SyncManager``; see ``anypool.abc.Context.Manager``."""
    return get_context().Manager()


def active_children() -> list[Any]:
    """Give the started and not yet ended processes of this one, of the default backend."""
    return get_context().active_children()


def current_process() -> Any:
    """Give the process that calls this, as the default backend sees it."""
    return get_context().current_process()


def parent_process() -> Any:
    """Give the process that started this one, ``None`` in the program itself."""
    return get_context().parent_process()


# The rest; what each does is said with the contract, ``anypool.abc.Context``.


def get_all_start_methods() -> list[str]:
    """Give ``["spawn"]``: a process is a fresh interpreter, never a fork."""
    return get_context().get_all_start_methods()


def get_start_method(allow_none: bool = False) -> str:
    """Give ``"spawn"``."""
    return get_context().get_start_method(allow_none)


def set_start_method(method: str | None, force: bool = False) -> None:
    """Accept ``"spawn"``, which changes nothing; ``ValueError`` for others. Backends: ``anypool.set_backend``."""
    get_context().set_start_method(method, force)


def freeze_support() -> None:
    """Do nothing: no program runs a second time in a process of its own."""
    get_context().freeze_support()


def get_logger() -> logging.Logger:
    """Give ``multiprocessing``'s logger."""
    return get_context().get_logger()


def log_to_stderr(level: str | int | None = None) -> logging.Logger:
    """Let ``multiprocessing``'s logger write to standard error, and give it."""
    return get_context().log_to_stderr(level)


def allow_connection_pickling() -> None:
    """Do nothing: connections and sockets can always be given to a process."""
    get_context().allow_connection_pickling()


def set_executable(executable: str) -> None:
    """Say which Python interpreter new processes run, for programs that embed Python."""
    get_context().set_executable(executable)


def set_forkserver_preload(module_names: list[str]) -> None:
    """Do nothing with the hint: there is no fork server."""
    get_context().set_forkserver_preload(module_names)


def __getattr__(name: str) -> Any:
    if name == "Process":  # a class, so that it can be subclassed
        return get_context().Process
    # Only now, for the import takes 15 ms that most programs need not pay.
    if name == "reducer":
        from multiprocessing import reduction

        return reduction
    if name in __all__:
        from multiprocessing import context

        return getattr(context, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
