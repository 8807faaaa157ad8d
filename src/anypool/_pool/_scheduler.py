"""Decides, free of I/O, which worker gets which calls, and what becomes of them when a worker dies.

::

    add -> pending (first in, first out) -> assign -> worker's assignments -> finished | died -> pending, or a victim

Every call is numbered once per worker that it is sent to, from 1 upwards; the worker stores the number of the call
that it has started in shared memory, so after a death the numbers alone tell what had begun (E2).
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import NamedTuple

from anypool.abc import Batch

__all__ = ["Assignment", "Call", "Death", "Scheduler", "Work"]

#: So often a batch may lose its worker without having started, for example because its arguments alone exhaust the
#: memory; then it fails instead of killing one worker after the other.
_MAX_LOSSES = 3


class Call(NamedTuple):
    """One call of a batch."""

    batch: Batch
    position: int


class Work:
    """What remains to be run of a batch: the calls from ``first`` on."""

    __slots__ = ("batch", "claimed", "doubtful", "first", "losses")

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.first = 0
        self.claimed = False
        self.doubtful = False  # its claim may have been interrupted
        self.losses = 0

    def remaining(self) -> list[Call]:
        """Give the calls that nobody has run."""
        return [Call(self.batch, position) for position in range(self.first, self.batch.size)]


class Assignment:
    """Calls that were given to a worker: ``count`` of them, the first one as its number ``number``."""

    __slots__ = ("count", "number", "sent", "work")

    def __init__(self, work: Work, number: int, count: int) -> None:
        self.work = work
        self.number = number
        self.count = count
        self.sent = False


class Death(NamedTuple):
    """What a worker's death means for the calls that it had."""

    victim: Call | None  # had started, or must not be tried again
    started: bool  # whether the victim had


class _Worker:
    __slots__ = ("assignments", "given", "next_number", "ready", "retired")

    def __init__(self) -> None:
        self.ready = False
        self.retired = False
        self.next_number = 1
        self.given = 0
        self.assignments: deque[Assignment] = deque()


class Scheduler:
    """The state of a pool. Not thread-safe: the pool's lock guards it.

    Args:
        max_workers: how many workers there may be; their ranks are 0 to ``max_workers - 1``.
        depth: how many batches a worker may hold at a time, the running one included.
        lifetime: how many batches a worker gets before it has to go; ``None`` is any number.
    """

    def __init__(self, max_workers: int, depth: int = 1, lifetime: int | None = None) -> None:
        self.max_workers = max_workers
        self.depth = depth
        self.lifetime = lifetime
        self.pending: deque[Work] = deque()
        self._workers: dict[int, _Worker] = {}
        self._booting = 0
        self._free_ranks = list(range(max_workers))
        # Ready workers with room, the one that worked last on top: its caches are warm, and the others may rest.
        self._idle: list[int] = []
        # Every batch that has not ended, to find what an interrupted operation had in its hands.
        self._works: dict[Batch, Work] = {}

    # -- batches ------------------------------------------------------------------------------------------------------

    def add(self, batch: Batch) -> None:
        """Queue a batch."""
        if batch not in self._works:  # else it was just added when the addition was interrupted
            self._works[batch] = work = Work(batch)
            self.pending.append(work)

    def assign(self) -> tuple[int, Assignment] | None:
        """Give the oldest work to a worker with room; ``None`` when there is no work or no room."""
        while self.pending and self._idle:
            work = self.pending[0]
            if not work.claimed:
                if not _claim(work):
                    self.pending.popleft()
                    del self._works[work.batch]
                    continue
                work.claimed = True
            rank = self._idle[-1]
            worker = self._workers[rank]
            # A call with a deadline travels alone: when its worker is killed nothing else can have begun there.
            count = 1 if work.batch.timeout is not None else work.batch.size - work.first
            assignment = Assignment(work, worker.next_number, count)
            worker.next_number += count
            worker.assignments.append(assignment)
            worker.given += 1
            if worker.given == self.lifetime:
                worker.retired = True
            if len(worker.assignments) >= self.depth or worker.retired:
                self._idle.pop()
            self.pending.popleft()
            return rank, assignment
        return None

    def take_pending(self) -> list[Work]:
        """Empty the queue and give what was in it."""
        taken = list(self.pending)
        self.pending.clear()
        for work in taken:
            del self._works[work.batch]
        return taken

    def take_all(self) -> list[Work]:
        """Give every batch that has not ended, running or not, and forget them."""
        taken = list(self._works.values())
        self.pending.clear()
        self._works.clear()
        return taken

    def take_unclaimed(self) -> list[Batch]:
        """Take those batches out of the queue that have not been claimed."""
        taken = [work.batch for work in self.pending if not work.claimed]
        self.pending = deque(work for work in self.pending if work.claimed)
        for batch in taken:
            del self._works[batch]
        return taken

    def take_next_call(self, batch: Batch) -> Call | None:
        """Take the next call of a claimed batch out of the queue; ``None`` if the batch does not wait there."""
        work = self._works.get(batch)
        if work is None or not work.claimed or work not in self.pending:
            return None
        call = Call(batch, work.first)
        work.first += 1
        if work.first == batch.size:
            self.pending.remove(work)
            del self._works[batch]
        return call

    def is_waiting(self, batch: Batch) -> bool:
        """Tell whether a claimed batch waits in the queue."""
        work = self._works.get(batch)
        return work is not None and work.claimed and work in self.pending

    @property
    def unfinished(self) -> int:
        """How many batches have not ended."""
        return len(self._works)

    # -- workers ------------------------------------------------------------------------------------------------------

    def wants_worker(self) -> bool:
        """Tell whether another worker would have something to do."""
        return len(self.pending) > self._booting + len(self._idle) and bool(self._free_ranks)

    def start_worker(self) -> int:
        """Give the rank of a worker that is being started: the lowest free one, so a predecessor's is used again."""
        rank = heapq.heappop(self._free_ranks)
        self._workers[rank] = _Worker()
        self._booting += 1
        return rank

    def ready(self, rank: int) -> None:
        """The worker has booted and can take work."""
        worker = self._workers[rank]
        worker.ready = True
        self._booting -= 1
        if not worker.retired:
            self._idle.append(rank)

    def retire(self, rank: int) -> None:
        """Give the worker no more work: it is about to end."""
        self._workers[rank].retired = True
        if rank in self._idle:
            self._idle.remove(rank)

    def is_spent(self, rank: int) -> bool:
        """Tell whether the worker has done all that it may do in its life."""
        worker = self._workers[rank]
        return worker.given == self.lifetime and not worker.assignments

    def is_ready(self, rank: int) -> bool:
        """Tell whether the worker has booted."""
        return self._workers[rank].ready

    def current(self, rank: int) -> Assignment | None:
        """Give what the worker runs, or is about to."""
        assignments = self._workers[rank].assignments
        return assignments[0] if assignments else None

    def holder(self, batch: Batch) -> int | None:
        """Give the rank of the worker that runs ``batch``, or is about to."""
        for rank, worker in self._workers.items():
            if worker.assignments and worker.assignments[0].work.batch is batch:
                return rank
        return None

    def finished(self, rank: int, number: int) -> Call | None:
        """The worker has sent the outcome of its call ``number``; ``None`` for one that it never got."""
        worker = self._workers[rank]
        assignment = self.current(rank)
        if assignment is None or assignment.number != number:
            return None
        work = assignment.work
        call = Call(work.batch, work.first)
        work.first += 1
        assignment.number += 1
        assignment.count -= 1
        if assignment.count == 0:
            if len(worker.assignments) == self.depth and not worker.retired:
                self._idle.append(rank)
            worker.assignments.popleft()
            if work.first == work.batch.size:
                del self._works[work.batch]
            else:
                self.pending.appendleft(work)
        return call

    def died(self, rank: int, started: int, *, condemned: bool = False) -> Death:
        """The worker is gone, and all that it had sent has been counted.

        Args:
            rank: which worker.
            started: the number of the call that it had started last.
            condemned: it was killed for the sake of its current call, which must not run again, started or not.
        """
        worker = self._workers.pop(rank)
        heapq.heappush(self._free_ranks, rank)
        if not worker.ready:
            self._booting -= 1
        elif rank in self._idle:
            self._idle.remove(rank)
        death = Death(None, False)
        current = worker.assignments[0] if worker.assignments else None
        if current is not None:
            has_started = started >= current.number
            current.work.losses += not has_started
            if has_started or condemned or current.work.losses >= _MAX_LOSSES:
                death = Death(Call(current.work.batch, current.work.first), has_started)
                current.work.first += 1
                current.work.losses = 0
        # What had not started runs elsewhere, before all that was submitted later (E2).
        for assignment in reversed(worker.assignments):
            if assignment.work.first < assignment.work.batch.size:
                self.pending.appendleft(assignment.work)
            else:
                del self._works[assignment.work.batch]
        return death

    # -- after an interrupted operation -------------------------------------------------------------------------------

    def recover(self) -> list[int]:
        """Mend what a ``KeyboardInterrupt`` in the middle of ``add`` or ``assign`` left behind.

        Returns:
            The ranks of workers that hold an assignment which may have been sent in part; they have to be killed.
        """
        assigned = {assignment.work for worker in self._workers.values() for assignment in worker.assignments}
        waiting = [work for work in self.pending if work not in assigned and work.first < work.batch.size]
        known = {*assigned, *waiting}
        lost = [work for work in self._works.values() if work not in known]
        self.pending = deque([*lost, *waiting])
        for work in self.pending:
            work.doubtful = True
        self._idle = [
            rank
            for rank, worker in self._workers.items()
            if worker.ready and not worker.retired and len(worker.assignments) < self.depth
        ]
        return [
            rank
            for rank, worker in self._workers.items()
            if any(not assignment.sent for assignment in worker.assignments)
        ]


def _claim(work: Work) -> bool:
    try:
        return work.batch.claim()
    except Exception:
        if work.doubtful:
            return True  # it was running already: the interrupt fell between the claim and the note of it
        raise
