"""The pool as the facade sees it. The supervisor's thread does not hold it, so that a dropped pool ends by itself."""

from __future__ import annotations

import threading
import weakref

from anypool._pool._supervisor import Supervisor
from anypool.abc import Batch, PoolSpec, WorkerPool

__all__ = ["ProcessPool"]


class ProcessPool(WorkerPool):
    """Worker processes of our own, one private channel each. See ``WorkerPool`` for the promise."""

    def __init__(self, spec: PoolSpec, *, backend: str = "process") -> None:
        self._supervisor = Supervisor(spec, backend)
        self._start_lock = threading.RLock()
        self._started = False
        self._starting = False
        weakref.finalize(self, self._supervisor.let_go).atexit = False  # _exit has its own handler

    def submit(self, batch: Batch) -> None:
        supervisor = self._supervisor
        if supervisor.forked:
            raise RuntimeError(
                "this pool belongs to the process that made it; a forked copy of it cannot run tasks. "
                "Make a new executor in the child"
            )
        if not self._started:
            self._start()
        supervisor.dispatcher.submit(batch)

    def _start(self) -> None:
        with self._start_lock:
            if self._started or self._starting:
                # Starting a thread may run the collector, and that a finalizer which submits: its batch waits in the
                # inbox until the thread is up.
                return
            self._starting = True
            try:
                self._supervisor.start()
                self._started = True
            finally:
                self._starting = False

    def kill(self, batch: Batch) -> bool:
        return self._started and self._supervisor.dispatcher.kill(batch)

    def shutdown(self, *, wait: bool, cancel_pending: bool) -> None:
        self._supervisor.close(cancel_pending=cancel_pending)
        self._end(wait=wait)

    def stop(self, *, force: bool) -> None:
        self._supervisor.stop(force=force)
        self._end(wait=True)

    def _end(self, *, wait: bool) -> None:
        supervisor = self._supervisor
        if not self._started:
            supervisor.let_go()
        elif wait:
            supervisor.join()
