"""Every error that anypool raises, under one root.

Each class also derives from the standard library's nearest relative, so that ``except`` clauses written for
``concurrent.futures`` or ``multiprocessing`` go on working. A message says what happened, to which task or object,
where, and what to do next.
"""

from __future__ import annotations

import pickle
from concurrent.futures import BrokenExecutor
from typing import Any

__all__ = [
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
]


def _rebuild(cls: type[AnypoolError], args: tuple[Any, ...], state: dict[str, Any]) -> AnypoolError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class AnypoolError(Exception):
    """Root of all errors that anypool raises itself."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The default calls cls(*args), which a keyword-only field would break.
        return (_rebuild, (type(self), self.args, self.__dict__.copy()))


class BackendUnavailable(AnypoolError, ImportError):
    """The backend is known, but its engine is not installed; the message has the exact install line."""


class UnknownBackend(AnypoolError, ValueError):
    """No backend has this name; the message lists those that exist."""


class Unsupported(AnypoolError, NotImplementedError):
    """This backend cannot keep what was asked for; the message names the backends that can."""


class WouldDeadlock(AnypoolError, RuntimeError):
    """A wait that nothing could ever end was refused instead of hanging."""


class SerializationError(AnypoolError, pickle.PicklingError):
    """An object could not cross to or from a worker.

    Attributes:
        path: where in the call or result the offending object sits, for example ``args[0]['lock']``.
        culprit: ``repr`` of the offending object, shortened.
    """

    path: str
    culprit: str

    def __init__(self, message: str, *, path: str = "", culprit: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.culprit = culprit


class TaskTimeout(AnypoolError, TimeoutError):
    """The task ran longer than its ``options(timeout=…)`` and was stopped."""


class InitializerFailed(AnypoolError, BrokenExecutor):
    """The executor's ``initializer`` raised in a worker, or its worker died in it; its traceback is the cause."""


class HolderDied(AnypoolError, RuntimeError):
    """The process that held a lock ended without releasing it (P4).

    Exactly one waiter is told; the lock is free again, and that waiter does not have it (after ``Condition.wait`` it
    does). What the lock guards may be half done: check or mend it, then take the lock as usual.

    Attributes:
        kind: what was held: ``"Lock"``, ``"RLock"``.
        name: the name of the process that died, ``""`` if it is not known.
        pid: its process id, -1 if it is not known.
        host: the name of its machine.
        task_name: the name of the task that took the lock, ``""`` if it was none or is not known.
        task_id: that task's number, or -1.
    """

    kind: str
    name: str
    pid: int
    host: str
    task_name: str
    task_id: int

    def __init__(
        self,
        message: str,
        *,
        kind: str = "Lock",
        name: str = "",
        pid: int = -1,
        host: str = "",
        task_name: str = "",
        task_id: int = -1,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.name = name
        self.pid = pid
        self.host = host
        self.task_name = task_name
        self.task_id = task_id


class WorkerDied(AnypoolError, BrokenExecutor):
    """The worker process that ran this task ended before the task did. Other tasks are not touched.

    Attributes:
        task_name: the task's name (the function's qualified name unless ``options(name=…)`` gave one).
        task_id: the task's number in its executor, from 0.
        attempt: which attempt this was, from 1.
        pid: the worker's process id.
        host: the name of the machine it ran on.
        exitcode: the worker's exit status, ``-N`` after signal N, ``None`` where it cannot be known.
        stderr: the last lines that the worker wrote to its standard error.
    """

    task_name: str
    task_id: int
    attempt: int
    pid: int
    host: str
    exitcode: int | None
    stderr: tuple[str, ...]

    def __init__(
        self,
        message: str,
        *,
        task_name: str = "",
        task_id: int = -1,
        attempt: int = 1,
        pid: int = -1,
        host: str = "",
        exitcode: int | None = None,
        stderr: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.task_name = task_name
        self.task_id = task_id
        self.attempt = attempt
        self.pid = pid
        self.host = host
        self.exitcode = exitcode
        self.stderr = stderr
