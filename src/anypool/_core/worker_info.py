"""Who runs this task: the data behind ``anypool.worker()`` (E14). Workers import it, so it imports little."""

from __future__ import annotations

import os
import threading

# Not from typing: see serialise.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

    from anypool._core.worker_record import WorkerInfo

__all__ = ["clear_task", "current_task", "set_task", "set_worker", "swap_worker", "watch", "worker"]


class _Current(threading.local):
    backend = ""
    rank = -1
    task: tuple[int, str, int] | None = None


# A thread's own: on the thread backend each worker is a thread.
_current = _Current()

_watcher: Callable[[tuple[int, str, int] | None], None] | None = None


def watch(watcher: Callable[[tuple[int, str, int] | None], None]) -> None:
    """Have ``watcher`` told of every task that begins or ends in this process: for what must outlive the process."""
    global _watcher
    _watcher = watcher


def set_worker(backend: str, rank: int) -> None:
    """Say, once in each worker's own thread, who it is."""
    _current.backend = backend
    _current.rank = rank


def swap_worker(backend: str, rank: int) -> tuple[str, int]:
    """Say who works for the moment, and give who it was, for ``serial`` borrows its caller's thread."""
    before = (_current.backend, _current.rank)
    _current.backend, _current.rank = backend, rank
    return before


def set_task(task_id: int, name: str, attempt: int) -> tuple[int, str, int] | None:
    """Say which task begins; gives what was running before, for ``serial`` runs tasks inside tasks."""
    before = _current.task
    _current.task = (task_id, name, attempt)
    if _watcher is not None:
        _watcher(_current.task)
    return before


def clear_task(before: tuple[int, str, int] | None) -> None:
    """Say that the task ended."""
    _current.task = before
    if _watcher is not None:
        _watcher(before)


def current_task() -> tuple[int, str, int] | None:
    """Give the running task as ``set_task`` made it, a new tuple for each, or ``None`` outside of tasks."""
    return _current.task


def worker() -> WorkerInfo:
    """Tell where the current task runs.

    Raises:
        RuntimeError: called outside a task.
    """
    if _current.task is None:
        raise RuntimeError("anypool.worker() tells about the task that calls it; there is no task here")
    import socket

    from anypool._core.worker_record import WorkerInfo

    return WorkerInfo(_current.backend, _current.rank, os.getpid(), socket.gethostname(), *_current.task)
