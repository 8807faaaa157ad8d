"""Runs something beside the test on every backend: a task where tasks run beside the program, else a ``Process``.

On ``serial`` a task runs inside ``submit``, so what waits for the test must be a process there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anypool import Executor
from anypool.testing import _tasks_meeting as meeting
from anypool.testing._base import PATIENCE

__all__ = ["beside"]


def beside(ex: Executor, function: Callable[..., Any], *args: Any) -> Callable[[], Any]:
    """Start ``function(*args)``; give what waits for its result, and raises its exception.

    On a concurrent backend it takes a worker until it ends: make the executor large enough.
    """
    if ex.capabilities.concurrent:
        future = ex.submit(function, *args)
        return lambda: future.result(PATIENCE)
    results = ex.Queue()
    process = ex.Process(target=meeting.report, args=(results, function, args))
    process.start()

    def result() -> Any:
        fine, value = results.get(timeout=PATIENCE)
        process.join(PATIENCE)
        if not fine:
            raise value
        return value

    return result
