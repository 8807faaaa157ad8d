"""What is timed: each primitive is handed to a process as an argument, and that process or both take the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.primitives._families import Family

__all__ = ["WORKLOADS", "Workload"]

_BYTES = 10_000_000
#: Chunks that a stream's item is one of, so that pickling is a small part: a task's number and its name.
_ITEM = (12345, "task-12345")


class Workload(NamedTuple):
    """Something to time.

    Attributes:
        what: one of it, as the table's heading says.
        amount: how many at scale 1.
        run: does so many of it and gives the seconds.
        pipes: whether the family must have pipes.
    """

    what: str
    amount: int
    run: Callable[[Family, int], float]
    pipes: bool = False


def _in_a_process(family: Family, target: Callable[..., None], *args: object) -> float:
    """Run ``target(results, *args)`` in a process; give what it puts first."""
    results = family.maker.Queue()
    process = family.process(target, results, *args)
    seconds: float = results.get()
    process.join()
    return seconds


def _calls(results: Any, lock: Any, count: int) -> None:
    acquire, release = lock.acquire, lock.release
    acquire()
    release()
    started = time.perf_counter()
    for _ in range(count):
        lock.acquire()
        lock.release()
    results.put(time.perf_counter() - started)


def _blocks(results: Any, lock: Any, count: int) -> None:
    with lock:
        pass
    started = time.perf_counter()
    for _ in range(count):
        with lock:
            pass
    results.put(time.perf_counter() - started)


def _fighter(lock: Any, ready: Any, begin: Any, results: Any, count: int) -> None:
    ready.release()
    begin.acquire()
    started = time.perf_counter()
    for _ in range(count):
        with lock:
            pass
    results.put(time.perf_counter() - started)


def _contended(family: Family, count: int) -> float:
    lock, results = family.maker.Lock(), family.maker.Queue()
    ready, begin = family.maker.Semaphore(0), family.maker.Semaphore(0)
    processes = [family.process(_fighter, lock, ready, begin, results, count // 2) for _ in range(2)]
    for _ in processes:
        ready.acquire()
    for _ in processes:
        begin.release()
    seconds: float = max(results.get() for _ in processes)
    for process in processes:
        process.join()
    return seconds


def _produce(items: Any, ready: Any, count: int) -> None:
    ready.get()
    for _ in range(count):
        items.put(_ITEM)


def _stream(family: Family, count: int) -> float:
    items, ready = family.maker.Queue(), family.maker.Queue()
    process = family.process(_produce, items, ready, count)
    ready.put(None)
    items.get()
    started = time.perf_counter()
    for _ in range(count - 1):
        items.get()
    seconds = time.perf_counter() - started
    process.join()
    return seconds


def _echo(there: Any, back: Any) -> None:
    while (item := there.get()) is not None:
        back.put(item)


def _queue_trip(family: Family, count: int, item: object = _ITEM) -> float:
    there, back = family.maker.Queue(), family.maker.Queue()
    process = family.process(_echo, there, back)
    there.put(item)
    back.get()
    started = time.perf_counter()
    for _ in range(count):
        there.put(item)
        back.get()
    seconds = time.perf_counter() - started
    there.put(None)
    process.join()
    return seconds


def _echo_pipe(connection: Any) -> None:
    while (item := connection.recv()) is not None:
        connection.send(item)


def _pipe_trip(family: Family, count: int, item: object = _ITEM) -> float:
    here, there = family.maker.Pipe()
    process = family.process(_echo_pipe, there)
    there.close()
    here.send(item)
    here.recv()
    started = time.perf_counter()
    for _ in range(count):
        here.send(item)
        here.recv()
    seconds = time.perf_counter() - started
    here.send(None)
    process.join()
    here.close()
    return seconds


def _array() -> object:
    import numpy as np

    return np.arange(_BYTES // 8, dtype=np.float64)


def _queue_array(family: Family, count: int) -> float:
    return _queue_trip(family, count, _array()) / 2


def _pipe_array(family: Family, count: int) -> float:
    return _pipe_trip(family, count, _array()) / 2


def _partner(condition: Any, turn: Any, ready: Any, count: int) -> None:
    ready.put(None)
    with condition:
        for _ in range(count):
            condition.wait_for(lambda: turn.value == 1)
            turn.value = 0
            condition.notify()


def _turns(family: Family, count: int) -> float:
    condition, turn, ready = family.maker.Condition(), family.maker.Value("i", 0), family.maker.Queue()
    process = family.process(_partner, condition, turn, ready, count)
    ready.get()
    started = time.perf_counter()
    with condition:
        for _ in range(count):
            turn.value = 1
            condition.notify()
            condition.wait_for(lambda: turn.value == 0)
    seconds = time.perf_counter() - started
    process.join()
    return seconds


WORKLOADS: dict[str, Workload] = {
    "lock-calls": Workload(
        "lock.acquire(); lock.release()",
        200_000,
        lambda family, count: _in_a_process(family, _calls, family.maker.Lock(), count),
    ),
    "lock-with": Workload(
        "with lock: pass",
        200_000,
        lambda family, count: _in_a_process(family, _blocks, family.maker.Lock(), count),
    ),
    "rlock-with": Workload(
        "with rlock: pass",
        200_000,
        lambda family, count: _in_a_process(family, _blocks, family.maker.RLock(), count),
    ),
    "lock-contended": Workload("with lock: pass, in two processes at once", 40_000, _contended),
    "condition": Workload("a turn handed over and back by a Condition", 1_000, _turns),
    "queue-stream": Workload("an item of a stream from one process to another", 30_000, _stream),
    "queue-trip": Workload("an item there by one Queue and back by another", 3_000, _queue_trip),
    "pipe-trip": Workload("an item there and back by a Pipe", 5_000, _pipe_trip, pipes=True),
    "queue-array": Workload("a 10 MB array through a Queue", 10, _queue_array),
    "pipe-array": Workload("a 10 MB array through a Pipe", 10, _pipe_array, pipes=True),
}
