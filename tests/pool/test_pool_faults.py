"""Deaths, kills, deadlines and other trouble: exactly the call that ran is hit (E2, E5, E6, E7, E8, E15)."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path

import pytest

from anypool._pool._pool import ProcessPool
from anypool.errors import InitializerFailed, TaskTimeout, WorkerDied
from tests.pool.pool_support import PATIENCE, FakeBatch, append, die, eventually, hang, is_alive, log_and_wait

MakePool = Callable[..., ProcessPool]


def test_kills_at_random_points(pool: ProcessPool, tmp_path: Path) -> None:
    """E2, E6: of 500 tasks exactly those fail whose worker was killed under them, and none runs twice."""
    log = tmp_path / "log"
    batches = [
        FakeBatch(log_and_wait, *[(log, n, 0.001) for n in range(first, first + 5)], first_id=first)
        for first in range(0, 500, 5)
    ]
    for batch in batches:
        pool.submit(batch)
    futures = [future for batch in batches for future in batch.futures]
    killed: set[int] = set()
    while not all(future.done() for future in futures):
        time.sleep(random.uniform(0.02, 0.1))
        shared = pool._supervisor.dispatcher
        with contextlib.suppress(KeyError):  # it has gone meanwhile
            # Those that boot are hit too, but not so often that no work gets done on a busy machine.
            members = [m for m in list(shared.members.values()) if shared.scheduler.is_ready(m.rank) or _rarely()]
            if not members:
                continue
            victim = random.choice(members)
            killed.add(victim.pid)
            victim.handle.send_signal(signal.SIGKILL)
    wait(futures, PATIENCE)
    runs = [line.split() for line in log.read_text().splitlines()]
    assert max(Counter(number for number, _ in runs).values()) == 1
    ran_in = {int(number): int(pid) for number, pid in runs}
    died = 0
    for number, future in enumerate(futures):
        error = future.exception()
        if error is None:
            assert future.result() == number
            continue
        died += 1
        assert isinstance(error, WorkerDied)
        assert (error.task_id, error.exitcode) == (number, -signal.SIGKILL)
        assert error.pid in killed
        assert ran_in.get(number, error.pid) == error.pid
    assert died <= len(killed)
    missing = set(range(500)) - set(ran_in)
    assert all(isinstance(futures[number].exception(), WorkerDied) for number in missing)


def _rarely() -> bool:
    return random.random() < 0.1


def test_one_death_hits_one_call_of_a_batch(pool: ProcessPool) -> None:
    """E6: the calls before and after the fatal one have their results."""
    batch = FakeBatch(_die_if, (1, 2), (2, 2), (3, 2), (4, 2), first_id=10)
    pool.submit(batch)
    assert [batch.result(index) for index in (0, 2, 3)] == [1, 3, 4]
    error = batch.error(1)
    assert isinstance(error, WorkerDied) and error.task_id == 11


def _die_if(number: int, fatal: int) -> int:
    if number == fatal:
        die()
    return number


def test_last_words(pool: ProcessPool) -> None:
    """E6: the error tells name, id, signal, and what the worker wrote to its standard error."""
    batch = FakeBatch(_complain_and_die, (), first_id=7)
    pool.submit(batch)
    error = batch.error()
    assert isinstance(error, WorkerDied)
    assert error.stderr[-2:] == ("line 98", "line 99") and len(error.stderr) == 20
    for part in ("_complain_and_die", "id 7", "SIGABRT", str(error.pid), error.host, "line 99"):
        assert part in str(error)


def _complain_and_die() -> None:
    for number in range(100):
        print("line", number, file=sys.stderr)
    sys.stderr.flush()
    signal.signal(signal.SIGABRT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGABRT)


def test_exit_code(pool: ProcessPool) -> None:
    """E6: ``os._exit`` is a death with a status."""
    batch = FakeBatch(os._exit, (3,))
    pool.submit(batch)
    error = batch.error()
    assert isinstance(error, WorkerDied) and error.exitcode == 3
    assert "exited with status 3" in str(error)


def test_death_while_the_result_is_sent(make_pool: MakePool) -> None:
    """E6: a result that was sent in part is none."""
    pool = make_pool(1)
    pool.submit(first := FakeBatch(os.getpid, ()))
    pid = first.result()
    supervisor = pool._supervisor
    member = supervisor.dispatcher.members[0]
    before = member.channel.receive
    seen = threading.Event()

    def receive(*, everything: bool = False) -> list[tuple[int, memoryview]]:
        frames = before(everything=everything)
        if member.channel._large is not None and not seen.is_set():
            os.kill(pid, signal.SIGKILL)
            seen.set()
        return frames

    member.channel.receive = receive  # type: ignore[method-assign]  # to hit the very moment
    pool.submit(batch := FakeBatch(bytes, (50_000_000,)))
    pool.submit(after := FakeBatch(os.getpid, ()))
    assert isinstance(batch.error(), WorkerDied)
    assert seen.is_set() and after.result() != pid


def test_large_both_ways(pool: ProcessPool) -> None:
    """The pool never blocks on a full channel, so large arguments and large results pass one another."""
    batches = [FakeBatch(_echo, (bytes([n]) * 20_000_000,), (b"x" * n,), (os.urandom(300_000),)) for n in range(4)]
    for batch in batches:
        pool.submit(batch)
    for n, batch in enumerate(batches):
        assert batch.result() == bytes([n]) * 20_000_000
        assert batch.result(1) == b"x" * n
        assert len(batch.result(2)) == 300_000


def _echo(data: bytes) -> bytes:
    return data


def test_arguments_that_cannot_be_received(make_pool: MakePool) -> None:
    """E6: what kills each worker before it starts fails in bounded time, and the pool goes on."""
    pool = make_pool(1, _limit_memory)
    batch = FakeBatch(len, (b"x" * 400_000_000,))
    pool.submit(batch)
    error = batch.error()
    assert isinstance(error, WorkerDied | MemoryError)
    del batch
    pool.submit(after := FakeBatch(abs, (-3,)))
    assert after.result() == 3


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (300_000_000, 300_000_000))


def test_initializer_raises(make_pool: MakePool) -> None:
    """E15: what waits and what comes later fails with the cause and its traceback."""
    pool = make_pool(1, _raise, "no database")
    batches = [FakeBatch(abs, (-3,)) for _ in range(3)]
    for batch in batches:
        pool.submit(batch)
    for batch in batches:
        error = batch.error()
        assert isinstance(error, InitializerFailed)
        assert isinstance(error.__cause__, LookupError) and "no database" in str(error.__cause__)
    pool.submit(late := FakeBatch(abs, (-3,)))
    assert isinstance(late.error(), InitializerFailed)


def _raise(text: str) -> None:
    raise LookupError(text)


def test_initializer_dies(make_pool: MakePool) -> None:
    """E15: an initializer that ends its worker is told apart from a task that does."""
    pool = make_pool(2, die, signal.SIGSEGV)
    pool.submit(batch := FakeBatch(abs, (-3,), (-4,)))
    for index in range(2):
        error = batch.error(index)
        assert isinstance(error, InitializerFailed)
        assert "SIGSEGV" in str(error) and "'die'" in str(error)


def test_initializer_runs_once_a_worker(make_pool: MakePool, tmp_path: Path) -> None:
    """E15: once, before the first task."""
    pool = make_pool(2, append, tmp_path / "log", "initialized")
    batches = [FakeBatch(time.sleep, (0.05,)) for _ in range(8)]
    for batch in batches:
        pool.submit(batch)
    for batch in batches:
        batch.result()
    assert len((tmp_path / "log").read_text().splitlines()) <= 2


def test_workers_that_cannot_boot(pool: ProcessPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """E6: instead of starting workers for ever, what waits fails and says why."""
    from anypool._launch import _launcher

    boot = _launcher._BOOT
    monkeypatch.setattr(_launcher, "_BOOT", "import sys; sys.exit('no luck')")
    pool.submit(batch := FakeBatch(abs, (-3,)))
    error = batch.error()
    assert isinstance(error, WorkerDied)
    assert "could be started" in str(error) and "no luck" in str(error)
    monkeypatch.setattr(_launcher, "_BOOT", boot)
    pool.submit(after := FakeBatch(abs, (-3,)))
    assert after.result() == 3


def test_no_descriptors_left(make_pool: MakePool) -> None:
    """E6: a system that refuses to start a worker fails what waits, and the pool recovers."""
    pool = make_pool(1)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    batch = FakeBatch(abs, (-3,))
    after = FakeBatch(abs, (-3,))
    highest = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, limits[1]))
    taken = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        pool.submit(batch)
        error = batch.error()
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert isinstance(error, WorkerDied) and "could be started" in str(error)
    pool.submit(after)
    assert after.result() == 3


def test_timeout(pool: ProcessPool) -> None:
    """E7: the task is stopped at its deadline, counted from its start, and only it."""
    slow = FakeBatch(time.sleep, (60,), timeout=0.3)
    others = [FakeBatch(time.sleep, (0.2,), (0.2,), (0.2,), timeout=0.45) for _ in range(3)]
    began = time.monotonic()
    for batch in (slow, *others):
        pool.submit(batch)
    error = slow.error()
    assert isinstance(error, TaskTimeout) and isinstance(error, TimeoutError)
    assert 0.3 <= time.monotonic() - began < 3
    assert "'sleep'" in str(error) and "0.3" in str(error)
    for batch in others:
        assert [batch.result(index) for index in range(3)] == [None] * 3


def test_timeout_inside_a_batch(pool: ProcessPool) -> None:
    """E7: the calls after the late one run elsewhere."""
    batch = FakeBatch(_sleep_and_return, (1, 0), (2, 60), (3, 0), timeout=1.5)
    pool.submit(batch)
    assert (batch.result(0), batch.result(2)) == (1, 3)
    assert isinstance(batch.error(1), TaskTimeout)


def _sleep_and_return(value: int, seconds: float) -> int:
    time.sleep(seconds)
    return value


def test_kill(pool: ProcessPool, tmp_path: Path) -> None:
    """E8: a running task is stopped; one that does not run is not."""
    log = tmp_path / "log"
    pool.submit(batch := FakeBatch(hang, (log,)))
    assert eventually(log.exists) and eventually(log.read_text)
    assert pool.kill(batch)
    error = batch.error()
    assert isinstance(error, WorkerDied) and "at your request" in str(error)
    assert not pool.kill(batch)
    pool.submit(after := FakeBatch(abs, (-3,)))
    assert after.result() == 3


def test_kill_before_it_began(make_pool: MakePool) -> None:
    """E8: a claimed batch that the worker has not started must not run elsewhere after the kill."""
    pool = make_pool(1)
    pool.submit(first := FakeBatch(os.getpid, ()))
    pid = first.result()
    os.kill(pid, signal.SIGSTOP)
    batch = FakeBatch(os.getpid, (), ())
    pool.submit(batch)
    assert batch.claims and pool.kill(batch)
    assert isinstance(batch.error(0), WorkerDied)
    assert batch.result(1) != pid


def test_closed_channel(pool: ProcessPool) -> None:
    """E6: a task that closes descriptors that it did not open loses its worker, not the pool."""
    pool.submit(batch := FakeBatch(_close_everything, ()))
    error = batch.error()
    assert isinstance(error, WorkerDied)
    pool.submit(after := FakeBatch(abs, (-3,)))
    assert after.result() == 3


def _close_everything() -> None:
    os.closerange(3, 256)
    threading.Event().wait()


def test_fork_in_a_task(pool: ProcessPool) -> None:
    """E2: a forked child that returns from the task does not answer a second time."""
    pool.submit(batch := FakeBatch(os.fork, ()))
    child = batch.result()
    assert child > 0
    pool.submit(reap := FakeBatch(os.waitpid, (child, 0)))
    assert reap.futures[0].exception(PATIENCE) is None or isinstance(reap.error(), ChildProcessError)


def test_callback_that_raises(pool: ProcessPool) -> None:
    """Nothing that a done-callback raises ends the pool's thread."""
    batch = FakeBatch(abs, (-3,))
    batch.futures[0].add_done_callback(lambda future: sys.exit(1))
    pool.submit(batch)
    assert batch.result() == 3
    pool.submit(after := FakeBatch(abs, (-4,)))
    assert after.result() == 4


def test_internal_error(pool: ProcessPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the pool's thread fails everything, and hangs nothing."""
    monkeypatch.setattr(pool._supervisor._events, "_take", lambda *args: 1 / 0)
    pool.submit(batch := FakeBatch(abs, (-3,)))
    assert "ZeroDivisionError" in str(batch.error())
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(FakeBatch(abs, (-3,)))


def test_idle_worker_dies(make_pool: MakePool) -> None:
    """E6: a worker that dies between tasks costs no task."""
    pool = make_pool(1)
    for _ in range(5):
        pool.submit(batch := FakeBatch(os.getpid, ()))
        pid = batch.result()
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not is_alive(pid))
