"""Who has a lock, and what is said when that one has ended with it (P4, P5)."""

from __future__ import annotations

import os

from anypool._sync.inproc._activity import Activity, name_of
from anypool.abc import Holder
from anypool.errors import HolderDied

__all__ = ["Task", "describe", "died"]

#: What ``worker_info.current_task`` gives: the task's number, its name, and which attempt it is.
Task = tuple[int, str, int]


def describe(owner: Activity | int, task: Task | None) -> Holder:
    """Say who ``owner`` is; a lock's own record is only a reference, for most are never asked."""
    number, task_name = (-1, "") if task is None else task[:2]
    return Holder(name_of(owner) or "", os.getpid(), os.uname().nodename, task_name, number)


def died(kind: str, owner: Activity, task: Task | None) -> HolderDied:
    """Make the error for the one waiter that is told."""
    holder = describe(owner, task)
    doing = f", which took it in task {holder.task_name!r} (id {holder.task_id})," if task is not None else ""
    return HolderDied(
        f"{holder.name}{doing} ended without releasing this {kind} (pid {holder.pid} on {holder.host}). The {kind} is "
        "free again, and you do not have it. What it guards may be half done: check or mend that, then take the "
        f"{kind} as usual. A with-block releases it however its body ends.",
        kind=kind,
        name=holder.name,
        pid=holder.pid,
        host=holder.host,
        task_name=holder.task_name,
        task_id=holder.task_id,
    )
