"""P2, P4: Barrier to the edge, as ``multiprocessing`` has it, and what happens when one of the parties dies."""

from __future__ import annotations

import time
from threading import BrokenBarrierError
from typing import NoReturn

import pytest

from anypool import Executor, abc
from anypool.testing import _tasks_meeting as meeting
from anypool.testing._base import PATIENCE, BackendSuite, MakeExecutor
from anypool.testing._beside import beside
from anypool.testing._leaks import eventually

__all__ = ["Barriers"]


class Barriers(BackendSuite):
    """Barrier."""

    def test_barrier_alone(self, ex: Executor) -> None:
        """P2: a barrier for one lets through at once, again and again."""
        barrier = ex.Barrier(1)
        assert isinstance(barrier, abc.Barrier)
        assert (barrier.parties, barrier.n_waiting, barrier.broken) == (1, 0, False)
        assert [barrier.wait() for _ in range(3)] == [0, 0, 0]
        assert ex.submit(barrier.wait, 5).result(PATIENCE) == 0

    def test_barrier_wrong_arguments(self, ex: Executor) -> None:
        """P2: it takes at least one party, a whole number of them, and an action that can be called."""
        for number in (0, -1):
            with pytest.raises(ValueError):
                ex.Barrier(number)
        with pytest.raises(TypeError):
            ex.Barrier("two")  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            ex.Barrier(2, "no action")  # type: ignore[arg-type]

    def test_barrier_all_meet(self, make_executor: MakeExecutor) -> None:
        """P2: nobody goes on before all are there; each has a number of its own; it can be used again."""
        ex = make_executor(2)
        barrier = ex.Barrier(3)
        others = [beside(ex, meeting.meet, barrier, 10) for _ in range(2)]
        own = meeting.meet(barrier, 10)
        rounds = zip(own, *[other() for other in others], strict=True)
        assert [sorted(numbers) for numbers in rounds] == [[0, 1, 2]] * 10
        assert (barrier.n_waiting, barrier.broken) == (0, False)

    def test_barrier_counts_who_waits(self, ex: Executor) -> None:
        """P2: ``n_waiting`` is how many wait at this moment."""
        barrier = ex.Barrier(2)
        result = beside(ex, meeting.meet, barrier, 1)
        assert eventually(lambda: barrier.n_waiting == 1)
        assert ex.submit(getattr, barrier, "parties").result(PATIENCE) == 2
        assert barrier.wait(PATIENCE) == 1
        assert result() == [0]
        assert barrier.n_waiting == 0

    def test_barrier_action(self, ex: Executor) -> None:
        """P2: the action is called once, by one of them, before anybody goes on."""
        done = ex.Queue()
        barrier = ex.Barrier(2, lambda: done.put("done"))
        result = beside(ex, meeting.meet, barrier, 3)
        for _ in range(3):
            barrier.wait(PATIENCE)
            assert done.get(block=False) == "done"
        assert len(result()) == 3
        assert done.empty()

    def test_barrier_action_that_fails(self, ex: Executor) -> None:
        """P2: whoever called it gets its exception, the barrier is broken and the others are told so."""
        barrier = ex.Barrier(2, _fail)
        result = beside(ex, meeting.meet_or_break, barrier)
        assert {meeting.meet_or_break(barrier), result()} == {"LookupError", "BrokenBarrierError"}
        assert barrier.broken

    def test_barrier_timeout(self, ex: Executor) -> None:
        """P2: whose wait is too long breaks the barrier; ``wait``'s own timeout stands before the barrier's."""
        barrier = ex.Barrier(2, timeout=0.1)
        began = time.monotonic()
        with pytest.raises(BrokenBarrierError):
            barrier.wait()
        assert time.monotonic() - began >= 0.09
        assert barrier.broken
        with pytest.raises(BrokenBarrierError):
            barrier.wait(PATIENCE)
        assert ex.submit(meeting.meet_or_break, barrier).result(PATIENCE) == "BrokenBarrierError"
        patient = ex.Barrier(2, timeout=3600)
        with pytest.raises(BrokenBarrierError):
            patient.wait(0.01)
        assert patient.n_waiting == 0

    def test_barrier_timeout_breaks_it_for_all(self, make_executor: MakeExecutor) -> None:
        """P2: one who gives up breaks it for the others who wait."""
        ex = make_executor(1)
        barrier = ex.Barrier(3)
        result = beside(ex, meeting.meet_or_break, barrier)
        assert eventually(lambda: barrier.n_waiting == 1)
        with pytest.raises(BrokenBarrierError):
            barrier.wait(0.01)
        assert result() == "BrokenBarrierError"

    def test_barrier_abort(self, ex: Executor) -> None:
        """P2: ``abort`` breaks it for who waits and who comes; ``reset`` mends it."""
        barrier = ex.Barrier(2)
        result = beside(ex, meeting.meet_or_break, barrier)
        assert eventually(lambda: barrier.n_waiting == 1)
        ex.submit(barrier.abort).result(PATIENCE) if self.concurrent and ex.max_workers > 1 else barrier.abort()
        assert result() == "BrokenBarrierError"
        assert barrier.broken
        with pytest.raises(BrokenBarrierError):
            barrier.wait()
        barrier.reset()
        assert not barrier.broken
        result = beside(ex, meeting.meet_or_break, barrier)
        barrier.wait(PATIENCE)
        assert result() == "met"

    def test_barrier_reset(self, ex: Executor) -> None:
        """P2: ``reset`` sends away who waits, and the barrier is as new."""
        barrier = ex.Barrier(2)
        barrier.reset()
        result = beside(ex, meeting.meet_or_break, barrier)
        assert eventually(lambda: barrier.n_waiting == 1)
        barrier.reset()
        assert result() == "BrokenBarrierError"
        assert not barrier.broken and barrier.n_waiting == 0
        result = beside(ex, meeting.meet_or_break, barrier)
        barrier.wait(PATIENCE)
        assert result() == "met"

    def test_barrier_party_that_dies(self, ex: Executor) -> None:
        """P4: a process that dies while it waits breaks the barrier, for it will not come again."""
        barrier = ex.Barrier(3)
        process = ex.Process(target=meeting.meet, args=(barrier, 1, 3600))
        process.start()
        assert eventually(lambda: barrier.n_waiting == 1)
        result = beside(ex, meeting.meet_or_break, barrier)
        assert eventually(lambda: barrier.n_waiting == 2)
        process.kill()
        process.join(PATIENCE)
        assert result() == "BrokenBarrierError"
        with pytest.raises(BrokenBarrierError):
            barrier.wait(PATIENCE)
        assert barrier.broken
        barrier.reset()
        results = [beside(ex, meeting.meet_or_break, barrier) for _ in range(2)]
        barrier.wait(PATIENCE)
        assert [result() for result in results] == ["met", "met"]


def _fail() -> NoReturn:
    raise LookupError("the action failed")
