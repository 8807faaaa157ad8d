"""The scheduler of the process pool against a model of workers that die at any moment (E2, E6)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from anypool._pool._scheduler import Assignment, Call, Scheduler
from anypool.abc import Batch, Encoded

MAX_WORKERS = 3


class _Batch(Batch):
    """A batch without calls behind it."""

    first_id = 0
    name = "task"
    attempt = 1

    def __init__(self, size: int, timeout: float | None = None) -> None:
        self.size = size
        self.timeout = timeout
        self.claims = 0
        self.cancelled = False

    def claim(self) -> bool:
        self.claims += 1
        return not self.cancelled

    def cancel(self) -> None:
        self.cancelled = True

    def call(self, index: int) -> Any:
        raise NotImplementedError

    def encoded(self) -> Encoded:
        raise NotImplementedError

    def settle(self, index: int, value: Any, error: BaseException | None) -> None:
        raise NotImplementedError

    def settle_encoded(self, index: int, data: bytes | memoryview) -> None:
        raise NotImplementedError


class _ModelWorker:
    """What a worker process would do: runs the calls that it was sent, in order."""

    def __init__(self) -> None:
        self.ready = False
        self.queue: list[tuple[int, Call]] = []
        self.started = 0
        self.running: tuple[int, Call] | None = None


class SchedulerMachine(RuleBasedStateMachine):
    """Adds, cancels, boots, starts, finishes and kills in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler = Scheduler(MAX_WORKERS, depth=1)
        self.workers: dict[int, _ModelWorker] = {}
        self.batches: list[_Batch] = []
        self.starts: Counter[Call] = Counter()
        self.settled: Counter[Call] = Counter()

    def hand_out(self) -> None:
        """Do as the pool does after each change."""
        while (assigned := self.scheduler.assign()) is not None:
            rank, assignment = assigned
            assignment.sent = True
            self.workers[rank].queue.extend(_calls(assignment))

    @rule(size=st.integers(1, 4), timed=st.booleans())
    def add(self, size: int, timed: bool) -> None:
        """A batch comes."""
        batch = _Batch(size, 1.0 if timed else None)
        self.batches.append(batch)
        self.scheduler.add(batch)
        self.hand_out()

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """The user cancels one that waits."""
        batch = data.draw(st.sampled_from(self.batches))
        if not batch.claims:
            batch.cancel()

    @precondition(lambda self: self.scheduler.wants_worker())
    @rule()
    def boot(self) -> None:
        """A worker is started."""
        rank = self.scheduler.start_worker()
        assert rank not in self.workers and 0 <= rank < MAX_WORKERS
        self.workers[rank] = _ModelWorker()

    @precondition(lambda self: any(not worker.ready for worker in self.workers.values()))
    @rule(data=st.data())
    def ready(self, data: st.DataObject) -> None:
        """A worker is up."""
        rank = data.draw(st.sampled_from([rank for rank, worker in self.workers.items() if not worker.ready]))
        self.workers[rank].ready = True
        self.scheduler.ready(rank)
        self.hand_out()

    @precondition(lambda self: any(worker.queue or worker.running for worker in self.workers.values()))
    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """A worker starts a call or ends one."""
        busy = [rank for rank, worker in self.workers.items() if worker.queue or worker.running]
        rank = data.draw(st.sampled_from(busy))
        worker = self.workers[rank]
        if worker.running is None:
            worker.running = worker.queue.pop(0)
            worker.started = worker.running[0]
            self.starts[worker.running[1]] += 1
        else:
            number, call = worker.running
            worker.running = None
            assert self.scheduler.finished(rank, number) == call
            self.settled[call] += 1
            self.hand_out()

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), condemned=st.booleans())
    def die(self, data: st.DataObject, condemned: bool) -> None:
        """A worker ends."""
        rank = data.draw(st.sampled_from(sorted(self.workers)))
        worker = self.workers.pop(rank)
        death = self.scheduler.died(rank, worker.started, condemned=condemned)
        if worker.running is not None:
            assert death.victim == worker.running[1] and death.started
        elif death.victim is not None:
            assert worker.queue and death.victim == worker.queue[0][1] and not death.started
        else:
            assert not (condemned and worker.queue)
        if death.victim is not None:
            self.settled[death.victim] += 1
        self.hand_out()

    @rule()
    def mend(self) -> None:
        """Mending what is not broken changes nothing."""
        before = list(self.scheduler.pending)
        assert self.scheduler.recover() == []
        assert list(self.scheduler.pending) == before
        self.hand_out()

    @invariant()
    def nothing_runs_twice(self) -> None:
        """E2."""
        assert all(count == 1 for count in self.starts.values())
        assert all(count == 1 for count in self.settled.values())
        assert all(batch.claims <= 1 for batch in self.batches)

    @invariant()
    def no_worker_idles_while_work_waits(self) -> None:
        """Work that can be done is done."""
        idle = [worker for worker in self.workers.values() if worker.ready and not worker.queue and not worker.running]
        assert not (idle and self.scheduler.pending)

    @invariant()
    def no_more_workers_than_allowed(self) -> None:
        """Ranks are 0 to n-1."""
        assert len(self.workers) <= MAX_WORKERS

    def teardown(self) -> None:
        """Let everything run to its end: each call of a claimed batch is settled once."""
        while True:
            if self.scheduler.wants_worker():
                self.boot()
            for rank, worker in self.workers.items():
                if not worker.ready:
                    worker.ready = True
                    self.scheduler.ready(rank)
            self.hand_out()
            if not any(worker.queue or worker.running for worker in self.workers.values()):
                break
            for rank, worker in list(self.workers.items()):
                for number, call in [worker.running] if worker.running else []:
                    worker.running = None
                    self.scheduler.finished(rank, number)
                    self.settled[call] += 1
                while worker.queue:
                    number, call = worker.queue.pop(0)
                    self.starts[call] += 1
                    assert self.scheduler.finished(rank, number) == call
                    self.settled[call] += 1
        assert self.scheduler.unfinished == 0 and not self.scheduler.pending
        for batch in self.batches:
            wanted = 0 if batch.cancelled else 1
            assert all(self.settled[Call(batch, position)] == wanted for position in range(batch.size))
        self.nothing_runs_twice()


def _calls(assignment: Assignment) -> list[tuple[int, Call]]:
    first = assignment.work.first
    batch = assignment.work.batch
    return [(assignment.number + n, Call(batch, first + n)) for n in range(assignment.count)]


TestScheduler = SchedulerMachine.TestCase
TestScheduler.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def _busy(scheduler: Scheduler, *batches: Batch) -> Assignment:
    for batch in batches:
        scheduler.add(batch)
    scheduler.ready(scheduler.start_worker())
    assigned = scheduler.assign()
    assert assigned is not None
    return assigned[1]


def test_remaining_calls_go_first() -> None:
    """E2: what a dead worker had not started runs before what was submitted later."""
    scheduler = Scheduler(1)
    first, second = _Batch(3), _Batch(1)
    assignment = _busy(scheduler, first, second)
    death = scheduler.died(0, assignment.number)
    assert death.victim == Call(first, 0) and death.started
    assert [(work.batch, work.first) for work in scheduler.pending] == [(first, 1), (second, 0)]


def test_fatal_arguments_give_up() -> None:
    """E6: a batch whose arguments kill each worker before it starts fails after three trials."""
    scheduler = Scheduler(1)
    batch = _Batch(1)
    _busy(scheduler, batch)
    for _ in range(2):
        assert scheduler.died(0, 0).victim is None
        scheduler.ready(scheduler.start_worker())
        assert scheduler.assign() is not None
    assert scheduler.died(0, 0) == (Call(batch, 0), False)
    assert scheduler.unfinished == 0


def test_interrupted_between_two_steps() -> None:
    """E12: a batch that an interrupt left in nobody's hands is found, and half a frame costs its worker."""
    scheduler = Scheduler(2)
    batch, other = _Batch(1), _Batch(1)
    _busy(scheduler, batch)
    scheduler.add(other)
    scheduler.pending.clear()
    assert scheduler.recover() == [0]
    assert [work.batch for work in scheduler.pending] == [other]


def test_retired_worker_gets_nothing() -> None:
    """A worker that is about to be killed takes no more work, so the kill hits nobody else."""
    scheduler = Scheduler(1)
    batch, waiting = _Batch(1), _Batch(1)
    assignment = _busy(scheduler, batch, waiting)
    scheduler.retire(0)
    assert scheduler.finished(0, assignment.number) == Call(batch, 0)
    assert scheduler.assign() is None
    assert scheduler.died(0, assignment.number).victim is None
    assert [work.batch for work in scheduler.pending] == [waiting]


def test_a_worker_with_a_lifetime() -> None:
    """E16: it gets so many batches and no more, and what waits goes to its successor of the same rank."""
    scheduler = Scheduler(1, lifetime=2)
    for _ in range(3):
        scheduler.add(_Batch(1))
    rank = scheduler.start_worker()
    scheduler.ready(rank)
    for _ in range(2):
        assert not scheduler.is_spent(rank)
        assigned = scheduler.assign()
        assert assigned is not None
        assert scheduler.assign() is None
        assert scheduler.finished(rank, assigned[1].number) is not None
    assert scheduler.is_spent(rank)
    assert scheduler.assign() is None and not scheduler.wants_worker()
    assert scheduler.died(rank, 2).victim is None
    assert scheduler.wants_worker() and scheduler.start_worker() == rank
    scheduler.ready(rank)
    assert scheduler.assign() is not None
