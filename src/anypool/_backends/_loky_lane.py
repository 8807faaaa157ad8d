"""A lane: one loky executor with one worker, so that a death breaks this lane alone and its neighbours go on (E6).

::

    BOOTING --hello--> IDLE <--run(batch)--> BUSY        any of them --the worker ends--> DEAD, replaced by a new lane

loky stops a whole executor, and every task in it, when one of its workers dies. The lane's worker is watched through a
pidfd as well: loky waits for a pipe to close, which a process that a task has left behind keeps open.
"""

from __future__ import annotations

import _thread
import contextlib
import enum
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import process, resource_tracker, util
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from anypool._backends import _loky_worker
from anypool._backends._loky_lane_journal import Reader
from anypool._backends._loky_lane_stderr import Tail
from anypool._core.deaths import Death

if TYPE_CHECKING:
    from anypool.abc import Batch, Encoded

__all__ = ["THREADS_END_EARLY", "Job", "Lane", "State"]

#: Python 3.12 starts no thread any more once the main program has ended, not even for the work that is pending then
#: (python/cpython#109047). A first lane, whose executor needs two, must be there before: it does the work at exit.
THREADS_END_EARLY = sys.version_info[:2] == (3, 12)

#: Requests up to this many bytes go through loky's call queue, larger ones through the journal. One that did not fit
#: into the queue's pipe (4 KB where the user's pipes are many) would block loky's feeder thread for ever if the worker
#: died before it read it, and with it the executor's end.
_INLINE = 2048


class State(enum.Enum):
    """What a lane is doing."""

    BOOTING = enum.auto()
    IDLE = enum.auto()
    BUSY = enum.auto()
    DEAD = enum.auto()


class Job:
    """A batch on its way through lanes. After a death the rest of it goes on in another lane."""

    __slots__ = ("batch", "claimed", "encoded", "first", "killed")

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.encoded: Encoded = batch.encoded()  # its pins too, until the job is over
        #: The index of the first call that has not ended.
        self.first = 0
        self.claimed = False
        #: The user asked for its end.
        self.killed = False


class Lane:
    """One worker and what belongs to it. All methods but ``kill`` are for the pool's thread only."""

    def __init__(
        self, rank: int, domain: str | None, initializer: bytes | None, done: Callable[[Lane, Any], None]
    ) -> None:
        # A lane needs threads. Where there can be none, find out before anything has been made.
        _thread.start_new_thread(int, ())
        self.rank = rank
        self.state = State.BOOTING
        self.job: Job | None = None
        #: How many batches it has come back with.
        self.done = 0
        #: The call that was stopped at its deadline.
        self.expired: int | None = None
        self.pid = -1
        self._request: tuple[Sequence[bytes] | None, Sequence[int], int] = (None, (), 0)
        self._done = done
        self._pidfd = -1
        self._executor: Any = None
        #: loky's thread.
        self.manager: Any = None
        self._process: Any = None
        self._lock = threading.Lock()
        with contextlib.ExitStack() as undo:
            self.journal = Reader()
            undo.callback(self.journal.close)
            self.tail = Tail()
            undo.callback(self.tail.close)
            self._lifeline, far = socket.socketpair()
            undo.callback(self._lifeline.close)
            _lanes.add(self)
            future = self._spawn(far, (rank, domain, initializer))
            undo.pop_all()
        future.add_done_callback(self._report)

    def _spawn(self, far: socket.socket, settings: tuple[Any, ...]) -> Any:
        from loky import ProcessPoolExecutor
        from loky.backend import get_context

        with far:
            travelling = [_loky_worker.Descriptor(n) for n in (self.journal.descriptor, far.fileno(), self.tail.writer)]
            # get_context, lest a program's own choice (loky_init_main) runs its script again in each worker.
            self._executor = ProcessPoolExecutor(
                max_workers=1,
                context=get_context("loky"),
                initializer=_loky_worker.boot,
                initargs=(*travelling, *settings),
            )
            # loky would start the standard library's tracker with the worker, and starting it unblocks SIGINT.
            resource_tracker.ensure_running()
            try:
                with _interrupts_blocked(), _logger_hidden():
                    future = self._executor.submit(_loky_worker.hello)
            except BaseException:
                _reap(self._executor._processes)
                self._executor.shutdown(wait=False, kill_workers=True)
                raise
            finally:
                # The worker has its own by now. Here they would hide its end.
                self.tail.close_writer()
                for descriptor in travelling:
                    descriptor.close_copies()
        self.manager = self._executor._executor_manager_thread
        processes = self._executor._processes
        for pid, worker in list(processes.items()):  # none if the worker is dead and loky has noticed already
            self.pid = pid
            self._process = worker
            # Its id cannot have gone to another process before loky has waited for it.
            if hasattr(os, "pidfd_open") and worker._popen.returncode is None:
                with contextlib.suppress(OSError):
                    self._pidfd = os.pidfd_open(pid)
        # loky's second thread, which its first one starts.
        while THREADS_END_EARLY and self._executor._call_queue._thread is None and self.manager.is_alive():
            time.sleep(0.0005)
        # loky runs pgrep for each dead worker, to kill children that it no longer has, and warns where there is none.
        self.manager.kill_workers = lambda reason="": _reap(processes)
        return future

    @property
    def pidfd(self) -> int:
        """A descriptor that is readable once the worker has ended; -1 where the system has none."""
        return self._pidfd

    def _report(self, future: Any) -> None:
        if self.state is not State.DEAD:
            self._done(self, future)  # on loky's manager thread: only a note for the pool's own

    def write(self, job: Job) -> None:
        """Prepare the journal for the job. Raises ``OSError`` if there is no room for its arguments."""
        encoded = job.encoded
        # Calls that have ended are not sent again.
        calls = [data if index >= job.first else b"" for index, data in enumerate(encoded.calls)]
        parts = calls if encoded.function is None else [encoded.function, *calls]
        lengths = [len(part) for part in parts]
        inline = sum(lengths) + 16 * len(lengths) <= _INLINE
        end = self.journal.reset(() if inline else parts)
        self._request = (parts, (), end) if inline else (None, lengths, end)

    def send(self, job: Job) -> None:
        """Hand over the job that ``write`` has prepared. Raises what loky raises if the lane is broken."""
        parts, lengths, end = self._request
        self._request = (None, (), 0)
        batch, shared = job.batch, job.encoded.function is not None
        future = self._executor.submit(
            _loky_worker.run, parts, lengths, shared, end, job.first, batch.first_id, batch.name, batch.attempt
        )
        future.add_done_callback(self._report)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send the worker a signal; nothing happens if it has ended. From any thread."""
        with self._lock, contextlib.suppress(ProcessLookupError):
            if self._pidfd >= 0:
                signal.pidfd_send_signal(self._pidfd, number)
            elif self._process is not None and self._process._popen.returncode is None:
                os.kill(self.pid, number)

    def stop_if_running(self, index: int) -> bool:
        """Kill the worker if it is still inside call ``index``, and never inside the next one (E7)."""
        # Frozen first: between a look at the journal and a signal the call may end and its successor begin.
        self.kill(signal.SIGSTOP)
        if self._pidfd >= 0:
            deadline = time.monotonic() + 0.1
            with contextlib.suppress(ChildProcessError):  # it has ended
                while os.waitid(os.P_PIDFD, self._pidfd, os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                    if time.monotonic() > deadline:
                        break  # in an uninterruptible call of the system, which is where it then stays
                    time.sleep(0.0001)  # the signal is on its way to another CPU
        running = self.journal.running()
        if running is not None and running[0] == index and index not in self.journal.ended():
            self.expired = index
            self.kill()
            return True
        self.kill(signal.SIGCONT)
        return False

    def wait(self, timeout: float) -> bool:
        """Wait for the worker's end; tell whether it came."""
        if self._pidfd >= 0:
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            return bool(poll.poll(max(0.0, timeout) * 1000))
        self.manager.join(timeout)
        return not bool(self.manager.is_alive())

    def death(self) -> Death:
        """Say how the worker ended, which it has."""
        return Death(self.pid, self._exitcode(), self.tail.lines())

    def _exitcode(self) -> int | None:
        if self._process is None:
            return None
        if self._pidfd >= 0:
            with contextlib.suppress(ChildProcessError):
                # Without reaping it: that is loky's to do.
                status = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if status is not None:
                    return status.si_status if status.si_code == os.CLD_EXITED else -status.si_status
        # loky's thread has reaped it this very moment and is about to store what it got.
        deadline = time.monotonic() + 0.5
        while self._process._popen.returncode is None and time.monotonic() < deadline:
            time.sleep(0.0005)
        code: int | None = self._process._popen.returncode
        return code

    def release(self) -> None:
        """Ask an idle worker to leave, in its own time."""
        self._executor.shutdown(wait=False)

    def close(self) -> None:
        """Let go of everything; the worker has ended."""
        self.state = State.DEAD
        # Wakes loky's manager thread where the pipe that it waits for is held open by somebody else.
        self._executor.shutdown(wait=False, kill_workers=True)
        self._executor = self.manager = None  # with loky's pipes and semaphores
        with self._lock:
            if self._pidfd >= 0:
                os.close(self._pidfd)
                self._pidfd = -1
            self._process = None
        self._lifeline.close()
        self.journal.close()

    def forget(self) -> None:
        """Make this copy of a lane, in a forked copy of the process, inert: nothing here belongs to it."""
        # It would hold the lifeline, and the worker would outlive its parent.
        self._lifeline.close()
        # multiprocessing would complain at exit that it cannot join somebody else's child.
        active: Any = process._children  # type: ignore[attr-defined]  # not in typeshed
        active.discard(self._process)
        if self._executor is not None:
            # loky's exit and its executor's collection would wake the parent's threads, by a lock that one of them may
            # have held at the moment of the fork.
            self._executor._shutdown_lock._at_fork_reinit()
            if self._executor._executor_manager_thread_wakeup is not None:
                self._executor._executor_manager_thread_wakeup._closed = True


def _reap(processes: dict[int, Any]) -> None:
    while processes:
        pid, worker = processes.popitem()
        if worker.exitcode is None:  # also means that nobody has waited for it, so the id is still its own
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        worker.join()


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    # The worker inherits the mask: a Ctrl-C while it boots must not end it with a traceback on the terminal (E12).
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _logger_hidden() -> Iterator[None]:
    # loky's worker fails at its start if multiprocessing's logger has a handler here that log_to_stderr() did not add:
    # a program's own, or pytest's. The worker has a logger of its own all the same.
    logger: Any = util._logger  # type: ignore[attr-defined]  # not in typeshed
    hidden = logger is not None and logger.handlers and not util._log_to_stderr  # type: ignore[attr-defined]
    if hidden:
        util._logger = None  # type: ignore[attr-defined]
    try:
        yield
    finally:
        if hidden:
            util._logger = logger  # type: ignore[attr-defined]


_lanes: WeakSet[Lane] = WeakSet()


def _after_fork() -> None:
    for lane in list(_lanes):
        lane.forget()
    _lanes.clear()


os.register_at_fork(after_in_child=_after_fork)
