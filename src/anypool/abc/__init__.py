"""Contracts without behaviour: what a backend, a pool, a batch and the primitives promise one another.

Everything above imports these and nothing beside them; a third party's backend needs only this package and ``errors``.
"""

from anypool.abc._backend import Backend, PoolSpec, WorkerPool
from anypool.abc._batch import Batch, Encoded
from anypool.abc._capabilities import Capabilities
from anypool.abc._carriers import Connection, JoinableQueue, Queue, SimpleQueue
from anypool.abc._context import (
    ArrayFactory,
    Context,
    ProcessFactory,
    RawArrayFactory,
    RawValueFactory,
    ValueFactory,
)
from anypool.abc._locks import Barrier, Condition, Event, Holder, Lock, RLock, Semaphore
from anypool.abc._pool import AsyncResult, MapIterator, Pool
from anypool.abc._process import Process
from anypool.abc._shared import Array, CharArray, Synchronized, Value

__all__ = [
    "Array",
    "ArrayFactory",
    "AsyncResult",
    "Backend",
    "Barrier",
    "Batch",
    "Capabilities",
    "CharArray",
    "Condition",
    "Connection",
    "Context",
    "Encoded",
    "Event",
    "Holder",
    "JoinableQueue",
    "Lock",
    "MapIterator",
    "Pool",
    "PoolSpec",
    "Process",
    "ProcessFactory",
    "Queue",
    "RLock",
    "RawArrayFactory",
    "RawValueFactory",
    "Semaphore",
    "SimpleQueue",
    "Synchronized",
    "Value",
    "ValueFactory",
    "WorkerPool",
]
