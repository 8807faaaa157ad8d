"""The dummy backend: the same interface and meaning, on daemon threads of this process.

Our own small pool and not ``ThreadPoolExecutor``: that one joins its threads at exit, so a single sleeping task would
keep Ctrl-C from ending the program (E12), and an initializer's error never reaches the futures (E15).
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, ClassVar

from anypool._backends._places import place_for, within
from anypool._core import worker_info
from anypool._core.inline import run_initializer, run_inline
from anypool.abc import Backend, Batch, Capabilities, Context, PoolSpec, WorkerPool
from anypool.errors import InitializerFailed, WorkerDied

if TYPE_CHECKING:
    from anypool._sync.inproc import Place

__all__ = ["ThreadBackend"]

#: Seconds that ``stop`` gives threads to reach their next bytecode.
_GRACE = 0.5


@dataclasses.dataclass(frozen=True, slots=True)
class ThreadBackend(Backend):
    """Runs tasks on threads of this process. Nothing to set."""

    name: ClassVar[str] = "thread"
    capabilities: ClassVar[Capabilities] = Capabilities(
        concurrent=True, processes=False, isolate=True, kill_running=False
    )

    @classmethod
    def missing(cls) -> str | None:
        """Nothing is ever missing."""
        return None

    def open(self, spec: PoolSpec) -> WorkerPool:
        """Give a pool; its threads start as tasks arrive."""
        return ThreadPool(spec)

    def context(self, *, isolate: bool = False) -> Context:
        """Give primitives for the threads of this process."""
        from anypool._sync.inproc import InprocContext, ThreadMonitor

        return InprocContext("thread", ThreadMonitor, isolate)


class _Stopped(BaseException):
    """Raised inside a running task by ``stop``; not an Exception, so that tasks do not swallow it by accident."""


class ThreadPool(WorkerPool):
    """Up to ``max_workers`` daemon threads around one deque."""

    def __init__(self, spec: PoolSpec) -> None:
        self._spec = spec
        # Guards all below. Re-entrant: a ``__del__`` that the collector runs here may submit.
        self._changed = threading.Condition(threading.RLock())
        self._pending: deque[tuple[Batch, Place | None]] = deque()
        self._threads: dict[int, threading.Thread] = {}  # by rank
        self._running: dict[int, Batch] = {}  # by rank
        self._idle = 0
        self._closing = False
        self._stopped = False
        self._broken: InitializerFailed | None = None

    def submit(self, batch: Batch) -> None:
        """Queue the batch and see that a thread is there for it."""
        place = place_for(batch, isolate=self._spec.isolate)
        with self._changed:
            self._pending.append((batch, place))
            if self._idle >= len(self._pending):
                self._changed.notify()
            elif len(self._threads) < self._spec.max_workers:
                rank = len(self._threads)
                thread = threading.Thread(target=self._work, args=(rank,), name=f"anypool-thread-{rank}", daemon=True)
                self._threads[rank] = thread
                thread.start()
            else:
                self._changed.notify()

    def kill(self, batch: Batch) -> bool:
        """Threads cannot be killed; the facade has refused before it comes to this."""
        return False

    def shutdown(self, *, wait: bool, cancel_pending: bool) -> None:
        """Let the threads end when nothing is pending."""
        with self._changed:
            self._closing = True
            cancelled = list(self._pending) if cancel_pending else []
            if cancel_pending:
                self._pending.clear()
            self._changed.notify_all()
            threads = list(self._threads.values())
        for batch, place in cancelled:
            batch.cancel()
            if place is not None:
                place.end()
        if wait:
            for thread in threads:
                if thread is not threading.current_thread():
                    thread.join()

    def stop(self, *, force: bool) -> None:
        """Cancel what waits and interrupt what runs at its next bytecode.

        A task inside a blocking C call cannot be interrupted: its future fails now, and its thread, a daemon, ends
        when the call does.
        """
        with self._changed:
            self._stopped = True
        self.shutdown(wait=False, cancel_pending=True)
        with self._changed:
            threads = [thread for thread in self._threads.values() if thread is not threading.current_thread()]
            running = list(self._running.items())
        # Settled first, interrupted second: the futures end now whatever the threads are doing, and the _Stopped
        # that a task then dies of finds its call already ended.
        for _, batch in running:
            for index in range(batch.size):
                batch.settle(index, None, self._died(batch, index))
        for rank, _ in running:
            _raise_in(self._threads[rank], _Stopped)
        deadline = time.monotonic() + _GRACE
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self, rank: int) -> None:
        worker_info.set_worker("thread", rank)
        try:
            failed = run_initializer(self._spec)
            if failed is not None:
                self._break(failed)
            while True:
                taken = self._take(rank)
                if taken is None:
                    return
                self._run(rank, *taken)
                # Not kept until the next task comes: its arguments may be large.
                del taken
        except _Stopped:
            return  # it came between two tasks, or a moment late

    def _take(self, rank: int) -> tuple[Batch, Place | None] | None:
        with self._changed:
            while not self._pending:
                if self._closing:
                    return None
                self._idle += 1
                try:
                    self._changed.wait()
                finally:
                    self._idle -= 1
            batch, place = self._pending.popleft()
            self._running[rank] = batch
            return batch, place

    def _run(self, rank: int, batch: Batch, place: Place | None) -> None:
        try:
            with within(place):
                if not batch.claim():
                    return
                run_inline(batch, isolate=self._spec.isolate, broken=self._broken, check=self._check)
        finally:
            with self._changed:
                self._running.pop(rank, None)

    def _check(self) -> None:
        if self._stopped:
            raise _Stopped

    def _break(self, failed: InitializerFailed) -> None:
        with self._changed:
            self._broken = self._broken or failed

    def _died(self, batch: Batch, index: int) -> WorkerDied:
        name, number = batch.name, batch.first_id + index
        return WorkerDied(
            f"task {name!r} (id {number}) was ended with its executor's threads. It stops at its next bytecode or, "
            "inside a blocking C call, when that returns: threads cannot be killed, use 'process' where that matters",
            task_name=name,
            task_id=number,
            attempt=batch.attempt,
            pid=os.getpid(),
            host=socket.gethostname(),
        )


def _raise_in(thread: threading.Thread, error: type[BaseException]) -> None:
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(error))
