"""The five contracts, put together from their families of clauses."""

from __future__ import annotations

import pytest

_FAMILIES = (
    "_death",
    "_errors",
    "_exit",
    "_initializer",
    "_interface",
    "_interrupt",
    "_kill",
    "_map",
    "_map_failures",
    "_pool_api",
    "_processes",
    "_processes_more",
    "_programs",
    "_recycling",
    "_shutdown",
    "_sync_barrier",
    "_sync_condition",
    "_sync_holder",
    "_sync_locks",
    "_sync_more_queues",
    "_sync_pipe",
    "_sync_queue",
    "_sync_travel",
    "_sync_values",
    "_values",
)
# pytest explains failed asserts only in modules that it was told about before their import.
pytest.register_assert_rewrite(*(f"anypool.testing.{name}" for name in _FAMILIES))

from anypool.testing._death import Death  # noqa: E402
from anypool.testing._errors import Errors  # noqa: E402
from anypool.testing._exit import Exit, Orphans  # noqa: E402
from anypool.testing._initializer import Initializer, Workers  # noqa: E402
from anypool.testing._interface import Interface  # noqa: E402
from anypool.testing._interrupt import Interrupt  # noqa: E402
from anypool.testing._kill import Kill  # noqa: E402
from anypool.testing._map import Mapping  # noqa: E402
from anypool.testing._map_failures import MapFailures  # noqa: E402
from anypool.testing._pool_api import Pools  # noqa: E402
from anypool.testing._processes import Processes  # noqa: E402
from anypool.testing._processes_more import MoreProcesses  # noqa: E402
from anypool.testing._programs import Programs  # noqa: E402
from anypool.testing._recycling import Recycling  # noqa: E402
from anypool.testing._shutdown import Shutdown  # noqa: E402
from anypool.testing._sync_barrier import Barriers  # noqa: E402
from anypool.testing._sync_condition import Conditions  # noqa: E402
from anypool.testing._sync_holder import Holders  # noqa: E402
from anypool.testing._sync_locks import Events, Locks, Semaphores  # noqa: E402
from anypool.testing._sync_more_queues import JoinableQueues, SimpleQueues  # noqa: E402
from anypool.testing._sync_pipe import Pipes  # noqa: E402
from anypool.testing._sync_queue import Queues  # noqa: E402
from anypool.testing._sync_travel import Travel  # noqa: E402
from anypool.testing._sync_values import Values  # noqa: E402
from anypool.testing._values import Callables, ValueSemantics  # noqa: E402

__all__ = ["ExecutorContract", "FaultContract", "MapContract", "ProcessContract", "SyncContract"]


class ExecutorContract(
    Interface, Callables, ValueSemantics, Errors, Death, Kill, Shutdown, Workers, Initializer, Recycling
):
    """Tasks: E1 to E8, E11, E14 to E16."""


class MapContract(Mapping, MapFailures):
    """``map``, ``map_unordered`` and ``starmap``: E10."""


class SyncContract(
    Travel,
    Locks,
    Semaphores,
    Events,
    Conditions,
    Barriers,
    Holders,
    Queues,
    JoinableQueues,
    SimpleQueues,
    Pipes,
    Values,
):
    """Everything that is shared, from Lock to Array: P1 to P5, P8."""


class ProcessContract(Processes, MoreProcesses, Pools):
    """``Process`` and ``Pool``: X1, X2, X3."""


class FaultContract(Programs, Exit, Orphans, Interrupt):
    """Whole programs, run as scripts and hit from outside: E3, E11, E12, E13, E15."""
