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
    from anypool._core.contexts import get_context
    from anypool._core.cpus import cpu_count
    from anypool._core.executor import Executor
    from anypool._core.futures import Future
    from anypool._core.mp_names import (
        Array,
        AuthenticationError,
        Barrier,
        BoundedSemaphore,
        BufferTooShort,
        Condition,
        Event,
        JoinableQueue,
        Lock,
        Manager,
        Pipe,
        Pool,
        Process,
        ProcessError,
        Queue,
        RawArray,
        RawValue,
        RLock,
        Semaphore,
        SimpleQueue,
        Value,
        active_children,
        allow_connection_pickling,
        current_process,
        freeze_support,
        get_all_start_methods,
        get_logger,
        get_start_method,
        log_to_stderr,
        parent_process,
        reducer,
        set_executable,
        set_forkserver_preload,
        set_start_method,
    )
    from anypool._core.mp_names import (
        TimeoutError as TimeoutError,
    )
    from anypool._core.registry import available_backends, default_backend, known_backends, set_backend
    from anypool._core.worker_info import worker
    from anypool._core.worker_record import WorkerInfo
    from anypool.abc import Backend, Capabilities, Holder
    from anypool.errors import (
        AnypoolError,
        BackendUnavailable,
        HolderDied,
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
    "anypool._core.contexts": ("get_context",),
    "anypool._core.cpus": ("cpu_count",),
    "anypool._core.executor": ("Executor",),
    "anypool._core.futures": ("Future",),
    "anypool._core.mp_names": (
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
    ),
    "anypool._core.registry": ("available_backends", "default_backend", "known_backends", "set_backend"),
    "anypool._core.worker_info": ("worker",),
    "anypool._core.worker_record": ("WorkerInfo",),
    "anypool.abc": ("Backend", "Capabilities", "Holder"),
    "anypool.errors": (
        "AnypoolError",
        "BackendUnavailable",
        "HolderDied",
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

# Without TimeoutError: after ``from anypool import *`` the builtin of that name would be another one, and clauses that
# wait for it (a future's, a socket's) would not catch it any more. ``anypool.TimeoutError`` is multiprocessing's.
__all__ = [
    "AnypoolError",
    "Array",
    "AuthenticationError",
    "Backend",
    "BackendUnavailable",
    "Barrier",
    "BoundedSemaphore",
    "BufferTooShort",
    "Capabilities",
    "Condition",
    "Event",
    "Executor",
    "Future",
    "Holder",
    "HolderDied",
    "InitializerFailed",
    "JoinableQueue",
    "Lock",
    "LokyBackend",
    "Manager",
    "Pipe",
    "Pool",
    "Process",
    "ProcessBackend",
    "ProcessError",
    "Queue",
    "RLock",
    "RawArray",
    "RawValue",
    "Semaphore",
    "SerialBackend",
    "SerializationError",
    "SimpleQueue",
    "TaskTimeout",
    "ThreadBackend",
    "UnknownBackend",
    "Unsupported",
    "Value",
    "WorkerDied",
    "WorkerInfo",
    "WouldDeadlock",
    "active_children",
    "allow_connection_pickling",
    "available_backends",
    "cpu_count",
    "current_process",
    "default_backend",
    "freeze_support",
    "get_all_start_methods",
    "get_context",
    "get_logger",
    "get_start_method",
    "known_backends",
    "log_to_stderr",
    "parent_process",
    "reducer",
    "set_backend",
    "set_executable",
    "set_forkserver_preload",
    "set_start_method",
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
