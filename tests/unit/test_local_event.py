"""Local events: waiting in many processes, and what a killed waiter or setter leaves behind."""

from __future__ import annotations

import pickle
import select
import threading
import time
from collections.abc import Iterator

import pytest

from anypool._sync.local import LocalContext
from tests.unit.local_support import run, start


@pytest.fixture
def ctx() -> Iterator[LocalContext]:
    """Give a context that is closed in the end."""
    context = LocalContext("process")
    yield context
    context.close()


def test_flag(ctx: LocalContext) -> None:
    """P2: set and clear, more than once, and what wait returns."""
    event = ctx.Event()
    for _ in range(3):
        assert not event.is_set()
        assert not event.wait(0)
        assert not event.wait(-1)
        event.set()
        event.set()
        assert event.is_set()
        assert event.wait()
        event.clear()
        event.clear()


def test_wakes_all(ctx: LocalContext) -> None:
    """P2: one set wakes every waiter in every process; the flag is there for whoever comes later."""
    event, ready = ctx.Event(), ctx.Semaphore(0)
    children = [start("args[1].release(); print(args[0].wait())", event, ready) for _ in range(3)]
    for _ in children:
        assert ready.acquire(timeout=10)
    event.set()
    assert [child.communicate(timeout=10)[0].strip() for child in children] == ["True"] * 3
    assert run("print(args[0].is_set(), args[0].wait(0))", event) == "True True"
    assert run("args[0].clear(); print(args[0].is_set())", event) == "False"
    assert not event.is_set()


def test_pulse_wakes_who_waited(ctx: LocalContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """P2: set and clear at once still wake everybody who waited before, and quickly."""
    event = ctx.Event()
    waiting = threading.Semaphore(0)
    real_poll = select.poll

    class Poll:
        """Tells when a wait has got so far that the pulse is after its beginning."""

        def __init__(self) -> None:
            self.real = real_poll()
            self.register = self.real.register

        def poll(self, timeout: float) -> list[tuple[int, int]]:
            waiting.release()
            return self.real.poll(timeout)

    monkeypatch.setattr(select, "poll", Poll)
    for _ in range(20):
        woken: list[float] = []

        def wait(woken: list[float] = woken) -> None:
            if event.wait(5):
                woken.append(time.monotonic())

        threads = [threading.Thread(target=wait) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert waiting.acquire(timeout=5)
        before = time.monotonic()
        event.set()
        event.clear()
        for thread in threads:
            thread.join()
        assert len(woken) == 3
        assert max(woken) - before < 0.9, "they found out by themselves, not by being woken"
        while waiting.acquire(False):
            pass


def test_killed_waiter_breaks_nothing(ctx: LocalContext) -> None:
    """With multiprocessing's event, set() waits for ever for a waiter that was killed."""
    event, ready = ctx.Event(), ctx.Semaphore(0)
    program = "threading.Timer(0.05, args[1].release).start(); print(args[0].wait(10))"
    children = [start(program, event, ready) for _ in range(2)]
    for _ in children:
        assert ready.acquire(timeout=10)
    children[0].kill()
    children[0].communicate(timeout=10)
    event.set()
    assert children[1].communicate(timeout=10)[0].strip() == "True"


def test_wait_times_out(ctx: LocalContext) -> None:
    """A wait lasts as long as was asked, also when it looks for itself in between."""
    event = ctx.Event()
    before = time.monotonic()
    assert not event.wait(1.2)
    assert 1.2 <= time.monotonic() - before < 2


def test_ping_pong(ctx: LocalContext) -> None:
    """No wake-up is lost in a thousand rounds of two events between two processes."""
    ping, pong = ctx.Event(), ctx.Event()
    program = """
        for _ in range(1000):
            args[0].wait()
            args[0].clear()
            args[1].set()
    """
    with start(program, ping, pong) as child:
        ping.set()
        assert pong.wait(10)
        pong.clear()
        before = time.monotonic()
        for _ in range(999):
            ping.set()
            assert pong.wait(10)
            pong.clear()
        assert child.wait(10) == 0
    assert time.monotonic() - before < 5


def test_works_after_close(ctx: LocalContext) -> None:
    """P8: whoever is attached goes on after the context was closed; nobody attaches any more, and learns why."""
    event, ready = ctx.Event(), ctx.Semaphore(0)
    data = pickle.dumps(event)
    with start("args[1].release(); print(args[0].wait(10))", event, ready) as child:
        assert ready.acquire(timeout=10)
        ctx.close()
        event.set()
        assert child.communicate(timeout=10)[0].strip() == "True"
    del event
    with pytest.raises(FileNotFoundError, match="the executor or context that made it was closed"):
        pickle.loads(data)
