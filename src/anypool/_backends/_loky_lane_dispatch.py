"""Which batch goes to which lane, and what becomes of it: the state of a loky pool, owned by the pool's thread.

A batch is claimed when a worker is up and free, so it can be cancelled until then; a lane has one batch at a time. What
ended before a death counts, what was running is lost, and what had not started goes on in another lane (E2, E6).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from functools import partial
from typing import Any

from anypool._backends._loky_lane import Job, Lane, State
from anypool._backends._loky_lane_journal import INITIALIZING
from anypool._core import deaths
from anypool._core.deaths import NOBODY, Death
from anypool._core.exits import describe_exit
from anypool._core.outcome import decode
from anypool.abc import Batch
from anypool.errors import InitializerFailed

__all__ = ["Dispatcher"]

#: So many workers in a row that end before they are up: something is wrong with all of them, and more will not help.
#: One that was killed counts less than one that gave up on its own.
_STILLBORN, _GAVE_UP, _KILLED = 12, 4, 1
#: Seconds for the own exit of a worker that has done its part.
_LEAVING = 2.0
#: Seconds after which another worker is tried for where the system has refused one.
_RETRY = 1.0

_Error = Callable[[Batch, int], BaseException]


class Dispatcher:
    """Pending batches and lanes. For the pool's thread only, except ``kill`` and ``signal``."""

    def __init__(
        self, max_workers: int, start: Callable[[int], Lane], initializer: str, lifetime: int | None = None
    ) -> None:
        self._start = start
        #: How many batches a worker gets before it is replaced.
        self._lifetime = lifetime
        self._initializer = initializer  # its name
        self._pending: deque[Job] = deque()
        self.lanes: list[Lane] = []
        self._ranks = list(range(max_workers))
        # Guards lanes, their jobs and the claims against ``kill`` from other threads; re-entrant, for the collector may
        # run somebody's ``__del__``, and that a kill, anywhere.
        self._lock = threading.RLock()
        self._settlements: deque[Callable[[], None]] = deque()
        self._broken: InitializerFailed | None = None
        self._stillborn = 0
        self._retry_at = 0.0
        self.stopping = False
        #: loky's threads, to be joined in the end.
        self.managers: list[threading.Thread] = []

    @property
    def resting(self) -> bool:
        """Nothing is pending, runs, or waits to be delivered."""
        return not (self._pending or self._settlements or any(lane.job is not None for lane in self.lanes))

    # --- notes from elsewhere ----------------------------------------------------------------------------------

    def accept(self, batch: Batch) -> None:
        """Put a batch at the end of the queue."""
        with self._lock:
            self._pending.append(Job(batch))

    def kill(self, batch: Batch) -> bool:
        """Stop a claimed batch; tell whether there was one. From any thread."""
        with self._lock:
            for lane in self.lanes:
                if lane.job is not None and lane.job.batch is batch:
                    lane.job.killed = True
                    lane.kill()
                    return True
            for job in self._pending:
                if job.batch is batch and job.claimed:
                    job.killed = True
                    return True
        return False

    def signal(self, number: int) -> None:
        """Send all workers a signal. From any thread."""
        with self._lock:
            for lane in self.lanes:
                lane.kill(number)

    def finished(self, lane: Lane, future: Any) -> None:
        """A call to the lane's executor has ended: its boot or its batch."""
        if lane.state is State.DEAD:
            return
        error = future.exception()
        if isinstance(error, BrokenExecutor) or (error is not None and lane.job is None):
            self.ended(lane)
        elif lane.job is None:
            self._booted(lane, future.result())
        else:
            self._returned(lane, lane.job, error)

    def _booted(self, lane: Lane, failure: bytes | None) -> None:
        lane.state = State.IDLE
        self._stillborn = 0
        if failure is not None and self._broken is None:
            self._broken = deaths.initializer_raised(self._initializer, lane.pid, decode(failure)[1])

    def _returned(self, lane: Lane, job: Job, error: BaseException | None) -> None:
        self._collect(lane, job)
        with self._lock:
            lane.job = None
        lane.state = State.IDLE
        if job.first < job.batch.size:
            # Not even the journal could be read or written there; one call pays, so that there is progress.
            self._settle(job, error or RuntimeError("loky returned before the batch had ended"))
            self._requeue(job)
        lane.done += 1
        if lane.done == self._lifetime:
            lane.release()
            lane.wait(_LEAVING)
            self.ended(lane)
        elif not lane.journal.reusable:
            self.ended(lane)

    def ended(self, lane: Lane) -> None:
        """The lane's worker has died, or loky has given it up."""
        if lane.state is State.DEAD:
            return
        lane.kill()
        lane.wait(5)
        death = lane.death()
        booting = lane.state is State.BOOTING
        with self._lock:
            job, lane.job = lane.job, None
            lane.state = State.DEAD
            self.lanes.remove(lane)
            self._ranks.append(lane.rank)
            self._ranks.sort()  # ranks stay 0 to n-1, and a replacement takes its predecessor's (E14)
        if job is not None:
            self._bury(lane, job, death)
        elif booting and not self.stopping:
            running = lane.journal.running()
            if running is not None and running[0] == INITIALIZING:
                self._broken = self._broken or deaths.initializer_died(self._initializer, death)
            else:
                self._stillborn += _KILLED if (death.exitcode or 0) < 0 else _GAVE_UP
                if self._stillborn >= _STILLBORN:
                    self._stillborn = 0
                    self._fail_pending(partial(deaths.never_started, death=death, reason=describe_exit(death.exitcode)))
        self.managers = [thread for thread in self.managers if thread.is_alive()]
        lane.close()

    def _bury(self, lane: Lane, job: Job, death: Death) -> None:
        self._collect(lane, job)
        batch, index = job.batch, job.first
        if index >= batch.size:
            return
        running = lane.journal.running()
        if self.stopping:
            while job.first < batch.size:
                self._settle(job, deaths.died(batch, job.first, death, why=deaths.STOPPED))
        elif job.killed:
            self._settle(job, deaths.died(batch, index, death, why=deaths.KILLED))
        elif lane.expired == index:
            self._settle(job, deaths.timed_out(batch, index, death))
        elif running is not None and running[0] == index:
            self._settle(job, deaths.died(batch, index, death))
        self._requeue(job)

    def _requeue(self, job: Job) -> None:
        if job.first < job.batch.size:
            job.killed = False
            with self._lock:
                self._pending.appendleft(job)

    # --- outcomes ----------------------------------------------------------------------------------------------

    def _collect(self, lane: Lane, job: Job) -> None:
        """Take the outcomes from the journal."""
        large = lane.journal.large()
        for index, data in lane.journal.outcomes():
            job.first = index + 1
            if large:
                self._run(partial(job.batch.settle_encoded, index, data))  # while it is mapped
            else:
                self._settlements.append(partial(job.batch.settle_encoded, index, data))

    def _settle(self, job: Job, error: BaseException) -> None:
        self._settlements.append(partial(job.batch.settle, job.first, None, error))
        job.first += 1

    def deliver(self) -> None:
        """Settle what has ended. This runs the user's callbacks, so it comes after everything else."""
        while self._settlements:
            self._run(self._settlements.popleft())

    def _run(self, settlement: Callable[[], None]) -> None:
        try:
            settlement()
        except BaseException:  # a callback's SystemExit, for example, must not end the pool's thread
            logging.getLogger("anypool").exception("a future's callback raised")

    # --- handing out -------------------------------------------------------------------------------------------

    def dispatch(self) -> None:
        """Give idle lanes work, and start lanes for the rest."""
        if self._broken is not None and self._pending:
            broken = self._broken
            self._fail_pending(lambda batch, index: _again(broken))
        for lane in list(self.lanes):
            while lane.state is State.IDLE and self._pending:
                self._assign(lane)
        booting = sum(lane.state is State.BOOTING for lane in self.lanes)
        for _ in range(min(len(self._pending) - booting, len(self._ranks))):
            if self._retry_at > time.monotonic():
                break
            try:
                lane = self._start(self._ranks[0])
            except Exception as error:  # whatever loky or the system says: go on with fewer, or say so
                if self.lanes:
                    self._retry_at = time.monotonic() + _RETRY
                else:
                    self._fail_pending(partial(deaths.never_started, death=NOBODY, reason=error))
                break
            with self._lock:
                self._ranks.pop(0)
                self.lanes.append(lane)
            self.managers.append(lane.manager)

    def _assign(self, lane: Lane) -> None:
        with self._lock:
            job = self._pending.popleft()
            if not self._claim(job):
                return
            if not job.killed:
                lane.job, lane.state, lane.expired = job, State.BUSY, None
        if job.killed:
            self._settle(job, deaths.died(job.batch, job.first, NOBODY, why=deaths.KILLED))
            self._requeue(job)
            return
        try:
            lane.write(job)
        except (OSError, MemoryError) as error:
            with self._lock:
                lane.job, lane.state = None, State.IDLE
            self._settle(job, MemoryError(f"no room for the arguments of task {job.batch.name!r}: {error}"))
            self._requeue(job)
            return
        try:
            lane.send(job)
        except Exception:  # the worker is dead, and loky has noticed already
            self.ended(lane)

    def _claim(self, job: Job) -> bool:
        if not job.claimed:
            job.claimed = job.batch.claim()
        return job.claimed

    def _fail_pending(self, error: _Error) -> None:
        with self._lock:
            jobs = list(self._pending)
            self._pending.clear()
        for job in jobs:
            if self._claim(job):
                while job.first < job.batch.size:
                    self._settle(job, error(job.batch, job.first))

    def cancel_pending(self) -> None:
        """Cancel what has not been claimed."""
        with self._lock:
            jobs = [job for job in self._pending if not job.claimed]
            self._pending = deque(job for job in self._pending if job.claimed)
        self._settlements.extend(job.batch.cancel for job in jobs)

    def stop(self) -> None:
        """Cancel what has not been claimed, and end what has; the workers were sent a signal."""
        self.stopping = True
        self.cancel_pending()
        self._fail_pending(lambda batch, index: deaths.died(batch, index, NOBODY, why=deaths.STOPPED))

    # --- deadlines ---------------------------------------------------------------------------------------------

    def expire(self) -> float | None:
        """Stop the calls that have run for too long; give the seconds until the next deadline."""
        now = time.monotonic()
        due = [self._retry_at] if self._retry_at > now and self._pending else []
        for lane in self.lanes:
            limit = lane.job.batch.timeout if lane.job is not None else None
            if limit is None or lane.expired is not None:
                continue
            running = lane.journal.running()
            deadline = running[1] + limit if running is not None else now + limit
            if deadline <= now and running is not None and not lane.stop_if_running(running[0]):
                deadline = now + limit  # it has just ended, so the next one begins later than now
            if lane.expired is None:
                due.append(deadline)
        return max(0.0, min(due) - now) if due else None


def _again(error: InitializerFailed) -> InitializerFailed:
    """Copy the error, for one object raised in several threads would collect all their tracebacks."""
    copy = InitializerFailed(*error.args)
    copy.__cause__ = error.__cause__
    return copy
