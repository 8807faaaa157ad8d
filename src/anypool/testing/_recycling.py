"""E16: workers that are replaced after some tasks."""

from __future__ import annotations

import collections
import threading
from pathlib import Path
from typing import Any

import pytest

from anypool import Unsupported
from anypool.testing import _tasks as tasks
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor

__all__ = ["Recycling"]


class Recycling(BackendSuite):
    """E16."""

    def test_max_tasks_per_child(self, make_executor: MakeExecutor) -> None:
        """E16: no worker runs more tasks than it may, its successor has its rank, and a backlog never stalls."""
        if not self.capabilities.recycle:
            with pytest.raises(Unsupported, match="process"):
                make_executor(1, max_tasks_per_child=1)
            return
        ex = make_executor(2, max_tasks_per_child=2)
        futures = [ex.submit(tasks.worker_info) for _ in range(7)]
        infos = [future.result(PATIENCE) for future in futures]
        assert max(collections.Counter(info[2] for info in infos).values()) <= 2
        assert {info[1] for info in infos} <= {0, 1}

    def test_initialized_anew(self, make_executor: MakeExecutor, log: Path) -> None:
        """E16, E15: each successor is initialised before its first task; where there is none, the one worker once."""
        lifetime = {"max_tasks_per_child": 1} if self.capabilities.recycle else {}
        ex = make_executor(1, initializer=tasks.append_line, initargs=(log, "initialised"), **lifetime)
        for _ in range(2):
            ex.submit(tasks.nothing).result(PATIENCE)
        assert log.read_text() == "initialised\n" * (2 if lifetime else 1)

    @pytest.mark.parametrize(("number", "error"), [(0, ValueError), (-1, ValueError), ("1", TypeError)])
    def test_wrong_numbers(self, make_executor: MakeExecutor, number: Any, error: type[Exception]) -> None:
        """E16: the standard library's errors, whatever the backend can."""
        before = threading.active_count()
        with pytest.raises(error, match="max_tasks_per_child must be"):
            make_executor(1, max_tasks_per_child=number)
        assert threading.active_count() == before
