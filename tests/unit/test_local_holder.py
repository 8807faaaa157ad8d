"""P4 and P5 of local locks: who holds one, and what happens when that process is gone."""

from __future__ import annotations

import gc
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from anypool import HolderDied
from anypool._sync.local import LocalContext, _card_file, _held, _locks, _recovery
from anypool.testing import eventually
from tests.unit.local_support import run, start


@pytest.fixture(params=["C", "Python"])
def ctx(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalContext]:
    """Give a context that is closed in the end; its locks count in C, or as on an interpreter that is not known."""
    if request.param == "Python":
        monkeypatch.setattr(_held, "_is_known_layout", lambda: False)
    context = LocalContext("process")
    yield context
    context.close()


def forked(work: Callable[[], object]) -> int:
    """Run ``work`` in a forked child, which then ends without any cleaning up; give its process id."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return pid


def ended(pid: int) -> int:
    """Wait for a child and give its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def take_and_die(lock: Any) -> None:
    """Take the lock and be killed with it."""
    lock.acquire()
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_layout_is_known() -> None:
    """The fast way is the one that runs here: a silent fall back would only show in benchmarks."""
    assert _held._is_known_layout()


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_holder(ctx: LocalContext, kind: str) -> None:
    """P5: ``holder()`` names the process that has the lock, here and in others, and nobody when it is free."""
    lock = getattr(ctx, kind)()
    assert lock.holder() is None and not lock.locked()
    with lock:
        holder = lock.holder()
        assert holder is not None
        assert (holder.name, holder.pid, holder.task_id) == ("MainProcess", os.getpid(), -1)
        assert lock.locked()
        assert run("print(args[0].holder().pid, args[0].locked())", lock) == f"{os.getpid()} True"
    assert lock.holder() is None
    with start("args[0].acquire(); print('has it', flush=True); sys.stdin.read()", lock) as child:
        assert child.stdout is not None and child.stdout.readline() == "has it\n"
        assert lock.holder()[1] == child.pid
        child.kill()


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_a_killed_holder(ctx: LocalContext, kind: str) -> None:
    """P4: the waiter is told who died, does not have the lock, and the lock works again."""
    lock = getattr(ctx, kind)()
    pid = forked(lambda: take_and_die(lock))
    assert ended(pid) == -signal.SIGKILL
    with pytest.raises(
        HolderDied, match=rf"the process MainProcess \(pid {pid} on .*ended while it held this {kind}"
    ) as raised:
        lock.acquire()
    assert (raised.value.kind, raised.value.pid, raised.value.name) == (kind, pid, "MainProcess")
    assert not lock.locked()
    with lock:
        assert lock.holder().pid == os.getpid()
    with pytest.raises((ValueError, AssertionError)):
        lock.release()


def test_a_holder_that_ended_in_peace(ctx: LocalContext) -> None:
    """P4: it makes no difference how the process ended."""
    lock = ctx.Lock()
    run("args[0].acquire()", lock)
    with pytest.raises(HolderDied):
        lock.acquire(timeout=10)
    assert lock.acquire(False)


def test_found_by_trying(ctx: LocalContext) -> None:
    """P4: somebody who only ever tries without waiting finds out too."""
    lock = ctx.Lock()
    ended(forked(lambda: take_and_die(lock)))

    def told() -> bool:
        try:
            assert not lock.acquire(False)
        except HolderDied:
            return True
        return False

    assert eventually(told)
    assert lock.acquire(False)


def test_one_waiter_is_told(ctx: LocalContext) -> None:
    """P4: of several waiters one gets ``HolderDied``; the others get the lock."""
    lock = ctx.Lock()
    told: list[HolderDied] = []
    got: list[int] = []
    ready, die = os.pipe()

    def hold() -> None:
        lock.acquire()
        os.write(die, b"!")
        signal.pause()

    pid = forked(hold)
    os.read(ready, 1)

    def wait(number: int) -> None:
        try:
            with lock:
                got.append(number)
        except HolderDied as error:
            told.append(error)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    os.kill(pid, signal.SIGKILL)
    ended(pid)
    for thread in threads:
        thread.join(30)
    os.close(ready)
    os.close(die)
    assert len(told) == 1 and told[0].pid == pid
    assert len(got) == 3


def test_a_dead_waiter(ctx: LocalContext) -> None:
    """P4: somebody who died while it waited did not have the lock."""
    lock = ctx.Lock()
    lock.acquire()
    pid = forked(lambda: lock.acquire())
    assert eventually(lambda: any(seen.waits_since for seen in _recovery.entries(lock._path)))  # type: ignore[attr-defined]
    os.kill(pid, signal.SIGKILL)
    ended(pid)
    assert lock.acquire(timeout=0.3) is False
    lock.release()
    assert lock.acquire(False)


def test_released_for_another(ctx: LocalContext) -> None:
    """P4, P5: who released a lock that somebody else took has freed it: the taker's death means nothing any more."""
    lock = ctx.Lock()
    ready, write = os.pipe()

    def take_and_stay() -> None:
        lock.acquire()
        os.write(write, b"!")
        signal.pause()

    taker = forked(take_and_stay)
    os.read(ready, 1)
    lock.release()
    assert lock.holder() is None
    assert lock.acquire(False)  # we are the holder now; the dead taker's card still shows one acquisition
    os.kill(taker, signal.SIGKILL)
    ended(taker)
    assert run("print(args[0].acquire(timeout=0.5), args[0].holder().pid)", lock) == f"False {os.getpid()}"
    lock.release()
    os.close(ready)
    os.close(write)


def test_a_death_between_semaphore_and_count(ctx: LocalContext) -> None:
    """P4: a process that is killed after it got the semaphore and before it could say so is noticed as well."""
    lock = ctx.Lock()
    ended(forked(lambda: (lock.holder(), lock._semlock.acquire())))  # type: ignore[attr-defined]
    with pytest.raises(HolderDied):
        lock.acquire(timeout=20)
    assert lock.acquire(False)


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_random_kills(ctx: LocalContext, kind: str, tmp_path: Path) -> None:
    """P4, P5: processes that fight for a lock are killed at random moments: never two inside, never stuck."""
    lock = getattr(ctx, kind)()
    inside = os.open(tmp_path / "inside", os.O_RDWR | os.O_CREAT)
    os.pwrite(inside, bytes(16), 0)

    def work() -> None:
        me = os.getpid().to_bytes(8, "little")
        while True:
            try:
                if not lock.acquire(timeout=random.choice([None, 0.005])):
                    continue
            except HolderDied:
                continue
            before = os.pread(inside, 8, 0)
            if before not in (bytes(8), me) and is_running(int.from_bytes(before, "little")):
                os._exit(3)
            os.pwrite(inside, me, 0)
            done = int.from_bytes(os.pread(inside, 8, 8), "little") + 1
            os.pwrite(inside, done.to_bytes(8, "little"), 8)
            if os.pread(inside, 8, 0) != me:
                os._exit(3)
            os.pwrite(inside, bytes(8), 0)
            lock.release()

    def progress() -> int:
        return int.from_bytes(os.pread(inside, 8, 8), "little")

    workers = [forked(work) for _ in range(3)]
    for _ in range(30):
        before = progress()
        assert eventually(lambda before=before: progress() > before, 20)  # type: ignore[misc]
        victim = workers.pop(0)
        os.kill(victim, signal.SIGKILL)
        assert ended(victim) == -signal.SIGKILL, "two were inside at once"
        workers.append(forked(work))
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
        assert ended(worker) == -signal.SIGKILL, "two were inside at once"
    os.close(inside)


def is_running(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def test_a_fork_holds_nothing(ctx: LocalContext) -> None:
    """A forked child has a card of its own: what it does cannot be mistaken for its parent's doing."""
    lock = ctx.RLock()
    with lock:
        code = ended(forked(lambda: os._exit(7 if lock.acquire(False) else 0)))
        assert code == 0
        holder = lock.holder()
        assert holder is not None and holder.pid == os.getpid()
    assert ended(forked(lambda: (lock.acquire(), lock.release()))) == 0
    assert lock.acquire(False)
    lock.release()


def test_a_method_outlives_its_lock() -> None:
    """A bound method that somebody kept works when the lock's own object is gone."""
    context = LocalContext("process")
    lock = context.Lock()
    lock.acquire()
    lock.release()
    release, acquire = lock.release, lock._try  # type: ignore[attr-defined]
    other = _locks.new_lock(context._names)
    del lock
    gc.collect()
    assert acquire(False)
    release()
    assert other.acquire(False)
    other.release()
    context.close()


def test_entries_are_used_again() -> None:
    """P8: locks that are dropped leave nothing in the card, so it does not grow."""
    context = LocalContext("process")
    keep = context.Lock()
    card = keep._entry.card  # type: ignore[attr-defined]
    size = os.stat(card.path).st_size
    for _ in range(300):
        with context.Lock():
            context.Queue().put(1)
            with context.Condition() as condition:
                assert condition
    assert os.stat(card.path).st_size == size
    many = [context.Lock() for _ in range(500)]
    assert os.stat(card.path).st_size > size
    assert many.pop().acquire(False)
    context.close()


def test_a_lock_that_is_dropped_while_taken() -> None:
    """Nobody can use its place in the card for another lock, for its holder lives."""
    context = LocalContext("process")
    lock = context.Lock()
    entry = lock._entry  # type: ignore[attr-defined]
    lock.acquire()
    del lock
    gc.collect()
    assert entry.count == 1
    assert context.Lock()._entry.address != entry.address  # type: ignore[attr-defined]
    context.close()


def test_cards_of_the_dead_go(ctx: LocalContext) -> None:
    """P8: what dead processes leave in the domain goes with the next look, not with the program's end."""
    lock = ctx.Lock()
    directory = os.path.dirname(lock._path)  # type: ignore[attr-defined]
    for _ in range(5):
        ended(forked(lambda: (lock.acquire(), lock.release())))
    _card_file.sweep(directory)
    assert len([name for name in os.listdir(directory) if name.endswith(".card")]) == 1
