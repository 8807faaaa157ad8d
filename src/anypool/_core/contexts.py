"""Primitives for programs without an executor: ``anypool.Lock()``, ``anypool.get_context("loky").Queue()``.

A context made here lives as long as the process; an executor's own ends with the executor.
"""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING, Any

from anypool._core import registry
from anypool._core.cpus import cpu_count

if TYPE_CHECKING:
    from anypool.abc import Connection, Context, ProcessFactory
    from anypool.abc import Event as AbstractEvent
    from anypool.abc import Lock as AbstractLock
    from anypool.abc import Queue as AbstractQueue
    from anypool.abc import RLock as AbstractRLock
    from anypool.abc import Semaphore as AbstractSemaphore

    Process: ProcessFactory

__all__ = [
    "BoundedSemaphore",
    "Event",
    "Lock",
    "Pipe",
    "Process",
    "Queue",
    "RLock",
    "Semaphore",
    "cpu_count",
    "get_context",
]

_contexts: dict[str, Context] = {}
_lock = threading.Lock()


def get_context(backend: str | None = None) -> Context:
    """Give the context of a backend: an object with ``multiprocessing``'s names.

    Args:
        backend: its name, or ``None`` for the default (the environment's ``ANYPOOL_BACKEND``, else ``"process"``).

    Raises:
        UnknownBackend: no backend has this name.
        BackendUnavailable: its engine is not installed.
    """
    chosen = registry.resolve(backend)
    with _lock:
        context = _contexts.get(chosen.name)
        if context is None:
            context = _contexts[chosen.name] = chosen.context()
            atexit.register(context.close)
        return context


def Lock() -> AbstractLock:
    """Make a lock of the default backend."""
    return get_context().Lock()


def RLock() -> AbstractRLock:
    """Make a lock of the default backend that its owner may take again."""
    return get_context().RLock()


def Semaphore(value: int = 1) -> AbstractSemaphore:
    """Make a semaphore of the default backend with ``value`` free places."""
    return get_context().Semaphore(value)


def BoundedSemaphore(value: int = 1) -> AbstractSemaphore:
    """Make a semaphore of the default backend that never has more than ``value`` free places."""
    return get_context().BoundedSemaphore(value)


def Event() -> AbstractEvent:
    """Make an event of the default backend."""
    return get_context().Event()


def Queue(maxsize: int = 0) -> AbstractQueue[Any]:
    """Make a queue of the default backend for at most ``maxsize`` items; 0 is no limit."""
    return get_context().Queue(maxsize)


def Pipe(duplex: bool = True) -> tuple[Connection[Any, Any], Connection[Any, Any]]:
    """Make the two ends of a pipe of the default backend."""
    return get_context().Pipe(duplex)


def __getattr__(name: str) -> Any:
    # A class, for it can be subclassed; which one depends on the default backend at the time of asking.
    if name == "Process":
        return get_context().Process
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
