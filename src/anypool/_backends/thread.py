"""The dummy backend: the same interface and meaning, on daemon threads of this process.

Our own small pool and not ``ThreadPoolExecutor``: that one joins its threads at exit, so a single sleeping task would
keep Ctrl-C from ending the program (E12), and an initializer's error never reaches the futures (E15).
"""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import threading
import time
from collections import deque
from typing import ClassVar

from anypool._backends._places import place_for, within
from anypool._core import worker_info
from anypool._core.inline import Guard, run_initializer, run_inline
from anypool._sync.inproc import MAIN, Activity, Place, Terminated
from anypool.abc import Backend, Batch, Capabilities, Context, PoolSpec, WorkerPool
from anypool.errors import InitializerFailed, WorkerDied

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


class _Worker(Guard):
    """One thread, as something that ``stop`` can end: in the user's code, never in the middle of our own."""

    def __init__(self, rank: int) -> None:
        name = f"anypool-thread-{rank}"
        self.activity = Activity(name, MAIN)
        self.batch: Batch | None = None
        self.stopped = False
        self.thread: threading.Thread | None = None
        self.name = name

    def begin(self) -> None:
        if self.stopped:
            raise Terminated
        self.activity.leave()

    def end(self) -> None:
        self.activity.enter()


class ThreadPool(WorkerPool):
    """Up to ``max_workers`` daemon threads around one deque."""

    def __init__(self, spec: PoolSpec) -> None:
        self._spec = spec
        # Guards all below. Re-entrant: a ``__del__`` that the collector runs here may submit.
        self._changed = threading.Condition(threading.RLock())
        self._pending: deque[tuple[Batch, Place | None]] = deque()
        self._workers: list[_Worker] = []  # by rank
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
            elif len(self._workers) < self._spec.max_workers:
                rank = len(self._workers)
                worker = _Worker(rank)
                worker.thread = threading.Thread(target=self._work, args=(rank, worker), name=worker.name, daemon=True)
                self._workers.append(worker)
                worker.thread.start()
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
            # After stop() a thread may sit in a call that cannot be interrupted, for as long as that takes.
            threads = [] if self._stopped else self._other_threads()
        for batch, place in cancelled:
            batch.cancel()
            if place is not None:
                place.end()
        if wait:
            for thread in threads:
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
            threads = self._other_threads()
            running = [(worker, worker.batch) for worker in self._workers if worker.batch is not None]
        # Settled first, interrupted second: the futures end now whatever the threads are doing, and the exception
        # that a task then dies of finds its call already ended.
        for worker, batch in running:
            worker.stopped = True
            for index in range(batch.size):
                batch.settle(index, None, self._died(batch, index))
        for worker, _ in running:
            worker.activity.kill(signal.SIGKILL if force else signal.SIGTERM)
        deadline = time.monotonic() + _GRACE
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _other_threads(self) -> list[threading.Thread]:
        me = threading.current_thread()
        return [worker.thread for worker in self._workers if worker.thread is not None and worker.thread is not me]

    def _work(self, rank: int, worker: _Worker) -> None:
        worker_info.set_worker("thread", rank)
        worker.activity.adopt_thread()
        try:
            failed = run_initializer(self._spec)
            if failed is not None:
                self._break(failed)
            while True:
                taken = self._take(worker)
                if taken is None:
                    return
                self._run(worker, *taken)
                # Not kept until the next task comes: its arguments may be large.
                del taken
        except Terminated:
            return
        finally:
            worker.activity.seal()

    def _take(self, worker: _Worker) -> tuple[Batch, Place | None] | None:
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
            worker.batch = batch
            return batch, place

    def _run(self, worker: _Worker, batch: Batch, place: Place | None) -> None:
        try:
            with within(place):
                if batch.claim():
                    run_inline(batch, isolate=self._spec.isolate, broken=self._broken, guard=worker)
        finally:
            with self._changed:
                worker.batch = None

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
