"""The monitor: what finalisers leave behind is done, whoever holds the mutex meanwhile."""

from __future__ import annotations

import threading
import time

import pytest

from anypool._sync.inproc import Monitor, SerialMonitor, ThreadMonitor
from anypool._sync.inproc._monitor import Condition


@pytest.fixture(params=[ThreadMonitor, SerialMonitor])
def monitor(request: pytest.FixtureRequest) -> Monitor:
    """A monitor of either kind."""
    made: Monitor = request.param()
    return made


def in_a_thread(monitor: Monitor, done: list[int], condition: Condition) -> None:
    """Leave something to be done from another thread, which must not wait for the mutex."""

    def act() -> None:
        done.append(1)
        condition.notify_all()

    thread = threading.Thread(target=monitor.soon, args=(act,))
    thread.start()
    thread.join(5)
    assert not thread.is_alive()


def test_soon_waits_for_nobody_and_is_done_at_the_exit(monitor: Monitor) -> None:
    """The holder of the mutex does it as soon as it has let go."""
    done: list[int] = []
    condition = Condition(monitor, "for a test")
    with monitor:
        in_a_thread(monitor, done, condition)
        assert done == []
    assert done == [1]


def test_soon_is_done_before_its_holder_waits(monitor: Monitor) -> None:
    """It may be what the holder is about to wait for."""
    done: list[int] = []
    condition = Condition(monitor, "for a test")
    asked: list[int] = []

    def predicate() -> bool:
        asked.append(1)
        if len(asked) == 2:  # the last look before it parks
            in_a_thread(monitor, done, condition)
        return bool(done)

    begin = time.monotonic()
    with monitor:
        assert condition.wait_for(predicate, 5)
    assert time.monotonic() - begin < 4


def test_soon_in_ones_own_section_is_done_behind_it(monitor: Monitor) -> None:
    """A finaliser must not change what the section is in the middle of."""
    done: list[int] = []
    with monitor:
        monitor.soon(lambda: done.append(1))
        with monitor:
            pass
        assert done == []
    assert done == [1]


def test_nobody_stays_in_line(monitor: Monitor) -> None:
    """A wait that ends by its timeout leaves no waiter behind."""
    condition = Condition(monitor, "for a test")
    with monitor:
        assert not condition.wait_for(lambda: False, 0.01)
        assert not condition.wait_for(lambda: False, -1)
    assert not condition.waiters
