"""The end of a loky pool: every way of it leaves no worker, thread or descriptor, and never hangs (E11 to E13)."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anypool._backends.loky import LokyBackend
from anypool.abc import PoolSpec
from anypool.errors import WorkerDied
from tests.backends.loky_support import alive, children, eventually, opened, single
from tests.backends.loky_tasks import ignore_sigterm, leave_a_thread, noted


def _descriptors() -> set[str]:
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return {os.readlink(link) for link in links if os.path.islink(link)}  # the listing's own is closed by now


def test_nothing_is_left() -> None:
    """E11: after shutdown no worker, thread, descriptor or semaphore is left, deaths included."""
    with opened(1) as pool:  # starts loky's resource tracker, which stays until the interpreter ends
        pool.submit(first := single(abs, 1))
        first.outcome()
    before, threads = _descriptors(), set(threading.enumerate())
    with opened(2) as pool:
        batches = [single(abs, 1), single(os._exit, 1), single(time.sleep, 0.3), single(abs, 1)]
        for batch in batches:
            pool.submit(batch)
        for batch in batches:
            batch.outcome()
    assert eventually(lambda: _descriptors() == before)  # a thread that has ended lets go a moment later
    assert set(threading.enumerate()) <= threads
    assert not children()
    gc.collect()
    assert not [name for name in os.listdir("/dev/shm") if name.startswith(f"sem.loky-{os.getpid()}-")]


def test_shutdown_finishes_what_is_pending() -> None:
    """E11: shutdown(wait=True) runs everything that was submitted."""
    with opened(1) as pool:
        batches = [single(time.sleep, 0.01) for _ in range(10)]
        for batch in batches:
            pool.submit(batch)
        pool.shutdown(wait=True, cancel_pending=False)
        assert all(batch.done.is_set() for batch in batches)


def test_shutdown_without_waiting() -> None:
    """E11: shutdown(wait=False) returns at once, and all runs to its end."""
    with opened(1) as pool:
        batches = [single(time.sleep, 0.1) for _ in range(3)]
        for batch in batches:
            pool.submit(batch)
        began = time.monotonic()
        pool.shutdown(wait=False, cancel_pending=False)
        assert time.monotonic() - began < 0.1
        assert [batch.outcome() for batch in batches] == [None] * 3
        assert eventually(lambda: not children())


def test_shutdown_cancels_what_is_pending() -> None:
    """E11: cancel_futures, which loky itself does not have."""
    with opened(1) as pool:
        running = single(time.sleep, 0.5)
        pending = [single(time.sleep, 9) for _ in range(5)]
        for batch in (running, *pending):
            pool.submit(batch)
        assert eventually(lambda: running.claims == 1)
        pool.shutdown(wait=True, cancel_pending=True)
        assert running.outcome() is None
        assert all(batch.cancelled and not batch.claims for batch in pending)


@pytest.mark.parametrize("force", [False, True])
def test_stop(force: bool) -> None:
    """E11: running calls get WorkerDied, pending ones are cancelled, the workers are gone on return."""
    with opened(2) as pool:
        running = [single(time.sleep, 60) for _ in range(2)]
        pending = single(abs, 1)
        for batch in (*running, pending):
            pool.submit(batch)
        assert eventually(lambda: all(batch.claims for batch in running))
        began = time.monotonic()
        pool.stop(force=force)
        assert time.monotonic() - began < 2
        assert not children()
        assert all(isinstance(batch.outcome(), WorkerDied) for batch in running)
        assert pending.cancelled


def test_stop_ends_those_that_do_not_listen(tmp_path: Path) -> None:
    """E11: SIGKILL follows a SIGTERM that was ignored."""
    with opened(1) as pool:
        pool.submit(single(ignore_sigterm, tmp_path / "up"))
        assert eventually((tmp_path / "up").exists)
        began = time.monotonic()
        pool.stop(force=False)
        assert time.monotonic() - began < 3
        assert not children()


def test_stop_while_workers_boot() -> None:
    """E11: a pool may be stopped at any moment of its start."""
    for pause in (0.0, 0.01, 0.02, 0.05, 0.1):
        with opened(2) as pool:
            batches = [single(time.sleep, 60) for _ in range(2)]
            for batch in batches:
                pool.submit(batch)
            time.sleep(pause)
            began = time.monotonic()
            pool.stop(force=True)
            assert time.monotonic() - began < 2
            assert all(batch.cancelled or isinstance(batch.outcome(), WorkerDied) for batch in batches)
            assert not children()


def test_a_thread_left_behind_delays_the_end_only_so_long() -> None:
    """E11: a worker that does not leave is ended."""
    with opened(1) as pool:
        pool.submit(batch := single(leave_a_thread))
        batch.outcome()
        began = time.monotonic()
        pool.shutdown(wait=True, cancel_pending=False)
        assert time.monotonic() - began < 8
        assert not children()


def test_a_pool_without_tasks_costs_nothing() -> None:
    """No thread and no process before the first batch; and ending such a pool is no work."""
    threads = threading.active_count()
    pool = LokyBackend().open(PoolSpec(max_workers=2))
    assert threading.active_count() == threads and not children()
    pool.shutdown(wait=True, cancel_pending=False)


# --- whole programs --------------------------------------------------------------------------------------------------

_PROGRAM = """
import os, sys, time
sys.path.insert(0, {folder!r})
from pathlib import Path
from tests.backends.loky_support import FakeBatch, LokyBackend, PoolSpec, children, eventually, single
from tests.backends.loky_tasks import note
path = Path({path!r})
def slowly(path, number):
    time.sleep(0.1)
    return note(path, number)
DEATHS = 0 if sys.version_info[:2] == (3, 12) else 3  # it starts no threads at exit, so no lanes
pool = LokyBackend().open(PoolSpec(max_workers=2))
"""


@contextmanager
def _started(path: Path, body: str) -> Iterator[subprocess.Popen[str]]:
    source = _PROGRAM.format(folder=str(Path(__file__).parents[2]), path=str(path)) + textwrap.dedent(body)
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", source],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def test_exit_without_shutdown_finishes_the_work(tmp_path: Path) -> None:
    """E3, E11: pending work is finished at exit, deaths of workers included; an unguarded program is not run again."""
    with _started(
        tmp_path / "ran",
        """
        batches = [single(slowly, path, number) for number in range(4)] + [single(os._exit, 1) for _ in range(DEATHS)]
        batches += [single(slowly, path, number) for number in range(4, 8)]
        for batch in batches: pool.submit(batch)
        """,
    ) as program:
        out, err = program.communicate(timeout=20)
        assert (program.returncode, out, err) == (0, "", "")
        assert sorted(noted(tmp_path / "ran")) == list(range(8))


def test_interrupt_ends_all_at_once(tmp_path: Path) -> None:
    """E12: after a Ctrl-C of the whole group the workers are gone within 2 s, with one traceback, the caller's."""
    with _started(
        tmp_path / "ran",
        """
        batches = [single(time.sleep, 60) for number in range(4)]
        for batch in batches: pool.submit(batch)
        eventually(lambda: batches[0].claims + batches[1].claims == 2)
        print(*children(), flush=True)
        time.sleep(60)
        """,
    ) as program:
        assert program.stdout is not None
        workers = [int(pid) for pid in program.stdout.readline().split()]
        began = time.monotonic()
        os.killpg(program.pid, signal.SIGINT)
        _, err = program.communicate(timeout=20)
        assert time.monotonic() - began < 2
        assert len(workers) == 2 and not any(alive(pid) for pid in workers)
        assert err.count("Traceback") == 1 and err.rstrip().endswith("KeyboardInterrupt")


def test_workers_go_with_a_killed_parent(tmp_path: Path) -> None:
    """E13: after a SIGKILL of the parent its workers, busy and idle, are gone within 2 s."""
    with _started(
        tmp_path / "ran",
        """
        def busy():
            while True: sum(range(10**9))
        first, second = single(time.sleep, 0.5), single(time.sleep, 0.5)
        pool.submit(first); pool.submit(second)
        first.outcome(); second.outcome()
        third = single(busy)
        pool.submit(third)
        eventually(lambda: third.claims == 1)
        print(*children(), flush=True)
        time.sleep(60)
        """,
    ) as program:
        assert program.stdout is not None
        workers = [int(pid) for pid in program.stdout.readline().split()]
        assert len(workers) == 2
        program.kill()
        assert eventually(lambda: not any(alive(pid) for pid in workers), 2)
        program.communicate(timeout=20)


def test_a_forked_copy_is_inert(tmp_path: Path) -> None:
    """E11, E13: a fork of the parent cannot submit, and does not keep the workers alive after the parent's death."""
    with _started(
        tmp_path / "ran",
        """
        pool.submit(first := single(os.getpid))
        pid = first.outcome()
        if not os.fork():
            try:
                pool.submit(single(abs, 1))
            except RuntimeError as error:
                print(pid, os.getpid(), error, flush=True)
            os.close(1); os.close(2)
            time.sleep(60)
        time.sleep(60)
        """,
    ) as program:
        assert program.stdout is not None
        worker, copy, *words = program.stdout.readline().split()
        assert "fork()" in " ".join(words)
        program.kill()
        assert eventually(lambda: not alive(int(worker)), 2)
        os.kill(int(copy), signal.SIGKILL)
        program.communicate(timeout=20)
