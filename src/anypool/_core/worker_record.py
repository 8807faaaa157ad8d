"""What ``anypool.worker()`` gives; apart from ``worker_info``, which workers import, for the sake of their start."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["WorkerInfo"]


class WorkerInfo(NamedTuple):
    """Where the current task runs.

    Attributes:
        backend: the backend's name.
        rank: the worker's place, 0 to ``max_workers - 1``; a replacement takes its predecessor's.
        pid: the process id of the worker.
        host: the name of its machine.
        task_id: the task's number in its executor, from 0.
        task_name: the task's name.
        attempt: which attempt this is, from 1.
    """

    backend: str
    rank: int
    pid: int
    host: str
    task_id: int
    task_name: str
    attempt: int
