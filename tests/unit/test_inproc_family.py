"""Who is whose child, and Process's edges as multiprocessing has them, inside one process."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import threading
import weakref
from typing import Any

import pytest

from anypool._sync.inproc import InprocContext, SerialMonitor, ThreadMonitor
from anypool.errors import WouldDeadlock

KINDS = {"thread": ThreadMonitor, "serial": SerialMonitor}


@pytest.fixture(params=["thread", "serial"])
def ctx(request: pytest.FixtureRequest) -> InprocContext:
    """A context of either kind."""
    return InprocContext(request.param, KINDS[request.param])


def in_child(ctx: InprocContext, function: Any, **kwargs: Any) -> Any:
    """Give what a function returns in a process, or raise what it raises there."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(function())
        except BaseException as error:
            outcome.append(error)

    process = ctx.Process(target=run, **kwargs)
    process.start()
    process.join(5)
    assert process.exitcode == 0
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def test_the_program_itself(ctx: InprocContext) -> None:
    """X1: the standard library's own object, with all that one may ask."""
    me = ctx.current_process()
    assert me is multiprocessing.current_process()
    assert (me.name, me.pid, me.ident, me.daemon) == ("MainProcess", os.getpid(), os.getpid(), False)
    assert me.exitcode is None and me.is_alive() and me.authkey
    assert ctx.parent_process() is None
    assert ctx.active_children() == []


def test_the_current_process_is_the_object_itself(ctx: InprocContext) -> None:
    """X1: with its state as seen from inside."""
    kept: list[Any] = []

    def look() -> tuple[Any, ...]:
        me = ctx.current_process()
        kept.append(me)
        assert f"parent={os.getpid()} started" in repr(me) and f" pid={os.getpid()}" not in repr(me)
        return me.name, me.pid, me.ident, me.is_alive(), me.exitcode, ctx.active_children()

    assert in_child(ctx, look, name="mine") == ("mine", os.getpid(), os.getpid(), True, None, [])
    assert kept[0].exitcode == 0
    assert ctx.current_process().name == "MainProcess"


def test_the_parent(ctx: InprocContext) -> None:
    """X1: its name, its pid, and whether it is alive; None only in the program."""

    def ask() -> tuple[Any, ...]:
        parent = ctx.parent_process()
        assert "started" in repr(parent)
        try:
            parent.join(0.01)
        except WouldDeadlock:
            raise AssertionError("it has a timeout") from None
        return parent.name, parent.pid, parent.ident, parent.is_alive()

    def nested() -> Any:
        return ask(), in_child(ctx, ask)

    facts = os.getpid(), os.getpid(), True
    assert in_child(ctx, nested, name="middle") == (("MainProcess", *facts), ("middle", *facts))


def test_a_child_that_outlives_its_parent(ctx: InprocContext) -> None:
    """X1: a parent that is killed leaves it behind, and it sees that."""
    results, ready = ctx.Queue(), ctx.Event()

    def orphan() -> None:
        parent = ctx.parent_process()
        results.put(parent.is_alive())
        ready.set()
        parent.join(5)
        results.put(parent.is_alive())

    def parent() -> None:
        ctx.Process(target=orphan).start()
        ctx.Event().wait()

    process = ctx.Process(target=parent)
    process.start()
    assert ready.wait(5)
    process.kill()
    process.join(5)
    assert [results.get(timeout=5), results.get(timeout=5)] == [True, False]


def test_active_children(ctx: InprocContext) -> None:
    """X1: those that this process has started and that have not ended; a loop that asks comes to its end."""
    go = ctx.Event()
    processes = [ctx.Process(target=go.wait, daemon=True) for _ in range(2)]
    assert ctx.active_children() == []
    for process in processes:
        process.start()
    assert sorted(ctx.active_children(), key=id) == sorted(processes, key=id)
    assert in_child(ctx, ctx.active_children) == []
    go.set()
    while ctx.active_children():
        pass
    for process in processes:
        process.join(5)


def test_who_has_just_been_started_is_alive() -> None:
    """X1: on the serial backend, too, for those who ask once or twice; a loop that asks gets on."""
    ctx = InprocContext("serial", SerialMonitor)
    process = ctx.Process(target=lambda: None)
    process.start()
    assert process.is_alive() and process.exitcode is None
    assert process in ctx.active_children()
    assert not process.is_alive()
    assert process not in ctx.active_children()
    process.join()


def test_only_the_one_that_made_it_may_use_it(ctx: InprocContext) -> None:
    """X1: the words are multiprocessing's."""
    running, fresh = ctx.Process(target=ctx.Event().wait, daemon=True), ctx.Process()
    running.start()
    with pytest.raises(AssertionError, match="can only join a child process"):
        in_child(ctx, running.join)
    with pytest.raises(AssertionError, match="can only test a child process"):
        in_child(ctx, running.is_alive)
    with pytest.raises(AssertionError, match="can only start a process object created by current process"):
        in_child(ctx, fresh.start)
    assert "unknown" in in_child(ctx, lambda: repr(running))
    running.terminate()
    running.join(5)

    def join_me() -> None:
        ctx.current_process().join()

    with pytest.raises(AssertionError, match="can only join a child process"):
        in_child(ctx, join_me)


def test_identity_and_names(ctx: InprocContext) -> None:
    """X1: numbers count per context and per parent."""
    first, second = ctx.Process(), ctx.Process()
    assert (first._identity, second._identity) == ((1,), (2,))

    def children() -> Any:
        return [ctx.Process()._identity, ctx.Process().name]

    assert in_child(ctx, children) == [(3, 1), "Process-3:2"]
    assert ctx.Process(name="").name == "Process-4"
    with pytest.raises(AssertionError, match="group argument must be None for now"):
        ctx.Process(group=1)  # type: ignore[arg-type]


def test_what_a_child_inherits(ctx: InprocContext) -> None:
    """X1: being a daemon, and the key."""
    process = ctx.Process()
    assert (process.daemon, process.authkey) == (False, multiprocessing.current_process().authkey)
    process.authkey = b"key"
    assert process.authkey == b"key"
    for wrong in ("text", None):
        with pytest.raises(TypeError):
            process.authkey = wrong  # type: ignore[assignment]
    assert in_child(ctx, lambda: ctx.Process().daemon, daemon=True) is True
    assert in_child(ctx, lambda: ctx.Process(daemon=False).daemon, daemon=True) is False

    def keys() -> Any:
        ctx.current_process().authkey = b"mine"
        return ctx.Process().authkey

    assert in_child(ctx, keys) == b"mine"


def test_a_subclass_without_super(ctx: InprocContext) -> None:
    """X1: what was never made fails where it is used, as in multiprocessing."""

    class Careless(ctx.Process):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            pass

    for use in ("start", "join", "is_alive", "terminate"):
        with pytest.raises(AttributeError):
            getattr(Careless(), use)()


def test_a_subclass_may_call_its_things_what_it_likes(ctx: InprocContext) -> None:
    """X3: a textbook's Process has a stop() and children of its own."""

    class Clock(ctx.Process):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.children, self.monitor, self.activity, self.creator = [1], 2, 3, 4
            self.stopped = ctx.Event()

        def stop(self) -> None:
            self.stopped.set()

        def end(self) -> None:
            raise AssertionError

        def run(self) -> None:
            self.stopped.wait(5)

    clock = Clock()
    clock.start()
    clock.stop()
    clock.join(5)
    assert clock.exitcode == 0


def test_the_target_is_forgotten(ctx: InprocContext) -> None:
    """X1: whoever drops target and arguments after start() has them collected when the process ends."""

    class Target:
        def __call__(self, results: Any) -> None:
            results.put(5)

    target, results = Target(), ctx.Queue()
    alive = weakref.ref(target)
    process = ctx.Process(target=target, args=(results,))
    del target
    process.start()
    process.join(5)
    gc.collect()
    assert alive() is None
    assert results.get() == 5
    closed = weakref.ref(process)
    process.close()
    del process
    gc.collect()
    assert closed() is None


def test_without_a_standard_error(ctx: InprocContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """X1: last words that nobody hears change nothing."""
    process = ctx.Process(target=sys.exit, args=("words",))
    failing = ctx.Process(target=lambda: 1 / 0)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", None)
        for dead in (process, failing):
            dead.start()
            dead.join(5)
            assert dead.exitcode == 1


def test_interrupt(ctx: InprocContext, capsys: pytest.CaptureFixture[str]) -> None:
    """X1: KeyboardInterrupt in it, which it may catch, as of Python 3.14."""
    caught, waits = ctx.Queue(), ctx.Event()

    def patient() -> None:
        try:
            waits.set()
            ctx.Event().wait()
        except KeyboardInterrupt as error:
            caught.put(type(error).__name__)
        ctx.Event().wait()

    process = ctx.Process(target=patient, daemon=True)
    with pytest.raises(AssertionError, match="can only interrupt a started process"):
        process.interrupt()
    process.start()
    assert waits.wait(5)
    process.interrupt()
    assert caught.get(timeout=5) == "KeyboardInterrupt"
    assert process.is_alive()
    process.terminate()
    process.join(5)
    assert process.exitcode == -15

    process = ctx.Process(target=lambda: (waits.set(), ctx.Event().wait()))
    waits.clear()
    process.start()
    assert waits.wait(5)
    process.interrupt()
    process.join(5)
    assert process.exitcode == 1
    written = capsys.readouterr().err
    assert written.rstrip().endswith("KeyboardInterrupt")
    assert "inproc._activity" not in written


def test_interrupted_while_it_computes() -> None:
    """X2: at the next bytecode; a terminate() behind it counts."""
    ctx = InprocContext("thread", ThreadMonitor)
    started = threading.Event()

    def spin() -> None:
        started.set()
        while True:
            pass

    for again, code in ((False, 1), (True, -15)):
        started.clear()
        process = ctx.Process(target=spin, daemon=True)
        process.start()
        assert started.wait(5)
        process.interrupt()
        if again:
            process.terminate()
            process.terminate()
        process.join(5)
        assert process.exitcode in ({code, 1} if again else {code})
