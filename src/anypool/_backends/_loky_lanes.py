"""The pool of loky lanes: a queue of our own in front, one thread that owns the state, a replacement for each death.

::

    submit() --inbox--> pool thread --loky--> worker of a lane --journal--> pool thread --> settle()
                             ^  └── loky's "done" (from its threads) and the workers' pidfds only wake it

Others leave notes in the inbox, so a submit from a callback, from another thread or from the garbage collector in the
midst of anything is all the same, and the caller never waits for loky.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections import deque
from typing import Any

from anypool._backends import _loky_lane_exit
from anypool._backends._loky_lane import THREADS_END_EARLY, Lane
from anypool._backends._loky_lane_dispatch import Dispatcher
from anypool._backends._loky_lane_stderr import Relay
from anypool._core.initializer import Initializer
from anypool.abc import Batch, PoolSpec, WorkerPool

__all__ = ["LokyPool"]

#: Seconds for a worker that was asked to leave, and for one that got SIGTERM.
_LEAVE, _TERM = 5.0, 1.0


class LokyPool(WorkerPool):
    """Lanes, started as batches need them."""

    def __init__(self, spec: PoolSpec) -> None:
        self._initializer = Initializer(spec)
        self._pid = os.getpid()
        self._dispatcher = Dispatcher(
            spec.max_workers, self._start_lane, self._initializer.name, spec.max_tasks_per_child
        )
        self._inbox: deque[Batch | tuple[Lane, Any]] = deque()
        self._lock = threading.RLock()  # of the wake pipe and the thread's start; re-entrant for the collector's sake
        self._thread: threading.Thread | None = None
        self._relay: Relay | None = None
        self._wake_reader = self._wake_writer = -1
        self._awake = False
        self._closing = self._cancel = False
        self._stop = 0  # the signal by which to stop
        self._first = threading.Event()  # the first lane has been started
        self._ended = threading.Event()  # the thread has nothing left to do
        _loky_lane_exit.watch(self)

    # --- the caller's side -------------------------------------------------------------------------------------

    def submit(self, batch: Batch) -> None:
        """See ``WorkerPool.submit``."""
        if os.getpid() != self._pid:
            raise RuntimeError("this pool belongs to the parent process; after os.fork() make an executor of your own")
        self._inbox.append(batch)
        if self._thread is None:
            self._start()
            self._wake()
            if THREADS_END_EARLY:
                self._first.wait(5)
        else:
            self._wake()

    def kill(self, batch: Batch) -> bool:
        """See ``WorkerPool.kill``."""
        if os.getpid() != self._pid:
            return False
        found = self._dispatcher.kill(batch)
        self._wake()
        return found

    def shutdown(self, *, wait: bool, cancel_pending: bool) -> None:
        """See ``WorkerPool.shutdown``."""
        self._cancel = self._cancel or cancel_pending
        self._closing = True
        self._wake()
        if wait:
            self._join(None)

    def stop(self, *, force: bool) -> None:
        """See ``WorkerPool.stop``."""
        if os.getpid() != self._pid:
            return
        self._closing = True
        self._stop = signal.SIGKILL if force else signal.SIGTERM
        self._dispatcher.signal(self._stop)
        self._wake()
        if not self._join(_TERM + 0.5):
            # The pool's thread is held by a callback, perhaps by the very one that calls this.
            self._dispatcher.signal(signal.SIGKILL)
            self._join(_LEAVE)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._wake_reader, self._wake_writer = os.pipe()
                os.set_blocking(self._wake_writer, False)
                self._thread = threading.Thread(target=self._run, name="anypool-loky", daemon=True)
                self._thread.start()

    def _wake(self) -> None:
        if self._awake or os.getpid() != self._pid:
            return  # it will look into the inbox after it has taken this back
        with self._lock:
            if self._wake_writer >= 0:
                self._awake = True
                with contextlib.suppress(BlockingIOError):  # full, so it is awake
                    os.write(self._wake_writer, b"!")

    def _join(self, timeout: float | None) -> bool:
        thread = self._thread
        if thread is None or os.getpid() != self._pid:
            return True
        if thread is threading.current_thread():
            return False
        # Not thread.join() alone: interrupted by Ctrl-C, Python 3.11 and 3.12 take the thread for ended
        # (python/cpython#90882), and the program would exit while the thread still cleans up after loky.
        if not self._ended.wait(timeout):
            return False
        thread.join()
        return True

    # --- the pool's thread -------------------------------------------------------------------------------------

    def _run(self) -> None:
        dispatcher = self._dispatcher
        try:
            while not (self._closing and dispatcher.resting and not self._inbox):
                self._wait()
                self._read_inbox()
                if self._stop:
                    self._end_now()
                elif self._cancel:
                    dispatcher.cancel_pending()
                dispatcher.dispatch()
                self._first.set()
                dispatcher.deliver()
            self._leave()
        except BaseException:
            # A defect of ours: nobody may wait for ever because of it. The traceback goes to threading.excepthook.
            self._closing = True
            self._read_inbox()
            self._stop = signal.SIGKILL
            self._end_now()
            dispatcher.deliver()
            raise
        finally:
            try:
                self._close()
            finally:
                self._ended.set()

    def _wait(self) -> None:
        dispatcher = self._dispatcher
        timeout = dispatcher.expire()
        if self._inbox:
            timeout = 0.0
        poll = select.poll()
        poll.register(self._wake_reader, select.POLLIN)
        lanes = {lane.pidfd: lane for lane in dispatcher.lanes if lane.pidfd >= 0}
        for descriptor in lanes:
            poll.register(descriptor, select.POLLIN)
        ready = poll.poll(None if timeout is None else timeout * 1000)
        for descriptor, _ in ready:
            if descriptor == self._wake_reader:
                os.read(self._wake_reader, 4096)
                self._awake = False
            else:
                dispatcher.ended(lanes[descriptor])

    def _read_inbox(self) -> None:
        while self._inbox:
            note = self._inbox.popleft()
            if isinstance(note, Batch):
                self._dispatcher.accept(note)
            else:
                self._dispatcher.finished(*note)

    def _start_lane(self, rank: int) -> Lane:
        from anypool._sync.local import _domain

        if self._relay is None:
            self._relay = Relay()
        lane = Lane(rank, _domain.current_path(), self._initializer.data, self._note)
        self._relay.add(lane.tail)
        return lane

    def _note(self, lane: Lane, future: Any) -> None:
        self._inbox.append((lane, future))
        self._wake()

    def _end_now(self) -> None:
        """End all lanes and what they run."""
        self._dispatcher.signal(self._stop)  # for a lane that was just being started when the others got theirs
        self._dispatcher.stop()
        deadline = time.monotonic() + _TERM
        for lane in list(self._dispatcher.lanes):
            lane.wait(deadline - time.monotonic())
            self._dispatcher.ended(lane)

    def _leave(self) -> None:
        """Ask the workers to go, and end those that do not: a task may have left a thread that never ends."""
        deadline = time.monotonic() + _LEAVE
        lanes = list(self._dispatcher.lanes)
        for lane in lanes:
            lane.release()
        for lane in lanes:
            lane.wait(deadline - time.monotonic())
            self._dispatcher.ended(lane)
        self._dispatcher.deliver()

    def _close(self) -> None:
        while self._dispatcher.managers:  # they hold loky's pipes and semaphores
            self._dispatcher.managers.pop().join(2)
        if self._relay is not None:
            self._relay.close(1)
        self._inbox.clear()
        with self._lock:
            os.close(self._wake_reader)
            os.close(self._wake_writer)
            self._wake_reader = self._wake_writer = -1
