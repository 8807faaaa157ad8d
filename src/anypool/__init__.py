"""anypool: one program, any pool.

A typed executor interface on a pluggable backend. The public names are here and nothing else is; each is imported
when it is first used, so ``import anypool`` costs next to nothing and imports no engine.
"""

from __future__ import annotations

# Not from typing, whose import takes longer than all the rest here; type checkers know the name as it is.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from anypool._backends.loky import LokyBackend
    from anypool._backends.process import ProcessBackend
    from anypool._backends.serial import SerialBackend
    from anypool._backends.thread import ThreadBackend
    from anypool._core.contexts import (
        BoundedSemaphore,
        Event,
        Lock,
        Pipe,
        Process,
        Queue,
        RLock,
        Semaphore,
        cpu_count,
        get_context,
    )
    from anypool._core.executor import Executor
    from anypool._core.futures import Future
    from anypool._core.registry import available_backends, known_backends
    from anypool._core.worker_info import worker
    from anypool._core.worker_record import WorkerInfo
    from anypool.abc import Backend, Capabilities
    from anypool.errors import (
        AnypoolError,
        BackendUnavailable,
        InitializerFailed,
        SerializationError,
        TaskTimeout,
        UnknownBackend,
        Unsupported,
        WorkerDied,
        WouldDeadlock,
    )

__version__ = "0.1.0"

# Where each name comes from; the imports above say the same to type checkers, and a test compares the two.
_HOMES = {
    "anypool._backends.loky": ("LokyBackend",),
    "anypool._backends.process": ("ProcessBackend",),
    "anypool._backends.serial": ("SerialBackend",),
    "anypool._backends.thread": ("ThreadBackend",),
    "anypool._core.contexts": (
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
    ),
    "anypool._core.executor": ("Executor",),
    "anypool._core.futures": ("Future",),
    "anypool._core.registry": ("available_backends", "known_backends"),
    "anypool._core.worker_info": ("worker",),
    "anypool._core.worker_record": ("WorkerInfo",),
    "anypool.abc": ("Backend", "Capabilities"),
    "anypool.errors": (
        "AnypoolError",
        "BackendUnavailable",
        "InitializerFailed",
        "SerializationError",
        "TaskTimeout",
        "UnknownBackend",
        "Unsupported",
        "WorkerDied",
        "WouldDeadlock",
    ),
}
_WHERE = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AnypoolError",
    "Backend",
    "BackendUnavailable",
    "BoundedSemaphore",
    "Capabilities",
    "Event",
    "Executor",
    "Future",
    "InitializerFailed",
    "Lock",
    "LokyBackend",
    "Pipe",
    "Process",
    "ProcessBackend",
    "Queue",
    "RLock",
    "Semaphore",
    "SerialBackend",
    "SerializationError",
    "TaskTimeout",
    "ThreadBackend",
    "UnknownBackend",
    "Unsupported",
    "WorkerDied",
    "WorkerInfo",
    "WouldDeadlock",
    "available_backends",
    "cpu_count",
    "get_context",
    "known_backends",
    "worker",
]


def __getattr__(name: str) -> Any:
    home = _WHERE.get(name)
    if home is None:
        raise AttributeError(f"module 'anypool' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    if name != "Process":  # depends on the current default backend: asked for anew each time
        globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
