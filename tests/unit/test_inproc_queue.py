"""Queue inside one process, with real threads and in turns."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anypool._core import worker_info
from anypool._sync.inproc import InprocContext, SerialMonitor, ThreadMonitor
from anypool.errors import SerializationError

KINDS = {"thread": ThreadMonitor, "serial": SerialMonitor}


@pytest.fixture(params=["thread", "serial"])
def ctx(request: pytest.FixtureRequest) -> InprocContext:
    """A context of either kind."""
    return InprocContext(request.param, KINDS[request.param])


@pytest.fixture(params=["thread", "serial"])
def isolated(request: pytest.FixtureRequest) -> InprocContext:
    """A context of either kind that copies."""
    return InprocContext(request.param, KINDS[request.param], isolate=True)


OPERATIONS = st.lists(st.one_of(st.tuples(st.just("put"), st.integers()), st.tuples(st.just("get"), st.just(0))))


@settings(max_examples=60, deadline=None)
@given(operations=OPERATIONS, maxsize=st.integers(0, 3), kind=st.sampled_from(["thread", "serial"]))
def test_queue_is_a_deque_with_a_limit(operations: list[tuple[str, int]], maxsize: int, kind: str) -> None:
    """P2: whatever is put comes out in order; Full and Empty come exactly when a model says so."""
    subject = InprocContext(kind, KINDS[kind]).Queue(maxsize)
    model: deque[int] = deque()
    for operation, value in operations:
        if operation == "put":
            if maxsize and len(model) == maxsize:
                with pytest.raises(queue.Full):
                    subject.put_nowait(value)
            else:
                subject.put_nowait(value)
                model.append(value)
        elif model:
            assert subject.get_nowait() == model.popleft()
        else:
            with pytest.raises(queue.Empty):
                subject.get_nowait()
        assert subject.qsize() == len(model)
        assert subject.empty() == (not model)
        assert subject.full() == bool(maxsize and len(model) == maxsize)


def test_full_and_empty_after_a_timeout(ctx: InprocContext) -> None:
    """P2: the standard queue's exceptions; a negative timeout is none."""
    subject = ctx.Queue(1)
    with pytest.raises(queue.Empty):
        subject.get(timeout=0.01)
    subject.put(1)
    with pytest.raises(queue.Full):
        subject.put(2, timeout=0.01)
    with pytest.raises(queue.Full):
        subject.put(2, True, -5)
    with pytest.raises(ValueError, match="maxsize must not be negative"):
        ctx.Queue(-1)


def test_closed_for_this_process(ctx: InprocContext) -> None:
    """P2: ValueError with multiprocessing's text; close() twice is fine; join_thread() wants it closed."""
    subject = ctx.Queue()
    with pytest.raises(ValueError, match="not closed"):
        subject.join_thread()
    subject.close()
    subject.close()
    subject.join_thread()
    subject.cancel_join_thread()
    with pytest.raises(ValueError, match=r"Queue <.*> is closed"):
        subject.put(1)
    with pytest.raises(ValueError, match=r"Queue <.*> is closed"):
        subject.get()


def test_a_parent_that_closes_leaves_the_child_its_queue(ctx: InprocContext) -> None:
    """P2: between processes close() is each one's own affair."""
    work, results = ctx.Queue(), ctx.Queue()
    process = ctx.Process(target=lambda: results.put(work.get() * 2))
    process.start()
    work.put(21)
    work.close()
    assert results.get() == 42
    process.join()
    assert process.exitcode == 0


def test_a_task_that_closes_leaves_the_others_their_queue(ctx: InprocContext) -> None:
    """P2: a task has its own idea of closed, as if it ran in a process of its own."""
    subject = ctx.Queue()
    for _ in range(2):
        before = worker_info.set_task(0, "task", 1)
        subject.put(1)
        subject.close()
        with pytest.raises(ValueError, match="is closed"):
            subject.put(2)
        subject.join_thread()
        worker_info.clear_task(before)
        subject.put(3)
    assert [subject.get() for _ in range(4)] == [1, 3, 1, 3]


def test_nothing_is_lost_or_doubled_between_many(ctx: InprocContext) -> None:
    """P3: 4 putters, 3 getters, a small queue: each item arrives once."""
    subject, results = ctx.Queue(3), ctx.Queue()

    def put(base: int) -> None:
        for i in range(100):
            subject.put(base + i)

    def get() -> None:
        while (item := subject.get()) is not None:
            results.put(item)

    putters = [ctx.Process(target=put, args=(1000 * n,)) for n in range(4)]
    getters = [ctx.Process(target=get) for _ in range(3)]
    for process in putters + getters:
        process.start()
    for process in putters:
        process.join()
    for _ in getters:
        subject.put(None)
    for process in getters:
        process.join()
    got = sorted(results.get() for _ in range(400))
    assert got == sorted(1000 * n + i for n in range(4) for i in range(100))
    assert results.empty()


def test_shared_by_reference_unless_isolated(ctx: InprocContext, isolated: InprocContext) -> None:
    """E4: in-process backends share; isolate=True copies at put."""
    item: list[int] = []
    shared, copied = ctx.Queue(), isolated.Queue()
    shared.put(item)
    copied.put(item)
    item.append(1)
    assert shared.get() is item
    assert copied.get() == []


def test_isolated_put_raises_for_what_cannot_travel(isolated: InprocContext) -> None:
    """E5: the error comes from put(), and nothing was put."""
    subject = isolated.Queue()
    with pytest.raises(SerializationError, match="item"):
        subject.put({"lock": threading.Lock()})
    assert subject.qsize() == 0


def test_primitives_travel_through_isolated_queues(isolated: InprocContext) -> None:
    """P1: and stay alive although nobody else holds them meanwhile."""
    subject = isolated.Queue()
    subject.put({"lock": isolated.Lock(), "one": isolated.Pipe()[0]})
    got = subject.get()
    with got["lock"]:
        assert not got["one"].closed


def test_put_in_a_finaliser_and_in_a_signal_handler(ctx: InprocContext) -> None:
    """A finaliser may run in the middle of the same queue's critical section."""
    subject = ctx.Queue()

    class Noisy:
        def __del__(self) -> None:
            subject.put("gone")

    with subject._monitor:  # type: ignore[attr-defined]
        Noisy()
    assert subject.get(timeout=5) == "gone"


def test_getters_that_time_out_pass_their_wakeup_on(ctx: InprocContext) -> None:
    """No lost wake-up where timeouts and items race."""
    subject, results = ctx.Queue(), ctx.Queue()

    def get() -> None:
        for _ in range(30):
            with contextlib.suppress(queue.Empty):
                results.put(subject.get(timeout=0.001))

    getters = [ctx.Process(target=get) for _ in range(3)]
    for getter in getters:
        getter.start()
    for i in range(30):
        subject.put(i)
    for getter in getters:
        getter.join()
    assert sorted(results.get() for _ in range(results.qsize())) == list(range(30))
