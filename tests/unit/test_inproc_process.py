"""Process inside one process: exit codes, stopping, names, what is waited for."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from anypool._sync.inproc import InprocContext, SerialMonitor, ThreadMonitor

KINDS = {"thread": ThreadMonitor, "serial": SerialMonitor}


@pytest.fixture(params=["thread", "serial"])
def ctx(request: pytest.FixtureRequest) -> InprocContext:
    """A context of either kind."""
    return InprocContext(request.param, KINDS[request.param])


def run(ctx: InprocContext, target: Any, *args: Any) -> int | None:
    """Run a target to its end and give the exit code."""
    process = ctx.Process(target=target, args=args)
    process.start()
    process.join(10)
    return process.exitcode


def test_life(ctx: InprocContext) -> None:
    """X1: before, while and after."""
    go = ctx.Event()
    process = ctx.Process(target=go.wait)
    assert (process.name, process.pid, process.exitcode, process.is_alive()) == ("Process-1", None, None, False)
    with pytest.raises(ValueError, match="process not started"):
        _ = process.sentinel
    with pytest.raises(AssertionError, match="can only join a started process"):
        process.join()
    process.daemon = True
    process.start()
    assert (process.pid, process.ident, process.exitcode, process.is_alive()) == (os.getpid(), os.getpid(), None, True)
    with pytest.raises(AssertionError, match="cannot start a process twice"):
        process.start()
    with pytest.raises(AssertionError, match="process has already started"):
        process.daemon = False
    with pytest.raises(ValueError, match="Cannot close a process while it is still running"):
        process.close()
    process.join(0.01)
    assert process.is_alive()
    go.set()
    process.join()
    assert (process.exitcode, process.is_alive()) == (0, False)
    assert "stopped exitcode=0 daemon>" in repr(process)
    process.close()
    process.close()
    for use in (process.join, process.is_alive, process.start, process.terminate):
        with pytest.raises(ValueError, match="process object is closed"):
            use()


@pytest.mark.parametrize(
    ("code", "expected"), [(0, 0), (3, 3), (None, 0), ("words", 1), (256 + 7, 7), (-1, 255), (True, 1)]
)
def test_exit_codes(ctx: InprocContext, code: Any, expected: int, capsys: pytest.CaptureFixture[str]) -> None:
    """X1: what sys.exit() was given, as the system would report it."""
    assert run(ctx, sys.exit, code) == expected
    assert capsys.readouterr().err == ("words\n" if code == "words" else "")


def test_an_exception_is_printed(ctx: InprocContext, capsys: pytest.CaptureFixture[str]) -> None:
    """X1: exit code 1 and the traceback where multiprocessing writes it."""
    assert run(ctx, lambda: 1 / 0) == 1
    written = capsys.readouterr().err
    assert written.startswith("Process Process-1:\nTraceback")
    assert "ZeroDivisionError" in written


def test_names_and_children(ctx: InprocContext) -> None:
    """X1: children count on from their parent's number; a subclass gives its own name."""
    names = ctx.Queue()

    class Special(ctx.Process):  # type: ignore[misc, name-defined]
        def run(self) -> None:
            child = ctx.Process(target=lambda: None)
            names.put(child.name)

    process: Any = Special()
    assert process.name == "Special-1"
    process.start()
    assert names.get() == "Process-1:1"
    process.join()
    process = ctx.Process(name="mine")
    process.name = "other"
    with pytest.raises(AssertionError, match="name must be a string"):
        process.name = 5
    assert process.name == "other"
    assert len(process.authkey) > 8


def test_a_process_waits_for_its_children(ctx: InprocContext) -> None:
    """X1: as multiprocessing does, except for daemons, which are stopped; a daemon has no children."""
    order = ctx.Queue()

    def parent() -> None:
        ctx.Process(target=lambda: order.put("child")).start()
        ctx.Process(target=ctx.Event().wait, daemon=True).start()
        order.put("parent")

    assert run(ctx, parent) == 0
    assert sorted([order.get(), order.get()]) == ["child", "parent"]

    def daemon() -> None:
        with pytest.raises(AssertionError, match="daemonic processes are not allowed"):
            ctx.Process().start()

    process = ctx.Process(target=daemon, daemon=True)
    process.start()
    process.join()
    assert process.exitcode == 0


@pytest.mark.parametrize(("method", "code"), [("terminate", -15), ("kill", -9)])
def test_stopped_while_it_waits(ctx: InprocContext, method: str, code: int) -> None:
    """X2: a wait in a primitive ends at once, in every one of them."""
    held = ctx.Lock()
    held.acquire()
    one, two = ctx.Pipe()
    full = ctx.Queue(1)
    full.put(0)
    waits: list[Any] = [held.acquire, ctx.Queue().get, ctx.Event().wait, ctx.Semaphore(0).acquire, one.recv]
    waits.append(lambda: full.put(1))
    for wait in waits:
        process = ctx.Process(target=wait)
        process.start()
        process.join(0.01)
        assert process.is_alive()
        getattr(process, method)()
        process.join(5)
        assert process.exitcode == code
        getattr(process, method)()
    held.release()
    assert held.acquire(False)
    two.close()


def test_stopped_while_it_runs() -> None:
    """X2: at the next bytecode; finally blocks run, so the lock is free again."""
    ctx = InprocContext("thread", ThreadMonitor)
    lock, started = ctx.Lock(), ctx.Event()

    def spin() -> None:
        with lock:
            started.set()
            while True:
                pass

    process = ctx.Process(target=spin)
    process.start()
    started.wait()
    process.terminate()
    process.join(5)
    assert process.exitcode == -15
    assert lock.acquire(False)


def test_stopped_before_its_first_turn() -> None:
    """X2: on the serial backend it never runs."""
    ctx = InprocContext("serial", SerialMonitor)
    ran: list[int] = []
    process = ctx.Process(target=ran.append, args=(1,))
    process.start()
    process.terminate()
    process.join()
    assert (ran, process.exitcode) == ([], -15)


def test_one_that_catches_it_can_be_stopped_again(ctx: InprocContext) -> None:
    """X2: it is raised once for each terminate() that found it running."""
    gate = ctx.Event()

    def stubborn() -> None:
        try:
            gate.wait()
        except BaseException:
            gate.wait()

    process = ctx.Process(target=stubborn)
    process.start()
    process.join(0.02)
    process.terminate()
    process.join(0.02)
    assert process.is_alive()
    process.kill()
    process.join(5)
    assert process.exitcode == -9


def test_stopping_breaks_no_primitive() -> None:
    """P3 X2: wherever the stop falls, a queue keeps its items and its wake-ups, a lock its other users."""
    ctx = InprocContext("thread", ThreadMonitor)
    subject, lock, put = ctx.Queue(2), ctx.Lock(), [0]

    def produce() -> None:
        while True:
            with lock:
                subject.put("x")

    for round_ in range(60):
        process = ctx.Process(target=produce)
        process.start()
        for _ in range(round_ % 5):
            assert subject.get(timeout=5) == "x"
            put[0] += 1
        process.terminate()
        while process.is_alive():
            process.join(0.001)
            while not subject.empty():
                subject.get()
        assert process.exitcode == -15
        assert lock.acquire(timeout=1)
        lock.release()
    subject.put(1, timeout=1)
    assert subject.get(timeout=1) in ("x", 1)


def test_isolated_arguments_are_copies() -> None:
    """E4: under isolate a process gets copies, primitives excepted."""
    for kind, monitor in KINDS.items():
        ctx = InprocContext(kind, monitor, isolate=True)
        values: list[int] = []
        results = ctx.Queue()

        def work(values: list[int], results: Any) -> None:
            values.append(1)
            results.put(values)

        assert run(ctx, work, values, results) == 0
        assert values == []
        assert results.get() == [1]


def test_leaves_no_thread(ctx: InprocContext) -> None:
    """E11: nothing of an ended process stays."""
    before = threading.active_count()
    assert run(ctx, time.sleep, 0) == 0
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.001)
    assert threading.active_count() == before


PROGRAM = """
from anypool._sync.inproc import InprocContext, SerialMonitor, ThreadMonitor
import time
ctx = InprocContext("x", {monitor})
def late():
    ctx.Event().wait(0.1)
    print("late")
ctx.Process(target=late).start()
ctx.Process(target={forever}, daemon=True).start()
print("main")
"""


@pytest.mark.parametrize("monitor", ["ThreadMonitor", "SerialMonitor"])
@pytest.mark.parametrize("forever", ["ctx.Event().wait", "lambda: ctx.Queue().get()"])
def test_exit_waits_for_processes_but_not_for_daemons(monitor: str, forever: str) -> None:
    """E11: as multiprocessing at exit."""
    program = PROGRAM.format(monitor=monitor, forever=forever)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "main\nlate\n"
    assert done.stderr == ""
