"""Lock, RLock, semaphores and Event inside one process, with real threads and in turns."""

from __future__ import annotations

import copy
import pickle
import threading
import time

import pytest

from anypool._sync.inproc import InprocContext, SerialMonitor, ThreadMonitor


@pytest.fixture(params=["thread", "serial"])
def ctx(request: pytest.FixtureRequest) -> InprocContext:
    """A context of either kind."""
    return InprocContext(request.param, ThreadMonitor if request.param == "thread" else SerialMonitor)


def test_lock_is_exclusive_and_any_thread_may_release(ctx: InprocContext) -> None:
    """P2: as multiprocessing's, a Lock has no owner who alone may release it."""
    lock = ctx.Lock()
    assert lock.acquire()
    assert not lock.acquire(False)
    assert not lock.acquire(True, -1)
    assert not lock.acquire(block=True, timeout=0.01)
    other = threading.Thread(target=lock.release)
    other.start()
    other.join()
    with lock:
        pass


def test_lock_refuses_a_release_too_many(ctx: InprocContext) -> None:
    """P2: the error and its text are multiprocessing's."""
    with pytest.raises(ValueError, match="semaphore or lock released too many times"):
        ctx.Lock().release()


def test_rlock_may_be_taken_again_and_only_its_owner_releases(ctx: InprocContext) -> None:
    """P2: a foreign release is an AssertionError."""
    lock = ctx.RLock()
    message = "attempt to release recursive lock not owned by thread"
    with pytest.raises(AssertionError, match=message):
        lock.release()
    with lock, lock:
        failed: list[BaseException] = []

        def foreign() -> None:
            try:
                lock.release()
            except AssertionError as error:
                failed.append(error)

        other = threading.Thread(target=foreign)
        other.start()
        other.join()
        assert message in str(failed[0])
    taken: list[bool] = []
    other = threading.Thread(target=lambda: taken.append(lock.acquire(False)))
    other.start()
    other.join()
    assert taken == [True]


def test_semaphores_count(ctx: InprocContext) -> None:
    """P2: a bounded one refuses a release too many, the other makes places."""
    plain, bounded = ctx.Semaphore(1), ctx.BoundedSemaphore(1)
    assert plain.acquire()
    assert not plain.acquire(timeout=0.01)
    plain.release()
    plain.release()
    assert plain.get_value() == 2
    with bounded:
        assert bounded.get_value() == 0
    with pytest.raises(ValueError, match="released too many times"):
        bounded.release()
    with pytest.raises(ValueError, match="must not be negative"):
        ctx.Semaphore(-1)


def test_event_wakes_all_even_if_cleared_at_once(ctx: InprocContext) -> None:
    """P2: whoever waited when set() was called has seen it."""
    event, seen = ctx.Event(), ctx.Queue()

    def wait() -> None:
        seen.put("waits")
        seen.put(event.wait())

    waiters = [ctx.Process(target=wait) for _ in range(3)]
    for waiter in waiters:
        waiter.start()
    assert [seen.get() for _ in waiters] == ["waits"] * 3
    while len(event._raised.waiters) < 3:  # type: ignore[attr-defined]
        event.is_set()
    event.set()
    event.clear()
    assert [seen.get() for _ in waiters] == [True] * 3
    for waiter in waiters:
        waiter.join()
    assert not event.wait(0.01)
    assert not event.is_set()


def test_timeouts_take_their_time(ctx: InprocContext) -> None:
    """A wait with a timeout ends in real time although nothing else runs."""
    begin = time.monotonic()
    assert not ctx.Event().wait(0.05)
    assert 0.04 < time.monotonic() - begin < 2


def test_mutual_exclusion_under_contention(ctx: InprocContext) -> None:
    """P5: a read, a switch and a write in between nobody else's."""
    lock, total = ctx.Lock(), [0]

    def add() -> None:
        for _ in range(200):
            with lock:
                value = total[0]
                time.sleep(0)
                total[0] = value + 1

    processes = [ctx.Process(target=add) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert total == [800]


def test_semaphore_lets_in_so_many(ctx: InprocContext) -> None:
    """At most two of five are inside, and all get their turn."""
    places, inside, most = ctx.Semaphore(2), [0], [0]
    guard = ctx.Lock()

    def work() -> None:
        for _ in range(50):
            with places:
                with guard:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                time.sleep(0)
                with guard:
                    inside[0] -= 1

    processes = [ctx.Process(target=work) for _ in range(5)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert most[0] <= 2
    assert places.get_value() == 2


@pytest.mark.parametrize("kind", ["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Event", "Queue"])
def test_a_copy_is_the_same_object(ctx: InprocContext, kind: str) -> None:
    """P1: pickled or deep-copied inside its process, a primitive stays itself."""
    primitive = getattr(ctx, kind)()
    assert pickle.loads(pickle.dumps(primitive)) is primitive
    assert copy.deepcopy({"nested": [primitive]})["nested"][0] is primitive
    assert repr(primitive)


def test_an_uncontended_lock_is_fast() -> None:
    """Taking and releasing costs well under two microseconds even on a slow, shared machine."""
    lock = InprocContext("thread", ThreadMonitor).Lock()
    best = 1.0
    for _ in range(20):
        begin = time.perf_counter()
        for _ in range(1000):
            lock.acquire()
            lock.release()
        best = min(best, (time.perf_counter() - begin) / 1000)
    assert best < 2e-6
