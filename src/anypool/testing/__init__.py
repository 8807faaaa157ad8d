"""The conformance suite, exported: what every backend, ours and third parties', has to pass. Needs pytest.

A backend's test module is a dozen lines::

    from anypool.testing import ExecutorContract, FaultContract, MapContract, ProcessContract, SyncContract


    class TestExecutor(ExecutorContract):
        backend = "mine"

and so on for each contract. Add ``pytest_plugins = ["anypool.testing.plugin"]`` to the top ``conftest.py``: it fails
every test that leaves a process, thread, descriptor, semaphore or file behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from anypool.testing._base import BackendSuite
    from anypool.testing._contracts import (
        ExecutorContract,
        FaultContract,
        MapContract,
        ProcessContract,
        SyncContract,
    )
    from anypool.testing._gate import Gate
    from anypool.testing._leaks import Snapshot, eventually, find_leaks

__all__ = [
    "BackendSuite",
    "ExecutorContract",
    "FaultContract",
    "Gate",
    "MapContract",
    "ProcessContract",
    "Snapshot",
    "SyncContract",
    "eventually",
    "find_leaks",
]

# Lazy, for workers import this package on their way to the suite's tasks, and they need no pytest.
_HOMES = {
    "BackendSuite": "_base",
    "ExecutorContract": "_contracts",
    "FaultContract": "_contracts",
    "Gate": "_gate",
    "MapContract": "_contracts",
    "ProcessContract": "_contracts",
    "Snapshot": "_leaks",
    "SyncContract": "_contracts",
    "eventually": "_leaks",
    "find_leaks": "_leaks",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'anypool.testing' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"anypool.testing.{home}"), name)
