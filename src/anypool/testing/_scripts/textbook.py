"""A program without an executor, as written for ``multiprocessing``, on the backend that the environment names (X3)."""

import os
import sys
from typing import Any

import anypool as multiprocessing
from anypool import get_context

backend = sys.argv[1]


def work(lock: Any, results: Any, number: int) -> None:
    """Answer under a lock."""
    with lock:
        results.put((number, os.getpid()))


def answer(end: Any, ready: Any, places: Any) -> None:
    """Answer over a pipe, after an event."""
    ready.wait()
    with places:
        end.send(end.recv() * 2)
    end.close()


for names in (multiprocessing, get_context(), get_context(backend)):
    lock, results = names.Lock(), names.Queue()
    processes = [names.Process(target=work, args=(lock, results, number)) for number in range(3)]
    for process in processes:
        process.start()
    got = [results.get() for _ in processes]
    for process in processes:
        process.join()
    assert sorted(number for number, _ in got) == [0, 1, 2]
    assert {pid for _, pid in got} == {process.pid for process in processes}
    assert [process.exitcode for process in processes] == [0, 0, 0]

    parent, child = names.Pipe()
    ready, places, guard = names.Event(), names.BoundedSemaphore(2), names.RLock()
    with guard, names.Semaphore():
        process = names.Process(target=answer, args=(child, ready, places))
        process.start()
        child.close()
        parent.send(21)
        ready.set()
        assert parent.recv() == 42
        try:
            parent.recv()
        except EOFError:
            process.join()
    assert 1 <= names.cpu_count() <= (os.cpu_count() or 1)

print("all is well")
