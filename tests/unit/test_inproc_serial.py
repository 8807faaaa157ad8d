"""The baton: determinism, deadlocks that are seen, and threads of the user's own."""

from __future__ import annotations

import _thread
import queue
import signal
import threading
import time
from typing import Any

import pytest

from anypool import Executor
from anypool._sync.inproc import InprocContext, SerialMonitor
from anypool.errors import WouldDeadlock


@pytest.fixture
def ctx() -> InprocContext:
    """A serial context."""
    return InprocContext("serial", SerialMonitor)


def trace_once(ctx: InprocContext) -> list[str]:
    """Let two producers and two consumers meet at a small queue, and say in which order things happened."""
    trace: list[str] = []
    items = ctx.Queue(2)

    def produce(name: str) -> None:
        for i in range(5):
            items.put(f"{name}{i}")
            trace.append(f"put {name}{i}")

    def consume(name: str) -> None:
        while (item := items.get()) is not None:
            trace.append(f"{name} got {item}")

    producers = [ctx.Process(target=produce, args=(name,)) for name in "ab"]
    consumers = [ctx.Process(target=consume, args=(name,)) for name in "xy"]
    for process in producers + consumers:
        process.start()
    for process in producers:
        process.join()
    for _ in consumers:
        items.put(None)
    for process in consumers:
        process.join()
    return trace


def test_the_same_interleaving_every_time(ctx: InprocContext) -> None:
    """The order is a function of the program alone."""
    first = trace_once(ctx)
    assert len(first) == 20
    for _ in range(50):
        assert trace_once(ctx) == first


def test_one_at_a_time(ctx: InprocContext) -> None:
    """A process runs only while the one that started it waits."""
    trace: list[str] = []
    process = ctx.Process(target=trace.append, args=("child",))
    process.start()
    time.sleep(0.02)
    trace.append("parent")
    process.join()
    assert trace == ["parent", "child"]


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        (lambda ctx: ctx.Queue().get(), "for an item of a Queue"),
        (lambda ctx: ctx.Event().wait(), "for an Event to be set"),
        (lambda ctx: ctx.Semaphore(0).acquire(), "to acquire a Semaphore"),
        (lambda ctx: (ends := ctx.Pipe(), ends[0].recv()), "for a message of a Pipe"),
    ],
)
def test_a_wait_for_ever_is_refused(ctx: InprocContext, wait: Any, words: str) -> None:
    """WouldDeadlock says who waits for what and what to do."""
    with pytest.raises(WouldDeadlock, match=words) as caught:
        wait(ctx)
    assert "MainProcess" in str(caught.value)
    assert "backend 'thread'" in str(caught.value)


def test_it_says_who_holds_the_lock(ctx: InprocContext) -> None:
    """The holder's name is in the message, be it oneself or another."""
    lock = ctx.Lock()
    with lock, pytest.raises(WouldDeadlock, match="to acquire a Lock, which it holds itself"):
        lock.acquire()
    full = ctx.Queue(1)

    def hold() -> None:
        with lock:
            full.put(1)
            full.put(2)

    process = ctx.Process(target=hold, name="holder")
    process.start()
    process.join(0.01)
    with pytest.raises(WouldDeadlock, match=r"which holder holds.*holder waits for room in a full Queue"):
        lock.acquire()
    full.get()
    process.join()
    assert process.exitcode == 0


def test_the_one_that_waited_last_gets_it(ctx: InprocContext, capsys: pytest.CaptureFixture[str]) -> None:
    """A child's wait for ever is the child's error; the parent's join() goes on."""
    process = ctx.Process(target=ctx.Queue().get)
    process.start()
    process.join()
    assert process.exitcode == 1
    assert "WouldDeadlock: Process-1 would wait for ever" in capsys.readouterr().err


def test_a_child_that_ends_leaves_the_parent_to_see_it(ctx: InprocContext) -> None:
    """Nobody has just begun to wait, so the one that waits is told."""
    process = ctx.Process(target=lambda: None)
    process.start()
    with pytest.raises(WouldDeadlock, match="MainProcess"):
        ctx.Queue().get()
    process.join()


def test_a_timeout_is_no_deadlock(ctx: InprocContext) -> None:
    """While somebody has a timeout the others wait; the earliest deadline comes first."""
    order: list[str] = []
    done = ctx.Event()

    def sleep(name: str, seconds: float) -> None:
        ctx.Event().wait(seconds)
        order.append(name)
        if len(order) == 3:
            done.set()

    for name, seconds in (("c", 0.09), ("a", 0.03), ("b", 0.06)):
        ctx.Process(target=sleep, args=(name, seconds)).start()
    assert done.wait()
    assert order == ["a", "b", "c"]


def test_polling_makes_progress(ctx: InprocContext) -> None:
    """A loop that only asks lets the others run, each time it is told no."""
    process = ctx.Process(target=time.sleep, args=(0,))
    process.start()
    while process.is_alive():
        pass
    stop, items = ctx.Event(), ctx.Queue()

    def produce() -> None:
        while not stop.is_set():
            items.put(1)

    process = ctx.Process(target=produce)
    process.start()
    while True:
        try:
            items.get_nowait()
            break
        except queue.Empty:
            continue
    stop.set()
    process.join()
    assert process.exitcode == 0


def test_an_endless_producer_keeps_nobody_out(ctx: InprocContext) -> None:
    """It never waits, and still its consumer gets a turn and can end it."""
    items = ctx.Queue()

    def produce() -> None:
        while True:
            items.put(1)

    process = ctx.Process(target=produce)
    process.start()
    assert [items.get() for _ in range(3)] == [1, 1, 1]
    process.terminate()
    process.join()
    assert process.exitcode == -15
    assert items.qsize() < 5000


def test_a_foreign_thread_may_end_the_wait(ctx: InprocContext) -> None:
    """While such a thread exists there is no deadlock; after it there is."""
    items = ctx.Queue()
    helper = threading.Timer(0.05, items.put, args=("late",))
    helper.start()
    assert items.get() == "late"
    helper.join()
    idle = threading.Timer(0.05, lambda: None)
    idle.start()
    begin = time.monotonic()
    with pytest.raises(WouldDeadlock):
        items.get()
    assert time.monotonic() - begin > 0.03


def test_a_foreign_thread_has_processes_of_its_own(ctx: InprocContext) -> None:
    """It waits for them while the program waits in thread.join(), which the baton knows nothing of."""
    codes: list[int | None] = []

    def program() -> None:
        items = ctx.Queue()
        process = ctx.Process(target=items.put, args=(1,))
        process.start()
        items.get()
        process.join()
        codes.append(process.exitcode)

    threads = [threading.Thread(target=program) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert codes == [0, 0, 0]


def test_threads_that_all_wait_are_a_deadlock(ctx: InprocContext) -> None:
    """Each is foreign to the other, yet none can move; as soon as one is told, the others may hope again."""
    items = ctx.Queue()
    outcomes: list[Any] = []

    def wait() -> None:
        try:
            outcomes.append(items.get())
        except WouldDeadlock as error:
            outcomes.append(error)

    threads = [threading.Thread(target=wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    with pytest.raises(WouldDeadlock):
        ctx.Event().wait()
    for _ in threads:
        items.put("hope")
    for thread in threads:
        thread.join(5)
    assert "hope" in outcomes or all(isinstance(outcome, WouldDeadlock) for outcome in outcomes)
    assert len(outcomes) == 2


def test_a_thread_that_ended_leaves_its_process_runnable(ctx: InprocContext) -> None:
    """Its baton is taken from it, so that a join() from elsewhere comes to an end."""
    process = ctx.Process(target=lambda: None)
    thread = threading.Thread(target=process.start)
    thread.start()
    thread.join()
    process.join()
    assert process.exitcode == 0


def test_ctrl_c_ends_a_wait(ctx: InprocContext) -> None:
    """E12: once, in the main program, although another activity runs; all goes on afterwards."""
    started = ctx.Event()

    def work() -> None:
        started.set()
        ctx.Event().wait(0.05)
        _thread.interrupt_main()
        ctx.Event().wait(0.05)

    process = ctx.Process(target=work)
    process.start()
    with pytest.raises(KeyboardInterrupt):
        process.join()
    process.join()
    assert process.exitcode == 0


def test_a_signal_handler_may_end_the_wait(ctx: InprocContext) -> None:
    """A program that waits for its SIGTERM is not deadlocked."""
    stop = ctx.Event()
    before = signal.signal(signal.SIGUSR1, lambda *_: stop.set())
    try:
        timer = threading.Timer(0.05, signal.raise_signal, args=(signal.SIGUSR1,))
        timer.start()
        assert stop.wait()
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_task_that_waits_for_ever_is_refused() -> None:
    """In a task too, where anypool watches for Ctrl-C; the future gets the error."""
    with Executor("serial") as executor:
        lock = executor.Lock()
        with lock, pytest.raises(WouldDeadlock, match="which it holds itself"):
            executor.submit(lock.acquire).result(5)
