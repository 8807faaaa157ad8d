"""What the pools are given: tasks that do nothing, so that what is left is the pool's own cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from benchmarks._subjects import Subject

__all__ = ["WORKLOADS", "Workload", "nothing", "same"]

_BYTES = 10_000_000


def nothing(_: object = None) -> None:
    """The task that does nothing."""


def same(value: bytes) -> bytes:
    """The task that gives back what it got."""
    return value


class Workload(NamedTuple):
    """Something to time.

    Attributes:
        what: one of it, as the table's heading says.
        amount: how many at scale 1.
        run: does so many of it on an open pool and gives the seconds; ``None`` if the workload opens its own pools.
        needs_submit: whether the pool must take single tasks.
    """

    what: str
    amount: int
    run: Callable[[Subject, int], float] | None
    needs_submit: bool


def _submit(pool: Subject, count: int) -> float:
    started = time.perf_counter()
    for handle in [pool.submit(nothing) for _ in range(count)]:
        handle.result()
    return time.perf_counter() - started


def _round_trip(pool: Subject, count: int) -> float:
    started = time.perf_counter()
    for _ in range(count):
        pool.submit(nothing).result()
    return time.perf_counter() - started


def _map(pool: Subject, count: int) -> float:
    started = time.perf_counter()
    pool.map(nothing, range(count))
    return time.perf_counter() - started


def _bytes(pool: Subject, count: int) -> float:
    payload = bytes(_BYTES)
    started = time.perf_counter()
    for _ in range(count):
        if len(pool.submit(same, payload).result()) != _BYTES:
            raise AssertionError("the bytes did not come back")
    return time.perf_counter() - started


WORKLOADS: dict[str, Workload] = {
    "submit": Workload("a task, many submitted at once", 5_000, _submit, True),
    "round-trip": Workload("a task, one after the other", 1_000, _round_trip, True),
    "map": Workload("an item of a map", 10_000, _map, False),
    "bytes": Workload("10 MB there and back", 5, _bytes, True),
    "start": Workload("a new pool, one task, shut down", 1, None, False),
}
