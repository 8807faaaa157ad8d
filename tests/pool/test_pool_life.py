"""The pool's life: lazy start, the ways to end, collection, exit, forks, interrupts (E11, E12, E13)."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from anypool._pool._pool import ProcessPool
from anypool.abc import PoolSpec
from anypool.errors import WorkerDied
from tests.pool.pool_support import PATIENCE, FakeBatch, append, eventually, hang, is_alive

MakePool = Callable[..., ProcessPool]


def pids_in(log: Path, count: int) -> list[int]:
    """Wait for ``count`` lines with a pid each."""
    assert eventually(lambda: log.exists() and len(log.read_text().splitlines()) >= count)
    return [int(line) for line in log.read_text().splitlines()]


def test_workers_start_as_work_comes(make_pool: MakePool) -> None:
    """One task at a time needs one worker, as in the standard library."""
    pool = make_pool(4)
    assert not pool._supervisor.thread.is_alive()
    pids = set()
    for _ in range(5):
        pool.submit(batch := FakeBatch(os.getpid, ()))
        pids.add(batch.result())
    assert len(pids) == 1


def test_ranks(make_pool: MakePool, tmp_path: Path) -> None:
    """E14: ranks are 0 to n-1, and a replacement takes its predecessor's."""
    pool = make_pool(3)

    def ranks(log: Path) -> list[int]:
        batches = [FakeBatch(_rank_among, (log, 3)) for _ in range(3)]
        for batch in batches:
            pool.submit(batch)
        return sorted(batch.result() for batch in batches)

    assert ranks(tmp_path / "first") == [0, 1, 2]
    members = pool._supervisor.dispatcher.members
    members[1].handle.send_signal(signal.SIGKILL)
    assert eventually(lambda: 1 not in members)
    assert ranks(tmp_path / "second") == [0, 1, 2]


def _rank_among(log: Path, count: int) -> int:
    """Wait until ``count`` run at the same time, and give the rank."""
    from anypool._core.worker_info import worker

    append(log, "here")
    assert eventually(lambda: len(log.read_text().splitlines()) == count)
    return worker().rank


def test_shutdown_finishes_what_waits(make_pool: MakePool) -> None:
    """E11: ``shutdown(wait=True)`` ends everything, and is idempotent."""
    pool = make_pool(2)
    batches = [FakeBatch(abs, (-n,)) for n in range(20)]
    for batch in batches:
        pool.submit(batch)
    members = pool._supervisor.dispatcher.members
    pool.shutdown(wait=False, cancel_pending=False)
    pool.shutdown(wait=True, cancel_pending=False)
    assert all(batch.futures[0].done() for batch in batches)
    assert not members and not pool._supervisor.thread.is_alive()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        pool.submit(FakeBatch(abs, (-3,)))


def test_shutdown_of_an_unused_pool(make_pool: MakePool) -> None:
    """E11: a pool that never ran anything has nothing to wait for."""
    pool = make_pool(2)
    pool.shutdown(wait=True, cancel_pending=True)
    pool.shutdown(wait=True, cancel_pending=True)
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        pool.submit(FakeBatch(abs, (-3,)))


def test_shutdown_cancels(make_pool: MakePool, tmp_path: Path) -> None:
    """E11: ``cancel_futures`` cancels what has not been claimed."""
    pool = make_pool(1)
    pool.submit(running := FakeBatch(_wait_for, (tmp_path / "go",)))
    assert eventually(lambda: running.claims)
    pool.submit(waiting := FakeBatch(abs, (-3,)))
    pool.shutdown(wait=False, cancel_pending=True)
    assert eventually(lambda: waiting.cancelled)
    (tmp_path / "go").touch()
    pool.shutdown(wait=True, cancel_pending=True)
    assert running.result() and waiting.futures[0].cancelled()


def _wait_for(path: Path) -> bool:
    while not path.exists():
        time.sleep(0.005)
    return True


@pytest.mark.parametrize("force", [False, True])
def test_stop(make_pool: MakePool, tmp_path: Path, force: bool) -> None:
    """E11: ``terminate_workers`` and ``kill_workers`` end running tasks, even those that ignore SIGTERM."""
    pool = make_pool(2)
    log = tmp_path / "log"
    running = [FakeBatch(_ignore_sigterm_and_hang, (log,)), FakeBatch(hang, (log,))]
    waiting = FakeBatch(abs, (-3,))
    for batch in (*running, waiting):
        pool.submit(batch)
    pids = pids_in(log, 2)
    began = time.monotonic()
    pool.stop(force=force)
    assert time.monotonic() - began < 3
    assert not any(is_alive(pid) for pid in pids)
    for batch in running:
        assert isinstance(batch.error(), WorkerDied)
    assert waiting.futures[0].cancelled()


def _ignore_sigterm_and_hang(log: Path) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang(log)


def test_stop_while_workers_boot(make_pool: MakePool) -> None:
    """E11: a stop at the earliest moment."""
    pool = make_pool(2)
    batches = [FakeBatch(abs, (-3,)) for _ in range(4)]
    for batch in batches:
        pool.submit(batch)
    pool.stop(force=False)
    assert all(batch.futures[0].done() for batch in batches)


def test_left_over_thread(make_pool: MakePool, monkeypatch: pytest.MonkeyPatch) -> None:
    """E11: a thread that a task left behind does not hold up the end for ever."""
    from anypool._pool import _member

    monkeypatch.setattr(_member, "_EXIT_GRACE", 0.5)
    pool = make_pool(1)
    pool.submit(batch := FakeBatch(_leave_a_thread, ()))
    batch.result()
    began = time.monotonic()
    pool.shutdown(wait=True, cancel_pending=False)
    assert 0.4 < time.monotonic() - began < 3


def _leave_a_thread() -> None:
    threading.Thread(target=threading.Event().wait).start()


def test_exit_handlers_run(make_pool: MakePool, tmp_path: Path) -> None:
    """E11: a worker that leaves runs its ``atexit`` handlers."""
    pool = make_pool(1)
    pool.submit(batch := FakeBatch(_at_exit, (tmp_path / "log",)))
    batch.result()
    pool.shutdown(wait=True, cancel_pending=False)
    assert (tmp_path / "log").read_text() == "bye\n"


def _at_exit(log: Path) -> None:
    import atexit

    atexit.register(append, log, "bye")


def test_collected(tmp_path: Path) -> None:
    """E11: a dropped pool finishes what it has, and then nothing of it is left."""
    pool = ProcessPool(PoolSpec(max_workers=2))
    batches = [FakeBatch(time.sleep, (0.1,)) for _ in range(4)]
    for batch in batches:
        pool.submit(batch)
    thread = pool._supervisor.thread
    supervisor = weakref.ref(pool._supervisor)
    del pool
    gc.collect()
    for batch in batches:
        assert batch.result() is None
    thread.join(PATIENCE)
    assert not thread.is_alive()
    del thread
    gc.collect()
    assert supervisor() is None


def test_submit_from_a_callback(pool: ProcessPool) -> None:
    """A done-callback runs in the pool's thread, and may submit."""
    done = threading.Event()
    later: list[FakeBatch] = []

    def resubmit(future: Any) -> None:
        batch = FakeBatch(abs, (-len(later),))
        later.append(batch)
        if len(later) < 50:
            batch.futures[0].add_done_callback(resubmit)
        else:
            batch.futures[0].add_done_callback(lambda future: done.set())
        pool.submit(batch)

    first = FakeBatch(abs, (-3,))
    first.futures[0].add_done_callback(resubmit)
    pool.submit(first)
    assert done.wait(PATIENCE)


def test_shutdown_from_a_callback(make_pool: MakePool) -> None:
    """The pool's thread cannot wait for itself."""
    pool = make_pool(1)
    batch = FakeBatch(abs, (-3,))
    batch.futures[0].add_done_callback(lambda future: pool.shutdown(wait=True, cancel_pending=False))
    pool.submit(batch)
    assert batch.result() == 3
    pool._supervisor.thread.join(PATIENCE)
    assert not pool._supervisor.thread.is_alive()


def test_submit_from_the_collector(pool: ProcessPool) -> None:
    """The collector may run a finalizer that submits while this thread is inside ``submit``."""
    extra: list[FakeBatch] = []

    class Loop:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            batch = FakeBatch(abs, (-1,))
            extra.append(batch)
            pool.submit(batch)

    thresholds = gc.get_threshold()
    gc.set_threshold(5, 2, 2)
    try:
        batches = []
        for n in range(100):
            Loop()
            batches.append(FakeBatch(abs, (-n,)))
            pool.submit(batches[-1])
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    assert [batch.result() for batch in batches] == list(range(100))
    assert len(extra) == 100 and all(batch.result() == 1 for batch in extra)


def test_interrupted_anywhere(make_pool: MakePool) -> None:
    """E12: wherever in ``submit`` a Ctrl-C falls, all other batches end, none twice (``FakeBatch`` checks)."""
    pool = make_pool(2)
    pool.submit(first := FakeBatch(abs, (-3,)))
    first.result()

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    hits = 0
    try:
        for _ in range(300):
            before = [FakeBatch(abs, (-n,)) for n in range(3)]
            interrupted = FakeBatch(abs, (-9,))
            after = [FakeBatch(abs, (-n,)) for n in range(2)]
            for batch in before:
                pool.submit(batch)
            try:
                signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 80e-6))
                pool.submit(interrupted)
                for _ in range(10_000):
                    pass  # until the signal comes, if it has not yet
            except KeyboardInterrupt:
                hits += 1
            for batch in after:
                pool.submit(batch)
            for batch in before:
                assert batch.futures[0].exception(PATIENCE) is None or isinstance(batch.error(), WorkerDied)
            assert [batch.result() for batch in after] == [0, 1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert hits > 200


def test_forked_copy_is_inert(pool: ProcessPool) -> None:
    """A fork of the program cannot use the pool, and its exit does not touch it."""
    pool.submit(batch := FakeBatch(os.getpid, ()))
    pid = batch.result()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            pool.submit(FakeBatch(abs, (-3,)))
        except RuntimeError as error:
            status = 0 if "forked copy" in str(error) else 2
        pool.shutdown(wait=True, cancel_pending=True)
        del pool
        gc.collect()
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    pool.submit(after := FakeBatch(os.getpid, ()))
    assert after.result() == pid


# -- whole programs ---------------------------------------------------------------------------------------------------

_PROGRAM = """
import os, signal, sys, threading, time
from anypool import Executor

def show(text):
    # print() would write the line and its end apart where Python is told not to buffer.
    os.write(1, f"{text}\\n".encode())

def hang():
    show(os.getpid())
    while True:
        pass

def nap(n):
    time.sleep(0.1)
    show(f"ran {n}")
"""


Start = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start programs, each in a session of its own so that it can be sent what a terminal sends."""
    with contextlib.ExitStack() as stack:
        yield lambda program: stack.enter_context(_running(program))


@contextlib.contextmanager
def _running(program: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _PROGRAM + textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def read_pids(process: subprocess.Popen[str], count: int) -> list[int]:
    """Read the pids that its workers print."""
    assert process.stdout is not None
    return [int(process.stdout.readline()) for _ in range(count)]


def test_exit_without_shutdown(start: Start) -> None:
    """E11: the interpreter finishes what was submitted, as the standard library's pools do, and leaves nothing."""
    process = start("""
        ex = Executor("process", max_workers=2)
        for n in range(5):
            ex.submit(nap, n)
        """)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and err == ""
    assert sorted(out.splitlines()) == [f"ran {n}" for n in range(5)]


def test_exit_with_a_dropped_executor(start: Start) -> None:
    """E11: so it does where nobody holds the executor any more."""
    process = start("""
        for n in range(5):
            Executor("process", max_workers=1).submit(nap, n)
        """)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and err == ""
    assert sorted(out.splitlines()) == [f"ran {n}" for n in range(5)]


def test_parent_is_killed(start: Start) -> None:
    """E13: workers, busy and idle, and their own workers are gone within 2 s."""
    process = start("""
        ex = Executor("process", max_workers=2)
        def nest():
            with Executor("process", max_workers=1) as inner:
                inner.submit(hang).result()
        pid = ex.submit(os.getpid).result()
        show(pid)
        ex.submit(hang)
        ex.submit(nest)
        idle = Executor("process", max_workers=1)
        show(idle.submit(os.getpid).result())
        threading.Event().wait()
        """)
    pids = read_pids(process, 4)
    assert all(is_alive(pid) for pid in pids)
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert eventually(lambda: not any(is_alive(pid) for pid in pids), 2)


@pytest.mark.parametrize("where", ["result", "with", "exit"])
def test_ctrl_c(start: Start, where: str) -> None:
    """E12: one Ctrl-C from the terminal raises once in the caller, and the workers are gone within 2 s."""
    process = start(
        {
            "result": "ex = Executor(max_workers=2); ex.submit(hang); ex.submit(hang).result()",
            "with": "with Executor(max_workers=2) as ex: ex.submit(hang); ex.submit(hang)",
            "exit": "ex = Executor(max_workers=2); ex.submit(hang); ex.submit(hang)",
        }[where]
    )
    pids = read_pids(process, 2)
    os.killpg(process.pid, signal.SIGINT)
    began = time.monotonic()
    _, err = process.communicate(timeout=PATIENCE)
    assert time.monotonic() - began < 2
    assert not any(is_alive(pid) for pid in pids)
    assert err.count("KeyboardInterrupt") == 1
    if where != "exit":
        assert process.returncode == -signal.SIGINT


def test_output_of_workers(start: Start) -> None:
    """What workers write to their standard error comes out of the program's."""
    process = start("""
        with Executor("process", max_workers=2) as ex:
            for n in range(20):
                ex.submit(os.write, 2, b"x" * 9_999 + b"\\n")
        """)
    _, err = process.communicate(timeout=PATIENCE)
    assert err.count("x") == 20 * 9_999
