"""The future of one task: the standard library's, plus ``kill`` and the task's name and number."""

from __future__ import annotations

import concurrent.futures
import threading
from concurrent.futures._base import CANCELLED_AND_NOTIFIED, RUNNING
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from anypool.abc import Batch, WorkerPool

__all__ = ["SLICE", "Future"]

#: The longest that the main thread waits without a look at signals, in seconds.
SLICE = 0.25

T = TypeVar("T")


class Future(concurrent.futures.Future[T], Generic[T]):
    """What ``submit`` returns; a ``concurrent.futures.Future`` in every respect (E1).

    Attributes:
        task_id: the task's number in its executor, from 0.
        task_name: the task's name.
    """

    task_id: int
    task_name: str
    _pool: WorkerPool | None = None
    _batch: Batch | None = None
    _backend_name = ""
    _kill_on_cancel = False

    def _attach(self, pool: WorkerPool, batch: Batch, backend: str, kill_on_cancel: bool) -> None:
        self._pool = pool
        self._batch = batch
        self._backend_name = backend
        self._kill_on_cancel = kill_on_cancel

    def result(self, timeout: float | None = None) -> T:
        """Wait for the task's value; see ``concurrent.futures.Future.result``."""
        if timeout is None:
            self._wait_interruptibly()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the task's exception, ``None`` if it raised none; see ``concurrent.futures.Future.exception``."""
        if timeout is None:
            self._wait_interruptibly()
        return super().exception(timeout)

    def _wait_interruptibly(self) -> None:
        """Wait in slices on the main thread.

        CPython loses a Ctrl-C that comes between its last look at signals and the lock's wait, until something ends
        the wait (E12).
        """
        if threading.get_ident() == threading.main_thread().ident:
            with self._condition:
                while not self.done():
                    self._condition.wait(SLICE)

    def kill(self) -> bool:
        """Stop the task although it runs (E8). A pending one is cancelled.

        The future of a running task ends with ``WorkerDied``; its worker is replaced and no other task is touched.

        Returns:
            Whether there was something to stop; ``False`` for a task that has ended.

        Raises:
            Unsupported: this backend cannot stop a running task.
        """
        if super().cancel():
            return True
        batch, pool = self._batch, self._pool
        if batch is None or pool is None or self.done():
            return False
        from anypool._core import registry

        if not registry.backend_class(self._backend_name).capabilities.kill_running:
            registry.require(self._backend_name, "kill_running", "Future.kill() of a running task")
        return pool.kill(batch)

    def cancel(self) -> bool:
        """Cancel the task if it has not started; under ``options(kill_on_cancel=True)`` stop it if it has (E8)."""
        if super().cancel():
            return True
        batch, pool = self._batch, self._pool
        if not self._kill_on_cancel or batch is None or pool is None:
            return False
        with self._condition:
            if self._state != RUNNING:
                return False
            # Cancelled first, killed second: the WorkerDied that follows then finds the future already ended, and
            # whoever waits, an asyncio task for example, sees a cancellation and not a crash.
            self._state = CANCELLED_AND_NOTIFIED
            for waiter in self._waiters:
                waiter.add_cancelled(self)
            self._condition.notify_all()
        self._invoke_callbacks()  # type: ignore[attr-defined]  # the standard library's own next step
        pool.kill(batch)
        return True

    def _settle(self, value: Any, error: BaseException | None) -> None:
        """End the future unless it has ended, for a kill and a result may meet."""
        try:
            if error is None:
                self.set_result(value)
            else:
                self.set_exception(error)
        except concurrent.futures.InvalidStateError:
            return
        finally:
            self._batch = None  # lets go of the arguments
