"""Contracts without behaviour: what a backend, a pool, a batch and the primitives promise one another.

Everything above imports these and nothing beside them; a third party's backend needs only this package and ``errors``.
"""

from anypool.abc._backend import Backend, PoolSpec, WorkerPool
from anypool.abc._batch import Batch, Encoded
from anypool.abc._capabilities import Capabilities
from anypool.abc._context import Context, ProcessFactory
from anypool.abc._sync import Connection, Event, Lock, Process, Queue, RLock, Semaphore

__all__ = [
    "Backend",
    "Batch",
    "Capabilities",
    "Connection",
    "Context",
    "Encoded",
    "Event",
    "Lock",
    "PoolSpec",
    "Process",
    "ProcessFactory",
    "Queue",
    "RLock",
    "Semaphore",
    "WorkerPool",
]
