"""The reference backend: every task runs inside ``submit``, in the caller's own thread. Read this one first.

It shows what a backend is: settings (``SerialBackend``), a pool that owes every batch an end (``SerialPool``), and a
context of primitives. There is no concurrency, so a debugger stops where the program stops.

    submit(batch) -> claim -> for each call: run -> settle
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # has no stub
import dataclasses
import signal
import threading
from types import FrameType
from typing import ClassVar

from anypool._backends._places import place_for, within
from anypool._core import worker_info
from anypool._core.inline import run_initializer, run_inline
from anypool.abc import Backend, Batch, Capabilities, Context, PoolSpec, WorkerPool
from anypool.errors import InitializerFailed

__all__ = ["SerialBackend"]

# A plain int, and _signal's functions: signal's own turn numbers into enums, which costs more than a short task.
_SIGINT = int(signal.SIGINT)


@dataclasses.dataclass(frozen=True, slots=True)
class SerialBackend(Backend):
    """Runs tasks one after the other where they are submitted. Nothing to set."""

    name: ClassVar[str] = "serial"
    capabilities: ClassVar[Capabilities] = Capabilities(
        concurrent=False, processes=False, isolate=True, kill_running=False
    )

    @classmethod
    def missing(cls) -> str | None:
        """Nothing is ever missing."""
        return None

    def open(self, spec: PoolSpec) -> WorkerPool:
        """Give a pool; it has no workers but the caller."""
        return SerialPool(spec)

    def context(self, *, isolate: bool = False) -> Context:
        """Give primitives whose waits let other activities run, and raise ``WouldDeadlock`` where none can."""
        from anypool._sync.inproc import InprocContext, SerialMonitor

        return InprocContext("serial", SerialMonitor, isolate)


class SerialPool(WorkerPool):
    """The caller's thread is the only worker."""

    def __init__(self, spec: PoolSpec) -> None:
        self._spec = spec
        self._initialized = False
        self._failed: InitializerFailed | None = None

    def submit(self, batch: Batch) -> None:
        """Run the batch here and now. A Ctrl-C meanwhile ends the task, and is raised in the caller too (E12)."""
        if not batch.claim():
            return
        before = worker_info.swap_worker("serial", 0)
        try:
            with _InterruptWatch() as watch:
                # Here and not in open(): the initializer runs in a worker, before its first task (E15).
                if not self._initialized:
                    self._initialized = True
                    self._failed = run_initializer(self._spec)
                with within(place_for(batch, isolate=self._spec.isolate)):
                    run_inline(batch, isolate=self._spec.isolate, broken=self._failed)
        finally:
            worker_info.swap_worker(*before)
        if watch.interrupted:
            raise KeyboardInterrupt

    def kill(self, batch: Batch) -> bool:
        """Nothing runs when somebody could ask."""
        return False

    def shutdown(self, *, wait: bool, cancel_pending: bool) -> None:
        """Nothing is pending: every submit ran its task."""

    def stop(self, *, force: bool) -> None:
        """Nothing runs when somebody could ask."""


class _InterruptWatch:
    """Tells a Ctrl-C during a task from a ``KeyboardInterrupt`` that the task raises itself.

    Both look the same when they are caught. The first must reach the caller, the second belongs to the task's future
    alone (E5). So while a task runs, Python's own handler is replaced by one that also takes a note; a handler that the
    user has set is left alone, and means what it meant.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self._replaced = False

    def __enter__(self) -> _InterruptWatch:
        # Only the main thread may set handlers, and only there do signals arrive.
        if (
            threading.get_ident() == threading.main_thread().ident
            and _signal.getsignal(_SIGINT) is signal.default_int_handler
        ):
            _signal.signal(_SIGINT, self._note)
            self._replaced = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._replaced:
            _signal.signal(_SIGINT, signal.default_int_handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        signal.default_int_handler(number, frame)
