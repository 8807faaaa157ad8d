"""Takes batches in and hands them to workers, in whatever thread comes along: the submitter's or the pool's own.

::

    submit --> inbox --> [lock] scheduler.add, scheduler.assign --> channel.send [unlock]

The lock is re-entrant and guarded by ``_busy``, because the garbage collector or a signal handler may run user code
that submits at any bytecode, also in here: such a batch stays in the inbox, and whoever holds the lock looks again.
A Ctrl-C in here leaves ``_busy`` set, by which the pool's own thread sees that there is something to mend.
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from types import TracebackType

from anypool._core import deaths
from anypool._pool._member import Doom, Member
from anypool._pool._messages import encode_run
from anypool._pool._scheduler import Assignment, Scheduler, Work
from anypool._pool._slot import SlotTable
from anypool._pool._waker import Waker
from anypool.abc import Batch

__all__ = ["Dispatcher"]


class Dispatcher:
    """The part of a pool that several threads share."""

    def __init__(self, max_workers: int, lifetime: int | None = None) -> None:
        self.scheduler = Scheduler(max_workers, lifetime=lifetime)
        self.members: dict[int, Member] = {}
        self.slots = SlotTable(max_workers)
        self.waker = Waker()
        #: Ranks of workers that run, or are about to run, a call with a deadline.
        self.timed: set[int] = set()
        #: Workers whose channel did not take everything.
        self.clogged: set[Member] = set()
        #: Claimed batches whose next call was killed while it waited for another worker.
        self.killed: deque[Batch] = deque()
        self.finished = False
        self.closed = False
        self._inbox: deque[Batch] = deque()
        self._lock = threading.RLock()
        self._busy = False

    def submit(self, batch: Batch) -> None:
        """Accept a batch."""
        self._inbox.append(batch)
        self.pump()

    def pump(self) -> None:
        """Hand out what the inbox and the queue hold, as far as there is room."""
        while True:
            with self._lock:
                if self._busy:
                    # Re-entered, or interrupted before; in the second case nobody else would come.
                    self.waker.wake()
                    return
                if self.finished and self._inbox:
                    self._inbox.clear()
                    raise RuntimeError("cannot schedule new futures after shutdown")
                self._busy = True
                try:
                    self._hand_out()
                    self._busy = False
                except BaseException:
                    self.waker.wake()
                    raise
            if not self._inbox:
                return

    def kill(self, batch: Batch) -> bool:
        """Stop the running call of ``batch``."""
        with self._lock:
            rank = self.scheduler.holder(batch)
            if rank is not None:
                member = self.members[rank]
                if member.doom is None:
                    self.end(member, Doom(deaths.KILLED, batch), signal.SIGKILL)
                return True
            if not self.scheduler.is_waiting(batch):
                return False
            self.killed.append(batch)
            self.waker.wake()
            return True

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do and nothing under way."""
        return not self._inbox and not self.scheduler.unfinished

    # -- for the pool's own thread ------------------------------------------------------------------------------------

    def __enter__(self) -> Dispatcher:
        """Take the lock. Only the pool's own thread does so, and never twice."""
        self._lock.acquire()
        if self._busy:
            self._mend()
        self._busy = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._hand_out()
        finally:
            self._busy = False
            self._lock.release()
        if kind is None and self._inbox:
            self.pump()

    def end(self, member: Member, doom: Doom, number: int) -> None:
        """End a worker by a signal, and give it nothing more. Under the lock."""
        member.doom = doom
        self.scheduler.retire(member.rank)
        member.handle.send_signal(number)

    # -- under the lock -----------------------------------------------------------------------------------------------

    def _hand_out(self) -> None:
        inbox, scheduler = self._inbox, self.scheduler
        while inbox:
            scheduler.add(inbox[0])
            inbox.popleft()
        while True:
            assigned = scheduler.assign()
            if assigned is None:
                break
            self._send(*assigned)
        if scheduler.wants_worker():
            self.waker.wake()

    def _send(self, rank: int, assignment: Assignment) -> None:
        batch, first = assignment.work.batch, assignment.work.first
        encoded = batch.encoded()
        calls = encoded.calls
        if len(calls) != assignment.count:
            calls = calls[first : first + assignment.count]
        pieces = encode_run(
            assignment.number, batch.first_id + first, batch.name, batch.attempt, encoded.function, calls
        )
        member = self.members[rank]
        if not member.channel.send(pieces):
            self.clogged.add(member)
            self.waker.wake()
        assignment.sent = True
        if batch.timeout is not None:
            self.timed.add(rank)
            self.waker.wake()

    def _mend(self) -> None:
        for rank in self.scheduler.recover():
            member = self.members[rank]
            # Half a frame may be on its way to it. What it had not started runs elsewhere.
            self.scheduler.retire(rank)
            member.handle.send_signal(signal.SIGKILL)

    def abandon(self) -> None:
        """Let go in a forked copy of the process, where none of this can work."""
        self._lock = threading.RLock()  # a thread that is not there any more may hold the old one
        self.close()

    def surrender(self) -> list[Work]:
        """Give all that has not ended, in whatever state it is, and take nothing more."""
        with self._lock:
            self.finished = True
            self._busy = False
            for batch in list(self._inbox):
                self.scheduler.add(batch)
            self._inbox.clear()
            return self.scheduler.take_all()

    def close(self) -> None:
        """Let go of the descriptors; the pool has ended."""
        with self._lock:
            self.finished = self.closed = True
            self.waker.close()
            self.slots.close()
