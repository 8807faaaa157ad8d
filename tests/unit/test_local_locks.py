"""Local locks and semaphores: multiprocessing's behaviour, in processes that know nothing but a pickle."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from anypool._core import serialise
from anypool._sync.local import LocalContext
from tests.unit.local_support import run, start


@pytest.fixture
def ctx() -> Iterator[LocalContext]:
    """Give a context that is closed in the end."""
    context = LocalContext("process")
    yield context
    context.close()


def test_lock_excludes_a_stranger(ctx: LocalContext) -> None:
    """P1: a pickled lock is the same lock in a process that was started by hand."""
    lock = ctx.Lock()
    with lock:
        assert run("print(args[0].acquire(False), args[0].acquire(timeout=0.01))", lock) == "False False"
    assert run("print(args[0].acquire(False))", lock) == "True"
    assert not lock.acquire(timeout=-1)
    lock.release()  # P2: anybody may
    assert lock.acquire(False)


def test_lock_keeps_a_count_right(ctx: LocalContext, tmp_path: Any) -> None:
    """Mutual exclusion is strict: unprotected, this read-modify-write loses counts."""
    path = tmp_path / "count"
    path.write_text("0")
    program = """
        lock, path = args
        for _ in range(300):
            with lock:
                value = int(path.read_text())
                path.write_text(str(value + 1))
    """
    children = [start(program, ctx_lock, path) for ctx_lock in [ctx.Lock()] * 3]
    for child in children:
        child.communicate(timeout=30)
    assert path.read_text() == "900"


def test_releases_too_many(ctx: LocalContext) -> None:
    """P2: the standard library's errors."""
    for lock in (ctx.Lock(), ctx.BoundedSemaphore(2)):
        with pytest.raises(ValueError, match="semaphore or lock released too many times"):
            lock.release()
    with pytest.raises(AssertionError, match="attempt to release recursive lock not owned by thread"):
        ctx.RLock().release()
    semaphore = ctx.Semaphore(0)
    semaphore.release()
    assert semaphore.get_value() == 1


def test_rlock_is_one_object_in_a_process(ctx: LocalContext) -> None:
    """An RLock that is unpickled twice counts its owner's acquisitions together."""
    lock = ctx.RLock()
    again = pickle.loads(pickle.dumps(lock))
    assert again is lock
    assert copy.deepcopy({"lock": lock})["lock"] is lock
    program = """
        first, second = args[0], pickle.loads(pickle.dumps(args[0]))
        with first, second:
            print(first is second, second)
    """
    assert run(program, lock) == "True <RLock(owner=MainProcess, count=2)>"
    with lock:
        assert run("print(args[0].acquire(False), args[0])", lock) == "False <RLock(owner=SomeOtherProcess, count=0)>"


def test_rlock_belongs_to_its_thread(ctx: LocalContext) -> None:
    """P2: another thread can neither take nor release it."""
    lock = ctx.RLock()
    results: list[object] = []

    def other() -> None:
        results.append(lock.acquire(False))
        with pytest.raises(AssertionError):
            lock.release()

    with lock, lock:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert results == [False]


@pytest.mark.parametrize("value", [-1, 2**31])
def test_wrong_values(ctx: LocalContext, value: int) -> None:
    """P2: a semaphore's value is checked."""
    for make in (ctx.Semaphore, ctx.BoundedSemaphore):
        with pytest.raises(ValueError, match="semaphore initial value must be"):
            make(value)


def test_semaphore_across_processes(ctx: LocalContext) -> None:
    """P1: places are counted together, and the bound travels too."""
    semaphore = ctx.BoundedSemaphore(2)
    assert run("args[0].acquire(); print(args[0].get_value())", semaphore) == "1"
    assert semaphore.get_value() == 1
    semaphore.release()
    program = """
        try:
            args[0].release()
        except ValueError:
            print(args[0])
    """
    assert run(program, semaphore) == "<BoundedSemaphore(value=2, maxvalue=2)>"


def test_nested_and_captured(ctx: LocalContext) -> None:
    """P1: in a dict, and captured by a closure that travels by value."""
    lock = ctx.Lock()
    lock.acquire()
    function = serialise.dumps(lambda: lock.acquire(False))
    program = "print(pickle.loads(args[0])(), args[1]['x'][0].acquire(False))"
    assert run(program, function, {"x": [lock]}) == "False False"


def test_forked_child(ctx: LocalContext) -> None:
    """A fork does not own its parent's RLock, and removes nothing."""
    lock = ctx.RLock()
    with lock:
        pid = os.fork()
        if pid == 0:
            taken = lock.acquire(False)
            del lock
            gc.collect()
            os._exit(int(taken))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert run("print(args[0].acquire(False))", lock) == "False"


def test_interrupted_by_a_signal(ctx: LocalContext) -> None:
    """E12: a Ctrl-C ends a wait for a lock."""
    lock = ctx.Lock()
    lock.acquire()
    program = """
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            args[0].acquire()
        except KeyboardInterrupt:
            print("interrupted")
    """
    assert run(program, lock) == "interrupted"
