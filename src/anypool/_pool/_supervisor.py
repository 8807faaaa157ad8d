"""The pool's own thread: starts workers, listens to them, keeps the time, and ends it all.

::

    turn: requests of other threads -> over? -> start workers -> deadlines -> wait for events -> turn ...

Futures are settled outside the lock: their callbacks are the user's code. Nothing of it may end this thread.
"""

from __future__ import annotations

import signal
import threading
import time

from anypool._core import deaths
from anypool._core.initializer import Initializer
from anypool._pool import _deadlines, _reports
from anypool._pool._dispatcher import Dispatcher
from anypool._pool._events import Events
from anypool._pool._exit import running
from anypool._pool._health import Health
from anypool._pool._member import Doom, Member
from anypool._pool._settling import complain, fail, fail_works, safely
from anypool.abc import PoolSpec

__all__ = ["Supervisor"]

#: Seconds that a worker gets for its exit handlers and left-over threads at the end, before it is killed.
#: Seconds between SIGTERM and SIGKILL.
_TERM_GRACE = 1.0
#: With work under way, the thread looks around so often (seconds) even if nothing seems to happen.
_BACKSTOP = 1.0
#: Seconds between two trials to write to a standard error that takes nothing.
_STDERR_POLL = 0.05


class Supervisor:
    """One pool's thread and what only it touches.

    Attributes:
        dispatcher: what it shares with other threads.
        closing: no more batches come; the thread ends when all have ended.
        forked: this is a copy in a forked child, whose workers are another process's.
    """

    def __init__(self, spec: PoolSpec, backend: str) -> None:
        self._initializer = Initializer(spec)  # first, for it may raise
        self.dispatcher = Dispatcher(spec.max_workers, spec.max_tasks_per_child)
        self.thread = threading.Thread(target=self._run, name="anypool-pool", daemon=True)
        self.closing = False
        self.forked = False
        self._ended = threading.Event()
        self._backend = backend
        self._health = Health(self.dispatcher)
        self._events = Events(self.dispatcher, self._health, self._initializer)
        self._cancel_pending = False
        self._stop_signal: int | None = None
        self._stopped_with: int | None = None

    def start(self) -> None:
        """Start the thread, once."""
        if self.closing:
            raise RuntimeError("cannot schedule new futures after shutdown")
        running.add(self)
        try:
            self.thread.start()
        except BaseException:
            if not self.thread.is_alive():  # an interrupt may come when it runs already
                running.discard(self)
                raise

    def join(self) -> None:
        """Wait until all has ended; not in the thread itself, where a callback may ask for it."""
        if not self.forked and self.thread is not threading.current_thread():
            # Not thread.join() alone: interrupted by Ctrl-C, Python 3.11 and 3.12 take the thread for ended
            # (python/cpython#90882).
            self._ended.wait()
            self.thread.join()

    def let_go(self) -> None:
        """End a pool that nobody holds any more."""
        if not self.forked:
            self.close()
            if self.thread.ident is None:
                self._clean_up()

    def abandon(self) -> None:
        """Become inert: this is a forked copy, whose workers are another process's."""
        self.forked = True
        for member in list(self.dispatcher.members.values()):
            member.close()
        self._events.close()
        self.dispatcher.abandon()

    # -- requests, from any thread ------------------------------------------------------------------------------------

    def close(self, *, cancel_pending: bool = False) -> None:
        """End when all has ended. Takes no lock: the collector calls it too."""
        self._cancel_pending = self._cancel_pending or cancel_pending
        self.closing = True
        self.dispatcher.waker.wake()

    def stop(self, *, force: bool) -> None:
        """End now."""
        if self._stop_signal != signal.SIGKILL:
            self._stop_signal = signal.SIGKILL if force else signal.SIGTERM
        self.close(cancel_pending=True)

    # -- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while True:
                self._serve_requests()
                if self._is_over():
                    break
                self._start_workers()
                timeout = self._look_at_clocks()
                self._events.wait(timeout)
                self._events.watch_clogged()
        except BaseException as error:
            self._panic(error)
        finally:
            self._clean_up()
            running.discard(self)
            self._ended.set()

    def _serve_requests(self) -> None:
        shared = self.dispatcher
        if self._stop_signal is not None and self._stopped_with != self._stop_signal:
            self._stopped_with = self._stop_signal
            with shared:
                for member in shared.members.values():
                    shared.end(member, member.doom or Doom(deaths.STOPPED, None), self._stopped_with)
                    member.kill_at = time.monotonic() + _TERM_GRACE
        if self._cancel_pending:
            with shared:
                unclaimed = shared.scheduler.take_unclaimed()
            for batch in unclaimed:
                safely(batch.cancel)
        if self._stopped_with is not None:
            why = deaths.STOPPED
            self._health.fail_pending(lambda call: _reports.worker_died(call, -1, None, (), why=why))
        elif self._health.broken is not None:
            self._health.fail_pending(self._health.broken)
        while shared.killed:
            batch = shared.killed.popleft()
            with shared:
                call = shared.scheduler.take_next_call(batch)
            if call is not None:
                fail(call, _reports.worker_died(call, -1, None, (), why=deaths.KILLED))

    def _is_over(self) -> bool:
        """Tell whether the thread may end; let the workers go when nothing more will come."""
        if not self.closing:
            return False
        with self.dispatcher as shared:
            if not shared.idle:
                return False
            if not shared.members:
                shared.finished = True
                return True
            leaving = [member for member in shared.members.values() if not member.leaving]
            for member in leaving:
                shared.scheduler.retire(member.rank)
        for member in leaving:
            member.let_go()
        return False

    def _start_workers(self) -> None:
        shared, health = self.dispatcher, self._health
        while health.broken is None and self._stopped_with is None and time.monotonic() >= health.retry_at:
            with shared:
                if not shared.scheduler.wants_worker():
                    return
                rank = shared.scheduler.start_worker()
            try:
                member = Member(rank, shared.slots, self._backend, self._initializer.data)
            except Exception as error:  # OSError: no process, descriptor or memory left
                with shared:
                    shared.scheduler.died(rank, 0)
                health.boot_failed(f"{type(error).__name__}: {error}", -1, None, ())
                return
            with shared:
                shared.members[rank] = member
            self._events.watch(member)

    def _look_at_clocks(self) -> float | None:
        """Enforce the deadlines that have come, and give the seconds until the next."""
        now = time.monotonic()
        with self.dispatcher as shared:
            clocks = _deadlines.enforce(shared, now)
            if shared.scheduler.wants_worker():
                clocks.append(self._health.retry_at)
            if not shared.idle:
                clocks.append(now + _BACKSTOP)
        if self._events.forwarder.waiting:
            self._events.forwarder.flush()
            clocks.append(now + _STDERR_POLL)
        return max(0.0, min(clocks) - now) if clocks else None

    # -- the end ------------------------------------------------------------------------------------------------------

    def _panic(self, error: BaseException) -> None:
        """Fail everything rather than hang: this thread cannot go on."""
        complain(error)
        shared = self.dispatcher
        self.closing = True
        works = shared.surrender()
        for member in list(shared.members.values()):
            member.handle.send_signal(signal.SIGKILL)
        fail_works(works, lambda call: _reports.internal(error))

    def _clean_up(self) -> None:
        shared = self.dispatcher
        if shared.closed:
            return
        for member in list(shared.members.values()):
            member.handle.wait(_TERM_GRACE)
            member.close()
        shared.members.clear()
        self._events.forwarder.flush(0.5)
        self._events.close()
        self._initializer.forget()
        shared.close()
